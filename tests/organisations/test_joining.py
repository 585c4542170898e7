"""Joining with a passkey: the account that an invitation makes can be one without a password."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.auth.authenticator import Authenticator, added, challenged, unpack
from tests.conftest import both_databases
from tests.factories import account, customer, delivered, sign_in, without_secrets
from tests.organisations.stories import (
    ALICE,
    BOB,
    CHARLIE,
    EVA,
    JOINING,
    invitation_id,
    invited,
    offer,
    roles,
    sealed,
    there,
)
from tests.routes import dump
from trustivide.auth.models import NO_PASSWORD, Passkey, SignInRecord, User
from trustivide.core import clock
from trustivide.core.db import db
from trustivide.core.subjects import Person
from trustivide.rights.models import NoticeRecord
from trustivide.web.limits import limiter

Browsers = Callable[[], FlaskClient]
IN = "/auth/passkeys/sign-in"
NAMED = {"name": "Eva Ek", "credential": ""}


@pytest.fixture
def invite(app: Flask, client: FlaskClient) -> Callable[..., str]:
    """Alice owns the organisation, and invites; the path of the link that is mailed."""
    customer()
    sign_in(client)

    def send(email: str = EVA, role: str = "leader") -> str:
        client.post(there("invitations"), data={"email": email, "role": role})
        return offer(app)

    return send


def asked(client: FlaskClient, path: str) -> dict[str, object]:
    return challenged(client, f"{path}/passkey", **NAMED)


def join(client: FlaskClient, path: str, made: str) -> int:
    return client.post(path, data=NAMED | {"credential": made}).status_code


@both_databases
def test_eva_joins_with_a_passkey_and_comes_in_with_it_alone(
    app: Flask, invite: Callable[..., str], browser_of: Browsers
) -> None:
    path, eva, device = invite(), browser_of(), Authenticator()
    page = eva.get(path).text
    assert "Skapa en passkey i stället" in page
    assert "passkeys.js" in page
    before = dump()
    options = asked(eva, path)
    assert dump() == before
    chosen = options["authenticatorSelection"]
    assert (chosen["residentKey"], chosen["userVerification"]) == ("required", "required")  # type: ignore[index]
    assert (options["attestation"], options["excludeCredentials"]) == ("none", [])
    assert {**options["user"], "id": ""} == {"id": "", "name": EVA, "displayName": "Eva Ek"}  # type: ignore[dict-item]
    answer = eva.post(path, data=NAMED | {"credential": device.make(options)})
    assert answer.location == "/auth/second-factor/recovery-codes?next=/home"
    assert "Du väljer då ett lösenord" in eva.get(answer.location).text
    assert "<code>" in eva.post(answer.location).text

    assert roles() == {ALICE: "owner", EVA: "leader"}
    assert invited() == []
    made = account(EVA)
    assert (made.name, made.password_hash) == ("Eva Ek", NO_PASSWORD)
    assert made.confirmed_at is not None
    assert made.id == UUID(bytes=device.user_handle)
    assert db.session.scalars(select(Passkey.user_id)).all() == [made.id]
    notices = db.session.scalars(
        select(NoticeRecord.notice).where(NoticeRecord.reference == Person.of(made.id).reference)
    )
    assert set(notices) == {"privacy-notice", "privacy-policy"}
    assert sealed("passkey_added", "colleague_joined") == [
        ("passkey_added", EVA, EVA, ""),
        ("colleague_joined", EVA, EVA, "leader"),
    ]
    methods = select(SignInRecord.method).where(SignInRecord.user_id == made.id)
    assert db.session.scalars(methods).all() == ["passkey"]
    assert [m["Subject"] for m in delivered(app) if m["To"] == EVA][-2:] == [
        "Passkey tillagd",
        "Nya återställningskoder",
    ]
    assert eva.get("/teams/").status_code == 200
    assert "Inget valt" in eva.get("/auth/account").text

    other = browser_of()
    assert other.post("/auth/login", data={"email": EVA, "password": "!"}).status_code == 422
    given = device.prove(challenged(other, IN))
    assert other.post(f"{IN}?next=/teams/", data={"credential": given}).location == "/teams/"
    assert other.get("/teams/").status_code == 200
    # The link is used up, for a passkey too.
    late = browser_of()
    assert late.post(f"{path}/passkey/challenge", data=NAMED).status_code == 404
    assert join(late, path, Authenticator().make(options)) == 404


def test_what_no_passkey_joins_with(
    app: Flask, invite: Callable[..., str], client: FlaskClient, browser_of: Browsers
) -> None:
    path, eva, device = invite(), browser_of(), Authenticator()
    second = invite(BOB)
    taken = added(client)  # Alice's own credential, offered by somebody else
    before = dump()
    for lie in ({"origin": "http://evil.test"}, {"verified": False}):
        made = device.make(asked(eva, path), **lie)
        answer = eva.post(path, data={"name": "Eva <i>", "credential": made})
        assert answer.status_code == 422
        assert "kom inte överens" in answer.text
        assert 'value="Eva &lt;i&gt;"' in answer.text
        assert "htmx" not in answer.text
    for nonsense in ("", "{}", "nonsense"):
        asked(eva, path)
        assert join(eva, path, nonsense) == 422
    assert join(eva, path, taken.make(asked(eva, path))) == 422
    # Without a challenge, with somebody else's, another link's, another purpose's, one used up.
    assert join(browser_of(), path, device.make(asked(browser_of(), path))) == 422
    assert join(eva, path, device.make(asked(browser_of(), path))) == 422
    assert join(eva, path, device.make(asked(eva, second))) == 422
    own = challenged(client, "/auth/passkeys/new")
    assert client.post("/auth/logout").status_code == 303
    assert join(client, path, device.make(own)) == 422
    options = asked(eva, path)
    assert join(eva, path, "{}") == 422
    assert join(eva, path, device.make(options)) == 422
    start = clock.now()
    with time_machine.travel(start, tick=False):
        options = asked(eva, path)
    with time_machine.travel(start + timedelta(minutes=5), tick=False):
        assert join(eva, path, device.make(options)) == 422
    # A name is asked for before any passkey is made, and a password where none was chosen.
    nameless = {"name": " ", "credential": ""}
    assert eva.post(f"{path}/passkey/challenge", data=nameless).status_code == 422
    page = eva.post(path, data=nameless)
    assert page.status_code == 422
    assert "Skriv ditt namn" in page.text
    assert "kom inte överens" not in page.text
    assert "mellan 12 och 128" in eva.post(path, data={"name": "Eva"}).text
    after = [row for row in dump() if row[0] != "sign_in"]
    assert after == [row for row in before if row[0] != "sign_in"]

    # Asked again, the authenticator replaces what it made: the handle is the same.
    first, again = asked(eva, path), asked(eva, path)
    assert first["user"] == again["user"]
    assert first["challenge"] != again["challenge"]
    assert join(eva, path, device.make(again)) == 303
    assert roles() == {ALICE: "owner", EVA: "leader"}


def test_no_account_that_is_there_is_taken_over(
    app: Flask, invite: Callable[..., str], browser_of: Browsers
) -> None:
    charlies = customer("Charlie Carlsson", CHARLIE, organisation="Annan AB", number="556036-0793")
    path, thief, device = invite(CHARLIE), browser_of(), Authenticator()
    other = browser_of()
    assert asked(thief, path).keys() == asked(other, invite(EVA)).keys()
    before = dump()
    options = asked(thief, path)
    assert unpack(options["user"]["id"]) != charlies.id.bytes  # type: ignore[index]
    answer = thief.post(path, data=NAMED | {"credential": device.make(options)})
    by_password = browser_of().post(path, data=JOINING)
    assert answer.status_code == by_password.status_code == 200
    assert without_secrets(answer.text) == without_secrets(by_password.text)
    assert f"/auth/login?next=/invitations/{invitation_id(CHARLIE)}" in answer.text
    assert dump() == before
    given = device.prove(challenged(thief, IN))
    assert thief.post(IN, data={"credential": given}).status_code == 422
    assert sign_in(browser_of(), CHARLIE).get("/teams/").status_code == 200

    # One that was made while the browser asked for the passkey.
    eva, path = browser_of(), offer(app)
    made = device.make(asked(eva, path))
    customer("Eva Ek", EVA, organisation="Evas AB", number="212000-0142")
    assert "redan ett konto" in eva.post(path, data=NAMED | {"credential": made}).text
    assert roles() == {ALICE: "owner"}
    assert db.session.scalar(select(func.count()).select_from(Passkey)) == 0


def test_a_link_that_no_longer_holds_asks_for_no_passkey(
    app: Flask, invite: Callable[..., str], client: FlaskClient, browser_of: Browsers
) -> None:
    path, eva, device = invite(), browser_of(), Authenticator()
    made = device.make(asked(eva, path))
    client.post(there(f"invitations/{invitation_id()}/withdrawal"))
    assert join(eva, path, made) == 404
    path = invite()
    with time_machine.travel(clock.now() + timedelta(days=7, minutes=1)):
        assert eva.post(f"{path}/passkey/challenge", data=NAMED).status_code == 404
        assert join(eva, path, made) == 404
    assert db.session.scalar(select(func.count()).select_from(User)) == 1
    limiter.enabled = True
    limiter.reset()
    tries = [
        browser_of().post(f"{path}/passkey/challenge", data=NAMED).status_code for _ in range(7)
    ]
    limiter.enabled = False
    assert tries == [200] * 6 + [429]
