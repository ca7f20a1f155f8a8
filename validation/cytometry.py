"""Proliferation by dye dilution: is the division index recovered, do intervals hold, do damaged files stay honest.

    python validation/cytometry.py [--plates N] [--files N] [--reference-data DIR]

Recovery and coverage: plates of 14 wells (3 stimulated, 3 resting, 8 doses of a drug) with their controls are written
as FCS files from the example's truth, a seed each, over a grid of events a file, spread of the dye and
autofluorescence, and analysed as a user's would be: matrix of single stains, gates, floor, number of generations,
widening of the peaks. The mean error of the division index must stay within 0.03 in each cell of the grid and each
range of the true index; 95 % intervals must hold the truth in 93 to 97 % of the wells. Wells whose status says that
their numbers are lower bounds (``at_floor``) are counted apart. What one well may miss is in the standard deviations:
it shrinks with the root of the cells.

Damaged files: hypothesis damages files of eight kinds (``tests/assay/cytometry/mutations.py``); each must be refused
with a reason, or give the numbers of flowio or of a strict second reader of the tests, or differ with a remark
(``tests/assay/cytometry/second_opinion.py``), within 10 s.

Reference files: counts of flowio 1.4.0 and medians computed by it now, where it reads them.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import sys
import tempfile
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import ModuleType

import flowio
import numpy as np
from hypothesis import HealthCheck, given, seed, settings

from limus.assay.cytometry.fcs.read import read_fcs
from limus.assay.cytometry.generation.indices import INDICES, compute_indices
from limus.assay.cytometry.proliferation.plate import analyse_plate
from limus.assay.cytometry.proliferation.records import ProliferationAnalysis
from limus.assay.cytometry.simulation.plate import simulate_plate, true_precursors
from limus.assay.cytometry.simulation.truth import ProliferationTruth, read_truth
from limus.assay.layout.file import read_layout
from limus.assay.layout.records import Layout
from limus.kernel.execution import Execution
from reference_data import REFERENCE_DATA

ROOT = Path(__file__).parents[1]
TRUTH = ROOT / "examples/assay/proliferation/truth.toml"
GRID = {"events": (3000, 12_000), "dye_log_sd": (0.15, 0.25), "autofluorescence_median": (100.0, 400.0)}
RANGES = ((0.0, 0.1), (0.1, 0.5), (0.5, 1.5), (1.5, 2.6))
LARGEST_BIAS = 0.03
COVERAGE = (0.93, 0.97)
TESTED = INDICES[:5]
SEED = 20261121
LAYOUT = """
limus_layout = 1
plate = "96"
[proliferation]
dye = "CTV"
viability = "Viability"
cd3 = "CD3"
unstained = ["unstained.fcs"]
single_stains = { CTV-A = "single_CTV.fcs", PE-A = "single_CD3.fcs", APC-Cy7-A = "single_viability.fcs" }
[[wells]]
wells = "A1:A3"
role = "control"
[[wells]]
wells = "B1:B3"
role = "unstimulated"
[[wells]]
wells = "C1:C8"
role = "sample"
compound = "tacrolimus"
series = { along = "columns", first = "8 nM", divide_by = 2.2 }
"""


@dataclass(frozen=True)
class Row:
    """One line of the matrix."""

    claim: str
    against: str
    result: str
    passed: bool | None


@dataclass(frozen=True)
class Case:
    """One index of one well: what was put in, what came out."""

    condition: tuple[float, ...]
    status: str
    index: str
    truth: float
    value: float
    lower: float
    upper: float

    @property
    def held(self) -> bool:
        return self.lower <= self.truth <= self.upper


def _truth(condition: tuple[float, ...], seed: int) -> ProliferationTruth:
    truth = read_truth(TRUTH)
    values = dict(zip(GRID, condition, strict=True))
    events = int(values.pop("events"))
    cells = truth.cells.model_copy(update=values)
    return truth.model_copy(update={"cells": cells, "events": events, "control_events": 3000, "seed": seed})


def _cases(condition: tuple[float, ...], truth: ProliferationTruth, a: ProliferationAnalysis) -> Iterator[Case]:
    for w in a.wells:
        shares = true_precursors(w.well, truth)
        expected = compute_indices(shares * 2.0 ** np.arange(len(shares)))
        for name in TESTED:
            e = w.index(name)
            yield Case(condition, w.status, name, float(expected[name]), e.value, e.lower, e.upper)


def simulated_cases(plates: int) -> list[Case]:
    """Simulate and analyse plates, the conditions of the grid in turn."""
    cases: list[Case] = []
    conditions = list(product(*GRID.values()))
    with tempfile.TemporaryDirectory() as name:
        layout = _layout(Path(name))
        for number in range(plates):
            condition = conditions[number % len(conditions)]
            truth = _truth(condition, SEED + number)
            folder = Path(name) / str(number)
            simulate_plate(layout, truth, folder)
            cases += _cases(condition, truth, analyse_plate(folder, layout, Execution(seed=number, workers=1)))
            for path in folder.iterdir():
                path.unlink()
    return cases


def _layout(folder: Path) -> Layout:
    path = folder / "layout.toml"
    path.write_text(LAYOUT, encoding="utf-8")
    return read_layout(path)


def recovery_rows(cases: Sequence[Case]) -> list[Row]:
    """Mean error of the division index, a row for each cell of the grid, by range of the true index."""
    rows = []
    for condition in product(*GRID.values()):
        own = [c for c in cases if c.condition == condition and c.index == "division_index" and math.isfinite(c.value)]
        said, good = [], True
        for low, high in RANGES:
            errors = np.array([c.value - c.truth for c in own if low <= c.truth < high])
            if len(errors) < 2:
                continue
            bias, spread = float(errors.mean()), float(errors.std(ddof=1))
            good &= abs(bias) <= LARGEST_BIAS
            said.append(f"{low:g} to {high:g}: {bias:+.3f} (SD {spread:.3f}, n {len(errors)})")
        events, width, floor = condition
        against = f"simulated: {events:g} events a file, SD of ln dye {width:g}, autofluorescence {floor:g} of 30000"
        claim = "the division index has no bias above 0.03; mean error by true index"
        rows.append(Row(claim, against, "; ".join(said), good and bool(said)))
    return rows


def coverage_rows(cases: Sequence[Case]) -> list[Row]:
    """How often 95 % intervals hold the truth, a row for each index."""
    rows = []
    for name in TESTED:
        own = [c for c in cases if c.index == name and math.isfinite(c.lower)]
        apart = [c for c in own if c.status == "at_floor"]
        good = [c for c in own if c.status != "at_floor"]
        share = float(np.mean([c.held for c in good]))
        by = defaultdict(list)
        for c in good:
            by[c.condition].append(c.held)
        least = 100 * min(float(np.mean(held)) for held in by.values())
        said = f"{100 * share:.1f} % of {len(good)} wells (least of {len(by)} conditions {least:.0f} %)"
        if apart:
            held = 100 * float(np.mean([c.held for c in apart]))
            said += f"; lower bounds by their status: {held:.0f} % of {len(apart)}"
        claim = f"95 % intervals of the {name.replace('_', ' ')} hold the truth in 93 to 97 %"
        rows.append(Row(claim, "simulated plates, whole grid", said, COVERAGE[0] <= share <= COVERAGE[1]))
    return rows


_MODULES = ("mutations", "odd_files", "second_opinion", "standard_reader")


def _tests() -> dict[str, ModuleType]:
    """Modules of the tests' folder, as a package of another name: this file is called as that folder is."""
    folder = ROOT / "tests/assay/cytometry"
    name = "cytometry_tests"
    first = folder / "__init__.py"
    spec = importlib.util.spec_from_file_location(name, first, submodule_search_locations=[str(folder)])
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[name] = package
    spec.loader.exec_module(package)
    return {module: importlib.import_module(f"{name}.{module}") for module in _MODULES}


def fuzz_rows(files: int) -> list[Row]:
    """Read damaged files."""
    modules = _tests()
    compare, strictly = modules["second_opinion"].compare, modules["standard_reader"].read_strictly
    table = np.random.default_rng(7).integers(0, 99_999, (6, 3)).tolist()
    whole = [modules["odd_files"].make_kind(kind, table) for kind in modules["odd_files"].KINDS]
    verdicts: Counter[str] = Counter()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "file.fcs"

        @seed(SEED)
        @settings(max_examples=files, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(content=modules["mutations"].damaged(whole))
        def read(content: bytes) -> None:
            try:
                verdicts[compare(content, path, strictly)] += 1
            except Exception as error:  # counted, and the search goes on
                verdicts["wrong"] += 1
                wrong.append(f"{type(error).__name__}: {error}"[:80])

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read()
    said = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    good = not wrong and not verdicts["refused without a reason"] and verdicts.total() >= files
    claim = "a damaged FCS file is refused with a reason or read as another reader reads it"
    against = "flowio 1.4.0 and a strict reader of the tests, hypothesis, 10 s a file"
    return [Row(claim, against, "; ".join([said, *wrong[:3]]), good)]


def reference_rows(data: Path) -> list[Row]:
    """Counts and medians of files from instruments."""
    claim = "files of instruments have the right events and medians"
    if not (data / "fcs").is_dir():
        return [Row(claim, "flowio 1.4.0", "reference data absent", None)]
    rows = []
    for path in sorted((data / "fcs").glob("*.fcs")):
        found = read_fcs(path)
        theirs = _flowio_medians(path)
        if theirs is None:
            # the two events whose numbers stand in FlowIO's tests/test_flowdata.py (test_parse_var_int_data)
            first = [int(column[0]) for column in found.stored][:4]
            good = found.events == 2 and first == [49135, 61373, 48575, 49135]
            rows.append(Row(claim, f"FlowIO's own test of {path.name}", f"{found.events} events, {first} ...", good))
            continue
        events, medians = theirs
        ours = [float(np.median(found.values(name))) for name in found.names]
        far = max(abs(a - b) / max(abs(b), 1e-9) for a, b in zip(ours, medians, strict=True))
        said = f"{found.events} events of {events}; medians of {len(ours)} channels within {far:.1e}"
        rows.append(Row(claim, f"flowio 1.4.0 on {path.name}", said, found.events == events and far < 1e-6))
    return rows


def _flowio_medians(path: Path) -> tuple[int, list[float]] | None:
    try:
        data = flowio.FlowData(str(path))
    except flowio.exceptions.FCSParsingError:
        return None
    table = np.asarray(data.as_array(preprocess=True))
    medians = np.median(table, axis=0)
    step = float(data.text.get("timestep", 1) or 1)
    # flowio multiplies time by its step; $PnE and $PnG know nothing of it
    names = [data.channels[k + 1]["pnn"] for k in range(table.shape[1])]
    both = zip(medians.tolist(), names, strict=True)
    return data.event_count, [m / step if name.lower() == "time" else m for m, name in both]


def check(plates: int, files: int, data: Path) -> list[Row]:
    """Every row."""
    cases = simulated_cases(plates)
    return [*recovery_rows(cases), *coverage_rows(cases), *fuzz_rows(files), *reference_rows(data)]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plates", type=int, default=80)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--reference-data", type=Path, default=REFERENCE_DATA)
    options = parser.parse_args(arguments)
    begun = time.monotonic()
    rows = check(options.plates, options.files, options.reference_data)
    for row in rows:
        verdict = {True: "ok     ", False: "FAILS  ", None: "not run"}[row.passed]
        print(f"{verdict} {row.claim} | {row.against} | {row.result}")
    print(f"{time.monotonic() - begun:.0f} s")
    return 1 if any(row.passed is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
