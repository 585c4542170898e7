"""The account's page: where it is signed in, who tried to, and the end of sign-ins."""

from collections.abc import Callable
from datetime import timedelta

import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from tests.auth.test_devices import FIREFOX, IPHONE, using
from tests.auth.test_sign_in import cookie, replay
from tests.conftest import both_databases
from tests.factories import PASSWORD, account, customer, sign_in
from trustivide.audit.models import AuditEntry
from trustivide.auth.models import SignIn, SignInRecord
from trustivide.core import clock
from trustivide.core.clock import day_of
from trustivide.core.db import db

Browsers = Callable[[], FlaskClient]
ALICE = "alice@exempel.test"


def sealed() -> list[tuple[str, str, bool]]:
    """Event, code and whether it names Alice, of every entry of the audit trail in order."""
    alice = account(ALICE).id
    entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.number))
    return [(e.event, e.detail, e.about_id == alice) for e in entries]


@both_databases
def test_checklist_05_alice_sees_where_she_is_signed_in_and_ends_it(
    app: Flask, browser_of: Browsers
) -> None:
    customer()
    phone, tablet, office = (
        sign_in(using(browser_of(), agent))
        for agent in (IPHONE, "iPad Version/18 Safari/1", FIREFOX)
    )
    stolen = cookie(phone)
    page = office.get("/auth/account").text
    listed = page[page.index("Inloggade enheter") : page.index("Kända enheter")]
    for device in ("Safari på iPhone", "iPad", "Firefox på Windows"):
        assert device in listed
    assert listed.count("Den här enheten") == 1
    assert listed.count("/end") == 3  # two devices, and all others at once
    ids = {s.device: s.id for s in db.session.scalars(select(SignIn))}
    end = f"/auth/sign-ins/{ids['Safari på iPhone']}/end"
    assert "Logga ut Safari på iPhone" in office.get(end).text
    assert phone.get("/auth/account").status_code == 200  # asked, and not done
    assert office.post(end).location == "/auth/account"
    assert phone.get("/auth/account").location.startswith("/auth/login")
    assert replay(app, stolen) == 303
    assert office.post(end).status_code == 404
    assert tablet.get("/auth/account").status_code == 200

    assert "Här förblir du inloggad" in office.get("/auth/sign-ins/others/end").text
    office.post("/auth/sign-ins/others/end")
    assert tablet.get("/auth/account").status_code == 303
    assert office.get("/auth/account").status_code == 200
    office.post("/auth/logout")
    assert sealed()[-3:] == [
        ("sessions_revoked", "one", True),
        ("sessions_revoked", "others", True),
        ("sign_out", "", True),
    ]


def test_checklist_03_idle_and_absolute_timeouts_of_sign_ins(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    start = clock.now()
    sign_in(client)
    first = cookie(client)
    with time_machine.travel(start + timedelta(hours=11, minutes=50)):
        assert replay(app, first) == 200
        client.get("/auth/account")
    with time_machine.travel(start + timedelta(hours=12, minutes=1)):
        # By what the server signed, not by what the browser keeps.
        assert replay(app, first) == 303
        assert replay(app, cookie(client)) == 200
    hours = 22
    while hours < 14 * 24:
        with time_machine.travel(start + timedelta(hours=hours)):
            assert client.get("/auth/account").status_code == 200, hours
            kept = cookie(client)
        hours += 11
    with time_machine.travel(start + timedelta(days=14, minutes=1)):
        assert replay(app, kept) == 303


def test_the_day_of_use_is_noted_by_changes_alone(client: FlaskClient) -> None:
    customer()
    sign_in(client)
    today = day_of(clock.now())
    seen = select(SignIn.last_seen_on)
    with time_machine.travel(clock.now() + timedelta(hours=11)):
        client.get("/auth/account")
    with time_machine.travel(clock.now() + timedelta(hours=22)):
        client.get("/auth/account")
        assert db.session.scalar(seen) == today
        client.post("/language", data={"lang": "en"})
        db.session.rollback()
        assert db.session.scalar(seen) == day_of(clock.now())


@both_databases
def test_checklist_44_every_try_is_written_down_for_its_owner(
    app: Flask, browser_of: Browsers
) -> None:
    customer()
    customer("Charlie Ceder", "charlie@annat.test", number="212000-0142")
    thief = using(browser_of(), FIREFOX)
    for email in (ALICE, "nobody@exempel.test"):
        thief.post("/auth/login", data={"email": email, "password": "inte den här gången"})
    alice = sign_in(using(browser_of(), IPHONE))
    rows = db.session.scalars(select(SignInRecord).order_by(SignInRecord.at)).all()
    assert [(r.device, r.method, r.succeeded) for r in rows] == [
        ("Firefox på Windows", "password", False),
        ("Safari på iPhone", "password", True),
    ]
    assert sealed() == [
        ("sign_in_failed", "password", True),
        ("sign_in_failed", "password", False),
        ("sign_in", "password", True),
    ]
    history = (page := alice.get("/auth/account").text)[page.index("Inloggningshistorik") :]
    assert history.count("Misslyckades") == history.count("Lyckades") == 1
    charlie = sign_in(browser_of(), "charlie@annat.test").get("/auth/account").text
    assert "Firefox" not in charlie
    with time_machine.travel(clock.now() + timedelta(days=31)):
        late = sign_in(browser_of()).get("/auth/account").text
        assert "Firefox" not in late[late.index("Inloggningshistorik") :]


def test_a_failure_is_as_much_work_for_an_account_that_is_none(client: FlaskClient) -> None:
    customer()
    statements: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    work = []
    for email in (ALICE, "nobody@exempel.test"):
        statements.clear()
        client.post("/auth/login", data={"email": email, "password": "inte den här gången"})
        work.append([s for s in statements if "FROM sign_in" not in s])
    assert work[0] == work[1]
    assert any(s.startswith("INSERT INTO sign_in_record") for s in work[0])


def test_a_sign_in_gives_the_browser_another_session(app: Flask, client: FlaskClient) -> None:
    customer()
    with client.session_transaction() as planted:
        planted["totp_secret"] = "of somebody else"
    before = cookie(client)
    sign_in(client)
    assert cookie(client) != before
    with client.session_transaction() as fresh:
        assert "totp_secret" not in fresh
    assert replay(app, before) == 303
    again = {"email": ALICE, "password": PASSWORD}
    changed = {"current": PASSWORD, "password": "smultron under granen"}
    for path, form in (("login", again), ("verify", again), ("password", changed)):
        held = cookie(client)
        assert replay(app, held) == 200
        assert client.post(f"/auth/{path}", data=form).status_code == 303
        assert replay(app, held) == 303, path
        assert client.get("/auth/account").status_code == 200
