"""Schemas, readers and writers: tidy tables as CSV and Parquet, library files as checked TOML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from limus.kernel.tables.csv_file import read_csv, write_csv
from limus.kernel.tables.library import library_folder
from limus.kernel.tables.parquet_file import read_parquet, write_parquet
from limus.kernel.tables.table import Column, Table

if TYPE_CHECKING:
    from limus.kernel.tables.toml_file import Entry, parse_record, read_toml

__all__ = [
    "Column",
    "Entry",
    "Table",
    "library_folder",
    "parse_record",
    "read_csv",
    "read_parquet",
    "read_toml",
    "write_csv",
    "write_parquet",
]


def __getattr__(name: str) -> Any:
    """Load what needs pydantic when it is first used: importing it costs as much as solving a model ten times."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from limus.kernel.tables import toml_file  # noqa: PLC0415

    return getattr(toml_file, name)
