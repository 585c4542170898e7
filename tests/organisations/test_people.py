"""Who is in an organisation and what they may do: a new role counts from the next request on."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from tests.conftest import both_databases
from tests.factories import account, colleague, customer, delivered, sign_in
from tests.organisations.stories import (
    ALICE,
    BOB,
    CHARLIE,
    EVA,
    mailed,
    organisation_id,
    queued,
    roles,
    sealed,
    there,
    words,
)
from trustivide.auth.models import SignIn, User
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.roles import CUSTOMER, CUSTOMER_ROLES, CUSTOMER_WORDS, givable, may_give
from trustivide.organisations.models import Organisation

Browsers = Callable[[], FlaskClient]


@pytest.fixture
def alice(app: Flask, client: FlaskClient) -> FlaskClient:
    """Alice owns the organisation, Bob leads a team; she is signed in."""
    colleague(customer(), "leader")
    return sign_in(client)


def test_the_matrix_says_in_words_what_it_allows() -> None:
    assert set(CUSTOMER_WORDS) == set(CUSTOMER)
    order = list(CUSTOMER_ROLES)
    for lesser, greater in pairwise(order):
        assert {p for p in CUSTOMER if lesser in CUSTOMER[p]} <= {
            p for p in CUSTOMER if greater in CUSTOMER[p]
        }
    assert [givable(role) for role in order] == [(), (), tuple(order[:3]), tuple(order)]
    assert not may_give("owner", "root")
    assert not may_give(None, "member")


def test_the_page_shows_everyone_and_the_ways_that_the_reader_may_go(
    app: Flask, alice: FlaskClient, browser_of: Browsers
) -> None:
    with transaction() as session:
        session.get_one(User, account(BOB).id).totp_secret = "JBSWY3DPEHPK3PXP"
    colleague(account(ALICE), "admin", "Eva Ek", EVA)
    page = alice.get(there()).text
    for shown in ("Bob Berg", "Teamledare", "Administratör", ">på<", ">av<", "du"):
        assert shown in page
    assert f'href="{there()}" aria-current="page"' in page
    alices, bobs = (there(f"people/{account(e).id}") for e in (ALICE, BOB))
    assert f'href="{alices}"' in page
    assert "Kräv tvåstegsinloggning" in page

    eva = sign_in(browser_of(), EVA)
    page = eva.get(there()).text
    assert f'href="{bobs}"' in page
    assert f'href="{alices}"' not in page
    assert "Kräv tvåstegsinloggning" not in page
    assert 'value="owner"' not in page
    for path in (alices, f"{alices}/removal", there("second-factor")):
        assert eva.get(path).status_code == 404, path
        assert eva.post(path, data={"role": "member"}).status_code == 404, path
    assert eva.post(bobs, data={"role": "owner"}).status_code == 422
    assert roles() == {ALICE: "owner", BOB: "leader", EVA: "admin"}


@pytest.mark.parametrize("role", ["member", "leader"])
def test_who_may_not_look_after_colleagues_finds_nothing_there(
    app: Flask, browser_of: Browsers, role: str
) -> None:
    alice = customer()
    colleague(alice, role)
    colleague(alice, "member", "Eva Ek", EVA)
    bob = sign_in(browser_of(), BOB)
    person, someone = f"people/{account(EVA).id}", f"invitations/{organisation_id()}"
    for path in ("people", person, f"{person}/removal", "second-factor"):
        assert bob.get(there(path)).status_code == 404, path
    for path in (
        person,
        f"{person}/removal",
        "second-factor",
        "invitations",
        f"{someone}/mail",
        f"{someone}/withdrawal",
    ):
        form = {"role": "admin", "email": "x@exempel.test", "required": "1"}
        assert bob.post(there(path), data=form).status_code == 404, path
    page = bob.get(there("roles")).text
    assert f"Din roll: {CUSTOMER_ROLES[role].sv}" in page
    for allowed in CUSTOMER_WORDS.values():
        assert allowed.sv in page
    home = bob.get("/home", follow_redirects=True).text
    assert there() not in home
    assert ('href="/teams/"' in home) == (role == "leader")
    assert ('href="/surveys/"' in home) == (role == "leader")
    assert 'href="/workshops/"' in home


@both_databases
def test_a_new_role_counts_at_once_and_the_person_is_told(
    app: Flask, alice: FlaskClient, browser_of: Browsers
) -> None:
    bob, path = sign_in(browser_of(), BOB), there(f"people/{account(BOB).id}")
    assert bob.get("/teams/").status_code == 200
    assert "får ett mejl om ändringen" in alice.get(path).text
    assert alice.post(path, data={"role": "root"}).status_code == 422
    for _ in range(2):
        assert alice.post(path, data={"role": "member"}).status_code == 303
    assert bob.get("/teams/").status_code == 404
    assert bob.get("/home").location == "/workshops/"
    assert sealed("role_changed") == [("role_changed", ALICE, BOB, "member")]
    assert queued("role_changed") == 1
    mail = mailed(app, "Din roll i Exempel AB är ändrad")
    assert mail["To"] == BOB
    assert "Alice Alm har ändrat din roll i Exempel AB. Nu är den: Medlem." in words(mail)


@both_databases
def test_who_is_removed_is_out_at_once_and_keeps_the_account(
    app: Flask, alice: FlaskClient, browser_of: Browsers
) -> None:
    bob, path = sign_in(browser_of(), BOB), there(f"people/{account(BOB).id}/removal")
    page = alice.get(path).text
    for shown in ("kommer genast inte längre åt", "Kontot är kvar", "får ett mejl"):
        assert shown in page
    assert alice.post(path).location == there()
    assert bob.get("/teams/").status_code == 404
    home = bob.get("/home")
    assert home.status_code == 200
    assert "hör inte till någon organisation" in home.text
    assert 'href="/privacy/"' in home.text
    assert 'href="/workshops/"' not in home.text
    assert bob.get("/privacy/").status_code == 200
    assert roles() == {ALICE: "owner"}
    assert account(BOB).name == "Bob Berg"
    assert sealed("colleague_removed") == [("colleague_removed", ALICE, BOB, "leader")]
    told = words(mailed(app, "Du hör inte längre till Exempel AB"))
    assert "Alice Alm har tagit bort dig" in told
    assert alice.get(path).status_code == alice.post(path).status_code == 404
    # Invited again, he finds it where he is.
    alice.post(there("invitations"), data={"email": BOB, "role": "member"})
    page = bob.get("/home").text
    assert "Du är inbjuden" in page
    assert "Exempel AB" in page


@pytest.mark.parametrize("role", ["member", "leader", "admin"])
def test_everybody_can_leave_by_themselves(app: Flask, browser_of: Browsers, role: str) -> None:
    bob = colleague(customer(), role)
    client, path = sign_in(browser_of(), BOB), there("leaving")
    assert f'href="{path}"' in client.get("/auth/account").text
    if role == "admin":
        assert client.get(there(f"people/{bob.id}/removal")).location == path
    assert "Du kommer genast inte längre åt" in client.get(path).text
    assert client.post(path).location == "/home"
    assert roles() == {ALICE: "owner"}
    assert "Du har lämnat Exempel AB" in words(delivered(app)[-1])


def test_what_is_weighty_asks_for_the_password_again(alice: FlaskClient) -> None:
    bob = there(f"people/{account(BOB).id}")
    with time_machine.travel(clock.now() + timedelta(minutes=16)):
        for path in (bob, f"{bob}/removal", there("second-factor"), there("leaving")):
            for answer in (alice.get(path), alice.post(path, data={"role": "member"})):
                assert answer.location == f"/auth/verify?next={path}"
    assert roles() == {ALICE: "owner", BOB: "leader"}


def _required() -> bool:
    db.session.rollback()
    return db.session.get_one(Organisation, organisation_id()).second_factor_required


def test_two_step_sign_in_is_required_only_by_who_has_it(alice: FlaskClient) -> None:
    path = there("second-factor")
    page = alice.get(path).text
    assert f"/auth/second-factor/new?next={path}" in page
    assert "Kräv av alla" not in page
    assert alice.post(path, data={"required": "1"}).status_code == 422
    assert not _required()
    with transaction() as session:
        session.get_one(User, account(ALICE).id).totp_secret = "JBSWY3DPEHPK3PXP"
        session.execute(update(SignIn).values(second_factor=True))
    assert "1 person har den inte på än" in alice.get(path).text
    for required in ("1", "1", "0"):
        assert alice.post(path, data={"required": required}).status_code == 303
        assert _required() == (required == "1")
    assert sealed("second_factor_required") == [
        ("second_factor_required", ALICE, None, "on"),
        ("second_factor_required", ALICE, None, "off"),
    ]


def test_charlie_finds_nothing_of_alices_people(alice: FlaskClient, browser_of: Browsers) -> None:
    customer("Charlie Carlsson", CHARLIE, organisation="Annan AB", number="556036-0793")
    charlie = sign_in(browser_of(), CHARLIE)
    bob, own = account(BOB).id, there("people", "Annan AB")
    for path in (there(), there("roles"), there(f"people/{bob}"), f"{own}/{bob}"):
        assert charlie.get(path).status_code == 404, path
    assert charlie.post(f"{own}/{bob}/removal").status_code == 404
    assert roles() == {ALICE: "owner", BOB: "leader"}
