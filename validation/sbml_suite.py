"""Run cases of the SBML Test Suite (semantic, time course) and compare with the results that the suite gives.

``python validation/sbml_suite.py DIR`` looks for ``CASE-settings.txt`` anywhere below the folder and prints one JSON
object ``{passed, failed: {case: reason}, unsupported: {case: reason}, seconds}`` on standard output; progress and a
summary by reason go to standard error, and ``--json`` leaves the summary out. A case passes when every value is
within the case's own tolerance, ``|ours - theirs| <= absolute + relative*|theirs|``. It is unsupported when limus
refuses it with a named reason; anything else is a failure. Exit status 0 only if nothing failed and something passed.

The suite: https://github.com/sbmlteam/sbml-test-suite (each case folder keeps its model, settings and results).
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ModelError, UnsupportedFeatureError
from limus.kernel.language import Model, read_model
from limus.kernel.simulation import compile_model, simulate

Floats = NDArray[np.float64]
VERSIONS = ("l3v2", "l3v1", "l2v5", "l2v4", "l2v3", "l2v2", "l2v1", "l1v2", "l1v1")


@dataclass(frozen=True)
class Case:
    """What a case folder holds: settings, the wanted columns, and the model file."""

    name: str
    model_file: Path
    times: Floats
    wanted: dict[str, Floats]
    absolute: float
    relative: float
    amounts: frozenset[str]
    concentrations: frozenset[str]


def read_case(settings_file: Path) -> Case:
    """Read a case; flux balance, whose results have no time, is refused."""
    name = settings_file.name.removesuffix("-settings.txt")
    pairs = (line.split(":", 1) for line in settings_file.read_text(encoding="utf-8").splitlines() if ":" in line)
    settings = {key.strip(): value.strip() for key, value in pairs}
    with (settings_file.parent / f"{name}-results.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    header = [cell.strip() for cell in rows[0]]
    if header[0].lower() != "time":
        got = f"results by {header[0]}, not by time"
        raise UnsupportedFeatureError(f"case {name}", got, "time courses", "leave the case out")
    values = np.array([[float(cell) for cell in row] for row in rows[1:]])
    files = (settings_file.parent / f"{name}-sbml-{version}.xml" for version in VERSIONS)
    return Case(
        name=name,
        model_file=next(file for file in files if file.exists()),
        times=values[:, 0],
        wanted={column: values[:, i] for i, column in enumerate(header) if i > 0},
        absolute=float(settings["absolute"]),
        relative=float(settings["relative"]),
        amounts=_names(settings["amount"]),
        concentrations=_names(settings["concentration"]),
    )


def _names(text: str) -> frozenset[str]:
    return frozenset(filter(None, re.split(r"[,\s]+", text)))


def compute(case: Case, model: Model) -> dict[str, Floats]:
    """Simulate the case; a species as amount or concentration, as the settings say."""
    species = {s.name: s for s in model.species}
    flat = {name.replace(".", joint): name for name in model.names for joint in ("_", "__")}  # limus writes A.x
    flat |= {
        name.strip("_"): name for name in model.names if name.strip("_") == "time"
    }  # and time_ for an element time
    ours = {column: column if column in model.names else flat.get(column, column) for column in case.wanted}
    homes = {species[name].compartment for name in ours.values() if name in species}
    compiled = compile_model(model, tuple(dict.fromkeys([*ours.values(), *homes])))
    times = case.times if case.times[0] == 0.0 else np.append(0.0, case.times)
    result = simulate(compiled, times, relative_tolerance=1e-9, absolute_tolerance=1e-13)
    result.require_success(f"case {case.name}")
    found = {}
    for column, name in ours.items():
        values = result.output(name)[0][-len(case.times) :]
        if name in species:
            size = result.output(species[name].compartment)[0][-len(case.times) :]
            if column in case.amounts and not species[name].symbol_is_amount:
                values = values * size
            elif column in case.concentrations and species[name].symbol_is_amount:
                values = values / size
        found[column] = values
    return found


def compare(case: Case, found: dict[str, Floats]) -> str:
    """Return '' or what differs most."""
    worst, text = 1.0, ""
    for column, theirs in case.wanted.items():
        ours = found[column]
        same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
        with np.errstate(invalid="ignore"):
            excess = np.where(same, 0.0, np.abs(ours - theirs) / (case.absolute + case.relative * np.abs(theirs)))
        excess = np.where(np.isnan(excess), np.inf, excess)
        i = int(np.argmax(excess))
        if excess[i] > worst:
            worst = float(excess[i])
            text = f"{column} at time {case.times[i]:g} is {ours[i]:.6g}, expected {theirs[i]:.6g}"
    return text


def run_case(settings_file: Path) -> tuple[str, str]:
    """Return 'passed', 'failed' or 'unsupported', and the reason."""
    try:
        case = read_case(settings_file)
        difference = compare(case, compute(case, read_model(case.model_file)))
    except UnsupportedFeatureError as error:
        return "unsupported", error.got
    except ModelError as error:
        if error.got.startswith("no value for"):  # a number that is NaN, or missing, is refused on purpose
            return "unsupported", error.got
        return "failed", str(error)
    except Exception as error:  # an unexpected exception is a failure of the case, never of the run
        return "failed", f"{type(error).__name__}: {error}"
    return ("failed", difference) if difference else ("passed", "")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", action="store_true", help="print the JSON object only")
    parser.add_argument("--case", action="append", default=[], help="only this case; repeatable")
    options = parser.parse_args(arguments)
    files = sorted(options.folder.rglob("*-settings.txt"))
    if options.case:
        files = [file for file in files if file.name.removesuffix("-settings.txt") in options.case]
    started = time.perf_counter()
    reasons: dict[str, dict[str, str]] = {"passed": {}, "failed": {}, "unsupported": {}}
    for i, file in enumerate(files, start=1):
        outcome, reason = run_case(file)
        reasons[outcome][file.name.removesuffix("-settings.txt")] = reason
        if i % 50 == 0 or i == len(files):
            print(f"{i} of {len(files)} cases, {len(reasons['failed'])} failed", file=sys.stderr)
    if not options.json:
        for reason, count in Counter(map(_kind_of_reason, reasons["unsupported"].values())).most_common():
            print(f"unsupported {count:5d}  {reason}", file=sys.stderr)
        for case, reason in reasons["failed"].items():
            print(f"failed {case}  {reason}", file=sys.stderr)
    print(
        json.dumps(
            {
                "passed": len(reasons["passed"]),
                "failed": reasons["failed"],
                "unsupported": reasons["unsupported"],
                "seconds": round(time.perf_counter() - started, 1),
            }
        )
    )
    return 0 if reasons["passed"] and not reasons["failed"] else 1


def _kind_of_reason(reason: str) -> str:
    return re.sub(r"^(events|fast reaction) .*", r"\1", reason)[:80]


if __name__ == "__main__":
    sys.exit(main())
