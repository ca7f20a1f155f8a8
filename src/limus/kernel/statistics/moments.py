r"""Mean and variance of many quantities at once from rows that come in pieces, the same bits for any pieces.

Two samples a and b of n_a and n_b values, with means m and sums of squares M about them, have together

::

    n = n_a + n_b,   d = m_b - m_a,   m = m_a + d n_b/n,   M = M_a + M_b + d^2 n_a n_b/n

Rounding depends on what is merged with what. So rows are always taken in blocks of 64, counted from the first row, and
blocks one after the other; rows that do not fill a block wait for the next piece.

Source: Chan, Golub and LeVeque 1983, Am Stat 37:242, equation 2.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError

__all__ = ["Moments", "add_to_moments", "mean_and_variance", "no_moments"]

Floats = NDArray[np.float64]

_BLOCK = 64


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """What is kept of rows of C cells.

    Attributes
    ----------
    count, mean, squares : (C,) array
        Finite values in whole blocks, their mean and the sum of squares about it.
    waiting : (R, C) array
        Rows that do not fill a block yet, fewer than 64.
    """

    count: Floats
    mean: Floats
    squares: Floats
    waiting: Floats


def no_moments(cells: int) -> Moments:
    """Return the moments of no rows.

    Parameters
    ----------
    cells : int
        Length of a row.

    Returns
    -------
    Moments
    """
    return Moments(np.zeros(cells), np.zeros(cells), np.zeros(cells), np.zeros((0, cells)))


def add_to_moments(moments: Moments, values: ArrayLike) -> Moments:
    """Return the moments with more rows, which come after those that it has.

    Parameters
    ----------
    moments : Moments
    values : (N, C) array_like
        What is not finite is left out.

    Returns
    -------
    Moments

    Raises
    ------
    ValueRangeError
        Rows of another length.
    """
    rows = np.asarray(values, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != len(moments.mean):
        raise ValueRangeError("values", f"shape {rows.shape}", f"rows of {len(moments.mean)}", "correct the rows")
    rows = np.concatenate([moments.waiting, rows])
    whole = len(rows) - len(rows) % _BLOCK
    blocks = rows[:whole].reshape(-1, _BLOCK, rows.shape[1])
    count, mean, squares = moments.count, moments.mean, moments.squares
    for block in blocks:
        count, mean, squares = _merge((count, mean, squares), _of_block(block))
    return Moments(count, mean, squares, rows[whole:].copy())


def mean_and_variance(moments: Moments) -> tuple[Floats, Floats]:
    """Return mean and variance (over n - 1) of each cell.

    Parameters
    ----------
    moments : Moments

    Returns
    -------
    (C,) array, (C,) array
        NaN where there is no value, or fewer than two for the variance; not finite where a square exceeds 1e308.
    """
    filled = np.full((_BLOCK, len(moments.mean)), np.nan)
    filled[: len(moments.waiting)] = moments.waiting
    count, mean, squares = _merge((moments.count, moments.mean, moments.squares), _of_block(filled))
    return np.where(count > 0, mean, np.nan), np.where(count > 1, squares / np.maximum(count - 1.0, 1.0), np.nan)


def _of_block(block: Floats) -> tuple[Floats, Floats, Floats]:
    finite = np.isfinite(block)
    with np.errstate(over="ignore", invalid="ignore"):
        count = _total(finite.astype(np.float64))
        mean = _total(np.where(finite, block, 0.0)) / np.maximum(count, 1.0)
        return count, mean, _total(np.where(finite, block - mean, 0.0) ** 2)


def _total(rows: Floats) -> Floats:
    """Sum over rows, halving: numpy's own sum may take another order for another shape."""
    while len(rows) > 1:
        half = len(rows) // 2
        rows = rows[:half] + rows[half:]
    return rows[0]


def _merge(a: tuple[Floats, Floats, Floats], b: tuple[Floats, Floats, Floats]) -> tuple[Floats, Floats, Floats]:
    count = a[0] + b[0]
    share = b[0] / np.maximum(count, 1.0)
    with np.errstate(over="ignore", invalid="ignore"):
        apart = b[1] - a[1]
        return count, a[1] + apart * share, a[2] + b[2] + apart * apart * a[0] * share
