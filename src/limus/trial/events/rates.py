"""The hazard of each subject in each cell: reference hazard, subject's terms, regimen's features, levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.trial.design.design import Design
from limus.trial.design.hazard_library import AfterTerm, EventHazard, Term
from limus.trial.design.regimen_features import FEATURES, arm_features, given_drugs, no_induction
from limus.trial.design.scenario import ExposureEffect, Scenario
from limus.trial.events.hazards import Cells, base_rates
from limus.trial.exposure.history import ExposureHistory

__all__ = ["RateContext", "after_factors", "arm_and_standard_rates", "make_context", "rates_in_cells"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class RateContext:
    """What the hazards of a trial's subjects depend on, on the common cells.

    Attributes
    ----------
    scenario : Scenario
    edges : (G + 1,) array
        Days.
    arm : (N,) array of int
    columns : mapping of str to (N,) array
    features : mapping of str to (A, G) array of bool
        Of each arm's planned regimen.
    without_induction : (N,) array of bool
    troughs : mapping of str to (N, G) array
        ng/mL in force, NaN where the drug is not given.
    arm_factors : mapping of str to (A,) array
        Multipliers of an event in each arm, from totals or a null hypothesis.
    randomisation_day : float
        Before it nothing happens: whoever is randomised has come so far without an event.
    """

    scenario: Scenario
    edges: Floats
    arm: Integers
    columns: Mapping[str, Floats]
    features: Mapping[str, Flags]
    without_induction: Flags
    troughs: Mapping[str, Floats]
    arm_factors: Mapping[str, Floats]
    randomisation_day: float = 0.0

    @property
    def middle(self) -> Floats:
        """Middles of the common cells, (G,)."""
        return np.asarray(0.5 * (self.edges[1:] + self.edges[:-1]))


def make_context(
    design: Design,
    scenario: Scenario,
    arm: Integers,
    columns: Mapping[str, Floats],
    exposure: Mapping[str, ExposureHistory],
    arm_factors: Mapping[str, Floats] | None = None,
) -> RateContext:
    """Lay out the common cells and what is in force in them.

    Parameters
    ----------
    design : Design
    scenario : Scenario
    arm : (N,) array of int
    columns : mapping of str to (N,) array
    exposure : mapping of str to ExposureHistory
        By compound, all subjects; the level of a visit holds from the visit before it.
    arm_factors : mapping of str to (A,) array, optional

    Returns
    -------
    RateContext
    """
    edges = _common_edges(design, scenario, exposure)
    middle = 0.5 * (edges[1:] + edges[:-1])
    by_arm = [arm_features(one, middle) for one in design.arms]
    features = {name: np.stack([found[name] for found in by_arm]) for name in FEATURES if name != "no_induction"}
    troughs = {}
    for compound in {effect.compound for effect in scenario.effects} & set(exposure):
        history = exposure[compound]
        none = np.zeros(len(middle), dtype=bool)
        given = np.stack([given_drugs(one, middle).get(compound, none) for one in design.arms])
        at = np.clip(np.searchsorted(history.visit_day, middle), 0, len(history.visit_day) - 1)
        troughs[compound] = np.where(given[arm], history.trough_true_ng_per_ml[:, at], np.nan)
    induction = no_induction(design, arm, columns)
    return RateContext(
        scenario=scenario,
        edges=edges,
        arm=arm,
        columns=columns,
        features=features,
        without_induction=induction,
        troughs=troughs,
        arm_factors=dict(arm_factors or {}),
        randomisation_day=design.randomisation_day,
    )


def _common_edges(design: Design, scenario: Scenario, exposure: Mapping[str, ExposureHistory]) -> Floats:
    days: set[float] = {0.0, design.randomisation_day, design.duration_days}
    for event in scenario.hazards.events.values():
        days.update(event.from_day)
        days.update(day for term in event.terms for day in (term.from_day, term.to_day))
    days.update(day for effect in scenario.effects for day in (effect.from_day, effect.to_day))
    for one in design.arms:
        days.update(day for plan in one.drugs for day in (plan.start_day, plan.stop_day))
        days.update(day for other in one.background for day in (other.start_day, other.stop_day))
    compounds = {effect.compound for effect in scenario.effects} & set(exposure)
    days.update(float(day) for compound in compounds for day in exposure[compound].visit_day)
    return np.array(sorted(day for day in days if 0 <= day <= design.duration_days))


def arm_and_standard_rates(context: RateContext, event: EventHazard) -> tuple[Floats, Floats]:
    """Return an event's hazard on the common cells, on the arm's regimen and on standard care.

    Standard care (after discontinuation) is the reference regimen at reference levels.

    Parameters
    ----------
    context : RateContext
    event : EventHazard

    Returns
    -------
    tuple of two (N, G) arrays
        Per day.
    """
    middle = context.middle
    base = np.where(middle < context.randomisation_day, 0.0, base_rates(event, middle))
    subject = np.zeros(len(context.arm))
    timed = []
    regimen = np.zeros((len(context.features["mtor"]), len(middle)))
    for term in event.terms:
        acts = (middle >= term.from_day) & (middle < term.to_day)
        if term.feature and term.feature != "no_induction":
            regimen += np.log(term.factor) * (context.features[term.feature] & acts)
        elif acts.all():
            subject += _subject_part(term, context)
        else:
            timed.append(_subject_part(term, context)[:, None] * acts)
    standard = subject[:, None] + sum(timed, np.zeros((1, len(middle))))
    own = standard + regimen[context.arm]
    for effect in context.scenario.effects:
        if effect.event == event.name and effect.compound in context.troughs:
            own = own + _exposure_part(effect, context.troughs[effect.compound], middle)
    if event.name in context.arm_factors:
        factor = np.log(context.arm_factors[event.name])[context.arm][:, None]
        own, standard = own + factor, standard + factor
    return base * np.exp(own), base * np.exp(standard)


def _subject_part(term: Term, context: RateContext) -> Floats:
    """Logarithm of the factor for each subject."""
    if term.feature == "no_induction":
        return np.log(term.factor) * context.without_induction
    if term.column:
        return np.asarray(np.log(term.factor) * (context.columns[term.column] - term.reference) / term.per)
    holds = np.ones(len(context.arm), dtype=bool)
    for column, value in term.where.items():
        holds &= context.columns[column] == value
    return np.log(term.factor) * holds


def _exposure_part(effect: ExposureEffect, trough: Floats, middle: Floats) -> Floats:
    """Logarithm of the factor by level, (N, G); 0 where the drug is not given or has no level."""
    acts = (middle >= effect.from_day) & (middle < effect.to_day)
    if effect.form == "bands":
        logarithms = np.log(np.asarray(effect.hazard_ratios))
        part = logarithms[np.searchsorted(np.asarray(effect.edges_ng_per_ml), trough)]
        part = np.where(np.isfinite(trough), part, 0.0)
    else:
        part = np.log(effect.hazard_ratio) * np.where(np.isfinite(trough), effect.reference_ng_per_ml - trough, 0.0)
    return np.asarray(part * acts)


def rates_in_cells(own: Floats, standard: Floats, cells: Cells, discontinued: Floats) -> Floats:
    """Take hazards from the common cells into each subject's own: the arm's until it is discontinued.

    Parameters
    ----------
    own, standard : (N, G) array
    cells : Cells
    discontinued : (N,) array
        Days, infinite for never; a change point of the cells.

    Returns
    -------
    (N, C) array
    """
    before = np.take_along_axis(own, cells.common, axis=1)
    after = np.take_along_axis(standard, cells.common, axis=1)
    return np.where(cells.middle < discontinued[:, None], before, after)


def after_factors(terms: tuple[AfterTerm, ...], cells: Cells, days: Mapping[str, Floats]) -> Floats | float:
    """Return the factors that earlier events of a subject put on a hazard.

    Parameters
    ----------
    terms : tuple of AfterTerm
    cells : Cells
        Cut at the events and at the end of each term's days.
    days : mapping of str to (N,) array
        Days of events, infinite for none.

    Returns
    -------
    (N, C) array, or 1
    """
    factor: Floats | float = 1.0
    for term in terms:
        since = cells.middle - days[term.event][:, None]
        factor = factor * np.where((since > 0) & (since < term.days), term.factor, 1.0)
    return factor
