"""From the bytes of an exported file to sheets of cells: text, .xls and .xlsx, told apart by content, not by name."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Any

from limus.assay.reader.cells import Cell, Sheet
from limus.kernel.errors import FileReadError

__all__ = ["SEPARATORS", "is_workbook", "read_text", "read_workbook", "split_text"]

SEPARATORS = ("\t", ";", ",")
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WORKBOOK = "an .xlsx or .xls workbook without password and macros, or a CSV or TSV file"


def is_workbook(content: bytes) -> bool:
    """Tell whether a file is a workbook (a zip or OLE container), whatever its name.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    bool
    """
    return content.startswith((_ZIP, _OLE))


def read_text(content: bytes, where: str) -> str:
    """Decode an exported text file: UTF-8, UTF-16 with its mark, else the Windows code page of western readers.

    Parameters
    ----------
    content : bytes
    where : str
        The file, named in the error.

    Returns
    -------
    str

    Raises
    ------
    FileReadError
        An empty file, binary content, or a web page or XML that only bears the name of a table.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16", errors="replace")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252", errors="replace")
    if not text.strip():
        raise FileReadError(where, "an empty file", "a plate as the reader exports it", "export again")
    if "\0" in text:
        raise FileReadError(where, "binary content", _WORKBOOK, "export as CSV or .xlsx")
    if text.lstrip().startswith("<"):
        raise FileReadError(where, "a web page or XML", _WORKBOOK, "open it in a spreadsheet and save it as .xlsx")
    return text


def split_text(text: str, separator: str) -> Sheet:
    """Split text into cells.

    Parameters
    ----------
    text : str
    separator : str

    Returns
    -------
    Sheet
        Without a name.
    """
    rows = csv.reader(io.StringIO(text), delimiter=separator)
    return Sheet("", tuple(tuple(row) for row in rows))


def read_workbook(content: bytes, where: str) -> tuple[Sheet, ...]:
    """Read every sheet of a workbook; numbers are floats, everything else is text.

    Parameters
    ----------
    content : bytes
    where : str
        The file, named in the error.

    Returns
    -------
    tuple of Sheet

    Raises
    ------
    FileReadError
        A password, macros, a damaged file, or no sheet that holds anything.
    """
    import python_calamine  # noqa: PLC0415

    _refuse_protected(content, where)
    _refuse_macros(content, where)
    try:
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = tuple(_sheet(workbook.get_sheet_by_name(name), name) for name in workbook.sheet_names)
    except python_calamine.PasswordError:
        raise _protected(where) from None
    except Exception as error:  # the reader's own classes do not cover every damaged file
        raise FileReadError(where, error, _WORKBOOK, "open it in a spreadsheet, save it anew or export CSV") from None
    filled = tuple(sheet for sheet in sheets if any(cell != "" for row in sheet.cells for cell in row))
    if not filled:
        names = ", ".join(sheet.name for sheet in sheets) or "none"
        raise FileReadError(where, f"empty sheets ({names})", "a sheet with the plate", "export again")
    return filled


def _sheet(sheet: Any, name: str) -> Sheet:
    rows = sheet.to_python(skip_empty_area=False)
    merged = tuple(((int(a), int(b)), (int(c), int(d))) for (a, b), (c, d) in (sheet.merged_cell_ranges or ()))
    return Sheet(name, tuple(tuple(_cell(value) for value in row) for row in rows), merged)


def _cell(value: Any) -> Cell:
    if isinstance(value, bool):
        return str(value)
    return float(value) if isinstance(value, int | float) else str(value)


def _protected(where: str) -> FileReadError:
    return FileReadError(where, "a workbook with a password", _WORKBOOK, "save it without a password")


def _refuse_protected(content: bytes, where: str) -> None:
    # an encrypted .xlsx is an OLE container with a stream of this name
    if content.startswith(_OLE) and "EncryptedPackage".encode("utf-16-le") in content:
        raise _protected(where)


def _refuse_macros(content: bytes, where: str) -> None:
    if content.startswith(_OLE):
        found = "_VBA_PROJECT".encode("utf-16-le") in content
    else:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                found = any(name.lower().endswith("vbaproject.bin") for name in archive.namelist())
        except zipfile.BadZipFile as error:
            raise FileReadError(where, error, _WORKBOOK, "export again; the file is damaged") from None
    if found:
        raise FileReadError(where, "a workbook with macros", _WORKBOOK, "save it as .xlsx without macros")
