"""Peaks, histograms and the least-squares problem: against drawn cells, closed forms and finite differences."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr, xlogy

from limus.assay.cytometry.generation.histogram import bin_dye, bin_edges
from limus.assay.cytometry.generation.peak_shapes import (
    Floor,
    peak_moments,
    peak_probabilities,
    peak_probabilities_with_slopes,
    peak_scales,
)
from limus.assay.cytometry.generation.problem import LN2, GenerationProblem, deviance_residuals, log_medians
from limus.kernel.errors import ValueRangeError

FLOOR = Floor(200.0, 60.0**2, 0.6 * 60.0**3, 2000)


def moments(floor: Floor) -> np.ndarray:
    return np.array([floor.mean, floor.variance, floor.third])


def test_a_peak_without_floor_is_log_normal() -> None:
    edges = np.geomspace(10, 1000, 30)
    found = peak_probabilities(np.array(5.0), np.array(0.09), np.zeros(3), edges)
    below = ndtr((np.log(edges) - 5.0) / 0.3)
    assert found == pytest.approx(np.diff([0.0, *below, 1.0]), abs=1e-12)


def test_a_peak_without_dye_is_the_floor() -> None:
    place, scale, width = peak_scales(np.array(-60.0), np.array(0.04), moments(FLOOR))
    # mean, variance, third moment of shift + scale exp(width Z)
    grow = math.exp(width**2)
    assert place + scale * math.sqrt(grow) == pytest.approx(FLOOR.mean)
    assert scale**2 * grow * (grow - 1) == pytest.approx(FLOOR.variance)
    assert scale**3 * grow**1.5 * (grow - 1) ** 2 * (grow + 2) == pytest.approx(FLOOR.third, rel=1e-6)


@pytest.mark.parametrize("generation", range(8))
def test_dye_and_floor_together_are_nearly_the_drawn_ones(generation: int) -> None:
    """Autofluorescence log-normal, noise normal, dye log-normal: shares within 1 % of the cells of a peak."""
    random, count = np.random.default_rng(23), 400_000
    own = random.lognormal(math.log(180), 0.3, count) + random.normal(0, 40, count)
    floor = Floor(own.mean(), own.var(), float(np.mean((own - own.mean()) ** 3)), count)
    log_dye = math.log(30_000) - LN2 * generation
    cells = random.lognormal(log_dye, 0.22, count) + random.permutation(own)
    edges = np.quantile(cells, np.linspace(0.02, 0.98, 25))
    found = peak_probabilities(np.array(log_dye), np.array(0.22**2), moments(floor), edges)
    drawn = bin_dye(cells, edges, 1.0).counts / count
    assert np.abs(np.cumsum(found) - np.cumsum(drawn)).max() < 0.01


def test_moments_are_those_of_the_sum() -> None:
    mean, variance, third = peak_moments(np.array(7.0), np.array(0.1), moments(FLOOR))
    drawn = np.random.default_rng(24).lognormal(7.0, math.sqrt(0.1), 2_000_000)
    assert mean == pytest.approx(drawn.mean() + FLOOR.mean, rel=2e-3)
    assert variance == pytest.approx(drawn.var() + FLOOR.variance, rel=1e-2)
    assert third == pytest.approx(np.mean((drawn - drawn.mean()) ** 3) + FLOOR.third, rel=5e-2)


def test_the_floor_is_measured_without_its_outermost_cells() -> None:
    random = np.random.default_rng(25)
    cells = random.normal(100, 20, 5000)
    found = Floor.measure(np.append(cells, [1e6, np.nan]))
    assert found.mean == pytest.approx(100, abs=2)
    assert found.deviation == pytest.approx(20, rel=0.05)
    assert found.events == 5001
    for wrong in ([], [3.0], [2.0, 2.0], [np.nan, np.inf]):
        with pytest.raises(ValueRangeError):
            Floor.measure(wrong)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(log_dye=st.floats(2.0, 12.0), width=st.floats(0.03, 1.0), third=st.floats(0.0, 3.0))
def test_shares_sum_to_one_and_slopes_are_those_of_differences(log_dye: float, width: float, third: float) -> None:
    floor = np.array([150.0, 2500.0, third * 125_000.0])
    edges = np.sinh(np.linspace(-1, 9, 40)) * 50
    at = np.array(log_dye), np.array(width**2)
    shares, by_dye, by_variance = peak_probabilities_with_slopes(*at, floor, edges)
    assert shares.sum() == pytest.approx(1.0, abs=1e-12)
    assert by_dye.sum() == pytest.approx(0.0, abs=1e-9)
    step = 1e-5
    for slope, move in ((by_dye, (step, 0.0)), (by_variance, (0.0, step * width**2))):
        high = peak_probabilities(at[0] + move[0], at[1] + move[1], floor, edges)
        low = peak_probabilities(at[0] - move[0], at[1] - move[1], floor, edges)
        expected = (high - low) / (2 * sum(move))
        assert slope == pytest.approx(expected, abs=2e-3 * np.abs(expected).max() + 1e-6)


def test_bins_hold_every_cell_once() -> None:
    random = np.random.default_rng(26)
    cells = np.append(random.lognormal(8, 0.5, 5000), [np.nan, -50.0])
    edges, cofactor = bin_edges(cells, FLOOR)
    histogram = bin_dye(cells, edges, cofactor)
    assert histogram.total == 5001
    assert cofactor == FLOOR.deviation
    assert np.diff(histogram.scaled_edges()) == pytest.approx(np.diff(histogram.scaled_edges())[0])
    for wrong in ([], [1.0, 1.0], [np.nan]):
        with pytest.raises(ValueRangeError):
            bin_edges(wrong, None)


def test_squared_residuals_are_the_poisson_deviance() -> None:
    counts = np.array([0.0, 1.0, 7.0, 100.0, 1000.0, 1000.0])
    expected = np.array([0.3, 1.7, 7.0, 130.0, 1000.9, 1001.1])  # on both sides of where the series takes over
    residuals, slopes = deviance_residuals(counts, expected)
    deviance = 2 * (xlogy(counts, counts / expected) - counts + expected)
    assert residuals**2 == pytest.approx(deviance, rel=1e-8, abs=1e-12)
    assert (np.sign(residuals) == np.sign(expected - counts)).all()
    step = 1e-6 * expected
    ends = [deviance_residuals(counts, expected + s * step)[0] for s in (1, -1)]
    assert slopes == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-4)


@pytest.mark.parametrize("growing", [False, True])
def test_derivatives_of_the_problem(growing: bool) -> None:
    random = np.random.default_rng(27)
    edges = np.sinh(np.linspace(0, 7.5, 41)) * 40
    floors = np.repeat(moments(FLOOR)[:, np.newaxis], 3, axis=1)
    known = np.array([[9.0, -1.5, 0.004]]).repeat(3, axis=0)
    problem = GenerationProblem(edges, np.full((3, 42), 100.0), floors, 3, growing, known, np.full((3, 3), 2.0))
    shape = [9.1, -1.4, 0.006][: problem.shape_parameters]
    parameters = np.array([[*shape, 0.3, 0.2, 0.1, 0.4]]) * random.uniform(0.95, 1.05, (3, 1))
    problem = replace(problem, counts=random.poisson(problem.expected(parameters)).astype(float))
    values, columns = problem.evaluate(parameters)
    assert values.shape == (3, 45)
    for k in range(parameters.shape[1]):
        step = np.zeros(parameters.shape[1])
        step[k] = 1e-6
        high, low = (problem.evaluate(parameters + s * step)[0] for s in (1, -1))
        expected = (high - low) / 2e-6
        assert columns[k] == pytest.approx(expected, abs=2e-3 * np.abs(expected).max())
    part = problem.take(np.array([2, 0])).evaluate(parameters[[2, 0]])[0]
    assert part == pytest.approx(values[[2, 0]])


def test_dye_halves() -> None:
    assert np.exp(log_medians(np.array([5.0]), 3))[0] == pytest.approx(math.exp(5) / np.array([1, 2, 4, 8]))
