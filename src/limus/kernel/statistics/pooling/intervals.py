r"""Intervals of a pooled effect: Wald, Hartung and Knapp, and the prediction interval.

=================  ======================================================================================
Wald               mu +/- z se
Hartung-Knapp      mu +/- t(k-1) sqrt(q) se, q = sum(w (y - mu)^2)/(k - 1)
with correction    the same with max(q, 1): never narrower than Wald's (Röver and others 2015); "ad hoc"
prediction         mu +/- t(k-2) sqrt(tau2 + se^2) (Higgins and others 2009); t(k-1), or z, on request
=================  ======================================================================================

Without the correction, Hartung and Knapp's interval can be narrower than Wald's, even under the common effect; at two
studies t(1) = 12.7 makes it say almost nothing or, where the two agree by chance, almost everything. A prediction
interval needs three studies: below that t(k-2) does not exist and tau2 is hardly estimated.

Source: Hartung and Knapp 2001, Stat Med 20:3875; Sidik and Jonkman 2002, Stat Med 21:3153; Röver, Knapp and Friede
2015, BMC Med Res Methodol 15:99; Higgins, Thompson and Spiegelhalter 2009, J R Stat Soc A 172:137.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.pooling.random_effects import Pooled

__all__ = [
    "FEWEST_FOR_PREDICTION",
    "Interval",
    "PredictionMethod",
    "hartung_knapp_interval",
    "normal_quantile",
    "prediction_interval",
    "t_quantile",
    "wald_interval",
]

Floats = NDArray[np.float64]

FEWEST_FOR_PREDICTION = 3


class PredictionMethod(StrEnum):
    """Which distribution a prediction interval takes its quantile from."""

    T_K_MINUS_2 = "t_k_minus_2"
    T_K_MINUS_1 = "t_k_minus_1"
    NORMAL = "normal"


@dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """Confidence intervals of M pooled effects; NaN where there is none.

    Attributes
    ----------
    lower, upper : (M,)
    standard_error : (M,)
        The one the interval is made of.
    p : (M,)
        Two-sided, against an effect of zero.
    degrees_of_freedom : (M,)
        Infinite for the normal distribution.
    """

    lower: Floats
    upper: Floats
    standard_error: Floats
    p: Floats
    degrees_of_freedom: Floats


def normal_quantile(level_percent: float) -> float:
    """Return the quantile z of a two-sided interval, 1.96 for 95.

    Parameters
    ----------
    level_percent : float
        Between 0 and 100.

    Returns
    -------
    float

    Raises
    ------
    ValueRangeError
        The level is not between 0 and 100.
    """
    from scipy.special import ndtri  # noqa: PLC0415

    return float(ndtri(0.5 + _half(level_percent)))


def t_quantile(level_percent: float, degrees_of_freedom: Floats) -> Floats:
    """Return the quantile of Student's t of a two-sided interval; NaN below one degree of freedom.

    Parameters
    ----------
    level_percent : float
        Between 0 and 100.
    degrees_of_freedom : (M,) array

    Returns
    -------
    (M,) array

    Raises
    ------
    ValueRangeError
        The level is not between 0 and 100.
    """
    from scipy.special import stdtrit  # noqa: PLC0415

    enough = degrees_of_freedom >= 1
    found = stdtrit(np.where(enough, degrees_of_freedom, 1.0), 0.5 + _half(level_percent))
    return np.where(enough, found, np.nan)


def wald_interval(pooled: Pooled, level_percent: float = 95.0) -> Interval:
    """Return mu +/- z se.

    Parameters
    ----------
    pooled : Pooled
    level_percent : float

    Returns
    -------
    Interval

    Raises
    ------
    ValueRangeError
        The level is not between 0 and 100.
    """
    from scipy.special import ndtr  # noqa: PLC0415

    half = normal_quantile(level_percent) * pooled.standard_error
    p = 2 * ndtr(-np.abs(pooled.estimate) / pooled.standard_error)
    infinite = np.full_like(half, np.inf)
    return Interval(pooled.estimate - half, pooled.estimate + half, pooled.standard_error, p, infinite)


def hartung_knapp_interval(pooled: Pooled, level_percent: float = 95.0, *, corrected: bool = False) -> Interval:
    """Return the interval of Hartung and Knapp, and of Sidik and Jonkman; none below two studies.

    Parameters
    ----------
    pooled : Pooled
    level_percent : float
    corrected : bool
        Whether the factor is kept from falling below 1.

    Returns
    -------
    Interval

    Raises
    ------
    ValueRangeError
        The level is not between 0 and 100.
    """
    from scipy.special import stdtr  # noqa: PLC0415

    degrees = pooled.degrees_of_freedom
    factor = np.divide(pooled.generalised_q, degrees, out=np.full_like(degrees, np.nan), where=degrees >= 1)
    if corrected:
        factor = np.maximum(factor, 1.0)
    error = np.sqrt(factor) * pooled.standard_error
    half = t_quantile(level_percent, degrees) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(error > 0, -np.abs(pooled.estimate) / error, -np.inf)
    p = np.where(degrees >= 1, 2 * stdtr(np.maximum(degrees, 1), ratio), np.nan)
    return Interval(pooled.estimate - half, pooled.estimate + half, error, p, degrees)


def prediction_interval(
    pooled: Pooled,
    standard_error: Floats,
    method: PredictionMethod = PredictionMethod.T_K_MINUS_2,
    level_percent: float = 95.0,
) -> tuple[Floats, Floats]:
    """Return the range of the true effect of a new study; NaN below three studies and for a common effect.

    Parameters
    ----------
    pooled : Pooled
    standard_error : (M,) array
        Of the pooled effect, as the chosen interval has it.
    method : PredictionMethod
    level_percent : float

    Returns
    -------
    tuple of two (M,) arrays
        Lower and upper end.

    Raises
    ------
    ValueRangeError
        The level is not between 0 and 100.
    """
    k = pooled.studies
    if method is PredictionMethod.NORMAL:
        quantile = np.full_like(k, normal_quantile(level_percent))
    else:
        quantile = t_quantile(level_percent, k - (2 if method is PredictionMethod.T_K_MINUS_2 else 1))
    half = quantile * np.sqrt(pooled.tau2 + standard_error**2)
    half = np.where((k >= FEWEST_FOR_PREDICTION) & (pooled.model is not None), half, np.nan)
    return pooled.estimate - half, pooled.estimate + half


def _half(level_percent: float) -> float:
    if not 0 < level_percent < 100:
        raise ValueRangeError("level", f"{level_percent} %", "between 0 and 100", "give 95 for a 95 % interval")
    return level_percent / 200
