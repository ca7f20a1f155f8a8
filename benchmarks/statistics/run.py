"""Log-rank tests of many trials and Cox regression by limus and its peers: ``python benchmarks/statistics/run.py``.

Makes the peers' environment, then measures in interleaved rounds and writes RESULTS.md here. Peers test one trial after
the other; on a machine of your own, R's ``coxph()`` on the case that ``--keep`` writes is the comparison to make.
"""

from __future__ import annotations

import argparse
import datetime
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))  # what all benchmarks share
from peer_program import Program, machine, make_environment

HERE = Path(__file__).parent
PACKAGES = ("lifelines", "statsmodels")
PEERS = {"limus": "limus_survival", "lifelines": "lifelines_survival", "statsmodels": "statsmodels_survival"}
# given to this project for other machines, not measured here
R_CORE_S, RPACT_S = (0.05, 0.11), 0.37


def make_trials(folder: Path, *, days: bool) -> Path:
    """Write 1,000 trials of 400: exponential times, uniform censoring, 1:1."""
    generator = np.random.default_rng(1)
    time, end = generator.exponential(100, (1000, 400)), generator.uniform(0, 300, (1000, 400))
    seen = np.minimum(time, end)
    group = np.broadcast_to(np.arange(400) % 2, seen.shape)
    case = folder / f"trials_{days}.npz"
    np.savez(case, time=np.ceil(seen) if days else seen, event=time <= end, group=group)
    return case


def make_rows(folder: Path, *, days: bool, rows: int = 100_000) -> Path:
    """Write a Cox case: five covariates, three in five with the event."""
    generator = np.random.default_rng(2)
    x = np.column_stack(
        [
            generator.normal(size=rows),
            generator.integers(0, 2, rows),
            generator.normal(50, 10, rows),
            generator.integers(0, 2, rows),
            generator.exponential(size=rows),
        ]
    ).astype(float)
    eta = x @ [0.3, -0.5, 0.02, 0.2, -0.1]
    time, end = generator.exponential(1000 * np.exp(eta.mean() - eta)), generator.uniform(100, 2000, rows)
    # a grid so fine that ties are few, and times that differ do so by more than rounding
    seen = np.round(np.minimum(time, end), 4) + 1e-4
    case = folder / f"cox_{days}.npz"
    np.savez(case, time=np.ceil(seen) if days else seen, event=time <= end, x=x)
    return case


def exact_chi_squares(case: Path, count: int) -> np.ndarray:
    """Log-rank tests by the definition, a time at a time, in long double."""
    with np.load(case) as data:
        trials = [data[name][:count] for name in ("time", "event", "group")]
    found = []
    for time, event, group in zip(*trials, strict=True):
        difference = variance = np.longdouble(0)
        for t in np.unique(time[event]):
            n, n1 = np.longdouble((time >= t).sum()), np.longdouble(((time >= t) & (group == 1)).sum())
            d, d1 = ((time == t) & event).sum(), ((time == t) & event & (group == 1)).sum()
            difference += d1 - d * n1 / n
            variance += d * (n - d) / max(n - 1, 1) * n1 / n * (1 - n1 / n)
        found.append(float(difference**2 / variance))
    return np.array(found)


def standard_errors_off(case: Path, beta: np.ndarray) -> float:
    """How far coefficients are from the maximum, sqrt(U' I^-1 U), by plain sums over risk sets in long double."""
    with np.load(case) as data:
        order = np.argsort(-data["time"], kind="stable")
        time, event, x = data["time"][order], data["event"][order], data["x"][order]
    x = (x - x.mean(axis=0)).astype(np.longdouble)
    risk = np.exp(x @ beta)
    s0, s1 = np.cumsum(risk), np.cumsum(risk[:, None] * x, axis=0)
    starts = np.flatnonzero(np.concatenate([[True], time[1:] != time[:-1]]))
    last = np.concatenate([starts[1:], [len(time)]]) - 1
    gradient, second = np.zeros(x.shape[1], dtype=np.longdouble), np.zeros((x.shape[1],) * 2)
    squares = np.cumsum((x * risk[:, None]).astype(float)[:, :, None] * x.astype(float)[:, None, :], axis=0)
    for a, b in zip(starts, last, strict=True):
        dead = np.flatnonzero(event[a : b + 1]) + a
        own0, own1 = risk[dead].sum(), (risk[dead, None] * x[dead]).sum(axis=0)
        own2 = (risk[dead, None, None] * x[dead, :, None] * x[dead, None, :]).sum(axis=0).astype(float)
        for k, place in enumerate(dead):
            share = k / len(dead)  # Efron's
            total = s0[b] - share * own0
            mean = (s1[b] - share * own1) / total
            gradient += x[place] - mean
            m = mean.astype(float)
            second += (squares[b] - share * own2) / float(total) - np.outer(m, m)
    g = gradient.astype(float)
    return float(np.sqrt(g @ np.linalg.solve(second, g)))


def measure(rounds: int, folder: Path, slow: int) -> dict[str, Any]:
    """Time every program on every case, rounds interleaved."""
    programs = {name: Program(HERE, name, module) for name, module in PEERS.items()}
    found: dict[str, Any] = {"versions": {}, "rows": []}

    def timed(name: str, times: int, **request: Any) -> tuple[list[float], list[float], np.ndarray | str]:
        cpu, wall = [], []
        for _ in range(times):
            reply = programs[name].run(save=str(folder / "kept.npy"), **request)
            if "failed" in reply:
                return [], [], reply["failed"]
            found["versions"] |= reply["versions"]
            cpu.append(reply["cpu_s"])
            wall.append(reply["wall_s"])
        return cpu, wall, np.load(folder / "kept.npy")

    for days in (False, True):
        case, words = make_trials(folder, days=days), "whole days" if days else "continuous times"
        exact = exact_chi_squares(case, slow)
        for name in PEERS:
            count = 1000 if name == "limus" else slow
            timed(name, 1, case=str(case), task="log-rank", count=min(count, 5))  # warm
            cpu, wall, values = timed(name, rounds, case=str(case), task="log-rank", count=count)
            error = float(np.max(np.abs(values[:slow] - exact))) if cpu else None
            row = {"task": f"log-rank, 1,000 trials of 400, {words}", "name": name, "error": error}
            found["rows"].append(
                row | {"cpu_s": [t * 1000 / count for t in cpu], "wall_s": [t * 1000 / count for t in wall]}
            )
            print(row, min(found["rows"][-1]["cpu_s"], default=None), flush=True)
    found["rows"] += _many_cox(timed, case, rounds, slow)
    cpu, wall, _ = timed("limus", rounds, case=str(case), task="simulate and log-rank")
    found["simulate"] = statistics.median(cpu)
    for days in (False, True):
        case, words = make_rows(folder, days=days), "whole days" if days else "few ties"
        for name in PEERS:
            cpu, wall, beta = timed(name, rounds if name == "limus" else 1, case=str(case), task="Cox")
            row = {"task": f"Cox, 100,000 rows, 5 covariates, {words}", "name": name, "cpu_s": cpu, "wall_s": wall}
            row["error"] = standard_errors_off(case, beta) if cpu else None
            if not cpu:
                row["failed"] = beta
            found["rows"].append(row)
            print({k: v for k, v in row.items() if k != "wall_s"}, flush=True)
    for program in programs.values():
        program.close()
    return found


def _many_cox(timed: Callable[..., Any], case: Path, rounds: int, slow: int) -> list[dict[str, Any]]:
    """Hazard ratios of 1,000 trials at once, and one trial after another by limus' own fit of one trial."""
    task, rows = "Cox, 1,000 trials of 400, one covariate, whole days", []
    _, _, alone = timed("limus", 1, case=str(case), task="Cox, one trial after another", count=slow)
    for name, kind, count in (
        ("limus, at once", "Cox of many trials", 1000),
        ("limus, one by one", "Cox, one trial after another", slow),
    ):
        cpu, wall, values = timed("limus", rounds, case=str(case), task=kind, count=count)
        row = {"task": task, "name": name, "error": float(np.max(np.abs(values[:slow] - alone)))}
        rows.append(row | {"cpu_s": [t * 1000 / count for t in cpu], "wall_s": [t * 1000 / count for t in wall]})
        print(row, min(rows[-1]["cpu_s"]), flush=True)
    return rows


def write(results: dict[str, Any], rounds: int, slow: int, missing: list[str]) -> None:
    """Write RESULTS.md."""
    versions = ", ".join(f"{name} {version}" for name, version in sorted(results["versions"].items()))
    lines = [
        "# Survival analysis and its peers",
        "",
        f"Written by `python benchmarks/statistics/run.py` on {datetime.datetime.now(datetime.UTC).date()}.",
        f"Machine: {machine()}. Absolute times mean little: the machine was shared; compare the ratios.",
        f"Versions: {versions}.",
        "",
        f"One thread, processor time; limus median of {rounds} rounds. Peers test one trial after the other:",
        f"{slow} trials were timed and scaled to 1,000. Error of a test: largest difference of chi-squared from the",
        "definition in long double; of a Cox regression: distance from the maximum in standard errors,",
        "sqrt(U' I^-1 U), by plain sums in long double; of many: difference of log hazard ratios from one by one.",
        "",
        "| task | program | s | ratio | error |",
        "|---|---|---|---|---|",
    ]
    ours: dict[str, float] = {}
    for row in results["rows"]:
        if not row["cpu_s"]:
            lines.append(f"| {row['task']} | {row['name']} | {row.get('failed', 'failed')} | | |")
            continue
        seconds = statistics.median(row["cpu_s"])
        ours.setdefault(row["task"], seconds)
        ratio = seconds / ours[row["task"]]
        lines.append(f"| {row['task']} | {row['name']} | {seconds:.3g} | {ratio:.3g} | {row['error']:.0e} |")
    cox = next(row for row in results["rows"] if row["task"].startswith("Cox, 100,000") and row["name"] == "limus")
    lines += [
        "",
        f"limus simulates and tests 1,000 trials of 400 in {results['simulate']:.3g} s (exponential times, uniform",
        f"censoring). R's rpact, which simulates and tests in C++, takes {RPACT_S:g} s on another machine (given to",
        "this project, not measured here). The aim against lifelines is 400.",
        "",
        f"R is not here. Its C core `coxph.fit` is said to take {R_CORE_S[0]:g} to {R_CORE_S[1]:g} s on 100,000 rows;",
        "`coxph()` adds formula, model frame and concordance. limus, from arrays to coefficients, covariance and",
        f"tests: {statistics.median(cox['cpu_s']):.3g} s of processor time, {min(cox['cpu_s']):.3g} s in the fastest",
        "round. The aim of 5 times `coxph()` is not shown here.",
        "",
        *(f"- {package}: could not be installed" for package in missing),
    ]
    (HERE / "RESULTS.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--slow", type=int, default=50, help="trials that peers are timed on")
    parser.add_argument("--keep", type=Path, help="write the cases there, for other programs")
    options = parser.parse_args()
    missing = make_environment(HERE, PACKAGES)
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        for days in (False, True):
            make_trials(options.keep, days=days)
            make_rows(options.keep, days=days)
    with tempfile.TemporaryDirectory() as name:
        results = measure(options.rounds, Path(name), options.slow)
    write(results, options.rounds, options.slow, missing)


if __name__ == "__main__":
    main()
