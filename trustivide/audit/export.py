"""The audit trail as files: CSV for spreadsheets, JSON Lines for machines. Streamed."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from trustivide.audit.models import AuditEntry
from trustivide.audit.queries import Wanted, streamed
from trustivide.audit.seals import in_utc
from trustivide.core.spreadsheet import BOM, cell, lines

_NAMES = ("number", "at", "event", "actor_id", "about_id", "thing_id", "detail", "seal")
Rows = Iterator[Sequence[Sequence[Any]]]


def entries(engine: Engine, wanted: Wanted) -> Rows:
    """What fits, in batches, on a connection of its own: the request may be over by then."""
    with Session(engine) as session:
        for batch in streamed(session, wanted):
            yield [_row(entry) for entry in batch]


def _row(entry: AuditEntry) -> Sequence[Any]:
    ids = (str(i) if i else None for i in (entry.actor_id, entry.about_id, entry.thing_id))
    return (
        entry.number,
        in_utc(entry.at),
        entry.event,
        *ids,
        entry.detail,
        entry.seal.hex(),
    )


def as_csv(batches: Rows) -> Iterator[str]:
    """With a header, formula characters defused."""
    yield BOM + lines([_NAMES])
    for batch in batches:
        yield lines([cell(value) for value in row] for row in batch)


def as_json_lines(batches: Rows) -> Iterator[str]:
    """One object a line (https://jsonlines.org)."""
    for batch in batches:
        yield "".join(json.dumps(dict(zip(_NAMES, row, strict=True))) + "\n" for row in batch)


KINDS: Mapping[str, tuple[Callable[[Rows], Iterator[str]], str]] = {
    "csv": (as_csv, "text/csv"),
    "jsonl": (as_json_lines, "application/jsonl"),
}
"""Each kind of file by its suffix: how it is written, and its media type."""
