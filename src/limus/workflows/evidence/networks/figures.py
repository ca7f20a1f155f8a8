"""The figures of a network's report: tables for the drawing functions, and what is written around them."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations
from typing import Any

from limus.evidence.measures import MEASURE_WORDS
from limus.kernel.tables import Table
from limus.report.figures.base import Drawing
from limus.report.figures.forest import ForestText, draw_forest, forest_limits
from limus.report.figures.heat_map import draw_heat_map
from limus.report.figures.network import draw_network
from limus.report.figures.rankogram import draw_rankogram
from limus.workflows.evidence.networks.analysis import Component, NetworkAnalysis
from limus.workflows.evidence.networks.as_json import league_rows, ranking_rows
from limus.workflows.evidence.pooling.figures import interval_words

__all__ = ["contribution_map", "forest", "network_plot", "ranks"]

_MOST_PANELS = 12
_MOST_LINES = 48
_MOST_EFFECTS = 28
_MOST_COMPARISONS = 60
_COLUMNS = ("kind", "label", "group_1", "group_2", "estimate", "lower", "upper", "text", "weight")
NAN = math.nan


def network_plot(analysis: NetworkAnalysis, component: Component) -> Drawing:
    """Draw treatments and direct comparisons.

    Parameters
    ----------
    analysis : NetworkAnalysis
    component : Component

    Returns
    -------
    Drawing
    """
    studies = component.fit.network.studies
    arms = Counter(name for study in studies for name in study.treatments)
    lines = Counter(frozenset(pair) for study in studies for pair in combinations(study.treatments, 2))
    known = all(not math.isnan(used.participants) for used in analysis.table.studies if used.status in _USED)
    rows: list[dict[str, Any]] = []
    names = component.fit.network.treatments
    for name in names:
        people = analysis.table.participants.get(name, NAN) if known else NAN
        rows.append(_place("node", name, "", arms[name], people))
    for first, second in combinations(names, 2):
        count = lines[frozenset((first, second))]
        if count:
            rows.append(_place("line", first, second, count, NAN))
    return draw_network(Table.from_rows(rows))


_USED = ("used", "corrected")


def _place(kind: str, label: str, other: str, studies: int, participants: float) -> dict[str, Any]:
    return {
        "kind": kind,
        "label": label,
        "other": other,
        "studies": float(studies),
        "participants": float(participants),
    }


def forest(analysis: NetworkAnalysis, component: Component) -> tuple[Drawing, ...]:
    """Draw the effects against the reference, with prediction intervals, in parts that fit on a page.

    Parameters
    ----------
    analysis : NetworkAnalysis
    component : Component

    Returns
    -------
    tuple of Drawing
    """
    plan, reference = analysis.plan, component.fit.network.treatments[0]
    rows: list[dict[str, Any]] = []
    for row in league_rows(analysis, component):
        if row["comparator"] != reference:
            continue
        low, high = row["ci"]
        text = interval_words(row["estimate"], low, high)
        rows.append(_line("line", row["treatment"], row["estimate"], low, high, text))
        if row["prediction_interval"] is not None:
            low, high = row["prediction_interval"]
            words = interval_words(row["estimate"], low, high).partition(" ")[2].strip("()")
            rows.append(_line("prediction", "   prediction interval", NAN, low, high, words))
    words = MEASURE_WORDS[plan.measure].partition(" (")[0]
    title = words[0].upper() + words[1:]
    better, worse = "favours the treatment", _short(f"favours {reference}")
    text_around = ForestText(
        label=f"Against {_short(reference)}",
        effect=f"{title}\n({plan.level_percent:g} % CI)",
        axis=title + (", logarithmic scale" if plan.measure.is_ratio else ""),
        low=better if plan.lower_is_better else worse,
        high=worse if plan.lower_is_better else better,
        null=plan.measure.null,
        log=plan.measure.is_ratio,
    )
    parts = [rows[at : at + _MOST_LINES] for at in range(0, len(rows), _MOST_LINES)]
    limits = forest_limits(Table.from_rows(rows, _COLUMNS), text_around)
    return tuple(draw_forest(Table.from_rows(part, _COLUMNS), text_around, limits) for part in parts)


def _line(kind: str, label: str, estimate: float, lower: float, upper: float, text: str) -> dict[str, Any]:
    cells = {"kind": kind, "label": label, "group_1": "", "group_2": "", "estimate": estimate}
    return cells | {"lower": lower, "upper": upper, "text": text, "weight": NAN}


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def ranks(component: Component) -> Drawing:
    """Draw the rankogram, or a heat map of the ranks where there are many treatments.

    Parameters
    ----------
    component : Component

    Returns
    -------
    Drawing
    """
    rows = ranking_rows(component)
    cells = [
        {"treatment": row["treatment"], "rank": float(rank), "probability": share}
        for row in rows
        for rank, share in enumerate(row["rank_probabilities"], start=1)
    ]
    if len(rows) <= _MOST_PANELS:
        return draw_rankogram(Table.from_rows(cells))
    shown = [
        {"row": cell["treatment"], "column": f"{cell['rank']:.0f}", "percent": 100 * cell["probability"]}
        for cell in cells
    ]
    return draw_heat_map(Table.from_rows(shown), row_title="", column_title="Rank (1 is best)", what="probability")


def contribution_map(component: Component) -> Drawing | None:
    """Draw the contributions of direct comparisons; None where there are none, one only, or too many to be read.

    Where there are many effects only those against the reference are drawn.

    Parameters
    ----------
    component : Component

    Returns
    -------
    Drawing or None
    """
    shares = component.contributions
    if shares is None or not 1 < len(shares.comparisons) <= _MOST_COMPARISONS:
        return None
    reference = component.fit.network.treatments[0]
    every = len(shares.effects) <= _MOST_EFFECTS
    cells = [
        {"row": f"{a} - {b}", "column": f"{c} - {d}", "percent": 100 * float(share)}
        for (a, b), row in zip(shares.effects, shares.share, strict=True)
        if every or b == reference
        for (c, d), share in zip(shares.comparisons, row, strict=True)
    ]
    return draw_heat_map(
        Table.from_rows(cells), row_title="Effect in the network", column_title="Direct comparison", what="contribution"
    )
