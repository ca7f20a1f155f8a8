"""Plates and their wells: formats are text files of the library, wells are names such as ``B7``.

Rows are counted by letters (A to Z, then AA), columns by numbers from 1; inside, both are indices from 0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limus.kernel.errors import UnknownNameError, ValueRangeError
from limus.kernel.tables import Entry, library_folder, read_toml

__all__ = [
    "PlateFormat",
    "find_plate",
    "parse_well",
    "parse_wells",
    "plate_names",
    "row_index",
    "row_letters",
    "well_name",
]

_WELL = re.compile(r"\s*([A-Za-z]{1,2})\s*0*([1-9][0-9]?)\s*")
_LARGEST = Annotated[int, Field(ge=1, le=64)]


class _PlateFile(Entry):
    limus_plate: Literal[1]
    name: str
    label: str
    rows: _LARGEST
    columns: _LARGEST


@dataclass(frozen=True, slots=True)
class PlateFormat:
    """A plate: how many rows and columns of wells.

    Attributes
    ----------
    name : str
        As in the library, such as ``96``.
    label : str
        For people.
    rows, columns : int
    """

    name: str
    label: str
    rows: int
    columns: int

    @property
    def wells(self) -> tuple[str, ...]:
        """Names of all wells, row by row."""
        return tuple(well_name(r, c) for r in range(self.rows) for c in range(self.columns))

    @property
    def edge(self) -> NDArray[np.bool_]:
        """True for the wells of the outer ring, (rows, columns)."""
        ring = np.ones((self.rows, self.columns), dtype=np.bool_)
        ring[1:-1, 1:-1] = False
        return ring

    def holds(self, row: int, column: int) -> bool:
        """Whether the plate has this well (indices from 0)."""
        return 0 <= row < self.rows and 0 <= column < self.columns


def _folder() -> Path:
    return library_folder() / "plates"


def plate_names() -> tuple[str, ...]:
    """Return the names of the plates that the library ships, smallest first.

    Returns
    -------
    tuple of str
    """
    return tuple(sorted((path.stem for path in _folder().glob("*.toml")), key=lambda name: (len(name), name)))


@lru_cache(maxsize=16)
def find_plate(name: str) -> PlateFormat:
    """Find a plate format of the library.

    Parameters
    ----------
    name : str
        Such as ``96``.

    Returns
    -------
    PlateFormat

    Raises
    ------
    UnknownNameError
        The library has no such plate.
    FileReadError
        The library file is wrong.

    Examples
    --------
    >>> find_plate("384").rows
    16
    """
    if name not in plate_names():
        raise UnknownNameError("plate", name, ", ".join(plate_names()), "name a plate of the library")
    file = read_toml(_folder() / f"{name}.toml", _PlateFile)
    return PlateFormat(file.name, file.label, file.rows, file.columns)


def row_letters(row: int) -> str:
    """Return the letters of a row.

    Parameters
    ----------
    row : int
        Index from 0.

    Returns
    -------
    str

    Examples
    --------
    >>> row_letters(0), row_letters(25), row_letters(26)
    ('A', 'Z', 'AA')
    """
    return chr(65 + row) if row < 26 else chr(64 + row // 26) + chr(65 + row % 26)


def row_index(letters: str) -> int:
    """Return the index of a row from its letters; case does not count.

    Parameters
    ----------
    letters : str
        One or two letters.

    Returns
    -------
    int
        From 0.

    Examples
    --------
    >>> row_index("h"), row_index("AF")
    (7, 31)
    """
    value = 0
    for letter in letters.upper():
        value = 26 * value + ord(letter) - 64
    return value - 1


def well_name(row: int, column: int) -> str:
    """Return the name of a well from indices that count from 0.

    Parameters
    ----------
    row, column : int

    Returns
    -------
    str

    Examples
    --------
    >>> well_name(1, 6)
    'B7'
    """
    return f"{row_letters(row)}{column + 1}"


def parse_well(text: str, *, where: str = "well") -> tuple[int, int]:
    """Read the name of a well; ``B7``, ``b07`` and ``B 7`` are the same.

    Parameters
    ----------
    text : str
    where : str
        Named in the error.

    Returns
    -------
    tuple of (int, int)
        Row and column, from 0; whether a plate has the well is for :meth:`PlateFormat.holds`.

    Raises
    ------
    ValueRangeError
        Not letters followed by a number.

    Examples
    --------
    >>> parse_well("b07")
    (1, 6)
    """
    match = _WELL.fullmatch(text)
    if match is None:
        raise ValueRangeError(where, text, "row letters and a column number, such as B7", "correct the well")
    return row_index(match[1]), int(match[2]) - 1


def parse_wells(text: str, *, where: str = "wells") -> tuple[tuple[int, int], ...]:
    """Read wells and ranges of wells: ``A1:B3, C5`` is a rectangle and a well, row by row.

    Parameters
    ----------
    text : str
        Wells and ranges, separated by commas, semicolons or spaces.
    where : str
        Named in the error.

    Returns
    -------
    tuple of (int, int)
        Rows and columns, from 0, in the order written; a well written twice stands twice.

    Raises
    ------
    ValueRangeError
        No well, a part that is not a well, or a range whose end lies before its start.

    Examples
    --------
    >>> [well_name(*well) for well in parse_wells("A1:B2, C5")]
    ['A1', 'A2', 'B1', 'B2', 'C5']
    """
    found: list[tuple[int, int]] = []
    joined = re.sub(r"\s*[:-]\s*", ":", text.replace("\N{EN DASH}", ":"))
    for part in re.split(r"[,;\s]+", joined.strip()):
        first, colon, last = part.partition(":")
        top, left = parse_well(first, where=where)
        bottom, right = parse_well(last, where=where) if colon else (top, left)
        if bottom < top or right < left:
            raise ValueRangeError(where, part, "a range from its upper left to its lower right well", "swap the ends")
        found += [(row, column) for row in range(top, bottom + 1) for column in range(left, right + 1)]
    return tuple(found)
