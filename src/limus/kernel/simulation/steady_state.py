"""The steady state of a model that nothing is done to: the one that is reached from its initial values.

The model is run for longer and longer. From where it stands after a time T, damped steps of Newton's method

    (I/h - J) d = f(y),    y <- y + d,    h = 1000 T

lead to the fixed point, f(y) = 0. They keep what the model conserves: where w J = 0 and w f = 0 for all y, w d = 0. The
fixed point is taken if the run had come close to it, so it is not that of another basin; otherwise the run goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import UnknownNameError, UnsupportedFeatureError, ValueRangeError, near_names
from limus.kernel.execution import Execution
from limus.kernel.language.expression import ZERO
from limus.kernel.simulation.compiled import CompiledModel
from limus.kernel.simulation.dosing import Treatment
from limus.kernel.simulation.engine.hoisting import Constancy, time_derivative
from limus.kernel.simulation.simulate import parameter_rows, simulate
from limus.kernel.simulation.steady_dosing import taking_part
from limus.kernel.simulation.switch_times import find_switch_times

__all__ = ["SteadyStates", "find_steady_state"]

Floats = NDArray[np.float64]
_LOOKS = 7  # at powers of ten of the run
_DAMPING = 1e3  # h over the time run: what decays more slowly than the run shows as a step that is too long
_MOST_STEPS = 30
_CLOSE = 1e-3  # how far a stable fixed point may lie from the state that was run to, relative to its size
_FARTHEST = 1e100  # what a step to a fixed point cannot be
_NEUTRAL = 1e-12  # of the fastest rate: growth that rounding may make


@dataclass(frozen=True, eq=False)
class SteadyStates:
    """What :func:`find_steady_state` returns, for N parameter sets; NaN where there is none.

    Attributes
    ----------
    states, outputs : tuple of str
        Names, S and O of them.
    values : (N, S) array
        States that others depend on are at rest; one that only adds up, or was left out, is as it was at ``time``.
    output_values : (N, O) array
    status : tuple of str
        'ok', 'no steady state reached', or why the model could not be run.
    stable : (N,) array of bool
        Whether no small deviation grows.
    growth_rate : (N,) array
        The largest real part of an eigenvalue of the Jacobian, 1/time; 0 where something is conserved.
    time : (N,) array
        How long the model was run.
    """

    states: tuple[str, ...]
    outputs: tuple[str, ...]
    values: Floats
    output_values: Floats
    status: tuple[str, ...]
    stable: NDArray[np.bool_]
    growth_rate: Floats
    time: Floats


def find_steady_state(
    model: CompiledModel,
    parameters: Mapping[str, ArrayLike] | None = None,
    *,
    leave_out: Sequence[str] = (),
    longest: float = 1e6,
    relative_tolerance: float = 1e-8,
    absolute_tolerance: float = 1e-10,
    execution: Execution | None = None,
) -> SteadyStates:
    """Find the steady state that N parameter sets reach from their initial values.

    Parameters
    ----------
    model : CompiledModel
        Without events; time may stand only in conditions such as ``time >= start``, after the last of which the steady
        state is looked for.
    parameters : mapping of str to float or (N,) array_like, optional
        Inputs that differ from the model's own values.
    leave_out : sequence of str
        States that need not come to rest, such as a number of cells that grows; no other state may depend on them.
    longest : float
        How long the model is run at most, in its unit of time, positive.
    relative_tolerance, absolute_tolerance : float
        Of the run, and of the fixed point.
    execution : Execution, optional
        How to run; the numbers do not depend on it.

    Returns
    -------
    SteadyStates

    Raises
    ------
    UnsupportedFeatureError
        A model with events, or whose rates change with time for ever.
    ValueRangeError
        A length that is not positive, a state left out on which others depend; and as
        :func:`limus.kernel.simulation.simulate`, which may raise more.
    UnknownNameError
        A state left out that the model does not have.
    """
    if not (np.isfinite(longest) and longest > 0.0):
        raise ValueRangeError("longest", longest, "a positive time", "say how long the model may be run")
    _refuse_unsteady(model)
    places = _places(model, leave_out)
    rows = parameter_rows(model, parameters or {})
    count, size = len(rows), _size(model)
    begun = _last_switch(model, rows)
    widths = (size, len(model.outputs) // (1 + len(model.sensitivities)))
    values, outputs = (np.full((count, width), np.nan) for width in widths)
    growth, time = np.full(count, np.nan), np.full(count, np.nan)
    status, open_ = ["no steady state reached"] * count, np.arange(count)
    search = _Search(model, places, relative_tolerance, absolute_tolerance)
    for look in range(_LOOKS):
        if len(open_) == 0:
            break
        length = longest * 10.0 ** (look + 1 - _LOOKS)
        ends = _run(model, rows[open_], begun + length, relative_tolerance, absolute_tolerance, execution)
        for i, y, word in zip(open_.tolist(), *ends, strict=True):
            time[i] = begun + length
            status[i] = status[i] if word == "ok" else word
            found = search(rows[i], y, begun + length, length) if word == "ok" else None
            if found is not None:
                values[i], growth[i] = found
                evaluated = model.evaluate("outputs", time[i], _padded(values[i], model), rows[i].tolist())
                outputs[i], status[i] = evaluated[: widths[1]], "ok"
        open_ = np.array([i for i in open_.tolist() if status[i] == "no steady state reached"], dtype=np.int64)
    return SteadyStates(
        states=model.states[:size],
        outputs=model.outputs[: widths[1]],
        values=values,
        output_values=outputs,
        status=tuple(status),
        stable=growth <= 0.0,
        growth_rate=growth,
        time=time,
    )


def _size(model: CompiledModel) -> int:
    return len(model.states) // (1 + len(model.sensitivities))


def _padded(values: Floats, model: CompiledModel) -> list[float]:
    return [*values.tolist(), *[0.0] * (len(model.states) - len(values))]


def _refuse_unsteady(model: CompiledModel) -> None:
    system, where, do = model.system, f"steady state of {model.name}", "run the model with simulate"
    if system.events:
        got = f"an event {system.events[0].name}".rstrip()
        raise UnsupportedFeatureError(where, got, "a model without triggered events", do)
    is_constant = Constancy()
    moving = [
        name
        for name, rate in zip(system.states[: _size(model)], system.derivatives, strict=False)
        if time_derivative(rate, is_constant) != ZERO
    ]
    if moving or model.time_conditions:
        recurs = "a condition on time that has no last change"
        got = recurs if model.time_conditions else f"a rate of {moving[0]} that changes with time"
        raise UnsupportedFeatureError(where, got, "rates that come to rest", do)


def _places(model: CompiledModel, leave_out: Sequence[str]) -> NDArray[np.int64]:
    """Places of the states that must come to rest."""
    own, where = model.states[: _size(model)], f"steady state of {model.name}, leave_out"
    for name in leave_out:
        if name not in own:
            near = near_names(name, own)
            hint = f"did you mean {' or '.join(near)}?" if near else "see the model's states"
            raise UnknownNameError(where, name, "a state of the model", hint)
    left = {own.index(name) for name in leave_out}
    for i, k in model.jacobian_places:
        if k in left and i not in left:
            raise ValueRangeError(where, own[k], "a state on which no other depends", f"{own[i]} depends on it")
    return np.array([i for i in taking_part(model.system).tolist() if i not in left], dtype=np.int64)


def _last_switch(model: CompiledModel, rows: Floats) -> float:
    """When the last condition on time changes, in any set."""
    runs = (np.zeros(len(rows)), np.full(len(rows), np.inf))
    switches = find_switch_times(model, rows, runs, Treatment.create(), 0.0)
    return 0.0 if switches is None else float(np.max(switches.time, initial=0.0))


def _run(
    model: CompiledModel, rows: Floats, end: float, relative: float, absolute: float, execution: Execution | None
) -> tuple[Floats, tuple[str, ...]]:
    """States after a time, and how the runs ended."""
    given = {name: rows[:, i] for i, name in enumerate(model.inputs) if np.isfinite(rows[:, i]).all()}
    found = simulate(
        model,
        [0.0, end],
        given,
        relative_tolerance=relative,
        absolute_tolerance=absolute,
        sensitivity_errors=False,
        execution=execution,
    )
    return found.end_states, found.status


class _Search:
    """The fixed point near a state, for one parameter set after the other."""

    def __init__(self, model: CompiledModel, places: NDArray[np.int64], relative: float, absolute: float) -> None:
        self.model, self.places, self.relative, self.absolute = model, places, relative, absolute
        self.index = tuple(np.array(model.jacobian_places, dtype=np.int64).reshape(-1, 2).T)

    def __call__(self, row: Floats, state: Floats, time: float, length: float) -> tuple[Floats, float] | None:
        """The fixed point and its growth rate; None where there is none close enough."""
        p, y, places = row.tolist(), state.copy(), self.places
        tolerance = 10.0 * self.relative * np.abs(state[places]) + self.absolute
        for _ in range(_MOST_STEPS):
            step = self._step(y, p, time, length)
            if step is None:
                return None
            y[places] += step
            if (np.abs(step) <= 0.1 * tolerance).all():
                break
        else:
            return None
        slopes = self._slopes(y, p, time)
        if not np.isfinite(slopes).all():
            return None
        growth = self._growth(slopes)
        near = tolerance if growth > 0.0 else np.maximum(tolerance, _CLOSE * np.abs(state[places]))
        return (y, growth) if (np.abs(y - state)[places] <= near).all() else None

    def _step(self, y: Floats, p: list[float], time: float, length: float) -> Floats | None:
        """A damped step of Newton's method; None where it has no finite length."""
        rates = np.array(self.model.evaluate("derivatives", time, y.tolist(), p))[self.places]
        damped = np.eye(len(self.places)) / (_DAMPING * length) - self._slopes(y, p, time)
        if not (np.isfinite(damped).all() and np.isfinite(rates).all()):
            return None
        try:
            step = np.asarray(np.linalg.solve(damped, rates))
        except np.linalg.LinAlgError:
            return None
        return step if (np.abs(step) < _FARTHEST).all() else None

    def _slopes(self, y: Floats, p: list[float], time: float) -> Floats:
        whole = np.zeros((len(y), len(y)))
        whole[self.index] = self.model.evaluate("jacobian", time, y.tolist(), p)
        return whole[np.ix_(self.places, self.places)]

    def _growth(self, slopes: Floats) -> float:
        """Largest real part of an eigenvalue; what rounding makes of a conserved total is 0."""
        if len(slopes) == 0:
            return 0.0
        real = np.linalg.eigvals(slopes).real
        neutral = np.abs(real) <= _NEUTRAL * len(slopes) * np.abs(slopes).sum(axis=1).max()
        return float(np.where(neutral, 0.0, real).max())
