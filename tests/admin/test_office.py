"""Stina works in the office: she helps people without reading about them more than she must."""

from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pyotp
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.conftest import both_databases
from tests.factories import account, customer, sign_in, staff
from tests.usage.stories import last_month
from trustivide.admin.models import StaffAccess
from trustivide.auth.models import User
from trustivide.core import clock, inventory
from trustivide.core.activities import (
    ACCOUNTS,
    CUSTOMER_RELATIONS,
    SEARCH_HISTORY,
    USAGE_ANALYSIS,
    WORKSHOP_USE,
    Activity,
)
from trustivide.core.clock import day_of
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.organisations.models import Organisation
from trustivide.privacy.models import Request
from trustivide.rights import actions as rights
from trustivide.workshops.cards import load_library
from trustivide.workshops.models import Download

REASON = "Alice skrev till oss: hon kommer inte in på sitt konto."


def in_office(client: FlaskClient, email: str = "stina@trustivide.test") -> FlaskClient:
    """Stina signed in with both factors."""
    secret = pyotp.random_base32()
    with transaction() as session:
        session.get_one(User, account(email).id).totp_secret = secret
    sign_in(client, email)
    answer = client.post("/auth/second-factor", data={"code": pyotp.TOTP(secret).now()})
    assert answer.status_code == 303
    return client


@pytest.fixture
def alice(app: Flask) -> User:
    return customer()


@pytest.fixture
def office(client: FlaskClient, alice: User) -> FlaskClient:
    """The client of Stina, signed in with both factors; Alice is a customer."""
    staff()
    return in_office(client)


def looks() -> list[StaffAccess]:
    return list(db.session.scalars(select(StaffAccess)))


def admin_routes(app: Flask) -> list[tuple[str, str]]:
    """Every method and address of the office, with ids that mean nothing."""
    found = []
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            if rule.endpoint.startswith("admin."):
                address = app.url_map.bind("localhost").build(
                    rule.endpoint, dict.fromkeys(rule.arguments, uuid4())
                )
                found += [
                    (method, urlsplit(address).path)
                    for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
                ]
    return found


def test_no_page_of_the_office_opens_without_a_second_factor(
    app: Flask, client: FlaskClient
) -> None:
    staff()
    routes = admin_routes(app)
    assert ("GET", "/admin/") in routes
    assert len(routes) > 8
    for method, path in routes:
        answer = client.open(path, method=method)
        assert (answer.status_code, urlsplit(answer.location).path) == (303, "/auth/login"), path
    sign_in(client, "stina@trustivide.test")
    for method, path in routes:
        answer = client.open(path, method=method)
        where = urlsplit(answer.location).path
        assert (answer.status_code, where) == (303, "/auth/second-factor"), path


def test_a_customer_never_learns_that_there_is_an_office(
    app: Flask, client: FlaskClient, alice: User
) -> None:
    sign_in(client)
    for method, path in admin_routes(app):
        assert client.open(path, method=method).status_code == 404, path


def test_checklist_04_a_former_member_of_staff_is_out_at_once(office: FlaskClient) -> None:
    with transaction() as session:
        session.get_one(User, account("stina@trustivide.test").id).staff_role = None
    assert office.get("/admin/").status_code == 404


def test_every_page_says_that_it_is_the_office(office: FlaskClient) -> None:
    for path in ("", "organisations", "users", "requests", "catalogue"):
        answer = office.get(f"/admin/{path}")
        assert answer.status_code == 200, path
        assert 'class="office"' in answer.text, path
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["", "organisations", "users", "requests", "catalogue"])
def test_htmx_gets_a_part(office: FlaskClient, path: str) -> None:
    headers = {"HX-Request": "true", "HX-Request-Type": "partial"}
    answer = office.get(f"/admin/{path}", headers=headers)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert "<section" in answer.text


def test_lists_show_neither_names_nor_addresses(office: FlaskClient, alice: User) -> None:
    organisation = db.session.scalars(select(Organisation)).one()
    for path in ("users", f"organisations/{organisation.id}", f"users/{alice.id}"):
        page = office.get(f"/admin/{path}").text
        assert "a•••@exempel.test" in page, path
        assert "AA" in page
        assert "alice@exempel.test" not in page
        assert "Alice" not in page
    assert looks() == []


@both_databases
def test_opening_a_person_takes_a_reason_and_the_person_sees_it(
    office: FlaskClient, alice: User
) -> None:
    refused = office.post(f"/admin/users/{alice.id}/looks", data={"reason": "hm"})
    assert refused.status_code == 422
    assert "alice@exempel.test" not in refused.text
    assert looks() == []

    answer = office.post(f"/admin/users/{alice.id}/looks", data={"reason": REASON})
    assert answer.status_code == 303
    page = office.get(answer.location)
    assert page.status_code == 200
    assert "Alice Alm" in page.text
    assert "alice@exempel.test" in page.text
    (look,) = looks()
    assert (look.who, look.reason) == ("Stina Ström", REASON)
    assert look.staff_id == account("stina@trustivide.test").id

    group = next(g for g in inventory.groups() if g.name == "staff_access")
    (seen,) = inventory.records(db.session(), group, Person.of(alice.id))
    assert seen.values["who"] == "Stina Ström"
    assert seen.values["what"] == "Kontots uppgifter"
    assert seen.values["reason"] == REASON


def test_a_look_lasts_half_an_hour_and_is_nobody_elses(
    app: Flask, office: FlaskClient, alice: User
) -> None:
    address = office.post(f"/admin/users/{alice.id}/looks", data={"reason": REASON}).location
    staff("Sture Sund", "sture@trustivide.test")
    colleague = in_office(app.test_client(), "sture@trustivide.test")
    assert colleague.get(address).status_code == 404
    with time_machine.travel(clock.now() + timedelta(minutes=29)):
        assert office.get(address).status_code == 200
    with time_machine.travel(clock.now() + timedelta(minutes=31)):
        assert office.get(address).status_code == 404


def test_an_account_is_found_by_its_exact_address_only(office: FlaskClient, alice: User) -> None:
    for part in ("alice", "exempel.test", "alic@exempel.test"):
        answer = office.post("/admin/users", data={"email": part})
        assert answer.status_code == 422, part
    answer = office.post("/admin/users", data={"email": " ALICE@exempel.test "})
    assert answer.status_code == 303
    assert answer.location.endswith(f"/admin/users/{alice.id}")
    assert "alice" not in answer.location


@pytest.mark.parametrize("search", ["Exempel AB", "exempel ab", "556016-0680", "5560160680"])
def test_a_customer_is_found_by_exact_name_or_number(office: FlaskClient, search: str) -> None:
    customer("Charlie Ceder", "charlie@annan.test", organisation="Annan AB", number="555555-5555")
    page = office.post("/admin/organisations", data={"search": search})
    assert page.status_code == 200
    assert "Exempel AB" in page.text
    assert "Annan AB" not in page.text


def test_half_a_name_finds_no_customer(office: FlaskClient) -> None:
    page = office.post("/admin/organisations", data={"search": "Exempel"}).text
    assert "Exempel AB" not in page


def test_a_sole_traders_number_is_masked(office: FlaskClient) -> None:
    customer("Greta Gran", "greta@gran.test", organisation="Grans snickeri", number="811218-9876")
    page = office.get("/admin/organisations").text
    assert "811218-····" in page
    assert "9876" not in page


def test_restricted_data_is_masked_and_marked(office: FlaskClient, alice: User) -> None:
    with transaction() as session:
        rights.restrict(session, Person.of(alice.id, alice.email), clock.now())
    page = office.get("/admin/users").text
    assert "begränsad" in page
    assert "a•••@exempel.test" not in page
    address = office.post(f"/admin/users/{alice.id}/looks", data={"reason": REASON}).location
    opened = office.get(address).text
    assert "Begränsad" in opened
    assert "art. 18.2" in opened


def test_requests_show_their_clock_and_nobodys_name(office: FlaskClient, alice: User) -> None:
    now = clock.now()
    with transaction() as session:
        for kind, days in (("erase", -2), ("access", 12)):
            session.add(
                Request(
                    reference=Person.of(alice.id).reference,
                    kind=kind,
                    received_at=now,
                    due_on=day_of(now) + timedelta(days=days),
                )
            )
    page = office.get("/admin/requests").text
    assert "2 dagar försenad" in page
    assert "12 dagar kvar" in page
    assert page.index("Radera") < page.index("Se uppgifter")
    assert "Alice" not in page
    assert "1 är försenad" in office.get("/admin/").text


def test_long_lists_have_pages(office: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trustivide.admin.queries.PER_PAGE", 1)
    customer("Charlie Ceder", "charlie@annan.test", organisation="Annan AB", number="555555-5555")
    first = office.get("/admin/organisations").text
    second = office.get("/admin/organisations?page=2").text
    assert ("Annan AB" in first, "Exempel AB" in first) == (True, False)
    assert ("Annan AB" in second, "Exempel AB" in second) == (False, True)
    for odd in ("0", "-3", "99", "x"):
        assert office.get(f"/admin/organisations?page={odd}").status_code == 200


@both_databases
def test_looking_around_writes_nothing(office: FlaskClient, alice: User) -> None:
    organisation: UUID = db.session.scalars(select(Organisation.id)).one()
    before = looks()
    for path in ("", "organisations", f"organisations/{organisation}", "users", "catalogue"):
        assert office.get(f"/admin/{path}").status_code == 200
    assert office.get(f"/admin/users/{alice.id}").status_code == 200
    assert looks() == before == []


# What is restricted is stored and not read (Art. 18)


def opened(office: FlaskClient, user: User) -> str:
    """The page that a look at the account opens."""
    address = office.post(f"/admin/users/{user.id}/looks", data={"reason": REASON}).location
    return office.get(address).text


def with_phone(user: User) -> None:
    with transaction() as session:
        session.get_one(User, user.id).phone = "+46701234567"


def test_without_a_restriction_the_office_reads_name_address_and_phone(
    office: FlaskClient, alice: User
) -> None:
    with_phone(alice)
    page = opened(office, alice)
    for value in ("Alice Alm", "alice@exempel.test", "+46701234567", "Exempel AB"):
        assert value in page
    assert "begränsad" not in page


@pytest.mark.parametrize(
    ("activity", "hidden", "shown"),
    [
        (None, ("Alice Alm", "alice@exempel.test", "+46701234567", "Exempel AB"), ()),
        (ACCOUNTS, ("Alice Alm", "alice@exempel.test"), ("+46701234567",)),
        (CUSTOMER_RELATIONS, ("+46701234567", "Exempel AB"), ("Alice Alm", "alice@exempel.test")),
        (SEARCH_HISTORY, (), ("Alice Alm", "alice@exempel.test", "+46701234567")),
    ],
)
def test_a_restriction_masks_the_values_it_concerns_and_not_the_requests(
    office: FlaskClient,
    alice: User,
    activity: Activity | None,
    hidden: tuple[str, ...],
    shown: tuple[str, ...],
) -> None:
    with_phone(alice)
    whose, now = Person.of(alice.id, alice.email), clock.now()
    with transaction() as session:
        rights.restrict(session, whose, now, activity)
        session.add(
            Request(reference=whose.reference, kind="correct", received_at=now, due_on=day_of(now))
        )
    page = opened(office, alice)
    assert [value for value in hidden if value in page] == []
    assert [value for value in shown if value not in page] == []
    assert ("begränsad" in page) == bool(hidden)
    assert "Rätta" in page
    with transaction() as session:
        rights.lift_restriction(session, whose, clock.now(), activity)
    assert "Alice Alm" in opened(office, alice)


def test_an_objection_to_the_customer_register_masks_there_and_nowhere_else(
    office: FlaskClient, alice: User
) -> None:
    with_phone(alice)
    with transaction() as session:
        rights.object_to(session, Person.of(alice.id, alice.email), CUSTOMER_RELATIONS, clock.now())
    organisation: UUID = db.session.scalars(select(Organisation.id)).one()
    register = office.get(f"/admin/organisations/{organisation}").text
    assert "begränsad" in register
    assert "a•••@exempel.test" not in register
    assert "a•••@exempel.test" in office.get("/admin/users").text
    page = opened(office, alice)
    assert "+46701234567" not in page
    assert "Alice Alm" in page


# How much is used: totals of at least five people


def downloaders(number: int, slug: str = "premortem") -> list[User]:
    """That many people, each of whom downloaded a workshop twice last month."""
    found, at = [], clock.begin_of(last_month()) + timedelta(hours=9)
    for n in range(number):
        user = customer(f"Person {n}", f"person{n}@exempel.test", organisation=f"Exempel {n} AB")
        with transaction() as session:
            session.add_all([Download(user_id=user.id, workshop=slug, at=at) for _ in range(2)])
        found.append(user)
    return found


def counted(office: FlaskClient) -> str:
    """What the office reads about the one workshop that anybody downloaded."""
    page = office.get("/admin/catalogue").text
    title = next(c.title for c in load_library() if (c.slug, c.language) == ("premortem", "sv"))
    return page[page.index(title) :].split("</tr>")[0]


@both_databases
def test_five_people_are_a_total_and_four_are_fewer_than_five(office: FlaskClient) -> None:
    assert "färre än 5" in counted(office)
    people = downloaders(5)
    assert "5 personer" in counted(office)
    with transaction() as session:
        rights.object_to(session, Person.of(people[0].id), USAGE_ANALYSIS, clock.now())
    assert "färre än 5" in counted(office)
    with transaction() as session:
        rights.withdraw_objection(session, Person.of(people[0].id), USAGE_ANALYSIS, clock.now())
    assert "5 personer" in counted(office)


@pytest.mark.parametrize("activity", [None, USAGE_ANALYSIS, WORKSHOP_USE])
def test_whose_data_is_restricted_is_not_counted(
    office: FlaskClient, activity: Activity | None
) -> None:
    people = downloaders(6)
    assert "6 personer" in counted(office)
    with transaction() as session:
        rights.restrict(session, Person.of(None, people[0].email), clock.now(), activity)
    assert "5 personer" in counted(office)


@pytest.mark.parametrize("days", [-40, 40])
def test_what_was_downloaded_in_another_month_is_not_counted(
    office: FlaskClient, days: int
) -> None:
    downloaders(5)
    with transaction() as session:
        for download in session.scalars(select(Download)):
            download.at += timedelta(days=days)
    assert "färre än 5" in counted(office)
