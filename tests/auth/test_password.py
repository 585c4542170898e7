"""Changing the password: the current one is asked, everywhere else is signed out."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.factories import PASSWORD, account, customer, delivered, link_in, sign_in
from trustivide.audit.models import AuditEntry
from trustivide.auth.models import NO_PASSWORD, SignIn
from trustivide.auth.passwords import is_guessable, matches
from trustivide.core import clock
from trustivide.core.db import db, transaction

Browsers = Callable[[], FlaskClient]
ALICE = "alice@exempel.test"
CHANGE = "/auth/password"
NEW = "  två  blanksteg, en ☃ och en ﬁsk "
"""Kept as it was typed: blanks at both ends, and a ligature that normalising would take apart."""


def test_checklist_13_alice_changes_her_password_and_is_told(
    app: Flask, client: FlaskClient, browser_of: Browsers
) -> None:
    customer()
    known = client.get("/.well-known/change-password")
    assert (known.status_code, known.location) == (303, CHANGE)
    assert client.get(CHANGE).location == f"/auth/login?next={CHANGE}"
    elsewhere, here = sign_in(browser_of()), sign_in(client)
    here.post("/auth/forgot", data={"email": ALICE})
    link = link_in(delivered(app)[-1], "/auth/reset/")

    wrong = here.post(CHANGE, data={"current": "inte den här", "password": NEW})
    assert wrong.status_code == 422
    assert "Lösenordet stämmer inte" in wrong.text
    for weak in ("för kort", "alice alm 2026", "Fotboll2026!!", "x" * 129):
        refused = here.post(CHANGE, data={"current": PASSWORD, "password": weak})
        assert refused.status_code == 422, weak
        assert weak not in refused.text
    assert elsewhere.get("/auth/account").status_code == 200

    done = here.post(CHANGE, data={"current": PASSWORD, "password": NEW})
    assert done.location == "/auth/account"
    assert "Lösenordet är bytt" in here.get("/auth/account").text
    assert elsewhere.get("/auth/account").status_code == 303
    assert here.get(link).status_code == 404
    told = delivered(app)[-1]
    assert (told["To"], told["Subject"]) == (ALICE, "Lösenord bytt")
    last = db.session.scalars(select(AuditEntry).order_by(AuditEntry.number.desc())).first()
    assert last is not None
    assert (last.event, last.about_id) == ("password_changed", account(ALICE).id)
    for typed, status in ((NEW, 303), (NEW.strip(), 422), (NEW.replace("ﬁ", "fi"), 422)):
        form = {"email": ALICE, "password": typed}
        assert browser_of().post("/auth/login", data=form).status_code == status


def test_whoever_has_no_password_chooses_one_after_proving_who_they_are(
    client: FlaskClient,
) -> None:
    customer()
    sign_in(client)
    with transaction() as session:
        account(ALICE).password_hash = NO_PASSWORD
        session.scalars(select(SignIn)).one().verified_at -= timedelta(minutes=16)
    for answer in (client.get(CHANGE), client.post(CHANGE, data={"password": NEW})):
        assert answer.location == f"/auth/verify?next={CHANGE}"
    with transaction() as session:
        session.scalars(select(SignIn)).one().verified_at = clock.now()
    assert "Nuvarande lösenord" not in client.get(CHANGE).text
    assert client.post(CHANGE, data={"password": NEW}).location == "/auth/account"
    assert matches(account(ALICE).password_hash, NEW)
    assert "Nuvarande lösenord" in client.get(CHANGE).text


def test_no_password_is_nobodys_and_costs_as_much() -> None:
    assert not matches(NO_PASSWORD, NO_PASSWORD)
    assert not matches(None, "nobody's password")


@pytest.mark.parametrize(
    "password",
    [
        "Sommar123456",
        "111111111111",
        "123456789012",
        "p@ssw0rd1234",
        "passwordpassword",
        "Iloveyou2024!!",
        "lösenordlösenord",
        "Trustivide2026!",
        "qwertyuiop[]",
        "!!Välkommen!!2026",
        "exempelexempel",
        "1q2w3e4r5t6y",
    ],
)
def test_checklist_07_what_is_guessed_first_is_refused(password: str) -> None:
    assert is_guessable(password, "Alice Alm", "exempel")


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        NEW,
        "gubbröra till påsk",
        "correct horse battery",
        "kX9#mQ2$vL7p",
        "2847 hund 9911 ek",
    ],
)
def test_what_is_not_guessed_first_is_taken(password: str) -> None:
    assert not is_guessable(password, "Alice Alm", "exempel")
