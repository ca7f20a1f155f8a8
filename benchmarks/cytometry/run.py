"""One large FCS file, step by step, beside flowio and FlowKit: ``python benchmarks/cytometry/run.py``.

A million simulated events of ten channels (32-bit floating point) are read, compensated by the file's matrix,
transformed (logicle, every stained channel), gated (Gating-ML: cells, singlets, live, CD3) and, by limus alone, taken
apart into generations with 200 bootstrap replicates; each peer in one process on one core, rounds interleaved. The
peers' environment is made here once. Writes RESULTS.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from limus.assay.cytometry.fcs.read import read_fcs
from limus.assay.cytometry.fcs.write import NewChannel, write_fcs
from limus.assay.cytometry.gate.gating_ml_write import write_gating_ml
from limus.assay.cytometry.gate.proposals import GateChannels, propose_gates
from limus.assay.cytometry.proliferation.rules import cytometry_rules
from limus.assay.cytometry.simulation.events import precursor_shares, simulate_events
from limus.assay.cytometry.simulation.truth import read_truth
from limus.assay.cytometry.tube.spillover import compensate, find_spillover

sys.path.append(str(Path(__file__).parents[1]))  # what all benchmarks share
from peer_program import ONE_THREAD, interpreter, make_environment

HERE = Path(__file__).parent
PACKAGES = ("flowio==1.4.0", "flowkit==1.3.2")
TRUTH = HERE.parents[1] / "examples/assay/proliferation/truth.toml"
STAINED = ("CTV-A", "PE-A", "APC-Cy7-A", "FITC-A", "APC-A", "BV605-A")
STEPS = ("read", "compensate", "logicle", "gate", "deconvolute", "intervals")
PEERS = ("limus", "flowio", "flowkit")


def make_files(folder: Path, events: int) -> tuple[Path, Path]:
    """Simulate the file, and propose its gates."""
    truth = read_truth(TRUTH)
    random = np.random.default_rng(1)
    channels, table, _ = simulate_events(
        events, precursor_shares(truth.division), truth.cells, truth.instrument, random
    )
    more = [random.lognormal(6, 1, events) + random.normal(0, 60, events) for _ in STAINED[3:]]
    names = [*(c.name for c in channels), *STAINED[3:]]
    channels = [NewChannel(name, c.label, range=262_144.0) for name, c in zip(names, channels, strict=False)]
    channels += [NewChannel(name, "", range=262_144.0) for name in STAINED[3:]]
    matrix = np.eye(len(STAINED)) + 0.01 * (1 - np.eye(len(STAINED)))
    text = ",".join([str(len(STAINED)), *STAINED, *(f"{v:g}" for v in matrix.ravel())])
    file = write_fcs(folder / "large.fcs", channels, np.column_stack([table, *more]), keywords={"$SPILLOVER": text})
    data = read_fcs(file)
    raw = {name: data.values(name) for name in data.names}
    spillover = find_spillover(data)
    assert spillover is not None
    tops = dict.fromkeys(raw, 262_144.0)
    rules = cytometry_rules({}, "benchmark").gates
    which = GateChannels("FSC-A", "FSC-H", "APC-Cy7-A", "PE-A")
    gates = propose_gates(raw, compensate(raw, spillover), tops, which, rules)
    return file, write_gating_ml(folder / "gates.xml", gates)


def ask(peer: str, file: Path, gates: Path) -> dict[str, Any]:
    """Run one peer in a process of its own on one core; times are taken inside, after the imports."""
    script = ["peers/limus_steps.py"] if peer == "limus" else ["peers/flowkit_steps.py", peer]
    words = [interpreter(HERE, peer), *script, str(file), str(gates)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=os.environ | ONE_THREAD, cwd=HERE)
    if done.returncode:
        raise SystemExit(f"{peer}: {done.stderr.strip()[-500:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def write_results(events: int, rounds: list[dict[str, dict[str, Any]]]) -> str:
    """The table as text."""
    lines = [
        "# One large FCS file, step by step",
        "",
        f"Made by `python benchmarks/cytometry/run.py`: {events:,} events of 10 channels, one core, seconds of",
        f"processor time, medians of {len(rounds)} interleaved rounds (least to greatest). Python",
        f"{platform.python_version()}, numpy {metadata.version('numpy')}, {', '.join(PACKAGES).replace('==', ' ')}, "
        f"{platform.machine()}.",
        "",
        "| step | " + " | ".join(PEERS) + " |",
        "|---" * (len(PEERS) + 1) + "|",
    ]
    for step in STEPS:
        cells = []
        for peer in PEERS:
            times = [r[peer]["seconds"][step] for r in rounds if step in r[peer]["seconds"]]
            cells.append(f"{statistics.median(times):.2f} ({min(times):.2f} to {max(times):.2f})" if times else "")
        lines.append(f"| {step} | " + " | ".join(cells) + " |")
    totals = [
        sum(statistics.median([r[p]["seconds"][s] for r in rounds]) for s in rounds[0][p]["seconds"]) for p in PEERS
    ]
    lines.append("| all of its steps | " + " | ".join(f"{t:.2f}" for t in totals) + " |")
    memory = [statistics.median(r[p]["found"]["peak_MB"] for r in rounds) for p in PEERS]
    lines.append("| most memory, MB | " + " | ".join(f"{m:.0f}" for m in memory) + " |")
    ours, theirs = rounds[0]["limus"]["found"], rounds[0]["flowkit"]["found"]
    value, low, high = ours["division_index"]
    lines += [
        "",
        f"Cells in the last gate: limus {ours['gated']:,}, FlowKit {theirs['gated']:,}. Division index {value:.3f} "
        f"({low:.3f} to {high:.3f}), without a control.",
        "Reading is with amplifier and gain taken off. FlowKit's gating compensates and transforms anew. Logicle: six",
        "channels. Neither flowio nor FlowKit takes a dye apart",
        "into generations.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    missing = make_environment(HERE, PACKAGES)
    if missing:
        raise SystemExit(f"not installed: {', '.join(missing)}")
    with tempfile.TemporaryDirectory() as name:
        file, gates = make_files(Path(name), options.events)
        rounds = [{peer: ask(peer, file, gates) for peer in PEERS} for _ in range(options.rounds)]
    text = write_results(options.events, rounds)
    (HERE / "RESULTS.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
