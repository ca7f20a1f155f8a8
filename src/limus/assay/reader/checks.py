"""Checks of a plate's signals: saturated, unreadable and zero wells, and signals that no role explains."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from limus.assay.layout.checks import list_wells
from limus.assay.plate.findings import note, warning
from limus.assay.plate.format import row_letters, well_name
from limus.assay.reader.wells import PlateWells, WellState
from limus.kernel.checks import Check, Finding

__all__ = ["PLATE_CHECKS"]

_FEWEST_AT_MAXIMUM = 3


def _names(plate: PlateWells, state: WellState) -> list[str]:
    return [well.name for well, found in zip(plate.wells, plate.state, strict=True) if found is state]


def _saturated(plate: PlateWells) -> Iterator[Finding]:
    names = _names(plate, WellState.SATURATED)
    if names:
        yield warning(
            "saturated-wells",
            f"{len(names)} wells",
            list_wells(names),
            "signals within the range",
            "known only to lie above the range; dilute, or read at another wavelength",
        )


def _no_number(plate: PlateWells) -> Iterator[Finding]:
    words = dict(plate.reading.unreadable)
    for name in _names(plate, WellState.UNREADABLE):
        yield warning(
            "unreadable-well",
            f"well {name}",
            words.get(name, "text"),
            "a number or a reader's word",
            "correct the file; the well is left out",
        )
    missing = _names(plate, WellState.MISSING) + _names(plate, WellState.BELOW)
    if missing:
        yield warning(
            "well-without-number",
            f"{len(missing)} wells",
            list_wells(missing),
            "a signal",
            "left out",
        )


def _zero_lines(plate: PlateWells) -> Iterator[Finding]:
    zero = [w for w, state in zip(plate.wells, plate.state, strict=True) if state is WellState.ZERO_LINE]
    columns = {well.column for well in zero if sum(w.column == well.column for w in zero) >= 2}
    lines = [f"column {column + 1}" for column in sorted(columns)]
    lines += [f"row {row_letters(row)}" for row in sorted({w.row for w in zero if w.column not in columns})]
    for line in lines:
        yield warning("zero-line", line, "exactly zero throughout", "signals", "left out; read it again")


def _at_maximum(plate: PlateWells) -> Iterator[Finding]:
    signal = plate.signal[plate.used]
    if len(signal) and plate.layout.reader.saturation is None:
        top = float(np.max(signal))
        count = int(np.sum(signal == top))
        if count >= _FEWEST_AT_MAXIMUM and top != float(np.min(signal)):
            yield warning(
                "repeated-maximum",
                f"{count} wells",
                f"the same highest signal {top:g}",
                "signals that differ",
                f"if it is the reader's limit, put saturation = {top:g} under [reader]",
            )


def _unassigned(plate: PlateWells) -> Iterator[Finding]:
    named = set(plate.layout.by_place())
    rows, columns = np.nonzero(np.isfinite(plate.reading.values))
    found = [well_name(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if (int(r), int(c)) not in named]
    if found:
        yield warning(
            "signal-without-role",
            f"{len(found)} wells",
            list_wells(found),
            "every well that was read in the layout",
            "name them; they are not analysed",
        )


def _negative(plate: PlateWells) -> Iterator[Finding]:
    with np.errstate(invalid="ignore"):
        low = plate.used & (plate.signal < 0)
    names = [well.name for well, bad in zip(plate.wells, low, strict=True) if bad]
    if names and plate.reference is None:
        yield note(
            "negative-signal",
            f"{len(names)} wells",
            list_wells(names),
            "signals of zero or more",
            "used as they are; was a blank subtracted by the reader already?",
        )


PLATE_CHECKS: tuple[Check[PlateWells], ...] = (
    Check("saturated-wells", "No well is beyond the reader's range.", _saturated),
    Check("wells-without-number", "Every well that is read has a number.", _no_number),
    Check("zero-line", "No row or column is exactly zero.", _zero_lines),
    Check("repeated-maximum", "The highest signal is not a limit.", _at_maximum),
    Check("signal-without-role", "Every well with a signal has a role.", _unassigned),
    Check("negative-signal", "No signal is negative.", _negative),
)
