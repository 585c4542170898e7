"""Passkeys against a real authenticator in software: what they open, and what is refused."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.auth.authenticator import Authenticator, added, challenged
from tests.conftest import both_databases
from tests.factories import PASSWORD, account, colleague, customer, delivered, sign_in, staff
from trustivide.audit.models import AuditEntry
from trustivide.auth.models import NO_PASSWORD, Passkey, RecoveryCode, SignIn, User
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.web.limits import limiter

Browsers = Callable[[], FlaskClient]
ALICE = "alice@exempel.test"
IN = "/auth/passkeys/sign-in"


def give(client: FlaskClient, device: Authenticator, path: str = IN, **lies: object) -> int:
    """The status after proving the passkey at ``path``."""
    answer = device.prove(challenged(client, path), **lies)  # type: ignore[arg-type]
    return client.post(path, data={"credential": answer}).status_code


def events(about: User) -> list[str]:
    db.session.rollback()
    chain = select(AuditEntry.event).where(AuditEntry.about_id == about.id)
    return list(db.session.scalars(chain.order_by(AuditEntry.number)))


def without_password(email: str) -> None:
    with transaction() as session:
        session.get_one(User, account(email).id).password_hash = NO_PASSWORD


@both_databases
def test_checklist_08_alice_adds_a_passkey_and_comes_in_with_it_alone(
    app: Flask, client: FlaskClient, browser_of: Browsers
) -> None:
    alice = customer()
    options = challenged(sign_in(client), "/auth/passkeys/new")
    chosen = options["authenticatorSelection"]
    assert (chosen["residentKey"], chosen["userVerification"]) == ("required", "required")
    assert options["rp"]["id"] == "localhost"
    assert options["attestation"] == "none"
    device = Authenticator()
    form = {"credential": device.make(options), "name": "Telefonen"}
    assert client.post("/auth/passkeys/new?next=/teams/", data=form).location == (
        "/auth/second-factor/recovery-codes?next=/teams/"
    )
    assert client.get("/teams/").status_code == 200  # the one who added it proved it
    again = challenged(client, "/auth/passkeys/new")
    assert len(again["excludeCredentials"]) == 1
    twice = {"credential": device.make(again), "name": "Igen"}
    assert client.post("/auth/passkeys/new", data=twice).status_code == 422

    fresh = browser_of()
    asked = challenged(fresh, IN)
    assert (asked["userVerification"], asked["allowCredentials"]) == ("required", [])
    into = fresh.post(f"{IN}?next=/privacy/", data={"credential": device.prove(asked)})
    assert into.location == "/privacy/"
    assert fresh.get("/privacy/").status_code == 200
    passkey = db.session.scalars(select(Passkey)).one()
    assert (passkey.sign_count, passkey.last_used_on) == (1, clock.day_of(clock.now()))
    subjects = [mail["Subject"] for mail in delivered(app)]
    assert "Passkey tillagd" in subjects
    assert {"passkey_added", "sign_in"} <= set(events(alice))

    # What the privacy centre shows of it, and what never.
    page = fresh.get("/privacy/data/passkey").text
    assert "Telefonen" in page
    assert "visas aldrig" in page
    assert device.credential_id.hex() not in page
    account_page = fresh.get("/auth/account").text
    assert "Telefonen" in account_page


def test_what_no_passkey_opens(app: Flask, client: FlaskClient, browser_of: Browsers) -> None:
    alice = customer()
    device = added(sign_in(client))
    thief = browser_of()
    for lie in (
        {"origin": "http://evil.test"},
        {"origin": "http://localhost:5001"},
        {"site": "evil.test"},
        {"verified": False},
        {"handle": uuid4().bytes},
        {"handle": b""},
    ):
        assert give(thief, device, **lie) == 422, lie
    assert give(thief, Authenticator(user_handle=alice.id.bytes)) == 422
    forged = Authenticator(credential_id=device.credential_id, user_handle=alice.id.bytes)
    forged.counter = 99
    assert give(thief, forged) == 422
    for nonsense in ("", "{}", "[]", "nonsense", '{"id": 1}', "{" * 100):
        challenged(thief, IN)
        assert thief.post(IN, data={"credential": nonsense}).status_code == 422
    assert thief.get("/teams/").location == "/auth/login?next=/teams/"
    assert "passkey_copied" not in events(alice)  # none of it was signed with Alice's key
    assert give(thief, device) == 303

    for lie in ({"origin": "http://evil.test"}, {"verified": False}):
        made = Authenticator().make(challenged(client, "/auth/passkeys/new"), **lie)  # type: ignore[arg-type]
        wrong = client.post("/auth/passkeys/new", data={"credential": made, "name": "Min"})
        assert wrong.status_code == 422
        assert 'value="Min"' in wrong.text
    assert db.session.scalar(select(func.count()).select_from(Passkey)) == 1


@both_databases
@pytest.mark.parametrize("counts", [True, False])
def test_an_answer_opens_once(
    app: Flask, client: FlaskClient, browser_of: Browsers, counts: bool
) -> None:
    customer()
    device = added(sign_in(client), counts=counts)
    fresh = browser_of()
    answer = device.prove(challenged(fresh, IN))
    kept = fresh.get_cookie("session")
    assert kept is not None
    assert fresh.post(IN, data={"credential": answer}).status_code == 303
    assert fresh.post(IN, data={"credential": answer}).status_code == 422
    # The cookie of before holds the challenge still: the server knows that it was answered.
    fresh.set_cookie("session", kept.value, domain="localhost", path="/")
    assert fresh.post(IN, data={"credential": answer}).status_code == 422
    assert "passkey_copied" not in events(account(ALICE))
    assert give(fresh, device) == 303


def test_a_challenge_is_for_one_purpose_and_five_minutes(
    client: FlaskClient, browser_of: Browsers
) -> None:
    customer()
    device = added(sign_in(client))
    answer = device.prove(challenged(client, IN))
    assert client.post("/auth/verify/passkey", data={"credential": answer}).status_code == 422
    answer = device.prove(challenged(client, "/auth/verify/passkey"))
    assert client.post(IN, data={"credential": answer}).status_code == 422
    made = Authenticator().make(challenged(client, "/auth/passkeys/new"))
    challenged(client, IN)  # a later challenge takes the place of the one before
    assert client.post("/auth/passkeys/new", data={"credential": made}).status_code == 422
    fresh, start = browser_of(), clock.now()
    for wait, status in ((timedelta(minutes=4), 303), (timedelta(minutes=5), 422)):
        with time_machine.travel(start, tick=False):
            answer = device.prove(challenged(fresh, IN))
        with time_machine.travel(start + wait, tick=False):
            assert fresh.post(IN, data={"credential": answer}).status_code == status
        start += timedelta(minutes=10)


def test_a_counter_that_goes_backwards_is_a_copy(
    app: Flask, client: FlaskClient, browser_of: Browsers
) -> None:
    alice = customer()
    device = added(sign_in(client))
    device.counter = 0xFFFFFFF0  # 32 bits without a sign
    assert give(browser_of(), device) == 303
    device.counter = 5
    fresh = browser_of()
    assert give(fresh, device) == 422
    assert fresh.get("/teams/").status_code == 303
    assert events(alice).count("passkey_copied") == 1
    assert "Passkey verkar kopierad" in [mail["Subject"] for mail in delivered(app)]
    device.counter = 0xFFFFFFF5
    assert give(fresh, device) == 303


def test_a_passkey_is_the_second_step_and_says_again_who_one_is(
    app: Flask, client: FlaskClient, browser_of: Browsers
) -> None:
    alice = customer()
    customer("Charlie Ceder", "charlie@annat.test", number="212000-0142")
    device = added(sign_in(client))
    charlies = added(sign_in(browser_of(), "charlie@annat.test"))
    second = "/auth/second-factor/passkey"
    other = browser_of()
    form = {"email": ALICE, "password": PASSWORD}
    there = other.post("/auth/login?next=/teams/", data=form).location
    assert there == "/auth/second-factor?next=%2Fteams%2F"
    assert "passkeys.js" in other.get(there).text
    assert other.get("/teams/").location == "/auth/second-factor?next=/teams/"
    assert give(other, charlies, second) == 422
    assert events(alice)[-2:] == ["second_factor_failed", "sign_in_failed"]
    assert len(challenged(other, second)["allowCredentials"]) == 1
    assert give(other, device, second) == 303
    assert other.get("/teams/").status_code == 200

    with transaction() as session:
        for row in session.scalars(select(SignIn)):
            row.verified_at -= timedelta(hours=1)
    own = db.session.scalars(select(Passkey.id).where(Passkey.user_id == alice.id)).one()
    path = f"/auth/passkeys/{own}"
    new = other.get("/auth/passkeys/new").location
    assert new == "/auth/verify?next=/auth/passkeys/new"
    assert other.post("/auth/passkeys/new/challenge").location.startswith("/auth/verify")
    assert other.post(f"{path}/removal").location.startswith("/auth/verify")
    assert give(other, charlies, "/auth/verify/passkey") == 422
    assert give(other, device, "/auth/verify/passkey") == 303
    assert other.get("/auth/passkeys/new").status_code == 200


def test_nobody_removes_their_last_way_in(
    app: Flask, client: FlaskClient, browser_of: Browsers
) -> None:
    alice = customer()
    first = added(sign_in(client), "Telefonen")
    client.post("/auth/second-factor/recovery-codes")
    without_password(ALICE)
    wrong = {"email": ALICE, "password": PASSWORD}
    assert browser_of().post("/auth/login", data=wrong).status_code == 422
    key = db.session.scalars(select(Passkey)).one()
    removal = f"/auth/passkeys/{key.id}/removal"
    assert "enda sätt att logga in" in client.get(removal).text
    assert client.post(removal).status_code == 422
    assert give(browser_of(), first) == 303

    added(client, "Datorn")
    assert client.post(f"/auth/passkeys/{key.id}/name", data={"name": ""}).status_code == 422
    client.post(f"/auth/passkeys/{key.id}/name", data={"name": "Gamla telefonen"})
    assert "Gamla telefonen" in client.get("/auth/account").text
    assert client.post(removal).location == "/auth/account"
    assert give(browser_of(), first) == 422
    assert db.session.scalar(select(func.count()).select_from(RecoveryCode)) == 10
    assert "Passkey borttagen" in [mail["Subject"] for mail in delivered(app)]
    assert events(alice).count("passkey_removed") == 1

    # With a password again the last one may go, and the codes that stood in for it.
    with transaction() as session:
        session.get_one(User, alice.id).password_hash = "$argon2id$"
    last = db.session.scalars(select(Passkey.id)).one()
    assert client.post(f"/auth/passkeys/{last}/removal").location == "/auth/account"
    assert db.session.scalar(select(func.count()).select_from(RecoveryCode)) == 0
    assert client.get("/teams/").status_code == 200


def test_one_persons_passkeys_are_nobody_elses(client: FlaskClient, browser_of: Browsers) -> None:
    alice = customer()
    added(sign_in(client))
    colleague(alice, "admin")
    bob = sign_in(browser_of(), "bob@exempel.test")
    path = f"/auth/passkeys/{db.session.scalars(select(Passkey.id)).one()}"
    for part in ("removal", "name"):
        assert bob.get(f"{path}/{part}").status_code == 404
        assert bob.post(f"{path}/{part}", data={"name": "Bobs"}).status_code == 404
    assert "Telefonen" not in bob.get("/auth/account").text


def test_stina_needs_nothing_else_and_keeps_her_last_one(
    client: FlaskClient, browser_of: Browsers
) -> None:
    staff()
    sign_in(client, "stina@trustivide.test")
    assert client.get("/admin/").location == "/auth/second-factor?next=/admin/"
    device = added(client)
    assert client.get("/admin/").status_code == 200
    other = browser_of()
    assert give(other, device) == 303
    assert other.get("/admin/").status_code == 200
    removal = f"/auth/passkeys/{db.session.scalars(select(Passkey.id)).one()}/removal"
    assert client.post(removal).status_code == 422
    assert "krävs ett andra steg" in client.get(removal).text


def test_tries_with_passkeys_are_counted(app: Flask, browser_of: Browsers) -> None:
    customer()
    limiter.enabled = True
    limiter.reset()
    statuses = [browser_of().post(IN, data={"credential": "x"}).status_code for _ in range(31)]
    assert statuses == [422] * 30 + [429]
