"""What a pathway model says to published potencies: each observation under its usual culture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from limus.kernel.execution import Execution
from limus.kernel.tables import Entry, library_folder, read_toml
from limus.signalling.culture import Culture, drugs_of, run_responses
from limus.signalling.observations import Potency, load_potencies
from limus.signalling.potency import CurveStatus, concentration_grid, summarise_curve
from limus.signalling.protocol import find_protocol, load_protocols
from limus.signalling.sourced_model import SourcedModel

__all__ = [
    "CalibrationSettings",
    "PredictedRow",
    "load_settings",
    "predict",
    "predict_observations",
    "split_observations",
]


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


def split_observations(model: SourcedModel, settings: CalibrationSettings) -> tuple[list[Potency], list[Potency]]:
    """Split the observations into those that the model can answer (to fit or to check), and the rest.

    Parameters
    ----------
    model : SourcedModel
    settings : CalibrationSettings

    Returns
    -------
    shown, rest : list of Potency
    """
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
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[tuple[CurveStatus, ...], ...]]:
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
    hill : (B, R) array
        Slope of the curve there; NaN where there is no IC50.
    status : tuple of tuple of CurveStatus
        [B][R].
    """
    grid = concentration_grid(settings.lowest_nM, settings.highest_nM, settings.points_per_decade)
    sets = len(next(iter(parameters.values()))) if parameters else 1
    ic50 = np.empty((sets, len(rows)))
    hill = np.full((sets, len(rows)), np.nan)
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
                hill[b, k] = curve.hill if curve.status is CurveStatus.OK else math.nan
                ic50[b, k] = _ic50_or_beyond(
                    curve.ic50_absolute_nM, curve.max_inhibition_fraction, curve.status, settings
                )
    return ic50, hill, tuple(map(tuple, status))


def _ic50_or_beyond(ic50: float, inhibition: float, status: CurveStatus, settings: CalibrationSettings) -> float:
    if status is CurveStatus.OK:
        return ic50
    if status is CurveStatus.BELOW_RANGE:
        return settings.lowest_nM / 10.0
    missing = 0.5 - (0.0 if math.isnan(inhibition) else min(inhibition, 0.5))
    return float(settings.highest_nM * 10.0 ** (2.0 * missing))


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
    shown, left_out = split_observations(model, settings)
    predicted, _, status = predict(model, shown, settings, execution=execution)
    return tuple(_predicted(row, predicted[0, k], status[0][k]) for k, row in enumerate(shown)), tuple(left_out)


def _predicted(row: Potency, predicted: float, status: CurveStatus) -> PredictedRow:
    if status is not CurveStatus.OK:
        return PredictedRow(row, math.nan, math.nan, status)
    return PredictedRow(row, float(predicted), 10.0 ** abs(row.log10_misfit(float(predicted))), status)
