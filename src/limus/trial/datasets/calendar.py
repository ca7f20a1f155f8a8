"""Dates of CDISC: ISO 8601 texts, days since 1960-01-01 as SAS counts, and study days, which have no day 0."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from limus.pharmacokinetics.exchange.dates import read_moment

__all__ = ["date_days", "date_texts", "days_of", "hours_of", "moment_texts", "study_days"]

Floats = NDArray[np.float64]

_EPOCH = np.datetime64("1960-01-01", "D")
_MINUTES_PER_DAY = 1440.0


def date_texts(days: Floats) -> list[str]:
    """Write days since 1960-01-01 as dates; the part of a day is dropped, NaN and infinity are empty.

    Parameters
    ----------
    days : (n,) array

    Returns
    -------
    list of str

    Examples
    --------
    >>> date_texts(np.array([0.0, 366.7, np.nan]))
    ['1960-01-01', '1961-01-01', '']
    """
    return _texts(np.floor(days), "D", 1.0)


def moment_texts(days: Floats) -> list[str]:
    """Write days since 1960-01-01, with parts of days, as dates and times to the minute.

    Parameters
    ----------
    days : (n,) array
        NaN and infinity are empty.

    Returns
    -------
    list of str

    Examples
    --------
    >>> moment_texts(np.array([0.5]))
    ['1960-01-01T12:00']
    """
    return _texts(np.round(days * _MINUTES_PER_DAY), "m", _MINUTES_PER_DAY)


def _texts(units: Floats, code: str, per_day: float) -> list[str]:
    known = np.isfinite(units)
    whole = np.where(known, units, 0.0).astype(np.int64)
    moments = _EPOCH.astype(f"datetime64[{code}]") + whole.astype(f"timedelta64[{code}]")
    return np.where(known, np.datetime_as_string(moments), "").tolist()


def date_days(text: str) -> float:
    """Return a date as days since 1960-01-01.

    Parameters
    ----------
    text : str
        ``2026-01-05``.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        The text is no date.

    Examples
    --------
    >>> date_days("1960-01-02")
    1.0
    """
    return float((np.datetime64(text, "D") - _EPOCH).astype(np.int64))


def days_of(texts: Sequence[str] | NDArray[np.object_]) -> tuple[Floats, list[str]]:
    """Read dates, with or without time of day, as days since 1960-01-01.

    Parameters
    ----------
    texts : (n,) sequence of str
        ISO 8601; a missing day or month is taken as the first one.

    Returns
    -------
    tuple of ((n,) array, list of str)
        Whole days, NaN where there is none; and ADaM's imputation flag: ``D`` where the day was missing, ``M`` where
        the month was, ``?`` where the text is no date, empty otherwise.

    Examples
    --------
    >>> days_of(["1960-01-03T08:00", "1960-02", ""])[0].tolist()
    [2.0, 31.0, nan]
    """
    known: dict[str, tuple[float, str]] = {}
    for text in set(texts):
        known[text] = _read(str(text).strip())
    read = [known[text] for text in texts]
    return np.array([day for day, _ in read], dtype=np.float64), [flag for _, flag in read]


def _read(text: str) -> tuple[float, str]:
    if not text:
        return np.nan, ""
    date = text.partition("T")[0]
    parts = date.split("-")
    flag = {4: "M", 7: "D", 10: ""}.get(len(date), "?")
    if flag == "?" or not all(part.isascii() and part.isdigit() for part in parts):
        return np.nan, "?"
    try:
        return date_days("-".join([*parts, "01", "01"][:3])), flag
    except ValueError:
        return np.nan, "?"


def hours_of(texts: Sequence[str] | NDArray[np.object_]) -> Floats:
    """Read dates with times of day as hours since 1960-01-01; a date alone is its midnight, a zone is counted in.

    Parameters
    ----------
    texts : (n,) sequence of str

    Returns
    -------
    (n,) array
        NaN where the text is no complete date.
    """
    known: dict[str, float] = {}
    for text in set(texts):
        moment = read_moment(str(text))
        known[text] = np.nan if moment is None else moment.hours
    return np.array([known[text] for text in texts], dtype=np.float64)


def study_days(days: Floats, reference: Floats) -> Floats:
    """Return study days: 1 on the day of reference, -1 on the day before; there is no day 0.

    Parameters
    ----------
    days, reference : (n,) array
        Whole days on one scale.

    Returns
    -------
    (n,) array

    Examples
    --------
    >>> study_days(np.array([9.0, 10.0, 12.0]), np.array([10.0, 10.0, 10.0])).tolist()
    [-1.0, 1.0, 3.0]
    """
    difference = np.floor(days) - np.floor(reference)
    return np.where(difference >= 0, difference + 1.0, difference)
