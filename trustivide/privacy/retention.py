"""Letting go in time, read from the declarations."""

import logging
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Date, delete, inspect, select
from sqlalchemy.orm import Session

from trustivide.core import inventory
from trustivide.core.clock import day_of
from trustivide.core.compaction import compact
from trustivide.core.db import transaction
from trustivide.core.inventory import Group
from trustivide.outbox.models import Job
from trustivide.privacy import export

log = logging.getLogger(__name__)

BATCH = 500
_DONE_JOBS = timedelta(days=30)


def sweep(now: datetime) -> None:
    """Delete every row whose activity's days have passed since its date, and spent files.

    A row without that date yet (a survey still open) stays. Deletes in batches,
    so that nobody waits for long, and tells the log numbers and nothing else.
    """
    gone = {group.name: _sweep(group, now) for group in swept()}
    gone["exports"] = export.drop_expired(now)
    gone["jobs"] = _drop_jobs(now)
    gone = {name: n for name, n in gone.items() if n}
    if gone:
        compact()
    log.info("retention let go: %s", gone or "nothing")


def swept() -> Iterator[Group]:
    """The groups that a date ends, children before parents."""
    for group in inventory.groups()[::-1]:
        retention = group.activity.retention
        if (
            group.is_row_subject
            and group.deletes_row
            and group.model.__since__
            and retention is not None
            and retention.days is not None
        ):
            yield group


def overdue(session: Session, moment: datetime) -> list[Group]:
    """The groups with a row whose days had passed at ``moment``; one query for all."""
    groups = list(swept())
    late = session.execute(
        select(*(select(g.table.c.id).where(_due(g, moment)).exists() for g in groups))
    ).one()
    return [group for group, is_late in zip(groups, late, strict=True) if is_late]


def _sweep(group: Group, now: datetime) -> int:
    due = _due(group, now)
    total = 0
    while True:
        with transaction() as session:
            n = _delete_batch(session, group, due)
        total += n
        if n < BATCH:
            return total


def _delete_batch(session: Session, group: Group, due: Any) -> int:
    ids = session.scalars(select(group.table.c.id).where(due).limit(BATCH)).all()
    if ids:
        session.execute(delete(group.table).where(group.table.c.id.in_(ids)))
    return len(ids)


def _due(group: Group, now: datetime) -> Any:
    """Which rows' days have passed. ``"key.column"`` reads the date of the row pointed at."""
    assert group.model.__since__ is not None
    assert group.activity.retention is not None
    assert group.activity.retention.days is not None
    name, _, beyond = group.model.__since__.partition(".")
    column = inspect(group.model).attrs[name].columns[0]
    days = timedelta(days=group.activity.retention.days)
    if not beyond:
        return column < _before(column, now, days)
    (foreign_key,) = column.foreign_keys
    other = foreign_key.column.table
    since = other.c[beyond]
    return column.in_(select(foreign_key.column).where(since < _before(since, now, days)))


def _before(column: Any, now: datetime, days: timedelta) -> datetime | date:
    return day_of(now - days) if isinstance(column.type, Date) else now - days


def _drop_jobs(now: datetime) -> int:
    with transaction() as session:
        old = session.scalars(
            delete(Job)
            .where(Job.state.in_(("done", "failed")), Job.created_on < day_of(now - _DONE_JOBS))
            .returning(Job.id)
            .execution_options(synchronize_session=False)
        ).all()
    return len(old)
