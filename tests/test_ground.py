"""The ground holds: what is not declared stops the boot."""

import pytest
from flask import Flask
from sqlalchemy import text

from tests.conftest import both_databases, environment
from trustivide import create_app
from trustivide.core import inventory
from trustivide.core.db import db
from trustivide.core.errors import BootError


@both_databases
def test_a_migrated_database_holds_exactly_the_declared_tables(app: Flask) -> None:
    assert inventory.problems() == []
    assert inventory.undeclared_tables(db.engine) == []


@both_databases
def test_a_table_that_no_model_declares_stops_the_boot(
    app: Flask, settings: dict[str, str]
) -> None:
    with db.engine.begin() as connection:
        connection.execute(text("CREATE TABLE shadow_register (name TEXT)"))
    with pytest.raises(BootError, match="shadow_register"):
        create_app(settings)


def test_production_refuses_to_boot_and_says_which_settings(tmp_path) -> None:
    with pytest.raises(BootError) as refusal:
        create_app(environment(tmp_path, TRUSTIVIDE_ENV="production", PUBLIC_URL="http://x"))
    for name in ("DATABASE_URL", "LEDGER_URL", "MAIL_SERVER", "PUBLIC_URL", "MAIL_USE_TLS"):
        assert name in str(refusal.value)
