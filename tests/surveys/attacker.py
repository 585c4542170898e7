"""The attacker of the no-path test: reads everything stored, has no key ring.

Holds copies of the database taken right after each submission: on SQLite the
live file with its WAL, on PostgreSQL every row with ``xmin`` and ``ctid``.
Joins answer sets to invitations by whatever was touched together, by every
order that rows stand in, and guesses where nothing tells.
"""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random

from sqlalchemy import Engine, text

Row = tuple[str, ...]
Copy = dict[str, list[Row]]
"""Table name → rows as stored, each cell as text, in physical order."""


def copy_of(engine: Engine, scratch: Path) -> Copy:
    """Everything an attacker with the live database sees at this moment."""
    if engine.dialect.name == "sqlite":
        return dict(_read_sqlite(Path(str(engine.url.database)), scratch))
    return dict(_read_postgres(engine))


def _read_sqlite(live: Path, scratch: Path) -> Iterator[tuple[str, list[Row]]]:
    copied = scratch / "copy.db"
    for suffix in ("", "-wal"):
        source = live.with_name(live.name + suffix)
        target = copied.with_name(copied.name + suffix)
        target.unlink(missing_ok=True)
        if source.exists():
            shutil.copy(source, target)
    with sqlite3.connect(copied) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall()
        for (name,) in names:
            has_row_id = "WITHOUT ROWID" not in str(
                connection.execute(
                    "SELECT sql FROM sqlite_master WHERE name=?", (name,)
                ).fetchone()[0]
            )
            columns = "rowid, *" if has_row_id else "*"
            rows = connection.execute(f'SELECT {columns} FROM "{name}"').fetchall()
            yield name, [tuple(map(_as_text, row)) for row in rows]
    connection.close()


def _read_postgres(engine: Engine) -> Iterator[tuple[str, list[Row]]]:
    with engine.connect() as connection:
        names = connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname='public'")
        ).scalars()
        for name in names.all():
            rows = connection.execute(
                text(f'SELECT xmin::text, ctid::text, t.* FROM "{name}" t ORDER BY ctid')
            ).fetchall()
            yield name, [tuple(map(_as_text, row)) for row in rows]


def _as_text(cell: object) -> str:
    if isinstance(cell, bytes | memoryview):
        return bytes(cell).hex()
    return str(cell).replace("-", "") if cell is not None else ""


def joins(copies: list[Copy], random: Random) -> dict[str, str]:
    """What was touched together: slot of an answer set → look-up of an invitation, or a guess."""
    names = _names(copies[-1])
    found: dict[str, str] = {}
    for before, after in pairwise(copies):
        new = set(_slots(after)) - set(_slots(before))
        touched = set()
        for table, rows in after.items():
            for row in set(rows) - set(before.get(table, [])):
                touched |= {look for look, mine in names.items() if mine & set(row)}
        if len(new) == 1 and len(touched) == 1:
            found[new.pop()] = touched.pop()
    rest = [slot for slot in _slots(copies[-1]) if slot not in found]
    free = [look for look in names if look not in found.values()]
    random.shuffle(free)
    return found | dict(zip(rest, free, strict=False))


def joins_by_order(copy: Copy) -> Iterator[dict[str, str]]:
    """Every join by rank: the n-th answer set with the n-th invitation, in each order.

    Answer sets in each column's order against every table in which invitations
    can be recognised, in physical order and each column's order.
    """
    names = _names(copy)
    for answers in _orders(copy["answer_set"]):
        slots = [_digests(row)[_SLOT] for row in answers]
        for rows in copy.values():
            named = [row for row in rows if _named(row, names) is not None]
            if len(named) < len(slots):
                continue
            for order in _orders(named):
                ranked = [str(_named(row, names)) for row in order]
                yield dict(zip(slots, ranked, strict=False))
                yield dict(zip(slots, reversed(ranked), strict=False))


def _orders(rows: list[Row]) -> Iterator[list[Row]]:
    yield rows
    for column in range(len(rows[0])):
        yield sorted(rows, key=lambda row: (len(row[column]), row[column]))


# Of the digests in a row, in the order of its columns.
_SLOT, _LOOKUP = 0, 1


def _digests(row: Row) -> list[str]:
    return [cell for cell in row if len(cell) == 64]


def _slots(copy: Copy) -> list[str]:
    return [_digests(row)[_SLOT] for row in copy["answer_set"]]


def _names(copy: Copy) -> dict[str, set[str]]:
    """What names each invitation, here or elsewhere: ids and digests that no other one shares."""
    rows = copy["invitation"]
    cells = Counter(cell for row in rows for cell in set(row))
    return {
        _digests(row)[_LOOKUP]: {c for c in row if len(c) in {32, 64} and cells[c] == 1}
        for row in rows
    }


def _named(row: Row, names: dict[str, set[str]]) -> str | None:
    return next((look for look, mine in names.items() if mine & set(row)), None)
