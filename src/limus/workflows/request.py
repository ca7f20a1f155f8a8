"""What every workflow's request and result have in common."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict

from limus.kernel.execution import Execution, RunDirectory
from limus.kernel.provenance import stamp_run
from limus.kernel.tables import library_folder

__all__ = ["Request", "Result", "json_value", "keep_result", "load_workflow", "open_run"]


class Request(BaseModel):
    """Base of every request: frozen, no unknown keys; values are checked when it is made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def as_dict(self) -> dict[str, Any]:
        """The request for ``run.toml``; what was not given is left out."""
        return self.model_dump(exclude_none=True, mode="json")


def load_workflow(name: str) -> tuple[ModuleType, type[Request]]:
    """Import a workflow and its request: ``convert`` is ``convert.py`` and has ``ConvertRequest``.

    A command of a group may stand in the group's folder: ``assay_curve`` is ``assay/curve.py`` and has
    ``AssayCurveRequest``.

    Parameters
    ----------
    name : str
        Command, its group before it.

    Returns
    -------
    tuple of (module, type)
    """
    flat = f"limus.workflows.{name}"
    module = import_module(flat if find_spec(flat) else f"limus.workflows.{name.replace('_', '.', 1)}")
    return module, getattr(module, "".join(part.capitalize() for part in name.split("_")) + "Request")


class Result(Protocol):
    """What a workflow returns."""

    def as_dict(self) -> dict[str, Any]:
        """The result as a JSON object, in the keys of the command contract."""


def open_run(
    out: Path, command: str, request: Mapping[str, Any], execution: Execution, inputs: Iterable[Path] = ()
) -> RunDirectory:
    """Open the run directory of a request.

    Parameters
    ----------
    out : Path
        The folder.
    command : str
        Name of the workflow.
    request : mapping
        The resolved request.
    execution : Execution
        Its seed is stamped, its ``overwrite`` obeyed.
    inputs : iterable of Path
        Files of the user and of the library that decide the result; their hashes are stamped.

    Returns
    -------
    RunDirectory

    Raises
    ------
    OutputError
        The folder cannot be written, or holds something else.
    """
    stamp = stamp_run(execution.seed, inputs, root=library_folder())
    return RunDirectory.open(out, command=command, request=request, stamp=stamp, overwrite=execution.overwrite)


def keep_result(result: Result, out: Path | None, command: str, request: Request, execution: Execution | None) -> None:
    """Keep a short result as ``result.json`` in a run directory; does nothing without one.

    Parameters
    ----------
    result : Result
    out : Path, optional
        The folder.
    command : str
        Name of the workflow.
    request : Request
    execution : Execution, optional

    Raises
    ------
    OutputError
        The folder cannot be written, or holds something else.
    """
    if out is not None:
        directory = open_run(out, command, request.as_dict(), execution or Execution())
        text = json.dumps(json_value(result.as_dict()), indent=1)
        (directory.path / "result.json").write_text(f"{text}\n", encoding="utf-8")


def json_value(value: Any) -> Any:
    """Turn a value into what JSON holds: NaN and infinity become None, arrays lists, enumerations their text.

    Parameters
    ----------
    value
        Any result.

    Returns
    -------
    object
        Representable in JSON.
    """
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return json_value(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [json_value(item) for item in value]
    if isinstance(value, np.generic):
        return json_value(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bool | int | str) or value is None:
        return value
    return str(value)
