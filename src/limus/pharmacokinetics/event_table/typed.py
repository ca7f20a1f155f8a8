"""From cells to rows: labels, hours, numbers and covariates, with what is wrong in each cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding, Severity
from limus.pharmacokinetics.event_table.cells import EventCells, some
from limus.pharmacokinetics.event_table.clock import clock_hours, date_days, has_clock
from limus.pharmacokinetics.event_table.columns import DATE_COLUMNS, RESERVED, UNUSED, header_findings
from limus.pharmacokinetics.event_table.error import raise_together
from limus.pharmacokinetics.event_table.numbers import MISSING, is_number, read_numbers
from limus.pharmacokinetics.event_table.rows import EventRows, typed_rows

__all__ = ["rows_of_cells"]

_HOURS_PER_DAY = 24.0
_NEVER_COVARIATES = ("C", *UNUSED)
_ALIKE = 0.7  # three letters of which two agree are another name
_MUST_BE_ZERO = ("PCMT", "CALL", "CONT")

Cells = Sequence[str] | NDArray[np.float64]


def rows_of_cells(
    cells: EventCells, covariates: Sequence[str] | None, optional: Sequence[str], *, text_ids: bool
) -> tuple[EventRows, bool, list[Finding]]:
    """Turn cells into rows.

    Parameters
    ----------
    cells : EventCells
    covariates : sequence of str, optional
        Columns needed; None for every column of numbers that is not reserved.
    optional : sequence of str
        Columns read if they are there.
    text_ids : bool
        Whether subjects may have names.

    Returns
    -------
    tuple of (EventRows, bool, list of Finding)
        Rows, whether their times are h (clock times), and everything found so far, errors too.

    Raises
    ------
    EventTableError
        A column that every rule needs is missing or doubled, or there are no rows.
    """
    findings = [*cells.findings, *header_findings(cells.source, cells.names)]
    if not len(cells.line):
        findings.append(Finding("rows-there", Severity.ERROR, cells.source, "no rows", "one or more", "add rows"))
    fatal = {"columns-needed", "columns-once", "rows-there"}
    if any(finding.check in fatal for finding in findings):
        raise_together(cells.source, findings)
    columns = {
        name.upper() if name.upper() in RESERVED else name: column
        for name, column in zip(cells.names, cells.columns, strict=True)
    }
    labels, found = _labels(columns["ID"], cells, text_ids=text_ids)
    findings += found

    def where(row: int) -> str:
        return f"{cells.source}, {cells.place} {cells.line[row]}, ID {labels[row]}"

    time, bad_time, is_clock, found = _times(columns, where, labels, cells.source)
    findings += found
    readable = ~bad_time
    numbers: dict[str, NDArray[np.float64]] = {}
    for name in RESERVED:
        if name in columns and name not in {"ID", "TIME", *DATE_COLUMNS}:
            numbers[name], bad, found = read_numbers(columns[name], name, where)
            readable &= ~bad
            findings += found
    findings += _unused_items(columns, where, (*(covariates or ()), *optional))
    chosen, found = _choose_covariates(cells, columns, covariates, optional)
    findings += found
    values: dict[str, NDArray[np.float64]] = {}
    for name in chosen:
        values[name], _, found = read_numbers(columns[name], name, where)
        findings += found
    rows, found = typed_rows(cells.source, cells.place, labels, time, numbers, values, cells.line, readable)
    return rows, is_clock, [*findings, *found]


def _labels(cells: Cells, file: EventCells, *, text_ids: bool) -> tuple[list[str], list[Finding]]:
    """One label a subject, whatever way its number is written."""
    if isinstance(cells, np.ndarray):
        numbers, place = np.unique(cells, return_inverse=True)
        written = ["" if np.isnan(number) else _short(number) for number in numbers.tolist()]
        texts = [written[k] for k in place.tolist()]
    else:
        texts = [cell.strip() for cell in cells]
    known = dict.fromkeys(texts)
    # names are kept as they are: 007 is another subject than 7
    numeric = not text_ids and all(is_number(text) for text in known if text not in MISSING)
    short = {text: _short(float(text)) if numeric and text not in MISSING else text for text in known}
    wrong = {text for text in known if text in MISSING or not (numeric or text_ids or is_number(text))}
    findings = []
    for line, text in zip(file.line.tolist(), texts, strict=True) if wrong else ():
        if text in wrong:
            do = (
                "give the subject on every row" if text in MISSING else "number the subjects, or allow names (text_ids)"
            )
            where = f"{file.source}, {file.place} {line}, column ID"
            findings.append(Finding("id-there", Severity.ERROR, where, text, "a number on every row", do))
    return [short[text] for text in texts], findings[:100]


def _short(value: float) -> str:
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else repr(value)


def _times(
    columns: Mapping[str, Cells], where: Callable[[int], str], labels: Sequence[str], source: str
) -> tuple[NDArray[np.float64], NDArray[np.bool_], bool, list[Finding]]:
    """Times, which of them could not be read, whether they are h, and findings."""
    cells = columns["TIME"]
    date = next((name for name in DATE_COLUMNS if name in columns), "")
    if not date and not has_clock(cells):
        time, bad, findings = read_numbers(cells, "TIME", where)
        return time, bad, False, findings
    hours, findings = clock_hours(cells, where, within_day=bool(date))
    said = "clock times"
    if date:
        days, found = date_days(columns[date], date, where)
        hours = hours + _HOURS_PER_DAY * days
        findings += found
        said = f"{date} and TIME"
    first = {label: row for row, label in reversed(list(enumerate(labels)))}
    start = np.fromiter((first[label] for label in labels), dtype=np.int64, count=len(labels))
    do = "times are h since the subject's first row, as in NONMEM"
    findings.append(Finding("clock", Severity.NOTE, f"{source}, column TIME", said, do=do))
    return hours - hours[start], np.isnan(hours), True, findings


def _unused_items(columns: Mapping[str, Cells], where: Callable[[int], str], asked: Sequence[str]) -> Iterator[Finding]:
    for name, cells in columns.items():
        if name.upper() in _MUST_BE_ZERO and name not in asked:
            values, _, _ = read_numbers(cells, name, where)
            for row in np.flatnonzero((values != 0) & ~np.isnan(values)).tolist()[:20]:
                allowed = "0 or missing: the item is not supported"
                do = "clear it, or rename the column if it is a covariate"
                yield Finding(
                    "nonmem-items", Severity.ERROR, f"{where(row)}, column {name}", f"{values[row]:g}", allowed, do
                )


def _choose_covariates(
    file: EventCells, columns: Mapping[str, Cells], wanted: Sequence[str] | None, optional: Sequence[str]
) -> tuple[list[str], list[Finding]]:
    where = f"{file.source}, header"
    others = [name for name in columns if name not in RESERVED]
    findings = []
    if wanted is None:
        candidates = [name for name in others if name.upper() not in _NEVER_COVARIATES]
        chosen = [name for name in candidates if _mostly_numbers(columns[name])]
        text = [name for name in candidates if name not in chosen]
        if text:
            findings.append(Finding("text-columns", Severity.NOTE, where, some(text), do="no numbers; left out"))
    else:
        chosen = [name for name in dict.fromkeys([*wanted, *optional]) if name in others]
        for name in wanted:
            if name not in others:
                do = _near(name, others) + "else add the column"
                findings.append(
                    Finding("covariates-there", Severity.ERROR, where, f"no column {name}", f"a column {name}", do)
                )
        unused = [name for name in others if name not in chosen]
        if unused:
            findings.append(Finding("columns-unused", Severity.NOTE, where, some(unused), do="not asked for; left out"))
    for name in optional:
        if name not in others:
            do = _near(name, others) + "else the model's default applies, or it refuses"
            findings.append(Finding("covariates-optional", Severity.WARNING, where, f"no column {name}", do=do))
    return chosen, findings


def _near(name: str, others: Sequence[str]) -> str:
    folded = {other.casefold(): other for other in others}
    near = get_close_matches(name.casefold(), list(folded), n=1, cutoff=_ALIKE)
    return f"rename {folded[near[0]]} if that is it, " if near else ""


def _mostly_numbers(cells: Cells) -> bool:
    """Whether at least half of the different cells that are not missing are numbers."""
    if isinstance(cells, np.ndarray):
        return True
    filled = [cell for cell in set(cells) if cell.strip() not in MISSING]
    return 2 * sum(is_number(cell) for cell in filled) >= len(filled) > 0
