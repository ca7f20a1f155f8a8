"""Everything that is computed for one pooling, before anything is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from limus.evidence.comparison import Comparison, compare_treatments
from limus.evidence.explanation import (
    SmallStudyEffects,
    SubgroupResult,
    explain_by_moderators,
    look_for_small_study_effects,
    split,
)
from limus.evidence.measures import StudyEffects
from limus.evidence.plan import CiMethod, Method, Model, PoolPlan, Summary
from limus.evidence.pooling import pool_comparison
from limus.evidence.sensitivity import Line, leave_one_out, pool_in_order, pool_otherwise
from limus.evidence.study_checks import require_measure
from limus.evidence.study_table import StudyTable
from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import InputError
from limus.kernel.execution import Execution
from limus.kernel.statistics.pooling import (
    FEWEST_FOR_POWER,
    Influence,
    MetaRegression,
    hartung_knapp_interval,
    measure_influence,
    pool_effects,
)

__all__ = ["Analysis", "Questions", "analyse"]


@dataclass(frozen=True, slots=True)
class Questions:
    """What is asked besides the pooled effect.

    Attributes
    ----------
    treatment : tuple of str
    reference : str or None
    subgroup : str or None
        A column.
    common_tau2 : bool
    moderators : tuple of str
        Columns.
    order : str or None
        A column by which studies are added one after the other.
    """

    treatment: tuple[str, ...] = ()
    reference: str | None = None
    subgroup: str | None = None
    common_tau2: bool = False
    moderators: tuple[str, ...] = ()
    order: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """One pooling with all that belongs to it.

    Attributes
    ----------
    comparison : Comparison
    plan : PoolPlan
    summary : Summary
    effects : StudyEffects
    otherwise, without_one, in_order : tuple of Line
    influence : Influence or None
        None below three studies, and for other methods than inverse variance.
    subgroups : SubgroupResult or None
    regression : MetaRegression or None
    small_studies : SmallStudyEffects
    findings : tuple of Finding
    """

    comparison: Comparison
    plan: PoolPlan
    summary: Summary
    effects: StudyEffects
    otherwise: tuple[Line, ...]
    without_one: tuple[Line, ...]
    in_order: tuple[Line, ...]
    influence: Influence | None
    subgroups: SubgroupResult | None
    regression: MetaRegression | None
    small_studies: SmallStudyEffects
    findings: tuple[Finding, ...]


def analyse(table: StudyTable, plan: PoolPlan, questions: Questions, execution: Execution) -> Analysis:
    """Pool a table and ask everything else of it.

    Parameters
    ----------
    table : StudyTable
        Narrowed to one outcome, time and unit.
    plan : PoolPlan
    questions : Questions
    execution : Execution
        Shows how far the work is.

    Returns
    -------
    Analysis

    Raises
    ------
    InputError
        The table, the plan and the questions do not go together.
    NothingSucceededError
        No study compares the two, or there is no pooled effect.
    """
    progress = execution.progress
    require_measure(table, plan.measure)
    progress.start("pooling", 6)
    try:
        comparison = compare_treatments(table, questions.treatment, questions.reference)
        summary, effects = pool_comparison(comparison, plan)
        asked, plan = plan.ci, plan if summary.studies > 1 else replace(plan, ci=CiMethod.WALD)
        progress.advance()
        regression = explain_by_moderators(effects, plan, questions.moderators) if questions.moderators else None
        subgroups = None
        if questions.subgroup is not None:
            subgroups = split(effects, plan, questions.subgroup, common_tau2=questions.common_tau2)
        progress.advance()
        in_order: tuple[Line, ...] = ()
        if questions.order is not None:
            in_order = pool_in_order(effects, plan, _order(effects, questions.order))
        progress.advance()
        without_one = leave_one_out(effects, plan)
        progress.advance()
        otherwise = pool_otherwise(comparison, plan)
        progress.advance()
        small = look_for_small_study_effects(effects, plan, comparison.form)
        influence = None
        if plan.method is Method.IV and len(effects.studies) >= 3:
            influence = measure_influence(effects.effect, effects.variance, plan.estimator)
        progress.advance()
    finally:
        progress.finish()
    findings = (*comparison.findings, *effects.findings, *_cautions(effects, plan, asked))
    return Analysis(
        comparison,
        plan,
        summary,
        effects,
        otherwise,
        without_one,
        in_order,
        influence,
        subgroups,
        regression,
        small,
        findings,
    )


def _order(effects: StudyEffects, column: str) -> Sequence[int]:
    values = []
    for study in effects.studies:
        if not study.covariates.get(column):
            there = ", ".join(sorted(study.covariates)) or "none"
            got = f"{column}, no single value for {study.name}"
            raise InputError("--order", got, f"a column with one value a study (columns: {there})", "choose another")
        values.append(study.covariates[column])
    try:
        keys: list[float] | list[str] = [float(value) for value in values]
    except ValueError:
        keys = values
    return sorted(range(len(values)), key=lambda at: keys[at])


def _cautions(effects: StudyEffects, plan: PoolPlan, asked: CiMethod) -> list[Finding]:
    """What the numbers are right about and a reader may still be misled by."""
    found = []
    k = len(effects.studies)
    assumed = [study.name for study in effects.studies if study.assumed]
    if assumed:
        got = f"{len(assumed)} of {k} studies: {', '.join(assumed)}"
        do = "look at their notes; the result is no better than they are"
        found.append(Finding("assumed-numbers", Severity.WARNING, "numbers only assumed", got, "read in a source", do))
    if plan.ci is not asked:
        got, do = "one study: Hartung and Knapp's interval does not exist", "Wald's is given"
        found.append(Finding("hartung-knapp-one-study", Severity.WARNING, "interval", got, "", do))
    if plan.ci is not CiMethod.WALD and k == 2:
        got = "two studies: t with one degree of freedom has the quantile 12.7"
        do = "show Wald's interval beside it, and the two studies"
        found.append(
            Finding("hartung-knapp-two-studies", Severity.WARNING, "interval", got, "three studies or more", do)
        )
    if plan.ci is CiMethod.HK and k >= 2:
        pooled = pool_effects(effects.effect, effects.variance, plan.estimator)
        ratio = float(hartung_knapp_interval(pooled).standard_error[0] / pooled.standard_error[0])
        if ratio < 1:
            got = f"Hartung and Knapp's standard error is {ratio:.2f} of Wald's"
            do = "compare with --ci hk_corrected, whose factor is at least 1"
            found.append(Finding("hartung-knapp-narrow", Severity.WARNING, "interval", got, "", do))
    if plan.model is Model.RANDOM and 2 <= k < 5:
        got = f"{k} studies"
        do = "read tau2, I2 and the prediction interval as hardly known"
        found.append(Finding("few-studies", Severity.NOTE, "heterogeneity", got, "five or more to estimate it", do))
    if k < FEWEST_FOR_POWER:
        got = f"{k} studies"
        do = "do not read a large p-value as symmetry"
        found.append(Finding("few-studies", Severity.NOTE, "small-study tests", got, f"{FEWEST_FOR_POWER} or more", do))
    return found
