"""Random numbers of many replicates at once, each from its own generator.

A chunk holds R replicates of N subjects as one flat axis of R N. Drawing the block of a replicate from the
replicate's own generator makes its numbers independent of the chunk, the worker and the number of replicates.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError

__all__ = ["ReplicateDraws", "replicate_generators"]

Floats = NDArray[np.float64]


class ReplicateDraws:
    """The drawing methods of ``numpy.random.Generator`` that the trial uses, for a stack of replicates.

    Parameters
    ----------
    generators : sequence of numpy.random.Generator
        One a replicate; the first axis of every draw is cut into as many blocks.
    sizes : sequence of int, optional
        Subjects of each replicate; equal by default.
    """

    def __init__(self, generators: Sequence[np.random.Generator], sizes: Sequence[int] | None = None) -> None:
        self.generators = tuple(generators)
        self.sizes = None if sizes is None else tuple(sizes)

    def blocks(self, subjects: int) -> tuple[int, ...]:
        """Return how many of the subjects each replicate has.

        Raises
        ------
        ValueRangeError
            The subjects do not divide into the replicates.
        """
        sizes = self.sizes
        if sizes is None:
            sizes = (subjects // len(self.generators),) * len(self.generators)
        if sum(sizes) != subjects:
            allowed = f"{sum(sizes)} in {len(sizes)} replicates"
            raise ValueRangeError("random numbers", f"{subjects} subjects", allowed, "give the size of each replicate")
        return sizes

    def _draw(self, method: str, size: int | tuple[int, ...]) -> Floats:
        shape = (size,) if isinstance(size, int) else tuple(size)
        sizes = self.blocks(shape[0])
        drawn, start = np.empty(shape), 0
        for generator, count in zip(self.generators, sizes, strict=True):
            drawn[start : start + count] = getattr(generator, method)((count, *shape[1:]))
            start += count
        return drawn

    def random(self, size: int | tuple[int, ...]) -> Floats:
        """Return uniform numbers in [0, 1)."""
        return self._draw("random", size)

    def standard_normal(self, size: int | tuple[int, ...]) -> Floats:
        """Return standard normal numbers."""
        return self._draw("standard_normal", size)

    def standard_exponential(self, size: int | tuple[int, ...]) -> Floats:
        """Return exponential numbers of mean 1."""
        return self._draw("standard_exponential", size)


def replicate_generators(seed: int, first: int, last: int, *, stream: str) -> list[np.random.Generator]:
    """Return the generators of replicates ``first <= r < last``, without making those before them.

    Parameters
    ----------
    seed : int
    first, last : int
    stream : str

    Returns
    -------
    list of numpy.random.Generator
        The same as ``spawn_generators(seed, last, stream=stream)[first:last]``.
    """
    key = tuple(stream.encode())
    seeds = [np.random.SeedSequence(seed, spawn_key=(*key, number)) for number in range(first, last)]
    return [np.random.Generator(np.random.Philox(child)) for child in seeds]
