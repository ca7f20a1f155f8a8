"""What an arm is given: drugs, doses, target windows over time, the dosing rule and how far people depart from it.

Days count from transplantation (day 0); a conversion is one plan that stops and another that starts, a withdrawal is
a plan that stops. Every number that is not fixed by the protocol carries its origin.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from limus.kernel.provenance import Kind

__all__ = [
    "COMPOUNDS",
    "EXACT",
    "FOLLOWED",
    "UNSOURCED",
    "Arm",
    "Background",
    "Departure",
    "DosingRule",
    "DrugPlan",
    "LevelSampling",
    "Origin",
    "RuleKind",
    "StartDose",
    "TargetWindow",
]


COMPOUNDS = ("tacrolimus", "ciclosporin", "sirolimus", "everolimus")  # whose troughs can be titrated


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a number comes from: kind, keys in ``references.bib``, note."""

    kind: Kind = Kind.ASSUMED
    source: tuple[str, ...] = ()
    note: str = ""


UNSOURCED = Origin()


class RuleKind(StrEnum):
    """How a measured trough becomes the next dose.

    ``proportional``: dose times aim over trough, within the caps of a change. ``step``: one fixed step up below the
    window, down above it. ``fixed``: the dose never follows the level.
    """

    PROPORTIONAL = "proportional"
    STEP = "step"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class TargetWindow:
    """A target window of the trough, ng/mL in whole blood, for ``from_day <= day < to_day``."""

    from_day: float
    to_day: float
    low_ng_per_ml: float
    high_ng_per_ml: float
    origin: Origin = UNSOURCED


@dataclass(frozen=True, slots=True)
class StartDose:
    """The first dose, given every interval until the first decision.

    Attributes
    ----------
    amount : float
        Positive; NaN where it is carried over.
    unit : str
        ``mg`` or ``mg/kg`` (of body weight at baseline).
    per : str
        ``dose`` or ``day``.
    factors : tuple of (str, float)
        Covariate column (0 or 1) and what the dose is multiplied by where it is 1, e.g. ``("CYP3A5", 1.5)``.
    origin : Origin
    carried : float
        Multiple of the daily dose that the drug's plan before this one ended with, for a change of its release or
        brand; NaN for an amount.
    """

    amount: float
    unit: str
    per: str
    factors: tuple[tuple[str, float], ...] = ()
    origin: Origin = UNSOURCED
    carried: float = float("nan")


@dataclass(frozen=True, slots=True)
class DosingRule:
    """The protocol's rule from a measured trough to the next dose.

    Attributes
    ----------
    kind : RuleKind
    only_outside_window : bool
        True leaves the dose where the trough lies inside the window.
    aim_fraction : float
        Where inside the window the rule aims: 0 its lower end, 1 its upper end.
    largest_rise_fraction, largest_fall_fraction : float
        Cap of one change as a fraction of the dose in force, e.g. 0.5 for half as much again; a fall below 1.
    hold_above_ng_per_ml : float
        A trough above it holds the drug until the next decision; infinite never holds.
    hold_days : float
        Added for the titration: a hold ends after so many days, before the next decision, with the lowered dose;
        infinite waits for the decision.
    step_mg : float
        Step of one dose for ``kind = step``; otherwise 0.
    smallest_daily_mg : float
        Least daily dose that is not a hold; 0 lets the smallest strength decide.
    origin : Origin
    """

    kind: RuleKind
    only_outside_window: bool = True
    aim_fraction: float = 0.5
    largest_rise_fraction: float = 0.5
    largest_fall_fraction: float = 0.5
    hold_above_ng_per_ml: float = float("inf")
    hold_days: float = float("inf")
    step_mg: float = 0.0
    smallest_daily_mg: float = 0.0
    origin: Origin = UNSOURCED


@dataclass(frozen=True, slots=True)
class Departure:
    """How clinicians depart from the protocol.

    Attributes
    ----------
    no_change_probability : float
        Chance that a change the rule asks for is not made at a decision.
    aim_ratio : float
        Clinicians aim at this multiple of the protocol's aim: 1 follows it, Symphony's aimed above.
    aim_sd_log : float
        Standard deviation between patients of the logarithm of that multiple (one draw a patient and drug).
    origin : Origin
    """

    no_change_probability: float = 0.0
    aim_ratio: float = 1.0
    aim_sd_log: float = 0.0
    origin: Origin = UNSOURCED


FOLLOWED = Departure()


@dataclass(frozen=True, slots=True)
class LevelSampling:
    """How a trough is measured and how well doses are taken.

    Attributes
    ----------
    assay_cv_percent : float
        Coefficient of variation of the assay.
    lower_limit_ng_per_ml : float
        Lower limit of quantification; below it a level has a status and counts as half the limit for the rule.
    sampling_time_sd_h : float
        Standard deviation of the sampling time about the trough.
    missed_level_probability : float
        Chance that the level of a decision is not there; then the dose stays.
    missed_dose_fraction : float
        Mean share of doses that are not taken.
    missed_dose_sd_logit : float
        Spread of that share between patients, on the logit.
    residual_fraction : float
        Added for the titration: share of the population model's residual variance, beyond the assay's, that a sample
        carries as variation from day to day; 0 takes levels from the model's curve.
    hours_after_dose : float
        Added for the titration: when levels are taken, 2 for a C2; NaN for troughs.
    origin : Origin
    """

    assay_cv_percent: float = 0.0
    lower_limit_ng_per_ml: float = 0.0
    sampling_time_sd_h: float = 0.0
    missed_level_probability: float = 0.0
    missed_dose_fraction: float = 0.0
    missed_dose_sd_logit: float = 0.0
    residual_fraction: float = 0.0
    hours_after_dose: float = float("nan")
    origin: Origin = UNSOURCED


EXACT = LevelSampling()


@dataclass(frozen=True, slots=True)
class DrugPlan:
    """One drug of an arm, from the day it starts to the day it stops.

    Attributes
    ----------
    compound : str
        Name in the library: tacrolimus, ciclosporin, sirolimus, everolimus.
    model : str
        Name of a population model in ``library/population_models``.
    start_day, stop_day : float
        First day given, and the day from which it is no longer given (infinite: to the end of the trial).
    start_dose : StartDose
    interval_h : float
        Between doses.
    strengths_mg : tuple of float
        Capsules or tablets, rising; every dose is a sum of these.
    largest_daily_mg : float
        Cap of the daily dose.
    windows : tuple of TargetWindow
        In order of time, not overlapping, covering the plan; empty only for a fixed dose.
    rule : DosingRule
    departure : Departure
    sampling : LevelSampling
    formulation : tuple of (str, float)
        Covariates of the population model that the formulation or co-medication decides, e.g.
        ``("immediate_release", 1.0)``.
    overrides : tuple of str
        Validity limits of the population model beyond which it is used all the same, such as
        ``time_after_transplantation``.
    steroids : tuple of (float, float), or None
        From and to which day the arm is given steroids; outside of it the library's course of prednisolone is 0.
        None: not said, the course holds throughout.
    """

    compound: str
    model: str
    start_dose: StartDose
    interval_h: float
    strengths_mg: tuple[float, ...]
    largest_daily_mg: float
    windows: tuple[TargetWindow, ...]
    rule: DosingRule
    departure: Departure = FOLLOWED
    sampling: LevelSampling = EXACT
    start_day: float = 0.0
    stop_day: float = float("inf")
    formulation: tuple[tuple[str, float], ...] = ()
    overrides: tuple[str, ...] = ()
    steroids: tuple[tuple[float, float], ...] | None = None

    def window_at(self, day: float) -> TargetWindow | None:
        """Return the window in force on a day, None outside the plan or without windows."""
        return next((window for window in self.windows if window.from_day <= day < window.to_day), None)


@dataclass(frozen=True, slots=True)
class Background:
    """A background drug without a modelled level: mycophenolate, steroids, azathioprine, induction.

    Attributes
    ----------
    name : str
        As in the hazards and ``library/titration/background.toml``: ``mycophenolate``, ``steroids``, ``induction``.
    text : str
        The regimen in words.
    start_day, stop_day : float
        When it is given; a stop is a withdrawal.
    """

    name: str
    text: str = ""
    start_day: float = 0.0
    stop_day: float = float("inf")


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm.

    Attributes
    ----------
    name : str
        Short code, e.g. ``A``; SDTM's ARMCD.
    label : str
        In words; SDTM's ARM.
    share : float
        Share of the subjects; the shares of a design add up to 1.
    drugs : tuple of DrugPlan
        Drugs with modelled levels, several may follow one another (conversion).
    background : tuple of Background
    """

    name: str
    label: str
    share: float
    drugs: tuple[DrugPlan, ...]
    background: tuple[Background, ...] = ()
