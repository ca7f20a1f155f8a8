"""Checks of the drug plans of a design: windows, strengths, rules, and whether the population model may be used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise

from limus.kernel.checks import Check, Finding, Severity
from limus.kernel.errors import near_names
from limus.pharmacokinetics.population_model.library import load_population_model, population_model_names
from limus.trial.design.design import Arm, Design, DrugPlan, RuleKind
from limus.trial.design.exposure_checks import check_plan
from limus.trial.design.population import load_population

__all__ = ["DRUG_CHECKS"]


def _plans(design: Design) -> Iterator[tuple[str, Arm, DrugPlan]]:
    for arm in design.arms:
        for plan in arm.drugs:
            yield f"arm {arm.name}, {plan.compound} from day {plan.start_day:g}", arm, plan


def _error(check: str, where: str, got: object, allowed: str, do: str) -> Finding:
    return Finding(check, Severity.ERROR, where, str(got), allowed, do)


def _windows(design: Design) -> Iterable[Finding]:
    for where, _, plan in _plans(design):
        end = min(plan.stop_day, design.duration_days)
        if plan.stop_day <= plan.start_day:
            yield _error("windows", where, f"stops on day {plan.stop_day:g}", "a stop after the start", "correct it")
        if plan.rule.kind is RuleKind.FIXED and not plan.windows:
            continue
        if not plan.windows:
            yield _error("windows", where, "no target window", "one at least", "add windows, or form = 'fixed'")
            continue
        day = plan.start_day
        for window in plan.windows:
            if not window.low_ng_per_ml < window.high_ng_per_ml:
                got = f"{window.low_ng_per_ml:g} to {window.high_ng_per_ml:g} ng/mL"
                yield _error("windows", where, got, "low below high", "exchange them")
            if window.from_day > day:
                yield _error("windows", where, f"no window from day {day:g}", "windows without a gap", "fill the gap")
            if window.from_day < day and window is not plan.windows[0]:
                yield _error("windows", where, f"two windows on day {window.from_day:g}", "one a day", "cut one")
            day = window.to_day
        if day < end:
            yield _error("windows", where, f"no window from day {day:g}", f"windows to day {end:g}", "add one")


def _rules(design: Design) -> Iterable[Finding]:
    names = load_population(design.population).names
    for where, _, plan in _plans(design):
        check = "titration-rule"
        if not plan.strengths_mg:
            yield _error(check, where, "no strengths", "capsules or tablets in mg", "add strengths_mg")
        elif any(b <= a for a, b in pairwise(plan.strengths_mg)):
            yield _error(check, where, plan.strengths_mg, "strengths that rise", "put them in order")
        elif plan.largest_daily_mg < plan.strengths_mg[0] * 24 / plan.interval_h:
            allowed = f"{plan.strengths_mg[0] * 24 / plan.interval_h:g} mg a day or more"
            yield _error(check, where, f"largest_daily_mg {plan.largest_daily_mg:g}", allowed, "raise it")
        if plan.rule.kind is RuleKind.STEP and not plan.rule.step_mg > 0:
            yield _error(check, where, "step_mg 0", "a step above 0", "add step_mg")
        elif plan.rule.kind is RuleKind.STEP and plan.strengths_mg and plan.rule.step_mg < plan.strengths_mg[0]:
            allowed = f"{plan.strengths_mg[0]:g} mg or more, the smallest strength"
            yield _error(check, f"{where}, rule", f"step_mg {plan.rule.step_mg:g}", allowed, "raise it")
        if plan.rule.kind is not RuleKind.FIXED and not any(
            plan.start_day < day < plan.stop_day for day in design.titration_days
        ):
            yield _error(check, where, "no titration day", "a level while the drug is given", "add titration_days")
        for column, _ in plan.start_dose.factors:
            if column not in names:
                yield _error(check, where, column, ", ".join(names), "name a covariate of the population")


def _holds(design: Design) -> Iterable[Finding]:
    for where, _, plan in _plans(design):
        limit, highest = plan.rule.hold_above_ng_per_ml, max((w.high_ng_per_ml for w in plan.windows), default=0.0)
        if limit <= highest:
            got, allowed = f"hold_above_ng_per_ml {limit:g}", f"above {highest:g} ng/mL, the highest target"
            yield _error("titration-rule", f"{where}, rule", got, allowed, "raise it")


def _grid(design: Design) -> Iterable[Finding]:
    """Visits fall on the hours of doses, so that a sample is a trough."""
    days = {"titration_days": design.titration_days, "visits": tuple(visit.day for visit in design.visits)}
    for where, _, plan in _plans(design):
        if not plan.interval_h > 0:
            continue  # said elsewhere
        for name, given in {**days, f"{where}, start_day": (plan.start_day,)}.items():
            for day in given:
                doses = day * 24.0 / plan.interval_h
                if abs(doses - round(doses)) > 1e-6:
                    allowed = f"days at which {plan.compound} every {plan.interval_h:g} h is due"
                    yield _error("dosing-grid", name, f"day {day:g}", allowed, "correct the day")


def _models(design: Design) -> Iterable[Finding]:
    for where, arm, plan in _plans(design):
        if plan.model not in population_model_names():
            near = near_names(plan.model, population_model_names())
            do = f"did you mean {near[0]}?" if near else "limus pk models lists them"
            yield _error("population-model", where, plan.model, ", ".join(population_model_names()), do)
            continue
        model = load_population_model(plan.model)
        if model.drug != plan.compound:
            yield _error("population-model", where, f"{plan.model} ({model.drug})", plan.compound, "name its model")
        else:
            for found in check_plan(plan, model, companions=_company(arm, plan), overrides=plan.overrides):
                yield replace(found, where=f"{where}: {found.where}")
        yield from _time(where, plan, design.duration_days)


def _company(arm: Arm, plan: DrugPlan) -> set[str]:
    """Other drugs with modelled levels that the arm gives at the same time."""
    return {
        other.compound
        for other in arm.drugs
        if other.compound != plan.compound and max(plan.start_day, other.start_day) < min(plan.stop_day, other.stop_day)
    }


def _time(where: str, plan: DrugPlan, duration_days: float) -> Iterator[Finding]:
    end, name = min(plan.stop_day, duration_days), "time_after_transplantation"
    for limit in load_population_model(plan.model).limits:
        if limit.name == name and (plan.start_day < limit.lower - 1 or end > limit.upper):
            got = f"days {plan.start_day:g} to {end:g}"
            allowed = f"days {limit.lower:g} to {limit.upper:g} ({plan.model})"
            waived = name in plan.overrides
            do = (
                "overridden: clearance is extrapolated"
                if waived
                else f"choose another model, or overrides = ['{name}']"
            )
            severity = Severity.WARNING if waived else Severity.ERROR
            yield Finding("population-model", severity, where, got, allowed, do)


DRUG_CHECKS: tuple[Check[Design], ...] = (
    Check("windows", "Target windows cover the plan once.", _windows),
    Check("titration-rule", "A rule has strengths, days and what its form needs.", _rules),
    Check("dosing-grid", "Visits and starts fall on the hours of doses.", _grid),
    Check("population-model", "The model is the drug's, was built in that company, on such days and levels.", _models),
    Check("titration-rule", "A drug is not held within its target.", _holds),
)
