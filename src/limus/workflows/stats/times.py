"""Times at which curves are read: given, or round numbers within follow-up."""

from __future__ import annotations

import math

from limus.kernel.errors import InputError
from limus.kernel.statistics.survival import CumulativeIncidence, KaplanMeier

__all__ = ["parse_times", "round_times", "within"]

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_EQUAL = 2.0**-26


def parse_times(text: str, option: str) -> tuple[float, ...]:
    """Read ``180,365``.

    Parameters
    ----------
    text : str
    option : str
        For the error.

    Returns
    -------
    tuple of float
        In order, each once.

    Raises
    ------
    InputError
        Not numbers of 0 or more.
    """
    found = set()
    for part in text.split(","):
        try:
            value = float(part)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= 0):
            raise InputError(option, text, "times of 0 or more, 180,365", f"correct {part.strip()!r}")
        found.add(value)
    return tuple(sorted(found))


def round_times(last: float, *, about: int = 4) -> tuple[float, ...]:
    """Return round times up to the last one.

    Parameters
    ----------
    last : float
    about : int
        Roughly how many.

    Returns
    -------
    tuple of float
        At least one.

    Examples
    --------
    >>> round_times(1022.0)
    (250.0, 500.0, 750.0, 1000.0)
    """
    if last <= 0:
        return (0.0,)
    power = 10.0 ** math.floor(math.log10(last / about))
    step = next(size * power for size in _STEPS if size * power * (about + 0.5) >= last)
    return tuple(step * i for i in range(1, math.floor(last / step * (1 + 1e-12)) + 1))


def within(time: float, curve: KaplanMeier | CumulativeIncidence) -> bool:
    """Whether a curve is known until a time: it was watched so far, or everyone has had an event."""
    return time <= float(curve.time[-1]) * (1 + _EQUAL) or float(curve.survival[-1]) == 0.0
