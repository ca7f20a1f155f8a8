"""A compiled model: the system's functions as source text, so that it can travel to other processes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ModelError
from limus.kernel.language import Apply, Expression, Model, Number, apply, derivative, free_symbols, substitute, walk
from limus.kernel.language.expression import RELATIONS, ZERO
from limus.kernel.provenance import hash_text
from limus.kernel.simulation.python_code import load_function, write_function
from limus.kernel.simulation.system import TIME, System, build_system, input_symbol, state_symbol

__all__ = ["CompiledModel", "compile_model"]

_FUNCTIONS = (
    "derivatives",
    "jacobian",
    "initial",
    "outputs",
    "dose_scale",
    "sizes",
    "triggers",
    "delays",
    "priorities",
    "kicks",
)


@dataclass(frozen=True, eq=False)
class CompiledModel:
    """What :func:`compile_model` makes; immutable and picklable.

    Attributes
    ----------
    name : str
    inputs : tuple of str
        Names that may be set per parameter set.
    defaults : (I,) array
        The model's own values, NaN where it gives none.
    required : frozenset of str
        Inputs that must have a number.
    states, outputs : tuple of str
    dosable : tuple of str
        Species that a dose may target.
    sources : tuple of (str, str, str)
        Function name, fast source, careful source.
    jacobian_places : tuple of (int, int)
        Row and column of each value that the Jacobian function returns.
    compartments : tuple of str
        Those whose size the ``sizes`` function returns, at the start: they hold concentrations.
    system : System
        The equations as expressions, for the fast engine to compile.
    switches : tuple of Expression
        Times, in the inputs, at which a condition on time changes.
    """

    name: str
    inputs: tuple[str, ...]
    defaults: NDArray[np.float64]
    required: frozenset[str]
    states: tuple[str, ...]
    outputs: tuple[str, ...]
    dosable: tuple[str, ...]
    sources: tuple[tuple[str, str, str], ...]
    jacobian_places: tuple[tuple[int, int], ...]
    compartments: tuple[str, ...]
    system: System
    switches: tuple[Expression, ...]

    @cached_property
    def key(self) -> str:
        """Hash of everything that decides the numbers: equal models have equal keys."""
        names = [*self.inputs, "|", *self.states, "|", *self.outputs, "|", *self.dosable]
        return hash_text(*names, *(source for _, _, source in self.sources))

    def evaluate(self, function: str, t: float, y: Sequence[float], p: Sequence[float]) -> list[float]:
        """Evaluate one of the model's functions.

        Parameters
        ----------
        function : str
            ``derivatives``, ``jacobian``, ``initial``, ``outputs``, ``dose_scale``, ``sizes`` (of compartments, at the
            start), or, of the events in order, ``triggers``, ``delays``, ``priorities`` and ``kicks`` (the values that
            all of them assign).
        t : float
            Time.
        y, p : sequence of float
            State and inputs, plain Python floats.

        Returns
        -------
        list of float
            Infinity or NaN where mathematics has no finite answer.
        """
        fast, careful = next((f, c) for name, f, c in self.sources if name == function)
        try:
            return load_function(function, fast, False)(t, y, p)
        except (ArithmeticError, ValueError):
            return load_function(function, careful, True)(t, y, p)

    def check_inputs(self, values: NDArray[np.float64]) -> None:
        """Refuse a parameter set in which a needed input has no number.

        Parameters
        ----------
        values : (N, I) array
            One row a parameter set.

        Raises
        ------
        ModelError
            The message names the inputs.
        """
        missing = [n for i, n in enumerate(self.inputs) if n in self.required and np.isnan(values[:, i]).any()]
        if missing:
            raise ModelError(
                f"model {self.name}", "no value for " + ", ".join(missing), "a number for each", "set them"
            )


def compile_model(model: Model, outputs: Sequence[str] | None = None) -> CompiledModel:
    """Compile a model once, to run it for many parameter sets.

    Parameters
    ----------
    model : Model
        The model.
    outputs : sequence of str, optional
        Names to put out: species, parameters, compartments, reactions; by default every species and assigned name.

    Returns
    -------
    CompiledModel

    Raises
    ------
    UnsupportedFeatureError
        The model uses what this engine does not support; the message names it.
    ModelError, UnknownNameError
        As :func:`limus.kernel.simulation.system.build_system`.
    """
    system = build_system(model, outputs)
    variables = {state_symbol(name): f"y[{i}]" for i, name in enumerate(system.states)}
    variables |= {input_symbol(name): f"p[{i}]" for i, name in enumerate(system.inputs)} | {TIME: "t"}
    places, entries = _jacobian(system)
    results = {
        "derivatives": system.derivatives,
        "jacobian": entries,
        "initial": system.initial,
        "outputs": system.output_expressions,
        "dose_scale": tuple(system.dose_scale.values()),
        "sizes": tuple(system.sizes.values()),
        "triggers": tuple(event.trigger for event in system.events),
        "delays": tuple(event.delay or Number(0.0) for event in system.events),
        "priorities": tuple(event.priority or Number(-math.inf) for event in system.events),
        "kicks": tuple(value for event in system.events for value in event.values),
    }
    sources = tuple(
        (
            name,
            write_function(name, variables, results[name], careful=False),
            write_function(name, variables, results[name], careful=True),
        )
        for name in _FUNCTIONS
    )
    defaults = np.array(system.defaults, dtype=np.float64)
    defaults.flags.writeable = False
    return CompiledModel(
        name=system.name,
        inputs=system.inputs,
        defaults=defaults,
        required=system.required,
        states=system.states,
        outputs=system.outputs,
        dosable=tuple(system.dose_scale),
        sources=sources,
        jacobian_places=places,
        system=system,
        switches=_switches(system),
        compartments=tuple(system.sizes),
    )


def _jacobian(system: System) -> tuple[tuple[tuple[int, int], ...], tuple[Expression, ...]]:
    places, entries = [], []
    columns = {state_symbol(name): j for j, name in enumerate(system.states)}
    for i, expression in enumerate(system.derivatives):
        for symbol in sorted(free_symbols(expression) & columns.keys(), key=columns.__getitem__):
            places.append((i, columns[symbol]))
            entries.append(derivative(expression, symbol))
    return tuple(places), tuple(entries)


def _switches(system: System) -> tuple[Expression, ...]:
    """Times, in the inputs, at which a condition such as ``time >= start`` changes.

    A solver that does not stop there may step over a short pulse without a trace. Conditions that are not linear in
    time, or that depend on states, are left to its error control.
    """
    found: dict[Expression, None] = {}
    looked_at = (*system.derivatives, *(event.trigger for event in system.events))
    for part in (part for expression in looked_at for part in walk(expression)):
        if isinstance(part, Apply) and part.operator in RELATIONS and TIME in free_symbols(part):
            left, right = part.arguments
            difference = apply("add", left, apply("negate", right))
            if any(symbol.startswith(state_symbol("")) for symbol in free_symbols(difference)):
                continue
            slope = derivative(difference, TIME)
            if TIME not in free_symbols(slope) and _is_linear(difference):
                at_zero = substitute(difference, {TIME: ZERO})
                found[apply("negate", apply("divide", at_zero, slope))] = None
    return tuple(found)


def _is_linear(expression: Expression) -> bool:
    """Whether time occurs only where sums, products and quotients carry it, not in a step such as floor(time)."""
    carriers = {"add", "negate", "multiply", "divide"}
    return all(
        part.operator in carriers for part in walk(expression) if isinstance(part, Apply) and TIME in free_symbols(part)
    )
