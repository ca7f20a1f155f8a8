"""A thousand meta-analyses by limus and its peers, in one run: ``python benchmarks/evidence/run.py``.

Makes the peers' environment, then measures in interleaved rounds and writes RESULTS.md here.
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

from limus.kernel.statistics.pooling.likelihood import maximise_likelihood
from limus.kernel.statistics.pooling.spread import mean_spread

sys.path.append(str(Path(__file__).parents[1]))  # what all benchmarks share
from peer_program import Program, machine, make_environment

HERE = Path(__file__).parent
PACKAGES = ("statsmodels", "pymare")
PEERS = {"limus": "limus_pooling", "statsmodels": "statsmodels_pooling", "PyMARE": "pymare_pooling"}
WORK = (("limus", "REML"), ("PyMARE", "REML"), ("PyMARE", "REML, at once"), ("limus", "PM"), ("statsmodels", "PM"))
WORK += (("limus", "DL"), ("statsmodels", "DL"), ("PyMARE", "DL"))
CASES = {"5": 5, "10": 10, "30": 30, "5, variances over five decades": 5}
R_METAFOR_S = (9.0, 20.0)  # for 1,000 REML fits with R's metafor, as measured for the issue; not run here


def measure(sets: int, rounds: int, folder: Path) -> dict[str, Any]:
    """Times and results of every program on sets of several sizes, rounds interleaved."""
    programs = {name: Program(HERE, name, module) for name, module in PEERS.items()}
    found: dict[str, Any] = {"versions": {}, "cases": {}}
    for label, studies in CASES.items():
        rng = np.random.default_rng(len(label) + studies)
        effects, variances = rng.normal(0, 0.5, (sets, studies)), rng.uniform(0.01, 0.5, (sets, studies))
        if "decades" in label:
            variances = 10 ** rng.uniform(-4, 1, (sets, studies))
            effects = rng.normal(size=(sets, studies)) * 10 ** rng.uniform(-1.5, 0.8, (sets, 1))
        case = folder / "case.npz"
        np.savez(case, effects=effects, variances=variances)
        entries: dict[str, Any] = {}
        for name, method in WORK:
            request = {"case": str(case), "count": sets, "method": method, "save": str(folder / "kept.npz")}
            reply = programs[name].run(**request)
            if "failed" in reply:
                entries[f"{name}|{method}"] = {"failed": reply["failed"]}
                continue
            found["versions"] |= reply["versions"]
            kept = np.load(folder / "kept.npz")
            entries[f"{name}|{method}"] = {"cpu_s": [], "tau2": kept["tau2"]}
        for _ in range(rounds):
            for name, method in WORK:
                entry = entries[f"{name}|{method}"]
                if "failed" not in entry:
                    reply = programs[name].run(case=str(case), count=sets, method=method)
                    entry["cpu_s"].append(reply["cpu_s"])
        _judge(entries, effects, variances)
        found["cases"][label] = entries
        print(label, {key: statistics.median(e["cpu_s"]) for key, e in entries.items() if "cpu_s" in e}, flush=True)
    for program in programs.values():
        program.close()
    return found


def _judge(entries: dict[str, Any], effects: np.ndarray, variances: np.ndarray) -> None:
    """How far each falls short: of the restricted likelihood for REML, of limus' own tau2 for the others."""
    spread, rows = mean_spread(effects, variances), np.arange(len(effects))
    best = maximise_likelihood(spread, restricted=True).tau2
    top = spread.log_likelihood(rows, best, restricted=True)
    for key, entry in entries.items():
        if "failed" in entry:
            continue
        tau2 = np.maximum(entry.pop("tau2"), 0.0)
        if "REML" in key:
            short = top - spread.log_likelihood(rows, tau2, restricted=True)
            entry["missed"] = int((short > 1e-4).sum())
            entry["worst"] = float(short.max())


def write(results: dict[str, Any], sets: int, rounds: int, missing: list[str]) -> None:
    """Write RESULTS.md."""
    versions = ", ".join(f"{name} {version}" for name, version in sorted(results["versions"].items()))
    lines = [
        "# Pooling and its peers",
        "",
        f"Written by `python benchmarks/evidence/run.py` on {datetime.datetime.now(datetime.UTC).date()}.",
        f"Machine: {machine()}. Absolute times mean little: the machine was shared; compare the ratios.",
        f"Versions: {versions}.",
        "",
        f"{sets} random-effects meta-analyses, one thread, processor time from the call to the arrays, median of",
        f"{rounds} interleaved rounds. Ratio: the peer's time over that of limus with the same estimator, median.",
        "Missed: REML fits whose restricted log-likelihood is more than 1e-4 below the highest there is.",
        "",
        "| studies | program | estimator | ms | ratio | missed | worst shortfall |",
        "|---|---|---|---|---|---|---|",
    ]
    for studies, entries in results["cases"].items():
        for key, entry in entries.items():
            name, method = key.split("|")
            if "failed" in entry:
                lines.append(f"| {studies} | {name} | {method} | {entry['failed']} | | | |")
                continue
            ours = entries[f"limus|{method.partition(',')[0]}"]["cpu_s"]
            ratio = statistics.median(theirs / own for theirs, own in zip(entry["cpu_s"], ours, strict=True))
            quality = f"{entry['missed']} | {entry['worst']:.0e}" if "missed" in entry else " | "
            ms = 1e3 * statistics.median(entry["cpu_s"])
            lines.append(f"| {studies} | {name} | {method} | {ms:.3g} | {ratio:.3g} | {quality} |")
    ten = statistics.median(results["cases"]["10"]["limus|REML"]["cpu_s"])
    low, high = (seconds / ten * sets / 1000 for seconds in R_METAFOR_S)
    lines += [
        "",
        f"R's metafor took {R_METAFOR_S[0]:g} to {R_METAFOR_S[1]:g} s for 1,000 REML fits on another machine (a figure",
        "given to this project, not measured here); with ten studies that is",
        f"{low:.0f} to {high:.0f} times as long as limus. The aim is 300.",
        "",
        "statsmodels has no REML; its `iterated` is Paule and Mandel's estimator. PyMARE at once: all sets in one",
        "call, as limus has it; otherwise one call a set. The times of limus include Q, I2, H2, weights and the",
        "standard error of tau2. Only limus searches for further maxima of the likelihood.",
        "",
        *(f"- {package}: could not be installed" for package in missing),
    ]
    (HERE / "RESULTS.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sets", type=int, default=1000)
    options = parser.parse_args()
    missing = make_environment(HERE, PACKAGES)
    with tempfile.TemporaryDirectory() as name:
        results = measure(options.sets, options.rounds, Path(name))
    write(results, options.sets, options.rounds, missing)


if __name__ == "__main__":
    main()
