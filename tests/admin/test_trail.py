"""Stina answers for privacy: she reads the security log, and who of us opened whose data."""

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.admin.test_office import REASON, in_office
from tests.audit.test_chain import change
from tests.conftest import both_databases
from tests.factories import account, customer, sign_in, staff
from tests.privacy.stories import DORA, asked
from trustivide.admin.models import StaffAccess
from trustivide.audit import actions as audit
from trustivide.audit.models import AuditEntry
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.outbox import worker

STINA, SVEN, ALICE = "stina@trustivide.test", "sven@trustivide.test", "alice@exempel.test"


@pytest.fixture
def office(client: FlaskClient) -> FlaskClient:
    """Stina, who answers for privacy, signed in with both factors; Alice is a customer."""
    customer()
    staff(role="privacy")
    return in_office(client)


def entries(event: str) -> list[AuditEntry]:
    db.session.rollback()
    wanted = select(AuditEntry).where(AuditEntry.event == event).order_by(AuditEntry.number)
    return list(db.session.scalars(wanted))


def main(page: str) -> str:
    return page.split("<main")[1]


def look(office: FlaskClient, email: str = ALICE, reason: str = REASON) -> None:
    user_id = account(email).id
    assert office.post(f"/admin/users/{user_id}/looks", data={"reason": reason}).location


def rows_of(answer: Any) -> list[dict[str, str]]:
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="')
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))


# Looks


@both_databases
def test_every_look_is_in_the_trail_without_its_reason(app: Flask, office: FlaskClient) -> None:
    stina, alice = account(STINA).id, account(ALICE)
    look(office)
    request = asked(alice)
    office.post(f"/admin/requests/{request.id}/opening")
    until = clock.day_of(clock.now()) + timedelta(days=30)
    hold = {
        "email": ALICE,
        "activity": "search_history",
        "ground": "Tvist om en sökning i mål T 12-26",
        "ends_on": until.isoformat(),
    }
    assert office.post("/admin/holds/new", data=hold).status_code == 303
    office.post("/admin/holds/new", data=hold | {"email": DORA})
    seen = [(e.actor_id, e.about_id, e.thing_id, e.detail) for e in entries("person_opened")]
    assert seen == [
        (stina, alice.id, None, "account"),
        (stina, alice.id, request.id, "case"),
        (stina, alice.id, None, "hold"),
        (stina, None, None, "hold"),
    ]
    first, second = entries("hold_placed")
    assert (first.actor_id, first.about_id, first.detail) == (stina, alice.id, "search_history")
    assert second.about_id is None
    # Whoever ended one early is known; one that ran out ended by itself.
    office.post(f"/admin/holds/{first.thing_id}/end")
    office.post(f"/admin/holds/{first.thing_id}/end")
    with time_machine.travel(clock.now() + timedelta(days=40)):
        worker.night(app)
    ended = [(e.thing_id, e.actor_id, e.about_id) for e in entries("hold_ended")]
    assert ended == [(first.thing_id, stina, alice.id), (second.thing_id, None, None)]
    for entry in db.session.scalars(select(AuditEntry)):
        assert REASON not in entry.detail
        assert "Tvist" not in entry.detail


@both_databases
def test_the_report_names_colleagues_and_nobody_else(
    app: Flask, office: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    customer("Charlie", "charlie@annan.test", organisation="Annan AB", number="556036-0793")
    staff("Sven Sund", SVEN, role="support")
    with time_machine.travel(clock.now() - timedelta(days=62)):
        look(in_office(browser_of(), SVEN), reason="=HYPERLINK(1) om fakturan")
    sven = in_office(browser_of(), SVEN)
    assert sven.get("/admin/looks").status_code == 404
    look(sven)
    look(sven, "charlie@annan.test", "Charlie ringde om inloggningen.")
    look(office, reason="Stickprov enligt rutinen.")
    # To read it is to leave a trace.
    closed = main(office.get("/admin/looks").text)
    assert "Sven" not in closed
    assert "antecknas i säkerhetsloggen" in closed
    assert entries("looks_reported") == []
    assert office.post("/admin/looks/opening").location == "/admin/looks"
    page = main(office.get("/admin/looks").text)
    stina = account(STINA).id
    assert [(e.actor_id, e.detail) for e in entries("looks_reported")] == [(stina, "page")]
    read = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "Sven Sund 3 2" in read
    assert "Stina Ström 1 1" in read
    for words in (REASON, "Stickprov enligt rutinen.", str(account(ALICE).id)[:8]):
        assert words in page
    for words in ("Alice Alm", ALICE, "Charlie C"):
        assert words not in page
    # By colleague and month.
    month = f"{clock.now() - timedelta(days=62):%Y-%m}"
    mine = main(office.get(f"/admin/looks?colleague={stina}").text)
    assert "Stickprov" in mine
    assert REASON not in mine
    old = main(office.get(f"/admin/looks?month={month}").text)
    assert "HYPERLINK" in old
    assert REASON not in old
    assert office.get("/admin/looks?month=2020-13").status_code == 422
    data = {"colleague": str(account(SVEN).id), "month": month}
    (row,) = rows_of(office.post("/admin/looks/export", data=data))
    assert row["reason"] == "'=HYPERLINK(1) om fakturan"
    assert (row["colleague"], row["account"]) == ("Sven Sund", str(account(ALICE).id))
    assert len(rows_of(office.post("/admin/looks/export"))) == 4
    assert [e.detail for e in entries("looks_reported")] == ["page", "csv", "csv"]
    with time_machine.travel(clock.now() + timedelta(minutes=31)):
        assert "Sven" not in main(office.get("/admin/looks").text)


def test_whom_nobody_can_sign_in_as_stands_as_a_reference(
    app: Flask, office: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    with transaction() as session:
        session.add(
            StaffAccess(
                reference=b"\xab" * 32,
                at=clock.now(),
                who="Sigge Före",
                what="Din begäran",
                reason="Handlägger begäran",
            )
        )
    office.post("/admin/looks/opening")
    page = office.get("/admin/looks").text
    for words in ("referens", "abababababab", "Sigge Före", "Tidigare kollegor"):
        assert words in page


# The log


@both_databases
def test_the_log_is_read_filtered_and_taken_along(app: Flask, office: FlaskClient) -> None:
    stina, alice = account(STINA).id, account(ALICE).id
    with transaction() as session:
        for days in range(40, 0, -1):
            audit.record(
                session,
                "role_changed",
                clock.now() - timedelta(days=days),
                actor_id=alice,
                about_id=alice,
                detail="leader",
            )
    look(office)
    page = main(office.get("/admin/audit").text)
    table = page.split("<table")[1]
    assert table.index("Uppgifter öppnade av personal") < table.index("Roll ändrad")
    assert "Stina Ström" in page  # a colleague by name
    assert str(alice) in page  # a customer by id
    assert "Alice" not in page
    assert "Sida 1 av 2" in page
    assert "Sida 2 av 2" in office.get("/admin/audit?page=2").text
    mine = main(office.get(f"/admin/audit?actor_id={stina}").text)
    assert "Uppgifter öppnade" in mine
    assert "leader" not in mine
    assert "leader" in main(office.get(f"/admin/audit?about_id={alice}&event=role_changed").text)
    day = clock.day_of(clock.now() - timedelta(days=10))
    found = main(office.get(f"/admin/audit?since={day}&until={day}").text)
    assert found.count("<code>leader</code>") == 1
    assert "Inget har hänt" in office.get("/admin/audit?event=keys_rotated").text
    for query, words in (
        ("actor_id=alice", "Klistra in ett helt id"),
        ("since=igår", "Skriv dagen som"),
        ("event=party", "Välj igen"),
    ):
        answer = office.get(f"/admin/audit?{query}")
        assert answer.status_code == 422
        assert words in answer.text
        assert query.split("=")[1] in answer.text or query.startswith("event")
    # What is filtered goes along, in the chain's order.
    data = {"event": "role_changed", "since": str(day), "kind": "csv"}
    rows = rows_of(office.post("/admin/audit/export", data=data))
    assert len(rows) == 10
    assert [int(r["number"]) for r in rows] == sorted(int(r["number"]) for r in rows)
    answer = office.post("/admin/audit/export", data=data | {"kind": "jsonl"})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["number"] for line in lines] == [int(r["number"]) for r in rows]
    assert lines[0]["about_id"] == str(alice)
    assert lines[0]["at"].endswith("+00:00")
    assert [(e.actor_id, e.detail) for e in entries("audit_exported")] == [
        (stina, "csv"),
        (stina, "jsonl"),
    ]
    assert office.post("/admin/audit/export", data={"kind": "xlsx"}).status_code == 404
    assert (
        office.post("/admin/audit/export", data={"actor_id": "x", "kind": "csv"}).status_code == 422
    )


@both_databases
def test_the_chain_is_checked_by_button_and_by_night(app: Flask, office: FlaskClient) -> None:
    assert "inte kontrollerad än" in office.get("/admin/audit").text
    look(office)
    assert office.post("/admin/audit/check").location == "/admin/audit"
    page = office.get("/admin/audit").text
    assert "Kedjan är hel" in page
    assert re.search(r"någon annanstans: \d+:[0-9a-f]{64}", page)
    assert "av natten" not in page
    worker.night(app)
    assert "av natten" in office.get("/admin/audit").text
    number = entries("person_opened")[0].number
    db.session.rollback()  # an open read would keep the trigger from being dropped
    with db.engine.begin() as connection:
        change(connection, f"UPDATE audit_entry SET detail = 'case' WHERE number = {number}")
    office.post("/admin/audit/check")
    page = office.get("/admin/audit").text
    assert f"Kedjan är bruten vid {number}" in page
    assert f"changed:{number}" in page


# Who was told no


@both_databases
def test_a_no_by_role_is_noted_once_a_minute_and_a_wrong_address_never(
    app: Flask, office: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    alice = sign_in(browser_of(), ALICE)
    for path in ("/admin/", "/admin/audit", "/admin/holds/new"):
        assert alice.get(path).status_code == 404
        assert alice.post(path).status_code in {404, 405}
    (denied,) = entries("access_denied")
    assert (denied.actor_id, denied.about_id, denied.detail) == (
        account(ALICE).id,
        None,
        "office.open",
    )
    assert office.get("/admin/colleagues").status_code == 404  # another person, another note
    assert [e.detail for e in entries("access_denied")] == ["office.open", "staff.manage"]
    with time_machine.travel(clock.now() + timedelta(seconds=61)):
        assert alice.get("/admin/audit").status_code == 404
    assert len(entries("access_denied")) == 3
    before = db.session.scalar(select(func.count()).select_from(AuditEntry))
    with time_machine.travel(clock.now() + timedelta(minutes=5)):
        alice.get("/there/is/nothing")
        alice.get("/privacy/export/00000000-0000-4000-8000-000000000000")
        browser_of().get("/admin/")
        browser_of().get("/s/survey/00000000-0000-4000-8000-000000000000")
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(AuditEntry)) == before


def test_the_person_reads_what_concerns_their_account(
    app: Flask, office: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    look(office)
    alice = sign_in(browser_of(), ALICE)
    page = alice.get("/privacy/data/audit_entry").text
    assert "Uppgifter öppnade av personal" in page
    assert str(account(STINA).id) not in page


def test_retention_tells_of_the_log(app: Flask, client: FlaskClient) -> None:
    with transaction() as session:
        for _ in range(7):
            audit.record(session, "sign_in", clock.now() - timedelta(days=380))
    staff(role="privacy")
    row = (
        in_office(client)
        .get("/admin/retention")
        .text.split("Säkerhetshändelser")[1]
        .split("</tr>")[0]
    )
    assert "12 månader" in row
    assert ">7</td>" in row
    answer = app.test_cli_runner().invoke(args=["privacy", "retention", "--dry-run"])
    assert re.search(r"audit_entry +7 due", answer.output)
