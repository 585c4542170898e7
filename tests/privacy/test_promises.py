"""Beside every promise stands its state: kept, not kept, or not measured, and never by hope."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from tests.admin.test_office import REASON, in_office
from tests.conftest import both_databases
from tests.factories import account, customer, staff
from tests.surveys.stories import launched
from trustivide import create_app
from trustivide.auth.models import Passkey, User
from trustivide.core import clock
from trustivide.core.activities import ALL, MARKETING_EMAIL, LegalBasis
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.core.text import Text
from trustivide.privacy import measures, promises
from trustivide.privacy.measures import BROKEN, KEPT, NOT_MEASURED, Measured
from trustivide.privacy.models import Erasure, LegalHold, RecipientNotice, Request, SweepRun
from trustivide.privacy.promises import PROMISES
from trustivide.rights import actions as rights
from trustivide.rights import legal_texts
from trustivide.rights.ledger import ledger
from trustivide.workshops.models import Search

ROOT = Path(__file__).parent.parent.parent
LATER = {
    "1.relations",
    "2.register",
    "6.4",
    "6.5",
    "6.6",
    "6.8",
    "6.8.restore",
    "8.invoices",
}
"""Promises whose measure comes with a later feature."""
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _own_registry() -> Iterator[None]:
    """What a test plugs in is gone after it."""
    before = dict(promises.registry)
    yield
    promises.registry.clear()
    promises.registry.update(before)


def state(key: str, now: datetime | None = None) -> Measured:
    """One promise, measured."""
    db.session.rollback()
    (promise,) = [p for p in PROMISES if p.key == key]
    return promise.measured(db.session(), now or clock.now())


def asked(kind: str, received: datetime, **more: Any) -> Request:
    """A request of somebody's."""
    with transaction() as session:
        request = Request(
            reference=b"r" * 32,
            kind=kind,
            received_at=received,
            due_on=(received + timedelta(days=30)).date(),
            **more,
        )
        session.add(request)
    return request


# The list


def test_every_promise_has_a_key_of_its_own_and_a_test_that_exists() -> None:
    assert len({p.key for p in PROMISES}) == len(PROMISES)
    for promise in PROMISES:
        module, _, name = promise.test.rpartition(".")
        tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text())
        tests = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
        assert name in tests, promise.key
        assert promise.key.startswith(promise.section)


@pytest.mark.parametrize("language", ["sv", "en"])
def test_every_section_of_the_policy_has_its_promises(language: str) -> None:
    body = legal_texts.current("privacy-policy", language).body
    headings = set(re.findall(r"^#{2,3} (\d+(?:\.\d+)?)", body, re.MULTILINE))
    assert {f"6.{n}" for n in range(1, 9)} <= headings
    assert headings - {"6"} == {p.section for p in PROMISES}
    assert {f"6.{n}" for n in range(1, 9)} <= {p.key for p in PROMISES}


@both_databases
def test_everything_is_measured_cheaply(app: Flask) -> None:
    """One query for most, a handful for none."""
    launched(app, 5)
    statements: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    db.session.rollback()
    event.listen(db.engine, "before_cursor_execute", note)
    found = promises.by_section(db.session(), clock.now())
    event.remove(db.engine, "before_cursor_execute", note)
    states = {s.promise.key: s.measured.state for group in found.values() for s in group}
    # 6.1: tests are served without TLS.
    assert {key for key, value in states.items() if value == BROKEN} == {"6.1"}
    read = [s for s in statements if s.lstrip().upper().startswith("SELECT") and "pg_cat" not in s]
    assert len(read) < len(PROMISES)


# Plugging in, and what is not there yet


@pytest.mark.parametrize("key", sorted(LATER))
def test_what_comes_later_is_not_measured(app: Flask, key: str) -> None:
    assert state(key) == measures.NOT_YET
    promises.registry[key] = lambda session, now: Measured(
        KEPT, Text("Senast prövad", "Last tried"), clock.day_of(now)
    )
    assert state(key).state == KEPT


def test_a_plugged_in_measure_is_shown_beside_its_section(app: Flask, client: FlaskClient) -> None:
    before = client.get("/privacy-policy").text
    assert "Återställd på prov" not in before
    assert "Mäts inte än" in before
    promises.registry["6.8"] = lambda session, now: Measured(
        BROKEN, Text("Återställd på prov: aldrig", "Restored as a trial: never"), NOW.date()
    )
    for path in ("/privacy-policy", "/privacy-policy/promises"):
        page = client.get(path).text
        assert "Återställd på prov: aldrig" in page
        assert "25 november 2026" in page
        assert "Hålls inte" in page


def test_the_state_stands_in_words_and_by_a_mark(client: FlaskClient) -> None:
    for path in ("/privacy-policy", "/privacy-policy/promises"):
        page = client.get(path).text
        marks = re.findall(r'<span class="promise-state [^"]+"><svg.*?</svg>([^<]+)</span>', page)
        assert len(marks) == len(PROMISES)
        assert {word.strip() for word in marks} <= {t.sv for t in promises.STATES.values()}
        for promise in PROMISES:
            assert promise.promise.sv in page
    assert all(p.how.sv in page for p in PROMISES)


def test_the_public_pages_name_nobody(app: Flask, client: FlaskClient) -> None:
    launched(app, 5)
    staff()
    for path in ("/privacy-policy", "/privacy-policy/promises"):
        page = client.get(path).text
        for word in ("exempel.test", "Alice", "Stina", "Redaktionen", "Exempel AB"):
            assert word not in page


# The measures


def test_an_unwritten_balancing_test_breaks_its_promise(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = [a.key for a in ALL if a.legal_basis is LegalBasis.LEGITIMATE_INTEREST]
    for written, expected in ((ours[:0], NOT_MEASURED), (ours[1:], BROKEN), (ours, KEPT)):
        names = {f"balancing-{key}" for key in written}
        monkeypatch.setattr(
            legal_texts, "versions", lambda key, names=names: (1,) if key in names else ()
        )
        assert state("3.balancing").state == expected


def test_a_choice_ticked_in_advance_breaks_the_promise(app: Flask) -> None:
    dora = Person.of(None, "dora@exempel.test")
    text = legal_texts.current("marketing", "sv")
    with transaction() as session:
        record = rights.choose(
            session, dora, MARKETING_EMAIL, "given", text, NOW, collected_by="test"
        )
    assert state("4.asked").state == KEPT
    with transaction() as session:
        session.merge(record).default_state = "on"
    assert state("4.asked").state == BROKEN


def test_a_withdrawal_stands_in_the_ledger(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    dora = Person.of(None, "dora@exempel.test")
    text = legal_texts.current("marketing", "sv")
    with transaction() as session:
        for choice in ("given", "withdrawn"):
            rights.choose(session, dora, MARKETING_EMAIL, choice, text, NOW, collected_by="test")
    assert state("4.withdraw").value.sv == "Återkallelser: 1; i rättighetsregistret: 1"
    assert state("4.withdraw").state == KEPT
    monkeypatch.setattr(ledger(), "count", lambda effect=None: 0)
    assert state("4.withdraw").state == BROKEN


def test_a_ledger_that_does_not_answer_breaks_its_promises_and_not_the_page(
    app: Flask, client: FlaskClient
) -> None:
    with ledger().engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE entry RENAME TO gone")
    for key in ("4.withdraw", "6.8.ledger", "9.objection"):
        assert state(key).state == BROKEN
    assert client.get("/privacy-policy").status_code == 200


@both_databases
def test_a_request_past_its_date_breaks_the_promise(app: Flask) -> None:
    assert state("5.time", NOW).state == KEPT
    request = asked("erase", NOW - timedelta(days=31))
    for key in ("5.time", "5.erase", "6.7"):
        assert state(key, NOW).state == BROKEN, key
    assert state("5.correct", NOW).state == KEPT
    with transaction() as session:
        late = session.get_one(Request, request.id)
        late.state, late.completed_at = "done", NOW
    assert state("5.erase", NOW).state == KEPT
    assert state("6.7", NOW).state == KEPT
    late_answer = state("5.time", NOW)
    assert late_answer.state == BROKEN
    assert late_answer.value.sv == "Öppna: 0; försenade: 0; besvarade för sent på 12 månader: 1"
    assert state("5.time", NOW + timedelta(days=400)).state == KEPT


@both_databases
def test_the_median_and_the_worst_answer_time_are_shown(app: Flask) -> None:
    assert state("6.7", NOW).value.sv == "Ingen begäran på 12 månader"
    for seconds in (5, 5, 3 * 3600, 90 * 60, 12 * 86_400):
        received = NOW - timedelta(days=20)
        done = received + timedelta(seconds=seconds)
        asked("access", received, state="done", completed_at=done)
    asked("access", NOW - timedelta(days=500), state="done", completed_at=NOW - timedelta(days=470))
    assert state("6.7", NOW).value.sv.startswith(
        "Median: 90 min; längst: 12 dagar; besvarade på 12 månader: 5"
    )
    assert state("6.7", NOW).value.en.startswith("Median: 90 min; longest: 12 days")


def test_a_recipient_who_was_not_reached_is_shown(app: Flask) -> None:
    request = asked("correct", NOW, state="done", completed_at=NOW)
    with transaction() as session:
        for outcome in ("sent", "failed"):
            session.add(
                RecipientNotice(
                    request_id=request.id,
                    reference=b"r" * 32,
                    recipient="customer",
                    event="corrected",
                    state=outcome,
                    on=NOW.date(),
                )
            )
    measured = state("5.recipients", NOW)
    assert measured.state == BROKEN
    assert measured.value.sv == (
        "Mottagare som fått veta på 12 månader: 1; på väg: 0; inte nådda: 1"
    )


def test_tls_is_read_from_the_settings(settings: dict[str, str]) -> None:
    for url, server, tls, expected in (
        ("https://trustivide.test", "mail.test", "true", KEPT),
        ("https://trustivide.test", "mail.test", "false", BROKEN),
        ("https://trustivide.test", "", "false", KEPT),
        ("http://localhost:5000", "", "false", BROKEN),
    ):
        more = {"PUBLIC_URL": url, "MAIL_SERVER": server, "MAIL_USE_TLS": tls}
        app = create_app(settings | more)
        with app.app_context():
            assert state("6.1").state == expected, more
            db.engine.dispose()


def test_a_colleague_without_a_second_factor_is_shown(app: Flask) -> None:
    assert state("6.2").state == NOT_MEASURED
    staff()
    assert state("6.2").value.sv == "Medarbetare med andra faktor: 0 av 1"
    assert state("6.2").state == BROKEN
    with transaction() as session:
        session.get_one(User, account("stina@trustivide.test").id).totp_secret = "A" * 32
    assert state("6.2").state == KEPT
    sven = staff("Sven Sjö", "sven@trustivide.test")
    assert state("6.2").value.sv == "Medarbetare med andra faktor: 1 av 2"
    with transaction() as session:
        key = Passkey(user_id=sven.id, credential_id=b"id", public_key=b"key", name="Telefonen")
        key.created_on = NOW.date()
        session.add(key)
    assert state("6.2").state == KEPT


@both_databases
def test_the_database_guards_the_smallest_group(app: Flask) -> None:
    assert state("6.3").state == KEPT
    launched(app, 5)
    assert (
        state("6.3").value.en
        == "Lowest limit of any survey: 5; the database refuses under four: yes"
    )


@both_databases
def test_a_sweep_is_finished_fresh_and_leaves_nothing(app: Flask) -> None:
    assert state("8.retention", NOW).state == NOT_MEASURED
    assert state("6.3.raw", NOW).state == NOT_MEASURED
    alice = customer()
    with transaction() as session:
        started = NOW - timedelta(hours=10)
        run = SweepRun(started_at=started, finished_at=started, counts={"search": 3, "mail": 2})
        session.add(run)
        session.add(Search(user_id=alice.id, query="tillit", at=NOW - timedelta(days=89)))
    kept = state("8.retention", NOW)
    assert (kept.state, kept.as_of) == (KEPT, started.date())
    assert kept.value.sv.startswith("Rader som gallrades senast: 5")
    assert state("6.3.raw", NOW).state == KEPT
    assert state("8.retention", NOW + timedelta(hours=17)).state == BROKEN
    with transaction() as session:
        session.add(Search(user_id=alice.id, query="tillit", at=NOW - timedelta(days=95)))
    late = state("8.retention", NOW)
    assert late.state == BROKEN
    assert Search.__label__ is not None
    assert Search.__label__.sv in late.value.sv


def test_an_erasure_past_its_time_or_without_a_receipt_is_shown(app: Flask) -> None:
    request = asked("erase", NOW - timedelta(days=9))
    with transaction() as session:
        erasure = Erasure(
            request_id=request.id,
            reference=b"r" * 32,
            state="cooling",
            requested_at=NOW - timedelta(days=9),
            begins_at=NOW - timedelta(days=2),
            code_digest=b"c" * 32,
            subject_reference="",
        )
        session.add(erasure)
    assert state("8.erasure", NOW).state == BROKEN
    for receipt, expected in ((None, BROKEN), ({"schema": "x"}, KEPT)):
        with transaction() as session:
            held = session.get_one(Erasure, erasure.id)
            held.state, held.receipt = "done", receipt
        assert state("8.erasure", NOW).state == expected


def test_a_hold_that_nobody_answers_for_is_shown(app: Flask) -> None:
    stina = staff()
    with transaction() as session:
        hold = LegalHold(
            reference=b"r" * 32,
            email="dora@exempel.test",
            activity="accounts",
            ground="Tvist",
            begins_on=NOW.date(),
            ends_on=NOW.date() + timedelta(days=90),
            owner="Stina",
            owner_id=stina.id,
        )
        session.add(hold)
    assert state("8.kept", NOW).state == KEPT
    assert "rättsliga spärrar nu: 1" in state("8.kept", NOW).value.sv
    with transaction() as session:
        session.get_one(LegalHold, hold.id).owner_id = None
    assert state("8.kept", NOW).state == BROKEN


def test_nothing_that_computes_writes_access() -> None:
    """Art. 22: results and suggestions can't change a role, or who may sign in."""
    decides = {"role", "staff_role", "confirmed_at", "totp_secret"}
    found = []
    for package in ("surveys", "workshops"):
        for path in (ROOT / "trustivide" / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                    found += [path.name] if node.attr in decides else []
                if isinstance(node, ast.Call):
                    called = getattr(node.func, "id", getattr(node.func, "attr", ""))
                    found += [path.name] if called in {"Membership", "User"} else []
    assert found == []


# The command


def test_verify_prints_the_table_and_fails_while_something_is_wanting(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["privacy", "verify"])
    assert result.exit_code == 1
    listed = set(re.findall(r"^([\d.a-z]+): ", result.output, re.MULTILINE))
    assert LATER | {"6.1", "6.2.physical", "7.agreements"} <= listed
    for promise in PROMISES:
        assert promise.promise.sv in result.output
    english = app.test_cli_runner().invoke(args=["privacy", "verify", "--language", "en"]).output
    assert "6.8: Not yet measured" in english
    assert all(p.promise.en in english for p in PROMISES)
    for key in listed:
        promises.registry[key] = lambda session, now: Measured(KEPT, Text("Bra", "Good"))
    result = app.test_cli_runner().invoke(args=["privacy", "verify"])
    assert result.exit_code == 0, result.output
    promises.registry["6.5"] = lambda session, now: Measured(BROKEN, Text("0 av 3", "0 of 3"))
    result = app.test_cli_runner().invoke(args=["privacy", "verify"])
    assert result.exit_code == 1
    assert result.output.endswith("6.5: Hålls inte\n")


def test_a_look_is_counted(app: Flask, client: FlaskClient) -> None:
    alice = customer()
    staff()
    in_office(client).post(f"/admin/users/{alice.id}/looks", data={"reason": REASON})
    assert state("6.2.looks").value.sv == "Tillfällen på 12 månader: 1; utan skäl: 0"
