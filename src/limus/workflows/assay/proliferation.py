"""``limus assay proliferation``: a folder of FCS files to generations, division indices, IC50s and a report."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from limus.assay.cytometry.gate.gating_ml_write import write_gating_ml
from limus.assay.cytometry.generation.indices import index_words
from limus.assay.cytometry.proliferation.plate import analyse_plate, drawn_tubes
from limus.assay.cytometry.proliferation.records import DoseResponse, ProliferationAnalysis
from limus.assay.cytometry.proliferation.well_files import list_fcs_files
from limus.assay.layout.file import read_layout
from limus.assay.layout.records import Layout
from limus.assay.plate.uncertainty import Estimate
from limus.kernel.errors import InputError
from limus.kernel.execution import Execution
from limus.kernel.provenance import stamp_run
from limus.molecule.bench_result import BenchValue, write_bench_result
from limus.workflows.assay.plate_report.writing import write_assay_report
from limus.workflows.assay.proliferation_report.figures import GateEvents
from limus.workflows.assay.proliferation_report.page import build_sections, result_tables
from limus.workflows.assay.proliferation_report.prediction import Prediction, predict_with_model, read_prediction
from limus.workflows.assay.proliferation_report.prediction_section import prediction_rows
from limus.workflows.request import Request, open_run

__all__ = ["AssayProliferationRequest", "AssayProliferationResult", "run"]

_DEFAULT_OUT = Path("proliferation")


class AssayProliferationRequest(Request):
    """A folder of FCS files and its layout."""

    folder: Path
    layout: Path
    prediction: Path | None = Field(default=None, description="table generation, fraction[, compound, ...]")
    stimulus: str | None = Field(default=None, description="let the T-cell model predict under this protocol")
    hours: float | None = Field(default=None, gt=0, description="from stimulus to harvest, h; for the model")
    seed: int = Field(default=1, ge=0)


@dataclass(frozen=True, eq=False)
class AssayProliferationResult:
    """An analysed plate and where its report stands."""

    analysis: ProliferationAnalysis
    prediction: Prediction | None
    report_html: Path
    report_pdf: Path
    gates: Path
    result_toml: Path | None
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says."""
        a = self.analysis
        return {
            "assay": "proliferation",
            "folder": str(a.folder),
            "layout": str(a.layout.path),
            "dye": a.settings.dye,
            "population": a.population,
            "compensation": a.compensation,
            "results": [d.as_dict() for d in a.doses],
            "wells": [w.as_dict() for w in a.wells],
            "prediction": None if self.prediction is None else self._prediction(self.prediction),
            "formulae": {name: words.formula for name, words in index_words().items()},
            "qc": {
                "undivided_control_wells": a.control.wells if a.control else 0,
                "unstained_cells": a.floor.events if a.floor else 0,
                "autofluorescence": a.floor.mean if a.floor else float("nan"),
                "gates": [{"name": g.name, "parent": g.parent, "rule": g.rule} for g in a.gates],
                "findings": [finding.as_dict() for finding in a.findings],
            },
            "n_wells": len(a.wells),
            "n_failed": a.n_failed,
            "gates_file": str(self.gates),
            "report_html": str(self.report_html),
            "report_pdf": str(self.report_pdf),
            "result_toml": None if self.result_toml is None else str(self.result_toml),
            "seed": self.seed,
        }

    def _prediction(self, prediction: Prediction) -> dict[str, Any]:
        measured, predicted = prediction_rows(self.analysis, prediction)
        return {"source": prediction.source, "measured": measured, "predicted": predicted}


def run(
    request: AssayProliferationRequest, *, out: Path | None = None, execution: Execution | None = None
) -> AssayProliferationResult:
    """Analyse a proliferation plate and write its report.

    Parameters
    ----------
    request : AssayProliferationRequest
    out : Path, optional
        Run directory; ``proliferation`` in the working folder by default.
    execution : Execution, optional
        How to run; the request's seed is used.

    Returns
    -------
    AssayProliferationResult

    Raises
    ------
    FileReadError
        The folder, the layout, a named control or a file of gates cannot be read.
    InputError
        The layout's section is wrong, there is nothing to analyse, or the prediction is wrong.
    UnknownNameError
        A channel, a population or a stimulus that is not there.
    RefusedError
        The plate lies outside the domain of the model that is to predict it.
    UnitError
        A unit is missing, unknown or of the wrong kind.
    OutputError
        The folder cannot be written, or holds something else.
    """
    execution = execution or Execution(seed=request.seed)
    layout = read_layout(request.layout)
    files = list_fcs_files(request.folder)
    inputs = [*layout.files, *files, *([request.prediction] if request.prediction is not None else [])]
    prediction = _predict(request, layout, execution)
    analysis = analyse_plate(request.folder, layout, execution)
    directory = open_run(out or _DEFAULT_OUT, "assay_proliferation", request.as_dict(), execution, inputs)
    gates = write_gating_ml(directory.path / "gates.xml", analysis.gates, analysis.matrices)
    html, pdf, _ = write_assay_report(
        directory.path,
        f"T-cell proliferation by {analysis.settings.dye} dilution",
        layout.name,
        build_sections(analysis, GateEvents(*drawn_tubes(analysis), analysis.matrices), prediction),
        result_tables(analysis),
        stamp_run(request.seed, inputs),
    )
    values = tuple(_bench_values(analysis))
    result = write_bench_result(values, directory.path / "result.toml") if values else None
    return AssayProliferationResult(analysis, prediction, html, pdf, gates, result, request.seed)


def _predict(request: AssayProliferationRequest, layout: Layout, execution: Execution) -> Prediction | None:
    """What is to be laid over the measured generations; found before the plate is analysed, so that it fails early."""
    if request.prediction is not None and request.stimulus is not None:
        raise InputError("--prediction, --stimulus", "both", "a table, or the model's own prediction", "leave one out")
    if request.hours is not None and request.stimulus is None:
        raise InputError("--hours", f"{request.hours:g} h", "with --stimulus: it is for the model", "leave it out")
    if request.prediction is not None:
        return read_prediction(request.prediction)
    if request.stimulus is not None:
        return predict_with_model(layout.wells, request.stimulus, request.hours, execution=execution)
    return None


def _bench_values(a: ProliferationAnalysis) -> Iterator[BenchValue]:
    """What the plate measured of its compounds, for models and guides."""
    for d in a.doses:
        for name, estimate, status in (
            ("ic50_absolute", d.curve.ic50_absolute, d.curve.absolute_status),
            ("ic50_relative", d.curve.ic50_relative, d.curve.relative_status),
        ):
            if status == "ok":
                yield _bench_value(a, d, name, estimate)


def _bench_value(a: ProliferationAnalysis, d: DoseResponse, quantity: str, estimate: Estimate) -> BenchValue:
    paths = sorted(w.file for group in d.wells for w in group if w.file is not None)
    digest = hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in paths)).hexdigest()
    said = [f"group {d.group}" if d.group else "", f"cells of the gate {a.population}"]
    return BenchValue(
        compound=d.compound,
        quantity=quantity,
        readout=f"T-cell proliferation, {index_words()[d.index].title.lower()}",
        value=estimate.value,
        lower=estimate.lower,
        upper=estimate.upper,
        unit=d.unit,
        level_percent=95.0,
        n=sum(w.usable for group in d.wells for w in group),
        n_of="wells",
        method=f"log-logistic curve ({d.curve.model}) of dye-dilution indices",
        conditions=", ".join(text for text in said if text),
        file=a.folder.name,
        file_sha256=digest,
        layout=a.layout.path.name,
        layout_sha256=a.layout.sha256,
    )
