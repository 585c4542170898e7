"""A receipt of erasure: on paper and as a file, proof to its holder, and telling of nobody."""

import io
import json
import re
import zlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import both_databases
from tests.factories import customer, sign_in
from tests.privacy.stories import DORA
from tests.privacy.stories import member as _member
from tests.privacy.stories import visit as _visit
from tests.privacy.test_erasure import _decide
from tests.privacy.test_holds import GROUND, hold, searches
from trustivide.core import children, clock
from trustivide.core.activities import SEARCH_HISTORY
from trustivide.core.db import db
from trustivide.privacy import receipt

ALICE = "alice@exempel.test"
CHECK = "/privacy/receipt"
_SIGNED = (
    b'{"schema": "trustivide-erasure-receipt/1", '
    b'"signature": {"key_version": %b, "value": "00"}, "more": %b}'
)


@pytest.fixture
def erased(app: Flask, client: FlaskClient, tick: Callable[[], None]) -> str:
    """Dora is erased; the address of her receipt."""
    _member()
    _visit(app, client)
    location = _decide(client)
    tick()
    return location


def streams(pdf: bytes) -> list[bytes]:
    """Every stream of a PDF, unpacked. Its last byte may look like the end of a line."""
    found = []
    for packed in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            found.append(zlib.decompressobj().decompress(packed))
        except zlib.error:
            found.append(packed)
    return found


def inside(pdf: bytes) -> bytes:
    """The signed receipt that lies in the PDF as a file."""
    (held,) = [s for s in streams(pdf) if s.startswith(b"{") and receipt.SCHEMA.encode() in s]
    return held


def upload(client: FlaskClient, content: bytes, **more: str) -> Any:
    data = {"file": (io.BytesIO(content), "kvitto.json"), **more}
    return client.post(CHECK, data=data, content_type="multipart/form-data")


@both_databases
def test_the_file_is_recognised_when_it_is_uploaded(client: FlaskClient, erased: str) -> None:
    answer = client.get(f"{erased}.json")
    assert answer.mimetype == "application/json"
    assert "attachment" in answer.headers["Content-Disposition"]
    page = upload(client, answer.data)
    assert page.status_code == 200
    assert "äkta" in page.text


def test_the_pdf_holds_the_signed_file_and_it_is_recognised(
    client: FlaskClient, erased: str
) -> None:
    answer = client.get(f"{erased}.pdf")
    assert answer.mimetype == "application/pdf"
    assert answer.data.startswith(b"%PDF-")
    signed = inside(answer.data)
    assert json.loads(signed) == client.get(f"{erased}.json").json
    assert "äkta" in upload(client, signed).text
    assert b"kvitto-" in answer.data


@pytest.mark.parametrize(
    "change",
    [
        lambda b: b["tables"]["team_member"].update(deleted=0),
        lambda b: b["tables"].update(user={"deleted": 1, "blanked": 0, "kept": 0, "held": 0}),
        lambda b: b["kept"].clear(),
        lambda b: b.update(complete=False),
        lambda b: b["subject"].update(value="0" * 64),
        lambda b: b.update(completed_at="2020-01-01T00:00:00+00:00"),
        lambda b: b.update(note="x"),
        lambda b: b.pop("backups"),
        lambda b: b["signature"].update(value="00" * 64),
        lambda b: b["signature"].update(key_version=2),
        lambda b: b["signature"].update(key_version="one"),
        lambda b: b.pop("signature"),
        lambda b: b.update(schema="trustivide-erasure-receipt/2"),
    ],
)
def test_an_altered_file_is_refused(
    client: FlaskClient, erased: str, change: Callable[[dict[str, Any]], None]
) -> None:
    body = json.loads(client.get(f"{erased}.json").data)
    change(body)
    page = upload(client, json.dumps(body).encode())
    assert page.status_code == 200
    assert "har det ändrats" in page.text or "inget kvitto" in page.text
    assert "är äkta" not in page.text


def test_its_own_key_in_the_file_proves_nothing(client: FlaskClient, erased: str) -> None:
    """Signed by somebody else, with their public key beside it: the key that counts is ours."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    body = json.loads(client.get(f"{erased}.json").data)
    body["tables"]["team_member"]["deleted"] = 99
    theirs = Ed25519PrivateKey.generate()
    body["signature"]["public_key"] = theirs.public_key().public_bytes_raw().hex()
    body["signature"]["value"] = theirs.sign(receipt.canonical(body)).hex()
    assert "är äkta" not in upload(client, json.dumps(body).encode()).text


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"null",
        b"7",
        b'"x"',
        b"{",
        b"\xff\xfe\x00",
        b"%PDF-1.7",
        b"[" * 100_000,
        b"{}",
        b"",
        _SIGNED % (b"1e999", b"1"),
        _SIGNED % (b"1", b"[" * 900 + b"]" * 900),
        _SIGNED % (b"1", b'"\\ud800"'),
        _SIGNED % (b"9" * 5000, b"1"),
    ],
)
def test_what_is_no_receipt_is_said_not_to_be_one(client: FlaskClient, content: bytes) -> None:
    page = upload(client, content)
    assert page.status_code == 200
    assert "är äkta" not in page.text


def test_nothing_and_too_much_are_said_beside_the_field(client: FlaskClient) -> None:
    answer = client.post(CHECK, data={"receipt": ""})
    assert answer.status_code == 422
    assert "Välj filen eller klistra in kvittot" in answer.text
    answer = upload(client, b" " * 200_001)
    assert answer.status_code == 422
    assert "för stor" in answer.text


def test_it_names_nobody_and_holds_no_code(client: FlaskClient, erased: str) -> None:
    code = erased.rsplit("/", 1)[1]
    pdf = client.get(f"{erased}.pdf").data
    everywhere = b"\0".join([client.get(f"{erased}.json").data, pdf, *streams(pdf)])
    for word in (DORA, "Dora", "Dal", code, code.replace("-", ""), "alice", "Blå laget"):
        assert word.encode() not in everywhere
    page = client.get(erased).text
    for word in (DORA, "Dora", "alice"):
        assert word not in page


def test_its_holder_can_recompute_whom_it_is_about_and_nobody_else(
    client: FlaskClient, erased: str
) -> None:
    value = json.loads(client.get(f"{erased}.json").data)["subject"]["value"]
    code = erased.rsplit("/", 1)[1]
    assert receipt.subject_reference(code, f" {DORA.upper()} ") == value
    assert receipt.subject_reference(receipt.new_code(), DORA) != value
    assert receipt.subject_reference(code, ALICE) != value


def test_before_it_is_done_there_is_none(app: Flask, client: FlaskClient) -> None:
    _member()
    _visit(app, client)
    location = _decide(client)
    for form in ("json", "pdf"):
        assert client.get(f"{location}.{form}").status_code == 404
        assert client.get(f"/privacy/receipt/abcde-fghij.{form}").status_code == 404


def test_while_a_hold_keeps_something_the_paper_says_what_and_why(
    app: Flask, client: FlaskClient, tick: Callable[[], None]
) -> None:
    customer()
    searches()
    placed = hold(ALICE, SEARCH_HISTORY)
    until = placed.ends_on.isoformat()
    sign_in(client)
    location = _decide(client)
    with time_machine.travel(clock.now() + timedelta(days=7, minutes=1)):
        tick()
        pdf = client.get(f"{location}.pdf").data
        body = json.loads(inside(pdf))
        assert not body["complete"]
        assert until in {kept.get("until") for kept in body["kept"]}
        assert GROUND in json.dumps(body, ensure_ascii=False)
        assert "är äkta" in upload(client, inside(pdf)).text
    db.session.rollback()


def test_a_no_that_outlives_the_erasure_is_told_on_paper_too(
    app: Flask, client: FlaskClient, tick: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    words, run = [], children.run

    def listen(module: str, *arguments: str, given: bytes = b"") -> bytes:
        words.append(given.decode())
        return run(module, *arguments, given=given)

    monkeypatch.setattr(children, "run", listen)
    _member()
    _visit(app, client)
    client.post("/privacy/objections/team_surveys", data={"on": "1", "reason": "Jag vill inte."})
    location = _decide(client)
    tick()
    no = "Ditt nej till utskick gäller fortfarande"
    assert no in client.get(location).text
    assert client.get(f"{location}.pdf").data.startswith(b"%PDF-")
    (printed,) = words
    assert no in printed
    assert DORA not in printed
