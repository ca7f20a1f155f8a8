"""Levels drawn from a model itself, where the truth is known: for checks of estimates, bands and speed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.patient.forecast import measured_draws
from limus.patient.level_likelihood import error_model
from limus.patient.levels import level_times
from limus.patient.prediction import predict_levels, prepare_prediction
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.population_model.random_effects import draw_random_effects
from limus.pharmacokinetics.population_model.record import PopulationModel

__all__ = ["SimulatedLevels", "simulate_levels"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SimulatedLevels:
    """A table with drawn levels, and what they were drawn from.

    Attributes
    ----------
    table : EventTable
    effects : (S, K) array
    level : (S, M) array
        Without residual error; NaN after a subject's last.
    """

    table: EventTable
    effects: Floats
    level: Floats


def simulate_levels(
    model: PopulationModel,
    table: EventTable,
    generator: np.random.Generator,
    *,
    limit_of_quantification: float | None = None,
) -> SimulatedLevels:
    """Draw a level for every observation of a table.

    Parameters
    ----------
    model : PopulationModel
    table : EventTable
        Its levels are replaced; each subject has at least one observation.
    generator : numpy.random.Generator
    limit_of_quantification : float, optional
        In the unit of DV; what is drawn below it is known only to lie below.

    Returns
    -------
    SimulatedLevels

    Raises
    ------
    InputError
        Occasions that go back in time.
    """
    prediction = prepare_prediction(model, table, level_times(table))
    space, count = prediction.space, prediction.patients
    drawn = draw_random_effects(model, count, space.occasions, generator)
    columns = [drawn[name] for name in space.subject]
    columns += [drawn[name][:, k] for k in range(space.occasions) for name in space.occasion]
    effects = np.stack(columns, axis=1) if columns else np.zeros((count, 0))
    level = predict_levels(prediction, np.arange(count), effects)
    measured = measured_draws(error_model(model), level, generator)
    value = measured[np.isfinite(level)]
    limit = np.full(len(value), np.nan if limit_of_quantification is None else limit_of_quantification)
    below = value < limit
    observations = replace(
        table.observations,
        value=np.where(below, np.nan, value),
        missing=np.zeros(len(value), dtype=np.bool_),
        censored=below,
        limit=limit,
    )
    return SimulatedLevels(replace(table, observations=observations), effects, level)
