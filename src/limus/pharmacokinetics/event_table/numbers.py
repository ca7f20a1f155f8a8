"""Cells to numbers: a plain number, or ``.``, ``NA`` or nothing where a value is missing; anything else is an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding, Severity

__all__ = ["MISSING", "is_number", "read_numbers"]

MISSING = frozenset({"", ".", "NA"})
# float() would also take 1_000, nan, inf and digits of other scripts
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eEdD][+-]?[0-9]+)?")
_COMMA_DECIMAL = re.compile(r"[+-]?[0-9]*,[0-9]+")
_LIMIT_MARK = re.compile(r"[<>≤≥]\s*[0-9.]+|b[lq]?[lq]q?|<?lloq|nd", re.IGNORECASE)
_DATE_OR_CLOCK = re.compile(r"[0-9]+[:/][0-9:/ ]+")
_MOST_ERRORS = 100


def is_number(cell: str) -> bool:
    """Tell whether a cell is a plain number.

    Parameters
    ----------
    cell : str

    Returns
    -------
    bool
    """
    return _NUMBER.fullmatch(cell.strip()) is not None


def read_numbers(
    cells: Sequence[str] | NDArray[np.float64], column: str, where: Callable[[int], str]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], list[Finding]]:
    """Read a column of cells.

    Parameters
    ----------
    cells : sequence of str, or (n,) array
        Text, or numbers that are taken as they are (NaN is missing).
    column : str
        Its name, for messages.
    where : callable
        Takes a row, returns its place for messages.

    Returns
    -------
    tuple of ((n,) array, (n,) array of bool, list of Finding)
        Numbers (NaN where missing or bad), where a cell is bad, and what is wrong with those.
    """
    if isinstance(cells, np.ndarray):
        bad = np.isinf(cells)
        values = np.where(bad, np.nan, cells)
    else:
        parsed = {cell: _parse(cell.strip()) for cell in set(cells)}
        values = np.fromiter(map(parsed.__getitem__, cells), dtype=np.float64, count=len(cells))
        bad = np.isinf(values)
        values[bad] = np.nan
    rows = np.flatnonzero(bad).tolist()
    findings = [_bad_cell(f"{where(row)}, column {column}", str(cells[row]).strip()) for row in rows[:_MOST_ERRORS]]
    if len(rows) > _MOST_ERRORS:
        findings.append(
            Finding("numbers-plain", Severity.ERROR, f"column {column}", f"{len(rows) - _MOST_ERRORS} more such cells")
        )
    return values, bad, findings


def _parse(cell: str) -> float:
    """The number; NaN where it is missing, infinity where it is none."""
    if _NUMBER.fullmatch(cell):
        return float(cell.replace("d", "e").replace("D", "e"))
    return float("nan") if cell in MISSING else float("inf")


def _bad_cell(where: str, cell: str) -> Finding:
    allowed, do, check = "a plain number, or . where it is missing", "write a number without a unit", "numbers-plain"
    if _COMMA_DECIMAL.fullmatch(cell):
        check, do = "decimal-point", f"write {cell.replace(',', '.')} (decimal point, not comma)"
    elif _LIMIT_MARK.fullmatch(cell):
        do = "put the limit in LLOQ, 1 in BLQ and . in DV"
    elif _DATE_OR_CLOCK.fullmatch(cell):
        do = "put clock times in TIME and dates in DATE"
    elif _NUMBER.match(cell):
        do = "write the number without its unit; units are given for the whole table"
    return Finding(check, Severity.ERROR, where, cell, allowed, do)
