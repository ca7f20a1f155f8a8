"""``limus diagram import``: the DOT diagrams of any text, repaired, drawn, and compared with a model's own pathway."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from limus.evidence.dot import DotGraph, DotNode, EdgeComparison, compare_with_model, find_blocks, read_graph
from limus.kernel.errors import FileReadError, InputError, LimusError, NothingSucceededError
from limus.kernel.execution import Execution
from limus.molecule.catalogue import find_compound
from limus.report.diagram.imported import ImportedEdge, ImportedNode, draw_imported
from limus.report.figures.base import save
from limus.signalling.pathway import load_diagram
from limus.workflows.request import Request, json_value, open_run

__all__ = ["DiagramImportRequest", "DiagramImportResult", "ImportedGraph", "run"]

_KINDS = {
    "ellipse": "ion",
    "circle": "ion",
    "oval": "ion",
    "cylinder": "gene",
    "diamond": "process",
    "hexagon": "receptor",
}
_LONGEST_IN_A_CIRCLE = 6  # characters; a longer label stands in an ellipse


class DiagramImportRequest(Request):
    """A text with DOT blocks, and the model that its graphs are compared with (none where it is empty)."""

    file: str
    model: str = "t_cell"


@dataclass(frozen=True, eq=False)
class ImportedGraph:
    """One graph of the text.

    Attributes
    ----------
    line : int
        Where it begins.
    graph : DotGraph or None
        None where it was refused.
    comparison : tuple of EdgeComparison
        Empty where the graph has no two nodes of the model.
    error : LimusError or None
    svg : Path or None
    not_compared : str
        Why there is no comparison, where one was asked for.
    """

    line: int
    graph: DotGraph | None
    comparison: tuple[EdgeComparison, ...] = ()
    error: LimusError | None = None
    svg: Path | None = None
    not_compared: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The graph as a JSON object."""
        if self.graph is None:
            assert self.error is not None
            empty: dict[str, Any] = {
                "nodes": [],
                "edges": [],
                "repairs": [],
                "comparison": [],
                "not_compared": "",
                "svg": None,
            }
            return {"name": "", "line": self.line, "status": "refused", "error": self.error.as_dict()} | empty
        graph = self.graph
        return {
            "name": graph.name,
            "line": graph.line,
            "status": "repaired" if graph.repairs else "ok",
            "directed": graph.directed,
            "nodes": [node.as_dict() for node in graph.nodes],
            "edges": [edge.as_dict() for edge in graph.edges],
            "repairs": [repair.as_dict() for repair in graph.repairs],
            "comparison": [one.as_dict() for one in self.comparison],
            "not_compared": self.not_compared,
            "svg": None if self.svg is None else str(self.svg),
        }


@dataclass(frozen=True, eq=False)
class DiagramImportResult:
    """The graphs of a text."""

    file: str
    model: str
    graphs: tuple[ImportedGraph, ...]

    @property
    def n_failed(self) -> int:
        """Graphs that were refused."""
        return sum(one.graph is None for one in self.graphs)

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says."""
        graphs = [one.as_dict() for one in self.graphs]
        svg = [str(one.svg) for one in self.graphs if one.svg is not None]
        return {"file": self.file, "model": self.model, "graphs": graphs, "svg": svg, "n_failed": self.n_failed}


def run(
    request: DiagramImportRequest, *, out: Path | None = None, execution: Execution | None = None
) -> DiagramImportResult:
    """Import the diagrams of a text.

    Parameters
    ----------
    request : DiagramImportRequest
    out : Path, optional
        Run directory: an SVG, its edges and the repaired DOT for each graph under ``figures``, ``result.json``.
    execution : Execution, optional
        Nothing here is random.

    Returns
    -------
    DiagramImportResult

    Raises
    ------
    FileReadError
        The file cannot be read.
    InputError
        It holds no DOT block.
    RefusedError, NothingSucceededError
        The only graph (or every graph) was refused; with several, the others go on.
    UnknownNameError
        No diagram of this model.
    OutputError
        The folder cannot be written, or holds something else.
    """
    path = Path(request.file)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileReadError(str(path), error, "a readable UTF-8 text", "check path and encoding") from None
    if request.model:
        load_diagram(request.model)
    blocks = find_blocks(text)
    if not blocks:
        allowed = "a block that begins with graph or digraph and a brace"
        raise InputError(f"{path.name}", "no DOT block", allowed, "give the text that holds the diagram's source")
    graphs = []
    for block in blocks:
        try:
            graph = read_graph(block)
        except LimusError as error:
            graphs.append(ImportedGraph(block.line, None, error=error))
            continue
        try:
            comparison, reason = compare_with_model(graph, request.model) if request.model else (), ""
        except FileReadError as error:  # the drawing is as good without the model
            comparison, reason = (), f"the model {request.model} cannot be read: {error.message}"
        graphs.append(ImportedGraph(block.line, graph, comparison, not_compared=reason))
    _raise_if_none(graphs)
    if out is None:
        return DiagramImportResult(path.name, request.model, tuple(graphs))
    execution = execution or Execution()
    directory = open_run(out, "diagram_import", request.as_dict(), execution, [path])
    drawn = tuple(_written(one, at, directory.path / "figures") for at, one in enumerate(graphs, start=1))
    result = DiagramImportResult(path.name, request.model, drawn)
    content = json.dumps(json_value(result.as_dict()), indent=1)
    (directory.path / "result.json").write_text(f"{content}\n", encoding="utf-8")
    return result


def _raise_if_none(graphs: list[ImportedGraph]) -> None:
    errors = [one.error for one in graphs if one.error is not None]
    if len(errors) < len(graphs):
        return
    if len(errors) == 1 or len({error.exit_status for error in errors}) == 1:
        raise errors[0]
    said = "; ".join(error.message for error in errors)
    raise NothingSucceededError("diagrams", said, "at least one that can be read", "correct the text")


def _written(one: ImportedGraph, at: int, folder: Path) -> ImportedGraph:
    graph = one.graph
    if graph is None:
        return one
    wrong = {(c.source, c.target): f"model: {c.model}" for c in one.comparison if c.verdict == "wrong sign"}
    drawing = draw_imported(
        graph.name.replace("_", " ") or f"diagram {at}",
        [ImportedNode(node.id, _text(node), _kind(node)) for node in graph.nodes],
        [ImportedEdge(e.source, e.target, e.label, e.sign, wrong.get((e.source, e.target), "")) for e in graph.edges],
    )
    stem = re.sub(r"\W+", "_", graph.name).strip("_").lower() or "diagram"
    svg, _ = save(drawing, folder, f"{at}_{stem}")
    (folder / f"{at}_{stem}.dot").write_text(f"{graph.source.strip()}\n", encoding="utf-8")
    return replace(one, svg=svg)


def _text(node: DotNode) -> str:
    return re.sub(r"\\[nlr]", " ", node.label)


def _kind(node: DotNode) -> str:
    try:
        find_compound(node.label)
    except LimusError:
        pass
    else:
        return "drug"
    if re.search(r"\bcomplex\b", node.label, re.IGNORECASE):
        return "complex"
    if re.search(r"\breceptor\b", node.label, re.IGNORECASE):
        return "receptor"
    kind = _KINDS.get(node.attributes.get("shape", ""), "protein")
    return "cytokine" if kind == "ion" and len(node.label) > _LONGEST_IN_A_CIRCLE else kind
