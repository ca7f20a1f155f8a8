"""A trial's design as data: the estimand first, then who, what, when and how it is judged.

::

    Design
    ├── estimands     ICH E9(R1): population, treatment, variable, intercurrent events, summary
    ├── population    name in library/populations, what this trial changes, eligibility
    ├── arms          drugs with target windows and dosing rules (limus.trial.design.treatment)
    ├── allocation    method, block sizes, strata
    ├── visits        study visits with windows and protocol biopsies; titration days are denser
    ├── endpoints     what is counted or measured, until when
    ├── analyses      which endpoint, for which estimand, by which method, against which margin
    └── interims      information at which the data are looked at
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from limus.trial.design.treatment import (
    UNSOURCED,
    Arm,
    Background,
    Departure,
    DosingRule,
    DrugPlan,
    LevelSampling,
    Origin,
    RuleKind,
    StartDose,
    TargetWindow,
)

__all__ = [
    "Allocation",
    "AllocationMethod",
    "Analysis",
    "AnalysisMethod",
    "Arm",
    "Background",
    "Criterion",
    "Departure",
    "Design",
    "DosingRule",
    "DrugPlan",
    "Endpoint",
    "EndpointKind",
    "Estimand",
    "Hypothesis",
    "IntercurrentEvent",
    "Interim",
    "LevelSampling",
    "Margin",
    "Origin",
    "RuleKind",
    "StartDose",
    "Strategy",
    "TargetWindow",
    "Visit",
]


class Strategy(StrEnum):
    """How an estimand treats an intercurrent event, ICH E9(R1) section A.3.2."""

    TREATMENT_POLICY = "treatment policy"
    COMPOSITE = "composite"
    HYPOTHETICAL = "hypothetical"
    WHILE_ON_TREATMENT = "while on treatment"
    WHILE_ALIVE = "while alive"
    PRINCIPAL_STRATUM = "principal stratum"


class EndpointKind(StrEnum):
    """What an endpoint is: the time to the first of some events, or a value at a visit."""

    TIME_TO_EVENT = "time to event"
    VALUE = "value"


class Hypothesis(StrEnum):
    """What an analysis sets out to show."""

    SUPERIORITY = "superiority"
    NON_INFERIORITY = "non-inferiority"
    DESCRIPTIVE = "descriptive"


class AnalysisMethod(StrEnum):
    """The methods an analysis may name; the functions are in ``kernel/statistics``."""

    NEWCOMBE = "risk difference, Newcombe"
    MIETTINEN_NURMINEN = "risk difference, Miettinen-Nurminen"
    KAPLAN_MEIER_DIFFERENCE = "Kaplan-Meier difference, Greenwood"
    LOG_RANK = "log-rank"
    COX = "Cox"
    RESTRICTED_MEAN = "restricted mean survival time"
    CUMULATIVE_INCIDENCE = "cumulative incidence, Aalen-Johansen"
    MEAN_DIFFERENCE = "mean difference, analysis of covariance"


class AllocationMethod(StrEnum):
    """How subjects are allocated."""

    SIMPLE = "simple"
    PERMUTED_BLOCKS = "permuted blocks"
    MINIMISATION = "minimisation"


@dataclass(frozen=True, slots=True)
class IntercurrentEvent:
    """An intercurrent event and the strategy for it.

    Attributes
    ----------
    event : str
        Name of an event of the simulation: ``death``, ``graft loss``, ``discontinuation``, ``loss to follow-up``, ...
    strategy : Strategy
    detail : str
        What that means here, in words; for a composite value also the number, e.g. 10 mL/min.
    """

    event: str
    strategy: Strategy
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Estimand:
    """The five attributes of ICH E9(R1)."""

    name: str
    population: str
    treatment: str
    endpoint: str
    intercurrent_events: tuple[IntercurrentEvent, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion of eligibility on a covariate column of the cohort: ``lower <= value <= upper``."""

    name: str
    column: str
    lower: float = float("-inf")
    upper: float = float("inf")


@dataclass(frozen=True, slots=True)
class Allocation:
    """How subjects are allocated to the arms; the ratio is that of the arms' shares.

    Attributes
    ----------
    method : AllocationMethod
    block_sizes : tuple of int
        Sizes drawn at random, each a multiple of the ratio's sum.
    strata : tuple of str
        Covariate columns whose classes form strata (blocks) or are balanced (minimisation); a column with more than
        a few values needs ``cuts``.
    cuts : tuple of (str, tuple of float)
        Where a continuous column is cut into classes.
    best_probability : float
        Minimisation: probability of the arm that balances best (biased coin), up to 1.
    """

    method: AllocationMethod
    block_sizes: tuple[int, ...] = ()
    strata: tuple[str, ...] = ()
    cuts: tuple[tuple[str, tuple[float, ...]], ...] = ()
    best_probability: float = 0.8


@dataclass(frozen=True, slots=True)
class Visit:
    """A study visit; the actual day lies from ``window_before_days`` before to ``window_after_days`` after."""

    name: str
    day: float
    window_before_days: float = 0.0
    window_after_days: float = 0.0
    biopsy: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint.

    Attributes
    ----------
    name : str
        Short name, referred to by estimands and analyses.
    label : str
        In words, as in a table.
    kind : EndpointKind
    events : tuple of str
        Components of a time to event, any of them counts; names of the simulation's events.
    variable : str
        Of a value: ``egfr`` (mL/min/1.73 m2) or ``creatinine clearance`` (Cockcroft-Gault, mL/min), or a laboratory
        value; empty for a time to event.
    day : float
        Until the end of this day (event) or at the visit of this day (value).
    graft_loss_value : float
        Of a value: what stands for a subject who died or lost the graft (NaN: left out, ``while alive``).
    higher_is_better : bool
    threshold : float
        Of a value, where events are counted below it (``egfr < 50`` as part of a composite); NaN: none.
    """

    name: str
    label: str
    kind: EndpointKind
    events: tuple[str, ...] = ()
    variable: str = ""
    day: float = 365.0
    graft_loss_value: float = float("nan")
    higher_is_better: bool = False
    threshold: float = float("nan")


@dataclass(frozen=True, slots=True)
class Margin:
    """A non-inferiority margin, positive, in the unit of the effect (a risk difference as a fraction)."""

    value: float
    unit: str
    justification: str = ""
    origin: Origin = UNSOURCED


@dataclass(frozen=True, slots=True)
class Analysis:
    """One analysis of the plan.

    Attributes
    ----------
    name : str
    endpoint, estimand : str
        Names in this design.
    method : AnalysisMethod
    hypothesis : Hypothesis
    test_arm, reference_arm : str
        Names of arms; the effect is test minus reference.
    alpha : float
        One-sided level for non-inferiority, two-sided for superiority.
    margin : Margin or None
        Needed by non-inferiority.
    stratified : bool
        By the strata of the allocation.
    covariates : tuple of str
        Of an analysis of covariance or Cox; there is no pre-transplant baseline of eGFR, so donor type, donor age and
        delayed function stand here.
    primary : bool
    """

    name: str
    endpoint: str
    estimand: str
    method: AnalysisMethod
    hypothesis: Hypothesis
    test_arm: str
    reference_arm: str
    alpha: float
    margin: Margin | None = None
    stratified: bool = False
    covariates: tuple[str, ...] = ()
    primary: bool = False


@dataclass(frozen=True, slots=True)
class Interim:
    """A look at the data when this many primary events have happened (or this share of subjects has finished)."""

    name: str
    events: int = 0
    information_fraction: float = float("nan")
    boundary: str = "none"


@dataclass(frozen=True, slots=True)
class Design:
    """A whole design; see the module for the parts.

    Attributes
    ----------
    name, title : str
    estimands : tuple of Estimand
        The first is the primary one.
    population : str
        Name of a file in ``library/populations``.
    population_changes : mapping of str to float
        Shares (of a 0/1 column), means or limits of that population which this trial changes; keys
        ``column.parameter``, e.g. ``INDUCTION.share``.
    eligibility : tuple of Criterion
    subjects : int
        Planned number of randomised subjects.
    accrual_days : float
        Over which they are recruited, uniformly.
    arms : tuple of Arm
        Two to four.
    allocation : Allocation
    visits : tuple of Visit
        In order of the day; the first is the baseline at day 0.
    titration_days : tuple of float
        Days on which levels are measured for dosing, denser than the visits; study visits belong to them.
    endpoints : tuple of Endpoint
    analyses : tuple of Analysis
        At least one is primary.
    interims : tuple of Interim
    scenarios : tuple of str
        Names in ``library/scenarios``; the first is the default.
    duration_days : float
    randomisation_day : float
        Days after transplantation; until then everybody is on the same regimen and nothing happens that would keep
        somebody from being randomised, so that events count from here.
    source : tuple of str
        Keys in ``references.bib`` of what the design follows.
    notes : tuple of str
        What was assumed.
    """

    name: str
    title: str
    estimands: tuple[Estimand, ...]
    population: str
    population_changes: Mapping[str, float]
    eligibility: tuple[Criterion, ...]
    subjects: int
    arms: tuple[Arm, ...]
    allocation: Allocation
    visits: tuple[Visit, ...]
    titration_days: tuple[float, ...]
    endpoints: tuple[Endpoint, ...]
    analyses: tuple[Analysis, ...]
    scenarios: tuple[str, ...]
    duration_days: float
    randomisation_day: float = 0.0
    interims: tuple[Interim, ...] = ()
    accrual_days: float = 0.0
    source: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def arm_named(self, name: str) -> Arm:
        """Return the arm of this name."""
        return next(arm for arm in self.arms if arm.name == name)

    def endpoint_named(self, name: str) -> Endpoint:
        """Return the endpoint of this name."""
        return next(endpoint for endpoint in self.endpoints if endpoint.name == name)

    @property
    def primary(self) -> Analysis:
        """The first primary analysis."""
        return next(analysis for analysis in self.analyses if analysis.primary)
