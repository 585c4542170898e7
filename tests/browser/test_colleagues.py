"""A colleague from invitation to leaving the other devices: mail, passkey, roles, on a phone."""

import urllib.request

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Visit, check_page
from tests.browser.test_journey import link
from tests.browser.test_passkeys import Device, press
from tests.browser.test_rights_by_keyboard import Keyboard
from tests.factories import customer
from trustivide import create_app
from trustivide.core.db import db
from trustivide.organisations.queries import owned_by

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("colleagues")]

ALICE, EVA = "alice@exempel.test", "eva@exempel.test"


@pytest.fixture
def people(site: Site) -> str:
    """The path of the page of Alice's colleagues."""
    app = create_app(site.environ)
    with app.app_context():
        alice = customer()
        key = next(iter(owned_by(db.session(), alice.id)))
        db.session.remove()
        db.engine.dispose()
    return f"/organisation/{key}/people"


def menu(page: Page) -> list[str]:
    """What the menu of a phone offers."""
    page.get_by_text("Meny", exact=True).click()
    items = page.locator("details.menu[open] nav li").all_inner_texts()
    page.keyboard.press("Escape")
    return items


def test_eva_joins_by_passkey_leads_and_then_does_not(
    site: Site, visit: Visit, people: str
) -> None:
    alice = Keyboard(visit(phone=True))
    alice.sign_in(ALICE, "/teams/")
    alice.press("Meny", tag="SUMMARY")
    alice.press("Organisation", tag="A")
    alice.look("Människorna i organisationen")
    alice.write("Kollegans e-postadress", EVA)
    alice.to("Medlem", tag="INPUT")
    alice.page.keyboard.press("ArrowDown")
    expect(alice.page.get_by_role("radio", name="Teamledare")).to_be_checked()
    alice.press("Skicka inbjudan", tag="BUTTON")
    expect(alice.page.get_by_role("status")).to_contain_text(f"Inbjudan till {EVA} är skickad.")
    check_page(alice.page)

    path = link(site.postbox.newest(EVA, "Gå med i Exempel AB"), "/invitation/")
    for _ in range(5):  # a scanner of links, without cookies
        with urllib.request.urlopen(f"{site.url}{path}") as answer:
            assert answer.status == 200

    eva = visit(phone=True)
    device = Device(eva)
    eva.goto(path)
    check_page(eva)
    press(eva, "Skapa en passkey i stället")
    expect(eva.get_by_role("alert").first).to_contain_text("Skriv ditt namn")
    assert device.credentials() == []  # what is missing is said before anything is made
    check_page(eva)
    eva.get_by_label("Ditt namn").fill("Eva Ek")
    press(eva, "Skapa en passkey i stället")
    eva.wait_for_url("**/recovery-codes**")
    check_page(eva)
    press(eva, "Skapa koder")
    expect(eva.locator(".codes li")).to_have_count(10)
    eva.get_by_role("link", name="Jag har sparat dem").click()
    eva.wait_for_url(f"{site.url}/teams/")
    check_page(eva)
    leads = menu(eva)
    assert "Team" in leads
    site.postbox.newest(EVA, "Passkey tillagd")
    (credential,) = device.credentials()
    assert credential["isResidentCredential"]

    alice.page.goto(people)
    alice.press("Ändra roll Eva Ek", tag="A")
    alice.prove()
    alice.look("Eva Ek")
    alice.to("Teamledare", tag="INPUT")
    alice.page.keyboard.press("ArrowUp")
    expect(alice.page.get_by_role("radio", name="Medlem")).to_be_checked()
    alice.press("Ändra roll", tag="BUTTON")
    alice.page.wait_for_url(f"{site.url}{people}")
    check_page(alice.page)

    eva.goto("/home")
    eva.wait_for_url(f"{site.url}/workshops/")
    check_page(eva)
    assert set(menu(eva)) < set(leads)
    assert "Team" not in menu(eva)

    # On the computer too, by the passkey alone; then everywhere but there.
    computer = visit()
    Device(computer).take(credential)
    computer.goto("/auth/login?next=/auth/account")
    press(computer, "Logga in med passkey")
    computer.wait_for_url(f"{site.url}/auth/account")
    check_page(computer)
    computer.get_by_role("link", name="Logga ut överallt utom här").click()
    check_page(computer)
    press(computer, "Logga ut de andra")
    expect(computer.get_by_role("status")).to_contain_text("Alla andra enheter är utloggade.")
    eva.goto("/auth/account")
    eva.wait_for_url("**/auth/login**")
    check_page(eva)
