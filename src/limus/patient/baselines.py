"""The forecast that needs no model: the last trough times the ratio of the dose rates.

A level is a trough where it stands at a dose's time, or so late in its interval that the next dose is due. The dose
rate is that of the regimen in force before the level: II of a repeated dose, else what was given in the 24 h before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.patient.levels import PatientLevels
from limus.pharmacokinetics.event_table.expand import additional_times
from limus.pharmacokinetics.event_table.records import EventTable

__all__ = ["DoseHistory", "dose_history", "ratio_forecasts"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
_LATE = 0.9  # of the interval: from here on a level is a trough
_SAME = 1e-9


@dataclass(frozen=True, eq=False)
class DoseHistory:
    """What each level stands on.

    Attributes
    ----------
    rate_mg_per_h : (S, M) array
        Dose rate in force before the level; NaN where none is known.
    trough : (S, M) array of bool
    """

    rate_mg_per_h: Floats
    trough: Flags


def dose_history(table: EventTable, levels: PatientLevels) -> DoseHistory:
    """Find the dose rate before each level, and whether it is a trough.

    Parameters
    ----------
    table : EventTable
    levels : PatientLevels
        Of the table.

    Returns
    -------
    DoseHistory
    """
    doses = table.doses
    parent, repeat_h = additional_times(doses)
    row = np.concatenate([np.arange(len(doses)), parent])
    time_h = np.concatenate([doses.time_h, repeat_h])
    real = doses.amount_mg[row] > 0
    row, time_h = row[real], time_h[real]
    rate = np.full(levels.time_h.shape, np.nan)
    trough = np.zeros(levels.time_h.shape, dtype=np.bool_)
    for s in range(len(levels.subjects)):
        own = doses.subject[row] == s
        order = np.argsort(time_h[own], kind="stable")
        given, of_row = time_h[own][order], row[own][order]
        columns = given, doses.amount_mg[of_row], doses.interval_h[of_row], doses.steady_state[of_row] > 0
        for m in np.flatnonzero(np.isfinite(levels.time_h[s])).tolist():
            rate[s, m], trough[s, m] = _before(float(levels.time_h[s, m]), *columns)
    return DoseHistory(rate, trough)


def _before(at_h: float, given: Floats, amount: Floats, interval: Floats, steady: Flags) -> tuple[float, bool]:
    """Dose rate before a time, and whether a level then is a trough."""
    now = np.abs(given - at_h) <= _SAME * max(at_h, 1.0)
    if (now & steady).any():
        k = int(np.argmax(now & steady))
        return float(amount[k] / interval[k]), True
    earlier = np.flatnonzero((given < at_h) & ~now)
    if not len(earlier):
        return np.nan, False
    k = int(earlier[-1])
    if interval[k] > 0.0:
        every, rate = float(interval[k]), float(amount[k] / interval[k])
    else:
        recent = earlier[given[earlier] >= at_h - 24.0 * (1.0 + _SAME)]
        every = float(given[k] - given[earlier[-2]]) if len(earlier) > 1 else np.inf
        rate = float(amount[recent].sum() / 24.0) if len(recent) else np.nan
    late = at_h - float(given[k]) >= _LATE * every
    return rate, bool(now.any() or late)


def ratio_forecasts(levels: PatientLevels, history: DoseHistory, before: Flags, at: Flags) -> Floats:
    """Forecast levels as the last trough times the ratio of the dose rates.

    Parameters
    ----------
    levels : PatientLevels
        Of n patients, or of patients at several occasions.
    history : DoseHistory
        Of the same rows.
    before : (n, M) array of bool
        Levels that may be known.
    at : (n, M) array of bool
        Levels that are forecast.

    Returns
    -------
    (n, M) array
        NaN where a level is no trough, or none came before.
    """
    known = before & history.trough & np.isfinite(history.rate_mg_per_h) & ~levels.below
    found = np.full(levels.time_h.shape, np.nan)
    for n in range(len(found)):
        rows = np.flatnonzero(known[n])
        if not len(rows):
            continue
        last = rows[np.argmax(levels.time_h[n, rows])]
        wanted = at[n] & history.trough[n]
        factor = history.rate_mg_per_h[n, wanted] / history.rate_mg_per_h[n, last]
        found[n, wanted] = levels.value[n, last] * factor
    return found
