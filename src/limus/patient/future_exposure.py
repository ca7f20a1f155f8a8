"""Exposure under a regimen that a patient would be given next: trough, area and peak of each draw of the posterior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import SolveError, ValueRangeError
from limus.kernel.execution import Execution, spawn_generators
from limus.patient.effects import effect_space
from limus.patient.estimate import PatientEstimate, error_of
from limus.patient.forecast import measured_draws
from limus.patient.future import next_dose, with_future_doses
from limus.patient.stretches import cut_into_stretches
from limus.pharmacokinetics.event_table.records import EventTable, take_subjects
from limus.pharmacokinetics.exposure import find_exposure
from limus.pharmacokinetics.population_model.mass_balance import is_linear
from limus.pharmacokinetics.population_model.record import PopulationModel

__all__ = ["DrawnExposure", "expose_draws", "is_proportional", "last_stretch"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DrawnExposure:
    """Exposure of C doses in R draws, in the last dosing interval looked at.

    Attributes
    ----------
    trough, auc, cmax : (C, R) array
        In the unit of DV, and times h; NaN where a draw could not be solved.
    measured_trough : (C, R) array
        With residual error.
    """

    trough: Floats
    auc: Floats
    cmax: Floats
    measured_trough: Floats


def is_proportional(model: PopulationModel) -> bool:
    """Tell whether levels are proportional to the dose, so that one simulation serves every dose."""
    return model.observation.linear == model.observation.output and is_linear(model)


def last_stretch(model: PopulationModel, table: EventTable) -> tuple[EventTable, NDArray[np.int64]]:
    """Return what the levels after the last row of one patient depend on, and the places of its occasions.

    Parameters
    ----------
    model : PopulationModel
    table : EventTable
        Of one patient.

    Returns
    -------
    tuple of (EventTable, (L,) array of int)
    """
    rules = {name: covariate.carry for name, covariate in model.covariates.items() if name in table.records.names}
    stretches = cut_into_stretches(table, rules)
    last = len(stretches.subject) - 1
    part = take_subjects(stretches.table, np.array([last]), (table.subjects[0],))
    occasions = stretches.occasions[last]
    return part, occasions[occasions >= 0]


def expose_draws(
    estimate: PatientEstimate,
    doses_mg: Floats,
    interval_h: float,
    *,
    after_h: float | None = None,
    most_draws: int = 1000,
    seed: int = 1,
    execution: Execution | None = None,
) -> DrawnExposure:
    """Find the exposure of one patient under each of some doses.

    Parameters
    ----------
    estimate : PatientEstimate
        Of one patient, with draws.
    doses_mg : (C,) array
        Each given every ``interval_h``, as an occasion of its own with effects drawn from their prior.
    interval_h : float
    after_h : float, optional
        How long the dose has been given, from the state in which the patient is: the interval that ends then is looked
        at. By default the dose's own steady state.
    most_draws : int
        Draws used.
    seed : int
        Of the new occasion and the residual error.
    execution : Execution, optional

    Returns
    -------
    DrawnExposure

    Raises
    ------
    ValueRangeError
        An estimate without draws, or a time shorter than an interval.
    """
    if estimate.draws is None:
        raise ValueRangeError("draws", 0, "1 or more", "ask for draws")
    if after_h is not None and after_h < interval_h:
        raise ValueRangeError("time on the dose", after_h, f"{interval_h:g} h or more, one interval", "wait longer")
    effects = estimate.draws.effects[0][:most_draws]
    doses = np.asarray(doses_mg, dtype=np.float64)
    # what the patient has in the blood already is not proportional to the new dose
    scaled = is_proportional(estimate.model) and after_h is None
    simulated = doses[-1:] if scaled else doses
    found = [_expose(estimate, float(dose), interval_h, after_h, effects, seed, execution) for dose in simulated]
    factor = (doses / doses[-1])[:, None] if scaled else 1.0
    trough, auc, cmax = (np.array([one[k] for one in found]) * factor for k in range(3))
    generator = spawn_generators(seed, 1, stream="residual error of a dose")[0]
    last = estimate.table.records.time_h[-1:][None, :]
    error = error_of(estimate.model, estimate.table, last, estimate.options)
    patient = np.zeros(len(doses), dtype=np.int64)
    return DrawnExposure(trough, auc, cmax, measured_draws(error, trough, generator, patient, alike=0))


def _expose(
    estimate: PatientEstimate,
    dose_mg: float,
    interval_h: float,
    after_h: float | None,
    effects: Floats,
    seed: int,
    execution: Execution | None,
) -> tuple[Floats, Floats, Floats]:
    table = _table_with(estimate.table, dose_mg, interval_h, after_h)
    part, occasions = last_stretch(estimate.model, table)
    known = estimate.posterior.prediction.space
    space = effect_space(estimate.model, known.occasions + 1)
    count = len(effects)
    together = np.zeros((count, space.size))
    together[:, : known.size] = effects
    if space.occasion:
        root = np.linalg.cholesky(estimate.model.between_occasion.covariance)
        normal = spawn_generators(seed, 1, stream="effects of a new occasion")[0].standard_normal((count, len(root)))
        together[:, known.size :] = normal @ root.T
    between, within = space.split(together)
    given = {name: between[:, k] for k, name in enumerate(space.subject)}
    given |= {name: within[:, occasions, k] for k, name in enumerate(space.occasion)}
    return _solve(estimate.model, part, given, np.arange(count), execution)


def _table_with(table: EventTable, dose_mg: float, interval_h: float, after_h: float | None) -> EventTable:
    start, compartment = next_dose(table, interval_h)
    count = 1 if after_h is None else int(np.floor(after_h / interval_h + 1e-9))
    return with_future_doses(
        table,
        start_h=start,
        dose_mg=dose_mg,
        interval_h=interval_h,
        count=count,
        compartment=compartment,
        steady_state=after_h is None,
    )


def _solve(
    model: PopulationModel,
    part: EventTable,
    effects: dict[str, Floats],
    rows: NDArray[np.int64],
    execution: Execution | None,
) -> tuple[Floats, Floats, Floats]:
    """Exposure of some draws; NaN for one without a steady state."""
    own = {name: array[rows] for name, array in effects.items()}
    labels = tuple(map(str, rows.tolist()))
    repeated = take_subjects(part, np.zeros(len(rows), dtype=np.int64), labels)
    try:
        found = find_exposure(model, repeated, effects=own, only_last=True, execution=execution)
    except SolveError:
        if len(rows) == 1:
            nothing = np.full(1, np.nan)
            return nothing, nothing, nothing
        halves = [_solve(model, part, effects, half, execution) for half in np.array_split(rows, 2)]
        trough, auc, cmax = (np.concatenate([half[k] for half in halves]) for k in range(3))
        return trough, auc, cmax
    return found.trough, found.auc, found.cmax
