r"""Intervals of two proportions compared, by each method that papers use.

Effects and their variances (Wald, Katz, Woolf) are those of :mod:`limus.kernel.statistics.pooling.two_by_two`. The
others: Newcombe's interval of a difference joins the Wilson intervals of the arms (methods 10 and 11 of his paper);
Agresti and Caffo add one event and one non-event to each arm; Walter adds 0.5 to events and to participants of a log
risk ratio (others 0.5 to each of the four cells); Gart adds 0.5 to each cell of a log odds ratio; the exact interval of
an odds ratio is the conditional one (Fisher, Cornfield); score intervals stand in
:mod:`limus.kernel.statistics.proportions.score`.

Source: Newcombe 1998, Stat Med 17:873; Agresti and Caffo 2000, Am Stat 54:280; Katz and others 1978, Biometrics 34:469.
"""

from __future__ import annotations

import math

import numpy as np

from limus.kernel.statistics.pooling import BinaryMeasure, TwoByTwo, binary_effects, normal_quantile
from limus.kernel.statistics.pooling.two_by_two import Correction
from limus.kernel.statistics.proportions.one import check_counts, wilson
from limus.kernel.statistics.proportions.score import ContrastScale, score_interval

__all__ = ["two_proportion_intervals"]

Ends = tuple[float, float]
Counts = tuple[int, int, int, int]


def two_proportion_intervals(scale: ContrastScale, counts: Counts, level_percent: float = 95.0) -> dict[str, Ends]:
    """Return the interval of a contrast by each usual method; a method that has none is left out.

    Parameters
    ----------
    scale : ContrastScale
    counts : tuple of int
        Events and participants of arm 1, then of arm 2.
    level_percent : float

    Returns
    -------
    dict of str to (float, float)
        Method to ends; the difference as a fraction.

    Raises
    ------
    ValueRangeError
        Impossible counts or level.

    Examples
    --------
    >>> found = two_proportion_intervals(ContrastScale.RD, (56, 70, 48, 80))
    >>> [round(end, 4) for end in found["Newcombe"]]
    [0.0524, 0.3339]
    """
    check_counts(counts[0], counts[1])
    check_counts(counts[2], counts[3])
    z = normal_quantile(level_percent)
    if scale is ContrastScale.RD:
        return _differences(counts, z, level_percent)
    wald, more = ("Katz (Wald)", "Walter (0.5 added)") if scale is ContrastScale.RR else ("Woolf (Wald)", "Gart (0.5)")
    found = {wald: _log_wald(BinaryMeasure(scale.value), counts, z), more: _log_added(scale, counts, z)}
    if scale is ContrastScale.RR:
        found["Katz (0.5 in each cell)"] = _log_added(scale, counts, z, to_n=1.0)
    found["Miettinen-Nurminen"] = score_interval(scale, counts, level_percent)
    found["Koopman" if scale is ContrastScale.RR else "score"] = score_interval(
        scale, counts, level_percent, corrected=False
    )
    if scale is ContrastScale.OR:
        found["exact (conditional)"] = _exact_odds_ratio(counts, level_percent)
    return {name: ends for name, ends in found.items() if not math.isnan(ends[0])}


def _differences(counts: Counts, z: float, level_percent: float) -> dict[str, Ends]:
    a, n1, c, n2 = counts
    difference = a / n1 - c / n2
    p1, p2 = a / n1, c / n2
    half = z * math.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
    wider = half + (1 / n1 + 1 / n2) / 2
    g1, g2 = (a + 1) / (n1 + 2), (c + 1) / (n2 + 2)
    caffo = z * math.sqrt(g1 * (1 - g1) / (n1 + 2) + g2 * (1 - g2) / (n2 + 2))
    return {
        "Wald": (difference - half, difference + half),
        "Wald with continuity correction": (difference - wider, difference + wider),
        "Newcombe": _newcombe(counts, z, corrected=False),
        "Newcombe with continuity correction": _newcombe(counts, z, corrected=True),
        "Agresti-Caffo": (g1 - g2 - caffo, g1 - g2 + caffo),
        "Miettinen-Nurminen": score_interval(ContrastScale.RD, counts, level_percent),
        "Mee": score_interval(ContrastScale.RD, counts, level_percent, corrected=False),
    }


def _newcombe(counts: Counts, z: float, *, corrected: bool) -> Ends:
    a, n1, c, n2 = counts
    (l1, u1), (l2, u2) = wilson(a, n1, z, corrected=corrected), wilson(c, n2, z, corrected=corrected)
    p1, p2 = a / n1, c / n2
    low = p1 - p2 - math.hypot(p1 - l1, u2 - p2)
    return low, p1 - p2 + math.hypot(u1 - p1, p2 - l2)


def _log_wald(measure: BinaryMeasure, counts: Counts, z: float) -> Ends:
    table = TwoByTwo.create(*[[x] for x in counts])
    found = binary_effects(table, measure, correction=Correction.NONE)
    effect, error = float(found.effect[0]), float(np.sqrt(found.variance[0]))
    return (math.exp(effect - z * error), math.exp(effect + z * error)) if error > 0 else (math.nan, math.nan)


def _log_added(scale: ContrastScale, counts: Counts, z: float, *, to_n: float = 0.5) -> Ends:
    a, n1, c, n2 = counts
    a1, c1 = a + 0.5, c + 0.5
    if scale is ContrastScale.RR:
        m1, m2 = n1 + to_n, n2 + to_n
        effect, variance = math.log(a1 / m1 / (c1 / m2)), 1 / a1 - 1 / m1 + 1 / c1 - 1 / m2
    else:
        b1, d1 = n1 - a + 0.5, n2 - c + 0.5
        effect, variance = math.log(a1 * d1 / (b1 * c1)), 1 / a1 + 1 / b1 + 1 / c1 + 1 / d1
    half = z * math.sqrt(variance)
    return math.exp(effect - half), math.exp(effect + half)


def _exact_odds_ratio(counts: Counts, level_percent: float) -> Ends:
    from scipy.stats.contingency import odds_ratio  # noqa: PLC0415

    a, n1, c, n2 = counts
    if 0 in (a + c, n1 + n2 - a - c):
        return math.nan, math.nan
    found = odds_ratio([[a, n1 - a], [c, n2 - c]], kind="conditional").confidence_interval(level_percent / 100)
    return float(found.low), float(found.high)
