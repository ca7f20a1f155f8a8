"""Checks of regimens over time: one plan of a drug at once, and the same for all until the day of randomisation."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import combinations

from limus.kernel.checks import Check, Finding, Severity
from limus.trial.design.design import Arm, Design

__all__ = ["REGIMEN_CHECKS"]

_CALCINEURIN_INHIBITORS = {"tacrolimus", "ciclosporin"}
_MTOR_INHIBITORS = {"sirolimus", "everolimus"}


def _overlaps(design: Design) -> Iterable[Finding]:
    check = "overlapping-plans"
    for arm in design.arms:
        for one, other in combinations(arm.drugs, 2):
            start, stop = max(one.start_day, other.start_day), min(one.stop_day, other.stop_day, design.duration_days)
            if start >= stop:
                continue
            got = f"{one.compound} and {other.compound} from day {start:g} to {stop:g}"
            if one.compound == other.compound:
                do = "give the first a stop_day, or change its windows"
                yield Finding(check, Severity.ERROR, f"arm {arm.name}", got, "one plan of a drug at a time", do)
            elif {one.compound, other.compound} in (_CALCINEURIN_INHIBITORS, _MTOR_INHIBITORS):
                do = "for a conversion, let the first stop when the second starts"
                yield Finding(check, Severity.WARNING, f"arm {arm.name}", got, "one drug of a class at a time", do)


def _randomisation(design: Design) -> Iterable[Finding]:
    day, check = design.randomisation_day, "randomisation-day"
    if day == 0:
        return
    if day >= design.duration_days:
        allowed = f"below duration_days, {design.duration_days:g}"
        yield Finding(check, Severity.ERROR, "randomisation_day", f"day {day:g}", allowed, "correct one of them")
        return
    first = design.arms[0]
    for arm in design.arms[1:]:
        if _until(arm, day) != _until(first, day):
            got = f"arms {first.name} and {arm.name} differ before day {day:g}"
            do = "let drugs and background agree until then; what differs before was not randomised"
            yield Finding(check, Severity.WARNING, "randomisation_day", got, "the same regimen until then", do)
    for endpoint in design.endpoints:
        if endpoint.day <= day:
            where, allowed = f"endpoint {endpoint.name}", f"after randomisation_day, {day:g}"
            yield Finding(check, Severity.ERROR, where, f"day {endpoint.day:g}", allowed, "choose a later day")


def _until(arm: Arm, day: float) -> set[tuple[object, ...]]:
    """What an arm is given before a day, in a form that can be compared."""
    given: set[tuple[object, ...]] = set()
    for plan in arm.drugs:
        if plan.start_day < day:
            windows = tuple(
                (w.from_day, min(w.to_day, day), w.low_ng_per_ml, w.high_ng_per_ml)
                for w in plan.windows
                if w.from_day < day
            )
            start = plan.start_dose
            first = (repr(start.amount), start.unit, start.per, start.factors, repr(start.carried))  # NaN equals itself
            given.add((plan.compound, plan.start_day, min(plan.stop_day, day), first, windows))
    given |= {(b.name, b.start_day, min(b.stop_day, day)) for b in arm.background if b.start_day < day}
    return given


def _carried(design: Design) -> Iterable[Finding]:
    for arm in design.arms:
        for plan in arm.drugs:
            if math.isnan(plan.start_dose.carried):
                continue
            if not any(o.compound == plan.compound and o.stop_day == plan.start_day for o in arm.drugs):
                where, got = f"arm {arm.name}, {plan.compound} from day {plan.start_day:g}, start_dose", "carried"
                allowed, do = "a plan of the same drug that stops on that day", "give amount, unit and per"
                yield Finding("carried-dose", Severity.ERROR, where, got, allowed, do)


def _background(design: Design) -> Iterable[Finding]:
    for arm in design.arms:
        for drug in arm.background:
            if drug.stop_day <= drug.start_day:
                got, where = f"day {drug.start_day:g} to {drug.stop_day:g}", f"arm {arm.name}, background {drug.name}"
                do = "correct the days"
                yield Finding("background", Severity.ERROR, where, got, "a stop_day after the start_day", do)


REGIMEN_CHECKS: tuple[Check[Design], ...] = (
    Check("background", "Background drugs stop after they start.", _background),
    Check("carried-dose", "A dose that is carried over has a plan before it.", _carried),
    Check("overlapping-plans", "A drug has one plan at a time.", _overlaps),
    Check(
        "randomisation-day",
        "Arms are the same until the day of randomisation, and endpoints come after.",
        _randomisation,
    ),
)
