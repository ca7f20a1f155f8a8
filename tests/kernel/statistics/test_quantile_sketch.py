"""Quantiles from bins: the stated bound against numpy, any order of merging, exact for few rows."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.quantile_sketch import (
    QuantileSketch,
    add_rows,
    empty_sketch,
    merge_sketches,
    sketch_quantiles,
)

QUANTILES = np.array([0.0, 0.001, 0.05, 0.25, 0.5, 0.731, 0.95, 0.999, 1.0])


def bound(values: NDArray[np.float64], sketch: QuantileSketch) -> NDArray[np.float64]:
    """The error that is stated, with the two neighbours taken from the sorted values, and 1e-12 for rounding."""
    ordered = np.sort(values, axis=0)
    position = QUANTILES * (len(values) - 1)
    low = np.floor(position).astype(int)
    high = np.minimum(low + 1, len(values) - 1)
    weight = (position - low)[:, None]
    beside = (1.0 - weight) * np.abs(ordered[low]) + weight * np.abs(ordered[high])
    return (sketch.relative_error + 1e-12) * beside + sketch.smallest


def digits(sketch: QuantileSketch) -> bytes:
    parts = [sketch_quantiles(sketch, QUANTILES), sketch.minimum, sketch.maximum, sketch.count]
    return b"".join(part.tobytes() for part in parts)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.floats(0.0, 60.0),
    st.sampled_from([1e-4, 0.002, 0.05]),
    st.sampled_from(["positive", "both signs", "zeros"]),
)
def test_the_error_stays_within_the_bound(seed: int, width: float, error: float, kind: str) -> None:
    rng = np.random.default_rng(seed)
    values = np.exp(rng.normal(rng.normal(0.0, 10.0, 3), width, (rng.integers(1, 600), 3)))
    if kind != "positive":
        values *= rng.choice([-1.0, 1.0] if kind == "both signs" else [-1.0, 0.0, 1.0], values.shape)
    sketch = add_rows(empty_sketch((3,), relative_error=error, exact_up_to=0), values)
    found, true = sketch_quantiles(sketch, QUANTILES), np.quantile(values, QUANTILES, axis=0)
    assert (np.abs(found - true) <= bound(values, sketch)).all()
    assert (np.diff(found, axis=0) >= 0.0).all()
    assert np.array_equal(found[[0, -1]], [values.min(axis=0), values.max(axis=0)])


def test_the_bound_is_no_looser_than_the_error() -> None:
    values = np.random.default_rng(3).lognormal(0.0, 3.0, (200_000, 1))
    sketch = add_rows(empty_sketch((1,), relative_error=0.02, exact_up_to=0), values)
    levels = np.linspace(0.01, 0.99, 500)
    found, true = sketch_quantiles(sketch, levels), np.quantile(values, levels, axis=0)
    worst = np.abs(found / true - 1.0).max()
    assert 0.018 < worst <= 0.02 * (1.0 + 1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 50, 10_000]))
def test_any_order_of_merging_gives_the_same_bits(seed: int, exact_up_to: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(0.0, 1.0, (300, 2, 2)) * 10.0 ** rng.uniform(-20, 20, (300, 2, 2))
    values[rng.uniform(size=values.shape) < 0.05] = np.nan
    values[:, 0, 1] = rng.choice([np.nan, 7.0])
    empty = empty_sketch((2, 2), exact_up_to=exact_up_to)
    whole = add_rows(empty, values)
    cuts = np.sort(rng.integers(0, 301, 6))
    parts = [add_rows(empty, part) for part in np.split(values, cuts)]
    rng.shuffle(parts)  # type: ignore[arg-type]
    assert digits(reduce(merge_sketches, parts)) == digits(whole)
    halves = reduce(merge_sketches, parts[:3]), reduce(merge_sketches, parts[3:])
    assert digits(merge_sketches(*halves)) == digits(whole)
    assert digits(reduce(add_rows, np.array_split(values[::-1], 7), empty)) == digits(whole)


def test_few_rows_are_exact_and_one_more_is_not() -> None:
    values = np.random.default_rng(4).normal(0.0, 1.0, (101, 5))
    few = add_rows(empty_sketch((5,), exact_up_to=100), values[:100])
    # numpy interpolates from the nearer end, which may differ in the last bit
    np.testing.assert_allclose(
        sketch_quantiles(few, QUANTILES), np.quantile(values[:100], QUANTILES, axis=0), rtol=1e-13, atol=1e-15
    )
    more = add_rows(few, values[100:])
    assert few.is_exact
    assert not more.is_exact
    found, true = sketch_quantiles(more, QUANTILES), np.quantile(values, QUANTILES, axis=0)
    assert (np.abs(found - true) <= bound(values, more)).all()
    assert not np.allclose(found, true, rtol=1e-9)


def test_held_values_do_not_follow_the_callers_array() -> None:
    values = np.ones((4, 1))
    sketch = add_rows(empty_sketch((1,)), values)
    values[:] = 9.0
    assert sketch_quantiles(sketch, [0.5])[0, 0] == 1.0


@pytest.mark.parametrize("exact_up_to", [0, 100])
def test_what_is_not_finite_is_left_out_and_counted(exact_up_to: int) -> None:
    values = np.array([[1.0, np.nan, np.nan], [np.inf, np.nan, 5.0], [3.0, -np.inf, np.nan]])
    sketch = add_rows(empty_sketch((3,), exact_up_to=exact_up_to), values)
    assert sketch.count.tolist() == [2, 0, 1]
    assert sketch.rows == 3
    np.testing.assert_array_equal(sketch_quantiles(sketch, [0.0, 1.0]), [[1.0, np.nan, 5.0], [3.0, np.nan, 5.0]])
    np.testing.assert_array_equal(sketch.minimum, [1.0, np.nan, 5.0])


def test_the_ends_of_the_numbers() -> None:
    values = np.array([[-1.7e308], [-5e-324], [0.0], [5e-324], [1e-31], [1.7e308]])
    sketch = add_rows(empty_sketch((1,), exact_up_to=0), values)
    found = sketch_quantiles(sketch, np.linspace(0.0, 1.0, 6))[:, 0]
    np.testing.assert_array_equal(found, [-1.7e308, 0.0, 0.0, 0.0, 0.0, 1.7e308])


def test_no_rows_give_no_numbers() -> None:
    for exact_up_to in (0, 10):
        sketch = add_rows(empty_sketch((2, 0), exact_up_to=exact_up_to), np.zeros((0, 2, 0)))
        assert sketch_quantiles(sketch, [0.5]).shape == (1, 2, 0)
        sketch = add_rows(empty_sketch((2,), exact_up_to=exact_up_to), np.zeros((0, 2)))
        assert np.isnan(sketch_quantiles(sketch, [0.5])).all()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"relative_error": 0.0}, "relative_error"),
        ({"relative_error": np.nan}, "relative_error"),
        ({"smallest": 0.0}, "smallest"),
        ({"exact_up_to": -1}, "exact_up_to"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, float], words: str) -> None:
    with pytest.raises(ValueRangeError, match=words):
        empty_sketch((1,), **settings)  # type: ignore[arg-type]


def test_wrong_quantiles_rows_and_partners_are_refused() -> None:
    sketch = empty_sketch((2,))
    for wrong in (1.1, [-0.1], [np.nan], [[0.5]]):
        with pytest.raises(ValueRangeError, match="quantiles"):
            sketch_quantiles(sketch, wrong)
    with pytest.raises(ValueRangeError, match="rows of shape"):
        add_rows(sketch, np.zeros((5, 3)))
    with pytest.raises(ValueRangeError, match="relative_error of two sketches"):
        merge_sketches(sketch, empty_sketch((2,), relative_error=0.01))
