"""Dates and times of CDISC (ISO 8601 text) to hours."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

__all__ = ["Moment", "read_moment"]

_FORM = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?(Z|[+-]\d{2}:\d{2})?)?", flags=re.ASCII
)
_EPOCH = datetime.datetime(1960, 1, 1, tzinfo=datetime.UTC)  # of SAS
_SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Moment:
    """A date, with or without time of day.

    Attributes
    ----------
    hours : float
        h since the start of 1960, in the zone given (or local time where none is given).
    has_time : bool
        Whether a time of day was given.
    has_zone : bool
        Whether a zone was given; hours are then of universal time.
    """

    hours: float
    has_time: bool
    has_zone: bool


def read_moment(text: str) -> Moment | None:
    """Read a complete date, with or without time of day.

    Parameters
    ----------
    text : str
        ``2024-03-05``, ``2024-03-05T08:30``, with seconds and zone if they are known.

    Returns
    -------
    Moment or None
        None where the text is no complete date.

    Examples
    --------
    >>> read_moment("1960-01-02T06:00").hours
    30.0
    >>> read_moment("2024-03") is None
    True
    """
    if not _FORM.fullmatch(text.strip()):
        return None
    try:
        when = datetime.datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    has_zone = when.tzinfo is not None
    aware = when.astimezone(datetime.UTC) if has_zone else when.replace(tzinfo=datetime.UTC)
    return Moment((aware - _EPOCH).total_seconds() / _SECONDS_PER_HOUR, "T" in text, has_zone)
