r"""Estimators of the heterogeneity variance tau2, for many meta-analyses at once.

========  ============================================================================================
``REML``  greatest restricted likelihood (``likelihood.py``)
``ML``    greatest likelihood
``DL``    (Q - df)/tr P at t = 0; DerSimonian and Laird 1986
``PM``    Q(t) = df solved for t; Paule and Mandel 1982
``EB``    empirical Bayes, Morris 1983; the same equation as PM, another name for the same number
``HE``    (unweighted sum of squares - tr MV)/df; Hedges 1983
``HS``    (Q - k)/sum(w); Hunter and Schmidt; biased downwards
``SJ``    t0 Q(t0)/df with t0 = sum of squares/k; Sidik and Jonkman 2005; always positive
========  ============================================================================================

All but SJ are cut off at zero. Q(t) = y'P(t)y. Its variance under the random-effects model with tau2, with P at t, is
2 (df + 2 d tr P + d^2 tr PP), d = tau2 - t; the standard errors of the moment estimators follow from it (for PM and EB
with df sum(w)/k in the place of tr P, as is usual), those of the likelihood estimators from the expected information,
tr PP/2 and sum(w^2)/2.

Source: Viechtbauer 2005, J Educ Behav Stat 30:261; Veroniki and others 2016, Res Synth Methods 7:55; Sidik and Jonkman
2005, Appl Stat 54:367.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from limus.kernel.statistics.pooling.likelihood import maximise_likelihood
from limus.kernel.statistics.pooling.spread import Spread

__all__ = ["Tau2Method", "estimate_tau2", "solve_generalised_q", "tau2_standard_error"]

Floats = NDArray[np.float64]

_MOST_STEPS = 200
_CLOSE_ENOUGH = 1e-14


class Tau2Method(StrEnum):
    """How the heterogeneity variance is estimated."""

    REML = "REML"
    ML = "ML"
    DL = "DL"
    PM = "PM"
    EB = "EB"
    HE = "HE"
    HS = "HS"
    SJ = "SJ"


def estimate_tau2(spread: Spread, method: Tau2Method) -> Floats:
    """Estimate the heterogeneity variance of each meta-analysis.

    Parameters
    ----------
    spread : Spread
        M meta-analyses, each with at least one degree of freedom and finite, positive variances.
    method : Tau2Method

    Returns
    -------
    (M,) array
        Not negative, in the square of the effects' unit.
    """
    degrees = spread.degrees_of_freedom
    rows = np.arange(len(degrees))
    if method in (Tau2Method.REML, Tau2Method.ML):
        return maximise_likelihood(spread, restricted=method is Tau2Method.REML).tau2
    if method in (Tau2Method.PM, Tau2Method.EB):
        return solve_generalised_q(spread, rows, degrees)
    if method is Tau2Method.SJ:
        start = _sidik_jonkman_start(spread)
        return np.where(start > 0, start * spread.sums(rows, start).ypy / degrees, 0.0)
    if method is Tau2Method.HE:
        return np.maximum((spread.bound - spread.variance_trace) / degrees, 0.0)
    sums = spread.sums(rows, np.zeros(len(rows)))
    if method is Tau2Method.HS:
        return np.maximum((sums.ypy - spread.studies) / sums.weight, 0.0)
    return np.maximum((sums.ypy - degrees) / sums.trace, 0.0)


def tau2_standard_error(spread: Spread, method: Tau2Method, tau2: Floats) -> Floats:
    """Return the large-sample standard error of an estimated heterogeneity variance.

    Parameters
    ----------
    spread : Spread
    method : Tau2Method
        The estimator.
    tau2 : (M,) array
        Its estimates.

    Returns
    -------
    (M,) array
        It says little about the uncertainty of a small tau2, whose distribution is far from normal.
    """
    degrees = spread.degrees_of_freedom
    rows = np.arange(len(degrees))
    if method is Tau2Method.HE:
        quadratic = spread.variance_trace_square + 2 * tau2 * spread.variance_trace + tau2**2 * degrees
        return np.sqrt(2 * quadratic) / degrees
    start = np.zeros(len(rows))
    if method is Tau2Method.SJ:
        start = _sidik_jonkman_start(spread)
    elif method not in (Tau2Method.DL, Tau2Method.HS):
        start = tau2
    sums = spread.sums(rows, start)
    if method is Tau2Method.REML:
        return np.sqrt(2 / sums.trace_square)
    if method is Tau2Method.ML:
        return np.sqrt(2 / sums.weight_square)
    if method in (Tau2Method.PM, Tau2Method.EB):
        return np.sqrt(2 / degrees) * spread.studies / sums.weight
    off = tau2 - start
    of_q = np.sqrt(2 * (degrees + 2 * off * sums.trace + off**2 * sums.trace_square))
    if method is Tau2Method.SJ:
        return start / degrees * of_q
    return of_q / (sums.weight if method is Tau2Method.HS else sums.trace)


def solve_generalised_q(spread: Spread, rows: NDArray[np.intp], targets: Floats) -> Floats:
    """Find the heterogeneity variance at which Q(t) = y'P(t)y has a value; 0 where Q(0) is below it.

    Q falls and is convex, so Newton's method from zero rises to the root and cannot pass it.

    Parameters
    ----------
    spread : Spread
    rows : (N,) array of int
        Which meta-analysis, for each target.
    targets : (N,) array
        Positive.

    Returns
    -------
    (N,) array
    """
    tau2 = np.zeros(len(rows))
    active = np.arange(len(rows))
    for _ in range(_MOST_STEPS):
        if not len(active):
            break
        sums = spread.sums(rows[active], tau2[active])
        excess = sums.ypy - targets[active]
        step = np.maximum(np.divide(excess, sums.yppy, out=np.zeros_like(excess), where=sums.yppy > 0), 0.0)
        tau2[active] += step
        active = active[step > _CLOSE_ENOUGH * (tau2[active] + spread.scale[rows[active]])]
    return tau2


def _sidik_jonkman_start(spread: Spread) -> Floats:
    return spread.square_total / spread.studies
