"""The page of operating characteristics, in the order of ADEMP: aims, data, estimands, methods, performance.

Every number that comes from replicates stands with its Monte Carlo standard error, and replicates without a result are
counted (Morris, White and Crowther 2019, Stat Med 38:2074).
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from limus.kernel.errors import FileReadError
from limus.kernel.provenance import Directness, stamp_run
from limus.kernel.tables import Table as TidyTable
from limus.report.content import (
    Block,
    BulletList,
    Cell,
    ColumnHead,
    Figure,
    Guide,
    Notice,
    Paragraph,
    Row,
    Section,
    Table,
    number_cell,
    text_cell,
    walk_blocks,
)
from limus.report.figures import Drawing, save
from limus.report.figures.trial_power import draw_operating_characteristics
from limus.report.html import write_html
from limus.report.markup import escape_markup
from limus.report.numbers import format_number
from limus.report.pdf import write_pdf
from limus.trial.design.design import Design, Hypothesis
from limus.workflows.cells import figure, key_of

__all__ = ["read_power_run", "write_power_page"]

_DASH = "\N{EN DASH}"
_EFFECTS = "Effects as fractions, as logarithms of hazard ratios, or in the unit of the value."


def read_power_run(folder: Path) -> dict[str, Any] | None:
    """Return the result of ``limus trial power`` in a run directory; None where the folder is no such directory.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    dict or None

    Raises
    ------
    FileReadError
        The run has not finished.
    """
    try:
        run = tomllib.loads((folder / "run.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if run.get("command") != "trial_power":
        return None
    try:
        content: dict[str, Any] = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        do = "start limus trial power again with the same --out; finished chunks are kept"
        raise FileReadError(str(folder), "no result.json", "a finished run", do) from None
    return content


def write_power_page(content: Mapping[str, Any], design: Design | None, folder: Path) -> tuple[Path, Path]:
    """Write ``figures/``, ``report.html`` and ``report.pdf`` for a result of ``limus trial power``.

    Parameters
    ----------
    content : mapping
        The result as JSON holds it.
    design : Design or None
        For the estimands in words.
    folder : Path

    Returns
    -------
    tuple of (Path, Path)
        HTML and PDF.

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    sections = [
        Section("aims", "Aims", tuple(_aims(content))),
        Section("mechanisms", "Data-generating mechanism", tuple(_mechanism(content))),
        Section("the-estimands", "Estimands and methods", tuple(_methods(content, design))),
        Section("performance", "Performance", tuple(_performance(content))),
        Section("arms", "What the arms show", (_arms(content),)),
    ]
    guide = Guide.create(
        f"Operating characteristics: {design.title if design else content['design']}",
        f"{content['replicates']} simulated trials of {content['subjects']} subjects, scenario {content['scenario']}, "
        f"seed {content['seed']}",
        sections,
        values={},
        stamp=stamp_run(int(content["seed"])),
        bibliography={},
    )
    for _, block in walk_blocks(guide.sections):
        if isinstance(block, Figure):
            save(Drawing(block.svg, block.alt, block.data), folder / "figures", block.key)
    return write_html(guide, folder / "report.html"), write_pdf(guide, folder / "report.pdf")


def _shown(content: Mapping[str, Any]) -> str:
    return "Type I error" if content["truth"] == "null" else "Power"


def _power(one: Mapping[str, Any]) -> Any:
    """Share that shows the hypothesis; none where there is none to show."""
    return None if one["hypothesis"] == Hypothesis.DESCRIPTIVE else one["power"]


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _words(value: Any, error: Any, scale: float = 1.0) -> str:
    """A number with its Monte Carlo standard error in brackets."""
    number, spread = scale * _number(value), scale * _number(error)
    if not math.isfinite(number):
        return _DASH
    return f"{format_number(number)} ({format_number(spread, 2)})" if math.isfinite(spread) else format_number(number)


def _aims(content: Mapping[str, Any]) -> list[Block]:
    said = "how often the design would show what it sets out to show, if the scenario were true"
    if content["truth"] == "null":
        said = "how often the design would show its primary hypothesis although the true difference is the margin"
    main = f"{_words(content['power'], content['mcse'], 100.0)} %"
    return [
        Notice("warning", "**No patient took part.** Every number is simulated and shows what a scenario implies."),
        Paragraph(f"To find {said}. {_shown(content)} of {escape_markup(str(content['analysis']))}: **{main}**; in "
                  "brackets, here and below, the Monte Carlo standard error."),
    ]  # fmt: skip


def _mechanism(content: Mapping[str, Any]) -> list[Block]:
    title = escape_markup(str(content.get("scenario_title") or content["scenario"]))
    items = [
        f"Scenario {escape_markup(str(content['scenario']))}: {title}.",
        f"{content['replicates']} replicates of {content['subjects']} subjects, seed {content['seed']}; each replicate "
        "has a generator of its own, so the numbers do not depend on workers or chunks.",
    ]
    for event, values in (content.get("arm_factors") or {}).items():
        factors = ", ".join(format_number(float(value)) for value in values)
        items.append(f"Hazard of {escape_markup(str(event))} multiplied by arm: {factors}.")
    return [BulletList(tuple(items))]


def _methods(content: Mapping[str, Any], design: Design | None) -> list[Block]:
    heads = (
        ColumnHead("estimand", "Estimand"),
        ColumnHead("method", "Method"),
        ColumnHead("hypothesis", "Hypothesis"),
        ColumnHead("truth", "True effect"),
    )
    rows = []
    for one in content["analyses"]:
        margin = "" if one["margin"] is None else f", margin {one['margin']:g}"
        truth = _number(one["truth"])
        cells = (
            text_cell(str(one["estimand"])),
            text_cell(str(one["method"])),
            text_cell(f"{one['hypothesis']}{margin}, {one['test_arm']} against {one['reference_arm']}"),
            _simulated(truth, content) if math.isfinite(truth) else text_cell("no closed form"),
        )
        rows.append(Row(key_of(str(one["analysis"])), str(one["analysis"]), cells))
    blocks: list[Block] = [Table("methods", "Analyses", heads, tuple(rows), note=_EFFECTS)]
    for one in content.get("findings") or ():
        if one["check"] == "analysis":  # refused, and so in no table
            where = escape_markup(str(one["where"])).capitalize()
            said = f"**{where} is refused**: {escape_markup(str(one['got']))}; {escape_markup(str(one['do']))}."
            blocks.append(Notice("warning", said))
    if design is not None:
        items = [f"**{escape_markup(one.name)}**: {escape_markup(one.summary)}." for one in design.estimands]
        blocks.append(BulletList(tuple(items)))
    return blocks


def _simulated(value: float, content: Mapping[str, Any]) -> Cell:
    note = f"simulated: scenario {content['scenario']}, seed {content['seed']}"
    return number_cell(value, "", Directness.SIMULATED, note=note)


def _performance(content: Mapping[str, Any]) -> list[Block]:
    analyses = content["analyses"]
    data = TidyTable.from_rows(
        {
            "analysis": str(one["analysis"]),
            "shown_percent": 100.0 * _number(_power(one)),
            "shown_mcse": 100.0 * _number(one["mcse"]),
            "coverage_percent": 100.0 * _number(one["coverage_fraction"]),
            "coverage_mcse": 100.0 * _number(one["coverage_mcse"]),
            "level_percent": _number(one["coverage_level_percent"]),
        }
        for one in analyses
    )
    drawing = draw_operating_characteristics(data, shown=_shown(content))
    caption = (
        f"Share of {content['replicates']} replicates, bars 1.96 Monte Carlo standard errors; dashed: the level that "
        f"the interval claims. Scenario {escape_markup(str(content['scenario']))}, seed {content['seed']}."
    )
    heads = (
        ColumnHead("shown", f"{_shown(content)}", "%"),
        ColumnHead("bias", "Bias"),
        ColumnHead("empirical", "Empirical SE; model SE"),
        ColumnHead("coverage", "Coverage", "%"),
        ColumnHead("failed", "No result; not stratified; a stratum left out"),
    )
    rows = []
    for one in analyses:
        cells = (
            _words(_power(one), one["mcse"], 100.0),
            _words(one["bias"], one["bias_mcse"]),
            f"{_words(one['empirical_se'], one['empirical_se_mcse'])}; {_words(one['model_se'], None)}",
            _words(one["coverage_fraction"], one["coverage_mcse"], 100.0),
            f"{one['not_converged']}; {one['unstratified']}; {one.get('strata_left_out', 0)}",
        )
        rows.append(Row(key_of(str(one["analysis"])), str(one["analysis"]), tuple(text_cell(cell) for cell in cells)))
    note = (
        "In brackets the Monte Carlo standard error. Replicates without a result count as not showing the hypothesis; "
        "those that could not be stratified were analysed without strata, and strata that lacked an arm were left out "
        "of the comparison. Each replicate is analysed as `limus trial report` would analyse its data sets."
    )
    table = Table("characteristics", "Performance measures", heads, tuple(rows), note=note, stub="Analysis")
    return [figure("power", f"{_shown(content)} and coverage", drawing, caption), table]


def _arms(content: Mapping[str, Any]) -> Table:
    arms = list(dict.fromkeys(str(one["arm"]) for one in content["endpoints"]))
    by_quantity: dict[str, dict[str, str]] = {}
    for one in content["endpoints"]:
        unit = f" ({one['unit']})" if one["unit"] else ""
        line = by_quantity.setdefault(f"{one['quantity']}{unit}", {})
        line[str(one["arm"])] = _words(one["mean"], one["mcse"])
    heads = tuple(ColumnHead(key_of(arm), arm) for arm in arms)
    rows = tuple(
        Row(f"quantity-{number}", name, tuple(text_cell(line.get(arm, _DASH)) for arm in arms))
        for number, (name, line) in enumerate(by_quantity.items(), start=1)
    )
    note = "Mean over replicates, in brackets its Monte Carlo standard error."
    return Table("by-arm", "Means over replicates by arm", heads, rows, note=note, stub="Quantity")
