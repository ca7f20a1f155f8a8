"""A piece of work as a peer sees it: arrays, and the equations as Python source that a peer rewrites for itself."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Case", "load_case", "load_source", "segments", "write_into"]


@dataclass(frozen=True, eq=False)
class Case:
    """Equations as source of ``f(t, y, p)`` that returns a list; N sets of constants (N, C), initial states (N, S)."""

    path: str
    name: str
    derivatives: str
    jacobian: str
    jacobian_places: list[list[int]]
    doses: list[dict[str, Any]]
    times: np.ndarray
    constants: np.ndarray
    initial: np.ndarray


def load_case(path: str) -> Case:
    arrays = np.load(Path(path).with_suffix(".npz"))
    return Case(path=path, **json.loads(Path(path).with_suffix(".json").read_text(encoding="utf-8")), **arrays)


def write_into(source: str, places: list[str], signature: str) -> str:
    """Rewrite a function that returns a list as one that stores each entry at ``places``."""
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    returned = function.body.pop()
    assert isinstance(returned, ast.Return)
    assert isinstance(returned.value, ast.List)
    lines = [ast.unparse(statement) for statement in function.body]
    lines += [f"{place} = {ast.unparse(e)}" for place, e in zip(places, returned.value.elts, strict=True)]
    return "\n".join([f"def {signature}:", *(f"    {line}" for line in lines)]) + "\n"


def load_source(source: str, name: str, names: dict[str, Any] | None = None) -> Callable[..., Any]:
    namespace = {key: getattr(math, key) for key in ("pow", "exp", "log", "sqrt")} | (names or {})
    exec(source, namespace)
    return namespace[name]


def segments(case: Case) -> list[tuple[np.ndarray, np.ndarray, int, float]]:
    """Cut the output times at the doses: times to integrate over, rows to fill, then the state and amount to add.

    The last time of a segment is the dose's; a row of -1 is not asked for. An output at a dose's time is before it.
    """
    pieces = []
    start = case.times[0]
    stops = [(dose["time"], dose["state"], dose["amount"]) for dose in case.doses if dose["time"] < case.times[-1]]
    for number, (stop, state, amount) in enumerate([*stops, (case.times[-1], 0, 0.0)]):
        if number == 0 and stop <= start and len(stops) > 0:
            pieces.append((np.array([start]), np.array([0]), state, amount))
            continue
        asked = np.flatnonzero((case.times > start) & (case.times <= stop))
        if number == 0:
            asked = np.concatenate(([0], asked))
        times, rows = case.times[asked], asked
        if len(times) == 0 or times[0] != start:
            times, rows = np.concatenate(([start], times)), np.concatenate(([-1], rows))
        if times[-1] != stop:
            times, rows = np.concatenate((times, [stop])), np.concatenate((rows, [-1]))
        pieces.append((times, rows, state, amount))
        start = stop
    return pieces
