"""What a drug did in a trial's subjects: doses, levels, decisions, visit by visit, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding

__all__ = ["DECISION_NAMES", "SAMPLE_NAMES", "Decision", "ExposureHistory", "Sample"]

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]


class Decision(IntEnum):
    """What was decided about the dose at a visit."""

    NONE = 0
    STARTED = 1
    KEPT = 2
    RAISED = 3
    LOWERED = 4
    HELD = 5
    RESUMED = 6
    STOPPED = 7
    KEPT_WITHOUT_LEVEL = 8
    KEPT_BY_CLINICIAN = 9
    KEPT_AT_LARGEST = 10
    KEPT_AT_SMALLEST = 11
    KEPT_BY_ROUNDING = 12


DECISION_NAMES: dict[Decision, str] = {
    Decision.NONE: "none: before the start, after the stop, or no level planned",
    Decision.STARTED: "started",
    Decision.KEPT: "kept: the rule asks for no change",
    Decision.RAISED: "raised",
    Decision.LOWERED: "lowered",
    Decision.HELD: "held: level above the limit",
    Decision.RESUMED: "resumed after a hold",
    Decision.STOPPED: "stopped",
    Decision.KEPT_WITHOUT_LEVEL: "kept: no level",
    Decision.KEPT_BY_CLINICIAN: "kept: the change was not made",
    Decision.KEPT_AT_LARGEST: "kept: at the largest dose",
    Decision.KEPT_AT_SMALLEST: "kept: at the smallest dose",
    Decision.KEPT_BY_ROUNDING: "kept: no strength for so small a change",
}


class Sample(IntEnum):
    """What became of a level."""

    NOT_PLANNED = 0
    MEASURED = 1
    BELOW_LIMIT = 2
    MISSED = 3


SAMPLE_NAMES: dict[Sample, str] = {
    Sample.NOT_PLANNED: "not planned",
    Sample.MEASURED: "measured",
    Sample.BELOW_LIMIT: "below the limit of quantification",
    Sample.MISSED: "missed",
}


@dataclass(frozen=True, eq=False)
class ExposureHistory:
    """One drug in N subjects at V dosing visits.

    Attributes
    ----------
    compound, model : str
    visit_day : (V,) array
        Scheduled days after transplantation.
    actual_day : (N, V) array
        Day of the visit's trough; the scheduled one where no other was given.
    sampling_day : (N, V) array
        When blood was taken, in days; NaN where none was.
    trough_true_ng_per_ml : (N, V) array
        Level of the population model before the dose that is due at the visit; 0 before the first dose.
    trough_measured_ng_per_ml : (N, V) array
        What the laboratory reported; NaN where ``sample`` is not ``MEASURED``. Of ``level_hour`` after a dose where
        that is not NaN (a C2), else a trough.
    sample : (N, V) array of int8
        :class:`Sample`.
    auc_ng_h_per_ml : (N, V) array
        Area of the dosing interval that ends at the visit, times 24 h over the interval: what a day gives; NaN where
        it was not asked for.
    dose_mg_per_day : (N, V) array
        In force after the visit; 0 where held, not started or stopped.
    asked_mg_per_day : (N, V) array
        What the rule asked for before caps, strengths and the clinician; NaN where it was not asked.
    decision : (N, V) array of int8
        :class:`Decision`.
    doses_due, doses_taken : (N,) array
        Over the whole history; holds are not due.
    aim_ratio : (N,) array
        The multiple of the protocol's aim that the subject's clinician aims at.
    outside_limits : (N,) array of bool
        A covariate of the subject lies outside the model's validity limits, and was used all the same.
    level_hour : float
        Hours after a dose at which levels are taken; NaN for troughs.
    findings : tuple of Finding
        What was noticed about plan, model and cohort.
    """

    compound: str
    model: str
    visit_day: Floats
    actual_day: Floats
    sampling_day: Floats
    trough_true_ng_per_ml: Floats
    trough_measured_ng_per_ml: Floats
    sample: Codes
    auc_ng_h_per_ml: Floats
    dose_mg_per_day: Floats
    asked_mg_per_day: Floats
    decision: Codes
    doses_due: Floats
    doses_taken: Floats
    aim_ratio: Floats
    outside_limits: NDArray[np.bool_]
    level_hour: float = float("nan")
    findings: tuple[Finding, ...] = ()

    @property
    def adherence(self) -> Floats:
        """Share of the doses due that were taken, (N,); NaN where none was due."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.doses_taken / self.doses_due)
