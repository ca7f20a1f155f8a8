"""Repairs of DOT that no Graphviz accepts; each is recorded with its line, what stood there and what it became."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass

from limus.evidence.dot.blocks import DotBlock

__all__ = ["Repair", "repair_block"]

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SPELLINGS = {
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "&quot;": '"',
    "-&gt;": "->",
    "\N{RIGHTWARDS ARROW}": "->",
    "&amp;": "&",
}


@dataclass(frozen=True, slots=True)
class Repair:
    """One repair.

    Attributes
    ----------
    kind : str
        Short name.
    line : int
        Of the text, from 1.
    got, became : str
    reason : str
    """

    kind: str
    line: int
    got: str
    became: str
    reason: str

    def as_dict(self) -> dict[str, str | int]:
        """The repair as a JSON object."""
        return asdict(self)


def repair_block(block: DotBlock, *, genuine_comments: bool = False) -> tuple[str, tuple[Repair, ...]]:
    """Repair a block as far as its text alone allows.

    Parameters
    ----------
    block : DotBlock
    genuine_comments : bool
        Whether every ``//`` is a comment to its end of line; or else one with words before statements gives them back.

    Returns
    -------
    tuple of (str, tuple of Repair)
        DOT without comments, and what was done. Comments without statements are dropped without mention.
    """
    repairs: list[Repair] = []
    text = _spell(block, repairs)
    text = _uncomment(text, block.line, repairs, genuine=genuine_comments)
    text = _join_names(text, block.line, repairs)
    text = _join_bare_names(text, block.line, repairs)
    text = _direct(text, block.line, repairs)
    if block.fences:
        why = "the graph was cut into pieces by the marks of code blocks; they are read as one"
        repairs.append(Repair("joined-blocks", block.line, f"{block.fences} marks", "one graph", why))
    if not block.closed:
        missing = _depth(text)
        text += "}" * missing
        last = block.line + block.text.rstrip().count("\n")
        repairs.append(Repair("closed-brace", last, "no closing brace", "}" * missing, "the graph was never closed"))
    return text, tuple(sorted(repairs, key=lambda repair: repair.line))


def _line_of(text: str, at: int, first: int) -> int:
    return first + text.count("\n", 0, at)


def _spell(block: DotBlock, repairs: list[Repair]) -> str:
    text = block.text
    for got, became in _SPELLINGS.items():
        if got in text:
            line = _line_of(text, text.index(got), block.line)
            text = text.replace(got, became)
            repairs.append(Repair("spelling", line, got, became, "a typographic or HTML form that DOT does not know"))
    return text


def _uncomment(text: str, first: int, repairs: list[Repair], *, genuine: bool) -> str:
    """Take out comments; where ``//`` has swallowed statements, take out its words only."""
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), text, flags=re.DOTALL)
    out, at = [], 0
    quoted = False
    while at < len(text):
        if text[at] == '"' and text[at - 1] != "\\":
            quoted = not quoted
        if quoted or not text.startswith("//", at):
            out.append(text[at])
            at += 1
            continue
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        comment = text[at + 2 : end]
        words = _comment_words(comment)
        if words is None:
            at = end
            continue
        line = _line_of(text, at, first)
        if genuine or not words.strip():
            why = "it is taken for a comment, though it looks like statements; look whether they are meant"
            repairs.append(Repair("left-out-comment", line, f"//{_shorten(comment)}", "", why))
            at = end
            continue
        why = "a comment runs to the end of its line and would swallow these statements; only its words are taken out"
        repairs.append(
            Repair("swallowed-statements", line, f"//{_shorten(comment)}", _shorten(comment[len(words) :]), why)
        )
        at += 2 + len(words)
    return "".join(out)


def _comment_words(comment: str) -> str | None:
    """The words of a comment before the statements that it swallowed; None for a genuine comment."""
    outside = _QUOTED.sub(lambda m: "q" * len(m[0]), comment)
    opened = outside.count('"') % 2 == 1  # a name that runs on into the next line
    if not opened and not re.search(r"->|--|\[|;|\}", outside):
        return None
    quote = comment.find('"')
    sign = re.search(r"(?:\w+\s*)(?:->|--|\[)", outside)
    brace = outside.find("}")
    starts = [at for at in (quote, sign.start() if sign else -1, brace) if at >= 0]
    return comment[: min(starts)] if starts else None


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _join_names(text: str, first: int, repairs: list[Repair]) -> str:
    """Join quoted names that run over the end of a line."""
    whole = {match[0] for match in _QUOTED.finditer(text) if "\n" not in match[0]}
    broken = [match for match in _QUOTED.finditer(text) if "\n" in match[0]]
    joined_all = {_candidates(match[0]) for match in broken}

    def join(match: re.Match[str]) -> str:
        if "\n" not in match[0]:
            return match[0]
        kept, dropped = _candidates(match[0])
        others = whole | {name for pair in joined_all if pair != (kept, dropped) for name in pair[:1]}
        became = dropped if dropped in others and kept not in others else kept
        sure = became in others
        why = "a name was broken across lines" + ("" if sure else "; no second occurrence confirms how it is joined")
        line = _line_of(text, match.start(), first)
        repairs.append(Repair("joined-name", line, match[0].replace("\n", "\\n"), became, why))
        # the lines that the name loses stand after it, so that later lines keep their numbers
        return became + "\n" * match[0].count("\n")

    return _QUOTED.sub(join, text)


def _join_bare_names(text: str, first: int, repairs: list[Repair]) -> str:
    """Join names without quotes that a hyphen divides at the end of a line; a bare name of DOT has no hyphen."""
    quoted = [match.span() for match in _QUOTED.finditer(text)]

    def join(match: re.Match[str]) -> str:
        if any(start < match.start() < end for start, end in quoted):
            return match[0]
        became = match[1] + match[2]
        why = "a name without quotes was divided at the end of a line"
        line = _line_of(text, match.start(), first)
        repairs.append(Repair("joined-name", line, f"{match[1]}-\\n{match[2]}", became, why))
        return became + "\n" * match[0].count("\n")

    return re.sub(r"(\w+)-[ \t]*\n[ \t]*([a-z]\w*)", join, text)


def _candidates(name: str) -> tuple[str, str]:
    """A broken name with its hyphen kept, and with it taken for the hyphen of a divided word."""
    kept = re.sub(r"[ \t]*\n\s*", " ", re.sub(r"-[ \t]*\n\s*", "-", name))
    dropped = re.sub(r"[ \t]*\n\s*", " ", re.sub(r"(?<=\w)-[ \t]*\n\s*(?=[a-z])", "", name))
    return kept, dropped


def _direct(text: str, first: int, repairs: list[Repair]) -> str:
    outside = _QUOTED.sub(lambda m: "q" * len(m[0]), text)
    head = re.match(r"\s*(strict\s+)?graph\b", outside, re.IGNORECASE)
    arrows = outside.count("->")
    lines = len(re.findall(r"--", outside))
    if arrows and lines:
        at = outside.index("--")
        why = f"{lines} edges are written with --, {arrows} with ->; all are read as pointing the way they are written"
        repairs.append(Repair("mixed-edges", _line_of(text, at, first), "--", "->", why))
        places = [match.start() for match in re.finditer("--", outside)]
        text = "".join("->" if at in places else "" if at - 1 in places else sign for at, sign in enumerate(text))
    if head and arrows:
        at = head.end() - len("graph")
        text = f"{text[:at]}di{text[at:]}"
        why = f"{arrows} edges are written with ->, which only a digraph may have"
        repairs.append(Repair("directed", first, "graph", "digraph", why))
    elif not head and lines and not arrows:
        why = f"{lines} edges are written with --, which only a graph may have; they are kept without direction"
        repairs.append(Repair("undirected", first, "digraph", "graph", why))
        text = re.sub(r"^(\s*(?:strict\s+)?)digraph", r"\1graph", text, count=1, flags=re.IGNORECASE)
    return text


def _depth(text: str) -> int:
    outside = _QUOTED.sub("", text)
    return max(0, outside.count("{") - outside.count("}"))
