"""Least squares of very many small, well-behaved problems: a quick search first, the careful one for what is left.

The quick search is Levenberg-Marquardt on the normal equations of all lanes at once. They square the condition number,
which the steps can bear (the gradient that decides where a lane ends is exact) and the covariance can as long as the
scaled matrix is well conditioned. A lane that does not arrive, or whose matrix is not, is handed to
:func:`limus.kernel.inference.fit_least_squares` from where it stands.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.inference.least_squares import LeastSquaresFit, fit_least_squares
from limus.kernel.inference.problem import Bounds, FitStatus, Floats, LaneProblem, check_start
from limus.kernel.inference.quick_search import QuickSearch

__all__ = ["fit_many"]

# Residuals and derivatives of a chunk stay within a processor's cache; larger chunks are no faster and need memory.
CHUNK_NUMBERS = 200_000
_STATUSES = {str(status): status for status in FitStatus}
# Systems with more unknowns than this are solved by the careful search alone: the quick one writes every step out.
MOST_QUICK = 16


def fit_many(
    problem: LaneProblem,
    start: ArrayLike,
    *,
    bounds: Bounds | None = None,
    tolerance: float = 1e-8,
    max_iterations: int = 200,
) -> LeastSquaresFit:
    """Minimise the sum of squared residuals in each of many lanes.

    Parameters
    ----------
    problem : LaneProblem
        Residuals (B, R), R >= P, and derivatives.
    start : (B, P) array_like
        Start values, inside the bounds.
    bounds : Bounds, optional
        Box for the parameters, one for all lanes or one a lane; none by default.
    tolerance : float
        As in :func:`limus.kernel.inference.fit_least_squares`.
    max_iterations : int
        Most steps of the careful search; the quick one has its own limit.

    Returns
    -------
    LeastSquaresFit
        As from :func:`limus.kernel.inference.fit_least_squares`. Residuals that are zero by a weight of zero count in
        its ``degrees_of_freedom``; where lanes have different numbers of data, scale ``unscaled_covariance``.

    Raises
    ------
    ValueRangeError
        Start, bounds, residuals or options have wrong shapes or values.
    """
    values, box = check_start(start, bounds)
    if not 0 < tolerance < 1:
        raise ValueRangeError("tolerance", tolerance, "between 0 and 1", "1e-8 suits most")
    lanes, count = values.shape
    if lanes == 0:
        raise ValueRangeError("start", "no lanes", "one lane or more", "leave the fit out")
    lower, upper = np.broadcast_to(box.lower, values.shape), np.broadcast_to(box.upper, values.shape)
    if count > MOST_QUICK:
        return _fit_carefully(problem, values, (lower, upper), tolerance, max_iterations)
    first = problem.take(np.arange(1)).evaluate(values[:1])[0]
    if first.shape[1] < count:
        raise ValueRangeError("residuals", f"{first.shape[1]} a lane", f"at least {count}, one a parameter", "add data")
    size = max(16, CHUNK_NUMBERS // (first.shape[1] * (count + 1)))
    parts = []
    for begin in range(0, lanes, size):
        index = np.arange(begin, min(begin + size, lanes))
        chunk = problem if len(index) == lanes else problem.take(index)
        parts.append(_fit_chunk(chunk, values[index], (lower[index], upper[index]), tolerance, max_iterations))
    return parts[0] if len(parts) == 1 else _join(parts)


def _fit_chunk(
    problem: LaneProblem, start: Floats, box: tuple[Floats, Floats], tolerance: float, max_iterations: int
) -> LeastSquaresFit:
    quick = QuickSearch(problem, start, box, tolerance).run()
    left = np.flatnonzero(~quick.arrived)
    if not len(left):
        return _summarise(quick)
    rest = problem.take(left)
    # the careful search starts anew where the quick one went astray, else from where it stands
    begin = np.where(quick.adrift[left, np.newaxis], start[left], quick.parameters[left])
    careful = _fit_carefully(rest, begin, (box[0][left], box[1][left]), tolerance, max_iterations)
    return _summarise(quick, careful, left)


def _fit_carefully(
    problem: LaneProblem, start: Floats, box: tuple[Floats, Floats], tolerance: float, max_iterations: int
) -> LeastSquaresFit:
    return fit_least_squares(
        lambda p: problem.evaluate(p)[0],
        start,
        bounds=Bounds(*box),
        jacobian=lambda p: np.moveaxis(problem.evaluate(p)[1], 0, 2),
        tolerance=tolerance,
        max_iterations=max_iterations,
    )


def _summarise(
    quick: QuickSearch, careful: LeastSquaresFit | None = None, left: NDArray[np.intp] | None = None
) -> LeastSquaresFit:
    lanes, count = quick.parameters.shape
    residuals = quick.residuals
    freedom = residuals.shape[1] - count
    parameters, squares, unscaled = quick.parameters, quick.squares, quick.inverse
    held, iterations = quick.held, quick.iterations
    status = np.where(held.any(axis=1), FitStatus.AT_BOUND, FitStatus.CONVERGED).astype(object)
    if careful is not None and left is not None:
        parameters[left], squares[left], residuals[left] = (
            careful.parameters,
            careful.sum_of_squares,
            careful.residuals,
        )
        unscaled[left], held[left] = careful.unscaled_covariance, careful.at_bound
        iterations[left] += careful.iterations
        status[left] = careful.status
    variance = squares / freedom if freedom > 0 else np.full(lanes, np.nan)
    with np.errstate(invalid="ignore"):
        covariance = variance[:, np.newaxis, np.newaxis] * unscaled
        errors = np.sqrt(np.einsum("bjj->bj", covariance))
    for array in (parameters, squares, residuals, covariance, unscaled, errors, held, iterations):
        array.flags.writeable = False
    return LeastSquaresFit(
        parameters=parameters,
        sum_of_squares=squares,
        residuals=residuals,
        covariance=covariance,
        unscaled_covariance=unscaled,
        standard_errors=errors,
        degrees_of_freedom=freedom,
        at_bound=held,
        iterations=iterations,
        status=tuple(_STATUSES[s] for s in status),
    )


def _join(parts: list[LeastSquaresFit]) -> LeastSquaresFit:
    def together(name: str) -> NDArray[Any]:
        array = np.concatenate([getattr(part, name) for part in parts])
        array.flags.writeable = False
        return array

    names = ("parameters", "sum_of_squares", "residuals", "covariance", "unscaled_covariance", "standard_errors")
    return LeastSquaresFit(
        **{name: together(name) for name in (*names, "at_bound", "iterations")},
        degrees_of_freedom=parts[0].degrees_of_freedom,
        status=tuple(status for part in parts for status in part.status),
    )
