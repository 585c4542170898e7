"""What the tests of usage share: pages opened, uses written down, rows read."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from flask import Flask
from sqlalchemy import select

from trustivide.auth.models import User
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.usage import actions
from trustivide.usage.background import Notebook
from trustivide.usage.buffer import Use
from trustivide.usage.models import UsageRow
from trustivide.usage.queries import months


def notebook(app: Flask) -> Notebook:
    """The application's notebook, which writes when it is told to."""
    found = app.extensions["usage"]
    assert isinstance(found, Notebook)
    return found


def written(app: Flask) -> dict[str, int]:
    """Write down what was noted; all uses in the rows, by kind."""
    notebook(app).write()
    db.session.rollback()
    found: dict[str, int] = {}
    for row in db.session.scalars(select(UsageRow)):
        found[row.kind] = found.get(row.kind, 0) + row.uses
    return found


def last_month() -> date:
    """A day in the newest month whose figures are shown."""
    return months(clock.day_of(clock.now()))[0] + timedelta(days=9)


def used(users: Iterable[User], kind: str, times: int = 1, day: date | None = None) -> None:
    """Rows of these people, written as they were on the day."""
    day = day or last_month()
    now: datetime = clock.begin_of(day) + timedelta(hours=12)
    with transaction() as session:
        actions.record(session, {Use(u.id, day, kind): times for u in users}, now)
