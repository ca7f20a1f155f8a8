"""Where the events lie and how many there are: at least two witnesses must agree.

The witnesses are $TOT, the segment as HEADER states it, the segment as TEXT states it, and where the file or the next
segment ends. Offsets are often wrong (one byte too far, the old ones of an edited file, 99999999 for large ones); a
count that only one witness supports is refused, because the others say that events are missing or not events.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from limus.assay.cytometry.fcs.bytes import NOWHERE, Segment
from limus.assay.cytometry.fcs.channels import FcsChannel
from limus.assay.cytometry.fcs.header import HEADER_BYTES
from limus.assay.plate.findings import note, warning
from limus.kernel.checks import Finding
from limus.kernel.errors import FileReadError

__all__ = ["CRC_BYTES", "DataPlace", "Stated", "find_data"]

CRC_BYTES = 8
EXACT, ONE_TOO_FAR, OTHER_END, CONTRADICTED, OUTSIDE = 4, 3, 2, 1, 0


@dataclass(frozen=True, slots=True)
class Stated:
    """A DATA segment and who states it."""

    source: str
    segment: Segment


@dataclass(frozen=True, slots=True)
class DataPlace:
    """Where the events are.

    Attributes
    ----------
    segment : Segment
        Exactly the events.
    events : int
    widths : tuple of int
        Bits that each channel takes; 0 for numbers between separators.
    findings : tuple of Finding
    """

    segment: Segment
    events: int
    widths: tuple[int, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Claim:
    """One reading of the file: a segment, a width of the channels, the events that follow, and how well it is borne."""

    stated: Stated
    widths: tuple[int, ...]
    events: int
    rank: int
    why: str
    ends_at_boundary: bool

    @property
    def segment(self) -> Segment:
        begin = self.stated.segment.begin
        return Segment(begin, begin + -(-self.events * sum(self.widths) // 8) - 1)


def find_data(
    stated: Sequence[Stated],
    total: int | None,
    channels: Sequence[FcsChannel],
    size: int,
    occupied: Sequence[Segment],
    where: str,
) -> DataPlace:
    """Find the events.

    Parameters
    ----------
    stated : sequence of Stated
        The segment by HEADER and TEXT, the more trusted one first.
    total : int or None
        $TOT.
    channels : sequence of FcsChannel
    size : int
        Bytes from the beginning of the data set to the end of the file.
    occupied : sequence of Segment
        The other segments.
    where : str
        Named in errors.

    Returns
    -------
    DataPlace

    Raises
    ------
    FileReadError
        The file is cut short, or the witnesses contradict each other.
    """
    claimed = [s for s in stated if s.segment.begin > 0]
    if not claimed:
        if total == 0:
            return DataPlace(Segment(0, -1), 0, tuple(c.bits for c in channels), ())
        got = f"no offsets, $TOT {'missing' if total is None else total}"
        raise FileReadError(f"{where}, DATA", got, "offsets of the segment", "the file is damaged")
    if any(channel.bits == 0 for channel in channels):
        return _separated(claimed, total, channels, size, where)
    claims = [_judge(s, widths, total, size, occupied) for s in claimed for widths in _arrangements(channels)]
    best = max(claims, key=lambda c: (c.rank, c.ends_at_boundary))
    if best.rank <= CONTRADICTED:
        raise FileReadError(
            f"{where}, DATA", best.why, "offsets, $TOT and file that agree", "the file is cut short or damaged"
        )
    rivals = {
        (c.segment, c.widths) for c in claims if (c.rank, c.ends_at_boundary) == (best.rank, best.ends_at_boundary)
    }
    if len(rivals) > 1 and best.events > 0:
        got = " or ".join(sorted(f"bytes {segment}" for segment, _ in rivals))
        got += "" if len({w for _, w in rivals}) == 1 else ", or another packing of the bits"
        raise FileReadError(f"{where}, DATA", got, "one place", "HEADER and TEXT differ; nothing says which is right")
    return DataPlace(best.segment, best.events, best.widths, tuple(_remarks(best, stated, channels, size, where)))


def _arrangements(channels: Sequence[FcsChannel]) -> Iterator[tuple[int, ...]]:
    """The widths as written; and rounded up to whole bytes, which some programs mean by 10 or 12 bits."""
    written = tuple(channel.bits * (8 if channel.datatype == "A" else 1) for channel in channels)
    yield written
    rounded = tuple(-(-bits // 8) * 8 for bits in written)
    if rounded != written:
        yield rounded


def _judge(
    stated: Stated, widths: tuple[int, ...], total: int | None, size: int, occupied: Sequence[Segment]
) -> _Claim:
    begin, end = stated.segment.begin, stated.segment.end
    row = sum(widths)
    room = max(0, min(end, size - 1) - begin + 1)
    held = room * 8 // row
    events = held if total is None else total
    need = -(-events * row // 8)
    ends = {size, size - CRC_BYTES, *(s.begin for s in occupied if s.given and s.begin > begin)}
    boundary = begin + need in ends
    rank, why = _rank(stated, need, events, total, size, held)
    if begin < HEADER_BYTES or begin >= size + (need == 0):
        rank, why = OUTSIDE, f"{stated.source} puts them at byte {begin}, outside the {size} bytes of the data set"
    elif any(s.given and s.begin <= begin < s.end for s in occupied):
        rank, why = OUTSIDE, f"{stated.source} puts them at byte {begin}, inside another segment"
    return _Claim(stated, widths, events, rank, why, boundary)


def _separated(
    claimed: Sequence[Stated], total: int | None, channels: Sequence[FcsChannel], size: int, where: str
) -> DataPlace:
    """Numbers between separators: their count is checked when they are read."""
    segments = {s.segment for s in claimed}
    if total is None or len(segments) > 1 or any(channel.bits for channel in channels):
        got = f"$TOT {total}, {len(segments)} places, widths {', '.join(str(c.bits) for c in channels)}"
        raise FileReadError(f"{where}, DATA", got, "$TOT, one place, and all widths *", "the file is damaged")
    (segment,) = segments
    if not HEADER_BYTES <= segment.begin <= segment.end < size:
        got = f"bytes {segment}"
        raise FileReadError(f"{where}, DATA", got, f"bytes inside the {size} of the data set", "the file is cut short")
    return DataPlace(segment, total, tuple(0 for _ in channels), ())


def _rank(stated: Stated, need: int, events: int, total: int | None, size: int, held: int) -> tuple[int, str]:
    begin, end = stated.segment.begin, stated.segment.end
    span = end - begin + 1
    if begin + need > size:
        return OUTSIDE, f"the file ends after {held} of {events} events"
    if total is None and end >= size:
        return OUTSIDE, f"the segment ends at byte {end}, the file after {size} bytes"
    if span == need:
        return EXACT, ""
    if span == need + 1:
        return ONE_TOO_FAR, ""
    rows = f"{stated.source} has room for {held} events, $TOT says {'nothing' if total is None else total}"
    if total is None:
        return CONTRADICTED, f"{rows}: {span} bytes are no whole number of events"
    if held == total or begin + need in {size, size - CRC_BYTES}:
        return OTHER_END, rows
    return CONTRADICTED, rows


def _remarks(
    best: _Claim, stated: Sequence[Stated], channels: Sequence[FcsChannel], size: int, where: str
) -> Iterator[Finding]:
    place = f"{where}, DATA"
    given = [s for s in stated if s.segment != NOWHERE]
    if len({s.segment for s in given}) > 1:
        got = "; ".join(f"{s.source} {s.segment}" for s in given)
        yield warning("offsets-differ", place, got, "one place", f"read at bytes {best.segment}, where $TOT fits")
    if best.rank == ONE_TOO_FAR:
        got = f"{best.stated.source} {best.stated.segment}"
        yield note("offset-one-too-far", place, got, f"bytes {best.segment}", "the last byte is left out")
    elif best.rank == OTHER_END:
        got = f"{best.stated.source} {best.stated.segment}"
        do = f"{best.events} events are read, as $TOT and the end of the file say"
        yield warning("end-of-data", place, got, f"bytes {best.segment}", do)
    behind = size - best.segment.end - 1
    if 0 < behind < CRC_BYTES:
        got = f"{behind} bytes behind DATA"
        yield warning("bytes-behind-data", place, got, f"0 or {CRC_BYTES}", "the file may have lost bytes; compare")
    if best.widths != next(_arrangements(channels)):
        got = ", ".join(str(c.bits) for c in channels)
        yield warning("width-rounded-up", place, f"{got} bits", "widths that fill the segment", "read in whole bytes")
    elif any(bits % 8 for bits in best.widths):
        got = ", ".join(str(c.bits) for c in channels)
        yield note("packed-bits", place, f"{got} bits", "whole bytes", "read as one stream of bits")
