"""A system with sensitivities in NumPy, from the functions of the model: for the reference solver."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from limus.kernel.simulation.blocks import Blocks
from limus.kernel.simulation.compiled import CompiledModel

__all__ = ["BlockArrays"]

Floats = NDArray[np.float64]


class BlockArrays:
    """Rates of change and Jacobian of y, s_1, ..., s_P; see :class:`limus.kernel.simulation.blocks.Blocks`.

    Parameters
    ----------
    model : CompiledModel
    blocks : Blocks
        Of its system.
    """

    def __init__(self, model: CompiledModel, blocks: Blocks) -> None:
        self._model, self._size, self._count = model, blocks.size, len(blocks.parameters)
        self._places = [model.inputs.index(name) for name in blocks.parameters]
        self._slopes = _index(blocks.slopes, 2)
        self._curvatures = _index(blocks.curvatures, 3)
        self._rates = _index(blocks.rates, 2)
        self._rate_slopes = _index(blocks.rate_slopes, 3)

    def derivatives(self, t: float, y: Floats, p: Sequence[float]) -> Floats:
        """Rates of change of all blocks, flat."""
        states = y[: self._size].tolist()
        moved = y[self._size :].reshape(self._count, self._size)
        values = np.array(self._model.evaluate("jacobian", t, states, p), dtype=np.float64)
        rows, columns = self._slopes
        finite = np.isfinite(values)
        slopes = np.zeros((self._size, self._size))
        slopes[rows, columns] = np.where(finite, values, 0.0)
        with np.errstate(all="ignore"):  # what is not finite is seen by the solver
            found = moved @ slopes.T
        for k in np.flatnonzero(~finite).tolist():  # an infinite slope by a state that does not move is nothing
            column = moved[:, columns[k]]
            found[:, rows[k]] += np.where(column == 0.0, 0.0, values[k])
        found[self._rates[0], self._rates[1]] += self._model.evaluate("parameter_rates", t, states, p)
        return np.concatenate([self._model.evaluate("derivatives", t, states, p), found.reshape(-1)])

    def jacobian(self, t: float, y: Floats, p: Sequence[float]) -> Floats:
        """The Jacobian of all blocks, dense; entries that are not finite are left out."""
        size, count = self._size, self._count
        states = y[:size].tolist()
        moved = y[size:].reshape(count, size)
        slopes = np.zeros((size, size))
        slopes[self._slopes[0], self._slopes[1]] = self._model.evaluate("jacobian", t, states, p)
        bent = np.zeros((count, size, size))
        values = np.array(self._model.evaluate("curvatures", t, states, p), dtype=np.float64)
        values = np.where(np.isfinite(values), values, 0.0)
        for value, i, a, b in zip(values, *self._curvatures, strict=True):
            bent[:, i, b] += value * moved[:, a]
            if a != b:
                bent[:, i, a] += value * moved[:, b]
        j, i, b = self._rate_slopes
        bent[j, i, b] += self._model.evaluate("parameter_rate_slopes", t, states, p)
        whole = np.kron(np.eye(1 + count), np.where(np.isfinite(slopes), slopes, 0.0))
        whole[size:, :size] = bent.reshape(count * size, size)
        return np.where(np.isfinite(whole), whole, 0.0)

    def absolute_tolerances(self, absolute: float, p: Sequence[float]) -> Floats:
        """Tolerance of each state: for dy/dp that of y over the size of p, for a p of 0 that of y."""
        sizes = np.abs([1.0, *(p[k] for k in self._places)])
        return np.repeat(absolute / np.where(sizes == 0.0, 1.0, sizes), self._size)


def _index(places: Iterable[tuple[int, ...]], width: int) -> tuple[NDArray[np.int64], ...]:
    return tuple(np.array(list(places), dtype=np.int64).reshape(-1, width).T)
