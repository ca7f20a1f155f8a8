"""Analysis visits: which planned visit a value belongs to, by the day on which it was taken."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from limus.trial.design.design import Visit

__all__ = ["level_visits", "place_in_windows"]

Floats = NDArray[np.float64]


def place_in_windows(since: Floats, visits: Sequence[Visit]) -> NDArray[np.int64]:
    """Return the visit in whose window a day lies, the nearest where windows overlap; -1 outside all of them.

    Parameters
    ----------
    since : (n,) array
        Whole days after the day of randomisation; NaN is outside.
    visits : sequence of Visit

    Returns
    -------
    (n,) array of int

    Examples
    --------
    >>> place_in_windows(np.array([0.0, 9.0, 20.0]), [Visit("base", 0.0), Visit("week 1", 7.0, 2.0, 2.0)]).tolist()
    [0, 1, -1]
    """
    if not visits:
        return np.full(len(since), -1, dtype=np.int64)
    target = np.array([visit.day for visit in visits])
    before = np.array([visit.window_before_days for visit in visits])
    after = np.array([visit.window_after_days for visit in visits])
    difference = since[:, None] - target
    inside = (difference >= -before) & (difference <= after)
    distance = np.where(inside, np.abs(difference), np.inf)
    nearest = np.argmin(distance, axis=1)
    return np.where(inside.any(axis=1), nearest, -1)


def level_visits(days: Sequence[float], visits: Sequence[Visit], randomisation_day: float = 0.0) -> tuple[Visit, ...]:
    """Return the occasions on which levels are planned, with windows that meet halfway.

    Parameters
    ----------
    days : sequence of float
        After randomisation, rising.
    visits : sequence of Visit
        Study visits, whose names are taken where the day is theirs.
    randomisation_day : float
        After transplantation, from which days without a study visit are named.

    Returns
    -------
    tuple of Visit
        The first begins with its day, the last reaches as far as the gap before it.
    """
    names = {visit.day: visit.name for visit in visits}
    gaps = np.diff(np.asarray(days, dtype=np.float64))
    found = []
    for k, day in enumerate(days):
        before = np.floor(gaps[k - 1] / 2.0) if k else 0.0
        after = np.ceil(gaps[k] / 2.0) - 1.0 if k < len(gaps) else (np.floor(gaps[-1] / 2.0) if len(gaps) else 0.0)
        found.append(
            Visit(names.get(day, f"Day {day + randomisation_day:g}"), day, float(before), float(max(after, 0.0)))
        )
    return tuple(found)
