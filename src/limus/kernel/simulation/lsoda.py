"""The reference solver: LSODA (Petzold 1983) through scipy, one trajectory at a time, restarted at each dose."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from limus.kernel.simulation.compiled import CompiledModel
from limus.kernel.simulation.dosing import Impulse

__all__ = ["Trajectory", "solve_trajectory"]

_MOST_STEPS = 50_000


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One solution: ``values`` [T, O], ``status`` ('ok' or the reason), and the time it failed (NaN if it did not)."""

    values: NDArray[np.float64]
    status: str
    failure_time: float


@dataclass(slots=True)
class _Run:
    """The state of one integration between doses."""

    model: CompiledModel
    p: list[float]
    relative_tolerance: float
    absolute_tolerance: float
    infusion: NDArray[np.float64]

    def derivatives(self, t: float, y: NDArray[np.float64]) -> NDArray[np.float64]:
        found = np.array(self.model.evaluate("derivatives", t, y.tolist(), self.p))
        return found + self.infusion

    def jacobian(self, t: float, y: NDArray[np.float64]) -> NDArray[np.float64]:
        matrix = np.zeros((len(y), len(y)))
        for (i, j), value in zip(
            self.model.jacobian_places, self.model.evaluate("jacobian", t, y.tolist(), self.p), strict=True
        ):
            matrix[i, j] = value
        return matrix

    def advance(self, y: NDArray[np.float64], times: NDArray[np.float64]) -> tuple[NDArray[np.float64], str, float]:
        """Integrate from ``times[0]``; return the states at all times, a status and the last time reached."""
        from scipy.integrate import ODEintWarning, odeint  # noqa: PLC0415

        if len(y) == 0:
            return np.zeros((len(times), 0)), "ok", float(times[-1])
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
            reached = float(np.max(info["tcur"], initial=times[0], where=np.isfinite(info["tcur"])))
            return found, str(info["message"]).split("(")[0].strip().rstrip("."), reached
        if not np.isfinite(found).all():
            return found, "not finite", float(times[np.argmax(~np.isfinite(found).all(axis=1))])
        return found, "ok", float(times[-1])


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
    state = np.array(model.evaluate("initial", float(times[0]), [], p))
    if not np.isfinite(state).all():
        name = model.states[int(np.argmax(~np.isfinite(state)))]
        return Trajectory(values, f"initial value of {name} is not finite", float(times[0]))
    run = _Run(model, p, relative_tolerance, absolute_tolerance, np.zeros(len(state)))
    now = float(times[0])
    next_output = 0
    groups = [(time, tuple(group)) for time, group in groupby(impulses, key=lambda i: i.time)]
    for stop, group in [*groups, (float(times[-1]), ())]:
        asked = times[next_output : int(np.searchsorted(times, stop, side="right"))]
        path, status, reached = _segment(run, state, now, stop, asked)
        if status != "ok":
            return Trajectory(values, status, reached)
        for k, t in enumerate(asked):
            values[next_output + k] = model.evaluate("outputs", float(t), path[k].tolist(), p)
        next_output += len(asked)
        now, state = stop, path[-1]
        _give(run, state, now, group)
    return Trajectory(values, "ok", float("nan"))


def _segment(
    run: _Run, state: NDArray[np.float64], now: float, stop: float, asked: NDArray[np.float64]
) -> tuple[NDArray[np.float64], str, float]:
    """States at each asked time, then at ``stop``."""
    grid = np.unique(np.concatenate(([now], asked, [stop])))
    if len(grid) == 1:
        return np.tile(state, (len(asked) + 1, 1)), "ok", stop
    found, status, reached = run.advance(state, grid)
    return found[np.searchsorted(grid, np.append(asked, stop))], status, reached


def _give(run: _Run, state: NDArray[np.float64], now: float, group: Sequence[Impulse]) -> None:
    if not group:
        return
    scale = dict(zip(run.model.dosable, run.model.evaluate("dose_scale", now, state.tolist(), run.p), strict=True))
    for impulse in group:
        i = run.model.states.index(impulse.target)
        state[i] += impulse.amount * scale[impulse.target]
        run.infusion[i] += impulse.rate * scale[impulse.target]
