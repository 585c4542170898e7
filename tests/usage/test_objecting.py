"""Saying no, seeing, taking along and erasing: the rights over what was counted."""

import io
import json
import zipfile
from datetime import timedelta
from threading import Thread
from uuid import uuid4

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.admin.test_office import in_office
from tests.conftest import both_databases
from tests.factories import colleague, customer, delivered, sign_in, staff
from tests.privacy.test_promises import state
from tests.usage.stories import last_month, used, written
from trustivide.auth.models import User
from trustivide.core import clock
from trustivide.core.activities import USAGE_ANALYSIS
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.outbox import worker
from trustivide.privacy import retention
from trustivide.privacy.measures import BROKEN, KEPT
from trustivide.rights import actions as rights
from trustivide.usage import actions, queries
from trustivide.usage.buffer import Use
from trustivide.usage.models import UsageRow

OBJECTION = "/privacy/objections/usage_analysis"


def rows() -> int:
    """Rows of everybody."""
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(UsageRow)) or 0


def total(office: FlaskClient, name: str = "Läsa en workshop") -> str:
    """What the office reads about a kind in the newest month."""
    page = office.get("/admin/usage").text
    return page[page.index(f">{name}<") :].split("</td>")[1].split(">")[1]


def five_people() -> list[User]:
    """Alice and four of her colleagues."""
    alice = customer()
    return [alice] + [colleague(alice, "member", f"P{n}", f"p{n}@exempel.test") for n in range(4)]


@both_databases
def test_whoever_objects_is_in_no_row_and_no_total(app: Flask, client: FlaskClient) -> None:
    people = five_people()
    used(people, "workshops.views", times=3)
    staff()
    office = in_office(app.test_client())
    assert total(office) == "5 personer, 15 gånger"
    sign_in(client)
    client.get("/workshops/premortem")  # noted before she says no, and not yet written down
    answer = client.post(OBJECTION, data={"on": "1", "reason": "Jag vill inte räknas."})
    assert answer.status_code == 303
    assert rows() == 4
    assert total(office) == "färre än 5"
    assert state("1.usage").state == KEPT
    client.get("/workshops/premortem")
    assert written(app) == {"workshops.views": 12}
    client.post(OBJECTION, data={})
    client.get("/workshops/premortem")
    assert written(app) == {"workshops.views": 13}


def test_restricted_rows_are_kept_and_in_no_total(app: Flask, client: FlaskClient) -> None:
    used(five_people(), "teams")
    staff()
    office = in_office(app.test_client())
    sign_in(client).post("/privacy/restrictions/usage_analysis", data={"on": "1"})
    assert rows() == 5
    assert total(office, "Se och sköta team") == "färre än 5"
    client.post("/privacy/restrictions/usage_analysis", data={})
    assert total(office, "Se och sköta team") == "5 personer, 5 gånger"


def test_one_sees_takes_along_and_deletes_what_is_ones_own(app: Flask, client: FlaskClient) -> None:
    alice = customer()
    charlie = customer("Charlie Ceder", "charlie@annan.test", organisation="Annan AB")
    used([alice], "workshops.views", times=2)
    used([charlie], "surveys.results", times=7)
    page = sign_in(client).get("/privacy/data/usage_row").text
    assert "Läsa en workshop" in page
    assert "Läsa resultat" not in page
    location = client.post("/privacy/export").headers["Location"]
    delivered(app)
    archive = zipfile.ZipFile(io.BytesIO(client.get(f"{location}/file").data))
    taken = json.dumps(json.loads(archive.read("data.json")))
    assert "workshops.views" in taken
    assert "surveys.results" not in taken
    assert client.post("/privacy/data/usage_row/deletion").status_code == 303
    assert [row.uses for row in db.session.scalars(select(UsageRow))] == [7]


def test_an_erased_account_takes_its_rows_along(app: Flask, client: FlaskClient) -> None:
    alice = customer()
    bob = colleague(alice, "leader")
    used([alice, bob], "teams")
    sign_in(client, "bob@exempel.test").post("/privacy/erasure", data={"understood": "y"})
    with time_machine.travel(clock.now() + timedelta(days=7, minutes=1)):
        client.get("/teams/")
        worker.tick(app)
    left = db.session.scalars(select(UsageRow)).one()
    assert left.pseudonym in Person.of(alice.id).pseudonyms(left.day)
    assert written(app) == {"teams": 1}, "what was noted of an account that is gone goes nowhere"


def test_after_ninety_days_the_sweep_lets_them_go(app: Flask) -> None:
    alice, day = customer(), last_month()
    used([alice], "teams", day=day)
    for days, left in ((90, 1), (91, 0)):
        with time_machine.travel(clock.begin_of(day) + timedelta(days=days, hours=4)):
            retention.sweep(clock.now())
            assert rows() == left


def test_each_kind_of_wrong_row_breaks_the_promise(app: Flask) -> None:
    alice = customer()
    today = clock.day_of(clock.now())
    person = Person.of(alice.id, alice.email)
    mine = person.pseudonyms_in(today)[0]

    def row(**more: object) -> UsageRow:
        values = {"pseudonym": mine, "day": today, "kind": "teams", "uses": 1, **more}
        return UsageRow(**values)

    with transaction() as session:
        rights.object_to(session, person, USAGE_ANALYSIS, clock.now())
    for wrong in (
        [row()],
        [row(pseudonym=b"o" * 32, day=today - timedelta(days=92))],
        [row(pseudonym=b"o" * 32, kind="no.such.kind")],
        [row(pseudonym=b"o" * 32, day=today - timedelta(days=n)) for n in (0, 31)],
    ):
        assert state("1.usage").state == KEPT
        with transaction() as session:
            session.add_all(wrong)
        assert state("1.usage").state == BROKEN, wrong
        with transaction() as session:
            for one in wrong:
                session.delete(one)


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_a_no_waits_for_what_is_being_written_and_takes_it_along(app: Flask) -> None:
    """On SQLite the one write lock sees to it."""
    alice = customer()
    today = clock.day_of(clock.now())

    def object_meanwhile() -> None:
        with app.app_context(), transaction() as session:
            rights.object_to(session, Person.of(alice.id), USAGE_ANALYSIS, clock.now())

    meanwhile = Thread(target=object_meanwhile)
    with transaction() as session:
        actions.record(session, {Use(alice.id, today, "teams"): 1}, clock.now())
        meanwhile.start()
        meanwhile.join(0.3)
        assert meanwhile.is_alive(), "it waits"
    meanwhile.join()
    assert rows() == 0


@both_databases
def test_the_promise_is_measured_whatever_the_number_of_those_who_object(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    used(five_people(), "workshops.views", day=clock.day_of(clock.now()))
    others = [Person.of(uuid4()) for _ in range(18_000)]
    people = [Person.of(user.id) for user in db.session.scalars(select(User))]
    monkeypatch.setattr(queries, "refusing", lambda session, **_: [*others, *people])
    assert queries.faults(db.session(), clock.now()).of_objectors == 5
