"""The pathway diagram of a model: coordinates from the library, every sign from the model's own mathematics.

The file ``library/diagrams/<model>.toml`` says which names of the model a node stands for, where it is placed and
which pairs are joined. It holds no sign: that an edge activates, inhibits or converts is found from the model by
:mod:`limus.signalling.influence`, and a pair for which the model has no influence is an error.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

from limus.kernel.errors import FileReadError, ModelError, UnknownNameError, near_names
from limus.kernel.tables import library_folder, read_toml
from limus.signalling.culture import Culture
from limus.signalling.diagram_file import DiagramFile, NodeEntry
from limus.signalling.influence import InfluenceGraph, Sign, converts, effect, influence_graph, sample_points
from limus.signalling.protocol import find_protocol
from limus.signalling.sourced_model import SourcedModel

__all__ = [
    "LayoutCompartment",
    "LayoutEdge",
    "LayoutNode",
    "PathwayLayout",
    "diagram_influences",
    "diagram_names",
    "influences_not_drawn",
    "load_diagram",
    "pathway_graph",
]


@dataclass(frozen=True, slots=True)
class LayoutNode:
    """A node that is shown; ``x, y`` is its centre, pixels, y downwards."""

    id: str
    label: str
    kind: str
    compartment: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class LayoutEdge:
    """An edge that is shown; ``sign`` is 1 activates, -1 inhibits, 0 binds or becomes, as the model has it."""

    source: str
    target: str
    sign: int
    label: str = ""
    waypoints: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class LayoutCompartment:
    """A labelled box; ``x, y`` is its upper left corner, pixels."""

    id: str
    label: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class PathwayLayout:
    """A pathway with coordinates and signs, ready to be drawn; compartments in drawing order."""

    title: str
    nodes: tuple[LayoutNode, ...]
    edges: tuple[LayoutEdge, ...]
    compartments: tuple[LayoutCompartment, ...]


def diagram_names() -> tuple[str, ...]:
    """Return the names of the models that have a diagram in the library."""
    return tuple(sorted(path.stem for path in (library_folder() / "diagrams").glob("*.toml")))


@lru_cache(maxsize=8)
def load_diagram(name: str) -> DiagramFile:
    """Load the diagram of a model from the library.

    Parameters
    ----------
    name : str
        The model's name, such as ``t_cell``.

    Returns
    -------
    DiagramFile

    Raises
    ------
    UnknownNameError
        The library has no diagram of this model.
    FileReadError
        The file is wrong.
    """
    folder, known = library_folder() / "diagrams", diagram_names()
    if name not in known:
        raise UnknownNameError("diagram of model", name, ", ".join(known), "use a model that has a diagram")
    file = read_toml(folder / f"{name}.toml", DiagramFile)
    if file.model != name:
        raise FileReadError(f"diagram {name}, key model", file.model, name, "correct the name")
    return file


def diagram_influences(model: SourcedModel, diagram: DiagramFile | None = None) -> InfluenceGraph:
    """Return the influences in a model at the states that its diagram names.

    Parameters
    ----------
    model : SourcedModel
    diagram : DiagramFile, optional
        By default the library's.

    Returns
    -------
    InfluenceGraph

    Raises
    ------
    UnknownNameError, FileReadError
        As :func:`load_diagram`.
    ModelError, SolveError, UnsupportedFeatureError
        As :mod:`limus.signalling.influence`.
    """
    sampling = (diagram or load_diagram(model.name)).sampling
    return _influences(
        model, sampling.protocol, tuple(sampling.hours), tuple(sampling.drug_nM), sampling.points, sampling.seed
    )


@lru_cache(maxsize=8)
def _influences(
    model: SourcedModel, protocol: str, hours: tuple[float, ...], levels: tuple[float, ...], points: int, seed: int
) -> InfluenceGraph:
    inputs = Culture.usual(find_protocol(protocol), "default").inputs()
    media = [species.name for species in model.model.species if species.name.endswith(".medium")]
    conditions = [inputs | dict.fromkeys(media, level) for level in levels]
    return influence_graph(model.model, sample_points(model.model, conditions, hours, points=points, seed=seed))


def pathway_graph(model: SourcedModel, drugs: Sequence[str], diagram: DiagramFile | None = None) -> PathwayLayout:
    """Lay out the pathway of a model with the drugs that are asked, signs found from the model.

    The sign of an edge is 0 if reactions of the model turn what the source stands for into what the target stands for.
    Otherwise it is the sign of the shortest path of influence between them through names that no node of
    the diagram stands for, turned round at each end that is ``inverted``.

    Parameters
    ----------
    model : SourcedModel
    drugs : sequence of str
        Names as the model writes them, in any order; drugs that are not asked do not appear.
    diagram : DiagramFile, optional
        By default the library's diagram of this model.

    Returns
    -------
    PathwayLayout

    Raises
    ------
    UnknownNameError
        A drug that the diagram does not have, a node that stands for no name of the model, or no diagram.
    ModelError
        The diagram joins a pair for which the model has no influence, or one whose sign changes; the error names it.
    SolveError, UnsupportedFeatureError, FileReadError
        As :func:`diagram_influences`.

    Examples
    --------
    >>> from limus.signalling.model_library import load_model
    >>> edges = pathway_graph(load_model("t_cell"), ["sirolimus"]).edges
    >>> [edge.sign for edge in edges if (edge.source, edge.target) == ("sirolimus_complex", "mtorc1")]
    [-1]
    """
    diagram = diagram or load_diagram(model.name)
    nodes, graph, hidden = _shown(model, drugs, diagram)
    edges = [
        LayoutEdge(
            source=edge.source,
            target=edge.target,
            sign=_drawn_sign(diagram, graph, nodes[edge.source], nodes[edge.target], hidden),
            waypoints=tuple((x, y) for x, y in edge.waypoints),
        )
        for edge in diagram.edge
        if edge.source in nodes and edge.target in nodes
    ]
    return PathwayLayout(
        title=diagram.title,
        nodes=tuple(LayoutNode(n.id, n.label, n.kind, n.compartment, n.x, n.y) for n in nodes.values()),
        edges=tuple(edges),
        compartments=tuple(LayoutCompartment(**box.model_dump()) for box in diagram.compartment),
    )


def influences_not_drawn(
    model: SourcedModel, drugs: Sequence[str], diagram: DiagramFile | None = None
) -> tuple[tuple[str, str, Sign], ...]:
    """Return what the model holds between the shown nodes and the diagram leaves out, for its caption.

    The back-effect of a drawn line (a complex that dissociates, a target that uses a drug up) and that of two partners
    on each other which bind into one drawn complex are not counted.

    Parameters
    ----------
    model : SourcedModel
    drugs : sequence of str
        As :func:`pathway_graph`.
    diagram : DiagramFile, optional
        By default the library's diagram of this model.

    Returns
    -------
    tuple of (str, str, Sign)
        Ids of source and target, and the sign.

    Raises
    ------
    UnknownNameError, ModelError, SolveError, UnsupportedFeatureError, FileReadError
        As :func:`pathway_graph`.
    """
    diagram = diagram or load_diagram(model.name)
    nodes, graph, hidden = _shown(model, drugs, diagram)
    drawn = {(edge.source, edge.target) for edge in diagram.edge}
    binding = {(a, b) for a, b in drawn if {a, b} <= nodes.keys() and _sign(graph, nodes[a], nodes[b], hidden) == 0}
    partners = {(a, b) for a, whole in binding for b, same in binding if whole == same}
    told = drawn | {(b, a) for a, b in drawn} | partners
    pairs = [(a, b) for a in nodes for b in nodes if a != b and (a, b) not in told]
    signs = ((a, b, _sign(graph, nodes[a], nodes[b], hidden)) for a, b in pairs)
    return tuple((a, b, sign) for a, b, sign in signs if sign != 0)


def _shown(
    model: SourcedModel, drugs: Sequence[str], diagram: DiagramFile
) -> tuple[dict[str, NodeEntry], InfluenceGraph, frozenset[str]]:
    """Nodes to show by id, the influences, and the names that no node of the diagram stands for."""
    _check_drugs(diagram, drugs)
    graph = diagram_influences(model, diagram)
    _check_names(diagram, graph)
    hidden = frozenset(graph.nodes) - {name for node in diagram.node for name in node.stands_for}
    nodes = {node.id: node for node in diagram.node if not node.shown_with or set(node.shown_with) & set(drugs)}
    return nodes, graph, hidden


def _sign(graph: InfluenceGraph, source: NodeEntry, target: NodeEntry, hidden: Collection[str]) -> Sign:
    """The influence of one node on another; 0 also where the one is turned into the other."""
    if converts(graph, source.stands_for, target.stands_for, hidden):
        return 0
    found = effect(graph, source.stands_for, target.stands_for, hidden)
    if source.inverted == target.inverted or found in (0, "mixed"):
        return found
    return 1 if found == -1 else -1


def _drawn_sign(
    diagram: DiagramFile, graph: InfluenceGraph, source: NodeEntry, target: NodeEntry, hidden: Collection[str]
) -> int:
    found = _sign(graph, source, target, hidden)
    if found in (1, -1) or converts(graph, source.stands_for, target.stands_for, hidden):
        return int(found)
    names = f"{', '.join(source.stands_for)} on {', '.join(target.stands_for)}"
    raise ModelError(
        f"diagram {diagram.model}, edge {source.id} to {target.id}",
        f"no influence of {names}" if found == 0 else f"an influence of {names} that changes its sign",
        "a pair with an influence of one sign in the model",
        "correct the pair or what its nodes stand for",
    )


def _check_drugs(diagram: DiagramFile, drugs: Sequence[str]) -> None:
    known = list(dict.fromkeys(drug for node in diagram.node for drug in node.shown_with))
    for drug in drugs:
        if drug not in known:
            near = near_names(drug, known)
            do = f"did you mean {' or '.join(near)}?" if near else "ask for drugs that the diagram has"
            raise UnknownNameError(f"drug in diagram {diagram.model}", drug, ", ".join(known), do)


def _check_names(diagram: DiagramFile, graph: InfluenceGraph) -> None:
    for node in diagram.node:
        for name in node.stands_for:
            if name not in graph.nodes:
                near = near_names(name, graph.nodes)
                do = f"did you mean {' or '.join(near)}?" if near else "correct stands_for"
                where = f"diagram {diagram.model}, node {node.id}"
                raise UnknownNameError(where, name, "a state or an assigned name of the model", do)
