r"""Restricted means of two groups in many trials at once, without a loop over trials.

Sums and variance are those of :mod:`limus.kernel.statistics.survival.restricted_mean`. Subjects of each trial are
sorted by time; a group's survival is a running product over its own events, tied ones one after the other: the product
of (n - k - 1)/(n - k) is (n - d)/n, and the sum of 1/((n - k)(n - k - 1)) is d/(n (n - d)), so ties are exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.survival.observations import freeze
from limus.kernel.statistics.survival.replicates import SortedReplicates, sort_replicates

__all__ = ["RestrictedMeanBatch", "restricted_mean_batch"]

Floats = NDArray[np.float64]

_AT_ONCE = 1 << 16  # subjects
_EQUAL = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class RestrictedMeanBatch:
    """Restricted means of R trials, and group 1 less group 0.

    Attributes
    ----------
    mean, variance : (2, R)
        Of each group, in the unit of the times.
    estimate, standard_error : (R,)
        NaN where a group was not followed to tau.
    """

    mean: Floats
    variance: Floats
    estimate: Floats
    standard_error: Floats


def restricted_mean_batch(
    time: ArrayLike, event: ArrayLike, group: ArrayLike, tau: float, *, present: ArrayLike | None = None
) -> RestrictedMeanBatch:
    """Compare restricted means in each of R trials.

    Parameters
    ----------
    time : (R, N) array
        Observed times, at least 0, finite.
    event : (R, N) array
        1 or true for an event.
    group : (R, N) or (N,) array
        0 or 1.
    tau : float
        Above 0.
    present : (R, N) array, optional
        False for rows that do not count; their times are allowed values all the same.

    Returns
    -------
    RestrictedMeanBatch

    Raises
    ------
    ValueRangeError
        Shapes that do not fit, or a value that is not allowed.

    Examples
    --------
    >>> found = restricted_mean_batch([[1, 2, 3, 2, 3, 4]], [[1, 1, 1, 1, 1, 1]], [0, 0, 0, 1, 1, 1], 3.0)
    >>> [round(float(mean[0]), 4) for mean in found.mean]
    [2.0, 2.6667]
    """
    if not (tau > 0 and np.isfinite(tau)):
        raise ValueRangeError("tau", f"{tau:g}", "above 0", "give the end of the period")
    times = np.asarray(time, dtype=np.float64)
    if times.ndim != 2 or not times.shape[1]:
        raise ValueRangeError("time", f"shape {times.shape}", "(replicates, subjects)", "give a matrix")
    events, groups = (np.broadcast_to(np.asarray(values), times.shape) for values in (event, group))
    kept = np.ones(times.shape, dtype=np.bool_) if present is None else np.asarray(present, dtype=np.bool_)
    mean, variance = np.empty((2, len(times))), np.empty((2, len(times)))
    followed = np.ones(len(times), dtype=np.bool_)
    rows = max(1, _AT_ONCE // times.shape[1])
    for start in range(0, len(times), rows):
        piece = slice(start, start + rows)
        found = sort_replicates(times[piece], events[piece], groups[piece], kept[piece])
        counted = np.asarray(found.present)
        for g in range(2):
            member = counted & (found.second if g else ~found.second)
            mean[g, piece], variance[g, piece], known = _areas(found, member, tau)
            followed[piece] &= known
    estimate = np.where(followed, mean[1] - mean[0], np.nan)
    error = np.where(followed, np.sqrt(variance.sum(axis=0)), np.nan)
    return RestrictedMeanBatch(freeze(mean), freeze(variance), freeze(estimate), freeze(error))


def _areas(found: SortedReplicates, member: NDArray[np.bool_], tau: float) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return area, its variance, and whether the group was followed to tau."""
    passed = np.cumsum(member, axis=1, dtype=np.int32)
    n = (passed[:, -1:] - passed + member).astype(np.float64)
    happened = found.event & member & (found.time < tau * (1 - _EQUAL))
    factor = np.where(happened, (n - 1) / np.maximum(n, 1), 1.0)
    survival = np.cumprod(factor, axis=1)
    ends = np.minimum(np.concatenate([found.time[:, 1:], np.full((len(n), 1), tau)], axis=1), tau)
    area = survival * (ends - np.minimum(found.time, tau))
    beyond = np.cumsum(area[:, ::-1], axis=1)[:, ::-1]  # from each subject's time to tau
    terms = np.where(happened & (n > 1), 1 / np.maximum(n * (n - 1), 1), 0.0)
    longest = np.max(np.where(member, found.time, -1.0), axis=1)
    known = (longest >= tau * (1 - _EQUAL)) | (survival[:, -1] == 0)
    return np.minimum(found.time[:, 0], tau) + beyond[:, 0], (beyond**2 * terms).sum(axis=1), known
