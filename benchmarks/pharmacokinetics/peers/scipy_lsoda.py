"""LSODA of SciPy (odeint, with the analytic Jacobian), right-hand side compiled by numba, one subject at a time."""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
from scipy.integrate import odeint

__all__ = ["VERSIONS", "prepare"]

VERSIONS = ("scipy", "numba")
EVERY_H, WEEK_H, HOURS = 12.0, 168.0, 720.0


@numba.njit
def _rates(_t, y, matrix):
    return matrix @ y


@numba.njit
def _jacobian(_t, _y, matrix):
    return matrix


def _matrix(ktr: float, out: float, away: float, back: float) -> np.ndarray:
    rates = np.zeros((5, 5))
    for k in range(3):
        rates[k, k], rates[k + 1, k] = -ktr, ktr
    rates[3, 3] = -out - away
    rates[4, 3], rates[3, 4], rates[4, 4] = away, back, -back
    return rates


def prepare(data: dict[str, np.ndarray]) -> Callable[[int, float], np.ndarray]:
    def solve(count: int, tolerance: float) -> np.ndarray:
        levels = np.full((count, data["times_h"].shape[1]), np.nan)
        for n in range(count):
            vc, times, state, at, now = float(data["Vc"][n]), data["times_h"][n], np.zeros(5), 0, 0.0
            away, back = float(data["Q"][n]) / vc, float(data["Q"][n] / data["Vp"][n])
            while now < HOURS:
                if now % EVERY_H == 0.0:
                    state[0] += data["dose_mg"][n]
                week = int(now // WEEK_H)
                rates = _matrix(float(data["ktr"][n]), float(data["clearance"][n, week]) / vc, away, back)
                stop = min(now + EVERY_H, (week + 1) * WEEK_H)
                last = at + int(np.searchsorted(times[at:], stop, side="right"))
                grid = np.concatenate([[now], times[at:last], [stop]])
                found = odeint(
                    _rates, state, grid, (rates,), Dfun=_jacobian, rtol=tolerance, atol=tolerance * 1e-3, tfirst=True
                )
                levels[n, at:last] = found[1:-1, 3] / vc * 1e3
                state, at, now = found[-1].copy(), last, stop
        return levels

    return solve
