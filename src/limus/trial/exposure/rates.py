"""Rate constants, doses and results of one interval between visits, and what holds without doses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["DoseRun", "Interval", "Rates", "absorbing", "add_rows", "make_rates", "with_disposition"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Whole = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Rates:
    """Rate constants of B subjects over one interval between visits.

    Attributes
    ----------
    steps : int
    absorption : (B,) array
        k, 1/h.
    decay : tuple of (B,) array
        lambda_m, 1/h, one or two.
    elimination, to_peripheral, from_peripheral : (B,) array
        1/h; the last two are 0 and 1 in a model of one compartment.
    lag_h : (B,) array or float
    """

    steps: int
    absorption: Floats
    decay: tuple[Floats, ...]
    elimination: Floats
    to_peripheral: Floats
    from_peripheral: Floats
    lag_h: Floats

    def lanes(self, chosen: Flags | Whole) -> Rates:
        """The same of some subjects."""
        return Rates(
            self.steps,
            self.absorption[chosen],
            tuple(one[chosen] for one in self.decay),
            self.elimination[chosen],
            self.to_peripheral[chosen],
            self.from_peripheral[chosen],
            self.lag_h[chosen],
        )

    @property
    def weights(self) -> tuple[tuple[Floats, Floats], ...]:
        """Weights (c_m, d_m) of the central and the peripheral amount in each exponential."""
        if len(self.decay) == 1:
            return ((np.ones_like(self.absorption), np.zeros_like(self.absorption)),)
        fast, slow = self.decay
        width = fast - slow
        share, back = (fast - self.from_peripheral) / width, self.from_peripheral / width
        return (share, -back), (1.0 - share, back)


@dataclass(frozen=True, eq=False)
class DoseRun:
    """Doses from one visit to the next.

    Attributes
    ----------
    dose_mg : (B,) array
        What reaches the first absorption step of each dose taken.
    interval_h : float
    count : (B,) array of int
        Doses until the visit, 1 or more; the last is one interval before it.
    most : int
        Largest count.
    taken : (most, B) array of bool or None
        Whether the dose i intervals before the last is taken; False beyond a subject's count. None: all are, and the
        count is everybody's.
    """

    dose_mg: Floats
    interval_h: float
    count: Whole
    most: int
    taken: Flags | None

    def lanes(self, chosen: Flags) -> DoseRun:
        """The same of some subjects."""
        taken = None if self.taken is None else self.taken[:, chosen]
        return DoseRun(self.dose_mg[chosen], self.interval_h, self.count[chosen], self.most, taken)


@dataclass(frozen=True, eq=False)
class Interval:
    """What comes out of an interval between visits.

    Attributes
    ----------
    amounts : (n + 2, B) array
        Absorption steps, central, peripheral at the visit, before its dose; mg.
    central : (T, B) array
        Central amounts at the times that were asked for, mg.
    area : (B,) array
        Integral of the central amount from the entry of the last dose to one interval later, mg h.
    """

    amounts: Floats
    central: Floats
    area: Floats


def make_rates(values: Mapping[str, Floats], steps: int, count: int) -> Rates:
    """Make rates from the evaluated kinetics of ``count`` subjects.

    Parameters
    ----------
    values : mapping of str to array
        ``absorption``, ``elimination``, ``lag``, and with a peripheral compartment ``to_peripheral`` and
        ``from_peripheral``.
    steps, count : int

    Returns
    -------
    Rates
    """
    k, out, lag = (np.broadcast_to(values[name], (count,)) for name in ("absorption", "elimination", "lag"))
    if "to_peripheral" not in values:
        none = np.zeros(count)
        return Rates(steps, k, (out,), out, none, none + 1.0, lag)
    there, back = (np.broadcast_to(values[name], (count,)) for name in ("to_peripheral", "from_peripheral"))
    total = out + there + back
    fast = 0.5 * (total + np.sqrt(total * total - 4.0 * out * back))
    return Rates(steps, k, (fast, out * back / fast), out, there, back, lag)


def add_rows(rows: Floats) -> Floats:
    """Add up rows one after the other, so that a subject's sum does not depend on how many stand beside it.

    Parameters
    ----------
    rows : (R, B) array

    Returns
    -------
    (B,) array
    """
    total = np.zeros(rows.shape[1:])
    for row in rows:
        total += row
    return total


def absorbing(k: Floats, chain: Floats, hours: Floats | float) -> Floats:
    """Return the amounts in the absorption steps some hours later, without doses.

    Parameters
    ----------
    k : (B,) array
        Rate constant of each step, 1/h.
    chain : (n, B) array
        Amounts now.
    hours : (B,) array or float

    Returns
    -------
    (n, B) array
    """
    moved = k * hours
    term = np.exp(-moved)
    later = chain * term
    for s in range(1, len(chain)):
        term = term * (moved / s)
        later[s:] += chain[:-s] * term
    return later


def with_disposition(rates: Rates, exponentials: Sequence[Floats], chain: Floats) -> Floats:
    """Put amounts together from the exponentials of the central one, of which ``dC/dt`` gives the peripheral.

    Parameters
    ----------
    rates : Rates
    exponentials : sequence of (B,) array
        They add up to the central amount.
    chain : (n, B) array
        Absorption steps.

    Returns
    -------
    (n + 2, B) array
        Absorption steps, central, peripheral.
    """
    peripheral = np.zeros_like(exponentials[0])
    if len(exponentials) == 2:
        leaving = rates.elimination + rates.to_peripheral
        for decay, one in zip(rates.decay, exponentials, strict=True):
            peripheral += (leaving - decay) / rates.from_peripheral * one
    return np.concatenate([chain, [sum(exponentials), peripheral]])
