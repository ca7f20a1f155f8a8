"""A model's text as a reader sees it: modules, each equation as it is written, and the comments that explain it.

The files are the ones that the engine's model is read from. A comment block stands for the lines below it up to and
with the first equation; the block above ``module`` or ``model`` explains the whole; ``// -- words --`` is a heading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from limus.kernel.errors import FileReadError

__all__ = ["Instance", "ModuleText", "Statement", "constants_of", "instances_of", "read_modules"]

_NAME = r"[A-Za-z_][\w.]*"
_IMPORT = re.compile(r'^\s*import\s+"([^"\n]+)"')
_OPENING = re.compile(rf"^\s*(?:model|module)\s+\*?\s*({_NAME})\s*\(([^)]*)\)")
_HEADING = re.compile(r"^-{2,}\s*(.*?)\s*-*$")
_SUBMODEL = re.compile(rf"^({_NAME})\s*:\s*({_NAME})\s*\((.*)\)$")
_REACTION = re.compile(rf"^({_NAME})\s*:\s*(.*(?:=>|->).*)$")
_EQUATION = re.compile(rf"^({_NAME})\s*(:=|'\s*=|=)\s*(.+)$")
_DECLARATION = re.compile(r"^(?:(?:const|var|species|compartment|substanceOnly)\s+)+")


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that a module says.

    Attributes
    ----------
    kind : str
        ``reaction``, ``rule`` (holds at any time), ``rate`` (of change), ``start`` or ``submodel``.
    name : str
        The reaction, or what is determined.
    text : str
        As written; of a reaction the stoichiometry, then the rate after a semicolon.
    explanation, heading : str
        Comments above it, and the heading that it stands under; '' where there is none.
    """

    kind: str
    name: str
    text: str
    explanation: str
    heading: str

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names in the text, once each."""
        return tuple(dict.fromkeys(re.findall(_NAME, self.text)))


@dataclass(frozen=True, slots=True)
class ModuleText:
    """A module: what it is, its arguments and its statements in the order of the file."""

    name: str
    file: str
    explanation: str
    arguments: tuple[str, ...]
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Instance:
    """One use of a module: the prefix of its names in the model, and what its arguments stand for there."""

    prefix: str
    arguments: Mapping[str, str]

    def full_name(self, name: str) -> str:
        """Return the model's name for a name of the module."""
        return self.arguments.get(name, f"{self.prefix}{name}")


def read_modules(path: Path) -> tuple[ModuleText, ...]:
    """Read the modules of a model's text and of the files that it imports, the outer model first.

    Parameters
    ----------
    path : Path
        Antimony, in the house form: one module after another, statements ended by semicolons.

    Returns
    -------
    tuple of ModuleText

    Raises
    ------
    FileReadError
        A file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileReadError(str(path), error, "a readable Antimony text file", "check path and encoding") from None
    imported = [path.parent / match[1] for line in lines if (match := _IMPORT.match(line))]
    return (*_modules(lines, path.name), *(module for other in imported for module in read_modules(other)))


def _modules(lines: list[str], file: str) -> Iterator[ModuleText]:
    comments: list[str] = []
    opening: re.Match[str] | None = None
    inside: list[str] = []
    about = ""
    for line in lines:
        if opening is None and (opening := _OPENING.match(line)):
            about, comments, inside = " ".join(comments), [], []
        elif opening is None:
            text = line.strip()
            if text.startswith("//"):
                comments.append(text[2:].strip())
        elif line.strip() == "end":
            arguments = tuple(a.strip() for a in opening[2].split(",") if a.strip())
            yield ModuleText(opening[1], file, about, arguments, tuple(_statements(inside)))
            opening, comments = None, []
        else:
            inside.append(line)


def _statements(lines: list[str]) -> Iterator[Statement]:
    comments: list[str] = []
    heading, waiting = "", ""
    for line in lines:
        code, _, comment = (part.strip() for part in line.partition("//"))
        if not code:
            if found := _HEADING.match(comment):
                heading, comments = found[1], []
            elif comment:
                comments.append(comment)
            continue
        *parts, waiting = f"{waiting} {code}".split(";")
        if parts and _REACTION.match(parts[-1].strip()):  # its rate stands on the next line
            waiting = f"{parts.pop()};{waiting}"
        explanation = " ".join([*comments, *([comment] if comment else [])])
        found_here = list(_parse([part.strip() for part in parts if part.strip()], explanation, heading))
        yield from found_here
        if any(statement.kind != "start" for statement in found_here):
            comments = []


def _parse(parts: list[str], explanation: str, heading: str) -> Iterator[Statement]:
    at = 0
    while at < len(parts):
        part = parts[at]
        at += 1
        if match := _SUBMODEL.match(part):
            yield Statement("submodel", match[1], part, explanation, heading)
        elif match := _REACTION.match(part):
            rate = parts[at] if at < len(parts) else ""
            at += 1
            yield Statement("reaction", match[1], f"{match[2]}; {rate}", explanation, heading)
        elif not part.startswith("unit "):
            yield from _equations(part, explanation, heading)


def _equations(part: str, explanation: str, heading: str) -> Iterator[Statement]:
    bare = _DECLARATION.sub("", part)
    for one in bare.split(",") if bare != part else [part]:
        if match := _EQUATION.match(one.strip()):
            kind = {":=": "rule", "=": "start"}.get(match[2], "rate")
            yield Statement(kind, match[1], one.strip(), explanation, heading)


def instances_of(modules: tuple[ModuleText, ...]) -> dict[str, tuple[Instance, ...]]:
    """Find every use of each module; the first is the outer model itself.

    Parameters
    ----------
    modules : tuple of ModuleText
        From :func:`read_modules`.

    Returns
    -------
    dict of str to tuple of Instance
        By module, in the order of the text; a module that nothing uses has none.
    """
    by_name = {module.name: module for module in modules}
    found: dict[str, list[Instance]] = {name: [] for name in by_name}

    def visit(module: ModuleText, instance: Instance) -> None:
        found[module.name].append(instance)
        for statement in module.statements:
            match = _SUBMODEL.match(statement.text) if statement.kind == "submodel" else None
            if match is None or match[2] not in by_name:
                continue
            inner = by_name[match[2]]
            given = [instance.full_name(a.strip()) for a in match[3].split(",") if a.strip()]
            visit(inner, Instance(f"{instance.prefix}{match[1]}.", dict(zip(inner.arguments, given, strict=False))))

    visit(modules[0], Instance("", {}))
    return {name: tuple(instances) for name, instances in found.items()}


def constants_of(
    statement: Statement, instances: tuple[Instance, ...], constants: Mapping[str, object]
) -> tuple[str, ...]:
    """Return the constants that a statement uses, over all uses of its module.

    Parameters
    ----------
    statement : Statement
    instances : tuple of Instance
        Of its module.
    constants : mapping
        The model's constants by name.

    Returns
    -------
    tuple of str
        Names as the model has them.
    """
    full = (instance.full_name(symbol) for symbol in statement.symbols for instance in instances)
    return tuple(dict.fromkeys(name for name in full if name in constants))
