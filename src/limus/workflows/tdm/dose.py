"""``limus tdm dose``: which dose of whole capsules most probably brings one patient into a range."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from limus.kernel.errors import InputError, UnknownNameError, near_names
from limus.kernel.execution import Execution
from limus.patient.capsules import makeable_doses
from limus.patient.dose_search import CandidateDose, DoseSearch, search_doses
from limus.patient.dosing_library import DoseForm, DosingRules, load_dosing
from limus.patient.patient_table import column_of
from limus.patient.sampling_design import SamplingPlan, plan_samples
from limus.patient.starting_dose import StartingDose, starting_doses
from limus.patient.targets import Target, parse_target
from limus.workflows.request import keep_result
from limus.workflows.tdm.case import Case, open_case
from limus.workflows.tdm.input import NOTICE, MonitoringRequest, model_as_dict
from limus.workflows.tdm.report.dose_page import write_dose

__all__ = ["TdmDoseRequest", "TdmDoseResult", "release_taken", "run"]

_WEIGHT = ("WT", "WEIGHT", "BW")
_EXPRESSER = ("CYP3A5_expresser", "EXPRESSION", "CYP3A5_EXPR", "CYP3A5_1_alleles")
_FEWEST = 8.0  # times the current dose, up to which doses are looked at where there is no limit by weight
_PLANS = 5
_HALF = 0.5


class TdmDoseRequest(MonitoringRequest):
    """One patient and a target; strengths and limits come from the library unless they are given."""

    id: str = Field(min_length=1)
    target: str
    occasion: int | None = Field(default=None, description="use levels before this occasion only")
    strengths: tuple[float, ...] = Field(default=(), description="of the capsules, mg")
    form: str | None = Field(default=None, description="form of the drug in the library")
    interval: float | None = Field(default=None, gt=0, description="h; the patient's own by default")
    most: float | None = Field(default=None, gt=0, description="largest single dose, mg")
    after: float | None = Field(default=None, gt=0, description="h on the new dose; steady state by default")
    samples: int = Field(default=2, ge=1, le=3, description="levels of the sampling plan")


@dataclass(frozen=True, eq=False)
class TdmDoseResult:
    """The case, the doses looked at, starting doses, sampling plans, where the report stands."""

    case: Case
    target: Target
    search: DoseSearch
    form: DoseForm | None
    strengths_mg: tuple[float, ...]
    interval_h: float
    most_mg: float
    limit: str
    after_h: float | None
    starting: tuple[StartingDose, ...]
    plans: tuple[SamplingPlan, ...]
    overrides: tuple[str, ...]
    report_html: Path | None
    report_pdf: Path | None
    seed: int

    @property
    def current(self) -> CandidateDose | None:
        """The candidate that is the present dose, where it is one."""
        regimen = self.case.regimen
        if regimen is None or abs(regimen.interval_h - self.interval_h) > 1e-9:
            return None
        same = [one for one in self.search.candidates if abs(one.dose_mg - regimen.dose_mg) < 1e-9]
        return same[0] if same else None

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says; levels in ``unit``, areas in that times h, doses mg."""
        case = self.case
        best = int(np.argmax(case.weights))
        models = [model_as_dict(e, w) for e, w in zip(case.estimates, case.weights, strict=True)]
        regimen = case.regimen
        return {
            "id": case.label,
            "drug": case.estimates[0].model.drug,
            "unit": case.estimates[0].model.units.DV,
            "seed": self.seed,
            "model": models[best]["model"],
            "eta": models[best]["eta"],
            "models": models,
            "target": {"measure": self.target.measure, "lower": self.target.lower, "upper": self.target.upper},
            "at": "steady state" if self.after_h is None else f"{self.after_h:g} h on the dose",
            "current": None if regimen is None else {"dose_mg": regimen.dose_mg, "interval_h": regimen.interval_h},
            "doses": [_candidate(one) for one in self.search.candidates],
            "best": _candidate(self.search.candidates[self.search.best]),
            "limit": self.limit,
            "limited": self.search.limited,
            "strengths_mg": list(self.strengths_mg),
            "starting_doses": [
                {
                    "setting": one.setting,
                    "daily_mg": one.daily_mg,
                    "dose_mg": one.dose_mg,
                    "interval_h": one.interval_h,
                    "capsules": one.capsules,
                    "factor": one.factor,
                    "capped": one.capped,
                    "reason": one.reason,
                    "source": list(one.source),
                }
                for one in self.starting
            ],
            "sampling": [
                {
                    "times_h": list(plan.times_h),
                    "auc_cv_before_percent": plan.cv_before_percent,
                    "auc_cv_after_percent": plan.cv_after_percent,
                }
                for plan in self.plans
            ],
            "overrides": list(self.overrides),
            "findings": [finding.as_dict() for finding in case.findings],
            "report_html": None if self.report_html is None else str(self.report_html),
            "report_pdf": None if self.report_pdf is None else str(self.report_pdf),
            "notice": NOTICE,
        }


def _candidate(one: CandidateDose) -> dict[str, Any]:
    found: dict[str, Any] = {
        "dose_mg": one.dose_mg,
        "interval_h": one.interval_h,
        "daily_mg": one.daily_mg,
        "capsules": one.capsules,
    }
    for name in ("trough", "auc", "cmax"):
        low, middle, high = getattr(one, name).tolist()
        found |= {name: middle, f"{name}_lower": low, f"{name}_upper": high}
    return found | {
        "probability_percent": one.probability_percent,
        "below_percent": one.below_percent,
        "above_percent": one.above_percent,
        "measured_probability_percent": one.measured_percent,
        "probability_error_percent": one.standard_error_percent,
    }


def run(request: TdmDoseRequest, *, out: Path | None = None, execution: Execution | None = None) -> TdmDoseResult:
    """Find the dose that most probably meets a target; with a folder, write figure and report.

    Parameters
    ----------
    request : TdmDoseRequest
    out : Path, optional
        Run directory for ``results/``, ``figures/``, ``report.html``, ``report.pdf`` and ``result.json``.
    execution : Execution, optional
        Its seed draws effects and errors.

    Returns
    -------
    TdmDoseResult

    Raises
    ------
    UnknownNameError
        No such model, ID, column or form.
    EventTableError, FileReadError, UnitError
        The event table is wrong.
    InputError
        A covariate, an occasion, an option or the target is wrong; no interval is known.
    RefusedError
        A covariate outside a model's limits that is not overridden.
    OutputError
        The folder cannot be written, or holds something else.
    """
    execution = execution or Execution(seed=request.seed, workers=1)
    target = parse_target(request.target)
    case = open_case(request, request.id, request.occasion, 0, execution)
    rules, form, strengths = _form(request, case)
    interval = request.interval or (case.regimen.interval_h if case.regimen else form.intervals_h[0] if form else None)
    if interval is None:
        do = "give --interval"
        raise InputError(f"ID {case.label}", "no interval between doses", "a regimen, or an interval", do)
    most, limit = _limit(request, case, rules, strengths, interval)
    search = search_doses(
        case.estimates,
        case.weights,
        target,
        strengths_mg=strengths,
        interval_h=interval,
        most_mg=most,
        after_h=request.after,
        seed=request.seed,
    )
    best_model = case.estimates[int(np.argmax(case.weights))]
    plans: tuple[SamplingPlan, ...] = ()
    if case.regimen is not None:
        plans = plan_samples(best_model, samples=request.samples, seed=request.seed)[:_PLANS]
    starting: tuple[StartingDose, ...] = ()
    if rules is not None and form is not None:
        weight, expresser = (column_of(case.sources[0].patients, names) for names in (_WEIGHT, _EXPRESSER))
        starting = starting_doses(
            rules, form, weight_kg=weight, expresser=None if expresser is None else expresser > 0.5
        )
    result = TdmDoseResult(
        case,
        target,
        search,
        form,
        strengths,
        interval,
        most,
        limit,
        request.after,
        starting,
        plans,
        request.overrides,
        None,
        None,
        request.seed,
    )
    if out is not None:
        html, pdf = write_dose(request, result, out, execution)
        result = TdmDoseResult(**(vars(result) | {"report_html": html, "report_pdf": pdf}))
        keep_result(result, out, "tdm_dose", request, execution)
    return result


def _form(request: TdmDoseRequest, case: Case) -> tuple[DosingRules | None, DoseForm | None, tuple[float, ...]]:
    """Rules of the library, the form, and the strengths that are used."""
    substance = case.estimates[0].model.dosing.substance
    try:
        rules = load_dosing(substance)
    except UnknownNameError:
        if not request.strengths:
            raise
        return None, None, request.strengths
    form = _usual_form(rules, case)
    if request.form is not None:
        by_name = {one.name: one for one in rules.forms}
        if request.form not in by_name:
            near = near_names(request.form, by_name)
            do = f"did you mean {near[0]}?" if near else "leave it out"
            raise UnknownNameError("--form", request.form, ", ".join(by_name), do)
        form = by_name[request.form]
    return rules, form, request.strengths or form.strengths_mg


def release_taken(case: Case) -> str | None:
    """Return the form that the table says the patient takes, by its release; None where it says nothing.

    Parameters
    ----------
    case : Case

    Returns
    -------
    str or None
        ``immediate release`` or ``prolonged release``.
    """
    immediate = column_of(case.sources[0].patients, ("immediate_release",))
    if immediate is None:
        return None
    return "immediate release" if immediate > _HALF else "prolonged release"


def _usual_form(rules: DosingRules, case: Case) -> DoseForm:
    """The form that the patient takes; the first where the table says nothing."""
    taken = release_taken(case)
    return next((form for form in rules.forms if form.name == taken), rules.forms[0])


def _limit(
    request: TdmDoseRequest, case: Case, rules: DosingRules | None, strengths: tuple[float, ...], interval_h: float
) -> tuple[float, str]:
    """Largest single dose that is looked at, and why."""
    if request.most is not None:
        return request.most, f"{request.most:g} mg each time, as asked"
    weight = column_of(case.sources[0].patients, _WEIGHT)
    if rules is not None and rules.cap_daily_mg_per_kg is not None and weight is not None:
        most = rules.cap_daily_mg_per_kg * weight * interval_h / 24.0
        said = f"{rules.cap_daily_mg_per_kg:g} mg/kg a day at {weight:g} kg: {most:.3g} mg each time"
        return max(most, min(strengths)), said
    now = case.regimen.dose_mg if case.regimen is not None else max(strengths)
    most = _FEWEST * now
    if not makeable_doses(strengths, most):
        most = max(strengths)
    return most, f"{most:.3g} mg each time, {_FEWEST:g} times the present dose: no limit by weight is known"
