"""Every personal cell is found before an erasure and not after, in bytes; and is shown whole."""

import io
import logging
import zipfile
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import both_databases
from tests.factories import PASSWORD, customer, sign_in
from tests.privacy.canary import Cell, beside, everything_stored, fill
from trustivide.auth.models import User
from trustivide.auth.passwords import hash_password
from trustivide.auth.queries import person as person_of
from trustivide.core import clock, inventory
from trustivide.core.activities import TEAM_SURVEYS
from trustivide.core.crypto import KeyRing, ring
from trustivide.core.db import Keep, db, transaction
from trustivide.core.subjects import Person
from trustivide.outbox import jobs, worker
from trustivide.privacy import erasure, export, links
from trustivide.privacy.models import Erasure, PrivacySession
from trustivide.rights import actions as rights

ALICE, CHARLIE = "alice@exempel.test", "charlie@granne.test"
DORA, EVE = "dora@exempel.test", "eva@granne.test"


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
    """A person and a neighbour who fill every table, with mail sent and a download made."""
    neighbour = customer("Charlie", CHARLIE, number="556036-0793", organisation="Grannen AB")
    user = customer("Alice Alm", address) if account else None
    person = person_of(user) if user else Person.of(None, address)
    other = person_of(neighbour) if account else Person.of(None, EVE)
    with transaction() as session:
        export.request(session, person, address=address, locale="sv", now=clock.now())
        rights.object_to(session, person, TEAM_SURVEYS, clock.now())
        if not account:
            links.ask(session, address, "sv", clock.now())
    worker.work(app)
    with transaction() as session:
        cells = fill(session, person, neighbour)
        theirs = fill(session, other, neighbour)
    db.session.rollback()
    return person, cells, theirs


@both_databases
@pytest.mark.parametrize("account", [True, False], ids=["account", "address"])
def test_no_byte_of_a_person_survives_their_erasure(
    app: Flask, cipher: str, account: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    null = cipher == "null cipher"
    address = ALICE if account else DORA
    person, cells, theirs = _begin(app, address, account=account)
    instance = app.config["SETTINGS"].instance
    searched = [c for c in cells if c.stored or c.token]

    before = everything_stored()
    assert _traces(searched, before, null_cipher=null) >= {c.where for c in searched if c.stored}
    assert address.encode() in beside(instance)
    assert list((instance / "exports").glob("*.age"))

    with transaction() as session:
        erasure.request(session, person, address=address, name="", locale="sv", now=clock.now())
    with time_machine.travel(clock.now() + timedelta(days=8)):
        db.session.rollback()
        erasure.start_due(clock.now())
        jobs.run_due()
    db.session.rollback()
    assert {"done"} == {
        e.state for e in db.session.query(Erasure).filter(Erasure.counts.is_not(None))
    }
    db.session.rollback()

    after = everything_stored()
    gone = [
        c
        for c in searched
        if not _kept(c)
        and c.stored not in _allowed(person)
        and not (c.stored or b"").startswith(b"20")  # a date may be anybody's
        and (c.token or c.field.declared.derived)
    ]
    assert len(gone) > (40 if account else 12)
    assert _traces(gone, after, null_cipher=null) == set()
    assert address.encode() not in after
    if account:
        assert person.user_id is not None
        assert person.user_id.hex.encode() not in after
        assert str(person.user_id).encode() not in after
    assert _traces([c for c in theirs if c.stored], after, null_cipher=null) == {
        c.where for c in theirs if c.stored
    }

    for place in (beside(instance), caplog.text.encode()):
        assert address.encode() not in place
        assert _traces(gone, place, null_cipher=True) == set()
    assert not list((instance / "exports").glob("*.age"))
    kept = [c for c in searched if _kept(c) and c.token]
    assert _traces(kept, after, null_cipher=null) == {c.where for c in kept}


def test_a_forgotten_group_is_caught(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the search above can fail."""
    person, cells, _ = _begin(app, ALICE, account=True)
    whole = inventory.groups()
    monkeypatch.setattr(
        inventory, "groups", lambda: tuple(g for g in whole if g.name != "erasure.email_digest")
    )
    with transaction() as session:
        erasure.request(session, person, address=ALICE, name="", locale="sv", now=clock.now())
    with time_machine.travel(clock.now() + timedelta(days=8)):
        db.session.rollback()
        erasure.start_due(clock.now())
        jobs.run_due()
    db.session.rollback()
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
