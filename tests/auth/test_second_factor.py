"""Two-step sign-in with an app, recovery codes, and who can't be without."""

import html
import re
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import unquote

import pyotp
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.auth.authenticator import added
from tests.auth.test_passkeys import events
from tests.auth.test_sign_in import at_once, cookie, replay
from tests.conftest import both_databases
from tests.factories import PASSWORD, account, colleague, customer, delivered, sign_in, staff
from trustivide.auth import factors
from trustivide.auth.models import KnownDevice, RecoveryCode, SignIn, SignInRecord, User
from trustivide.core import clock
from trustivide.core.codes import bare
from trustivide.core.db import db, transaction
from trustivide.organisations.models import Organisation
from trustivide.web.limits import limiter

Browsers = Callable[[], FlaskClient]
ALICE, BOB, STINA = "alice@exempel.test", "bob@exempel.test", "stina@trustivide.test"
NEW, STEP = "/auth/second-factor/new", "/auth/second-factor"
CODES, RECOVERY = f"{STEP}/recovery-codes", f"{STEP}/recovery-code"
REMOVAL = f"{STEP}/removal"


def set_up(client: FlaskClient, path: str = NEW) -> str:
    """Set an app up as the page says; its key."""
    client.get(path)
    with client.session_transaction() as held:
        secret = str(held["totp_secret"])
    answer = client.post(path, data={"code": pyotp.TOTP(secret).now()})
    assert answer.status_code == 303, answer.text
    return secret


def made_codes(client: FlaskClient) -> list[str]:
    """Fresh recovery codes, read off the page."""
    return re.findall(r"<code>([0-9A-Z-]{19})</code>", client.post(CODES).text)


def halfway(client: FlaskClient, email: str = ALICE) -> FlaskClient:
    """A browser in which the password was given, and nothing else."""
    form = {"email": email, "password": PASSWORD}
    assert client.post("/auth/login", data=form).location.startswith(STEP)
    return client


@both_databases
def test_alice_turns_it_on_and_a_password_opens_nothing_any_more(
    app: Flask, client: FlaskClient, browser_of: Browsers
) -> None:
    alice = customer()
    tablet = sign_in(browser_of())
    page = sign_in(client).get(NEW)
    with client.session_transaction() as held:
        secret = held["totp_secret"]
    grouped = " ".join(secret[i : i + 4] for i in range(0, 32, 4))
    assert f'data-copy="{grouped}"' in page.text
    assert "<svg" in page.text
    wrong = client.post(NEW, data={"code": "000000"})
    assert wrong.status_code == 422
    assert account(ALICE).totp_secret is None
    before, start = cookie(client), clock.now()
    code = pyotp.TOTP(secret).at(start)
    there = client.post(f"{NEW}?next=/auth/account", data={"code": code}).location
    assert there == f"{CODES}?next=/auth/account"
    assert replay(app, before) == 303  # the session is another from here on
    assert client.get("/teams/").status_code == 200
    assert tablet.get("/teams/").location == f"{STEP}?next=/teams/"  # asked on every device

    other = halfway(browser_of())
    stolen = cookie(other)
    for closed in ("/teams/", "/privacy/", "/auth/account", "/home", NEW, CODES, "/auth/verify"):
        assert other.get(closed).location.startswith(STEP), closed
    step = other.get(f"{STEP}?next=/privacy/")
    assert "Alice Alm" not in step.text
    assert "cdn.jsdelivr.net" not in step.text
    assert other.post(STEP, data={"code": code}).status_code == 422  # used up already
    assert other.post(STEP, data={"code": "000000"}).status_code == 422
    db.session.rollback()
    tries = select(SignInRecord.succeeded).where(SignInRecord.user_id == alice.id)
    assert sorted(db.session.scalars(tries)) == [False, False, True, True]
    assert db.session.scalar(select(func.count()).select_from(KnownDevice)) == 2
    with time_machine.travel(start + timedelta(seconds=31), tick=False):
        fresh = {"code": pyotp.TOTP(secret).at(clock.now())}
        assert other.post(f"{STEP}?next=/privacy/", data=fresh).location == "/privacy/"
        assert other.get("/privacy/").status_code == 200
        assert replay(app, stolen) == 303
        assert halfway(browser_of()).post(STEP, data=fresh).status_code == 422
    assert events(alice).count("second_factor_failed") == 3
    assert events(alice).count("second_factor_on") == 1
    subjects = [mail["Subject"] for mail in delivered(app)]
    assert "Tvåstegsinloggning på" in subjects
    assert secret not in other.get("/privacy/data/user").text


def test_the_second_step_is_open_for_a_quarter_of_an_hour(
    client: FlaskClient, browser_of: Browsers
) -> None:
    customer()
    set_up(sign_in(client))
    other, start = halfway(browser_of()), clock.now()
    with time_machine.travel(start + timedelta(minutes=14)):
        assert other.get(STEP).status_code == 200
    with time_machine.travel(start + timedelta(minutes=16)):
        assert other.get(STEP).location.startswith("/auth/login")
        assert other.get("/privacy/").location.startswith("/privacy/find")
        assert other.post(RECOVERY, data={"code": "x"}).location.startswith("/auth/login")
    assert other.post("/auth/logout").status_code == 303
    assert other.get(STEP).location.startswith("/auth/login")


def test_replacing_the_app_and_turning_it_off(
    app: Flask, client: FlaskClient, browser_of: Browsers
) -> None:
    alice = customer()
    first = set_up(sign_in(client))
    made_codes(client)
    second = set_up(client)
    assert second != first
    with time_machine.travel(clock.now() + timedelta(seconds=31), tick=False):
        other = halfway(browser_of())
        old, new = ({"code": pyotp.TOTP(key).at(clock.now())} for key in (first, second))
        assert other.post(STEP, data=old).status_code == 422
        assert other.post(STEP, data=new).status_code == 303
    with transaction() as session:
        for row in session.scalars(select(SignIn)):
            row.verified_at -= timedelta(hours=1)
    for path in (NEW, REMOVAL, CODES):
        assert client.get(path).location == f"/auth/verify?next={path}"
        assert client.post(path, data={"code": "123456"}).location == f"/auth/verify?next={path}"
    assert client.post("/auth/verify", data={"password": PASSWORD}).status_code == 303
    assert "räcker lösenordet" in client.get(REMOVAL).text
    assert client.post(REMOVAL).location == "/auth/account"
    assert client.post(REMOVAL).status_code == 404
    db.session.rollback()
    assert account(ALICE).totp_secret is None
    assert db.session.scalar(select(func.count()).select_from(RecoveryCode)) == 0
    assert sign_in(browser_of()).get("/teams/").status_code == 200
    noted = [e for e in events(alice) if e.startswith("second_factor_")]
    expected = ["on", "replaced", "failed", "off"]
    assert noted == [f"second_factor_{what}" for what in expected]
    subjects = {mail["Subject"] for mail in delivered(app)}
    assert {"Tvåstegsinloggning av", "Ny autentiseringsapp för tvåstegsinloggning"} <= subjects


def test_checklist_08_recovery_codes_are_shown_once_and_work_once(
    app: Flask, client: FlaskClient, browser_of: Browsers
) -> None:
    alice = customer()
    assert sign_in(client).get(CODES).status_code == 404  # nothing to recover
    set_up(client)
    offer = client.get(f"{CODES}?next=/teams/")
    assert 'href="/teams/"' in offer.text
    shown = client.post(f"{CODES}?next=/teams/")
    codes = re.findall(r"<code>([0-9A-Z-]{19})</code>", shown.text)
    assert len(set(codes)) == 10
    assert all(len(bare(code)) * 5 == 80 for code in codes)  # bits
    assert "data-print" in shown.text
    assert html.unescape(shown.text.split('data-copy="')[1].split('"')[0]).split() == codes
    file = unquote(shown.text.split("data:text/plain;charset=utf-8,")[1].split('"')[0])
    assert all(code in file for code in codes)
    assert shown.headers["Cache-Control"] == "no-store"
    assert codes[0] not in client.get(CODES).text
    stored = list(db.session.scalars(select(RecoveryCode.code_digest)))
    assert all(len(digest) == 32 for digest in stored)
    assert "10 koder kvar" in client.get("/auth/account").text
    assert codes[0] not in client.get("/privacy/data/recovery_code").text

    other = halfway(browser_of())
    assert other.get(RECOVERY).status_code == 200
    for wrong in ("", "0000-0000-0000-0000", "x" * 61, "åäö"):
        assert other.post(RECOVERY, data={"code": wrong}).status_code == 422
    typed = f" {codes[3].lower().replace('-', ' ')} "
    assert other.post(f"{RECOVERY}?next=/teams/", data={"code": typed}).location == "/teams/"
    assert "Du har 9 koder kvar" in other.get("/teams/").text
    assert halfway(browser_of()).post(RECOVERY, data={"code": codes[3]}).status_code == 422
    mail = next(m for m in delivered(app) if m["Subject"] == "Återställningskod använd")
    assert "9 koder kvar" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    db.session.rollback()
    methods = list(db.session.scalars(select(SignInRecord.method).where(SignInRecord.succeeded)))
    assert "recovery" in methods
    assert {"recovery_codes_made", "recovery_code_used"} <= set(events(alice))

    fresh = made_codes(client)
    assert len(fresh) == 10
    late = halfway(browser_of())
    assert late.post(RECOVERY, data={"code": codes[4]}).status_code == 422
    assert late.post(RECOVERY, data={"code": fresh[0]}).status_code == 303


@both_databases
def test_checklist_08_of_two_requests_with_one_recovery_code_one_wins(app: Flask) -> None:
    alice = customer()
    with transaction() as session:
        user = session.get_one(User, alice.id)
        factors.enrol_totp(session, user, pyotp.random_base32(32))
        code = factors.make_recovery_codes(session, user, clock.now())[0]
    won = at_once(
        app,
        lambda session: (
            factors.use_recovery_code(session, account(ALICE), code, clock.now()) is not None
        ),
    )
    assert sorted(won) == [False, True]


def test_bob_is_led_to_set_it_up_where_his_organisation_requires_it(
    app: Flask, client: FlaskClient, browser_of: Browsers
) -> None:
    alice = customer()
    colleague(alice, "leader")
    customer("Charlie Ceder", "charlie@annat.test", organisation="Annan AB", number="212000-0142")
    bob = sign_in(browser_of(), BOB)
    assert bob.get("/teams/").status_code == 200
    with transaction() as session:
        session.scalars(
            select(Organisation).where(Organisation.name == "Exempel AB")
        ).one().second_factor_required = True
    assert bob.get("/teams/").location == f"{STEP}?next=/teams/"
    assert bob.post("/teams/", data={"name": "Redaktionen"}).location == STEP
    assert bob.get(f"{STEP}?next=/teams/").location == f"{NEW}?next=/teams/"
    assert "krävs ett andra steg" in bob.get(f"{NEW}?next=/teams/").text
    assert bob.get("/privacy/").status_code == 200  # rights never wait
    assert sign_in(client, "charlie@annat.test").get("/teams/").status_code == 200
    set_up(bob)
    assert bob.get("/teams/").status_code == 200
    assert bob.post(REMOVAL).status_code == 422
    assert "Byt app" in bob.get(REMOVAL).text
    assert "Ta bort appen" not in bob.get("/auth/account").text
    set_up(bob)  # replacing is fine

    added(bob)
    assert bob.post(REMOVAL).location == "/auth/account"  # the passkey is left
    assert bob.get("/teams/").status_code == 200


def test_checklist_08_staff_replace_it_and_never_turn_it_off(client: FlaskClient) -> None:
    staff()
    set_up(sign_in(client, STINA))
    assert client.post(REMOVAL).status_code == 422
    first = account(STINA).totp_secret
    set_up(client)
    db.session.rollback()
    assert account(STINA).totp_secret not in (None, first)


def test_a_stranger_with_the_password_uses_up_no_tries_of_the_owner(
    app: Flask, client: FlaskClient, browser_of: Browsers
) -> None:
    customer()
    secret = set_up(sign_in(client))
    client.post("/auth/logout")
    halfway(client)
    stranger = halfway(browser_of())
    limiter.enabled = True
    limiter.reset()
    wrong = [stranger.post(STEP, data={"code": "000000"}).status_code for _ in range(7)]
    assert wrong == [422] * 6 + [429]
    with time_machine.travel(clock.now() + timedelta(seconds=31), tick=False):
        code = {"code": pyotp.TOTP(secret).at(clock.now())}
        assert client.post(STEP, data=code).status_code == 303
