"""CSV, for people: read strictly by a schema, written so that it reads back the same."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import FileReadError, OutputError
from limus.kernel.tables.table import Column, Table

__all__ = ["read_csv", "write_csv"]

# What a spreadsheet would run as a formula, with the apostrophes that keep it from doing so.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")

# float() would also take 1_000 and digits of other scripts
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:nan|inf|infinity)", re.IGNORECASE)


def read_csv(
    path: Path,
    schema: Sequence[Column],
    *,
    other_columns: bool = False,
    separator: str = ",",
    line_numbers: str = "",
) -> Table:
    """Read a CSV file strictly: every column named, every number a number.

    Parameters
    ----------
    path : Path
        UTF-8 text with a header line; lines that start with ``#`` are comments.
    schema : sequence of Column
        What the file must hold.
    other_columns : bool
        Whether columns outside the schema are kept (as text) or refused.
    separator : str
        Between cells: a comma, or a semicolon or tab.
    line_numbers : str
        Name of a further number column with the line that each row begins on; none by default.

    Returns
    -------
    Table
        Columns in the schema's order, then others.

    Raises
    ------
    FileReadError
        Missing file, missing or unknown or doubled column, a ragged line, a cell that is not what the schema says;
        the message names file, line and column.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileReadError(str(path), error, "a readable UTF-8 CSV file", "check path and encoding") from None
    lines = _split_records(path, text, separator)
    if not lines:
        raise FileReadError(str(path), "no lines", "a header line and rows", "check the file")
    header = [_unguarded(name.strip()) for name in lines[0][1]]
    _check_header(path, header, schema, other_columns)
    known = {column.name: column for column in schema}
    values: dict[str, list[Any]] = {name: [] for name in header}
    for line_number, cells in lines[1:]:
        if len(cells) != len(header):
            raise FileReadError(
                f"{path}, line {line_number}",
                f"{len(cells)} cells",
                f"{len(header)} cells",
                "quote cells that hold the separator",
            )
        for name, cell in zip(header, cells, strict=True):
            column = known.get(name, Column(name, blank=True))
            where = f"{path}, line {line_number}, column {name}"
            values[name].append(_read_cell(_unguarded(cell.strip()), column, where))
    order = [column.name for column in schema if column.name in values]
    order += [name for name in header if name not in known]
    columns = {name: _typed(values[name], known.get(name)) for name in order}
    if line_numbers:
        columns[line_numbers] = np.array([line for line, _ in lines[1:]], dtype=np.float64)
    return Table.create(columns)


def _split_records(path: Path, text: str, separator: str) -> list[tuple[int, list[str]]]:
    """Split text into (number of the first line, cells); a quoted cell may run over lines."""
    first = 0
    fresh = True

    def lines() -> Iterator[str]:
        nonlocal first, fresh
        for number, line in enumerate(io.StringIO(text, newline=""), start=1):
            if fresh:  # between records; within a quoted cell every line counts
                if not line.strip() or line.startswith("#"):
                    continue
                first, fresh = number, False
            yield line

    records: list[tuple[int, list[str]]] = []
    try:
        for cells in csv.reader(lines(), strict=True, delimiter=separator):
            records.append((first, cells))
            fresh = True
    except csv.Error as error:
        raise FileReadError(
            f"{path}, line {first}", error, "cells in double quotes closed before the comma", "correct the quotes"
        ) from None
    return records


def _typed(values: list[Any], column: Column | None) -> Sequence[Any] | NDArray[Any]:
    if column is not None and column.number:
        return np.array(values, dtype=np.float64)
    return values


def _check_header(path: Path, header: list[str], schema: Sequence[Column], other_columns: bool) -> None:
    names = [column.name for column in schema]
    missing = [column.name for column in schema if column.required and column.name not in header]
    unknown = [name for name in header if name not in names]
    doubled = sorted({name for name in header if header.count(name) > 1})
    expected = "columns " + ", ".join(names)
    if missing:
        raise FileReadError(f"{path}, header", ", ".join(header), expected, f"add {', '.join(missing)}")
    if doubled:
        raise FileReadError(
            f"{path}, header", ", ".join(doubled), "each column once", "rename or remove the doubled one"
        )
    if unknown and not other_columns:
        raise FileReadError(f"{path}, header", ", ".join(unknown), expected, "rename or remove the column")


def _read_cell(cell: str, column: Column, where: str) -> Any:
    if not cell:
        if not column.blank:
            raise FileReadError(where, "an empty cell", column.meaning or "a value", "fill the cell")
        return math.nan if column.number else ""
    if column.number:
        if not _NUMBER.fullmatch(cell):
            raise FileReadError(where, cell, column.meaning or "a number", "write a plain number, no unit")
        value = float(cell)
        if not math.isfinite(value):
            raise FileReadError(where, cell, "a finite number", "leave the cell empty if the value is missing")
        return value
    if column.allowed and cell not in column.allowed:
        raise FileReadError(where, cell, ", ".join(column.allowed), "use one of the allowed words")
    return cell


def write_csv(table: Table, path: Path, *, comment: str = "") -> Path:
    """Write a table as CSV; numbers with the shortest text that reads back to the same float.

    Text that a spreadsheet would take for a formula (it starts with ``=``, ``+``, ``-``, ``@``, a tab or a carriage
    return, and is no number) gets an apostrophe in front, which :func:`read_csv` takes off again.

    Parameters
    ----------
    table : Table
        What to write.
    path : Path
        The file.
    comment : str
        Lines put first, each behind ``# ``.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    buffer = io.StringIO()
    for line in comment.splitlines():
        buffer.write(f"# {line}\n")
    _write_record(buffer, [_guarded(name) for name in table.names])
    for row in table.rows():
        _write_record(buffer, [_csv_text(value) for value in row.values()])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(buffer.getvalue().encode())
    except OSError as error:
        raise OutputError(str(path), error, "a folder that can be written", "choose another --out") from None
    return path


def _write_record(buffer: io.StringIO, cells: Sequence[str]) -> None:
    # a first cell that starts with # would be read as a comment
    hidden = bool(cells) and cells[0].startswith("#")
    csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL if hidden else csv.QUOTE_MINIMAL).writerow(cells)


def _csv_text(value: Any) -> str:
    if not isinstance(value, float):
        return _guarded(str(value))
    if math.isnan(value):
        return ""
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else repr(value)


def _guarded(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def _unguarded(text: str) -> str:
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
