"""Profile-likelihood intervals of a derived quantity in very many lanes at once.

A spring pulls the quantity g towards a place c: the minimum of ``S(b) + k**2 (g(b) - c)**2`` fulfils the condition of
Lagrange for the smallest S at its own value of g, so it lies on the profile of g exactly, however stiff the spring.
Moving c outwards walks along the profile; no parameter has to be solved for. Bates and Watts (1988), Nonlinear
Regression Analysis, section 6.1, for the interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.inference.many import fit_many
from limus.kernel.inference.problem import Bounds, FitStatus, Floats, LaneProblem, LaneQuantity, check_start
from limus.kernel.inference.profile import ProfileEnd

__all__ = ["ManyProfiles", "profile_many"]

STIFFNESS = 10.0
MOST_MOVES = 60
# How far the root of the sum of squares may be from that of the threshold, relative.
CLOSE = 1e-7


@dataclass(frozen=True, eq=False)
class ManyProfiles:
    """Profile-likelihood intervals of B lanes.

    Attributes
    ----------
    lower, upper : (B,) numpy.ndarray
        Ends in the quantity's unit; NaN unless that side is ``closed``; read-only.
    lower_end, upper_end : tuple of ProfileEnd
        How each side ended.
    """

    lower: Floats
    upper: Floats
    lower_end: tuple[ProfileEnd, ...]
    upper_end: tuple[ProfileEnd, ...]


def profile_many(
    problem: LaneProblem,
    quantity: LaneQuantity,
    estimates: ArrayLike,
    *,
    standard_errors: ArrayLike,
    rise: ArrayLike,
    scale: ArrayLike,
    bounds: Bounds | None = None,
    farthest: ArrayLike = np.inf,
) -> ManyProfiles:
    """Find where the sum of squares, minimised with the quantity held, has risen by a given amount, on both sides.

    Parameters
    ----------
    problem : LaneProblem
        Residuals of B lanes.
    quantity : LaneQuantity
        What the intervals are for.
    estimates : (B, P) array_like
        Parameters at the minimum.
    standard_errors : (B,) array_like
        Of the quantity; where they are not finite the first step is 1 in the quantity's unit.
    rise : (B,) array_like
        How much the sum of squares is above the minimum at an end, positive: ``s**2 F(level; 1, degrees)``, or the
        quantile of chi-square where residuals are standardised.
    scale : (B,) array_like
        Variance s**2 of a residual, positive (1 where residuals are standardised); sets the spring alone.
    bounds : Bounds, optional
        Box for the parameters.
    farthest : float or (B,) array_like
        A side that is not closed at this distance from the estimate is ``open``.

    Returns
    -------
    ManyProfiles
        A side that is not closed is NaN with its reason, never a number.

    Raises
    ------
    ValueRangeError
        Shapes that differ, or a rise or scale that is not positive.
    """
    start, box = check_start(estimates, bounds)
    lanes = len(start)
    error, above, variance, far = (
        np.broadcast_to(np.asarray(a, dtype=np.float64), (lanes,)).copy()
        for a in (standard_errors, rise, scale, farthest)
    )
    for name, array in (("rise", above), ("scale", variance)):
        if not (array > 0).all():
            raise ValueRangeError(name, array[~(array > 0)][0], "positive numbers", "leave such lanes out")
    error = np.where(np.isfinite(error) & (error > 0), error, 1.0)
    twice = np.concatenate([np.arange(lanes)] * 2)
    sign = np.repeat([-1.0, 1.0], lanes)
    walk = _Walk(problem, quantity, start, twice, sign, box)
    walk.prepare(error[twice], above[twice], variance[twice], far[twice])
    ends, reasons = walk.run()
    for array in (ends[:lanes], ends[lanes:]):
        array.flags.writeable = False
    names = [ProfileEnd(str(reason)) for reason in reasons]
    return ManyProfiles(ends[:lanes], ends[lanes:], tuple(names[:lanes]), tuple(names[lanes:]))


@dataclass(frozen=True, eq=False)
class _Spring:
    """A problem with one more residual: the spring."""

    problem: LaneProblem
    quantity: LaneQuantity
    stiffness: Floats
    place: Floats

    def take(self, lanes: NDArray[np.intp], /) -> _Spring:
        return _Spring(self.problem.take(lanes), self.quantity.take(lanes), self.stiffness[lanes], self.place[lanes])

    def evaluate(self, parameters: Floats, /) -> tuple[Floats, Floats]:
        values, columns = self.problem.evaluate(parameters)
        number, gradient = self.quantity.evaluate(parameters)
        row = self.stiffness * (number - self.place)
        slopes = self.stiffness * gradient
        return (
            np.concatenate([values, row[:, np.newaxis]], axis=1),
            np.concatenate([columns, slopes[:, :, np.newaxis]], axis=2),
        )


class _Walk:
    """Both sides of all lanes as lanes of their own, each moving its place c until the threshold is met."""

    def __init__(
        self,
        problem: LaneProblem,
        quantity: LaneQuantity,
        start: Floats,
        source: NDArray[np.intp],
        sign: Floats,
        box: Bounds,
    ) -> None:
        self.problem, self.quantity, self.source, self.sign = problem.take(source), quantity.take(source), source, sign
        self.parameters = start[source]
        self.lower, self.upper = (np.broadcast_to(end, start.shape)[source] for end in (box.lower, box.upper))
        with np.errstate(all="ignore"):
            values = self.problem.evaluate(self.parameters)[0]
            self.middle = np.array(self.quantity.evaluate(self.parameters)[0])
            self.least = np.einsum("br,br->b", values, values)

    def prepare(self, error: Floats, above: Floats, variance: Floats, far: Floats) -> None:
        """Set springs, thresholds and the first places."""
        self.above, self.far = above, far
        self.stiffness = np.sqrt(STIFFNESS * variance) / error
        first = error * np.sqrt(above / variance) * (1 + 1 / STIFFNESS)
        self.distance = np.minimum(first, 1e300)
        # how far c has to go at least and at most, and the height there: root of rise over threshold, minus 1
        self.inside, self.inside_height = np.zeros_like(first), np.full_like(first, -1.0)
        self.outside, self.outside_height = np.full_like(first, np.inf), np.full_like(first, np.inf)
        self.last_low = np.zeros(first.shape, dtype=np.int8)

    def run(self) -> tuple[Floats, NDArray[np.object_]]:
        """Move until every side has ended; return ends and how."""
        count = len(self.sign)
        ends, reasons = np.full(count, np.nan), np.full(count, ProfileEnd.OPEN, dtype=object)
        lost = ~np.isfinite(self.least) | ~np.isfinite(self.middle)
        reasons[lost] = ProfileEnd.FAILED
        active = np.flatnonzero(~lost)
        for _ in range(MOST_MOVES):
            if not len(active):
                break
            root, value, failed, held = self._fit(active)
            better = root < 0
            reached = np.abs(root - 1) <= CLOSE
            narrow = np.abs(self.outside[active] - self.inside[active]) <= 1e-12 * self.distance[active]
            done = reached | (narrow & np.isfinite(self.outside[active]))
            ends[active[done]], reasons[active[done]] = value[done], ProfileEnd.CLOSED
            reasons[active[failed]] = ProfileEnd.FAILED
            reasons[active[better & ~failed]] = ProfileEnd.BETTER_MINIMUM
            going = ~(done | failed | better)
            still = self._move(active[going], root[going], value[going])
            beyond = active[going][~still]
            reasons[beyond] = np.where(held[going][~still], ProfileEnd.BOUND, ProfileEnd.OPEN)
            active = active[going][still]
        return ends, reasons

    def _fit(self, active: NDArray[np.intp]) -> tuple[Floats, Floats, NDArray[np.bool_], NDArray[np.bool_]]:
        """Fit at the present places; root of the rise relative to the threshold's (-1: below the minimum), and g."""
        place = self.middle[active] + self.sign[active] * self.distance[active]
        problem, quantity = self.problem.take(active), self.quantity.take(active)
        spring = _Spring(problem, quantity, self.stiffness[active], place)
        box = Bounds(self.lower[active], self.upper[active])
        fit = fit_many(spring, self.parameters[active], bounds=box, tolerance=1e-6)
        values = fit.residuals[:, :-1]
        squares = np.einsum("br,br->b", values, values)
        number = quantity.evaluate(fit.parameters)[0]
        failed = np.array([status in (FitStatus.NOT_FINITE, FitStatus.MAX_ITERATIONS) for status in fit.status])
        good = ~failed
        self.parameters[active[good]] = fit.parameters[good]
        rise = squares - self.least[active]
        slack = 1e-6 * self.least[active] + 1e-4 * self.above[active]
        root = np.where(rise < -slack, -1.0, np.sqrt(np.maximum(rise, 0.0) / self.above[active]))
        return root, number, failed, np.asarray(fit.at_bound.any(axis=1))

    def _move(self, active: NDArray[np.intp], root: Floats, value: Floats) -> NDArray[np.bool_]:
        """Choose the next places by the secant, inside the bracket; False where a side cannot be closed."""
        low, here, height = root < 1, self.distance[active], root - 1
        # Illinois: an end that stays twice counts half, so that both ends close in
        again = self.last_low[active] == np.where(low, 1, -1)
        self.last_low[active] = np.where(low, 1, -1)
        self.outside_height[active] *= np.where(low & again, 0.5, 1.0)
        self.inside_height[active] *= np.where(~low & again, 0.5, 1.0)
        self.inside[active[low]], self.inside_height[active[low]] = here[low], height[low]
        self.outside[active[~low]], self.outside_height[active[~low]] = here[~low], height[~low]
        a, b = self.inside[active], self.outside[active]
        closed = np.isfinite(b)
        with np.errstate(all="ignore"):
            low_height, high_height = self.inside_height[active], self.outside_height[active]
            secant = a - low_height * (b - a) / (high_height - low_height)
            ahead = np.where(root > 0, here / root * 1.02, np.inf)
        self.distance[active] = np.where(closed, secant, np.clip(ahead, 1.2 * here, 4.0 * here))
        near = np.abs(value - self.middle[active]) < self.far[active]
        return np.asarray(closed | (near & (self.distance[active] * self.stiffness[active] < 1e12)))
