"""From a file to cells: separator, byte-order mark, comments and blank lines, each said as a finding.

NONMEM skips every line that begins with a letter or ``@`` under ``IGNORE=@``, which drops a subject called ``P01``
without a word. Here a line is a comment if it begins with ``#`` or ``@``, if its first cell is ``C``, if it repeats the
header, or if it begins with a letter and cannot be a row. One that begins with a letter and could be a row is an error.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import FileReadError
from limus.kernel.tables import read_parquet

__all__ = ["EventCells", "read_cells", "some"]

_WRITTEN = "# limus event table"
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}


@dataclass(frozen=True, eq=False)
class EventCells:
    """A file as columns of text or numbers.

    Attributes
    ----------
    source : str
        File name with path, for messages.
    names : tuple of str
        Header.
    columns : tuple
        Per name, n texts (CSV) or an array of n numbers (Parquet).
    line : (n,) array of int
        Line of the file; row number in a Parquet file.
    place : str
        "line" or "row".
    findings : tuple of Finding
    stated : str
        First line of a file that limus wrote, with its units; otherwise empty.
    """

    source: str
    names: tuple[str, ...]
    columns: tuple[Sequence[str] | NDArray[np.float64], ...]
    line: NDArray[np.int64]
    place: str
    findings: tuple[Finding, ...]
    stated: str = ""


def read_cells(path: Path, *, text_ids: bool = False) -> EventCells:
    """Read a CSV or Parquet file into cells.

    Parameters
    ----------
    path : Path
        ``.parquet``, or anything else as text separated by commas, semicolons or tabs.
    text_ids : bool
        Whether subjects may have names: then only lines that begin with ``#`` or ``@``, and the header again, are
        comments.

    Returns
    -------
    EventCells

    Raises
    ------
    FileReadError
        Unreadable file, no header, quotes that do not close.
    """
    if path.suffix.lower() == ".parquet":
        table = read_parquet(path)
        columns = tuple(v if v.dtype != object else v.tolist() for v in table.columns.values())
        return EventCells(str(path), table.names, columns, np.arange(1, len(table) + 1), "row", ())
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileReadError(str(path), error, "a readable UTF-8 event table", "check path and encoding") from None
    findings = []
    if raw.startswith(b"\xef\xbb\xbf"):
        findings.append(_note(path, "byte-order-mark", "a byte-order mark", "left out"))
    return _split(path, text, findings, text_ids)


def _split(path: Path, text: str, findings: list[Finding], text_ids: bool) -> EventCells:
    blank: list[int] = []
    comments: list[int] = []
    numbers, lines = _numbered(text, blank, comments)
    if not lines:
        raise FileReadError(str(path), "no lines", "a header line and rows", "check the file")
    separator = _separator(lines[0])
    if separator != ",":
        findings.append(_note(path, "separator", f"{_SEPARATORS[separator]}s between cells", "read as they are"))
    names = tuple(name.strip() for name in _records(path, lines[:1], separator)[0])
    if len(names) == 1 and " " in names[0]:
        do = "write commas between the cells, and one cell where several spaces stand"
        findings.append(Finding("separator", Severity.ERROR, f"{path}, header", names[0], "commas between cells", do))
    columns: tuple[Sequence[str], ...] | None = _plain_columns(lines[1:], separator, names, text_ids=text_ids)
    kept = numbers[1:]
    if columns is None:
        rows = _judged_rows(path, numbers, lines, separator, names, findings, comments, text_ids=text_ids)
        kept = [number for number, _ in rows]
        columns = tuple(zip(*(cells for _, cells in rows), strict=True)) if rows else tuple(() for _ in names)
    if comments:
        got = f"{len(comments)} comment lines: {some(sorted(comments))}"
        findings.append(_note(path, "comment-lines", got, "left out, as NONMEM does under IGNORE=@"))
    if blank:
        findings.append(_note(path, "blank-lines", f"{len(blank)} blank lines: {some(blank)}", "left out"))
    stated = text.split("\n", 1)[0].strip() if text.startswith(_WRITTEN) else ""
    return EventCells(str(path), names, columns, np.array(kept, dtype=np.int64), "line", tuple(findings), stated)


def some(values: Sequence[object], most: int = 10) -> str:
    """List values, at most ten of them.

    Parameters
    ----------
    values : sequence
    most : int

    Returns
    -------
    str

    Examples
    --------
    >>> some([1, 2, 3], most=2)
    '1, 2 and 1 more'
    """
    listed = ", ".join(str(value) for value in values[:most])
    return listed if len(values) <= most else f"{listed} and {len(values) - most} more"


def _numbered(text: str, blank: list[int], comments: list[int]) -> tuple[list[int], list[str]]:
    """Numbers and texts of lines, without blank ones and those that begin with # or @."""
    numbers, lines = [], []
    for number, line in enumerate(io.StringIO(text, newline=""), start=1):
        start = line.lstrip()[:1]
        if not line.strip(" \t\r\n,;"):
            blank.append(number)
        elif start in {"#", "@"}:
            comments.append(number)
        else:
            numbers.append(number)
            lines.append(line.rstrip("\r\n"))
    return numbers, lines


def _plain_columns(
    lines: Sequence[str], separator: str, names: tuple[str, ...], *, text_ids: bool
) -> tuple[list[str], ...] | None:
    """Columns of lines that need no second look: no quotes, one cell a name, no letter first; else None.

    A list for each of a million rows would cost more than everything else.
    """
    width = len(names)
    for line in lines:
        start = line.lstrip()
        odd = start.startswith(names[0]) if text_ids else start[:1].isalpha()
        if odd or '"' in line or line.count(separator) != width - 1:
            return None
    cells = separator.join(lines).split(separator) if lines else []
    return tuple(cells[k::width] for k in range(width))


def _judged_rows(
    path: Path,
    numbers: Sequence[int],
    lines: Sequence[str],
    separator: str,
    names: tuple[str, ...],
    findings: list[Finding],
    comments: list[int],
    *,
    text_ids: bool,
) -> list[tuple[int, list[str]]]:
    """Rows with their line numbers; comments and lines at fault go to the lists."""
    rows: list[tuple[int, list[str]]] = []
    for number, cells in zip(numbers[1:], _records(path, lines, separator)[1:], strict=True):
        verdict = _letter_line(cells, names, text_ids=text_ids) if cells[0].lstrip()[:1].isalpha() else "row"
        if verdict == "comment":
            comments.append(number)
        elif verdict == "letter":
            findings.append(_begins_with_letter(path, number, cells))
        elif len(cells) != len(names):
            findings.append(_ragged(path, number, cells, len(names)))
        else:
            rows.append((number, cells))
    return rows


def _separator(header: str) -> str:
    return max(_SEPARATORS, key=header.count)


def _records(path: Path, lines: Sequence[str], separator: str) -> list[list[str]]:
    """Cells of each line; a cell of an event table never runs over a line."""
    try:
        cells = list(csv.reader((f"{line}\n" for line in lines), delimiter=separator, strict=True))
    except csv.Error as error:
        raise FileReadError(str(path), error, "cells in quotes closed before the comma", "correct the quotes") from None
    if len(cells) != len(lines):
        raise FileReadError(str(path), "a quoted cell over more than one line", "one line a row", "correct the quotes")
    return cells


def _letter_line(cells: list[str], names: tuple[str, ...], *, text_ids: bool) -> str:
    """Tell a comment ("comment") from a line that is a row of a named subject ("row") or might be one ("letter")."""
    first = cells[0].strip()
    if first == names[0]:
        return "comment"
    if text_ids:
        return "row"
    if first in {"C", "c"}:
        return "comment"
    could_be_row = len(cells) == len(names) and any(cell.strip()[:1].isdigit() for cell in cells[1:])
    return "letter" if could_be_row else "comment"


def _begins_with_letter(path: Path, number: int, cells: list[str]) -> Finding:
    return Finding(
        "row-begins-with-letter",
        Severity.ERROR,
        f"{path}, line {number}",
        cells[0].strip(),
        "a number first; NONMEM would drop the line as a comment under IGNORE=@",
        "number the subjects, allow names (text_ids), or begin a comment with #",
    )


def _ragged(path: Path, number: int, cells: list[str], wanted: int) -> Finding:
    do = "quote or remove the extra cell"
    if len(cells) > wanted:
        do = "write decimals with a point (12.5, not 12,5), or remove the extra cell"
    return Finding(
        "cells-per-row", Severity.ERROR, f"{path}, line {number}", f"{len(cells)} cells", f"{wanted} cells", do
    )


def _note(path: Path, check: str, got: str, done: str) -> Finding:
    return Finding(check, Severity.NOTE, str(path), got, do=done)
