"""What the stories about workshops look at: rows and the whole database."""

from flask.testing import FlaskClient
from sqlalchemy import select

from tests import factories
from trustivide.core.db import db
from trustivide.workshops.models import Download, Search


def alice(client: FlaskClient) -> FlaskClient:
    """Alice, owner of an organisation, signed in."""
    factories.customer()
    return factories.sign_in(client)


def charlie(client: FlaskClient) -> FlaskClient:
    """Charlie, of another customer, signed in."""
    factories.customer(
        "Charlie Cedergren", "charlie@granne.test", organisation="Granne AB", number="556036-0793"
    )
    return factories.sign_in(client, "charlie@granne.test")


def kept_searches() -> list[str]:
    """Every search in the database, whoever made it."""
    db.session.rollback()
    return [search.query for search in db.session.scalars(select(Search).order_by(Search.at))]


def kept_downloads() -> list[str]:
    """Every download in the database, whoever made it."""
    db.session.rollback()
    return [row.workshop for row in db.session.scalars(select(Download).order_by(Download.at))]


def every_row() -> dict[str, list[tuple[object, ...]]]:
    """The whole database, to compare before and after."""
    db.session.rollback()
    return {
        table.name: sorted(map(tuple, db.session.execute(select(table))), key=repr)
        for table in db.metadata.sorted_tables
    }
