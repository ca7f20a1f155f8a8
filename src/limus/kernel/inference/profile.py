"""Profile-likelihood interval of one parameter."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from limus.kernel.errors import ValueRangeError
from limus.kernel.inference.least_squares import fit_least_squares
from limus.kernel.inference.problem import Bounds, FitStatus, Floats, JacobianFunction, ResidualFunction, check_start

__all__ = ["ProfileEnd", "ProfileInterval", "profile_interval"]

MOST_DOUBLINGS = 60


class ProfileEnd(StrEnum):
    """How one side of a profile ended.

    ``closed``: the interval ends here. ``bound``: the parameter's bound came first. ``open``: the sum of squares stays
    below the threshold however far the parameter goes; the data do not limit it on this side. ``better_minimum``: a
    smaller sum of squares than the given minimum was found on the way; fit again from there. ``failed``: a fit of the
    other parameters failed.
    """

    CLOSED = "closed"
    BOUND = "bound"
    OPEN = "open"
    BETTER_MINIMUM = "better_minimum"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ProfileInterval:
    """A profile-likelihood interval.

    Attributes
    ----------
    estimate : float
        The parameter's estimate.
    lower, upper : float or None
        Ends, in the parameter's unit; None unless that side is ``closed``.
    lower_end, upper_end : ProfileEnd
        How each side ended.
    level : float
        Confidence level, a fraction.
    threshold : float
        Sum of squares at the ends.
    """

    estimate: float
    lower: float | None
    upper: float | None
    lower_end: ProfileEnd
    upper_end: ProfileEnd
    level: float
    threshold: float


def profile_interval(
    residuals: ResidualFunction,
    estimates: ArrayLike,
    parameter: int,
    *,
    level: float = 0.95,
    known_variance: bool = False,
    bounds: Bounds | None = None,
    jacobian: JacobianFunction | None = None,
) -> ProfileInterval:
    """Find where the sum of squares, minimised over all other parameters, crosses the threshold.

    ``S(b) = S_min (1 + F(level; 1, R - P) / (R - P))``, or ``S_min + chi2(level; 1)`` with known variance.

    Parameters
    ----------
    residuals : ResidualFunction
        Residuals of one problem; called with one lane.
    estimates : (P,) array_like
        Parameters at the minimum.
    parameter : int
        Index of the parameter to profile.
    level : float
        Confidence level, between 0 and 1.
    known_variance : bool
        True if the residuals are divided by a known standard deviation (as with priors).
    bounds : Bounds, optional
        Box for the parameters.
    jacobian : JacobianFunction, optional
        Derivatives.

    Returns
    -------
    ProfileInterval
        An open side is None with its reason, never a number.

    Raises
    ------
    ValueRangeError
        The level, the index or the estimates are out of range, or no degree of freedom is left.

    Notes
    -----
    Bates and Watts (1988) Nonlinear Regression Analysis, section 6.1.
    """
    start, box = check_start(np.atleast_2d(np.asarray(estimates, dtype=np.float64)), bounds)
    if start.shape[0] != 1 or not 0 <= parameter < start.shape[1]:
        raise ValueRangeError("parameter", parameter, f"0 to {start.shape[1] - 1}, one problem", "correct the index")
    if not 0 < level < 1:
        raise ValueRangeError("level", level, "between 0 and 1", "give a fraction")
    values = residuals(start)
    minimum = float(np.sum(values**2))
    threshold = _threshold(minimum, values.shape[1] - start.shape[1], level, known_variance)
    fitted = fit_least_squares(residuals, start, bounds=box, jacobian=jacobian)
    error = float(
        np.sqrt((fitted.unscaled_covariance if known_variance else fitted.covariance)[0, parameter, parameter])
    )
    here = float(start[0, parameter])
    first = error if np.isfinite(error) and error > 0 else 0.1 * (abs(here) or 1.0)
    ends = []
    for sign, wall in ((-1.0, float(box.lower[parameter])), (1.0, float(box.upper[parameter]))):
        profile = _Profile(residuals, jacobian, start[0], parameter, box)
        ends.append(_find_end(profile, here, sign * first, wall, minimum, threshold))
    (lower, lower_end), (upper, upper_end) = ends
    return ProfileInterval(here, lower, upper, lower_end, upper_end, level, threshold)


def _threshold(minimum: float, freedom: int, level: float, known_variance: bool) -> float:
    from scipy import special  # noqa: PLC0415

    if known_variance:
        return minimum + 2 * float(special.erfinv(level)) ** 2
    if freedom < 1:
        raise ValueRangeError("residuals", f"{freedom} degrees of freedom", "1 or more", "add data or fix a parameter")
    return minimum * (1 + float(special.stdtrit(freedom, 0.5 + 0.5 * level)) ** 2 / freedom)


class _Profile:
    """Sum of squares with one parameter fixed and the others fitted from where they were last."""

    def __init__(
        self,
        residuals: ResidualFunction,
        jacobian: JacobianFunction | None,
        estimates: Floats,
        parameter: int,
        box: Bounds,
    ) -> None:
        self.residuals, self.jacobian, self.parameter = residuals, jacobian, parameter
        self.others = np.delete(estimates, parameter)
        self.bounds = Bounds.create(np.delete(box.lower, parameter), np.delete(box.upper, parameter))
        self.failed = False

    def __call__(self, value: float) -> float:
        def fill(others: Floats) -> Floats:
            return np.insert(others, self.parameter, value, axis=1)

        def reduced(others: Floats, /) -> Floats:
            return self.residuals(fill(others))

        def reduced_jacobian(others: Floats, /) -> Floats:
            assert self.jacobian is not None
            return np.delete(self.jacobian(fill(others)), self.parameter, axis=2)

        if not len(self.others):
            return float(np.sum(reduced(np.empty((1, 0))) ** 2))
        fit = fit_least_squares(
            reduced,
            self.others[np.newaxis],
            bounds=self.bounds,
            jacobian=None if self.jacobian is None else reduced_jacobian,
            tolerance=1e-6,
        )
        if fit.status[0] in (FitStatus.NOT_FINITE, FitStatus.MAX_ITERATIONS):
            self.failed = True
            return np.inf
        self.others = fit.parameters[0]
        return float(fit.sum_of_squares[0])


def _find_end(
    profile: _Profile, here: float, step: float, wall: float, minimum: float, threshold: float
) -> tuple[float | None, ProfileEnd]:
    """Walk outwards in doubling steps until the threshold is crossed, then close in on it."""
    from scipy.optimize import brentq  # noqa: PLC0415

    inside, distance = here, step
    for _ in range(MOST_DOUBLINGS):
        outside = here + distance
        at_wall = outside <= wall if step < 0 else outside >= wall
        outside = wall if at_wall else outside
        height = profile(outside)
        if profile.failed:
            return None, ProfileEnd.FAILED
        if height < minimum * (1 - 1e-6) - 1e-300:
            return None, ProfileEnd.BETTER_MINIMUM
        if height >= threshold:
            end = float(brentq(lambda b: profile(b) - threshold, inside, outside, xtol=1e-12, rtol=1e-10))
            return (None, ProfileEnd.FAILED) if profile.failed else (end, ProfileEnd.CLOSED)
        if at_wall:
            return None, ProfileEnd.BOUND
        inside, distance = outside, 2 * distance
    return None, ProfileEnd.OPEN
