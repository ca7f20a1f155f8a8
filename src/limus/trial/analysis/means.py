"""Two arms compared by analysis of covariance of a laboratory value at a visit.

The effect is the difference of means adjusted for covariates, with HC3's variance: arms, and values that stand for lost
grafts, need not have one spread. Kidney function has no baseline before transplantation: donor type, donor age and
delayed function are its covariates. Beside it stand the classical variance, the difference without covariates, and the
probability of a higher value, which no value that stands for a lost graft can pull.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.statistics.pooling import normal_quantile
from limus.kernel.statistics.regression import AdjustedMeans, Robust, adjusted_means
from limus.kernel.tables import Table
from limus.trial.analysis.covariates import covariate_columns, independent_columns
from limus.trial.analysis.results import ArmEstimate, EstimandResult, Sensitivity
from limus.trial.analysis.values import VisitValues
from limus.trial.design.design import Analysis, Endpoint

__all__ = ["analyse_values"]

Floats = NDArray[np.float64]


def analyse_values(
    result: EstimandResult,
    analysis: Analysis,
    endpoint: Endpoint,
    values: VisitValues,
    adsl: Table,
    characteristics: Mapping[str, str],
) -> EstimandResult:
    """Compare two arms by analysis of covariance.

    Parameters
    ----------
    result : EstimandResult
        What is known before.
    analysis : Analysis
    endpoint : Endpoint
    values : VisitValues
    adsl : Table
    characteristics : mapping of str to str
        Variable of ADSL for each covariate name.

    Returns
    -------
    EstimandResult

    Raises
    ------
    LimusError
        A covariate that is not there, or too few values; the caller makes it a status.
    """
    of_two = (values.arm == analysis.test_arm) | (values.arm == analysis.reference_arm)
    columns, names, known = covariate_columns(adsl, values.subject.tolist(), analysis.covariates, characteristics)
    there = np.isfinite(values.value) & ~values.left_out & known
    kept = of_two & there
    y, arm = values.value[kept], values.arm[kept].astype(str)
    columns = columns[kept]
    if analysis.stratified:
        strata, strata_names = _strata_columns(values.stratum[kept])
        columns, names = np.column_stack([columns, strata]), (*names, *strata_names)
    free = independent_columns(np.column_stack([np.ones(len(y)), arm == analysis.test_arm, columns]))[2:]
    dropped = [name for name, one in zip(names, free.tolist(), strict=True) if not one]

    def fit(covariates: Floats, robust: Robust) -> AdjustedMeans:
        level = result.level_percent
        reference = analysis.reference_arm
        return adjusted_means(y, arm, covariates, reference=reference, robust=robust, level_percent=level)

    adjusted = fit(columns[:, free], Robust.HC3)
    effect = adjusted.contrasts[0]
    classical = fit(columns[:, free], Robust.NONE).contrasts[0]
    plain = fit(np.zeros((len(y), 0)), Robust.HC3).contrasts[0]
    means = {one.group: one for one in adjusted.means}
    arms = []
    for code in (result.test, result.reference):
        missing = int(((values.arm == code) & ~values.left_out & ~there).sum())
        one = means[code]
        arms.append(ArmEstimate(code, one.n, -1, missing, one.estimate, one.standard_error, one.low, one.high))
    others = (
        Sensitivity("one spread for all (classical variance)", classical.estimate, classical.low, classical.high),
        Sensitivity("no covariates", plain.estimate, plain.low, plain.high),
        _higher_value(y[arm == analysis.test_arm], y[arm == analysis.reference_arm], result),
    )
    return replace(
        result,
        unit=values.unit,
        effect=effect.estimate,
        standard_error=effect.standard_error,
        low=effect.low,
        high=effect.high,
        p=_p_value(effect.estimate, effect.standard_error, effect.p, result.margin, endpoint),
        arms=tuple(arms),
        handled=values.handled,
        sensitivities=others,
        warnings=(*result.warnings, *_remarks(values, of_two, arms, dropped)),
    )


def _remarks(values: VisitValues, of_two: NDArray[np.bool_], arms: list[ArmEstimate], dropped: list[str]) -> list[str]:
    """Say what is missing, left out by rule, replaced, or of no use."""
    said = []
    missing = sum(arm.unknown for arm in arms)
    if missing:
        said.append(f"{missing} subjects without a value or a covariate are left out, as missing at random")
    left = int((of_two & values.left_out).sum())
    if left:
        said.append(f"{left} subjects are left out by the estimand: arms differ in who is alive with a graft")
    stands = int((of_two & values.replaced).sum())
    if stands:
        said.append(f"{stands} values stand for death or graft loss: a composite, not kidney function alone")
    if dropped:
        said.append(f"covariates that say nothing beside the others are left out: {', '.join(dropped)}")
    return said


def _p_value(effect: float, error: float, p: float, margin: float, endpoint: Endpoint) -> float:
    if math.isnan(margin) or not error > 0:
        return p
    distance = (effect + margin) if endpoint.higher_is_better else (margin - effect)
    return math.erfc(distance / error / math.sqrt(2.0)) / 2.0


def _strata_columns(stratum: NDArray[np.object_]) -> tuple[Floats, tuple[str, ...]]:
    levels = sorted(set(stratum.tolist()))[1:]
    columns = [(stratum == one).astype(np.float64) for one in levels]
    if not columns:
        return np.zeros((len(stratum), 0)), ()
    stacked = np.column_stack(columns)
    return stacked - stacked.mean(axis=0), tuple(f"stratum {one}" for one in levels)


def _higher_value(test: Floats, reference: Floats, result: EstimandResult) -> Sensitivity:
    """Probability that a subject under test has the higher value, ties half, with DeLong's interval."""
    name = f"probability that a subject of {result.test} has the higher value (0.5: no difference)"
    order = np.sort(reference)
    wins = (np.searchsorted(order, test, "left") + np.searchsorted(order, test, "right")) / (2.0 * len(order))
    order = np.sort(test)
    losses = (np.searchsorted(order, reference, "left") + np.searchsorted(order, reference, "right")) / (
        2.0 * len(order)
    )
    share = float(wins.mean())
    if min(len(test), len(reference)) < 2:
        return Sensitivity(name, share, math.nan, math.nan)
    half = normal_quantile(result.level_percent) * math.sqrt(
        wins.var(ddof=1) / len(test) + losses.var(ddof=1) / len(reference)
    )
    return Sensitivity(name, share, max(0.0, share - half), min(1.0, share + half))
