"""Models, the two kinds of column, and the one way to write.

Every column is ``personal(...)`` or ``plain(...)``. What a person sees,
downloads, corrects and erases, how long it is kept and what the record of
processing says is read from these declarations by ``core.inventory``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID, uuid4

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, Engine, MetaData, event, inspect
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.orm import (
    DeclarativeBase,
    MappedColumn,
    Mapper,
    ORMExecuteState,
    Session,
    mapped_column,
)
from sqlalchemy.types import TypeDecorator

from trustivide.core.activities import Activity
from trustivide.core.crypto import Digest, _Encrypted
from trustivide.core.subjects import Link
from trustivide.core.text import Text


@dataclass(frozen=True)
class Erase:
    """What erasing a person does to one column."""


@dataclass(frozen=True)
class Fill(Erase):
    """Overwrite with a fixed value that says nothing about anybody."""

    value: Any


@dataclass(frozen=True)
class Keep(Erase):
    """Leave it, for a stated reason that the person is shown."""

    ground: Text


DELETE_ROW = Erase()
"""The whole row goes."""
BLANK = Fill(None)
"""The column becomes NULL; it must be nullable."""


@dataclass(frozen=True)
class Reader:
    """How a typed value of a column is read.

    ``read`` returns the value as it is stored, or raises :class:`ValueError`;
    ``hint`` then says what to write instead.
    """

    read: Callable[[str], str]
    hint: Text


@dataclass(frozen=True)
class Personal:
    """What a ``personal`` column declared."""

    activity: Activity | None
    erase: Erase | None
    label: Text | None
    subject: Link | None
    correct: bool
    portable: bool
    derived: bool
    secret: bool
    show: str | None
    reader: Reader | None


@dataclass(frozen=True)
class Plain:
    """What a ``plain`` column declared: why it is not personal data, and how it is handed back."""

    why: str
    label: Text | None
    show: str | None


def personal(
    *args: Any,
    activity: Activity | None,
    erase: Erase | None,
    label: Text | None = None,
    subject: Link | None = None,
    correct: bool = False,
    portable: bool = False,
    derived: bool = False,
    secret: bool = False,
    show: str | None = None,
    reader: Reader | None = None,
    **kwargs: Any,
) -> MappedColumn[Any]:
    """A column that says something about a person.

    ``subject`` names another person than the row's own. ``derived`` values are
    computed from others (digests) and ``secret`` ones (password hashes) are
    never shown or exported, only erased. ``correct`` lets the person change it
    in place; ``portable`` puts it under GDPR Art. 20. On a foreign key,
    ``show`` names the column of the other row that a person reads in its place.
    ``reader`` checks what is typed where the column's type alone doesn't.
    """
    info = Personal(
        activity, erase, label, subject, correct, portable, derived, secret, show, reader
    )
    return mapped_column(*args, info={"trustivide": info}, **kwargs)


def plain(
    *args: Any, why: str, label: Text | None = None, show: str | None = None, **kwargs: Any
) -> MappedColumn[Any]:
    """A column that says nothing about any person; ``why`` says why not.

    With a ``label`` it is handed back to the organisation whose row it is
    (GDPR Art. 28(3)(g)); without one it stays here, as keys must. ``show`` is
    that of :func:`personal`.
    """
    return mapped_column(*args, info={"trustivide": Plain(why, label, show)}, **kwargs)


def key() -> MappedColumn[Any]:
    """The primary key of every table: random, so that it tells neither order nor number."""
    return plain(primary_key=True, default=uuid4, why="random key")


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware moment, stored as naive UTC (SQLite knows no time zones)."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """Holds the metadata, with names for every constraint so that both databases can drop them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    __label__: ClassVar[Text | None] = None
    __subject__: ClassVar[Link | None] = None
    __since__: ClassVar[str | None] = None
    __days__: ClassVar[int | None] = None
    __collection__: ClassVar[Text | None] = None
    __until__: ClassVar[str | None] = None
    __emptied__: ClassVar[Any] = None
    __frozen_by__: ClassVar[str | None] = None

    def __repr__(self) -> str:
        identity = inspect(self).identity
        return f"<{type(self).__name__} {identity[0] if identity else 'new'}>"


# Not as a class attribute: Flask-SQLAlchemy derives a second base, and
# SQLAlchemy 2.1 refuses the map there.
Base.registry.update_type_annotation_map({datetime: UtcDateTime})

db = SQLAlchemy(model_class=Base)

if TYPE_CHECKING:

    class Model(Base):
        """Base of every mapped class.

        ``__subject__`` says how a row belongs to a person, ``__since__`` names
        the column from which the activity's retention counts (``"column"``, or
        ``"foreign_key.column"`` of the row it points at), ``__days__`` says how
        many where they are others than the activity's, ``__label__`` is what
        people read of their own rows, ``__collection__`` what an organisation
        reads of all of its. ``__until__`` says what ends rows that no date
        ends, though the activity counts days. ``__emptied__`` (id → values) is
        what becomes of an erased row that must stay because held ones hang on it.
        ``__frozen_by__`` names the trigger that refuses to change a row; only
        ``core.rotation`` steps past it.
        """

        __abstract__ = True
else:
    Model = db.Model


PATIENCE = 15.0
"""Seconds that a writer of a SQLite file waits for the others."""
_writing = Lock()


@contextmanager
def _in_turn() -> Iterator[None]:
    """Of a process's threads one writes to a SQLite file at a time, whoever waits longest next.

    Left to itself SQLite sleeps between two looks at its lock, up to 100 ms, while
    others pass by. Whoever waited in vain goes on to SQLite, which says no by itself.
    """
    mine = db.engine.dialect.name == "sqlite" and _writing.acquire(timeout=PATIENCE)
    try:
        yield
    finally:
        if mine:
            _writing.release()


@contextmanager
def transaction() -> Iterator[Session]:
    """Everything inside commits together, or nothing does.

    The read that came before is ended first, and SQLite's write lock is taken
    at once (BEGIN IMMEDIATE): a SQLite transaction that reads first and writes
    later fails under load. Objects loaded before stay usable and are read
    anew. Does not nest.
    """
    session = db.session()
    if session.info.get("writing"):
        raise RuntimeError("transactions do not nest; actions take part in their caller's")
    if session.new or session.dirty or session.deleted:
        raise RuntimeError("changes were made before transaction() began")
    session.rollback()
    session.info["writing"] = True
    try:
        with _in_turn():
            session.connection(execution_options={"immediate": True})
            yield session
            session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.pop("writing", None)


@event.listens_for(Session, "before_flush")
def _only_inside_a_transaction(session: Session, *_: Any) -> None:
    if not session.info.get("writing"):
        raise RuntimeError("a write outside transaction()")


@event.listens_for(Session, "do_orm_execute")
def _no_bulk_write_past_a_digest(state: ORMExecuteState) -> None:
    if not (state.is_update or state.is_insert):
        return
    for mapper in state.all_mappers:
        guarded = {c.type.of for c in mapper.columns if isinstance(c.type, Digest) and c.type.of}
        if not guarded:
            continue
        values = getattr(state.statement, "_values", None) or {}
        named = {getattr(column, "key", column) for column in values}
        if state.is_insert or named & guarded:
            raise RuntimeError(
                f"bulk write to {mapper.class_.__name__}: {sorted(guarded)} have digests "
                "that it would leave stale"
            )


# On Mapper, not on Base: Flask-SQLAlchemy copies the base class rather than inheriting from it.
@event.listens_for(Mapper, "before_insert")
@event.listens_for(Mapper, "before_update")
def _fill_digests(mapper: Any, connection: Connection, target: Any) -> None:
    state = inspect(target)
    for column in mapper.columns:
        kind = column.type
        if not (isinstance(kind, Digest) and kind.of):
            continue
        name = mapper.get_property_by_column(column).key
        if state.attrs[kind.of].history.has_changes() or getattr(target, name) is None:
            value = getattr(target, kind.of)
            setattr(target, name, None if value is None else kind.compute(value))


@event.listens_for(Engine, "connect")
def _configure_sqlite(dbapi_connection: Any, _: Any) -> None:
    if not type(dbapi_connection).__module__.startswith("sqlite3"):
        return
    dbapi_connection.isolation_level = None  # the begin event below decides instead
    cursor = dbapi_connection.cursor()
    for pragma in (
        f"busy_timeout={PATIENCE * 1000:.0f}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        immediate = connection.get_execution_options().get("immediate")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def is_encrypted(column_type: Any) -> bool:
    """Whether the type stores ciphertext."""
    return isinstance(column_type, _Encrypted)


__all__ = [
    "BLANK",
    "DELETE_ROW",
    "UUID",
    "Fill",
    "Keep",
    "Model",
    "Personal",
    "Plain",
    "Reader",
    "UtcDateTime",
    "db",
    "is_encrypted",
    "key",
    "personal",
    "plain",
    "transaction",
]
