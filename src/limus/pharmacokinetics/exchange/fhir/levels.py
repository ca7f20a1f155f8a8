"""Levels from Observations.

==============================================  ==============================================================
Observation                                     level
==============================================  ==============================================================
a code of the drug, in the model's matrix       read
a code of the drug in another matrix            left out, said
the drug's name without a code that is known    left out, said
status final, amended, corrected                read
status preliminary                              read, said
status registered, cancelled, entered-in-error  left out, said
status unknown                                  an error
valueQuantity with a unit                       the value, in the unit wanted
comparator ``<`` or ``<=``                      below that limit of quantification
comparator ``>`` or ``>=``                      an error
no value, dataAbsentReason                      left out, said
no quantity; no unit; negative or 0             an error
effectiveDateTime or effectiveInstant           time of sampling; an error without a time of day
effectivePeriod, effectiveTiming, none          an error
the same level twice                            the second left out, said
two values at one time                          an error
==============================================  ==============================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from limus.kernel.checks import Finding, Severity
from limus.pharmacokinetics.exchange.fhir.bundle import Bundle, Entry, subject_findings
from limus.pharmacokinetics.exchange.fhir.codes import (
    LevelCode,
    check_digit_holds,
    codes_of,
    load_loinc,
    load_medications,
    names_any,
    words_of,
)
from limus.pharmacokinetics.exchange.fhir.values import exact_moment, quantity_in

__all__ = ["FhirLevel", "read_levels"]

_USED = {"final", "amended", "corrected", "preliminary"}
_LEFT_OUT = {"registered", "cancelled", "entered-in-error"}


@dataclass(frozen=True, slots=True)
class FhirLevel:
    """One level.

    Attributes
    ----------
    hours : float
        h since the start of 1960.
    has_zone : bool
        Whether that is universal time.
    value : float
        In the unit wanted; the limit where it is censored.
    censored : bool
    path : str
    trough : bool
        Whether its code says so.
    """

    hours: float
    has_zone: bool
    value: float
    censored: bool
    path: str
    trough: bool


def read_levels(
    bundle: Bundle, *, drug: str, matrix: str, unit: str, molar_mass_g_per_mol: float | None
) -> tuple[list[FhirLevel], list[Finding]]:
    """Read the levels of a drug.

    Parameters
    ----------
    bundle : Bundle
    drug : str
        What is measured.
    matrix : str
        "whole blood" or "plasma".
    unit : str
        Wanted.
    molar_mass_g_per_mol : float or None

    Returns
    -------
    tuple of (list of FhirLevel, list of Finding)
        Findings may be errors; the caller raises them together.
    """
    levels: list[FhirLevel] = []
    findings: list[Finding] = []
    for entry in bundle.of_kind("Observation"):
        code = _code_of(entry, drug)
        if code is None:
            findings += _unknown(bundle, entry, drug)
            continue
        left_out = _left_out(bundle, entry, code, matrix)
        if left_out is not None:
            findings.append(left_out)
            continue
        wrong = list(subject_findings(bundle, entry))
        level, more = (None, []) if wrong else _level(bundle, entry, code, unit, molar_mass_g_per_mol)
        findings += wrong + more
        if level is not None:
            levels.append(level)
    kept, doubled = _once(bundle, levels)
    return kept, findings + doubled


def _code_of(entry: Entry, drug: str) -> LevelCode | None:
    file = load_loinc()
    given = set(codes_of(entry.resource.get("code"), file.system))
    return next((code for code in file.levels if code.drug == drug and code.code in given), None)


def _unknown(bundle: Bundle, entry: Entry, drug: str) -> list[Finding]:
    """Say that an Observation names the drug but has no code that is known."""
    concept = entry.resource.get("code")
    words = words_of(concept)
    names = {word for one in load_medications().substances if one.drug == drug for word in one.words}
    file = load_loinc()
    known = {code.code for code in file.levels}
    given = list(codes_of(concept))
    if not names_any(words, names) or known & set(given):
        return []
    broken = [code for code in codes_of(concept, file.system) if not check_digit_holds(code)]
    got = f"{words.strip()} ({', '.join(given) or 'no code'})"
    got += f"; {', '.join(broken)} is no LOINC code: wrong check digit" if broken else ""
    allowed = f"LOINC {', '.join(code.code for code in file.levels if code.drug == drug)}"
    do = "left out; give the code if it is a level"
    return [Finding("level-code", Severity.WARNING, f"{bundle.source}, {entry.path}.code", got, allowed, do)]


def _left_out(bundle: Bundle, entry: Entry, code: LevelCode, matrix: str) -> Finding | None:
    where, status = f"{bundle.source}, {entry.path}", str(entry.resource.get("status"))
    if code.matrix != matrix:
        got, do = f"{code.code}, {code.name}", "left out"
        return Finding("level-matrix", Severity.WARNING, f"{where}.code", got, f"a level in {matrix}", do)
    if status in _LEFT_OUT:
        allowed = ", ".join(sorted(_USED))
        return Finding("level-status", Severity.WARNING, f"{where}.status", status, allowed, "left out")
    if "dataAbsentReason" in entry.resource and not any(name.startswith("value") for name in entry.resource):
        got = words_of(entry.resource["dataAbsentReason"]) or "absent"
        return Finding("level-there", Severity.NOTE, f"{where}.dataAbsentReason", got, do="no level; left out")
    return None


def _level(
    bundle: Bundle, entry: Entry, code: LevelCode, unit: str, molar_mass: float | None
) -> tuple[FhirLevel | None, list[Finding]]:
    resource, where = entry.resource, f"{bundle.source}, {entry.path}"
    findings: list[Finding] = []
    if resource["status"] not in _USED:
        findings.append(
            _error("level-status", f"{where}.status", resource["status"], ", ".join(sorted(_USED)), "find out")
        )
    if resource["status"] == "preliminary":
        do = "used; it may still change"
        findings.append(Finding("level-status", Severity.WARNING, f"{where}.status", "preliminary", do=do))
    moment, more = _moment(resource, where)
    findings += more
    value, censored, more = _value(resource, where, unit, molar_mass)
    findings += more
    if code.immunoassay:
        do = "may read higher than mass spectrometry: --assay-cv, or --residual with an alternative of the model"
        findings.append(Finding("level-assay", Severity.NOTE, f"{where}.code", code.name, do=do))
    if moment is None or any(one.severity is Severity.ERROR for one in findings):
        return None, findings
    return FhirLevel(moment.hours, moment.has_zone, value, censored, entry.path, code.trough), findings


def _moment(resource: Any, where: str) -> tuple[Any, list[Finding]]:
    for name in ("effectiveDateTime", "effectiveInstant"):
        if name in resource:
            return exact_moment(resource[name], f"{where}.{name}")
    other = next((name for name in ("effectivePeriod", "effectiveTiming") if name in resource), None)
    got = other or ("only issued, the time of the result" if "issued" in resource else "missing")
    do = "give the time at which blood was drawn"
    return None, [_error("sample-time", f"{where}.effective[x]", got, "effectiveDateTime", do)]


def _value(resource: Any, where: str, unit: str, molar_mass: float | None) -> tuple[float, bool, list[Finding]]:
    quantity = resource.get("valueQuantity")
    if quantity is None:
        name = next((name for name in resource if name.startswith("value")), None)
        got = "missing" if name is None else f"{name} {str(resource[name])!r}"
        allowed = "valueQuantity; with comparator < for below the limit of quantification"
        return float("nan"), False, [_error("level-is-number", f"{where}.value[x]", got, allowed, "give the number")]
    where = f"{where}.valueQuantity"
    comparator = quantity.get("comparator", "")
    if comparator.startswith(">"):
        got, allowed = f"{comparator} {quantity.get('value')}", "none, < or <="
        do = "give the level after dilution, or remove it"
        return float("nan"), False, [_error("level-comparator", f"{where}.comparator", got, allowed, do)]
    value, findings = quantity_in(quantity, unit, where, molar_mass_g_per_mol=molar_mass)
    if value <= 0:
        allowed, do = "above 0", "correct it; below the limit of quantification is comparator < with the limit"
        findings = [*findings, _error("level-positive", f"{where}.value", f"{quantity['value']:g}", allowed, do)]
    return value, bool(comparator), findings


def _once(bundle: Bundle, levels: Sequence[FhirLevel]) -> tuple[list[FhirLevel], list[Finding]]:
    """Drop levels that stand there twice; two values at one time are an error."""
    kept: dict[float, FhirLevel] = {}
    findings = []
    for level in levels:
        first = kept.setdefault(round(level.hours, 5), level)
        if first is level:
            continue
        where = f"{bundle.source}, {level.path}"
        if replace(level, path=first.path, trough=first.trough) == first:
            got, do = f"as {first.path}", "the second is left out"
            findings.append(Finding("level-once", Severity.WARNING, where, got, do=do))
        else:
            got = f"{level.value:g} and {first.value:g} at one time ({first.path})"
            findings.append(_error("level-once", where, got, "one level at one time", "remove one, or take the mean"))
    return list(kept.values()), findings


def _error(check: str, where: str, got: object, allowed: str, do: str) -> Finding:
    return Finding(check, Severity.ERROR, where, str(got), allowed, do)
