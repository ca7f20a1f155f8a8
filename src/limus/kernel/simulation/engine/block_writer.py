"""What sensitivities add to a model's functions; one function serves the block of every parameter.

With J, H = dJ/dy and the entries of F and dF/dy in memory (:class:`limus.kernel.simulation.blocks.Blocks`), code for a
block knows their pattern only: it does not grow with the number of parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from llvmlite import ir

from limus.kernel.language import Expression, Symbol, apply
from limus.kernel.language.expression import ONE, ZERO
from limus.kernel.simulation.blocks import Blocks
from limus.kernel.simulation.engine.hoisting import Constancy, time_derivative
from limus.kernel.simulation.engine.lanes import Lanes
from limus.kernel.simulation.engine.model_writer import ModelWriter
from limus.kernel.simulation.engine.pieces import Cells, write_in_pieces
from limus.kernel.simulation.equations import System, input_symbol, state_symbol
from limus.kernel.simulation.smoothness import may_become_infinite

__all__ = ["block_functions", "block_time_rates", "weights"]

Arrays = tuple[Cells, Cells, Cells]


def weights(blocks: Blocks) -> dict[int, Expression]:
    """Return 1/|p| of each parameter, which turns the tolerance of y into that of dy/dp; 1 for a parameter of 0."""
    inputs = [Symbol(input_symbol(name)) for name in blocks.parameters]
    return {
        j: apply("piecewise", ONE, apply("equal", p, ZERO), apply("divide", ONE, apply("abs", p)))
        for j, p in enumerate(inputs)
    }


def block_time_rates(system: System, blocks: Blocks, is_constant: Constancy) -> dict[int, Expression]:
    """Return what time alone changes in the rates of sensitivities, dJ/dt s_j + dF_j/dt, by the place of the state."""
    terms: dict[int, list[Expression]] = {}
    slopes = {place: time_derivative(slope, is_constant) for place, slope in blocks.slopes.items()}
    for j in range(len(blocks.parameters)):
        first = (1 + j) * blocks.size
        for (i, k), slope in slopes.items():
            if slope != ZERO:
                moved = Symbol(state_symbol(system.states[first + k]))
                terms.setdefault(first + i, []).append(apply("multiply", slope, moved))
    for (j, i), rate in blocks.rates.items():
        terms.setdefault((1 + j) * blocks.size + i, []).append(time_derivative(rate, is_constant))
    found = {place: apply("add", *own) for place, own in terms.items()}
    return {place: expression for place, expression in found.items() if expression != ZERO}


def block_functions(lanes: Lanes, writer: ModelWriter, system: System, blocks: Blocks) -> dict[str, ir.Function]:
    """Write the functions that sensitivities need.

    Parameters
    ----------
    lanes : Lanes
    writer : ModelWriter
    system : System
    blocks : Blocks

    Returns
    -------
    dict of str to llvmlite.ir.Function
        ``linearise(frame, y, out, l)``: rates, and J and F one after the other; ``curve(frame, y, out)``: H and dF/dy;
        ``multiply(l, s, out)``: J s; ``bend(curvatures, s, out)``: the part H s of D; ``couple(d, k, b)``: b + D k.
    """
    rates = dict(enumerate(system.derivatives[: blocks.size]))
    parts = dict(enumerate((*blocks.slopes.values(), *blocks.rates.values())))
    curved = dict(enumerate((*blocks.curvatures.values(), *blocks.rate_slopes.values())))
    return {
        "linearise": writer.from_state("linearise", rates, parts),
        "curve": writer.from_state("curve", curved, finite=True),
        "multiply": _multiply(lanes, blocks),
        "bend": _bend(lanes, blocks),
        "couple": _couple(lanes, blocks),
    }


def _in_pieces(lanes: Lanes, name: str, rows: Iterable[Callable[[Arrays], None]]) -> ir.Function:
    """A function of three arrays, of which the last takes the result."""

    def begin(arguments: Sequence[ir.Value]) -> Arrays:
        first, second, third = (Cells(lanes, array) for array in arguments)
        return first, second, third

    return write_in_pieces(lanes, name, 3, rows, begin, lambda arrays: arrays[2].flush())


def _multiply(lanes: Lanes, blocks: Blocks) -> ir.Function:
    rows: list[list[tuple[int, int, Expression]]] = [[] for _ in range(blocks.size)]
    for n, ((i, k), slope) in enumerate(blocks.slopes.items()):
        rows[i].append((n, k, slope))
    zero = lanes.number(0.0)

    def row(i: int) -> Callable[[Arrays], None]:
        def write(arrays: Arrays) -> None:
            slopes, s, out = arrays
            total = None
            for n, k, slope in rows[i]:
                if may_become_infinite(slope):  # nothing, where the state does not move
                    product = lanes.multiply(slopes.get(n), s.get(k))
                    product = lanes.select(lanes.compare("==", s.get(k), zero), zero, product)
                    total = product if total is None else lanes.add(total, product)
                elif total is None:
                    total = lanes.multiply(slopes.get(n), s.get(k))
                else:
                    total = lanes.multiply_add(slopes.get(n), s.get(k), total)
            out.set(i, zero if total is None else total)

        return write

    return _in_pieces(lanes, "multiply", map(row, range(blocks.size)))


def _bend(lanes: Lanes, blocks: Blocks) -> ir.Function:
    products: dict[tuple[int, int], list[tuple[int, int]]] = {place: [] for place in blocks.bent}
    for n, (i, a, b) in enumerate(blocks.curvatures):
        products[i, b].append((n, a))
        if a != b:
            products[i, a].append((n, b))

    def entry(place: int, own: list[tuple[int, int]]) -> Callable[[Arrays], None]:
        def write(arrays: Arrays) -> None:
            curvatures, s, out = arrays
            total = lanes.number(0.0)
            for n, a in own:
                total = lanes.multiply_add(curvatures.get(n), s.get(a), total)
            out.set(place, total)

        return write

    return _in_pieces(lanes, "bend", [entry(k, own) for k, own in enumerate(products.values())])


def _couple(lanes: Lanes, blocks: Blocks) -> ir.Function:
    def entry(place: int, i: int, b: int) -> Callable[[Arrays], None]:
        def write(arrays: Arrays) -> None:
            bent, k, out = arrays
            out.set(i, lanes.multiply_add(bent.get(place), k.get(b), out.get(i)))

        return write

    return _in_pieces(lanes, "couple", [entry(place, i, b) for place, (i, b) in enumerate(blocks.bent)])
