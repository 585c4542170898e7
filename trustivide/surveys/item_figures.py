"""What one item's answers come to, where at least *k* people gave one.

Small groups get coarser figures, so that the figures don't say who answered what:

* Below 10 answers a distribution has three bands instead of its points. On the scale
  from 0 to 10 the interval is rounded outwards to whole points too: from an exact mean
  and an exact spread the single answers of five people could be worked out again.
* Below 10 answers a choice has a word per option instead of a count. "some" is one
  person or more, but never surely one alone: where with so few answers and so many
  options it would have to be, nobody is told whether it is anybody, and the word is
  "less_than_half". With one option taken by half or more, ⌊n/2⌋ people at most are left
  for the others, who each need one of them and one to spare. The rule looks at numbers
  of answers and options alone; were it to look at the answers, the word would tell.
* A choice needs five answers, whatever *k* is: four people and four words fit one way.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from trustivide.surveys import statistics
from trustivide.surveys.catalogue import MULTIPLE, POINTS, TOP, Item

LEVEL = 0.95
CHOICE_FROM = 5
"""A choice is shown from so many answers on, or from k if that is more."""

# How many chose an option, in words. Half is half of those who answered.
NONE = "none"
SOME = "some"
LESS_THAN_HALF = "less_than_half"
HALF_OR_MORE = "half_or_more"

Rating = int
Chosen = Sequence[str]


def rating_row(item: Item, ratings: Sequence[Rating]) -> dict[str, Any]:
    """Agreement as it was answered: a reversed item isn't turned, ``score`` is."""
    average = Fraction(sum(ratings), len(ratings))
    return {
        "mean": rounded(average),
        "score": rounded(scored(average, item)),
        "distribution": distribution(ratings, POINTS[item.kind]),
    }


def scale_row(ratings: Sequence[Rating], *, indicative: bool) -> dict[str, Any]:
    """A scale from 0 to 10: mean, interval and eleven points or the bands 0–3, 4–6, 7–10."""
    centre = statistics.mean(ratings)
    fine = len(ratings) >= statistics.POINTS_FROM
    spread = statistics.half_width(statistics.sample_sd(ratings), len(ratings), LEVEL)
    return {
        "mean": rounded(centre),
        "interval": interval(
            centre, spread, low=0, high=TOP, indicative=indicative, whole_points=not fine
        ),
        "distribution": {
            "kind": "points" if fine else "bands",
            "counts": statistics.scale_counts(ratings) if fine else statistics.scale_bands(ratings),
        },
    }


def choice_row(item: Item, chosen: Sequence[Chosen]) -> dict[str, Any]:
    """Each option in the item's order with its ``count``, or below 10 answers its ``share``."""
    counts = {option.key: sum(option.key in answer for answer in chosen) for option in item.options}
    n = len(chosen)
    if n >= statistics.POINTS_FROM:
        return {"options": [{"key": key, "count": count} for key, count in counts.items()]}
    tells_none = _tells_none(item, n)
    return {
        "options": [
            {"key": key, "share": _share(count, n, tells_none=tells_none)}
            for key, count in counts.items()
        ]
    }


def _tells_none(item: Item, n: int) -> bool:
    return item.kind == MULTIPLE or n // 2 >= len(item.options)


def _share(count: int, n: int, *, tells_none: bool) -> str:
    if 2 * count >= n:
        return HALF_OR_MORE
    if not tells_none:
        return LESS_THAN_HALF
    return SOME if count else NONE


def interval(
    centre: float,
    half_width: float,
    *,
    low: int,
    high: int,
    indicative: bool,
    whole_points: bool = False,
) -> dict[str, Any]:
    """The interval around a mean, cut where the scale ends and then ``clipped``.

    ``whole_points`` widens it to the points of the scale around its ends.
    """
    bottom, top = max(float(low), centre - half_width), min(float(high), centre + half_width)
    if whole_points:
        bottom, top = statistics.outwards(bottom, top)
    return {
        "level": LEVEL,
        "low": rounded(bottom),
        "high": rounded(top),
        "clipped": centre - half_width < low or centre + half_width > high,
        "indicative": indicative,
    }


def distribution(values: Sequence[float], points: int) -> dict[str, Any]:
    """Counts per point from 10 answers on, below that in three bands."""
    if len(values) >= statistics.POINTS_FROM:
        return {"kind": "points", "counts": statistics.distribution(values, points)}
    return {"kind": "bands", "counts": statistics.bands(values, points)}


def scored(value: Fraction, item: Item) -> Fraction:
    """The value turned so that high is good."""
    return POINTS[item.kind] + 1 - value if item.reversed else value


def rounded(value: float | Fraction) -> float:
    """Two decimals, never "-0.0"."""
    return round(float(value), 2) + 0.0
