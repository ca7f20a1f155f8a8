"""The rows of an event table as numbers, before anything is decided: what every rule looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding, Severity
from limus.pharmacokinetics.event_table.columns import RESERVED

__all__ = ["EventRows", "found", "typed_rows"]

_MOST_FINDINGS = 100
_TEXT_ITEMS = frozenset({"ID", "TIME", "DATE", "DAT1", "DAT2", "DAT3"})
# what a missing cell of an item means; every other item stays missing
_ABSENT = {"RATE": 0.0, "DUR": 0.0, "II": 0.0, "ADDL": 0.0, "SS": 0.0, "CMT": 0.0, "DVID": 1.0, "AMT": 0.0}


@dataclass(frozen=True, eq=False)
class EventRows:
    """Rows of a table, n of them.

    Attributes
    ----------
    source, place : str
        File (or "arrays"), and what a row is called: "line" or "row".
    subject : (n,) array of int
        Place in ``labels``.
    labels : tuple of str
        Subjects in order of first appearance.
    time : (n,) array
        TIME in its unit, or h where it was a clock time.
    items : mapping of str to (n,) array
        Every numeric reserved item; NaN where missing, zero where a missing cell means zero.
    given : frozenset of str
        Reserved items that the table has.
    covariates : mapping of str to (n,) array
    line : (n,) array of int
    readable : (n,) array of bool
        False where a cell of the row could not be read; rules do not look at such rows.
    """

    source: str
    place: str
    subject: NDArray[np.int64]
    labels: tuple[str, ...]
    time: NDArray[np.float64]
    items: Mapping[str, NDArray[np.float64]]
    given: frozenset[str]
    covariates: Mapping[str, NDArray[np.float64]]
    line: NDArray[np.int64]
    readable: NDArray[np.bool_]

    def __getitem__(self, item: str) -> NDArray[np.float64]:
        return self.items[item]

    def __len__(self) -> int:
        return len(self.line)

    @cached_property
    def is_dose(self) -> NDArray[np.bool_]:
        """EVID 1 or 4, (n,)."""
        return np.isin(self["EVID"], (1, 4))

    @cached_property
    def is_level(self) -> NDArray[np.bool_]:
        """EVID 0, (n,)."""
        return self["EVID"] == 0

    @cached_property
    def has_level(self) -> NDArray[np.bool_]:
        """EVID 0 and MDV 0, (n,)."""
        return self.is_level & (self["MDV"] == 0)

    @cached_property
    def starts(self) -> NDArray[np.bool_]:
        """First row of each run of one subject, (n,)."""
        return np.concatenate([[True], self.subject[1:] != self.subject[:-1]]) if len(self) else np.zeros(0, np.bool_)

    def where(self, row: int, column: str = "") -> str:
        """Name file, line, subject and column of a row."""
        place = f"{self.source}, {self.place} {self.line[row]}, ID {self.labels[self.subject[row]]}"
        return f"{place}, column {column}" if column else place


def typed_rows(
    source: str,
    place: str,
    labels_by_row: Sequence[str],
    time: NDArray[np.float64],
    numbers: Mapping[str, NDArray[np.float64]],
    covariates: Mapping[str, NDArray[np.float64]],
    line: NDArray[np.int64],
    readable: NDArray[np.bool_],
) -> tuple[EventRows, list[Finding]]:
    """Complete the reserved items: what a missing cell means, EVID and MDV where the table has none.

    Parameters
    ----------
    source, place : str
    labels_by_row : sequence of str
        Subject of each row.
    time : (n,) array
    numbers : mapping
        Reserved items that the table has.
    covariates : mapping
    line : (n,) array of int
    readable : (n,) array of bool

    Returns
    -------
    tuple of (EventRows, list of Finding)
    """
    n = len(line)
    places = {label: place for place, label in enumerate(dict.fromkeys(labels_by_row))}
    subject = np.fromiter((places[label] for label in labels_by_row), dtype=np.int64, count=n)
    items = {name: numbers.get(name, np.full(n, np.nan)) for name in RESERVED if name not in _TEXT_ITEMS}
    for name, meaning in _ABSENT.items():
        items[name] = np.where(np.isnan(items[name]), meaning, items[name])
    findings = []
    if "EVID" not in numbers:
        items["EVID"] = np.where(items["AMT"] > 0, 1.0, 0.0)
        got = f"no EVID; {int((items['EVID'] == 1).sum())} rows with AMT > 0 taken as doses, the rest as levels"
        do = "add EVID if other rows are meant"
        findings.append(Finding("evid-inferred", Severity.NOTE, source, got, "EVID, or NONMEM's rule without it", do))
    if "MDV" not in numbers:
        flag = items["BLQ"] if "BLQ" in numbers else items["CENS"]
        absent = (items["EVID"] != 0) | (np.isnan(items["DV"]) & ~(flag == 1))
        items["MDV"] = np.where(absent, 1.0, 0.0)
        wanted = int(((items["EVID"] == 0) & absent).sum())
        if wanted:
            got = f"no MDV; {wanted} level rows without DV taken as times at which a level is wanted"
            findings.append(Finding("mdv-inferred", Severity.NOTE, source, got, do="add MDV if that is not meant"))
    rows = EventRows(
        source, place, subject, tuple(places), time, items, frozenset(numbers), dict(covariates), line, readable
    )
    return rows, findings


def found(
    rows: EventRows,
    mask: NDArray[np.bool_],
    check: str,
    column: str,
    got: Callable[[int], str],
    allowed: str,
    do: str,
    *,
    severity: Severity = Severity.ERROR,
) -> Iterator[Finding]:
    """Yield a finding for each readable row of a mask; beyond a hundred, one that counts the rest.

    Parameters
    ----------
    rows : EventRows
    mask : (n,) array of bool
    check : str
        Name of the check.
    column : str
        Column at fault.
    got : callable
        Takes a row, returns what stands there.
    allowed, do : str
    severity : Severity

    Yields
    ------
    Finding
    """
    bad = np.flatnonzero(mask & rows.readable)
    for row in bad[:_MOST_FINDINGS]:
        yield Finding(check, severity, rows.where(int(row), column), got(int(row)), allowed, do)
    if len(bad) > _MOST_FINDINGS:
        more = f"{len(bad) - _MOST_FINDINGS} more rows"
        yield Finding(check, severity, f"{rows.source}, column {column}", more, allowed, do)
