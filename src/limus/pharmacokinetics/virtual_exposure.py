"""Exposure of virtual subjects: every subject of a table again and again, with random effects drawn anew.

Each copy of the table may also have typical values of its own, for the uncertainty of the model's parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.execution import Execution, spawn_generators, split_chunks
from limus.pharmacokinetics.event_table.records import EventTable, repeat_subjects
from limus.pharmacokinetics.exposure import find_exposure
from limus.pharmacokinetics.population_model.random_effects import draw_random_effects
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.population_simulation import occasion_count, simulate_population

__all__ = ["MEASURES", "VirtualExposure", "VirtualLevels", "draw_virtual_exposure", "draw_virtual_levels"]

Floats = NDArray[np.float64]
MEASURES = ("auc", "trough", "cmax", "average")
_PERCENTILES = (5.0, 50.0, 95.0)
_MOST_DOSES = 20_000  # solved at once, to bound memory
_MOST_SUBJECTS = 2_000  # likewise; beyond, preparing steady states costs more than solving


@dataclass(frozen=True, eq=False)
class VirtualExposure:
    """Exposure of N virtual copies of each of K dosing intervals.

    Attributes
    ----------
    values : mapping of str to (N, K) array
        By measure: ``auc``, ``trough``, ``cmax``, ``average``; NaN where a copy could not be solved.
    failed : int
        Intervals of copies without numbers.
    """

    values: dict[str, Floats]
    failed: int

    def percentiles(self, measure: str) -> Floats:
        """The 5th, 50th and 95th percentile over the copies, (3, K)."""
        found = self.values[measure]
        known = ~np.isnan(found).all(axis=0)
        result = np.full((len(_PERCENTILES), found.shape[1]), np.nan)
        result[:, known] = np.nanpercentile(found[:, known], _PERCENTILES, axis=0)
        return result

    def share_within(self, measure: str, target: tuple[float, float]) -> Floats:
        """Share of copies, in per cent, whose measure lies in a range, both ends included; (K,)."""
        found = self.values[measure]
        known = np.isfinite(found)
        inside = ((found >= target[0]) & (found <= target[1])).sum(axis=0)
        with np.errstate(invalid="ignore"):
            return np.asarray(100.0 * inside / known.sum(axis=0))


@dataclass(frozen=True, eq=False)
class VirtualLevels:
    """Percentiles 5, 50 and 95 of the level of virtual copies, (3, S, T)."""

    percentiles: Floats


def draw_virtual_exposure(
    model: PopulationModel,
    table: EventTable,
    copies: int,
    *,
    only_last: bool = False,
    random_effects: bool = True,
    value_sets: Mapping[str, Floats] | None = None,
    execution: Execution | None = None,
) -> VirtualExposure:
    """Find the exposure of virtual copies of each subject.

    Parameters
    ----------
    model : PopulationModel
    table : EventTable
        As :func:`limus.pharmacokinetics.exposure.find_exposure` wants it.
    copies : int
        Of each subject, 1 or more; each has its own effects between subjects and between occasions.
    only_last : bool
        Only the last interval of each subject.
    random_effects : bool
        False leaves them 0, for what the uncertainty of the values alone does.
    value_sets : mapping of str to (R,) array, optional
        Typical values: copy n has set n, and the sets begin again where there are more copies.
    execution : Execution, optional
        Its seed draws the effects: copy n gets the same ones however many copies there are.

    Returns
    -------
    VirtualExposure

    Raises
    ------
    ValueRangeError
        Fewer than one copy.
    LimusError
        As :func:`limus.pharmacokinetics.exposure.find_exposure`.
    """
    execution = execution or Execution(workers=1)
    parts: dict[str, list[Floats]] = {name: [] for name in MEASURES}
    for repeated, effects, values, chunk in _draws(model, table, copies, execution, value_sets or {}):
        drawn = effects if random_effects else None
        found = find_exposure(model, repeated, effects=drawn, values=values, only_last=only_last)
        for name in MEASURES:
            parts[name].append(getattr(found, name).reshape(chunk, -1))
    values = {name: np.concatenate(columns) for name, columns in parts.items()}
    return VirtualExposure(values, int(np.isnan(values["auc"]).sum()))


def draw_virtual_levels(
    model: PopulationModel,
    table: EventTable,
    times_h: Floats,
    copies: int,
    *,
    value_sets: Mapping[str, Floats] | None = None,
    execution: Execution | None = None,
) -> VirtualLevels:
    """Find the spread of levels of virtual copies of each subject.

    Parameters
    ----------
    model, table, copies, value_sets, execution
        As :func:`draw_virtual_exposure`.
    times_h : (S, T) array

    Returns
    -------
    VirtualLevels

    Raises
    ------
    ValueRangeError
        Fewer than one copy.
    LimusError
        As :func:`limus.pharmacokinetics.population_simulation.simulate_population`.
    """
    execution = execution or Execution(workers=1)
    levels = np.concatenate(
        [
            simulate_population(
                model, repeated, np.tile(times_h, (chunk, 1)), effects=effects, values=values
            ).level.reshape(chunk, *times_h.shape)
            for repeated, effects, values, chunk in _draws(model, table, copies, execution, value_sets or {})
        ]
    )
    known = ~np.isnan(levels).all(axis=0)
    percentiles = np.full((len(_PERCENTILES), *levels.shape[1:]), np.nan)
    percentiles[:, known] = np.nanpercentile(levels[:, known], _PERCENTILES, axis=0)
    return VirtualLevels(percentiles)


def _draws(
    model: PopulationModel, table: EventTable, copies: int, execution: Execution, value_sets: Mapping[str, Floats]
) -> Iterator[tuple[EventTable, dict[str, Floats], dict[str, Floats], int]]:
    """Some copies at a time: the table with them, their effects, their typical values, how many."""
    if copies < 1:
        raise ValueRangeError("virtual subjects", copies, "1 or more", "give a larger number")
    generators = spawn_generators(execution.seed, copies, stream="virtual subjects")
    count, occasions = len(table.subjects), occasion_count(table)
    at_once = max(1, min(_MOST_DOSES // max(int((table.doses.additional + 1).sum()), 1), _MOST_SUBJECTS // count))
    execution.progress.start("virtual subjects", copies)
    try:
        for chunk in split_chunks(list(enumerate(generators)), at_once):
            numbers = np.array([number for number, _ in chunk])
            drawn = [draw_random_effects(model, count, occasions, generator) for _, generator in chunk]
            effects = {name: np.concatenate([one[name] for one in drawn]) for name in drawn[0]}
            values = {name: np.repeat(sets[numbers % len(sets)], count) for name, sets in value_sets.items()}
            yield repeat_subjects(table, len(chunk)), effects, values, len(chunk)
            execution.progress.advance(len(chunk))
    finally:
        execution.progress.finish()
