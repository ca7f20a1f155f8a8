r"""The clinician's departure from a protocol, fitted to the troughs that a trial reported beside its window.

Two numbers are identifiable from a day's percentiles: the multiple of the protocol's aim from the median, and the
spread of that multiple between clinicians from :math:`\ln(P_{90}/P_{10})`. How often a change is not made is not, and
is taken as given. Random numbers are the same at every trial value, so the fit is smooth and can be made again.
Days and trials that are not used are predicted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import InputError
from limus.kernel.execution import spawn_generators
from limus.kernel.provenance import Kind
from limus.trial.calibration.observed_troughs import ObservedTroughs, find_troughs, observed_troughs
from limus.trial.design.population import load_population
from limus.trial.design.titration_library import load_departure
from limus.trial.design.treatment import Departure, Origin
from limus.trial.exposure.history import ExposureHistory
from limus.trial.exposure.simulate import simulate_exposure
from limus.trial.simulation.cohort import draw_covariates

__all__ = [
    "DepartureFit",
    "TroughPrediction",
    "fit_departure",
    "library_departure_gap",
    "predict_troughs",
]

Floats = NDArray[np.float64]
_POPULATION = "kidney_de_novo"
_NO_CHANGE = 0.15  # assumed chance that a change is not made; not identifiable from one day's percentiles
_SUBJECTS = 20_000
_STEP = 0.1  # of the slopes: capsules make levels jump, so small steps see nothing
_OVERRIDES = ("age", "WT", "weight", "HCT")  # the population is wider than single models' cohorts


@dataclass(frozen=True, slots=True)
class TroughPrediction:
    """Observed and predicted P10, median and P90 of one day, ng/mL; NaN where a trial did not report it."""

    name: str
    trial: str
    day: float
    used: bool
    observed: tuple[float, float, float]
    predicted: tuple[float, float, float]

    @property
    def ratios(self) -> tuple[float, float, float]:
        """Predicted over observed P10, median and P90."""
        low, middle, high = (p / o for p, o in zip(self.predicted, self.observed, strict=True))
        return low, middle, high


@dataclass(frozen=True, eq=False)
class DepartureFit:
    """A fitted departure.

    Attributes
    ----------
    departure : Departure
    objective : float
        Sum of squared log ratios of what was fitted; 0 is exact.
    at_bound : bool
        The spread between clinicians came out 0: the model's own spread is already wider than the trial's.
    evaluations : int
    subjects, seed : int
    """

    departure: Departure
    objective: float
    at_bound: bool
    evaluations: int
    subjects: int
    seed: int


def fit_departure(name: str, *, subjects: int = _SUBJECTS, seed: int = 1) -> DepartureFit:
    """Fit the clinician's departure to the levels of a trial that are marked as used.

    Parameters
    ----------
    name : str
        In ``library/titration/troughs.toml``, such as ``symphony``.
    subjects : int
        Simulated at each evaluation.
    seed : int

    Returns
    -------
    DepartureFit

    Raises
    ------
    UnknownNameError
        No such trial.
    InputError
        None of its levels is marked as used, or one of these lacks a percentile.
    """
    from scipy.optimize import least_squares  # noqa: PLC0415

    trial = find_troughs(name)
    used = [level for level in trial.levels if level.used]
    wanted = np.array([[level.p10, level.p50, level.p90] for level in used])
    if not used or np.isnan(wanted).any():
        got = "no level" if not used else "a missing percentile"
        raise InputError(f"troughs of {name}", got, "used = true beside p10, p50 and p90", "complete the library")
    days = [level.day for level in used]
    columns = _cohort(subjects, seed)
    count = 0

    def gaps(parameters: Floats) -> Floats:
        nonlocal count
        count += 1
        departure = Departure(_NO_CHANGE, float(np.exp(parameters[0])), float(parameters[1]))
        found = _percentiles(_simulate(trial, departure, columns, seed), days)
        middle = np.log(found[:, 1] / wanted[:, 1])
        width = np.log(found[:, 2] / found[:, 0]) - np.log(wanted[:, 2] / wanted[:, 0])
        return np.concatenate([middle, width])

    def slopes(parameters: Floats) -> Floats:
        here = gaps(parameters)
        return np.stack([(gaps(parameters + step) - here) / _STEP for step in _STEP * np.eye(2)], axis=1)

    fit = least_squares(gaps, [0.1, 0.1], jac=slopes, bounds=([-2.0, 0.0], [2.0, 1.5]), xtol=1e-3, ftol=1e-6)
    fitted = Departure(_NO_CHANGE, float(np.exp(fit.x[0])), float(fit.x[1]), Origin(Kind.FITTED, trial.origin.source))
    return DepartureFit(fitted, float(2.0 * fit.cost), bool(fit.x[1] < 1e-3), count, subjects, seed)


def predict_troughs(
    departure: Departure, names: Sequence[str] = (), *, subjects: int = _SUBJECTS, seed: int = 2
) -> tuple[TroughPrediction, ...]:
    """Predict the troughs of trials under a departure, beside what they reported.

    Parameters
    ----------
    departure : Departure
    names : sequence of str
        All trials of the library by default.
    subjects, seed : int

    Returns
    -------
    tuple of TroughPrediction

    Raises
    ------
    UnknownNameError
        No such trial.
    """
    columns = _cohort(subjects, seed)
    rows = []
    for name in names or observed_troughs():
        trial = find_troughs(name)
        history = _simulate(trial, departure, columns, seed)
        found = _percentiles(history, [level.day for level in trial.levels])
        for level, (p10, p50, p90) in zip(trial.levels, found.tolist(), strict=True):
            seen = (level.p10, level.p50, level.p90)
            rows.append(TroughPrediction(name, trial.trial, level.day, level.used, seen, (p10, p50, p90)))
    return tuple(rows)


def _cohort(subjects: int, seed: int) -> dict[str, Floats]:
    population = load_population(_POPULATION)
    (generator,) = spawn_generators(seed, 1, stream="departure cohort")
    return draw_covariates(population, generator.standard_normal((subjects, len(population.names))))


def _simulate(trial: ObservedTroughs, departure: Departure, columns: dict[str, Floats], seed: int) -> ExposureHistory:
    (generator,) = spawn_generators(seed, 1, stream="departure exposure")
    plan = replace(trial.plan, departure=departure)
    return simulate_exposure(plan, columns, trial.days, generator, overrides=_OVERRIDES, with_area=False)


def _percentiles(history: ExposureHistory, days: Sequence[float]) -> Floats:
    """P10, median and P90 of the measured levels on some visit days, (D, 3)."""
    places = [int(np.flatnonzero(history.visit_day == day)[0]) for day in days]
    return np.nanpercentile(history.trough_measured_ng_per_ml[:, places], [10, 50, 90], axis=0).T


def library_departure_gap(*, subjects: int = _SUBJECTS, seed: int = 1) -> float:
    """Return how far the library's departure ``symphony`` lies from a fit made again.

    Parameters
    ----------
    subjects, seed : int

    Returns
    -------
    float
        Largest absolute difference of the logarithm of the aim, and of its spread.
    """
    kept, again = load_departure("symphony"), fit_departure("symphony", subjects=subjects, seed=seed).departure
    return max(abs(np.log(kept.aim_ratio / again.aim_ratio)), abs(kept.aim_sd_log - again.aim_sd_log))
