"""Results as a table and a work-precision figure."""

from __future__ import annotations

import datetime
import statistics
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from environment import machine

mpl.use("Agg")
import matplotlib.pyplot as plt

__all__ = ["ratios", "write"]

TARGET = 1e-6
COLOURS = ("#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1)))


def time_at(errors: list[float], seconds: list[float], target: float = TARGET) -> float:
    """Interpolate log time against log error; up to a factor of 2 beyond the errors reached extrapolate, then NaN.

    A solver whose error is far smaller at every tolerance, as an exact one, counts with its time at the loosest.
    """
    if max(errors) < target / 2.0:
        return seconds[0]
    x, y = np.log(errors), np.log(seconds)
    order = np.argsort(x)
    x, y = x[order], y[order]
    at = np.log(target)
    if not x[0] - np.log(2.0) <= at <= x[-1] + np.log(2.0):
        return np.nan
    k = int(np.clip(np.searchsorted(x, at), 1, len(x) - 1))
    return float(np.exp(y[k - 1] + (at - x[k - 1]) * (y[k] - y[k - 1]) / (x[k] - x[k - 1])))


def ratios(case: dict[str, Any], kind: str = "cpu_s") -> dict[str, float]:
    """Peer's time over limus' at equal p99 error, median over rounds."""
    limus = case["solvers"].get("limus")
    if limus is None:
        return {}
    found = {}
    for name, solver in case["solvers"].items():
        pairs = zip(solver[kind], limus[kind], strict=True)
        found[name] = statistics.median(
            time_at(solver["p99"], theirs) / time_at(limus["p99"], ours) for theirs, ours in pairs
        )
    return found


def write(results: dict[str, Any], folder: Path, order: list[str]) -> None:
    """Write RESULTS.md and work_precision.svg."""
    (folder / "RESULTS.md").write_text("\n".join(_lines(results)) + "\n", encoding="utf-8")
    _draw(results, folder / "work_precision.svg", order)


def _lines(results: dict[str, Any]) -> list[str]:
    versions: dict[str, str] = {}
    for case in results["cases"].values():
        for solver in case["solvers"].values():
            versions |= solver["versions"]
    lines = [
        "# The engine and its peers",
        "",
        f"Written by `make bench` on {datetime.datetime.now(datetime.UTC).date()}.",
        f"Machine: {machine()}. Absolute times mean little: the machine was shared; compare the ratios.",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in sorted(versions.items())) + ".",
        "",
        f"One thread, processor time per trajectory, median of {results['rounds']} interleaved rounds,",
        "N parameter sets. Every peer gets the same equations, with what depends on parameters only computed",
        "beforehand; what is compiled once is in the column *ready*. limus itself also computes once between two stops",
        "what changes at stops only, such as a stimulus that begins; the peers compute it in every call.",
        "Error: max over times of |x - reference| / max over times of |reference|, p50 and p99 over sets and states.",
        "Relative tolerance 1e-4 to 1e-8, absolute a thousandth of it, so states that stay below 1e-3 do not count;",
        "reference: CVODE at 1e-11. A network is 2 random reversible bindings a species: its factorisation fills;",
        "a cascade is a chain of kinases with complexes, as signalling models are, and hardly fills (`models.py`).",
        "Ratio: peer's time over limus' at p99 error 1e-6, interpolated on logarithms, median over rounds; a dash",
        "where the errors reached stay more than twofold above 1e-6; who is always below counts with the time",
        "at the loosest tolerance.",
        "",
        "| work | states | solver | N | p99 (p50) error at 1e-4 | 1e-6 | 1e-8 | ms at 1e-4 | 1e-6 | 1e-8 "
        "| ms at p99 1e-6 | ratio | by the clock | ready s |",
        "|" + "---|" * 14,
    ]
    for name, case in results["cases"].items():
        ratio, clock = ratios(case), ratios(case, "wall_s")
        for solver, entry in case["solvers"].items():
            times = [1e3 * value for value in np.median(entry["cpu_s"], axis=0)]
            errors = [f"{entry['p99'][k]:.1e} ({entry['p50'][k]:.0e})" for k in (0, 2, 4)]
            cells = [name, case["states"], solver, entry["count"], *errors, *(f"{times[k]:.3g}" for k in (0, 2, 4))]
            cells += [_number(time_at(entry["p99"], times)), _number(ratio[solver]), _number(clock[solver])]
            lines.append("| " + " | ".join(map(str, [*cells, f"{entry['prepare_s']:.1f}"])) + " |")
    lines += ["", "Left out, or not comparable:", ""]
    lines += [f"- {p}: could not be installed" for p in results["missing"]]
    lines += [
        f"- {s} on {name}: {why}" for name, case in results["cases"].items() for s, why in case["left_out"].items()
    ]
    lines += [""]
    agreement = ", ".join(f"{name} {case['reference_p99']:.0e}" for name, case in results["cases"].items())
    lines += [f"Agreement of the reference with LSODA at 1e-11, p99: {agreement}.", ""]
    return lines + _scale_lines(results)


def _scale_lines(results: dict[str, Any]) -> list[str]:
    two, cold = results["threads"], results["cold_start"]
    identical = "bit-identical" if two["identical"] else "NOT identical"
    lines = [
        f"Two threads on {two['sets']} T cells: {two['ratio']:.2f} times one thread by the clock, {identical}.",
        f"First answer of `python -c`, by the clock: {cold['empty_s']:.2f} s with an empty cache,"
        f" {cold['full_s']:.2f} s from the cache, of which imports {cold['imports_s']:.2f} s.",
    ]
    if "events" in results:
        event, ours = results["events"], results["events"]["ms"]["limus"]
        told = ", ".join(
            f"{name} {ms:.3g} ms ({ms / ours:.3g} times, p99 error {event['errors'][name]:.0e})"
            for name, ms in event["ms"].items()
        )
        lines.append(f"A model of five states with doses triggered by a concentration, 240 h, at rtol 1e-6: {told}.")
    if "many" in results:
        many = results["many"]
        lines.append(
            f"{many['sets']} T cells, two threads, all states at all times kept: {many['wall_s']:.1f} s,"
            f" {many['peak_bytes'] / 1e9:.2f} GB at the peak, {many['result_bytes'] / 1e9:.2f} GB of them the result."
        )
    return [*lines, "", "![Work and precision](work_precision.svg)"]


def _number(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.3g}"


def _draw(results: dict[str, Any], path: Path, order: list[str]) -> None:
    cases = results["cases"]
    figure, axes = plt.subplots(2, (len(cases) + 1) // 2, figsize=(12, 7), layout="constrained", squeeze=False)
    for panel in axes.flat[len(cases) :]:
        panel.axis("off")
    for panel, (name, case) in zip(axes.flat, cases.items(), strict=False):
        for solver, entry in case["solvers"].items():
            k = order.index(solver)
            times = 1e3 * np.median(entry["cpu_s"], axis=0)
            panel.loglog(entry["p99"], times, marker="o", ms=4, color=COLOURS[k], ls=DASHES[k], label=solver)
        panel.axvline(TARGET, color="0.8", zorder=0)
        panel.set_title(f"{name}, {case['states']} states", fontsize=10)
        panel.set_xlabel("p99 relative error")
        panel.set_ylabel("processor time per trajectory (ms)")
    handles = {h.get_label(): h for panel in axes.flat for h in panel.get_legend_handles_labels()[0]}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=len(handles), frameon=False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
