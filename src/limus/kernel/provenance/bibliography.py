"""The sources behind the numbers: a BibTeX file read into references that can be cited."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from limus.kernel.errors import FileReadError

__all__ = ["Reference", "load_bibliography"]

_REQUIRED: dict[str, tuple[tuple[str, ...], ...]] = {
    "article": (("author",), ("journal",), ("year",), ("title", "note")),
    "misc": (("author",), ("title", "note")),
}
_MOST_AUTHORS = 6


@dataclass(frozen=True, slots=True)
class Reference:
    """One entry of a bibliography.

    Attributes
    ----------
    key : str
        What a number's ``source`` names, such as ``bierer_1990``.
    authors : tuple of str
        Each as ``'Husi H'``; an institution by its name; ``'others'`` last where the list is cut.
    year : int or None
        Year of publication; None for a database record without one.
    title, journal, volume, pages : str
        As published; '' where not known.
    doi, pmid, url : str
        Where to find it; '' where not known.
    note : str
        What was read of it, what is not confirmed.
    """

    key: str
    authors: tuple[str, ...]
    year: int | None = None
    title: str = ""
    journal: str = ""
    volume: str = ""
    pages: str = ""
    doi: str = ""
    pmid: str = ""
    url: str = ""
    note: str = ""

    @property
    def short(self) -> str:
        """Author and year such as ``Bierer 1990``; the letter of the key tells papers of one year apart."""
        if self.year is None:
            return f"{self.authors[0]}, {self.title}" if self.title else _surname(self.authors[0])
        letter = re.search(r"_\d{4}([a-z])$", self.key)
        return f"{_surname(self.authors[0])} {self.year}{letter[1] if letter else ''}"

    @property
    def citation(self) -> str:
        """The reference in journal style, one line: where to find it, then the note in brackets."""
        place = f"{self.journal} {self.year or ''}".strip()
        if self.volume or self.pages:
            place += f";{self.volume}" + (f":{self.pages}" if self.pages else "")
        parts = [_author_list(self.authors), self.title.rstrip("."), place]
        found = [f"doi:{self.doi}" if self.doi else "", f"PMID {self.pmid}" if self.pmid else ""]
        if not self.doi:
            found.append(self.url)
        parts += [" ".join(text for text in found if text)]
        if self.note:
            parts.append(f"[{self.note}]")
        return ". ".join(part for part in parts if part) + "."


def load_bibliography(path: Path) -> Mapping[str, Reference]:
    """Read a BibTeX file; ``@article`` and ``@misc`` entries.

    Parameters
    ----------
    path : Path
        UTF-8 BibTeX.

    Returns
    -------
    mapping of str to Reference
        By key, in the order of the file; read-only.

    Raises
    ------
    FileReadError
        Unreadable file, an entry that cannot be parsed, a doubled key, an entry type or a year that is not allowed,
        or a required field that is missing; the message names file and key.
    """
    import bibtexparser  # noqa: PLC0415

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileReadError(str(path), error, "a readable UTF-8 BibTeX file", "check path and encoding") from None
    library: Any = bibtexparser.parse_string(text)
    for block in library.failed_blocks:
        line = int(block.start_line or 0) + 1
        head = str(block.raw).strip().splitlines()[0]
        raise FileReadError(
            f"{path}, line {line}", head, "entries with different keys and closed braces", "correct the entry"
        )
    references = (_reference(path, entry) for entry in library.entries)
    return MappingProxyType({reference.key: reference for reference in references})


def _reference(path: Path, entry: Any) -> Reference:
    where = f"{path}, key {entry.key}"
    fields = {field.key.casefold(): _plain(str(field.value)) for field in entry.fields}
    required = _REQUIRED.get(entry.entry_type.casefold())
    if required is None:
        raise FileReadError(where, f"@{entry.entry_type}", "@article or @misc", "change the entry type")
    for choice in required:
        if not any(fields.get(name) for name in choice):
            raise FileReadError(
                where, "no " + " and no ".join(choice), f"@{entry.entry_type} with {_spell(required)}", "add the field"
            )
    year = fields.get("year", "")
    if year and not re.fullmatch(r"\d{4}", year):
        raise FileReadError(where, f"year {year}", "a year of four digits", "correct the year")
    return Reference(
        key=entry.key,
        authors=_authors(next(str(field.value) for field in entry.fields if field.key.casefold() == "author")),
        year=int(year) if year else None,
        pages=fields.get("pages", "").replace("--", "-"),
        **{name: fields.get(name, "") for name in ("title", "journal", "volume", "doi", "pmid", "url", "note")},
    )


def _spell(required: tuple[tuple[str, ...], ...]) -> str:
    return ", ".join(" or ".join(choice) for choice in required)


def _plain(text: str) -> str:
    return " ".join(text.replace("{", "").replace("}", "").split())


def _authors(text: str) -> tuple[str, ...]:
    stripped = text.strip()
    if stripped.startswith("{") and stripped.endswith("}"):
        return (_plain(stripped),)
    return tuple(_author(part) for part in re.split(r"\s+and\s+", stripped))


def _author(text: str) -> str:
    surname, _, given = _plain(text).partition(",")
    initials = "".join(word[0] for word in re.split(r"[\s.]+", given) if word)
    return f"{surname} {initials}".strip()


def _surname(author: str) -> str:
    surname, _, last = author.rpartition(" ")
    return surname if surname and last.isupper() and len(last) <= 4 else author


def _author_list(authors: tuple[str, ...]) -> str:
    named = [author for author in authors if author != "others"]
    cut = len(named) > _MOST_AUTHORS or len(named) < len(authors)
    return ", ".join(named[:_MOST_AUTHORS]) + (", et al" if cut else "")
