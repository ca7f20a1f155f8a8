"""One trial's data as a batch of one, for the comparisons that power makes of many."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.tables import Table
from limus.trial.analysis.compare_times import TrialTimes, compare_times
from limus.trial.analysis.comparisons import Comparisons, Status, comparison_error
from limus.trial.analysis.covariates import covariate_columns
from limus.trial.analysis.results import EstimandResult
from limus.trial.analysis.times import EventTimes
from limus.trial.design.design import Analysis, AnalysisMethod

__all__ = ["compare_one", "stratum_codes", "trial_times", "with_comparison"]

_LEFT_OUT = "subjects of strata without one of the arms are left out of the comparison"
_NOT_STRATIFIED = "a stratum was not followed to the day; the difference is not stratified"


def stratum_codes(labels: NDArray[np.object_]) -> NDArray[np.int64] | None:
    """Number strata in order of their labels; None where there are not two."""
    names = sorted(set(labels.tolist()))
    if len(names) < 2:
        return None
    place = {name: k for k, name in enumerate(names)}
    return np.array([place[label] for label in labels.tolist()], dtype=np.int64)


def trial_times(
    analysis: Analysis,
    both: EventTimes,
    adsl: Table | None = None,
    characteristics: Mapping[str, str] | None = None,
    below: Mapping[str, float] | None = None,
) -> tuple[TrialTimes, int]:
    """Take the times of two arms as a batch of one.

    Parameters
    ----------
    analysis : Analysis
    both : EventTimes
        Of the two arms.
    adsl : Table, optional
        For covariates.
    characteristics : mapping of str to str, optional
        Variable of ADSL for each covariate name.
    below : mapping of str to float, optional
        By subject, as :attr:`TrialTimes.below`.

    Returns
    -------
    tuple of (TrialTimes, int)
        And how many subjects lack a covariate.

    Raises
    ------
    UnknownNameError
        A covariate that ADSL does not hold.
    """
    strata = stratum_codes(both.stratum) if analysis.stratified else None
    columns = known = value = None
    lacking = 0
    if adsl is not None and analysis.method is AnalysisMethod.COX and analysis.covariates:
        table, _, there = covariate_columns(adsl, both.subject.tolist(), analysis.covariates, characteristics or {})
        columns, known, lacking = table[None], there[None], int((~there).sum())
    if below is not None:
        value = np.array([[below.get(subject, np.nan) for subject in both.subject.tolist()]])
    times = TrialTimes(
        both.time[None],
        both.cause[None],
        (both.arm == analysis.test_arm)[None],
        np.ones((1, len(both.time)), dtype=np.bool_),
        None if strata is None else strata[None],
        columns,
        known,
        value,
        np.array([both.imagined]),
        both.first,
    )
    return times, lacking


def compare_one(result: EstimandResult, analysis: Analysis, times: TrialTimes) -> Comparisons:
    """Compare the two arms of one trial.

    Parameters
    ----------
    result : EstimandResult
        With day, level and margin.
    analysis : Analysis
    times : TrialTimes
        A batch of one.

    Returns
    -------
    Comparisons

    Raises
    ------
    LimusError
        There is no result: why.
    """
    if not times.time.shape[1]:
        raise comparison_error(f"analysis {analysis.name}", Status.NO_COMPARISON)
    found = compare_times(
        times, analysis.method, day=result.day, level_percent=result.level_percent, margin=result.margin
    )
    if found.failed[0]:
        raise comparison_error(f"analysis {analysis.name}", Status(int(found.status[0])))
    return found


def with_comparison(result: EstimandResult, found: Comparisons, unit: str) -> EstimandResult:
    """Put a comparison into a result, ratios as such and not as logarithms, with a warning where strata did not do.

    Parameters
    ----------
    result : EstimandResult
    found : Comparisons
        Of one trial.
    unit : str

    Returns
    -------
    EstimandResult
    """
    numbers = [float(values[0]) for values in (found.estimate, found.low, found.high)]
    effect, low, high = (math.exp(number) for number in numbers) if found.ratio else numbers
    said = {Status.STRATA_LEFT_OUT: (_LEFT_OUT,), Status.NOT_STRATIFIED: (_NOT_STRATIFIED,)}
    return replace(
        result,
        unit=unit,
        effect=effect,
        standard_error=float(found.standard_error[0]),
        low=low,
        high=high,
        p=float(found.p[0]),
        warnings=(*result.warnings, *said.get(Status(int(found.status[0])), ())),
    )
