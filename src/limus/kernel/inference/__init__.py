"""The one inference layer: batched nonlinear least squares, priors, several starts, profile-likelihood intervals.

It takes a residual function ``residuals(parameters[B, P]) -> [B, R]`` over B independent lanes, never a model. For very
many small problems :func:`fit_many` and :func:`profile_many` take residuals and derivatives together and leave out
lanes that have ended.
"""

from limus.kernel.inference.least_squares import LeastSquaresFit, fit_least_squares, select_lanes
from limus.kernel.inference.many import fit_many
from limus.kernel.inference.multi_start import BestOfStarts, best_of, sample_starts
from limus.kernel.inference.priors import with_normal_prior, with_normal_prior_rows
from limus.kernel.inference.problem import (
    Bounds,
    FitStatus,
    JacobianFunction,
    LaneProblem,
    LaneQuantity,
    ResidualFunction,
)
from limus.kernel.inference.profile import ProfileEnd, ProfileInterval, profile_interval
from limus.kernel.inference.profile_many import ManyProfiles, profile_many

__all__ = [
    "BestOfStarts",
    "Bounds",
    "FitStatus",
    "JacobianFunction",
    "LaneProblem",
    "LaneQuantity",
    "LeastSquaresFit",
    "ManyProfiles",
    "ProfileEnd",
    "ProfileInterval",
    "ResidualFunction",
    "best_of",
    "fit_least_squares",
    "fit_many",
    "profile_interval",
    "profile_many",
    "sample_starts",
    "select_lanes",
    "with_normal_prior",
    "with_normal_prior_rows",
]
