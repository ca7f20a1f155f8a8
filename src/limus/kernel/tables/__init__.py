"""Schemas, readers and writers: tidy tables as CSV and Parquet, library files as checked TOML."""

from limus.kernel.tables.table import Column, Table, read_csv, read_parquet, write_csv, write_parquet
from limus.kernel.tables.toml_file import Entry, parse_record, read_toml

__all__ = [
    "Column",
    "Entry",
    "Table",
    "parse_record",
    "read_csv",
    "read_parquet",
    "read_toml",
    "write_csv",
    "write_parquet",
]
