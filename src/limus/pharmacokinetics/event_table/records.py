"""The event table as a value: who got which dose when, and which levels were measured, as flat arrays.

Rows of one subject lie together (compressed rows): ``offsets[s]`` to ``offsets[s + 1]`` are the rows of subject ``s``,
in order of time. Times are in h, amounts in mg, whatever the file had; levels keep the unit that the table names.

Order at one time: first the steady state that a dose row asks for, then the levels, then resets and doses. So a level
at a dose's time is the trough before it, and a level at the time of a steady-state dose is the trough of that state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding
from limus.kernel.errors import UnknownNameError, near_names

__all__ = [
    "Doses",
    "EventRecords",
    "EventTable",
    "Observations",
    "repeat_subjects",
    "same_events",
    "select_subjects",
    "take_subjects",
]

Integers = NDArray[np.int64]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

_DTYPES: dict[str, type] = {"Integers": np.int64, "Numbers": np.float64, "Flags": np.bool_}


@dataclass(frozen=True, eq=False)
class _Rows:
    """Columns of equal length with the offsets of each subject; arrays are copied and read-only."""

    offsets: Integers

    def __post_init__(self) -> None:
        for column in fields(self):
            values = getattr(self, column.name)
            if str(column.type) in _DTYPES:
                values = np.array(values, dtype=_DTYPES[str(column.type)])
                values.flags.writeable = False
                object.__setattr__(self, column.name, values)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the columns; made anew, the arrays are read-only again."""
        return type(self), tuple(getattr(self, column.name) for column in fields(self))

    def __len__(self) -> int:
        return int(self.offsets[-1])

    @property
    def subject(self) -> Integers:
        """Place of each row's subject, (n,)."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    def of(self, subject: int) -> slice:
        """The rows of one subject."""
        return slice(int(self.offsets[subject]), int(self.offsets[subject + 1]))

    def take(self, rows: Integers, subjects: Integers) -> Self:
        """Keep rows (in order) that belong to ``subjects`` (in order), with new offsets."""
        counts = np.diff(self.offsets)[subjects]
        kept = {c.name: getattr(self, c.name)[rows] for c in fields(self) if c.name not in {"offsets", "names"}}
        return replace(self, offsets=np.concatenate([[0], np.cumsum(counts)]), **kept)


@dataclass(frozen=True, eq=False)
class Doses(_Rows):
    """What changes the state of the body, D rows.

    Attributes
    ----------
    offsets : (S + 1,) array of int
    record : (D,) array of int
        Row of :class:`EventRecords` that it came from.
    time_h : (D,) array
    compartment : (D,) array of int
        0 is the model's default compartment for doses.
    amount_mg : (D,) array
        0 for a reset without a dose, and for a constant infusion at steady state.
    rate_mg_per_h, duration_h : (D,) array
        Of an infusion; both 0 for a bolus.
    interval_h : (D,) array
        NONMEM's II; 0 if none.
    additional : (D,) array of int
        Further doses, one interval apart.
    steady_state : (D,) array of int
        0 no; 1 the state becomes that of the dose given every interval for ever; 2 that state is added.
    reset : (D,) array of bool
        The state is emptied just before the dose.
    modelled : (D,) array of int
        0 no; 1 the model gives the infusion's rate (RATE -1), 2 its duration (RATE -2).
    occasion : (D,) array of int
    line : (D,) array of int
        Line of the file, or row of the arrays.
    """

    record: Integers
    time_h: Numbers
    compartment: Integers
    amount_mg: Numbers
    rate_mg_per_h: Numbers
    duration_h: Numbers
    interval_h: Numbers
    additional: Integers
    steady_state: Integers
    reset: Flags
    modelled: Integers
    occasion: Integers
    line: Integers


@dataclass(frozen=True, eq=False)
class Observations(_Rows):
    """Levels and times at which one is wanted, M rows.

    Attributes
    ----------
    offsets : (S + 1,) array of int
    record : (M,) array of int
        Row of :class:`EventRecords` that it came from.
    time_h : (M,) array
    value : (M,) array
        In the table's unit of levels; NaN where none was measured, or it is censored without a number.
    missing : (M,) array of bool
        No level was measured, or the file leaves it out (MDV 1).
    censored : (M,) array of bool
        Known only to lie below ``limit``.
    limit : (M,) array
        Lower limit of quantification; NaN if none was given.
    compartment, dvid, occasion, line : (M,) array of int
        Compartment observed (0 is the model's default), kind of observation, occasion, line of the file.
    """

    record: Integers
    time_h: Numbers
    value: Numbers
    missing: Flags
    censored: Flags
    limit: Numbers
    compartment: Integers
    dvid: Integers
    occasion: Integers
    line: Integers


@dataclass(frozen=True, eq=False)
class EventRecords(_Rows):
    """Every row of the table with its covariates, R rows; what carries a covariate through time is chosen later.

    Attributes
    ----------
    offsets : (S + 1,) array of int
    names : tuple of str
        K covariates, as the file names them.
    time_h : (R,) array
    values : (R, K) array
        NaN where a cell was missing.
    occasion, line : (R,) array of int
    """

    names: tuple[str, ...]
    time_h: Numbers
    values: Numbers
    occasion: Integers
    line: Integers


@dataclass(frozen=True, eq=False)
class EventTable:
    """Doses, levels and covariates of S subjects.

    Attributes
    ----------
    subjects : tuple of str
        Labels, in the order of the file.
    doses : Doses
    observations : Observations
    records : EventRecords
    concentration_unit : str
        Of the levels and their limits.
    source : str
        File, or "arrays".
    findings : tuple of Finding
        What the checks found; no errors among them.
    """

    subjects: tuple[str, ...]
    doses: Doses
    observations: Observations
    records: EventRecords
    concentration_unit: str
    source: str = "arrays"
    findings: tuple[Finding, ...] = field(default=())


def same_events(one: EventTable, other: EventTable) -> bool:
    """Tell whether two tables hold the same subjects, doses, levels and covariates.

    Lines, source and findings are not compared.

    Parameters
    ----------
    one, other : EventTable

    Returns
    -------
    bool
    """
    if one.subjects != other.subjects or one.concentration_unit != other.concentration_unit:
        return False
    if one.records.names != other.records.names:
        return False
    pairs = ((one.doses, other.doses), (one.observations, other.observations), (one.records, other.records))
    return all(
        np.array_equal(getattr(a, c.name), getattr(b, c.name), equal_nan=c.type == "Numbers")
        for a, b in pairs
        for c in fields(a)
        if c.name not in {"line", "names"}
    )


def select_subjects(table: EventTable, labels: Sequence[str]) -> EventTable:
    """Keep some subjects, in the order asked.

    Parameters
    ----------
    table : EventTable
    labels : sequence of str
        Labels as in ``table.subjects``.

    Returns
    -------
    EventTable
        The findings stay those of the whole table.

    Raises
    ------
    UnknownNameError
        A label that the table has not; the message gives near ones.
    """
    places = {label: place for place, label in enumerate(table.subjects)}
    for label in labels:
        if label not in places:
            near = near_names(label, places)
            hint = f"did you mean {', '.join(near)}?" if near else "list the table's subjects"
            some = ", ".join(table.subjects[:10]) + (", ..." if len(places) > 10 else "")
            raise UnknownNameError(f"{table.source}, ID", label, some, hint)
    return take_subjects(table, np.array([places[label] for label in labels], dtype=np.int64), tuple(labels))


def repeat_subjects(table: EventTable, copies: int) -> EventTable:
    """Repeat all subjects, one copy of all after the other.

    Parameters
    ----------
    table : EventTable
    copies : int
        1 or more.

    Returns
    -------
    EventTable
        Of ``copies`` times S subjects; labels repeat.
    """
    return take_subjects(table, np.tile(np.arange(len(table.subjects)), copies), table.subjects * copies)


def take_subjects(table: EventTable, chosen: Integers, labels: tuple[str, ...]) -> EventTable:
    """Keep the subjects at some places, in the order asked.

    Parameters
    ----------
    table : EventTable
    chosen : (n,) array of int
        Places in ``table.subjects``; a place may come more than once.
    labels : tuple of str
        Their labels in the new table.

    Returns
    -------
    EventTable
    """
    parts: dict[str, Any] = {}
    for name in ("doses", "observations"):
        rows: Doses | Observations = getattr(table, name)
        taken = _rows_of(rows, chosen)
        # a record's new place: where its subject's records begin now, and how far in it stands
        counts = np.diff(rows.offsets)[chosen]
        records = np.diff(table.records.offsets)[chosen]
        begins = np.concatenate([[0], np.cumsum(records)])[:-1]
        within = rows.record[taken] - np.repeat(table.records.offsets[chosen], counts)
        parts[name] = replace(rows.take(taken, chosen), record=np.repeat(begins, counts) + within)
    kept = _rows_of(table.records, chosen)
    return replace(table, subjects=labels, records=table.records.take(kept, chosen), **parts)


def _rows_of(rows: _Rows, subjects: Integers) -> Integers:
    """Row numbers of the subjects, one subject after the other."""
    starts, counts = rows.offsets[subjects], np.diff(rows.offsets)[subjects]
    before = np.concatenate([[0], np.cumsum(counts)])[:-1]
    return np.repeat(starts - before, counts) + np.arange(int(counts.sum()))
