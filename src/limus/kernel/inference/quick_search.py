"""The quick search of many lanes: Levenberg-Marquardt on normal equations, all lanes at once, ended lanes left out.

Damping as Nielsen (1999), IMM-REP-1999-05; scaled parameters; bounds by holding what is pushed out and clipping the
step; the same measure of arrival as the careful search (relative offset of Bates and Watts 1981).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from limus.kernel.inference.problem import Floats, LaneProblem
from limus.kernel.inference.small_systems import cholesky, invert, solve, solve_lower

__all__ = ["QuickSearch"]

EPSILON = float(np.finfo(np.float64).eps)
MOST_STEPS = 60
# As in the careful search: less of it jumps to plateaus.
FIRST_DAMPING = 0.1
# Share of a parameter's scale kept from step to step, as in the careful search.
SCALE_MEMORY = 0.7
# Smallest pivot of the scaled matrix at which its inverse still has about 6 digits.
SMALLEST_PIVOT = 1e-9
# Lanes that have ended are left out when they are this share of those carried along.
REPACK_AT = 0.25
# Below this offset rounding may end progress; after PATIENCE steps without it the lane counts as arrived.
GOOD_ENOUGH, PATIENCE = 1e-6, 5
# Below this offset a step may be taken though it changes the sum of squares by no more than rounding.
POLISH_BELOW = 1e-3
SMALLEST_CHANGE = 1e-14


class QuickSearch:
    """Fits of B lanes; :meth:`run` moves them as far as they go.

    Parameters
    ----------
    problem : LaneProblem
        The residuals.
    start : (B, P) numpy.ndarray
        Start values, inside the box.
    box : tuple of two (B, P) numpy.ndarray
        Lowest and highest values.
    tolerance : float
        Relative offset at which a lane has arrived.

    Attributes
    ----------
    parameters : (B, P), squares : (B,), residuals : (B, R), inverse : (B, P, P), held : (B, P), iterations : (B,)
        Where each lane stands; the inverse of J'J and the held parameters only where it has arrived.
    arrived : (B,) numpy.ndarray of bool
        Lanes at a stationary point with a well-conditioned matrix.
    adrift : (B,) numpy.ndarray of bool
        Lanes that ran to where some parameter has no influence, or where residuals are not finite.
    """

    def __init__(self, problem: LaneProblem, start: Floats, box: tuple[Floats, Floats], tolerance: float) -> None:
        lanes, count = start.shape
        self.tolerance = tolerance
        self.parameters = start.copy()
        self.squares = np.full(lanes, np.inf)
        self.inverse = np.full((lanes, count, count), np.nan)
        self.held = np.zeros((lanes, count), dtype=np.bool_)
        self.iterations = np.zeros(lanes, dtype=np.int64)
        self.arrived = np.zeros(lanes, dtype=np.bool_)
        self.adrift = np.zeros(lanes, dtype=np.bool_)
        # what follows has only the lanes carried along, lanes last
        self._lanes = np.arange(lanes)
        self._final = np.zeros((count, count, lanes))
        self._problem = problem
        self._here = np.ascontiguousarray(start.T)
        self._lower, self._upper = np.ascontiguousarray(box[0].T), np.ascontiguousarray(box[1].T)
        self._damping, self._growth = np.full(lanes, FIRST_DAMPING), np.full(lanes, 2.0)
        self._scales = np.zeros((count, lanes))
        self._best, self._idle = np.full(lanes, np.inf), np.zeros(lanes, dtype=np.int64)
        self._running = np.ones(lanes, dtype=np.bool_)
        self._values, self._matrix, self._gradient = self._evaluate(self._here)
        self.residuals = self._values.copy()
        self._work = np.empty(2 * self._values.size)  # fresh memory in every step would cost more than the arithmetic
        self._squares = _squares(self._values)

    def run(self) -> QuickSearch:
        """Iterate until every lane has ended or the steps are used up; returns itself."""
        with np.errstate(all="ignore"):
            for step in range(MOST_STEPS):
                lost = ~np.isfinite(self._squares) & self._running
                self.adrift[self._lanes[lost]] = True
                self._end(lost, False, step)
                factors = self._factorise(step)
                if not self._running.any():
                    break
                if np.mean(self._running) < 1 - REPACK_AT:
                    factors = self._repack(factors)
                self._step(*factors)
            self._end(self._running.copy(), False, MOST_STEPS)
            self._invert()
        return self

    def _invert(self) -> None:
        """Set (J'J)**-1 of the lanes that have arrived; NaN for held parameters."""
        lanes = np.flatnonzero(self.arrived)
        if not len(lanes):
            return
        matrix, held = self._final[:, :, lanes], self.held[lanes].T
        own = np.sqrt(np.einsum("iib->ib", matrix))
        own = np.where(own > 0, own, 1.0)
        triangle, _ = cholesky(_hold(matrix / (own * own[:, np.newaxis]), held))
        inverse = invert(triangle) / (own * own[:, np.newaxis])
        inverse = np.where(held | held[:, np.newaxis], np.nan, inverse)
        self.inverse[lanes] = np.moveaxis(inverse, 2, 0)

    def _evaluate(self, here: Floats) -> tuple[Floats, Floats, Floats]:
        """Residuals, J'J (P, P, B) and J'r (P, B)."""
        with np.errstate(all="ignore"):
            values, columns = self._problem.evaluate(np.ascontiguousarray(here.T))
            count = len(columns)
            matrix = np.empty((count, count, len(values)))
            gradient = np.empty((count, len(values)))
            for i in range(count):
                for j in range(i + 1):
                    matrix[i, j] = matrix[j, i] = np.einsum("br,br->b", columns[i], columns[j])
                gradient[i] = np.einsum("br,br->b", columns[i], values)
        return values, matrix, gradient

    def _factorise(self, step: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Scale, end the lanes that have arrived, and return scaled matrix, scaled gradient and held parameters."""
        gradient, here = self._gradient, self._here
        held = ((here <= self._lower) & (gradient >= 0)) | ((here >= self._upper) & (gradient <= 0))
        lengths = np.sqrt(np.einsum("iib->ib", self._matrix))
        self._scales = np.maximum(SCALE_MEMORY * self._scales, lengths)
        own = np.where(lengths > 0, lengths, 1.0)
        matrix = _hold(self._matrix / (own * own[:, np.newaxis]), held)
        slope = np.where(held, 0.0, gradient / own)
        triangle, pivot = cholesky(matrix)
        length = np.sqrt((solve_lower(triangle, slope) ** 2).sum(axis=0))
        norm = np.sqrt(self._squares)
        offset = length / np.where(norm > 0, norm, 1.0)
        size = np.maximum((np.abs(here) * lengths).max(axis=0), 1e-300)
        better = offset < 0.5 * self._best
        self._idle = np.where(better, 0, self._idle + 1)
        self._best = np.where(better, offset, self._best)
        worn_out = (self._idle >= PATIENCE) & (self._best < GOOD_ENOUGH)
        sound = (pivot > SMALLEST_PIVOT) & (lengths > 0).all(axis=0)
        stationary = (offset <= self.tolerance) | (length <= SMALLEST_CHANGE * size) | worn_out
        ending = stationary & self._running
        if ending.any():
            done = ending & sound
            self._final[:, :, self._lanes[done]] = self._matrix[:, :, done]
            self.held[self._lanes[done]] = held.T[done]
            self._end(done, True, step)
            self.adrift[self._lanes[ending & ~sound]] = True
            self._end(ending & ~sound, False, step)
        self._offset, self._size = offset, size
        scales = np.where(self._scales > 0, self._scales, 1.0)
        return (
            _hold(self._matrix / (scales * scales[:, np.newaxis]), held),
            np.where(held, 0.0, gradient / scales),
            held,
        )

    def _end(self, ending: NDArray[np.bool_], arrived: bool, step: int) -> None:
        if ending.any():
            lanes = self._lanes[ending]
            self.parameters[lanes] = self._here.T[ending]
            self.squares[lanes], self.residuals[lanes] = self._squares[ending], self._values[ending]
            self.arrived[lanes], self.iterations[lanes] = arrived, step
            self._running[ending] = False

    def _repack(self, factors: tuple[Floats, Floats, NDArray[np.bool_]]) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        keep = np.flatnonzero(self._running)
        self._problem = self._problem.take(keep)
        names = ("_here", "_lower", "_upper", "_damping", "_growth", "_scales", "_best", "_idle", "_running")
        for name in (*names, "_squares", "_matrix", "_gradient", "_offset", "_size"):
            setattr(self, name, getattr(self, name)[..., keep])
        self._lanes, self._values = self._lanes[keep], self._values[keep]
        matrix, slope, held = factors
        return matrix[..., keep], slope[:, keep], held[:, keep]

    def _step(self, matrix: Floats, slope: Floats, held: NDArray[np.bool_]) -> None:
        triangle, _ = cholesky(matrix, self._damping)
        scales = np.where(self._scales > 0, self._scales, 1.0)
        move = np.where(held | ~self._running, 0.0, -solve(triangle, slope) / scales)
        trial = np.clip(self._here + move, self._lower, self._upper)
        move = trial - self._here
        values, trial_matrix, trial_gradient = self._evaluate(trial)
        along = np.einsum("ijb,jb->ib", self._matrix, move)
        promised = -(move * (along + 2 * self._gradient)).sum(axis=0)
        less, more = self._work[: 2 * values.size].reshape(2, *values.shape)
        np.subtract(self._values, values, out=less)
        np.add(self._values, values, out=more)
        gained = np.einsum("br,br->b", less, more)
        gained = np.where(np.isfinite(gained), gained, -np.inf)
        noise = 8 * EPSILON * np.sqrt(self._squares) * self._size
        blurred = (self._offset < POLISH_BELOW) & (promised <= noise) & (gained >= -noise)
        ratio = np.where(blurred, 1.0, gained / np.where(promised > 0, promised, np.inf))
        finite = np.isfinite(trial_matrix).all(axis=(0, 1)) & np.isfinite(trial_gradient).all(axis=0)
        taken = (ratio > 1e-4) & ((gained > 0) | blurred) & finite & self._running
        np.copyto(self._values, values, where=taken[:, np.newaxis])
        for own, new in (
            (self._here, trial),
            (self._matrix, trial_matrix),
            (self._gradient, trial_gradient),
            (self._squares, _squares(values)),
        ):
            np.copyto(own, new, where=taken)
        shrink = np.maximum(1 / 3, 1 - (2 * np.clip(ratio, 0.0, 1.0) - 1) ** 3)
        self._damping = np.clip(self._damping * np.where(taken, shrink, self._growth), 1e-20, 1e60)
        self._growth = np.where(taken, 2.0, np.minimum(2 * self._growth, 1e8))


def _squares(values: Floats) -> Floats:
    return np.asarray(np.einsum("br,br->b", values, values))


def _hold(matrix: Floats, held: NDArray[np.bool_]) -> Floats:
    """Put a held parameter beside the others: 1 on the diagonal, 0 beside it."""
    if not held.any():
        return matrix
    identity = np.eye(len(matrix))[:, :, np.newaxis]
    return np.where(held | held[:, np.newaxis], identity, matrix)
