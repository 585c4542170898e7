"""A new version of the policy is told to everybody, by mail and at sign-in, once, and is no yes."""

from dataclasses import replace
from datetime import date
from email.message import EmailMessage

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.conftest import both_databases
from tests.factories import PASSWORD, account, customer, delivered, sign_in, staff
from tests.surveys.stories import launched
from trustivide.auth.models import User
from trustivide.core import clock
from trustivide.core.activities import MARKETING_EMAIL, PRIVACY_RIGHTS
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.outbox import worker
from trustivide.privacy import news
from trustivide.rights import actions as rights
from trustivide.rights import legal_texts
from trustivide.rights.legal_texts import LegalText
from trustivide.rights.models import ConsentRecord, NoticeRecord
from trustivide.rights.queries import informed_of, may_use

ALICE = "alice@exempel.test"
CHANGES = ("Det första som är nytt.", "Det andra.", "Det tredje.")


def alice_from_before(**more: str) -> User:
    """Alice as she was when only the first version had been published."""
    user = customer(**more)
    with transaction() as session:
        session.get_one(User, user.id).created_on = date(2026, 11, 2)
        session.query(NoticeRecord).filter_by(notice="privacy-policy").delete()
    return user


def notices(how: str) -> list[NoticeRecord]:
    db.session.rollback()
    return list(db.session.scalars(select(NoticeRecord).where(NoticeRecord.how == how)))


def told(mails: list[EmailMessage]) -> list[EmailMessage]:
    return [m for m in mails if m["Subject"] == "Vår integritetspolicy har en ny version"]


def night(app: Flask) -> None:
    db.session.rollback()
    worker.night(app)
    db.session.rollback()


@both_databases
def test_an_account_from_before_is_told_by_mail_once(app: Flask) -> None:
    alice = alice_from_before()
    night(app)
    night(app)
    (mail,) = told(delivered(app))
    assert mail["To"] == ALICE
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    newest = legal_texts.current("privacy-policy", "sv")
    for change in newest.changes:
        assert change in text
    assert "/privacy-policy/changes/2/3" in text
    assert "8 december 2026" in text
    (notice,) = notices("mail")
    assert (notice.notice, notice.version, notice.text_hash) == (
        "privacy-policy",
        newest.version,
        newest.sha256,
    )
    assert informed_of(db.session(), Person.of(alice.id), "privacy-policy") == newest.version


def test_who_registered_under_the_newest_version_is_not_told_again(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    night(app)
    assert told(delivered(app)) == []
    answer = client.post("/auth/login", data={"email": ALICE, "password": PASSWORD})
    assert answer.location == "/home"


def test_an_unconfirmed_address_is_told_nothing(app: Flask) -> None:
    alice = alice_from_before()
    with transaction() as session:
        session.get_one(User, alice.id).confirmed_at = None
    night(app)
    assert told(delivered(app)) == []


def test_a_restriction_and_an_objection_do_not_keep_the_news_away(app: Flask) -> None:
    alice = alice_from_before()
    with transaction() as session:
        rights.restrict(session, Person.of(alice.id, ALICE), clock.now())
    night(app)
    assert len(told(delivered(app))) == 1
    assert may_use(db.session(), Person.of(alice.id, ALICE), PRIVACY_RIGHTS)


def test_many_accounts_are_told_in_batches(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "BATCH", 2)
    for n in range(5):
        alice_from_before(email=f"alice{n}@exempel.test")
    night(app)
    assert len(notices("mail")) == 5


def test_after_signing_in_the_news_is_shown_once_and_work_goes_on(
    app: Flask, client: FlaskClient
) -> None:
    alice_from_before()
    form = {"email": ALICE, "password": PASSWORD}
    answer = client.post("/auth/login?next=/workshops/", data=form)
    assert answer.location == "/privacy-policy/news?next=%2Fworkshops%2F"
    assert len(notices("sign_in")) == 1
    page = client.get(answer.location).text
    for change in legal_texts.current("privacy-policy", "sv").changes:
        assert change in page
    assert 'href="/privacy-policy/changes/2/3"' in page
    assert 'href="/workshops/"' in page
    assert client.get("/teams/").status_code == 200  # without having pressed anything
    client.post("/auth/logout")
    assert client.post("/auth/login", data=form).location == "/home"
    assert len(notices("sign_in")) == 1


def test_the_mail_does_not_take_the_page_away_nor_the_page_the_mail(
    app: Flask, client: FlaskClient
) -> None:
    alice_from_before()
    night(app)
    answer = client.post("/auth/login", data={"email": ALICE, "password": PASSWORD})
    assert answer.location.startswith("/privacy-policy/news")
    night(app)
    assert len(told(delivered(app))) == 1


def test_nobody_is_sent_elsewhere_by_the_news(app: Flask, client: FlaskClient) -> None:
    customer()
    page = sign_in(client).get("/privacy-policy/news?next=https://evil.test/").text
    assert "evil.test" not in page.split('<main id="main"')[1]
    assert 'href="/home"' in page


def test_staff_are_told_and_still_need_their_second_factor(app: Flask, client: FlaskClient) -> None:
    staff()
    form = {"email": "stina@trustivide.test", "password": PASSWORD}
    assert client.post("/auth/login", data=form).location.startswith("/privacy-policy/news")
    assert client.get("/admin/").location.startswith("/auth/second-factor")


def test_nothing_of_it_is_a_consent(app: Flask, client: FlaskClient) -> None:
    alice = alice_from_before()
    night(app)
    client.get(client.post("/auth/login", data={"email": ALICE, "password": PASSWORD}).location)
    client.get("/privacy-policy")
    client.get("/teams/")
    assert len(notices("mail") + notices("sign_in")) == 2
    assert db.session.scalar(select(func.count()).select_from(ConsentRecord)) == 0
    assert not may_use(db.session(), Person.of(alice.id, ALICE), MARKETING_EMAIL)


def test_a_yes_to_a_text_that_changed_is_asked_about_once(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = alice_from_before()
    text = legal_texts.current("marketing", "sv")
    with transaction() as session:
        rights.choose(
            session,
            Person.of(alice.id, ALICE),
            MARKETING_EMAIL,
            "given",
            text,
            clock.now(),
            collected_by="registration",
        )
    address = client.post("/auth/login", data={"email": ALICE, "password": PASSWORD}).location
    assert "/privacy/choices" not in client.get(address).text.split("<main")[1]
    versions = legal_texts.versions
    monkeypatch.setattr(
        legal_texts, "versions", lambda key: (1, 2) if key == "marketing" else versions(key)
    )
    page = client.get(address).text.split("<main")[1]
    assert "/privacy/choices" in page
    assert MARKETING_EMAIL.name.sv in page
    assert not may_use(db.session(), Person.of(alice.id, ALICE), MARKETING_EMAIL)


def test_a_later_version_is_told_anew(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer()
    current = legal_texts.current

    def newer(key: str, language: str) -> LegalText:
        text = current(key, language)
        if key != "privacy-policy":
            return text
        return replace(text, version=9, valid_from=date(2027, 6, 1), changes=CHANGES)

    monkeypatch.setattr(legal_texts, "current", newer)
    answer = client.post("/auth/login", data={"email": ALICE, "password": PASSWORD})
    assert answer.location.startswith("/privacy-policy/news")
    page = client.get(answer.location).text
    assert all(change in page for change in CHANGES)
    assert [n.version for n in notices("sign_in")] == [9]


def test_the_first_mail_of_a_survey_leads_to_the_policy(app: Flask) -> None:
    launched(app, 5)
    invitations = [m for m in delivered(app) if "dora" in m["To"]]
    assert len(invitations) == 5
    for mail in invitations:
        for kind in ("plain", "html"):
            body = mail.get_body((kind,))
            assert body is not None
            content = body.get_content()
            assert "/privacy-policy" in content
            assert "administratör eller teamledare i Exempel AB" in content
    assert account(ALICE)
