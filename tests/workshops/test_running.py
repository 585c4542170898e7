"""Bob says that a workshop was run, what the team agreed on, and who is reminded of it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.conftest import both_databases
from tests.factories import colleague, customer, delivered, sign_in
from tests.surveys.stories import ran, team_of
from tests.workshops.test_planning import BOB, DORA, body_of, leave, planned, refuse
from trustivide.auth.models import User
from trustivide.auth.queries import person
from trustivide.core.activities import TEAM_WORKSHOPS
from trustivide.core.clock import STOCKHOLM
from trustivide.core.crypto import address_digest
from trustivide.core.db import db, transaction
from trustivide.outbox import worker
from trustivide.rights import actions as rights
from trustivide.teams.models import Team, TeamMember
from trustivide.workshops import sessions
from trustivide.workshops.models import SessionAction, WorkshopSession
from trustivide.workshops.queries import get, held
from trustivide.workshops.reminders import remind_due

MONDAY = datetime(2027, 4, 5, 12, tzinfo=STOCKHOLM)
"""Three hours after the workshop began."""


@pytest.fixture
def team(app: Flask) -> Team:
    """Bob's team of three in Alice's organisation."""
    alice = customer()
    colleague(alice, "leader")
    return team_of(alice, 3)


@pytest.fixture
def bob(team: Team, client: FlaskClient) -> FlaskClient:
    """Bob, who leads it, signed in."""
    return sign_in(client, BOB)


@pytest.fixture
def run(bob: FlaskClient, team: Team, app: Flask) -> Iterator[str]:
    """The path of a workshop that was planned and has been held by now."""
    path = planned(bob, team)
    with time_machine.travel(MONDAY):
        sign_in(bob, BOB)
        yield path


def row() -> WorkshopSession:
    """The one workshop there is."""
    db.session.rollback()
    return db.session.scalars(select(WorkshopSession)).one()


def reminders(app: Flask, at: datetime) -> list[EmailMessage]:
    """What the worker's clock sends at a time."""
    before = len(delivered(app))
    with time_machine.travel(at):
        worker.tick(app)
        return delivered(app)[before:]


def member_id(address: str) -> str:
    """The id of somebody in the team."""
    return next(str(m.id) for m in db.session.scalars(select(TeamMember)) if m.email == address)


@both_databases
def test_bob_marks_it_as_run_and_the_owner_is_reminded_once(
    app: Flask, bob: FlaskClient, team: Team, run: str
) -> None:
    heard: list[WorkshopSession] = []
    with sessions.workshop_run.connected_to(lambda sender, **_: heard.append(sender)):
        assert "Blev den av?" in bob.get(run).text
        assert "Blev de av?" in bob.get("/workshops/sessions").text
        form = bob.get(f"{run}/run").text
        assert 'value="2027-04-05"' in form
        card = get(db.session(), "premortem", "sv")
        assert card
        proposed = MONDAY.date() + timedelta(days=card.follow_up_days)
        assert f'value="{proposed}"' in form
        for attendance, says in [("", "Skriv hur många"), ("0", "mellan 1 och 500")] + [
            (wrong, "mellan 1 och 500") for wrong in ("501", "-1", "sju")
        ]:
            wrong = bob.post(f"{run}/run", data=told(attendance=attendance, note="Kvar"))
            assert wrong.status_code == 422
            assert says in wrong.text, attendance
            assert "Kvar" in wrong.text
        for day in ({"run_on": "2027-04-06"}, {"follow_up_on": "2027-04-05"}, {"run_on": "igår"}):
            assert bob.post(f"{run}/run", data=told(**day)).status_code == 422
        assert bob.post(f"{run}/actions", data={"what": "För tidigt"}).status_code == 404
        assert not heard
        bob.post(f"{run}/run", data=told(note="Vi vågade fråga."))
        bob.post(f"{run}/run", data=told(attendance="4", note="Vi vågade fråga."))
        assert len(heard) == 1
    page = bob.get(run).text
    assert "Vi vågade fråga." in page
    assert "Genomförd" in page
    assert [m.attendance for m in held(db.session(), team.id, MONDAY.date(), MONDAY.date())] == [4]

    empty = bob.post(f"{run}/actions", data={"what": "", "owner": "", "due_on": ""})
    assert empty.status_code == 422
    assert "Skriv vad ni har kommit överens om." in empty.text
    stranger = {"what": "Luta", "owner": "11111111-1111-1111-1111-111111111111"}
    assert bob.post(f"{run}/actions", data=stranger).status_code == 422
    for what, owner in (("Vi börjar med en runda", DORA), ("Vi luftar", "dora2@exempel.test")):
        given = {"what": what, "owner": member_id(owner), "due_on": "2027-04-12"}
        assert bob.post(f"{run}/actions", data=given).status_code == 303
    assert "dora1@exempel.test ser till det" in bob.get(run).text
    delivered(app)
    refuse("dora2@exempel.test", team)

    # Two days before, from eight in the morning; once, and nobody who said no.
    assert not reminders(app, datetime(2027, 4, 9, 12, tzinfo=STOCKHOLM))
    assert not reminders(app, datetime(2027, 4, 10, 7, 59, tzinfo=STOCKHOLM))
    (mail,) = reminders(app, datetime(2027, 4, 10, 8, tzinfo=STOCKHOLM))
    assert mail["To"] == DORA
    assert "Vi börjar med en runda" in body_of(mail)
    assert "av en administratör eller teamledare i Exempel AB" in body_of(mail)
    assert not reminders(app, datetime(2027, 4, 12, 12, tzinfo=STOCKHOLM))
    # Moved to another day, it is reminded of anew; not when it is done by then.
    action = action_named("Vi börjar med en runda")
    there = f"{run}/actions/{action.id}"
    given = {"what": "Vi börjar så", "owner": member_id(DORA), "due_on": "2027-05-03"}
    assert bob.post(there, data=given).status_code == 303
    (anew,) = reminders(app, datetime(2027, 5, 3, 9, tzinfo=STOCKHOLM))
    assert anew["To"] == DORA
    bob.post(f"{there}/done", data={"done": "1"})
    assert "gjort 5 april 2027" in bob.get(run).text
    assert "Inte gjort" in bob.get(run).text
    bob.post(f"{there}/done", data={"done": "0"})
    leave(DORA)
    page = bob.get(run).text
    assert "Ingen ser till det" in page
    assert "Den som lämnar teamet lämnar också det den lovat." in page
    assert "Är den gjord" in bob.get(f"{there}/removal").text
    bob.post(f"{there}/removal")
    assert "Vi börjar så" not in bob.get(run).text


def action_named(what: str) -> SessionAction:
    """What was agreed on in these words."""
    db.session.rollback()
    return next(a for a in db.session.scalars(select(SessionAction)) if a.what == what)


def told(**more: str) -> dict[str, str]:
    """The form of a workshop that was run, filled in."""
    return {"run_on": "2027-04-05", "attendance": "3", "note": "", "follow_up_on": "", **more}


def test_bob_is_reminded_to_follow_up_and_can_take_it_back(
    app: Flask, bob: FlaskClient, run: str
) -> None:
    bob.post(f"{run}/run", data=told(follow_up_on="2027-04-19"))
    delivered(app)
    assert not reminders(app, datetime(2027, 4, 18, 12, tzinfo=STOCKHOLM))
    # The worker stood still that day.
    (mail,) = reminders(app, datetime(2027, 4, 20, 9, tzinfo=STOCKHOLM))
    assert mail["To"] == BOB
    assert run in body_of(mail)
    assert not reminders(app, datetime(2027, 4, 20, 9, 1, tzinfo=STOCKHOLM))
    undone: list[WorkshopSession] = []
    with sessions.run_undone.connected_to(lambda sender, **_: undone.append(sender)):
        sessions.undo_blockers.append(lambda session, meeting: True)
        try:
            assert "Den blev inte av" not in bob.get(run).text
            blocked = sessions.undo_blockers.pop()
            # By the time it would write nothing needs it any more: a GET still writes nothing.
            answers = iter([True, False])
            sessions.undo_blockers.append(lambda session, meeting: next(answers, False))
            assert bob.get(f"{run}/run/removal").status_code == 303
            assert row().state == "run"
            sessions.undo_blockers[-1] = blocked
            bob.post(f"{run}/run/removal")
        finally:
            sessions.undo_blockers.pop()
        assert row().state == "run"
        assert not undone
        assert "Ta tillbaka" in bob.get(f"{run}/run/removal").text
        bob.post(f"{run}/run/removal")
        assert len(undone) == 1
    assert row().state == "planned"
    assert row().run_on is row().attendance is row().follow_up_on is None
    assert "Blev den av?" in bob.get(run).text
    # It was not: nobody is told of a day that has been.
    before = len(delivered(app))
    assert "så inget mejl skickas" in bob.get(f"{run}/cancellation").text
    bob.post(f"{run}/cancellation")
    assert len(delivered(app)) == before
    assert bob.post(f"{run}/run", data=told()).status_code == 303
    assert row().state == "cancelled"


def test_who_says_no_while_the_mail_waits_is_not_reminded_to_follow_up(
    app: Flask, bob: FlaskClient, run: str
) -> None:
    bob.post(f"{run}/run", data=told(follow_up_on="2027-04-19"))
    before = len(delivered(app))
    at = datetime(2027, 4, 19, 12, tzinfo=STOCKHOLM)
    remind_due(at)
    user = db.session.scalars(select(User).where(User.email_digest == address_digest(BOB))).one()
    scope = db.session.scalars(select(Team.organisation_id)).one()
    with transaction() as session:
        rights.object_to(session, person(user), TEAM_WORKSHOPS, at, scope)
    assert len(delivered(app)) == before


def test_what_is_over_goes_by_pages_and_what_is_planned_stands_on_the_first(
    bob: FlaskClient, team: Team
) -> None:
    for ago in range(51):
        ran(team, ago=ago)
    path = planned(bob, team)

    first = bob.get(f"/workshops/sessions?team_id={team.id}").text
    assert "Sida 1 av 2" in first
    assert path in first
    second = bob.get(f"/workshops/sessions?team_id={team.id}&page=2").text
    assert path not in second
    assert second.count('href="/workshops/sessions/') == 1
    beyond = bob.get("/workshops/sessions?page=99").text
    assert "Sida 2 av 2" in beyond


def test_bob_hears_that_nobody_is_told_of_a_workshop_that_was_held_before_its_day(
    bob: FlaskClient, team: Team
) -> None:
    path = planned(bob, team)
    early = bob.get(f"{path}/run").text
    assert "får de inbjudna inget besked" in early
    assert f'href="{path}/cancellation"' in early
    with time_machine.travel(MONDAY):
        sign_in(bob, BOB)
        assert "får de inbjudna inget besked" not in bob.get(f"{path}/run").text
