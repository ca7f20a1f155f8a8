r"""Whether a partial likelihood rises for ever in some direction.

It does along v if each event has the largest v'x of its risk set, and not all are equal: then each term of ln L grows
or stays.

Source: Bryson and Johnson 1981, Technometrics 23:381.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from limus.kernel.statistics.survival.cox_design import CoxDesign

__all__ = ["rising_direction"]

Floats = NDArray[np.float64]

_ROUNDING = 1e-9
_NEARLY = 1e-3  # of the range of v'x: Newton's step is only nearly such a direction


def rising_direction(design: CoxDesign, step: Floats) -> Floats:
    """Return a direction in which the likelihood rises for ever: single covariates first, then Newton's step.

    Parameters
    ----------
    design : CoxDesign
    step : (P,)
        Newton's step where the coefficients have already grown large.

    Returns
    -------
    (P,)
        Zeros if none is found.
    """
    count = len(design.x)
    for i in np.argsort(-np.abs(step)):
        direction = np.zeros(count)
        direction[i] = np.sign(step[i])
        if _rises(design, direction, _ROUNDING):
            return direction
    return step / np.abs(step).max() if _rises(design, step, _NEARLY) else np.zeros(count)


def _rises(design: CoxDesign, direction: Floats, tolerance: float) -> bool:
    score = direction @ design.x
    span = float(np.ptp(score))
    if span == 0:
        return False
    if design.entry_order is not None:
        return _rises_with_entry(design, score, tolerance * span)
    # one running maximum for all strata: each stands above the one before
    lifted = score + design.stratum * (2 * span)
    highest = np.maximum.accumulate(lifted)[design.last][design.death_block]
    return bool(np.all(lifted[design.deaths] >= highest - tolerance * span))


def _rises_with_entry(design: CoxDesign, score: Floats, tolerance: float) -> bool:
    for block, place in zip(design.death_block, design.deaths, strict=True):
        rows = np.arange(design.first[block], design.last[block] + 1)
        at_risk = design.entry_block is None or design.entry_block[rows] - design.stratum[rows] > block
        if score[place] < score[rows[at_risk]].max() - tolerance:
            return False
    return True
