"""``limus assay phosphatase``: a calcineurin phosphatase plate to activities, IC50s, constants and a report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limus.assay.bench_values import phosphatase_values
from limus.assay.layout.file import read_layout
from limus.assay.phosphatase.analysis import analyse_phosphatase
from limus.assay.phosphatase.result import PhosphataseAnalysis
from limus.assay.reader.file import read_plate_file
from limus.assay.reader.join import join_plate
from limus.kernel.execution import Execution
from limus.kernel.provenance import stamp_run
from limus.molecule.bench_result import write_bench_result
from limus.workflows.assay.plate_report.phosphatase import build_sections, result_tables
from limus.workflows.assay.plate_report.writing import write_assay_report
from limus.workflows.request import Request, open_run

__all__ = ["AssayPhosphataseRequest", "AssayPhosphataseResult", "run"]

_DEFAULT_OUT = Path("phosphatase")


class AssayPhosphataseRequest(Request):
    """An exported plate and its layout."""

    file: str
    layout: str
    seed: int = 1


@dataclass(frozen=True, eq=False)
class AssayPhosphataseResult:
    """An analysed plate and where its report stands."""

    analysis: PhosphataseAnalysis
    report_html: Path
    report_pdf: Path
    result_toml: Path | None
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says."""
        a = self.analysis
        return {
            "assay": "phosphatase",
            "file": str(a.plate.file.path),
            "file_sha256": a.plate.file.sha256,
            "layout": str(a.plate.layout.path),
            "results": [inhibitor.as_dict() for inhibitor in a.inhibitors],
            "activities": [activity.as_dict() for activity in a.activities],
            "standard_curve": a.standard.as_dict(),
            "qc": {
                "controls": a.quality.as_dict(),
                "positions": [effect.as_dict() for effect in a.positions],
                "linearity": [a.time.as_dict(), a.enzyme.as_dict()],
                "substrate_used_percent": a.substrate_used_percent,
                "wells": len(a.plate.wells),
                "wells_used": int(a.plate.used.sum()),
                "findings": [finding.as_dict() for finding in a.findings],
            },
            "n_groups": len(a.activities),
            "n_failed": a.failed,
            "report_html": str(self.report_html),
            "report_pdf": str(self.report_pdf),
            "result_toml": None if self.result_toml is None else str(self.result_toml),
            "seed": self.seed,
        }


def run(
    request: AssayPhosphataseRequest, *, out: Path | None = None, execution: Execution | None = None
) -> AssayPhosphataseResult:
    """Analyse a phosphatase plate and write its report.

    Parameters
    ----------
    request : AssayPhosphataseRequest
    out : Path, optional
        Run directory; ``phosphatase`` in the working folder by default.
    execution : Execution, optional
        How to run; the request's seed is used.

    Returns
    -------
    AssayPhosphataseResult

    Raises
    ------
    FileReadError
        File or layout cannot be read.
    InputError
        No standards, or conditions that are wrong.
    UnitError
        A unit is missing, unknown or of the wrong kind.
    OutputError
        The folder cannot be written, or holds something else.
    """
    execution = execution or Execution(seed=request.seed)
    layout = read_layout(Path(request.layout))
    plate = join_plate(layout, read_plate_file(Path(request.file), layout.plate, decimal=layout.reader.decimal))
    analysis = analyse_phosphatase(plate, execution)
    inputs = [Path(request.file), *layout.files]
    directory = open_run(out or _DEFAULT_OUT, "assay_phosphatase", request.as_dict(), execution, inputs)
    html, pdf, _ = write_assay_report(
        directory.path,
        "Calcineurin phosphatase",
        layout.name,
        build_sections(analysis),
        result_tables(analysis),
        stamp_run(request.seed, inputs),
    )
    values = phosphatase_values(analysis)
    result = write_bench_result(values, directory.path / "result.toml") if values else None
    return AssayPhosphataseResult(analysis, html, pdf, result, request.seed)
