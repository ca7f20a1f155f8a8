"""Hand-made cases, near-equal times, diagnosis of fits, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.survival import (
    CoxStatus,
    SurvivalInterval,
    aalen_johansen,
    cox,
    incidence_at,
    incidence_difference_batch,
    kaplan_meier,
    kaplan_meier_difference,
    log_rank,
    log_rank_batch,
    proportional_hazards,
    restricted_mean,
    survival_at,
    survival_quantile,
)

# Freireich and others 1963, Blood 21:699: weeks of remission under 6-mercaptopurine (recalled, as in every textbook)
WEEKS = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def freireich() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    time = np.array([*WEEKS, *PLACEBO], dtype=float)
    return time, np.array([*RELAPSED, *[1] * 21]), np.repeat(["6-MP", "placebo"], 21)


def test_freireich_by_hand() -> None:
    """Products of (1 - d/n) and Greenwood's sum, written out."""
    curve = kaplan_meier(WEEKS, RELAPSED)
    at = survival_at(curve, [6, 10, 23])
    first = 18 / 21
    third = first * 16 / 17 * 14 / 15
    assert at.survival[:2] == pytest.approx([first, third])
    assert at.survival[2] == pytest.approx(third * 11 / 12 * 10 / 11 * 6 / 7 * 5 / 6)
    greenwood = 3 / (21 * 18) + 1 / (17 * 16) + 1 / (15 * 14)
    assert at.standard_error[1] == pytest.approx(third * math.sqrt(greenwood))
    assert at.n_at_risk.tolist() == [21, 15, 6]
    median, low, high = survival_quantile(curve)
    assert (median, low) == (23, 13)
    assert math.isnan(high)


def test_freireich_log_rank_and_cox() -> None:
    """Chi-squared 16.79 and hazard ratio exp(1.572) with Efron's ties, as printed by many programs (recalled)."""
    time, event, group = freireich()
    found = log_rank(time, event, group)
    assert found.chi_square == pytest.approx(16.79, abs=0.005)
    assert found.expected[0] == pytest.approx([19.25, 10.75], abs=0.005)
    assert found.z > 0
    fit = cox(time, event, (group == "placebo")[:, None].astype(float))
    assert fit.coefficient[0] == pytest.approx(1.572, abs=5e-4)
    assert fit.standard_error[0] == pytest.approx(0.412, abs=5e-4)


def test_median_on_a_flat_step_is_its_middle() -> None:
    assert survival_quantile(kaplan_meier([1, 2, 3, 4], [1, 1, 1, 1]))[0] == 2.5
    assert survival_quantile(kaplan_meier([1, 2, 3, 4], [1, 1, 0, 0]))[0] == 2.0
    assert math.isnan(survival_quantile(kaplan_meier([1, 2, 3], [1, 0, 0]))[0])


def test_nothing_is_carried_beyond_follow_up() -> None:
    at = survival_at(kaplan_meier([1, 2], [1, 0]), [1.5, 3])
    assert at.followed.tolist() == [True, False]
    assert math.isnan(at.survival[1])
    ended = survival_at(kaplan_meier([1, 2], [1, 1]), [3])
    assert (ended.survival[0], ended.standard_error[0]) == (0.0, 0.0)
    assert math.isnan(ended.low[0])
    assert math.isnan(incidence_at(aalen_johansen([1, 2], [1, 0]), [3]).incidence[0, 0])


@pytest.mark.parametrize("interval", SurvivalInterval)
def test_intervals_hold_the_estimate(interval: SurvivalInterval) -> None:
    curve = kaplan_meier(WEEKS, RELAPSED, interval=interval)
    known = ~np.isnan(curve.low)
    assert known.any()
    assert np.all((curve.low <= curve.survival)[known] & (curve.survival <= curve.high)[known])
    assert np.all((curve.low >= 0)[known] & (curve.high <= 1)[known])


def test_times_that_differ_by_rounding_are_tied() -> None:
    months = np.array([3, 3, 5, 6, 7]) / 30.4375
    noisy = months.copy()
    noisy[1] = np.nextafter(noisy[1], 1)  # the same day, computed in another way
    exact, found = kaplan_meier(months, [1, 0, 1, 1, 0]), kaplan_meier(noisy, [0, 1, 1, 1, 0])
    assert found.survival == pytest.approx(exact.survival, abs=0)
    assert found.n_at_risk.tolist() == [5, 3, 2, 1]
    group = [0, 1, 0, 1, 0]
    assert log_rank(noisy, [1, 1, 1, 1, 0], group).chi_square == log_rank(months, [1, 1, 1, 1, 0], group).chi_square
    near, same = (log_rank_batch(t[None], np.ones((1, 5)), np.array(group)).z[0] for t in (noisy, months))
    assert near == same


def test_late_entry_counts_from_entry_on() -> None:
    curve = kaplan_meier([3, 4, 5], [1, 1, 1], entry=[0, 3, 1])
    assert curve.n_at_risk.tolist() == [2, 2, 1]  # the second enters at 3, after the event at 3


def test_monotone_likelihood_is_named() -> None:
    generator = np.random.default_rng(3)
    n = 60
    x = np.column_stack([generator.normal(size=n), np.arange(n) < 30])
    time, event = generator.exponential(size=n), (np.arange(n) < 30) & (generator.random(n) < 0.8)
    fit = cox(time, event, x, names=("dose", "exposed"))
    assert fit.status is CoxStatus.INFINITE
    assert fit.coefficient_status == (CoxStatus.OK, CoxStatus.INFINITE)
    assert fit.coefficient[1] == math.inf
    assert math.isnan(fit.standard_error[1])
    assert math.isfinite(fit.standard_error[0])
    # the likelihood among the exposed alone is the limit
    only = x[:, 1] == 1
    limit = cox(time[only], event[only], x[only, :1])
    assert fit.coefficient[0] == pytest.approx(limit.coefficient[0], abs=1e-5)
    assert fit.log_likelihood == pytest.approx(limit.log_likelihood, abs=1e-6)
    with pytest.raises(ValueRangeError, match="infinite"):
        proportional_hazards(fit)


def test_a_covariate_that_orders_the_events_is_infinite() -> None:
    time = np.arange(1.0, 21.0)
    fit = cox(time, np.ones(20), -time[:, None])
    assert fit.coefficient_status == (CoxStatus.INFINITE,)
    assert fit.coefficient[0] == math.inf
    # steps end where 1/S0^2 would overflow; the limit is 0
    assert fit.log_likelihood == pytest.approx(0.0, abs=1e-5)


def test_a_large_finite_coefficient_is_not_infinite() -> None:
    generator = np.random.default_rng(8)
    x = generator.normal(size=(500, 1))
    time = generator.exponential(np.exp(-8 * x[:, 0]))
    fit = cox(time, np.ones(500), x)
    assert fit.status is CoxStatus.OK
    assert fit.coefficient[0] == pytest.approx(8, rel=0.15)


def test_aliased_covariates_are_left_out() -> None:
    generator = np.random.default_rng(4)
    x = generator.normal(size=(80, 2))
    time, event = generator.exponential(size=80), np.ones(80)
    fit = cox(time, event, np.column_stack([x, x.sum(axis=1), np.full(80, 3.0)]))
    assert fit.coefficient_status == (CoxStatus.OK, CoxStatus.OK, CoxStatus.ALIASED, CoxStatus.ALIASED)
    assert fit.coefficient[:2] == pytest.approx(cox(time, event, x).coefficient)
    assert np.isnan(fit.coefficient[2:]).all()
    assert fit.likelihood_ratio.degrees_of_freedom == 2


@pytest.mark.parametrize(("shift", "factor"), [(0.0, 1e6), (1e6, 1.0), (2000.0, 1e-4)])
def test_units_of_a_covariate_do_not_matter(shift: float, factor: float) -> None:
    generator = np.random.default_rng(5)
    x = generator.normal(size=(100, 1))
    time = generator.exponential(np.exp(-x[:, 0]))
    plain, moved = cox(time, np.ones(100), x), cox(time, np.ones(100), shift + factor * x)
    assert moved.coefficient[0] * factor == pytest.approx(plain.coefficient[0], rel=1e-6)
    assert moved.standard_error[0] * factor == pytest.approx(plain.standard_error[0], rel=1e-6)


def test_robust_variance_against_left_out_subjects() -> None:
    """The jackknife of single rows, which the score residuals approximate."""
    generator = np.random.default_rng(6)
    n = 400
    x = generator.normal(size=(n, 2))
    time, event = generator.exponential(np.exp(-x @ [0.4, -0.2])), (generator.random(n) < 0.7).astype(int)
    fit = cox(time, event, x, robust=True)
    left = np.array([cox(*(np.delete(a, i, axis=0) for a in (time, event, x))).coefficient for i in range(n)])
    jackknife = np.sqrt(((left - left.mean(axis=0)) ** 2).sum(axis=0) * (n - 1) / n)
    assert fit.standard_error == pytest.approx(jackknife, rel=0.05)
    clustered = cox(time, event, x, cluster=np.arange(n))
    assert clustered.standard_error == pytest.approx(fit.standard_error)


def test_difference_by_kaplan_meier_without_censoring_is_walds() -> None:
    time, group = np.arange(1.0, 41.0), np.arange(40) % 2
    found = kaplan_meier_difference(time, np.ones(40), group, 15.5, margin=0.2)
    p = [float(np.mean(time[group == g] < 15.5)) for g in (0, 1)]
    error = math.sqrt(sum(x * (1 - x) / 20 for x in p))
    assert (found.estimate, found.standard_error) == pytest.approx((p[1] - p[0], error))
    assert found.p_non_inferiority == pytest.approx(0.5 * math.erfc((0.2 - found.estimate) / error / math.sqrt(2)))


def test_strata_of_a_difference_are_weighted() -> None:
    generator = np.random.default_rng(7)
    n = 200
    time, event = generator.exponential(10, n), generator.random(n) < 0.6
    group, stratum = generator.integers(0, 2, n), generator.integers(0, 2, n)
    single = [kaplan_meier_difference(time[s], event[s], group[s], 5.0) for s in (stratum == 0, stratum == 1)]
    sizes = [[np.sum((stratum == s) & (group == g)) for g in (0, 1)] for s in (0, 1)]
    w = np.array([a * b / (a + b) for a, b in sizes])
    w = w / w.sum()
    found = kaplan_meier_difference(time, event, group, 5.0, strata=stratum)
    assert found.estimate == pytest.approx(w @ [s.estimate for s in single])
    assert found.standard_error == pytest.approx(math.sqrt(w**2 @ [s.standard_error**2 for s in single]))


def test_a_trial_not_followed_so_far_has_no_difference() -> None:
    time = np.array([[1.0, 2, 3, 4], [1, 2, 9, 9]])
    found = incidence_difference_batch(time, np.zeros((2, 4)), [0, 1, 0, 1], 5.0)
    assert math.isnan(found.estimate[0])
    assert found.estimate[1] == 0.0


def test_a_trial_without_events_has_no_z() -> None:
    found = log_rank_batch(np.ones((2, 4)), [[0, 0, 0, 0], [1, 1, 0, 0]], [0, 1, 0, 1])
    assert np.isnan(found.z).tolist() == [True, False]
    assert np.isnan(found.p).tolist() == [True, False]


@pytest.mark.parametrize(
    ("time", "event", "message"),
    [
        ([1, -2], [1, 0], "time, row 2"),
        ([1, math.nan], [1, 0], "time, row 2"),
        ([1, 2], [1, 2], "event, row 2"),
        ([1, 2], [1, 0.5], "event, row 2"),
        ([1, 2], [1], "event"),
        ([], [], "time"),
    ],
)
def test_bad_observations_are_refused(time: list[float], event: list[float], message: str) -> None:
    with pytest.raises(ValueRangeError, match=message):
        kaplan_meier(time, event)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueRangeError, match="one group"):
        log_rank([1, 2], [1, 1], ["a", "a"])
    with pytest.raises(ValueRangeError, match="no events"):
        log_rank([1, 2], [0, 0], ["a", "b"])
    with pytest.raises(ValueRangeError, match="no events"):
        cox([1, 2], [0, 0], [[0], [1]])
    with pytest.raises(ValueRangeError, match="no events"):
        aalen_johansen([1, 2], [0, 0])
    with pytest.raises(ValueRangeError, match="covariates, row 2"):
        cox([1, 2], [1, 1], [[0], [math.nan]])
    with pytest.raises(ValueRangeError, match="varies"):
        cox([1, 2], [1, 1], [[1], [1]])
    with pytest.raises(ValueRangeError, match="last observed time"):
        restricted_mean(kaplan_meier([1, 2], [1, 0]), 3)
    with pytest.raises(ValueRangeError, match="group 1"):
        kaplan_meier_difference([5, 5, 2, 2], [0, 1, 0, 0], [0, 0, 1, 1], 4)
    with pytest.raises(ValueRangeError, match="entry, row 1"):
        kaplan_meier([1, 2], [1, 1], entry=[1, 0])
    with pytest.raises(ValueRangeError, match="group"):
        log_rank_batch([[1.0, 2.0]], [[1, 1]], [0, 2])
    with pytest.raises(ValueRangeError, match="time"):
        log_rank_batch([[1.0, math.inf]], [[1, 1]], [0, 1])
