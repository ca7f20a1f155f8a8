"""Drug monitoring: ``limus tdm ...``."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from limus.cli.options import NUMBERS, RESEARCH_USE, Json, Out, Overwrite, Seed
from limus.cli.runner import Options, run_command
from limus.cli.text import number, table

__all__ = ["app"]

app = typer.Typer(
    name="tdm", help="Drug monitoring: forecasts and doses from a patient's levels.", no_args_is_help=True
)

Files = Annotated[list[Path], typer.Argument(help="NONMEM event table, CSV or Parquet; or a FHIR bundle.")]
Model = Annotated[str, typer.Option("--model", help="Model, or several by commas: names, or .toml files of your own.")]
Words = list[str] | None
Unit = Annotated[Words, typer.Option("--unit", help="AMT=ug where the table's unit differs; repeatable.")]
Set = Annotated[Words, typer.Option("--set", help="Covariate for all: immediate_release=1; repeatable.")]
Column = Annotated[Words, typer.Option("--column", help="Covariate from columns: female=1-SEX; repeatable.")]
Override = Annotated[Words, typer.Option("--override", help="Limit to go beyond; repeatable.")]
Occasions = Annotated[str, typer.Option("--occasions", help="column (OCC), or gap:H.")]
Residual = Annotated[str, typer.Option("--residual", help="model, additive, proportional, either with :SD, or a name.")]
Carry = Annotated[str | None, typer.Option("--carry", help="Covariates: next_observation_backward or last_...")]
OccasionFactor = Annotated[float, typer.Option("--occasion-factor", help="Of the deviations between occasions.")]
AssaySd = Annotated[float, typer.Option("--assay-sd", help="Further error, in the unit of DV.")]
AssayCv = Annotated[float, typer.Option("--assay-cv", help="Further error, percent.")]
TimeSd = Annotated[float, typer.Option("--time-sd", help="Uncertainty of sampling times, minutes.")]
Recency = Annotated[float | None, typer.Option("--recency", help="Days after which a level counts half.")]
LastOccasions = Annotated[int | None, typer.Option("--last-occasions", help="Use levels of so many only.")]
Starts = Annotated[int, typer.Option("--starts", help="Starts of the search for the mode.")]
Draws = Annotated[int, typer.Option("--draws", help="Draws from the posterior.")]
Id = Annotated[str | None, typer.Option("--id", help="Patient; of a FHIR bundle the only one.")]
FhirOut = Annotated[Path | None, typer.Option("--fhir-out", help="File for the dose as FHIR MedicationRequest.")]


def _request(names: dict[str, Any]) -> dict[str, Any]:
    """The fields that all three commands share, from their options."""
    return {
        "files": tuple(map(str, names["files"])),
        "models": tuple(part.strip() for part in names["model"].split(",") if part.strip()),
        "units": tuple(names["unit"] or ()),
        "settings": tuple(names["settings"] or ()),
        "columns": tuple(names["column"] or ()),
        "overrides": tuple(names["override"] or ()),
        "occasions": names["occasions"],
        "residual": names["residual"],
        "carry": names["carry"],
        "occasion_factor": names["occasion_factor"],
        "assay_sd": names["assay_sd"],
        "assay_cv": names["assay_cv"],
        "time_sd": names["time_sd"],
        "recency": names["recency"],
        "last_occasions": names["last_occasions"],
        "starts": names["starts"],
        "draws": names["draws"],
    }


@app.command(context_settings=NUMBERS)
def forecast(
    files: Files,
    model: Model,
    id: Id = None,
    occasion: Annotated[int | None, typer.Option("--occasion", help="Forecast this one from the earlier.")] = None,
    times: Annotated[str | None, typer.Option("--times", help="h after the next dose: 0:24:2, or 0,6,12.")] = None,
    target: Annotated[str | None, typer.Option("--target", help="trough:5-10, drawn.")] = None,
    unit: Unit = None,
    settings: Set = None,
    column: Column = None,
    override: Override = None,
    occasions: Occasions = "column",
    residual: Residual = "model",
    carry: Carry = None,
    occasion_factor: OccasionFactor = 1.0,
    assay_sd: AssaySd = 0.0,
    assay_cv: AssayCv = 0.0,
    time_sd: TimeSd = 0.0,
    recency: Recency = None,
    last_occasions: LastOccasions = None,
    starts: Starts = 16,
    draws: Draws = 1000,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Explain one patient's levels and forecast the next ones."""
    request = _request(locals()) | {
        "id": _patient(id, files),
        "occasion": occasion,
        "target": target,
        "times": _times(times),
    }
    return run_command("tdm_forecast", request, _show_forecast, Options(json, out, seed, overwrite))


def _patient(id: str | None, files: list[Path]) -> str:
    if id is not None:
        return id
    from limus.workflows.tdm.suggest import only_patient  # noqa: PLC0415

    return only_patient(files)


def _times(text: str | None) -> tuple[float, ...]:
    if text is None:
        return ()
    from limus.workflows.simulate import parse_times  # noqa: PLC0415

    return tuple(parse_times(text).tolist())


def _show_forecast(r: dict[str, Any]) -> str:
    levels = [("time", "time h"), ("occasion", "occasion"), ("observed", f"measured {r['unit']}")]
    levels += [("predicted", "by the models"), ("population", "population"), ("used", "used")]
    rows = r["forecast"] if len(r["forecast"]) <= _MOST else r["forecast"][:: len(r["forecast"]) // _MOST + 1]
    columns = [("time", "time h"), ("median", "forecast, median"), ("lower", "5 %"), ("upper", "95 %")]
    columns += [("measured_lower", "measured 5 %"), ("measured_upper", "measured 95 %")]
    columns += [("observed", "measured")] if any(math.isfinite(row["observed"]) for row in rows) else []
    rows = [row | {"time": f"{row['time']:.6g}"} for row in rows]
    said = [
        row
        | {"time": f"{row['time']:.6g}"}
        | ({"observed": f"<{number(row['observed'])}"} if row["below_limit"] else {})
        for row in r["levels"]
    ]
    parts = [_head(r), table(said, tuple(levels)) if said else "no levels"]
    parts.append(table(rows, tuple(columns)) if rows else "nothing lies ahead: the table gives no regimen that goes on")
    return "\n\n".join([*parts, *_tail(r)])


_MOST = 25


def _head(r: dict[str, Any]) -> str:
    lines = [f"ID {r['id']}, {r['drug']}, levels in {r['unit']}, seed {r['seed']}"]
    for entry in r["models"]:
        effects = ", ".join(f"{name} {value:.3f}" for name, value in entry["eta"].items() if "[" not in name)
        lines.append(f"  {entry['model']}: weight {100 * entry['weight']:.1f} %, {entry['status']}; {effects}")
        if entry["second_mode"] is not None:
            other = entry["second_mode"]
            effects = ", ".join(f"{name} {value:.3f}" for name, value in other["eta"].items() if "[" not in name)
            lines.append(f"    a second mode, {100 * other['relative_height']:.2g} % as high: {effects}")
    return "\n".join(lines)


def _tail(r: dict[str, Any]) -> list[str]:
    serious = [f for f in r["findings"] if f["severity"] != "note"]
    parts = [f"{f['severity']}: {f['where']}: {f['got']}; {f['do']}" for f in serious[:_SERIOUS]]
    parts += [f"{len(serious) - _SERIOUS} more findings in --json"] if len(serious) > _SERIOUS else []
    parts += [f"limits overridden: {', '.join(r['overrides'])}"] if r["overrides"] else []
    if r["report_html"] is not None:
        parts.append(f"HTML  {r['report_html']}\nPDF   {r['report_pdf']}")
    return [*parts, RESEARCH_USE]


_SERIOUS = 8


@app.command(context_settings=NUMBERS)
def dose(
    files: Files,
    model: Model,
    target: Annotated[str, typer.Option("--target", help="trough:5-10 or auc:150-250 (over one interval).")],
    id: Id = None,
    occasion: Annotated[int | None, typer.Option("--occasion", help="Use levels before this one only.")] = None,
    strengths: Annotated[str | None, typer.Option("--strengths", help="Capsules, mg: 0.5,1,5.")] = None,
    form: Annotated[str | None, typer.Option("--form", help="Form of the drug in the library.")] = None,
    interval: Annotated[float | None, typer.Option("--interval", help="h; the patient's own by default.")] = None,
    most: Annotated[float | None, typer.Option("--most", help="Largest single dose, mg.")] = None,
    after: Annotated[float | None, typer.Option("--after", help="h on the new dose; steady state by default.")] = None,
    samples: Annotated[int, typer.Option("--samples", help="Levels of the sampling plan.")] = 2,
    fhir_out: FhirOut = None,
    unit: Unit = None,
    settings: Set = None,
    column: Column = None,
    override: Override = None,
    occasions: Occasions = "column",
    residual: Residual = "model",
    carry: Carry = None,
    occasion_factor: OccasionFactor = 1.0,
    assay_sd: AssaySd = 0.0,
    assay_cv: AssayCv = 0.0,
    time_sd: TimeSd = 0.0,
    recency: Recency = None,
    last_occasions: LastOccasions = None,
    starts: Starts = 16,
    draws: Draws = 1000,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Find the dose that most probably brings one patient into a range."""
    request = _request(locals()) | {
        "id": _patient(id, files),
        "target": target,
        "occasion": occasion,
        "strengths": () if strengths is None else tuple(part.strip() for part in strengths.split(",")),
        "form": form,
        "interval": interval,
        "most": most,
        "after": after,
        "samples": samples,
    }
    workflow = "tdm_dose" if fhir_out is None else "tdm_suggest"
    request |= {} if fhir_out is None else {"fhir_out": str(fhir_out)}
    return run_command(workflow, request, _show_dose, Options(json, out, seed, overwrite))


def _show_dose(r: dict[str, Any]) -> str:
    best = next(k for k, row in enumerate(r["doses"]) if row["dose_mg"] == r["best"]["dose_mg"])
    first = max(0, min(best - 5, len(r["doses"]) - 11))
    columns = (
        ("dose_mg", "dose mg"),
        ("capsules", "capsules"),
        ("trough", f"trough {r['unit']}"),
        ("trough_lower", "5 %"),
        ("trough_upper", "95 %"),
        ("auc", f"area {r['unit']} h"),
        ("probability_percent", "% in target"),
        ("below_percent", "% below"),
        ("above_percent", "% above"),
    )
    goal = f"{r['target']['measure']} {number(r['target']['lower'])} to {number(r['target']['upper'])}"
    most = number(r["best"]["probability_percent"])
    said = f"most probable for {goal}: {number(r['best']['dose_mg'])} mg every {number(r['best']['interval_h'])} h"
    said += f", {most} %"
    if r["current"] is not None:
        said += f"; now {number(r['current']['dose_mg'])} mg every {number(r['current']['interval_h'])} h"
    parts = [_head(r), table(r["doses"][first : first + 11], columns), f"{said} ({r['at']})", f"limit: {r['limit']}"]
    parts += [
        f"guideline start, {s['setting']}: {s['reason']}: {number(s['dose_mg'])} mg every {number(s['interval_h'])} h"
        + (" (held at the limit)" if s["capped"] else "")
        for s in r["starting_doses"]
    ]
    parts += [f"FHIR proposal  {r['fhir_out']}"] if "fhir_out" in r else []
    if r["sampling"]:
        plan = r["sampling"][0]
        times = " and ".join(f"{number(time)} h" for time in plan["times_h"])
        parts.append(
            f"levels that would tell most: {times} after the dose; the area's uncertainty falls from "
            f"{number(plan['auc_cv_before_percent'])} to {number(plan['auc_cv_after_percent'])} %"
        )
    return "\n\n".join([*parts, *_tail(r)])


@app.command(context_settings=NUMBERS)
def evaluate(
    files: Files,
    model: Model,
    id: Annotated[Words, typer.Option("--id", help="Patients; all by default; repeatable.")] = None,
    unit: Unit = None,
    settings: Set = None,
    column: Column = None,
    override: Override = None,
    occasions: Occasions = "column",
    residual: Residual = "model",
    carry: Carry = None,
    occasion_factor: OccasionFactor = 1.0,
    assay_sd: AssaySd = 0.0,
    assay_cv: AssayCv = 0.0,
    time_sd: TimeSd = 0.0,
    recency: Recency = None,
    last_occasions: LastOccasions = None,
    starts: Starts = 2,
    draws: Draws = 300,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Forecast every next occasion of all patients from the earlier ones, beside two baselines."""
    request = _request(locals()) | {"ids": tuple(id or ())}
    return run_command("tdm_evaluate", request, _show_evaluation, Options(json, out, seed, overwrite))


def _show_evaluation(r: dict[str, Any]) -> str:
    entries = {**r["models"], **({"average": r["average"]} if r["average"] else {}), **r["baselines"]}
    entries |= r["combinations"]
    columns = (
        ("name", "method"),
        ("n", "n"),
        ("bias_percent", "mean error %"),
        ("mdpe_percent", "median error %"),
        ("mape_percent", "mean |error| %"),
        ("mdape_percent", "median |error| %"),
        ("rmse", f"rmse {r['unit']}"),
        ("within_20", "within 20 %"),
        ("within_30", "within 30 %"),
        ("coverage_percent", "in 90 % band"),
        ("crps", "CRPS"),
    )
    troughs = [entry["troughs"] | {"name": name} for name, entry in entries.items()]
    every = [entry | {"name": name} for name, entry in entries.items()]
    parts = ["troughs", table(troughs, columns), "all levels that a method forecasts", table(every, columns)]
    rows = []
    for name, entry in entries.items():
        if entry["less_ratio"] and entry["kind"] != "population":
            rows.append(
                {"name": name}
                | {
                    one["measure"]: f"{number(one['difference'])} ({number(one['lower'])} to {number(one['upper'])})"
                    for one in entry["less_ratio"]
                }
            )
    heads = [("name", f"troughs, less '{r['baseline']}'"), ("mape_percent", "mean |error| %")]
    heads += [("mdape_percent", "median |error| %"), ("rmse", "rmse"), ("within_20", "within 20 %")]
    parts.append(table(rows, (*heads, ("within_30", "within 30 %"), ("crps", "CRPS"))))
    return "\n\n".join([*parts, *_tail(r)])


@app.command("json")
def from_json(
    file: Annotated[Path, typer.Argument(help="One JSON object: command, its fields, files or records.")],
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Run a request that a script wrote; with --json the answer is one JSON object."""
    from limus.kernel.errors import InputError  # noqa: PLC0415
    from limus.workflows.tdm.json_request import json_request  # noqa: PLC0415

    with json_request(file) as (command, given):
        show = {"forecast": _show_forecast, "dose": _show_dose, "evaluate": _show_evaluation}[command]
        fields = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
        if command != "evaluate" and "id" not in fields:
            with suppress(InputError):  # no bundle: the request says what is missing
                fields["id"] = _patient(None, [Path(name) for name in fields["files"]])
        options = Options(json, out, given.get("seed", seed), overwrite)
        return run_command(f"tdm_{command}", fields, show, options)
