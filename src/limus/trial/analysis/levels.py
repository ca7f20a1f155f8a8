"""Troughs by visit: percentiles, and the share inside the target window of the arm, from ADPPK.

Only the analysed trough of each visit counts (ANL01FL), of subjects on treatment; a level below its limit of
quantification lies below the window and enters percentiles as half the limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.statistics.proportions import one_proportion_intervals
from limus.kernel.tables import Table
from limus.trial.datasets.visit_windows import level_visits
from limus.trial.design.analysis_plan import AnalysisPlan, LevelWindow, PlannedArm

__all__ = ["LevelVisit", "describe_levels"]

Floats = NDArray[np.float64]

_PERCENTILES = (10, 25, 50, 75, 90)


@dataclass(frozen=True, slots=True)
class LevelVisit:
    """Troughs of one drug in one arm at one visit.

    Attributes
    ----------
    arm, drug, visit : str
    day : float
        Planned, after transplantation.
    n : int
    p10, p25, median, p75, p90 : float
        ng/mL.
    low_target, high_target : float
        Of the window in force; NaN without one.
    below, inside, above : float
        Shares in per cent; NaN without a window.
    inside_low, inside_high : float
        95 % interval of the share inside, by Wilson, per cent.
    """

    arm: str
    drug: str
    visit: str
    day: float
    n: int
    p10: float
    p25: float
    median: float
    p75: float
    p90: float
    low_target: float
    high_target: float
    below: float
    inside: float
    above: float
    inside_low: float
    inside_high: float


def describe_levels(adppk: Table, plan: AnalysisPlan) -> list[LevelVisit]:
    """Describe troughs by arm, drug and visit.

    Parameters
    ----------
    adppk : Table
    plan : AnalysisPlan

    Returns
    -------
    list of LevelVisit
    """
    chosen = (adppk["EVID"] == 0) & (adppk["ANL01FL"] == "Y")
    rows = adppk.where(chosen)
    visits = level_visits(plan.level_days, plan.visits, plan.randomisation_day)
    days = {visit.name: visit.day for visit in visits}
    level = np.where(rows["BLQFL"] == "Y", rows["ALLOQ"] / 2.0, rows["DV"])
    found = []
    for arm in plan.arms:
        member = rows["TRTP"] == arm.code
        for drug in _drugs(arm, rows["ANALYTE"][member].tolist()):
            of_drug = member & (rows["ANALYTE"] == drug)
            for visit, day in days.items():
                mask = of_drug & (rows["AVISIT"] == visit) & np.isfinite(level)
                if mask.any():
                    window = _window(arm, drug, day)
                    planned = day + plan.randomisation_day
                    found.append(_visit(arm.code, drug.lower(), visit, planned, level[mask], window))
    return found


def _drugs(arm: PlannedArm, measured: Sequence[str]) -> list[str]:
    """Drugs in the order of the plan, then others that were measured."""
    planned = [window.compound.upper() for window in arm.windows]
    there = dict.fromkeys(measured)
    return [drug for drug in dict.fromkeys(planned) if drug in there] + [one for one in there if one not in planned]


def _window(arm: PlannedArm, drug: str, day: float) -> LevelWindow | None:
    found = (one for one in arm.windows if one.compound.upper() == drug and one.from_day <= day < one.to_day)
    return next(found, None)


def _visit(arm: str, drug: str, visit: str, day: float, level: Floats, window: LevelWindow | None) -> LevelVisit:
    p10, p25, median, p75, p90 = (float(x) for x in np.percentile(level, _PERCENTILES))
    nothing = float("nan")
    if window is None:
        shares = (nothing,) * 7
        return LevelVisit(arm, drug, visit, day, len(level), p10, p25, median, p75, p90, *shares)
    low, high = window.low_ng_per_ml, window.high_ng_per_ml
    below, above = float((level < low).mean()), float((level > high).mean())
    inside = int(((level >= low) & (level <= high)).sum())
    ends = one_proportion_intervals(inside, len(level))["Wilson"]
    shares = (
        low,
        high,
        100.0 * below,
        100.0 * inside / len(level),
        100.0 * above,
        100.0 * ends[0],
        100.0 * ends[1],
    )
    return LevelVisit(arm, drug, visit, day, len(level), p10, p25, median, p75, p90, *shares)
