"""Step 1 of the journey without JavaScript: from the front page to being signed in."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.conftest import both_databases
from tests.factories import (
    PASSWORD,
    account,
    colleague,
    customer,
    delivered,
    link_in,
    sign_in,
    without_secrets,
)
from trustivide.auth import passwords
from trustivide.auth.models import User
from trustivide.core.activities import MARKETING_EMAIL
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.organisations import actions
from trustivide.organisations.models import AgreementAcceptance, Membership, Organisation
from trustivide.outbox.models import Mail
from trustivide.rights import legal_texts
from trustivide.rights.models import ConsentRecord, NoticeRecord
from trustivide.rights.queries import may_use

Browsers = Callable[[], FlaskClient]

TYPED = {
    "organisation": "Exempel AB",
    "number": "5560160680",
    "name": "Alice Alm",
    "email": "Alice@Exempel.test",
    "password": PASSWORD,
    "agreement": "y",
}


def register(client: FlaskClient, **changed: str | None) -> TestResponse:
    form = {k: v for k, v in (TYPED | changed).items() if v is not None}
    return client.post("/auth/register", data=form)


def records(kind: type) -> list:  # type: ignore[type-arg]
    return list(db.session.scalars(select(kind)))


@both_databases
def test_alice_registers_confirms_and_signs_in(app: Flask, client: FlaskClient) -> None:
    front = client.get("/")
    assert front.status_code == 200
    assert 'href="/auth/register"' in front.text
    assert client.get("/auth/register").status_code == 200
    sent = register(client)
    assert (sent.status_code, sent.location) == (303, "/auth/check-mail")
    assert "inkorg" in client.get("/auth/check-mail").text

    (first,) = delivered(app)
    early = client.post("/auth/login", data={"email": TYPED["email"], "password": PASSWORD})
    assert early.status_code == 422
    assert "inte bekräftad än" in early.text

    again = delivered(app)[-1]
    assert first["To"] == "alice@exempel.test"
    assert first["Subject"] == "Bekräfta din e-postadress"
    assert client.get(link_in(first, "/auth/confirm/")).status_code == 404  # a newer one was sent
    path = link_in(again, "/auth/confirm/")

    # A mail filter that opens every link does no harm.
    for _ in range(5):
        assert client.head(path).status_code == 200
        assert client.get(path).status_code == 200
    assert account(TYPED["email"]).confirmed_at is None
    assert client.post(path).location == "/auth/login"
    assert "adressen är bekräftad" in client.get("/auth/login").text
    assert account(TYPED["email"]).confirmed_at is not None
    assert client.post(path).status_code == 404

    done = client.post("/auth/login", data={"email": TYPED["email"], "password": PASSWORD})
    assert done.location == "/home"
    assert client.get("/home").location == "/teams/"
    assert "Exempel AB" in client.get("/teams/").text


def test_what_was_agreed_to_and_shown_is_on_record(app: Flask, client: FlaskClient) -> None:
    register(client)
    alice = account(TYPED["email"])
    (organisation,) = records(Organisation)
    assert (organisation.name, organisation.number) == ("Exempel AB", "556016-0680")
    (membership,) = records(Membership)
    assert (membership.user_id, membership.role) == (alice.id, "owner")

    agreement = legal_texts.current("processing-agreement", "sv")
    (accepted,) = records(AgreementAcceptance)
    assert accepted.organisation_id == organisation.id
    assert (accepted.version, accepted.text_hash) == (agreement.version, agreement.sha256)

    for shown in records(NoticeRecord):
        notice = legal_texts.current(shown.notice, "sv")
        assert shown.reference == Person.of(alice.id, alice.email).reference
        assert (shown.version, shown.language, shown.text_hash, shown.how) == (
            notice.version,
            "sv",
            notice.sha256,
            "registration",
        )
    assert {shown.notice for shown in records(NoticeRecord)} == {"privacy-notice", "privacy-policy"}
    # Reading on is being informed; it is never a consent.
    assert records(ConsentRecord) == []
    assert not may_use(db.session(), Person.of(alice.id, alice.email), MARKETING_EMAIL)
    assert PASSWORD not in alice.password_hash
    assert alice.password_hash.startswith("$argon2id$")


def test_marketing_is_a_choice_of_its_own(app: Flask, client: FlaskClient) -> None:
    text = legal_texts.current("marketing", "sv")
    page = client.get("/auth/register").text
    box = re.search(r'<input[^>]*name="marketing"[^>]*>', page)
    assert box
    assert "checked" not in box.group()
    assert text.body in page
    client.post("/auth/register", data=TYPED | {"marketing": "y"}, headers={"Sec-GPC": "1"})
    alice = account(TYPED["email"])
    (record,) = records(ConsentRecord)
    assert (record.event, record.activity, record.default_state) == (
        "given",
        "marketing_email",
        "off",
    )
    assert (record.notice, record.version, record.text_hash) == (
        "marketing",
        text.version,
        text.sha256,
    )
    assert (record.collected_by, record.wording, record.gpc_seen) == (
        "registration",
        text.body,
        True,
    )
    assert record.text_hash not in {shown.text_hash for shown in records(NoticeRecord)}
    assert may_use(db.session(), Person.of(alice.id, alice.email), MARKETING_EMAIL)


def test_the_page_shows_the_notice_and_links_the_agreement(client: FlaskClient) -> None:
    page = client.get("/auth/register").text
    notice = legal_texts.current("privacy-notice", "sv")
    assert notice.title in page
    assert f"version {notice.version}" in page
    assert "Inga beslut om dig fattas automatiskt" in page
    assert 'href="/processing-agreement"' in page
    assert "htmx" not in page


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("number", "556016-0681", "Numret går inte ihop"),
        ("number", "", "Numret går inte ihop"),
        ("email", "alice@", "Skriv en e-postadress"),
        ("organisation", " ", "Skriv organisationens namn"),
        ("name", "", "Skriv ditt namn"),
        ("name", "a" * 121, "Högst 120 tecken"),
        ("password", "för kort", "mellan 12 och 128"),
        ("password", "alicealm12345", "lätt att gissa"),
        ("password", "x" * 129, "mellan 12 och 128"),
        ("agreement", None, "Avtalet behöver godkännas"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(
    client: FlaskClient, field: str, typed: str | None, words: str
) -> None:
    answer = register(client, **{field: typed})
    assert answer.status_code == 422
    assert words in answer.text
    kept = {k: v for k, v in (TYPED | {field: typed}).items() if k != "password" and v}
    kept.pop("agreement", None)
    for name, value in kept.items():
        if value.strip() and name not in {"email", "number"}:
            assert f'value="{value}"' in answer.text, name
    if field != "email":
        assert 'value="alice@exempel.test"' in answer.text
    assert (typed if field == "password" else PASSWORD) not in answer.text
    assert records(User) == []
    assert records(Mail) == []


def test_checklist_34_a_name_stays_text_on_one_line(app: Flask, client: FlaskClient) -> None:
    register(client, name="Alice\r\nBcc: x@exempel.test <b>\x00", organisation="A\x00B\tAB <i>")
    (organisation,) = records(Organisation)
    assert organisation.name == "A B AB <i>"
    (mail,) = delivered(app)
    assert mail["Bcc"] is None
    rich = mail.get_body(("html",))
    assert rich is not None
    assert "Alice Bcc: x@exempel.test &lt;b&gt;" in rich.get_content()


def test_checklist_10_a_known_address_is_answered_like_a_new_one(
    app: Flask, client: FlaskClient, browser_of: Browsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer()
    delivered(app)
    hashed: list[str] = []
    real = passwords.hasher
    monkeypatch.setattr(
        type(real), "hash", lambda self, word, **_: hashed.append(word) or "$argon2id$x"
    )
    known, new = browser_of(), browser_of()
    answers = register(known), register(new, email="berit@exempel.test")
    assert hashed == [PASSWORD, PASSWORD]
    one, other = answers
    assert (one.status_code, one.location, one.data) == (
        other.status_code,
        other.location,
        other.data,
    )
    bodies = [browser.get("/auth/check-mail").text for browser in (known, new)]
    assert without_secrets(bodies[0]) == without_secrets(bodies[1])
    kept = []
    for browser in (known, new):
        with browser.session_transaction() as held:
            kept.append(sorted((name, len(str(value))) for name, value in held.items()))
    assert kept[0] == kept[1]
    subjects = {mail["To"]: mail["Subject"] for mail in delivered(app)}
    assert subjects["alice@exempel.test"] == "Du har redan ett konto"
    assert subjects["berit@exempel.test"] == "Bekräfta din e-postadress"
    assert db.session.scalar(select(func.count()).select_from(User)) == 2


def test_nobody_can_prepare_an_account_for_somebody_else_to_confirm(
    app: Flask, browser_of: Browsers
) -> None:
    """Mallory registers Alice's address first, and waits for her to confirm it."""
    mallory, alice = browser_of(), browser_of()
    register(mallory, password="mallorys egna ord här")
    register(alice)
    path = link_in(delivered(app)[-1], "/auth/confirm/")
    assert alice.get(path).status_code == 200
    for words in ({}, {"password": PASSWORD}):
        refused = alice.post(path, data=words)
        assert refused.status_code == 422
        assert PASSWORD not in refused.text
    assert account(TYPED["email"]).confirmed_at is None
    # Her mailbox gives her the account, and Mallory's password is gone.
    alice.post("/auth/forgot", data={"email": TYPED["email"]})
    alice.post(link_in(delivered(app)[-1], "/auth/reset/"), data={"password": PASSWORD})
    for browser, word, status in (
        (mallory, "mallorys egna ord här", 422),
        (alice, PASSWORD, 303),
    ):
        form = {"email": TYPED["email"], "password": word}
        assert browser.post("/auth/login", data=form).status_code == status


def test_on_another_device_the_password_confirms(app: Flask, browser_of: Browsers) -> None:
    register(browser_of())
    phone, path = browser_of(), link_in(delivered(app)[-1], "/auth/confirm/")
    assert "lösenordet du valde" in phone.get(path).text
    assert phone.post(path, data={"password": PASSWORD}).location == "/auth/login"
    assert account(TYPED["email"]).confirmed_at is not None


@both_databases
def test_the_slower_of_two_equal_registrations_becomes_a_mail(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer()
    looked: list[str] = []
    real = actions.accounts.by_address

    def too_early(session: Session, address: str) -> User | None:
        looked.append(address)
        return None if len(looked) == 1 else real(session, address)

    monkeypatch.setattr(actions.accounts, "by_address", too_early)
    assert register(client).location == "/auth/check-mail"
    assert db.session.scalar(select(func.count()).select_from(User)) == 1
    assert delivered(app)[-1]["Subject"] == "Du har redan ett konto"


def test_in_english_from_page_to_mail(app: Flask, client: FlaskClient) -> None:
    english = {"Accept-Language": "en-GB,en;q=0.9,sv;q=0.5"}
    page = client.get("/auth/register", headers=english).text
    assert legal_texts.current("privacy-notice", "en").title in page
    client.post("/auth/register", data=TYPED, headers=english)
    alice = account(TYPED["email"])
    assert alice.locale == "en"
    for shown in records(NoticeRecord):
        assert shown.text_hash == legal_texts.current(shown.notice, "en").sha256
    (mail,) = delivered(app)
    rich = mail.get_body(("html",))
    assert rich is not None
    assert '<html lang="en">' in rich.get_content()


@pytest.mark.parametrize("path", ["/auth/register", "/auth/forgot"])
def test_checklist_26_links_in_mail_lead_to_the_public_address(
    app: Flask, client: FlaskClient, path: str
) -> None:
    customer(email="berit@exempel.test")
    forged = {"Host": "evil.test", "X-Forwarded-Host": "evil.test"}
    client.post(path, data=TYPED | {"email": "new@exempel.test"}, headers=forged)
    client.post(path, data=TYPED | {"email": "berit@exempel.test"}, headers=forged)
    mails = delivered(app)
    assert len(mails) >= 2
    for mail in mails:
        assert "evil.test" not in mail.as_string()
        plain = mail.get_body(("plain",))
        assert plain is not None
        assert "http://localhost:5000/auth/" in plain.get_content()


def test_an_unknown_link_confirms_nothing(client: FlaskClient) -> None:
    with transaction():
        pass
    answer = client.post("/auth/confirm/nothing")
    assert answer.status_code == 404
    assert "gäller inte längre" in answer.text


@both_databases
def test_alice_is_asked_to_accept_a_newer_agreement_until_she_has(
    app: Flask, client: FlaskClient, browser_of: Browsers
) -> None:
    alice = customer()
    bob = colleague(alice, "leader")
    newest = legal_texts.current("processing-agreement", "sv").version
    with transaction() as session:
        known = session.scalars(select(AgreementAcceptance)).one()
        known.version, organisation = newest - 1, known.organisation_id
    there = f"/organisation/{organisation}/agreement"
    signed = {"email": alice.email, "password": PASSWORD}

    for _ in range(2):  # until she has accepted
        landed = browser_of().post("/auth/login?next=/surveys/", data=signed)
        assert landed.location == f"{there}?next=%2Fsurveys%2F"
    page = sign_in(client).get(f"{there}?next=/surveys/").text
    for change in legal_texts.current("processing-agreement", "sv").changes:
        assert change in page
    assert 'href="/surveys/"' in page
    assert f'href="{there}' in client.get(f"/organisation/{organisation}/people").text

    assert client.post(there, data={"version": str(newest - 1)}).status_code == 303
    assert "En ännu nyare version" in client.get(there).text
    for _ in range(2):  # pressed twice
        answer = client.post(f"{there}?next=/surveys/", data={"version": str(newest)})
        assert answer.location == "/surveys/"
    db.session.rollback()
    versions = select(AgreementAcceptance.version, AgreementAcceptance.accepted_by_id)
    assert sorted(db.session.execute(versions)) == [(newest - 1, alice.id), (newest, alice.id)]
    assert f"Ni har godkänt version {newest}" in client.get(there).text
    assert browser_of().post("/auth/login", data=signed).location == "/home"
    assert there not in client.get(f"/organisation/{organisation}/people").text
    assert sign_in(browser_of(), bob.email).get(there).status_code in {403, 404}
