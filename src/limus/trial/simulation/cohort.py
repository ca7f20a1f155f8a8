"""Virtual subjects: covariates drawn from a population, eligibility applied, screening failures counted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.trial.design.design import Criterion, Design
from limus.trial.design.population import Column, Population, changed, load_population

__all__ = ["Cohort", "Screening", "draw_cohort", "draw_covariates", "find_strata"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_MOST_ROUNDS = 60


@dataclass(frozen=True, slots=True)
class Screening:
    """What screening did, over all replicates.

    Attributes
    ----------
    screened : int
        Candidates looked at until the last needed one was found.
    failures : tuple of (str, int)
        By criterion, in the order of the design: candidates that failed it first.
    """

    screened: int
    failures: tuple[tuple[str, int], ...]


@dataclass(frozen=True, eq=False)
class Cohort:
    """N virtual subjects.

    Attributes
    ----------
    n : int
    columns : mapping of str to (N,) array
        Covariates in canonical units (years, kg, cm, percent; 0 and 1 for yes and no).
    strata : (N,) array of int
        Stratum of the allocation, from 0.
    screening : Screening
    """

    n: int
    columns: Mapping[str, Floats]
    strata: Integers
    screening: Screening


def draw_covariates(population: Population, normal: Floats) -> dict[str, Floats]:
    """Turn independent standard normal numbers into covariates.

    A normal copula: scores ``z = L e`` with ``L L' = R`` the correlations, then each column by its conditional
    quantile function at ``Phi(z)``.

    Parameters
    ----------
    population : Population
    normal : (N, C) array
        Independent standard normal numbers, one column each.

    Returns
    -------
    dict of str to (N,) array

    Raises
    ------
    ValueRangeError
        The correlations do not form a correlation matrix.
    """
    from scipy.special import ndtr  # noqa: PLC0415

    names = population.names
    matrix = np.eye(len(names))
    for first, second, value in population.correlations:
        i, j = names.index(first), names.index(second)
        matrix[i, j] = matrix[j, i] = value
    try:
        scores = normal @ np.linalg.cholesky(matrix).T
    except np.linalg.LinAlgError:
        raise ValueRangeError(
            f"population {population.name}, correlations", matrix.min(), "a positive definite matrix", "lower them"
        ) from None
    found: dict[str, Floats] = {}
    for j, column in enumerate(population.columns):
        found[column.name] = _quantile(column, ndtr(scores[:, j]), _parameters(column, found, len(normal)))
    return found


def _parameters(column: Column, found: Mapping[str, Floats], count: int) -> dict[str, Floats]:
    values = {key: np.full(count, value) for key, value in column.parameters.items()}
    for where, changes in column.given:
        rows = np.ones(count, dtype=bool)
        for name, value in where.items():
            rows &= found[name] == value
        for key, value in changes.items():
            values.setdefault(key, np.full(count, np.nan))[rows] = value
    return values


def _quantile(column: Column, probability: Floats, p: Mapping[str, Floats]) -> Floats:
    if column.form == "yes_no":
        return (probability < p["share"]).astype(np.float64)
    if column.form == "zero_or_exponential":
        above = np.clip((probability - p["zero_share"]) / np.maximum(1 - p["zero_share"], 1e-12), 0.0, 1 - 1e-12)
        return np.asarray(np.minimum(-p["mean"] * np.log1p(-above), p.get("upper", np.inf)))
    if column.form == "lognormal":
        variance = np.log1p((p["sd"] / p["mean"]) ** 2)
        centre, spread = np.log(p["mean"]) - variance / 2, np.sqrt(variance)
        lower, upper = (np.log(np.maximum(p[key], 1e-300)) if key in p else None for key in ("lower", "upper"))
        return np.exp(_cut_normal(probability, centre, spread, lower, upper))
    return _cut_normal(probability, p["mean"], p["sd"], p.get("lower"), p.get("upper"))


def _cut_normal(probability: Floats, mean: Floats, sd: Floats, lower: Floats | None, upper: Floats | None) -> Floats:
    from scipy.special import ndtr, ndtri  # noqa: PLC0415

    low = ndtr((lower - mean) / sd) if lower is not None else 0.0
    high = ndtr((upper - mean) / sd) if upper is not None else 1.0
    return np.asarray(mean + sd * ndtri(np.clip(low + probability * (high - low), 1e-15, 1 - 1e-15)))


def draw_cohort(design: Design, subjects: int, generators: Sequence[np.random.Generator]) -> Cohort:
    """Draw eligible subjects for each of R replicates, one after the other on one axis.

    Parameters
    ----------
    design : Design
    subjects : int
        In each replicate, N.
    generators : sequence of numpy.random.Generator
        One a replicate; a replicate's subjects depend on its generator only.

    Returns
    -------
    Cohort
        R N subjects.

    Raises
    ------
    UnknownNameError
        A criterion, a stratum or a change names a column that the population has not.
    ValueRangeError
        Hardly anyone is eligible.
    """
    population = changed(load_population(design.population), design.population_changes)
    replicates, width = len(generators), len(population.names)
    batch = max(32, math.ceil(1.5 * subjects))
    kept: list[list[Floats]] = [[] for _ in generators]
    counts = np.zeros(replicates, dtype=np.int64)
    failures = np.zeros(len(design.eligibility), dtype=np.int64)
    screened = 0
    for _ in range(_MOST_ROUNDS):
        lacking = np.flatnonzero(counts < subjects)
        if not len(lacking):
            break
        normal = np.concatenate([generators[r].standard_normal((batch, width)) for r in lacking.tolist()])
        columns = draw_covariates(population, normal)
        first_failed = _first_failed(design.eligibility, columns, len(normal)).reshape(len(lacking), batch)
        table = np.stack([columns[name] for name in population.names], axis=1).reshape(len(lacking), batch, width)
        for k, r in enumerate(lacking.tolist()):
            eligible = np.flatnonzero(first_failed[k] < 0)
            last = eligible[subjects - counts[r] - 1] + 1 if len(eligible) >= subjects - counts[r] else batch
            seen = first_failed[k, :last]
            screened += int(last)
            failures += np.bincount(seen[seen >= 0], minlength=len(failures))[: len(failures)]
            kept[r].append(table[k, :last][seen < 0])
            counts[r] += int((seen < 0).sum())
    else:
        got = f"{int(counts.min())} of {subjects} subjects after {_MOST_ROUNDS * batch} screened"
        raise ValueRangeError(f"eligibility of {design.name}", got, "a population with eligible people", "relax it")
    drawn = np.concatenate([part for parts in kept for part in parts])
    columns = {name: drawn[:, j].copy() for j, name in enumerate(population.names)}
    for values in columns.values():
        values.flags.writeable = False
    named = tuple((c.name, int(count)) for c, count in zip(design.eligibility, failures, strict=True))
    return Cohort(len(drawn), MappingProxyType(columns), find_strata(design, columns), Screening(screened, named))


def _first_failed(criteria: Sequence[Criterion], columns: Mapping[str, Floats], count: int) -> Integers:
    """Number of the first criterion that a candidate fails, -1 for none."""
    failed = np.full(count, -1, dtype=np.int64)
    for number, criterion in enumerate(criteria):
        values = columns[criterion.column]
        bad = (values < criterion.lower) | (values > criterion.upper)
        failed[bad & (failed < 0)] = number
    return failed


def find_strata(design: Design, columns: Mapping[str, Floats]) -> Integers:
    """Number the strata of the allocation: every combination of the classes of its columns.

    Parameters
    ----------
    design : Design
    columns : mapping of str to (N,) array

    Returns
    -------
    (N,) array of int
        From 0; the same number means the same combination in every cohort of the design.
    """
    classes = stratum_classes(design, columns)
    strata = np.zeros(len(next(iter(columns.values()))), dtype=np.int64)
    for values, levels in classes:
        strata = strata * levels + values
    return strata


def stratum_classes(design: Design, columns: Mapping[str, Floats]) -> list[tuple[Integers, int]]:
    """Return class numbers and number of classes for each stratifying column: by its cuts, else 0 and 1."""
    cuts = dict(design.allocation.cuts)
    found = []
    for name in design.allocation.strata:
        edges = np.asarray(cuts.get(name, (0.5,)))
        found.append((np.searchsorted(edges, columns[name], side="right").astype(np.int64), len(edges) + 1))
    return found
