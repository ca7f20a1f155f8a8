"""Parquet, for results, through duckdb."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import FileReadError, OutputError
from limus.kernel.tables.table import Table

__all__ = ["read_parquet", "write_parquet"]


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
        The file cannot be written, the table has no columns, or two columns' names differ by case only (duckdb would
        rename one).
    """
    import duckdb  # noqa: PLC0415

    if not table.names:
        raise OutputError(str(path), "a table without columns", "at least one column", "check what is written")
    folded: dict[str, str] = {}
    for name in table.names:
        if (other := folded.setdefault(name.casefold(), name)) != name:
            raise OutputError(
                str(path), f"columns {other} and {name}", "names that differ by more than case", "rename one"
            )
    frame = dict(table.columns)
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection.register("frame", frame)
        connection.execute(f"COPY frame TO '{_sql_text(path)}' (FORMAT PARQUET)")
    except (OSError, duckdb.Error) as error:
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
    return Table.create({name: _filled(values) for name, values in columns.items()})


def _filled(values: NDArray[Any]) -> Sequence[Any] | NDArray[Any]:
    """Put NaN, or empty text, where a column has no value."""
    if values.dtype.kind in "fiub":
        return np.ma.filled(values.astype(np.float64), np.nan)
    return [str(value) for value in np.ma.filled(values.astype(object), "")]


def _sql_text(path: Path) -> str:
    return str(path).replace("'", "''")
