"""Checks that a trial is about people whom the library's population and its models are about."""

from __future__ import annotations

import math
from collections.abc import Iterable

from limus.kernel.checks import Check, Finding, Severity
from limus.trial.design.design import Criterion, Design
from limus.trial.design.population import Column, load_population

__all__ = ["POPULATION_CHECKS"]

_CHECK = "population"
_LEAST_COVERED = 0.5  # share of a criterion's range that the population must cover
_LEAST_OF_POPULATION = 0.1  # share of the population's range that a criterion with one end must leave


def _changes(design: Design) -> Iterable[Finding]:
    """Limits of a column are those of the models: a trial may narrow them, not widen them."""
    known = {column.name: column for column in load_population(design.population).columns}
    for key, value in design.population_changes.items():
        name, _, parameter = key.partition(".")
        column = known.get(name)
        limits = _limits(column)
        if column is None or limits is None or parameter in {"share", "zero_share", "sd"}:
            continue
        low, high = limits
        if not low <= value <= high:
            allowed = f"{low:g} to {high:g} {column.unit}, the limits of {design.population}"
            do = "no model or hazard of the library is about others"
            yield Finding(_CHECK, Severity.ERROR, f"population_changes, {key}", f"{value:g}", allowed, do)


def _criteria(design: Design) -> Iterable[Finding]:
    """Candidates come from the population: a criterion that reaches beyond it would be met by others than it means."""
    known = {column.name: column for column in load_population(design.population).columns}
    for criterion in design.eligibility:
        column = known.get(criterion.column)
        limits = _limits(column)
        if column is None or limits is None or criterion.lower > criterion.upper:
            continue
        low, high = limits
        where, got = f"eligibility {criterion.name}, {criterion.column}", _in_words(criterion)
        allowed = f"within {low:g} to {high:g} {column.unit}, the limits of {design.population}"
        if not _covered(criterion, low, high):
            do = "such people cannot be simulated: no model or hazard of the library is about them"
            yield Finding(_CHECK, Severity.ERROR, where, got, allowed, do)
        elif (math.isfinite(criterion.lower) and criterion.lower < low) or (
            math.isfinite(criterion.upper) and criterion.upper > high
        ):
            do = "only those within are simulated"
            yield Finding(_CHECK, Severity.WARNING, where, got, allowed, do)


def _limits(column: Column | None) -> tuple[float, float] | None:
    """Lower and upper end of a column; None where it has not both, or is not there."""
    if column is None or not {"lower", "upper"} <= set(column.parameters):
        return None
    return column.parameters["lower"], column.parameters["upper"]


def _covered(criterion: Criterion, low: float, high: float) -> bool:
    """Whether the population covers most of a criterion's range; one with an open end needs some of the population."""
    lower = criterion.lower if math.isfinite(criterion.lower) else low
    upper = criterion.upper if math.isfinite(criterion.upper) else high
    inside = min(upper, high) - max(lower, low)
    if not (math.isfinite(criterion.lower) and math.isfinite(criterion.upper)):
        return inside >= _LEAST_OF_POPULATION * (high - low)
    return inside >= _LEAST_COVERED * (upper - lower)


def _in_words(criterion: Criterion) -> str:
    if not math.isfinite(criterion.lower):
        return f"up to {criterion.upper:g}"
    if not math.isfinite(criterion.upper):
        return f"{criterion.lower:g} or more"
    return f"{criterion.lower:g} to {criterion.upper:g}"


POPULATION_CHECKS: tuple[Check[Design], ...] = (
    Check("population-changes", "Changes stay within what the population was made for.", _changes),
    Check("population-criteria", "Criteria ask for people whom the population has.", _criteria),
)
