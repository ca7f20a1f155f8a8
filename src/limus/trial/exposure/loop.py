"""The titration loop of a block of subjects: propagate, measure, decide, from visit to visit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ModelError
from limus.kernel.language import evaluate_arrays
from limus.pharmacokinetics.population_model.residual_error import residual_variance
from limus.trial.exposure.block import BlockSetting, VisitArrays
from limus.trial.exposure.chances import DOSE_CHANCES
from limus.trial.exposure.covariates import DAILY_DOSE
from limus.trial.exposure.history import Decision, Sample
from limus.trial.exposure.kinetics import SplitKinetics, evaluate_kinetics
from limus.trial.exposure.propagation import propagate
from limus.trial.exposure.rates import DoseRun, Interval, Rates, add_rows, make_rates
from limus.trial.exposure.titration import Decided, decide_doses

__all__ = ["run_block"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Whole = NDArray[np.int64]
_EARLY, _LATE = 6, 8  # nodes of the area under a level that is not proportional to the central amount


@dataclass(eq=False)
class _Now:
    """Where B subjects stand.

    Attributes
    ----------
    amounts : (n + 2, B) array
        In the body, mg.
    dose_mg : (B,) array
        Of one administration, in force or to be resumed.
    held : (B,) array of bool
        Without the drug until the next decision.
    resume : (B,) array of int
        Dosing time before which a hold lasts.
    visit : (B,) array of int
        Dosing time of the visit before.
    doses : (2, B) array
        Doses that were due, and taken.
    """

    amounts: Floats
    dose_mg: Floats
    held: Flags
    resume: Whole
    visit: Whole
    doses: Floats


@dataclass(frozen=True, eq=False)
class _Levels:
    """Levels of B subjects about a visit, ng/mL; area in ng h/mL of a dosing interval; times in h after the dose."""

    trough: Floats
    sampled: Floats
    area: Floats
    sampled_after_h: Floats
    values: Mapping[str, Floats]


def run_block(setting: BlockSetting, arrays: VisitArrays) -> Floats:
    """Run the loop for a block of subjects.

    Parameters
    ----------
    setting : BlockSetting
    arrays : VisitArrays
        Filled here.

    Returns
    -------
    (2, B) array
        Doses that were due, and taken.

    Raises
    ------
    ModelError
        Covariates make a rate constant of the model impossible.
    """
    split, count = setting.kinetics, len(setting.start)
    known = dict(setting.covariates.constant) | dict(setting.chances.between_subject)
    with np.errstate(under="ignore"):
        known = evaluate_kinetics(split.once, known)
        now = _Now(
            amounts=np.zeros((split.kinetics.steps + 2, count)),
            dose_mg=setting.first_dose_mg.copy(),
            held=np.zeros(count, dtype=bool),
            resume=np.zeros(count, dtype=np.int64),
            visit=np.zeros(count, dtype=np.int64),
            doses=np.zeros((2, count)),
        )
        for v in range(len(setting.visit_day)):
            levels = _to_visit(setting, known, now, v)
            reported = _measure(setting, levels, arrays, v)
            _decide(setting, now, reported, arrays, v)
            now.visit = setting.due[:, v]
    return now.doses


# ---- levels


def _to_visit(setting: BlockSetting, known: Mapping[str, Floats], now: _Now, v: int) -> _Levels | None:
    """Carry the body to a visit; None where nobody has had the drug yet."""
    doses = _doses_until(setting, now, v)
    if doses is None:
        return None
    split, kinetics = setting.kinetics, setting.kinetics.kinetics
    tau, count = setting.plan.interval_h, len(now.visit)
    values = dict(known)
    values |= {name: array[:, v] for name, array in setting.covariates.changing.items()}
    values |= {name: array[:, v] for name, array in setting.chances.between_occasion.items()}
    if setting.covariates.follows_dose:
        limits = setting.model.covariates[DAILY_DOSE]
        values[DAILY_DOSE] = np.clip(now.dose_mg * 24.0 / tau, limits.lower, limits.upper)
    values = evaluate_kinetics(split.each_time, values)
    _refuse_impossible(setting, values)
    reaching = now.dose_mg * (kinetics.salt_factor * values["bioavailability"])
    hours = setting.plan.sampling.hours_after_dose
    after = (tau if np.isnan(hours) else hours) + setting.plan.sampling.sampling_time_sd_h * (
        setting.chances.sampling_time[:, v]
    )
    after = np.maximum(after, 0.0)
    rates = make_rates(values, kinetics.steps, count)
    by_nodes = setting.with_area and not kinetics.linear
    nodes, weights = _area_nodes(tau, rates) if by_nodes else (np.empty((0, count)), np.empty((0, count)))
    wanted = [after, *(rates.lag_h + nodes)]
    found = propagate(rates, now.amounts, replace(doses, dose_mg=reaching), wanted)
    now.amounts = found.amounts
    trough, sampled = (_level(split, values, one) for one in (found.amounts[kinetics.steps], found.central[0]))
    return _Levels(trough, sampled, _area(split, values, found, weights), after, values)


def _refuse_impossible(setting: BlockSetting, values: Mapping[str, Floats]) -> None:
    """Rate constants must be positive: a covariate far outside a model can turn a clearance negative."""
    for name in ("absorption", "elimination"):
        bad = ~(np.isfinite(values[name]) & (values[name] > 0))
        if bad.any():
            where = f"model {setting.model.name}, rate constant of {name}"
            got = f"{values[name][bad].min():g} per h in {int(bad.sum())} subjects"
            raise ModelError(where, got, "numbers above 0", "check the cohort's covariates against the model's limits")


def _level(split: SplitKinetics, values: Mapping[str, Floats], central: Floats) -> Floats:
    """Level in ng/mL of central amounts in mg."""
    central = np.maximum(central, 0.0)  # rounding can leave -1e-20
    if split.kinetics.linear:
        return np.asarray(central * values["level_per_mg"])
    return evaluate_arrays(split.level, {**values, split.kinetics.central: central})


def _area_nodes(interval_h: float, rates: Rates) -> tuple[Floats, Floats]:
    """Times after a dose's entry and weights of Gauss and Legendre's rule, (T, B).

    One rule to the end of the absorption, (n + 1)/k, one from there in the logarithm of time: within 4e-4 of the area
    in 3,000 subjects of either model with binding to red cells.
    """
    turn = np.minimum((rates.steps + 1.0) / rates.absorption, 0.5 * interval_h)
    (x, w), (y, v) = (np.polynomial.legendre.leggauss(count) for count in (_EARLY, _LATE))
    x, w, y, v = 0.5 * (x + 1.0)[:, None], 0.5 * w[:, None], 0.5 * (y + 1.0)[:, None], 0.5 * v[:, None]
    span = np.log(interval_h / turn)
    late = turn * np.exp(span * y)
    return np.concatenate([turn * x, late]), np.concatenate([turn * w, span * late * v])


def _area(split: SplitKinetics, values: Mapping[str, Floats], found: Interval, weights: Floats) -> Floats:
    if split.kinetics.linear:
        return np.asarray(found.area * values["level_per_mg"])
    return add_rows(weights * _level(split, values, found.central[1:]))


def _doses_until(setting: BlockSetting, now: _Now, v: int) -> DoseRun | None:
    """Doses since the visit before; None where there were none and the body holds nothing."""
    due, count = setting.due[:, v], setting.due[:, v] - now.visit
    most = int(count.max())
    first = np.maximum(np.maximum(setting.start, now.resume), now.visit)
    given = np.clip(np.minimum(setting.stop, due) - first, 0, None)
    if most == 0 or (not given.any() and not now.amounts.any()):
        return None
    now.doses[0] += given
    alike = bool((count == most).all())
    chance = setting.chances.dose
    if alike and chance is None and bool((given == most).all()):
        now.doses[1] += given
        return DoseRun(now.dose_mg, setting.plan.interval_h, count, most, None)
    taken = np.ones((most, len(due)), dtype=bool)
    index = None if bool((given == most).all()) else due - 1 - np.arange(most)[:, None]
    if index is not None:
        taken = (index >= first) & (index < setting.stop)
    if chance is not None:
        limit = np.minimum(setting.missed * DOSE_CHANCES, DOSE_CHANCES - 1).astype(np.uint16)
        same = bool((due == due[0]).all())
        if same:
            drawn = chance[int(due[0]) - most : int(due[0])][::-1]
        else:
            places = np.maximum(due - 1 - np.arange(most)[:, None], 0)
            drawn = np.take_along_axis(chance, places, axis=0)
        taken &= drawn >= limit
    now.doses[1] += taken.sum(axis=0)
    return DoseRun(now.dose_mg, setting.plan.interval_h, count, most, taken)


# ---- measurement


def _measure(setting: BlockSetting, levels: _Levels | None, arrays: VisitArrays, v: int) -> Floats:
    """Fill what is measured at a visit; return what the rule sees, NaN where there is no level."""
    due, sampling = setting.due[:, v], setting.plan.sampling
    seen = np.full(len(due), np.nan)
    if levels is None:
        return seen
    arrays.trough_true_ng_per_ml[:, v] = levels.trough
    if setting.with_area:
        arrays.auc_ng_h_per_ml[:, v] = levels.area * (24.0 / setting.plan.interval_h)
    planned = (due > setting.start) & (due <= setting.stop) & bool(setting.measured[v])
    if not planned.any():
        return seen
    there = planned & (setting.chances.missed_level[:, v] >= sampling.missed_level_probability)
    reported = _report(setting, levels, v)
    low = reported < sampling.lower_limit_ng_per_ml
    arrays.sample[:, v] = np.where(there, np.where(low, Sample.BELOW_LIMIT, Sample.MEASURED), Sample.MISSED)
    arrays.sample[~planned, v] = Sample.NOT_PLANNED
    arrays.trough_measured_ng_per_ml[:, v] = np.where(there & ~low, reported, np.nan)
    tau = setting.plan.interval_h
    taken_at = ((due - 1) * tau + levels.sampled_after_h) / 24.0
    arrays.sampling_day[:, v] = np.where(there, taken_at, np.nan)
    return np.where(there, np.where(low, 0.5 * sampling.lower_limit_ng_per_ml, reported), np.nan)


def _report(setting: BlockSetting, levels: _Levels, v: int) -> Floats:
    """What the laboratory reports, ng/mL: the level, its variation from day to day, the assay."""
    sampling, unit = setting.plan.sampling, setting.kinetics.kinetics.ng_per_ml
    level, cv = levels.sampled, sampling.assay_cv_percent / 100.0
    if sampling.residual_fraction > 0.0:
        error = setting.model.residual
        own = {name: levels.values[name] for name in setting.model.covariates if name in levels.values}
        total = residual_variance(setting.model, level / unit, own)
        rest = total - (cv**2 if error.on_logarithm else (cv * level / unit) ** 2)
        change = np.sqrt(sampling.residual_fraction * np.maximum(rest, 0.0)) * setting.chances.residual[:, v]
        level = level * np.exp(change) if error.on_logarithm else np.maximum(level + unit * change, 0.0)
    return np.asarray(np.maximum(level * (1.0 + cv * setting.chances.assay[:, v]), 0.0))


# ---- decisions


def _decide(setting: BlockSetting, now: _Now, seen: Floats, arrays: VisitArrays, v: int) -> None:
    """Decide doses at a visit, and write down what was decided."""
    plan, due = setting.plan, setting.due[:, v]
    last = v + 1 == len(setting.visit_day)
    following = np.full_like(due, np.iinfo(np.int64).max) if last else setting.due[:, v + 1]
    asked = (due > setting.start) & (due < setting.stop) & bool(setting.measured[v])
    decision = np.zeros(len(due), dtype=np.int8)
    if asked.any():
        found = decide_doses(
            plan,
            plan.window_at(float(setting.visit_day[v])),
            setting.grid,
            dose_mg=now.dose_mg,
            held=now.held,
            level_ng_per_ml=seen,
            aim_ratio=setting.aim_ratio,
            chance=setting.chances.no_change[:, v],
        )
        decision = np.where(asked, found.decision, decision)
        arrays.asked_mg_per_day[:, v] = np.where(asked, found.asked_mg * 24.0 / plan.interval_h, np.nan)
        _follow(setting, now, found, asked, due)
    starts = (due <= setting.start) & (setting.start < following) & (setting.start < setting.stop)
    stops = (now.visit < setting.stop) & (setting.stop <= due) & (setting.start < setting.stop)
    decision[starts] = Decision.STARTED
    decision[stops] = Decision.STOPPED
    arrays.decision[:, v] = decision
    in_force = (starts | (due > setting.start)) & (due < setting.stop) & ~now.held
    arrays.dose_mg_per_day[:, v] = np.where(in_force, now.dose_mg * 24.0 / plan.interval_h, 0.0)


def _follow(setting: BlockSetting, now: _Now, found: Decided, asked: Flags, due: Whole) -> None:
    """Put decisions in force."""
    now.dose_mg = np.where(asked, found.dose_mg, now.dose_mg)
    held = asked & found.held
    length = setting.plan.rule.hold_days * 24.0 / setting.plan.interval_h
    if np.isinf(length):
        now.held = np.where(asked, found.held, now.held)
        now.resume = np.where(now.held, np.iinfo(np.int64).max, np.where(asked, 0, now.resume))
    else:
        now.resume = np.where(held, due + int(np.ceil(length)), now.resume)
