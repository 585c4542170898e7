"""Our own statistics against published data, and against scipy."""

import math

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy import special
from scipy import stats as oracle

from trustivide.surveys import statistics

# Student (1908), "The probable error of a mean", Biometrika 6, p. 20: hours of sleep
# gained by ten patients with two drugs, as printed.
SLEEP_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SLEEP_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]

answers = st.lists(st.integers(1, 5), min_size=1, max_size=40)
scores = st.lists(st.integers(4, 20).map(lambda n: n / 4), min_size=1, max_size=40)


@pytest.mark.parametrize("p", [0.95, 0.975, 0.995])
def test_quantiles_agree_with_the_oracle(p: float) -> None:
    for df in range(1, 201):
        assert abs(statistics.t_quantile(p, df) - oracle.t.ppf(p, df)) < 1e-8, df


@given(p=st.floats(0.001, 0.999), df=st.floats(1, 300))
@example(p=0.5, df=4)
def test_quantiles_of_broken_degrees_of_freedom_agree_too(p: float, df: float) -> None:
    assert statistics.t_quantile(p, df) == pytest.approx(oracle.t.ppf(p, df), rel=1e-8, abs=1e-8)


@given(p=st.floats(0.01, 0.99), df=st.integers(1, 100))
def test_quantile_and_distribution_function_are_inverse(p: float, df: int) -> None:
    assert statistics.t_cdf(statistics.t_quantile(p, df), df) == pytest.approx(p, abs=1e-12)


@given(x=st.floats(0, 1), a=st.floats(0.1, 150), b=st.floats(0.1, 150))
def test_incomplete_beta_agrees_with_the_oracle(x: float, a: float, b: float) -> None:
    assert statistics.incomplete_beta(x, a, b) == pytest.approx(
        special.betainc(a, b, x), rel=1e-9, abs=1e-12
    )


def test_the_t_table_that_textbooks_print() -> None:
    table = {4: 2.776, 6: 2.447, 9: 2.262, 14: 2.145, 19: 2.093}
    for df, printed in table.items():
        assert round(statistics.t_quantile(0.975, df), 3) == printed


@given(values=st.lists(st.integers(1, 7), min_size=2, max_size=40))
def test_a_spread_from_counts_is_the_spread_of_the_answers(values: list[int]) -> None:
    counts = [values.count(point) for point in range(1, 8)]
    assert statistics.counted_sd(counts) == pytest.approx(statistics.sample_sd(values), abs=1e-12)
    with pytest.raises(ValueError, match="two"):
        statistics.counted_sd([0, 1, 0])


def test_students_sleep_data() -> None:
    gained = [b - a for a, b in zip(SLEEP_1, SLEEP_2, strict=True)]
    assert statistics.mean(gained) == pytest.approx(1.58)
    assert round(statistics.sample_sd(gained), 2) == 1.23
    low, high = statistics.confidence_interval(gained)
    # The interval that textbooks and R's t.test(paired = TRUE) give for these data.
    assert (round(low, 4), round(high, 4)) == (0.7001, 2.4599)


def test_welch_on_the_sleep_data() -> None:
    before, after = (
        (statistics.mean(data), statistics.sample_sd(data), len(data))
        for data in (SLEEP_1, SLEEP_2)
    )
    low, high = statistics.difference_interval(before, after)
    # R's t.test(extra ~ group, data = sleep), with the sign of after minus before.
    assert (round(low, 4), round(high, 4)) == (-0.2055, 3.3655)


@given(values=scores, level=st.sampled_from([0.9, 0.95, 0.99]))
def test_intervals_agree_with_the_oracle(values: list[float], level: float) -> None:
    assume(len(set(values)) > 1)
    expected = oracle.t.interval(
        level, len(values) - 1, loc=sum(values) / len(values), scale=oracle.sem(values)
    )
    assert statistics.confidence_interval(values, level) == pytest.approx(expected, abs=1e-8)


@given(
    first=scores.filter(lambda v: len(set(v)) > 1), second=scores.filter(lambda v: len(set(v)) > 1)
)
def test_changes_agree_with_the_oracle(first: list[float], second: list[float]) -> None:
    expected = oracle.ttest_ind(second, first, equal_var=False).confidence_interval(0.95)
    before, after = ((statistics.mean(v), statistics.sample_sd(v), len(v)) for v in (first, second))
    got = statistics.difference_interval(before, after)
    assert got == pytest.approx((expected.low, expected.high), abs=1e-8)


@pytest.mark.parametrize(("n", "half"), [(5, 0.99), (7, 0.74), (10, 0.57), (15, 0.44), (20, 0.37)])
def test_half_widths_that_we_promise_in_words(n: int, half: float) -> None:
    assert round(statistics.half_width(0.8, n), 2) == half


def test_a_unanimous_group_has_an_interval_without_width() -> None:
    assert statistics.confidence_interval([4.0] * 6) == (4.0, 4.0)
    assert statistics.difference_interval((4.0, 0.0, 6), (5.0, 0.0, 5)) == (1.0, 1.0)


def test_agreement_within_a_group() -> None:
    assert statistics.uniform_variance(5) == 2.0
    assert statistics.uniform_variance(7) == 4.0
    assert statistics.rwg_j([0.0, 0.0]) == 1.0
    assert statistics.rwg_j([0.5, 1.0, 1.5, 1.0]) == 0.5
    assert statistics.rwg_j([2.0]) == 0.0
    # Doubling the items changes nothing: that is what sets r*wg(j) apart from rwg(j).
    assert statistics.rwg_j([0.5, 1.5] * 2) == statistics.rwg_j([0.5, 1.5])


def test_a_split_team_is_below_chance_and_not_cut_off() -> None:
    split = statistics.sample_variance([1, 1, 1, 5, 5, 5])
    assert statistics.rwg_j([split]) < -1


@given(values=answers.filter(lambda v: len(v) > 1))
def test_agreement_is_blind_to_reversal(values: list[int]) -> None:
    turned = [statistics.reverse(value) for value in values]
    assert statistics.rwg_j([statistics.sample_variance(values)]) == pytest.approx(
        statistics.rwg_j([statistics.sample_variance(turned)])
    )


@given(values=answers)
def test_reversal_is_its_own_inverse_and_mirrors_the_mean(values: list[int]) -> None:
    turned = [statistics.reverse(value) for value in values]
    assert [statistics.reverse(value) for value in turned] == values
    assert statistics.mean(turned) == pytest.approx(6 - statistics.mean(values))
    assert statistics.reverse(1, points=7) == 7


@given(values=scores)
def test_distributions_count_everyone_once(values: list[float]) -> None:
    assert sum(statistics.distribution(values)) == len(values)
    assert sum(statistics.bands(values)) == len(values)


@given(values=answers)
def test_whole_answers_fall_on_their_own_point(values: list[int]) -> None:
    assert statistics.distribution(values) == [values.count(point) for point in range(1, 6)]


@given(values=scores)
def test_reversing_every_value_mirrors_the_distribution(values: list[float]) -> None:
    turned = [statistics.reverse(value) for value in values]
    assert statistics.distribution(turned) == statistics.distribution(values)[::-1]
    assert statistics.bands(turned) == statistics.bands(values)[::-1]


def test_bands_tell_the_sides_of_the_middle_apart() -> None:
    assert statistics.bands([1, 2, 2.4, 2.5, 3, 3.5, 3.6, 5]) == [3, 3, 2]
    assert statistics.bands([1, 4, 7], points=7) == [1, 1, 1]


@given(values=scores, data=st.data())
def test_no_figure_depends_on_the_order_of_answers(
    values: list[float], data: st.DataObject
) -> None:
    assume(len(values) > 1)
    shuffled = data.draw(st.permutations(values))
    assert statistics.mean(shuffled) == statistics.mean(values)
    assert statistics.sample_sd(shuffled) == statistics.sample_sd(values)


def test_too_few_values_and_values_off_the_scale_are_refused() -> None:
    for call in (
        lambda: statistics.mean([]),
        lambda: statistics.sample_sd([3]),
        lambda: statistics.confidence_interval([3]),
        lambda: statistics.half_width(1, 1),
        lambda: statistics.difference_interval((3, 1, 1), (3, 1, 9)),
        lambda: statistics.distribution([0.9]),
        lambda: statistics.distribution([6]),
        lambda: statistics.bands([1], points=4),
        lambda: statistics.t_quantile(1, 5),
        lambda: statistics.t_quantile(0.9, 0),
        lambda: statistics.incomplete_beta(1.1, 1, 1),
    ):
        with pytest.raises(ValueError, match=r"."):
            call()


def test_the_far_tail_stays_finite() -> None:
    assert statistics.t_cdf(0, 5) == 0.5
    assert math.isfinite(statistics.t_quantile(0.9999, 1))
