"""Doses from MedicationAdministrations.

==================================================  ==========================================================
MedicationAdministration                            dose
==================================================  ==========================================================
medication of the substance, by word or ATC code    read
another salt or ester of the drug                   an error
another drug                                        none
status completed                                    given
status not-done, entered-in-error                   left out, said
any other status                                    an error: what was given is not known
dosage.dose in a unit of mass                       amount
dosage.dose in tablets, missing, 0 or below         an error
effectiveDateTime                                   one dose then
effectivePeriod, by mouth                           one dose at its start
effectivePeriod, into a vein                        an infusion from start to end
no dosage.dose, rateQuantity and a period           amount = rate times duration
rateQuantity without a period                       duration = amount / rate
route that the model does not have                  an error
no route                                            the model's own, said
the same amount twice at one time                   an error
different amounts at one time                       their sum, said
==================================================  ==========================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from limus.kernel.checks import Finding, Severity
from limus.pharmacokinetics.exchange.dates import Moment
from limus.pharmacokinetics.exchange.fhir.bundle import Bundle, Entry, items_of, resolve, subject_findings
from limus.pharmacokinetics.exchange.fhir.codes import codes_of, load_medications, names_any, words_of
from limus.pharmacokinetics.exchange.fhir.structure import structure_findings
from limus.pharmacokinetics.exchange.fhir.values import exact_moment, quantity_in

__all__ = ["FhirDose", "read_doses"]

_LEFT_OUT = {"not-done": Severity.NOTE, "entered-in-error": Severity.WARNING}
_PERIOD_UNIT_H = {"min": 1 / 60, "h": 1.0, "d": 24.0, "wk": 168.0}
_MOMENT_H = 1e-5


@dataclass(frozen=True, slots=True)
class FhirDose:
    """One dose.

    Attributes
    ----------
    hours : float
        h since the start of 1960.
    has_zone : bool
        Whether that is universal time.
    amount_mg, duration_h : float
        Duration 0 for a dose at once.
    route : str
    words : str
        Of the medication, in small letters.
    interval_h : float
        By the request that it fulfils; 0 where that is not known.
    path : str
    """

    hours: float
    has_zone: bool
    amount_mg: float
    duration_h: float
    route: str
    words: str
    interval_h: float
    path: str


def read_doses(
    bundle: Bundle, *, drug: str, substance: str, routes: Mapping[str, int]
) -> tuple[list[FhirDose], list[Finding]]:
    """Read the doses of a substance.

    Parameters
    ----------
    bundle : Bundle
    drug : str
        What is measured.
    substance : str
        What AMT weighs.
    routes : mapping of str to int
        Routes of the model and their compartments; the first is the default.

    Returns
    -------
    tuple of (list of FhirDose, list of Finding)
        Findings may be errors; the caller raises them together.
    """
    doses: list[FhirDose] = []
    findings: list[Finding] = []
    for entry in bundle.of_kind("MedicationAdministration"):
        words, named, wrong = _medication(bundle, entry, drug)
        findings += wrong
        if named is None:
            continue
        where, status = f"{bundle.source}, {entry.path}", str(entry.resource.get("status"))
        if status in _LEFT_OUT:
            findings.append(Finding("dose-status", _LEFT_OUT[status], f"{where}.status", status, do="left out"))
            continue
        if named != substance:
            allowed, do = substance, "another amount of it gives the same level: use a model of this substance"
            findings.append(_error("dose-substance", f"{where}.medication[x]", named, allowed, do))
            continue
        structural = list(subject_findings(bundle, entry))
        dose, more = (None, []) if structural else _dose(bundle, entry, words, routes)
        findings += structural + more
        if dose is not None:
            doses.append(dose)
    kept, more = _together(bundle, doses)
    return kept, findings + more


def _medication(bundle: Bundle, entry: Entry, drug: str) -> tuple[str, str | None, list[Finding]]:
    """Words of the medication, and the substance if it is one of the drug."""
    resource = entry.resource
    concepts: list[Any] = [resource.get("medicationCodeableConcept")]
    findings: list[Finding] = []
    if not {"medicationCodeableConcept", "medicationReference"} & set(resource):
        # which drug it is cannot be said, so it may be this one
        findings += subject_findings(bundle, entry)
    if "medicationReference" in resource:
        target = resolve(bundle, resource["medicationReference"], entry)
        if target is None or target.kind != "Medication":
            reference = resource["medicationReference"]
            named = reference.get("display", "") if isinstance(reference, Mapping) else ""
            concepts.append({"text": named})
            if not named:
                where, do = f"{bundle.source}, {entry.path}.medicationReference", "put the Medication into the bundle"
                allowed = "a Medication of the bundle, or contained"
                findings.append(_error("medication-there", where, reference, allowed, do))
        else:
            made_of = [one.get("itemCodeableConcept") for one in items_of(target.resource, "ingredient")]
            concepts += [target.resource.get("code"), target.resource.get("form"), *made_of]
    words = " ".join(filter(None, (words_of(concept) for concept in concepts)))
    codes = {code for concept in concepts for code in codes_of(concept)}
    for one in load_medications().substances:
        if one.drug == drug and (names_any(words, one.words) or codes & set(one.atc)):
            return words, one.name, findings
    return words, None, findings


def _dose(bundle: Bundle, entry: Entry, words: str, routes: Mapping[str, int]) -> tuple[FhirDose | None, list[Finding]]:
    resource, where = entry.resource, f"{bundle.source}, {entry.path}"
    if resource["status"] != "completed":
        do = "give what was given, as completed; or remove it"
        return None, [_error("dose-status", f"{where}.status", resource["status"], "completed, not-done", do)]
    start, duration, findings = _times(resource, where)
    route, more = _route(resource, where, routes)
    findings += more
    into_vein = route == "intravenous"
    amount, duration, more = _amount(resource, where, duration if into_vein else 0.0)
    findings += more
    if start is None or any(one.severity is Severity.ERROR for one in findings):
        return None, findings
    every = _interval(bundle, entry)
    return FhirDose(start.hours, start.has_zone, amount, duration, route, words, every, entry.path), findings


def _times(resource: Mapping[str, Any], where: str) -> tuple[Moment | None, float, list[Finding]]:
    """Start, and duration in h (0 for a moment)."""
    if "effectiveDateTime" in resource:
        start, findings = exact_moment(resource["effectiveDateTime"], f"{where}.effectiveDateTime")
        return start, 0.0, findings
    period = resource["effectivePeriod"]
    start, findings = exact_moment(period.get("start"), f"{where}.effectivePeriod.start")
    if "end" not in period:
        return start, 0.0, findings
    end, more = exact_moment(period["end"], f"{where}.effectivePeriod.end")
    findings += more
    if start is None or end is None:
        return None, 0.0, findings
    if end.hours < start.hours or end.has_zone != start.has_zone:
        allowed = "not before the start, on the same clock"
        findings.append(_error("period-ordered", f"{where}.effectivePeriod.end", period["end"], allowed, "correct it"))
    return start, end.hours - start.hours, findings


def _route(resource: Mapping[str, Any], where: str, routes: Mapping[str, int]) -> tuple[str, list[Finding]]:
    concept = resource.get("dosage", {}).get("route")
    default = next(iter(routes))
    if concept is None:
        return default, [
            Finding("dose-route", Severity.NOTE, f"{where}.dosage.route", "missing", do=f"taken as {default}")
        ]
    words, codes = words_of(concept), set(codes_of(concept))
    known = [one.name for one in load_medications().routes if codes & set(one.codes)]
    known = known or [one.name for one in load_medications().routes if names_any(words, one.words)]
    if known and known[0] in routes:
        return known[0], []
    got = words or ", ".join(codes)
    do = "choose a model with this route; remove what does not reach the blood, such as an ointment"
    return default, [_error("dose-route", f"{where}.dosage.route", got, ", ".join(routes), do)]


def _amount(resource: Mapping[str, Any], where: str, period_h: float) -> tuple[float, float, list[Finding]]:
    """Amount, mg, and duration, h, from dose, rate and period."""
    dosage, place = resource.get("dosage", {}), f"{where}.dosage"
    if "dose" not in dosage and "rateQuantity" not in dosage:
        allowed = "dosage.dose in a unit of mass"
        return 0.0, 0.0, [_error("dose-there", f"{place}.dose", "missing", allowed, "give the amount")]
    amount, findings = (0.0, []) if "dose" not in dosage else quantity_in(dosage["dose"], "mg", f"{place}.dose")
    rate = 0.0
    if "rateQuantity" in dosage:
        rate, more = quantity_in(dosage["rateQuantity"], "mg/h", f"{place}.rateQuantity")
        findings = findings + more
    if findings and any(one.severity is Severity.ERROR for one in findings):
        return 0.0, 0.0, findings
    if "dose" not in dosage:
        amount = rate * period_h
    if not amount > 0:
        got = f"{amount:g} mg" if "dose" in dosage else "a rate without a period"
        do = "correct it; a dose that was not given has status not-done"
        return 0.0, 0.0, [*findings, _error("dose-positive", f"{place}.dose", got, "above 0", do)]
    duration = period_h or (amount / rate if rate > 0 else 0.0)
    if rate > 0 and abs(rate * duration - amount) > _DISAGREE * amount:
        got, allowed = f"{rate:g} mg/h for {duration:g} h", f"{amount:g} mg, the dose"
        findings = [*findings, _error("rate-agrees", f"{place}.rateQuantity", got, allowed, "correct one of them")]
    return amount, duration, findings


_DISAGREE = 0.02  # a rate and a period are rounded


def _interval(bundle: Bundle, entry: Entry) -> float:
    """Interval of the request that a dose fulfils, h; 0 where it has none."""
    request = resolve(bundle, entry.resource.get("request"), entry)
    if request is None or any(structure_findings(request.resource, request.path)):
        return 0.0
    for instruction in items_of(request.resource, "dosageInstruction"):
        repeat = instruction.get("timing", {}).get("repeat", {})
        unit = _PERIOD_UNIT_H.get(repeat.get("periodUnit", ""))
        if unit and repeat.get("period"):
            return float(repeat["period"]) * unit / float(repeat.get("frequency", 1))
    return 0.0


def _together(bundle: Bundle, doses: Sequence[FhirDose]) -> tuple[list[FhirDose], list[Finding]]:
    """Add up what was given at one time, unless it looks like one dose written twice."""
    kept: dict[float, FhirDose] = {}
    findings = []
    for dose in doses:
        key = round(dose.hours, 5)
        first = kept.setdefault(key, dose)
        if first is dose:
            continue
        where = f"{bundle.source}, {dose.path}"
        if abs(first.amount_mg - dose.amount_mg) < _MOMENT_H:
            got = f"{dose.amount_mg:g} mg twice at one time ({first.path})"
            do = "remove one; if both were given, write one with the sum"
            findings.append(_error("dose-once", where, got, "one dose at one time", do))
            continue
        got = f"{dose.amount_mg:g} and {first.amount_mg:g} mg at one time ({first.path})"
        findings.append(Finding("dose-once", Severity.WARNING, where, got, do="taken as one dose of both"))
        kept[key] = replace(first, amount_mg=first.amount_mg + dose.amount_mg)
    return list(kept.values()), findings


def _error(check: str, where: str, got: object, allowed: str, do: str) -> Finding:
    return Finding(check, Severity.ERROR, where, str(got), allowed, do)
