"""Sending to many teams, on a later day, again and again: what Alice, the worker and Dora see."""

import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.conftest import both_databases
from tests.factories import customer, delivered, link_in, sign_in
from tests.surveys.stories import actor_of, launch, team_of
from trustivide.auth.models import User
from trustivide.core import clock
from trustivide.core.activities import TEAM_SURVEYS
from trustivide.core.clock import STOCKHOLM, day_of
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.outbox import worker
from trustivide.privacy import actions as privacy
from trustivide.surveys import rhythms, rounds
from trustivide.surveys.catalogue import latest
from trustivide.surveys.models import Invitation, Rhythm, Round, RoundTeam, Survey
from trustivide.surveys.rhythms import following, months_later, morning_of
from trustivide.surveys.rounds import Plan
from trustivide.teams import actions as teams
from trustivide.teams.models import Team, TeamMember
from trustivide.web.limits import limiter


def in_days(days: int) -> date:
    return day_of(clock.now()) + timedelta(days=days)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=STOCKHOLM)


def form(*asked: Team, **more: Any) -> dict[str, Any]:
    """What Alice fills in."""
    return {
        "teams": [str(team.id) for team in asked],
        "instrument": "tillit-i-team",
        "message": "Vi vill veta hur vi har det.",
        "locale": "sv",
        "closes_on": in_days(14).isoformat(),
        "reminders": "3, 5",
        "repeat": "",
        "round": str(uuid4()),
        **more,
    }


def planned(owner: User, *asked: Team, opens_in: int = 2, every: int | None = None) -> UUID:
    """The id of a round that waits."""
    opens_on = in_days(opens_in)
    plan = Plan(
        team_ids=[team.id for team in asked],
        instrument=latest("tillit-i-team"),
        own_version_id=None,
        message="Vi vill veta hur vi har det.",
        locale="sv",
        opens_at=morning_of(opens_on),
        closes_at=morning_of(opens_on + timedelta(days=14)),
        reminder_days=[3, 5],
        every_months=every,
    )
    with transaction() as session:
        return rounds.put(session, actor_of(owner), uuid4(), plan, clock.now()).id


def all_of(model: type[Any]) -> list[Any]:
    db.session.rollback()
    return list(db.session.scalars(select(model)))


def mailed(app: Flask) -> list[EmailMessage]:
    """Every mail so far to those who are asked."""
    return [mail for mail in delivered(app) if mail["To"] != "alice@exempel.test"]


def test_two_teams_get_a_survey_each_after_a_look_at_it_and_a_test_mail(
    app: Flask, client: FlaskClient
) -> None:
    alice = customer()
    red, short = team_of(alice, 6), team_of(alice, 3, "Layouten", "erik")
    sign_in(client)
    filled = form(red, short, repeat="3")
    preview = client.post("/surveys/preview", data=filled)
    assert preview.status_code == 200
    assert "Skicka till 9 personer" in preview.text
    assert "Layouten har 3 personer att fråga" in preview.text
    assert "Inget resultat kommer att kunna visas" in preview.text
    assert "var tredje månad" in preview.text
    assert client.post("/surveys/test-mails", data=filled).status_code == 200
    test = delivered(app)[-1]
    assert test["To"] == "alice@exempel.test"
    assert test["Subject"] == "Test: Exempel AB frågar om tilliten i Redaktionen"
    questions = client.get(link_in(test, "/surveys/questions/"))
    assert "sparas inte" in questions.text
    assert all_of(Survey) == all_of(Round) == all_of(Invitation) == []
    for _ in range(2):
        sent = client.post("/surveys/", data=filled)
        assert sent.headers["Location"] == f"/surveys/rounds/{filled['round']}"
    page = client.get(sent.headers["Location"]).text
    for survey in all_of(Survey):
        assert f"/surveys/{survey.id}" in page
    assert {(s.team_id, s.invited) for s in all_of(Survey)} == {(red.id, 6), (short.id, 3)}
    mails = mailed(app)
    assert len({m["To"] for m in mails}) == len(mails) == 9
    body = mails[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "Enkäten kommer var tredje månad." in body
    assert "/privacy/invitations" in body
    first_page = app.test_client().get(link_in(mails[0], "/s/"), follow_redirects=True).text
    assert "Enkäten kommer var tredje månad." in first_page
    index = client.get("/surveys/").text
    assert "2 team, 9 inbjudna" in index
    assert "Planerade" not in index


@both_databases
def test_a_planned_round_opens_in_the_morning_with_those_who_are_in_the_teams_then(
    app: Flask, client: FlaskClient
) -> None:
    alice = customer()
    red, gone = team_of(alice, 5), team_of(alice, 5, "Borta", "filip")
    empty = team_of(alice, 1, "Tomma", "greta")
    sign_in(client)
    opens_on = in_days(3)
    filled = form(red, gone, empty, opens_on=opens_on.isoformat(), closes_on=in_days(12))
    assert "Planera utskicket" in client.post("/surveys/preview", data=filled).text
    page = f"/surveys/rounds/{filled['round']}"
    assert client.post("/surveys/", data=filled).headers["Location"] == page
    assert "Planerade" in client.get("/surveys/").text
    # Changed before it opens, by the same form; charlie can't.
    assert "Ändra utskicket" in client.get(f"{page}/plan").text
    changed = {**filled, "message": "En ny text."}
    assert "Spara ändringen" in client.post("/surveys/preview", data=changed).text
    client.post("/surveys/", data=changed)
    assert [r.message for r in all_of(Round)] == ["En ny text."]
    with transaction() as session:
        session.add(TeamMember(team_id=red.id, email="ny@exempel.test", added_on=in_days(0)))
        session.delete(session.get_one(Team, gone.id))
        member = session.scalars(select(TeamMember).where(TeamMember.team_id == empty.id)).one()
        teams.remove_member(session, member)
    with time_machine.travel(at(opens_on, 7, 59)):
        worker.tick(app)
        assert all_of(Survey) == []
    with time_machine.travel(at(opens_on, 8)):
        worker.tick(app)
        worker.tick(app)
        (survey,) = all_of(Survey)
        assert (survey.team_id, survey.invited, survey.round_id) == (
            red.id,
            6,
            UUID(filled["round"]),
        )
        assert len(mailed(app)) == 6
        sign_in(client)
        shown = client.get(page).text
        assert "1 team är raderat sedan utskicket planerades." in shown
        assert "fick ingen enkät: där fanns ingen att fråga" in shown
        # What was sent can't be called off, changed, or sent again.
        client.post(f"{page}/cancellation")
        client.post("/surveys/", data=changed)
        assert client.get(f"{page}/plan").status_code == 303
    assert len(all_of(Survey)) == 1
    assert [r.cancelled_on for r in all_of(Round)] == [None]


def test_one_round_that_fails_stops_no_other_and_one_that_came_too_late_is_called_off(
    app: Flask, client: FlaskClient
) -> None:
    alice = customer()
    broken = planned(alice, team_of(alice, 5))
    planned(alice, team_of(alice, 5, "Layouten", "erik"))
    with transaction() as session:
        session.get_one(Round, broken).instrument = "finns-inte"
    with time_machine.travel(at(in_days(2), 9)):
        worker.tick(app)
        assert [s.instrument for s in all_of(Survey)] == ["tillit-i-team"]
        assert {r.id for r in all_of(Round) if r.opened_at is None} == {broken}
    with time_machine.travel(at(in_days(20), 9)):
        worker.tick(app)
        assert [r.cancelled_on for r in all_of(Round) if r.id == broken] == [in_days(0)]
    with transaction() as session:
        session.get_one(Round, broken).instrument = "tillit-i-team"
    with time_machine.travel(at(in_days(20), 9)):
        sign_in(client)
        assert "hann inte skickas" in client.get(f"/surveys/rounds/{broken}").text


def test_reminders_go_on_their_days_from_eight_on_and_once_a_day_at_most(
    app: Flask, client: FlaskClient
) -> None:
    alice, opened = customer(), in_days(1)
    with time_machine.travel(at(opened, 10)):
        sign_in(client)
        client.post("/surveys/", data=form(team_of(alice, 5), reminders="3,5,9"))
        assert len(mailed(app)) == 5
    (survey,) = all_of(Survey)

    def reminders_at(day: int, hour: int) -> int:
        before = len(mailed(app))
        with time_machine.travel(at(opened + timedelta(days=day), hour)):
            worker.tick(app)
            return len(mailed(app)) - before

    assert reminders_at(2, 12) == 0
    assert reminders_at(3, 7) == 0
    assert reminders_at(3, 8) == 5
    assert reminders_at(3, 9) == 0
    # By hand on the fifth day, before eight: the planned one is that one.
    with time_machine.travel(at(opened + timedelta(days=5), 7)):
        sign_in(client)
        client.post(f"/surveys/{survey.id}/reminders")
        assert len(mailed(app)) == 5 + 5 + 5
    assert reminders_at(5, 8) == 0
    # The worker slept on the ninth day.
    assert reminders_at(10, 8) == 5
    assert reminders_at(11, 8) == 0


def test_a_rhythm_comes_again_until_it_is_ended_and_dora_leaves_it(
    app: Flask, client: FlaskClient
) -> None:
    alice = customer()
    team = team_of(alice, 6)
    sign_in(client)
    client.post("/surveys/", data=form(team, closes_on=in_days(10), repeat="1", reminders=""))
    (rhythm,) = all_of(Rhythm)
    # A month would be too soon after its closing for somebody to leave unseen.
    first, again = in_days(0), in_days(10 + 1 + 30)
    assert rhythm.next_on == again
    with transaction() as session:
        dora = Person.of(None, "dora1@exempel.test")
        privacy.refuse_sender(session, dora, TEAM_SURVEYS, clock.now(), on=True, scope=rhythm.id)
    with time_machine.travel(at(first + timedelta(days=11), 0, 1)):
        worker.tick(app)
    with time_machine.travel(at(again - timedelta(days=7), 9)):
        for _ in range(2):
            worker.tick(app)
        one, two = sorted(all_of(Round), key=lambda r: r.opens_at)
        assert two.opens_at == morning_of(again)
        assert day_of(two.closes_at) - day_of(two.opens_at) == timedelta(days=11)
        assert (two.rhythm_id, two.message, two.opened_at) == (rhythm.id, one.message, None)
        third = again + timedelta(days=10 + 1 + 30)
        assert all_of(Rhythm)[0].next_on == third
        sign_in(client)
        assert "Sluta upprepa" in client.get(f"/surveys/rounds/{two.id}").text
    with time_machine.travel(at(again, 8)):
        worker.tick(app)
        surveys = sorted(all_of(Survey), key=lambda s: s.opened_at)
        asked = {i.email for i in all_of(Invitation) if i.survey_id == surveys[1].id}
        assert [s.invited for s in surveys] == [6, 5]
        assert "dora1@exempel.test" not in asked
    with time_machine.travel(at(third - timedelta(days=5), 9)):
        worker.tick(app)
        sign_in(client)
        waiting = next(r for r in all_of(Round) if r.opened_at is None)
        ending = f"/surveys/rhythms/{rhythm.id}/ending"
        assert "inga nya kommer" in client.get(ending).text
        client.post(ending)
        assert "Inställt" in client.get(f"/surveys/rounds/{waiting.id}").text
    with time_machine.travel(at(third + timedelta(days=90), 9)):
        worker.tick(app)
        assert len(all_of(Survey)) == 2
        assert len(all_of(Round)) == 3


def test_a_planned_round_is_called_off_after_a_question(app: Flask, client: FlaskClient) -> None:
    alice = customer()
    waiting = planned(alice, team_of(alice, 6), every=3)
    sign_in(client)
    there = f"/surveys/rounds/{waiting}/cancellation"
    assert "kommer ändå nästa gång" in client.get(there).text
    client.post(there)
    assert "Inställt" in client.get("/surveys/").text
    with time_machine.travel(at(in_days(5), 9)):
        worker.tick(app)
        assert all_of(Survey) == []
    # Only once: the rhythm goes on. Without any team left it ends by itself.
    (rhythm,) = all_of(Rhythm)
    assert rhythm.ended_on is None
    with transaction() as session:
        session.delete(session.scalars(select(Team)).one())
    with time_machine.travel(at(in_days(120), 9)):
        worker.tick(app)
        assert len(all_of(Round)) == 1
        assert all_of(Rhythm)[0].ended_on == in_days(0)


@both_databases
def test_two_workers_at_once_open_and_repeat_once(app: Flask) -> None:
    alice = customer()
    planned(alice, team_of(alice, 5), team_of(alice, 5, "Layouten", "erik"), every=1)

    def at_once(duty: Callable[[datetime], None], now: datetime) -> None:
        start = threading.Barrier(4)

        def work() -> None:
            with app.app_context():
                start.wait()
                duty(now)
                db.session.remove()

        workers = [threading.Thread(target=work) for _ in range(4)]
        for one in workers:
            one.start()
        for one in workers:
            one.join()

    at_once(rounds.open_due, at(in_days(2), 8))
    assert sorted(s.invited for s in all_of(Survey)) == [5, 5]
    assert len(all_of(Invitation)) == 10
    assert [r.opened_at is None for r in all_of(Round)] == [False]
    at_once(rhythms.repeat_due, at(in_days(41), 8))
    assert len(all_of(Round)) == 2
    assert len(all_of(RoundTeam)) == 4
    at_once(rhythms.repeat_due, at(in_days(41), 9))
    assert len(all_of(Round)) == 2


def test_results_that_could_be_subtracted_are_refused_in_words(
    app: Flask, client: FlaskClient
) -> None:
    alice = customer()
    team, nearly = team_of(alice, 6), team_of(alice, 7, "Nästan samma")
    sign_in(client)
    preview = client.post("/surveys/preview", data=form(team, nearly)).text
    assert "färre än 5 personer" in preview
    assert "Skicka till" not in preview
    refused = client.post("/surveys/", data=form(team, nearly))
    assert refused.status_code == 422
    assert "färre än 5 personer" in refused.text
    assert "Vi vill veta hur vi har det." in refused.text
    assert all_of(Survey) == all_of(Round) == []
    # What comes up only when the day has come leaves the team out.
    waiting = planned(alice, nearly)
    launch(alice, team)
    with time_machine.travel(at(in_days(2), 9)):
        worker.tick(app)
        assert len(all_of(Survey)) == 1
        sign_in(client)
        assert "vad några få har svarat" in client.get(f"/surveys/rounds/{waiting}").text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"teams": []}, "Välj minst ett team."),
        ({"teams": "tomt"}, "Det finns inga personer i Tomma."),
        ({"opens_on": in_days(-1).isoformat()}, "Välj en dag från i dag"),
        ({"opens_on": in_days(20).isoformat()}, "Välj en dag efter utskicket"),
        ({"closes_on": in_days(0).isoformat()}, "Välj en dag mellan i morgon"),
        ({"closes_on": in_days(90).isoformat()}, "Välj en dag mellan i morgon"),
        ({"reminders": "snart"}, "Skriv antal dagar med komma emellan"),
        ({"reminders": "3, 15"}, "Dag 15 kommer efter sista dagen"),
        ({"reminders": "1,2,3,4,5,6"}, "Högst 5 påminnelser"),
        ({"closes_on": in_days(40).isoformat(), "repeat": "1"}, "Enkäten är öppen när nästa"),
    ],
)
def test_what_cannot_be_sent_is_said_beside_its_field(
    app: Flask, client: FlaskClient, wrong: dict[str, Any], words: str
) -> None:
    alice = customer()
    team, empty = team_of(alice, 6), team_of(alice, 0, "Tomma")
    sign_in(client)
    if wrong.get("teams") == "tomt":
        wrong = {"teams": [str(team.id), str(empty.id)]}
    for path in ("/surveys/preview", "/surveys/", "/surveys/test-mails"):
        answer = client.post(path, data=form(team, **wrong))
        assert answer.status_code == 422
        assert words in answer.text
        assert "Vi vill veta hur vi har det." in answer.text
    assert all_of(Round) == []
    assert mailed(app) == []


def test_a_month_later_is_the_same_day_or_the_last() -> None:
    assert months_later(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert months_later(date(2026, 11, 30), 3) == date(2027, 2, 28)
    assert months_later(date(2027, 12, 15), 12) == date(2028, 12, 15)
    opened, closed = morning_of(date(2026, 11, 2)), morning_of(date(2026, 11, 17))
    assert following(opened, closed, 3) == date(2027, 2, 2)
    assert following(opened, closed, 1) == date(2026, 12, 17)
    assert f"{morning_of(date(2026, 7, 1)):%H:%M}" == "08:00"


def test_the_seventh_test_mail_in_ten_minutes_waits(app: Flask, client: FlaskClient) -> None:
    team = team_of(customer(), 6)
    sign_in(client)
    limiter.enabled = True
    try:
        limiter.reset()
        answers = [client.post("/surveys/test-mails", data=form(team)) for _ in range(7)]
    finally:
        limiter.enabled = False
    assert [a.status_code for a in answers] == [200] * 6 + [429]
