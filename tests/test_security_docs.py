"""What docs/security.md and SECURITY.md say is what the code does."""

import ast
import importlib
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.test_docs import ROOT, section
from tests.web.test_pages import PRODUCTION
from trustivide import create_app
from trustivide.core import clock, cookies
from trustivide.rights import legal_texts

PACKAGE = ROOT / "trustivide"
UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


@pytest.fixture(scope="module")
def security() -> str:
    return (ROOT / "docs" / "security.md").read_text()


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the table under ``heading``, without its head."""
    lines = re.findall(r"^\| (.*) \|$", section(text, heading), re.MULTILINE)
    return [line.split(" | ") for line in lines[1:]]


def told(value: Any) -> str:
    """A limit as the table writes it."""
    if not isinstance(value, timedelta):
        return str(value)
    seconds = int(value.total_seconds())
    # In days from two on: links of "24 hours" are called so where people read of them.
    size, unit = next(u for u in UNITS if seconds % u[0] == 0 and seconds >= u[0])
    if (seconds, unit) == (86_400, "day"):
        size, unit = 3600, "hour"
    count = seconds // size
    return f"{count} {unit}{'' if count == 1 else 's'}"


def constant(app: Flask, where: str) -> Any:
    """What stands at ``package.module.NAME.attribute``, or in Flask's configuration."""
    if where in app.config:
        return app.config[where]
    parts = where.split(".")
    module = importlib.import_module(".".join(["trustivide", *parts[:2]]))
    found: Any = module
    for name in parts[2:]:
        found = getattr(found, name)
    return found


def test_the_table_of_limits_holds_what_counts(app: Flask, security: str) -> None:
    limits = rows(security, "Limits")
    assert len(limits) > 30
    wrong = [
        f"{where}: {told(constant(app, where.strip('`')))}, not {value}"
        for _, value, where in limits
        if told(constant(app, where.strip("`"))) != value
    ]
    assert wrong == []


def test_every_limit_on_tries_sessions_and_forms_stands_in_the_table(security: str) -> None:
    """A constant that says for how long a link, a session or a look counts is a limit too."""
    named = {where.strip("`") for _, _, where in rows(security, "Limits")}
    pattern = re.compile(
        r"^((?:\w+_FOR|VALID_FOR|ABSOLUTE_TIMEOUT|SUDO|PER_NETWORK|PER_ADDRESS|MAX_\w+)) = ", re.M
    )
    found = {
        ".".join([*path.relative_to(PACKAGE).with_suffix("").parts, name])
        for path in PACKAGE.rglob("*.py")
        for name in pattern.findall(path.read_text())
    }
    assert found - named == set()


def test_tokens_have_128_bits_or_more() -> None:
    weak = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"token_urlsafe", "token_hex", "token_bytes"}
        and isinstance(node.args[0], ast.Constant)
        and int(node.args[0].value) < 16
    ]
    nonces = {"surveys/anonymity.py"}  # 96 bits, as AES-GCM takes them
    references = {"web/errors.py"}
    assert {place.split(":")[0] for place in weak} == nonces | references


@pytest.fixture
def production(settings: dict[str, str]) -> FlaskClient:
    folder = settings["INSTANCE_PATH"]
    databases = {
        "DATABASE_URL": f"sqlite:///{folder}/trustivide.db",
        "LEDGER_URL": f"sqlite:///{folder}/ledger.db",
    }
    return create_app(settings | PRODUCTION | databases).test_client()


@pytest.mark.parametrize(
    "path", ["/", "/auth/login", "/static/css/base.css", "/nothing", "/security", "/teams/"]
)
def test_every_answer_has_the_headers_of_the_table(
    production: FlaskClient, security: str, path: str
) -> None:
    answer = production.get(path, base_url="https://trustivide.test")
    about_the_body = {"Content-Type", "Content-Length", "Accept-Ranges", "Date", "ETag"} | {
        "Content-Disposition",
        "Last-Modified",
        "Location",
        "Set-Cookie",
        "Cache-Control",
        "Vary",
    }
    sent = {
        name: re.sub(r"nonce-[\w-]+", "nonce-…", value)
        for name, value in answer.headers.items()
        if name not in about_the_body
    }
    assert sent == {n.strip("`"): value.strip("`") for n, value in rows(security, "Headers")}
    assert set(answer.vary.as_set(preserve_casing=True)) >= {
        "HX-Request",
        "HX-Request-Type",
        "Cookie",
        "Accept-Language",
    }
    if not path.startswith("/static/"):
        assert answer.headers["Cache-Control"] == "no-store"


def test_every_cookie_stands_in_the_table(security: str) -> None:
    assert [[cell.strip("`") for cell in row] for row in rows(security, "Cookies")] == [
        [cookie.called(secure=True), cookie.path, told(cookie.life)] for cookie in cookies.ALL
    ]


def known_tests() -> set[str]:
    """Every test, as file::name."""
    return {
        f"{path.relative_to(ROOT / 'tests')}::{name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }


def test_every_chapter_of_asvs_is_mapped_to_tests_that_exist(security: str) -> None:
    chapters = rows(security, "ASVS 5.0.0, chapter by chapter")
    assert [row[0].split()[0] for row in chapters] == [f"V{n}" for n in range(1, 18)]
    named = {name for row in chapters for name in re.findall(r"`([\w/]+\.py::\w+)`", row[-1])}
    assert named - known_tests() == set()
    assert all(row[-1] == "–" or "`" in row[-1] for row in chapters)
    numbers = {
        number
        for row in chapters
        for listed in re.findall(r"checklist ([\d, ]+)", row[-1])
        for number in re.findall(r"\d\d", listed)
    }
    if (ROOT / "tests" / "checklist").is_dir():
        have = {n for name in known_tests() for n in re.findall(r"::test_checklist_(\d\d)_", name)}
        assert numbers - have == set()


def test_every_deviation_has_its_reason(security: str) -> None:
    deviations = rows(security, "Deviations")
    assert "14.2.1" in {row[0] for row in deviations}
    assert [row for row in deviations if len(row) != 3 or not all(row)] == []


# How to report


def test_security_md_says_what_the_page_says(client: FlaskClient) -> None:
    written = (ROOT / "SECURITY.md").read_text()
    assert legal_texts.current("security-reporting", "en").body in written
    assert "contact@trustivide.com" in written
    swedish, english = (
        client.get("/security", headers={"Accept-Language": language}).text
        for language in ("sv", "en")
    )
    assert "<h1>Rapportera en säkerhetsbrist</h1>" in swedish
    assert "<h1>Report a security flaw</h1>" in english
    assert 'href="mailto:contact@trustivide.com"' in english
    assert 'href="/security"' in client.get("/").text


def test_security_txt_never_lies(production: FlaskClient) -> None:
    answer = production.get("/.well-known/security.txt", base_url="https://trustivide.test")
    assert answer.mimetype == "text/plain"
    fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert fields["Contact"] == "mailto:contact@trustivide.com"
    assert fields["Preferred-Languages"] == "sv, en"
    assert fields["Canonical"] == "https://trustivide.test/.well-known/security.txt"
    assert fields["Policy"] == "https://trustivide.test/security"
    left = datetime.fromisoformat(fields["Expires"]) - clock.now()
    assert timedelta(days=30) < left < timedelta(days=365)
    policy = fields["Policy"].removeprefix("https://trustivide.test")
    assert production.get(policy, base_url="https://trustivide.test").status_code == 200
