"""Randomness: one generator per replicate and stream, spawned from one seed, so results do not depend on workers."""

from __future__ import annotations

import numpy as np

from limus.kernel.errors import ValueRangeError

__all__ = ["spawn_generators"]


def spawn_generators(seed: int, count: int, *, stream: str = "") -> list[np.random.Generator]:
    """Return independent generators, the same ones for the same seed, stream and position.

    Parameters
    ----------
    seed : int
        The run's seed, non-negative.
    count : int
        How many generators.
    stream : str
        Name of the purpose; two streams never share numbers.

    Returns
    -------
    list of numpy.random.Generator
        Philox generators, so that position k does not depend on ``count``.

    Raises
    ------
    ValueRangeError
        The seed or the count is negative.
    """
    for name, value in (("seed", seed), ("count", count)):
        if value < 0:
            raise ValueRangeError(name, value, "zero or more", f"give another {name}")
    # the stream stands in the spawn key: beside the seed, a long seed could spell another seed and a stream
    root = np.random.SeedSequence(seed, spawn_key=tuple(stream.encode()))
    return [np.random.Generator(np.random.Philox(child)) for child in root.spawn(count)]
