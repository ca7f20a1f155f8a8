"""Limus: from the event table, the covariates and the random effects to the levels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from population import EVERY_H, HOURS, MODEL, WEEK_H

from limus.kernel.execution import Execution
from limus.pharmacokinetics.event_table.read import event_table_from_arrays
from limus.pharmacokinetics.event_table.records import take_subjects
from limus.pharmacokinetics.event_table.units import TableUnits
from limus.pharmacokinetics.population_model.library import load_population_model
from limus.pharmacokinetics.population_simulation import simulate_population

__all__ = ["VERSIONS", "prepare"]

VERSIONS = ("limus", "llvmlite", "numpy")


def prepare(data: dict[str, np.ndarray]) -> Callable[[int, float], np.ndarray]:
    model = load_population_model(MODEL)
    subjects, weeks = data["haematocrit"].shape
    starts = np.arange(weeks) * WEEK_H
    # a row a week: the week before a row has the row's haematocrit (next observation backward), so it is one later
    ends = np.append(starts[1:], HOURS)
    rows = np.arange(weeks + 1)
    columns = {
        "ID": np.repeat(np.arange(subjects) + 1.0, weeks + 1),
        "TIME": np.tile(np.concatenate([[0.0], ends]), subjects),
        "EVID": np.tile(np.where(rows == 0, 1.0, 2.0), subjects),
        "AMT": np.where(np.tile(rows, subjects) == 0, np.repeat(data["dose_mg"], weeks + 1), 0.0),
        "II": np.tile(np.where(rows == 0, EVERY_H, 0.0), subjects),
        "ADDL": np.tile(np.where(rows == 0, HOURS / EVERY_H - 1.0, 0.0), subjects),
        "DV": np.full(subjects * (weeks + 1), np.nan),
        "HCT": np.concatenate([data["haematocrit"][:, :1], data["haematocrit"]], axis=1).ravel(),
        "CYP3A5_expresser": np.repeat(data["expresser"], weeks + 1),
        "immediate_release": np.ones(subjects * (weeks + 1)),
    }
    table = event_table_from_arrays(columns, units=TableUnits("mg", "ng/mL"), covariates=tuple(columns)[-3:])

    def solve(count: int, _tolerance: float) -> np.ndarray:
        places = np.arange(count)
        part = table if count == subjects else take_subjects(table, places, table.subjects[:count])
        effects = {
            name.removeprefix("effect_"): array[:count] for name, array in data.items() if name.startswith("effect_")
        }
        times = data["times_h"][:count]
        return simulate_population(model, part, times, effects=effects, execution=Execution(workers=1)).level

    return solve
