"""Legal holds: one person's data of one activity, kept for a claim, on a ground that they read.

GDPR Art. 17(3)(e) and 18(2). What is held is stored and not used; what that
means for a deletion stands in ``core.holds``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from trustivide.audit import actions as audit
from trustivide.auth import queries as accounts
from trustivide.auth.models import User
from trustivide.core import clock, inventory
from trustivide.core.activities import BY_KEY, Activity
from trustivide.core.clock import day_of
from trustivide.core.crypto import Digest, EncryptedAddress, normalise_address, ring
from trustivide.core.db import transaction
from trustivide.core.errors import Refused
from trustivide.core.holds import Hold, holdable, over, ties
from trustivide.core.inventory import Field, Group
from trustivide.core.subjects import Person
from trustivide.core.text import Text
from trustivide.privacy.models import Erasure, LegalHold, Request

LONGEST_YEARS = 3
SHORTEST_GROUND = 20

IDENTITY = Text(
    "Säger vems det bevarade är och varför det bevaras, så länge det gör det",
    "Says whose the kept data is and why it is kept, for as long as it is",
)
EMPTIED = Text(
    "Raden finns kvar, tömd på allt annat, eftersom det bevarade hör till den",
    "The row remains, emptied of all else, since the kept data belongs to it",
)
_IDENTITIES = frozenset(m.__tablename__ for m in (Erasure, LegalHold, Request))


def latest_end(today: date) -> date:
    """The last day that a hold placed ``today`` may reach to."""
    try:
        return today.replace(year=today.year + LONGEST_YEARS)
    except ValueError:  # 29 February
        return today.replace(year=today.year + LONGEST_YEARS, day=28)


def place(
    session: Session,
    owner: User,
    address: str,
    user: User | None,
    activity: Activity,
    ground: str,
    ends_on: date,
    now: datetime,
) -> LegalHold:
    """Keep what is held about ``address``, and about its account ``user``, for one activity.

    Raises :class:`Refused` for an activity whose data can't be held, a ground
    too short to explain anything, and an end that is past or too far away.
    """
    today = day_of(now)
    if activity not in holdable() or len(ground) < SHORTEST_GROUND:
        raise Refused("not a hold")
    if not today < ends_on <= latest_end(today):
        raise Refused("not an end")
    user_id = user.id if user else _emptied_account(session, address)
    hold = LegalHold(
        reference=Person.of(user_id, address).reference,
        user_id=user_id,
        email=address,
        activity=activity.key,
        ground=ground,
        begins_on=today,
        ends_on=ends_on,
        owner=owner.name,
        owner_id=owner.id,
    )
    session.add(hold)
    session.flush()
    audit.record(
        session,
        "hold_placed",
        now,
        actor_id=owner.id,
        about_id=user_id,
        thing_id=hold.id,
        detail=activity.key,
    )
    return hold


def _emptied_account(session: Session, address: str) -> UUID | None:
    """The account that had the address before an erasure: a hold that stands still says so."""
    held = session.scalars(
        select(LegalHold).where(LegalHold.user_id.is_not(None), LegalHold.ended_on.is_(None))
    )
    wanted = normalise_address(address)
    return next((h.user_id for h in held if normalise_address(h.email) == wanted), None)


def end(session: Session, by: User, hold_id: UUID, now: datetime) -> bool:
    """End a hold before its time; False when it has ended already. What waited for it goes on.

    The audit trail names who ended it.
    """
    return bool(_end(session, LegalHold.id == hold_id, day_of(now), now, by.id))


def _end(
    session: Session, which: ColumnElement[bool], on: Any, now: datetime, by_id: UUID | None
) -> int:
    """End those that stand, and record it; how many there were."""
    ended = session.execute(
        update(LegalHold)
        .where(which, LegalHold.ended_on.is_(None))
        .values(ended_on=on)
        .returning(LegalHold.id, LegalHold.user_id, LegalHold.activity)
        .execution_options(synchronize_session=False)
    ).all()
    for hold_id, user_id, activity in ended:
        audit.record(
            session,
            "hold_ended",
            now,
            actor_id=by_id,
            about_id=user_id,
            thing_id=hold_id,
            detail=activity,
        )
    return len(ended)


def end_due(now: datetime) -> None:
    """Note on holds whose last day has passed that they ended then: retention counts from it."""
    with transaction() as session:
        _end(session, LegalHold.ends_on < day_of(now), LegalHold.ends_on, now, None)


def standing(session: Session) -> Sequence[Hold]:
    """Every hold that stands today, for ``core.holds``."""
    today = day_of(clock.now())
    rows = session.scalars(
        select(LegalHold)
        .where(
            LegalHold.activity.in_(BY_KEY),
            LegalHold.begins_on <= today,
            LegalHold.ends_on >= today,
            LegalHold.ended_on.is_(None),
        )
        .order_by(LegalHold.ends_on, LegalHold.id)
    ).all()
    known = _accounts(session, rows)
    return [
        Hold(_person(row, known), BY_KEY[row.activity], row.ground, row.ends_on, row.owner)
        for row in rows
    ]


def _accounts(session: Session, rows: Sequence[LegalHold]) -> dict[UUID | bytes, User]:
    """The accounts that the holds are about, by id and by the digest of their address."""
    if not rows:
        return {}
    digests = {d for r in rows for d in ring().digests(normalise_address(r.email))}
    found = session.scalars(
        select(User).where(
            User.id.in_({r.user_id for r in rows if r.user_id}) | User.email_digest.in_(digests)
        )
    ).all()
    return {user.id: user for user in found} | {user.email_digest: user for user in found}


def _person(row: LegalHold, known: dict[UUID | bytes, User]) -> Person:
    """Account and address as they were typed, and the account's address as it is now."""
    digests = ring().digests(normalise_address(row.email))
    user = known.get(row.user_id) if row.user_id else None
    user = user or next((known[d] for d in digests if d in known), None)
    if user is None:
        return Person.of(row.user_id, row.email)
    return Person.of(user.id, row.email, *accounts.person(user).addresses)


@dataclass(frozen=True)
class Kept:
    """Why rows of one group stay, and until when. ``owner`` is None where they only come along."""

    ground: Text
    until: date
    owner: str | None = None


@dataclass(frozen=True)
class Keeping:
    """What holds keep of a person in an erasure: by name of the group, with grounds.

    ``whole`` groups are left alone; ``emptied`` ones keep their row and what
    is held in it, and nothing else. Empty when nothing that is held is there.
    """

    holds: tuple[Hold, ...]
    whole: dict[str, tuple[Kept, ...]]
    emptied: dict[str, tuple[Kept, ...]]

    @property
    def activities(self) -> frozenset[Activity]:
        """The activities of which something is kept."""
        return frozenset(hold.activity for hold in self.holds)

    def of(self, group: Group) -> tuple[Kept, ...]:
        """Why rows of this group stay; empty when they go."""
        return self.whole.get(group.name) or self.emptied.get(group.name, ())

    def leaves(self, group: Group, item: Field) -> bool:
        """Whether the value of a column of the group is left as it is.

        Of an emptied row a secret or an address never is: they let somebody in.
        The address stands in the hold.
        """
        if group.name not in self.emptied or group.model.__emptied__ is None:
            return group.name in self.whole
        kind = item.column.type
        lets_in = item.declared.secret or isinstance(kind, EncryptedAddress | Digest)
        held = item.activity in self.activities and not lets_in
        name = (isinstance(kind, Digest) and kind.of) or item.name
        return held or name not in group.model.__emptied__(UUID(int=0))


def keeping(session: Session, person: Person) -> Keeping:
    """What erasing ``person`` must leave for the holds that stand today."""
    groups = inventory.groups()
    holds = over(session, person)
    held: dict[str, tuple[Hold, ...]] = {}
    for group in groups:
        covering = tuple(h for h in holds if h.covers(group))
        if covering and inventory.count(session, group, person):
            held[group.name] = covering
    effective = tuple(h for h in holds if any(h in covering for covering in held.values()))
    if not effective:
        return Keeping((), {}, {})
    until = max(h.until for h in effective)
    there = [g for g in groups if g.name in held or inventory.count(session, g, person)]
    needed = _needed([g for g in there if g.name in held or g.table.name in _IDENTITIES])
    whole: dict[str, tuple[Kept, ...]] = {}
    emptied: dict[str, tuple[Kept, ...]] = {}
    for group in there:
        kept = tuple(Kept(_claim(h.ground), h.until, h.owner) for h in held.get(group.name, ()))
        if group.model.__emptied__ is not None and group.is_row_subject:
            if kept or group.table.name in needed:
                emptied[group.name] = kept or (Kept(EMPTIED, until),)
        elif kept:
            whole[group.name] = kept
        elif group.table.name in _IDENTITIES:
            whole[group.name] = (Kept(IDENTITY, until),)
    return Keeping(effective, whole, emptied)


def _claim(ground: str) -> Text:
    return Text(
        f"Rättsligt anspråk (art. 17.3 e): {ground}", f"Legal claim (Art. 17(3)(e)): {ground}"
    )


def _needed(held: list[Group]) -> set[str]:
    """Tables with rows that must stay for the held ones to stay."""
    found: set[str] = set()
    tables = [fk.column.table for group in held for fk in ties(group)]
    while tables:
        table = tables.pop()
        if table.name not in found:
            found.add(table.name)
            tables += [fk.column.table for fk in table.foreign_keys if fk.ondelete == "CASCADE"]
    return found


def ended(session: Session, erasure: Erasure) -> bool:
    """Whether an erasure that waits for holds may go on: one that it waits for has ended."""
    waits = set((erasure.counts or {}).get("held", ()))
    return not waits <= {hold.activity.key for hold in over(session, erasure.person)}
