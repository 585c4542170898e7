"""What the product knows about people, read from the mapped columns.

The one list of personal data. Viewing, exporting, correcting, erasing,
retention, the record of processing and the boot check all start here, and no
feature is imported: a feature is seen because its models are mapped.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, Engine, Select, Table, func, inspect, select
from sqlalchemy.orm import Mapper, Session

from trustivide.core import clock
from trustivide.core.activities import ALL, EEA, Activity, LegalBasis, Recipient
from trustivide.core.crypto import Digest
from trustivide.core.db import BLANK, DELETE_ROW, Base, Erase, Keep, Personal, Plain, is_encrypted
from trustivide.core.errors import BootError
from trustivide.core.subjects import (
    ByCode,
    ByCookie,
    ByEmail,
    ByPseudonym,
    ByReference,
    ByUser,
    Link,
    Person,
    Via,
)
from trustivide.core.text import Text


@dataclass(frozen=True)
class Field:
    """One personal column."""

    name: str
    column: Any
    declared: Personal

    @property
    def activity(self) -> Activity:
        """The activity; the boot check has made sure that there is one."""
        assert self.declared.activity is not None
        return self.declared.activity

    @property
    def erase(self) -> Erase:
        """What erasure does to it; the boot check has made sure that something does."""
        assert self.declared.erase is not None
        return self.declared.erase

    @property
    def shown(self) -> bool:
        """Whether its value may be shown to the person and exported."""
        return not (self.declared.secret or self.declared.derived)

    @property
    def codes(self) -> tuple[str, ...]:
        """The values that a CHECK of the table lets through; empty where it says nothing."""
        for constraint in self.column.table.constraints:
            stated = str(getattr(constraint, "sqltext", ""))
            if isinstance(constraint, CheckConstraint) and stated.startswith(
                f"{self.column.name} IN "
            ):
                return tuple(re.findall(r"'([^']*)'", stated))
        return ()


@dataclass(frozen=True)
class Group:
    """The personal columns of one table that speak of the same person.

    A row can speak of several people (a member, and who added the member);
    each of them has a group of their own.
    """

    model: type[Base]
    subject: Link
    fields: tuple[Field, ...]
    is_row_subject: bool

    @property
    def table(self) -> Table:
        """The mapped table."""
        return self.model.__table__  # type: ignore[return-value]

    @property
    def name(self) -> str:
        """Stable name, used in exports and receipts."""
        suffix = "" if self.is_row_subject else f".{self.subject.column}"
        return f"{self.table.name}{suffix}"

    @property
    def label(self) -> Text:
        """What a person reads; a group within somebody else's row is read by its column."""
        own = self.model.__label__ or Text(self.table.name, self.table.name)
        if self.is_row_subject:
            return own
        labels = {f.name: f.declared.label for f in self.fields if f.declared.label}
        return labels.get(self.subject.column) or next(iter(labels.values()), own)

    @property
    def activity(self) -> Activity:
        """The activity under which the group is shown: that of its first column."""
        return self.fields[0].activity

    @property
    def deletes_row(self) -> bool:
        """Whether erasing the person deletes the row."""
        return any(f.erase is DELETE_ROW for f in self.fields)

    @property
    def kept_for(self) -> timedelta | None:
        """How long after its date a row is kept; ``None`` when no date ends it."""
        retention = self.activity.retention
        dated = self.deletes_row and self.model.__since__ is not None
        if not dated or retention is None or retention.days is None:
            return None
        return timedelta(days=self.model.__days__ or retention.days)


@dataclass(frozen=True)
class Record:
    """One row as its person may see it: field name → value, in declared order."""

    id: UUID
    values: dict[str, Any]


Batch = Sequence[Sequence[Any]]
"""Some rows as they were selected: id first, then every shown field."""


@dataclass(frozen=True)
class Store:
    """A place outside the tables that holds personal data, under the same contract.

    ``find`` counts what belongs to a person, ``erase`` removes it and returns
    how many items went. Both are idempotent.
    """

    key: str
    label: Text
    activity: Activity
    find: Callable[[Session, Person], int]
    erase: Callable[[Session, Person], int]


@dataclass(frozen=True)
class Consequence:
    """What erasing a person does beyond their own rows, said before it is done.

    ``blocks`` means that it can't go on until somebody has acted; ``href`` is
    the page where that, or something better, can be done.
    """

    text: Text
    blocks: bool = False
    href: str | None = None


@dataclass(frozen=True)
class Dependent:
    """A feature's say in an erasure: what would happen, and making it happen.

    ``ending`` says what would happen if an organisation's contract ended; what
    then has to be done, the feature does when its tables' owner closes it.
    """

    key: str
    preview: Callable[[Session, Person], list[Consequence]]
    carry_out: Callable[[Session, Person, datetime], None] = lambda session, person, now: None
    ending: Callable[[Session, UUID], list[Consequence]] = lambda session, organisation_id: []


@dataclass(frozen=True)
class Told:
    """Somebody outside who must hear of a change to data that they were given (Art. 19).

    ``recipient`` is the key of a recipient; ``context`` fills the mail, and
    holds no name or address of the person whom the change concerns.
    """

    recipient: str
    address: str
    locale: str
    context: dict[str, str]


@dataclass(frozen=True)
class Informant:
    """A feature's answer to whom data was given: asked before rows change or go.

    ``group`` narrows the question to one group's rows; ``None`` means all.
    """

    key: str
    find: Callable[[Session, Person, Group | None], list[Told]]


@dataclass(frozen=True)
class Tenancy:
    """How an organisation's contract ends, for a layer that knows no organisations.

    ``owned_by`` gives the organisations (id → name) whose owner an account is,
    and ``owners_of`` the accounts that own one; ``close`` erases one with all
    that belongs to it, within the caller's transaction; ``accounts_of`` gives
    the accounts that would be left without an organisation, and ``people_of``
    everybody it has a role or a place in a team for.
    """

    table: str
    owned_by: Callable[[Session, UUID], dict[UUID, str]]
    owners_of: Callable[[Session, UUID], list[UUID]]
    accounts_of: Callable[[Session, UUID], list[UUID]]
    close: Callable[[Session, UUID, datetime], None]
    people_of: Callable[[Session, UUID], Sequence[Person]]


@dataclass(frozen=True)
class Letter:
    """Something that a sender sent: about what, on which day, and until when it matters."""

    about: str
    on: date
    until: date
    is_open: bool


@dataclass(frozen=True)
class Repeat:
    """What a sender sends again, ``every`` so often; a no within ``scope`` ends it."""

    scope: UUID
    about: str
    every: Text
    next_on: date | None


@dataclass(frozen=True)
class Sender:
    """Who invites the person; a no within ``scope`` is to them alone. Newest letters first."""

    scope: UUID
    name: str
    letters: tuple[Letter, ...]
    repeats: tuple[Repeat, ...]


Senders = Callable[[Session, Person, str], list[Sender]]
"""Who invites the person, with what it is about in a language ("sv" or "en")."""

Origins = Callable[[Session, Sequence[UUID]], dict[UUID, str]]
"""Who typed in the rows with these ids: row → the names of team and organisation."""


@dataclass
class Registry:
    """What features add to the inventory besides their columns. Filled by create_app.

    ``origins`` is by table, for those that others than the person fill in; ``senders`` by
    the key of the activity that somebody is invited for.
    """

    stores: list[Store] = field(default_factory=list)
    dependents: list[Dependent] = field(default_factory=list)
    informants: list[Informant] = field(default_factory=list)
    senders: dict[str, Senders] = field(default_factory=dict)
    tenancy: Tenancy | None = None
    origins: dict[str, Origins] = field(default_factory=dict)


registry = Registry()


def mappers() -> list[Mapper[Any]]:
    """Every mapped class, in a stable order."""
    return sorted(Base.registry.mappers, key=lambda m: m.class_.__table__.name)


def groups() -> tuple[Group, ...]:
    """Every group of personal columns, parents before children."""
    return _groups(tuple(mapper.class_ for mapper in mappers()))


@lru_cache(maxsize=4)
def _groups(models: tuple[type[Base], ...]) -> tuple[Group, ...]:
    """A class never changes what it declared, so this is worked out once."""
    order = {table.name: n for n, table in enumerate(Base.metadata.sorted_tables)}
    found = [group for model in models for group in _groups_of(model)]
    return tuple(sorted(found, key=lambda g: (order[g.table.name], not g.is_row_subject, g.name)))


def group_named(name: str) -> Group | None:
    """The group with this :attr:`Group.name`."""
    return next((group for group in groups() if group.name == name), None)


def fingerprint() -> str:
    """SHA-256 (hex) over every declaration: which rules an erasure's receipt was made under."""
    declared = [
        {
            "group": group.name,
            "subject": [type(group.subject).__name__, group.subject.column],
            "since": group.model.__since__,
            "columns": [
                [f.name, f.activity.key, _erase_name(f.erase), f.declared.secret]
                for f in group.fields
            ],
        }
        for group in groups()
    ]
    stated = json.dumps(declared, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(stated.encode()).hexdigest()


def _erase_name(erase: Erase) -> str:
    if isinstance(erase, Keep):
        return f"keep: {erase.ground.en}"
    return "delete row" if erase is DELETE_ROW else "blank"


def _groups_of(model: type[Base]) -> Iterator[Group]:
    by_subject: dict[Link, list[Field]] = {}
    for name, column, declared in _columns(model):
        if isinstance(declared, Personal):
            subject = declared.subject or model.__subject__
            if subject is None:
                raise BootError(f"{model.__name__} has personal columns and no __subject__")
            by_subject.setdefault(subject, []).append(Field(name, column, declared))
    for subject, fields in by_subject.items():
        yield Group(model, subject, tuple(fields), subject == model.__subject__)


def _columns(model: type[Base]) -> Iterator[tuple[str, Any, Any]]:
    mapper = inspect(model)
    for attribute in mapper.column_attrs:
        column = attribute.columns[0]
        yield attribute.key, column, column.info.get("trustivide")


def problems(models: Iterable[type[Base]] | None = None) -> list[str]:
    """Everything wrong with the declarations, one sentence each; empty when they hold."""
    found: list[str] = []
    for activity in ALL:
        found += _activity_problems(activity)
    for model in models if models is not None else [m.class_ for m in mappers()]:
        found += _model_problems(model)
    return found


def _activity_problems(activity: Activity) -> Iterator[str]:
    if activity.legal_basis is None:
        yield f"activity {activity.key} has no legal basis"
    if activity.retention is None:
        yield f"activity {activity.key} has no retention"
    if activity.subjects is None:
        yield f"activity {activity.key} has no data subjects"
    if activity.legal_basis is LegalBasis.CONSENT and activity.consent_text is None:
        yield f"activity {activity.key} rests on consent, but no text asks for it"
    for recipient in activity.recipients:
        if recipient.country not in EEA and recipient.ground is None:
            yield (
                f"recipient {recipient.key} of {activity.key} is outside the EEA "
                f"({recipient.country}) without a ground"
            )


def _model_problems(model: type[Base]) -> Iterator[str]:
    names = {name for name, _, _ in _columns(model)}
    erasures: dict[Link | None, set[bool]] = {}
    has_personal = False
    for name, column, declared in _columns(model):
        where = f"{model.__name__}.{name}"
        if declared is None:
            yield f"{where} is neither personal() nor plain()"
        elif isinstance(declared, Plain):
            if is_encrypted(column.type) and not declared.why.startswith("sealed:"):
                yield f"{where} is encrypted, but plain() without saying 'sealed:' and why"
            if isinstance(column.type, Digest) and column.type.of:
                yield f"{where} is a digest of personal data but plain()"
            if any(fk.column.table.name == "user" for fk in column.foreign_keys):
                yield f"{where} points at an account but is plain()"
        elif isinstance(declared, Personal):
            has_personal = True
            erasures.setdefault(declared.subject, set()).add(declared.erase is DELETE_ROW)
            yield from _personal_problems(where, column, declared, names)
    if has_personal and model.__subject__ is None and None in erasures:
        yield f"{model.__name__} has personal columns and no __subject__"
    if model.__subject__ is not None and model.__subject__.column not in names:
        yield f"{model.__name__}.__subject__ names the unknown column {model.__subject__.column}"
    for subject, kinds in erasures.items():
        if len(kinds) > 1 and subject is None:
            yield f"{model.__name__} mixes DELETE_ROW with keeping the row for the same person"
        if subject is not None and subject.column not in names:
            yield f"{model.__name__} names the unknown column {subject.column} as a subject"
    if has_personal and model.__label__ is None:
        yield f"{model.__name__} has personal columns and no __label__"
    yield from _ending_problems(model)


def _ending_problems(model: type[Base]) -> Iterator[str]:
    """Rows that their activity's days would never end, and parents that a hold would lose."""
    declared = [d for _, _, d in _columns(model) if isinstance(d, Personal) and d.subject is None]
    deletes = any(d.erase is DELETE_ROW for d in declared)
    days = {
        d.activity.key
        for d in declared
        if d.activity and d.activity.retention and d.activity.retention.days is not None
    }
    if deletes and days and model.__since__ is None and model.__until__ is None:
        yield (
            f"{model.__name__} has neither __since__ nor __until__, "
            f"so the days of {', '.join(sorted(days))} never end it"
        )
    children = [
        table.name
        for table in Base.metadata.tables.values()
        for fk in table.foreign_keys
        if fk.ondelete == "CASCADE" and fk.column.table is model.__table__
    ]
    if deletes and children and model.__emptied__ is None:
        yield (
            f"{model.__name__} has no __emptied__, so a hold on {', '.join(sorted(children))} "
            "would lose its rows with it"
        )


def _personal_problems(
    where: str, column: Any, declared: Personal, names: set[str]
) -> Iterator[str]:
    if declared.activity is None:
        yield f"{where} has no activity"
    if declared.erase is None:
        yield f"{where} has no erase value"
    elif declared.erase == BLANK and not column.nullable:
        yield f"{where} is NOT NULL and has no erase value"
    if declared.label is None and not declared.derived:
        yield f"{where} has no label"
    if declared.show is not None and not column.foreign_keys:
        yield f"{where} has show= but is no foreign key"


def check(models: Iterable[type[Base]] | None = None) -> None:
    """Raise :class:`BootError` naming everything that is wrong with the declarations."""
    wrong = problems(models)
    if wrong:
        raise BootError("the inventory does not hold:\n  " + "\n  ".join(wrong))


def undeclared_tables(engine: Engine) -> list[str]:
    """Tables of the live database that no model declares."""
    known = set(Base.metadata.tables) | {"alembic_version"}
    return sorted(set(inspect(engine).get_table_names()) - known)


def clause(group: Group, person: Person) -> ColumnElement[bool] | None:
    """Which rows of ``group`` belong to ``person``; ``None`` when none can."""
    return _clause(group.model, group.subject, person)


def _clause(model: type[Base], link: Link, person: Person) -> ColumnElement[bool] | None:
    column = getattr(model, link.column)
    match link:
        case ByUser():
            return None if person.user_id is None else column == person.user_id
        case ByEmail():
            return column.in_(person.address_digests) if person.addresses else None
        case ByReference():
            return column.in_(person.references) if person.references else None
        case ByCode():
            return None if person.code is None else column == person.code
        case ByCookie():
            return None if person.cookie is None else column == person.cookie
        case ByPseudonym():
            today = clock.day_of(clock.now())
            return column.in_(person.pseudonyms(today)) if person.user_id else None
        case Via():
            return _via(model, column, person)
    raise TypeError(f"unknown link {link!r}")


def _via(model: type[Base], column: Any, person: Person) -> ColumnElement[bool] | None:
    (foreign_key,) = column.property.columns[0].foreign_keys
    parent = next(
        m.class_ for m in Base.registry.mappers if m.local_table is foreign_key.column.table
    )
    if parent.__subject__ is None:
        raise BootError(f"{model.__name__} goes via {parent.__name__}, which has no __subject__")
    inner = _clause(parent, parent.__subject__, person)
    return None if inner is None else column.in_(select(parent.id).where(inner))


def records(
    session: Session, group: Group, person: Person, *, limit: int | None = None
) -> Iterator[Record]:
    """The person's newest ``limit`` rows of ``group``, or all, streamed."""
    names = [f.name for f in group.fields if f.shown]
    for batch in batches(session, group, person, limit=limit):
        for row in batch:
            yield Record(row[0], dict(zip(names, row[1:], strict=True)))


def batches(
    session: Session,
    group: Group,
    person: Person,
    *,
    limit: int | None = None,
    size: int = 1000,
) -> Iterator[Batch]:
    """What :func:`selection` selects, streamed ``size`` rows at a time."""
    statement = selection(group, person)
    if statement is not None:
        options = {"yield_per": size}
        yield from session.execute(statement.limit(limit), execution_options=options).partitions()


def selection(group: Group, person: Person) -> Select[Any] | None:
    """The person's rows of ``group``: id first, then every shown field.

    Newest first where the table knows what newest means, in a stable order
    that the index on subject and time has already: nothing is sorted, however
    many rows there are.
    """
    where = clause(group, person)
    if where is None:
        return None
    columns: list[Any] = [group.table.c.id]
    source: Any = group.table
    for item in (f for f in group.fields if f.shown):
        if item.declared.show is None:
            columns.append(item.column)
            continue
        other = shown_column(item).table.alias()
        (foreign_key,) = item.column.foreign_keys
        source = source.outerjoin(other, item.column == other.c[foreign_key.column.name])
        columns.append(other.c[item.declared.show])
    return select(*columns).select_from(source).where(where).order_by(*_newest_first(group))


def _newest_first(group: Group) -> Iterator[Any]:
    """By the group's own date, what has none yet on top; then by id."""
    counted = since(group)
    if counted is not None and not counted.is_beyond:
        newest = counted.date.desc()
        yield newest.nulls_first() if counted.date.nullable else newest
    yield group.table.c.id


def shown_column(item: Field) -> Any:
    """The column that a person reads: the field's own, or that of the row it points at."""
    if item.declared.show is None:
        return item.column
    (foreign_key,) = item.column.foreign_keys
    return foreign_key.column.table.c[item.declared.show]


@dataclass(frozen=True)
class Since:
    """The column from which a group's retention counts, and the group's ``own`` that leads there.

    The two are one where a row says its date itself. ``own`` points at another
    row where that says it (``"key.column"``): answers count from their survey's closing.
    """

    own: Any
    date: Any

    @property
    def is_beyond(self) -> bool:
        """Whether another table's row says it."""
        return self.own is not self.date

    @property
    def key(self) -> Any:
        """The key of the row that says it."""
        (key,) = self.date.table.primary_key.columns
        return key


def since(group: Group) -> Since | None:
    """From which date the group's retention counts; ``None`` where no date ends its rows."""
    if group.model.__since__ is None:
        return None
    name, _, beyond = group.model.__since__.partition(".")
    own = inspect(group.model).attrs[name].columns[0]
    if not beyond:
        return Since(own, own)
    (foreign_key,) = own.foreign_keys
    return Since(own, foreign_key.column.table.c[beyond])


def count(session: Session, group: Group, person: Person) -> int:
    """How many rows of ``group`` belong to ``person``."""
    where = clause(group, person)
    if where is None:
        return 0
    return session.scalar(select(func.count()).select_from(group.table).where(where)) or 0


def record_of_processing() -> list[tuple[Activity, dict[str, list[str]]]]:
    """The record of processing (GDPR Art. 30): each activity, and its columns by table."""
    held: dict[str, dict[str, list[str]]] = {activity.key: {} for activity in ALL}
    for group in groups():
        for item in group.fields:
            held[item.activity.key].setdefault(group.name, []).append(item.name)
    return [(activity, held[activity.key]) for activity in ALL]


def describe_record(language: str) -> list[dict[str, Any]]:
    """The record of processing in words, in ``language``, ready to print or to serialise.

    ``capacity`` is "controller" (Art. 30(1)) or "processor" (Art. 30(2)).
    """
    return [
        {
            "key": activity.key,
            "name": activity.name.in_(language),
            "capacity": "processor" if activity.by_instruction else "controller",
            "facts": [(term.in_(language), value) for term, value in _facts(activity, language)],
            "recipients": [describe_recipient(r, language) for r in activity.recipients],
            "tables": tables,
        }
        for activity, tables in record_of_processing()
    ]


def describe_recipient(recipient: Recipient, language: str) -> dict[str, Any]:
    """A recipient in words, in ``language``."""
    return {
        "key": recipient.key,
        "name": recipient.name.in_(language),
        "role": (_PROCESSOR if recipient.processor else _OWN_CONTROLLER).in_(language),
        "country": recipient.country,
        "receives": recipient.receives.in_(language),
        "ground_outside_eea": recipient.ground.in_(language) if recipient.ground else None,
    }


def recipients() -> list[Recipient]:
    """Everybody outside who receives something, each once, in the order of the record."""
    return list(dict.fromkeys(r for activity in ALL for r in activity.recipients))


_PROCESSOR = Text("Personuppgiftsbiträde", "Processor")
_OWN_CONTROLLER = Text("Ansvarar själv", "Controller of its own")
_CAPACITY = {
    True: Text(
        "Biträde åt den organisation som frågar (art. 30.2)",
        "Processor for the organisation that asks (Art. 30(2))",
    ),
    False: Text("Personuppgiftsansvarig (art. 30.1)", "Controller (Art. 30(1))"),
}


def _facts(activity: Activity, language: str) -> Iterator[tuple[Text, str]]:
    assert activity.legal_basis is not None
    assert activity.retention is not None
    assert activity.subjects is not None
    yield Text("Vår roll", "Our role"), _CAPACITY[activity.by_instruction].in_(language)
    yield Text("Ändamål", "Purpose"), activity.purpose.in_(language)
    yield Text("Rättslig grund", "Legal basis"), activity.legal_basis.value.in_(language)
    yield Text("Registrerade", "Data subjects"), activity.subjects.in_(language)
    yield Text("Uppgifter", "Data"), activity.categories.in_(language)
    yield Text("Källa", "Source"), activity.source.in_(language)
    yield Text("Lagras", "Kept"), activity.retention.text.in_(language)
    if activity.hold:
        yield Text("Behålls ändå", "Kept all the same"), activity.hold.in_(language)
    if activity.uses:
        names = ", ".join(used.name.in_(language) for used in activity.uses)
        yield Text("Arbetar med uppgifter från", "Works with data from"), names
    given = "; ".join(
        f"{r.name.in_(language)} ({r.country})"
        + (f", {r.ground.in_(language)}" if r.ground else "")
        for r in activity.recipients
    )
    yield Text("Mottagare", "Recipients"), given
