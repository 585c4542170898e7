"""What a team agreed on at a workshop, and who sees to it."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.core.clock import day_of
from trustivide.organisations.queries import Actor
from trustivide.teams.agreed import leave_room, undone_first
from trustivide.teams.models import TeamMember
from trustivide.workshops.models import SessionAction, WorkshopSession


@dataclass(frozen=True)
class Agreed:
    """Something agreed on, and the team's member who sees to it; ``None`` is nobody."""

    action: SessionAction
    owner: TeamMember | None


def of(session: Session, meeting: WorkshopSession) -> list[Agreed]:
    """What was agreed on, undone first, then by the day when it is due."""
    rows = session.execute(
        select(SessionAction, TeamMember)
        .outerjoin(TeamMember, SessionAction.owner_id == TeamMember.id)
        .where(SessionAction.session_id == meeting.id)
    )
    agreed = (Agreed(action, owner) for action, owner in rows)
    return sorted(agreed, key=lambda one: undone_first(one.action))


def get(session: Session, meeting: WorkshopSession, agreed_id: UUID) -> SessionAction | None:
    """What was agreed on, if it belongs to this workshop."""
    return session.scalar(
        select(SessionAction).where(
            SessionAction.id == agreed_id, SessionAction.session_id == meeting.id
        )
    )


def agree(
    session: Session,
    actor: Actor,
    meeting: WorkshopSession,
    what: str,
    owner_id: UUID | None,
    due_on: date | None,
    now: datetime,
) -> SessionAction:
    """Note something that the team agreed to do. Raises :class:`Refused` after fifty."""
    session.execute(
        select(WorkshopSession.id).where(WorkshopSession.id == meeting.id).with_for_update()
    )
    leave_room(session, SessionAction.session_id == meeting.id)
    action = SessionAction(
        session_id=meeting.id,
        what=what,
        owner_id=owner_id,
        due_on=due_on,
        noted_by_id=actor.user_id,
        noted_on=day_of(now),
    )
    session.add(action)
    session.flush()
    return action


def edit(
    session: Session, action: SessionAction, what: str, owner_id: UUID | None, due_on: date | None
) -> None:
    """Word it otherwise, give it to somebody else, move the day.

    Another owner or day is reminded of anew.
    """
    if (action.owner_id, action.due_on) != (owner_id, due_on):
        action.reminded_on = None
    action.what, action.owner_id, action.due_on = what, owner_id, due_on
    session.flush()
