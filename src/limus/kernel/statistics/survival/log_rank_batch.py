r"""The log-rank test of two groups in many trials at once, without a loop over trials.

The sums are those of :mod:`limus.kernel.statistics.survival.log_rank`, for the second group. Subjects of each trial are
sorted by time; a block is a distinct time with events. Every sum over blocks of a trial is then a difference of running
sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.survival.observations import freeze
from limus.kernel.statistics.survival.replicates import sort_replicates

__all__ = ["LogRankBatch", "log_rank_batch"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_AT_ONCE = 1 << 15  # subjects


@dataclass(frozen=True, slots=True, eq=False)
class LogRankBatch:
    """R log-rank tests.

    Attributes
    ----------
    z : (R,)
        Positive where group 1 has more events than expected; NaN where nothing can be compared (no event while both
        groups were at risk).
    observed, expected, variance : (R,)
        Of group 1, over all strata.
    """

    z: Floats
    observed: Floats
    expected: Floats
    variance: Floats

    @property
    def p(self) -> Floats:
        """Two-sided; NaN where z is."""
        from scipy.special import ndtr  # noqa: PLC0415

        return 2 * ndtr(-np.abs(self.z))

    @property
    def log_hazard_ratio(self) -> Floats:
        """Peto's one-step estimate of group 1 against group 0, (O - E)/V; for rough orders, not for large effects."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return (self.observed - self.expected) / self.variance


def log_rank_batch(
    time: ArrayLike, event: ArrayLike, group: ArrayLike, *, strata: ArrayLike | None = None
) -> LogRankBatch:
    """Test two groups in each of R trials.

    Parameters
    ----------
    time : (R, N) array
        Observed times, at least 0, finite.
    event : (R, N) array
        1 or true for an event.
    group : (R, N) or (N,) array
        0 or 1.
    strata : (R, N) or (N,) array, optional
        Codes 0, 1, 2 ...

    Returns
    -------
    LogRankBatch

    Raises
    ------
    ValueRangeError
        Shapes that do not fit, or a value that is not allowed.

    Examples
    --------
    >>> found = log_rank_batch([[6, 7, 9, 4, 5, 8]], [[1, 0, 1, 1, 1, 1]], [0, 0, 0, 1, 1, 1])
    >>> round(float(found.z[0]) ** 2, 3)
    1.965
    """
    shape = np.shape(time)
    arrays = [np.broadcast_to(np.asarray(values), shape) for values in (event, group)] if len(shape) == 2 else []
    if not arrays:
        raise ValueRangeError("time", f"shape {shape}", "(replicates, subjects)", "give a matrix")
    times, codes = np.asarray(time), None if strata is None else _stratum_codes(strata, shape)
    sums = np.zeros((3, shape[0]))
    rows = max(1, _AT_ONCE // max(shape[1], 1))
    for start in range(0, shape[0], rows):  # pieces that stay in the processor's cache
        piece = slice(start, start + rows)
        chosen = [None] if codes is None else [codes[piece] == s for s in np.unique(codes[piece])]
        for present in chosen:
            sums[:, piece] += _sums(times[piece], arrays[0][piece], arrays[1][piece], present)
    observed, expected, variance = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(variance > 0, (observed - expected) / np.sqrt(variance), np.nan)
    return LogRankBatch(freeze(z), freeze(observed), freeze(expected), freeze(variance))


def _stratum_codes(strata: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.integer]:
    codes = np.asarray(strata)
    if codes.dtype.kind not in "iu" or codes.shape not in (shape, shape[1:]) or codes.min(initial=0) < 0:
        raise ValueRangeError("strata", f"{codes.dtype}, shape {codes.shape}", "codes 0, 1, 2 ...", "number the strata")
    return np.broadcast_to(codes, shape)


def _sums(time: ArrayLike, event: ArrayLike, group: ArrayLike, present: Bools | None) -> Floats:
    """Return observed, expected and variance of the second group, (3, R)."""
    found = sort_replicates(time, event, group, present)
    replicates, size = found.new.shape
    happened, second = found.event.ravel(), found.second
    if found.present is not None:
        happened, second = happened & found.present.ravel(), second & found.present
    # still watched from each place of the order on: all, and of the second group
    passed = np.cumsum(second, axis=1, dtype=np.int32)
    left_second = (passed[:, -1:] - passed + second).ravel()
    starts = np.flatnonzero(found.new)
    where = np.flatnonzero(happened)
    block = _blocks_of(where, starts, happened.size)
    # several events in one block are next to each other in `where`: one entry a block
    first = np.flatnonzero(np.concatenate([[True], block[1:] != block[:-1]])) if len(block) else block
    d = np.diff(np.concatenate([first, [len(block)]])).astype(np.float64)
    at = starts[block[first]]
    if found.present is None:
        n = size - (at % size).astype(np.float64)
    else:
        left = np.cumsum(found.present[:, ::-1], axis=1, dtype=np.int32)[:, ::-1].ravel()
        n = left[at].astype(np.float64)
    share = left_second[at] / n
    spread = d * (n - d) / np.maximum(n - 1, 1) * share * (1 - share)
    trial = at // size
    observed = np.add.reduce((found.event & second), axis=1, dtype=np.float64)
    expected = np.bincount(trial, weights=d * share, minlength=replicates)
    return np.stack([observed, expected, np.bincount(trial, weights=spread, minlength=replicates)])


def _blocks_of(where: NDArray[np.intp], starts: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """Return the block of each place; ``starts`` are the first places of the blocks."""
    if len(starts) == size:
        return where
    return np.searchsorted(starts, where, side="right") - 1
