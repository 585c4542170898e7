"""The audit trail: whatever an intruder with the database does to it is found, and located."""

import logging
import threading
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.conftest import both_databases
from tests.factories import customer, sign_in
from trustivide.audit import actions as audit
from trustivide.audit.models import AuditEntry, AuditHead
from trustivide.audit.queries import Fault, Noted, Verdict, verify
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.outbox import worker
from trustivide.privacy import retention

EVENTS = ("sign_in", "password_changed", "role_changed", "sign_out")


def fill(n: int, at: datetime | None = None) -> None:
    """``n`` entries of different kinds."""
    with transaction() as session:
        for i in range(n):
            audit.record(
                session,
                EVENTS[i % len(EVENTS)],
                at or clock.now(),
                actor_id=uuid4(),
                about_id=uuid4(),
                thing_id=uuid4() if i % 2 else None,
                detail="leader" if i % 3 else "",
            )


def checked(noted: Noted | None = None) -> Verdict:
    db.session.rollback()
    verdict = verify(db.session(), noted)
    db.session.rollback()
    return verdict


def faults(noted: Noted | None = None) -> list[tuple[int, str]]:
    return [(fault.number, fault.what) for fault in checked(noted).faults]


def change(connection: Connection, *statements: str) -> None:
    """Change the trail as somebody with the whole database could: the triggers go first."""
    for verb in ("update", "delete"):
        on = "" if connection.dialect.name == "sqlite" else " ON audit_entry"
        connection.execute(text(f"DROP TRIGGER IF EXISTS audit_entry_no_{verb}{on}"))
    for statement in statements:
        connection.execute(text(statement))


def intrude(*statements: str) -> None:
    db.session.rollback()
    with db.engine.begin() as connection:
        change(connection, *statements)


def run(app: Flask, *command: str) -> Any:
    return app.test_cli_runner().invoke(args=["audit", "verify", *command])


# What an intruder does


def swap(first: int, second: int) -> list[str]:
    move = "UPDATE audit_entry SET number = {} WHERE number = {}"
    return [move.format(-1, first), move.format(first, second), move.format(second, -1)]


CUT = "DELETE FROM audit_entry WHERE number > 9"
HEAD_TO_9 = (
    "UPDATE audit_head SET number = 9, seal = (SELECT seal FROM audit_entry WHERE number = 9)"
)
BEGIN_AT_4 = (
    "UPDATE audit_head SET first_number = 4, "
    "first_seal = (SELECT seal FROM audit_entry WHERE number = 3)"
)


INTRUSIONS: list[tuple[list[str], list[tuple[int, str]]]] = [
    (["UPDATE audit_entry SET detail = 'owner' WHERE number = 5"], [(5, "changed")]),
    (["UPDATE audit_entry SET event = 'sign_out' WHERE number = 1"], [(1, "changed")]),
    (["UPDATE audit_entry SET actor_id = about_id WHERE number = 7"], [(7, "changed")]),
    (["UPDATE audit_entry SET thing_id = NULL WHERE number = 6"], [(6, "changed")]),
    (["UPDATE audit_entry SET at = '2026-01-01 10:00:00' WHERE number = 3"], [(3, "changed")]),
    (
        ["UPDATE audit_entry SET seal = (SELECT seal FROM audit_head) WHERE number = 4"],
        [(4, "changed"), (5, "changed")],
    ),
    (["DELETE FROM audit_entry WHERE number = 6"], [(6, "missing")]),
    (["DELETE FROM audit_entry WHERE number IN (6, 7, 9)"], [(6, "missing"), (9, "missing")]),
    ([CUT], [(10, "cut")]),
    (["DELETE FROM audit_entry"], [(1, "cut")]),
    (swap(5, 6), [(5, "changed"), (6, "changed"), (7, "changed")]),
    (["UPDATE audit_head SET number = 11"], [(11, "head")]),
    (["UPDATE audit_head SET number = 13"], [(13, "cut")]),
    (["UPDATE audit_head SET seal = first_seal"], [(12, "head")]),
    (["UPDATE audit_head SET first_seal = seal"], [(1, "changed")]),
    (["DELETE FROM audit_entry WHERE number < 4"], [(1, "missing")]),
    # What was never pruned can't be passed off as pruned.
    ([BEGIN_AT_4, "DELETE FROM audit_entry WHERE number < 4"], [(4, "beginning")]),
    ([BEGIN_AT_4], [(1, "beginning"), (4, "beginning")]),
    (["DELETE FROM audit_head"], [(0, "gone")]),
]


@both_databases
def test_checklist_44_tampering_is_found_and_located(app: Flask) -> None:
    fill(12)
    assert checked().faults == ()
    for done, found in INTRUSIONS:
        with db.engine.connect() as connection, connection.begin() as undone:
            change(connection, *done)
            with Session(connection) as session:
                seen = [(fault.number, fault.what) for fault in verify(session).faults]
            undone.rollback()
        assert seen[: len(found)] == found, done
    assert checked().faults == ()
    intrude(INTRUSIONS[0][0][0])
    answer = run(app)
    assert (answer.exit_code, "✗ 5:" in answer.output) == (1, True)


@both_databases
def test_a_cut_end_with_a_rewritten_head_is_found_by_a_head_that_was_noted(app: Flask) -> None:
    fill(12)
    noted = run(app).output.split("head ")[1].strip()
    fill(2)
    assert run(app, "--expect", noted).exit_code == 0
    intrude(CUT, HEAD_TO_9)
    assert run(app).exit_code == 0  # the chain alone can't tell
    answer = run(app, "--expect", noted)
    assert (answer.exit_code, "✗ 10:" in answer.output) == (1, True)
    fill(5)  # what is written on top has another seal under the same number
    assert faults(Noted.read(noted)) == [(12, "rewritten")]
    for wrong in ("12", "x:00", "12:zz"):
        assert run(app, "--expect", wrong).exit_code == 2


@both_databases
def test_the_database_itself_refuses_changes(app: Flask) -> None:
    fill(3)
    for statement in (
        "UPDATE audit_entry SET detail = 'owner' WHERE number = 2",
        "DELETE FROM audit_entry WHERE number = 2",
        "DELETE FROM audit_entry",
    ):
        with pytest.raises(DBAPIError, match="append-only"), db.engine.begin() as connection:
            connection.execute(text(statement))
    answer = run(app)
    assert answer.exit_code == 0
    assert "3 entries" in answer.output


# Writing


@both_databases
def test_eight_at_once_write_one_chain_without_gaps(app: Flask) -> None:
    together, broken = threading.Barrier(8), []

    def write() -> None:
        with app.app_context():
            try:
                together.wait(30)
                for _ in range(6):
                    fill(1)
            except BaseException as error:
                broken.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert broken == []
    verdict = checked()
    assert (verdict.entries, verdict.head.number, verdict.faults) == (48, 48, ())
    numbers = db.session.scalars(select(AuditEntry.number).order_by(AuditEntry.number)).all()
    assert numbers == list(range(1, 49))


@both_databases
def test_a_check_while_others_write_finds_nothing_wrong(app: Flask) -> None:
    stop, broken = threading.Event(), []

    def write() -> None:
        with app.app_context():
            try:
                while not stop.is_set():
                    fill(2)
            except BaseException as error:
                broken.append(error)
            finally:
                db.session.remove()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert [checked().faults for _ in range(20)] == [()] * 20
    finally:
        stop.set()
        thread.join()
    assert broken == []


@both_databases
def test_the_time_is_kept_to_the_microsecond_and_in_utc(app: Flask) -> None:
    exact = datetime(2026, 11, 25, 12, 30, 15, 123457, tzinfo=timezone(timedelta(hours=5)))
    fill(1, exact)
    fill(1, exact.replace(microsecond=0))
    db.session.rollback()
    first, second = db.session.scalars(select(AuditEntry.at).order_by(AuditEntry.number))
    assert first == datetime(2026, 11, 25, 7, 30, 15, 123457, tzinfo=UTC)
    assert second.microsecond == 0
    assert checked().faults == ()


def test_each_entry_is_one_line_in_the_log_once_it_stands(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "trustivide.audit")
    alice = customer().id
    caplog.clear()
    now = clock.now()
    with transaction() as session:
        audit.record(session, "role_changed", now, actor_id=alice, detail="leader")
        assert caplog.messages == []  # not before it is true
    number = db.session.scalar(select(func.max(AuditEntry.number)))
    assert caplog.messages == [
        f"security number={number} at={now.isoformat()} event=role_changed actor={alice} "
        "about=- thing=- detail=leader"
    ]
    caplog.clear()
    with pytest.raises(ZeroDivisionError), transaction() as session:
        audit.record(session, "sign_in", now, actor_id=alice)
        raise ZeroDivisionError
    fill(1)
    assert len(caplog.messages) == 1
    assert "sign_in " in caplog.messages[0]
    with pytest.raises(KeyError), transaction() as session:
        audit.record(session, "alice@exempel.test", now)


# Letting go


@both_databases
def test_pruning_keeps_the_rest_provable_and_says_that_it_happened(app: Flask) -> None:
    long_ago = clock.now() - timedelta(days=366)
    fill(5, long_ago)
    fill(4)
    noted = checked().head
    assert audit.prunable(db.session(), clock.now()) == 5
    row = retention.elsewhere["audit_entry"]
    assert row.due(db.session(), clock.now()) == 5
    db.session.rollback()
    audit.prune(clock.now())
    verdict = checked(noted)
    assert (verdict.entries, verdict.head.number, verdict.faults) == (5, 10, ())
    last = db.session.get_one(AuditEntry, 10)
    assert (last.event, last.detail) == ("audit_pruned", "6")
    assert faults(Noted(5, db.session.scalars(select(AuditHead)).one().first_seal)) == []
    assert faults(Noted(3, b"gone")) == [(3, "pruned")]
    audit.prune(clock.now())  # nothing is due, so nothing is written
    assert checked().head == verdict.head
    # A year later all of it goes, and what remains says so.
    with time_machine.travel(clock.now() + timedelta(days=366)):
        audit.prune(clock.now())
        verdict = checked()
    assert (verdict.entries, verdict.faults) == (1, ())
    # The database still refuses what isn't pruned.
    with pytest.raises(DBAPIError, match="append-only"), db.engine.begin() as connection:
        connection.execute(text("DELETE FROM audit_entry"))
    intrude(
        "UPDATE audit_head SET first_number = number + 1, first_seal = seal",
        "DELETE FROM audit_entry",
    )
    assert faults() == [(12, "beginning")]


def test_a_clock_that_once_went_wrong_prunes_nothing_young(app: Flask) -> None:
    fill(3)
    fill(1, clock.now() - timedelta(days=400))
    fill(2)
    audit.prune(clock.now())
    assert (checked().entries, checked().faults) == (6, ())


@both_databases
def test_a_check_is_recorded_with_what_it_found(app: Flask, caplog: Any) -> None:
    fill(4)
    audit.check(clock.now())
    entry = db.session.get_one(AuditEntry, 5)
    assert (entry.event, entry.detail, entry.actor_id) == ("audit_checked", "whole", None)
    intrude("UPDATE audit_entry SET detail = 'owner' WHERE number = 2")
    verdict = audit.check(clock.now())
    assert verdict.faults == (Fault(2, "changed"),)
    assert db.session.get_one(AuditEntry, 6).detail == "changed:2"
    assert "the audit trail is broken, changed:2" in caplog.text


@both_databases
def test_checklist_44_who_is_erased_leaves_an_id_that_leads_nowhere(
    app: Flask, client: FlaskClient
) -> None:
    alice = customer().id
    with transaction() as session:
        audit.record(session, "sign_in", clock.now(), actor_id=alice, about_id=alice)
    sign_in(client)
    assert client.post("/privacy/erasure", data={"understood": "y"}).status_code == 303
    with time_machine.travel(clock.now() + timedelta(days=7, minutes=1)):
        for _ in range(3):
            worker.tick(app)
    db.session.rollback()
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.about_id == alice)).all()
    assert entries
    assert checked().faults == ()
    for table in db.metadata.sorted_tables:
        rows = [] if table.name == "audit_entry" else db.session.execute(table.select()).all()
        assert not any(alice in row for row in rows), table.name
