"""Searching the catalogue: what matches, what each filter would leave, and in which order."""

from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy.orm import Session

from trustivide.core.text import Text, in_alphabet
from trustivide.workshops.cards import DIMENSIONS, LANGUAGES, PLACES, WorkshopCard
from trustivide.workshops.catalogue import Catalogue, current, is_there
from trustivide.workshops.queries import DIMENSION_NAMES
from trustivide.workshops.search import Hits, Index

DURATIONS = (15, 30, 60, 90, 240)
"""At most so many minutes: the last is half a day."""
LEVELS = (1, 2)
"""At most so difficult, or so personal; three would be any."""
FEW = 5
"""Where fewer are found, near ones are shown too."""
ORDERS = ("best", "shortest", "newest", "personal", "title")

_ALSO_CALLED = {
    "onsite": Text("på plats fysiskt i rummet", "on site in person face to face in the room"),
    "remote": Text("på distans digitalt online video", "remote online virtual video call"),
    "hybrid": Text("hybrid delvis på distans", "hybrid partly remote"),
}
"""What people type for a place: a card names it by a code alone."""
_HALF_A_DAY = 180


def _about(card: WorkshopCard) -> str:
    """What else a workshop is looked for by: what it strengthens, where, and how long it takes."""
    names = [DIMENSION_NAMES[dimension] for dimension in card.dimensions]
    names += [_ALSO_CALLED[place] for place in card.place]
    if card.duration <= DURATIONS[1]:
        names.append(Text("kort snabb", "short quick"))
    if card.duration >= _HALF_A_DAY:
        names.append(Text("halvdag", "half day"))
    minutes = Text(f"{card.duration} minuter min", f"{card.duration} minutes min")
    return " ".join(name.in_(card.language) for name in [*names, minutes])


@dataclass(frozen=True)
class Filters:
    """What a workshop must be; what is empty or ``None`` doesn't matter.

    ``dimensions`` and ``places`` are met by one of them; ``longest`` is in minutes;
    ``people`` is how many will take part; ``difficulty`` and ``exposure`` are at
    most so high; ``slugs`` are the only ones to be shown.
    """

    dimensions: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    longest: int | None = None
    people: int | None = None
    difficulty: int | None = None
    exposure: int | None = None
    slugs: frozenset[str] | None = None

    def tests(self) -> dict[str, Callable[[WorkshopCard], bool]]:
        """What is asked of a card, by the name of the filter; chosen ones alone."""
        dimensions, places, longest, people = (
            self.dimensions,
            self.places,
            self.longest or 0,
            self.people or 0,
        )
        difficulty, exposure, slugs = self.difficulty or 0, self.exposure or 0, self.slugs or ()
        every: dict[str, tuple[bool, Callable[[WorkshopCard], bool]]] = {
            "dimension": (bool(dimensions), lambda c: not dimensions.isdisjoint(c.dimensions)),
            "place": (bool(places), lambda c: not places.isdisjoint(c.place)),
            "longest": (longest > 0, lambda c: c.duration <= longest),
            "people": (people > 0, lambda c: c.min_people <= people <= c.max_people),
            "difficulty": (difficulty > 0, lambda c: c.difficulty <= difficulty),
            "exposure": (exposure > 0, lambda c: c.exposure <= exposure),
            "saved": (self.slugs is not None, lambda c: c.slug in slugs),
        }
        return {name: test for name, (chosen, test) in every.items() if chosen}


@dataclass(frozen=True)
class Found:
    """The workshops that match, in order, and near ones where they are fewer than :data:`FEW`.

    ``counts`` says for each filter how many would be found for each of its
    values, were it chosen and the other filters kept, and under ``""`` how many
    without it.
    """

    cards: Sequence[WorkshopCard]
    near: Sequence[WorkshopCard]
    counts: Mapping[str, Mapping[Any, int]]


@dataclass(frozen=True)
class Cut:
    """One page of what was found, and how many pages there are."""

    cards: Sequence[WorkshopCard]
    number: int
    pages: int


def cut(cards: Sequence[WorkshopCard], number: int, length: int) -> Cut:
    """Page ``number`` of the cards, or the last one where there are fewer."""
    pages = max(1, -(-len(cards) // length))
    number = min(number, pages)
    return Cut(cards[(number - 1) * length : number * length], number, pages)


_indexes: WeakKeyDictionary[Catalogue, dict[str, Index]] = WeakKeyDictionary()
_newest: dict[str, Index] = {}


def _index(catalogue: Catalogue, locale: str) -> Index:
    """The catalogue's index, made of the newest one: of what changed alone."""
    indexes = _indexes.setdefault(catalogue, {})
    if locale not in indexes:
        cards = {
            entry.version_id: (card := entry.cards[locale], _about(card))
            for entry in catalogue.entries.values()
        }
        before = _newest.get(locale)
        made = before.changed(cards) if before else Index(locale, cards)
        indexes[locale] = _newest[locale] = made
    return indexes[locale]


def make_ready(session: Session) -> None:
    """Index the catalogue, if there is one yet, so that no search has to wait for that."""
    if is_there(session):
        for locale in LANGUAGES:
            _index(current(session), locale)


def find(
    session: Session,
    query: str,
    locale: str,
    filters: Filters = Filters(),
    order: str = "best",
) -> Found:
    """The workshops that hold ``query`` in the language ``locale`` and pass the filters.

    :meth:`Index.search` says how words are compared. ``order`` is one of
    :data:`ORDERS`; without words the best are the shortest. Raises
    :class:`ValueError` for a query over 200 characters.
    """
    catalogue, tests = current(session), filters.tests()
    hits = _index(catalogue, locale).search(query)
    passing, near = _sifted(_cards(catalogue, locale, hits.found), tests)
    counts = {name: _counts(name, [*passing, *near.get(name, ())], filters) for name in _COUNTED}
    other = next(code for code in LANGUAGES if code != locale)
    theirs = _index(catalogue, other).search(query).found
    counts["language"] = {
        locale: len(passing),
        other: len(_sifted(_cards(catalogue, other, theirs), tests)[0]),
    }
    cards = sorted(passing, key=_key(order, catalogue, hits.found))
    return Found(cards, _nearest(catalogue, locale, hits, cards, tests), counts)


def _nearest(
    catalogue: Catalogue,
    locale: str,
    hits: Hits,
    found: Sequence[WorkshopCard],
    tests: Mapping[str, Callable[[WorkshopCard], bool]],
) -> list[WorkshopCard]:
    """What comes nearest where a search with its filters found few, to make up :data:`FEW`.

    Whatever holds some of the words, with the filters or without, and of those that
    hold as much what fails the fewest filters. If nothing was found and nothing holds
    a word, the shortest. Nobody who looks at what they saved is shown anything else.
    """
    if len(found) >= FEW or "saved" in tests:
        return []
    scores = {**hits.near, **hits.found}
    shown = {card.slug for card in found}
    every = catalogue.cards(locale)
    some = [card for card in every if card.slug in scores and card.slug not in shown]
    if not some and not found:
        some = list(every)

    def distance(card: WorkshopCard) -> tuple[float, int]:
        return -scores.get(card.slug, 0), sum(not test(card) for test in tests.values())

    return sorted(some, key=distance)[: FEW - len(found)]


def _cards(catalogue: Catalogue, locale: str, slugs: Container[str]) -> list[WorkshopCard]:
    """In the catalogue's own order, the shortest first."""
    return [card for card in catalogue.cards(locale) if card.slug in slugs]


def _sifted(
    cards: Sequence[WorkshopCard], tests: Mapping[str, Callable[[WorkshopCard], bool]]
) -> tuple[list[WorkshopCard], dict[str, list[WorkshopCard]]]:
    """The cards that pass, and by filter those that it alone keeps out."""
    passing: list[WorkshopCard] = []
    near: dict[str, list[WorkshopCard]] = {name: [] for name in tests}
    for card in cards:
        failed = [name for name, test in tests.items() if not test(card)]
        if not failed:
            passing.append(card)
        elif len(failed) == 1:
            near[failed[0]].append(card)
    return passing, near


_COUNTED = ("dimension", "place", "longest", "people", "difficulty", "exposure", "saved")


def _counts(name: str, cards: Sequence[WorkshopCard], filters: Filters) -> dict[Any, int]:
    """How many of ``cards`` each value of a filter leaves; they pass all the others."""
    counts: Mapping[Any, int] = {}
    if name == "dimension":
        counts = _each(DIMENSIONS, Counter(d for card in cards for d in card.dimensions))
    elif name == "place":
        counts = _each(PLACES, Counter(place for card in cards for place in card.place))
    elif name == "longest":
        counts = _at_most(DURATIONS, Counter(card.duration for card in cards))
    elif name in ("difficulty", "exposure"):
        counts = _at_most(LEVELS, Counter(getattr(card, name) for card in cards))
    elif test := filters.tests().get(name):
        counts = {True: sum(map(test, cards))}
    return {"": len(cards), **counts}


def _each(values: Sequence[str], numbers: Counter[str]) -> dict[str, int]:
    return {value: numbers[value] for value in values}


def _at_most(limits: Sequence[int], numbers: Counter[int]) -> dict[int, int]:
    return {limit: sum(n for number, n in numbers.items() if number <= limit) for limit in limits}


def _key(
    order: str, catalogue: Catalogue, scores: Mapping[str, float]
) -> Callable[[WorkshopCard], Any]:
    """What to sort by; where it is the same, the catalogue's own order stays."""
    keys: dict[str, Callable[[WorkshopCard], Any]] = {
        "best": lambda card: -scores[card.slug],
        "shortest": lambda card: card.duration,
        "newest": lambda card: -catalogue.entries[card.slug].published_on.toordinal(),
        "personal": lambda card: card.exposure,
        "title": lambda card: in_alphabet(card.title),
    }
    return keys[order]
