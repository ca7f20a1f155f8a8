"""The truth behind simulated trials: the effect that an analysis estimates, and hazards with which it is a given one.

Which events end the wait for an endpoint, and which count as it, is what the estimand and the words of events say, as
in the analysis; risks are computed from hazards on a reference cohort, not drawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import InputError
from limus.trial.analysis.comparisons import Status, comparison_error
from limus.trial.datasets.adam_events import rivals_of
from limus.trial.design.analysis_plan import AnalysisPlan, event_names, plan_of
from limus.trial.design.design import Analysis, AnalysisMethod, Design, Endpoint, EndpointKind, Strategy
from limus.trial.design.scenario import Scenario
from limus.trial.events.events import DISCONTINUATION
from limus.trial.events.rates import RateContext
from limus.trial.simulation.arm_factors import (
    Reference,
    average_risks,
    find_arm_factors,
    make_reference,
    solve_factors,
    true_values,
    values_at_visit,
)

__all__ = ["check_restricted_mean", "find_null_factors", "true_effect", "true_risks"]

Floats = NDArray[np.float64]
_SUBJECTS = 4000
_RATIOS = (AnalysisMethod.LOG_RANK, AnalysisMethod.COX)
_WHILE = (Strategy.WHILE_ALIVE, Strategy.WHILE_ON_TREATMENT)
_GONE = ("death", "graft loss")


@dataclass(frozen=True, slots=True)
class _Question:
    """What an estimand asks of times: the first of some events, with what ends the wait; names of the simulation."""

    events: tuple[str, ...]
    rivals: tuple[str, ...]


def true_effect(reference: Reference, analysis: Analysis) -> float:
    """Return the effect that an analysis estimates, test minus reference, on a reference cohort.

    Parameters
    ----------
    reference : Reference
    analysis : Analysis

    Returns
    -------
    float
        NaN for ratios and restricted means, for composites with a value, where protocol biopsies count, and where
        discontinuation ends the wait.
    """
    design = reference.trial.design
    plan = plan_of(design)
    endpoint = design.endpoint_named(analysis.endpoint)
    test, control = _arms(design, analysis)
    if endpoint.kind is EndpointKind.VALUE and not endpoint.events:
        if not _is_plain_value(plan, analysis, endpoint):
            return math.nan
        values = true_values(reference, endpoint)
        return float(values[test] - values[control])
    if analysis.method in (*_RATIOS, AnalysisMethod.RESTRICTED_MEAN):
        return math.nan
    risks = true_risks(reference, analysis)
    return math.nan if risks is None else float(risks[test] - risks[control])


def true_risks(reference: Reference, analysis: Analysis, *, context: RateContext | None = None) -> Floats | None:
    """Return the risk of an endpoint under its estimand by its day, in each arm.

    Parameters
    ----------
    reference : Reference
    analysis : Analysis
    context : RateContext, optional
        Hazards to use in place of the reference's own.

    Returns
    -------
    (A,) array or None
        None where the hazards alone do not give it.
    """
    design = reference.trial.design
    asked = _question(design, plan_of(design), analysis, (context or reference.context).scenario)
    if asked is None:
        return None
    # data sets know days, so events on the last one count; follow-up may end with its beginning
    day = min(design.endpoint_named(analysis.endpoint).day + 1.0, design.duration_days)
    return average_risks(reference, asked.events, day, competing=True, rivals=asked.rivals, context=context)


def _question(design: Design, plan: AnalysisPlan, analysis: Analysis, scenario: Scenario) -> _Question | None:
    """Translate an estimand; None where a threshold, a biopsy or the end of treatment is part of it."""
    endpoint = design.endpoint_named(analysis.endpoint)
    simulated = {plan.words.event(name).name: name for name in scenario.hazards.events}
    events, rivals = _events_and_rivals(plan, analysis)
    own = [simulated[name] for name in sorted(events) if name in simulated]
    against = [simulated[name] for name in sorted(rivals) if name in simulated]
    if len(own) < len(events) or "subclinical rejection" in own or DISCONTINUATION in against:
        return None
    return None if not math.isnan(endpoint.threshold) else _Question(tuple(own), tuple(against))


def check_restricted_mean(design: Design, scenario: Scenario, analysis: Analysis) -> None:
    """Refuse a restricted mean where events of the simulation compete with the endpoint, as its data sets would be.

    Parameters
    ----------
    design : Design
    scenario : Scenario
    analysis : Analysis

    Raises
    ------
    RefusedError
        With the reason that the analysis of data gives.
    """
    if analysis.method is not AnalysisMethod.RESTRICTED_MEAN:
        return
    plan = plan_of(design)
    _, rivals = _events_and_rivals(plan, analysis)
    if rivals & {plan.words.event(name).name for name in scenario.hazards.events}:
        raise comparison_error(f"analysis {analysis.name}", Status.COMPETING)


def _events_and_rivals(plan: AnalysisPlan, analysis: Analysis) -> tuple[set[str], set[str]]:
    """Which events count as the endpoint, and which end the wait for it; names of the library."""
    events = set(event_names(plan, plan.endpoint_named(analysis.endpoint).events))
    rivals = set(rivals_of(plan.words, events))
    for one in plan.estimand_named(analysis.estimand).intercurrent_events:
        name = plan.words.event(one.event).name
        if name in events:
            continue
        if one.strategy is Strategy.COMPOSITE:
            events.add(name)
        elif one.strategy in _WHILE:
            rivals.add(name)
    return events, rivals - events


def _is_plain_value(plan: AnalysisPlan, analysis: Analysis, endpoint: Endpoint) -> bool:
    """Whether death and graft loss are handled alike, by a value or by leaving out, and nothing else matters."""
    wanted = Strategy.WHILE_ALIVE if math.isnan(endpoint.graft_loss_value) else Strategy.COMPOSITE
    for one in plan.estimand_named(analysis.estimand).intercurrent_events:
        gone = plan.words.event(one.event).name in _GONE
        if one.strategy is not (wanted if gone else Strategy.TREATMENT_POLICY):
            return False
    return True


def _arms(design: Design, analysis: Analysis) -> tuple[int, int]:
    names = [arm.name for arm in design.arms]
    return names.index(analysis.test_arm), names.index(analysis.reference_arm)


def find_null_factors(
    design: Design, scenario: Scenario, analysis: Analysis, *, subjects: int = _SUBJECTS
) -> dict[str, Floats]:
    """Find the multipliers with which the true effect of an analysis equals its margin (none for superiority).

    The hazard of the endpoint's first event in the test arm is multiplied; of a value, kidney function in the test
    arm is shifted. For a hazard ratio the cumulative hazards by the day, ``-ln(1 - F)``, have the ratio of the margin.

    Parameters
    ----------
    design : Design
    scenario : Scenario
    analysis : Analysis
    subjects : int
        Of the reference cohort.

    Returns
    -------
    dict of str to (A,) array

    Raises
    ------
    ValueRangeError
        A difference that no multiplier reaches.
    InputError
        A truth that does not follow from hazards.
    """
    base = find_arm_factors(design, scenario, subjects=subjects)
    test, control = _arms(design, analysis)
    endpoint = design.endpoint_named(analysis.endpoint)
    worse = -1.0 if endpoint.higher_is_better else 1.0
    margin = 0.0 if analysis.margin is None else analysis.margin.value
    reference = make_reference(design, scenario, subjects=subjects, factors=base)
    if endpoint.kind is EndpointKind.VALUE and not endpoint.events:
        means = true_values(reference, endpoint)
        alive = _with_value(reference, endpoint)[test]
        shift = np.zeros(len(design.arms))
        shift[test] = (means[control] + worse * margin - means[test]) / alive
        return {**base, "kidney": shift}
    start = true_risks(reference, analysis)
    where = f"null hypothesis of {analysis.name}"
    if start is None or (analysis.method is AnalysisMethod.RESTRICTED_MEAN and margin > 0):
        allowed = "an endpoint of events with hazards, and a margin of risks or of a hazard ratio"
        raise InputError(where, f"{endpoint.name}, {analysis.method}", allowed, "judge another analysis")
    wanted = start[control] + margin
    if analysis.method in _RATIOS:
        wanted = -math.expm1((margin if margin > 0 else 1.0) * math.log1p(-start[control]))
    event = endpoint.events[0]

    def risks(factor: Floats) -> Floats:
        context = replace(
            reference.context, arm_factors={**base, event: _multiplied(base, event, design, test, factor)}
        )
        found = true_risks(reference, analysis, context=context)
        return np.full(1, np.nan) if found is None else found[[test]]

    factor = solve_factors(risks, np.array([wanted]), where)
    return {**base, event: _multiplied(base, event, design, test, factor)}


def _multiplied(base: Mapping[str, Floats], event: str, design: Design, test: int, factor: Floats) -> Floats:
    """Multipliers of an event by arm, with another one in the arm under test."""
    found = np.array(base.get(event, np.ones(len(design.arms))), dtype=np.float64)
    found[test] = factor[0]
    return found


def _with_value(reference: Reference, endpoint: Endpoint) -> Floats:
    """Share of subjects whose own value counts, in each arm."""
    values, lost = values_at_visit(reference, endpoint)
    arms = len(reference.trial.design.arms)
    if np.isnan(endpoint.graft_loss_value):
        return np.ones(arms)
    own = (np.isfinite(values) & ~lost).reshape(arms, -1).sum(axis=1)
    return np.asarray(own / (np.isfinite(values) | lost).reshape(arms, -1).sum(axis=1))
