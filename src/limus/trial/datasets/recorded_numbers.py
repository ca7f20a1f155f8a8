"""How a simulated number is written down: whole days, and the decimals that a laboratory or a nurse would give."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["recorded_characteristic", "recorded_days", "recorded_laboratory"]

Floats = NDArray[np.float64]

_LABORATORY = 2
_DECIMALS = {"WT": 1, "HT": 0}  # in kg and cm; other characteristics have one decimal


def recorded_laboratory(values: Floats) -> Floats:
    """Return laboratory values with two decimals."""
    return np.asarray(np.round(values, _LABORATORY))


def recorded_days(days: Floats) -> Floats:
    """Return days after randomisation as the dates say them: whole, infinite for never."""
    return np.asarray(np.floor(days))


def recorded_characteristic(name: str, values: Floats) -> Floats:
    """Return a covariate as it is written: age in whole years, weight to 0.1 kg, height to 1 cm, others to 0.1.

    Parameters
    ----------
    name : str
        Column of a cohort.
    values : (N,) array

    Returns
    -------
    (N,) array
    """
    return np.asarray(np.floor(values) if name == "AGE" else np.round(values, _DECIMALS.get(name, 1)))
