"""Numbers as a reader sees them: one rule for tables, prose, figures and alternative texts.

The rule, decided once:

- at most three significant digits, and no zeros after the last digit that says something: ``0.06``, never ``0.0600``,
  because a zero that no source printed would claim a precision that nobody measured;
- a whole number below a million is printed in full (``1536``), with a comma from 10,000 on;
- a power of ten only below 0.0001 and from a million on: ``1.2 x 10^-5`` with the proper signs;
- a true minus sign, no thin spaces.
"""

from __future__ import annotations

import math

from limus.kernel.errors import ValueRangeError

__all__ = ["format_count", "format_interval", "format_number", "format_quantity"]

_MINUS = "\N{MINUS SIGN}"
_TIMES = "\N{MULTIPLICATION SIGN}"
_EN_DASH = "\N{EN DASH}"
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_SMALLEST_PLAIN = 1e-4
_LARGEST_PLAIN = 1e6
_COMMA_FROM = 10_000


def format_number(value: float, significant: int = 3) -> str:
    """Print a number with at most ``significant`` digits.

    Parameters
    ----------
    value : float
        Any finite number.
    significant : int
        Significant digits at most, 1 to 15.

    Returns
    -------
    str

    Raises
    ------
    ValueRangeError
        The number is not finite, or ``significant`` is out of range.

    Examples
    --------
    >>> format_number(0.0600), format_number(12.3456), format_number(1536), format_number(750.4)
    ('0.06', '12.3', '1536', '750')
    """
    if not math.isfinite(value):
        raise ValueRangeError(
            "number to print", value, "a finite number", "leave the value out and say why in the text"
        )
    if not 1 <= significant <= 15:
        raise ValueRangeError("significant digits", significant, "1 to 15", "give a number in this range")
    size = abs(value)
    if size == 0:
        return "0"
    sign = _MINUS if value < 0 else ""
    if float(value).is_integer() and size < _LARGEST_PLAIN:
        return sign + _grouped(f"{int(size)}")
    rounded = float(f"{size:.{significant - 1}e}")
    if _SMALLEST_PLAIN <= rounded < _LARGEST_PLAIN:
        decimals = max(0, significant - 1 - math.floor(math.log10(rounded)))
        return sign + _grouped(_without_zeros(f"{rounded:.{decimals}f}"))
    mantissa, exponent = f"{size:.{significant - 1}e}".split("e")
    power = str(int(exponent)).translate(_SUPERSCRIPTS)
    return f"{sign}{_without_zeros(mantissa)} {_TIMES} 10{power}"


def format_count(count: int) -> str:
    """Print a count in full, with a comma from 10,000 on.

    Parameters
    ----------
    count : int
        Not negative.

    Returns
    -------
    str

    Examples
    --------
    >>> format_count(12045)
    '12,045'
    """
    return _grouped(str(count))


def format_quantity(value: float, unit: str, significant: int = 3) -> str:
    """Print a number with its unit.

    Parameters
    ----------
    value : float
        Any finite number.
    unit : str
        Printed after a space; a percent sign too; nothing for an empty unit.
    significant : int
        Significant digits at most.

    Returns
    -------
    str

    Raises
    ------
    ValueRangeError
        The number is not finite.

    Examples
    --------
    >>> format_quantity(0.06, "nM")
    '0.06 nM'
    """
    return f"{format_number(value, significant)} {unit}".rstrip()


def format_interval(lower: float, upper: float, significant: int = 3) -> str:
    r"""Print an interval; an open end is written as at least or at most.

    Parameters
    ----------
    lower, upper : float
        Ends; an infinite one is open.
    significant : int
        Significant digits at most.

    Returns
    -------
    str

    Raises
    ------
    ValueRangeError
        An end is NaN, or the ends are in the wrong order.

    Examples
    --------
    >>> format_interval(0.5, 2.5) == "0.5\N{EN DASH}2.5"
    True
    """
    if math.isnan(lower) or math.isnan(upper) or lower > upper:
        raise ValueRangeError(
            "interval to print", (lower, upper), "lower end, then upper end", "give the ends in order"
        )
    if math.isinf(lower) and math.isinf(upper):
        return "unbounded"
    if math.isinf(upper):
        return f"≥ {format_number(lower, significant)}"
    if math.isinf(lower):
        return f"≤ {format_number(upper, significant)}"
    joint = " to " if lower < 0 else _EN_DASH
    return f"{format_number(lower, significant)}{joint}{format_number(upper, significant)}"


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _grouped(text: str) -> str:
    whole, dot, rest = text.partition(".")
    return (f"{int(whole):,}" if int(whole) >= _COMMA_FROM else whole) + dot + rest
