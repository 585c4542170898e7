"""Passkeys in a real Chromium with a virtual authenticator (W3C Web Authentication, §11)."""

from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.browser.conftest import Site, Visit, check_page
from tests.factories import PASSWORD, customer
from trustivide import create_app
from trustivide.auth.models import SignIn
from trustivide.core import clock
from trustivide.core.db import db, transaction

ALICE = "alice@exempel.test"
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Device:
    """A page's virtual authenticator."""

    def __init__(self, page: Page) -> None:
        self.cdp: CDPSession = page.context.new_cdp_session(page)
        self.cdp.send("WebAuthn.enable")
        added = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        self.id = added["authenticatorId"]

    def credentials(self) -> list[dict[str, Any]]:
        """What it holds."""
        held = self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        return list(held["credentials"])

    def take(self, credential: dict[str, Any]) -> None:
        """Hold a credential that another one made, as a synced passkey."""
        self.cdp.send(
            "WebAuthn.addCredential", {"authenticatorId": self.id, "credential": credential}
        )


@pytest.fixture
def _alice(site: Site) -> None:
    app = create_app(site.environ)
    with app.app_context():
        customer()
        db.session.remove()
        db.engine.dispose()


def press(page: Page, label: str) -> None:
    page.get_by_role("button", name=label, exact=True).click()


def by_password(page: Page, path: str) -> None:
    page.goto(f"/auth/login?next={path}")
    page.get_by_label("E-postadress").fill(ALICE)
    page.get_by_label("Lösenord").fill(PASSWORD)
    press(page, "Logga in")
    page.wait_for_url(lambda url: "/auth/login" not in url)


def an_hour_later(site: Site) -> None:
    """Every sign-in proved who it is long ago."""
    app = create_app(site.environ)
    with app.app_context():
        with transaction() as session:
            for row in session.query(SignIn):
                row.verified_at = clock.now().replace(year=2020)
        db.session.remove()
        db.engine.dispose()


@pytest.mark.usefixtures("_alice")
def test_alice_lives_with_a_passkey(site: Site, visit: Visit) -> None:
    page = visit()
    device = Device(page)
    by_password(page, "/auth/passkeys/new")
    if page.url.split("?")[0].endswith("/news"):  # what is told once, on the way in
        page.goto("/auth/passkeys/new")
    check_page(page)
    page.get_by_label("Namn på din passkey").fill("Jobbtelefonen")
    press(page, "Skapa en passkey")
    page.wait_for_url("**/recovery-codes**")
    expect(page.get_by_role("status")).to_contain_text("Din passkey är klar")
    check_page(page)
    press(page, "Skapa koder")
    expect(page.locator(".codes li")).to_have_count(10)
    check_page(page)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Ladda ner som textfil").click()
    saved = waiting.value.path().read_text()
    for code in page.locator(".codes code").all_inner_texts():
        assert code in saved
    site.postbox.newest(ALICE, "Passkey tillagd")

    # Elsewhere, with the passkey carried over: no address, no password.
    (credential,) = device.credentials()
    phone = visit(phone=True)
    other = Device(phone)
    other.take(credential)
    asked: list[str] = []
    phone.on("request", lambda request: asked.append(request.url))
    phone.goto("/auth/login?next=/auth/account")
    check_page(phone)
    press(phone, "Logga in med passkey")
    phone.wait_for_url(f"{site.url}/auth/account")
    assert [u for u in asked[: asked.index(phone.url)] if not u.startswith(site.url)] == []
    expect(phone.get_by_text("Jobbtelefonen").first).to_be_visible()
    check_page(phone)

    # Long after, something weighty: the passkey says that it is still her.
    an_hour_later(site)
    phone.get_by_role("link", name="Ta bort Jobbtelefonen").click()
    phone.wait_for_url("**/auth/verify?**")
    check_page(phone)
    press(phone, "Använd en passkey")
    phone.wait_for_url(f"{site.url}/auth/passkeys/*/removal")
    check_page(phone)
    press(phone, "Ta bort")
    expect(phone.get_by_role("status")).to_contain_text("borttagen")
    site.postbox.newest(ALICE, "Passkey borttagen")

    # It opens nothing now, and the page says so kindly.
    (credential,) = other.credentials()
    later = visit(phone=True)
    Device(later).take(credential)
    later.goto("/auth/login")
    press(later, "Logga in med passkey")
    expect(later.locator("#form-errors")).to_contain_text("Det gick inte med den passkeyen")


def test_without_javascript_the_page_says_what_passkeys_need(visit: Visit) -> None:
    page = visit(javascript=False)
    page.goto("/auth/login")
    expect(page.locator("noscript")).to_be_visible()
    assert "Den behöver JavaScript" in page.locator("noscript").inner_text()
    expect(page.get_by_role("button", name="Logga in med passkey")).to_have_count(0)
    expect(page.get_by_role("button", name="Logga in", exact=True)).to_be_visible()
