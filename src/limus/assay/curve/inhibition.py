r"""Inhibition curves of any plate assay, with the uncertainty of everything that was measured.

The curve is a log-logistic one through the mean response of each dose, per cent of the controls, the controls included
as dose zero. The whole way from signals to IC50 (standard curve, background, controls, fit) is one function of the
measured means, so :func:`limus.assay.plate.uncertainty.carry` gives the IC50s the uncertainty of each.

``relative``   dose half way between the fitted plateaus
``absolute``   dose at which the curve is at half of the controls (50 %)

The lower plateau is fitted only where that improves Akaike's criterion, ``chi-squared + 2 P`` with the plate's noise;
else it is zero. Where the points scatter about the curve more than their replicates say (chi-squared, p below 1 %), all
variances are multiplied by chi-squared per degree of freedom and the fit says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.assay.curve.fit import CurveData, CurveFits, CurveStatus, fit_data
from limus.assay.plate.uncertainty import NOT_KNOWN, Carried, Estimate, InputBlock, carry

__all__ = ["PercentCurve", "PercentPoints", "chi_squared_tail", "fit_percent_curve", "no_percent_curve"]

Floats = NDArray[np.float64]
MISFIT_AT = 0.01
FEWEST_DOSES = 4


@dataclass(frozen=True, eq=False)
class PercentPoints:
    """Points of an inhibition curve and how they were measured.

    Attributes
    ----------
    doses : (D + 1,) numpy.ndarray
        Zero for the controls first, then ascending; one unit.
    blocks : sequence of InputBlock
        What was measured.
    percent : callable
        From inputs (B, K), blocks side by side, to points (B, D + 1), per cent of control.
    weights : (D + 1,) numpy.ndarray
        1 / variance of each point by the scatter of its own wells; zero for a point that is not used.
    censoring : (D + 1,) numpy.ndarray
        -1 for a point known only to lie below its value, 1 above, else 0.
    known : bool
        Whether the scatter is known (replicates).
    """

    doses: Floats
    blocks: Sequence[InputBlock]
    percent: Callable[[Floats], Floats]
    weights: Floats
    censoring: NDArray[np.int64]
    known: bool

    @property
    def centre(self) -> Floats:
        """The inputs as measured, (1, K)."""
        return np.concatenate([block.values for block in self.blocks])[np.newaxis]


@dataclass(frozen=True, eq=False)
class PercentCurve:
    """A fitted inhibition curve; doses in the unit of the points.

    Attributes
    ----------
    ic50_absolute, ic50_relative : Estimate
        NaN unless their status is ``ok``.
    absolute_status, relative_status : str
        ``ok``; ``above_doses``, ``below_doses``: outside the tested doses; ``not_reached``: the curve levels off above
        50 %; the fit's own status, ``too_few_doses``, ``no_control`` or ``no_inhibition`` where there is no curve.
    half_effect : Estimate
        The fitted curve's half dose, also where it lies outside the tested doses and is no result.
    hill, lower_percent, upper_percent : Estimate
        Slope and plateaus.
    model : str
        ``ll4`` or ``ll3`` (lower plateau zero); empty where there is no curve.
    misfit_p : float
        Of the points about the curve, by chi-squared; NaN where the scatter is not known or points are censored.
    percent : (D + 1,) numpy.ndarray
        Points.
    """

    ic50_absolute: Estimate
    ic50_relative: Estimate
    absolute_status: str
    relative_status: str
    half_effect: Estimate
    hill: Estimate
    lower_percent: Estimate
    upper_percent: Estimate
    model: str
    misfit_p: float
    percent: Floats

    def line(self, low: float, high: float, count: int = 121) -> tuple[Floats, Floats]:
        """Return doses and fitted responses between two doses; empty where there is no curve.

        Parameters
        ----------
        low, high : float
        count : int
        """
        if not self.hill.known:
            return np.empty(0), np.empty(0)
        x = np.geomspace(low, high, count)
        lower, upper = self.lower_percent.value, self.upper_percent.value
        return x, lower + (upper - lower) / (1.0 + (x / self.half_effect.value) ** self.hill.value)


def fit_percent_curve(points: PercentPoints, *, level: float = 0.95) -> PercentCurve:
    """Fit an inhibition curve and find its IC50s.

    Parameters
    ----------
    points : PercentPoints
    level : float
        Of the intervals, a fraction.

    Returns
    -------
    PercentCurve
    """
    percent = points.percent(points.centre)
    used = (points.weights > 0) & np.isfinite(percent[0])
    doses = points.doses[used & (points.doses > 0)]
    if len(np.unique(doses)) < FEWEST_DOSES:
        return no_percent_curve("too_few_doses", percent[0])
    fits = {fixed: _fit(points, percent, fixed) for fixed in (False, True)}
    fixed = bool(_criterion(fits[True]) <= _criterion(fits[False]))
    fit = fits[fixed]
    slope, lower, upper, _ = (float(p) for p in fit.parameters[0])
    if fit.status[0] is not CurveStatus.OK:
        return no_percent_curve(str(fit.status[0]), percent[0])
    if slope <= 0 or upper <= lower:
        return no_percent_curve("no_inhibition", percent[0])
    given = fit.parameters[:, list(fit.layout.free)]

    def outputs(inputs: Floats) -> Floats:
        y = points.percent(inputs)
        start = np.broadcast_to(given[:, np.newaxis, :], (len(y), 1, given.shape[1]))
        b, low, high, log_ec50 = _fit(points, y, fixed, start).parameters.T
        with np.errstate(invalid="ignore", divide="ignore"):
            absolute = log_ec50 + np.log((high - 50.0) / (50.0 - low)) / b
        return np.stack([log_ec50, absolute, np.log(b), low, high], axis=1)

    carried, misfit_p = _widen(carry(outputs, points.blocks), fit, points, int(used.sum()) - given.shape[1])
    estimates = [carried.estimate(k, level) if points.known else Estimate(float(carried.values[k])) for k in range(5)]
    tested = (float(doses[0]), float(doses[-1]))
    relative, relative_status = _dose(estimates[0], tested)
    absolute, absolute_status = _dose(estimates[1], tested)
    return PercentCurve(
        ic50_absolute=absolute,
        ic50_relative=relative,
        absolute_status=absolute_status,
        relative_status=relative_status,
        half_effect=_exponential(estimates[0]),
        hill=_exponential(estimates[2]),
        lower_percent=estimates[3],
        upper_percent=estimates[4],
        model="ll3" if fixed else "ll4",
        misfit_p=misfit_p,
        percent=percent[0],
    )


def _fit(points: PercentPoints, percent: Floats, fixed: bool, start: Floats | None = None) -> CurveFits:
    data = CurveData.create(
        np.broadcast_to(points.doses, percent.shape),
        percent,
        weights=np.broadcast_to(points.weights, percent.shape),
        censoring=np.broadcast_to(points.censoring, percent.shape),
    )
    return fit_data(
        data,
        model="ll3" if fixed else "ll4",
        weighting="given",
        known_errors=True,
        given_starts=start,
        starts=3 if start is None else 1,
    )


def _criterion(fit: CurveFits) -> float:
    if fit.status[0] not in (CurveStatus.OK, CurveStatus.FLAT):
        return math.inf
    return float(fit.sum_of_squares[0]) + 2.0 * len(fit.layout.free)


def _widen(carried: Carried, fit: CurveFits, points: PercentPoints, freedom: int) -> tuple[Carried, float]:
    """Widen by the misfit where there is one; censored points have no residual, so nothing is said then."""
    if not points.known or np.any(points.censoring[points.weights > 0]) or freedom < 1:
        return carried, math.nan
    chi_squared = float(fit.sum_of_squares[0])
    misfit_p = chi_squared_tail(chi_squared, freedom)
    if misfit_p < MISFIT_AT:
        carried = replace(carried, covariance=carried.covariance * chi_squared / freedom)
    return carried, misfit_p


def chi_squared_tail(value: float, freedom: int) -> float:
    """Return the probability that chi-squared is larger than a value; NaN without degrees of freedom.

    Parameters
    ----------
    value : float
    freedom : int

    Returns
    -------
    float
    """
    from scipy import special  # noqa: PLC0415

    return float(special.chdtrc(freedom, value)) if freedom > 0 else math.nan


def _exponential(estimate: Estimate) -> Estimate:
    return Estimate(*(float(np.exp(x)) for x in (estimate.value, estimate.lower, estimate.upper)))


def _dose(log_dose: Estimate, tested: tuple[float, float]) -> tuple[Estimate, str]:
    if not log_dose.known:
        return NOT_KNOWN, "not_reached"
    dose = _exponential(log_dose)
    if dose.value > tested[1]:
        return NOT_KNOWN, "above_doses"
    return (NOT_KNOWN, "below_doses") if dose.value < tested[0] else (dose, "ok")


def no_percent_curve(status: str, percent: Floats) -> PercentCurve:
    """Return a curve that is none, with its reason.

    Parameters
    ----------
    status : str
    percent : (D + 1,) array
        Points, NaN where there are none.

    Returns
    -------
    PercentCurve
    """
    return PercentCurve(NOT_KNOWN, NOT_KNOWN, status, status, *(NOT_KNOWN,) * 4, "", math.nan, percent)
