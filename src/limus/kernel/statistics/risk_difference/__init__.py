"""Difference of two risks, in one table or in strata, with intervals and tests against a margin."""

from limus.kernel.statistics.risk_difference.batch import (
    DifferenceMethod,
    RiskDifferenceBatch,
    StratumWeights,
    risk_difference_batch,
)
from limus.kernel.statistics.risk_difference.compare import RiskDifference, risk_difference
from limus.kernel.statistics.risk_difference.score import restricted_risks, score_statistic

__all__ = [
    "DifferenceMethod",
    "RiskDifference",
    "RiskDifferenceBatch",
    "StratumWeights",
    "restricted_risks",
    "risk_difference",
    "risk_difference_batch",
    "score_statistic",
]
