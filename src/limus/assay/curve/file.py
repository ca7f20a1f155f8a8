"""Read dose-response curves from CSV: one row a response, bad rows flagged, bad curves set aside, nothing guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.assay.curve.data import CurveData
from limus.kernel.errors import FileReadError, UnknownNameError
from limus.kernel.tables import Column, Table, read_csv

__all__ = ["COLUMNS", "CurveFile", "RowFlag", "read_curve_file"]

Floats = NDArray[np.float64]

COLUMNS: Mapping[str, str] = {
    "curve": "name of the curve; without this column the file is one curve",
    "dose": "dose or concentration, 0 or above, not a logarithm",
    "response": "a number, or <0.5 or >4 for a response beyond what can be measured",
    "dose_unit": "unit of the dose, one a curve",
    "weight": "inverse variance up to a factor",
    "n": "number of readings that the response is the mean of",
    "se": "standard error of the response",
    "top": "response of the control without drug, one a curve",
    "bottom": "response at full effect, one a curve",
}
REQUIRED = ("dose", "response")
MISSING = {"", "na", "n/a", "nan", "none", "null", "."}
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
# what float() may be given without taking more for a number than is one
_PLAIN = re.compile(r"[0-9eE+. -]*")
_COMMA_NUMBER = re.compile(r"[<>]?\s*[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?")
_SIDES = {"<": -1.0, "\N{LESS-THAN OR EQUAL TO}": -1.0, ">": 1.0, "\N{GREATER-THAN OR EQUAL TO}": 1.0}


@dataclass(frozen=True, slots=True)
class RowFlag:
    """A row that was left out, or for which its curve was set aside.

    Attributes
    ----------
    line : int
        Line of the file.
    curve, column, got, reason : str
    """

    line: int
    curve: str
    column: str
    got: str
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """As a JSON object."""
        return {name: getattr(self, name) for name in ("line", "curve", "column", "got", "reason")}


@dataclass(frozen=True, eq=False)
class CurveFile:
    """What a file holds.

    Attributes
    ----------
    names : tuple of str
        All curves in the order of the file.
    data : CurveData
        The curves that can be fitted; weights of the column that was asked for.
    units : mapping of str to str
        Unit of the dose by curve; empty where none is given.
    controls : mapping of str to (float, float)
        Top and bottom by curve, where the columns are there.
    set_aside : mapping of str to str
        Curves that cannot be fitted, with the reason.
    flags : tuple of RowFlag
    ignored : tuple of str
        Columns that were not used.
    """

    names: tuple[str, ...]
    data: CurveData | None
    units: Mapping[str, str]
    controls: Mapping[str, tuple[float, float]]
    set_aside: Mapping[str, str]
    flags: tuple[RowFlag, ...]
    ignored: tuple[str, ...]


def read_curve_file(
    path: Path,
    *,
    columns: Mapping[str, str] | None = None,
    decimal: str = "point",
    unit: str = "",
    weights: str = "",
) -> CurveFile:
    """Read a file of curves.

    Parameters
    ----------
    path : Path
        CSV with a header; separated by commas, semicolons or tabs.
    columns : mapping of str to str, optional
        Names of :data:`COLUMNS` to the headers that stand for them in this file.
    decimal : str
        ``point`` or ``comma``.
    unit : str
        Unit of the doses where the file has no column for it.
    weights : str
        Column that weights are made from: ``weight``, ``n`` or ``se`` (then ``1 / se**2``); empty for none.

    Returns
    -------
    CurveFile

    Raises
    ------
    FileReadError
        The file cannot be read, has no rows, lacks a column or has it twice, or its numbers have decimal commas.
    UnknownNameError
        A column asked for that is not known.
    """
    table, ignored = _read_table(path, dict(columns or {}), decimal, weights)
    if not len(table):
        raise FileReadError(str(path), "a header without rows", "one row a response", "check the file")
    labels = table["curve"] if "curve" in table.columns else np.full(len(table), path.stem, dtype=object)
    curves = _Curves.create(labels)
    names, aside = curves.names, dict[str, str]()
    flags: list[RowFlag] = []
    wanted = ("dose", "response", *([weights] if weights else []))
    parsed = {name: _numbers(table, name, curves, decimal, flags, path) for name in wanted}
    units = _units(table, curves, unit, aside)
    controls = _controls(table, curves, decimal, aside, path)
    dose, (response, side) = parsed["dose"][0], parsed["response"]
    _set_aside_bad_doses(table, curves, dose, flags, aside)
    weight = _weights(parsed[weights][0], weights, table, curves, flags) if weights else np.ones(len(table))
    allowed = np.array([name not in aside for name in names], dtype=np.bool_)
    good = np.isfinite(dose) & np.isfinite(response) & np.isfinite(weight) & allowed[curves.places]
    filled = np.bincount(curves.places[good], minlength=len(names)) > 0
    for place in np.flatnonzero(allowed & ~filled):
        aside[names[place]] = "no row with dose and response"
    kept = np.flatnonzero(allowed & filled)
    data = _gather(curves, kept, good, dose, response, weight, side) if len(kept) else None
    return CurveFile(names, data, units, controls, aside, tuple(sorted(flags, key=lambda f: f.line)), ignored)


@dataclass(frozen=True, eq=False)
class _Curves:
    """The curves of a file and which of them each row belongs to."""

    names: tuple[str, ...]
    places: NDArray[np.intp]

    @classmethod
    def create(cls, labels: NDArray[Any]) -> _Curves:
        place: dict[str, int] = {}
        places = np.array([place.setdefault(str(label), len(place)) for label in labels], dtype=np.intp)
        return cls(tuple(place), places)

    def name(self, row: int) -> str:
        return self.names[self.places[row]]


def _read_table(path: Path, columns: dict[str, str], decimal: str, weights: str) -> tuple[Table, tuple[str, ...]]:
    for name in columns:
        if name not in COLUMNS:
            raise UnknownNameError("column", name, ", ".join(COLUMNS), "use --column NAME=HEADER with one of these")
    if decimal not in {"point", "comma"}:
        raise UnknownNameError("decimal", decimal, "point, comma", "use one of these")
    separator = _separator(path)
    needed = [*REQUIRED, *([weights] if weights else []), *(["curve"] if "curve" in columns else [])]
    # a header that stands for something else is not what it is called
    headers = {name: name for name in COLUMNS if name not in columns and name not in columns.values()}
    headers |= {header: name for name, header in columns.items()}
    schema = [
        Column(header, required=name in needed, blank=True, meaning=COLUMNS[name]) for header, name in headers.items()
    ]
    table = read_csv(path, schema, other_columns=True, separator=separator, line_numbers="line")
    known = {headers[name]: table[name] for name in table.names if name in headers}
    ignored = tuple(name for name in table.names if name not in headers and name != "line")
    return Table.create(known | {"line": table["line"]}), ignored


def _separator(path: Path) -> str:
    """The separator of the header line: a tab or semicolon if it has one, else a comma."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            lines = (line for line in file if line.strip() and not line.startswith("#"))
            head = next(lines, "")
    except OSError as error:
        raise FileReadError(str(path), error, "a readable UTF-8 CSV file", "check the path") from None
    return next((mark for mark in ("\t", ";") if mark in head), ",")


def _numbers(
    table: Table, name: str, curves: _Curves, decimal: str, flags: list[RowFlag], path: Path
) -> tuple[Floats, Floats]:
    """Numbers of a column and on which side of them the true value lies; what is none is NaN and flagged."""
    texts = table[name]
    plain = None
    if decimal == "point" and _PLAIN.fullmatch(" ".join(map(str, texts))):
        try:
            plain = np.array(texts, dtype=np.float64)
        except ValueError:
            plain = None
    if plain is not None and np.isfinite(plain).all():
        return plain, np.zeros(len(texts))
    values, sides = np.full(len(texts), np.nan), np.zeros(len(texts))
    for row, text in enumerate(map(str, texts)):
        where = f"{path}, line {table['line'][row]:.0f}, column {name}"
        if decimal == "point" and _COMMA_NUMBER.fullmatch(text):
            raise FileReadError(where, text, "a number with a decimal point", "give --decimal comma, or write points")
        side = _SIDES.get(text[:1], 0.0) if name == "response" else 0.0
        body = text[1:].strip() if side else text
        body = body.replace(",", ".") if decimal == "comma" and "." not in body else body
        if _NUMBER.fullmatch(body) and np.isfinite(float(body)):
            values[row], sides[row] = float(body), side
        else:
            reason = "missing, left out" if text.casefold() in MISSING else "not a number, left out"
            flags.append(RowFlag(int(table["line"][row]), curves.name(int(row)), name, text, reason))
    return values, sides


def _units(table: Table, curves: _Curves, unit: str, aside: dict[str, str]) -> dict[str, str]:
    if "dose_unit" not in table.columns:
        return dict.fromkeys(curves.names, unit)
    found: list[set[str]] = [set() for _ in curves.names]
    for place, text in zip(curves.places, table["dose_unit"], strict=True):
        found[place].add(str(text))
    for name, own in zip(curves.names, found, strict=True):
        listed = ", ".join(sorted(own - {""}))
        if len(own) > 1:
            missing = f"dose unit missing in some rows (others: {listed})"
            aside[name] = missing if "" in own else f"mixed dose units: {listed}"
    pairs = zip(curves.names, found, strict=True)
    return {name: next(iter(own)) or unit if len(own) == 1 else "" for name, own in pairs}


def _controls(
    table: Table, curves: _Curves, decimal: str, aside: dict[str, str], path: Path
) -> dict[str, tuple[float, float]]:
    present = [name for name in ("top", "bottom") if name in table.columns]
    if not present:
        return {}
    if len(present) == 1:
        raise FileReadError(f"{path}, header", present[0], "both top and bottom, or neither", "add the other column")
    ends = []
    for name in present:
        values = _numbers(table, name, curves, decimal, [], path)[0]
        low, high = np.full(len(curves.names), np.inf), np.full(len(curves.names), -np.inf)
        np.minimum.at(low, curves.places, values)
        np.maximum.at(high, curves.places, values)
        ends.append(np.where(low == high, low, np.nan))
    found = {}
    for name, top, bottom in zip(curves.names, *ends, strict=True):
        if np.isfinite(top) and np.isfinite(bottom) and top != bottom:
            found[name] = (float(top), float(bottom))
        else:
            aside.setdefault(name, "top and bottom must be two numbers, the same in every row of a curve")
    return found


def _set_aside_bad_doses(
    table: Table, curves: _Curves, dose: Floats, flags: list[RowFlag], aside: dict[str, str]
) -> None:
    for row in np.flatnonzero(dose < 0):
        reason = "negative dose, curve not fitted; doses are not logarithms"
        flags.append(RowFlag(int(table["line"][row]), curves.name(int(row)), "dose", f"{dose[row]:g}", reason))
        aside.setdefault(curves.name(int(row)), "negative dose; doses are wanted, not their logarithms")


def _weights(values: Floats, kind: str, table: Table, curves: _Curves, flags: list[RowFlag]) -> Floats:
    bad = ~(values > 0)
    for row in np.flatnonzero(bad & np.isfinite(values)):
        line = int(table["line"][row])
        flags.append(RowFlag(line, curves.name(int(row)), kind, f"{values[row]:g}", "not positive, left out"))
    safe = np.where(bad, np.nan, values)
    return 1 / safe**2 if kind == "se" else safe


def _gather(
    curves: _Curves,
    kept: NDArray[np.intp],
    good: NDArray[np.bool_],
    dose: Floats,
    response: Floats,
    weight: Floats,
    side: Floats,
) -> CurveData:
    number = np.full(len(curves.names), -1)
    number[kept] = np.arange(len(kept))
    rows = np.flatnonzero(good)
    curve = number[curves.places[rows]]
    order = np.argsort(curve, kind="stable")
    rows, curve = rows[order], curve[order]
    counts = np.bincount(curve, minlength=len(kept))
    position = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)

    def spread(values: Floats, filling: float) -> Floats:
        matrix = np.full((len(kept), int(counts.max())), filling)
        matrix[curve, position] = values[rows]
        return matrix

    return CurveData.create(
        spread(dose, 0.0),
        spread(response, np.nan),
        names=[curves.names[place] for place in kept],
        weights=spread(weight, 0.0),
        censoring=spread(side, 0.0),
    )
