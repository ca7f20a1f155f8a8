"""Read Gating-ML 2.0 documents: rectangles, polygons, ellipsoids, quadrants, boolean gates, scales, matrices."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import cast
from xml.etree import ElementTree as ET

import numpy as np

from limus.assay.cytometry.gate.gates import (
    FILE,
    BooleanShape,
    Dimension,
    EllipsoidShape,
    Gate,
    PolygonShape,
    QuadrantShape,
    Ratio,
    RectangleShape,
    Shape,
    order_gates,
)
from limus.assay.cytometry.gate.gating_ml import DATA_TYPES, GATING, TRANSFORMS, GatingDocument, SpectrumMatrix, tag
from limus.assay.cytometry.gate.scales import Scale, ScaleKind
from limus.kernel.errors import FileReadError, UnsupportedFeatureError

__all__ = ["read_gating_ml"]

_SCALES: dict[str, ScaleKind] = {
    "flin": "linear",
    "flog": "log",
    "fasinh": "asinh",
    "logicle": "logicle",
    "hyperlog": "hyperlog",
}
Transform = tuple[Scale | Ratio, float, float]


def read_gating_ml(path: Path) -> GatingDocument:
    """Read a document.

    Parameters
    ----------
    path : Path

    Returns
    -------
    GatingDocument

    Raises
    ------
    FileReadError
        Unreadable, not XML, not Gating-ML 2.0, or something in it that is missing or wrong.
    UnsupportedFeatureError
        A transformation that is not known.
    UnknownNameError
        A gate refers to one that is not there.
    InputError
        Gates that refer to each other in a circle, or two of one name.
    """
    try:
        root = ET.fromstring(path.read_bytes())
    except (OSError, ET.ParseError) as error:
        raise FileReadError(str(path), error, "a readable Gating-ML 2.0 document", "check the file") from None
    if root.tag != tag(GATING, "Gating-ML"):
        do = "export the gates as Gating-ML 2.0"
        raise FileReadError(str(path), root.tag, f"Gating-ML of the namespace {GATING}", do)
    reader = _Reader(str(path))
    transforms = {reader.attribute(e, TRANSFORMS, "id"): reader.transform(e) for e in root if _is(e, "transformation")}
    matrices = {reader.attribute(e, TRANSFORMS, "id"): reader.matrix(e) for e in root if _is(e, "spectrumMatrix")}
    gates: list[Gate] = []
    for element in root:
        gates += reader.gates(element, transforms)
    return GatingDocument(order_gates(gates), MappingProxyType(matrices))


def _is(element: ET.Element, name: str) -> bool:
    return element.tag == tag(TRANSFORMS, name)


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return math.nan


class _Reader:
    """Reads elements; knows the file's name for errors."""

    def __init__(self, path: str) -> None:
        self.path = path

    def fail(self, where: str, got: object, allowed: str) -> FileReadError:
        return FileReadError(f"{self.path}, {where}", got, allowed, "correct the document")

    def attribute(self, element: ET.Element, space: str, name: str) -> str:
        value = element.get(tag(space, name))
        if value is None:
            raise self.fail(element.tag.rpartition("}")[2], f"no {name}", f"the attribute {name}")
        return value

    def number(self, element: ET.Element, space: str, name: str, default: float | None = None) -> float:
        text = element.get(tag(space, name))
        if text is None and default is not None:
            return default
        value = _number(self.attribute(element, space, name) if text is None else text)
        if math.isnan(value):
            raise self.fail(element.tag.rpartition("}")[2], f"{name} {text!r}", "a number")
        return value

    def transform(self, element: ET.Element) -> Transform:
        low = self.number(element, TRANSFORMS, "boundMin", -math.inf)
        high = self.number(element, TRANSFORMS, "boundMax", math.inf)
        for child in element:
            name = child.tag.rpartition("}")[2]
            if name in _SCALES:
                kind = _SCALES[name]
                scale = Scale(
                    kind,
                    self.number(child, TRANSFORMS, "T"),
                    self.number(child, TRANSFORMS, "M") if kind != "linear" else 4.5,
                    self.number(child, TRANSFORMS, "W") if kind in {"logicle", "hyperlog"} else 0.5,
                    self.number(child, TRANSFORMS, "A") if kind != "log" else 0.0,
                )
                return scale, low, high
            if name == "fratio":
                channels = [self.channel(e) for e in child]
                if len(channels) != 2:
                    raise self.fail("fratio", f"{len(channels)} channels", "two")
                abc = [self.number(child, TRANSFORMS, letter) for letter in "ABC"]
                return Ratio(channels[0], channels[1], *abc), low, high
        found = ", ".join(child.tag.rpartition("}")[2] for child in element) or "nothing"
        allowed = ", ".join([*_SCALES, "fratio"])
        raise UnsupportedFeatureError(f"{self.path}, transformation", found, allowed, "use one of these")

    def channel(self, element: ET.Element) -> str:
        return self.attribute(element, DATA_TYPES, "name")

    def matrix(self, element: ET.Element) -> SpectrumMatrix:
        names = {}
        for part in ("fluorochromes", "detectors"):
            found = element.find(tag(TRANSFORMS, part))
            names[part] = tuple(self.channel(e) for e in found) if found is not None else ()
        rows = [
            [self.number(c, TRANSFORMS, "value") for c in spectrum]
            for spectrum in element.findall(tag(TRANSFORMS, "spectrum"))
        ]
        shape = len(names["fluorochromes"]), len(names["detectors"])
        if not rows or {len(row) for row in rows} != {shape[1]} or len(rows) != shape[0]:
            raise self.fail("spectrumMatrix", f"{len(rows)} spectra", f"{shape[0]} of {shape[1]} coefficients")
        return SpectrumMatrix(names["fluorochromes"], names["detectors"], np.array(rows))

    def gates(self, element: ET.Element, transforms: dict[str, Transform]) -> list[Gate]:
        name = element.tag.rpartition("}")[2]
        readers: dict[str, Callable[[ET.Element, dict[str, Transform]], Shape]] = {
            "RectangleGate": self.rectangle,
            "PolygonGate": self.polygon,
            "EllipsoidGate": self.ellipsoid,
            "BooleanGate": self.boolean,
        }
        if not element.tag.startswith(f"{{{GATING}}}"):
            return []
        parent = element.get(tag(GATING, "parent_id"), "")
        if name == "QuadrantGate":
            return self.quadrants(element, transforms, parent)
        if name not in readers:
            allowed = ", ".join([*readers, "QuadrantGate"])
            raise UnsupportedFeatureError(f"{self.path}, gate", name, allowed, "use one of these")
        return [Gate(self.attribute(element, GATING, "id"), readers[name](element, transforms), parent)]

    def dimension(self, element: ET.Element, transforms: dict[str, Transform]) -> Dimension:
        compensation = element.get(tag(GATING, "compensation-ref"), FILE)
        channel: str | Ratio | None = None
        low, high = -math.inf, math.inf
        for child in element:
            name = child.tag.rpartition("}")[2]
            if name == "fcs-dimension":
                channel = self.channel(child)
            elif name == "new-dimension":
                made, low, high = self.look_up(self.attribute(child, DATA_TYPES, "transformation-ref"), transforms)
                if not isinstance(made, Ratio):
                    raise self.fail("new-dimension", "a scale", "a ratio of two channels")
                channel = made
        if channel is None:
            raise self.fail("dimension", "no channel", "fcs-dimension or new-dimension")
        reference = element.get(tag(GATING, "transformation-ref"))
        if reference is None:
            return Dimension(channel, None, compensation, low, high)
        scale, low, high = self.look_up(reference, transforms)
        if isinstance(scale, Ratio):
            raise self.fail("dimension", f"{reference}, a ratio", "a scale")
        return Dimension(channel, scale, compensation, low, high)

    def look_up(self, name: str, transforms: dict[str, Transform]) -> Transform:
        if name not in transforms:
            raise self.fail("transformation-ref", name, ", ".join(transforms) or "a transformation of the document")
        return transforms[name]

    def dimensions(
        self, element: ET.Element, transforms: dict[str, Transform], least: int, most: int
    ) -> tuple[Dimension, ...]:
        found = element.findall(tag(GATING, "dimension"))
        if not least <= len(found) <= most:
            raise self.fail(element.tag.rpartition("}")[2], f"{len(found)} dimensions", f"{least} or more")
        return tuple(self.dimension(e, transforms) for e in found)

    def rectangle(self, element: ET.Element, transforms: dict[str, Transform]) -> Shape:
        dimensions = self.dimensions(element, transforms, 1, 1000)
        ranges = tuple(
            (self.number(e, GATING, "min", -math.inf), self.number(e, GATING, "max", math.inf))
            for e in element.findall(tag(GATING, "dimension"))
        )
        return RectangleShape(dimensions, ranges)

    def polygon(self, element: ET.Element, transforms: dict[str, Transform]) -> Shape:
        dimensions = self.dimensions(element, transforms, 2, 2)
        vertices = [
            tuple(self.number(c, DATA_TYPES, "value") for c in vertex)
            for vertex in element.findall(tag(GATING, "vertex"))
        ]
        if len(vertices) < 3 or any(len(v) != 2 for v in vertices):
            raise self.fail("PolygonGate", f"{len(vertices)} vertices", "three or more of two coordinates")
        return PolygonShape(dimensions, cast("tuple[tuple[float, float], ...]", tuple(vertices)))

    def ellipsoid(self, element: ET.Element, transforms: dict[str, Transform]) -> Shape:
        dimensions = self.dimensions(element, transforms, 2, 1000)
        mean = element.find(tag(GATING, "mean"))
        covariance = element.find(tag(GATING, "covarianceMatrix"))
        distance = element.find(tag(GATING, "distanceSquare"))
        if mean is None or covariance is None or distance is None:
            raise self.fail("EllipsoidGate", "a part is missing", "mean, covarianceMatrix and distanceSquare")
        centre = tuple(self.number(c, DATA_TYPES, "value") for c in mean)
        rows = tuple(tuple(self.number(e, DATA_TYPES, "value") for e in row) for row in covariance)
        count = len(dimensions)
        square = len(centre) == count == len(rows) and all(len(row) == count for row in rows)
        if not square or not np.linalg.eigvalsh(np.array(rows)).min() > 0:
            raise self.fail("EllipsoidGate", f"{len(centre)} means, {len(rows)} rows", f"{count}, positive definite")
        return EllipsoidShape(dimensions, centre, rows, self.number(distance, DATA_TYPES, "value"))

    def boolean(self, element: ET.Element, transforms: dict[str, Transform]) -> Shape:
        del transforms
        for operator in ("and", "or", "not"):
            found = element.find(tag(GATING, operator))
            if found is None:
                continue
            operands = tuple(
                (self.attribute(e, GATING, "ref"), e.get(tag(GATING, "use-as-complement"), "false") in {"true", "1"})
                for e in found
            )
            if len(operands) != 1 if operator == "not" else len(operands) < 2:
                raise self.fail("BooleanGate", f"{operator} of {len(operands)}", "two or more gates, one for not")
            return BooleanShape(operator, operands)
        raise self.fail("BooleanGate", "no operator", "and, or or not")

    def quadrants(self, element: ET.Element, transforms: dict[str, Transform], parent: str) -> list[Gate]:
        group = self.attribute(element, GATING, "id")
        dimensions: dict[str, tuple[Dimension, list[float]]] = {}
        for divider in element.findall(tag(GATING, "divider")):
            values = [_number(e.text) for e in divider.findall(tag(GATING, "value"))]
            if not values or any(math.isnan(v) for v in values):
                raise self.fail(f"QuadrantGate {group}", "a divider without numbers", "a value or more, numbers")
            dimensions[self.attribute(divider, GATING, "id")] = (self.dimension(divider, transforms), sorted(values))
        found = []
        for quadrant in element.findall(tag(GATING, "Quadrant")):
            axes, ranges, written = [], [], []
            for position in quadrant.findall(tag(GATING, "position")):
                name = self.attribute(position, GATING, "divider_ref")
                if name not in dimensions:
                    raise self.fail(f"QuadrantGate {group}", name, "a divider: " + ", ".join(dimensions))
                dimension, values = dimensions[name]
                edges = [-math.inf, *values, math.inf]
                place = int(np.searchsorted(values, self.number(position, GATING, "location"), side="right"))
                axes.append(dimension)
                ranges.append((edges[place], edges[place + 1]))
                written.append((name, tuple(values)))
            shape = QuadrantShape(tuple(axes), tuple(ranges), group, tuple(written))
            found.append(Gate(self.attribute(quadrant, GATING, "id"), shape, parent))
        return found
