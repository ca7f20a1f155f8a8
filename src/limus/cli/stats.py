"""``limus stats``: survival analysis of any table of subjects."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from limus.cli.options import RESEARCH_USE, Json, Out, Overwrite, Seed
from limus.cli.runner import Options, run_command
from limus.cli.text import number, table

__all__ = ["app"]

app = typer.Typer(name="stats", help="Survival analysis of a table of subjects.", no_args_is_help=True)

File = Annotated[str, typer.Argument(help="CSV, one row a subject.")]
Time = Annotated[str, typer.Option("--time", help="Column with the time to event or censoring.")]
Status = Annotated[str, typer.Option("--status", help="Column with 0 and 1, or R's 1 censored and 2 event, or CNSR.")]
Event = Annotated[list[str] | None, typer.Option("--event", help="Value that means the event; repeatable.")]
Group = Annotated[str | None, typer.Option("--group", help="Column with the groups to compare.")]
Strata = Annotated[str | None, typer.Option("--strata", help="Columns of strata, a,b.")]
Entry = Annotated[str | None, typer.Option("--entry", help="Column with the start of watching (delayed entry).")]
Weights = Annotated[str | None, typer.Option("--weights", help="Column with the number of subjects of a row.")]
At = Annotated[str | None, typer.Option("--at", help="Times to read the curves at, 180,365.")]
Interval = Annotated[str, typer.Option("--interval", help="log-log, log or plain.")]
Level = Annotated[float, typer.Option("--level", help="Of all intervals, per cent.")]


@app.callback()
def group() -> None:
    """Survival analysis of a table of subjects."""


@app.command()
def km(
    file: File,
    time: Time,
    status: Status,
    group: Group = None,
    strata: Strata = None,
    event: Event = None,
    entry: Entry = None,
    weights: Weights = None,
    at: At = None,
    tau: Annotated[float | None, typer.Option("--tau", help="End of the restricted mean.")] = None,
    interval: Interval = "log-log",
    rho: Annotated[float, typer.Option("--rho", help="Log-rank test weighted by S^rho.")] = 0.0,
    gamma: Annotated[float, typer.Option("--gamma", help="And by (1 - S)^gamma.")] = 0.0,
    level: Level = 95.0,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Survival by Kaplan-Meier, log-rank test, restricted means, differences of risk."""
    settings = {
        "file": file,
        "time": time,
        "status": status,
        "group": group,
        "strata": strata,
        "event": tuple(event or ()),
        "entry": entry,
        "weights": weights,
        "at": at,
        "tau": tau,
        "interval": interval,
        "rho": rho,
        "gamma": gamma,
        "level": level,
    }
    return run_command("stats_km", settings, _show_km, Options(json, out, seed, overwrite))


@app.command()
def cox(
    file: File,
    time: Time,
    status: Status,
    covariates: Annotated[str | None, typer.Option("--covariates", help="Columns, a,b.")] = None,
    group: Annotated[str | None, typer.Option("--group", help="A covariate whose values are names.")] = None,
    strata: Strata = None,
    categorical: Annotated[
        str | None, typer.Option("--categorical", help="Covariates whose numbers are names of levels, a,b.")
    ] = None,
    reference: Annotated[
        list[str] | None, typer.Option("--reference", help="Level to set others against, column=level; repeatable.")
    ] = None,
    event: Event = None,
    entry: Entry = None,
    weights: Weights = None,
    subject: Annotated[
        str | None, typer.Option("--subject", help="Column that joins rows of one subject; robust errors.")
    ] = None,
    robust: Annotated[bool, typer.Option("--robust", help="Robust standard errors.")] = False,
    ties: Annotated[str, typer.Option("--ties", help="efron or breslow.")] = "efron",
    level: Level = 95.0,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Hazard ratios by Cox regression, with tests of its assumption."""
    settings = {
        "file": file,
        "time": time,
        "status": status,
        "covariates": covariates,
        "group": group,
        "strata": strata,
        "categorical": categorical,
        "reference": tuple(reference or ()),
        "event": tuple(event or ()),
        "entry": entry,
        "weights": weights,
        "subject": subject,
        "robust": robust,
        "ties": ties,
        "level": level,
    }
    return run_command("stats_cox", settings, _show_cox, Options(json, out, seed, overwrite))


@app.command()
def cif(
    file: File,
    time: Time,
    cause: Annotated[
        str | None, typer.Option("--cause", help="Column with the cause of each event, 0 where censored.")
    ] = None,
    status: Annotated[
        str | None, typer.Option("--status", help="Column that says who had any event; the cause counts for those.")
    ] = None,
    censored: Annotated[
        str | None, typer.Option("--censored", help="Value of the cause that means censored; none if nobody was.")
    ] = None,
    event: Event = None,
    group: Group = None,
    strata: Strata = None,
    entry: Entry = None,
    weights: Weights = None,
    at: At = None,
    interval: Interval = "log-log",
    level: Level = 95.0,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Cumulative incidence of competing events by Aalen-Johansen, exact with ties."""
    settings = {
        "file": file,
        "time": time,
        "cause": cause,
        "status": status,
        "censored": censored,
        "event": tuple(event or ()),
        "group": group,
        "strata": strata,
        "entry": entry,
        "weights": weights,
        "at": at,
        "interval": interval,
        "level": level,
    }
    return run_command("stats_cif", settings, _show_cif, Options(json, out, seed, overwrite))


def _show_km(r: dict[str, Any]) -> str:
    groups = [row | {"median_ci": _pair(row["median_ci"]), "mean": _mean(row)} for row in r["groups"]]
    lines = [_head(r), "", table(groups, _GROUP_COLUMNS)]
    lines += ["", table([_with_interval(row) for row in r["estimates"]], _SURVIVAL_COLUMNS)]
    if r["log_rank"] is not None:
        lines += ["", f"log-rank             {_chi(r['log_rank'])}"]
    if r["restricted_mean"] is not None:
        mean = r["restricted_mean"]
        sides = f"{mean['group']} less {mean['reference']}"
        lines.append(f"restricted mean      to {number(mean['tau'])}, {sides}: {_estimate(mean['difference'])}")
    lines += [
        f"risk at {number(d['time']):<13}{d['group']} less {d['reference']}: {_estimate(d)}" for d in r["differences"]
    ]
    return "\n".join([*lines, *_foot(r)])


def _show_cox(r: dict[str, Any]) -> str:
    rows = [row | {"ci": _pair(row["ci"])} for row in r["estimates"]]
    lines = [
        _head(r),
        f"{number(r['events'])} events, ties by {r['ties']}",
        "",
        table(rows, _COX_COLUMNS, widest=40),
        "",
    ]
    lines += [f"{name.replace('_', ' '):<20} {_chi(test)}" for name, test in r["tests"].items()]
    if r["concordance"] is not None:
        lines.append(f"{'concordance':<20} {number(r['concordance'])}")
    if r["proportional_hazards"] is not None:
        lines += ["", table(r["proportional_hazards"], _HAZARD_COLUMNS)]
    return "\n".join([*lines, *_foot(r)])


def _show_cif(r: dict[str, Any]) -> str:
    lines = [_head(r), "", table([_with_interval(row) for row in r["estimates"]], _INCIDENCE_COLUMNS)]
    if r["tests"]:
        tests = [*r["gray_tests"], *r["tests"]]
        lines += ["", *(f"{test['cause']}, {test['test']}: {_chi(test)}" for test in tests)]
    return "\n".join([*lines, *_foot(r)])


_GROUP_COLUMNS = (
    ("group", "group"),
    ("n", "n"),
    ("events", "events"),
    ("median", "median"),
    ("median_ci", "interval"),
    ("mean", "restricted mean (se)"),
)
_SURVIVAL_COLUMNS = (
    ("group", "group"),
    ("time", "time"),
    ("survival", "survival"),
    ("standard_error", "se"),
    ("ci", "interval"),
    ("n_at_risk", "at risk"),
    ("status", "status"),
)
_COX_COLUMNS = (
    ("term", "term"),
    ("coefficient", "coefficient"),
    ("standard_error", "se"),
    ("hazard_ratio", "hazard ratio"),
    ("ci", "interval"),
    ("p", "p"),
    ("status", "status"),
)
_HAZARD_COLUMNS = (("term", "proportional hazards"), ("chi_square", "chi2"), ("degrees_of_freedom", "df"), ("p", "p"))
_INCIDENCE_COLUMNS = (
    ("cause", "cause"),
    ("group", "group"),
    ("time", "time"),
    ("incidence", "incidence"),
    ("standard_error", "se"),
    ("ci", "interval"),
    ("events", "events"),
    ("n_at_risk", "at risk"),
    ("status", "status"),
)


def _head(r: dict[str, Any]) -> str:
    left = f", {r['n_excluded']} of {r['n_read']} rows left out" if r["n_excluded"] else ""
    return f"{r['file']}: {r['n']} subjects{left} ({r['status_coding']})"


def _foot(r: dict[str, Any]) -> list[str]:
    lines = [
        f"{f['severity']}: {f['where']}: {f['got']}" + (f" ({f['do']})" if f["do"] else "")
        for f in r["findings"]
        if f["severity"] != "note"
    ]
    lines += [f"{name}  {r[key]}" for name, key in (("HTML", "report_html"), ("PDF ", "report_pdf")) if key in r]
    return [*lines, RESEARCH_USE]


def _with_interval(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"ci": _pair(row["ci"])}


def _pair(ends: list[float]) -> str:
    return f"{number(ends[0])} to {number(ends[1])}"


def _mean(row: dict[str, Any]) -> str:
    if row["restricted_mean"] is None:
        return "-"
    return f"{number(row['restricted_mean'])} ({number(row['restricted_mean_standard_error'])})"


def _estimate(found: dict[str, Any]) -> str:
    return f"{number(found['estimate'])} ({_pair(found['ci'])}), p {number(found['p'])}"


def _chi(test: dict[str, Any]) -> str:
    return f"chi2 {number(test['chi_square'])}, df {test['degrees_of_freedom']}, p {number(test['p'])}"
