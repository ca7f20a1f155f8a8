r"""The log-rank test of K groups, stratified and weighted.

At each time with events, n at risk and d events in all, n_k and d_k in group k::

    O_k = sum w d_k,   E_k = sum w d n_k/n,   V_kl = sum w^2 d (n - d)/(n - 1) (n_k/n)(1{k = l} - n_l/n)

summed over times and strata, with w = S^rho (1 - S)^gamma, S the pooled survival of the stratum just before (Fleming
and Harrington; rho = 1 is Peto and Peto's). chi2 = (O - E)' V^- (O - E) on (groups with any expected event) - 1 degrees
of freedom.

Source: Mantel 1966, Cancer Chemother Rep 50:163; Harrington and Fleming 1982, Biometrika 69:553.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.survival.observations import check_observations, code_labels, freeze

__all__ = ["LogRank", "log_rank", "quadratic_form"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class LogRank:
    """A log-rank test of K groups in S strata.

    Attributes
    ----------
    groups : tuple of str
        In sorted order.
    strata : tuple of str
    n : (K,)
        Subjects; sums of weights.
    observed, expected : (S, K)
        Events, weighted by w.
    variance : (K, K)
        Of observed - expected, over all strata.
    chi_square : float
    degrees_of_freedom : int
    p : float
    z : float
        Two groups only, otherwise NaN: positive where the second has more events than expected.
    """

    groups: tuple[str, ...]
    strata: tuple[str, ...]
    n: Floats
    observed: Floats
    expected: Floats
    variance: Floats
    chi_square: float
    degrees_of_freedom: int
    p: float
    z: float


def log_rank(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    entry: ArrayLike | None = None,
    rho: float = 0.0,
    gamma: float = 0.0,
) -> LogRank:
    """Test whether groups have the same hazard.

    Parameters
    ----------
    time : (N,) array
        Observed times, at least 0.
    event : (N,) array
        1 for an event, 0 for censored.
    group : (N,) array
        Labels; the order of groups is that of sorting.
    strata : (N,) array, optional
        Labels; groups are compared within strata only.
    weights : (N,) array, optional
        How many subjects a row stands for.
    entry : (N,) array, optional
        Start of watching.
    rho, gamma : float
        Fleming and Harrington's powers, at least 0; both 0 for the log-rank test.

    Returns
    -------
    LogRank

    Raises
    ------
    ValueRangeError
        Fewer than two groups, no event, or values that are not allowed.

    Examples
    --------
    >>> found = log_rank([6, 7, 9, 4, 5, 8], [1, 0, 1, 1, 1, 1], ["a", "a", "a", "b", "b", "b"])
    >>> round(found.chi_square, 3), found.degrees_of_freedom
    (1.965, 1)
    """
    from scipy.special import chdtrc  # noqa: PLC0415

    seen = check_observations(time, event, weights=weights, entry=entry)
    groups, group_code = code_labels(group, seen.n, "group")
    strata_names, stratum_code = code_labels(strata, seen.n, "strata")
    if len(groups) < 2:
        raise ValueRangeError("group", f"one group ({groups[0]})", "at least two groups", "compare two groups")
    if not (rho >= 0 and gamma >= 0):
        raise ValueRangeError("rho, gamma", f"{rho:g}, {gamma:g}", "0 or more", "use 0 for the log-rank test")
    if not np.any(seen.weight[seen.event > 0] > 0):
        raise ValueRangeError("event", "no events", "at least one event", "nothing can be compared without an event")
    k = len(groups)
    observed, expected = np.zeros((len(strata_names), k)), np.zeros((len(strata_names), k))
    variance = np.zeros((k, k))
    for s in range(len(strata_names)):
        rows = np.flatnonzero(stratum_code == s)
        start = None if seen.entry is None else seen.entry[rows]
        counts = _count(seen.time[rows], seen.event[rows], group_code[rows], seen.weight[rows], start, k)
        observed[s], expected[s], part = _sum(*counts, rho, gamma)
        variance += part
    difference, total = (observed - expected).sum(axis=0), expected.sum(axis=0)
    used = np.flatnonzero(total > 0)
    chi_square, freedom = quadratic_form(difference[used], variance[np.ix_(used, used)])
    z = math.copysign(math.sqrt(chi_square), difference[1]) if k == 2 else math.nan
    n = np.bincount(group_code, weights=seen.weight, minlength=k).astype(np.float64)
    return LogRank(
        groups,
        strata_names,
        freeze(n),
        freeze(observed),
        freeze(expected),
        freeze(variance),
        chi_square,
        freedom,
        float(chdtrc(freedom, chi_square)),
        z,
    )


def _count(
    time: Floats, event: Ints, group: Ints, weight: Floats, entry: Floats | None, k: int
) -> tuple[Floats, Floats]:
    """Return at risk and events, (T, K) over the times with events."""
    levels = np.unique(time[event > 0])
    size = (len(levels) + 1) * k

    def reached(when: Floats, chosen: NDArray[np.bool_] | slice = slice(None)) -> Floats:
        cell = np.searchsorted(levels, when[chosen], side="right") * k + group[chosen]
        counts: Floats = np.bincount(cell, weights=weight[chosen], minlength=size).astype(np.float64)
        return counts.reshape(len(levels) + 1, k)

    at_risk = np.cumsum(reached(time)[::-1], axis=0)[::-1][1:]
    if entry is not None:
        at_risk = at_risk - np.cumsum(reached(entry)[::-1], axis=0)[::-1][1:]
    return at_risk, reached(time, event > 0)[1:]


def _sum(at_risk: Floats, events: Floats, rho: float, gamma: float) -> tuple[Floats, Floats, Floats]:
    n, d = at_risk.sum(axis=1), events.sum(axis=1)
    kept = (d > 0) & (n > 0)
    at_risk, events, n, d = at_risk[kept], events[kept], n[kept], d[kept]
    survival = np.cumprod(np.concatenate([[1.0], 1 - d / n]))[:-1]
    w = survival**rho * (1 - survival) ** gamma
    share = at_risk / n[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = w * w * np.where(n > 1, d * (n - d) / (n - 1), 0.0)
    spread = np.diag(factor @ share) - (share * factor[:, None]).T @ share
    return w @ events, (w * d) @ share, spread


def quadratic_form(difference: Floats, variance: Floats) -> tuple[float, int]:
    """Return chi-squared of differences that add up to 0, and its degrees of freedom.

    Parameters
    ----------
    difference : (K,)
        Observed less expected; the last group follows from the others.
    variance : (K, K)

    Returns
    -------
    tuple of (float, int)
    """
    freedom = len(difference) - 1
    if freedom < 1:
        return 0.0, max(freedom, 0)
    a, v = difference[:-1], variance[:-1, :-1]
    values, vectors = np.linalg.eigh(v)
    kept = values > 1e-12 * max(float(values[-1]), 1e-300)
    parts = (vectors[:, kept].T @ a) ** 2 / values[kept]
    return float(parts.sum()), freedom
