r"""Cells that hold several numbers, as tables in papers have them: counts with percentages, effects with intervals.

==========================  ===========================================================================================
``15/18``, ``15 (83%)``     events with n or with a percentage; also ``15/18 (83.3)``, ``83% (15/18)``
``1.2 (0.9-1.6)``           an estimate with its interval; also ``1.2 [0.9, 1.6]``, ``0.9 to 1.6`` without an estimate
``p < 0.001``, ``P=.03``    a p-value with its letter
==========================  ===========================================================================================

A comma between digits is one between thousands (1,022). Where a cell of a column of numbers cannot be read so (48,2 or
0,71), the table is refused: whether it has decimal commas is for its author to say.
"""

from __future__ import annotations

import re

from limus.evidence.consistency.printed import NUMBER, Printed, read_printed

__all__ = ["has_decimal_comma", "read_counts", "read_effect", "read_p_value"]

_PLAIN = r"\d{1,3}(?:[, \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}']\d{3})+|\d+"
_PERCENT = r"\d+(?:\.\d+)?"
_COUNTS = (
    re.compile(
        rf"(?P<events>{_PLAIN})\s*(?:/|of|out of)\s*(?P<n>{_PLAIN})"
        rf"(?:\s*[\[(,;]\s*(?P<percent>{_PERCENT})\s*%?\s*[\])]?)?"
    ),
    re.compile(
        rf"(?P<percent>{_PERCENT})\s*%?\s*[\[(]\s*(?P<events>{_PLAIN})\s*(?:/|of|out of)\s*(?P<n>{_PLAIN})\s*[\])]"
    ),
    re.compile(rf"(?P<events>{_PLAIN})\s*[\[(]\s*(?P<percent>{_PERCENT})\s*%?\s*[\])]"),
    re.compile(rf"(?P<percent>{_PERCENT})\s*%\s*[\[(]\s*(?:n\s*=\s*)?(?P<events>{_PLAIN})\s*[\])]"),
)
_LOW, _HIGH, _ESTIMATE = (rf"(?P<{name}>{NUMBER})\s*%?" for name in ("low", "high", "estimate"))
_BETWEEN = r"\s*(?:,|;|to|\N{EN DASH}|\N{EM DASH}|-)\s*"
_INTERVAL = _LOW + _BETWEEN + _HIGH
_LEVEL = r"(?:\d\d(?:\.\d)?\s*%\s*)?(?:CI\s*[:,=]?\s*)?"
_EFFECT = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"[\[(]?\s*{_LEVEL}{_INTERVAL}\s*[\])]?",
        _ESTIMATE + rf"\s*(?:[\[(,;:]|\s)\s*{_LEVEL}{_INTERVAL}\s*[\])]?",
    )
)
_P = re.compile(
    r"\s*p?\s*(?:-?value)?\s*(?P<rest>[=<>~\N{LESS-THAN OR EQUAL TO}\N{GREATER-THAN OR EQUAL TO}]?\s*[\d.].*?)"
    r"\s*[*]*\s*",
    re.IGNORECASE,
)
_DECIMAL_COMMA = re.compile(r"[-+<>~=\s]*(?:\d+,\d{1,2}|\d+,\d{4,}|0\d*,\d+)\s*%?")


def has_decimal_comma(text: str) -> bool:
    """Say whether a cell can only be a number with a decimal comma.

    Parameters
    ----------
    text : str

    Returns
    -------
    bool

    Examples
    --------
    >>> [has_decimal_comma(text) for text in ("48,2", "0,716", "1,022", "0.9, 1.6")]
    [True, True, False, False]
    """
    return _DECIMAL_COMMA.fullmatch(text.strip()) is not None


def read_counts(text: str) -> dict[str, Printed]:
    """Read events with n, with a percentage, or with both.

    Parameters
    ----------
    text : str

    Returns
    -------
    dict of str to Printed
        Of ``events``, ``n`` and ``percent`` those that are there; empty where the cell is nothing of the kind.

    Examples
    --------
    >>> {name: number.value for name, number in read_counts("493/1,022 (48.2%)").items()}
    {'events': 493.0, 'n': 1022.0, 'percent': 48.2}
    """
    for pattern in _COUNTS:
        match = pattern.fullmatch(text.strip())
        if match:
            found = {name: read_printed(_joined(part)) for name, part in match.groupdict().items() if part}
            return {name: number for name, number in found.items() if number is not None}
    return {}


def _joined(text: str) -> str:
    """A number without the signs between its thousands."""
    return re.sub(r"(?<=\d)[, '\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}](?=\d{3})", "", text)


def read_effect(text: str) -> tuple[Printed | None, Printed, Printed] | None:
    """Read an interval, with the estimate before it where there is one.

    Parameters
    ----------
    text : str

    Returns
    -------
    tuple of (Printed or None, Printed, Printed) or None
        Estimate, lower and upper end; None where the cell is nothing of the kind.

    Examples
    --------
    >>> [number.value for number in read_effect("1.2 [0.9, 1.6]")]
    [1.2, 0.9, 1.6]
    >>> [number.value for number in read_effect("-0.5 (-0.9 to -0.1)")]
    [-0.5, -0.9, -0.1]
    """
    match = next((found for pattern in _EFFECT if (found := pattern.fullmatch(text.strip()))), None)
    if match is None:
        return None
    parts = match.groupdict()
    low, high = read_printed(parts["low"]), read_printed(parts["high"])
    estimate = read_printed(parts["estimate"]) if parts.get("estimate") else None
    return None if low is None or high is None else (estimate, low, high)


def read_p_value(text: str) -> Printed | None:
    """Read a p-value, with or without its letter and stars.

    Parameters
    ----------
    text : str

    Returns
    -------
    Printed or None
        None for words such as n.s.

    Examples
    --------
    >>> read_p_value("P<.001 ***").relation, read_p_value("P<.001 ***").value
    ('<', 0.001)
    """
    match = _P.fullmatch(text)
    return read_printed(match["rest"]) if match else None
