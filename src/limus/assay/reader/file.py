"""What a plate reader exported: every plate in a file, as arrays, with what could not be read said by well."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from limus.assay.plate.format import PlateFormat, well_name
from limus.assay.reader.blocks import find_blocks
from limus.assay.reader.cells import Cell, CellState, Sheet, read_cell
from limus.assay.reader.labels import find_time_h, find_wavelength_nm
from limus.assay.reader.lists import find_list
from limus.assay.reader.source import SEPARATORS, is_workbook, read_text, read_workbook, split_text
from limus.kernel.errors import FileReadError

__all__ = ["PlateFile", "PlateReading", "choose_reading", "read_plate_file"]


@dataclass(frozen=True, eq=False)
class PlateReading:
    """One reading of one plate.

    Attributes
    ----------
    label : str
        What the file says of it.
    sheet : str
        Sheet of the workbook; empty for a text file.
    wavelength_nm, time_h : float
        NaN where the file does not say.
    values : (rows, columns) numpy.ndarray
        In the unit of the reader; NaN where there is no number; read-only.
    states : (rows, columns) numpy.ndarray
        A :class:`~limus.assay.reader.cells.CellState` for each well; read-only.
    unreadable : tuple of (str, str)
        Wells whose cell nobody can read, and what stands there.
    """

    label: str
    sheet: str
    wavelength_nm: float
    time_h: float
    values: NDArray[np.float64]
    states: NDArray[np.object_]
    unreadable: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """Label, wavelength and time, as far as known."""
        parts = [f"sheet {self.sheet}" if self.sheet else "", self.label]
        parts += [f"{self.wavelength_nm:g} nm"] if math.isfinite(self.wavelength_nm) else []
        parts += [f"{60 * self.time_h:g} min"] if math.isfinite(self.time_h) else []
        return ", ".join(part for part in parts if part) or "without a label"


@dataclass(frozen=True, eq=False)
class PlateFile:
    """A file and the plates in it.

    Attributes
    ----------
    path : Path
    sha256 : str
        Of the bytes, hexadecimal.
    plate : PlateFormat
    readings : tuple of PlateReading
    """

    path: Path
    sha256: str
    plate: PlateFormat
    readings: tuple[PlateReading, ...]


def read_plate_file(path: Path, plate: PlateFormat, *, decimal: str = ".") -> PlateFile:
    """Read every plate of an exported file: matrix or list, CSV, TSV, .xls or .xlsx, by its content.

    Parameters
    ----------
    path : Path
    plate : PlateFormat
        The plate that the layout names.
    decimal : str
        Decimal sign of texts, ``.`` or ``,``.

    Returns
    -------
    PlateFile

    Raises
    ------
    FileReadError
        Unreadable, encrypted, with macros, empty, merged cells in a plate, another decimal sign, another plate, or no
        plate at all; the message says where and what to do.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileReadError(str(path), error, "a file that can be read", "check the path") from None
    readings: tuple[PlateReading, ...] = ()
    if is_workbook(content):
        for sheet in read_workbook(content, str(path)):
            readings += _read_sheet(sheet, plate, str(path), decimal)
    else:
        text = read_text(content, str(path))
        for separator in SEPARATORS:
            readings = _read_sheet(split_text(text, separator), plate, str(path), decimal)
            if readings:
                break
    if not readings:
        raise FileReadError(
            str(path),
            "no plate",
            f"a {plate.label} as rows with letters under column numbers, or a list with a column Well",
            "export the plate in one of these forms, or name the right plate in the layout",
        )
    return PlateFile(path, hashlib.sha256(content).hexdigest(), plate, readings)


def choose_reading(
    file: PlateFile,
    *,
    wavelength_nm: float | None = None,
    time_h: float | None = None,
    label: str | None = None,
    number: int | None = None,
    where: str = "reading",
) -> PlateReading:
    """Choose the one reading that is meant.

    Parameters
    ----------
    file : PlateFile
    wavelength_nm, time_h : float, optional
        As the file names them.
    label : str, optional
        The label or the sheet's name, or a part of them.
    number : int, optional
        The how-manieth of those that are left, from 1.
    where : str
        Named in the error.

    Returns
    -------
    PlateReading

    Raises
    ------
    FileReadError
        None or several readings are left; nothing is chosen silently.
    """
    left = list(file.readings)
    if wavelength_nm is not None:
        left = [r for r in left if r.wavelength_nm == wavelength_nm] or _unnamed(left)
    if time_h is not None:
        left = [r for r in left if math.isclose(r.time_h, time_h, rel_tol=1e-6)]
    if label is not None:
        exact = [r for r in left if label.casefold() in (r.sheet.casefold(), r.label.casefold())]
        left = exact or [r for r in left if label.casefold() in f"{r.sheet} {r.label}".casefold()]
    if number is not None:
        left = left[number - 1 : number]
    if len(left) != 1:
        wanted = {"wavelength_nm": wavelength_nm, "time_h": time_h, "label": label, "number": number}
        asked = ", ".join(f"{name} = {value}" for name, value in wanted.items() if value is not None) or "no choice"
        found = "; ".join(r.name for r in (left or file.readings))
        raise FileReadError(
            f"{file.path}, {where}",
            f"{len(left)} readings for {asked}",
            f"one of: {found}",
            "choose by wavelength_nm, time_h, label or number under [reader] of the layout",
        )
    return left[0]


def _unnamed(readings: list[PlateReading]) -> list[PlateReading]:
    """A single reading that names no wavelength is taken to be the one asked for."""
    return readings if len(readings) == 1 and math.isnan(readings[0].wavelength_nm) else []


def _read_sheet(sheet: Sheet, plate: PlateFormat, path: str, decimal: str) -> tuple[PlateReading, ...]:
    readings = []
    for block in find_blocks(sheet, plate, path):
        label = block.words[0] if block.words else ""
        about = (label, find_wavelength_nm(block.words, block.place), find_time_h(block.words))
        readings.append(_reading(block.cells, plate, sheet, about, path, decimal))
    if not readings:
        readings = [
            _reading(one.cells, plate, sheet, (one.label, one.wavelength_nm, one.time_h), path, decimal)
            for one in find_list(sheet, plate, path)
        ]
    # maps of samples are drawn like plates, but hold no signal
    signals = {CellState.READ, CellState.SATURATED}
    return tuple(reading for reading in readings if signals & set(reading.states.flat))


def _reading(
    cells: Sequence[tuple[int, int, Cell, str]],
    plate: PlateFormat,
    sheet: Sheet,
    about: tuple[str, float, float],
    path: str,
    decimal: str,
) -> PlateReading:
    values = np.full((plate.rows, plate.columns), np.nan)
    states = np.full((plate.rows, plate.columns), CellState.MISSING, dtype=object)
    unreadable = []
    for row, column, cell, place in cells:
        well = well_name(row, column)
        where = f"{path}, {f'sheet {sheet.name}, ' if sheet.name else ''}cell {place} (well {well})"
        read = read_cell(cell, decimal=decimal, where=where)
        values[row, column], states[row, column] = read.value, read.state
        if read.state is CellState.UNREADABLE:
            unreadable.append((well, str(cell)[:40]))
    values.flags.writeable = states.flags.writeable = False
    label, wavelength_nm, time_h = about
    return PlateReading(label, sheet.name, wavelength_nm, time_h, values, states, tuple(unreadable))
