"""Every personal cell is found before an erasure and not after, in bytes; and is shown whole."""

import io
import logging
import secrets
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pyrage
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Column, Interval, LargeBinary, select, text, type_coerce, update

from tests.conftest import both_databases
from tests.factories import PASSWORD, customer, sign_in
from tests.privacy import canary
from tests.privacy.canary import (
    Cell,
    as_bytes,
    backup,
    beside,
    everything_stored,
    fill,
    prove_second_factor,
    stands_in,
    token,
)
from tests.privacy.test_holds import end, hold
from tests.privacy.test_receipt import streams
from trustivide.auth.models import User
from trustivide.auth.passwords import hash_password
from trustivide.auth.queries import person as person_of
from trustivide.core import clock, inventory
from trustivide.core.activities import SEARCH_HISTORY, TEAM_SURVEYS
from trustivide.core.crypto import (
    Digest,
    EncryptedBytes,
    EncryptedJSON,
    EncryptedText,
    KeyRing,
    ring,
)
from trustivide.core.db import Keep, db, transaction
from trustivide.core.subjects import Person
from trustivide.outbox import jobs, worker
from trustivide.privacy import erasure, export, holds, links, retention
from trustivide.privacy.models import Erasure, Export, PrivacySession
from trustivide.rights import actions as rights
from trustivide.surveys.models import Survey
from trustivide.workshops.words import stem as stem_of
from trustivide.workshops.words import words

ALICE, CHARLIE = "alice@exempel.test", "charlie@granne.test"
DORA, EVE = "dora@exempel.test", "eva@granne.test"
NOBODY = Person(code=secrets.token_bytes(32), cookie=secrets.token_bytes(32))
"""Whoever answered without an account: known by a receipt code and a cookie alone."""


@pytest.fixture(params=["real cipher", "null cipher"])
def cipher(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the null cipher, plain words lie in the file, and nothing hides behind ciphertext."""
    if request.param == "null cipher":
        monkeypatch.setattr(KeyRing, "encrypt", lambda self, plain: plain)
        monkeypatch.setattr(KeyRing, "decrypt", lambda self, stored: stored)
    return str(request.param)


def _kept(cell: Cell) -> bool:
    return isinstance(cell.field.erase, Keep)


def _traces(cells: list[Cell], haystack: bytes, *, null_cipher: bool) -> set[str]:
    """Names of the cells of which the stored bytes, or the plain word, are there."""
    found = set()
    for cell in cells:
        if cell.stored and cell.stored in haystack:
            found.add(cell.where)
        if null_cipher and cell.token and cell.token.encode() in haystack:
            found.add(cell.where)
    return found


def _allowed(person: Person) -> frozenset[bytes]:
    """The digests of a suppression survive by promise, wherever else they had stood too."""
    return person.address_digests


def _begin(app: Flask, address: str, *, account: bool) -> tuple[Person, list[Cell], list[Cell]]:
    """A person and a neighbour who fill every table, with mail sent and a download of it all."""
    worker.init_app(app)  # the real queue, which every commit wakes
    neighbour = customer("Charlie", CHARLIE, number="556036-0793", organisation="Grannen AB")
    user = customer("Alice Alm", address) if account else None
    person = person_of(user) if user else Person.of(None, address)
    other = person_of(neighbour) if account else Person.of(None, EVE)
    with transaction() as session:
        rights.object_to(session, person, TEAM_SURVEYS, clock.now())
        if not account:
            links.ask(session, address, "sv", clock.now())
    worker.work(app)
    with transaction() as session:
        cells = fill(session, person, neighbour)
        theirs = fill(session, other, neighbour)
    with transaction() as session:
        export.request(session, person, address=address, locale="sv", now=clock.now())
    db.session.rollback()
    jobs.run_due()
    db.session.rollback()
    return person, cells, theirs


def _searched(cells: list[Cell]) -> list[Cell]:
    return [c for c in cells if c.stored or c.token]


def _undated(cells: list[Cell]) -> list[Cell]:
    """All that is stored but points in time: a dump spells them in its own way."""
    return [c for c in cells if c.stored and not c.stored.startswith(b"20")]


def _gone(cells: list[Cell], person: Person) -> list[Cell]:
    """The cells of which nothing may be left: all but what is kept by promise.

    What a kept cell says (the account's id in the sealed log) survives, wherever else it stood.
    """
    promised = _allowed(person) | {c.stored for c in cells if _kept(c)}
    return [
        c
        for c in _searched(cells)
        if not _kept(c)
        and c.stored not in promised
        and not (c.stored or b"").startswith(b"20")  # a date may be anybody's
        and (c.token or c.field.declared.derived)
    ]


def _erase(person: Person, address: str) -> str:
    """Decide an erasure and let the days pass until it is carried out; the receipt's code."""
    with transaction() as session:
        code = erasure.request(
            session, person, address=address, name="", locale="sv", now=clock.now()
        )
    with time_machine.travel(clock.now() + timedelta(days=8)):
        _carry_out()
    return code


def _carry_out() -> None:
    db.session.rollback()
    erasure.start_due(clock.now())
    jobs.run_due()
    db.session.rollback()


@both_databases
@pytest.mark.parametrize("account", [True, False], ids=["account", "address"])
def test_no_byte_of_a_person_survives_their_erasure(
    app: Flask,
    client: FlaskClient,
    cipher: str,
    account: bool,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    caplog.set_level(logging.INFO)
    null = cipher == "null cipher"
    address = ALICE if account else DORA
    person, cells, theirs = _begin(app, address, account=account)
    instance = app.config["SETTINGS"].instance
    searched = _searched(cells)

    # Before: everywhere, or the search below would prove nothing.
    before = everything_stored()
    assert _traces(searched, before, null_cipher=null) >= {c.where for c in searched if c.stored}
    planted = _undated(searched)
    assert len(planted) > (80 if account else 30)
    assert _traces(planted, backup(tmp_path), null_cipher=null) == {c.where for c in planted}
    around = beside(instance)
    assert address.encode() in around  # in mail
    assert b"wake_up" in around  # in the queue
    (file,) = (instance / "exports").glob("*.age")
    download, (key, stored_key) = file.read_bytes(), _file_key(file.stem)
    assert download in around
    inside = b"".join(_unzipped(download, key))
    shown = [c.token for c in cells if c.token and c.field.shown]
    assert [word for word in [address, *shown] if word.encode() not in inside] == []
    assert [word for word in [address, *shown] if word.encode() in download] == []
    pieces = [download[at : at + 64] for at in range(0, len(download) - 63, 4096)]
    assert stands_in(person.references) > {"suppression.digest"}

    code = _erase(person, address)
    assert {"done"} == {
        e.state for e in db.session.query(Erasure).filter(Erasure.counts.is_not(None))
    }
    db.session.rollback()

    after, copy = everything_stored(), backup(tmp_path)
    gone = _gone(cells, person)
    assert len(gone) > (40 if account else 12)
    receipts = _receipts(client, code)
    ledger = b"".join(p.read_bytes() for p in sorted(instance.glob("ledger.db*")))
    assert receipts
    assert ledger
    for place in (after, copy):
        assert _traces(gone, place, null_cipher=null) == set()
        assert stored_key not in place
    for place in (beside(instance), receipts, caplog.text.encode()):
        assert _traces(gone, place, null_cipher=True) == set()
    for place in (after, copy, beside(instance), receipts, caplog.text.encode(), ledger):
        assert address.encode() not in place
        assert key.encode() not in place
        assert [piece for piece in pieces if piece in place] == []
        assert not [c.where for c in gone if c.token and c.token.encode() in place]
    if account:
        assert person.user_id is not None
        for place in (beside(instance), receipts):
            assert person.user_id.hex.encode() not in place
            assert str(person.user_id).encode() not in place
        for table in db.metadata.sorted_tables:  # the sealed log keeps the id for twelve months
            rows = db.session.execute(text(f'SELECT * FROM "{table.name}"')).all()
            held = {str(value).replace("-", "") for row in rows for value in row}
            assert table.name == "audit_entry" or person.user_id.hex not in held, table.name
        db.session.rollback()
    assert not list((instance / "exports").glob("*.age"))
    assert stands_in(person.references) == {"suppression.digest"}

    # A neighbour has all of theirs, and what is kept by promise is there.
    assert _traces([c for c in theirs if c.stored], after, null_cipher=null) == {
        c.where for c in theirs if c.stored
    }
    assert _traces(_undated(theirs), copy, null_cipher=null) == {c.where for c in _undated(theirs)}
    kept = [c for c in searched if _kept(c) and c.token]
    assert _traces(kept, after, null_cipher=null) == {c.where for c in kept}


def _file_key(export_id: str) -> tuple[str, bytes]:
    """The key of a download's file, and how it is stored."""
    held = db.session.get_one(Export, UUID(export_id))
    assert held.file_key
    (stored,) = db.session.execute(
        select(type_coerce(Export.__table__.c.file_key, LargeBinary)).where(
            Export.__table__.c.id == held.id
        )
    ).one()
    db.session.rollback()
    return held.file_key, as_bytes(stored)


def _unzipped(download: bytes, key: str) -> Iterator[bytes]:
    plain = pyrage.decrypt(download, [pyrage.x25519.Identity.from_str(key)])
    archive = zipfile.ZipFile(io.BytesIO(plain))
    return map(archive.read, archive.namelist())


def _receipts(client: FlaskClient, code: str) -> bytes:
    """Page, file and paper of a receipt, the paper unpacked."""
    there = f"/privacy/receipt/{code}"
    answers = [client.get(f"{there}{form}") for form in ("", ".json", ".pdf")]
    assert [a.status_code for a in answers] == [200] * 3
    parts = [a.data for a in answers]
    return b"\0".join([*parts, *streams(parts[-1])])


def test_a_word_in_any_place_beside_the_database_is_found(app: Flask) -> None:
    """The control: files of mail, downloads, the queue and any new one are all searched."""
    instance = app.config["SETTINGS"].instance
    words = [token() for _ in range(4)]
    for word, name in zip(words, ("mail/1.eml", "exports/1.age", "new/thing.log"), strict=False):
        path = instance / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"x{word}x")
    app.extensions["queue"].storage.enqueue(words[3].encode())
    place = beside(instance)
    assert [word for word in words if word.encode() not in place] == []


def test_every_personal_column_is_planted(app: Flask) -> None:
    """Whoever adds one has it searched for, or this fails by its name."""
    neighbour = customer("Charlie", CHARLIE, number="556036-0793", organisation="Grannen AB")
    alice = person_of(customer("Alice Alm", ALICE))
    with transaction() as session:
        cells = fill(session, alice, neighbour)
        cells += fill(session, NOBODY, neighbour)
    declared = {f"{g.name}.{f.name}" for g in inventory.groups() for f in g.fields}
    assert {c.where for c in cells} == declared
    assert {"request_case", "address_change", "legal_hold", "recipient_notice", "export"} <= {
        c.group.name for c in cells
    }
    # What can be searched for is: all but codes of a few letters, days and small numbers.
    unsearched = {c.where for c in cells if not c.stored and not c.token}
    words = {
        f"{g.name}.{f.name}"
        for g in inventory.groups()
        for f in g.fields
        if isinstance(f.column.type, EncryptedText | EncryptedBytes | EncryptedJSON | Digest)
    }
    assert not unsearched & words


def test_a_column_that_is_not_planted_fails_by_its_name(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: an empty cell, and a kind of column that the canary doesn't know."""
    neighbour = customer("Charlie", CHARLIE, number="556036-0793", organisation="Grannen AB")
    alice = person_of(customer("Alice Alm", ALICE))
    given = canary._value
    monkeypatch.setattr(
        canary, "_value", lambda *a: None if a[2] in {"wanted", "query"} else given(*a)
    )
    with (
        pytest.raises(AssertionError, match=r"request_case\.wanted was not filled"),
        db.session.no_autoflush,
        transaction() as session,
    ):
        whole = inventory.groups()
        monkeypatch.setattr(
            inventory, "groups", lambda: tuple(g for g in whole if g.name == "request_case")
        )
        fill(session, alice, neighbour)
    monkeypatch.undo()
    (group,) = [g for g in inventory.groups() if g.name == "search"]
    with pytest.raises(AssertionError, match=r"can't fill search\.lasted"):
        canary._value(db.session(), group, "lasted", Column("lasted", Interval()), neighbour, {})


@both_databases
def test_what_leads_to_nobody_by_address_goes_with_its_time(
    app: Flask, cipher: str, tmp_path: Path
) -> None:
    """Answers, drafts and requests by receipt code: only their days end them."""
    null = cipher == "null cipher"
    neighbour = customer("Charlie", CHARLIE, number="556036-0793", organisation="Grannen AB")
    with transaction() as session:
        cells = _searched(fill(session, NOBODY, neighbour))
        session.execute(update(Survey).values(closed_at=clock.now()))
    assert {"answer_set", "draft", "code_request"} == {c.group.name for c in cells}
    gone = [c for c in cells if c.token or c.field.declared.derived or c.field.declared.secret]
    assert {"answer_set.answers", "draft.sealed", "code_request.code"} <= {c.where for c in gone}
    for place in (everything_stored(), backup(tmp_path)):
        assert _traces(gone, place, null_cipher=null) == {c.where for c in gone}
    db.session.rollback()
    with time_machine.travel(clock.now() + timedelta(days=400)):
        retention.sweep(clock.now())
    db.session.rollback()
    for place in (everything_stored(), backup(tmp_path), beside(app.config["SETTINGS"].instance)):
        assert _traces(gone, place, null_cipher=null) == set()


@both_databases
def test_a_hold_keeps_its_own_bytes_and_no_others_and_then_none(
    app: Flask, cipher: str, tmp_path: Path
) -> None:
    null = cipher == "null cipher"
    person, cells, _ = _begin(app, ALICE, account=True)
    placed = hold(ALICE, SEARCH_HISTORY)
    keeping = holds.keeping(db.session(), person)
    db.session.rollback()
    # What ties a row to the person is the same in each; words of one's own are told apart.
    gone = [c for c in _gone(cells, person) if c.token and c.token != ALICE]
    _erase(person, ALICE)
    stays = {
        c.where
        for c in gone
        if c.group.name in keeping.whole
        or (c.group.name in keeping.emptied and keeping.leaves(c.group, c.field))
    }
    left = _traces(gone, everything_stored(), null_cipher=null)
    assert "search.query" in left
    assert left <= stays
    assert _traces(gone, backup(tmp_path), null_cipher=null) == left
    with time_machine.travel(clock.now() + timedelta(days=9)):
        end(placed)
        _carry_out()
    gone = _gone(cells, person)
    for place in (everything_stored(), backup(tmp_path), beside(app.config["SETTINGS"].instance)):
        assert _traces(gone, place, null_cipher=null) == set()
        assert ALICE.encode() not in place


def test_neither_word_nor_stem_nor_digest_of_a_search_is_left(
    app: Flask, client: FlaskClient, cipher: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    word = "kanariefåglarnas"
    person = person_of(customer("Alice Alm", ALICE))
    sign_in(client)
    assert client.post("/workshops/searches", data={"q": word}).status_code == 303
    worker.work(app)
    db.session.rollback()
    (folded,) = words(word)
    stem = stem_of(word, "sv")
    assert len({word, folded, stem}) == 3
    needles = [
        *(w.encode() for w in (word, folded, stem, word.upper())),
        *(d for w in (word, stem) for d in (*ring().digests(w), *ring().digests(w, "search"))),
    ]
    if cipher == "null cipher":
        assert word.encode() in everything_stored()  # the control: it was written down
    _erase(person, ALICE)
    places = (everything_stored(), beside(app.config["SETTINGS"].instance), caplog.text.encode())
    assert [n for n in needles for place in places if n in place] == []


def test_a_forgotten_group_is_caught(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the search above can fail."""
    person, cells, _ = _begin(app, ALICE, account=True)
    whole = inventory.groups()
    monkeypatch.setattr(
        inventory, "groups", lambda: tuple(g for g in whole if g.name != "erasure.email_digest")
    )
    _erase(person, ALICE)
    gone = [c for c in cells if not _kept(c) and c.token]
    assert _traces(gone, everything_stored(), null_cipher=False) == {"erasure.email_digest.email"}


@both_databases
@pytest.mark.parametrize("account", [True, False], ids=["account", "address"])
def test_page_and_download_hold_every_word_of_ones_own_and_none_of_a_neighbours(
    app: Flask, client: FlaskClient, account: bool
) -> None:
    address = ALICE if account else DORA
    person, cells, theirs = _begin(app, address, account=account)
    if account:
        with transaction() as session:  # the canary took the password's place
            session.get_one(User, person.user_id).password_hash = hash_password(PASSWORD)
        sign_in(client)
        prove_second_factor(person)
    else:
        with transaction() as session:
            session.add(
                PrivacySession(
                    email=DORA,
                    token_digest=ring().digest("besök", "privacy-session"),
                    expires_at=clock.now() + timedelta(minutes=20),
                )
            )
        client.set_cookie("privacy_session", "besök", path="/privacy")
    pages = _pages(client, person)
    location = client.post("/privacy/export").headers["Location"]
    db.session.rollback()
    jobs.run_due()
    archive = zipfile.ZipFile(io.BytesIO(client.get(f"{location}/file").data))
    files = {name: archive.read(name).decode() for name in archive.namelist()}
    tables = "".join(body for name, body in files.items() if name.endswith(".csv"))
    shown = [c for c in cells if c.token and c.field.shown]
    hidden = [c for c in cells if c.token and not c.field.shown]
    assert len(shown) > (10 if account else 5)
    assert hidden or not account
    for name, body in {
        "pages": pages,
        "page": files["index.html"],
        "json": files["data.json"],
        "csv": tables,
    }.items():
        missing = {c.where for c in shown if c.token and c.token not in body}
        # A foreign key is shown by the other row's name, and is no word of one's own.
        assert missing == set(), name
        assert {c.where for c in hidden if c.token and c.token in body} == set(), name
        assert {c.where for c in theirs if c.token and c.token in body} == set(), name
        assert CHARLIE not in body


def _pages(client: FlaskClient, person: Person) -> str:
    found = [client.get("/privacy/").text]
    for group in inventory.groups():
        if inventory.clause(group, person) is None:
            continue
        number = 1
        while True:
            page = client.get(f"/privacy/data/{group.name}?page={number}")
            assert page.status_code == 200, group.name
            found.append(page.text)
            number += 1
            if 'rel="next"' not in page.text:
                break
    return "".join(found)
