"""One cell of an exported file: a number, a word that a reader writes in place of one, or neither."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Literal

from limus.kernel.errors import FileReadError
from limus.kernel.tables import Entry, library_folder, read_toml

__all__ = ["Cell", "CellState", "ReadCell", "Sheet", "cell_text", "read_cell", "spreadsheet_place", "whole_number"]

Cell = str | float
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?")
_ABOVE = re.compile(r">\s*=?\s*[0-9.]+")
_BELOW = re.compile(r"<\s*=?\s*[0-9.]+")


class CellState(StrEnum):
    """What a cell holds: a number (``read``), nothing (``missing``), a word for a signal beyond the reader's range
    (``saturated`` or ``below``), or what nobody can read (``unreadable``)."""  # noqa: D205, D209

    READ = "read"
    MISSING = "missing"
    SATURATED = "saturated"
    BELOW = "below"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class ReadCell:
    """A cell as a number; NaN unless the state is ``read``."""

    value: float
    state: CellState


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of a workbook, or a whole text file, as rows of cells.

    Attributes
    ----------
    name : str
        Empty for a text file.
    cells : tuple of tuple
        Text or float; rows may differ in length.
    merged : tuple of ((int, int), (int, int))
        Merged areas, first and last (row, column), from 0.
    """

    name: str
    cells: tuple[tuple[Cell, ...], ...]
    merged: tuple[tuple[tuple[int, int], tuple[int, int]], ...] = ()


class _Words(Entry):
    limus_reader_words: Literal[1]
    saturated: list[str]
    missing: list[str]
    below: list[str]


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.strip(" \t*.")).upper()


@lru_cache(maxsize=1)
def _words() -> dict[str, CellState]:
    file = read_toml(library_folder() / "constants" / "reader_words.toml", _Words)
    lists = ((file.saturated, CellState.SATURATED), (file.missing, CellState.MISSING), (file.below, CellState.BELOW))
    return {_plain(word): state for words, state in lists for word in words}


def cell_text(cell: Cell) -> str:
    """Return a cell as text without spaces around it; a whole number without a decimal point.

    Parameters
    ----------
    cell : str or float

    Returns
    -------
    str
    """
    if isinstance(cell, float):
        return f"{cell:.0f}" if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    return cell.strip()


def whole_number(cell: Cell) -> int | None:
    """Return the whole number of a cell, such as the number of a column; None where it is not one.

    Parameters
    ----------
    cell : str or float

    Returns
    -------
    int or None
    """
    text = cell_text(cell)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def read_cell(cell: Cell, *, decimal: str = ".", where: str = "cell") -> ReadCell:
    """Read a cell as a number, or as one of the reader's words of ``library/constants/reader_words.toml``.

    Parameters
    ----------
    cell : str or float
    decimal : str
        The decimal sign of the file, ``.`` or ``,``.
    where : str
        File, sheet and well, named in the error.

    Returns
    -------
    ReadCell

    Raises
    ------
    FileReadError
        A decimal comma where a point was expected, or the other way round: 1,234 may be one or a thousand, so nothing
        is guessed.

    Examples
    --------
    >>> read_cell(" 0.512 ").value, read_cell("OVRFLW").state.value, read_cell("0,512", decimal=",").value
    (0.512, 'saturated', 0.512)
    """
    if isinstance(cell, float):
        return ReadCell(cell, CellState.READ) if math.isfinite(cell) else ReadCell(math.nan, CellState.MISSING)
    text = cell.strip()
    if decimal == "." and _COMMA.fullmatch(text):
        raise FileReadError(
            where,
            text,
            "a decimal point",
            'export with a decimal point, or put decimal = "," under [reader] of the layout',
        )
    if decimal == "," and re.fullmatch(r"[+-]?[0-9]*\.[0-9]+", text):
        raise FileReadError(where, text, "a decimal comma, as the layout says", 'take decimal = "," out of [reader]')
    number = text.replace(",", ".") if decimal == "," else text
    if _NUMBER.fullmatch(number):
        return ReadCell(float(number), CellState.READ)
    word = _words().get(_plain(text))
    if word is not None:
        return ReadCell(math.nan, word)
    if _ABOVE.fullmatch(number):
        return ReadCell(math.nan, CellState.SATURATED)
    return ReadCell(math.nan, CellState.BELOW if _BELOW.fullmatch(number) else CellState.UNREADABLE)


def spreadsheet_place(row: int, column: int) -> str:
    """Return the name of a place in a sheet, as spreadsheets write it.

    Parameters
    ----------
    row, column : int
        From 0.

    Returns
    -------
    str

    Examples
    --------
    >>> spreadsheet_place(8, 27)
    'AB9'
    """
    letters, rest = "", column
    while rest >= 0:
        letters = chr(65 + rest % 26) + letters
        rest = rest // 26 - 1
    return f"{letters}{row + 1}"
