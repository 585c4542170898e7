"""Our figures against examples in print and against independent computations of them.

numpy and scipy are the oracles here and nowhere else. Student's sleep data, which the
intervals are held against too, stand in test_statistics.
"""

import random

import numpy as np
import pytest
from scipy import stats as oracle

from tests.surveys.test_item_figures import READY, row
from tests.surveys.test_snapshot import SMALL, by_key, compute
from trustivide.surveys import statistics
from trustivide.surveys.catalogue import Answer

# Moore & McCabe, Introduction to the Practice of Statistics, the example of the t test for
# two groups: degree of reading power of pupils with and without directed reading.
DIRECTED = [24, 43, 58, 71, 43, 49, 61, 44, 67, 49, 53, 56, 59, 52, 62, 54, 57, 33, 46, 43, 57]
CONTROL = [42, 43, 55, 26, 62, 37, 33, 41, 19, 54, 20, 85, 46, 10, 17, 60, 53, 42, 37, 42]
CONTROL += [55, 28, 48]

# Chatterjee & Price (1977), Regression Analysis by Example: percentages of favourable
# answers to seven questions in thirty departments; the data set "attitude" of R.
ATTITUDE = """
43 51 30 39 61 92 45  63 64 51 54 63 73 47  71 70 68 69 76 86 48  61 63 45 47 54 84 35
81 78 56 66 71 83 47  43 55 49 44 54 49 34  58 67 42 56 66 68 35  71 75 50 55 70 66 41
72 82 72 67 71 83 31  67 61 45 47 62 80 41  64 53 53 58 58 67 34  67 60 47 39 59 74 41
69 62 57 42 55 63 25  68 83 83 45 59 77 35  77 77 54 72 79 77 46  81 90 50 72 60 54 36
74 85 64 69 79 79 63  65 60 65 75 55 80 60  65 70 46 57 75 85 46  50 58 68 54 64 78 52
50 40 33 34 43 64 33  64 61 52 62 66 80 41  53 66 52 50 63 80 37  40 37 42 58 50 57 49
63 54 42 48 66 75 33  66 77 66 63 88 76 72  78 75 58 74 80 78 49  48 57 44 45 51 83 38
85 85 71 71 77 74 55  82 82 39 59 64 78 39
"""

ROUNDED = 0.0051
"""What two decimals may be off, and a little for numbers that lie just between two."""


def test_welch_on_two_groups_of_pupils() -> None:
    groups = [(statistics.mean(g), statistics.sample_sd(g), len(g)) for g in (CONTROL, DIRECTED)]
    printed = [(41.52, 17.15, 23), (51.48, 11.01, 21)]
    assert [(round(m, 2), round(sd, 2), n) for m, sd, n in groups] == printed
    low, high = statistics.difference_interval(groups[0], groups[1])
    # R's t.test and the book's software: t = 2.31, df = 37.9, 1.2 to 18.7.
    assert (round(low, 2), round(high, 2)) == (1.23, 18.68)
    expected = oracle.ttest_ind(DIRECTED, CONTROL, equal_var=False).confidence_interval()
    assert (low, high) == pytest.approx((expected.low, expected.high))


def test_alpha_of_the_thirty_departments() -> None:
    flat = [int(figure) for figure in ATTITUDE.split()]
    rows = [flat[at : at + 7] for at in range(0, len(flat), 7)]
    assert [round(mean, 1) for mean in np.mean(rows, axis=0)] == [
        *(64.6, 66.6, 53.1, 56.4),
        *(64.6, 74.8, 42.9),
    ], "the means that R's manual prints"
    alpha = statistics.cronbach_alpha(rows)
    # psych::alpha(attitude) gives raw_alpha 0.84 (Revelle, package psych).
    assert round(alpha, 2) == 0.84
    covariance = np.cov(np.array(rows).T)
    assert alpha == pytest.approx(7 / 6 * (1 - np.trace(covariance) / covariance.sum()))


def test_alpha_needs_items_people_and_differences() -> None:
    assert statistics.cronbach_alpha([[1, 1], [2, 2], [5, 5]]) == 1.0
    assert statistics.cronbach_alpha([[1, 2], [2, 1], [3, 4], [4, 3]]) == pytest.approx(0.75)
    for rows in ([], [[1, 2]], [[1], [2]], [[3, 3], [3, 3]], [[1, 2], [2, 1]]):
        with pytest.raises(ValueError, match="alpha"):
            statistics.cronbach_alpha(rows)


@pytest.mark.parametrize("seed", range(5))
def test_a_whole_snapshot_against_numpy_and_scipy(seed: int) -> None:
    rng = random.Random(seed)
    n = rng.randint(5, 30)
    rated = [item for item in SMALL.items if item.dimension == "care"]
    sets: list[dict[str, Answer]] = [
        {item.key: rng.randint(1, 5) for item in SMALL.items if item.kind == "agreement5"}
        for _ in range(n)
    ]
    care = by_key(compute(sets)["dimensions"])["care"]
    answers = np.array([[s[item.key] for item in rated] for s in sets], dtype=float)
    scores = np.where([item.reversed for item in rated], 6 - answers, answers)
    people = scores.mean(axis=1)
    assert care["mean"] == pytest.approx(people.mean(), abs=ROUNDED)
    assert care["sd"] == pytest.approx(people.std(ddof=1), abs=ROUNDED)
    ends = oracle.t.interval(0.95, n - 1, loc=people.mean(), scale=oracle.sem(people))
    shown = (care["interval"]["low"], care["interval"]["high"])
    assert shown == pytest.approx(np.clip(ends, 1, 5), abs=ROUNDED)
    # The null variance from the distribution itself, not from (A² − 1) / 12.
    agreement = 1 - answers.var(axis=0, ddof=1).mean() / oracle.randint(1, 6).var()
    assert care["agreement"] == pytest.approx(agreement, abs=ROUNDED)

    ratings = [rng.randint(0, 10) for _ in range(n)]
    ready = row(READY, ratings)
    low, high = oracle.t.interval(0.95, n - 1, loc=np.mean(ratings), scale=oracle.sem(ratings))
    if n < 10:
        low, high = np.floor(low), np.ceil(high)
    expected = np.clip((low, high), 0, 10)
    assert (ready["interval"]["low"], ready["interval"]["high"]) == pytest.approx(
        expected, abs=ROUNDED
    )
    edges = np.arange(12) if n >= 10 else [0, 4, 7, 11]
    assert ready["distribution"]["counts"] == np.histogram(ratings, bins=edges)[0].tolist()
