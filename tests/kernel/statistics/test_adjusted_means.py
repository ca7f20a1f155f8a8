"""Analysis of covariance against closed forms and against scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.regression import Robust, adjusted_difference_batch, adjusted_means


def trial(seed: int = 1, n: int = 80) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    group = generator.integers(0, 2, n)
    x = np.column_stack([generator.normal(50, 12, n), generator.integers(0, 2, n)])
    return 60 - 0.4 * x[:, 0] + 5 * x[:, 1] + 3 * group + generator.normal(0, 8, n), group, x


def test_two_groups_without_covariates_are_students_t() -> None:
    from scipy.stats import ttest_ind

    y, group, _ = trial()
    found = adjusted_means(y, group)
    theirs = ttest_ind(y[group == 1], y[group == 0])
    assert found.contrasts[0].t == pytest.approx(theirs.statistic)
    assert found.contrasts[0].p == pytest.approx(theirs.pvalue)
    interval = theirs.confidence_interval()
    assert (found.contrasts[0].low, found.contrasts[0].high) == pytest.approx((interval.low, interval.high))


def test_hc2_without_covariates_has_welchs_error() -> None:
    y, group, _ = trial()
    welch = math.sqrt(sum(y[group == g].var(ddof=1) / np.sum(group == g) for g in (0, 1)))
    assert adjusted_means(y, group, robust="HC2").contrasts[0].standard_error == pytest.approx(welch)


def test_one_covariate_against_the_textbook_formula() -> None:
    """Difference of means less the pooled within slope times the difference of covariate means."""
    y, group, x = trial()
    x = x[:, :1]
    parts = [(y[group == g], x[group == g, 0]) for g in (0, 1)]
    slope = sum((b - b.mean()) @ a for a, b in parts) / sum((b - b.mean()) @ (b - b.mean()) for _, b in parts)
    (a0, b0), (a1, b1) = parts
    found = adjusted_means(y, group, x, names=("age",))
    assert found.covariate_coefficient[0] == pytest.approx(slope)
    assert found.contrasts[0].estimate == pytest.approx(a1.mean() - a0.mean() - slope * (b1.mean() - b0.mean()))
    assert found.means[1].estimate == pytest.approx(a1.mean() - slope * (b1.mean() - x.mean()))
    assert found.degrees_of_freedom == len(y) - 3


@pytest.mark.parametrize("robust", Robust)
def test_robust_errors_against_the_definition(robust: Robust) -> None:
    y, group, x = trial(n=40)
    z = np.column_stack([np.ones(40), group, x])
    bread = np.linalg.inv(z.T @ z)
    e = y - z @ (bread @ z.T @ y)
    h = np.einsum("ij,jk,ik->i", z, bread, z)
    meat = {
        Robust.NONE: np.full(40, e @ e / 36),
        Robust.HC0: e**2,
        Robust.HC1: e**2 * 40 / 36,
        Robust.HC2: e**2 / (1 - h),
        Robust.HC3: e**2 / (1 - h) ** 2,
    }[robust]
    expected = math.sqrt((bread @ (z.T * meat) @ z @ bread)[1, 1])
    assert adjusted_means(y, group, x, robust=robust).contrasts[0].standard_error == pytest.approx(expected)


@pytest.mark.parametrize("robust", Robust)
def test_trials_at_once_are_single_trials(robust: Robust) -> None:
    data = [trial(seed) for seed in range(4)]
    y, group, x = (np.stack([d[i] for d in data]) for i in range(3))
    x[0, :, 1] = 3 * x[0, :, 0] - 1  # aliased in one trial only
    present = np.random.default_rng(0).random(y.shape) < 0.8
    found = adjusted_difference_batch(np.where(present, y, np.nan), group, x, present=present, robust=robust)
    assert found.used.tolist() == [[True, False], *[[True, True]] * 3]
    for i in range(4):
        kept = present[i]
        one = adjusted_means(y[i][kept], group[i][kept], x[i][kept][:, found.used[i]], robust=robust)
        assert found.estimate[i] == pytest.approx(one.contrasts[0].estimate)
        assert found.standard_error[i] == pytest.approx(one.contrasts[0].standard_error)
        assert found.degrees_of_freedom[i] == one.degrees_of_freedom


def test_a_trial_without_a_contrast_has_none() -> None:
    found = adjusted_difference_batch([[1.0, 2, 3, 4], [1, 2, 3, 4]], [[0, 0, 0, 0], [0, 0, 1, 1]])
    assert np.isnan(found.estimate).tolist() == [True, False]


def test_refusals() -> None:
    y, group, x = trial(n=10)
    with pytest.raises(ValueRangeError, match="determine each other"):
        adjusted_means(y, group, np.column_stack([x[:, 0], 2 * x[:, 0]]))
    with pytest.raises(ValueRangeError, match="two groups"):
        adjusted_means(y, np.zeros(10))
    with pytest.raises(ValueRangeError, match="response"):
        adjusted_means([1.0, math.nan], [0, 1])
    with pytest.raises(ValueRangeError, match="reference"):
        adjusted_means(y, group, reference="c")
    with pytest.raises(ValueRangeError, match="fewer covariates"):
        adjusted_means(y[:3], [0, 1, 1], x[:3])
