"""Schemas, readers and writers: tidy tables as CSV and Parquet, library files as checked TOML."""

from limus.kernel.tables.csv_file import read_csv, write_csv
from limus.kernel.tables.library import library_folder
from limus.kernel.tables.parquet_file import read_parquet, write_parquet
from limus.kernel.tables.table import Column, Table
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
