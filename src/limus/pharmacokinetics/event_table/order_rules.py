"""The order of rows and what may stand at one time, as named checks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Check, Finding
from limus.pharmacokinetics.event_table.rows import EventRows, found

__all__ = ["ORDER_RULES"]


def _subjects_together(rows: EventRows) -> Iterator[Finding]:
    starts = np.flatnonzero(rows.starts)
    _, first = np.unique(rows.subject[starts], return_index=True)
    again = np.zeros(len(rows), dtype=np.bool_)
    again[np.delete(starts, first)] = True
    allowed = "all rows of a subject one after the other"
    do = "sort by ID and TIME, or give another patient another ID"
    yield from found(
        rows, again, "subjects-together", "ID", lambda row: rows.labels[rows.subject[row]] + " again", allowed, do
    )


def _times_there(rows: EventRows) -> Iterator[Finding]:
    missing = np.isnan(rows.time)
    yield from found(rows, missing, "time-there", "TIME", lambda _: "missing", "a time on every row", "give TIME")
    negative = rows.time < 0
    do = "shift the subject's times so that the first is zero or more"
    yield from found(rows, negative, "time-not-negative", "TIME", lambda row: f"{rows.time[row]:g}", "zero or more", do)


def _times_sorted(rows: EventRows) -> Iterator[Finding]:
    if not len(rows):
        return
    before = np.concatenate([[np.nan], rows.time[:-1]])
    falls = ~rows.starts & (rows.time < before)
    reset = falls & np.isin(rows["EVID"], (3, 4))

    def got(row: int) -> str:
        return f"{rows.time[row]:g} after {before[row]:g}"

    allowed = "times that do not fall within a subject"
    yield from found(rows, falls & ~reset, "times-sorted", "TIME", got, allowed, "sort the rows, or correct TIME")
    do = "let the clock run on over the reset, or give the period another ID"
    yield from found(rows, reset, "times-run-on", "TIME", got, f"{allowed}, over a reset too", do)


def _again_at_one_time(rows: EventRows, mask: NDArray[np.bool_], kind: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Rows of the mask whose subject, time and kind an earlier row of the mask has."""
    again = np.zeros(len(rows), dtype=np.bool_)
    chosen = np.flatnonzero(mask & rows.readable & ~np.isnan(rows.time))
    order = chosen[np.lexsort((chosen, kind[chosen], rows.time[chosen], rows.subject[chosen]))]
    same = (
        (rows.subject[order][1:] == rows.subject[order][:-1])
        & (rows.time[order][1:] == rows.time[order][:-1])
        & (kind[order][1:] == kind[order][:-1])
    )
    again[order[1:][same]] = True
    return again


def _one_dose_at_a_time(rows: EventRows) -> Iterator[Finding]:
    again = _again_at_one_time(rows, rows.is_dose & ~(rows["SS"] == 2), rows["CMT"])

    def got(row: int) -> str:
        return f"a second dose at TIME {rows.time[row]:g} into compartment {rows['CMT'][row]:g}"

    do = "remove the doubled row, or add up what was given together"
    yield from found(rows, again, "one-dose-at-a-time", "TIME", got, "one dose at a time and compartment", do)


def _one_level_at_a_time(rows: EventRows) -> Iterator[Finding]:
    # a million compartments keep the two numbers apart in one
    kind = rows["CMT"] + 1e6 * rows["DVID"]
    again = _again_at_one_time(rows, rows.has_level, kind)

    def got(row: int) -> str:
        return f"a second level at TIME {rows.time[row]:g} (CMT {rows['CMT'][row]:g}, DVID {rows['DVID'][row]:g})"

    do = "remove the doubled row, take the mean of replicates, or tell them apart by DVID"
    yield from found(rows, again, "one-level-at-a-time", "TIME", got, "one level at a time, CMT and DVID", do)


ORDER_RULES: tuple[Check[EventRows], ...] = (
    Check("subjects-together", "All rows of a subject stand together.", _subjects_together),
    Check("times-there", "Every row has a time of zero or more.", _times_there),
    Check("times-sorted", "Times do not fall within a subject.", _times_sorted),
    Check("one-dose-at-a-time", "No two doses enter one compartment at one time.", _one_dose_at_a_time),
    Check("one-level-at-a-time", "No two levels of one kind stand at one time.", _one_level_at_a_time),
)
