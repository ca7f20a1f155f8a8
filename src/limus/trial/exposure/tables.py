"""Tables out of an exposure history: the log of decisions, and how many levels lie in the window at each visit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Column, Table
from limus.trial.design.treatment import DrugPlan
from limus.trial.exposure.history import DECISION_NAMES, SAMPLE_NAMES, Decision, ExposureHistory, Sample

__all__ = ["EVENT_LOG_COLUMNS", "TROUGH_COLUMNS", "decision_counts", "decision_log", "troughs_in_window"]

Floats = NDArray[np.float64]

EVENT_LOG_COLUMNS = (
    Column("subject", meaning="place of the subject"),
    Column("compound", meaning="drug"),
    Column("day", number=True, meaning="day of the visit after transplantation"),
    Column("sampling_day", number=True, blank=True, meaning="when blood was taken"),
    Column("sample", meaning="what became of the level"),
    Column("level_ng_per_ml", number=True, blank=True, meaning="what the laboratory reported"),
    Column("low_ng_per_ml", number=True, blank=True, meaning="lower end of the window"),
    Column("high_ng_per_ml", number=True, blank=True, meaning="upper end of the window"),
    Column("asked_mg_per_day", number=True, blank=True, meaning="what the rule asked for"),
    Column("before_mg_per_day", number=True, blank=True, meaning="dose in force until the visit"),
    Column("after_mg_per_day", number=True, blank=True, meaning="dose in force after the visit"),
    Column("decision", meaning="what was decided"),
)
TROUGH_COLUMNS = (
    Column("compound", meaning="drug"),
    Column("day", number=True, meaning="scheduled day after transplantation"),
    Column("measured", number=True, meaning="levels that were measured"),
    Column("low_ng_per_ml", number=True, blank=True, meaning="lower end of the window"),
    Column("high_ng_per_ml", number=True, blank=True, meaning="upper end of the window"),
    Column("p10_ng_per_ml", number=True, blank=True, meaning="10th percentile of the levels"),
    Column("p50_ng_per_ml", number=True, blank=True, meaning="median level"),
    Column("p90_ng_per_ml", number=True, blank=True, meaning="90th percentile of the levels"),
    Column("below_percent", number=True, blank=True, meaning="levels below the window"),
    Column("within_percent", number=True, blank=True, meaning="levels in the window"),
    Column("above_percent", number=True, blank=True, meaning="levels above the window"),
    Column("within_standard_error", number=True, blank=True, meaning="Monte Carlo error"),
    Column("true_within_percent", number=True, blank=True, meaning="true troughs in the window"),
    Column(
        "median_dose_mg_per_day", number=True, blank=True, meaning="dose in force after the visit, of those on drug"
    ),
)


def decision_log(history: ExposureHistory, plan: DrugPlan, *, subjects: Sequence[int] | None = None) -> Table:
    """Write out the decisions, one row a subject and visit at which something was decided.

    Parameters
    ----------
    history : ExposureHistory
    plan : DrugPlan
        The one that was simulated.
    subjects : sequence of int, optional
        Places of the subjects wanted; all by default.

    Returns
    -------
    Table
        Columns :data:`EVENT_LOG_COLUMNS`.

    Raises
    ------
    ValueRangeError
        A subject that the history has not.
    """
    chosen = np.arange(len(history.aim_ratio)) if subjects is None else np.asarray(subjects, dtype=np.int64)
    if len(chosen) and (chosen.min() < 0 or chosen.max() >= len(history.aim_ratio)):
        allowed = f"0 to {len(history.aim_ratio) - 1}"
        raise ValueRangeError("decision_log, subjects", int(chosen.max()), allowed, "name other subjects")
    place, visit = np.nonzero(history.decision[chosen] != Decision.NONE)
    row = chosen[place]
    low, high = _windows(plan, history.visit_day)
    before = np.concatenate([np.zeros((len(chosen), 1)), history.dose_mg_per_day[chosen, :-1]], axis=1)
    return Table.create(
        {
            "subject": row.astype(str),
            "compound": np.full(len(row), history.compound),
            "day": history.actual_day[row, visit],
            "sampling_day": history.sampling_day[row, visit],
            "sample": np.array([SAMPLE_NAMES[Sample(code)] for code in history.sample[row, visit]], dtype=object),
            "level_ng_per_ml": history.trough_measured_ng_per_ml[row, visit],
            "low_ng_per_ml": low[visit],
            "high_ng_per_ml": high[visit],
            "asked_mg_per_day": history.asked_mg_per_day[row, visit],
            "before_mg_per_day": before[place, visit],
            "after_mg_per_day": history.dose_mg_per_day[row, visit],
            "decision": np.array([DECISION_NAMES[Decision(c)] for c in history.decision[row, visit]], dtype=object),
        },
    )


def decision_counts(history: ExposureHistory) -> dict[str, int]:
    """Count the decisions of each kind, over subjects and visits.

    Parameters
    ----------
    history : ExposureHistory

    Returns
    -------
    dict of str to int
        By the names of :data:`DECISION_NAMES`.
    """
    counts = np.bincount(history.decision.ravel(), minlength=len(DECISION_NAMES))
    return {name: int(counts[code]) for code, name in DECISION_NAMES.items()}


def troughs_in_window(history: ExposureHistory, plan: DrugPlan, *, until_day: ArrayLike | None = None) -> Table:
    r"""Summarise the levels of each visit against the window in force: what a ribbon figure shows.

    Parameters
    ----------
    history : ExposureHistory
    plan : DrugPlan
    until_day : (N,) array_like, optional
        Day after which a subject counts no more (death, discontinuation); never by default.

    Returns
    -------
    Table
        Columns :data:`TROUGH_COLUMNS`; percentages are of the levels measured, both ends of the window included, with
        the standard error :math:`\sqrt{p(1-p)/n}`. The window of a visit is the one in force before it: the one that
        the dose was aimed at.
    """
    ends = np.full(len(history.aim_ratio), np.inf) if until_day is None else np.asarray(until_day, dtype=np.float64)
    low, high = _windows(plan, history.visit_day)
    rows = []
    for v, day in enumerate(history.visit_day):
        aimed = max(v - 1, 0) if history.visit_day[v] > plan.start_day else v
        here = history.actual_day[:, v] <= ends
        level = history.trough_measured_ng_per_ml[here, v]
        # a level below the limit of quantification lies below the window
        low_ones = int((history.sample[here, v] == Sample.BELOW_LIMIT).sum())
        level = level[~np.isnan(level)]
        rows.append(_summary(history, level, low_ones, here, v, float(low[aimed]), float(high[aimed]), float(day)))
    columns = {name.name: [row[k] for row in rows] for k, name in enumerate(TROUGH_COLUMNS)}
    return Table.create(columns)


def _windows(plan: DrugPlan, days: Floats) -> tuple[Floats, Floats]:
    windows = [plan.window_at(float(day)) for day in days]
    low = [np.nan if window is None else window.low_ng_per_ml for window in windows]
    high = [np.nan if window is None else window.high_ng_per_ml for window in windows]
    return np.array(low), np.array(high)


def _summary(
    history: ExposureHistory,
    level: Floats,
    low_ones: int,
    here: NDArray[np.bool_],
    v: int,
    low: float,
    high: float,
    day: float,
) -> tuple[object, ...]:
    count = len(level) + low_ones
    doses = history.dose_mg_per_day[here, v]
    doses = doses[doses > 0]
    dose = float(np.median(doses)) if len(doses) else 0.0
    if not count:
        return (history.compound, day, 0, low, high, *[float("nan")] * 8, dose)
    all_levels = np.concatenate([np.zeros(low_ones), level])
    tenth, half, ninetieth = np.percentile(all_levels, [10, 50, 90])
    below = (all_levels < low).mean()
    above = (all_levels > high).mean()
    within = 1.0 - below - above if not np.isnan(low) else np.nan
    error = np.sqrt(within * (1.0 - within) / count)
    sampled = np.isin(history.sample[here, v], (Sample.MEASURED, Sample.BELOW_LIMIT))
    true = history.trough_true_ng_per_ml[here, v][sampled]
    true_within = ((true >= low) & (true <= high)).mean() if not np.isnan(low) else np.nan
    percent = [100.0 * float(share) for share in (below, within, above, error, true_within)]
    return (history.compound, day, count, low, high, float(tenth), float(half), float(ninetieth), *percent, dose)
