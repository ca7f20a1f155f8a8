"""What an event table does to a population model: inputs at the start, their changes, doses, resets.

Covariates and effects between occasions are inputs that change with time; a dose takes amount, lag and bioavailability
with the covariates and the occasion of its own row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import InputError, ModelError, ValueRangeError
from limus.kernel.language import evaluate_arrays
from limus.kernel.simulation import DoseTable, InputChanges, Resets, Treatment, build_system
from limus.kernel.simulation.system import input_symbol
from limus.pharmacokinetics.covariate_history import CovariateHistory, covariate_history, covariates_at
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.population_model.record import PopulationModel

__all__ = ["TreatedPopulation", "occasion_count", "occasion_places", "places_within", "treat_population"]

Floats = NDArray[np.float64]
_OCCASION = "occasion of the row"


@dataclass(frozen=True, eq=False)
class TreatedPopulation:
    """Inputs and treatment of S subjects.

    Attributes
    ----------
    inputs : mapping of str to (S,) array
        At the start.
    treatment : Treatment
    resets : ((R,) array of int, (R,) array)
        Subjects and times of resets, h.
    """

    inputs: Mapping[str, Floats]
    treatment: Treatment
    resets: tuple[NDArray[np.int64], Floats]


def treat_population(
    model: PopulationModel,
    table: EventTable,
    *,
    effects: Mapping[str, ArrayLike],
    values: Mapping[str, ArrayLike],
    carry: Mapping[str, str] | None,
) -> TreatedPopulation:
    """Turn an event table into inputs and treatment of a model.

    Parameters
    ----------
    model, table, effects, values, carry
        As :func:`limus.pharmacokinetics.population_simulation.simulate_population`.

    Returns
    -------
    TreatedPopulation

    Raises
    ------
    InputError
        A covariate of the model that a subject has no value of, or a dose that the model cannot take.
    ValueRangeError
        Effects of the wrong shape.
    ModelError
        A lag or bioavailability that is not finite.
    """
    history = _history(model, table, carry)
    effect = _effects(model, table, effects)
    inputs = _inputs_at_start(model, table, history, effect) | {k: np.asarray(v) for k, v in values.items()}
    resets = table.doses.subject[table.doses.reset], table.doses.time_h[table.doses.reset]
    treatment = Treatment.create(
        _doses(model, table, history, effect, values),
        resets=Resets.create(subject=resets[0], time=resets[1]),
        changes=_changes(table, history, effect),
    )
    return TreatedPopulation(inputs, treatment, resets)


def _history(model: PopulationModel, table: EventTable, carry: Mapping[str, str] | None) -> CovariateHistory:
    """Covariates of the equations, and the occasion, through time."""
    absent = [name for name in model.covariates if name not in table.records.names]
    for name in absent:
        if model.covariates[name].default is None:
            have = ", ".join(table.records.names) or "none"
            do = f"add a column {name}: {model.covariates[name].meaning}, {model.covariates[name].unit}"
            raise InputError(f"{table.source}, covariate {name} of {model.name}", f"columns {have}", name, do)
    occasion = occasion_places(table)[:, None]
    records = replace(
        table.records,
        names=(*table.records.names, _OCCASION),
        values=np.concatenate([table.records.values, occasion], axis=1),
    )
    names = [name for name in model.covariates if name not in absent]
    rules = {name: model.covariates[name].carry for name in names} | dict(carry or {})
    history = covariate_history(replace(table, records=records), [*names, _OCCASION], rule=rules)
    for subject, name in history.missing:
        if model.covariates[name].default is None:
            where = f"{table.source}, ID {subject}, covariate {name}"
            raise InputError(where, "no value", f"a number in {model.covariates[name].unit}", "fill the column")
    return history


def occasion_count(table: EventTable) -> int:
    """Return the largest number of occasions that a subject of a table has.

    Parameters
    ----------
    table : EventTable

    Returns
    -------
    int
    """
    return int(occasion_places(table).max(initial=0)) + 1


def occasion_places(table: EventTable) -> NDArray[np.int64]:
    """Return the place of each row's occasion among its subject's occasions, in order of their labels.

    Parameters
    ----------
    table : EventTable

    Returns
    -------
    (R,) array of int
        From 0.
    """
    return places_within(table.records.subject, table.records.occasion)


def places_within(group: NDArray[np.int64], label: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the place of each label among the different labels of its group.

    Parameters
    ----------
    group : (n,) array of int
        0 or more.
    label : (n,) array of int

    Returns
    -------
    (n,) array of int
        From 0, in order of the labels.
    """
    labels, rank = np.unique(label, return_inverse=True)
    # one number for group and label: sorting pairs takes ten times as long
    found, place = np.unique(group * len(labels) + rank.reshape(-1), return_inverse=True)
    own = found // max(len(labels), 1)
    places = np.arange(len(found)) - np.searchsorted(own, own)
    return np.asarray(places[place.reshape(-1)], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class _Effects:
    """Random effects: between subjects (S,), between occasions (S, O)."""

    subject: dict[str, Floats]
    occasion: dict[str, Floats]


def _effects(model: PopulationModel, table: EventTable, given: Mapping[str, ArrayLike]) -> _Effects:
    count = len(table.subjects)
    occasions = occasion_count(table)
    known = dict.fromkeys(model.between_subject.names, (count,))
    shapes: dict[str, tuple[int, ...]] = known | dict.fromkeys(model.between_occasion.names, (count, occasions))
    arrays = {name: np.zeros(shape) for name, shape in shapes.items()}
    for name, value in given.items():
        array = np.asarray(value, dtype=np.float64)
        if name not in shapes:
            raise ValueRangeError("random effect", name, ", ".join(shapes) or "none", "use the model's names")
        if array.shape not in {shapes[name], ()} or not np.isfinite(array).all():
            allowed = f"finite numbers of shape {shapes[name]}"
            raise ValueRangeError(f"random effect {name}", f"shape {array.shape}", allowed, "give one for each")
        arrays[name] = np.broadcast_to(array, shapes[name])
    return _Effects(
        {name: arrays[name] for name in model.between_subject.names},
        {name: arrays[name] for name in model.between_occasion.names},
    )


def _inputs_at_start(
    model: PopulationModel, table: EventTable, history: CovariateHistory, effect: _Effects
) -> dict[str, Floats]:
    start = dict(zip(history.names, history.start.T, strict=True))
    occasion = start.pop(_OCCASION).astype(np.int64)
    rows = np.arange(len(table.subjects))
    inputs = {
        name: np.full(len(rows), entry.default) for name, entry in model.covariates.items() if entry.default is not None
    }
    for name, column in start.items():
        inputs[name] = np.where(np.isnan(column), inputs.get(name, column), column)
    return inputs | effect.subject | {name: array[rows, occasion] for name, array in effect.occasion.items()}


def _changes(table: EventTable, history: CovariateHistory, effect: _Effects) -> InputChanges:
    """Changes of covariates, and of every effect between occasions where the occasion changes."""
    owner = np.repeat(np.arange(len(table.subjects)), np.diff(history.offsets))
    # next observation backward: what happens at the time itself still has the old value
    time = np.where(history.after[history.name], np.nextafter(history.time_h, np.inf), history.time_h)
    place = history.names.index(_OCCASION)
    is_occasion = history.name == place
    names = tuple(name for name in history.names if name != _OCCASION)
    number = {k: names.index(name) for k, name in enumerate(history.names) if name != _OCCASION}
    plain = ~is_occasion
    inputs = [np.array([number[k] for k in history.name[plain].tolist()], dtype=np.int64)]
    subjects, times, values = [owner[plain]], [time[plain]], [history.value[plain]]
    occasion = history.value[is_occasion].astype(np.int64)
    for k, array in enumerate(effect.occasion.values()):
        inputs.append(np.full(len(occasion), len(names) + k))
        subjects.append(owner[is_occasion])
        times.append(time[is_occasion])
        values.append(array[owner[is_occasion], occasion])
    return InputChanges.create(
        (*names, *effect.occasion),
        input=np.concatenate(inputs),
        subject=np.concatenate(subjects),
        time=np.concatenate(times),
        value=np.concatenate(values),
    )


# ---- doses


def _doses(
    model: PopulationModel,
    table: EventTable,
    history: CovariateHistory,
    effect: _Effects,
    values: Mapping[str, ArrayLike],
) -> DoseTable:
    doses, dosing = table.doses, model.dosing
    wanted = np.unique(doses.compartment)
    species = {int(number): _species(model, table, int(number)) for number in wanted}
    targets = tuple(dict.fromkeys(species.values()))
    by_default = np.array([species[int(c)] == dosing.compartment for c in doses.compartment], dtype=bool)
    if (doses.modelled > 0).any():
        line = doses.line[int(np.argmax(doses.modelled > 0))]
        raise InputError(f"{table.source}, line {line}", "a rate that the model gives", "RATE or DUR", "give the rate")
    if (doses.duration_h > 0).any() and not dosing.infusion:
        line = doses.line[int(np.argmax(doses.duration_h > 0))]
        where = f"{table.source}, line {line}, RATE"
        raise InputError(where, "an infusion", f"what {model.name} was built on: {dosing.note}", "give it as a dose")
    constant = (doses.amount_mg == 0) & (doses.rate_mg_per_h > 0)
    if constant.any():
        line = doses.line[int(np.argmax(constant))]
        where, do = f"{table.source}, line {line}", "give AMT and RATE for its length"
        raise InputError(where, "a constant infusion at steady state", "an infusion of known length", do)
    names = {"lag": dosing.lag, "bioavailability": dosing.bioavailability}
    found = _at_doses(model, table, history, effect, values, [name for name in names.values() if name])
    lag = found.get(dosing.lag, np.zeros(len(doses)))
    fraction = found.get(dosing.bioavailability, np.ones(len(doses)))
    return DoseTable.create(
        targets or (dosing.compartment,),
        target=[targets.index(species[int(c)]) for c in doses.compartment],
        subject=doses.subject,
        time=doses.time_h,
        amount=doses.amount_mg * dosing.salt_factor,
        duration=doses.duration_h,
        interval=doses.interval_h,
        additional=doses.additional,
        steady_state=doses.steady_state,
        lag=np.where(by_default, lag, 0.0),
        bioavailability=np.where(by_default, fraction, 1.0),
    )


def _species(model: PopulationModel, table: EventTable, number: int) -> str:
    if number == 0:
        return model.dosing.compartment
    if number not in model.dosing.numbered:
        known = ", ".join(f"{n} ({name})" for n, name in model.dosing.numbered.items())
        raise InputError(f"{table.source}, CMT", number, known, f"dose a compartment of {model.name}")
    return model.dosing.numbered[number]


def _at_doses(
    model: PopulationModel,
    table: EventTable,
    history: CovariateHistory,
    effect: _Effects,
    values: Mapping[str, ArrayLike],
    names: list[str],
) -> dict[str, Floats]:
    """Values of some names of the equations at each dose, with that row's covariates and occasion."""
    if not names:
        return {}
    system = build_system(model.model, names)
    subject, time_h = table.doses.subject, table.doses.time_h
    known: dict[str, Floats] = {
        input_symbol(n): np.asarray(v) for n, v in zip(system.inputs, system.defaults, strict=True)
    }
    at_dose = dict(zip(history.names, covariates_at(history, subject, time_h).T, strict=True))
    occasion = at_dose.pop(_OCCASION).astype(np.int64)
    defaults = {n: entry.default for n, entry in model.covariates.items() if entry.default is not None}
    known |= {input_symbol(n): np.asarray(default) for n, default in defaults.items()}
    for name, column in at_dose.items():
        known[input_symbol(name)] = np.where(np.isnan(column), defaults.get(name, np.nan), column)
    known |= {input_symbol(n): array[subject] for n, array in effect.subject.items()}
    known |= {input_symbol(n): array[subject, occasion] for n, array in effect.occasion.items()}
    known |= {input_symbol(n): np.broadcast_to(v, (len(table.subjects),))[subject] for n, v in values.items()}
    found = {}
    for name, expression in zip(system.outputs, system.output_expressions, strict=True):
        column = np.broadcast_to(evaluate_arrays(expression, known), time_h.shape)
        if not np.isfinite(column).all():
            got = f"{name} is {column[np.argmin(np.isfinite(column))]}"
            raise ModelError(f"model {model.name}", got, "a finite number", "check covariates and effects")
        found[name] = column
    return found
