"""What comes after the last row of a patient: the regimen that goes on, or another, as rows of the event table."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import InputError
from limus.pharmacokinetics.event_table.expand import additional_times
from limus.pharmacokinetics.event_table.records import Doses, EventRecords, EventTable

__all__ = ["CurrentRegimen", "current_regimen", "next_dose", "with_future_doses"]

Floats = NDArray[np.float64]
_MOMENT_H = 1e-6


@dataclass(frozen=True, slots=True)
class CurrentRegimen:
    """How a patient was dosed last.

    Attributes
    ----------
    dose_mg : float
        Each time.
    interval_h : float
    last_dose_h : float
        When the last dose of the table is given, ADDL's included.
    compartment : int
    """

    dose_mg: float
    interval_h: float
    last_dose_h: float
    compartment: int


def current_regimen(table: EventTable, subject: int = 0) -> CurrentRegimen:
    """Read the last regimen of a patient.

    Parameters
    ----------
    table : EventTable
    subject : int
        Place of the patient.

    Returns
    -------
    CurrentRegimen
        The interval is the last dose's II, else the time from the dose before it; the dose is the mean over the last
        24 h where written-out doses differ, as with 4, 4 and 3 mg a day.

    Raises
    ------
    InputError
        No dose, or a single one without II.
    """
    doses = table.doses
    rows = np.flatnonzero((doses.subject == subject) & (doses.amount_mg > 0))
    where = f"{table.source}, ID {table.subjects[subject]}"
    if not len(rows):
        raise InputError(where, "no dose", "a dose or more", "give the doses")
    parent, repeat_h = additional_times(doses)
    of_rows = np.isin(parent, rows)
    given_h = np.concatenate([doses.time_h[rows], repeat_h[of_rows]])
    amount = np.concatenate([doses.amount_mg[rows], doses.amount_mg[parent[of_rows]]])
    interval = np.concatenate([doses.interval_h[rows], doses.interval_h[parent[of_rows]]])
    order = np.argsort(given_h, kind="stable")
    given_h, amount, interval = given_h[order], amount[order], interval[order]
    last = float(given_h[-1])
    compartment = int(doses.compartment[rows[-1]])
    if interval[-1] > 0.0:
        return CurrentRegimen(float(amount[-1]), float(interval[-1]), last, compartment)
    earlier = given_h < last
    if not earlier.any():
        do = "give II (with SS or ADDL), or more doses"
        raise InputError(where, "one dose without an interval", "a regimen that can go on", do)
    every = last - float(given_h[earlier][-1])
    recent = given_h > last - 24.0
    return CurrentRegimen(float(amount[recent].mean()), every, last, compartment)


def next_dose(table: EventTable, interval_h: float) -> tuple[float, int]:
    """Say when a new regimen of one patient can begin, and into which compartment.

    Parameters
    ----------
    table : EventTable
        Of one patient.
    interval_h : float
        Between doses, where the table does not tell.

    Returns
    -------
    tuple of (float, int)
        When the next dose is due, h, not before the last row; the compartment of the last dose, or 0, the model's
        own, without one.
    """
    last_row = float(table.records.time_h[-1])
    doses = table.doses
    given = np.flatnonzero(doses.amount_mg > 0)
    if not len(given):
        return last_row, 0
    try:
        now = current_regimen(table)
        due = now.last_dose_h + now.interval_h
    except InputError:
        due = float(doses.time_h[given[-1]]) + interval_h
    return max(due, last_row), int(doses.compartment[given[-1]])


def with_future_doses(
    table: EventTable,
    *,
    start_h: float,
    dose_mg: float,
    interval_h: float,
    count: int,
    compartment: int = 0,
    steady_state: bool = False,
) -> EventTable:
    """Append a regimen to the table of one patient, as an occasion of its own.

    Parameters
    ----------
    table : EventTable
        Of one patient.
    start_h : float
        When it begins, not before the last row; at the last row's time it begins a moment later, since what stands at
        one time belongs to one occasion.
    dose_mg, interval_h : float
    count : int
        Doses, 1 or more.
    compartment : int
        0 is the model's default.
    steady_state : bool
        Whether the patient is at its steady state when it begins.

    Returns
    -------
    EventTable
        Covariates are those of the last row that knows them.

    Raises
    ------
    InputError
        A beginning before the last row.
    """
    doses, records = table.doses, table.records
    last = float(records.time_h[-1])
    if start_h < last:
        where = f"{table.source}, ID {table.subjects[0]}, next dose"
        raise InputError(where, f"{start_h:g} h", f"{last:g} h or later, after the last row", "begin later")
    start_h = max(start_h, last + _MOMENT_H)
    row: dict[str, Any] = {
        "record": len(records),
        "time_h": start_h,
        "compartment": compartment,
        "amount_mg": dose_mg,
        "rate_mg_per_h": 0.0,
        "duration_h": 0.0,
        "interval_h": interval_h,
        "additional": count - 1,
        "steady_state": int(steady_state),
        "reset": False,
        "modelled": 0,
        "occasion": int(records.occasion.max()) + 1,
        "line": 0,
    }
    more = {c.name: np.append(getattr(doses, c.name), row[c.name]) for c in fields(Doses) if c.name != "offsets"}
    known = EventRecords(
        offsets=np.array([0, len(records) + 1]),
        names=records.names,
        time_h=np.append(records.time_h, start_h),
        values=np.concatenate([records.values, np.full((1, len(records.names)), np.nan)]),
        occasion=np.append(records.occasion, row["occasion"]),
        line=np.append(records.line, 0),
    )
    return replace(table, doses=Doses(offsets=np.array([0, len(doses) + 1]), **more), records=known)
