"""``limus pk vpc``: a model against measured levels."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from limus.cli.options import RESEARCH_USE, Json, Out, Overwrite, Seed
from limus.cli.pk_options import Events, ModelName, Overrides, Settings, Take, Units, findings_lines
from limus.cli.runner import Options, run_command
from limus.cli.text import number, table

__all__ = ["vpc"]


def vpc(
    model: ModelName,
    events: Events = None,
    unit: Units = None,
    settings: Settings = None,
    override: Overrides = None,
    take: Take = None,
    corrected: Annotated[bool, typer.Option("--corrected", help="Prediction-corrected levels.")] = False,
    along: Annotated[str, typer.Option("--along", help="after_dose, or time from the start.")] = "after_dose",
    bins: Annotated[str, typer.Option("--bins", help="auto, each, count:6 or edges:0,2,6,12 (h).")] = "auto",
    percentiles: Annotated[str, typer.Option("--percentiles", help="Of the levels in a bin.")] = "5,50,95",
    interval: Annotated[float, typer.Option("--interval", help="Of the replicates, per cent.")] = 95.0,
    residual: Annotated[str | None, typer.Option("--residual", help="Another residual error of the model.")] = None,
    replicates: Annotated[int, typer.Option("--replicates", help="How often the table is simulated.")] = 1000,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Check a model against measured levels: visual predictive check, npde, goodness of fit."""
    request = {
        "model": model,
        "events": tuple(events or ()),
        "units": tuple(unit or ()),
        "settings": tuple(settings or ()),
        "overrides": tuple(override or ()),
        "take": tuple(take or ()),
        "corrected": corrected,
        "along": along,
        "bins": bins,
        "percentiles": tuple(percentiles.split(",")),
        "interval": interval,
        "residual": residual,
        "replicates": replicates,
    }
    return run_command("pk_vpc", request, _show_check, Options(json, out, seed, overwrite))


def _show_check(r: dict[str, Any]) -> str:
    check, tests = r["vpc"], r["npde"]
    columns = [("percentile", "percentile"), ("low_h", "from h"), ("high_h", "to h"), ("levels", "levels")]
    columns += [("observed", f"measured {r['unit']}"), ("lower", "model from"), ("median", "median"), ("upper", "to")]
    kind = "prediction-corrected " if check["corrected"] else ""
    parts = [
        f"{r['model']}, {r['drug']}: {r['levels']} levels of {r['subjects']} subjects, {r['below_limit']} below their "
        f"limit; {check['replicates']} replicates, seed {r['seed']}",
        f"{kind}visual predictive check: {check['percentiles_inside']} of {check['percentiles_known']} percentiles "
        f"within their {check['interval_percent']:g} % intervals",
        table(check["rows"], (*columns, ("inside", "inside"))),
    ]
    if check["below"]:
        shares = (("low_h", "from h"), ("high_h", "to h"), ("observed", "% below limit"), ("lower", "model from"))
        parts.append(table(check["below"], (*shares, ("median", "median"), ("upper", "to"))))
    if tests["status"] == "ok":
        parts.append(
            f"npde: n {tests['n']}, mean {number(tests['mean'])} (p {number(tests['p_mean'])}), variance "
            f"{number(tests['variance'])} (p {number(tests['p_variance'])}), normal p {number(tests['p_normal'])}; "
            f"all p {number(tests['p_all'])}"
        )
    else:
        parts.append(f"npde: {tests['status']}")
    parts += findings_lines(r)
    if r["report_html"] is not None:
        parts.append(f"HTML  {r['report_html']}\nPDF   {r['report_pdf']}")
    return "\n\n".join([*parts, RESEARCH_USE])
