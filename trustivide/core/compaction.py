"""Rebuilding the database's file, so that what was deleted is gone from the disk too."""

import time
from contextlib import closing
from datetime import datetime
from typing import Any

from trustivide.core.db import db

_CHECKPOINT_TRIES = 5


class Unfinished(Exception):
    """The file still holds what was erased: a reader blocked the checkpoint. Tried again."""


def compact() -> None:
    """Let no erased byte linger in the database's file or its journal.

    SQLite: ``secure_delete`` alone leaves remnants where pages are rebalanced,
    so the file is rebuilt and the journal truncated; a checkpoint that a reader
    blocks says so only in its result, which is why that is read. Raises
    :class:`Unfinished` rather than promise too much. PostgreSQL: dead rows
    become reusable; what the promise covers there is the dump.
    """
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM")
        return
    raw = db.engine.raw_connection()
    try:
        with closing(raw.cursor()) as cursor:  # a statement left open would stop the next VACUUM
            cursor.execute("VACUUM")
            _truncate_journal(cursor)
    finally:
        raw.close()


def _truncate_journal(cursor: Any) -> None:
    """Without the usual patience: a checkpoint that waits for readers makes every writer wait."""
    (patience,) = cursor.execute("PRAGMA busy_timeout").fetchone()
    cursor.execute("PRAGMA busy_timeout=0")
    try:
        for attempt in range(_CHECKPOINT_TRIES):
            busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy:
                return
            time.sleep(0.1 * 2**attempt)
    finally:
        cursor.execute(f"PRAGMA busy_timeout={patience}")
    raise Unfinished("a reader blocks the checkpoint")


def run(params: dict[str, str], now: datetime) -> None:
    """The job "compact": asked for by whoever promised that something is destroyed at once."""
    db.session.rollback()  # the worker's own read must not block the checkpoint
    compact()
