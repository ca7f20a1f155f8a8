"""Intervals of parameters and doses: Wald (delta method) and profile likelihood, for all curves at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.assay.curve.dose import DoseQuantity, dose_quantity, quantile
from limus.assay.curve.models import is_dose
from limus.assay.curve.problem import CurveProblem
from limus.assay.curve.records import CurveFits, DoseEstimates, DoseStatus
from limus.kernel.errors import RefusedError
from limus.kernel.inference import Bounds, LaneQuantity, ManyProfiles, ProfileEnd, profile_many

__all__ = ["ParameterIntervals", "parameter_intervals", "profile_doses", "profile_parameters"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ParameterIntervals:
    """Intervals of all parameters of C curves.

    Attributes
    ----------
    lower, upper : (C, P) numpy.ndarray
        In the parameters' units; doses in their own unit, not as logarithms. NaN where there is none.
    method : str
        ``wald`` or ``profile``.
    level : float
        Confidence level, a fraction.
    """

    lower: Floats
    upper: Floats
    method: str
    level: float


@dataclass(frozen=True, eq=False)
class _OneParameter:
    """A fitted parameter as a quantity."""

    place: int
    count: int

    def take(self, lanes: NDArray[np.intp], /) -> _OneParameter:
        return self

    def evaluate(self, parameters: Floats, /) -> tuple[Floats, Floats]:
        gradient = np.zeros((self.count, len(parameters)))
        gradient[self.place] = 1.0
        return parameters[:, self.place].copy(), gradient


def parameter_intervals(fits: CurveFits, *, level: float = 0.95) -> ParameterIntervals:
    """Return Wald intervals: estimate and t-quantile times standard error; doses on the logarithm.

    Parameters
    ----------
    fits : CurveFits
    level : float
        Confidence level, a fraction.

    Returns
    -------
    ParameterIntervals

    Raises
    ------
    ValueRangeError
        The level is out of range.
    """
    half = quantile(level, fits.degrees_of_freedom)[:, np.newaxis] * fits.standard_errors
    fitted = np.zeros(len(fits.model.parameters), dtype=np.bool_)
    fitted[list(fits.layout.free)] = True
    half = np.where(np.isfinite(half) & fitted, half, np.nan)
    return ParameterIntervals(*_as_doses(fits, fits.parameters - half, fits.parameters + half), "wald", level)


def _as_doses(fits: CurveFits, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    doses = np.array([is_dose(name) for name in fits.model.parameters], dtype=np.bool_)
    with np.errstate(over="ignore"):
        return np.where(doses, np.exp(lower), lower), np.where(doses, np.exp(upper), upper)


def profile_parameters(fits: CurveFits, *, level: float = 0.95) -> ParameterIntervals:
    """Return profile-likelihood intervals of every fitted parameter; an end that is not closed is NaN.

    Parameters
    ----------
    fits : CurveFits
    level : float
        Confidence level, a fraction.

    Returns
    -------
    ParameterIntervals

    Raises
    ------
    ValueRangeError
        The level is out of range.
    RefusedError
        The fit was robust: its loss has no likelihood.
    """
    free = fits.layout.free
    lower, upper = np.full(fits.parameters.shape, np.nan), np.full(fits.parameters.shape, np.nan)
    rows = np.flatnonzero(fits.usable)
    for place, k in enumerate(free):
        found = _profile(fits, _OneParameter(place, len(free)), rows, fits.standard_errors[rows, k], level, np.inf)
        lower[rows, k], upper[rows, k] = found.lower, found.upper
    return ParameterIntervals(*_as_doses(fits, lower, upper), "profile", level)


def profile_doses(
    fits: CurveFits, estimates: DoseEstimates, target: Floats, *, relative: bool, level: float = 0.95
) -> tuple[DoseEstimates, tuple[str, ...]]:
    """Return the same doses with profile-likelihood intervals, and how each interval ended.

    Weights of a variance model, and sigma where responses are censored, are held at their estimates.

    Parameters
    ----------
    fits : CurveFits
    estimates : DoseEstimates
        From :func:`limus.assay.curve.dose.half_dose` or its like.
    target : (C,) numpy.ndarray
        Share of the effect (0.5 for the relative IC50), or response.
    relative : bool
        Which of the two.
    level : float
        Confidence level, a fraction.

    Returns
    -------
    estimates : DoseEstimates
        An end that is not closed is NaN.
    ends : tuple of str
        ``closed``, or what stands in the way: ``lower open``, ``upper bound``, ...; empty where there is no dose.

    Raises
    ------
    ValueRangeError
        The level is out of range.
    RefusedError
        The fit was robust: its loss has no likelihood.
    """
    rows = np.flatnonzero([status is DoseStatus.OK for status in estimates.status])
    lower, upper = np.full(len(fits), np.nan), np.full(len(fits), np.nan)
    said = [""] * len(fits)
    if len(rows):
        quantity: DoseQuantity = dose_quantity(fits, target, relative).take(rows)
        low, high = fits.data.dose_range
        reach = 2 * float(np.log(1e4)) + (high - low)[rows]
        found = _profile(fits, quantity, rows, estimates.log_standard_error[rows], level, reach)
        lower[rows], upper[rows] = np.exp(found.lower), np.exp(found.upper)
        for row, ends in zip(rows, zip(found.lower_end, found.upper_end, strict=True), strict=True):
            open_ends = [
                f"{side} {end}"
                for side, end in zip(("lower", "upper"), ends, strict=True)
                if end is not ProfileEnd.CLOSED
            ]
            said[row] = ", ".join(open_ends) or "closed"
    for array in (lower, upper):
        array.flags.writeable = False
    return replace(estimates, lower=lower, upper=upper), tuple(said)


def _profile(
    fits: CurveFits,
    quantity: LaneQuantity,
    rows: NDArray[np.intp],
    errors: Floats,
    level: float,
    farthest: Floats | float,
) -> ManyProfiles:
    if fits.robust != "none":
        raise RefusedError("profile-likelihood interval", f"robust loss {fits.robust}", "no robust loss", "use wald")
    problem, variance = profile_problem(fits, rows)
    rise = variance * quantile(level, fits.degrees_of_freedom[rows]) ** 2
    tiny = 1e-300
    free = list(fits.layout.free)
    return profile_many(
        problem,
        quantity,
        fits.parameters[rows][:, free],
        standard_errors=errors,
        rise=np.maximum(rise, tiny),
        scale=np.maximum(variance, tiny),
        bounds=Bounds(fits.box[0][rows][:, free], fits.box[1][rows][:, free]),
        farthest=farthest,
    )


def profile_problem(fits: CurveFits, rows: NDArray[np.intp]) -> tuple[CurveProblem, Floats]:
    """Return the problem at the final weights, and the variance of its residuals."""
    censored = (fits.data.censoring[rows] != 0).any()
    sigma = np.maximum(fits.residual_standard_deviation, 1e-150)
    problem = CurveProblem.create(fits.data, fits.layout, fits.weights, sigma if censored else None).take(rows)
    return problem, np.ones(len(rows)) if censored else sigma[rows] ** 2
