r"""Tests of small-study effects: whether smaller studies give other effects than larger ones.

=============  =====================================================================================================
Egger          y on se, weights 1/v, free dispersion; t with k - 2 (the intercept of y/se on 1/se)
Egger, mixed   y on se in a meta-regression with tau2; z
Begg           Kendall's tau of (y - mu_0)/sqrt(v - 1/sum(1/v)) with v
Harbord        Z/V on 1/sqrt(V), weights V, with Z = a - E and V of the table; binary outcomes
Peters         ln odds ratio on 1/N, weights m (N - m)/N; binary outcomes
=============  =====================================================================================================

They have little power below ten studies and are not a test of publication bias: heterogeneity does the same. For odds
and risk ratios the effect and its standard error are correlated, which misleads Egger's test; Harbord's and Peters's
avoid it.

Source: Egger and others 1997, BMJ 315:629; Begg and Mazumdar 1994, Biometrics 50:1088; Harbord, Egger and Sterne 2006,
Stat Med 25:3443; Peters and others 2006, JAMA 295:676; Sterne and others 2011, BMJ 343:d4002 (when to use which).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.pooling.heterogeneity_variance import Tau2Method
from limus.kernel.statistics.pooling.meta_regression import fit_meta_regression
from limus.kernel.statistics.pooling.random_effects import check_effects, pool_effects
from limus.kernel.statistics.pooling.two_by_two import BinaryMeasure, TwoByTwo, binary_effects, peto_parts

__all__ = [
    "FEWEST_FOR_POWER",
    "Asymmetry",
    "run_begg",
    "run_egger",
    "run_egger_mixed",
    "run_harbord",
    "run_peters",
]

Floats = NDArray[np.float64]

FEWEST_FOR_POWER = 10
_FEWEST = 3
_MOST_FOR_EXACT = 50  # as R's cor.test


@dataclass(frozen=True, slots=True)
class Asymmetry:
    """One test of small-study effects.

    Attributes
    ----------
    name : str
    coefficient, standard_error : float
        Slope on the predictor; Kendall's tau without standard error for Begg.
    statistic : float
        t or z; Kendall's tau for Begg.
    degrees_of_freedom : float
        Infinite for z, NaN for Begg.
    p : float
        Two-sided.
    studies : int
    limit : float
        The effect that the line gives to a study of no error (NaN where the test has none).
    """

    name: str
    coefficient: float
    standard_error: float
    statistic: float
    degrees_of_freedom: float
    p: float
    studies: int
    limit: float


def run_egger(effects: ArrayLike, variances: ArrayLike) -> Asymmetry:
    """Test by Egger's weighted regression.

    Parameters
    ----------
    effects, variances : (K,) array_like
        Three or more studies.

    Returns
    -------
    Asymmetry

    Raises
    ------
    ValueRangeError
        Fewer than three studies, or all of one precision.
    """
    y, v = _enough(effects, variances)
    return _line("egger", np.sqrt(v), y, 1 / v)


def run_egger_mixed(effects: ArrayLike, variances: ArrayLike, model: Tau2Method | None = Tau2Method.REML) -> Asymmetry:
    """Test by a meta-regression on the standard error.

    Parameters
    ----------
    effects, variances : (K,) array_like
        Three or more studies.
    model : Tau2Method, optional

    Returns
    -------
    Asymmetry

    Raises
    ------
    ValueRangeError
        Fewer than three studies, or all of one precision.
    """
    y, v = _enough(effects, variances)
    fit = fit_meta_regression(y, v, np.sqrt(v)[:, None], ("standard_error",), model)
    slope = (float(fit.coefficients[1]), float(fit.standard_errors[1]), float(fit.statistics[1]))
    return Asymmetry("egger_mixed", *slope, np.inf, float(fit.p[1]), len(y), float(fit.coefficients[0]))


def run_begg(effects: ArrayLike, variances: ArrayLike) -> Asymmetry:
    """Test by Begg and Mazumdar's rank correlation; exact below 50 studies without ties.

    Parameters
    ----------
    effects, variances : (K,) array_like
        Three or more studies.

    Returns
    -------
    Asymmetry

    Raises
    ------
    ValueRangeError
        Fewer than three studies, or all of one precision.
    """
    from scipy.stats import kendalltau  # noqa: PLC0415

    y, v = _enough(effects, variances)
    middle = float(pool_effects(y, v, None).estimate[0])
    deviates = (y - middle) / np.sqrt(v - 1 / np.sum(1 / v))
    ties = len(np.unique(deviates)) < len(y) or len(np.unique(v)) < len(y)
    exact = not ties and len(y) < _MOST_FOR_EXACT
    tau, p = kendalltau(deviates, v, method="exact" if exact else "asymptotic")
    return Asymmetry("begg", float(tau), np.nan, float(tau), np.nan, float(p), len(y), np.nan)


def run_harbord(tables: TwoByTwo) -> Asymmetry:
    """Test by Harbord's regression on the score; for odds ratios.

    Parameters
    ----------
    tables : TwoByTwo
        Three or more studies that have events and non-events.

    Returns
    -------
    Asymmetry

    Raises
    ------
    ValueRangeError
        Fewer than three such studies, or all of one precision.
    """
    difference, information = peto_parts(tables)
    there = information > 0
    z, v = difference[there], information[there]
    _enough(z / v, 1 / v)
    return _line("harbord", 1 / np.sqrt(v), z / v, v)


def run_peters(tables: TwoByTwo) -> Asymmetry:
    """Test by Peters's regression on the reciprocal of the size; for odds ratios.

    Parameters
    ----------
    tables : TwoByTwo
        Three or more studies that have events and non-events.

    Returns
    -------
    Asymmetry

    Raises
    ------
    ValueRangeError
        Fewer than three such studies, or all of one size.
    """
    effects = binary_effects(tables, BinaryMeasure.OR)
    there = np.isfinite(effects.effect)
    _enough(effects.effect[there], effects.variance[there])
    total = (tables.n_1 + tables.n_2)[there]
    events = (tables.events_1 + tables.events_2)[there]
    return _line("peters", 1 / total, effects.effect[there], events * (total - events) / total)


def _enough(effects: ArrayLike, variances: ArrayLike) -> tuple[Floats, Floats]:
    y, v = (rows[0] for rows in check_effects(effects, variances))
    if len(y) < _FEWEST:
        raise ValueRangeError("small-study test", f"{len(y)} studies", "three or more", "leave the test out")
    return y, v


def _line(name: str, x: Floats, y: Floats, weights: Floats) -> Asymmetry:
    """Fit a weighted line with free dispersion and test its slope."""
    from scipy.special import stdtr  # noqa: PLC0415

    total = weights.sum()
    centre_x, centre_y = weights @ x / total, weights @ y / total
    square = weights @ (x - centre_x) ** 2
    if not square > 1e-12 * (weights @ x**2):
        raise ValueRangeError("small-study test", "studies of one size", "studies that differ", "leave the test out")
    slope = float(weights @ ((x - centre_x) * (y - centre_y)) / square)
    residual = y - centre_y - slope * (x - centre_x)
    degrees = len(y) - 2
    error = float(np.sqrt(weights @ residual**2 / degrees / square))
    statistic = slope / error if error > 0 else np.copysign(np.inf, slope)
    p = float(2 * stdtr(degrees, -abs(statistic)))
    limit = float(centre_y - slope * centre_x)
    return Asymmetry(name, slope, error, statistic, float(degrees), p, len(y), limit)
