"""What a fit of curves gives back: statuses and arrays, one row a curve."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.assay.curve.data import CurveData
from limus.assay.curve.models import CurveModel
from limus.assay.curve.problem import Layout

__all__ = ["CurveFits", "CurveStatus", "DoseEstimates", "DoseStatus", "NoEffectTest", "Readings", "take_fits"]

Floats = NDArray[np.float64]


class CurveStatus(StrEnum):
    """How the fit of one curve ended; anything but ``ok`` restricts what its numbers mean.

    ``too_few_doses``: fewer different doses than fitted parameters, or no response more than parameters. ``flat``: no
    effect of the dose (F-test against a constant). ``runaway``: the half dose lies more than 100-fold outside the
    tested doses, or at its bound. ``steep``: most of the effect lies between two neighbouring doses and the slope is
    not determined; the half dose is known to lie between them. ``undetermined``: some parameter has no influence on the
    fit. ``at_bound``: a parameter stands at its bound. ``not_converged``: the search did not arrive. ``invalid_data``:
    the data could not be fitted (set by readers of files).
    """

    OK = "ok"
    AT_BOUND = "at_bound"
    FLAT = "flat"
    RUNAWAY = "runaway"
    STEEP = "steep"
    UNDETERMINED = "undetermined"
    TOO_FEW_DOSES = "too_few_doses"
    NOT_CONVERGED = "not_converged"
    INVALID_DATA = "invalid_data"


class DoseStatus(StrEnum):
    """What a dose found on a curve is: a number only where ``ok``.

    ``below_doses``, ``above_doses``: outside the tested doses, so known as below the lowest or above the highest alone.
    ``not_reached``: the curve does not come to this response on the side of high doses (its value is above the highest
    dose tested); ``passed``: the curve is beyond this response from dose 0 on (its value is below the lowest dose).
    ``between``: between two neighbouring doses of a ``steep`` curve; the interval has these doses.
    ``no_fit``: the fit's own status stands in the way. ``undefined``: the model has no such dose.
    """

    OK = "ok"
    BELOW_DOSES = "below_doses"
    ABOVE_DOSES = "above_doses"
    NOT_REACHED = "not_reached"
    PASSED = "passed"
    BETWEEN = "between"
    NO_FIT = "no_fit"
    UNDEFINED = "undefined"


@dataclass(frozen=True, eq=False)
class NoEffectTest:
    """F-test of each curve against a constant; (C,) arrays, NaN where there is nothing to test."""

    statistic: Floats
    p_value: Floats
    degrees: tuple[int, Floats]


@dataclass(frozen=True, eq=False)
class CurveFits:
    """Fits of C curves with one model of P parameters, F of them fitted; arrays are read-only.

    Attributes
    ----------
    data : CurveData
        What was fitted.
    model : CurveModel
        ``model.parameters`` names the last axis (``slope, lower, upper, log_ec50`` for ll4); what starts with ``log_``
        is the natural logarithm of a dose.
    layout : Layout
        Which parameters were fitted, and the values of the others.
    parameters : (C, P) numpy.ndarray
        Estimates, fixed values included; NaN where nothing was fitted.
    covariance : (C, P, P) numpy.ndarray
        0 for fixed parameters; NaN for those held by a bound; infinite for what the data do not determine.
    weights : (C, N) numpy.ndarray
        Weights at the end: given ones times those of the variance model and of the robust loss.
    residual_standard_deviation : (C,) numpy.ndarray
        s; the variance of a response is ``s**2 / weight``. 1 where the errors are known.
    sum_of_squares : (C,) numpy.ndarray
        Weighted, at the end; censored responses enter as in :class:`limus.assay.curve.problem.CurveProblem`.
    degrees_of_freedom : (C,) numpy.ndarray
        Responses minus fitted parameters; infinite where the errors are known.
    at_bound : (C, P) numpy.ndarray of bool
    box : tuple of two (C, P) numpy.ndarray
        Bounds.
    status : tuple of CurveStatus
    no_effect : NoEffectTest
    given_bounds : tuple of str
        Parameters whose bounds the user gave: standing at one of these is a choice, not an accident.
    weighting : str
        ``none``, ``1/y``, ``1/y2``, ``power`` or ``given``.
    exponent : float
        Variance is proportional to the fitted value to this power, 0 without such a model.
    robust : str
        ``none``, ``huber``, ``cauchy`` or ``tukey``.
    same_minimum : (C,) numpy.ndarray of int
        How many starts ended where the best did.
    iterations : (C,) numpy.ndarray of int
        Steps of the best start.
    """

    data: CurveData
    model: CurveModel
    layout: Layout
    parameters: Floats
    covariance: Floats
    weights: Floats
    residual_standard_deviation: Floats
    sum_of_squares: Floats
    degrees_of_freedom: Floats
    at_bound: NDArray[np.bool_]
    box: tuple[Floats, Floats]
    status: tuple[CurveStatus, ...]
    no_effect: NoEffectTest
    given_bounds: tuple[str, ...]
    weighting: str
    exponent: float
    robust: str
    same_minimum: NDArray[np.int64]
    iterations: NDArray[np.int64]

    @property
    def names(self) -> tuple[str, ...]:
        """Curves."""
        return self.data.names

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Curves (C,) whose parameters mean what they say: status ``ok``, or at a bound that the user gave."""
        chosen = np.array([name in self.given_bounds for name in self.model.parameters], dtype=np.bool_)
        accident = (self.at_bound & ~chosen).any(axis=1)
        good = [status is CurveStatus.OK or (status is CurveStatus.AT_BOUND) for status in self.status]
        return np.array(good, dtype=np.bool_) & ~accident

    @property
    def standard_errors(self) -> Floats:
        """Standard errors (C, P) of the parameters."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.sqrt(np.einsum("cpp->cp", self.covariance)))

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, eq=False)
class DoseEstimates:
    """Doses found on C curves, each with its interval; (C,) arrays in the dose's unit, read-only.

    Attributes
    ----------
    dose : (C,) numpy.ndarray
        NaN unless the status is ``ok``.
    log_dose : (C,) numpy.ndarray
        Where the fitted curve has it, natural logarithm, also outside the tested doses; NaN where it does not.
    log_standard_error : (C,) numpy.ndarray
        Of the natural logarithm, by the delta method with all parameters.
    lower, upper : (C,) numpy.ndarray
        Interval; NaN where there is none; the neighbouring doses for status ``between``.
    relation : tuple of str
        ``=``, ``<`` or ``>``: how the true dose relates to ``limit``; ``between`` the ends of the interval; empty where
        nothing can be said.
    limit : (C,) numpy.ndarray
        The dose itself, or the lowest or highest dose tested.
    status : tuple of DoseStatus
    """

    dose: Floats
    log_dose: Floats
    log_standard_error: Floats
    lower: Floats
    upper: Floats
    relation: tuple[str, ...]
    limit: Floats
    status: tuple[DoseStatus, ...]


@dataclass(frozen=True, eq=False)
class Readings:
    """Doses read off curves (inverse prediction), each with its interval.

    Attributes
    ----------
    dose, lower, upper : (M,) numpy.ndarray
        In the dose's unit; NaN where the response lies outside the curve.
    log_standard_error : (M,) numpy.ndarray
        Standard error of the natural logarithm of the dose.
    status : tuple of str
        ``ok``; ``below_doses`` or ``above_doses`` (a dose, but beyond those of the standards); ``below_curve`` or
        ``above_curve`` (beyond the plateau on the side of low or high doses; no dose); ``no_fit``.
    """

    dose: Floats
    lower: Floats
    upper: Floats
    log_standard_error: Floats
    status: tuple[str, ...]


def take_fits(fits: CurveFits, curves: ArrayLike) -> CurveFits:
    """Return the fits of some curves, given by index.

    Parameters
    ----------
    fits : CurveFits
    curves : (G,) array_like of int

    Returns
    -------
    CurveFits
    """
    index = np.asarray(curves, dtype=np.intp)
    test = fits.no_effect
    data = fits.data.take(index)
    return CurveFits(
        data=data,
        model=fits.model,
        layout=fits.layout.take(index),
        parameters=fits.parameters[index],
        covariance=fits.covariance[index],
        weights=fits.weights[index, : data.weights.shape[1]],
        residual_standard_deviation=fits.residual_standard_deviation[index],
        sum_of_squares=fits.sum_of_squares[index],
        degrees_of_freedom=fits.degrees_of_freedom[index],
        at_bound=fits.at_bound[index],
        box=(fits.box[0][index], fits.box[1][index]),
        status=tuple(fits.status[i] for i in index),
        no_effect=NoEffectTest(test.statistic[index], test.p_value[index], (test.degrees[0], test.degrees[1][index])),
        given_bounds=fits.given_bounds,
        weighting=fits.weighting,
        exponent=fits.exponent,
        robust=fits.robust,
        same_minimum=fits.same_minimum[index],
        iterations=fits.iterations[index],
    )
