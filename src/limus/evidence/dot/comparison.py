"""A drawn graph beside a model's own pathway: what agrees, what has the wrong sign, what is missing on either side."""

from __future__ import annotations

import itertools
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from limus.evidence.dot.graph import DotGraph
from limus.kernel.errors import UnknownNameError
from limus.kernel.tables import library_folder
from limus.molecule.catalogue import load_compounds
from limus.signalling.model_library import load_model
from limus.signalling.pathway import load_diagram, pathway_graph

__all__ = ["EdgeComparison", "compare_with_model"]

_WORDS = {1: "activates", -1: "inhibits", 0: "binds or becomes", None: "says no sign"}


@dataclass(frozen=True, slots=True)
class EdgeComparison:
    """One pair of nodes, in the drawing and in the model.

    Attributes
    ----------
    source, target : str
        As drawn; for an edge that only the model has, its labels.
    verdict : str
        ``agrees``, ``wrong sign``, ``sign not said``, ``not in the model``, ``missing``, or ``not judged``.
    drawn, model : str
        What each says.
    through : tuple of str
        Nodes of the model between the two that the drawing leaves out.
    """

    source: str
    target: str
    verdict: str
    drawn: str
    model: str
    through: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """The comparison as a JSON object."""
        return asdict(self) | {"through": list(self.through)}


def compare_with_model(graph: DotGraph, model: str = "t_cell") -> tuple[EdgeComparison, ...]:
    """Compare a drawn graph with the pathway of a model, whose signs come from its equations.

    An edge of the drawing is set against the shortest path of the model between the same two nodes; its sign is the
    product of the signs on it (``binds or becomes`` passes a sign on). The model may be the one that is wrong.

    Parameters
    ----------
    graph : DotGraph
    model : str
        A model with a diagram in the library.

    Returns
    -------
    tuple of EdgeComparison
        Edges of the drawing, then those of the model between drawn nodes that it lacks. Empty where fewer than two
        nodes are those of the model.

    Raises
    ------
    UnknownNameError
        The library has no diagram of this model, or no names for it.
    ModelError, SolveError
        As :func:`limus.signalling.pathway.pathway_graph`.
    """
    diagram = load_diagram(model)
    names = _names(model)
    of = {node.id: names[key] for node in graph.nodes if (key := _fold(node.label)) in names}
    if len(set(of.values())) < 2:
        return ()
    drugs = sorted(
        {drug for node in diagram.node for drug in node.shown_with if node.id in of.values()} & _named(graph)
    )
    layout = pathway_graph(load_model(model), drugs, diagram)
    labels = {node.id: " ".join(node.label.split()) for node in layout.nodes}
    signs = {(edge.source, edge.target): edge.sign for edge in layout.edges}
    found = []
    for edge in graph.edges:
        if edge.source not in of or edge.target not in of:
            outside = edge.source if edge.source not in of else edge.target
            said = f"has no node {outside!r}"
            found.append(EdgeComparison(edge.source, edge.target, "not judged", _WORDS[edge.sign], said))
            continue
        path = _path(signs, of[edge.source], of[edge.target])
        if path is None and _partners(signs, of[edge.source], of[edge.target]):
            verdict = "wrong sign" if edge.sign == -1 else "agrees"
            said = "binds it into their complex"
            found.append(EdgeComparison(edge.source, edge.target, verdict, _WORDS[edge.sign], said))
            continue
        if path is None:
            found.append(
                EdgeComparison(edge.source, edge.target, "not in the model", _WORDS[edge.sign], "no influence")
            )
            continue
        sign = _product(signs, path)
        through = tuple(labels[node] for node in path[1:-1])
        verdict = _verdict(edge.sign, sign)
        found.append(EdgeComparison(edge.source, edge.target, verdict, _WORDS[edge.sign], _WORDS[sign], through))
    drawn = {(of.get(edge.source, edge.source), of.get(edge.target, edge.target)): 1 for edge in graph.edges}
    there = set(of.values())
    for pair, sign in signs.items():
        if set(pair) <= there and _path(drawn, *pair) is None and (sign or _path(drawn, *reversed(pair)) is None):
            a, b = (labels[node] for node in pair)
            found.append(EdgeComparison(a, b, "missing", "no edge", _WORDS[sign]))
    return tuple(found)


def _verdict(drawn: int | None, model: int) -> str:
    if drawn is None:
        return "sign not said"
    if drawn == model or 0 in (drawn, model):
        return "agrees"
    return "wrong sign"


def _partners(signs: Mapping[tuple[str, str], int], one: str, other: str) -> bool:
    """Whether two nodes bind into one complex."""
    wholes = [{b for (a, b), sign in signs.items() if a == node and sign == 0} for node in (one, other)]
    return bool(wholes[0] & wholes[1])


def _path(signs: Mapping[tuple[str, str], int], start: str, end: str) -> tuple[str, ...] | None:
    waiting, before = deque([start]), {start: start}
    while waiting:
        node = waiting.popleft()
        for source, target in signs:
            if source == node and target not in before:
                before[target] = node
                waiting.append(target)
    if end not in before or end == start:
        return None
    path = [end]
    while path[-1] != start:
        path.append(before[path[-1]])
    return tuple(reversed(path))


def _product(signs: Mapping[tuple[str, str], int], path: tuple[str, ...]) -> int:
    along = [signs[pair] for pair in itertools.pairwise(path)]
    told = [sign for sign in along if sign]
    if not told:
        return 0
    return -1 if sum(sign < 0 for sign in told) % 2 else 1


def _fold(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.replace("\N{SUPERSCRIPT TWO}\N{SUPERSCRIPT PLUS SIGN}", "2")).casefold()


def _named(graph: DotGraph) -> set[str]:
    """Compounds that the drawing names."""
    text = {_fold(node.label) for node in graph.nodes}
    return {
        compound.name
        for compound in load_compounds().values()
        if any(_fold(name) in label for name in compound.names for label in text if len(_fold(name)) > 3)
    }


def _names(model: str) -> Mapping[str, str]:
    """Folded name of a drawn node to the id of the model's diagram."""
    import tomllib  # noqa: PLC0415

    path = library_folder() / "constants" / "diagram_names.toml"
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    if model not in content:
        known = ", ".join(name for name in content if not name.startswith("limus"))
        raise UnknownNameError("names of diagram", model, known, "add its names to constants/diagram_names.toml")
    names = {_fold(name): node for node, told in content[model].items() for name in told}
    ids = {node.id for node in load_diagram(model).node}
    for compound in load_compounds().values():
        if compound.name not in ids:
            continue
        for name in compound.names:
            names[_fold(name)] = compound.name
            names[_fold(f"mTOR inhibitor ({name})")] = names[_fold(f"calcineurin inhibitor ({name})")] = compound.name
            for carrier in ("FKBP-12", "FKBP12", "cyclophilin", "cyclophilin A"):
                for text in (
                    f"{name} {carrier} complex",
                    f"{carrier} {name} complex",
                    f"{name} {carrier}",
                    f"{carrier} {name}",
                ):
                    names[_fold(text)] = f"{compound.name}_complex"
    return names
