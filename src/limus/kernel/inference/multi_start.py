"""Several starts of one problem: where from, and which was best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.inference.least_squares import LeastSquaresFit, select_lanes
from limus.kernel.inference.problem import Bounds, FitStatus, Floats

__all__ = ["BestOfStarts", "best_of", "sample_starts"]


@dataclass(frozen=True, eq=False)
class BestOfStarts:
    """The best lane of each problem among its starts.

    Attributes
    ----------
    groups : (G,) numpy.ndarray
        Problem of each row, ascending.
    lanes : (G,) numpy.ndarray of int
        Its best lane in the fit of all starts.
    fit : LeastSquaresFit
        Those lanes, G of them.
    starts, same_minimum : (G,) numpy.ndarray of int
        How many starts the problem had, and how many ended at the same sum of squares or the same parameters as the
        best (it included). One of many is a warning: there may be a better minimum still.
    """

    groups: NDArray[np.int64]
    lanes: NDArray[np.int64]
    fit: LeastSquaresFit
    starts: NDArray[np.int64]
    same_minimum: NDArray[np.int64]


def best_of(fit: LeastSquaresFit, groups: ArrayLike, *, relative_tolerance: float = 1e-6) -> BestOfStarts:
    """Choose the lane with the smallest sum of squares in each group.

    Parameters
    ----------
    fit : LeastSquaresFit
        All starts of all problems, B lanes.
    groups : (B,) array_like of int
        Problem that each lane is a start of.
    relative_tolerance : float
        Sums of squares, or parameters, that differ by less than this share count as the same minimum.

    Returns
    -------
    BestOfStarts
        A problem whose starts all failed keeps its first lane, with that lane's status and ``same_minimum`` 0.

    Raises
    ------
    ValueRangeError
        Groups do not match the lanes, or there are none.
    """
    labels = np.asarray(groups)
    if labels.shape != fit.sum_of_squares.shape or not len(labels):
        raise ValueRangeError("groups", f"shape {labels.shape}", f"{fit.sum_of_squares.shape}, not empty", "one a lane")
    failed = np.array([status is FitStatus.NOT_FINITE for status in fit.status])
    squares = np.where(failed | ~np.isfinite(fit.sum_of_squares), np.inf, fit.sum_of_squares)
    order = np.lexsort((squares, labels))
    names, first, inverse, counts = np.unique(labels[order], return_index=True, return_inverse=True, return_counts=True)
    lanes = order[first]
    limit = squares[lanes] * (1 + relative_tolerance)
    ours, theirs = fit.parameters[order], fit.parameters[lanes][inverse]
    close = (np.abs(ours - theirs) <= relative_tolerance * (np.abs(ours) + np.abs(theirs))).all(axis=1)
    same = np.isfinite(squares[order]) & (close | (squares[order] <= limit[inverse]))
    arrays = [names.astype(np.int64), lanes.astype(np.int64), counts.astype(np.int64)]
    reached = np.bincount(inverse, weights=same, minlength=len(names)).astype(np.int64)
    for array in (*arrays, reached):
        array.flags.writeable = False
    return BestOfStarts(arrays[0], arrays[1], select_lanes(fit, lanes), arrays[2], reached)


def sample_starts(
    bounds: Bounds, count: int, generator: np.random.Generator, *, logarithmic: Sequence[bool] | None = None
) -> Floats:
    """Spread starts over a finite box by a Latin hypercube.

    Parameters
    ----------
    bounds : Bounds
        Finite box of P parameters.
    count : int
        How many starts, 1 or more.
    generator : numpy.random.Generator
        Randomness.
    logarithmic : (P,) sequence of bool, optional
        Parameters spread evenly in their logarithm; none by default.

    Returns
    -------
    (count, P) numpy.ndarray
        Starts inside the box.

    Raises
    ------
    ValueRangeError
        The count is below 1, an end is infinite, or a logarithmic one is not positive.
    """
    from scipy.stats import qmc  # noqa: PLC0415

    lower, upper = bounds.lower, bounds.upper
    use_log = np.zeros(len(lower), dtype=np.bool_) if logarithmic is None else np.asarray(logarithmic, dtype=np.bool_)
    if count < 1:
        raise ValueRangeError("count", count, "1 or more", "ask for a start")
    if lower.ndim != 1:
        raise ValueRangeError("bounds", f"shape {lower.shape}", "one row for all lanes", "sample one box at a time")
    if use_log.shape != lower.shape:
        raise ValueRangeError("logarithmic", f"{use_log.size} values", f"{len(lower)}, one a parameter", "match bounds")
    bad = ~(np.isfinite(lower) & np.isfinite(upper)) | (use_log & (lower <= 0))
    if bad.any():
        k = int(np.argmax(bad))
        allowed = "positive finite ends" if use_log[k] else "finite ends"
        raise ValueRangeError(f"bounds of parameter {k}", f"{lower[k]} to {upper[k]}", allowed, "narrow the bounds")
    share = qmc.LatinHypercube(d=len(lower), rng=generator).random(count)
    with np.errstate(all="ignore"):
        geometric = lower * (upper / lower) ** share
    return np.clip(np.where(use_log, geometric, lower + (upper - lower) * share), lower, upper)
