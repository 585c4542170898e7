"""Every migration goes up and down, on both databases, with data in the tables."""

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, text

from tests.conftest import both_databases
from tests.factories import customer, staff
from tests.surveys.stories import answer, launched, tokens
from trustivide import migrating
from trustivide.core import inventory
from trustivide.core.db import db

pytestmark = pytest.mark.usefixtures("_migrating")

REVISIONS = sorted(Path("migrations/versions").glob("*.py"))


@pytest.fixture
def _migrating(app: Flask) -> None:
    migrating.prepare(app)


@both_databases
def test_the_migrations_build_what_the_models_declare(app: Flask) -> None:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, db.metadata) == []


def _all(statement: str) -> list[Any]:
    found = list(db.session.scalars(text(statement)))
    db.session.rollback()
    return found


def _counts() -> dict[str, int]:
    tables = inspect(db.engine).get_table_names()
    return {table: _all(f'SELECT count(*) FROM "{table}"')[0] for table in tables}


@both_databases
def test_up_and_down_and_up_again_with_data(app: Flask) -> None:
    survey = launched(app, 6)
    for n, token in enumerate(tokens(survey).values()):
        answer(survey, token, n)
    staff()
    staff("Siv Sand", "siv@trustivide.test", "support")
    customer("Charlie Ceder", "charlie@annat.test", number="212000-0142")
    before = _counts()
    for revision in reversed(REVISIONS[1:]):
        downgrade(revision="-1")
        left = _counts()
        assert left.items() <= before.items(), revision.name
    assert left["answer_set"] == 6
    upgrade()
    assert left.items() <= _counts().items()
    # Who was less than an owner is no colleague any more, rather than an owner.
    assert [role for role in _all('SELECT staff_role FROM "user"') if role] == ["owner"]
    downgrade(revision="base")
    assert inventory.undeclared_tables(db.engine) == []
    assert db.session.scalar(text("SELECT count(*) FROM alembic_version")) == 0
    db.session.rollback()
    upgrade()
    assert db.session.scalar(text("SELECT count(*) FROM survey")) == 0
