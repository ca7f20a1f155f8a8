r"""Difference of two risks at a time, each risk by Kaplan-Meier, with Greenwood's variance.

::

    D = F_2(t) - F_1(t),  F = 1 - S,   var D = sum over groups of S^2 sum over t_j <= t of d_j/(n_j (n_j - d_j))

The second group is the one under test. With strata, D and its variance are weighted by w_s = n_1s n_2s/n_s (Cochran,
Mantel and Haenszel), var = sum w^2 var_s/(sum w)^2. The interval is Wald's: D -/+ z se. Risk counts the event as bad:
the second group is not inferior by a margin m above 0 where the upper end is below m; z = (D - m)/se.

Subjects censored before t count for as long as they were watched; censoring must not depend on the event to come. Where
other events end the watching, 1 - S is too high: use the cumulative incidence. Many trials at once, with or without
competing events, are compared by :mod:`limus.kernel.statistics.survival.incidence_batch`.

Source: Greenwood 1926; Com-Nougue, Rodary and Patte 1993, Stat Med 12:1353 (equivalence by Kaplan-Meier).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.pooling import normal_quantile
from limus.kernel.statistics.survival.kaplan_meier import kaplan_meier, survival_at
from limus.kernel.statistics.survival.observations import code_labels, freeze

__all__ = ["KaplanMeierDifference", "kaplan_meier_difference"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class KaplanMeierDifference:
    """Risk of the second group less that of the first.

    Attributes
    ----------
    at : float
    groups : tuple of str
    risk, risk_standard_error : (2,)
        Of each group; with strata weighted as the difference is.
    estimate, standard_error, low, high : float
        Fractions.
    p : float
        Two-sided, against no difference.
    margin, p_non_inferiority : float
        NaN without a margin; one-sided, against a difference of the margin or more.
    level_percent : float
    """

    at: float
    groups: tuple[str, str]
    risk: Floats
    risk_standard_error: Floats
    estimate: float
    standard_error: float
    low: float
    high: float
    p: float
    margin: float
    p_non_inferiority: float
    level_percent: float


def kaplan_meier_difference(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    at: float,
    *,
    strata: ArrayLike | None = None,
    margin: float | None = None,
    level_percent: float = 95.0,
) -> KaplanMeierDifference:
    """Compare the risks of two groups at a time.

    Parameters
    ----------
    time, event : (N,) array
        As for ``kaplan_meier``.
    group : (N,) array
        Two labels; the second in sorted order is under test.
    at : float
        In the unit of the times, within follow-up.
    strata : (N,) array, optional
        Labels.
    margin : float, optional
        Largest acceptable difference, a fraction above 0.
    level_percent : float

    Returns
    -------
    KaplanMeierDifference

    Raises
    ------
    ValueRangeError
        Not two groups, a group (or stratum of it) not followed so far, or values that are not allowed.

    Examples
    --------
    >>> found = kaplan_meier_difference([1, 4, 4, 2, 3, 4], [1, 0, 0, 1, 1, 0], [0, 0, 0, 1, 1, 1], 3.5)
    >>> round(found.estimate, 4)
    0.3333
    """
    times, events = np.asarray(time), np.asarray(event)
    labels, codes = code_labels(group, len(times), "group")
    names, stratum = code_labels(strata, len(times), "strata")
    if len(labels) != 2:
        raise ValueRangeError("group", ", ".join(labels), "two groups", "compare two groups")
    if margin is not None and not 0 < margin < 1:
        raise ValueRangeError("margin", f"{margin:g}", "a fraction between 0 and 1", "write 0.1 for ten per cent")
    risk, variance, size = (np.zeros((len(names), 2)) for _ in range(3))
    for s, name in enumerate(names):
        for g, label in enumerate(labels):
            rows = (stratum == s) & (codes == g)
            size[s, g] = rows.sum()
            if not size[s, g]:
                continue
            found = survival_at(kaplan_meier(times[rows], events[rows]), [at])
            if not found.followed[0]:
                place = f"group {label}" + (f", stratum {name}" if len(names) > 1 else "")
                raise ValueRangeError(
                    f"at, {place}",
                    f"{at:g}",
                    f"at most {times[rows].max():g}, the last observed time",
                    "choose an earlier time, or join strata",
                )
            risk[s, g], variance[s, g] = 1 - found.survival[0], found.standard_error[0] ** 2
    weight = np.divide(size.prod(axis=1), size.sum(axis=1))
    if not weight.any():
        raise ValueRangeError("strata", "no stratum with both groups", "both groups in a stratum", "join strata")
    weight = (weight / weight.sum())[:, None]
    risks, variances = (weight * risk).sum(axis=0), (weight**2 * variance).sum(axis=0)
    estimate, error = float(risks[1] - risks[0]), math.sqrt(float(variances.sum()))
    z = normal_quantile(level_percent)
    return KaplanMeierDifference(
        float(at),
        (labels[0], labels[1]),
        freeze(risks),
        freeze(np.sqrt(variances)),
        estimate,
        error,
        estimate - z * error,
        estimate + z * error,
        math.erfc(abs(estimate) / error / math.sqrt(2)) if error > 0 else math.nan,
        math.nan if margin is None else margin,
        _lower_tail((estimate - margin) / error) if margin is not None and error > 0 else math.nan,
        level_percent,
    )


def _lower_tail(z: float) -> float:
    return math.erfc(-z / math.sqrt(2)) / 2
