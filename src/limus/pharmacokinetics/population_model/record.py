"""A published population model as a value: equations, numbers with their origin, variability and validity limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from limus.kernel.errors import UnknownNameError, near_names
from limus.kernel.language import Model
from limus.kernel.provenance import Reference, SourcedValue
from limus.pharmacokinetics.population_model.random_effects import RandomEffects
from limus.pharmacokinetics.population_model.residual_error import ResidualError
from limus.pharmacokinetics.population_model.validity_limits import Covariate, Limit

__all__ = [
    "Change",
    "Conflict",
    "Dosing",
    "EventUnits",
    "IndividualParameter",
    "Observation",
    "Population",
    "PopulationModel",
    "TypicalSubject",
    "with_residual",
]


@dataclass(frozen=True, slots=True)
class EventUnits:
    """Units of an event table's AMT, DV and TIME, and of the model's states."""

    AMT: str
    DV: str
    TIME: str
    states: str


@dataclass(frozen=True, slots=True)
class IndividualParameter:
    """A rule of the equations that gives one subject's parameter."""

    name: str
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What is measured.

    Attributes
    ----------
    output : str
        Rule that gives the level, in the unit of DV.
    linear : str
        Rule that is linear in the amounts: its area under the curve is bioavailability times dose over ``clearance``.
    clearance : str
    """

    output: str
    linear: str
    clearance: str


@dataclass(frozen=True, slots=True)
class Dosing:
    """How the model is dosed.

    Attributes
    ----------
    substance : str
        What AMT weighs, such as mycophenolate mofetil where mycophenolic acid is measured.
    compartment : str
        Species that receives a dose by default.
    routes : mapping of str to str
        Route to species.
    numbered : mapping of int to str
        CMT of an event table to species.
    infusion : bool
        Whether a dose may have a duration.
    lag, bioavailability : str
        Names in the equations; '' for none (0 and 1).
    salt_factor : float
        Of AMT, before bioavailability.
    note : str
    """

    substance: str
    compartment: str
    routes: Mapping[str, str]
    numbered: Mapping[int, str]
    infusion: bool
    lag: str
    bioavailability: str
    salt_factor: float
    note: str


@dataclass(frozen=True, slots=True)
class Population:
    """Who the model was built on, as published; '' and None where it was not read."""

    description: str
    subjects: int | None = None
    observations: int | None = None
    profiles: int | None = None
    age: str = ""
    weight: str = ""
    region: str = ""
    comedication: str = ""
    sampling: str = ""
    dose: str = ""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two readings of one number: which is used, what else is said, and why."""

    about: str
    used: str
    other: str
    reason: str


@dataclass(frozen=True, slots=True)
class Change:
    """What differs from the paper on purpose, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class TypicalSubject:
    """The subject and regimen of the model card.

    Attributes
    ----------
    covariates : mapping of str to float
    dose : float
        In the unit of AMT.
    interval_h : float
        Between doses, h.
    doses : int
        How many are given; the card shows the interval after the last.
    note : str
    """

    covariates: Mapping[str, float]
    dose: float
    interval_h: float
    doses: int
    note: str


@dataclass(frozen=True, eq=False)
class PopulationModel:
    """A population model.

    Attributes
    ----------
    name, title, drug, matrix, assay, structure : str
    paper : str
        Key of the paper in the bibliography.
    via : tuple of str
        Keys of what was read in its place; empty where the paper or its abstract was read.
    units : EventUnits
    model : Model
        Values set, random effects 0, covariates without a number.
    values : mapping of str to SourcedValue
        Typical values, exponents and references by their name in the equations.
    parameters : mapping of str to IndividualParameter
    covariates : mapping of str to Covariate
    between_subject, between_occasion : RandomEffects
    residual : ResidualError
    residual_alternatives : mapping of str to ResidualError
        Others that can be chosen by name, such as another assay's.
    observation : Observation
    dosing : Dosing
    limits : tuple of Limit
    population : Population
    conflicts : tuple of Conflict
    changes : tuple of Change
    typical : TypicalSubject
    bibliography : mapping of str to Reference
        Everything that may be cited: the library's references, and those beside the file.
    path : Path
        The ``.toml``; the equations stand beside it.
    content_hash : str
        SHA-256 of both files.
    """

    name: str
    title: str
    drug: str
    matrix: str
    assay: str
    structure: str
    paper: str
    via: tuple[str, ...]
    units: EventUnits
    model: Model
    values: Mapping[str, SourcedValue]
    parameters: Mapping[str, IndividualParameter]
    covariates: Mapping[str, Covariate]
    between_subject: RandomEffects
    between_occasion: RandomEffects
    residual: ResidualError
    residual_alternatives: Mapping[str, ResidualError]
    observation: Observation
    dosing: Dosing
    limits: tuple[Limit, ...]
    population: Population
    conflicts: tuple[Conflict, ...]
    changes: tuple[Change, ...]
    typical: TypicalSubject
    bibliography: Mapping[str, Reference]
    path: Path
    content_hash: str

    @property
    def limited(self) -> tuple[Covariate | Limit, ...]:
        """Everything that has validity limits: covariates, then what the equations do not use."""
        return (*self.covariates.values(), *self.limits)

    @property
    def outputs(self) -> tuple[str, ...]:
        """What a compiled model is usually asked for: the level, its linear form, individual parameters."""
        names = (self.observation.output, self.observation.linear, *self.parameters, self.dosing.lag)
        return tuple(dict.fromkeys(name for name in (*names, self.dosing.bioavailability) if name))


def with_residual(model: PopulationModel, name: str) -> PopulationModel:
    """Return the model with one of its alternative residual errors.

    Parameters
    ----------
    model : PopulationModel
    name : str
        Such as ``immunoassay``.

    Returns
    -------
    PopulationModel

    Raises
    ------
    UnknownNameError
        The model has no such alternative.
    """
    if name not in model.residual_alternatives:
        known = model.residual_alternatives
        near = near_names(name, known)
        do = f"did you mean {near[0]}?" if near else "leave it out for the model's own"
        raise UnknownNameError(f"residual error of {model.name}", name, ", ".join(known) or "none", do)
    return replace(model, residual=model.residual_alternatives[name])
