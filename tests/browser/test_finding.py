"""Alice finds a workshop: as she types, by filters, by the back button, and without scripts."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Site, Visit, check_page
from tests.browser.test_building import check_in_all_lights
from tests.browser.test_rights_by_keyboard import Keyboard
from tests.factories import customer
from trustivide import create_app
from trustivide.core.db import db

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("finding")]

ALICE = "alice@exempel.test"


@pytest.fixture
def alice(site: Site) -> str:
    """Alice's address, once she has an account."""
    app = create_app(site.environ)
    with app.app_context():
        customer()
        db.session.remove()
        db.engine.dispose()
    return ALICE


def test_alice_finds_a_workshop(visit: Visit, alice: str) -> None:
    page = visit()
    Keyboard(page).sign_in(alice, "/workshops/")
    page.wait_for_load_state("load")
    results = page.locator("#results")
    # As she types, with a slip of the finger; the address follows, and she stays in the field.
    field = page.get_by_label("Vad vill du arbeta med?")
    field.press_sequentially("fortroened")
    expect(results.get_by_role("link").first).to_have_text("När förtroendet har fått sig en törn")
    expect(page).to_have_url(re.compile(r"/workshops/\?q=fortroened$"))
    expect(field).to_be_focused()

    # Filters say what they would leave, and leave it.
    field.fill("möte")
    expect(page).to_have_url(re.compile(r"q=m%C3%B6te$"))
    page.get_by_text("Filtrera", exact=True).click()
    half_hour = page.get_by_label(re.compile("^Högst en halvtimme"))
    promised = page.locator("#n-longest-30").inner_text()
    half_hour.check()
    expect(results.get_by_role("status")).to_contain_text(re.compile(rf"^{promised} workshop"))
    expect(page).to_have_url(re.compile(r"longest=30$"))
    page.get_by_label("Hur många är ni?").fill("150")
    expect(results.get_by_role("status")).to_have_text("Ingen workshop stämmer med allt du valt")
    check_in_all_lights(page)
    results.get_by_role("link", name=re.compile("150 personer")).click()
    page.wait_for_url(re.compile(r"q=m%C3%B6te&longest=30$"))

    # She saves one from the list, opens it, and comes back to her search.
    first = results.locator("article").first
    title = first.get_by_role("link").inner_text()
    first.get_by_role("button", name=re.compile(f"^Spara ?: {title}")).click()
    expect(first.get_by_role("button", name=re.compile(f"^Sparad ?: {title}"))).to_be_focused()
    first.get_by_role("link", name=title).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.get_by_role("button", name=re.compile(f"^Sparad ?: {title}"))).to_be_visible()
    page.go_back()
    expect(page).to_have_url(re.compile(r"q=m%C3%B6te&longest=30$"))
    expect(field).to_have_value("möte")
    expect(half_hour).to_be_checked()
    page.get_by_role("link", name="Visa mina sparade").click()
    expect(results.get_by_role("article")).to_have_count(1)
    history = page.locator("#history")
    expect(history.get_by_role("link", name=title)).to_be_visible()

    # What she presses is remembered, until she says no right there.
    field.fill("löfte")
    field.press("Enter")
    page.wait_for_url(re.compile(r"q=l%C3%B6fte"))
    page.get_by_text("Dina sökningar", exact=True).click()
    kept = page.locator("#kept")
    expect(kept.get_by_role("link", name="löfte")).to_be_visible()
    kept.get_by_role("switch").click()
    expect(kept).to_contain_text("Du har invänt, så inget du söker efter sparas.")
    expect(page.get_by_role("status").first).to_contain_text("Din invändning gäller")
    expect(kept.get_by_role("link", name="löfte")).to_have_count(0)
    check_page(page)
    kept.get_by_role("button", name="Ta bort alla sökningar").click()
    expect(page.get_by_role("status").first).to_contain_text("Dina sökningar är borttagna.")

    # Without scripts it is a plain GET, and a filter is as good as ever.
    plain = visit(javascript=False, storage_state=page.context.storage_state())
    plain.goto("/workshops/")
    plain.get_by_label("Vad vill du arbeta med?").fill("feedback")
    plain.get_by_text("Filtrera", exact=True).click()
    plain.get_by_label(re.compile("^Kompetens")).check()
    plain.get_by_role("button", name="Sök", exact=True).click()
    assert "q=feedback&dimension=competence" in plain.url
    assert "csrf" not in plain.url
    expect(
        plain.locator("#results").get_by_role("link", name="Feedback som går att använda")
    ).to_be_visible()
