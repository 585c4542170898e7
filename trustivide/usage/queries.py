"""How much is used: totals that no single person can be subtracted from. See docs/decisions/028.

A figure is of a whole month that is over, and of five people or more. It never grows
after it was first shown, and no two figures overlap.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import extract, func, or_, select
from sqlalchemy.orm import Session

from trustivide.auth.models import User
from trustivide.core.activities import FEWEST, USAGE_ANALYSIS
from trustivide.core.clock import day_of, month_after, month_before
from trustivide.core.crypto import ring
from trustivide.core.subjects import USAGE_DAYS, Person
from trustivide.rights.models import Objection, Restriction, Suppression
from trustivide.rights.queries import EVERYTHING, RESTRICTED
from trustivide.usage.kinds import KINDS, Kind
from trustivide.usage.models import UsageRow

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

    Walks over all accounts by id alone, and only where somebody said no: one address is
    decrypted nowhere.
    """
    names = {USAGE_ANALYSIS.key} if objecting_only else {USAGE_ANALYSIS.key, EVERYTHING}
    models: list[type[Objection] | type[Restriction]] = [Objection]
    suppressed = {USAGE_ANALYSIS.key}
    if not objecting_only:
        models.append(Restriction)
        suppressed |= {RESTRICTED + name for name in names}
    standing = {
        reference
        for model in models
        for reference in session.scalars(
            select(model.reference).where(model.activity.in_(names), model.lifted_at.is_(None))
        )
    }
    digests = select(Suppression.digest).where(Suppression.activity.in_(suppressed))
    found = set(session.scalars(select(User.id).where(User.email_digest.in_(digests))))
    if standing:
        digest = ring().digests
        found |= {
            user_id
            for user_id in session.scalars(select(User.id))
            if not standing.isdisjoint(digest(user_id.bytes, "user"))
        }
    return [Person.of(user_id) for user_id in found]


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
    """What is wrong with the rows; a night is allowed for what is to be deleted by then."""
    today = day_of(now)
    theirs = [p for who in refusing(session, objecting_only=True) for p in who.pseudonyms(today)]
    first, last = func.min(UsageRow.day), func.max(UsageRow.day)
    followed = (
        select(UsageRow.pseudonym)
        .group_by(UsageRow.pseudonym)
        .having(
            or_(
                extract("month", first) != extract("month", last),
                extract("year", first) != extract("year", last),
            )
        )
        .subquery()
    )

    def count(*where: object) -> int:
        return session.scalar(select(func.count()).select_from(UsageRow).where(*where)) or 0  # type: ignore[arg-type]

    return Faults(
        of_objectors=count(UsageRow.pseudonym.in_(theirs)) if theirs else 0,
        too_old=count(UsageRow.day < today - timedelta(days=USAGE_DAYS + 1)),
        of_no_kind=count(UsageRow.kind.not_in(list(KINDS))),
        beyond_a_month=session.scalar(select(func.count()).select_from(followed)) or 0,
    )
