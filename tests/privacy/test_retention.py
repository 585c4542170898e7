"""Letting go in time, by the declarations alone."""

from datetime import UTC, date, datetime, timedelta

from flask import Flask
from sqlalchemy import func, select

from tests.conftest import both_databases
from tests.factories import customer
from trustivide.core.db import Model, db, transaction
from trustivide.organisations.models import Organisation
from trustivide.outbox.models import Job, Mail
from trustivide.privacy import retention
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


def test_big_sweeps_go_in_batches(app: Flask, monkeypatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 10)
    user = customer()
    with transaction() as session:
        session.add_all(
            Search(user_id=user.id, query="x", at=NOW - timedelta(days=100)) for _ in range(35)
        )
    db.session.rollback()
    retention.sweep(NOW)
    assert _count(Search) == 0
