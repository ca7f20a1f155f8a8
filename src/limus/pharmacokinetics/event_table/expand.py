"""Further doses (ADDL) written out, without a loop over rows.

A pending dose is cancelled by a later steady-state dose that replaces the state (SS 1) and by a reset, at its time and
after, as in NONMEM.
"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from limus.pharmacokinetics.event_table.records import Doses, EventRecords, EventTable

__all__ = ["additional_times", "expand_additional", "next_replacement_h"]


def next_replacement_h(doses: Doses) -> NDArray[np.float64]:
    """Return when the next dose row of the same subject empties or replaces the state, h.

    Parameters
    ----------
    doses : Doses
        D rows.

    Returns
    -------
    (D,) array
        Infinity where none follows.
    """
    n = len(doses)
    replaces = (doses.steady_state == 1) | doses.reset
    place = np.where(replaces, np.arange(n), n)
    following = np.append(np.minimum.accumulate(place[::-1])[::-1], n)[1:]
    last = doses.offsets[1:][doses.subject] if n else np.zeros(0, dtype=np.int64)
    time = np.append(doses.time_h, np.inf)
    return np.where(following < last, time[np.minimum(following, n)], np.inf)


def additional_times(doses: Doses) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the doses that ADDL adds, without those that a later row cancels.

    Parameters
    ----------
    doses : Doses

    Returns
    -------
    tuple of ((A,) array of int, (A,) array)
        Row of the dose that each repeats, and its time, h.
    """
    count = doses.additional
    parent = np.repeat(np.arange(len(doses)), count)
    number = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count) + 1
    time_h = doses.time_h[parent] + number * doses.interval_h[parent]
    kept = time_h < next_replacement_h(doses)[parent]
    return parent[kept], time_h[kept]


def expand_additional(table: EventTable) -> EventTable:
    """Write out every further dose as a dose of its own.

    Parameters
    ----------
    table : EventTable

    Returns
    -------
    EventTable
        ``additional`` is 0 everywhere; ``interval_h`` stays with steady-state doses only. A new dose has the
        compartment, amount, infusion, occasion and line of the dose that it repeats, and a record of its own without
        covariates, so that what is carried through time does not change. A dose that was pending at the time of a
        steady-state dose (SS 1) or reset is not given.
    """
    doses, records = table.doses, table.records
    parent, time_h = additional_times(doses)
    subject = np.concatenate([doses.subject, doses.subject[parent]])
    columns = {c.name: getattr(doses, c.name) for c in fields(doses) if c.name != "offsets"}
    joined = {name: np.concatenate([values, values[parent]]) for name, values in columns.items()}
    added = np.arange(len(joined["line"])) >= len(doses)
    joined["time_h"] = np.concatenate([doses.time_h, time_h])
    joined["record"] = np.concatenate([doses.record, len(records) + np.arange(len(parent))])
    joined["steady_state"] = np.where(added, 0, joined["steady_state"])
    joined["reset"] = joined["reset"] & ~added
    joined["additional"] = np.zeros_like(joined["additional"])
    joined["interval_h"] = np.where(joined["steady_state"] > 0, joined["interval_h"], 0.0)
    order = np.lexsort((joined["time_h"], subject))
    new_records, new_place = _with_records(records, doses, parent, time_h)
    joined["record"] = new_place[joined["record"]]
    expanded = Doses(
        offsets=np.concatenate([[0], np.cumsum(np.bincount(subject, minlength=len(table.subjects)))]),
        **{name: values[order] for name, values in joined.items()},
    )
    levels = replace(table.observations, record=new_place[table.observations.record])
    return replace(table, doses=expanded, observations=levels, records=new_records)


def _with_records(
    records: EventRecords, doses: Doses, parent: NDArray[np.int64], time_h: NDArray[np.float64]
) -> tuple[EventRecords, NDArray[np.int64]]:
    """Add a record without covariates for each new dose; also the new place of every record, old then new."""
    subject = np.concatenate([records.subject, doses.subject[parent]])
    times = np.concatenate([records.time_h, time_h])
    order = np.lexsort((times, subject))
    blank = np.full((len(parent), len(records.names)), np.nan)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    together = EventRecords(
        offsets=np.concatenate([[0], np.cumsum(np.bincount(subject, minlength=len(records.offsets) - 1))]),
        names=records.names,
        time_h=times[order],
        values=np.concatenate([records.values, blank])[order],
        occasion=np.concatenate([records.occasion, doses.occasion[parent]])[order],
        line=np.concatenate([records.line, doses.line[parent]])[order],
    )
    return together, place
