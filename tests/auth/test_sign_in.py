"""Signing in and out, again after a while, and with a second factor."""

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread

import pyotp
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.conftest import both_databases
from tests.factories import PASSWORD, account, customer, sign_in, staff, without_secrets
from trustivide.auth import actions, factors, passwords, queries, sign_ins
from trustivide.auth.models import SignIn
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.web.limits import limiter

Browsers = Callable[[], FlaskClient]


def cookie(client: FlaskClient) -> str:
    found = client.get_cookie("session")
    assert found is not None
    return str(found.value)


def replay(app: Flask, value: str, path: str = "/privacy/") -> int:
    """What an old cookie opens. The test client's own jar would replace the header."""
    thief = app.test_client(use_cookies=False)
    return thief.get(path, headers={"Cookie": f"session={value}"}).status_code


def test_alice_signs_in_and_comes_to_her_teams(client: FlaskClient) -> None:
    customer()
    assert client.get("/teams/").location == "/auth/login?next=/teams/"
    form = {"email": " Alice@Exempel.TEST ", "password": PASSWORD}
    assert client.post("/auth/login?next=/teams/", data=form).location == "/teams/"
    assert client.get("/teams/").status_code == 200
    assert client.get("/auth/login").location == "/home"
    assert client.get("/auth/register").location == "/home"
    assert client.get("/home").location == "/teams/"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.test/",
        "//evil.test/",
        "/\\evil.test",
        "\\/evil.test",
        "/\t/evil.test",
        "javascript:alert(1)",
        "evil.test",
        "/a\r\nSet-Cookie: x=y",
    ],
)
def test_checklist_31_nobody_is_sent_to_another_site(client: FlaskClient, target: str) -> None:
    customer()
    for path in ("/auth/login", "/auth/verify"):
        response = client.post(
            path,
            query_string={"next": target},
            data={"email": "alice@exempel.test", "password": PASSWORD},
        )
        assert response.location == "/home"
    assert client.post("/language", data={"lang": "en", "next": target}).location == "/"


def test_checklist_10_a_wrong_password_and_an_unknown_address_are_answered_alike(
    client: FlaskClient,
) -> None:
    customer()
    wrong, unknown = (
        client.post("/auth/login", data={"email": email, "password": "inte den här gången"})
        for email in ("alice@exempel.test", "nobody@exempel.test")
    )
    assert wrong.status_code == unknown.status_code == 422
    one, other = (without_secrets(page.text) for page in (wrong, unknown))
    assert one.replace("alice@", "nobody@") == other
    assert "hör inte ihop" in wrong.text
    assert "inte den här gången" not in wrong.text


def test_both_cost_one_verification(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    customer()
    client.post("/auth/login", data={"email": "x@exempel.test", "password": "warms the decoy up"})
    verified: list[str] = []

    class Counting:
        def __init__(self, inner: object) -> None:
            self.inner = inner

        def verify(self, stored: str, password: str) -> bool:
            verified.append(stored.split("$")[3])  # its cost
            return bool(self.inner.verify(stored, password))  # type: ignore[attr-defined]

        def hash(self, password: str) -> str:
            return str(self.inner.hash(password))  # type: ignore[attr-defined]

    monkeypatch.setattr(passwords, "hasher", Counting(passwords.hasher))
    for email in ("alice@exempel.test", "nobody@exempel.test"):
        client.post("/auth/login", data={"email": email, "password": "inte den här gången"})
    assert len(verified) == 2
    assert verified[0] == verified[1]


def test_checklist_01_logout_kills_the_session_on_the_server(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    sign_in(client)
    old = cookie(client)
    assert replay(app, old) == 200
    assert client.get("/auth/logout").status_code == 405
    assert client.post("/auth/logout").location == "/"
    assert "Du är utloggad" in client.get("/").text
    assert replay(app, old) == 303


def test_checklist_02_signing_in_again_ends_the_sign_in_before(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    customer("Charlie Ceder", "charlie@annat.test", number="212000-0142")
    sign_in(client)
    old = cookie(client)
    sign_in(client, "charlie@annat.test")
    assert replay(app, old) == 303
    assert "Charlie Ceder" in client.get("/teams/").text


def test_checklist_03_a_sign_in_ends_after_a_night_and_after_a_fortnight(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    start = clock.now()
    sign_in(client)
    with time_machine.travel(start + timedelta(hours=11)):
        assert client.get("/teams/").status_code == 200
    with time_machine.travel(start + timedelta(hours=24)):
        assert client.get("/teams/").status_code == 303
    with time_machine.travel(start), transaction() as session:
        token = sign_ins.begin(session, account("alice@exempel.test"), start)
    found = queries.sign_in_for
    assert found(db.session(), token, start + timedelta(days=13)) is not None
    assert found(db.session(), token, start + timedelta(days=15)) is None


def test_giving_the_password_again(client: FlaskClient) -> None:
    customer()
    sign_in(client)
    with transaction() as session:
        session.scalars(select(SignIn)).one().verified_at -= timedelta(hours=1)
    page = client.get("/auth/verify?next=/privacy/erasure")
    assert page.status_code == 200
    wrong = client.post("/auth/verify?next=/privacy/erasure", data={"password": "fel lösenord"})
    assert wrong.status_code == 422
    assert "Lösenordet stämmer inte" in wrong.text
    right = client.post("/auth/verify?next=/privacy/erasure", data={"password": PASSWORD})
    assert right.location == "/privacy/erasure"
    verified = db.session.scalars(select(SignIn)).one().verified_at
    assert verified > clock.now() - timedelta(minutes=1)


def test_checklist_11_the_seventh_try_in_ten_minutes_waits(
    app: Flask, browser_of: Browsers
) -> None:
    customer()
    limiter.enabled = True
    limiter.reset()
    forms = [
        {"email": "alice@exempel.test", "password": "fel lösenord"},
        {"email": "Nobody@exempel.test", "password": "fel lösenord"},
    ]
    for form in forms:
        answers = [browser_of().post("/auth/login", data=form).status_code for _ in range(7)]
        assert answers == [422] * 6 + [429]
    # Whoever tries is not believed about where from.
    last = browser_of().post("/auth/login", data=forms[0], headers={"X-Forwarded-For": "192.0.2.7"})
    assert last.status_code == 429
    assert "Lite för många försök" in last.text


def test_checklist_11_one_persons_tries_hold_up_nobody_else(
    app: Flask, browser_of: Browsers
) -> None:
    customer()
    customer("Charlie Ceder", "charlie@annat.test", number="212000-0142")
    alice, charlie = sign_in(browser_of()), sign_in(browser_of(), "charlie@annat.test")
    limiter.enabled = True
    limiter.reset()
    tries = [alice.post("/auth/verify", data={"password": "fel lösenord"}) for _ in range(7)]
    assert [r.status_code for r in tries] == [422] * 6 + [429]
    assert charlie.post("/auth/verify", data={"password": PASSWORD}).status_code == 303


def test_checklist_08_staff_need_a_second_factor_and_a_code_works_once(
    app: Flask, client: FlaskClient, browser_of: Browsers
) -> None:
    staff()
    sign_in(client, "stina@trustivide.test")
    before = cookie(client)
    assert client.get("/admin/").location == "/auth/second-factor?next=/admin/"
    assert client.get("/auth/second-factor?next=/admin/").location.startswith(
        "/auth/second-factor/new"
    )
    page = client.get("/auth/second-factor/new?next=/admin/")
    with client.session_transaction() as held:
        secret = held["totp_secret"]
    assert secret in page.text.replace(" ", "")
    assert "<svg" in page.text
    assert "style=" not in page.text
    assert client.post("/auth/second-factor/new", data={"code": "12345"}).status_code == 422
    assert client.post("/auth/second-factor/new", data={"code": "١٢٣٤٥٦"}).status_code == 422
    assert account("stina@trustivide.test").totp_secret is None
    code = pyotp.TOTP(secret).now()
    done = client.post("/auth/second-factor/new?next=/admin/", data={"code": code})
    assert done.location == "/auth/second-factor/recovery-codes?next=/admin/"
    assert client.get("/admin/").status_code == 200
    assert replay(app, before, "/admin/") == 303

    # From another device: the password alone opens nothing, and the code is used up.
    other = sign_in(browser_of(), "stina@trustivide.test")
    stolen = cookie(other)
    assert other.get("/admin/").status_code == 303
    spent = other.post("/auth/second-factor", data={"code": code})
    assert spent.status_code == 422
    assert "redan använd" in spent.text
    with time_machine.travel(clock.now() + timedelta(seconds=31)):
        fresh = {"code": pyotp.TOTP(secret).now()}
        assert other.post("/auth/second-factor?next=/admin/", data=fresh).location == "/admin/"
        assert other.get("/admin/").status_code == 200
        assert replay(app, stolen, "/admin/") == 303
        assert client.post("/auth/second-factor", data=fresh).status_code == 422


def test_setting_one_up_needs_the_password_given_lately(client: FlaskClient) -> None:
    staff()
    sign_in(client, "stina@trustivide.test")
    with transaction() as session:
        session.scalars(select(SignIn)).one().verified_at -= timedelta(hours=1)
    asked = client.get("/auth/second-factor/new?next=/admin/").location
    assert asked.startswith("/auth/verify?next=/auth/second-factor/new")
    assert client.post(asked, data={"password": PASSWORD}).location == (
        "/auth/second-factor/new?next=/admin/"
    )


@both_databases
def test_checklist_08_of_two_requests_with_one_code_one_wins(app: Flask) -> None:
    stina = staff()
    secret, now = pyotp.random_base32(32), clock.now()
    with transaction() as session:
        factors.enrol_totp(session, account(stina.email), secret)
    code = pyotp.TOTP(secret).at(now)
    won = at_once(
        app,
        lambda session: factors.check_totp(session, account("stina@trustivide.test"), code, now),
    )
    assert sorted(won) == [False, True]


@both_databases
def test_of_two_requests_with_one_reset_link_one_wins(app: Flask) -> None:
    customer()
    now = clock.now()
    with transaction() as session:
        alice = account("alice@exempel.test")
        token = actions.new_link(session, alice, "reset", timedelta(hours=1), now)
    words = iter(["första valet i skogen", "andra valet i skogen"])
    won = at_once(
        app, lambda session: actions.reset_password(session, token, next(words), now) is not None
    )
    assert sorted(won) == [False, True]
    assert db.session.scalar(select(func.count()).select_from(SignIn)) == 0


def at_once(app: Flask, act: Callable) -> list[bool]:  # type: ignore[type-arg]
    """What ``act`` answered in two transactions that began together."""
    start, answers = Barrier(2), []

    def one() -> None:
        with app.app_context():
            start.wait()
            with transaction() as session:
                answers.append(act(session))
            db.session.remove()

    threads = [Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
