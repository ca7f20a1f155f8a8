"""Which occasion a row belongs to: a column, or a rule that is named.

================  ==================================================================================================
rule              occasion
================  ==================================================================================================
``auto``          the column OCC if there is one, otherwise ``one``
``column``        the column OCC; an error without it
``one``           1 everywhere
``steady-state``  a new one begins at every time with a steady-state dose or a reset, with all rows of that time
``gap:H``         a new one begins with the first row more than H hours after the row before
================  ==================================================================================================
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import ValueRangeError
from limus.pharmacokinetics.event_table.rows import EventRows

__all__ = ["occasions_of"]

_RULES = "auto, column, one, steady-state, or gap:H with H in hours"


def occasions_of(rows: EventRows, time_h: NDArray[np.float64], rule: str) -> tuple[NDArray[np.int64], Finding | None]:
    """Number the occasions.

    Parameters
    ----------
    rows : EventRows
        Checked rows.
    time_h : (n,) array
        Their times, h.
    rule : str
        As in the table above.

    Returns
    -------
    tuple of ((n,) array of int, Finding or None)
        Occasion of each row, and what to say about a derived one.

    Raises
    ------
    ValueRangeError
        An unknown rule, or ``column`` without OCC.
    """
    if rule == "auto":
        rule = "column" if "OCC" in rows.given else "one"
    if rule == "column":
        if "OCC" not in rows.given:
            raise ValueRangeError(f"{rows.source}, occasions", rule, "a column OCC", "add it, or choose another rule")
        return rows["OCC"].astype(np.int64), None
    if rule == "one":
        said = Finding("occasions", Severity.NOTE, rows.source, "no OCC used", do="all rows taken as one occasion")
        return np.ones(len(rows), dtype=np.int64), said
    if rule == "steady-state":
        begins = _times_with(rows, ((rows["SS"] > 0) & rows.is_dose) | np.isin(rows["EVID"], (3, 4)))
    else:
        gap_h = _gap(rule)
        begins = np.diff(time_h, prepend=time_h[:1]) > gap_h
    begins = begins | rows.starts
    running = np.cumsum(begins, dtype=np.int64)
    before: NDArray[np.int64] = np.maximum.accumulate(np.where(rows.starts, running, 0))
    occasion = running - before + 1
    said = Finding("occasions", Severity.NOTE, rows.source, f"occasions by the rule {rule}", do="give OCC to set them")
    return occasion, said


def _gap(rule: str) -> float:
    name, _, hours = rule.partition(":")
    try:
        gap_h = float(hours) if name == "gap" else math.nan
    except ValueError:
        gap_h = math.nan
    if not gap_h > 0:
        raise ValueRangeError("occasions", rule, _RULES, "choose one of these rules")
    return gap_h


def _times_with(rows: EventRows, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """First row of every subject and time at which a row of the mask stands."""
    if not len(rows):
        return mask
    new_time = rows.starts | np.concatenate([[True], rows.time[1:] != rows.time[:-1]])
    group = np.cumsum(new_time) - 1
    with_event = np.zeros(int(group[-1]) + 1, dtype=np.bool_)
    with_event[group[mask]] = True
    return new_time & with_event[group]
