"""A model with a triggered event: limus against libroadrunner, which has events of its own.

Five states; a dose is given whenever a concentration falls below a limit, as often as it takes.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
from environment import FOLDER, HERE

from limus.kernel.language import read_model_text
from limus.kernel.simulation import CompiledModel, SimulationResult, compile_model, simulate

__all__ = ["compare"]

SEED = 20240607
TEXT = """model triggered()
  compartment body = 1; species gut in body = 0, central in body = 0, peripheral in body = 0;
  species tumour in body = 1, effect in body = 0;
  absorption = 1; clearance = 0.3; exchange = 0.5; growth = 0.05; loss = 0.3; delay_rate = 0.2; limit = 0.3; amount = 5;
  absorb: gut => central; body*absorption*gut; eliminate: central => ; body*clearance*central;
  leave: central => peripheral; body*exchange*(central - 0.5*peripheral);
  grow: => tumour; body*growth*tumour*(1 - tumour/10);
  shrink: tumour => ; body*loss*effect^2/(1 + effect^2)*tumour;
  act: => effect; body*delay_rate*(central - effect);
  at (central < limit), t0=false: gut = gut + amount;
end"""
USUAL = {"absorption": 1.0, "clearance": 0.3, "exchange": 0.5, "loss": 0.3, "delay_rate": 0.2}
OUTPUTS = ("central", "tumour")
TIMES = np.linspace(0.0, 240.0, 121)


def compare(
    rounds: int, folder: Path, sets: int = 2000, peer_sets: int = 100, reference_sets: int = 3
) -> dict[str, Any]:
    """Milliseconds of processor time a set at relative tolerance 1e-6, and p99 of the relative error."""
    model = compile_model(read_model_text(TEXT, language="antimony"), OUTPUTS)
    random = np.random.default_rng(SEED)
    parameters = {name: value * np.exp(0.3 * random.standard_normal(sets)) for name, value in USUAL.items()}
    first = {name: values[:peer_sets] for name, values in parameters.items()}
    true = simulate(model, TIMES, first, relative_tolerance=1e-11, absolute_tolerance=1e-13).values
    few = {name: values[:reference_sets] for name, values in parameters.items()}
    found: dict[str, list[float]] = {"limus": [], "limus, LSODA": [], "libroadrunner": []}
    for _ in range(rounds):
        seconds, result = _timed(model, parameters, "engine")
        found["limus"].append(1e3 * seconds / sets)
        seconds, slow = _timed(model, few, "reference")
        found["limus, LSODA"].append(1e3 * seconds / reference_sets)
        peer = _roadrunner(folder, first)
        found["libroadrunner"].append(1e3 * peer["cpu_s"] / peer_sets)
    errors = {
        "limus": _error(result.values[:peer_sets], true),
        "limus, LSODA": _error(slow.values, true),
        "libroadrunner": _error(np.array(peer["values"]), true),
    }
    return {"ms": {name: statistics.median(values) for name, values in found.items()}, "errors": errors}


def _timed(model: CompiledModel, parameters: dict[str, np.ndarray], solver: Any) -> tuple[float, SimulationResult]:
    start = time.process_time()
    result = simulate(model, TIMES, parameters, relative_tolerance=1e-6, absolute_tolerance=1e-9, solver=solver)
    return time.process_time() - start, result


def _error(values: np.ndarray, true: np.ndarray) -> float:
    """Max over times of |x - reference| over max over times of |reference|, p99 over sets and outputs."""
    reference = true[: len(values)]
    error = np.abs(values - reference).max(axis=1) / np.abs(reference).max(axis=1)
    return float(np.quantile(error, 0.99, method="lower"))


def _roadrunner(folder: Path, parameters: dict[str, np.ndarray]) -> dict[str, Any]:
    request = folder / "events.json"
    request.write_text(
        json.dumps(
            {
                "text": TEXT,
                "outputs": OUTPUTS,
                "times": [float(TIMES[0]), float(TIMES[-1]), len(TIMES)],
                "parameters": {name: values.tolist() for name, values in parameters.items()},
            }
        ),
        encoding="utf-8",
    )
    done = subprocess.run(
        [str(FOLDER / "bin" / "python"), str(HERE / "peers" / "roadrunner_events.py"), str(request)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout)
