"""A mail comes back; Bob mends the address and sees the same link arrive, without reloading."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Site, Visit, check_page
from tests.browser.test_journey import link
from tests.factories import PASSWORD, customer
from tests.outbox.test_bounces import POSTFIX, report
from tests.surveys.stories import launch, team_of
from trustivide import create_app
from trustivide.core.db import db

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("journey")]

WRONG, RIGHT = "dora1@exempel.test", "dora.dahl@exempel.test"


@pytest.fixture
def survey(site: Site) -> str:
    """The path of a survey that was just sent to Alice's team."""
    app = create_app(site.environ)
    with app.app_context():
        alice = customer()
        path = f"/surveys/{launch(alice, team_of(alice, 6)).id}"
        db.session.remove()
        db.engine.dispose()
    return path


def test_a_mail_that_came_back_is_mended_and_watched(
    site: Site, visit: Visit, survey: str, tmp_path: Path
) -> None:
    first = site.postbox.newest(WRONG)
    page = visit(phone=True)
    page.goto("/auth/login")
    page.get_by_label("E-postadress").fill("alice@exempel.test")
    page.get_by_label("Lösenord").fill(PASSWORD)
    page.get_by_role("button", name="Logga in", exact=True).click()
    page.wait_for_url("**/teams/")
    page.goto(survey)
    expect(page.locator("#delivery tbody tr").filter(has_text="Skickat")).to_have_count(6)
    check_page(page)

    came_back = tmp_path / "report.eml"
    came_back.write_bytes(report(POSTFIX, str(first["Message-ID"])))
    assert "1 bounced" in site.flask("mail", "bounces", str(came_back))
    page.reload()
    row = page.locator("#delivery tbody tr").first
    expect(row).to_contain_text("Adressen finns inte eller är felstavad.")
    check_page(page)
    row.get_by_role("link", name="Rätta adressen").click()
    page.get_by_label("E-postadress", exact=True).fill(RIGHT)
    page.get_by_role("button", name="Spara").click()
    expect(page.get_by_role("status")).to_contain_text("Ändringen är sparad.")

    page.goto(survey)
    row = page.locator("#delivery tbody tr").filter(has_text=RIGHT)
    row.get_by_role("button", name="Skicka igen").click()
    expect(page.get_by_role("status")).to_contain_text("med samma länk")
    expect(row).to_contain_text("Skickat")  # the page looked again by itself
    assert link(site.postbox.newest(RIGHT), "/s/") == link(first, "/s/")
