"""Exposure of a trial's subjects to one drug, with titration in the loop.

From visit to visit: the doses in force are propagated exactly (:mod:`limus.trial.exposure.propagation`), the level is
measured, the rule decides (:mod:`limus.trial.exposure.titration`). Covariates and effects between occasions hold from
one visit to the next; amounts in the body are carried across, so nothing is assumed to be at steady state.

What a laboratory reports of the true level f at the sampling time is ``(f + r) (1 + a)``: a the assay's error, and r
the variation from day to day, the part of the model's residual variance that the assay does not explain (times the
plan's ``residual_fraction``). Models were fitted with recorded times, so the error of the sampling time comes on top.
A sample taken late is taken before the dose that then was due.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import InputError, ValueRangeError
from limus.pharmacokinetics.covariate_checks import refuse_outside_limits
from limus.pharmacokinetics.population_model.library import load_population_model
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.trial.design.exposure_checks import check_plan
from limus.trial.design.titration_library import load_practice
from limus.trial.design.treatment import DrugPlan
from limus.trial.exposure.block import BlockSetting, VisitArrays
from limus.trial.exposure.chances import ExposureChances, draw_chances, missed_share
from limus.trial.exposure.covariates import DAILY_DOSE, subject_covariates
from limus.trial.exposure.draws import ReplicateDraws
from limus.trial.exposure.history import ExposureHistory
from limus.trial.exposure.kinetics import split_kinetics
from limus.trial.exposure.loop import run_block
from limus.trial.exposure.structure import read_kinetics
from limus.trial.exposure.titration import DoseGrid, make_dose_grid, round_doses

__all__ = ["count_doses", "simulate_exposure", "simulate_with_chances"]

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
_BLOCK = 16384  # subjects at once: their arrays stay in the processor's cache


def simulate_exposure(
    plan: DrugPlan,
    cohort_columns: Mapping[str, ArrayLike],
    visit_days: ArrayLike,
    generator: np.random.Generator | ReplicateDraws,
    *,
    model: PopulationModel | None = None,
    measured: ArrayLike | None = None,
    actual_days: ArrayLike | None = None,
    start_day: ArrayLike | None = None,
    stop_day: ArrayLike | None = None,
    dose_before_mg_per_day: ArrayLike | None = None,
    companions: Collection[str] = (),
    organ: str = "kidney",
    overrides: Collection[str] = (),
    with_area: bool = True,
) -> ExposureHistory:
    """Simulate one drug in N subjects over V dosing visits.

    Parameters
    ----------
    plan : DrugPlan
    cohort_columns : mapping of str to (N,) or (N, V) array_like
        Covariates (:mod:`limus.trial.exposure.covariates` says which are looked for where).
    visit_days : (V,) array_like
        Scheduled dosing visits, days after transplantation, rising, on the hours of doses; the first may be 0.
    generator : numpy.random.Generator or ReplicateDraws
        One generator a replicate.
    model : PopulationModel, optional
        The plan's model by name by default.
    measured : (V,) array_like of bool, optional
        Visits with a level, at which the dose is decided; all by default.
    actual_days : (N, V) array_like, optional
        Where subjects come on other days than the scheduled ones.
    start_day, stop_day : (N,) array_like, optional
        Where subjects start or stop on other days than the plan's: conversion, discontinuation.
    dose_before_mg_per_day : (N,) array_like, optional
        Daily dose of the plan before, where the plan carries it over.
    companions : collection of str
        Other drugs of the arm at the same time.
    organ : str
    overrides : collection of str
        Limits outside of which the model is used all the same, beside those of the plan.
    with_area : bool
        Whether areas under the level are wanted.

    Returns
    -------
    ExposureHistory

    Raises
    ------
    InputError
        A plan that cannot be followed, or a covariate of the model that the cohort has not.
    UnknownNameError
        The plan's model is not in the library.
    RefusedError
        Drug, company, window or cohort lie outside what the model was built for.
    ValueRangeError
        Days that are not on the dosing grid or not in order, or a column of another shape.
    UnsupportedFeatureError
        The model is not of a form that can be propagated exactly.
    ModelError
        Covariates make a rate constant of the model impossible.
    """
    used = load_population_model(plan.model) if model is None else model
    overrides = (*overrides, *plan.overrides)
    findings = check_plan(plan, used, companions=companions, organ=organ, overrides=overrides)
    refuse_outside_limits(findings)
    days, n = np.asarray(visit_days, dtype=np.float64), _count_subjects(cohort_columns)
    actual = np.broadcast_to(days, (n, len(days))) if actual_days is None else np.asarray(actual_days, dtype=np.float64)
    doses = count_doses(plan, days, actual)
    chances = draw_chances(used, plan, n, len(days), doses, generator)
    return simulate_with_chances(
        plan,
        used,
        cohort_columns,
        days,
        chances,
        measured=measured,
        actual_days=actual,
        start_day=start_day,
        stop_day=stop_day,
        dose_before_mg_per_day=dose_before_mg_per_day,
        overrides=overrides,
        with_area=with_area,
        findings=findings,
    )


def _count_subjects(columns: Mapping[str, ArrayLike]) -> int:
    if not columns:
        raise InputError(
            "simulate_exposure, cohort_columns", "no columns", "one or more", "give the cohort's covariates"
        )
    return len(np.asarray(next(iter(columns.values()))))


def count_doses(plan: DrugPlan, visit_days: Floats, actual_days: Floats) -> int:
    """Count the dosing times from day 0 to the last visit, and check the days.

    Parameters
    ----------
    plan : DrugPlan
    visit_days : (V,) array
    actual_days : (N, V) array

    Returns
    -------
    int

    Raises
    ------
    ValueRangeError
        Days that are negative, not rising, or not at a whole number of intervals.
    """
    where, do = f"{plan.compound}, visit days", "correct the days"
    if visit_days.ndim != 1 or not len(visit_days):
        raise ValueRangeError(where, f"shape {visit_days.shape}", "one day or more", do)
    if actual_days.shape[1:] != visit_days.shape:
        raise ValueRangeError(where, f"shape {actual_days.shape}", f"(subjects, {len(visit_days)})", do)
    steps = np.diff(actual_days, axis=1, prepend=-1.0)
    if not (np.isfinite(actual_days).all() and (actual_days >= 0).all() and (steps > 0).all()):
        bad = actual_days[np.argwhere(~(steps > 0) | (actual_days < 0))[0, 0]]
        got = ", ".join(f"{day:g}" for day in bad[:8])
        raise ValueRangeError(where, got, "rising days of 0 or more", do)
    index = actual_days * 24.0 / plan.interval_h
    if np.abs(index - np.rint(index)).max(initial=0.0) > 1e-6:
        got = f"day {actual_days.flat[int(np.argmax(np.abs(index - np.rint(index))))]:g}"
        raise ValueRangeError(where, got, f"days at which a dose every {plan.interval_h:g} h is due", do)
    return int(np.rint(index.max(initial=0.0)))


def simulate_with_chances(
    plan: DrugPlan,
    model: PopulationModel,
    cohort_columns: Mapping[str, ArrayLike],
    visit_days: ArrayLike,
    chances: ExposureChances,
    *,
    measured: ArrayLike | None = None,
    actual_days: ArrayLike | None = None,
    start_day: ArrayLike | None = None,
    stop_day: ArrayLike | None = None,
    dose_before_mg_per_day: ArrayLike | None = None,
    overrides: Collection[str] = (),
    with_area: bool = True,
    findings: tuple[Finding, ...] = (),
) -> ExposureHistory:
    """Simulate one drug with random numbers that are already drawn, without checking the plan.

    Parameters
    ----------
    plan, model, cohort_columns, visit_days, measured, actual_days, start_day, stop_day
        As :func:`simulate_exposure`.
    dose_before_mg_per_day, overrides, with_area
        As :func:`simulate_exposure`.
    chances : ExposureChances
        From :func:`limus.trial.exposure.chances.draw_chances`.
    findings : tuple of Finding
        To be kept with the result.

    Returns
    -------
    ExposureHistory

    Raises
    ------
    InputError, RefusedError, ValueRangeError, UnsupportedFeatureError, ModelError
        As :func:`simulate_exposure`.
    """
    n, days = len(chances.aim), np.asarray(visit_days, dtype=np.float64)
    visits = len(days)
    actual = np.broadcast_to(days, (n, visits)) if actual_days is None else np.asarray(actual_days, dtype=np.float64)
    count_doses(plan, days, actual)
    covariates = subject_covariates(model, plan, cohort_columns, actual, load_practice(), overrides=overrides)
    follows = (DAILY_DOSE,) if covariates.follows_dose else ()
    kinetics = split_kinetics(read_kinetics(model), (*covariates.changing, *model.between_occasion.names, *follows))
    grid = make_dose_grid(plan)
    first, more = _first_dose(plan, cohort_columns, grid, n, dose_before_mg_per_day)
    setting = BlockSetting(
        plan=plan,
        model=model,
        kinetics=kinetics,
        grid=grid,
        visit_day=days,
        measured=np.ones(visits, dtype=bool) if measured is None else np.asarray(measured, dtype=bool),
        with_area=with_area,
        covariates=covariates,
        chances=chances,
        due=np.rint(actual * 24.0 / plan.interval_h).astype(np.int64),
        start=_dose_times(plan, plan.start_day if start_day is None else start_day, n),
        stop=_dose_times(plan, plan.stop_day if stop_day is None else stop_day, n),
        missed=missed_share(plan, chances.adherence),
        aim_ratio=plan.departure.aim_ratio * np.exp(plan.departure.aim_sd_log * chances.aim),
        first_dose_mg=first,
    )
    arrays = _unfilled(n, visits)
    totals = np.zeros((2, n))
    for begin in range(0, n, _BLOCK):
        block = slice(begin, min(begin + _BLOCK, n))
        totals[:, block] = run_block(setting.rows(block), arrays.rows(block))
    for filled in (totals, *(getattr(arrays, field.name) for field in fields(VisitArrays))):
        filled.flags.writeable = False
    return ExposureHistory(
        compound=plan.compound,
        model=model.name,
        visit_day=days,
        actual_day=actual,
        **{field.name: getattr(arrays, field.name) for field in fields(VisitArrays)},
        doses_due=totals[0],
        doses_taken=totals[1],
        aim_ratio=setting.aim_ratio,
        outside_limits=covariates.outside,
        level_hour=plan.sampling.hours_after_dose,
        findings=(*findings, *covariates.findings, *more),
    )


def _unfilled(n: int, visits: int) -> VisitArrays:
    zeros, unknown, none = np.zeros((n, visits)), np.full((n, visits), np.nan), np.zeros((n, visits), dtype=np.int8)
    return VisitArrays(
        sampling_day=unknown,
        trough_true_ng_per_ml=zeros,
        trough_measured_ng_per_ml=unknown.copy(),
        sample=none,
        auc_ng_h_per_ml=unknown.copy(),
        dose_mg_per_day=zeros.copy(),
        asked_mg_per_day=unknown.copy(),
        decision=none.copy(),
    )


def _dose_times(plan: DrugPlan, day: ArrayLike, n: int) -> Whole:
    """First dosing time at or after a day; far beyond the end where there is none."""
    if np.isnan(day).any() or (np.asarray(day) < 0).any():
        raise ValueRangeError(f"{plan.compound}, start_day or stop_day", day, "days of 0 or more", "correct the days")
    index = np.ceil(np.asarray(day, dtype=np.float64) * 24.0 / plan.interval_h - 1e-9)
    return np.broadcast_to(np.minimum(index, 1e9).astype(np.int64), (n,))


def _first_dose(
    plan: DrugPlan, columns: Mapping[str, ArrayLike], grid: DoseGrid, n: int, before: ArrayLike | None
) -> tuple[Floats, tuple[Finding, ...]]:
    """First dose of one administration of each subject, as the strengths make it up."""
    first = plan.start_dose
    a_day = np.full(n, first.amount) if np.isnan(first.carried) else first.carried * _doses_before(plan, before, n)
    amount = a_day / (24.0 / plan.interval_h if first.per == "day" else 1.0)
    names = [name for name, _ in first.factors] + (["WT"] if first.unit == "mg/kg" else [])
    for name in names:
        if name not in columns:
            where = f"{plan.compound}, start dose"
            raise InputError(where, f"columns {', '.join(columns)}", f"a column {name}", "add it to the cohort")
    if first.unit == "mg/kg":
        amount *= np.asarray(columns["WT"], dtype=np.float64).reshape(n, -1)[:, 0]
    for name, factor in first.factors:
        amount *= np.where(np.asarray(columns[name], dtype=np.float64).reshape(n, -1)[:, 0] > 0.5, factor, 1.0)
    capped = amount > grid.largest_mg * (1.0 + 1e-9)
    if not capped.any():
        return round_doses(grid, amount), ()
    got = f"{amount.max():.3g} mg, above the cap in {capped.mean():.1%} of subjects"
    where = f"{plan.compound}, start dose"
    allowed = f"up to {grid.largest_mg:g} mg a dose"
    return round_doses(grid, amount), (Finding("start-dose", Severity.WARNING, where, got, allowed, "capped"),)


def _doses_before(plan: DrugPlan, before: ArrayLike | None, n: int) -> Floats:
    if before is None:
        where, do = f"{plan.compound}, start dose", "give dose_before_mg_per_day"
        raise InputError(where, "carried over, but no dose before", "the daily dose of the plan before", do)
    return np.broadcast_to(np.asarray(before, dtype=np.float64), (n,))
