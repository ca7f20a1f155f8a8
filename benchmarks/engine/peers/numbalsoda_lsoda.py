"""LSODA of numbalsoda: the loop over trajectories compiled too."""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
from case import Case, load_source, segments, write_into
from NumbaLSODA import lsoda, lsoda_sig

__all__ = ["VERSIONS", "prepare"]

VERSIONS = ("numbalsoda", "numba")


@numba.njit
def _solve(address, times, rows, ends, doses, initial, constants, output_count, rtol, atol):
    count, states = initial.shape
    values = np.full((count, output_count, states), np.nan)
    for n in range(count):
        y = initial[n].copy()
        begin = 0
        for k in range(len(ends)):
            found, success = lsoda(address, y, times[begin : ends[k]], constants[n], rtol, atol)
            for i in range(ends[k] - begin):
                if rows[begin + i] >= 0 and success:
                    values[n, rows[begin + i]] = found[i]
            y = found[-1].copy()
            y[int(doses[k, 0])] += doses[k, 1]
            begin = ends[k]
    return values


def _refined(times: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put in times that nobody asked for: this LSODA allows 500 steps from one time to the next."""
    if len(times) < 2:
        return times, rows
    near_start = times[0] + (times[1] - times[0]) * np.geomspace(1e-3, 0.7, 16)
    between = (times[1:-1, None] + np.diff(times)[1:, None] * np.array([0.25, 0.5, 0.75])).ravel()
    extra = np.concatenate((near_start, between))
    places = np.searchsorted(times, extra)
    return np.insert(times, places, extra), np.insert(rows, places, -1)


def prepare(case: Case) -> Callable[[int, float, float], np.ndarray]:
    states = case.initial.shape[1]
    source = write_into(case.derivatives, [f"out[{i}]" for i in range(states)], "derivatives(t, y, out, p)")
    function = numba.cfunc(lsoda_sig, error_model="numpy")(load_source(source, "derivatives"))
    pieces = [(*_refined(times, rows), state, amount) for times, rows, state, amount in segments(case)]
    times = np.concatenate([piece[0] for piece in pieces])
    rows = np.concatenate([piece[1] for piece in pieces])
    ends = np.cumsum([len(piece[0]) for piece in pieces])
    doses = np.array([piece[2:] for piece in pieces], dtype=float)

    def solve(count: int, relative: float, absolute: float) -> np.ndarray:
        initial, constants = case.initial[:count], case.constants[:count]
        outputs = len(case.times)
        return _solve(function.address, times, rows, ends, doses, initial, constants, outputs, relative, absolute)

    return solve
