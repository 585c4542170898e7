"""A new cipher key takes over while the service runs, and the old one retires."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import LargeBinary, select, text, type_coerce, update
from sqlalchemy.exc import DBAPIError

from tests.conftest import both_databases
from tests.factories import account, customer, delivered, link_in, sign_in
from tests.surveys.stories import answer, launched, tokens
from trustivide import create_app
from trustivide.audit import queries as audit
from trustivide.audit.models import AuditEntry
from trustivide.auth.models import User
from trustivide.core import clock, crypto, rotation
from trustivide.core.crypto import DecryptionError, KeyRing
from trustivide.core.db import Base, db, is_encrypted, transaction
from trustivide.surveys import closing as survey_closing
from trustivide.surveys.models import Survey


def run(app: Flask, *command: str) -> Any:
    db.session.rollback()
    return app.test_cli_runner().invoke(args=["keys", *command])


def printed(app: Flask, *command: str) -> KeyRing:
    """The ring that a command tells to set, as every process has it after its restart."""
    result = run(app, *command)
    assert result.exit_code == 0, result.output
    ring = KeyRing.from_json(result.stdout)
    crypto.install(ring)
    return ring


@pytest.fixture(autouse=True)
def _ring_as_before() -> Iterator[None]:
    yield
    crypto._installed.clear()


def everything() -> dict[str, list[str]]:
    """Every row of every table, decrypted."""
    db.session.rollback()
    return {
        table.name: sorted(map(repr, db.session.execute(select(table))))
        for table in Base.metadata.sorted_tables
        if table.name not in {"audit_entry", "audit_head", "job"}
    }


def lasting() -> dict[str, list[str]]:
    """The same without what a page writes that is asked for a new password."""
    return {k: v for k, v in everything().items() if k not in {"mail", "one_time_link"}}


def stored() -> set[bytes]:
    """Every ciphertext, as it lies in the database."""
    db.session.rollback()
    return {
        bytes(value)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if is_encrypted(column.type)
        for value in db.session.scalars(select(type_coerce(column, LargeBinary)))
        if value is not None
    }


def versions() -> set[int]:
    """The keys that wrote them."""
    return {value[1] for value in stored()}


def finished_survey(app: Flask, people: int) -> Survey:
    """A closed survey that everybody answered."""
    survey = launched(app, people)
    for n, token in enumerate(tokens(survey).values()):
        answer(survey, token, n)
    with transaction() as session:
        survey_closing.close(session, survey, clock.now())
    return survey


@contextmanager
def pages_in_use(app: Flask, client: FlaskClient, path: str) -> Iterator[list[int]]:
    """Somebody reads and somebody writes meanwhile; the statuses of the answers."""
    answers: list[int] = []
    over = Event()

    def use() -> None:
        asked = {"email": "alice@exempel.test"}
        while not answers or not over.is_set():
            answers.append(client.get(path).status_code)
            answers.append(app.test_client().post("/auth/forgot", data=asked).status_code)

    person = Thread(target=use)
    person.start()
    try:
        yield answers
    finally:
        over.set()
        person.join()


@both_databases
def test_checklist_43_a_key_is_added_used_taken_everywhere_and_the_old_one_retires(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = finished_survey(app, 6)
    sign_in(client)
    before, old = everything(), crypto.ring()
    taken_before = stored()

    held_back = printed(app, "add")
    assert held_back.cipher_version == 1
    assert sorted(held_back.cipher) == [1, 2]
    assert everything() == before
    assert run(app, "add").exit_code == 1
    nothing_yet = run(app, "retire")
    assert (nothing_yet.exit_code, "no old cipher key" in nothing_yet.output) == (1, True)

    printed(app, "use")
    assert run(app, "use").exit_code == 1
    app.test_client().post("/auth/forgot", data={"email": "alice@exempel.test"})
    assert versions() == {1, 2}, "both are readable meanwhile"
    assert client.get("/teams/").status_code == 200
    refused = run(app, "retire")
    assert refused.exit_code == 1
    assert "answer_set                       6 under another key" in refused.output
    before = everything()

    monkeypatch.setattr(rotation, "BATCH", 2)
    renew, calls = rotation._renewed, iter(range(3))  # in the middle of a batch of frozen answers

    def cut_off(*args: Any) -> Any:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return renew(*args)

    monkeypatch.setattr(rotation, "_renewed", cut_off)
    run(app, "rotate")
    assert versions() == {1, 2}
    assert everything() == before, "cut off, nothing is lost"
    assert client.get(f"/surveys/{finished.id}").status_code == 200
    _is_frozen(finished)
    assert run(app, "retire").exit_code == 1

    monkeypatch.setattr(rotation, "_renewed", renew)
    before = lasting()
    with pages_in_use(app, client, f"/surveys/{finished.id}") as answers:
        resumed = run(app, "rotate")
    assert resumed.exit_code == 0, resumed.output
    assert set(answers) == {200, 303}
    assert versions() == {2}
    assert lasting() == before
    delivered(app)
    assert run(app, "rotate").exit_code == 0
    assert not taken_before & stored()
    if app.config["SETTINGS"].database_url.startswith("sqlite"):
        file = (app.config["SETTINGS"].instance / "trustivide.db").read_bytes()
        assert not [value for value in taken_before if value in file]
    before = everything()
    assert "@" not in resumed.output
    _is_frozen(finished)
    again = run(app, "rotate")
    assert (again.exit_code, "0 rows re-encrypted under key 2" in again.output) == (0, True)

    retired = printed(app, "retire")
    assert sorted(retired.cipher) == [2]
    assert retired.digest_keys == old.digest_keys
    assert retired.signing == old.signing
    assert everything() == before
    assert client.get(f"/surveys/{finished.id}").status_code == 200
    assert sign_in(app.test_client()).get("/privacy/").status_code == 200

    crypto.install(old)
    with pytest.raises(DecryptionError):
        everything()
    assert all(old.decrypt(value) for value in taken_before), "a backup keeps its own key"
    db.session.rollback()
    entries = db.session.execute(
        select(AuditEntry.event, AuditEntry.detail).where(AuditEntry.event.like("keys_%"))
    )
    assert [tuple(e) for e in entries] == [("keys_rotated", "2"), ("keys_retired", "1")]
    assert audit.verify(db.session()).faults == ()


def _is_frozen(survey: Survey) -> None:
    """The database itself still refuses to change a result and the answers behind it."""
    for statement in (
        "UPDATE snapshot SET figures = figures",
        "UPDATE answer_set SET restricted = NOT restricted",
    ):
        with pytest.raises(DBAPIError, match=r"frozen|closed"), db.engine.begin() as connection:
            connection.execute(text(statement))


@both_databases
def test_what_no_key_reads_is_counted_and_stays(app: Flask) -> None:
    customer()
    lost = crypto.ring()
    crypto.install(KeyRing({2: KeyRing.generate().cipher[1]}, lost.digest_keys, lost.signing))
    result = run(app, "rotate")
    assert result.exit_code == 1
    assert "user                             1 under another key" in result.output
    crypto.install(lost)
    assert account("alice@exempel.test").name == "Alice Alm"


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_a_row_that_a_page_holds_is_left_and_not_overwritten(app: Flask) -> None:
    alice = customer().id
    printed(app, "add")
    printed(app, "use")
    with db.engine.connect() as page, page.begin():
        page.execute(update(User).where(User.id == alice).values(name="Alice Ny"))
        left = run(app, "rotate")
        assert left.exit_code == 1
        assert "user                             1 under another key" in left.output
    assert run(app, "rotate").exit_code == 0
    assert account("alice@exempel.test").name == "Alice Ny"


def test_the_link_that_stops_mail_outlives_the_key(app: Flask, client: FlaskClient) -> None:
    launched(app, 5)
    mail = delivered(app)[-1]
    printed(app, "add")
    printed(app, "use")
    assert run(app, "rotate").exit_code == 0
    printed(app, "retire")
    assert client.get(link_in(mail, "/privacy/unsubscribe/")).status_code == 200


def test_development_keeps_its_own_ring(tmp_path: Path, sqlite_template: Path) -> None:
    shutil.copy(sqlite_template, tmp_path / "trustivide.db")

    def start() -> Flask:
        return create_app({"INSTANCE_PATH": str(tmp_path)})

    for command, ciphers, writes_with in (
        ("add", ["1", "2"], 1),
        ("use", ["1", "2"], None),
        ("rotate", ["1", "2"], None),
        ("retire", ["2"], None),
    ):
        app = start()
        with app.app_context():
            result = run(app, command)
            assert result.exit_code == 0, result.output
            kept = json.loads((tmp_path / "keys.json").read_text())
            assert (sorted(kept["cipher"]), kept.get("writes_with")) == (ciphers, writes_with)
            assert not any(key in result.output for key in kept["cipher"].values())
            db.engine.dispose()
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600
