"""Whether a model is linear in its states with coefficients of inputs only, and between which states paths lead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from limus.kernel.language import Apply, Expression, free_symbols, walk
from limus.kernel.language.expression import LOGIC, RELATIONS
from limus.kernel.simulation.system import TIME, System, state_symbol

__all__ = ["LEVELS", "LinearPattern", "find_linear_pattern"]

LEVELS = 48  # doublings at most
_MOST_PRODUCTS = 20_000  # of one doubling, as straight-line code
_BENT = RELATIONS | LOGIC | {"floor", "ceiling", "abs", "min", "max", "modulo", "quotient", "factorial"}


@dataclass(frozen=True, slots=True)
class LinearPattern:
    """Where A of dy/dt = A y + g has entries, and where powers of A do.

    Attributes
    ----------
    size : int
        States.
    places : tuple of (int, int)
        Row and column of each entry of A.
    reached : tuple of (int, int)
        Row and column of each entry that a power of A may have, the diagonal included.
    """

    size: int
    places: tuple[tuple[int, int], ...]
    reached: tuple[tuple[int, int], ...]

    @property
    def memory(self) -> int:
        """Vectors that the stepping needs: A, g, tau and its inverse, and the propagators."""
        return len(self.places) + self.size + 2 + LEVELS * len(self.reached)


def find_linear_pattern(system: System, places: Mapping[tuple[int, int], Expression]) -> LinearPattern | None:
    """Recognise a linear model from its Jacobian.

    Parameters
    ----------
    system : System
    places : mapping
        Entries of the Jacobian by row and column.

    Returns
    -------
    LinearPattern or None
        None where an entry depends on states or time, a rate on time, or the model is too large.
    """
    size = len(system.states)
    names = {state_symbol(name) for name in system.states}
    moving = names | {TIME}
    if size == 0 or any(free_symbols(entry) & moving for entry in places.values()):
        return None
    for expression in system.derivatives:
        if TIME in free_symbols(expression):
            return None
        for part in walk(expression):  # a step or a kink has a derivative that does not show it
            if isinstance(part, Apply) and (part.operator in _BENT or part.operator == "piecewise"):
                bent = part.arguments[1::2] if part.operator == "piecewise" else part.arguments
                if any(free_symbols(argument) & names for argument in bent):
                    return None
    reached = _paths(size, places)
    columns = [sum(1 for _, j in reached if j == k) for k in range(size)]
    if sum(columns[k] * sum(1 for i, _ in reached if i == k) for k in range(size)) > _MOST_PRODUCTS:
        return None
    return LinearPattern(size, tuple(sorted(places)), reached)


def _paths(size: int, places: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Warshall's closure of the pattern, with the diagonal."""
    reached = [{i} for i in range(size)]
    for i, j in places:
        reached[i].add(j)
    for middle in range(size):
        reached = [row | reached[middle] if middle in row else row for row in reached]
    return tuple((i, j) for i in range(size) for j in sorted(reached[i]))
