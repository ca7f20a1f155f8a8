"""What a design's TOML file may hold: keys, types, and nothing else."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from limus.kernel.tables import Entry

__all__ = ["DesignFile", "DrugEntry", "Sourced"]

Text = Annotated[str, Field(min_length=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Sourced(Entry):
    """Anything that says where its numbers come from."""

    kind: Literal["measured", "compiled", "fitted", "assumed"] = "assumed"
    source: list[str] = Field(default_factory=list)
    note: str = ""


class WindowEntry(Sourced):
    """``windows`` of a drug; days left out follow from the plan and from the neighbours."""

    from_day: NotNegative | None = None
    to_day: Positive | None = None
    low_ng_per_ml: NotNegative
    high_ng_per_ml: Positive


class StartEntry(Sourced):
    """``start_dose`` of a drug: an amount, or a multiple of the daily dose of the drug's plan before."""

    amount: Positive | None = None
    unit: Literal["mg", "mg/kg"] | None = None
    per: Literal["dose", "day"] | None = None
    carried: Positive | None = None
    factors: dict[str, Positive] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_of_both(self) -> StartEntry:
        given = [value is not None for value in (self.amount, self.unit, self.per)]
        if not (all(given) and self.carried is None) and not (self.carried is not None and not any(given)):
            raise ValueError("amount, unit and per; or carried alone, for the dose of the plan before")
        return self


class RuleEntry(Sourced):
    """``rule`` of a drug; its ``form`` is that of a rule, as ``kind`` says where the numbers come from."""

    form: Literal["proportional", "step", "fixed"]
    only_outside_window: bool = True
    aim_fraction: Share = 0.5
    largest_rise_fraction: Positive = 0.5
    largest_fall_fraction: Annotated[float, Field(gt=0, le=1)] = 0.5
    hold_above_ng_per_ml: Positive = float("inf")
    hold_days: Positive = float("inf")
    step_mg: NotNegative = 0.0
    smallest_daily_mg: NotNegative = 0.0


class DepartureEntry(Sourced):
    """``departure`` of a drug; a text names one of ``library/titration/habits.toml``."""

    no_change_probability: Share = 0.0
    aim_ratio: Positive = 1.0
    aim_sd_log: NotNegative = 0.0


class SamplingEntry(Sourced):
    """``sampling`` of a drug; a text names one of ``library/titration/habits.toml``."""

    assay_cv_percent: NotNegative = 0.0
    lower_limit_ng_per_ml: NotNegative = 0.0
    sampling_time_sd_h: NotNegative = 0.0
    missed_level_probability: Share = 0.0
    missed_dose_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0
    missed_dose_sd_logit: NotNegative = 0.0
    residual_fraction: Share = 0.0
    hours_after_dose: float = float("nan")


class DrugEntry(Entry):
    """One of ``arms.drugs``, after the defaults of ``drugs.COMPOUND`` have been filled in."""

    compound: Text
    model: Text
    start_day: NotNegative = 0.0
    stop_day: Positive = float("inf")
    start_dose: StartEntry
    interval_h: Positive
    strengths_mg: list[Positive] = Field(default_factory=list)
    largest_daily_mg: Positive
    windows: list[WindowEntry] = Field(default_factory=list)
    rule: RuleEntry
    departure: DepartureEntry | str = DepartureEntry()
    sampling: SamplingEntry | str = SamplingEntry()
    formulation: dict[str, float] = Field(default_factory=dict)
    overrides: list[str] = Field(default_factory=list)


class BackgroundEntry(Entry):
    """One of ``arms.background``."""

    name: Text
    text: str = ""
    start_day: NotNegative = 0.0
    stop_day: Positive = float("inf")


class ArmEntry(Entry):
    """One of ``arms``; a share may be written as a fraction, ``"1/3"``."""

    name: Text
    label: Text
    share: float | str
    drugs: list[dict[str, Any]]
    background: list[BackgroundEntry] = Field(default_factory=list)


class AllocationEntry(Entry):
    """``allocation``."""

    method: Literal["simple", "permuted blocks", "minimisation"]
    block_sizes: list[Annotated[int, Field(gt=0)]] = Field(default_factory=list)
    strata: list[str] = Field(default_factory=list)
    cuts: dict[str, list[float]] = Field(default_factory=dict)
    best_probability: Share = 0.8


class CriterionEntry(Entry):
    """One of ``eligibility``."""

    name: Text
    column: Text
    lower: float = float("-inf")
    upper: float = float("inf")


class VisitEntry(Entry):
    """One of ``visits``."""

    name: Text
    day: float
    window_before_days: NotNegative = 0.0
    window_after_days: NotNegative = 0.0
    biopsy: bool = False


class EndpointEntry(Entry):
    """One of ``endpoints``."""

    name: Text
    label: Text
    form: Literal["time to event", "value"]
    events: list[str] = Field(default_factory=list)
    variable: str = ""
    day: Positive
    graft_loss_value: NotNegative = float("nan")
    higher_is_better: bool = False
    threshold: float = float("nan")


class IntercurrentEntry(Entry):
    """One of ``estimands.intercurrent_events``."""

    event: Text
    strategy: Text
    detail: str = ""


class EstimandEntry(Entry):
    """One of ``estimands``."""

    name: Text
    population: Text
    treatment: Text
    endpoint: Text
    summary: Text
    intercurrent_events: list[IntercurrentEntry] = Field(default_factory=list)


class MarginEntry(Sourced):
    """``margin`` of an analysis."""

    value: float
    unit: Text
    justification: str = ""


class AnalysisEntry(Entry):
    """One of ``analyses``."""

    name: Text
    endpoint: Text
    estimand: Text
    method: Text
    hypothesis: Literal["superiority", "non-inferiority", "descriptive"]
    test_arm: Text
    reference_arm: Text
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.025
    margin: MarginEntry | None = None
    stratified: bool = False
    covariates: list[str] = Field(default_factory=list)
    primary: bool = False

    @field_validator("margin", mode="before")
    @classmethod
    def _table(cls, given: object) -> object:
        if isinstance(given, int | float | str):
            raise ValueError('a table, { value = 0.10, unit = "difference", justification = "..." }')
        return given


class InterimEntry(Entry):
    """One of ``interims``."""

    name: Text
    events: Annotated[int, Field(ge=0)] = 0
    information_fraction: float = float("nan")
    boundary: Literal["none", "O'Brien-Fleming", "Pocock", "Haybittle-Peto"] = "none"


class DesignFile(Entry):
    """A whole file."""

    limus_design: Literal[1]
    name: Text
    title: Text
    source: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    population: Text
    population_changes: dict[str, float] = Field(default_factory=dict)
    subjects: Annotated[int, Field(gt=0)]
    accrual_days: NotNegative = 0.0
    duration_days: Positive
    randomisation_day: NotNegative = 0.0
    scenarios: Annotated[list[str], Field(min_length=1)]
    titration_days: list[float]
    estimands: Annotated[list[EstimandEntry], Field(min_length=1)]
    eligibility: list[CriterionEntry] = Field(default_factory=list)
    drugs: dict[str, dict[str, Any]] = Field(default_factory=dict)
    arms: list[ArmEntry]
    allocation: AllocationEntry
    visits: Annotated[list[VisitEntry], Field(min_length=1)]
    endpoints: Annotated[list[EndpointEntry], Field(min_length=1)]
    analyses: Annotated[list[AnalysisEntry], Field(min_length=1)]
    interims: list[InterimEntry] = Field(default_factory=list)
