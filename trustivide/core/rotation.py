"""Moving every ciphertext to the cipher key that is written with.

A ciphertext names its key, so what is left to do is always to be seen in the
columns themselves: whoever was cut off begins again and does the rest. Which
columns there are is read from the mapping.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Table,
    bindparam,
    func,
    or_,
    select,
    text,
    type_coerce,
    update,
)
from sqlalchemy.orm import Session
from sqlalchemy.schema import DDL

from trustivide.core import inventory
from trustivide.core.crypto import KEY_BYTE, DecryptionError, ring
from trustivide.core.db import is_encrypted, transaction

BATCH = 500
_PASSES = 50
_PAUSE = 0.1  # seconds

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Sealed:
    """A table with encrypted columns, and the trigger that guards its rows, if one does."""

    table: Table
    columns: tuple[Any, ...]
    frozen_by: str | None

    @property
    def key(self) -> Any:
        """The one column of the primary key."""
        (key,) = self.table.primary_key.columns
        return key

    def under(self, version: int) -> ColumnElement[bool]:
        """Rows with a ciphertext under this cipher key."""
        return or_(*(_version_of(c) == bytes([version]) for c in self.columns))

    def elsewhere(self, version: int) -> ColumnElement[bool]:
        """Rows with a ciphertext under any other."""
        return or_(*(_version_of(c) != bytes([version]) for c in self.columns))


def _raw(column: Any) -> ColumnElement[bytes]:
    """The column's bytes as stored, not decrypted."""
    return type_coerce(column, LargeBinary)


def _version_of(column: Any) -> ColumnElement[bytes]:
    return type_coerce(func.substr(_raw(column), KEY_BYTE, 1), LargeBinary)


def sealed_tables() -> list[Sealed]:
    """Every table with encrypted columns."""
    found = []
    for mapper in inventory.mappers():
        table = mapper.local_table
        assert isinstance(table, Table)
        if columns := tuple(c for c in table.columns if is_encrypted(c.type)):
            found.append(Sealed(table, columns, mapper.class_.__frozen_by__))
    return found


def rows_by_key(session: Session) -> Mapping[int, Mapping[str, int]]:
    """For each cipher key in use, known or not: how many rows of each table hold what it wrote."""
    counts: dict[int, dict[str, int]] = {}
    for sealed in sealed_tables():
        for version in _versions_in(session, sealed):
            rows = select(func.count()).select_from(sealed.table).where(sealed.under(version))
            counts.setdefault(version, {})[sealed.table.name] = session.scalar(rows) or 0
    return counts


def _versions_in(session: Session, sealed: Sealed) -> set[int]:
    return {
        bytes(stored)[0]
        for column in sealed.columns
        for stored in session.scalars(
            select(_version_of(column)).where(column.is_not(None)).distinct()
        )
    }


def rotate(tell: Tell) -> None:
    """Re-encrypt what stands under another cipher key than the one that is written with.

    In short transactions of :data:`BATCH` rows, each whole or not at all, so
    pages go on. A row that somebody else holds just now is left for the next
    pass. What no key of the ring reads stays as it is. ``tell`` hears after
    each batch: table, rows done, rows unreadable.
    """
    for sealed in sealed_tables():
        for _ in range(_PASSES):
            if not _rotate_table(sealed, tell):
                break


def _rotate_table(sealed: Sealed, tell: Tell) -> bool:
    """One pass over a table; whether another is worth it, since a row was held by somebody."""
    after, unreadable = None, 0
    while batch := _rotate_batch(sealed, after):
        after = batch.last
        unreadable += batch.unreadable
        tell(sealed.table.name, batch.done, batch.unreadable)
    due = select(func.count()).select_from(sealed.table)
    with transaction() as session:
        left = session.scalar(due.where(sealed.elsewhere(ring().cipher_version))) or 0
    if left > unreadable:
        time.sleep(_PAUSE)  # pages hold a row for the length of their transaction
    return left > unreadable


@dataclass(frozen=True)
class _Batch:
    last: Any
    done: int
    unreadable: int


def _rotate_batch(sealed: Sealed, after: Any) -> _Batch | None:
    """The rows that follow ``after``, in the order of their keys, which is random."""
    due = select(sealed.key, *map(_raw, sealed.columns)).where(
        sealed.elsewhere(ring().cipher_version)
    )
    if after is not None:
        due = due.where(sealed.key > after)
    with transaction() as session:
        if session.execute(due.limit(1)).first() is None:
            return None
        # The guard first: it waits for other writers, and must not while rows are held.
        with _unfrozen(session, sealed):
            rows = session.execute(
                due.order_by(sealed.key).limit(BATCH).with_for_update(skip_locked=True)
            ).all()
            changed = [new for row in rows if (new := _renewed(sealed, row)) is not None]
            if changed:
                session.connection().execute(_exchange(sealed), changed)
        return _Batch(rows[-1][0], len(changed), len(rows) - len(changed)) if rows else None


def _renewed(sealed: Sealed, row: Any) -> dict[str, Any] | None:
    """The row's ciphertexts under the current key; ``None`` when one can't be read."""
    keys = ring()
    try:
        renewed = {
            f"new_{column.name}": None if stored is None else keys.encrypt(keys.decrypt(stored))
            for column, stored in zip(sealed.columns, row[1:], strict=True)
        }
    except DecryptionError:
        return None
    return {"row": row[0], **renewed}


def _exchange(sealed: Sealed) -> Any:
    return (
        update(sealed.table)
        .where(sealed.key == bindparam("row"))
        .values({c.name: bindparam(f"new_{c.name}", type_=LargeBinary) for c in sealed.columns})
    )


@contextmanager
def _unfrozen(session: Session, sealed: Sealed) -> Iterator[None]:
    """Let the table's rows be changed by this transaction, and by no other.

    The guard itself is never loosened: it is away between two statements of
    one transaction that holds the table against every other writer, and if
    that breaks off, it was never away. See decision 021.
    """
    if sealed.frozen_by is None:
        yield
        return
    connection = session.connection()
    named = {"trigger": connection.dialect.identifier_preparer.quote(sealed.frozen_by)}

    def order(statement: str) -> None:
        connection.execute(DDL(statement, context=named).against(sealed.table))

    if connection.dialect.name == "postgresql":
        order("ALTER TABLE %(table)s DISABLE TRIGGER %(trigger)s")
        yield
        order("ALTER TABLE %(table)s ENABLE TRIGGER %(trigger)s")
        return
    guard = connection.scalar(
        text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = :name"),
        {"name": sealed.frozen_by},
    )
    order("DROP TRIGGER %(trigger)s")
    yield
    order(guard.replace("%", "%%"))
