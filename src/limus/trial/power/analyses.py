"""The analyses of a plan on many simulated replicates at once: what each data set's own analysis would give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.trial.analysis.compare_times import compare_times
from limus.trial.analysis.compare_values import compare_values
from limus.trial.analysis.comparisons import Comparisons, shows
from limus.trial.analysis.estimands import check_analysis, interval_level, margin_of
from limus.trial.design.analysis_plan import AnalysisPlan
from limus.trial.design.design import Analysis, EndpointKind
from limus.trial.power.recorded import recorded_times, recorded_values
from limus.trial.simulation.replicates import SimulatedTrial

__all__ = ["ReplicateResults", "analyse_replicates"]


@dataclass(frozen=True, eq=False)
class ReplicateResults:
    """One analysis in R replicates.

    Attributes
    ----------
    compared : Comparisons
    shown : (R,) array of bool
        Whether the hypothesis is shown; not without a result.
    """

    compared: Comparisons
    shown: NDArray[np.bool_]


def analyse_replicates(trial: SimulatedTrial, plan: AnalysisPlan, analysis: Analysis) -> ReplicateResults:
    """Run one analysis on every replicate, as it would be run on the replicate's data sets.

    Parameters
    ----------
    trial : SimulatedTrial
        R replicates.
    plan : AnalysisPlan
    analysis : Analysis

    Returns
    -------
    ReplicateResults

    Raises
    ------
    RefusedError
        The analysis cannot answer its estimand, whatever the data.
    InputError
        The analysis, its endpoint and its estimand do not fit.
    """
    endpoint = plan.endpoint_named(analysis.endpoint)
    check_analysis(plan, analysis)
    level, margin = interval_level(analysis), margin_of(analysis)
    if endpoint.kind is EndpointKind.VALUE and not endpoint.events:
        values = recorded_values(trial, plan, analysis)
        better = endpoint.higher_is_better
        found = compare_values(values, level_percent=level, margin=margin, higher_is_better=better)
    else:
        times = recorded_times(trial, plan, analysis)
        found = compare_times(times, analysis.method, day=endpoint.day, level_percent=level, margin=margin)
    return ReplicateResults(found, shows(found, analysis.hypothesis, margin))
