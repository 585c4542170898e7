"""A questionnaire of one's own from its title to its preview, by keyboard, by mouse, on a phone."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Visit, check_page
from tests.browser.test_rights_by_keyboard import Keyboard
from tests.factories import customer
from trustivide import create_app
from trustivide.core.db import db

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("building")]

ALICE = "alice@exempel.test"
LIST = "/surveys/instruments/"


@pytest.fixture
def alice(site: Site) -> str:
    """Alice's address, once she has an account."""
    app = create_app(site.environ)
    with app.app_context():
        customer()
        db.session.remove()
        db.engine.dispose()
    return ALICE


def asked(page: Page) -> list[str]:
    """The questions in their order."""
    return page.locator(".parts .part-words > p").all_inner_texts()


def check_in_all_lights(page: Page) -> None:
    """On a phone and on a desk, by day and by night."""
    for width, height in ((390, 844), (1280, 900)):
        page.set_viewport_size({"width": width, "height": height})
        for light in ("light", "dark"):
            page.emulate_media(color_scheme=light, reduced_motion="reduce")  # type: ignore[arg-type]
            check_page(page)
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")


def fill(page: Page, group: str, sv: str, en: str) -> None:
    pair = page.get_by_role("group", name=re.compile(f"^{group}"))
    pair.get_by_label("Svenska").fill(sv)
    pair.get_by_label("Engelska").fill(en)


def drag(page: Page, what: str, onto: str) -> None:
    """Drag a part by its grip to the lower half of another one."""
    grip = page.locator(f"{what} [data-grip]").first.bounding_box()
    place = page.locator(onto).bounding_box()
    assert grip is not None
    assert place is not None
    page.mouse.move(grip["x"] + 10, grip["y"] + 10)
    page.mouse.down()
    page.mouse.move(place["x"] + 40, place["y"] + place["height"] - 4, steps=5)
    expect(page.locator(".drop-mark")).to_be_visible()
    page.mouse.up()
    expect(page.locator(".drop-mark")).to_have_count(0)


def test_alice_builds_a_questionnaire(visit: Visit, alice: str) -> None:
    page = visit()
    keyboard = Keyboard(page)
    keyboard.sign_in(alice, LIST)
    check_in_all_lights(page)
    keyboard.press("Skapa ett eget", tag="A")
    page.wait_for_url("**/new")
    fill(page, "Titel", "Arbetsro", "Peace to work")
    fill(page, "Inledning", "Svara som det är.", "Answer as it is.")
    check_page(page)
    page.get_by_role("button", name="Skapa").click()
    expect(page.get_by_role("status")).to_contain_text("Frågeformuläret är skapat.")
    expect(page.get_by_text("Det finns ingen fråga här än.")).to_be_visible()

    page.get_by_role("link", name="Lägg till en fråga").click()
    fill(page, "Påstående", "Jag får arbeta i fred.", "I get to work in peace.")
    page.get_by_role("button", name="Spara och skriv en till").click()
    page.wait_for_url("**/items?kind=agreement5")
    # Another kind's fields come without the page, and what was written stays.
    fill(page, "Påstående", "Var arbetar du?", "Where do you work?")
    page.get_by_label("Frågetyp").select_option(label="Ett val bland flera")
    options = page.get_by_role("group", name="Alternativ")
    options.get_by_label("Svenska").fill("Hemma\nKontoret")
    options.get_by_label("Engelska").fill("At home\nThe office")
    question = page.get_by_role("group", name=re.compile("^Fråga"))
    expect(question.get_by_label("Svenska")).to_have_value("Var arbetar du?")
    check_in_all_lights(page)
    page.get_by_role("button", name="Spara", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Frågan är sparad.")
    here = page.url.split("?")[0]
    page.get_by_role("link", name="Lägg till en del").click()
    fill(page, "Rubrik", "Till sist", "Finally")
    page.get_by_role("button", name="Spara", exact=True).click()
    page.get_by_role("link", name="Lägg till en fråga i del 2").click()
    page.wait_for_load_state("load")  # the script that fetches another kind's fields
    page.get_by_label("Frågetyp").select_option(label="Skala från 0 till 10")
    fill(page, "Ord vid 0", "Nej", "No")
    fill(page, "Fråga", "Skulle du tipsa en vän?", "Would you tell a friend?")
    fill(page, "Ord vid 10", "Ja", "Yes")
    page.get_by_role("button", name="Spara", exact=True).click()
    expect(page.get_by_text("Klart.")).to_be_visible()
    check_in_all_lights(page)

    # By keyboard: the focus stays on what moves, and it is said where it is now.
    keyboard.press("Flytta upp fråga 3", tag="BUTTON")
    expect(page.get_by_role("status")).to_contain_text("Flyttad. Nu är det Fråga 3.")
    expect(page.get_by_role("button", name="Flytta upp fråga 3")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Flyttad. Nu är det Fråga 2.")
    expect(page.get_by_role("button", name="Flytta upp fråga 2")).to_be_focused()
    ordered = ["Jag får arbeta i fred.", "Skulle du tipsa en vän?", "Var arbetar du?"]
    assert asked(page) == ordered
    # With the mouse: a question down within its section, then a section.
    page.set_viewport_size({"width": 1280, "height": 1800})
    drag(page, ".part:nth-child(1)", ".part:nth-child(3)")
    expect(page.get_by_role("status")).to_contain_text("Flyttad. Nu är det Fråga 3.")
    assert asked(page) == [*ordered[1:], ordered[0]]
    drag(page, ".part-section:nth-child(1) .part-head", ".part-section:nth-child(2)")
    expect(page.locator(".part-section h2").first).to_have_text("Till sist")
    check_page(page)

    page.get_by_role("link", name="Förhandsgranska").click()
    phone = page.frame_locator("iframe.phone")
    page.get_by_role("link", name="Nästa del").click()
    expect(phone.get_by_text("Var arbetar du?")).to_be_visible()
    page.get_by_role("link", name="English").last.click()
    expect(phone.get_by_role("group", name="Where do you work?")).to_be_visible()
    phone.get_by_label("At home").check()
    check_in_all_lights(page)

    # The same without scripts, with a finger's width of screen.
    plain = visit(phone=True, javascript=False)
    keyboard = Keyboard(plain)
    plain.goto(f"/auth/login?next={here.removeprefix(page.url.split('/surveys')[0])}")
    plain.get_by_label("E-postadress").fill(alice)
    plain.get_by_label("Lösenord").fill("kantarell i backen")
    plain.get_by_role("button", name="Logga in").first.click()
    plain.get_by_role("button", name="Flytta ner fråga 1").click()
    expect(plain.get_by_role("status")).to_contain_text("Flyttad. Nu är det Fråga 2.")
    assert asked(plain) == [ordered[2], ordered[1], ordered[0]]
    expect(plain.get_by_role("button", name="Flytta ner fråga 2")).to_be_focused()
