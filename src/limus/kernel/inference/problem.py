"""What a fit is given and how it may end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError

__all__ = ["Bounds", "FitStatus", "Floats", "JacobianFunction", "ResidualFunction", "check_start"]

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
    lower, upper : (P,) numpy.ndarray
        Lowest and highest allowed values, infinite for none; read-only.
    """

    lower: Floats
    upper: Floats

    @classmethod
    def create(cls, lower: ArrayLike, upper: ArrayLike) -> Bounds:
        """Make a checked box.

        Parameters
        ----------
        lower, upper : (P,) array_like
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
        if low.ndim != 1 or low.shape != high.shape:
            raise ValueRangeError("bounds", f"shapes {low.shape} and {high.shape}", "two of shape (P,)", "match them")
        bad = ~(low < high)
        if bad.any():
            k = int(np.argmax(bad))
            raise ValueRangeError(
                f"bounds of parameter {k}", f"{low[k]} to {high[k]}", "lower < upper", "swap the ends or fix the value"
            )
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
    if box.lower.shape != values.shape[1:]:
        raise ValueRangeError(
            "bounds", f"{len(box.lower)} parameters", f"{values.shape[1]} as in start", "match bounds and start"
        )
    bad = ~(np.isfinite(values) & (values >= box.lower) & (values <= box.upper))
    if bad.any():
        lane, k = np.argwhere(bad)[0]
        allowed = f"finite, {box.lower[k]} to {box.upper[k]}"
        raise ValueRangeError(f"start of parameter {k} in lane {lane}", values[lane, k], allowed, "move the start")
    return values, box
