"""Gates as values, and which events are in them; the meaning is that of Gating-ML 2.0 (Spidlen 2015)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from limus.assay.cytometry.gate.scales import Scale, place_on_scale
from limus.kernel.errors import InputError, UnknownNameError, near_names

__all__ = [
    "BooleanShape",
    "Dimension",
    "EllipsoidShape",
    "Gate",
    "PolygonShape",
    "QuadrantShape",
    "Ratio",
    "RectangleShape",
    "Shape",
    "apply_gates",
    "order_gates",
]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Columns = Mapping[str, Floats]
UNCOMPENSATED, FILE = "uncompensated", "FCS"


@dataclass(frozen=True, slots=True)
class Ratio:
    """A dimension made of two channels: ``a (x - b) / (y - c)``."""

    numerator: str
    denominator: str
    a: float
    b: float
    c: float


@dataclass(frozen=True, slots=True)
class Dimension:
    """An axis of a gate.

    Attributes
    ----------
    channel : str or Ratio
    scale : Scale or None
        On which the gate is drawn; None for the values themselves.
    compensation : str
        ``uncompensated``, ``FCS`` (the file's own matrix), or the name of a matrix.
    low, high : float
        Places beyond these are put at them before gating; infinite for none.
    """

    channel: str | Ratio
    scale: Scale | None = None
    compensation: str = FILE
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True, slots=True)
class RectangleShape:
    """Between the least (inside) and the greatest place (outside) of each dimension."""

    dimensions: tuple[Dimension, ...]
    ranges: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class PolygonShape:
    """Inside or on a polygon that closes itself; two dimensions."""

    dimensions: tuple[Dimension, ...]
    vertices: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class EllipsoidShape:
    """Within a Mahalanobis distance of a centre."""

    dimensions: tuple[Dimension, ...]
    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    distance_square: float


@dataclass(frozen=True, slots=True)
class QuadrantShape:
    """One cell of a grid: between dividers (name and places) of each dimension; lower ends inside."""

    dimensions: tuple[Dimension, ...]
    ranges: tuple[tuple[float, float], ...]
    group: str
    dividers: tuple[tuple[str, tuple[float, ...]], ...]


@dataclass(frozen=True, slots=True)
class BooleanShape:
    """Other gates joined by ``and``, ``or`` or ``not``; each may be taken as its complement."""

    operator: str
    operands: tuple[tuple[str, bool], ...]


Shape = RectangleShape | PolygonShape | EllipsoidShape | QuadrantShape | BooleanShape


@dataclass(frozen=True, slots=True)
class Gate:
    """A named gate.

    Attributes
    ----------
    name : str
    shape : Shape
    parent : str
        Gate within which it holds; empty for all events.
    rule : str
        How it was found, in words; empty where it was given.
    """

    name: str
    shape: Shape
    parent: str = ""
    rule: str = field(default="", compare=False)


def order_gates(gates: Sequence[Gate]) -> tuple[Gate, ...]:
    """Put gates behind those that they refer to.

    Parameters
    ----------
    gates : sequence of Gate

    Returns
    -------
    tuple of Gate

    Raises
    ------
    InputError
        Two gates of one name, or gates that refer to each other in a circle.
    UnknownNameError
        A gate refers to one that is not there.
    """
    by_name = {gate.name: gate for gate in gates}
    if len(by_name) < len(gates):
        doubled = next(g.name for g in gates if sum(h.name == g.name for h in gates) > 1)
        raise InputError("gates", f"{doubled} twice", "each name once", "rename one")
    ordered: list[Gate] = []
    state: dict[str, int] = {}

    def visit(name: str, by: str) -> None:
        if name not in by_name:
            near = near_names(name, by_name)
            do = f"did you mean {' or '.join(near)}?" if near else "define it"
            raise UnknownNameError(f"gate {by}", name, ", ".join(by_name), do)
        if state.get(name) == 1:
            raise InputError(
                f"gate {name}", "refers to itself", "gates without circles", "correct parents and operands"
            )
        if name in state:
            return
        state[name] = 1
        gate = by_name[name]
        needed = [operand for operand, _ in gate.shape.operands] if isinstance(gate.shape, BooleanShape) else []
        for other in [*([gate.parent] if gate.parent else []), *needed]:
            visit(other, name)
        state[name] = 2
        ordered.append(gate)

    for gate in gates:
        visit(gate.name, "list")
    return tuple(ordered)


def apply_gates(gates: Sequence[Gate], columns: Callable[[str], Columns], events: int) -> dict[str, Mask]:
    """Find the events in each gate.

    Parameters
    ----------
    gates : sequence of Gate
    columns : callable
        Channels by name, for a compensation (``uncompensated``, ``FCS`` or a matrix's name).
    events : int
        N.

    Returns
    -------
    dict of str to (N,) numpy.ndarray of bool
        By name; a gate with a parent holds only events of the parent.

    Raises
    ------
    UnknownNameError
        A channel or a gate that is not there.
    InputError
        Gates in a circle.
    """
    found: dict[str, Mask] = {}
    kept: dict[Dimension, Floats] = {}

    def place(dimension: Dimension) -> Floats:
        if dimension not in kept:
            kept[dimension] = _place(dimension, columns(dimension.compensation))
        return kept[dimension]

    for gate in order_gates(gates):
        inside = _inside(gate.shape, place, found, events)
        found[gate.name] = inside & found[gate.parent] if gate.parent else inside
    return found


def _place(dimension: Dimension, columns: Columns) -> Floats:
    def channel(name: str) -> Floats:
        if name not in columns:
            near = near_names(name, columns)
            do = f"did you mean {' or '.join(near)}?" if near else "correct the gate"
            raise UnknownNameError("channel of a gate", name, ", ".join(columns), do)
        return columns[name]

    if isinstance(dimension.channel, Ratio):
        r = dimension.channel
        with np.errstate(divide="ignore", invalid="ignore"):
            values = r.a * (channel(r.numerator) - r.b) / (channel(r.denominator) - r.c)
    else:
        values = channel(dimension.channel)
    places = values if dimension.scale is None else place_on_scale(values, dimension.scale)
    if math.isfinite(dimension.low) or math.isfinite(dimension.high):
        places = np.clip(places, dimension.low, dimension.high)
    return places


def _inside(shape: Shape, place: Callable[[Dimension], Floats], found: Mapping[str, Mask], events: int) -> Mask:
    if isinstance(shape, BooleanShape):
        masks = [found[name] ^ complement for name, complement in shape.operands]
        joined = masks[0]
        for mask in masks[1:]:
            joined = joined | mask if shape.operator == "or" else joined & mask
        return ~joined if shape.operator == "not" else joined
    axes = [place(dimension) for dimension in shape.dimensions]
    if isinstance(shape, RectangleShape | QuadrantShape):
        inside = np.ones(events, dtype=np.bool_)
        for axis, (low, high) in zip(axes, shape.ranges, strict=True):
            if math.isfinite(low):
                inside &= axis >= low
            if math.isfinite(high):
                inside &= axis < high
        return inside
    if isinstance(shape, PolygonShape):
        return _in_polygon(axes[0], axes[1], shape.vertices)
    centred = np.stack(axes) - np.array(shape.mean)[:, np.newaxis]
    distance = np.einsum("ij,ij->j", centred, np.linalg.solve(np.array(shape.covariance), centred))
    return np.asarray(distance <= shape.distance_square)


def _in_polygon(x: Floats, y: Floats, vertices: Sequence[tuple[float, float]]) -> Mask:
    """Even-odd rule; points on an edge are inside."""
    inside = np.zeros(len(x), dtype=np.bool_)
    edge = np.zeros(len(x), dtype=np.bool_)
    for (x0, y0), (x1, y1) in zip(vertices, [*vertices[1:], vertices[0]], strict=True):
        cross = (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)
        between = (np.minimum(x0, x1) <= x) & (x <= np.maximum(x0, x1))
        between &= (np.minimum(y0, y1) <= y) & (y <= np.maximum(y0, y1))
        edge |= (cross == 0) & between
        straddles = (y0 <= y) != (y1 <= y)
        inside ^= straddles & ((cross > 0) == (y1 > y0))
    return inside | edge
