"""TIME and DATE to hours: numbers as they are, clock times and dates relative to the subject's first row.

========================  =======================================================================================
TIME and DATE             hours
========================  =======================================================================================
numbers, no date          the number, in the table's unit of time
a colon in any cell       all cells are clock times ``h:mm`` or ``h:mm:ss`` (or decimal hours); 0 at the first row
DATE month day year       with clock times or decimal hours in TIME; 0 at the subject's first row
DAT1 day month year       the same
DAT2 year month day       the same
DAT3 year day month       the same
year first (4 digits)     year month day, whatever the column is called
one whole number          the day's number; 0 or negative may stand
========================  =======================================================================================

As in NONMEM, except: a year has four digits (NONMEM guesses the century), DATE needs three parts or one, and a clock
time without DATE that runs past midnight is an error, because times would fall.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding, Severity
from limus.pharmacokinetics.event_table.numbers import MISSING, is_number

__all__ = ["clock_hours", "date_days", "has_clock"]

_CLOCK = re.compile(r"([0-9]+):([0-5]?[0-9])(?::([0-5]?[0-9](?:\.[0-9]+)?))?")
_ORDER = {"DATE": "mdy", "DAT1": "dmy", "DAT2": "ymd", "DAT3": "ydm"}
_WORDS = {"d": "day", "m": "month", "y": "year"}
_EPOCH = datetime.date(1900, 1, 1)
_HOURS_PER_DAY = 24.0


def has_clock(cells: Sequence[str] | NDArray[np.float64]) -> bool:
    """Tell whether a TIME column holds clock times.

    Parameters
    ----------
    cells : sequence of str, or array
        TIME.

    Returns
    -------
    bool
    """
    return not isinstance(cells, np.ndarray) and ":" in "".join(cells)


def clock_hours(
    cells: Sequence[str] | NDArray[np.float64], where: Callable[[int], str], *, within_day: bool
) -> tuple[NDArray[np.float64], list[Finding]]:
    """Read clock times.

    Parameters
    ----------
    cells : sequence of str, or array
        ``h:mm``, ``h:mm:ss`` or decimal hours.
    where : callable
        Takes a row, returns its place for messages.
    within_day : bool
        Whether hours must lie below 24, because a date stands beside them.

    Returns
    -------
    tuple of ((n,) array, list of Finding)
        h since midnight; NaN where missing or bad.
    """
    if isinstance(cells, np.ndarray):
        return cells, []
    limit = _HOURS_PER_DAY if within_day else np.inf
    parsed = {cell: _clock(cell.strip()) for cell in set(cells)}
    hours = np.fromiter((parsed[cell] for cell in cells), dtype=np.float64, count=len(cells))
    missing = np.fromiter((cell.strip() in MISSING for cell in cells), dtype=np.bool_, count=len(cells))
    bad = (np.isnan(hours) & ~missing) | (hours >= limit)
    allowed = "h:mm, h:mm:ss or hours" + (" below 24, with a date beside" if within_day else "")
    findings = [
        Finding("clock-times", Severity.ERROR, f"{where(row)}, column TIME", cells[row], allowed, "correct the time")
        for row in np.flatnonzero(bad).tolist()
    ]
    hours[bad] = np.nan
    return hours, findings


def date_days(
    cells: Sequence[str] | NDArray[np.float64], column: str, where: Callable[[int], str]
) -> tuple[NDArray[np.float64], list[Finding]]:
    """Read dates.

    Parameters
    ----------
    cells : sequence of str, or array
        Dates with ``-``, ``/``, ``.`` or spaces between the parts, or day numbers.
    column : str
        DATE, DAT1, DAT2 or DAT3: says the order of the parts.
    where : callable
        Takes a row, returns its place for messages.

    Returns
    -------
    tuple of ((n,) array, list of Finding)
        Day numbers; NaN where missing or bad.
    """
    if isinstance(cells, np.ndarray):
        return cells, []
    order = _ORDER[column]
    parsed = {cell: _day(cell.strip(), order) for cell in set(cells)}
    days = np.fromiter((parsed[cell][0] for cell in cells), dtype=np.float64, count=len(cells))
    findings = [
        Finding(
            "dates",
            Severity.ERROR,
            f"{where(row)}, column {column}",
            cell,
            f"{' '.join(_WORDS[part] for part in order)} (year with four digits), year-month-day, or a day number",
            parsed[cell][1],
        )
        for row, cell in enumerate(cells)
        if parsed[cell][1]
    ]
    return days, findings


def _clock(cell: str) -> float:
    match = _CLOCK.fullmatch(cell)
    if match:
        return int(match[1]) + int(match[2]) / 60.0 + float(match[3] or 0.0) / 3600.0
    return float(cell) if is_number(cell) else float("nan")


def _day(cell: str, order: str) -> tuple[float, str]:
    """Day number and, if it cannot be read, what to do."""
    if cell in MISSING:
        return float("nan"), "give a date on every row"
    parts = re.split(r"[-/. ]", cell)
    if re.fullmatch(r"-?[0-9]{1,5}", cell):
        return float(cell), ""
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return float("nan"), "write all three parts"
    if len(parts[0]) == 4 and order[0] != "y":
        order = "ymd"
    named = dict(zip(order, parts, strict=True))
    if len(named["y"]) != 4:
        return float("nan"), "write the year with four digits"
    try:
        day = datetime.date(int(named["y"]), int(named["m"]), int(named["d"]))
    except ValueError:
        do = "rename the column to DAT1 if the day comes first" if order == "mdy" else "correct the date"
        return float("nan"), do
    return float((day - _EPOCH).days), ""
