"""Antimony text to SBML text, through libantimony.

libantimony keeps global state and is not thread-safe, so everything it does happens behind the one lock in this file,
with its loads cleared before and after. It accepts a parameter that is assigned twice (the last wins) without a word,
so the text is checked here first.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path

from limus.kernel.errors import FileReadError, ModelError

__all__ = ["antimony_to_sbml", "check_text", "read_antimony"]

_LOCK = threading.Lock()
_ASSIGNMENT = re.compile(r"^\s*(?:const\s+|var\s+)?([A-Za-z_][A-Za-z_0-9.]*)\s*=(?![=>])")
_MODULE = re.compile(r"^\s*(?:model|module|function)\b\s*\*?\s*([A-Za-z_]\w*)?")
_LABELLED = re.compile(r"^\s*[A-Za-z_][\w.]*\s*:(?!=)")


def read_antimony(path: Path) -> str:
    """Read an Antimony file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        Its text.

    Raises
    ------
    FileReadError
        The file is missing or is not UTF-8 text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileReadError(str(path), error, "a readable Antimony text file", "check path and encoding") from None


def _statements(text: str) -> list[tuple[int, str]]:
    """Split text into (line number, statement), without comments."""
    without = re.sub(r"/\*.*?\*/", lambda match: "\n" * match[0].count("\n"), text, flags=re.S)
    found: list[tuple[int, str]] = []
    for number, line in enumerate(without.splitlines(), start=1):
        bare = re.split(r"//|#", line, maxsplit=1)[0]
        found += [(number, statement) for statement in bare.split(";") if statement.strip()]
    return found


def check_text(text: str, where: str) -> None:
    """Refuse what libantimony accepts without a word: a name that is given a value twice in one module.

    Parameters
    ----------
    text : str
        Antimony text.
    where : str
        File or name, for the error.

    Raises
    ------
    ModelError
        A doubled assignment; the message names both lines.
    """
    first: dict[tuple[str, str], int] = {}
    module = ""
    for number, statement in _statements(text):
        opening = _MODULE.match(statement)
        if opening:
            module = opening[1] or "main"
            continue
        if re.match(r"^\s*end\s*$", statement):
            module = ""
            continue
        match = _ASSIGNMENT.match(statement)
        if match is None or _LABELLED.match(statement):
            continue
        key = (module, match[1])
        if key in first:
            raise ModelError(
                f"{where}, line {number}",
                statement.strip(),
                f"one value for {match[1]} (it already has one in line {first[key]})",
                "remove one of the two lines",
            )
        first[key] = number


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
    # libantimony's error text is broken by anything outside ASCII, which may stand in comments only
    plain = text.encode("ascii", "replace").decode()
    with _LOCK:
        _clear(antimony)
        try:
            if antimony.loadAntimonyString(plain) < 0:
                message = " ".join(str(antimony.getLastError()).split())
                raise ModelError(where, message, "Antimony text", "correct the line that the message names")
            return str(antimony.getCompSBMLString(antimony.getMainModuleName()))
        finally:
            _clear(antimony)


def _clear(antimony: object) -> None:
    antimony.clearPreviousLoads()  # type: ignore[attr-defined]
    antimony.clearDirectories()  # type: ignore[attr-defined]
    antimony.freeAll()  # type: ignore[attr-defined]
