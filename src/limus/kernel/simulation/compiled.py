"""A compiled model: the system and its functions, written as source text when they are first evaluated."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ModelError
from limus.kernel.language import Expression, Model, Number, derivatives_at, free_symbols
from limus.kernel.provenance import hash_text
from limus.kernel.simulation.python_code import load_function, write_function
from limus.kernel.simulation.sampled_switches import find_time_conditions
from limus.kernel.simulation.sensitivity import with_sensitivities
from limus.kernel.simulation.switches import find_switches
from limus.kernel.simulation.system import TIME, System, build_system, input_symbol, state_symbol

__all__ = ["CompiledModel", "compile_model"]


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
    jacobian_places : tuple of (int, int)
        Row and column of each value that the Jacobian function returns: of the model's own states.
    compartments : tuple of str
        Those whose size the ``sizes`` function returns, at the start: they hold concentrations.
    system : System
        The equations as expressions, for the fast engine to compile.
    switches : tuple of Expression
        Times, in the inputs, at which a condition on time changes.
    time_conditions : tuple of Expression
        Conditions on time alone whose times have no closed form.
    """

    name: str
    inputs: tuple[str, ...]
    defaults: NDArray[np.float64]
    required: frozenset[str]
    states: tuple[str, ...]
    outputs: tuple[str, ...]
    dosable: tuple[str, ...]
    jacobian_places: tuple[tuple[int, int], ...]
    compartments: tuple[str, ...]
    system: System
    switches: tuple[Expression, ...]
    time_conditions: tuple[Expression, ...]

    @property
    def sensitivities(self) -> tuple[str, ...]:
        """Inputs by which the outputs are differentiated."""
        return self.system.blocks.parameters if self.system.blocks else ()

    @cached_property
    def key(self) -> str:
        """Hash of everything that decides the numbers: equal models have equal keys."""
        names = [self.inputs, self.states, self.outputs, self.dosable, self.sensitivities]
        marked = [text for group in names for text in (*group, "|")]
        return hash_text(*marked, *(self.source(function, careful=True) for function in _DECIDING))

    def source(self, function: str, *, careful: bool) -> str:
        """Return the text of one of the model's functions, for the reference solver.

        Parameters
        ----------
        function : str
            As for :meth:`evaluate`.
        careful : bool
            Which version: see :mod:`limus.kernel.simulation.python_code`.

        Returns
        -------
        str
            Python source.
        """
        kept = self._deciding if careful and function in _DECIDING else _kept_sources(self.key)
        if (function, careful) not in kept:
            variables = {state_symbol(name): f"y[{i}]" for i, name in enumerate(self.system.states)}
            variables |= {input_symbol(name): f"p[{i}]" for i, name in enumerate(self.system.inputs)} | {TIME: "t"}
            results = tuple(_RESULTS[function](self.system))
            kept[function, careful] = write_function(function, variables, results, careful=careful)
        return kept[function, careful]

    @cached_property
    def _deciding(self) -> dict[tuple[str, bool], str]:
        """What the key is made of, for it has none yet."""
        return {}

    def __getstate__(self) -> dict[str, object]:
        """Pickle with the key, which takes longer to find than everything else takes to send."""
        return self.__dict__ | {"key": self.key}

    def evaluate(self, function: str, t: float, y: Sequence[float], p: Sequence[float]) -> list[float]:
        """Evaluate one of the model's functions.

        Parameters
        ----------
        function : str
            ``derivatives`` and ``jacobian`` of the model's own states, ``initial``, ``outputs``, ``dose_scale``,
            ``sizes`` (of compartments, at the start), or, of the events in order, ``triggers``, ``delays``,
            ``priorities`` and ``kicks`` (the values that all of them assign), or, of sensitivities, ``curvatures``,
            ``parameter_rates`` and ``parameter_rate_slopes`` (see :class:`limus.kernel.simulation.blocks.Blocks`).
        t : float
            Time.
        y, p : sequence of float
            State and inputs, plain Python floats.

        Returns
        -------
        list of float
            Infinity or NaN where mathematics has no finite answer.
        """
        try:
            return load_function(function, self.source(function, careful=False), False)(t, y, p)
        except (ArithmeticError, ValueError):
            return load_function(function, self.source(function, careful=True), True)(t, y, p)

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


@lru_cache(maxsize=64)
def _kept_sources(key: str) -> dict[tuple[str, bool], str]:
    """Sources of a model that were written in this process, for each of its copies."""
    return {}


def compile_model(
    model: Model, outputs: Sequence[str] | None = None, *, sensitivities: Sequence[str] = ()
) -> CompiledModel:
    """Compile a model once, to run it for many parameter sets.

    Parameters
    ----------
    model : Model
        The model.
    outputs : sequence of str, optional
        Names to put out: species, parameters, compartments, reactions; by default every species and assigned name.
    sensitivities : sequence of str, optional
        Inputs by which outputs are differentiated: parameters, initial values, compartment sizes.

    Returns
    -------
    CompiledModel

    Raises
    ------
    UnsupportedFeatureError
        The model uses what this engine does not support; the message names it.
    ModelError, UnknownNameError
        As :func:`limus.kernel.simulation.system.build_system`.
    ValueRangeError
        As :func:`limus.kernel.simulation.sensitivity.with_sensitivities`, which may raise the others too.
    """
    system = with_sensitivities(build_system(model, outputs), sensitivities)
    blocks = system.blocks
    defaults = np.array(system.defaults, dtype=np.float64)
    defaults.flags.writeable = False
    return CompiledModel(
        name=system.name,
        inputs=system.inputs,
        defaults=defaults,
        required=system.required,
        states=system.states,
        outputs=system.outputs,
        dosable=tuple(name for name in system.dose_scale if not blocks or name in system.states[: blocks.size]),
        jacobian_places=_jacobian_places(system),
        system=system,
        switches=find_switches(system),
        time_conditions=find_time_conditions(system),
        compartments=tuple(system.sizes),
    )


def _jacobian_places(system: System) -> tuple[tuple[int, int], ...]:
    """Of the model's own states, also where the system has sensitivities."""
    if system.blocks is not None:
        return tuple(system.blocks.slopes)
    columns = {state_symbol(name): j for j, name in enumerate(system.states)}
    return tuple(
        (i, j)
        for i, expression in enumerate(system.derivatives)
        for j in sorted(columns[symbol] for symbol in free_symbols(expression) & columns.keys())
    )


def _jacobian(system: System) -> tuple[Expression, ...]:
    """The entries at these places."""
    if system.blocks is not None:
        return tuple(system.blocks.slopes.values())
    slopes = derivatives_at(system.derivatives, map(state_symbol, system.states), _jacobian_places(system))
    return tuple(slopes)


def _of_blocks(name: str) -> Callable[[System], Iterable[Expression]]:
    return lambda system: getattr(system.blocks, name).values() if system.blocks else ()


_RESULTS: Mapping[str, Callable[[System], Iterable[Expression]]] = {
    "derivatives": lambda system: system.derivatives[: system.blocks.size if system.blocks else None],
    "jacobian": _jacobian,
    "initial": lambda system: system.initial,
    "outputs": lambda system: system.output_expressions,
    "dose_scale": lambda system: system.dose_scale.values(),
    "sizes": lambda system: system.sizes.values(),
    "triggers": lambda system: (event.trigger for event in system.events),
    "delays": lambda system: (event.delay or Number(0.0) for event in system.events),
    "priorities": lambda system: (event.priority or Number(-math.inf) for event in system.events),
    "kicks": lambda system: (value for event in system.events for value in event.values),
    "curvatures": _of_blocks("curvatures"),
    "parameter_rates": _of_blocks("rates"),
    "parameter_rate_slopes": _of_blocks("rate_slopes"),
}
# the others are derivatives of these
_DECIDING = ("derivatives", "initial", "outputs", "dose_scale", "sizes", "triggers", "delays", "priorities", "kicks")
