"""Invert a convex rising function that starts at 0: the root of ``rise (e**(b x) - 1) + fall(x) = v`` for many v."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["solve_convex"]

Floats = NDArray[np.float64]
_AT_ONCE = 1 << 15  # a piece stays in a processor's cache
_MOST_STEPS = 60


def solve_convex(function: Callable[[Floats], tuple[Floats, Floats]], values: Floats, start: Floats) -> Floats:
    """Find x with ``function(x) = v`` by Newton's method from above, which a convex function makes monotone.

    Parameters
    ----------
    function : callable
        Returns f(x) and f'(x) for x of 0 or above; f(0) = 0, f convex and rising.
    values : (N,) numpy.ndarray
        0 or above; infinite and NaN stay as they are.
    start : (N,) numpy.ndarray
        With f(start) at or above the value.

    Returns
    -------
    (N,) numpy.ndarray
        To rounding.
    """
    found = np.array(start, dtype=np.float64)
    for begin in range(0, len(found), _AT_ONCE):
        piece = slice(begin, begin + _AT_ONCE)
        here, wanted = found[piece], values[piece]
        with np.errstate(all="ignore"):
            for _ in range(_MOST_STEPS):
                height, slope = function(here)
                step = (height - wanted) / slope
                step = np.where(np.isfinite(step), step, 0.0)
                here = np.maximum(here - step, 0.0)
                if not (np.abs(step) > 4e-16 * np.maximum(here, 1e-3)).any() or np.max(np.abs(step)) < 1e-15:
                    break
        found[piece] = here
    return np.where(np.isfinite(values), found, values)
