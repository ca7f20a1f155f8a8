"""A table of subjects for the survival commands: columns found by name, statuses decoded, missing values counted.

=====================  =====================================================================================
status values          taken as
=====================  =====================================================================================
0 and 1                0 censored, 1 event
1 and 2                R's coding: 1 censored, 2 event; said in the result
true and false         true event
of a column CNSR       CDISC ADTTE: 0 event, 1 and above censored; said in the result
anything else          refused, unless ``--event`` (and, for causes, ``--censored``) says which value is which
=====================  =====================================================================================

Missing are empty cells, NA, NaN, ``.`` and null. A row without one of the columns asked for is left out and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import FileReadError, InputError, UnknownNameError, near_names
from limus.kernel.tables import read_csv

__all__ = ["Subjects", "decode_causes", "decode_status", "numbers_of", "ordered_labels", "read_subjects"]

Floats = NDArray[np.float64]
Texts = NDArray[np.object_]

_MISSING = frozenset({"", "na", "n/a", "nan", ".", "null", "none"})
_TRUE, _FALSE = frozenset({"true", "t"}), frozenset({"false", "f"})
_LINE = "line of the file"
_MOST_NAMED = 8


@dataclass(frozen=True, slots=True, eq=False)
class Subjects:
    """Rows of a file that have all columns asked for.

    Attributes
    ----------
    path : Path
    columns : dict of str to (N,) array of str
    line : (N,)
        Line of the file, for messages.
    read : int
        Rows in the file.
    excluded : tuple of (str, int)
        Columns and the rows that lack them; a row may lack several.
    findings : tuple of Finding
    """

    path: Path
    columns: dict[str, Texts]
    line: Floats
    read: int
    excluded: tuple[tuple[str, int], ...]
    findings: tuple[Finding, ...] = ()

    @property
    def n(self) -> int:
        """Rows kept."""
        return len(self.line)

    def noting(self, *findings: Finding) -> Subjects:
        """Return the same with further findings."""
        return replace(self, findings=(*self.findings, *findings))


def read_subjects(file: str, wanted: Sequence[tuple[str, str]], *, optional_in: str = "") -> Subjects:
    """Read a table and keep the rows that have every column asked for.

    Parameters
    ----------
    file : str
        CSV with a header; separator comma, semicolon or tab.
    wanted : sequence of (option, column)
        The option is named where the column does not exist.
    optional_in : str
        Column that may be missing where it is not needed (the cause of a censored subject).

    Returns
    -------
    Subjects

    Raises
    ------
    FileReadError
        The file cannot be read, or holds no rows.
    UnknownNameError
        No such column; near names are given.
    InputError
        Every row lacks something.
    """
    path = Path(file)
    table = read_csv(path, (), other_columns=True, separator=_separator(path), line_numbers=_LINE)
    if not len(table):
        raise FileReadError(file, "no rows", "a header and at least one row", "check the file")
    known = [name for name in table.names if name != _LINE]
    for option, column in wanted:
        if column not in known:
            near = near_names(column, known)
            hint = f"did you mean {' or '.join(near)}?" if near else "name a column of the file"
            raise UnknownNameError(f"{option}, {file}", column, "columns " + ", ".join(known), hint)
    names = list(dict.fromkeys(column for _, column in wanted))
    missing = {name: _is_missing(table[name]) for name in names}
    needed = [missing[name] for name in names if name != optional_in]
    kept = ~np.any(needed, axis=0)
    excluded = tuple((name, int(missing[name].sum())) for name in names if name != optional_in and missing[name].any())
    if not kept.any():
        lacks = ", ".join(f"{name} ({count})" for name, count in excluded)
        raise InputError(
            file, f"no complete row; missing: {lacks}", "rows with every column asked for", "ask for fewer"
        )
    findings: tuple[Finding, ...] = ()
    if excluded:
        each = ", ".join(f"{name}: {count}" for name, count in excluded)
        found = f"{int((~kept).sum())} of {len(table)} rows left out ({each})"
        findings = (
            Finding("missing-values", Severity.WARNING, file, found, "complete rows", "see why values are missing"),
        )
    chosen = {name: table[name][kept] for name in names}
    return Subjects(path, chosen, table[_LINE][kept], len(table), excluded, findings)


def numbers_of(subjects: Subjects, column: str, *, at_least: float | None = None) -> Floats:
    """Return a column as numbers.

    Parameters
    ----------
    subjects : Subjects
    column : str
    at_least : float, optional
        Smallest value allowed.

    Returns
    -------
    (N,) array

    Raises
    ------
    FileReadError
        A cell is no finite number, or too small; the line is named.
    """
    found = np.empty(subjects.n)
    for i, text in enumerate(subjects.columns[column]):
        value = _number(text)
        if value is None or (at_least is not None and value < at_least):
            allowed = "a finite number" if at_least is None else f"a finite number, {at_least:g} or more"
            where = f"{subjects.path}, line {subjects.line[i]:.0f}, column {column}"
            raise FileReadError(where, text, allowed, "correct the cell, or empty it to leave the row out")
        found[i] = value
    return found


def ordered_labels(values: Texts) -> list[str]:
    """Return the different labels: by value where all are numbers, otherwise in the order of sorting."""
    labels = sorted(set(values.tolist()))
    numbers = {label: _number(label) for label in labels}
    return sorted(labels, key=lambda x: numbers[x] or 0.0) if None not in numbers.values() else labels


def decode_status(subjects: Subjects, column: str, event: Sequence[str]) -> tuple[NDArray[np.int64], Subjects]:
    """Say who had the event.

    Parameters
    ----------
    subjects : Subjects
    column : str
    event : sequence of str
        Values that mean the event; empty to recognise the coding.

    Returns
    -------
    tuple of ((N,) array, Subjects)
        1 for the event, 0 for censored, 2 for another value (only where ``event`` leaves two or more values, of which 0
        or the lowest number is taken as censored); the subjects with a note of the coding.

    Raises
    ------
    InputError
        The coding is not known, or nobody had the event.
    """
    values = subjects.columns[column]
    labels = ordered_labels(values)
    codes, words = _named_events(column, values, labels, event) if event else _known_coding(column, values, labels)
    if not np.any(codes == 1):
        raise InputError(
            f"--status {column}", f"no events ({words})", "at least one event", "check the coding; --event"
        )
    note = Finding("status-coding", Severity.NOTE, f"column {column}", words)
    return codes, subjects.noting(note)


def _named_events(column: str, values: Texts, labels: list[str], event: Sequence[str]) -> tuple[NDArray[np.int64], str]:
    unknown = [value for value in event if value not in labels]
    if unknown:
        raise UnknownNameError("--event", ", ".join(unknown), f"values of {column}: {', '.join(labels)}", "use a value")
    others = [label for label in labels if label not in event]
    codes = np.isin(values.astype(str), list(event)).astype(np.int64)
    numbers = [_number(label) for label in others]
    words = f"{' or '.join(event)} event"
    if len(others) < 2 or None in numbers:
        return codes, f"{words}, {' or '.join(others) or 'none'} censored"
    censored = others[0]  # the lowest number
    codes[(codes == 0) & (values != censored)] = 2
    return codes, f"{words}, {censored} censored, {' and '.join(others[1:])} other events (censored here)"


def _known_coding(column: str, values: Texts, labels: list[str]) -> tuple[NDArray[np.int64], str]:
    numbers = {label: _number(label) for label in labels}
    levels = set(numbers.values())
    if column.casefold() == "cnsr" and None not in levels:
        codes = np.array([numbers[v] == 0 for v in values], dtype=np.int64)
        return codes, "CNSR of CDISC ADTTE: 0 event, 1 and above censored"
    if levels <= {0.0, 1.0}:
        return np.array([numbers[v] == 1 for v in values], dtype=np.int64), "0 censored, 1 event"
    if levels <= {1.0, 2.0}:
        codes = np.array([numbers[v] == 2 for v in values], dtype=np.int64)
        return codes, "no 0, so as R codes it: 1 censored, 2 event"
    if {label.casefold() for label in labels} <= _TRUE | _FALSE:
        return np.array([v.casefold() in _TRUE for v in values], dtype=np.int64), "true event, false censored"
    shown = ", ".join(labels[:_MOST_NAMED]) + (" ..." if len(labels) > _MOST_NAMED else "")
    raise InputError(
        f"--status {column}",
        shown,
        "0 and 1, 1 and 2 (R: 1 censored, 2 event), true and false",
        "say which value is the event with --event; for several causes use limus stats cif",
    )


def decode_causes(
    subjects: Subjects, column: str, censored: str | None, status: str | None, event: Sequence[str] = ()
) -> tuple[NDArray[np.int64], tuple[str, ...], Subjects]:
    """Say what ended each subject's watching.

    Parameters
    ----------
    subjects : Subjects
    column : str
        Of the cause.
    censored : str, optional
        Value that means censored; ``none`` where nobody was.
    status : str, optional
        Column that says who had any event; the cause counts for those only.
    event : sequence of str
        Values of the status that mean an event.

    Returns
    -------
    tuple of ((N,) array, names, Subjects)
        0 for censored, then 1, 2 ... in the order of the names; the subjects with a note of the coding.

    Raises
    ------
    InputError
        It is not known which value means censored, or nobody had an event.
    """
    values = subjects.columns[column]
    if status is not None:
        had, subjects = decode_status(subjects, status, event)
        happened = had > 0
        lacking = happened & _is_missing(values)
        if lacking.any():
            where = f"{subjects.path}, line {subjects.line[np.flatnonzero(lacking)[0]]:.0f}, column {column}"
            raise FileReadError(where, "no cause", "a cause where the status is an event", "fill the cell")
    else:
        labels = ordered_labels(values)
        none = censored if censored is not None else next((x for x in labels if _number(x) == 0), None)
        if none is None or (none not in labels and none != "none"):
            shown = ", ".join(labels[:_MOST_NAMED]) + (" ..." if len(labels) > _MOST_NAMED else "")
            allowed = "0 for censored, or --censored VALUE (--censored none where nobody was)"
            raise InputError(f"--cause {column}", shown, allowed, "say which value means censored")
        happened = values != none
        note = f"{none} censored" if none in labels else "nobody censored"
        subjects = subjects.noting(Finding("cause-coding", Severity.NOTE, f"column {column}", note))
    if not happened.any():
        raise InputError(f"--cause {column}", "no events", "at least one event", "check the coding; --censored")
    names = ordered_labels(values[happened])
    codes = np.zeros(subjects.n, dtype=np.int64)
    for i, name in enumerate(names):
        codes[happened & (values == name)] = i + 1
    return codes, tuple(names), subjects


def _is_missing(values: Texts) -> NDArray[np.bool_]:
    known: dict[str, bool] = {}
    found = np.empty(len(values), dtype=np.bool_)
    for i, text in enumerate(values):
        if text not in known:
            known[text] = text.casefold() in _MISSING
        found[i] = known[text]
    return found


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) and "_" not in text else None


def _separator(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            head = next((line for line in file if line.strip() and not line.startswith("#")), "")
    except OSError:
        return ","
    return max((",", ";", "\t"), key=head.count)
