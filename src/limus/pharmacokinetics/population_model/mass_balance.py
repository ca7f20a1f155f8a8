"""The area under the curve of one dose of a linear model, exact, beside bioavailability times dose over clearance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ModelError
from limus.kernel.language import Expression, derivative, evaluate_arrays
from limus.kernel.language.expression import ZERO
from limus.kernel.simulation import System, build_system
from limus.kernel.simulation.engine.linear_pattern import find_linear_pattern
from limus.kernel.simulation.system import TIME, input_symbol, state_symbol
from limus.kernel.units import convert
from limus.pharmacokinetics.population_model.record import PopulationModel

__all__ = ["AreaOfOneDose", "area_of_one_dose", "is_linear"]


@dataclass(frozen=True, slots=True)
class AreaOfOneDose:
    """Area under the curve of the linear output after one dose, (unit of DV) h: by the equations, and as expected."""

    area: float
    expected: float

    @property
    def relative_error(self) -> float:
        """How far the two lie apart."""
        return abs(self.area / self.expected - 1.0)


def is_linear(model: PopulationModel) -> bool:
    """Tell whether the amounts follow linear equations with coefficients that do not change by themselves.

    Then doses add up and the engine solves the model exactly. The observed level may still be a curved function of
    the amounts, as with binding to red cells.

    Parameters
    ----------
    model : PopulationModel

    Returns
    -------
    bool

    Raises
    ------
    ModelError, UnsupportedFeatureError
        The equations cannot be put together.
    """
    system = build_system(model.model, ())
    return not system.events and find_linear_pattern(system, _jacobian(system)) is not None


def area_of_one_dose(model: PopulationModel, covariates: Mapping[str, float], dose: float) -> AreaOfOneDose:
    r"""Compute the area under the curve of one dose into the default compartment, without variability.

    For :math:`\dot y = A y` after a dose b and an output :math:`c^T y` it is :math:`-c^T A^{-1} b`; it must equal
    F dose / CL.

    Parameters
    ----------
    model : PopulationModel
        Linear (:func:`is_linear`).
    covariates : mapping of str to float
    dose : float
        In the unit of AMT.

    Returns
    -------
    AreaOfOneDose

    Raises
    ------
    ModelError
        A name without a number, or amounts that never leave the body.
    """
    names = (model.observation.linear, model.observation.clearance, model.dosing.bioavailability)
    system = build_system(model.model.with_values(covariates), tuple(name for name in names if name))
    values = {input_symbol(n): np.asarray(v) for n, v in zip(system.inputs, system.defaults, strict=True)}
    values |= {state_symbol(name): np.asarray(0.0) for name in system.states} | {TIME: np.asarray(0.0)}
    rates = np.zeros((len(system.states), len(system.states)))
    for (i, j), entry in _jacobian(system).items():
        rates[i, j] = evaluate_arrays(entry, values)
    slopes = [derivative(system.output_expressions[0], state_symbol(name)) for name in system.states]
    _, clearance, *rest = (float(evaluate_arrays(e, values)) for e in system.output_expressions)
    amount = convert(dose, model.units.AMT, "mg") * model.dosing.salt_factor * (rest[0] if rest else 1.0)
    start = np.zeros(len(system.states))
    start[system.states.index(model.dosing.compartment)] = amount
    area = -np.array([float(evaluate_arrays(s, values)) for s in slopes]) @ _solve(model, rates, start)
    expected = amount / clearance * convert(1.0, "mg/L", model.units.DV)
    return AreaOfOneDose(float(area), expected)


def _solve(model: PopulationModel, rates: NDArray[np.float64], start: NDArray[np.float64]) -> NDArray[np.float64]:
    try:
        return np.asarray(np.linalg.solve(rates, start), dtype=np.float64)
    except np.linalg.LinAlgError:
        got = "amounts that never leave the body"
        raise ModelError(f"model {model.name}", got, "a way out for every amount", "add an elimination") from None


def _jacobian(system: System) -> dict[tuple[int, int], Expression]:
    """Entries of the Jacobian that are not nothing, by row and column."""
    found = {}
    for i, expression in enumerate(system.derivatives):
        for j, name in enumerate(system.states):
            entry = derivative(expression, state_symbol(name))
            if entry != ZERO:
                found[i, j] = entry
    return found
