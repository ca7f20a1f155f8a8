"""Intervals of proportions against printed examples and against another program."""

from __future__ import annotations

import math

import pytest

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.proportions import (
    ContrastScale,
    one_proportion_intervals,
    score_interval,
    two_proportion_intervals,
)

# 56/70 against 48/80: the first contrast of table II in Newcombe 1998, Stat Med 17:873 (recalled, four decimals)
NEWCOMBE = {
    "Wald": (0.0575, 0.3425),
    "Wald with continuity correction": (0.0441, 0.3559),
    "Mee": (0.0533, 0.3377),
    "Miettinen-Nurminen": (0.0528, 0.3382),
    "Newcombe": (0.0524, 0.3339),
    "Newcombe with continuity correction": (0.0428, 0.3422),
}


@pytest.mark.parametrize("method", NEWCOMBE)
def test_difference_of_newcombes_example(method: str) -> None:
    found = two_proportion_intervals(ContrastScale.RD, (56, 70, 48, 80))[method]
    assert found == pytest.approx(NEWCOMBE[method], abs=5.1e-5)


@pytest.mark.parametrize(("events", "n"), [(15, 18), (0, 20), (20, 20), (81, 263)])
def test_one_proportion_against_scipy(events: int, n: int) -> None:
    from scipy.stats import binomtest

    names = {"Clopper-Pearson": "exact", "Wilson": "wilson", "Wilson with continuity correction": "wilsoncc"}
    found = one_proportion_intervals(events, n)
    for name, method in names.items():
        other = binomtest(events, n).proportion_ci(method=method)
        assert found[name] == pytest.approx((other.low, other.high), abs=1e-9), name


@pytest.mark.parametrize("scale", list(ContrastScale))
@pytest.mark.parametrize("counts", [(56, 70, 48, 80), (9, 10, 3, 10), (3, 500, 12, 480), (1, 30, 8, 31)])
def test_score_interval_turns_round_with_the_arms(scale: ContrastScale, counts: tuple[int, int, int, int]) -> None:
    low, high = score_interval(scale, counts)
    back = score_interval(scale, (counts[2], counts[3], counts[0], counts[1]))
    expected = (-high, -low) if scale is ContrastScale.RD else (1 / high, 1 / low)
    assert back == pytest.approx(expected, rel=1e-7)


def test_score_interval_without_correction_is_a_chi_squared_test_turned_round() -> None:
    from scipy.stats import chi2, chi2_contingency

    counts = (30, 100, 18, 100)
    statistic = chi2_contingency([[30, 70], [18, 82]], correction=False).statistic
    level = 100 * float(chi2.cdf(statistic, 1))
    ends = {ContrastScale.RD: 0.0, ContrastScale.RR: 1.0, ContrastScale.OR: 1.0}
    for scale, null in ends.items():  # at the level of its own p-value the interval ends at no difference
        assert score_interval(scale, counts, level, corrected=False)[0] == pytest.approx(null, abs=1e-7)


def test_without_events_a_ratio_is_open_or_absent() -> None:
    assert two_proportion_intervals(ContrastScale.RR, (0, 10, 5, 10))["Miettinen-Nurminen"][0] == 0
    assert math.isinf(score_interval(ContrastScale.RR, (5, 10, 0, 10))[1])
    assert set(two_proportion_intervals(ContrastScale.RR, (0, 10, 0, 10))) == {
        "Walter (0.5 added)",
        "Katz (0.5 in each cell)",
    }
    assert "Katz (Wald)" not in two_proportion_intervals(ContrastScale.RR, (0, 10, 5, 10))


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueRangeError, match="5 of 4"):
        one_proportion_intervals(5, 4)
    with pytest.raises(ValueRangeError):
        two_proportion_intervals(ContrastScale.OR, (1, 2, 3, 2))
