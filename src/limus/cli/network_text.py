"""What ``limus evidence network`` prints."""

from __future__ import annotations

from typing import Any

from limus.cli.options import RESEARCH_USE
from limus.cli.text import number, table

__all__ = ["show_networks"]

_MOST_PRINTED = 30

_EFFECTS = (
    ("treatment", "treatment"),
    ("effect", "effect against {reference}"),
    ("prediction", "prediction interval"),
    ("p_score", "P-score"),
    ("sucra", "SUCRA"),
    ("rank", "mean rank"),
)
_SPLITS = (
    ("comparison", "direct against indirect"),
    ("k", "k"),
    ("direct", "direct"),
    ("indirect", "indirect"),
    ("network", "network"),
    ("p", "p"),
    ("separate_indirect", "of other studies"),
    ("separate_p", "p"),
)
_BAYESIAN_SPLITS = (
    ("comparison", "Bayesian, direct against indirect"),
    ("direct", "direct"),
    ("indirect", "indirect"),
    ("p", "p"),
)


def show_networks(r: dict[str, Any]) -> str:
    """Write the result of a network meta-analysis as text.

    Parameters
    ----------
    r : mapping
        The result as JSON has it.

    Returns
    -------
    str
    """
    scale = ", ".join(r[name] for name in ("outcome", "time", "unit") if r.get(name))
    how = "common effects" if r["model"] == "common" else f"random effects, tau2 by {r['tau2_method']}"
    lines = [scale or r["table"], f"{r['measure_words']}, {how}, {r['level_percent']:g} % intervals"]
    if r["n_networks"] > 1:
        lines.append(f"{r['n_networks']} networks that no study connects: each is analysed apart, nothing is bridged")
    for one in r["networks"]:
        lines += ["", *_network(one, r)]
    if r["treatments_elsewhere"]:
        lines += ["", f"in none of these networks: {'; '.join(r['treatments_elsewhere'])}"]
    shown = [f for f in r["findings"] if f["severity"] != "note"]
    read = [f"read: {f['got']}" for f in r["findings"] if f["check"] == "columns-read"]
    lines += ["", *read] if shown or read else []
    lines += [
        f"{f['severity']} [{f['check']}] {f['where']}: {f['got']}" + (f" ({f['do']})" if f["do"] else "") for f in shown
    ]
    lines += [f"{name}  {r[key]}" for name, key in (("HTML", "report_html"), ("PDF ", "report_pdf")) if key in r]
    return "\n".join([*lines, RESEARCH_USE])


def _network(one: dict[str, Any], r: dict[str, Any]) -> list[str]:
    ranks = {row["treatment"]: row for row in one["ranking"]}
    against = {row["treatment"]: row for row in one["league"] if row["comparator"] == one["reference"]}
    names = [one["reference"], *sorted(against, key=lambda name: -ranks[name]["p_score"])]
    rows = []
    for name in names[:_MOST_PRINTED]:
        row, rank = against.get(name), ranks[name]
        around = row["prediction_interval"] if row else None
        rows.append(
            {
                "treatment": name,
                "effect": _span(row["estimate"], row["ci"]) if row else "reference",
                "prediction": f"{number(around[0])} to {number(around[1])}" if around else "-",
                "p_score": rank["p_score"],
                "sucra": rank["sucra"],
                "rank": f"{rank['mean_rank']:.1f} ({rank['rank_interval'][0]:.0f} to {rank['rank_interval'][1]:.0f})",
            }
        )
    heads = tuple((key, head.format(reference=one["reference"])) for key, head in _EFFECTS)
    lines = [
        f"{one['k']} {'study' if one['k'] == 1 else 'studies'}, {len(names)} treatments; "
        f"ranks: {r['better']} is better",
        table(rows, heads, widest=44),
    ]
    if len(names) > _MOST_PRINTED:
        lines.append(f"... and {len(names) - _MOST_PRINTED} more; --json and --out have them all")
    lines += [_or_why(one, "tau2", "tau2"), _or_why(one, "i2", "I2 %")]
    found = one["inconsistency"]
    for words, key in (
        ("Q, whole network  ", "total"),
        ("Q within designs  ", "within_designs"),
        ("Q between designs ", "between_designs"),
        ("  random effects  ", "between_designs_random"),
    ):
        test = found[key]
        said = (
            f"{number(test['q'])}, df {test['df']}, p {number(test['p'])}"
            if test["df"]
            else "none: no degrees of freedom"
        )
        lines.append(f"{words} {said}")
    if one["binomial"]:
        lines += ["", *_binomial(one["binomial"])]
    both = [row for row in found["node_splits"] if row["status"] == "both"]
    if not both:
        return [*lines, "no comparison has both direct and indirect evidence"]
    shown = [row | {"comparison": f"{row['treatment']} against {row['comparator']}"} for row in both[:_MOST_PRINTED]]
    return [*lines, "", table(shown, _SPLITS, widest=60)]


def _or_why(one: dict[str, Any], key: str, name: str) -> str:
    return f"{name:18s} none: {one['reasons'][key]}" if key in one["reasons"] else f"{name:18s} {number(one[key])}"


def _binomial(found: dict[str, Any]) -> list[str]:
    rows = [row | {"effect": _span(row["estimate"], row["ci"])} for row in found["effects"]]
    heads = (
        ("treatment", "Bayesian model of the events"),
        ("effect", "odds ratio"),
        ("r_hat", "R-hat"),
        ("effective", "effective draws"),
    )
    low, high = (number(end) for end in found["tau"]["ci"])
    said = f"tau {number(found['tau']['median'])} ({low} to {high}); priors: {found['priors']}"
    lines = [table(rows, heads, widest=44), said if found["converged"] else f"{said}; NOT converged"]
    splits = [
        row
        | {
            "comparison": f"{row['treatment']} against {row['comparator']}",
            "direct": _span(row["direct"], row["direct_ci"]),
            "indirect": _span(row["indirect"], row["indirect_ci"]),
        }
        for row in found["node_splits"]
    ]
    return [*lines, "", table(splits, _BAYESIAN_SPLITS, widest=60)] if splits else lines


def _span(estimate: Any, ci: Any) -> str:
    return f"{number(estimate)} ({number(ci[0])} to {number(ci[1])})"
