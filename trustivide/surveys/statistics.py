"""Small-sample statistics for survey results: plain functions over plain numbers.

Written here because the web process imports no scientific library; the tests hold every
function against one. Sums are exact, so that no figure depends on the order of answers.
"""

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

POINTS_FROM = 10
"""From so many answers on, a distribution shows every point; below, three bands."""


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean. Raises ``ValueError`` without values."""
    if not values:
        raise ValueError("a mean needs at least one value")
    return math.fsum(values) / len(values)


def sample_variance(values: Sequence[float]) -> float:
    """The unbiased variance (n − 1). Raises ``ValueError`` below two values."""
    if len(values) < 2:
        raise ValueError("a variance needs at least two values")
    centre = mean(values)
    return math.fsum((value - centre) ** 2 for value in values) / (len(values) - 1)


def sample_sd(values: Sequence[float]) -> float:
    """The sample standard deviation (n − 1). Raises ``ValueError`` below two values."""
    return math.sqrt(sample_variance(values))


def counted_sd(counts: Sequence[int]) -> float:
    """:func:`sample_sd` of the points 1, 2 …, given how often each was chosen.

    In whole numbers, and as fast for many answers as for few. Raises ``ValueError`` below
    two answers.
    """
    n = sum(counts)
    if n < 2:
        raise ValueError("a variance needs at least two values")
    total = sum(point * count for point, count in enumerate(counts, 1))
    squares = sum(point * point * count for point, count in enumerate(counts, 1))
    return math.sqrt((n * squares - total * total) / (n * (n - 1)))


def incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), for 0 ≤ x ≤ 1 and a, b > 0.

    Continued fraction DLMF 8.17.22 (https://dlmf.nist.gov/8.17.E22) by Lentz's method as
    modified by Thompson & Barnett (1986, Journal of Computational Physics 64), on the
    side of the symmetry I_x(a, b) = 1 − I_{1−x}(b, a) where it converges fast.
    """
    if not 0 <= x <= 1 or a <= 0 or b <= 0:
        raise ValueError("I_x(a, b) needs 0 ≤ x ≤ 1 and positive a and b")
    return _incomplete_beta(x, 1 - x, a, b)


def _incomplete_beta(x: float, rest: float, a: float, b: float) -> float:
    # ``rest`` is 1 − x; callers who know it better than the subtraction hand it in.
    if x == 0 or rest == 0:
        return 0.0 if x == 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(rest, x, b, a)
    log_front = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    )
    return math.exp(log_front) / a * _beta_fraction(x, a, b)


def _beta_fraction(x: float, a: float, b: float) -> float:
    tiny = 1e-300
    c = 1.0
    d = 1 / ((1 - (a + b) * x / (a + 1)) or tiny)
    fraction = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for step in (even, odd):
            d = 1 / ((1 + step * d) or tiny)
            c = (1 + step / c) or tiny
            fraction *= c * d
        if abs(c * d - 1) < 1e-16:
            break
    return fraction


def t_cdf(t: float, df: float) -> float:
    """P(T ≤ t) for Student's t with ``df`` > 0 degrees of freedom, not always whole.

    By the incomplete beta function: Abramowitz & Stegun 26.7.1 with 26.5.27.
    """
    if df <= 0:
        raise ValueError("degrees of freedom are positive")
    square = t * t
    tail = _incomplete_beta(df / (df + square), square / (df + square), df / 2, 0.5) / 2
    return 1 - tail if t > 0 else tail


@lru_cache(maxsize=1024)
def t_quantile(p: float, df: float) -> float:
    """The t for which P(T ≤ t) = ``p``, 0 < p < 1, within 1e-8 for usual levels.

    Bisection on :func:`t_cdf` down to neighbouring floating-point numbers.
    """
    if not 0 < p < 1:
        raise ValueError("a quantile needs a probability between 0 and 1")
    if p < 0.5:
        return -t_quantile(1 - p, df)
    low, high = 0.0, 1.0
    while t_cdf(high, df) < p:
        low, high = high, high * 2
    while low < (middle := (low + high) / 2) < high:
        if t_cdf(middle, df) < p:
            low = middle
        else:
            high = middle
    return low if p == 0.5 else high


def half_width(sd: float, n: int, level: float = 0.95) -> float:
    """Half the width of the t interval for a mean: t(n − 1) · sd / √n. Needs n ≥ 2."""
    if n < 2:
        raise ValueError("an interval needs at least two values")
    return t_quantile((1 + level) / 2, n - 1) * sd / math.sqrt(n)


def confidence_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """The two-sided t interval for the mean (Student 1908, Biometrika 6), not clipped.

    Raises ``ValueError`` below two values.
    """
    centre, half = mean(values), half_width(sample_sd(values), len(values), level)
    return centre - half, centre + half


def difference_interval(
    before: tuple[float, float, int], after: tuple[float, float, int], level: float = 0.95
) -> tuple[float, float]:
    """The interval for the change of a mean between two unpaired groups (mean, sd, n).

    Welch's interval with Satterthwaite's degrees of freedom (Welch 1947, Biometrika 34):
    the groups may differ in size and in spread. Answers of two surveys can't be linked,
    hence unpaired. Both sd zero gives an interval without width.
    """
    (mean_1, sd_1, n_1), (mean_2, sd_2, n_2) = before, after
    if min(n_1, n_2) < 2:
        raise ValueError("an interval needs at least two values on either side")
    part_1, part_2 = sd_1**2 / n_1, sd_2**2 / n_2
    change, variance = mean_2 - mean_1, part_1 + part_2
    if variance == 0:
        return change, change
    df = variance**2 / (part_1**2 / (n_1 - 1) + part_2**2 / (n_2 - 1))
    half = t_quantile((1 + level) / 2, df) * math.sqrt(variance)
    return change - half, change + half


def uniform_variance(points: int) -> float:
    """The variance of answering ``points`` options by chance, (A² − 1)/12; 2.0 for five."""
    return (points**2 - 1) / 12


def rwg_j(item_variances: Sequence[float], points: int = 5) -> float:
    """Agreement within a group over several items, r*wg(j), with a uniform null.

    One minus the mean of the items' sample variances over (A² − 1)/12: Lindell, Brandt &
    Whitney (1999), Applied Psychological Measurement 23, 127–135. Unlike rwg(j) it doesn't
    grow with the number of items. 1 is complete agreement, 0 is what chance would give,
    and a negative value is a group more divided than chance: the value is returned as it
    is, since cutting at 0 would hide a split team. Reversing an item changes nothing.
    """
    return 1 - mean(item_variances) / uniform_variance(points)


def cronbach_alpha(rows: Iterable[Sequence[int]]) -> float:
    """How well several items hang together, from complete answers: one row for each person.

    α = k / (k − 1) · (1 − Σ s²ᵢ / s²), with the variance of each of the k items and of
    the rows' sums (Cronbach 1951, Psychometrika 16, 297–334). Reversed items are turned
    before. Sums are of whole numbers and thus exact; rows are read once, not kept.
    Raises ``ValueError`` below two items or two rows, and where every sum is the same.
    """
    n, linear, square, whole, whole_square = 0, [0], [0], 0, 0
    for row in rows:
        if n == 0:
            linear, square = [0] * len(row), [0] * len(row)
        n += 1
        for place, value in enumerate(row):
            linear[place] += value
            square[place] += value * value
        whole += sum(row)
        whole_square += sum(row) ** 2
    # n² times each variance: the n − 1 of sample variances cancels out.
    total = n * whole_square - whole * whole
    if len(linear) < 2 or total == 0:
        raise ValueError("alpha needs two items, two rows and sums that differ")
    parts = sum(n * two - one * one for one, two in zip(linear, square, strict=True))
    return len(linear) / (len(linear) - 1) * (1 - parts / total)


def reverse(value: float, points: int = 5) -> float:
    """The score of an answer to a reversed item: 1 becomes ``points``, and back."""
    return points + 1 - value


def distribution(values: Sequence[float], points: int = 5) -> list[int]:
    """How many values lie nearest to each of 1 … ``points``; sums to their number.

    Means between two points go to the one nearer the middle, so that reversing every
    value mirrors the result. Raises ``ValueError`` for a value off the scale.
    """
    counts = [0] * points
    for value in values:
        counts[_nearest(value, points) - 1] += 1
    return counts


def bands(values: Sequence[float], points: int = 5) -> list[int]:
    """How many values lie below, at and above the middle point; sums to their number.

    Points are told apart as in :func:`distribution`, of which this is the coarser view
    for small groups. ``points`` is odd.
    """
    if points % 2 == 0:
        raise ValueError("three bands need a middle point")
    counts, middle = distribution(values, points), points // 2
    return [sum(counts[:middle]), counts[middle], sum(counts[middle + 1 :])]


def scale_counts(ratings: Sequence[int], top: int = 10) -> list[int]:
    """How many chose each of 0 … ``top``; sums to their number.

    Raises ``ValueError`` for a rating off the scale.
    """
    counts = [0] * (top + 1)
    for rating in ratings:
        if not 0 <= rating <= top:
            raise ValueError("a value lies off the scale")
        counts[rating] += 1
    return counts


def scale_bands(ratings: Sequence[int]) -> list[int]:
    """How many chose 0–3, 4–6 and 7–10: the ends alike in size, so that turning mirrors it."""
    counts = scale_counts(ratings)
    return [sum(counts[:4]), sum(counts[4:7]), sum(counts[7:])]


def outwards(low: float, high: float) -> tuple[float, float]:
    """The nearest whole numbers that hold the interval between them."""
    return float(math.floor(low)), float(math.ceil(high))


def _nearest(value: float, points: int) -> int:
    if not 1 <= value <= points:
        raise ValueError("a value lies off the scale")
    if value <= (points + 1) / 2:
        return math.floor(value + 0.5)
    return math.ceil(value - 0.5)
