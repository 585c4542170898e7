"""A guide is made once, comes as a file, and is remembered only if one lets us."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests import factories
from tests.conftest import both_databases
from tests.workshops.stories import alice, kept_downloads
from trustivide.core import clock
from trustivide.core.activities import WORKSHOP_USE
from trustivide.core.db import transaction
from trustivide.core.subjects import Person
from trustivide.rights import actions as rights
from trustivide.workshops import guide_files
from trustivide.workshops.cards import WorkshopCard, load_library


def card(slug: str = "premortem", language: str = "sv") -> WorkshopCard:
    return next(c for c in load_library() if (c.slug, c.language) == (slug, language))


def files_in(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir() if file.name != ".lock"]


@both_databases
def test_a_download_is_a_pdf_and_is_remembered(app: Flask, client: FlaskClient) -> None:
    alice(client)
    response = client.post("/workshops/why-we-decided/downloads", data={"language": "sv"})
    assert response.status_code == 200
    assert response.data.startswith(b"%PDF-")
    assert response.mimetype == "application/pdf"
    assert response.headers["Content-Disposition"] == (
        'attachment; filename="Varfor blev det sa har.pdf"; '
        "filename*=UTF-8''Varf%C3%B6r%20blev%20det%20s%C3%A5%20h%C3%A4r.pdf"
    )
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"
    assert kept_downloads() == ["why-we-decided"]
    assert "Varför blev det så här?" in client.get("/workshops/").text.split('id="history"')[1]


def test_the_language_is_chosen_by_the_button(client: FlaskClient) -> None:
    alice(client)
    buttons = client.get("/workshops/premortem").text
    assert 'name="language" value="sv"' in buttons
    assert 'name="language" value="en"' in buttons
    english = client.post("/workshops/premortem/downloads", data={"language": "en"})
    assert "Suppose it went wrong.pdf" in english.headers["Content-Disposition"]
    assert b"/Lang (en" in english.data or b"/Lang(en" in english.data


@pytest.mark.parametrize(
    ("slug", "language"), [("nothing", "sv"), ("premortem", "de"), ("premortem", "../sv")]
)
def test_what_does_not_exist_is_404_and_not_remembered(
    client: FlaskClient, slug: str, language: str
) -> None:
    alice(client)
    response = client.post(f"/workshops/{slug}/downloads", data={"language": language})
    assert response.status_code == 404
    assert kept_downloads() == []


def test_after_an_objection_the_guide_still_comes_and_nothing_is_kept(client: FlaskClient) -> None:
    alice(client)
    client.post("/workshops/premortem/downloads")
    with transaction() as session:
        me = Person.of(factories.account("alice@exempel.test").id)
        rights.object_to(session, me, WORKSHOP_USE, clock.now())
    response = client.post("/workshops/look-back/downloads")
    assert response.data.startswith(b"%PDF-")
    assert kept_downloads() == ["premortem"]
    history = client.get("/workshops/").text.split('id="history"')[1]
    assert "Vi sparar inte vad du tittar på och laddar ner." in history
    assert "downloads/removal" not in history


def test_each_workshop_stands_once_in_the_history_and_can_be_forgotten(client: FlaskClient) -> None:
    alice(client)
    for language in ("sv", "en"):
        client.post("/workshops/premortem/downloads", data={"language": language})
    assert kept_downloads() == ["premortem", "premortem"]
    assert client.get("/workshops/").text.count("premortem/downloads/removal") == 2  # plain, htmx
    assert client.post("/workshops/premortem/downloads/removal").status_code == 303
    assert kept_downloads() == []
    assert client.post("/workshops/premortem/downloads/removal").status_code == 404


def test_a_guide_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = guide_files.guide_file(tmp_path / "guides", card())
    monkeypatch.setattr(guide_files, "_render", None)
    assert guide_files.guide_file(tmp_path / "guides", card()) == first
    assert files_in(tmp_path / "guides") == [first.name]


def test_eight_at_once_get_the_same_whole_file(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        guides = list(
            pool.map(lambda _: guide_files.guide_file(tmp_path, card()).read_bytes(), range(8))
        )
    assert len(set(guides)) == 1
    assert guides[0].rstrip().endswith(b"%%EOF")
    assert len(files_in(tmp_path)) == 1


def test_a_failed_guide_leaves_nothing_behind_and_is_not_remembered(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice(client)

    def fail(card: WorkshopCard, document: str, to: Path) -> None:
        to.write_bytes(b"%PDF-half")
        raise subprocess.CalledProcessError(1, "render")

    monkeypatch.setattr(guide_files, "_render", fail)
    assert client.post("/workshops/premortem/downloads").status_code == 500
    assert kept_downloads() == []
    assert files_in(app.config["SETTINGS"].instance / "guides") == []


def test_the_web_process_starts_without_what_it_hardly_needs() -> None:
    code = "import sys, trustivide; sys.exit(bool({'typst', 'icalendar'} & set(sys.modules)))"
    root = Path(guide_files.__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
