"""Newton's method on a partial likelihood, with halved steps, and a look at whether it has a maximum at all."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.statistics.survival.cox_design import CoxDesign
from limus.kernel.statistics.survival.cox_likelihood import PartialLikelihood, partial_likelihood
from limus.kernel.statistics.survival.cox_separation import rising_direction

__all__ = ["ALIASED", "CONSTANT", "Climb", "climb", "independent_covariates"]

Floats = NDArray[np.float64]

_MOST_STEPS = 60
_DONE = 1e-16  # Newton decrement: beta is within 1e-8 standard errors
_LEVEL = 1e-9  # decrement at which a likelihood that rises for ever has come as near to its limit
_LONGEST, _WIDEST = 20.0, 300.0  # change of x'beta in a step, and its range: beyond, 1/S0^2 would overflow
_FAR = 5.0  # coefficients of standardised covariates beyond this are looked at
ALIASED = 1e-10  # share of a covariate's information that the covariates before it leave
CONSTANT = 1e-13  # information an event of a covariate that is the same in every risk set, by rounding


@dataclass(frozen=True, slots=True, eq=False)
class Climb:
    """Where Newton's method ended.

    Attributes
    ----------
    beta : (P,)
    found : PartialLikelihood
        At beta, or within 1e-8 standard errors of it; ``value`` is the limit of ln L where it rises for ever.
    steps : int
    converged : bool
    rising : (P,)
        Direction in which the likelihood rises for ever; zeros where it has a maximum.
    """

    beta: Floats
    found: PartialLikelihood
    steps: int
    converged: bool
    rising: Floats


def climb(design: CoxDesign, start: PartialLikelihood) -> Climb:
    """Maximise the partial likelihood from beta = 0.

    Parameters
    ----------
    design : CoxDesign
        Of covariates none of which is a combination of the others.
    start : PartialLikelihood
        At beta = 0.

    Returns
    -------
    Climb
    """
    beta, found = np.zeros(len(design.x)), start
    rising = np.zeros(len(design.x))
    for steps in range(1, _MOST_STEPS + 1):
        step, decrement = _newton(found)
        if decrement < _DONE:
            return Climb(beta + step, found, steps, True, rising)
        if not rising.any() and np.abs(beta).max() > _FAR:
            rising = rising_direction(design, step)
        if rising.any() and decrement < _LEVEL:
            break
        longest = float(np.abs(step @ design.x).max())
        size = min(1.0, _LONGEST / longest) if longest > 0 else 1.0
        ahead = partial_likelihood(design, beta + size * step)
        # rounding in ln L is near 1e-15 of it
        while not ahead.value >= found.value - 1e-13 * abs(found.value) and size > 1e-6:
            size /= 2
            ahead = partial_likelihood(design, beta + size * step)
        beta, found = beta + size * step, ahead
        if size <= 1e-6 or float(np.ptp(beta @ design.x)) > _WIDEST:
            break
    if rising.any():
        # far out ln L is its limit less c exp(-a s); there the decrement is just c exp(-a s)
        found = replace(found, value=found.value + _newton(found)[1])
    return Climb(beta, found, steps, bool(rising.any()), rising)


def _newton(found: PartialLikelihood) -> tuple[Floats, float]:
    """Return Newton's step and the decrement, twice the gain that it promises."""
    step = np.linalg.lstsq(found.information, found.gradient, rcond=1e-14)[0].astype(np.float64)
    return step, float(found.gradient @ step)


def independent_covariates(information: Floats, events: float) -> NDArray[np.bool_]:
    """Tell which covariates are no linear combination of those before them, by the Cholesky pivots of the information.

    Parameters
    ----------
    information : (P, P)
        Of standardised covariates.
    events : float
        Sum of weights; a covariate that is constant within strata has no information but for rounding.

    Returns
    -------
    (P,) of bool
    """
    left = information.copy()
    before = np.diag(information).copy()
    free = np.zeros(len(left), dtype=bool)
    for i in range(len(left)):
        if before[i] > CONSTANT * events and left[i, i] > ALIASED * before[i]:
            free[i] = True
            left -= np.outer(left[:, i], left[i]) / left[i, i]
    return free
