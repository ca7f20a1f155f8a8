"""A pooling in the keys of the command contract; a ratio as a ratio, its logarithm beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

from limus.evidence.measures import MEASURE_WORDS, Measure
from limus.evidence.plan import Method
from limus.evidence.sensitivity import Line
from limus.kernel.statistics.pooling import normal_quantile
from limus.workflows.evidence.pooling.analysis import Analysis

__all__ = ["analysis_as_dict", "study_rows"]

# left out as planned, not for a fault of the row
_NOT_A_FAILURE = ("compared", "pooled", "corrected", "variance_corrected", "other-treatments")


def analysis_as_dict(analysis: Analysis) -> dict[str, Any]:
    """Return an analysis as a JSON object (NaN stands for what does not exist).

    Parameters
    ----------
    analysis : Analysis

    Returns
    -------
    dict
    """
    plan, summary = analysis.plan, analysis.summary
    measure = plan.measure
    rows = study_rows(analysis)
    predictions = {name: _shown(measure, pair) for name, pair in summary.predictions.items()}
    by_tau2 = plan.estimator is not None
    return {
        "measure": str(measure),
        "measure_words": MEASURE_WORDS[measure],
        "model": str(plan.model),
        "method": str(plan.method),
        "tau2_method": _tau2_method(analysis),
        "ci_method": str(plan.ci),
        "level_percent": plan.level_percent,
        "table": analysis.comparison.name,
        "treatment": analysis.comparison.treatment_name,
        "reference": analysis.comparison.reference,
        **analysis.comparison.scale,
        "k": summary.studies,
        "n_failed": sum(row["status"] not in _NOT_A_FAILURE for row in rows),
        "status": summary.status,
        "reasons": dict(summary.reasons),
        "estimate": measure.shown(summary.estimate),
        "ci": _shown(measure, summary.ci),
        "p": summary.p,
        "estimate_log": summary.estimate if measure.is_ratio else None,
        "ci_log": list(summary.ci) if measure.is_ratio else None,
        "standard_error": summary.standard_error,
        "intervals": {name: _shown(measure, pair) for name, pair in summary.intervals.items()},
        "tau2": summary.tau2,
        "tau2_standard_error": summary.tau2_standard_error,
        "tau2_ci": list(summary.tau2_ci),
        "i2": summary.i2_percent,
        "i2_ci": list(summary.i2_ci),
        "i2_definition": "100 tau2/(tau2 + s2), s2 the typical variance" if by_tau2 else "100 max(0, 1 - df/Q)",
        "h2": summary.h2,
        "q": summary.q,
        "q_df": summary.degrees_of_freedom,
        "q_p": summary.q_p,
        "prediction_interval": predictions.get(str(plan.prediction)),
        "prediction_method": str(plan.prediction),
        "prediction_intervals": predictions,
        "studies": rows,
        "sensitivity": [_line(measure, line) for line in analysis.otherwise],
        "leave_one_out": [_line(measure, line, "without") for line in analysis.without_one],
        "cumulative": [_line(measure, line, "added") for line in analysis.in_order],
        "influence": _influence(analysis),
        "subgroups": _subgroups(analysis),
        "meta_regression": _regression(analysis),
        "small_study_effects": _small(analysis),
        "certainty": None,
        "findings": [finding.as_dict() for finding in analysis.findings],
    }


def _tau2_method(analysis: Analysis) -> str | None:
    plan = analysis.plan
    if plan.estimator is None:
        return None
    return "ML of the logistic model" if plan.method is Method.GLMM else str(plan.estimator)


def _shown(measure: Measure, pair: tuple[float, float]) -> list[float]:
    return [measure.shown(end) for end in pair]


def study_rows(analysis: Analysis) -> list[dict[str, Any]]:
    """Return one row a study of the table, also for those left out.

    Parameters
    ----------
    analysis : Analysis

    Returns
    -------
    list of dict
    """
    measure, effects = analysis.plan.measure, analysis.effects
    z = normal_quantile(analysis.plan.level_percent)
    at = {study.name: index for index, study in enumerate(effects.studies)}
    rows = []
    for study in analysis.comparison.studies:
        index = at.get(study.name)
        row: dict[str, Any] = {
            "study": study.name,
            "status": effects.status.get(study.name, study.status),
            "arms": list(study.arms),
            "reported": {key: value for key, value in study.numbers.items() if key not in ("turned", "sign")},
            **dict.fromkeys(("estimate", "ci", "effect", "standard_error", "weight_percent")),
        }
        if index is not None:
            effect, error = float(effects.effect[index]), float(np.sqrt(effects.variance[index]))
            row["estimate"] = measure.shown(effect)
            row["ci"] = _shown(measure, (effect - z * error, effect + z * error))
            row |= {"effect": effect, "standard_error": error}
            row["weight_percent"] = float(analysis.summary.weights_percent[index])
        rows.append(row)
    return rows


def _line(measure: Measure, line: Line, label: str = "analysis") -> dict[str, Any]:
    return {
        label: line.label,
        "k": line.studies,
        "estimate": measure.shown(line.estimate),
        "ci": _shown(measure, (line.lower, line.upper)),
        "tau2": line.tau2,
        "i2": line.i2_percent,
        "status": line.status,
        "reason": line.reason,
    }


def _influence(analysis: Analysis) -> list[dict[str, Any]]:
    found = analysis.influence
    if found is None:
        return []
    names: tuple[str, ...] = ("studentised_residual", "dffits", "cook_distance", "covariance_ratio", "hat")
    names += ("tau2_without", "q_without", "q_contribution", "shift")
    return [
        {"study": study.name}
        | {name: float(getattr(found, name)[at]) for name in names}
        | {"influential": bool(found.influential[at])}
        for at, study in enumerate(analysis.effects.studies)
    ]


def _subgroups(analysis: Analysis) -> dict[str, Any] | None:
    found = analysis.subgroups
    if found is None:
        return None
    return {
        "column": found.column,
        "common_tau2": found.common_tau2,
        "rows": [_line(analysis.plan.measure, line, "subgroup") for line in found.lines],
        "q_between": found.q_between,
        "q_between_df": found.degrees_of_freedom,
        "q_between_p": found.q_between_p,
    }


def _regression(analysis: Analysis) -> dict[str, Any] | None:
    fit = analysis.regression
    if fit is None:
        return None
    columns = ("coefficients", "standard_errors", "statistics", "p", "lower", "upper")
    keys = ("coefficient", "standard_error", "statistic", "p", "lower", "upper")
    rows = [
        {"name": name} | {key: float(getattr(fit, column)[at]) for key, column in zip(keys, columns, strict=True)}
        for at, name in enumerate(fit.names)
    ]
    names = ("tau2", "i2_percent", "h2", "r2_percent", "qe", "qe_p", "qm", "qm_p", "studies", "degrees_of_freedom")
    return {"rows": rows} | {name: getattr(fit, name) for name in (*names, "hartung_knapp")}


def _small(analysis: Analysis) -> dict[str, Any]:
    found, measure = analysis.small_studies, analysis.plan.measure
    names = ("coefficient", "standard_error", "statistic", "degrees_of_freedom", "p", "studies")
    tests = {test.name: {name: getattr(test, name) for name in names} for test in found.tests}
    filled = None
    if found.filled is not None:
        pooled = found.filled.pooled
        half = normal_quantile(analysis.plan.level_percent) * pooled.standard_error[0]
        estimate = float(pooled.estimate[0])
        filled = {
            "missing": found.filled.missing,
            "side": str(found.filled.side),
            "estimator": str(found.filled.estimator),
            "settled": found.filled.settled,
            "estimate": measure.shown(estimate),
            "ci": _shown(measure, (estimate - half, estimate + half)),
            "estimate_log": estimate if measure.is_ratio else None,
            "tau2": float(pooled.tau2[0]),
        }
    return {"tests": tests, "trim_and_fill": filled, "reasons": dict(found.reasons)}
