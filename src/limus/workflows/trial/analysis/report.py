"""The report of a trial: sections in reading order, figures saved with their data, HTML and PDF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from limus.kernel.checks import Finding, Severity
from limus.kernel.provenance import load_bibliography, stamp_run
from limus.kernel.tables import library_folder
from limus.report.content import (
    Block,
    BulletList,
    ColumnHead,
    Figure,
    Guide,
    Paragraph,
    Row,
    Section,
    Table,
    text_cell,
    walk_blocks,
)
from limus.report.figures import Drawing, save
from limus.report.figures.trial_styles import arm_styles
from limus.report.html import write_html
from limus.report.markup import escape_markup
from limus.report.pdf import write_pdf
from limus.trial.datasets.spec import dataset_specs
from limus.workflows.trial.analysis.efficacy import efficacy_section
from limus.workflows.trial.analysis.exposure import kidney_section, troughs_section
from limus.workflows.trial.analysis.front import answers_section, question_section
from limus.workflows.trial.analysis.outcome import TrialOutcome
from limus.workflows.trial.analysis.participants import participants_section
from limus.workflows.trial.analysis.result_tables import write_results
from limus.workflows.trial.analysis.safety import safety_section

__all__ = ["write_report"]

_MOST_FINDINGS = 20


def write_report(outcome: TrialOutcome, folder: Path) -> tuple[Path, Path]:
    """Write ``results/``, ``figures/``, ``report.html`` and ``report.pdf`` into a run directory.

    Parameters
    ----------
    outcome : TrialOutcome
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
    plan = outcome.analysis.plan
    styles = arm_styles({arm.code: [window.compound for window in arm.windows] for arm in plan.arms})
    bibliography = load_bibliography(library_folder() / "references.bib")
    sections = [
        question_section(outcome, bibliography),
        answers_section(outcome),
        participants_section(outcome),
        efficacy_section(outcome, styles),
        kidney_section(outcome, styles),
        troughs_section(outcome),
        safety_section(outcome, styles),
        _data_section(outcome),
    ]
    guide = Guide.create(
        outcome.title,
        outcome.origin.sentence.rstrip("."),
        [section for section in sections if section is not None],
        values={},
        stamp=stamp_run(max(outcome.origin.seed, 0)),
        bibliography=bibliography,
    )
    for _, block in walk_blocks(guide.sections):
        if isinstance(block, Figure):
            save(Drawing(block.svg, block.alt, block.data), folder / "figures", block.key)
    write_results(outcome.analysis, folder / "results")
    return write_html(guide, folder / "report.html"), write_pdf(guide, folder / "report.pdf")


def _data_section(outcome: TrialOutcome) -> Section:
    blocks: list[Block] = [
        Paragraph(
            "The analysis read only these data sets. SDTM is what the trial collected; ADaM is derived from it and "
            "from nothing else."
        )
    ]
    rows = []
    for name, count in outcome.records.items():
        spec = dataset_specs().get(name)
        forms = ", ".join(outcome.files.get(name, {})) or "not written"
        cells = (spec.model if spec else "", spec.structure if spec else "", str(count), forms)
        label = f"{name}: {spec.label}" if spec else name
        rows.append(Row(name, label, tuple(text_cell(cell or "-") for cell in cells)))
    heads = (
        ColumnHead("model", "Model"),
        ColumnHead("structure", "Structure"),
        ColumnHead("records", "Records"),
        ColumnHead("files", "Written as"),
    )
    if rows:
        blocks.append(Table("data-sets", "Data sets", heads, tuple(rows), stub="Data set"))
    blocks += [Paragraph("What was noticed on the way:"), _findings(outcome.findings)]
    return Section("the-data", "Data sets and what was noticed", tuple(blocks))


def _findings(findings: Sequence[Finding]) -> BulletList:
    kinds: Mapping[tuple[str, str], Finding] = {
        (one.where, one.got): one for one in findings if one.severity is not Severity.NOTE
    }
    items = []
    for one in list(kinds.values())[:_MOST_FINDINGS]:
        done = f": {escape_markup(one.do)}" if one.do else ""
        items.append(f"**{escape_markup(one.where)}**: {escape_markup(one.got)}{done}.")
    if len(kinds) > _MOST_FINDINGS:
        items.append(f"{len(kinds) - _MOST_FINDINGS} more stand in result.json.")
    return BulletList(tuple(items) or ("Nothing that calls for a warning.",))
