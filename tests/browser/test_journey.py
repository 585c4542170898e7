"""The whole journey in a real browser, once with JavaScript and once without.

One story, told in nine steps on one running site: real web server, real
worker, real SMTP, real Chromium. Every page on the way is checked with axe
and for sideways scrolling (where the browser runs scripts).
"""

import io
import re
import sqlite3
import zipfile
from dataclasses import dataclass
from email.message import EmailMessage

import pyotp
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Visit, check_page
from tests.factories import PASSWORD
from trustivide import create_app
from trustivide.outbox import worker

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("journey")]

SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
TEAM = 5


@dataclass
class Story:
    """One telling: with or without scripts, with addresses of its own."""

    site: Site
    visit: Visit
    javascript: bool

    @property
    def mark(self) -> str:
        return "js" if self.javascript else "plain"

    def address(self, name: str) -> str:
        return f"{name}.{self.mark}@exempel.test"

    def browser(self, *, phone: bool = False) -> Page:
        return self.visit(phone=phone, javascript=self.javascript)

    def look(self, page: Page, heading: str) -> None:
        """The page that should be here is here, and nothing on it is broken."""
        expect(page.get_by_role("heading", level=1)).to_contain_text(heading)
        if self.javascript:
            check_page(page)


def press(page: Page, name: str | re.Pattern[str], *, exact: bool = False) -> None:
    button = page.get_by_role("button", name=name, exact=exact).first
    expect(button, page.locator("main").inner_text()).to_be_visible()
    button.click()


def follow(page: Page, name: str) -> None:
    page.get_by_role("link", name=name).first.click()


def link(mail: EmailMessage, prefix: str) -> str:
    """The path of a link in a mail's text part; the HTML part carries it too."""
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    found = re.search(rf"http://localhost:\d+({re.escape(prefix)}[^\s]*)", text.get_content())
    assert found, text.get_content()
    assert found[1] in html.get_content()
    return found[1]


def sign_in(page: Page, email: str) -> None:
    page.goto("/auth/login")
    page.get_by_label("E-postadress").fill(email)
    page.get_by_label("Lösenord").fill(PASSWORD)
    press(page, "Logga in", exact=True)


def confirm_password(page: Page) -> None:
    if "/auth/verify" in page.url:
        page.get_by_label("Ditt lösenord").fill(PASSWORD)
        press(page, "Fortsätt")


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_from_a_first_visit_to_erased_data(site: Site, visit: Visit, javascript: bool) -> None:
    story = Story(site, visit, javascript)
    alice = story.browser()
    register(story, alice)
    build_the_team(story, alice)
    send_the_survey(story, alice)
    code = answer_on_a_phone(story)
    read_the_result(story, alice)
    find_a_workshop(story, alice)
    staff_looks(story)
    use_the_privacy_centre(story, alice)
    without_an_account(story, code)
    erase_the_account(story, alice)


def register(story: Story, page: Page) -> None:
    page.goto("/")
    story.look(page, "tilliten")
    follow(page, "Kom igång")
    story.look(page, "Registrera din organisation")
    page.get_by_label("Organisationens namn").fill("Exempel AB (påhittad)")
    page.get_by_label("Organisationsnummer").fill("556016-0681")
    page.get_by_label("Ditt namn").fill("Alice Alm")
    page.get_by_label("E-postadress", exact=True).fill(story.address("alice"))
    page.get_by_label("Lösenord").fill(PASSWORD)
    expect(page.get_by_label("Ja, skicka mig nyheter")).not_to_be_checked()
    page.get_by_label("Jag godkänner").check()
    press(page, "Registrera")
    story.look(page, "Registrera din organisation")  # the number's check digit was wrong
    expect(page.get_by_label("Ditt namn")).to_have_value("Alice Alm")
    page.get_by_label("Organisationsnummer").fill("556016-0680")
    page.get_by_label("Lösenord").fill(PASSWORD)
    press(page, "Registrera")
    story.look(page, "Titta i din inkorg")
    mail = story.site.postbox.newest(story.address("alice"), "Bekräfta")
    page.goto(link(mail, "/auth/confirm/"))
    press(page, "Bekräfta")
    story.look(page, "Logga in")
    # She has forgotten the password already, and chooses the same anew.
    follow(page, "glömt")
    page.get_by_label("E-postadress").fill(story.address("alice"))
    press(page, "Skicka länken")
    mail = story.site.postbox.newest(story.address("alice"), "lösenord")
    page.goto(link(mail, "/auth/reset/"))
    story.look(page, "lösenord")
    page.get_by_label("Nytt lösenord").fill(PASSWORD)
    press(page, "Byt lösenord")
    sign_in(page, story.address("alice"))
    story.look(page, "Team")


def build_the_team(story: Story, page: Page) -> None:
    page.get_by_label("Teamets namn").fill("Redaktionen")
    press(page, "Skapa teamet")
    story.look(page, "Redaktionen")
    people = [story.address(f"dora{n}") for n in range(TEAM + 1)]
    text = "\n".join([*people, people[0].upper(), "inte en adress"])
    page.get_by_label("E-postadresser").fill(text)
    press(page, "Förhandsgranska")
    story.look(page, "Stämmer adresserna")
    expect(page.get_by_text(f"Rad {TEAM + 3}")).to_be_visible()
    press(page, re.compile(f"Lägg .*till.* {TEAM + 1}"))
    story.look(page, "Redaktionen")
    row = page.get_by_role("row").filter(has_text=people[1])
    row.get_by_text("Ändra", exact=False).first.click()
    page.get_by_label(re.compile("^Namn")).fill("Dora Dahl")
    press(page, "Spara")
    expect(page.get_by_role("row").filter(has_text=people[1])).to_contain_text("Dora Dahl")
    remove(page, people[0])
    expect(page.get_by_text("borttagen ur teamet").first).to_be_visible()
    expect(page.get_by_role("row").filter(has_text=people[0])).to_have_count(0)
    press(page, "Ångra")
    expect(page.get_by_role("row").filter(has_text=people[0])).to_have_count(1)
    remove(page, people[0])
    expect(page.get_by_role("row").filter(has_text=people[0])).to_have_count(0)


def remove(page: Page, email: str) -> None:
    """With scripts at once, with a way back; without them a page asks first."""
    page.get_by_role("row").filter(has_text=email).get_by_role("button", name="Ta bort").click()
    if page.url.endswith("/removal"):
        press(page, "Ta bort")


def send_the_survey(story: Story, page: Page) -> None:
    page.reload()
    follow(page, "Skicka en enkät")
    story.look(page, "Skicka en enkät")
    page.get_by_label("Meddelande till teamet").fill("Vi vill veta hur vi har det.")
    press(page, "Förhandsgranska")
    story.look(page, "Stämmer det här")
    press(page, f"Skicka till {TEAM} personer")
    story.look(page, "Redaktionen")
    expect(page.get_by_text(f"{TEAM} personer")).to_be_visible()


def answer_on_a_phone(story: Story) -> str:
    code = ""
    for n in range(1, TEAM + 1):
        mail = story.site.postbox.newest(story.address(f"dora{n}"), "tilliten")
        page = story.browser(phone=True)
        page.goto(link(mail, "/s/"))
        assert "/s/survey/" in page.url  # the token is out of the address
        code = answer(story, page, look=n == 1)
        page.context.close()
    return code


def answer(story: Story, page: Page, *, look: bool) -> str:
    if look:
        story.look(page, "Tillit i team")
    expect(page.get_by_text("Vem ser mina svar?")).to_be_visible()
    follow(page, "Börja svara")
    page.wait_for_url("**/1")
    if look and story.javascript:
        story.look(page, "")
        page.get_by_role("radio").first.check()
        expect(page.get_by_text("Sparat på den här enheten.")).to_be_visible()
        page.reload()
        expect(page.get_by_role("radio").first).to_be_checked()
    while page.get_by_role("button", name="Skicka in mina svar").count() == 0:
        here = page.url
        agreement = 1 if here.endswith("/4") else 3  # openness comes out lowest
        for group in page.get_by_role("group").all():
            group.get_by_role("radio").nth(agreement).check()
        comment = page.locator("textarea")
        if comment.count():
            comment.first.fill("Vi hinner prata för sällan.")
        press(page, "Läs igenom" if comment.count() else "Nästa")
        page.wait_for_url(lambda url: url != here)  # noqa: B023
        if page.url.endswith("/comments"):
            if look:
                story.look(page, "Kan någon förstå vem du är?")
            press(page, "Gå vidare")
            page.wait_for_url("**/review")
    if look:
        story.look(page, "Läs igenom")
    press(page, "Skicka in mina svar")
    if look:
        story.look(page, "Tack för dina svar")
    found = re.search(r"[0-9A-Z]{5}(-[0-9A-Z]{5}){5}", page.locator("main").inner_text())
    assert found
    page.goto("/s/receipt")
    page.get_by_label("Kvittokod").fill(found[0].lower())
    press(page, "Öppna")
    if look:
        story.look(page, "Dina svar")
    expect(page.locator("textarea").first).to_have_value("Vi hinner prata för sällan.")
    page.locator("textarea").first.fill("Rättad kommentar.")
    press(page, "Spara rättelsen")
    expect(page.get_by_text("Dina svar är rättade.")).to_be_visible()
    return found[0]


def read_the_result(story: Story, page: Page) -> None:
    page.reload()
    expect(page.get_by_role("link", name=f"Skickade ({TEAM})")).to_be_visible()
    follow(page, "Stäng enkäten")
    story.look(page, "Stäng enkäten")
    press(page, "Stäng enkäten nu")
    story.look(page, "Resultat")
    expect(page.get_by_text(f"av {TEAM} inbjudna har svarat")).to_be_visible()
    expect(page.get_by_text("Rättad kommentar.")).to_have_count(TEAM)
    expect(page.get_by_role("img", name="Medelvärde och osäkerhet per del")).to_be_visible()
    expect(page.get_by_role("img", name="Hur ni fördelar er: Öppenhet")).to_be_visible()
    expect(page.get_by_text("Öppenhet ligger lägst").first).to_be_visible()
    page.locator(".card a").first.click()
    story.look(page, "")
    expect(page.get_by_role("heading", name="Led den steg för steg")).to_be_visible()


def find_a_workshop(story: Story, page: Page) -> None:
    page.goto("/workshops/")
    story.look(page, "Workshoppar")
    page.locator("#search [name=q]").fill("öppenhet")
    press(page, "Sök", exact=True)
    expect(page.locator("#kept")).to_contain_text("öppenhet")
    page.locator("#results .card a").first.click()
    story.look(page, "")
    with page.expect_download() as waiting:
        press(page, "Ladda ner")
    path = waiting.value.path()
    assert path.read_bytes().startswith(b"%PDF")


def staff_looks(story: Story) -> None:
    app = create_app(story.site.environ)
    email = story.address("stina")
    from tests.factories import staff
    from trustivide.core.db import db, transaction

    with app.app_context():
        stina = staff(email=email)
        with transaction():
            stina.totp_secret = SEED
        db.session.remove()
    page = story.browser()
    sign_in(page, email)
    story.look(page, "Skriv koden")
    page.goto("/admin/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Skriv koden")
    page.get_by_label("Kod från appen").fill(pyotp.TOTP(SEED).now())
    press(page, "Fortsätt")
    story.look(page, "Vår integritetspolicy har en ny version")
    follow(page, "Läst")
    story.look(page, "Kontoret")
    for path in ("/admin/organisations", "/admin/requests", "/admin/catalogue"):
        page.goto(path)
        story.look(page, "")
    page.goto("/admin/users")
    page.get_by_label("E-postadress").fill(story.address("alice"))
    press(page, "Sök konto")
    story.look(page, "Öppna ett konto")
    page.get_by_role("textbox").last.fill("Du skrev till oss om inloggningen.")
    press(page, "Öppna uppgifterna")
    expect(page.get_by_text(story.address("alice")).first).to_be_visible()
    page.context.close()


def use_the_privacy_centre(story: Story, page: Page) -> None:
    page.goto("/privacy/")
    story.look(page, "Det här vet vi om dig")
    for category in (
        "Sökhistorik",
        "Workshoppar du tittat på och laddat ner",
        "När vår personal tittat",
    ):
        expect(page.locator("summary", has_text=category)).to_be_visible()
    page.goto("/privacy/data/search")
    story.look(page, "Sökhistorik")
    expect(page.get_by_text("öppenhet").first).to_be_visible()
    page.goto("/privacy/data/staff_access")
    expect(page.get_by_text("Du skrev till oss om inloggningen.")).to_be_visible()
    page.goto("/privacy/data/user")
    story.look(page, "Ditt konto")
    follow(page, "Rätta")
    page.get_by_role("textbox").first.fill("Alice Almqvist")
    press(page, "Spara")
    expect(page.get_by_text("Alice Almqvist").first).to_be_visible()
    page.goto("/privacy/choices")
    story.look(page, "Mina val")
    for wanted in (True, False):
        flip(story, page, "Nyheter per e-post", wanted)
        expect(page.get_by_text("val med kvitto").first).to_be_visible()
    page.goto("/privacy/export")
    story.look(page, "Ladda ner mina uppgifter")
    press(page, "Ladda ner mina uppgifter")
    confirm_password(page)
    if "/file" not in page.url and page.get_by_text("Din nedladdning").count() == 0:
        press(page, "Ladda ner mina uppgifter")
    story.look(page, "Din nedladdning")
    ready = page.get_by_role("link", name="Hämta zip-filen")
    expect(ready).to_be_visible(timeout=60_000)
    with page.expect_download() as waiting:
        ready.click()
    archive = zipfile.ZipFile(io.BytesIO(waiting.value.path().read_bytes()))
    assert {"index.html", "data.json"} <= set(archive.namelist())
    data = archive.read("data.json").decode()
    assert "Alice Almqvist" in data
    assert story.address("dora2") not in data


def flip(story: Story, page: Page, label: str, wanted: bool) -> None:
    """Set a switch, save it where no script does, and see that it is kept."""
    switch = page.get_by_role("switch", name=label, exact=True)
    save = page.get_by_role("button", name=re.compile(rf"Spara\s*: {re.escape(label)}$"))
    if story.javascript and page.evaluate("'htmx' in window"):
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            switch.set_checked(wanted)
    else:
        switch.set_checked(wanted)
        save.click()
    page.goto("/privacy/choices")
    expect(page.get_by_role("switch", name=label, exact=True)).to_be_checked(checked=wanted)


def without_an_account(story: Story, code: str) -> None:
    page = story.browser(phone=True)
    page.goto("/privacy/find")
    story.look(page, "utan konto")
    dora = story.address("dora1")
    page.get_by_label("E-postadress").fill(dora)
    press(page, "Skicka länken")
    story.look(page, "")
    mail = story.site.postbox.newest(dora, "länk")
    page.goto(link(mail, "/privacy/enter/"))
    press(page, "Öppna")
    story.look(page, "Det här vet vi om dig")
    page.goto("/privacy/data/team_member")
    expect(page.get_by_text("Redaktionen").first).to_be_visible()
    page.get_by_role("link", name="Rätta Namn").click()
    page.get_by_role("textbox").first.fill("Dora D.")
    press(page, "Spara")
    expect(page.get_by_text("Dora D.").first).to_be_visible()
    page.goto("/privacy/choices")
    objection = page.get_by_role("article", name="Team och enkätinbjudningar")
    objection.locator("summary").click()
    objection.get_by_label("Varför invänder du?").fill("Jag vill inte svara på enkäter.")
    objection.get_by_role("button", name="Invänd, sluta genast").click()
    expect(page.get_by_text("Du invänder")).to_be_visible()
    page.goto("/privacy/export")
    press(page, "Ladda ner mina uppgifter")
    expect(page.get_by_role("link", name="Hämta zip-filen")).to_be_visible(timeout=60_000)
    page.goto("/privacy/erasure")
    story.look(page, "Radera mina uppgifter")
    page.get_by_label("Jag har läst").check()
    press(page, "Radera mina uppgifter")
    story.look(page, "Kvitto")
    receipt = page.url
    expect(page.get_by_text("Underskriften stämmer")).to_be_visible(timeout=60_000)
    page.goto("/privacy/")
    assert "/privacy/find" in page.url or page.get_by_text("inga uppgifter").count()
    page.goto("/s/receipt")
    page.get_by_label("Kvittokod").fill(code)
    press(page, "Öppna")
    follow(page, "Ta tillbaka mina svar")
    story.look(page, "Ta tillbaka")
    press(page, "Ta tillbaka mina svar")
    expect(page.get_by_text("oförändrat")).to_be_visible()
    page.goto(receipt)
    expect(page.get_by_text("Underskriften stämmer")).to_be_visible()
    page.context.close()


def erase_the_account(story: Story, page: Page) -> None:
    page.goto("/privacy/erasure")
    confirm_password(page)
    story.look(page, "Radera mitt konto")
    expect(page.get_by_text("Du är ensam ägare")).to_be_visible()
    page.get_by_label("Jag har läst").check()
    press(page, "Radera mitt konto")
    if "/auth/verify" in page.url:
        confirm_password(page)
        page.get_by_label("Jag har läst").check()
        press(page, "Radera mitt konto")
    expect(page.get_by_text("Fram till dess går det att ångra").first).to_be_visible()
    mail = story.site.postbox.newest(story.address("alice"), "raderas")
    receipt = link(mail, "/privacy/receipt/")
    page.goto("/privacy/")
    press(page, "Ångra raderingen")
    page.goto("/privacy/erasure")
    page.get_by_label("Jag har läst").check()
    press(page, "Radera mitt konto")
    mail = story.site.postbox.newest(story.address("alice"), "raderas")
    for _ in range(600):
        mail = story.site.postbox.newest(story.address("alice"), "raderas")
        if link(mail, "/privacy/receipt/") != receipt:
            break
        page.wait_for_timeout(100)
    receipt = link(mail, "/privacy/receipt/")
    a_week_passes(story.site)
    page.goto(receipt)
    expect(page.get_by_text("Underskriften stämmer")).to_be_visible(timeout=60_000)
    story.look(page, "Kvitto")
    sign_in(page, story.address("alice"))
    expect(page.get_by_text("hör inte ihop").first).to_be_visible()


def a_week_passes(site: Site) -> None:
    """The waiting erasures fall due; then the worker's next minute comes."""
    path = f"{site.environ['INSTANCE_PATH']}/trustivide.db"
    with sqlite3.connect(path, timeout=60) as connection:
        connection.execute("UPDATE erasure SET begins_at = '2020-01-01' WHERE state = 'cooling'")
    connection.close()
    worker.tick(create_app(site.environ))
