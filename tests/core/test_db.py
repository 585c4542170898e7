"""Writing: together or not at all, never outside a transaction, never past a digest."""

import pytest
from flask import Flask
from sqlalchemy import insert, select, text, update

from tests.conftest import both_databases
from tests.factories import customer
from trustivide.auth.models import User
from trustivide.auth.queries import by_address
from trustivide.core.db import db, transaction
from trustivide.organisations.models import Organisation


@both_databases
def test_a_failure_takes_everything_back(app: Flask) -> None:
    user = customer()
    with pytest.raises(ZeroDivisionError), transaction() as session:
        user.name = "Någon annan"
        session.flush()
        _ = 1 / 0
    assert by_address(db.session(), "alice@exempel.test").name == "Alice Alm"


def test_a_write_outside_a_transaction_is_refused(app: Flask) -> None:
    user = customer()
    user.name = "Smyg"
    with pytest.raises(RuntimeError, match="outside"):
        db.session.flush()
    db.session.rollback()


def test_transactions_do_not_nest(app: Flask) -> None:
    with transaction(), pytest.raises(RuntimeError, match="nest"), transaction():
        pass


@both_databases
def test_a_digest_follows_its_address(app: Flask) -> None:
    user = customer()
    with transaction():
        user.email = "Alice.Ny@Exempel.test"
    assert by_address(db.session(), "alice@exempel.test") is None
    assert by_address(db.session(), "alice.ny@exempel.test") is user


def test_a_bulk_write_that_would_leave_a_digest_stale_is_refused(app: Flask) -> None:
    customer()
    with pytest.raises(RuntimeError, match="email"), transaction() as session:
        session.execute(update(User).values(email="x@exempel.test"))
    with pytest.raises(RuntimeError, match="email"), transaction() as session:
        session.execute(insert(User).values(email="x@exempel.test", name="X"))


@both_databases
def test_nothing_personal_stands_readable_in_the_table(app: Flask) -> None:
    customer()
    stored = db.session.execute(text('SELECT name, email, email_digest FROM "user"')).one()
    assert all(b"lice" not in bytes(cell) for cell in stored)


def test_a_repr_shows_type_and_id_only(app: Flask) -> None:
    user = customer()
    assert repr(user) == f"<User {user.id}>"


@both_databases
def test_the_database_refuses_a_k_under_four(app: Flask) -> None:
    customer()
    organisation = db.session.scalars(select(Organisation)).one()
    from sqlalchemy.exc import IntegrityError

    with pytest.raises(IntegrityError), transaction():
        organisation.minimum_answers = 3
        db.session.flush()
