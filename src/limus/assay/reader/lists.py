"""Plates written as lists: a column of wells, and one column of values or several (wavelengths, times, labels)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from limus.assay.plate.format import PlateFormat, parse_well, well_name
from limus.assay.reader.cells import Cell, Sheet, cell_text, spreadsheet_place, whole_number
from limus.assay.reader.labels import find_time_h, find_wavelength_nm, time_factor_h
from limus.kernel.errors import FileReadError, ValueRangeError

__all__ = ["Listed", "find_list"]

_WELL = {"well", "wells", "well id", "well position", "well name", "well no.", "position", "pos"}
_ROW, _COLUMN = {"row", "well row"}, {"column", "col", "well col", "well column"}
_WAVELENGTH = re.compile(r"wavelength\s*[\[(_ ]*(nm)?[\])]*")
_TIME = re.compile(r"(?:time|cycle time)\s*[\[(_ ]*(ms|s|sec|min|h|hr)[\])]*")
_VALUE = {"value", "od", "absorbance", "abs", "signal", "raw", "raw data", "measurement", "data", "result", "reading"}


@dataclass(frozen=True, slots=True)
class Listed:
    """Values of one plate from a list.

    Attributes
    ----------
    cells : tuple of (int, int, str or float, str)
        Row and column of the plate from 0, what the cell holds, and its place in the sheet.
    label : str
        Head of the column of values.
    wavelength_nm, time_h : float
        NaN where the list does not say.
    """

    cells: tuple[tuple[int, int, Cell, str], ...]
    label: str
    wavelength_nm: float
    time_h: float


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where in a list stands what."""

    well: int | None
    row: int | None
    column: int | None
    wavelength: int | None
    time: int | None
    time_unit: str
    values: tuple[int, ...]


def find_list(sheet: Sheet, plate: PlateFormat, where: str) -> tuple[Listed, ...]:
    """Find a list of wells in a sheet.

    Parameters
    ----------
    sheet : Sheet
    plate : PlateFormat
    where : str
        The file, named in errors.

    Returns
    -------
    tuple of Listed
        One for each column of values, or for each wavelength and time where columns say so; empty where there is no
        list.

    Raises
    ------
    FileReadError
        A well that the plate does not have or that stands twice for one wavelength and time, or a list without values.
    """
    where = f"{where}, sheet {sheet.name}" if sheet.name else where
    for at, cells in enumerate(sheet.cells):
        columns = _read_head(cells)
        if columns is None:
            continue
        if not columns.values:
            head = ", ".join(cell_text(cell) for cell in cells)
            raise FileReadError(f"{where}, line {at + 1}", head, "a column of values beside the wells", "export it too")
        return _collect(sheet, at, columns, plate, where)
    return ()


def _read_head(cells: Sequence[Cell]) -> _Columns | None:
    names = [cell_text(cell).casefold() for cell in cells]

    def first(known: set[str]) -> int | None:
        return next((i for i, name in enumerate(names) if name in known), None)

    well, row, column = first(_WELL), first(_ROW), first(_COLUMN)
    if well is None and (row is None or column is None):
        return None
    wavelength = next((i for i, name in enumerate(names) if _WAVELENGTH.fullmatch(name)), None)
    times = [(i, match[1]) for i, name in enumerate(names) if (match := _TIME.fullmatch(name)) is not None]
    time, unit = times[0] if times else (None, "")
    tidy = [i for i, name in enumerate(names) if name in _VALUE]
    taken = {well, row, column, wavelength, time}
    others = [i for i, name in enumerate(names) if name and i not in taken]
    values = tidy if tidy and (wavelength is not None or time is not None) else others
    return _Columns(well, row, column, wavelength, time, unit, tuple(values))


def _collect(sheet: Sheet, at: int, columns: _Columns, plate: PlateFormat, where: str) -> tuple[Listed, ...]:
    head = sheet.cells[at]
    found: dict[tuple[int, float, float], dict[tuple[int, int], tuple[Cell, str]]] = {}
    for line, cells in enumerate(sheet.cells[at + 1 :], start=at + 1):
        place = f"{where}, line {line + 1}"
        well = _read_well(cells, columns, plate, place)
        if well is None:
            if not any(cell_text(cell) for cell in cells):
                continue
            break
        for column in columns.values:
            value = cells[column] if column < len(cells) else ""
            key = (column, _number(cells, columns.wavelength), _time(cells, columns))
            plates = found.setdefault(key, {})
            if well in plates:
                raise FileReadError(place, f"{well_name(*well)} again", "each well once", "remove the doubled line")
            plates[well] = (value, spreadsheet_place(line, column))
    listed = []
    for (column, wavelength, time), plate_cells in found.items():
        label = cell_text(head[column])
        numbers = any(isinstance(c, float) or any(map(str.isdigit, c)) for c, _ in plate_cells.values())
        if not numbers:  # names of samples and the like
            continue
        listed.append(
            Listed(
                tuple((*well, cell, where_cell) for well, (cell, where_cell) in plate_cells.items()),
                label,
                find_wavelength_nm([label]) if math.isnan(wavelength) else wavelength,
                find_time_h([label]) if math.isnan(time) else time,
            )
        )
    return tuple(listed)


def _read_well(cells: Sequence[Cell], columns: _Columns, plate: PlateFormat, where: str) -> tuple[int, int] | None:
    """The well of a line; None where the list has ended."""
    if columns.well is not None:
        text = cell_text(cells[columns.well]) if columns.well < len(cells) else ""
    else:
        parts = [cell_text(cells[i]) for i in (columns.row, columns.column) if i is not None and i < len(cells)]
        text = "".join(parts)
        if len(parts) == 2 and parts[0].isdigit() and parts[1].isdigit():
            raise FileReadError(
                where, f"row {parts[0]}", "row letters", "export row letters; 1 may be row A or column 1"
            )
    try:
        row, column = parse_well(text)
    except ValueRangeError:
        return None
    if not plate.holds(row, column):
        raise FileReadError(where, text, f"wells of a {plate.label}", "name the right plate in the layout")
    return row, column


def _number(cells: Sequence[Cell], at: int | None) -> float:
    if at is None or at >= len(cells):
        return math.nan
    number = whole_number(cells[at])
    return math.nan if number is None else float(number)


def _time(cells: Sequence[Cell], columns: _Columns) -> float:
    if columns.time is None or columns.time >= len(cells):
        return math.nan
    cell = cells[columns.time]
    try:
        return float(cell) * time_factor_h(columns.time_unit)
    except ValueError:
        return math.nan
