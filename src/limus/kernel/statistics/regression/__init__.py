"""Linear regression of one response: comparison of groups adjusted for covariates.

Not here yet, and where it would go: the mixed model for repeated measures (MMRM), ``mixed_repeated.py`` beside
``adjusted_means.py``, with the same records of means and contrasts.
"""

from limus.kernel.statistics.regression.adjusted_differences import AdjustedDifferenceBatch, adjusted_difference_batch
from limus.kernel.statistics.regression.adjusted_means import (
    AdjustedMean,
    AdjustedMeans,
    MeanContrast,
    Robust,
    adjusted_means,
)

__all__ = [
    "AdjustedDifferenceBatch",
    "AdjustedMean",
    "AdjustedMeans",
    "MeanContrast",
    "Robust",
    "adjusted_difference_batch",
    "adjusted_means",
]
