"""What concerns limus alone: two threads, the first answer of a fresh process, a hundred thousand trajectories."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import models

from limus.kernel.execution import Execution
from limus.kernel.simulation import simulate

__all__ = ["cold_start", "many", "threads"]

HERE = Path(__file__).parent
FIRST_ANSWER = """
import numpy as np
from limus.kernel.language import without_inert_species
from limus.kernel.simulation import compile_model, simulate
from limus.signalling.model_library import load_model
model = compile_model(without_inert_species(load_model("t_cell").model, ["tacrolimus.medium"]), ["IL2"])
settings = {"stimulus_strength": 0.6, "costimulation": 0.5, "protein_kinase_c": 0.4, "tacrolimus.medium": 1.0}
print(simulate(model, np.linspace(0.0, 24.0, 49), settings, relative_tolerance=1e-6).values[0, -1, 0])
"""


def _run(work: models.Work, workers: int) -> Any:
    execution = Execution(workers=workers)
    tolerances = {"relative_tolerance": 1e-6, "absolute_tolerance": 1e-9}
    return simulate(work.model, work.times, work.parameters, execution=execution, **tolerances)


def threads(sets: int, rounds: int) -> dict[str, Any]:
    """Compare one thread with two."""
    work = models.t_cell(sets)
    one, two = _run(work, 1).values, _run(work, 2).values
    ratios = []
    for _ in range(rounds):
        seconds = []
        for workers in (1, 2):
            begin = time.perf_counter()
            _run(work, workers)
            seconds.append(time.perf_counter() - begin)
        ratios.append(seconds[0] / seconds[1])
    same = one.tobytes() == two.tobytes()
    return {"sets": sets, "identical": same, "ratio": statistics.median(ratios), "ratios": ratios}


def cold_start(rounds: int) -> dict[str, float]:
    """Seconds of ``python -c`` to the first answer of the T-cell model: empty cache, full cache, and imports alone."""

    def seconds(code: str, cache: str) -> float:
        begin = time.perf_counter()
        environment = os.environ | {"LIMUS_CACHE": cache}
        subprocess.run([sys.executable, "-c", code], check=True, env=environment, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begin

    found: dict[str, list[float]] = {"empty_s": [], "full_s": [], "imports_s": []}
    imports = "\n".join(FIRST_ANSWER.splitlines()[:5])
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            found["empty_s"].append(seconds(FIRST_ANSWER, cache))
            found["full_s"].append(seconds(FIRST_ANSWER, cache))
            found["imports_s"].append(seconds(imports, cache))
    return {name: statistics.median(values) for name, values in found.items()}


def many(sets: int) -> dict[str, float]:
    """Time and peak memory of many sets, all states at all times kept, in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, str(sets)], check=True, stdout=subprocess.PIPE, text=True, cwd=HERE
    )
    return json.loads(done.stdout)


if __name__ == "__main__":
    count = int(sys.argv[1])
    ensemble = models.t_cell(count)
    _run(models.t_cell(8), 2)
    start = time.perf_counter()
    size = _run(ensemble, 2).values.nbytes
    taken = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"sets": count, "wall_s": taken, "peak_bytes": peak, "result_bytes": size}))
