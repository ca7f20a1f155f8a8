"""A system of ordinary differential equations as expressions: what a model is reduced to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from limus.kernel.language import Expression
from limus.kernel.simulation.blocks import Blocks

__all__ = ["TIME", "Settling", "System", "SystemEvent", "assigned_symbol", "input_symbol", "state_symbol"]

TIME = "time"


def state_symbol(name: str) -> str:
    """Return the symbol that stands for a state in a system's expressions."""
    return f"y:{name}"


def input_symbol(name: str) -> str:
    """Return the symbol that stands for an input in a system's expressions."""
    return f"p:{name}"


def assigned_symbol(place: int) -> str:
    """Return the symbol that stands for a value that an event assigns."""
    return f"v:{place}"


@dataclass(frozen=True, slots=True)
class SystemEvent:
    """A triggered event, resolved: when ``trigger`` turns true, states ``targets`` take ``values`` after ``delay``.

    Attributes are those of :class:`limus.kernel.language.Event`, in states, inputs and time. Where the values are those
    of the trigger's time, but what they make of the states depends on sizes of compartments when the event is executed,
    ``assigned`` are the values to be kept, and ``made`` are the states in terms of these, as :func:`assigned_symbol`,
    and of what holds then; both are empty elsewhere.
    """

    name: str
    trigger: Expression
    delay: Expression | None
    priority: Expression | None
    initial_value: bool
    persistent: bool
    values_from_trigger_time: bool
    targets: tuple[int, ...]
    values: tuple[Expression, ...]
    assigned: tuple[Expression, ...] = ()
    made: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class Settling:
    """What holds at every moment: fast reactions are in equilibrium, and constraints are zero.

    Attributes
    ----------
    fast : tuple of Expression
        For each state how the fast reactions change it, as they are written.
    implicit : tuple of int
        Places of the states that the constraints determine.
    constraints : tuple of Expression
        One for each of them.
    """

    fast: tuple[Expression, ...]
    implicit: tuple[int, ...]
    constraints: tuple[Expression, ...]


@dataclass(frozen=True, eq=False)
class System:
    """dy/dt = f(time, y, inputs), with initial values and outputs, as expressions.

    Attributes
    ----------
    name : str
        The model's name.
    inputs : tuple of str
        Names that may be set: compartment sizes, constant parameters, initial values of species.
    defaults : tuple of float
        The model's own value of each input; NaN where it gives none.
    states : tuple of str
        State names; a species' state bears the species' name.
    initial : tuple of Expression
        Initial state, in the inputs.
    derivatives : tuple of Expression
        In states, inputs and time.
    outputs : tuple of str
        Names of the outputs.
    output_expressions : tuple of Expression
        In states, inputs and time.
    dose_scale : mapping of str to Expression
        For each species that can be dosed: change of its state per unit of amount, in inputs and states.
    sizes : mapping of str to Expression
        Initial size of each compartment that holds a concentration, in the inputs; it must be positive.
    required : frozenset of str
        Inputs that the expressions use; each needs a number.
    events : tuple of SystemEvent
        Triggered events.
    blocks : Blocks or None
        The parts of which the states are made, for a system with sensitivities.
    settling : Settling or None
        None where nothing has to be settled when states or inputs jump.
    """

    name: str
    inputs: tuple[str, ...]
    defaults: tuple[float, ...]
    states: tuple[str, ...]
    initial: tuple[Expression, ...]
    derivatives: tuple[Expression, ...]
    outputs: tuple[str, ...]
    output_expressions: tuple[Expression, ...]
    dose_scale: Mapping[str, Expression]
    sizes: Mapping[str, Expression]
    required: frozenset[str]
    events: tuple[SystemEvent, ...] = ()
    blocks: Blocks | None = None
    settling: Settling | None = None
