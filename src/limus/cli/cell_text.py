"""A potency, and two drugs together, as text."""

from __future__ import annotations

import math
from typing import Any

from limus.cli.options import RESEARCH_USE
from limus.cli.text import number, table

__all__ = ["culture_lines", "show_combination_text", "show_potency_text"]

_VERDICTS = {"both": "synergy at some pairs and antagonism at others"}


def culture_lines(r: dict[str, Any]) -> list[str]:
    """Write the culture of a simulated question: conditions, then cells.

    Parameters
    ----------
    r : dict
        Result with ``medium`` and ``conditions``.

    Returns
    -------
    list of str
    """
    conditions = r["conditions"]
    washed = conditions["wash_at_hours"]
    changed = "".join(f", {name} = {value:g}" for name, value in conditions["changed"].items())
    return [
        "  {medium:15}  {cells_per_ml:g} cells/mL, {serum_percent:g} % serum, {hours:g} h, drug added at "
        "{add_at_hours:g} h".format(medium="whole blood" if r["medium"] == "blood" else "culture", **conditions)
        + ("" if washed is None else f", medium changed at {washed:g} h"),
        "  cells            {cell_type}, stimulus strength {stimulus_strength:g}, "
        "costimulation {costimulation:g}".format(**conditions)
        + changed,
    ]


def show_potency_text(r: dict[str, Any]) -> str:
    """Write a potency for people.

    Parameters
    ----------
    r : dict
        Of :class:`limus.workflows.potency.PotencyResult`.

    Returns
    -------
    str
    """
    lines = [
        f"{r['compound']} on {r['readout']}, stimulus {r['stimulus']} (simulated, {r['model']}, seed {r['seed']})",
        *_potency_numbers(r),
        *culture_lines(r),
    ]
    lines += [f"  measured         {p['printed']}, {p['cells']} ({', '.join(p['source'])})" for p in r["measured"]]
    lines += [f"  not verified     {p['printed']}, {p['cells']} ({p['kind']})" for p in r["unverified"]]
    lines += [f"  warning          {text}" for text in r["warnings"]]
    if r["fit"] != "accepted":
        lines.append(f"  warning          the model's fit is not current ({r['fit']}): run limus calibrate --accept")
    return "\n".join([*lines, f"  note             {r['conditions']['note']}", f"  {RESEARCH_USE}"])


def _interval_words(r: dict[str, Any]) -> str:
    lower, upper = r["ci"]
    if math.isnan(lower):
        return ""
    if math.isfinite(upper):
        return f", 90 % interval {number(lower)} to {number(upper)} nM"
    without = r["draws"] - r["draws_by_status"].get("ok", 0)
    return f", 90 % interval from {number(lower)} nM up: {without} of {r['draws']} draws do not reach half"


def _potency_numbers(r: dict[str, Any]) -> list[str]:
    largest = r["max_inhibition_fraction"]
    lines = [f"  status           {r['status'].replace('_', ' ')}"]
    if largest is not None and math.isfinite(largest):
        lines.append(f"  max. inhibition  {100 * largest:.1f} %")
    if math.isfinite(r["ic50_absolute_nM"]):
        lines.append(f"  IC50 absolute    {number(r['ic50_absolute_nM'])} nM{_interval_words(r)}")
        if r["medium"] == "blood":
            lines.append(f"  in whole blood   {number(r['ic50_absolute_ng_per_mL'])} ng/mL")
    if math.isfinite(r["ic50_relative_nM"]):
        lines.append(f"  IC50 relative    {number(r['ic50_relative_nM'])} nM, Hill slope {number(r['hill'])}")
    return lines


def show_combination_text(r: dict[str, Any]) -> str:
    """Write two drugs together for people.

    Parameters
    ----------
    r : dict
        Of :class:`limus.workflows.combine.CombineResult`.

    Returns
    -------
    str
    """
    first, second = r["first"], r["second"]
    surface = r["inhibition_fraction"]
    columns = [("at", f"{first} \\ {second}, nM"), *((str(j), number(c)) for j, c in enumerate(r["second_nM"]))]
    rows = [
        {"at": number(c)} | {str(j): number(100.0 * surface[i][j], 3) for j in range(len(r["second_nM"]))}
        for i, c in enumerate(r["first_nM"])
    ]
    lines = [
        f"{first} with {second} on {r['readout']}, stimulus {r['stimulus']}: inhibition, % (simulated, {r['model']})",
        table(rows, columns),
    ]
    for drug, one in r["alone"].items():
        half = f"IC50 {number(one['ic50_absolute_nM'])} nM, " if math.isfinite(one["ic50_absolute_nM"]) else ""
        lines.append(f"  {drug} alone: {half}{one['status'].replace('_', ' ')}")
    for name in ("loewe", "bliss"):
        excess, said = r[f"excess_over_{name}_fraction"], r[f"verdict_{name}"]
        difference = (
            f"; mean difference of inhibition {number(100.0 * excess, 3)} percentage points"
            f"{_ends(r[f'excess_over_{name}_ci'], 100.0)}"
        )
        lines.append(
            f"  against {name.capitalize()}: {_VERDICTS.get(said, said)}{difference if math.isfinite(excess) else ''}"
        )
    index = r["combination_index_at_half"]
    if math.isfinite(index):
        lines.append(
            f"  combination index near half inhibition {number(index, 3)}{_ends(r['combination_index_at_half_ci'])}; "
            "below 1 synergy, above 1 antagonism"
        )
    lines += culture_lines(r)
    lines += [f"  {name}  {path}" for name, path in r["files"].items()]
    return "\n".join([*lines, f"  note             {r['conditions']['note']}", f"  {RESEARCH_USE}"])


def _ends(ci: list[float], factor: float = 1.0) -> str:
    """The 90 % interval in brackets, where there is one."""
    if not all(map(math.isfinite, ci)):
        return ""
    return f" (90 % interval {number(factor * ci[0], 3)} to {number(factor * ci[1], 3)})"
