"""The iteration of the fitter: Levenberg and Marquardt's method on many lanes at once, in a box.

Every lane has its own damping, adapted to how well the linear model predicted the last step (Nielsen 1999, IMM-REP-
1999-05: shrinks to a third after a good step, grows by 2, 4, 8, ... after bad ones), and its own parameter scales
(column norms of the Jacobian with a memory, after More 1978). Steps follow the bend of the model by geodesic
acceleration and are refused where it bends too much; this keeps them from jumping to plateaus and speeds curved valleys
(Transtrum and Sethna 2012, arXiv:1201.5885). Parameters at a bound that would be pushed out are held; a step that would
cross a bound is cut there and the others are solved again.

The measure of arrival is the relative offset: the length of the residuals' projection on the tangent plane over that of
the residuals (Bates and Watts 1981, Technometrics 23:179). It is the distance still to go in units of standard errors,
does not depend on how parameters are scaled and, unlike the sum of squares, can be resolved to rounding.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.inference.derivatives import difference_columns
from limus.kernel.inference.factorisation import damped_step, factorise
from limus.kernel.inference.problem import Bounds, FitStatus, Floats, JacobianFunction, ResidualFunction

__all__ = ["Search"]

EPSILON = float(np.finfo(np.float64).eps)
FIRST_DAMPING = 0.1
# How much of a scale is kept from step to step. Keeping all (More) freezes MGH10 of NIST's collection, keeping none
# lets BoxBOD and MGH17 run off to where a parameter has no influence; 0.5 to 0.9 solve all 27 problems.
SCALE_MEMORY = 0.7
LARGEST_DAMPING = 1e60
# From this offset on, forward differences no longer point the right way.
CENTRAL_FROM = 1e-2
# Singular values of the Jacobian with columns of length 1: below this share, a direction has no influence. Central
# differences are good to about 1e-10 of a column.
FLAT_BELOW_DIFFERENCES = 1e-9
FLAT_BELOW_ANALYTIC = 1e-12
# Rounding ends progress above the wanted offset: below GOOD_ENOUGH that counts as arrival after PATIENCE idle steps.
GOOD_ENOUGH = 1e-5
PATIENCE = 20
# Below this offset the surface is as good as flat and acceleration is not worth an evaluation.
STRAIGHT_BELOW = 1e-4
# Below this offset a step may be taken though it changes the sum of squares by no more than rounding.
POLISH_BELOW = 1e-3
# Smallest change of the residuals, relative to the contribution of a parameter to the model, that is not rounding.
SMALLEST_CHANGE = 1e-14


class Search:
    """The state of a fit of B lanes; :meth:`run` moves it to the end.

    Parameters
    ----------
    residuals : ResidualFunction
        The residuals.
    start : (B, P) numpy.ndarray
        Start values, inside the bounds; kept and overwritten.
    bounds : Bounds
        The box.
    jacobian : JacobianFunction or None
        Derivatives; None for finite differences.
    tolerance : float
        Relative offset at which a lane has arrived.
    """

    def __init__(
        self,
        residuals: ResidualFunction,
        start: Floats,
        bounds: Bounds,
        jacobian: JacobianFunction | None,
        tolerance: float,
    ) -> None:
        self.residual_function, self.jacobian_function = residuals, jacobian
        self.tolerance = tolerance
        self.lower, self.upper = np.broadcast_to(bounds.lower, start.shape), np.broadcast_to(bounds.upper, start.shape)
        self.flat_below = FLAT_BELOW_DIFFERENCES if jacobian is None else FLAT_BELOW_ANALYTIC
        self.parameters = start
        lanes, count = start.shape
        self.sizes = np.where(start != 0, np.abs(start), 1.0)
        self.residuals = self._evaluate(start, lanes)
        if self.residuals.shape[1] < count:
            raise ValueRangeError(
                "residuals", f"{self.residuals.shape[1]} a lane", f"at least {count}, one a parameter", "add data"
            )
        self.squares = _sum_of_squares(self.residuals)
        self.damping, self.growth = np.full(lanes, FIRST_DAMPING), np.full(lanes, 2.0)
        self.scales = np.zeros((lanes, count))
        self.status: NDArray[np.object_] = np.full(lanes, None, dtype=object)
        self.running = np.ones(lanes, dtype=np.bool_)
        self._end(np.flatnonzero(~np.isfinite(self.squares)), FitStatus.NOT_FINITE)
        self.accurate = np.full(lanes, jacobian is not None)
        self.moved = np.ones(lanes, dtype=np.bool_)
        self.triangle, self.projection = np.zeros((lanes, count, count)), np.zeros((lanes, count))
        self.units = np.zeros((count, *self.residuals.shape))
        self.offset = np.full(lanes, np.inf)
        self.change = np.full(lanes, np.inf)
        self.best_offset, self.idle = np.full(lanes, np.inf), np.zeros(lanes, dtype=np.int64)
        self.iterations = np.zeros(lanes, dtype=np.int64)

    def run(self, max_iterations: int) -> None:
        """Iterate until every lane has ended; what has not by then gets the status max_iterations."""
        for _ in range(max_iterations):
            self._update_factors()
            lanes = self._open()
            if len(lanes):
                lanes = self._stop_arrived(lanes)
            if not len(lanes):
                break
            self._step(lanes)
        self._end(self._open(), FitStatus.MAX_ITERATIONS)
        self.accurate[:] = True
        self.moved[:] = True
        self._update_factors(everywhere=True)

    def held(self) -> NDArray[np.bool_]:
        """Return which parameters (B, P) stand at a bound and are pushed out of the box."""
        gradient = np.einsum("bij,bi->bj", self.triangle, self.projection)
        at_lower = (self.parameters <= self.lower) & (gradient >= 0)
        at_upper = (self.parameters >= self.upper) & (gradient <= 0)
        return at_lower | at_upper

    def _open(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.running)

    def _end(self, lanes: NDArray[np.intp], status: FitStatus) -> None:
        self.running[lanes] = False
        self.status[lanes] = status

    def _evaluate(self, parameters: Floats, lanes: int) -> Floats:
        with np.errstate(all="ignore"):
            values = np.asarray(self.residual_function(parameters), dtype=np.float64)
        if values.ndim != 2 or values.shape[0] != lanes:
            raise ValueRangeError("residuals", f"shape {values.shape}", f"({lanes}, R)", "return one row a lane")
        return values

    def _update_factors(self, *, everywhere: bool = False) -> None:
        """Factorise the Jacobian of the lanes that moved."""
        wanted = self.moved if everywhere else self.moved & self.running
        lanes = np.flatnonzero(wanted)
        if not len(lanes):
            return
        if self.jacobian_function is None:
            sizes = np.maximum(np.abs(self.parameters), 1e-4 * self.sizes)
            columns = difference_columns(
                self.residual_function,
                self.parameters,
                self.residuals,
                sizes,
                (self.lower, self.upper),
                self.accurate,
            )
        else:
            with np.errstate(all="ignore"):
                columns = np.moveaxis(np.asarray(self.jacobian_function(self.parameters), dtype=np.float64), 2, 0)
        columns, values = columns[:, lanes], self.residuals[lanes]
        finite = np.isfinite(columns).all(axis=(0, 2)) & np.isfinite(values).all(axis=1)
        self._end(lanes[~finite], FitStatus.NOT_FINITE)
        usable = lanes[finite]
        self.triangle[usable], self.projection[usable], self.units[:, usable] = factorise(
            columns[:, finite], values[finite]
        )
        self.moved[lanes] = False
        lengths = np.sqrt((self.triangle[usable] ** 2).sum(axis=1))
        self.scales[usable] = np.maximum(SCALE_MEMORY * self.scales[usable], lengths)

    def _stop_arrived(self, lanes: NDArray[np.intp]) -> NDArray[np.intp]:
        """End the lanes that stand at a stationary point; return the others."""
        triangle, free = self.triangle[lanes], ~self.held()[lanes]
        columns = np.moveaxis(triangle * free[:, np.newaxis, :], 2, 0)
        _, tangent, _ = factorise(columns, self.projection[lanes], dependent=self.flat_below)
        length = np.sqrt(_sum_of_squares(tangent))
        norm = np.sqrt(self.squares[lanes])
        offset = length / np.where(norm > 0, norm, 1.0)
        self.offset[lanes] = offset
        change = length / np.maximum(self._model_size(lanes), 1e-300)
        self.change[lanes] = change
        better = offset < 0.5 * self.best_offset[lanes]
        self.idle[lanes] = np.where(better, 0, self.idle[lanes] + 1)
        self.best_offset[lanes] = np.where(better, offset, self.best_offset[lanes])
        worn_out = (self.idle[lanes] >= PATIENCE) & (self.best_offset[lanes] < GOOD_ENOUGH)
        arrived = (offset <= self.tolerance) | (change <= SMALLEST_CHANGE) | worn_out
        ready = self.accurate[lanes]
        self._end(lanes[arrived & ready], FitStatus.CONVERGED)
        sharpen = ~ready & (arrived | (offset < CENTRAL_FROM))
        self._sharpen(lanes[sharpen])
        return lanes[~(arrived & ready)]

    def _sharpen(self, lanes: NDArray[np.intp]) -> None:
        self.accurate[lanes] = True
        self.moved[lanes] = True
        self.idle[lanes], self.best_offset[lanes] = 0, np.inf

    def _model_size(self, lanes: NDArray[np.intp]) -> Floats:
        """Largest contribution of a parameter to the residuals, |b_k| |J_k|: what their rounding is relative to."""
        lengths = np.sqrt((self.triangle[lanes] ** 2).sum(axis=1))
        return np.asarray((np.abs(self.parameters[lanes]) * lengths).max(axis=1))

    def _step(self, lanes: NDArray[np.intp]) -> None:
        """Try one step in each open lane; take it where the sum of squares falls as the linear model promised."""
        self.iterations[lanes] += 1
        move, cut = self._propose(lanes)
        bend, too_bent = self._accelerate(lanes, move, ~cut & (self.offset[lanes] > STRAIGHT_BELOW))
        trial = self.parameters.copy()
        trial[lanes] = np.clip(trial[lanes] + move + bend, self.lower[lanes], self.upper[lanes])
        values = self._evaluate(trial, len(trial))[lanes]
        along = np.einsum("bij,bj->bi", self.triangle[lanes], move)
        promised = -(along * (along + 2 * self.projection[lanes])).sum(axis=1)
        old = self.residuals[lanes]
        with np.errstate(all="ignore"):
            gained = ((old - values) * (old + values)).sum(axis=1)
        gained = np.where(np.isfinite(gained), gained, -np.inf)
        noise = 8 * EPSILON * np.sqrt(self.squares[lanes]) * self._model_size(lanes)
        # Close to the end the sum of squares no longer tells better from worse, while the offset still does.
        polishing = (self.offset[lanes] < POLISH_BELOW) | (self.change[lanes] < POLISH_BELOW**2)
        blurred = polishing & (promised <= noise) & (gained >= -noise)
        ratio = np.where(blurred, 1.0, gained / np.where(promised > 0, promised, np.inf))
        taken = (ratio > 1e-4) & ((gained > 0) | blurred) & ~too_bent
        won = lanes[taken]
        self.parameters[won], self.residuals[won] = trial[won], values[taken]
        self.squares[won] = _sum_of_squares(values[taken])
        self.moved[won] = True
        self._adapt_damping(lanes, taken, np.clip(ratio, 0.0, 1.0))
        self._stop_stuck(lanes[~taken], move[~taken])

    def _accelerate(
        self, lanes: NDArray[np.intp], move: Floats, wanted: NDArray[np.bool_]
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Return half the geodesic acceleration along a step, and where it is too large for the step to be trusted.

        Transtrum and Sethna (2012) arXiv:1201.5885, eqs 9 to 15, with their h = 0.1 and alpha = 0.75.
        """
        bend = np.zeros_like(move)
        if not wanted.any():
            return bend, np.zeros(len(lanes), dtype=np.bool_)
        trial = self.parameters.copy()
        trial[lanes] += 0.1 * move
        near = self._evaluate(trial, len(trial))[lanes]
        along = np.einsum("bij,bj->bi", self.triangle[lanes], move)
        units = self.units[:, lanes]
        with np.errstate(all="ignore"):
            second = 20 * ((near - self.residuals[lanes]) / 0.1 - np.einsum("jbr,bj->br", units, along))
            projection = 0.5 * np.einsum("jbr,br->bj", units, second)
        finite = np.isfinite(projection).all(axis=1)
        scales = np.where(self.scales[lanes] > 0, self.scales[lanes], 1.0)
        triangle = self.triangle[lanes] / scales[:, np.newaxis, :]
        projection = np.where(finite[:, np.newaxis], projection, 0.0)
        scaled = damped_step(triangle, projection, self.damping[lanes], ~self.held()[lanes], np.zeros_like(bend))
        length, limit = _sum_of_squares(scaled), 0.1875**2 * _sum_of_squares(move * scales)
        good = wanted & finite & (length <= limit)
        return np.where(good[:, np.newaxis], scaled / scales, 0.0), wanted & ~good

    def _propose(self, lanes: NDArray[np.intp]) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the damped step, components cut at the bounds and the rest solved again, and where that was so."""
        scales = np.where(self.scales[lanes] > 0, self.scales[lanes], 1.0)
        triangle = self.triangle[lanes] / scales[:, np.newaxis, :]
        here, lower, upper = self.parameters[lanes], self.lower[lanes], self.upper[lanes]
        free = ~self.held()[lanes]
        fixed = np.zeros_like(here)
        cut = np.zeros(len(lanes), dtype=np.bool_)
        for _ in range(here.shape[1]):
            step = damped_step(triangle, self.projection[lanes], self.damping[lanes], free, fixed * scales) / scales
            inside = np.clip(here + step, lower, upper) - here
            crossing = free & ((here + step < lower) | (here + step > upper))
            if not crossing.any():
                break
            cut |= crossing.any(axis=1)
            fixed = np.where(crossing, inside, fixed)
            free &= ~crossing
        return inside, cut

    def _adapt_damping(self, lanes: NDArray[np.intp], taken: NDArray[np.bool_], ratio: Floats) -> None:
        shrink = np.maximum(1 / 3, 1 - (2 * ratio - 1) ** 3)
        factor = np.where(taken, shrink, self.growth[lanes])
        self.damping[lanes] = np.clip(self.damping[lanes] * factor, 1e-30, LARGEST_DAMPING)
        self.growth[lanes] = np.where(taken, 2.0, np.minimum(2 * self.growth[lanes], 1e8))

    def _stop_stuck(self, lanes: NDArray[np.intp], move: Floats) -> None:
        """End the lanes whose refused step was too short to matter, after one try with accurate derivatives."""
        if not len(lanes):
            return
        size = np.maximum(np.abs(self.parameters[lanes]), 1e-4 * self.sizes[lanes])
        tiny = (np.abs(move) <= 4 * EPSILON * size).all(axis=1)
        stuck = lanes[tiny]
        ready = self.accurate[stuck]
        near = (self.best_offset[stuck] < GOOD_ENOUGH) | (self.change[stuck] < 1e3 * SMALLEST_CHANGE)
        self._end(stuck[ready & near], FitStatus.CONVERGED)
        self._end(stuck[ready & ~near], FitStatus.STALLED)
        again = stuck[~ready]
        self._sharpen(again)
        self.damping[again], self.growth[again] = FIRST_DAMPING, 2.0


def _sum_of_squares(values: Floats) -> Floats:
    with np.errstate(all="ignore"):
        return np.asarray(np.einsum("br,br->b", values, values))
