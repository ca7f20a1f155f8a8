"""When conditions on time change that are not linear in it: a phase of the day, a sine above a threshold.

Such a condition has no closed form for its times. Its truth is looked at on a grid of the whole run, and at the edges
of every step such as floor(time / 24), and each change between two looks is found by bisection. A condition that is
true for less than a look apart and not at the edge of a step may be missed: 1 part in 8192 of the run.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from limus.kernel.language import Apply, Expression, apply, derivative, evaluate_arrays, free_symbols, substitute, walk
from limus.kernel.language.expression import RELATIONS, ZERO
from limus.kernel.simulation.equations import TIME, System, state_symbol
from limus.kernel.simulation.switches import is_linear, switch_time

__all__ = ["find_time_conditions", "sample_switches"]

Floats = NDArray[np.float64]
_LOOKS = 8192
_STEPS = frozenset({"floor", "ceiling", "quotient"})
_MOST_EDGES = 100_000  # of steps, in one run
_HALVINGS = 80


def find_time_conditions(system: System) -> tuple[Expression, ...]:
    """Return the conditions and steps on time that are not linear in it and hold no states.

    Parameters
    ----------
    system : System

    Returns
    -------
    tuple of Expression
        Relations, and steps as ``floor``, ``ceiling`` or ``quotient``; each changes its value at the times wanted.
    """
    found: dict[Expression, None] = {}
    rates = system.derivatives if system.blocks is None else system.derivatives[: system.blocks.size]
    for part in _parts((*rates, *(event.trigger for event in system.events))):
        symbols = free_symbols(part)
        if TIME not in symbols or any(symbol.startswith(state_symbol("")) for symbol in symbols):
            continue
        if (part.operator in RELATIONS and switch_time(part) is None) or part.operator in {
            "floor",
            "ceiling",
            "quotient",
        }:
            found[part] = None
        elif part.operator == "modulo":
            found[apply("quotient", *part.arguments)] = None
    return tuple(found)


def _parts(expressions: tuple[Expression, ...]) -> Iterator[Apply]:
    for expression in expressions:
        yield from (part for part in walk(expression) if isinstance(part, Apply))


def sample_switches(
    conditions: tuple[Expression, ...], values: dict[str, Floats], starts: Floats, ends: Floats
) -> tuple[NDArray[np.int64], Floats]:
    """Find when conditions change.

    Parameters
    ----------
    conditions : tuple of Expression
        From :func:`find_time_conditions`.
    values : dict of str to (N,) array
        Inputs of N sets by their symbols.
    starts, ends : (N,) array
        Of each set's run.

    Returns
    -------
    tuple of ((K,) array of int, (K,) array)
        Set and time of each change, the first time at which the new value holds.
    """
    used = sorted(frozenset[str]().union(*map(free_symbols, conditions)) - {TIME})
    table = np.stack([*(np.broadcast_to(values[name], starts.shape) for name in used), starts, ends], axis=1)
    different, which = np.unique(table, axis=0, return_inverse=True)
    times = [_changes(conditions, dict(zip(used, row, strict=False)), row[-2], row[-1]) for row in different]
    of_set = [times[k] for k in which.reshape(-1).tolist()]
    who = np.repeat(np.arange(len(of_set)), [len(own) for own in of_set])
    return who.astype(np.int64), np.concatenate(of_set) if of_set else np.zeros(0)


def _changes(conditions: tuple[Expression, ...], inputs: dict[str, float], start: float, end: float) -> Floats:
    """Times in (start, end) at which a condition changes, for one set."""
    known = {name: np.asarray(value) for name, value in inputs.items()}
    edges = np.concatenate([_edges(condition, known, start, end) for condition in conditions])
    looks = np.unique(np.concatenate([np.linspace(start, end, _LOOKS), edges, np.nextafter(edges, np.inf)]))
    looks = looks[(looks >= start) & (looks <= end)]
    found = [edges[(edges > start) & (edges < end)]]
    for condition in conditions:
        seen = _value(condition, known, looks)
        changed = np.flatnonzero(seen[1:] != seen[:-1])
        left, right, before = looks[changed], looks[changed + 1], seen[changed]
        for _ in range(_HALVINGS if len(left) else 0):
            middle = 0.5 * (left + right)
            same = _value(condition, known, middle) == before
            left, right = np.where(same, middle, left), np.where(same, right, middle)
        found.append(right)
    return np.unique(np.concatenate(found))


def _value(condition: Expression, known: dict[str, NDArray[np.float64]], times: Floats) -> Floats:
    return np.broadcast_to(evaluate_arrays(condition, known | {TIME: times}), times.shape)


def _edges(condition: Expression, known: dict[str, Floats], start: float, end: float) -> Floats:
    """Times at which the argument of a step, where it is linear in time, is a whole number."""
    if not isinstance(condition, Apply) or condition.operator in RELATIONS:
        return np.zeros(0)
    argument = apply("divide", *condition.arguments) if condition.operator == "quotient" else condition.arguments[0]
    slope = derivative(argument, TIME)
    if slope == ZERO or TIME in free_symbols(slope) or not is_linear(argument, TIME):
        return np.zeros(0)
    a = float(evaluate_arrays(slope, known))
    b = float(evaluate_arrays(substitute(argument, {TIME: ZERO}), known))
    whole = np.sort([a * start + b, a * end + b])
    if not np.isfinite(whole).all() or whole[1] - whole[0] > _MOST_EDGES or a == 0.0:
        return np.zeros(0)
    return np.sort((np.arange(np.ceil(whole[0]), np.floor(whole[1]) + 1.0) - b) / a)
