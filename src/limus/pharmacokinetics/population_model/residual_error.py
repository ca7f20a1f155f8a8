"""The residual error of a population model: how far a measured level lies from the model's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.language import evaluate_arrays, free_symbols, substitute
from limus.kernel.provenance import SourcedValue

if TYPE_CHECKING:
    from limus.kernel.language import Expression
    from limus.pharmacokinetics.population_model.record import PopulationModel

__all__ = ["FORMS", "ResidualError", "residual_variance", "resolve_variance"]

FORMS = ("proportional", "additive", "combined", "log_additive", "formula")


@dataclass(frozen=True, slots=True)
class ResidualError:
    """A residual error.

    Attributes
    ----------
    form : str
        One of :data:`FORMS`.
    proportional, additive, log_additive : float
        Standard deviations: a fraction, in the unit of the levels, of the logarithm; 0 where the form has none.
    formula : str
        For the form ``formula``: the rule of the model's equations that gives the variance; else ''.
    printed : mapping of str to (SourcedValue, str)
        The numbers as their source prints them, and what each number is.
    note : str
    """

    form: str
    proportional: float
    additive: float
    log_additive: float
    formula: str
    printed: Mapping[str, tuple[SourcedValue, str]]
    note: str = ""

    @property
    def on_logarithm(self) -> bool:
        """Whether the error is normal on the logarithm of the level, rather than on the level."""
        return self.form == "log_additive"


def residual_variance(
    model: PopulationModel,
    concentration: ArrayLike,
    covariates: Mapping[str, ArrayLike] | None = None,
    *,
    residual: ResidualError | None = None,
) -> NDArray[np.float64]:
    r"""Return the variance of a level around the model's.

    With proportional part b and additive part a it is :math:`a^2 + (b f)^2`; for a log-additive error it is the
    variance of the logarithm, the same for every level.

    Parameters
    ----------
    model : PopulationModel
    concentration : array_like
        The model's levels f, in the unit of DV; not negative.
    covariates : mapping of str to array_like, optional
        What a formula uses beside the level.
    residual : ResidualError, optional
        One of the model's alternatives; its own residual error by default.

    Returns
    -------
    array
        In the shape of ``concentration``; (unit of DV)^2, or of the logarithm.

    Raises
    ------
    ValueRangeError
        A level that is negative or not finite.
    ModelError
        A formula uses a name without a number.
    """
    error = model.residual if residual is None else residual
    level = np.asarray(concentration, dtype=np.float64)
    if not (np.isfinite(level) & (level >= 0)).all():
        raise ValueRangeError("concentration", concentration, "finite numbers of 0 or more", "correct the levels")
    if error.form == "formula":
        names = {model.observation.output: level} | {
            name: np.asarray(value, dtype=np.float64)
            for name, value in (dict(model.model.values) | dict(covariates or {})).items()
            if name != model.observation.output
        }
        known = {name: value for name, value in names.items() if not np.isnan(value).any()}
        return np.broadcast_to(evaluate_arrays(resolve_variance(model, error.formula), known), level.shape)
    if error.on_logarithm:
        return np.full(level.shape, error.log_additive**2)
    return error.additive**2 + (error.proportional * level) ** 2


def resolve_variance(model: PopulationModel, rule: str) -> Expression:
    """Write out a rule until only the observed level and numbers that are given remain.

    Parameters
    ----------
    model : PopulationModel
    rule : str
        An assignment rule of the model's equations.

    Returns
    -------
    Expression
        In the observed output, values, covariates and random effects.

    Raises
    ------
    ValueRangeError
        The equations have no such rule.
    """
    rules = {r.variable: r.formula for r in model.model.rules if r.kind == "assignment"}
    if rule not in rules:
        where = f"model {model.name}, residual.formula"
        raise ValueRangeError(where, rule, ", ".join(rules), "name a rule of the equations")
    formula, rest = rules[rule], {name: f for name, f in rules.items() if name != model.observation.output}
    while free_symbols(formula) & rest.keys():
        formula = substitute(formula, rest)
    return formula
