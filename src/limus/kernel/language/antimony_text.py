"""Antimony text to SBML text, through libantimony.

libantimony keeps global state and is not thread-safe, so everything it does happens behind the one lock in this file,
with its loads cleared before and after. It accepts a parameter that is assigned twice (the last wins) without a word,
so the text is checked here first.
"""

from __future__ import annotations

import html
import re
import threading
from pathlib import Path

from limus.kernel.errors import FileReadError, ModelError

__all__ = ["antimony_to_sbml", "check_text", "code_of", "read_antimony", "values_for_submodels"]

_LOCK = threading.Lock()
_NOT_CODE = re.compile(r'"[^"\n]*"|/\*.*?\*/|//[^\n]*|#[^\n]*', re.DOTALL)
_DECLARATION = re.compile(r"^\s*(?:(?:const|var|species|compartment|substanceOnly)\s+)+")
_ASSIGNMENT = re.compile(r"^\s*\$?([A-Za-z_][\w.]*)\s*(=|:=|'\s*=)(?![=>])")
_DOTTED_NUMBER = re.compile(r"^[^=:']*=\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*$")
_MODULE = re.compile(r"^\s*(?:model|module|function)\b\s*\*?\s*([A-Za-z_]\w*)?")
_IMPORT = re.compile(r'^[ \t]*import[ \t]+"([^"\n]+)"[ \t]*;?[ \t]*$', re.MULTILINE)
_LABEL = re.compile(r"^\s*([A-Za-z_][\w.]*)\s*:(?!=)")


def read_antimony(path: Path) -> str:
    """Read an Antimony file with the files that it imports, each once, where it is first named.

    Parameters
    ----------
    path : Path
        The file; ``import "other.ant"`` is looked for beside it.

    Returns
    -------
    str
        One text.

    Raises
    ------
    FileReadError
        A file is missing or is not UTF-8 text.
    ModelError
        A name is defined twice in one of the files.
    """
    return _with_imports(path, set())


def _with_imports(path: Path, seen: set[Path]) -> str:
    seen.add(path.resolve())
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileReadError(str(path), error, "a readable Antimony text file", "check path and encoding") from None
    check_text(text, str(path))

    def imported(line: re.Match[str]) -> str:
        other = path.parent / line[1]
        return "" if other.resolve() in seen else _with_imports(other, seen)

    return _IMPORT.sub(imported, text)


def _statements(text: str) -> list[tuple[int, str]]:
    """Split text into (line number, statement), without comments and with empty strings."""

    def blank(match: re.Match[str]) -> str:
        return '""' if match[0].startswith('"') else "\n" * match[0].count("\n")

    lines = _NOT_CODE.sub(blank, text).split("\n")
    return [(n, part) for n, line in enumerate(lines, start=1) for part in line.split(";") if part.strip()]


def code_of(text: str) -> str:
    """Return Antimony text without comments, names for display and blanks: what a model does.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        One statement a line.
    """
    return "\n".join(" ".join(part.split()) for _, part in _statements(text))


def _defined(statement: str) -> list[tuple[str, str]]:
    """Names that a statement gives something to, each with what it gives: a value, a rate of change or a meaning."""
    if label := _LABEL.match(statement):
        return [("meaning", label[1])]
    bare = _DECLARATION.sub("", statement)
    parts = bare.split(",") if bare != statement else [statement]
    matches = [match for part in parts if (match := _ASSIGNMENT.match(part))]
    return [("rate of change" if match[2].startswith("'") else "value", match[1]) for match in matches]


def check_text(text: str, where: str) -> None:
    """Refuse what libantimony accepts without a word: a name that is defined twice in one module.

    Parameters
    ----------
    text : str
        Antimony text.
    where : str
        File or name, for the error.

    Raises
    ------
    ModelError
        Two values (``=`` or ``:=``), two rates of change (``'=``) or two reactions, events or submodels of one name;
        the message names both lines.
    """
    first: dict[tuple[str, str, str], int] = {}
    module = ""
    for number, statement in _statements(text):
        opening = _MODULE.match(statement)
        if opening or re.match(r"^\s*end\s*$", statement):
            module = (opening[1] or "main") if opening else ""
            continue
        for what, name in _defined(statement):
            key = (module, what, name)
            if key in first:
                raise ModelError(
                    f"{where}, line {number}",
                    statement.strip(),
                    f"one {what} for {name} (it already has one in line {first[key]})",
                    "remove one of the two lines",
                )
            first[key] = number


def values_for_submodels(text: str, main: str, where: str) -> dict[str, float]:
    """Find what the outer model gives to elements of its submodels: ``A.x = 5``, which libantimony drops in SBML.

    Parameters
    ----------
    text : str
        Antimony text.
    main : str
        Name of the outer model.
    where : str
        File or name, for the error.

    Returns
    -------
    dict of str to float
        Such as ``{'A.x': 5.0}``.

    Raises
    ------
    ModelError
        A submodel's element is given a formula, a rule or a rate, or is given something inside another submodel.
    """
    found: dict[str, float] = {}
    module = ""
    for number, statement in _statements(text):
        opening = _MODULE.match(statement)
        if opening or re.match(r"^\s*end\s*$", statement):
            module = (opening[1] or "main") if opening else ""
            continue
        dotted = [name for what, name in _defined(statement) if "." in name and what != "meaning"]
        if not dotted:
            continue
        match = _DOTTED_NUMBER.match(statement)
        if match is None or module not in ("", main):
            raise ModelError(
                f"{where}, line {number}",
                statement.strip(),
                "a number for an element of a submodel, in the outer model",
                "hand a formula to the submodel as an argument",
            )
        found[dotted[0]] = float(match[1])
    return found


def antimony_to_sbml(text: str, *, where: str = "Antimony text") -> str:
    """Translate Antimony to SBML (with submodels kept, for libsbml to flatten).

    Parameters
    ----------
    text : str
        Antimony text.
    where : str
        File or name, for the error.

    Returns
    -------
    str
        SBML Level 3 with the comp package where the text has submodels.

    Raises
    ------
    ModelError
        The text is not Antimony, or gives a name two values.
    """
    import antimony  # noqa: PLC0415

    check_text(text, where)
    # libantimony's error text is broken by anything outside ASCII, which may stand in comments and display names
    plain = text.encode("ascii", "xmlcharrefreplace").decode()
    with _LOCK:
        _clear(antimony)
        try:
            if antimony.loadAntimonyString(plain) < 0:
                message = html.unescape(" ".join(str(antimony.getLastError()).split()))
                raise ModelError(where, message, "Antimony text", "correct the line that the message names")
            sbml = str(antimony.getCompSBMLString(antimony.getMainModuleName()))
            return re.sub(r"&amp;(#[0-9]+;)", r"&\1", sbml)
        finally:
            _clear(antimony)


def _clear(antimony: object) -> None:
    antimony.clearPreviousLoads()  # type: ignore[attr-defined]
    antimony.clearDirectories()  # type: ignore[attr-defined]
    antimony.freeAll()  # type: ignore[attr-defined]
