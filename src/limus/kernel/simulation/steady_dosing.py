"""The state at steady state of repeated dosing: what one interval maps onto itself.

Let P(y) be the state after one interval that starts from y with a dose. At steady state P(y) = y. Newton's method,

    y <- y + (I - M)^-1 (P(y) - y),    M = dP/dy by differences,

needs one step for a linear model, where the differences are exact, and converges quadratically for others. States on
which nothing depends, such as a cumulated area, have no steady state and are left at their initial values.

Rates that change with time must repeat themselves with the interval. They are those of the interval before the dose's
time: what begins at that time has not yet been when the steady state came about.

A sensitivity s of the steady state fulfils s = M s + dP/dp, so the same matrix corrects its guess, block by block. Its
correction is exact as soon as y is; differences of sensitivities are not needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import SolveError, UnsupportedFeatureError
from limus.kernel.language import evaluate_arrays, free_symbols
from limus.kernel.simulation.compiled import CompiledModel
from limus.kernel.simulation.dosing import EVERY, DoseTable, InputChanges, Treatment
from limus.kernel.simulation.ensemble import Work, solve
from limus.kernel.simulation.schedule import Action, Schedule, Switches
from limus.kernel.simulation.switch_times import find_switch_times, values_by_symbol
from limus.kernel.simulation.system import TIME, System, state_symbol

__all__ = ["find_steady_states", "taking_part"]

Floats = NDArray[np.float64]
_MOST_ITERATIONS = 40
_SINGULAR = 1e-11  # I - M of a model that keeps what it is given
_LOOKS = 24  # at the rates within an interval
_INSIDE = 1.0 - 1e-9  # of an interval: what changes at its ends is seen in the rates
_SAME_RATE = 1e-9  # relative: what rounding makes of a rate at another time
_DIFFERENCE = 1e-3  # of a state, for the columns of M; Newton's method corrects what is inexact in them


@dataclass(frozen=True, eq=False)
class _Period:
    """One interval of each of D doses, from just before a dose enters: a bolus, infusions that begin or still run."""

    start: Floats
    inputs: Floats
    target: NDArray[np.int64]
    interval: Floats
    bolus: Floats
    running: Floats  # rate of infusions from before
    rate: Floats
    off: Floats  # time at which the oldest infusion ends


def find_steady_states(
    model: CompiledModel, rows: Floats, treatment: Treatment, relative_tolerance: float, absolute_tolerance: float
) -> Floats | None:
    """Find the state at the time of each dose that is given at steady state.

    Parameters
    ----------
    model : CompiledModel
    rows : (N, I) array
        Inputs.
    treatment : Treatment
        Checked, doses at steady state written out by subject. Inputs have the values that hold at the dose's time.
    relative_tolerance, absolute_tolerance : float
        Of the solver, and of what may remain between the state and its image.

    Returns
    -------
    (D, S) array or None
        NaN for doses without steady state; None where no dose has one.

    Raises
    ------
    SolveError
        A dose without steady state: what it gives is not removed, or the iteration does not come to an end.
    UnsupportedFeatureError
        A model with triggered events, or with rates that change with time otherwise than with the interval.
    """
    doses = treatment.doses
    steady = np.flatnonzero(doses.steady_state > 0)
    if len(steady) == 0:
        return None
    # with a lag the dose's time lies within the interval: after the entry before it
    phase = np.where(doses.lag[steady] > 0.0, (-doses.lag[steady]) % doses.interval[steady], 0.0)
    period = _period(model, rows, doses, treatment.changes, steady, phase)
    places = taking_part(model.system)
    _refuse_events(model, steady)
    tolerances = (relative_tolerance, absolute_tolerance)
    entry = _fixed_point(model, period, places, tolerances, steady)
    _refuse_other_times(model, period, places, entry, steady)
    found = np.full((len(doses.time), len(model.states)), np.nan)
    found[steady] = np.where((phase > 0.0)[:, None], _advance(model, period, entry, phase, tolerances), entry)
    return found


def _period(
    model: CompiledModel,
    rows: Floats,
    doses: DoseTable,
    changes: InputChanges,
    steady: NDArray[np.int64],
    phase: Floats,
) -> _Period:
    inputs = rows[doses.subject[steady]]
    order = np.argsort(changes.time, kind="stable")
    for k, name in enumerate(changes.inputs):
        own = order[changes.input[order] == k]
        last = _last_changes(changes.time[own], changes.subject[own], doses.time[steady], doses.subject[steady])
        is_changed = last >= 0
        inputs[is_changed, model.inputs.index(name)] = changes.value[own][last[is_changed]]
    places = np.array([model.states.index(name) for name in doses.targets])
    amount = doses.amount[steady] * doses.bioavailability[steady]
    duration, interval = doses.duration[steady], doses.interval[steady]
    slow = duration > 0.0
    rate = np.divide(amount, duration, out=np.zeros_like(amount), where=slow)
    before = np.where(slow, np.ceil(duration / interval) - 1.0, 0.0)  # infusions that still run when the next begins
    return _Period(
        start=doses.time[steady] - phase - np.where(phase > 0.0, 0.0, interval),
        inputs=inputs,
        target=places[doses.target[steady]],
        interval=interval,
        bolus=np.where(slow, 0.0, amount),
        running=before * rate,
        rate=rate,
        off=np.where(slow, duration - before * interval, np.inf),
    )


def _last_changes(
    times: Floats, subjects: NDArray[np.int64], asked: Floats, asked_subjects: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the place of the last of the changes, in time order, that concerns a subject until a time; -1 for none."""
    found = np.full(len(asked), -1, dtype=np.int64)
    until = np.searchsorted(times, asked, side="right")  # changes before this place are not later than asked
    every = np.flatnonzero(subjects == EVERY)
    if len(every):
        before = np.searchsorted(every, until) - 1
        found = np.where(before >= 0, every[before], found)
    own = np.flatnonzero(subjects != EVERY)
    if len(own):
        own = own[np.argsort(subjects[own], kind="stable")]  # by subject, then by place
        keys = subjects[own] * (len(times) + 1) + own
        before = np.searchsorted(keys, asked_subjects * (len(times) + 1) + until) - 1
        is_own = (before >= 0) & (subjects[own[before]] == asked_subjects)
        found = np.where(is_own, np.maximum(found, own[before]), found)
    return found


def taking_part(system: System) -> NDArray[np.int64]:
    """Return the places of a model's own states on which a derivative depends, directly or through others.

    Parameters
    ----------
    system : System

    Returns
    -------
    (K,) array of int
    """
    left = list(range(system.blocks.size if system.blocks else len(system.states)))
    while True:
        used = frozenset[str]().union(*(free_symbols(system.derivatives[i]) for i in left))
        kept = [i for i in left if state_symbol(system.states[i]) in used]
        if kept == left:
            return np.array(left, dtype=np.int64)
        left = kept


def _fixed_point(
    model: CompiledModel,
    period: _Period,
    places: NDArray[np.int64],
    tolerances: tuple[float, float],
    steady: NDArray[np.int64],
) -> Floats:
    blocks = 1 + len(model.sensitivities)
    size = len(model.states) // blocks
    every = (np.arange(blocks)[:, None] * size + places).reshape(-1)
    start = _advance(model, period, None, np.zeros(len(steady)), tolerances)
    state = start.copy()
    state[:, every] = _advance(model, period, start, period.interval, tolerances)[:, every]
    open_ = np.arange(len(steady) if len(places) else 0)
    for _ in range(_MOST_ITERATIONS if len(places) else 0):
        image, slopes = _image_and_slopes(model, _part(period, open_), state[open_], places, tolerances)
        shape = (len(open_), blocks, len(places))
        rest = (image - state[open_])[:, every].reshape(shape)
        sizes = np.maximum(np.abs(image), np.abs(state[open_]))[:, every].reshape(shape)
        absolute = tolerances[1] * _weights(model, period.inputs[open_])[:, :, None]
        error = np.abs(rest) / (10.0 * tolerances[0] * sizes.max(axis=2, keepdims=True) + absolute)
        done = (error <= 1.0).all(axis=(1, 2))
        with np.errstate(all="ignore"):
            step = _solve(np.eye(len(places)) - slopes, rest)
        state[open_[:, None], every] += step.reshape(len(open_), -1)
        lost = ~np.isfinite(state[open_]).all(axis=1)
        open_ = open_[lost] if lost.any() else open_[~done]
        if lost.any() or len(open_) == 0:
            break
    if len(open_) == 0:
        return state
    i = int(steady[open_[0]])
    raise SolveError(
        f"dose {i + 1}, steady state",
        "none found",
        "a dose whose amount is removed again",
        "check that the model eliminates what it is given, or give the doses one by one",
    )


def _weights(model: CompiledModel, inputs: Floats) -> Floats:
    """What the absolute tolerance is multiplied by in each block: 1/|p| for the sensitivity to p, 1 where p is 0."""
    sizes = np.abs(inputs[:, [model.inputs.index(name) for name in model.sensitivities]])
    return np.concatenate([np.ones((len(inputs), 1)), 1.0 / np.where(sizes == 0.0, 1.0, sizes)], axis=1)


def _solve(matrices: Floats, right: Floats) -> Floats:
    """Solve each system for right-hand sides (n, 1 + P, S); NaN where one is singular but for rounding."""
    finite = np.asarray(np.isfinite(matrices).all(axis=(1, 2)))
    sizes = np.linalg.svd(np.where(finite[:, None, None], matrices, 0.0), compute_uv=False)
    singular = sizes[:, -1] <= _SINGULAR * sizes[:, 0]
    safe = np.where(singular[:, None, None], np.eye(right.shape[2]), matrices)
    found = np.asarray(np.swapaxes(np.linalg.solve(safe, np.swapaxes(right, 1, 2)), 1, 2), dtype=np.float64)
    found[singular] = np.nan
    return found


def _part(period: _Period, chosen: NDArray[np.int64]) -> _Period:
    return _Period(**{name: getattr(period, name)[chosen] for name in _Period.__dataclass_fields__})


def _image_and_slopes(
    model: CompiledModel, period: _Period, state: Floats, places: NDArray[np.int64], tolerances: tuple[float, float]
) -> tuple[Floats, Floats]:
    """P(y), and dP/dy by differences over the states that take part."""
    count, size = state.shape
    scale = np.maximum(np.abs(state[:, places]), np.abs(state[:, places]).max(axis=1, keepdims=True) * 1e-3)
    differences = np.where(scale > 0.0, _DIFFERENCE * scale, 1.0)
    starts = np.repeat(state[:, None, :], len(places) + 1, axis=1)
    for k, place in enumerate(places.tolist()):
        starts[:, k + 1, place] += differences[:, k]
    every = np.repeat(np.arange(count), len(places) + 1)
    ends = _advance(model, _part(period, every), starts.reshape(-1, size), period.interval[every], tolerances)
    ends = ends.reshape(count, len(places) + 1, size)
    slopes = (ends[:, 1:, :] - ends[:, :1, :])[:, :, places] / differences[:, :, None]
    return ends[:, 0, :], np.swapaxes(slopes, 1, 2)


def _advance(
    model: CompiledModel, period: _Period, state: Floats | None, until: Floats, tolerances: tuple[float, float]
) -> Floats:
    """State at the time ``until`` of the interval, from the initial values where no state is given."""
    count, size = len(period.interval), len(model.states)
    columns: list[tuple[Floats, Action, NDArray[np.int64], Floats, Floats]] = []
    nothing = np.zeros(count)
    if state is not None:
        columns += [(nothing, Action.STATE, np.full(count, i), state[:, i], nothing) for i in range(size)]
    columns.append((nothing, Action.DOSE, period.target, period.bolus, period.running + period.rate))
    columns.append((period.off, Action.DOSE, period.target, nothing, -period.rate))
    switches = find_switch_times(model, period.inputs, (period.start, period.start + until), Treatment.create(), 0.0)
    schedule = _schedule(columns, period.start, switches)
    times = np.stack([period.start, period.start + until], axis=1)
    work = Work(model, period.inputs, schedule, period.start, times, *tolerances)
    solution = solve(work)
    failed = [i for i, status in enumerate(solution.status) if status != "ok"]
    if failed:
        i = failed[0]
        got = f"{solution.status[i]} at time {solution.failure_times[i]:g}"
        raise SolveError("steady state", got, "a solution over one interval", "check parameters and doses")
    return solution.end_states


def _schedule(
    columns: list[tuple[Floats, Action, NDArray[np.int64], Floats, Floats]], starts: Floats, switches: Switches | None
) -> Schedule:
    """Rows of each column, at times after the start, and stops where a condition on time changes."""
    count = len(starts)
    time, action, target, amount, rate = (
        np.stack([np.broadcast_to(column[k], (count,)) for column in columns], axis=1) for k in range(5)
    )
    subject = np.repeat(np.arange(count), len(columns))
    table = [(time + starts[:, None]).reshape(-1), *(part.reshape(-1) for part in (action, target, amount, rate))]
    if switches is not None:
        shared = switches.subject == EVERY
        who = np.concatenate([switches.subject[~shared], np.repeat(np.arange(count), shared.sum())])
        when = np.concatenate([switches.time[~shared], np.tile(switches.time[shared], count)])
        nothing = np.zeros(len(who))
        stops = (when, np.full(len(who), int(Action.STOP)), nothing.astype(np.int64), nothing, nothing)
        subject = np.concatenate([subject, who])
        table = [np.concatenate(parts) for parts in zip(table, stops, strict=True)]
    order = np.lexsort((table[1], table[0], subject))
    offsets = np.searchsorted(subject[order], np.arange(count + 1)).astype(np.int64)
    time, action, target, amount, rate = (part[order] for part in table)
    return Schedule(offsets, time, action.astype(np.int64), target.astype(np.int64), amount, rate)


def _refuse_events(model: CompiledModel, steady: NDArray[np.int64]) -> None:
    for event in model.system.events:
        if event.targets:
            where, got = (
                f"dose {steady[0] + 1}, steady state",
                f"a model with the triggered event {event.name}".rstrip(),
            )
            allowed = "a model without triggered events"
            raise UnsupportedFeatureError(where, got, allowed, "give the doses one by one")


def _refuse_other_times(
    model: CompiledModel, period: _Period, places: NDArray[np.int64], state: Floats, steady: NDArray[np.int64]
) -> None:
    """Refuse rates that are not the same an interval earlier, and conditions that change at other times there."""
    rates = [model.system.derivatives[i] for i in places.tolist()]
    moving = [rate for rate in rates if TIME in free_symbols(rate)]
    if not moving:
        return
    values = values_by_symbol(model, period.inputs, period.start)
    values |= {state_symbol(name): np.abs(state[:, i]) + 1.0 for i, name in enumerate(model.states)}  # none is zero
    differs = np.zeros(len(steady), dtype=np.bool_)
    for share in (np.arange(_LOOKS) + 0.5) / _LOOKS:
        now = period.start + share * period.interval
        for rate in moving:
            one, other = (evaluate_arrays(rate, values | {TIME: t}) for t in (now, now - period.interval))
            differs |= ~(np.abs(one - other) <= _SAME_RATE * np.maximum(np.abs(one), np.abs(other)) + 1e-300)
    around = (period.start - period.interval, period.start + period.interval)
    switches = find_switch_times(model, period.inputs, around, Treatment.create(), 0.0)
    if switches is not None:
        for i in range(len(steady)):
            own = switches.time[(switches.subject == EVERY) | (switches.subject == i)] - period.start[i]
            own = np.unique(own) / period.interval[i]
            before, after = (
                own[(own > -_INSIDE) & (own < _INSIDE - 1)] + 1.0,
                own[(own > 1 - _INSIDE) & (own < _INSIDE)],
            )
            differs[i] |= len(before) != len(after) or not np.allclose(before, after, rtol=1e-9)
    if differs.any():
        where = f"dose {int(steady[int(np.argmax(differs))]) + 1}, steady state"
        got = "rates that change with time otherwise than with the interval"
        raise UnsupportedFeatureError(where, got, "rates that repeat with the interval", "give the doses one by one")
