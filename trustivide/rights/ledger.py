"""The rights ledger: what a restored backup must not undo.

An append-only database of its own, beside the main one. It holds effects
(erasures, withdrawn consents, objections, restrictions, withdrawn answers,
closed surveys) and pseudonymous references only. The intent is written here
*first*, in its own transaction, since two databases never commit as one.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import (
    Column,
    Date,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    func,
    insert,
    or_,
    select,
)
from sqlalchemy.schema import DDL

_OPENING = 0x7472757374  # the advisory lock's number: any that nobody else takes

_metadata = MetaData()
_entries = Table(
    "entry",
    _metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("day", Date, nullable=False),
    Column("effect", String(40), nullable=False),
    Column("reference", LargeBinary(32), nullable=False),
    Column("detail", String, nullable=False),
    sqlite_autoincrement=True,  # a number is never given twice
)
# Without number, day and row id: beside the erasure of an address, order or
# time would say whose answers were withdrawn.
_withdrawn = Table(
    "withdrawn",
    _metadata,
    Column("receipt", LargeBinary(32), primary_key=True),
    sqlite_with_rowid=False,
)
for _verb in ("UPDATE", "DELETE"):
    event.listen(
        _entries,
        "after_create",
        DDL(
            f"CREATE TRIGGER entry_no_{_verb.lower()} BEFORE {_verb} ON entry "
            "BEGIN SELECT RAISE(ABORT, 'the rights ledger is append-only'); END"
        ).execute_if(dialect="sqlite"),
    )
event.listen(
    _entries,
    "after_create",
    DDL(
        "CREATE FUNCTION entry_append_only() RETURNS trigger AS $$ BEGIN "
        "RAISE EXCEPTION 'the rights ledger is append-only'; END $$ LANGUAGE plpgsql;"
        "CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE ON entry "
        "FOR EACH ROW EXECUTE FUNCTION entry_append_only()"
    ).execute_if(dialect="postgresql"),
)


@dataclass(frozen=True)
class Entry:
    """One effect. ``detail`` holds row ids and counts, never a name or an address."""

    number: int
    day: date
    effect: str
    reference: bytes
    detail: Mapping[str, object]


class Ledger:
    """The append-only store. Opening one creates its table if it is missing."""

    def __init__(self, url: str) -> None:
        self.engine: Engine = create_engine(url, hide_parameters=True)
        with self.engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                # Processes on several machines may start together.
                connection.execute(select(func.pg_advisory_xact_lock(_OPENING)))
            _metadata.create_all(connection)

    def append(self, effect: str, reference: bytes, day: date, detail: Mapping[str, object]) -> int:
        """Write one entry durably, in a transaction of its own, and return its number."""
        with self.engine.begin() as connection:
            result = connection.execute(
                insert(_entries).values(
                    day=day,
                    effect=effect,
                    reference=reference,
                    detail=json.dumps(dict(detail), sort_keys=True),
                )
            )
            return int(result.inserted_primary_key[0])  # type: ignore[index]

    def count(self, effect: str | None = None, references: Collection[bytes] | None = None) -> int:
        """How many entries there are, of one effect or of all, about these or about everyone.

        An erasure stands under one reference, and names the others of the same person.
        """
        counted = select(func.count()).select_from(_entries)
        if effect is not None:
            counted = counted.where(_entries.c.effect == effect)
        if references is not None:
            named = (_entries.c.detail.contains(reference.hex()) for reference in references)
            counted = counted.where(or_(_entries.c.reference.in_(references), *named))
        with self.engine.connect() as connection:
            return connection.scalar(counted) or 0

    def note_withdrawn(self, receipt: bytes) -> None:
        """Note that the answers under this receipt must not come back; again does no harm."""
        if not self.is_withdrawn(receipt):
            with self.engine.begin() as connection:
                connection.execute(insert(_withdrawn).values(receipt=receipt))

    def is_withdrawn(self, receipt: bytes) -> bool:
        """Whether answers under this receipt were withdrawn."""
        with self.engine.connect() as connection:
            found = connection.execute(select(_withdrawn).where(_withdrawn.c.receipt == receipt))
            return found.first() is not None

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Every entry numbered above ``after``, in order."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                select(_entries).where(_entries.c.number > after).order_by(_entries.c.number)
            )
            for number, day, effect, reference, detail in rows:
                yield Entry(number, day, effect, bytes(reference), json.loads(detail))


_installed: list[Ledger] = []


def install(ledger: Ledger) -> None:
    """Make ``ledger`` the one that actions write to."""
    _installed[:] = [ledger]


def ledger() -> Ledger:
    """The installed ledger."""
    return _installed[0]
