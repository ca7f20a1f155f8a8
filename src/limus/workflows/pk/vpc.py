"""``limus pk vpc``: is a model right for measured levels? Visual predictive check, npde, goodness of fit."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import InputError
from limus.kernel.execution import Execution
from limus.kernel.provenance import stamp_run
from limus.kernel.tables import Table, write_csv, write_parquet
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.population_check.distribution_errors import DistributionErrors, find_distribution_errors
from limus.pharmacokinetics.population_check.goodness_of_fit import GoodnessOfFit, fit_table, goodness_of_fit
from limus.pharmacokinetics.population_check.observed_levels import ObservedLevels, observed_levels
from limus.pharmacokinetics.population_check.simulated_levels import simulate_levels
from limus.pharmacokinetics.population_check.visual_check import PERCENTILES, VisualCheck, check_visually
from limus.pharmacokinetics.population_model.library import load_population_model
from limus.pharmacokinetics.population_model.record import PopulationModel, with_residual
from limus.report.content import Figure, Guide, walk_blocks
from limus.report.figures import Drawing, save
from limus.report.html import write_html
from limus.report.pdf import write_pdf
from limus.workflows.pk.check.report import check_sections
from limus.workflows.pk.check.rows import below_rows, percentile_rows
from limus.workflows.pk.events import EventsRequest, event_table, input_files
from limus.workflows.request import keep_result, open_run

__all__ = ["PkVpcRequest", "PkVpcResult", "run"]


class PkVpcRequest(EventsRequest):
    """A model with measured levels; limits of the model hold unless an override is named."""

    replicates: int = Field(default=1000, ge=20, le=100_000)
    along: str = Field(default="after_dose", description="after_dose, or time from each subject's start")
    bins: str = Field(default="auto", description="auto, each, count:K or edges:a,b,c in h")
    percentiles: tuple[float, ...] = PERCENTILES
    interval: float = Field(default=95.0, gt=0, lt=100, description="of the intervals over replicates, per cent")
    corrected: bool = Field(default=False, description="prediction-corrected levels")
    residual: str | None = Field(default=None, description="an alternative residual error of the model")
    seed: int = 1


@dataclass(frozen=True, eq=False)
class PkVpcResult:
    """What the checks found, and where the report stands."""

    model: PopulationModel
    table: EventTable
    seen: ObservedLevels
    visual: VisualCheck
    errors: DistributionErrors
    fit: GoodnessOfFit
    findings: tuple[Finding, ...]
    overrides: tuple[str, ...]
    seed: int
    report_html: Path | None = None
    report_pdf: Path | None = None

    def as_dict(self) -> dict[str, Any]:
        """Levels in ``unit``, times h, shares per cent."""
        visual, inside = self.visual, self.visual.inside
        known = np.isfinite(inside)
        return {
            "model": self.model.name,
            "drug": self.model.drug,
            "unit": self.model.units.DV,
            "seed": self.seed,
            "subjects": len(set(self.seen.subject.tolist())),
            "levels": len(self.seen),
            "below_limit": int(self.seen.censored.sum()),
            "vpc": {
                "along": visual.along,
                "bins": visual.bins.rule,
                "corrected": visual.corrected,
                "replicates": visual.replicates,
                "interval_percent": visual.interval_percent,
                "levels_used": int(visual.used.sum()),
                "rows": percentile_rows(visual),
                "below": below_rows(visual),
                "percentiles_inside": int(np.nansum(inside)),
                "percentiles_known": int(known.sum()),
            },
            "npde": asdict(self.errors.tests) | {"left_out": int(self.errors.left_out.sum())},
            "residuals": {name: _summary(getattr(self.fit, name)) for name in ("weighted", "weighted_simulated")},
            "overrides": list(self.overrides),
            "findings": [finding.as_dict() for finding in self.findings],
            "report_html": None if self.report_html is None else str(self.report_html),
            "report_pdf": None if self.report_pdf is None else str(self.report_pdf),
            "notice": "Research use only; not for diagnosis, treatment or dosing.",
        }


def _summary(values: Any) -> dict[str, Any]:
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return {"n": len(known), "mean": float("nan"), "standard_deviation": float("nan"), "status": "too few levels"}
    return {
        "n": len(known),
        "mean": float(known.mean()),
        "standard_deviation": float(known.std(ddof=1)),
        "status": "ok",
    }


def run(request: PkVpcRequest, *, out: Path | None = None, execution: Execution | None = None) -> PkVpcResult:
    """Check a model against measured levels; with a folder, write tables, figures and report.

    Parameters
    ----------
    request : PkVpcRequest
    out : Path, optional
        Run directory for ``results/``, ``figures/``, ``report.html``, ``report.pdf`` and ``result.json``.
    execution : Execution, optional
        How to run; its seed draws the replicates.

    Returns
    -------
    PkVpcResult

    Raises
    ------
    UnknownNameError
        No such model or residual error.
    EventTableError, FileReadError, UnitError
        The event table is wrong.
    InputError
        A covariate is missing or wrong, or the table has no levels.
    RefusedError
        A covariate outside the model's limits that is not overridden.
    ValueRangeError
        Bins, percentiles or replicates that cannot be.
    OutputError
        The folder cannot be written, or holds something else.
    """
    execution = execution or Execution(seed=request.seed, workers=1)
    if not request.events:
        raise InputError("limus pk vpc", "no --events", "an event table with measured levels", "name one")
    model = load_population_model(request.model)
    if request.residual is not None:
        model = with_residual(model, request.residual)
    table = event_table(request, model)
    seen = observed_levels(table)
    simulated = simulate_levels(model, table, seen, request.replicates, execution=execution)
    visual = check_visually(
        seen,
        simulated,
        along=request.along,
        rule=request.bins,
        percentiles=request.percentiles,
        interval_percent=request.interval,
        corrected=request.corrected,
    )
    errors = find_distribution_errors(seen, simulated, on_logarithm=model.residual.on_logarithm, execution=execution)
    fit = goodness_of_fit(model, table, seen, simulated)
    result = PkVpcResult(
        model,
        table,
        seen,
        visual,
        errors,
        fit,
        (*table.findings, *_left_out(table, seen, errors)),
        request.overrides,
        request.seed,
    )
    if out is not None:
        result = _write(request, result, out, execution)
        keep_result(result, out, "pk_vpc", request, execution)
    return result


def _left_out(table: EventTable, seen: ObservedLevels, errors: DistributionErrors) -> list[Finding]:
    """Levels that no check can use."""
    undosed = int(np.isnan(seen.after_dose_h).sum())
    rest = int(errors.left_out.sum()) - undosed
    findings = []
    if undosed:
        where, do = f"{table.source}, DV", "left out of every check"
        findings.append(
            Finding("levels-before-dose", Severity.WARNING, where, f"{undosed} levels before any dose", do=do)
        )
    if rest > 0:
        got = f"{rest} levels that the model gives no variability of their own, or none at all"
        findings.append(Finding("npde-left-out", Severity.WARNING, f"{table.source}, DV", got, do="left out of npde"))
    return findings


def _write(request: PkVpcRequest, result: PkVpcResult, out: Path, execution: Execution) -> PkVpcResult:
    directory = open_run(out, "pk_vpc", request.as_dict(), execution, input_files(request, result.model))
    folder = directory.path / "results"
    levels = fit_table(
        result.seen,
        result.fit,
        {
            "bin": (result.visual.bins.place + 1).astype(np.float64),
            "vpc_level": result.visual.points,
            "npde": result.errors.npde,
        },
    )
    write_parquet(levels, folder / "levels.parquet")
    write_csv(levels, folder / "levels.csv")
    write_csv(Table.from_rows(percentile_rows(result.visual)), folder / "vpc.csv")
    guide = Guide.create(
        f"Model check: {result.model.drug}",
        f"{result.model.name.replace('_', ' ')} against measured levels",
        check_sections(
            result.model,
            result.table,
            result.seen,
            result.visual,
            result.errors,
            levels,
            result.findings,
            result.overrides,
            result.seed,
        ),
        values={},
        stamp=stamp_run(request.seed),
        bibliography=result.model.bibliography,
    )
    for _, block in walk_blocks(guide.sections):
        if isinstance(block, Figure):
            save(Drawing(block.svg, block.alt, block.data), directory.path / "figures", block.key)
    html, pdf = write_html(guide, directory.path / "report.html"), write_pdf(guide, directory.path / "report.pdf")
    return PkVpcResult(
        result.model,
        result.table,
        result.seen,
        result.visual,
        result.errors,
        result.fit,
        result.findings,
        result.overrides,
        result.seed,
        html,
        pdf,
    )
