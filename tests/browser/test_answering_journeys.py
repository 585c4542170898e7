"""Answering in a real browser: by keyboard and screen reader, on a phone, without JavaScript."""

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Site, Visit
from tests.surveys.stories import launched, tokens
from trustivide import create_app
from trustivide.core.db import db

pytestmark = pytest.mark.browser

CODE = re.compile(r"[0-9A-Z]{5}(-[0-9A-Z]{5}){5}")
PHONE = "Ring mig på 070-123 45 67."


@pytest.fixture(scope="module")
def links(site: Site) -> Iterator[str]:
    """Links to one survey, each to be used by one story."""
    app = create_app(site.environ)
    with app.app_context():
        found = list(tokens(launched(app, 6)).values())
        db.session.remove()
        db.engine.dispose()
    return iter([f"/s/{token}" for token in found])


def look(page: Page) -> None:
    """In light and dark: names, roles, contrast of 7; targets of 48 px; no scrolling sideways."""
    page.wait_for_load_state("load")
    page.evaluate(Path(AXE_FILE_PATH).read_text())
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        violations = page.evaluate(
            """async () => (await axe.run(document, {
              runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
              rules: {'color-contrast-enhanced': {enabled: true}},
            })).violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 120))])"""
        )
        assert violations == [], (page.url, scheme)
    small = page.evaluate(
        """[...document.querySelectorAll('.scale label, .choice')]
          .map(label => label.getBoundingClientRect())
          .filter(box => Math.min(box.width, box.height) < 47.9).length"""
    )
    assert small == 0, page.url
    before = page.viewport_size
    assert before is not None
    for width in (before["width"], 320):  # 320: a phone, or 1280 at 400 %
        page.set_viewport_size({"width": width, "height": before["height"]})
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{page.url} is {wide} px too wide at {width}"
    page.set_viewport_size(before)  # type: ignore[arg-type]


def press(page: Page, name: str) -> None:
    """A button of the page, and wait for what it leads to."""
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).click()


def go_on(page: Page) -> None:
    """The page's first way on, in either language."""
    with page.expect_navigation():
        page.locator("main .button-primary").click()


def agree(page: Page, nth: int = 3) -> None:
    """The same answer to every statement."""
    for group in page.get_by_role("group").all():
        group.get_by_role("radio").nth(nth).check()


def code_of(page: Page) -> str:
    """The receipt code on the page."""
    found = CODE.search(page.locator("main").inner_text())
    assert found
    return found[0]


def test_by_keyboard_with_a_change_of_language_back_and_leaving(
    site: Site, visit: Visit, chromium: Browser, links: Iterator[str]
) -> None:
    page, link = visit(reduced_motion="reduce"), next(links)
    page.goto(link)
    look(page)
    page.get_by_role("link", name="Börja svara").press("Enter")
    page.wait_for_url("**/1")
    look(page)
    page.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowDown")
    first = page.get_by_role("group", name="I vårt team finns den kunskap")
    expect(first.get_by_role("radio", name="Instämmer knappast")).to_be_checked()
    expect(page.get_by_role("status").get_by_text("Sparat på den här enheten.")).to_be_visible()
    with page.expect_navigation():  # Enter goes on; it changes no language
        page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text("3 frågor behöver ses över")
    look(page)
    agree(page)
    press(page, "English")  # before a script could save
    expect(page.get_by_role("heading", level=1)).to_have_text("Knowing our work")
    group = page.get_by_role("group", name="Our team has the knowledge")
    expect(group.get_by_role("radio", name="Mostly agree")).to_be_checked()
    press(page, "Next")
    page.get_by_role("radio").nth(2).check()
    page.go_back()  # at once: what was chosen is saved on the way out
    expect(page.get_by_role("radio", name="Mostly agree").first).to_be_checked()
    page.go_forward()
    expect(page.get_by_role("radio").nth(2)).to_be_checked()

    # Leave altogether, and come back by the mail.
    context = page.context
    page.close()
    page = context.new_page()
    page.goto(link)
    page.get_by_role("link", name="Continue where you were").click()
    page.wait_for_url("**/2")
    expect(page.get_by_role("radio").nth(2)).to_be_checked()
    while page.get_by_role("textbox").count() == 0:
        agree(page)
        press(page, "Next")
    agree(page)
    page.get_by_role("textbox").fill(PHONE)
    look(page)
    go_on(page)
    look(page)
    expect(page.locator("mark")).to_have_text("070-123 45 67")
    expect(page.get_by_role("textbox")).to_be_hidden()
    page.locator("input[value=change]").check()
    page.get_by_role("textbox").fill("Vi ses för sällan.")
    look(page)
    go_on(page)
    page.wait_for_url("**/review")
    look(page)
    go_on(page)
    look(page)
    code = code_of(page)
    with page.expect_download() as waiting:
        page.locator("main .button-primary").click()
    assert code in waiting.value.path().read_text()
    press(page, "Svenska")
    assert code_of(page) == code
    page.goto("/s/receipt")
    look(page)
    page.get_by_label("Kvittokod").fill(code)
    press(page, "Öppna")
    look(page)
    expect(page.get_by_role("textbox")).to_have_value("Vi ses för sällan.")
    page.get_by_role("link", name="Ta tillbaka mina svar").click()
    look(page)

    # Pages that say no: a browser logs their status, which would count as a complaint.
    elsewhere = chromium.new_context(base_url=site.url, locale="sv-SE").new_page()
    for path, heading in (
        (link, "Den här länken är redan använd"),
        (f"/s/survey/{UUID(int=0)}/1", "Länken gäller inte"),
        ("/s/receipt/answers", "Öppna dina svar"),
    ):
        elsewhere.goto(path)
        expect(elsewhere.get_by_role("heading", level=1)).to_contain_text(heading)
        look(elsewhere)
    elsewhere.context.close()


def test_on_a_phone_by_touch(visit: Visit, links: Iterator[str]) -> None:
    page = visit(phone=True, has_touch=True, is_mobile=True, reduced_motion="reduce")
    page.goto(next(links))
    look(page)
    page.get_by_role("link", name="Börja svara").tap()
    page.wait_for_url("**/1")
    look(page)
    bars = []
    while True:
        bars.append(page.locator("progress").get_attribute("value"))
        for group in page.get_by_role("group").all():
            group.locator("label").nth(1).tap()
        if page.get_by_role("textbox").count():
            break
        press(page, "Nästa")
    assert bars == ["0", "17", "33", "50", "67", "83"], "one step for each part, whatever is typed"
    page.get_by_role("textbox").fill(PHONE)
    press(page, "Läs igenom")
    look(page)
    page.get_by_text("Behåll den som den är").tap()
    with page.expect_navigation():
        page.get_by_role("button", name="Gå vidare").tap()
    look(page)
    page.get_by_role("button", name="Skicka in mina svar").dblclick()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tack för dina svar")
    look(page)


def test_without_javascript(visit: Visit, links: Iterator[str]) -> None:
    page = visit(javascript=False)
    page.goto(next(links))
    page.get_by_role("link", name="Börja svara").click()
    agree(page)
    press(page, "Nästa")
    page.get_by_role("radio").nth(2).check()
    press(page, "Tillbaka")
    expect(page.get_by_role("radio").nth(3)).to_be_checked()
    press(page, "Nästa")
    expect(page.get_by_role("radio").nth(2)).to_be_checked()
    page.get_by_role("radio").nth(1).check()
    press(page, "English")
    expect(page.get_by_role("radio").nth(1)).to_be_checked()
    press(page, "Svenska")
    while page.get_by_role("textbox").count() == 0:
        agree(page)
        press(page, "Nästa")
    agree(page)
    page.get_by_role("textbox").fill(PHONE)
    press(page, "Läs igenom")
    press(page, "Gå vidare")
    expect(page.get_by_text("Välj vad du vill göra med texten.")).to_be_visible()
    expect(page.get_by_role("textbox")).to_be_hidden()
    page.get_by_label("Ändra den").check()
    page.get_by_role("textbox").fill("Vi ses för sällan.")
    press(page, "Tillbaka")
    expect(page.get_by_role("textbox")).to_have_value("Vi ses för sällan.")
    press(page, "Läs igenom")
    expect(page.get_by_label("Behåll den som den är")).to_be_checked()
    press(page, "Gå vidare")
    press(page, "Skicka in mina svar")
    code = code_of(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Spara som fil").click()
    assert code in waiting.value.path().read_text()
