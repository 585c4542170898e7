"""Alice leads a workshop from one page: by keyboard, on time and over it, with the network gone."""

import re

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.conftest import Site, Visit, check_page
from tests.browser.test_rights_by_keyboard import Keyboard
from tests.factories import customer
from trustivide import create_app
from trustivide.core.db import db
from trustivide.workshops.cards import load_library

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("building")]

ALICE = "alice@exempel.test"
CARD = next(card for card in load_library() if (card.slug, card.language) == ("look-back", "sv"))
PATH = "/workshops/look-back/facilitation"
KEYS = [(" ", 2), ("ArrowRight", 3), ("PageDown", 4), ("PageUp", 3), ("Shift+ ", 2)]
KEEP_LOCKS = """
  window.locks = [];
  const ask = navigator.wakeLock.request.bind(navigator.wakeLock);
  navigator.wakeLock.request = async (kind) => (locks.push(await ask(kind)), locks.at(-1));
"""
HELD = "locks.filter((lock) => !lock.released).map((lock) => lock.type).join()"


@pytest.fixture
def alice(site: Site) -> str:
    """Alice's address, once she has an account."""
    app = create_app(site.environ)
    with app.app_context():
        customer()
        db.session.remove()
        db.engine.dispose()
    return ALICE


def expect_step(page: Page, number: int) -> None:
    title = CARD.agenda[number - 1].title if number <= len(CARD.agenda) else "Samla upp"
    expect(page.locator("h2:visible")).to_have_text([title])
    expect(page.get_by_text(f"Steg {number} av {len(CARD.agenda) + 1}", exact=True)).to_be_visible()


def test_alice_leads_a_workshop(visit: Visit, alice: str) -> None:
    page = visit()
    page.clock.install(time="2026-12-03T09:00:00")
    page.add_init_script(KEEP_LOCKS)
    Keyboard(page).sign_in(alice, PATH)
    expect_step(page, 1)
    for width, height in ((390, 844), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        check_page(page)
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))
    page.context.set_offline(True)

    # By keyboard: the space bar and the keys of a presenter's remote control.
    for key, number in KEYS:
        page.keyboard.press(key)
        expect_step(page, number)
    for _ in range(2):
        page.keyboard.press("ArrowLeft")
        expect_step(page, 1)
    expect(page.locator("[data-says]")).to_have_text(f"Steg 1 av 6: {CARD.agenda[0].title}.")

    # The first step has five minutes. A computer that slept is not late: fast_forward fires
    # each timer once at most, however much time it skips.
    timer, clocks = page.locator(".lead-time"), page.locator(".lead-clocks")
    says = page.locator("[data-says]")
    expect(timer).to_have_text("5:00 inte startad")
    page.get_by_role("button", name="Starta").click()
    expect(says).to_have_text("Tiden går.")
    page.wait_for_function(f"{HELD} === 'screen'")
    page.clock.fast_forward("01:30")
    expect(timer).to_have_text(re.compile(r"^3:(30|2\d) kvar$"))
    expect(clocks).to_contain_text("Totalt 1 av 50 minuter")
    expect(clocks).to_contain_text(re.compile(r"Steget slutar \d\d\.\d\d"))
    page.get_by_role("button", name="Pausa").click()
    page.wait_for_function(f"{HELD} === ''")
    page.clock.fast_forward("20:00")
    expect(timer).to_have_text(re.compile(r"^3:(30|2\d) kvar, pausad$"))
    page.get_by_role("button", name="Fortsätt").focus()
    page.keyboard.press(" ")  # what has the focus keeps its own key
    page.clock.fast_forward("03:00")
    expect(says).to_have_text("En minut kvar av steget.")
    page.clock.fast_forward("01:00")
    expect(says).to_have_text("Stegets tid är slut.")
    expect(timer).to_have_text(re.compile(r"^0:(3|4|5)\d över tiden$"))
    expect(clocks).to_contain_text("Steget skulle ha slutat")

    # The next step's time runs at once, and the first keeps what it used.
    page.get_by_role("button", name="Nästa").click()
    expect(timer).to_have_text(re.compile(r"^1[12]:\d\d kvar$"))
    expect(page.get_by_role("heading", name="Till dig som leder")).to_have_count(0)
    page.get_by_role("button", name="Till dig som leder").click()
    expect(page.get_by_role("heading", name="Till dig som leder")).to_be_visible()
    page.get_by_role("button", name="På distans").click()
    expect(page.get_by_text(CARD.agenda[1].remote)).to_be_visible()
    page.get_by_text("Alla steg", exact=True).click()
    page.get_by_role("link", name="Samla upp").click()
    expect_step(page, 6)
    expect(page.get_by_role("button", name="Nästa")).to_be_disabled()
    assert [request.url for request in asked] == []

    # Leaving would lose the page while there is no network, so the browser asks first.
    warned: list[str] = []
    page.once("dialog", lambda dialog: (warned.append(dialog.type), dialog.dismiss()))
    page.get_by_role("link", name="Lämna").click()
    expect_step(page, 6)
    assert warned == ["beforeunload"]

    # Back on the network, a reload knows where she was, and starting again knows nothing.
    page.context.set_offline(False)
    page.reload()
    expect_step(page, 6)
    noted = page.get_by_role("button", name="Till dig som leder")
    expect(noted).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Pausa")).to_be_visible()
    page.get_by_text("Alla steg", exact=True).click()
    page.get_by_role("link", name="Börja om från början").click()
    page.get_by_role("dialog").get_by_role("button", name="Börja om").click()
    expect_step(page, 1)
    expect(timer).to_have_text("5:00 inte startad")

    # Without scripts it is one long page.
    long = visit(phone=True, javascript=False)
    Keyboard(long).sign_in(alice, PATH)
    for step in CARD.agenda:
        expect(long.get_by_role("heading", name=step.title, exact=True)).to_be_visible()
    expect(long.get_by_role("button")).to_have_count(0)
    long.get_by_role("link", name=CARD.agenda[3].title).click()
    expect(long.get_by_role("heading", name=CARD.agenda[3].title)).to_be_in_viewport()
