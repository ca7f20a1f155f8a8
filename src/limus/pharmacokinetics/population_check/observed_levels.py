"""The levels of an event table, one row each, as the checks of a model look at them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import InputError
from limus.pharmacokinetics.event_table.expand import additional_times
from limus.pharmacokinetics.event_table.records import EventTable

__all__ = ["ObservedLevels", "observed_levels", "time_after_dose"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ObservedLevels:
    """Levels that were measured, or are known to lie below a limit, M of them.

    Attributes
    ----------
    subjects : tuple of str
    subject : (M,) array of int
    row : (M,) array of int
        Of the table's observations.
    time_h, after_dose_h : (M,) array
        Time, and time after the dose before; NaN where no dose came before.
    value : (M,) array
        NaN where censored.
    censored : (M,) array of bool
    limit : (M,) array
        Lower limit of quantification: the level's own, or that of all others where they share one; NaN where there is
        none.
    line : (M,) array of int
    """

    subjects: tuple[str, ...]
    subject: Integers
    row: Integers
    time_h: Floats
    after_dose_h: Floats
    value: Floats
    censored: NDArray[np.bool_]
    limit: Floats
    line: Integers

    def __len__(self) -> int:
        return len(self.row)

    def of(self, subject: int) -> slice:
        """The levels of one subject."""
        first, last = np.searchsorted(self.subject, [subject, subject + 1])
        return slice(int(first), int(last))


def observed_levels(table: EventTable) -> ObservedLevels:
    """Gather the levels of an event table.

    A censored level that the file gives with a number below its limit counts as censored.

    Parameters
    ----------
    table : EventTable

    Returns
    -------
    ObservedLevels

    Raises
    ------
    InputError
        The table has no levels.
    """
    seen = table.observations
    row = np.flatnonzero(~seen.missing & (seen.censored | np.isfinite(seen.value)))
    if not len(row):
        raise InputError(table.source, "no levels", "levels to compare the model with", "give DV on rows with EVID 0")
    known = np.unique(seen.limit[row][np.isfinite(seen.limit[row])])
    shared = known[0] if len(known) == 1 else np.nan
    limit = np.where(np.isfinite(seen.limit[row]), seen.limit[row], shared)
    censored = seen.censored[row]
    return ObservedLevels(
        subjects=table.subjects,
        subject=seen.subject[row],
        row=row,
        time_h=seen.time_h[row],
        after_dose_h=time_after_dose(table)[row],
        value=np.where(censored, np.nan, seen.value[row]),
        censored=censored,
        limit=limit,
        line=seen.line[row],
    )


def time_after_dose(table: EventTable) -> Floats:
    """Return the time from the dose before to each observation, h.

    A level at a dose's time belongs to the dose before it; at the time of a steady-state dose the dose before was one
    interval earlier.

    Parameters
    ----------
    table : EventTable

    Returns
    -------
    (M,) array
        NaN where no dose came before.
    """
    doses, seen = table.doses, table.observations
    parent, repeat_h = additional_times(doses)
    gives = (doses.amount_mg > 0) | (doses.rate_mg_per_h > 0)
    steady = np.flatnonzero(gives & (doses.steady_state > 0) & (doses.interval_h > 0))
    subject = np.concatenate([doses.subject[gives], doses.subject[parent], doses.subject[steady]])
    time_h = np.concatenate([doses.time_h[gives], repeat_h, doses.time_h[steady] - doses.interval_h[steady]])
    order = np.lexsort((time_h, subject))
    subject, time_h = subject[order], time_h[order]
    ticks, place = np.unique(np.concatenate([time_h, seen.time_h]), return_inverse=True)
    key = subject * len(ticks) + place[: len(time_h)]
    asked = seen.subject * len(ticks) + place[len(time_h) :]
    last = np.searchsorted(key, asked, side="left") - 1
    found = np.maximum(last, 0)
    if not len(time_h):
        return np.full(len(seen), np.nan)
    known = (last >= 0) & (subject[found] == seen.subject)
    return np.where(known, seen.time_h - time_h[found], np.nan)
