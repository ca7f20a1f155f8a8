"""Positive definite systems of a few unknowns in many lanes at once: Cholesky, each operation over all lanes.

Arrays have the lanes last, so that every operation runs over contiguous memory. LAPACK costs a call a matrix; here a
factorisation of B systems of P unknowns is P**3 / 6 operations on arrays of length B.
"""

from __future__ import annotations

import numpy as np

from limus.kernel.inference.problem import Floats

__all__ = ["Triangle", "cholesky", "invert", "solve", "solve_lower"]

Triangle = list[list[Floats]]


def cholesky(matrix: Floats, damping: Floats | float = 0.0) -> tuple[Triangle, Floats]:
    """Factorise ``A + damping I = L L'``.

    Parameters
    ----------
    matrix : (P, P, B) numpy.ndarray
        Symmetric; the lower triangle is read.
    damping : (B,) numpy.ndarray or float
        Added to the diagonal.

    Returns
    -------
    triangle : list of lists of (B,) numpy.ndarray
        Rows of L, row i with i + 1 entries.
    smallest : (B,) numpy.ndarray
        Smallest pivot before the root, at most that of the first column; at or below 0 where the matrix is singular
        (its pivot is then replaced by the smallest positive number).
    """
    rows: Triangle = []
    smallest = np.full(matrix.shape[2], np.inf)
    for i in range(len(matrix)):
        row: list[Floats] = []
        for j in range(i):
            entry = matrix[i, j]
            for k in range(j):
                entry = entry - row[k] * rows[j][k]
            row.append(entry / rows[j][j])
        pivot = matrix[i, i] + damping
        for k in range(i):
            pivot = pivot - row[k] * row[k]
        smallest = np.minimum(smallest, pivot)
        row.append(np.sqrt(np.maximum(pivot, 1e-300)))
        rows.append(row)
    return rows, smallest


def solve_lower(triangle: Triangle, right: Floats) -> Floats:
    """Solve ``L z = b``.

    Parameters
    ----------
    triangle : list of lists of (B,) numpy.ndarray
        From :func:`cholesky`.
    right : (P, B) numpy.ndarray
        b.

    Returns
    -------
    (P, B) numpy.ndarray
    """
    found = np.empty_like(right)
    for i, row in enumerate(triangle):
        value = right[i]
        for k in range(i):
            value = value - row[k] * found[k]
        found[i] = value / row[i]
    return found


def solve(triangle: Triangle, right: Floats) -> Floats:
    """Solve ``L L' x = b``.

    Parameters
    ----------
    triangle : list of lists of (B,) numpy.ndarray
        From :func:`cholesky`.
    right : (P, B) numpy.ndarray
        b.

    Returns
    -------
    (P, B) numpy.ndarray
    """
    found = solve_lower(triangle, right)
    count = len(triangle)
    for i in reversed(range(count)):
        value = found[i]
        for k in range(i + 1, count):
            value = value - triangle[k][i] * found[k]
        found[i] = value / triangle[i][i]
    return found


def invert(triangle: Triangle) -> Floats:
    """Return ``(L L')**-1``.

    Parameters
    ----------
    triangle : list of lists of (B,) numpy.ndarray
        From :func:`cholesky`.

    Returns
    -------
    (P, P, B) numpy.ndarray
    """
    count, lanes = len(triangle), len(triangle[0][0])
    inverse = np.empty((count, count, lanes))
    for k in range(count):
        unit = np.zeros((count, lanes))
        unit[k] = 1.0
        inverse[k] = solve(triangle, unit)
    return inverse
