"""The course of the level in the typical subject of a model card, with the spread between subjects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.execution import Execution, spawn_generators
from limus.kernel.simulation import Dose, compile_model, simulate
from limus.kernel.units import convert
from limus.pharmacokinetics.population_model.random_effects import draw_random_effects
from limus.pharmacokinetics.population_model.record import PopulationModel

__all__ = ["Profile", "typical_parameters", "typical_profile"]

_POINTS = 241
_BAND = (5.0, 95.0)  # per cent: 90 % of the subjects lie between


@dataclass(frozen=True, eq=False)
class Profile:
    """A dosing interval.

    Attributes
    ----------
    time_h : (T,) array
        After the dose that opens the interval.
    typical : (T,) array
        Level without random effects, in the unit of DV.
    lower, upper : (T,) array
        5th and 95th percentile of the virtual subjects; NaN without any.
    subjects : int
        How many were drawn.
    begins_h : float
        When the interval begins, after the first dose.
    """

    time_h: NDArray[np.float64]
    typical: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    subjects: int
    begins_h: float


def typical_parameters(model: PopulationModel) -> dict[str, float]:
    """Return the individual parameters of the typical subject, without random effects.

    Parameters
    ----------
    model : PopulationModel

    Returns
    -------
    dict of str to float
        In the units of ``model.parameters``.

    Raises
    ------
    ModelError
        A covariate without a typical value.
    """
    names = tuple(model.parameters)
    result = simulate(compile_model(model.model, names), [0.0], dict(model.typical.covariates))
    return {name: float(result.output(name)[0, 0]) for name in names}


def typical_profile(model: PopulationModel, *, subjects: int, execution: Execution | None = None) -> Profile:
    """Simulate the last dosing interval of the model's typical regimen.

    Parameters
    ----------
    model : PopulationModel
    subjects : int
        Virtual subjects with the typical covariates and random effects between subjects; 0 for none. Effects between
        occasions are 0.
    execution : Execution, optional
        Its seed draws the subjects.

    Returns
    -------
    Profile

    Raises
    ------
    ModelError
        A covariate without a typical value.
    SolveError
        A simulation failed.
    """
    execution = execution or Execution(workers=1)
    generator = spawn_generators(execution.seed, 1, stream="population profile")[0]
    draws = draw_random_effects(model, subjects, 1, generator)
    inputs: dict[str, NDArray[np.float64]] = {
        name: np.concatenate([[0.0], draws[name]]) for name in model.between_subject.names
    }
    inputs |= {name: np.full(subjects + 1, value) for name, value in model.typical.covariates.items()}
    begins_h = (model.typical.doses - 1) * model.typical.interval_h
    time_h = np.linspace(0.0, model.typical.interval_h, _POINTS)
    times = np.concatenate([[0.0], begins_h + time_h])
    levels = _levels(model, inputs, times, subjects + 1, execution)[:, 1:]
    nothing = np.full(_POINTS, np.nan)
    lower, upper = np.percentile(levels[1:], _BAND, axis=0) if subjects else (nothing, nothing)
    return Profile(time_h, levels[0], lower, upper, subjects, begins_h)


def _levels(
    model: PopulationModel,
    inputs: Mapping[str, NDArray[np.float64]],
    times: NDArray[np.float64],
    count: int,
    execution: Execution,
) -> NDArray[np.float64]:
    compiled = compile_model(model.model, model.outputs)
    at_start = simulate(compiled, times[:1], inputs)
    at_start.require_success(f"model {model.name}")
    typical, dosing = model.typical, model.dosing
    ones = np.ones(count)
    lag = at_start.output(dosing.lag)[:, 0] * ones if dosing.lag else 0.0 * ones
    fraction = at_start.output(dosing.bioavailability)[:, 0] * ones if dosing.bioavailability else ones
    doses = [
        Dose(
            time=0.0,
            target=dosing.compartment,
            amount=convert(typical.dose, model.units.AMT, "mg") * dosing.salt_factor,
            interval=typical.interval_h,
            additional=typical.doses - 1,
            lag=float(lag[k]),
            bioavailability=float(fraction[k]),
            subject=k,
        )
        for k in range(count)
    ]
    result = simulate(compiled, times, inputs, doses=doses, execution=execution)
    result.require_success(f"model {model.name}")
    return result.output(model.observation.output)
