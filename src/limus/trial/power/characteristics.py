"""What replicates say together: power or type I error, bias, coverage, arms and allocation, each with its error.

Each simulated figure has its Monte Carlo standard error (Morris, White and Crowther 2019, Stat Med 38:2074, table 6):
``sqrt(p (1 - p) / R)`` of a share, ``sd / sqrt(R)`` of a bias, ``sd / sqrt(2 (R - 1))`` of an empirical error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.trial.analysis.comparisons import Status
from limus.trial.analysis.estimands import interval_level
from limus.trial.design.design import Analysis, Design
from limus.trial.power.replicates import RESULT_FIELDS

__all__ = ["ArmSummary", "Characteristics", "summarise", "summarise_allocation"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Characteristics:
    """How one analysis does over R replicates.

    Attributes
    ----------
    analysis : str
    replicates : int
    shown_fraction, shown_mcse : float
        Share of replicates that show the hypothesis: power, or type I error under a null.
    truth : float
        True effect; NaN where it has no closed form here (hazard ratios).
    mean_estimate, bias, bias_mcse : float
    empirical_se, empirical_se_mcse, model_se : float
        Standard deviation of the estimates, and the root mean square of their standard errors.
    coverage_fraction, coverage_mcse : float
        Of the interval at the analysis' own level.
    coverage_level_percent : float
    not_converged, unstratified, strata_left_out : int
        Replicates without a result (they count as not shown), those analysed without strata, and those in which a
        stratum lacked an arm.
    """

    analysis: str
    replicates: int
    shown_fraction: float
    shown_mcse: float
    truth: float
    mean_estimate: float
    bias: float
    bias_mcse: float
    empirical_se: float
    empirical_se_mcse: float
    model_se: float
    coverage_fraction: float
    coverage_mcse: float
    coverage_level_percent: float
    not_converged: int
    unstratified: int
    strata_left_out: int


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """Mean over replicates of what an arm shows, with its Monte Carlo standard error; percentages 0 to 100."""

    arm: str
    quantity: str
    unit: str
    mean: float
    mcse: float


def summarise(
    design: Design, chunks: Sequence[Mapping[str, Any]], truths: Mapping[str, float]
) -> tuple[tuple[Characteristics, ...], tuple[ArmSummary, ...]]:
    """Reduce chunks to operating characteristics.

    Parameters
    ----------
    design : Design
    chunks : sequence of mapping
        From :func:`run_replicates`.
    truths : mapping of str to float
        True effect of each analysis; NaN where unknown.

    Returns
    -------
    tuple of (tuple of Characteristics, tuple of ArmSummary)
    """
    characteristics = []
    for name in chunks[0]["analyses"]:
        joined = {field: _joined(chunks, name, field) for field in RESULT_FIELDS}
        characteristics.append(_characterise(_analysis(design, name), joined, truths.get(name, math.nan)))
    return tuple(characteristics), _summarise_arms(design, chunks)


def _joined(chunks: Sequence[Mapping[str, Any]], name: str, field: str) -> Floats:
    values = [value for chunk in chunks for value in chunk["analyses"][name][field]]
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _characterise(analysis: Analysis, found: Mapping[str, Floats], truth: float) -> Characteristics:
    count = len(found["shown"])
    shown = float(found["shown"].mean())
    usable = np.isfinite(found["estimate"])
    estimates, errors = found["estimate"][usable], found["standard_error"][usable]
    number = len(estimates)
    spread = float(estimates.std(ddof=1)) if number > 1 else math.nan
    covered = (found["low"] <= truth) & (truth <= found["high"])
    coverage = float(covered[usable].mean()) if number and math.isfinite(truth) else math.nan
    mean = float(estimates.mean()) if number else math.nan
    return Characteristics(
        analysis=analysis.name,
        replicates=count,
        shown_fraction=shown,
        shown_mcse=math.sqrt(shown * (1 - shown) / count),
        truth=truth,
        mean_estimate=mean,
        bias=mean - truth,
        bias_mcse=spread / math.sqrt(number) if number > 1 else math.nan,
        empirical_se=spread,
        empirical_se_mcse=spread / math.sqrt(2 * (number - 1)) if number > 1 else math.nan,
        model_se=float(np.sqrt((errors**2).mean())) if number else math.nan,
        coverage_fraction=coverage,
        coverage_mcse=math.sqrt(coverage * (1 - coverage) / number) if number else math.nan,
        coverage_level_percent=interval_level(analysis),
        not_converged=int((found["status"] >= Status.NO_EVENT).sum()),
        unstratified=int((found["status"] == Status.NOT_STRATIFIED).sum()),
        strata_left_out=int((found["status"] == Status.STRATA_LEFT_OUT).sum()),
    )


def _summarise_arms(design: Design, chunks: Sequence[Mapping[str, Any]]) -> tuple[ArmSummary, ...]:
    rows = []
    for quantity in chunks[0]["arms"]:
        unit = "percent" if " by day " in quantity else "mL/min/1.73m2" if quantity.startswith("eGFR") else "ng/mL"
        for number, arm in enumerate(design.arms):
            listed = [value for chunk in chunks for value in chunk["arms"][quantity][number]]
            values = np.array([np.nan if value is None else value for value in listed], dtype=np.float64)
            values = values[np.isfinite(values)]
            if not len(values):
                continue
            mcse = float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
            rows.append(ArmSummary(arm.name, quantity, unit, float(values.mean()), mcse))
    return tuple(rows)


def summarise_allocation(chunks: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Reduce the measures of the allocation: mean over replicates, its Monte Carlo standard error, and the largest.

    Parameters
    ----------
    chunks : sequence of mapping
        From :func:`run_replicates`.

    Returns
    -------
    dict of str to dict
        ``imbalance`` and ``imbalance_within_strata`` in units of the ratio; ``guess_fraction``.
    """
    found = {}
    for name in chunks[0]["allocation"]:
        values = np.array([value for chunk in chunks for value in chunk["allocation"][name]])
        mcse = float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
        found[name] = {"mean": float(values.mean()), "mcse": mcse, "largest": float(values.max())}
    return found


def _analysis(design: Design, name: str) -> Analysis:
    return next(analysis for analysis in design.analyses if analysis.name == name)
