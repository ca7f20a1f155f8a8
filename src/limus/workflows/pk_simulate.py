"""``limus pk simulate``: levels and exposure of the subjects of an event table, or of a regimen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, model_validator

from limus.kernel.checks import Finding
from limus.kernel.errors import InputError, ValueRangeError
from limus.kernel.execution import Execution
from limus.kernel.provenance import stamp_run
from limus.kernel.tables import Table, write_csv, write_parquet
from limus.kernel.units import convert
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.exposure import Exposure, find_exposure
from limus.pharmacokinetics.model_table import read_table_for_model, table_for_model
from limus.pharmacokinetics.population_model.library import load_population_model
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.regimen import Regimen, regimen_events
from limus.pharmacokinetics.virtual_exposure import (
    MEASURES,
    VirtualExposure,
    draw_virtual_exposure,
)
from limus.report.content import Figure, Guide, walk_blocks
from limus.report.html import write_html
from limus.report.pdf import write_pdf
from limus.workflows.exposure_course import level_course
from limus.workflows.exposure_report import exposure_sections
from limus.workflows.request import Request, keep_result, open_run

__all__ = ["PkSimulateRequest", "PkSimulateResult", "run"]


class PkSimulateRequest(Request):
    """A model with an event table, or with a regimen; limits of the model hold unless an override is named."""

    model: str
    events: str | None = None
    units: tuple[str, ...] = ()
    settings: tuple[str, ...] = Field(default=(), description="covariates that hold for all, as NAME=value")
    overrides: tuple[str, ...] = ()
    dose: float | None = Field(default=None, gt=0, description="of a regimen, in the model's unit of AMT")
    every: float = Field(default=12.0, gt=0, description="h")
    number: int = Field(default=1, ge=1, le=100_000)
    steady_state: bool = False
    infusion: float = Field(default=0.0, ge=0, description="h")
    target: str | None = Field(default=None, description="range of levels, as 5:15, in the model's unit of DV")
    virtual: int = Field(default=0, ge=0, le=100_000, description="copies with random effects")
    seed: int = 1

    @model_validator(mode="after")
    def _one_source(self) -> PkSimulateRequest:
        if (self.events is None) == (self.dose is None):
            raise ValueError("give either an event table (--events) or a regimen (--dose)")
        return self


@dataclass(frozen=True, eq=False)
class PkSimulateResult:
    """Exposure of each dosing interval, its spread over virtual copies, and where the report stands."""

    model: PopulationModel
    table: EventTable
    exposure: Exposure
    target: tuple[float, float] | None
    virtual: VirtualExposure | None
    copies: int
    findings: tuple[Finding, ...]
    overrides: tuple[str, ...]
    report_html: Path | None
    report_pdf: Path | None
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says; levels in ``unit``, areas in ``unit`` times h, times h, doses mg."""
        rows = exposure_rows(self.exposure)
        by_subject: dict[str, dict[str, list[Any]]] = {name: {} for name in ("auc", "trough", "cmax")}
        for row in rows:
            for name, column in by_subject.items():
                column.setdefault(row["id"], []).append(row[name])
        return {
            "model": self.model.name,
            "drug": self.model.drug,
            "unit": self.model.units.DV,
            "seed": self.seed,
            **by_subject,
            "rows": rows,
            "target": list(self.target) if self.target else None,
            "virtual": None if self.virtual is None else self._virtual(self.virtual),
            "n_failed": sum(status != "ok" for status in self.exposure.status),
            "overrides": list(self.overrides),
            "findings": [finding.as_dict() for finding in self.findings],
            "report_html": None if self.report_html is None else str(self.report_html),
            "report_pdf": None if self.report_pdf is None else str(self.report_pdf),
            "notice": "Research use only; not for diagnosis, treatment or dosing.",
        }

    def _virtual(self, virtual: VirtualExposure) -> dict[str, Any]:
        spread = {name: virtual.percentiles(name) for name in MEASURES}
        inside = None if self.target is None else virtual.share_within("trough", self.target)
        rows = []
        for k, subject in enumerate(self.exposure.subject.tolist()):
            row: dict[str, Any] = {"id": self.table.subjects[subject], "interval": int(self.exposure.number[k])}
            for name in MEASURES:
                row |= dict(zip((f"{name}_p5", f"{name}_p50", f"{name}_p95"), spread[name][:, k].tolist(), strict=True))
            rows.append(row | {"trough_in_target_percent": None if inside is None else float(inside[k])})
        return {"copies": self.copies, "failed": virtual.failed, "rows": rows}


def exposure_rows(exposure: Exposure) -> list[dict[str, Any]]:
    """The rows of an exposure, as JSON holds them.

    Parameters
    ----------
    exposure : Exposure

    Returns
    -------
    list of dict
    """
    return [
        {
            "id": exposure.subjects[int(exposure.subject[k])],
            "interval": int(exposure.number[k]),
            "occasion": int(exposure.occasion[k]),
            "start_h": float(exposure.start_h[k]),
            "end_h": float(exposure.end_h[k]),
            "dose_mg": float(exposure.dose_mg[k]),
            "auc": float(exposure.auc[k]),
            "average": float(exposure.average[k]),
            "predose": float(exposure.predose[k]),
            "trough": float(exposure.trough[k]),
            "cmax": float(exposure.cmax[k]),
            "tmax_h": float(exposure.tmax_h[k]),
            "time_in_range_percent": float(exposure.time_in_range_percent[k]),
            "status": exposure.status[k],
        }
        for k in range(len(exposure.auc))
    ]


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
        A covariate is missing or wrong.
    RefusedError
        A covariate outside the model's limits that is not overridden.
    OutputError
        The folder cannot be written, or holds something else.
    """
    execution = execution or Execution(seed=request.seed, workers=1)
    model = load_population_model(request.model)
    table = _table(request, model)
    target = _target(request.target)
    exposure = find_exposure(model, table, target=target, execution=execution, label="exposure")
    virtual = draw_virtual_exposure(model, table, request.virtual, execution=execution) if request.virtual else None
    html = pdf = None
    if out is not None:
        html, pdf = _write(request, model, table, exposure, target, virtual, out, execution)
    result = PkSimulateResult(
        model,
        table,
        exposure,
        target,
        virtual,
        request.virtual,
        table.findings,
        request.overrides,
        html,
        pdf,
        request.seed,
    )
    if out is not None:
        keep_result(result, out, "pk_simulate", request, execution)
    return result


def _table(request: PkSimulateRequest, model: PopulationModel) -> EventTable:
    settings = _settings(request.settings)
    if request.events is not None:
        return read_table_for_model(
            model, Path(request.events), units=request.units, settings=settings, overrides=request.overrides
        )
    assert request.dose is not None
    dose_mg = convert(request.dose, model.units.AMT, "mg")
    every = request.every if request.number > 1 or request.steady_state else 0.0
    regimen = Regimen(dose_mg, every, request.number, infusion_h=request.infusion, steady_state=request.steady_state)
    events = regimen_events([regimen], observe_h=[request.every * request.number], concentration_unit=model.units.DV)
    return table_for_model(model, events, settings=settings, overrides=request.overrides)


def _settings(texts: tuple[str, ...]) -> dict[str, float]:
    found = {}
    for text in texts:
        match = re.fullmatch(r"\s*(\w+)\s*=\s*(\S+)\s*", text)
        try:
            found[match[1] if match else ""] = float(match[2]) if match else np.nan
        except ValueError:
            match = None
        if match is None:
            raise InputError("--set", text, "NAME=number, in the covariate's unit", "limus pk show lists covariates")
    return found


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
    exposure: Exposure,
    target: tuple[float, float] | None,
    virtual: VirtualExposure | None,
    out: Path,
    execution: Execution,
) -> tuple[Path, Path]:
    inputs = [model.path, model.path.with_suffix(".ant"), *([Path(request.events)] if request.events else [])]
    directory = open_run(out, "pk_simulate", request.as_dict(), execution, inputs)
    results = directory.path / "results"
    results.mkdir(parents=True, exist_ok=True)
    rows = exposure_rows(exposure)
    columns = {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
    write_parquet(Table.create(columns), results / "exposure.parquet")
    write_csv(Table.create(columns), results / "exposure.csv")
    course = level_course(model, table, exposure, request.virtual, execution)
    guide = Guide.create(
        f"Exposure: {model.drug}",
        f"simulated with {model.name}",
        exposure_sections(
            model, table, exposure, course, target, virtual, request.virtual, request.overrides, request.seed
        ),
        values={},
        stamp=stamp_run(request.seed),
        bibliography=model.bibliography,
    )
    figures = directory.path / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    for _, block in walk_blocks(guide.sections):
        if isinstance(block, Figure):
            (figures / f"{block.key}.svg").write_text(block.svg, encoding="utf-8")
            write_csv(block.data, figures / f"{block.key}.csv")
    return write_html(guide, directory.path / "report.html"), write_pdf(guide, directory.path / "report.pdf")
