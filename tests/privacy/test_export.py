"""A copy of everything: asked for, made by the worker, fetched by its owner alone, then gone."""

import csv
import io
import json
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import jsonschema
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.conftest import both_databases
from tests.factories import customer, delivered, link_in, sign_in
from tests.privacy.canary import fill, prove_second_factor
from tests.privacy.stories import DORA
from tests.privacy.stories import member as _member
from tests.privacy.stories import requests as _requests
from tests.privacy.stories import visit as _visit
from trustivide.auth.queries import person as person_of
from trustivide.core import clock, inventory
from trustivide.core.activities import PRIVACY_RIGHTS
from trustivide.core.db import db, transaction
from trustivide.core.inventory import Field, Group, Store
from trustivide.core.subjects import Person
from trustivide.core.text import Text
from trustivide.outbox import worker
from trustivide.outbox.models import Job, Mail
from trustivide.privacy import export
from trustivide.privacy.models import Erasure, Export, Request
from trustivide.workshops.models import Search


def _search(user_id: UUID, *words: str) -> None:
    with transaction() as session:
        session.add_all(
            Search(user_id=user_id, query=w, at=clock.now() - timedelta(minutes=n))
            for n, w in enumerate(words)
        )


def _ask(client: FlaskClient) -> str:
    answer = client.post("/privacy/export")
    assert answer.status_code == 303
    return str(answer.headers["Location"])


def _fetched(app: Flask, client: FlaskClient) -> zipfile.ZipFile:
    location = _ask(client)
    delivered(app)
    return zipfile.ZipFile(io.BytesIO(client.get(f"{location}/file").data))


def _table(archive: zipfile.ZipFile, name: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(archive.read(f"{name}.csv").decode("utf-8-sig"))))


def _files(app: Flask) -> list[str]:
    return [p.name for p in (app.config["SETTINGS"].instance / "exports").glob("*")]


@pytest.fixture
def store() -> Iterator[list[Store]]:
    """A place to add stores that are in the way."""
    stores = inventory.registry.stores
    before = list(stores)
    yield stores
    stores[:] = before


# Whose it is, and for how long


@both_databases
def test_a_download_is_for_its_owner_who_gave_the_password_lately(
    app: Flask, client: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    customer()
    customer("Charlie", "charlie@granne.test", number="556036-0793", organisation="Grannen AB")
    sign_in(client)
    location = _ask(client)
    assert "refresh" in client.get(location).text
    assert client.get(f"{location}/file").status_code == 404
    mails = delivered(app)
    assert location in link_in(mails[-1], "/privacy/export/")
    file = client.get(f"{location}/file")
    assert file.status_code == 200
    assert file.headers["Cache-Control"] == "no-store"
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert re.fullmatch(
        r'attachment; filename="trustivide-\d{4}-\d\d-\d\d\.zip"',
        file.headers["Content-Disposition"],
    )
    other = sign_in(browser_of(), "charlie@granne.test")
    assert other.get(location).status_code == 404
    assert other.get(f"{location}/file").status_code == 404
    assert browser_of().get(f"{location}/file").status_code == 303
    with time_machine.travel(clock.now() + timedelta(minutes=16)):
        assert "/auth/verify" in client.get(f"{location}/file").headers["Location"]
        assert "/auth/verify" in client.post("/privacy/export").headers["Location"]
    (sealed,) = (app.config["SETTINGS"].instance / "exports").glob("*.age")
    raw = sealed.read_bytes()
    assert raw.startswith(b"age-encryption.org/v1")
    assert b"PK\x03\x04" not in raw
    with time_machine.travel(clock.now() + timedelta(days=7, minutes=1)):
        db.session.rollback()
        late = sign_in(browser_of())
        assert late.get(f"{location}/file").status_code == 404  # also before it is swept away
        export.drop_expired(clock.now())
        assert late.get(location).status_code == 404
    assert not sealed.exists()


def test_without_an_account_the_link_opens_the_visit_and_the_visit_the_file(
    app: Flask, client: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    _member()
    _visit(app, client)
    archive = _fetched(app, client)
    data = json.loads(archive.read("data.json"))
    assert data["account"] is None
    assert data["addresses"] == [DORA]
    assert data["tables"]["team_member"]["rows"][0]["team_id"] == "Blå laget"
    (made,) = db.session.scalars(select(Export.id))
    for path in (f"/privacy/export/{made}", f"/privacy/export/{made}/file"):
        assert browser_of().get(path).headers["Location"].startswith("/privacy/find")
        assert sign_in(browser_of()).get(path).status_code == 404


def test_asking_twice_makes_one_download(app: Flask, client: FlaskClient) -> None:
    customer()
    sign_in(client)
    assert _ask(client) == _ask(client)
    assert _requests("export") == 1


# What is in it


def _read(kind: str, value: Any) -> Any:
    """A value of data.json as the database gives it, by the type that its column states."""
    ways: dict[str, Callable[[Any], Any]] = {
        "date": date.fromisoformat,
        "date-time": datetime.fromisoformat,
        "uuid": UUID,
        "bytes": bytes.fromhex,
    }
    return value if value is None or kind not in ways else ways[kind](value)


def _stored(group: Group, item: Field, row: Any) -> Any:
    """What the person reads of a field, looked up row by row."""
    value = getattr(row, item.name)
    if item.declared.show is None or value is None:
        return value
    (key,) = item.column.foreign_keys
    target = next(m.class_ for m in inventory.mappers() if m.local_table is key.column.table)
    return getattr(db.session.get_one(target, value), item.declared.show)


@both_databases
@pytest.mark.parametrize("account", [True, False], ids=["account", "address"])
def test_the_machine_readable_file_keeps_to_its_schema_and_gives_every_value_back(
    app: Flask, client: FlaskClient, account: bool
) -> None:
    if account:
        person = person_of(customer())
        sign_in(client)
    else:
        person = Person.of(None, DORA)
        _member()
        _visit(app, client)
    neighbour = customer(
        "Charlie", "charlie@granne.test", number="556036-0793", organisation="Grannen AB"
    )
    with transaction() as session:
        fill(session, person, neighbour)
    prove_second_factor(person)
    archive = _fetched(app, client)
    data = json.loads(archive.read("data.json"))
    schema = json.loads(archive.read("data.schema.json"))
    jsonschema.Draft202012Validator.check_schema(schema)
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(schema, format_checker=checker).validate(data)
    assert data["schema"] == export.SCHEMA == schema["title"]
    db.session.rollback()
    assert len(data["tables"]) > (20 if account else 10)
    for group in inventory.groups():
        if group.table.name in {"export", "request", "mail"}:
            continue  # these went on when the file was done
        where = inventory.clause(group, person)
        rows = {} if where is None else {r.id: r for r in _rows(group, where)}
        if not rows:
            assert group.name not in data["tables"]
            continue
        table = data["tables"][group.name]
        assert table["count"] == len(table["rows"]) == len(rows)
        for read in table["rows"]:
            row = rows[UUID(read.pop("id"))]
            assert set(read) == set(table["columns"])
            for item in (f for f in group.fields if f.shown):
                kind = table["columns"][item.name]["type"]
                assert _read(kind, read[item.name]) == _stored(group, item, row), item.name
                assert table["columns"][item.name]["portable"] is item.declared.portable
                assert table["columns"][item.name]["activity"] in data["activities"]
        assert len(_table(archive, group.name)) == 1 + len(rows)
    secrets = [f.name for g in inventory.groups() for f in g.fields if not f.shown]
    assert not {c for t in data["tables"].values() for c in t["columns"]} & set(secrets)


def _rows(group: Group, where: Any) -> Any:
    return db.session.scalars(select(group.model).where(where)).all()


def test_the_schema_is_published_for_its_version_and_no_other(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    published = client.get("/privacy/export/schema/2")
    assert published.mimetype == "application/schema+json"
    assert published.data == _fetched(app, sign_in(client)).read("data.schema.json")
    assert client.get("/privacy/export/schema/3").status_code == 404


def test_both_languages_are_in_it_and_lead_to_each_other(app: Flask, client: FlaskClient) -> None:
    user = customer()
    _search(user.id, "förtroende")
    archive = _fetched(app, sign_in(client))
    swedish, english = (archive.read(n).decode() for n in ("index.html", "index.en.html"))
    label = Search.__label__
    assert label
    for page, other, words in (
        (swedish, "index.en.html", label.sv),
        (english, "index.html", label.en),
    ):
        assert f'href="{other}"' in page
        assert words in page
        assert "förtroende" in page
        assert "@media print" in page
        assert not re.findall(r'(?:src|href)="https?:|<script', page)
    assert '<html lang="sv">' in swedish
    assert '<html lang="en">' in english


def test_checklist_35_formulas_in_a_table_are_defused_and_exact_in_json(
    app: Flask, client: FlaskClient
) -> None:
    user = customer()
    words = ["=HYPERLINK(1)", "+46", "-1", "@a", "\tx", 'vanlig, "text"\noch <b>rad</b>']
    _search(user.id, *words)
    archive = _fetched(app, sign_in(client))
    table = _table(archive, "search")
    column = table[0].index("Sökord")
    assert [row[column] for row in table[1:]] == [*(f"'{w}" for w in words[:5]), words[5]]
    data = json.loads(archive.read("data.json"))
    assert [row["query"] for row in data["tables"]["search"]["rows"]] == words  # newest first
    assert data["tables"]["search"]["columns"]["query"]["portable"] is True
    assert "<b>rad" not in archive.read("index.html").decode()


def test_of_very_much_the_page_shows_the_newest_and_says_where_all_is(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "ON_PAGE", 3)
    user = customer()
    _search(user.id, *(f"sökning-{n}" for n in range(2500)))
    archive = _fetched(app, sign_in(client))
    page = archive.read("index.html").decode()
    assert re.findall(r"sökning-\d+", page) == ["sökning-0", "sökning-1", "sökning-2"]
    assert "de 3 nyaste" in page
    assert "search.csv" in page
    assert len(_table(archive, "search")) == 2501
    data = json.loads(archive.read("data.json"))
    assert len({row["query"] for row in data["tables"]["search"]["rows"]}) == 2500


# When something goes wrong


def _in_the_way(do: Callable[[], None]) -> Store:
    """A store that does something whenever the worker, in its thread, comes to look into it."""

    def find(session: Any, person: Person) -> int:
        if threading.current_thread().name == "worker":
            do()
        return 0

    return Store("slow", Text("Långsamt", "Slow"), PRIVACY_RIGHTS, find, lambda s, p: 0)


@both_databases
def test_an_erasure_while_an_export_runs_leaves_nothing_behind(
    app: Flask, client: FlaskClient, tick: Callable[[], None], store: list[Store]
) -> None:
    _member()
    _visit(app, client)
    begun, erased = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        assert erased.wait(60)

    store.append(_in_the_way(wait))
    location = _ask(client)
    exporting = threading.Thread(target=worker.work, args=[app], name="worker")
    exporting.start()
    assert begun.wait(60)
    assert len(_files(app)) == 1
    receipt = client.post("/privacy/erasure", data={"understood": "y"}).headers["Location"]
    tick()
    assert db.session.scalar(select(func.count()).select_from(Export)) == 0
    assert client.get(location).headers["Location"].startswith("/privacy/find")
    erased.set()
    exporting.join()
    with time_machine.travel(clock.now() + timedelta(minutes=5)):
        tick()  # on SQLite the file waited for its last reader
    assert _files(app) == []
    assert "Underskriften stämmer" in client.get(receipt).text
    assert db.session.scalars(select(Erasure.state)).all() == ["done"]
    assert "export_ready" not in db.session.scalars(select(Mail.kind)).all()
    assert db.session.scalars(select(Job.state).where(Job.kind == "export")).all() == ["done"]


def test_a_worker_that_notices_the_erasure_stops_at_once(
    app: Flask, client: FlaskClient, store: list[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_TOLD_EVERY", 0.0)
    looked: list[int] = []

    def erase() -> None:
        looked.append(1)
        with transaction() as session:
            session.delete(session.scalars(select(Export)).one())

    store.append(_in_the_way(erase))
    customer()
    _ask(sign_in(client))
    exporting = threading.Thread(target=worker.work, args=[app], name="worker")
    exporting.start()
    exporting.join()
    assert looked == [1]  # the page in the other language was not begun
    assert _files(app) == []
    assert "export_ready" not in db.session.scalars(select(Mail.kind)).all()


def test_a_download_that_fails_for_good_says_so_and_another_can_be_asked_for(
    app: Flask, client: FlaskClient, store: list[Store]
) -> None:
    def fail() -> None:
        raise OSError("no space left on device")

    store.append(_in_the_way(fail))
    customer()
    location = _ask(sign_in(client))
    later = clock.now()

    def attempt() -> None:
        with time_machine.travel(later):
            worker.work(app)

    for _ in range(6):
        trying = threading.Thread(target=attempt, name="worker")
        trying.start()
        trying.join()
        later += timedelta(hours=10)
        assert _files(app) == []
    page = client.get(location)
    assert "Försök igen" in page.text
    store.pop()
    assert _ask(client) != location


def test_no_request_for_a_download_waits_for_ever(
    app: Flask, client: FlaskClient, tick: Callable[[], None]
) -> None:
    """Neither one whose person is erased, nor one that failed and was asked for again."""
    _member()
    _visit(app, client)
    location = _ask(client)
    db.session.rollback()
    export.give_up({"id": location.rsplit("/", 1)[-1]}, clock.now())
    _ask(client)
    tick()
    states = select(Request.state).where(Request.kind == "export")
    assert db.session.scalars(states).all() == ["done", "done"]
    with time_machine.travel(clock.now() + timedelta(days=1)):
        _visit(app, client)
        _ask(client)
        client.post("/privacy/erasure", data={"understood": "y"})
        tick()
        tick()
        assert "open" not in db.session.scalars(states).all()
