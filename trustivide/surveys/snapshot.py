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

* **Single items of other kinds stand alone.** A scale from 0 to 10 and a choice belong to
  no dimension, so no figure could be subtracted from another. What keeps them from
  telling who answered what in a small group stands in :mod:`item_figures`.

The spread of a dimension (sd, interval, distribution) compares people, so it can't come
from the items alone: it is over the respondents who answered at least half of the shown
items, at least *k* of them. Two things no snapshot can hide: a unanimous team, and
colleagues who put their own answers together. Close to the first, a spread can narrow
down what someone who skipped an item answered, if all others agree on everything else.

**An organisation's own questionnaire links nothing.** Whoever writes the items could put
"I am new here" beside what they want to know into one dimension: the spread over
respondents would then show what the only new colleague answered. So its spread is the
widest that the items' own answers allow (:meth:`_Results.widest`), and no figure of it
tells which answers were given together (docs/decisions/025).

The shape (schema 2), where every mean, score and sd has two decimals::

    schema, instrument {key, version, fingerprint}, k, invited, answered, published
    reason            "too_few", instead of all that follows, where published is false
    census            whether everyone answered: intervals are then ``indicative``
    overall           figure with key "overall"
    dimensions        figures in the instrument's order, each with ``items``: its item rows
    items             item rows without a dimension, in the order in which they are asked
    comments          {key, published, n, texts} for each text item

    figure            key, published, n, missing, items_shown, items_total, mean, sd,
                      interval, distribution, agreement (r*wg(j), 1 at most)
    item row          key, kind, reversed, published, n, missing and, by kind,
      agreement5/7    mean (as answered), score (turned if reversed), distribution
      scale10         mean (0-10), interval, distribution
      single/multiple options: {key, count}, or below 10 answers {key, share} with
                      "none", "some", "less_than_half" or "half_or_more" of the n
    interval          level, low, high, clipped (at the end of the scale), indicative
    distribution      kind "points" (from 10 answers on) or "bands", counts; they sum to n

What isn't published has key (kind, reversed), published false and a reason: "too_few" or
"too_few_items". In schema 1 item rows have no kind; :func:`upgraded` gives it to them.
"""

import random
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from trustivide.surveys import item_figures, statistics
from trustivide.surveys.catalogue import (
    MULTIPLE,
    OVERALL,
    POINTS,
    SCALE10,
    SINGLE,
    TEXT,
    TOP,
    Answer,
    Instrument,
    Item,
)
from trustivide.surveys.item_figures import distribution, interval, rounded, scored

SCHEMA = 2
LOWEST_K = 4

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
    own: bool = False,
    rng: random.Random | None = None,
) -> dict[str, Any]:
    """The snapshot: JSON-serialisable, to be stored as it is and never computed again.

    ``answer_sets`` hold int, str, list or None ("can't say") by item key, as
    :meth:`Instrument.validate` gives them; an absent key is an unanswered item.
    ``invited`` counts the invitations. ``own`` says that the organisation wrote the
    instrument. ``rng`` shuffles the comments, by
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
    results = _Results(instrument, answer_sets, k, invited, own=own, rng=rng)
    return {**head, "published": True, **results.body()}


def upgraded(stored: Mapping[str, Any], instrument: Instrument) -> dict[str, Any]:
    """A stored snapshot in today's shape; no figure of it changes."""
    if stored["schema"] == SCHEMA or not stored["published"]:
        return {**stored, "schema": SCHEMA}

    def rows(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [{**row, "kind": instrument.by_key[row["key"]].kind} for row in items]

    dimensions = [{**row, "items": rows(row["items"])} for row in stored["dimensions"]]
    return {
        **stored,
        "schema": SCHEMA,
        "dimensions": dimensions,
        "items": rows(stored["items"]),
    }


class _Results:
    """What stands in a published snapshot. Nothing in here may count fewer than k."""

    def __init__(
        self,
        instrument: Instrument,
        answer_sets: _AnswerSets,
        k: int,
        invited: int,
        *,
        own: bool,
        rng: random.Random | None,
    ) -> None:
        self.instrument = instrument
        self.answer_sets = answer_sets
        self.k = k
        self.census = len(answer_sets) == invited
        self.own = own
        self.rng = rng or random.SystemRandom()
        self.given: dict[str, list[Any]] = {
            item.key: [
                value for answers in answer_sets if (value := answers.get(item.key)) is not None
            ]
            for item in instrument.items
            if item.kind != TEXT
        }

    def body(self) -> dict[str, Any]:
        asked = [item for item in self.instrument.items if item.kind != TEXT]
        return {
            "census": self.census,
            "overall": self.figure(OVERALL, [item for item in asked if item.dimension]),
            "dimensions": [
                {
                    **self.figure(dimension.key, items),
                    "items": [self.item(item) for item in items],
                }
                for dimension in self.instrument.dimensions
                for items in [self.instrument.dimension_items(dimension.key)]
            ],
            "items": [self.item(item) for item in asked if item.dimension is None],
            "comments": [
                self.comments(item) for item in self.instrument.items if item.kind == TEXT
            ],
        }

    def shown(self, item: Item) -> bool:
        least = max(self.k, item_figures.CHOICE_FROM) if item.options else self.k
        return len(self.given[item.key]) >= least

    def item(self, item: Item) -> dict[str, Any]:
        head = {"key": item.key, "kind": item.kind, "reversed": item.reversed}
        if not self.shown(item):
            return _suppressed(head, TOO_FEW)
        given = self.given[item.key]
        return {
            **head,
            "published": True,
            "n": len(given),
            "missing": len(self.answer_sets) - len(given),
            **self.row(item, given),
        }

    def row(self, item: Item, given: list[Any]) -> dict[str, Any]:
        if item.kind in POINTS:
            return item_figures.rating_row(item, given)
        if item.kind == SCALE10:
            return item_figures.scale_row(given, indicative=self.census)
        chosen = given if item.kind == MULTIPLE else [[option] for option in given]
        return item_figures.choice_row(item, chosen)

    def figure(self, key: str, items: Sequence[Item]) -> dict[str, Any]:
        """One figure over several items, turned so that high is good."""
        head: dict[str, Any] = {"key": key}
        shown = [item for item in items if self.shown(item)]
        if not shown or 2 * len(shown) < len(items):
            return _suppressed(head, TOO_FEW_ITEMS)
        people = self.widest(shown) if self.own else self.people(shown)
        if len(people) < self.k:
            return _suppressed(head, TOO_FEW)
        centre = self.centre(shown)
        sd = statistics.sample_sd(people)
        variances = [statistics.sample_variance(self.given[item.key]) for item in shown]
        return {
            **head,
            "published": True,
            "n": len(people),
            "missing": len(self.answer_sets) - len(people),
            "items_shown": len(shown),
            "items_total": len(items),
            "mean": rounded(centre),
            "sd": rounded(sd),
            "interval": interval(
                float(centre),
                statistics.half_width(sd, len(people), item_figures.LEVEL),
                low=1,
                high=self.instrument.points,
                indicative=self.census,
            ),
            "distribution": distribution(people, self.instrument.points),
            "agreement": rounded(statistics.rwg_j(variances, self.instrument.points)),
        }

    def people(self, shown: Sequence[Item]) -> list[float]:
        """The mean score of each respondent who answered at least half of the items."""
        # In whole numbers: a fraction for each answer would take most of a closing's time.
        top = self.instrument.points + 1
        turned = [(item.key, item.reversed) for item in shown]
        means = []
        for answers in self.answer_sets:
            scores = [
                top - value if reversed_ else value
                for key, reversed_ in turned
                if isinstance(value := answers.get(key), int)
            ]
            if 2 * len(scores) >= len(shown):
                means.append(sum(scores) / len(scores))
        return means

    def widest(self, shown: Sequence[Item]) -> list[float]:
        """Means of as many as answered every item, were whoever is low on one low on all.

        A function of each item's answers alone. Where everybody answers every item, no
        spread is wider: the standard deviation of a sum is at most the sum of theirs.
        """
        columns = [
            sorted(scored(Fraction(value), item) for value in self.given[item.key])
            for item in shown
        ]
        n = min(len(column) for column in columns)
        return [
            float(sum(column[rank * len(column) // n] for column in columns) / len(columns))
            for rank in range(n)
        ]

    def centre(self, shown: Sequence[Item]) -> Fraction:
        # From the items' means alone; the module's docstring says what that prevents.
        means = [
            scored(Fraction(sum(ratings), len(ratings)), item)
            for item in shown
            for ratings in [self.given[item.key]]
        ]
        return sum(means, Fraction(0)) / len(means)

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
    options = {option.key for option in item.options}
    if item.kind == SINGLE:
        return isinstance(value, str) and value in options
    if item.kind == MULTIPLE:
        return (
            isinstance(value, list)
            and 0 < len(value) == len(set(value))
            and options.issuperset(value)
        )
    low, high = (0, TOP) if item.kind == SCALE10 else (1, POINTS[item.kind])
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _suppressed(head: dict[str, Any], reason: str) -> dict[str, Any]:
    return {**head, "published": False, "reason": reason}
