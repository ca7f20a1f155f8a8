"""The reference solver: LSODA (Petzold 1983) through scipy, one trajectory at a time, restarted at each dose."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from limus.kernel.simulation.compiled import CompiledModel
from limus.kernel.simulation.dosing import Impulse, plan_stops, same_time

__all__ = ["Run", "Trajectory", "give_impulses", "new_run", "solve_trajectory"]

_MOST_STEPS = 50_000


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One solution: ``values`` [T, O], ``status`` ('ok' or the reason), and the time it failed (NaN if it did not)."""

    values: NDArray[np.float64]
    status: str
    failure_time: float


@dataclass(slots=True)
class Run:
    """The state of one integration between doses."""

    model: CompiledModel
    p: list[float]
    relative_tolerance: float
    absolute_tolerance: float
    infusion: NDArray[np.float64]
    last_time: float = math.nan

    def derivatives(self, t: float, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rates of change with what is infused."""
        self.last_time = float(t)
        found = np.array(self.model.evaluate("derivatives", t, y.tolist(), self.p))
        return found + self.infusion

    def jacobian(self, t: float, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """The analytic Jacobian, dense."""
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
            found, info = odeint(
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


def new_run(model: CompiledModel, p: list[float], relative: float, absolute: float, states: int) -> Run:
    """Make the run of one trajectory, with nothing infused."""
    return Run(model, p, relative, absolute, np.zeros(states))


def solve_trajectory(
    model: CompiledModel,
    p: Sequence[float],
    times: NDArray[np.float64],
    impulses: Sequence[Impulse],
    *,
    relative_tolerance: float,
    absolute_tolerance: float,
) -> Trajectory:
    """Solve one parameter set.

    Parameters
    ----------
    model : CompiledModel
    p : sequence of float
        Inputs, in the model's order.
    times : (T,) array
        Increasing; the solution starts at ``times[0]``.
    impulses : sequence of Impulse
        In time order, none before ``times[0]``.
    relative_tolerance, absolute_tolerance : float
        Of the local error; absolute in the unit of the states.

    Returns
    -------
    Trajectory
        Outputs at a dose's time are the values just before it.
    """
    p = [float(value) for value in p]
    values = np.full((len(times), len(model.outputs)), np.nan)
    state = np.array(model.evaluate("initial", float(times[0]), [], p), dtype=np.float64)
    if not np.isfinite(state).all():
        name = model.states[int(np.argmax(~np.isfinite(state)))]
        return Trajectory(values, f"initial value of {name} is not finite", float(times[0]))
    run = new_run(model, p, relative_tolerance, absolute_tolerance, len(state))
    now = float(times[0])
    next_output = 0
    switches = model.evaluate("switches", now, [], p)
    tolerance = same_time(times)
    for stop, group in plan_stops(impulses, switches, times):
        asked = times[next_output : int(np.searchsorted(times, stop, side="right"))]
        path, status, reached = _segment(run, state, now, stop, asked, tolerance)
        for k, t in enumerate(asked[: len(path)]):
            values[next_output + k] = model.evaluate("outputs", float(t), path[k].tolist(), p)
        if status != "ok":
            return Trajectory(values, status, reached)
        next_output += len(asked)
        now, state = stop, path[-1]
        give_impulses(run, state, now, group)
    return Trajectory(values, "ok", float("nan"))


def _segment(
    run: Run, state: NDArray[np.float64], now: float, stop: float, asked: NDArray[np.float64], tolerance: float
) -> tuple[NDArray[np.float64], str, float]:
    """States at each asked time, then at ``stop``; on failure only at the asked times that were reached."""
    grid = [now]
    for t in (*asked.tolist(), stop):
        if t - grid[-1] > tolerance:
            grid.append(t)
    wanted = np.searchsorted(grid, np.append(asked, stop), side="right") - 1
    if len(grid) == 1:
        return state[None, :].repeat(len(wanted), axis=0), "ok", stop
    found, status, reached = run.advance(state, np.array(grid))
    return found[wanted[wanted < len(found)]], status, reached


def give_impulses(run: Run, state: NDArray[np.float64], now: float, group: Sequence[Impulse]) -> None:
    """Apply to a state what happens at a stop, in place."""
    if not group:
        return
    scale = dict(zip(run.model.dosable, run.model.evaluate("dose_scale", now, state.tolist(), run.p), strict=True))
    for impulse in group:
        i = run.model.states.index(impulse.target)
        state[i] += impulse.amount * scale[impulse.target]
        run.infusion[i] += impulse.rate * scale[impulse.target]
