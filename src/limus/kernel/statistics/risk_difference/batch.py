r"""Differences of two risks in many trials at once, with intervals and tests against a margin, stratified or not.

===================  ==============================================================================================
Newcombe             D -/+ sqrt of z^2 (l(1 - l) Lambda + u(1 - u) Lambda'), l and u Wilson's limits of the arms
Miettinen-Nurminen   all t that the score test with N/(N - 1) does not reject
Farrington-Manning   the same without N/(N - 1); without strata it is Mee's interval
Mantel-Haenszel      D -/+ z se, Sato's variance
Wald                 D -/+ z sqrt(sum w^2 (p1 q1/n1 + p2 q2/n2)), weights adding up to 1
===================  ==============================================================================================

In strata D = sum w (p1 - p2), with weights n1 n2/(n1 + n2) (Cochran, Mantel and Haenszel) or by stratum size, adding up
to 1. Newcombe's interval in strata is that of Yan and Su: the limits of an arm are weighted sums of Wilson's limits at
quantile z sqrt(sum w^2 p q/n)/sum(w sqrt(p q/n)), and Lambda = sum w^2/n of the arm. In one stratum it is Newcombe's.

The p value of non-inferiority is one-sided, against a difference of the margin or more (events are bad), by the
method's own statistic; Newcombe's interval has none and takes Farrington and Manning's.

Source: Newcombe 1998, Stat Med 17:873; Yan and Su 2010, Stat Biopharm Res 2:133; Miettinen and Nurminen 1985, Stat Med
4:213; Farrington and Manning 1990, Stat Med 9:1447; Sato 1989, Biometrics 45:1323.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.pooling import normal_quantile
from limus.kernel.statistics.risk_difference.score import score_interval_ends, score_statistic

__all__ = ["DifferenceMethod", "RiskDifferenceBatch", "StratumWeights", "risk_difference_batch"]

Floats = NDArray[np.float64]


class DifferenceMethod(StrEnum):
    """Which interval."""

    NEWCOMBE = "newcombe"
    MIETTINEN_NURMINEN = "miettinen-nurminen"
    FARRINGTON_MANNING = "farrington-manning"
    MANTEL_HAENSZEL = "mantel-haenszel"
    WALD = "wald"


class StratumWeights(StrEnum):
    """How strata are weighted."""

    CMH = "cmh"  # n1 n2/(n1 + n2)
    SIZE = "size"  # n1 + n2


@dataclass(frozen=True, slots=True, eq=False)
class RiskDifferenceBatch:
    """Risk differences of R trials, first column less second; NaN where no stratum has both arms.

    Attributes
    ----------
    estimate, low, high : (R,)
        Fractions.
    standard_error : (R,)
        Wald's (Sato's for Mantel-Haenszel); score intervals are not made of it.
    risk : (R, 2)
        Weighted as the difference is.
    z_none, z : (R,)
        The method's statistic against no difference, and against the margin: far below 0 speaks against a difference
        of the margin or more.
    weights : (R, S)
        Of the strata, adding up to 1; 0 where one lacks an arm.
    """

    estimate: Floats
    low: Floats
    high: Floats
    standard_error: Floats
    risk: Floats
    z_none: Floats
    z: Floats
    weights: Floats

    @property
    def p(self) -> Floats:
        """Two-sided, against no difference."""
        from scipy.special import ndtr  # noqa: PLC0415

        return np.asarray(2 * ndtr(-np.abs(self.z_none)))

    @property
    def p_non_inferiority(self) -> Floats:
        """One-sided, against the margin."""
        from scipy.special import ndtr  # noqa: PLC0415

        return np.asarray(ndtr(self.z))


def risk_difference_batch(
    events: ArrayLike,
    n: ArrayLike,
    method: DifferenceMethod | str = DifferenceMethod.MIETTINEN_NURMINEN,
    *,
    weights: StratumWeights | str = StratumWeights.CMH,
    margin: float = 0.0,
    intervals: bool = True,
    level_percent: float = 95.0,
) -> RiskDifferenceBatch:
    """Compare two risks in each of R trials.

    Parameters
    ----------
    events, n : (R, 2) or (R, S, 2) array
        Of the arm under test, then of the control; strata without one of the arms are left out.
    method : DifferenceMethod
    weights : StratumWeights
        Mantel-Haenszel has its own.
    margin : float
        Difference tested against, a fraction.
    intervals : bool
        Without, ``low`` and ``high`` are NaN and nothing is searched for.
    level_percent : float

    Returns
    -------
    RiskDifferenceBatch

    Raises
    ------
    ValueRangeError
        Shapes that do not fit, or impossible counts.

    Examples
    --------
    >>> found = risk_difference_batch([[56, 48]], [[70, 80]])
    >>> [round(float(end[0]), 4) for end in (found.estimate, found.low, found.high)]
    [0.2, 0.0528, 0.3382]
    """
    chosen = DifferenceMethod(method)
    e, m = np.asarray(events, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if e.shape != m.shape or e.ndim not in (2, 3) or e.shape[-1] != 2:
        raise ValueRangeError("events, n", f"{e.shape}, {m.shape}", "(R, 2) or (R, strata, 2)", "give equal shapes")
    if not (np.all(e >= 0) and np.all(e <= m)):
        raise ValueRangeError("events, n", "impossible counts", "0 <= events <= n", "correct the counts")
    if e.ndim == 2:
        e, m = e[:, None], m[:, None]
    both: NDArray[np.bool_] = np.asarray((m > 0).all(axis=-1))
    # a stratum that is left out has weight 0, and counts with which every formula can be computed
    e, m = np.where(both[..., None], e, 0.0), np.where(both[..., None], m, 1.0)
    cmh = np.where(both, m.prod(axis=-1) / m.sum(axis=-1), 0.0)
    sizes = StratumWeights(weights) is StratumWeights.SIZE and chosen is not DifferenceMethod.MANTEL_HAENSZEL
    w = np.where(both, m.sum(axis=-1), 0.0) if sizes else cmh
    known: NDArray[np.bool_] = np.asarray(both.any(axis=-1))
    # where nothing is known any weights do, and keep the formulae from 0/0
    w = np.where(known[:, None], w / np.where(known, w.sum(axis=-1), 1.0)[:, None], 1.0 / w.shape[1])
    p = e / m
    estimate = (w * (p[..., 0] - p[..., 1])).sum(axis=-1)
    error = _sato_error(e, m, both) if chosen is DifferenceMethod.MANTEL_HAENSZEL else _wald_error(p, m, w)
    low, high = np.full(len(e), np.nan), np.full(len(e), np.nan)
    z = normal_quantile(level_percent)
    corrected = chosen is DifferenceMethod.MIETTINEN_NURMINEN
    if chosen in (DifferenceMethod.WALD, DifferenceMethod.MANTEL_HAENSZEL):
        low, high = estimate - z * error, estimate + z * error
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = [np.where(error > 0, (estimate - t) / error, np.nan) for t in (0.0, margin)]
    else:
        if intervals and chosen is DifferenceMethod.NEWCOMBE:
            low, high = _newcombe(p, m, w, estimate, z)
        elif intervals:
            low, high = score_interval_ends(e, m, z, w, corrected=corrected)
        scores = [score_statistic(e, m, t, w, corrected=corrected) for t in (0.0, margin)]
    estimate, low, high, error = (np.where(known, values, np.nan) for values in (estimate, low, high, error))
    risk = np.where(known[:, None], (w[..., None] * p).sum(axis=1), np.nan)
    none, against = (np.where(known, score, np.nan) for score in scores)
    return RiskDifferenceBatch(estimate, low, high, error, risk, none, against, w)


def _wald_error(p: Floats, m: Floats, w: Floats) -> Floats:
    return np.asarray(np.sqrt((w**2 * (p * (1 - p) / m).sum(axis=-1)).sum(axis=-1)))


def _sato_error(e: Floats, m: Floats, both: NDArray[np.bool_]) -> Floats:
    """Return the root of Sato's variance of the Mantel-Haenszel difference, as in pooling.pooled_tables."""
    a, c, n1, n2 = e[..., 0], e[..., 1], m[..., 0], m[..., 1]
    total = n1 + n2
    weight = np.maximum(np.where(both, n1 * n2 / total, 0.0).sum(axis=-1), 1e-300)
    difference = np.where(both, (a * n2 - c * n1) / total, 0.0).sum(axis=-1) / weight
    first = np.where(both, (c * n1**2 - a * n2**2 + n1 * n2 * (n2 - n1) / 2) / total**2, 0.0).sum(axis=-1)
    second = np.where(both, (a * (n2 - c) + c * (n1 - a)) / (2 * total), 0.0).sum(axis=-1)
    return np.asarray(np.sqrt(np.maximum(difference * first + second, 0.0)) / weight)


def _newcombe(p: Floats, m: Floats, w: Floats, estimate: Floats, z: float) -> tuple[Floats, Floats]:
    (l1, u1), (l2, u2) = (_stratified_wilson(p[..., arm], m[..., arm], w, z) for arm in (0, 1))
    s1, s2 = ((w**2 / m[..., arm]).sum(axis=-1) for arm in (0, 1))
    low = estimate - z * np.sqrt(l1 * (1 - l1) * s1 + u2 * (1 - u2) * s2)
    high = estimate + z * np.sqrt(u1 * (1 - u1) * s1 + l2 * (1 - l2) * s2)
    return np.maximum(low, -1.0), np.minimum(high, 1.0)  # rounding can go beyond


def _stratified_wilson(p: Floats, n: Floats, w: Floats, z: float) -> tuple[Floats, Floats]:
    """Return Yan and Su's limits of a weighted risk."""
    spread = np.sqrt(p * (1 - p) / n)
    weighted = (w * spread).sum(axis=-1)
    plain = np.sqrt((w**2).sum(axis=-1))
    shrink = np.divide(np.sqrt((w**2 * spread**2).sum(axis=-1)), weighted, out=plain, where=weighted > 0)
    q = (z * shrink)[:, None]
    centre, half = p + q * q / (2 * n), q * np.sqrt(p * (1 - p) / n + q * q / (4 * n * n))
    low, high = ((w * (side / (1 + q * q / n))).sum(axis=-1) for side in (centre - half, centre + half))
    return np.maximum(low, 0.0), np.minimum(high, 1.0)
