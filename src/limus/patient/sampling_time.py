"""What an uncertain sampling time adds to the error of a level: its slope in time, squared, times the variance of time.

The slope is that of the predicted course at the recorded time. At the time of a dose the level is a trough, and its
slope that before the dose; at a steady state's own trough, the slope one interval later, which is the same course.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from limus.kernel.execution import Execution
from limus.patient.prediction import predict_levels, prepare_prediction
from limus.pharmacokinetics.event_table.expand import additional_times
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.population_model.record import PopulationModel

__all__ = ["time_error_variance"]

Floats = NDArray[np.float64]
_STEP_H = 0.02


def time_error_variance(
    model: PopulationModel,
    table: EventTable,
    times_h: Floats,
    effects: Floats,
    sd_h: float,
    *,
    execution: Execution | None = None,
) -> Floats:
    """Find the variance that uncertain sampling times add to levels.

    Parameters
    ----------
    model : PopulationModel
    table : EventTable
        Of S subjects.
    times_h : (S, M) array
        Recorded times, NaN after a subject's last.
    effects : (S, K) array
        At which the course is predicted.
    sd_h : float
        Standard deviation of the sampling times, h; above 0.
    execution : Execution, optional

    Returns
    -------
    (S, M) array
        (Unit of DV)^2; 0 where no level is.
    """
    before, after = _around(table, times_h)
    both = np.concatenate([before, after], axis=1)
    rows = np.arange(len(times_h))
    prediction = prepare_prediction(model, table, both, execution=execution)
    level = predict_levels(prediction, rows, effects)
    width = times_h.shape[1]
    with np.errstate(invalid="ignore"):
        slope = (level[:, width:] - level[:, :width]) / (after - before)
    return np.nan_to_num((slope * sd_h) ** 2)


def _around(table: EventTable, times_h: Floats) -> tuple[Floats, Floats]:
    """Two times on the course of each level."""
    before, after = times_h - _STEP_H, times_h + _STEP_H
    doses = table.doses
    parent, repeat_h = additional_times(doses)
    given_h = np.concatenate([doses.time_h, repeat_h])
    owner = np.concatenate([doses.subject, doses.subject[parent]])
    interval = np.concatenate([np.where(doses.steady_state == 1, doses.interval_h, 0.0), np.zeros(len(parent))])
    for s in range(len(times_h)):
        own = owner == s
        for m in np.flatnonzero(np.isfinite(times_h[s])).tolist():
            at = interval[own][given_h[own] == times_h[s, m]]
            if len(at):
                shift = float(at.max())
                before[s, m] = times_h[s, m] + shift - 2.0 * _STEP_H
                after[s, m] = times_h[s, m] + shift
    first = np.full(len(times_h), np.inf)
    np.minimum.at(first, table.records.subject, table.records.time_h)
    return np.maximum(before, first[:, None]), after
