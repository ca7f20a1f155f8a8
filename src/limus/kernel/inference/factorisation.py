"""Least squares of many small systems at once by modified Gram-Schmidt; no squared condition numbers, no LAPACK calls.

With the right-hand side as a last column, modified Gram-Schmidt solves least squares as stably as Householder's method
(Bjoerck 1967, BIT 7:1), and each of its operations runs over all lanes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from limus.kernel.inference.problem import Floats

__all__ = ["damped_step", "factorise", "inverse_of_curvature"]


def factorise(columns: Floats, right: Floats, *, dependent: float = 0.0) -> tuple[Floats, Floats, Floats]:
    """Factorise ``A = Q R`` and project the right-hand side on Q.

    Parameters
    ----------
    columns : (P, B, M) numpy.ndarray
        Columns of A in each lane.
    right : (B, M) numpy.ndarray
        Right-hand side b.
    dependent : float
        A column of which only this share is left beside those before it counts as a combination of them.

    Returns
    -------
    triangle : (B, P, P) numpy.ndarray
        R, upper triangular; a zero row where a column depends on those before it.
    projection : (B, P) numpy.ndarray
        Q'b.
    units : (P, B, M) numpy.ndarray
        Columns of Q.
    """
    work = np.concatenate([columns, right[np.newaxis]])
    count = len(columns)
    triangle = np.zeros((right.shape[0], count, count + 1))
    least = dependent * np.sqrt(np.einsum("jbm,jbm->jb", columns, columns))
    for k in range(count):
        norm = np.sqrt(np.einsum("bm,bm->b", work[k], work[k]))
        norm = np.where(norm > least[k], norm, 0.0)
        unit = work[k] / np.where(norm > 0, norm, np.inf)[:, np.newaxis]
        along = np.einsum("bm,jbm->jb", unit, work[k + 1 :])
        for j in range(k + 1, count + 1):
            work[j] -= along[j - k - 1][:, np.newaxis] * unit
        triangle[:, k, k] = norm
        triangle[:, k, k + 1 :] = along.T
        work[k] = unit
    return triangle[:, :, :count], triangle[:, :, count], work[:count]


def damped_step(
    triangle: Floats, projection: Floats, damping: Floats, free: NDArray[np.bool_], fixed_step: Floats
) -> Floats:
    """Return the step h that minimises ``|r + J h|**2 + damping |h_free|**2`` with some components given.

    Parameters
    ----------
    triangle : (B, P, P) numpy.ndarray
        R of ``J = Q R`` in scaled parameters.
    projection : (B, P) numpy.ndarray
        Q'r.
    damping : (B,) numpy.ndarray
        Marquardt's parameter, positive.
    free : (B, P) numpy.ndarray of bool
        Which components are looked for.
    fixed_step : (B, P) numpy.ndarray
        The given components; 0 where free.

    Returns
    -------
    (B, P) numpy.ndarray
        The step in scaled parameters.
    """
    lanes, count = projection.shape
    columns = np.zeros((count, lanes, 2 * count))
    for k in range(count):
        columns[k, :, :count] = triangle[:, :, k] * free[:, k, np.newaxis]
        columns[k, :, count + k] = np.sqrt(damping)
    right = np.zeros((lanes, 2 * count))
    right[:, :count] = -(projection + np.einsum("bij,bj->bi", triangle, fixed_step))
    upper, rotated, _ = factorise(columns, right)
    step = np.zeros_like(projection)
    for k in reversed(range(count)):
        rest = rotated[:, k] - np.einsum("bj,bj->b", upper[:, k, k + 1 :], step[:, k + 1 :])
        step[:, k] = rest / upper[:, k, k]
    return np.where(free, step, fixed_step)


def inverse_of_curvature(
    triangle: Floats, free: NDArray[np.bool_], smallest: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return ``(J'J)**-1`` over the free parameters, and which lanes have a singular one.

    By the singular values of R with columns scaled to length 1. Parameters held by a bound get NaN; parameters that
    take part in a direction without influence get infinite variance.

    Parameters
    ----------
    triangle : (B, P, P) numpy.ndarray
        R of ``J = Q R``.
    free : (B, P) numpy.ndarray of bool
        Parameters not held by a bound.
    smallest : float
        Singular values at or below this share of the largest count as zero.

    Returns
    -------
    inverse : (B, P, P) numpy.ndarray
        Inverse in the parameters' units.
    flat : (B,) numpy.ndarray of bool
        Lanes with a direction without influence.
    """
    count = triangle.shape[1]
    lengths = np.sqrt((triangle**2).sum(axis=1))
    usable = free & (lengths > 0)
    scale = np.where(usable, lengths, 1.0)
    # A held parameter is replaced by one that stands alone, so that it does not disturb the others.
    scaled = np.where(usable[:, np.newaxis, :], triangle / scale[:, np.newaxis, :], 0.0)
    stacked = np.concatenate([scaled, np.eye(count) * (~usable)[:, np.newaxis, :]], axis=1)
    _, values, rows = np.linalg.svd(stacked, full_matrices=False)
    null = values <= smallest * values[:, :1]
    directions = rows / np.where(null, np.inf, values)[:, :, np.newaxis]
    inverse = np.einsum("bij,bik->bjk", directions, directions)
    with np.errstate(over="ignore"):  # a parameter with next to no influence has next to infinite variance
        inverse /= scale[:, :, np.newaxis] * scale[:, np.newaxis, :]
    undetermined = (np.abs(rows) * null[:, :, np.newaxis]).max(axis=1, initial=0.0) > 1e-6
    undetermined |= free & (lengths == 0)
    blank = undetermined | ~free
    inverse = np.where(blank[:, :, np.newaxis] | blank[:, np.newaxis, :], np.nan, inverse)
    index = np.arange(count)
    inverse[:, index, index] = np.where(undetermined & free, np.inf, inverse[:, index, index])
    return inverse, (undetermined & free).any(axis=1)
