"""Alice leads a workshop: the steps on a screen, the handout, the workshop in her calendar."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from icalendar import Calendar

from tests import factories
from tests.workshops.stories import alice, every_row
from trustivide.core import clock
from trustivide.core.clock import STOCKHOLM
from trustivide.core.db import db
from trustivide.workshops import queries

DAY = clock.day_of(clock.now()) + timedelta(days=7)


def test_all_steps_stand_on_one_page_that_needs_nothing_else(client: FlaskClient) -> None:
    alice(client)
    card = queries.get(db.session(), "look-back", "sv")
    assert card is not None
    assert 'href="/workshops/look-back/facilitation"' in client.get("/workshops/look-back").text
    page = client.get("/workshops/look-back/facilitation").text
    for at, step in enumerate(card.agenda, 1):
        assert f'href="#step-{at}"' in page
        section = page.split(f'id="step-{at}"')[1].split("</section>")[0]
        assert f'data-minutes="{step.minutes}"' in section
        for words in (step.title, step.instruction, step.note, step.remote):
            assert words.split(".")[0] in section
    closing = page.split('id="closing"')[1]
    assert all(question in closing for question in card.debrief)
    # Nothing comes later, and nothing from elsewhere.
    assert "hx-" not in page.replace("data-htmx", "")
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
    assert "site-nav" not in page


def test_the_handout_comes_in_both_languages_and_nothing_is_remembered(
    app: Flask, client: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    alice(client)
    before = every_row()
    for language, name in (("sv", "Mina ord.pdf"), ("en", "My words.pdf")):
        response = client.get(f"/workshops/mending-trust/handout?language={language}")
        assert response.data.startswith(b"%PDF-")
        assert response.headers["Content-Disposition"] == f'attachment; filename="{name}"'
        assert response.headers["Cache-Control"] == "no-store"
    assert every_row() == before
    for path in ("/workshops/nothing/handout", "/workshops/premortem/handout?language=../sv"):
        assert client.get(path).status_code == 404
    stranger = browser_of()
    for part in ("handout", "agenda", "facilitation"):
        assert "/auth/login" in stranger.get(f"/workshops/premortem/{part}").headers["Location"]


def test_the_agenda_comes_as_a_calendar_file(client: FlaskClient) -> None:
    alice(client)
    form = client.get("/workshops/why-we-decided").text
    assert 'action="/workshops/why-we-decided/agenda" method="get"' in form
    before = every_row()
    response = client.get(f"/workshops/why-we-decided/agenda?day={DAY}&time=13:30")
    assert response.status_code == 200
    assert response.mimetype == "text/calendar"
    name = quote("Varför blev det så här.ics")
    assert (
        f"attachment; filename=\"Varfor blev det sa har.ics\"; filename*=UTF-8''{name}"
        == (response.headers["Content-Disposition"])
    )
    (event,) = Calendar.from_ical(response.data).events
    assert event.start == datetime(DAY.year, DAY.month, DAY.day, 13, 30, tzinfo=STOCKHOLM)
    assert str(event["url"]).endswith("/workshops/why-we-decided")
    assert "13.30 " in event["description"]
    assert every_row() == before


@pytest.mark.parametrize(
    ("day", "time", "message"),
    [
        ("", "", "Välj en dag."),
        ("i morgon", "09:00", "Välj en dag."),
        (str(DAY), "halv tio", "Skriv en tid"),
        ("2020-01-01", "09:00", "Dagen har redan varit."),
        ("0001-01-01", "00:00", "Dagen har redan varit."),
        ("9999-12-31", "23:59", "inom två år"),
        ("2027-03-28", "02:30", "Den tiden finns inte"),
    ],
)
def test_a_bad_day_or_time_is_told_beside_the_field_and_kept(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, day: str, time: str, message: str
) -> None:
    now = datetime(2026, 11, 26, 12, tzinfo=STOCKHOLM)
    monkeypatch.setattr(clock, "now", lambda: now)
    alice(client)
    response = client.get("/workshops/premortem/agenda", query_string={"day": day, "time": time})
    assert response.status_code == 422
    assert message in response.text
    assert 'aria-invalid="true"' in response.text
    assert f'value="{day}"' in response.text
    assert f'value="{time}"' in response.text


def test_it_speaks_english(client: FlaskClient) -> None:
    factories.customer(locale="en")
    factories.sign_in(client)
    file = client.get(f"/workshops/look-back/agenda?day={DAY}&time=09:05").data
    (event,) = Calendar.from_ical(file).events
    assert event["summary"] == "What actually happened?"
    assert "How it goes\n09:05 " in event["description"]
    assert client.get("/workshops/look-back/agenda").status_code == 200
