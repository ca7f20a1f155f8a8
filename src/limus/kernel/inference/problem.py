"""What a fit is given and how it may end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError

__all__ = [
    "Bounds",
    "FitStatus",
    "Floats",
    "JacobianFunction",
    "LaneProblem",
    "LaneQuantity",
    "ResidualFunction",
    "check_start",
]

Floats = NDArray[np.float64]


class ResidualFunction(Protocol):
    """Residuals of B independent lanes (problems, or starts of one problem): model minus data, weighted.

    The fitter always passes all lanes in the same order, so that data of each lane can be closed over. A lane that has
    ended is still passed, with its final parameters. A lane must depend on its own row alone. Residuals that cannot be
    computed are NaN or infinite; nothing is to be raised for them.
    """

    def __call__(self, parameters: Floats, /) -> Floats:
        """Return residuals (B, R) at parameters (B, P)."""
        ...


class JacobianFunction(Protocol):
    """Derivatives of the residuals of B lanes, under the same terms as :class:`ResidualFunction`."""

    def __call__(self, parameters: Floats, /) -> Floats:
        """Return the derivative (B, R, P) of each residual by each parameter at parameters (B, P)."""
        ...


class LaneProblem(Protocol):
    """Residuals of B lanes with their derivatives in one evaluation, and the same problem for some of the lanes.

    The form of a problem for :func:`limus.kernel.inference.fit_many`, which leaves out lanes that have ended. Lanes
    are independent; residuals that cannot be computed are NaN or infinite.
    """

    def evaluate(self, parameters: Floats, /) -> tuple[Floats, Floats]:
        """Return residuals (B, R) and derivatives (P, B, R), parameter first, at parameters (B, P)."""
        ...

    def take(self, lanes: NDArray[Any], /) -> LaneProblem:
        """Return the problem of some lanes, given by index, in that order."""
        ...


class LaneQuantity(Protocol):
    """A number derived from the parameters of each lane, with its gradient; see :class:`LaneProblem`."""

    def evaluate(self, parameters: Floats, /) -> tuple[Floats, Floats]:
        """Return values (B,) and gradients (P, B) at parameters (B, P)."""
        ...

    def take(self, lanes: NDArray[Any], /) -> LaneQuantity:
        """Return the quantity of some lanes, given by index, in that order."""
        ...


class FitStatus(StrEnum):
    """How a lane ended.

    ``converged``: a stationary point, all parameters free. ``at_bound``: the same with at least one parameter held by
    a bound. ``flat``: stationary, but some parameter or combination has no influence (singular J'J), so it is not
    determined. ``stalled``: no step lowers the sum of squares although its gradient is not zero (residuals that jump
    or are noisy). ``max_iterations``: the iterations ran out. ``not_finite``: the residuals or their derivatives are
    not finite where the lane stands.
    """

    CONVERGED = "converged"
    AT_BOUND = "at_bound"
    FLAT = "flat"
    STALLED = "stalled"
    MAX_ITERATIONS = "max_iterations"
    NOT_FINITE = "not_finite"


@dataclass(frozen=True, eq=False)
class Bounds:
    """A box for the parameters; made by :meth:`create`.

    Attributes
    ----------
    lower, upper : (P,) or (B, P) numpy.ndarray
        Lowest and highest allowed values, infinite for none; one row for all lanes, or one a lane; read-only.
    """

    lower: Floats
    upper: Floats

    @classmethod
    def create(cls, lower: ArrayLike, upper: ArrayLike) -> Bounds:
        """Make a checked box.

        Parameters
        ----------
        lower, upper : (P,) or (B, P) array_like
            Ends in the parameters' units; each lower end below its upper end; infinite for none.

        Returns
        -------
        Bounds

        Raises
        ------
        ValueRangeError
            An end is NaN, the shapes differ, or a lower end is not below its upper end.
        """
        low, high = (np.atleast_1d(np.array(end, dtype=np.float64)) for end in (lower, upper))
        if low.ndim > 2 or low.shape != high.shape:
            got = f"shapes {low.shape} and {high.shape}"
            raise ValueRangeError("bounds", got, "two of shape (P,) or (B, P)", "match them")
        bad = ~(low < high)
        if bad.any():
            place = tuple(np.argwhere(bad)[0])
            where = f"bounds of parameter {place[-1]}" + (f" in lane {place[0]}" if low.ndim == 2 else "")
            got = f"{low[place]} to {high[place]}"
            raise ValueRangeError(where, got, "lower < upper", "swap the ends or fix the value")
        for end in (low, high):
            end.flags.writeable = False
        return cls(low, high)

    @classmethod
    def none(cls, parameters: int) -> Bounds:
        """Make a box without walls for a number of parameters.

        Parameters
        ----------
        parameters : int
            P.

        Returns
        -------
        Bounds
        """
        return cls.create(np.full(parameters, -np.inf), np.full(parameters, np.inf))


def check_start(start: ArrayLike, bounds: Bounds | None) -> tuple[Floats, Bounds]:
    """Return start values (B, P) and the box they lie in.

    Parameters
    ----------
    start : (B, P) array_like
        Start values.
    bounds : Bounds, optional
        The box.

    Returns
    -------
    start : (B, P) numpy.ndarray
        A float64 copy.
    bounds : Bounds
        The box given, or one without walls.

    Raises
    ------
    ValueRangeError
        The start is not (B, P), not finite, or outside the box.
    """
    values = np.array(start, dtype=np.float64)
    if values.ndim != 2:
        raise ValueRangeError("start", f"shape {values.shape}", "shape (B, P): lanes by parameters", "add an axis")
    box = Bounds.none(values.shape[1]) if bounds is None else bounds
    if box.lower.shape not in (values.shape, values.shape[1:]):
        allowed = f"{values.shape[1]} parameters as in start, or one row a lane"
        raise ValueRangeError("bounds", f"shape {box.lower.shape}", allowed, "match bounds and start")
    bad = ~(np.isfinite(values) & (values >= box.lower) & (values <= box.upper))
    if bad.any():
        lane, k = np.argwhere(bad)[0]
        lower, upper = (np.broadcast_to(end, values.shape)[lane, k] for end in (box.lower, box.upper))
        allowed = f"finite, {lower} to {upper}"
        raise ValueRangeError(f"start of parameter {k} in lane {lane}", values[lane, k], allowed, "move the start")
    return values, box
