"""The dosing rule: from a level to the next dose, caps, strengths, holds, the clinician."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from limus.kernel.errors import ValueRangeError
from limus.trial.design.treatment import Departure, DosingRule, DrugPlan, RuleKind, StartDose, TargetWindow
from limus.trial.exposure.history import Decision
from limus.trial.exposure.titration import Decided, decide_doses, make_dose_grid, round_doses

WINDOW = TargetWindow(0.0, 1000.0, 5.0, 10.0)
PLAN = DrugPlan(
    compound="tacrolimus",
    model="Storset_2014",
    start_dose=StartDose(4.0, "mg", "dose"),
    interval_h=12.0,
    strengths_mg=(0.5, 1.0, 5.0),
    largest_daily_mg=16.0,
    windows=(WINDOW,),
    rule=DosingRule(RuleKind.PROPORTIONAL, hold_above_ng_per_ml=25.0),
)


def decide(
    level: float,
    dose_mg: float = 4.0,
    *,
    plan: DrugPlan = PLAN,
    held: bool = False,
    aim_ratio: float = 1.0,
    chance: float = 0.5,
    window: TargetWindow | None = WINDOW,
) -> Decided:
    """Decide about one subject."""
    return decide_doses(
        plan,
        window,
        make_dose_grid(plan),
        dose_mg=np.array([dose_mg]),
        held=np.array([held]),
        level_ng_per_ml=np.array([level]),
        aim_ratio=np.array([aim_ratio]),
        chance=np.array([chance]),
    )


@pytest.mark.parametrize(
    ("level", "dose", "decision"),
    [
        (7.0, 4.0, Decision.KEPT),  # inside
        (5.0, 4.0, Decision.KEPT),  # both ends belong to the window
        (10.0, 4.0, Decision.KEPT),
        (4.9, 6.0, Decision.RAISED),  # 4 x 7.5 / 4.9 = 6.12, capped at 6, on the grid
        (4.0, 6.0, Decision.RAISED),  # 7.5 asked, the cap of half as much again gives 6
        (15.0, 2.0, Decision.LOWERED),  # 4 x 7.5 / 15
        (24.0, 2.0, Decision.LOWERED),  # 1.25 asked, not below half
        (26.0, 2.0, Decision.HELD),
        (np.nan, 4.0, Decision.KEPT_WITHOUT_LEVEL),
        (0.0, 6.0, Decision.RAISED),
    ],
)
def test_a_level_leads_to_a_dose(level: float, dose: float, decision: Decision) -> None:
    found = decide(level)
    assert found.dose_mg.tolist() == [dose]
    assert Decision(int(found.decision[0])) is decision
    assert found.held.tolist() == [decision is Decision.HELD]


def test_what_the_rule_asked_for_is_kept_before_caps() -> None:
    assert decide(4.0).asked_mg[0] == pytest.approx(7.5)
    assert np.isnan(decide(np.nan).asked_mg[0])


@pytest.mark.parametrize(
    ("dose", "level", "expected", "decision"),
    [
        (8.0, 4.0, 8.0, Decision.KEPT_AT_LARGEST),
        (0.5, 20.0, 0.5, Decision.KEPT_AT_SMALLEST),
        (0.5, 2.0, 1.0, Decision.RAISED),  # half as much again is no capsule: one step all the same
        (1.0, 12.0, 0.5, Decision.LOWERED),
    ],
)
def test_caps_and_capsules(dose: float, level: float, expected: float, decision: Decision) -> None:
    found = decide(level, dose)
    assert found.dose_mg.tolist() == [expected]
    assert Decision(int(found.decision[0])) is decision


def test_too_small_a_change_has_no_capsule() -> None:
    plan = replace(PLAN, strengths_mg=(1.0, 5.0), rule=replace(PLAN.rule, only_outside_window=False))
    found = decide(7.2, plan=plan)  # 4 x 7.5 / 7.2 = 4.17
    assert Decision(int(found.decision[0])) is Decision.KEPT_BY_ROUNDING
    assert found.dose_mg.tolist() == [4.0]


def test_a_clinician_aims_at_a_multiple_of_the_window() -> None:
    assert Decision(int(decide(7.0, aim_ratio=1.5).decision[0])) is Decision.RAISED  # window 7.5 to 15
    assert decide(7.0, aim_ratio=1.5).asked_mg[0] == pytest.approx(4.0 * 11.25 / 7.0)
    assert Decision(int(decide(12.0, aim_ratio=1.5).decision[0])) is Decision.KEPT


def test_a_change_is_now_and_then_not_made_but_a_hold_is() -> None:
    plan = replace(PLAN, departure=Departure(no_change_probability=0.3))
    assert Decision(int(decide(15.0, plan=plan, chance=0.29).decision[0])) is Decision.KEPT_BY_CLINICIAN
    assert decide(15.0, plan=plan, chance=0.29).dose_mg.tolist() == [4.0]
    assert Decision(int(decide(15.0, plan=plan, chance=0.31).decision[0])) is Decision.LOWERED
    assert Decision(int(decide(30.0, plan=plan, chance=0.29).decision[0])) is Decision.HELD


def test_after_a_hold_the_lowered_dose_is_resumed_whatever_the_low_level() -> None:
    found = decide(0.4, 2.0, held=True)
    assert (found.dose_mg.tolist(), Decision(int(found.decision[0]))) == ([2.0], Decision.RESUMED)
    again = decide(40.0, 2.0, held=True)
    assert Decision(int(again.decision[0])) is Decision.HELD
    assert again.dose_mg[0] < 2.0


def test_steps_go_one_step_and_fixed_doses_stay() -> None:
    step = replace(PLAN, rule=DosingRule(RuleKind.STEP, step_mg=0.5))
    assert decide(2.0, plan=step).dose_mg.tolist() == [4.5]
    assert decide(18.0, plan=step).dose_mg.tolist() == [3.5]
    assert decide(7.0, plan=step).dose_mg.tolist() == [4.0]
    fixed = replace(PLAN, rule=DosingRule(RuleKind.FIXED))
    assert Decision(int(decide(2.0, plan=fixed).decision[0])) is Decision.KEPT
    assert Decision(int(decide(2.0, window=None).decision[0])) is Decision.KEPT


def test_doses_are_what_the_strengths_make_up() -> None:
    grid = make_dose_grid(replace(PLAN, strengths_mg=(0.75, 1.0), largest_daily_mg=5.0))
    assert grid.doses_mg.tolist() == [0.75, 1.0, 1.5, 1.75, 2.0, 2.25, 2.5]
    assert round_doses(grid, np.array([0.0, 1.24, 1.25, 1.26, 9.0])).tolist() == [0.75, 1.0, 1.0, 1.5, 2.5]
    assert make_dose_grid(replace(PLAN, rule=replace(PLAN.rule, smallest_daily_mg=3.0))).smallest_mg == 1.5


@pytest.mark.parametrize("strengths", [(), (20.0,)])
def test_a_plan_without_usable_strengths_is_refused(strengths: tuple[float, ...]) -> None:
    with pytest.raises(ValueRangeError, match="strengths"):
        make_dose_grid(replace(PLAN, strengths_mg=strengths))
