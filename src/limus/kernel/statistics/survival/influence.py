"""Variances by the infinitesimal jackknife: squared influences of the subjects on a curve, in one pass over the times.

The influence of a subject on a curve Y at time t is a + b Y(t), as
:mod:`limus.kernel.statistics.survival.aalen_johansen` says: a and b are running sums over the times at which it was at
risk, and a step at its own event. So the sum of squares at every t follows from running sums of a^2, a b and b^2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.statistics.survival.observations import Observations

__all__ = ["Influences", "influences_of"]

Floats = NDArray[np.float64]

_ROUNDING = 1e-13


@dataclass(frozen=True, slots=True, eq=False)
class Influences:
    """What all curves of one data set share; K times, N subjects.

    Attributes
    ----------
    seen : Observations
    place, entered : (N,)
        Index of the subject's last time; number of times up to its entry.
    n_at_risk : (K,)
    before : (K,)
        Survival just before each time.
    rate : (K,)
        1/(n - d); 0 where everyone at risk had an event.
    hazard : (K,)
        d/n.
    """

    seen: Observations
    place: NDArray[np.intp]
    entered: NDArray[np.intp]
    n_at_risk: Floats
    before: Floats
    rate: Floats
    hazard: Floats

    def of_incidence(self, cause: int, cause_hazard: Floats, incidence: Floats) -> Floats:
        """Return the variance of a cumulative incidence, (K,)."""
        n = self.n_at_risk
        steady = -self.before * cause_hazard / n - self.hazard * self.rate * incidence
        own = np.where(self.seen.event == cause, (self.before / n)[self.place], 0.0)
        own = own + np.where(self.seen.event > 0, (self.rate * incidence)[self.place], 0.0)
        return self._sum_of_squares(incidence, steady, own)

    def of_survival(self, survival: Floats) -> Floats:
        """Return the variance of the survival without any event, (K,)."""
        return self._sum_of_squares(survival, np.zeros(len(survival)), np.zeros(len(self.place)))

    def _sum_of_squares(self, curve: Floats, steady: Floats, own: Floats) -> Floats:
        a_run = np.concatenate([[0.0], np.cumsum(steady)])
        b_run = np.concatenate([[0.0], np.cumsum(self.hazard * self.rate)])
        w, k = self.seen.weight, len(curve)
        a0, b0 = a_run[self.entered], b_run[self.entered]
        a = a_run[self.place + 1] - a0 + own
        b = b_run[self.place + 1] - b0 - np.where(self.seen.event > 0, self.rate[self.place], 0.0)

        def gone(values: Floats) -> Floats:
            return np.cumsum(np.bincount(self.place, weights=w * values, minlength=k))

        def there(values: Floats) -> Floats:
            came = np.cumsum(np.bincount(self.entered, weights=w * values, minlength=k + 1))[1:]
            return came - gone(values)

        total = gone(a * a) + curve * (2 * gone(a * b) + curve * gone(b * b))
        size = gone(a * a) + curve * curve * gone(b * b)
        # those still watched: a and b are the running sums, less what came before their entry
        level = a_run[1:] + b_run[1:] * curve
        total += level * level * there(np.ones(len(w)))
        if self.seen.entry is not None:
            total -= 2 * level * (there(a0) + curve * there(b0))
            total += there(a0 * a0) + curve * (2 * there(a0 * b0) + curve * there(b0 * b0))
        # what cancels to rounding is nothing: everyone has had an event
        return np.where(total > _ROUNDING * size, total, 0.0)


def influences_of(
    seen: Observations, levels: Floats, n_at_risk: Floats, n_event: Floats, before: Floats, hazard: Floats
) -> Influences:
    """Gather what variances need.

    Parameters
    ----------
    seen : Observations
    levels, n_at_risk, n_event : (K,)
        Distinct times; at risk just before; events of any cause.
    before, hazard : (K,)
        Survival just before; share of those at risk that has an event.

    Returns
    -------
    Influences
    """
    place = np.searchsorted(levels, seen.time)
    entered = np.zeros(seen.n, dtype=np.intp)
    if seen.entry is not None:
        entered = np.searchsorted(levels, seen.entry, side="right")
    left = np.where(hazard < 1.0, n_at_risk - n_event, 0.0)
    rate = np.divide(1.0, left, out=np.zeros(len(left)), where=left > 0)
    return Influences(seen, place, entered, np.where(n_at_risk > 0, n_at_risk, 1.0), before, rate, hazard)
