"""Handing over: an organisation always has an owner, and who that is, its owners decide."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Barrier, BrokenBarrierError
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.conftest import both_databases
from tests.factories import account, colleague, customer, sign_in
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.core.subjects import Person
from trustivide.organisations import actions, queries
from trustivide.organisations.models import Membership, Organisation
from trustivide.outbox import worker

ALICE, BOB, CHARLIE = "alice@exempel.test", "bob@exempel.test", "charlie@annan.test"


def _organisation() -> UUID:
    db.session.rollback()
    return db.session.scalars(
        select(Organisation.id).where(Organisation.name == "Exempel AB")
    ).one()


def _roles() -> dict[str, str]:
    db.session.rollback()
    return {user.email: role for user, role in queries.accounts_of(db.session(), _organisation())}


@pytest.fixture
def owners(app: Flask) -> str:
    """Alice owns the organisation and Bob leads a team; the path of the page."""
    alice = customer()
    colleague(alice, "leader")
    return f"/organisation/{_organisation()}/owners"


def test_the_page_lists_who_belongs_to_the_organisation_and_with_what_role(
    owners: str, client: FlaskClient
) -> None:
    page = sign_in(client).get(owners).text
    assert "Bob Berg" in page
    assert "Teamledare" in page
    assert "Du är ensam ägare" in page


@both_databases
def test_an_owner_hands_over_and_steps_down(owners: str, client: FlaskClient) -> None:
    bob = account(BOB).id
    sign_in(client)
    asked = client.get(f"{owners}/{bob}").text
    assert "avsluta avtalet" in asked
    assert _roles() == {ALICE: "owner", BOB: "leader"}
    assert client.post(f"{owners}/{bob}").status_code == 303
    assert _roles() == {ALICE: "owner", BOB: "owner"}
    assert client.post(f"{owners}/stepping-down").status_code == 303
    assert _roles() == {ALICE: "admin", BOB: "owner"}
    assert client.get(owners).status_code == 404  # hers no longer


def test_the_last_owner_is_told_why_it_does_not_go(owners: str, client: FlaskClient) -> None:
    sign_in(client)
    assert "Du är ensam ägare" in client.get(f"{owners}/stepping-down").text
    answer = client.post(f"{owners}/stepping-down")
    assert answer.status_code == 422
    assert "Gör någon annan till ägare först" in answer.text
    assert _roles()[ALICE] == "owner"


def test_what_an_owner_does_asks_for_the_password_again(owners: str, client: FlaskClient) -> None:
    bob = account(BOB).id
    sign_in(client)
    with time_machine.travel(clock.now() + timedelta(minutes=16)):
        for path in (f"{owners}/{bob}", f"{owners}/stepping-down"):
            for answer in (client.get(path), client.post(path)):
                assert answer.headers["Location"] == f"/auth/verify?next={path}"
    assert _roles() == {ALICE: "owner", BOB: "leader"}


def test_nobody_else_reaches_any_of_it(owners: str, browser_of: Callable[[], FlaskClient]) -> None:
    customer("Charlie Carlsson", CHARLIE, organisation="Annan AB", number="556036-0793")
    bob, charlie = account(BOB).id, account(CHARLIE).id
    for who in (BOB, CHARLIE):
        client = sign_in(browser_of(), who)
        for path in (owners, f"{owners}/{bob}", f"{owners}/stepping-down"):
            assert client.get(path).status_code == 404, (who, path)
        for path in (f"{owners}/{bob}", f"{owners}/stepping-down"):
            assert client.post(path).status_code == 404, (who, path)
    alice = sign_in(browser_of())
    assert alice.post(f"{owners}/{charlie}").status_code == 404  # not of her organisation
    assert _roles() == {ALICE: "owner", BOB: "leader"}


def test_an_account_that_nobody_confirmed_does_not_become_owner(
    owners: str, client: FlaskClient
) -> None:
    bob = account(BOB)
    with transaction():
        bob.confirmed_at = None
    sign_in(client)
    assert client.post(f"{owners}/{bob.id}").status_code == 422
    assert _roles()[BOB] == "leader"


@both_databases
def test_of_two_who_step_down_at_once_one_stays(app: Flask) -> None:
    alice = customer()
    bob = colleague(alice, "owner")
    organisation_id, start = _organisation(), Barrier(2)
    db.session.rollback()

    def step_down(user_id: UUID) -> bool:
        with app.app_context():
            start.wait()
            try:
                with transaction() as session:
                    actions.step_down(session, queries.Actor(user_id, organisation_id, "owner"))
            except Refused:
                return False
            return True

    with ThreadPoolExecutor(2) as pool:
        won = [f.result() for f in [pool.submit(step_down, u) for u in (alice.id, bob.id)]]
    assert sorted(won) == [False, True]
    assert sorted(_roles().values()) == ["admin", "owner"]


@both_databases
def test_of_two_owners_erased_at_once_the_later_takes_the_organisation_along(app: Flask) -> None:
    alice = customer()
    bob = colleague(alice, "owner")
    people = [Person.of(alice.id), Person.of(bob.id)]
    start, both_there = Barrier(2), Barrier(2)
    db.session.rollback()

    def leave(person: Person) -> None:
        with app.app_context():
            start.wait()
            with transaction() as session:
                actions.close_orphans(session, person, clock.now())
                with suppress(BrokenBarrierError):  # the other one can't get as far as here
                    both_there.wait(0.5)
                session.execute(
                    Membership.__table__.delete().where(  # type: ignore[attr-defined]
                        Membership.user_id == person.user_id
                    )
                )

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(leave, person) for person in people]:
            future.result()
    assert db.session.scalars(select(Organisation.id)).all() == []


def test_who_is_alone_is_shown_the_way_to_hand_over_before_erasing(
    owners: str, client: FlaskClient
) -> None:
    page = sign_in(client).get("/privacy/erasure").text
    assert f'href="{owners}"' in page


@both_databases
def test_handed_over_while_the_erasure_cools_off_the_organisation_stays(
    app: Flask, owners: str, client: FlaskClient
) -> None:
    bob = account(BOB).id
    sign_in(client)
    client.post("/privacy/erasure", data={"understood": "y"})
    client.post(f"{owners}/{bob}")
    db.session.rollback()
    with time_machine.travel(clock.now() + timedelta(days=7, minutes=1)):
        worker.tick(app)
    assert _roles() == {BOB: "owner"}
