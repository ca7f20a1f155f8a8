"""Multipliers of hazards by arm with which the arms show given totals, and the true risks of a reference cohort.

They are found on a large reference cohort, the same subjects in every arm, by averaging risks that are computed, not
drawn: given covariates, levels and discontinuation, the risk of an event follows from its hazard without sampling.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import InputError, ValueRangeError
from limus.kernel.execution import spawn_generators
from limus.trial.design.design import Design, Endpoint
from limus.trial.design.scenario import Scenario, Total
from limus.trial.events.events import DISCONTINUATION, change_days, rates_on, simulate_events
from limus.trial.events.hazards import cut_cells, risks_with_competition
from limus.trial.events.kidney_function import simulate_kidney
from limus.trial.events.rates import RateContext, make_context
from limus.trial.exposure.draws import ReplicateDraws
from limus.trial.simulation.cohort import Cohort, draw_cohort
from limus.trial.simulation.replicates import SimulatedTrial, simulate_replicates

__all__ = [
    "Reference",
    "average_risks",
    "find_arm_factors",
    "make_reference",
    "redraw",
    "solve_factors",
    "true_values",
    "values_at_visit",
]

Floats = NDArray[np.float64]
_SUBJECTS = 4000
_STREAM = "reference cohort"
_SEED = 1
_STEPS = 40
_SWEEPS = 3
_SUBCLINICAL = "subclinical rejection"


@dataclass(frozen=True, eq=False)
class Reference:
    """The same subjects in every arm of a design, with exposure and events.

    Attributes
    ----------
    trial : SimulatedTrial
        Arms one after the other on the axis of subjects.
    context : RateContext
    """

    trial: SimulatedTrial
    context: RateContext


def make_reference(
    design: Design, scenario: Scenario, *, subjects: int = _SUBJECTS, factors: Mapping[str, Floats] | None = None
) -> Reference:
    """Simulate a reference cohort in every arm, with the same random numbers in each.

    Parameters
    ----------
    design : Design
    scenario : Scenario
    subjects : int
    factors : mapping of str to (A,) array, optional

    Returns
    -------
    Reference

    Raises
    ------
    LimusError
        As :func:`limus.trial.simulation.replicates.simulate_replicates`.
    """
    arms = len(design.arms)
    cohort = draw_cohort(design, subjects, spawn_generators(_SEED, 1, stream=_STREAM))
    columns = {name: np.tile(values, arms) for name, values in cohort.columns.items()}
    everyone = Cohort(subjects * arms, columns, np.tile(cohort.strata, arms), cohort.screening)
    arm = np.repeat(np.arange(arms), subjects)
    same = [spawn_generators(_SEED, 1, stream=f"{_STREAM}, events")[0] for _ in range(arms)]
    trial = simulate_replicates(
        design,
        scenario,
        same,
        subjects=subjects,
        arm_factors=factors,
        visit_windows=False,
        with_area=False,
        with_laboratory=False,
        cohort=everyone,
        arm=arm,
    )
    return Reference(trial, make_context(design, scenario, arm, columns, trial.exposure, factors))


def redraw(reference: Reference, context: RateContext) -> Reference:
    """Draw events and kidney function anew under other hazards: same subjects, exposure and random numbers.

    Parameters
    ----------
    reference : Reference
    context : RateContext
        Of the reference, with other hazards or multipliers; those of discontinuation are not looked at, because
        exposure ended with it.

    Returns
    -------
    Reference
    """
    trial, arms = reference.trial, len(reference.trial.design.arms)
    same = ReplicateDraws([spawn_generators(_SEED, 1, stream=f"{_STREAM}, again")[0] for _ in range(arms)])
    events = simulate_events(trial.design, context, trial.events.discontinued, same)
    days = np.broadcast_to(trial.visit_day, trial.egfr.shape)
    kidney = simulate_kidney(trial.design, context, events, days, same)
    labs = {**trial.labs, **{name: values for name, values in kidney.items() if name != "egfr"}}
    return Reference(replace(trial, events=events, egfr=kidney["egfr"], labs=labs), context)


def average_risks(
    reference: Reference,
    events: Sequence[str],
    day: float,
    *,
    competing: bool,
    rivals: Sequence[str] = (),
    context: RateContext | None = None,
) -> Floats:
    """Return the mean risk of the first of some events by a day, in each arm.

    Parameters
    ----------
    reference : Reference
    events : sequence of str
    day : float
    competing : bool
        True: other events that rule these out take subjects away (cumulative incidence). False: as if they did not
        happen (what 1 - Kaplan-Meier estimates).
    rivals : sequence of str
        Further events that end the wait for these, with ``competing``.
    context : RateContext, optional
        Hazards to use in place of the reference's own.

    Returns
    -------
    (A,) array
        Fractions.

    Raises
    ------
    InputError
        An event that has no hazard of its own.
    """
    used = context or reference.context
    hazards = used.scenario.hazards.events
    if _SUBCLINICAL in events:
        raise InputError("endpoint", _SUBCLINICAL, "events with a hazard", "leave it out")
    ruled_out = [(name, other) for name in events for other in hazards[name].ruled_out_by]
    others = (
        sorted({*(other for _, other in ruled_out if other in hazards), *rivals} - set(events)) if competing else []
    )
    # the question is the first of the events: none of them, and nothing that rules them out, came before
    days = {
        name: np.full_like(value, np.inf) if name in events or name in others else value
        for name, value in reference.trial.events.unobserved.items()
    }
    days[DISCONTINUATION] = reference.trial.events.discontinued
    cells = cut_cells(used.edges, change_days([hazards[name] for name in (*events, *others)], days))
    rates, against = np.zeros(cells.common.shape), np.zeros(cells.common.shape)
    for name in events:
        excluded = [used.columns[other] for one, other in ruled_out if one == name and other not in hazards]
        able = np.prod([column == 0 for column in excluded], axis=0) if excluded else np.ones(len(used.arm))
        rates += rates_on(used, hazards[name], days, cells) * np.asarray(able)[:, None]
    for name in others:
        against += rates_on(used, hazards[name], days, cells)
    risk = risks_with_competition(rates, against, cells.edges, day)
    return np.asarray(risk.reshape(len(reference.trial.design.arms), -1).mean(axis=1))


def find_arm_factors(design: Design, scenario: Scenario, *, subjects: int = _SUBJECTS) -> dict[str, Floats]:
    """Find the multipliers with which the arms show the totals of a scenario.

    Parameters
    ----------
    design : Design
    scenario : Scenario
    subjects : int
        Of the reference cohort.

    Returns
    -------
    dict of str to (A,) array
        By event; empty where the scenario has no totals.

    Raises
    ------
    ValueRangeError
        A total that no multiplier reaches.
    """
    factors: dict[str, Floats] = {}
    if not scenario.totals:
        return factors
    reference = make_reference(design, scenario, subjects=subjects)
    # one event rules another out or follows it, so the totals are met together only after some sweeps
    for total in scenario.totals * _SWEEPS:
        reference = redraw(reference, replace(reference.context, arm_factors=dict(factors)))
        features = reference.context.features["mtor"].any(axis=1)
        wanted = np.where(features, total.with_mtor_percent, total.without_mtor_percent) / 100.0

        def risks(factor: Floats, reference: Reference = reference, total: Total = total) -> Floats:
            changed = {**factors, total.event: factor}
            context = replace(reference.context, arm_factors=changed)
            return average_risks(reference, [total.event], total.day, competing=True, context=context)

        factors[total.event] = solve_factors(risks, wanted, f"scenario {scenario.name}, totals, {total.event}")
    return factors


def true_values(reference: Reference, endpoint: Endpoint) -> Floats:
    """Return the mean of a value endpoint in each arm, with what stands for death and graft loss.

    Parameters
    ----------
    reference : Reference
    endpoint : Endpoint

    Returns
    -------
    (A,) array
    """
    values, lost = values_at_visit(reference, endpoint)
    filled = np.where(lost, endpoint.graft_loss_value, values)
    return np.asarray(np.nanmean(filled.reshape(len(reference.trial.design.arms), -1), axis=1))


def values_at_visit(reference: Reference, endpoint: Endpoint) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the values of a reference cohort at an endpoint's visit, and who died or lost the graft before."""
    trial = reference.trial
    visit = int(np.flatnonzero(trial.visit_day == endpoint.day)[0])
    table = trial.egfr if endpoint.variable == "egfr" else trial.labs[endpoint.variable]
    gone = np.minimum(trial.events.day["death"], trial.events.day["graft loss"]) <= endpoint.day
    return table[:, visit], gone


def solve_factors(risks: Callable[[Floats], Floats], wanted: Floats, where: str) -> Floats:
    """Find the factors at which risks are as wanted, by bisection of their logarithm; all arms at once.

    Parameters
    ----------
    risks : callable
        (K,) factors to (K,) risks, rising in each.
    wanted : (K,) array
    where : str
        For the error.

    Returns
    -------
    (K,) array

    Raises
    ------
    ValueRangeError
        A risk that no factor reaches.
    """
    low, high = np.full(len(wanted), -12.0), np.full(len(wanted), 12.0)
    if (risks(np.exp(low)) > wanted).any() or (risks(np.exp(high)) < wanted).any():
        got = ", ".join(f"{value:.4g}" for value in wanted)
        raise ValueRangeError(where, got, "risks that a hazard can give", "choose totals between 0 and 1")
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        above = risks(np.exp(middle)) > wanted
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.exp(0.5 * (low + high))
