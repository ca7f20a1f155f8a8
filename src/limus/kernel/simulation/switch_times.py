"""When conditions on time change for each subject, and how these times move with the parameters of sensitivities.

Where a rate jumps at a time T(p), a sensitivity jumps by (f before - f after) dT/dp. That is a derivative only where
nothing else jumps at T: what coincides with such a time is refused.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import UnsupportedFeatureError, ValueRangeError
from limus.kernel.language import derivative, evaluate_arrays
from limus.kernel.language.expression import ZERO
from limus.kernel.simulation.compiled import CompiledModel
from limus.kernel.simulation.dosing import EVERY, Treatment
from limus.kernel.simulation.equations import TIME, input_symbol
from limus.kernel.simulation.sampled_switches import sample_switches
from limus.kernel.simulation.schedule import Action, Schedule, Switches

__all__ = ["find_switch_times", "refuse_changed_parameters", "refuse_coincidences", "values_by_symbol"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def values_by_symbol(model: CompiledModel, rows: Floats, starts: Floats) -> dict[str, Floats]:
    """Return the inputs (N,) of N sets by their symbols, with the times of the start.

    Parameters
    ----------
    model : CompiledModel
    rows : (N, I) array
        Inputs.
    starts : (N,) array

    Returns
    -------
    dict of str to (N,) array
    """
    return {input_symbol(name): rows[:, i] for i, name in enumerate(model.inputs)} | {TIME: starts}


def refuse_changed_parameters(model: CompiledModel, treatment: Treatment) -> None:
    """Refuse a change of an input by which the outputs are differentiated.

    Parameters
    ----------
    model : CompiledModel
    treatment : Treatment

    Raises
    ------
    UnsupportedFeatureError
        Names the input.
    """
    changes = treatment.changes
    for name in {changes.inputs[i] for i in np.unique(changes.input)} & set(model.sensitivities):
        where, allowed = f"sensitivities of {model.name}", "inputs that keep their value"
        raise UnsupportedFeatureError(where, f"{name}, which an input change sets", allowed, f"leave {name} out")


def find_switch_times(
    model: CompiledModel, rows: Floats, runs: tuple[Floats, Floats], treatment: Treatment, same: float
) -> Switches | None:
    """Return when conditions on time change: with the inputs at the start, and with each change of an input.

    Parameters
    ----------
    model : CompiledModel
    rows : (N, I) array
        Inputs.
    runs : tuple of two (N,) arrays
        When each set's run starts and ends.
    treatment : Treatment
    same : float
        Times that differ by less are the same.

    Returns
    -------
    Switches or None
        None for a model without such conditions.

    Raises
    ------
    ValueRangeError
        A time that moves with a parameter coincides with the start, or with one that moves otherwise.
    UnsupportedFeatureError
        Such a time together with a dose at steady state.
    """
    if not model.switches and not model.time_conditions:
        return None
    starts, _ = runs
    subjects, versions = [np.arange(len(rows))], [rows]
    changes, current = treatment.changes, rows.copy()
    for i in np.argsort(changes.time, kind="stable").tolist():
        subject, value = changes.subject[i], changes.value[i]
        subjects.append(np.arange(len(rows)) if subject == EVERY else np.array([subject]))
        current[subjects[-1], model.inputs.index(changes.inputs[changes.input[i]])] = value
        versions.append(current[subjects[-1]])
    who = np.concatenate(subjects)
    found, slopes = _times(model, np.concatenate(versions), starts[who])
    moves = bool(slopes.any())
    sampled = _sampled(model, np.concatenate(versions), who, runs, shared=not moves)
    alike = bool((found == found[0]).all() and (starts == starts[0]).all())
    if alike and not moves:
        who, found, slopes = np.array([EVERY]), found[:1], slopes[:1]
    who = np.repeat(who, len(model.switches)).astype(np.int64)
    times, slopes = found.reshape(-1), slopes.reshape(len(who), len(model.sensitivities))
    begin = np.where(who == EVERY, starts[0], starts[np.maximum(who, 0)])
    if moves:
        _refuse_at_start(model, who, times, begin, slopes, same)
        if (treatment.doses.steady_state > 0).any():
            got = "a dose at steady state, and a condition whose time moves with a parameter"
            raise UnsupportedFeatureError(f"sensitivities of {model.name}", got, "one of them", "leave one out")
    inside = np.isfinite(times) & (times > begin)
    switches = Switches(who[inside], times[inside], slopes[inside])
    switches = switches if sampled is None else _joined(switches, sampled)
    return _each_once(model, switches, same) if moves else switches


def _sampled(
    model: CompiledModel, rows: Floats, who: Integers, runs: tuple[Floats, Floats], *, shared: bool
) -> Switches | None:
    """Changes of the conditions whose times have no closed form; one for every set where all have the same."""
    if not model.time_conditions:
        return None
    starts, ends = runs
    values = values_by_symbol(model, rows, starts[who])
    place, time = sample_switches(model.time_conditions, values, starts[who], ends[who])
    subject = who[place]
    counts = np.bincount(place, minlength=len(who))
    if shared and (counts == counts[0]).all() and (time.reshape(len(who), -1) == time[: counts[0]]).all():
        subject, time = np.full(counts[0], EVERY), time[: counts[0]]
    return Switches(subject, time, np.zeros((len(time), len(model.sensitivities))))


def _joined(one: Switches, other: Switches) -> Switches:
    return Switches(*(np.concatenate([getattr(part, f.name) for part in (one, other)]) for f in fields(Switches)))


def _times(model: CompiledModel, rows: Floats, starts: Floats) -> tuple[Floats, Floats]:
    """Times (N, K) and their derivatives (N, K, P)."""
    values, count = values_by_symbol(model, rows, starts), len(rows)
    found = np.zeros((count, len(model.switches)))
    for k, expression in enumerate(model.switches):
        found[:, k] = evaluate_arrays(expression, values)
    slopes = np.zeros((*found.shape, len(model.sensitivities)))
    for k, expression in enumerate(model.switches):
        for j, name in enumerate(model.sensitivities):
            slope = derivative(expression, input_symbol(name))
            if slope != ZERO:
                slopes[:, k, j] = evaluate_arrays(slope, values)
    return found, slopes


def _refuse_at_start(
    model: CompiledModel, who: Integers, times: Floats, begin: Floats, slopes: Floats, same: float
) -> None:
    at_start = slopes.any(axis=1) & (np.abs(times - begin) <= same)
    if at_start.any():
        i = int(np.argmax(at_start))
        raise _refusal(model, who[i], slopes[i], f"a condition changes at the start, {times[i]:g}", "start earlier")


def _each_once(model: CompiledModel, switches: Switches, same: float) -> Switches:
    """Leave the slopes of one row where several have the same time."""
    order = np.lexsort((switches.time, switches.subject))
    subject, time, slopes = switches.subject[order], switches.time[order], switches.slopes[order]
    again = np.zeros(len(time), dtype=np.bool_)
    again[1:] = (np.diff(subject) == 0) & (np.diff(time) <= same)
    differs = np.zeros(len(time), dtype=np.bool_)
    differs[1:] = again[1:] & ~np.isclose(slopes[1:], slopes[:-1], rtol=1e-9, atol=0.0).all(axis=1)
    if differs.any():
        i = int(np.argmax(differs))
        got = f"two conditions change at {time[i]:g}, and their times move differently"
        raise _refusal(model, subject[i], np.abs(slopes[i]) + np.abs(slopes[i - 1]), got, "separate them")
    return Switches(subject, time, np.where(again[:, None], 0.0, slopes))


def refuse_coincidences(model: CompiledModel, schedule: Schedule, same: float) -> None:
    """Refuse a treatment that changes states or inputs at a time that moves with a parameter of a sensitivity.

    Parameters
    ----------
    model : CompiledModel
    schedule : Schedule
    same : float
        Times that differ by less are the same.

    Raises
    ------
    ValueRangeError
        Names the parameter, the set and the time.
    """
    moves = schedule.action == Action.SWITCH
    if not moves.any():
        return
    jumps = np.isin(schedule.action, (Action.RESET, Action.INPUT, Action.STATE, Action.SHIFT))
    jumps |= (schedule.action == Action.DOSE) & (schedule.amount != 0.0)
    group = np.searchsorted(schedule.offsets, np.arange(len(moves)), side="right")
    cluster = np.zeros(len(moves), dtype=np.int64)
    cluster[1:] = np.cumsum((np.diff(group) > 0) | (np.diff(schedule.time) > same))
    both = moves & np.isin(cluster, cluster[jumps])
    if both.any():
        i = int(np.argmax(both))
        subject = int(group[i]) - 1 if len(schedule.offsets) > 2 else EVERY
        slopes = np.eye(len(model.sensitivities))[schedule.target[i]]
        got = f"a condition changes at {schedule.time[i]:g}, when something is given, reset or set"
        raise _refusal(model, subject, slopes, got, "move one of them")


def _refusal(model: CompiledModel, subject: int, slopes: Floats, got: str, do: str) -> ValueRangeError:
    name = model.sensitivities[int(np.argmax(slopes != 0.0))]
    where = f"sensitivity to {name}" + ("" if subject == EVERY else f", parameter set {subject}")
    return ValueRangeError(where, got, "a time at which nothing else jumps: there is no derivative", do)
