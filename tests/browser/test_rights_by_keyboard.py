"""Every right on a phone's width, with the keyboard alone: Tab, Enter, Space and letters.

One story per right, on a running site with its worker and mail server. Each page
on the way is checked with axe and for sideways scrolling, and whatever is
focused must show that it is.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Error, Page, expect

from tests.browser.conftest import Site, Visit, check_page
from tests.browser.test_journey import a_week_passes, link
from tests.factories import PASSWORD, customer
from tests.surveys.stories import launched, team_of
from trustivide import create_app
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.workshops.models import Search

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("keyboard")]

_story = count(1)

NAME = """(element) => {
  const labels = element.labels ? [...element.labels].map((label) => label.innerText) : [];
  const parts = [element.getAttribute("aria-label"), ...labels, element.innerText, element.value];
  return parts.filter(Boolean).join(" ").replace(/\\s+/g, " ").trim();
}"""
SHOWN = """(element) => {
  // A card shows that the link inside it is focused.
  for (let box = element, up = 0; box && up < 3; box = box.parentElement, up += 1) {
    for (const part of [null, "::after"]) {
      const style = getComputedStyle(box, part);
      if (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) return true;
    }
  }
  return false;
}"""


class Keyboard:
    """Somebody who uses no mouse and no finger."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def to(self, name: str | re.Pattern[str], *, tag: str | None = None) -> None:
        """Tab until what is focused bears ``name``. It must look focused."""
        wanted = name if isinstance(name, re.Pattern) else re.compile(re.escape(name))
        seen = []
        for _ in range(160):
            self.page.keyboard.press("Tab")
            try:
                focused = self.page.evaluate_handle("document.activeElement").as_element()
                if focused is None:  # the next page has no body yet
                    self.page.wait_for_load_state("load")
                    continue
                called, kind = focused.evaluate(NAME), focused.evaluate("e => e.tagName")
            except Error:  # the next page came in between
                self.page.wait_for_load_state("load")
                continue
            seen.append(called[:60])
            if kind not in {"BODY", "MAIN"} and wanted.search(called) and tag in {None, kind}:
                assert focused.evaluate(SHOWN), f"{called!r} doesn't show that it is focused"
                return
        raise AssertionError(f"{name!r} can't be reached on {self.page.url}: {seen[-60:]}")

    def press(self, name: str | re.Pattern[str], **more: str) -> None:
        self.to(name, **more)
        self.page.keyboard.press("Enter")

    def tick(self, name: str | re.Pattern[str]) -> None:
        self.to(name, tag="INPUT")
        self.page.keyboard.press("Space")

    def write(self, name: str | re.Pattern[str], text: str) -> None:
        self.to(name)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)

    def look(self, heading: str) -> None:
        """The page that should be here is here, and nothing on it is broken."""
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(heading, timeout=60_000)
        check_page(self.page)

    def sign_in(self, email: str, back: str) -> None:
        """Sign in and on to ``back``."""
        self.page.goto(f"/auth/login?next={back}")
        self.write("E-postadress", email)
        self.write("Lösenord", PASSWORD)
        self.press("Logga in", tag="BUTTON")
        self.page.wait_for_url(lambda url: urlsplit(url).path == back)

    def prove(self) -> None:
        """Give the password again, where that is asked for."""
        if "/auth/verify" in self.page.url:
            self.write("Ditt lösenord", PASSWORD)
            self.press("Fortsätt")


@pytest.fixture
def inside(site: Site) -> Iterator[Flask]:
    """The running site's own database, to let things have happened there."""
    app = create_app(site.environ)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def alice(inside: Flask) -> str:
    """The address of an owner of an organisation, with three searches.

    Only the address: reading more of a row would hold a reader open, and that
    keeps the worker from rebuilding the file.
    """
    email = f"alice.k{next(_story)}@exempel.test"
    user = customer(email=email)
    with transaction() as session:
        for n, words in enumerate(("tillit", "feedback", "öppenhet")):
            session.add(Search(user_id=user.id, query=words, at=clock.now() - timedelta(hours=n)))
    db.session.remove()
    return email


@pytest.fixture
def dora(inside: Flask) -> str:
    """The address of somebody in a team, without an account."""
    n = next(_story)
    owner = customer(email=f"alice.k{n}@exempel.test")
    team_of(owner, 5, prefix=f"dora.k{n}.")
    db.session.remove()
    return f"dora.k{n}.1@exempel.test"


@pytest.fixture
def keys(visit: Visit) -> Keyboard:
    """A browser of a phone's width."""
    return Keyboard(visit(phone=True))


def enter(keys: Keyboard, site: Site, address: str) -> None:
    """In without an account, by a mailed link."""
    keys.page.goto("/privacy/find")
    keys.look("utan konto")
    keys.write("E-postadress", address)
    keys.press("Skicka länken")
    keys.page.wait_for_url("**/find/sent")
    keys.page.goto(link(site.postbox.newest(address, "länk"), "/privacy/enter/"))
    keys.press("Öppna", tag="BUTTON")
    keys.look("Det här vet vi om dig")


def test_seeing(keys: Keyboard, alice: str) -> None:
    keys.sign_in(alice, "/privacy/")
    keys.look("Det här vet vi om dig")
    keys.press("Sökhistorik", tag="SUMMARY")
    keys.press("Sökhistorik", tag="A")
    keys.look("Sökhistorik")
    for words in ("tillit", "feedback", "öppenhet"):
        expect(keys.page.get_by_text(words, exact=True).first).to_be_visible()


def test_downloading(keys: Keyboard, alice: str) -> None:
    keys.sign_in(alice, "/privacy/export")
    keys.look("Ladda ner mina uppgifter")
    keys.press("Ladda ner mina uppgifter", tag="BUTTON")
    keys.look("Din nedladdning")
    expect(keys.page.get_by_role("link", name="Hämta zip-filen")).to_be_visible(timeout=60_000)
    keys.to("Hämta zip-filen")
    with keys.page.expect_download() as waiting:
        keys.page.keyboard.press("Enter")
    archive = zipfile.ZipFile(io.BytesIO(waiting.value.path().read_bytes()))
    assert {"index.html", "data.json", "data.schema.json", "search.csv"} <= set(archive.namelist())
    assert "öppenhet" in archive.read("search.csv").decode()


def test_correcting(keys: Keyboard, alice: str) -> None:
    keys.sign_in(alice, "/privacy/data/user")
    keys.look("Ditt konto")
    keys.press("Rätta Namn")
    keys.write("Namn", "Alice Almqvist")
    keys.press("Spara", tag="BUTTON")
    expect(keys.page.locator("main").get_by_text("Alice Almqvist")).to_be_visible()
    check_page(keys.page)


def test_correcting_the_address_that_one_signs_in_with(
    keys: Keyboard, alice: str, site: Site
) -> None:
    keys.sign_in(alice, "/privacy/data/user")
    keys.press("Rätta E-postadress")
    keys.prove()
    new = alice.replace("alice", "alva")
    keys.write("E-postadress", new)
    keys.press("Mejla länken", tag="BUTTON")
    expect(keys.page.get_by_text(f"Byts till {new}")).to_be_visible()
    expect(keys.page.get_by_text(alice, exact=True)).to_be_visible()  # not before it is proven
    keys.page.goto(link(site.postbox.newest(new, ""), "/privacy/address/"))
    keys.look("Bekräfta den nya adressen")
    keys.press("Byt till den här adressen", tag="BUTTON")
    keys.look("Det här vet vi om dig")
    keys.page.goto("/privacy/data/user")
    expect(keys.page.get_by_text(new, exact=True)).to_be_visible()
    assert site.postbox.newest(alice, "")


def test_asking_the_desk_for_a_correction(keys: Keyboard, alice: str, site: Site) -> None:
    keys.sign_in(alice, "/privacy/data/organisation")
    keys.press("Stämmer något inte?", tag="SUMMARY")
    keys.press("Organisationsnummer", tag="A")
    keys.write("Vad ska det stå?", "556036-0793")
    keys.write("Varför är det fel?", "Bolaget bytte form och fick ett nytt nummer.")
    keys.press("Begär rättelse", tag="BUTTON")
    keys.look("Begäran: Rätta")
    assert site.postbox.newest(alice, "begäran")


def test_deleting_an_entry_and_a_category(keys: Keyboard, alice: str) -> None:
    keys.sign_in(alice, "/privacy/data/search")
    keys.press(re.compile("^Radera$"))
    keys.look("Radera uppgiften?")
    keys.press(re.compile("^Radera$"), tag="BUTTON")
    keys.look("Sökhistorik")
    keys.press("Radera allt i kategorin")
    keys.look("Radera allt i kategorin?")
    keys.press(re.compile("^Radera$"), tag="BUTTON")
    keys.look("Det här vet vi om dig")
    keys.page.goto("/privacy/data/search")
    expect(keys.page.get_by_text("tillit", exact=True)).to_have_count(0)


def test_erasing_an_account_with_a_change_of_mind(keys: Keyboard, alice: str, site: Site) -> None:
    keys.sign_in(alice, "/privacy/erasure")
    keys.look("Radera mitt konto")
    keys.tick("Jag har läst")
    keys.press("Radera mitt konto", tag="BUTTON")
    keys.look("Kvitto")
    keys.page.goto("/privacy/")
    keys.press("Ångra raderingen", tag="BUTTON")
    keys.look("Det här vet vi om dig")
    expect(keys.page.get_by_text("Allt är som förut").first).to_be_visible()
    keys.page.goto("/privacy/erasure")
    keys.tick("Jag har läst")
    keys.press("Radera mitt konto", tag="BUTTON")
    keys.look("Kvitto")
    receipt = keys.page.url
    a_week_passes(site)
    keys.page.goto(receipt)
    expect(keys.page.get_by_text("Underskriften stämmer")).to_be_visible(timeout=60_000)
    keys.look("Kvitto")


def test_restricting(keys: Keyboard, alice: str) -> None:
    keys.sign_in(alice, "/privacy/choices")
    keys.look("Mina val")
    with keys.page.expect_response(lambda answer: answer.request.method == "POST"):
        keys.tick("Använd bara mina uppgifter till det som kontot kräver")
    keys.page.goto("/privacy/choices")
    expect(keys.page.get_by_role("switch", name="Använd bara mina uppgifter")).to_be_checked()


def test_objecting_with_a_reason_and_taking_it_back(keys: Keyboard, alice: str) -> None:
    keys.sign_in(alice, "/privacy/choices")
    keys.press(re.compile("Invänd ?: Förbättring av tjänsten"), tag="SUMMARY")
    keys.write("Varför invänder du?", "Jag är ensam i min roll och syns i varje siffra.")
    with keys.page.expect_response(lambda answer: answer.request.method == "POST"):
        keys.press("Invänd, sluta genast", tag="BUTTON")
    expect(keys.page.get_by_text("Du invänder")).to_be_visible()
    check_page(keys.page)
    keys.page.goto("/privacy/requests")
    keys.press("Invända", tag="A")
    keys.look("Begäran: Invända")
    expect(keys.page.get_by_text("Jag är ensam i min roll")).to_be_visible()
    keys.page.goto("/privacy/choices")
    with keys.page.expect_response(lambda answer: answer.request.method == "POST"):
        keys.press("Ta tillbaka invändningen", tag="BUTTON")
    expect(keys.page.get_by_text("Du invänder")).to_have_count(0)


def test_asking_in_ones_own_words(keys: Keyboard, alice: str, site: Site) -> None:
    keys.sign_in(alice, "/privacy/requests")
    keys.look("Mina begäranden")
    keys.press("Skriv till oss om en rättighet", tag="A")
    keys.look("Skriv till oss om en rättighet")
    keys.to("Vad gäller det?", tag="SELECT")
    keys.page.keyboard.type("Annat")
    keys.write("Vad vill du att vi gör?", "Skicka allt ni har på papper, tack.")
    keys.press("Skicka", tag="BUTTON")
    keys.look("Begäran:")
    assert site.postbox.newest(alice, "begäran")


def test_keeping_a_receipt_of_a_consent(keys: Keyboard, alice: str) -> None:
    keys.sign_in(alice, "/privacy/choices")
    with keys.page.expect_response(lambda answer: answer.request.method == "POST"):
        keys.tick("Nyheter per e-post")
    keys.page.goto("/privacy/choices")
    keys.press("1 val med kvitto", tag="SUMMARY")
    keys.to("Kvitto", tag="A")
    with keys.page.expect_download() as waiting:
        keys.page.keyboard.press("Enter")
    kept = json.loads(waiting.value.path().read_bytes())
    assert kept["event"]["state"] == "given"


def test_ending_a_contract_with_a_change_of_mind(keys: Keyboard, alice: str) -> None:
    keys.sign_in(alice, "/privacy/")
    keys.press("Exempel AB", tag="A")
    keys.look("Exempel AB")
    keys.press("Avsluta", tag="A")
    keys.prove()
    keys.look("Avsluta Exempel AB")
    keys.tick("Vi behöver ingen kopia")
    keys.write("Organisationens namn", "Exempel AB")
    keys.press("Avsluta och radera", tag="BUTTON")
    keys.look("Kvitto på radering")
    keys.page.goto("/privacy/")
    keys.press("Exempel AB", tag="A")
    keys.press("Ångra avslutet", tag="BUTTON")
    keys.look("Exempel AB")
    expect(keys.page.get_by_role("link", name="Avsluta", exact=True)).to_be_visible()


def test_consenting_and_withdrawing(keys: Keyboard, alice: str) -> None:
    keys.sign_in(alice, "/privacy/choices")
    for wanted in (True, False):
        with keys.page.expect_response(lambda answer: answer.request.method == "POST"):
            keys.tick("Nyheter per e-post")
        keys.page.goto("/privacy/choices")
        switch = keys.page.get_by_role("switch", name="Nyheter per e-post", exact=True)
        expect(switch).to_be_checked(checked=wanted)
    check_page(keys.page)


def test_all_of_it_without_an_account(keys: Keyboard, dora: str, site: Site) -> None:
    enter(keys, site, dora)
    keys.press("Team och enkätinbjudningar", tag="SUMMARY")
    keys.press("Team du är med i", tag="A")
    keys.look("Team du är med i")
    expect(keys.page.get_by_text("Redaktionen").first).to_be_visible()
    keys.page.goto("/privacy/erasure")
    keys.look("Radera mina uppgifter")
    keys.tick("Jag har läst")
    keys.press("Radera mina uppgifter", tag="BUTTON")
    keys.look("Kvitto")
    expect(keys.page.get_by_text("Underskriften stämmer")).to_be_visible(timeout=60_000)


def test_unsubscribing_without_signing_in(keys: Keyboard, inside: Flask, site: Site) -> None:
    n = next(_story)
    owner = customer(email=f"alice.k{n}@exempel.test")
    launched(inside, 5, owner=owner)
    db.session.remove()
    mail = site.postbox.newest("dora1@exempel.test", "")
    path = re.sub(r"https?://[^/]+", "", str(mail["List-Unsubscribe"]).strip("<>"))
    keys.page.goto(path)
    keys.look("Sluta få mejl?")
    keys.press("Sluta skicka", tag="BUTTON")
    keys.look("Klart")
