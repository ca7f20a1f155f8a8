"""The exact answer of piecewise linear problems: dy/dt = A y + b between stops, by the matrix exponential."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy.linalg import expm
from scipy.optimize import brentq

from engine.course import stops_of
from engine.problem import Floats, Problem, rows_of

__all__ = ["Rates", "linear_answer", "redosed_answer"]

Rates = Callable[[Mapping[str, float], float], tuple[Floats, Floats]]
"""Inputs by name and a time inside a piece, to A (S, S) and b (S,)."""


def linear_answer(problem: Problem, rates: Rates) -> Floats:
    """Return the states of all sets at all times, (N, T, S); the state is zero at the start.

    [y; 1](t + h) = expm([[A, b + infusion], [0, 0]] h) [y; 1](t)
    """
    rows = rows_of(problem)
    size = len(problem.model.states)
    values = np.zeros((len(rows), len(problem.times), size))
    for n, row in enumerate(rows.tolist()):
        inputs = dict(zip(problem.model.inputs, row, strict=True))
        stops = dict(stops_of(problem, n))
        y, infusion = np.zeros(size), np.zeros(size)
        grid = np.unique(np.concatenate((problem.times, list(stops))))
        for k, time in enumerate(grid):
            values[n, problem.times == time] = y  # an output at a dose is before it
            for kind, place, value in stops.get(time, []):
                (y if kind == "add" else infusion)[place] += value
            if k + 1 < len(grid):
                a, b = rates(inputs, 0.5 * (time + grid[k + 1]))
                matrix = np.zeros((size + 1, size + 1))
                matrix[:size, :size], matrix[:size, size] = a, b + infusion
                y = (expm(matrix * (grid[k + 1] - time)) @ np.append(y, 1.0))[:size]
    return values


def redosed_answer(problem: Problem, absorption: float, elimination: float) -> Floats:
    """Return gut and central amount, (1, T, 2), when the gut gets a dose each time that the central amount falls low.

    After a dose, gut = g exp(-k t) and central = (c + g k/(k - e)) exp(-e t) - g k/(k - e) exp(-k t).
    """
    assert problem.threshold is not None
    threshold = problem.threshold
    k, e = absorption, elimination
    row = rows_of(problem)[0]
    gut, central = (row[problem.model.inputs.index(name)] for name in ("gut", "central"))
    begin, values = 0.0, np.zeros((1, len(problem.times), 2))
    while begin < problem.times[-1]:
        made = gut * k / (k - e)

        def amount(t: float, c: float = central, m: float = made) -> float:
            return (c + m) * np.exp(-e * t) - m * np.exp(-k * t)

        peak = np.log(made * k / ((central + made) * e)) / (k - e)
        wait = brentq(lambda t, a=amount: a(t) - threshold.value, peak, peak + 100.0 / e, xtol=1e-14, rtol=1e-14)
        asked = (problem.times >= begin) & (problem.times < begin + wait)
        after = problem.times[asked] - begin
        values[0, asked] = np.column_stack((gut * np.exp(-k * after), amount(after)))
        begin, gut, central = begin + wait, gut * np.exp(-k * wait) + threshold.amount, threshold.value
    return values
