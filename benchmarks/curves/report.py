"""Results of the curve benchmark as a page."""

from __future__ import annotations

import datetime
import statistics
from typing import Any

import numpy as np
from peer_program import machine

__all__ = ["lines"]

WORDS = {
    "fit": "fit and Wald intervals, 1 start",
    "fit, 3 starts": "fit and Wald intervals, best of 3 starts",
    "profile": "fit and profile intervals of the 4 parameters",
    "fit, intervals, ED": "own starts (3), fit, Wald intervals, ED10, ED50, ED90, statuses",
}


def lines(results: dict[str, Any]) -> list[str]:
    """Return the page."""
    versions: dict[str, str] = {}
    for entries in results["work"].values():
        for entry in entries.values():
            versions |= entry.get("versions", {})
    page = [
        "# Dose-response curves and their peers",
        "",
        f"Written by `python benchmarks/curves/run.py` on {datetime.datetime.now(datetime.UTC).date()}.",
        f"Machine: {machine()}. Absolute times mean little: the machine was shared; compare the ratios.",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in sorted(versions.items())) + ".",
        "",
        "1,000 simulated four-parameter logistic curves, 8 doses in triplicate, error 5 % of the range; every peer",
        "gets the same starts. One thread, processor time per 1,000 curves, median of"
        f" {results['rounds']} interleaved rounds;",
        "peers that are slow do fewer curves and are scaled. Error: largest distance of a parameter from the",
        "minimum (scipy's MINPACK with analytic derivatives at 1e-15) in standard errors. limus solves with bounds;",
        "*scipy with bounds* is `curve_fit(..., bounds=...)` with the same ones. Ratio: peer's time over limus',",
        "median over rounds.",
        "",
        "| work | peer | curves | s per 1,000 | ratio | p50 error | p99 error | off by more than 0.01 |",
        "|" + "---|" * 8,
    ]
    for work, entries in results["work"].items():
        ratio = results["ratios"][work]
        for peer, entry in entries.items():
            if "failed" in entry:
                page.append(f"| {WORDS[work]} | {peer} | - | failed: {entry['failed']} | - | - | - | - |")
                continue
            time = statistics.median(entry["cpu_s"])
            cells = [WORDS[work], peer, entry["count"], f"{time:.3g}", f"{ratio[peer]:.3g}"]
            cells += [f"{entry['p50']:.0e}", f"{entry['p99']:.0e}", entry["failed_fits"]]
            page.append("| " + " | ".join(map(str, cells)) + " |")
    page += ["", *_profile_lines(results), *_published_lines(results)]
    if "many" in results:
        many = results["many"]
        page.append(
            f"{many['count']:,} curves of 24 responses from own starts, with IC50s and statuses, one process: "
            f"{many['wall_s']:.1f} s by the clock, {many['peak_bytes'] / 1e9:.2f} GB at the peak, {many['ok']:,} ok."
        )
    page += [f"- {name}: could not be installed" for name in results["missing"]]
    return page


def _profile_lines(results: dict[str, Any]) -> list[str]:
    entries = results["work"]["profile"]
    if any("failed" in entry for entry in entries.values()):
        return []
    few = entries["lmfit"]["count"]
    ours, theirs = np.array(entries["limus"]["ends"])[:, :few], np.array(entries["lmfit"]["ends"])
    distance = np.abs(ours - theirs) / np.array(results["errors"]["errors"])[:few]
    return [
        f"Ends of profile intervals, limus against lmfit on {few} curves: largest distance {np.nanmax(distance):.0e} "
        "standard errors (lmfit's `conf_interval` stops at a probability within 1e-3 or so of the level).",
        "",
    ]


def _published_lines(results: dict[str, Any]) -> list[str]:
    time = statistics.median(results["work"]["fit, intervals, ED"]["limus"]["cpu_s"])
    return [
        f"R drc, fit with intervals and effective doses: {results['drc_s']:g} s per 1,000 curves on a machine of this "
        f"kind (published figure, not measured here), {results['drc_s'] / time:.0f} times limus' {time:.3g} s.",
        "",
    ]
