"""Fit generations to a dye histogram and choose their number by AIC.

Models with generations 0 to G are tried from the highest G that can be told from the floor down to 0, each started from
the one before, and, where controls say nothing of it, the growing of peaks at the best G. Chosen is the smallest
``deviance + 2 k`` with k parameters (Akaike 1974). The stricter BIC leaves out last generations of few cells, and the
indices then lie too low and their intervals too close (validation/cytometry.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from limus.assay.cytometry.generation.histogram import DyeHistogram
from limus.assay.cytometry.generation.peak_shapes import Floor, peak_moments
from limus.assay.cytometry.generation.problem import LN2, GenerationProblem
from limus.assay.cytometry.generation.records import (
    DeconvolutionRules,
    GenerationFit,
    GenerationStatus,
    RivalFit,
    UndividedControl,
)
from limus.kernel.inference import Bounds, FitStatus, LeastSquaresFit, fit_many

__all__ = ["Widening", "dispersion_of", "fit_generations", "fit_lanes", "resolved_generations"]

Floats = NDArray[np.float64]
_NO_FLOOR = Floor(0.0, 0.0)
Widening = Literal["fixed", "growing", "auto"]
_WIDTHS = (0.03, 1.2)
_START_WIDTH = 0.2
_MOST_GROWTH = 0.25
_SMOOTHING = 0.12
_BRIGHTEST_SHARE = 0.01
_LEAST_EXPECTED = 5.0
_START_GROWTH = 0.005
_EM_STEPS = 40
_HOPELESS = 30.0  # exp(-15) times as probable as the best
_FLOOR_SHARE = 0.01  # of the cells in the last generation that can be told: fewer may be none
_LEAST_WEIGHT = 0.02  # beside the best model: less changes no percentile that is reported
_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class _Tried:
    problem: GenerationProblem
    fit: LeastSquaresFit
    deviance: float
    aic: float


def fit_generations(
    histogram: DyeHistogram,
    floor: Floor | None,
    control: UndividedControl | None,
    rules: DeconvolutionRules,
    *,
    widening: Widening = "auto",
    most_generations: int | None = None,
) -> GenerationFit:
    """Fit generations.

    Parameters
    ----------
    histogram : DyeHistogram
    floor : Floor or None
        Cells without dye; None takes the dye alone (no floor).
    control : UndividedControl or None
    rules : DeconvolutionRules
    widening : str
        Peaks ``fixed`` in width, ``growing`` from one generation to the next, or ``auto``: what the control says,
        else what AIC prefers.
    most_generations : int, optional
        In place of the rule.

    Returns
    -------
    GenerationFit
    """
    ground = floor or _NO_FLOOR
    if histogram.total < rules.least_events:
        return _no_fit(histogram, ground, control, GenerationStatus.TOO_FEW_EVENTS)
    start = (control.log_dye, control.log_width) if control else (_brightest(histogram, ground), math.log(_START_WIDTH))
    most = int(rules.most_generations) if most_generations is None else most_generations
    highest = min(most, resolved_generations(start[0], math.exp(start[1]), ground, rules.separation))
    if control is None:
        start = _first_width(histogram, ground, start, highest, rules)
    tried = _search(histogram, ground, control, start, highest, widening)
    best = min(tried, key=lambda t: t.aic)
    dispersion = dispersion_of(
        histogram.counts, best.problem.expected(best.fit.parameters)[0], len(best.fit.parameters[0])
    )
    return GenerationFit(
        histogram=histogram,
        floor=ground,
        problem=best.problem,
        parameters=best.fit.parameters[0],
        status=_judge(best, control, rules, highest, dispersion),
        deviance=best.deviance,
        dispersion=dispersion,
        tried=tuple((t.problem.generations, t.problem.growing, t.deviance, t.aic) for t in tried),
        control=control,
        rivals=_rivals(tried),
    )


def resolved_generations(log_dye: float, width: float, floor: Floor, separation: float) -> int:
    """Return the last generation whose peak lies far enough below the one before.

    Parameters
    ----------
    log_dye : float
        ln d.
    width : float
        s.
    floor : Floor
    separation : float
        Standard deviations of the later peak.

    Returns
    -------
    int
        0 or more; 30 without a floor.
    """
    moments = np.array([[floor.mean], [floor.variance], [floor.third]])
    generations = np.arange(31.0)
    dye = np.asarray(log_dye - LN2 * generations, dtype=np.float64)
    mean, variance, _ = peak_moments(dye, np.full(31, width**2), moments)
    apart = -np.diff(mean) >= separation * np.sqrt(variance[1:])
    return 30 if apart.all() else int(np.argmin(apart))


def _rivals(tried: list[_Tried]) -> tuple[RivalFit, ...]:
    """The models that the data prefer too little to leave out, weighted by exp(-AIC / 2); the best one first."""
    best: dict[tuple[int, bool], _Tried] = {}
    for one in sorted(tried, key=lambda t: t.aic):
        best.setdefault((one.problem.generations, one.problem.growing), one)
    least = min(t.aic for t in tried)
    weights = {key: math.exp(-0.5 * (t.aic - least)) for key, t in best.items()}
    kept = {key: weight for key, weight in weights.items() if weight >= _LEAST_WEIGHT}
    total = sum(kept.values())
    return tuple(RivalFit(best[k].problem, best[k].fit.parameters[0], weight / total) for k, weight in kept.items())


def _box_of(problem: GenerationProblem, centre: float) -> Bounds:
    """The box of a problem: ln d within half a division of where it is looked for."""
    grown = [0.0] if problem.growing else []
    amounts = problem.generations + 1
    low = [centre - LN2 / 2, math.log(_WIDTHS[0]), *grown, *([0.0] * amounts)]
    high = [centre + LN2 / 2, math.log(_WIDTHS[1]), *([_MOST_GROWTH] if grown else []), *([np.inf] * amounts)]
    return Bounds.create(low, high)


def fit_lanes(
    problem: GenerationProblem, start: Floats, centre: float, tolerance: float = _TOLERANCE
) -> LeastSquaresFit:
    """Fit the lanes of a problem.

    Parameters
    ----------
    problem : GenerationProblem
    start : (B, P) numpy.ndarray
    centre : float
        ln d is looked for within half a division of it.
    tolerance : float
        Of a parameter, in standard errors.

    Returns
    -------
    LeastSquaresFit
    """
    box = _box_of(problem, centre)
    inside = np.clip(start, box.lower, box.upper)
    return fit_many(problem, inside, bounds=box, tolerance=tolerance)


def dispersion_of(counts: Floats, expected: Floats, parameters: int) -> float:
    """Return Pearson's chi-square over its degrees of freedom, neighbouring bins joined until 5 cells are expected.

    Parameters
    ----------
    counts, expected : (J,) numpy.ndarray
    parameters : int
        Fitted ones.

    Returns
    -------
    float
        NaN where no degree of freedom is left.
    """
    joined: list[tuple[float, float]] = []
    seen = wanted = 0.0
    for count, mean in zip(counts, expected, strict=True):
        seen, wanted = seen + count, wanted + mean
        if wanted >= _LEAST_EXPECTED:
            joined.append((seen, wanted))
            seen = wanted = 0.0
    if joined:
        joined[-1] = (joined[-1][0] + seen, joined[-1][1] + wanted)
    freedom = len(joined) - parameters
    return float(sum((s - w) ** 2 / w for s, w in joined)) / freedom if freedom > 0 else math.nan


def _make(
    histogram: DyeHistogram, floor: Floor, control: UndividedControl | None, generations: int, growing: bool
) -> GenerationProblem:
    known, precision = np.zeros((1, 3)), np.zeros((1, 3))
    if control is not None:
        known[0, :2] = control.log_dye, control.log_width
        precision[0, :2] = 1 / control.log_dye_error, 1 / control.log_width_error
        if control.growth_error > 0:
            known[0, 2], precision[0, 2] = control.growth, 1 / control.growth_error
    floors = np.array([[floor.mean], [floor.variance], [floor.third]])
    counts = histogram.counts[np.newaxis]
    return GenerationProblem(histogram.edges, counts, floors, generations, growing, known, precision)


def _run(problem: GenerationProblem, start: Floats, centre: float) -> _Tried:
    fit = fit_lanes(problem, start[np.newaxis], centre)
    bins = problem.counts.shape[1]
    deviance = float(np.sum(fit.residuals[0, :bins] ** 2))
    aic = float(fit.sum_of_squares[0]) + 2.0 * len(start)
    return _Tried(problem, fit, deviance, aic if math.isfinite(aic) else math.inf)


def _search(
    histogram: DyeHistogram,
    floor: Floor,
    control: UndividedControl | None,
    start: tuple[float, float],
    highest: int,
    widening: Widening,
) -> list[_Tried]:
    """Try numbers of generations downwards; then whether peaks grow, and with growing peaks downwards again."""
    if widening == "auto" and control is not None and control.growth_error > 0:
        widening = "growing"
    problem = _make(histogram, floor, control, highest, widening == "growing")
    shape = np.array([*start, _START_GROWTH] if problem.growing else [*start])
    tried = _descend(problem, np.append(shape, _amounts_for(problem, shape)), start[0])
    best = min(tried, key=lambda t: t.aic)
    if widening == "auto" and best.problem.generations > 0:
        wider = np.insert(best.fit.parameters[0], 2, _START_GROWTH)
        tried += _descend(replace(best.problem, growing=True), wider, start[0])
    return tried


def _amounts_for(problem: GenerationProblem, shape: Floats) -> Floats:
    """Amounts for given shapes by some steps of expectation maximisation: a start that is near the end."""
    count = problem.generations + 1
    shares = problem.shares(np.append(shape, np.zeros(count))[np.newaxis])[0]
    wanted = problem.counts[0] / problem.totals[0]
    amounts = np.full(count, 1.0 / count)
    for _ in range(_EM_STEPS):
        amounts = amounts * (shares @ (wanted / np.maximum(amounts @ shares, 1e-12)))
    return np.asarray(amounts)


def _descend(problem: GenerationProblem, start: Floats, centre: float) -> list[_Tried]:
    """Fit with fewer and fewer generations until AIC is hopelessly above the best."""
    tried: list[_Tried] = []
    here = start
    while True:
        found = _without_empty(_run(problem, here, centre))
        tried.append(found)
        generations = found.problem.generations
        if generations == 0 or found.aic > min(t.aic for t in tried) + _HOPELESS:
            return tried
        here = found.fit.parameters[0, :-1].copy()
        here[-1] += found.fit.parameters[0, -1]
        problem = replace(problem, generations=generations - 1)


def _without_empty(tried: _Tried) -> _Tried:
    """Leave out late generations in which the fit has no cells: the fit without them is the same."""
    amounts = tried.fit.parameters[0, tried.problem.shape_parameters :]
    filled = np.flatnonzero(amounts > 0)
    last = int(filled[-1]) if len(filled) else 0
    empty = len(amounts) - 1 - last
    if empty == 0:
        return tried
    fit = replace(tried.fit, parameters=tried.fit.parameters[:, : -empty or None])
    return _Tried(replace(tried.problem, generations=last), fit, tried.deviance, tried.aic - 2.0 * empty)


def _first_width(
    histogram: DyeHistogram, floor: Floor, start: tuple[float, float], highest: int, rules: DeconvolutionRules
) -> tuple[float, float]:
    """Without a control, try several widths for the first fit: peaks that overlap have more than one minimum."""
    problem = _make(histogram, floor, None, highest, False)
    widths = np.log([0.1, 0.18, 0.3, 0.45])
    lanes = problem.take(np.zeros(len(widths), dtype=np.intp))
    amounts = [_amounts_for(problem, np.array([start[0], width])) for width in widths]
    begin = np.column_stack([np.full(len(widths), start[0]), widths, amounts])
    found = fit_lanes(lanes, begin, start[0], tolerance=1e-3)
    best = int(np.nanargmin(found.sum_of_squares))
    return float(found.parameters[best, 0]), float(found.parameters[best, 1])


def _brightest(histogram: DyeHistogram, floor: Floor) -> float:
    """Return ln d of the brightest peak of the smoothed histogram that holds at least 1 % of the cells."""
    dye = np.maximum(histogram.edges - floor.mean, 0.5 * histogram.cofactor)
    middle = np.log(0.5 * (dye[1:] + dye[:-1]))
    grid = np.arange(middle[0], middle[-1] + 0.02, 0.02)
    kernel = np.exp(-0.5 * ((grid[:, np.newaxis] - middle) / _SMOOTHING) ** 2)
    density = kernel @ histogram.counts[1:-1]
    inner = density[1:-1]
    peaks = np.flatnonzero((inner >= density[:-2]) & (inner > density[2:])) + 1
    if not len(peaks):
        return float(grid[int(np.argmax(density))])
    valleys = [int(a + np.argmin(density[a : b + 1])) for a, b in pairwise(peaks)]
    borders = [0, *valleys, len(grid) - 1]
    for place in range(len(peaks) - 1, -1, -1):
        share = density[borders[place] : borders[place + 1]].sum() / density.sum()
        if share >= _BRIGHTEST_SHARE:
            return float(grid[peaks[place]])
    return float(grid[peaks[-1]])


def _judge(
    best: _Tried, control: UndividedControl | None, rules: DeconvolutionRules, highest: int, dispersion: float
) -> GenerationStatus:
    if best.fit.status[0] in {FitStatus.NOT_FINITE, FitStatus.MAX_ITERATIONS, FitStatus.STALLED}:
        return GenerationStatus.NOT_CONVERGED
    parameters = best.fit.parameters[0]
    if dispersion > rules.poor_dispersion:
        return GenerationStatus.POOR_FIT
    if control is not None:
        distance = abs(parameters[0] - control.log_dye) / control.log_dye_error
        if distance > rules.control_distance:
            return GenerationStatus.CONTROL_DIFFERS
    last = parameters[-1]  # share of the cells
    if best.problem.generations == highest and 0 < highest < rules.most_generations and last > _FLOOR_SHARE:
        return GenerationStatus.AT_FLOOR
    return GenerationStatus.OK if control is not None else GenerationStatus.NO_CONTROL


def _no_fit(
    histogram: DyeHistogram, floor: Floor, control: UndividedControl | None, status: GenerationStatus
) -> GenerationFit:
    nothing = np.empty(0)
    return GenerationFit(histogram, floor, None, nothing, status, math.nan, math.nan, (), control)
