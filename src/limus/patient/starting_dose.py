"""A starting dose by body weight and genotype, as guidelines give it, rounded to capsules."""

from __future__ import annotations

from dataclasses import dataclass

from limus.patient.capsules import capsules_in_words, round_to_strengths
from limus.patient.dosing_library import DoseForm, DosingRules, StartingRule

__all__ = ["StartingDose", "starting_doses"]


@dataclass(frozen=True, slots=True)
class StartingDose:
    """A starting dose.

    Attributes
    ----------
    setting : str
    daily_mg : float
        Before rounding, at the limit where that is lower.
    dose_mg : float
        Each time, rounded to capsules.
    interval_h : float
    capsules : str
    factor : float
        By genotype; 1 without.
    capped : bool
        Whether the limit was met.
    reason : str
    source : tuple of str
    """

    setting: str
    daily_mg: float
    dose_mg: float
    interval_h: float
    capsules: str
    factor: float
    capped: bool
    reason: str
    source: tuple[str, ...]


def starting_doses(
    rules: DosingRules, form: DoseForm, *, weight_kg: float | None, expresser: bool | None
) -> tuple[StartingDose, ...]:
    """List the starting doses that the library's rules give a patient.

    Parameters
    ----------
    rules : DosingRules
    form : DoseForm
    weight_kg : float or None
        Rules by weight are left out without it.
    expresser : bool or None
        Carrier of the active gene; None where it is not known, which counts as the standard dose.

    Returns
    -------
    tuple of StartingDose
        For an expresser two of each rule: with the lower and with the upper factor.
    """
    factors: tuple[float, ...] = (1.0,)
    if expresser and rules.genotype is not None:
        factors = (rules.genotype.factor_lower, rules.genotype.factor_upper)
    return tuple(
        _one(rules, form, rule, factor, weight_kg, expresser)
        for rule in rules.starting
        for factor in factors
        if rule.daily_mg > 0.0 or weight_kg is not None
    )


def _one(
    rules: DosingRules,
    form: DoseForm,
    rule: StartingRule,
    factor: float,
    weight_kg: float | None,
    expresser: bool | None,
) -> StartingDose:
    daily = factor * (rule.daily_mg or rule.daily_mg_per_kg * (weight_kg or 0.0))
    limit = float("inf")
    if rules.genotype is not None and factor > 1.0 and weight_kg is not None:
        limit = rules.genotype.daily_mg_per_kg * weight_kg
    elif rules.cap_daily_mg_per_kg is not None and weight_kg is not None:
        limit = rules.cap_daily_mg_per_kg * weight_kg
    interval = form.intervals_h[0]
    share = interval / 24.0
    dose = round_to_strengths(min(daily, limit) * share, form.strengths_mg, most_mg=limit * share)
    source = (*rule.origin.source, *(rules.genotype.origin.source if rules.genotype and factor > 1.0 else ()))
    return StartingDose(
        setting=rule.setting,
        daily_mg=min(daily, limit),
        dose_mg=dose,
        interval_h=interval,
        capsules=capsules_in_words(dose, form.strengths_mg),
        factor=factor,
        capped=daily > limit * (1.0 + 1e-9),
        reason=_reason(rules, rule, factor, weight_kg, expresser),
        source=tuple(dict.fromkeys(source)),
    )


def _reason(
    rules: DosingRules, rule: StartingRule, factor: float, weight_kg: float | None, expresser: bool | None
) -> str:
    base = f"{rule.daily_mg:g} mg a day" if rule.daily_mg else f"{rule.daily_mg_per_kg:g} mg/kg a day"
    weight = f" at {weight_kg:g} kg" if rule.daily_mg == 0.0 and weight_kg is not None else ""
    gene = "" if rules.genotype is None else rules.genotype.gene
    if factor > 1.0:
        return f"{base}{weight}, {factor:g} times for an expresser of {gene}"
    if expresser is None and gene:
        return f"{base}{weight}; {gene} not known"
    return f"{base}{weight}" + (f"; no expresser of {gene}" if gene else "")
