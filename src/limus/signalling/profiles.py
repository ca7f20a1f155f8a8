"""Profile likelihoods of a pathway model's fitted constants: what the observations say of each, and what the prior.

One constant is held at a value, the others are fitted again, and the rise of minus two log posterior over its minimum
is recorded: once with the prior and once with the observations alone. Where the rise is 3.84 (chi-square, one degree of
freedom) the 95 % interval ends. A curve is ``identified`` if it ends on both sides, ``one_sided`` on one, ``flat`` on
none, within 2.5 standard errors of the fit or its bounds.

Points go outward from the fit in turn, each starting where a line through its neighbours points; a point that comes out
above its outer neighbour is fitted again from there. Derivatives are differences at the start, then kept up by rank-one
changes (Broyden 1965). A rise is thus an upper bound of the exact one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from limus.kernel.execution import Execution
from limus.kernel.inference import Bounds, FitStatus, fit_least_squares
from limus.signalling.fit_problem import FitProblem, fit_problem
from limus.signalling.prediction import load_settings, split_observations
from limus.signalling.prior_share import is_prior_driven
from limus.signalling.sourced_model import SourcedModel, SourcedParameter

__all__ = ["RISE_95", "Profile", "ProfileCurve", "ProfileStatus", "profile_fit", "profile_problem"]

RISE_95 = 3.841458820694124  # 0.95 quantile of chi-square, one degree of freedom
_REACH = 2.5  # standard errors on either side
_SIDE = 3  # points on either side
_STEP = 0.02  # of log10, for differences
_ITERATIONS = 8
_ROUNDS = 3  # of new differences, for lanes that have not arrived
_TOLERANCE = 5e-2  # distance to the minimum in standard errors

Floats = NDArray[np.float64]


class ProfileStatus(StrEnum):
    """On how many sides a profile ends."""

    IDENTIFIED = "identified"
    ONE_SIDED = "one_sided"
    FLAT = "flat"


@dataclass(frozen=True, eq=False)
class ProfileCurve:
    """A profile.

    Attributes
    ----------
    rise : (G,) array
        Of minus two log posterior (or likelihood) over its minimum.
    lower, upper : float
        Ends of the 95 % interval, log10; NaN where the curve does not end on that side.
    status : ProfileStatus
    """

    rise: Floats
    lower: float
    upper: float
    status: ProfileStatus


@dataclass(frozen=True, eq=False)
class Profile:
    """The profiles of one constant.

    Attributes
    ----------
    parameter : SourcedParameter
    log10_fit : float
    log10_values : (G,) array
        Where it was held, increasing; the fit in the middle.
    with_prior, without_prior : ProfileCurve
    """

    parameter: SourcedParameter
    log10_fit: float
    log10_values: Floats
    with_prior: ProfileCurve
    without_prior: ProfileCurve

    @property
    def prior_driven(self) -> bool:
        """Whether the observations say little about it (:func:`limus.signalling.prior_share.is_prior_driven`)."""
        return is_prior_driven(self.share_of_prior_width)

    @property
    def share_of_prior_width(self) -> float:
        """Width of the 95 % interval over that of the prior alone; NaN where it does not end."""
        width = self.with_prior.upper - self.with_prior.lower
        return width / (2.0 * math.sqrt(RISE_95) * self.parameter.prior_log10_sd)


def profile_fit(
    model: SourcedModel, values: Floats, log10_covariance: Floats, *, execution: Execution | None = None
) -> tuple[Profile, ...]:
    """Profile every fitted constant of a library model around a fit.

    Parameters
    ----------
    model : SourcedModel
        Loaded without its accepted fit.
    values : (P,) array
        The fit, canonical units.
    log10_covariance : (P, P) array
        Of log10 of the fit; the prior's standard deviation is used where its diagonal is zero (a value at its bound).
    execution : Execution, optional
        Progress.

    Returns
    -------
    tuple of Profile

    Raises
    ------
    SolveError
        A simulation failed.
    """
    execution = execution or Execution()
    settings = load_settings(model.name)
    shown, _ = split_observations(model, settings)
    problem = fit_problem(model, [row for row in shown if row.use == "fit"], settings, execution)
    execution.progress.start("profiles", 0)
    try:
        return profile_problem(problem, np.log10(values), np.asarray(log10_covariance, dtype=np.float64))
    finally:
        execution.progress.finish()


def profile_problem(problem: FitProblem, centre: Floats, covariance: Floats) -> tuple[Profile, ...]:
    """Profile every parameter of a fit problem.

    Parameters
    ----------
    problem : FitProblem
    centre : (P,) array
        The fit, log10.
    covariance : (P, P) array
        log10; the prior's standard deviation is used where its diagonal is zero.

    Returns
    -------
    tuple of Profile
    """
    count = len(centre)
    spread = np.diag(covariance)
    errors = np.sqrt(np.where(spread > 0, spread, problem.spread**2))
    grids = np.array([_grid(problem, j, centre[j], errors[j]) for j in range(count)])
    alone, alone_sum = _without_prior(problem, centre)
    curves = _Curves(problem, np.tile(grids, (2, 1)), np.repeat([1.0, 0.0], count))
    everyone = np.arange(2 * count)
    curves.fit(
        everyone, np.full(2 * count, _SIDE), np.vstack([np.tile(centre, (count, 1)), np.tile(alone, (count, 1))])
    )
    slope = covariance / np.where(spread > 0, spread, 1.0)[:, None]  # row j: how the others go with parameter j
    slope[np.diag_indices(count)] = 1.0
    both, sides = np.tile(everyone, 2), np.repeat([-1, 1], 2 * count)
    for k in range(1, _SIDE + 1):
        near = curves.points[both, _SIDE + sides * (k - 1)]
        if k == 1:
            step = curves.grids[both, _SIDE + sides] - curves.grids[both, _SIDE]
            ahead = slope[both % count] * step[:, None]
        else:
            ahead = near - curves.points[both, _SIDE + sides * (k - 2)]
        curves.fit(both, _SIDE + sides * k, near + ahead)
    for k in range(_SIDE - 1, -1, -1):  # inward, where the outer neighbour came out lower
        outer, here = _SIDE + sides * (k + 1), _SIDE + sides * k
        worse = np.flatnonzero(curves.sums[both, outer] < curves.sums[both, here])
        if len(worse):
            curves.fit(both[worse], here[worse], curves.points[both[worse], outer[worse]])
    sums = curves.sums
    with_prior, without = sums[:count] - sums[:count].min(), sums[count:] - min(sums[count:].min(), alone_sum)
    return tuple(
        Profile(p, float(centre[j]), grids[j], _curve(grids[j], with_prior[j]), _curve(grids[j], without[j]))
        for j, p in enumerate(problem.parameters)
    )


class _Curves:
    """Every curve's points as far as they are fitted: the first half with the prior, the second without.

    Parameters
    ----------
    problem : FitProblem
    grids : (C, G) array
        Curve c holds parameter ``c % P`` at these values.
    counted : (C,) array
        1 where the prior counts, else 0.
    """

    def __init__(self, problem: FitProblem, grids: Floats, counted: Floats) -> None:
        self.problem, self.grids, self.counted = problem, grids, counted
        self.sums = np.full(grids.shape, np.inf)
        self.points = np.full((*grids.shape, len(problem.prior)), np.nan)
        self.known: dict[bytes, Floats] = {}

    def fit(self, curves: NDArray[np.int64], places: NDArray[np.int64], starts: Floats) -> None:
        """Fit points of curves, each once, and keep what is lower than before."""
        todo = np.arange(len(curves))
        starts = np.clip(starts, self.problem.bounds.lower, self.problem.bounds.upper)
        for _ in range(_ROUNDS):
            held = self.grids[curves[todo], places[todo]]
            fixed = curves[todo] % len(self.problem.prior)
            lanes = _Lanes(self.problem, fixed, held, self.counted[curves[todo]], self.known)
            found, sums, arrived = _refit(lanes, starts[todo])
            starts[todo] = found
            lower = sums < self.sums[curves[todo], places[todo]]
            at = curves[todo][lower], places[todo][lower]
            self.sums[at], self.points[at] = sums[lower], found[lower]
            todo = todo[~arrived]
            if not len(todo):
                return


def _grid(problem: FitProblem, j: int, centre: float, error: float) -> Floats:
    """The fit in the middle, and on either side equal steps to 2.5 standard errors or the bound."""
    reach = _REACH * (error if error > 0 else problem.spread[j])
    below = min(reach, centre - problem.bounds.lower[j])
    above = min(reach, problem.bounds.upper[j] - centre)
    steps = np.arange(1, _SIDE + 1) / _SIDE
    return np.concatenate([centre - below * steps[::-1], [centre], centre + above * steps])


def _curve(grid: Floats, rise: Floats) -> ProfileCurve:
    least = int(np.argmin(rise))
    lower, upper = _crossing(grid[least::-1], rise[least::-1]), _crossing(grid[least:], rise[least:])
    ends = sum(not math.isnan(end) for end in (lower, upper))
    status = (ProfileStatus.FLAT, ProfileStatus.ONE_SIDED, ProfileStatus.IDENTIFIED)[ends]
    return ProfileCurve(rise, lower, upper, status)


def _crossing(grid: Floats, rise: Floats) -> float:
    """Where the rise, low at first, passes 3.84; its root is near to linear between points."""
    if rise[0] >= RISE_95:  # the interval lies between two points, or beyond the last
        return float(grid[0]) if len(grid) > 1 else math.nan
    for k in range(1, len(grid)):
        if rise[k] >= RISE_95:
            inner, outer = np.sqrt(rise[k - 1]), np.sqrt(rise[k])
            return float(grid[k - 1] + (grid[k] - grid[k - 1]) * (np.sqrt(RISE_95) - inner) / (outer - inner))
    return math.nan


@dataclass(frozen=True, eq=False)
class _Lanes:
    """Fits of all parameters but one, which is held; ``counted`` is 1 where the prior counts, 0 where it does not.

    ``known`` keeps residuals by point, because a fitter asks again for points of lanes that have ended.
    """

    problem: FitProblem
    fixed: NDArray[np.int64]
    value: Floats
    counted: Floats
    known: dict[bytes, Floats] = field(default_factory=dict)

    @property
    def free(self) -> NDArray[np.bool_]:
        """(L, P): what is fitted."""
        return np.arange(len(self.problem.prior))[None, :] != self.fixed[:, None]

    def whole(self, others: Floats) -> Floats:
        """Put the held parameter in."""
        points = np.repeat(self.value[:, None], len(self.problem.prior), axis=1)
        points[self.free] = others.ravel()
        return points

    def residuals(self, others: Floats, /) -> Floats:
        """Of the others, (L, P - 1) to (L, R)."""
        return self.at(self.whole(others), self.counted)

    def at(self, points: Floats, counted: Floats) -> Floats:
        """Residuals at whole points, the prior's last."""
        keys = [point.tobytes() for point in points]
        new = [i for i, key in enumerate(keys) if key not in self.known]
        if new:
            self.known.update(zip((keys[i] for i in new), self.problem.residuals(points[new]), strict=True))
        found = np.array([self.known[key] for key in keys])
        found[:, -len(self.problem.prior) :] *= counted[:, None]
        return found

    def differences(self, others: Floats, base: Floats) -> Floats:
        """Derivatives by the others, (L, R, P - 1), by steps that point into the box."""
        points = self.whole(others)
        lanes, count = others.shape
        upper = np.broadcast_to(self.problem.bounds.upper, points.shape)[self.free].reshape(others.shape)
        step = np.where(others + _STEP <= upper, _STEP, -_STEP)
        shifted = np.repeat(points[:, None, :], count, axis=1)
        columns = np.broadcast_to(np.arange(points.shape[1]), points.shape)[self.free].reshape(others.shape)
        lane, k = np.indices(others.shape)
        shifted[lane, k, columns] += step
        found = self.at(shifted.reshape(lanes * count, -1), np.repeat(self.counted, count))
        return np.swapaxes((found.reshape(lanes, count, -1) - base[:, None, :]) / step[:, :, None], 1, 2)


class _Secant:
    """Derivatives of the lanes' residuals, changed by rank one wherever the fit has moved.

    Parameters
    ----------
    lanes : _Lanes
    others : (L, P - 1) array
        Where differences are taken.
    """

    def __init__(self, lanes: _Lanes, others: Floats) -> None:
        self.lanes, self.others = lanes, others
        self.residuals = lanes.residuals(others)
        self.matrix = lanes.differences(others, self.residuals)

    def __call__(self, others: Floats, /) -> Floats:
        """Return (L, R, P - 1)."""
        moved = others - self.others
        length = np.sum(moved**2, axis=1)
        residuals = self.lanes.residuals(others)
        missed = residuals - self.residuals - np.einsum("lrp,lp->lr", self.matrix, moved)
        share = moved / np.where(length > 0, length, 1.0)[:, None]
        self.matrix = self.matrix + missed[:, :, None] * share[:, None, :]
        self.others, self.residuals = others.copy(), residuals
        return self.matrix.copy()


def _refit(lanes: _Lanes, points: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Fit the others from whole points: where they end, the sums of squares, and which have arrived."""
    free, box = lanes.free, lanes.problem.bounds
    shape = (len(points), points.shape[1] - 1)
    lower, upper = (np.broadcast_to(end, points.shape)[free].reshape(shape) for end in (box.lower, box.upper))
    start = points[free].reshape(shape)
    fit = fit_least_squares(
        lanes.residuals,
        start,
        bounds=Bounds.create(lower, upper),
        jacobian=_Secant(lanes, start),
        max_iterations=_ITERATIONS,
        tolerance=_TOLERANCE,
    )
    ended = (FitStatus.CONVERGED, FitStatus.AT_BOUND, FitStatus.FLAT)
    return lanes.whole(fit.parameters), fit.sum_of_squares, np.array([s in ended for s in fit.status])


def _without_prior(problem: FitProblem, centre: Floats) -> tuple[Floats, float]:
    """The fit to the observations alone, started at the fit with the prior, and its sum of squares."""
    count = len(problem.prior)

    def residuals(points: Floats, /) -> Floats:
        return problem.residuals(points)[:, :-count]

    def jacobian(points: Floats, /) -> Floats:
        return problem.jacobian(points)[:, :-count]

    fit = fit_least_squares(
        residuals,
        centre[None, :],
        bounds=problem.bounds,
        jacobian=jacobian,
        max_iterations=3 * _ITERATIONS,
        tolerance=_TOLERANCE,
    )
    return fit.parameters[0], float(fit.sum_of_squares[0])
