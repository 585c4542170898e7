"""Composers of survey mail: links are computed when a mail is sent, and stored nowhere."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.core.activities import TEAM_SURVEYS
from trustivide.core.subjects import Person
from trustivide.organisations.models import Organisation
from trustivide.outbox.registry import Composer
from trustivide.rights.queries import may_use
from trustivide.surveys import anonymity
from trustivide.surveys.models import Invitation, Round, Survey
from trustivide.surveys.queries import has_answered, instrument_of
from trustivide.teams.models import Team


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
    round_ = session.get(Round, survey.round_id) if survey.round_id else None
    scopes = [organisation.id] + ([round_.rhythm_id] if round_ and round_.rhythm_id else [])
    # A no to everything is heard where mail is sent; one to this sender alone, here.
    if not may_use(session, Person.of(None, invitation.email), TEAM_SURVEYS, scopes):
        return None
    token = anonymity.token_of(survey.link_key, invitation.id)
    instrument = instrument_of(survey)
    return {
        "title": instrument.title.in_(survey.locale),
        "items": len(instrument.items),
        "organisation": organisation.name,
        "team": team.name,
        "message": survey.message,
        "k": survey.k,
        "closes_at": survey.closes_at,
        "path": f"/s/{token}",
    }, token


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


COMPOSERS: dict[str, Composer] = {"survey_invitation": invitation, "survey_reminder": reminder}
TRACELESS = {"survey_reminder"}
