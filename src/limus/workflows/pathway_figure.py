"""The pathway of a model as a figure of a page, drawn from its equations."""

from __future__ import annotations

from collections.abc import Sequence

from limus.report.content import Figure
from limus.report.diagram import PathwayCompartment, PathwayEdge, PathwayGraph, PathwayNode, draw_pathway
from limus.signalling.pathway import PathwayLayout, influences_not_drawn, pathway_graph
from limus.signalling.sourced_model import SourcedModel
from limus.workflows.cells import figure

__all__ = ["pathway_figure"]


def pathway_figure(model: SourcedModel, drugs: Sequence[str], *, key: str, title: str) -> Figure:
    """Draw the pathway of a model with some of its drugs.

    Parameters
    ----------
    model : SourcedModel
        With a diagram in the library.
    drugs : sequence of str
        Names as the model writes them.
    key : str
        Of the figure in its page.
    title : str
        Above the drawing.

    Returns
    -------
    Figure
        Its caption says what the equations hold and the drawing does not.

    Raises
    ------
    UnknownNameError, ModelError, SolveError, UnsupportedFeatureError, FileReadError
        As :func:`limus.signalling.pathway.pathway_graph`.
    """
    layout = pathway_graph(model, drugs)
    graph = PathwayGraph.create(
        title,
        tuple(PathwayNode(n.id, n.label, n.kind, n.compartment, n.x, n.y) for n in layout.nodes),
        tuple(PathwayEdge(e.source, e.target, e.sign, e.label, e.waypoints) for e in layout.edges),
        tuple(PathwayCompartment(c.id, c.label, c.x, c.y, c.width, c.height) for c in layout.compartments),
    )
    caption = (
        "Arrows activate, T-bars inhibit, grey lines bind or become; that a line is there and its sign are computed "
        f"from the equations of model {model.name}. {_not_drawn(model, drugs, layout)}"
    )
    return figure(key, "Signalling pathway, drawn from the model", draw_pathway(graph), caption.strip())


def _not_drawn(model: SourcedModel, drugs: Sequence[str], layout: PathwayLayout) -> str:
    labels = {node.id: node.label.replace("\n", " ") for node in layout.nodes}
    found = influences_not_drawn(model, drugs)
    turning = [f"{labels[a]} on {labels[b]}" for a, b, sign in found if sign == "mixed"]
    left_out = [f"{labels[a]} on {labels[b]}" for a, b, sign in found if sign != "mixed"]
    said = []
    if turning:
        said.append(f"Not drawn, because the sign changes with the state: {', '.join(turning)}.")
    if left_out:
        said.append(f"Left out: {', '.join(left_out)}.")
    return " ".join(said)
