"""What a team agrees to do, noted beside a survey's result or a workshop: order and ticking off.

Each of the two keeps rows of its own, since each is processed for a purpose of its own.
"""

from datetime import date, datetime
from typing import Protocol

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from trustivide.core.clock import day_of
from trustivide.core.errors import Refused

MOST = 50
"""Agreed actions in one place."""


class AgreedAction(Protocol):
    """Something to do, and by when."""

    what: str
    due_on: date | None
    done_on: date | None
    noted_on: date


def undone_first(action: AgreedAction) -> tuple[object, ...]:
    """The order of a list: undone first, then by the day when it is due."""
    return action.done_on is not None, action.due_on or date.max, action.noted_on, action.what


def leave_room(session: Session, there: ColumnElement[bool]) -> None:
    """Raise :class:`Refused` where as many stand as may. Whoever calls holds the place's row."""
    if (session.scalar(select(func.count()).where(there)) or 0) >= MOST:
        raise Refused("enough")


def mark(session: Session, action: AgreedAction, now: datetime, *, done: bool) -> None:
    """Say that it is done, or not done after all. The day on which it was done first stays."""
    action.done_on = (action.done_on or day_of(now)) if done else None
    session.flush()


def remove(session: Session, action: AgreedAction) -> None:
    """Take it away."""
    session.delete(action)
    session.flush()
