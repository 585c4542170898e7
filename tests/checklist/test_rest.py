"""The rest: what production refuses, what is logged, what an error says, and this list itself."""

import ast
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.admin.test_office import in_office
from tests.factories import PASSWORD, customer, delivered, link_in, sign_in, staff
from tests.web.test_pages import PRODUCTION
from trustivide import create_app
from trustivide.audit.models import AuditEntry
from trustivide.audit.queries import verify
from trustivide.core.db import db
from trustivide.core.errors import BootError
from trustivide.rights import legal_texts

ALICE = "alice@exempel.test"
ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "trustivide").rglob("*.py"))


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def is_fixed(node: ast.expr, constants: frozenset[str] = frozenset()) -> bool:
    """Whether the text stands in the source, put together from nothing that comes in."""
    return isinstance(node, ast.Constant) or ast.unparse(node) in constants


def constants_of(tree: ast.Module) -> frozenset[str]:
    """Names of texts that stand at the top of a module."""
    return frozenset(
        ast.unparse(node.targets[0])
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    )


PUT_TOGETHER = {
    "cursor.execute(f'PRAGMA busy_timeout={patience}')",  # numbers and names of ours, which
    "cursor.execute(f'PRAGMA {pragma}')",  # SQLite takes as no parameters
    "connection.exec_driver_sql('BEGIN IMMEDIATE' if immediate else 'BEGIN')",
}


def test_checklist_32_no_statement_is_put_together_from_strings() -> None:
    """SQL stands whole in the source, and values travel as parameters."""
    loose = set()
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        imported = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy")
            for alias in node.names
        }
        for name, call in calls(path):
            last = name.rsplit(".", 1)[-1]
            raw = last in {"exec_driver_sql", "executescript", "literal_column", "TextClause"}
            raw |= last == "text" and (last in imported or name.startswith(("sa.", "sqlalchemy.")))
            raw |= last == "execute" and bool(call.args) and isinstance(call.args[0], ast.JoinedStr)
            if raw and call.args and not is_fixed(call.args[0], constants_of(tree)):
                loose.add(ast.unparse(call))
    assert loose == PUT_TOGETHER


READ = {
    "admin/views/workshop_versions.py",  # the office's preview of the same
    "auth/views/second_factor.py",  # drawn by segno from a key of ours
    "privacy/views/policy.py",  # our texts, with marks of ours
    "surveys/answering/questions.py",  # values are escaped before they go in
    "teams/views/members.py",  # a template's own output
    "web/legal.py",  # our texts
    "workshops/views/guide.py",  # our cards; cards.body_html lets a few plain tags out
}
"""Where something is declared to be HTML, and why it is. Add one only after reading it."""


def test_checklist_33_no_template_is_put_together_from_strings() -> None:
    trusted = set()
    for path in SOURCES:
        for name, call in calls(path):
            last = name.rsplit(".", 1)[-1]
            assert last not in {"render_template_string", "from_string", "Template"}, path
            if last in {"render_template", "render_block"} and call.args:
                template = ast.unparse(call.args[0])
                is_ours = is_fixed(call.args[0]) or template.startswith(("f'mail/", "f'web/_table"))
                assert is_ours or template == "template", (path, template)
            if last == "Markup" and call.args and not is_fixed(call.args[0]):
                trusted.add(str(path.relative_to(ROOT / "trustivide")))
    assert trusted <= READ
    for path in (ROOT / "templates").rglob("*.html"):
        assert not re.search(r"\|\s*safe\b|autoescape\s+false", path.read_text()), path


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"SECRET_KEY": "development-only-secret"}, "SECRET_KEY"),
        ({"SECRET_KEY": "kort"}, "SECRET_KEY"),
        ({"TRUSTIVIDE_KEYS": ""}, "TRUSTIVIDE_KEYS"),
        ({"PUBLIC_URL": ""}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "http://trustivide.test"}, "PUBLIC_URL"),
        ({"MAIL_SERVER": ""}, "MAIL_SERVER"),
        ({"MAIL_USE_TLS": "", "MAIL_USE_SSL": "false"}, "MAIL_USE_TLS"),
        ({"MAIL_DEFAULT_SENDER": ""}, "MAIL_DEFAULT_SENDER"),
        ({"DATABASE_URL": ""}, "DATABASE_URL"),
        ({"LEDGER_URL": ""}, "LEDGER_URL"),
        ({"FLASK_DEBUG": "1"}, "FLASK_DEBUG"),
        ({"TRUSTIVIDE_ENV": "produktion"}, "TRUSTIVIDE_ENV"),
        ({"PROXIES": "many"}, "PROXIES"),
    ],
)
def test_checklist_42_production_does_not_start_unsafe(
    settings: dict[str, str], changed: dict[str, str], says: str
) -> None:
    folder = settings["INSTANCE_PATH"]
    whole = {
        **settings,
        **PRODUCTION,
        "DATABASE_URL": f"sqlite:///{folder}/trustivide.db",
        "LEDGER_URL": f"sqlite:///{folder}/ledger.db",
    }
    with pytest.raises(BootError, match=says) as refused:
        create_app(whole | changed)
    assert whole["SECRET_KEY"] not in str(refused.value)
    assert whole["TRUSTIVIDE_KEYS"] not in str(refused.value)


def test_checklist_44_security_events_are_noted_once_in_utc_and_name_nobody(
    app: Flask, browser_of: Callable[[], FlaskClient], caplog: pytest.LogCaptureFixture
) -> None:
    """A day of Alice's and Stina's, read back from the chain and from the log's lines."""
    caplog.set_level(logging.INFO)
    alice = customer()
    staff()
    new, typed = "smultron under granen", "Alice ringde, hon kommer inte in."
    here = browser_of()
    here.post("/auth/login", data={"email": ALICE, "password": "fel lösenord"})
    sign_in(here)
    change = {"current": PASSWORD, "password": new}
    assert here.post("/auth/password", data=change).status_code == 303
    assert here.get("/admin/").status_code == 404
    assert here.get("/admin/users").status_code == 404
    assert here.post("/auth/logout").status_code == 303
    here.post("/auth/forgot", data={"email": ALICE})
    reset = link_in(delivered(app)[-1], "/auth/reset/")
    assert here.post(reset, data={"password": "hjortron i gryningen"}).status_code == 303
    assert here.post(reset, data={"password": "hjortron i gryningen"}).status_code == 404
    stina = in_office(browser_of())
    assert stina.post(f"/admin/users/{alice.id}/looks", data={"reason": typed}).status_code == 303

    db.session.rollback()
    entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.number)).all()
    seen = Counter((e.event, e.about_id == alice.id or e.actor_id == alice.id) for e in entries)
    for event in ("sign_in_failed", "password_changed", "sign_out", "password_reset"):
        assert seen[event, True] == 1, (event, seen)
    assert [e.detail for e in entries if e.event == "sign_in" and e.about_id == alice.id] == [
        "password",
        "reset",
    ]
    assert seen["access_denied", True] == 1  # of two within a minute
    assert seen["person_opened", True] == 1
    said = [r.getMessage() for r in caplog.records if r.getMessage().startswith("security ")]
    assert len(said) == len(entries)
    assert [e.number for e in entries] == list(range(entries[0].number, entries[-1].number + 1))
    for entry, line in zip(entries, said, strict=True):
        assert entry.at.utcoffset() == timedelta(0)
        assert f"number={entry.number} " in line
        assert "+00:00" in line
        assert re.fullmatch(r"[a-z0-9_.:-]*", entry.detail), entry.detail
    # Neither the chain nor the log says who anybody is, or what anybody wrote: that stands
    # outside it, where it can be erased.
    columns = {c.name for c in AuditEntry.__table__.columns}
    assert columns == {"id", "number", "at", "event", "actor_id", "about_id", "thing_id"} | {
        "detail",
        "seal",
    }
    told = "\n".join(said + [repr(tuple(vars(e).values())) for e in entries])
    for word in (ALICE, "Alice", "Stina", "stina@", "ringde", new, PASSWORD, "127.0.0.1"):
        assert word not in told, word
    assert verify(db.session()).faults == ()


def test_checklist_45_errors_are_generic_and_found_again_by_their_reference(
    app: Flask,
    client: FlaskClient,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.INFO)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    customer()
    sign_in(client)

    def crash(*_: object) -> None:
        raise RuntimeError("SELECT secret FROM user WHERE email = 'alice@exempel.test'")

    monkeypatch.setattr(legal_texts, "current", crash)
    seen = set()
    for path, method, status in (
        ("/privacy-policy", "GET", 500),
        ("/auth/register", "GET", 303),
        ("/nothing", "GET", 404),
        ("/teams/", "DELETE", 405),
        ("/teams/00000000-0000-4000-8000-000000000000", "GET", 404),
    ):
        answer = client.open(path, method=method)
        assert answer.status_code == status
        if status < 400:
            continue
        told = set(re.findall(r"\b[0-9a-f]{8}\b", answer.text))
        noted = {r for r in told if f"reference {r}" in caplog.text}
        assert len(noted) == 1, path
        seen |= noted
        for inside in ("SELECT", "Traceback", "RuntimeError", ".py", "werkzeug", "Flask"):
            assert inside not in answer.text, (path, inside)
    assert len(seen) == 4
    # Not there and not yours read alike.
    told = [
        client.get(path).text
        for path in ("/admin/", "/teams/00000000-0000-4000-8000-000000000000", "/nothing")
    ]
    plain = {re.sub(r"[0-9a-f]{8}\b|nonce=\"[^\"]*\"|value=\"[^\"]*\"", "", t) for t in told}
    assert len({re.sub(r"<body[^>]*>|<p class=\"office-band.*?</p>", "", t) for t in plain}) <= 2


def test_the_checklist_is_whole() -> None:
    """Every number from 1 to 45, and every real failure, has its test.

    46 and 47 come with the operations work.
    """
    names = []
    for path in (ROOT / "tests").rglob("test_*.py"):
        names += [
            node.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        ]
    numbers = {
        int(m.group(1)) for name in names if (m := re.match(r"test_checklist_(\d\d)_", name))
    }
    assert sorted(set(range(1, 46)) - numbers) == []
    replays = " ".join(name for name in names if name.startswith("test_replay_"))
    missing = [source for source in REPLAYED if f"test_replay_{source}" not in replays]
    assert missing == []
    # One list, two readers: it is the same as in the document.
    assert len(set(names) & {n for n in names if n.startswith("test_replay_")}) >= len(REPLAYED)


REPLAYED = (
    "emdash_3298",
    "formbricks_7972",
    "formbricks_9131",
    "formbricks_8506",
    "loomio_12668",
    "loomio_12751",
    "nextcloud_polls_871",
    "eusurvey_324",
    "indico_cve_2026_28352",
    "indico_cve_2025_53640",
    "cve_2023_37901",
    "flask_security_cve_2023_49438",
    "indico_5753",
    "superset_40201",
    "flask_limiter_41",
    "pretix_2058",
    "tooljet_2412",
    "reusable_recovery_token",
    "mastodon_13330",
)
