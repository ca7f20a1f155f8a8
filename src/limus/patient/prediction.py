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
from limus.patient.stretches import Stretches, cut_into_stretches
from limus.pharmacokinetics.event_table.records import EventTable, take_subjects
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.population_simulation import effects_on_doses, simulate_population
from limus.pharmacokinetics.population_treatment import occasion_places

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
    """Rows of one time may belong to two occasions: a trough to the one that ends, the dose to the one that begins."""
    records = table.records
    place = occasion_places(table)
    order = np.lexsort((place, records.time_h, records.subject))
    back = (np.diff(place[order]) < 0) & (np.diff(records.subject[order]) == 0)
    if back.any():
        before, i = order[int(np.argmax(back))], order[int(np.argmax(back)) + 1]
        where = f"{table.source}, ID {table.subjects[records.subject[i]]}, line {records.line[i]}, OCC"
        got = f"{records.occasion[i]} after {records.occasion[before]}"
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
    keys, of_slot = _unique(rows * count + stretch[used])
    slots = np.full(stretch.shape, -1, dtype=np.int64)
    slots[used] = of_slot
    return _Pieces(keys // count, keys % count, slots)


def _unique(keys: Integers) -> tuple[Integers, Integers]:
    """Different keys in order, and the place of each; keys that rise already, as levels in time do, are not sorted."""
    rise = np.diff(keys)
    if (rise < 0).any():
        found, place = np.unique(keys, return_inverse=True)
        return found, place.reshape(-1)
    new = np.concatenate([np.ones(min(len(keys), 1), dtype=np.bool_), rise > 0])
    return keys[new], np.cumsum(new) - 1


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
        _one_batch(prediction, stretch[part], between[part], within[part])[0]
        for part in (slice(begin, begin + _AT_ONCE) for begin in range(0, len(stretch), _AT_ONCE))
    ]
    return np.concatenate(parts)


def _one_batch(
    prediction: Prediction, stretch: Integers, between: Floats, within: Floats, slopes: tuple[str, ...] = ()
) -> tuple[Floats, Floats]:
    """Simulate at once, with derivatives by some effects; a piece without a steady state has no level."""
    space, table = prediction.space, prediction.stretches.table
    chosen = take_subjects(table, stretch, tuple(map(table.subjects.__getitem__, stretch.tolist())))
    most = int((prediction.stretches.occasions[stretch] >= 0).sum(axis=1).max())
    effects = {name: between[:, k] for k, name in enumerate(space.subject)}
    effects |= {name: within[:, :most, k] for k, name in enumerate(space.occasion)}
    grid = prediction.grid[stretch]
    try:
        found = simulate_population(
            prediction.model, chosen, grid, effects=effects, slopes=slopes, execution=prediction.execution
        )
    except SolveError:
        if len(stretch) == 1:
            return np.full_like(grid, np.nan), np.full((*grid.shape, len(slopes)), np.nan)
        parts = np.array_split(np.arange(len(stretch)), 2)
        halves = [_one_batch(prediction, stretch[p], between[p], within[p], slopes) for p in parts]
        return np.concatenate([level for level, _ in halves]), np.concatenate([slope for _, slope in halves])
    return found.level, np.zeros((*grid.shape, 0)) if found.slopes is None else found.slopes


def _simulate_with_slopes(
    prediction: Prediction, stretch: Integers, between: Floats, within: Floats
) -> tuple[Floats, Floats, Floats]:
    """Levels (P, T), and their derivatives by effects between subjects (P, T, E) and occasions (P, T, L, F).

    The engine's own derivatives where it has them; central differences for effects on lag and bioavailability, and for
    pieces that last over several occasions.
    """
    count, places = between.shape[1], within.shape[1:]
    width = prediction.grid.shape[1]
    level = np.zeros((len(stretch), width))
    slopes = np.zeros((len(stretch), width, count + int(np.prod(places))))
    several = (prediction.stretches.occasions[stretch] >= 0).sum(axis=1) > 1
    names = (*prediction.space.subject, *prediction.space.occasion)
    on_doses = effects_on_doses(prediction.model)
    analytic = tuple(name for name in names if name not in on_doses)
    for own, known in ((~several, analytic), (several, ())):
        for begin in range(0, int(own.sum()), _AT_ONCE):
            rows = np.flatnonzero(own)[begin : begin + _AT_ONCE]
            part = stretch[rows], between[rows], within[rows]
            columns = np.array([k for k, name in enumerate(names) if name in known], dtype=np.int64)
            if len(known):
                level[rows], slopes[rows[:, None, None], np.arange(width)[:, None], columns] = _one_batch(
                    prediction, *part, known
                )
            rest = np.setdiff1d(np.arange(slopes.shape[2]), columns)
            if own is not several:
                rest = rest[rest < len(names)]  # the places of further occasions do not act
            if len(rest) or not len(known):
                level[rows], slopes[rows[:, None, None], np.arange(width)[:, None], rest] = _differences(
                    prediction, *part, rest
                )
    return level, slopes[..., :count], slopes[..., count:].reshape(len(stretch), width, *places)


def _differences(
    prediction: Prediction, stretch: Integers, between: Floats, within: Floats, columns: Integers
) -> tuple[Floats, Floats]:
    """Levels (P, T), and derivatives by some of the effects (P, T, C), by central differences in one simulation."""
    count, places = between.shape[1], within.shape[1:]
    flat = np.concatenate([between, within.reshape(len(within), int(np.prod(places)))], axis=1)
    move = _STEP * np.eye(flat.shape[1])[columns]
    shifts = np.concatenate([np.zeros((1, flat.shape[1])), move, -move])
    moved = (flat[:, None, :] + shifts).reshape(-1, flat.shape[1])
    level = _simulate(
        prediction,
        np.repeat(stretch, len(shifts)),
        moved[:, :count],
        moved[:, count:].reshape(len(moved), *places),
    ).reshape(len(stretch), len(shifts), prediction.grid.shape[1])
    size = len(columns)
    return level[:, 0], np.moveaxis(level[:, 1 : size + 1] - level[:, size + 1 :], 1, 2) / (2.0 * _STEP)
