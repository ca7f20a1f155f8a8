"""``limus assay curve``: dose-response curves from a CSV file to IC50s with intervals, statuses, figures, report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from limus.kernel.errors import InputError, UnknownNameError, ValueRangeError
from limus.kernel.execution import Execution
from limus.kernel.provenance import stamp_run
from limus.kernel.tables import Table, write_csv, write_parquet
from limus.report.content import Figure, walk_blocks
from limus.report.html import write_html
from limus.report.pdf import write_pdf
from limus.workflows.assay.curve_report.analysis import Analysis, Plan, analyse
from limus.workflows.assay.curve_report.page import build_page
from limus.workflows.request import Request, open_run

__all__ = ["AssayCurveRequest", "AssayCurveResult", "run"]


class AssayCurveRequest(Request):
    """A file of curves and how to fit them."""

    file: Path
    model: str = Field(default="ll4", description="a model's name, several by commas, or auto")
    weights: str = Field(default="none", description="none, 1/y, 1/y2, power, weight, n or se")
    robust: str = "none"
    top: float | None = Field(default=None, description="response of the control without drug")
    bottom: float | None = Field(default=None, description="response at full effect")
    fix: tuple[str, ...] = Field(default=(), description="name=value")
    bound: tuple[str, ...] = Field(default=(), description="name=low:high")
    shared: tuple[str, ...] = Field(default=(), description="parameters in common to all curves")
    reference: str | None = Field(default=None, description="curve that others are compared with")
    interval: Literal["wald", "wald-linear", "profile"] = "wald"
    level: float = Field(default=95.0, gt=0, lt=100, description="confidence level, percent")
    ed: tuple[float, ...] = Field(default=(), description="percent of the effect")
    at: tuple[float, ...] = Field(default=(), description="responses to find the dose of")
    outliers: Literal["report", "exclude", "off"] = "report"
    extrapolate: float = Field(default=1.0, ge=1, description="fold outside the tested doses that counts as a number")
    starts: int = Field(default=3, ge=1, le=50)
    decimal: Literal["point", "comma"] = "point"
    unit: str = Field(default="", description="of the doses, where the file has no column for it")
    column: tuple[str, ...] = Field(default=(), description="name=header")
    seed: int = 1


@dataclass(frozen=True, eq=False)
class AssayCurveResult:
    """The analysis and where its report stands."""

    analysis: Analysis
    report_html: Path | None
    report_pdf: Path | None
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says."""
        return {
            **self.analysis.as_dict(),
            "report_html": None if self.report_html is None else str(self.report_html),
            "report_pdf": None if self.report_pdf is None else str(self.report_pdf),
            "seed": self.seed,
        }


def plan_of(request: AssayCurveRequest) -> Plan:
    """Read the options of a request.

    Parameters
    ----------
    request : AssayCurveRequest

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        An option that is not ``name=value`` or ``name=low:high``, or options that exclude each other.
    """
    if (request.top is None) != (request.bottom is None):
        raise InputError("--top and --bottom", "one of them", "both or neither", "give the other one too")
    if request.top is not None and request.top == request.bottom:
        raise ValueRangeError("--top and --bottom", f"both {request.top:g}", "two values", "correct one")
    models = tuple(part.strip() for part in request.model.split(",") if part.strip())
    if (request.shared or request.reference) and (len(models) != 1 or models == ("auto",)):
        raise InputError("--model with --shared or --reference", request.model, "one model", "name one")
    bounds = {}
    for name, text in _pairs(request.bound, "--bound").items():
        low, colon, high = text.partition(":")
        if not colon:
            raise InputError("--bound", f"{name}={text}", "name=low:high", "write both ends, inf for none")
        bounds[name] = (_float(low, "--bound"), _float(high, "--bound"))
    return Plan(
        models=models,
        weights=request.weights.strip().casefold(),
        robust=request.robust,
        controls=None if request.top is None or request.bottom is None else (request.top, request.bottom),
        fixed={name: _float(text, "--fix") for name, text in _pairs(request.fix, "--fix").items()},
        bounds=bounds,
        shared=request.shared,
        reference=request.reference,
        interval=request.interval,
        level=request.level / 100,
        effects=request.ed,
        responses=request.at,
        outliers=request.outliers,
        extrapolate=request.extrapolate,
        starts=request.starts,
        decimal=request.decimal,
        unit=request.unit,
        columns=_pairs(request.column, "--column"),
    )


def _pairs(texts: tuple[str, ...], option: str) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise InputError(option, text, "name=value", "write the name, an equals sign and the value")
        if name.strip() in pairs:
            raise InputError(option, text, "each name once", "leave one out")
        pairs[name.strip()] = value.strip()
    return pairs


def _float(text: str, option: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(option, text, "a number", "write a plain number") from None


def run(request: AssayCurveRequest, *, out: Path | None = None, execution: Execution | None = None) -> AssayCurveResult:
    """Fit dose-response curves.

    Parameters
    ----------
    request : AssayCurveRequest
    out : Path, optional
        Run directory: ``results/*.parquet`` and ``*.csv``, figures, ``report.html`` and ``report.pdf``.
    execution : Execution, optional
        How to run.

    Returns
    -------
    AssayCurveResult

    Raises
    ------
    FileReadError
        The file cannot be read, lacks a column, or its numbers have decimal commas.
    UnknownNameError
        Unknown model, weighting, loss, parameter, column or reference curve.
    InputError
        Options that make no sense, or exclude each other.
    RefusedError
        What a robust or censored fit cannot give was asked for.
    OutputError
        The folder cannot be written, or holds something else.
    """
    execution = execution or Execution(seed=request.seed)
    plan = plan_of(request)
    if plan.weights not in {"none", "1/y", "1/y2", "power", "weight", "n", "se"}:
        allowed = "none, 1/y, 1/y2, power, weight, n, se"
        raise UnknownNameError("--weights", request.weights, allowed, "use one of these")
    if out is None:
        return AssayCurveResult(analyse(request.file, plan, execution), None, None, request.seed)
    inputs = [request.file] if request.file.is_file() else []
    analysis = analyse(request.file, plan, execution)
    directory = open_run(out, "assay_curve", request.as_dict(), execution, inputs)
    path = directory.path
    tables = analysis.tables()
    for name, table in tables.items():
        if len(table):
            write_parquet(table, path / "results" / f"{name}.parquet")
            write_csv(table, path / "results" / f"{name}.csv")
    guide = build_page(analysis, plan, stamp_run(request.seed, inputs))
    for _, block in walk_blocks(guide.sections):
        if isinstance(block, Figure):
            _write_figure(block, path / "figures")
    return AssayCurveResult(
        analysis, write_html(guide, path / "report.html"), write_pdf(guide, path / "report.pdf"), request.seed
    )


def _write_figure(figure: Figure, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{figure.key}.svg").write_text(figure.svg, encoding="utf-8")
    data: Table = figure.data
    write_csv(data, folder / f"{figure.key}.csv")
