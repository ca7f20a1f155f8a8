"""Any CSV table as reported arms, contrasts and rows; columns are known by their usual names."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from limus.evidence.consistency.cells import has_decimal_comma, read_counts, read_effect, read_p_value
from limus.evidence.consistency.printed import NUMBER, Printed, read_printed
from limus.evidence.consistency.reported import Arm, Contrast, Reported, Row
from limus.evidence.study_columns import find_arm_columns
from limus.kernel.errors import FileReadError

__all__ = ["COLUMN_NAMES", "contrast_in_text", "read_reported"]

COLUMN_NAMES: Mapping[str, tuple[str, ...]] = {
    "study": ("study", "trial", "first author", "author"),
    "arm": ("arm", "treatment", "group", "regimen", "intervention"),
    "outcome": ("outcome", "endpoint", "event"),
    "time": ("time", "timepoint", "visit"),
    "population": ("population", "analysis set"),
    "n": ("n", "total", "participants", "sample size", "n total", "randomised", "randomized", "patients"),
    "events": ("events", "event", "cases", "responders", "r", "x"),
    "percent": (
        "percent",
        "percentage",
        "%",
        "pct",
        "rate percent",
        "event rate percent",
        "percent responders",
        "rate",
    ),
    "proportion": ("proportion", "fraction", "risk"),
    "mean": ("mean", "average"),
    "sd": ("sd", "std", "standard deviation"),
    "low": ("ci low", "lower", "ci lower", "lcl", "lower 95", "from", "lower ci", "lower 95 ci", "ci lb", "lci"),
    "high": ("ci high", "upper", "ci upper", "ucl", "upper 95", "to", "upper ci", "upper 95 ci", "ci ub", "uci"),
    "ci": ("ci", "95 ci", "ci 95", "confidence interval", "interval", "95 confidence interval"),
    "p": ("p", "p value", "pvalue", "p val"),
    "estimate": ("estimate", "effect", "effect size", "estimate 95 ci", "effect 95 ci", "estimate ci"),
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
_MISSING = {"", "-", ".", "na", "n/a", "nr", "nd", "not reported", "not applicable", "\N{EN DASH}", "\N{EM DASH}"}
_SHARED = {"outcome", "time", "population", "treatment 1", "treatment 2", "comparison"}
_NUMBERS = ("n", "events", "percent", "proportion", "mean", "sd", "low", "high", "p", "estimate")
# several numbers in one cell: n (%), n/N, n/N (%), events/total
_COUNTS_NAME = re.compile(
    r"(?:n|no\.?|number|events?|responders|cases|r)\s*(?:[\[(,]\s*%\s*[\])]?|%)|(?:n|r|events?)\s*/\s*(?:n|total)\b.*"
)
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
    _refuse_decimal_commas(path, header, rows)
    return table_as_reported(path.name, header, rows)


def _refuse_decimal_commas(path: Path, header: Sequence[str], rows: Sequence[Row]) -> None:
    roles = [_roles(header, suffix) for suffix in ("", " 1", " 2")]
    columns = {column for found in roles for role, column in found.items() if role in _NUMBERS}
    columns |= {name for name in header if _measure_of(name)}
    for row in rows:
        for name in columns:
            if has_decimal_comma(row.cells[name]):
                do = "write decimal points throughout; limus does not guess what a comma means"
                where = f"{path}, row {row.number}, column {name}"
                raise FileReadError(where, row.cells[name], "a number with a decimal point", do)


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
    single = [arm for row in whole if row.number not in arms for arm in _side_arms(row)]
    contrasts = [contrast for row in whole if (contrast := _contrast(row, roles))]
    contrasts += _noted_contrasts(whole, roles, arms)
    reference = next((n for n in header if n.casefold() in ("title", "reference", "references", "citation")), None)
    references = tuple((row.where, row.cells[reference]) for row in rows if reference and row.cells[reference])
    listed = references if "n" not in roles and "estimate" not in roles else ()
    unread = tuple(_unread(whole, roles))
    return Reported(name, tuple(header), tuple(rows), (*arms.values(), *single), tuple(contrasts), listed, unread)


def _unread(rows: Sequence[Row], roles: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Cells of a column of numbers that hold none, but for signs of missing values."""
    columns = {name: role for role, name in roles.items() if role in _NUMBERS and (role != "estimate" or rows)}
    for row in rows:
        for name, role in columns.items():
            text = row.cells[name]
            if text.casefold() in _MISSING or read_printed(text) or read_counts(text) or read_effect(text):
                continue
            if role != "p" or read_p_value(text) is None:
                yield row.where, name, text


def _fold(name: str) -> str:
    if name.strip() == "%":
        return "percent"
    return " ".join(re.sub(r"[_\-.()\[\]%,/]+", " ", name.casefold()).split())


def _measure_of(name: str) -> str:
    """The measure that a column is named after, such as OR (95% CI)."""
    return MEASURE_NAMES.get(re.sub(r"(?:\s*(?:95|ci))+$", "", _fold(name)), "")


def _roles(header: Sequence[str], suffix: str = "") -> dict[str, str]:
    """Column of each role; with a suffix, of arm 1 or arm 2 in a table of contrasts."""
    folded = {_fold(name): name for name in reversed(header) if not _COUNTS_NAME.fullmatch(name.strip().casefold())}
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
    share = _cell(row, roles, "proportion")
    if share is not None and numbers["percent"] is None:
        place, value = 100 * share.place, 100 * share.value
        numbers["percent"] = Printed(f"{share.text} (a proportion)", value, place, share.relation)
    named = [name for name in row.cells if _COUNTS_NAME.fullmatch(name.strip().casefold())] if not where else []
    for name in (*(roles[role] for role in ("events", "percent") if role in roles), *named):
        numbers |= read_counts(row.cells[name])
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
    low, high = _cell(row, roles, "low"), _cell(row, roles, "high")
    for name in (*(roles[role] for role in ("estimate",) if role in roles), *filter(_measure_of, row.cells)):
        if estimate is None:
            inside = read_effect(row.cells[name])
            estimate = inside[0] if inside else read_printed(row.cells[name])
            low, high = inside[1:] if inside and low is None else (low, high)
            measure = _measure_of(name) or measure
    if estimate is None:
        return None
    pair = read_effect(row.cells[roles["ci"]]) if "ci" in roles else None
    if low is None and pair:
        low, high = pair[1:]
    level = _cell(row, roles, "level")
    both = tuple(_side_arms(row))
    fraction = measure == "RD" and max(abs(x.value) for x in (estimate, low, high) if x) <= 1 and estimate.place < 0.1
    return Contrast(
        row.where,
        measure,
        estimate,
        low,
        high,
        read_p_value(row.cells[roles["p"]]) if "p" in roles else None,
        both if len(both) == 2 else (),
        _level_percent(level),
        percent=not fraction,
        study=row.cells[roles["study"]] if "study" in roles else "",
        group=", ".join([measure, *(row.cells[name] for name in row.cells if _fold(name) in _SHARED)]),
    )


def _side_arms(row: Row) -> list[Arm]:
    """The arms that one row gives beside each other."""
    header = list(row.cells)
    sides = [_roles(header, f" {side}") for side in (1, 2)]
    if not any(role in side for side in sides for role in ("events", "percent", "mean")):
        sides = [dict(columns) for columns in find_arm_columns(header).values()][:2]
    arms = [_arm(row, side, f"{row.where}, arm {at + 1}") for at, side in enumerate(sides)]
    return [arm for arm in arms if arm]


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
