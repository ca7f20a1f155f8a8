"""Who took part: the flow as CONSORT 2025 asks for it, and the baseline table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from limus.kernel.tables import Table as TidyTable
from limus.report.content import Block, Cell, ColumnHead, Row, Section, Table, text_cell
from limus.report.figures.trial_flow import draw_trial_flow
from limus.report.markup import escape_markup
from limus.report.numbers import format_number
from limus.trial.analysis.baseline import BaselineNumber, BaselineRow, BaselineShare
from limus.trial.analysis.flow import ArmFlow, TrialFlow
from limus.workflows.cells import figure, key_of
from limus.workflows.trial.analysis.outcome import TrialOutcome
from limus.workflows.trial.analysis.words import count_share, spread

__all__ = ["flow_table", "participants_section"]

_DASH = "\N{EN DASH}"
_POPULATIONS = {"ITTFL": "as randomised", "SAFFL": "as treated", "PPROTFL": "per protocol"}


def participants_section(outcome: TrialOutcome) -> Section:
    """Draw the flow and describe who took part.

    Parameters
    ----------
    outcome : TrialOutcome

    Returns
    -------
    Section
    """
    flow = outcome.analysis.flow
    drawing = draw_trial_flow(flow_table(flow))
    caption = f"Counted from the data sets ({escape_markup(outcome.origin.words)})."
    if not flow.screened:
        caption += " The data hold randomised subjects only, so screening is not shown."
    blocks: list[Block] = [figure("flow", "Flow of participants", drawing, caption)]
    table = _baseline(outcome)
    if table is not None:
        blocks.append(table)
    return Section("who", "Participants", tuple(blocks))


def flow_table(flow: TrialFlow) -> TidyTable:
    """Lay the flow out as :func:`limus.report.figures.trial_flow.draw_trial_flow` wants it.

    Parameters
    ----------
    flow : TrialFlow

    Returns
    -------
    Table
    """
    rows: list[dict[str, Any]] = []
    if flow.screened:
        rows.append(_line("enrolment", "", "Assessed for eligibility", flow.screened, 0))
        excluded = flow.screened - flow.randomised
        rows.append(_line("excluded", "", "Excluded", excluded, 0))
        rows += _reasons("excluded", "", flow.excluded, 1)
    rows.append(_line("randomised", "", "Randomised", flow.randomised, 0))
    for arm in flow.arms:
        rows += _arm(arm, _POPULATIONS.get(flow.population, flow.population))
    return TidyTable.from_rows(rows)


def _arm(arm: ArmFlow, population: str) -> list[dict[str, Any]]:
    rows = [_line("allocation", arm.arm, f"Allocated to {arm.arm}: {arm.label}", arm.allocated, 0)]
    rows.append(_line("allocation", arm.arm, "Received what was allocated", arm.received, 1))
    if arm.other_treatment:
        rows.append(_line("allocation", arm.arm, "Received another treatment", arm.other_treatment, 1))
    if arm.untreated:
        rows.append(_line("allocation", arm.arm, "Not treated", arm.untreated, 1))
    rows.append(_line("follow-up", arm.arm, "Left before the end", sum(n for _, n in arm.left), 0))
    rows += _reasons("follow-up", arm.arm, arm.left, 1)
    stopped = sum(n for _, n in arm.discontinued)
    rows.append(_line("follow-up", arm.arm, "Discontinued treatment, followed on", stopped, 0))
    rows += _reasons("follow-up", arm.arm, arm.discontinued, 1)
    if arm.ongoing:
        rows.append(_line("follow-up", arm.arm, "Still followed", arm.ongoing, 1))
    rows.append(_line("analysis", arm.arm, f"In the primary analysis, {population}", arm.analysed, 0))
    rows.append(_line("analysis", arm.arm, "Not analysed", arm.not_analysed, 1))
    return rows


def _line(stage: str, arm: str, text: str, n: int, level: int) -> dict[str, Any]:
    return {"stage": stage, "arm": arm, "text": text, "n": float(n), "level": float(level)}


def _reasons(stage: str, arm: str, reasons: Sequence[tuple[str, int]], level: int) -> list[dict[str, Any]]:
    return [_line(stage, arm, _plain(reason), n, level) for reason, n in reasons]


def _plain(reason: str) -> str:
    """``SCREEN FAILURE: 18 to 65 years`` for people."""
    words = reason.removeprefix("SCREEN FAILURE: ")
    if words != reason:
        return f"Did not meet: {words}"
    return words.capitalize() if words.isupper() else words


def _baseline(outcome: TrialOutcome) -> Table | None:
    analysis = outcome.analysis
    if not analysis.baseline:
        return None
    sizes = {arm.arm: arm.allocated for arm in analysis.flow.arms}
    heads = [ColumnHead(key_of(code), f"{code} (n = {n})") for code, n in sizes.items()]
    heads.append(ColumnHead("difference", "Standardised difference"))
    rows = []
    for number, one in enumerate(analysis.baseline, start=1):
        label = f"{one.label}: {_level(one)}" if one.level else one.label
        cells = [_arm_cell(arm) for arm in one.arms]
        cells.append(_difference(one))
        rows.append(Row(f"baseline-{number}", label, tuple(cells)))
    note = (
        "Numbers: mean (standard deviation), median with quartiles; categories: count (per cent). Standardised "
        "difference: of means or shares over their standard deviation, the largest of all pairs of arms; differences "
        f"after randomisation are chance, so they are not tested. {escape_markup(outcome.origin.sentence)}"
    )
    return Table("baseline", "Baseline characteristics", tuple(heads), tuple(rows), note=note, stub="Characteristic")


def _level(one: BaselineRow) -> str:
    """Terms of race are names: ``BLACK OR AFRICAN AMERICAN`` is Black or African American."""
    return one.level.title().replace(" Or ", " or ") if one.variable == "RACE" else one.level.capitalize()


def _arm_cell(arm: BaselineNumber | BaselineShare) -> Cell:
    missing = f"; {arm.missing} missing" if arm.missing else ""
    if isinstance(arm, BaselineShare):
        return text_cell(f"{count_share(arm.count, arm.n)}{missing}")
    if not arm.n:
        return text_cell("none known")
    quartiles = f"{format_number(arm.low_quartile)} to {format_number(arm.high_quartile)}"
    return text_cell(f"{spread(arm.mean, arm.sd)}; {format_number(arm.median)} ({quartiles}){missing}")


def _difference(one: BaselineRow) -> Cell:
    return text_cell(f"{one.difference:.2f}" if math.isfinite(one.difference) else _DASH)
