r"""Levels of a subject made uncorrelated by the model's own mean and covariance.

Of the simulated vectors of a subject the mean E and the covariance V are found; with the Cholesky factor L of V, levels
become :math:`L^{-1}(y - E)`, one after the other in time: the first as it is, the second given the first, and so on.
Where the residual error is normal on logarithms, logarithms are used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.pharmacokinetics.population_check.observed_levels import ObservedLevels

__all__ = ["SubjectLevels", "decorrelate", "levels_by_subject"]

Floats = NDArray[np.float64]
_FEWEST = 2  # replicates a level; a covariance from fewer cannot be inverted


@dataclass(frozen=True, eq=False)
class SubjectLevels:
    """Levels of one subject, m of them, and what the model simulates of them.

    Attributes
    ----------
    rows : (m,) array of int
        Place among all levels.
    measured : (m,) array
    simulated : (R, m) array
    """

    rows: NDArray[np.int64]
    measured: Floats
    simulated: Floats


def levels_by_subject(
    seen: ObservedLevels, measured: Floats, simulated: Floats, used: NDArray[np.bool_]
) -> Iterator[SubjectLevels]:
    """Yield the levels of each subject that has any that are used.

    Parameters
    ----------
    seen : ObservedLevels
    measured : (M,) array
    simulated : (R, M) array
    used : (M,) array of bool

    Yields
    ------
    SubjectLevels

    Raises
    ------
    ValueRangeError
        Fewer replicates than a covariance needs.
    """
    for subject in range(len(seen.subjects)):
        own = seen.of(subject)
        rows = own.start + np.flatnonzero(used[own])
        if not len(rows):
            continue
        if len(simulated) < _FEWEST * len(rows) + 1:
            allowed = f"more than {_FEWEST * len(rows)}, for a subject with {len(rows)} levels"
            raise ValueRangeError("replicates", len(simulated), allowed, "simulate more replicates")
        yield SubjectLevels(rows, measured[rows], simulated[:, rows])


def decorrelate(levels: SubjectLevels) -> tuple[Floats, Floats]:
    """Make the levels of a subject uncorrelated.

    Parameters
    ----------
    levels : SubjectLevels

    Returns
    -------
    tuple of ((m,) array, (R, m) array)
        Measured and simulated; NaN where the model gives two levels no difference at all, so that the covariance has no
        inverse.
    """
    mean = levels.simulated.mean(axis=0)
    centred = levels.simulated - mean
    covariance = centred.T @ centred / (len(centred) - 1)
    try:
        root = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        return np.full(len(mean), np.nan), np.full(levels.simulated.shape, np.nan)
    together = np.vstack([levels.measured - mean, centred])
    found = np.asarray(np.linalg.solve(root, together.T).T)
    return found[0], found[1:]
