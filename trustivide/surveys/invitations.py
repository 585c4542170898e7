"""Who invites a person to surveys: what the person sees of it, and can say no to."""

from collections import defaultdict
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from trustivide.core.clock import day_of
from trustivide.core.inventory import Letter, Repeat, Sender
from trustivide.core.subjects import Person
from trustivide.organisations.models import Organisation
from trustivide.surveys.models import Invitation, Rhythm, Round, RoundTeam, Survey
from trustivide.surveys.queries import instrument_of
from trustivide.surveys.round_queries import next_on
from trustivide.teams.models import Team, TeamMember


def senders(session: Session, person: Person, locale: str) -> list[Sender]:
    """The organisations that invited the person's addresses or have them in a team, by name.

    Each with its invitations, newest first, and the rhythms that would invite them again.
    """
    if not person.addresses:
        return []
    letters = _letters(session, person, locale)
    repeats = _repeats(session, person)
    member = select(Team.organisation_id).where(Team.id.in_(_teams(person)))
    organisations = session.scalars(
        select(Organisation)
        .where(Organisation.id.in_(letters.keys()) | Organisation.id.in_(member))
        .order_by(Organisation.name, Organisation.id)
    )
    return [Sender(o.id, o.name, tuple(letters[o.id]), tuple(repeats[o.id])) for o in organisations]


def _teams(person: Person) -> Select[UUID]:
    return select(TeamMember.team_id).where(TeamMember.email_digest.in_(person.address_digests))


def _letters(session: Session, person: Person, locale: str) -> dict[UUID, list[Letter]]:
    found: dict[UUID, list[Letter]] = defaultdict(list)
    for survey, team in session.execute(
        select(Survey, Team)
        .join(Invitation, Invitation.survey_id == Survey.id)
        .join(Team, Survey.team_id == Team.id)
        .where(Invitation.email_digest.in_(person.address_digests))
        .order_by(Survey.opened_at.desc())
    ):
        found[team.organisation_id].append(
            Letter(
                f"{instrument_of(survey).title.in_(locale)}, {team.name}",
                day_of(survey.opened_at),
                day_of((survey.closed_at or survey.closes_at) - timedelta(seconds=1)),
                survey.closed_at is None,
            )
        )
    return found


def _repeats(session: Session, person: Person) -> dict[UUID, list[Repeat]]:
    found: dict[UUID, dict[UUID, Repeat]] = defaultdict(dict)
    for rhythm, team in session.execute(
        select(Rhythm, Team)
        .join(Round, Round.rhythm_id == Rhythm.id)
        .join(RoundTeam, RoundTeam.round_id == Round.id)
        .join(Team, RoundTeam.team_id == Team.id)
        .where(Rhythm.ended_on.is_(None), Team.id.in_(_teams(person)))
        .order_by(Team.name)
    ):
        found[rhythm.organisation_id].setdefault(
            rhythm.id, Repeat(rhythm.id, team.name, rhythm.every, next_on(session, rhythm))
        )
    return defaultdict(list, {o: list(repeats.values()) for o, repeats in found.items()})
