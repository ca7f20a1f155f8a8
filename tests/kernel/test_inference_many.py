"""Very many small problems: the same answers as the careful search, whatever the company."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special

from limus.kernel.errors import ValueRangeError
from limus.kernel.inference import (
    Bounds,
    FitStatus,
    ProfileEnd,
    fit_least_squares,
    fit_many,
    profile_interval,
    profile_many,
)
from limus.kernel.inference.small_systems import cholesky, invert, solve

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Decay:
    """``a exp(-b x) + c`` against data, one lane a row."""

    x: Floats
    y: Floats

    def take(self, lanes: NDArray[np.intp], /) -> Decay:
        return Decay(self.x, self.y[lanes])

    def evaluate(self, parameters: Floats, /) -> tuple[Floats, Floats]:
        a, b, c = (parameters[:, k, np.newaxis] for k in range(3))
        fall = np.exp(-b * self.x)
        return a * fall + c - self.y, np.stack([fall, -a * self.x * fall, np.ones_like(self.y)])


@dataclass(frozen=True, eq=False)
class Parameter:
    """One of the parameters as a quantity."""

    place: int
    count: int = 3

    def take(self, lanes: NDArray[np.intp], /) -> Parameter:
        return self

    def evaluate(self, parameters: Floats, /) -> tuple[Floats, Floats]:
        gradient = np.zeros((self.count, len(parameters)))
        gradient[self.place] = 1.0
        return parameters[:, self.place], gradient


def decays(lanes: int, seed: int = 1) -> tuple[Decay, Floats]:
    random = np.random.default_rng(seed)
    x = np.linspace(0, 5, 12)
    truth = np.stack([random.uniform(2, 9, lanes), random.uniform(0.4, 2, lanes), random.uniform(-1, 1, lanes)], axis=1)
    a, b, c = (truth[:, k, np.newaxis] for k in range(3))
    return Decay(x, a * np.exp(-b * x) + c + 0.1 * random.standard_normal((lanes, 12))), np.tile(
        [5.0, 1.0, 0.0], (lanes, 1)
    )


def carefully(problem: Decay, start: Floats, bounds: Bounds | None = None):  # type: ignore[no-untyped-def]
    return fit_least_squares(
        lambda p: problem.evaluate(p)[0],
        start,
        bounds=bounds,
        jacobian=lambda p: np.moveaxis(problem.evaluate(p)[1], 0, 2),
        tolerance=1e-11,
    )


def test_the_same_as_the_careful_search() -> None:
    problem, start = decays(300)
    quick, careful = fit_many(problem, start), carefully(problem, start)
    # both stop at a share of a standard error: 1e-8 and 1e-11
    assert (np.abs(quick.parameters - careful.parameters) / careful.standard_errors).max() < 1e-6
    np.testing.assert_allclose(quick.covariance, careful.covariance, rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(quick.sum_of_squares, careful.sum_of_squares, rtol=1e-12)
    np.testing.assert_allclose(quick.residuals, problem.evaluate(quick.parameters)[0], atol=1e-12)
    assert set(quick.status) == {FitStatus.CONVERGED}
    assert quick.degrees_of_freedom == 9


def test_lanes_do_not_depend_on_each_other_or_on_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, start = decays(100)
    whole = fit_many(problem, start)
    monkeypatch.setattr("limus.kernel.inference.many.CHUNK_NUMBERS", 1)
    chunks = fit_many(problem, start)
    np.testing.assert_allclose(chunks.parameters, whole.parameters, rtol=1e-9, atol=1e-9)
    alone = fit_many(problem.take(np.array([37])), start[:1])
    np.testing.assert_allclose(alone.parameters[0], whole.parameters[37], rtol=1e-9, atol=1e-9)


def test_bounds_may_differ_between_lanes() -> None:
    problem, start = decays(40)
    free = fit_many(problem, start)
    lower = np.tile([-np.inf, -np.inf, -np.inf], (40, 1))
    lower[::2, 2] = free.parameters[::2, 2] + 0.2
    bounds = Bounds.create(lower, np.full((40, 3), np.inf))
    begin = np.maximum(start, lower)
    for fit in (fit_many(problem, begin, bounds=bounds), carefully(problem, begin, bounds)):
        assert fit.at_bound[::2, 2].all()
        assert not fit.at_bound[1::2].any()
        assert set(fit.status[::2]) == {FitStatus.AT_BOUND}
        np.testing.assert_allclose(fit.parameters[::2, 2], lower[::2, 2])
        np.testing.assert_allclose(fit.parameters[1::2], free.parameters[1::2], rtol=1e-6)
        assert np.isnan(fit.standard_errors[::2, 2]).all()
    held = carefully(problem, begin, bounds)
    np.testing.assert_allclose(
        fit_many(problem, begin, bounds=bounds).parameters, held.parameters, rtol=1e-6, atol=1e-7
    )


def test_what_the_quick_search_leaves_is_finished_by_the_careful_one() -> None:
    """BoxBOD of NIST's collection, certified values, from both starts; the first one is far off."""
    x = np.array([1.0, 2, 3, 5, 7, 10])
    y = np.array([109.0, 149, 149, 191, 213, 224])

    class BoxBod:
        def __init__(self, count: int) -> None:
            self.count = count

        def take(self, lanes: NDArray[np.intp], /) -> BoxBod:
            return BoxBod(len(lanes))

        def evaluate(self, p: Floats, /) -> tuple[Floats, Floats]:
            fall = np.exp(-p[:, 1:] * x)
            return p[:, :1] * (1 - fall) - y, np.stack([1 - fall, p[:, :1] * x * fall])

    fit = fit_many(BoxBod(2), [[1.0, 1.0], [100.0, 0.75]])
    for lane in range(2):
        assert fit.parameters[lane] == pytest.approx([2.1380940889e02, 5.4723748542e-01], rel=1e-7)
        assert fit.standard_errors[lane] == pytest.approx([1.2354515176e01, 1.0455993237e-01], rel=1e-6)


def test_lanes_that_fail_say_so() -> None:
    problem, start = decays(3)
    spoiled = Decay(problem.x, np.where(np.arange(3)[:, np.newaxis] == 1, np.nan, problem.y))
    fit = fit_many(spoiled, start)
    assert [str(status) for status in fit.status] == ["converged", "not_finite", "converged"]
    assert np.isnan(fit.covariance[1]).all()


def test_a_direction_without_influence_is_flat() -> None:
    class Sum:
        def take(self, lanes: NDArray[np.intp], /) -> Sum:
            return self

        def evaluate(self, p: Floats, /) -> tuple[Floats, Floats]:
            x = np.arange(5.0)
            ones = np.ones((len(p), 5))
            return p[:, :1] + p[:, 1:] - x, np.stack([ones, ones])

    fit = fit_many(Sum(), [[0.0, 0.0]])
    assert fit.status == (FitStatus.FLAT,)
    assert np.isinf(fit.standard_errors).all()


def test_bad_input() -> None:
    problem, start = decays(2)
    with pytest.raises(ValueRangeError, match="tolerance"):
        fit_many(problem, start, tolerance=2.0)
    with pytest.raises(ValueRangeError, match="bounds"):
        fit_many(problem, start, bounds=Bounds.none(2))
    with pytest.raises(ValueRangeError, match="lane 1"):
        Bounds.create([[0.0], [1.0]], [[1.0], [0.0]])
    with pytest.raises(ValueRangeError, match="no lanes"):
        fit_many(problem, np.empty((0, 3)))
    with pytest.raises(ValueRangeError, match="residuals"):
        fit_many(Decay(problem.x[:2], problem.y[:, :2]), start)
    with pytest.raises(ValueRangeError, match="rise"):
        profile_many(problem, Parameter(0), start, standard_errors=1.0, rise=0.0, scale=1.0)


def test_small_systems() -> None:
    random = np.random.default_rng(3)
    factor = random.standard_normal((4, 4, 7))
    matrix = np.einsum("ikb,jkb->ijb", factor, factor)
    right = random.standard_normal((4, 7))
    triangle, pivot = cholesky(matrix)
    assert (pivot > 0).all()
    for b in range(7):
        np.testing.assert_allclose(
            solve(triangle, right)[:, b], np.linalg.solve(matrix[:, :, b], right[:, b]), rtol=1e-6
        )
        np.testing.assert_allclose(invert(triangle)[:, :, b], np.linalg.inv(matrix[:, :, b]), rtol=1e-6, atol=1e-9)
    singular = np.ones((2, 2, 1))
    assert cholesky(singular)[1][0] <= 1e-15


def test_profiles_are_those_of_one_problem_at_a_time() -> None:
    problem, start = decays(3)
    fit = fit_many(problem, start)
    variance = fit.sum_of_squares / 9
    rise = variance * special.stdtrit(9, 0.975) ** 2
    for k in range(3):
        found = profile_many(
            problem,
            Parameter(k),
            fit.parameters,
            standard_errors=fit.standard_errors[:, k],
            rise=rise,
            scale=variance,
        )
        for lane in range(3):
            one = problem.take(np.array([lane]))
            alone = profile_interval(lambda p, one=one: one.evaluate(p)[0], fit.parameters[lane], k)
            # inner fits end at 1e-6 standard errors
            assert found.lower[lane] == pytest.approx(alone.lower, abs=1e-4 * fit.standard_errors[lane, k])
            assert found.upper[lane] == pytest.approx(alone.upper, abs=1e-4 * fit.standard_errors[lane, k])
            assert found.lower_end[lane] is ProfileEnd.CLOSED


def test_ends_of_profiles_that_do_not_close() -> None:
    problem, start = decays(2)
    fit = fit_many(problem, start)
    settings = {"standard_errors": fit.standard_errors[:, 2], "rise": 1.0, "scale": fit.sum_of_squares / 9}
    wall = Bounds.create([-np.inf, -np.inf, -np.inf], [np.inf, np.inf, float(fit.parameters[:, 2].max()) + 1e-3])
    bound = profile_many(problem, Parameter(2), fit.parameters, bounds=wall, **settings)
    assert bound.upper_end[int(np.argmax(fit.parameters[:, 2]))] is ProfileEnd.BOUND
    near = profile_many(problem, Parameter(2), fit.parameters, farthest=1e-6, **settings)
    assert set(near.lower_end) == {ProfileEnd.OPEN}
    assert np.isnan(near.lower).all()
    worse = fit.parameters.copy()
    worse[:, 0] += 2.0
    elsewhere = profile_many(problem, Parameter(2), worse, **settings)
    assert ProfileEnd.BETTER_MINIMUM in {*elsewhere.lower_end, *elsewhere.upper_end}
