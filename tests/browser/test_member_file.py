"""Alice adds her team from a file, on a phone's width with the keyboard alone."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Site, Visit
from tests.browser.test_rights_by_keyboard import Keyboard
from tests.factories import customer
from tests.surveys.stories import answer, launch, team_of, tokens
from trustivide import create_app
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.surveys import closing
from trustivide.surveys.models import Survey

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("member_file")]

ALICE = "alice@exempel.test"
Paths = tuple[str, str]


@pytest.fixture
def paths(site: Site) -> Paths:
    """Alice's new team, and a survey of another that is closed."""
    app = create_app(site.environ)
    with app.app_context():
        alice = customer()
        team = f"/teams/{team_of(alice, 0).id}"
        survey = launch(alice, team_of(alice, 6, name="Säljarna"))
        for number, token in enumerate(tokens(survey).values()):
            answer(survey, token, number)
        with transaction() as session:
            closing.close(session, session.get_one(Survey, survey.id), clock.now())
        result = f"/surveys/{survey.id}"
        db.session.remove()
        db.engine.dispose()
    return team, result


def choose(alice: Keyboard, file: Path) -> None:
    """Open the dialog of the field by keyboard, and take the file.

    Waiting begins before the way there: the browser hears of it on another
    channel than of keys, and a dialog that opens before it did is never seen.
    """
    with alice.page.expect_file_chooser() as chooser:
        alice.to("Fil med personer", tag="INPUT")
        alice.page.keyboard.press("Space")
    chooser.value.set_files(file)


def test_alice_adds_her_team_from_a_file_and_takes_a_result_along(
    site: Site, visit: Visit, paths: Paths, tmp_path: Path
) -> None:
    team, result = paths
    alice = Keyboard(visit(phone=True))
    alice.sign_in(ALICE, team)
    picture, people = tmp_path / "bild.csv", tmp_path / "lista.csv"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    people.write_text("Namn;E-post\nDora Dahl;dora@exempel.test\nErik;erik(at)exempel.test\n")

    choose(alice, picture)
    alice.press("Granska filen", tag="BUTTON")
    expect(alice.page.get_by_role("alert")).to_contain_text("varken CSV eller Excel")
    alice.look("Redaktionen")
    choose(alice, people)
    alice.press("Granska filen", tag="BUTTON")
    alice.look("Stämmer listan?")
    expect(alice.page.get_by_text("1 person kan läggas till.")).to_be_visible()
    alice.press("Lägg till 1 person", tag="BUTTON")
    expect(alice.page.get_by_role("status")).to_contain_text("1 person är tillagd.")
    alice.look("Redaktionen")
    with alice.page.expect_download() as got:
        alice.press("Hämta en tom mall", tag="A")
    assert got.value.suggested_filename == "personer.xlsx"

    alice.page.goto(result)
    alice.look("Resultat för Säljarna")
    for name, kind in (("Ladda ner rapporten (PDF)", "pdf"), ("Ladda ner som Excel", "xlsx")):
        with alice.page.expect_download() as got:
            alice.press(name, tag="A")
        assert got.value.suggested_filename.endswith(f".{kind}")
        assert Path(got.value.path()).stat().st_size > 5_000
