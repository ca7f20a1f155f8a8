"""Bytes to numbers: any width and any order of bytes, floating point, digits; what the range masks is set to 0."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.assay.cytometry.fcs.channels import FcsChannel
from limus.kernel.errors import FileReadError, UnsupportedFeatureError

__all__ = ["byte_ranks", "read_values"]

Bytes = NDArray[np.uint8]
_FLOATS: dict[str, np.dtype[Any]] = {"F": np.dtype(np.float32), "D": np.dtype(np.float64)}
_BITS_AT_ONCE = 1 << 24


def byte_ranks(order: str, width: int, where: str) -> tuple[int, ...]:
    """Return the significance (0 is lowest) of each byte of a number, in the order written.

    Parameters
    ----------
    order : str
        $BYTEORD: the significance, from 1, of the first, second ... byte written.
    width : int
        Bytes of the number.
    where : str
        Named in errors.

    Returns
    -------
    tuple of int

    Raises
    ------
    FileReadError
        No order of bytes.
    UnsupportedFeatureError
        A mixed order, of another number of bytes.

    Examples
    --------
    >>> byte_ranks("4,3,2,1", 3, "$BYTEORD"), byte_ranks("3,4,1,2", 4, "$BYTEORD")
    ((2, 1, 0), (2, 3, 0, 1))
    """
    if width == 1:
        return (0,)
    parts = order.replace(" ", "").split(",")
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise FileReadError(where, order or "missing", "an order of bytes such as 1,2,3,4", "the file is damaged")
    ranks = tuple(int(part) - 1 for part in parts)
    if sorted(ranks) != list(range(len(ranks))) or len(ranks) > 8:
        raise FileReadError(where, order, "an order of bytes such as 1,2,3,4", "the file is damaged")
    if ranks == tuple(range(len(ranks))) and len(ranks) > 1:
        return tuple(range(width))
    if ranks == tuple(reversed(range(len(ranks)))) and len(ranks) > 1:
        return tuple(reversed(range(width)))
    if len(ranks) != width:
        allowed = f"an order of {width} bytes, or one from the highest or lowest byte"
        raise UnsupportedFeatureError(where, f"{order} for numbers of {width} bytes", allowed, "export the file anew")
    return ranks


def read_values(
    content: bytes, events: int, channels: Sequence[FcsChannel], widths: Sequence[int], order: str, where: str
) -> tuple[NDArray[Any], ...]:
    """Read the events of a data set.

    Parameters
    ----------
    content : bytes
        Exactly the events.
    events : int
        N.
    channels : sequence of FcsChannel
    widths : sequence of int
        Bits that each channel takes in the file; 0 for numbers between separators.
    order : str
        $BYTEORD.
    where : str
        Named in errors.

    Returns
    -------
    tuple of (N,) numpy.ndarray
        One array a channel, float32 or float64, or unsigned integers; read-only.

    Raises
    ------
    FileReadError
        No order of bytes, or digits that are none.
    UnsupportedFeatureError
        A mixed order of bytes that does not fit the widths.
    """
    if not any(widths):
        columns = _separated_digits(content, events, channels, where)
    elif any(width % 8 for width in widths):
        columns = _packed_bits(content, events, widths, byte_ranks(order, 2, f"{where}, $BYTEORD") == (1, 0))
    else:
        rows = np.frombuffer(content, dtype=np.uint8).reshape(events, sum(widths) // 8)
        columns = _whole_bytes(rows, channels, widths, order, where)
    masked = [_mask(column, channel) for column, channel in zip(columns, channels, strict=True)]
    for column in masked:
        column.flags.writeable = False
    return tuple(masked)


def _whole_bytes(
    rows: Bytes, channels: Sequence[FcsChannel], widths: Sequence[int], order: str, where: str
) -> list[NDArray[Any]]:
    columns = []
    at = 0
    for channel, bits in zip(channels, widths, strict=True):
        width = bits // 8
        own = rows[:, at : at + width]
        at += width
        if channel.datatype == "A":
            columns.append(_digits(own, channel, where))
            continue
        ranks = byte_ranks(order, width, f"{where}, $BYTEORD")
        kind = _FLOATS[channel.datatype] if channel.datatype in _FLOATS else np.dtype(f"u{_next_power(width)}")
        columns.append(_assemble(own, ranks, kind))
    return columns


def _next_power(width: int) -> int:
    return 1 << (width - 1).bit_length()


def _assemble(own: Bytes, ranks: tuple[int, ...], kind: np.dtype[Any]) -> NDArray[Any]:
    """Put the bytes of each number into the machine's order, with zeros above."""
    width = len(ranks)
    ordered = ranks in {tuple(range(width)), tuple(reversed(range(width)))}
    if ordered and width == kind.itemsize:
        stored = kind.newbyteorder("<" if width == 1 or ranks[0] == 0 else ">")
        view = np.lib.stride_tricks.as_strided(own, (len(own), width), own.strides)
        return view.view(stored)[:, 0].astype(kind) if len(own) else np.empty(0, dtype=kind)
    whole = np.zeros((len(own), kind.itemsize), dtype=np.uint8)
    for place, rank in enumerate(ranks):
        whole[:, rank if sys.byteorder == "little" else kind.itemsize - 1 - rank] = own[:, place]
    return whole.view(kind)[:, 0] if len(own) else np.empty(0, dtype=kind)


def _digits(own: Bytes, channel: FcsChannel, where: str) -> NDArray[Any]:
    """Digits in a fixed number of characters, spaces before or behind them."""
    digit = (own >= ord("0")) & (own <= ord("9"))
    # from the first digit to the last there is nothing else, and outside there are spaces only
    runs = np.count_nonzero(np.diff(digit, axis=1, prepend=False) & digit, axis=1)
    good = (digit | (own == ord(" "))).all(axis=1) & (runs == 1)
    if not good.all():
        got = ascii(own[~good][0].tobytes())
        raise FileReadError(f"{where}, channel {channel.number}", got, "digits", "the file is damaged")
    values = np.zeros(len(own))
    for place in range(own.shape[1]):
        values = np.where(digit[:, place], 10.0 * values + (own[:, place] - float(ord("0"))), values)
    return values


def _separated_digits(content: bytes, events: int, channels: Sequence[FcsChannel], where: str) -> list[NDArray[Any]]:
    words = content.replace(b",", b" ").replace(b"\0", b" ").split()
    if len(words) != events * len(channels):
        got = f"{len(words)} numbers"
        allowed = f"{events} events of {len(channels)} channels"
        raise FileReadError(f"{where}, DATA", got, allowed, "the file is cut short or damaged")
    bad = next((word for word in words if not word.isdigit() or len(word) > 20), None)
    if bad is not None:
        raise FileReadError(f"{where}, DATA", ascii(bad), "digits", "the file is damaged")
    table = np.array([float(word) for word in words]).reshape(events, len(channels))
    return [table[:, k].copy() for k in range(len(channels))]


def _packed_bits(content: bytes, events: int, widths: Sequence[int], highest_first: bool) -> list[NDArray[Any]]:
    """Cut a stream of bits: from the highest bit of each byte, or from the lowest where low bytes come first."""
    row = sum(widths)
    columns = [np.zeros(events, dtype=np.uint64) for _ in widths]
    source = np.frombuffer(content, dtype=np.uint8)
    piece = max(8, _BITS_AT_ONCE // row // 8 * 8)  # eight events end at a byte, whatever their width
    for first in range(0, events, piece):
        count = min(piece, events - first)
        begin = first * row // 8
        bytes_here = source[begin : begin + -(-count * row // 8)]
        bits = np.unpackbits(bytes_here, count=count * row, bitorder="big" if highest_first else "little")
        table = bits.reshape(count, row)
        at = 0
        for column, width in zip(columns, widths, strict=True):
            for place in range(width):
                weight = np.uint64(width - 1 - place if highest_first else place)
                column[first : first + count] |= table[:, at + place].astype(np.uint64) << weight
            at += width
    return list(columns)


def _mask(column: NDArray[Any], channel: FcsChannel) -> NDArray[Any]:
    if channel.datatype != "I" or channel.mask_bits >= column.dtype.itemsize * 8:
        return column
    return column & column.dtype.type((1 << channel.mask_bits) - 1)
