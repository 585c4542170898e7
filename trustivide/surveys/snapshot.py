"""The frozen result of a closed survey: computed once, from at least *k* answer sets.

What a snapshot guarantees, beside never counting fewer than *k* people:

* **A suppressed item takes part in nothing.** Dimensions and the overall figure are
  computed from the items that are shown. Were the hidden item inside the dimension's
  mean, subtracting the shown ones would bring it back; with this rule nothing is left to
  subtract, and no second item has to be hidden to protect the first.
* **No mean repeats a sum over another group.** A dimension's mean is the mean of its
  shown items' means, and likewise overall. With every question answered that equals the
  mean over respondents. Where someone said "can't say", the mean over respondents would
  weigh that person's other answers more, and comparing it with the items' means would
  give their sum away: exactly, in a team of eight. Means above the items therefore say
  nothing that the items don't.
* **Order says nothing.** Figures don't depend on the order of the answer sets, and the
  comments of each text item are shuffled on their own.

The spread of a dimension (sd, interval, distribution) compares people, so it can't come
from the items alone: it is over the respondents who answered at least half of the shown
items, at least *k* of them. Two things no snapshot can hide: a unanimous team, and
colleagues who put their own answers together. Close to the first, a spread can narrow
down what someone who skipped an item answered, if all others agree on everything else.
"""

import random
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from trustivide.surveys import statistics
from trustivide.surveys.catalogue import OVERALL, POINTS, TEXT, Answer, Instrument, Item

SCHEMA = 1
LOWEST_K = 4
LEVEL = 0.95

# Why a figure isn't shown.
TOO_FEW = "too_few"  # fewer than k people answered
TOO_FEW_ITEMS = "too_few_items"  # fewer than half of the items are shown

_AnswerSets = Sequence[Mapping[str, Answer]]


def compute(
    instrument: Instrument,
    answer_sets: _AnswerSets,
    *,
    k: int,
    invited: int,
    rng: random.Random | None = None,
) -> dict[str, Any]:
    """The snapshot: JSON-serialisable, to be stored as it is and never computed again.

    ``answer_sets`` hold int, str or None ("can't say") by item key, as
    :meth:`Instrument.validate` gives them; an absent key is an unanswered item.
    ``invited`` counts the invitations at launch. ``rng`` shuffles the comments, by
    default from the system's randomness.

    Below ``k`` answer sets the snapshot holds no figure, only the participation, which a
    closed survey shows anyway. Raises ``ValueError`` for ``k`` under 4, for more answer
    sets than invitations, and for an answer that the instrument doesn't know; messages
    name the item, never the answer.
    """
    _check(instrument, answer_sets, k, invited)
    head: dict[str, Any] = {
        "schema": SCHEMA,
        "instrument": {
            "key": instrument.key,
            "version": instrument.version,
            "fingerprint": instrument.fingerprint,
        },
        "k": k,
        "invited": invited,
        "answered": len(answer_sets),
    }
    if len(answer_sets) < k:
        return {**head, "published": False, "reason": TOO_FEW}
    return {**head, "published": True, **_Results(instrument, answer_sets, k, invited, rng).body()}


def lowest_dimension(snapshot: Mapping[str, Any]) -> str | None:
    """The key of the dimension with the lowest mean, the first of them on a tie.

    None where the word would mean nothing: unpublished, fewer than two dimensions shown,
    or all of them alike. It is an order of means, not a finding: intervals may overlap.
    """
    shown = [row for row in snapshot.get("dimensions", []) if row["published"]]
    if len({row["mean"] for row in shown}) < 2:
        return None
    return str(min(shown, key=lambda row: row["mean"])["key"])


class _Results:
    """What stands in a published snapshot. Nothing in here may count fewer than k."""

    def __init__(
        self,
        instrument: Instrument,
        answer_sets: _AnswerSets,
        k: int,
        invited: int,
        rng: random.Random | None,
    ) -> None:
        self.instrument = instrument
        self.answer_sets = answer_sets
        self.k = k
        self.census = len(answer_sets) == invited
        self.rng = rng or random.SystemRandom()
        self.ratings: dict[str, list[int]] = {
            item.key: [
                value for answers in answer_sets if isinstance(value := answers.get(item.key), int)
            ]
            for item in instrument.items
            if item.kind in POINTS
        }

    def body(self) -> dict[str, Any]:
        rated = [item for item in self.instrument.items if item.kind in POINTS]
        return {
            "census": self.census,
            "overall": self.figure(OVERALL, [item for item in rated if item.dimension]),
            "dimensions": [
                {
                    **self.figure(dimension.key, items),
                    "items": [self.item(item) for item in items],
                }
                for dimension in self.instrument.dimensions
                for items in [self.instrument.dimension_items(dimension.key)]
            ],
            "items": [self.item(item) for item in rated if item.dimension is None],
            "comments": [
                self.comments(item) for item in self.instrument.items if item.kind == TEXT
            ],
        }

    def shown(self, item: Item) -> bool:
        return len(self.ratings[item.key]) >= self.k

    def item(self, item: Item) -> dict[str, Any]:
        """One item as it was answered: a reversed one isn't turned, ``score`` is."""
        head = {"key": item.key, "reversed": item.reversed}
        if not self.shown(item):
            return _suppressed(head, TOO_FEW)
        ratings = self.ratings[item.key]
        average = Fraction(sum(ratings), len(ratings))
        return {
            **head,
            "published": True,
            "n": len(ratings),
            "missing": len(self.answer_sets) - len(ratings),
            "mean": _rounded(average),
            "score": _rounded(_scored(average, item)),
            "distribution": _distribution(ratings, POINTS[item.kind]),
        }

    def figure(self, key: str, items: Sequence[Item]) -> dict[str, Any]:
        """One figure over several items, turned so that high is good."""
        head: dict[str, Any] = {"key": key}
        shown = [item for item in items if self.shown(item)]
        if not shown or 2 * len(shown) < len(items):
            return _suppressed(head, TOO_FEW_ITEMS)
        people = self.people(shown)
        if len(people) < self.k:
            return _suppressed(head, TOO_FEW)
        centre = self.centre(shown)
        sd = statistics.sample_sd(people)
        variances = [statistics.sample_variance(self.ratings[item.key]) for item in shown]
        return {
            **head,
            "published": True,
            "n": len(people),
            "missing": len(self.answer_sets) - len(people),
            "items_shown": len(shown),
            "items_total": len(items),
            "mean": _rounded(centre),
            "sd": _rounded(sd),
            "interval": self.interval(float(centre), sd, len(people)),
            "distribution": _distribution(people, self.instrument.points),
            "agreement": _rounded(statistics.rwg_j(variances, self.instrument.points)),
        }

    def people(self, shown: Sequence[Item]) -> list[float]:
        """The mean score of each respondent who answered at least half of the items."""
        means = []
        for answers in self.answer_sets:
            scores = [
                _scored(Fraction(value), item)
                for item in shown
                if isinstance(value := answers.get(item.key), int)
            ]
            if 2 * len(scores) >= len(shown):
                means.append(float(sum(scores) / len(scores)))
        return means

    def centre(self, shown: Sequence[Item]) -> Fraction:
        # From the items' means alone; the module's docstring says what that prevents.
        means = [
            _scored(Fraction(sum(ratings), len(ratings)), item)
            for item in shown
            for ratings in [self.ratings[item.key]]
        ]
        return sum(means, Fraction(0)) / len(means)

    def interval(self, centre: float, sd: float, n: int) -> dict[str, Any]:
        half = statistics.half_width(sd, n, LEVEL)
        points = self.instrument.points
        low, high = max(1.0, centre - half), min(float(points), centre + half)
        return {
            "level": LEVEL,
            "low": _rounded(low),
            "high": _rounded(high),
            "clipped": centre - half < 1 or centre + half > points,
            "indicative": self.census,
        }

    def comments(self, item: Item) -> dict[str, Any]:
        texts = [
            text
            for answers in self.answer_sets
            if isinstance(text := answers.get(item.key), str) and text.strip()
        ]
        # How many wrote something is itself a figure about fewer than k people.
        if len(texts) < self.k:
            return _suppressed({"key": item.key}, TOO_FEW)
        self.rng.shuffle(texts)
        return {"key": item.key, "published": True, "n": len(texts), "texts": texts}


def _check(instrument: Instrument, answer_sets: _AnswerSets, k: int, invited: int) -> None:
    if k < LOWEST_K:
        raise ValueError(f"k is at least {LOWEST_K}")
    if len(answer_sets) > invited:
        raise ValueError("there are more answer sets than invitations")
    for answers in answer_sets:
        for key, value in answers.items():
            item = instrument.by_key.get(key)
            if item is None:
                raise ValueError("an answer belongs to no item of the instrument")
            if not _fits(item, value):
                raise ValueError(f"{key}: the answer doesn't fit the item")


def _fits(item: Item, value: Answer) -> bool:
    if value is None:
        return True
    if item.kind == TEXT:
        return isinstance(value, str)
    points = POINTS[item.kind]
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= points


def _scored(value: Fraction, item: Item) -> Fraction:
    return POINTS[item.kind] + 1 - value if item.reversed else value


def _suppressed(head: dict[str, Any], reason: str) -> dict[str, Any]:
    return {**head, "published": False, "reason": reason}


def _distribution(values: Sequence[float], points: int) -> dict[str, Any]:
    if len(values) >= statistics.POINTS_FROM:
        return {"kind": "points", "counts": statistics.distribution(values, points)}
    return {"kind": "bands", "counts": statistics.bands(values, points)}


def _rounded(value: float | Fraction) -> float:
    return round(float(value), 2) + 0.0  # never "-0.0"
