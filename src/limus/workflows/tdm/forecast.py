"""``limus tdm forecast``: one patient's levels explained and the next ones forecast, with bands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limus.kernel.errors import InputError, ValueRangeError
from limus.kernel.execution import Execution
from limus.patient.forecast import forecast_at
from limus.patient.pooled_forecast import PooledForecast, pool_forecasts
from limus.patient.prediction import predict_levels, prepare_prediction
from limus.patient.targets import Target, parse_target
from limus.workflows.request import keep_result
from limus.workflows.tdm.case import Case, open_case
from limus.workflows.tdm.input import NOTICE, MonitoringRequest, model_as_dict
from limus.workflows.tdm.report.forecast_page import write_forecast

__all__ = ["TdmForecastRequest", "TdmForecastResult", "run"]

Floats = NDArray[np.float64]
_INTERVALS = 3  # of the regimen that goes on
_POINTS = 36  # of an interval


class TdmForecastRequest(MonitoringRequest):
    """One patient; the regimen goes on as it was unless times are asked within the table."""

    id: str = Field(min_length=1)
    occasion: int | None = Field(default=None, description="forecast this occasion from the earlier ones")
    times: tuple[float, ...] = Field(default=(), description="h after the next dose is due")
    target: str | None = Field(default=None, description="trough:5-10 or auc:..., to be drawn")


@dataclass(frozen=True, eq=False)
class TdmForecastResult:
    """The case, its levels under the models, the course that is forecast, where the report stands."""

    case: Case
    fit: PooledForecast
    population: PooledForecast
    course: PooledForecast | None
    asked: tuple[int, ...]
    target: Target | None
    overrides: tuple[str, ...]
    report_html: Path | None
    report_pdf: Path | None
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says; levels in ``unit``, times in h."""
        case = self.case
        best = int(np.argmax(case.weights))
        models = [model_as_dict(e, w) for e, w in zip(case.estimates, case.weights, strict=True)]
        return {
            "id": case.label,
            "drug": case.estimates[0].model.drug,
            "unit": case.estimates[0].model.units.DV,
            "seed": self.seed,
            "model": models[best]["model"],
            "eta": models[best]["eta"],
            "models": models,
            "levels": self.level_rows(),
            "forecast": self.forecast_rows(),
            "doses": self._doses(),
            "target": None if self.target is None else [self.target.lower, self.target.upper],
            "overrides": list(self.overrides),
            "findings": [finding.as_dict() for finding in case.findings],
            "report_html": None if self.report_html is None else str(self.report_html),
            "report_pdf": None if self.report_pdf is None else str(self.report_pdf),
            "notice": NOTICE,
        }

    def level_rows(self) -> list[dict[str, Any]]:
        """Each level of the table, and what the models say of it."""
        levels, labels = self.case.levels, self.case.sources[0].patients.table.observations.occasion
        used = np.all([estimate.levels.used[0] for estimate in self.case.estimates], axis=0)
        first = self.case.estimates[0].levels
        return [
            {
                "time": float(levels.time_h[0, m]),
                "occasion": int(labels[levels.row[0, m]]),
                "observed": float(levels.value[0, m]),
                "below_limit": bool(levels.below[0, m]),
                "used": bool(used[m]),
                "weight": float(first.weight[0, m]),
                "predicted": float(self.fit.predicted[m]),
                "median": float(self.fit.quantiles[2, m]),
                "population": float(self.population.predicted[m]),
                "hidden": bool(self.case.hidden[m]),
                "lower": float(self.fit.measured[0, m]),
                "upper": float(self.fit.measured[4, m]),
            }
            for m in np.flatnonzero(np.isfinite(levels.value[0])).tolist()
        ]

    def forecast_rows(self) -> list[dict[str, Any]]:
        """What was asked to be forecast: hidden levels, wanted times, then the course of the regimen that goes on."""
        labels = self.case.sources[0].patients.table.observations.occasion
        rows = [
            _row(self.fit, m, int(labels[self.case.levels.row[0, m]]), self.case.levels.value[0, m]) for m in self.asked
        ]
        if self.course is not None:
            rows += [_row(self.course, t, None, np.nan) for t in range(len(self.course.time_h))]
        return rows

    def _doses(self) -> list[dict[str, Any]]:
        regimen = self.case.regimen
        if regimen is None or self.course is None:
            return []
        return [
            {
                "time": self.case.begins_h + k * regimen.interval_h,
                "dose_mg": regimen.dose_mg,
                "interval_h": regimen.interval_h,
            }
            for k in range(_INTERVALS)
        ]


def _row(forecast: PooledForecast, at: int, occasion: int | None, observed: float) -> dict[str, Any]:
    return {
        "time": float(forecast.time_h[at]),
        "occasion": occasion,
        "observed": float(observed),
        "predicted": float(forecast.predicted[at]),
        "median": float(forecast.quantiles[2, at]),
        "lower": float(forecast.quantiles[0, at]),
        "upper": float(forecast.quantiles[4, at]),
        "measured_median": float(forecast.measured[2, at]),
        "measured_lower": float(forecast.measured[0, at]),
        "measured_upper": float(forecast.measured[4, at]),
    }


def run(
    request: TdmForecastRequest, *, out: Path | None = None, execution: Execution | None = None
) -> TdmForecastResult:
    """Estimate one patient and forecast levels; with a folder, write figure and report.

    Parameters
    ----------
    request : TdmForecastRequest
    out : Path, optional
        Run directory for ``results/``, ``figures/``, ``report.html``, ``report.pdf`` and ``result.json``.
    execution : Execution, optional
        Its seed draws effects and errors.

    Returns
    -------
    TdmForecastResult

    Raises
    ------
    UnknownNameError
        No such model, ID or column.
    EventTableError, FileReadError, UnitError
        The event table is wrong.
    InputError
        A covariate, an occasion or an option is wrong.
    RefusedError
        A covariate outside a model's limits that is not overridden.
    OutputError
        The folder cannot be written, or holds something else.
    """
    execution = execution or Execution(seed=request.seed, workers=1)
    target = None if request.target is None else parse_target(request.target)
    case = open_case(request, request.id, request.occasion, _doses_needed(request), execution)
    levels = case.levels
    fit = pool_forecasts([forecast_at(e, levels.time_h, seed=request.seed) for e in case.estimates], case.weights)
    population = _population(case, levels.time_h)
    there = np.isfinite(levels.time_h[0])
    wanted = there & (case.hidden | ~np.isfinite(levels.value[0]))
    course = _course(case, request)
    result = TdmForecastResult(
        case,
        fit,
        population,
        course,
        tuple(np.flatnonzero(wanted).tolist()),
        target,
        request.overrides,
        None,
        None,
        request.seed,
    )
    if out is not None:
        html, pdf = write_forecast(request, result, out, execution)
        result = TdmForecastResult(**(vars(result) | {"report_html": html, "report_pdf": pdf}))
        keep_result(result, out, "tdm_forecast", request, execution)
    return result


def _doses_needed(request: TdmForecastRequest) -> int:
    """Doses of the regimen that goes on: enough for the times asked, whatever its interval."""
    if not request.times:
        return _INTERVALS
    if min(request.times) < 0 or not np.isfinite(request.times).all():
        raise ValueRangeError("--times", min(request.times), "0 h or more after the next dose", "correct the times")
    return int(max(_INTERVALS, np.ceil(max(request.times))))


def _course(case: Case, request: TdmForecastRequest) -> PooledForecast | None:
    """The regimen that goes on; left out where an occasion of the table is forecast."""
    if request.occasion is not None:
        return None
    if case.regimen is None:
        if request.times:
            do = "give II, or more doses"
            raise InputError(f"--times, ID {case.label}", "one dose without an interval", "a regimen that goes on", do)
        return None
    after = np.array(request.times) if request.times else _grid(case.regimen.interval_h)
    times = np.unique(case.begins_h + after)[None, :]
    return pool_forecasts([forecast_at(e, times, seed=request.seed) for e in case.estimates], case.weights)


def _grid(interval_h: float) -> Floats:
    nodes = np.linspace(0.0, 1.0, _POINTS + 1)[:-1]
    grid = (np.arange(_INTERVALS)[:, None] + nodes) * interval_h
    return np.append(grid.reshape(-1), _INTERVALS * interval_h)


def _population(case: Case, times_h: Floats) -> PooledForecast:
    """What the models say of the levels without knowing them: effects 0."""
    predicted = np.zeros(times_h.shape[1])
    for estimate, weight in zip(case.estimates, case.weights, strict=True):
        prediction = prepare_prediction(estimate.model, estimate.table, times_h)
        predicted += weight * predict_levels(prediction, np.zeros(1, np.int64), np.zeros((1, prediction.space.size)))[0]
    nothing = np.full((5, times_h.shape[1]), np.nan)
    return PooledForecast(times_h[0], predicted, nothing, nothing)
