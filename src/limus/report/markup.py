r"""The tiny markup of prose in a guide; there is nothing else in it.

============================  ==========================================================================
``{key}``                     the result with this key: number and unit
``{key:number}``              its number without the unit; also ``unit``, ``interval``, ``n``
``[@source]``, ``[@a; @b]``   citation of sources in the bibliography
``*text*``, ``**text**``      emphasis, strong emphasis
``\*``, ``\{``, ``\[`` ...    the character itself, for ``\ * { } [ ]``
============================  ==========================================================================

A result key is a key of the guide's ``values``, or the address ``table.row.column`` of a cell in one of its tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from limus.kernel.errors import InputError

__all__ = [
    "PARTS",
    "Citation",
    "ContentError",
    "Emphasis",
    "Inline",
    "Placeholder",
    "Strong",
    "Text",
    "escape_markup",
    "parse_markup",
    "walk_inlines",
]

PARTS = ("", "number", "unit", "interval", "n")

_TOKEN = re.compile(
    r"\\(?P<escaped>[\\*{}\[\]])|(?P<strong>\*\*)|(?P<emphasis>\*)"
    r"|\{(?P<value>[^{}]*)\}|\[(?P<cite>\s*@[^\[\]]*)\]|(?P<stray>[{}])"
)
_SPECIAL = re.compile(r"([\\*{}\[\]])")


class ContentError(InputError):
    """A guide's content tree is wrong: an unknown citation or result key, a doubled key, a broken markup."""


@dataclass(frozen=True, slots=True)
class Text:
    """Characters, shown as they are."""

    text: str


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A result key, and which part of the cell to show ('' for number and unit)."""

    key: str
    part: str = ""


@dataclass(frozen=True, slots=True)
class Citation:
    """Source keys cited together."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Emphasis:
    """Emphasised inlines."""

    children: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Strong:
    """Strongly emphasised inlines."""

    children: tuple[Inline, ...]


Inline = Text | Placeholder | Citation | Emphasis | Strong


def parse_markup(text: str, where: str = "text") -> tuple[Inline, ...]:
    r"""Parse prose into inlines.

    Parameters
    ----------
    text : str
        Prose in the markup of this module.
    where : str
        Named in the error.

    Returns
    -------
    tuple of Inline

    Raises
    ------
    ContentError
        A brace without partner, an emphasis that is not closed, an empty citation, an unknown part of a result.

    Examples
    --------
    >>> parse_markup("IC50 {elisa.tacrolimus} [@yoshimura_1989]")[1]
    Placeholder(key='elisa.tacrolimus', part='')
    """
    stack: list[tuple[str, list[Inline]]] = [("", [])]
    end = 0
    for token in _TOKEN.finditer(text):
        _append_text(stack[-1][1], text[end : token.start()])
        end = token.end()
        kind = token.lastgroup
        if kind == "escaped":
            _append_text(stack[-1][1], token["escaped"])
        elif kind == "value":
            stack[-1][1].append(_placeholder(token["value"], where))
        elif kind == "cite":
            stack[-1][1].append(_citation(token["cite"], where))
        elif kind == "stray":
            raise ContentError(where, text, "braces in pairs", rf"write \{token['stray']} for the character itself")
        else:
            _open_or_close(stack, str(kind))
    _append_text(stack[-1][1], text[end:])
    if len(stack) > 1:
        raise ContentError(where, text, "stars in pairs", r"close the emphasis, or write \* for a star")
    return tuple(stack[0][1])


def _append_text(inlines: list[Inline], text: str) -> None:
    if not text:
        return
    if inlines and isinstance(inlines[-1], Text):
        inlines[-1] = Text(inlines[-1].text + text)
    else:
        inlines.append(Text(text))


def _open_or_close(stack: list[tuple[str, list[Inline]]], kind: str) -> None:
    if stack[-1][0] != kind:
        stack.append((kind, []))
        return
    children = tuple(stack.pop()[1])
    stack[-1][1].append(Strong(children) if kind == "strong" else Emphasis(children))


def _placeholder(inner: str, where: str) -> Placeholder:
    key, _, part = inner.partition(":")
    if not key.strip() or part.strip() not in PARTS:
        raise ContentError(where, "{" + inner + "}", "{key} or {key:number|unit|interval|n}", "correct the placeholder")
    return Placeholder(key.strip(), part.strip())


def _citation(inner: str, where: str) -> Citation:
    pieces = [piece.strip() for piece in inner.split(";")]
    if any(not piece.startswith("@") or len(piece) < 2 for piece in pieces):
        raise ContentError(where, f"[{inner}]", "[@key] or [@key; @key]", "correct the citation")
    return Citation(tuple(piece[1:] for piece in pieces))


def escape_markup(text: str) -> str:
    r"""Return text that the markup shows as it is: for names and messages that someone else wrote.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str

    Examples
    --------
    >>> escape_markup("CD4*")
    'CD4\\*'
    """
    return _SPECIAL.sub(r"\\\1", text)


def walk_inlines(inlines: tuple[Inline, ...]) -> Iterator[Inline]:
    """Yield every inline and what it encloses, in reading order.

    Parameters
    ----------
    inlines : tuple of Inline
        What :func:`parse_markup` returned.

    Yields
    ------
    Inline
    """
    for inline in inlines:
        yield inline
        if isinstance(inline, Emphasis | Strong):
            yield from walk_inlines(inline.children)
