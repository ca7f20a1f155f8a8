"""Leaving out what cannot happen: species that stay zero, and reactions that then never run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from limus.kernel.language.expression import ZERO, Expression, free_symbols, substitute
from limus.kernel.language.model import Assignment, Model, SpeciesReference

__all__ = ["without_inert_species"]


def without_inert_species(model: Model, active: Collection[str] = ()) -> Model:
    """Return the model without species that stay zero for ever, exactly equal in everything that remains.

    A species is inert if it starts at zero, nothing assigns it, it is not in ``active``, and every reaction that could
    make it has a rate that is identically zero while the inert species are zero.

    Parameters
    ----------
    model : Model
    active : collection of str
        Species that are kept whatever happens: the targets of doses and of changed initial values.

    Returns
    -------
    Model
        Rules and reactions that mention a left-out species have zero in its place; names that only a left-out
        species used stay, they do no harm.
    """
    touched = {r.variable for r in model.rules} | {a.variable for a in model.initial_assignments}
    touched |= {a.variable for e in model.events for a in e.assignments} | set(active)
    touched |= {name for r in model.rules if r.kind == "algebraic" for name in free_symbols(r.formula)}
    inert = {s.name for s in model.species if s.initial == 0.0 and s.name not in touched and not s.boundary}
    while True:
        zeros: dict[str, Expression] = dict.fromkeys(inert, ZERO)
        made = {
            reference.species
            for reaction in model.reactions
            if substitute(reaction.rate, zeros) != ZERO
            for reference in (*reaction.reactants, *reaction.products)
        }
        if not (inert & made):
            break
        inert -= made
    return _leave_out(model, inert, zeros) if inert else model


def _leave_out(model: Model, inert: set[str], zeros: dict[str, Expression]) -> Model:
    dead = {r.name for r in model.reactions if substitute(r.rate, zeros) == ZERO}
    zeros = zeros | dict.fromkeys(dead, ZERO)  # a rule may mention a reaction's rate

    def math(expression: Expression) -> Expression:
        return substitute(expression, zeros)

    def references(items: tuple[SpeciesReference, ...]) -> tuple[SpeciesReference, ...]:
        return tuple(replace(item, stoichiometry=math(item.stoichiometry)) for item in items)

    def assignments(items: tuple[Assignment, ...]) -> tuple[Assignment, ...]:
        return tuple(replace(item, formula=math(item.formula)) for item in items)

    return replace(
        model,
        species=tuple(s for s in model.species if s.name not in inert),
        reactions=tuple(
            replace(
                r,
                rate=math(r.rate),
                reactants=references(r.reactants),
                products=references(r.products),
                modifiers=tuple(name for name in r.modifiers if name not in inert),
            )
            for r in model.reactions
            if r.name not in dead
        ),
        rules=tuple(replace(r, formula=math(r.formula)) for r in model.rules),
        initial_assignments=assignments(model.initial_assignments),
        events=tuple(
            replace(
                e,
                trigger=math(e.trigger),
                assignments=assignments(e.assignments),
                delay=None if e.delay is None else math(e.delay),
                priority=None if e.priority is None else math(e.priority),
            )
            for e in model.events
        ),
    )
