"""Sparse products with A, and Taylor's sum of Phi, as straight-line code; None stands for an entry that is zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from llvmlite import ir

from limus.kernel.simulation.engine.lanes import Lanes
from limus.kernel.simulation.engine.linear_pattern import LinearPattern

__all__ = ["Column", "Matrix", "Terms"]

_DEGREE = 10  # (1/8)**11 / 12! is below rounding

Matrix: TypeAlias = Mapping[tuple[int, int], ir.Value]
Column: TypeAlias = list[ir.Value | None]


class Terms:
    """Writes products and sums into the function that is open.

    Parameters
    ----------
    lanes : Lanes
    pattern : LinearPattern
    """

    def __init__(self, lanes: Lanes, pattern: LinearPattern) -> None:
        self.lanes, self.pattern = lanes, pattern

    def slopes(self, array: ir.Value) -> Matrix:
        """Load A, or its derivative by a parameter."""
        return {place: self.lanes.load(array, k) for k, place in enumerate(self.pattern.places)}

    def reached(self, array: ir.Value) -> Matrix:
        """Load Phi, or its derivative by a parameter."""
        return {place: self.lanes.load(array, k) for k, place in enumerate(self.pattern.reached)}

    @property
    def nothing(self) -> Column:
        """A column of zeros."""
        return [None] * self.pattern.size

    def column(self, matrix: Matrix, number: int) -> Column:
        """Return a column of a matrix."""
        return [matrix.get((i, number)) for i in range(self.pattern.size)]

    def store_column(self, values: Column, number: int, array: ir.Value) -> None:
        """Write a column of Phi, or of its derivative."""
        for k, (i, j) in enumerate(self.pattern.reached):
            if j == number:
                value = values[i]
                self.lanes.store(self.lanes.number(0.0) if value is None else value, array, k)

    def times(self, matrix: Matrix, x: Sequence[ir.Value | None], start: Column | None = None) -> Column:
        """The product of a matrix and x, added to what there is."""
        found = self.nothing if start is None else list(start)
        for (i, j), entry in matrix.items():
            found[i] = self.sum(found[i], entry, x[j])
        return found

    def sum(self, total: ir.Value | None, a: ir.Value, b: ir.Value | None) -> ir.Value | None:
        """Total + a b."""
        if b is None:
            return total
        return self.lanes.multiply(a, b) if total is None else self.lanes.multiply_add(a, b, total)

    def add(self, x: Column, y: Column) -> Column:
        """The sum of two columns."""
        return [a if b is None else b if a is None else self.lanes.add(a, b) for a, b in zip(x, y, strict=True)]

    def scale(self, x: Column, factor: ir.Value) -> Column:
        """A column times a number."""
        return [None if value is None else self.lanes.multiply(value, factor) for value in x]

    def taylor(self, slopes: Matrix, term: Column, h: ir.Value) -> Column:
        """Sum of (A h)**m / (m + 1)! times the first term."""
        total = list(term)
        for m in range(1, _DEGREE + 1):
            term = self.scale(self.times(slopes, term), self._factor(h, m))
            total = self.add(total, term)
        return total

    def moved_taylor(self, slopes: Matrix, moved: Matrix, term: Column, moved_term: Column, h: ir.Value) -> Column:
        """The derivative of the sum, where A and the first term have the derivatives ``moved`` and ``moved_term``."""
        total = list(moved_term)
        for m in range(1, _DEGREE + 1):
            factor = self._factor(h, m)
            moved_term = self.scale(self.times(slopes, moved_term, self.times(moved, term)), factor)
            term = self.scale(self.times(slopes, term), factor)
            total = self.add(total, moved_term)
        return total

    def _factor(self, h: ir.Value, m: int) -> ir.Value:
        return self.lanes.multiply(h, self.lanes.number(1.0 / (m + 1)))
