"""Alice narrows a search down, saves what she likes, and decides what is remembered of it."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests import factories
from tests.conftest import both_databases
from tests.workshops.stories import alice, charlie, every_row, kept_searches
from tests.workshops.test_views import HTMX, press_search
from trustivide.core import clock
from trustivide.core.activities import FAVOURITES, RECOMMENDATIONS, SEARCH_HISTORY, WORKSHOP_USE
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.core.text import in_alphabet
from trustivide.privacy.models import Case, Request
from trustivide.rights import actions as rights
from trustivide.rights.ledger import ledger
from trustivide.rights.models import Objection
from trustivide.workshops import queries
from trustivide.workshops.models import Favourite, Search, Viewing, Workshop
from trustivide.workshops.views import finding as pages

KEEPING = "/workshops/searches/keeping"


def listed(page: str) -> list[str]:
    """The workshops that were found, in order, without those that come near."""
    return _cards(page.split("Det här är nära")[0].split("Kanske passar någon")[0])


def _cards(page: str) -> list[str]:
    return re.findall(r'card-title"><a href="/workshops/([\w-]+)', page)


def counts(page: str) -> dict[str, int]:
    return {name: int(n) for name, n in re.findall(r'id="n-([\w-]+)"[^>]*>(\d+)<', page)}


def me() -> Person:
    return Person.of(factories.account("alice@exempel.test").id)


def count(model: type[Favourite] | type[Viewing]) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


# Filters


def test_filters_show_what_each_would_leave_and_can_be_taken_away_one_by_one(
    client: FlaskClient,
) -> None:
    alice(client)
    every = client.get("/workshops/").text
    before = counts(every)
    assert before["dimension-care"] >= 4
    assert before["language-sv"] == before["language-en"] == before["longest-"]
    assert before["longest-15"] < before["longest-60"] < before["longest-240"]

    address = "/workshops/?dimension=care&dimension=integrity&longest=60&people=3&sort=title"
    page = client.get(address).text
    cards = {card.slug: card for card in queries.catalogue(db.session(), "sv")}
    shown = [cards[slug] for slug in listed(page)]
    assert 0 < len(shown) < len(cards)
    for card in shown:
        assert {"care", "integrity"} & set(card.dimensions)
        assert card.duration <= 60
        assert card.min_people <= 3
    assert shown == sorted(shown, key=lambda card: in_alphabet(card.title))
    assert "Omtanke, Integritet" in page
    assert (
        'href="/workshops/?dimension=care&amp;dimension=integrity&amp;people=3&amp;sort=title"'
        in page
    )
    # Choosing another value finds as many as its count said.
    promised = counts(page)["exposure-1"]
    assert len(listed(client.get(address + "&exposure=1").text)) == promised

    # As one types the counts beside the filters follow, and so does the address.
    part = client.get("/workshops/?q=l%C3%B6fte&longest=30&sort=best&people=", headers=HTMX)
    assert part.headers["HX-Replace-Url"] == "/workshops/?q=l%C3%B6fte&longest=30"
    assert 'id="n-dimension-care" hx-swap-oob="innerHTML"' in part.text


def test_too_narrow_says_which_filter_is_in_the_way(client: FlaskClient) -> None:
    alice(client)
    page = client.get("/workshops/?q=l%C3%B6ften&people=150").text
    assert "Ingen workshop stämmer med allt du valt" in page
    assert re.search(r"150 personer.*?\d+ utan", page, re.S)
    assert listed(page) == []
    assert _cards(page)[0] == "promises-on-the-wall"


@pytest.mark.parametrize("wrong", ["people=1", "people=många", "place=moon", "sort=luck", "page=0"])
def test_what_no_filter_offers_is_refused_and_kept(client: FlaskClient, wrong: str) -> None:
    alice(client)
    answer = client.get(f"/workshops/?q=tillit&{wrong}")
    assert answer.status_code == 422
    assert 'value="tillit"' in answer.text
    if wrong.startswith("people"):
        assert "Skriv ett antal från 2 till 200." in answer.text
        assert f'value="{wrong.removeprefix("people=")}"' in answer.text


def test_the_other_language_is_searched_shown_and_opened(client: FlaskClient) -> None:
    alice(client)
    page = client.get("/workshops/?q=promises&language=en").text
    assert listed(page)[0] == "promises-on-the-wall"
    assert 'lang="en"' in page
    assert "/workshops/promises-on-the-wall?language=en" in page
    assert 'href="/workshops/?q=promises"' in page  # back to her own
    workshop = client.get("/workshops/promises-on-the-wall?language=en").text
    assert '<html lang="en">' in workshop
    assert "Promises on the wall" in workshop
    assert client.get("/workshops/promises-on-the-wall?language=fi").status_code == 404


def test_many_workshops_come_in_pages(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    alice(client)
    monkeypatch.setattr(pages, "_ON_A_PAGE", 5)
    slugs = []
    for number in range(1, 6):
        slugs += listed(client.get(f"/workshops/?sort=title&page={number}").text)
    assert len(slugs) == len(set(slugs)) == len(queries.catalogue(db.session(), "sv"))
    assert 'href="/workshops/?sort=title&amp;page=2"' in client.get("/workshops/?sort=title").text
    assert listed(client.get("/workshops/?page=99").text)


# Favourites


@both_databases
def test_alice_saves_workshops_and_finds_them_again(
    app: Flask, client: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    alice(client)
    assert "Du har inte sparat någon workshop än" in client.get("/workshops/?saved=1").text
    answer = client.post("/workshops/premortem/favourite", data={"next": "/workshops/premortem"})
    assert answer.headers["Location"] == "/workshops/premortem"
    button = client.post("/workshops/look-back/favourite", headers=HTMX).text
    assert button.lstrip().startswith('<form action="/workshops/look-back/favourite/removal"')
    client.post("/workshops/look-back/favourite")  # twice is once
    assert count(Favourite) == 2
    assert client.post("/workshops/nothing/favourite").status_code == 404
    assert "/workshops/premortem/favourite/removal" in client.get("/workshops/premortem").text
    assert set(listed(client.get("/workshops/?saved=1").text)) == {"premortem", "look-back"}
    elsewhere = client.post("/workshops/premortem/favourite", data={"next": "//granne.test/"})
    assert elsewhere.headers["Location"] == "/workshops/?saved=1"

    with transaction() as session:
        gone = session.scalars(select(Workshop).where(Workshop.slug == "look-back")).one()
        gone.state, gone.revision = "withdrawn", gone.revision + 1
    page = client.get("/workshops/?saved=1").text
    assert listed(page) == ["premortem"]
    assert "Vad hände egentligen? finns inte längre i katalogen." in page

    stranger = charlie(browser_of())
    assert "favourite/removal" not in stranger.get("/workshops/").text
    stranger.post("/workshops/premortem/favourite/removal")
    assert count(Favourite) == 2
    client.post("/workshops/look-back/favourite/removal")
    client.post("/workshops/premortem/favourite/removal")
    assert count(Favourite) == 0


def test_under_a_restriction_nothing_is_saved_or_shown_as_saved(client: FlaskClient) -> None:
    alice(client)
    client.post("/workshops/premortem/favourite")
    with transaction() as session:
        rights.restrict(session, me(), clock.now(), FAVOURITES)
    page = client.get("/workshops/").text
    assert "/favourite" not in page
    assert client.post("/workshops/look-back/favourite").status_code == 404
    assert count(Favourite) == 1


# Recently viewed


@both_databases
def test_what_alice_read_is_remembered_when_her_page_says_so_and_forgotten_when_she_does(
    app: Flask, client: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    alice(client)
    before = every_row()
    page = client.get("/workshops/premortem").text
    assert every_row() == before
    assert 'hx-post="/workshops/premortem/viewings" hx-trigger="load"' in page
    for slug in ("premortem", "look-back", "premortem"):
        assert client.post(f"/workshops/{slug}/viewings").status_code == 204
    assert client.post("/workshops/nothing/viewings").status_code == 404
    assert count(Viewing) == 2
    page = client.get("/workshops/").text
    rows = re.findall(r'action="/workshops/([\w-]+)/viewings/removal"', page)
    assert rows == ["premortem", "look-back"]

    stranger = charlie(browser_of())
    assert "/viewings/removal" not in stranger.get("/workshops/").text.replace(
        'action="/workshops/viewings/removal"', ""
    )
    assert stranger.post("/workshops/premortem/viewings/removal").status_code == 404
    stranger.post("/workshops/viewings/removal")
    part = client.post("/workshops/premortem/viewings/removal", headers=HTMX).text
    assert part.lstrip().startswith('<section id="history"')
    assert count(Viewing) == 1
    client.post("/workshops/viewings/removal")
    assert count(Viewing) == 0


@pytest.mark.parametrize("activity", [WORKSHOP_USE, RECOMMENDATIONS])
def test_a_no_stops_remembering_or_showing_what_was_read(
    client: FlaskClient, activity: object
) -> None:
    alice(client)
    client.post("/workshops/premortem/viewings")
    with transaction() as session:
        rights.object_to(session, me(), activity, clock.now())  # type: ignore[arg-type]
    assert "/premortem/viewings/removal" not in client.get("/workshops/").text
    remembers = activity is RECOMMENDATIONS  # showing is another purpose than remembering
    assert ("/viewings" in client.get("/workshops/look-back").text) is remembers
    assert client.post("/workshops/look-back/viewings").status_code == 204
    assert count(Viewing) == 1 + remembers


# The switch at the search field


@both_databases
def test_alice_switches_her_search_history_off_where_she_meets_it(
    app: Flask, client: FlaskClient
) -> None:
    alice(client)
    press_search(client, "löfte")
    page = client.get("/workshops/").text
    assert re.search(r'id="keeps-searches"[^>]* checked', page)
    noted = ledger().count("objection")

    off = client.post(KEEPING, headers=HTMX).text
    assert off.lstrip().startswith('<div id="kept"')
    assert "Din invändning gäller från och med nu." in off
    assert "Det som redan finns används inte och tas bort efter 90 dagar." in off
    client.post(KEEPING)  # twice is once
    db.session.rollback()
    (objection,) = db.session.scalars(select(Objection))
    assert (objection.activity, objection.lifted_at) == (SEARCH_HISTORY.key, None)
    assert ledger().count("objection") == noted + 1
    (request,) = db.session.scalars(select(Request))
    assert (request.kind, request.state, request.activity) == ("object", "done", "search_history")
    assert db.session.scalars(select(Case)).all() == []  # nobody is asked why

    # What is pressed now is a plain GET, and nothing that was kept is shown.
    page = client.get("/workshops/").text
    assert '<form action="/workshops/" method="get"' in page
    assert (
        "csrf_token"
        not in page.split('<form action="/workshops/" method="get"')[1].split("</form>")[0]
    )
    assert ">löfte</a>" not in page
    press_search(client, "beslut")
    assert kept_searches() == ["löfte"]
    assert "Gäller sedan" in client.get("/privacy/choices").text
    client.post("/workshops/searches/removal")
    assert kept_searches() == []

    client.post(KEEPING, data={"on": "1"})
    press_search(client, "ansvar")
    assert kept_searches() == ["ansvar"]
    db.session.rollback()
    assert db.session.scalars(select(Objection)).one().lifted_at is not None
    assert len(db.session.scalars(select(Request)).all()) == 2


def test_switching_on_again_takes_an_assessed_objection_back_from_the_desk(
    client: FlaskClient,
) -> None:
    alice(client)
    client.post("/privacy/objections/search_history", data={"on": "1", "reason": "Jag vill inte."})
    assert not re.search(r'id="keeps-searches"[^>]* checked', client.get("/workshops/").text)
    client.post(KEEPING, data={"on": "1"})
    db.session.rollback()
    states = [r.state for r in db.session.scalars(select(Request).order_by(Request.received_at))]
    assert states == ["cancelled", "done"]


def test_under_a_restriction_the_switch_gives_way_to_words(client: FlaskClient) -> None:
    alice(client)
    with transaction() as session:
        rights.restrict(session, me(), clock.now(), SEARCH_HISTORY)
    page = client.get("/workshops/").text
    assert "keeps-searches" not in page
    assert "Du har begränsat hur dina uppgifter används" in page
    press_search(client, "löfte")
    assert db.session.scalars(select(Search)).all() == []
