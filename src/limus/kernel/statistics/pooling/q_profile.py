r"""The Q-profile interval of the heterogeneity variance.

Under the random-effects model Q(t) = y'P(t)y at t = tau2 is chi-squared with df degrees of freedom, so the t between
its two quantiles are an exact interval (given the variances). I2 and H2 rise with tau2 and inherit it.

Source: Viechtbauer 2007, Stat Med 26:37.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from limus.kernel.statistics.pooling.heterogeneity_variance import solve_generalised_q
from limus.kernel.statistics.pooling.spread import Spread

__all__ = ["QProfile", "QProfileStatus", "profile_q"]

Floats = NDArray[np.float64]


class QProfileStatus(StrEnum):
    """What the interval is."""

    OK = "ok"
    EMPTY = "empty"  # even tau2 = 0 makes Q too small: the effects lie closer together than chance explains


@dataclass(frozen=True, slots=True, eq=False)
class QProfile:
    """Intervals of the heterogeneity variance of M meta-analyses.

    Attributes
    ----------
    lower, upper : (M,)
        Of tau2; both 0 where the interval is empty.
    i2_lower_percent, i2_upper_percent : (M,)
    h2_lower, h2_upper : (M,)
    status : tuple of QProfileStatus
    """

    lower: Floats
    upper: Floats
    i2_lower_percent: Floats
    i2_upper_percent: Floats
    h2_lower: Floats
    h2_upper: Floats
    status: tuple[QProfileStatus, ...]


def profile_q(spread: Spread, level_percent: float = 95.0) -> QProfile:
    """Return the Q-profile interval of each meta-analysis.

    Parameters
    ----------
    spread : Spread
        M meta-analyses, each with at least one degree of freedom.
    level_percent : float
        Between 0 and 100.

    Returns
    -------
    QProfile
    """
    from scipy.special import chdtri  # noqa: PLC0415

    degrees = spread.degrees_of_freedom
    rows = np.arange(len(degrees))
    tail = (1 - level_percent / 100) / 2
    high, low = np.asarray(chdtri(degrees, tail), float), np.asarray(chdtri(degrees, 1 - tail), float)
    at_zero = spread.sums(rows, np.zeros(len(rows)))
    typical = degrees / at_zero.trace
    lower, upper = solve_generalised_q(spread, rows, high), solve_generalised_q(spread, rows, low)
    empty = at_zero.ypy < low
    return QProfile(
        lower,
        upper,
        100 * lower / (lower + typical),
        100 * upper / (upper + typical),
        1 + lower / typical,
        1 + upper / typical,
        tuple(QProfileStatus.EMPTY if none else QProfileStatus.OK for none in empty),
    )
