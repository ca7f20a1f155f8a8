"""``limus tdm dose --fhir-out``: the dose search, and its best dose as a MedicationRequest of FHIR R4."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from limus import __version__
from limus.kernel.checks import Severity
from limus.kernel.errors import InputError, OutputError
from limus.kernel.execution import Execution
from limus.patient.exchange.suggestion import DoseSuggestion, suggestion_resource
from limus.patient.patient_table import monitored_drug
from limus.pharmacokinetics.exchange.fhir.bundle import is_fhir_file, open_bundle
from limus.pharmacokinetics.exchange.fhir.read import level_names
from limus.workflows.tdm import dose as tdm_dose
from limus.workflows.tdm.dose import TdmDoseRequest, TdmDoseResult, release_taken
from limus.workflows.tdm.input import NOTICE

__all__ = ["TdmSuggestRequest", "TdmSuggestResult", "only_patient", "run"]


class TdmSuggestRequest(TdmDoseRequest):
    """A dose search whose best dose is written as a MedicationRequest."""

    fhir_out: str = Field(min_length=1, description="file for the MedicationRequest, JSON")


@dataclass(frozen=True, eq=False)
class TdmSuggestResult:
    """The search, and the MedicationRequest with its file."""

    dose: TdmDoseResult
    suggestion: dict[str, Any]
    fhir_out: Path

    def as_dict(self) -> dict[str, Any]:
        """The keys of the dose search, and ``fhir_out`` and ``suggestion``."""
        return self.dose.as_dict() | {"fhir_out": str(self.fhir_out), "suggestion": self.suggestion}


def run(request: TdmSuggestRequest, *, out: Path | None = None, execution: Execution | None = None) -> TdmSuggestResult:
    """Find the dose that most probably meets a target, and write it as a proposal.

    Parameters
    ----------
    request : TdmSuggestRequest
    out : Path, optional
        Run directory, as of the dose search.
    execution : Execution, optional

    Returns
    -------
    TdmSuggestResult

    Raises
    ------
    LimusError
        As the dose search.
    InputError
        The capsules are of another release than the patient's.
    OutputError
        The file cannot be written, or holds something else.
    """
    execution = execution or Execution(seed=request.seed, workers=1)
    result = tdm_dose.run(request, out=out, execution=execution)
    _check_form(result)
    resource = suggestion_resource(_suggestion(request, result))
    path = Path(request.fhir_out)
    _write(path, json.dumps(resource, indent=1, ensure_ascii=False) + "\n", overwrite=execution.overwrite)
    return TdmSuggestResult(result, resource, path)


def only_patient(files: Sequence[str | Path]) -> str:
    """Return the patient of a FHIR bundle, who need not be named.

    Parameters
    ----------
    files : sequence of str or Path
        Of a request.

    Returns
    -------
    str
        The ID in the event table.

    Raises
    ------
    InputError
        The files are no bundle.
    FileReadError, EventTableError
        The bundle is wrong.
    """
    paths = [Path(file) for file in files]
    if len(paths) == 1 and is_fhir_file(paths[0]):
        return open_bundle(paths[0]).label
    raise InputError("--id", "missing", "an ID of the table; only a FHIR bundle has a single patient", "give --id")


def _check_form(result: TdmDoseResult) -> None:
    """Refuse to propose capsules of another release than those that the patient takes."""
    taken = release_taken(result.case)
    if result.form is None or taken is None:
        return
    if "release" in result.form.name and result.form.name != taken:
        do = f"say --form '{taken}', or --set immediate_release={int(taken != 'immediate release')}"
        raise InputError("--form", f"{result.form.name}, not what the patient takes", taken, do)


def _suggestion(request: TdmSuggestRequest, result: TdmDoseResult) -> DoseSuggestion:
    best, case = result.search.candidates[result.search.best], result.case
    model = case.estimates[0].model
    form = "" if result.form is None else f", {result.form.name}"
    low, high = f"{result.target.lower:g}", f"{result.target.upper:g}"
    unit = model.units.DV if result.target.measure == "trough" else f"{model.units.DV} h"
    named = "trough" if result.target.measure == "trough" else f"area over {result.interval_h:g} h"
    at = "at steady state" if result.after_h is None else f"after {result.after_h:g} h on the dose"
    subject, levels = _references(request, result)
    return DoseSuggestion(
        subject=subject,
        medication=f"{model.dosing.substance}{form}",
        dose_mg=best.dose_mg,
        interval_h=best.interval_h,
        capsules=best.capsules,
        target=f"{named} of {low} to {high} {unit} {at}",
        inside_percent=best.probability_percent,
        below_percent=best.below_percent,
        above_percent=best.above_percent,
        error_percent=best.standard_error_percent,
        models=tuple((one.model.name, weight) for one, weight in zip(case.estimates, case.weights, strict=True)),
        version=__version__,
        seed=result.seed,
        notice=NOTICE,
        remarks=tuple(text.replace(file, Path(file).name) for text in _remarks(result) for file in request.files[:1]),
        levels=levels,
    )


def _remarks(result: TdmDoseResult) -> list[str]:
    said = [f"limit of the search: {result.limit}" + ("; it holds the dose down" if result.search.limited else "")]
    if result.overrides:
        said.append(f"limits of the model overridden: {', '.join(result.overrides)}")
    serious = [finding for finding in result.case.findings if finding.severity is not Severity.NOTE]
    return [*said, *(finding.message for finding in serious)]


def _references(request: TdmSuggestRequest, result: TdmDoseResult) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The patient, and the levels used, as the bundle names them; of a table the ID only."""
    path = Path(request.files[0])
    if not is_fhir_file(path):
        label = result.case.label
        return {"identifier": {"value": label}, "display": f"ID {label}"}, ()
    bundle = open_bundle(path)
    patient = bundle.patient
    subject = {"reference": patient.name or patient.url} if patient.name or patient.url else {"display": bundle.label}
    model, levels = result.case.estimates[0].model, result.case.estimates[0].levels
    names = level_names(path, monitored_drug(model), concentration=model.units.DV)
    return subject, tuple(names[row] for row in levels.row[0, np.flatnonzero(levels.used[0])].tolist() if names[row])


def _write(path: Path, text: str, *, overwrite: bool) -> None:
    try:
        if path.exists() and not overwrite and path.read_text(encoding="utf-8") != text:
            do = "name another file, or say --overwrite"
            raise OutputError(f"--fhir-out {path}", "a file with another content", "a new file", do)
        path.write_text(text, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OutputError(f"--fhir-out {path}", error, "a file that can be written", "name another") from None
