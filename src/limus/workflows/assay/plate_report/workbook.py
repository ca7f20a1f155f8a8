"""Tables as a workbook, for people who open them in a spreadsheet: no cell is ever run as a formula.

A text that begins with ``=`` (a compound called ``=HYPERLINK(...)``) would be taken for a formula; here every text is
marked as text and left as it is. CSV files are guarded where they are written, in :mod:`limus.kernel.tables`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from limus.kernel.errors import OutputError
from limus.kernel.tables import Table

__all__ = ["write_workbook"]


def write_workbook(tables: Mapping[str, Table], path: Path) -> Path:
    """Write tables as sheets of an .xlsx workbook; texts are marked as text, so none is a formula.

    Parameters
    ----------
    tables : mapping of str to Table
        Sheet name (31 letters at most are kept) to table.
    path : Path

    Returns
    -------
    Path

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    from openpyxl import Workbook  # noqa: PLC0415
    from openpyxl.utils.exceptions import IllegalCharacterError  # noqa: PLC0415

    book = Workbook(write_only=False)
    book.remove(book.worksheets[0])
    for name, table in tables.items():
        sheet = book.create_sheet(name[:31])
        for row, values in enumerate([table.names, *(tuple(r.values()) for r in table.rows())], start=1):
            for column, value in enumerate(values, start=1):
                if isinstance(value, float):
                    sheet.cell(row, column, value if math.isfinite(value) else None)
                    continue
                cell = sheet.cell(row, column)
                try:
                    cell.value = str(value)
                except IllegalCharacterError:
                    cell.value = "".join(c for c in str(value) if c.isprintable())
                cell.data_type = "s"
        sheet.freeze_panes = "A2"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        book.save(path)
    except OSError as error:
        raise OutputError(str(path), error, "a folder that can be written", "choose another --out") from None
    return path
