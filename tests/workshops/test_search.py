"""Whoever types a word finds the workshop, however it is bent or misspelled."""

import pytest

from trustivide.core.db import db
from trustivide.workshops import queries
from trustivide.workshops.search import one_edit_apart

FIRST = [
    # as it stands, inflected, and in the definite form
    ("sv", "löfte", "promises-on-the-wall"),
    ("sv", "löftena", "promises-on-the-wall"),
    ("sv", "beslutet", "why-we-decided"),
    ("sv", "besluten", "why-we-decided"),
    ("sv", "ursäkter", "mending-trust"),
    ("sv", "LÄRDOMAR", "lesson-of-the-week"),
    # without the dots
    ("sv", "lofte", "promises-on-the-wall"),
    ("sv", "fortroende", "mending-trust"),
    # while one types
    ("sv", "förtr", "mending-trust"),
    ("sv", "värdeo", "words-to-everyday"),
    # a slip of the finger, and one on top of missing dots
    ("sv", "förtroened", "mending-trust"),
    ("sv", "belasning", "workload-check"),
    ("sv", "vardeodr", "words-to-everyday"),
    # several words
    ("sv", "karta kunskap", "who-knows-what"),
    ("en", "promise", "promises-on-the-wall"),
    ("en", "decisions", "why-we-decided"),
    ("en", "apologies", "mending-trust"),
    ("en", "lessons", "lesson-of-the-week"),
    ("en", "premor", "premortem"),
    ("en", "planni", "premortem"),
    ("en", "workloda", "workload-check"),
    ("en", "promsies", "promises-on-the-wall"),
    ("en", "map gaps", "who-knows-what"),
]

pytestmark = pytest.mark.usefixtures("client")


@pytest.mark.parametrize(("locale", "query", "slug"), FIRST)
def test_the_right_workshop_comes_first(locale: str, query: str, slug: str) -> None:
    assert queries.search(db.session(), query, locale)[0].slug == slug


def slugs(query: str, locale: str = "sv", **filters: object) -> list[str]:
    return [card.slug for card in queries.search(db.session(), query, locale, **filters)]  # type: ignore[arg-type]


@pytest.mark.parametrize("locale", ["sv", "en"])
def test_each_workshop_is_found_first_by_its_own_title(locale: str) -> None:
    for card in queries.catalogue(db.session(), locale):
        assert slugs(card.title, locale)[0] == card.slug


def test_every_word_must_be_found() -> None:
    assert "mending-trust" in slugs("förtroende")
    assert slugs("förtroende xyzzy") == []


def test_the_title_outweighs_the_summary_and_that_the_rest() -> None:
    found = queries.search(db.session(), "decision", "en")
    # "Open up a decision": the word stands in this summary, in no other, and in no title.
    assert found[0].slug == "why-we-decided"
    assert len(found) > 1
    assert slugs("vägg")[0] == "promises-on-the-wall"


def test_only_the_last_word_counts_as_unfinished() -> None:
    assert "mending-trust" in slugs("samtal förtr")
    assert slugs("prem", "en") == ["premortem"]
    assert slugs("prem ", "en") == []
    assert slugs("prem plan", "en") == []


def test_a_typing_error_is_forgiven_only_where_nothing_matches_and_only_in_long_words() -> None:
    assert slugs("beslut") == slugs("beslut ")
    assert slugs("kxrta")[0] == "who-knows-what"
    assert slugs("kxrt ") == []


@pytest.mark.parametrize("query", ["", "   ", "?!"])
def test_without_words_everything_is_shown_the_shortest_first(query: str) -> None:
    found = queries.search(db.session(), query, "sv")
    assert found == list(queries.catalogue(db.session(), "sv"))
    assert [card.duration for card in found] == sorted(card.duration for card in found)


def test_filters_narrow_a_search_down() -> None:
    assert all(
        "care" in card.dimensions
        for card in queries.search(db.session(), "", "sv", dimension="care")
    )
    assert all(card.duration <= 30 for card in queries.search(db.session(), "", "sv", longest=30))
    assert "mending-trust" not in slugs("", place="remote")
    assert slugs("förtroende", place="remote") != slugs("förtroende")


def test_the_dimensions_names_find_their_workshops_in_both_languages() -> None:
    for key, name in queries.DIMENSION_NAMES.items():
        for locale in ("sv", "en"):
            of_it = {c.slug for c in queries.catalogue(db.session(), locale) if key in c.dimensions}
            assert of_it <= set(slugs(name.in_(locale), locale))


def test_near_ones_are_shown_where_nothing_was_found() -> None:
    assert queries.nearest(db.session(), "värdeord xyzzy", "sv")[0].slug == "words-to-everyday"
    # nothing in common: the shortest
    assert (
        queries.nearest(db.session(), "xyzzy", "sv")
        == list(queries.catalogue(db.session(), "sv"))[:3]
    )
    # only the filters were in the way
    assert queries.nearest(db.session(), "ursäkt", "sv")[0].slug == "mending-trust"


def test_a_query_that_nobody_types_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        queries.search(db.session(), "a" * 201, "sv")
    assert queries.search(db.session(), "å" * 200, "sv") == []


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("tillit", "tillit", False),
        ("tillit", "tilllit", True),
        ("tillit", "tilit", True),
        ("tillit", "tillot", True),
        ("tillit", "tililt", True),
        ("tillit", "tillitx", True),
        ("tillit", "itllit", True),
        ("tillit", "tiilt", False),
        ("tillit", "tillig!", False),
        ("ab", "ba", True),
    ],
)
def test_one_edit(one: str, other: str, apart: bool) -> None:
    assert one_edit_apart(one, other) is apart
    assert one_edit_apart(other, one) is apart


def test_the_catalogue_is_whole_in_both_languages() -> None:
    swedish, english = queries.catalogue(db.session(), "sv"), queries.catalogue(db.session(), "en")
    assert len(swedish) >= 6
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
