"""Events of a trial's subjects: drawn from their hazards in order of cause, then ruled out by what came first.

Order: discontinuation (then standard care), and every event in the order of the hazards' file, each knowing the ones
before it. All numbers are drawn at once, so that a changed hazard of one event leaves the draws of the others alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from limus.trial.design.design import Design
from limus.trial.design.hazard_library import EventHazard
from limus.trial.events.hazards import Cells, base_rates, cut_cells, days_of_events
from limus.trial.events.rates import RateContext, after_factors, arm_and_standard_rates, rates_in_cells

__all__ = [
    "DISCONTINUATION",
    "EndReason",
    "Events",
    "Numbers",
    "change_days",
    "event_rates",
    "rates_on",
    "simulate_events",
]

Floats = NDArray[np.float64]
DISCONTINUATION, LOST, DEATH, GRAFT_LOSS = "discontinuation", "loss to follow-up", "death", "graft loss"
SUBCLINICAL, REJECTION = "subclinical rejection", "rejection"


class Numbers(Protocol):
    """A source of random numbers: a generator, or a stack of them."""

    def random(self, size: int | tuple[int, ...]) -> Floats:
        """Return uniform numbers."""

    def standard_normal(self, size: int | tuple[int, ...]) -> Floats:
        """Return standard normal numbers."""

    def standard_exponential(self, size: int | tuple[int, ...]) -> Floats:
        """Return exponential numbers of mean 1."""


class EndReason:
    """Codes of why a subject's follow-up ended."""

    COMPLETED, DEATH, LOST = 0, 1, 2
    NAMES = ("completed", "death", "lost to follow-up")


@dataclass(frozen=True, eq=False)
class Events:
    """What happened to N subjects.

    Attributes
    ----------
    day : mapping of str to (N,) array
        First occurrence, infinite for never within follow-up.
    unobserved : mapping of str to (N,) array
        The same without loss to follow-up, for estimands that imagine its absence.
    discontinued : (N,) array
        Day of discontinuation as drawn, also beyond death or graft loss.
    end_day : (N,) array
    end_reason : (N,) array of int8
        :class:`EndReason`.
    biopsy_done : (N, B) array of bool
        For each protocol biopsy.
    """

    day: Mapping[str, Floats]
    unobserved: Mapping[str, Floats]
    discontinued: Floats
    end_day: Floats
    end_reason: NDArray[np.int8]
    biopsy_done: NDArray[np.bool_]


def simulate_events(design: Design, context: RateContext, discontinued: Floats, numbers: Numbers) -> Events:
    """Draw every event of every subject.

    Parameters
    ----------
    design : Design
    context : RateContext
    discontinued : (N,) array
        Days of discontinuation, drawn beforehand because exposure ends with it; infinite for never.
    numbers : Numbers
        Where random numbers come from; what is drawn does not depend on the hazards.

    Returns
    -------
    Events
    """
    hazards = context.scenario.hazards
    names = tuple(hazards.events)
    exponential = numbers.standard_exponential((len(context.arm), len(names)))
    biopsies = [visit.day for visit in design.visits if visit.biopsy]
    chance = numbers.random((len(context.arm), max(len(biopsies), 1), 2))[:, : len(biopsies)]
    days: dict[str, Floats] = {DISCONTINUATION: discontinued}
    cells = cut_cells(context.edges, [discontinued])
    for k, name in enumerate(names):
        if name in {DISCONTINUATION, SUBCLINICAL}:
            continue
        rates, own_cells = event_rates(context, hazards.events[name], days, cells)
        days[name] = days_of_events(rates, own_cells.edges, exponential[:, k])
        if name == REJECTION:
            days[SUBCLINICAL] = _biopsied(context, days, biopsies, chance)
    return _close(design, context, days, chance[:, :, 0] < hazards.biopsy_done)


def event_rates(
    context: RateContext, event: EventHazard, days: Mapping[str, Floats], cells: Cells
) -> tuple[Floats, Cells]:
    """Return an event's hazard in each subject's cells, knowing discontinuation and what happened before.

    Parameters
    ----------
    context : RateContext
    event : EventHazard
    days : mapping of str to (N,) array
        Days of discontinuation and of the events that its ``after`` names.
    cells : Cells
        Cut at discontinuation; cut further where ``after`` asks for it.

    Returns
    -------
    tuple of ((N, C) array, Cells)
    """
    if event.after:
        cells = cut_cells(context.edges, change_days([event], days))
    return rates_on(context, event, days, cells), cells


def change_days(events: Iterable[EventHazard], days: Mapping[str, Floats]) -> list[Floats]:
    """Return every subject's own change points of some hazards: discontinuation, and what their ``after`` names."""
    cuts = [days[DISCONTINUATION]]
    for event in events:
        for term in event.after:
            cuts += [days[term.event]] + ([days[term.event] + term.days] if np.isfinite(term.days) else [])
    return cuts


def rates_on(context: RateContext, event: EventHazard, days: Mapping[str, Floats], cells: Cells) -> Floats:
    """Return an event's hazard in cells that are cut at all of its change points, (N, C), per day."""
    found = arm_and_standard_rates(context, event)
    return np.asarray(rates_in_cells(*found, cells, days[DISCONTINUATION]) * after_factors(event.after, cells, days))


def _biopsied(
    context: RateContext,
    days: Mapping[str, Floats],
    biopsies: list[float],
    chance: Floats,
) -> Floats:
    """Day of the first protocol biopsy with findings: its share follows the terms of rejection."""
    hazards = context.scenario.hazards
    rejection = hazards.events[REJECTION]
    result, found = np.full(len(context.arm), np.inf), arm_and_standard_rates(context, rejection)
    base = base_rates(rejection, context.middle)
    for b, day in reversed(list(enumerate(biopsies))):
        cell = np.clip(np.searchsorted(context.edges, day) - 1, 0, len(context.edges) - 2)
        on_arm = days[DISCONTINUATION] > day
        ratio = np.where(on_arm, found[0][:, cell], found[1][:, cell]) / base[cell]
        share = -np.expm1(np.log1p(-hazards.biopsy_positive_percent / 100) * ratio)
        positive = (chance[:, b, 0] < hazards.biopsy_done) & (chance[:, b, 1] < share)
        result = np.where(positive, day, result)
    return result


def _close(design: Design, context: RateContext, days: dict[str, Floats], done: NDArray[np.bool_]) -> Events:
    """Rule events out by those before them, and end follow-up."""
    hazards, discontinued = context.scenario.hazards, days[DISCONTINUATION]
    for name in hazards.events:
        for other in hazards.events[name].ruled_out_by:
            if other in context.columns:
                days[name] = np.where(context.columns[other] == 1, np.inf, days[name])
    for name, event in hazards.events.items():
        for other in event.ruled_out_by:
            if other in hazards.events:
                days[name] = np.where(days[name] > days[other], np.inf, days[name])
    days = {name: np.where(day > design.duration_days, np.inf, day) for name, day in days.items()}
    death = days[DEATH]
    days[LOST] = np.where(days[LOST] > death, np.inf, days[LOST])
    days[DISCONTINUATION] = np.where(
        days[DISCONTINUATION] > np.minimum(death, days[GRAFT_LOSS]), np.inf, days[DISCONTINUATION]
    )
    days = {name: days[name] for name in hazards.events}
    end = np.minimum(np.minimum(death, days[LOST]), design.duration_days)
    reason = np.where(days[LOST] <= end, EndReason.LOST, np.where(death <= end, EndReason.DEATH, EndReason.COMPLETED))
    seen = {name: np.where(day > end, np.inf, day) for name, day in days.items()}
    return Events(seen, days, discontinued, end, reason.astype(np.int8), done)
