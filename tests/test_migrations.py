"""Every migration goes up and down, on both databases, with data in the tables."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import text

from tests.conftest import both_databases
from tests.surveys.stories import answer, launched, tokens
from trustivide.core import inventory
from trustivide.core.db import db

REVISIONS = sorted(Path("migrations/versions").glob("*.py"))


@both_databases
def test_the_migrations_build_what_the_models_declare(app: Flask) -> None:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, db.metadata) == []


@both_databases
def test_up_and_down_and_up_again_with_data(app: Flask) -> None:
    survey = launched(app, 6)
    for n, token in enumerate(tokens(survey).values()):
        answer(survey, token, n)
    db.session.rollback()
    for revision in reversed(REVISIONS[1:]):
        downgrade(revision="-1")
        left = db.session.scalar(text("SELECT count(*) FROM answer_set"))
        db.session.rollback()
        assert left == 6, revision.name
    upgrade()
    assert db.session.scalar(text("SELECT count(*) FROM answer_set")) == 6
    db.session.rollback()
    downgrade(revision="base")
    assert inventory.undeclared_tables(db.engine) == []
    assert db.session.scalar(text("SELECT count(*) FROM alembic_version")) == 0
    db.session.rollback()
    upgrade()
    assert db.session.scalar(text("SELECT count(*) FROM survey")) == 0
