"""What is suggested to a team, in what order, and what is said about why."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.surveys.test_snapshot import SMALL, compute
from trustivide.core.text import Text
from trustivide.surveys import snapshot
from trustivide.surveys.catalogue import Answer, latest
from trustivide.surveys.suggesting import published
from trustivide.workshops.cards import DIMENSIONS, library
from trustivide.workshops.queries import DIMENSION_NAMES
from trustivide.workshops.suggestions import (
    PAUSE,
    Part,
    Published,
    Ran,
    Statement,
    Suggestions,
    lowest,
    suggest,
)

TODAY = date(2026, 11, 26)
CARDS = {locale: [source.cards[locale] for source in library()] for locale in ("sv", "en")}


def result(low: str, people: int = 8, *, stands_out: bool = False) -> Published:
    """A result in which one dimension is lowest."""
    said = (
        Statement(Text("Det går bra att fråga", "Asking is fine"), 0.7),
        Statement(Text("Vi tiger", "We keep quiet"), 0.2, reversed=True),
        Statement(Text("Alla hörs", "All are heard"), 0.4),
    )
    parts = [Part(key, DIMENSION_NAMES[key], 3.5) for key in DIMENSIONS]
    parts = [replace(p, mean=2.4, statements=said) if p.key == low else p for p in parts]
    parts = [replace(p, stands_out=stands_out and p.key == low) for p in parts]
    return Published(tuple(parts), 5, people)


def suggested(found: Published, *ran: Ran, locale: str = "sv") -> Suggestions:
    suggestions = suggest(CARDS[locale], found, ran, TODAY, locale)
    assert suggestions is not None
    return suggestions


def slugs(suggestions: Suggestions) -> list[str]:
    return [one.card.slug for one in suggestions.workshops]


@pytest.mark.parametrize("locale", ["sv", "en"])
@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_each_dimension_has_suggestions_that_fit(dimension: str, locale: str) -> None:
    cards = [one.card for one in suggested(result(dimension), locale=locale).workshops]
    assert len(cards) == 3
    assert all(dimension in card.dimensions and card.language == locale for card in cards)
    assert all(card.min_people <= 8 <= card.max_people for card in cards)
    order = [(card.dimensions[0] != dimension, card.duration, card.exposure) for card in cards]
    assert order == sorted(order)


def test_the_reasons_are_said_in_words() -> None:
    said = suggested(result("openness", stands_out=True))
    assert said.about == "Öppenhet ligger lägst, 2,4 av 5, och tydligt under helheten."
    assert said.statements == ("”Vi tiger” (omvänt påstående)", "”Alla hörs”")
    assert said.before == ""
    first = said.workshops[0]
    assert first.card.dimensions[0] == "openness"
    assert first.why.startswith("Workshopen handlar främst om öppenhet. Den tar ")
    assert first.why.endswith(" personer, och ni är 8.")
    unsure = suggested(result("openness"), locale="en")
    assert "no larger than chance can make it" in unsure.about
    assert unsure.workshops[0].why.startswith("This workshop is mainly about openness. It takes ")
    # Mostly about something else, and much asked for.
    mostly = [c for c in CARDS["sv"] if "care" in c.dimensions and c.dimensions[0] != "care"]
    (one,) = suggest_among(mostly[:1], result("care")).workshops
    assert "men stärker också omtanke" in one.why
    demanding = next(card for card in CARDS["sv"] if card.exposure == 3)
    (one,) = suggest_among([demanding], result(demanding.dimensions[0])).workshops
    assert "van leda" in one.why


def suggest_among(cards: Sequence[Any], found: Published, *ran: Ran) -> Suggestions:
    suggestions = suggest(cards, found, ran, TODAY, "sv")
    assert suggestions is not None
    return suggestions


def test_a_team_of_another_size_is_told_so_and_other_workshops_come_first() -> None:
    crowd = suggested(result("care", people=400))
    assert all("och ni är 400: dela upp er" in one.why for one in crowd.workshops)
    pair = suggested(result("care", people=2))
    assert all(" personer, och ni är 2." in one.why for one in pair.workshops)
    assert any("minst" in one.why for one in pair.workshops)
    for people in (3, 8, 14):
        cards = [one.card for one in suggested(result("care", people=people)).workshops]
        order = [
            (card.dimensions[0] != "care", not card.min_people <= people <= card.max_people)
            for card in cards
        ]
        assert order == sorted(order)


def test_what_the_team_ran_is_not_suggested_again_unless_nothing_else_is_left() -> None:
    found = result("integrity")
    first = suggested(found).workshops[0].card
    lately = Ran(first.slug, first.title, TODAY - timedelta(days=30))
    after = suggested(found, lately)
    assert first.slug not in slugs(after)
    assert after.before == (
        f"Ni har redan gjort ”{first.title}” (27 oktober 2026), så här står något annat."
    )
    # Long ago it counts as another, and says when. The newest time counts.
    long_ago = replace(lately, on=TODAY - PAUSE)
    again = suggested(found, long_ago)
    assert slugs(again) == slugs(suggested(found))
    assert "Ni har redan gjort den, 27 maj 2026. Efter mer än ett halvår" in again.workshops[0].why
    assert first.slug not in slugs(suggested(found, lately, long_ago))
    # Nothing else is left.
    every = [Ran(c.slug, c.title, TODAY) for c in CARDS["sv"] if "integrity" in c.dimensions]
    rest = suggested(found, *every)
    assert len(rest.workshops) == 3
    assert all("eftersom få andra passar" in one.why for one in rest.workshops)


def test_without_a_lowest_dimension_there_is_nothing_to_suggest() -> None:
    alike = [Part(key, DIMENSION_NAMES[key], 3.5) for key in DIMENSIONS]
    tied = [replace(part, mean=2.0) for part in alike[1:3]]
    assert lowest(alike) is lowest(alike[:1]) is lowest([]) is None
    assert lowest([alike[0], *tied]) == tied[0]
    for parts in ([], alike[:1], alike):
        assert suggest(CARDS["sv"], Published(tuple(parts), 5, 8), [], TODAY, "sv") is None
    strange = Part("charm", Text("Charm", "Charm"), 1.0)
    assert suggest(CARDS["sv"], Published((strange, *alike), 5, 8), [], TODAY, "sv") is None


def test_the_names_are_those_of_the_instrument() -> None:
    instrument = latest("tillit-i-team")
    assert {d.key: d.name for d in instrument.dimensions} == DIMENSION_NAMES


# Never from one person's data

TEAM = latest("tillit-i-team")
rated = [item.key for item in TEAM.items if item.dimension]
answer_sets = st.integers(5, 12).flatmap(
    lambda people: st.lists(
        st.fixed_dictionaries({key: st.integers(1, 5) for key in rated}),
        min_size=people,
        max_size=people,
    )
)


def words(figures: Mapping[str, Any]) -> Suggestions | None:
    return suggest(CARDS["sv"], published(TEAM, figures), [], TODAY, "sv")


@settings(max_examples=40)
@given(answers=answer_sets, seed=st.integers())
def test_suggestions_know_nothing_but_what_the_result_shows(
    answers: list[dict[str, Answer]], seed: int
) -> None:
    """Same snapshot, other answer sets: same words. And no figure is read that isn't shown."""
    columns = {key: [one[key] for one in answers] for key in rated}
    for column in columns.values():
        Random(seed).shuffle(column)
        seed += 1
    dealt = [{key: columns[key][n] for key in rated} for n in range(len(answers))]
    # Of an own questionnaire's snapshot no figure tells which answers were given together.
    one, other = (
        snapshot.compute(TEAM, sets, k=5, invited=12, own=True) for sets in (answers, dealt)
    )
    assert one == other
    assert words(one) == words(other)

    bare = deepcopy(compute(answers, instrument=TEAM))
    for row in bare["dimensions"]:
        for item in row["items"]:
            del item["mean"], item["score"]
    assert words(bare) == words(compute(answers, instrument=TEAM))


def test_too_few_answers_give_no_suggestion() -> None:
    few = [dict.fromkeys(rated, 1) | {"care_1": n} for n in (1, 2, 3, 4)]
    assert words(compute(few, instrument=TEAM)) is None
    assert published(SMALL, compute([], instrument=SMALL)).parts == ()
