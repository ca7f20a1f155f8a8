"""LSODA of numbalsoda: right-hand side, stops and the loop over subjects compiled."""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
from NumbaLSODA import lsoda, lsoda_sig

__all__ = ["VERSIONS", "prepare"]

VERSIONS = ("numbalsoda", "numba")
EVERY_H, WEEK_H, HOURS = 12.0, 168.0, 720.0


@numba.cfunc(lsoda_sig, error_model="numpy")
def _rates(_t, y, dy, p):
    ktr, out, away, back = p[0], p[1], p[2], p[3]
    dy[0] = -ktr * y[0]
    dy[1] = ktr * (y[0] - y[1])
    dy[2] = ktr * (y[1] - y[2])
    dy[3] = ktr * y[2] - (out + away) * y[3] + back * y[4]
    dy[4] = away * y[3] - back * y[4]


@numba.njit
def _solve(address, count, times, dose, ktr, clearance, vc, q, vp, rtol):
    levels = np.full((count, times.shape[1]), np.nan)
    p = np.empty(4)
    for n in range(count):
        y = np.zeros(5)
        p[0], p[2], p[3] = ktr[n], q[n] / vc[n], q[n] / vp[n]
        at = 0
        now = 0.0
        while now < HOURS:
            if now % EVERY_H == 0.0:
                y[0] += dose[n]
            week = int(now // WEEK_H)
            p[1] = clearance[n, week] / vc[n]
            stop = min(now + EVERY_H, (week + 1) * WEEK_H)
            last = at
            while last < times.shape[1] and times[n, last] <= stop:
                last += 1
            grid = np.empty(last - at + 2)
            grid[0] = now
            grid[1:-1] = times[n, at:last]
            grid[-1] = stop
            found, success = lsoda(address, y, grid, p, rtol, rtol * 1e-3)
            if success:
                levels[n, at:last] = found[1:-1, 3] / vc[n] * 1e3
            y = found[-1].copy()
            at, now = last, stop
    return levels


def prepare(data: dict[str, np.ndarray]) -> Callable[[int, float], np.ndarray]:
    names = ("times_h", "dose_mg", "ktr", "clearance", "Vc", "Q", "Vp")
    arrays = [np.ascontiguousarray(data[name]) for name in names]

    def solve(count: int, tolerance: float) -> np.ndarray:
        return _solve(_rates.address, count, *arrays, tolerance)

    return solve
