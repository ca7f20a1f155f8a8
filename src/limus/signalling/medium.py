"""What is done to the medium of a culture: changed for fresh one, held at its drug level, given a stimulus later."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from limus.kernel.language import (
    Assignment,
    Event,
    Expression,
    Model,
    Number,
    Parameter,
    Symbol,
    apply,
    free_symbols,
    substitute,
)
from limus.signalling.protocol import STIMULUS_SETTINGS

__all__ = ["WASH_TIME", "MediumPlan", "with_late_stimulus", "with_medium_plan", "with_reservoir", "with_wash"]

WASH_TIME = "wash_time"
_START = "stimulus_start"
_MEDIUM = "medium"
_NEVER_H = 1e9


@dataclass(frozen=True, slots=True)
class MediumPlan:
    """What is done to the medium, and so changes the equations.

    Attributes
    ----------
    reservoir : bool
        As :func:`with_reservoir`.
    late_stimulus : bool
        As :func:`with_late_stimulus`.
    wash : str
        ``none``, ``before`` the stimulus (or with it) or ``after`` it: as :func:`with_wash`.
    """

    reservoir: bool = False
    late_stimulus: bool = False
    wash: Literal["none", "before", "after"] = "none"


def with_medium_plan(model: Model, drugs: Collection[str], plan: MediumPlan) -> Model:
    """Return the model with all that is done to the medium.

    Parameters
    ----------
    model : Model
    drugs : collection of str
        Those in the medium.
    plan : MediumPlan

    Returns
    -------
    Model
    """
    model = with_reservoir(model, drugs) if plan.reservoir else model
    # before the late stimulus: fresh medium is what the stimulus had given at time zero
    model = with_wash(model, stimulated=plan.wash == "after") if plan.wash != "none" else model
    return with_late_stimulus(model) if plan.late_stimulus else model


def with_wash(model: Model, *, stimulated: bool) -> Model:
    """Return the model with a change of medium at the time ``wash_time``.

    Everything in the medium, drugs and cytokines, is replaced by what the model has there before a drug is added:
    nothing, but for what the stimulus adds. Cells and all that is in them stay. What leaks out of them stays in the
    fresh medium, as after one change of medium, not after repeated washing.

    Parameters
    ----------
    model : Model
    stimulated : bool
        Whether the fresh medium holds what the stimulus adds (interleukin-2), because the wash comes after it.

    Returns
    -------
    Model
        With ``wash_time`` as an input, h; by default never.
    """
    starts = {a.variable: a.formula for a in model.initial_assignments}
    fresh = {s.name: starts.get(s.name, Number(s.initial)) for s in model.species if s.compartment == _MEDIUM}
    if not stimulated:
        fresh = {name: _without_stimulus(formula) for name, formula in fresh.items()}
    # where both come at one time, the wash is first
    wash = _event_at(WASH_TIME, fresh, priority=1.0)
    return replace(model, parameters=(*model.parameters, Parameter(WASH_TIME, _NEVER_H)), events=(*model.events, wash))


def with_late_stimulus(model: Model) -> Model:
    """Return the model in which what the stimulus adds to the medium comes with the stimulus, not at time zero.

    Parameters
    ----------
    model : Model

    Returns
    -------
    Model
    """
    media = {s.name for s in model.species if s.compartment == _MEDIUM}
    given = {
        a.variable: a.formula
        for a in model.initial_assignments
        if a.variable in media and free_symbols(a.formula) & set(STIMULUS_SETTINGS)
    }
    quiet = {name: _without_stimulus(formula) for name, formula in given.items()}
    added = {name: apply("add", Symbol(name), formula, apply("negate", quiet[name])) for name, formula in given.items()}
    starts = tuple(Assignment(a.variable, quiet.get(a.variable, a.formula)) for a in model.initial_assignments)
    return replace(model, initial_assignments=starts, events=(*model.events, _event_at(_START, added, priority=0.0)))


def with_reservoir(model: Model, drugs: Collection[str]) -> Model:
    """Return the model in which the medium keeps its drugs, however much of them the cells take.

    Parameters
    ----------
    model : Model
    drugs : collection of str

    Returns
    -------
    Model
    """
    held = {f"{drug}.medium" for drug in drugs}
    species = tuple(replace(s, boundary=True) if s.name in held else s for s in model.species)
    return replace(model, species=species)


def _without_stimulus(formula: Expression) -> Expression:
    return substitute(formula, dict.fromkeys(STIMULUS_SETTINGS, Number(0.0)))


def _event_at(time: str, values: Mapping[str, Expression], *, priority: float) -> Event:
    trigger = apply("greater_equal", Symbol("time"), Symbol(time))
    assignments = tuple(Assignment(name, formula) for name, formula in values.items())
    return Event(f"at {time}", trigger, assignments, priority=Number(priority))
