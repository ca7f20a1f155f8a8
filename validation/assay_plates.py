"""Phosphatase and ELISA plates: do the intervals hold the truth as often as they say, and a published inverse reading.

    python validation/assay_plates.py [--plates N]

Plates are simulated from the layouts and truths of ``examples/assay``, a seed each, and analysed as a user's would be.
Counted is how often the 95 % interval holds the number that went in, and the mean error. Prints a table; exit status 0
only if every row holds. A share may differ from 95 % by 3.3 standard errors of a share of N (one chance in a thousand
a row), an average by what its row says.

A curve of tight binding is no logistic, so the IC50 of one that is read off a logistic is a few per cent low; the same
plate with little enzyme and much immunophilin, where the curve is a logistic of slope 1, is there beside it.

The published example is the calibration curve of nasturtium weight against a herbicide of Racine-Poon (1988) J Am Stat
Assoc 83:650, as data set ``nasturtium`` of R package drc; the reading of weights 309, 296 and 419 with its standard
error is that of R package investr (Greenwell and Schubert Kabban 2014 R J 6(1):90; the package's own test of 2025 has
0.2847019, computed there by ``car::deltaMethod``, and its manual 2.2638535).
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from limus.assay.curve.fit import fit_curves
from limus.assay.elisa.analysis import analyse_elisa
from limus.assay.elisa.samples import curve_block, read_log_concentration
from limus.assay.elisa.simulation import ElisaTruth, simulate_elisa, simulate_viability
from limus.assay.elisa.standard import ElisaStandard
from limus.assay.layout.file import read_layout
from limus.assay.layout.records import Layout
from limus.assay.phosphatase.analysis import analyse_phosphatase
from limus.assay.phosphatase.simulation import PhosphataseTruth, simulate_phosphatase
from limus.assay.phosphatase.tight_binding import occupied_fraction
from limus.assay.plate.uncertainty import Estimate, InputBlock, carry
from limus.assay.reader.file import read_plate_file
from limus.assay.reader.join import join_plate
from limus.assay.reader.simulation import write_reader_csv
from limus.assay.reader.wells import PlateWells
from limus.kernel.execution import spawn_generators
from limus.kernel.tables import read_toml

EXAMPLES = Path(__file__).parents[1] / "examples/assay"
NOMINAL = 0.95
HALF = "IC50, half of the effect, of"
Counted = dict[str, list[tuple[Estimate, float]]]


@dataclass(frozen=True)
class Row:
    """One line: what is claimed, of what, what was found, how far it may be from what is expected."""

    claim: str
    against: str
    expected: float
    found: float
    allowed: float

    @property
    def passed(self) -> bool:
        return bool(abs(self.found - self.expected) <= self.allowed)

    @property
    def result(self) -> str:
        return f"{self.found:.6g} (expected {self.expected:.6g}, within {self.allowed:.2g})"


def _read(layout: Layout, values: NDArray[np.float64], folder: Path) -> PlateWells:
    """The plate by way of a file with four decimals, as a reader would export it."""
    path = write_reader_csv(folder / "plate.csv", [("Raw Data", values)])
    return join_plate(layout, read_plate_file(path, plate=layout.plate))


def _layout(name: str, folder: Path, **edits: str) -> Layout:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith(("reference_wavelength_nm", "wavelength_nm"))]
    lines = [next((f"{k} = {v}" for k, v in edits.items() if line.startswith(f"{k} =")), line) for line in lines]
    path = folder / name
    path.write_text("\n".join(lines), encoding="utf-8")
    return read_layout(path)


def _half_inhibition(truth: PhosphataseTruth, compound: str) -> float:
    drug = truth.inhibitors[compound]

    def above(dose: float) -> float:
        totals = (truth.immunophilin_nM, truth.enzyme_nM)
        constants = (drug.dissociation_constant_nM, drug.inhibition_constant_nM)
        return float(occupied_fraction(dose, *totals, *constants, "equilibrium")) - 0.5

    return float(brentq(above, 1e-3, 1e4))


def phosphatase(plates: int, *, loose: bool) -> Counted:
    """Simulate and analyse phosphatase plates: numbers with truths. ``loose``: little enzyme, no tight binding."""
    truth = read_toml(EXAMPLES / "phosphatase_truth.toml", PhosphataseTruth)
    edits = {}
    if loose:
        truth = truth.model_copy(update={"enzyme_nM": 0.01, "immunophilin_nM": 5000.0})
        edits = {"enzyme_concentration": '"0.01 nM"', "immunophilin_concentration": '"5 uM"'}
    halves = {name: _half_inhibition(truth, name) for name in truth.inhibitors}
    found: Counted = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        layout = _layout("phosphatase_layout.toml", Path(folder), **edits)
        for generator in spawn_generators(1, plates, stream=f"phosphatase {loose}"):
            values = simulate_phosphatase(layout, truth, generator)
            analysis = analyse_phosphatase(_read(layout, values, Path(folder)))
            (control,) = (a for a in analysis.activities if a.group.role == "control" and a.group.time_min == 20)
            found["activity of the controls"].append((control.activity, 1e3 * truth.activity_nmol_per_min_per_ug))
            for one in analysis.inhibitors:
                name = one.curve.series.compound
                constant = truth.inhibitors[name].inhibition_constant_nM
                found[f"Ki of {name}"].append((one.binding.ki_equilibrium_nM, constant))
                found[f"IC50 of {name}, half of the controls"].append((one.curve.fit.ic50_absolute, halves[name]))
    return found


def elisa(plates: int) -> tuple[Counted, float]:
    """Simulate and analyse ELISA and MTT plates: each number with its truth, and the share with the right mask."""
    truth = read_toml(EXAMPLES / "elisa_truth.toml", ElisaTruth)
    found: Counted = defaultdict(list)
    right = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        layout, cells = _layout("elisa_layout.toml", folder), _layout("viability_layout.toml", folder)
        for generator in spawn_generators(1, plates, stream="elisa"):
            plate = _read(layout, simulate_elisa(layout, truth, generator), folder)
            viability = _read(cells, simulate_viability(cells, truth, generator), folder)
            analysis = analyse_elisa(plate, [viability])
            known = {"pool": truth.samples["pool"], "kit control": 200.0}
            for one in analysis.samples:
                sample, dilution = one.first.sample, f", diluted 1 in {one.first.dilution:g}"
                if one.first.role in ("sample", "quality_control") and sample in known and one.status == "ok":
                    said = f"{sample}{dilution if sample == 'pool' else ''}"
                    found[f"concentration of the {said}"].append((one.concentration, known[sample]))
            for curve in analysis.inhibitors:
                true = truth.inhibitors[curve.compound].ic50_nM
                found[f"{HALF} {curve.compound}"].append((curve.curve.ic50_relative, true))
                kept = curve.curve_with_masked.ic50_relative
                found[f"{HALF} {curve.compound}, cytotoxic doses kept"].append((kept, true))
            masked = {(c.compound, d.dose) for c in analysis.inhibitors for d in c.doses if d.masked}
            right += masked == {("ciclosporin", 30000.0)}
    return found, right / plates


def nasturtium() -> list[Row]:
    """Read three weights off a published calibration curve."""
    doses = np.repeat([0, 0.025, 0.075, 0.25, 0.75, 2, 4], 6)
    weights = [
        *(920, 889, 866, 930, 992, 1017, 919, 878, 882, 854, 851, 850, 870, 825, 953, 834, 810, 875, 880, 834, 795),
        *(837, 834, 810, 693, 690, 722, 738, 563, 591, 429, 395, 435, 412, 273, 257, 200, 244, 209, 225, 128, 221),
    ]
    fits = fit_curves(doses, weights, model="ll3")
    standard = ElisaStandard(fits, "g/ha", (), (), {}, 0.025, 4.0, True, doses, np.array(weights, dtype=np.float64))
    mean, variance = float(np.mean([309, 296, 419])), float(fits.residual_standard_deviation[0]) ** 2 / 3
    blocks = [curve_block(standard), InputBlock.create(mean, variance, float(fits.degrees_of_freedom[0]))]
    carried = carry(lambda u: read_log_concentration(standard, u[:, :-1], u[:, -1:]), blocks)
    dose = math.exp(carried.values[0])
    error = dose * float(carried.standard_errors[0])
    against = "R package investr on Racine-Poon's nasturtium"
    # nls stops at a relative change of 1e-5 and investr's root search at 1e-4 of the dose
    return [
        Row("an inverse reading is the published one", against, 2.2638535, dose, 2e-4),
        Row("its standard error is the published one", against, 0.2847019, error, 5e-5),
    ]


def _count(counted: Counted, against: str, allowed_error: Callable[[str], float]) -> list[Row]:
    rows = []
    for what, pairs in counted.items():
        inside = [e.lower <= true <= e.upper for e, true in pairs]
        said = f"{against}, {len(pairs)} simulated"
        off = 3.3 * math.sqrt(NOMINAL * (1 - NOMINAL) / len(pairs))
        rows.append(Row(f"95 % intervals hold {what}", said, NOMINAL, float(np.mean(inside)), off))
        mean, scatter = _error(pairs)
        rows.append(Row(f"mean ln(found / true) of {what}", said, 0.0, mean, allowed_error(what) + scatter))
    return rows


def _error(pairs: Sequence[tuple[Estimate, float]]) -> tuple[float, float]:
    """Mean error in ln, and 3.3 standard errors of it."""
    errors = [math.log(e.value / true) for e, true in pairs if e.known]
    return float(np.mean(errors)), 3.3 * float(np.std(errors)) / math.sqrt(len(errors))


def _masking(counted: Counted, right: float, against: str) -> list[Row]:
    """What leaving cytotoxic doses out does; a dose that kills 12 % stays in and leaves its share."""
    (left_out, _), (kept, _) = (
        _error(counted.pop(f"{HALF} ciclosporin{end}")) for end in ("", ", cytotoxic doses kept")
    )
    counted.pop(f"{HALF} ascomycin, cytotoxic doses kept")
    claim = f"mean ln(found / true) of {HALF} ciclosporin, cytotoxic dose left out ({kept:.2g} with it)"
    return [
        Row("plates on which the cytotoxic dose and no other is masked", against, 1.0, right, 0.05),
        Row(claim, against, 0.0, left_out, 0.3),
    ]


def check(plates: int = 200) -> list[Row]:
    """Run all comparisons.

    Parameters
    ----------
    plates : int
        Simulated plates of each kind.
    """
    tight = phosphatase(plates, loose=False)
    # a logistic through a curve of tight binding, at its steepest part
    rows = _count(tight, "phosphatase plates with tight binding", lambda what: 0.04 if "IC50" in what else 0.02)
    rows += _count(phosphatase(plates, loose=True), "phosphatase plates without tight binding", lambda _: 0.01)
    counted, right = elisa(plates)
    rows += _masking(counted, right, f"ELISA with MTT plates, {plates} simulated")
    return rows + _count(counted, "ELISA with MTT plates", lambda _: 0.02) + nasturtium()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plates", type=int, default=200)
    rows = check(parser.parse_args(arguments).plates)
    for row in rows:
        print(f"{'holds' if row.passed else 'FAILS':6s} {row.claim}: {row.result} [{row.against}]")
    return 0 if all(row.passed for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
