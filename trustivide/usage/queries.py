"""How much is used: totals that no single person can be subtracted from. See docs/decisions/028.

A figure is of a whole month that is over, and of five people or more. It never grows
after it was first shown, and no two figures overlap.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from trustivide.auth.models import User
from trustivide.core.activities import FEWEST, USAGE_ANALYSIS
from trustivide.core.clock import day_of, month_after, month_before
from trustivide.core.subjects import USAGE_DAYS, Person
from trustivide.rights.models import Objection, Restriction, Suppression
from trustivide.rights.queries import EVERYTHING, RESTRICTED
from trustivide.usage.kinds import KINDS, Kind
from trustivide.usage.models import UsageRow

_AT_ONCE = 10_000
"""Pseudonyms in one statement: databases take only so many parameters."""
_SETTLED = timedelta(days=1)
"""Nothing is written for a day before yesterday: a month is over on the second of the next."""


def months(today: date) -> list[date]:
    """First days of the months that can be shown, newest first: over, and all days still kept."""
    newest = month_before(today - _SETTLED)
    kept_from = today - timedelta(days=USAGE_DAYS)
    return [month for month in (newest, month_before(newest)) if month >= kept_from]


@dataclass(frozen=True)
class Total:
    """How many people used a kind in a month, and how often; ``None`` for fewer than FEWEST."""

    kind: Kind
    people: int | None
    uses: int | None


def totals(session: Session, month: date) -> list[Total]:
    """A total for each kind, in the table's order, without whoever says no at this moment."""
    people = func.count(UsageRow.pseudonym.distinct())
    left_out = [p for who in refusing(session) for p in who.pseudonyms_in(month)]
    rows = session.execute(
        select(UsageRow.kind, people, func.sum(UsageRow.uses))
        .where(
            UsageRow.day >= month,
            UsageRow.day < month_after(month),
            UsageRow.pseudonym.not_in(left_out),
        )
        .group_by(UsageRow.kind)
        .having(people >= FEWEST)
    )
    found = {kind: (n, uses) for kind, n, uses in rows}
    return [Total(kind, *found.get(key, (None, None))) for key, kind in KINDS.items()]


def refusing(session: Session, *, objecting_only: bool = False) -> Sequence[Person]:
    """The accounts that object to the analysis, or restrict it, at this moment.

    A no stands for an account and for its address, so the index on addresses finds nearly
    all. Only where a no is left over (the address was digested under an older key) are all
    accounts gone through, by their id.
    """
    names = {USAGE_ANALYSIS.key} if objecting_only else {USAGE_ANALYSIS.key, EVERYTHING}
    models: list[type[Objection] | type[Restriction]] = [Objection]
    suppressed = {USAGE_ANALYSIS.key}
    if not objecting_only:
        models.append(Restriction)
        suppressed |= {RESTRICTED + name for name in names}
    left = {
        reference
        for model in models
        for reference in session.scalars(
            select(model.reference).where(model.activity.in_(names), model.lifted_at.is_(None))
        )
    }
    digests = session.scalars(
        select(Suppression.digest).where(Suppression.activity.in_(suppressed))
    ).all()
    left -= set(digests)
    found = {
        user_id: Person.of(user_id)
        for user_id in session.scalars(select(User.id).where(User.email_digest.in_(digests)))
    }
    left -= {reference for person in found.values() for reference in person.references}
    if left:
        everybody = (Person.of(user_id) for user_id in session.scalars(select(User.id)))
        found |= {p.user_id: p for p in everybody if p.user_id and left & p.references}
    return list(found.values())


@dataclass(frozen=True)
class Faults:
    """Rows that the promises don't allow, counted by which one they break."""

    of_objectors: int
    too_old: int
    of_no_kind: int
    beyond_a_month: int

    def __bool__(self) -> bool:
        return any((self.of_objectors, self.too_old, self.of_no_kind, self.beyond_a_month))


def faults(session: Session, now: datetime) -> Faults:
    """What is wrong with the rows; a night is allowed for what is to be deleted by then.

    Whether kinds are known and pseudonyms new is looked at where rows are still written, of
    today and yesterday: the promises stand on a page that anybody may open, and it must
    not go through every row.
    """
    today = day_of(now)
    theirs = [p for who in refusing(session, objecting_only=True) for p in who.pseudonyms(today)]
    fresh, earlier = UsageRow.day >= today - _SETTLED, aliased(UsageRow)
    followed = exists().where(
        earlier.pseudonym == UsageRow.pseudonym, earlier.day < today.replace(day=1)
    )

    def count(*where: ColumnElement[bool]) -> int:
        return session.scalar(select(func.count()).select_from(UsageRow).where(*where)) or 0

    return Faults(
        of_objectors=sum(
            count(UsageRow.pseudonym.in_(theirs[start : start + _AT_ONCE]))
            for start in range(0, len(theirs), _AT_ONCE)
        ),
        too_old=count(UsageRow.day < today - timedelta(days=USAGE_DAYS + 1)),
        of_no_kind=count(fresh, UsageRow.kind.not_in(list(KINDS))),
        beyond_a_month=count(fresh, UsageRow.day >= today.replace(day=1), followed),
    )
