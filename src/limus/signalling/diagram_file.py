"""The file of a pathway diagram: boxes, nodes, joined pairs and where to look for signs; it holds no sign itself."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from limus.kernel.tables import Entry

__all__ = ["CompartmentEntry", "DiagramFile", "EdgeEntry", "NodeEntry", "SamplingEntry"]

Text = Annotated[str, Field(min_length=1)]
Place = Annotated[list[float], Field(min_length=2, max_length=2)]
NodeKind = Literal["receptor", "protein", "complex", "ion", "drug", "gene", "process", "cytokine"]


class SamplingEntry(Entry):
    """At which states the signs are looked at: a stimulated culture at some hours, under some levels of all drugs."""

    protocol: Text
    hours: list[float]
    drug_nM: list[float]  # noqa: N815
    points: int
    seed: int


class CompartmentEntry(Entry):
    """A box; outer ones come first."""

    id: Text
    label: str
    x: float
    y: float
    width: float
    height: float


class NodeEntry(Entry):
    """A node and the names of the model that it stands for.

    ``inverted`` where it shows the opposite of its names; ``shown_with`` where it is shown with these drugs only.
    """

    id: Text
    label: Text
    kind: NodeKind
    compartment: Text
    x: float
    y: float
    stands_for: list[Text] = Field(min_length=1)
    inverted: bool = False
    shown_with: list[Text] = Field(default_factory=list)


class EdgeEntry(Entry):
    """A pair that is joined, and the points that the line passes; no sign."""

    source: Text
    target: Text
    waypoints: list[Place] = Field(default_factory=list)


class DiagramFile(Entry):
    """The whole file."""

    limus_diagram: Literal[1]
    model: Text
    title: Text
    sampling: SamplingEntry
    compartment: list[CompartmentEntry]
    node: list[NodeEntry]
    edge: list[EdgeEntry]

    @model_validator(mode="after")
    def _names_meet(self) -> Self:
        boxes, nodes = [box.id for box in self.compartment], [node.id for node in self.node]
        pairs = [f"{edge.source} to {edge.target}" for edge in self.edge]
        for what, names in (("compartment", boxes), ("node", nodes), ("edge", pairs)):
            if doubled := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"each {what} once, not {', '.join(doubled)} twice")
        ends = {end for edge in self.edge for end in (edge.source, edge.target)}
        if lost := sorted(ends - set(nodes)) + sorted({node.compartment for node in self.node} - set(boxes)):
            raise ValueError(f"edges between nodes of the file and nodes in boxes of the file, not {', '.join(lost)}")
        return self
