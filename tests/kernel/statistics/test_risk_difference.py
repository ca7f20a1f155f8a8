"""Risk differences against printed results of other programs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.proportions import ContrastScale, score_interval, two_proportion_intervals
from limus.kernel.statistics.risk_difference import DifferenceMethod, risk_difference, risk_difference_batch

# Tables of events and participants, arm under test then control. Sources: ratesci-sas, tests/v_scoreci.sas (release of
# 2025), which prints stratified Miettinen-Nurminen intervals of ratesci, of Klingenberg 2014 and of Lu 2008.
CISAPRIDE = [
    [15, 16, 9, 16], [12, 16, 1, 16], [29, 34, 18, 34], [42, 56, 31, 56], [14, 22, 6, 22], [44, 54, 17, 55],
    [14, 17, 7, 15], [29, 58, 23, 58], [10, 14, 3, 15], [17, 26, 6, 27], [38, 44, 12, 45], [19, 29, 22, 30],
    [21, 38, 19, 38],
]  # fmt: skip
LU = [[3, 5, 1, 15], [4, 10, 3, 10], [18, 35, 2, 25]]
ADVERSE = [
    [0, 432, 0, 142], [1, 375, 0, 125], [0, 80, 0, 40], [0, 248, 1, 84], [0, 50, 0, 24], [2, 251, 0, 85],
    [5, 605, 1, 209], [1, 466, 2, 231], [4, 525, 0, 175], [1, 80, 0, 40], [1, 375, 0, 124], [0, 189, 0, 59],
    [0, 55, 0, 27], [0, 110, 0, 56], [0, 85, 0, 85], [0, 170, 0, 85], [4, 1030, 1, 350],
]  # fmt: skip
FOUR = [[25, 33, 4, 17], [34, 50, 17, 25], [28, 50, 15, 25], [52, 67, 22, 33]]


def split(table: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    array = np.array(table)
    return array[:, [0, 2]], array[:, [1, 3]]


@pytest.mark.parametrize(
    ("table", "low", "high", "digits"),
    [(CISAPRIDE, 0.245286, 0.369981, 6), (LU, 0.1963, 0.5381, 4), (ADVERSE, -0.0027, 0.0038, 4)],
)
def test_stratified_miettinen_nurminen(table: list[list[int]], low: float, high: float, digits: int) -> None:
    found = risk_difference(*split(table))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.51 * 10.0**-digits)


def test_stratified_score_at_zero_is_the_cmh_test() -> None:
    """p = 0.0485 by Cochran, Mantel and Haenszel (SAS), to which the stratified score with N/(N - 1) is equal."""
    found = risk_difference(*split(FOUR))
    events, n = split(FOUR)
    total, m = n.sum(axis=1), events.sum(axis=1)
    expected = n[:, 0] * m / total
    variance = n[:, 0] * n[:, 1] * m * (total - m) / (total**2 * (total - 1))
    z = (events[:, 0] - expected).sum() / math.sqrt(variance.sum())
    assert found.p == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), rel=1e-9)
    assert found.p == pytest.approx(0.0485, abs=5.1e-5)
    sato = risk_difference(events, n, "mantel-haenszel")
    assert sato.low < 0 < sato.estimate  # as SAS says: that interval contradicts the test


def test_satos_variance_of_tern() -> None:
    assert risk_difference(*split(_tern()), "mantel-haenszel").standard_error ** 2 == pytest.approx(
        0.004847091, rel=1e-6
    )


def _tern() -> list[list[int]]:
    # as R fills an array of dimension (arm, response, stratum) with 12, 8, 18, 22, 15, 10, 20, 25, 9, 6, 14, 21
    return [[8, 30, 12, 30], [10, 35, 15, 35], [6, 27, 9, 23]]


def test_stratified_miettinen_nurminen_of_tern() -> None:
    found = risk_difference(*split(_tern()))
    assert (found.low, found.high) == pytest.approx((-0.281568259, -0.008104148), abs=1e-6)
    narrower = risk_difference(*split(_tern()), level_percent=80)
    assert (narrower.low, narrower.high) == pytest.approx((-0.2357582, -0.0563385), abs=1e-6)


def test_farrington_and_manning_of_sas() -> None:
    """28/42 against 28/42, margin 0.2: p = 0.0245 by PROC FREQ, as quoted in ratesci-sas."""
    found = risk_difference([28, 28], [42, 42], "farrington-manning", margin=0.2)
    assert found.p_non_inferiority == pytest.approx(0.0245, abs=5.1e-5)
    corrected = risk_difference([28, 28], [42, 42], margin=0.2, level_percent=95)
    assert corrected.p_non_inferiority > 0.025  # N/(N - 1) turns it
    assert corrected.non_inferior is False
    assert found.non_inferior is True


@pytest.mark.parametrize("counts", [(56, 70, 48, 80), (9, 10, 3, 10), (0, 10, 0, 20), (10, 10, 0, 20), (5, 56, 0, 29)])
def test_one_stratum_is_the_single_table(counts: tuple[int, int, int, int]) -> None:
    a, n1, c, n2 = counts
    single = two_proportion_intervals(ContrastScale.RD, counts)
    for method, name in (("newcombe", "Newcombe"), ("miettinen-nurminen", "Miettinen-Nurminen"), ("wald", "Wald")):
        found = risk_difference([a, c], [n1, n2], method)
        assert (found.low, found.high) == pytest.approx(single[name], abs=1e-8)
    mee = risk_difference([a, c], [n1, n2], "farrington-manning")
    assert (mee.low, mee.high) == pytest.approx(score_interval(ContrastScale.RD, counts, corrected=False), abs=1e-9)


@pytest.mark.parametrize("method", DifferenceMethod)
def test_turning_the_arms_turns_the_difference(method: DifferenceMethod) -> None:
    events, n = split(FOUR)
    one, other = risk_difference(events, n, method), risk_difference(events[:, ::-1], n[:, ::-1], method)
    assert (one.estimate, one.low, one.high) == pytest.approx((-other.estimate, -other.high, -other.low), abs=1e-9)


@pytest.mark.parametrize("method", DifferenceMethod)
def test_many_trials_at_once_are_single_trials(method: DifferenceMethod) -> None:
    generator = np.random.default_rng(2)
    n = generator.integers(5, 60, (12, 3, 2))
    n[0, 1, 0] = n[1, 2] = 0  # a stratum without one arm, and one without anybody
    events = generator.binomial(n, 0.3)
    found = risk_difference_batch(events, n, method, margin=0.1)
    for i in range(12):
        one = risk_difference(events[i], n[i], method, margin=0.1)
        assert (found.estimate[i], found.low[i], found.high[i]) == pytest.approx((one.estimate, one.low, one.high))
        assert 0.5 * math.erfc(-found.z[i] / math.sqrt(2)) == pytest.approx(one.p_non_inferiority, rel=1e-6, abs=1e-12)
    assert found.weights[0, 1] == 0


def test_newcombe_of_many_trials_is_the_interval_of_two_proportions() -> None:
    generator = np.random.default_rng(1)
    n = generator.integers(5, 300, (40, 2))
    events = (generator.random((40, 2)) * (n + 1)).astype(int)
    found = risk_difference_batch(events, n, "newcombe")
    for r in range(40):
        counts = (int(events[r, 0]), int(n[r, 0]), int(events[r, 1]), int(n[r, 1]))
        expected = two_proportion_intervals(ContrastScale.RD, counts)["Newcombe"]
        assert (found.low[r], found.high[r]) == pytest.approx(expected, abs=1e-12)


def test_a_trial_without_both_arms_has_no_difference_and_stops_no_other() -> None:
    found = risk_difference_batch([[1, 0], [1, 2]], [[4, 0], [4, 4]])
    assert np.isnan(found.estimate).tolist() == np.isnan(found.high).tolist() == [True, False]
    with pytest.raises(ValueRangeError, match="impossible"):
        risk_difference_batch([[3, 1]], [[2, 2]])
    with pytest.raises(ValueRangeError, match="equal shapes"):
        risk_difference_batch([[1, 1]], [[2, 2, 2]])


def test_strata_without_one_arm_are_left_out() -> None:
    table = np.array(FOUR)
    with_empty = risk_difference(np.vstack([table[:, [0, 2]], [[2, 0]]]), np.vstack([table[:, [1, 3]], [[3, 0]]]))
    assert with_empty.low == risk_difference(*split(FOUR)).low


def test_refusals() -> None:
    with pytest.raises(ValueRangeError, match="stratum 1, arm 2"):
        risk_difference([1, 5], [4, 4])
    with pytest.raises(ValueRangeError, match="margin"):
        risk_difference([1, 2], [4, 4], margin=10)
    with pytest.raises(ValueRangeError, match="both arms"):
        risk_difference([1, 0], [4, 0])
