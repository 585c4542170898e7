"""What is suggested for a team, in what order, and what is said about why."""

import pytest

from trustivide.core.db import db
from trustivide.surveys.catalogue import latest
from trustivide.workshops import queries
from trustivide.workshops.cards import DIMENSIONS

pytestmark = pytest.mark.usefixtures("client")


@pytest.mark.parametrize("locale", ["sv", "en"])
@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_each_dimension_has_suggestions_that_strengthen_it(dimension: str, locale: str) -> None:
    suggestions = queries.suggest(db.session(), dimension, locale)
    assert 2 <= len(suggestions) <= 3
    assert all(dimension in s.card.dimensions for s in suggestions)
    assert all(s.card.language == locale for s in suggestions)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_main_dimension_then_short_then_little_exposure(dimension: str) -> None:
    cards = [s.card for s in queries.suggest(db.session(), dimension, "sv", limit=99)]
    order = [(c.dimensions[0] != dimension, c.duration, c.exposure) for c in cards]
    assert order == sorted(order)
    assert len(cards) == sum(
        dimension in c.dimensions for c in queries.catalogue(db.session(), "sv")
    )


def test_the_reason_is_said_in_words() -> None:
    first, *_, last = queries.suggest(db.session(), "openness", "sv", limit=99)
    assert first.card.slug == "lesson-of-the-week"
    assert first.why == (
        "Öppenhet fick lägst värde, och det är vad workshopen främst handlar om. "
        "Den tar 15 minuter och ber var och en att visa en del av sig själv. "
        "Vi föreslår den först, för den är den kortaste av dem."
    )
    assert "stärker också öppenhet" in last.why
    assert "först" not in last.why.split("handlar mest")[1]
    english = queries.suggest(db.session(), "integrity", "en")
    assert english[0].why.startswith("Integrity came out lowest, and that is what this workshop")


def test_a_demanding_workshop_says_so() -> None:
    (mending,) = [
        s for s in queries.suggest(db.session(), "integrity", "sv") if s.card.exposure == 3
    ]
    assert "visa mycket av sig själv" in mending.why
    assert "van leda" in mending.why


def test_the_limit_holds_and_an_unknown_dimension_has_none() -> None:
    assert len(queries.suggest(db.session(), "care", "sv", limit=1)) == 1
    assert queries.suggest(db.session(), "charm", "sv") == []


def test_the_names_are_those_of_the_instrument() -> None:
    instrument = latest("tillit-i-team")
    assert {d.key: d.name for d in instrument.dimensions} == queries.DIMENSION_NAMES
