"""Nonlinear least squares of many independent problems at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.inference.factorisation import inverse_of_curvature
from limus.kernel.inference.problem import Bounds, FitStatus, Floats, JacobianFunction, ResidualFunction, check_start
from limus.kernel.inference.search import Search

__all__ = ["LeastSquaresFit", "fit_least_squares", "select_lanes"]


@dataclass(frozen=True, eq=False)
class LeastSquaresFit:
    """Least-squares fits of B lanes with P parameters and R residuals each; arrays are read-only.

    Attributes
    ----------
    parameters : (B, P) numpy.ndarray
        Estimates, in the parameters' units.
    sum_of_squares : (B,) numpy.ndarray
        Sum of squared residuals.
    residuals : (B, R) numpy.ndarray
        Residuals at the estimates.
    covariance : (B, P, P) numpy.ndarray
        ``s**2 (J'J)**-1`` with ``s**2 = sum_of_squares / (R - P)``, over the parameters that are not held by a bound.
        NaN for held parameters and where R = P; infinite variance for parameters that the data do not determine.
    unscaled_covariance : (B, P, P) numpy.ndarray
        ``(J'J)**-1``: the covariance where residuals were already divided by a known standard deviation, as with
        priors.
    standard_errors : (B, P) numpy.ndarray
        Square roots of the diagonal of ``covariance``.
    degrees_of_freedom : int
        R - P.
    at_bound : (B, P) numpy.ndarray of bool
        Parameters held by a bound.
    iterations : (B,) numpy.ndarray of int
        Steps tried.
    status : tuple of FitStatus
        How each lane ended; anything but ``converged`` restricts what the numbers mean.
    """

    parameters: Floats
    sum_of_squares: Floats
    residuals: Floats
    covariance: Floats
    unscaled_covariance: Floats
    standard_errors: Floats
    degrees_of_freedom: int
    at_bound: NDArray[np.bool_]
    iterations: NDArray[np.int64]
    status: tuple[FitStatus, ...]


def fit_least_squares(
    residuals: ResidualFunction,
    start: ArrayLike,
    *,
    bounds: Bounds | None = None,
    jacobian: JacobianFunction | None = None,
    max_iterations: int = 200,
    tolerance: float = 1e-9,
) -> LeastSquaresFit:
    """Minimise the sum of squared residuals in each lane.

    Parameters
    ----------
    residuals : ResidualFunction
        Maps parameters (B, P) to residuals (B, R), R >= P; lanes are independent and always in the same order.
    start : (B, P) array_like
        Start values, inside the bounds.
    bounds : Bounds, optional
        Box for the parameters, the same in all lanes; none by default.
    jacobian : JacobianFunction, optional
        Derivatives (B, R, P); finite differences by default.
    max_iterations : int
        Most steps tried in a lane, 1 or more.
    tolerance : float
        A lane has arrived when the remaining step is this share of its standard errors (relative offset), between 0
        and 1. Where rounding does not allow it, when the offset no longer falls.

    Returns
    -------
    LeastSquaresFit
        One lane that fails does not disturb the others: look at ``status``.

    Raises
    ------
    ValueRangeError
        Start, bounds, residuals or options have wrong shapes or values.

    Notes
    -----
    Finds a local minimum; use several starts (:func:`limus.kernel.inference.best_of`) where there may be others.

    Examples
    --------
    >>> x, y = np.array([0.0, 1.0, 2.0, 3.0]), np.array([8.0, 4.0, 2.0, 1.0])
    >>> fit = fit_least_squares(lambda p: p[:, :1] * np.exp(-p[:, 1:] * x) - y, [[5.0, 0.5]])
    >>> [round(float(value), 6) for value in fit.parameters[0]], str(fit.status[0])
    ([8.0, 0.693147], 'converged')
    """
    values, box = check_start(start, bounds)
    if not max_iterations >= 1:
        raise ValueRangeError("max_iterations", max_iterations, "1 or more", "raise it")
    if not 0 < tolerance < 1:
        raise ValueRangeError("tolerance", tolerance, "between 0 and 1", "1e-9 suits most")
    search = Search(residuals, values, box, jacobian, tolerance)
    search.run(max_iterations)
    return _summarise(search)


def select_lanes(fit: LeastSquaresFit, lanes: ArrayLike) -> LeastSquaresFit:
    """Return some lanes of a fit as a fit of their own.

    Parameters
    ----------
    fit : LeastSquaresFit
        The fit.
    lanes : (G,) array_like of int
        Which lanes, in the wanted order.

    Returns
    -------
    LeastSquaresFit
        With G lanes.
    """
    index = np.asarray(lanes, dtype=np.intp)
    return LeastSquaresFit(
        parameters=_seal(fit.parameters[index]),
        sum_of_squares=_seal(fit.sum_of_squares[index]),
        residuals=_seal(fit.residuals[index]),
        covariance=_seal(fit.covariance[index]),
        unscaled_covariance=_seal(fit.unscaled_covariance[index]),
        standard_errors=_seal(fit.standard_errors[index]),
        degrees_of_freedom=fit.degrees_of_freedom,
        at_bound=_seal(fit.at_bound[index]),
        iterations=_seal(fit.iterations[index]),
        status=tuple(fit.status[i] for i in index),
    )


def _summarise(search: Search) -> LeastSquaresFit:
    held = search.held()
    lanes, count = held.shape
    broken = search.status == FitStatus.NOT_FINITE
    triangle = np.where(broken[:, np.newaxis, np.newaxis], np.eye(count), search.triangle)
    unscaled, flat = inverse_of_curvature(triangle, ~held, search.flat_below)
    unscaled[broken] = np.nan
    freedom = search.residuals.shape[1] - count
    variance = search.squares / freedom if freedom > 0 else np.full(lanes, np.nan)
    with np.errstate(invalid="ignore"):
        covariance = variance[:, np.newaxis, np.newaxis] * unscaled
        errors = np.sqrt(np.einsum("bjj->bj", covariance))
    status = search.status
    stationary = status == FitStatus.CONVERGED
    status[stationary & held.any(axis=1)] = FitStatus.AT_BOUND
    status[stationary & flat] = FitStatus.FLAT
    return LeastSquaresFit(
        parameters=_seal(search.parameters),
        sum_of_squares=_seal(search.squares),
        residuals=_seal(search.residuals),
        covariance=_seal(covariance),
        unscaled_covariance=_seal(unscaled),
        standard_errors=_seal(errors),
        degrees_of_freedom=freedom,
        at_bound=_seal(held & ~broken[:, np.newaxis]),
        iterations=_seal(search.iterations),
        status=tuple(status),
    )


def _seal(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
