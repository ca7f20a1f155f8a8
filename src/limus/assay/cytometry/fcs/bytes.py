"""The bytes of one data set of a file: read by segment, never beyond the end of the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from limus.kernel.errors import FileReadError

__all__ = ["NOWHERE", "DataSetBytes", "Segment", "open_bytes"]


@dataclass(frozen=True, slots=True)
class Segment:
    """First and last byte of a part of a data set, counted from its beginning; both are inside."""

    begin: int
    end: int

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self.end - self.begin + 1

    @property
    def given(self) -> bool:
        """Whether it says where anything is; zeros (and a file's -1) mean that there is nothing."""
        return self.begin > 0 and self.end > 0

    def overlaps(self, other: Segment) -> bool:
        """Whether the two have a byte in common."""
        return self.given and other.given and self.begin <= other.end and other.begin <= self.end

    def __str__(self) -> str:
        return f"{self.begin} to {self.end}"


NOWHERE = Segment(0, 0)


@dataclass(frozen=True, slots=True)
class DataSetBytes:
    """An open file, seen from where one data set begins.

    Attributes
    ----------
    path : Path
    handle : binary file
    base : int
        Byte of the file at which the data set begins.
    size : int
        Bytes from there to the end of the file.
    """

    path: Path
    handle: BinaryIO
    base: int
    size: int

    def read(self, segment: Segment, what: str) -> bytes:
        """Return the bytes of a segment.

        Parameters
        ----------
        segment : Segment
        what : str
            Name of the segment, for the error.

        Returns
        -------
        bytes

        Raises
        ------
        FileReadError
            The segment lies outside the file, or the file cannot be read.
        """
        where = f"{self.path}, {what}"
        if segment.begin < 0 or segment.size < 0 or segment.end >= self.size:
            allowed = f"bytes 0 to {self.size - 1} of this data set"
            raise FileReadError(where, f"bytes {segment}", allowed, "the file is cut short or its offsets are wrong")
        try:
            self.handle.seek(self.base + segment.begin)
            content = self.handle.read(segment.size)
        except OSError as error:
            raise FileReadError(where, error, "a readable file", "check the file") from None
        if len(content) < segment.size:
            got = f"{len(content)} of {segment.size} bytes"
            raise FileReadError(where, got, "the whole segment", "the file changed while it was read; read it again")
        return content

    def from_base(self, base: int) -> DataSetBytes:
        """Return the same file, seen from another beginning."""
        return DataSetBytes(self.path, self.handle, base, self.size + self.base - base)


def open_bytes(path: Path) -> DataSetBytes:
    """Open a file for reading; the caller closes ``handle``.

    Parameters
    ----------
    path : Path

    Returns
    -------
    DataSetBytes

    Raises
    ------
    FileReadError
        There is no such file, or it cannot be read.
    """
    if not path.is_file():  # a pipe would wait for ever
        got = "a folder" if path.is_dir() else "no such file"
        raise FileReadError(str(path), got, "an FCS file", "check the path")
    try:
        handle = path.open("rb")
        size = handle.seek(0, 2)
    except OSError as error:
        raise FileReadError(str(path), error, "a readable FCS file", "check path and permissions") from None
    return DataSetBytes(path, handle, 0, size)
