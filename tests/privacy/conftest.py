"""The worker's minute, for tests in which time must pass."""

from collections.abc import Callable

import pytest
from flask import Flask

from trustivide.core.db import db
from trustivide.outbox import worker


@pytest.fixture
def tick(app: Flask) -> Callable[[], None]:
    """Let a minute's duties and all that is due be done, with no reader in the way."""

    def do() -> None:
        db.session.rollback()
        worker.tick(app)
        db.session.rollback()

    return do
