"""TOML files with a pydantic schema; an error names file and key, what came and what is allowed."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from limus.kernel.errors import FileReadError, InputError

__all__ = ["Entry", "parse_record", "read_toml"]


class Entry(BaseModel):
    """Base of every record that is read from text: strict, frozen, no unknown keys."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Schema = TypeVar("Schema", bound=BaseModel)


def read_toml(path: Path, schema: type[Schema]) -> Schema:
    """Read a TOML file that must follow a schema.

    Parameters
    ----------
    path : Path
        The file.
    schema : type
        A pydantic model, usually derived from :class:`Entry`.

    Returns
    -------
    schema
        The checked content.

    Raises
    ------
    FileReadError
        Unreadable, not TOML, or a key that is missing, unknown or wrong.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FileReadError(str(path), error, "a readable UTF-8 TOML file", "correct the file") from None
    return parse_record(content, schema, where=str(path), error=FileReadError)


def parse_record(content: Any, schema: type[Schema], *, where: str, error: type[InputError] = InputError) -> Schema:
    """Check a record against a schema.

    Parameters
    ----------
    content : mapping
        What was read.
    schema : type
        A pydantic model.
    where : str
        File or request, named in the error.
    error : type
        Class of the error to raise.

    Returns
    -------
    schema

    Raises
    ------
    InputError
        The first thing that is wrong, and how many more there are.
    """
    try:
        return schema.model_validate(content)
    except ValidationError as problem:
        first, *others = problem.errors()
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
        more = f" ({len(others)} more errors)" if others else ""
        got = "nothing" if first["type"] == "missing" else _brief(first["input"])
        raise error(f"{where}, key {key or '(all)'}{more}", got, _allowed(first), "correct the key") from None


def _allowed(problem: Any) -> str:
    if problem["type"] == "missing":
        return "a value for this key"
    if problem["type"] == "extra_forbidden":
        return "only keys that the schema knows"
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    return str(problem.get("ctx", {}).get("expected") or problem["msg"])


def _brief(value: object) -> str:
    text = repr(value) if not isinstance(value, str) else value
    return text if len(text) <= 80 else f"{text[:77]}..."
