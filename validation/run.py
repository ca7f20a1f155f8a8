"""Run the whole slow proof and write ``MATRIX.md``: what is claimed, against what, what came out, when.

    python validation/run.py [--reference-data DIR] [--only PART ...]

Reference data are third-party files that are not in the repository; where the folder is absent the rows say so.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import io
import json
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import assay_curves
import assay_plates
import engine_sundials
import evidence_claims
import evidence_network
import evidence_pooling
import fhir_exchange
import molecule_equilibrium
import nist_strd
import patient_tdm
import pharmacokinetics
import sbml_export
import sbml_suite
import sbml_variants
import survival
import t_cell_anchors
import t_cell_behaviours
import t_cell_left_out
import t_cell_oscillation
import t_cell_published as t_cell_published_checks
import trial_analysis as trial_analysis_checks
import trial_design as trial_design_checks
import trial_exposure as trial_exposure_checks
from cytometry import check as check_cytometry
from limus.signalling.model_library import load_model
from limus.signalling.prediction import predict_observations
from reference_data import REFERENCE_DATA

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Row:
    """One line of the matrix."""

    claim: str
    against: str
    result: str
    passed: bool | None  # None: not run

    def text(self) -> str:
        verdict = {True: "holds", False: "**fails**", None: "not run"}[self.passed]
        return f"| {self.claim} | {self.against} | {self.result} | {verdict} |"


def equilibria(_: Path) -> list[Row]:
    rows = []
    for solver, limit in molecule_equilibrium.LIMITS.items():
        points = max(1, round(10_000 * molecule_equilibrium.SHARES[solver] / 3))
        worst = max(molecule_equilibrium.largest_error(solver, kind, points, 1) for kind in ("wide", "zeros", "equal"))
        against = f"60-digit arithmetic (mpmath {metadata.version('mpmath')}), {3 * points} points, 1e-6 to 1e9 nM"
        result = f"largest relative error {worst:.1e} (limit {limit:.0e})"
        rows.append(Row(f"equilibrium solver {solver} is exact", against, result, worst <= limit))
    return rows


def certified_fits(data: Path) -> list[Row]:
    folder = data / "nist_strd"
    claim, against = "the fitter reaches 7 certified digits from both starts", "NIST StRD nonlinear regression"
    if not folder.is_dir():
        return [Row(claim, against, "reference data absent", None)]
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(io.StringIO()):
        nist_strd.main([str(folder)])
    found = json.loads(output.getvalue())
    rows = []
    for name, starts in sorted(found.items()):
        digits = [start["digits_parameters"] for start in starts.values() if isinstance(start, dict)]
        good = bool(digits) and min(digits) >= 7
        rows.append(Row(claim, f"{against}: {name}", "digits " + ", ".join(f"{d:.1f}" for d in digits), good))
    return rows


def sbml(data: Path) -> list[Row]:
    archive = data / "sbml_semantic_odd.tar.xz"
    claim, against = "an SBML model gives the suite's numbers or is refused by name", "SBML Test Suite, semantic"
    if not archive.is_file():
        return [Row(claim, against, "reference data absent", None)]
    output = io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        with contextlib.redirect_stdout(output):
            sbml_suite.main([folder, "--json"])
    found = json.loads(output.getvalue())
    failed, unsupported = len(found["failed"]), len(found["unsupported"])
    rows = [Row(claim, against, f"{found['passed']} pass, {failed} fail, {unsupported} refused by name", failed == 0)]
    return [*rows, Row(*sbml_variants.outcome(data, 100, 1))]


def engine(data: Path) -> list[Row]:
    found = engine_sundials.run(data)
    claim = "the engine's error follows the tolerance"
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    rows = [Row(claim, f"SUNDIALS CVODE: {name}", why, None) for name, why in found["left_out"].items()]
    for name, about in found["problems"].items():
        against = f"SUNDIALS CVODE ({versions}), uncertain to {about['reference']['uncertainty']:.0e}: {name}"
        if about["published"]:
            against += f"; {about['published']['in']}"
        errors = ", ".join(f"{error:.1e}" for error in about["errors"])
        result = f"errors {errors} at 1e-4, 1e-6, 1e-8, 1e-10 by {about['solver']}, {about['factor']:g}-fold accepted"
        rows.append(Row(claim, against, "; ".join([result, *about["wrong"]]), not about["wrong"]))
    return rows


def pooling(data: Path) -> list[Row]:
    parts = list(evidence_pooling.parts(data))
    rows = [Row(part.claim, part.against, part.result, not part.failed) for part in parts]
    if not any("metafor" in part.against for part in parts):
        rows.append(Row("pooling gives metafor's numbers", "metafor on dat.bcg", "reference data absent", None))
    return rows


def networks(data: Path) -> list[Row]:
    parts = list(evidence_network.parts(data))
    rows = [Row(part.claim, part.against, part.result, not part.failed) for part in parts]
    if not any("Senn" in part.against for part in parts):
        rows.append(Row("a network gives netmeta's numbers", "netmeta on Senn 2013", "reference data absent", None))
    return rows


def claims(data: Path) -> list[Row]:
    return [Row(part.claim, part.against, part.result, not part.failed) for part in evidence_claims.parts(data)]


def t_cell(_: Path) -> list[Row]:
    rows, _left_out = predict_observations(load_model("t_cell"))
    fitted = [row.fold for row in rows if row.observation.use == "fit"]
    checked = [row.fold for row in rows if row.observation.use == "check"]
    within = sum(fold <= 3 for fold in fitted)
    result = f"{within} of {len(fitted)} fitted potencies within 3-fold, worst {max(fitted):.1f}-fold"
    result += f"; {sum(fold <= 3 for fold in checked)} of {len(checked)} not fitted"
    return [
        Row(
            "the T-cell model meets published potencies",
            "observations/potency.csv",
            result,
            within / len(fitted) >= 0.7,
        )
    ]


def t_cell_behaviour(_: Path) -> list[Row]:
    return [Row(one.claim, one.against, one.result, one.passed) for one in t_cell_behaviours.outcomes()]


def t_cell_published(_: Path) -> list[Row]:
    return [Row(*outcome) for outcome in t_cell_published_checks.outcomes()]


def t_cell_prediction(_: Path) -> list[Row]:
    """A row for each paper left out: its largest misfit beside the baseline's; those not scored say why."""
    rows = []
    for one in t_cell_left_out.outcomes():
        claim = f"{', '.join(one.rows)} predicted without {one.paper} better than with no signalling"
        against = "geometric mean of the other papers' potencies of the same drug"
        if one.reason:
            rows.append(Row(claim, against, f"not scored: {one.reason}", None))
            continue
        pairs = zip(one.rows, one.model, one.baseline, strict=True)
        said = "; ".join(f"{name} off {10**ours:.2f}-fold, baseline {10**base:.2f}-fold" for name, ours, base in pairs)
        ours, base = (sum(value) / len(value) for value in (one.model, one.baseline))
        rows.append(Row(claim, f"{against}; mean of |log10|", said, ours < base))
    return rows


def t_cell_anchor(data: Path) -> list[Row]:
    return [Row(one.claim, one.against, one.result, one.passed) for one in t_cell_anchors.outcomes(data)]


def calcium_oscillation(_: Path) -> list[Row]:
    return [Row(one.claim, one.against, one.result, one.passed) for one in t_cell_oscillation.outcomes()]


def curves(data: Path) -> list[Row]:
    return [Row(*row) for row in assay_curves.matrix_rows(data)]


def plates(_: Path) -> list[Row]:
    return [Row(row.claim, row.against, row.result, row.passed) for row in assay_plates.check(60)]


def cytometry(data: Path) -> list[Row]:
    return [Row(row.claim, row.against, row.result, row.passed) for row in check_cytometry(80, 10_000, data)]


def population_pharmacokinetics(_: Path) -> list[Row]:
    return [
        Row(claim, against, result, None if passed is None else bool(passed))
        for claim, against, result, passed in pharmacokinetics.outcomes()
    ]


def trial_design(_: Path) -> list[Row]:
    return [Row(*outcome) for outcome in trial_design_checks.outcomes()]


def trial_analysis(data: Path) -> list[Row]:
    return [Row(p.claim, p.against, p.result, not p.failed) for p in trial_analysis_checks.parts(data)]


def trial_exposure(_: Path) -> list[Row]:
    return [Row(*outcome) for outcome in trial_exposure_checks.outcomes()]


def drug_monitoring(data: Path) -> list[Row]:
    return [Row(*outcome) for outcome in patient_tdm.outcomes(data)]


def fhir(_: Path) -> list[Row]:
    return [Row(*outcome) for outcome in fhir_exchange.outcomes()]


def sbml_out(data: Path) -> list[Row]:
    return [Row(*outcome) for outcome in sbml_export.outcomes(data)]


def survival_analysis(data: Path) -> list[Row]:
    return [Row(*outcome) for outcome in survival.outcomes(data)]


PARTS: tuple[Callable[[Path], list[Row]], ...] = (
    equilibria,
    certified_fits,
    sbml,
    engine,
    curves,
    plates,
    cytometry,
    pooling,
    networks,
    claims,
    t_cell,
    t_cell_behaviour,
    t_cell_published,
    t_cell_prediction,
    t_cell_anchor,
    calcium_oscillation,
    population_pharmacokinetics,
    drug_monitoring,
    fhir,
    sbml_out,
    survival_analysis,
    trial_design,
    trial_exposure,
    trial_analysis,
)


def run_part(part: Callable[[Path], list[Row]], data: Path) -> dict[str, Any]:
    """One part as the record that ``matrix.json`` keeps."""
    print(f"{part.__name__} ...", file=sys.stderr, flush=True)
    begun = time.monotonic()
    rows = part(data)
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "seconds": round(time.monotonic() - begun),
        "versions": {name: metadata.version(name) for name in ("limus", "numpy", "scipy")},
        "with_data": data.is_dir(),
        "rows": [asdict(row) for row in rows],
    }


def matrix(kept: dict[str, dict[str, Any]]) -> str:
    """``MATRIX.md``: a table for each part, with when and with what it was run."""
    lines = [
        "# Validation matrix",
        "",
        "Made by `make validation`, or one part by `python validation/run.py --only PART`; parts not run again keep",
        "their rows and date. Third-party data are not in the repository: `LIMUS_REFERENCE_DATA` names their folder.",
    ]
    for name, record in kept.items():
        versions = ", ".join(f"{package} {version}" for package, version in record["versions"].items())
        data = "with" if record["with_data"] else "without"
        lines += ["", f"## {name.replace('_', ' ')}", ""]
        lines += [f"{record['date']}, {record['seconds']} s, {versions}, {data} reference data.", ""]
        lines += ["| claim | against | result | verdict |", "|---|---|---|---|"]
        lines += [Row(**row).text() for row in record["rows"]]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference-data", type=Path, default=REFERENCE_DATA)
    parser.add_argument("--only", nargs="+", choices=[part.__name__ for part in PARTS], help="parts to run again")
    options = parser.parse_args(arguments)
    store = HERE / "matrix.json"
    before = json.loads(store.read_text(encoding="utf-8")) if store.exists() else {}
    kept: dict[str, dict[str, Any]] = {}
    for part in PARTS:
        name = part.__name__
        if options.only is None or name in options.only:
            kept[name] = run_part(part, options.reference_data)
        elif name in before:
            kept[name] = before[name]
        whole = {p.__name__: kept.get(p.__name__) or before.get(p.__name__) for p in PARTS}
        whole = {key: record for key, record in whole.items() if record}
        store.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
        (HERE / "MATRIX.md").write_text(matrix(whole), encoding="utf-8")
    print(matrix(kept))
    return 1 if any(row["passed"] is False for record in kept.values() for row in record["rows"]) else 0


if __name__ == "__main__":
    sys.exit(main())
