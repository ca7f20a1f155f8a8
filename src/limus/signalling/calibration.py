"""Fit the unknown constants of a pathway model to published potencies: maximum a posteriori, in log10.

Minimised is the sum of squares of (log10 predicted - log10 observed)/sd over the observations (an interval counts only
from its nearer end) and of (log10 value - log10 prior)/prior sd over the parameters. The residual function is
``residuals(parameters[B, P]) -> [B, R]``; the fitter never sees the model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from limus.kernel.execution import Execution, spawn_generators
from limus.kernel.inference import Bounds, LeastSquaresFit, fit_least_squares
from limus.kernel.tables import Entry, library_folder, read_toml
from limus.signalling.culture import Culture, drugs_of, run_responses
from limus.signalling.observations import Potency, load_potencies
from limus.signalling.potency import CurveStatus, concentration_grid, summarise_curve
from limus.signalling.protocol import find_protocol, load_protocols
from limus.signalling.sourced_model import SourcedModel, SourcedParameter

__all__ = [
    "Calibration",
    "CalibrationSettings",
    "PredictedRow",
    "calibrate",
    "load_settings",
    "predict",
    "predict_observations",
]

_STEP = 0.02  # of log10, for differences
_SCREENED = 64  # draws from the prior, of which the best become starts
_TOLERANCE = 3e-2  # distance to the minimum in standard errors at which the fit has arrived


class CalibrationSettings(Entry):
    """How a model is calibrated; the file stands beside the fit."""

    limus_calibration: Literal[1]
    model: str
    observations: str
    observation_log10_sd: float
    lowest_nM: float  # noqa: N815
    highest_nM: float  # noqa: N815
    points_per_decade: int


@dataclass(frozen=True, slots=True)
class PredictedRow:
    """An observation and what the model says; ``fold`` is at least 1, NaN where the model gives no IC50."""

    observation: Potency
    predicted_nM: float  # noqa: N815
    fold: float
    status: CurveStatus


@dataclass(frozen=True, eq=False)
class Calibration:
    """The outcome of a calibration.

    Attributes
    ----------
    model : SourcedModel
        With the fitted values.
    parameters : tuple of SourcedParameter
        The fitted ones, with the values before.
    values : (P,) array
        Fitted values, canonical units.
    log10_covariance : (P, P) array
        Of their log10, prior included; zero where a value is held at its bound.
    at_bound : (P,) array of bool
    sum_of_squares : float
        At the best start.
    agreeing_starts : int
        Starts that reached the same minimum within 1 %.
    starts : int
    status : str
        Of the best start.
    rows : tuple of PredictedRow
        Observations that were used or that check the fit.
    left_out : tuple of Potency
        The rest; each has its reason.
    """

    model: SourcedModel
    parameters: tuple[SourcedParameter, ...]
    values: NDArray[np.float64]
    log10_covariance: NDArray[np.float64]
    at_bound: NDArray[np.bool_]
    sum_of_squares: float
    agreeing_starts: int
    starts: int
    status: str
    rows: tuple[PredictedRow, ...]
    left_out: tuple[Potency, ...]

    @property
    def log10_standard_errors(self) -> NDArray[np.float64]:
        """Standard errors of the log10 of the values, (P,)."""
        return np.sqrt(np.diag(self.log10_covariance))

    @property
    def share_within_3_fold(self) -> float:
        """Share of the used observations that the model meets within a factor of three."""
        used = [row.fold for row in self.rows if row.observation.use == "fit"]
        return sum(fold <= 3.0 for fold in used) / len(used)


def load_settings(model_name: str) -> CalibrationSettings:
    """Load the calibration settings of a model.

    Parameters
    ----------
    model_name : str

    Returns
    -------
    CalibrationSettings

    Raises
    ------
    FileReadError
        Missing or wrong file.
    """
    return read_toml(library_folder() / "fits" / f"{model_name}.toml", CalibrationSettings)


def _can_predict(model: SourcedModel, row: Potency) -> bool:
    return (
        row.metric in {"ic50", "range"}
        and row.compound in drugs_of(model)
        and row.readout in model.readouts
        and row.stimulus in load_protocols()
        and not math.isnan(row.centre_nM)
    )


def _rows(model: SourcedModel, settings: CalibrationSettings) -> tuple[list[Potency], list[Potency]]:
    """Split the observations into those that the model can answer (fit or check), and the rest."""
    shown: list[Potency] = []
    rest: list[Potency] = []
    for row in load_potencies(settings.observations):
        (shown if row.use != "excluded" and _can_predict(model, row) else rest).append(row)
    return shown, rest


def predict(
    model: SourcedModel,
    rows: Sequence[Potency],
    settings: CalibrationSettings,
    *,
    parameters: Mapping[str, NDArray[np.float64]] | None = None,
    execution: Execution | None = None,
) -> tuple[NDArray[np.float64], tuple[tuple[CurveStatus, ...], ...]]:
    """Predict the absolute IC50 of each observation under its usual culture.

    Parameters
    ----------
    model : SourcedModel
    rows : sequence of Potency
        Observations, R of them.
    settings : CalibrationSettings
        Concentration range.
    parameters : mapping of str to (B,) array, optional
        Parameter sets; by default the model's own values, B = 1.
    execution : Execution, optional

    Returns
    -------
    ic50 : (B, R) array
        nM; beyond the range where half inhibition is not reached, extrapolated by the inhibition that is missing so
        that a fit still sees a slope.
    status : tuple of tuple of CurveStatus
        [B][R].
    """
    grid = concentration_grid(settings.lowest_nM, settings.highest_nM, settings.points_per_decade)
    sets = len(next(iter(parameters.values()))) if parameters else 1
    ic50 = np.empty((sets, len(rows)))
    status: list[list[CurveStatus]] = [[CurveStatus.OK] * len(rows) for _ in range(sets)]
    experiments = {(row.compound, row.stimulus) for row in rows}
    for compound, stimulus in sorted(experiments):
        members = [(k, row) for k, row in enumerate(rows) if (row.compound, row.stimulus) == (compound, stimulus)]
        protocol = find_protocol(stimulus)
        readouts = {row.readout: protocol.hours_for(row.readout) for _, row in members}
        culture = Culture.usual(protocol, members[0][1].readout)
        answer = run_responses(model, culture, compound, grid, readouts, parameters=parameters, execution=execution)
        for k, row in members:
            for b in range(sets):
                curve = summarise_curve(grid, answer.percent[row.readout][b])
                status[b][k] = curve.status
                ic50[b, k] = _ic50_or_beyond(
                    curve.ic50_absolute_nM, curve.max_inhibition_fraction, curve.status, settings
                )
    return ic50, tuple(map(tuple, status))


def _ic50_or_beyond(ic50: float, inhibition: float, status: CurveStatus, settings: CalibrationSettings) -> float:
    if status is CurveStatus.OK:
        return ic50
    if status is CurveStatus.BELOW_RANGE:
        return settings.lowest_nM / 10.0
    missing = 0.5 - (0.0 if math.isnan(inhibition) else min(inhibition, 0.5))
    return float(settings.highest_nM * 10.0 ** (2.0 * missing))


def calibrate(model: SourcedModel, *, starts: int = 3, execution: Execution | None = None) -> Calibration:
    """Fit the model's fitted parameters to the observations marked ``fit``.

    Parameters
    ----------
    model : SourcedModel
        Loaded without its accepted fit, so that it starts from the priors.
    starts : int
        How many of the best of 64 draws from the prior (its centre among them) are followed to their minimum.
    execution : Execution, optional
        Seed, workers and progress.

    Returns
    -------
    Calibration

    Raises
    ------
    SolveError
        A simulation failed.
    """
    execution = execution or Execution()
    settings = load_settings(model.name)
    shown, _ = _rows(model, settings)
    used = [row for row in shown if row.use == "fit"]
    free = model.fitted
    fit = _fit(model, free, used, settings, starts, execution)
    best = int(np.nanargmin(fit.sum_of_squares))
    values = 10.0 ** fit.parameters[best]
    fitted = model.with_fitted(dict(zip((p.name for p in free), values.tolist(), strict=True)))
    rows, left_out = predict_observations(fitted, execution=execution)
    return Calibration(
        model=fitted,
        parameters=free,
        values=values,
        log10_covariance=np.nan_to_num(fit.unscaled_covariance[best]),
        at_bound=fit.at_bound[best],
        sum_of_squares=float(fit.sum_of_squares[best]),
        agreeing_starts=int((fit.sum_of_squares <= 1.01 * fit.sum_of_squares[best] + 1e-6).sum()),
        starts=starts,
        status=str(fit.status[best]),
        rows=rows,
        left_out=left_out,
    )


def predict_observations(
    model: SourcedModel, *, execution: Execution | None = None
) -> tuple[tuple[PredictedRow, ...], tuple[Potency, ...]]:
    """Compare a model, as it is, with every published potency that it can answer.

    Parameters
    ----------
    model : SourcedModel
    execution : Execution, optional

    Returns
    -------
    rows : tuple of PredictedRow
        Observations used for the fit or as a check.
    left_out : tuple of Potency
        The rest; each carries its reason.

    Raises
    ------
    SolveError
        A simulation failed.
    """
    settings = load_settings(model.name)
    shown, left_out = _rows(model, settings)
    predicted, status = predict(model, shown, settings, execution=execution)
    return tuple(_predicted(row, predicted[0, k], status[0][k]) for k, row in enumerate(shown)), tuple(left_out)


def _predicted(row: Potency, predicted: float, status: CurveStatus) -> PredictedRow:
    if status is not CurveStatus.OK:
        return PredictedRow(row, math.nan, math.nan, status)
    return PredictedRow(row, float(predicted), 10.0 ** abs(row.log10_misfit(float(predicted))), status)


def _fit(
    model: SourcedModel,
    free: Sequence[SourcedParameter],
    used: Sequence[Potency],
    settings: CalibrationSettings,
    starts: int,
    execution: Execution,
) -> LeastSquaresFit:
    prior = np.log10([p.prior_value for p in free])
    spread = np.array([p.prior_log10_sd for p in free])
    bounds = Bounds.create(np.log10([p.lower for p in free]), np.log10([p.upper for p in free]))
    generator = spawn_generators(execution.seed, 1, stream="calibration starts")[0]
    draws = prior + spread * generator.standard_normal((_SCREENED - 1, len(free)))
    candidates = np.clip(np.vstack([prior, draws]), bounds.lower, bounds.upper)

    def residuals(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        sets = {p.name: 10.0 ** parameters[:, j] for j, p in enumerate(free)}
        sets |= {name: sets[leader] for name, leader in model.followers.items() if leader in sets}
        predicted, _ = predict(model, used, settings, parameters=sets, execution=execution)
        misfit = [[row.log10_misfit(value) for row, value in zip(used, line, strict=True)] for line in predicted]
        execution.progress.advance()
        return np.hstack([np.array(misfit) / settings.observation_log10_sd, (parameters - prior) / spread])

    def jacobian(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        # central differences with steps far above the solver's own noise; all shifted sets go through one call
        lanes, count = parameters.shape
        shifts = _STEP * np.eye(count)
        ends = [np.clip(parameters[:, None, :] + s, bounds.lower, bounds.upper) for s in (shifts, -shifts)]
        above, below = np.split(residuals(np.concatenate(ends).reshape(2 * lanes * count, count)), 2)
        width = np.einsum("bpp->bp", ends[0] - ends[1])[:, :, None]
        return np.swapaxes((above - below).reshape(lanes, count, -1) / width, 1, 2)

    execution.progress.start("fitting", 0)
    try:
        screened = np.sum(residuals(candidates) ** 2, axis=1)
        start = candidates[np.argsort(screened, kind="stable")[:starts]]
        return fit_least_squares(
            residuals, start, bounds=bounds, jacobian=jacobian, max_iterations=40, tolerance=_TOLERANCE
        )
    finally:
        execution.progress.finish()
