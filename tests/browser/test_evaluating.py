"""A workshop was run: the team is asked how it was, five answer, and the leader reads it."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Visit, check_page
from tests.browser.test_journey import follow, link, press
from tests.browser.test_results import sign_in
from tests.factories import customer
from tests.surveys.stories import ran, team_of
from trustivide import create_app
from trustivide.core.db import db

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("evaluating")]

TITLE = "Tänk om det gick fel"
PEOPLE = [f"dora{n}@exempel.test" for n in range(1, 6)]


@pytest.fixture(scope="module")
def team(site: Site) -> str:
    """The path of a team of five that ran a workshop yesterday."""
    app = create_app(site.environ)
    with app.app_context():
        found = team_of(customer(), len(PEOPLE))
        ran(found, "premortem", ago=1)
        path = f"/teams/{found.id}"
        db.session.remove()
        db.engine.dispose()
    return path


def test_a_workshop_is_evaluated(site: Site, visit: Visit, team: str) -> None:
    alice = visit()
    sign_in(alice, team)
    expect(alice.get_by_text(f"Ni har haft workshopen ”{TITLE}”.")).to_be_visible()
    check_page(alice)
    follow(alice, "Fråga teamet hur den var")
    expect(alice.get_by_role("heading", level=1)).to_have_text("Fråga teamet hur workshopen var")
    check_page(alice)

    # No, and yes after all.
    press(alice, "Fråga inte")
    expect(alice.get_by_role("status")).to_contain_text("Du kan ångra dig")
    check_page(alice)
    press(alice, "Ångra, så kan ni fråga")
    alice.get_by_label("Meddelande till teamet").fill(" ")
    press(alice, "Skicka till 5 personer")
    expect(alice.get_by_role("alert")).to_contain_text("Skriv några rader")
    alice.get_by_label("Meddelande till teamet").fill("Hur var det i går?")
    press(alice, "Skicka till 5 personer")
    expect(alice.get_by_role("status")).to_contain_text("Frågorna är på väg till teamet.")
    expect(alice.get_by_text(TITLE)).to_be_visible()
    check_page(alice)

    # Five answer, the first on a phone in the dark, the rest without scripts.
    for address in PEOPLE:
        mail, first = site.postbox.newest(address, f"Så var workshopen ({TITLE})"), PEOPLE[0]
        dora = visit(phone=address == first, javascript=address == first)
        answer(dora, link(mail, "/s/"), checked=address == first)

    follow(alice, "Stäng enkäten")
    press(alice, "Stäng enkäten")
    expect(alice.get_by_text("av 5 inbjudna har svarat")).to_be_visible()
    expect(alice.get_by_text(f"Så var workshopen: {TITLE}")).to_be_visible()
    statement = alice.get_by_role("table", name="Workshopen var värd tiden.")
    expect(statement.get_by_role("row", name="Instämmer 5 100 %")).to_be_visible()
    check_page(alice)
    # The offer is gone; what stands in its place is the result.
    alice.goto(team)
    expect(alice.get_by_role("heading", level=1)).to_have_text("Redaktionen")
    expect(alice.get_by_text("Ni har haft workshopen")).to_have_count(0)


def answer(page: Page, path: str, *, checked: bool) -> None:
    """Dora answers from the link in her mail to the receipt."""
    page.goto(path)
    expect(page.get_by_text(TITLE)).to_be_visible()
    if checked:
        check_page(page)
    page.get_by_role("link", name="Börja svara").click()
    for group in page.get_by_role("group").all():
        group.get_by_role("radio").nth(4).check()
    if checked:
        check_page(page)
    page.locator("main .button-primary").click()
    press(page, "Skicka in mina svar")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Tack")
