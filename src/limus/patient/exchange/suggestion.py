"""A dose that was found, as a MedicationRequest of FHIR R4: a proposal, never an order.

The request holds two contained resources that it refers to: the Device that made it (limus and its version), and a
RiskAssessment with the probabilities, in per cent as R4 wants them, that the target is met or missed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from limus.kernel.checks import raise_on_errors
from limus.pharmacokinetics.exchange.fhir.structure import structure_findings
from limus.pharmacokinetics.exchange.fhir.values import UCUM

__all__ = ["DoseSuggestion", "suggestion_resource"]

_RATE_TYPE = "http://terminology.hl7.org/CodeSystem/dose-rate-type"
_XHTML = "http://www.w3.org/1999/xhtml"


@dataclass(frozen=True, slots=True)
class DoseSuggestion:
    """What is suggested, and what it rests on.

    Attributes
    ----------
    subject : mapping
        Reference to the patient.
    medication : str
        Substance and form.
    dose_mg, interval_h : float
    capsules : str
        What makes up the dose.
    target : str
        In words, such as "trough of 5 to 10 ng/mL at steady state".
    inside_percent, below_percent, above_percent : float
        Probabilities that the target is met or missed.
    error_percent : float
        Standard error of the first, by the number of draws.
    models : tuple of (str, float)
        Names and weights.
    version : str
        Of limus.
    seed : int
    notice : str
        Research-use banner.
    remarks : tuple of str
        Limits, overrides, warnings.
    levels : tuple of str
        References to the levels that it rests on.
    """

    subject: Mapping[str, Any]
    medication: str
    dose_mg: float
    interval_h: float
    capsules: str
    target: str
    inside_percent: float
    below_percent: float
    above_percent: float
    error_percent: float
    models: tuple[tuple[str, float], ...]
    version: str
    seed: int
    notice: str
    remarks: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()


def suggestion_resource(suggestion: DoseSuggestion) -> dict[str, Any]:
    """Lay a suggestion out as a MedicationRequest, intent proposal, status draft.

    Parameters
    ----------
    suggestion : DoseSuggestion

    Returns
    -------
    dict
        JSON of FHIR R4; its structure is checked.

    Raises
    ------
    InputError
        The structure is wrong.
    """
    dose = f"{suggestion.dose_mg:g} mg every {suggestion.interval_h:g} h by mouth"
    how = f"{dose} ({suggestion.capsules})" if suggestion.capsules else dose
    chance = f"probability {suggestion.inside_percent:.1f} % of a {suggestion.target}"
    notes = [suggestion.notice, f"{dose}: {chance}", _made_by(suggestion), *suggestion.remarks]
    resource = {
        "resourceType": "MedicationRequest",
        "id": "limus-proposal",
        "text": {"status": "generated", "div": _narrative((suggestion.notice, suggestion.medication, how, chance))},
        "contained": [_device(suggestion), _forecast(suggestion)],
        "status": "draft",
        "intent": "proposal",
        "medicationCodeableConcept": {"text": suggestion.medication},
        "subject": dict(suggestion.subject),
        "supportingInformation": [{"reference": "#forecast"}, *({"reference": one} for one in suggestion.levels)],
        "requester": {"reference": "#software"},
        "note": [{"text": text} for text in notes],
        "dosageInstruction": [
            {
                "sequence": 1,
                "text": how,
                "timing": {"repeat": {"frequency": 1, "period": _plain(suggestion.interval_h), "periodUnit": "h"}},
                "route": {"text": "oral"},
                "doseAndRate": [
                    {
                        "type": {"coding": [{"system": _RATE_TYPE, "code": "calculated", "display": "Calculated"}]},
                        "doseQuantity": {
                            "value": _plain(suggestion.dose_mg),
                            "unit": "mg",
                            "system": UCUM,
                            "code": "mg",
                        },
                    }
                ],
            }
        ],
    }
    raise_on_errors(structure_findings(resource, "MedicationRequest"))
    return resource


def _device(suggestion: DoseSuggestion) -> dict[str, Any]:
    return {
        "resourceType": "Device",
        "id": "software",
        "deviceName": [{"name": "limus", "type": "user-friendly-name"}],
        "version": [{"value": suggestion.version}],
        "note": [{"text": suggestion.notice}],
    }


def _forecast(suggestion: DoseSuggestion) -> dict[str, Any]:
    outcomes = (
        (f"{suggestion.target}: inside", suggestion.inside_percent),
        (f"{suggestion.target}: below", suggestion.below_percent),
        (f"{suggestion.target}: above", suggestion.above_percent),
    )
    return {
        "resourceType": "RiskAssessment",
        "id": "forecast",
        "status": "preliminary",
        "method": {"text": _made_by(suggestion)},
        "subject": dict(suggestion.subject),
        "performer": {"reference": "#software"},
        "prediction": [
            {"outcome": {"text": words}, "probabilityDecimal": round(min(percent, 100.0), 3)}
            for words, percent in outcomes
        ],
        "note": [{"text": f"standard error of the first probability {suggestion.error_percent:.2g} %, by sampling"}],
    }


def _made_by(suggestion: DoseSuggestion) -> str:
    models = ", ".join(f"{name} (weight {100.0 * weight:.1f} %)" for name, weight in suggestion.models)
    return f"limus {suggestion.version}, model {models}, seed {suggestion.seed}"


def _narrative(lines: tuple[str, ...]) -> str:
    inner = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return f'<div xmlns="{_XHTML}">{inner}</div>'


def _plain(value: float) -> float | int:
    """12 rather than 12.0: in FHIR the digits of a decimal mean something."""
    return int(value) if float(value).is_integer() else value
