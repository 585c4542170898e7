"""Letting go in time, by the declarations alone."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, func, select

from tests.admin.test_office import in_office
from tests.conftest import both_databases
from tests.factories import account, customer, sign_in, staff
from tests.privacy.test_holds import end, hold
from trustivide.auth.models import User
from trustivide.auth.queries import person as person_of
from trustivide.core import clock
from trustivide.core.activities import SEARCH_HISTORY
from trustivide.core.db import Base, Model, db, transaction
from trustivide.organisations.models import Organisation
from trustivide.outbox import worker
from trustivide.outbox.models import Job, Mail
from trustivide.privacy import export, retention
from trustivide.privacy.models import SweepRun
from trustivide.surveys.models import AnswerSet, Invitation, Survey
from trustivide.teams.models import Team
from trustivide.workshops.models import Download, Search

NOW = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)


def _count(model: type[Model]) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


@both_databases
def test_rows_go_when_their_days_have_passed_and_not_before(app: Flask) -> None:
    user = customer()
    with transaction() as session:
        session.query(Mail).delete()
        for days in (89, 91):
            session.add(Search(user_id=user.id, query="x", at=NOW - timedelta(days=days)))
        for days in (364, 366):
            session.add(Download(user_id=user.id, workshop="x", at=NOW - timedelta(days=days)))
        for days in (29, 31):
            session.add(
                Mail(
                    kind="x",
                    purpose="x",
                    locale="sv",
                    state="sent",
                    created_on=(NOW - timedelta(days=days)).date(),
                )
            )
            session.add(
                Job(
                    kind="x",
                    params={},
                    state="done",
                    created_on=(NOW - timedelta(days=days)).date(),
                )
            )
    db.session.rollback()
    retention.sweep(NOW)
    assert [_count(m) for m in (Search, Download, Mail, Job)] == [1, 1, 1, 1]


@both_databases
def test_an_open_survey_keeps_its_rows_and_a_closed_one_lets_go_after_thirty_days(
    app: Flask,
) -> None:
    user = customer()
    with transaction() as session:
        organisation = session.scalars(select(Organisation)).one()
        team = Team(
            organisation_id=organisation.id,
            name="Blå",
            created_by_id=user.id,
            created_on=date(2026, 1, 1),
        )
        session.add(team)
        session.flush()
        for n, closed in enumerate((None, NOW - timedelta(days=29), NOW - timedelta(days=31))):
            survey = Survey(
                team_id=team.id,
                instrument="x",
                instrument_version=1,
                instrument_hash="x",
                locale="sv",
                message="",
                k=4,
                invited=1,
                opened_at=NOW - timedelta(days=60),
                closes_at=NOW,
                launched_by_id=user.id,
            )
            session.add(survey)
            session.flush()
            session.add(Invitation(survey_id=survey.id, email="d@x.test", lookup=bytes([n]) * 32))
            session.add(
                AnswerSet(
                    survey_id=survey.id,
                    slot=bytes([n]) * 32,
                    receipt=bytes([n + 9]) * 32,
                    answers={"a": 1},
                )
            )
            session.flush()
            survey.closed_at = closed
    db.session.rollback()
    retention.sweep(NOW)
    assert [_count(m) for m in (Invitation, AnswerSet, Survey)] == [2, 2, 3]


def test_the_sweep_reads_the_declarations_children_first() -> None:
    names = [group.name for group in retention.swept()]
    assert {"invitation", "answer_set", "search", "download", "mail", "sign_in"} <= set(names)
    assert "user" not in names
    assert "suppression" not in names
    assert "team_member" not in names


def test_big_sweeps_go_in_batches(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 10)
    user = customer()
    with transaction() as session:
        session.add_all(
            Search(user_id=user.id, query="x", at=NOW - timedelta(days=100)) for _ in range(35)
        )
    db.session.rollback()
    retention.sweep(NOW)
    assert _count(Search) == 0


# Said before, and cut off in the middle


def _searches(user: User, *days: int) -> None:
    user_id = user.id
    with transaction() as session:
        session.add_all(
            Search(user_id=user_id, query="hemlig fråga", at=clock.now() - timedelta(days=n))
            for n in days
        )
    db.session.rollback()


def _said(app: Flask, *options: str) -> list[str]:
    db.session.rollback()
    done = app.test_cli_runner().invoke(args=["privacy", "retention", *options])
    assert done.exit_code == 0, done.output
    db.session.rollback()
    return str(done.output).splitlines()


def _line(lines: list[str], name: str) -> str:
    (found,) = [line for line in lines if line.split()[0] == name]
    return " ".join(found.split())


def _runs() -> list[SweepRun]:
    db.session.rollback()
    return retention.runs(db.session())


class Killed(Exception):
    """The worker's process ended here."""


@contextmanager
def _cut_off_at(table: str, nth: int) -> Iterator[None]:
    """Whoever deletes from ``table`` for the ``nth`` time is killed."""
    left = [nth]

    def kill(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(f"DELETE FROM {table} "):
            left[0] -= 1
            if not left[0]:
                raise Killed

    event.listen(db.engine, "before_cursor_execute", kill)
    try:
        with pytest.raises(Killed):
            yield
    finally:
        event.remove(db.engine, "before_cursor_execute", kill)
        db.session.rollback()


@both_databases
def test_a_dry_run_changes_nothing_and_says_what_the_sweep_then_does(app: Flask) -> None:
    _searches(customer(), 100, 95, 91, 85, 2)
    dry = _said(app, "--dry-run")
    again = _said(app, "--dry-run")
    assert dry == again
    assert (_count(Search), _count(SweepRun)) == (5, 0)
    due_in = clock.day_of(clock.now() + timedelta(days=5))
    assert _line(dry, "search") == f"search 3 due next {due_in}"
    named = {line.split()[0] for line in dry}
    elsewhere = {"exports", "jobs", *retention.elsewhere}
    assert named == {g.name for g in retention.swept()} | elsewhere
    foreseen = {f.group.name: f.due for f in retention.forecast(db.session(), clock.now()) if f.due}
    done = _said(app)
    assert _line(done, "search") == "search 3 gone"
    assert done[-1] == "3 in all"
    (run,) = _runs()
    assert run.counts == foreseen == {"search": 3}
    assert _count(Search) == 2
    assert _line(_said(app, "--dry-run"), "search") == f"search 0 due next {due_in}"
    assert _said(app) == ["0 in all"]


@both_databases
def test_what_is_foreseen_goes_on_the_night_that_was_said(app: Flask) -> None:
    _searches(customer(), 80)
    night = retention.next_sweep(clock.now())
    by_name = {f.group.name: f for f in retention.forecast(db.session(), night)}
    search = by_name["search"]
    assert (search.due, search.soon, search.later) == (0, 0, 1)
    assert search.next_on
    with time_machine.travel(clock.begin_of(search.next_on)):
        retention.sweep(clock.now())
        assert _count(Search) == 1
        retention.sweep(clock.now() + timedelta(days=1, minutes=1))
        assert _count(Search) == 0


@both_databases
def test_a_sweep_that_is_cut_off_is_continued_by_the_next(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 10)
    user = customer()
    _searches(user, *[100] * 35)
    with _cut_off_at("search", 3):
        retention.sweep(clock.now())
    assert _count(Search) == 15
    (first,) = _runs()
    assert (first.finished_at, first.counts) == (None, {"search": 20})
    with time_machine.travel(clock.now() + timedelta(hours=1)):
        assert _said(app) == [f"{'search':<24} {15:>9} gone", "15 in all"]
    assert _count(Search) == 0
    second, first = _runs()
    assert first.finished_at is None
    assert second.finished_at is not None
    assert (first.counts, second.counts) == ({"search": 20}, {"search": 15})


def test_what_a_sweep_deleted_before_it_was_cut_off_leaves_the_file_with_the_next(
    app: Flask,
) -> None:
    """Nothing is due any more, and the file is scrubbed all the same."""
    user = customer()
    _searches(user, 100)
    (stored,) = db.session.connection().exec_driver_sql("SELECT query FROM search").scalars()
    db.session.rollback()
    path = app.config["SETTINGS"].instance / "trustivide.db"

    def everything() -> bytes:
        return b"".join(p.read_bytes() for p in path.parent.glob("trustivide.db*"))

    with _cut_off_at("job", 1):
        retention.sweep(clock.now())
    assert _count(Search) == 0
    assert bytes(stored) in everything()  # the control
    with time_machine.travel(clock.now() + timedelta(hours=1)):
        assert _said(app) == ["0 in all"]
    assert bytes(stored) not in everything()


@both_databases
def test_held_rows_stay_and_go_after_the_hold(app: Flask) -> None:
    _searches(customer(), 100, 99, 3)
    placed = hold("alice@exempel.test", SEARCH_HISTORY)
    assert _line(_said(app, "--dry-run"), "search").startswith("search 0 due 2 held")
    assert _said(app) == ["0 in all"]
    assert _count(Search) == 3
    assert retention.overdue(db.session(), clock.now()) == []
    end(placed)
    assert [g.name for g in retention.overdue(db.session(), clock.now())] == ["search"]
    assert _line(_said(app, "--dry-run"), "search").startswith("search 2 due next")
    assert _line(_said(app), "search") == "search 2 gone"
    assert _count(Search) == 1


def test_the_log_holds_numbers_and_nobody(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    user = customer()
    user_id = str(user.id)
    _searches(user, 100, 100)
    caplog.clear()
    retention.sweep(clock.now())
    lines = [r.getMessage() for r in caplog.records if r.name == retention.__name__]
    assert lines == [
        "retention is about to let go: {'search': 2}",
        "retention let go: {'search': 2}",
    ]
    retention.sweep(clock.now())
    for word in (user_id, user_id.replace("-", ""), "alice", "Alm", "hemlig"):
        assert word not in caplog.text


def test_the_worker_sweeps_at_night(app: Flask) -> None:
    _searches(customer(), 100)
    with time_machine.travel(retention.next_sweep(clock.now()) + timedelta(minutes=1)):
        worker.night(app)
        assert _count(Search) == 0
    assert len(_runs()) == 1


def test_nothing_hangs_on_what_is_swept() -> None:
    """Rows go by statement, past the gate of holds: none may take another table's along."""
    swept = {group.table for group in retention.swept()}
    keys = {key for table in Base.metadata.sorted_tables for key in table.foreign_keys}
    assert {str(key.parent) for key in keys if key.column.table in swept} == set()


# What staff see of it


def test_staff_see_what_goes_when_and_what_went(app: Flask, client: FlaskClient) -> None:
    staff()
    office = in_office(client)
    page = office.get("/admin/retention").text
    assert "Ingen gallring har gjorts än" in page
    customer()
    _searches(account("alice@exempel.test"), 100, 95, 86, 70, 2)
    row = _row(office.get("/admin/retention").text, "Sökhistorik")
    assert row[2:6] == ["2", "3", "4", "0"]
    placed = hold("alice@exempel.test", SEARCH_HISTORY)
    row = _row(office.get("/admin/retention").text, "Sökhistorik")
    assert row[2:6] == ["0", "0", "0", "2"]
    end(placed)
    with _cut_off_at("job", 1):
        retention.sweep(clock.now())
    page = office.get("/admin/retention").text
    assert "avbruten eller pågår" in page
    assert "Sökhistorik: 2" in page
    with time_machine.travel(clock.now() + timedelta(hours=1)):
        retention.sweep(clock.now())
    page = office.get("/admin/retention").text
    assert "Inget" in page
    for word in ("alice", "Alice", "hemlig"):
        assert word not in page


def test_staff_read_in_words_of_files_and_jobs_that_go_too(app: Flask, client: FlaskClient) -> None:
    staff()
    office = in_office(client)
    old = clock.day_of(clock.now() - timedelta(days=31))
    with transaction() as session:
        session.add_all(Job(kind="x", params={}, state="done", created_on=old) for _ in range(3))
    files, jobs = (label.sv for label, _ in retention.SPENT.values())
    page = office.get("/admin/retention").text
    assert (_row(page, files)[2], _row(page, jobs)[2]) == ("0", "3")
    retention.sweep(clock.now())
    assert f"{jobs}: 3" in office.get("/admin/retention").text
    assert retention.SPENT.keys() == retention.spent(db.session(), clock.now()).keys()


def _row(page: str, category: str) -> list[str]:
    """The cells of the forecast's row for a category."""
    for row in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL):
        cells = [re.sub(r"<[^>]+>", "", c).strip() for c in re.findall(r"<td.*?</td>", row)]
        if cells and cells[0] == category:
            return cells
    raise AssertionError(f"no row {category}")


def test_nobody_else_sees_it(app: Flask, client: FlaskClient) -> None:
    customer()
    assert client.get("/admin/retention").status_code in {303, 404}
    assert sign_in(client).get("/admin/retention").status_code == 404
    assert client.post("/admin/retention").status_code in {404, 405}


@both_databases
def test_spent_downloads_and_jobs_are_foreseen_too(app: Flask) -> None:
    user = customer()
    with transaction() as session:
        export.request(
            session,
            person_of(user),
            address=user.email,
            locale="sv",
            now=clock.now() - export.KEPT_FOR,
        )
        for days in (29, 31):
            created_on = clock.day_of(clock.now() - timedelta(days=days))
            session.add(Job(kind="x", params={}, state="done", created_on=created_on))
    dry = _said(app, "--dry-run")
    assert [_line(dry, name) for name in ("exports", "jobs")] == ["exports 1 due", "jobs 1 due"]
    done = _said(app)
    assert [_line(done, name) for name in ("exports", "jobs")] == ["exports 1 gone", "jobs 1 gone"]
