"""Results as text for people: plain aligned tables, numbers with three significant digits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from limus.report.numbers import format_number

__all__ = ["number", "table"]


def number(value: Any, digits: int = 3) -> str:
    """Write a number with few digits; a dash where there is none.

    Parameters
    ----------
    value
        A number, text or None.
    digits : int
        Significant digits.

    Returns
    -------
    str
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        # plain characters, so that what is printed can be pasted back
        text = format_number(value, digits).replace(",", "").replace("\N{MINUS SIGN}", "-")
        return text if text.isascii() else f"{value:.{digits}g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[tuple[str, str]], *, widest: int = 60) -> str:
    """Write rows under aligned headers.

    Parameters
    ----------
    rows : sequence of mapping
    columns : sequence of (str, str)
        Key and header.
    widest : int
        Longer cells are cut with an ellipsis.

    Returns
    -------
    str
    """
    cells = [[header for _, header in columns]] + [
        [_cut(number(row.get(key)), widest) for key, _ in columns] for row in rows
    ]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _cut(text: str, widest: int) -> str:
    return text if len(text) <= widest else f"{text[: widest - 1]}\N{HORIZONTAL ELLIPSIS}"
