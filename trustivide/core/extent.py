"""How much of a group is a person's: since when, how new, and until when. One query a group."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Date, func, select
from sqlalchemy.orm import Session

from trustivide.core import inventory
from trustivide.core.clock import day_of
from trustivide.core.db import UtcDateTime
from trustivide.core.inventory import Group
from trustivide.core.subjects import Person


@dataclass(frozen=True)
class Extent:
    """``count`` rows between the days ``oldest`` and ``newest``, neither in the future.

    ``goes`` says from which day on retention deletes the first of them, and by
    which day all are gone. It is ``None`` when an event, rather than a date,
    ends at least one.
    """

    count: int
    oldest: date | None = None
    newest: date | None = None
    goes: tuple[date, date] | None = None


def measure(session: Session, group: Group, person: Person, today: date) -> Extent:
    """The extent of the person's rows of ``group``.

    Counts and ends are subqueries of their own: an index on subject and time
    answers each end at once, where one pass for all would read every row.
    """
    where = inventory.clause(group, person)
    if where is None:
        return Extent(0)
    asked = {"count": select(func.count()).select_from(group.table).where(where)}
    moments = list(_moments(group))
    for n, column in enumerate(moments):
        asked[f"oldest_{n}"] = select(func.min(column)).where(where)
        asked[f"newest_{n}"] = select(func.max(column)).where(where)
    if until := _until(group):
        since, source = until
        asked["first"] = select(func.min(since)).select_from(source).where(where)
        asked["last"] = select(func.max(since)).select_from(source).where(where)
        asked["undated"] = select(func.count()).select_from(source).where(where, since.is_(None))
    columns = [statement.scalar_subquery().label(name) for name, statement in asked.items()]
    row = session.execute(select(*columns)).one()._mapping
    seen = [(_day(row[f"oldest_{n}"]), _day(row[f"newest_{n}"])) for n in range(len(moments))]
    oldest, newest = next(((o, n) for o, n in seen if n and n <= today), (None, None))
    goes = None
    if until and not row["undated"]:
        goes = _goes(group, _day(row["first"]), _day(row["last"]))
    return Extent(row["count"], oldest, newest, goes)


def _day(value: date | datetime | None) -> date | None:
    return day_of(value) if isinstance(value, datetime) else value


def _moments(group: Group) -> Iterator[Any]:
    """Columns that can say how new a row is, the one from which retention counts first."""
    since = inventory.since(group)
    own = since.own if since and not since.is_beyond else None
    if own is not None:
        yield own
    for item in group.fields:
        if (
            item.shown
            and item.column is not own
            and isinstance(item.column.type, Date | UtcDateTime)
        ):
            yield item.column


def _until(group: Group) -> tuple[Any, Any] | None:
    """The column from which retention counts, and what to select it from."""
    since = inventory.since(group)
    if since is None or not group.is_row_subject or group.kept_for is None:
        return None
    if not since.is_beyond:
        return since.date, group.table
    return since.date, group.table.join(since.date.table, since.own == since.key)


def _goes(group: Group, first: date | None, last: date | None) -> tuple[date, date] | None:
    kept_for = group.kept_for
    if first is None or last is None or kept_for is None:
        return None
    return first + kept_for, last + kept_for + timedelta(days=1)  # swept in the night that follows
