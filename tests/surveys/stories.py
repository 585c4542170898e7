"""Surveys under way, for the tests of this folder."""

from datetime import timedelta
from random import Random
from uuid import uuid4

from flask import Flask
from sqlalchemy import select

from tests.factories import customer
from trustivide.auth.models import User
from trustivide.core import clock
from trustivide.core.clock import day_of
from trustivide.core.db import db, transaction
from trustivide.organisations.queries import Actor, actor_for
from trustivide.surveys import actions, anonymity, launching
from trustivide.surveys.catalogue import Answer, Instrument, latest
from trustivide.surveys.models import Invitation, Survey
from trustivide.teams.models import Team, TeamMember
from trustivide.workshops.models import WorkshopSession
from trustivide.workshops.sessions import workshop_run


def actor_of(user: User) -> Actor:
    """The actor that an account is."""
    actor = actor_for(db.session(), user.id)
    assert actor is not None
    return actor


def team_of(user: User, people: int, name: str = "Redaktionen", prefix: str = "dora") -> Team:
    """A team with members ``dora1@exempel.test`` and so on."""
    actor = actor_of(user)
    with transaction() as session:
        team = Team(
            organisation_id=actor.organisation_id,
            name=name,
            created_by_id=user.id,
            created_on=day_of(clock.now()),
        )
        session.add(team)
        session.flush()
        for n in range(1, people + 1):
            session.add(
                TeamMember(
                    team_id=team.id,
                    email=f"{prefix}{n}@exempel.test",
                    added_on=day_of(clock.now()),
                    added_by_id=user.id,
                )
            )
    return team


def launched(app: Flask, people: int = 6, owner: User | None = None) -> Survey:
    """A running survey of Alice's team."""
    alice = owner or customer()
    return launch(alice, team_of(alice, people))


def launch(owner: User, team: Team, instrument: Instrument | None = None) -> Survey:
    """A survey sent to everybody in the team; trust in the team unless something else is asked."""
    members = db.session.scalars(select(TeamMember).where(TeamMember.team_id == team.id)).all()
    with transaction() as session:
        return launching.launch(
            session,
            actor_of(owner),
            team,
            members,
            instrument or latest("tillit-i-team"),
            message="Hej, vi vill veta hur vi har det.",
            closes_at=clock.now() + timedelta(days=14),
            locale="sv",
            now=clock.now(),
        )


def tokens(survey: Survey) -> dict[str, str]:
    """Each invited address with its link's token, as the mails carry them."""
    assert survey.link_key is not None
    invitations = db.session.scalars(select(Invitation).where(Invitation.survey_id == survey.id))
    return {i.email: anonymity.token_of(survey.link_key, i.id) for i in invitations}


def some_answers(instrument: Instrument, random: Random) -> dict[str, Answer]:
    """Plausible answers to every statement, and a comment of its own."""
    answers: dict[str, Answer] = {}
    for item in instrument.items:
        if item.kind == "text":
            answers[item.key] = f"Kommentar {uuid4().hex}"
        else:
            answers[item.key] = random.choice([1, 2, 3, 4, 4, 5, 5, None])
    return answers


def answer(survey: Survey, token: str, seed: int = 0) -> str:
    """Submit answers with a link and return the receipt code."""
    code = anonymity.new_receipt_code()
    answers = some_answers(latest(survey.instrument), Random(seed))
    cookie = anonymity.new_draft_cookie()
    with transaction() as session:
        actions.save_draft(session, survey.id, cookie, {"care_1": "4"})
    actions.submit(survey.id, token, code, answers, cookie)
    return code


def ran(team: Team, slug: str = "premortem", ago: int = 0) -> WorkshopSession:
    """A workshop that the team ran so many days ago."""
    now = clock.now() - timedelta(days=ago)
    with transaction() as session:
        held = WorkshopSession(
            team_id=team.id,
            workshop=slug,
            version=1,
            locale="sv",
            starts_at=now,
            minutes=90,
            state="run",
            run_on=day_of(now),
            attendance=4,
            planned_on=day_of(now),
        )
        session.add(held)
        session.flush()
        workshop_run.send(held, session=session, now=now)
    return held
