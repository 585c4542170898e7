"""One site, attacked as some of the roles, in a process of its own."""

import os
from collections.abc import Callable, Sequence
from functools import partial

from flask import Flask

from scan import canary, sqlmap, wapiti
from scan.endpoint import listening
from scan.findings import Run
from scan.hashing import hash_cheaply
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


def scan(roles: Sequence[str], *, quick: bool, only: str | None) -> list[Run]:
    """Scan one site as some of the roles; what each scanner did as each of them."""
    os.nice(5)
    secrets, routes, runs = Secrets({}), list[Routes](), list[Run]()

    def fill(app: Flask) -> None:
        seed(secrets)(app)
        routes.append(Routes.of(app))

    hash_cheaply()
    with running(fill, entry="scan.attacked:app") as site, listening() as endpoint:
        site.keep("seeded")
        _sing(site, endpoint, only, roles[0])
        targets, known = sqlmap.Targets(routes[0]), set[str]()
        for role, come in visitors(site, secrets):
            # Others than ours look around too: what they reach first is theirs to try. One
            # page is the same code for all, and roles come from the least to the most.
            enter = partial(_enter, site, routes[0], come)
            fresh = set(enter()[1].kinds) - known
            known |= fresh
            if role in roles and only != "sqlmap":
                _say(runs, wapiti.scan(site, routes[0], enter, fresh, endpoint, quick=quick))
            if only != "wapiti":
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
