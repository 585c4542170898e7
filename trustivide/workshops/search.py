"""Finding cards by words: an inverted index in memory, ranked in the manner of BM25F.

A word finds its inflections (stems), what begins with it, and, only where nothing does, the
words that it may be a misspelling or a compound of. Ranking is that of Robertson and Zaragoza,
*The Probabilistic Relevance Framework: BM25 and Beyond* (2009): rare words weigh more, a title
more than a summary and that more than the rest, and repeating a word helps less and less.
"""

import tomllib
from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import chain
from math import log
from pathlib import Path
from uuid import UUID

from trustivide.workshops.cards import WorkshopCard
from trustivide.workshops.words import stem, words

_SYNONYMS = Path(__file__).parent / "synonyms.toml"

LONGEST_QUERY = 200
"""Characters. Nobody types more by hand, and each word costs a look at the index."""

_FORGIVING_FROM = 5
"""In a shorter word one changed letter makes another word too often."""
_TWICE_FROM = 9
"""From this length on two slips are forgiven."""
_PART_FROM = 4
"""Letters that a word must share with a compound to be taken for a part of it."""
_COMPLETIONS = 30
"""Words that a beginning may stand for; of very short ones the rest is yet to be typed."""

_BEGINNING, _PART, _SYNONYM, _SLIP = 0.7, 0.5, 0.4, 0.5
"""How much less than the word itself something like it counts."""

_SATURATION = 1.2
_SHARE = 0.6
"""What part of a query's weight a card must hold. Rare words weigh more, and a word that is in
every card weighs nothing: who writes a whole sentence isn't refused for one word of it."""


@dataclass(frozen=True)
class Part:
    """A part of a card: what a word in it counts, and how many words such a part usually has."""

    text: str
    boost: float
    usual: int


def parts(card: WorkshopCard, about: str) -> Iterator[Part]:
    """The card's parts. ``about`` is what else it may be looked for by."""
    yield Part(card.title, 5, 4)
    yield Part(card.summary, 3, 20)
    yield Part(f"{card.when} {card.goal} {about}", 2, 80)
    rest = [card.output, card.body, *card.preparation, *card.materials, *card.debrief]
    rest += [f"{step.title} {step.instruction}" for step in card.agenda]
    yield Part(" ".join([*rest, card.slug.replace("-", " ")]), 1, 600)


@lru_cache(maxsize=100_000)
def _stem_of_a_card(word: str, language: str) -> str:
    """The same words stand in many cards. What people search for is kept nowhere."""
    return stem(word, language)


def _read(card: WorkshopCard, about: str) -> tuple[set[str], dict[str, float]]:
    """The words of a card, and how strongly it holds each stem, from 0 to 1."""
    spelled: set[str] = set()
    frequencies: defaultdict[str, float] = defaultdict(float)
    for part in parts(card, about):
        found = words(part.text)
        spelled.update(found)
        # By half of how much longer than usual a part is, its words count less.
        weight = part.boost / (0.5 + 0.5 * len(found) / part.usual)
        for word, often in Counter(found).items():
            frequencies[_stem_of_a_card(word, card.language)] += often * weight
    return spelled, {term: often / (_SATURATION + often) for term, often in frequencies.items()}


@cache
def synonyms(language: str) -> Mapping[str, frozenset[str]]:
    """By stem, the stems of what means much the same, from ``synonyms.toml``."""
    rows = tomllib.loads(_SYNONYMS.read_text(encoding="utf-8"))[language]
    alike: dict[str, frozenset[str]] = {}
    for row in rows:
        row_stems = frozenset(stem(word, language) for word in words(row))
        for term in row_stems:
            alike[term] = alike.get(term, frozenset()) | row_stems - {term}
    return alike


Postings = tuple["array[int]", "array[float]"]
"""Which cards hold a stem, by their numbers, and how strongly."""
Read = Mapping[UUID, tuple[WorkshopCard, str]]
"""By version, a card and what else it may be looked for by."""


@dataclass(frozen=True)
class Hits:
    """The slugs of what holds most of a query, and of what holds something; higher is better."""

    found: Mapping[str, float]
    near: Mapping[str, float]


class Index:
    """The cards of one language, ready to be searched. Nothing in it changes after it is made."""

    def __init__(self, language: str, cards: Read) -> None:
        self._language = language
        self._numbers: dict[UUID, int] = {}
        self._slugs: list[str | None] = []
        self._titles: list[str] = []
        self._postings: dict[str, Postings] = {}
        self._words: frozenset[str] = frozenset()
        self._add(cards)

    def __len__(self) -> int:
        return len(self._numbers)

    def changed(self, cards: Read) -> "Index":
        """An index of exactly these; what this one holds of them is not read again.

        One changed workshop costs the reading of one card, however many there are.
        """
        kept = {version: at for version, at in self._numbers.items() if version in cards}
        if len(self._slugs) > 2 * len(kept):
            return Index(self._language, cards)  # most of it would be what is gone
        fresh = Index(self._language, {})
        fresh._numbers, fresh._words = kept, self._words
        fresh._titles, fresh._postings = self._titles[:], dict(self._postings)
        here = set(kept.values())
        fresh._slugs = [slug if at in here else None for at, slug in enumerate(self._slugs)]
        fresh._add({version: card for version, card in cards.items() if version not in kept})
        return fresh

    def _add(self, cards: Read) -> None:
        spelled, own = set(self._words), set[str]()
        for at, (version, (card, about)) in enumerate(cards.items(), len(self._slugs)):
            self._numbers[version] = at
            self._slugs.append(card.slug)
            self._titles.append(" ".join(words(card.title)))
            of_it, weights = _read(card, about)
            spelled |= of_it
            for term, weight in weights.items():
                numbers, strengths = self._postings.get(term, (array("I"), array("f")))
                if term not in own:  # maybe another index's, which must stay as it is
                    numbers, strengths = self._postings[term] = (numbers[:], strengths[:])
                    own.add(term)
                numbers.append(at)
                strengths.append(weight)
        self._words = frozenset(spelled)

    @cached_property
    def _vocabulary(self) -> list[str]:
        return sorted(self._words)

    @cached_property
    def _endings(self) -> list[str]:
        return sorted(word[::-1] for word in self._words)

    @cached_property
    def _by_length(self) -> Mapping[int, list[str]]:
        found: defaultdict[int, list[str]] = defaultdict(list)
        for word in self._vocabulary:
            found[len(word)].append(word)
        return found

    def search(self, query: str) -> Hits:
        """What holds ``query``; every card, with the score 0, for one without words.

        The last word counts as unfinished. Raises :class:`ValueError` for a query
        over :data:`LONGEST_QUERY`.
        """
        if len(query) > LONGEST_QUERY:
            raise ValueError("the query is too long")
        spelled = words(query)
        # A single letter is a word that is only begun.
        typed = [word for word in dict.fromkeys(spelled) if len(word) > 1 or word.isdigit()]
        if not typed:
            return Hits(dict.fromkeys(filter(None, self._slugs), 0.0), {})
        scores, shares = [0.0] * len(self._slugs), [0.0] * len(self._slugs)
        meant = [
            self._meant(word, unfinished=word == typed[-1])
            for word in chain.from_iterable(map(self._taken_apart, typed))
        ]
        rarities = [self._rarity(alike) for alike in meant]
        whole = sum(rarities)
        for alike, rarity in zip(meant, rarities, strict=True):
            for at, strength in self._strengths(alike).items():
                scores[at] += rarity * strength
                shares[at] += rarity
        # Who types a title from its beginning means that workshop.
        begun = " ".join(spelled)
        hits = [
            (slug, score + whole * title.startswith(begun), share)
            for slug, score, share, title in zip(
                self._slugs, scores, shares, self._titles, strict=True
            )
            if share and slug
        ]
        enough = _SHARE * whole
        return Hits(
            {slug: score for slug, score, share in hits if share >= enough},
            {slug: score for slug, score, share in hits if share < enough},
        )

    def _rarity(self, alike: Mapping[str, float]) -> float:
        """How much a word tells cards apart: the logarithm of one in so many that holds it.

        Of a known word itself; what is only like it says nothing of how rare it is.
        """
        own = [term for term, likeness in alike.items() if likeness == 1] or alike
        holding = len(set().union(*(self._postings[term][0] for term in own)))
        return log(1 + (len(self._slugs) - holding + 0.5) / (holding + 0.5))

    def _strengths(self, alike: Mapping[str, float]) -> dict[int, float]:
        """By card, how strongly it holds a word or the most like it."""
        found: dict[int, float] = {}
        for term, likeness in sorted(alike.items(), key=lambda pair: pair[1]):
            numbers, strengths = self._postings[term]
            if not found:
                found = {at: likeness * own for at, own in zip(numbers, strengths, strict=True)}
                continue
            for at, own in zip(numbers, strengths, strict=True):
                strength = likeness * own
                if strength > found.get(at, 0):
                    found[at] = strength
        return found

    def _meant(self, word: str, *, unfinished: bool) -> dict[str, float]:
        """The stems that a typed word may mean, and how much each counts."""
        exact = stem(word, self._language)
        meant = dict.fromkeys(synonyms(self._language).get(exact, ()), _SYNONYM)
        meant |= self._begun_by(word, exact, unfinished=unfinished)
        if not meant:
            meant = self._ending_in(word) or self._misspelled(word)
        return {term: likeness for term, likeness in meant.items() if term in self._postings}

    def _begun_by(self, word: str, exact: str, *, unfinished: bool) -> dict[str, float]:
        likeness = _BEGINNING if unfinished else _PART
        beginnings = {word} if unfinished or len(word) >= _PART_FROM else set()
        if len(exact) >= _PART_FROM:
            beginnings.add(exact)
        begun = {w for start in beginnings for w in _starting(self._vocabulary, start)}
        closest = sorted(begun, key=lambda w: (len(w), w))[:_COMPLETIONS]
        meant = {stem(w, self._language): likeness for w in closest}
        if exact in self._postings:
            meant[exact] = 1
        return meant

    def _known(self, word: str) -> bool:
        term = stem(word, self._language)
        return term in self._postings or term in synonyms(self._language)

    def _taken_apart(self, word: str) -> list[str]:
        """What is known of an unknown compound: both its parts, or the longest it begins with.

        Else the word itself. Between parts there may be an s.
        """
        cuts = range(len(word) - _PART_FROM + 1, _PART_FROM - 1, -1)
        if self._known(word) or self._begun_by(word, word, unfinished=False):
            return [word]
        begun = [word[:cut] for cut in cuts if self._known(word[:cut])]
        for first in begun:
            for second in (word.removeprefix(first), word.removeprefix(f"{first}s")):
                if len(second) < _PART_FROM:
                    continue
                if self._known(second) or self._misspelled(second):
                    return [first, second]
        return begun[:1] if begun and not self._misspelled(word) else [word]

    def _ending_in(self, word: str) -> dict[str, float]:
        """The known compounds that end with the word."""
        if len(word) < _PART_FROM:
            return {}
        longer = _starting(self._endings, word[::-1])[:_COMPLETIONS]
        return {stem(known[::-1], self._language): _PART for known in longer}

    def _misspelled(self, word: str) -> dict[str, float]:
        """The known words that differ by a letter added, left out, changed or swapped."""
        if len(word) < _FORGIVING_FROM:
            return {}
        from rapidfuzz import process  # late: a web process that searches nothing stays small
        from rapidfuzz.distance import OSA

        slips = 2 if len(word) >= _TWICE_FROM else 1
        lengths = range(len(word) - slips, len(word) + slips + 1)
        known = [w for length in lengths for w in self._by_length.get(length, ())]
        close = process.extract(
            word, known, scorer=OSA.distance, score_cutoff=slips, limit=_COMPLETIONS
        )
        return {stem(near, self._language): _SLIP**distance for near, distance, _ in close}


def _starting(ordered: list[str], start: str) -> list[str]:
    return ordered[bisect_left(ordered, start) : bisect_left(ordered, start + "\uffff")]
