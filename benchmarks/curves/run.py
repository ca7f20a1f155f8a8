"""Limus against its peers on the same curves, in one run: ``python benchmarks/curves/run.py``.

Makes the peers' environment, then measures in interleaved rounds and writes RESULTS.md here.
"""

from __future__ import annotations

import argparse
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

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))  # what all benchmarks share
from peer_program import ONE_THREAD, interpreter, make_environment

import report

HERE = Path(__file__).parent
PACKAGES = ("scipy", "numpy", "lmfit")
CURVES, FEW = 1000, 10
# Fit, confidence intervals and effective doses of 1,000 curves with R drc on a machine of this kind: the figure that
# the project started from; not measured here.
DRC_SECONDS = 39.0
WORK = {
    "fit": {"limus": CURVES, "scipy": CURVES, "scipy with derivatives": CURVES, "scipy with bounds": 100},
    "fit, 3 starts": {"limus": CURVES, "scipy": CURVES},
    "profile": {"limus": CURVES, "lmfit": FEW},
    "fit, intervals, ED": {"limus": CURVES},
}


def make_curves(path: Path, count: int) -> None:
    """Write doses, responses and starts: 8 doses in triplicate, 4PL with slopes 0.7 to 2, error 5 % of the range."""
    random = np.random.default_rng(20)
    x = np.log(np.repeat(np.geomspace(0.01, 100, 8), 3))
    slope, lower, upper = random.uniform(0.7, 2, count), random.normal(5, 2, count), random.normal(100, 5, count)
    middle = np.log(10.0 ** random.uniform(-1, 1, count))
    curve = lower[:, None] + (upper - lower)[:, None] / (1 + np.exp(slope[:, None] * (x - middle[:, None])))
    y = curve + 5 * random.standard_normal(curve.shape)
    first = np.stack([np.ones(count), y.min(axis=1), y.max(axis=1), np.zeros(count)], axis=1)
    moves = np.array([[0, 0, 0, 0], [0.5, 0, 0, 1.5], [-0.3, 0, 0, -1.5]])
    np.savez(path, x=x, y=y, starts=first[:, None] + moves)


def ask(peer: str, work: str, data: Path, kept: Path) -> dict[str, Any]:
    """Run one peer in a process of its own; times are taken inside, after the imports."""
    script = str(HERE / "peers" / f"{peer.split(maxsplit=1)[0]}_curves.py")
    words = [interpreter(HERE, peer), script, peer, work, str(WORK[work][peer])]
    done = subprocess.run(
        [*words, str(data), str(kept)], capture_output=True, text=True, check=False, env=os.environ | ONE_THREAD
    )
    if done.returncode != 0:
        return {"failed": done.stderr.strip().splitlines()[-1][:200] if done.stderr.strip() else "no answer"}
    return json.loads(done.stdout)


def measure(work: str, rounds: int, folder: Path, data: Path, reference: dict[str, np.ndarray]) -> dict[str, Any]:
    """Times and errors of every peer on one piece of work, rounds interleaved."""
    found: dict[str, Any] = {peer: {"cpu_s": [], "wall_s": []} for peer in WORK[work]}
    for number in range(rounds):
        for peer, entry in found.items():
            if "failed" in entry:
                continue
            kept = folder / f"{peer}.npz"
            reply = ask(peer, work, data, kept)
            if "failed" in reply:
                found[peer] = reply
                continue
            count = WORK[work][peer]
            for key in ("cpu_s", "wall_s"):
                entry[key].append(reply[key] * 1000 / count)
            entry |= {"count": count, "versions": reply["versions"]}
            if number == 0:
                arrays = np.load(kept)
                error = np.abs(arrays["parameters"] - reference["parameters"][:count]) / reference["errors"][:count]
                worst = error.max(axis=1)
                entry |= {"p50": float(np.median(worst)), "p99": float(np.quantile(worst, 0.99))}
                entry["failed_fits"] = int((~(worst < 1e-2)).sum())
                if "lower" in arrays:
                    entry["ends"] = np.stack([arrays["lower"], arrays["upper"]]).tolist()
    print(work, {peer: entry.get("failed") or min(entry["cpu_s"]) for peer, entry in found.items()}, flush=True)
    return found


def ratios(entries: dict[str, Any], key: str = "cpu_s") -> dict[str, float]:
    """Peer's time over limus', median over rounds."""
    ours = entries["limus"][key]
    return {
        peer: statistics.median(theirs / own for theirs, own in zip(entry[key], ours, strict=True))
        for peer, entry in entries.items()
        if "failed" not in entry
    }


def large(count: int) -> dict[str, Any]:
    """Fit a large number of curves through the public function; time by the clock and peak memory of a process."""
    code = (
        "import json, resource, time, numpy as np\n"
        "from limus.assay.curve.fit import fit_curves, half_dose\n"
        f"n = {count}\n"
        "r = np.random.default_rng(1); x = np.repeat(np.geomspace(.01, 100, 8), 3)\n"
        "e = 10 ** r.uniform(-1, 1, n)\n"
        "y = 5 + 95 / (1 + (x / e[:, None]) ** r.uniform(.7, 2, n)[:, None]) + 5 * r.standard_normal((n, 24))\n"
        "t = time.perf_counter(); f = fit_curves(np.broadcast_to(x, y.shape), y); h = half_dose(f)\n"
        "s = time.perf_counter() - t\n"
        "print(json.dumps({'wall_s': s, 'peak_bytes': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,\n"
        "                  'ok': sum(map(lambda v: v == 'ok', map(str, f.status)))}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {"count": count, **json.loads(done.stdout)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--many", type=int, default=100_000, help="curves of the large run; 0 leaves it out")
    options = parser.parse_args()
    begin = time.perf_counter()
    missing = make_environment(HERE, PACKAGES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data, kept = folder / "curves.npz", folder / "reference.npz"
        make_curves(data, CURVES)
        words = [interpreter(HERE, "reference"), str(HERE / "peers" / "reference_curves.py"), str(data), str(kept)]
        subprocess.run(words, check=True)
        reference = dict(np.load(kept))
        results: dict[str, Any] = {"rounds": options.rounds, "missing": missing, "drc_s": DRC_SECONDS}
        results["work"] = {work: measure(work, options.rounds, folder, data, reference) for work in WORK}
    results["ratios"] = {work: ratios(entries) for work, entries in results["work"].items()}
    results["errors"] = {k: v.tolist() for k, v in reference.items() if k == "errors"}
    if options.many:
        results["many"] = large(options.many)
    results["seconds"] = time.perf_counter() - begin
    results["own_peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    (HERE / "RESULTS.md").write_text("\n".join(report.lines(results)) + "\n", encoding="utf-8")
    print((HERE / "RESULTS.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
