"""What is to be looked at on a proliferation plate: gates, statuses of wells, and what the files themselves show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from limus.assay.cytometry.gate.density_valley import ONLY_POPULATION
from limus.assay.cytometry.gate.gates import Gate
from limus.assay.cytometry.generation.records import UndividedControl
from limus.assay.cytometry.proliferation.records import WellResult
from limus.assay.plate.findings import warning
from limus.kernel.checks import Finding

__all__ = ["find_in_results"]


def find_in_results(
    gates: Sequence[Gate], wells: Sequence[WellResult], control: UndividedControl | None
) -> tuple[Finding, ...]:
    """Return what gates and wells show.

    Parameters
    ----------
    gates : sequence of Gate
        Of the plate.
    wells : sequence of WellResult
    control : UndividedControl or None

    Returns
    -------
    tuple of Finding
        Gates first, then the plate as a whole, then the files; one finding for all wells that have the same.
    """
    return (*_gate_findings(gates), *_plate_findings(wells, control), *_without_repeats(wells))


def _gate_findings(gates: Sequence[Gate]) -> list[Finding]:
    """Say where a proposed gate rests on one population: nothing in the data shows which one that is."""
    found = []
    for gate in gates:
        if gate.rule.endswith(ONLY_POPULATION):
            do = "look at the gate on the events; if it is the wrong population, give the gates in a file"
            found.append(warning("one-population", f"gate {gate.name}", gate.rule, "two populations and a valley", do))
    return found


def _plate_findings(wells: Sequence[WellResult], control: UndividedControl | None) -> list[Finding]:
    found = []
    if control is None:
        got = "no undivided control"
        do = "the brightest peak of each well is taken as undivided; add stained cells without stimulus"
        found.append(warning("no-undivided-control", "plate", got, "wells with the role unstimulated", do))
    for status, check, do in (
        ("poor_fit", "poor-fit", "look at its residuals: gates, doublets, or a dye that does not halve"),
        ("control_differs", "control-differs", "look at staining and voltage of this well"),
        ("at_floor", "at-floor", "its last generation holds later ones too; indices are lower bounds"),
        ("too_few_events", "too-few-events", "no generations were fitted"),
        ("not_converged", "not-converged", "no numbers are given"),
    ):
        names = [w.well.name for w in wells if w.status == status]
        if names:
            got = f"{len(names)} wells: {', '.join(names[:12])}" + (" ..." if len(names) > 12 else "")
            found.append(warning(check, "generations", got, "", do))
    return found


def _without_repeats(wells: Sequence[WellResult]) -> list[Finding]:
    """Findings of the files: one of each check, with the wells that have it."""
    grouped: dict[str, list[tuple[str, Finding]]] = {}
    for w in wells:
        for finding in w.findings:
            grouped.setdefault(finding.check, []).append((w.well.name, finding))
    merged = []
    for cases in grouped.values():
        names = list(dict.fromkeys(name for name, _ in cases))
        first = cases[0][1]
        where = f"{len(names)} wells: {', '.join(names[:8])}" + (" ..." if len(names) > 8 else "")
        merged.append(first if len(names) == 1 else replace(first, where=where, got=f"such as {first.got}"))
    return merged
