"""Claims: what a document says, what it cites, what really bears on it, and a verdict; in ``library/claims``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from limus.kernel.errors import FileReadError
from limus.kernel.tables import Column, library_folder, read_csv

__all__ = ["Certainty", "Claim", "ClaimedGuide", "Directness", "Verdict", "load_claimed_guides", "read_claims"]


class Verdict(StrEnum):
    """What is found of a claim."""

    SUPPORTED = "supported"  # a source that was read, or its own reference, says so
    INCONSISTENT = "inconsistent"  # with itself, with its source, or with what is established
    MIS_ATTRIBUTED = "mis-attributed"  # the source that is cited does not say so, or cannot
    INFERRED = "inferred"  # carried over from another compound, species or use
    UNSUPPORTED = "unsupported"  # no source is cited or known that says so
    NON_EXISTENT = "non-existent"  # the thing that it is about does not exist


class Directness(StrEnum):
    """Where the value of a claim comes from."""

    MEASURED = "measured"
    INFERRED = "inferred"
    SIMULATED = "simulated"
    STATED = "stated"  # in words, no data shown


class Certainty(StrEnum):
    """How certain the verdict is; not the certainty of a body of evidence."""

    HIGH = "high"  # a source was read that decides it, or the text itself decides it
    MODERATE = "moderate"  # a title or an abstract about something near
    LOW = "low"  # recalled, or no source found


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim.

    Attributes
    ----------
    id : str
        Guide and number.
    statement, value, unit, context, population : str
        What is claimed, as printed.
    cited : str
        What the document cites for it; empty for nothing.
    source : tuple of str
        What really bears on it: keys of ``references.bib``.
    directness : Directness
    certainty : Certainty
    verdict : Verdict
    nuance, reason, evidence : str
        The verdict in more words, why, and what was read or recalled for it.
    find : tuple of str
        Words that must all stand on one line, or on lines that follow each other, by which the claim is found.
    """

    id: str
    statement: str
    value: str
    unit: str
    context: str
    population: str
    cited: str
    source: tuple[str, ...]
    directness: Directness
    certainty: Certainty
    verdict: Verdict
    nuance: str
    reason: str
    evidence: str
    find: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, object]:
        """The claim as a JSON object, without the words by which it is found."""
        content = asdict(self)
        del content["find"]
        return content | {"source": list(self.source)}


@dataclass(frozen=True, slots=True)
class ClaimedGuide:
    """A document whose claims are known.

    Attributes
    ----------
    name, title : str
    claims : tuple of Claim
    """

    name: str
    title: str
    claims: tuple[Claim, ...]


_SCHEMA = (
    Column("id"),
    Column("find", meaning="words of the text, joined by ' ~ '"),
    Column("statement"),
    *(Column(name, blank=True) for name in ("value", "unit", "context", "population", "cited", "source")),
    Column("directness", allowed=tuple(Directness)),
    Column("certainty", allowed=tuple(Certainty)),
    Column("verdict", allowed=tuple(Verdict)),
    *(Column(name, blank=True) for name in ("nuance", "reason", "evidence")),
)


def read_claims(path: Path) -> ClaimedGuide:
    """Read a file of claims.

    Parameters
    ----------
    path : Path
        CSV in the form of ``library/claims``: ``# limus_claims = 1`` and ``# title = ...`` above the header.

    Returns
    -------
    ClaimedGuide

    Raises
    ------
    FileReadError
        The file cannot be read, is of another version, or holds a word that is not allowed.
    """
    table = read_csv(path, _SCHEMA)
    settings = _settings(path)
    if settings.get("limus_claims") != "1":
        got = settings.get("limus_claims", "no version")
        raise FileReadError(f"{path}, limus_claims", got, "1", "write # limus_claims = 1 in the first line")
    claims = []
    for row in table.rows():
        source = tuple(key.strip() for key in row["source"].split(";") if key.strip())
        find = tuple(part.strip() for part in row["find"].split(" ~ "))
        enums = {"directness": Directness, "certainty": Certainty, "verdict": Verdict}
        words = {name: kind(row[name]) for name, kind in enums.items()}
        claims.append(Claim(**(row | words | {"source": source, "find": find})))
    return ClaimedGuide(path.stem, settings.get("title", path.stem), tuple(claims))


def _settings(path: Path) -> Mapping[str, str]:
    lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.startswith("#")]
    pairs = (line.lstrip("# ").partition("=") for line in lines)
    return {key.strip(): value.strip() for key, equals, value in pairs if equals}


@lru_cache(maxsize=1)
def load_claimed_guides() -> tuple[ClaimedGuide, ...]:
    """Load every document of the library whose claims are known.

    Returns
    -------
    tuple of ClaimedGuide

    Raises
    ------
    FileReadError
        A file is wrong.

    Examples
    --------
    >>> sum(len(guide.claims) for guide in load_claimed_guides())
    64
    """
    return tuple(read_claims(path) for path in sorted((library_folder() / "claims").glob("*.csv")))
