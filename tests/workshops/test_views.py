"""Alice searches, reads and tidies up; Charlie, of another customer, sees nothing of it."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests import factories
from tests.conftest import both_databases
from tests.workshops.stories import alice, charlie, every_row, kept_downloads, kept_searches
from trustivide.core import clock
from trustivide.core.activities import RECOMMENDATIONS, SEARCH_HISTORY
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.rights import actions as rights
from trustivide.workshops import queries
from trustivide.workshops.models import Search

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


def press_search(client: FlaskClient, query: str, **filters: str) -> str:
    response = client.post("/workshops/searches", data={"q": query, **filters})
    assert response.status_code == 303, response.text
    return str(response.headers["Location"])


def test_the_catalogue_needs_a_member(client: FlaskClient) -> None:
    assert "/auth/login" in client.get("/workshops/").headers["Location"]


def test_every_workshop_is_listed_and_opens(client: FlaskClient) -> None:
    alice(client)
    listing = client.get("/workshops/").text
    for card in queries.catalogue(db.session(), "sv"):
        assert f'href="/workshops/{card.slug}"' in listing
        workshop = client.get(f"/workshops/{card.slug}")
        assert workshop.status_code == 200
        for step in card.agenda:
            assert step.title in workshop.text
        assert card.licence in workshop.text
        assert "0:00" in workshop.text


@both_databases
def test_pressing_search_is_remembered_and_leads_to_the_results(
    app: Flask, client: FlaskClient
) -> None:
    alice(client)
    location = press_search(client, "  löfte ", dimension="reliability", longest="60")
    assert location == "/workshops/?q=l%C3%B6fte&dimension=reliability&longest=60"
    results = client.get(location).text
    assert "/workshops/promises-on-the-wall" in results
    assert 'href="/workshops/premortem"' not in results
    assert 'value="löfte"' in results
    assert kept_searches() == ["löfte"]


def test_no_get_and_no_head_changes_anything(client: FlaskClient) -> None:
    alice(client)
    client.get("/workshops/")
    before = every_row()
    for path in ("/workshops/", "/workshops/?q=tillit", "/workshops/premortem"):
        for headers in ({}, HTMX):
            assert client.get(path, headers=headers).status_code == 200
            assert client.head(path, headers=headers).status_code == 200
    assert client.get("/workshops/searches?q=tillit").status_code == 404
    assert client.get("/workshops/premortem/downloads").status_code == 405
    assert every_row() == before


def test_as_one_types_only_the_results_come(client: FlaskClient) -> None:
    alice(client)
    part = client.get("/workshops/?q=l%C3%B6f", headers=HTMX).text
    assert part.lstrip().startswith('<section id="results"')
    assert "promises-on-the-wall" in part
    assert "<html" not in part
    assert 'id="history"' not in part
    whole = client.get("/workshops/?q=l%C3%B6f").text
    assert "<html" in whole
    assert 'id="history"' in whole
    assert part.split("<h2")[1][:40] in whole


def test_the_same_search_again_becomes_the_newest(client: FlaskClient) -> None:
    alice(client)
    for query in ("löfte", "beslut", "löfte"):
        press_search(client, query)
    assert kept_searches() == ["beslut", "löfte"]


def test_filters_alone_are_no_search(client: FlaskClient) -> None:
    alice(client)
    assert press_search(client, "   ", place="remote") == "/workshops/?place=remote"
    assert kept_searches() == []


def test_nothing_found_shows_what_may_fit_all_the_same(client: FlaskClient) -> None:
    alice(client)
    page = client.get("/workshops/?q=xyzzy").text
    assert "Ingen workshop stämmer" in page
    assert page.count('class="card') >= 3


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_query_of_5000_characters_is_refused_with_the_typed_text_kept(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    alice(client)
    words = "tillit " * 714 + "xx"
    read = client.get("/workshops/", query_string={"q": words}, headers=headers)
    assert read.status_code == 422
    assert "Högst 200 tecken" in read.text
    sent = client.post("/workshops/searches", data={"q": words}, headers=headers)
    assert sent.status_code == 422
    if not headers:
        assert f'value="{words}"' in read.text
        assert f'value="{words}"' in sent.text
    assert kept_searches() == []


def test_an_unknown_filter_is_refused(client: FlaskClient) -> None:
    alice(client)
    assert client.get("/workshops/?dimension=charm").status_code == 422
    assert client.get("/workshops/?longest=1e9").status_code == 422


def test_what_is_typed_stays_text(client: FlaskClient) -> None:
    alice(client)
    press_search(client, "<b>tillit</b>")
    page = client.get("/workshops/?q=<b>tillit</b>").text
    assert "<b>tillit" not in page
    assert "&lt;b&gt;tillit" in page


def test_an_unknown_workshop_is_404(client: FlaskClient) -> None:
    alice(client)
    for path in ("/workshops/nothing", "/workshops/..%2fcards", "/workshops/premortem.sv"):
        assert client.get(path).status_code == 404


def test_an_objection_stops_recording_and_showing_at_once(client: FlaskClient) -> None:
    alice(client)
    press_search(client, "löfte")
    me = Person.of(factories.account("alice@exempel.test").id)
    with transaction() as session:
        rights.object_to(session, me, SEARCH_HISTORY, clock.now())
    press_search(client, "beslut")
    assert kept_searches() == ["löfte"]
    page = client.get("/workshops/").text
    assert "Du har invänt, så inget du söker efter sparas." in page
    assert ">löfte</a>" not in page
    with transaction() as session:
        rights.withdraw_objection(session, me, SEARCH_HISTORY, clock.now())
    press_search(client, "ansvar")
    assert kept_searches() == ["löfte", "ansvar"]


def test_a_restriction_made_by_address_stops_the_account_too(client: FlaskClient) -> None:
    alice(client)
    with transaction() as session:
        rights.restrict(session, Person.of(None, "alice@exempel.test"), clock.now())
    press_search(client, "löfte")
    client.post("/workshops/premortem/downloads", data={"language": "sv"})
    assert kept_searches() == []
    assert kept_downloads() == []


@pytest.mark.parametrize("right", ["object", "restrict"])
def test_a_no_to_suggestions_hides_the_own_history_at_once_and_keeps_it(
    client: FlaskClient, right: str
) -> None:
    alice(client)
    press_search(client, "löfte")
    client.post("/workshops/premortem/downloads", data={"language": "sv"})
    me = Person.of(factories.account("alice@exempel.test").id)
    with transaction() as session:
        if right == "object":
            rights.object_to(session, me, RECOMMENDATIONS, clock.now())
        else:
            rights.restrict(session, me, clock.now(), RECOMMENDATIONS)
    page = client.get("/workshops/").text
    assert "Du har sagt nej till förslag ur din egen historik" in page
    assert 'href="/privacy/choices"' in page
    assert ">löfte</a>" not in page
    assert "downloads/removal" not in page
    press_search(client, "ansvar")  # remembering is another purpose, and goes on
    assert kept_searches() == ["löfte", "ansvar"]
    with transaction() as session:
        rights.withdraw_objection(session, me, RECOMMENDATIONS, clock.now())
        rights.lift_restriction(session, me, clock.now(), RECOMMENDATIONS)
    assert ">löfte</a>" in client.get("/workshops/").text


@both_databases
def test_own_searches_can_be_forgotten_one_by_one_and_all(app: Flask, client: FlaskClient) -> None:
    alice(client)
    for query in ("löfte", "beslut", "ansvar"):
        press_search(client, query)
    one = db.session.scalars(select(Search)).all()
    chosen = next(search for search in one if search.query == "beslut")
    response = client.post(f"/workshops/searches/{chosen.id}/removal")
    assert response.status_code == 303
    assert kept_searches() == ["löfte", "ansvar"]
    part = client.post("/workshops/searches/removal", headers=HTMX).text
    assert part.lstrip().startswith('<div id="kept"')
    assert "Dina sökningar är borttagna." in part
    assert kept_searches() == []


def test_charlie_neither_sees_nor_removes_what_alice_did(
    client: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    alice(client)
    press_search(client, "löfte")
    client.post("/workshops/premortem/downloads", data={"language": "sv"})
    own = client.get("/workshops/").text
    assert ">löfte</a>" in own
    assert "premortem/downloads/removal" in own
    stranger = charlie(browser_of())
    page = stranger.get("/workshops/").text
    assert ">löfte</a>" not in page
    assert "downloads/removal" not in page
    (search,) = db.session.scalars(select(Search))
    assert stranger.post(f"/workshops/searches/{search.id}/removal").status_code == 404
    assert stranger.post("/workshops/premortem/downloads/removal").status_code == 404
    assert stranger.post("/workshops/searches/removal").status_code == 303
    assert kept_searches() == ["löfte"]
    assert kept_downloads() == ["premortem"]


def test_the_pages_speak_english(client: FlaskClient) -> None:
    factories.customer(locale="en")
    factories.sign_in(client)
    page = client.get("/workshops/?q=promise").text
    assert "Promises on the wall" in page
    assert "What actually happened?" in client.get("/workshops/look-back").text
