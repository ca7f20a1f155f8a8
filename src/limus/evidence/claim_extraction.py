"""Claims that any text makes in numbers: what of them can be recomputed, and what cannot be judged.

Taken up are ``15/18 (83%)``, ``83% (15/18)`` and ``15 of 18 patients (83%)`` with an interval if one follows; an effect
with its interval (``RR 2.05 (95% CI 1.52-2.76), p < 0.001``); tables whose cells are parted by tabs or bars; the list
of references. Two proportions before an effect on one line are its arms; 30 (50%) under a heading with n = 60 is 30 of
60; a concentration in two units is one of the compound named before it. A number with one unit, or a percentage without
its counts, is listed as one that the text gives no means to check.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from limus.evidence.consistency.cells import read_counts
from limus.evidence.consistency.judgement import Consistency, Judgement
from limus.evidence.consistency.printed import NUMBER, read_printed
from limus.evidence.consistency.reported import Arm, Reported, Row
from limus.evidence.consistency.reported_table import contrast_in_text
from limus.kernel.errors import LimusError
from limus.molecule.catalogue import find_compound
from limus.molecule.compound import Compound
from limus.molecule.conversion import convert_for_compound

__all__ = ["ExtractedText", "extract_claims"]

_COUNT = r"(\d{1,6})\s*(?:/|of(?:\s+(?:the|all))?|out of)\s*(\d{1,6})(?:\s+[a-z]+){0,3}"
_PERCENT = r"(\d{1,3}(?:\.\d+)?)\s*(?:%|per cent|percent)"
_ENDS = rf"(?:\s*[,;(\[]\s*(?:95\s*%\s*)?CI:?\s*({NUMBER})\s*%?\s*(?:to|-|\N{{EN DASH}}|,)\s*({NUMBER}))?"
_COUNT_FIRST = re.compile(rf"\b{_COUNT}\s*[(\[,;:=]\s*{_PERCENT}{_ENDS}", re.IGNORECASE)
_PERCENT_FIRST = re.compile(rf"(?<![\d.]){_PERCENT}\s*[(\[,;]\s*(?:n\s*=\s*)?{_COUNT}{_ENDS}", re.IGNORECASE)
_BARE_PERCENT = re.compile(rf"(?<![\d.-]){_PERCENT}(?!\s*(?:CI|confidence))", re.IGNORECASE)
_CONCENTRATION = re.compile(
    r"(?<![\w.])(\d[\d.,]*(?:\s*(?:-|to|\N{EN DASH})\s*\d[\d.,]*)?)\s*"
    r"([pnum\N{MICRO SIGN}\N{GREEK SMALL LETTER MU}]?M|[pnum\N{MICRO SIGN}\N{GREEK SMALL LETTER MU}]?mol/L|"
    r"[pnumk\N{MICRO SIGN}]?g/(?:m|d|k)?[Lg](?:/day|/d)?|mL/min(?:/1\.73\s*m2)?)(?![\w/])"
)
_UNIT = r"([pnum\N{MICRO SIGN}\N{GREEK SMALL LETTER MU}]?M|[pnumk]?g/(?:m|d|u)?L|[pnum]?mol/L)(?![\w/])"
_TWO_UNITS = re.compile(rf"(?<![\w.])(\d[\d.]*)\s*{_UNIT}\s*(?:[(=,;]|or)\s*(?:=\s*)?(\d[\d.]*)\s*{_UNIT}")
_REFERENCES = re.compile(r"^\W*(references|bibliography|literature cited)\W*$", re.IGNORECASE)
_ENTRY = re.compile(r"^\s*[-*]?\s*\[?\d{1,3}[.)\]]\s+\S")


@dataclass(frozen=True, slots=True)
class ExtractedText:
    """What a text gives to check.

    Attributes
    ----------
    reported : Reported
        Arms, contrasts, rows of its tables, references.
    others : tuple of Judgement
        Rows of tables that have slipped, and numbers that stand alone.
    """

    reported: Reported
    others: tuple[Judgement, ...]


def extract_claims(text: str, name: str) -> ExtractedText:
    """Extract from a text what can be recomputed.

    Parameters
    ----------
    text : str
    name : str
        Of the file.

    Returns
    -------
    ExtractedText

    Examples
    --------
    >>> found = extract_claims("Response in 15/18 patients (83%).", "guide.txt")
    >>> found.reported.arms[0].percent.value
    83.0
    """
    lines = text.splitlines()
    start = next((at for at, line in enumerate(lines) if _REFERENCES.match(line)), len(lines))
    arms: list[Arm] = []
    contrasts = []
    others: list[Judgement] = []
    rows: list[Row] = []
    tables = tuple(_tables(lines[:start]))
    tabled = {line: found for table in tables for line, found in _arms_under_n(table)}
    for at, line in enumerate(lines[:start]):
        where = f"line {at + 1}"
        plain = re.sub(r"\*\*|<[^>]*>", "", line)
        there, rest = _proportions(plain, where)
        there += tabled.get(at + 1, [])
        arms += there
        pairs, rest = _two_units(rest, at + 1)
        rows += pairs
        noted = contrast_in_text(plain, where)
        if noted is not None:
            both = tuple(there) if len(there) == 2 and noted.measure in ("RR", "OR", "RD") else ()
            contrasts.append(replace(noted, arms=both))
        elif not there:
            others += _alone(rest, where)
    references = tuple(
        (f"line {at + 1}", line.strip()) for at, line in enumerate(lines) if at > start and _ENTRY.match(line)
    )
    reported = Reported(name, (), tuple(rows), tuple(arms), tuple(contrasts), references)
    others += [judgement for table in tables for judgement in (*_ragged(table), *_mixed_units(table))]
    return ExtractedText(reported, tuple(others))


def _proportions(line: str, where: str) -> tuple[list[Arm], str]:
    """Arms of the proportions in a line, and the line without them."""
    arms = []
    for pattern, order in ((_COUNT_FIRST, (1, 2, 3)), (_PERCENT_FIRST, (2, 3, 1))):
        for match in pattern.finditer(line):
            events, n, percent = (read_printed(match[at]) for at in order)
            low, high = (read_printed(match[at]) if match[at] else None for at in (4, 5))
            arms.append(Arm(f"{where}: {match[0].strip()}", n, events, percent, low=low, high=high))
        line = pattern.sub(" ", line)
    return arms, line


def _arms_under_n(table: Sequence[tuple[int, list[str]]]) -> Iterator[tuple[int, list[Arm]]]:
    """Arms of cells such as 30 (50%) under a heading that says n."""
    header = table[0][1]
    sizes = [re.search(r"\bn\s*=\s*(\d+)", name, re.IGNORECASE) for name in header]
    for line, cells in table[1:]:
        found = []
        for size, name, cell in zip(sizes, header, cells, strict=False):
            numbers = read_counts(cell)
            if size and {"events", "percent"} <= set(numbers) and "n" not in numbers:
                where = f"line {line}: {cell.strip()} under {name.strip()}"
                found.append(Arm(where, read_printed(size[1]), numbers["events"], numbers["percent"]))
        yield line, found


def _two_units(line: str, number: int) -> tuple[list[Row], str]:
    """Concentrations that stand in two units beside each other, with the compound named before; and what is left."""
    rows = []
    for match in _TWO_UNITS.finditer(line):
        words = re.findall(r"[A-Za-z][A-Za-z0-9-]{3,}", line[: match.start()])
        compound = next((found.name for word in reversed(words) if (found := _compound_named(word))), "")
        units = [re.sub("[\N{MICRO SIGN}\N{GREEK SMALL LETTER MU}]", "u", match[at]) for at in (2, 4)]
        cells = {"compound": compound, "value": match[1], "unit": units[0]}
        cells |= {"value_reported": match[3], "unit_reported": units[1]}
        rows.append(Row(number, f"line {number}: {match[0]}", cells, len(cells)))
    return rows, _TWO_UNITS.sub(" ", line)


def _alone(line: str, where: str) -> Iterator[Judgement]:
    shares = [match[0] for match in _BARE_PERCENT.finditer(line)]
    if shares:
        why = f"{', '.join(shares)}: no counts beside it to recompute from"
        yield Judgement("percent-of-counts", where, Consistency.NOT_JUDGED, why)
    found = [f"{match[1]} {match[2]}" for match in _CONCENTRATION.finditer(line)]
    if found:
        why = f"{', '.join(found)}: one unit only, and nothing beside it to recompute from"
        yield Judgement("units-agree", where, Consistency.NOT_JUDGED, why)


def _tables(lines: Sequence[str]) -> Iterator[list[tuple[int, list[str]]]]:
    """Runs of lines whose cells are parted by tabs, or by bars."""
    block: list[tuple[int, list[str]]] = []
    for at, line in enumerate([*lines, ""]):
        cells = line.split("\t") if "\t" in line else _barred(line)
        if cells is not None:
            if cells:
                block.append((at + 1, cells))
            continue
        if len(block) >= 3 and len(block[0][1]) >= 3:
            yield block
        block = []


def _barred(line: str) -> list[str] | None:
    if line.count("|") < 2:
        return None
    cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
    return [] if all(re.fullmatch(r":?-+:?", cell) for cell in cells) else cells


def _ragged(table: Sequence[tuple[int, list[str]]]) -> Iterator[Judgement]:
    header_line, header = table[0]
    if not all(cell.strip() for cell in header):
        return
    last_words = {cells[-1].strip() for _, cells in table[1:] if len(cells) == len(header)} - {""}
    for line, cells in table[1:]:
        filled = [cell for cell in cells if cell.strip()]
        # an empty last cell alone is no slip; one whose words stand in the cell before it is
        slipped = not cells[-1].strip() and bool(filled) and filled[-1].strip() in last_words
        if len(cells) != len(header) or slipped:
            why = (
                f"{len(filled)} filled cells under the {len(header)} columns of line {header_line} "
                f"({', '.join(header)}): they stand under wrong names from {cells[0].strip()!r} on"
            )
            yield Judgement("columns-not-shifted", f"line {line}", Consistency.INCONSISTENT, why)


def _mixed_units(table: Sequence[tuple[int, list[str]]]) -> Iterator[Judgement]:
    """A column that gives some concentrations by mass and others by amount."""
    header = table[0][1]
    for column, name in enumerate(header):
        found = [
            (line, match[1], match[2])
            for line, cells in table[1:]
            if len(cells) == len(header)
            for match in _CONCENTRATION.finditer(cells[column])
            if not match[2].endswith(("g", "day", "/d", "2"))
        ]
        by_mass = [one for one in found if "g/" in one[2]]
        if not by_mass or len(by_mass) == len(found):
            continue
        compound = _compound_named(name)
        for line, value, unit in by_mass:
            why = f"{value} {unit} stands in a column with {found[0][2] if 'g/' not in found[0][2] else 'nM'}"
            number = read_printed(value)
            if compound is not None and number is not None:
                try:
                    amount = convert_for_compound(number.value, unit, "nM", compound)
                    why += f"; it is {amount:.3g} nM of {compound.name}"
                except LimusError as error:
                    why += f"; {error.where}: {error.do}"
            yield Judgement("units-agree", f"line {line}", Consistency.IMPRECISE, why)


def _compound_named(header: str) -> Compound | None:
    for words in (header, re.sub(r"\(.*?\)", "", header)):
        try:
            return find_compound(words.strip())
        except LimusError:
            continue
    return None
