"""Calibration of totals to arms of published trials, and prediction of the trials that are left out.

Fitted are only totals that the rows tell apart: one level an endpoint for all trials, one ratio a change of regimen,
and a shift of each trial that is held near 0 by how much trials differ (``between_trials``). Slopes of exposure and
response are the scenario's and are never fitted. The fit minimises

``sum ((link(observed) - link(predicted)) / error)^2 + sum (shift / between_trials)^2``

with the binomial error of a risk on ln(-ln(1 - p)) and that of a mean. A trial that is not fitted is predicted with an
interval made of the parameters' covariance, a new trial's shift, and sampling of its arms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.execution import Execution, spawn_generators
from limus.trial.calibration.arm_predictions import ArmPredictor, linked, make_predictor, predict_arms, unlinked
from limus.trial.calibration.trial_arms import TrialArm, load_trial_arms
from limus.trial.design.hazard_library import HazardLibrary, with_values
from limus.trial.design.scenario import Scenario, load_scenario

__all__ = ["FITTED", "Calibration", "FittedParameter", "PredictedRow", "calibrate_trials"]

Floats = NDArray[np.float64]
FITTED = (
    "rejection.percent",
    "rejection.ciclosporin",
    "rejection.no_calcineurin_inhibitor",
    "rejection.mtor_for_mycophenolate",
    "graft loss.percent",
    "death.percent",
    "cmv.percent",
    "cmv.mtor_for_mycophenolate",
    "kidney.plateau",
    "kidney.ciclosporin",
    "kidney.no_calcineurin_inhibitor",
    "kidney.mtor_for_mycophenolate",
)
# a trial's own departure; those of an endpoint that only one fitted trial reports cannot be told from its level
SHIFTED = ("rejection", "kidney")
_DRAWS = 4000
_COVERED = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class FittedParameter:
    """A fitted total or ratio; ``standard_error`` of the logarithm (percent: of the log cumulative hazard)."""

    name: str
    unit: str
    start: float
    value: float
    standard_error: float


@dataclass(frozen=True, slots=True)
class PredictedRow:
    """A row, what the model says, and the 95 % interval in which a new trial's arm would lie."""

    arm: TrialArm
    predicted: float
    low: float
    high: float
    interval: str

    @property
    def inside(self) -> bool:
        """Whether the observation lies in the interval."""
        return self.low <= self.arm.observed <= self.high


@dataclass(frozen=True, eq=False)
class Calibration:
    """A calibration of one scenario.

    Attributes
    ----------
    scenario : str
    parameters : tuple of FittedParameter
    shifts : mapping of str to float
        ``DESIGN, ENDPOINT`` to the fitted departure of a trial.
    rows : tuple of PredictedRow
        All rows: fitted, checked, and those that a hazard was taken from.
    chi_square : float
    degrees_of_freedom : int
        Rows fitted less parameters; shifts count with their priors as rows.
    status : str
    """

    scenario: str
    parameters: tuple[FittedParameter, ...]
    shifts: Mapping[str, float]
    rows: tuple[PredictedRow, ...]
    chi_square: float
    degrees_of_freedom: int
    status: str

    def coverage(self, *, verified_only: bool = False) -> tuple[int, int]:
        """Return how many checked rows lie in their interval, and how many there are."""
        rows = [r for r in self.rows if r.arm.use == "check" and (r.arm.status == "verified" or not verified_only)]
        return sum(row.inside for row in rows), len(rows)


def calibrate_trials(
    scenario_name: str, *, subjects: int = 2000, execution: Execution | None = None, seed: int = 1
) -> Calibration:
    """Fit the totals of a scenario and predict every row.

    Parameters
    ----------
    scenario_name : str
    subjects : int
        Of the reference cohort of each design, in every arm.
    execution : Execution, optional
        Only its progress is used; the fit is one piece of work.
    seed : int
        Of predictive draws.

    Returns
    -------
    Calibration

    Raises
    ------
    UnknownNameError
        No such scenario.
    LimusError
        As :func:`limus.trial.calibration.arm_predictions.make_predictor`.
    """
    from scipy.optimize import least_squares  # noqa: PLC0415

    execution = execution or Execution(workers=1)
    scenario = load_scenario(scenario_name, with_fit=False)
    rows = load_trial_arms()
    designs = tuple(dict.fromkeys(row.design for row in rows))
    execution.progress.start("reference cohorts", len(designs))
    predictors: dict[str, ArmPredictor] = {}
    for name in designs:
        predictors[name] = make_predictor(name, scenario, subjects=subjects)
        execution.progress.advance()
    execution.progress.finish()
    used = [row for row in rows if row.use == "fit"]
    problem = _Problem(scenario, predictors, tuple(used))
    execution.progress.start("calibration", 0)

    def residuals(vector: Floats) -> Floats:
        execution.progress.advance()
        return problem.residuals(vector)

    steps = problem.steps

    def slopes_at(vector: Floats) -> Floats:
        return _jacobian(residuals, vector, steps)

    solution = least_squares(residuals, problem.start, jac=slopes_at, x_scale="jac", ftol=1e-3, xtol=1e-3, max_nfev=12)
    execution.progress.finish()
    slopes = np.asarray(solution.jac, dtype=np.float64)
    covariance = np.asarray(np.linalg.pinv(slopes.T @ slopes), dtype=np.float64)
    count = len(FITTED)
    jacobian = _jacobian(lambda vector: problem.links(vector, rows), solution.x, steps[:count])
    predicted = problem.links(solution.x, rows, shifted=False)
    hazards = problem.hazards(solution.x)
    return Calibration(
        scenario=scenario_name,
        parameters=tuple(
            FittedParameter(
                name,
                _unit(name),
                _value(name, float(problem.start[k])),
                _value(name, float(solution.x[k])),
                float(np.sqrt(covariance[k, k])),
            )
            for k, name in enumerate(FITTED)
        ),
        shifts={key: float(solution.x[count + k]) for k, key in enumerate(problem.shift_names)},
        rows=_predict(problem, hazards, rows, predicted, jacobian, covariance[:count, :count], seed),
        chi_square=float(2 * solution.cost),
        degrees_of_freedom=len(used) + len(problem.shift_names) - len(solution.x),
        status="ok" if solution.success else str(solution.message),
    )


@dataclass(frozen=True, eq=False)
class _Problem:
    """Residuals of the fit as a function of its vector: parameters on their working scale, then shifts."""

    scenario: Scenario
    predictors: Mapping[str, ArmPredictor]
    used: tuple[TrialArm, ...]

    @property
    def shift_names(self) -> tuple[str, ...]:
        designs = tuple(dict.fromkeys(row.design for row in self.used))
        return tuple(f"{design}, {endpoint}" for design in designs for endpoint in SHIFTED)

    @property
    def start(self) -> Floats:
        own = [_working(name, _current(self.scenario.hazards, name)) for name in FITTED]
        return np.array([*own, *np.zeros(len(self.shift_names))])

    @property
    def steps(self) -> Floats:
        """Of the differences: a tenth of a log hazard, 1 mL/min."""
        names = (*FITTED, *(name.partition(", ")[2] + "." for name in self.shift_names))
        return np.array([1.0 if name.startswith("kidney.") else 0.1 for name in names])

    def hazards(self, vector: Floats) -> HazardLibrary:
        values = {name: _value(name, float(vector[k])) for k, name in enumerate(FITTED)}
        return with_values(self.scenario.hazards, values)

    def links(self, vector: Floats, rows: Sequence[TrialArm], *, shifted: bool = True) -> Floats:
        """Predictions on the scale of errors, in the order of the rows."""
        hazards = self.hazards(vector)
        shifts = dict(zip(self.shift_names, vector[len(FITTED) :].tolist(), strict=True)) if shifted else {}
        found = np.empty(len(rows))
        for design in dict.fromkeys(row.design for row in rows):
            places = [k for k, row in enumerate(rows) if row.design == design]
            own = [rows[k] for k in places]
            moved = _moved(hazards, {key: value for key, value in shifts.items() if key.startswith(f"{design}, ")})
            values = predict_arms(self.predictors[design], moved, own)
            found[places] = [float(linked(row, value)) for row, value in zip(own, values, strict=True)]
        return found

    def residuals(self, vector: Floats) -> Floats:
        observed = np.array([float(linked(row, row.observed)) for row in self.used])
        errors = np.array([_error(row) for row in self.used])
        between = self.scenario.hazards.between_trials
        priors = np.array([between[name.partition(", ")[2]] for name in self.shift_names])
        misfit = (observed - self.links(vector, self.used)) / errors
        return np.concatenate([misfit, vector[len(FITTED) :] / priors])


def _moved(hazards: HazardLibrary, shifts: Mapping[str, float]) -> HazardLibrary:
    values = {}
    for key, shift in shifts.items():
        endpoint = key.partition(", ")[2]
        if endpoint == "kidney":
            values["kidney.plateau"] = hazards.kidney["plateau"] + shift
        else:
            name = f"{endpoint}.percent"
            values[name] = _value(name, _working(name, _current(hazards, name)) + shift)
    return with_values(hazards, values)


def _current(hazards: HazardLibrary, name: str) -> float:
    owner, _, part = name.rpartition(".")
    if owner == "kidney":
        return hazards.kidney[part]
    event = hazards.events[owner]
    return event.percent if part == "percent" else next(t.factor for t in event.terms if t.name == part)


def _unit(name: str) -> str:
    if name.startswith("kidney."):
        return "mL/min/1.73m2"
    return "percent" if name.endswith(".percent") else "ratio"


def _working(name: str, value: float) -> float:
    unit = _unit(name)
    if unit == "percent":
        return float(np.log(-np.log1p(-value / 100.0)))
    return float(np.log(value)) if unit == "ratio" else value


def _value(name: str, working: float) -> float:
    unit = _unit(name)
    if unit == "percent":
        return float(-100.0 * np.expm1(-np.exp(working)))
    return float(np.exp(working)) if unit == "ratio" else working


def _error(row: TrialArm) -> float:
    """Standard error of an observation on its link's scale."""
    if row.kind == "mean":
        return row.sd / float(np.sqrt(row.n))
    risk = row.observed / 100.0
    slope = -(1 - risk) * np.log1p(-risk)  # dp / d ln(-ln(1 - p))
    return float(np.sqrt(risk * (1 - risk) / row.n) / slope)


def _jacobian(function: Callable[[Floats], Floats], vector: Floats, steps: Floats) -> Floats:
    """Central differences; predictions carry the steps of single subjects, so differences are not taken too close."""
    columns = []
    for k, size in enumerate(steps.tolist()):
        ahead, behind = vector.copy(), vector.copy()
        ahead[k] += size
        behind[k] -= size
        columns.append((function(ahead) - function(behind)) / (2 * size))
    return np.stack(columns, axis=1)


def _predict(
    problem: _Problem,
    hazards: HazardLibrary,
    rows: Sequence[TrialArm],
    centre: Floats,
    jacobian: Floats,
    covariance: Floats,
    seed: int,
) -> tuple[PredictedRow, ...]:
    """Predictive intervals of all rows by drawing parameters, trials and subjects."""
    generator = spawn_generators(seed, 1, stream="predictive intervals")[0]
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    parameters = generator.standard_normal((_DRAWS, len(covariance))) @ root.T
    trial_shift = {
        (design, name): spread * generator.standard_normal(_DRAWS)
        for design in problem.predictors
        for name, spread in hazards.between_trials.items()
    }
    found = []
    for k, row in enumerate(rows):
        draws = centre[k] + parameters @ jacobian[k] + _shift_of(row, trial_shift, jacobian[k])
        drawn, words = _sampled(row, problem, hazards, unlinked(row, draws), generator)
        low, high = np.percentile(drawn, _COVERED)
        found.append(PredictedRow(row, float(unlinked(row, np.array(centre[k]))), float(low), float(high), words))
    return tuple(found)


def _shift_of(row: TrialArm, shifts: Mapping[tuple[str, str], Floats], slopes: Floats) -> Floats | float:
    """What a new trial's departure does to a row, on the scale of errors; ``slopes`` are by fitted parameter."""
    if row.kind == "ratio":
        return 0.0  # what a trial adds to the log hazard of both arms cancels
    if row.kind == "mean":
        return shifts[row.design, "kidney"]
    if row.kind == "low function":
        rejection, kidney = (FITTED.index(name) for name in ("rejection.percent", "kidney.plateau"))
        moved = slopes[rejection] * shifts[row.design, "rejection"] + slopes[kidney] * shifts[row.design, "kidney"]
        return np.asarray(moved)
    return shifts[row.design, row.what.split("+")[0]]  # the first event of a composite is its main part


def _sampled(
    row: TrialArm, problem: _Problem, hazards: HazardLibrary, values: Floats, generator: np.random.Generator
) -> tuple[Floats, str]:
    """Add the sampling of an arm's subjects."""
    if np.isnan(row.n):
        return values, "parameters and trial"
    if row.kind == "mean":
        sd = row.sd if np.isfinite(row.sd) else hazards.kidney["between_subject_cv_percent"] / 100 * row.observed
        spread = sd / math.sqrt(row.n)
        return values + spread * generator.standard_normal(len(values)), "parameters, trial and sampling"
    if row.kind == "ratio":
        base = predict_arms(
            problem.predictors[row.design],
            hazards,
            [_as_risk(row, row.arm), _as_risk(row, row.other_arm)],
        )
        spread = hazards.between_trials.get(row.what.split("+")[0], 0.0)
        shift = np.exp(spread * generator.standard_normal(len(values)))
        control = -np.expm1(np.log1p(-base[1] / 100.0) * shift)
        test = np.minimum(control * values, 0.999)
        events = generator.binomial(int(row.n), test) / row.n
        against = generator.binomial(int(row.n), control) / row.n
        return np.asarray((events + 0.5 / row.n) / (against + 0.5 / row.n)), "parameters, trial and sampling"
    events = generator.binomial(int(row.n), np.clip(values / 100.0, 0.0, 1.0))
    return np.asarray(100.0 * events / row.n), "parameters, trial and sampling"


def _as_risk(row: TrialArm, arm: str) -> TrialArm:
    return replace(row, kind="risk", arm=arm, other_arm="")
