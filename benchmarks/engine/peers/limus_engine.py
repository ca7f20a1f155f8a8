"""The engine of limus, on one thread, measured from the call a user makes to the array he gets."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
from case import Case

from limus.kernel.execution import Execution
from limus.kernel.simulation import simulate

__all__ = ["VERSIONS", "prepare"]

VERSIONS = ("limus", "llvmlite")


def prepare(case: Case) -> Callable[[int, float, float], np.ndarray]:
    work = pickle.loads(Path(case.path).with_suffix(".pickle").read_bytes())

    def solve(count: int, relative: float, absolute: float) -> np.ndarray:
        result = simulate(
            work.model,
            work.times,
            {name: values[:count] for name, values in work.parameters.items()},
            doses=work.doses,
            relative_tolerance=relative,
            absolute_tolerance=absolute,
            execution=Execution(workers=1),
        )
        others = set(result.solver) - {"rodas5p", "exact"}
        if others:
            raise RuntimeError(f"some trajectories went to {others}")
        return result.values

    return solve
