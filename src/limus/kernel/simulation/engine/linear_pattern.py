"""Whether a model is linear in its states with coefficients of inputs only, and between which states paths lead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from limus.kernel.language import Apply, Expression, free_symbols, walk
from limus.kernel.language.expression import LOGIC, RELATIONS
from limus.kernel.simulation.equations import TIME, System, state_symbol

__all__ = ["LEVELS", "LinearPattern", "find_linear_pattern"]

LEVELS = 48  # doublings at most
_MOST_PRODUCTS = 20_000  # of one doubling, as straight-line code; with derivatives there are three times as many
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
    parameters : int
        P, by how many parameters A and g are differentiated: to the same pattern.
    """

    size: int
    places: tuple[tuple[int, int], ...]
    reached: tuple[tuple[int, int], ...]
    parameters: int = 0

    @property
    def memory(self) -> int:
        """Vectors that the stepping needs: A, g and the propagators with their derivatives, tau and its inverse."""
        return 2 + (1 + self.parameters) * (len(self.places) + self.size + LEVELS * len(self.reached))


def find_linear_pattern(system: System, places: Mapping[tuple[int, int], Expression]) -> LinearPattern | None:
    """Recognise a linear model from its Jacobian.

    Parameters
    ----------
    system : System
    places : mapping
        Entries of the Jacobian by row and column, of the model's own states where the system has sensitivities.

    Returns
    -------
    LinearPattern or None
        None where an entry depends on states or time, a rate on time, or the model is too large.
    """
    size = system.blocks.size if system.blocks else len(system.states)
    names = {state_symbol(name) for name in system.states[:size]}
    moving = names | {TIME}
    if size == 0 or any(free_symbols(entry) & moving for entry in places.values()):
        return None
    for expression in system.derivatives[:size]:
        if TIME in free_symbols(expression):
            return None
        for part in walk(expression):  # a step or a kink has a derivative that does not show it
            if isinstance(part, Apply) and (part.operator in _BENT or part.operator == "piecewise"):
                bent = part.arguments[1::2] if part.operator == "piecewise" else part.arguments
                if any(free_symbols(argument) & names for argument in bent):
                    return None
    reached = _paths(size, places)
    columns = [sum(1 for _, j in reached if j == k) for k in range(size)]
    parameters = len(system.blocks.parameters) if system.blocks else 0
    products = sum(columns[k] * sum(1 for i, _ in reached if i == k) for k in range(size))
    if products * (3 if parameters else 1) > _MOST_PRODUCTS:
        return None
    return LinearPattern(size, tuple(sorted(places)), reached, parameters)


def _paths(size: int, places: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Warshall's closure of the pattern, with the diagonal."""
    reached = [{i} for i in range(size)]
    for i, j in places:
        reached[i].add(j)
    for middle in range(size):
        reached = [row | reached[middle] if middle in row else row for row in reached]
    return tuple((i, j) for i in range(size) for j in sorted(reached[i]))
