"""Read FCS files, versions 1.0 to 3.2: the public face of the reader.

Nothing is guessed and nothing is cut: a file that contradicts itself is refused with the reason; small faults that
leave one possible reading are read with a finding that says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.assay.cytometry.fcs.bytes import NOWHERE, DataSetBytes, Segment, open_bytes
from limus.assay.cytometry.fcs.channels import FcsChannel, read_channels
from limus.assay.cytometry.fcs.header import is_header, read_header
from limus.assay.cytometry.fcs.keywords import find_segment, read_analysis, read_keywords, refuse_shifted
from limus.assay.cytometry.fcs.place import DataPlace, Stated, find_data
from limus.assay.cytometry.fcs.scale import scale_channel
from limus.assay.cytometry.fcs.values import read_values
from limus.assay.plate.findings import note, warning
from limus.kernel.checks import Finding
from limus.kernel.errors import FileReadError, LimusError, UnknownNameError, UnsupportedFeatureError, near_names

__all__ = ["FcsData", "read_fcs"]

Floats = NDArray[np.float64]
MOST_DATA_SETS = 10_000
_PLAIN_ORDERS = {",".join(map(str, order)) for n in range(1, 9) for order in (range(1, n + 1), range(n, 0, -1))}


@dataclass(frozen=True, eq=False)
class FcsData:
    """One data set of a file.

    Attributes
    ----------
    path : Path
    version : str
        Such as ``3.1``.
    data_set, data_sets : int
        Which one this is, from 1, and how many the file has.
    keywords, analysis : mapping of str to str
        Keywords in capitals; those of a supplemental TEXT among them.
    channels : tuple of FcsChannel
    stored : tuple of (N,) numpy.ndarray
        The numbers of the file, one array a channel; read-only.
    events : int
        N.
    findings : tuple of Finding
        What is odd about the file.
    """

    path: Path
    version: str
    data_set: int
    data_sets: int
    keywords: Mapping[str, str]
    analysis: Mapping[str, str]
    channels: tuple[FcsChannel, ...]
    stored: tuple[NDArray[Any], ...]
    events: int
    findings: tuple[Finding, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the channels."""
        return tuple(channel.name for channel in self.channels)

    def place(self, name: str) -> int:
        """Return the place of a channel, by its name or its label, in capitals or not.

        Raises
        ------
        UnknownNameError
            No channel, or more than one, has it.
        """
        wanted = name.strip().casefold()
        for texts in (self.names, tuple(c.label for c in self.channels)):
            found = [k for k, text in enumerate(texts) if text.casefold() == wanted]
            if len(found) == 1:
                return found[0]
        known = [*self.names, *(c.label for c in self.channels if c.label)]
        near = near_names(name, known)
        do = f"did you mean {' or '.join(near)}?" if near else "name one of these"
        raise UnknownNameError(f"{self.path.name}, channel", name, ", ".join(self.names), do)

    def values(self, name: str) -> Floats:
        """Return values of a channel (N,): amplifier and gain taken off.

        Raises
        ------
        UnknownNameError
            As :meth:`place`.
        """
        place = self.place(name)
        return scale_channel(self.stored[place], self.channels[place])


def read_fcs(path: Path, *, data_set: int = 1) -> FcsData:
    """Read a data set of a file.

    Parameters
    ----------
    path : Path
    data_set : int
        Which one, from 1, where the file holds several ($NEXTDATA).

    Returns
    -------
    FcsData

    Raises
    ------
    FileReadError
        No such file, no FCS file, cut short, damaged, or contradicting itself.
    UnsupportedFeatureError
        Histograms in place of events ($MODE), or numbers that are not read.
    UnknownNameError
        The file has no such data set.
    """
    source = open_bytes(path)
    with source.handle:
        bases, findings = _find_data_sets(source)
        if not 1 <= data_set <= len(bases):
            allowed = f"1 to {len(bases)}"
            raise UnknownNameError(f"{path}, data set", data_set, allowed, "choose another data set")
        return _read_data_set(source.from_base(bases[data_set - 1]), data_set, len(bases), findings)


def _find_data_sets(source: DataSetBytes) -> tuple[list[int], list[Finding]]:
    """Follow $NEXTDATA, which counts from the beginning of the data set that names it."""
    bases, findings = [0], list[Finding]()
    while len(bases) < MOST_DATA_SETS:
        here = source.from_base(bases[-1])
        try:
            following = read_keywords(here, read_header(here))[0].whole("$NEXTDATA")
        except LimusError as error:
            if len(bases) == 1:
                raise
            bases.pop()
            where = f"{source.path}, data set {len(bases) + 1}"
            findings.append(warning("next-data-set", where, error.got, error.allowed, "it is left out"))
            break
        if not following:
            break
        start = Segment(following, following + 7)
        if following < 0 or start.end >= here.size or not is_header(here.read(start, "$NEXTDATA")):
            where = f"{source.path}, $NEXTDATA"
            findings.append(warning("next-data-set", where, str(following), "a data set there", "there is none"))
            break
        bases.append(bases[-1] + following)
    return bases, findings


def _read_data_set(source: DataSetBytes, number: int, count: int, findings: list[Finding]) -> FcsData:
    header = read_header(source)
    keywords, texts, remarks = read_keywords(source, header)
    findings = [*findings, *remarks]
    where = keywords.where
    mode = keywords.text("$MODE").upper()
    if mode not in {"", "L"}:
        allowed = "L, a list of events"
        raise UnsupportedFeatureError(f"{where}, $MODE", mode, allowed, "export the events, not histograms")
    if not mode and header.version < "3.2":  # FCS 3.2 leaves it out: L is all that it knows
        findings.append(warning("mode-missing", f"{where}, $MODE", "missing", "L", "taken as L, a list of events"))
    channel_count = keywords.required("$PAR")
    if channel_count == 0:
        raise FileReadError(f"{where}, $PAR", 0, "one channel or more", "the file is damaged")
    channels, remarks_on_channels = read_channels(keywords, channel_count)
    findings += remarks_on_channels
    if len({c.datatype == "A" for c in channels}) > 1:
        raise UnsupportedFeatureError(f"{where}, $DATATYPE", "digits and binary numbers", "one of them", "export anew")
    total = keywords.whole("$TOT")
    if total is not None and total < 0:
        raise FileReadError(f"{where}, $TOT", total, "0 or above", "the file is damaged")
    if total is None:
        findings.append(note("total-missing", f"{where}, $TOT", "missing", "the number of events", "counted from DATA"))
    analysis_place = find_segment(keywords, "ANALYSIS", header.analysis)
    stated = [Stated("HEADER", header.data), Stated("TEXT", find_segment(keywords, "DATA", NOWHERE))]
    if header.version >= "3.0" and not stated[1].segment.given:
        got = f"HEADER {header.data}"
        findings.append(warning("offsets-missing", f"{where}, $BEGINDATA", got, "offsets in TEXT", "HEADER's are used"))
    place = find_data(stated, total, channels, source.size, (*texts, analysis_place), where)
    findings += place.findings
    refuse_shifted(source, texts[0], place.segment, f"{where}, DATA")
    content = source.read(place.segment, "DATA")
    stored = read_values(content, place.events, channels, place.widths, keywords.text("$BYTEORD"), where)
    if channels[0].datatype == "A" and any(content[end - 1 : end] == b" " for end in _ends(place)):
        findings.append(note("digits-left-justified", f"{where}, DATA", "spaces behind digits", "spaces before them"))
    findings += _numbers_to_note(stored, channels, where)
    if keywords.text("$BYTEORD").replace(" ", "") not in _PLAIN_ORDERS and channels[0].datatype != "A":
        got = keywords.text("$BYTEORD")
        findings.append(warning("byte-order-mixed", f"{where}, $BYTEORD", got, "1,2,3,4 or 4,3,2,1", "read as written"))
    analysis, remarks = read_analysis(source, analysis_place)
    return FcsData(
        path=source.path,
        version=header.version,
        data_set=number,
        data_sets=count,
        keywords=MappingProxyType(dict(keywords.pairs)),
        analysis=MappingProxyType(analysis),
        channels=channels,
        stored=stored,
        events=place.events,
        findings=(*findings, *remarks),
    )


def _ends(place: DataPlace) -> list[int]:
    """Where the numbers of the first event end, in characters."""
    widths = place.widths if place.events and any(place.widths) else ()
    return [sum(widths[: k + 1]) // 8 for k in range(len(widths))]


def _numbers_to_note(stored: tuple[NDArray[Any], ...], channels: tuple[FcsChannel, ...], where: str) -> list[Finding]:
    found = []
    for column, channel in zip(stored, channels, strict=True):
        if column.dtype.kind == "f":
            bad = len(column) - int(np.count_nonzero(np.isfinite(column)))
            if bad:
                got = f"{bad} of {len(column)} events"
                place = f"{where}, channel {channel.name}"
                found.append(warning("not-a-number", place, got, "numbers", "the channel has no median"))
        elif channel.mask_bits > 53:
            place = f"{where}, channel {channel.name}"
            got = f"{channel.mask_bits} bits"
            found.append(note("more-than-53-bits", place, got, "53", "larger numbers lose their lowest bits"))
    return found
