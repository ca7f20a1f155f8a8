"""What ``limus trial run`` and ``limus trial report`` print for people."""

from __future__ import annotations

from typing import Any

from limus.cli.options import RESEARCH_USE
from limus.cli.text import number, table

__all__ = ["show_trial"]

_SHOWN = ("BPAR", "GRFTLOSS", "DEATH", "EFFFAIL", "CMV", "BKV", "NODAT", "TRTDISC")


def show_trial(r: dict[str, Any]) -> str:
    """Write the result of a trial: the analyses of the plan, risks by arm, where the report stands.

    Parameters
    ----------
    r : dict
        As :meth:`limus.workflows.trial.analysis.outcome.TrialOutcome.as_dict` gives it.

    Returns
    -------
    str
    """
    if "truth" in r:
        return _power(r)
    origin = f"simulated, scenario {r['scenario']}, seed {r['seed']}" if r["simulated"] else f"study {r['study']}"
    parts = [f"{r['title']}\n{r['subjects']} randomised subjects, {origin}"]
    if r["endpoints"]:
        columns = (
            ("name", "analysis"),
            ("arms", "events or means"),
            ("effect", "effect"),
            ("interval", "interval"),
            ("unit", "unit"),
            ("margin", "margin"),
            ("p", "p"),
            ("conclusion", "conclusion"),
        )
        parts.append(table([_analysis(one) for one in r["endpoints"]], columns))
    parts.append(_risks(r))
    said = [f"{one['severity']}: {one['where']}: {one['got']}" for one in r["findings"] if one["severity"] != "note"]
    parts += ["\n".join(said)] if said else []
    if r["report_html"]:
        parts.append(f"report: {r['report_html']}, {r['report_pdf']}")
    return "\n\n".join([*parts, RESEARCH_USE])


def _power(r: dict[str, Any]) -> str:
    """Where the page of a power run stands."""
    what = "type I error" if r["truth"] == "null" else "power"
    main = f"{what} of {r['analysis']}: {number(100 * r['power'])} %"
    main += f" (Monte Carlo standard error {number(100 * r['mcse'])})"
    pages = f"report: {r['report_html']}, {r['report_pdf']}" if r["report_html"] else "give --out for the page"
    return "\n\n".join([main, pages, RESEARCH_USE])


def _analysis(one: dict[str, Any]) -> dict[str, Any]:
    scale = 100.0 if one["unit"] == "fraction" else 1.0
    unit = "points" if one["unit"] == "fraction" else one["unit"]

    def scaled(value: float) -> str:
        return number(scale * value)

    arms = "; ".join(
        f"{arm['arm']} {arm['events']}/{arm['n']}" if arm["events"] >= 0 else f"{arm['arm']} {number(arm['estimate'])}"
        for arm in one["arms"]
    )
    return {
        "name": one["name"],
        "arms": arms,
        "effect": scaled(one["effect"]),
        "interval": f"{scaled(one['low'])} to {scaled(one['high'])}" if one["low"] == one["low"] else "",
        "unit": unit,
        "margin": scaled(one["margin"]) if one["margin"] == one["margin"] else "",
        "p": number(one["p"], 2),
        "conclusion": one["conclusion"] if one["status"] == "ok" else f"{one['status']}: {'; '.join(one['warnings'])}",
    }


def _risks(r: dict[str, Any]) -> str:
    rows, codes = [], [arm["arm"] for arm in r["flow"]["arms"]]
    for one in r["events"]:
        if one["code"] in _SHOWN or len(r["events"]) <= len(_SHOWN):
            row = {"event": one["label"]}
            for arm in one["arms"]:
                first = arm["risks"][0]
                row[arm["arm"]] = f"{first['percent']:.1f} ({first['events']:.0f}/{arm['n']})"
            rows.append(row)
    day = f"{r['landmarks_days'][0]:.0f}"
    day += " after randomisation" if r.get("randomisation_day") else ""
    return table(rows, (("event", f"risk by day {day}, % (events/n)"), *((code, code) for code in codes)))
