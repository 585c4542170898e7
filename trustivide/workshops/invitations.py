"""Who invites a person to workshops: what the person sees of it, and can say no to."""

from collections import defaultdict
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from trustivide.core.clock import day_of
from trustivide.core.inventory import Letter, Sender
from trustivide.core.subjects import Person
from trustivide.organisations.models import Organisation
from trustivide.teams.models import Team, TeamMember
from trustivide.workshops.models import WorkshopSession
from trustivide.workshops.session_queries import cards_of


def senders(session: Session, person: Person, locale: str) -> list[Sender]:
    """The organisations that have the person's addresses in a team, or lead a workshop, by name.

    Each with the workshops that it planned for those teams since, the newest first.
    """
    if not person.addresses:
        return []
    letters = _letters(session, person, locale)
    member = select(Team.organisation_id).join(TeamMember).where(_theirs(person))
    organisations = session.scalars(
        select(Organisation)
        .where(Organisation.id.in_(letters.keys()) | Organisation.id.in_(member))
        .order_by(Organisation.name, Organisation.id)
    )
    return [Sender(o.id, o.name, tuple(letters[o.id]), ()) for o in organisations]


def _theirs(person: Person) -> ColumnElement[bool]:
    return TeamMember.email_digest.in_(person.address_digests)


def _letters(session: Session, person: Person, locale: str) -> dict[UUID, list[Letter]]:
    memberships = session.scalars(select(TeamMember).where(_theirs(person)))
    joined = {member.team_id: member.added_on for member in memberships}
    leads = WorkshopSession.facilitator_digest.in_(person.address_digests)
    found: dict[UUID, list[Letter]] = defaultdict(list)
    rows = session.execute(
        select(WorkshopSession, Team)
        .join(Team, WorkshopSession.team_id == Team.id)
        .where(or_(leads, WorkshopSession.team_id.in_(joined)))
        .order_by(WorkshopSession.starts_at.desc())
    ).all()
    cards = cards_of(session, [meeting for meeting, _ in rows], locale)
    for (meeting, team), card in zip(rows, cards, strict=True):
        is_leader = meeting.facilitator_digest in person.address_digests
        if is_leader or joined[team.id] <= meeting.planned_on:
            found[team.organisation_id].append(
                Letter(
                    f"{card.title}, {team.name}",
                    meeting.planned_on,
                    day_of(meeting.starts_at),
                    meeting.state == "planned",
                )
            )
    return found
