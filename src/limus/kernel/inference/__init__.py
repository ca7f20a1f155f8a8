"""The one inference layer: batched nonlinear least squares, priors, several starts, profile-likelihood intervals.

It takes a residual function ``residuals(parameters[B, P]) -> [B, R]`` over B independent lanes, never a model.
"""

from limus.kernel.inference.least_squares import LeastSquaresFit, fit_least_squares, select_lanes
from limus.kernel.inference.multi_start import BestOfStarts, best_of, sample_starts
from limus.kernel.inference.priors import with_normal_prior, with_normal_prior_rows
from limus.kernel.inference.problem import Bounds, FitStatus, JacobianFunction, ResidualFunction
from limus.kernel.inference.profile import ProfileEnd, ProfileInterval, profile_interval

__all__ = [
    "BestOfStarts",
    "Bounds",
    "FitStatus",
    "JacobianFunction",
    "LeastSquaresFit",
    "ProfileEnd",
    "ProfileInterval",
    "ResidualFunction",
    "best_of",
    "fit_least_squares",
    "profile_interval",
    "sample_starts",
    "select_lanes",
    "with_normal_prior",
    "with_normal_prior_rows",
]
