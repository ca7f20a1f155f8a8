"""Limus against its peers on the same equations, in one run: ``python benchmarks/engine/run.py``.

Makes the peers' environment, then measures in interleaved rounds and writes RESULTS.md and work_precision.svg here.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import events
import models
import numpy as np
import scale
from environment import HERE, SOLVERS, Solver, make_environment

import report

TOLERANCES = (1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
REFERENCE, CHECK = "scikit-sundae", "scipy"
NOT_COMPARABLE = 1e-3
SMALLEST = 1e-3

# parameter sets for each solver: fewer for the slow
T_CELL = {
    "limus": 2000,
    "numbalsoda": 200,
    "libroadrunner": 200,
    "scikit-sundae": 100,
    "scipy": 100,
    "amici": 100,
    "diffrax": 2,
}
LINEAR = {"limus": 1000, "numbalsoda": 100, "libroadrunner": 20, "scipy": 20}
NETWORK = {"limus": 1000, "numbalsoda": 50, "libroadrunner": 50, "scikit-sundae": 20, "scipy": 30, "amici": 20}


def relative_errors(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return max over times of |x - reference| / max over times of |reference|, for each set and output, (N*O,).

    The absolute tolerance is a thousandth of the relative one, so it decides about a state that never exceeds a
    thousandth, such as the eighth generation of cells that have just begun to divide: these are left out.
    """
    size = np.abs(reference).max(axis=1)
    error = np.abs(values - reference[: len(values)]).max(axis=1)
    used = size[: len(values)] >= SMALLEST
    return np.nan_to_num(error[used] / size[: len(values)][used], nan=np.inf)


def measure(work: models.Work, counts: dict[str, int], rounds: int, folder: Path) -> dict[str, Any]:
    """Errors and times of every solver on one piece of work, rounds interleaved."""
    case = models.write(work, folder)
    solvers = {name: Solver(name, folder / f"{work.name}.{name}.log") for name in {*counts, REFERENCE, CHECK}}
    most = min(models.PEER_SETS, max(count for name, count in counts.items() if name != "limus"))
    kept = folder / f"{work.name}.npy"
    ready = {REFERENCE: solvers[REFERENCE].run(case, most, 1e-11, kept).get("prepare_s")}
    reference = np.load(kept)
    ready[CHECK] = solvers[CHECK].run(case, min(most, 30), 1e-11, kept).get("prepare_s")
    found: dict[str, Any] = {"states": len(work.model.states), "solvers": {}, "left_out": {}}
    found["reference_p99"] = float(np.quantile(relative_errors(np.load(kept), reference), 0.99))
    for name, count in counts.items():
        entry: dict[str, Any] = {"count": count, "p50": [], "p99": [], "cpu_s": [], "wall_s": []}
        for tolerance in TOLERANCES:
            reply = solvers[name].run(case, count, tolerance, kept)
            if "failed" in reply:
                break
            entry["versions"] = reply["versions"]
            entry.setdefault("prepare_s", reply.get("prepare_s", ready.get(name)))
            error = relative_errors(np.load(kept)[:most], reference)
            entry["p50"].append(float(np.quantile(error, 0.5, method="lower")))
            entry["p99"].append(float(np.quantile(error, 0.99, method="lower")))
            entry.setdefault("failed", []).append(int(np.isinf(error).sum()))
        if "failed" in reply or not np.nanmin(entry["p99"]) < NOT_COMPARABLE:
            found["left_out"][name] = reply.get("failed") or f"p99 error {np.min(entry['p99']):.2g} at best"
        else:
            found["solvers"][name] = entry
    for _ in range(rounds):
        times = {name: ([], []) for name in found["solvers"]}
        for tolerance in TOLERANCES:
            for name, (cpu, wall) in times.items():
                reply = solvers[name].run(case, counts[name], tolerance)
                cpu.append(reply["cpu_s"] / counts[name])
                wall.append(reply["wall_s"] / counts[name])
        for name, (cpu, wall) in times.items():
            found["solvers"][name]["cpu_s"].append(cpu)
            found["solvers"][name]["wall_s"].append(wall)
    for solver in solvers.values():
        solver.close()
    print(work.name, report.ratios(found), flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--many", type=int, default=100_000, help="sets of the large ensemble; 0 leaves it out")
    options = parser.parse_args()
    missing = make_environment()
    results: dict[str, Any] = {"tolerances": TOLERANCES, "rounds": options.rounds, "missing": missing, "cases": {}}
    results["cold_start"] = scale.cold_start(5)  # first: twenty minutes of work slow a shared machine down
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pieces = [(models.t_cell(T_CELL["limus"]), T_CELL), (models.linear_pharmacokinetics(LINEAR["limus"]), LINEAR)]
        for make in (models.network, models.cascade):
            pieces += [(make(size, NETWORK["limus"]), NETWORK) for size in (25, 45, 65, 100)]
        for work, counts in pieces:
            results["cases"][work.name] = measure(work, counts, options.rounds, folder)
        results["events"] = events.compare(options.rounds, folder)
    results["threads"] = scale.threads(T_CELL["limus"], options.rounds)
    if options.many:
        results["many"] = scale.many(options.many)
    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    report.write(results, HERE, list(SOLVERS))


if __name__ == "__main__":
    main()
