"""Blocks that the pages of drug monitoring share: banner, what the estimate rests on, warnings, writing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from limus.kernel.checks import Finding, Severity
from limus.kernel.execution import Execution
from limus.kernel.provenance import Directness, stamp_run
from limus.kernel.tables import Table as TidyTable
from limus.kernel.tables import write_csv, write_parquet
from limus.patient.residual_choice import describe_residual
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.report.content import (
    Block,
    BulletList,
    Cell,
    ColumnHead,
    Figure,
    Guide,
    Notice,
    Row,
    Section,
    Table,
    number_cell,
    text_cell,
    walk_blocks,
)
from limus.report.html import write_html
from limus.report.markup import escape_markup
from limus.report.numbers import format_number
from limus.report.pdf import write_pdf
from limus.workflows.cells import key_of
from limus.workflows.request import open_run
from limus.workflows.tdm.case import Case
from limus.workflows.tdm.input import MonitoringRequest, Source

__all__ = [
    "banner",
    "effects_table",
    "models_table",
    "named",
    "plain",
    "save_page",
    "share",
    "simulated",
    "warnings_list",
]

_MOST_WARNINGS = 12


def plain(name: str) -> str:
    """Write a name of a model or effect for markup."""
    return escape_markup(name.replace("_", " "))


def cited(model: PopulationModel) -> list[str]:
    """The key of a model's paper, where a bibliography has it."""
    return [model.paper] if model.paper in model.bibliography else []


def named(model: PopulationModel) -> str:
    """A model's name with its paper, for markup."""
    return f"**{plain(model.name)}**" + "".join(f" [@{key}]" for key in cited(model))


def simulated(
    value: float, unit: str, model: str, *, interval: tuple[float, float] | None = None, significant: int = 3
) -> Cell:
    """A number that a model gave; words where there is none."""
    if not np.isfinite(value):
        return text_cell("none")
    known = interval if interval is not None and np.isfinite(interval).all() else None
    return number_cell(value, unit, Directness.SIMULATED, interval=known, note=model, significant=significant)


def share(value: float, model: str) -> Cell:
    """A probability in per cent, without more digits than draws can tell."""
    if not np.isfinite(value):
        return text_cell("none")
    shown = "<1" if 0.0 < value < 1.0 else ">99" if 99.0 < value < 100.0 else f"{value:.0f}"
    return number_cell(value, "%", Directness.SIMULATED, note=model, text=shown)


def banner(overrides: Sequence[str]) -> list[Block]:
    """The notice of research use, and the limits that were overridden."""
    blocks: list[Block] = [Notice("research-use", "No dose may be chosen, changed or given to anybody by this page.")]
    if overrides:
        named = ", ".join(escape_markup(name) for name in overrides)
        blocks.append(Notice("warning", f"**Outside the models' limits**, used all the same by override of: {named}."))
    return blocks


def models_table(case: Case) -> Table:
    """Each model with its weight, error and what its estimate came to."""
    heads = (
        ColumnHead("weight", "Weight", "%"),
        ColumnHead("marginal", "Log marginal likelihood"),
        ColumnHead("draws", "Effective draws"),
        ColumnHead("error", "Residual error"),
        ColumnHead("status", "Estimate"),
    )
    rows = []
    for estimate, weight in zip(case.estimates, case.weights, strict=True):
        draws = estimate.draws
        assert draws is not None
        name = estimate.model.name
        words = f"{draws.effective[0]:.0f} of {draws.drawn[0]}"
        rows.append(
            Row(
                key_of(name),
                f"{name.replace('_', ' ')}",
                (
                    number_cell(100.0 * weight, "%", Directness.INFERRED, source=cited(estimate.model), note=name),
                    number_cell(
                        float(draws.log_marginal[0]), "", Directness.INFERRED, note="importance sampling", significant=4
                    ),
                    text_cell(words),
                    text_cell(describe_residual(estimate.model)),
                    text_cell(estimate.modes.status[0]),
                ),
            )
        )
    note = (
        "The weight follows from the marginal likelihood of this patient's own levels, models being equal beforehand; "
        "without levels all weigh the same."
    )
    return Table("models", "Models", heads, tuple(rows), note=note, stub="Model")


def effects_table(case: Case) -> Table:
    """What each effect's estimate rests on: the levels or the prior; a second mode where one was found."""
    several = any(np.isfinite(estimate.modes.second_objective[0]) for estimate in case.estimates)
    heads = (
        ColumnHead("effect", "Estimate"),
        ColumnHead("factor", "Parameter, times typical"),
        ColumnHead("sd", "Standard deviation"),
        ColumnHead("prior", "In the population"),
        ColumnHead("left", "Left to the prior", "%"),
        *([ColumnHead("second", "At the second mode")] if several else []),
    )
    rows = []
    for estimate in case.estimates:
        space = estimate.posterior.prediction.space
        sd = np.sqrt(np.diag(estimate.modes.covariance[0]))
        prior = np.sqrt(np.diag(space.covariance))
        left = estimate.shrinkage_percent[0]
        model = estimate.model.name
        second = np.isfinite(estimate.modes.second_objective[0])
        for k, name in enumerate(space.names[: len(space.subject)]):
            value = round(float(estimate.modes.effects[0, k]), 3)
            other = round(float(estimate.modes.second[0, k]), 3) if second else np.nan
            rows.append(
                Row(
                    key_of(f"{model}-{name}"),
                    f"{model.replace('_', ' ')}: {name.replace('_', ' ')}",
                    (
                        simulated(value, "", model),
                        simulated(float(np.exp(value)), "", model),
                        simulated(float(sd[k]), "", model),
                        simulated(float(prior[k]), "", model),
                        simulated(float(left[k]), "%", model),
                        *([simulated(other, "", model)] if several else []),
                    ),
                )
            )
    note = (
        "Effects between subjects at the mode of the posterior, with Laplace's standard deviation. Left to the prior: "
        "the share of the population's variance that the levels have left: near 100 % the number is the population's, "
        "not the patient's. The factor holds where the model says exp(effect), as the shipped models do."
    )
    return Table("effects", "What the estimate rests on", heads, tuple(rows), note=note, stub="Effect")


def warnings_list(findings: Iterable[Finding]) -> Block:
    """Findings that a reader must see, each kind once."""
    kinds: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.severity is not Severity.NOTE:
            kinds.setdefault(finding.check, []).append(finding)
    items = []
    for check, found in list(kinds.items())[:_MOST_WARNINGS]:
        first = found[0]
        text = f"**{escape_markup(check.replace('-', ' '))}:** {escape_markup(first.where)}: {escape_markup(first.got)}"
        text += f". {escape_markup(first.do)}" if first.do else ""
        items.append(text + (f" (and {len(found) - 1} more of the kind)" if len(found) > 1 else ""))
    if len(kinds) > _MOST_WARNINGS:
        items.append(f"{len(kinds) - _MOST_WARNINGS} more kinds stand in result.json.")
    return BulletList(tuple(items) or ("Nothing was found that calls for a warning.",))


def save_page(
    request: MonitoringRequest,
    command: str,
    sources: Sequence[Source],
    title: str,
    sections: Sequence[Section],
    tables: Mapping[str, Mapping[str, Sequence[Any]]],
    out: Path,
    execution: Execution,
) -> tuple[Path, Path]:
    """Write result tables, figures and the page of a run.

    Parameters
    ----------
    request : MonitoringRequest
    command : str
        Name of the workflow.
    sources : sequence of Source
        Their model files are stamped.
    title : str
    sections : sequence of Section
    tables : mapping of str to mapping
        Result tables by file name, as columns.
    out : Path
    execution : Execution

    Returns
    -------
    tuple of (Path, Path)
        HTML and PDF.

    Raises
    ------
    OutputError
        The folder cannot be written, or holds something else.
    """
    models = [source.model for source in sources]
    inputs = [Path(path) for path in request.files]
    inputs += [path for model in models for path in (model.path, model.path.with_suffix(".ant"))]
    directory = open_run(out, command, request.as_dict(), execution, inputs)
    results = directory.path / "results"
    results.mkdir(parents=True, exist_ok=True)
    for name, columns in tables.items():
        table = TidyTable.create(columns)
        write_parquet(table, results / f"{name}.parquet")
        write_csv(table, results / f"{name}.csv")
    bibliography = {key: entry for model in models for key, entry in model.bibliography.items()}
    hashes = ", ".join(f"{model.name} {model.content_hash[:12]}" for model in models)
    guide = Guide.create(
        title,
        f"models {hashes}",
        sections,
        values={},
        stamp=stamp_run(request.seed),
        bibliography=bibliography,
    )
    figures = directory.path / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    for _, block in walk_blocks(guide.sections):
        if isinstance(block, Figure):
            (figures / f"{block.key}.svg").write_text(block.svg, encoding="utf-8")
            write_csv(block.data, figures / f"{block.key}.csv")
    return write_html(guide, directory.path / "report.html"), write_pdf(guide, directory.path / "report.pdf")


def in_days(time_h: float) -> str:
    """A time in days, or in hours in the first days, for a label."""
    if time_h < 72.0:
        return f"{format_number(time_h, 4)} h"
    return f"day {format_number(time_h / 24.0, 4)}"
