r"""Analysis of covariance of two groups in many trials at once; formulae as in ``adjusted_means``.

Only the coefficient of the group is wanted. With a the group's indicator less its projection on the constant and the
covariates, b = a'y/a'a, and its variance is s^2/a'a or, robust, sum a^2 u^2/(a'a)^2. Bases are made orthonormal column
by column (Gram and Schmidt, twice), so a covariate that is a linear combination of the constant, the group and the
covariates before it is found and left out of that trial.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.regression.adjusted_means import Robust

__all__ = ["AdjustedDifferenceBatch", "adjusted_difference_batch"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_RANK = 1e-9  # of a column's norm: below it a column adds nothing to those before


@dataclass(frozen=True, slots=True, eq=False)
class AdjustedDifferenceBatch:
    """Adjusted differences in R trials, group 1 less group 0.

    Attributes
    ----------
    estimate, standard_error : (R,)
        NaN where a trial has no such contrast.
    degrees_of_freedom : (R,)
    used : (R, P) of bool
        Covariates that are no combination of the others before them.
    """

    estimate: Floats
    standard_error: Floats
    degrees_of_freedom: Floats
    used: Flags


def adjusted_difference_batch(
    response: ArrayLike,
    group: ArrayLike,
    covariates: ArrayLike | None = None,
    *,
    present: ArrayLike | None = None,
    robust: Robust | str = Robust.NONE,
) -> AdjustedDifferenceBatch:
    """Compare two groups, adjusted for covariates, in each of R trials, without a loop over trials.

    Parameters
    ----------
    response : (R, N) array
    group : (R, N) or (N,) array
        0 or 1.
    covariates : (R, N, P) array, optional
    present : (R, N) array, optional
        False for rows that do not count; their values may be anything, NaN included.
    robust : Robust

    Returns
    -------
    AdjustedDifferenceBatch

    Raises
    ------
    ValueRangeError
        Shapes that do not fit, or a value that is not finite in a row that counts.

    Examples
    --------
    >>> found = adjusted_difference_batch([[1, 2, 3, 3, 4, 5.5]], [0, 0, 0, 1, 1, 1], [[[0], [1], [2], [0], [1], [2]]])
    >>> round(float(found.estimate[0]), 3), float(found.degrees_of_freedom[0])
    (2.167, 3.0)
    """
    y = np.asarray(response, dtype=np.float64)
    if y.ndim != 2:
        raise ValueRangeError("response", f"shape {y.shape}", "(replicates, subjects)", "give a matrix")
    kept = np.ones(y.shape, dtype=np.bool_) if present is None else np.asarray(present, dtype=np.bool_)
    second = np.broadcast_to(np.asarray(group, dtype=np.float64), y.shape)
    x = np.zeros((*y.shape, 0)) if covariates is None else np.asarray(covariates, dtype=np.float64)
    if kept.shape != y.shape or x.shape[:2] != y.shape:
        raise ValueRangeError("covariates, present", f"{x.shape}, {kept.shape}", f"{y.shape}", "give equal shapes")
    y, second, x = np.where(kept, y, 0.0), np.where(kept, second, 0.0), np.where(kept[..., None], x, 0.0)
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y))):
        raise ValueRangeError(
            "response, covariates", "a missing value", "finite numbers", "mark the row as not present"
        )
    weight = kept.sum(axis=1).astype(np.float64)
    mean = x.sum(axis=1) / np.maximum(weight, 1)[:, None]
    x = np.where(kept[..., None], x - mean[:, None], 0.0)
    constant = kept.astype(np.float64)
    covariate_columns = [x[..., p] for p in range(x.shape[2])]
    _, free = _orthonormal([constant, second, *covariate_columns])
    contrast, used = free[1], free[2:].T
    chosen = [np.where(used[:, p, None], column, 0.0) for p, column in enumerate(covariate_columns)]
    basis, _ = _orthonormal([constant, *chosen, second])
    freedom = weight - free.sum(axis=0)
    usable = contrast & (freedom >= 1)
    residual = y - sum(q * (q * y).sum(axis=1, keepdims=True) for q in basis)
    leverage = sum(q * q for q in basis)
    last = basis[-1]
    size = (last * second).sum(axis=1)
    size = np.where(usable, size, 1.0)
    estimate = (last * y).sum(axis=1) / size
    error = np.sqrt(_variance(residual, np.asarray(leverage), last, weight, freedom, Robust(robust))) / np.abs(size)
    found = [np.where(usable, values, np.nan) for values in (estimate, error, freedom)]
    return AdjustedDifferenceBatch(found[0], found[1], found[2], used)


def _orthonormal(columns: list[Floats]) -> tuple[list[Floats], Flags]:
    """Return an orthonormal basis of columns in each trial, and which add to those before; zeros for the others."""
    basis: list[Floats] = []
    free = np.zeros((len(columns), len(columns[0])), dtype=np.bool_)
    for k, column in enumerate(columns):
        rest = column
        for _ in range(2):  # twice is enough for orthogonality to machine precision
            for direction in basis:
                rest = rest - direction * (direction * rest).sum(axis=1, keepdims=True)
        size, before = (np.sqrt((one * one).sum(axis=1)) for one in (rest, column))
        free[k] = size > _RANK * np.maximum(before, 1e-300)
        basis.append(np.where(free[k, :, None], rest / np.where(free[k], size, 1.0)[:, None], 0.0))
    return basis, free


def _variance(
    residual: Floats, leverage: Floats, direction: Floats, weight: Floats, freedom: Floats, robust: Robust
) -> Floats:
    """Return the variance of the response's projection on a direction, (R,)."""
    if robust is Robust.NONE:
        return np.asarray((residual**2).sum(axis=1) / np.maximum(freedom, 1))
    left = np.maximum(1 - leverage, 1e-12)
    scale = {
        Robust.HC0: np.ones(left.shape),
        Robust.HC1: np.sqrt(weight / np.maximum(freedom, 1))[:, None] * np.ones(left.shape),
        Robust.HC2: 1 / np.sqrt(left),
        Robust.HC3: 1 / left,
    }[robust]
    return np.asarray(((direction * residual * scale) ** 2).sum(axis=1))
