"""Dora answers without an account, changes her mind, and nobody learns what she said."""

import re
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.conftest import both_databases
from tests.factories import customer, delivered, link_in, sign_in
from tests.surveys.stories import answer, launched, team_of, tokens
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.outbox import worker
from trustivide.surveys import launching
from trustivide.surveys.catalogue import latest
from trustivide.surveys.models import AnswerSet, Draft, Invitation, Survey

INSTRUMENT = latest("tillit-i-team")


def open_link(client: FlaskClient, token: str) -> str:
    """Follow the mailed link to the clean address."""
    response = client.get(f"/s/{token}")
    assert response.status_code == 303
    return response.headers["Location"]


def fill_in(client: FlaskClient, start: str, *, comment: str = "") -> str:
    """Answer every section without JavaScript; returns the review page's text."""
    for number, section in enumerate(INSTRUMENT.sections, start=1):
        data = {i.key: comment if i.kind == "text" else "4" for i in section.items}
        response = client.post(f"{start}/{number}", data=data)
        assert response.status_code == 303, response.text
    return client.get(f"{start}/review").text


def hidden(review: str) -> dict[str, str]:
    """What the review page's own form carries."""
    form = re.split(r'action="[^"]*/review"', review)[1].split("</form>", 1)[0]
    return dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))


def submit(client: FlaskClient, start: str, review: str) -> str:
    """Press submit on a review page; returns the receipt page's text."""
    response = client.post(f"{start}/review", data=hidden(review))
    return f"{response.status_code}\n{response.text}"


def code_on(page: str) -> str:
    """The receipt code on a page."""
    found = re.search(r"\b[0-9A-Z]{5}(?:-[0-9A-Z]{5}){5}\b", page)
    assert found, page
    return found.group()


@both_databases
def test_the_whole_way_from_mail_to_withdrawal(app: Flask, client: FlaskClient) -> None:
    launched(app, 6)
    mail = next(m for m in delivered(app) if m["To"] == "dora1@exempel.test")
    assert "List-Unsubscribe" in mail
    start = open_link(client, link_in(mail, "/s/").removeprefix("/s/"))
    intro = client.get(start).text
    assert "Exempel AB" in intro
    review = fill_in(client, start, comment="Vi hinner prata för sällan.")
    page = submit(client, start, review)
    assert page.startswith("200")
    code = code_on(page)
    # A double click, or the back button after a lost response: the same receipt.
    assert code_on(submit(client, start, review)) == code
    # A second tab had a code of its own: told that the link is used.
    assert client.get(start).status_code == 409
    assert db.session.scalar(select(func.count()).select_from(AnswerSet)) == 1
    assert db.session.scalar(select(func.count()).select_from(Draft)) == 0

    elsewhere = app.test_client()
    assert elsewhere.get("/s/receipt/answers").status_code == 404
    wrong = elsewhere.post("/s/receipt", data={"code": "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA-A"})
    assert wrong.status_code == 422
    elsewhere.post("/s/receipt", data={"code": code.lower()})
    mine = elsewhere.get("/s/receipt/answers")
    assert "Vi hinner prata för sällan." in mine.text
    assert "dora1" not in mine.text
    corrected = {i.key: "Rättad" if i.kind == "text" else "2" for i in INSTRUMENT.items}
    assert elsewhere.post("/s/receipt/answers", data=corrected).status_code == 303
    assert "Rättad" in elsewhere.get("/s/receipt/answers").text
    assert elsewhere.post("/s/receipt/restriction", data={"on": "1"}).status_code == 303
    assert db.session.scalar(select(AnswerSet.restricted)) is True
    gone = elsewhere.post("/s/receipt/withdrawal")
    assert gone.status_code == 200
    assert db.session.scalar(select(func.count()).select_from(AnswerSet)) == 0
    assert client.get(start).status_code == 200  # the link may answer anew


def test_checklist_22_opening_a_survey_link_changes_nothing_however_often(
    app: Flask, client: FlaskClient
) -> None:
    survey = launched(app, 6)
    token = next(iter(tokens(survey).values()))
    before = _dump()
    scanner = app.test_client()
    scanner.head(f"/s/{token}")
    for _ in range(5):
        scanner.get(f"/s/{token}", follow_redirects=True)
    assert _dump() == before
    start = open_link(client, token)
    assert submit(client, start, fill_in(client, start)).startswith("200")


def _dump() -> list[tuple[object, ...]]:
    tables = db.metadata.sorted_tables
    rows = [tuple(row) for t in tables for row in db.session.execute(t.select()).all()]
    db.session.rollback()
    return rows


def test_half_filled_answers_wait_on_the_same_device_only(app: Flask, client: FlaskClient) -> None:
    survey = launched(app, 6)
    token = next(iter(tokens(survey).values()))
    start = open_link(client, token)
    key = INSTRUMENT.sections[0].items[0].key
    assert client.post(f"{start}/draft", data={key: "5"}).status_code == 204
    assert 'value="5" checked' in client.get(f"{start}/1").text
    other = app.test_client()
    open_link(other, token)
    assert "checked" not in other.get(f"{start}/1").text


def test_a_missing_answer_says_so_beside_its_question_and_loses_nothing(
    app: Flask, client: FlaskClient
) -> None:
    survey = launched(app, 6)
    start = open_link(client, next(iter(tokens(survey).values())))
    items = INSTRUMENT.sections[0].items
    response = client.post(f"{start}/1", data={items[0].key: "3"})
    assert response.status_code == 422
    assert response.text.count("Välj ett svar.") == len(items) - 1
    assert 'value="3" checked' in response.text
    long = INSTRUMENT.sections[-1].items[-1].key
    data = {i.key: "4" for i in INSTRUMENT.sections[-1].items} | {long: "x" * 20_000}
    response = client.post(f"{start}/{len(INSTRUMENT.sections)}", data=data)
    assert response.status_code == 422
    assert "x" * 20_000 in response.text


def test_a_code_of_ones_own_choosing_is_refused(app: Flask, client: FlaskClient) -> None:
    survey = launched(app, 6)
    links = list(tokens(survey).values())
    start = open_link(client, links[0])
    review = fill_in(client, start)
    other = app.test_client()
    open_link(other, links[1])
    fields = hidden(review)
    for receipt in ("7K3QX-00000-00000-00000-00000-0", "", fields["receipt"] + "x"):
        refused = client.post(f"{start}/review", data=fields | {"receipt": receipt})
        assert refused.status_code == 422
        assert "Inget är inskickat." in refused.text
    # A code signed for another slot is no good either.
    assert other.post(f"{start}/review", data=fields).status_code == 422
    assert db.session.scalar(select(func.count()).select_from(AnswerSet)) == 0


def test_replay_formbricks_9131_a_link_is_valid_for_another_organisations_survey(
    app: Flask, client: FlaskClient
) -> None:
    survey = launched(app, 6)
    charlie = customer("Charlie Carlsson", "charlie@annan.test", organisation="Annan AB")
    other = launched(app, 6, owner=charlie)
    open_link(client, next(iter(tokens(survey).values())))
    assert client.get(f"/s/survey/{other.id}").status_code == 404
    cookie = client.get_cookie(f"link-{survey.id.hex}", path=f"/s/survey/{survey.id}")
    assert cookie is not None
    client.set_cookie(f"link-{other.id.hex}", cookie.value, path=f"/s/survey/{other.id}")
    assert client.get(f"/s/survey/{other.id}").status_code == 404


@both_databases
def test_a_reminder_goes_to_those_who_have_not_answered_and_leaves_no_trace(app: Flask) -> None:
    survey = launched(app, 6)
    links = tokens(survey)
    delivered(app)
    answer(survey, links["dora1@exempel.test"])
    with transaction() as session:
        launching.remind(session, survey, clock.now())
    mails = [m for m in delivered(app) if "Påminnelse" in m["Subject"]]
    assert {m["To"] for m in mails} == set(links) - {"dora1@exempel.test"}
    reminders = db.session.execute(
        db.text("SELECT count(*) FROM mail WHERE kind = 'survey_reminder'")
    ).scalar()
    assert reminders == 0


def test_somebody_who_said_no_is_neither_invited_nor_reminded(app: Flask) -> None:
    from trustivide.core.activities import TEAM_SURVEYS
    from trustivide.core.subjects import Person
    from trustivide.rights.actions import object_to

    with transaction() as session:
        object_to(session, Person.of(None, "dora2@exempel.test"), TEAM_SURVEYS, clock.now())
    survey = launched(app, 6)
    assert survey.invited == 5
    with transaction() as session:  # and one who says so while the mail waits
        object_to(session, Person.of(None, "dora3@exempel.test"), TEAM_SURVEYS, clock.now())
    to = {m["To"] for m in delivered(app)}
    assert "dora2@exempel.test" not in to
    assert "dora3@exempel.test" not in to
    assert "dora4@exempel.test" in to


@both_databases
def test_the_worker_closes_a_survey_on_its_date(app: Flask) -> None:
    survey = launched(app, 6)
    for n, token in enumerate(tokens(survey).values()):
        answer(survey, token, n)
    with time_machine.travel(clock.now() + timedelta(days=15), tick=False):
        worker.tick(app)
    db.session.expire_all()
    closed = db.session.scalars(select(Survey)).one()
    assert closed.closed_at is not None
    assert closed.link_key is None
    assert db.session.scalar(select(func.count()).select_from(Invitation)) == 6


@pytest.mark.parametrize("answers", [0, 3, 4])
def test_too_few_answers_give_no_figure_and_say_why(
    app: Flask, client: FlaskClient, answers: int
) -> None:
    survey = launched(app, 6)
    for n, token in enumerate(list(tokens(survey).values())[:answers]):
        answer(survey, token, n)
    sign_in(client)
    page = client.get(f"/surveys/{survey.id}").text
    assert f">{answers}<" not in page
    assert client.post(f"/surveys/{survey.id}/closure").status_code == 303
    result = client.get(f"/surveys/{survey.id}").text
    assert "Inget resultat visas" in result
    assert '<svg class="chart-svg"' not in result


def test_alice_sends_a_survey_and_sends_it_once(app: Flask, client: FlaskClient) -> None:
    alice = customer()
    team = team_of(alice, 6)
    sign_in(client)
    form = {
        "teams": str(team.id),
        "message": "Vi vill veta hur vi har det.",
        "closes_on": (clock.now() + timedelta(days=10)).date().isoformat(),
        "locale": "sv",
    }
    preview = client.post("/surveys/preview", data=form)
    assert preview.status_code == 200
    assert "Skicka till 6 personer" in preview.text
    assert db.session.scalar(select(func.count()).select_from(Survey)) == 0
    round_id = re.search(r'name="round"[^>]*value="([^"]+)"', preview.text)
    assert round_id
    sent = [client.post("/surveys/", data=form | {"round": round_id[1]}) for _ in range(2)]
    survey = db.session.scalars(select(Survey)).one()
    assert {r.headers["Location"] for r in sent} == {f"/surveys/{survey.id}"}
    assert sum("tilliten" in m["Subject"] for m in delivered(app)) == 6
    page = client.get(f"/surveys/{survey.id}").text
    assert "Skickade (6)" in page


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("closes_on", "2020-01-01", "Välj en dag"),
        ("closes_on", "2099-01-01", "Välj en dag"),
        ("message", "", "Skriv några rader"),
    ],
)
def test_a_wrong_launch_says_what_to_do_and_keeps_what_was_typed(
    app: Flask, client: FlaskClient, field: str, value: str, message: str
) -> None:
    team = team_of(customer(), 6)
    sign_in(client)
    form = {
        "teams": str(team.id),
        "message": "Ett meddelande som ska vara kvar",
        "closes_on": (clock.now() + timedelta(days=10)).date().isoformat(),
        "locale": "sv",
    }
    response = client.post("/surveys/preview", data=form | {field: value})
    assert response.status_code == 422
    assert message in response.text
    if field != "message":
        assert "Ett meddelande som ska vara kvar" in response.text


def test_charlie_reaches_nothing_of_alices_surveys(app: Flask, client: FlaskClient) -> None:
    survey = launched(app, 6)
    customer("Charlie Carlsson", "charlie@annan.test", organisation="Annan AB")
    sign_in(client, "charlie@annan.test")
    assert client.get(f"/surveys/{survey.id}").status_code == 404
    assert client.get(f"/surveys/{survey.id}/closure").status_code == 404
    for verb in ("closure", "reminders"):
        assert client.post(f"/surveys/{survey.id}/{verb}").status_code == 404
    form = {
        "teams": str(survey.team_id),
        "message": "Hej",
        "closes_on": "2026-12-01",
        "locale": "sv",
    }
    assert client.post("/surveys/preview", data=form).status_code == 422
    assert "Redaktionen" not in client.get("/surveys/").text
