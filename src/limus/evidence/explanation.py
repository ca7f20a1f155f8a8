"""What could explain the differences between studies: subgroups, moderators, and small-study effects."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from limus.evidence.measures import StudyEffects, tables_of
from limus.evidence.plan import CiMethod, Method, PoolPlan
from limus.evidence.sensitivity import Line
from limus.evidence.study_table import TableForm
from limus.kernel.errors import InputError, ValueRangeError
from limus.kernel.statistics.pooling import (
    Asymmetry,
    MetaRegression,
    TrimAndFill,
    fit_meta_regression,
    hartung_knapp_interval,
    pool_subgroups,
    run_begg,
    run_egger,
    run_egger_mixed,
    run_harbord,
    run_peters,
    trim_and_fill,
    wald_interval,
)

__all__ = ["SmallStudyEffects", "SubgroupResult", "explain_by_moderators", "look_for_small_study_effects", "split"]


@dataclass(frozen=True, slots=True)
class SubgroupResult:
    """Pooled effects of subgroups and the test whether they differ.

    Attributes
    ----------
    column : str
    labels : tuple of str
        Subgroup of each study.
    lines : tuple of Line
        One a subgroup.
    q_between, q_between_p : float
    degrees_of_freedom : int
    common_tau2 : bool
    """

    column: str
    labels: tuple[str, ...]
    lines: tuple[Line, ...]
    q_between: float
    q_between_p: float
    degrees_of_freedom: int
    common_tau2: bool


@dataclass(frozen=True, slots=True, eq=False)
class SmallStudyEffects:
    """Tests of small-study effects, and trim and fill; what could not be done says why.

    Attributes
    ----------
    tests : tuple of Asymmetry
    filled : TrimAndFill or None
    reasons : mapping of str to str
        By name of the test.
    """

    tests: tuple[Asymmetry, ...]
    filled: TrimAndFill | None
    reasons: Mapping[str, str]


def split(effects: StudyEffects, plan: PoolPlan, column: str, *, common_tau2: bool = False) -> SubgroupResult:
    """Pool subgroups of studies.

    Parameters
    ----------
    effects : StudyEffects
    plan : PoolPlan
        By inverse variance.
    column : str
        A column of the study table.
    common_tau2 : bool
        Whether the subgroups share one heterogeneity variance.

    Returns
    -------
    SubgroupResult

    Raises
    ------
    InputError
        No such column, a study without a value, or another method than inverse variance.
    ValueRangeError
        Fewer than two subgroups, or too many for a common tau2.
    """
    if plan.method is not Method.IV:
        raise InputError("--subgroup", f"with {plan.method}", "subgroups by inverse variance", "choose --method IV")
    labels = _values(effects, column)
    found = pool_subgroups(effects.effect, effects.variance, labels, plan.estimator, common_tau2=common_tau2)
    pooled = found.pooled
    interval = wald_interval(pooled, plan.level_percent)
    if plan.ci is not CiMethod.WALD:
        interval = hartung_knapp_interval(pooled, plan.level_percent, corrected=plan.ci is CiMethod.HK_CORRECTED)
    lines = tuple(
        Line(
            name,
            int(pooled.studies[at]),
            float(pooled.estimate[at]),
            float(interval.lower[at]),
            float(interval.upper[at]),
            float(pooled.tau2[at]),
            float(pooled.i2_percent[at]),
            str(pooled.status[at]),
        )
        for at, name in enumerate(found.names)
    )
    return SubgroupResult(
        column, labels, lines, found.q_between, found.q_between_p, found.degrees_of_freedom, common_tau2
    )


def explain_by_moderators(effects: StudyEffects, plan: PoolPlan, columns: Sequence[str]) -> MetaRegression:
    """Fit a meta-regression on columns of the study table; a column of words becomes indicator columns.

    Parameters
    ----------
    effects : StudyEffects
    plan : PoolPlan
        By inverse variance; its interval decides between z and Knapp and Hartung.
    columns : sequence of str

    Returns
    -------
    MetaRegression
        An indicator is named ``column: value``; the first value that appears is the one they compare with.

    Raises
    ------
    InputError
        No such column, a study without a value, or another method than inverse variance.
    ValueRangeError
        Not more studies than coefficients, or moderators that explain one another.
    """
    if plan.method is not Method.IV:
        raise InputError("--moderator", f"with {plan.method}", "inverse variance", "choose --method IV")
    parts, names = [], []
    for column in columns:
        values = _values(effects, column)
        numbers = [_number(value) for value in values]
        if all(number is not None for number in numbers):
            parts.append(np.array(numbers, dtype=float))
            names.append(column)
            continue
        for level in list(dict.fromkeys(values))[1:]:
            parts.append(np.array([float(value == level) for value in values]))
            names.append(f"{column}: {level}")
    return fit_meta_regression(
        effects.effect,
        effects.variance,
        np.column_stack(parts),
        names,
        plan.estimator,
        hartung_knapp=plan.ci is not CiMethod.WALD,
        level_percent=plan.level_percent,
    )


def look_for_small_study_effects(effects: StudyEffects, plan: PoolPlan, form: TableForm) -> SmallStudyEffects:
    """Run the tests that suit the measure, and trim and fill.

    Parameters
    ----------
    effects : StudyEffects
    plan : PoolPlan
    form : TableForm

    Returns
    -------
    SmallStudyEffects
        Harbord's and Peters's tests for events only.
    """
    y, v = effects.effect, effects.variance
    estimator = plan.estimator if plan.method is Method.IV else None
    runs: dict[str, Callable[[], Asymmetry]] = {
        "egger": lambda: run_egger(y, v),
        "egger_mixed": lambda: run_egger_mixed(y, v, estimator),
        "begg": lambda: run_begg(y, v),
    }
    if form is TableForm.EVENTS:
        tables = tables_of(effects.studies)
        runs |= {"harbord": lambda: run_harbord(tables), "peters": lambda: run_peters(tables)}
    tests, reasons = [], {}
    for name, run in runs.items():
        try:
            tests.append(run())
        except ValueRangeError as error:
            reasons[name] = f"{error.got}; needs {error.allowed}"
    filled = None
    try:
        filled = trim_and_fill(y, v, estimator)
    except ValueRangeError as error:
        reasons["trim_and_fill"] = f"{error.got}; needs {error.allowed}"
    return SmallStudyEffects(tuple(tests), filled, reasons)


def _values(effects: StudyEffects, column: str) -> tuple[str, ...]:
    there = sorted({name for study in effects.studies for name in study.covariates})
    if column not in there:
        raise InputError("column", column, ", ".join(there) or "no further column in the table", "choose one of these")
    for study in effects.studies:
        if not study.covariates[column]:
            got = f"no single value for {study.name}"
            raise InputError(f"column {column}", got, "one value a study", "fill it in, the same in all its rows")
    return tuple(study.covariates[column] for study in effects.studies)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
