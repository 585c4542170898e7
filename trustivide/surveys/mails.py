"""Composers of survey mail: links are computed when a mail is sent, and stored nowhere."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.core.activities import TEAM_SURVEYS
from trustivide.core.subjects import Person
from trustivide.organisations.models import Organisation
from trustivide.outbox.registry import Composer
from trustivide.rights.queries import may_use
from trustivide.surveys import anonymity, launching
from trustivide.surveys.catalogue import Instrument
from trustivide.surveys.evaluations import evaluated
from trustivide.surveys.models import Invitation, Round, Survey
from trustivide.surveys.queries import has_answered, instrument_of
from trustivide.surveys.round_queries import rhythm_of
from trustivide.teams.models import Team
from trustivide.workshops import queries as workshops


def about_instrument(instrument: Instrument, locale: str, *, own: bool) -> dict[str, Any]:
    """What a mail says of the questions; ``own`` are those that may ask of anything."""
    return {
        "title": instrument.title.in_(locale),
        "items": len(instrument.items),
        "minutes": instrument.minutes,
        "own": own,
    }


def _context(session: Session, params: dict[str, Any]) -> tuple[dict[str, Any], str] | None:
    """The template's context and the link's token; ``None`` once closed, or after a no to this."""
    row = session.execute(
        select(Survey, Team, Organisation, Invitation)
        .join(Invitation, Invitation.survey_id == Survey.id)
        .join(Team, Survey.team_id == Team.id)
        .join(Organisation, Team.organisation_id == Organisation.id)
        .where(Invitation.id == UUID(params["invitation"]))
    ).one_or_none()
    if row is None:
        return None
    survey, team, organisation, invitation = row
    if survey.link_key is None:
        return None
    planned = session.get(Round, survey.round_id) if survey.round_id else None
    scopes = launching.scopes(organisation.id, planned.rhythm_id if planned else None)
    # A no to everything is heard where mail is sent; one to this sender alone, here.
    if not may_use(session, Person.of(None, invitation.email), TEAM_SURVEYS, scopes):
        return None
    token = anonymity.token_of(survey.link_key, invitation.id)
    rhythm = rhythm_of(session, survey)
    asked = {
        "team": team.name,
        "organisation": organisation.name,
        "message": survey.message,
        "k": survey.k,
        "every": rhythm.every.in_(survey.locale) if rhythm else None,
    }
    held = evaluated(session, [survey]).get(survey.id)
    own = survey.own_version_id is not None or held is not None
    about = about_instrument(instrument_of(survey), survey.locale, own=own)
    if held is not None:
        about["title"] += f" ({workshops.title(session, held, survey.locale)})"
    return asked | about | {"closes_at": survey.closes_at, "path": f"/s/{token}"}, token


def invitation(session: Session, params: dict[str, Any]) -> dict[str, Any] | None:
    """The first mail. Not sent once the survey is closed or the invitation erased."""
    found = _context(session, params)
    return found[0] if found else None


def reminder(session: Session, params: dict[str, Any]) -> dict[str, Any] | None:
    """A reminder with the same link; not sent to somebody whose slot is taken."""
    found = _context(session, params)
    if found is None or has_answered(session, found[1]):
        return None
    return found[0]


def test(session: Session, params: dict[str, Any]) -> dict[str, Any]:
    """What the people would get, to the leader; nothing of it is stored but in its parameters."""
    return params | {"closes_at": datetime.fromisoformat(params["closes_at"])}


COMPOSERS: dict[str, Composer] = {
    "survey_invitation": invitation,
    "survey_reminder": reminder,
    "survey_test": test,
}
TRACELESS = {"survey_reminder"}
