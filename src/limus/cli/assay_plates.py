"""The commands of plates: ``limus assay phosphatase`` and ``limus assay elisa``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from limus.cli.options import RESEARCH_USE, Json, Out, Overwrite, Seed
from limus.cli.runner import Options, run_command
from limus.cli.text import number, table

__all__ = ["elisa", "phosphatase"]

Plate = Annotated[Path, typer.Argument(help="Plate as the reader exports it: CSV, TSV, .xls or .xlsx.")]
PlateLayout = Annotated[Path, typer.Option("--layout", help="What stands in each well, TOML or CSV.")]
_LEVELS = ("error", "warning")


def phosphatase(
    file: Plate,
    layout: PlateLayout,
    out: Out = Path("phosphatase"),
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Calcineurin phosphatase by malachite green: activities, IC50s, tight-binding constants, quality, report."""
    return run_command(
        "assay_phosphatase",
        {"file": str(file), "layout": str(layout)},
        _show_phosphatase,
        Options(json, out, seed, overwrite),
        status=lambda r: 1 if r["n_failed"] and r["n_failed"] == r["n_groups"] + len(r["results"]) else 0,
    )


def _show_phosphatase(r: dict[str, Any]) -> str:
    rows = [
        {
            "compound": row["compound"] + (f", {row['group']}" if row["group"] else ""),
            "absolute": _estimate(row, "ic50_absolute"),
            "relative": _estimate(row, "ic50_relative"),
            "hill": row["hill"],
            "ki": _estimate(row, "ki"),
            "half": row["ic50_against_half_enzyme"].replace("_", " "),
        }
        for row in r["results"]
    ]
    columns = (
        ("compound", "compound"),
        ("absolute", "IC50 absolute, nM"),
        ("relative", "IC50 relative, nM"),
        ("hill", "slope"),
        ("ki", "Ki of the complex, nM"),
        ("half", "IC50 against half the enzyme"),
    )
    lines = [table(rows, columns)] if rows else ["no compounds on the plate"]
    lines += [f"{row['compound']}: no Ki: {row['ki_reason']}" for row in r["results"] if row["ki_status"] == "refused"]
    return "\n".join([*lines, *quality_lines(r)])


def elisa(
    file: Plate,
    layout: PlateLayout,
    viability: Annotated[list[Path] | None, typer.Option("--viability", help="MTT or LDH plate; repeatable.")] = None,
    viability_layout: Annotated[
        Path | None, typer.Option("--viability-layout", help="Its layout, where [viability] names none.")
    ] = None,
    out: Out = Path("elisa"),
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Cytokine ELISA with viability beside it: concentrations, inhibition, IC50s without cytotoxic doses, report."""
    settings = {
        "file": str(file),
        "layout": str(layout),
        "viability": tuple(map(str, viability or ())),
        "viability_layout": None if viability_layout is None else str(viability_layout),
    }
    return run_command(
        "assay_elisa",
        settings,
        _show_elisa,
        Options(json, out, seed, overwrite),
        status=lambda r: 1 if r["n_failed"] and r["n_failed"] == r["n_groups"] + len(r["results"]) else 0,
    )


def _show_elisa(r: dict[str, Any]) -> str:
    rows = [
        {
            "compound": row["compound"] + (f", {row['group']}" if row["group"] else ""),
            "absolute": _dose(row, "ic50_absolute"),
            "relative": _dose(row, "ic50_relative"),
            "with_masked": _dose(row, "ic50_relative_with_masked"),
            "unit": row["dose_unit"],
            "masked": ", ".join(number(d) for d in row["masked_doses"]) or "none",
        }
        for row in r["results"]
    ]
    columns = (
        ("compound", "compound"),
        ("absolute", "IC50 absolute"),
        ("relative", "IC50 relative"),
        ("with_masked", "relative, cytotoxic kept in"),
        ("unit", "unit"),
        ("masked", "cytotoxic doses"),
    )
    s, unit = r["standard_curve"], r["unit"]
    outside = sum(x["status"] != "ok" for x in r["samples"])
    head = (
        f"{r['analyte']}: {s['model']} standard curve, weighting {s['weighting']}, range {number(s['lloq'])} to "
        f"{number(s['uloq'])} {unit}; {outside} of {len(r['samples'])} groups outside it"
    )
    return "\n".join([head, *([table(rows, columns)] if rows else []), *quality_lines(r)])


def _dose(row: dict[str, Any], key: str) -> str:
    value = row[key]
    lower, upper = row[f"{key}_ci"]
    if math.isfinite(value):
        return f"{number(value)} ({number(lower)} to {number(upper)})"
    return str(row[f"{key}_status"]).replace("_", " ")


def _estimate(row: dict[str, Any], key: str) -> str:
    """A number with its interval, an upper limit, or the status in words."""
    value = row[f"{key}_nM"]
    lower, upper = row[f"{key}_ci"]
    if math.isfinite(value):
        return f"{number(value)} ({number(lower)} to {number(upper)})"
    return f"< {number(upper)}" if math.isfinite(upper) else row[f"{key}_status"].replace("_", " ")


def quality_lines(r: dict[str, Any]) -> list[str]:
    """Return what is said of any plate: controls, findings, where the report stands."""
    q = r["qc"]["controls"]
    lines = [
        f"plate: {r['qc']['wells_used']} of {r['qc']['wells']} wells used; Z' {number(q['z_prime'])}, SSMD "
        f"{number(q['ssmd'])}, {q['high']} against {q['low']}; seed {r['seed']}"
    ]
    lines += [
        f"  {f['severity']}: {f['where']}: {f['got']}; {f['do']} [{f['check']}]"
        for f in r["qc"]["findings"]
        if f["severity"] in _LEVELS
    ]
    lines += [f"HTML  {r['report_html']}", f"PDF   {r['report_pdf']}"]
    lines += [f"TOML  {r['result_toml']}, for limus compare --with"] if r["result_toml"] else []
    return [*lines, RESEARCH_USE]
