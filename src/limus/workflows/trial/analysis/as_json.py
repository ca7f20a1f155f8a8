"""The analysis of a trial as a JSON object."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from limus.trial.analysis.analyse import TrialAnalysis
from limus.trial.analysis.events import EventSummary
from limus.trial.analysis.results import EstimandResult

__all__ = ["analysis_as_dict"]


def analysis_as_dict(analysis: TrialAnalysis) -> dict[str, Any]:
    """Turn an analysis into what JSON holds.

    Parameters
    ----------
    analysis : TrialAnalysis

    Returns
    -------
    dict
        ``endpoints, events, flow, baseline, laboratory, troughs, safety, landmarks_days, randomisation_day``.
    """
    return {
        "endpoints": [_estimand(one, analysis.plan.randomisation_day) for one in analysis.estimands],
        "events": [_event(one) for one in analysis.events],
        "flow": asdict(analysis.flow),
        "baseline": [asdict(one) for one in analysis.baseline],
        "laboratory": [asdict(one) for one in analysis.laboratory],
        "troughs": [asdict(one) for one in analysis.levels],
        "safety": [asdict(one) for one in analysis.safety],
        "landmarks_days": list(analysis.landmarks),
        "randomisation_day": analysis.plan.randomisation_day,
    }


def _estimand(one: EstimandResult, randomisation_day: float) -> dict[str, Any]:
    found = asdict(one) | {"day": one.day + randomisation_day, "day_after_randomisation": one.day}
    found["handled"] = [entry | {"counts": dict(entry["counts"])} for entry in found["handled"]]
    return found


def _event(one: EventSummary) -> dict[str, Any]:
    arms = [
        {
            "arm": arm.arm,
            "n": arm.n,
            "events": arm.events,
            "competing": arm.competing,
            "lost": arm.lost,
            "risks": [
                {
                    "day": mark.day,
                    "percent": 100.0 * mark.risk,
                    "low": 100.0 * mark.low,
                    "high": 100.0 * mark.high,
                    "standard_error": 100.0 * mark.standard_error,
                    "n_at_risk": mark.n_at_risk,
                    "events": mark.events,
                }
                for mark in arm.risks
            ],
            "one_minus_kaplan_meier_percent": 100.0 * arm.naive_risk,
        }
        for arm in one.arms
    ]
    comparisons = [asdict(comparison) for comparison in one.comparisons]
    return {
        "code": one.code,
        "label": one.label,
        "method": one.method,
        "arms": arms,
        "comparisons": comparisons,
        "warning": one.warning,
    }
