"""What a person may see of themselves, read from the inventory."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.core import inventory
from trustivide.core.activities import ALL, PRIVACY_RIGHTS, SECURITY, Activity, LegalBasis
from trustivide.core.inventory import Field, Group
from trustivide.core.subjects import Person
from trustivide.privacy.models import Erasure, Export
from trustivide.rights.models import ConsentRecord
from trustivide.rights.queries import EVERYTHING, consent_history, consented, objected, restricted

PAGE = 20
PENDING = ("cooling", "queued", "rows", "compacting")


@dataclass(frozen=True)
class Held:
    """One group of which the person has rows. ``newest`` is never in the future."""

    group: Group
    count: int
    newest: date | None


@dataclass(frozen=True)
class Category:
    """One activity, and what is held for it."""

    activity: Activity
    held: tuple[Held, ...]

    @property
    def count(self) -> int:
        """Rows in all groups."""
        return sum(h.count for h in self.held)

    @property
    def newest(self) -> date | None:
        """The newest change in any group."""
        return max((h.newest for h in self.held if h.newest), default=None)


def overview(session: Session, person: Person, today: date) -> list[Category]:
    """Every activity for which something is held, in the order of the record of processing."""
    found = []
    groups = inventory.groups()
    for activity in ALL:
        held = tuple(
            _held(session, group, n, person, today)
            for group in groups
            if group.activity == activity
            and (n := inventory.count(session, group, person))
            and not _told_elsewhere(session, group, person)
        )
        if held:
            found.append(Category(activity, held))
    return found


def _told_elsewhere(session: Session, group: Group, person: Person) -> bool:
    """Whether the group only points at rows that are shown as the person's own anyway."""
    own = inventory.group_named(group.table.name)
    if own is None or own == group or any(f.shown or f.declared.secret for f in group.fields):
        return False
    mine, pointed_at = inventory.clause(own, person), inventory.clause(group, person)
    if mine is None or pointed_at is None:
        return False
    others = select(group.table.c.id).where(pointed_at, ~mine).limit(1)
    return session.scalar(others) is None


def _held(session: Session, group: Group, n: int, person: Person, today: date) -> Held:
    newest = inventory.newest(session, group, person)
    return Held(group, n, newest if newest and newest <= today else None)


def group_for(session: Session, person: Person, name: str) -> Group | None:
    """The group with this name, if anything can be the person's in it."""
    group = inventory.group_named(name)
    return group if group and inventory.clause(group, person) is not None else None


@dataclass(frozen=True)
class Entry:
    """One row: its id and every shown field with its value."""

    id: UUID
    cells: tuple[tuple[Field, Any], ...]


@dataclass(frozen=True)
class Page:
    """Some of a group's rows, newest first where the table knows what newest means."""

    entries: tuple[Entry, ...]
    total: int
    number: int

    @property
    def last(self) -> int:
        """Number of the last page, from 1."""
        return max(1, -(-self.total // PAGE))


def entries(session: Session, group: Group, person: Person, number: int = 1) -> Page:
    """Page ``number`` (from 1) of the person's rows of ``group``."""
    total = inventory.count(session, group, person)
    statement = inventory.selection(group, person)
    assert statement is not None
    since = group.model.__since__
    if since and "." not in since:
        model_id = group.model.id  # type: ignore[attr-defined]
        newest_first = getattr(group.model, since).desc().nulls_first()
        statement = statement.order_by(None).order_by(newest_first, model_id)
    number = min(max(1, number), max(1, -(-total // PAGE)))
    rows = session.execute(statement.limit(PAGE).offset((number - 1) * PAGE))
    shown = [f for f in group.fields if f.shown]
    return Page(
        tuple(Entry(row[0], tuple(zip(shown, row[1:], strict=True))) for row in rows), total, number
    )


def entry(session: Session, group: Group, person: Person, row_id: UUID) -> Entry | None:
    """One row of the person's."""
    statement = inventory.selection(group, person)
    if statement is None:
        return None
    row = session.execute(
        statement.where(group.model.id == row_id)  # type: ignore[attr-defined]
    ).one_or_none()
    if row is None:
        return None
    shown = [f for f in group.fields if f.shown]
    return Entry(row[0], tuple(zip(shown, row[1:], strict=True)))


def correctable(group: Group, name: str) -> Field | None:
    """The field that the person may change in place."""
    return next((f for f in group.fields if f.name == name and f.declared.correct), None)


def deletable(group: Group) -> bool:
    """Whether single entries may be deleted: where the person may object to the use at all."""
    return group.is_row_subject and group.deletes_row and group.activity.objectable


@dataclass(frozen=True)
class Choice:
    """One activity that the person can stop or start, and whether it is on."""

    activity: Activity
    on: bool


@dataclass(frozen=True)
class Choices:
    """Every choice, as it stands: consents given, objections and restrictions in force."""

    consents: tuple[tuple[Choice, Sequence[ConsentRecord]], ...]
    objections: tuple[Choice, ...]
    restrictions: tuple[Choice, ...]
    everything_restricted: bool


def choices(session: Session, person: Person) -> Choices:
    """What the person can choose, for the activities that can concern them."""
    within_reach = [a for a in ALL if a in _reached(person)]
    against, held_back = objected(session, person), restricted(session, person)
    asked = [a for a in ALL if a.legal_basis is LegalBasis.CONSENT]
    return Choices(
        consents=tuple(
            (
                Choice(a, consented(session, person, a) and a.key not in against),
                consent_history(session, person, a),
            )
            for a in asked
        ),
        objections=tuple(
            Choice(a, a.key in against) for a in within_reach if a.objectable and a not in asked
        ),
        restrictions=tuple(
            Choice(a, a.key in held_back)
            for a in within_reach
            if a not in (PRIVACY_RIGHTS, SECURITY)
        ),
        everything_restricted=EVERYTHING in held_back,
    )


def _reached(person: Person) -> set[Activity]:
    """Activities that can hold the person's data, and those that work with such data."""
    holding = {
        f.activity
        for group in inventory.groups()
        if inventory.clause(group, person) is not None
        for f in group.fields
    }
    return holding | {a for a in ALL if holding & set(a.uses)}


def may_object(person: Person, key: str) -> Activity | None:
    """The activity, if it rests on an interest that this person can object to."""
    return next(
        (
            a
            for a in _reached(person)
            if a.key == key and a.objectable and a.legal_basis is not LegalBasis.CONSENT
        ),
        None,
    )


def may_restrict(person: Person, key: str) -> Activity | None:
    """The activity, if its use can be held back."""
    return next(
        (a for a in _reached(person) if a.key == key and a not in (PRIVACY_RIGHTS, SECURITY)), None
    )


def asks_consent(key: str) -> Activity | None:
    """The activity, if it rests on consent."""
    return next((a for a in ALL if a.key == key and a.legal_basis is LegalBasis.CONSENT), None)


def consent_record(session: Session, person: Person, record_id: UUID) -> ConsentRecord | None:
    """One of the person's own consent records."""
    return session.scalar(
        select(ConsentRecord).where(
            ConsentRecord.id == record_id, ConsentRecord.reference.in_(person.references)
        )
    )


def exports(session: Session, person: Person) -> Sequence[Export]:
    """The person's downloads, newest first."""
    return session.scalars(
        select(Export)
        .where(Export.reference.in_(person.references))
        .order_by(Export.requested_at.desc())
    ).all()


def export_for(session: Session, person: Person, export_id: UUID) -> Export | None:
    """One of the person's own downloads."""
    return session.scalar(
        select(Export).where(Export.id == export_id, Export.reference.in_(person.references))
    )


def held_erasure(session: Session, person: Person) -> Erasure | None:
    """The newest erasure that is done but for what a legal hold keeps."""
    return session.scalar(
        select(Erasure)
        .where(Erasure.reference.in_(person.references), Erasure.state == "held")
        .order_by(Erasure.requested_at.desc())
        .limit(1)
    )


def left_behind(session: Session, address: str) -> Person:
    """Whoever has the address, with the account of theirs that is gone but for what is held.

    Nobody can sign in to such an account, so the mailed link opens what is left of it.
    """
    proven = Person.of(None, address)
    user_id = session.scalar(
        select(Erasure.user_id).where(
            Erasure.email_digest.in_(proven.address_digests),
            Erasure.state == "held",
            Erasure.user_id.is_not(None),
        )
    )
    return Person.of(user_id, address)


def pending_erasure(session: Session, person: Person) -> Erasure | None:
    """The erasure that is decided and not done yet."""
    return session.scalar(
        select(Erasure)
        .where(Erasure.reference.in_(person.references), Erasure.state.in_(PENDING))
        .order_by(Erasure.requested_at.desc())
        .limit(1)
    )
