"""Derivatives of residuals by finite differences, inside bounds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from limus.kernel.inference.problem import Floats, ResidualFunction

__all__ = ["difference_columns"]

EPSILON = float(np.finfo(np.float64).eps)
FORWARD = EPSILON**0.5
CENTRAL = EPSILON ** (1 / 3)


def difference_columns(
    residuals: ResidualFunction,
    parameters: Floats,
    values: Floats,
    sizes: Floats,
    bounds: tuple[Floats, Floats],
    central: NDArray[np.bool_],
) -> Floats:
    """Return the derivative of all residuals by each parameter.

    Forward differences with relative step sqrt(eps), error about 1e-8; for lanes marked central, central differences
    with step eps**(1/3), error about 1e-10. A step that would leave the bounds, or that ends in residuals that are not
    finite, is taken to the other side.

    Parameters
    ----------
    residuals : ResidualFunction
        The residuals.
    parameters : (B, P) numpy.ndarray
        Where.
    values : (B, R) numpy.ndarray
        Residuals there.
    sizes : (B, P) numpy.ndarray
        Typical size of each parameter, positive; steps are relative to it.
    bounds : tuple of two (B, P) numpy.ndarray
        Lowest and highest values; never left.
    central : (B,) numpy.ndarray of bool
        Which lanes want the accurate form.

    Returns
    -------
    (P, B, R) numpy.ndarray
        Derivatives, parameter first.
    """
    columns = np.empty((parameters.shape[1], *values.shape))
    for k in range(parameters.shape[1]):
        columns[k] = _difference(residuals, parameters, values, sizes[:, k], bounds, central, k)
    return columns


def _difference(
    residuals: ResidualFunction,
    parameters: Floats,
    values: Floats,
    size: Floats,
    bounds: tuple[Floats, Floats],
    central: NDArray[np.bool_],
    k: int,
) -> Floats:
    here, lower, upper = parameters[:, k], bounds[0][:, k], bounds[1][:, k]
    wide = CENTRAL * size
    both = central & (here + wide <= upper) & (here - wide >= lower)
    step = np.where(both, wide, FORWARD * size)
    up, down = np.minimum(here + step, upper), np.maximum(here - step, lower)
    first = np.where((here + step <= upper) | (upper - here >= here - lower), up, down)
    second = np.where(first == up, down, up)
    at_first = _shifted(residuals, parameters, k, first)
    # A lane that is not finite to begin with is lost; it must not cost the others a second evaluation.
    failed = _is_finite(values) & ~_is_finite(at_first)
    if not (both | failed).any():
        return _quotient(at_first - values, first - here)
    at_second = _shifted(residuals, parameters, k, np.where(both | failed, second, here))
    two_sided = both & ~failed & _is_finite(at_second)
    use_second: NDArray[np.bool_] = two_sided | failed
    start = np.where(use_second[:, np.newaxis], at_second, values)
    stop = np.where(failed[:, np.newaxis], values, at_first)
    distance = np.where(failed, here, first) - np.where(use_second, second, here)
    return _quotient(stop - start, distance)


def _shifted(residuals: ResidualFunction, parameters: Floats, k: int, column: Floats) -> Floats:
    moved = parameters.copy()
    moved[:, k] = column
    with np.errstate(all="ignore"):
        return np.asarray(residuals(moved), dtype=np.float64)


def _is_finite(values: Floats) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(values).all(axis=1))


def _quotient(difference: Floats, distance: Floats) -> Floats:
    with np.errstate(all="ignore"):
        return difference / np.where(distance == 0, np.inf, distance)[:, np.newaxis]
