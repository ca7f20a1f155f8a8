"""LSODA of SciPy (odeint, with its analytic Jacobian), one trajectory at a time, functions compiled by numba."""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
from case import Case, load_source, segments, write_into
from scipy.integrate import odeint

__all__ = ["VERSIONS", "prepare"]

VERSIONS = ("scipy", "numba")


def prepare(case: Case) -> Callable[[int, float, float], np.ndarray]:
    states = case.initial.shape[1]
    compiled = numba.njit(error_model="numpy")
    source = write_into(case.derivatives, [f"out[{i}]" for i in range(states)], "derivatives(t, y, p, out)")
    fill = compiled(load_source(source, "derivatives"))
    source = write_into(case.jacobian, [f"out[{i}, {j}]" for i, j in case.jacobian_places], "jacobian(t, y, p, out)")
    fill_jacobian = compiled(load_source(source, "jacobian"))

    @compiled
    def derivatives(t, y, p):
        out = np.empty(states)
        fill(t, y, p, out)
        return out

    @compiled
    def jacobian(t, y, p):
        out = np.zeros((states, states))
        fill_jacobian(t, y, p, out)
        return out

    pieces = segments(case)

    def solve(count: int, relative: float, absolute: float) -> np.ndarray:
        values = np.full((count, len(case.times), states), np.nan)
        for n in range(count):
            y = case.initial[n].copy()
            for times, rows, state, amount in pieces:
                found = odeint(
                    derivatives,
                    y,
                    times,
                    (case.constants[n],),
                    Dfun=jacobian,
                    rtol=relative,
                    atol=absolute,
                    tfirst=True,
                    mxstep=100_000,
                )
                values[n, rows[rows >= 0]] = found[rows >= 0]
                y = found[-1].copy()
                y[state] += amount
        return values

    return solve
