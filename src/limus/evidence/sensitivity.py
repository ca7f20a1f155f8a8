"""How the result would have come out otherwise: with one study less, one after the other, by other methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.evidence.comparison import Comparison
from limus.evidence.measures import Measure, StudyEffects
from limus.evidence.plan import CiMethod, Method, Model, PoolPlan, Summary
from limus.evidence.pooling import pool_comparison, summarise
from limus.evidence.study_table import TableForm
from limus.kernel.errors import LimusError
from limus.kernel.statistics.pooling import (
    Correction,
    Interval,
    Pooled,
    Tau2Method,
    hartung_knapp_interval,
    pool_cumulatively,
    pool_leaving_one_out,
    wald_interval,
)

__all__ = ["Line", "leave_one_out", "line_of", "pool_in_order", "pool_otherwise", "take_studies"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Line:
    """One pooled effect among several, on the scale of pooling; NaN where it does not exist.

    Attributes
    ----------
    label : str
        What was done: the study left out, the study added, the method.
    studies : int
    estimate, lower, upper, tau2, i2_percent : float
    status : str
        ``ok``, ``one_study``, or ``failed``.
    reason : str
        Why it failed.
    """

    label: str
    studies: int
    estimate: float
    lower: float
    upper: float
    tau2: float
    i2_percent: float
    status: str = "ok"
    reason: str = ""


def line_of(label: str, summary: Summary) -> Line:
    """Return a summary as a line.

    Parameters
    ----------
    label : str
    summary : Summary

    Returns
    -------
    Line
    """
    s = summary
    return Line(label, s.studies, s.estimate, *s.ci, s.tau2, s.i2_percent, s.status)


def take_studies(effects: StudyEffects, chosen: NDArray[np.bool_]) -> StudyEffects:
    """Return some of the studies.

    Parameters
    ----------
    effects : StudyEffects
    chosen : (K,) array of bool

    Returns
    -------
    StudyEffects
    """
    studies = tuple(study for study, there in zip(effects.studies, chosen, strict=True) if there)
    return replace(effects, studies=studies, effect=effects.effect[chosen], variance=effects.variance[chosen])


def leave_one_out(effects: StudyEffects, plan: PoolPlan) -> tuple[Line, ...]:
    """Pool all studies but one, for each of them.

    Parameters
    ----------
    effects : StudyEffects
    plan : PoolPlan

    Returns
    -------
    tuple of Line
        In the order of the studies; empty for fewer than two.
    """
    names = [study.name for study in effects.studies]
    if len(names) < 2:
        return ()
    if plan.method is Method.IV:
        return _lines(names, pool_leaving_one_out(effects.effect, effects.variance, plan.estimator), plan)
    everyone = np.arange(len(names))
    return tuple(_try(name, take_studies(effects, everyone != at), plan) for at, name in enumerate(names))


def pool_in_order(effects: StudyEffects, plan: PoolPlan, order: Sequence[int]) -> tuple[Line, ...]:
    """Pool the first study, the first two, and so on.

    Parameters
    ----------
    effects : StudyEffects
    plan : PoolPlan
    order : sequence of int
        Indices of the studies.

    Returns
    -------
    tuple of Line
        One a study, labelled with the one that is added.

    Raises
    ------
    ValueRangeError
        The order is not one of all studies.
    """
    names = [effects.studies[at].name for at in order]
    if plan.method is Method.IV:
        return _lines(names, pool_cumulatively(effects.effect, effects.variance, list(order), plan.estimator), plan)
    lines = []
    for count, name in enumerate(names, start=1):
        chosen = np.isin(np.arange(len(effects.studies)), list(order)[:count])
        lines.append(_try(name, take_studies(effects, chosen), plan))
    return tuple(lines)


def pool_otherwise(comparison: Comparison, plan: PoolPlan) -> tuple[Line, ...]:
    """Pool by the other usual methods; what cannot be done has a status and a reason.

    Parameters
    ----------
    comparison : Comparison
    plan : PoolPlan
        Of the result, which comes first.

    Returns
    -------
    tuple of Line
    """
    found = []
    for label, other in _other_plans(comparison, plan):
        try:
            summary = pool_comparison(comparison, other)[0]
        except LimusError as error:
            found.append(_failed(label, error))
            continue
        line = line_of(label, summary)
        if summary.studies < 2 and other.ci is not CiMethod.WALD:
            line = Line(label, 1, *(np.nan,) * 5, "failed", "one study has no such interval")
        elif line.lower == line.upper:
            line = Line(label, line.studies, *(np.nan,) * 5, "failed", "effects all alike: an interval of no width")
        found.append(line)
    return tuple(found)


def _other_plans(comparison: Comparison, plan: PoolPlan) -> list[tuple[str, PoolPlan]]:
    base = replace(plan, method=Method.IV, model=Model.RANDOM, ci=CiMethod.WALD, tau2_method=Tau2Method.REML)
    plans = [
        ("random effects, REML, Wald interval", base),
        ("random effects, REML, Hartung-Knapp interval", replace(base, ci=CiMethod.HK)),
        ("random effects, REML, Hartung-Knapp, factor at least 1", replace(base, ci=CiMethod.HK_CORRECTED)),
        ("random effects, DL, Wald interval", replace(base, tau2_method=Tau2Method.DL)),
        ("random effects, PM, Hartung-Knapp interval", replace(base, tau2_method=Tau2Method.PM, ci=CiMethod.HK)),
        ("common effect, inverse variance", replace(base, model=Model.COMMON)),
    ]
    if comparison.form is TableForm.EVENTS:
        common = replace(base, model=Model.COMMON)
        if plan.measure is not Measure.AS:
            plans.append(("common effect, Mantel-Haenszel", replace(common, method=Method.MH)))
        if plan.measure is Measure.OR:
            plans.append(("common effect, Peto", replace(common, method=Method.PETO)))
            plans.append(("random effects, logistic model", replace(base, method=Method.GLMM)))
        if plan.measure.is_ratio and _has_zeros(comparison):
            arm = replace(base, correction=Correction.TREATMENT_ARM)
            plans.append(("random effects, REML, zero cells by size of arm", arm))
            plans.append(("random effects, REML, studies without events kept", replace(base, keep_double_zero=True)))
    return plans


def _has_zeros(comparison: Comparison) -> bool:
    tables = [study.numbers for study in comparison.compared]
    return any(n["events_1"] in (0, n["n_1"]) or n["events_2"] in (0, n["n_2"]) for n in tables)


def _try(label: str, effects: StudyEffects, plan: PoolPlan) -> Line:
    try:
        return line_of(label, summarise(effects, plan))
    except LimusError as error:
        return _failed(label, error)


def _failed(label: str, error: LimusError) -> Line:
    nothing = (np.nan,) * 5
    return Line(label, 0, *nothing, "failed", f"{error.where}: {error.got}")


def _lines(names: Sequence[str], pooled: Pooled, plan: PoolPlan) -> tuple[Line, ...]:
    interval = _interval(pooled, plan)
    return tuple(
        Line(
            name,
            int(pooled.studies[at]),
            float(pooled.estimate[at]),
            float(interval.lower[at]),
            float(interval.upper[at]),
            float(pooled.tau2[at]),
            float(pooled.i2_percent[at]),
            str(pooled.status[at]),
        )
        for at, name in enumerate(names)
    )


def _interval(pooled: Pooled, plan: PoolPlan) -> Interval:
    if plan.ci is CiMethod.WALD:
        return wald_interval(pooled, plan.level_percent)
    return hartung_knapp_interval(pooled, plan.level_percent, corrected=plan.ci is CiMethod.HK_CORRECTED)
