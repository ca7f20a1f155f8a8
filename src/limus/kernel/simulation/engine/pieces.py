"""Long straight-line code in several functions: LLVM's time grows faster than the length of a function.

A piece works on values that stay in registers within it (:class:`Cells`) and are written to memory at its end, so that
the next piece finds them. Code that is short enough is one function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from llvmlite import ir

from limus.kernel.simulation.engine.lanes import Lanes

__all__ = ["Cells", "write_in_pieces"]

LONGEST = 2000  # instructions
Context = TypeVar("Context")


class Cells:
    """An array of vectors in memory, of which what was read or written stays at hand.

    Parameters
    ----------
    lanes : Lanes
    array : pointer
        The array.
    start : int
        Place of its first vector.
    """

    def __init__(self, lanes: Lanes, array: ir.Value, start: int = 0) -> None:
        self._lanes, self._array, self._start = lanes, array, start
        self._values: dict[int, ir.Value] = {}
        self._changed: dict[int, None] = {}

    def get(self, place: int) -> ir.Value:
        """Return a value, from memory the first time."""
        if place not in self._values:
            self._values[place] = self._lanes.load(self._array, self._start + place)
        return self._values[place]

    def set(self, place: int, value: ir.Value) -> None:
        """Change a value; memory follows at :meth:`flush`."""
        self._values[place] = value
        self._changed[place] = None

    def put(self, place: int, value: ir.Value) -> None:
        """Write a value to memory at once."""
        self._lanes.store(value, self._array, self._start + place)

    def flush(self) -> None:
        """Write what changed to memory."""
        for place in self._changed:
            self._lanes.store(self._values[place], self._array, self._start + place)


def write_in_pieces(
    lanes: Lanes,
    name: str,
    arguments: int,
    jobs: Iterable[Callable[[Context], None]],
    begin: Callable[[Sequence[ir.Value]], Context],
    end: Callable[[Context], None],
    *,
    together: int = 1,
) -> ir.Function:
    """Write jobs, in order, into one function or several that one calls.

    Parameters
    ----------
    lanes : Lanes
    name : str
        Of the function.
    arguments : int
        How many pointers it takes.
    jobs : iterable of callable
        Each writes a stretch of straight-line code that stays together.
    begin, end : callable
        Make what the jobs of a piece work with, and finish it.
    together : int
        How many times longer than others a piece may be: where values go from job to job.

    Returns
    -------
    llvmlite.ir.Function
    """
    pieces: list[ir.Function] = []

    def open_piece() -> Context:
        pieces.append(lanes.function(f"{name}.{len(pieces)}", arguments))
        return begin(pieces[-1].args)

    def close_piece(context: Context) -> None:
        end(context)
        lanes.builder.ret_void()

    context = open_piece()
    for job in jobs:
        if len(lanes.builder.block.instructions) > together * LONGEST:
            close_piece(context)
            context = open_piece()
        job(context)
    close_piece(context)
    if len(pieces) == 1:
        return pieces[0]
    function = lanes.function(name, arguments)
    for piece in pieces:
        lanes.builder.call(piece, function.args)
    lanes.builder.ret_void()
    return function
