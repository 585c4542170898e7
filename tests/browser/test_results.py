"""A leader reads a result, says something about it and shares it; a reader opens the link."""

import re
from datetime import timedelta
from random import Random

import pytest
import time_machine
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Visit, check_page
from tests.factories import PASSWORD, customer
from tests.surveys.stories import launch, some_answers, team_of, tokens
from trustivide import create_app
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.surveys import actions, anonymity, closing
from trustivide.surveys.catalogue import latest
from trustivide.surveys.models import Survey

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("results")]

ALICE = "alice@exempel.test"


@pytest.fixture(scope="module")
def result(site: Site) -> str:
    """The path of a closed survey's result, with one before it to compare with."""
    app = create_app(site.environ)
    with app.app_context():
        alice = customer()
        team = team_of(alice, 12)
        for days in (90, 0):
            with time_machine.travel(clock.now() - timedelta(days=days)):
                survey = launch(alice, team)
                for n, token in enumerate(tokens(survey).values()):
                    answers = some_answers(latest("tillit-i-team"), Random(n + days))
                    actions.submit(survey.id, token, anonymity.new_receipt_code(), answers)
                with transaction() as session:
                    closing.close(session, session.get_one(Survey, survey.id), clock.now())
        path = f"/surveys/{survey.id}"
        db.session.remove()
        db.engine.dispose()
    return path


def sign_in(page: Page, to: str) -> None:
    page.goto(to)
    page.get_by_label("E-postadress").fill(ALICE)
    page.get_by_label("Lösenord", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Logga in", exact=True).click()
    page.wait_for_url(f"**{to}")


def note_agreed(page: Page, what: str) -> None:
    field = page.get_by_label("Vad ska ni göra?")
    if not field.is_visible():  # folded once something is noted
        page.get_by_text("Skriv upp något").click()
    field.fill(what)
    page.get_by_role("button", name="Skriv upp").click()
    expect(page.get_by_role("status")).to_contain_text("Överenskommelsen är uppskriven.")
    expect(page.locator(".agreed li", has_text=what)).to_be_visible()


def test_a_leader_reads_shares_and_follows_up(site: Site, visit: Visit, result: str) -> None:
    bob = visit()
    sign_in(bob, result)
    expect(bob.get_by_role("heading", name="Resultat för Redaktionen")).to_be_visible()
    check_page(bob)
    # Each chart has its figures in a table; what is folded away opens by keyboard.
    changes = bob.get_by_role("table", name="Förändring, på skalan 1–5")
    expect(changes.get_by_role("row")).to_have_count(7)
    for summary in bob.locator("main details:not(#agreed details) summary").all():
        summary.focus()
        bob.keyboard.press("Enter")
    tables = bob.locator("figure table:visible")
    expect(tables).to_have_count(bob.locator("figure svg.chart-svg").count())
    check_page(bob)

    note_agreed(bob, "Vi börjar varje möte med en runda")
    bob.locator(".agreed").get_by_role("button", name="Gjort").click()
    expect(bob.locator(".agreed li")).to_contain_text("Gjort")
    expect(bob.locator(".agreed").get_by_role("button", name="Inte gjort")).to_be_visible()
    bob.get_by_text("Skriv upp något").click()
    bob.get_by_role("button", name="Skriv upp").click()
    expect(bob.get_by_role("alert")).to_contain_text("Skriv vad ni har kommit överens om.")
    check_page(bob)

    bob.goto(result)
    bob.get_by_role("link", name="Skriv en kommentar").click()
    bob.get_by_label("Din kommentar").fill("Tack för svaren.\nVi pratar om det på måndag.")
    check_page(bob)
    bob.get_by_role("button", name="Spara").click()
    bob.get_by_role("button", name="Gör en länk").click()
    expect(bob.get_by_role("status")).to_contain_text("Länken är klar.")
    link = bob.locator("#share code").inner_text()
    check_page(bob)

    # Dora has no account, a phone, and no scripts; nothing comes from other origins.
    dora = visit(phone=True, javascript=False, color_scheme="dark")
    asked: list[str] = []
    dora.on("request", lambda request: asked.append(request.url))
    dora.goto(link)
    expect(dora.get_by_text("Vi pratar om det på måndag.")).to_be_visible()
    expect(dora.get_by_text("Vi börjar varje möte med en runda")).to_be_visible()
    assert not [url for url in asked if not url.startswith(site.url)]
    assert dora.locator("main form, main input").count() == 0
    reader = visit(phone=True)
    reader.goto(link)
    check_page(reader)

    bob.get_by_role("link", name="Sluta dela").click()
    check_page(bob)
    bob.get_by_role("button", name="Sluta dela").click()
    expect(bob.get_by_role("status")).to_contain_text("Länken gäller inte längre.")
    gone = reader.request.get(link)
    assert gone.status == 404
    assert "Länken gäller inte" in gone.text()


def test_without_scripts_on_a_phone(visit: Visit, result: str) -> None:
    bob = visit(phone=True, javascript=False)
    sign_in(bob, result)
    note_agreed(bob, "Vi luftar fikarummet")
    bob.get_by_role("link", name=re.compile("Ta bort.*Vi luftar")).click()
    bob.get_by_role("button", name="Ta bort").click()
    expect(bob.get_by_role("status")).to_contain_text("Överenskommelsen är borttagen.")
    expect(bob.get_by_text("Vi luftar fikarummet")).to_have_count(0)
