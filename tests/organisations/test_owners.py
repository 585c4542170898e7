"""Handing over: an organisation always has an owner, and who that is, its owners decide."""

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
from trustivide.organisations import actions, colleagues, queries
from trustivide.organisations.models import Membership, Organisation
from trustivide.outbox import worker

ALICE, BOB = "alice@exempel.test", "bob@exempel.test"


def _organisation() -> UUID:
    db.session.rollback()
    return db.session.scalars(
        select(Organisation.id).where(Organisation.name == "Exempel AB")
    ).one()


def _roles() -> dict[str, str]:
    db.session.rollback()
    return {user.email: role for user, role in queries.accounts_of(db.session(), _organisation())}


@pytest.fixture
def people(app: Flask) -> str:
    """Alice owns the organisation and Bob leads a team; the path of the page."""
    alice = customer()
    colleague(alice, "leader")
    return f"/organisation/{_organisation()}/people"


@both_databases
def test_an_owner_hands_over_and_steps_down(people: str, client: FlaskClient) -> None:
    alice, bob = account(ALICE).id, account(BOB).id
    sign_in(client)
    assert client.post(f"{people}/{bob}", data={"role": "owner"}).status_code == 303
    assert _roles() == {ALICE: "owner", BOB: "owner"}
    assert client.post(f"{people}/{alice}", data={"role": "admin"}).location == people
    assert _roles() == {ALICE: "admin", BOB: "owner"}
    assert "Kräv tvåstegsinloggning" not in client.get(people).text  # an owner's, hers no longer
    assert client.get(f"{people}/{bob}").status_code == 404  # above her now
    assert client.post(f"{people}/{alice}", data={"role": "owner"}).status_code == 422
    assert _roles()[ALICE] == "admin"


def test_the_last_owner_is_told_why_it_does_not_go(people: str, client: FlaskClient) -> None:
    alice = account(ALICE).id
    sign_in(client)
    for path in (f"{people}/{alice}", people.replace("people", "leaving")):
        assert "Du är ensam ägare" in client.get(path).text
        answer = client.post(path, data={"role": "admin"})
        assert answer.status_code == 422
        assert "Gör någon annan till ägare först" in answer.text
    assert _roles()[ALICE] == "owner"


def test_an_account_that_nobody_confirmed_does_not_become_owner(
    people: str, client: FlaskClient
) -> None:
    bob = account(BOB)
    with transaction():
        bob.confirmed_at = None
    sign_in(client)
    answer = client.post(f"{people}/{bob.id}", data={"role": "owner"})
    assert answer.status_code == 422
    assert "behöver ha bekräftat" in answer.text
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
                    actor = queries.Actor(user_id, organisation_id, "owner")
                    colleagues.change_role(session, actor, user_id, "admin", clock.now())
            except Refused:
                return False
            return True

    with ThreadPoolExecutor(2) as pool:
        won = [f.result() for f in [pool.submit(step_down, u) for u in (alice.id, bob.id)]]
    assert sorted(won) == [False, True]
    assert sorted(_roles().values()) == ["admin", "owner"]


@both_databases
def test_of_two_owners_who_remove_each_other_at_once_one_does(app: Flask) -> None:
    alice = customer()
    bob = colleague(alice, "owner")
    organisation_id, start = _organisation(), Barrier(2)
    db.session.rollback()

    def put_out(user_id: UUID, other_id: UUID) -> bool:
        with app.app_context():
            start.wait()
            try:
                with transaction() as session:
                    actor = queries.Actor(user_id, organisation_id, "owner")
                    colleagues.remove(session, actor, other_id, clock.now())
            except Refused:
                return False
            return True

    with ThreadPoolExecutor(2) as pool:
        tries = [pool.submit(put_out, *pair) for pair in ((alice.id, bob.id), (bob.id, alice.id))]
        assert sorted(f.result() for f in tries) == [False, True]
    assert list(_roles().values()) == ["owner"]


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
    people: str, client: FlaskClient
) -> None:
    page = sign_in(client).get("/privacy/erasure").text
    assert f'href="{people}"' in page


@both_databases
def test_handed_over_while_the_erasure_cools_off_the_organisation_stays(
    app: Flask, people: str, client: FlaskClient
) -> None:
    bob = account(BOB).id
    sign_in(client)
    client.post("/privacy/erasure", data={"understood": "y"})
    client.post(f"{people}/{bob}", data={"role": "owner"})
    db.session.rollback()
    with time_machine.travel(clock.now() + timedelta(days=7, minutes=1)):
        worker.tick(app)
    assert _roles() == {BOB: "owner"}
