r"""Equal doses every interval, propagated exactly by superposition.

Of n absorption steps with rate constant k, a central and a peripheral compartment with rate constants lambda_m
(m = 1, 2) of their exponentials, an impulse into the central compartment gives :math:`\sum_m c_m e^{-\lambda_m t}`
there. With :math:`\rho_m = k/(k - \lambda_m)` the combinations

.. math:: z_m = c_m C + d_m P + c_m \sum_{l=1}^{n} \rho_m^{n-l+1} a_l

of central, peripheral and absorption amounts are eigenmodes: each only decays, and a dose adds
:math:`c_m \rho_m^n D`. So doses every :math:`\tau` are one polynomial in :math:`e^{-\lambda_m\tau}` for each mode, and
the steps, which follow :math:`(kt)^s e^{-kt}/s!`, are summed over the doses that are not yet absorbed.

Where k is near a lambda the modes lose digits; those subjects go from dose to dose (:mod:`limus.trial.exposure.steps`).

Gibaldi and Perrier (1982) Pharmacokinetics, appendix B, for the exponentials of two compartments.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from limus.trial.exposure.rates import DoseRun, Interval, Rates, absorbing, add_rows, with_disposition
from limus.trial.exposure.steps import propagate_by_steps

__all__ = ["propagate"]

Floats = NDArray[np.float64]
_LARGEST_POWER = 1e8  # of rho: beyond, modes keep fewer than 8 digits
_ABSORBED = 40.0  # k t after which steps hold less than e-12 of a dose, for up to 7 steps


def propagate(rates: Rates, amounts: Floats, doses: DoseRun, after_h: Sequence[Floats | float]) -> Interval:
    """Carry amounts through the doses of one interval between visits.

    Parameters
    ----------
    rates : Rates
    amounts : (n + 2, B) array
        At the visit before, mg.
    doses : DoseRun
    after_h : sequence of (B,) array or float
        Times after the last dose was taken at which the central amount is wanted, h; those before it has entered
        count as its entry.

    Returns
    -------
    Interval
    """
    with np.errstate(over="ignore", divide="ignore"):
        rho = [rates.absorption / (rates.absorption - decay) for decay in rates.decay]
        near = np.logical_or.reduce([~(np.abs(one) ** rates.steps < _LARGEST_POWER) for one in rho])
    if not near.any():
        return _by_modes(rates, rho, amounts, doses, after_h)
    safe = [np.where(near, 1.0, one) for one in rho]
    found = _by_modes(rates, safe, amounts, doses, after_h)
    wanted = [np.broadcast_to(one, near.shape)[near] for one in after_h]
    stepped = propagate_by_steps(rates.lanes(near), amounts[:, near], doses.lanes(near), wanted)
    found.amounts[:, near], found.central[:, near], found.area[near] = stepped.amounts, stepped.central, stepped.area
    return found


# ---- by modes


def _by_modes(
    rates: Rates, rho: Sequence[Floats], amounts: Floats, doses: DoseRun, after_h: Sequence[Floats | float]
) -> Interval:
    n, tau = rates.steps, doses.interval_h
    elapsed = (doses.count - 1) * tau + rates.lag_h
    chain = absorbing(rates.absorption, amounts[:n], elapsed)
    chain += _steps_after_doses(rates, doses) * doses.dose_mg
    modes = []
    for decay, power, (central, peripheral) in zip(rates.decay, rho, rates.weights, strict=True):
        start = central * amounts[n] + peripheral * amounts[n + 1] + central * _eventual(power, amounts[:n])
        doses_mg = central * power**n * doses.dose_mg * _geometric(decay * tau, doses)
        modes.append(start * np.exp(-decay * elapsed) + doses_mg)
    total = add_rows(_amounts(rates, rho, modes, chain))

    def at(hours: Floats | float) -> Floats:
        moved = [mode * np.exp(-decay * hours) for mode, decay in zip(modes, rates.decay, strict=True)]
        return _amounts(rates, rho, moved, absorbing(rates.absorption, chain, hours))

    end = at(tau - rates.lag_h)
    later = at(tau) if rates.lag_h.any() else end
    central_at = np.empty((len(after_h), len(total)))
    for row, hours in zip(central_at, after_h, strict=True):
        since = np.maximum(hours - rates.lag_h, 0.0)
        moved = [mode * np.exp(-decay * since) for mode, decay in zip(modes, rates.decay, strict=True)]
        row[:] = _central(rates, rho, moved, absorbing(rates.absorption, chain, since))
    return Interval(end, central_at, (total - add_rows(later)) / rates.elimination)


def _geometric(exponent: Floats, doses: DoseRun) -> Floats:
    """Sum of ``exp(-i exponent)`` over the doses taken, i intervals before the last."""
    if doses.taken is None:
        return np.asarray(np.expm1(-exponent * doses.most) / np.expm1(-exponent))
    factor = np.exp(-exponent)
    total = np.zeros_like(factor)
    for row in doses.taken[::-1]:
        total *= factor
        total += row
    return total


def _steps_after_doses(rates: Rates, doses: DoseRun) -> Floats:
    """Amount in each absorption step when the last dose has entered, of doses of 1; (n, B)."""
    k, n = rates.absorption, rates.steps
    sums = np.zeros((n, len(k)))
    sums[0] = 1.0 if doses.taken is None else doses.taken[0]
    moved = k * doses.interval_h
    lasting = min(doses.most, int(min(_ABSORBED / float(moved.min()), 1e6)) + 2)
    factor = np.exp(-moved)
    rest = np.ones_like(factor)
    for i in range(1, lasting):
        rest *= factor
        rest[moved * i > _ABSORBED] = 0.0  # for each subject alone, so that its numbers are its own
        term = rest if doses.taken is None else rest * doses.taken[i]
        sums[0] += term
        for s in range(1, n):
            term = term * (moved * (i / s))
            sums[s] += term
    return sums


def _eventual(power: Floats, chain: Floats) -> Floats:
    """Sum over steps l of ``rho**(n - l + 1) a_l``."""
    total = np.zeros_like(power)
    for amount in chain:
        total += amount
        total *= power
    return total


def _exponentials(rates: Rates, rho: Sequence[Floats], modes: Sequence[Floats], chain: Floats) -> list[Floats]:
    """The exponentials of the central amount; they add up to it."""
    return [
        mode - central * _eventual(power, chain)
        for mode, power, (central, _) in zip(modes, rho, rates.weights, strict=True)
    ]


def _central(rates: Rates, rho: Sequence[Floats], modes: Sequence[Floats], chain: Floats) -> Floats:
    return np.asarray(sum(_exponentials(rates, rho, modes, chain)))


def _amounts(rates: Rates, rho: Sequence[Floats], modes: Sequence[Floats], chain: Floats) -> Floats:
    return with_disposition(rates, _exponentials(rates, rho, modes, chain), chain)
