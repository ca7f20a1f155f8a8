"""Where an expression is not smooth: parts that may be infinite, and jumps that sensitivities do not see.

A sensitivity follows the derivative of a rate, which does not show a jump of the rate. Where the time of the jump moves
with a parameter, the sensitivity jumps too. For conditions on time alone this is known beforehand and done at the stop.
Any other condition is allowed only where the rate has no jump: max(y - 1, 0), or piecewise(y - 1, y > 1, 0).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from limus.kernel.errors import UnsupportedFeatureError
from limus.kernel.language import Apply, Expression, evaluate_arrays, free_symbols, substitute, transform, walk
from limus.kernel.language.expression import ONE, RELATIONS, ZERO
from limus.kernel.simulation.blocks import Blocks
from limus.kernel.simulation.equations import TIME, System, input_symbol, state_symbol
from limus.kernel.simulation.switches import surface, switch_time

__all__ = ["may_be_infinite", "may_become_infinite", "refuse_jumps"]

_SINGULAR = frozenset(
    {"divide", "power", "ln", "log10", "sqrt", "exp", "tan", "sinh", "cosh", "arcsin", "arccos", "arccosh", "arctanh"}
    | {"factorial", "modulo", "quotient"}
)
_STEPS = frozenset({"floor", "ceiling", "modulo", "quotient"})
_PROBES = 24
_ROUNDING = 1e-9  # of the larger side


def may_be_infinite(expression: Expression) -> bool:
    """Return whether an expression has a part that finite numbers may make infinite."""
    return any(isinstance(node, Apply) and node.operator in _SINGULAR for node in walk(expression))


def may_become_infinite(expression: Expression) -> bool:
    """Return whether states or time may make a part of an expression infinite."""
    for node in walk(expression):
        if isinstance(node, Apply) and node.operator in _SINGULAR:
            looked_at = node.arguments[1:] if node.operator == "divide" else node.arguments
            if any(not symbol.startswith(input_symbol("")) for part in looked_at for symbol in free_symbols(part)):
                return True
    return False


def refuse_jumps(system: System, blocks: Blocks) -> None:
    """Refuse a system in which a rate jumps at a moment that moves with a parameter and is not known beforehand.

    Parameters
    ----------
    system : System
        Without sensitivities.
    blocks : Blocks
        Its derivatives.

    Raises
    ------
    UnsupportedFeatureError
        Names the rate and the condition; also for ``factorial``, which has no derivative here.
    """
    inputs = {input_symbol(name) for name in blocks.parameters}
    moving = _moving(system, blocks) | inputs
    everything = (*system.derivatives, *system.initial, *system.output_expressions, *system.dose_scale.values())
    for part in _parts(everything):
        if part.operator == "factorial" and free_symbols(part) & moving:
            raise _refusal(system, "factorial of what depends on a parameter", "a formula with a derivative")
    for name, rate in zip(system.states, system.derivatives, strict=True):
        for part in _parts([rate]):
            symbols = free_symbols(part)
            # what depends on inputs alone holds all the time, or never
            moves = bool(symbols & (moving - inputs)) or (bool(symbols & moving) and _changes(system, symbols))
            if moves and _may_jump(rate, part):
                got = f"the rate of {name} with a jump at {_words(part)}"
                raise _refusal(system, got, "rates that are continuous there, or conditions that are linear in time")


def _parts(expressions: Iterable[Expression]) -> list[Apply]:
    return [part for expression in expressions for part in walk(expression) if isinstance(part, Apply)]


def _refusal(system: System, got: str, allowed: str) -> UnsupportedFeatureError:
    do = "make the change gradual, or use differences of simulations"
    return UnsupportedFeatureError(f"sensitivities of {system.name}", got, allowed, do)


def _words(part: Apply) -> str:
    text = str(part).replace(state_symbol(""), "").replace(input_symbol(""), "")
    return text if len(text) < 100 else f"{text[:97]}..."


def _moving(system: System, blocks: Blocks) -> set[str]:
    """Symbols of the states that depend on a parameter."""
    inputs = {input_symbol(name) for name in blocks.parameters}
    places = {i for _, i in blocks.rates} | {i for i, e in enumerate(system.initial) if free_symbols(e) & inputs}
    places |= {i for i, e in enumerate(system.derivatives) if free_symbols(e) & inputs}
    scaled = {name for name, scale in system.dose_scale.items() if free_symbols(scale) & inputs}
    places |= {i for i, name in enumerate(system.states) if name in scaled}
    symbols = [free_symbols(e) for e in system.derivatives]
    while True:
        moving = {state_symbol(system.states[i]) for i in places}
        found = places | {i for i, names in enumerate(symbols) if names & moving}
        if found == places:
            return moving
        places = found


def _changes(system: System, symbols: frozenset[str]) -> bool:
    """Whether something with these symbols changes with time."""
    return TIME in symbols or any(state_symbol(name) in symbols for name in system.states)


def _may_jump(rate: Expression, part: Apply) -> bool:
    if part.operator in _STEPS:
        return True
    if part.operator not in RELATIONS - {"equal", "not_equal"} or switch_time(part) is not None:
        return False
    return not _is_continuous(rate, part)


def _is_continuous(rate: Expression, relation: Apply) -> bool:
    """Whether a rate is the same on both sides of a condition, where its sides are equal: at points by chance."""
    for name in sorted(free_symbols(relation)):
        value = surface(relation, name)
        if value is None:
            continue
        sides = [_with(rate, relation, side) for side in (ONE, ZERO)]
        sides = [substitute(side, {name: value}) for side in sides]
        numbers = np.random.default_rng(20230901)
        symbols = sorted(free_symbols(rate) | free_symbols(value))
        values = {symbol: np.exp(numbers.normal(0.0, 1.5, _PROBES)) for symbol in symbols}
        first, second = (np.broadcast_to(evaluate_arrays(side, values), _PROBES) for side in sides)
        finite = np.isfinite(first) & np.isfinite(second)
        size = np.maximum(np.abs(first), np.abs(second))
        close = np.abs(first - second) <= _ROUNDING * size
        return bool(finite.any() and close[finite].all())
    return False


def _with(rate: Expression, relation: Apply, side: Expression) -> Expression:
    return transform(rate, lambda node: side if node == relation else None)
