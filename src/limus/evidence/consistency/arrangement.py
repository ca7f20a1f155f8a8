"""Checks of the arrangement: columns that have slipped, and things that are listed twice."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from limus.evidence.consistency.judgement import Consistency, Judgement
from limus.evidence.consistency.printed import read_printed
from limus.evidence.consistency.reported import Reported, Row

__all__ = ["check_columns", "check_duplicate_references", "check_duplicate_rows", "check_readable"]

_MOSTLY = 0.8  # of a column's filled cells: what it holds
_FEWEST = 3
_FREE_TEXT = ("note", "notes", "comment", "remark", "value", "result", "finding", "context")


def check_columns(reported: Reported) -> Iterator[Judgement]:
    """Each row has as many cells as the header, and each cell is of its column's kind."""
    if not reported.header:
        return
    width = len(reported.header)
    kinds = _kinds(reported.header, reported.rows)
    for row in reported.rows:
        if row.width != width:
            more = "more" if row.width > width else "fewer"
            why = f"{row.width} cells under {width} columns: {more} than the header, so cells stand under wrong names"
            yield Judgement("columns-not-shifted", row.where, Consistency.INCONSISTENT, why)
            continue
        slipped = [
            name
            for name, kind in kinds.items()
            if row.cells[name] and _is_number(row.cells[name]) != (kind == "number")
        ]
        numbers = [name for name in slipped if kinds[name] == "text"]
        words = [name for name in slipped if kinds[name] == "number"]
        if numbers and words:
            said = ", ".join(f"{name}: {row.cells[name]}" for name in slipped)
            why = f"numbers under words and words under numbers ({said}): shifted"
            yield Judgement("columns-not-shifted", row.where, Consistency.INCONSISTENT, why)
        else:
            yield Judgement(
                "columns-not-shifted", row.where, Consistency.CONSISTENT, f"{width} cells, each of its kind"
            )


def check_readable(reported: Reported) -> Iterator[Judgement]:
    """What stands in a column of numbers is a number; nothing is recomputed from what is not."""
    for where, column, text in reported.unread:
        why = f"{column}: {text} is no number that can be read; nothing is recomputed from it"
        yield Judgement("numbers-readable", where, Consistency.NOT_JUDGED, why)
    if reported.header and not reported.unread:
        why = "every cell of a column of numbers is one, or is empty"
        yield Judgement("numbers-readable", reported.name, Consistency.CONSISTENT, why)


def _kinds(header: Sequence[str], rows: Sequence[Row]) -> Mapping[str, str]:
    kinds = {}
    for name in header:
        filled = [row.cells[name] for row in rows if row.width == len(header) and row.cells[name]]
        if len(filled) < _FEWEST or name.casefold() in _FREE_TEXT:
            continue
        share = sum(map(_is_number, filled)) / len(filled)
        if share >= _MOSTLY or share <= 1 - _MOSTLY:
            kinds[name] = "number" if share >= _MOSTLY else "text"
    return kinds


def _is_number(cell: str) -> bool:
    return read_printed(cell) is not None


def check_duplicate_references(reported: Reported) -> Iterator[Judgement]:
    """No source is listed twice: by its DOI, its PMID, or its title without the name of the site."""
    seen: dict[str, tuple[str, str]] = {}
    for where, text in reported.references:
        keys = _reference_keys(text)
        earlier = next((seen[key] for key in keys if key in seen), None)
        if not keys:
            why = f"only a site is named, no work: {_short(text)}"
            yield Judgement("references-once", where, Consistency.NOT_JUDGED, why)
        elif earlier is None:
            seen |= dict.fromkeys(keys, (where, text))
            yield Judgement("references-once", where, Consistency.CONSISTENT, f"listed once: {_short(text)}")
        else:
            why = f"the same source as {earlier[0]}: {_short(earlier[1])}; counted twice it looks like two"
            yield Judgement("references-once", where, Consistency.INCONSISTENT, why)


def _short(text: str) -> str:
    return text if len(text) <= 90 else f"{text[:87]}..."


def _reference_keys(text: str) -> list[str]:
    keys = [match.casefold() for match in re.findall(r"10\.\d{4,9}/[^\s\"<>\]]+", text)]
    keys += [f"pmid{match}" for match in re.findall(r"PMID:?\s*(\d+)", text, re.IGNORECASE)]
    bare = re.sub(r"\[[^\]]*\]|\([^)]*https?[^)]*\)|https?://\S+", " ", text)
    bare = re.sub(r"^\s*[-*]?\s*\[?\d+[.\])]\s*|[-\s]*\b(PMC|PubMed)\W*$", " ", bare.strip())
    title = re.sub(r"[^a-z0-9]+", " ", bare.casefold()).strip()
    if len(title.split()) >= 2 and not re.fullmatch(r"\S+\.[a-z]{2,}", bare.strip()):
        keys.append(title)
    return keys


def check_duplicate_rows(reported: Reported) -> Iterator[Judgement]:
    """No row is there twice, and no two studies have the same n and events in every arm of an outcome."""
    found = list(_doubled(reported))
    yield from found
    if reported.rows and reported.header and not found:
        why = f"{len(reported.rows)} rows, none there twice"
        yield Judgement("rows-once", reported.name, Consistency.CONSISTENT, why)


def _doubled(reported: Reported) -> Iterator[Judgement]:
    if not reported.header:
        return
    first: dict[tuple[str, ...], str] = {}
    for row in reported.rows:
        content = tuple(row.cells.values())
        if content in first:
            why = f"every cell is that of {first[content]}"
            yield Judgement("rows-once", row.where, Consistency.INCONSISTENT, why)
        first.setdefault(content, row.where)
    study = next((name for name in reported.header if name.casefold() in ("study", "trial")), None)
    if study is None or not {"n", "events"} <= {name.casefold() for name in reported.header}:
        return
    yield from _same_data(reported, study)


def _same_data(reported: Reported, study: str) -> Iterator[Judgement]:
    n, events = (next(c for c in reported.header if c.casefold() == name) for name in ("n", "events"))
    others = [c for c in reported.header if c.casefold() in ("outcome", "time")]
    arms: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for row in reported.rows:
        if row.cells[events] and row.cells[n]:
            key = (row.cells[study], *(row.cells[c] for c in others))
            arms[key].append(f"{row.cells[events]}/{row.cells[n]}")
    found: dict[tuple[str, ...], str] = {}
    for key, counts in arms.items():
        content = (*key[1:], *sorted(counts))
        if len(counts) >= 2 and found.get(content, key[0]) != key[0]:
            why = f"{', '.join(counts)} are also the counts of {found[content]}: one study under two names?"
            yield Judgement("rows-once", ", ".join(key), Consistency.INCONSISTENT, why)
        found.setdefault(content, key[0])
