"""Who reaches what: every route × method × role × tenant, generated from the map of addresses."""

from collections.abc import Iterator

import pytest
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.checklist.expectations import EVERYBODY, EXPECTED, Expected
from tests.checklist.world import World

THREE = ("stranger", "owner", "staff-owner")
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "main"}


def routes(world: World, role: str) -> Iterator[tuple[Rule, str, Expected]]:
    """Every route by method, with what the tester expects of it.

    What anybody may open is opened by three: they differ in what stands around the page.
    """
    for rule in world.app.url_map.iter_rules():
        expected = EXPECTED[rule.endpoint]
        public = expected.roles == EVERYBODY
        if rule.endpoint == "static" or (public and role not in THREE):
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method, expected


def test_checklist_14_every_route_has_an_expectation(world: World) -> None:
    there = {rule.endpoint for rule in world.app.url_map.iter_rules()}
    assert there - set(EXPECTED) == set(), "say in tests/checklist/expectations.py who may"
    assert set(EXPECTED) - there == set(), "no longer a route"
    methods = {m for rule in world.app.url_map.iter_rules() for m in rule.methods or ()}
    assert methods == {"GET", "HEAD", "OPTIONS", "POST"}


@pytest.mark.parametrize("role", sorted(EVERYBODY))
def test_checklist_14_each_role_reaches_its_routes_and_no_others(world: World, role: str) -> None:
    denied = [r for r in routes(world, role) if not r[2].reaches(role)]
    allowed = [r for r in routes(world, role) if r[2].reaches(role)]
    before = world.state()
    wrong = []
    for rule, method, expected in denied:
        path = world.path(rule, role)
        answer = world.open(role, path, method, data={"confirmed": "1"})
        if not _is_refused(answer, role, expected):
            wrong.append(f"{method} {rule}: {answer.status} {answer.location}")
        # 37: htmx asks with its own headers, and gets no further.
        partly = world.open(role, path, method, data={"confirmed": "1"}, headers=HTMX)
        if partly.text != answer.text and partly.headers.get("HX-Redirect") != answer.location:
            wrong.append(f"{method} {rule} by htmx: {partly.status}")
    assert world.state() == before
    for rule, method, expected in allowed:
        if method == "GET":
            answer = world.open(role, world.path(rule, role))
        else:
            with world.restored():
                answer = world.open(role, world.path(rule, role), method)
        if not _is_let_in(answer, expected):
            wrong.append(f"{method} {rule} is refused: {answer.status} {answer.location}")
    assert wrong == []


def _is_refused(answer: TestResponse, role: str, expected: Expected) -> bool:
    """404, since 403 would tell that there is something; a way in where there is one."""
    if role == "stranger" and expected.roles:
        return answer.status_code == 303 and str(answer.location).startswith(expected.to)
    if role == "unproven" and expected.whose == "office":
        return answer.status_code == 303 and str(answer.location).startswith("/auth/second-factor")
    return answer.status_code == 404


def _is_let_in(answer: TestResponse, expected: Expected) -> bool:
    elsewhere = ("/auth/login", "/privacy/find?", "/auth/second-factor?")
    sent_away = str(answer.location or "").startswith(elsewhere)
    missing = answer.status_code == 404 and not expected.opens
    return not missing and not sent_away and answer.status_code < 500


def test_checklist_21_looking_changes_nothing_whoever_looks(world: World) -> None:
    before = world.state()
    tempting = {"confirmed": "1", "on": "1", "_method": "POST", "step": "edit", "go": "back"}
    override = {"X-HTTP-Method-Override": "POST", "X-Method-Override": "DELETE"}
    for role in sorted(EVERYBODY):
        for rule, method, _expected in routes(world, role):
            if method == "GET":
                path = world.path(rule, role)
                world.open(role, path, "HEAD")
                if role in {"owner", "staff-owner"}:
                    world.open(role, path, query_string=tempting, headers=override)
    assert world.state() == before
