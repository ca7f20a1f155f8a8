"""``limus tdm evaluate``: every next occasion of all patients forecast from the earlier ones, beside two baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limus.kernel.checks import Finding
from limus.kernel.errors import InputError
from limus.kernel.execution import Execution
from limus.patient.baselines import DoseHistory, dose_history, ratio_forecasts
from limus.patient.evaluation import ModelForecasts, Occasions, forecast_occasions, next_occasions
from limus.patient.levels import PatientLevels, lay_out_levels
from limus.patient.methods import AVERAGE, RATIO, Method, all_methods
from limus.patient.plausible_levels import plausible_levels
from limus.patient.scores import Difference, Scores, paired_differences, score
from limus.workflows.request import keep_result
from limus.workflows.tdm.input import (
    NOTICE,
    MonitoringRequest,
    Source,
    estimate_options,
    findings_once,
    read_sources,
)
from limus.workflows.tdm.report.evaluation_page import write_evaluation

__all__ = ["TdmEvaluateRequest", "TdmEvaluateResult", "run"]

Floats = NDArray[np.float64]


class TdmEvaluateRequest(MonitoringRequest):
    """All patients of a table that has occasions."""

    starts: int = Field(default=2, ge=1, le=1000)
    draws: int = Field(default=300, ge=20, le=100_000)
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class TdmEvaluateResult:
    """Forecasts and scores of every method.

    Attributes
    ----------
    sources : tuple of Source
    occasions : Occasions
    trough : (n,) array of bool
        Which forecast levels are troughs.
    methods : tuple of Method
    scores, trough_scores : mapping of str to Scores
        By method: over all levels that it forecasts; over troughs.
    differences : mapping of str to tuple of Difference
        Of each method from the ratio, on troughs.
    from_population : mapping of str to tuple of Difference
        Of each model from its own prediction without the patient's levels, on troughs.
    weights : (N, Q) array
        Of the models.
    labels : (n,) array of int
        Occasion, as the table names it.
    """

    sources: tuple[Source, ...]
    occasions: Occasions
    trough: NDArray[np.bool_]
    methods: tuple[Method, ...]
    scores: dict[str, Scores]
    trough_scores: dict[str, Scores]
    differences: dict[str, tuple[Difference, ...]]
    from_population: dict[str, tuple[Difference, ...]]
    weights: Floats
    labels: NDArray[np.int64]
    status: dict[str, tuple[str, ...]]
    findings: tuple[Finding, ...]
    overrides: tuple[str, ...]
    report_html: Path | None
    report_pdf: Path | None
    seed: int

    @property
    def main(self) -> Method:
        """What stands at the top: the average, or the only model."""
        return next((method for method in self.methods if method.name == AVERAGE), self.methods[0])

    @property
    def subjects(self) -> tuple[str, ...]:
        """Labels of the patients."""
        return self.sources[0].patients.table.subjects

    def rows(self, method: Method) -> list[dict[str, Any]]:
        """One row a forecast level."""
        occasions = self.occasions
        names = [self.subjects[s] for s in occasions.patient[occasions.lane].tolist()]
        columns: dict[str, Sequence[Any]] = {
            "id": names,
            "occasion": self.labels.tolist(),
            "time": occasions.time_h.tolist(),
            "observed": occasions.observed.tolist(),
            "predicted": method.predicted.tolist(),
            "trough": self.trough.tolist(),
        }
        for name in ("median", "lower", "upper", "crps"):
            values = getattr(method, name)
            if values is not None:
                columns[name] = values.tolist()
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says: the main method at the top, each method by its kind."""
        found = {method.name: self._method(method) for method in self.methods}
        by_kind = {
            kind: {name: entry for name, entry in found.items() if entry["kind"] in kinds}
            for kind, kinds in (
                ("models", {"model"}),
                ("baselines", {"population", "ratio"}),
                ("combinations", {"half", "learned"}),
            )
        }
        main = asdict(self.scores[self.main.name])
        return {
            "method": self.main.name,
            "unit": self.sources[0].model.units.DV,
            "seed": self.seed,
            "rows": self.rows(self.main),
            **main,
            **by_kind,
            "average": found.get(AVERAGE),
            "baseline": RATIO,
            "n_failed": int(sum(~np.isfinite(self.main.predicted))),
            "overrides": list(self.overrides),
            "findings": [finding.as_dict() for finding in self.findings],
            "report_html": None if self.report_html is None else str(self.report_html),
            "report_pdf": None if self.report_pdf is None else str(self.report_pdf),
            "notice": NOTICE,
        }

    def _method(self, method: Method) -> dict[str, Any]:
        entry = {"kind": method.kind, **asdict(self.scores[method.name])}
        entry |= {"troughs": asdict(self.trough_scores[method.name])}
        entry["less_ratio"] = [asdict(one) for one in self.differences.get(method.name, ())]
        if method.kind == "model":
            entry["less_population"] = [asdict(one) for one in self.from_population[method.name]]
            k = [source.model.name for source in self.sources].index(method.name)
            entry["mean_weight"] = float(self.weights[:, k].mean())
            said = [word for word in self.status[method.name] if word != "ok"]
            entry["n_warned"] = len(said)
        return entry | {"rows": self.rows(method)}


def run(
    request: TdmEvaluateRequest, *, out: Path | None = None, execution: Execution | None = None
) -> TdmEvaluateResult:
    """Forecast every next occasion of every patient and score the forecasts.

    Parameters
    ----------
    request : TdmEvaluateRequest
    out : Path, optional
        Run directory for ``results/``, ``figures/``, ``report.html``, ``report.pdf`` and ``result.json``.
    execution : Execution, optional
        Its seed draws effects, errors and patients.

    Returns
    -------
    TdmEvaluateResult

    Raises
    ------
    UnknownNameError
        No such model, ID or column.
    EventTableError, FileReadError, UnitError
        The event table is wrong.
    InputError
        A covariate or option is wrong, or no patient has levels on two occasions.
    RefusedError
        A covariate outside a model's limits that is not overridden.
    OutputError
        The folder cannot be written, or holds something else.
    """
    execution = execution or Execution(seed=request.seed, workers=1)
    sources = read_sources(request, subjects=request.ids)
    table = sources[0].patients.table
    levels, slips = plausible_levels(sources[0].model, lay_out_levels(table), table, request.overrides)
    occasions = next_occasions(levels)
    if not len(occasions.lane):
        do = "give OCC, or --occasions gap:24"
        raise InputError(f"{table.source}, occasions", "one for each patient", "two or more with levels", do)
    options = estimate_options(request)
    forecasts = [
        forecast_occasions(
            source.model,
            source.patients.table,
            occasions,
            options,
            only_last=request.last_occasions,
            execution=execution,
        )
        for source in sources
    ]
    history = dose_history(table, levels)
    methods, weights = all_methods(
        [source.model.name for source in sources], forecasts, occasions, _ratio(levels, history, occasions)
    )
    ratio = next(method for method in methods if method.name == RATIO)
    patient = occasions.patient[occasions.lane]
    trough = history.trough[patient, occasions.slot]
    result = TdmEvaluateResult(
        sources,
        occasions,
        trough,
        methods,
        {m.name: _score(m, occasions, np.ones_like(trough)) for m in methods},
        {m.name: _score(m, occasions, trough) for m in methods},
        {
            method.name: _difference(method, ratio, occasions, trough, request.seed)
            for method in methods
            if method is not ratio
        },
        {
            method.name: _difference(method, population, occasions, trough, request.seed)
            for method in methods
            for population in methods
            if method.kind == "model" and population.name == f"{method.name}, population"
        },
        weights,
        table.observations.occasion[levels.row[patient, occasions.slot]],
        {source.model.name: f.status for source, f in zip(sources, forecasts, strict=True)},
        findings_once(sources, [*slips, *_said(forecasts)]),
        request.overrides,
        None,
        None,
        request.seed,
    )
    if out is not None:
        html, pdf = write_evaluation(request, result, out, execution)
        result = TdmEvaluateResult(**(vars(result) | {"report_html": html, "report_pdf": pdf}))
        keep_result(result, out, "tdm_evaluate", request, execution)
    return result


def _said(forecasts: Sequence[ModelForecasts]) -> list[Finding]:
    return [finding for forecast in forecasts for finding in forecast.findings]


def _ratio(levels: PatientLevels, history: DoseHistory, occasions: Occasions) -> Floats:
    own = occasions.patient
    rows = PatientLevels(
        tuple(levels.subjects[s] for s in own.tolist()),
        *(getattr(levels, name)[own] for name in ("time_h", "value", "below", "weight", "occasion", "row")),
    )
    of_rows = DoseHistory(history.rate_mg_per_h[own], history.trough[own])
    return ratio_forecasts(rows, of_rows, occasions.before, occasions.at)[occasions.lane, occasions.slot]


def _score(method: Method, occasions: Occasions, chosen: NDArray[np.bool_]) -> Scores:
    patient = occasions.patient[occasions.lane]
    parts = {
        name: None if getattr(method, name) is None else getattr(method, name)[chosen]
        for name in ("lower", "upper", "crps")
    }
    return score(occasions.observed[chosen], method.predicted[chosen], patient[chosen], **parts)


def _difference(
    one: Method, other: Method, occasions: Occasions, trough: NDArray[np.bool_], seed: int
) -> tuple[Difference, ...]:
    """Of two methods, on troughs that both forecast."""
    patient = occasions.patient[occasions.lane]
    return paired_differences(
        occasions.observed[trough],
        one.predicted[trough],
        other.predicted[trough],
        patient[trough],
        crps_one=None if one.crps is None else one.crps[trough],
        crps_other=None if other.crps is None else other.crps[trough],
        seed=seed,
    )
