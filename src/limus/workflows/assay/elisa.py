"""``limus assay elisa``: an ELISA plate, viability beside it, to concentrations, inhibition, IC50s and a report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limus.assay.bench_values import elisa_values
from limus.assay.elisa.analysis import analyse_elisa
from limus.assay.elisa.result import ElisaAnalysis
from limus.assay.elisa.viability import read_viability_settings
from limus.assay.layout.file import read_layout
from limus.assay.layout.records import Layout
from limus.assay.reader.file import read_plate_file
from limus.assay.reader.join import join_plate
from limus.assay.reader.wells import PlateWells
from limus.kernel.execution import Execution
from limus.kernel.provenance import stamp_run
from limus.molecule.bench_result import write_bench_result
from limus.workflows.assay.plate_report.elisa import build_sections, result_tables
from limus.workflows.assay.plate_report.writing import write_assay_report
from limus.workflows.request import Request, open_run

__all__ = ["AssayElisaRequest", "AssayElisaResult", "run"]

_DEFAULT_OUT = Path("elisa")


class AssayElisaRequest(Request):
    """An exported plate, its layout, and viability plates of the same cells."""

    file: str
    layout: str
    viability: tuple[str, ...] = ()
    viability_layout: str | None = None
    seed: int = 1


@dataclass(frozen=True, eq=False)
class AssayElisaResult:
    """An analysed ELISA and where its report stands."""

    analysis: ElisaAnalysis
    report_html: Path
    report_pdf: Path
    result_toml: Path | None
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says."""
        a = self.analysis
        return {
            "assay": "elisa",
            "analyte": a.conditions.analyte,
            "unit": a.standard.unit,
            "file": str(a.plate.file.path),
            "file_sha256": a.plate.file.sha256,
            "layout": str(a.plate.layout.path),
            "viability_files": {str(v.plate.file.path): v.plate.file.sha256 for v in a.viability},
            "results": [inhibitor.as_dict() for inhibitor in a.inhibitors],
            "doses": [{"inhibitor": i.compound} | d.as_dict() for i in a.inhibitors for d in i.doses],
            "samples": [sample.as_dict() for sample in a.samples],
            "standard_curve": a.standard.as_dict(),
            "viability_threshold_percent": a.conditions.threshold_percent,
            "qc": {
                "controls": a.quality.as_dict(),
                "positions": [effect.as_dict() for effect in a.positions],
                "parallelism": [one.as_dict() for one in a.parallelism],
                "recovery": [one.as_dict() for one in a.recovery],
                "hook": list(a.hooks),
                "wells": len(a.plate.wells),
                "wells_used": int(a.plate.used.sum()),
                "findings": [finding.as_dict() for finding in a.findings],
            },
            "n_groups": len(a.samples),
            "n_failed": a.failed,
            "report_html": str(self.report_html),
            "report_pdf": str(self.report_pdf),
            "result_toml": None if self.result_toml is None else str(self.result_toml),
            "seed": self.seed,
        }


def run(request: AssayElisaRequest, *, out: Path | None = None, execution: Execution | None = None) -> AssayElisaResult:
    """Analyse an ELISA plate and write its report.

    Parameters
    ----------
    request : AssayElisaRequest
    out : Path, optional
        Run directory; ``elisa`` in the working folder by default.
    execution : Execution, optional
        How to run; the request's seed is used.

    Returns
    -------
    AssayElisaResult

    Raises
    ------
    FileReadError
        A file or a layout cannot be read.
    InputError
        No standards, too few, or conditions that are wrong.
    UnitError
        A unit is missing, unknown or of the wrong kind.
    OutputError
        The folder cannot be written, or holds something else.
    """
    execution = execution or Execution(seed=request.seed)
    layout = read_layout(Path(request.layout))
    other = _viability_layout(request, layout)
    plate = _join(Path(request.file), layout)
    analysis = analyse_elisa(plate, [_join(Path(file), other) for file in request.viability], execution)
    inputs = [Path(request.file), *layout.files, *map(Path, request.viability)]
    inputs += other.files if request.viability and other.path != layout.path else []
    directory = open_run(out or _DEFAULT_OUT, "assay_elisa", request.as_dict(), execution, inputs)
    html, pdf, _ = write_assay_report(
        directory.path,
        f"{analysis.conditions.analyte} ELISA" + (" with viability" if analysis.viability else ""),
        layout.name,
        build_sections(analysis),
        result_tables(analysis),
        stamp_run(request.seed, inputs),
    )
    values = elisa_values(analysis)
    result = write_bench_result(values, directory.path / "result.toml") if values else None
    return AssayElisaResult(analysis, html, pdf, result, request.seed)


def _join(file: Path, layout: Layout) -> PlateWells:
    return join_plate(layout, read_plate_file(file, layout.plate, decimal=layout.reader.decimal))


def _viability_layout(request: AssayElisaRequest, layout: Layout) -> Layout:
    """The layout of the viability plate: the option's, else the one that the ELISA's layout names, else the same."""
    settings = read_viability_settings(layout)
    if request.viability_layout is not None:
        return read_layout(Path(request.viability_layout))
    if request.viability and settings is not None and settings.layout:
        return read_layout(layout.path.parent / settings.layout)
    return layout
