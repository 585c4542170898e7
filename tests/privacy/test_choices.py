"""Choosing: what is chosen acts in the same second, and the page says how it stands."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from sqlalchemy import func, select, update

from tests.conftest import both_databases
from tests.factories import account, customer, delivered, link_in, sign_in
from tests.privacy.stories import DORA, member, requests, visit
from tests.surveys.stories import actor_of, launched, team_of
from trustivide.auth.queries import person as person_of
from trustivide.core import clock
from trustivide.core.activities import BY_KEY, MARKETING_EMAIL, TEAM_SURVEYS, WORKSHOP_USE
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.outbox import actions as outbox
from trustivide.outbox.models import Mail
from trustivide.privacy import actions
from trustivide.privacy.models import Case, Request
from trustivide.rights import actions as rights
from trustivide.rights import legal_texts
from trustivide.rights.models import ConsentRecord
from trustivide.rights.queries import consented, may_use
from trustivide.surveys import launching as survey_launching
from trustivide.surveys.models import Invitation, Survey
from trustivide.workshops import actions as workshops
from trustivide.workshops.models import Download, Search

ALICE = "alice@exempel.test"
NEWS = "/privacy/consents/marketing_email"
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}


def _choices(client: FlaskClient) -> str:
    return client.get("/privacy/choices").text


def _records() -> list[ConsentRecord]:
    db.session.rollback()
    return list(db.session.scalars(select(ConsentRecord).order_by(ConsentRecord.at)))


# Consents


def _clicks(page: str) -> int:
    """Controls to touch in the one form that changes the choice."""
    form = re.search(rf'<form class="switch"[^>]*action="{NEWS}".*?</form>', page, re.S)
    assert form
    return len(re.findall(r'<button|type="checkbox"', form[0]))


@both_databases
def test_consent_is_given_and_withdrawn_by_the_same_switch_with_its_history(
    app: Flask, client: FlaskClient
) -> None:
    person = person_of(customer())
    sign_in(client)
    off = _choices(client)
    client.post(NEWS, data={"on": "1"}, headers={"Sec-GPC": "1"})
    assert consented(db.session(), person, MARKETING_EMAIL)
    on = _choices(client)
    client.post(NEWS, data={"on": "1"})  # says nothing new
    client.post(NEWS, data={})
    client.post(NEWS, data={})
    db.session.rollback()
    assert not consented(db.session(), person, MARKETING_EMAIL)
    events = _records()
    assert [e.event for e in events] == ["given", "withdrawn"]
    assert [e.gpc_seen for e in events] == [True, False]
    assert events[1].previous_id == events[0].id
    assert _clicks(off) == _clicks(on) == 2
    assert "Du tog tillbaka ditt ja" in _choices(client)
    assert _choices(client).count(">Kvitto<") == 2


def test_looking_and_following_links_consents_to_nothing(app: Flask, client: FlaskClient) -> None:
    customer()
    sign_in(client)
    page = _choices(client)
    assert 'id="consent-marketing_email" name="on" value="1" aria' in page  # unticked
    for path in set(re.findall(r'href="(/[^"#]*)"', page)):
        client.get(path)
    assert client.get(NEWS).status_code == 405
    assert _records() == []


def test_no_thanks_is_an_answer_and_is_not_asked_again(app: Flask, client: FlaskClient) -> None:
    customer()
    sign_in(client)
    page = _choices(client)
    assert "Du har inte svarat." in page
    assert page.count("Nej tack") == 2  # news by mail, and by phone
    for _ in range(2):
        client.post(NEWS)
    (record,) = _records()
    assert (record.event, record.default_state) == ("refused", "off")
    page = _choices(client)
    assert page.count("Nej tack") == 1
    assert "Du sa nej" in page
    client.post(NEWS, data={"on": "1"})
    assert [r.event for r in _records()] == ["refused", "given"]


def test_being_called_needs_a_number_given_in_the_same_form(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    sign_in(client)
    there = "/privacy/consents/marketing_phone"
    assert "Vi har inget nummer till dig." in _choices(client)
    for typed in ("", "sjuttio"):
        refused = client.post(there, data={"on": "1", "value": typed})
        assert refused.status_code == 422
        assert f'value="{typed}"' in refused.text
    assert _records() == []
    assert client.post(there, data={"on": "1", "value": "070-174 06 05"}).status_code == 303
    db.session.rollback()
    assert account(ALICE).phone == "+46701740605"
    assert [r.activity for r in _records()] == ["marketing_phone"]
    assert "Vi har inget nummer till dig." not in _choices(client)
    client.post(there)
    assert [r.event for r in _records()] == ["given", "withdrawn"]


def test_without_an_account_there_is_nobody_to_call(app: Flask, client: FlaskClient) -> None:
    member()
    visit(app, client)
    assert "marketing_phone" not in _choices(client)
    assert client.post("/privacy/consents/marketing_phone", data={"on": "1"}).status_code == 404
    client.post(NEWS, data={"on": "1"})
    assert consented(db.session(), Person.of(None, DORA), MARKETING_EMAIL)


@pytest.fixture
def second_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Publish a second version of the text that asks for marketing."""

    def forget() -> None:
        legal_texts.load.cache_clear()
        legal_texts.versions.cache_clear()

    def publish() -> None:
        folder = tmp_path / "texts"
        shutil.copytree(legal_texts._FOLDER, folder)
        for language in ("sv", "en"):
            text = (folder / f"marketing-1.{language}.md").read_text()
            (folder / f"marketing-2.{language}.md").write_text(
                text.replace("version: 1", "version: 2") + "\nOch vykort.\n"
            )
        monkeypatch.setattr(legal_texts, "_FOLDER", folder)
        forget()

    yield publish
    monkeypatch.undo()
    forget()


@pytest.mark.parametrize(("answer", "event"), [({"on": "1"}, "given"), ({}, "withdrawn")])
def test_a_changed_text_asks_again_and_is_off_until_then(
    app: Flask,
    client: FlaskClient,
    second_version: Callable[[], None],
    answer: dict[str, str],
    event: str,
) -> None:
    person = person_of(customer())
    sign_in(client)
    client.post(NEWS, data={"on": "1"})
    second_version()
    assert not may_use(db.session(), person, MARKETING_EMAIL)
    page = _choices(client)
    assert "Texten har ändrats sedan du sa ja." in page
    before, after = re.findall(r"<blockquote>(.*?)</blockquote>", page, re.S)
    assert "vykort" not in before
    assert "vykort" in after
    for elsewhere in ("/privacy/", "/teams/", "/workshops/"):
        assert "Texten har ändrats" not in client.get(elsewhere).text
    client.post(NEWS, data=answer)
    assert [(r.event, r.version) for r in _records()] == [("given", 1), (event, 2)]
    assert may_use(db.session(), person, MARKETING_EMAIL) is bool(answer)
    assert "Texten har ändrats" not in _choices(client)


# Receipts


@pytest.mark.parametrize("locale", ["sv", "en"])
def test_a_receipt_holds_the_fields_of_the_standard(
    app: Flask, client: FlaskClient, locale: str
) -> None:
    customer(locale=locale)
    sign_in(client)
    client.post(NEWS, data={"on": "1"}, headers={"Sec-GPC": "1"})
    client.post(NEWS)
    given, withdrawn = _records()
    answer = client.get(f"/privacy/consents/records/{withdrawn.id}.json")
    assert "attachment" in answer.headers["Content-Disposition"]
    schema = client.get("/privacy/consents/records/schema.json").json
    Draft202012Validator.check_schema(schema)
    receipts = [
        client.get(f"/privacy/consents/records/{r.id}.json").json for r in (given, withdrawn)
    ]
    for receipt in receipts:
        assert receipt
        Draft202012Validator(schema).validate(receipt)
    first, second = receipts
    assert first
    assert second
    assert second["event"]["previous_record_id"] == first["header"]["record_id"]
    assert (first["event"]["state"], first["event"]["gpc_seen"]) == ("given", True)
    assert first["event"]["wording"] == legal_texts.current("marketing", locale).body
    notice = legal_texts.current("marketing", locale)
    assert first["processing"]["notice"] == {
        "id": "marketing",
        "version": 1,
        "sha256": notice.sha256,
    }
    declared = first["processing"]["declared"]
    assert declared["purpose"] == MARKETING_EMAIL.purpose.in_(locale)
    assert declared["storage_locations"] == ["SE"]
    assert {r["country"] for r in declared["recipients"]} == {"SE"}
    assert client.get(declared["how_to_withdraw"]).status_code == 200
    assert "127.0.0.1" not in json.dumps(receipts)
    assert ALICE not in json.dumps(receipts)


def test_a_receipt_from_before_says_that_it_knows_no_more(app: Flask, client: FlaskClient) -> None:
    customer()
    sign_in(client)
    client.post(NEWS, data={"on": "1"})
    with transaction() as session:
        session.execute(update(ConsentRecord).values(processing=None))
    (record,) = _records()
    receipt = client.get(f"/privacy/consents/records/{record.id}.json").json
    assert receipt
    assert receipt["processing"]["declared"] is None
    Draft202012Validator(client.get("/privacy/consents/records/schema.json").json).validate(receipt)


def test_a_receipt_is_its_owners_alone(
    app: Flask, client: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    customer()
    sign_in(client)
    client.post(NEWS, data={"on": "1"})
    (record,) = _records()
    customer("Charlie", "charlie@granne.test", number="556036-0793", organisation="Grannen AB")
    charlie = sign_in(browser_of(), "charlie@granne.test")
    assert charlie.get(f"/privacy/consents/records/{record.id}.json").status_code == 404


# Objections


@both_databases
def test_an_objection_needs_a_reason_stops_at_once_and_is_weighed(
    app: Flask, client: FlaskClient
) -> None:
    person = person_of(customer())
    sign_in(client)
    there = "/privacy/objections/workshop_use"
    page = _choices(client)
    assert 'href="/privacy/balancing/workshop_use"' in page
    empty = client.post(there, data={"on": "1", "reason": "  "})
    assert empty.status_code == 422
    assert "Skriv några ord om varför" in empty.text
    assert empty.text.count('aria-invalid="true"') == 1
    long = client.post(there, data={"on": "1", "reason": "långt " * 800})
    assert long.status_code == 422
    assert "långt långt" in long.text
    part = client.post(there, data={"on": "1"}, headers=PARTIAL)
    assert part.status_code == 422
    assert "<html" not in part.text
    assert may_use(db.session(), person, WORKSHOP_USE)
    assert client.post(there, data={"on": "1", "reason": "Jag vill inte."}).status_code == 303
    db.session.rollback()
    assert not may_use(db.session(), person, WORKSHOP_USE)
    (case,) = db.session.scalars(select(Case))
    request = db.session.get_one(Request, case.request_id)
    assert (case.details, case.email, case.locale) == ("Jag vill inte.", ALICE, "sv")
    assert (request.state, request.activity) == ("open", "workshop_use")
    assert request.due_on == actions.month_later(clock.day_of(clock.now()))
    page = _choices(client)
    assert "Prövas sedan" in page
    assert "Jag vill inte." not in page
    client.post(there)  # one press takes it back
    db.session.rollback()
    assert may_use(db.session(), person, WORKSHOP_USE)
    assert db.session.get_one(Request, case.request_id).state == "cancelled"
    assert "Prövas sedan" not in _choices(client)


@pytest.mark.parametrize(
    ("state", "words"), [("done", "Bifallen"), ("refused", "klaga hos Integritetsskydds")]
)
def test_the_answer_stands_beside_the_objection(
    app: Flask, client: FlaskClient, state: str, words: str
) -> None:
    person = person_of(customer())
    sign_in(client)
    client.post("/privacy/objections/search_history", data={"on": "1", "reason": "Nej."})
    with time_machine.travel(clock.now() + timedelta(days=3)), transaction() as session:
        request = session.scalars(select(Request)).one()
        request.state, request.completed_at = state, clock.now()
        if state == "refused":
            rights.withdraw_objection(session, person, BY_KEY["search_history"], clock.now())
    page = _choices(client)
    assert words in page
    assert ("Ta tillbaka invändningen" in page) is (state == "done")


def test_every_activity_of_legitimate_interest_can_be_objected_to(
    app: Flask, client: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    member()
    page = _choices(sign_in(client))
    assert set(re.findall(r'action="/privacy/objections/(\w+)"', page)) == {
        "colleague_invitations",
        "customer_relations",
        "team_surveys",
        "team_workshops",
        "workshop_use",
        "search_history",
        "usage_analysis",
        "recommendations",
    }
    dora = _choices(visit(app, browser_of()))
    assert set(re.findall(r'action="/privacy/objections/(\w+)"', dora)) == {
        "colleague_invitations",
        "team_surveys",
        "team_workshops",
    }


def test_what_protects_a_person_can_not_be_held_back(app: Flask, client: FlaskClient) -> None:
    customer()
    sign_in(client)
    for path in (
        "restrictions/security",
        "restrictions/privacy_rights",
        "objections/accounts",
        "objections/marketing_email",
        "consents/accounts",
        "objections/nonsense",
    ):
        answer = client.post(f"/privacy/{path}", data={"on": "1", "reason": "Nej."})
        assert answer.status_code == 404, path


# In the same second


def _queue(address: str) -> None:
    with transaction() as session:
        outbox.send_mail(
            session,
            "account_exists",
            address,
            {"name": "Dora"},
            purpose=TEAM_SURVEYS,
            locale="sv",
            now=clock.now(),
        )


@both_databases
@pytest.mark.parametrize(
    "path", ["objections/team_surveys", "restrictions/team_surveys", "restrictions/all"]
)
def test_mail_that_was_already_queued_is_withheld(
    app: Flask, client: FlaskClient, path: str
) -> None:
    member()
    visit(app, client)
    before = len(delivered(app))
    _queue(DORA)
    client.post(f"/privacy/{path}", data={"on": "1", "reason": "Nej."})
    told = [m["Subject"] for m in delivered(app)[before:] if m["To"] == DORA]
    assert told == ["Vi har tagit emot din begäran"] * path.startswith("objections")
    db.session.rollback()
    states = db.session.scalars(select(Mail.state).where(Mail.kind == "account_exists")).all()
    assert states == ["withheld"]
    client.post(f"/privacy/{path}", data={})
    db.session.rollback()
    assert may_use(db.session(), Person.of(None, DORA), TEAM_SURVEYS)
    assert requests("object") + requests("restrict") == 2


@both_databases
def test_a_restriction_made_by_an_account_stops_mail_to_its_address(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    sign_in(client)
    before = len(delivered(app))
    _queue(ALICE)
    client.post("/privacy/restrictions/all", data={"on": "1"})
    assert len(delivered(app)) == before
    client.post("/privacy/restrictions/all", data={})
    db.session.rollback()
    assert may_use(db.session(), Person.of(None, ALICE), TEAM_SURVEYS)


@both_databases
@pytest.mark.parametrize("path", ["restrictions/all", "restrictions/{}", "objections/{}"])
def test_searches_and_downloads_are_not_recorded(
    app: Flask, client: FlaskClient, path: str
) -> None:
    actor = actor_of(customer())
    sign_in(client)
    for activity in ("search_history", "workshop_use"):
        client.post(f"/privacy/{path.format(activity)}", data={"on": "1", "reason": "Nej."})
    client.post("/workshops/searches", data={"query": "förtroende"})
    with transaction() as session:
        assert workshops.record_download(session, actor, "premortem", clock.now()) is None
    for model in (Search, Download):
        assert db.session.scalar(select(func.count()).select_from(model)) == 0


@both_databases
def test_a_restricted_person_and_an_objector_are_counted_and_never_invited(
    app: Flask, client: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    team = team_of(customer(), 6)
    for n, path in ((2, "restrictions/all"), (3, "objections/team_surveys")):
        dora = visit(app, browser_of(), f"dora{n}@exempel.test")
        dora.post(f"/privacy/{path}", data={"on": "1", "reason": "Nej."})
    alice = sign_in(client)
    # Adding somebody who has said no is storing, which goes on; it tells nothing.
    later = "nej@exempel.test"
    with transaction() as session:
        rights.object_to(session, Person.of(None, later), TEAM_SURVEYS, clock.now())
    alice.post(f"/teams/{team.id}/members", data={"addresses": later})
    page = alice.get(f"/teams/{team.id}").text
    assert "3 personer vill inte få inbjudningar" in page
    form = {
        "teams": str(team.id),
        "message": "Hur har vi det?",
        "closes_on": (clock.day_of(clock.now()) + timedelta(days=14)).isoformat(),
        "locale": "sv",
    }
    preview = alice.post("/surveys/preview", data=form).text
    assert "Skicka till 4 personer" in preview
    assert "3 personer vill inte få inbjudningar" in preview
    survey = re.search(r'name="round"[^>]*value="([^"]+)"', preview)
    assert survey
    sent = len(delivered(app))
    running = alice.post("/surveys/", data={**form, "round": survey[1]}, follow_redirects=True)
    assert "exempel.test" not in preview.replace(ALICE, "")
    assert "4 personer" in running.text
    to = {m["To"] for m in delivered(app)[sent:]}
    assert to == {f"dora{n}@exempel.test" for n in (1, 4, 5, 6)}
    # The page of the survey tells of every invitation, and of nobody who wasn't invited.
    assert set(re.findall(r"[\w.]+@exempel\.test", running.text)) - {ALICE} == to
    db.session.rollback()
    assert {i.email for i in db.session.scalars(select(Invitation))} == to


def test_a_team_in_which_everybody_said_no_is_asked_nothing(
    app: Flask, client: FlaskClient
) -> None:
    team = team_of(customer(), 1)
    with transaction() as session:
        rights.restrict(session, Person.of(None, "dora1@exempel.test"), clock.now())
    alice = sign_in(client)
    form = {
        "teams": str(team.id),
        "message": "Hur har vi det?",
        "closes_on": (clock.day_of(clock.now()) + timedelta(days=14)).isoformat(),
        "locale": "sv",
    }
    assert "Skicka till" not in alice.post("/surveys/preview", data=form).text
    alice.post("/surveys/", data=form)
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Survey)) == 0


def test_a_reminder_stops_for_whoever_says_no_while_the_survey_runs(
    app: Flask, client: FlaskClient
) -> None:
    survey = launched(app, 5)
    visit(app, client, "dora2@exempel.test")
    client.post("/privacy/restrictions/team_surveys", data={"on": "1"})
    sent = len(delivered(app))
    with transaction() as session:
        survey_launching.remind(session, survey, clock.now())
    to = {m["To"] for m in delivered(app)[sent:]}
    assert to == {f"dora{n}@exempel.test" for n in (1, 3, 4, 5)}


# Mail that somebody doesn't want


@both_databases
def test_one_click_unsubscribing_needs_no_session_and_a_get_changes_nothing(
    app: Flask, client: FlaskClient
) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    path = actions.unsubscribe_path(DORA, "team_surveys")
    assert DORA not in path
    for method in ("GET", "HEAD"):
        assert client.open(path, method=method).status_code == 200
    assert may_use(db.session(), Person.of(None, DORA), TEAM_SURVEYS)
    for _ in range(2):
        done = client.post(
            path,
            data={"List-Unsubscribe": "One-Click"},
            headers={"Origin": "https://mail.example", "Sec-Fetch-Site": "cross-site"},
        )
        assert done.status_code == 200
    assert 'href="/privacy/choices"' in done.text
    assert "Set-Cookie" not in done.headers
    db.session.rollback()
    assert not may_use(db.session(), Person.of(None, DORA), TEAM_SURVEYS)
    assert requests("object") == 1
    assert client.post(path[:-3] + "abc").status_code == 404


def test_an_invitation_carries_the_header_and_the_same_link(
    app: Flask, client: FlaskClient
) -> None:
    launched(app, 5)
    mail = delivered(app)[-1]
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = re.fullmatch(r"<https?://[^/]+(/privacy/unsubscribe/[^>]+)>", mail["List-Unsubscribe"])
    assert path
    assert link_in(mail, "/privacy/unsubscribe/") == path[1]
    client.post(path[1], data={"List-Unsubscribe": "One-Click"})
    db.session.rollback()
    assert not may_use(db.session(), Person.of(None, str(mail["To"])), TEAM_SURVEYS)


def test_a_link_stops_one_purpose_for_one_address(app: Flask, client: FlaskClient) -> None:
    person = person_of(customer())
    sign_in(client)
    client.post(NEWS, data={"on": "1"})
    client.post(actions.unsubscribe_path(ALICE, "team_surveys"))
    db.session.rollback()
    assert may_use(db.session(), person, MARKETING_EMAIL)
    assert not may_use(db.session(), person, TEAM_SURVEYS)
    assert may_use(db.session(), Person.of(None, DORA), TEAM_SURVEYS)
    client.post(actions.unsubscribe_path(ALICE, "marketing_email"))
    db.session.rollback()
    assert not consented(db.session(), person, MARKETING_EMAIL)


def test_a_link_with_another_purpose_or_of_another_kind_is_none(
    app: Flask, client: FlaskClient
) -> None:
    _queue(DORA)
    assert client.post(actions.unsubscribe_path(DORA, "nonsense")).status_code == 404
    member()
    client.post("/privacy/find", data={"email": DORA})
    token = link_in(delivered(app)[-1], "/privacy/enter/").rsplit("/", 1)[1]
    assert client.post(f"/privacy/unsubscribe/{token}").status_code == 404


def test_who_unsubscribed_from_news_can_say_yes_again(app: Flask, client: FlaskClient) -> None:
    user = customer()
    sign_in(client)
    client.post(NEWS, data={"on": "1"})
    client.post(actions.unsubscribe_path(ALICE, "marketing_email"))
    assert "Du tog tillbaka ditt ja" in _choices(client)
    client.post(NEWS, data={"on": "1"})
    db.session.rollback()
    assert may_use(db.session(), person_of(user), MARKETING_EMAIL)
