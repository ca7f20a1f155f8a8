"""Times, in the inputs, at which a condition such as ``time >= start`` changes.

A solver that does not stop there may step over a short pulse without a trace. Conditions that are not linear in time,
or that depend on states, are left to its error control.
"""

from __future__ import annotations

from limus.kernel.language import Apply, Expression, apply, derivative, free_symbols, substitute, walk
from limus.kernel.language.expression import RELATIONS, ZERO
from limus.kernel.simulation.equations import TIME, System, state_symbol

__all__ = ["find_switches", "is_linear", "surface", "switch_time"]


def find_switches(system: System) -> tuple[Expression, ...]:
    """Return the times at which conditions of a system change.

    Parameters
    ----------
    system : System

    Returns
    -------
    tuple of Expression
        In the inputs, each once.
    """
    found: dict[Expression, None] = {}
    rates = system.derivatives if system.blocks is None else system.derivatives[: system.blocks.size]
    looked_at = (*rates, *(event.trigger for event in system.events))
    for part in (part for expression in looked_at for part in walk(expression)):
        if isinstance(part, Apply) and part.operator in RELATIONS and TIME in free_symbols(part):
            time = switch_time(part)
            if time is not None:
                found[time] = None
    return tuple(found)


def switch_time(relation: Apply) -> Expression | None:
    """Return the time at which a relation changes, None where its sides are not linear in time or hold states.

    Parameters
    ----------
    relation : Apply

    Returns
    -------
    Expression or None
        In the inputs.
    """
    if any(symbol.startswith(state_symbol("")) for symbol in free_symbols(relation)):
        return None
    return surface(relation, TIME)


def surface(relation: Apply, name: str) -> Expression | None:
    """Return the value of a symbol for which the sides of a relation are equal, None where they are not linear in it.

    Parameters
    ----------
    relation : Apply
    name : str

    Returns
    -------
    Expression or None
        In the other symbols.
    """
    left, right = relation.arguments
    difference = apply("add", left, apply("negate", right))
    slope = derivative(difference, name)
    if slope == ZERO or name in free_symbols(slope) or not is_linear(difference, name):
        return None
    return apply("negate", apply("divide", substitute(difference, {name: ZERO}), slope))


def is_linear(expression: Expression, name: str) -> bool:
    """Whether a symbol occurs only where sums, products and quotients carry it, not in a step such as floor(time)."""
    carriers = {"add", "negate", "multiply", "divide"}
    return all(
        part.operator in carriers for part in walk(expression) if isinstance(part, Apply) and name in free_symbols(part)
    )
