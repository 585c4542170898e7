"""Letting go in time, read from the declarations."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, delete, func, or_, select
from sqlalchemy.orm import Session

from trustivide.core import clock, inventory
from trustivide.core.activities import Activity
from trustivide.core.clock import day_of
from trustivide.core.compaction import compact
from trustivide.core.db import db, transaction
from trustivide.core.holds import Hold, standing
from trustivide.core.inventory import Group, Since
from trustivide.core.text import Text
from trustivide.outbox.models import Job
from trustivide.outbox.registry import NIGHT
from trustivide.privacy import export
from trustivide.privacy.models import SweepRun

log = logging.getLogger(__name__)

BATCH = 500
_DONE_JOBS = timedelta(days=30)
SPENT = {
    "exports": (
        Text("Filer som någon beställt med sina uppgifter", "Files that somebody asked for"),
        Text("7 dagar", "7 days"),
    ),
    "jobs": (
        Text("Utförda jobb, utan personuppgifter", "Finished jobs, without personal data"),
        Text("30 dagar", "30 days"),
    ),
}
"""What else a sweep lets go, which no activity's days end: name in its counts → label and rule."""


@dataclass(frozen=True)
class Elsewhere:
    """Rows of an activity that a nightly duty of another feature lets go.

    ``due`` says how many would go at a given time.
    """

    label: Text
    activity: Activity
    due: Callable[[Session, datetime], int]

    @property
    def rule(self) -> Text:
        """How long they are kept."""
        assert self.activity.retention is not None
        return self.activity.retention.text


elsewhere: dict[str, Elsewhere] = {}
"""By the name of their table. Filled by create_app."""


@dataclass(frozen=True)
class Forecast:
    """What a sweep would let go of one group, in rows.

    ``soon`` and ``later`` hold what is due 7 and 30 days later, what is due at
    once included; ``held`` is due and stays for a legal hold; ``next_on`` is
    the day on which the oldest row that isn't due yet will be.
    """

    group: Group
    due: int
    soon: int
    later: int
    held: int
    next_on: date | None

    @property
    def rule(self) -> Text:
        """How long its rows are kept."""
        assert self.group.activity.retention is not None
        return self.group.activity.retention.text


def next_sweep(now: datetime) -> datetime:
    """When the next nightly sweep begins."""
    tonight = now.astimezone(UTC).replace(
        hour=NIGHT.hour, minute=NIGHT.minute, second=0, microsecond=0
    )
    return tonight if tonight > now else tonight + timedelta(days=1)


def forecast(session: Session, now: datetime) -> list[Forecast]:
    """What would go of each group that a date ends, at ``now``. Asking changes nothing."""
    holds = standing(session)
    return [_foreseen(session, group, now, holds) for group in swept()]


def spent(session: Session, now: datetime) -> dict[str, int]:
    """What else a sweep would let go at ``now``: downloads made, and jobs that are over."""
    jobs = session.scalar(select(func.count()).select_from(Job).where(_is_over(now)))
    return {"exports": export.expired(session, now), "jobs": jobs or 0}


def _foreseen(session: Session, group: Group, now: datetime, holds: Sequence[Hold]) -> Forecast:
    def rows(at: datetime, *also: Any) -> int:
        counted = select(func.count()).select_from(group.table).where(_past(group, at), *also)
        return session.scalar(counted) or 0

    under_hold = _under_hold(group, holds)
    free = [] if under_hold is None else [~under_hold]
    return Forecast(
        group,
        due=rows(now, *free),
        soon=rows(now + timedelta(days=7), *free),
        later=rows(now + timedelta(days=30), *free),
        held=0 if under_hold is None else rows(now, under_hold),
        next_on=_next(session, group, now),
    )


def sweep(now: datetime) -> None:
    """Delete every row whose activity's days have passed since its date, and spent files.

    First what would go is counted and logged, then it goes, in batches, each
    noted in the :class:`SweepRun` in its own transaction: one that is killed
    in the middle stays there unfinished with what it did, and the next does
    the rest. A row without its date yet (a survey still open) stays, and so
    does what a legal hold keeps. The log is told numbers and nothing else.
    """
    planned = {f.group.name: f.due for f in forecast(db.session(), now)}
    planned |= spent(db.session(), now)
    planned = {name: n for name, n in planned.items() if n}
    log.info("retention is about to let go: %s", planned or "nothing")
    run_id, cut_off = _begin(now)
    for group in swept():
        while _let_go(run_id, group, now) == BATCH:
            pass
    _note(run_id, "exports", export.drop_expired(now))
    gone = _note(run_id, "jobs", _drop_jobs(now))
    if gone or cut_off:
        compact()
    with transaction() as session:
        session.get_one(SweepRun, run_id).finished_at = max(clock.now(), now)
    log.info("retention let go: %s", gone or "nothing")


def _begin(now: datetime) -> tuple[UUID, bool]:
    """The new run's id, and whether the one before it was cut off."""
    with transaction() as session:
        before = runs(session, 1)
        run = SweepRun(started_at=now, counts={})
        session.add(run)
        session.flush()
        return run.id, any(r.finished_at is None for r in before)


def _note(run_id: UUID, name: str, n: int) -> dict[str, int]:
    """Add ``n`` to what the run let go of ``name``; all that it did so far."""
    with transaction() as session:
        return _add(session, run_id, name, n)


def _add(session: Session, run_id: UUID, name: str, n: int) -> dict[str, int]:
    run = session.get_one(SweepRun, run_id)
    if n:
        run.counts = {**run.counts, name: run.counts.get(name, 0) + n}
    return run.counts


def _let_go(run_id: UUID, group: Group, now: datetime) -> int:
    """One batch of one group, and the note of it, together or not at all."""
    with transaction() as session:
        due = _due(group, now, standing(session))
        ids = session.scalars(select(group.table.c.id).where(due).limit(BATCH)).all()
        if ids:
            session.execute(delete(group.table).where(group.table.c.id.in_(ids)))
            _add(session, run_id, group.name, len(ids))
    return len(ids)


def runs(session: Session, limit: int = 14) -> list[SweepRun]:
    """The last sweeps, newest first; one without an end was cut off or is under way."""
    newest = select(SweepRun).order_by(SweepRun.started_at.desc()).limit(limit)
    return list(session.scalars(newest))


def swept() -> Iterator[Group]:
    """The groups that a date ends, children before parents."""
    for group in inventory.groups()[::-1]:
        if group.is_row_subject and group.kept_for is not None:
            yield group


def overdue(session: Session, moment: datetime) -> list[Group]:
    """The groups with a row whose days had passed at ``moment``; one query for all.

    What a legal hold keeps is not late.
    """
    groups, holds = list(swept()), standing(session)
    late = session.execute(
        select(*(select(g.table.c.id).where(_due(g, moment, holds)).exists() for g in groups))
    ).one()
    return [group for group, is_late in zip(groups, late, strict=True) if is_late]


def _under_hold(group: Group, holds: Sequence[Hold]) -> Any:
    """Which rows a legal hold keeps; ``None`` when none does."""
    kept = [
        group.table.c.id.in_(select(group.model.id).where(where))  # type: ignore[attr-defined]
        for hold in holds
        if hold.covers(group) and (where := inventory.clause(group, hold.person)) is not None
    ]
    return or_(*kept) if kept else None


def _due(group: Group, now: datetime, holds: Sequence[Hold]) -> Any:
    """Which rows go: their days have passed, and no hold keeps them."""
    under_hold, past = _under_hold(group, holds), _past(group, now)
    return past if under_hold is None else past & ~under_hold


def _past(group: Group, now: datetime) -> Any:
    """Which rows' days have passed."""
    since, kept_for = _since(group)
    past = since.date < _limit(since.date, now - kept_for)
    return since.own.in_(select(since.key).where(past)) if since.is_beyond else past


def _next(session: Session, group: Group, now: datetime) -> date | None:
    since, kept_for = _since(group)
    coming = select(func.min(since.date)).where(since.date >= _limit(since.date, now - kept_for))
    if since.is_beyond:
        coming = coming.where(since.key.in_(select(since.own)))
    first = session.scalar(coming)
    if first is None:
        return None
    # A date counts from its day, and goes the night after the last of its days.
    return day_of(first + kept_for) if isinstance(first, datetime) else first + kept_for


def _since(group: Group) -> tuple[Since, timedelta]:
    since, kept_for = inventory.since(group), group.kept_for
    assert since is not None
    assert kept_for is not None
    return since, kept_for


def _limit(column: Any, moment: datetime) -> datetime | date:
    return day_of(moment) if isinstance(column.type, Date) else moment


def _drop_jobs(now: datetime) -> int:
    with transaction() as session:
        old = session.scalars(
            delete(Job)
            .where(_is_over(now))
            .returning(Job.id)
            .execution_options(synchronize_session=False)
        ).all()
    return len(old)


def _is_over(now: datetime) -> ColumnElement[bool]:
    return Job.state.in_(("done", "failed")) & (Job.created_on < day_of(now - _DONE_JOBS))
