"""Mean and variance in pieces: the same bits for any pieces, and the numbers of exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.moments import add_to_moments, mean_and_variance, no_moments


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 300), st.integers(1, 4))
def test_pieces_do_not_change_a_bit(seed: int, rows: int, cells: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(1e6, 1.0, (rows, cells))
    values[rng.uniform(size=values.shape) < 0.1] = np.nan
    whole = mean_and_variance(add_to_moments(no_moments(cells), values))
    for cuts in (np.sort(rng.integers(0, rows + 1, 5)), np.arange(rows)):
        found = mean_and_variance(reduce(add_to_moments, np.split(values, cuts), no_moments(cells)))
        assert np.array_equal(found, whole, equal_nan=True)


def test_a_small_spread_about_a_large_mean() -> None:
    values = 1e9 + np.random.default_rng(1).normal(0.0, 1e-3, 1000)
    mean, variance = mean_and_variance(add_to_moments(no_moments(1), values[:, None]))
    exact = [Fraction(value) for value in values.tolist()]
    true = sum(exact) / 1000
    assert float(abs(Fraction(mean[0]) - true)) < 1e-6
    # one rounding of the mean, 1e-7, squared over the variance of 1e-6
    assert float(variance[0]) == pytest.approx(float(sum((x - true) ** 2 for x in exact) / 999), rel=1e-6)


def test_too_few_values_give_no_number() -> None:
    values = np.array([[np.nan, 1.0, 1.0], [np.inf, np.nan, 4.0]])
    mean, variance = mean_and_variance(add_to_moments(no_moments(3), values))
    np.testing.assert_array_equal(mean, [np.nan, 1.0, 2.5])
    np.testing.assert_array_equal(variance, [np.nan, np.nan, 4.5])


def test_rows_of_another_length_are_refused() -> None:
    with pytest.raises(ValueRangeError, match="rows of 2"):
        add_to_moments(no_moments(2), np.zeros((5, 3)))
