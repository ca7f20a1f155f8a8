"""Which dose most probably reaches a target: every dose that capsules make up, looked at under the posterior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import NothingSucceededError, ValueRangeError
from limus.kernel.execution import Execution
from limus.patient.capsules import capsules_in_words, makeable_doses
from limus.patient.estimate import PatientEstimate
from limus.patient.future_exposure import DrawnExposure, expose_draws, is_proportional
from limus.patient.targets import Target
from limus.patient.weighted import weighted_quantiles

__all__ = ["CandidateDose", "DoseSearch", "search_doses"]

Floats = NDArray[np.float64]
_MOST = 60  # doses looked at
_PROBES = 9  # doses at which a model that is not proportional is solved first
_FEWER_DRAWS = 400  # for such a model, where every dose is a simulation
_BAND = (0.05, 0.5, 0.95)


@dataclass(frozen=True, eq=False)
class CandidateDose:
    """A dose and what it would do.

    Attributes
    ----------
    dose_mg, interval_h, daily_mg : float
    capsules : str
    trough, auc, cmax : (3,) array
        5th, 50th and 95th percentile.
    probability_percent : float
        That the target is met by the level in blood.
    below_percent, above_percent : float
        That it is missed on either side.
    measured_percent : float
        That a measured trough would lie in the range, residual error included; NaN for a target of the area.
    standard_error_percent : float
        Of the probability, by the number of draws.
    """

    dose_mg: float
    interval_h: float
    daily_mg: float
    capsules: str
    trough: Floats
    auc: Floats
    cmax: Floats
    probability_percent: float
    below_percent: float
    above_percent: float
    measured_percent: float
    standard_error_percent: float


@dataclass(frozen=True, eq=False)
class DoseSearch:
    """All candidates, by dose.

    Attributes
    ----------
    candidates : tuple of CandidateDose
    best : int
        Place of the one that most probably meets the target.
    limited : bool
        Whether the best stands at the limit, so that a larger dose might do better.
    """

    candidates: tuple[CandidateDose, ...]
    best: int
    limited: bool


def search_doses(
    estimates: Sequence[PatientEstimate],
    weights: Sequence[float],
    target: Target,
    *,
    strengths_mg: Sequence[float],
    interval_h: float,
    most_mg: float,
    after_h: float | None = None,
    seed: int = 1,
    execution: Execution | None = None,
) -> DoseSearch:
    """Find the dose that most probably meets a target.

    Parameters
    ----------
    estimates : sequence of PatientEstimate
        Of one patient, one a model.
    weights : sequence of float
        Of the models, their sum 1.
    target : Target
    strengths_mg : sequence of float
        Of the capsules.
    interval_h : float
    most_mg : float
        Largest dose looked at, each time.
    after_h : float, optional
        As :func:`limus.patient.future_exposure.expose_draws`.
    seed : int
    execution : Execution, optional

    Returns
    -------
    DoseSearch

    Raises
    ------
    ValueRangeError
        A limit below the smallest capsule.
    NothingSucceededError
        No draw of any model could be solved.
    """
    every = np.array(makeable_doses(strengths_mg, most_mg))
    if not len(every):
        allowed = f"{min(strengths_mg):g} mg, the smallest capsule, or more"
        raise ValueRangeError("largest dose", f"{most_mg:g} mg", allowed, "raise the limit, or give smaller strengths")
    doses = _worth_a_look(estimates, weights, every, interval_h, target, after_h, seed, execution)
    exposures = [_expose(e, doses, interval_h, after_h, seed, execution) for e in estimates]
    candidates = tuple(
        _candidate(float(dose), k, interval_h, strengths_mg, exposures, weights, target) for k, dose in enumerate(doses)
    )
    chances = np.array([one.probability_percent for one in candidates])
    if not np.isfinite(chances).any():
        raise NothingSucceededError("dose search", "no draw could be solved", "a finite level", "check the covariates")
    # where no dose has a chance, the nearest; where several have the same, the one in the middle
    away = np.array([abs(getattr(one, target.measure)[1] - target.middle) for one in candidates])
    best = int(np.lexsort((away, -np.nan_to_num(chances, nan=-1.0)))[0])
    limited = candidates[best].dose_mg == float(every[-1]) and candidates[best].below_percent > 10.0
    return DoseSearch(candidates, best, limited)


def _expose(
    estimate: PatientEstimate,
    doses: Floats,
    interval_h: float,
    after_h: float | None,
    seed: int,
    execution: Execution | None,
) -> DrawnExposure:
    cheap = is_proportional(estimate.model) and after_h is None
    most = 10**9 if cheap else _FEWER_DRAWS
    return expose_draws(estimate, doses, interval_h, after_h=after_h, most_draws=most, seed=seed, execution=execution)


def _worth_a_look(
    estimates: Sequence[PatientEstimate],
    weights: Sequence[float],
    every: Floats,
    interval_h: float,
    target: Target,
    after_h: float | None,
    seed: int,
    execution: Execution | None,
) -> Floats:
    """Doses around those that reach the target, where there are many or each is a simulation."""
    if len(every) <= _PROBES:
        return every
    probes = every[np.unique(np.round(np.linspace(0, len(every) - 1, _PROBES)).astype(int))]
    middle = np.zeros(len(probes))
    for estimate, weight in zip(estimates, weights, strict=True):
        drawn = _expose(estimate, probes, interval_h, after_h, seed, execution)
        middle += weight * np.nanmedian(getattr(drawn, target.measure), axis=1)
    low, high = (float(np.interp(limit, middle, probes)) for limit in (0.4 * target.lower, 2.0 * target.upper))
    inside = every[(every >= low) & (every <= high)]
    inside = inside if len(inside) else every
    return inside[np.unique(np.round(np.linspace(0, len(inside) - 1, min(len(inside), _MOST))).astype(int))]


def _candidate(
    dose: float,
    k: int,
    interval_h: float,
    strengths_mg: Sequence[float],
    exposures: Sequence[DrawnExposure],
    weights: Sequence[float],
    target: Target,
) -> CandidateDose:
    pooled = {}
    for name in ("trough", "auc", "cmax", "measured_trough"):
        parts = [getattr(one, name)[k] for one in exposures]
        known = [part[np.isfinite(part)] for part in parts]
        shares = [np.full(len(part), weight / max(len(part), 1)) for part, weight in zip(known, weights, strict=True)]
        pooled[name] = np.concatenate(known), np.concatenate(shares)
    values, shares_ = pooled[target.measure]
    total = float(shares_.sum())
    below = float(shares_[values < target.lower].sum()) / total if total > 0.0 else np.nan
    above = float(shares_[values > target.upper].sum()) / total if total > 0.0 else np.nan
    measured, measured_shares = pooled["measured_trough"]
    inside = (measured >= target.lower) & (measured <= target.upper)
    chance = 1.0 - below - above
    effective = 1.0 / float(((shares_ / total) ** 2).sum()) if total > 0.0 else np.nan
    return CandidateDose(
        dose_mg=dose,
        interval_h=interval_h,
        daily_mg=dose * 24.0 / interval_h,
        capsules=capsules_in_words(dose, strengths_mg),
        trough=weighted_quantiles(*pooled["trough"], _BAND),
        auc=weighted_quantiles(*pooled["auc"], _BAND),
        cmax=weighted_quantiles(*pooled["cmax"], _BAND),
        probability_percent=100.0 * chance,
        below_percent=100.0 * below,
        above_percent=100.0 * above,
        measured_percent=100.0 * float(measured_shares[inside].sum()) / float(measured_shares.sum())
        if target.measure == "trough" and measured_shares.sum() > 0
        else np.nan,
        standard_error_percent=100.0 * float(np.sqrt(max(chance * (1.0 - chance), 0.0) / effective)),
    )
