"""The ceiling: a bare Flask page that stores what was sent with one INSERT, durably.

Run by :mod:`bench.surveys` under the same server as the product, on the same
kind of database: what any Flask application can reach at most on this machine.
"""

import json
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from flask import Flask, request

FIELD = '<label><input type="radio" name="q{n}" value="{v}"> Instämmer i stort</label>\n'
FORM = (
    '<!doctype html><html lang="sv"><title>Enkät</title><form method="post" action="/">\n'
    + "".join(FIELD.format(n=n, v=v) for n in range(1, 21) for v in range(1, 8))
    + '<textarea name="comment"></textarea><button>Skicka</button></form></html>'
)
CREATE = "CREATE TABLE IF NOT EXISTS bare_answer (id TEXT PRIMARY KEY, body TEXT NOT NULL)"

_local = threading.local()


def _connection() -> Any:
    """This thread's connection, as durable as the product's."""
    if not hasattr(_local, "connection"):
        if url := os.environ.get("DATABASE_URL"):
            _local.connection = psycopg.connect(url)
        else:
            file = Path(os.environ["INSTANCE_PATH"]) / "bare.db"
            _local.connection = sqlite3.connect(file, timeout=15, isolation_level=None)
            for pragma in ("journal_mode=WAL", "synchronous=FULL"):
                _local.connection.execute(f"PRAGMA {pragma}")
    return _local.connection


def create() -> None:
    """Make the table; once, before the server starts."""
    connection = _connection()
    connection.execute(CREATE)
    connection.commit()
    connection.close()
    del _local.connection


def create_app() -> Flask:
    """The page: GET shows 10 kB of form, POST stores it and says thanks."""
    app = Flask(__name__)
    mark = "%s" if os.environ.get("DATABASE_URL") else "?"
    insert = f"INSERT INTO bare_answer VALUES ({mark}, {mark})"

    @app.get("/")
    def show() -> str:
        return FORM

    @app.post("/")
    def store() -> str:
        connection = _connection()
        connection.execute(insert, (uuid4().hex, json.dumps(request.form.to_dict())))
        connection.commit()
        return "<!doctype html><title>Tack</title><p>Tack för dina svar.</p>"

    return app
