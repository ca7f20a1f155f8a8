"""Doses of an effect on fitted curves (ED, IC50 relative and absolute), with intervals.

Delta method with all parameters: where the curve f has the response y at log dose t, ``f(t; b) = y(b)`` gives
``dt/db = (dy/db - df/db) / (df/dt)``; the plateaus are in both terms. R's drc 3.0 leaves dy/db out for absolute levels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.assay.curve.formulae import LOG_ZERO
from limus.assay.curve.inverse import ends_of, gradient_at, invert
from limus.assay.curve.problem import Layout
from limus.assay.curve.records import CurveFits, CurveStatus, DoseEstimates, DoseStatus
from limus.kernel.errors import ValueRangeError

__all__ = [
    "DoseQuantity",
    "dose_quantity",
    "find_doses",
    "half_dose",
    "no_doses",
    "quantile",
    "response_at",
    "variance_of",
]

Floats = NDArray[np.float64]
_STATUSES = {str(status): status for status in DoseStatus}


def quantile(level: float, freedom: ArrayLike) -> Floats:
    """Return the two-sided quantile of Student's t, or of the normal distribution for infinite degrees of freedom.

    Parameters
    ----------
    level : float
        Confidence level, a fraction.
    freedom : array_like
        Degrees of freedom.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    ValueRangeError
        The level is not between 0 and 1.
    """
    from scipy.special import ndtri, stdtrit  # noqa: PLC0415

    if not 0 < level < 1:
        raise ValueRangeError("level", level, "between 0 and 1", "give a fraction such as 0.95")
    degrees = np.asarray(freedom, dtype=np.float64)
    finite = np.where(np.isfinite(degrees) & (degrees > 0), degrees, 1.0)
    student = np.where(degrees > 0, stdtrit(finite, 0.5 + 0.5 * level), np.nan)
    return np.where(np.isinf(degrees), ndtri(0.5 + 0.5 * level), student)


@dataclass(frozen=True, eq=False)
class DoseQuantity:
    """The log dose of an effect as a function of the fitted parameters, for profiles.

    Attributes
    ----------
    layout : Layout
    level : (B,) numpy.ndarray
        A share of the way from the response at dose 0 to that at an infinite dose, or a response.
    relative : bool
        Which of the two.
    low, high : (B,) numpy.ndarray
        Log doses tested.
    """

    layout: Layout
    level: Floats
    relative: bool
    low: Floats
    high: Floats

    def take(self, lanes: NDArray[np.intp], /) -> DoseQuantity:
        """Return the quantity of some curves."""
        return DoseQuantity(
            self.layout.take(lanes), self.level[lanes], self.relative, self.low[lanes], self.high[lanes]
        )

    def evaluate(self, parameters: Floats, /) -> tuple[Floats, Floats]:
        """Return log doses (B,) and gradients (F, B)."""
        value, gradient = self.with_all(self.layout.fill(parameters))
        return value, gradient[list(self.layout.free)]

    def with_all(self, parameters: Floats) -> tuple[Floats, Floats]:
        """Return log doses (B,) and gradients (P, B) at all parameters (B, P)."""
        family = self.layout.family
        if self.relative:
            zero, infinite, zero_slopes, infinite_slopes = ends_of(family, parameters)
            target = zero + self.level * (infinite - zero)
            slopes = zero_slopes + self.level * (infinite_slopes - zero_slopes)
        else:
            target, slopes = self.level, np.zeros(parameters.shape[::-1])
        found = invert(family, parameters, target, self.low, self.high)
        _, own, steep = gradient_at(family, parameters, found)
        with np.errstate(all="ignore"):
            return found, (slopes - own) / steep


def variance_of(gradient: Floats, covariance: Floats) -> Floats:
    """Return ``g' V g`` (B,) for gradients (P, B); parameters held by a bound count as known."""
    known = np.where(np.isnan(covariance), 0.0, covariance)
    lost = np.isinf(covariance).any(axis=(1, 2))
    finite = np.where(np.isinf(known), 0.0, known)
    return np.where(lost, np.inf, np.einsum("pb,bpq,qb->b", gradient, finite, gradient))


def half_dose(
    fits: CurveFits,
    *,
    top: ArrayLike | None = None,
    bottom: ArrayLike | None = None,
    level: float = 0.95,
    logarithmic: bool = True,
    extrapolate: float = 1.0,
) -> DoseEstimates:
    """Find the IC50 of each curve: relative without ``top`` and ``bottom``, absolute with them.

    Parameters
    ----------
    fits : CurveFits
    top, bottom : float or (C,), optional
        Responses of the controls, usually at dose 0 and at full effect: the absolute IC50 is where the curve has their
        mean. Which of them a curve starts from is seen at dose 0, or from the fit.
        Without them, the relative IC50: the mean of the fitted plateaus.
    level, logarithmic, extrapolate
        As for :func:`find_doses`.

    Returns
    -------
    DoseEstimates

    Raises
    ------
    ValueRangeError
        One of top and bottom only, or equal ones.
    """
    if top is None and bottom is None:
        return find_doses(fits, 50.0, level=level, logarithmic=logarithmic, extrapolate=extrapolate)
    if top is None or bottom is None:
        raise ValueRangeError("controls", "one of top and bottom", "both or neither", "give the other one too")
    high, low = (np.broadcast_to(np.asarray(c, dtype=np.float64), (len(fits),)) for c in (top, bottom))
    if not (high != low).all():
        raise ValueRangeError("controls", f"top and bottom both {high[high == low][0]}", "two values", "correct one")
    return response_at(
        fits,
        0.5 * (high + low),
        start=_start_of(fits, high, low),
        level=level,
        logarithmic=logarithmic,
        extrapolate=extrapolate,
    )


def _start_of(fits: CurveFits, top: Floats, bottom: Floats) -> Floats:
    """Return the control that a curve starts from: the nearer one at dose 0, else as the fit goes, else the top."""
    data = fits.data
    zero = (data.weights > 0) & (data.doses == 0)
    count = zero.sum(axis=1)
    mean = np.where(zero, data.responses, 0.0).sum(axis=1) / np.maximum(count, 1)
    nearer_bottom = np.abs(mean - bottom) < np.abs(mean - top)
    if fits.model.family.name == "line":
        rising = fits.parameters[:, 1] > 0
    else:
        begin, end = ends_of(fits.model.family, np.nan_to_num(fits.parameters))[:2]
        rising = (end - begin) * (top - bottom) > 0
    return np.where(np.where(count > 0, nearer_bottom, rising & fits.usable), bottom, top)


def find_doses(
    fits: CurveFits, percent: float, *, level: float = 0.95, logarithmic: bool = True, extrapolate: float = 1.0
) -> DoseEstimates:
    """Find the dose with a given share of the effect (ED): from the response at dose 0 to that at an infinite dose.

    Parameters
    ----------
    fits : CurveFits
    percent : float
        Between 0 and 100.
    level : float
        Confidence level of the Wald interval, a fraction.
    logarithmic : bool
        Whether the interval is symmetric in the logarithm of the dose (the default) or in the dose.
    extrapolate : float
        Doses up to this factor outside those tested still count as numbers; 1 or more.

    Returns
    -------
    DoseEstimates

    Raises
    ------
    ValueRangeError
        The percentage or the level is out of range.
    """
    if not 0 < percent < 100:
        raise ValueRangeError("effect", f"{percent} percent", "between 0 and 100", "give a percentage such as 50")
    share = np.full(len(fits), percent / 100)
    if fits.model.family.name in {"line", "bell"}:
        return no_doses(fits, DoseStatus.UNDEFINED)
    return _estimate(fits, share, True, None, level, logarithmic, extrapolate)


def response_at(
    fits: CurveFits,
    response: ArrayLike,
    *,
    start: ArrayLike | None = None,
    level: float = 0.95,
    logarithmic: bool = True,
    extrapolate: float = 1.0,
) -> DoseEstimates:
    """Find the dose at which each curve has a given response.

    Parameters
    ----------
    fits : CurveFits
    response : float or (C,)
    start : float or (C,), optional
        Response that dose 0 should have; says on which side a curve without effect is. By default the fitted one.
    level, logarithmic, extrapolate
        As for :func:`find_doses`.

    Returns
    -------
    DoseEstimates

    Raises
    ------
    ValueRangeError
        The response is not finite, or the level out of range.
    """
    target = np.broadcast_to(np.asarray(response, dtype=np.float64), (len(fits),)).copy()
    if not np.isfinite(target).all():
        raise ValueRangeError("response", target[~np.isfinite(target)][0], "a finite number", "correct the level")
    begin = None if start is None else np.broadcast_to(np.asarray(start, dtype=np.float64), (len(fits),))
    return _estimate(fits, target, False, begin, level, logarithmic, extrapolate)


def dose_quantity(fits: CurveFits, level: Floats, relative: bool) -> DoseQuantity:
    """Return the quantity behind an estimate."""
    low, high = fits.data.dose_range
    return DoseQuantity(fits.layout, level, relative, low, high)


def _estimate(
    fits: CurveFits,
    target: Floats,
    relative: bool,
    start: Floats | None,
    level: float,
    logarithmic: bool,
    extrapolate: float,
) -> DoseEstimates:
    if not extrapolate >= 1:
        raise ValueRangeError("extrapolate", extrapolate, "1 or more", "give a factor")
    low, high = fits.data.dose_range
    parameters = np.where(np.isfinite(fits.parameters), fits.parameters, 0.0)
    found, gradient = dose_quantity(fits, target, relative).with_all(parameters)
    with np.errstate(all="ignore"):
        error = np.sqrt(variance_of(gradient, fits.covariance))
    usable = fits.usable
    reach = float(np.log(extrapolate)) + 1e-9
    below, above = usable & (found < low - reach), usable & (found > high + reach)
    good = usable & np.isfinite(found) & ~below & ~above
    status = np.full(len(fits), DoseStatus.NO_FIT, dtype=object)
    status[below], status[above], status[good] = DoseStatus.BELOW_DOSES, DoseStatus.ABOVE_DOSES, DoseStatus.OK
    if not relative:
        _place_unreached(fits, target, start, usable & ~np.isfinite(found), parameters, status)
    steep = np.array([s is CurveStatus.STEEP for s in fits.status], dtype=np.bool_) & np.isfinite(found)
    under, over = fits.data.neighbours(found)
    steep &= np.isfinite(under) & np.isfinite(over)
    status[steep] = DoseStatus.BETWEEN
    relation = np.full(len(fits), "", dtype=object)
    relation[steep] = "between"
    relation[good] = "="
    relation[(status == DoseStatus.BELOW_DOSES) | (status == DoseStatus.PASSED)] = "<"
    relation[(status == DoseStatus.ABOVE_DOSES) | (status == DoseStatus.NOT_REACHED)] = ">"
    factor = quantile(level, fits.degrees_of_freedom)
    with np.errstate(all="ignore"):
        dose = np.where(good, np.exp(found), np.nan)
        half = factor * error
        lower, upper = (
            (dose * np.exp(-half), dose * np.exp(half))
            if logarithmic
            else (
                dose * (1 - half),
                dose * (1 + half),
            )
        )
        limit = np.where(good, dose, np.where(relation == "<", np.exp(low), np.exp(high)))
        lower, upper = np.where(steep, np.exp(under), lower), np.where(steep, np.exp(over), upper)
    limit = np.where((relation == "") | steep, np.nan, limit)
    closed = np.isfinite(error) | steep
    return DoseEstimates(
        dose=_seal(dose),
        log_dose=_seal(np.where(np.isfinite(fits.parameters).all(axis=1), found, np.nan)),
        log_standard_error=_seal(error),
        lower=_seal(np.where(closed, lower, np.nan)),
        upper=_seal(np.where(closed, upper, np.nan)),
        relation=tuple(map(str, relation)),
        limit=_seal(limit),
        status=tuple(_STATUSES[s] for s in status),
    )


def _seal(array: Floats) -> Floats:
    array.flags.writeable = False
    return array


def _place_unreached(
    fits: CurveFits,
    target: Floats,
    start: Floats | None,
    missing: NDArray[np.bool_],
    parameters: Floats,
    status: NDArray[np.object_],
) -> None:
    """Say on which side a response lies that a curve does not have.

    Without a usable fit but with a known start, from the means at the doses above 0: if all of them are short of the
    response, or all beyond, that is known whatever the curve.
    """
    if fits.model.family.name == "line":
        begin, end = parameters[:, 0], parameters[:, 0] + parameters[:, 1]
    else:
        begin, end = ends_of(fits.model.family, parameters)[:2]
    # towards which side the effect goes: as the controls say, else as the curve does
    towards = np.sign(target - start) if start is not None else np.sign(end - begin)
    passed = (end - target) * towards > 0
    status[missing & passed], status[missing & ~passed] = DoseStatus.PASSED, DoseStatus.NOT_REACHED
    if start is None:
        return
    gathered = fits.data.gather()
    dosed = (gathered.weights > 0) & (gathered.log_doses > LOG_ZERO)
    beyond = (gathered.means - target[:, np.newaxis]) * towards[:, np.newaxis] > 0
    open_ = (status == DoseStatus.NO_FIT) & dosed.any(axis=1)
    status[open_ & (beyond | ~dosed).all(axis=1)] = DoseStatus.PASSED
    status[open_ & (~beyond | ~dosed).all(axis=1)] = DoseStatus.NOT_REACHED


def no_doses(fits: CurveFits, status: DoseStatus) -> DoseEstimates:
    """Return estimates that are none, with one status for all curves."""
    empty = _seal(np.full(len(fits), np.nan))
    count = len(fits)
    return DoseEstimates(empty, empty, empty, empty, empty, ("",) * count, empty, (status,) * count)
