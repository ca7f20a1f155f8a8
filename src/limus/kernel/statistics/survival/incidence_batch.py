r"""Risks by a time of two groups in many trials at once, by Aalen and Johansen; Kaplan-Meier where nothing competes.

The estimate and the variance are those of :mod:`limus.kernel.statistics.survival.aalen_johansen`. Subjects with the
same influence on a risk are counted, not listed: with m_j censored from t_j until before t_(j+1), A_j the running sum
of the first line there and J_kj the jump of an event of cause k at t_j::

    var F(t) = sum over t_j <= t of [m_j A_j^2 + d_1j (J_1j - A_j)^2 + d_2j (J_2j - A_j)^2]

so that a curve needs its times with events only. Without competing events this is 1 - Kaplan-Meier with Greenwood's
variance. Differences in strata are weighted by w_s = n_1s n_2s/n_s (Cochran, Mantel and Haenszel).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.survival.observations import NEAR, freeze

__all__ = ["IncidenceDifferenceBatch", "incidence_difference_batch"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_EQUAL = 2.0**-26


@dataclass(frozen=True, slots=True, eq=False)
class IncidenceDifferenceBatch:
    """Differences of risk in R trials, group 1 less group 0.

    Attributes
    ----------
    risk, variance : (2, R)
        Of each group, strata joined; NaN where the group was not followed until then.
    estimate, standard_error : (R,)
        In strata where there are any; NaN where a group, or a group of a stratum, was not followed until then.
    strata_left_out : (R,) of int
        Strata that lack one of the groups.
    """

    risk: Floats
    variance: Floats
    estimate: Floats
    standard_error: Floats
    strata_left_out: Ints


def incidence_difference_batch(
    time: ArrayLike,
    cause: ArrayLike,
    group: ArrayLike,
    at: float,
    *,
    present: ArrayLike | None = None,
    strata: ArrayLike | None = None,
) -> IncidenceDifferenceBatch:
    """Compare the risks of cause 1 by a time in each of R trials, without a loop over trials.

    Parameters
    ----------
    time : (R, N) array
        Observed times, at least 0, finite.
    cause : (R, N) array
        0 censored, 1 the event, 2 an event that rules it out.
    group : (R, N) or (N,) array
        0 or 1.
    at : float
        In the unit of the times.
    present : (R, N) array, optional
        False for rows that do not count.
    strata : (R, N) array of int, optional
        Codes 0, 1, 2 ...

    Returns
    -------
    IncidenceDifferenceBatch

    Raises
    ------
    ValueRangeError
        Shapes that do not fit, or a value that is not allowed.

    Examples
    --------
    >>> found = incidence_difference_batch([[1, 2, 2, 3, 1, 4]], [[1, 2, 0, 1, 0, 1]], [0, 0, 0, 0, 1, 1], 3.0)
    >>> found.risk[:, 0].tolist()
    [0.75, 0.0]
    """
    times, causes = np.asarray(time, dtype=np.float64), np.asarray(cause)
    _check(times, causes)
    second = np.broadcast_to(np.asarray(group), times.shape).astype(np.int64)
    kept = np.ones(times.shape, dtype=np.bool_) if present is None else np.asarray(present, dtype=np.bool_)
    whole = _curves(times, causes, np.where(kept, second, -1), 2, at)
    risk, variance, _ = (part.T for part in whole)
    if strata is None:
        parts = [part[:, None, :] for part in whole]
    else:
        codes = np.asarray(strata, dtype=np.int64)
        count = int(codes.max(initial=0)) + 1
        found = _curves(times, causes, np.where(kept, 2 * codes + second, -1), 2 * count, at)
        parts = [part.reshape(len(times), count, 2) for part in found]
    risks, variances, sizes = parts
    both: NDArray[np.bool_] = np.asarray((sizes > 0).all(axis=2))
    weight = np.where(both, sizes.prod(axis=2) / np.maximum(sizes.sum(axis=2), 1.0), 0.0)
    known: NDArray[np.bool_] = np.asarray(both.any(axis=1))
    weight /= np.where(known, weight.sum(axis=1), 1.0)[:, None]
    apart = np.where(both, risks[..., 1] - risks[..., 0], 0.0)
    spread = np.where(both, variances.sum(axis=2), 0.0)
    estimate = np.where(known, (weight * apart).sum(axis=1), np.nan)
    error = np.where(known, np.sqrt((weight**2 * spread).sum(axis=1)), np.nan)
    left_out = ((sizes.sum(axis=2) > 0) & ~both).sum(axis=1)
    return IncidenceDifferenceBatch(
        freeze(risk.copy()), freeze(variance.copy()), freeze(estimate), freeze(error), freeze(left_out)
    )


def _check(times: Floats, causes: NDArray[np.generic]) -> None:
    if times.ndim != 2 or not times.shape[1] or causes.shape != times.shape:
        got = f"shapes {times.shape}, {causes.shape}"
        raise ValueRangeError("time, cause", got, "(replicates, subjects)", "give matrices of one shape")
    if times.size and not (times.min() >= 0 and np.isfinite(times.max())):
        got = f"{times.min():g} to {times.max():g}"
        raise ValueRangeError("time", got, "0 or more, finite", "censor at the end of follow-up")
    if causes.size and not np.isin(causes, (0, 1, 2)).all():
        got = ", ".join(str(code) for code in np.unique(causes)[:5].tolist())
        raise ValueRangeError("cause", got, "0, 1 or 2", "join the competing events")


def _curves(times: Floats, causes: NDArray[np.generic], curve: Ints, count: int, at: float) -> list[Floats]:
    """Return risk, variance and number of subjects of each curve, (R, count)."""
    replicates = len(times)
    rows = np.flatnonzero(curve.ravel() >= 0)
    label = (np.arange(replicates)[:, None] * count + curve).ravel()[rows]
    t, c = times.ravel()[rows], causes.ravel()[rows]
    order = np.lexsort((t, label))
    label, t, c = label[order], t[order], c[order]
    size = np.bincount(label, minlength=replicates * count)
    stop = np.cumsum(size)
    longest = np.full(len(size), -np.inf)
    longest[size > 0] = t[stop[size > 0] - 1]
    new = np.ones(len(t), dtype=np.bool_)
    new[1:] = (label[1:] != label[:-1]) | (t[1:] - t[:-1] > NEAR * t[1:])
    start = np.flatnonzero(new)
    firsts, seconds = (np.add.reduceat(c == k, start).astype(np.float64) if len(start) else np.zeros(0) for k in (1, 2))
    used = np.flatnonzero((firsts + seconds > 0) & (t[start] * (1 - _EQUAL) <= at))
    own = label[start[used]]
    rank = np.arange(len(own)) - np.searchsorted(own, own, side="left")
    width = int(rank.max(initial=-1)) + 1
    n, d1, d2 = (np.zeros((len(size), width)) for _ in range(3))
    n[own, rank], d1[own, rank], d2[own, rank] = stop[own] - start[used], firsts[used], seconds[used]
    risk, variance, survival = _of_blocks(n, d1, d2)
    followed = (longest * (1 + _EQUAL) >= at) | ((survival == 0) & (size > 0))
    shape = (replicates, count)
    risk, variance = np.where(followed, risk, np.nan), np.where(followed, variance, np.nan)
    return [risk.reshape(shape), variance.reshape(shape), size.reshape(shape).astype(np.float64)]


def _of_blocks(n: Floats, d1: Floats, d2: Floats) -> tuple[Floats, Floats, Floats]:
    """Return risk, variance and survival from numbers at risk and events at the times with events, (C, K)."""
    d = d1 + d2
    at_risk, left = np.maximum(n, 1.0), n - d
    survival = np.cumprod(np.where(n > 0, left / at_risk, 1.0), axis=1)
    nothing = np.zeros((len(n), 1))
    before = np.concatenate([nothing + 1.0, survival], axis=1)[:, :-1]
    steps = before * d1 / at_risk
    incidence = np.cumsum(steps, axis=1)
    last = np.concatenate([nothing, incidence], axis=1)[:, -1]
    # of those at risk after the time; nobody is where all had the event
    later = np.divide(last[:, None] - incidence, left, out=np.zeros(n.shape), where=left > 0)
    running = np.cumsum((steps - d * later) / at_risk, axis=1)
    following = np.concatenate([n[:, 1:], nothing], axis=1)
    other = -later  # S(t-) 1{of the cause} - (F(t) - F(t_j)) n/(n - d), over n
    own = before / at_risk - later
    terms = (left - following) * running**2 + d1 * (own - running) ** 2 + d2 * (other - running) ** 2
    end = np.concatenate([nothing + 1.0, survival], axis=1)[:, -1]
    return last, np.where(n > 0, terms, 0.0).sum(axis=1), end
