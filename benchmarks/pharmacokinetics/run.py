"""A population over 30 days against ODE solvers that install from PyPI: ``python benchmarks/pharmacokinetics/run.py``.

10,000 kidney recipients on tacrolimus twice daily under Woillard 2011 (five compartments), 200 irregular times of their
own each, haematocrit that changes every week, genotype, and random effects between subjects. Limus starts from the
event table and the random effects; the peers get each subject's parameters of every week, its doses and its times ready
made, and integrate from stop to stop. Makes the peers' environment, measures in interleaved rounds, writes RESULTS.md.
"""

from __future__ import annotations

import argparse
import datetime
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import population

sys.path.append(str(Path(__file__).parents[1]))  # what all benchmarks share
from peer_program import Program, machine, make_environment

HERE = Path(__file__).parent
PACKAGES = ("scipy", "numba", "numbalsoda==0.1.7")  # the last one that builds without a Fortran compiler
# solver: subjects a round, relative tolerances
PEERS = {"numbalsoda": (400, (1e-6, 1e-9)), "scipy": (40, (1e-6, 1e-9))}
MODULES = {"limus": "limus_population", "numbalsoda": "numbalsoda_lsoda", "scipy": "scipy_lsoda"}


def largest_error(values: np.ndarray, reference: np.ndarray) -> float:
    """Return the largest error over the largest level of its subject."""
    known = reference[: len(values)]
    values = values[: len(known)]
    return float((np.abs(values - known[: len(values)]).max(axis=1) / known.max(axis=1)).max())


def measure(subjects: int, rounds: int, folder: Path) -> dict[str, Any]:
    """Errors against matrix exponentials, then times in interleaved rounds."""
    missing = make_environment(HERE, PACKAGES, CMAKE_POLICY_VERSION_MINIMUM="3.5")  # numbalsoda's is older than CMake 4
    if missing:
        raise SystemExit(f"not installed: {', '.join(missing)}")
    case = population.write(subjects, folder)
    reference = population.reference(case, 20)
    solvers = {name: Program(HERE, name, module, str(case), errors=None) for name, module in MODULES.items()}
    work = {("limus", 0.0): subjects} | {(n, t): count for n, (count, ts) in PEERS.items() for t in ts}
    found: dict[str, Any] = {"subjects": subjects, "rounds": rounds, "versions": {}, "rows": {}}
    kept = folder / "levels.npy"
    for (name, tolerance), count in work.items():
        reply = solvers[name].run(count=count, tolerance=tolerance, save=str(kept))
        found["versions"] |= reply["versions"]
        row = {"count": count, "ready_s": reply["ready_s"], "error": largest_error(np.load(kept), reference)}
        found["rows"][f"{name} {tolerance:g}"] = row | {"cpu_s": [], "wall_s": []}
    for _ in range(rounds):
        for (name, tolerance), count in work.items():
            reply = solvers[name].run(count=count, tolerance=tolerance, save=None)
            for kind in ("cpu_s", "wall_s"):
                found["rows"][f"{name} {tolerance:g}"][kind].append(reply[kind] / count)
    for solver in solvers.values():
        solver.close()
    return found


def lines(found: dict[str, Any]) -> list[str]:
    """RESULTS.md."""
    ours = found["rows"]["limus 0"]
    versions = ", ".join(f"{name} {version}" for name, version in sorted(found["versions"].items()))
    text = [
        "# Population simulation and its peers",
        "",
        f"Written by `python benchmarks/pharmacokinetics/run.py` on {datetime.datetime.now(datetime.UTC).date()}.",
        f"Machine: {machine()}; it was shared, so compare the ratios. Versions: {versions}.",
        "",
        f"{found['subjects']:,} subjects, 60 doses in 30 days, 200 irregular times of their own each, haematocrit that",
        "changes weekly; Woillard 2011, five compartments. One thread. Limus starts from the event table; peers get",
        "parameters, doses and times ready made, and fewer subjects, scaled. Error: largest over times and 20",
        "subjects of |level - reference| over the subject's highest level; the reference multiplies matrix",
        "exponentials (scipy).",
        f"Times: median of {found['rounds']} interleaved rounds, processor time; *ready* is compiled once.",
        "",
        "| solver | relative tolerance | N | largest error | ms a subject | ratio | by the clock | ready s |",
        "|" + "---|" * 8,
    ]
    for key, row in found["rows"].items():
        name, tolerance = key.split()
        ratio, clock = (
            statistics.median(t / o for t, o in zip(row[kind], ours[kind], strict=True)) for kind in ("cpu_s", "wall_s")
        )
        ms = 1e3 * statistics.median(row["cpu_s"])
        asked = "exact" if name == "limus" else tolerance
        cells = [name, asked, f"{row['count']:,}", f"{row['error']:.1e}", f"{ms:.3g}", f"{ratio:.3g}", f"{clock:.3g}"]
        text.append("| " + " | ".join([*cells, f"{row['ready_s']:.1f}"]) + " |")
    total = statistics.median(ours["wall_s"]) * found["subjects"]
    return [*text, "", f"Limus: the whole population by the clock in {total:.1f} s."]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options.subjects, options.rounds, Path(folder))
    text = "\n".join(lines(found)) + "\n"
    (HERE / "RESULTS.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
