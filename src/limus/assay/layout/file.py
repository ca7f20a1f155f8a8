"""Layout files: TOML, or CSV whose comment lines are TOML; both say which well holds what."""

from __future__ import annotations

import csv
import hashlib
import io
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field

from limus.assay.layout.checks import LAYOUT_CHECKS, LayoutDraft, wells_named_twice
from limus.assay.layout.records import Layout, LayoutWell, ReaderSettings
from limus.assay.layout.wells import WellsEntry, expand
from limus.assay.plate.format import find_plate
from limus.kernel.checks import Severity, raise_on_errors, run_checks
from limus.kernel.errors import FileReadError
from limus.kernel.tables import Entry, parse_record

__all__ = ["LAYOUT_SECTIONS", "read_layout"]

LAYOUT_SECTIONS = ("phosphatase", "elisa", "viability", "proliferation")
_COLUMNS = {
    "wells", "role", "compound", "concentration", "unit", "sample", "group", "replicate", "dilution", "time", "enzyme",
    "spike", "reason",
}  # fmt: skip


class _LayoutFile(Entry):
    limus_layout: Literal[1]
    plate: str
    name: str = ""
    reader: ReaderSettings = Field(default_factory=ReaderSettings)
    wells: list[WellsEntry] = Field(default_factory=list)
    wells_file: str = ""
    phosphatase: dict[str, Any] = Field(default_factory=dict)
    elisa: dict[str, Any] = Field(default_factory=dict)
    viability: dict[str, Any] = Field(default_factory=dict)
    proliferation: dict[str, Any] = Field(default_factory=dict)


def read_layout(path: Path) -> Layout:
    """Read and check a layout.

    Parameters
    ----------
    path : Path
        TOML (``.toml``) or CSV; the comment lines at the head of a CSV file are TOML: ``# plate = "384"``.

    Returns
    -------
    Layout
        Wells that are named twice are left out, with a finding.

    Raises
    ------
    FileReadError
        Unreadable, not TOML or CSV, a key or a column that is missing, unknown or wrong.
    InputError
        A check of :data:`limus.assay.layout.checks.LAYOUT_CHECKS` found an error: a well that the plate does not have,
        a unit that is missing, unknown or of another kind.
    UnknownNameError
        The library has no such plate.
    """
    content, text = _load(path)
    files, digest = [path], [text]
    if content.get("wells_file"):
        files.append(path.parent / str(content["wells_file"]))
        other, more = _load(files[1])
        content |= {"wells": [*content.get("wells", []), *other["wells"]]}
        digest.append(more)
    file = parse_record(content, _LayoutFile, where=str(path), error=FileReadError)
    plate = find_plate(file.plate)
    wells: list[LayoutWell] = []
    for number, entry in enumerate(file.wells, start=1):
        wells += expand(entry, f"{path}, wells entry {number} ({entry.wells})")
    if not wells:
        raise FileReadError(str(path), "no wells", "[[wells]] entries, or rows of a CSV file", "say what stands where")
    findings = run_checks(LayoutDraft(plate, tuple(wells)), LAYOUT_CHECKS)
    raise_on_errors(findings)
    doubled = wells_named_twice(wells)
    kept = sorted((w for w in wells if (w.row, w.column) not in doubled), key=lambda w: (w.row, w.column))
    return Layout(
        path=path,
        files=tuple(files),
        sha256=hashlib.sha256("\0".join(digest).encode()).hexdigest(),
        name=file.name or path.stem,
        plate=plate,
        wells=_numbered(kept),
        reader=file.reader,
        sections=MappingProxyType({name: MappingProxyType(dict(getattr(file, name))) for name in LAYOUT_SECTIONS}),
        findings=tuple(f for f in findings if f.severity is not Severity.ERROR),
    )


def _numbered(wells: list[LayoutWell]) -> tuple[LayoutWell, ...]:
    """Number replicates within wells that are alike, where the file does not."""
    numbered: dict[tuple[int, int], LayoutWell] = {}
    ordered = sorted(wells, key=lambda w: repr(w.treatment))
    for _, alike in groupby(ordered, key=lambda w: repr(w.treatment)):
        for number, well in enumerate(alike, start=1):
            numbered[well.row, well.column] = replace(well, replicate=well.replicate or str(number))
    return tuple(numbered[well.row, well.column] for well in wells)


def _load(path: Path) -> tuple[dict[str, Any], str]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileReadError(
            str(path), error, "a readable UTF-8 layout, TOML or CSV", "check path and encoding"
        ) from None
    if path.suffix.lower() == ".toml":
        return _toml(text, str(path)), text
    return _from_csv(text, str(path)), text


def _toml(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileReadError(where, error, "TOML, or CSV in a file that ends in .csv", "correct the layout") from None


def _from_csv(text: str, where: str) -> dict[str, Any]:
    lines = text.splitlines()
    head = "\n".join(line.lstrip("# ") for line in lines if line.startswith("#"))
    content: dict[str, Any] = {"limus_layout": 1, "plate": "96"} | _toml(head, f"{where}, comment lines")
    body = "\n".join("" if line.startswith("#") else line for line in lines)
    separator = ";" if body.count(";") > body.count(",") else "\t" if "\t" in body else ","
    rows = [
        (number, row)
        for number, row in enumerate(csv.reader(io.StringIO(body), delimiter=separator), start=1)
        if any(cell.strip() for cell in row)
    ]
    if not rows:
        raise FileReadError(where, "no rows", "a header line and rows", "check the file")
    header = [name.strip().casefold().replace("well", "wells").replace("wellss", "wells") for name in rows[0][1]]
    unknown = sorted(set(header) - _COLUMNS)
    missing = sorted({"wells", "role"} - set(header))
    if unknown or missing or len(set(header)) < len(header):
        got = ", ".join(rows[0][1])
        do = f"add {', '.join(missing)}" if missing else f"rename or remove {', '.join(unknown) or 'the doubled one'}"
        raise FileReadError(f"{where}, header", got, "columns " + ", ".join(sorted(_COLUMNS)), do)
    content["wells"] = [
        _csv_entry(dict(zip(header, (cell.strip() for cell in row), strict=False)), f"{where}, line {number}")
        for number, row in rows[1:]
    ]
    return content


def _csv_entry(cells: Mapping[str, str], where: str) -> dict[str, Any]:
    entry: dict[str, Any] = {name: text for name, text in cells.items() if text}
    unit = entry.pop("unit", "")
    for name in ("concentration", "spike"):
        if entry.get(name) and unit and not any(c.isalpha() for c in entry[name].lower().replace("e", "")):
            entry[name] = f"{entry[name]} {unit}"
    if "dilution" in entry:
        try:
            entry["dilution"] = float(entry["dilution"])
        except ValueError:
            raise FileReadError(
                f"{where}, column dilution", entry["dilution"], "a fold, 1 or more", "correct it"
            ) from None
    return entry
