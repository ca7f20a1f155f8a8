"""Levels as the model would have them measured: the table's own design, again and again, with all variability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import SolveError, ValueRangeError
from limus.kernel.execution import Execution, spawn_generators, split_chunks
from limus.pharmacokinetics.covariate_history import covariate_history, covariates_at
from limus.pharmacokinetics.event_table.records import EventTable, repeat_subjects
from limus.pharmacokinetics.population_check.observed_levels import ObservedLevels
from limus.pharmacokinetics.population_model.random_effects import draw_random_effects
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.population_model.residual_error import residual_variance
from limus.pharmacokinetics.population_simulation import occasion_count, simulate_population

__all__ = ["SimulatedLevels", "covariates_of_levels", "predict_typical", "simulate_levels", "subject_grid"]

Floats = NDArray[np.float64]
_MOST_NUMBERS = 2.0e8  # levels times replicates that are kept, 1.6 GB
_MOST_SUBJECTS = 500  # solved at once; beyond, preparing steady states costs more than solving


@dataclass(frozen=True, eq=False)
class SimulatedLevels:
    """R replicates of M levels, in the model's unit of DV.

    Attributes
    ----------
    typical : (M,) array
        Without variability.
    level : (R, M) array
        With random effects, without residual error.
    measured : (R, M) array
        With residual error; an additive one makes some negative.
    """

    typical: Floats
    level: Floats
    measured: Floats


def subject_grid(seen: ObservedLevels, values: Floats) -> Floats:
    """Lay values of levels out by subject.

    Parameters
    ----------
    seen : ObservedLevels
    values : (M,) array

    Returns
    -------
    (S, T) array
        NaN after a subject's last; a subject without levels has a row of NaN.
    """
    counts = np.bincount(seen.subject, minlength=len(seen.subjects))
    grid = np.full((len(counts), int(counts.max(initial=1))), np.nan)
    grid[seen.subject, _place(seen)] = values
    return grid


def _place(seen: ObservedLevels) -> NDArray[np.int64]:
    """Number of each level within its subject."""
    counts = np.bincount(seen.subject, minlength=len(seen.subjects))
    return np.arange(len(seen)) - np.repeat(np.cumsum(counts) - counts, counts)


def _times(table: EventTable, seen: ObservedLevels) -> Floats:
    """Times of the levels by subject; a subject without any is solved at its first row."""
    grid = subject_grid(seen, seen.time_h)
    first = np.full(len(table.subjects), np.inf)
    np.minimum.at(first, table.records.subject, table.records.time_h)
    grid[:, 0] = np.where(np.isnan(grid[:, 0]), first, grid[:, 0])
    return grid


def predict_typical(
    model: PopulationModel,
    table: EventTable,
    seen: ObservedLevels,
    *,
    effects: Mapping[str, Floats] | None = None,
    execution: Execution | None = None,
) -> Floats:
    """Predict the levels of a table without variability, or with given effects.

    Parameters
    ----------
    model : PopulationModel
    table : EventTable
    seen : ObservedLevels
        Of the table.
    effects : mapping of str to array, optional
        As :func:`limus.pharmacokinetics.population_simulation.simulate_population`.
    execution : Execution, optional

    Returns
    -------
    (M,) array

    Raises
    ------
    SolveError
        A subject cannot be solved.
    LimusError
        As :func:`limus.pharmacokinetics.population_simulation.simulate_population`.
    """
    found = simulate_population(model, table, _times(table, seen), effects=effects, execution=execution)
    _require(model, table, found.status)
    return found.level[seen.subject, _place(seen)]


def _require(model: PopulationModel, table: EventTable, status: tuple[str, ...]) -> None:
    for k, word in enumerate(status):
        if word != "ok":
            who = table.subjects[k % len(table.subjects)]
            raise SolveError(f"{model.name}, ID {who}", word, "a solution for every subject", "check its rows")


def covariates_of_levels(model: PopulationModel, table: EventTable, seen: ObservedLevels) -> dict[str, Floats]:
    """Return the covariates in force at each level, for residual errors that use them.

    Parameters
    ----------
    model : PopulationModel
    table : EventTable
    seen : ObservedLevels

    Returns
    -------
    dict of str to (M,) array
    """
    names = [name for name in model.covariates if name in table.records.names]
    rules = {name: model.covariates[name].carry for name in names}
    found = covariates_at(covariate_history(table, names, rule=rules), seen.subject, seen.time_h)
    columns = dict(zip(names, found.T, strict=True))
    defaults = {n: c.default for n, c in model.covariates.items() if c.default is not None}
    return {n: np.full(len(seen), value) for n, value in defaults.items()} | {
        n: np.where(np.isnan(column), defaults.get(n, np.nan), column) for n, column in columns.items()
    }


def simulate_levels(
    model: PopulationModel,
    table: EventTable,
    seen: ObservedLevels,
    replicates: int,
    *,
    execution: Execution | None = None,
) -> SimulatedLevels:
    """Simulate the levels of a table as if its study were done again and again under the model.

    Parameters
    ----------
    model : PopulationModel
    table : EventTable
    seen : ObservedLevels
        Of the table.
    replicates : int
        1 or more.
    execution : Execution, optional
        Its seed draws effects and residual errors: replicate n gets the same ones however many there are.

    Returns
    -------
    SimulatedLevels

    Raises
    ------
    ValueRangeError
        No replicates, or more than memory should hold.
    SolveError
        A subject cannot be solved.
    LimusError
        As :func:`limus.pharmacokinetics.population_simulation.simulate_population`.
    """
    execution = execution or Execution(workers=1)
    if not 1 <= replicates * len(seen) <= _MOST_NUMBERS or replicates < 1:
        most = max(1, int(_MOST_NUMBERS // len(seen)))
        raise ValueRangeError("replicates", replicates, f"1 to {most} for {len(seen)} levels", "give another number")
    typical = predict_typical(model, table, seen)
    covariates = covariates_of_levels(model, table, seen)
    generators = spawn_generators(execution.seed, replicates, stream="simulated levels")
    times, place, subjects = _times(table, seen), _place(seen), len(table.subjects)
    level, measured = np.empty((replicates, len(seen))), np.empty((replicates, len(seen)))
    done = 0
    execution.progress.start("replicates", replicates)
    try:
        for chunk in split_chunks(generators, max(1, _MOST_SUBJECTS // subjects)):
            drawn = [draw_random_effects(model, subjects, occasion_count(table), generator) for generator in chunk]
            effects = {name: np.concatenate([one[name] for one in drawn]) for name in drawn[0]}
            many = np.tile(times, (len(chunk), 1))
            found = simulate_population(model, repeat_subjects(table, len(chunk)), many, effects=effects)
            _require(model, table, found.status)
            by_copy = found.level.reshape(len(chunk), subjects, -1)
            for k, generator in enumerate(chunk):
                level[done] = by_copy[k][seen.subject, place]
                measured[done] = _with_error(model, level[done], covariates, generator)
                done += 1
            execution.progress.advance(len(chunk))
    finally:
        execution.progress.finish()
    return SimulatedLevels(typical, level, measured)


def _with_error(
    model: PopulationModel, level: Floats, covariates: Mapping[str, Floats], generator: np.random.Generator
) -> Floats:
    # rounding leaves levels a hair below 0 before a dose arrives
    clean = np.maximum(level, 0.0)
    spread = np.sqrt(residual_variance(model, clean, covariates)) * generator.standard_normal(len(level))
    return np.asarray(clean * np.exp(spread) if model.residual.on_logarithm else clean + spread)
