"""The analysis of a trial from its data sets: nothing but ADaM and the plan goes in.

::

    ADSL ──> flow, baseline          ADTTE ──> events, estimands
    ADAE ──> safety                  ADLB ──> laboratory values, estimands
    ADPPK ──> troughs by visit
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from limus.kernel.errors import FileReadError
from limus.kernel.tables import Table
from limus.trial.analysis.baseline import BaselineRow, describe_baseline
from limus.trial.analysis.estimands import analyse_estimands
from limus.trial.analysis.events import EventSummary, summarise_events
from limus.trial.analysis.flow import TrialFlow, count_flow
from limus.trial.analysis.laboratory import LaboratoryVisit, describe_laboratory
from limus.trial.analysis.levels import LevelVisit, describe_levels
from limus.trial.analysis.results import EstimandResult
from limus.trial.analysis.safety import SafetyRow, describe_safety
from limus.trial.design.analysis_plan import AnalysisPlan

__all__ = ["TrialAnalysis", "analyse_trial", "landmarks_of"]

_YEAR_DAYS = 365.0


@dataclass(frozen=True, eq=False)
class TrialAnalysis:
    """Everything that the data sets and the plan say.

    Attributes
    ----------
    plan : AnalysisPlan
    flow : TrialFlow
    baseline : tuple of BaselineRow
    estimands : tuple of EstimandResult
    events : tuple of EventSummary
    laboratory : tuple of LaboratoryVisit
    levels : tuple of LevelVisit
    safety : tuple of SafetyRow
    landmarks : tuple of float
        Days at which risks of events are read.
    """

    plan: AnalysisPlan
    flow: TrialFlow
    baseline: tuple[BaselineRow, ...]
    estimands: tuple[EstimandResult, ...]
    events: tuple[EventSummary, ...]
    laboratory: tuple[LaboratoryVisit, ...]
    levels: tuple[LevelVisit, ...]
    safety: tuple[SafetyRow, ...]
    landmarks: tuple[float, ...]


def analyse_trial(adam: Mapping[str, Table], plan: AnalysisPlan) -> TrialAnalysis:
    """Analyse a trial.

    Parameters
    ----------
    adam : mapping of str to Table
        ADSL and ADTTE; ADLB, ADAE and ADPPK where there are any.
    plan : AnalysisPlan

    Returns
    -------
    TrialAnalysis

    Raises
    ------
    FileReadError
        ADSL or ADTTE is missing.
    """
    missing = [name for name in ("ADSL", "ADTTE") if name not in adam]
    if missing:
        raise FileReadError("ADaM", ", ".join(adam) or "nothing", "ADSL and ADTTE", f"add {', '.join(missing)}")
    estimands = analyse_estimands(adam, plan)
    landmarks = landmarks_of(plan)
    primary = next((one for one in estimands if one.primary), None)
    return TrialAnalysis(
        plan,
        count_flow(adam["ADSL"], plan, primary.population if primary else "ITTFL"),
        tuple(describe_baseline(adam["ADSL"], plan)),
        tuple(estimands),
        tuple(summarise_events(adam["ADTTE"], plan, landmarks)),
        tuple(describe_laboratory(adam["ADLB"], plan)) if "ADLB" in adam else (),
        tuple(describe_levels(adam["ADPPK"], plan)) if "ADPPK" in adam else (),
        tuple(describe_safety(adam, plan)),
        landmarks,
    )


def landmarks_of(plan: AnalysisPlan) -> tuple[float, ...]:
    """Return the days at which risks are read: a year, and the end where it is later."""
    days: Sequence[float] = (min(_YEAR_DAYS, plan.duration_days), plan.duration_days)
    return tuple(dict.fromkeys(days))
