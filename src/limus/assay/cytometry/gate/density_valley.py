"""Where to cut between a negative and a positive population of one channel."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["ONLY_POPULATION", "Cut", "cut_between", "main_mode"]

Floats = NDArray[np.float64]
ONLY_POPULATION = "the only population"  # ends the rule of a cut without a valley
_GRID = 400
_OUTERMOST = 0.001
_LEAST_SHARE = 0.01  # of the events in a population that is told from the others
_LEAST_DEPTH = 0.6  # density of the valley over that of the lower peak, at most
_BANDWIDTH = 0.9  # factor of Silverman's rule


@dataclass(frozen=True, slots=True)
class Cut:
    """A place between two populations.

    Attributes
    ----------
    place : float
    modes : tuple of float
        Peaks on both sides; one where only one was found.
    rule : str
        How the place was found, in words.
    """

    place: float
    modes: tuple[float, ...]
    rule: str


def _density(places: Floats) -> tuple[Floats, Floats]:
    """Grid and smoothed density."""
    low, high = np.quantile(places, (_OUTERMOST, 1 - _OUTERMOST))
    quarter = np.subtract(*np.quantile(places, (0.75, 0.25))) / 1.349
    deviation = min(float(np.std(np.clip(places, low, high))), float(quarter)) or float(np.std(places)) or 1e-6
    bandwidth = _BANDWIDTH * deviation * len(places) ** -0.2
    grid = np.linspace(low - 3 * bandwidth, high + 3 * bandwidth, _GRID)
    counts, _ = np.histogram(places, bins=np.append(grid, grid[-1] + grid[1] - grid[0]) - 0.5 * (grid[1] - grid[0]))
    reach = np.arange(-_GRID, _GRID + 1) * (grid[1] - grid[0]) / bandwidth
    smooth = np.convolve(counts.astype(np.float64), np.exp(-0.5 * reach**2))
    return grid, smooth[_GRID : _GRID + _GRID]


def _modes(density: Floats) -> list[int]:
    inner = density[1:-1]
    return [int(k) + 1 for k in np.flatnonzero((inner >= density[:-2]) & (inner > density[2:]))]


def main_mode(places: Floats) -> float:
    """Return the place of the highest peak of the density.

    Parameters
    ----------
    places : (N,) numpy.ndarray
        Two or more, finite.

    Returns
    -------
    float
    """
    grid, density = _density(places)
    return float(grid[int(np.argmax(density))])


def cut_between(places: Floats, *, spread: float, keep: str) -> Cut:
    """Find the place between the negative and the positive population.

    The deepest valley of the smoothed density between two populations of at least 1 %, if the density there is at most
    0.6 of the lower peak; else a number of standard deviations from the only peak, on its far side from what is kept.

    Parameters
    ----------
    places : (N,) numpy.ndarray
        On a scale on which populations are about symmetric; finite.
    spread : float
        Standard deviations from an only peak; the deviation is that of its flank towards what is kept.
    keep : str
        ``low`` or ``high``: the population that is kept, and that an only peak is taken for.

    Returns
    -------
    Cut
    """
    grid, density = _density(places)
    modes = _modes(density)
    best: tuple[float, int, int, int] | None = None
    total = density.sum()
    for left, right in pairwise(modes):
        valley = left + int(np.argmin(density[left : right + 1]))
        shares = density[:valley].sum() / total, density[valley:].sum() / total
        highest = density[: valley + 1].max(), density[valley:].max()
        depth = float(density[valley] / min(highest))
        if min(shares) >= _LEAST_SHARE and depth <= _LEAST_DEPTH and (best is None or depth < best[0]):
            best = (depth, valley, int(np.argmax(density[:valley])), valley + int(np.argmax(density[valley:])))
    if best is not None:
        _, valley, left, right = best
        return Cut(float(grid[valley]), (float(grid[left]), float(grid[right])), "valley between the two populations")
    mode = float(grid[int(np.argmax(density))])
    flank = mode - places[places <= mode] if keep == "low" else places[places >= mode] - mode
    deviation = float(np.sqrt(np.mean(flank**2))) if len(flank) else 0.0
    place = mode + spread * deviation if keep == "low" else mode - spread * deviation
    side = "above" if keep == "low" else "below"
    return Cut(place, (mode,), f"{spread:g} standard deviations {side} {ONLY_POPULATION}")
