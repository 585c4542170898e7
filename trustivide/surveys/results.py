"""What frozen results say, in words: pure functions over published snapshots.

Nothing in here sees an answer. Whatever is compared, pooled or called strong is computed
from figures that the teams' own results show, rounded as they are shown, so that it can't
say more than they do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from trustivide.core.text import Text
from trustivide.surveys import statistics
from trustivide.surveys.catalogue import (
    EVALUATION,
    OVERALL,
    POINTS,
    SCALE10,
    SCORE_LABELS,
    TOP,
    Instrument,
    Item,
)
from trustivide.surveys.item_figures import LEVEL
from trustivide.workshops.suggestions import Ran

Figure = Mapping[str, Any]
"""A row of a snapshot: key, published and, where it is, n, mean, sd, interval and so on."""

AGREEMENT = (
    (0.30, Text("Ni ser mycket olika på det", "You see it very differently")),
    (0.50, Text("Ni är svagt samstämmiga", "You agree weakly")),
    (0.70, Text("Ni är måttligt samstämmiga", "You agree moderately")),
    (0.90, Text("Ni är starkt samstämmiga", "You agree strongly")),
    (1.00, Text("Ni är mycket starkt samstämmiga", "You agree very strongly")),
)
"""The highest agreement that is still called so.

LeBreton & Senter (2008), Organizational Research Methods 11, table 3: up to .30 lack of
agreement, .31 to .50 weak, .51 to .70 moderate, .71 to .90 strong, above very strong.
"""

# A difference below a sixteenth of the scale (0.25 of five points) is called none, however
# sure it is: nobody would notice it, and ten equal answers would make anything sure.
SMALLEST = 1 / 16
MOST_NAMED = 3

HIGHER, LOWER, SAME = "higher", "lower", "same"

# Why two figures can't be compared.
NOT_SHOWN = "not_shown"  # one of them isn't published
OTHER_SCALE = "other_scale"
OTHER_ITEMS = "other_items"  # other items are shown, or they are worded otherwise
NO_SPREAD = "no_spread"  # fewer than ten answered an item, so its spread isn't published


def agreement_in_words(value: float) -> Text:
    """What a published r*wg is called (:data:`AGREEMENT`)."""
    return next(words for highest, words in AGREEMENT if value <= highest)


def level_in_words(mean: float, kind: str) -> Text:
    """What the point of the scale that lies nearest to a mean is called: "high", say."""
    counts = statistics.distribution([mean], POINTS[kind])
    return SCORE_LABELS[kind][counts.index(1)]


@dataclass(frozen=True)
class Spread:
    """A mean with what a comparison of it needs."""

    mean: float
    sd: float
    n: int


def spread_of(row: Figure, item: Item | None = None) -> Spread | None:
    """Mean, sd and n of a figure, or of an ``item`` turned so that high is good.

    An item's sd isn't published. On a scale from 0 to 10 it follows from the interval
    (too large where that is rounded outwards, which is cautious), else from the
    distribution. ``None`` where that has bands only (under ten answers), where the interval
    is cut at both ends, and for a figure that isn't published.
    """
    if not row["published"]:
        return None
    if item is None:
        return Spread(row["mean"], row["sd"], row["n"])
    if item.kind == SCALE10:
        interval, n = row["interval"], row["n"]
        if interval["low"] <= 0 and interval["high"] >= TOP:
            return None
        half = max(row["mean"] - interval["low"], interval["high"] - row["mean"])
        return Spread(row["mean"], half / statistics.half_width(1, n, LEVEL), n)
    if item.kind not in POINTS or row["distribution"]["kind"] != "points":
        return None
    return Spread(row["score"], statistics.counted_sd(row["distribution"]["counts"]), row["n"])


# What stands out


@dataclass(frozen=True)
class StandingOut:
    """Keys of dimensions or items, the furthest from the middle first."""

    strengths: tuple[str, ...]
    gaps: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.strengths or self.gaps)


def dimensions_standing_out(figures: Mapping[str, Any], points: int) -> StandingOut:
    """The dimensions whose whole interval lies above, or below, the overall mean.

    The same people answered both, so the interval of their difference would be narrower
    still: the rule is cautious.
    """
    overall = figures["overall"]
    rows = [row for row in figures["dimensions"] if row["published"]]
    if not overall["published"] or len(rows) < 2:
        return StandingOut((), ())
    distances = {
        row["key"]: row["mean"] - overall["mean"]
        for row in rows
        if not row["interval"]["low"] <= overall["mean"] <= row["interval"]["high"]
    }
    return _sorted(distances, points)


def items_standing_out(instrument: Instrument, figures: Mapping[str, Any]) -> StandingOut:
    """Up to three items each way that lie clear of the mean of all statements.

    Clear of it: the item's t interval leaves the mean out, at the level 1 − 0.05/m for m
    items, since the more are looked at, the more stand out by chance (Dunn 1961, Journal
    of the American Statistical Association 56). Only where ten or more answered. None of an
    evaluation, whose statements are of different things.
    """
    if instrument.key == EVALUATION:
        return StandingOut((), ())
    shown = {
        row["key"]: spread
        for row in item_rows(figures)
        if instrument.by_key[row["key"]].kind == instrument.agreement
        if (spread := spread_of(row, instrument.by_key[row["key"]]))
    }
    if len(shown) < 2:
        return StandingOut((), ())
    middle = statistics.mean([spread.mean for spread in shown.values()])
    level = 1 - (1 - LEVEL) / len(shown)
    distances = {
        key: spread.mean - middle
        for key, spread in shown.items()
        if abs(spread.mean - middle) > statistics.half_width(spread.sd, spread.n, level)
    }
    return _sorted(distances, instrument.points, MOST_NAMED)


def _sorted(distances: Mapping[str, float], points: int, most: int | None = None) -> StandingOut:
    least = SMALLEST * (points - 1)
    far = sorted(distances.items(), key=lambda pair: -abs(pair[1]))
    return StandingOut(
        tuple(key for key, distance in far if distance >= least)[:most],
        tuple(key for key, distance in far if distance <= -least)[:most],
    )


def item_rows(figures: Mapping[str, Any]) -> list[Figure]:
    """All items of a published snapshot, those of the dimensions first."""
    return [*(i for row in figures["dimensions"] for i in row["items"]), *figures["items"]]


# From one survey to the next


@dataclass(frozen=True)
class Wave:
    """A closed survey of a team: what was asked, and what came of it."""

    survey_id: UUID
    closed_on: date
    instrument: Instrument
    figures: Mapping[str, Any]

    @property
    def published(self) -> bool:
        """Whether there is a result."""
        return bool(self.figures["published"])

    def row(self, key: str) -> Figure | None:
        """The overall figure, a dimension's or an item's; ``None`` where there is none."""
        if not self.published:
            return None
        rows = [self.figures["overall"], *self.figures["dimensions"], *item_rows(self.figures)]
        return next((row for row in rows if row["key"] == key and row["published"]), None)

    def spread(self, key: str) -> Spread | None:
        """What a comparison of this figure needs."""
        row = self.row(key)
        return spread_of(row, self.instrument.by_key.get(key)) if row else None

    def basis(self, key: str) -> frozenset[tuple[object, ...]]:
        """The items that a figure rests on, as they were worded."""
        shown = (
            self.instrument.by_key[row["key"]]
            for row in item_rows(self.figures)
            if row["published"]
        )
        return frozenset(
            (item.key, item.kind, item.reversed, item.text)
            for item in shown
            if key in (item.key, item.dimension) or (key == OVERALL and item.dimension)
        )


def before(waves: Sequence[Wave]) -> Wave | None:
    """The wave that the last one is compared with: the newest before it that shows a result.

    ``None`` where the last one shows none itself.
    """
    if not waves or not waves[-1].published:
        return None
    return next((earlier for earlier in waves[-2::-1] if earlier.published), None)


def followed(wave: Wave) -> tuple[str, ...]:
    """The keys of what is followed over time: overall, dimensions, and scales from 0 to 10.

    Single statements too where there are no dimensions.
    """
    instrument = wave.instrument
    kinds = {SCALE10} if instrument.dimensions else {SCALE10, *POINTS}
    whole = [OVERALL, *(d.key for d in instrument.dimensions)] if instrument.dimensions else []
    return (*whole, *(item.key for item in instrument.items if item.kind in kinds))


def ends_of_scale(instrument: Instrument, key: str) -> tuple[int, int]:
    """The lowest and the highest point on which a figure lies."""
    item = instrument.by_key.get(key)
    if item is not None and item.kind == SCALE10:
        return 0, TOP
    return 1, POINTS[item.kind] if item else instrument.points


def obstacle(before: Wave, after: Wave, key: str) -> str | None:
    """Why a figure of two waves can't be compared, or ``None`` where it can.

    It can where both show it, on the same scale, from the same items in the same words.
    """
    if before.row(key) is None or after.row(key) is None:
        return NOT_SHOWN
    kinds = [{item[1] for item in wave.basis(key)} for wave in (before, after)]
    if kinds[0] != kinds[1]:
        return OTHER_SCALE
    if before.basis(key) != after.basis(key):
        return OTHER_ITEMS
    return None


@dataclass(frozen=True)
class Change:
    """How a figure has changed; ``obstacle`` says why it can't be told, then without figures.

    ``low`` and ``high`` are the 95 % interval of the difference, in points of the scale.
    """

    key: str
    obstacle: str | None = None
    before: float = 0.0
    after: float = 0.0
    low: float = 0.0
    high: float = 0.0

    @property
    def difference(self) -> float:
        """By how much the mean is higher than it was."""
        return round(self.after - self.before, 2) + 0.0

    @property
    def verdict(self) -> str:
        """HIGHER or LOWER where the interval leaves zero out, else SAME: no detectable change."""
        if self.low > 0:
            return HIGHER
        return LOWER if self.high < 0 else SAME


def change(before: Wave, after: Wave, key: str) -> Change:
    """The change of one figure, unpaired, as answers of two surveys can't be linked."""
    found = obstacle(before, after, key)
    if found is not None:
        return Change(key, found)
    was, now = before.spread(key), after.spread(key)
    if was is None or now is None:
        return Change(key, NO_SPREAD)
    low, high = statistics.difference_interval(
        (was.mean, was.sd, was.n), (now.mean, now.sd, now.n), LEVEL
    )
    return Change(key, None, was.mean, now.mean, round(low, 2) + 0.0, round(high, 2) + 0.0)


@dataclass(frozen=True)
class Point:
    """One wave in a trend; ``figure`` is ``None`` where it shows none.

    ``x`` runs from 0 to 1 by date; ``joined`` says that a line leads here from the wave
    before: both show the figure, and the two can be compared.
    """

    day: date
    x: float
    figure: Figure | None
    joined: bool


def trend(waves: Sequence[Wave], key: str) -> list[Point]:
    """One figure over the waves, oldest first."""
    first, last = waves[0].closed_on, waves[-1].closed_on
    days = (last - first).days or 1
    return [
        Point(
            wave.closed_on,
            (wave.closed_on - first).days / days if last != first else (number + 0.5) / len(waves),
            wave.row(key),
            number > 0 and obstacle(waves[number - 1], wave, key) is None,
        )
        for number, wave in enumerate(waves)
    ]


@dataclass(frozen=True)
class Mark:
    """A workshop that was run after the first wave and before the last; ``x`` as a point's.

    Marks are numbered from 1 by date. ``flag`` is what stands above the line: its number, or
    the numbers of all that would lie on one another; empty where an earlier flag has it.
    """

    number: int
    day: date
    title: str
    x: float
    flag: str


FLAG = 0.1
"""Marks nearer to each other than this share a flag; so wide is one on a phone."""


def marks(waves: Sequence[Wave], ran: Sequence[Ran]) -> list[Mark]:
    """Where the workshops stand in the trend, by date. Those of other times are left out.

    Of the day on which a survey closed it comes after it: most close as the day begins.
    """
    first, last = waves[0].closed_on, waves[-1].closed_on
    days = (last - first).days
    if not days:
        return []
    between = sorted((one for one in ran if first <= one.on < last), key=lambda one: one.on)
    places = [(one.on - first).days / days for one in between]
    groups: list[list[int]] = []
    for number, x in enumerate(places):
        if not groups or x - places[groups[-1][0]] >= FLAG:
            groups.append([])
        groups[-1].append(number)
    flags = {
        group[0]: str(group[0] + 1) if len(group) == 1 else f"{group[0] + 1}–{group[-1] + 1}"
        for group in groups
    }
    return [
        Mark(number + 1, one.on, one.title, places[number], flags.get(number, ""))
        for number, one in enumerate(between)
    ]


# Several teams


def pooled(rows: Sequence[Figure], points: int) -> dict[str, Any] | None:
    """One figure over several teams' published figures, in the shape of theirs.

    As if all answers lay in one heap: n is the sum, the mean is weighted by n, and the
    variance adds that within the teams to that between their means. Everything comes from
    the n, mean and sd that the teams' own results show. A team whose figure isn't
    published takes part in nothing, so there is no remainder that could be worked out.
    ``None`` for fewer than two published figures.
    """
    shown = [row for row in rows if row["published"]]
    if len(shown) < 2:
        return None
    n = sum(row["n"] for row in shown)
    mean = sum(row["n"] * row["mean"] for row in shown) / n
    within = sum((row["n"] - 1) * row["sd"] ** 2 for row in shown)
    between = sum(row["n"] * (row["mean"] - mean) ** 2 for row in shown)
    sd = ((within + between) / (n - 1)) ** 0.5
    half = statistics.half_width(sd, n, LEVEL)
    return {
        "key": shown[0]["key"],
        "published": True,
        "n": n,
        "teams": len(shown),
        "mean": round(mean, 2),
        "sd": round(sd, 2),
        "interval": {
            "level": LEVEL,
            "low": round(max(1.0, mean - half), 2),
            "high": round(min(float(points), mean + half), 2),
            "clipped": mean - half < 1 or mean + half > points,
            "indicative": False,
        },
    }
