"""What must hold before anything is served, by the web's processes and by the worker."""

from flask import Flask

from trustivide.core import clock, inventory, locks
from trustivide.core.db import db
from trustivide.core.errors import BootError
from trustivide.workshops import catalogue


def make_ready(app: Flask) -> None:
    """Bring in the workshops that ship with the product, if the tables are there yet.

    Raises :class:`BootError` for a database with tables that no model declares. Web and
    worker start together: the first makes the file, for of two who open a new one at once
    SQLite lets one fail.
    """
    with locks.alone(app.config["SETTINGS"].instance), app.app_context():
        if unknown := inventory.undeclared_tables(db.engine):
            names = ", ".join(unknown)
            raise BootError(f"the database has tables that no model declares: {names}")
        catalogue.bring_up_to_date(clock.now())
        db.session.remove()
