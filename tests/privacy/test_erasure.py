"""Leaving: said before, waited for, resumed after a crash, proven by a receipt."""

import copy
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.conftest import both_databases
from tests.factories import customer, delivered, link_in, sign_in
from tests.privacy.stories import DORA
from tests.privacy.stories import member as _member
from tests.privacy.stories import visit as _visit
from trustivide.audit.models import AuditEntry
from trustivide.auth.models import User
from trustivide.auth.queries import person as person_of
from trustivide.core import clock, compaction, inventory
from trustivide.core.activities import TEAM_SURVEYS
from trustivide.core.db import db, transaction
from trustivide.core.inventory import Consequence, Dependent
from trustivide.core.subjects import Person
from trustivide.core.text import Text
from trustivide.organisations.models import Membership, Organisation
from trustivide.outbox.models import Job
from trustivide.privacy import erasure, receipt
from trustivide.privacy.models import Erasure, Request
from trustivide.rights.ledger import ledger
from trustivide.rights.queries import may_use
from trustivide.teams.models import TeamMember


def _decide(client: FlaskClient) -> str:
    response = client.post("/privacy/erasure", data={"understood": "y"})
    assert response.status_code == 303, response.text
    assert "/privacy/receipt/" in response.headers["Location"]
    return str(response.headers["Location"])


def _in_a_week(tick: Callable[[], None]) -> None:
    with time_machine.travel(clock.now() + timedelta(days=7, minutes=1)):
        tick()


def test_the_preview_says_what_goes_what_stays_and_what_else_happens(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    page = sign_in(client).get("/privacy/erasure").text
    assert "Du är ensam ägare av Exempel AB" in page
    assert "Ditt konto" in page
    assert "Det här blir kvar, och varför" in page
    assert "7 dagar" in page
    assert client.post("/privacy/erasure", data={}).status_code == 422
    assert db.session.scalar(select(func.count()).select_from(Erasure)) == 0


def test_an_account_gives_its_password_again_first(app: Flask, client: FlaskClient) -> None:
    customer()
    sign_in(client)
    with time_machine.travel(clock.now() + timedelta(minutes=16)):
        for answer in (
            client.get("/privacy/erasure"),
            client.post("/privacy/erasure", data={"understood": "y"}),
        ):
            assert answer.headers["Location"] == "/auth/verify?next=/privacy/erasure"


@both_databases
def test_an_account_cools_off_is_erased_and_leaves_a_receipt(
    app: Flask, client: FlaskClient, tick: Callable[[], None]
) -> None:
    user = customer()
    user_id = user.id
    sign_in(client)
    location = _decide(client)
    mail = delivered(app)[-1]
    assert mail["To"] == "alice@exempel.test"
    assert link_in(mail, "/privacy/receipt/") == location
    assert "Ångra" in client.get(location).text
    tick()
    assert db.session.get(User, user_id) is not None
    db.session.rollback()
    _in_a_week(tick)
    assert db.session.get(User, user_id) is None
    assert db.session.scalar(select(func.count()).select_from(Organisation)) == 0
    assert client.get("/privacy/").status_code == 303  # signed out
    page = client.get(location)
    assert "Underskriften stämmer" in page.text
    body = client.get(f"{location}.json").json
    assert body
    assert body["tables"]["user"] == {"deleted": 1, "blanked": 0, "kept": 0, "held": 0}
    assert body["tables"]["organisation"]["deleted"] == 1
    assert body["stores"]["development_mail"] >= 2
    code = location.rsplit("/", 1)[1]
    expected = receipt.subject_reference(code.upper(), "Alice@exempel.test")
    assert body["subject"]["value"] == expected
    assert "alice" not in json.dumps(body)
    asked = db.session.scalars(select(Request).where(Request.kind == "erase")).one()
    assert asked.state == "done"
    assert bytes(asked.reference) == bytes(32)


def test_a_receipt_that_was_touched_is_found_out(
    app: Flask, client: FlaskClient, tick: Callable[[], None]
) -> None:
    _member()
    _visit(app, client)
    location = _decide(client)
    tick()
    body = client.get(f"{location}.json").json
    assert receipt.is_genuine(body)
    for change in (
        lambda b: b["tables"].clear(),
        lambda b: b.update(completed_at="2020-01-01T00:00:00+00:00"),
        lambda b: b["signature"].update(key_version=9),
        lambda b: b["signature"].update(value="00"),
    ):
        touched = copy.deepcopy(body)
        change(touched)
        assert not receipt.is_genuine(touched)
        answer = client.post("/privacy/receipt", data={"receipt": json.dumps(touched)})
        assert "har det ändrats" in answer.text
    answer = client.post("/privacy/receipt", data={"receipt": json.dumps(body)})
    assert "äkta" in answer.text
    assert "inget kvitto" in client.post("/privacy/receipt", data={"receipt": "[1"}).text


def test_an_unknown_code_is_not_found(client: FlaskClient) -> None:
    assert client.get("/privacy/receipt/abcde-fghij").status_code == 404
    assert client.get("/privacy/receipt/abcde-fghij.json").status_code == 404


@both_databases
def test_without_account_it_begins_at_once_and_a_no_outlives_it(
    app: Flask, client: FlaskClient, tick: Callable[[], None]
) -> None:
    _member()
    _visit(app, client)
    client.post("/privacy/objections/team_surveys", data={"on": "1", "reason": "Jag vill inte."})
    client.post("/privacy/restrictions/all", data={"on": "1"})
    location = _decide(client)
    tick()
    assert "Underskriften stämmer" in client.get(location).text
    assert client.get("/privacy/").status_code == 303
    assert db.session.scalar(select(func.count()).select_from(TeamMember)) == 0
    assert db.session.scalar(select(func.count()).select_from(Membership)) == 1
    assert not may_use(db.session(), Person.of(None, DORA), TEAM_SURVEYS)
    db.session.rollback()
    _visit(app, client)  # what is left is still theirs to see, and to take back
    page = client.get("/privacy/choices").text
    assert page.count(" checked") == 1
    assert "Du invänder" in page
    client.post("/privacy/objections/team_surveys", data={})
    client.post("/privacy/restrictions/all", data={})
    db.session.rollback()
    assert may_use(db.session(), Person.of(None, DORA), TEAM_SURVEYS)


@both_databases
def test_a_decision_can_be_taken_back_while_it_cools_off(
    app: Flask, client: FlaskClient, tick: Callable[[], None]
) -> None:
    user = customer()
    user_id = user.id
    sign_in(client)
    location = _decide(client)
    assert "Ångra raderingen" in client.get("/privacy/").text
    assert client.post("/privacy/erasure", data={"understood": "y"}).status_code == 422
    client.post("/privacy/erasure/cancellation")
    sealed = select(AuditEntry.event).where(AuditEntry.about_id == user_id)
    told = set(db.session.scalars(sealed))
    assert {"erasure_requested", "erasure_cancelled"} <= told
    db.session.rollback()
    _in_a_week(tick)
    assert db.session.get(User, user_id) is not None
    assert "ångrades" in client.get(location).text
    states = db.session.scalars(select(Request.state).where(Request.kind == "erase")).all()
    assert states == ["cancelled"]
    cancelled = db.session.scalars(select(Erasure)).one()
    assert (cancelled.email, cancelled.email_digest, cancelled.user_id) == (None, None, None)


@both_databases
def test_a_crash_in_the_middle_is_resumed_and_a_second_run_does_nothing(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    _member()
    _visit(app, client)
    location = _decide(client)
    crashes = [True]

    def carry_out(session: object, person: Person, now: object) -> None:
        if crashes:
            crashes.pop()
            raise RuntimeError("the worker was killed")

    dependents = [*inventory.registry.dependents, Dependent("crash", lambda s, p: [], carry_out)]
    monkeypatch.setattr(inventory.registry, "dependents", dependents)
    held = db.session.scalars(select(Erasure.id)).one()
    db.session.rollback()
    params = {"id": str(held)}
    with pytest.raises(RuntimeError):
        erasure.run(params, clock.now())
    db.session.rollback()
    assert db.session.scalars(select(Erasure.state)).one() == "rows"
    assert db.session.scalar(select(func.count()).select_from(TeamMember)) == 1
    assert client.get(location).status_code == 200
    db.session.rollback()
    erasure.run(params, clock.now())
    first = client.get(f"{location}.json").json
    assert first
    assert first["tables"]["team_member"]["deleted"] == 1
    erasure.run(params, clock.now())
    assert client.get(f"{location}.json").json == first
    effects = [e.effect for e in ledger().entries()]
    assert effects.count("erasure") == 1


def test_a_lost_job_is_found_again(
    app: Flask, client: FlaskClient, tick: Callable[[], None]
) -> None:
    _member()
    _visit(app, client)
    location = _decide(client)
    with transaction() as session:
        for job in session.scalars(select(Job)).all():
            session.delete(job)
    tick()
    assert "Underskriften stämmer" in client.get(location).text


def test_a_blocked_checkpoint_gives_no_receipt(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    _member()
    _visit(app, client)
    location = _decide(client)
    held = db.session.scalars(select(Erasure.id)).one()
    db.session.rollback()
    monkeypatch.setattr(compaction, "_CHECKPOINT_TRIES", 1)
    other = db.engine.raw_connection()
    cursor = other.cursor()
    cursor.execute("BEGIN")
    cursor.execute("SELECT count(*) FROM user").fetchone()
    with pytest.raises(compaction.Unfinished):
        erasure.run({"id": str(held)}, clock.now())
    assert client.get(f"{location}.json").status_code == 404
    other.close()
    db.session.rollback()
    erasure.run({"id": str(held)}, clock.now())
    assert client.get(f"{location}.json").status_code == 200


def test_what_blocks_is_shown_and_nothing_is_decided(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer()
    sign_in(client)
    stop = Consequence(Text("Lämna över först", "Hand over first"), blocks=True)
    monkeypatch.setattr(inventory.registry, "dependents", [Dependent("stop", lambda s, p: [stop])])
    assert "Lämna över först" in client.get("/privacy/erasure").text
    assert client.post("/privacy/erasure", data={"understood": "y"}).status_code == 422
    assert db.session.scalar(select(func.count()).select_from(Erasure)) == 0


def test_an_organisation_with_another_owner_stays(
    app: Flask, client: FlaskClient, tick: Callable[[], None]
) -> None:
    alice = customer()
    bob = customer("Bo Berg", "bo@exempel.test", number="556036-0793", organisation="Berg AB")
    with transaction() as session:
        shared = session.scalars(
            select(Organisation).where(Organisation.registered_by_id == alice.id)
        ).one()
        session.add(Membership(organisation_id=shared.id, user_id=bob.id, role="owner"))
    shared_id = shared.id
    sign_in(client)
    _decide(client)
    _in_a_week(tick)
    kept = db.session.get_one(Organisation, shared_id)
    assert kept.registered_by_id is None
    assert kept.name == "Exempel AB"


def test_the_ledger_knows_before_the_rows_go(app: Flask, client: FlaskClient) -> None:
    user = customer()
    person = person_of(user)
    with transaction() as session:
        erasure.request(session, person, address=user.email, name="", locale="sv", now=clock.now())
    held = db.session.scalars(select(Erasure.id)).one()
    db.session.rollback()
    with transaction() as session:
        session.get_one(Erasure, held).state = "queued"
    erasure._note_intent(held, clock.now())
    (entry,) = [e for e in ledger().entries() if e.effect == "erasure"]
    assert entry.reference == person.reference
    assert sorted(r.hex() for r in person.references) == entry.detail["references"]
    assert "alice" not in json.dumps(dict(entry.detail))
