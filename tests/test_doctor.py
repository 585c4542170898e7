"""The doctor finds nothing in a healthy installation, and each weakness by its name."""

import base64
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from sqlalchemy import text

from tests.conftest import RING, environment
from tests.factories import staff
from tests.surveys.stories import launched
from tests.web.test_pages import PRODUCTION
from trustivide import create_app, doctor
from trustivide.core import clock, crypto
from trustivide.core.activities import SECURITY
from trustivide.core.clock import day_of
from trustivide.core.crypto import KeyRing
from trustivide.core.db import db, transaction
from trustivide.outbox.actions import send_mail
from trustivide.privacy import evidence
from trustivide.privacy.models import Attestation, SweepRun
from trustivide.rights.ledger import ledger


@pytest.fixture
def folder(sqlite_template: Path) -> Iterator[Path]:
    """An installation's folder that all users of the machine can reach, but not enter."""
    with tempfile.TemporaryDirectory(prefix="trustivide-") as reachable:
        Path(reachable).chmod(0o755)
        instance = Path(reachable) / "instance"
        instance.mkdir(mode=0o700)
        shutil.copy(sqlite_template, instance / "trustivide.db")
        yield instance


def production(folder: Path, **more: str) -> dict[str, str]:
    return environment(
        folder,
        **{
            **PRODUCTION,
            "DATABASE_URL": f"sqlite:///{folder}/trustivide.db",
            "LEDGER_URL": f"sqlite:///{folder}/ledger.db",
            "PROXIES": "1",
            **more,
        },
    )


@contextmanager
def running(settings: dict[str, str]) -> Iterator[Flask]:
    app = create_app(settings)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def ask(app: Flask) -> tuple[int, dict[str, str]]:
    """The doctor's exit code, and its findings by key."""
    db.session.rollback()
    result = app.test_cli_runner().invoke(args=["doctor"])
    *lines, total = result.stdout.splitlines()
    found = dict(line.removeprefix("✗ ").split(": ", 1) for line in lines)
    assert total == f"{len(found)} weaknesses", result.output
    assert all(" → " in what for what in found.values())
    return result.exit_code, found


def heal() -> None:
    """What a running service has: an owner with two steps, agreements that are attested."""
    owner = staff()
    with transaction() as session:
        session.merge(owner).totp_secret = "JBSWY3DPEHPK3PXP"
        for needed in evidence.needed():
            session.add(
                Attestation(
                    subject=needed.subject,
                    statement="Avtalet är läst och gäller.",
                    owner="Driftansvarig",
                    attested_on=day_of(clock.now()),
                    valid_until=day_of(clock.now()) + timedelta(days=365),
                )
            )


def test_a_healthy_installation_has_no_weakness_and_each_is_found_by_name(folder: Path) -> None:
    with running(production(folder)) as app:
        heal()
        assert ask(app) == (0, {})

        with transaction() as session:
            session.execute(text("""UPDATE "user" SET totp_secret = NULL"""))
        code, found = ask(app)
        assert code == 1
        assert "0 of 1" in found["second_factor"]
        with transaction() as session:
            session.execute(text("""UPDATE "user" SET staff_role = 'support'"""))
        assert "owner" in ask(app)[1]

        launched(app, 5)
        with transaction() as session:
            session.execute(text("UPDATE survey SET closes_at = '2026-01-01 00:00:00'"))
            mail = send_mail(
                session,
                "account_exists",
                "alice@exempel.test",
                {"name": "Alice"},
                purpose=SECURITY,
                locale="sv",
                now=clock.now(),
                not_before=clock.now() - timedelta(minutes=16),
            )
            session.add(
                SweepRun(
                    started_at=clock.now() - timedelta(hours=30),
                    finished_at=clock.now() - timedelta(hours=30),
                    counts={},
                )
            )
        found = ask(app)[1]
        assert "mails: 1, surveys to close: 1, retention" in found["worker"]
        assert "8.retention" in found["promises"]
        with transaction() as session:
            session.delete(session.merge(mail))
            session.execute(text("DELETE FROM attestation"))
            session.execute(text("UPDATE audit_head SET number = 7"))
        found = ask(app)[1]
        assert found["agreements"].startswith("Evidence that counts: 0 of")
        assert found["audit"].startswith("the audit trail is broken at entry")
        ledger().engine.dispose()
        (folder / "ledger.db").unlink()
        (folder / "ledger.db").mkdir()
        assert "ledger" in ask(app)[1]


def test_the_settings_are_looked_at(folder: Path) -> None:
    several = production(folder, PROXIES="0", WEB_CONCURRENCY="4")
    password = folder.parent / "smtp-password"
    password.write_text("hemligt\n")
    password.chmod(0o644)
    with running({**several, "MAIL_PASSWORD_FILE": str(password)}) as app:
        heal()
        app.debug = True
        folder.chmod(0o755)
        (folder / "trustivide.db").chmod(0o644)
        code, found = ask(app)
        assert code == 1
        assert set(found) == {"debug", "proxies", "limits", "files", "secret_file"}
        assert f"{folder} {folder}/trustivide.db" in found["files"]
        assert "4 web processes" in found["limits"]
        assert str(password) in found["secret_file"]
        app.config["SESSION_COOKIE_SECURE"] = False
        assert "cookies" in ask(app)[1]


def test_development_is_told_and_not_failed(folder: Path) -> None:
    guessable = base64.b64encode(b"\0" * 32).decode()
    ring = json.loads(RING.to_json()) | {"cipher": {"1": guessable}}
    weak = {
        "INSTANCE_PATH": str(folder),
        "TRUSTIVIDE_KEYS": json.dumps(ring),
        "MAIL_SERVER": "mail.exempel.test",
    }
    with running(weak) as app:
        code, found = ask(app)
    assert code == 0
    assert {"secret", "keys", "development", "smtp", "https", "cookies", "owner"} <= set(found)


def test_a_database_elsewhere_is_reached_over_verified_tls() -> None:
    for url, weak in (
        ("sqlite:////srv/trustivide.db", False),
        ("postgresql://trustivide@localhost/trustivide", False),
        ("postgresql://trustivide@db.exempel.test/trustivide", True),
        ("postgresql://trustivide@db.exempel.test/trustivide?sslmode=require", True),
        ("postgresql://trustivide@db.exempel.test/trustivide?sslmode=verify-full", False),
        ("redis://cache.exempel.test", True),
        ("rediss://cache.exempel.test", False),
        ("redis://127.0.0.1:6379/0", False),
    ):
        assert doctor._travels_open(url) == weak, url


def test_old_keys_are_followed_until_they_are_gone(folder: Path) -> None:
    old = RING
    with running(production(folder)):
        heal()
    new = old.with_new_cipher()
    gone = KeyRing({2: new.cipher[2]}, new.digest_keys, new.signing)
    for ring, key in (
        (new, "held_key"),
        (new.released(), "old_keys"),
        (gone, "lost_keys"),
        (old, None),
    ):
        with running({**production(folder), "TRUSTIVIDE_KEYS": ring.to_json()}) as app:
            assert list(ask(app)[1])[:1] == ([key] if key else []), key
    crypto.install(old)


def test_an_older_schema_and_a_dead_database_are_all_it_says(folder: Path) -> None:
    with running(production(folder)) as app:
        db.session.remove()
        with db.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
        assert ask(app) == (1, {"migrations": "the database has an older schema → db upgrade"})
        db.session.remove()
        db.engine.dispose()
        (folder / "trustivide.db").write_bytes(b"no database at all" * 100)
        assert list(ask(app)[1]) == ["database"]


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_a_clock_that_is_wrong_is_noticed(app: Flask) -> None:
    assert "clock" not in ask(app)[1]
    with time_machine.travel(clock.now() + timedelta(minutes=2)):
        assert re.match(r"the database's clock is 1[12]\d s off", ask(app)[1]["clock"])
