"""What the ``.toml`` of a population model must hold; how it becomes a value stands in ``file.py``."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from limus.kernel.tables import Entry
from limus.signalling.model_file import Valued

__all__ = [
    "CorrelationEntry",
    "CovariateEntry",
    "LimitEntry",
    "PopulationModelFile",
    "ResidualEntry",
    "ValueEntry",
    "VariabilityEntry",
]


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError("a finite number")
    return number


Text = Annotated[str, Field(min_length=1)]
Finite = Annotated[float, AfterValidator(_finite)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")]
KindName = Literal["measured", "compiled", "assumed"]


class ValueEntry(Valued):
    """A number of the equations, as printed, in the unit in which the equations use it.

    Where ``source`` is left out and the kind is not ``assumed``, the sources are the file's ``paper`` and ``via``.
    """

    printed: str = ""
    spread: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.value is None or not math.isfinite(self.value) or not self.unit:
            raise ValueError("a finite value and its unit (dimensionless for a pure number)")
        if self.kind == "fitted":
            raise ValueError("measured, compiled or assumed")
        return self


class VariabilityEntry(ValueEntry):
    """A variability as printed; ``given_as`` says what the number is."""

    given_as: Literal["variance", "standard_deviation", "cv_lognormal", "cv_approximate"]


class CorrelationEntry(ValueEntry):
    """A correlation or covariance of two random effects of one level."""

    between: Annotated[list[Name], Field(min_length=2, max_length=2)]
    given_as: Literal["correlation", "covariance"]
    unit: str = "dimensionless"


class ErrorEntry(ValueEntry):
    """A part of the residual error."""

    given_as: Literal["variance", "standard_deviation"]


class ResidualEntry(Entry):
    """The residual error: a form and the numbers that it needs."""

    form: Literal["proportional", "additive", "combined", "log_additive", "formula"]
    proportional: ErrorEntry | None = None
    additive: ErrorEntry | None = None
    log_additive: ErrorEntry | None = None
    formula: str = ""
    note: str = ""

    @model_validator(mode="after")
    def _fits_form(self) -> Self:
        needed = {"combined": {"proportional", "additive"}}.get(self.form, {self.form})
        parts = ("proportional", "additive", "log_additive", "formula")
        given = {name for name in parts if getattr(self, name)}
        if given != needed:
            raise ValueError(f"form {self.form} with {' and '.join(sorted(needed))} and no other part")
        return self


class ParameterEntry(Entry):
    """An individual parameter: a rule of the equations."""

    unit: Text
    meaning: Text


class _WithLimits(Entry):
    unit: str = ""
    meaning: Text
    lower: Finite | None = None
    upper: Finite | None = None
    kind: KindName
    source: list[str] = Field(default_factory=list)
    note: str = ""
    columns: list[Text] = Field(default_factory=list)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lower is not None and self.upper is not None and self.lower >= self.upper:
            raise ValueError("lower below upper")
        return self


class CovariateEntry(_WithLimits):
    """A covariate: a range, or the codes it may have; refused where missing unless the authors had a default."""

    codes: dict[str, Text] = Field(default_factory=dict)
    default: Finite | None = None
    default_reason: str = ""
    carry: Literal["next_observation_backward", "last_observation_forward"] = "next_observation_backward"

    @model_validator(mode="after")
    def _limited(self) -> Self:
        ranged = self.lower is not None or self.upper is not None
        if ranged == bool(self.codes):
            raise ValueError("either lower and upper, or codes")
        if not self.unit:
            raise ValueError("a unit (dimensionless for a code)")
        if (self.default is None) == bool(self.default_reason):
            raise ValueError("default and default_reason together, or neither")
        for code in self.codes:
            _code(code)
        return self


class LimitEntry(_WithLimits):
    """A validity limit on what the equations do not use: a range with its unit, or the words that are allowed."""

    name: Name
    allowed: list[Text] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        ranged = self.lower is not None or self.upper is not None
        if ranged == bool(self.allowed):
            raise ValueError("either lower or upper, or allowed")
        if ranged and not self.unit:
            raise ValueError("the unit of the range")
        return self


def _code(text: str) -> float:
    try:
        return _finite(float(text))
    except ValueError:
        raise ValueError(f"codes that are numbers, not {text!r}") from None


class UnitsEntry(Entry):
    """Units of an event table's columns and of the states; states are mg."""

    AMT: Text
    DV: Text
    TIME: Text = "h"
    states: Literal["mg"] = "mg"


class EffectsEntry(Entry):
    """Random effects."""

    between_subject: dict[Name, VariabilityEntry] = Field(default_factory=dict)
    between_occasion: dict[Name, VariabilityEntry] = Field(default_factory=dict)
    correlations: list[CorrelationEntry] = Field(default_factory=list)


class ObservationEntry(Entry):
    """What is measured."""

    output: Name
    linear: Name
    clearance: Name


class DosingEntry(Entry):
    """How the model is dosed."""

    substance: Text
    compartment: Name
    routes: dict[str, Name]
    numbered: dict[Annotated[str, Field(pattern=r"^[1-9]\d*$")], Name]
    infusion: bool = False
    lag: str = ""
    bioavailability: str = ""
    salt_factor: Annotated[float, Field(gt=0)] = 1.0
    note: str = ""


class PopulationEntry(Entry):
    """Who the model was built on."""

    description: Text
    subjects: int | None = None
    observations: int | None = None
    profiles: int | None = None
    age: str = ""
    weight: str = ""
    region: str = ""
    comedication: str = ""
    sampling: str = ""
    dose: str = ""


class ConflictEntry(Entry):
    """Two readings of one number."""

    about: Text
    used: Text
    other: Text
    reason: Text


class ChangeEntry(Entry):
    """What differs from the paper on purpose."""

    what: Text
    why: Text


class TypicalEntry(Entry):
    """The subject and regimen of the model card."""

    dose: Annotated[float, Field(gt=0)]
    interval_h: Annotated[float, Field(gt=0)]
    doses: Annotated[int, Field(ge=1)]
    note: str = ""
    covariates: dict[Name, Finite]


class PopulationModelFile(Entry):
    """The whole file."""

    limus_population_model: Literal[1]
    name: Name
    title: Text
    drug: Text
    matrix: Text
    assay: Text
    structure: Text
    paper: Text
    via: list[str] = Field(default_factory=list)
    units: UnitsEntry
    parameters: dict[Name, ParameterEntry]
    values: dict[Name, ValueEntry]
    covariates: dict[Name, CovariateEntry] = Field(default_factory=dict)
    random_effects: EffectsEntry
    residual: ResidualEntry
    residual_alternatives: dict[Name, ResidualEntry] = Field(default_factory=dict)
    observation: ObservationEntry
    dosing: DosingEntry
    limits: list[LimitEntry]
    population: PopulationEntry
    conflicts: list[ConflictEntry] = Field(default_factory=list)
    changes: list[ChangeEntry] = Field(default_factory=list)
    typical: TypicalEntry
