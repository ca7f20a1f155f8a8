"""Laboratory values by visit and arm: means with intervals, and change from baseline where there is a baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.tables import Table
from limus.trial.design.analysis_plan import AnalysisPlan

__all__ = ["LaboratoryVisit", "describe_laboratory"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LaboratoryVisit:
    """One test in one arm at one visit, of those who have a value.

    Attributes
    ----------
    code, label, arm, visit : str
    day : float
        Planned, after transplantation.
    n : int
    mean, sd, low, high : float
        95 % interval of the mean, Student's t; NaN with fewer than two values.
    change, change_low, change_high : float
        Mean change from baseline of the ``n_change`` who have one; NaN without.
    n_change : int
    """

    code: str
    label: str
    arm: str
    visit: str
    day: float
    n: int
    mean: float
    sd: float
    low: float
    high: float
    change: float
    change_low: float
    change_high: float
    n_change: int


def describe_laboratory(adlb: Table, plan: AnalysisPlan) -> list[LaboratoryVisit]:
    """Describe laboratory values of randomised subjects.

    Parameters
    ----------
    adlb : Table
    plan : AnalysisPlan

    Returns
    -------
    list of LaboratoryVisit
        By test, arm and visit.
    """
    rows = adlb.where((adlb["ANL01FL"] == "Y") & (adlb["ITTFL"] == "Y"))
    labels: Mapping[str, str] = dict(zip(rows["PARAMCD"].tolist(), rows["PARAM"].tolist(), strict=True))
    found = []
    for code, label in labels.items():
        of_test = rows["PARAMCD"] == code
        for arm in plan.codes:
            for visit in plan.visits:
                mask = of_test & (rows["TRTP"] == arm) & (rows["AVISIT"] == visit.name)
                if not mask.any():
                    continue
                values, changes = rows["AVAL"][mask], rows["CHG"][mask]
                changes = changes[np.isfinite(changes)]
                mean, low, high = _mean(values)
                sd = float(values.std(ddof=1)) if len(values) > 1 else math.nan
                change = _mean(changes)
                day, numbers = visit.day + plan.randomisation_day, (mean, sd, low, high)
                found.append(
                    LaboratoryVisit(code, label, arm, visit.name, day, len(values), *numbers, *change, len(changes))
                )
    return found


def _mean(values: Floats) -> tuple[float, float, float]:
    from scipy.special import stdtrit  # noqa: PLC0415

    n = len(values)
    if n < 2:
        return (float(values.mean()) if n else math.nan), math.nan, math.nan
    half = float(stdtrit(n - 1, 0.975)) * float(values.std(ddof=1)) / math.sqrt(n)
    return float(values.mean()), float(values.mean()) - half, float(values.mean()) + half
