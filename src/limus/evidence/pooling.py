r"""One pooled effect of a comparison, by the plan that was asked for, with what says how far it can be trusted.

=======  ==============================  =======================================================================
method   model                           from
=======  ==============================  =======================================================================
IV       common or random                effects and variances of studies
MH       common                          two-by-two tables; RR, OR, RD
PETO     common                          two-by-two tables; OR
GLMM     common or random                two-by-two tables; OR (logistic model, fixed study effects)
=======  ==============================  =======================================================================

An effect is never pooled by another method than the one asked for: what does not go together is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from limus.evidence.comparison import Comparison
from limus.evidence.measures import Measure, StudyEffects, compute_effects, tables_of
from limus.evidence.plan import CiMethod, Method, Model, PoolPlan, Summary
from limus.evidence.study_table import TableForm
from limus.kernel.errors import InputError, NothingSucceededError
from limus.kernel.statistics.pooling import (
    FEWEST_FOR_PREDICTION,
    BinaryMeasure,
    Correction,
    Interval,
    Pooled,
    PooledTables,
    PredictionMethod,
    TableStatus,
    fit_mixed_logistic,
    hartung_knapp_interval,
    mean_spread,
    normal_quantile,
    pool_effects,
    pool_mantel_haenszel,
    pool_peto,
    prediction_interval,
    profile_q,
    wald_interval,
)

__all__ = ["pool_comparison", "summarise"]

_NONE = (np.nan, np.nan)


def pool_comparison(comparison: Comparison, plan: PoolPlan) -> tuple[Summary, StudyEffects]:
    """Pool a comparison.

    Parameters
    ----------
    comparison : Comparison
    plan : PoolPlan

    Returns
    -------
    tuple of (Summary, StudyEffects)

    Raises
    ------
    InputError
        Measure, method, model and table do not go together.
    NothingSucceededError
        No study has an effect, or the pooled effect does not exist.
    """
    _check(comparison, plan)
    by_effects = plan.method is Method.IV  # the others need no correction; single studies are only shown with one
    effects = compute_effects(
        comparison,
        plan.measure,
        correction=plan.correction if by_effects else Correction.CONSTANT,
        keep_double_zero=plan.keep_double_zero and by_effects,
        peto=plan.method is Method.PETO,
    )
    return summarise(effects, plan), effects


def summarise(effects: StudyEffects, plan: PoolPlan) -> Summary:
    """Pool the effects of studies, or the tables behind them.

    Parameters
    ----------
    effects : StudyEffects
    plan : PoolPlan

    Returns
    -------
    Summary

    Raises
    ------
    NothingSucceededError
        The pooled effect does not exist.
    ValueRangeError
        The logistic model cannot be fitted to these counts.
    """
    if plan.method is Method.IV:
        return _by_inverse_variance(effects, plan)
    tables = tables_of(effects.studies)
    if plan.method is Method.GLMM:
        return _by_logistic_model(effects, plan)
    if plan.method is Method.PETO:
        found = pool_peto(tables)
    else:
        found = pool_mantel_haenszel(tables, BinaryMeasure(plan.measure))
    if found.status is not TableStatus.OK:
        got = "no events, or nothing else, on one side in all studies together"
        raise NothingSucceededError(f"{plan.method} of {plan.measure}", got, "events on both sides", "choose RD")
    if not found.standard_error > 0:
        got = "the same in every arm, so that there is no standard error"
        raise NothingSucceededError(f"{plan.method} of {plan.measure}", got, "some events, not only", "choose IV")
    return _of_tables(found, plan)


def _check(comparison: Comparison, plan: PoolPlan) -> None:
    by_events = comparison.form is TableForm.EVENTS
    allowed: Mapping[Method, tuple[Measure, ...]] = {
        Method.MH: (Measure.RR, Measure.OR, Measure.RD),
        Method.PETO: (Measure.OR,),
        Method.GLMM: (Measure.OR,),
    }
    if plan.method in allowed and (not by_events or plan.measure not in allowed[plan.method]):
        got = f"{plan.method} for {plan.measure} from a table of {comparison.form}"
        measures = ", ".join(allowed[plan.method])
        raise InputError("--method", got, f"{plan.method} for {measures} from events", "choose IV")
    if plan.method in (Method.MH, Method.PETO) and plan.model is Model.RANDOM:
        got = f"{plan.method} with random effects"
        raise InputError("--model", got, "common with MH and PETO", "leave --model out, or choose IV")
    if plan.ci is not CiMethod.WALD and (plan.model is Model.COMMON or plan.method is not Method.IV):
        got = f"{plan.ci} with {plan.method} and {plan.model} effect"
        raise InputError("--ci", got, "hk with random effects by inverse variance", "choose wald")


def _by_inverse_variance(effects: StudyEffects, plan: PoolPlan) -> Summary:
    pooled = pool_effects(effects.effect, effects.variance, plan.estimator)
    wald = wald_interval(pooled, plan.level_percent)
    found = {CiMethod.WALD: wald}
    if plan.model is Model.RANDOM and len(effects.studies) >= 2:
        found[CiMethod.HK] = hartung_knapp_interval(pooled, plan.level_percent)
        found[CiMethod.HK_CORRECTED] = hartung_knapp_interval(pooled, plan.level_percent, corrected=True)
    chosen = found.get(plan.ci, wald)
    reasons = _reasons(len(effects.studies), plan)
    several = len(effects.studies) >= 2
    profile = None
    if several:
        profile = profile_q(mean_spread(effects.effect[None], effects.variance[None]), plan.level_percent)
    predictions = {}
    for method in PredictionMethod:
        low, high = prediction_interval(pooled, chosen.standard_error, method, plan.level_percent)
        if np.isfinite(low[0]):
            predictions[str(method)] = (float(low[0]), float(high[0]))
    return Summary(
        studies=len(effects.studies),
        estimate=float(pooled.estimate[0]),
        standard_error=float(chosen.standard_error[0]),
        p=float(chosen.p[0]),
        ci=_pair(chosen),
        intervals={str(name): _pair(interval) for name, interval in found.items()},
        tau2=float(pooled.tau2[0]),
        tau2_standard_error=float(pooled.tau2_standard_error[0]),
        tau2_ci=(float(profile.lower[0]), float(profile.upper[0])) if profile else _NONE,
        i2_percent=float(pooled.i2_percent[0]),
        i2_ci=(float(profile.i2_lower_percent[0]), float(profile.i2_upper_percent[0])) if profile else _NONE,
        h2=float(pooled.h2[0]),
        q=float(pooled.q[0]),
        q_p=float(pooled.q_p[0]),
        degrees_of_freedom=float(pooled.degrees_of_freedom[0]),
        predictions=predictions,
        weights_percent=pooled.weights_percent[0],
        status=str(pooled.status[0]),
        reasons=reasons,
    )


def _pair(interval: Interval) -> tuple[float, float]:
    return float(interval.lower[0]), float(interval.upper[0])


def _reasons(studies: int, plan: PoolPlan) -> dict[str, str]:
    reasons = {}
    if studies < 2:
        reasons["tau2"] = "one study says nothing about heterogeneity"
        if plan.ci is not CiMethod.WALD:
            reasons["ci"] = "one study: Hartung and Knapp's interval does not exist; Wald's is given"
    if plan.model is Model.COMMON:
        reasons["prediction_interval"] = "a common effect has no prediction interval"
    elif plan.method is not Method.IV:
        reasons["prediction_interval"] = "given for inverse variance only"
    elif studies < FEWEST_FOR_PREDICTION:
        reasons["prediction_interval"] = f"fewer than {FEWEST_FOR_PREDICTION} studies"
    return reasons


def _of_tables(found: PooledTables, plan: PoolPlan) -> Summary:
    from scipy.special import ndtr  # noqa: PLC0415

    half = normal_quantile(plan.level_percent) * found.standard_error
    ci = (found.estimate - half, found.estimate + half)
    return Summary(
        studies=found.studies,
        estimate=found.estimate,
        standard_error=found.standard_error,
        p=float(2 * ndtr(-abs(found.estimate) / found.standard_error)),
        ci=ci,
        intervals={str(CiMethod.WALD): ci},
        tau2=0.0,
        i2_percent=found.i2_percent,
        h2=found.h2,
        q=found.q,
        q_p=found.q_p,
        degrees_of_freedom=found.degrees_of_freedom,
        weights_percent=found.weights_percent,
        status="ok" if found.studies > 1 else "one_study",
        reasons=_reasons(found.studies, plan),
    )


def _by_logistic_model(effects: StudyEffects, plan: PoolPlan) -> Summary:
    from scipy.special import ndtr  # noqa: PLC0415

    found = fit_mixed_logistic(tables_of(effects.studies), random=plan.model is Model.RANDOM)
    half = normal_quantile(plan.level_percent) * found.standard_error
    ci = (found.estimate - half, found.estimate + half)
    spread: Pooled = pool_effects(effects.effect, effects.variance, None)
    typical = float(spread.typical_variance[0])
    return Summary(
        studies=found.studies,
        estimate=found.estimate,
        standard_error=found.standard_error,
        p=float(2 * ndtr(-abs(found.estimate) / found.standard_error)),
        ci=ci,
        intervals={str(CiMethod.WALD): ci},
        tau2=found.tau2,
        i2_percent=100 * found.tau2 / (found.tau2 + typical) if plan.model is Model.RANDOM else float("nan"),
        h2=1 + found.tau2 / typical,
        q=float(spread.q[0]),
        q_p=float(spread.q_p[0]),
        degrees_of_freedom=float(spread.degrees_of_freedom[0]),
        weights_percent=np.full(len(effects.studies), np.nan),
        reasons=_reasons(found.studies, plan) | {"weights": "the logistic model has no weights of studies"},
    )
