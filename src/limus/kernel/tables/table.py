"""Tidy tables: named columns of equal length, read and written with a schema, never with a guess.

A :class:`Table` is what passes between stages and into figures. Numbers are float64 arrays, everything else is text.
CSV is for people, Parquet (through duckdb) for results.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import FileReadError, OutputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Column", "Table", "read_csv", "read_parquet", "write_csv", "write_parquet"]


@dataclass(frozen=True, slots=True)
class Column:
    """What a column of a file must hold.

    Attributes
    ----------
    name : str
        Header, exactly.
    number : bool
        True for float64, False for text.
    required : bool
        Whether the column must be there.
    allowed : tuple of str
        The texts that may stand in it; empty for any.
    blank : bool
        Whether a cell may be empty (NaN for numbers).
    meaning : str
        One line, with the unit.
    """

    name: str
    number: bool = False
    required: bool = True
    allowed: tuple[str, ...] = ()
    blank: bool = False
    meaning: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of equal length; arrays are read-only.

    Attributes
    ----------
    columns : mapping of str to numpy.ndarray
        float64 for numbers, object (str) for text.
    """

    columns: Mapping[str, NDArray[Any]]

    @classmethod
    def create(cls, columns: Mapping[str, Sequence[Any] | NDArray[Any]]) -> Table:
        """Make a table from sequences; numbers become float64, the rest text.

        Parameters
        ----------
        columns : mapping
            Column name to values, all of one length.

        Returns
        -------
        Table

        Raises
        ------
        ValueError
            Columns differ in length.
        """
        arrays = {name: _as_array(values) for name, values in columns.items()}
        lengths = {name: len(values) for name, values in arrays.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns differ in length: {lengths}")
        for values in arrays.values():
            values.flags.writeable = False
        return cls(arrays)

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]], names: Sequence[str] | None = None) -> Table:
        """Make a table from rows; a missing cell is NaN or empty text.

        Parameters
        ----------
        rows : iterable of mapping
            One mapping a row.
        names : sequence of str, optional
            Column order; by default, order of first appearance.

        Returns
        -------
        Table
        """
        rows = list(rows)
        if names is None:
            names = list(dict.fromkeys(name for row in rows for name in row))
        return cls.create({name: [row.get(name) for row in rows] for name in names})

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(self.columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield each row as a dict of plain Python values (float, or str)."""
        for index in range(len(self)):
            yield {
                name: values[index].item() if values.dtype != object else values[index]
                for name, values in self.columns.items()
            }

    def where(self, mask: NDArray[np.bool_]) -> Table:
        """Return the rows where ``mask`` is true.

        Parameters
        ----------
        mask : (n,) array of bool

        Returns
        -------
        Table
        """
        return Table.create({name: values[mask] for name, values in self.columns.items()})

    def to_pandas(self) -> pd.DataFrame:
        """Return a pandas DataFrame (pandas is imported here, not before)."""
        import pandas as pd  # noqa: PLC0415

        return pd.DataFrame({name: values.copy() for name, values in self.columns.items()})


def _as_array(values: Sequence[Any] | NDArray[Any]) -> NDArray[Any]:
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiub":
        return values.astype(np.float64)
    items = list(values)
    if items and all(item is None or isinstance(item, (int, float, np.number, np.bool_)) for item in items):
        return np.array([math.nan if item is None else float(item) for item in items], dtype=np.float64)
    out = np.empty(len(items), dtype=object)
    out[:] = ["" if item is None else str(item) for item in items]
    return out


def read_csv(path: Path, schema: Sequence[Column], *, other_columns: bool = False) -> Table:
    """Read a CSV file strictly: every column named, every number a number.

    Parameters
    ----------
    path : Path
        UTF-8 text with a header line; lines that start with ``#`` are comments.
    schema : sequence of Column
        What the file must hold.
    other_columns : bool
        Whether columns outside the schema are kept (as text) or refused.

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
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileReadError(str(path), error, "a readable UTF-8 CSV file", "check path and encoding") from None
    numbered = [
        (i, line) for i, line in enumerate(text.splitlines(), start=1) if line.strip() and not line.startswith("#")
    ]
    if not numbered:
        raise FileReadError(str(path), "no lines", "a header line and rows", "check the file")
    lines = list(csv.reader(io.StringIO("\n".join(line for _, line in numbered))))
    header = [name.strip() for name in lines[0]]
    _check_header(path, header, schema, other_columns)
    known = {column.name: column for column in schema}
    values: dict[str, list[Any]] = {name: [] for name in header}
    for (line_number, _), cells in zip(numbered[1:], lines[1:], strict=False):
        if len(cells) != len(header):
            raise FileReadError(
                f"{path}, line {line_number}",
                f"{len(cells)} cells",
                f"{len(header)} cells",
                "quote cells that hold a comma",
            )
        for name, cell in zip(header, cells, strict=True):
            column = known.get(name, Column(name, blank=True))
            values[name].append(_read_cell(cell.strip(), column, f"{path}, line {line_number}, column {name}"))
    order = [column.name for column in schema if column.name in values]
    order += [name for name in header if name not in known]
    return Table.create({name: _typed(values[name], known.get(name)) for name in order})


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
        try:
            value = float(cell)
        except ValueError:
            raise FileReadError(where, cell, column.meaning or "a number", "write a plain number, no unit") from None
        if not math.isfinite(value):
            raise FileReadError(where, cell, "a finite number", "leave the cell empty if the value is missing")
        return value
    if column.allowed and cell not in column.allowed:
        raise FileReadError(where, cell, ", ".join(column.allowed), "use one of the allowed words")
    return cell


def write_csv(table: Table, path: Path, *, comment: str = "") -> Path:
    """Write a table as CSV; numbers with the shortest text that reads back to the same float.

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
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(table.names)
    for row in table.rows():
        writer.writerow([_csv_text(value) for value in row.values()])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(buffer.getvalue(), encoding="utf-8")
    except OSError as error:
        raise OutputError(str(path), error, "a folder that can be written", "choose another --out") from None
    return path


def _csv_text(value: Any) -> str:
    if isinstance(value, float):
        return (
            "" if math.isnan(value) else repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        )
    return str(value)


def write_parquet(table: Table, path: Path) -> Path:
    """Write a table as Parquet through duckdb.

    Parameters
    ----------
    table : Table
        What to write.
    path : Path
        The file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    import duckdb  # noqa: PLC0415

    path.parent.mkdir(parents=True, exist_ok=True)
    frame = table.to_pandas()
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    try:
        connection.register("frame", frame)
        connection.execute(f"COPY frame TO '{_sql_text(path)}' (FORMAT PARQUET)")
    except duckdb.Error as error:
        raise OutputError(str(path), error, "a folder that can be written", "choose another --out") from None
    finally:
        connection.close()
    return path


def read_parquet(path: Path) -> Table:
    """Read a Parquet file written by :func:`write_parquet`.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Table

    Raises
    ------
    FileReadError
        Missing file, or not Parquet.
    """
    import duckdb  # noqa: PLC0415

    connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    try:
        columns = connection.execute(f"SELECT * FROM read_parquet('{_sql_text(path)}')").fetchnumpy()
    except duckdb.Error as error:
        raise FileReadError(str(path), error, "a Parquet file", "check the path") from None
    finally:
        connection.close()
    return Table.create(
        {name: np.ma.filled(values, np.nan) if values.dtype.kind == "f" else values for name, values in columns.items()}
    )


def _sql_text(path: Path) -> str:
    return str(path).replace("'", "''")
