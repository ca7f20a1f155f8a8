"""A request of drug monitoring as one JSON object, for scripts: the fields of a command, and the patient's rows."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from limus.kernel.errors import FileReadError, InputError, OutputError

__all__ = ["COMMANDS", "json_request"]

COMMANDS = ("forecast", "dose", "evaluate")


@contextmanager
def json_request(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read a request and keep its records as a table while it is served.

    Parameters
    ----------
    path : Path
        One JSON object: ``command`` (forecast, dose or evaluate), the fields of that command's request, and either
        ``files`` or ``records``: the rows of an event table, each an object of columns and numbers; what a row does
        not name is missing.

    Yields
    ------
    tuple of (str, dict)
        The command, and the fields of its request; records stand as a table in the folder for temporary files, under
        a name that follows from their content, readable by nobody else, and are removed in the end.

    Raises
    ------
    FileReadError
        The file cannot be read or is no JSON object.
    InputError
        Another command, or records that are not rows.
    OutputError
        The table cannot be written.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise FileReadError(str(path), error, "one JSON object", "check path and content") from None
    if not isinstance(content, dict):
        raise FileReadError(str(path), type(content).__name__, "one JSON object", "put the fields into { }")
    command = content.pop("command", None)
    if command not in COMMANDS:
        raise InputError(f"{path}, key command", command, ", ".join(COMMANDS), "name the command")
    records = content.pop("records", None)
    if (records is None) == ("files" not in content):
        got = "both" if records is not None else "neither"
        raise InputError(f"{path}, keys files and records", got, "one of the two", "give the rows, or files with them")
    if records is None:
        yield command, content
        return
    table = _kept(_as_csv(records, path))
    try:
        yield command, content | {"files": [str(table)]}
    finally:
        table.unlink(missing_ok=True)


def _as_csv(records: Any, path: Path) -> str:
    if not isinstance(records, Sequence) or not records or not all(isinstance(row, Mapping) for row in records):
        raise InputError(f"{path}, key records", type(records).__name__, "a list of objects, one a row", "correct it")
    names = list(dict.fromkeys(name for row in records for name in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([[_cell(row.get(name)) for name in names] for row in records])
    return text.getvalue()


def _cell(value: Any) -> Any:
    """A value as a table has it: 1.0 and true as 1, nothing as a point."""
    if value is None:
        return "."
    return int(value) if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()) else value


def _kept(text: str) -> Path:
    name = f"limus-records-{hashlib.sha256(text.encode()).hexdigest()[:16]}.csv"
    path = Path(tempfile.gettempdir()) / name
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise OutputError(str(path), error, "a folder that can be written", "set TMPDIR") from None
    return path
