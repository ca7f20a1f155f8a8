"""Profile likelihoods of a pathway model's fitted constants: what the observations say of each, and what the prior.

One constant is held at a value, the others are fitted again, and the rise of minus two log posterior over its minimum
is recorded: once with the prior and once with the observations alone. Where the rise is 3.84 (chi-square, one degree of
freedom) the 95 % interval ends. A curve is ``identified`` if it ends on both sides, ``one_sided`` on one, ``flat`` on
none, within three standard errors of the fit or its bounds.

Points go outward from the fit in turn, each starting where its neighbour ended. Derivatives are differences at that
start, then kept up by rank-one changes (Broyden 1965): a rise is thus an upper bound of the exact one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from limus.kernel.execution import Execution
from limus.kernel.inference import Bounds, fit_least_squares
from limus.signalling.fit_problem import FitProblem, fit_problem
from limus.signalling.prediction import load_settings, split_observations
from limus.signalling.sourced_model import SourcedModel, SourcedParameter

__all__ = ["RISE_95", "Profile", "ProfileCurve", "ProfileStatus", "profile_fit", "profile_problem"]

RISE_95 = 3.841458820694124  # 0.95 quantile of chi-square, one degree of freedom
_REACH = 3.0  # standard errors on either side
_SIDE = 3  # points on either side
_STEP = 0.02  # of log10, for differences
_ITERATIONS = 6
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
        """Whether the observations alone do not end the interval on both sides."""
        return self.without_prior.status is not ProfileStatus.IDENTIFIED

    @property
    def share_of_prior_width(self) -> float:
        """Width of the 95 % interval over that of the prior alone; NaN where it does not end."""
        width = self.with_prior.upper - self.with_prior.lower
        return width / (2.0 * math.sqrt(RISE_95) * self.parameter.prior_log10_sd)


def profile_fit(
    model: SourcedModel, values: Floats, log10_standard_errors: Floats, *, execution: Execution | None = None
) -> tuple[Profile, ...]:
    """Profile every fitted constant of a library model around a fit.

    Parameters
    ----------
    model : SourcedModel
        Loaded without its accepted fit.
    values : (P,) array
        The fit, canonical units.
    log10_standard_errors : (P,) array
        Of log10 of the fit; the prior's is used where it is zero (a value at its bound).
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
        return profile_problem(problem, np.log10(values), np.asarray(log10_standard_errors, dtype=np.float64))
    finally:
        execution.progress.finish()


def profile_problem(problem: FitProblem, centre: Floats, standard_errors: Floats) -> tuple[Profile, ...]:
    """Profile every parameter of a fit problem.

    Parameters
    ----------
    problem : FitProblem
    centre : (P,) array
        The fit, log10.
    standard_errors : (P,) array
        log10; the prior's is used where it is zero.

    Returns
    -------
    tuple of Profile
    """
    count = len(centre)
    grids = np.array([_grid(problem, j, centre[j], standard_errors[j]) for j in range(count)])
    index = np.tile(np.arange(count), 2)
    counted = np.repeat([1.0, 0.0], count)
    free_fit, free_sum = _without_prior(problem, centre)
    starts = np.vstack([np.tile(centre, (count, 1)), np.tile(free_fit, (count, 1))])
    rises = np.full((2 * count, 2 * _SIDE + 1), np.nan)
    at, rises[:, _SIDE] = _refit(_Lanes(problem, index, np.tile(grids[:, _SIDE], 2), counted), starts)
    # both sides at once: lanes of the lower side, then of the upper
    points, lanes = np.vstack([at, at]), np.tile(index, 2)
    for k in range(1, _SIDE + 1):
        held = np.concatenate([np.tile(grids[:, _SIDE - k], 2), np.tile(grids[:, _SIDE + k], 2)])
        points, found = _refit(_Lanes(problem, lanes, held, np.tile(counted, 2)), points)
        rises[:, _SIDE - k], rises[:, _SIDE + k] = np.split(found, 2)
    rises[:count] -= rises[:count].min()
    rises[count:] -= min(rises[count:].min(), free_sum)
    return tuple(
        Profile(p, float(centre[j]), grids[j], _curve(grids[j], rises[j]), _curve(grids[j], rises[count + j]))
        for j, p in enumerate(problem.parameters)
    )


def _grid(problem: FitProblem, j: int, centre: float, error: float) -> Floats:
    """The fit in the middle, and on either side equal steps to three standard errors or the bound."""
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
    """Fits of all parameters but one, which is held; ``counted`` is 1 where the prior counts, 0 where it does not."""

    problem: FitProblem
    fixed: NDArray[np.int64]
    value: Floats
    counted: Floats

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
        found = self.problem.residuals(points)
        found[:, -len(self.problem.prior) :] *= counted[:, None]
        return found

    def differences(self, points: Floats, base: Floats) -> Floats:
        """Derivatives by all parameters, (L, R, P), by steps that point into the box."""
        lanes, count = points.shape
        step = np.where(points + _STEP <= self.problem.bounds.upper, _STEP, -_STEP)
        shifted = points[:, None, :] + step[:, :, None] * np.eye(count)
        found = self.at(shifted.reshape(lanes * count, count), np.repeat(self.counted, count))
        return np.swapaxes((found.reshape(lanes, count, -1) - base[:, None, :]) / step[:, :, None], 1, 2)


class _Secant:
    """Derivatives of the lanes' residuals, changed by rank one wherever the fit has moved.

    Parameters
    ----------
    lanes : _Lanes
    points : (L, P) array
        Whole points at which differences are taken.
    """

    def __init__(self, lanes: _Lanes, points: Floats) -> None:
        self.lanes, self.points = lanes, points
        self.residuals = lanes.at(points, lanes.counted)
        self.matrix = lanes.differences(points, self.residuals)

    def __call__(self, others: Floats, /) -> Floats:
        """Return (L, R, P - 1)."""
        points = self.lanes.whole(others)
        moved = points - self.points
        length = np.sum(moved**2, axis=1)
        if (length > 0).any():
            residuals = self.lanes.at(points, self.lanes.counted)
            missed = residuals - self.residuals - np.einsum("lrp,lp->lr", self.matrix, moved)
            share = moved / np.where(length > 0, length, 1.0)[:, None]
            self.matrix = self.matrix + missed[:, :, None] * share[:, None, :]
            self.points, self.residuals = points, residuals
        lanes, count = points.shape
        picked = self.matrix[np.repeat(self.lanes.free[:, None, :], self.matrix.shape[1], axis=1)]
        return picked.reshape(lanes, -1, count - 1)


def _refit(lanes: _Lanes, points: Floats) -> tuple[Floats, Floats]:
    """Fit the others from neighbouring points; the whole points and the sums of squares."""
    free, box = lanes.free, lanes.problem.bounds
    shape = (len(points), points.shape[1] - 1)
    lower, upper = (np.broadcast_to(end, points.shape)[free].reshape(shape) for end in (box.lower, box.upper))
    fit = fit_least_squares(
        lanes.residuals,
        np.clip(points[free].reshape(shape), lower, upper),
        bounds=Bounds.create(lower, upper),
        jacobian=_Secant(lanes, np.clip(points, box.lower, box.upper)),
        max_iterations=_ITERATIONS,
        tolerance=_TOLERANCE,
    )
    return lanes.whole(fit.parameters), fit.sum_of_squares


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
