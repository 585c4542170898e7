"""The law and the policy, row by row: what each asks for, and the proof that it is done.

The deep tests stand elsewhere (canary, no path, random rights); here each row
has one that a lawyer can read. Rows that rest on parts which are not built yet
are named in ``LATER``, and ``privacy verify`` counts them as not yet measured.
"""

import ast
import inspect
import io
import json
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import jsonschema
import pytest
import time_machine
from aiosmtpd.controller import Controller
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tests.browser.conftest import Postbox
from tests.conftest import both_databases, environment, free_port
from tests.factories import account, customer, delivered, sign_in, staff
from tests.privacy.stories import member as _member
from tests.privacy.stories import visit as _visit
from tests.surveys.stories import answer, launched, team_of, tokens
from trustivide import create_app
from trustivide.auth.queries import person as person_of
from trustivide.core import clock, inventory
from trustivide.core.activities import (
    ALL,
    EEA,
    MARKETING_EMAIL,
    TEAM_SURVEYS,
    LegalBasis,
)
from trustivide.core.db import db, transaction
from trustivide.core.errors import BootError
from trustivide.core.subjects import ByUser, Person
from trustivide.core.text import Text
from trustivide.organisations.models import AgreementAcceptance, Organisation
from trustivide.organisations.numbers import masked
from trustivide.outbox import jobs, worker
from trustivide.outbox.actions import install_wake, send_mail
from trustivide.outbox.models import Mail
from trustivide.privacy import actions, erasure
from trustivide.privacy.models import Erasure, RecipientNotice, Request
from trustivide.rights import actions as rights
from trustivide.rights import legal_texts
from trustivide.rights.models import ConsentRecord, NoticeRecord
from trustivide.rights.queries import may_use
from trustivide.surveys.models import Invitation
from trustivide.teams.models import TeamMember
from trustivide.workshops.models import Search

ALICE, DORA, CHARLIE = "alice@exempel.test", "dora@exempel.test", "charlie@granne.test"

LATER = {
    "art_33_34": "incidents",
    "bokforingslag_7_2": "invoices",
}
"""Rows whose parts come with a later feature → which one."""

ROWS = (
    "art_05", "art_06", "art_07", "policy_4", "art_11", "art_12_3", "art_13_14", "art_15",
    "art_16", "art_17", "art_18", "art_19", "art_20", "art_21", "art_22", "art_25_32", "art_28",
    "art_30", "art_33_34", "bokforingslag_7_2", "dataskyddslag", "marknadsforingslag_19",
    "rfc_8058", "sec_gpc", "policy_7",
)  # fmt: skip


def test_every_row_has_its_test_by_name_or_is_said_to_come_later(app: Flask) -> None:
    here = {n for n, _ in inspect.getmembers(sys.modules[__name__], inspect.isfunction)}
    for row in ROWS:
        tests = [n for n in here if n.startswith(f"test_{row}_")]
        assert bool(tests) != (row in LATER), row


def _rows(model: type[DeclarativeBase]) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


# Art. 5 and 6


def test_art_05_every_field_has_a_purpose_and_a_retention() -> None:
    for group in inventory.groups():
        for item in group.fields:
            assert item.activity.purpose
            assert item.activity.retention

    class Elsewhere(DeclarativeBase):
        __label__ = Text("Prov", "Sample")
        __subject__ = ByUser("id")
        __since__ = None

    class Unclassified(Elsewhere):
        __tablename__ = "unclassified"
        id: Mapped[UUID] = mapped_column(primary_key=True)

    with pytest.raises(BootError, match=r"Unclassified\.id is neither personal\(\) nor plain\(\)"):
        inventory.check([Unclassified])  # type: ignore[list-item]


def test_art_06_each_purpose_has_its_basis_and_withdrawing_stops_what_rests_on_consent_alone(
    app: Flask,
) -> None:
    assert {a.legal_basis for a in ALL} == set(LegalBasis)
    who = person_of(customer())
    with transaction() as session:
        _say(session, who, "given")
    assert may_use(db.session(), who, MARKETING_EMAIL)
    db.session.rollback()
    with transaction() as session:
        _say(session, who, "withdrawn")
    stopped = {a.key for a in ALL if not may_use(db.session(), who, a)}
    assert stopped == {a.key for a in ALL if a.legal_basis is LegalBasis.CONSENT}


def _say(session, who: Person, event: str) -> None:  # type: ignore[no-untyped-def]
    text = legal_texts.current("marketing", "sv")
    rights.choose(session, who, MARKETING_EMAIL, event, text, clock.now(), collected_by="test")


# Art. 7 and the policy's §4


def test_art_07_a_get_creates_no_consent_and_a_no_costs_no_more_than_a_yes(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    page = sign_in(client).get("/privacy/choices").text
    assert _rows(ConsentRecord) == 0
    switch = re.search(r'<input type="checkbox"[^>]*id="consent-marketing_email"[^>]*>', page)
    assert switch is not None
    assert "checked" not in switch[0]
    for on, event in (({"on": "1"}, "given"), ({}, "withdrawn")):  # one POST each
        assert client.post("/privacy/consents/marketing_email", data=on).status_code == 303
        db.session.rollback()
        newest = db.session.scalars(select(ConsentRecord).order_by(ConsentRecord.at.desc())).first()
        assert newest is not None
        assert newest.event == event
        assert newest.default_state == "off"


def test_policy_4_being_informed_and_consenting_are_two_records_that_differ(
    app: Flask, client: FlaskClient
) -> None:
    who = person_of(customer())
    assert _rows(NoticeRecord) >= 1
    assert _rows(ConsentRecord) == 0
    assert not may_use(db.session(), who, MARKETING_EMAIL)
    db.session.rollback()
    sign_in(client).post("/privacy/consents/marketing_email", data={"on": "1"})
    assert _rows(ConsentRecord) == 1
    assert may_use(db.session(), who, MARKETING_EMAIL)


# Art. 11 and 12


def test_art_11_answers_take_the_code_and_a_wrong_one_is_an_unknown_one(
    app: Flask, client: FlaskClient
) -> None:
    survey = launched(app, 5)
    token = tokens(survey)["dora1@exempel.test"]
    code = answer(survey, token)
    assert "kvittokod" in client.get(f"/s/{token}", follow_redirects=True).text
    wrong = code[:-1] + ("A" if code[-1] != "A" else "B")
    tries = [client.post("/s/receipt", data={"code": c}) for c in (wrong, "A" * 30)]
    assert [t.status_code for t in tries] == [422, 422]
    told = [re.sub(r'value="[^"]*"|nonce="[^"]*"', "", t.text) for t in tries]
    assert told[0] == told[1]
    assert client.post("/s/receipt", data={"code": code}).status_code == 303


@pytest.mark.parametrize(
    ("received", "due"),
    [
        (date(2026, 1, 31), date(2026, 2, 28)),
        (date(2028, 1, 31), date(2028, 2, 29)),
        (date(2026, 12, 15), date(2027, 1, 15)),
        (date(2026, 3, 31), date(2026, 4, 30)),
    ],
)
def test_art_12_3_a_request_is_due_in_one_calendar_month(
    app: Flask, received: date, due: date
) -> None:
    who = person_of(customer())
    moment = datetime(received.year, received.month, received.day, 9, tzinfo=clock.STOCKHOLM)
    with time_machine.travel(moment, tick=False), transaction() as session:
        asked = actions.record(session, who, "access", clock.now(), done=False)
        assert asked.due_on == due


# Art. 13 to 16


@pytest.fixture
def postbox(settings: dict[str, str]) -> Iterator[tuple[Flask, Postbox]]:
    """The application with a real SMTP server to send to."""
    box, port = Postbox(), free_port()
    smtp = Controller(box, hostname="127.0.0.1", port=port)
    smtp.start()
    app = create_app(settings | {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": str(port)})
    install_wake(lambda: None)
    with app.app_context():
        yield app, box
        db.session.remove()
        db.engine.dispose()
    smtp.stop()


def test_art_13_14_the_first_mail_says_who_entered_the_address_and_where_all_of_it_stands(
    postbox: tuple[Flask, Postbox],
) -> None:
    app, box = postbox
    launched(app, 5)
    db.session.rollback()
    worker.work(app)
    mail = box.newest("dora1@exempel.test")
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    for words in ("Exempel AB", "Redaktionen", "/privacy-policy", "/privacy/", "invänd"):
        assert words in text


@both_databases
def test_art_15_everything_is_shown_with_its_purpose_and_nothing_of_a_neighbours(
    app: Flask, client: FlaskClient
) -> None:
    alice = customer()
    charlie = customer("Charlie", CHARLIE, number="556036-0793", organisation="Grannen AB")
    with transaction() as session:
        session.add(Search(user_id=alice.id, query="kanariefågel", at=clock.now()))
        session.add(Search(user_id=charlie.id, query="grannkatt", at=clock.now()))
    page = sign_in(client).get("/privacy/data/search").text
    assert "kanariefågel" in page
    assert "grannkatt" not in page
    for facts in ("90 dagar", "Berättigat intresse", "Din användning av tjänsten", "(SE)"):
        assert facts in page


@both_databases
def test_art_16_the_old_value_is_gone_from_page_and_search(app: Flask, client: FlaskClient) -> None:
    alice = customer()
    sign_in(client)
    answer = client.post(f"/privacy/data/user/{alice.id}/name", data={"value": "Alva Alm"})
    assert answer.status_code == 303
    page = client.get("/privacy/data/user").text
    assert "Alva Alm" in page
    assert "Alice Alm" not in page
    db.session.rollback()
    asked = db.session.scalars(select(Request).where(Request.kind == "correct")).one()
    assert asked.state == "done"


# Art. 17


@both_databases
def test_art_17_what_goes_and_stays_is_said_before_and_a_second_run_does_nothing(
    app: Flask, client: FlaskClient
) -> None:
    _member()
    _visit(app, client)
    assert "Det här raderas" in client.get("/privacy/erasure").text
    location = client.post("/privacy/erasure", data={"understood": "y"}).headers["Location"]
    db.session.rollback()
    jobs.run_due()
    assert _rows(TeamMember) == 0
    db.session.rollback()
    held = db.session.scalars(select(Erasure)).one()
    receipt = held.receipt
    assert receipt is not None
    assert receipt["tables"]["team_member"]["deleted"] == 1
    db.session.rollback()
    erasure.run({"id": str(held.id)}, clock.now())
    db.session.rollback()
    assert db.session.get_one(Erasure, held.id).receipt == receipt
    assert client.get(location).status_code == 200


# Art. 18


def test_art_18_restricted_data_is_stored_and_not_used(app: Flask, client: FlaskClient) -> None:
    alice = customer()
    team = team_of(alice, 5)
    who = Person.of(None, "dora1@exempel.test")
    with transaction() as session:
        actions.set_restriction(session, who, None, clock.now(), on=True)
        actions.set_restriction(session, person_of(alice), None, clock.now(), on=True)
        send_mail(
            session, "account_exists", "dora1@exempel.test", {"name": "Dora"},
            purpose=TEAM_SURVEYS, locale="sv", now=clock.now(),
        )  # fmt: skip
    delivered(app)
    state = db.session.scalars(select(Mail.state).where(Mail.kind == "account_exists")).one()
    assert state == "withheld"  # mail
    sign_in(client)
    client.post("/workshops/searches", data={"q": "tillit"})
    assert _rows(Search) == 0  # usage data
    preview = client.get(f"/surveys/new?team={team.id}")
    assert preview.status_code == 200
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(TeamMember)) == 5  # stored


def test_art_18_a_restricted_member_is_not_invited(app: Flask) -> None:
    with transaction() as session:
        actions.set_restriction(
            session, Person.of(None, "dora2@exempel.test"), TEAM_SURVEYS, clock.now(), on=True
        )
    launched(app, 6)
    invited = set(db.session.scalars(select(Invitation.email)))
    assert "dora2@exempel.test" not in invited
    assert len(invited) == 5


# Art. 19


def test_art_19_the_organisation_hears_of_a_correction_and_a_failed_delivery_is_tried_again(
    app: Flask, client: FlaskClient, tick: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    _member()
    _visit(app, client)
    db.session.rollback()
    row = db.session.scalars(select(TeamMember.id)).one()
    client.post(f"/privacy/data/team_member/{row}/name", data={"value": "Dora Dahl"})
    db.session.rollback()
    states = dict(
        db.session.execute(select(RecipientNotice.recipient, RecipientNotice.state)).all()
    )
    assert states == {"hosting": "in_place", "customer": "queued"}
    db.session.rollback()
    with transaction() as session:  # the server put it off
        mail = session.scalars(select(Mail).where(Mail.kind == "recipient_notice")).one()
        mail.state, mail.not_before = "deferred", clock.now() + timedelta(minutes=5)
    tick()
    assert "Försöks igen" in client.get("/privacy/data/recipient_notice").text
    with time_machine.travel(clock.now() + timedelta(minutes=6)):
        told = delivered(app)[-1]
        tick()
        assert told["To"] == ALICE
        body = told.get_body(("plain",))
        assert body is not None
        assert "Dora" not in body.get_content()
        db.session.rollback()
        assert "Levererat" in client.get("/privacy/data/recipient_notice").text
        with transaction() as session:  # it came back after all
            session.scalars(
                select(Mail).where(Mail.kind == "recipient_notice")
            ).one().state = "bounced"
        tick()
        assert "Misslyckades" in client.get("/privacy/data/recipient_notice").text


# Art. 20 to 22


def test_art_20_the_download_follows_its_schema_and_gives_back_what_was_stored(
    app: Flask, client: FlaskClient
) -> None:
    alice = customer()
    with transaction() as session:
        session.add(Search(user_id=alice.id, query='åäö, "citat"\nrad', at=clock.now()))
    sign_in(client)
    location = client.post("/privacy/export").headers["Location"]
    db.session.rollback()
    jobs.run_due()
    archive = zipfile.ZipFile(io.BytesIO(client.get(f"{location}/file").data))
    data = json.loads(archive.read("data.json"))
    jsonschema.validate(data, json.loads(archive.read("data.schema.json")))
    (row,) = data["tables"]["search"]["rows"]
    assert row["query"] == 'åäö, "citat"\nrad'
    assert data["tables"]["search"]["columns"]["query"]["portable"] is True


def test_art_21_an_objection_stops_mail_that_waits_and_marketing_needs_no_reason(
    app: Flask, client: FlaskClient
) -> None:
    alice = customer()
    sign_in(client).post("/privacy/consents/marketing_email", data={"on": "1"})
    db.session.rollback()
    with transaction() as session:
        send_mail(
            session, "account_exists", ALICE, {"name": "Alice"},
            purpose=MARKETING_EMAIL, locale="sv", now=clock.now(),
        )  # fmt: skip
    path = actions.unsubscribe_path(ALICE, "marketing_email")
    assert client.post(path).status_code == 200
    delivered(app)
    state = db.session.scalars(select(Mail.state).where(Mail.kind == "account_exists")).one()
    assert state == "withheld"
    assert not may_use(db.session(), person_of(account(alice.email)), MARKETING_EMAIL)


def test_art_22_no_access_follows_from_an_answer_or_a_score() -> None:
    """Nothing that decides what somebody may do reads an answer, a result or a history."""
    deciding = ("auth", "organisations", "rights", "web")
    scores = {"snapshot", "statistics", "AnswerSet", "Snapshot", "Search", "Download"}
    for package in deciding:
        for path in (Path("trustivide") / package).rglob("*.py"):
            names = {
                node.id
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Name)
            }
            assert not names & scores, path
    policy = Path("trustivide/rights/texts/privacy-policy-2.sv.md").read_text()
    assert "Automatiserade beslut" in policy


# Art. 25 to 32


def test_art_25_32_staff_open_nothing_without_a_second_factor(
    app: Flask, client: FlaskClient
) -> None:
    staff()
    sign_in(client, "stina@trustivide.test")
    assert client.get("/admin/users").headers["Location"].startswith("/auth/second-factor")
    stored = db.session.connection().exec_driver_sql('SELECT email, name FROM "user"').one()
    assert all(b"stina" not in bytes(value).lower() for value in stored)


def test_art_28_no_customer_without_a_processing_agreement(app: Flask, client: FlaskClient) -> None:
    form = {
        "organisation": "Exempel AB", "number": "556016-0680", "name": "Alice Alm",
        "email": ALICE, "password": "kantarell i backen",
    }  # fmt: skip
    assert client.post("/auth/register", data=form).status_code == 422
    assert _rows(Organisation) == 0
    assert client.post("/auth/register", data=form | {"agreement": "y"}).status_code in (200, 303)
    assert _rows(AgreementAcceptance) == 1


def test_art_30_the_record_is_generated_and_open_to_read(client: FlaskClient) -> None:
    page = client.get("/privacy/record")
    assert page.status_code == 200
    for activity in ALL:
        assert activity.name.sv in page.text
    assert client.get("/privacy/record.csv").status_code == 200


# Swedish law, RFCs and the policy's §7


def test_dataskyddslag_a_sole_traders_number_is_masked_for_staff(
    app: Flask,
) -> None:
    assert masked("811228-9874") != "811228-9874"
    assert "9874" not in masked("811228-9874")
    assert masked("556016-0680") == "556016-0680"


def test_marknadsforingslag_19_no_marketing_without_a_basis(app: Flask) -> None:
    customer()
    with transaction() as session:
        send_mail(
            session, "account_exists", ALICE, {"name": "Alice"},
            purpose=MARKETING_EMAIL, locale="sv", now=clock.now(),
        )  # fmt: skip
    delivered(app)
    state = db.session.scalars(select(Mail.state).where(Mail.kind == "account_exists")).one()
    assert state == "withheld"


def test_rfc_8058_a_get_has_no_effect_and_a_post_needs_no_session(
    app: Flask, client: FlaskClient
) -> None:
    launched(app, 5)
    mail = next(m for m in delivered(app) if m["To"] == "dora1@exempel.test")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = re.sub(r"https?://[^/]+", "", str(mail["List-Unsubscribe"]).strip("<>"))
    who = Person.of(None, "dora1@exempel.test")
    assert client.get(path).status_code == 200
    db.session.rollback()
    assert may_use(db.session(), who, TEAM_SURVEYS)
    db.session.rollback()
    assert client.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert not may_use(db.session(), who, TEAM_SURVEYS)


def test_sec_gpc_is_recorded_shown_and_stated(app: Flask, client: FlaskClient) -> None:
    customer()
    sign_in(client)
    headers = {"Sec-GPC": "1"}
    assert "Global Privacy Control" in client.get("/privacy/choices", headers=headers).text
    client.post("/privacy/consents/marketing_email", data={"on": "1"}, headers=headers)
    db.session.rollback()
    assert db.session.scalars(select(ConsentRecord.gpc_seen)).one() is True
    stated = client.get("/.well-known/gpc.json")
    assert stated.json is not None
    assert stated.json["gpc"] is True


def test_policy_7_production_boots_with_no_host_that_is_tied_to_no_recipient(
    tmp_path,  # type: ignore[no-untyped-def]
) -> None:
    for recipient in {r for a in ALL for r in a.recipients}:
        assert recipient.country in EEA or recipient.ground
    with pytest.raises(BootError, match=r"smtp\.okand\.example"):
        create_app(
            environment(
                tmp_path,
                TRUSTIVIDE_ENV="production",
                PUBLIC_URL="https://trustivide.example",
                DATABASE_URL=f"sqlite:///{tmp_path}/a.db",
                LEDGER_URL=f"sqlite:///{tmp_path}/b.db",
                MAIL_SERVER="smtp.okand.example",
                MAIL_USE_TLS="true",
                MAIL_DEFAULT_SENDER="Trustivide <hej@trustivide.se>",
            )
        )
