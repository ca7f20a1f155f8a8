"""Networks in the keys of the command contract; a ratio as a ratio, its logarithm beside it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from limus.evidence.measures import MEASURE_WORDS, Measure
from limus.evidence.plan import Model
from limus.kernel.statistics.network import BinomialSplit, NodeSplit, QTest
from limus.workflows.evidence.networks.analysis import Component, NetworkAnalysis

__all__ = ["league_rows", "networks_as_dict", "ranking_rows", "split_rows"]


def networks_as_dict(analysis: NetworkAnalysis) -> dict[str, Any]:
    """Return an analysis as a JSON object (NaN stands for what does not exist).

    Parameters
    ----------
    analysis : NetworkAnalysis

    Returns
    -------
    dict
        ``networks`` holds all of them; the keys of the first one stand at the top as well.
    """
    plan, table = analysis.plan, analysis.table
    networks = [_component(analysis, component) for component in analysis.components]
    return {
        "measure": str(plan.measure),
        "measure_words": MEASURE_WORDS[plan.measure],
        "model": str(plan.model),
        "tau2_method": str(plan.tau2_method) if plan.model is Model.RANDOM else None,
        "level_percent": plan.level_percent,
        "better": "lower" if plan.lower_is_better else "higher",
        "table": " and ".join(table.names),
        **table.scale,
        "n_networks": len(networks),
        "n_failed": sum(used.status not in ("used", "corrected") for used in table.studies),
        **networks[0],
        "networks": networks,
        "treatments_elsewhere": list(analysis.elsewhere),
        "studies": [
            {
                "study": used.name,
                "table": used.table,
                "status": used.status,
                "treatments": list(used.treatments),
                "participants": used.participants,
                "assumed": used.assumed,
            }
            for used in table.studies
        ],
        "certainty": None,
        "findings": [finding.as_dict() for finding in analysis.findings],
    }


def _component(analysis: NetworkAnalysis, component: Component) -> dict[str, Any]:
    fit, ranking, designs = component.fit, component.ranking, component.designs
    names = fit.network.treatments
    shares, reasons = component.contributions, _reasons(component)
    return {
        "reference": names[0],
        "treatments": list(names),
        "k": len(fit.network.studies),
        "tau2": fit.tau2 if "tau2" not in reasons else np.nan,
        "i2": fit.i2_percent,
        "q": fit.q,
        "q_df": fit.degrees_of_freedom,
        "q_p": fit.q_p,
        "reasons": reasons,
        "league": league_rows(analysis, component),
        "p_scores": dict(zip(names, ranking.p_score.tolist(), strict=True)),
        "ranking": ranking_rows(component),
        "inconsistency": {
            "loops": component.loops,
            "total": _test(designs.total),
            "within_designs": _test(designs.within),
            "between_designs": _test(designs.between),
            "between_designs_random": _test(designs.between_random) | {"tau2_within": designs.tau2_within},
            "designs": [{"treatments": list(d), "k": k, **_test(test)} for d, k, test in designs.designs],
            "node_splits": split_rows(analysis.plan.measure, component.splits),
        },
        "binomial": _binomial(analysis, component),
        "contributions": None
        if shares is None
        else {
            "method": "random walk",
            "comparisons": [list(pair) for pair in shares.comparisons],
            "rows": [
                {"treatment": a, "comparator": b, "percent": (100 * row).tolist()}
                for (a, b), row in zip(shares.effects, shares.share, strict=True)
            ],
        },
    }


def _reasons(component: Component) -> dict[str, str]:
    """Why a number of a network is missing."""
    fit = component.fit
    reasons: dict[str, str] = {}
    if not fit.random:
        reasons |= {"tau2": "common effects", "prediction_interval": "common effects"}
    elif fit.degrees_of_freedom < 1:
        reasons["tau2"] = "no degrees of freedom; effects and intervals take it as 0"
    if fit.random and fit.degrees_of_freedom < 2:
        reasons["prediction_interval"] = "needs two degrees of freedom or more"
    if fit.degrees_of_freedom < 1:
        reasons |= {"q": "no degrees of freedom", "i2": "no degrees of freedom"}
    return reasons


def _binomial(analysis: NetworkAnalysis, component: Component) -> dict[str, Any] | None:
    """The Bayesian model of the events; medians and equal-tailed intervals."""
    if component.bayesian is None:
        return None
    found, ranking = component.bayesian.draws, component.bayesian.ranking
    names = component.fit.network.treatments
    tail = (100 - analysis.plan.level_percent) / 2
    flat = found.effect.reshape(-1, len(names))
    low, middle, high = np.percentile(flat, [tail, 50, 100 - tail], axis=0)
    tau = np.percentile(found.tau, [tail, 50, 100 - tail])
    return {
        "priors": "study levels and log odds ratios normal(0, 100), tau uniform(0, 5)",
        "converged": found.converged,
        "tau": {
            "median": tau[1],
            "ci": [tau[0], tau[2]],
            "mean": float(found.tau.mean()),
            "sd": float(found.tau.std()),
        },
        "tau_r_hat": float(found.r_hat[0]),
        "tau_effective": float(found.effective[0]),
        "effects": [
            {
                "treatment": names[at],
                "comparator": names[0],
                "estimate": float(np.exp(middle[at])),
                "ci": [float(np.exp(low[at])), float(np.exp(high[at]))],
                "mean_log": float(flat[:, at].mean()),
                "sd_log": float(flat[:, at].std()),
                "r_hat": float(found.r_hat[at]),
                "effective": float(found.effective[at]),
            }
            for at in range(1, len(names))
        ],
        "sucra": dict(zip(names, ranking.sucra.tolist(), strict=True)),
        "rank_probabilities": dict(zip(names, ranking.probability.tolist(), strict=True)),
        "node_splits": [_binomial_split(names, split, tail) for split in component.bayesian.splits],
    }


def _binomial_split(names: Sequence[str], split: BinomialSplit, tail: float) -> dict[str, Any]:
    """Posterior medians and equal-tailed intervals; the difference on the logarithmic scale."""
    row: dict[str, Any] = {"treatment": names[split.first], "comparator": names[split.second]}
    for name, draws in (("direct", split.direct), ("indirect", split.indirect)):
        low, middle, high = np.exp(np.percentile(draws, [tail, 50, 100 - tail])).tolist()
        row |= {name: middle, f"{name}_ci": [low, high]}
    row |= {"difference": float(split.difference.mean()), "difference_error": float(split.difference.std())}
    return row | {"p": split.p, "tau": float(np.median(split.tau)), "converged": split.converged}


def _test(test: QTest) -> dict[str, Any]:
    return {"q": test.q, "df": test.degrees_of_freedom, "p": test.p}


def league_rows(analysis: NetworkAnalysis, component: Component) -> list[dict[str, Any]]:
    """Return every pair of treatments once, later against earlier.

    Parameters
    ----------
    analysis : NetworkAnalysis
    component : Component

    Returns
    -------
    list of dict
    """
    from scipy.special import ndtr  # noqa: PLC0415

    fit, measure, level = component.fit, analysis.plan.measure, analysis.plan.level_percent
    lower, upper = fit.interval(level)
    predicted = fit.prediction(level)
    rows = []
    for a, b in combinations(range(len(fit.network.treatments)), 2):
        effect, error = float(fit.effect[b, a]), float(fit.standard_error[b, a])
        pair = [measure.shown(float(ends[b, a])) for ends in (lower, upper)]
        around = None if predicted is None else [measure.shown(float(ends[b, a])) for ends in predicted]
        rows.append(
            {
                "treatment": fit.network.treatments[b],
                "comparator": fit.network.treatments[a],
                "estimate": measure.shown(effect),
                "ci": pair,
                "p": 2 * float(ndtr(-abs(effect) / error)),
                "prediction_interval": around,
                "estimate_log": effect if measure.is_ratio else None,
                "standard_error": error,
            }
        )
    return rows


def ranking_rows(component: Component) -> list[dict[str, Any]]:
    """Return the ranks of the treatments, the highest P-score first.

    Parameters
    ----------
    component : Component

    Returns
    -------
    list of dict
    """
    ranking = component.ranking
    names = component.fit.network.treatments
    return [
        {
            "treatment": names[at],
            "p_score": float(ranking.p_score[at]),
            "sucra": float(ranking.sucra[at]),
            "mean_rank": float(ranking.mean_rank[at]),
            "median_rank": float(ranking.median_rank[at]),
            "rank_interval": [float(ranking.rank_lower[at]), float(ranking.rank_upper[at])],
            "rank_probabilities": ranking.probability[at].tolist(),
        }
        for at in np.argsort(-ranking.p_score, kind="stable")
    ]


def split_rows(measure: Measure, splits: tuple[NodeSplit, ...]) -> list[dict[str, Any]]:
    """Return direct and indirect evidence of every pair, on the scale of pooling.

    Parameters
    ----------
    measure : Measure
    splits : tuple of NodeSplit

    Returns
    -------
    list of dict
        ``direct``, ``indirect``, ``network`` and ``separate_indirect`` (of the studies without both arms) as shown;
        ``difference`` and errors on the scale of pooling.
    """
    return [
        {
            "treatment": split.first,
            "comparator": split.second,
            "k": split.studies,
            "status": split.status,
            "direct_percent": 100 * split.share,
            "direct": measure.shown(split.direct),
            "direct_error": split.direct_error,
            "indirect": measure.shown(split.indirect),
            "indirect_error": split.indirect_error,
            "network": measure.shown(split.network),
            "network_error": split.network_error,
            "difference": split.difference,
            "difference_error": split.difference_error,
            "p": split.p,
            "separate_indirect": measure.shown(split.separate),
            "separate_error": split.separate_error,
            "separate_p": split.separate_p,
        }
        for split in splits
    ]
