"""A choice acts in the same second, outlives an erasure, and can't be unwritten."""

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.conftest import both_databases
from trustivide.core import clock
from trustivide.core.activities import (
    MARKETING_EMAIL,
    PRIVACY_RIGHTS,
    SEARCH_HISTORY,
    TEAM_SURVEYS,
)
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.rights import actions, legal_texts, queries
from trustivide.rights.ledger import Ledger, ledger

DORA = "dora@exempel.test"


@pytest.fixture
def dora(app: Flask) -> Person:
    return Person.of(None, DORA)


def test_marketing_needs_a_standing_consent(app: Flask, dora: Person) -> None:
    shown = legal_texts.current("marketing", "sv")
    assert not queries.may_use(db.session(), dora, MARKETING_EMAIL)
    for event, allowed in (("given", True), ("withdrawn", False), ("given", True)):
        with transaction() as session:
            actions.choose(
                session, dora, MARKETING_EMAIL, event, shown, clock.now(), collected_by="test"
            )
        assert queries.may_use(db.session(), dora, MARKETING_EMAIL) is allowed
    history = queries.consent_history(db.session(), dora, MARKETING_EMAIL)
    assert [record.event for record in history] == ["given", "withdrawn", "given"]
    assert history[0].previous_id == history[1].id
    assert history[0].text_hash == shown.sha256


def test_being_informed_is_never_a_consent(app: Flask, dora: Person) -> None:
    with transaction() as session:
        actions.inform(
            session, dora, legal_texts.current("privacy-notice", "sv"), clock.now(), how="mail"
        )
    assert queries.informed_of(db.session(), dora, "privacy-notice") == 1
    assert not queries.consented(db.session(), dora, MARKETING_EMAIL)


@both_databases
def test_an_objection_stops_the_activity_and_can_be_taken_back(app: Flask) -> None:
    dora = Person.of(None, DORA)
    with transaction() as session:
        actions.object_to(session, dora, TEAM_SURVEYS, clock.now())
    assert not queries.may_use(db.session(), dora, TEAM_SURVEYS)
    assert queries.may_use(db.session(), dora, SEARCH_HISTORY)
    with transaction() as session:
        actions.withdraw_objection(session, dora, TEAM_SURVEYS, clock.now())
    assert queries.may_use(db.session(), dora, TEAM_SURVEYS)


def test_a_restriction_of_everything_leaves_the_rights_themselves(app: Flask, dora: Person) -> None:
    with transaction() as session:
        actions.restrict(session, dora, clock.now())
    assert not queries.may_use(db.session(), dora, TEAM_SURVEYS)
    assert queries.may_use(db.session(), dora, PRIVACY_RIGHTS)
    with transaction() as session:
        actions.lift_restriction(session, dora, clock.now())
    assert queries.may_use(db.session(), dora, TEAM_SURVEYS)


def test_the_ledger_hears_of_every_effect_first_and_names_nobody(app: Flask, dora: Person) -> None:
    with pytest.raises(ZeroDivisionError), transaction() as session:
        actions.object_to(session, dora, TEAM_SURVEYS, clock.now())
        _ = 1 / 0
    entries = list(ledger().entries())
    assert [entry.effect for entry in entries] == ["objection"]
    assert DORA not in str(entries)
    assert entries[0].reference in dora.references


@both_databases
def test_the_ledger_can_only_grow(
    app: Flask, backend: str, request: pytest.FixtureRequest, settings: dict[str, str]
) -> None:
    held = ledger() if backend == "sqlite" else _on_postgres(settings)
    held.append("erasure", b"r" * 32, clock.day_of(clock.now()), {"rows": 1})
    for statement in ("UPDATE entry SET effect = 'x'", "DELETE FROM entry"):
        with pytest.raises(DBAPIError, match="append-only"), held.engine.begin() as connection:
            connection.execute(text(statement))
    numbers = [entry.number for entry in held.entries()]
    held.append("erasure", b"r" * 32, clock.day_of(clock.now()), {})
    assert [entry.number for entry in held.entries(after=numbers[-1])] == [numbers[-1] + 1]
    held.engine.dispose()


def _on_postgres(settings: dict[str, str]) -> Ledger:
    return Ledger(settings["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"))
