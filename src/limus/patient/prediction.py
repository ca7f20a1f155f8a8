"""Levels that a model predicts for patients with given random effects, and their derivatives.

A :class:`Prediction` holds the histories of S patients, cut into stretches, and M places a patient at which levels are
wanted. It is evaluated for many vectors of effects at once: several patients, several starts, many draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import InputError, SolveError
from limus.kernel.execution import Execution
from limus.patient.effects import EffectSpace, effect_space
from limus.patient.stretches import Stretches, cut_into_stretches, occasion_places
from limus.pharmacokinetics.event_table.records import EventTable, take_subjects
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.population_simulation import simulate_population

__all__ = ["Prediction", "predict_levels", "predict_with_slopes", "prepare_prediction"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_AT_ONCE = 60_000  # stretches that are simulated at once, to bound memory
_STEP = 1e-4  # of an effect, for differences: their error, of the order of its square, is that of rounding


@dataclass(frozen=True, eq=False)
class Prediction:
    """What levels of S patients depend on; made by :func:`prepare_prediction`.

    Attributes
    ----------
    model : PopulationModel
    space : EffectSpace
    stretches : Stretches
    time_h : (S, M) array
        When levels are wanted; NaN after a patient's last.
    stretch : (S, M) array of int
        Stretch of each; -1 after a patient's last.
    grid : (G, T) array
        The same times by stretch, rising, NaN after the last.
    column : (S, M) array of int
        Place in ``grid`` of each.
    execution : Execution
    """

    model: PopulationModel
    space: EffectSpace
    stretches: Stretches
    time_h: Floats
    stretch: Integers
    grid: Floats
    column: Integers
    execution: Execution

    @property
    def patients(self) -> int:
        """S."""
        return len(self.time_h)


def prepare_prediction(
    model: PopulationModel,
    table: EventTable,
    times_h: ArrayLike,
    *,
    execution: Execution | None = None,
) -> Prediction:
    """Prepare levels at some times for being evaluated at many effects.

    Parameters
    ----------
    model : PopulationModel
    table : EventTable
        Doses and covariates of S subjects, as the model wants them.
    times_h : (S, M) array_like
        When levels are wanted, NaN after a subject's last; not before its first row. Any order.
    execution : Execution, optional
        One process by default.

    Returns
    -------
    Prediction

    Raises
    ------
    InputError
        A subject whose occasions do not follow each other in time.
    """
    _check_occasions(table)
    times = np.asarray(times_h, dtype=np.float64)
    rules = {name: covariate.carry for name, covariate in model.covariates.items() if name in table.records.names}
    stretches = cut_into_stretches(table, rules)
    wanted = np.isfinite(times)
    subject, _ = np.nonzero(wanted)
    stretch = np.full(times.shape, -1, dtype=np.int64)
    stretch[wanted] = stretches.of_times(subject, times[wanted])
    occasions = int(occasion_places(table).max(initial=0)) + 1
    grid, column = _grid(times, stretch, len(stretches.subject))
    space = effect_space(model, occasions)
    return Prediction(model, space, stretches, times, stretch, grid, column, execution or Execution(workers=1))


def _check_occasions(table: EventTable) -> None:
    records = table.records
    place = occasion_places(table)
    back = (np.diff(place) < 0) & (np.diff(records.subject) == 0)
    if back.any():
        i = int(np.argmax(back)) + 1
        where = f"{table.source}, ID {table.subjects[records.subject[i]]}, line {records.line[i]}, OCC"
        got = f"{records.occasion[i]} after {records.occasion[i - 1]}"
        raise InputError(where, got, "occasions that follow each other in time", "number them in order of time")


def _grid(times: Floats, stretch: Integers, count: int) -> tuple[Floats, Integers]:
    """Times of each stretch in order, and where each of a patient's times went."""
    wanted = stretch >= 0
    rows, flat = stretch[wanted], times[wanted]
    order = np.lexsort((flat, rows))
    counts = np.bincount(rows, minlength=count)
    place = np.empty(len(rows), dtype=np.int64)
    place[order] = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    grid = np.full((count, int(counts.max(initial=1))), np.nan)
    grid[rows, place] = flat
    column = np.full(times.shape, -1, dtype=np.int64)
    column[wanted] = place
    return grid, column


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Stretches that n vectors of effects need: for each of P pieces its row and stretch."""

    row: Integers
    stretch: Integers
    of_slot: Integers  # (n, M) piece of each wanted level, -1 for none


def _pieces(prediction: Prediction, patients: Integers, wanted: Flags | None) -> _Pieces:
    stretch = prediction.stretch[patients]
    used = stretch >= 0 if wanted is None else wanted & (stretch >= 0)
    count = len(prediction.stretches.subject)
    rows = np.nonzero(used)[0]
    keys, of_slot = np.unique(rows * count + stretch[used], return_inverse=True)
    slots = np.full(stretch.shape, -1, dtype=np.int64)
    slots[used] = of_slot.reshape(-1)
    return _Pieces(keys // count, keys % count, slots)


def predict_levels(
    prediction: Prediction, patients: ArrayLike, effects: Floats, *, wanted: Flags | None = None
) -> Floats:
    """Predict levels for n vectors of effects.

    Parameters
    ----------
    prediction : Prediction
    patients : (n,) array_like of int
        Whose each vector is; a patient may come more than once.
    effects : (n, K) array
    wanted : (n, M) array of bool, optional
        Levels that are needed; all by default.

    Returns
    -------
    (n, M) array
        In the model's unit of DV; NaN where none is wanted or none could be found.
    """
    pieces = _pieces(prediction, np.asarray(patients, dtype=np.int64), wanted)
    between, within = _local_effects(prediction, pieces, effects)
    level = _simulate(prediction, pieces.stretch, between, within)
    return _to_patients(prediction, pieces, level, patients)


def predict_with_slopes(
    prediction: Prediction, patients: ArrayLike, effects: Floats, *, wanted: Flags | None = None
) -> tuple[Floats, Floats]:
    """Predict levels for n vectors of effects, with the derivative of each by each effect.

    Parameters
    ----------
    prediction, patients, effects, wanted
        As :func:`predict_levels`.

    Returns
    -------
    level : (n, M) array
    slopes : (n, M, K) array
        Per unit of the effect; 0 where a level does not depend on it.
    """
    patients = np.asarray(patients, dtype=np.int64)
    pieces = _pieces(prediction, patients, wanted)
    between, within = _local_effects(prediction, pieces, effects)
    level, by_subject, by_occasion = _simulate_with_slopes(prediction, pieces.stretch, between, within)
    return (
        _to_patients(prediction, pieces, level, patients),
        _slopes_to_patients(prediction, pieces, by_subject, by_occasion, patients),
    )


def _local_effects(prediction: Prediction, pieces: _Pieces, effects: Floats) -> tuple[Floats, Floats]:
    """Effects of each piece: between subjects (P, E), between its own occasions (P, L, F)."""
    between, within = prediction.space.split(effects)
    occasions = np.maximum(prediction.stretches.occasions[pieces.stretch], 0)
    return between[pieces.row], within[pieces.row[:, None], occasions]


def _to_patients(prediction: Prediction, pieces: _Pieces, level: Floats, patients: ArrayLike) -> Floats:
    found = np.full(pieces.of_slot.shape, np.nan)
    used = pieces.of_slot >= 0
    column = prediction.column[np.asarray(patients, dtype=np.int64)]
    found[used] = level[pieces.of_slot[used], column[used]]
    return found


def _slopes_to_patients(
    prediction: Prediction, pieces: _Pieces, by_subject: Floats, by_occasion: Floats, patients: Integers
) -> Floats:
    space, used = prediction.space, pieces.of_slot >= 0
    piece, column = pieces.of_slot[used], prediction.column[patients][used]
    found = np.zeros((*used.shape, space.size))
    rows, slots = np.nonzero(used)
    count = len(space.subject)
    found[rows, slots, :count] = by_subject[piece, column]
    occasions = prediction.stretches.occasions[pieces.stretch[piece]]
    for place in range(occasions.shape[1] if space.occasion else 0):
        there = occasions[:, place] >= 0
        begin = count + occasions[there, place] * len(space.occasion)
        for k in range(len(space.occasion)):
            found[rows[there], slots[there], begin + k] = by_occasion[piece[there], column[there], place, k]
    return found


# ---- simulation of stretches


def _simulate(prediction: Prediction, stretch: Integers, between: Floats, within: Floats) -> Floats:
    """Levels (P, T) of pieces."""
    if not len(stretch):
        return np.zeros((0, prediction.grid.shape[1]))
    parts = [
        _one_batch(prediction, stretch[part], between[part], within[part])
        for part in (slice(begin, begin + _AT_ONCE) for begin in range(0, len(stretch), _AT_ONCE))
    ]
    return np.concatenate(parts)


def _one_batch(prediction: Prediction, stretch: Integers, between: Floats, within: Floats) -> Floats:
    """Simulate at once; where a piece has no steady state, look for it and leave it out."""
    space = prediction.space
    chosen = take_subjects(
        prediction.stretches.table, stretch, tuple(prediction.stretches.table.subjects[s] for s in stretch.tolist())
    )
    most = int((prediction.stretches.occasions[stretch] >= 0).sum(axis=1).max())
    effects = {name: between[:, k] for k, name in enumerate(space.subject)}
    effects |= {name: within[:, :most, k] for k, name in enumerate(space.occasion)}
    grid = prediction.grid[stretch]
    try:
        return simulate_population(
            prediction.model, chosen, grid, effects=effects, execution=prediction.execution
        ).level
    except SolveError:
        if len(stretch) == 1:
            return np.full_like(grid, np.nan)
        half = len(stretch) // 2
        parts = (slice(0, half), slice(half, len(stretch)))
        return np.concatenate([_one_batch(prediction, stretch[p], between[p], within[p]) for p in parts])


def _simulate_with_slopes(
    prediction: Prediction, stretch: Integers, between: Floats, within: Floats
) -> tuple[Floats, Floats, Floats]:
    """Levels (P, T), and their derivatives by effects between subjects (P, T, E) and occasions (P, T, L, F).

    Central differences, all in one simulation.
    """
    count, places = between.shape[1], within.shape[1:]
    flat = np.concatenate([between, within.reshape(len(within), int(np.prod(places)))], axis=1)
    size = flat.shape[1]
    shifts = np.concatenate([np.zeros((1, size)), _STEP * np.eye(size), -_STEP * np.eye(size)])
    moved = (flat[:, None, :] + shifts).reshape(-1, size)
    level = _simulate(
        prediction,
        np.repeat(stretch, len(shifts)),
        moved[:, :count],
        moved[:, count:].reshape(len(moved), *places),
    ).reshape(len(stretch), len(shifts), prediction.grid.shape[1])
    slopes = np.moveaxis(level[:, 1 : size + 1] - level[:, size + 1 :], 1, 2) / (2.0 * _STEP)
    return level[:, 0], slopes[..., :count], slopes[..., count:].reshape(*slopes.shape[:2], *places)
