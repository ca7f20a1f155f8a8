"""Safety: infections and diabetes over time, adverse events, laboratory values."""

from __future__ import annotations

import math
from collections.abc import Mapping

from limus.report.content import Block, Cell, ColumnHead, Paragraph, Row, Section, Table, text_cell
from limus.report.figures.drug_styles import DrugStyle
from limus.report.markup import escape_markup
from limus.trial.analysis.safety import SafetyRow
from limus.workflows.cells import key_of
from limus.workflows.trial.analysis.efficacy import EFFICACY, event_blocks
from limus.workflows.trial.analysis.exposure import KIDNEY, laboratory_figure, laboratory_table
from limus.workflows.trial.analysis.outcome import TrialOutcome
from limus.workflows.trial.analysis.words import count_share, percent

__all__ = ["safety_section"]

_DASH = "\N{EN DASH}"
_DRAWN = ("CMV", "BKV", "NODAT", "TRTDISC")
_LIPIDS = ("CHOL", "LDL", "TRIG")


def safety_section(outcome: TrialOutcome, styles: Mapping[str, DrugStyle]) -> Section:
    """Describe infections, diabetes, discontinuation, adverse events and laboratory values.

    Parameters
    ----------
    outcome : TrialOutcome
    styles : mapping of str to DrugStyle

    Returns
    -------
    Section
    """
    known = {word.code for word in outcome.analysis.plan.words.events}
    chosen = [one for one in outcome.analysis.events if one.code in known and one.code not in EFFICACY]
    drawn = [one for one in chosen if one.code in _DRAWN]
    blocks: list[Block] = event_blocks(outcome, chosen, drawn, styles, "safety", "Infections, diabetes, disposition")
    table = _adverse_events(outcome)
    blocks.append(Paragraph("No adverse events are in the data.") if table is None else table)
    lipids = [one for one in outcome.analysis.laboratory if one.code in _LIPIDS]
    if lipids:
        blocks.append(laboratory_figure(outcome, lipids, styles, "lipids", "Lipids by visit"))
        for code in dict.fromkeys(one.code for one in lipids):
            rows = [one for one in lipids if one.code == code]
            blocks.append(laboratory_table(outcome, rows, f"laboratory-{key_of(code)}", f"{rows[0].label} by visit"))
    others = [one for one in outcome.analysis.laboratory if one.code not in (*KIDNEY, *_LIPIDS)]
    if others:
        blocks.append(laboratory_figure(outcome, others, styles, "other-values", "Other laboratory values by visit"))
    return Section("harms", "Safety", tuple(blocks))


def _adverse_events(outcome: TrialOutcome) -> Table | None:
    found, codes = outcome.analysis.safety, outcome.analysis.plan.codes
    if not found:
        return None
    heads = [ColumnHead(key_of(code), f"{code} (n = {n})") for code, n in zip(codes, found[0].sizes, strict=True)]
    two = len(codes) == 2
    if two:
        base = outcome.analysis.plan.reference
        other = next(code for code in codes if code != base)
        heads.append(ColumnHead("difference", f"{other} minus {base}", "points"))
    rows = []
    for number, one in enumerate(found, start=1):
        cells = [
            text_cell(f"{count_share(count, size)}; {records}")
            for count, size, records in zip(one.counts, one.sizes, one.records, strict=True)
        ]
        if two:
            cells.append(_difference(one))
        system = "" if one.group in ("overall", "") else f" ({one.group.capitalize()})"
        rows.append(Row(f"event-{number}", f"{one.label}{system}", tuple(cells)))
    note = (
        "Subjects with the event (per cent of those treated, as treated); number of events. Begun under treatment. "
        f"Differences with 95 % intervals by Miettinen and Nurminen, not adjusted for their number. "
        f"{escape_markup(outcome.origin.sentence)}"
    )
    return Table("adverse-events", "Adverse events", tuple(heads), tuple(rows), note=note, stub="Event")


def _difference(one: SafetyRow) -> Cell:
    if not math.isfinite(one.difference):
        return text_cell(_DASH)
    return text_cell(f"{percent(one.difference)} ({percent(one.low)} to {percent(one.high)})")
