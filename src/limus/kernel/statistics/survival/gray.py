r"""Gray's test of equal cumulative incidences in K groups, where other events compete.

With Y_k at risk in group k, S_k its survival free of any event, F_k its cumulative incidence of the cause, and d_k its
events of the cause at t (d in all groups)::

    h_k = Y_k/S_k(t-),   R_k = h_k (1 - F_k(t-)),   dF = d/sum h,   W = (1 - F(t-))^rho
    z_k = sum over t of W (d_k - d R_k/sum R)

F is the incidence that all groups share under the hypothesis. R_k counts those who had a competing event as still at
risk, as far as censoring lets them be seen: the test is about risks, where the log-rank test is about hazards. With

::

    a_ik(t) = W h_i (1{i = k} - h_k/sum h),   c_ik(t) = sum over u <= t of a_ik(u) dF(u)/(1 - F(u-))
    g_k(t) = (1 - F(t))/S_k(t),   D_ik(t) = c_ik(end) - c_ik(t)

the covariance of z is ::

    sum over t and k of  q_1k b_ik b_jk + q_2k g_k^2 D_ik D_jk,      b_ik = a_ik + (1 - g_k) D_ik
    q_1k = dF/h_k (1 - (d - 1)/(S_k(t-) sum h - 1)),   q_2k = (S_k(t-)/Y_k)^2 e_k (1 - (e_k - 1)/(Y_k - 1))

with e_k competing events; the brackets are for ties. z and its covariance add up over strata. Without competing events
z is the log-rank test's, and its variance another estimate of the same.

Source: Gray 1988, Ann Stat 16:1141, section 3; the correction for ties is that of its author's R package cmprsk.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.survival.log_rank import quadratic_form
from limus.kernel.statistics.survival.observations import check_observations, code_labels, freeze

__all__ = ["GrayTest", "gray_test"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class GrayTest:
    """A test of K groups.

    Attributes
    ----------
    groups : tuple of str
    n : (K,)
        Subjects; sums of weights.
    events : (K,)
        Of the cause.
    score : (K,)
        Events less those expected if all groups had one incidence.
    covariance : (K, K)
    chi_square, p : float
    degrees_of_freedom : int
    z : float
        Of two groups: positive where the second has the higher incidence; NaN of more.
    """

    groups: tuple[str, ...]
    n: Floats
    events: Floats
    score: Floats
    covariance: Floats
    chi_square: float
    p: float
    degrees_of_freedom: int
    z: float


@dataclass(frozen=True, slots=True, eq=False)
class _Counts:
    """At the T times with an event of any cause: at risk, events of the cause, other events, all (T, K)."""

    at_risk: Floats
    cause: Floats
    other: Floats


def gray_test(
    time: ArrayLike,
    cause: ArrayLike,
    group: ArrayLike,
    *,
    of: int = 1,
    strata: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    rho: float = 0.0,
) -> GrayTest:
    """Test whether groups have the same cumulative incidence.

    Parameters
    ----------
    time : (N,) array
        Observed times, at least 0.
    cause : (N,) array
        0 where censored, 1, 2 ... for the causes.
    group : (N,) array
        Labels; the order of groups is that of sorting.
    of : int
        The cause that is compared.
    strata : (N,) array, optional
        Labels; groups are compared within strata only.
    weights : (N,) array, optional
        How many subjects a row stands for.
    rho : float
        Power of the weights; 0 for equal ones, below 0 for more weight late.

    Returns
    -------
    GrayTest

    Raises
    ------
    ValueRangeError
        Fewer than two groups, no event of the cause, or values that are not allowed.

    Examples
    --------
    >>> found = gray_test([1, 2, 3, 4, 2, 3, 4, 5], [1, 1, 0, 2, 2, 0, 1, 0], ["a"] * 4 + ["b"] * 4)
    >>> round(found.chi_square, 4), found.degrees_of_freedom
    (0.8747, 1)
    """
    from scipy.special import chdtrc  # noqa: PLC0415

    seen = check_observations(time, cause, weights=weights, causes=True)
    groups, code = code_labels(group, seen.n, "group")
    strata_names, stratum = code_labels(strata, seen.n, "strata")
    if len(groups) < 2:
        raise ValueRangeError("group", f"one group ({groups[0]})", "at least two groups", "compare two groups")
    if not math.isfinite(rho):
        raise ValueRangeError("rho", f"{rho:g}", "a finite number", "use 0 for equal weights")
    own = seen.event == of
    if not np.any(seen.weight[own] > 0):
        raise ValueRangeError("cause", f"no events of {of}", "at least one event", "nothing can be compared without it")
    k = len(groups)
    score, covariance = np.zeros(k), np.zeros((k, k))
    for s in range(len(strata_names)):
        rows = (stratum == s) & (seen.weight > 0)
        kind = np.where(own[rows], 1, np.where(seen.event[rows] > 0, 2, 0))
        if kind.any():
            part = _sum(_count(seen.time[rows], kind, code[rows], seen.weight[rows], k), rho)
            score, covariance = score + part[0], covariance + part[1]
    chi_square, freedom = quadratic_form(score, covariance)
    return GrayTest(
        groups,
        freeze(np.bincount(code, weights=seen.weight, minlength=k).astype(np.float64)),
        freeze(np.bincount(code[own], weights=seen.weight[own], minlength=k).astype(np.float64)),
        freeze(score),
        freeze(covariance),
        chi_square,
        float(chdtrc(freedom, chi_square)),
        freedom,
        math.copysign(math.sqrt(chi_square), score[1]) if k == 2 else math.nan,
    )


def _count(time: Floats, kind: Ints, group: Ints, weight: Floats, k: int) -> _Counts:
    levels = np.unique(time[kind > 0])

    def reached(chosen: NDArray[np.bool_]) -> Floats:
        """Sum weights between the times, (T + 1, K)."""
        cell = np.searchsorted(levels, time[chosen], side="right") * k + group[chosen]
        size = (len(levels) + 1) * k
        return np.bincount(cell, weights=weight[chosen], minlength=size).astype(np.float64).reshape(-1, k)

    at_risk = np.cumsum(reached(np.ones(len(time), dtype=np.bool_))[::-1], axis=0)[::-1][1:]
    return _Counts(at_risk, reached(kind == 1)[1:], reached(kind == 2)[1:])


def _sum(counts: _Counts, rho: float) -> tuple[Floats, Floats]:
    """Return the scores and their covariance in one stratum."""
    y, d, e = counts.at_risk, counts.cause, counts.other
    there = y > 0
    survival = np.cumprod(np.where(there, 1 - _ratio(d + e, y), 1.0), axis=0, dtype=np.float64)
    before = np.concatenate([np.ones((1, y.shape[1])), survival[:-1]])
    own = np.cumsum(before * _ratio(d, y), axis=0)
    own_before = np.concatenate([np.zeros((1, y.shape[1])), own[:-1]])
    h = _ratio(y, before)
    r = h * (1 - own_before)
    total, all_d = (np.asarray(one.sum(axis=1), dtype=np.float64) for one in (h, d))
    step = all_d / total
    shared = np.cumsum(step)
    free = 1 - np.concatenate([[0.0], shared[:-1]])
    weight = free**rho
    score = (weight[:, None] * (d - all_d[:, None] * _ratio(r, r.sum(axis=1)[:, None]))).sum(axis=0)
    share = h / total[:, None]
    a = (weight[:, None] * h)[:, :, None] * (np.eye(y.shape[1]) - share[:, None, :])  # (T, i, k)
    c = np.cumsum(a * (step / free)[:, None, None], axis=0)
    ahead = c[-1] - c
    g = _ratio(np.broadcast_to((1 - shared)[:, None], y.shape), survival)
    first = _ratio(np.broadcast_to(step[:, None], y.shape), h)
    first *= 1 - _ratio(np.maximum(all_d - 1, 0.0)[:, None], total[:, None] * before - 1)
    second = _ratio(before, y) ** 2 * e * (1 - _ratio(np.maximum(e - 1, 0.0), y - 1)) * (survival > 0)
    b = a + (1 - g)[:, None, :] * ahead
    rest = g[:, None, :] * ahead
    variance = np.einsum("tik,tjk,tk->ij", b, b, first * there, optimize=True)
    return score, variance + np.einsum("tik,tjk,tk->ij", rest, rest, second, optimize=True)


def _ratio(above: Floats, below: Floats) -> Floats:
    """Divide, with 0 where the divisor is 0: such groups are at risk of nothing."""
    above, below = np.broadcast_arrays(above, below)
    return np.divide(above, below, out=np.zeros(above.shape), where=below != 0)
