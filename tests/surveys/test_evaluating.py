"""After a workshop: the team is asked how it was, as safely as with any other survey."""

from collections.abc import Callable
from datetime import datetime, timedelta

import jsonschema
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.admin.test_office import in_office
from tests.conftest import both_databases
from tests.factories import colleague, customer, delivered, sign_in, staff
from tests.surveys.stories import launch, ran, team_of, tokens
from tests.surveys.tables import tables
from tests.surveys.test_results import LOW, answer_sets, closed
from trustivide.auth.models import User
from trustivide.core import clock
from trustivide.core.clock import day_of
from trustivide.core.db import db, transaction
from trustivide.surveys import (
    actions,
    anonymity,
    catalogue,
    closing,
    evaluations,
    history,
    own_instruments,
    results,
)
from trustivide.surveys.models import Evaluation, Round, Snapshot, Survey
from trustivide.surveys.queries import Listed
from trustivide.surveys.report import Beside, contents
from trustivide.surveys.snapshot import compute
from trustivide.teams.models import TeamMember
from trustivide.workshops.models import WorkshopSession

Browsers = Callable[[], FlaskClient]
TITLE = "Tänk om det gick fel"


@pytest.fixture
def alice(app: Flask, client: FlaskClient) -> User:
    owner = customer()
    sign_in(client)
    return owner


def path_of(held: WorkshopSession) -> str:
    return f"/surveys/evaluations/{held.id}"


def asked() -> Survey:
    """The one survey that asks how a workshop was."""
    db.session.rollback()
    return db.session.scalars(select(Survey).where(Survey.instrument == catalogue.EVALUATION)).one()


def finish(survey: Survey, worth: list[int]) -> None:
    """So many answer, the first of the three like this, and the survey closes."""
    for token, point in zip(tokens(survey).values(), worth, strict=False):
        said = {"worth": point, "dared": 4, "change": None if point < 3 else 3}
        actions.submit(survey.id, token, anonymity.new_receipt_code(), dict(said))
    with transaction() as session:
        closing.close(session, session.get_one(Survey, survey.id), clock.now())


@both_databases
def test_bob_asks_how_a_workshop_was_and_reads_what_the_team_says(
    app: Flask, client: FlaskClient, browser_of: Browsers, alice: User
) -> None:
    bob, dora = sign_in(browser_of(), colleague(alice, "leader").email), browser_of()
    team = team_of(alice, 6)
    before = closed(alice, team, answer_sets(6, LOW, 1), ago=60)
    held = ran(team)
    here = path_of(held)

    # The offer stands among the surveys, and says everything before anything is sent.
    for offering in ("/surveys/", f"/teams/{team.id}"):
        assert f'href="{here}"' in bob.get(offering).text
    page = bob.get(here).text
    for words in (
        TITLE,
        "Workshopen var värd tiden.",
        "Jag vågade delta så som jag ville.",
        "Jag tror att något blir bättre i vårt team efter workshopen.",
        "6 personer: alla i teamet, också de som inte var med.",
        "efter stängningen, om minst 5 har svarat",
    ):
        assert words in page, words
    refused = bob.post(here, data={"message": " ", "locale": "sv"})
    assert refused.status_code == 422
    assert "Skriv några rader" in refused.text
    assert bob.post(here, data={"message": "å" * 2001, "locale": "xx"}).status_code == 422
    assert db.session.scalar(select(func.count()).select_from(Round)) == 0

    for _ in range(2):  # pressed twice
        sent = bob.post(here, data={"message": "Hur var det?\nSäg till.", "locale": "sv"})
        assert sent.status_code == 303
    survey = asked()
    assert (survey.k, survey.invited, survey.round_id) == (
        5,
        6,
        db.session.scalars(select(Evaluation.id)).one(),
    )
    assert day_of(survey.closes_at) - day_of(clock.now()) == timedelta(days=8)
    assert db.session.scalars(select(Round.reminder_days)).one() == [3]
    assert bob.get(here).location == f"/surveys/{survey.id}"
    assert TITLE in bob.get(f"/surveys/{survey.id}").text
    listed = bob.get("/surveys/").text
    assert f'href="{here}"' not in listed + bob.get(f"/teams/{team.id}").text
    assert TITLE in listed

    mails = [mail for mail in delivered(app) if mail["To"] in tokens(survey)]
    assert {mail["To"] for mail in mails} == set(tokens(survey))
    assert mails[0]["Subject"] == (f"Exempel AB frågar Redaktionen: Så var workshopen ({TITLE})")
    assert "tilliten" not in mails[0].get_body(("plain",)).get_content().split("Vem ser vad")[0]
    dora.get(f"/s/{next(iter(tokens(survey).values()))}")
    assert TITLE in dora.get(f"/s/survey/{survey.id}").text

    # From now on the workshop stays run; the result is the ordinary one, in words that fit.
    bob.post(f"/workshops/sessions/{held.id}/run/removal")
    assert db.session.scalars(select(WorkshopSession.state)).one() == "run"
    finish(survey, [5, 4, 2, 5, 4])
    page = bob.get(f"/surveys/{survey.id}").text
    assert f"Så var workshopen: {TITLE}, " in page
    assert "var den värd tiden" in page
    shown = tables(page)
    assert [cells[1] for cells in shown["Workshopen var värd tiden."]] == ["1", "0", "4"]
    figures = db.session.get_one(Snapshot, survey.id).figures
    (change,) = [row for row in figures["items"] if row["key"] == "change"]
    assert change == {**change, "published": False}, "four of five could say"
    for words in ("Sedan förra gången", "Över tid", "Det som sticker ut", "Något att göra härnäst"):
        assert words not in page, words
    told = contents(Listed(survey, team), figures, "sv", Beside(about=TITLE))
    assert told["lead"] == f"Så var workshopen: {TITLE}"
    file = bob.get(f"/surveys/{survey.id}/export/json").json
    jsonschema.validate(file, client.get("/surveys/results/schema/1").get_json(force=True))
    assert file["survey"]["about"].startswith(f"{TITLE}, ")
    assert f'Gäller,,"{TITLE}, ' in bob.get(f"/surveys/{survey.id}/export/csv").text

    # It measures nothing that the other questionnaires do.
    again = closed(alice, team, answer_sets(6, LOW, 2))
    assert [wave.survey_id for wave in history.waves(db.session(), again)] == [before.id, again.id]


def test_what_is_offered_can_be_declined_taken_back_and_undone(
    client: FlaskClient, browser_of: Browsers, alice: User
) -> None:
    team = team_of(alice, 6)
    held = ran(team)
    here = path_of(held)
    client.post(f"{here}/refusal", data={"refused": "1"})
    assert f'href="{here}"' not in client.get("/surveys/").text
    page = client.get(here).text
    assert "att inte fråga" in page
    assert "Skicka till" not in page
    client.post(f"{here}/refusal", data={"refused": "0"})
    assert "Skicka till 6 personer" in client.get(here).text

    # Charlie and a member find nothing.
    charlie, mia = browser_of(), browser_of()
    customer(
        "Charlie Carlsson", "charlie@annan.test", organisation="Annan AB", number="556036-0793"
    )
    sign_in(charlie, "charlie@annan.test")
    sign_in(mia, colleague(alice, "member", "Mia", "mia@exempel.test").email)
    for stranger in (charlie, mia):
        assert stranger.get(here).status_code == 404
        assert stranger.post(here, data={"message": "x", "locale": "sv"}).status_code == 404
        assert stranger.post(f"{here}/refusal", data={"refused": "1"}).status_code == 404
    assert "Fråga hur workshopen" not in charlie.get("/surveys/").text

    # A month later the list has forgotten it, the page hasn't.
    with time_machine.travel(clock.now() + timedelta(days=31), tick=False):
        sign_in(client)
        assert f'href="{here}"' not in client.get("/surveys/").text
        assert client.get(here).status_code == 200

    # It wasn't run after all.
    sign_in(client).post(f"/workshops/sessions/{held.id}/run/removal")
    assert client.get(here).status_code == 404
    assert db.session.scalars(select(Evaluation)).all() == []


def test_a_team_below_k_is_told_why_and_nobody_is_asked(client: FlaskClient, alice: User) -> None:
    small = path_of(ran(team_of(alice, 4)))
    page = client.get(small).text
    assert "har 4 personer att fråga" in page
    assert "går frågorna inte att skicka" in page
    assert "Skicka till" not in page
    sent = client.post(small, data={"message": "Hur var det?", "locale": "sv"})
    assert sent.status_code == 422
    assert "går frågorna inte att skicka" in sent.text
    # Nobody at all.
    assert "har 0 personer att fråga" in client.get(path_of(ran(team_of(alice, 0, "Tomma")))).text
    assert db.session.scalars(select(Survey)).all() == []


def test_two_evaluations_cannot_be_subtracted(client: FlaskClient, alice: User) -> None:
    """Whoever may say that a workshop was run could ask again without Dora, at once."""
    team = team_of(alice, 7)
    client.post(path_of(ran(team)), data={"message": "Hur var det?", "locale": "sv"})
    finish(asked(), [4] * 7)
    with transaction() as session:
        dora = session.scalars(select(TeamMember).where(TeamMember.team_id == team.id)).first()
        session.delete(dora)
    again = path_of(ran(team, "lesson-of-the-week"))
    page = client.get(again).text
    assert "skulle resultaten visa vad färre än 5 personer har svarat" in page
    assert "Skicka till" not in page
    sent = client.post(again, data={"message": "Hur var det?", "locale": "sv"})
    assert sent.status_code == 422
    assert len(db.session.scalars(select(Survey)).all()) == 1
    with time_machine.travel(clock.now() + timedelta(days=31), tick=False):
        sign_in(client)
        assert "Skicka till 6 personer" in client.get(again).text


def test_two_workshops_are_not_two_measures_of_one_thing(client: FlaskClient, alice: User) -> None:
    team = team_of(alice, 6)
    for days, slug in ((60, "premortem"), (10, "lesson-of-the-week")):
        with time_machine.travel(clock.now() - timedelta(days=days), tick=False):
            sign_in(client)
            held = ran(team, slug)
            client.post(path_of(held), data={"message": "Hur var det?", "locale": "sv"})
            survey = db.session.scalars(
                select(Survey).order_by(Survey.opened_at.desc()).limit(1)
            ).one()
            finish(survey, [3, 4, 4, 5, 5, 5])
    (alone,) = history.waves(db.session(), db.session.get_one(Survey, survey.id))
    assert alone.survey_id == survey.id
    many = [{"worth": 5, "dared": 1, "change": 3} for _ in range(12)]
    figures = compute(evaluations.instrument(), many, k=5, invited=12)
    assert not results.items_standing_out(evaluations.instrument(), figures)


def test_it_is_none_of_the_questionnaires_to_choose_from(client: FlaskClient, alice: User) -> None:
    key = evaluations.instrument().key
    assert evaluations.instrument() in catalogue.all()
    assert key not in {one.key for one in own_instruments.built_in() + catalogue.measuring()}
    for path in ("/surveys/new", "/surveys/instruments/", "/surveys/method"):
        page = client.get(path).text
        assert key not in page, path
        assert "Så var workshopen" not in page, path
    assert client.get(f"/surveys/questions/{key}").status_code == 404


def test_totals_are_of_many_organisations_or_none(app: Flask, client: FlaskClient) -> None:
    now = clock.now()

    def evaluated(n: int, slug: str, worth: list[int], then: datetime) -> None:
        with time_machine.travel(then, tick=False):
            owner = customer(f"Ägare {n}", f"owner{n}@exempel.test", organisation=f"Bolag {n}")
            team = team_of(owner, len(worth), f"Team {n}", f"p{n}-{slug[:3]}-")
            held = ran(team, slug)
            survey = launch(owner, team, evaluations.instrument())
            with transaction() as session:
                offer = select(Evaluation).where(Evaluation.session_id == held.id)
                session.scalars(offer).one().survey_id = survey.id
            finish(survey, worth)

    before = now - timedelta(days=32)
    for n in range(4):
        evaluated(n, "premortem", [5, 5, 4, 4, 3, 3, 5], before)
    few = evaluations.totals(db.session(), now)
    assert (few.closed, few.worth) == (4, {}), "28 answer sets, of four organisations"
    evaluated(5, "premortem", [1] * 5, before)
    evaluated(6, "lesson-of-the-week", [1] * 4, before)
    evaluated(7, "premortem", [1] * 9, now)  # in a month that isn't over
    many = evaluations.totals(db.session(), now)
    assert many.closed == 6
    assert many.worth == {"premortem": 3.7}  # (4 * 29 + 5) / 33

    staff(role="content")
    page = in_office(client).get("/admin/usage").text
    assert "6 utvärderingar har stängt i månader som är slut." in page
    assert [TITLE, "3,7"] in [row for rows in tables(page).values() for row in rows]
