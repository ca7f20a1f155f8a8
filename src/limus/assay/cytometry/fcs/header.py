"""The HEADER of a data set: version, and where TEXT, DATA and ANALYSIS lie."""

from __future__ import annotations

import re
from dataclasses import dataclass

from limus.assay.cytometry.fcs.bytes import DataSetBytes, Segment
from limus.kernel.errors import FileReadError

__all__ = ["HEADER_BYTES", "VERSIONS", "FcsHeader", "is_header", "read_header"]

HEADER_BYTES = 58
VERSIONS = ("1.0", "2.0", "3.0", "3.1", "3.2")
_FIELD = re.compile(rb"[ \t\0]*([+-]?[0-9]{1,8})?[ \t\0]*")


@dataclass(frozen=True, slots=True)
class FcsHeader:
    """What the first 58 bytes say; a segment without offsets has zeros."""

    version: str
    text: Segment
    data: Segment
    analysis: Segment


def is_header(content: bytes) -> bool:
    """Tell whether bytes begin as a data set does."""
    return re.match(rb"FCS[0-9]\.[0-9]", content) is not None


def read_header(source: DataSetBytes) -> FcsHeader:
    """Read the HEADER.

    Parameters
    ----------
    source : DataSetBytes

    Returns
    -------
    FcsHeader

    Raises
    ------
    FileReadError
        The file is too short, is no FCS file, is of an unknown version, or a field is no number.
    """
    where = f"{source.path}, HEADER"
    if source.size < HEADER_BYTES:
        got = "an empty file" if source.size == 0 else f"{source.size} bytes"
        raise FileReadError(where, got, f"at least the {HEADER_BYTES} bytes of a HEADER", "fetch the file again")
    content = source.read(Segment(0, HEADER_BYTES - 1), "HEADER")
    if not is_header(content):
        raise FileReadError(where, ascii(content[:10]), "FCS and a version", "this is no FCS file")
    version = content[3:6].decode("ascii")
    if version not in VERSIONS:
        allowed = "FCS " + ", ".join(VERSIONS)
        raise FileReadError(where, f"version {version}", allowed, "export the file in a known version")
    fields = [_offset(content[at : at + 8], where) for at in range(10, HEADER_BYTES, 8)]
    text, data, analysis = (Segment(*fields[k : k + 2]) for k in (0, 2, 4))
    if not text.given:
        raise FileReadError(where, f"TEXT at bytes {text}", "two positive offsets", "the file is damaged")
    return FcsHeader(version, text, data, analysis)


def _offset(field: bytes, where: str) -> int:
    match = _FIELD.fullmatch(field)
    if match is None:
        raise FileReadError(where, ascii(field), "a whole number in 8 characters", "the file is damaged")
    return int(match[1] or 0)
