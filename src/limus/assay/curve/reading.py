"""Doses of unknowns read off fitted standard curves (inverse prediction), with intervals."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.assay.curve.dose import quantile, variance_of
from limus.assay.curve.inverse import columns_of, ends_of, gradient_at, invert
from limus.assay.curve.records import CurveFits, Readings
from limus.assay.curve.weights import SMALLEST_SHARE
from limus.kernel.errors import RefusedError, ValueRangeError

__all__ = ["read_curve", "response_variance"]

Floats = NDArray[np.float64]


def read_curve(
    fits: CurveFits,
    responses: ArrayLike,
    *,
    curve: ArrayLike = 0,
    replicates: ArrayLike = 1,
    level: float = 0.95,
) -> Readings:
    """Read the doses at which fitted curves have given responses, with intervals by the delta method.

    ``var(log x) = (g' V g + var(y) / m) / (df/dlog x)**2`` with the covariance V of all parameters and
    ``var(y) = s**2 |y|**exponent`` (relative to the curve's largest response), m readings behind the mean response. The
    interval is symmetric in log x; for a straight line, where x may be negative, in x.

    Parameters
    ----------
    fits : CurveFits
    responses : (M,) array_like
        Mean responses.
    curve : int or (M,) array_like of int
        Which curve each is read off.
    replicates : float or (M,) array_like
        How many readings each mean is of; infinity leaves the response's own error out.
    level : float
        Confidence level, a fraction.

    Returns
    -------
    Readings

    Raises
    ------
    ValueRangeError
        An index out of range, replicates below 1, or a level out of range.
    RefusedError
        The model is not monotone: a response belongs to two doses.
    """
    y = np.atleast_1d(np.asarray(responses, dtype=np.float64))
    index = np.broadcast_to(np.asarray(curve, dtype=np.intp), y.shape)
    count = np.broadcast_to(np.asarray(replicates, dtype=np.float64), y.shape)
    if len(y) and not (index.min() >= 0 and index.max() < len(fits)):
        raise ValueRangeError("curve", f"{index.min()} to {index.max()}", f"0 to {len(fits) - 1}", "correct the index")
    if not (count >= 1).all():
        raise ValueRangeError("replicates", count[~(count >= 1)][0], "1 or more", "correct the number")
    if not fits.model.family.monotone:
        allowed = "a monotone model, such as ll4, ll5 or line"
        raise RefusedError(
            "reading doses off a curve", fits.model.name, allowed, "fit the standards with another model"
        )
    parameters = np.nan_to_num(fits.parameters)[index]
    family = fits.model.family
    low, high = (end[index] for end in fits.data.dose_range)
    found = invert(family, parameters, y, low, high)
    straight = family.name == "line"
    if straight:
        found = np.zeros_like(y)  # the slope in the dose is the same everywhere
    _, own, steep = gradient_at(family, parameters, found)
    with np.errstate(all="ignore"):
        dose = (y - parameters[:, 0]) / parameters[:, 1] if straight else np.exp(found)
        if straight:
            own, steep = np.stack([np.ones_like(y), dose]), parameters[:, 1]
        error = np.sqrt(
            (variance_of(own, fits.covariance[index]) + response_variance(fits, y, index) / count) / steep**2
        )
        half = quantile(level, fits.degrees_of_freedom[index]) * error
        ends = (dose - half, dose + half) if straight else (dose * np.exp(-half), dose * np.exp(half))
        log_error = error / np.abs(dose) if straight else error
        place = np.log(dose) if straight else found
    usable = fits.usable[index] & np.isfinite(y)
    status = np.full(y.shape, "ok", dtype=object)
    status[(place < low - 1e-9) | (dose <= 0)] = "below_doses"
    status[place > high + 1e-9] = "above_doses"
    if not straight:
        zero, infinite = ends_of(family, parameters)[:2]
        missing = ~np.isfinite(found)
        beyond = (y - zero) * np.sign(infinite - zero) > 0
        status[missing & beyond], status[missing & ~beyond] = "above_curve", "below_curve"
    status[~usable] = "no_fit"
    known = usable & np.isfinite(dose)
    return Readings(
        dose=_sealed(np.where(known, dose, np.nan)),
        lower=_sealed(np.where(known, ends[0], np.nan)),
        upper=_sealed(np.where(known, ends[1], np.nan)),
        log_standard_error=_sealed(np.where(known, log_error, np.nan)),
        status=tuple(map(str, status)),
    )


def response_variance(fits: CurveFits, responses: Floats, curve: NDArray[np.intp]) -> Floats:
    """Return the variance (M,) of one response of given size, by the fit's variance model."""
    variance = fits.residual_standard_deviation[curve] ** 2
    if fits.exponent == 0:
        return variance
    with np.errstate(all="ignore"):
        fitted = fits.model.family.formula(columns_of(fits.parameters), fits.data.log_doses)[0]
    largest = np.where(fits.data.weights > 0, np.abs(fitted), 0.0).max(axis=1)[curve]
    return variance * np.maximum(np.abs(responses) / largest, SMALLEST_SHARE) ** fits.exponent


def _sealed(array: Floats) -> Floats:
    array.flags.writeable = False
    return array
