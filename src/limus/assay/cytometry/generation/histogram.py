"""The dye histogram that generations are fitted to: bins of equal width on an asinh scale, open at both ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.assay.cytometry.generation.peak_shapes import Floor
from limus.kernel.errors import ValueRangeError

__all__ = ["BINS", "DyeHistogram", "bin_dye", "bin_edges"]

Floats = NDArray[np.float64]
BINS = 160
_OUTERMOST = 5e-4  # share of the cells on each side that goes into the open bins
_LEAST_NOISE = 1e-3  # of the spread of the cells: an asinh scale needs something above 0


@dataclass(frozen=True, eq=False)
class DyeHistogram:
    """Counts of cells.

    Attributes
    ----------
    edges : (J,) numpy.ndarray
        On the scale of the channel, ascending.
    counts : (J + 1,) numpy.ndarray
        Cells below the first edge, between edges, above the last.
    cofactor : float
        The edges are equally spaced in asinh(x / cofactor).
    """

    edges: Floats
    counts: Floats
    cofactor: float

    @property
    def total(self) -> float:
        """Cells."""
        return float(self.counts.sum())

    def scaled_edges(self) -> Floats:
        """Edges on the asinh scale, (J,)."""
        return np.arcsinh(self.edges / self.cofactor)


def bin_edges(values: ArrayLike, floor: Floor | None, *, bins: int = BINS) -> tuple[Floats, float]:
    """Lay out bins for some cells.

    Parameters
    ----------
    values : (N,) array_like
        Dye of the cells of all histograms that are to have these bins.
    floor : Floor, optional
        Its standard deviation is where the scale turns from linear to logarithmic; without one, the cells' 1st
        percentile.
    bins : int
        Number of closed bins.

    Returns
    -------
    edges : (bins + 1,) numpy.ndarray
    cofactor : float

    Raises
    ------
    ValueRangeError
        Fewer than two different finite values.
    """
    cells = np.asarray(values, dtype=np.float64)
    cells = cells[np.isfinite(cells)]
    low, middle, high = np.quantile(cells, (_OUTERMOST, 0.01, 1 - _OUTERMOST)) if len(cells) else (0.0, 0.0, 0.0)
    if not high > low:
        raise ValueRangeError(
            "dye channel", f"{len(cells)} cells, {low:g} to {high:g}", "cells that differ", "check it"
        )
    noise = floor.deviation if floor is not None else abs(float(middle))
    cofactor = max(noise, _LEAST_NOISE * float(high - low))
    scaled = np.arcsinh(np.array([low, high]) / cofactor)
    return np.sinh(np.linspace(scaled[0], scaled[1], bins + 1)) * cofactor, cofactor


def bin_dye(values: ArrayLike, edges: Floats, cofactor: float) -> DyeHistogram:
    """Count cells in bins.

    Parameters
    ----------
    values : (N,) array_like
        What is no number is left out.
    edges, cofactor
        From :func:`bin_edges`.

    Returns
    -------
    DyeHistogram
    """
    cells = np.asarray(values, dtype=np.float64)
    places = np.searchsorted(edges, cells[np.isfinite(cells)], side="right")
    counts = np.bincount(places, minlength=len(edges) + 1).astype(np.float64)
    counts.flags.writeable = False
    return DyeHistogram(edges, counts, cofactor)
