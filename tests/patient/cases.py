"""Models, tables and levels that tests of drug monitoring share; all made up here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from limus.kernel.execution import spawn_generators
from limus.patient.simulated_levels import simulate_levels
from limus.pharmacokinetics.event_table.read import event_table_from_arrays
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.event_table.units import TableUnits
from limus.pharmacokinetics.population_model.library import load_population_model
from limus.pharmacokinetics.population_model.record import PopulationModel

ONE_COMPARTMENT = Path(__file__).with_name("one_compartment.toml")
NAN = float("nan")
TIMES = (0.0, 1.5, 4.4, 7.1, 24.6)


def one_compartment(**changes: object) -> PopulationModel:
    return replace(load_population_model(str(ONE_COMPARTMENT)), **changes)


def nonmem_table(levels: Sequence[float] = (107.267, 100.995, 54.0546, 5.97081), **more: Sequence[float]) -> EventTable:
    """The table of the NONMEM case: an infusion of an hour, four levels, weight and sex that change."""
    columns = {
        "ID": [1] * 5,
        "TIME": TIMES,
        "EVID": [1, 0, 0, 0, 0],
        "AMT": [10_000, 0, 0, 0, 0],
        "RATE": [10_000, 0, 0, 0, 0],
        "CMT": [2] * 5,
        "DV": [NAN, *levels],
        "BW": [77, 113, 92, 132, 126],
        "SEX": [0, 0, 1, 0, 1],
    }
    return event_table_from_arrays(columns | more, units=TableUnits("mg", "mg/L"))


def visits(
    model: PopulationModel, patients: int, occasions: int, *, at_h: Sequence[float] = (0.0,), gap_h: float = 96.0
) -> EventTable:
    """Patients at steady state on several occasions, with levels wanted some hours after each one's dose."""
    dose = model.typical.dose
    rows: dict[str, list[float]] = {
        name: [] for name in ("ID", "OCC", "TIME", "EVID", "AMT", "II", "SS", "CMT", "MDV", "DV")
    }
    every = model.typical.interval_h
    for patient in range(1, patients + 1):
        for occasion in range(1, occasions + 1):
            start = occasion * gap_h
            amount = dose * (1.0 + 0.5 * ((patient + occasion) % 3))
            for time, is_dose in ((start, True), *((start + hours, False) for hours in at_h)):
                values = (patient, occasion, time, is_dose, amount if is_dose else 0.0, every if is_dose else 0.0)
                for name, value in zip(("ID", "OCC", "TIME", "EVID", "AMT", "II"), values, strict=True):
                    rows[name].append(float(value))
                rows["SS"].append(float(is_dose))
                rows["CMT"].append(1.0 if is_dose else 0.0)
                rows["MDV"].append(float(is_dose))
                rows["DV"].append(NAN if is_dose else 1.0)
    columns = {name: np.array(values) for name, values in rows.items()}
    columns |= {name: np.full(len(columns["ID"]), value) for name, value in model.typical.covariates.items()}
    return event_table_from_arrays(columns, units=TableUnits(model.units.AMT, model.units.DV))


def with_simulated_levels(
    model: PopulationModel, table: EventTable, seed: int
) -> tuple[EventTable, np.ndarray, np.ndarray]:
    """Levels drawn from the model itself; also the true effects (S, K) and the true levels (S, M)."""
    found = simulate_levels(model, table, spawn_generators(seed, 1, stream="truth")[0])
    return found.table, found.effects, found.level
