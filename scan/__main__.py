"""``make scan``: wapiti as every role, sqlmap on every parameter; exits 1 on a finding.

Both attack only the sites that this starts on localhost, and that end with it:
two of them, each for half of the roles, since a scanner waits for its site.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from flask import Flask

from scan import canary, sqlmap, wapiti
from scan.allowed import ALLOWED
from scan.endpoint import listening
from scan.findings import Run, report
from scan.people import ROLES, Secrets, seed, visitors
from scan.site import Site, running
from scan.surface import Routes, Surface
from scan.visitor import Visitor

HEADERS = {
    "stranger": "/auth/login",
    "respondent": "/s/receipt/answers",
    "subject": "/privacy/",
    "owner": "/workshops/",
    "staff owner": "/admin/",
}
"""One request a kind of visitor in which sqlmap tries headers and cookies too."""

SITES = 2


def main() -> int:
    """Run what was asked for and print the table; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scan", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer attacks: a look, no verdict")
    parser.add_argument("--only", choices=["wapiti", "sqlmap"], help="one of the two")
    parser.add_argument("--role", action="append", choices=ROLES, help="may be repeated")
    asked = parser.parse_args()
    roles = [role for role in ROLES if not asked.role or role in asked.role]
    parts = [part for n in range(SITES) if (part := roles[n::SITES])]
    work = partial(_part, quick=asked.quick, only=asked.only)
    with ProcessPoolExecutor(SITES, mp_context=get_context("spawn")) as pool:
        done = [run for runs in pool.map(work, parts) for run in runs]
    done.sort(key=lambda run: (run.tool != "wapiti", ROLES.index(run.role)))
    return 0 if report(done, ALLOWED) else 1


def _part(roles: Sequence[str], *, quick: bool, only: str | None) -> list[Run]:
    """Scan one site as some of the roles."""
    os.nice(5)
    secrets, routes, runs = Secrets({}), list[Routes](), list[Run]()

    def fill(app: Flask) -> None:
        seed(secrets)(app)
        routes.append(Routes.of(app))

    with running(fill) as site, listening() as endpoint:
        site.keep("seeded")
        _sing(site, endpoint, only, roles[0])
        targets = sqlmap.Targets(routes[0])
        for role, come in visitors(site, secrets):
            enter = partial(_enter, site, routes[0], come)
            if role in roles and only != "sqlmap":
                _say(runs, wapiti.scan(site, routes[0], enter, endpoint, quick=quick))
            if only != "wapiti":
                # Others than ours too: what they reach is theirs to try.
                visitor, surface = enter()
                found = targets.of(surface, visitor, HEADERS.get(role))
                if role in roles and found:
                    _say(runs, sqlmap.scan(site, found, role, level=1 if quick else 3))
    return runs


def _sing(site: Site, endpoint: str, only: str | None, name: str) -> None:
    """Raise unless the scanners find the canary's flaws: else their silence says nothing."""
    visitor = Visitor(site.host, f"canary of {name}")
    missed = []
    if only != "sqlmap":
        found = wapiti.finds(site, canary.PATH, visitor, endpoint)
        missed += sorted({"SQL Injection", "Reflected Cross Site Scripting"} - found)
    if only != "wapiti":
        site.keep("signed-in")
        target = sqlmap.Target(visitor.name, "canary", "GET", canary.PATH, "")
        run = sqlmap.scan(site, [target], visitor.name, level=3)
        missed += [] if any(f.severity == "critical" for f in run.findings) else ["sqlmap's"]
    if missed:
        raise RuntimeError(f"the scanners don't find the canary's flaws: {missed}")
    print("the canary's flaws were found", flush=True)


def _enter(site: Site, routes: Routes, come: Callable[[], Visitor]) -> tuple[Visitor, Surface]:
    site.restore("seeded")
    visitor = come()
    surface = routes.walk(visitor)
    site.keep("signed-in")
    return visitor, surface


def _say(runs: list[Run], run: Run) -> None:
    runs.append(run)
    minutes, found = run.seconds / 60, len(run.findings)
    print(f"{run.tool} as {run.role}: {minutes:.1f} minutes, {found} findings", flush=True)


if __name__ == "__main__":
    sys.exit(main())
