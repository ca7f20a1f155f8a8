"""Plates drawn as plates: a row of column numbers over rows with letters, anywhere in a sheet and several times.

Understood are what common readers export: lines of settings above, the plate at any place, several plates below or
beside each other, a label behind the last column, several lines for a letter (one for each wavelength), and plates
without letters (all rows must then be there).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from limus.assay.plate.format import PlateFormat, row_index
from limus.assay.reader.cells import Cell, Sheet, cell_text, spreadsheet_place, whole_number
from limus.kernel.errors import FileReadError

__all__ = ["Block", "find_blocks"]

_WORDS_ABOVE = 30


@dataclass(frozen=True, slots=True)
class Block:
    """One plate found in a sheet.

    Attributes
    ----------
    cells : tuple of (int, int, str or float, str)
        Row and column of the plate from 0, what the cell holds, and its place in the sheet.
    words : tuple of str
        Texts that label it: beside the plate, then above it, nearest first.
    place : tuple of (int, int)
        The how-manieth of how many plates side by side, from 0.
    """

    cells: tuple[tuple[int, int, Cell, str], ...]
    words: tuple[str, ...]
    place: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Head:
    """A row of column numbers: where it stands and which columns it names."""

    row: int
    left: int
    first: int
    last: int

    @property
    def right(self) -> int:
        """Place of the last column number."""
        return self.left + self.last - self.first


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of values: its place, the row of the plate, and the how-manieth line of that row it is."""

    place: int
    row: int
    repeat: int


def find_blocks(sheet: Sheet, plate: PlateFormat, where: str) -> tuple[Block, ...]:
    """Find every plate that is drawn in a sheet.

    Parameters
    ----------
    sheet : Sheet
    plate : PlateFormat
        The plate to look for.
    where : str
        The file, named in errors.

    Returns
    -------
    tuple of Block
        In the order of the sheet; empty where there is none.

    Raises
    ------
    FileReadError
        A plate of another format, letters that do not follow each other, merged cells inside a plate, or more numbers
        than columns (decimal commas in a file that separates by commas).
    """
    where = f"{where}, sheet {sheet.name}" if sheet.name else where
    blocks: list[Block] = []
    used = -1
    heads = list(_heads(sheet))
    for head in heads:
        lines = _lines(sheet, head, plate)
        if not lines:
            continue
        _check_format(head, lines, plate, where)
        if any(_has_digit(cell) for line in lines for cell in _values(sheet.cells[line.place], head)):
            _check_merged(sheet, head, lines, where)
        for line in lines:
            _check_width(sheet.cells[line.place], head, f"{where}, line {line.place + 1}")
        for repeat in range(max(line.repeat for line in lines) + 1):
            chosen = [line for line in lines if line.repeat == repeat]
            blocks.append(_block(sheet, head, chosen, [h for h in heads if h.row == head.row], used))
        if head == [h for h in heads if h.row == head.row][-1]:
            used = lines[-1].place
    return tuple(blocks)


def _heads(sheet: Sheet) -> Iterator[_Head]:
    """Every run of consecutive whole numbers, two or more of them, that could be column numbers."""
    for row, cells in enumerate(sheet.cells):
        numbers = [whole_number(cell) for cell in cells]
        at = 0
        while at < len(numbers):
            first = numbers[at]
            end = at
            while first is not None and end + 1 < len(numbers) and numbers[end + 1] == first + end + 1 - at:
                end += 1
            if first is not None and first >= 1 and end > at:
                yield _Head(row, at, first, first + end - at)
            at = end + 1


def _lines(sheet: Sheet, head: _Head, plate: PlateFormat) -> list[_Line]:
    """The lines of values under a head: by letters, or, without any, all rows of the plate in order."""
    letters = [_letter(cells, head) for cells in sheet.cells[head.row + 1 :]]
    start = head.row + 1
    if not letters or letters[0] is None:
        whole = head.first == 1 and head.last == plate.columns
        following = sheet.cells[start : start + plate.rows]
        if not whole or len(following) < plate.rows or any(_letter(cells, head) is not None for cells in following):
            return []
        filled = all(any(cell != "" for cell in _values(cells, head)) for cells in following)
        return [_Line(start + row, row, 0) for row in range(plate.rows)] if filled else []
    lines: list[_Line] = []
    for offset, letter in enumerate(letters):
        cells = sheet.cells[start + offset]
        if letter is not None:
            if lines and letter <= lines[-1].row:  # the next plate begins
                break
            lines.append(_Line(start + offset, letter, 0))
        elif any(cell != "" for cell in _values(cells, head)) and not _is_head(cells):
            lines.append(_Line(start + offset, lines[-1].row, lines[-1].repeat + 1))
        else:
            break
    return _without_tail(lines)


def _without_tail(lines: list[_Line]) -> list[_Line]:
    """Leave out lines below the last letter that no other letter has: means and other sums under the plate."""
    last = lines[-1].row
    most = max((line.repeat for line in lines if line.row != last), default=lines[-1].repeat)
    return [line for line in lines if line.row != last or line.repeat <= most]


def _letter(cells: Sequence[Cell], head: _Head) -> int | None:
    """The row that a line names left of its values: the nearest text, if it is one or two letters."""
    for cell in reversed(cells[: head.left]):
        text = cell_text(cell).rstrip(":")
        if text:
            return row_index(text) if text.isascii() and text.isalpha() and len(text) <= 2 else None
    return None


def _is_head(cells: Sequence[Cell]) -> bool:
    return any(True for _ in _heads(Sheet("", (tuple(cells),))))


def _values(cells: Sequence[Cell], head: _Head) -> Sequence[Cell]:
    return cells[head.left : head.right + 1]


def _has_digit(cell: Cell) -> bool:
    return isinstance(cell, float) or cell.strip()[:1].isdigit()


def _check_format(head: _Head, lines: Sequence[_Line], plate: PlateFormat, where: str) -> None:
    rows = [line.row for line in lines if line.repeat == 0]
    got = f"columns {head.first} to {head.last}, {len(rows)} rows"
    place = f"{where}, {spreadsheet_place(head.row, head.left)}"
    if head.last > plate.columns or max(rows) >= plate.rows:
        raise FileReadError(place, got, f"a {plate.label} ({plate.rows} x {plate.columns})", "name the right plate")
    if rows != list(range(rows[0], rows[0] + len(rows))):
        raise FileReadError(place, got, "row letters that follow each other", "export the plate again")
    repeats = [sum(line.row == row for line in lines) for row in rows]
    if len(set(repeats)) > 1:
        got = f"{min(repeats)} to {max(repeats)} lines for a row"
        raise FileReadError(place, got, "as many lines for each row letter", "export the plate again")


def _check_merged(sheet: Sheet, head: _Head, lines: Sequence[_Line], where: str) -> None:
    top, bottom = lines[0].place, lines[-1].place
    for first, last in sheet.merged:
        inside = first[0] <= bottom and last[0] >= top and first[1] <= head.right and last[1] >= head.left
        if inside:
            got = f"merged cells {spreadsheet_place(*first)}:{spreadsheet_place(*last)}"
            raise FileReadError(
                where, got, "one cell for each well", "undo the merge; which well it meant is not guessed"
            )


def _check_width(cells: Sequence[Cell], head: _Head, where: str) -> None:
    columns, beyond = head.right - head.left + 1, cells[head.right + 1 :]
    if len(beyond) >= 2 and all(cell_text(cell).isdigit() for cell in beyond[:2]):
        raise FileReadError(
            where,
            f"{columns + len(beyond)} numbers under {columns} columns",
            "one number for each column",
            "decimal commas in a file that separates by commas: export with a decimal point, or by semicolon",
        )


def _block(sheet: Sheet, head: _Head, lines: Sequence[_Line], beside: Sequence[_Head], used: int) -> Block:
    cells = tuple(
        (line.row, head.first - 1 + offset, cell, spreadsheet_place(line.place, head.left + offset))
        for line in lines
        for offset, cell in enumerate(_values(sheet.cells[line.place], head))
    )
    behind = sheet.cells[lines[0].place][head.right + 1 : head.right + 3] if len(beside) == 1 else ()
    corner = sheet.cells[head.row][max(0, head.left - 1) : head.left]
    above = [
        " ".join(cell_text(cell) for cell in sheet.cells[row] if cell_text(cell))
        for row in range(head.row - 1, max(used, head.row - 1 - _WORDS_ABOVE), -1)
    ]
    words = tuple(text for text in (*map(cell_text, behind), *map(cell_text, corner), *above) if text)
    return Block(cells, words, (beside.index(head), len(beside)))
