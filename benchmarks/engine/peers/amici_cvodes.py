"""CVODES of AMICI: C++ that it writes from SBML and compiles, with KLU on its sparse Jacobian."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from amici import SbmlImporter
from amici.sim.sundials import RDataReporting, SensitivityOrder
from case import Case
from rate_rules import write_sbml

__all__ = ["VERSIONS", "prepare"]

VERSIONS = ("amici",)

# a model is built with the programs (SWIG, CMake, Ninja) that stand beside this environment's Python
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def prepare(case: Case) -> Callable[[int, float, float], np.ndarray]:
    if case.doses:
        raise NotImplementedError("doses")
    states = case.initial.shape[1]
    name = "peer_" + hashlib.sha256(case.derivatives.encode()).hexdigest()[:12]
    constants = [f"p_{i}" for i in range(case.constants.shape[1])]
    model = SbmlImporter(write_sbml(case), from_file=False).sbml2amici(
        name,
        tempfile.mkdtemp(),
        fixed_parameters=constants,
        compute_conservation_laws=False,
        generate_sensitivity_code=False,
    )
    order = [list(model.get_state_ids()).index(f"y_{i}") for i in range(states)]
    fixed = [constants.index(one) for one in model.get_fixed_parameter_ids()]
    solver = model.create_solver()
    solver.set_max_steps(100_000)
    solver.set_sensitivity_order(SensitivityOrder.none)
    solver.set_return_data_reporting_mode(RDataReporting.full)
    model.set_timepoints(case.times.tolist())
    model.set_t0(float(case.times[0]))

    def solve(count: int, relative: float, absolute: float) -> np.ndarray:
        values = np.full((count, len(case.times), states), np.nan)
        solver.set_relative_tolerance(relative)
        solver.set_absolute_tolerance(absolute)
        start = np.empty(states)
        for n in range(count):
            model.set_fixed_parameters(case.constants[n][fixed].tolist())
            start[order] = case.initial[n]
            model.set_initial_state(start.tolist())
            values[n] = model.simulate(solver=solver).x[:, order]
        return values

    return solve
