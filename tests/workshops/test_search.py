"""Whoever types a word finds the workshop, however it is bent or misspelled."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from bench.search import recalls
from tests.conftest import both_databases
from trustivide.core.db import db, transaction
from trustivide.workshops import finding, queries, search, words
from trustivide.workshops.cards import WorkshopCard, library
from trustivide.workshops.catalogue import current
from trustivide.workshops.finding import FEW, Filters
from trustivide.workshops.models import Workshop
from trustivide.workshops.search import Index

FIRST = [
    # as it stands, inflected, and in the definite form
    ("sv", "löfte", "promises-on-the-wall"),
    ("sv", "löftena", "promises-on-the-wall"),
    ("sv", "beslutet", "why-we-decided"),
    ("sv", "besluten", "why-we-decided"),
    ("sv", "ursäkter", "when-i-was-wrong"),
    ("sv", "LÄRDOMAR", "lesson-of-the-week"),
    # without the dots, and with dots made of two characters
    ("sv", "lofte", "promises-on-the-wall"),
    ("sv", "fortroende", "mending-trust"),
    ("sv", "fo\u0308rtroende", "mending-trust"),
    # while one types
    ("sv", "förtr", "mending-trust"),
    ("sv", "värdeo", "words-to-everyday"),
    # the beginning, the end and the whole of a compound
    ("sv", "värde", "words-to-everyday"),
    ("sv", "belastning", "workload-check"),
    ("sv", "förtroendekris", "mending-trust"),
    # a slip of the finger, one on top of missing dots, and two in a long word
    ("sv", "förtroened", "mending-trust"),
    ("sv", "belasning", "workload-check"),
    ("sv", "vardeodr", "words-to-everyday"),
    ("sv", "förtoendte", "mending-trust"),
    # what means the same
    ("sv", "onboarding", "welcome-to-the-team"),
    ("en", "retro", "look-back"),
    # several words
    ("sv", "karta kunskap", "who-knows-what"),
    ("en", "promise", "promises-on-the-wall"),
    ("en", "decisions", "why-we-decided"),
    ("en", "lessons", "lesson-of-the-week"),
    ("en", "premor", "premortem"),
    ("en", "planni", "premortem"),
    ("en", "workloda", "workload-check"),
    ("en", "promsies", "promises-on-the-wall"),
    ("en", "map gaps", "who-knows-what"),
]

pytestmark = pytest.mark.usefixtures("client")


def found(query: str, locale: str = "sv", order: str = "best", **filters: object) -> list[str]:
    chosen = Filters(**filters)  # type: ignore[arg-type]
    return [c.slug for c in finding.find(db.session(), query, locale, chosen, order).cards]


def near(query: str, **filters: object) -> list[str]:
    """What the page shows besides what is found."""
    chosen = Filters(**filters)  # type: ignore[arg-type]
    return [card.slug for card in finding.find(db.session(), query, "sv", chosen).near]


def test_the_right_workshop_comes_first() -> None:
    firsts = {(locale, query): found(query, locale)[:1] for locale, query, _ in FIRST}
    assert firsts == {(locale, query): [slug] for locale, query, slug in FIRST}


RECALL = {"sv": 0.92, "en": 0.92}
"""By language, what part of the wanted workshops must be among the first five. Measured: 0.94."""


def test_written_queries_find_what_they_ought_to() -> None:
    measured = recalls(db.session())
    assert all(len(found) >= 30 for found in measured.values())
    means = {locale: sum(found) / len(found) for locale, found in measured.items()}
    assert {locale: mean for locale, mean in means.items() if mean < RECALL[locale]} == {}


@pytest.mark.parametrize("locale", ["sv", "en"])
def test_each_workshop_is_found_first_by_its_own_title(locale: str) -> None:
    for card in queries.catalogue(db.session(), locale):
        assert found(card.title, locale)[0] == card.slug


def test_a_word_of_a_sentence_that_no_card_holds_spoils_nothing() -> None:
    assert found("förtroende xyzzy") == []  # half of what was asked for is missing
    assert found("förtroendet är skadat efter ett brutet löfte xyzzy")[0] == "mending-trust"


def test_a_typing_error_is_forgiven_only_where_nothing_matches_and_only_in_long_words() -> None:
    assert found("kunskxp")[0] == "teach-me-one-thing"
    assert found("kxrt") == []
    assert found("vana") != found("vara")


@pytest.mark.parametrize("query", ["", "   ", "?!", "t"])
def test_without_words_everything_is_shown_the_shortest_first(query: str) -> None:
    cards = finding.find(db.session(), query, "sv").cards
    assert {card.slug for card in cards} == set(current(db.session()).entries)
    assert [card.duration for card in cards] == sorted(card.duration for card in cards)


def test_each_filter_keeps_what_it_says() -> None:
    def kept(**filters: object) -> list[WorkshopCard]:
        cards = finding.find(db.session(), "", "sv", Filters(**filters)).cards  # type: ignore[arg-type]
        assert 0 < len(cards) < len(queries.catalogue(db.session(), "sv"))
        return list(cards)

    assert all("care" in card.dimensions for card in kept(dimensions=frozenset({"care"})))
    several = kept(dimensions=frozenset({"care", "integrity"}))
    assert all({"care", "integrity"} & set(card.dimensions) for card in several)
    assert all("hybrid" in card.place for card in kept(places=frozenset({"hybrid"})))
    assert all(card.duration <= 30 for card in kept(longest=30))
    assert all(card.min_people <= 3 <= card.max_people for card in kept(people=3))
    assert all(card.difficulty == 1 for card in kept(difficulty=1))
    assert all(card.exposure <= 2 for card in kept(exposure=2))
    assert [card.slug for card in kept(slugs=frozenset({"premortem", "gone"}))] == ["premortem"]


def test_each_count_is_what_would_be_found() -> None:
    chosen = Filters(dimensions=frozenset({"openness"}), longest=90, people=5)
    asked: Mapping[str, list[tuple[object, Filters]]] = {
        "dimension": [
            (key, replace(chosen, dimensions=frozenset({key}))) for key in queries.DIMENSION_NAMES
        ],
        "place": [(p, replace(chosen, places=frozenset({p}))) for p in ("onsite", "remote")],
        "longest": [(15, replace(chosen, longest=15)), ("", replace(chosen, longest=None))],
        "people": [(True, chosen), ("", replace(chosen, people=None))],
        "difficulty": [(n, replace(chosen, difficulty=n)) for n in (1, 2)],
        "exposure": [(n, replace(chosen, exposure=n)) for n in (1, 2)],
        "saved": [("", chosen)],
    }
    for query in ("", "möte"):
        counts = finding.find(db.session(), query, "sv", chosen).counts
        for name, values in asked.items():
            for value, filters in values:
                would = finding.find(db.session(), query, "sv", filters).cards
                assert counts[name][value] == len(would), (query, name, value)
        english = finding.find(db.session(), query, "en", chosen).cards
        assert counts["language"]["en"] == len(english)


def test_orders() -> None:
    cards = {card.slug: card for card in queries.catalogue(db.session(), "sv")}
    exposures = [cards[slug].exposure for slug in found("", order="personal")]
    assert exposures == sorted(exposures)
    titles = [cards[slug].title for slug in found("", order="title")]
    assert titles[0].startswith("Be om hjälp")
    assert titles.index("Vem kan vad?") < titles.index("Välkommen till oss")
    newest = next(iter(cards))
    catalogue = current(db.session())
    entry = catalogue.entries[newest]
    tomorrow = replace(entry, published_on=entry.published_on.replace(year=2100))
    later = replace(catalogue, entries={**catalogue.entries, newest: tomorrow})
    key = finding._key("newest", later, {})
    assert min(cards.values(), key=key).slug == newest


def test_the_dimensions_names_find_their_workshops_in_both_languages() -> None:
    for key, name in queries.DIMENSION_NAMES.items():
        for locale in ("sv", "en"):
            of_it = {c.slug for c in queries.catalogue(db.session(), locale) if key in c.dimensions}
            assert of_it <= set(found(name.in_(locale), locale))


def test_near_ones_are_shown_where_little_was_found() -> None:
    assert near("värdeord xyzzy")[0] == "words-to-everyday"
    # nothing in common: the shortest
    shortest = [card.slug for card in queries.catalogue(db.session(), "sv")][:FEW]
    assert near("xyzzy") == shortest
    # only the filters were in the way
    assert near("ursäkt", people=100)[0] == "when-i-was-wrong"
    # as many as are missing, none of them twice
    few = found("skvaller")
    assert 0 < len(few) < FEW
    assert not set(few) & set(near("skvaller"))
    assert len(few) + len(near("skvaller")) <= FEW


def test_a_query_that_nobody_types_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        finding.find(db.session(), "a" * 201, "sv")
    assert found("å" * 200) == []


# The index


@both_databases
def test_what_staff_change_is_found_at_once(app: Flask) -> None:
    assert found("tänk om det gick fel")[0] == "premortem"
    with transaction() as session:
        workshop = session.scalars(select(Workshop).where(Workshop.slug == "premortem")).one()
        workshop.state, workshop.revision = "withdrawn", workshop.revision + 1
    assert "premortem" not in found("tänk om det gick fel")
    assert "premortem" not in near("tänk om det gick fel")


def test_one_changed_workshop_costs_the_reading_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    cards = {uuid4(): (source.cards["sv"], "") for source in library()}
    read: list[str] = []
    real = search._read
    monkeypatch.setattr(search, "_read", lambda c, about: read.append(c.slug) or real(c, about))
    index = Index("sv", cards)
    assert len(read) == len(cards)
    before = index.search("förtroende").found

    old = next(version for version, (card, _) in cards.items() if card.slug == "premortem")
    rewritten = replace(cards[old][0], slug="new", title="Zebror och förtroende")
    rest = {version: card for version, card in cards.items() if version != old}
    changed = index.changed(rest | {uuid4(): (rewritten, "")})
    assert read[len(cards) :] == ["new"]
    assert list(changed.search("zebror").found) == ["new"]
    assert "premortem" not in changed.search("misslyckas").found
    # The one before answers as it did, for whoever still reads the catalogue from before.
    assert index.search("förtroende").found == before
    assert index.search("zebror").found == {}
    # Changed often enough it is made anew, and what is gone takes no more room than what is here.
    for _ in range(2 * len(cards)):
        changed = changed.changed(rest | {uuid4(): (rewritten, "")})
        assert list(changed.search("zebror").found) == ["new"]
    assert len(changed._slugs) <= 2 * len(changed) + 1


def test_words_and_stems() -> None:
    assert words.words("Förmåga, don’t stop: 15 min") == ["formaga", "don't", "stop", "15", "min"]
    assert words.stem("tilliten", "sv") == words.stem("tillit", "sv") == "tillit"
    assert words.stem("beslutet", "sv") == words.stem("beslut", "sv")
    assert words.stem("trusting", "en") == words.stem("trusted", "en") == "trust"
    with pytest.raises(ValueError, match="'fi'"):
        words.stem("luottamus", "fi")


def test_the_catalogue_is_whole_in_both_languages() -> None:
    swedish, english = queries.catalogue(db.session(), "sv"), queries.catalogue(db.session(), "en")
    assert len(swedish) >= 20
    assert {card.slug for card in swedish} == {card.slug for card in english}
    assert queries.get(db.session(), "premortem", "sv") in swedish
    assert queries.get(db.session(), "premortem", "de") is None
    assert queries.get(db.session(), "nothing", "sv") is None


def test_the_timetable_runs_from_zero_to_the_end() -> None:
    for card in queries.catalogue(db.session(), "sv"):
        rows = queries.timetable(card)
        hours, minutes = rows[-1][0].split(":")
        assert rows[0][0] == "0:00"
        assert int(hours) * 60 + int(minutes) + rows[-1][1].minutes == card.duration
