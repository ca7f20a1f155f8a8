"""Any CSV table as reported arms, contrasts and rows; columns are known by their usual names."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from limus.evidence.consistency.printed import NUMBER, Printed, read_printed
from limus.evidence.consistency.reported import Arm, Contrast, Reported, Row
from limus.kernel.errors import FileReadError

__all__ = ["COLUMN_NAMES", "contrast_in_text", "read_reported"]

COLUMN_NAMES: Mapping[str, tuple[str, ...]] = {
    "study": ("study", "trial", "first author", "author"),
    "arm": ("arm", "treatment", "group", "regimen", "intervention"),
    "outcome": ("outcome", "endpoint", "event"),
    "time": ("time", "timepoint", "visit"),
    "population": ("population", "analysis set"),
    "n": ("n", "total", "participants", "sample size", "n total"),
    "events": ("events", "cases", "responders", "r", "x"),
    "percent": ("percent", "percentage", "%", "pct", "rate percent", "event rate percent"),
    "mean": ("mean", "average"),
    "sd": ("sd", "std", "standard deviation"),
    "low": ("ci low", "lower", "ci lower", "lcl", "lower 95", "from"),
    "high": ("ci high", "upper", "ci upper", "ucl", "upper 95", "to"),
    "ci": ("ci", "95% ci", "95 % ci", "confidence interval", "interval"),
    "p": ("p", "p value", "pvalue"),
    "estimate": ("estimate", "effect", "effect size"),
    "measure": ("measure", "effect measure"),
    "level": ("level", "level percent", "confidence level"),
    "items": ("items",),
    "scale": ("scale", "unit"),
}
MEASURE_NAMES: Mapping[str, str] = {
    "rr": "RR",
    "risk ratio": "RR",
    "relative risk": "RR",
    "or": "OR",
    "odds ratio": "OR",
    "hr": "HR",
    "hazard ratio": "HR",
    "rd": "RD",
    "diff": "RD",
    "risk difference": "RD",
    "absolute risk difference": "RD",
    "md": "MD",
    "mean difference": "MD",
    "smd": "SMD",
}
_WHOLE_SCALES = {"points", "score", "counts", "count", "lesions", "whole numbers", "integer", "days", "cells"}
_SHARED = {"outcome", "time", "population", "treatment 1", "treatment 2", "comparison"}
_PAIR = re.compile(rf"\s*[\[(]?\s*({NUMBER})\s*(?:,|;|to|\N{{EN DASH}}|-)\s*({NUMBER})\s*[\])]?\s*")
_IN_TEXT = re.compile(
    rf"\b({'|'.join(sorted(MEASURE_NAMES, key=len, reverse=True))})\b"
    rf"(?:\s+(?:was|is|of|were)\b)?[\s:=]*({NUMBER})\s*%?\s*"
    rf"[\[(,;]\s*(?:(\d\d(?:\.\d)?)\s*%\s*(?:CI|confidence interval)[\s:,=]*)?"
    rf"({NUMBER})\s*%?\s*(?:,|;|to|\N{{EN DASH}}|-)\s*({NUMBER})\s*%?\s*(?:[\])]|[,;]|$)",
    re.IGNORECASE,
)
_P_IN_TEXT = re.compile(rf"\bp(?:-value)?\s*([=<>])\s*({NUMBER})", re.IGNORECASE)
_POOLED = re.compile(r"\bpool", re.IGNORECASE)


def read_reported(path: Path) -> Reported:
    """Read any CSV file (comma, semicolon or tab) leniently: ragged rows are kept, for the checks to find.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Reported

    Raises
    ------
    FileReadError
        The file cannot be read, or holds no header with rows.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileReadError(str(path), error, "a readable UTF-8 CSV file", "check path and encoding") from None
    lines = [line for line in io.StringIO(text, newline="") if not line.startswith("#")]
    sample = next((line for line in lines if line.strip()), "")
    separator = max(",;\t", key=sample.count)
    records = [cells for cells in csv.reader(lines, delimiter=separator) if any(cell.strip() for cell in cells)]
    if len(records) < 2:
        raise FileReadError(str(path), f"{len(records)} lines", "a header line and rows", "check the file")
    header = tuple(cell.strip() for cell in records[0])
    if len(set(header)) < len(header):
        doubled = ", ".join(sorted({name for name in header if header.count(name) > 1}))
        raise FileReadError(f"{path}, header", doubled, "each column once", "rename or remove the doubled one")
    rows = tuple(_row(number, header, cells) for number, cells in enumerate(records[1:], start=1))
    return table_as_reported(path.name, header, rows)


def _row(number: int, header: Sequence[str], cells: Sequence[str]) -> Row:
    named = {name: cell.strip() for name, cell in itertools.zip_longest(header, cells[: len(header)], fillvalue="")}
    roles = _roles(header)
    said = [named[roles[role]] for role in ("study", "arm", "outcome", "time") if role in roles]
    where = ", ".join([f"row {number}", *(text for text in said if text)])
    return Row(number, where, named, len(cells))


def table_as_reported(name: str, header: Sequence[str], rows: Sequence[Row]) -> Reported:
    """Turn rows into arms and contrasts.

    Parameters
    ----------
    name : str
    header : sequence of str
    rows : sequence of Row

    Returns
    -------
    Reported
    """
    roles = _roles(header)
    whole = [row for row in rows if row.width == len(header)]
    arms = {row.number: arm for row in whole if (arm := _arm(row, roles))}
    contrasts = [contrast for row in whole if (contrast := _contrast(row, roles))]
    contrasts += _noted_contrasts(whole, roles, arms)
    reference = next((n for n in header if n.casefold() in ("title", "reference", "references", "citation")), None)
    references = tuple((row.where, row.cells[reference]) for row in rows if reference and row.cells[reference])
    listed = references if "n" not in roles and "estimate" not in roles else ()
    return Reported(name, tuple(header), tuple(rows), tuple(arms.values()), tuple(contrasts), listed)


def _fold(name: str) -> str:
    return " ".join(re.sub(r"[_\-.]+", " ", name.casefold()).split())


def _roles(header: Sequence[str], suffix: str = "") -> dict[str, str]:
    """Column of each role; with a suffix, of arm 1 or arm 2 in a table of contrasts."""
    folded = {_fold(name): name for name in header}
    return {
        role: folded[alias + suffix]
        for role, aliases in COLUMN_NAMES.items()
        for alias in reversed(aliases)
        if alias + suffix in folded
    }


def _cell(row: Row, roles: Mapping[str, str], role: str) -> Printed | None:
    return read_printed(row.cells[roles[role]]) if role in roles else None


def _arm(row: Row, roles: Mapping[str, str], where: str = "") -> Arm | None:
    numbers = {role: _cell(row, roles, role) for role in ("n", "events", "percent", "mean", "sd")}
    slash = re.fullmatch(r"\s*(\d+)\s*/\s*(\d+)\s*", row.cells[roles["events"]]) if "events" in roles else None
    if slash:
        numbers |= {"events": read_printed(slash[1]), "n": read_printed(slash[2])}
    if all(number is None for name, number in numbers.items() if name != "n"):
        return None
    scale = row.cells[roles["scale"]].casefold() if "scale" in roles else ""
    items = _cell(row, roles, "items")
    is_arm = "estimate" not in roles and numbers["percent"] is not None
    return Arm(
        where or row.where,
        **numbers,
        low=_cell(row, roles, "low") if is_arm else None,
        high=_cell(row, roles, "high") if is_arm else None,
        whole_numbers=scale in _WHOLE_SCALES or items is not None,
        items=int(items.value) if items else 1,
    )


def _contrast(row: Row, roles: Mapping[str, str]) -> Contrast | None:
    measure, estimate = "", _cell(row, roles, "estimate")
    if estimate is not None and "measure" in roles:
        measure = MEASURE_NAMES.get(_fold(row.cells[roles["measure"]]), "")
    for name in row.cells:
        if estimate is None and _fold(name) in MEASURE_NAMES:
            estimate, measure = read_printed(row.cells[name]), MEASURE_NAMES[_fold(name)]
    if estimate is None:
        return None
    low, high = _cell(row, roles, "low"), _cell(row, roles, "high")
    pair = _PAIR.fullmatch(row.cells[roles["ci"]]) if "ci" in roles else None
    if low is None and pair:
        low, high = read_printed(pair[1]), read_printed(pair[2])
    sides = [_roles(list(row.cells), f" {side}") for side in (1, 2)]
    arms = [_arm(row, side, f"{row.where}, arm {at + 1}") for at, side in enumerate(sides)]
    level = _cell(row, roles, "level")
    both = tuple(arm for arm in arms if arm)
    fraction = measure == "RD" and max(abs(x.value) for x in (estimate, low, high) if x) <= 1 and estimate.place < 0.1
    return Contrast(
        row.where,
        measure,
        estimate,
        low,
        high,
        _cell(row, roles, "p"),
        both if len(both) == 2 else (),
        _level_percent(level),
        percent=not fraction,
        study=row.cells[roles["study"]] if "study" in roles else "",
        group=", ".join([measure, *(row.cells[name] for name in row.cells if _fold(name) in _SHARED)]),
    )


def _level_percent(level: Printed | None) -> float:
    if level is None or not 0 < level.value < 100:
        return 95.0
    return 100 * level.value if level.value < 1 else level.value


def _noted_contrasts(rows: Sequence[Row], roles: Mapping[str, str], arms: Mapping[int, Arm]) -> list[Contrast]:
    """Contrasts that a note repeats at both arms that it compares."""
    named = {roles[r] for r in roles}
    free = [name for name in (rows[0].cells if rows else ()) if name not in named or name == roles.get("p")]
    same = [roles[role] for role in ("study", "population", "outcome", "time") if role in roles]
    if "arm" not in roles or not same:
        return []
    found: dict[tuple[str, ...], list[tuple[Row, Contrast]]] = {}
    for row in rows:
        for name in free:
            text = row.cells[name]
            noted = contrast_in_text(text, row.where)
            if noted is not None and not _POOLED.search(text):
                key = (*(row.cells[column] for column in same), noted.said)
                found.setdefault(key, []).append((row, noted))
    contrasts = []
    for members in found.values():
        first, noted = members[0]
        pair = tuple(arms[row.number] for row, _ in members if row.number in arms)
        said = " and ".join(row.cells[roles["arm"]] for row, _ in members)
        outcome = ", ".join(first.cells[column] for column in same)
        where = f"rows {' and '.join(str(row.number) for row, _ in members)}, {outcome}: {said}"
        kind = "Kaplan-Meier" if any("km" in _fold(text).split() for text in first.cells.values()) else ""
        complete = pair if len(members) == 2 and len(pair) == 2 else ()
        contrasts.append(
            Contrast(where, noted.measure, noted.estimate, noted.low, noted.high, noted.p, complete, 95.0, True, kind)
        )
    return contrasts


def contrast_in_text(text: str, where: str) -> Contrast | None:
    """Find an effect with its interval in running text.

    Parameters
    ----------
    text : str
        Such as ``RR 2.05 (95% CI 1.52-2.76), p < 0.001``.
    where : str
        For messages.

    Returns
    -------
    Contrast or None
    """
    match = _IN_TEXT.search(text)
    if match is None:
        return None
    measure = MEASURE_NAMES[match[1].casefold()]
    estimate, low, high = (read_printed(match[at]) for at in (2, 4, 5))
    p = _P_IN_TEXT.search(text, match.end())
    fraction = measure == "RD" and estimate is not None and abs(estimate.value) < 1 and estimate.place < 0.1
    return Contrast(
        where,
        measure,
        estimate,
        low,
        high,
        read_printed(f"{p[1].strip('=')}{p[2]}") if p else None,
        level_percent=float(match[3] or 95.0),
        percent=not fraction,
    )
