"""An FCS reader as simple as the standard allows: strict, slow, and with nothing of limus in it.

It accepts only files whose HEADER, TEXT and DATA agree, and is the second opinion where flowio and limus differ.
"""

from __future__ import annotations

import struct

__all__ = ["NotStandardError", "read_strictly"]


class NotStandardError(Exception):
    """The file is not as the standard says."""


def read_strictly(content: bytes) -> list[list[float]]:
    """Return the stored numbers of the first data set, one list an event."""
    try:
        return _read(content)
    except (ValueError, KeyError, IndexError, struct.error) as error:
        raise NotStandardError(str(error)) from None


def _read(content: bytes) -> list[list[float]]:
    if content[:6] not in {b"FCS2.0", b"FCS3.0", b"FCS3.1", b"FCS3.2"}:
        raise ValueError("version")
    text_begin, text_end, data_begin, data_end = (
        int(content[k : k + 8].replace(b"\0", b" ")) for k in (10, 18, 26, 34)
    )
    keys = _keywords(content[text_begin : text_end + 1])
    if "$BEGINDATA" in keys and content[3:4] != b"2":
        stated = (int(keys["$BEGINDATA"]), int(keys["$ENDDATA"]))
        if (data_begin, data_end) not in {stated, (0, 0)}:
            raise ValueError("HEADER and TEXT differ")
        data_begin, data_end = stated
    if keys["$MODE"] != "L":
        raise ValueError("mode")
    count, total = int(keys["$PAR"]), int(keys["$TOT"])
    widths = [int(keys[f"$P{n}B"]) for n in range(1, count + 1)]
    kinds = [keys.get(f"$P{n}DATATYPE", keys["$DATATYPE"]) for n in range(1, count + 1)]
    sizes = [bits if kind == "A" else bits // 8 for bits, kind in zip(widths, kinds, strict=True)]
    if any(kind != "A" and bits % 8 for bits, kind in zip(widths, kinds, strict=True)):
        raise ValueError("width")
    row = sum(sizes)
    if row < 1 or count < 1 or total < 0 or data_end - data_begin + 1 != total * row or data_end >= len(content):
        raise ValueError("size of DATA")
    orders = {"1,2,3,4": "little", "1,2": "little", "4,3,2,1": "big", "2,1": "big"}
    order = "big" if set(kinds) == {"A"} else orders[keys["$BYTEORD"]]
    masks = []
    for n, kind in enumerate(kinds, start=1):
        top = int(keys[f"$P{n}R"]) if kind == "I" else 1
        masks.append((1 << max(top - 1, 0).bit_length()) - 1 if top > 0 else -1)
    events, at = [], data_begin
    for _ in range(total):
        event = []
        for size, kind, mask in zip(sizes, kinds, masks, strict=True):
            piece = content[at : at + size]
            at += size
            if kind == "I":
                event.append(float(int.from_bytes(piece, order) & mask))
            elif kind == "A":
                event.append(float(int(piece)))
            else:
                event.append(struct.unpack(("<" if order == "little" else ">") + {"F": "f", "D": "d"}[kind], piece)[0])
        events.append(event)
    return events


def _keywords(text: bytes) -> dict[str, str]:
    letters = text.decode("latin-1")
    delimiter = letters[0]
    if letters[-1] != delimiter:
        raise ValueError("TEXT does not end with its delimiter")
    words, word, k = [], "", 1
    while k < len(letters):
        if letters[k] != delimiter:
            word += letters[k]
        elif letters[k + 1 : k + 2] == delimiter:
            word += delimiter
            k += 1
        else:
            words.append(word)
            word = ""
        k += 1
    if len(words) % 2 or not all(words):
        raise ValueError("words of TEXT")
    names = [name.upper() for name in words[::2]]
    if len(set(names)) < len(names):
        raise ValueError("keyword twice")
    return dict(zip(names, words[1::2], strict=True))
