"""The report to the privacy officer: who of us opened people's data, when, and for what reason.

It names colleagues and never the person: an account's id, or a reference.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Select, func, select
from sqlalchemy.orm import Session

from trustivide.admin.models import StaffAccess
from trustivide.admin.queries import PER_PAGE, Slice, clamp
from trustivide.auth.models import User
from trustivide.core.clock import STOCKHOLM, begin_of
from trustivide.core.spreadsheet import BOM, cell, lines


@dataclass(frozen=True)
class Wanted:
    """Which looks are reported: of one colleague, of the month that begins on a day, or all."""

    staff_id: UUID | None = None
    month: date | None = None


@dataclass(frozen=True)
class Look:
    """One look as the report shows it."""

    at: datetime
    who: str
    page: str
    reason: str
    account: UUID | None
    reference: str


@dataclass(frozen=True)
class Total:
    """How often one colleague looked, and at how many people; a former one has no name here."""

    staff_id: UUID | None
    who: str | None
    looks: int
    people: int


def report(session: Session, wanted: Wanted, page: int) -> Slice[Look]:
    """The looks, newest first."""
    total = session.scalar(_narrow(select(func.count(StaffAccess.id)), wanted)) or 0
    number, pages = clamp(page, total)
    rows = session.scalars(_ordered(wanted).offset((number - 1) * PER_PAGE).limit(PER_PAGE))
    return Slice([_look(row) for row in rows], number, pages)


def totals(session: Session, wanted: Wanted) -> Sequence[Total]:
    """Per colleague, whoever looked most on top."""
    statement = _narrow(
        select(
            StaffAccess.staff_id,
            func.count().label("looks"),
            func.count(StaffAccess.reference.distinct()).label("people"),
        ),
        wanted,
    ).group_by(StaffAccess.staff_id)
    found = session.execute(statement).all()
    names = dict(
        session.execute(
            select(User.id, User.name).where(User.id.in_([row.staff_id for row in found]))
        ).all()
    )
    counted = [Total(r.staff_id, names.get(r.staff_id), r.looks, r.people) for r in found]
    return sorted(counted, key=lambda total: (-total.looks, total.who or ""))


def months(session: Session) -> Sequence[date]:
    """The months since the first look that is kept, newest first, by their first day."""
    first, last = session.execute(select(func.min(StaffAccess.at), func.max(StaffAccess.at))).one()
    if first is None:
        return []
    month, found = _month_of(first), []
    while month <= _month_of(last):
        found.append(month)
        month = _after(month)
    return found[::-1]


def as_csv(engine: Engine, wanted: Wanted) -> Iterator[str]:
    """The whole report as a spreadsheet, newest first, read as it is sent."""
    yield BOM + lines([("at", "colleague", "page", "reason", "account", "reference")])
    with Session(engine) as session:
        rows = session.scalars(_ordered(wanted).execution_options(yield_per=500))
        for part in rows.partitions():
            yield lines(_cells(_look(row)) for row in part)


def _cells(look: Look) -> list[str]:
    account = str(look.account) if look.account else ""
    said = (look.at.isoformat(), look.who, look.page, look.reason, account, look.reference)
    return [cell(value) for value in said]


def _look(row: StaffAccess) -> Look:
    # Part of the digest is enough to tell two people apart, and leads to nobody.
    return Look(row.at, row.who, row.what, row.reason, row.user_id, row.reference.hex()[:12])


def _ordered(wanted: Wanted) -> Select[Any]:
    newest = (StaffAccess.at.desc(), StaffAccess.id)
    return _narrow(select(StaffAccess), wanted).order_by(*newest)


def _narrow(statement: Any, wanted: Wanted) -> Any:
    if wanted.staff_id is not None:
        statement = statement.where(StaffAccess.staff_id == wanted.staff_id)
    if wanted.month is not None:
        statement = statement.where(
            StaffAccess.at >= begin_of(wanted.month),
            StaffAccess.at < begin_of(_after(wanted.month)),
        )
    return statement


def _month_of(moment: datetime) -> date:
    return moment.astimezone(STOCKHOLM).date().replace(day=1)


def _after(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)
