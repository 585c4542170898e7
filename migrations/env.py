"""Runs migrations on the application's own engine, SQLite or PostgreSQL."""

from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy.types import TypeDecorator

target = current_app.extensions["migrate"]


def render_item(kind: str, item: Any, autogen_context: Any) -> Any:
    """Write column types as what the database stores: a migration must outlive the code."""
    if kind == "type" and isinstance(item, TypeDecorator):
        implementation = item.impl_instance
        autogen_context.imports.add("import sqlalchemy as sa")
        return f"sa.{implementation!r}"
    return False


with target.db.engine.connect() as connection:
    raw = connection.connection.dbapi_connection
    sqlite = connection.dialect.name == "sqlite"
    if sqlite:
        # A table that is rebuilt is dropped, and that would take along what points at it.
        # Before the transaction begins: inside one the switch does nothing.
        raw.execute("PRAGMA foreign_keys=OFF")
    context.configure(
        connection=connection,
        target_metadata=target.db.metadata,
        render_item=render_item,
        compare_type=False,
        **{k: v for k, v in target.configure_args.items() if k != "compare_type"},
    )
    with context.begin_transaction():
        context.run_migrations()
        if sqlite and (dangling := raw.execute("PRAGMA foreign_key_check").fetchall()):
            raise RuntimeError(f"rows that point at nothing: {dangling[:5]}")
    if sqlite:
        raw.execute("PRAGMA foreign_keys=ON")
