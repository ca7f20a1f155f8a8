"""A repaired DOT block as nodes and edges; names that are used and names that are declared must be the same."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from limus.evidence.dot.blocks import DotBlock
from limus.evidence.dot.repairs import Repair, repair_block
from limus.kernel.errors import FileReadError, RefusedError, near_names

__all__ = ["DotEdge", "DotGraph", "DotNode", "read_graph"]

_TOKEN = re.compile(
    r'\s+|(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<html><(?:[^<>]|<[^<>]*>)*>)|(?P<edge>->|--)|(?P<mark>[{}\[\];,=:])|'
    r"(?P<word>-?(?:\.\d+|\d+(?:\.\d*)?)(?![A-Za-z_])|[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)",
)
_NEARLY_THE_SAME = 0.75
_SIGNS: Mapping[int, tuple[str, ...]] = {
    -1: ("inhibit", "block", "suppress", "repress", "prevent", "antagoni", "downregulat", "reduc", "decreas"),
    1: ("activat", "promot", "stimulat", "initiat", "induc", "upregulat", "increas", "enhanc", "trigger", "translocat"),
    0: ("bind", "form", "becom", "convert"),
}


@dataclass(frozen=True, slots=True)
class DotNode:
    """A node: its name, label and attributes, and whether it has a statement of its own."""

    id: str
    label: str
    declared: bool
    attributes: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """The node as a JSON object."""
        attributes = dict(self.attributes)
        return {"id": self.id, "label": self.label, "declared": self.declared, "attributes": attributes}


@dataclass(frozen=True, slots=True)
class DotEdge:
    """An edge; ``sign`` is what its label says: 1 activates, -1 inhibits, 0 binds or becomes, None for nothing."""

    source: str
    target: str
    label: str
    sign: int | None
    attributes: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """The edge as a JSON object."""
        return {"source": self.source, "target": self.target, "label": self.label, "sign": self.sign}


@dataclass(frozen=True, slots=True)
class DotGraph:
    """A graph with what was repaired in it.

    Attributes
    ----------
    name : str
    line : int
        Where it begins in the text.
    directed : bool
    nodes : tuple of DotNode
    edges : tuple of DotEdge
    repairs : tuple of Repair
    source : str
        The repaired DOT.
    """

    name: str
    line: int
    directed: bool
    nodes: tuple[DotNode, ...]
    edges: tuple[DotEdge, ...]
    repairs: tuple[Repair, ...]
    source: str


def read_graph(block: DotBlock) -> DotGraph:
    """Repair and read a DOT block.

    Parameters
    ----------
    block : DotBlock

    Returns
    -------
    DotGraph

    Raises
    ------
    FileReadError
        The block is not DOT even when repaired; the message names the line.
    RefusedError
        A node is used in an edge that is not among those declared, and no single declared one is meant.

    Examples
    --------
    >>> from limus.evidence.dot.blocks import find_blocks
    >>> graph = read_graph(find_blocks('graph g { "a"; "b"; "a" -> "b" [label="Inhibits"]; }')[0])
    >>> graph.edges[0].sign, graph.repairs[0].kind
    (-1, 'directed')
    """
    text, repairs = repair_block(block, genuine_comments=_valid_as_it_stands(block))
    reader = _parse(text, block.line)
    declared, edges = reader.declared, reader.edges
    damaged = any(repair.kind not in ("directed", "undirected", "spelling", "left-out-comment") for repair in repairs)
    edges, renamed = _match_names(reader.name, declared, edges, block.line, damaged=damaged)
    used = dict.fromkeys(name for edge in edges for name in (edge.source, edge.target))
    nodes = [DotNode(name, a.get("label", name), True, a) for name, a in declared.items()]
    nodes += [DotNode(name, name, False) for name in used if name not in declared]
    if not nodes:
        raise FileReadError(f"DOT at line {block.line}", "no nodes", "nodes and edges", "check the block")
    return DotGraph(reader.name, block.line, reader.directed, tuple(nodes), tuple(edges), (*repairs, *renamed), text)


def _valid_as_it_stands(block: DotBlock) -> bool:
    """Whether a block needs no repair; its comments are then comments."""
    text, repairs = repair_block(block, genuine_comments=True)
    if any(repair.kind != "left-out-comment" for repair in repairs):
        return False
    try:
        return bool(_parse(text, block.line).edges)
    except FileReadError:
        return False


def _parse(text: str, line: int) -> _Reader:
    reader = _Reader(list(_tokens(text, line)), line)
    reader.graph()
    return reader


def _tokens(text: str, first: int) -> Iterator[tuple[str, str, int]]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        line = first + text.count("\n", 0, at)
        if match is None:
            got = text[at : at + 20].split("\n", maxsplit=1)[0]
            raise FileReadError(f"DOT, line {line}", got, "names, quotes, brackets and edges", "correct the text")
        if match.lastgroup:
            yield match.lastgroup, match[0], line
        at = match.end()


class _Reader:
    """Reads the statements of one graph; sub-graphs are flattened."""

    def __init__(self, tokens: Sequence[tuple[str, str, int]], line: int) -> None:
        self.tokens, self.at, self.line = tokens, 0, line
        self.name, self.directed = "", False
        self.declared: dict[str, dict[str, str]] = {}
        self.edges: list[DotEdge] = []

    def peek(self) -> tuple[str, str, int]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "end of the block", self.line)

    def take(self, allowed: str = "") -> str:
        _, text, line = self.peek()
        if allowed and text != allowed:
            raise FileReadError(f"DOT, line {line}", text, allowed, "correct the text")
        self.at += 1
        self.line = line
        return text

    def identifier(self) -> str:
        kind, text, line = self.peek()
        if kind not in ("quoted", "word", "html"):
            raise FileReadError(f"DOT, line {line}", text, "a name", "correct the text")
        self.at += 1
        return text[1:-1].replace('\\"', '"') if kind == "quoted" else text

    def graph(self) -> None:
        if self.peek()[1].casefold() == "strict":
            self.take()
        self.directed = self.take().casefold() == "digraph"
        if self.peek()[1] != "{":
            self.name = self.identifier()
        self.statements()

    def statements(self) -> list[str]:
        self.take("{")
        names: list[str] = []
        while self.peek()[1] != "}":
            if self.peek()[1] in (";", ","):
                self.take()
            else:
                names += self.statement()
        self.take("}")
        return names

    def statement(self) -> list[str]:
        kind, text, _ = self.peek()
        if kind == "word" and text.casefold() in ("node", "edge", "graph"):
            self.take()
            self.attributes()
            return []
        ends = [self.end()]
        if self.peek()[1] == "=" and len(ends[0]) == 1:
            self.take()
            self.identifier()
            return []
        while self.peek()[0] == "edge":
            self.take()
            ends.append(self.end())
        attributes = self.attributes()
        if len(ends) == 1:
            for name in ends[0] if kind != "mark" and text.casefold() != "subgraph" else []:
                self.declared.setdefault(name, {}).update(attributes)
        for sources, targets in itertools.pairwise(ends):
            label = attributes.get("label", "")
            self.edges += [DotEdge(a, b, label, _sign(attributes), attributes) for a in sources for b in targets]
        return [name for group in ends for name in group]

    def end(self) -> list[str]:
        if self.peek()[1].casefold() == "subgraph":
            self.take()
            if self.peek()[1] != "{":
                self.identifier()
        if self.peek()[1] == "{":
            return self.statements()
        name = self.identifier()
        while self.peek()[1] == ":":
            self.take()
            self.identifier()
        return [name]

    def attributes(self) -> dict[str, str]:
        found: dict[str, str] = {}
        while self.peek()[1] == "[":
            self.take()
            while self.peek()[1] != "]":
                if self.peek()[1] in (",", ";"):
                    self.take()
                    continue
                name = self.identifier()
                self.take("=")
                found[name] = self.identifier()
            self.take("]")
        return found


def _sign(attributes: Mapping[str, str]) -> int | None:
    label = attributes.get("label", "").casefold()
    for sign, stems in _SIGNS.items():
        if any(re.search(rf"\b{stem}", label) for stem in stems):
            return sign
    if attributes.get("arrowhead", "") in ("tee", "box"):
        return -1
    return None


def _fold(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _alike(one: str, other: str) -> bool:
    return difflib.SequenceMatcher(None, one.casefold(), other.casefold()).ratio() >= _NEARLY_THE_SAME


def _match_names(
    title: str, declared: Mapping[str, Mapping[str, str]], edges: Sequence[DotEdge], line: int, *, damaged: bool
) -> tuple[list[DotEdge], list[Repair]]:
    """Edges with ends in the spelling of the declared nodes.

    A name without a declared node is refused where it is nearly one, or where the text was damaged and its author
    declares most nodes; else it is a node of its own, as in any DOT.
    """
    used = dict.fromkeys(name for edge in edges for name in (edge.source, edge.target))
    unknown = [name for name in used if name not in declared]
    mostly_declared = 2 * len(unknown) <= len(used)
    became: dict[str, str] = {}
    repairs = []
    for name in unknown if declared else ():
        same = [known for known in declared if _fold(known) == _fold(name)]
        if len(same) != 1:
            near = [known for known in near_names(name, declared) if _alike(name, known)]
            if not same and not near and not (damaged and mostly_declared):
                continue  # DOT makes a node where it is first used
            allowed = f"a declared node{': ' + ', '.join(same or near) if same or near else ''}"
            do = "correct the name, or declare the node; limus does not guess which is meant"
            raise RefusedError(f"diagram {title} at line {line}, edge end", name, allowed, do)
        became[name] = same[0]
        why = "used in an edge and declared in another spelling (case, hyphens, spaces)"
        repairs.append(Repair("matched-name", line, name, same[0], why))
    fixed = [
        replace(edge, source=became.get(edge.source, edge.source), target=became.get(edge.target, edge.target))
        for edge in edges
    ]
    return fixed, repairs
