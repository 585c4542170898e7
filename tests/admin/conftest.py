"""Several people at once, in one test."""

import pytest
from flask import Flask, g


@pytest.fixture(autouse=True)
def _each_request_on_its_own(app: Flask) -> None:
    """The test's application context outlives requests, and g would remember who asked before."""

    def forget() -> None:
        for name in list(g):
            g.pop(name)

    app.before_request_funcs.setdefault(None, []).insert(0, forget)
