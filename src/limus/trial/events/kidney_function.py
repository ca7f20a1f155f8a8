"""Kidney function and laboratory values at visits.

eGFR of a subject at day t::

    (plateau + donor + delayed function + regimen(t) + slope t) (1 - exp(-t / recovery)) b + drops since events

times a log-normal error. b is the subject's own factor, log-normal of mean 1: trials report a standard deviation of a
third of the mean, and a long upper tail. The regimen's part follows its target with one time constant and fades after
discontinuation. Creatinine is what the four-variable MDRD equation gives back from eGFR, and Cockcroft and Gault's
clearance is computed from that creatinine, so the two measures of one subject agree but are never the same.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from limus.trial.design.design import Design
from limus.trial.design.hazard_library import HazardLibrary
from limus.trial.events.events import DISCONTINUATION, GRAFT_LOSS, Events, Numbers
from limus.trial.events.rates import RateContext

__all__ = ["cockcroft_gault", "creatinine_from_egfr", "regimen_course", "simulate_kidney", "simulate_laboratory"]

Floats = NDArray[np.float64]
_YEAR = 365.0
_REGIMEN = ("ciclosporin", "no_calcineurin_inhibitor", "mtor_for_mycophenolate")


def regimen_course(context: RateContext, feature: str, onset_days: float) -> Floats:
    """Return how far a feature's effect has come at the edges of the common cells, for each arm.

    ``dx/dt = (target - x) / onset`` with the feature (0 or 1) as target, solved exactly cell by cell.

    Parameters
    ----------
    context : RateContext
    feature : str
    onset_days : float

    Returns
    -------
    (A, G + 1) array
        Between 0 and 1.
    """
    target = context.features[feature].astype(np.float64)
    fade = np.exp(-np.diff(context.edges) / onset_days)
    course = np.zeros((len(target), len(context.edges)))
    for g in range(target.shape[1]):
        course[:, g + 1] = target[:, g] + (course[:, g] - target[:, g]) * fade[g]
    return course


def _effect_at(context: RateContext, course: Floats, onset_days: float, days: Floats, stop: Floats) -> Floats:
    """Effect of a feature for each subject at days (N, V), fading after the subject's stop (N,)."""
    until = np.minimum(days, stop[:, None])
    level = np.zeros(days.shape)
    for a in range(len(course)):
        rows = context.arm == a
        level[rows] = np.interp(until[rows], context.edges, course[a])
    return np.asarray(level * np.exp(-(days - until) / onset_days))


def simulate_kidney(
    design: Design, context: RateContext, events: Events, days: Floats, numbers: Numbers
) -> dict[str, Floats]:
    """Draw eGFR, creatinine and creatinine clearance at visits.

    Parameters
    ----------
    design : Design
    context : RateContext
    events : Events
    days : (N, V) array
        Actual days of the visits.
    numbers : Numbers

    Returns
    -------
    dict of str to (N, V) array
        ``egfr`` mL/min/1.73 m2, ``creatinine`` umol/L, ``creatinine clearance`` mL/min; NaN after the end of
        follow-up and after graft loss.
    """
    p, columns = context.scenario.hazards.kidney, context.columns
    count = len(context.arm)
    subject = numbers.standard_normal((count, 2))
    noise = numbers.standard_normal(days.shape)
    plateau = p["plateau"] + p["donor_age_slope"] * (columns["DONOR_AGE"] - 47.0)
    plateau = plateau + p["living_donor"] * columns["DONOR_LIVING"] + p["delayed_function"] * columns["DGF"]
    slope = (p["slope_per_year"] + p["slope_sd_per_year"] * subject[:, 1]) / _YEAR
    stop = events.unobserved[DISCONTINUATION]
    value = plateau[:, None] + slope[:, None] * days
    for feature in _REGIMEN:
        course = regimen_course(context, feature, p["effect_onset_days"])
        value += p[feature] * _effect_at(context, course, p["effect_onset_days"], days, stop)
    value *= _mean_one(p["between_subject_cv_percent"], subject[:, :1])
    if "kidney" in context.arm_factors:
        value += context.arm_factors["kidney"][context.arm][:, None]
    recovery = np.where(columns["DGF"] == 1, p["recovery_days_delayed"], p["recovery_days"])
    value *= -np.expm1(-np.maximum(days, 0.0) / recovery[:, None])
    for event, drop in (("rejection", "rejection_drop"), ("bkv", "bkv_drop")):
        value += p[drop] * (days > events.unobserved[event][:, None])
    value = np.maximum(value, p["lowest"]) * _mean_one(p["within_subject_cv_percent"], noise)
    gone = (days > events.end_day[:, None]) | (days > events.day[GRAFT_LOSS][:, None])
    egfr = np.where(gone, np.nan, value)
    creatinine = creatinine_from_egfr(context.scenario.hazards, egfr, columns)
    clearance = cockcroft_gault(context.scenario.hazards, creatinine, columns)
    return {"egfr": egfr, "creatinine": creatinine, "creatinine clearance": clearance}


def _mean_one(cv_percent: float, normal: Floats) -> Floats:
    """Log-normal factors of mean 1 with a coefficient of variation, from standard normal numbers."""
    spread = np.sqrt(np.log1p((cv_percent / 100) ** 2))
    return np.asarray(np.exp(spread * normal - spread**2 / 2))


def creatinine_from_egfr(hazards: HazardLibrary, egfr: Floats, columns: Mapping[str, Floats]) -> Floats:
    """Turn eGFR back into serum creatinine by the four-variable MDRD equation.

    Parameters
    ----------
    hazards : HazardLibrary
        Holds the equation's numbers.
    egfr : (N, V) array
        mL/min/1.73 m2.
    columns : mapping of str to (N,) array
        ``AGE`` years, ``SEX`` (1 female), ``BLACK``.

    Returns
    -------
    (N, V) array
        umol/L.
    """
    p = hazards.kidney
    scale = p["mdrd_factor"] * columns["AGE"] ** p["mdrd_age"]
    scale = scale * np.where(columns["SEX"] == 1, p["mdrd_female"], 1.0)
    scale = scale * np.where(columns["BLACK"] == 1, p["mdrd_black"], 1.0)
    return np.asarray((egfr / scale[:, None]) ** (1 / p["mdrd_creatinine"]) * p["creatinine_umol_per_mg"])


def cockcroft_gault(hazards: HazardLibrary, creatinine: Floats, columns: Mapping[str, Floats]) -> Floats:
    """Return the creatinine clearance by Cockcroft and Gault.

    Parameters
    ----------
    hazards : HazardLibrary
    creatinine : (N, V) array
        umol/L.
    columns : mapping of str to (N,) array
        ``AGE`` years, ``WT`` kg, ``SEX`` (1 female).

    Returns
    -------
    (N, V) array
        mL/min, not scaled to body surface.
    """
    p = hazards.kidney
    factor = (p["cockcroft_age"] - columns["AGE"]) * columns["WT"] / p["cockcroft_divisor"]
    factor = factor * np.where(columns["SEX"] == 1, p["cockcroft_female"], 1.0)
    return np.asarray(factor[:, None] * p["creatinine_umol_per_mg"] / creatinine)


def simulate_laboratory(context: RateContext, events: Events, days: Floats, numbers: Numbers) -> dict[str, Floats]:
    """Draw laboratory values at visits: mean of the regimen, spread between and within subjects.

    Parameters
    ----------
    context : RateContext
    events : Events
    days : (N, V) array
    numbers : Numbers

    Returns
    -------
    dict of str to (N, V) array
        In the units of the library; NaN after the end of follow-up.
    """
    library = context.scenario.hazards
    onset = library.kidney["effect_onset_days"]
    gone = days > events.end_day[:, None]
    found = {}
    for name, value in library.laboratory.items():
        between = numbers.standard_normal((len(context.arm), 1))
        level = value.mean + value.between_sd * between + value.within_sd * numbers.standard_normal(days.shape)
        for feature, effect in value.effects.items():
            course = regimen_course(context, feature, onset)
            level = level + effect * _effect_at(context, course, onset, days, events.unobserved[DISCONTINUATION])
        found[name] = np.where(gone, np.nan, np.maximum(level, value.lower))
    return found
