"""Bob plans a workshop for his team, changes it, cancels it; what Dora gets, and may refuse."""

import re
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from uuid import uuid4

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from icalendar import Calendar
from sqlalchemy import event, func, select

from tests.conftest import both_databases
from tests.factories import colleague, customer, delivered, sign_in
from tests.privacy.stories import requests, visit
from tests.privacy.test_holds import hold
from tests.surveys.stories import actor_of, team_of
from trustivide.core import clock
from trustivide.core.activities import TEAM_WORKSHOPS
from trustivide.core.clock import STOCKHOLM, day_of
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.outbox import worker
from trustivide.privacy import actions as privacy
from trustivide.teams.models import Team, TeamMember
from trustivide.web.limits import limiter
from trustivide.workshops import invitations
from trustivide.workshops.models import Workshop, WorkshopSession

BOB = "bob@exempel.test"
DORA = "dora1@exempel.test"
EVA = "eva@konsult.test"
WHEN = "2027-04-05"
"""A Monday after the change to summer time: nine o'clock is seven in UTC."""


@pytest.fixture
def team(app: Flask) -> Team:
    """Bob's team of four in Alice's organisation."""
    alice = customer()
    colleague(alice, "leader")
    return team_of(alice, 4)


@pytest.fixture
def bob(team: Team, client: FlaskClient) -> FlaskClient:
    """Bob, who leads it, signed in."""
    return sign_in(client, BOB)


def typed(**more: str) -> dict[str, str]:
    """A form filled in."""
    return {
        "day": WHEN,
        "time": "09:00",
        "place": "Stora rummet",
        "facilitator": "me",
        "message": "Vi ses & pratar.\nTa med kaffe.",
        "locale": "sv",
        "session": str(uuid4()),
        **more,
    }


def planned(bob: FlaskClient, team: Team, **more: str) -> str:
    """The path of a workshop that Bob plans."""
    answer = bob.post(f"/workshops/premortem/planning?team_id={team.id}", data=typed(**more))
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def calendar_in(message: EmailMessage) -> Calendar:
    """The calendar file of a mail, which says its method outside as inside (RFC 6047 §2.4)."""
    (part,) = message.iter_attachments()
    assert part.get_content_type() == "text/calendar"
    calendar = Calendar.from_ical(part.get_content())
    assert part["Content-Type"].params["method"] == calendar["METHOD"]
    return calendar


def event_in(message: EmailMessage) -> dict[str, object]:
    """The event in a mail's calendar file."""
    (event,) = calendar_in(message).walk("VEVENT")
    return event


def body_of(message: EmailMessage) -> str:
    """The plain text of a mail."""
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def refuse(address: str, team: Team) -> None:
    """Somebody says no to this organisation's mail about workshops."""
    with transaction() as session:
        person = Person.of(None, address)
        scope = session.get_one(Team, team.id).organisation_id
        privacy.refuse_sender(session, person, TEAM_WORKSHOPS, clock.now(), on=True, scope=scope)


def leave(address: str) -> None:
    """Somebody is taken out of every team."""
    with transaction() as session:
        for member in session.scalars(select(TeamMember)).all():
            if member.email == address:
                session.delete(member)


def sent(app: Flask) -> list[EmailMessage]:
    """Every mail with a calendar file so far."""
    return [m for m in delivered(app) if list(m.iter_attachments())]


def by_recipient(app: Flask, since: int = 0) -> dict[str, EmailMessage]:
    """The newest mails with a calendar file, without the first ``since``: one a person."""
    found = sent(app)[since:]
    assert len({m["To"] for m in found}) == len(found)
    return {m["To"]: m for m in found}


@both_databases
def test_bob_plans_changes_and_cancels_and_each_calendar_follows(
    app: Flask, bob: FlaskClient, team: Team
) -> None:
    choose = bob.get("/workshops/premortem/planning").text
    assert f"team_id={team.id}" in choose
    assert "4 personer" in choose
    assert "Planera och bjud in" in bob.get(f"/workshops/premortem/planning?team_id={team.id}").text
    refuse("dora2@exempel.test", team)
    id_ = str(uuid4())
    given = {"session": id_, "facilitator": "other", "facilitator_name": "Eva Ek"}
    path = planned(bob, team, facilitator_email=" EVA@konsult.test", **given)
    assert path == f"/workshops/sessions/{id_}"
    assert planned(bob, team, facilitator_email=EVA, **given) == path
    assert db.session.scalar(select(func.count(WorkshopSession.id))) == 1
    leave("dora3@exempel.test")  # between planning and sending

    mails = by_recipient(app)
    assert set(mails) == {DORA, "dora4@exempel.test", EVA}
    dora = mails[DORA]
    assert dora["Subject"].startswith("Inbjudan: ")
    assert dora["List-Unsubscribe"]
    event = event_in(dora)
    assert calendar_in(dora)["METHOD"] == "REQUEST"
    assert event["UID"] == f"{id_}@trustivide"
    assert event["SEQUENCE"] == 0
    assert event.decoded("dtstart").astimezone(UTC) == datetime(2027, 4, 5, 7, tzinfo=UTC)
    assert event["LOCATION"] == "Stora rummet"
    assert event["ATTENDEE"] == f"mailto:{DORA}"
    assert event["ATTENDEE"].params["RSVP"] == "FALSE"
    assert EVA not in dora.as_string()
    assert "dora4" not in calendar_in(dora).to_ical().decode()
    # Nobody in the organisation reads what a calendar answers.
    assert event["ORGANIZER"].endswith("@trustivide.example")
    text = body_of(dora)
    for said in (
        "5 april 2027 kl. 09.00",
        "Ta med kaffe.",
        "Eva Ek",
        "av en administratör eller teamledare i Exempel AB",
        "Ingen i organisationen ser om du tackar ja eller nej där.",
        "/privacy/invitations",
        "/privacy/unsubscribe/",
    ):
        assert said in text, said
    assert "Du leder workshopen." not in text
    assert "Du leder workshopen." in body_of(mails[EVA])

    page = bob.get(f"{path}/planning").text
    assert 'value="Eva Ek"' in page
    assert 'value="09:00"' in page
    change = typed(time="13:30", place="https://mote.exempel.test/rum", workshop="premortem")
    assert bob.post(f"{path}/planning", data=change).status_code == 303
    bob.post(f"{path}/planning", data=change)  # nothing new: no mail
    told = by_recipient(app, 3)
    assert set(told) == {DORA, "dora4@exempel.test", BOB, EVA}
    moved = event_in(told[DORA])
    assert (moved["UID"], moved["SEQUENCE"]) == (event["UID"], 1)
    assert moved.decoded("dtstart").astimezone(UTC).hour == 11
    assert told[DORA]["Subject"].startswith("Ändrad: ")
    # Eva leads no longer, so it leaves her calendar.
    assert "Du behöver inte leda" in told[EVA]["Subject"]
    assert calendar_in(told[EVA])["METHOD"] == "CANCEL"
    assert 'href="https://mote.exempel.test/rum"' in bob.get(path).text

    assert "tar bort den ur deras kalender" in bob.get(f"{path}/cancellation").text
    assert bob.post(f"{path}/cancellation").status_code == 303
    gone = by_recipient(app, 7)
    assert set(gone) == {DORA, "dora4@exempel.test", BOB}
    off = event_in(gone[DORA])
    assert calendar_in(gone[DORA])["METHOD"] == "CANCEL"
    assert (off["UID"], off["SEQUENCE"], off["STATUS"]) == (event["UID"], 2, "CANCELLED")
    page = bob.post(f"{path}/planning", data=change, follow_redirects=True).text
    assert "redan genomförd eller inställd" in page
    assert "Planera den igen" in page
    assert "Inställda" in bob.get(f"/workshops/sessions?team_id={team.id}").text


def test_what_cannot_be_planned_is_said_beside_its_field(bob: FlaskClient, team: Team) -> None:
    there = f"/workshops/premortem/planning?team_id={team.id}"
    for wrong, says in [
        ({"day": "2020-01-01"}, "Dagen har redan varit."),
        ({"day": "2027-03-28", "time": "02:30"}, "Den tiden finns inte den dagen"),
        ({"day": day_of(clock.now()).isoformat(), "time": "00:00"}, "Den tiden har redan varit."),
        ({"facilitator": "other"}, "Skriv namnet på den som leder."),
        ({"facilitator": "other", "facilitator_name": "Eva"}, "Skriv en e-postadress som"),
        ({"facilitator": str(uuid4())}, "Det valet finns inte längre."),
        ({"message": "x" * 2001}, "Högst 2000 tecken"),
        ({"day": "i morgon", "time": "nio"}, "error"),
    ]:
        answer = bob.post(there, data=typed(place="Kvar & kvar", **wrong))
        assert answer.status_code == 422, wrong
        assert says in answer.text, wrong
        assert "Kvar &amp; kvar" in answer.text
    assert db.session.scalar(select(func.count(WorkshopSession.id))) == 0
    # An empty team is told what to do; a stranger's, and an unknown workshop, aren't there.
    with transaction() as session:
        empty = Team(
            organisation_id=session.get_one(Team, team.id).organisation_id,
            name="Tomma laget",
            created_on=day_of(clock.now()),
        )
        session.add(empty)
    page = bob.post(f"/workshops/premortem/planning?team_id={empty.id}", data=typed()).text
    assert "Det finns inga personer i teamet än." in page
    assert bob.get(f"/workshops/premortem/planning?team_id={uuid4()}").status_code == 404
    assert bob.get(f"/workshops/inget/planning?team_id={team.id}").status_code == 404


def test_going_back_to_the_form_does_not_plan_the_same_twice(
    app: Flask, bob: FlaskClient, team: Team
) -> None:
    path = planned(bob, team)
    delivered(app)
    mails = len(sent(app))
    again = bob.post(
        f"/workshops/premortem/planning?team_id={team.id}", data=typed(place="Kvar & kvar")
    )
    assert again.status_code == 422
    assert "Teamet har redan den här workshopen planerad då." in again.text
    assert "Kvar &amp; kvar" in again.text
    assert len(sent(app)) == mails
    planned(bob, team, time="13:00")
    bob.post(f"{path}/cancellation")
    planned(bob, team)


def test_a_workshop_withdrawn_while_planned_keeps_its_text_and_can_be_exchanged(
    app: Flask, bob: FlaskClient, team: Team
) -> None:
    path = planned(bob, team)
    delivered(app)
    with transaction() as session:
        workshop = session.scalars(select(Workshop).where(Workshop.slug == "premortem")).one()
        workshop.state, workshop.revision = "withdrawn", workshop.revision + 1
    page = bob.get(path).text
    assert "Workshopen finns inte längre i katalogen." in page
    guide = bob.get(f"{path}/guide").text
    assert "Så går det till" in guide
    assert f'<a href="{path}">' in guide.split('class="crumbs"')[1].split("</nav>")[0]
    assert 'data-facilitation="premortem.1.sv"' in bob.get(f"{path}/facilitation").text
    assert bob.get(f"{path}/handout").data.startswith(b"%PDF-")
    assert bob.get("/workshops/premortem").status_code == 404
    with_it = bob.get(f"{path}/planning").text
    assert "finns inte längre i katalogen" in with_it
    other = re.search(r'<option value="((?!premortem|sv|en|me|other)[a-z-]+)">', with_it)
    assert other
    bob.post(f"{path}/planning", data=typed(workshop=other[1]))
    mail = by_recipient(app, 5)[DORA]
    assert mail["Subject"].startswith("Ändrad: ")
    assert "finns inte längre i katalogen" not in bob.get(path).text


def test_the_invitation_goes_out_again_once_a_day(app: Flask, bob: FlaskClient, team: Team) -> None:
    path = planned(bob, team)
    first = len(sent(app))
    again = bob.post(f"{path}/invitations", follow_redirects=True).text
    assert "Försök igen i morgon." in again
    assert len(sent(app)) == first
    with transaction() as session:
        new = TeamMember(team_id=team.id, email="ny@exempel.test", added_on=day_of(clock.now()))
        session.add(new)
    with time_machine.travel(clock.now() + timedelta(days=1)):
        sign_in(bob, BOB)
        assert "på väg igen" in bob.post(f"{path}/invitations", follow_redirects=True).text
        again_to = by_recipient(app, first)
    assert event_in(again_to["ny@exempel.test"])["SEQUENCE"] == 0


def test_dora_says_no_to_workshops_of_one_organisation_in_her_privacy_centre(
    app: Flask, bob: FlaskClient, team: Team
) -> None:
    planned(bob, team)
    delivered(app)
    dora = visit(app, app.test_client(), DORA)
    page = dora.get("/privacy/invitations").text
    assert "Inga fler mejl om workshoppar från Exempel AB" in page
    assert "gäller 5 april 2027" in page
    scope = db.session.scalar(select(Team.organisation_id).where(Team.id == team.id))
    there = f"/privacy/invitations/workshops/objections/{scope}"
    assert "checked" in dora.post(there, data={"on": "1"}, follow_redirects=True).text
    assert requests("object") == 1
    path = planned(bob, team, time="11:00")
    mails = len(sent(app))
    # She says no while the mail about a change waits: it isn't sent either.
    dora.post(there)
    bob.post(f"{path}/planning", data=typed(workshop="premortem", time="10:00"))
    dora.post("/privacy/invitations/workshops/objections/all", data={"on": "1"})
    told = by_recipient(app, mails)
    assert DORA not in told
    assert "dora2@exempel.test" in told
    # Surveys are something else, and what isn't hers to refuse isn't there.
    assert dora.get("/privacy/invitations").text.count("checked") == 1
    unknown = f"/privacy/invitations/workshops/objections/{uuid4()}"
    assert dora.post(unknown, data={"on": "1"}).status_code == 404
    assert bob.get(path).text.count(DORA) == 0


def test_eva_is_not_mailed_as_often_as_somebody_likes(
    app: Flask, bob: FlaskClient, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "enabled", True)
    eva = {"facilitator": "other", "facilitator_name": "Eva", "facilitator_email": EVA}
    path = planned(bob, team, **eva)
    for n in range(6):
        bob.post(f"{path}/planning", data=typed(**eva, workshop="premortem", place=f"Rum {n}"))
    before = len(sent(app))
    data = typed(**eva, workshop="premortem", place="Ett rum till")
    assert bob.post(f"{path}/planning", data=data).status_code == 429
    assert len(sent(app)) == before
    # Her colleagues' workshops go on, and so do changes that she isn't told of.
    data = typed(facilitator="me", workshop="premortem", place="Vårt rum")
    assert bob.post(f"{path}/planning", data=data).status_code == 303


def test_eva_who_leads_without_an_account_sees_it_and_is_forgotten(
    app: Flask, bob: FlaskClient, team: Team
) -> None:
    path = planned(bob, team, facilitator="other", facilitator_name="Eva Ek", facilitator_email=EVA)
    delivered(app)
    eva = visit(app, app.test_client(), EVA)
    assert "Eva Ek" in eva.get("/privacy/data/workshop_session.facilitator_digest").text
    assert "Exempel AB, Redaktionen" in eva.get("/privacy/").text
    assert "Exempel AB" in eva.get("/privacy/invitations").text
    assert eva.post("/privacy/erasure", data={"understood": "y"}).status_code == 303
    with time_machine.travel(clock.now() + timedelta(days=7, minutes=1)):
        worker.tick(app)
    db.session.rollback()
    meeting = db.session.scalars(select(WorkshopSession)).one()
    assert meeting.facilitator is meeting.facilitator_email is meeting.facilitator_digest is None
    assert "Eva Ek" not in bob.get(path).text


@both_databases
def test_who_led_is_forgotten_after_ninety_days_unless_a_hold_keeps_it(
    app: Flask, bob: FlaskClient, team: Team
) -> None:
    names = {"facilitator": "other", "facilitator_name": "Eva Ek"}
    planned(bob, team, facilitator_email=EVA, **names)
    planned(bob, team, facilitator_email="siv@konsult.test", **names | {"time": "13:00"})
    planned(bob, team, facilitator="", time="15:00")

    def leading(days: int) -> list[str | None]:
        with time_machine.travel(datetime(2027, 4, 5, 14, tzinfo=STOCKHOLM) + timedelta(days=days)):
            worker.night(app)
        db.session.rollback()
        meetings = db.session.scalars(select(WorkshopSession).order_by(WorkshopSession.starts_at))
        return sorted(m.facilitator_email or "" for m in meetings)

    with time_machine.travel(datetime(2027, 4, 5, tzinfo=STOCKHOLM)):
        hold("siv@konsult.test", TEAM_WORKSHOPS, days=200)
    assert leading(89) == ["", EVA, "siv@konsult.test"]
    assert leading(91) == ["", "", "siv@konsult.test"]
    assert leading(202) == ["", "", ""]
    for meeting in db.session.scalars(select(WorkshopSession)):
        assert meeting.facilitator is meeting.facilitator_digest is None


def test_going_back_and_planning_otherwise_is_told_that_nothing_was_saved(
    bob: FlaskClient, team: Team
) -> None:
    there, first = f"/workshops/premortem/planning?team_id={team.id}", typed()
    planned_ = "Workshopen är planerad, och inbjudan är på väg."
    for _ in range(2):
        assert planned_ in bob.post(there, data=first, follow_redirects=True).text
    page = bob.post(there, data=first | {"time": "11:00"}, follow_redirects=True).text
    assert planned_ not in page
    assert "Det du skrev nu är inte sparat." in page
    assert "kl. 09.00" in page


def test_who_leads_again_before_the_mail_went_is_not_told_to_forget_the_day(
    app: Flask, bob: FlaskClient, team: Team
) -> None:
    eva = {"facilitator": "other", "facilitator_name": "Eva Ek", "facilitator_email": EVA}
    path = planned(bob, team, **eva)
    first = len(sent(app))
    bob.post(f"{path}/planning", data=typed(workshop="premortem"))
    bob.post(f"{path}/planning", data=typed(workshop="premortem", **eva))
    told = by_recipient(app, first)
    assert calendar_in(told[EVA])["METHOD"] == "REQUEST"


def test_what_a_person_was_invited_to_takes_no_more_queries_for_many_workshops(
    app: Flask, bob: FlaskClient, team: Team
) -> None:
    person = Person.of(None, DORA)

    def queries(number: int) -> int:
        for one in range(number):
            planned(bob, team, time=f"{8 + number + one:02}:00")
        db.session.rollback()
        seen: list[str] = []
        listen = lambda *args: seen.append(args[2])  # noqa: E731
        event.listen(db.engine, "before_cursor_execute", listen)
        (sender,) = invitations.senders(db.session(), person, "sv")
        event.remove(db.engine, "before_cursor_execute", listen)
        assert len(sender.letters) >= number
        return len(seen)

    assert queries(1) == queries(5)


def test_a_team_with_planned_workshops_says_so_before_it_is_erased(
    app: Flask, bob: FlaskClient, team: Team
) -> None:
    there = f"/teams/{team.id}/removal"
    assert "planerad workshop" not in bob.get(there).text
    planned(bob, team)
    page = bob.get(there).text
    assert "1 planerad workshop. Ingen får veta det" in page
    assert "/workshops/sessions?team_id=" in page
    alice = sign_in(app.test_client())
    assert "1 planerad workshop. Ingen får veta det" in alice.get("/privacy/erasure").text
    assert bob.post(there).status_code == 303
    db.session.rollback()
    assert db.session.scalar(select(func.count(WorkshopSession.id))) == 0
    # What was queued for the team goes nowhere.
    assert not [m for m in delivered(app) if "dora" in m["To"]]


def test_nobody_plans_for_another_organisation(app: Flask, bob: FlaskClient, team: Team) -> None:
    path = planned(bob, team)
    charlie = customer("Charlie Ceder", "charlie@annan.test", number="2120000142")
    theirs = team_of(charlie, 2, name="Bandet", prefix="max")
    other = sign_in(app.test_client(), "charlie@annan.test")
    for there in (path, f"{path}/planning", f"{path}/run", f"{path}/guide"):
        assert other.get(there).status_code == 404
    stolen = typed(session=path.rsplit("/", 1)[1])
    taken = other.post(
        f"/workshops/premortem/planning?team_id={theirs.id}", data=stolen, follow_redirects=True
    )
    assert taken.status_code == 404
    assert actor_of(charlie).organisation_id
    assert path not in other.get("/workshops/sessions").text
