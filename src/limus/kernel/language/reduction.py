"""Leaving out what cannot happen: species that stay zero, and reactions that then never run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from limus.kernel.language.expression import ZERO, Expression, substitute
from limus.kernel.language.model import Model, Species

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
    inert = {s.name for s in model.species if s.initial == 0.0 and s.name not in touched and not s.boundary}
    while True:
        zeros: dict[str, Expression] = {name: ZERO for name in inert}
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
    def keep(species: Species) -> bool:
        return species.name not in inert

    return replace(
        model,
        species=tuple(filter(keep, model.species)),
        reactions=tuple(
            replace(r, rate=substitute(r.rate, zeros)) for r in model.reactions if substitute(r.rate, zeros) != ZERO
        ),
        rules=tuple(replace(r, formula=substitute(r.formula, zeros)) for r in model.rules),
        initial_assignments=tuple(replace(a, formula=substitute(a.formula, zeros)) for a in model.initial_assignments),
    )


