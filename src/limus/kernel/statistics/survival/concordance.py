r"""Harrell's concordance: how often the subject with the higher risk has its event first.

::

    C = (concordant + tied/2)/(concordant + discordant + tied)

over pairs of which the earlier time is an event; of two at the same time, the one with the event counts as the earlier
where the other was censored, and two events at the same time are no pair. Pairs are taken within strata.

Counting is by merging: subjects stand in order of time, and for each power of two the right half of every run of that
length is sorted by risk, so that one search a level finds how many later subjects have a lower risk.

Source: Harrell, Lee and Mark 1996, Stat Med 15:361.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.survival.observations import check_observations, code_labels

__all__ = ["Concordance", "concordance"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Concordance:
    """Pairs that agree, disagree and are tied in the risk; ``index`` is NaN without any pair."""

    index: float
    concordant: int
    discordant: int
    tied: int


def concordance(time: ArrayLike, event: ArrayLike, risk: ArrayLike, *, strata: ArrayLike | None = None) -> Concordance:
    """Count concordant pairs, in O(N log^2 N).

    Parameters
    ----------
    time, event : (N,) array
        As for ``kaplan_meier``.
    risk : (N,) array
        Higher for those who should have the event earlier, as x'beta of a Cox regression.
    strata : (N,) array, optional
        Labels.

    Returns
    -------
    Concordance

    Raises
    ------
    ValueRangeError
        Values that are not allowed.

    Examples
    --------
    >>> concordance([1, 2, 3, 4], [1, 1, 0, 1], [4.0, 3.0, 2.0, 1.0]).index
    1.0
    """
    seen = check_observations(time, event)
    score = np.asarray(risk, dtype=np.float64)
    if score.shape != seen.time.shape or not np.all(np.isfinite(score)):
        raise ValueRangeError("risk", f"shape {score.shape}", f"{seen.n} finite numbers", "give one risk a row")
    names, codes = code_labels(strata, seen.n, "strata")
    counts = np.zeros(3, dtype=np.int64)
    for s in range(len(names)):
        rows = np.flatnonzero(codes == s)
        order = rows[np.lexsort((seen.event[rows] == 0, seen.time[rows]))]
        died, rank = seen.event[order] > 0, np.unique(score[order], return_inverse=True)[1].astype(np.int64)
        counts += _pairs(died, rank) - _pairs_of_tied_events(seen.time[order], died, rank)
    lower, equal, pairs = (int(count) for count in counts)
    index = (lower + equal / 2) / pairs if pairs else math.nan
    return Concordance(index, lower, pairs - lower - equal, equal)


def _pairs(first: Bools, rank: Ints) -> Ints:
    """Count pairs of a chosen subject and any after it: with the lower rank after, with equal ranks, all."""
    n = len(rank)
    lower = equal = 0
    wide = np.int64(rank.max() + 1) if n else np.int64(1)
    chosen = np.flatnonzero(first)
    width = 1
    while width < n:
        run = np.arange(n) // width
        # right halves, sorted by run and rank: key = run * wide + rank
        right = np.flatnonzero(run % 2 == 1)
        keys = np.sort(run[right] * wide + rank[right])
        asking = chosen[run[chosen] % 2 == 0]
        base = (run[asking] + 1) * wide
        start = np.searchsorted(keys, base)
        below = np.searchsorted(keys, base + rank[asking])
        upto = np.searchsorted(keys, base + rank[asking], side="right")
        lower += int((below - start).sum())
        equal += int((upto - below).sum())
        width *= 2
    return np.array([lower, equal, int((n - 1 - chosen).sum())], dtype=np.int64)


def _pairs_of_tied_events(time: NDArray[np.float64], died: Bools, rank: Ints) -> Ints:
    """Count, among the same, pairs of two events at one time: they are no pairs."""
    place = np.flatnonzero(died)
    count = np.zeros(3, dtype=np.int64)
    at = time[place]
    starts = np.flatnonzero(np.concatenate([[True], at[1:] != at[:-1]])) if len(at) else place
    ends = np.concatenate([starts[1:], [len(at)]])
    for start, end in zip(starts[ends - starts > 1], ends[ends - starts > 1], strict=True):
        count += _pairs(np.ones(end - start, dtype=np.bool_), rank[place[start:end]])
    return count
