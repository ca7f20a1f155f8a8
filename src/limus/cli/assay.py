"""The commands of the bench: ``limus assay ...``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from limus.cli.assay_plates import elisa, phosphatase
from limus.cli.assay_proliferation import proliferation
from limus.cli.options import NUMBERS, RESEARCH_USE, Json, Out, Overwrite, Seed
from limus.cli.runner import Options, run_command
from limus.cli.text import number, table

__all__ = ["app"]

app = typer.Typer(name="assay", help="What a bench produces: curves, plates, ELISA, cytometry.", no_args_is_help=True)
app.command()(phosphatase)
app.command()(elisa)
app.command()(proliferation)

File = Annotated[Path, typer.Argument(help="CSV: curve, dose, response[, dose_unit, weight, n, se, top, bottom].")]
Words = list[str] | None


@app.command(context_settings=NUMBERS)
def curve(
    file: File,
    model: Annotated[str, typer.Option("--model", help="ll4, ll5, w14, ...; several by commas, or auto.")] = "ll4",
    weights: Annotated[str, typer.Option("--weights", help="none, 1/y, 1/y2, power, weight, n or se.")] = "none",
    robust: Annotated[str, typer.Option("--robust", help="none, huber, cauchy or tukey.")] = "none",
    top: Annotated[float | None, typer.Option("--top", help="Response of the control without drug.")] = None,
    bottom: Annotated[float | None, typer.Option("--bottom", help="Response at full effect.")] = None,
    fix: Annotated[Words, typer.Option("--fix", help="name=value, not fitted; repeatable.")] = None,
    bound: Annotated[Words, typer.Option("--bound", help="name=low:high; repeatable.")] = None,
    shared: Annotated[Words, typer.Option("--shared", help="Parameter in common to all curves; repeatable.")] = None,
    reference: Annotated[str | None, typer.Option("--reference", help="Curve for relative potencies.")] = None,
    interval: Annotated[str, typer.Option("--interval", help="wald (log), wald-linear or profile.")] = "wald",
    level: Annotated[float, typer.Option("--level", help="Confidence level, percent.")] = 95.0,
    ed: Annotated[list[float] | None, typer.Option("--ed", help="Percent of the effect; repeatable.")] = None,
    at: Annotated[list[float] | None, typer.Option("--at", help="Response to find the dose of; repeatable.")] = None,
    outliers: Annotated[str, typer.Option("--outliers", help="report, exclude or off.")] = "report",
    extrapolate: Annotated[float, typer.Option("--extrapolate", help="Fold outside the doses still a number.")] = 1.0,
    starts: Annotated[int, typer.Option("--starts", help="Starts followed for each curve.")] = 3,
    decimal: Annotated[str, typer.Option("--decimal", help="point or comma.")] = "point",
    unit: Annotated[str, typer.Option("--unit", help="Of the doses, without a column for it.")] = "",
    column: Annotated[Words, typer.Option("--column", help="name=header, as dose=conc; repeatable.")] = None,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Fit dose-response curves: IC50 relative and absolute, with intervals and statuses."""
    settings = {
        "file": file,
        "model": model,
        "weights": weights,
        "robust": robust,
        "top": top,
        "bottom": bottom,
        "fix": tuple(fix or ()),
        "bound": tuple(bound or ()),
        "shared": tuple(shared or ()),
        "reference": reference,
        "interval": interval,
        "level": level,
        "ed": tuple(ed or ()),
        "at": tuple(at or ()),
        "outliers": outliers,
        "extrapolate": extrapolate,
        "starts": starts,
        "decimal": decimal,
        "unit": unit,
        "column": tuple(column or ()),
    }
    return run_command("assay_curve", settings, _show_curves, Options(json, out, seed, overwrite), status=_status)


def _status(result: dict[str, Any]) -> int:
    return 1 if result["n_failed"] == result["n_curves"] else 0


def _show_curves(r: dict[str, Any]) -> str:
    columns = (
        ("curve", "curve"),
        ("n", "n"),
        ("relative", "IC50 relative"),
        ("relative_interval", "interval"),
        ("absolute", "IC50 absolute"),
        ("absolute_interval", "interval"),
        ("dose_unit", "unit"),
        ("model", "model"),
        ("status", "status"),
    )
    most = 60
    rows = [row | _shown(row) for row in r["curves"][:most]]
    lines = [table(rows, columns)]
    if len(r["curves"]) > most:
        lines.append(f"... and {len(r['curves']) - most} more curves; --json prints all, --out keeps them")
    for row in r["curves"][:most]:
        lines += [f"{row['curve']}: {row['reason']}"] if row["reason"] else []
        for key, word in (("effective_doses", "ED"), ("doses_at_response", "dose at response ")):
            for found in row.get(key, ()):
                low, high = found["interval"]
                span = f" ({number(low)} to {number(high)}), standard error {number(found['standard_error'])}"
                said = number(found["dose"], 4) + span if found["status"] == "ok" else found["status"].replace("_", " ")
                lines.append(f"{row['curve']}: {word}{found['level']:g}  {said}")
    for row in r["relative_potency"]:
        low, high = row["interval"]
        lines.append(
            f"{row['curve']}: potency relative to {row['reference']} {number(row['ratio'])} ({number(low)} to "
            f"{number(high)})"
        )
    for key, word in (("shared_fit", "shared fit"), ("parallelism", "parallelism")):
        if r[key] is not None:
            lines.append(f"{word}: F {number(r[key]['f'])}, p {number(r[key]['f_p_value'])}")
    flags = r["flagged_rows"]
    lines += [f"line {f['line']}, {f['column']}: {f['got'] or 'empty'}: {f['reason']}" for f in flags[:10]]
    lines += [f"... and {len(flags) - 10} more flagged rows"] if len(flags) > 10 else []
    lines.append(f"controls of the absolute IC50 {r['controls']}; {r['n_failed']} of {r['n_curves']} curves failed")
    if r["report_html"]:
        lines += [f"HTML  {r['report_html']}", f"PDF   {r['report_pdf']}"]
    return "\n".join([*lines, RESEARCH_USE])


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"status": row["status"].replace("_", " ")}
    for word in ("relative", "absolute"):
        key = f"ic50_{word}"
        low, high = row["intervals"].get(key, (None, None))
        if row[f"{key}_status"] == "ok":
            shown |= {word: number(row[key], 4), f"{word}_interval": f"{number(low)} to {number(high)}"}
        elif row[f"{key}_relation"] == "between":
            shown |= {word: "between doses", f"{word}_interval": f"{number(low)} to {number(high)}"}
        elif row[f"{key}_relation"]:
            shown |= {word: f"{row[f'{key}_relation']} {number(row[f'{key}_limit'])}"}
    return shown
