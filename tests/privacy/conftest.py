"""Browsers whose every request stands alone, as on a server."""

import contextvars
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from trustivide.core.db import db
from trustivide.outbox import worker


class Browser(FlaskClient):
    """Opens each page in a context of its own, not in the one that the test stands in.

    Otherwise all requests of a test would share a database session, and with
    it what the first of them had read.
    """

    def open(self, *args: Any, **kwargs: Any) -> Any:
        db.session.rollback()
        return contextvars.Context().run(super().open, *args, **kwargs)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without JavaScript."""
    return Browser(app, app.response_class, use_cookies=True)


@pytest.fixture
def browser_of(app: Flask) -> Callable[[], FlaskClient]:
    """Further browsers, each with its own cookies."""
    return lambda: Browser(app, app.response_class, use_cookies=True)


@pytest.fixture
def tick(app: Flask) -> Callable[[], None]:
    """Let a minute's duties and all that is due be done, with no reader in the way."""

    def do() -> None:
        db.session.rollback()
        worker.tick(app)
        db.session.rollback()

    return do
