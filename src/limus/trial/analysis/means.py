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
from limus.kernel.statistics.regression import Robust, adjusted_means
from limus.kernel.tables import Table
from limus.trial.analysis.compare_values import TrialValues, compare_values, stratum_columns
from limus.trial.analysis.comparisons import Comparisons, Status, comparison_error
from limus.trial.analysis.covariates import covariate_columns
from limus.trial.analysis.one_trial import stratum_codes, with_comparison
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
) -> tuple[EstimandResult, Comparisons]:
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
    tuple of (EstimandResult, Comparisons)

    Raises
    ------
    LimusError
        A covariate that is not there, or too few values; the caller makes it a status.
    """
    of_two = (values.arm == analysis.test_arm) | (values.arm == analysis.reference_arm)
    columns, names, known = covariate_columns(adsl, values.subject.tolist(), analysis.covariates, characteristics)
    there = np.isfinite(values.value) & ~values.left_out & known
    kept = of_two & there
    if not kept.any():
        raise comparison_error(f"analysis {analysis.name}", Status.NO_COMPARISON)
    y, arm, stratum = values.value[kept], values.arm[kept].astype(str), values.stratum[kept]
    codes = stratum_codes(stratum) if analysis.stratified else None
    batch = TrialValues(
        y[None],
        (arm == analysis.test_arm)[None],
        np.ones((1, len(y)), dtype=np.bool_),
        columns[kept][None],
        None if codes is None else codes[None],
    )

    def compare(data: TrialValues, robust: Robust = Robust.HC3) -> Comparisons:
        level, margin, better = result.level_percent, result.margin, endpoint.higher_is_better
        return compare_values(data, level_percent=level, margin=margin, higher_is_better=better, robust=robust)

    found = compare(batch)
    if found.failed[0]:
        raise comparison_error(f"analysis {analysis.name}", Status(int(found.status[0])))
    used = np.zeros(0, dtype=np.bool_) if found.used is None else found.used[0]
    table = columns[kept]
    if codes is not None:
        table = np.column_stack([table, stratum_columns(codes)])
        names = (*names, *(f"stratum {name}" for name in sorted(set(stratum.tolist()))[1:]))
    dropped = [name for name, one in zip(names, used.tolist(), strict=True) if not one]
    adjusted = adjusted_means(
        y,
        arm,
        table[:, used],
        reference=analysis.reference_arm,
        robust=Robust.HC3,
        level_percent=result.level_percent,
    )
    means = {one.group: one for one in adjusted.means}
    arms = []
    for code in (result.test, result.reference):
        missing = int(((values.arm == code) & ~values.left_out & ~there).sum())
        one = means[code]
        arms.append(ArmEstimate(code, one.n, -1, missing, one.estimate, one.standard_error, one.low, one.high))
    nothing = replace(batch, covariates=np.zeros((1, len(y), 0)), stratum=None)
    others = (
        _beside("one spread for all (classical variance)", compare(batch, Robust.NONE)),
        _beside("no covariates", compare(nothing)),
        _higher_value(y[arm == analysis.test_arm], y[arm == analysis.reference_arm], result),
    )
    begun = replace(
        result,
        arms=tuple(arms),
        handled=values.handled,
        sensitivities=others,
        warnings=(*result.warnings, *_remarks(values, of_two, arms, dropped)),
    )
    return with_comparison(begun, found, values.unit), found


def _beside(name: str, found: Comparisons) -> Sensitivity:
    return Sensitivity(name, float(found.estimate[0]), float(found.low[0]), float(found.high[0]))


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
