"""A forgotten password: one link, one use, and nobody learns who has an account."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.factories import PASSWORD, account, customer, delivered, link_in, sign_in
from trustivide.auth.models import OneTimeLink, SignIn
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.outbox.models import Mail

Browsers = Callable[[], FlaskClient]
NEW = "smultron under granen"


def test_alice_chooses_a_new_password_and_is_signed_out_everywhere(
    app: Flask, client: FlaskClient, browser_of: Browsers
) -> None:
    customer()
    elsewhere = sign_in(browser_of())
    delivered(app)
    asked = client.post("/auth/forgot", data={"email": "Alice@exempel.test"})
    assert asked.location == "/auth/check-mail"
    mail = delivered(app)[-1]
    assert mail["To"] == "alice@exempel.test"
    assert mail["Subject"] == "Välj ett nytt lösenord"
    path = link_in(mail, "/auth/reset/")

    # Looking uses nothing up, and a weak choice does not either.
    for _ in range(3):
        assert client.get(path).status_code == 200
    for weak in ("för kort", "Sommar123456", "111111111111"):
        refused = client.post(path, data={"password": weak})
        assert refused.status_code == 422
        assert weak not in refused.text
    changed = client.post(path, data={"password": NEW})
    assert changed.location == "/auth/login"
    assert "Lösenordet är bytt" in client.get("/auth/login").text
    assert elsewhere.get("/teams/").status_code == 303
    assert db.session.scalar(select(func.count()).select_from(SignIn)) == 0

    assert client.post(path, data={"password": PASSWORD}).status_code == 404
    told = delivered(app)[-1]
    assert told["Subject"] == "Ditt lösenord är bytt"
    old = client.post("/auth/login", data={"email": "alice@exempel.test", "password": PASSWORD})
    assert old.status_code == 422
    new = client.post("/auth/login", data={"email": "alice@exempel.test", "password": NEW})
    assert new.status_code == 303


def test_checklist_10_known_and_unknown_addresses_are_answered_alike(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    delivered(app)
    before = len(delivered(app))
    known, unknown = (
        client.post("/auth/forgot", data={"email": email})
        for email in ("alice@exempel.test", "nobody@exempel.test")
    )
    assert (known.status_code, known.location) == (unknown.status_code, unknown.location)
    assert known.data == unknown.data
    assert len(delivered(app)) == before + 1
    waiting = select(func.count()).select_from(Mail).where(Mail.recipient.is_not(None))
    assert db.session.scalar(waiting) == 0


def test_a_link_ends_after_an_hour_and_when_a_newer_is_asked_for(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    links = []
    for _ in range(2):
        client.post("/auth/forgot", data={"email": "alice@exempel.test"})
        links.append(link_in(delivered(app)[-1], "/auth/reset/"))
    first, second = links
    assert client.get(first).status_code == 404
    with time_machine.travel(clock.now() + timedelta(minutes=61)):
        late = client.post(second, data={"password": NEW})
        assert late.status_code == 404
        assert "gäller inte längre" in late.text
    assert client.get(second).status_code == 200


def test_a_link_is_good_for_its_own_purpose_only(app: Flask, client: FlaskClient) -> None:
    customer()
    client.post("/auth/forgot", data={"email": "alice@exempel.test"})
    token = link_in(delivered(app)[-1], "/auth/reset/").rsplit("/", 1)[1]
    assert client.get(f"/auth/confirm/{token}").status_code == 404
    assert client.get("/auth/reset/nothing").status_code == 404
    stored = db.session.scalars(select(OneTimeLink).where(OneTimeLink.purpose == "reset")).one()
    assert token.encode() not in stored.token_digest
    assert len(token) >= 32


def test_the_mailed_link_proves_the_address_too(app: Flask, client: FlaskClient) -> None:
    customer()
    with transaction():
        account("alice@exempel.test").confirmed_at = None
    client.post("/auth/forgot", data={"email": "alice@exempel.test"})
    client.post(link_in(delivered(app)[-1], "/auth/reset/"), data={"password": NEW})
    assert account("alice@exempel.test").confirmed_at is not None


@pytest.mark.parametrize("typed", ["", "alice", "alice@", "a b@exempel.test"])
def test_what_is_no_address_is_kept_and_explained(client: FlaskClient, typed: str) -> None:
    answer = client.post("/auth/forgot", data={"email": typed})
    assert answer.status_code == 422
    assert f'value="{typed}"' in answer.text
    assert "e-postadress" in answer.text
