r"""Doses one after the other, for subjects whose absorption is about as fast as an exponential of their kinetics.

Amounts that start s steps away from the central compartment are there as

.. math:: G_s(t) = k^s \int_0^t \frac{u^{s-1}}{(s-1)!} e^{-ku - \lambda(t-u)}\,du
          = (kt)^s e^{-kt} \sum_j \frac{((k-\lambda)t)^j}{(s+j)!}

by the series near k = lambda, by the recursion :math:`G_s = \frac{k}{k-\lambda}(G_{s-1} - \frac{(kt)^{s-1}}{(s-1)!}
e^{-kt})` elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from limus.trial.exposure.rates import DoseRun, Interval, Rates, absorbing, add_rows, with_disposition

__all__ = ["propagate_by_steps"]

Floats = NDArray[np.float64]
_SERIES = 1.0  # |(k - lambda) t| below which arrivals come from their series
_TERMS = 18


def propagate_by_steps(rates: Rates, amounts: Floats, doses: DoseRun, after_h: Sequence[Floats | float]) -> Interval:
    """Carry amounts through the doses of an interval, one after the other.

    Parameters
    ----------
    rates, amounts, doses, after_h
        As :func:`limus.trial.exposure.propagation.propagate`.

    Returns
    -------
    Interval
    """
    n, tau = rates.steps, doses.interval_h
    step = _transition(rates, tau)
    now = _free(rates, amounts, rates.lag_h) if rates.lag_h.any() else amounts.copy()
    for i in range(doses.most - 1, -1, -1):
        if i < doses.most - 1:
            # a subject with fewer doses waits, at its lag, for its own first one
            now = np.where(i + 1 < doses.count, _carried(step, now), now)
        taken = i < doses.count if doses.taken is None else doses.taken[i]
        now[0] += np.where(taken, doses.dose_mg, 0.0)
    # one call for every time: few subjects come here, and calls would cost more than numbers
    count = now.shape[1]
    since = [np.broadcast_to(np.maximum(hours - rates.lag_h, 0.0), (count,)) for hours in after_h]
    times = np.concatenate([*since, tau - rates.lag_h, np.full(count, tau)])
    copies = len(after_h) + 2
    later = _free(rates.lanes(np.tile(np.arange(count), copies)), np.tile(now, copies), times)
    parts = later.reshape(n + 2, copies, count).transpose(1, 0, 2)
    area = (add_rows(now) - add_rows(parts[-1])) / rates.elimination
    return Interval(parts[-2], parts[:-2, n], area)


def _transition(rates: Rates, hours: float) -> Floats:
    """Matrices that carry amounts over some hours without doses, (n + 2, n + 2, B): to, from."""
    count, size = len(rates.absorption), rates.steps + 2
    every = np.repeat(np.arange(count), size)
    unit = np.tile(np.eye(size), (1, count))
    return _free(rates.lanes(every), unit, hours).reshape(size, count, size).transpose(0, 2, 1)


def _carried(step: Floats, amounts: Floats) -> Floats:
    return np.stack([add_rows(row * amounts) for row in step])


def _free(rates: Rates, amounts: Floats, hours: Floats | float) -> Floats:
    """Amounts ``hours`` later without doses, whatever k is."""
    n = rates.steps
    exponentials = []
    for decay, (central, peripheral) in zip(rates.decay, rates.weights, strict=True):
        arrived = _arrivals(rates.absorption, decay, np.broadcast_to(hours, decay.shape), n)
        start = (central * amounts[n] + peripheral * amounts[n + 1]) * np.exp(-decay * hours)
        exponentials.append(start + central * add_rows(amounts[n - 1 :: -1][:n] * arrived))
    return with_disposition(rates, exponentials, absorbing(rates.absorption, amounts[:n], hours))


def _arrivals(k: Floats, decay: Floats, hours: Floats, n: int) -> Floats:
    """G_s of s = 1 to n steps; (n, B). Row s - 1 is what is left of a unit that starts s steps away."""
    x, moved = (k - decay) * hours, k * hours
    near = np.abs(x) < _SERIES
    poisson = np.exp(-moved)
    with np.errstate(divide="ignore", invalid="ignore"):
        power = k / (k - decay)
        before = np.exp(-decay * hours)
        rows = []
        for s in range(1, n + 1):
            before = power * (before - poisson)
            coefficients = [1.0 / math.factorial(s + j) for j in range(_TERMS - 1, -1, -1)]
            rows.append(np.where(near, moved**s * np.exp(-moved) * np.polyval(coefficients, x), before))
            poisson = poisson * moved / s
    return np.stack(rows)
