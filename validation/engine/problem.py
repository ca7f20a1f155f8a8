"""What a problem is: a model with parameter sets, what is done to it on the way, and what is known of its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from limus.kernel.language import Model, read_model
from limus.kernel.simulation import CompiledModel, Dose, compile_model

__all__ = [
    "DISSIPATIVE",
    "Floats",
    "Problem",
    "Threshold",
    "compile_states",
    "own_model",
    "rows_of",
]

Floats = NDArray[np.float64]
DISSIPATIVE = (
    "The root mean square of the local error over S states is at most the tolerance, so one state may have sqrt(S)"
    " times it, 1.4 to 7.5 here; errors decay as fast as the solution forgets its start, so that few steps add up."
)
"""Why a factor of 10 is enough for a problem that forgets its start."""


@dataclass(frozen=True)
class Threshold:
    """When ``state`` falls below ``value``, ``target`` grows by ``amount``."""

    state: str
    value: float
    target: str
    amount: float


@dataclass(frozen=True, eq=False)
class Problem:
    """One model, N parameter sets.

    Attributes
    ----------
    name, label, about : str
        For commands; for figures; one line for readers.
    model : CompiledModel
        Its outputs are its states.
    times : (T,) array
    factor : float
        The largest error over the relative tolerance that is accepted.
    reason : str
        Why this factor.
    absolute : float
        Absolute tolerance over relative tolerance, in the unit of the states.
    smallest : float
        States of a set that stay below this are not compared: rounding of larger ones decides their digits. In the T
        cell cytokines that nothing stimulates stay at 1e-9 and their errors at 1e-9 of that whatever the tolerance.
    parameters : mapping of str to float or (N,) array
    doses : tuple of Dose
    resets : tuple of float
        Times at which all states return to their initial values.
    changes : tuple of (float, str, float)
        Time, input, and the value that it has from then on.
    sizes : mapping of str to float
        Size of the compartment of a dosed species, where it is not 1: written here again, so that the reference does
        not take from limus what a dose does to a concentration.
    breaks : tuple of float
        Times at which the right-hand side jumps.
    settings : tuple of (float, mapping of str to float)
        What events at known times set.
    threshold : Threshold or None
    published : mapping of str to float
        States at the last time, as printed elsewhere.
    published_in : str
    exact : callable or None
        From the problem to its answer in closed form, (N, T, S).
    """

    name: str
    label: str
    about: str
    model: CompiledModel
    times: Floats
    factor: float
    reason: str
    absolute: float = 1e-3
    smallest: float = 0.0
    parameters: Mapping[str, float | Floats] = field(default_factory=dict)
    doses: tuple[Dose, ...] = ()
    resets: tuple[float, ...] = ()
    changes: tuple[tuple[float, str, float], ...] = ()
    sizes: Mapping[str, float] = field(default_factory=dict)
    breaks: tuple[float, ...] = ()
    settings: tuple[tuple[float, Mapping[str, float]], ...] = ()
    threshold: Threshold | None = None
    published: Mapping[str, float] = field(default_factory=dict)
    published_in: str = ""
    published_error: float = 0.0
    exact: Callable[[Problem], Floats] | None = None


def own_model(name: str) -> Model:
    """Read one of the models beside this file."""
    return read_model(Path(__file__).parent / "models" / f"{name}.ant")


def compile_states(model: Model) -> CompiledModel:
    """Compile a model so that its outputs are its states."""
    return compile_model(model, compile_model(model).states)


def rows_of(problem: Problem) -> Floats:
    """Return every input of every set, (N, I)."""
    number = max((np.size(values) for values in problem.parameters.values()), default=1)
    rows = np.tile(problem.model.defaults, (number, 1))
    for name, values in problem.parameters.items():
        rows[:, problem.model.inputs.index(name)] = values
    return rows
