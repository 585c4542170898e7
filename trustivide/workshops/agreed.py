"""What a team agreed on at a workshop: noting it, changing it, ticking it off."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from trustivide.core.clock import day_of
from trustivide.core.errors import Refused
from trustivide.organisations.queries import Actor
from trustivide.teams.models import TeamMember
from trustivide.workshops.models import SessionAction, WorkshopSession

MOST_AGREED = 50


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
    return sorted((Agreed(action, owner) for action, owner in rows), key=_undone_first)


def _undone_first(agreed: Agreed) -> tuple[object, ...]:
    action = agreed.action
    return action.done_on is not None, action.due_on or date.max, action.noted_on, action.what


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
    number = select(func.count()).where(SessionAction.session_id == meeting.id)
    if (session.scalar(number) or 0) >= MOST_AGREED:
        raise Refused("enough")
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


def mark(session: Session, action: SessionAction, now: datetime, *, done: bool) -> None:
    """Say that it is done, or not done after all. The day on which it was done first stays."""
    action.done_on = (action.done_on or day_of(now)) if done else None
    session.flush()


def remove(session: Session, action: SessionAction) -> None:
    """Take it away."""
    session.delete(action)
    session.flush()
