"""Every analysis of the plan, each for its estimand; one that cannot be done has its own status and stops no other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from limus.kernel.errors import InputError, LimusError, RefusedError
from limus.kernel.tables import Table
from limus.trial.analysis.intercurrent import handle_events
from limus.trial.analysis.means import analyse_values
from limus.trial.analysis.results import EstimandResult
from limus.trial.analysis.risks import analyse_times
from limus.trial.analysis.values import values_at_visit, values_below
from limus.trial.design.analysis_plan import AnalysisPlan
from limus.trial.design.design import Analysis, AnalysisMethod, Endpoint, EndpointKind, Estimand, Hypothesis

__all__ = ["analyse_estimands", "population_flag"]

_RATIO = "hazard ratio"


def analyse_estimands(adam: Mapping[str, Table], plan: AnalysisPlan) -> list[EstimandResult]:
    """Run the analyses of a plan on the data sets.

    Parameters
    ----------
    adam : mapping of str to Table
        ADSL and ADTTE; ADLB for laboratory values.
    plan : AnalysisPlan

    Returns
    -------
    list of EstimandResult
        In the order of the plan; ``status`` is ``refused`` or ``failed`` where there is no answer.
    """
    return [_one(adam, plan, analysis) for analysis in plan.analyses]


def population_flag(population: str) -> str:
    """Return the flag of ADSL that an estimand's population means: PPROTFL, SAFFL or ITTFL.

    Parameters
    ----------
    population : str
        In words; ``per protocol`` and ``treated`` (or ``safety``) are looked for, everything else is all randomised.

    Returns
    -------
    str

    Examples
    --------
    >>> population_flag("adults, per protocol"), population_flag("all randomised adults")
    ('PPROTFL', 'ITTFL')
    """
    words = population.casefold().replace("-", " ")
    if "per protocol" in words:
        return "PPROTFL"
    return "SAFFL" if "safety" in words or "as treated" in words or "all treated" in words else "ITTFL"


def _one(adam: Mapping[str, Table], plan: AnalysisPlan, analysis: Analysis) -> EstimandResult:
    endpoint, estimand = plan.endpoint_named(analysis.endpoint), plan.estimand_named(analysis.estimand)
    result = _begin(plan, analysis, endpoint, estimand)
    characteristics = {one.name: one.code for one in plan.words.characteristics}
    try:
        if estimand.endpoint != endpoint.name:
            where = f"analysis {analysis.name}"
            raise InputError(where, endpoint.name, f"the endpoint of its estimand, {estimand.endpoint}", "correct one")
        if endpoint.kind is EndpointKind.VALUE and not endpoint.events:
            found = _of_value(adam, plan, analysis, endpoint, estimand, result, characteristics)
        else:
            times, handled, warnings = handle_events(
                adam["ADTTE"], plan, endpoint.events, estimand, result.population, endpoint.day
            )
            below = None
            if not math.isnan(endpoint.threshold):
                below = values_below(adam, plan, endpoint, result.population)
            begun = replace(result, handled=handled, warnings=warnings)
            found = analyse_times(begun, analysis, times, adam["ADSL"], below, characteristics=characteristics)
    except RefusedError as error:
        return replace(result, status="refused", warnings=(*result.warnings, error.message))
    except LimusError as error:
        return replace(result, status="failed", warnings=(*result.warnings, error.message))
    return replace(found, conclusion=found.conclusion or _conclusion(found, endpoint))


def _begin(plan: AnalysisPlan, analysis: Analysis, endpoint: Endpoint, estimand: Estimand) -> EstimandResult:
    one_sided = analysis.hypothesis is Hypothesis.NON_INFERIORITY
    return EstimandResult(
        name=analysis.name,
        estimand=estimand.name,
        endpoint=endpoint.name,
        endpoint_label=endpoint.label,
        method=str(analysis.method),
        hypothesis=str(analysis.hypothesis),
        summary=estimand.summary,
        population=population_flag(estimand.population),
        test=analysis.test_arm,
        reference=analysis.reference_arm,
        primary=analysis.primary,
        unit="",
        day=endpoint.day,
        level_percent=100.0 * (1.0 - (2.0 if one_sided else 1.0) * analysis.alpha),
        margin=math.nan if analysis.margin is None or not one_sided else analysis.margin.value,
    )


def _of_value(
    adam: Mapping[str, Table],
    plan: AnalysisPlan,
    analysis: Analysis,
    endpoint: Endpoint,
    estimand: Estimand,
    result: EstimandResult,
    characteristics: Mapping[str, str],
) -> EstimandResult:
    if analysis.method is not AnalysisMethod.MEAN_DIFFERENCE:
        allowed = str(AnalysisMethod.MEAN_DIFFERENCE)
        raise InputError(f"analysis {analysis.name}, method", str(analysis.method), allowed, "choose it for a value")
    values = values_at_visit(adam, plan, endpoint, estimand, result.population)
    return analyse_values(result, analysis, endpoint, values, adam["ADSL"], characteristics)


def _conclusion(result: EstimandResult, endpoint: Endpoint) -> str:
    """Say what the interval says about the hypothesis, and no more."""
    if not (math.isfinite(result.low) and math.isfinite(result.high)):
        return ""
    if result.hypothesis == Hypothesis.NON_INFERIORITY:
        if math.isnan(result.margin):
            return ""
        higher_is_better = endpoint.higher_is_better or result.unit == "days"
        shown = result.low > -result.margin if higher_is_better else result.high < result.margin
        end = "lower" if higher_is_better else "upper"
        return f"non-inferiority {'shown' if shown else 'not shown'}: {end} end of the interval against the margin"
    if result.hypothesis == Hypothesis.SUPERIORITY:
        null = 1.0 if result.unit == _RATIO else 0.0
        if result.low > null:
            return f"{result.test} higher than {result.reference}"
        if result.high < null:
            return f"{result.test} lower than {result.reference}"
        return "no difference shown"
    return "described, not tested"
