"""The likelihood's maximum: found always, and the highest one, against a plain search of the likelihood itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limus.kernel.statistics.pooling.heterogeneity_variance import Tau2Method, estimate_tau2
from limus.kernel.statistics.pooling.likelihood import maximise_likelihood
from limus.kernel.statistics.pooling.spread import mean_spread, regression_spread

# two local maxima of the restricted likelihood, found by a search of 20,000 random sets; the higher one is at zero here
TWO_MAXIMA = ([0.6, -1.55, -1.63], [0.81055, 0.00715, 0.02911])


def log_likelihood(y: np.ndarray, v: np.ndarray, tau2: np.ndarray, restricted: bool) -> np.ndarray:
    """The definition, with determinants and an explicit mean; (T,) values."""
    total = v[None] + tau2[:, None]
    w = 1 / total
    mean = (w * y).sum(axis=1) / w.sum(axis=1)
    value = -0.5 * (np.log(total).sum(axis=1) + (w * (y - mean[:, None]) ** 2).sum(axis=1))
    return value - 0.5 * np.log(w.sum(axis=1)) if restricted else value


def random_sets(count: int, studies: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    variances = 10 ** rng.uniform(-4, 1, (count, studies))
    return rng.normal(0, 1, (count, studies)) * 10 ** rng.uniform(-1.5, 0.8, (count, 1)), variances


@pytest.mark.parametrize("restricted", [True, False])
def test_no_point_of_a_fine_grid_is_higher(restricted: bool) -> None:
    effects, variances = random_sets(300, 4, 11)
    found = maximise_likelihood(mean_spread(effects, variances), restricted=restricted)
    several = 0
    for y, v, tau2, maxima in zip(effects, variances, found.tau2, found.maxima, strict=True):
        grid = np.append(0, np.geomspace(1e-6, 10 * np.ptp(y) ** 2 + 1, 4000))
        values = log_likelihood(y, v, grid, restricted)
        best = log_likelihood(y, v, np.array([tau2]), restricted)[0]
        assert best >= values.max() - 1e-9
        inner = (values[1:-1] > values[:-2]) & (values[1:-1] > values[2:])
        # the grid's steps are fine enough to see each of them
        assert inner.sum() + (values[0] > values[1]) == maxima
        several += maxima > 1
    assert restricted or several  # the unrestricted likelihood often has two maxima in such sets


def test_the_higher_of_two_maxima_is_taken() -> None:
    y, v = (np.array(part) for part in TWO_MAXIMA)
    found = maximise_likelihood(mean_spread(y[None], v[None]), restricted=True)
    assert found.maxima[0] == 2
    grid = np.append(0, np.geomspace(1e-5, 20, 20000))
    assert found.tau2[0] == pytest.approx(grid[np.argmax(log_likelihood(y, v, grid, True))], abs=1e-3)


def test_a_thousand_small_sets_and_more_all_succeed() -> None:
    for studies in (2, 3, 5, 10):
        effects, variances = random_sets(1000, studies, studies)
        found = maximise_likelihood(mean_spread(effects, variances), restricted=True)
        assert np.isfinite(found.tau2).all()
        assert (found.tau2 >= 0).all()
        assert (found.maxima >= 1).all()


@pytest.mark.parametrize("method", list(Tau2Method))
def test_many_at_once_equal_one_at_a_time_and_the_other_arrangement(method: Tau2Method) -> None:
    effects, variances = random_sets(20, 6, 5)
    together = estimate_tau2(mean_spread(effects, variances), method)
    for y, v, tau2 in zip(effects, variances, together, strict=True):
        alone = estimate_tau2(mean_spread(y[None], v[None]), method)[0]
        regression = estimate_tau2(regression_spread(y, v, np.ones((6, 1))), method)[0]
        assert alone == pytest.approx(tau2, rel=1e-12, abs=1e-15)
        assert regression == pytest.approx(tau2, rel=1e-7, abs=1e-9)


def test_digits_are_kept_where_one_study_is_far_more_precise() -> None:
    # y'Py and tr P of two studies in closed form: (y1 - y2)^2/(v1 + v2) and 2/(v1 + v2)
    effects, variances = np.array([[1e6, 1e6 + 1.0]]), np.array([[1e-14, 0.5]])
    sums = mean_spread(effects, variances).sums(np.array([0]), np.array([0.0]))
    assert sums.ypy[0] == pytest.approx(1 / (0.5 + 1e-14), rel=1e-12)
    assert sums.yppy[0] == pytest.approx(2 / (0.5 + 1e-14) ** 2, rel=1e-12)
    assert sums.ypppy[0] == pytest.approx(4 / (0.5 + 1e-14) ** 3, rel=1e-12)
    assert sums.trace[0] == pytest.approx(2 / (0.5 + 1e-14), rel=1e-12)
    assert sums.trace_square[0] == pytest.approx(4 / (0.5 + 1e-14) ** 2, rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-3, 3), st.floats(0.01, 2)), min_size=3, max_size=12),
    st.floats(0.1, 10),
    st.floats(-5, 5),
    st.randoms(use_true_random=False),
)
def test_order_sign_shift_and_scale(
    pairs: list[tuple[float, float]], scale: float, shift: float, random: object
) -> None:
    y, v = (np.array(part) for part in zip(*pairs, strict=True))
    base = maximise_likelihood(mean_spread(y[None], v[None]), restricted=True).tau2[0]
    order = np.arange(len(y))
    random.shuffle(order)
    moved = np.stack([y[order], -y, y + shift])
    spreads = np.stack([v[order], v, v])
    assert maximise_likelihood(mean_spread(moved, spreads), restricted=True).tau2 == pytest.approx(base, abs=1e-9)
    scaled = maximise_likelihood(mean_spread(scale * y[None], scale**2 * v[None]), restricted=True).tau2[0]
    assert scaled == pytest.approx(scale**2 * base, rel=1e-6, abs=1e-9 * scale**2)
