"""Bob plans a workshop, Dora's mail holds a calendar file, and Bob says what came of it."""

from datetime import datetime, time, timedelta

import pytest
from icalendar import Calendar
from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests.browser.conftest import Site, Visit, check_page
from tests.factories import PASSWORD, colleague, customer
from tests.surveys.stories import team_of
from trustivide import create_app
from trustivide.core import clock
from trustivide.core.clock import STOCKHOLM, day_of
from trustivide.core.db import db, transaction
from trustivide.workshops.models import WorkshopSession

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("planning")]

BOB, DORA = "bob@exempel.test", "dora1@exempel.test"


@pytest.fixture(scope="module")
def team(site: Site) -> str:
    """The name of a team of Bob's."""
    app = create_app(site.environ)
    with app.app_context():
        alice = customer()
        colleague(alice, "leader")
        team_of(alice, 5)
        db.session.remove()
        db.engine.dispose()
    return "Redaktionen"


def sign_in(page: Page, to: str, *, first: bool = False) -> None:
    """Sign in on the way to a page; the first time there is news to read."""
    page.goto(to)
    page.get_by_label("E-postadress").fill(BOB)
    page.get_by_label("Lösenord", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Logga in", exact=True).click()
    if first:
        page.get_by_role("link", name="Läst").click()
    page.wait_for_url(f"**{to}")


def a_week_later(site: Site) -> None:
    """As if the workshop had been planned for a week before."""
    app = create_app(site.environ)
    with app.app_context():
        with transaction() as session:
            session.scalars(select(WorkshopSession)).one().starts_at -= timedelta(days=7)
        db.session.remove()
        db.engine.dispose()


def test_bob_plans_a_workshop_and_says_what_came_of_it(site: Site, visit: Visit, team: str) -> None:
    bob = visit()
    sign_in(bob, "/workshops/premortem/planning", first=True)
    check_page(bob)
    bob.get_by_role("link", name=team).click()
    day = day_of(clock.now()) + timedelta(days=6)
    bob.get_by_label("Dag").fill(day.isoformat())
    bob.get_by_label("Klockan").fill("09:30")
    bob.get_by_label("Vem leder?").select_option("other")
    bob.get_by_role("button", name="Planera och bjud in").click()
    expect(bob.get_by_role("alert")).to_contain_text("Skriv namnet på den som leder.")
    expect(bob.get_by_label("Klockan")).to_have_value("09:30")
    check_page(bob)
    bob.get_by_label("Vem leder?").select_option("me")
    bob.get_by_label("Plats eller länk").fill("Stora rummet")
    bob.get_by_role("button", name="Planera och bjud in").click()
    expect(bob.get_by_role("status")).to_contain_text("Workshopen är planerad")
    check_page(bob)

    mail = site.postbox.newest(DORA, "Inbjudan")
    (enclosed,) = mail.iter_attachments()
    assert enclosed.get_content_type() == "text/calendar"
    (event,) = Calendar.from_ical(enclosed.get_content()).walk("VEVENT")
    assert event.decoded("dtstart") == datetime.combine(day, time(9, 30), STOCKHOLM)
    assert event["LOCATION"] == "Stora rummet"

    a_week_later(site)
    bob.reload()
    bob.get_by_role("link", name="Ja, markera som genomförd").click()
    check_page(bob)
    bob.get_by_label("Hur många var med?").fill("5")
    bob.get_by_role("button", name="Spara").click()
    expect(bob.get_by_role("status")).to_contain_text("Sparat.")
    bob.get_by_label("Vad ska ni göra?").fill("Vi börjar med en runda")
    bob.get_by_label("Vem ser till det?").select_option(label=DORA)
    bob.get_by_role("button", name="Skriv upp").click()
    expect(bob.locator(".agreed li")).to_contain_text(f"{DORA} ser till det")
    bob.locator(".agreed").get_by_role("button", name="Gjort").click()
    expect(bob.locator(".agreed").get_by_role("button", name="Inte gjort")).to_be_visible()
    check_page(bob)

    # On a phone without scripts the same pages say the same.
    phone = visit(phone=True, javascript=False)
    sign_in(phone, "/workshops/sessions")
    phone.get_by_role("link", name="Tänk om det gick fel").click()
    expect(phone.get_by_text("Vi börjar med en runda", exact=True)).to_be_visible()
