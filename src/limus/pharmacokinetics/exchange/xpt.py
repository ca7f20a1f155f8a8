"""SAS transport files, version 5, as regulators ask for them, and data sets as CSV: read into tables and written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding
from limus.kernel.errors import FileReadError, OutputError
from limus.kernel.tables import Column, Table, read_csv, write_csv
from limus.pharmacokinetics.event_table.numbers import MISSING, is_number

__all__ = ["Dataset", "numbers_of", "read_dataset", "variables_of", "write_dataset"]

_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,7}")
_LONGEST_LABEL = 40
_LONGEST_TEXT = 200


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set with what a transport file says of it.

    Attributes
    ----------
    name : str
        Such as ``ADPPK``.
    label : str
    table : Table
        Variables as columns.
    labels : mapping of str to str
        Of the variables.
    findings : tuple of Finding
        What the standard asks for and the source does not say.
    formats : mapping of str to str
        SAS formats of variables, such as ``DATE9.`` of a date that is a number of days since 1960-01-01.
    """

    name: str
    label: str
    table: Table
    labels: Mapping[str, str]
    findings: tuple[Finding, ...] = ()
    formats: Mapping[str, str] = field(default_factory=dict)


def read_dataset(path: Path | str, schema: Sequence[Column]) -> tuple[Table, dict[str, str]]:
    """Read a data set from a transport file, or from CSV with the same names.

    Parameters
    ----------
    path : Path or str
        ``.xpt``, or anything else as CSV.
    schema : sequence of Column
        Variables looked at; others are kept as they come.

    Returns
    -------
    tuple of (Table, dict of str to str)
        Numbers are NaN and texts empty where missing. Labels by variable; none from CSV.

    Raises
    ------
    FileReadError
        Unreadable file, a variable that is needed and missing, or one of the other type.
    """
    path = Path(path)
    if path.suffix.lower() != ".xpt":
        return read_csv(path, schema, other_columns=True), {}
    import pyreadstat  # noqa: PLC0415

    if not path.is_file():
        raise FileReadError(str(path), "no such file", "a transport file", "check the path")
    try:
        columns, meta = pyreadstat.read_xport(path, output_format="dict", disable_datetime_conversion=True)
    except (pyreadstat.ReadstatError, UnicodeDecodeError) as error:
        raise FileReadError(str(path), error, "a SAS transport file, version 5 or 8", "check the file") from None
    for column in schema:
        if column.name not in columns:
            if column.required:
                allowed = "variables " + ", ".join(c.name for c in schema if c.required)
                raise FileReadError(str(path), ", ".join(columns), allowed, f"add {column.name}")
            continue
        is_number = meta.readstat_variable_types[column.name] == "double"
        if is_number != column.number:
            got, allowed = ("numbers", "text") if is_number else ("text", "numbers")
            raise FileReadError(f"{path}, variable {column.name}", got, allowed, "correct its type")
    numeric = {name for name, kind in meta.readstat_variable_types.items() if kind == "double"}
    table = Table.create({name: _plain(values, number=name in numeric) for name, values in columns.items()})
    labels = {name: label or "" for name, label in zip(meta.column_names, meta.column_labels, strict=True)}
    return table, labels


def variables_of(path: Path) -> tuple[str, ...]:
    """Return the names of the variables of a transport file.

    Parameters
    ----------
    path : Path
        ``.xpt``.

    Returns
    -------
    tuple of str

    Raises
    ------
    FileReadError
        The file is not there or is no transport file.
    """
    import pyreadstat  # noqa: PLC0415

    if not path.is_file():
        raise FileReadError(str(path), "no such file", "a transport file", "check the path")
    try:
        _, meta = pyreadstat.read_xport(path, output_format="dict", metadataonly=True)
    except (pyreadstat.ReadstatError, UnicodeDecodeError) as error:
        raise FileReadError(str(path), error, "a SAS transport file, version 5 or 8", "check the file") from None
    return tuple(meta.column_names)


def _plain(values: Sequence[Any], *, number: bool) -> Sequence[Any] | NDArray[Any]:
    """A column as an array of numbers, or texts; a missing value is None as it comes."""
    if number:
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return ["" if value is None else str(value) for value in values]


def numbers_of(values: NDArray[Any]) -> NDArray[np.float64] | None:
    """Return a column as numbers, or None if it is text; variables outside a schema come as text from CSV.

    Parameters
    ----------
    values : (n,) array
        Of a table.

    Returns
    -------
    (n,) array or None
        NaN where missing.
    """
    if values.dtype != object:
        return values.astype(np.float64)
    texts = [text.strip() for text in values.tolist()]
    if not all(text in MISSING or is_number(text) for text in texts):
        return None
    return np.array([np.nan if text in MISSING else float(text) for text in texts])


def write_dataset(dataset: Dataset, path: Path | str) -> Path:
    """Write a data set as a transport file of version 5, or as CSV.

    Parameters
    ----------
    dataset : Dataset
    path : Path or str
        ``.xpt``, or anything else as CSV, which has no labels.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        What version 5 cannot hold: no rows, a name that is not 1 to 8 capitals, digits or underscores, a label over 40
        characters, a text over 200 bytes or not ASCII; or the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".xpt":
        return write_csv(dataset.table, path)
    _check_version_5(dataset, path)
    import pyreadstat  # noqa: PLC0415

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pyreadstat.write_xport(
            dataset.table.to_pandas(),
            path,
            file_label=dataset.label,
            column_labels=[dataset.labels.get(column, "") for column in dataset.table.names],
            table_name=dataset.name,
            file_format_version=5,
            variable_format=dict(dataset.formats) or None,
        )
    except (OSError, pyreadstat.ReadstatError, pyreadstat.PyreadstatError) as error:
        raise OutputError(str(path), error, "a folder that can be written", "choose another --out") from None
    return path


def _check_version_5(dataset: Dataset, path: Path) -> None:
    table = dataset.table
    if not len(table):
        raise OutputError(str(path), "no rows", "a row or more in a transport file", "write CSV, or nothing")
    for one in (dataset.name, *table.names):
        if not _NAME.fullmatch(one):
            allowed = "1 to 8 capitals, digits or underscores, a letter first"
            raise OutputError(f"{path}, variable", one, allowed, "rename it, or write CSV")
    for text in (dataset.label, *dataset.labels.values()):
        if len(text) > _LONGEST_LABEL or not text.isascii():
            raise OutputError(f"{path}, label", text, f"up to {_LONGEST_LABEL} ASCII characters", "shorten it")
    for column in table.names:
        values = table[column]
        for text in set(values.tolist()) if values.dtype == object else ():
            if len(text) > _LONGEST_TEXT or not text.isascii():
                allowed = f"up to {_LONGEST_TEXT} ASCII characters"
                raise OutputError(f"{path}, variable {column}", text[:80], allowed, "shorten it, or write CSV")
