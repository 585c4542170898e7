"""Rhythms: the same question again every so many months, which people see and can leave."""

import calendar
import logging
from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.core.clock import STOCKHOLM, begin_of, day_of
from trustivide.core.db import db, transaction
from trustivide.surveys.models import Rhythm, Round, RoundTeam
from trustivide.surveys.overlap import WINDOW
from trustivide.surveys.round_queries import newest

log = logging.getLogger(__name__)

AHEAD = timedelta(days=7)
"""How long before it opens a rhythm's next round is planned, and can be changed or called off."""
MORNING = time(8)
"""When planned mail goes, in Swedish time."""


def morning_of(day: date) -> datetime:
    """The moment of a day at which planned mail goes."""
    return datetime.combine(day, MORNING, STOCKHOLM)


def months_later(day: date, months: int) -> date:
    """The same day of the month so many months later, or that month's last."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def following(opens_at: datetime, closes_at: datetime, every_months: int) -> date:
    """The day on which a round comes again: so many months later, or 30 days after its end.

    The latter since somebody who leaves the team in between must not be told from the
    difference between two results; see :data:`trustivide.surveys.overlap.WINDOW`.
    """
    later = months_later(day_of(opens_at), every_months)
    return max(later, day_of(closes_at) + WINDOW)


def keep(session: Session, planned: Round, every_months: int | None, now: datetime) -> None:
    """Give a round that waits the rhythm that was chosen for it: a new, another, or none."""
    rhythm = session.get(Rhythm, planned.rhythm_id) if planned.rhythm_id else None
    if every_months is None:
        if rhythm is not None:
            rhythm.ended_on = rhythm.ended_on or day_of(now)
        session.flush()
        return
    if rhythm is None or rhythm.ended_on is not None:
        rhythm = Rhythm(
            organisation_id=planned.organisation_id,
            started_by_id=planned.created_by_id,
            started_on=day_of(now),
        )
    rhythm.every_months = every_months
    rhythm.next_on = following(planned.opens_at, planned.closes_at, every_months)
    session.add(rhythm)
    session.flush()
    planned.rhythm_id = rhythm.id
    session.flush()


def end(session: Session, rhythm: Rhythm, now: datetime) -> None:
    """Let no further round come: what is planned is called off, what runs goes on."""
    _hold(session, rhythm.id)
    rhythm.ended_on = rhythm.ended_on or day_of(now)
    for planned in session.scalars(
        select(Round)
        .where(
            Round.rhythm_id == rhythm.id, Round.opened_at.is_(None), Round.cancelled_on.is_(None)
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ):
        planned.cancelled_on = day_of(now)
    session.flush()


def repeat_due(now: datetime) -> None:
    """Plan the next round of every rhythm a week ahead; the worker calls it every minute.

    Never twice: the rhythm is locked, and its next day moves on in the same transaction.
    """
    due = db.session.scalars(
        select(Rhythm.id).where(Rhythm.ended_on.is_(None), Rhythm.next_on <= day_of(now) + AHEAD)
    ).all()
    for rhythm_id in due:
        try:
            with transaction() as session:
                _repeat(session, rhythm_id, now)
        except Exception:
            # One rhythm that can't go on must not keep the others from it.
            log.exception("rhythm %s could not be repeated", rhythm_id)
            db.session.rollback()


def _repeat(session: Session, rhythm_id: UUID, now: datetime) -> None:
    rhythm = _hold(session, rhythm_id)
    today = day_of(now)
    if rhythm is None or rhythm.ended_on or not rhythm.next_on or rhythm.next_on > today + AHEAD:
        return
    before = session.scalars(
        select(Round).where(Round.rhythm_id == rhythm_id).order_by(Round.opens_at.desc()).limit(1)
    ).one_or_none()
    team_ids = [] if before is None else _teams_of(session, before)
    if before is None or not team_ids:
        rhythm.ended_on = today  # every team that it asked is gone
        return
    opens_on = max(rhythm.next_on, today)
    answer_days = day_of(before.closes_at) - day_of(before.opens_at)
    offer = newest(session, before)
    coming = Round(
        organisation_id=before.organisation_id,
        rhythm_id=rhythm_id,
        instrument=offer.instrument.key,
        instrument_version=offer.instrument.version,
        own_version_id=offer.own_version_id,
        locale=before.locale,
        message=before.message,
        opens_at=morning_of(opens_on),
        closes_at=begin_of(opens_on + answer_days),
        reminder_days=before.reminder_days,
        created_by_id=before.created_by_id,
        created_on=today,
    )
    session.add(coming)
    session.flush()
    session.add_all(RoundTeam(round_id=coming.id, team_id=team_id) for team_id in team_ids)
    rhythm.next_on = following(coming.opens_at, coming.closes_at, rhythm.every_months)


def _hold(session: Session, rhythm_id: UUID) -> Rhythm | None:
    """Lock the rhythm and read it anew: of two workers the later finds it moved on."""
    return session.scalars(
        select(Rhythm)
        .where(Rhythm.id == rhythm_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def _teams_of(session: Session, before: Round) -> list[UUID]:
    """The teams that the last round was to ask, while they exist."""
    asked = select(RoundTeam.team_id).where(RoundTeam.round_id == before.id)
    return [team_id for team_id in session.scalars(asked) if team_id is not None]
