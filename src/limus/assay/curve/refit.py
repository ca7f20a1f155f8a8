"""The fit itself: several starts, then weights and curve in turn until neither moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.assay.curve.data import CurveData
from limus.assay.curve.no_effect import no_effect_test
from limus.assay.curve.problem import CurveProblem, Layout, censored_terms
from limus.assay.curve.weights import WEIGHTINGS, fit_exponent, robust_scale, robust_weights, variance_weights
from limus.kernel.inference import Bounds, FitStatus, LeastSquaresFit, best_of, fit_many

__all__ = ["Refit", "refit"]

Floats = NDArray[np.float64]
MOST_ROUNDS = 100
# Curves whose parameters move by less than this share of their standard errors in a round have settled.
SETTLED = 1e-6
ROUGH, EXACT = 1e-3, 1e-8
# Steps of the careful search for the few curves that the quick one leaves.
MOST_CAREFUL_STEPS = 60
# Curves with so little effect of the dose after rough fits from all starts are flat, and not followed any further.
HOPELESS = 0.3
# Rounds with Cauchy's loss before Tukey's, whose result depends on where it starts.
CAUCHY_ROUNDS = 15


@dataclass(eq=False)
class Refit:
    """Where the fit of each curve stands.

    Attributes
    ----------
    parameters : (C, F), weights : (C, N), base : (C, N), squares : (C,)
        Fitted parameters; weights at the end, those without the robust loss, and the weighted sum of squares.
    scale : (C,)
        Robust standard deviation, or sigma of censored responses; NaN where neither is used.
    arrived : (C,)
        Whether the search and the weights have settled.
    exponent : float
    same_minimum, iterations : (C,)
    """

    parameters: Floats
    weights: Floats
    base: Floats
    squares: Floats
    scale: Floats
    arrived: NDArray[np.bool_]
    exponent: float
    same_minimum: NDArray[np.int64]
    iterations: NDArray[np.int64]


def refit(
    data: CurveData,
    layout: Layout,
    walls: tuple[Floats, Floats],
    starts: Floats,
    scheme: str,
    loss: str,
    enough: NDArray[np.bool_],
    *,
    known_errors: bool = False,
) -> Refit:
    """Fit all curves that have enough data.

    Parameters
    ----------
    data : CurveData
    layout : Layout
    walls : tuple of two (C, F) numpy.ndarray
        Bounds of the fitted parameters.
    starts : (C, S, F) numpy.ndarray
    scheme : str
        ``none``, ``given``, ``1/y``, ``1/y2`` or ``power``.
    loss : str
        ``none``, ``huber``, ``cauchy`` or ``tukey``.
    enough : (C,) numpy.ndarray of bool
        Curves to fit; the others keep their first start.
    known_errors : bool
        Whether the weights are 1 / variance, so that sigma of censored responses is 1.

    Returns
    -------
    Refit
    """
    curves = len(starts)
    result = Refit(
        parameters=starts[:, 0].copy(),
        weights=data.weights.copy(),
        base=data.weights.copy(),
        squares=np.full(curves, np.nan),
        scale=np.full(curves, np.nan),
        arrived=np.zeros(curves, dtype=np.bool_),
        exponent=WEIGHTINGS.get(scheme) or 0.0,
        same_minimum=np.zeros(curves, dtype=np.int64),
        iterations=np.zeros(curves, dtype=np.int64),
    )
    index = np.flatnonzero(enough)
    if not len(index):
        return result
    _first_fit(data, layout, walls, starts, result, index)
    censored = (data.censoring != 0).any(axis=1)
    if scheme in {"none", "given"} and loss == "none":
        index = np.flatnonzero(enough & censored)
    if len(index):
        _rounds(data, layout, walls, result, index, scheme, loss, censored, known_errors)
    return result


def _first_fit(
    data: CurveData,
    layout: Layout,
    walls: tuple[Floats, Floats],
    starts: Floats,
    result: Refit,
    index: NDArray[np.intp],
) -> None:
    """Follow every start with the given weights, censored responses at their limits; keep the best and finish it."""
    count = starts.shape[1]
    problem = CurveProblem.create(data, layout, data.for_starts().weights)
    if count > 1:
        lanes = np.repeat(index, count)
        rough = fit_many(
            problem.take(lanes),
            starts[index].reshape(len(lanes), -1),
            bounds=Bounds(walls[0][lanes], walls[1][lanes]),
            tolerance=ROUGH,
            max_iterations=MOST_CAREFUL_STEPS,
        )
        best = best_of(rough, lanes, relative_tolerance=1e-4)
        begin, result.same_minimum[index] = best.fit.parameters, best.same_minimum
        result.iterations[index] = best.fit.iterations
    else:
        begin, result.same_minimum[index] = starts[index, 0], 1
    if count > 1:
        result.parameters[index], result.arrived[index] = begin, True
        test = no_effect_test(data, layout, result.parameters, result.weights, np.ones(len(data), dtype=np.bool_))
        hopeless = test.p_value[index] > HOPELESS
        _set_squares(data, layout, result, index[hopeless])
        index, begin = index[~hopeless], begin[~hopeless]
    if not len(index):
        return
    box = Bounds(walls[0][index], walls[1][index])
    fit = fit_many(problem.take(index), begin, bounds=box, tolerance=EXACT, max_iterations=MOST_CAREFUL_STEPS)
    result.parameters[index], result.squares[index] = fit.parameters, fit.sum_of_squares
    result.iterations[index] += fit.iterations
    result.arrived[index] = _arrived(fit)


def _set_squares(data: CurveData, layout: Layout, result: Refit, index: NDArray[np.intp]) -> None:
    """Set the sums of squares of curves whose fit is not followed to its end."""
    values = CurveProblem.create(data, layout, data.weights).evaluate(result.parameters)[0]
    result.squares[index] = np.einsum("cn,cn->c", values, values)[index]


def _arrived(fit: LeastSquaresFit) -> NDArray[np.bool_]:
    good = {FitStatus.CONVERGED, FitStatus.AT_BOUND, FitStatus.FLAT}
    return np.array([status in good for status in fit.status], dtype=np.bool_)


def _rounds(
    data: CurveData,
    layout: Layout,
    walls: tuple[Floats, Floats],
    result: Refit,
    index: NDArray[np.intp],
    scheme: str,
    loss: str,
    censored: NDArray[np.bool_],
    known_errors: bool,
) -> None:
    """Set weights from the curve, fit, and so on; curves that have settled are left out."""
    used = data.weights > 0
    free = result.parameters.shape[1]
    freedom = np.maximum(data.counts - free, 1).astype(np.float64)
    every = index
    result.arrived[index] = False
    result.scale[index] = np.sqrt(result.squares[index] / freedom[index])
    for round_number in range(MOST_ROUNDS):
        fitted = _curve(data, layout, result.parameters)
        away = data.responses - fitted
        moved = False
        if scheme == "power":
            part = np.where((data.censoring != 0), False, used)[every]
            exponent = fit_exponent((away * np.sqrt(data.weights))[every], fitted[every], part, freedom[every])
            moved = abs(exponent - result.exponent) > 1e-4
            result.exponent = exponent
        active = every if moved else index
        weights = data.weights[active] * variance_weights(fitted[active], used[active], result.exponent)
        sigma = None
        if loss != "none":
            result.base[active] = weights
            residuals = away[active] * np.sqrt(weights)
            scale = np.maximum(robust_scale(residuals, used[active], free), 1e-300)
            kind = "cauchy" if loss == "tukey" and round_number < CAUCHY_ROUNDS else loss
            weights = weights * robust_weights(residuals / scale[:, np.newaxis], kind)
            result.scale[active] = scale
        elif censored[active].any():
            sigma = _sigma(data, result, active, weights, away, freedom)
            sigma = np.ones_like(sigma) if known_errors else np.maximum(sigma, 1e-300)
            result.scale[active] = sigma
        own = data if len(active) == len(data) else data.rows(active)
        problem = CurveProblem.create(own, layout.take(active), weights, sigma)
        before = result.parameters[active].copy()
        box = Bounds(walls[0][active], walls[1][active])
        fit = fit_many(problem, before, bounds=box, tolerance=EXACT, max_iterations=MOST_CAREFUL_STEPS)
        result.parameters[active], result.squares[active] = fit.parameters, fit.sum_of_squares
        result.weights[active] = weights
        if loss == "none":
            result.base[active] = weights
        spread = np.sqrt(fit.sum_of_squares / freedom[active]) if sigma is None else np.ones(len(active))
        with np.errstate(invalid="ignore"):
            errors = spread[:, np.newaxis] * np.sqrt(np.einsum("bjj->bj", fit.unscaled_covariance))
        errors = np.where(np.isfinite(errors) & (errors > 0), errors, np.abs(before) + 1e-12)
        calm = (np.abs(fit.parameters - before) <= SETTLED * errors).all(axis=1)
        early = loss == "tukey" and round_number <= CAUCHY_ROUNDS
        settled = calm & (not moved) & (not early)
        result.arrived[active] = settled & _arrived(fit)
        index = active[~settled]
        if not len(index):
            break


def _curve(data: CurveData, layout: Layout, parameters: Floats) -> Floats:
    with np.errstate(all="ignore"):
        return layout.family.formula(layout.columns(parameters), data.log_doses)[0]


def _sigma(
    data: CurveData, result: Refit, active: NDArray[np.intp], weights: Floats, away: Floats, freedom: Floats
) -> Floats:
    """One step of expectation and maximisation for sigma; residual degrees of freedom in place of the count."""
    roots = np.sqrt(weights)
    sides = data.censoring[active]
    previous = result.scale[active, np.newaxis]
    standard = -away[active] * roots / previous
    rows = sides != 0
    squares = np.where(rows, 0.0, standard**2)
    distance = (sides * standard)[rows]
    # the expected square of an unseen residual is 1 - z lambda
    squares[rows] = 1 - distance * censored_terms(distance)[2]
    return result.scale[active] * np.sqrt(np.where(weights > 0, squares, 0.0).sum(axis=1) / freedom[active])
