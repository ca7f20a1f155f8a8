"""CVODE of SUNDIALS through scikit-sundae, with the analytic Jacobian; functions compiled by numba."""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
from case import Case, load_source, segments, write_into
from sksundae.cvode import CVODE

__all__ = ["VERSIONS", "prepare"]

VERSIONS = ("scikit-sundae", "numba")


def prepare(case: Case) -> Callable[[int, float, float], np.ndarray]:
    states = case.initial.shape[1]
    compiled = numba.njit(error_model="numpy")
    source = write_into(case.derivatives, [f"out[{i}]" for i in range(states)], "derivatives(t, y, out, p)")
    fill = compiled(load_source(source, "derivatives"))
    places = [f"out[{i}, {j}]" for i, j in case.jacobian_places]
    fill_jacobian = compiled(load_source(write_into(case.jacobian, places, "jacobian(t, y, out, p)"), "jacobian"))

    @compiled
    def derivatives(t, y, out, data):
        fill(t, y, out, data[0])

    @compiled
    def jacobian(t, y, rates, out, data):
        fill_jacobian(t, y, out, data[0])

    pieces = segments(case)

    def solve(count: int, relative: float, absolute: float) -> np.ndarray:
        values = np.full((count, len(case.times), states), np.nan)
        for n in range(count):
            solver = CVODE(
                derivatives,
                jacfn=jacobian,
                userdata=(case.constants[n],),
                rtol=relative,
                atol=absolute,
                max_num_steps=100_000,
            )
            y = case.initial[n].copy()
            for times, rows, state, amount in pieces:
                found = y[None] if len(times) == 1 else solver.solve(times, y).y
                if len(times) == 2:  # then the solver returns every step
                    found = found[[0, -1]]
                values[n, rows[rows >= 0]] = found[rows >= 0]
                y = found[-1].copy()
                y[state] += amount
        return values

    return solve
