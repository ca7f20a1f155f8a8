"""States that satisfy what holds at every moment: fast reactions in equilibrium, algebraic rules that are not solved.

Where states or inputs jump, and at the start, they are moved to where this holds again. With g(y) the rates of the fast
reactions alone and 0 = f(y) the rules, damped steps of Newton's method are made,

    (1/h - dg/dy) d = g(y)    and    df/dy d = -f(y),

first with a short h, along the way that the reactions would take, then with a longer and longer one. A step moves
amounts only as the fast reactions do.

Run :data:`limus.kernel.simulation.system.FAST` times faster than they are written, fast reactions must be far faster
than all others: their slowest eigenvalue is compared with the slopes of the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from limus.kernel.language import Expression, derivative, evaluate_arrays, free_symbols
from limus.kernel.language.expression import ZERO
from limus.kernel.simulation.equations import TIME, Settling, System, input_symbol, state_symbol
from limus.kernel.simulation.system import FAST

__all__ = ["NOT_FAST", "NOT_SETTLED", "is_fast_enough", "settle"]

NOT_SETTLED = "fast reactions or algebraic rules have no solution near the state"
NOT_FAST = "a fast reaction is not fast beside the others"
_FASTER = 1e6  # times the other reactions, at least: what is left out is one part in as many
_STANDS = 1e-9  # of the fastest eigenvalue: a direction in which no fast reaction goes
_MOST_STEPS = 400
_FIRST, _GROWTH, _LONGEST = 0.1, 2.0, 1e25  # of h, over the time of the fastest reaction
_MOST_HALVINGS = 30
_AT_REST = 1e-14  # what rounding leaves of a rate, over the terms of its slopes
Floats = NDArray[np.float64]


class _Equations:
    """What has to be zero, and its slopes, as expressions."""

    def __init__(self, system: System, settling: Settling) -> None:
        self.symbols = [state_symbol(name) for name in system.states]
        self.inputs = [input_symbol(name) for name in system.inputs]
        rules = dict(zip(settling.implicit, settling.constraints, strict=True))
        self.residuals: list[Expression] = [rules.get(i, fast) for i, fast in enumerate(settling.fast)]
        self.is_rule = np.array([i in rules for i in range(len(self.symbols))])
        self.has_fast = any(expression != ZERO for expression in settling.fast)
        self.slopes = {
            (i, k): slope
            for i, residual in enumerate(self.residuals)
            for k, symbol in enumerate(self.symbols)
            if symbol in free_symbols(residual) and (slope := derivative(residual, symbol)) != ZERO
        }
        # of all rates: what is left beside the fast reactions is looked at
        self.all_slopes = {
            (i, k): slope
            for i, rate in enumerate(system.derivatives if self.has_fast else ())
            for k, symbol in enumerate(self.symbols)
            if symbol in free_symbols(rate) and (slope := derivative(rate, symbol)) != ZERO
        }

    def evaluate(self, y: Floats, known: dict[str, Floats]) -> Floats:
        values = known | {symbol: np.asarray(v) for symbol, v in zip(self.symbols, y.tolist(), strict=True)}
        return np.array([float(evaluate_arrays(e, values)) for e in self.residuals])

    def matrix(self, y: Floats, known: dict[str, Floats], slopes: Mapping[tuple[int, int], Expression]) -> Floats:
        values = known | {symbol: np.asarray(v) for symbol, v in zip(self.symbols, y.tolist(), strict=True)}
        found = np.zeros((len(y), len(y)))
        for place, slope in slopes.items():
            found[place] = float(evaluate_arrays(slope, values))
        return found


@lru_cache(maxsize=16)
def _equations(system: System, settling: Settling) -> _Equations:
    return _Equations(system, settling)


def settle(system: System, inputs: Sequence[float], time: float, state: Floats) -> Floats | None:
    """Move a state to where fast reactions are in equilibrium and algebraic rules hold.

    Parameters
    ----------
    system : System
    inputs : sequence of float
    time : float
    state : (S,) array

    Returns
    -------
    (S,) array or None
        The state itself where nothing has to be settled; None where no solution was found.
    """
    if system.settling is None:
        return state
    equations = _equations(system, system.settling)
    known = _known(equations, inputs, time)
    with np.errstate(all="ignore"):
        # the reactions first, with what the rules determine as it is: a rule may have no good solution before them
        begun = _with_reactions(equations, known, state, rules=False)
        found = _only_rules(equations, known, state if begun is None else begun)
        return None if found is None else _with_reactions(equations, known, found, rules=True)


def is_fast_enough(system: System, inputs: Sequence[float], time: float, state: Floats) -> bool:
    """Return whether fast reactions, run as fast as they are, leave the others far behind at a state.

    Parameters
    ----------
    system : System
    inputs : sequence of float
    time : float
    state : (S,) array
        Settled.

    Returns
    -------
    bool
        True where there are none, or none runs.
    """
    if system.settling is None or not (equations := _equations(system, system.settling)).has_fast:
        return True
    known = _known(equations, inputs, time)
    with np.errstate(all="ignore"):
        fast = equations.matrix(state, known, equations.slopes)
        rest = equations.matrix(state, known, equations.all_slopes) - FAST * fast
    fast[equations.is_rule] = rest[equations.is_rule] = 0.0  # what a rule determines moves with the others
    if not (np.isfinite(fast).all() and np.isfinite(rest).all()):
        return True
    sizes = np.abs(np.linalg.eigvals(fast))
    running = sizes[sizes > _STANDS * sizes.max()]
    # what is subtracted leaves its rounding
    others = np.abs(rest).sum(axis=1).max() - 1e-14 * FAST * np.abs(fast).sum(axis=1).max()
    return len(running) == 0 or bool(FAST * running.min() >= _FASTER * others)


def _known(equations: _Equations, inputs: Sequence[float], time: float) -> dict[str, Floats]:
    values = zip(equations.inputs, map(np.asarray, inputs), strict=True)
    return {TIME: np.asarray(time), **dict(values)}


def _only_rules(equations: _Equations, known: dict[str, Floats], state: Floats) -> Floats | None:
    """Newton's method for the rules alone; a step is halved until they are nearer to zero."""
    places = np.flatnonzero(equations.is_rule)
    y = state.copy()
    for _ in range(_MOST_STEPS if len(places) else 0):
        residual = equations.evaluate(y, known)[places]
        step = _solve(equations.matrix(y, known, equations.slopes)[np.ix_(places, places)], -residual)
        if step is None:
            return None
        for _ in range(_MOST_HALVINGS):
            tried = y.copy()
            tried[places] += step
            after = equations.evaluate(tried, known)[places]
            if np.isfinite(after).all() and np.abs(after).max() <= np.abs(residual).max():
                break
            step = 0.5 * step
        else:
            return y if _is_small(step * 2.0**_MOST_HALVINGS, y[places]) else None
        y = tried
        if _is_small(step, y[places]):
            return y
    return y if len(places) == 0 else None


def _with_reactions(equations: _Equations, known: dict[str, Floats], state: Floats, *, rules: bool) -> Floats | None:
    """Fast reactions to their equilibrium, with the rules or with what they determine as it is."""
    y, h = state.copy(), _FIRST
    moving = ~equations.is_rule
    if not equations.has_fast:
        return y
    for _ in range(_MOST_STEPS):
        residual, slopes = equations.evaluate(y, known), equations.matrix(y, known, equations.slopes)
        if not rules:
            residual = np.where(moving, residual, 0.0)
            slopes = np.where(moving[:, None], slopes, np.eye(len(y)))
        if not (np.isfinite(residual).all() and np.isfinite(slopes).all()):
            return None
        fastest = np.abs(slopes[moving]).sum(axis=1).max()
        damped = np.where(moving[:, None], np.eye(len(y)) * (fastest / h) - slopes, slopes)
        if fastest == 0.0:  # nothing runs
            return y if not residual[moving].any() else None
        step = _solve(damped, np.where(moving, residual, -residual))
        if step is None:
            return None
        y = y + step
        if h > 1.0 / _AT_REST and _is_small(step, y):
            return y
        h = min(h * _GROWTH, _LONGEST)
    return None


def _solve(matrix: Floats, right: Floats) -> Floats | None:
    try:
        step = np.linalg.solve(matrix, right)
    except np.linalg.LinAlgError:
        return None
    return np.asarray(step) if np.isfinite(step).all() else None


def _is_small(step: Floats, y: Floats) -> bool:
    return bool((np.abs(step) <= 1e-13 * np.abs(y).max(initial=1e-300)).all())
