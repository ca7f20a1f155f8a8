r"""Restricted mean survival time: the area under the Kaplan-Meier curve up to tau.

::

    RMST = integral of S(t) from 0 to tau,    var = sum over event times t_j < tau of A_j^2 d_j/(n_j (n_j - d_j))

with A_j the area from t_j to tau. Two groups are compared by difference and, on the log scale by the delta method, by
ratio.

Source: Irwin 1949, J Hyg 47:188; Royston and Parmar 2013, BMC Med Res Methodol 13:152.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.pooling import normal_quantile
from limus.kernel.statistics.survival.kaplan_meier import KaplanMeier, kaplan_meier
from limus.kernel.statistics.survival.observations import code_labels

__all__ = ["Contrast", "RestrictedMean", "RestrictedMeanContrast", "compare_restricted_means", "restricted_mean"]

_EQUAL = 2.0**-26


@dataclass(frozen=True, slots=True)
class RestrictedMean:
    """Mean time without the event, up to tau.

    Attributes
    ----------
    tau : float
    estimate, standard_error : float
        In the unit of the times.
    low, high : float
    level_percent : float
    """

    tau: float
    estimate: float
    standard_error: float
    low: float
    high: float
    level_percent: float


@dataclass(frozen=True, slots=True)
class Contrast:
    """An estimate with its interval.

    Attributes
    ----------
    estimate, standard_error : float
        The standard error of a ratio is that of its logarithm.
    low, high : float
    p : float
        Two-sided, against no difference.
    """

    estimate: float
    standard_error: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class RestrictedMeanContrast:
    """Restricted means of two groups, second against first.

    Attributes
    ----------
    groups : tuple of str
    means : tuple of RestrictedMean
    difference, ratio : Contrast
    """

    groups: tuple[str, str]
    means: tuple[RestrictedMean, RestrictedMean]
    difference: Contrast
    ratio: Contrast


def restricted_mean(curve: KaplanMeier, tau: float, *, level_percent: float = 95.0) -> RestrictedMean:
    """Return the area under a survival curve.

    Parameters
    ----------
    curve : KaplanMeier
    tau : float
        End, above 0 and within follow-up, in the unit of the times.
    level_percent : float

    Returns
    -------
    RestrictedMean

    Raises
    ------
    ValueRangeError
        Tau beyond the last observed time while survival is above 0: the area there is not known.

    Examples
    --------
    >>> from limus.kernel.statistics.survival import kaplan_meier
    >>> round(restricted_mean(kaplan_meier([1, 2, 3], [1, 1, 0]), 3.0).estimate, 4)
    2.0
    """
    z = normal_quantile(level_percent)
    last = float(curve.time[-1])
    if not (tau > 0 and math.isfinite(tau)):
        raise ValueRangeError("tau", f"{tau:g}", "above 0", "give the end of the period")
    if tau > last * (1 + _EQUAL) and curve.survival[-1] > 0:
        raise ValueRangeError("tau", f"{tau:g}", f"at most {last:g}, the last observed time", "choose an earlier end")
    inside = curve.time < tau * (1 - _EQUAL)
    steps = np.concatenate([[0.0], curve.time[inside], [tau]])
    survival = np.concatenate([[1.0], curve.survival[inside]])
    areas = np.diff(steps) * survival
    beyond = np.cumsum(areas[::-1])[::-1][1:]  # from each time to tau
    n, d = curve.n_at_risk[inside], curve.n_event[inside]
    alive = curve.survival[inside] > 0
    n, d, beyond = n[alive], d[alive], beyond[alive]
    terms = np.where(d > 0, d / (n * np.where(d > 0, n - d, 1.0)), 0.0)
    estimate, error = float(areas.sum()), math.sqrt(float((beyond**2 * terms).sum()))
    return RestrictedMean(tau, estimate, error, estimate - z * error, estimate + z * error, level_percent)


def compare_restricted_means(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    tau: float,
    *,
    weights: ArrayLike | None = None,
    entry: ArrayLike | None = None,
    level_percent: float = 95.0,
) -> RestrictedMeanContrast:
    """Compare the restricted means of two groups, the second in sorted order against the first.

    Parameters
    ----------
    time, event : (N,) array
        As for ``kaplan_meier``.
    group : (N,) array
        Two labels.
    tau : float
        Within the follow-up of both groups.
    weights, entry : (N,) array, optional
    level_percent : float

    Returns
    -------
    RestrictedMeanContrast

    Raises
    ------
    ValueRangeError
        Not two groups, tau beyond follow-up, or values that are not allowed.
    """
    times, events = np.asarray(time), np.asarray(event)
    labels, codes = code_labels(group, len(times), "group")
    if len(labels) != 2:
        raise ValueRangeError("group", ", ".join(labels), "two groups", "compare two groups")

    def mean_of(code: int) -> RestrictedMean:
        rows = codes == code
        chosen = [None if a is None else np.asarray(a)[rows] for a in (weights, entry)]
        curve = kaplan_meier(times[rows], events[rows], weights=chosen[0], entry=chosen[1])
        return restricted_mean(curve, tau, level_percent=level_percent)

    first, second = mean_of(0), mean_of(1)
    difference = second.estimate - first.estimate
    error = math.hypot(first.standard_error, second.standard_error)
    log_ratio = math.log(second.estimate / first.estimate)
    log_error = math.hypot(first.standard_error / first.estimate, second.standard_error / second.estimate)
    z = normal_quantile(level_percent)
    ends = [math.exp(log_ratio + side * z * log_error) for side in (-1, 1)]
    return RestrictedMeanContrast(
        (labels[0], labels[1]),
        (first, second),
        Contrast(difference, error, difference - z * error, difference + z * error, _p(difference, error)),
        Contrast(math.exp(log_ratio), log_error, ends[0], ends[1], _p(log_ratio, log_error)),
    )


def _p(estimate: float, error: float) -> float:
    return math.erfc(abs(estimate) / error / math.sqrt(2)) if error > 0 else math.nan
