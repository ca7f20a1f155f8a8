"""The account of a pathway model: its equations with their constants, what the fit knows, observations counted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from limus.kernel.tables import library_folder
from limus.signalling.model_text import (
    Instance,
    ModuleText,
    Statement,
    constants_of,
    instances_of,
    read_modules,
)
from limus.signalling.observations import Potency
from limus.signalling.prediction import load_settings, split_observations
from limus.signalling.prior_share import is_prior_driven
from limus.signalling.sourced_model import SourcedModel, SourcedParameter

__all__ = ["FittedConstant", "ModelAccount", "account_for"]


@dataclass(frozen=True, slots=True)
class FittedConstant:
    """A fitted constant beside its prior.

    Attributes
    ----------
    parameter : SourcedParameter
    remaining : float
        Standard deviation after the fit over that of the prior, in log10; NaN without a fit.
    """

    parameter: SourcedParameter
    remaining: float

    @property
    def prior_driven(self) -> bool:
        """Whether the observations say little about it (:func:`limus.signalling.prior_share.is_prior_driven`)."""
        return is_prior_driven(self.remaining)

    @property
    def learned(self) -> float:
        """Part of a constant that the data determine: 1 - remaining^2, 0 to 1; 0 without a fit."""
        return 0.0 if math.isnan(self.remaining) else max(0.0, 1.0 - self.remaining**2)


@dataclass(frozen=True, eq=False)
class ModelAccount:
    """A model with the text it is read from.

    Attributes
    ----------
    model : SourcedModel
    modules : tuple of ModuleText
        The outer one first.
    instances : mapping of str to tuple of Instance
        Uses of each module.
    fitted : tuple of FittedConstant
    observations : mapping of str to tuple of Potency
        ``fit``: those that it is fitted to; ``check``: others that it can answer; ``left_out``.
    """

    model: SourcedModel
    modules: tuple[ModuleText, ...]
    instances: Mapping[str, tuple[Instance, ...]]
    fitted: tuple[FittedConstant, ...]
    observations: Mapping[str, tuple[Potency, ...]]

    def constants_in(self, module: ModuleText, statement: Statement) -> tuple[SourcedParameter, ...]:
        """The constants that a statement uses, over all uses of its module."""
        names = constants_of(statement, self.instances[module.name], self.model.parameters)
        return tuple(self.model.parameters[name] for name in names)

    @property
    def papers_fitted(self) -> tuple[str, ...]:
        """Sources of the observations that it is fitted to."""
        return tuple(dict.fromkeys(key for p in self.observations["fit"] for key in p.source))

    @property
    def effective_constants(self) -> float:
        """How many constants the data determine: the sum of what was learned of each."""
        return sum(one.learned for one in self.fitted)

    @property
    def by_kind(self) -> dict[str, int]:
        """Constants counted by kind; those that follow another one are not counted."""
        counts = dict.fromkeys(("measured", "compiled", "fitted", "assumed"), 0)
        for name, parameter in self.model.parameters.items():
            if name not in self.model.followers:
                counts[str(parameter.sourced.kind)] += 1
        return counts


def account_for(model: SourcedModel) -> ModelAccount:
    """Gather the account of a library model.

    Parameters
    ----------
    model : SourcedModel

    Returns
    -------
    ModelAccount

    Raises
    ------
    FileReadError
        A file of the library is wrong.
    """
    modules = read_modules(library_folder() / "models" / f"{model.name}.ant")
    # a model without fitted constants has no observations of its own
    shown, left_out = split_observations(model, load_settings(model.name)) if model.fitted else ([], [])
    return ModelAccount(
        model=model,
        modules=modules,
        instances=instances_of(modules),
        fitted=tuple(FittedConstant(p, p.log10_standard_error / p.prior_log10_sd) for p in model.fitted),
        observations={
            "fit": tuple(p for p in shown if p.use == "fit"),
            "check": tuple(p for p in shown if p.use != "fit"),
            "left_out": tuple(left_out),
        },
    )
