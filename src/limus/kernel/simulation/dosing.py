"""Scheduled doses as a table on any model: bolus, infusion, lag, bioavailability, repeats.

Convention: an output asked at the time of a dose is the value just before the dose (a trough), at time zero too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import UnknownNameError, ValueRangeError, near_names

__all__ = ["Dose", "Impulse", "expand_doses", "plan_stops", "same_time"]

_SAME_TIME = 1e-13  # of the longest time: what rounding makes of k*interval + lag


@dataclass(frozen=True, slots=True)
class Dose:
    """A dose, possibly repeated.

    Attributes
    ----------
    time : float
        Time of the first administration, in the model's time unit.
    target : str
        Species that receives it.
    amount : float
        Amount, in the model's substance unit; negative removes.
    duration : float
        Length of the infusion; 0 is a bolus.
    interval : float
        Time between repeats (NONMEM's II); needed with ``additional``.
    additional : int
        Further administrations (NONMEM's ADDL).
    lag : float
        Delay before each administration reaches the target.
    bioavailability : float
        Fraction of the amount that reaches the target.
    subject : int or None
        Row of the parameter sets that gets it; None is every row.
    """

    time: float
    target: str
    amount: float
    duration: float = 0.0
    interval: float = 0.0
    additional: int = 0
    lag: float = 0.0
    bioavailability: float = 1.0
    subject: int | None = None


@dataclass(frozen=True, slots=True)
class Impulse:
    """At ``time`` the amount of ``target`` jumps by ``amount`` and its input rate changes by ``rate``."""

    time: float
    target: str
    amount: float
    rate: float


def _check(dose: Dose, number: int, targets: Mapping[str, object], start: float) -> None:
    where = f"dose {number}"
    if dose.target not in targets:
        near = near_names(dose.target, targets)
        hint = f"did you mean {' or '.join(near)}?" if near else "see the model's species"
        raise UnknownNameError(f"{where}, target", dose.target, "a species that can change", hint)
    for name in ("time", "amount", "duration", "interval", "lag", "bioavailability"):
        value = getattr(dose, name)
        if not math.isfinite(value):
            raise ValueRangeError(f"{where}, {name}", value, "a finite number", "correct the dose table")
        if name not in {"time", "amount"} and value < 0:
            raise ValueRangeError(f"{where}, {name}", value, "zero or more", "correct the dose table")
    if dose.time < start:
        raise ValueRangeError(
            f"{where}, time", dose.time, f"{start} or later", "start the simulation before the first dose"
        )
    if dose.additional < 0 or (dose.additional > 0 and dose.interval <= 0):
        got = f"additional {dose.additional} with interval {dose.interval}"
        raise ValueRangeError(where, got, "additional 0, or a positive interval", "give the interval of the repeats")


def expand_doses(
    doses: Iterable[Dose], *, targets: Mapping[str, object], start: float, end: float, subject: int
) -> tuple[Impulse, ...]:
    """Write out repeats and infusions as impulses in time order, up to ``end``.

    Parameters
    ----------
    doses : iterable of Dose
        The schedule.
    targets : mapping
        Species that can be dosed.
    start, end : float
        Time range of the simulation; a dose before ``start`` is an error, one after ``end`` has no effect.
    subject : int
        Row of the parameter sets.

    Returns
    -------
    tuple of Impulse
        Ordered by time; a bolus has ``rate`` 0, the start and end of an infusion have ``amount`` 0.

    Raises
    ------
    UnknownNameError
        A target that the model does not have.
    ValueRangeError
        A number that is not finite or not allowed.
    """
    impulses: list[Impulse] = []
    for number, dose in enumerate(doses, start=1):
        _check(dose, number, targets, start)
        if dose.subject is not None and dose.subject != subject:
            continue
        for k in range(dose.additional + 1):
            time = dose.time + k * dose.interval + dose.lag
            if time > end:
                break
            amount = dose.amount * dose.bioavailability
            if dose.duration == 0.0:
                impulses.append(Impulse(time, dose.target, amount, 0.0))
            else:
                rate = amount / dose.duration
                impulses.append(Impulse(time, dose.target, 0.0, rate))
                impulses.append(Impulse(time + dose.duration, dose.target, 0.0, -rate))
    return tuple(sorted((i for i in impulses if i.time <= end), key=lambda impulse: impulse.time))


def same_time(times: NDArray[np.float64]) -> float:
    """Return the difference below which two times of a simulation are the same but for rounding."""
    return _SAME_TIME * float(np.max(np.abs(times[[0, -1]])))


def plan_stops(
    impulses: Sequence[Impulse], switches: Sequence[float], times: NDArray[np.float64]
) -> list[tuple[float, list[Impulse]]]:
    """Return the times to stop at with the impulses of each, the last output time at the end.

    A time that equals an output time, or the stop before it, but for rounding is made equal to it: an output at a
    dose's time is then always before the dose, and no step is too short for the solver.

    Parameters
    ----------
    impulses : sequence of Impulse
        What happens to states.
    switches : sequence of float
        Times at which a condition on time changes.
    times : (T,) array
        Output times; the first starts the simulation, the last ends it.

    Returns
    -------
    list of (float, list of Impulse)
        In time order.
    """
    tolerance = same_time(times)
    events: list[tuple[float, list[Impulse]]] = [(impulse.time, [impulse]) for impulse in impulses]
    events += [(switch, []) for switch in switches if times[0] < switch < times[-1]]
    stops: list[tuple[float, list[Impulse]]] = []
    for exact, group in sorted(events, key=lambda event: event[0]):
        nearest = float(times[np.argmin(np.abs(times - exact))])
        time = nearest if abs(nearest - exact) <= tolerance else exact
        if stops and time - stops[-1][0] <= tolerance:
            stops[-1][1].extend(group)
        else:
            stops.append((time, list(group)))
    return [*stops, (float(times[-1]), [])]
