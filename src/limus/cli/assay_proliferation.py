"""The command of dye dilution: ``limus assay proliferation``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from limus.cli.options import RESEARCH_USE, Json, Out, Overwrite, Seed
from limus.cli.runner import Options, run_command
from limus.cli.text import number, table

__all__ = ["proliferation"]

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of FCS files, one a well, and control files.")]
PlateLayout = Annotated[Path, typer.Option("--layout", help="What stands in each well; its section proliferation.")]
Predicted = Annotated[
    Path | None,
    typer.Option("--prediction", help="CSV generation, fraction, to lay over the measured generations."),
]
Stimulus = Annotated[
    str | None, typer.Option("--stimulus", help="Lay the T-cell model's prediction over them: mlr, pha, anti_cd3 ...")
]
Hours = Annotated[float | None, typer.Option("--hours", help="For the model: from stimulus to harvest, h.")]
_LEVELS = ("error", "warning")


def proliferation(
    folder: Folder,
    layout: PlateLayout,
    prediction: Predicted = None,
    stimulus: Stimulus = None,
    hours: Hours = None,
    out: Out = Path("proliferation"),
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """T-cell proliferation by dye dilution (CFSE, CTV): gates, generations, division indices, IC50s, report."""
    return run_command(
        "assay_proliferation",
        {"folder": folder, "layout": layout, "prediction": prediction, "stimulus": stimulus, "hours": hours},
        _show,
        Options(json, out, seed, overwrite),
        status=lambda r: 1 if r["n_failed"] == r["n_wells"] else 0,
    )


def _show(r: dict[str, Any]) -> str:
    rows = [
        {
            "compound": row["compound"] + (f", {row['group']}" if row["group"] else ""),
            "index": row["index"].replace("_", " "),
            "absolute": _dose(row, "ic50_absolute"),
            "relative": _dose(row, "ic50_relative"),
            "unit": row["unit"],
            "hill": row["hill"],
            "control": row["control"],
        }
        for row in r["results"]
    ]
    columns = (
        ("compound", "compound"),
        ("index", "index"),
        ("absolute", "IC50 absolute"),
        ("relative", "IC50 relative"),
        ("unit", "unit"),
        ("hill", "slope"),
        ("control", "controls"),
    )
    q = r["qc"]
    last = r["population"]
    lines = [table(rows, columns)] if rows else [_wells(r)]
    lines += [
        f"gate {g['name']}{' (analysed)' if g['name'] == last else ''}: {g['rule'] or 'given'}" for g in q["gates"]
    ]
    floor = f"{number(q['autofluorescence'])} from {q['unstained_cells']} cells" if q["unstained_cells"] else "none"
    lines.append(
        f"compensation: {r['compensation']}; autofluorescence: {floor}; undivided control: "
        f"{q['undivided_control_wells']} wells; {r['n_wells'] - r['n_failed']} of {r['n_wells']} wells with indices; "
        f"seed {r['seed']}"
    )
    lines += [
        f"  {f['severity']}: {f['where']}: {f['got']}; {f['do']} [{f['check']}]"
        for f in q["findings"]
        if f["severity"] in _LEVELS
    ]
    lines += [f"HTML  {r['report_html']}", f"PDF   {r['report_pdf']}", f"gates {r['gates_file']}"]
    lines += [f"TOML  {r['result_toml']}"] if r["result_toml"] else []
    return "\n".join([*lines, RESEARCH_USE])


def _dose(row: dict[str, Any], key: str) -> str:
    value = row[key]
    lower, upper = row[f"{key}_ci"]
    if math.isfinite(value):
        return f"{number(value)} ({number(lower)} to {number(upper)})"
    return str(row[f"{key}_status"]).replace("_", " ")


def _wells(r: dict[str, Any]) -> str:
    """The wells themselves, where there is no dose-response."""
    columns = ("well", "status", "generations", "percent_divided", "division_index", "proliferation_index")
    rows = [row | {"status": row["status"].replace("_", " ")} for row in r["wells"]]
    return table(rows, [(name, name.replace("_", " ")) for name in columns])
