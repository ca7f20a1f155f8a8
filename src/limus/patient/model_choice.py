"""What can be changed about a model for one estimate: how covariates are carried, how much occasions vary."""

from __future__ import annotations

from dataclasses import replace

from limus.kernel.errors import UnknownNameError, ValueRangeError
from limus.pharmacokinetics.population_model.record import PopulationModel

__all__ = ["CARRY", "with_carry", "with_occasion_factor"]

CARRY = ("next_observation_backward", "last_observation_forward")


def with_carry(model: PopulationModel, rule: str | None) -> PopulationModel:
    """Return a model that carries all covariates from row to row by one rule.

    Parameters
    ----------
    model : PopulationModel
    rule : str or None
        ``next_observation_backward`` or ``last_observation_forward``, or the first word of one; None leaves the
        model's own.

    Returns
    -------
    PopulationModel

    Raises
    ------
    UnknownNameError
        Another rule.
    """
    if rule is None:
        return model
    known = {name: name for name in CARRY} | {name.split("_", 1)[0]: name for name in CARRY}
    if rule not in known:
        raise UnknownNameError("--carry", rule, ", ".join(CARRY), "leave it out for the model's own")
    return replace(model, covariates={name: replace(c, carry=known[rule]) for name, c in model.covariates.items()})


def with_occasion_factor(model: PopulationModel, factor: float) -> PopulationModel:
    """Return a model whose effects between occasions vary more or less.

    Parameters
    ----------
    model : PopulationModel
    factor : float
        Of their standard deviations, above 0; correlations stay.

    Returns
    -------
    PopulationModel
        The same where the model has no such effects.

    Raises
    ------
    ValueRangeError
        A factor that is not above 0.
    """
    if not factor > 0.0:
        raise ValueRangeError("--occasion-factor", factor, "above 0", "1 leaves the model as it is")
    within = model.between_occasion
    return replace(model, between_occasion=replace(within, covariance=factor**2 * within.covariance))
