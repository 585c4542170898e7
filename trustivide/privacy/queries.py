"""What a person may see of themselves, read from the inventory."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from trustivide.core import inventory
from trustivide.core.activities import (
    ALL,
    MARKETING_PHONE,
    PRIVACY_RIGHTS,
    SECURITY,
    SERVICE_MAIL,
    STAFF_ACCESS,
    Activity,
    LegalBasis,
)
from trustivide.core.clock import day_of
from trustivide.core.extent import Extent, measure
from trustivide.core.inventory import Field, Group
from trustivide.core.subjects import ByEmail, Person
from trustivide.privacy.models import Case, Erasure, Export, RecipientNotice, Request
from trustivide.rights.models import ConsentRecord
from trustivide.rights.queries import (
    EVERYTHING,
    NEVER_STOPPED,
    consent_history,
    consent_state,
    objected,
    restricted,
)

PAGE = 20
NEWEST = 5
PENDING = ("cooling", "queued", "rows", "compacting")


@dataclass(frozen=True)
class Held:
    """One group of which the person has rows."""

    group: Group
    extent: Extent


@dataclass(frozen=True)
class Category:
    """One activity, and what is held for it."""

    activity: Activity
    held: tuple[Held, ...]

    @property
    def count(self) -> int:
        """Rows in all groups."""
        return sum(h.extent.count for h in self.held)

    @property
    def newest(self) -> date | None:
        """The newest change in any group."""
        return max((h.extent.newest for h in self.held if h.extent.newest), default=None)

    @property
    def goes(self) -> tuple[date, date] | None:
        """From when and by when retention deletes it all; ``None`` when an event ends a part."""
        ends = [h.extent.goes for h in self.held if h.extent.goes]
        if len(ends) < len(self.held):
            return None
        return min(first for first, _ in ends), max(last for _, last in ends)


@dataclass(frozen=True)
class Entered:
    """What somebody else entered about the person in one group, with the newest rows.

    ``origins`` says by row where it comes from: team and organisation.
    """

    held: Held
    entries: tuple["Entry", ...]
    origins: dict[UUID, str]


@dataclass(frozen=True)
class Overview:
    """All that is held about a person, in the order of the record of processing.

    ``looks`` are the newest times when staff opened their data, of ``looked``.
    """

    categories: tuple[Category, ...]
    entered: tuple[Entered, ...]
    looked: Held | None
    looks: tuple["Entry", ...]

    @property
    def count(self) -> int:
        """Rows in all categories."""
        return sum(c.count for c in self.categories)

    @property
    def oldest(self) -> date | None:
        """The day of the oldest row of which one knows the day."""
        days = (h.extent.oldest for c in self.categories for h in c.held)
        return min((day for day in days if day), default=None)

    @property
    def entered_count(self) -> int:
        """Rows that somebody else entered."""
        return sum(e.held.extent.count for e in self.entered)

    @property
    def is_only_the_visit(self) -> bool:
        """Whether all there is comes from looking: the link, its mail, that it was asked for."""
        return all(c.activity in (SECURITY, SERVICE_MAIL, PRIVACY_RIGHTS) for c in self.categories)


def overview(session: Session, person: Person, today: date) -> Overview:
    """What is held about the person, how much, why and until when.

    A fixed number of queries, however many rows there are.
    """
    groups = {group.name: group for group in inventory.groups()}
    held = [
        Held(group, extent)
        for group in groups.values()
        if (extent := measure(session, group, person, today)).count
        and not _told_elsewhere(session, group, groups.get(group.table.name), person)
    ]
    by_activity = [(a, tuple(h for h in held if h.group.activity == a)) for a in ALL]
    looked = next(
        (h for h in held if h.group.activity == STAFF_ACCESS and h.group.is_row_subject), None
    )
    return Overview(
        tuple(Category(a, parts) for a, parts in by_activity if parts),
        tuple(_entered(session, person, h) for h in held if _by_others(h.group)),
        looked,
        _newest(session, looked.group, person) if looked else (),
    )


def _by_others(group: Group) -> bool:
    """Whether others type the rows in: a person known by account did so themselves."""
    return group.activity.entered_by_others and isinstance(group.subject, ByEmail)


def _entered(session: Session, person: Person, held: Held) -> Entered:
    newest = _newest(session, held.group, person)
    origins = inventory.registry.origins.get(held.group.table.name)
    return Entered(held, newest, origins(session, [e.id for e in newest]) if origins else {})


def _newest(session: Session, group: Group, person: Person) -> tuple["Entry", ...]:
    shown = [f for f in group.fields if f.shown]
    return tuple(
        Entry(record.id, tuple((f, record.values[f.name]) for f in shown))
        for record in inventory.records(session, group, person, limit=NEWEST)
    )


def _told_elsewhere(session: Session, group: Group, own: Group | None, person: Person) -> bool:
    """Whether the group only points at rows that are shown as the person's ``own`` anyway."""
    if own is None or own == group or any(f.shown or f.declared.secret for f in group.fields):
        return False
    mine, pointed_at = inventory.clause(own, person), inventory.clause(group, person)
    if mine is None or pointed_at is None:
        return False
    others = select(group.table.c.id).where(pointed_at, ~mine).limit(1)
    return session.scalar(others) is None


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
class Consent:
    """An activity that rests on consent, and every answer that was given, newest first.

    ``state`` is one of :func:`trustivide.rights.queries.consent_state`.
    """

    activity: Activity
    state: str
    history: Sequence[ConsentRecord]

    @property
    def on(self) -> bool:
        """Whether there is a yes to today's text."""
        return self.state == "given"


@dataclass(frozen=True)
class Stance:
    """An activity that the person can object to, and how far an assessment has come."""

    activity: Activity
    on: bool
    asked: Request | None


@dataclass(frozen=True)
class Choices:
    """Every choice, as it stands: consents given, objections and restrictions in force."""

    consents: tuple[Consent, ...]
    objections: tuple[Stance, ...]
    restrictions: tuple[Choice, ...]
    everything_restricted: bool


def choices(session: Session, person: Person) -> Choices:
    """What the person can choose, for the activities that can concern them."""
    reached = _reached(person)
    within_reach = [a for a in ALL if a in reached]
    against, held_back = objected(session, person), restricted(session, person)
    assessed = _assessed(session, person)
    consents = (_consent(session, person, a, against) for a in ALL if asks_consent(person, a.key))
    return Choices(
        consents=tuple(consents),
        objections=tuple(
            Stance(a, a.key in against, assessed.get(a.key))
            for a in within_reach
            if _can_be_objected_to(a)
        ),
        restrictions=tuple(
            Choice(a, a.key in held_back) for a in within_reach if a not in NEVER_STOPPED
        ),
        everything_restricted=EVERYTHING in held_back,
    )


def _consent(
    session: Session, person: Person, activity: Activity, against: frozenset[str]
) -> Consent:
    """A no that stands for the address, though no record tells of it, is a no all the same."""
    history = consent_history(session, person, activity)
    state = consent_state(history, activity)
    refused = activity.key in against and state in {"none", "given", "outdated"}
    return Consent(activity, "refused" if refused else state, history)


def _assessed(session: Session, person: Person) -> dict[str, Request]:
    """The newest objection of each activity that was put to an assessment."""
    rows = session.scalars(
        select(Request)
        .where(
            Request.reference.in_(person.references),
            Request.kind == "object",
            Request.activity.is_not(None),
        )
        .order_by(Request.received_at)
    )
    return {str(request.activity): request for request in rows}


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
    return next((a for a in _reached(person) if a.key == key and _can_be_objected_to(a)), None)


def _can_be_objected_to(activity: Activity) -> bool:
    return activity.objectable and activity.legal_basis is not LegalBasis.CONSENT


def may_restrict(person: Person, key: str) -> Activity | None:
    """The activity, if its use can be held back."""
    return next((a for a in _reached(person) if a.key == key and a not in NEVER_STOPPED), None)


def asks_consent(person: Person, key: str) -> Activity | None:
    """The activity, if it rests on a consent that this person can give.

    A phone number stands with an account only: without one there is nobody to call.
    """
    nobody = MARKETING_PHONE.key if person.user_id is None else None
    return next(
        (
            a
            for a in ALL
            if a.key == key and a.legal_basis is LegalBasis.CONSENT and a.key != nobody
        ),
        None,
    )


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
        .where(Export.reference.in_(person.references), Export.organisation_id.is_(None))
        .order_by(Export.requested_at.desc())
    ).all()


def export_for(session: Session, person: Person, export_id: UUID) -> Export | None:
    """One of the person's own downloads."""
    return session.scalar(
        select(Export).where(
            Export.id == export_id,
            Export.reference.in_(person.references),
            Export.organisation_id.is_(None),
        )
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
    """The person's own erasure that is decided and not done yet."""
    return session.scalar(
        select(Erasure)
        .where(
            Erasure.reference.in_(person.references),
            Erasure.organisation_id.is_(None),
            Erasure.state.in_(PENDING),
        )
        .order_by(Erasure.requested_at.desc())
        .limit(1)
    )


@dataclass(frozen=True)
class Requests:
    """Some of a person's requests: those that wait first, then the newest."""

    items: Sequence[Request]
    number: int
    last: int


def requests(session: Session, person: Person, number: int = 1) -> Requests:
    """Page ``number`` (from 1) of the rights that the person has exercised."""
    own = Request.reference.in_(person.references)
    total = session.scalar(select(func.count()).select_from(Request).where(own)) or 0
    last = max(1, -(-total // PAGE))
    number = min(max(1, number), last)
    rows = session.scalars(
        select(Request)
        .where(own)
        .order_by(Request.state != "open", Request.received_at.desc(), Request.id)
        .limit(PAGE)
        .offset((number - 1) * PAGE)
    )
    return Requests(rows.all(), number, last)


@dataclass(frozen=True)
class Asked:
    """One request with what was written, and whom it made us tell (Art. 19)."""

    request: Request
    case: Case | None
    notices: Sequence[RecipientNotice]


def request_for(session: Session, person: Person, request_id: UUID) -> Asked | None:
    """One of the person's own requests."""
    asked = session.scalar(
        select(Request).where(Request.id == request_id, Request.reference.in_(person.references))
    )
    return told(session, asked) if asked else None


def told(session: Session, asked: Request) -> Asked:
    """A request with all that belongs to it. Whoever calls answers for who may see it."""
    return Asked(
        asked,
        session.scalar(select(Case).where(Case.request_id == asked.id)),
        session.scalars(
            select(RecipientNotice)
            .where(RecipientNotice.request_id == asked.id)
            .order_by(RecipientNotice.recipient, RecipientNotice.id)
        ).all(),
    )


@dataclass(frozen=True)
class AnswerTimes:
    """How long rights took within the last year; times of those that took any.

    ``at_once`` fulfilled themselves in the same second, and would only flatter
    the ``median``. ``late`` are open past their date, now.
    """

    total: int
    at_once: int
    median: timedelta | None
    worst: timedelta | None
    open: int
    late: int


def answer_times(session: Session, now: datetime) -> AnswerTimes:
    """Requests that ended, granted or refused, within twelve months before ``now``.

    Those by receipt code are left out: they are noted by day only. Those that
    the person took back were never answered.
    """
    ended = (Request.state.in_(("done", "refused"))) & (
        Request.completed_at > now - timedelta(days=365)
    )
    total = session.scalar(select(func.count()).select_from(Request).where(ended)) or 0
    rows = session.execute(
        select(Request.received_at, Request.completed_at).where(
            ended, Request.completed_at > Request.received_at
        )
    )
    took = [(done - came).total_seconds() for came, done in rows if done]
    still_open = select(func.count()).select_from(Request).where(Request.state == "open")
    return AnswerTimes(
        total=total,
        at_once=total - len(took),
        median=timedelta(seconds=median(took)) if took else None,
        worst=timedelta(seconds=max(took)) if took else None,
        open=session.scalar(still_open) or 0,
        late=session.scalar(still_open.where(Request.due_on < day_of(now))) or 0,
    )
