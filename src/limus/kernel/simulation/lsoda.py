"""The reference solver: LSODA (Petzold 1983) through scipy, one trajectory at a time, restarted at each dose."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from limus.kernel.simulation.block_arrays import BlockArrays
from limus.kernel.simulation.compiled import CompiledModel
from limus.kernel.simulation.schedule import Action, Happening, group_stops, rounding

__all__ = ["Run", "Task", "Trajectory", "begin_run", "happen", "solve_trajectory"]

_MOST_STEPS = 50_000


@dataclass(frozen=True, eq=False, slots=True)
class Task:
    """One trajectory to solve.

    Attributes
    ----------
    model : CompiledModel
    inputs : tuple of float
        In the model's order.
    start : float
    times : (T,) array
        Output times, not decreasing; the last one ends the trajectory.
    happenings : tuple of Happening
        In time order.
    relative_tolerance, absolute_tolerance : float
        Of the local error; absolute in the unit of the states.
    """

    model: CompiledModel
    inputs: tuple[float, ...]
    start: float
    times: NDArray[np.float64]
    happenings: tuple[Happening, ...]
    relative_tolerance: float
    absolute_tolerance: float


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One solution: ``values`` [T, O], ``status`` ('ok' or the reason), time of failure, state at the end."""

    values: NDArray[np.float64]
    status: str
    failure_time: float
    end_state: NDArray[np.float64]


@dataclass(slots=True)
class Run:
    """The state of one integration between stops.

    ``infused`` is in amounts, ``infusion`` in the states' units; ``size`` is how many states the model has; ``start``
    is its first time; ``blocks`` are the equations of a system with sensitivities.
    """

    model: CompiledModel
    p: list[float]
    relative_tolerance: float
    absolute_tolerance: float | NDArray[np.float64]
    infused: NDArray[np.float64]
    infusion: NDArray[np.float64]
    size: int
    start: float
    blocks: BlockArrays | None
    last_time: float = math.nan

    def derivatives(self, t: float, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rates of change with what is infused."""
        self.last_time = float(t)
        if self.blocks is not None:
            return self.blocks.derivatives(t, y, self.p) + self.infusion
        found = np.array(self.model.evaluate("derivatives", t, y.tolist(), self.p))
        return found + self.infusion

    def jacobian(self, t: float, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """The analytic Jacobian, dense."""
        if self.blocks is not None:
            return self.blocks.jacobian(t, y, self.p)
        matrix = np.zeros((len(y), len(y)))
        values = self.model.evaluate("jacobian", t, y.tolist(), self.p)
        for (i, j), value in zip(self.model.jacobian_places, values, strict=True):
            # x**0.5 has no finite derivative at 0; an inexact Jacobian costs steps, not accuracy
            matrix[i, j] = value if math.isfinite(value) else 0.0
        return matrix

    def advance(self, y: NDArray[np.float64], times: NDArray[np.float64]) -> tuple[NDArray[np.float64], str, float]:
        """Integrate from ``times[0]``; return the states at the times reached, a status and the last time."""
        if len(y) == 0:
            return np.zeros((len(times), 0)), "ok", float(times[-1])
        found, status = self._integrate(y, times)
        if status == "ok":
            return found, "ok", float(times[-1])
        # odeint does not tell how far it came (what it gives after a failure is unset memory): go interval by interval
        rows = [y]
        for interval in pairwise(times):
            found, status = self._integrate(rows[-1], np.array(interval))
            if status != "ok":
                return np.array(rows), status, min(max(self.last_time, float(interval[0])), float(interval[1]))
            rows.append(found[-1])
        return np.array(rows), "ok", float(times[-1])

    def _integrate(self, y: NDArray[np.float64], times: NDArray[np.float64]) -> tuple[NDArray[np.float64], str]:
        from scipy.integrate import ODEintWarning, odeint  # noqa: PLC0415

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ODEintWarning)
            found, info = odeint(  # type: ignore[call-overload]  # the stubs do not know tolerances of each state
                self.derivatives,
                y,
                times,
                Dfun=self.jacobian,
                tfirst=True,
                full_output=True,
                rtol=self.relative_tolerance,
                atol=self.absolute_tolerance,
                mxstep=_MOST_STEPS,
                tcrit=[times[-1]],
            )
        if info["message"] != "Integration successful.":
            return found, str(info["message"]).split("(")[0].strip().rstrip(".")
        if not np.isfinite(found).all():
            return found, "not finite"
        # where the solution blows up LSODA may give up before the end and still report success
        short = bool((info["tcur"] < times[1:] - 1e-9 * (times[-1] - times[0])).any())
        return found, "the step became too small" if short else "ok"


def begin_run(task: Task) -> tuple[Run, NDArray[np.float64], str]:
    """Make the run of a task, its initial state, and 'ok' or why it cannot begin."""
    model, p = task.model, list(task.inputs)
    state = np.array(model.evaluate("initial", task.start, [], p), dtype=np.float64)
    nothing = np.zeros(len(state))
    blocks = BlockArrays(model, model.system.blocks) if model.system.blocks else None
    absolute = task.absolute_tolerance
    run = Run(
        model=model,
        p=p,
        relative_tolerance=task.relative_tolerance,
        absolute_tolerance=absolute if blocks is None else blocks.absolute_tolerances(absolute, p),
        infused=nothing,
        infusion=nothing.copy(),
        size=model.system.blocks.size if model.system.blocks else len(state),
        start=task.start,
        blocks=blocks,
    )
    if np.isfinite(state).all():
        return run, state, "ok"
    name = model.states[int(np.argmax(~np.isfinite(state)))]
    return run, state, f"initial value of {name} is not finite"


def solve_trajectory(task: Task) -> Trajectory:
    """Solve one parameter set.

    Parameters
    ----------
    task : Task

    Returns
    -------
    Trajectory
        Outputs at a dose's time are the values just before it.
    """
    model, times = task.model, task.times
    values = np.full((len(times), len(model.outputs)), np.nan)
    run, state, status = begin_run(task)
    if status != "ok":
        return Trajectory(values, status, task.start, state)
    now, next_output = task.start, 0
    for stop, group in group_stops(task.happenings, times, task.start, float(times[-1])):
        asked = times[next_output : int(np.searchsorted(times, stop, side="right"))]
        path, status, reached = _segment(run, state, now, stop, asked, task.start)
        for k, t in enumerate(asked[: len(path)]):
            values[next_output + k] = model.evaluate("outputs", float(t), path[k].tolist(), run.p)
        if status != "ok":
            return Trajectory(values, status, reached, path[-1])
        next_output += len(asked)
        now, state = stop, path[-1]
        happen(run, state, now, group)
    return Trajectory(values, "ok", float("nan"), state)


def _segment(
    run: Run, state: NDArray[np.float64], now: float, stop: float, asked: NDArray[np.float64], start: float
) -> tuple[NDArray[np.float64], str, float]:
    """States at each asked time, then at ``stop``; on failure only at the asked times that were reached."""
    grid = [now]
    for t in (*asked.tolist(), stop):
        if t - grid[-1] > rounding(t, start):
            grid.append(t)
    wanted = np.searchsorted(grid, np.append(asked, stop), side="right") - 1
    if len(grid) == 1:
        return state[None, :].repeat(len(wanted), axis=0), "ok", stop
    found, status, reached = run.advance(state, np.array(grid))
    return found[wanted[wanted < len(found)]], status, reached


def happen(run: Run, state: NDArray[np.float64], now: float, group: Sequence[Happening]) -> None:
    """Apply to a run and its state, in place, what happens at a stop."""
    if not group:
        return
    for happening in group:
        i = happening.target
        if happening.action == Action.RESET:
            state[:] = run.model.evaluate("initial", now, [], run.p)
            run.infused[:] = 0.0
        elif happening.action == Action.INPUT:
            run.p[i] = happening.amount
        elif happening.action == Action.STATE:
            state[i] = happening.amount
        elif happening.action == Action.SHIFT:
            state[i] += happening.amount
        elif happening.action == Action.DOSE:
            own = slice(i, None, run.size)  # the state, and its derivatives by parameters
            state[own] += happening.amount * _scale(run, state, now)[own] if happening.amount else 0.0
            run.infused[own] += happening.rate
        elif happening.action == Action.SWITCH:
            state[(1 + i) * run.size :][: run.size] += happening.amount * _jump(run, state, now)
    running = run.infused != 0.0
    run.infusion[:] = 0.0
    if running.any():
        run.infusion[running] = run.infused[running] * _scale(run, state, now)[running]


def _scale(run: Run, state: NDArray[np.float64], now: float) -> NDArray[np.float64]:
    """Change of each state per unit of amount."""
    scale = np.zeros(len(state))
    found = run.model.evaluate("dose_scale", now, state.tolist(), run.p)
    scale[[run.model.states.index(name) for name in run.model.system.dose_scale]] = found
    return scale


def _jump(run: Run, state: NDArray[np.float64], now: float) -> NDArray[np.float64]:
    """By how much the model's rates are higher just before a time than just after."""
    y = state[: run.size].tolist()
    margin = 2.0 * rounding(now, run.start)
    before = run.model.evaluate("derivatives", now - margin, y, run.p)
    after = run.model.evaluate("derivatives", now + margin, y, run.p)
    return np.subtract(before, after)
