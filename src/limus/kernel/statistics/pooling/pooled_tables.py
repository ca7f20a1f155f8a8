r"""Pooling two-by-two tables without effects of single studies: Mantel and Haenszel, and Peto. Common effect only.

::

    RR   R = sum(a n2/N), S = sum(c n1/N); ln(R/S)    var = sum((n1 n2 m - a c N)/N^2)/(R S)       Greenland, Robins
    OR   R = sum(ad/N), S = sum(bc/N); ln(R/S)        var = sum(PR)/2R^2 + sum(PS + QR)/2RS + sum(QS)/2S^2,
                                                      P = (a + d)/N, Q = (b + c)/N                 Robins, Breslow, G.
    RD   sum((a n2 - c n1)/N)/sum(n1 n2/N)            var = (d L + M)/sum(n1 n2/N)^2               Sato
    Peto sum(a - E)/sum(V)                            var = 1/sum(V)

L = sum((c n1^2 - a n2^2 + n1 n2 (n2 - n1)/2)/N^2), M = sum(a (n2 - c) + c (n1 - a))/2N. No zero cell needs a correction
here; studies without events (or with nothing else) contribute nothing to RR, OR and Peto, and are reported as left out.
Cochran's Q is that of the single studies' effects (corrected where needed) around the pooled one.

The test is that of Cochran, Mantel and Haenszel, (|sum(a - E)| - 0.5)^2/sum(V).

Source: Mantel and Haenszel 1959, J Natl Cancer Inst 22:719; Greenland and Robins 1985, Biometrics 41:55; Robins,
Breslow and Greenland 1986, Biometrics 42:311; Sato, Greenland and Robins 1989, Biometrics 45:1323; Yusuf and others
1985, Prog Cardiovasc Dis 27:335.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.pooling.two_by_two import BinaryMeasure, Effects, TwoByTwo, binary_effects, peto_parts

__all__ = ["DifferenceVariance", "PooledTables", "TableStatus", "pool_mantel_haenszel", "pool_peto"]

Floats = NDArray[np.float64]


class DifferenceVariance(StrEnum):
    """Variance of the Mantel-Haenszel risk difference; Sato's holds for sparse data and for large strata."""

    SATO = "sato"
    GREENLAND_ROBINS = "greenland_robins"


class TableStatus(StrEnum):
    """Whether the pooled effect exists."""

    OK = "ok"
    UNDEFINED = "undefined"  # no events in one of the arms, or nothing else, in all studies together


@dataclass(frozen=True, slots=True, eq=False)
class PooledTables:
    """One pooled effect from two-by-two tables; NaN where it is undefined.

    Attributes
    ----------
    studies : int
        Those that contribute.
    estimate, standard_error : float
        Ratios as natural logarithms.
    q, q_p : float
    degrees_of_freedom : float
    i2_percent, h2 : float
        From Q.
    test, test_p : float
        Cochran-Mantel-Haenszel chi-squared with continuity correction.
    weights_percent : (K,)
    single : Effects
        The effect of each study.
    status : TableStatus
    """

    studies: int
    estimate: float
    standard_error: float
    q: float
    q_p: float
    degrees_of_freedom: float
    i2_percent: float
    h2: float
    test: float
    test_p: float
    weights_percent: Floats
    single: Effects
    status: TableStatus


def pool_mantel_haenszel(
    tables: TwoByTwo,
    measure: BinaryMeasure,
    *,
    difference_variance: DifferenceVariance = DifferenceVariance.SATO,
) -> PooledTables:
    """Pool by Mantel and Haenszel.

    Parameters
    ----------
    tables : TwoByTwo
        K studies.
    measure : BinaryMeasure
        RR, OR or RD.
    difference_variance : DifferenceVariance
        For RD.

    Returns
    -------
    PooledTables

    Raises
    ------
    ValueRangeError
        The measure has no Mantel-Haenszel estimate.
    """
    a, c, n_1, n_2 = tables.events_1, tables.events_2, tables.n_1, tables.n_2
    b, d, total = n_1 - a, n_2 - c, n_1 + n_2
    if measure is BinaryMeasure.RR:
        upper, lower = a * n_2 / total, c * n_1 / total
        spread = (n_1 * n_2 * (a + c) - a * c * total) / total**2
        return _ratio(tables, measure, upper, lower, lambda r, s: float(spread.sum() / (r * s)))
    if measure is BinaryMeasure.OR:
        upper, lower = a * d / total, b * c / total
        p, q = (a + d) / total, (b + c) / total

        def robins_breslow_greenland(r: float, s: float) -> float:
            parts = (p @ upper) / (2 * r**2) + (p @ lower + q @ upper) / (2 * r * s) + (q @ lower) / (2 * s**2)
            return float(parts)

        return _ratio(tables, measure, upper, lower, robins_breslow_greenland)
    if measure is not BinaryMeasure.RD:
        raise ValueRangeError("Mantel-Haenszel", str(measure), "RR, OR or RD", "choose another measure or method")
    weight = n_1 * n_2 / total
    estimate = float(((a * n_2 - c * n_1) / total).sum() / weight.sum())
    if difference_variance is DifferenceVariance.SATO:
        tilt = ((c * n_1**2 - a * n_2**2 + n_1 * n_2 * (n_2 - n_1) / 2) / total**2).sum()
        variance = (estimate * tilt + ((a * d + c * b) / (2 * total)).sum()) / weight.sum() ** 2
    else:
        variance = ((a * b * n_2**3 + c * d * n_1**3) / (n_1 * n_2 * total**2)).sum() / weight.sum() ** 2
    return _finish(tables, binary_effects(tables, measure), estimate, float(variance), weight, len(weight))


def pool_peto(tables: TwoByTwo) -> PooledTables:
    """Pool odds ratios by Peto's method: for rare events, small effects and arms of like size.

    Parameters
    ----------
    tables : TwoByTwo
        K studies.

    Returns
    -------
    PooledTables
    """
    difference, information = peto_parts(tables)
    single = binary_effects(tables, BinaryMeasure.PETO)
    total = information.sum()
    estimate, variance = (difference.sum() / total, 1 / total) if total > 0 else (np.nan, np.nan)
    return _finish(tables, single, float(estimate), float(variance), information, int((information > 0).sum()))


def _ratio(
    tables: TwoByTwo,
    measure: BinaryMeasure,
    upper: Floats,
    lower: Floats,
    variance: Callable[[float, float], float],
) -> PooledTables:
    single = binary_effects(tables, measure)
    r, s = float(upper.sum()), float(lower.sum())
    contributing = int(((upper > 0) | (lower > 0)).sum())
    if r <= 0 or s <= 0:
        return _finish(tables, single, np.nan, np.nan, lower, contributing)
    return _finish(tables, single, float(np.log(r / s)), variance(r, s), lower, contributing)


def _finish(
    tables: TwoByTwo, single: Effects, estimate: float, variance: float, weight: Floats, studies: int
) -> PooledTables:
    from scipy.special import chdtrc  # noqa: PLC0415

    there = np.isfinite(single.effect)
    q = float((((single.effect - estimate) ** 2 / single.variance)[there]).sum())
    degrees = float(there.sum() - 1)
    difference, information = peto_parts(tables)
    spread = information.sum()
    test = max(abs(difference.sum()) - 0.5, 0.0) ** 2 / spread if spread > 0 else np.nan
    several = degrees >= 1 and np.isfinite(q)
    return PooledTables(
        studies=studies,
        estimate=estimate,
        standard_error=float(np.sqrt(variance)),
        q=q,
        q_p=float(chdtrc(degrees, q)) if several else np.nan,
        degrees_of_freedom=degrees,
        i2_percent=(100 * max(0.0, 1 - degrees / q) if q > 0 else 0.0) if several else np.nan,
        h2=q / degrees if several else np.nan,
        test=float(test),
        test_p=float(chdtrc(1, test)) if np.isfinite(test) else np.nan,
        weights_percent=100 * weight / weight.sum() if weight.sum() > 0 else np.full_like(weight, np.nan),
        single=single,
        status=TableStatus.OK if np.isfinite(estimate) and np.isfinite(variance) else TableStatus.UNDEFINED,
    )
