"""``limus pk``: population models."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from limus.cli.options import NUMBERS, RESEARCH_USE, Json, Out, Overwrite, Seed
from limus.cli.pk_options import Events, ModelName, Overrides, Settings, Take, Units, findings_lines
from limus.cli.pk_vpc import vpc
from limus.cli.runner import Options, run_command
from limus.cli.text import number, table

__all__ = ["app"]

_UNCERTAINTY = "Of typical values, with --virtual: published, or a CSV with a set a row."

app = typer.Typer(name="pk", help="Population pharmacokinetics: models, exposure.", no_args_is_help=True)
app.command(context_settings=NUMBERS)(vpc)


@app.command()
def models(
    drug: Annotated[str | None, typer.Option("--drug", help="Only models of this compound.")] = None,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
) -> int:
    """List the population models, and those that are not shipped, with why."""
    return run_command("pk_models", {"drug": drug}, _show_models, Options(json, out, seed))


def _show_models(r: dict[str, Any]) -> str:
    columns = (
        ("name", "model"),
        ("drug", "drug"),
        ("organ", "organ"),
        ("subjects", "subjects"),
        ("structure", "structure"),
        ("covariates", "covariates"),
        ("paper", "paper"),
    )
    parts = [table(r["models"], columns, widest=40)]
    if r["not_shipped"]:
        left_out = (("name", "not shipped"), ("drug", "drug"), ("paper", "paper"), ("reason", "why"))
        parts.append(table(r["not_shipped"], left_out, widest=200))
    return "\n\n".join(parts)


@app.command()
def show(
    model: Annotated[str, typer.Argument(help="Name of a model, or the path of a .toml of your own.")],
    subjects: Annotated[int, typer.Option("--subjects", help="Virtual subjects of the band on the card.")] = 1000,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Show a population model, each number with its source; with --out, write its card (HTML and PDF)."""
    settings = {"model": model, "subjects": subjects}
    return run_command("pk_show", settings, _show_model, Options(json, out, seed, overwrite))


def _show_model(r: dict[str, Any]) -> str:
    source = ("source", "source")
    values = [v | {"shown": number(v["value"], 6)} for v in r["values"]]
    effects = [p | {"shown": number(p["value"], 6)} for level in _LEVELS for p in r[level]["printed"]]
    limited = [*r["covariates"], *r["limits"]]
    parts = [
        f"{r['name']}: {r['title']}",
        f"{r['structure']}; measured in {r['matrix']}, {r['units']['DV']}; doses of {r['dosing']['substance']}, "
        f"{r['units']['AMT']}\n" + "\n".join(r["references"].values()),
        table(values, (("name", "value"), ("shown", ""), ("unit", "unit"), ("kind", "kind"), source)),
        table(limited, (("name", "limit"), ("allowed", "allowed"), ("kind", "kind"), ("note", "note")), widest=80),
    ]
    if effects:
        columns = (("name", "random effect"), ("shown", "printed"), ("unit", "unit"), ("given_as", "as"))
        parts.append(table(effects, (*columns, ("variance", "variance"))))
    parts.append(_show_residual(r["residual"]))
    parts += [f"conflict: {c['about']}: used {c['used']}; against it {c['other']}" for c in r["conflicts"]]
    parts += [f"changed: {c['what']}" for c in r["changes"]]
    parts += [f"warning: {f['where']}: {f['got']}" for f in r["findings"]]
    if r["card_html"] is not None:
        parts.append(f"HTML  {r['card_html']}\nPDF   {r['card_pdf']}")
    return "\n\n".join([*parts, RESEARCH_USE])


_LEVELS = ("between_subject", "between_occasion")


def _show_residual(residual: dict[str, Any]) -> str:
    printed = ", ".join(
        f"{part} {number(p['value'], 6)} {p['unit']} ({p['given_as'].replace('_', ' ')})"
        for part, p in residual["printed"].items()
    )
    note = f"; {residual['note']}" if residual["note"] else ""
    return f"residual error: {residual['form'].replace('_', '-')}: {printed or residual['formula']}{note}"


@app.command(context_settings=NUMBERS)
def simulate(
    model: ModelName,
    events: Events = None,
    unit: Units = None,
    settings: Settings = None,
    override: Overrides = None,
    take: Take = None,
    dose: Annotated[float | None, typer.Option("--dose", help="Regimen without a table, in the model's unit.")] = None,
    every: Annotated[float, typer.Option("--every", help="Interval of the regimen, h.")] = 12.0,
    doses: Annotated[int, typer.Option("--number", help="Doses of the regimen.")] = 1,
    steady_state: Annotated[bool, typer.Option("--steady-state", help="Start at the regimen's steady state.")] = False,
    infusion: Annotated[float, typer.Option("--infusion", help="Duration of each dose, h.")] = 0.0,
    target: Annotated[str | None, typer.Option("--target", help="Range of levels, such as 5:15.")] = None,
    virtual: Annotated[int, typer.Option("--virtual", help="Virtual copies of each subject.")] = 0,
    uncertainty: Annotated[str | None, typer.Option("--uncertainty", help=_UNCERTAINTY)] = None,
    study: Annotated[str, typer.Option("--study", help="STUDYID of the ADPP that --out holds.")] = "SIMULATED",
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Simulate levels and exposure of an event table's subjects, or of a regimen."""
    request = {
        "model": model,
        "events": tuple(events or ()),
        "take": tuple(take or ()),
        "units": tuple(unit or ()),
        "settings": tuple(settings or ()),
        "overrides": tuple(override or ()),
        "dose": dose,
        "every": every,
        "number": doses,
        "steady_state": steady_state,
        "infusion": infusion,
        "target": target,
        "virtual": virtual,
        "uncertainty": uncertainty,
        "study": study,
    }
    return run_command(
        "pk_simulate",
        request,
        _show_exposure,
        Options(json, out, seed, overwrite),
        status=lambda r: 1 if r["rows"] and r["n_failed"] == len(r["rows"]) else 0,
    )


_MOST_ROWS = 40


def _show_exposure(r: dict[str, Any]) -> str:
    columns = [("id", "ID"), ("interval", "interval"), ("start_h", "from h"), ("end_h", "to h"), ("dose_mg", "dose mg")]
    columns += [("auc", f"area {r['unit']} h"), ("trough", "trough"), ("cmax", "peak"), ("tmax_h", "at h")]
    columns += [("time_in_range_percent", "% in range")] if r["target"] else []
    columns += [] if r["n_failed"] == 0 else [("status", "status")]
    shown = _shown(r["rows"])
    parts = [f"{r['model']}, {r['drug']}, levels in {r['unit']}", table(shown, tuple(columns))]
    if len(shown) < len(r["rows"]):
        parts.append(
            f"{len(shown)} of {len(r['rows'])} intervals: a subject's last; --json prints all, --out keeps them"
        )
    if r["virtual"] is not None:
        spread = [("id", "ID"), ("interval", "interval")]
        spread += [(f"{n}_{p}", f"{n} {p}") for n in ("auc", "trough", "cmax") for p in ("p5", "p50", "p95")]
        spread += [("trough_in_target_percent", "% of troughs in range")] if r["target"] else []
        parts.append(f"{r['virtual']['copies']} virtual copies, seed {r['seed']}")
        parts.append(table(_shown(r["virtual"]["rows"]), tuple(spread)))
    if r["uncertainty"] is not None:
        drawn = ", ".join(r["uncertainty"]["drawn"])
        parts.append(f"without random effects, {drawn} drawn ({r['uncertainty']['source']})")
        spread = [("id", "ID"), ("interval", "interval")]
        spread += [(f"{n}_{p}", f"{n} {p}") for n in ("auc", "trough", "cmax") for p in ("p5", "p50", "p95")]
        parts.append(table(_shown(r["uncertainty"]["rows"]), tuple(spread)))
    parts += findings_lines(r)
    if r["report_html"] is not None:
        parts.append(f"HTML  {r['report_html']}\nPDF   {r['report_pdf']}")
    return "\n\n".join([*parts, RESEARCH_USE])


def _shown(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All rows where they fit on a screen, else the last of each subject."""
    if len(rows) <= _MOST_ROWS:
        return rows
    return list({row["id"]: row for row in rows}.values())[:_MOST_ROWS]
