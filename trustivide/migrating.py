"""Migrations. Who serves imports nothing of this: alembic would take nine megabytes of each."""

from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import Migrate
from sqlalchemy import Connection

from trustivide.core.db import db

FOLDER = Path(__file__).parent.parent / "migrations"


def prepare(app: Flask) -> None:
    """Let ``flask db`` and its functions work on ``app``."""
    Migrate(app, db, directory=str(FOLDER), render_as_batch=True)


def is_current(connection: Connection) -> bool:
    """Whether the database has the newest schema."""
    live = MigrationContext.configure(connection).get_current_revision()
    return live == ScriptDirectory(str(FOLDER)).get_current_head()
