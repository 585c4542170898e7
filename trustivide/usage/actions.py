"""Writing uses down, and forgetting them."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from trustivide.auth import queries as accounts
from trustivide.auth.models import User
from trustivide.core.activities import USAGE_ANALYSIS
from trustivide.core.clock import day_of
from trustivide.core.subjects import Person
from trustivide.rights import queries as rights
from trustivide.usage.buffer import Use
from trustivide.usage.kinds import KINDS
from trustivide.usage.models import UsageRow

_TURN = 0x7573616765  # the advisory lock's number: any that nobody else takes
_LATEST = timedelta(days=1)
"""How old a use may be to be written down: a month whose figures are shown never grows."""


def take_turn(session: Session) -> None:
    """Let nobody else write or forget uses until this transaction ends.

    Whoever says no, or is erased, while uses are being written down is either seen by the
    writing, or forgets what it wrote. On SQLite the one write lock sees to that.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_TURN)))


def record(session: Session, uses: Mapping[Use, int], now: datetime) -> None:
    """Add ``uses`` to the rows of their day, under pseudonyms.

    Left out are uses by staff, by those who object to the analysis or restrict it, by
    accounts that are gone, of a kind that there isn't, and from before yesterday.
    """
    take_turn(session)
    people = _countable(session, {use.user_id for use in uses})
    counted = {
        use: n
        for use, n in uses.items()
        if use.user_id in people and use.kind in KINDS and use.day >= day_of(now) - _LATEST
    }
    names = _names(session, {(people[u.user_id], u.day.replace(day=1)) for u in counted})
    rows: Counter[tuple[bytes, date, str]] = Counter()
    for use, n in counted.items():
        rows[names[people[use.user_id], use.day.replace(day=1)], use.day, use.kind] += n
    if rows:
        session.execute(_add(session, rows))


def _countable(session: Session, user_ids: Collection[UUID]) -> dict[UUID, Person]:
    users = session.scalars(select(User).where(User.id.in_(user_ids), ~User.is_staff))
    people = {user.id: accounts.person(user) for user in users}
    for refuser in rights.refusers(session, people, USAGE_ANALYSIS):
        del people[refuser]
    return people


def _names(
    session: Session, wanted: Collection[tuple[Person, date]]
) -> dict[tuple[Person, date], bytes]:
    """The pseudonym of each person for a month: the one they have there already, else today's.

    A digest key that is renewed within a month must not make two people of one: five
    pseudonyms would no longer be five people.
    """
    possible = {one: one[0].pseudonyms_in(one[1]) for one in wanted}
    older = [p for pseudonyms in possible.values() for p in pseudonyms[1:]]
    held = set(
        session.scalars(select(UsageRow.pseudonym).where(UsageRow.pseudonym.in_(older)).distinct())
        if older
        else ()
    )
    return {
        one: next((p for p in pseudonyms if p in held), pseudonyms[0])
        for one, pseudonyms in possible.items()
    }


def _add(session: Session, rows: Mapping[tuple[bytes, date, str], int]) -> Any:
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    # In the order of the pseudonyms, which is none: rows written together around midnight
    # must not tell by their order who is who in the next month.
    statement = dialect.insert(UsageRow).values(
        [
            {"id": uuid4(), "pseudonym": pseudonym, "day": day, "kind": kind, "uses": n}
            for (pseudonym, day, kind), n in sorted(rows.items())
        ]
    )
    return statement.on_conflict_do_update(
        index_elements=["pseudonym", "day", "kind"],
        set_={"uses": UsageRow.uses + statement.excluded.uses},
    )


def forget(session: Session, person: Person, now: datetime) -> None:
    """Delete the person's rows."""
    take_turn(session)
    for account in _accounts(session, person):
        pseudonyms = account.pseudonyms(day_of(now))
        session.execute(delete(UsageRow).where(UsageRow.pseudonym.in_(pseudonyms)))


def end_with_person(session: Session, person: Person, now: datetime) -> None:
    """An erasure takes the rows by itself; nothing may be written meanwhile."""
    take_turn(session)


def _accounts(session: Session, person: Person) -> list[Person]:
    """Whoever said no by their address alone may have an account too."""
    if person.user_id is not None:
        return [person]
    found = (accounts.person_at(session, address) for address in person.addresses)
    return [account for account in found if account.user_id is not None]


def on_objected(person: Person, *, session: Session, activity: str, now: datetime) -> None:
    """Whoever says no is in no row any more, in the same transaction."""
    if activity == USAGE_ANALYSIS.key:
        forget(session, person, now)
