"""Who invites Dora to surveys, and her no to one of them, to a series, or to all."""

import re
from datetime import timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.conftest import both_databases
from tests.factories import customer, delivered
from tests.privacy.stories import requests, visit
from tests.surveys.stories import actor_of, launch, team_of
from trustivide.auth.models import User
from trustivide.core import clock
from trustivide.core.clock import day_of
from trustivide.core.db import db, transaction
from trustivide.outbox.models import Mail
from trustivide.surveys import launching
from trustivide.surveys.models import Invitation, Rhythm, Round, RoundTeam, Survey
from trustivide.teams.models import Team, TeamMember

DORA = "dora2@exempel.test"
PAGE = "/privacy/invitations"


def _another(owner: User, name: str) -> Team:
    """Another team with Dora in it; few enough of the first one that none could be told apart."""
    team = team_of(owner, 6, name=name, prefix=name[:3].lower())
    with transaction() as session:
        session.add(TeamMember(team_id=team.id, email=DORA, added_on=day_of(clock.now())))
    return team


def _asked(survey: Survey) -> set[str]:
    db.session.rollback()
    found = db.session.scalars(select(Invitation).where(Invitation.survey_id == survey.id))
    return {invitation.email for invitation in found}


def _reminded(app: Flask, survey: Survey) -> set[str]:
    before = len(delivered(app))
    with transaction() as session:
        launching.remind(session, survey, clock.now())
    return {message["To"] for message in delivered(app)[before:]}


def _in_rhythm(owner: User, team: Team, survey: Survey) -> Rhythm:
    """As if the survey had been the first of a quarterly series."""
    organisation_id, now = actor_of(owner).organisation_id, clock.now()
    with transaction() as session:
        rhythm = Rhythm(
            organisation_id=organisation_id,
            every_months=3,
            next_on=day_of(now) + timedelta(days=90),
            started_on=day_of(now),
        )
        session.add(rhythm)
        session.flush()
        sending = Round(
            organisation_id=organisation_id,
            rhythm_id=rhythm.id,
            instrument=survey.instrument,
            instrument_version=survey.instrument_version,
            locale="sv",
            message="",
            opens_at=now,
            closes_at=survey.closes_at,
            reminder_days=[],
            created_on=day_of(now),
        )
        session.add(sending)
        session.flush()
        session.add(RoundTeam(round_id=sending.id, team_id=team.id))
        session.get_one(Survey, survey.id).round_id = sending.id
    return rhythm


@both_databases
def test_dora_sees_who_invites_her_and_says_no_to_one_of_them(
    app: Flask, client: FlaskClient
) -> None:
    alice, charlie = (
        customer(),
        customer("Charlie Ceder", "charlie@annan.test", number="2120000142"),
    )
    redaktionen, bandet = team_of(alice, 6), team_of(charlie, 6, name="Bandet")
    first, other = launch(alice, redaktionen), launch(charlie, bandet)
    dora = visit(app, client, DORA)
    page = dora.get(PAGE).text
    assert "Tillit i team, Redaktionen" in page
    assert "Tillit i team, Bandet" in page
    hers, others = actor_of(alice).organisation_id, actor_of(charlie).organisation_id

    no = dora.post(f"{PAGE}/objections/{hers}", data={"on": "1"}, follow_redirects=True)
    assert "Du får inga fler inbjudningar därifrån." in no.text
    assert no.text.count("checked") == 1
    assert requests("object") == 1
    # At once, for what is queued too, and for nobody else's invitations.
    assert DORA not in _reminded(app, first)
    assert DORA in _reminded(app, other)
    again = launch(alice, _another(alice, "Natten"))
    assert DORA not in _asked(again)
    assert again.invited == len(_asked(again)) == 6
    # Her view in "what we know" names it; taking it back lets her be invited again.
    assert "från en avsändare eller i en serie" in dora.get("/privacy/data/objection").text
    dora.post(f"{PAGE}/objections/{hers}")
    assert DORA in _asked(launch(alice, _another(alice, "Dagen")))
    # What isn't hers to refuse isn't there.
    unknown = dora.post(f"{PAGE}/objections/{first.id}", data={"on": "1"})
    assert unknown.status_code == 404
    assert {str(hers), str(others)} <= set(re.findall(r"objections/([0-9a-f-]{36})", page))


def test_dora_leaves_a_series_and_stays_with_the_rest(app: Flask, client: FlaskClient) -> None:
    alice = customer()
    team = team_of(alice, 6)
    survey = launch(alice, team)
    rhythm = _in_rhythm(alice, team, survey)
    dora = visit(app, client, DORA)
    assert "Kommer var tredje månad." in dora.get(PAGE).text
    dora.post(f"{PAGE}/objections/{rhythm.id}", data={"on": "1"})
    assert DORA not in _reminded(app, survey)
    assert DORA in _asked(launch(alice, _another(alice, "Dagen")))


def test_a_no_to_all_needs_no_reason_and_can_be_taken_back(app: Flask, client: FlaskClient) -> None:
    alice = customer()
    launch(alice, team_of(alice, 6))
    dora = visit(app, client, DORA)
    dora.post(f"{PAGE}/objections/all", data={"on": "1"})
    dora.post(f"{PAGE}/objections/all", data={"on": "1"})
    assert requests("object") == 1
    assert DORA not in _asked(launch(alice, _another(alice, "Dagen")))
    dora.post(f"{PAGE}/objections/all")
    assert DORA in _asked(launch(alice, _another(alice, "Kvällen")))
    assert db.session.scalar(select(Mail.id).where(Mail.kind == "survey_invitation")) is not None
