"""Bins of levels along time, by a stated rule.

=====================  ======================================================================================
rule                   bins
=====================  ======================================================================================
``each``               one for each different time, after rounding to 0.01 h
``gaps``               a new one where the time to the next level is more than a twentieth of the range of times
``count:K``            up to K with about equally many levels; equal times stay together, and a bin with less than half
                       its share joins the neighbour nearer in time
``edges:a,b,c,...``    from a up to b, from b up to c, ...; the last one with its end
``auto``               ``each`` where there are up to 8 different times; else ``gaps`` where that gives 2 to 8 bins of 5
                       levels or more; else ``count:K`` with a bin for every 15 levels, at least 1 and at most 8
=====================  ======================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError

__all__ = ["Bins", "find_bins"]

Floats = NDArray[np.float64]
_MOST = 8
_LEVELS_A_BIN = 15
_FEWEST = 5  # levels, in a bin between gaps
_GAP = 1.0 / 20.0  # of the range of times
_DIGITS = 2  # of h
_RULES = "auto, each, gaps, count:K or edges:a,b,c"


@dataclass(frozen=True, eq=False)
class Bins:
    """B bins along time.

    Attributes
    ----------
    rule : str
        What was done, with its numbers: ``each`` or ``count:6`` where ``auto`` was asked.
    place : (M,) array of int
        Bin of each level; -1 in none.
    middle_h : (B,) array
        Median time of its levels.
    low_h, high_h : (B,) array
        First and last time of its levels.
    count : (B,) array of int
    """

    rule: str
    place: NDArray[np.int64]
    middle_h: Floats
    low_h: Floats
    high_h: Floats
    count: NDArray[np.int64]


def find_bins(time_h: ArrayLike, rule: str = "auto") -> Bins:
    """Put levels into bins along time.

    Parameters
    ----------
    time_h : (M,) array_like
        NaN where a level has no time and belongs to no bin.
    rule : str
        As above.

    Returns
    -------
    Bins
        Without empty ones.

    Raises
    ------
    ValueRangeError
        Another rule, edges that do not rise, or no level in any bin.

    Examples
    --------
    >>> find_bins([0.5, 0.5, 12.0, 12.0]).count.tolist()
    [2, 2]
    >>> find_bins(range(100), "count:4").count.tolist()
    [25, 25, 25, 25]
    """
    time = np.asarray(time_h, dtype=np.float64)
    known = np.isfinite(time)
    rounded = np.round(time, _DIGITS)
    different = np.unique(rounded[known])
    if rule == "auto":
        rule = _chosen(rounded[known], different)
    place = np.full(len(time), -1, dtype=np.int64)
    if rule == "each":
        place[known] = np.searchsorted(different, rounded[known])
    elif rule == "gaps":
        place[known] = np.searchsorted(_gap_edges(different), rounded[known], side="right")
    elif rule.startswith("count:"):
        edges = _equal_edges(rounded[known], _whole(rule))
        place[known] = np.searchsorted(edges, rounded[known], side="right")
    elif rule.startswith("edges:"):
        given = _edges(rule)
        found = np.searchsorted(given, time, side="right") - 1
        found[time == given[-1]] = len(given) - 2
        place[known] = np.where((found >= 0) & (found < len(given) - 1), found, -1)[known]
    else:
        raise ValueRangeError("bins", rule, _RULES, "choose a rule")
    filled, place[place >= 0] = np.unique(place[place >= 0], return_inverse=True)
    if not len(filled):
        raise ValueRangeError("bins", rule, "a rule that puts levels into bins", "choose other edges")
    groups = [time[place == k] for k in range(len(filled))]
    return Bins(
        rule=rule,
        place=place,
        middle_h=np.array([np.median(group) for group in groups]),
        low_h=np.array([group.min() for group in groups]),
        high_h=np.array([group.max() for group in groups]),
        count=np.array([len(group) for group in groups], dtype=np.int64),
    )


def _chosen(time: Floats, different: Floats) -> str:
    """What ``auto`` stands for."""
    if len(different) <= _MOST:
        return "each"
    counts = np.bincount(np.searchsorted(_gap_edges(different), time, side="right"))
    if 2 <= len(counts) <= _MOST and counts.min() >= _FEWEST:
        return "gaps"
    return f"count:{int(np.clip(len(time) // _LEVELS_A_BIN, 1, _MOST))}"


def _gap_edges(different: Floats) -> Floats:
    """Edges in the middle of the wide gaps between times."""
    wide = np.flatnonzero(np.diff(different) > _GAP * np.ptp(different))
    return np.asarray(0.5 * (different[wide] + different[wide + 1]), dtype=np.float64)


def _equal_edges(time: Floats, count: int) -> Floats:
    """Edges between bins of about equally many levels, halfway between different times."""
    different, of_each = np.unique(time, return_counts=True)
    after = np.cumsum(of_each)[:-1]
    share = len(time) / count
    cuts = sorted({int(np.argmin(np.abs(after - share * k))) for k in range(1, count)}) if len(after) else []
    while cuts:
        sizes = np.diff([0, *after[cuts], len(time)])
        small = int(np.argmin(sizes))
        if sizes[small] >= 0.5 * share:
            break
        # a bin's neighbours lie beyond the cuts on its two sides; the narrower gap is given up
        sides = [cut for cut in (small - 1, small) if 0 <= cut < len(cuts)]
        del cuts[min(sides, key=lambda cut: different[cuts[cut] + 1] - different[cuts[cut]])]
    kept = np.array(cuts, dtype=np.int64)
    return np.asarray(0.5 * (different[kept] + different[kept + 1]), dtype=np.float64)


def _whole(rule: str) -> int:
    text = rule.partition(":")[2]
    if not text.isdecimal() or int(text) < 1:
        raise ValueRangeError("bins", rule, "count:K with a whole K of 1 or more", "correct the rule")
    return int(text)


def _edges(rule: str) -> Floats:
    try:
        edges = np.array([float(part) for part in rule.partition(":")[2].split(",")])
    except ValueError:
        edges = np.zeros(0)
    if len(edges) < 2 or not (np.isfinite(edges).all() and (np.diff(edges) > 0).all()):
        raise ValueRangeError("bins", rule, "edges:a,b,c with two or more rising times in h", "correct the edges")
    return edges
