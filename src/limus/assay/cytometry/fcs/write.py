"""Write FCS 3.1 files: floating point or whole numbers, one data set."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.assay.cytometry.fcs.header import HEADER_BYTES
from limus.kernel.errors import OutputError, ValueRangeError

__all__ = ["NewChannel", "write_fcs"]

_DELIMITER = "/"
_RESERVED = re.compile(r"\$(P[0-9]+[NSBREG]|PAR|TOT|MODE|BYTEORD|DATATYPE|NEXTDATA|(BEGIN|END)(DATA|STEXT|ANALYSIS))")
_DIGITS = 12
_LARGEST_IN_HEADER = 99_999_999


@dataclass(frozen=True, slots=True)
class NewChannel:
    """A channel to write.

    Attributes
    ----------
    name : str
        $PnN; no comma.
    label : str
        $PnS.
    range : float
        $PnR, by default 262144.
    bits : int
        0 for 32-bit floating point (all channels of a file, or none), else 8, 16, 24 or 32 for whole numbers.
    decades, at_zero : float
        $PnE, for whole numbers.
    gain : float
        $PnG.
    """

    name: str
    label: str = ""
    range: float = 262_144.0
    bits: int = 0
    decades: float = 0.0
    at_zero: float = 0.0
    gain: float = 1.0


def write_fcs(
    path: Path, channels: Sequence[NewChannel], events: ArrayLike, *, keywords: Mapping[str, str] | None = None
) -> Path:
    """Write the numbers of a file as they are to stand in it (amplifier and gain are not put on).

    Parameters
    ----------
    path : Path
    channels : sequence of NewChannel
    events : (N, C) array_like
        Whole numbers must lie between 0 and the channel's range.
    keywords : mapping of str to str
        Further keywords; those that describe the numbers are made here.

    Returns
    -------
    Path

    Raises
    ------
    ValueRangeError
        Names, numbers or keywords that FCS 3.1 does not allow.
    OutputError
        The file cannot be written.
    """
    values = np.asarray(events, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(channels) or not channels:
        allowed = f"(N, {len(channels)}), at least one channel"
        raise ValueRangeError("events", f"shape {values.shape}", allowed, "one column a channel")
    _check_channels(channels)
    data = _encode(values, channels)
    pairs = _describe(channels, len(values)) | _further(keywords or {})
    begin = HEADER_BYTES + len(_text(pairs, 0, 0))
    end = begin + len(data) - 1  # before its begin where there are no events
    text = _text(pairs, begin, end)
    header = _header(begin, end) + text
    try:
        path.write_bytes(header + data + b"00000000")
    except OSError as error:
        raise OutputError(str(path), error, "a folder that can be written", "choose another folder") from None
    return path


def _check_channels(channels: Sequence[NewChannel]) -> None:
    names = [channel.name for channel in channels]
    for channel in channels:
        if not channel.name.strip() or "," in channel.name or names.count(channel.name) > 1:
            raise ValueRangeError("channel name", channel.name, "its own name, without comma", "rename it")
        if channel.bits not in {0, 8, 16, 24, 32}:
            raise ValueRangeError(f"{channel.name}, bits", channel.bits, "0, 8, 16, 24 or 32", "choose another width")
        if not (np.isfinite(channel.range) and channel.range >= 1) or not channel.gain > 0:
            got = f"{channel.range:g}, gain {channel.gain:g}"
            raise ValueRangeError(f"{channel.name}, range", got, "1 or above; gain above 0", "correct it")
        if channel.decades and not (channel.bits and channel.decades > 0 and channel.at_zero > 0):
            got = f"{channel.decades:g},{channel.at_zero:g}"
            raise ValueRangeError(f"{channel.name}, amplification", got, "whole numbers, both above 0", "correct it")
    if len({channel.bits == 0 for channel in channels}) > 1:
        raise ValueRangeError("channels", "both kinds", "all floating point, or all whole numbers", "choose one")


def _encode(values: NDArray[np.float64], channels: Sequence[NewChannel]) -> bytes:
    if channels[0].bits == 0:
        return values.astype("<f4").tobytes()
    parts = []
    for column, channel in zip(values.T, channels, strict=True):
        top = min(channel.range, 2.0**channel.bits)
        whole = np.isfinite(column) & (column == np.floor(column)) & (column >= 0) & (column < top)
        if not whole.all():
            got = column[~whole][0]
            raise ValueRangeError(f"channel {channel.name}", got, f"whole numbers, 0 to below {top:g}", "round or clip")
        parts.append(column.astype("<u4").view(np.uint8).reshape(-1, 4)[:, : channel.bits // 8])
    return np.concatenate(parts, axis=1).tobytes()


def _describe(channels: Sequence[NewChannel], events: int) -> dict[str, str]:
    pairs = {
        "$MODE": "L",
        "$DATATYPE": "I" if channels[0].bits else "F",
        "$BYTEORD": "1,2,3,4",
        "$PAR": str(len(channels)),
        "$TOT": str(events),
        "$NEXTDATA": "0",
        "$BEGINSTEXT": "0",
        "$ENDSTEXT": "0",
        "$BEGINANALYSIS": "0",
        "$ENDANALYSIS": "0",
    }
    for number, channel in enumerate(channels, start=1):
        pairs[f"$P{number}N"] = channel.name
        if channel.label:
            pairs[f"$P{number}S"] = channel.label
        pairs[f"$P{number}B"] = str(channel.bits or 32)
        pairs[f"$P{number}R"] = f"{channel.range:.0f}"
        pairs[f"$P{number}E"] = f"{channel.decades:g},{channel.at_zero:g}"
        if channel.gain != 1:
            pairs[f"$P{number}G"] = repr(channel.gain)
    return pairs


def _further(keywords: Mapping[str, str]) -> dict[str, str]:
    for name, value in keywords.items():
        if not name.isascii() or not name.isprintable() or not name.strip() or not value.strip():
            raise ValueRangeError(
                "keyword", f"{name!r}, {value!r}", "printable ASCII, and a value", "correct or omit it"
            )
        if _RESERVED.fullmatch(name.upper()):
            raise ValueRangeError("keyword", name, "keywords that do not describe the numbers", "leave it out")
    return dict(keywords)


def _text(pairs: Mapping[str, str], begin: int, end: int) -> bytes:
    placed = dict(pairs) | {"$BEGINDATA": f"{begin:0{_DIGITS}d}", "$ENDDATA": f"{end:0{_DIGITS}d}"}
    words = [_escape(word) for pair in placed.items() for word in pair]
    return (_DELIMITER + _DELIMITER.join(words) + _DELIMITER).encode()


def _escape(word: str) -> str:
    # a word may not begin with the delimiter, even a doubled one: it could not be told from the one that separates
    return word.strip().lstrip(_DELIMITER).replace(_DELIMITER, _DELIMITER * 2)


def _header(begin: int, end: int) -> bytes:
    fits = end <= _LARGEST_IN_HEADER
    fields = (HEADER_BYTES, begin - 1, begin if fits else 0, end if fits else 0, 0, 0)
    return b"FCS3.1    " + b"".join(b"%8d" % field for field in fields)
