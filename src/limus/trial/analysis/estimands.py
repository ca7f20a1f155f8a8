"""Every analysis of the plan, each for its estimand; one that cannot be done has its own status and stops no other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from limus.kernel.errors import InputError, LimusError, RefusedError
from limus.kernel.tables import Table
from limus.trial.analysis.comparisons import Comparisons, shows
from limus.trial.analysis.covariates import covariate_variables
from limus.trial.analysis.intercurrent import handle_events
from limus.trial.analysis.means import analyse_values
from limus.trial.analysis.results import EstimandResult, end_against_margin
from limus.trial.analysis.risks import analyse_times, refuse_value_over_time
from limus.trial.analysis.strategies import words_for_time, words_for_value
from limus.trial.analysis.values import values_at_visit, values_below
from limus.trial.design.analysis_plan import AnalysisPlan, event_names
from limus.trial.design.design import Analysis, AnalysisMethod, Endpoint, EndpointKind, Estimand, Hypothesis

__all__ = ["analyse_estimands", "check_analysis", "interval_level", "margin_of", "population_flag"]


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


def interval_level(analysis: Analysis) -> float:
    """Return the level of the interval in percent: 100 (1 - 2 alpha) for non-inferiority, 100 (1 - alpha) else."""
    one_sided = analysis.hypothesis is Hypothesis.NON_INFERIORITY
    return 100.0 * (1.0 - (2.0 if one_sided else 1.0) * analysis.alpha)


def margin_of(analysis: Analysis) -> float:
    """Return the margin of non-inferiority, NaN for other hypotheses."""
    one_sided = analysis.hypothesis is Hypothesis.NON_INFERIORITY
    return math.nan if analysis.margin is None or not one_sided else analysis.margin.value


def _one(adam: Mapping[str, Table], plan: AnalysisPlan, analysis: Analysis) -> EstimandResult:
    endpoint, estimand = plan.endpoint_named(analysis.endpoint), plan.estimand_named(analysis.estimand)
    result = _begin(plan, analysis, endpoint, estimand)
    characteristics = covariate_variables(plan.words)
    try:
        check_analysis(plan, analysis)
        if endpoint.kind is EndpointKind.VALUE and not endpoint.events:
            found, compared = _of_value(adam, plan, analysis, endpoint, estimand, result, characteristics)
        else:
            times, handled, warnings = handle_events(
                adam["ADTTE"], plan, endpoint.events, estimand, result.population, endpoint.day
            )
            below = None
            if not math.isnan(endpoint.threshold):
                below = values_below(adam, plan, endpoint, result.population)
            begun = replace(result, handled=handled, warnings=warnings)
            found, compared = analyse_times(
                begun, analysis, times, adam["ADSL"], below, characteristics=characteristics
            )
    except RefusedError as error:
        return replace(result, status="refused", warnings=(*result.warnings, error.message))
    except LimusError as error:
        return replace(result, status="failed", warnings=(*result.warnings, error.message))
    return replace(found, conclusion=_conclusion(found, compared))


def check_analysis(plan: AnalysisPlan, analysis: Analysis) -> None:
    """Check that an analysis can answer its estimand, whatever the data.

    Parameters
    ----------
    plan : AnalysisPlan
    analysis : Analysis

    Raises
    ------
    InputError
        Endpoint, estimand and method do not fit.
    RefusedError
        A strategy, or a method for the endpoint, that no data can answer.
    UnknownNameError
        An event that the words do not hold.
    """
    endpoint, estimand = plan.endpoint_named(analysis.endpoint), plan.estimand_named(analysis.estimand)
    where = f"analysis {analysis.name}"
    if estimand.endpoint != endpoint.name:
        raise InputError(where, endpoint.name, f"the endpoint of its estimand, {estimand.endpoint}", "correct one")
    is_value = endpoint.kind is EndpointKind.VALUE and not endpoint.events
    if is_value is not (analysis.method is AnalysisMethod.MEAN_DIFFERENCE):
        allowed = str(AnalysisMethod.MEAN_DIFFERENCE) if is_value else "a method for a time to event"
        raise InputError(f"{where}, method", str(analysis.method), allowed, "choose another")
    if not is_value and not math.isnan(endpoint.threshold):
        refuse_value_over_time(analysis)
    own = event_names(plan, endpoint.events)
    for one in estimand.intercurrent_events:
        name = plan.words.event(one.event).name
        if is_value:
            words_for_value(one, name, endpoint)
        elif name not in own:
            words_for_time(one, name, endpoint.label)


def _begin(plan: AnalysisPlan, analysis: Analysis, endpoint: Endpoint, estimand: Estimand) -> EstimandResult:
    return EstimandResult(
        name=analysis.name,
        estimand=estimand.name,
        endpoint=endpoint.name,
        endpoint_label=endpoint.label,
        method=str(analysis.method),
        done=str(analysis.method),
        hypothesis=str(analysis.hypothesis),
        summary=estimand.summary,
        population=population_flag(estimand.population),
        test=analysis.test_arm,
        reference=analysis.reference_arm,
        primary=analysis.primary,
        unit="",
        day=endpoint.day,
        level_percent=interval_level(analysis),
        margin=margin_of(analysis),
    )


def _of_value(
    adam: Mapping[str, Table],
    plan: AnalysisPlan,
    analysis: Analysis,
    endpoint: Endpoint,
    estimand: Estimand,
    result: EstimandResult,
    characteristics: Mapping[str, str],
) -> tuple[EstimandResult, Comparisons]:
    values = values_at_visit(adam, plan, endpoint, estimand, result.population)
    return analyse_values(result, analysis, endpoint, values, adam["ADSL"], characteristics)


def _conclusion(result: EstimandResult, compared: Comparisons) -> str:
    """Say what the interval says about the hypothesis, and no more."""
    shown = bool(shows(compared, result.hypothesis, result.margin)[0])
    if result.hypothesis == Hypothesis.NON_INFERIORITY:
        end, at, margin = "upper", result.high, result.margin
        if compared.higher_is_better:
            end, at, margin = "lower", result.low, -result.margin
        words = "non-inferiority shown" if shown else "non-inferiority not shown"
        return f"{words}: {end} end of the interval {end_against_margin(at, margin, result.unit)}"
    if result.hypothesis != Hypothesis.SUPERIORITY:
        return "described, not tested"
    if not shown:
        return "no difference shown"
    return f"{result.test} {'higher' if compared.estimate[0] > 0 else 'lower'} than {result.reference}"
