"""Levels over time for the figure of an exposure: predicted, measured, and the spread of virtual copies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.execution import Execution
from limus.kernel.tables import Table
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.exposure import Exposure
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.population_simulation import simulate_population
from limus.pharmacokinetics.virtual_exposure import draw_virtual_levels
from limus.workflows.pk.exposure.rows import ExposureFindings

__all__ = ["LAST", "MOST_COPIES", "WHOLE", "level_course"]

Floats = NDArray[np.float64]
MOST_COPIES = 400  # of a subject, for the band
_SHOWN = 6  # subjects drawn
WHOLE = 20  # intervals up to which all of a subject's time is drawn
LAST = 4  # else so many
_POINTS = 60  # of an interval


def level_course(model: PopulationModel, table: EventTable, found: ExposureFindings, execution: Execution) -> Table:
    """Find the levels of the first subjects over time, with what was measured.

    Parameters
    ----------
    model : PopulationModel
    table : EventTable
    found : ExposureFindings
    execution : Execution
        Its seed draws the virtual copies of the band.

    Returns
    -------
    Table
        ``subject, kind, time_h, level, lower, upper``.
    """
    count, exposure, copies = len(table.subjects), found.exposure, found.copies
    shown = [s for s in range(count) if np.isfinite(exposure.end_h[exposure.subject == s]).any()][:_SHOWN]
    grids = {s: _grid(exposure, s) for s in shown}
    width = max((len(grid) for grid in grids.values()), default=1)
    times = np.full((count, width), np.nan)
    times[:, 0] = 0.0
    np.maximum.at(times[:, 0], table.records.subject, table.records.time_h)
    for s, grid in grids.items():
        times[s, : len(grid)] = grid
    level = simulate_population(model, table, times).level
    band = None
    if copies:
        few = min(copies, MOST_COPIES)
        drawn = draw_virtual_levels(model, table, times, few, value_sets=found.value_sets, execution=execution)
        band = drawn.percentiles
    labels: list[tuple[str, str]] = []
    columns: list[tuple[Floats, ...]] = []
    for s, grid in grids.items():
        n, nothing = len(grid), np.full(len(grid), np.nan)
        lower, upper = (band[0, s, :n], band[2, s, :n]) if band is not None else (nothing, nothing)
        labels += [(table.subjects[s], "predicted"), (table.subjects[s], "measured")]
        columns += [(grid, level[s, :n], lower, upper), _measured(table, s, grid[0])]
    names = ("time_h", "level", "lower", "upper")
    result: dict[str, Any] = {
        name: [label[k] for label, part in zip(labels, columns, strict=True) for _ in part[0]]
        for k, name in enumerate(("subject", "kind"))
    }
    result |= {name: np.concatenate([part[k] for part in columns] or [np.zeros(0)]) for k, name in enumerate(names)}
    return Table.create(result)


def _measured(table: EventTable, subject: int, since_h: float) -> tuple[Floats, ...]:
    """Measured levels of a subject from a time on, in the columns of the figure."""
    observed = table.observations
    rows = observed.of(subject)
    known = ~observed.missing[rows] & np.isfinite(observed.value[rows]) & (observed.time_h[rows] >= since_h)
    nothing = np.full(int(known.sum()), np.nan)
    return observed.time_h[rows][known], observed.value[rows][known], nothing, nothing


def _grid(exposure: Exposure, subject: int) -> NDArray[np.float64]:
    """Times of a subject's figure: all of its intervals, or the last few."""
    own = np.flatnonzero((exposure.subject == subject) & np.isfinite(exposure.end_h))
    own = own if len(own) <= WHOLE else own[-LAST:]
    nodes = np.linspace(0.0, 1.0, _POINTS)
    length = (exposure.end_h - exposure.start_h)[own, None]
    return np.unique(np.round((exposure.start_h[own, None] + nodes * length).reshape(-1), 9))
