"""Which FCS file of a folder belongs to which well.

In this order: the layout's own list; the keyword $WELLID, or BD's ``WELL ID``; a well in the file's name, such as
``Specimen_001_B07_015.fcs``. What two of them say differently, or two files for one well, is told and not decided.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from limus.assay.cytometry.fcs.bytes import open_bytes
from limus.assay.cytometry.fcs.header import read_header
from limus.assay.cytometry.fcs.keywords import read_keywords
from limus.assay.layout.records import Layout
from limus.assay.plate.findings import note, warning
from limus.assay.plate.format import parse_well, well_name
from limus.kernel.checks import Finding
from limus.kernel.errors import FileReadError, LimusError

__all__ = ["WellFiles", "list_fcs_files", "match_wells"]

_IN_NAME = re.compile(r"(?<![A-Za-z0-9])([A-Pa-p])(0?[1-9]|1[0-9]|2[0-4])(?![0-9A-Za-z])")
_KEYWORDS = ("$WELLID", "WELL ID", "WELLID")
_ENDINGS = {".fcs", ".lmd"}


@dataclass(frozen=True, slots=True)
class WellFiles:
    """Files by well (row and column from 0), and what could not be matched."""

    files: Mapping[tuple[int, int], Path]
    findings: tuple[Finding, ...]


def list_fcs_files(folder: Path) -> tuple[Path, ...]:
    """Return the FCS files of a folder, by name.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    tuple of Path

    Raises
    ------
    FileReadError
        No such folder, or no FCS files in it.
    """
    if not folder.is_dir():
        raise FileReadError(str(folder), "no such folder", "a folder of FCS files", "check the path")
    found = sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in _ENDINGS)
    if not found:
        raise FileReadError(str(folder), "no .fcs file", "a folder of FCS files", "check the path")
    return tuple(found)


def match_wells(files: Sequence[Path], layout: Layout, given: Mapping[str, str], controls: set[str]) -> WellFiles:
    """Match files and wells.

    Parameters
    ----------
    files : sequence of Path
    layout : Layout
    given : mapping of str to str
        Well to file name, as the layout lists it.
    controls : set of str
        Names of files that are controls of their own, without a well.

    Returns
    -------
    WellFiles

    Raises
    ------
    FileReadError
        The layout lists a file that is not there.
    ValueRangeError
        The layout lists a well that is none.
    """
    by_name = {path.name: path for path in files}
    missing = sorted({name for name in [*given.values(), *controls] if name not in by_name})
    if missing:
        where = f"{layout.path}, [proliferation]"
        raise FileReadError(where, ", ".join(missing), "files of the folder", "correct the names")
    listed = {by_name[name]: parse_well(well, where=f"{layout.path}, files") for well, name in given.items()}
    findings: list[Finding] = []
    places: dict[tuple[int, int], list[Path]] = {}
    for path in files:
        if path.name in controls and path not in listed:
            continue
        place = listed[path] if path in listed else _find_place(path, findings)
        if place is None:
            continue
        if not layout.plate.holds(*place):
            got = well_name(*place)
            findings.append(warning("unknown-well", path.name, got, layout.plate.label, "the file is left out"))
            continue
        places.setdefault(place, []).append(path)
    for place, paths in places.items():
        if len(paths) > 1:
            got = ", ".join(path.name for path in paths)
            do = "list the right one under [proliferation.files]; the well is left out until then"
            findings.append(warning("well-with-two-files", f"well {well_name(*place)}", got, "one file", do))
    chosen = {place: paths[0] for place, paths in places.items() if len(paths) == 1}
    return WellFiles(chosen, tuple(findings))


def _find_place(path: Path, findings: list[Finding]) -> tuple[int, int] | None:
    in_name = {parse_well("".join(match)) for match in _IN_NAME.findall(path.stem)}
    in_file = _keyword(path)
    found = {in_file} if in_file is not None else in_name
    if in_file is not None and in_name and in_file not in in_name:
        got = f"keyword {well_name(*in_file)}, name {', '.join(well_name(*p) for p in sorted(in_name))}"
        findings.append(warning("well-unclear", path.name, got, "one well", "the keyword is taken; check"))
    if len(found) == 1:
        return found.pop()
    got = ", ".join(well_name(*p) for p in sorted(found)) or "no well in keyword or name"
    do = "list it under [proliferation.files] if it belongs to the plate"
    findings.append(note("file-without-well", path.name, got, "one well", do))
    return None


def _keyword(path: Path) -> tuple[int, int] | None:
    try:
        source = open_bytes(path)
        with source.handle:
            keywords = read_keywords(source, read_header(source))[0]
    except LimusError:
        return None  # the well's own status says why, when it is read as a whole
    for name in _KEYWORDS:
        text = keywords.text(name)
        if text:
            try:
                return parse_well(text)
            except LimusError:
                return None
    return None
