"""Sobol' indices: the closed form of a published function, scipy's estimates, and what is left out."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.typing import NDArray

from limus.kernel.statistics.variance_indices import variance_designs, variance_indices

A, B = 7.0, 0.1
# Ishigami and Homma 1990: variance and its parts in closed form, for inputs uniform on (-pi, pi)
V1 = 0.5 * (1 + B * np.pi**4 / 5) ** 2
V2 = A**2 / 8
V13 = B**2 * np.pi**8 * (1 / 18 - 1 / 50)
V = V1 + V2 + V13


def ishigami(cube: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.pi * (2 * cube - 1)
    return np.asarray(np.sin(x[..., 0]) * (1 + B * x[..., 2] ** 4) + A * np.sin(x[..., 1]) ** 2)


def test_the_closed_form_of_the_ishigami_function_is_met() -> None:
    a, b, ab = variance_designs(3, 4096, np.random.default_rng(1))
    found = variance_indices(ishigami(a), ishigami(b), ishigami(ab), np.random.default_rng(2), resamples=200)
    # 4096 quasi-random points: the error of an index is a few thousandths
    np.testing.assert_allclose(found.first, [V1 / V, V2 / V, 0.0], atol=0.02)
    np.testing.assert_allclose(found.total, [(V1 + V13) / V, V2 / V, V13 / V], atol=0.02)
    for estimate, interval in ((found.first, found.first_interval), (found.total, found.total_interval)):
        assert (interval[:, 0] <= estimate).all()
        assert (estimate <= interval[:, 1]).all()
    assert found.variance == pytest.approx(V, rel=0.02)


def test_the_estimates_are_scipys() -> None:
    from scipy.stats import sobol_indices

    a, b, ab = variance_designs(3, 256, np.random.default_rng(1))
    answers = {"f_A": ishigami(a)[None], "f_B": ishigami(b)[None], "f_AB": ishigami(ab)[:, None]}
    theirs = sobol_indices(func=answers, n=256)
    ours = variance_indices(ishigami(a), ishigami(b), ishigami(ab), np.random.default_rng(1), resamples=10)
    np.testing.assert_allclose(ours.first, theirs.first_order.ravel(), rtol=1e-12)
    np.testing.assert_allclose(ours.total, theirs.total_order.ravel(), rtol=1e-12)


def test_the_designs_differ_in_one_column() -> None:
    a, b, ab = variance_designs(2, 8, np.random.default_rng(3))
    np.testing.assert_array_equal(ab[1, :, 0], a[:, 0])
    np.testing.assert_array_equal(ab[1, :, 1], b[:, 1])
    assert len(np.unique(np.hstack([a, b]))) == 32


def test_points_without_an_answer_are_left_out_and_counted() -> None:
    a, b, ab = variance_designs(3, 64, np.random.default_rng(1))
    f_a, f_b, f_ab = ishigami(a), ishigami(b), ishigami(ab)
    f_ab[1, 5], f_a[9] = np.nan, np.inf
    kept = np.delete(np.arange(64), [5, 9])
    found = variance_indices(f_a, f_b, f_ab, np.random.default_rng(1), resamples=10)
    alone = variance_indices(f_a[kept], f_b[kept], f_ab[:, kept], np.random.default_rng(1), resamples=10)
    assert found.points == 62
    np.testing.assert_array_equal(found.total_interval, alone.total_interval)


def test_an_answer_that_does_not_vary_has_no_shares_and_none_at_all_has_nan() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        still = variance_indices(np.ones(8), np.ones(8), np.ones((2, 8)), np.random.default_rng(1))
        none = variance_indices(np.full(8, np.nan), np.ones(8), np.ones((2, 8)), np.random.default_rng(1))
    assert still.total.tolist() == [0.0, 0.0]
    assert none.points == 0
    assert np.isnan(none.first_interval).all()
