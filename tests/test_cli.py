"""The commands that an operator and a developer type."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyotp
import pytest
from click.testing import CliRunner
from flask import Flask
from flask.cli import FlaskGroup
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.conftest import both_databases
from tests.factories import customer
from trustivide import config, create_app, demo
from trustivide.auth import queries as accounts
from trustivide.cli import fits
from trustivide.core.crypto import KeyRing
from trustivide.core.db import Base, db
from trustivide.core.errors import BootError
from trustivide.surveys.models import AnswerSet, Snapshot, Survey
from trustivide.teams.models import Team

HTMX = b"console.log('htmx, or nearly')"


def integrity_of(content: bytes) -> str:
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()


def run(app: Flask, *command: str) -> Any:
    return app.test_cli_runner().invoke(args=list(command))


def everything() -> dict[str, list[Any]]:
    """Every row of every table."""
    db.session.rollback()
    return {
        table.name: sorted(map(repr, db.session.execute(select(table))))
        for table in Base.metadata.sorted_tables
    }


@both_databases
def test_any_database_can_be_migrated_but_a_strange_one_is_not_served(
    app: Flask, settings: dict[str, str]
) -> None:
    """As an operator types them: the application is made for the command."""
    flask = FlaskGroup(create_app=lambda: create_app(settings))
    typed = lambda *words: CliRunner().invoke(flask, list(words))  # noqa: E731
    assert typed("db", "downgrade", "base").exit_code == 0
    with db.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE shadow_register (name TEXT)")
    for revision in ("0005", "head"):
        result = typed("db", "upgrade", revision)
        assert result.exit_code == 0, result.output
    for serving in ("worker", "demo"):
        refused = typed(serving)
        assert isinstance(refused.exception, BootError), refused.output
        assert "shadow_register" in str(refused.exception)


@both_databases
def test_the_demo_is_a_finished_and_a_running_survey(app: Flask) -> None:
    result = run(app, "demo")
    assert result.exit_code == 0, result.output
    assert "påhittad" in result.output
    of_team = select(Survey).join(Team, Survey.team_id == Team.id).order_by(Survey.opened_at)
    closed, (running,) = (
        db.session.scalars(of_team.where(Team.name == plan.team)).all() for plan in demo.PLANS
    )
    for survey, wave in zip(closed, demo.PLANS[0].waves, strict=True):
        assert survey.closed_at is not None
        assert survey.link_key is None
        figures = db.session.get_one(Snapshot, survey.id).figures
        assert figures["answered"] == wave.answered
        assert figures["published"] is (wave.answered >= survey.k)
    assert running.closed_at is None
    answered = db.session.scalar(
        select(func.count()).select_from(AnswerSet).where(AnswerSet.survey_id == running.id)
    )
    assert answered == 6


def test_a_second_demo_changes_nothing(app: Flask) -> None:
    run(app, "demo")
    before = everything()
    assert run(app, "demo").exit_code == 0
    assert everything() == before


def test_an_interrupted_demo_is_finished_by_the_next(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, calls = demo.surveys.submit, iter(range(5))

    def cut_off(*args: Any) -> None:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        submit(*args)

    monkeypatch.setattr(demo.surveys, "submit", cut_off)
    run(app, "demo")
    monkeypatch.undo()
    assert run(app, "demo").exit_code == 0
    assert db.session.scalar(select(func.count()).select_from(AnswerSet)) == sum(
        wave.answered for plan in demo.PLANS for wave in plan.waves
    )


def test_everybody_of_the_demo_can_sign_in(app: Flask, client: FlaskClient) -> None:
    output = run(app, "demo").output
    for email in (demo.ALICE, demo.BOB, demo.STINA):
        assert email in output
        answer = client.post("/auth/login", data={"email": email, "password": demo.PASSWORD})
        assert answer.status_code == 303, email
        client.post("/auth/logout")
    stina = accounts.by_address(db.session(), demo.STINA)
    assert stina is not None
    assert stina.totp_secret is not None
    assert stina.totp_secret in output
    assert pyotp.TOTP(stina.totp_secret).now() in output


def test_production_refuses_the_demo(app: Flask, settings: dict[str, str]) -> None:
    folder = settings["INSTANCE_PATH"]
    production = create_app(
        {
            **settings,
            "TRUSTIVIDE_ENV": "production",
            "DATABASE_URL": f"sqlite:///{folder}/trustivide.db",
            "LEDGER_URL": f"sqlite:///{folder}/ledger.db",
            "PUBLIC_URL": "https://tillit.test",
            "MAIL_SERVER": "127.0.0.1",
            "MAIL_USE_TLS": "true",
            "MAIL_DEFAULT_SENDER": "Tillit <svara-inte@tillit.test>",
        }
    )
    before = everything()
    with production.app_context():
        result = run(production, "demo")
    assert result.exit_code == 1
    assert "production refuses" in result.output
    assert "seed" not in result.output
    assert everything() == before


def test_privacy_check_gives_the_verdict(app: Flask) -> None:
    result = run(app, "privacy", "check")
    assert result.exit_code == 0, result.output
    assert "0 problems" in result.output


def test_the_record_of_processing_is_for_people_and_for_programs(app: Flask) -> None:
    assert "Rättslig grund" in run(app, "privacy", "record").output
    assert "Legal basis" in run(app, "privacy", "record", "--language", "en").output
    entries = json.loads(run(app, "privacy", "record", "--json").output)
    assert any("team_member" in entry["tables"] for entry in entries["activities"])


def test_the_record_names_the_customers_for_the_authority_and_never_on_its_page(
    app: Flask,
) -> None:
    customer()
    assert "Exempel AB, 556016-0680" in run(app, "privacy", "record", "--customers").output
    assert "Exempel AB" not in run(app, "privacy", "record").output
    assert "Exempel AB" not in app.test_client().get("/privacy/record").text


def test_a_new_key_ring_can_be_used(app: Flask) -> None:
    ring = KeyRing.from_json(run(app, "keys", "new").output)
    assert ring.decrypt(ring.encrypt(b"tillit")) == b"tillit"


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """A web server with one file."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(HTMX)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/htmx.min.js"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("content", [HTMX, b"something else"])
def test_htmx_is_kept_only_with_the_right_hash(
    elsewhere: str, settings: dict[str, str], tmp_path: Path, content: bytes
) -> None:
    app = create_app({**settings, "HTMX_URL": elsewhere, "HTMX_INTEGRITY": integrity_of(content)})
    app.static_folder = str(tmp_path / "static")
    result = run(app, "assets", "htmx")
    kept = tmp_path / "static" / "vendor" / "htmx.min.js"
    if content == HTMX:
        assert result.exit_code == 0, result.output
        assert kept.read_bytes() == HTMX
        assert "HTMX_URL=/static/vendor/htmx.min.js" in result.output
    else:
        assert result.exit_code == 1
        assert not kept.exists()


@pytest.mark.parametrize("integrity", ["", "md5-xyz", "sha384-", config.HTMX_INTEGRITY])
def test_an_integrity_value_fits_only_its_content(integrity: str) -> None:
    assert fits(HTMX, integrity_of(HTMX))
    assert not fits(HTMX, integrity)
