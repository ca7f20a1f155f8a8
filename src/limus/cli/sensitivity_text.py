"""A sensitivity as text: constants with elasticities and folds, or with shares of the variance."""

from __future__ import annotations

import math
from typing import Any

from limus.cli.cell_text import culture_lines
from limus.cli.options import RESEARCH_USE
from limus.cli.text import number, table

__all__ = ["show_sensitivity_text"]


def show_sensitivity_text(r: dict[str, Any]) -> str:
    """Write a sensitivity for people.

    Parameters
    ----------
    r : dict
        Of :class:`limus.workflows.sensitivity.SensitivityResult`.

    Returns
    -------
    str
    """
    base = (
        f"IC50 {number(r['ic50_absolute_nM'])} nM"
        if math.isfinite(r["ic50_absolute_nM"])
        else f"{r['status'].replace('_', ' ')}; largest inhibition {100 * r['max_inhibition_fraction']:.1f} %"
    )
    head = f"{r['compound']} on {r['readout']}, stimulus {r['stimulus']}: {base} (simulated, {r['model']})"
    tail = [f"  {name}  {path}" for name, path in r["files"].items()]
    body = _local_lines(r) if r["method"] == "local" else _variance_lines(r)
    note = f"  note             {r['conditions']['note']}"
    return "\n".join([head, *body, *culture_lines(r), *tail, note, f"  {RESEARCH_USE}"])


def _local_lines(r: dict[str, Any]) -> list[str]:
    columns = (
        ("parameter", "constant"),
        ("kind", "kind"),
        ("value", "value"),
        ("unit", "unit"),
        ("elasticity", "elasticity"),
        ("fold_up", "at x1.1"),
        ("fold_down", "at /1.1"),
        ("fold_spread_up", "spread up"),
        ("fold_spread_down", "spread down"),
        ("spread_from", "spread from"),
    )
    shown = [row for row in r["rows"] if not abs(row["elasticity"]) < 0.005 or row["flat_tail"]]
    silent = len(r["rows"]) - len(shown)
    flat = ", ".join(r["flat_tail"]) or "no constant"
    answer = "IC50" if r["response"] == "ic50_absolute_nM" else "largest inhibition"
    return [
        table(shown, columns),
        f"  folds are of the {answer}; {silent} more constants have an elasticity below 0.005",
        f"  10 % of {flat} changes the IC50 3-fold (flat tail)",
    ]


def _variance_lines(r: dict[str, Any]) -> list[str]:
    columns = (
        ("parameter", "constant"),
        ("kind", "kind"),
        ("first_order", "first order"),
        ("first", "90 % interval"),
        ("total", "total"),
        ("all", "90 % interval"),
        ("spread_from", "spread from"),
    )
    rows = [
        row
        | {
            "first": " to ".join(number(end, 2) for end in row["first_order_ci"]),
            "all": " to ".join(number(end, 2) for end in row["total_ci"]),
        }
        for row in r["rows"]
    ]
    spread = r["response_percentiles"]
    return [
        table(rows, columns),
        f"  share of the variance of {r['response']}; 5th, 50th, 95th percentile "
        f"{', '.join(number(spread[p]) for p in ('5', '50', '95'))}",
        f"  {r['sets']} parameter sets: {r['without_ic50']} do not reach half (their relative IC50 is used), "
        f"{r['silent_sets']} without a signal, {r['failed_sets']} failed",
        f"  {r['points']} points of the design used, {r['n_failed']} left out; seed {r['seed']}",
        f"  {r['distribution']}",
    ]
