"""Intervals of the indices by parametric bootstrap: counts drawn from the fit, and everything fitted anew.

Each replicate draws Poisson counts from the expected ones, the control's values from their uncertainty and the floor's
moments from that of the unstained control, and is fitted from the estimate. Models between which the data decide little
have replicates by their Akaike weights (Buckland 1997, Biometrics 53:603): the choice of the number of generations is
in the intervals. These are percentiles; where the counts scatter about the fit by more than Poisson, distances from the
estimate are multiplied by the square root of the dispersion. What differs between wells is not in them: replicates of
wells show that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.assay.cytometry.generation.fit import fit_lanes
from limus.assay.cytometry.generation.indices import compute_indices
from limus.assay.cytometry.generation.records import GenerationFit, RivalFit
from limus.assay.plate.uncertainty import Estimate

__all__ = ["IndexEstimates", "bootstrap_indices"]

Floats = NDArray[np.float64]
_TOLERANCE = 1e-3  # of a standard error: far below what the drawing of counts brings


@dataclass(frozen=True, eq=False)
class IndexEstimates:
    """Indices with intervals, and the shares of the generations with theirs.

    Attributes
    ----------
    indices : dict of str to Estimate
    generations : tuple of Estimate
        Cells of each generation.
    replicates : int
        Replicates that could be fitted.
    """

    indices: dict[str, Estimate]
    generations: tuple[Estimate, ...]
    replicates: int


def bootstrap_indices(
    fit: GenerationFit, generator: np.random.Generator, *, replicates: int = 200, level: float = 0.95
) -> IndexEstimates:
    """Estimate the indices of a fit.

    Parameters
    ----------
    fit : GenerationFit
    generator : numpy.random.Generator
    replicates : int
        0 gives no intervals.
    level : float
        A fraction.

    Returns
    -------
    IndexEstimates
        NaN where there is no fit.
    """
    if fit.problem is None or not fit.status.usable:
        nothing = {name: Estimate(math.nan) for name in compute_indices(np.zeros(1))}
        return IndexEstimates(nothing, (), 0)
    point = {name: float(value) for name, value in compute_indices(fit.counts).items()}
    if replicates == 0:
        return IndexEstimates(
            {name: Estimate(value) for name, value in point.items()}, tuple(Estimate(float(n)) for n in fit.counts), 0
        )
    drawn = _draw_all(fit, generator, replicates)
    stretch = math.sqrt(max(1.0, fit.dispersion)) if math.isfinite(fit.dispersion) else 1.0
    values = compute_indices(drawn)
    indices = {name: _interval(point[name], values[name], stretch, level) for name in point}
    cells = tuple(_interval(float(n), drawn[:, g], stretch, level) for g, n in enumerate(fit.counts))
    return IndexEstimates(indices, cells, len(drawn))


def _draw_all(fit: GenerationFit, generator: np.random.Generator, replicates: int) -> Floats:
    """Cells of each generation in each replicate, (B, G + 1), every rival with its share of the replicates."""
    ends = np.round(np.cumsum([rival.weight for rival in fit.rivals]) * replicates).astype(int)
    most = max(rival.problem.generations for rival in fit.rivals)
    parts = []
    for rival, count in zip(fit.rivals, np.diff(ends, prepend=0), strict=True):
        if count:
            cells = _refit(rival, fit, generator, int(count))
            parts.append(np.pad(cells, ((0, 0), (0, most - rival.problem.generations))))
    return np.concatenate(parts)


def _refit(rival: RivalFit, fit: GenerationFit, generator: np.random.Generator, replicates: int) -> Floats:
    problem, parameters = rival.problem, rival.parameters
    lanes = problem.take(np.zeros(replicates, dtype=np.intp))
    expected = problem.expected(parameters[np.newaxis])[0]
    counts = generator.poisson(expected, (replicates, len(expected))).astype(np.float64)
    known = lanes.known.copy()
    given = np.flatnonzero(problem.precision[0] > 0)
    given = given[given < problem.shape_parameters]
    if len(given):
        scatter = generator.standard_normal((replicates, len(given)))
        known[:, given] = parameters[given] + scatter / problem.precision[0, given]
    lanes = replace(lanes, counts=counts, known=known, floors=_draw_floors(fit, generator, replicates))
    start = np.repeat(parameters[np.newaxis], replicates, axis=0)
    found = fit_lanes(lanes, start, float(parameters[0]), tolerance=_TOLERANCE)
    amounts = found.parameters[:, problem.shape_parameters :] * lanes.totals[:, np.newaxis]
    return np.asarray(amounts[np.isfinite(found.sum_of_squares)])


def _draw_floors(fit: GenerationFit, generator: np.random.Generator, replicates: int) -> Floats:
    floor = fit.floor
    moments = np.repeat(np.array([[floor.mean], [floor.variance], [floor.third]]), replicates, axis=1)
    if floor.events > 1:
        moments[0] += generator.standard_normal(replicates) * floor.deviation / math.sqrt(floor.events)
        moments[1] *= generator.chisquare(floor.events - 1, replicates) / (floor.events - 1)
    return moments


def _interval(point: float, values: Floats, stretch: float, level: float) -> Estimate:
    finite = values[np.isfinite(values)]
    if not math.isfinite(point) or len(finite) < 2:
        return Estimate(point)
    low, high = np.quantile(finite, (0.5 - level / 2, 0.5 + level / 2), method="weibull")
    return Estimate(point, float(point - stretch * (point - low)), float(point + stretch * (high - point)))
