"""Mechanism: in words, and as a diagram drawn from the model."""

from __future__ import annotations

from limus.report.content import BulletList, Figure, Section
from limus.report.diagram import PathwayCompartment, PathwayEdge, PathwayGraph, PathwayNode, draw_pathway
from limus.report.markup import escape_markup
from limus.signalling.pathway import pathway_graph
from limus.workflows.comparison.cells import figure
from limus.workflows.comparison.data import Comparison

__all__ = ["mechanism"]


def mechanism(data: Comparison) -> Section:
    """Build the section with mechanism in words and the diagram."""
    sentences = []
    for compound in data.compounds:
        words = data.plan.words[compound.drug_class].replace("{immunophilin}", escape_markup(compound.immunophilin))
        sentences.append(f"**{escape_markup(compound.name)}** {words}.")
    blocks: list[BulletList | Figure] = [BulletList(tuple(sentences))]
    if data.modelled:
        layout = pathway_graph(data.model, data.modelled)
        drawing = draw_pathway(
            PathwayGraph.create(
                "T-cell activation and where the compounds act",
                tuple(PathwayNode(n.id, n.label, n.kind, n.compartment, n.x, n.y) for n in layout.nodes),
                tuple(PathwayEdge(e.source, e.target, e.sign, e.label, e.waypoints) for e in layout.edges),
                tuple(PathwayCompartment(c.id, c.label, c.x, c.y, c.width, c.height) for c in layout.compartments),
            )
        )
        blocks.append(
            figure(
                "pathway",
                "Signalling pathway, drawn from the model",
                drawing,
                f"Arrows activate, T-bars inhibit; signs are computed from the equations of model {data.model.name}: "
                "4E-BP1 represses translation until mTORC1 phosphorylates it.",
            )
        )
    return Section("mechanism", "Mechanism", tuple(blocks))
