"""What may come in as a concentration or a dissociation constant, and how results are sealed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError

__all__ = ["Floats", "read_constant", "read_total", "seal"]

Floats = NDArray[np.float64]


def read_total(name: str, value: ArrayLike) -> Floats:
    """Return a total concentration as float64.

    Parameters
    ----------
    name : str
        Argument, named in the error.
    value : array_like
        Concentrations, each finite and not negative; any shape.

    Returns
    -------
    numpy.ndarray
        The same values, float64.

    Raises
    ------
    ValueRangeError
        A value is negative, NaN or infinite.
    """
    array = np.asarray(value, dtype=np.float64)
    bad = ~(np.isfinite(array) & (array >= 0))
    if bad.any():
        raise ValueRangeError(name, array[bad].flat[0], "finite concentrations of 0 or more", "correct the total")
    return array


def read_constant(name: str, value: ArrayLike, *, infinite: bool = False) -> Floats:
    """Return a dissociation constant as float64.

    Parameters
    ----------
    name : str
        Argument, named in the error.
    value : array_like
        Dissociation constants, each positive; any shape.
    infinite : bool
        Whether infinity is allowed; it means "does not bind".

    Returns
    -------
    numpy.ndarray
        The same values, float64.

    Raises
    ------
    ValueRangeError
        A value is NaN, not positive, or infinite where that is not allowed.
    """
    array = np.asarray(value, dtype=np.float64)
    bad = ~(array > 0) | (np.isinf(array) & (not infinite))
    if bad.any():
        allowed = "positive numbers, or infinity for no binding" if infinite else "positive finite numbers"
        raise ValueRangeError(name, array[bad].flat[0], allowed, "correct the dissociation constant")
    return array


def seal(array: Floats) -> Floats:
    """Return a read-only copy of an array.

    Parameters
    ----------
    array : numpy.ndarray
        Any array.

    Returns
    -------
    numpy.ndarray
        A copy that refuses to be written to.
    """
    sealed = np.array(array, dtype=np.float64)
    sealed.flags.writeable = False
    return sealed
