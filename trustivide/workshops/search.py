"""Finding cards by words: stems for whole words, beginnings for the one being typed.

Each word of a query must be found. A hit in the title outweighs any in the summary, and
that outweighs the rest. Only where nothing matches is a typing error forgiven.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log

from trustivide.workshops.cards import WorkshopCard, stems

LONGEST_QUERY = 200
"""Characters. Nobody types more by hand, and each word costs a look at every card."""

_FORGIVING_FROM = 5
"""In a shorter word one changed letter makes another word too often."""

_WHOLE, _BEGINNING = 2, 1


def words(text: str) -> list[str]:
    """The words of ``text``, lower-cased, in order."""
    return re.findall(r"\w+", unicodedata.normalize("NFC", text).lower())


def fold(text: str) -> str:
    """``text`` without accents: "förmåga" becomes "formaga"."""
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def one_edit_apart(one: str, other: str) -> bool:
    """Whether one letter added, left out, changed or swapped with its neighbour tells them apart.

    Equal words are no edit apart, hence ``False``.
    """
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    a, b = one[start:], other[start:]
    if len(a) == len(b):
        return a[1:] == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])
    return a[1:] == b if len(a) > len(b) else a == b[1:]


def word_stems(text: str, language: str) -> list[str]:
    """The stems of ``text``, where Swedish "beslutet" and "beslut" have the same one.

    Snowball leaves the article of neuter nouns on. Cutting it off makes a few words alike
    that aren't (plan, planet); missing half of all definite forms would be worse.
    """
    found = stems(text, language).split()
    if language != "sv":
        return found
    return [re.sub(r"(?<=...)(et)+$", "", stem) for stem in found]


class _Part:
    """The words of one part of a card, as they stand and as stems."""

    def __init__(self, text: str, language: str) -> None:
        self._stems = Counter(word_stems(text, language))
        spelled = words(text)
        self._words = {*spelled, *map(fold, spelled)}
        self.vocabulary = self._words | self._stems.keys()

    def hits(self, wanted: "_Wanted") -> int:
        """How strongly the part holds the word; 0 when it doesn't."""
        if found := self._stems[wanted.stem]:
            return _WHOLE * found
        if wanted.unfinished and any(word.startswith(wanted.word) for word in self.vocabulary):
            return _BEGINNING
        return sum(alike in self.vocabulary for alike in wanted.alike)


@dataclass(frozen=True)
class _Wanted:
    """One word of a query. ``alike`` are known words that it may be a misspelling of."""

    word: str
    stem: str
    unfinished: bool
    alike: frozenset[str] = frozenset()


class _Entry:
    def __init__(self, card: WorkshopCard, names: str) -> None:
        self.card = card
        rest = [card.when, card.goal, card.output, card.body, names, *card.preparation]
        rest += [*card.materials, *card.debrief, card.slug.replace("-", " ")]
        rest += [f"{step.title} {step.instruction}" for step in card.agenda]
        texts = (card.title, card.summary, " ".join(rest))
        self.parts = [_Part(text, card.language) for text in texts]

    def hits(self, wanted: _Wanted) -> tuple[int, ...]:
        """Hits in title, summary and the rest."""
        return tuple(part.hits(wanted) for part in self.parts)


class Index:
    """The cards of one language, ready to be searched. Nothing in it changes after it is made."""

    def __init__(self, cards: Sequence[WorkshopCard], language: str, names: dict[str, str]) -> None:
        """``names`` are the dimensions' names in ``language``, by key."""
        self._language = language
        self._entries = [
            _Entry(card, " ".join(names[dimension] for dimension in card.dimensions))
            for card in cards
        ]
        self._folded: dict[str, set[str]] = {}
        for word in {w for entry in self._entries for part in entry.parts for w in part.vocabulary}:
            self._folded.setdefault(fold(word), set()).add(word)

    def matching(self, query: str) -> list[WorkshopCard]:
        """The cards that hold every word of ``query``, best first.

        All cards, in their given order, for a query without words. The last word counts
        as unfinished. If nothing matches, words of five letters and more may differ by
        one letter and by their accents.
        """
        wanted = self._wanted(query)
        return self._all_of(wanted) or self._all_of([self._forgiven(word) for word in wanted])

    def nearest(self, query: str) -> list[WorkshopCard]:
        """The cards that hold at least one word of ``query``; rare words count for more."""
        wanted = [self._forgiven(word) for word in self._wanted(query)]
        found = {word: [e for e in self._entries if any(e.hits(word))] for word in wanted}
        scores: Counter[str] = Counter()
        for entries in found.values():
            for entry in entries:
                # A word that is in every card tells them nothing apart, and weighs nothing.
                scores[entry.card.slug] += log(len(self._entries) / len(entries))  # type: ignore[assignment]
        ranked = sorted(self._entries, key=lambda entry: -scores[entry.card.slug])
        return [entry.card for entry in ranked if scores[entry.card.slug] > 0]

    def _wanted(self, query: str) -> list[_Wanted]:
        if len(query) > LONGEST_QUERY:
            raise ValueError("the query is too long")
        typed = words(query)
        # A blank after a word says that it is finished.
        open_end = bool(typed) and re.search(r"\w$", query) is not None
        wanted = {}
        for at, word in enumerate(typed, 1):
            # The stem with its accents comes first; its folded form is for the index alone,
            # where it lets "vag" find "väg". Were it used here, "väg" would find "vag".
            stem = word_stems(word, self._language)[0]
            wanted[word] = _Wanted(word, stem, open_end and at == len(typed))
        return list(wanted.values())

    def _all_of(self, wanted: Iterable[_Wanted]) -> list[WorkshopCard]:
        ranked = []
        for entry in self._entries:
            hits = [entry.hits(word) for word in wanted]
            if all(map(any, hits)):
                ranked.append(([-sum(column) for column in zip(*hits, strict=True)], entry.card))
        return [card for _, card in sorted(ranked, key=lambda pair: pair[0])]

    def _forgiven(self, wanted: _Wanted) -> _Wanted:
        if len(wanted.word) < _FORGIVING_FROM:
            return wanted
        typed = {fold(wanted.word), fold(wanted.stem)}
        alike = {
            word
            for folded, meant in self._folded.items()
            for attempt in typed
            if folded == attempt or one_edit_apart(attempt, folded)
            for word in meant
        }
        return _Wanted(wanted.word, wanted.stem, wanted.unfinished, frozenset(alike))
