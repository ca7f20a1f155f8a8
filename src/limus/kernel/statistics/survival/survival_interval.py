r"""Pointwise intervals of a probability that changes with time, from the variance v of its logarithm.

::

    plain     S +/- z S sqrt(v), kept within 0 and 1
    log       S exp(+/- z sqrt(v)), kept below 1
    log-log   exp(-exp(ln(-ln S) +/- z sqrt(v)/ln S))

Source: Kalbfleisch and Prentice 2002, The statistical analysis of failure time data, section 1.4.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

__all__ = ["SurvivalInterval", "survival_interval"]

Floats = NDArray[np.float64]


class SurvivalInterval(StrEnum):
    """On which scale an interval is symmetric."""

    LOG_LOG = "log-log"
    LOG = "log"
    PLAIN = "plain"


def survival_interval(
    survival: Floats, log_variance: Floats, interval: SurvivalInterval, z: float
) -> tuple[Floats, Floats]:
    """Return the ends of the interval.

    Parameters
    ----------
    survival : array
        Survival, or a cumulative incidence.
    log_variance : array
        Variance of its logarithm.
    interval : SurvivalInterval
    z : float
        Normal quantile.

    Returns
    -------
    tuple of two arrays
        NaN where the probability is 0, and for log-log also where it is 1: there the data say nothing about the width.
    """
    inside = survival > 0
    if interval is SurvivalInterval.LOG_LOG:
        inside &= survival < 1
    s = np.where(inside, survival, 0.5)
    error = z * np.sqrt(np.where(inside, log_variance, 0.0))
    if interval is SurvivalInterval.PLAIN:
        low, high = np.maximum(s - s * error, 0.0), np.minimum(s + s * error, 1.0)
    elif interval is SurvivalInterval.LOG:
        low, high = s * np.exp(-error), np.minimum(s * np.exp(error), 1.0)
    else:
        centre, width = np.log(-np.log(s)), error / np.log(s)
        low, high = np.exp(-np.exp(centre - width)), np.exp(-np.exp(centre + width))
    return np.where(inside, low, np.nan), np.where(inside, high, np.nan)
