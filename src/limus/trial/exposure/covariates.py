"""Covariates of a population model for every subject and visit, out of a cohort's columns, courses and the plan.

Where a covariate is looked for: the plan's ``formulation``; the cohort's column under the model's name for it or the
cohort's usual one (``SEX``, ``CYP3A5``, ``BLACK``); days since transplantation from the visits; the daily dose from the
titration; the library's course (steroids, haematocrit; 0 while the arm is given no steroids); the model's default.
Nothing else is substituted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import InputError, RefusedError, ValueRangeError
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.population_model.validity_limits import Covariate, Limit, limits_in_words
from limus.trial.design.titration_library import Course, TitrationPractice, course_at
from limus.trial.design.treatment import DrugPlan

__all__ = ["DAILY_DOSE", "SubjectCovariates", "cohort_limits", "subject_covariates"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
DAILY_DOSE = "daily_dose"
_DAY = "POD"
_TIME = "time_after_transplantation"
_STEROIDS = "prednisolone_dose"
_USUAL_NAMES = {"female": ("SEX",), "CYP3A5_expresser": ("CYP3A5",), "black": ("BLACK",)}
_MOST_OUTSIDE = 0.1  # share of subjects outside a limit beyond which the model is refused for the cohort


@dataclass(frozen=True, eq=False)
class SubjectCovariates:
    """Covariates of N subjects at V visits.

    Attributes
    ----------
    constant : mapping of str to (N,) array
    changing : mapping of str to (N, V) array
        In force from the visit before to the visit; a broadcast view where all subjects share it.
    follows_dose : bool
        Whether the model has the daily dose as a covariate.
    outside : (N,) array of bool
        Some covariate lies outside a validity limit.
    findings : tuple of Finding
    """

    constant: Mapping[str, Floats]
    changing: Mapping[str, Floats]
    follows_dose: bool
    outside: Flags
    findings: tuple[Finding, ...]


def subject_covariates(
    model: PopulationModel,
    plan: DrugPlan,
    columns: Mapping[str, ArrayLike],
    days: Floats,
    practice: TitrationPractice,
    *,
    overrides: Collection[str] = (),
) -> SubjectCovariates:
    """Find the covariates of a model, and check them against its validity limits.

    Parameters
    ----------
    model : PopulationModel
    plan : DrugPlan
    columns : mapping of str to (N,) or (N, V) array_like
        The cohort; a column of two axes changes from visit to visit.
    days : (N, V) array
        Actual visit days.
    practice : TitrationPractice
        Its courses are used where the cohort has no column.
    overrides : collection of str
        Limits outside of which the model is used all the same.

    Returns
    -------
    SubjectCovariates
        A subject outside a limit is flagged and keeps its own values.

    Raises
    ------
    InputError
        A covariate of the model that nothing gives, or a value that is missing or impossible.
    ValueRangeError
        A column of another shape.
    RefusedError
        The plan lies outside the days of the model, or more than a tenth of the cohort outside a limit, without an
        override of that name.
    """
    n, visits = days.shape
    given = dict(plan.formulation)
    constant: dict[str, Floats] = {}
    changing: dict[str, Floats] = {}
    findings: list[Finding] = []
    for name, entry in model.covariates.items():
        column = _column_of(entry, columns)
        where = f"model {model.name}, covariate {name} ({entry.meaning})"
        course = practice.courses.get(name)
        if name in given:
            constant[name] = np.full(n, float(given[name]))
        elif name == _DAY:
            changing[name] = days
        elif name == DAILY_DOSE and not column:
            continue
        elif column:
            values = _values(where, columns[column], n, visits)
            added = course is not None and course.added and values.ndim == 1
            if course is not None and added:
                changing[name] = values[:, None] + _course(course, days)
                findings.append(_note(where, f"{column} and a change with time", course))
            else:
                (changing if values.ndim == 2 else constant)[name] = values
        elif course is not None and not course.added:
            changing[name] = _course(course, days) * _steroids_given(name, plan, days)
            findings.append(_note(where, "a course of the library", course))
        elif entry.default is not None:
            constant[name] = np.full(n, entry.default)
            got = f"{entry.default:g} {entry.unit} for all: {entry.default_reason}"
            findings.append(Finding("default-covariate", Severity.NOTE, where, got, limits_in_words(entry), ""))
        else:
            names = " or ".join(dict.fromkeys((name, *_USUAL_NAMES.get(name, ()), *entry.columns)))
            do = f"add a column in {entry.unit}, give it as the plan's formulation, or choose another model"
            raise InputError(where, f"columns {', '.join(columns) or 'none'}", f"a column {names}", do)
    outside = np.zeros(n, dtype=bool)
    for limited, values in _limited(model, columns, constant, changing, days, plan):
        bad = _outside(model, limited, values)
        if bad.any():
            outside |= bad.reshape(n, -1).any(axis=1)
            findings.append(_judge(model, limited, values, bad, overrides))
    follows = DAILY_DOSE in model.covariates and DAILY_DOSE not in constant and DAILY_DOSE not in changing
    return SubjectCovariates(constant, changing, follows, outside, tuple(findings))


def cohort_limits(model: PopulationModel, columns: Mapping[str, ArrayLike]) -> tuple[str, ...]:
    """Return the names of a model's limits on covariates that a cohort has; days and words are none of them.

    Parameters
    ----------
    model : PopulationModel
    columns : mapping of str to array_like

    Returns
    -------
    tuple of str
    """
    numbers = (entry for entry in model.limited if not (isinstance(entry, Limit) and entry.allowed))
    return tuple(entry.name for entry in numbers if entry.name not in {_TIME, _DAY} and _column_of(entry, columns))


def _column_of(entry: Covariate | Limit, columns: Mapping[str, ArrayLike]) -> str:
    names = (entry.name, *_USUAL_NAMES.get(entry.name, ()), *entry.columns)
    found = [name for name in dict.fromkeys(names) if name in columns]
    if len(found) > 1:
        where = f"covariate {entry.name}"
        raise InputError(where, f"columns {' and '.join(found)}", "one column", "leave one of them out")
    return found[0] if found else ""


def _values(where: str, given: ArrayLike, n: int, visits: int) -> Floats:
    values = np.asarray(given, dtype=np.float64)
    if values.shape not in {(n,), (n, visits)}:
        allowed = f"one value for each of {n} subjects, or one for each of {visits} visits too"
        raise ValueRangeError(where, f"shape {values.shape}", allowed, "correct the column")
    if not np.isfinite(values).all():
        subject = int(np.argwhere(~np.isfinite(values))[0, 0]) + 1
        raise InputError(where, f"no value of subject {subject}", "a finite number", "complete the column")
    return values


def _course(course: Course, days: Floats) -> Floats:
    """A course on everybody's days, (N, V); a view where the days are shared."""
    if days.strides[0] == 0:
        return np.broadcast_to(course_at(course, days[0]), days.shape)
    return course_at(course, days)


def _steroids_given(name: str, plan: DrugPlan, days: Floats) -> Floats | float:
    """1 where the arm is given steroids, 0 where not; 1 for other courses and where nothing is said."""
    if name != _STEROIDS or plan.steroids is None:
        return 1.0
    given = [(days >= start) & (days <= stop) for start, stop in plan.steroids]
    return np.any(given, axis=0).astype(np.float64) if given else np.zeros(days.shape)


def _note(where: str, got: str, course: Course) -> Finding:
    return Finding("course", Severity.NOTE, where, got, f"{course.origin.kind}: {course.origin.note}", "")


def _limited(
    model: PopulationModel,
    columns: Mapping[str, ArrayLike],
    constant: Mapping[str, Floats],
    changing: Mapping[str, Floats],
    days: Floats,
    plan: DrugPlan,
) -> Iterator[tuple[Covariate | Limit, Floats]]:
    """Everything with limits and its values, (N,) or (N, V), of the visits of the plan."""
    within = (days > plan.start_day) & (days <= plan.stop_day)
    for entry in model.limited:
        if isinstance(entry, Limit) and entry.allowed:
            continue
        if entry.name in constant:
            yield entry, constant[entry.name]
        elif entry.name in changing:
            yield entry, np.where(within, changing[entry.name], np.nan)
        elif entry.name == _TIME:
            yield entry, np.where(within, days, np.nan)
        elif column := _column_of(entry, columns):
            yield entry, _values(f"model {model.name}, {entry.name}", columns[column], *days.shape)


def _outside(model: PopulationModel, entry: Covariate | Limit, values: Floats) -> Flags:
    if isinstance(entry, Covariate) and entry.codes:
        bad = ~np.isin(values, list(entry.codes)) & ~np.isnan(values)
        if bad.any():
            where = f"model {model.name}, covariate {entry.name} ({entry.meaning})"
            raise InputError(where, f"{values[bad][0]:g}", limits_in_words(entry), "correct the column")
        return bad
    return np.asarray((values < entry.lower) | (values > entry.upper))


def _judge(
    model: PopulationModel, entry: Covariate | Limit, values: Floats, bad: Flags, overrides: Collection[str]
) -> Finding:
    where = f"model {model.name}, {entry.name} ({entry.meaning})"
    subjects = np.asarray(bad.reshape(len(bad), -1).any(axis=1))
    got = f"{values[bad].min():g} to {values[bad].max():g} in {subjects.mean():.1%} of {len(subjects)} subjects"
    waived = entry.name.casefold() in {name.casefold() for name in overrides}
    everybody = entry.name in {_TIME, _DAY}
    if not waived and (everybody or subjects.mean() > _MOST_OUTSIDE):
        do = f"choose another model, or name the override {entry.name}"
        raise RefusedError(where, got, limits_in_words(entry), do)
    do = "used all the same; the subjects are flagged"
    return Finding("validity-limit", Severity.WARNING, where, got, limits_in_words(entry), do)
