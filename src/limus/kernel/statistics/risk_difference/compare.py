r"""Difference of two risks with its interval, and the test against a margin, stratified or not.

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

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.pooling import normal_quantile
from limus.kernel.statistics.risk_difference.score import score_interval_ends, score_statistic

__all__ = ["DifferenceMethod", "RiskDifference", "StratumWeights", "risk_difference"]

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
class RiskDifference:
    """Risk of the arm under test less that of the control.

    Attributes
    ----------
    estimate, low, high : float
        Fractions.
    standard_error : float
        Wald's (Sato's for Mantel-Haenszel); score intervals are not made of it.
    risk : (2,)
        Arm under test, control; weighted as the difference is.
    p : float
        Two-sided, against no difference.
    margin, p_non_inferiority : float
        NaN without a margin.
    method : DifferenceMethod
    weights : (S,)
        Of the strata, adding up to 1.
    level_percent : float
    """

    estimate: float
    low: float
    high: float
    standard_error: float
    risk: Floats
    p: float
    margin: float
    p_non_inferiority: float
    method: DifferenceMethod
    weights: Floats
    level_percent: float

    @property
    def non_inferior(self) -> bool | None:
        """Whether the interval lies below the margin; None without one."""
        return None if math.isnan(self.margin) else self.high < self.margin


def risk_difference(
    events: ArrayLike,
    n: ArrayLike,
    method: DifferenceMethod | str = DifferenceMethod.MIETTINEN_NURMINEN,
    *,
    weights: StratumWeights | str = StratumWeights.CMH,
    margin: float | None = None,
    level_percent: float = 95.0,
) -> RiskDifference:
    """Compare two risks.

    Parameters
    ----------
    events, n : (2,) or (S, 2) array
        Events and participants of the arm under test, then of the control; a row a stratum. Strata without one of the
        arms are left out.
    method : DifferenceMethod
    weights : StratumWeights
        Mantel-Haenszel has its own.
    margin : float, optional
        Largest acceptable difference, a fraction above 0; events are bad.
    level_percent : float

    Returns
    -------
    RiskDifference

    Raises
    ------
    ValueRangeError
        Impossible counts, margin or level, or no stratum with both arms.

    Examples
    --------
    >>> found = risk_difference([56, 48], [70, 80], "newcombe")
    >>> [round(x, 4) for x in (found.estimate, found.low, found.high)]
    [0.2, 0.0524, 0.3339]
    """
    chosen = DifferenceMethod(method)
    e, m = _tables(events, n)
    if margin is not None and not 0 < margin < 1:
        raise ValueRangeError("margin", f"{margin:g}", "a fraction between 0 and 1", "write 0.1 for ten per cent")
    z = normal_quantile(level_percent)
    cmh = m.prod(axis=1) / m.sum(axis=1)
    sizes = StratumWeights(weights) is StratumWeights.SIZE and chosen is not DifferenceMethod.MANTEL_HAENSZEL
    w = m.sum(axis=1) if sizes else cmh
    w = w / w.sum()
    p = e / m
    estimate = float(w @ (p[:, 0] - p[:, 1]))
    error = _sato_error(e, m) if chosen is DifferenceMethod.MANTEL_HAENSZEL else _wald_error(p, m, w)
    corrected = chosen is DifferenceMethod.MIETTINEN_NURMINEN
    if chosen in (DifferenceMethod.WALD, DifferenceMethod.MANTEL_HAENSZEL):
        low, high = estimate - z * error, estimate + z * error
        statistics = [(estimate - t) / error if error > 0 else math.nan for t in (0.0, margin or 0.0)]
    else:
        if chosen is DifferenceMethod.NEWCOMBE:
            low, high = _newcombe(p, m, w, estimate, z)
        else:
            low, high = (float(end) for end in score_interval_ends(e, m, z, w, corrected=corrected))
        statistics = [float(score_statistic(e, m, t, w, corrected=corrected)) for t in (0.0, margin or 0.0)]
    return RiskDifference(
        estimate,
        low,
        high,
        error,
        w @ p,
        math.erfc(abs(statistics[0]) / math.sqrt(2)),
        math.nan if margin is None else margin,
        math.nan if margin is None else math.erfc(-statistics[1] / math.sqrt(2)) / 2,
        chosen,
        w,
        level_percent,
    )


def _tables(events: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    e, m = np.atleast_2d(np.asarray(events, dtype=np.float64)), np.atleast_2d(np.asarray(n, dtype=np.float64))
    if e.shape != m.shape or e.ndim != 2 or e.shape[1] != 2:
        raise ValueRangeError("events, n", f"shapes {e.shape}, {m.shape}", "(2,) or (strata, 2)", "give equal shapes")
    bad = ~((e >= 0) & (e <= m))
    if bad.any():
        row, arm = (int(i[0]) for i in np.nonzero(bad))
        got = f"{e[row, arm]:g} of {m[row, arm]:g}"
        raise ValueRangeError(
            f"events, stratum {row + 1}, arm {arm + 1}", got, "0 <= events <= n", "correct the counts"
        )
    both = (m > 0).all(axis=1)
    if not both.any():
        raise ValueRangeError("n", "no stratum with both arms", "participants in both arms", "join strata")
    return e[both], m[both]


def _wald_error(p: Floats, m: Floats, w: Floats) -> float:
    return math.sqrt(float(w**2 @ (p * (1 - p) / m).sum(axis=1)))


def _sato_error(e: Floats, m: Floats) -> float:
    """Return the root of Sato's variance of the Mantel-Haenszel difference, as in pooling.pooled_tables."""
    (a, c), (n1, n2) = e.T, m.T
    total = n1 + n2
    weight = (n1 * n2 / total).sum()
    difference = ((a * n2 - c * n1) / total).sum() / weight
    first = ((c * n1**2 - a * n2**2 + n1 * n2 * (n2 - n1) / 2) / total**2).sum()
    second = ((a * (n2 - c) + c * (n1 - a)) / (2 * total)).sum()
    return math.sqrt(max(0.0, float(difference * first + second))) / float(weight)


def _newcombe(p: Floats, m: Floats, w: Floats, estimate: float, z: float) -> tuple[float, float]:
    limits = [_stratified_wilson(p[:, arm], m[:, arm], w, z) for arm in (0, 1)]
    (l1, u1), (l2, u2) = limits
    s1, s2 = (float(w**2 @ (1 / m[:, arm])) for arm in (0, 1))
    low = estimate - z * math.sqrt(l1 * (1 - l1) * s1 + u2 * (1 - u2) * s2)
    high = estimate + z * math.sqrt(u1 * (1 - u1) * s1 + l2 * (1 - l2) * s2)
    return max(low, -1.0), min(high, 1.0)  # rounding can go beyond


def _stratified_wilson(p: Floats, n: Floats, w: Floats, z: float) -> tuple[float, float]:
    """Return Yan and Su's limits of a weighted risk."""
    spread = np.sqrt(p * (1 - p) / n)
    shrink = math.sqrt(float(w**2 @ spread**2)) / float(w @ spread) if spread.any() else math.sqrt(float(w @ w))
    q = z * shrink
    centre, half = p + q * q / (2 * n), q * np.sqrt(p * (1 - p) / n + q * q / (4 * n * n))
    ends = [float(w @ (side / (1 + q * q / n))) for side in (centre - half, centre + half)]
    return max(0.0, ends[0]), min(1.0, ends[1])
