"""``limus evidence``: what published studies say together."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from limus.cli.network_text import show_networks
from limus.cli.options import RESEARCH_USE, Json, Out, Overwrite, Seed
from limus.cli.runner import Options, run_command
from limus.cli.text import number, table

__all__ = ["app"]

app = typer.Typer(name="evidence", help="Pool published studies, and check what is published.", no_args_is_help=True)

_PREDICTION = {"t_k_minus_2": "t, k - 2", "t_k_minus_1": "t, k - 1", "normal": "normal"}


@app.callback()
def group() -> None:
    """Pool published studies, and check what is published."""


@app.command()
def pool(
    file: Annotated[str, typer.Argument(help="CSV of studies, or the name of a table of the library.")],
    measure: Annotated[str, typer.Option("--measure", help="RR, OR, RD, AS, MD, SMD or HR.")],
    model: Annotated[
        str | None, typer.Option("--model", help="common or random; by default random, common with MH and PETO.")
    ] = None,
    method: Annotated[str, typer.Option("--method", help="IV, MH, PETO or GLMM.")] = "IV",
    tau2: Annotated[str, typer.Option("--tau2", help="REML, ML, DL, PM, EB, HE, HS or SJ.")] = "REML",
    ci: Annotated[
        str, typer.Option("--ci", help="wald, hk (Hartung-Knapp) or hk_corrected (never narrower).")
    ] = "wald",
    reference: Annotated[
        str | None, typer.Option("--reference", help="Treatment that the others are set against.")
    ] = None,
    treatment: Annotated[
        list[str] | None, typer.Option("--treatment", help="Treatment; repeatable, several are taken as one.")
    ] = None,
    outcome: Annotated[str | None, typer.Option("--outcome", help="Value of the column outcome.")] = None,
    time: Annotated[str | None, typer.Option("--time", help="Value of the column time.")] = None,
    where: Annotated[list[str] | None, typer.Option("--where", help="Rows with column=value; repeatable.")] = None,
    column: Annotated[
        list[str] | None, typer.Option("--column", help="What a column is, such as events=stroke; repeatable.")
    ] = None,
    prediction: Annotated[
        str, typer.Option("--prediction", help="t_k_minus_2, t_k_minus_1 or normal.")
    ] = "t_k_minus_2",
    level: Annotated[float, typer.Option("--level", help="Of all intervals, per cent.")] = 95.0,
    correction: Annotated[
        str, typer.Option("--correction", help="constant (0.5), treatment_arm or none.")
    ] = "constant",
    keep_double_zero: Annotated[
        bool, typer.Option("--keep-double-zero", help="Correct studies without any event instead of leaving them out.")
    ] = False,
    subgroup: Annotated[str | None, typer.Option("--subgroup", help="Column that splits the studies.")] = None,
    common_tau2: Annotated[bool, typer.Option("--common-tau2", help="One tau2 for all subgroups.")] = False,
    moderator: Annotated[list[str] | None, typer.Option("--moderator", help="Column; repeatable.")] = None,
    order: Annotated[str | None, typer.Option("--order", help="Column by which studies are added up.")] = None,
    better: Annotated[
        str | None, typer.Option("--better", help="lower or higher: which effects favour the treatment, for the plot.")
    ] = None,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Pool the studies of a table (meta-analysis), with heterogeneity, sensitivity and a report."""
    settings = {
        "file": file,
        "measure": measure,
        "model": model,
        "method": method,
        "tau2": tau2,
        "ci": ci,
        "prediction": prediction,
        "level": level,
        "reference": reference,
        "treatment": tuple(treatment or ()),
        "outcome": outcome,
        "time": time,
        "where": tuple(where or ()),
        "columns": tuple(column or ()),
        "correction": correction,
        "keep_double_zero": keep_double_zero,
        "subgroup": subgroup,
        "common_tau2": common_tau2,
        "moderators": tuple(moderator or ()),
        "order": order,
        "better": better,
    }
    return run_command("evidence_pool", settings, _show_pool, Options(json, out, seed, overwrite))


@app.command()
def network(
    file: Annotated[str, typer.Argument(help="CSV of studies, or the name of a table of the library.")],
    measure: Annotated[str, typer.Option("--measure", help="RR, OR, RD, AS, MD, SMD or HR.")],
    model: Annotated[str, typer.Option("--model", help="common or random.")] = "random",
    tau2: Annotated[str, typer.Option("--tau2", help="REML, DL or ML.")] = "REML",
    reference: Annotated[
        str | None, typer.Option("--reference", help="Treatment that the others are set against.")
    ] = None,
    beside: Annotated[
        list[str] | None, typer.Option("--beside", help="Further table of the same outcome; repeatable.")
    ] = None,
    outcome: Annotated[str | None, typer.Option("--outcome", help="Value of the column outcome.")] = None,
    time: Annotated[str | None, typer.Option("--time", help="Value of the column time.")] = None,
    where: Annotated[list[str] | None, typer.Option("--where", help="Rows with column=value; repeatable.")] = None,
    column: Annotated[
        list[str] | None, typer.Option("--column", help="What a column is, such as events=stroke; repeatable.")
    ] = None,
    level: Annotated[float, typer.Option("--level", help="Of all intervals, per cent.")] = 95.0,
    better: Annotated[
        str | None, typer.Option("--better", help="lower or higher: which effects are better, for the ranks.")
    ] = None,
    draws: Annotated[int, typer.Option("--draws", help="Draws of the effects, for the ranks.")] = 20_000,
    binomial: Annotated[
        bool, typer.Option("--binomial", help="Also sample a Bayesian model of the events (odds ratios).")
    ] = False,
    binomial_splits: Annotated[
        bool,
        typer.Option("--binomial-splits", help="And direct against indirect evidence in it, a model for each pair."),
    ] = False,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Compare many treatments by a network of studies (network meta-analysis), with ranks and a report."""
    settings = {
        "file": file,
        "beside": tuple(beside or ()),
        "measure": measure,
        "model": model,
        "tau2": tau2,
        "reference": reference,
        "outcome": outcome,
        "time": time,
        "where": tuple(where or ()),
        "columns": tuple(column or ()),
        "level": level,
        "better": better,
        "draws": draws,
        "binomial": binomial,
        "binomial_splits": binomial_splits,
    }
    return run_command("evidence_network", settings, show_networks, Options(json, out, seed, overwrite))


@app.command()
def check(
    file: Annotated[str, typer.Argument(help="CSV of arms or contrasts; columns by their usual names.")],
    every: Annotated[bool, typer.Option("--all", help="Print consistent rows too.")] = False,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Recompute what a table prints from what else it prints: percentages, effects, intervals, p, units."""
    settings = {"file": file}
    return run_command("evidence_check", settings, lambda r: _show_check(r, every), Options(json, out, seed, overwrite))


@app.command()
def audit(
    file: Annotated[str, typer.Argument(help="A guide, as text.")],
    every: Annotated[bool, typer.Option("--all", help="Print what is consistent or not judged too.")] = False,
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """List the claims of a guide with verdicts and lines, and recompute what its text allows."""
    settings = {"file": file}
    return run_command("evidence_audit", settings, lambda r: _show_audit(r, every), Options(json, out, seed, overwrite))


def _show_check(r: dict[str, Any], every: bool) -> str:
    asked = [check for check in r["checks"] if check["judged"] or check["not_judged"]]
    lines = [f"{r['file']}: {r['rows']} rows", "", table(asked, _CHECK_COLUMNS, widest=60)]
    lines += _judgement_lines(r["findings"], ("consistent",) if not every else ())
    idle = [check for check in r["checks"] if check not in asked]
    if idle:
        lines += ["", "not possible with these columns:"]
        lines += [f"  {check['check']}: needs {check['needs']}" for check in idle]
    return "\n".join(lines)


def _show_audit(r: dict[str, Any], every: bool) -> str:
    claims = [row for row in r["findings"] if row["check"] == "known-claim"]
    others = [row for row in r["findings"] if row["check"] != "known-claim"]
    lines = [f"{r['file']}: {r['title']}" if r["title"] else f"{r['file']}: not a document whose claims are known"]
    if claims:
        shown = [row | {"line": "-" if row["line"] is None else f"{row['line']}"} for row in claims]
        lines += ["", table(shown, _CLAIM_COLUMNS, widest=72)]
        lines.append(", ".join(f"{count} {verdict}" for verdict, count in sorted(r["verdicts"].items())))
    judged = sum(row["verdict"] != "not judged" for row in others)
    lines += ["", f"recomputed from the text itself: {judged} judged, {r['n_inconsistent']} inconsistent"]
    lines += _judgement_lines(others, ("consistent", "not judged") if not every else ())
    if r["n_not_judged"]:
        rows = "line that gives" if r["n_not_judged"] == 1 else "lines or references that give"
        lines.append(
            f"not judged: {r['n_not_judged']} {rows} nothing to recompute from" + ("" if every else " (--all)")
        )
    return "\n".join(lines)


_CHECK_COLUMNS = (
    ("check", "check"),
    ("judged", "judged"),
    ("inconsistent", "inconsistent"),
    ("imprecise", "imprecise"),
    ("not_wald", "not Wald"),
    ("not_judged", "not judged"),
)
_CLAIM_COLUMNS = (("line", "line"), ("claim", "claim"), ("verdict", "verdict"), ("reason", "why"))


def _judgement_lines(findings: list[dict[str, Any]], hidden: tuple[str, ...]) -> list[str]:
    return [
        line
        for row in findings
        if row["verdict"] not in hidden
        for line in (f"{row['verdict']} [{row['check']}] {row['row']}", f"  {row['reason']}")
    ]


def _show_pool(r: dict[str, Any]) -> str:
    scale = ", ".join(r[name] for name in ("outcome", "time", "unit") if r.get(name))
    words = r["measure_words"]
    lines = [
        f"{r['treatment']} against {r['reference']}{': ' + scale if scale else ''}",
        f"{words}, {r['model']} effect{'s' if r['model'] == 'random' else ''}, {r['method']}, {r['k']} "
        f"{'study' if r['k'] == 1 else 'studies'}",
        "",
        _effect_line(r),
        *_spread_lines(r),
        "",
        table([_study_row(row) for row in r["studies"]], _STUDY_COLUMNS, widest=34),
        "",
        table([_line_row(row) for row in r["sensitivity"]], _LINE_COLUMNS, widest=62),
    ]
    if r["subgroups"]:
        found = r["subgroups"]
        columns = (("subgroup", found["column"]), *_LINE_COLUMNS[1:])
        lines += ["", table([_line_row(row) for row in found["rows"]], columns, widest=40)]
        lines.append(f"between subgroups: Q {number(found['q_between'])}, p {number(found['q_between_p'])}")
    if r["meta_regression"]:
        lines += ["", table(r["meta_regression"]["rows"], _COEFFICIENT_COLUMNS)]
    lines += [f"read: {f['got']}" for f in r["findings"] if f["check"] == "columns-read"]
    shown = [f for f in r["findings"] if f["severity"] != "note"]
    lines += [
        f"{f['severity']} [{f['check']}] {f['where']}: {f['got']}" + (f" ({f['do']})" if f["do"] else "") for f in shown
    ]
    lines += [f"{name}  {r[key]}" for name, key in (("HTML", "report_html"), ("PDF ", "report_pdf")) if key in r]
    return "\n".join([*lines, RESEARCH_USE])


_STUDY_COLUMNS = (
    ("study", "study"),
    ("reported", "reported"),
    ("effect", "effect"),
    ("weight", "%"),
    ("status", "status"),
)
_LINE_COLUMNS = (
    ("analysis", "other methods"),
    ("k", "k"),
    ("effect", "effect"),
    ("tau2", "tau2"),
    ("i2", "I2 %"),
    ("reason", "reason"),
)
_COEFFICIENT_COLUMNS = (
    ("name", "coefficient"),
    ("coefficient", "value"),
    ("lower", "from"),
    ("upper", "to"),
    ("p", "p"),
)


def _span(estimate: Any, ci: Any) -> str:
    if estimate is None:
        return "-"
    return f"{number(estimate)} ({number(ci[0])} to {number(ci[1])})"


def _effect_line(r: dict[str, Any]) -> str:
    how = f"{r['level_percent']:g} % {r['ci_method']}, p {number(r['p'])}"
    return f"pooled effect        {_span(r['estimate'], r['ci'])}, {how}"


def _spread_lines(r: dict[str, Any]) -> list[str]:
    lines = []
    if r["prediction_interval"] is not None:
        low, high = (number(end) for end in r["prediction_interval"])
        lines.append(f"prediction interval  {low} to {high} ({_PREDICTION[r['prediction_method']]})")
    else:
        lines.append(f"prediction interval  none: {r['reasons'].get('prediction_interval', '')}")
    if "tau2" in r["reasons"]:
        return [*lines, f"heterogeneity        none: {r['reasons']['tau2']}"]
    if r["tau2_method"] is not None:
        lines.append(f"tau2                 {number(r['tau2'])} ({r['tau2_method']}), interval {_pair(r['tau2_ci'])}")
    lines.append(f"I2                   {number(r['i2'])} %, interval {_pair(r['i2_ci'])}")
    lines.append(f"Cochran's Q          {number(r['q'])}, df {r['q_df']:.0f}, p {number(r['q_p'])}")
    return lines


def _pair(ends: list[float]) -> str:
    return f"{number(ends[0])} to {number(ends[1])}"


def _study_row(row: dict[str, Any]) -> dict[str, Any]:
    said = row["reported"]
    text = ""
    if "events_1" in said:
        text = " and ".join(f"{said[f'events_{side}']:.0f}/{said[f'n_{side}']:.0f}" for side in (1, 2))
    elif "mean_1" in said:
        text = " and ".join(f"{number(said[f'mean_{side}'])} ({number(said[f'sd_{side}'])})" for side in (1, 2))
    effect = _span(row["estimate"], row["ci"])
    return {
        "study": row["study"],
        "reported": text,
        "effect": effect,
        "weight": row["weight_percent"],
        "status": row["status"],
    }


def _line_row(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"effect": _span(row["estimate"] if row["status"] != "failed" else None, row["ci"])}
