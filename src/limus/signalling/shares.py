"""Constants that are shares of a whole, and so lie between 0 and 1: read from the equations, not from a list of words.

A name is a share where it is subtracted from 1 (``(1 - share)*rest``), where it leads from one value to another
(``from + (to - from)*share``), and where it is a factor of what is assigned to a share, or a branch of it. The size of
an effect (``1 + effect*signal``) is none, whatever it is called. Two kinds the equations do not show: levels of the
stimulus, which protocols give as shares of the strongest, and constants that are named a fraction.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from limus.kernel.language import Apply, Expression, Model, Symbol, apply, free_symbols, walk
from limus.kernel.language.expression import ONE
from limus.signalling.protocol import STIMULUS_SETTINGS
from limus.signalling.sourced_model import SourcedModel

__all__ = ["shares_of"]


@lru_cache(maxsize=32)
def shares_of(model: SourcedModel) -> frozenset[str]:
    """Return the constants of a model that are shares of a whole, 0 to 1.

    Parameters
    ----------
    model : SourcedModel

    Returns
    -------
    frozenset of str
    """
    pure = {name for name, p in model.parameters.items() if p.unit == "dimensionless"}
    named = {name for name in pure if "fraction" in name.rsplit(".", maxsplit=1)[-1]}
    return frozenset(pure & (named | set(STIMULUS_SETTINGS) | _by_equations(model.model)))


def _by_equations(model: Model) -> set[str]:
    """Every name that is a share, constants and others."""
    formulas = [rule.formula for rule in model.rules] + [reaction.rate for reaction in model.reactions]
    sums = [
        node for formula in formulas for node in walk(formula) if isinstance(node, Apply) and node.operator == "add"
    ]
    found = {name for node in sums for name in _in_sum(node)}
    assigned = {rule.variable: rule.formula for rule in model.rules if rule.kind == "assignment"}
    waiting = list(found & assigned.keys())
    while waiting:
        new = set(_made_of(assigned[waiting.pop()])) - found
        found |= new
        waiting += new & assigned.keys()
    return found


def _in_sum(node: Apply) -> Iterator[str]:
    """Factors of what is subtracted from 1, and of a difference to another term of the sum."""
    for term in node.arguments:
        if isinstance(term, Apply) and term.operator == "negate" and ONE in node.arguments:
            yield from _symbols(_factors(term.arguments[0]))
        factors = _factors(term)
        for difference in factors:
            if isinstance(difference, Apply) and difference.operator == "add":
                negated = {apply("negate", other) for other in node.arguments if other is not term}
                if negated & set(difference.arguments):
                    yield from _symbols(factor for factor in factors if factor is not difference)


def _made_of(formula: Expression) -> Iterator[str]:
    """What a share is a product of, or a choice of; what a quotient is divided by is no share."""
    if isinstance(formula, Apply) and formula.operator == "piecewise":
        for value in formula.arguments[::2]:  # value, condition, value, condition, otherwise
            yield from _made_of(value)
    elif isinstance(formula, Apply) and formula.operator == "divide":
        above, below = formula.arguments
        yield from (name for name in _symbols(_factors(above)) if name not in free_symbols(below))
    else:
        yield from _symbols(_factors(formula))


def _factors(term: Expression) -> tuple[Expression, ...]:
    return term.arguments if isinstance(term, Apply) and term.operator == "multiply" else (term,)


def _symbols(terms: Iterator[Expression] | tuple[Expression, ...]) -> Iterator[str]:
    return (term.name for term in terms if isinstance(term, Symbol))
