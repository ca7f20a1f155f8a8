"""The protocol's rule in the loop: from a measured level to the next dose, for many subjects at once.

The clinician aims at a multiple of the protocol's window (both ends and the aim), and now and then leaves a dose that
the rule would change. What the rule asks for is capped as a change, as a daily dose, and rounded to what the strengths
make up.

=====================  ==================================================================
level                  decision
=====================  ==================================================================
above the hold limit   held; the dose after the hold is the lowered one
none                   kept
inside the window      kept, where the rule acts only outside
outside                raised or lowered; kept by the clinician, a cap or the strengths
=====================  ==================================================================
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.patient.capsules import makeable_doses
from limus.trial.design.treatment import DosingRule, DrugPlan, RuleKind, TargetWindow
from limus.trial.exposure.history import Decision

__all__ = ["Decided", "DoseGrid", "decide_doses", "make_dose_grid", "round_doses"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class DoseGrid:
    """What one administration can be.

    Attributes
    ----------
    doses_mg : (D,) array
        Makeable doses, rising, within the caps.
    edges_mg : (D - 1,) array
        Half way between them.
    """

    doses_mg: Floats
    edges_mg: Floats

    @property
    def smallest_mg(self) -> float:
        """The smallest dose."""
        return float(self.doses_mg[0])

    @property
    def largest_mg(self) -> float:
        """The largest dose."""
        return float(self.doses_mg[-1])


@dataclass(frozen=True, eq=False)
class Decided:
    """Decisions of B subjects.

    Attributes
    ----------
    dose_mg : (B,) array
        Of one administration, once a hold is over.
    held : (B,) array of bool
    asked_mg : (B,) array
        What the rule asked for, before caps; NaN where there was no level.
    decision : (B,) array of int8
    """

    dose_mg: Floats
    held: Flags
    asked_mg: Floats
    decision: NDArray[np.int8]


def make_dose_grid(plan: DrugPlan) -> DoseGrid:
    """List the doses of a plan.

    Parameters
    ----------
    plan : DrugPlan

    Returns
    -------
    DoseGrid

    Raises
    ------
    ValueRangeError
        No strengths, or none between the smallest and the largest daily dose.
    """
    where = f"{plan.compound}, strengths_mg"
    if not plan.strengths_mg:
        raise ValueRangeError(where, "none", "one strength or more", "name the capsules or tablets of the drug")
    each_day = 24.0 / plan.interval_h
    made = np.asarray(makeable_doses(plan.strengths_mg, plan.largest_daily_mg / each_day))
    doses = made[made >= plan.rule.smallest_daily_mg / each_day - 1e-9]
    if not len(doses):
        got = f"{', '.join(f'{one:g}' for one in plan.strengths_mg)} mg every {plan.interval_h:g} h"
        allowed = f"daily doses from {plan.rule.smallest_daily_mg:g} to {plan.largest_daily_mg:g} mg"
        raise ValueRangeError(where, got, allowed, "change the strengths or the caps")
    return DoseGrid(doses, 0.5 * (doses[1:] + doses[:-1]))


def round_doses(grid: DoseGrid, dose_mg: Floats) -> Floats:
    """Round to the nearest dose that can be made up, down where two are as near.

    Parameters
    ----------
    grid : DoseGrid
    dose_mg : (B,) array

    Returns
    -------
    (B,) array
    """
    return np.asarray(grid.doses_mg[np.searchsorted(grid.edges_mg, dose_mg)])


def decide_doses(
    plan: DrugPlan,
    window: TargetWindow | None,
    grid: DoseGrid,
    *,
    dose_mg: Floats,
    held: Flags,
    level_ng_per_ml: Floats,
    aim_ratio: Floats,
    chance: Floats,
) -> Decided:
    """Decide the next dose of B subjects.

    Parameters
    ----------
    plan : DrugPlan
    window : TargetWindow or None
        In force at the visit; None changes nothing.
    grid : DoseGrid
    dose_mg : (B,) array
        Of one administration, in force or to be resumed.
    held : (B,) array of bool
        Who is without the drug until this decision.
    level_ng_per_ml : (B,) array
        Measured; NaN where there is none.
    aim_ratio : (B,) array
        The clinician's multiple of the window and the aim.
    chance : (B,) array
        Uniform in 0 to 1: below the plan's ``no_change_probability`` a change is not made.

    Returns
    -------
    Decided
    """
    rule = plan.rule
    known = ~np.isnan(level_ng_per_ml)
    asked = np.where(known, _ask(rule, window, dose_mg, level_ng_per_ml, aim_ratio), np.nan)
    wanted = np.where(known, asked, dose_mg)
    low, high = dose_mg * (1.0 - rule.largest_fall_fraction), dose_mg * (1.0 + rule.largest_rise_fraction)
    new = round_doses(grid, np.minimum(np.maximum(wanted, low), high))
    # a cap narrower than a capsule would stop every change: one step of the grid is always allowed
    place, whole = np.searchsorted(grid.doses_mg, dose_mg), round_doses(grid, wanted)
    above = grid.doses_mg[np.minimum(place + 1, len(grid.doses_mg) - 1)]
    below = grid.doses_mg[np.maximum(place - 1, 0)]
    new = np.where(whole > dose_mg, np.maximum(new, above), np.where(whole < dose_mg, np.minimum(new, below), dose_mg))
    unchanged = wanted == dose_mg
    new = np.where(unchanged, dose_mg, new)
    stop = known & (level_ng_per_ml > rule.hold_above_ng_per_ml)
    declined = ~unchanged & ~stop & ~held & (chance < plan.departure.no_change_probability)
    new = np.where(declined | (held & ~stop), dose_mg, new)
    decision = np.where(new > dose_mg, Decision.RAISED, Decision.LOWERED)
    same = new == dose_mg
    decision[same] = Decision.KEPT_BY_ROUNDING
    decision[same & (wanted > dose_mg) & (dose_mg >= grid.largest_mg)] = Decision.KEPT_AT_LARGEST
    decision[same & (wanted < dose_mg) & (dose_mg <= grid.smallest_mg)] = Decision.KEPT_AT_SMALLEST
    decision[same & unchanged] = Decision.KEPT
    decision[same & ~known] = Decision.KEPT_WITHOUT_LEVEL
    decision[declined] = Decision.KEPT_BY_CLINICIAN
    decision[held] = Decision.RESUMED
    decision[stop] = Decision.HELD
    return Decided(new, stop, asked, decision.astype(np.int8))


def _ask(rule: DosingRule, window: TargetWindow | None, dose_mg: Floats, level: Floats, aim_ratio: Floats) -> Floats:
    """Dose that the rule asks for, of one administration."""
    if window is None or rule.kind is RuleKind.FIXED:
        return dose_mg
    low, high = window.low_ng_per_ml * aim_ratio, window.high_ng_per_ml * aim_ratio
    if rule.kind is RuleKind.STEP:
        return dose_mg + rule.step_mg * ((level < low).astype(np.float64) - (level > high))
    with np.errstate(divide="ignore"):
        asked = dose_mg * (low + rule.aim_fraction * (high - low)) / level
    if not rule.only_outside_window:
        return np.asarray(asked)
    return np.where((level >= low) & (level <= high), dose_mg, asked)
