"""Effects of means and of printed ratios, against published numbers and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.pooling import (
    TwoMeans,
    combine_means,
    interval_asymmetry,
    mean_differences,
    normal_quantile,
    ratio_from_interval,
    ratio_from_log_rank,
    ratio_from_p,
    standardised_mean_differences,
)

# Normand 1999, length of stay, the first four trials
STAY = TwoMeans.create(
    [55, 27, 64, 66], [47, 7, 17, 20], [155, 31, 75, 18], [75, 29, 119, 137], [64, 4, 29, 48], [156, 32, 71, 18]
)


def test_hedges_g_as_published() -> None:
    """metafor's tests of escalc, SMD (exact correction, variance 'LS')."""
    g, variance = standardised_mean_differences(STAY)
    assert g == pytest.approx([-0.3552, -0.3479, -2.3176, -1.8880], abs=5e-5)
    assert variance == pytest.approx([0.0131, 0.0645, 0.0458, 0.1606], abs=5e-5)
    approximate, _ = standardised_mean_differences(STAY, exact=False)
    assert approximate == pytest.approx(g, rel=1e-4)


def test_mean_differences() -> None:
    difference, variance = mean_differences(STAY)
    assert difference.tolist() == [-20, -2, -55, -71]
    assert variance[0] == pytest.approx(47**2 / 155 + 64**2 / 156)


def test_combined_arms_are_one_group() -> None:
    rng = np.random.default_rng(3)
    groups = [rng.normal(size=n) for n in (5, 9, 14)]
    parts = (np.array([f(g) for g in groups]) for f in (np.mean, lambda g: np.std(g, ddof=1), len))
    whole = np.concatenate(groups)
    assert combine_means(*parts) == pytest.approx((whole.mean(), whole.std(ddof=1), len(whole)))


@pytest.mark.parametrize("bad", [{"sd_1": [0.0]}, {"sd_2": [-1.0]}, {"n_1": [1]}, {"mean_1": [math.nan]}])
def test_impossible_arms_are_refused(bad: dict[str, list[float]]) -> None:
    good = {"mean_1": [1.0], "sd_1": [1.0], "n_1": [10], "mean_2": [0.0], "sd_2": [1.0], "n_2": [10]}
    with pytest.raises(ValueRangeError):
        TwoMeans.create(**(good | bad))


def test_a_ratio_from_its_interval_and_back() -> None:
    effect, variance = ratio_from_interval([0.8], [0.5], [1.28])
    half = normal_quantile(95) * math.sqrt(variance[0])
    assert math.exp(effect[0] - half) == pytest.approx(0.5, rel=1e-12)
    assert interval_asymmetry(*(np.array([x]) for x in (0.8, 0.5, 1.28)))[0] == pytest.approx(0, abs=1e-12)
    wide, _ = ratio_from_interval([1.0], [0.5], [2.0], 90), None
    assert wide[1][0] == pytest.approx((math.log(4) / (2 * 1.6448536269514722)) ** 2)


def test_a_ratio_from_p_and_from_a_log_rank_test() -> None:
    effect, variance = ratio_from_p([0.5], [0.05])
    assert effect[0] / math.sqrt(variance[0]) == pytest.approx(-1.959964, abs=1e-6)
    effect, variance = ratio_from_log_rank([0.05], [100], [150], [150], [-1])
    assert variance[0] == pytest.approx(4 / 100)  # equal arms: V = E/4
    assert effect[0] == pytest.approx(-1.959964 * 0.2, abs=1e-6)


@pytest.mark.parametrize(
    "call",
    [
        lambda: ratio_from_interval([1.0], [1.2], [2.0]),
        lambda: ratio_from_interval([0.0], [0.0], [2.0]),
        lambda: ratio_from_p([1.0], [0.5]),
        lambda: ratio_from_p([2.0], [0.0]),
        lambda: ratio_from_p([2.0], [1.0]),
        lambda: ratio_from_log_rank([0.1], [0], [10], [10], [1]),
        lambda: ratio_from_log_rank([0.1], [5], [10], [10], [0]),
        lambda: normal_quantile(100),
    ],
)
def test_numbers_that_cannot_be_are_refused(call: object) -> None:
    with pytest.raises(ValueRangeError):
        call()
