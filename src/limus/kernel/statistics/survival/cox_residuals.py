r"""Residuals of a Cox regression: score residuals, for the robust variance.

::

    L_j = w_j [delta_j (x_j - m) - sum over events that j was at risk for of r_j (x_j - m_k) dH_k]

with m_k the weighted mean of the covariates in the risk set and dH_k the hazard at event k; for tied events by Efron's
averages.

Source: Therneau and Grambsch 2000, Modeling survival data, sections 4.6 and 7.1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from limus.kernel.statistics.survival.cox_design import CoxDesign
from limus.kernel.statistics.survival.cox_likelihood import PartialLikelihood, event_means, sum_later, tied_sums

__all__ = ["score_residuals"]

Floats = NDArray[np.float64]


def score_residuals(design: CoxDesign, found: PartialLikelihood) -> Floats:
    """Return the share of each row in the gradient of the partial likelihood.

    Parameters
    ----------
    design : CoxDesign
    found : PartialLikelihood
        At the estimate.

    Returns
    -------
    (P, N)
        In the design's order and scale; times the row's weight.
    """
    deaths, starts, blocks = design.deaths, design.death_start, design.death_block
    mean, hazard = event_means(design, found)
    moment = np.add.reduceat(mean * hazard, starts, axis=1)
    drift = sum_later(design, moment)
    count = np.diff(np.concatenate([starts, [len(deaths)]]))
    average = np.add.reduceat(mean, starts, axis=1) / count
    if len(tied := design.tied):
        lag = mean[:, tied] * (hazard[tied] * design.fraction[tied])
        drift[:, deaths[tied]] -= tied_sums(design, lag)
    residual = -found.risk * (design.x * found.exposure - drift)
    residual[:, deaths] += design.weight[deaths] * (design.x[:, deaths] - average[:, blocks])
    return residual
