"""Trials: ``limus trial ...``."""

from __future__ import annotations

import math
from typing import Annotated, Any

import typer

from limus.cli.options import NUMBERS, RESEARCH_USE, Json, Out, Overwrite, Seed
from limus.cli.runner import Options, run_command
from limus.cli.text import number, table
from limus.cli.trial_text import show_trial

__all__ = ["app"]

app = typer.Typer(name="trial", help="Virtual trials: run, power, report, calibration.", no_args_is_help=True)

DesignName = Annotated[str, typer.Argument(help="A shipped design's name, or the path of a .toml file.")]
ScenarioName = Annotated[str | None, typer.Option("--scenario", help="Name; the design's first by default.")]
Words = list[str] | None


@app.command(context_settings=NUMBERS)
def power(
    design: DesignName,
    scenario: ScenarioName = None,
    replicates: Annotated[int, typer.Option("--replicates", help="How often the trial is simulated.")] = 1000,
    subjects: Annotated[int | None, typer.Option("--subjects", help="In place of the design's number.")] = None,
    analysis: Annotated[
        Words, typer.Option("--analysis", help="Name in the design; all by default; repeatable.")
    ] = None,
    null: Annotated[bool, typer.Option("--null", help="True difference = margin: type I error.")] = False,
    workers: Annotated[int | None, typer.Option("--workers", help="Processes; all cores by default.")] = None,
    dask: Annotated[str | None, typer.Option("--dask", help="Address of a Dask scheduler.")] = None,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Simulate a design many times: power, bias and coverage, each with its Monte Carlo standard error."""
    request = {
        "design": design,
        "scenario": scenario,
        "replicates": replicates,
        "subjects": subjects,
        "analyses": tuple(analysis or ()),
        "null": null,
        "workers": workers,
        "dask": dask,
    }
    return run_command("trial_power", request, _show_power, Options(json, out, seed, overwrite))


def _show_power(r: dict[str, Any]) -> str:
    what = "type I error" if r["truth"] == "null" else "power"
    head = f"{r['design']}, scenario {r['scenario']} ({r['scenario_title']})\n"
    head += f"{r['replicates']} replicates of {r['subjects']} subjects, seed {r['seed']}"
    head += "; true difference of the primary analysis = its margin" if r["truth"] == "null" else ""
    rows = [
        {
            "analysis": row["analysis"],
            "what": row["hypothesis"],
            "power": f"{100 * row['power']:.1f} ({100 * row['mcse']:.1f})",
            "truth": row["truth"],
            "mean": row["mean_estimate"],
            "bias": _with_error(row["bias"], row["bias_mcse"]),
            "se": row["empirical_se"],
            "model_se": row["model_se"],
            "coverage": _with_error(_percent(row["coverage_fraction"]), _percent(row["coverage_mcse"])),
            "failed": row["not_converged"],
        }
        for row in r["analyses"]
    ]
    columns = (
        ("analysis", "analysis"),
        ("what", "hypothesis"),
        ("power", f"{what} % (MCSE)"),
        ("truth", "truth"),
        ("mean", "mean estimate"),
        ("bias", "bias (MCSE)"),
        ("se", "empirical SE"),
        ("model_se", "model SE"),
        ("coverage", "coverage % (MCSE)"),
        ("failed", "not converged"),
    )
    arms = list(dict.fromkeys(row["arm"] for row in r["endpoints"]))
    by_quantity: dict[str, dict[str, Any]] = {}
    for row in r["endpoints"]:
        line = by_quantity.setdefault(row["quantity"], {"quantity": row["quantity"], "unit": row["unit"]})
        line[row["arm"]] = _with_error(row["mean"], row["mcse"])
    for line in by_quantity.values():
        line.update({arm: "" for arm in arms if arm not in line})
    heads = (("quantity", "per replicate, mean (MCSE)"), *((arm, arm) for arm in arms), ("unit", "unit"))
    allocation = r["allocation"]
    said = f"allocation: {allocation['method']}; next one guessed right {_share(allocation['guess_fraction'])} %"
    said += f", largest imbalance {number(allocation['imbalance']['largest'])}"
    parts = [head, table(rows, columns), table(list(by_quantity.values()), heads), said]
    parts += [_engaged(one) for one in r["target_engagement"]]
    parts += [_said(finding) for finding in r["findings"] if finding["severity"] != "note"]
    return "\n\n".join([*parts, RESEARCH_USE])


def _said(finding: dict[str, Any]) -> str:
    """A warning in a line; an analysis that is refused says what to do instead."""
    said = f"{finding['severity']}: {finding['where']}: {finding['got']}"
    return f"{said}; refused: {finding['do']}" if finding["check"] == "analysis" else said


def _engaged(one: dict[str, Any]) -> str:
    troughs = " and ".join(f"{name} {number(level)}" for name, level in one["trough_ng_per_ml"].items())
    said = f"arm {one['arm']}, day {number(one['day'])}: median troughs {troughs} ng/mL hold "
    said += f"{number(one['calcineurin_inhibition_percent'][1])} % of calcineurin"
    said += f" and {number(one['mtorc1_inhibition_percent'][1])} % of mTORC1"
    for pair in one["competition"]:
        before, after = pair["inhibition_alone_percent"], pair["inhibition_together_percent"]
        said += f"; {pair['drug']} alone {number(before)}, with {pair['other']} {number(after)} %"
    return said


@app.command(context_settings=NUMBERS)
def run(
    design: DesignName,
    scenario: ScenarioName = None,
    subjects: Annotated[int | None, typer.Option("--subjects", help="In place of the design's number.")] = None,
    endpoints: Annotated[str | None, typer.Option("--endpoints", help="A file with other words for events.")] = None,
    formats: Annotated[str, typer.Option("--formats", help="Of parquet, csv, xpt, by commas.")] = "parquet,csv,xpt",
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Simulate a trial: data sets (SDTM, ADaM), analysis and report."""
    request = {
        "design": design,
        "scenario": scenario,
        "subjects": subjects,
        "endpoints": endpoints,
        "formats": tuple(part.strip() for part in formats.split(",") if part.strip()),
    }
    return run_command("trial_run", request, show_trial, Options(json, out, seed, overwrite))


@app.command(context_settings=NUMBERS)
def report(
    data: Annotated[str, typer.Argument(help="A folder of SDTM or ADaM data sets, or a design.")],
    design: Annotated[str | None, typer.Option("--design", help="How data sets are analysed.")] = None,
    endpoints: Annotated[str | None, typer.Option("--endpoints", help="A file with other words for events.")] = None,
    scenario: ScenarioName = None,
    subjects: Annotated[int | None, typer.Option("--subjects", help="Where a design is simulated.")] = None,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Analyse a trial's data sets, simulated or real, and write the report."""
    request = {
        "data": data,
        "design": design,
        "endpoints": endpoints,
        "scenario": scenario,
        "subjects": subjects,
    }
    return run_command("trial_report", request, show_trial, Options(json, out, seed, overwrite))


@app.command()
def allocate(
    design: DesignName,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Make the sealed allocation list of a design, and print its hash."""
    return run_command("trial_allocate", {"design": design}, _show_allocation, Options(json, out, seed, overwrite))


def _show_allocation(r: dict[str, Any]) -> str:
    kept = f"kept in {r['list']}" if r["list"] else "not kept: give --out"
    head = f"{r['design']}: {r['numbers']} allocations in {len(r['strata'])} strata, {r['method']}; {kept}"
    return f"{head}\nSHA-256 {r['sha256']}\n\n{RESEARCH_USE}"


@app.command()
def calibrate(
    scenario: Annotated[str, typer.Option("--scenario", help="Name.")] = "israni_2013",
    subjects: Annotated[int, typer.Option("--subjects", help="Of the reference cohort, in every arm.")] = 2000,
    accept: Annotated[bool, typer.Option("--accept", help="Write the fit into the library.")] = False,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Fit totals to arms of published trials, and predict the trials that are left out."""
    request = {"scenario": scenario, "subjects": subjects, "accept": accept}
    return run_command("trial_calibrate", request, _show_calibration, Options(json, out, seed, overwrite))


def _show_calibration(r: dict[str, Any]) -> str:
    rows = [
        {
            **row,
            "where": f"{row['arm']}/{row['other_arm']}" if row["other_arm"] else row["arm"],
            "interval": f"{number(row['low'])} to {number(row['high'])}",
            "judged": "inside" if row["inside"] else "OUTSIDE",
        }
        for row in r["rows"]
    ]
    columns = (
        ("design", "trial"),
        ("where", "arm"),
        ("what", "what"),
        ("day", "day"),
        ("unit", "unit"),
        ("observed", "observed"),
        ("predicted", "predicted"),
        ("interval", "95 % predictive"),
        ("judged", ""),
        ("observation_status", "observation"),
    )
    parts = [f"scenario {r['scenario']}, seed {r['seed']}: {r['status']}"]
    said = (("name", "fitted"), ("value", "value"), ("unit", "unit"), ("standard_error", "SE (log for percent, ratio)"))
    parts.append(table(r["parameters"], said))
    for use, title in (("fit", "fitted to"), ("check", "predicted, not fitted"), ("input", "taken from (no evidence)")):
        parts.append(f"{title}\n" + table([row for row in rows if row["use"] == use], columns))
    covered = f"{r['checked_inside']} of {r['checked']} rows that were not fitted lie in their 95 % interval"
    covered += f" ({r['verified_inside']} of {r['verified_checked']} that were read in their source)"
    return "\n\n".join([*parts, covered, r["note"], RESEARCH_USE])


def _share(entry: dict[str, Any]) -> str:
    return f"{100 * entry['mean']:.1f}"


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _with_error(value: float | None, error: float | None) -> str:
    if value is None or math.isnan(value):
        return ""
    return number(value) if error is None or math.isnan(error) else f"{number(value)} ({number(error)})"
