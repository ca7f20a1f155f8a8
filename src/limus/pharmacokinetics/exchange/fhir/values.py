"""Quantities in UCUM units and moments of FHIR, as numbers of the event table; or what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import UnitError
from limus.kernel.units import convert
from limus.pharmacokinetics.exchange.dates import Moment, read_moment
from limus.pharmacokinetics.exchange.fhir.codes import load_loinc

__all__ = ["UCUM", "exact_moment", "quantity_in"]

UCUM = "http://unitsofmeasure.org"
_PLAIN = re.compile(r"[a-zA-Z]+(/[a-zA-Z]+)?")
_CLOCK = "a date with time of day and zone, such as 2026-03-05T08:00:00+01:00"


def quantity_in(
    quantity: Mapping[str, Any], unit: str, where: str, *, molar_mass_g_per_mol: float | None = None
) -> tuple[float, list[Finding]]:
    """Read a Quantity in the unit wanted.

    Parameters
    ----------
    quantity : mapping
        Structure checked.
    unit : str
        Wanted.
    where : str
        File and path, named in findings.
    molar_mass_g_per_mol : float, optional
        Between mass and amount of substance.

    Returns
    -------
    tuple of (float, list of Finding)
        NaN with an error.
    """
    value = quantity.get("value")
    if value is None:
        return _nothing(
            "quantity-has-value", f"{where}.value", "missing", "a number", "give it, or remove the resource"
        )
    given, findings = _unit_of(quantity, where)
    if findings and findings[0].severity is Severity.ERROR:
        return float("nan"), findings
    try:
        written = load_loinc().ucum.get(given, given)
        return convert(float(value), written, unit, molar_mass_g_per_mol=molar_mass_g_per_mol, where=where), findings
    except UnitError as error:
        allowed = f"a unit that can be converted to {unit}: {error.allowed}"
        return _nothing("unit-convertible", f"{where}.code", given, allowed, "correct value and unit")


def _unit_of(quantity: Mapping[str, Any], where: str) -> tuple[str, list[Finding]]:
    code, name, system = (str(quantity.get(key, "")) for key in ("code", "unit", "system"))
    if code and system != UCUM:
        got = system or "a code without a system"
        _, wrong = _nothing("unit-is-ucum", f"{where}.system", got, UCUM, "give the unit as UCUM code")
        return "", wrong
    given = code or name
    if not given:
        allowed = f"a unit, such as code ng/mL of {UCUM}"
        _, wrong = _nothing("quantity-has-unit", f"{where}.code", "missing", allowed, "give the unit with the value")
        return "", wrong
    known = load_loinc().ucum
    if given not in known and not _PLAIN.fullmatch(given.replace("µ", "u").replace("μ", "u")):
        allowed = f"units such as ng/mL, ug/L, mg, kg, {', '.join(known)}"
        _, wrong = _nothing("unit-known", f"{where}.code", given, allowed, "convert value and unit")
        return "", wrong
    if code:
        return given, []
    do = f"taken as UCUM {given}"
    return given, [Finding("unit-is-ucum", Severity.WARNING, f"{where}.unit", f"{name} without a UCUM code", do=do)]


def exact_moment(text: Any, where: str) -> tuple[Moment | None, list[Finding]]:
    """Read a dateTime that must have a time of day.

    Parameters
    ----------
    text : object
        As JSON gives it.
    where : str
        File and path.

    Returns
    -------
    tuple of (Moment or None, list of Finding)
        None with an error; a warning where the zone is missing.
    """
    moment = read_moment(str(text))
    if moment is None or not moment.has_time:
        got = str(text) if text is not None else "missing"
        do = "give the time of day: a level or dose of a day cannot be placed"
        return None, [Finding("time-of-day", Severity.ERROR, where, got, _CLOCK, do)]
    if not moment.has_zone:
        do = "all times taken as of one clock; FHIR wants a zone"
        return moment, [Finding("time-has-zone", Severity.WARNING, where, str(text), _CLOCK, do)]
    return moment, []


def _nothing(check: str, where: str, got: str, allowed: str, do: str) -> tuple[float, list[Finding]]:
    return float("nan"), [Finding(check, Severity.ERROR, where, got, allowed, do)]
