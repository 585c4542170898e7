"""Who reaches what, generated from the routes: a new route without an expectation fails here."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import Rule

from tests.factories import account, customer, sign_in, staff
from tests.surveys.stories import launched
from trustivide.auth import sign_ins
from trustivide.auth.models import KnownDevice, SignIn
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.organisations.queries import owned_by
from trustivide.privacy.models import AddressChange, Export, Request
from trustivide.teams.models import TeamMember
from trustivide.workshops.models import Search

ALICE, CHARLIE = "alice@exempel.test", "charlie@annan.test"
SLUG = "premortem"


def routes(app: Flask) -> Iterator[tuple[Rule, str, str]]:
    """Every route with its methods and the kind of its access rule."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        kind = app.view_functions[rule.endpoint].access.kind  # type: ignore[attr-defined]
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            yield rule, method, kind


def alices(app: Flask) -> dict[str, str]:
    """Real ids of Alice's things, by the name that routes give them."""
    survey = launched(app, 5)
    alice = account(ALICE)
    now = clock.now()
    member = db.session.scalars(select(TeamMember)).first()
    assert member is not None
    with transaction() as session:
        reference = Person.of(alice.id).reference
        request = Request(reference=reference, kind="export", received_at=now, due_on=now.date())
        session.add(request)
        session.flush()
        search = Search(user_id=alice.id, query="förtroende", at=now)
        export = Export(
            reference=reference,
            user_id=alice.id,
            request_id=request.id,
            locale="sv",
            requested_at=now,
            expires_at=now + timedelta(days=7),
        )
        change = AddressChange(
            reference=reference,
            email="ny@exempel.test",
            group="user",
            row=alice.id,
            field="email",
            token_digest=b"t" * 32,
            expires_at=now + timedelta(hours=24),
        )
        device = KnownDevice(
            user_id=alice.id, token_digest=b"d" * 32, device="Firefox", last_seen_on=now.date()
        )
        session.add_all([search, export, change, device])
        session.flush()
        sign_ins.begin(session, alice, now)
        signed_in_id = session.scalars(select(SignIn.id)).first()
    return {
        "team_id": str(survey.team_id),
        "member_id": str(member.id),
        "survey_id": str(survey.id),
        "user_id": str(alice.id),
        "sign_in_id": str(signed_in_id),
        "device_id": str(device.id),
        "search_id": str(search.id),
        "export_id": str(export.id),
        "organisation_id": str(owned_by(db.session(), alice.id).popitem()[0]),
        "change_id": str(change.id),
        "request_id": str(request.id),
        "look_id": str(uuid4()),
        "hold_id": str(uuid4()),
        "record": str(uuid4()),
        "row": str(search.id),
        "name": "search",
        "field": "query",
        "slug": SLUG,
        "token": "A" * 32,
        "code": "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA-AAAAA",
        "activity": "search_history",
        "number": "1",
        "version": "1",
        "older": "1",
        "newer": "2",
        "subject": "physical_access",
        "step": "answer",
    }


def address(rule: Rule, values: dict[str, str]) -> str:
    """The route's path with Alice's ids in it; an unknown argument fails the test."""
    path = str(rule)
    for name in rule.arguments:
        converter = rule._converters[name].__class__.__name__
        spelled = {"UUIDConverter": f"<uuid:{name}>", "IntegerConverter": f"<int:{name}>"}
        path = path.replace(spelled.get(converter, f"<{name}>"), values[name])
    assert "<" not in path, f"say in alices() what {rule} takes"
    return path


OWN = {"name", "token", "code", "slug", "activity", "number", "field", "step"} | {
    "version",
    "older",
    "newer",
    "subject",
}
"""Arguments that name nobody's thing."""


def test_a_stranger_is_sent_to_sign_in_or_told_that_nothing_is_there(
    app: Flask, client: FlaskClient
) -> None:
    values = alices(app)
    for rule, method, kind in routes(app):
        if kind == "public":
            continue
        answer = client.open(address(rule, values), method=method)
        where = f"{method} {rule}"
        if kind == "respondent":
            assert answer.status_code == 404, where
        else:
            assert answer.status_code == 303, where
            assert answer.headers["Location"].startswith(("/auth/login", "/privacy/find")), where


def test_charlie_reaches_nothing_of_alices_through_any_route(
    app: Flask, client: FlaskClient
) -> None:
    values = alices(app)
    customer("Charlie Carlsson", CHARLIE, organisation="Annan AB")
    sign_in(client, CHARLIE)
    before = dump()
    tried = 0
    for rule, method, kind in routes(app):
        if kind == "public" or not set(rule.arguments) - OWN:
            continue
        tried += 1
        answer = client.open(address(rule, values), method=method, data={"confirmed": "1"})
        assert answer.status_code == 404, f"{method} {rule}"
    assert tried > 25
    assert dump() == before


@pytest.mark.parametrize("email", [ALICE, CHARLIE])
def test_the_office_does_not_exist_for_customers(
    app: Flask, client: FlaskClient, email: str
) -> None:
    values = alices(app)
    customer("Charlie Carlsson", CHARLIE, organisation="Annan AB")
    sign_in(client, email)
    for rule, method, kind in routes(app):
        if kind == "staff":
            answer = client.open(address(rule, values), method=method)
            assert answer.status_code == 404, f"{method} {rule}"


def test_staff_without_a_second_factor_open_no_page_of_the_office_or_of_a_customer(
    app: Flask, client: FlaskClient
) -> None:
    values = alices(app)
    staff()
    sign_in(client, "stina@trustivide.test")
    for rule, method, kind in routes(app):
        if kind == "staff":
            answer = client.open(address(rule, values), method=method)
            assert answer.headers["Location"].startswith("/auth/second-factor"), str(rule)
        if kind == "member":
            answer = client.open(address(rule, values), method=method)
            assert answer.status_code == 404, f"{method} {rule}"


def test_opening_pages_changes_nothing(app: Flask, client: FlaskClient) -> None:
    values = alices(app)
    sign_in(client, ALICE)
    before = dump()
    for rule, method, _kind in routes(app):
        if method == "GET":
            for verb in ("GET", "HEAD"):
                answer = client.open(address(rule, values), method=verb)
                assert answer.status_code < 500, f"{verb} {rule}"
    assert dump() == before


def dump() -> list[tuple[object, ...]]:
    """Everything in every table."""
    db.session.rollback()
    rows = [
        (table.name, *row)
        for table in db.metadata.sorted_tables
        for row in db.session.execute(table.select()).all()
    ]
    db.session.rollback()
    return sorted(rows, key=str)
