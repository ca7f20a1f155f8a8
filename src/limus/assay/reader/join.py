"""Joining a layout with what the reader exported, well by well."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from limus.assay.layout.records import Layout, LayoutWell, ReaderSettings, Role
from limus.assay.reader.cells import CellState
from limus.assay.reader.checks import PLATE_CHECKS
from limus.assay.reader.file import PlateFile, PlateReading, choose_reading
from limus.assay.reader.wells import PlateWells, WellState
from limus.kernel.checks import run_checks

__all__ = ["join_plate"]


def join_plate(layout: Layout, file: PlateFile) -> PlateWells:
    """Join a layout with the reading that it names.

    Parameters
    ----------
    layout : Layout
    file : PlateFile

    Returns
    -------
    PlateWells

    Raises
    ------
    FileReadError
        The layout does not name one reading of the file.
    """
    reader = layout.reader
    reading = _choose(file, reader, reader.wavelength_nm, "[reader]")
    reference = None
    if reader.reference_wavelength_nm is not None:
        reference = _choose(file, reader, reader.reference_wavelength_nm, "[reader] reference_wavelength_nm")
    wells = tuple(well for well in layout.wells if well.role is not Role.EMPTY)
    at = (np.array([w.row for w in wells], dtype=np.intp), np.array([w.column for w in wells], dtype=np.intp))
    signal, state = _signal(reading, at, reader.saturation)
    if reference is not None:
        other, other_state = _signal(reference, at, reader.saturation)
        state = np.where(state == WellState.USED, other_state, state)
        signal = signal - other
    state[[i for i, well in enumerate(wells) if well.role is Role.EXCLUDED]] = WellState.EXCLUDED
    state = _without_zero_lines(wells, signal, state)
    signal = np.where(state == WellState.USED, signal, np.nan)
    for array in (signal, state):
        array.flags.writeable = False
    joined = PlateWells(layout, file, reading, reference, wells, signal, state, ())
    findings = (*layout.findings, *run_checks(joined, PLATE_CHECKS))
    return PlateWells(layout, file, reading, reference, wells, signal, state, findings)


def _choose(file: PlateFile, reader: ReaderSettings, wavelength_nm: float | None, where: str) -> PlateReading:
    return choose_reading(
        file,
        wavelength_nm=wavelength_nm,
        time_h=None if reader.time_min is None else reader.time_min / 60.0,
        label=reader.label,
        number=reader.number,
        where=where,
    )


_STATES = {
    CellState.READ: WellState.USED,
    CellState.SATURATED: WellState.SATURATED,
    CellState.BELOW: WellState.BELOW,
    CellState.MISSING: WellState.MISSING,
    CellState.UNREADABLE: WellState.UNREADABLE,
}


def _signal(
    reading: PlateReading, at: tuple[NDArray[np.intp], NDArray[np.intp]], saturation: float | None
) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    values = reading.values[at]
    states = np.array([_STATES[state] for state in reading.states[at]], dtype=object)
    if saturation is not None:
        states[(states == WellState.USED) & (values >= saturation)] = WellState.SATURATED
    return values, states


def _without_zero_lines(
    wells: tuple[LayoutWell, ...], signal: NDArray[np.float64], state: NDArray[np.object_]
) -> NDArray[np.object_]:
    """Take out rows and columns that are exactly zero throughout: a line that was not pipetted or not read."""
    used = state == WellState.USED
    if not np.any(used & (signal != 0)):
        return state
    state = state.copy()
    for axis in ([well.row for well in wells], [well.column for well in wells]):
        places = np.array(axis)
        for place in np.unique(places[used]):
            line = used & (places == place)
            if line.sum() >= 2 and np.all(signal[line] == 0):
                state[line] = WellState.ZERO_LINE
    return state
