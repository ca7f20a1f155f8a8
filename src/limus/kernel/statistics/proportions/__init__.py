"""Confidence intervals of a proportion and of two proportions compared, by the methods that papers use."""

from limus.kernel.statistics.proportions.one import one_proportion_intervals
from limus.kernel.statistics.proportions.score import ContrastScale, score_interval
from limus.kernel.statistics.proportions.two import two_proportion_intervals

__all__ = ["ContrastScale", "one_proportion_intervals", "score_interval", "two_proportion_intervals"]
