"""Levels of every subject of an event table under a population model.

Covariates and effects between occasions are inputs of the equations that change with time; doses, lag and
bioavailability take the values of their own row. Linear models are solved exactly, others by the engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import InputError, ValueRangeError
from limus.kernel.execution import Execution
from limus.kernel.language import Parameter, Rule, Symbol, free_symbols
from limus.kernel.simulation import CompiledModel, build_system, compile_model, simulate
from limus.kernel.simulation.system import input_symbol
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.population_treatment import occasion_count, treat_population

__all__ = [
    "AREA",
    "PopulationSimulation",
    "compile_population_model",
    "effects_on_doses",
    "occasion_count",
    "simulate_population",
]

Floats = NDArray[np.float64]
AREA = "area_since_start"  # what is added to the equations: the integral of the level
_TOLERANCE = 1e-9  # of models that are not linear


@dataclass(frozen=True, eq=False)
class PopulationSimulation:
    """Levels of S subjects at up to T times each.

    Attributes
    ----------
    subjects : tuple of str
    times_h : (S, T) array
        NaN after a subject's last.
    level : (S, T) array
        In the model's unit of DV.
    area : (S, T) array or None
        Integral of the level since the subject's first row, in DV times h; None where it was not asked for.
    status : tuple of str
        'ok' or why a subject has no levels.
    solver : tuple of str
    slopes : (S, T, P) array or None
        Derivative of the level by each of the random effects that were named; None where none was.
    """

    subjects: tuple[str, ...]
    times_h: Floats
    level: Floats
    area: Floats | None
    status: tuple[str, ...]
    solver: tuple[str, ...]
    slopes: Floats | None = None


def compile_population_model(
    model: PopulationModel, *, with_area: bool = False, slopes: Sequence[str] = ()
) -> CompiledModel:
    """Compile a model's equations for its level, and for the area under it.

    Parameters
    ----------
    model : PopulationModel
    with_area : bool
        Whether the integral of the level is a state too.
    slopes : sequence of str
        Random effects by which the level is differentiated.

    Returns
    -------
    CompiledModel
        Outputs: the level, then the area.
    """
    equations, level = model.model, model.observation.output
    # by content: a model that was changed in memory is another one, one that was read again is not
    changing = (equations.species, equations.reactions, equations.rules, equations.initial_assignments)
    key = (*changing, equations.events, repr(equations.values), level)
    return _compile(_Source(key, model), with_area, tuple(slopes))


@dataclass(frozen=True, slots=True)
class _Source:
    """A model behind the cache's key."""

    key: tuple[object, ...]
    model: PopulationModel = field(compare=False)


@lru_cache(maxsize=64)
def _compile(source: _Source, with_area: bool, slopes: tuple[str, ...]) -> CompiledModel:
    model, level = source.model.model, source.model.observation.output
    if not with_area:
        return compile_model(model, [level], sensitivities=slopes)
    area = Parameter(AREA, 0.0, constant=False)
    integral = Rule("rate", AREA, Symbol(level))
    return compile_model(
        replace(model, parameters=(*model.parameters, area), rules=(*model.rules, integral)),
        [level, AREA],
        sensitivities=slopes,
    )


def effects_on_doses(model: PopulationModel) -> frozenset[str]:
    """Return the random effects that a lag or a bioavailability depends on.

    Parameters
    ----------
    model : PopulationModel

    Returns
    -------
    frozenset of str
        Levels are not differentiated by them: doses take their values beforehand.
    """
    names = [name for name in (model.dosing.lag, model.dosing.bioavailability) if name]
    if not names:
        return frozenset()
    used = frozenset[str]().union(*map(free_symbols, build_system(model.model, names).output_expressions))
    every = (*model.between_subject.names, *model.between_occasion.names)
    return frozenset(name for name in every if input_symbol(name) in used)


def simulate_population(
    model: PopulationModel,
    table: EventTable,
    times_h: ArrayLike | None = None,
    *,
    effects: Mapping[str, ArrayLike] | None = None,
    values: Mapping[str, ArrayLike] | None = None,
    carry: Mapping[str, str] | None = None,
    with_area: bool = False,
    slopes: Sequence[str] = (),
    execution: Execution | None = None,
    label: str = "",
) -> PopulationSimulation:
    """Simulate the subjects of an event table.

    Parameters
    ----------
    model : PopulationModel
    table : EventTable
        Doses and covariates; covariates stand under the names of the model. Whether they lie within the model's limits
        is for the caller to have checked (:func:`limus.pharmacokinetics.covariate_checks.check_covariates`).
    times_h : (T,) or (S, T) array_like, optional
        When levels are wanted, not decreasing, NaN after a subject's last; the table's observations by default.
    effects : mapping of str to (S,) or (S, O) array_like, optional
        Random effects, 0 by default: between subjects one number a subject; between occasions one for each of the
        occasions that the table's rows name, in increasing order of their labels.
    values : mapping of str to (S,) array_like, optional
        Typical values other than the model's, for parameter uncertainty.
    carry : mapping of str to str, optional
        Rule that carries a covariate between rows, by name; the model's own by default.
    with_area : bool
        Whether the area under the level is wanted.
    slopes : sequence of str
        Random effects by which the derivative of the level is wanted: those of :func:`effects_on_doses` have none, and
        effects between occasions only where every subject has one occasion.
    execution : Execution, optional
    label : str
        Shown by the progress; empty shows nothing.

    Returns
    -------
    PopulationSimulation
        A level at a dose's time is the trough before it. A subject that fails has a status; the others are solved.

    Raises
    ------
    InputError
        A covariate of the model that a subject has no value of, or a dose to a compartment that the model has not.
    ValueRangeError
        Effects of the wrong shape, times that decrease, a derivative that there is not.
    ModelError, SolveError, UnsupportedFeatureError
        As :func:`limus.kernel.simulation.simulate`.
    """
    if lost_slopes := effects_on_doses(model) & set(slopes):
        allowed = "effects that neither lag nor bioavailability depends on"
        raise ValueRangeError("slopes", ", ".join(sorted(lost_slopes)), allowed, "take differences of simulations")
    compiled = compile_population_model(model, with_area=with_area, slopes=slopes)
    treated = treat_population(model, table, effects=effects or {}, values=values or {}, carry=carry)
    times = _observation_times(table) if times_h is None else np.asarray(times_h, dtype=np.float64)
    grid = np.broadcast_to(np.atleast_2d(times), (len(table.subjects), times.shape[-1]))
    starts = np.fmin(_first_times(table), np.nanmin(grid, axis=1))
    lost = _by_subject(*treated.resets, len(grid)) if with_area else np.full((len(grid), 0), np.nan)
    asked, order = (grid, None) if not lost.size else _merged(grid, lost)
    result = simulate(
        compiled,
        asked,
        treated.inputs,
        doses=treated.treatment,
        start=starts,
        relative_tolerance=_TOLERANCE,
        absolute_tolerance=_TOLERANCE * 1e-3,
        sensitivity_errors=False,
        execution=execution,
        label=label,
    )
    level, area = result.output(model.observation.output), result.output(AREA) if with_area else None
    by_effect = result.sensitivities(model.observation.output) if slopes else None
    if order is not None and area is not None:
        width = grid.shape[1]
        level, area = (np.take_along_axis(found, order, axis=1) for found in (level, area))
        level, area = level[:, :width], area[:, :width] + _area_before_resets(grid, lost, area[:, width:])
        if by_effect is not None:
            by_effect = np.take_along_axis(by_effect, order[:, :, None], axis=1)[:, :width]
    return PopulationSimulation(table.subjects, grid, level, area, result.status, result.solver, by_effect)


def _merged(times_h: Floats, more_h: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Two sets of times of each subject in one order, and the places where each of them went."""
    together = np.concatenate([times_h, more_h], axis=1)
    order = np.argsort(together, axis=1, kind="stable")
    return np.take_along_axis(together, order, axis=1), np.argsort(order, axis=1)


def _by_subject(subject: NDArray[np.int64], time_h: Floats, count: int) -> Floats:
    """Different times of each of ``count`` subjects, one row a subject, NaN after the last."""
    pairs = np.unique(np.stack([subject.astype(np.float64), time_h], axis=1), axis=0)
    owner = pairs[:, 0].astype(np.int64)
    counts = np.bincount(owner, minlength=count)
    grid = np.full((count, int(counts.max(initial=0))), np.nan)
    grid[owner, np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)] = pairs[:, 1]
    return grid


def _area_before_resets(times_h: Floats, resets_h: Floats, area: Floats) -> Floats:
    """What a reset, which empties every state, has taken from the area by each time."""
    taken = np.zeros_like(times_h)
    for reset_h, before in zip(resets_h.T, area.T, strict=True):
        taken += np.where(times_h > reset_h[:, None], np.nan_to_num(before)[:, None], 0.0)
    return taken


# ---- times


def _first_times(table: EventTable) -> Floats:
    """Time of each subject's first row."""
    first = np.full(len(table.subjects), np.inf)
    np.minimum.at(first, table.records.subject, table.records.time_h)
    np.minimum.at(first, table.doses.subject, table.doses.time_h)
    return first


def _observation_times(table: EventTable) -> Floats:
    """Times of the observations, one row a subject."""
    observations = table.observations
    counts = np.diff(observations.offsets)
    if len(observations) == 0 or (counts == 0).any():
        lacking = [table.subjects[i] for i in np.flatnonzero(counts == 0)[:5]]
        got = f"no observation of {', '.join(lacking)}" if lacking else "no subjects"
        raise InputError(table.source, got, "a time for every subject", "give the times at which levels are wanted")
    grid = np.full((len(counts), int(counts.max())), np.nan)
    place = np.arange(len(observations)) - np.repeat(observations.offsets[:-1], counts)
    grid[observations.subject, place] = observations.time_h
    return grid
