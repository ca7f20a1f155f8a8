"""What a reaction changes, in amounts and in concentrations."""

from __future__ import annotations

from limus.kernel.language import Apply, Expression, Number, Reaction, Symbol, apply

__all__ = ["net_stoichiometry", "per_volume"]


def net_stoichiometry(reaction: Reaction, species: str) -> Expression:
    """Return how much of a species a reaction makes, products less reactants.

    Parameters
    ----------
    reaction : Reaction
    species : str

    Returns
    -------
    Expression
        A reference that has a name stands as its symbol.
    """
    terms: list[Expression] = []
    for sign, side in ((-1.0, reaction.reactants), (1.0, reaction.products)):
        for reference in side:
            if reference.species == species:
                amount = Symbol(reference.name) if reference.name else reference.stoichiometry
                terms.append(apply("multiply", Number(sign), amount))
    return apply("add", *terms)


def per_volume(total: Expression, volume: Expression) -> Expression:
    """Return a sum of rates divided by a compartment's size, cancelled where a rate has it as a factor.

    Parameters
    ----------
    total, volume : Expression

    Returns
    -------
    Expression
    """
    if isinstance(total, Apply) and total.operator == "add":
        return apply("add", *(per_volume(term, volume) for term in total.arguments))
    if isinstance(total, Apply) and total.operator == "negate":
        return apply("negate", per_volume(total.arguments[0], volume))
    if isinstance(total, Apply) and total.operator == "multiply" and volume in total.arguments:
        factors = list(total.arguments)
        factors.remove(volume)
        return apply("multiply", *factors)
    return apply("divide", total, volume)
