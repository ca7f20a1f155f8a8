"""SUNDIALS CVODE, and Radau IIA to cross-check it, in a process of their own that knows nothing of limus.

``python cvode_peer.py`` reads a request a line and answers a line. A request names a case (a JSON file with equations
as Python source and what happens at which time, beside it an .npz file with numbers), a method, tolerances, the sets
to solve and where to save them, (N, T, S).

The integration is cut at every stop: a dose, the start and end of an infusion, a jump of the right-hand side. Times
strictly inside a piece are what the right-hand side sees, so that a condition on time does not change within a step.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
import traceback
from collections.abc import Callable
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy.integrate import Radau
from sksundae.cvode import CVODE

MOST_STEPS = 10_000_000
INSIDE = 1e-13


def load(source: str, name: str) -> Callable[..., list[float]]:
    names = {key: getattr(math, key) for key in dir(math) if not key.startswith("_")} | {"pow": math.pow}
    exec(compile(source, f"<{name}>", "exec"), names)
    return names[name]


class Trajectory:
    """One set between two stops: right-hand side and Jacobian with what is infused."""

    def __init__(self, case: dict[str, Any], p: list[float]) -> None:
        self.p = p
        self.rates = load(case["derivatives"], "derivatives")
        self.slopes = load(case["jacobian"], "jacobian")
        self.rows, self.columns = np.array(case["jacobian_places"]).T.reshape(2, -1)
        self.infusion = np.zeros(case["states"])
        self.first, self.last = -math.inf, math.inf
        self.steps = 0

    def between(self, start: float, stop: float) -> None:
        margin = INSIDE * max(abs(start), abs(stop))
        self.first, self.last = start + margin, stop - margin

    def derivatives(self, t: float, y: np.ndarray) -> np.ndarray:
        t = min(max(float(t), self.first), self.last)
        return np.array(self.rates(t, y.tolist(), self.p)) + self.infusion

    def jacobian(self, t: float, y: np.ndarray) -> np.ndarray:
        t = min(max(float(t), self.first), self.last)
        matrix = np.zeros((len(y), len(y)))
        matrix[self.rows, self.columns] = self.slopes(t, y.tolist(), self.p)
        return matrix


def cvode(run: Trajectory, request: dict[str, Any], threshold: dict[str, Any] | None) -> Callable[..., Any]:
    def derivatives(t: float, y: np.ndarray, out: np.ndarray) -> None:
        out[:] = run.derivatives(t, y)

    def jacobian(t: float, y: np.ndarray, _: np.ndarray, out: np.ndarray) -> None:
        out[:] = run.jacobian(t, y)

    def falls(_: float, y: np.ndarray, out: np.ndarray) -> None:
        out[0] = y[threshold["state"]] - threshold["value"]

    falls.terminal, falls.direction = [True], [-1]
    watched = {"eventsfn": falls, "num_events": 1} if threshold else {}

    def advance(times: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
        """States at the times reached, and the time reached, of which the last row is the state."""
        solver = CVODE(  # a solver that is used again reports the event of its first use
            derivatives,
            jacfn=jacobian,
            rtol=request["relative"],
            atol=request["absolute"],
            max_num_steps=MOST_STEPS,
            **watched,
        )
        found = solver.solve(times, y)
        if not found.success:
            raise ArithmeticError(found.message)
        if found.t_events is not None and len(found.t_events):
            reached = float(found.t_events[0])
            kept = found.y[np.isin(found.t, times[times < reached])]
            return np.concatenate((kept, found.y_events[:1])), reached
        return found.y[np.searchsorted(found.t, times)], float(times[-1])

    return advance


def radau(run: Trajectory, request: dict[str, Any], _: dict[str, Any] | None) -> Callable[..., Any]:
    def advance(times: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
        rows = [y]
        for start, stop in pairwise(times):  # a step ends at each output: no interpolation
            solver = Radau(
                run.derivatives,
                start,
                rows[-1],
                stop,
                rtol=request["relative"],
                atol=request["absolute"],
                jac=run.jacobian,
            )
            while solver.status == "running":
                message = solver.step()
                if message is not None:
                    raise ArithmeticError(message)
            rows.append(solver.y)
        return np.array(rows), float(times[-1])

    return advance


METHODS = {"cvode": cvode, "radau": radau}


def solve_one(case: dict[str, Any], arrays: Any, request: dict[str, Any], n: int) -> np.ndarray:
    times = arrays["times"]
    run = Trajectory(case, arrays["inputs"][n].tolist())
    advance = METHODS[request["method"]](run, request, case["threshold"])
    stops = case["stops"][n]
    y, now = arrays["initial"][n].copy(), min(float(times[0]), stops[0][0] if stops else math.inf)
    values = np.full((len(times), len(y)), np.nan)
    values[times == now] = y
    for stop, actions in [*stops, (float(times[-1]), [])]:
        while now < stop:
            run.between(now, stop)
            grid = np.unique(np.concatenate(([now], times[(times > now) & (times < stop)], [stop])))
            rows, reached = advance(grid, y)
            for t, row in zip(grid[1:], rows[1:], strict=False):  # the first is the state after what happened
                if t < reached or reached == stop:
                    values[times == t] = row
            y, now = rows[-1].copy(), reached
            if reached < stop:
                y[case["threshold"]["target"]] += case["threshold"]["amount"]
        for kind, place, value in actions:
            if kind == "add":
                y[place] += value
            elif kind == "set":
                y[place] = value
            elif kind == "rate":
                run.infusion[place] += value
            elif kind == "input":
                run.p[place] = value
            else:
                y, run.infusion = arrays["initial"][n].copy(), np.zeros(len(y))
    return values


def answer(request: dict[str, Any]) -> dict[str, Any]:
    path = Path(request["case"])
    case = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    arrays = np.load(path.with_suffix(".npz"))
    begin = time.perf_counter()
    values = np.array([solve_one(case, arrays, request, n) for n in request["sets"]])
    np.save(request["save"], values)
    return {"seconds": time.perf_counter() - begin}


def main() -> None:
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what solvers print must not mix with the replies
    version = {name: metadata.version(name) for name in ("scikit-sundae", "scipy", "numpy")}
    for line in sys.stdin:
        try:
            result = answer(json.loads(line))
        except Exception as problem:
            traceback.print_exc()
            result = {"failed": f"{type(problem).__name__}: {problem}"[:200]}
        replies.write(json.dumps(result | {"versions": version}) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
