"""Simple regimens for users without a table: a dose, how often, how many times, from when, over how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.pharmacokinetics.event_table.read import event_table_from_arrays
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.event_table.units import TableUnits

__all__ = ["Regimen", "regimen_events"]


@dataclass(frozen=True, slots=True)
class Regimen:
    """One dose, repeated.

    Attributes
    ----------
    dose_mg : float
        Amount of each administration, above 0.
    every_h : float
        Interval; 0 only for a single dose.
    times : int
        Number of administrations, 1 or more.
    start_h : float
        Time of the first, 0 or more.
    infusion_h : float
        Duration of each; 0 is a bolus, or an oral dose.
    compartment : int
        0 is the model's default.
    steady_state : bool
        Whether the body is at the regimen's steady state when it starts here.
    """

    dose_mg: float
    every_h: float = 0.0
    times: int = 1
    start_h: float = 0.0
    infusion_h: float = 0.0
    compartment: int = 0
    steady_state: bool = False


def regimen_events(
    regimens: Sequence[Regimen],
    *,
    subjects: Sequence[str] = ("1",),
    observe_h: ArrayLike = (),
    covariates: Mapping[str, ArrayLike] | None = None,
    concentration_unit: str = "ng/mL",
) -> EventTable:
    """Give every subject the same regimens, with times at which levels are wanted.

    Parameters
    ----------
    regimens : sequence of Regimen
        One after the other, or side by side.
    subjects : sequence of str
        Labels, S of them.
    observe_h : (T,) array
        Times at which a level is wanted, h.
    covariates : mapping of str to (S,) array or float, optional
        Constant covariates, one value a subject or one for all.
    concentration_unit : str
        Unit in which levels will be wanted.

    Returns
    -------
    EventTable
        Repeats stand in ``additional``; :func:`expand_additional` writes them out.

    Raises
    ------
    ValueRangeError
        No regimen or subject, a value outside its range, two doses at one time and compartment, or a covariate with
        another number of values.
    EventTableError
        A covariate with a reserved name.

    Examples
    --------
    >>> table = regimen_events([Regimen(dose_mg=5, every_h=12, times=14)], observe_h=[12, 24])
    >>> table.doses.additional.tolist(), table.observations.time_h.tolist()
    ([13], [12.0, 24.0])
    """
    _check(regimens, subjects)
    times = np.unique(np.asarray(observe_h, dtype=np.float64))
    if len(times) and not (np.isfinite(times).all() and times[0] >= 0):
        raise ValueRangeError("observe_h", times.min(), "finite times of zero or more, h", "correct the times")
    count, wanted = len(subjects), np.zeros(len(times))

    def column(of_dose: Sequence[float], of_level: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.append(np.array(of_dose, dtype=np.float64), of_level)

    one = {
        "TIME": column([regimen.start_h for regimen in regimens], times),
        "AMT": column([regimen.dose_mg for regimen in regimens], wanted),
        "EVID": column([1.0] * len(regimens), wanted),
        "MDV": column([1.0] * len(regimens), wanted + 1.0),
        "CMT": column([regimen.compartment for regimen in regimens], wanted),
        "DUR": column([regimen.infusion_h for regimen in regimens], wanted),
        "II": column([r.every_h if r.times > 1 or r.steady_state else 0.0 for r in regimens], wanted),
        "ADDL": column([regimen.times - 1 for regimen in regimens], wanted),
        "SS": column([float(regimen.steady_state) for regimen in regimens], wanted),
    }
    order = np.argsort(one["TIME"], kind="stable")
    columns: dict[str, ArrayLike] = {"ID": np.repeat(np.array(subjects, dtype=str), len(order))}
    columns |= {name: np.tile(values[order], count) for name, values in one.items()}
    given = {name: _covariate(name, values, count) for name, values in (covariates or {}).items()}
    columns |= {name: np.repeat(values, len(order)) for name, values in given.items()}
    return event_table_from_arrays(
        columns, units=TableUnits("mg", concentration_unit), covariates=list(given), source="regimen"
    )


def _check(regimens: Sequence[Regimen], subjects: Sequence[str]) -> None:
    if not regimens or not subjects:
        raise ValueRangeError("regimen", "none", "a regimen and a subject or more", "give them")
    if len(set(subjects)) != len(subjects):
        raise ValueRangeError("regimen, subjects", ", ".join(subjects[:10]), "each label once", "rename them")
    for regimen in regimens:
        limits = {
            "dose_mg": (regimen.dose_mg > 0, "above 0 mg"),
            "every_h": (regimen.every_h >= 0, "0 h or more"),
            "times": (regimen.times >= 1 and regimen.times == int(regimen.times), "a whole number, 1 or more"),
            "start_h": (regimen.start_h >= 0, "0 h or more"),
            "infusion_h": (regimen.infusion_h >= 0, "0 h or more"),
            "compartment": (regimen.compartment >= 0, "0 or more"),
        }
        for name, (holds, allowed) in limits.items():
            value = getattr(regimen, name)
            if not (holds and np.isfinite(value)):
                raise ValueRangeError(f"regimen, {name}", value, allowed, "correct it")
        if regimen.every_h == 0 and (regimen.times > 1 or regimen.steady_state):
            got = f"{regimen.times} times every 0 h" + (" at steady state" if regimen.steady_state else "")
            raise ValueRangeError("regimen, every_h", got, "above 0 h where a dose is repeated", "give the interval")
    given = [
        (regimen.start_h + number * regimen.every_h, regimen.compartment)
        for regimen in regimens
        for number in range(regimen.times)
    ]
    if len(set(given)) != len(given):
        twice = next(one for one in given if given.count(one) > 1)
        do = "add the doses up, or shift one regimen"
        raise ValueRangeError("regimen", f"two doses at {twice[0]:g} h into compartment {twice[1]}", "one", do)


def _covariate(name: str, given: ArrayLike, count: int) -> NDArray[np.float64]:
    """One value for each subject."""
    values = np.asarray(given, dtype=np.float64)
    if values.shape not in {(), (count,)}:
        allowed = f"one value, or one for each of {count} subjects"
        raise ValueRangeError(f"regimen, covariate {name}", f"{values.size} values", allowed, "correct it")
    return np.broadcast_to(values, (count,))
