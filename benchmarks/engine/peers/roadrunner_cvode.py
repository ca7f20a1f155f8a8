"""CVODE of libroadrunner, its own compiler and its own Jacobian, on the same equations as rate rules."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import roadrunner
from case import Case, segments
from rate_rules import write_sbml

__all__ = ["VERSIONS", "prepare"]

VERSIONS = ("libroadrunner", "antimony")


def prepare(case: Case) -> Callable[[int, float, float], np.ndarray]:
    runner = roadrunner.RoadRunner(write_sbml(case))
    states = case.initial.shape[1]
    ids = list(runner.model.getGlobalParameterIds())
    constants = [ids.index(f"p_{i}") for i in range(case.constants.shape[1])]
    variables = [ids.index(f"y_{i}") for i in range(states)]
    runner.timeCourseSelections = [f"y_{i}" for i in range(states)]
    pieces = segments(case)

    def solve(count: int, relative: float, absolute: float) -> np.ndarray:
        values = np.full((count, len(case.times), states), np.nan)
        runner.integrator.setValue("relative_tolerance", relative)
        runner.integrator.setValue("absolute_tolerance", absolute)
        runner.integrator.setValue("maximum_num_steps", 100_000)
        for n in range(count):
            runner.model.setGlobalParameterValues(constants, case.constants[n])
            y = case.initial[n].copy()
            for times, rows, state, amount in pieces:
                runner.model.setGlobalParameterValues(variables, y)
                found = np.array(runner.simulate(times=times.tolist())) if len(times) > 1 else y[None]
                values[n, rows[rows >= 0]] = found[rows >= 0]
                y = found[-1].copy()
                y[state] += amount
        return values

    return solve
