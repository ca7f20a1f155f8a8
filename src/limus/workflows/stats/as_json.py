"""Results of the survival commands in the keys of the command contract.

Every list of estimates has the same keys: ``estimate``, ``standard_error``, ``ci`` and ``status``; null has its reason
in ``status``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from limus.kernel.statistics.survival import Contrast, LogRank
    from limus.workflows.stats.cif import StatsCifResult
    from limus.workflows.stats.cox import StatsCoxResult
    from limus.workflows.stats.data import Subjects
    from limus.workflows.stats.km import GroupCurve, StatsKmResult

__all__ = ["cif_as_dict", "cox_as_dict", "km_as_dict", "test_as_dict"]

NOT_REACHED, BEYOND = "not reached", "beyond follow-up"


def km_as_dict(result: StatsKmResult) -> dict[str, Any]:
    """Return the result of ``limus stats km``."""
    estimates = [row for group in result.groups for row in _survival_rows(group)]
    found: dict[str, Any] = _about(result.subjects, result.findings) | {
        "interval": result.request.interval.value,
        "level_percent": result.request.level,
        "estimates": estimates,
        "groups": [_group_row(group, result.tau) for group in result.groups],
        "log_rank": None if result.test is None else test_as_dict(result.test) | {"strata": result.request.strata},
        "degrees_of_freedom": None if result.test is None else result.test.degrees_of_freedom,
        "restricted_mean": None,
        "differences": [
            {
                "time": d.at,
                "group": result.groups[1].group,
                "reference": result.groups[0].group,
                "estimate": d.estimate,
                "standard_error": d.standard_error,
                "ci": [d.low, d.high],
                "p": d.p,
                "status": "ok" if d.standard_error > 0 else "no variance",
            }
            for d in result.differences
        ],
    }
    if result.means is not None:
        found["restricted_mean"] = {
            "tau": result.tau,
            "group": result.groups[1].group,
            "reference": result.groups[0].group,
            "difference": _contrast(result.means.difference),
            "ratio": _contrast(result.means.ratio),
        }
    return found | {name: str(path) for name, path in result.paths} | {"seed": result.request.seed}


def _about(subjects: Subjects, findings: Any) -> dict[str, Any]:
    coding = [f.got for f in findings if f.check in ("status-coding", "cause-coding")]
    return {
        "file": str(subjects.path),
        "n": subjects.n,
        "n_read": subjects.read,
        "n_excluded": subjects.read - subjects.n,
        "excluded": [{"column": name, "rows": rows} for name, rows in subjects.excluded],
        "status_coding": "; ".join(coding),
        "findings": [f.as_dict() for f in findings],
        "n_failed": 0,
    }


def _survival_rows(group: GroupCurve) -> list[dict[str, Any]]:
    at = group.at
    return [
        {
            "group": group.group,
            "time": float(at.time[i]),
            "estimate": float(at.survival[i]),
            "survival": float(at.survival[i]),
            "standard_error": float(at.standard_error[i]),
            "ci": [float(at.low[i]), float(at.high[i])],
            "n_at_risk": float(at.n_at_risk[i]),
            "events": float(at.events[i]),
            "status": _status(bool(at.followed[i]), float(at.low[i])),
        }
        for i in range(len(at.time))
    ]


def _status(followed: bool, low: float) -> str:
    if not followed:
        return BEYOND
    return "no interval" if math.isnan(low) else "ok"


def _group_row(group: GroupCurve, tau: float) -> dict[str, Any]:
    median, low, high = group.median
    mean = group.mean
    return {
        "group": group.group,
        "n": group.curve.n,
        "events": group.curve.events,
        "last_time": float(group.curve.time[-1]),
        "median": median,
        "median_ci": [low, high],
        "median_status": _median_status(median, low, high),
        "restricted_mean": None if mean is None else mean.estimate,
        "restricted_mean_standard_error": None if mean is None else mean.standard_error,
        "restricted_mean_ci": None if mean is None else [mean.low, mean.high],
        "restricted_mean_tau": tau,
        "restricted_mean_status": BEYOND if mean is None else "ok",
        "curve": {
            name: getattr(group.curve, name).tolist()
            for name in ("time", "survival", "standard_error", "low", "high", "n_at_risk", "n_event", "n_censored")
        },
    }


def _median_status(median: float, low: float, high: float) -> str:
    if math.isnan(median):
        return NOT_REACHED
    return "ok" if math.isfinite(high) else "no upper end" if math.isfinite(low) else "no interval"


def _contrast(contrast: Contrast) -> dict[str, Any]:
    return {
        "estimate": contrast.estimate,
        "standard_error": contrast.standard_error,
        "ci": [contrast.low, contrast.high],
        "p": contrast.p,
    }


def test_as_dict(test: LogRank) -> dict[str, Any]:
    """Return a log-rank test; observed and expected summed over strata."""
    return {
        "chi_square": test.chi_square,
        "degrees_of_freedom": test.degrees_of_freedom,
        "p": test.p,
        "observed": test.observed.sum(axis=0).tolist(),
        "expected": test.expected.sum(axis=0).tolist(),
        "variance": test.variance.tolist(),
        "n_strata": len(test.strata),
    }


def cox_as_dict(result: StatsCoxResult) -> dict[str, Any]:
    """Return the result of ``limus stats cox``."""
    fit = result.fit
    rows = []
    for i, term in enumerate(result.terms):
        beta = float(fit.coefficient[i])
        rows.append(
            {
                "term": term.name,
                "column": term.column,
                "level": term.level or None,
                "reference": term.reference or None,
                "estimate": beta,
                "coefficient": beta,
                "standard_error": float(fit.standard_error[i]),
                "model_standard_error": float(fit.model_standard_error[i]),
                "coefficient_ci": [float(fit.low[i]), float(fit.high[i])],
                "hazard_ratio": _exp(beta),
                "ci": [_exp(float(fit.low[i])), _exp(float(fit.high[i]))],
                "z": beta / float(fit.standard_error[i]) if fit.standard_error[i] > 0 else math.nan,
                "p": float(fit.p[i]),
                "status": str(fit.coefficient_status[i]),
                "direction": _direction(beta),
            }
        )
    tests = {
        name: {"chi_square": test.chi_square, "degrees_of_freedom": test.degrees_of_freedom, "p": test.p}
        for name, test in (("likelihood_ratio", fit.likelihood_ratio), ("score", fit.score), ("wald", fit.wald))
    }
    hazards = None
    if result.hazards is not None:
        each = [*zip(result.hazards.names, result.hazards.each, strict=True), ("GLOBAL", result.hazards.all)]
        hazards = [
            {"term": name, "chi_square": t.chi_square, "degrees_of_freedom": t.degrees_of_freedom, "p": t.p}
            for name, t in each
        ]
    index = result.concordance
    return (
        _about(result.subjects, result.findings)
        | {
            "events": fit.events,
            "ties": fit.ties.value,
            "strata": result.request.strata,
            "robust": fit.robust,
            "level_percent": fit.level_percent,
            "status": str(fit.status),
            "steps": fit.steps,
            "estimates": rows,
            "coefficients": {row["term"]: row["coefficient"] for row in rows},
            "standard_errors": {row["term"]: row["standard_error"] for row in rows},
            "covariance": fit.covariance.tolist(),
            "log_likelihood_null": fit.log_likelihood_null,
            "log_likelihood": fit.log_likelihood,
            "tests": tests,
            "degrees_of_freedom": fit.likelihood_ratio.degrees_of_freedom,
            "concordance": None if index is None else index.index,
            "proportional_hazards": hazards,
        }
        | {name: str(path) for name, path in result.paths}
        | {"seed": result.request.seed}
    )


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf


def _direction(beta: float) -> str | None:
    if not math.isinf(beta):
        return None
    return "hazard ratio without upper limit" if beta > 0 else "hazard ratio towards 0"


def cif_as_dict(result: StatsCifResult) -> dict[str, Any]:
    """Return the result of ``limus stats cif``."""
    estimates, groups = [], []
    for group in result.groups:
        at, curves = group.at, group.curves
        for i, code in enumerate(curves.causes):
            name = result.causes[code - 1]
            for j, time in enumerate(at.time):
                low = float(at.low[i, j])
                estimates.append(
                    {
                        "group": group.group,
                        "cause": name,
                        "time": float(time),
                        "estimate": float(at.incidence[i, j]),
                        "incidence": float(at.incidence[i, j]),
                        "standard_error": float(at.standard_error[i, j]),
                        "ci": [low, float(at.high[i, j])],
                        "events": float(at.events[i, j]),
                        "n_at_risk": float(at.n_at_risk[j]),
                        "status": _status(bool(at.followed[j]), low),
                    }
                )
        groups.append(
            {
                "group": group.group,
                "n": curves.n,
                "last_time": float(curves.time[-1]),
                "events": {result.causes[c - 1]: float(curves.n_event[i].sum()) for i, c in enumerate(curves.causes)},
                "event_free": [
                    {
                        "time": float(t),
                        "estimate": float(at.survival[j]),
                        "standard_error": float(at.survival_standard_error[j]),
                        "status": _status(bool(at.followed[j]), 0.0),
                    }
                    for j, t in enumerate(at.time)
                ],
                "curve": {
                    "time": curves.time.tolist(),
                    "n_at_risk": curves.n_at_risk.tolist(),
                    "incidence": {
                        result.causes[c - 1]: curves.incidence[i].tolist() for i, c in enumerate(curves.causes)
                    },
                    "standard_error": {
                        result.causes[c - 1]: curves.standard_error[i].tolist() for i, c in enumerate(curves.causes)
                    },
                },
            }
        )
    tests = [
        {"cause": name, "test": "log-rank of the cause-specific hazard"} | test_as_dict(test)
        for name, test in result.tests
    ]
    gray_tests = [
        {
            "cause": name,
            "test": "Gray's test of the cumulative incidence",
            "chi_square": test.chi_square,
            "degrees_of_freedom": test.degrees_of_freedom,
            "p": test.p,
            "score": test.score.tolist(),
            "covariance": test.covariance.tolist(),
        }
        for name, test in result.gray_tests
    ]
    return (
        _about(result.subjects, result.findings)
        | {
            "causes": list(result.causes),
            "interval": result.request.interval.value,
            "level_percent": result.request.level,
            "estimates": estimates,
            "groups": groups,
            "tests": tests,
            "gray_tests": gray_tests,
            "degrees_of_freedom": tests[0]["degrees_of_freedom"] if tests else None,
        }
        | {name: str(path) for name, path in result.paths}
        | {"seed": result.request.seed}
    )
