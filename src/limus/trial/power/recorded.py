"""What the data sets of simulated replicates would say, as arrays: whole days, rounded values, populations, windows.

The rules are those of :mod:`limus.trial.datasets`: a subject's days are counted from 1 on the day of randomisation, an
event that another rules out on an earlier day has not happened, a value belongs to the visit in whose window it was
taken. So the analysis of these arrays is that of the data sets, without writing them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import InputError, UnknownNameError
from limus.trial.analysis.compare_times import TrialTimes
from limus.trial.analysis.compare_values import TrialValues
from limus.trial.analysis.covariates import covariate_variables
from limus.trial.analysis.estimands import population_flag
from limus.trial.analysis.strategies import Happened, imagined, times_under, values_under
from limus.trial.datasets.adam_events import first_of, rivals_of
from limus.trial.datasets.recorded_numbers import recorded_characteristic, recorded_days, recorded_laboratory
from limus.trial.datasets.sdtm_exposure import treated_subjects
from limus.trial.datasets.visit_windows import place_in_windows
from limus.trial.design.analysis_plan import AnalysisPlan, event_names
from limus.trial.design.design import Analysis, AnalysisMethod, Endpoint, Estimand
from limus.trial.simulation.replicates import SimulatedTrial

__all__ = ["recorded_times", "recorded_values"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_FIRST = 1.0  # AVAL of the day of randomisation
# variables of ADSL that are not named after a characteristic
_VARIABLES = ("AGE", "SEX", "RACE", "WEIGHTBL", "HEIGHTBL")


@dataclass(frozen=True, eq=False)
class _Visit:
    """Values of one laboratory test: at one visit (M,), and all of them with their days (M, V)."""

    value: Floats
    all_days: Floats
    all_values: Floats
    last_time: float


def recorded_times(trial: SimulatedTrial, plan: AnalysisPlan, analysis: Analysis) -> TrialTimes:
    """Take the times to an endpoint as ADTTE would hold them, with the intercurrent events handled.

    Parameters
    ----------
    trial : SimulatedTrial
        R replicates.
    plan : AnalysisPlan
    analysis : Analysis

    Returns
    -------
    TrialTimes

    Raises
    ------
    UnknownNameError
        An event or covariate that the data sets would not hold.
    """
    endpoint, estimand = plan.endpoint_named(analysis.endpoint), plan.estimand_named(analysis.estimand)
    names = event_names(plan, endpoint.events)
    event, rival, censored = _standing(trial, plan, sorted(names))
    happened = []
    for one in estimand.intercurrent_events:
        known = plan.words.event(one.event)
        if known.name in names:
            continue
        happened.append(Happened(one.strategy, known.name, _standing(trial, plan, [known.name])[0]))
    time, cause = times_under(event, rival, censored, happened)
    shape = (trial.replicates, -1)
    population = _population(trial, estimand)
    test, present = _arms(trial, analysis)
    times = TrialTimes(
        time.reshape(shape),
        cause.reshape(shape),
        test,
        present & population,
        _strata(trial, analysis),
        imagined=np.asarray((imagined(event, happened, endpoint.day + _FIRST).reshape(shape) & population).any(axis=1)),
    )
    if not math.isnan(endpoint.threshold):
        value = _visit(trial, plan, endpoint).value
        times = replace(times, below=np.where(np.isfinite(value), value < endpoint.threshold, np.nan).reshape(shape))
    if analysis.method is AnalysisMethod.COX and analysis.covariates:
        times = replace(times, covariates=_covariates(trial, plan, analysis.covariates))
    return times


def recorded_values(trial: SimulatedTrial, plan: AnalysisPlan, analysis: Analysis) -> TrialValues:
    """Take the values of an endpoint as ADLB would hold them, with the intercurrent events handled.

    Parameters
    ----------
    trial : SimulatedTrial
        R replicates.
    plan : AnalysisPlan
    analysis : Analysis

    Returns
    -------
    TrialValues

    Raises
    ------
    InputError
        No such value, or no visit on that day.
    UnknownNameError
        An event or covariate that the data sets would not hold.
    """
    endpoint, estimand = plan.endpoint_named(analysis.endpoint), plan.estimand_named(analysis.estimand)
    visit = _visit(trial, plan, endpoint)
    happened = []
    for one in estimand.intercurrent_events:
        known = plan.words.event(one.event)
        happened.append(Happened(one.strategy, known.name, _standing(trial, plan, [known.name])[0]))
    value, left_out, _ = values_under(
        visit.value,
        happened,
        last_time=visit.last_time,
        stands_for=endpoint.graft_loss_value,
        last_before=lambda when: _last_before(visit, when),
    )
    shape = (trial.replicates, -1)
    test, present = _arms(trial, analysis)
    present = present & _population(trial, estimand) & (np.isfinite(value) & ~left_out).reshape(shape)
    covariates = _covariates(trial, plan, analysis.covariates)
    return TrialValues(value.reshape(shape), test, present, covariates, _strata(trial, analysis))


def _standing(trial: SimulatedTrial, plan: AnalysisPlan, events: Sequence[str]) -> tuple[Floats, Floats, Floats]:
    """When the first of some events happened, was ruled out, or the wait for it ended, as AVAL; infinite otherwise."""
    simulated = {plan.words.event(name).name: day for name, day in trial.event_day.items()}
    never = np.full(trial.cohort.n, np.inf)

    def first(names: Sequence[str]) -> Floats:
        days = [recorded_days(simulated[name]) for name in names if name in simulated]
        return np.minimum.reduce([never, *days]) - plan.randomisation_day

    day, rival = first(events), first(rivals_of(plan.words, events))
    happened, ruled_out = first_of(day, rival)
    end = recorded_days(trial.end_day) - plan.randomisation_day
    return (
        np.where(happened, day + _FIRST, np.inf),
        np.where(ruled_out, rival + _FIRST, np.inf),
        np.where(happened | ruled_out, np.inf, end + _FIRST),
    )


def _arms(trial: SimulatedTrial, analysis: Analysis) -> tuple[Flags, Flags]:
    """Who is of the arm under test, and who of either arm, (R, N)."""
    names = [arm.name for arm in trial.design.arms]
    arm = trial.arm.reshape(trial.replicates, -1)
    test = arm == names.index(analysis.test_arm)
    return test, test | (arm == names.index(analysis.reference_arm))


def _population(trial: SimulatedTrial, estimand: Estimand) -> Flags:
    """Who is analysed, (R, N); nobody in a simulation takes another arm's drugs."""
    shape = (trial.replicates, -1)
    if population_flag(estimand.population) == "ITTFL":
        return np.ones(trial.arm.shape, dtype=np.bool_).reshape(shape)
    return treated_subjects(trial).reshape(shape)


def _strata(trial: SimulatedTrial, analysis: Analysis) -> NDArray[np.int64] | None:
    if not analysis.stratified or not trial.design.allocation.strata:
        return None
    return trial.cohort.strata.reshape(trial.replicates, -1)


def _covariates(trial: SimulatedTrial, plan: AnalysisPlan, names: Sequence[str]) -> Floats:
    """Covariates as written, (R, N, P); a category is its 0 and 1."""
    shape, columns = (trial.replicates, -1), trial.cohort.columns
    variables = covariate_variables(plan.words)
    own = {variable: name for name, variable in variables.items()}
    found = []
    for name in names:
        column = own.get(name, name)
        if column not in columns or variables.get(column, column) not in {*own, *_VARIABLES}:
            allowed = ", ".join(sorted(one for one in variables if one in columns))
            raise UnknownNameError("covariate", name, allowed, "name a characteristic that the data sets hold")
        found.append(recorded_characteristic(column, columns[column]).reshape(shape))
    if not found:
        return np.zeros((*trial.arm.reshape(shape).shape, 0))
    return np.stack(found, axis=-1)


def _visit(trial: SimulatedTrial, plan: AnalysisPlan, endpoint: Endpoint) -> _Visit:
    """Values of a test: of those in the window of the endpoint's visit the nearest, of two the later."""
    code = plan.words.test(endpoint.variable).code
    tables = {plan.words.test(name).code: values for name, values in {"egfr": trial.egfr, **trial.labs}.items()}
    where = f"endpoint {endpoint.name}"
    if code not in tables:
        raise InputError(f"{where}, variable", endpoint.variable, ", ".join(sorted(tables)), "choose one")
    number = next((k for k, one in enumerate(plan.visits) if abs(one.day - endpoint.day) < 0.5), None)
    if number is None:
        allowed = ", ".join(f"{one.day:g}" for one in plan.visits)
        raise InputError(f"{where}, day", f"{endpoint.day:g}", f"the day of a visit: {allowed}", "choose one")
    values, days = recorded_laboratory(tables[code]), recorded_days(trial.actual_day) - plan.randomisation_day
    visit = plan.visits[number]
    found, nearest, latest = (np.full(len(values), start) for start in (np.nan, np.inf, -np.inf))
    for v in range(values.shape[1]):
        day, distance = days[:, v], np.abs(days[:, v] - visit.day)
        closer = (distance < nearest) | ((distance == nearest) & (day > latest))
        here = np.isfinite(values[:, v]) & (place_in_windows(day, plan.visits) == number) & closer
        found[here], nearest[here], latest[here] = values[here, v], distance[here], day[here]
    return _Visit(found, days + _FIRST, values, visit.day + visit.window_after_days + _FIRST)


def _last_before(visit: _Visit, when: Floats) -> Floats:
    """Return the last value up to given times."""
    found, seen = np.full(len(when), np.nan), np.full(len(when), -np.inf)
    for day, value in zip(visit.all_days.T, visit.all_values.T, strict=True):
        later = np.isfinite(value) & (seen < day) & (day <= when)
        found[later], seen[later] = value[later], day[later]
    return found
