"""No path leads from an invitation to an answer set, and the attacker would find one."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from tests.conftest import both_databases
from tests.surveys import attacker
from tests.surveys.stories import answer, launched, tokens
from trustivide import create_app
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.outbox import worker
from trustivide.outbox.actions import install_wake
from trustivide.outbox.delivery import deliver_due
from trustivide.surveys import actions, anonymity, closing, launching, snapshot
from trustivide.surveys.models import AnswerSet, Invitation, Snapshot, Survey

PEOPLE = 16
# Of 16 joins in random order, 8 or more are right once in 100,000 tries; the
# attacker tries some hundreds of orders.
CHANCE = 8

After = Callable[[str], None]


def _answer_all(
    app: Flask, survey: Survey, scratch: Path, also: After = lambda token: None
) -> tuple[list[attacker.Copy], dict[str, str]]:
    """Everybody answers in random order, one a day; a copy of the database after each."""
    links = list(tokens(survey).values())
    Random().shuffle(links)
    truth = {}
    copies = [attacker.copy_of(db.engine, scratch)]
    start = clock.now()
    for n, token in enumerate(links):
        with time_machine.travel(start + timedelta(hours=18 * n), tick=False):
            before = Random().random() < 0.5
            if before:
                also(token)
            answer(survey, token, seed=n)
            if not before:
                also(token)
        db.session.rollback()
        copies.append(attacker.copy_of(db.engine, scratch))
        truth[anonymity.slot_of(token).hex()] = anonymity.lookup_of(token).hex()
    return copies, truth


def _best(copies: list[attacker.Copy], truth: dict[str, str]) -> int:
    """How many joins the attacker's best method gets right."""
    attempts = [attacker.joins(copies, Random(1)), *attacker.joins_by_order(copies[-1])]
    return max(sum(truth[a] == i for a, i in attempt.items()) for attempt in attempts)


@both_databases
def test_the_live_database_joins_no_answer_to_an_invitation(app: Flask, tmp_path: Path) -> None:
    survey = launched(app, PEOPLE)
    copies, truth = _answer_all(app, survey, tmp_path)
    assert len(truth) == PEOPLE
    assert _best(copies, truth) < CHANCE


@pytest.fixture
def leaks(app: Flask) -> dict[str, After]:
    """Planted mistakes of the kind that real products made."""
    with db.engine.begin() as connection:
        connection.execute(text("CREATE TABLE visit (number TEXT, about TEXT)"))

    def in_a_transaction_of_its_own(statement: str) -> After:
        def leak(token: str) -> None:
            lookup = anonymity.lookup_of(token)
            with transaction() as session:
                invitation = session.scalars(
                    select(Invitation).where(Invitation.lookup == lookup)
                ).one()
                session.execute(
                    text(statement),
                    {"about": invitation.id.hex, "lookup": lookup, "anew": token.encode() * 2},
                )

        return leak

    return {
        "a row about the visit": in_a_transaction_of_its_own(
            "INSERT INTO visit VALUES ('', :about)"
        ),
        "the invitation rewritten": in_a_transaction_of_its_own(
            "UPDATE invitation SET email = :anew WHERE lookup = :lookup"
        ),
    }


@both_databases
@pytest.mark.parametrize("leak", ["a row about the visit", "the invitation rewritten"])
def test_the_attacker_finds_a_planted_path(
    app: Flask, tmp_path: Path, leaks: dict[str, After], leak: str
) -> None:
    survey = launched(app, PEOPLE)
    copies, truth = _answer_all(app, survey, tmp_path, also=leaks[leak])
    assert _best(copies, truth) == PEOPLE


@both_databases
def test_the_attacker_needs_the_final_copy_only_when_order_leaks(
    app: Flask, tmp_path: Path, leaks: dict[str, After]
) -> None:
    survey = launched(app, PEOPLE)
    copies, truth = _answer_all(app, survey, tmp_path, also=leaks["a row about the visit"])
    by_order = attacker.joins_by_order(copies[-1])
    best = max(sum(truth[a] == i for a, i in attempt.items()) for attempt in by_order)
    if db.engine.dialect.name == "postgresql":
        assert best == PEOPLE  # xmin ranks both tables alike
    else:
        assert best < CHANCE  # no row ids, no times: even then the order is gone


@both_databases
def test_an_answer_set_holds_no_time_and_no_order(app: Flask) -> None:
    kinds = {str(c.type).upper() for c in AnswerSet.__table__.columns}
    assert not any("DATE" in kind or "TIME" in kind for kind in kinds)
    if db.engine.dialect.name == "sqlite":
        sql = db.session.scalar(text("SELECT sql FROM sqlite_master WHERE name='answer_set'"))
        assert "WITHOUT ROWID" in str(sql)


@both_databases
def test_checklist_19_fifty_parallel_submits_of_one_link_store_one_answer_set(app: Flask) -> None:
    survey = launched(app, 6)
    token = next(iter(tokens(survey).values()))
    survey_id, outcomes = survey.id, []
    db.session.rollback()
    codes = [anonymity.new_receipt_code() for _ in range(5)]
    barrier = threading.Barrier(50)

    def once(n: int) -> None:
        with app.app_context():
            barrier.wait()
            try:
                actions.submit(survey_id, token, codes[n % 5], {"care_1": 4})
                outcomes.append((n % 5, "stored"))
            except actions.AlreadyAnswered:
                outcomes.append((n % 5, "taken"))
            finally:
                db.session.remove()

    threads = [threading.Thread(target=once, args=(n,)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert db.session.scalar(select(func.count()).select_from(AnswerSet)) == 1
    winners = {code for code, outcome in outcomes if outcome == "stored"}
    assert len(outcomes) == 50
    assert len(winners) == 1  # the ten double clicks of the winning tab all succeeded
    assert sum(outcome == "stored" for _, outcome in outcomes) == 10


@both_databases
def test_checklist_20_a_survey_is_locked_from_its_first_invitation(app: Flask) -> None:
    survey = launched(app, 6)
    for change in ("k = 4", "k = 6", "instrument = 'another'", "invited = 1"):
        with pytest.raises(IntegrityError), transaction() as session:
            session.execute(text(f"UPDATE survey SET {change}"))
    with transaction() as session:
        closing.close(session, survey, clock.now())
    assert survey.link_key is None
    for change in ("closed_at = NULL", "link_key = 'x'"):
        statement = f"UPDATE survey SET {change}"
        if db.engine.dialect.name == "postgresql":
            statement = statement.replace("'x'", "'\\x00'::bytea")
        with pytest.raises(IntegrityError), transaction() as session:
            session.execute(text(statement))
    with pytest.raises(IntegrityError), transaction() as session:
        session.execute(text("UPDATE snapshot SET figures = figures"))


@both_databases
def test_closing_destroys_the_key_so_that_nobody_can_compute_a_slot(app: Flask) -> None:
    survey = launched(app, 6)
    links = tokens(survey)
    for n, token in enumerate(links.values()):
        answer(survey, token, n)
    with transaction() as session:
        closing.close(session, survey, clock.now())
        closing.close(session, survey, clock.now())  # closing twice closes once
    with pytest.raises(actions.Closed):
        actions.submit(survey.id, "a" * 32, anonymity.new_receipt_code(), {"care_1": 3})
    assert db.session.scalar(text("SELECT count(*) FROM survey WHERE link_key IS NOT NULL")) == 0
    assert db.session.scalar(text("SELECT count(*) FROM draft")) == 0


@both_databases
def test_checklist_20_withdrawing_after_closing_changes_no_published_figure(app: Flask) -> None:
    survey = launched(app, 6)
    codes = [answer(survey, token, n) for n, token in enumerate(tokens(survey).values())]
    with transaction() as session:
        closing.close(session, survey, clock.now())
    before = db.session.scalar(text("SELECT figures FROM snapshot"))
    with transaction() as session:
        assert actions.withdraw(session, codes[0], clock.now()) is False
    assert db.session.scalar(text("SELECT figures FROM snapshot")) == before
    assert db.session.scalar(select(func.count()).select_from(AnswerSet)) == 5


@both_databases
def test_withdrawing_before_closing_frees_the_invitation(app: Flask) -> None:
    survey = launched(app, 6)
    token = next(iter(tokens(survey).values()))
    code = answer(survey, token)
    with transaction() as session:
        assert actions.withdraw(session, code, clock.now()) is True
    answer(survey, token, 5)
    assert db.session.scalar(select(func.count()).select_from(AnswerSet)) == 1


def test_a_receipt_code_forgives_how_it_is_typed() -> None:
    code = anonymity.new_receipt_code()
    typed = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert anonymity.receipt_of(typed) == anonymity.receipt_of(code)
    assert len({anonymity.new_receipt_code() for _ in range(1000)}) == 1000


def test_a_draft_opens_with_its_own_cookie_only() -> None:
    mine, other = anonymity.new_draft_cookie(), anonymity.new_draft_cookie()
    sealed = anonymity.seal_draft(mine, {"care_1": "5"})
    assert anonymity.open_draft(mine, sealed) == {"care_1": "5"}
    assert anonymity.open_draft(other, sealed) == {}


def test_the_destroyed_key_leaves_the_file_and_its_journal(app: Flask) -> None:
    survey = launched(app, 6)
    stored = bytes(db.session.scalar(text("SELECT link_key FROM survey")))
    db.session.rollback()
    live = Path(str(db.engine.url.database))
    files = [live, live.with_name(live.name + "-wal")]

    def on_disk() -> bool:
        return any(stored in file.read_bytes() for file in files if file.exists())

    assert on_disk()
    with transaction() as session:
        closing.close(session, survey, clock.now())
    db.session.rollback()
    worker.work(app)
    assert not on_disk()


@both_databases
def test_a_server_that_puts_reminders_off_leaves_no_trace_of_whom_they_were_for(
    app: Flask, settings: dict[str, str]
) -> None:
    survey = launched(app, 6)
    worker.work(app)
    answer(survey, next(iter(tokens(survey).values())))
    with transaction() as session:
        launching.remind(session, survey, clock.now())
    db.session.rollback()
    unreachable = create_app(settings | {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": "1"})
    install_wake(lambda: None)
    worker.work(unreachable)
    assert db.session.scalar(text("SELECT count(*) FROM mail WHERE kind='survey_reminder'")) == 0


@both_databases
def test_two_reminders_at_once_go_out_once(app: Flask) -> None:
    survey = launched(app, 6)
    survey_id = survey.id
    db.session.rollback()
    barrier, outcomes = threading.Barrier(4), []

    def press() -> None:
        with app.app_context():
            barrier.wait()
            try:
                with transaction() as session:
                    launching.remind(session, session.get_one(Survey, survey_id), clock.now())
                outcomes.append("sent")
            except Refused:
                outcomes.append("refused")
            finally:
                db.session.remove()

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "refused", "refused", "sent"]
    assert db.session.scalar(text("SELECT count(*) FROM mail WHERE kind='survey_reminder'")) == 6


@both_databases
def test_a_waiting_reminder_tells_nothing_by_the_time_of_its_lease(app: Flask) -> None:
    survey = launched(app, 6)
    worker.work(app)
    answer(survey, next(iter(tokens(survey).values())))
    with transaction() as session:
        launching.remind(session, survey, clock.now())
    leases: list[object] = []

    def look(*_: object) -> None:
        rows = db.session.execute(text("SELECT lease FROM mail WHERE state = 'sending'")).all()
        leases.extend(row[0] for row in rows)

    event.listen(db.session, "before_commit", look)
    try:
        deliver_due(app)
    finally:
        event.remove(db.session, "before_commit", look)
    assert leases
    assert len({str(lease) for lease in leases}) == 1  # one batch, one lease


@both_databases
def test_an_error_in_the_log_names_no_slot(app: Flask) -> None:
    with pytest.raises(DBAPIError) as failure, transaction() as session:
        session.execute(
            text("INSERT INTO answer_set (id, slot) VALUES (:id, :slot)"),
            {"id": "x", "slot": b"secret-slot"},
        )
    assert "secret-slot" not in str(failure.value)
    assert "hidden" in str(failure.value)


@both_databases
def test_withdrawing_while_the_survey_closes_waits_and_is_told_the_truth(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    survey = launched(app, 6)
    codes = [answer(survey, token, n) for n, token in enumerate(tokens(survey).values())]
    survey_id = survey.id
    db.session.rollback()
    computing, go_on = threading.Event(), threading.Event()
    compute = snapshot.compute

    def slowly(*args: Any, **kwargs: Any) -> dict[str, Any]:
        computing.set()
        assert go_on.wait(60)
        return compute(*args, **kwargs)

    monkeypatch.setattr(snapshot, "compute", slowly)
    may_answer_anew: list[bool] = []

    def close() -> None:
        with app.app_context(), transaction() as session:
            closing.close(session, session.get_one(Survey, survey_id), clock.now())

    def withdraw() -> None:
        with app.app_context(), transaction() as session:
            may_answer_anew.append(actions.withdraw(session, codes[0], clock.now()))

    closer, withdrawing = threading.Thread(target=close), threading.Thread(target=withdraw)
    closer.start()
    assert computing.wait(60)
    withdrawing.start()
    withdrawing.join(0.5)
    assert may_answer_anew == []  # it waits for the closing
    go_on.set()
    closer.join()
    withdrawing.join()
    assert may_answer_anew == [False]
    frozen = db.session.scalars(select(Snapshot.figures)).one()
    assert frozen["answered"] == 6
    assert db.session.scalar(select(func.count()).select_from(AnswerSet)) == 5
