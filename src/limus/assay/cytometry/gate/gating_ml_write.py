"""Write gates as a Gating-ML 2.0 document that other programs read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from limus.assay.cytometry.gate.gates import (
    BooleanShape,
    Dimension,
    EllipsoidShape,
    Gate,
    PolygonShape,
    QuadrantShape,
    Ratio,
    RectangleShape,
)
from limus.assay.cytometry.gate.gating_ml import DATA_TYPES, GATING, NAMESPACES, TRANSFORMS, SpectrumMatrix, tag
from limus.assay.cytometry.gate.scales import Scale
from limus.kernel.errors import OutputError

__all__ = ["write_gating_ml"]

_NAMES = {"linear": "flin", "log": "flog", "asinh": "fasinh", "logicle": "logicle", "hyperlog": "hyperlog"}
_LETTERS = {
    "linear": {"T": "top", "A": "additional"},
    "log": {"T": "top", "M": "decades"},
    "asinh": {"T": "top", "M": "decades", "A": "additional"},
    "logicle": {"T": "top", "W": "width", "M": "decades", "A": "additional"},
    "hyperlog": {"T": "top", "W": "width", "M": "decades", "A": "additional"},
}
Key = tuple[Scale | Ratio, float, float]


def write_gating_ml(path: Path, gates: Sequence[Gate], matrices: Mapping[str, SpectrumMatrix] | None = None) -> Path:
    """Write a document.

    Parameters
    ----------
    path : Path
    gates : sequence of Gate
        In any order; rules stand in the document as comments.
    matrices : mapping of str to SpectrumMatrix
        Those that gates refer to by name.

    Returns
    -------
    Path

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    for prefix, space in NAMESPACES.items():
        ET.register_namespace(prefix, space)
    root = ET.Element(tag(GATING, "Gating-ML"))
    names: dict[Key, str] = {}
    for gate in gates:
        if not isinstance(gate.shape, BooleanShape):
            for key in (key for dimension in gate.shape.dimensions for key in _keys(dimension) if key is not None):
                names.setdefault(key, f"transformation_{len(names) + 1}")
    for key, name in names.items():
        _add_transform(root, key, name)
    for name, matrix in (matrices or {}).items():
        _add_matrix(root, name, matrix)
    groups: dict[str, ET.Element] = {}
    dividers = _dividers(gates)
    for gate in gates:
        if gate.rule:
            root.append(ET.Comment(f" {gate.name}: {gate.rule} ".replace("--", "-")))
        _add_gate(root, gate, names, groups, dividers)
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    try:
        path.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n', encoding="utf-8")
    except OSError as error:
        raise OutputError(str(path), error, "a folder that can be written", "choose another folder") from None
    return path


def _keys(dimension: Dimension) -> tuple[Key | None, Key | None]:
    """What a dimension needs: a ratio and a scale, None for what it has not; bounds belong to the last of them."""
    bounds = (dimension.low, dimension.high)
    scale = None if dimension.scale is None else (dimension.scale, *bounds)
    if not isinstance(dimension.channel, Ratio):
        return None, scale
    return (dimension.channel, *(bounds if scale is None else (-math.inf, math.inf))), scale


def _set(element: ET.Element, space: str, values: Mapping[str, object]) -> ET.Element:
    for name, value in values.items():
        element.set(tag(space, name), repr(value) if isinstance(value, float) else str(value))
    return element


def _add_transform(root: ET.Element, key: Key, name: str) -> None:
    transform, low, high = key
    outer = _set(ET.SubElement(root, tag(TRANSFORMS, "transformation")), TRANSFORMS, {"id": name})
    _set(outer, TRANSFORMS, {k: v for k, v in (("boundMin", low), ("boundMax", high)) if math.isfinite(v)})
    if isinstance(transform, Ratio):
        inner = ET.SubElement(outer, tag(TRANSFORMS, "fratio"))
        _set(inner, TRANSFORMS, {"A": transform.a, "B": transform.b, "C": transform.c})
        for channel in (transform.numerator, transform.denominator):
            _set(ET.SubElement(inner, tag(DATA_TYPES, "fcs-dimension")), DATA_TYPES, {"name": channel})
        return
    inner = ET.SubElement(outer, tag(TRANSFORMS, _NAMES[transform.kind]))
    letters = _LETTERS[transform.kind]
    _set(inner, TRANSFORMS, {letter: float(getattr(transform, field)) for letter, field in letters.items()})


def _add_matrix(root: ET.Element, name: str, matrix: SpectrumMatrix) -> None:
    outer = _set(ET.SubElement(root, tag(TRANSFORMS, "spectrumMatrix")), TRANSFORMS, {"id": name})
    for part, channels in (("fluorochromes", matrix.dyes), ("detectors", matrix.detectors)):
        inner = ET.SubElement(outer, tag(TRANSFORMS, part))
        for channel in channels:
            _set(ET.SubElement(inner, tag(DATA_TYPES, "fcs-dimension")), DATA_TYPES, {"name": channel})
    for row in matrix.matrix:
        spectrum = ET.SubElement(outer, tag(TRANSFORMS, "spectrum"))
        for value in row:
            _set(ET.SubElement(spectrum, tag(TRANSFORMS, "coefficient")), TRANSFORMS, {"value": float(value)})


def _add_dimension(
    outer: ET.Element, dimension: Dimension, names: dict[Key, str], kind: str = "dimension"
) -> ET.Element:
    element = _set(ET.SubElement(outer, tag(GATING, kind)), GATING, {"compensation-ref": dimension.compensation})
    ratio, scale = _keys(dimension)
    if scale is not None:
        element.set(tag(GATING, "transformation-ref"), names[scale])
    if ratio is not None:
        reference = {"transformation-ref": names[ratio]}
        _set(ET.SubElement(element, tag(DATA_TYPES, "new-dimension")), DATA_TYPES, reference)
    else:
        name = {"name": dimension.channel}
        _set(ET.SubElement(element, tag(DATA_TYPES, "fcs-dimension")), DATA_TYPES, name)
    return element


def _add_coordinates(outer: ET.Element, name: str, values: Sequence[float], child: str) -> None:
    element = ET.SubElement(outer, tag(GATING, name))
    for value in values:
        _set(ET.SubElement(element, tag(GATING, child)), DATA_TYPES, {"value": float(value)})


Dividers = dict[str, dict[Dimension, tuple[str, tuple[float, ...]]]]


def _dividers(gates: Sequence[Gate]) -> Dividers:
    """The dividers of each group of quadrants."""
    found: Dividers = {}
    for gate in gates:
        if isinstance(gate.shape, QuadrantShape):
            own = found.setdefault(gate.shape.group, {})
            own |= dict(zip(gate.shape.dimensions, gate.shape.dividers, strict=True))
    return found


def _add_gate(
    root: ET.Element, gate: Gate, names: dict[Key, str], groups: dict[str, ET.Element], dividers: Dividers
) -> None:
    shape = gate.shape
    if isinstance(shape, QuadrantShape):
        _add_quadrant(root, gate, shape, names, groups, dividers[shape.group])
        return
    kind = type(shape).__name__.removesuffix("Shape") + "Gate"
    element = _set(ET.SubElement(root, tag(GATING, kind)), GATING, {"id": gate.name})
    if gate.parent:
        element.set(tag(GATING, "parent_id"), gate.parent)
    if isinstance(shape, BooleanShape):
        operator = ET.SubElement(element, tag(GATING, shape.operator))
        for name, complement in shape.operands:
            reference = _set(ET.SubElement(operator, tag(GATING, "gateReference")), GATING, {"ref": name})
            if complement:
                reference.set(tag(GATING, "use-as-complement"), "true")
        return
    axes = [_add_dimension(element, dimension, names) for dimension in shape.dimensions]
    if isinstance(shape, RectangleShape):
        for axis, ends in zip(axes, shape.ranges, strict=True):
            _set(axis, GATING, {k: float(v) for k, v in zip(("min", "max"), ends, strict=True) if math.isfinite(v)})
    elif isinstance(shape, PolygonShape):
        for vertex in shape.vertices:
            _add_coordinates(element, "vertex", vertex, "coordinate")
    elif isinstance(shape, EllipsoidShape):
        _add_coordinates(element, "mean", shape.mean, "coordinate")
        matrix = ET.SubElement(element, tag(GATING, "covarianceMatrix"))
        for row in shape.covariance:
            _add_coordinates(matrix, "row", row, "entry")
        distance = {"value": float(shape.distance_square)}
        _set(ET.SubElement(element, tag(GATING, "distanceSquare")), DATA_TYPES, distance)


def _add_quadrant(
    root: ET.Element,
    gate: Gate,
    shape: QuadrantShape,
    names: dict[Key, str],
    groups: dict[str, ET.Element],
    dividers: Mapping[Dimension, tuple[str, tuple[float, ...]]],
) -> None:
    """Quadrants of one group share an element with its dividers."""
    if shape.group not in groups:
        element = _set(ET.SubElement(root, tag(GATING, "QuadrantGate")), GATING, {"id": shape.group})
        if gate.parent:
            element.set(tag(GATING, "parent_id"), gate.parent)
        for dimension, (name, values) in dividers.items():
            divider = _add_dimension(element, dimension, names, "divider")
            divider.set(tag(GATING, "id"), name)
            for value in values:
                ET.SubElement(divider, tag(GATING, "value")).text = repr(float(value))
        groups[shape.group] = element
    quadrant = _set(ET.SubElement(groups[shape.group], tag(GATING, "Quadrant")), GATING, {"id": gate.name})
    for dimension, (low, high) in zip(shape.dimensions, shape.ranges, strict=True):
        inside = low if math.isfinite(low) else high - 1.0 - abs(high) if math.isfinite(high) else 0.0
        where = {"divider_ref": dividers[dimension][0], "location": float(inside)}
        _set(ET.SubElement(quadrant, tag(GATING, "position")), GATING, where)
