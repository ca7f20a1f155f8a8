"""The functions of one model over lanes: constants, initial state, right-hand side, factorisation, solve, outputs.

All of them work on a *frame*: one block of memory that holds arrays of vectors at fixed places. What depends on inputs
only is computed once a trajectory, and what changes at stops only is computed there (``constants``). The Jacobian is
never stored: its entries go straight into the factorisation of W = I/(gamma h) - J.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from llvmlite import ir

from limus.kernel.language import Expression, derivative, derivatives_at, free_symbols, substitute
from limus.kernel.language.expression import ZERO
from limus.kernel.simulation.blocks import Blocks
from limus.kernel.simulation.engine.block_writer import block_functions, block_time_rates, weights
from limus.kernel.simulation.engine.elimination import plan_elimination
from limus.kernel.simulation.engine.factor_layout import lay_out_factors
from limus.kernel.simulation.engine.frame import Frame, lay_out
from limus.kernel.simulation.engine.hoisting import Constancy, Gathering, constant_parts, time_derivative
from limus.kernel.simulation.engine.lanes import Lanes
from limus.kernel.simulation.engine.linear_pattern import LinearPattern, find_linear_pattern
from limus.kernel.simulation.engine.looped_elimination import write_looped_solve
from limus.kernel.simulation.engine.model_writer import ModelWriter
from limus.kernel.simulation.engine.straight_elimination import write_straight_solve
from limus.kernel.simulation.equations import TIME, System, input_symbol, state_symbol

__all__ = ["Program", "TooLargeError", "write_program"]

# products of a factorisation beyond which loops are faster than straight-line code, and far quicker to compile
MOST_STRAIGHT = 1_000
Places = dict[tuple[int, int], Expression]
Key = TypeVar("Key")


class TooLargeError(Exception):
    """The model is too large; the caller falls back to the reference solver."""


@dataclass(frozen=True, eq=False)
class Program:
    """A model as functions over lanes.

    Attributes
    ----------
    frame : Frame
    states, outputs, factors : int
        How many; factors are the entries of the factorisation.
    size : int
        States of the model: all, or with sensitivities those of one block.
    blocks : Blocks or None
        Of a system with sensitivities.
    functions : mapping of str to llvmlite.ir.Function
        ``constants(frame)``, ``initial(frame, out)``, ``add_rates(frame, y, out)``, ``time_rates(frame, y, out)``,
        ``factorise(frame, y)``, ``solve(frame, b)``, ``solve_both(frame, b, c)``, ``outputs(frame, y, out)``,
        ``dose_scale(frame, out)``; time is read from the frame. Rates are added to what stands in ``out``.
        ``slopes(frame, out)`` and ``offsets(frame, out)`` of a linear model are A and g. Rates, factorisation and solve
        concern one block; for the others see :mod:`limus.kernel.simulation.engine.block_writer` and, with
        ``weights(frame, out)``, 1/|p|. Of initial state and dose scale, entries of sensitivities that are zero are not
        written. ``triggers(frame, y, out)`` and ``kicks(frame, y, out)`` of a model with events.
    linear : LinearPattern or None
        Where A has entries, for a model that is linear in its states.
    has_phases : bool
        Whether some of the constants change at stops.
    observed : tuple of int
        Places of the states that outputs look at; all of a model with events.
    events : int
        How many triggers are watched.
    kicks : tuple of (int, int)
        Event and state of each value that events assign.
    is_immediate : bool
        Whether no event has a delay.
    time_rates : bool
        Whether any rate changes with time alone.
    moves_with_time, infused : bool
        Whether rates of sensitivities do, and whether doses reach them.
    """

    frame: Frame
    states: int
    outputs: int
    factors: int
    size: int
    blocks: Blocks | None
    functions: dict[str, ir.Function]
    linear: LinearPattern | None
    has_phases: bool
    observed: tuple[int, ...]
    events: int
    kicks: tuple[tuple[int, int], ...]
    is_immediate: bool
    time_rates: bool
    moves_with_time: bool
    infused: bool


def write_program(lanes: Lanes, system: System, most_factors: int) -> Program:
    """Write a model's functions into a module.

    Parameters
    ----------
    lanes : Lanes
        The module and its width.
    system : System
        The differential equations.
    most_factors : int
        Entries of the factorisation at most.

    Returns
    -------
    Program

    Raises
    ------
    TooLargeError
        More entries than that.
    """
    blocks = system.blocks
    size = blocks.size if blocks else len(system.states)
    is_constant = Constancy()
    gathered = Gathering(is_constant)
    system = _gathered(system, gathered)
    blocks = system.blocks
    rates = system.derivatives[:size]
    places = dict(blocks.slopes) if blocks else _slopes(system, gathered)
    by_time = {i: time_derivative(expression, is_constant) for i, expression in enumerate(rates)}
    by_time = {i: moved for i, moved in by_time.items() if moved != ZERO}
    if blocks:
        by_time |= block_time_rates(system, blocks, is_constant)
    plan = plan_elimination(size, places)
    entries = len(plan.entries) + (len(blocks.curvatures) if blocks else 0)
    if entries > most_factors:
        raise TooLargeError(f"{entries} entries")
    initial, scale = dict(enumerate(system.initial)), _scales(system)
    if blocks:  # what is zero is not written one by one
        initial, scale = ({k: e for k, e in part.items() if e != ZERO} for part in (initial, scale))
    used = (
        *rates,
        *places.values(),
        *by_time.values(),
        *system.output_expressions,
        *(part for event in system.events for part in (event.trigger, *event.values)),
        *scale.values(),
        *_block_parts(blocks),
    )
    linear = None if system.events else find_linear_pattern(system, places)
    constants = constant_parts(used, is_constant)
    layout = lay_out_factors(plan) if linear is None and plan.products > MOST_STRAIGHT else None
    factors = layout.size if layout else len(plan.entries)
    frame = lay_out(system, len(constants), 0 if linear else factors, linear.memory if linear else 0)
    writer = ModelWriter(lanes, system, frame, constants)
    functions = {
        "constants": writer.constants(),
        "initial": writer.from_frame("initial", initial),
        "add_rates": writer.from_state("add_rates", dict(enumerate(rates)), onto=True),
        "time_rates": writer.from_state("time_rates", by_time),
        "outputs": writer.from_state("outputs", dict(enumerate(system.output_expressions)), at_stops=True),
        "dose_scale": writer.from_state("dose_scale", scale, at_stops=True),
    }
    if system.events:
        triggers = dict(enumerate(event.trigger for event in system.events))
        kicks = dict(enumerate(value for event in system.events for value in event.values))
        functions["triggers"] = writer.from_state("triggers", triggers, at_stops=True)
        functions["kicks"] = writer.from_state("kicks", kicks, at_stops=True)
    if linear is not None:
        slopes, offsets = _linear_parts(system, linear, places)
        functions |= {"slopes": writer.from_frame("slopes", slopes), "offsets": writer.from_frame("offsets", offsets)}
    elif layout is None:
        functions |= {"factorise": writer.factorise(plan, places)}
        functions["solve"], functions["solve_both"] = write_straight_solve(lanes, plan, frame.factors)
    else:
        functions |= {"factorise": writer.factorise_in_loops(layout, places)}
        functions["solve"], functions["solve_both"] = write_looped_solve(lanes, layout, frame.factors)
    if linear is None and blocks is not None:
        functions |= block_functions(lanes, writer, system, blocks)
        functions["weights"] = writer.from_frame("weights", weights(blocks))
    return Program(
        frame=frame,
        states=len(system.states),
        outputs=len(system.outputs),
        factors=entries,
        size=size,
        blocks=blocks,
        functions=functions,
        linear=linear,
        has_phases=any(TIME in free_symbols(part) for part in constants),
        observed=_observed(system),
        events=len(system.events),
        kicks=tuple((k, target) for k, event in enumerate(system.events) for target in event.targets),
        is_immediate=all(event.delay is None for event in system.events),
        time_rates=bool(by_time),
        moves_with_time=any(place >= size for place in by_time),
        infused=any(place >= size for place in scale),
    )


def _observed(system: System) -> tuple[int, ...]:
    if system.events:
        return tuple(range(len(system.states)))
    symbols = frozenset[str]().union(*map(free_symbols, system.output_expressions))
    return tuple(i for i, name in enumerate(system.states) if state_symbol(name) in symbols)


def _scales(system: System) -> dict[int, Expression]:
    return {i: system.dose_scale.get(name, ZERO) for i, name in enumerate(system.states)}


def _gathered(system: System, gathered: Gathering) -> System:
    """The system with what is constant standing together; outputs and doses look at time itself."""

    def gather(expressions: Mapping[Key, Expression]) -> dict[Key, Expression]:
        return {key: gathered(expression) for key, expression in expressions.items()}

    blocks = system.blocks
    if blocks is not None:
        blocks = replace(
            blocks,
            slopes=gather(blocks.slopes),
            curvatures=gather(blocks.curvatures),
            rates=gather(blocks.rates),
            rate_slopes=gather(blocks.rate_slopes),
        )
    return replace(system, derivatives=tuple(map(gathered, system.derivatives)), blocks=blocks)


def _slopes(system: System, gathered: Gathering) -> Places:
    """Entries of the Jacobian that are not zero."""
    names = {state_symbol(name): j for j, name in enumerate(system.states)}
    places = [
        (i, j)
        for i, expression in enumerate(system.derivatives)
        for j in sorted(names[symbol] for symbol in free_symbols(expression) & names.keys())
    ]
    entries = map(gathered, derivatives_at(system.derivatives, list(names), places))
    return {place: entry for place, entry in zip(places, entries, strict=True) if entry != ZERO}


def _block_parts(blocks: Blocks | None) -> tuple[Expression, ...]:
    if blocks is None:
        return ()
    return (*blocks.curvatures.values(), *blocks.rates.values(), *blocks.rate_slopes.values())


def _linear_parts(
    system: System, linear: LinearPattern, places: Places
) -> tuple[dict[int, Expression], dict[int, Expression]]:
    """A and g, and for each parameter their derivatives, by place."""
    at_zero: dict[str, Expression] = {state_symbol(name): ZERO for name in system.states}
    slopes = [places[place] for place in linear.places]
    offsets = [substitute(expression, at_zero) for expression in system.derivatives[: linear.size]]
    found = (dict(enumerate(slopes)), dict(enumerate(offsets)))
    for j, name in enumerate(system.blocks.parameters if system.blocks else ()):
        for own, expressions in zip(found, (slopes, offsets), strict=True):
            moved = [derivative(expression, input_symbol(name)) for expression in expressions]
            own |= {(1 + j) * len(expressions) + k: e for k, e in enumerate(moved) if e != ZERO}
    return found
