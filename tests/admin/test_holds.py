"""Stina keeps data for a legal claim: with a ground, an end and her name, and ends it again."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.admin.test_office import in_office
from tests.conftest import both_databases
from tests.factories import account, colleague, customer, sign_in, staff
from tests.privacy.stories import DORA
from tests.privacy.stories import member as _member
from tests.privacy.stories import visit as _visit
from tests.privacy.test_holds import searches
from trustivide.admin.models import StaffAccess
from trustivide.auth.models import User
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.privacy import holds, retention
from trustivide.privacy.models import LegalHold
from trustivide.web.locale import day
from trustivide.workshops.models import Search

ALICE, CHARLIE = "alice@exempel.test", "charlie@granne.test"
GROUND = "Tvist om en sökning i mål T 12-26 vid Påhittade tingsrätten"
NEW = "/admin/holds/new"


@pytest.fixture
def office(app: Flask, client: FlaskClient) -> FlaskClient:
    """Stina, signed in with both factors; Alice is a customer who has searched."""
    customer()
    searches()
    staff()
    return in_office(client)


def today() -> date:
    return clock.day_of(clock.now())


def typed(**changed: object) -> dict[str, object]:
    until = today() + timedelta(days=100)
    return {
        "email": ALICE,
        "activity": "search_history",
        "ground": GROUND,
        "ends_on": until.isoformat(),
    } | changed


def place(office: FlaskClient, **changed: object) -> UUID:
    answer = office.post(NEW, data=typed(**changed))
    assert answer.status_code == 303, answer.text
    assert answer.location == "/admin/holds"
    db.session.rollback()
    return db.session.scalars(select(LegalHold.id).order_by(LegalHold.begins_on)).all()[-1]


def count(model: type) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def shown(app: Flask, moment: date) -> str:
    with app.test_request_context():
        return day(moment)


def main(page: str) -> str:
    """A page without its menus, which name whoever is signed in."""
    return page.split("<main")[1]


# Placing, listing, ending


@both_databases
def test_stina_places_a_hold_sees_it_and_ends_it(app: Flask, office: FlaskClient) -> None:
    assert "Inget bevaras för ett rättsligt anspråk" in office.get("/admin/holds").text
    form = office.get(NEW).text
    assert "Personen läser grunden, slutdagen och ditt namn" in form
    assert shown(app, holds.latest_end(today())) in form
    hold_id = place(office, email="  Alice@Exempel.test ")
    placed = db.session.get_one(LegalHold, hold_id)
    assert (placed.email, placed.user_id) == (ALICE, account(ALICE).id)
    assert (placed.owner, placed.begins_on, placed.ended_on) == ("Stina Ström", today(), None)
    page = office.get("/admin/holds").text
    assert "bevaras från och med nu, och personen ser det" in page
    for word in (GROUND, "Stina Ström", "Sökhistorik", shown(app, placed.ends_on)):
        assert word in main(page)
    assert "alice" not in main(page).lower()
    end = f"/admin/holds/{hold_id}/end"
    assert f'href="{end}"' in page
    asked = office.get(end).text
    assert "Det går inte att ångra" in asked
    assert db.session.get_one(LegalHold, hold_id).ended_on is None  # to read it ends nothing
    db.session.rollback()
    assert office.post(end).location == "/admin/holds"
    db.session.rollback()
    assert db.session.get_one(LegalHold, hold_id).ended_on == today()
    page = office.get("/admin/holds").text
    assert f"slutade {shown(app, today())}" in page
    assert f'href="{end}"' not in page


def test_ending_twice_ends_it_once_and_says_so_once(app: Flask, office: FlaskClient) -> None:
    hold_id, day_of_it = place(office), today()
    end = f"/admin/holds/{hold_id}/end"
    office.post(end)
    assert "Bevarandet är avslutat" in office.get("/admin/holds").text
    with time_machine.travel(clock.now() + timedelta(minutes=10)):
        for again in (office.post(end), office.get(end)):
            assert again.location == "/admin/holds"
        assert "Bevarandet är avslutat" not in office.get("/admin/holds").text
    db.session.rollback()
    assert db.session.get_one(LegalHold, hold_id).ended_on == day_of_it


def test_an_unknown_hold_is_not_found(office: FlaskClient) -> None:
    assert office.get(f"/admin/holds/{uuid4()}/end").status_code == 404
    assert office.post(f"/admin/holds/{uuid4()}/end").status_code == 404


def test_those_that_stand_come_first_and_the_next_to_end_on_top(
    app: Flask, office: FlaskClient
) -> None:
    ended = place(office, ends_on=(today() + timedelta(days=2)).isoformat())
    office.post(f"/admin/holds/{ended}/end")
    for days in (300, 20):
        place(office, ends_on=(today() + timedelta(days=days)).isoformat())
    page = office.get("/admin/holds").text
    order = [page.index(shown(app, today() + timedelta(days=n))) for n in (20, 300, 2)]
    assert order == sorted(order)


# What is wrong


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"email": ""}, "Skriv hela e-postadressen"),
        ({"email": "alice"}, "Skriv en e-postadress som"),
        ({"activity": ""}, "Välj vad som ska bevaras"),
        ({"activity": "security"}, "Välj igen"),
        ({"activity": "survey_answers"}, "Välj igen"),
        ({"ground": ""}, "Skriv varför uppgifterna måste bevaras"),
        ({"ground": "   " * 20}, "Skriv varför uppgifterna måste bevaras"),
        ({"ground": "Tvist om  " + " " * 20}, "Skriv minst 20 tecken"),
        ({"ground": "Tvist om sökning i mål. " * 30}, "500"),
        ({"ends_on": ""}, "Välj ett slutdatum"),
        ({"ends_on": "i morgon"}, "Välj ett slutdatum"),
        ({"ends_on": "today"}, "Välj en dag efter i dag"),
        ({"ends_on": "2020-01-01"}, "Välj en dag efter i dag"),
        ({"ends_on": "too late"}, "och senast"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_is_kept(
    app: Flask, office: FlaskClient, wrong: dict[str, str], message: str
) -> None:
    days = {
        "today": today().isoformat(),
        "too late": (holds.latest_end(today()) + timedelta(days=1)).isoformat(),
    }
    data = typed(**{key: days.get(value, value) for key, value in wrong.items()})
    answer = office.post(NEW, data=data)
    assert answer.status_code == 422
    (field,) = wrong
    beside = re.search(rf'id="{field}-error".*?<span>(.*?)</span>', answer.text)
    assert beside
    assert message in beside[1]
    for key, value in data.items():
        if key not in {field, "activity"}:
            assert str(value) in answer.text
    if field != "activity":
        assert '<option selected value="search_history"' in answer.text
    if data[field] and field in {"email", "ends_on"}:
        assert f'value="{data[field]}"' in answer.text
    assert (count(LegalHold), count(StaffAccess)) == (0, 0)


def test_only_what_leads_to_a_person_is_offered(office: FlaskClient) -> None:
    offered = set(re.findall(r'<option[^>]* value="([^"]+)"', office.get(NEW).text))
    assert {"accounts", "search_history", "team_surveys"} <= offered
    assert not {"security", "survey_answers", "legal_claims", "service_mail"} & offered


def test_nothing_is_chosen_in_advance(office: FlaskClient) -> None:
    (activity,) = re.findall(
        r'<select[^>]*name="activity".*?</select>', office.get(NEW).text, re.DOTALL
    )
    assert re.findall(r'<option[^>]* value="([^"]*)"', activity)[0] == ""


def test_a_wrong_form_by_htmx_is_answered_with_its_part(office: FlaskClient) -> None:
    headers = {"HX-Request": "true", "HX-Request-Type": "partial"}
    answer = office.post(NEW, data=typed(ground=""), headers=headers)
    assert answer.status_code == 422
    assert answer.text.strip().startswith('<section id="hold"')


# Who may


def test_nobody_without_the_role_finds_it(
    app: Flask, office: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    hold_id = place(office)
    customer("Charlie", CHARLIE, number="556036-0793", organisation="Grannen AB")
    colleague(account(ALICE), "leader")
    staff("Sven", "sven@trustivide.test")
    with transaction():
        account("sven@trustivide.test").staff_role = None
    stranger = browser_of()
    for path in ("/admin/holds", NEW, f"/admin/holds/{hold_id}/end"):
        assert stranger.get(path).location.startswith("/auth/login")
    others = [
        sign_in(browser_of(), email)
        for email in (ALICE, "bob@exempel.test", CHARLIE, "sven@trustivide.test")
    ]
    for who in others:
        for path in ("/admin/holds", NEW, f"/admin/holds/{hold_id}/end"):
            assert who.get(path).status_code == 404
        for path in (NEW, f"/admin/holds/{hold_id}/end"):
            assert who.post(path, data=typed()).status_code == 404
            assert stranger.post(path, data=typed()).location.startswith("/auth/login")
    db.session.rollback()
    (placed,) = db.session.scalars(select(LegalHold)).all()
    assert placed.ended_on is None


def test_staff_without_a_second_factor_place_and_end_nothing(
    app: Flask, office: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    hold_id = place(office)
    staff("Sven", "sven@trustivide.test")
    sven = sign_in(browser_of(), "sven@trustivide.test")
    for path in (NEW, f"/admin/holds/{hold_id}/end"):
        assert sven.post(path, data=typed()).status_code in {303, 403, 404}
    db.session.rollback()
    (placed,) = db.session.scalars(select(LegalHold)).all()
    assert placed.ended_on is None


def test_the_ground_is_read_by_whoever_wrote_it_and_by_no_colleague(
    app: Flask, office: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    hold_id = place(office)
    staff("Sven Sund", "sven@trustivide.test")
    sven = in_office(browser_of(), "sven@trustivide.test")
    user_id = account(ALICE).id
    reason = {"reason": "Alice ringde om sin faktura."}
    look = sven.post(f"/admin/users/{user_id}/looks", data=reason).location
    pages = [
        sven.get(path)
        for path in (
            "/admin/holds",
            f"/admin/holds/{hold_id}/end",
            look,
            "/admin/",
            "/admin/requests",
            "/admin/retention",
        )
    ]
    assert [page.status_code for page in pages] == [200] * len(pages)
    assert "Alice Alm" in pages[2].text  # the control: the whole account is open
    for page in pages:
        assert GROUND not in page.text
    assert GROUND in office.get("/admin/holds").text
    # A colleague may end it: whoever answers for it may be away.
    assert sven.post(f"/admin/holds/{hold_id}/end").status_code == 303
    assert count(LegalHold) == 1


# What the person sees


@both_databases
def test_the_person_sees_ground_owner_end_and_who_looked(
    app: Flask, office: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    place(office)
    until = db.session.scalars(select(LegalHold.ends_on)).one()
    alice = sign_in(browser_of())
    page = alice.get("/privacy/data/legal_hold").text
    for word in (GROUND, "Stina Ström", "Sökhistorik", shown(app, until)):
        assert word in page
    assert 'href="/privacy/data/legal_hold"' in alice.get("/privacy/").text
    look = db.session.scalars(select(StaffAccess)).one()
    assert (look.user_id, look.who) == (account(ALICE).id, "Stina Ström")
    assert (look.what, look.reason) == ("Bevarande för ett rättsligt anspråk", "Sökhistorik")
    looks = alice.get("/privacy/data/staff_access").text
    for word in ("Stina Ström", look.what, look.reason):
        assert word in looks


def test_somebody_without_account_sees_it_by_mailed_link(
    app: Flask, office: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    _member()
    place(office, email=DORA, activity="team_surveys")
    dora = _visit(app, browser_of())
    page = dora.get("/privacy/data/legal_hold").text
    for word in (GROUND, "Stina Ström"):
        assert word in page
    looks = dora.get("/privacy/data/staff_access").text
    for word in ("Stina Ström", "Bevarande för ett rättsligt anspråk"):
        assert word in looks


def test_nobody_else_sees_it(
    app: Flask, office: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    place(office)
    customer("Charlie", CHARLIE, number="556036-0793", organisation="Grannen AB")
    charlie = sign_in(browser_of(), CHARLIE)
    for path in ("/privacy/", "/privacy/data/legal_hold", "/privacy/erasure"):
        assert GROUND not in charlie.get(path).text
    assert "Stina Ström" not in charlie.get("/privacy/data/legal_hold").text


@both_databases
def test_an_address_that_nobody_has_can_be_held_and_is_the_accounts_later(
    app: Flask, office: FlaskClient
) -> None:
    """A claim doesn't wait for an account, and what comes under it afterwards stays too."""
    place(office, email="ny@exempel.test")
    assert db.session.scalars(select(LegalHold.user_id)).one() is None
    customer("Nils Ny", "ny@exempel.test", number="556036-0793", organisation="Ny AB")
    searches("ny@exempel.test", days=100)
    retention.sweep(clock.now())
    mine = account("ny@exempel.test").id
    db.session.rollback()
    kept = db.session.scalars(select(Search.user_id)).all()
    assert kept.count(mine) == 3


def test_a_hold_outlives_the_one_who_placed_it(app: Flask, office: FlaskClient) -> None:
    place(office)
    with transaction() as session:
        session.delete(session.get_one(User, account("stina@trustivide.test").id))
    db.session.rollback()
    (placed,) = db.session.scalars(select(LegalHold)).all()
    assert (placed.owner, placed.owner_id) == ("Stina Ström", None)
