"""Damage for FCS files, as hypothesis draws it: bytes, digits of offsets, values of keywords, cuts and insertions."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

__all__ = ["damaged"]

_VALUES = (
    b"0", b"-1", b"1", b"2", b"7", b"8", b"10", b"16", b"24", b"32", b"64", b"100", b"99999999", b"4294967296",
    b"18446744073709551616", b"1e9", b"nan", b"inf", b"", b" ", b"*", b"A", b"I", b"F", b"D", b"L", b"U", b"1,2,3,4",
    b"4,3,2,1", b"3,4,1,2", b"2,1", b"4,0", b"4,1", b"0,0", b"4", b"0.5", b"-3", b"\xff\xfe", b"$TOT", b"//", b"\\",
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, files: Sequence[bytes]) -> bytes:
    """Draw a file and one to four kinds of damage."""
    content = bytearray(draw(st.sampled_from(list(files))))
    for _ in range(draw(st.integers(1, 4))):
        if not content:
            break
        kind = draw(st.sampled_from(("byte", "header", "keyword", "cut", "insert", "remove", "repeat")))
        _DAMAGE[kind](draw, content)
    return bytes(content)


def _byte(draw: st.DrawFn, content: bytearray) -> None:
    # most of what can go wrong stands in the first bytes
    last = len(content) - 1
    at = draw(st.one_of(st.integers(0, min(last, 400)), st.integers(0, last)))
    content[at] = draw(st.integers(0, 255))


def _header(draw: st.DrawFn, content: bytearray) -> None:
    at = draw(st.integers(6, min(57, len(content) - 1))) if len(content) > 6 else 0
    content[at] = draw(st.sampled_from(b"0123456789 -+.\0"))


def _keyword(draw: st.DrawFn, content: bytearray) -> None:
    """Put another value behind a keyword, of the same length or not."""
    starts = [k for k in range(58, min(len(content), 4000)) if content[k : k + 1] == b"$"]
    if not starts:
        return
    start = draw(st.sampled_from(starts))
    delimiter = content[58:59]
    first = content.find(delimiter, start)
    last = content.find(delimiter, first + 1)
    if first < 0 or last < 0:
        return
    value = draw(st.sampled_from(_VALUES))
    if draw(st.booleans()):
        value = value.ljust(last - first - 1)[: last - first - 1]
    content[first + 1 : last] = value


def _cut(draw: st.DrawFn, content: bytearray) -> None:
    del content[draw(st.integers(0, len(content) - 1)) :]


def _insert(draw: st.DrawFn, content: bytearray) -> None:
    at = draw(st.integers(0, len(content)))
    content[at:at] = draw(st.binary(min_size=1, max_size=12))


def _remove(draw: st.DrawFn, content: bytearray) -> None:
    at = draw(st.integers(0, len(content) - 1))
    del content[at : at + draw(st.integers(1, 40))]


def _repeat(draw: st.DrawFn, content: bytearray) -> None:
    at = draw(st.integers(0, len(content) - 1))
    content += content[at : at + draw(st.integers(1, 200))]


_DAMAGE = {
    "byte": _byte, "header": _header, "keyword": _keyword, "cut": _cut, "insert": _insert, "remove": _remove,
    "repeat": _repeat,
}  # fmt: skip
