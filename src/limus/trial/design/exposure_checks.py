"""May a drug plan be simulated with its population model? Drug, organ, co-medication, windows, dosing grid."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from limus.kernel.checks import Check, Finding, Severity, run_checks
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.population_model.validity_limits import Limit, limits_in_words
from limus.trial.design.titration_library import load_practice
from limus.trial.design.treatment import DrugPlan, RuleKind, TargetWindow

__all__ = ["LIMIT", "PLAN_CHECKS", "PlannedModel", "check_plan"]

LIMIT = "validity-limit"
_CICLOSPORIN = "ciclosporin"  # of the usual company, only ciclosporin changes the others' levels by much
_AFFECTED = ("everolimus", "sirolimus")
_WAIVED = ("organ", "comedication", "target", "formulation")
_IMMEDIATE = "immediate_release"
_DAY_H = 24.0


@dataclass(frozen=True, eq=False)
class PlannedModel:
    """A plan with its model, its company and what is waived.

    Attributes
    ----------
    plan : DrugPlan
    model : PopulationModel
    companions : tuple of str
        Other drugs that the arm gives at the same time.
    organ : str
    overrides : frozenset of str
        Names of limits, folded.
    """

    plan: DrugPlan
    model: PopulationModel
    companions: tuple[str, ...]
    organ: str
    overrides: frozenset[str]


def check_plan(
    plan: DrugPlan,
    model: PopulationModel,
    *,
    companions: Collection[str] = (),
    organ: str = "kidney",
    overrides: Collection[str] = (),
) -> tuple[Finding, ...]:
    """Check a drug plan against its population model.

    Parameters
    ----------
    plan : DrugPlan
    model : PopulationModel
    companions : collection of str
        Other drugs of the arm at the same time: they decide which everolimus or sirolimus model fits.
    organ : str
    overrides : collection of str
        Names of limits that are not refused: ``organ``, ``comedication``, ``target``.

    Returns
    -------
    tuple of Finding
        ``validity-limit`` findings are refusals (:func:`...covariate_checks.refuse_outside_limits`).
    """
    waived = frozenset(name.casefold() for name in overrides)
    return run_checks(PlannedModel(plan, model, tuple(companions), organ, waived), PLAN_CHECKS)


def _limit(planned: PlannedModel, name: str, where: str, got: str, allowed: str, do: str) -> Finding:
    if name in planned.overrides:
        return Finding(
            LIMIT, Severity.WARNING, where, got, allowed, "overridden by name: the model was not built for it"
        )
    return Finding(LIMIT, Severity.ERROR, where, got, allowed, f"{do}, or name the override {name}")


def _error(planned: PlannedModel, check: str, what: str, got: str, allowed: str, do: str) -> Finding:
    return Finding(check, Severity.ERROR, f"{planned.plan.compound}, {what}", got, allowed, do)


def _same_drug(planned: PlannedModel) -> Iterator[Finding]:
    if planned.plan.compound.casefold() != planned.model.drug.casefold():
        do = f"choose a model of {planned.plan.compound}"
        yield _error(
            planned, "model-drug", f"model {planned.model.name}", planned.model.drug, planned.plan.compound, do
        )


def _organ(planned: PlannedModel) -> Iterator[Finding]:
    for limit in _words(planned.model, "organ"):
        if planned.organ.casefold() not in {word.casefold() for word in limit.allowed}:
            where = f"model {planned.model.name}, organ"
            yield _limit(planned, "organ", where, planned.organ, limits_in_words(limit), "choose another model")


def _words(model: PopulationModel, name: str) -> Iterator[Limit]:
    yield from (limit for limit in model.limits if limit.name == name and limit.allowed)


def _comedication(planned: PlannedModel) -> Iterator[Finding]:
    if planned.plan.compound.casefold() not in _AFFECTED:
        return
    given = _CICLOSPORIN in {name.casefold() for name in planned.companions}
    for limit in _words(planned.model, "comedication"):
        with_it = [_CICLOSPORIN in word.casefold() and "stopped" not in word.casefold() for word in limit.allowed]
        if given and not any(with_it):
            got = "with ciclosporin, which raises its levels"
        elif not given and all(with_it):
            got = f"without ciclosporin, with {', '.join(planned.companions) or 'nothing'}"
        else:
            continue
        where = f"model {planned.model.name}, comedication"
        yield _limit(planned, "comedication", where, got, limits_in_words(limit), "choose another model")


def _names(planned: PlannedModel) -> Iterator[Finding]:
    """A name that nothing reads would be passed over in silence."""
    plan, model = planned.plan, planned.model
    for name, _ in plan.formulation:
        if name not in model.covariates:
            allowed = ", ".join(model.covariates) or "none: the model has no covariates"
            do = f"name a covariate of {model.name}"
            yield _error(planned, "names", "formulation", name, allowed, do)
    known = {*_WAIVED, *(entry.name.casefold() for entry in model.limited)}
    for name in plan.overrides:
        if name.casefold() not in known:
            yield _error(planned, "names", "overrides", name, ", ".join(sorted(known)), "name a limit of the model")


def _formulation(planned: PlannedModel) -> Iterator[Finding]:
    """A prolonged-release drug once a day needs a model that was built on it, and the other way round."""
    plan, model = planned.plan, planned.model
    immediate = dict(plan.formulation).get(_IMMEDIATE)
    where = f"model {model.name}, formulation"
    if immediate is not None and (immediate == 1) != (plan.interval_h < _DAY_H):
        got = f"{_IMMEDIATE} = {immediate:g} every {plan.interval_h:g} h"
        do = f"prolonged release once a day is {_IMMEDIATE} = 0.0 with interval_h = 24.0"
        yield _limit(planned, "formulation", where, got, "1 twice a day, 0 once a day", do)
    words = [word for limit in _words(model, "formulation") for word in limit.allowed]
    if immediate is None and plan.interval_h >= _DAY_H and any("twice daily" in word for word in words):
        do = f"choose a model of the prolonged release with {_IMMEDIATE} = 0.0"
        yield _limit(planned, "formulation", where, "once a day", ", ".join(words), do)


def _target(planned: PlannedModel) -> Iterator[Finding]:
    plan = planned.plan
    later = plan.sampling.hours_after_dose == plan.sampling.hours_after_dose
    name = plan.compound.casefold() + (f"_c{plan.sampling.hours_after_dose:g}" if later else "")
    span = load_practice().levels.get(name)
    if span is None:
        if plan.windows:
            got = f"levels {plan.sampling.hours_after_dose:g} h after a dose" if later else "troughs"
            do = "choose a drug and a level with published windows"
            yield _limit(planned, "target", f"{plan.compound}, windows", got, "levels of library/titration", do)
        return
    for window in plan.windows:
        middle = 0.5 * (window.low_ng_per_ml + window.high_ng_per_ml)
        allowed = f"a middle of {span.low_ng_per_ml:g} to {span.high_ng_per_ml:g} ng/mL"
        if not span.low_ng_per_ml <= middle <= span.high_ng_per_ml:
            where = f"{plan.compound}, window from day {window.from_day:g}"
            do = "no model was built on such levels: correct the window"
            yield _limit(planned, "target", where, _in_words(window), allowed, do)


def _in_words(window: TargetWindow) -> str:
    return f"{window.low_ng_per_ml:g} to {window.high_ng_per_ml:g} ng/mL"


def _windows(planned: PlannedModel) -> Iterator[Finding]:
    plan = planned.plan
    if not plan.windows and plan.rule.kind is not RuleKind.FIXED:
        yield _error(planned, "windows", "windows", "none", "a window, or a fixed dose", "add the target")
    for window in plan.windows:
        if not 0 < window.low_ng_per_ml < window.high_ng_per_ml or not window.from_day < window.to_day:
            got = f"{_in_words(window)} from day {window.from_day:g} to {window.to_day:g}"
            yield _error(planned, "windows", "windows", got, "low below high, from before to", "correct it")
    ordered = all(a.to_day <= b.from_day for a, b in zip(plan.windows, plan.windows[1:], strict=False))
    if not ordered:
        got = ", ".join(f"{one.from_day:g} to {one.to_day:g}" for one in plan.windows)
        yield _error(planned, "windows", "windows", got, "windows one after the other", "put them in order")


def _grid(planned: PlannedModel) -> Iterator[Finding]:
    interval = planned.plan.interval_h
    if not interval > 0 or abs(24.0 / interval - round(24.0 / interval)) > 1e-9:
        do = "give the interval between doses"
        yield _error(planned, "interval", "interval_h", f"{interval:g} h", "a whole part of 24 h", do)


def _days(planned: PlannedModel) -> Iterator[Finding]:
    plan = planned.plan
    if not 0 <= plan.start_day < plan.stop_day:
        got = f"day {plan.start_day:g} to day {plan.stop_day:g}"
        yield _error(planned, "days", "start_day, stop_day", got, "a stop after the start", "correct them")


PLAN_CHECKS: tuple[Check[PlannedModel], ...] = (
    Check("model-drug", "the model is one of the plan's drug", _same_drug),
    Check("organ", "the model was built on the organ", _organ),
    Check("comedication", "everolimus and sirolimus models fit the arm's ciclosporin", _comedication),
    Check("names", "overrides and formulation name what the model has", _names),
    Check("formulation", "the release of the drug is one that the model was built on", _formulation),
    Check("target", "windows lie where models were built", _target),
    Check("windows", "windows are in order", _windows),
    Check("interval", "doses fall on the same hours every day", _grid),
    Check("days", "the drug stops after it starts", _days),
)
