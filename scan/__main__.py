"""``make scan``: wapiti as every role, sqlmap on every parameter; exits 1 on a finding.

Both attack only the site that this starts on localhost, and that ends with it.
"""

import argparse
import os
import sys
from collections.abc import Callable
from functools import partial

from flask import Flask

from scan import canary, sqlmap, wapiti
from scan.allowed import ALLOWED
from scan.endpoint import listening
from scan.findings import Run, report
from scan.people import Secrets, seed, visitors
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


def main() -> int:
    """Run what was asked for and print the table; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scan", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer attacks: a look, no verdict")
    parser.add_argument("--only", choices=["wapiti", "sqlmap"], help="one of the two")
    parser.add_argument("--role", action="append", help="only as this role; may be repeated")
    asked = parser.parse_args()
    secrets, routes = Secrets({}), list[Routes]()
    runs: list[Run] = []

    def fill(app: Flask) -> None:
        seed(secrets)(app)
        routes.append(Routes.of(app))

    with running(fill) as site, listening() as endpoint:
        site.keep("seeded")
        if not _sing(site, endpoint, asked.only):
            return 1
        targets = sqlmap.Targets(routes[0])
        for role, come in visitors(site, secrets):
            enter = partial(_enter, site, routes[0], come)
            wanted = not asked.role or role in asked.role
            if wanted and asked.only != "sqlmap":
                _say(runs, wapiti.scan(site, routes[0], enter, endpoint, quick=asked.quick))
            if asked.only != "wapiti":
                visitor, surface = enter()
                found = targets.of(surface, visitor, HEADERS.get(role))
                if wanted and found:
                    level = 1 if asked.quick else 3
                    _say(runs, sqlmap.scan(site, found, role, processes=2, level=level))
    return 0 if report(runs, ALLOWED) else 1


def _sing(site: Site, endpoint: str, only: str | None) -> bool:
    """Whether the scanners find the flaws of the canary: else their silence says nothing."""
    visitor = Visitor(site.host, "canary")
    missed = []
    if only != "sqlmap":
        found = wapiti.finds(site, canary.PATH, visitor, endpoint)
        missed += sorted({"SQL Injection", "Reflected Cross Site Scripting"} - found)
    if only != "wapiti":
        site.keep("signed-in")
        target = sqlmap.Target("canary", "canary", "GET", canary.PATH, "")
        run = sqlmap.scan(site, [target], "canary", processes=1, level=3)
        missed += [] if any(f.severity == "critical" for f in run.findings) else ["sqlmap's"]
    print(f"the canary's flaws: {f'missed {missed}' if missed else 'found'}", flush=True)
    return not missed


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
    os.nice(5)
    sys.exit(main())
