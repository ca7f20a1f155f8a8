"""``limus pk simulate``: levels and exposure of the subjects of an event table, or of a regimen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import InputError, ValueRangeError
from limus.kernel.execution import Execution, spawn_generators
from limus.kernel.provenance import stamp_run
from limus.kernel.tables import Table, write_csv, write_parquet
from limus.kernel.units import convert
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.exposure import find_exposure
from limus.pharmacokinetics.model_table import table_for_model, typical_ranges
from limus.pharmacokinetics.parameter_uncertainty import draw_values, published_spreads, read_value_sets
from limus.pharmacokinetics.population_model.library import load_population_model
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.regimen import Regimen, regimen_events
from limus.pharmacokinetics.virtual_exposure import VirtualExposure, draw_virtual_exposure
from limus.report.content import Figure, Guide, walk_blocks
from limus.report.figures import Drawing, save
from limus.report.html import write_html
from limus.report.pdf import write_pdf
from limus.workflows.pk.events import EventsRequest, event_table, input_files, settings_of
from limus.workflows.pk.exposure.course import level_course
from limus.workflows.pk.exposure.report import exposure_sections
from limus.workflows.pk.exposure.rows import ExposureFindings, exposure_rows, spread_rows, write_adpp
from limus.workflows.request import keep_result, open_run

__all__ = ["PkSimulateRequest", "PkSimulateResult", "run"]

Floats = NDArray[np.float64]
PUBLISHED = "published"


class PkSimulateRequest(EventsRequest):
    """A model with events, or with a regimen; limits of the model hold unless an override is named."""

    dose: float | None = Field(default=None, gt=0, description="of a regimen, in the model's unit of AMT")
    every: float = Field(default=12.0, gt=0, description="h")
    number: int = Field(default=1, ge=1, le=100_000)
    steady_state: bool = False
    infusion: float = Field(default=0.0, ge=0, description="h")
    target: str | None = Field(default=None, description="range of levels, as 5:15, in the model's unit of DV")
    virtual: int = Field(default=0, ge=0, le=100_000, description="copies with random effects")
    uncertainty: str | None = Field(default=None, description="of typical values: 'published', or a CSV of sets")
    study: str = Field(default="SIMULATED", min_length=1, description="STUDYID of the ADPP")
    seed: int = 1


@dataclass(frozen=True, eq=False)
class PkSimulateResult:
    """Exposure of each dosing interval, its spread over virtual copies, and where the report stands."""

    model: PopulationModel
    found: ExposureFindings
    findings: tuple[Finding, ...]
    report_html: Path | None
    report_pdf: Path | None
    adpp: Path | None

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says; levels in ``unit``, areas in ``unit`` times h, times h, doses mg."""
        found = self.found
        rows = exposure_rows(found.exposure)
        by_subject: dict[str, dict[str, list[Any]]] = {name: {} for name in ("auc", "trough", "cmax")}
        for row in rows:
            for name, column in by_subject.items():
                column.setdefault(row["id"], []).append(row[name])
        return {
            "model": self.model.name,
            "drug": self.model.drug,
            "unit": self.model.units.DV,
            "seed": found.seed,
            **by_subject,
            "rows": rows,
            "target": list(found.target) if found.target else None,
            "virtual": self._virtual(found.virtual),
            "uncertainty": self._uncertainty(),
            "n_failed": sum(status != "ok" for status in found.exposure.status),
            "overrides": list(found.overrides),
            "findings": [finding.as_dict() for finding in self.findings],
            "report_html": None if self.report_html is None else str(self.report_html),
            "report_pdf": None if self.report_pdf is None else str(self.report_pdf),
            "adpp": None if self.adpp is None else str(self.adpp),
            "notice": "Research use only; not for diagnosis, treatment or dosing.",
        }

    def _virtual(self, virtual: VirtualExposure | None) -> dict[str, Any] | None:
        if virtual is None:
            return None
        rows = spread_rows(self.found.exposure, virtual, self.found.target)
        return {"copies": self.found.copies, "failed": virtual.failed, "rows": rows}

    def _uncertainty(self) -> dict[str, Any] | None:
        found = self.found
        if found.uncertain is None:
            return None
        fixed = [name for name in self.model.values if name not in found.value_sets]
        rows = spread_rows(found.exposure, found.uncertain)
        for row in rows:
            del row["trough_in_target_percent"]
        return {"source": found.uncertainty, "drawn": list(found.value_sets), "fixed": fixed, "rows": rows}


def run(request: PkSimulateRequest, *, out: Path | None = None, execution: Execution | None = None) -> PkSimulateResult:
    """Simulate a population model; with a folder, write tables, figure and report.

    Parameters
    ----------
    request : PkSimulateRequest
    out : Path, optional
        Run directory for ``results/``, ``figures/``, ``report.html``, ``report.pdf`` and ``result.json``.
    execution : Execution, optional
        How to run; its seed draws the virtual copies.

    Returns
    -------
    PkSimulateResult

    Raises
    ------
    UnknownNameError
        No such model.
    EventTableError, FileReadError, UnitError
        The event table is wrong.
    InputError
        A covariate is missing or wrong, or no uncertainty is known.
    RefusedError
        A covariate outside the model's limits that is not overridden.
    OutputError
        The folder cannot be written, or holds something else.
    """
    execution = execution or Execution(seed=request.seed, workers=1)
    _check_options(request)
    model = load_population_model(request.model)
    table = _table(request, model)
    target = _target(request.target)
    sets = _value_sets(request, model, execution)
    exposure = find_exposure(model, table, target=target, execution=execution, label="exposure")
    virtual = uncertain = None
    if request.virtual:
        virtual = draw_virtual_exposure(model, table, request.virtual, value_sets=sets, execution=execution)
    if sets:
        uncertain = draw_virtual_exposure(
            model, table, request.virtual, value_sets=sets, random_effects=False, execution=execution
        )
    found = ExposureFindings(
        exposure=exposure,
        target=target,
        virtual=virtual,
        copies=request.virtual,
        uncertain=uncertain,
        uncertainty=request.uncertainty or "",
        value_sets=sets,
        overrides=request.overrides,
        seed=request.seed,
    )
    result = PkSimulateResult(model, found, table.findings, None, None, None)
    if out is not None:
        result = _write(request, model, table, found, out, execution)
        keep_result(result, out, "pk_simulate", request, execution)
    return result


def _check_options(request: PkSimulateRequest) -> None:
    """Refuse options that contradict each other or would do nothing."""
    where = "limus pk simulate"
    if bool(request.events) == (request.dose is not None):
        got = "both --events and --dose" if request.events else "neither --events nor --dose"
        raise InputError(where, got, "an event table or a regimen", "give one of the two")
    of_regimen = {
        "--number": request.number != 1,
        "--steady-state": request.steady_state,
        "--infusion": request.infusion,
    }
    of_events = {"--unit": bool(request.units), "--take": bool(request.take)}
    idle = [option for option, given in (of_regimen if request.events else of_events).items() if given]
    if idle:
        other = "--dose" if request.events else "--events"
        raise InputError(where, ", ".join(idle), f"together with {other}", "leave it out")
    if request.uncertainty is not None and not request.virtual:
        raise InputError(where, "--uncertainty without --virtual", "a number of virtual copies", "add --virtual 1000")


def _table(request: PkSimulateRequest, model: PopulationModel) -> EventTable:
    if request.dose is None:
        return event_table(request, model)
    dose_mg = convert(request.dose, model.units.AMT, "mg")
    every = request.every if request.number > 1 or request.steady_state else 0.0
    regimen = Regimen(dose_mg, every, request.number, infusion_h=request.infusion, steady_state=request.steady_state)
    events = regimen_events([regimen], observe_h=[request.every * request.number], concentration_unit=model.units.DV)
    table = table_for_model(model, events, settings=settings_of(request.settings), overrides=request.overrides)
    return replace(table, findings=(*_dose_findings(model, request.dose), *table.findings))


def _dose_findings(model: PopulationModel, dose: float) -> list[Finding]:
    """A dose far from the model's is perhaps in another unit."""
    usual = next(limits for limits in typical_ranges(model) if limits.column == "AMT")
    if usual.low <= dose <= usual.high:
        return []
    allowed, do = (
        f"typically {usual.low:g} to {usual.high:g} {usual.unit}",
        f"check the unit: --dose is in {usual.unit}",
    )
    return [Finding("typical-range", Severity.WARNING, "--dose", f"{dose:g} {usual.unit}", allowed, do)]


def _value_sets(request: PkSimulateRequest, model: PopulationModel, execution: Execution) -> Mapping[str, Floats]:
    """Sets of typical values, one for each virtual copy; none without uncertainty."""
    if request.uncertainty is None:
        return {}
    if request.uncertainty != PUBLISHED:
        return read_value_sets(model, Path(request.uncertainty))
    generator = spawn_generators(execution.seed, 1, stream="parameter uncertainty")[0]
    return draw_values(published_spreads(model), request.virtual, generator)


def _target(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    match = re.fullmatch(r"\s*([\d.]+)\s*[:-]\s*([\d.]+)\s*", text)
    try:
        limits = (float(match[1]), float(match[2])) if match else None
    except ValueError:
        limits = None
    if limits is None or not limits[0] < limits[1]:
        raise ValueRangeError("--target", text, "two rising levels, such as 5:15", "give the lower level first")
    return limits


# ---- what is written


def _write(
    request: PkSimulateRequest,
    model: PopulationModel,
    table: EventTable,
    found: ExposureFindings,
    out: Path,
    execution: Execution,
) -> PkSimulateResult:
    inputs = input_files(request, model)
    if request.uncertainty not in {None, PUBLISHED}:
        inputs.append(Path(str(request.uncertainty)))
    directory = open_run(out, "pk_simulate", request.as_dict(), execution, inputs)
    results = directory.path / "results"
    rows = exposure_rows(found.exposure)
    adpp: Path | None = None
    notes: tuple[Finding, ...] = ()
    if rows:
        write_parquet(Table.from_rows(rows), results / "exposure.parquet")
        write_csv(Table.from_rows(rows), results / "exposure.csv")
    if any(np.isfinite(row["end_h"]) for row in rows):
        adpp, notes = write_adpp(model, rows, results, request.study)
    for name, virtual in (("virtual", found.virtual), ("uncertainty", found.uncertain)):
        if virtual is not None:
            write_csv(Table.from_rows(spread_rows(found.exposure, virtual, found.target)), results / f"{name}.csv")
    course = level_course(model, table, found, execution)
    guide = Guide.create(
        f"Exposure: {model.drug}",
        f"simulated with {model.name.replace('_', ' ')}",
        exposure_sections(model, table, found, course),
        values={},
        stamp=stamp_run(request.seed),
        bibliography=model.bibliography,
    )
    for _, block in walk_blocks(guide.sections):
        if isinstance(block, Figure):
            save(Drawing(block.svg, block.alt, block.data), directory.path / "figures", block.key)
    html, pdf = write_html(guide, directory.path / "report.html"), write_pdf(guide, directory.path / "report.pdf")
    return PkSimulateResult(model, found, (*table.findings, *notes), html, pdf, adpp)
