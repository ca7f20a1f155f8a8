"""Difference of two risks, in one table or in strata, with intervals and tests against a margin."""

from limus.kernel.statistics.risk_difference.compare import (
    DifferenceMethod,
    RiskDifference,
    StratumWeights,
    risk_difference,
)
from limus.kernel.statistics.risk_difference.score import (
    RiskDifferenceBatch,
    restricted_risks,
    risk_difference_batch,
    score_statistic,
)

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
