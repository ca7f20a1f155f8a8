"""FCS files of any kind, made byte by byte; knows nothing of limus."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["KINDS", "build", "encode_bits", "encode_whole", "make_kind"]


def encode_whole(table: Sequence[Sequence[int]], widths: Sequence[int], ranks: Sequence[int] | str) -> bytes:
    """Encode whole numbers in whole bytes; ``ranks`` is ``little``, ``big`` or the significance of each byte."""
    out = bytearray()
    for row in table:
        for value, bits in zip(row, widths, strict=True):
            if isinstance(ranks, str):
                out += value.to_bytes(bits // 8, ranks)
            else:
                little = value.to_bytes(bits // 8, "little")
                out += bytes(little[rank] for rank in ranks)
    return bytes(out)


def encode_bits(table: Sequence[Sequence[int]], widths: Sequence[int], order: str) -> bytes:
    """Encode whole numbers as one stream of bits: the highest first (``big``), or the lowest first (``little``)."""
    stream: list[str] = []
    for row in table:
        for value, bits in zip(row, widths, strict=True):
            digits = f"{value:0{bits}b}"
            stream.append(digits if order == "big" else digits[::-1])
    text = "".join(stream)
    text += "0" * (-len(text) % 8)
    pieces = [text[k : k + 8] for k in range(0, len(text), 8)]
    return bytes(int(p if order == "big" else p[::-1], 2) for p in pieces)


def build(
    keywords: Mapping[str, Any],
    data: bytes,
    *,
    version: str = "FCS3.1",
    delimiter: str = "/",
    encoding: str = "utf-8",
    header: Mapping[str, int] | None = None,
    places: Mapping[str, Any] | None = None,
    gap: bytes = b"",
    tail: bytes = b"",
    text_at: int = 58,
    raw_text: bytes | None = None,
    escape: bool = True,
) -> bytes:
    """Put a file together.

    ``header`` overrides fields of the HEADER (text_begin ... analysis_end), ``places`` the keywords $BEGINDATA and
    $ENDDATA (None leaves one out); ``gap`` stands between TEXT and DATA, ``tail`` behind DATA.
    """

    def text(begin: int, end: int) -> bytes:
        if raw_text is not None:
            return raw_text
        pairs = dict(keywords)
        if places is None:
            pairs |= {"$BEGINDATA": f"{begin:012d}", "$ENDDATA": f"{end:012d}"}
        else:
            pairs |= {name: value for name, value in places.items() if value is not None}
        words = [str(word) for pair in pairs.items() for word in pair]
        if escape:
            words = [word.replace(delimiter, delimiter * 2) for word in words]
        return (delimiter + delimiter.join(words) + delimiter).encode(encoding)

    begin = text_at + len(text(0, 0)) + len(gap)
    end = begin + len(data) - 1
    content = text(begin, end)
    fields = {
        "text_begin": text_at,
        "text_end": text_at + len(content) - 1,
        "data_begin": begin,
        "data_end": end,
        "analysis_begin": 0,
        "analysis_end": 0,
    } | dict(header or {})
    head = version.encode() + b"    " + b"".join(b"%8d" % field for field in fields.values())
    return head.ljust(text_at) + content + gap + data + tail


def describe(channels: Sequence[Mapping[str, Any]], events: int, datatype: str, order: str) -> dict[str, Any]:
    """Return the keywords of a list of channels, each a mapping from the letter of $PnX to its value."""
    pairs: dict[str, Any] = {
        "$MODE": "L",
        "$DATATYPE": datatype,
        "$BYTEORD": order,
        "$PAR": len(channels),
        "$TOT": events,
        "$NEXTDATA": 0,
    }
    for number, channel in enumerate(channels, start=1):
        values = {"N": f"C{number}", "E": "0,0", "R": 1024, "B": 16} | dict(channel)
        pairs |= {f"$P{number}{letter}": value for letter, value in values.items() if value is not None}
    return pairs


def make_kind(kind: str, table: Sequence[Sequence[float]]) -> bytes:
    """Make a plain, correct file of one of :data:`KINDS` with three channels."""
    form, _, order = KINDS[kind].partition(" ")
    listed = {"little": "1,2,3,4", "big": "4,3,2,1"}[order]
    events = len(table)
    if form in {"f", "d"}:
        bits = {"f": 32, "d": 64}[form]
        channels = [{"B": bits, "R": 262144} for _ in range(3)]
        sign = "<" if order == "little" else ">"
        data = b"".join(struct.pack(f"{sign}3{form}", *row) for row in table)
        return build(describe(channels, events, form.upper(), listed), data)
    if form == "a":
        channels = [{"B": 6, "R": 100000} for _ in range(3)]
        data = b"".join(b"%6d" % int(value) for row in table for value in row)
        return build(describe(channels, events, "A", listed), data, version="FCS2.0")
    widths = [int(bits) for bits in form.split(",")]
    channels = [{"B": bits, "R": 1 << bits} for bits in widths]
    data = encode_whole([[int(v) % (1 << b) for v, b in zip(r, widths, strict=True)] for r in table], widths, order)
    version = "FCS2.0" if order == "big" else "FCS3.0"
    return build(describe(channels, events, "I", listed), data, version=version, delimiter="\\", tail=b"00000000")


KINDS = {
    "float": "f little",
    "float-big": "f big",
    "double": "d little",
    "whole-16": "16,16,16 big",
    "whole-32": "32,32,32 little",
    "whole-24": "24,24,24 big",
    "whole-mixed": "8,16,32 little",
    "digits": "a big",
}
