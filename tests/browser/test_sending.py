"""Sending a survey in a real browser: two teams, a look at it, a test mail, and seeing it run."""

from datetime import date, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Visit, check_page
from tests.browser.test_journey import link, press, sign_in
from tests.factories import customer
from tests.surveys.stories import team_of
from trustivide import create_app
from trustivide.core.db import db

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("sending")]


def look(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text(heading)
    check_page(page)


def test_two_teams_are_chosen_looked_over_and_asked(site: Site, visit: Visit) -> None:
    with create_app(site.environ).app_context():
        alice = customer()
        team_of(alice, 6)
        team_of(alice, 3, "Layouten", "erik")
        db.session.remove()
    page = visit()
    sign_in(page, "alice@exempel.test")
    page.goto("/surveys/")
    look(page, "Enkäter")
    page.get_by_role("link", name="Skicka en enkät").first.click()
    look(page, "Skicka en enkät")
    press(page, "Förhandsgranska")
    expect(page.get_by_text("Välj minst ett team.").first).to_be_visible()
    look(page, "Skicka en enkät")
    # By keyboard alone
    page.get_by_label("Redaktionen").press("Space")
    page.get_by_label("Layouten").press("Space")
    page.get_by_label("Meddelande till teamet").fill("Vi vill veta hur vi har det.")
    page.get_by_label("Upprepa").select_option(label="Var tredje månad")
    press(page, "Förhandsgranska")
    look(page, "Stämmer det här")
    expect(page.get_by_text("Layouten har 3 personer att fråga")).to_be_visible()
    press(page, "Skicka ett testmejl till mig")
    expect(page.get_by_text("Ett testmejl är på väg")).to_be_visible()
    mail = site.postbox.newest("alice@exempel.test", "Test:")
    page.goto(link(mail, "/surveys/questions/"))
    look(page, "Tillit i team")
    page.go_back()
    look(page, "Stämmer det här")
    press(page, "Skicka till 9 personer")
    look(page, "Tillit i team")
    expect(page.get_by_text("6 inbjudna")).to_be_visible()
    site.postbox.newest("erik1@exempel.test", "Layouten")
    page.get_by_role("link", name="Enkäter").last.click()
    expect(page.get_by_text("2 team, 9 inbjudna")).to_be_visible()
    look(page, "Enkäter")
    # And on a phone, without scripts: one for later, called off again
    page.context.close()
    phone = visit(phone=True, javascript=False)
    sign_in(phone, "alice@exempel.test")
    phone.goto("/surveys/new")
    phone.get_by_label("Redaktionen").check()
    phone.get_by_label("Meddelande till teamet").fill("Vi frågar igen.")
    day = phone.get_by_label("Sista dag att svara").input_value()
    phone.get_by_label("Skicka den").fill(day)
    press(phone, "Förhandsgranska")
    expect(phone.get_by_text("Välj en dag efter utskicket").first).to_be_visible()
    expect(phone.get_by_label("Meddelande till teamet")).to_have_value("Vi frågar igen.")
    phone.get_by_label("Sista dag att svara").fill(str(date.fromisoformat(day) + timedelta(days=9)))
    press(phone, "Förhandsgranska")
    press(phone, "Planera utskicket")
    expect(phone.get_by_text("Planerat").first).to_be_visible()
    phone.get_by_role("link", name="Ställ in utskicket").click()
    press(phone, "Ställ in utskicket")
    expect(phone.get_by_text("Ingen får något mejl.")).to_be_visible()
