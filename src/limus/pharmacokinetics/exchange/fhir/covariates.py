"""Covariates from the Patient, from Observations and from a transplantation.

======================================  ==============================================================
in the bundle                           column of the event table
======================================  ==============================================================
Patient.gender female, male             ``female`` 1, 0
Patient.birthDate                       ``AGE``, years, at each row
Observation of a known LOINC code       ``WT``, ``HT``, ``HCT``, ``SCR``, ``ALB``, ``AST``, in its unit
Observation of the CYP3A5 genotype      ``CYP3A5_expresser`` (0, 1) and ``CYP3A5_1_alleles`` (0, 1, 2)
Procedure, transplantation of a kidney  ``POD``, days since, at each row; the organ
======================================  ==============================================================

A value holds from its time on; the first one also before. What has a date only counts from the start of that day.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from limus.kernel.checks import Finding, Severity
from limus.pharmacokinetics.exchange.dates import read_moment
from limus.pharmacokinetics.exchange.fhir.bundle import Bundle, Entry, subject_findings
from limus.pharmacokinetics.exchange.fhir.codes import (
    CovariateCode,
    codes_of,
    load_loinc,
    load_medications,
    names_any,
    words_of,
)
from limus.pharmacokinetics.exchange.fhir.values import quantity_in

__all__ = ["PatientFacts", "read_patient_facts"]

_USED = {"final", "amended", "corrected", "preliminary"}
_ALLELES = re.compile(r"\*\s*(\d+)\w?\s*/\s*\*?\s*(\d+)\w?")
_GENE = re.compile(r"cyp\d\w+")
_YEAR_ONLY, _MONTH_ONLY = 4, 7  # characters


@dataclass(frozen=True, slots=True)
class PatientFacts:
    """What is known of a patient beside doses and levels.

    Attributes
    ----------
    values : tuple of (str, float, float)
        Column, h since the start of 1960 from which it holds (minus infinity: always), value.
    origins : mapping of str to (float, float)
        Columns that count time: h since the start of 1960 when they were 0, h in one unit.
    words : mapping of str to str
        Limits in words, such as the organ.
    """

    values: tuple[tuple[str, float, float], ...]
    origins: Mapping[str, tuple[float, float]]
    words: Mapping[str, str]


def read_patient_facts(bundle: Bundle) -> tuple[PatientFacts, list[Finding]]:
    """Read covariates.

    Parameters
    ----------
    bundle : Bundle

    Returns
    -------
    tuple of (PatientFacts, list of Finding)
        Findings may be errors; the caller raises them together.
    """
    values: list[tuple[str, float, float]] = []
    origins: dict[str, tuple[float, float]] = {}
    findings: list[Finding] = []
    gender = bundle.patient.resource.get("gender")
    if gender in {"female", "male"}:
        values.append(("female", -np.inf, float(gender == "female")))
    elif gender is not None:
        where, do = f"{bundle.source}, {bundle.patient.path}.gender", "a model with sex needs --set female=0 or 1"
        findings.append(Finding("gender", Severity.NOTE, where, gender, "female, male", do))
    birth, more = _birth(bundle)
    findings += more
    if birth is not None:
        origins["AGE"] = (birth, _YEAR_H)
    for entry in bundle.of_kind("Observation"):
        found, more = _observed(bundle, entry)
        values += found
        findings += more
    words: dict[str, str] = {}
    transplanted, organ, more = _transplantation(bundle)
    findings += more
    if transplanted is not None:
        origins["POD"], words = (transplanted, 24.0), {"organ": organ}
    return PatientFacts(tuple(values), origins, words), findings


_YEAR_H = 24.0 * 365.25


def _birth(bundle: Bundle) -> tuple[float | None, list[Finding]]:
    text = bundle.patient.resource.get("birthDate")
    if text is None:
        return None, []
    middle = {_YEAR_ONLY: f"{text}-07-01", _MONTH_ONLY: f"{text}-15"}.get(len(text), text)
    moment = read_moment(middle)
    where = f"{bundle.source}, {bundle.patient.path}.birthDate"
    if moment is None:
        return None, [Finding("birth-date", Severity.ERROR, where, text, "a date", "correct it")]
    if middle == text:
        return moment.hours, []
    return moment.hours, [Finding("birth-date", Severity.NOTE, where, text, "a whole date", f"taken as {middle}")]


def _observed(bundle: Bundle, entry: Entry) -> tuple[list[tuple[str, float, float]], list[Finding]]:
    file, concept = load_loinc(), entry.resource.get("code")
    given = set(codes_of(concept, file.system))
    code = next((one for one in file.covariates if one.code in given), None)
    gene = next((one.gene for one in file.genotypes if one.code in given), None)
    gene = gene or next((one.name for one in file.genes if one.name.casefold() in words_of(concept)), None)
    if code is None and gene is None:
        return [], []
    status, where = str(entry.resource.get("status")), f"{bundle.source}, {entry.path}"
    if status not in _USED:
        return [], [
            Finding(
                "covariate-status", Severity.WARNING, f"{where}.status", status, ", ".join(sorted(_USED)), "left out"
            )
        ]
    wrong = list(subject_findings(bundle, entry))
    if wrong:
        return [], wrong
    if code is None:
        return _genotype(entry.resource, where, str(gene))
    return _measured(entry.resource, where, code)


def _measured(
    resource: Mapping[str, Any], where: str, code: CovariateCode
) -> tuple[list[tuple[str, float, float]], list[Finding]]:
    quantity = resource.get("valueQuantity")
    if quantity is None or "comparator" in quantity:
        got = "no valueQuantity" if quantity is None else f"{quantity['comparator']} {quantity.get('value')}"
        do = "left out"
        return [], [Finding("covariate-value", Severity.WARNING, where, f"{code.name}: {got}", "a number", do)]
    value, findings = quantity_in(
        quantity, code.unit, f"{where}.valueQuantity", molar_mass_g_per_mol=code.molar_mass_g_per_mol
    )
    if value <= 0:
        got = f"{code.name}: {quantity['value']:g}"
        findings = [*findings, _error("covariate-value", f"{where}.valueQuantity.value", got, "above 0", "correct it")]
    since, more = _since(resource, where)
    findings = [*findings, *more]
    return [] if any(one.severity is Severity.ERROR for one in findings) else [(code.column, since, value)], findings


def _since(resource: Mapping[str, Any], where: str) -> tuple[float, list[Finding]]:
    text = resource.get("effectiveDateTime") or resource.get("effectiveInstant")
    text = text or resource.get("effectivePeriod", {}).get("start")
    moment = read_moment(str(text))
    if moment is not None:
        return moment.hours, []
    got, do = str(text or "missing"), "taken for all times"
    return -np.inf, [Finding("covariate-time", Severity.WARNING, f"{where}.effective[x]", got, "a date", do)]


def _genotype(
    resource: Mapping[str, Any], where: str, name: str
) -> tuple[list[tuple[str, float, float]], list[Finding]]:
    gene = next(one for one in load_loinc().genes if one.name == name)
    said = str(resource.get("valueString", "")).casefold() or words_of(resource.get("valueCodeableConcept"))
    # a report may name several genes: what follows this one's name counts, and nothing where only others are named
    _, named, text = said.partition(name.casefold())
    text = text if named else "" if _GENE.search(said) else said
    found = _ALLELES.search(text)
    if found and {found[1], found[2]} <= {*gene.active, *gene.inactive}:
        count = float(sum(allele in gene.active for allele in found.groups()))
        return [(gene.carries, -np.inf, float(count > 0)), (gene.counts, -np.inf, count)], []
    # the longer words first: a non-expresser is named by words that hold those of an expresser
    if not found and any(word in text for word in gene.non_expresser):
        return [(gene.carries, -np.inf, 0.0), (gene.counts, -np.inf, 0.0)], []
    if not found and any(word in text for word in gene.expresser):
        return [(gene.carries, -np.inf, 1.0)], []
    known = ", ".join(f"*{allele}" for allele in (*gene.active, *gene.inactive))
    allowed = f"two of {known}, such as *1/*3; or {gene.expresser[0]}, {gene.non_expresser[0]}"
    do = f"left out; say --set {gene.carries}=0 or 1"
    return [], [Finding("genotype", Severity.WARNING, f"{where}.value[x]", said or "missing", allowed, do)]


def _transplantation(bundle: Bundle) -> tuple[float | None, str, list[Finding]]:
    """Time of the last transplantation, and the organ."""
    last, organ, findings = None, "", []
    for entry in bundle.of_kind("Procedure"):
        concept = entry.resource.get("code")
        words, codes = words_of(concept), set(codes_of(concept))
        kind = next(
            (one for one in load_medications().transplants if codes & set(one.codes) or names_any(words, one.words)),
            None,
        )
        if kind is None or entry.resource.get("status") != "completed":
            continue
        wrong = list(subject_findings(bundle, entry))
        findings += wrong
        text = None if wrong else entry.resource.get("performedDateTime")
        text = text or (None if wrong else entry.resource.get("performedPeriod", {}).get("end"))
        moment = read_moment(str(text))
        if moment is None:
            where, do = f"{bundle.source}, {entry.path}.performed[x]", "left out; give --set POD=days"
            if not wrong:
                findings.append(Finding("transplantation", Severity.WARNING, where, str(text), "a date", do))
        elif last is None or moment.hours > last:
            last, organ = moment.hours, kind.organ
    return last, organ, findings


def _error(check: str, where: str, got: object, allowed: str, do: str) -> Finding:
    return Finding(check, Severity.ERROR, where, str(got), allowed, do)
