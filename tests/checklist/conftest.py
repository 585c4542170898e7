"""The world of the checklist, built once a module."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checklist import world as worlds
from trustivide.core.db import db


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[worlds.World]:
    """Everybody at once. A module that uses this uses no other application."""
    made = worlds.build(tmp_path_factory.mktemp("world"), sqlite_template)
    yield made
    db.session.remove()
    db.engine.dispose()
    made.context.pop()
