"""Forecast metrics by hand, and the ranked probability score against its integral."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, stats

from limus.kernel.errors import ValueRangeError
from limus.pharmacokinetics.forecast_metrics import (
    forecast_metrics,
    interval_coverage,
    percentage_errors,
    ranked_probability_score,
)


def test_metrics_by_hand() -> None:
    found = forecast_metrics([10.0, 5.0, 8.0, 4.0], [12.0, 4.0, 8.0, 6.0])
    assert found.n == 4
    assert found.bias_percent == pytest.approx((20 - 20 + 0 + 50) / 4)
    assert found.mape_percent == pytest.approx((20 + 20 + 0 + 50) / 4)
    assert found.mdape_percent == pytest.approx(20.0)
    assert found.rmse == pytest.approx(np.sqrt((4 + 1 + 0 + 4) / 4))
    assert found.within_20 == pytest.approx(75.0)
    assert found.within_30 == pytest.approx(75.0)


def test_an_error_of_exactly_twenty_per_cent_is_within_it() -> None:
    levels = np.linspace(0.1, 30.0, 200)
    assert forecast_metrics(levels, 1.2 * levels).within_20 == 100.0
    assert forecast_metrics(levels, 0.8 * levels).within_20 == 100.0
    assert forecast_metrics(levels, 1.2001 * levels).within_20 == 0.0


def test_levels_without_a_percentage_are_left_out_and_counted() -> None:
    found = forecast_metrics([0.0, np.nan, 5.0, 5.0], [1.0, 1.0, np.nan, 5.5])
    assert (found.n, found.left_out) == (1, 3)
    assert found.bias_percent == pytest.approx(10.0)
    nothing = forecast_metrics([0.0], [1.0])
    assert nothing.status.startswith("no level")
    assert np.isnan(nothing.rmse)
    assert np.isnan(percentage_errors([0.0], [1.0])[0])
    with pytest.raises(ValueRangeError, match="one for each level"):
        forecast_metrics([1.0], [1.0, 2.0])


def test_ranked_probability_score_is_the_integral_it_stands_for() -> None:
    draws = np.array([1.0, 2.0, 2.5, 7.0])
    for level in (0.0, 2.2, 9.0):

        def squared(x: float, level: float = level) -> float:
            return float((np.mean(draws <= x) - (x >= level)) ** 2)

        ends = np.unique([*draws, level, -1.0, 10.0])
        pieces = (integrate.quad(squared, a, b)[0] for a, b in pairwise(ends))
        assert ranked_probability_score([level], draws[:, None])[0] == pytest.approx(sum(pieces), rel=1e-9)


def test_ranked_probability_score_of_a_normal_forecast() -> None:
    draws = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)[:, None]
    y = 0.7  # closed form: Gneiting and Raftery 2007, section 4.2
    exact = y * (2 * stats.norm.cdf(y) - 1) + 2 * stats.norm.pdf(y) - 1 / np.sqrt(np.pi)
    assert ranked_probability_score([y], draws)[0] == pytest.approx(exact, abs=1e-4)
    assert ranked_probability_score([3.0], [[1.0]])[0] == pytest.approx(2.0)
    with pytest.raises(ValueRangeError, match="draws"):
        ranked_probability_score([1.0, 2.0], [[1.0]])


def test_coverage_counts_both_ends_and_leaves_gaps_out() -> None:
    assert interval_coverage([1.0, 2.0, 5.0, np.nan], [1.0, 0.0, 6.0, 0.0], [2.0, 2.0, 7.0, 9.0]) == pytest.approx(
        100 * 2 / 3
    )
    assert np.isnan(interval_coverage([np.nan], [0.0], [1.0]))
