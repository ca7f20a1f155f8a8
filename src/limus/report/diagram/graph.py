"""The input of a diagram: nodes, edges and compartments with coordinates, checked; and the graph in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from limus.kernel.checks import Check, Finding, Severity, raise_on_errors, run_checks
from limus.kernel.errors import near_names
from limus.report.markup import ContentError

__all__ = [
    "NODE_KINDS",
    "SIGN_WORDS",
    "PathwayCompartment",
    "PathwayEdge",
    "PathwayGraph",
    "PathwayNode",
    "describe_pathway",
    "plain_label",
]

NODE_KINDS = ("receptor", "protein", "complex", "ion", "drug", "gene", "process", "cytokine")
_JOINING = ("-", "\N{EN DASH}", "/")
SIGN_WORDS = {1: "activates", -1: "inhibits", 0: "binds or becomes"}


@dataclass(frozen=True, slots=True)
class PathwayNode:
    r"""A node.

    Attributes
    ----------
    id, label : str
        Name in edges; text, with ``\n`` between lines.
    kind : str
        One of :data:`NODE_KINDS`.
    compartment : str
        Id of a compartment, or '' for none.
    x, y : float
        Centre, pixels, y downwards.
    """

    id: str
    label: str
    kind: str
    compartment: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class PathwayEdge:
    """An edge.

    Attributes
    ----------
    source, target : str
        Node ids.
    sign : int
        1 activates, -1 inhibits, 0 binds or becomes.
    label : str
        Short text on the line.
    waypoints : tuple of (float, float)
        Points that the line passes on its way.
    """

    source: str
    target: str
    sign: int
    label: str = ""
    waypoints: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class PathwayCompartment:
    """A labelled box; ``x, y`` is its upper left corner, pixels."""

    id: str
    label: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class PathwayGraph:
    """A pathway with its layout; make one with :meth:`create`."""

    title: str
    nodes: tuple[PathwayNode, ...]
    edges: tuple[PathwayEdge, ...]
    compartments: tuple[PathwayCompartment, ...] = ()

    @classmethod
    def create(
        cls,
        title: str,
        nodes: Sequence[PathwayNode],
        edges: Sequence[PathwayEdge],
        compartments: Sequence[PathwayCompartment] = (),
    ) -> PathwayGraph:
        """Check and make a graph.

        Parameters
        ----------
        title : str
            Plain text.
        nodes, edges, compartments : sequences
            What is drawn; compartments in drawing order, outer ones first.

        Returns
        -------
        PathwayGraph

        Raises
        ------
        ContentError
            A doubled id, an edge to nowhere, an unknown kind, sign or compartment, or no nodes.
        """
        graph = cls(title, tuple(nodes), tuple(edges), tuple(compartments))
        raise_on_errors(run_checks(graph, _GRAPH_CHECKS), ContentError)
        return graph


def plain_label(node: PathwayNode) -> str:
    """Return the label of a node on one line; a line that ends in a hyphen or dash is joined without a space."""
    lines = [" ".join(line.split()) for line in node.label.split("\n")]
    return "".join(line if line.endswith(_JOINING) else f"{line} " for line in lines).strip()


def describe_pathway(graph: PathwayGraph) -> str:
    """Return a graph in words: what it shows, then every edge as a clause, grouped by source.

    Parameters
    ----------
    graph : PathwayGraph
        The graph.

    Returns
    -------
    str
    """
    labels = {node.id: plain_label(node) for node in graph.nodes}
    places = ", ".join(compartment.label for compartment in graph.compartments)
    said = [f"Pathway diagram: {graph.title}, with {len(graph.nodes)} nodes" + (f" in {places}." if places else ".")]
    for source in dict.fromkeys(edge.source for edge in graph.edges):
        clauses = []
        for edge in graph.edges:
            if edge.source == source:
                label = " ".join(edge.label.split())
                clauses.append(f"{SIGN_WORDS[edge.sign]} {labels[edge.target]}" + (f" ({label})" if label else ""))
        said.append(f"{labels[source]} {', '.join(clauses)}.")
    return " ".join(said)


def _error(check: str, where: str, got: object, allowed: str, do: str) -> Finding:
    return Finding(check, Severity.ERROR, where, str(got), allowed, do)


def _ask_ids(graph: PathwayGraph) -> Iterator[Finding]:
    if not graph.nodes:
        yield _error("nodes-present", f"diagram {graph.title}", "no nodes", "at least one node", "add nodes")
    for name, members in (("nodes", graph.nodes), ("compartments", graph.compartments)):
        for key, count in Counter(member.id for member in members).items():
            if count > 1:
                yield _error("ids-unique", f"diagram {graph.title}, {name}", key, "each id once", "rename one")


def _ask_nodes(graph: PathwayGraph) -> Iterator[Finding]:
    known = [compartment.id for compartment in graph.compartments]
    for node in graph.nodes:
        where = f"diagram {graph.title}, node {node.id}"
        if node.kind not in NODE_KINDS:
            yield _error("kinds-known", where, node.kind, ", ".join(NODE_KINDS), "use one of these kinds")
        if node.compartment and node.compartment not in known:
            near = ", ".join(near_names(node.compartment, known) or known) or "no compartment"
            yield _error("compartments-known", where, node.compartment, near, "correct the compartment")
        if not node.label.strip():
            yield _error("labels-present", where, "no label", "a text", "write a label")


def _ask_edges(graph: PathwayGraph) -> Iterator[Finding]:
    known = [node.id for node in graph.nodes]
    for edge in graph.edges:
        where = f"diagram {graph.title}, edge {edge.source} to {edge.target}"
        for end in (edge.source, edge.target):
            if end not in known:
                near = ", ".join(near_names(end, known)) or "a node's id"
                yield _error("edges-end-at-nodes", where, end, near, "correct the id or add the node")
        if edge.sign not in SIGN_WORDS:
            allowed = "1 activates, -1 inhibits, 0 binds or becomes"
            yield _error("signs-known", where, edge.sign, allowed, "correct the sign")
        if edge.source == edge.target and len(edge.waypoints) < 2:
            yield _error("loops-routed", where, "a loop", "two way-points or more", "add way-points")


_GRAPH_CHECKS: tuple[Check[PathwayGraph], ...] = (
    Check("ids", "Ids are unique.", _ask_ids),
    Check("nodes", "Every node has a label, a known kind and a known compartment.", _ask_nodes),
    Check("edges", "Every edge joins two nodes with a known sign.", _ask_edges),
)
