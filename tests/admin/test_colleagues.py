"""Stina owns the office: she gives roles, changes and takes them, and can't leave it ownerless."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select

from tests.admin.test_office import in_office
from tests.conftest import both_databases
from tests.factories import PASSWORD, account, customer, delivered, link_in, sign_in, staff
from trustivide.admin import colleagues
from trustivide.audit.models import AuditEntry
from trustivide.auth import queries as accounts
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.core.roles import STAFF, STAFF_LABELS, STAFF_ROLES, staff_may
from trustivide.organisations.models import Membership

STINA, SVEN, ALICE = "stina@trustivide.test", "sven@trustivide.test", "alice@exempel.test"
NEW = "/admin/colleagues/new"


@pytest.fixture
def office(client: FlaskClient) -> FlaskClient:
    """Stina, an owner, signed in with both factors."""
    staff()
    return in_office(client)


def role_of(email: str) -> str | None:
    db.session.rollback()
    return account(email).staff_role


def recorded() -> list[tuple[str, str]]:
    """Whom each change of role was about, and which it is now."""
    db.session.rollback()
    rows = db.session.scalars(
        select(AuditEntry)
        .where(AuditEntry.event == "staff_role_changed")
        .order_by(AuditEntry.number)
    )
    return [(str(row.about_id), row.detail) for row in rows]


@both_databases
def test_a_colleague_comes_is_changed_and_leaves(
    app: Flask, office: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    answer = office.post(NEW, data={"email": SVEN, "name": "Sven Sund", "role": "support"})
    assert answer.location == "/admin/colleagues"
    page = office.get("/admin/colleagues").text
    for word in ("Sven Sund", SVEN, "Support", "har inte loggat in än"):
        assert word in page
    mail = delivered(app)[-1]
    assert (mail["To"], mail["Subject"]) == (SVEN, "Din roll på Trustivide: Support")
    sven = browser_of()
    sven.post(link_in(mail, "/auth/forgot"), data={"email": SVEN})
    reset = link_in(delivered(app)[-1], "/auth/reset/")
    assert sven.post(reset, data={"password": PASSWORD}).status_code == 303
    assert sign_in(sven, SVEN).get("/admin/").location.startswith("/auth/second-factor")
    assert "inte inställd" in office.get("/admin/colleagues").text
    in_office(sven, SVEN)
    assert sven.get("/admin/requests").status_code == 200
    assert sven.get("/admin/audit").status_code == 404
    # The next request has the next role.
    path = f"/admin/colleagues/{account(SVEN).id}"
    assert office.post(f"{path}/role", data={"role": "content"}).status_code == 303
    assert sven.get("/admin/requests").status_code == 404
    assert sven.get("/admin/catalogue").status_code == 200
    assert "Sven Sund kommer inte in på kontoret längre" in office.get(f"{path}/removal").text
    assert office.post(f"{path}/removal").status_code == 303
    assert sven.get("/admin/").status_code == 404
    assert delivered(app)[-1]["Subject"] == "Du har ingen roll på Trustivide längre"
    assert sven.get("/organisations/home").status_code in {303, 404}
    who = str(account(SVEN).id)
    assert recorded() == [(who, "support"), (who, "content"), (who, "")]
    actors = set(db.session.scalars(select(AuditEntry.actor_id).where(AuditEntry.detail != "")))
    assert account(STINA).id in actors
    # The account is there still, confirmed and without organisation: it can come back.
    assert office.post(NEW, data={"email": SVEN, "role": "owner"}).status_code == 303
    assert role_of(SVEN) == "owner"


def test_who_cannot_have_a_role_and_why(app: Flask, office: FlaskClient) -> None:
    customer()
    customer("Una", "una@exempel.test", organisation="Una AB", number="556036-0793")
    with transaction() as session:
        nobody = account("una@exempel.test")
        nobody.confirmed_at = None
        session.execute(delete(Membership).where(Membership.user_id == nobody.id))
    for data, words in (
        ({"email": ALICE, "role": "support"}, "Kontot hör till en kund"),
        ({"email": "una@exempel.test", "role": "support"}, "inte bekräftad än"),
        ({"email": STINA, "role": "support"}, "har redan en roll"),
        ({"email": SVEN, "role": "support"}, "Skriv ett namn, så skapas det"),
        ({"email": SVEN, "name": "Sven", "role": "king"}, "Välj igen"),
        ({"email": SVEN, "name": "Sven"}, "Välj en roll"),
        ({"email": "sven", "name": "Sven", "role": "support"}, "Skriv en e-postadress som"),
    ):
        answer = office.post(NEW, data=data)
        assert answer.status_code == 422, data
        assert words in answer.text
        assert data["email"] in answer.text
    assert recorded() == []
    assert accounts.by_address(db.session(), SVEN) is None
    assert role_of(STINA) == "owner"


def test_the_last_owner_stays(app: Flask, office: FlaskClient) -> None:
    me = f"/admin/colleagues/{account(STINA).id}"
    for answer in (
        office.post(f"{me}/role", data={"role": "privacy"}),
        office.post(f"{me}/removal"),
    ):
        assert answer.status_code == 422
        assert "Det måste finnas en ägare som kan logga in" in answer.text
    # One whose address nobody confirmed can't sign in, and does not count.
    office.post(NEW, data={"email": SVEN, "name": "Sven Sund", "role": "owner"})
    assert office.post(f"{me}/removal").status_code == 422
    with transaction():
        account(SVEN).confirmed_at = clock.now()
    answer = office.post(f"{me}/role", data={"role": "privacy"})
    assert (answer.status_code, answer.location) == (303, "/privacy/")
    assert office.get("/admin/colleagues").status_code == 404
    assert office.get("/admin/audit").status_code == 200


@both_databases
def test_of_two_owners_who_take_each_others_role_at_once_one_remains(app: Flask) -> None:
    ids = [staff().id, staff("Sven Sund", SVEN).id]
    together, refused = threading.Barrier(2), []

    def demote(by: Any, whom: Any) -> None:
        with app.app_context():
            together.wait(30)
            try:
                with transaction() as session:
                    colleagues.change(session, accounts.by_id(session, by), whom, None, clock.now())  # type: ignore[arg-type]
            except Refused as no:
                refused.append(str(no))
            finally:
                db.session.remove()

    threads = [threading.Thread(target=demote, args=pair) for pair in (ids, ids[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == [colleagues.NOT_YOURS]
    assert sorted([role_of(STINA) or "", role_of(SVEN) or ""]) == ["", "owner"]


def test_only_owners_reach_it_and_they_give_the_password_again(
    app: Flask, office: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    staff("Sven Sund", SVEN, role="privacy")
    sven = in_office(browser_of(), SVEN)
    me = f"/admin/colleagues/{account(SVEN).id}"
    for path in ("/admin/colleagues", NEW, f"{me}/role", f"{me}/removal"):
        assert sven.get(path).status_code == 404
    for path in (NEW, f"{me}/role", f"{me}/removal"):
        assert sven.post(path, data={"role": "owner", "email": SVEN}).status_code == 404
    with time_machine.travel(clock.now() + timedelta(minutes=16)):
        assert office.get("/admin/colleagues").status_code == 200
        for path in (NEW, f"{me}/role", f"{me}/removal"):
            for answer in (office.get(path), office.post(path, data={"role": "owner"})):
                assert answer.location.startswith("/auth/verify?next=")
    assert role_of(SVEN) == "privacy"


@pytest.mark.parametrize("role", list(STAFF_ROLES))
def test_each_role_sees_the_ways_it_may_go_and_no_other(
    app: Flask, client: FlaskClient, role: str
) -> None:
    customer()
    staff(role=role)
    office = in_office(client)
    page = office.get("/admin/").text
    ways = {
        "organisations": "customers.read",
        "users": "people.open",
        "requests": "requests.handle",
        "catalogue": "catalogue.manage",
        "usage": "usage.read",
        "holds": "holds.manage",
        "retention": "retention.read",
        "evidence": "evidence.attest",
        "looks": "looks.report",
        "audit": "audit.read",
        "colleagues": "staff.manage",
        "roles": "office.open",
    }
    assert set(ways.values()) == set(STAFF)
    for path, permission in ways.items():
        may = staff_may(role, permission)
        assert (f'href="/admin/{path}"' in page) == may, path
        assert office.get(f"/admin/{path}").status_code == (200 if may else 404), path
    if staff_may(role, "customers.read"):
        customers = office.get("/admin/organisations").text
        found = re.search(r"/admin/organisations/[0-9a-f-]{36}", customers)
        assert found
        inside = office.get(found.group()).text
        assert "AA" in inside
        assert ("/admin/users/" in inside) == staff_may(role, "people.open")


def test_the_matrix_is_read_from_the_one_that_the_routes_ask(office: FlaskClient) -> None:
    assert STAFF_LABELS.keys() == STAFF.keys()
    page = office.get("/admin/roles").text
    for permission, may in STAFF.items():
        row = page.split(STAFF_LABELS[permission].sv)[1].split("</tr>")[0]
        assert row.count("badge-good") == len(may), permission


@both_databases
def test_the_first_colleague_comes_by_command(app: Flask, client: FlaskClient) -> None:
    def add(*words: str) -> Any:
        return app.test_cli_runner().invoke(args=["staff", "add", *words])

    customer()
    for words, said in (
        ((SVEN, "owner"), "Give --name"),
        ((ALICE, "owner"), "belongs to a customer"),
        (("sven", "owner"), "not an e-mail address"),
        ((SVEN, "king"), "king"),
    ):
        answer = add(*words)
        assert answer.exit_code != 0
        assert said in answer.output
    assert add(SVEN, "owner", "--name", "Sven Sund").exit_code == 0
    assert "has a role already" in add(SVEN, "support").output
    assert role_of(SVEN) == "owner"
    mail = delivered(app)[-1]
    assert mail["To"] == SVEN
    client.post(link_in(mail, "/auth/forgot"), data={"email": SVEN})
    reset = link_in(delivered(app)[-1], "/auth/reset/")
    assert client.post(reset, data={"password": PASSWORD}).status_code == 303
    assert in_office(client, SVEN).get("/admin/colleagues").status_code == 200
    entry = db.session.scalars(
        select(AuditEntry).where(AuditEntry.event == "staff_role_changed")
    ).one()
    assert (entry.actor_id, entry.about_id, entry.detail) == (None, account(SVEN).id, "owner")
