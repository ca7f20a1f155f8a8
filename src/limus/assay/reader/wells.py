"""A plate as it is analysed: layout and reading joined, one row a well, nothing left out without a word.

Every well of the layout keeps its row. Its ``state`` says whether its signal may be used; a signal that may not is NaN
and the reason stands in the findings.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from limus.assay.layout.records import Layout, LayoutWell, Role
from limus.assay.reader.file import PlateFile, PlateReading
from limus.kernel.checks import Finding
from limus.kernel.tables import Table

__all__ = ["PlateWells", "WellState"]


class WellState(StrEnum):
    """Whether a well's signal is used: ``used``; ``saturated``: beyond the reader's range; ``below``: under it;
    ``missing``: no number; ``unreadable``: text that is no number; ``zero_line``: a whole row or column of exact zeros;
    ``excluded``: the layout says so."""  # noqa: D205, D209

    USED = "used"
    SATURATED = "saturated"
    BELOW = "below"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    ZERO_LINE = "zero_line"
    EXCLUDED = "excluded"


@dataclass(frozen=True, eq=False)
class PlateWells:
    """Wells of one plate with their signals; arrays are read-only, W wells row by row.

    Attributes
    ----------
    layout : Layout
    file : PlateFile
    reading, reference : PlateReading, PlateReading or None
        What was read, and the reference wavelength that was subtracted.
    wells : tuple of LayoutWell
        Those that are read (not empty ones).
    signal : (W,) numpy.ndarray
        In the reader's unit; NaN unless the state is ``used``.
    state : (W,) numpy.ndarray
        A :class:`WellState` for each well.
    findings : tuple of Finding
        Of layout and signals.
    """

    layout: Layout
    file: PlateFile
    reading: PlateReading
    reference: PlateReading | None
    wells: tuple[LayoutWell, ...]
    signal: NDArray[np.float64]
    state: NDArray[np.object_]
    findings: tuple[Finding, ...]

    @property
    def used(self) -> NDArray[np.bool_]:
        """Wells with a signal that may be used, (W,)."""
        return np.asarray(self.state == WellState.USED)

    def having(self, *roles: Role) -> NDArray[np.bool_]:
        """Wells of these roles, (W,), whatever their state.

        Parameters
        ----------
        *roles : Role
        """
        return np.array([well.role in roles for well in self.wells], dtype=np.bool_)

    def table(self) -> Table:
        """Return one row a well, for files and figures."""
        rows = []
        for well, signal, state in zip(self.wells, self.signal, self.state, strict=True):
            rows.append(
                {
                    "well": well.name,
                    "row": float(well.row + 1),
                    "column": float(well.column + 1),
                    "role": str(well.role),
                    "compound": well.compound,
                    "concentration": well.concentration.value,
                    "unit": well.concentration.unit,
                    "sample": well.sample,
                    "group": well.group,
                    "dilution": well.dilution,
                    "replicate": well.replicate,
                    "signal": float(signal),
                    "state": str(state),
                }
            )
        return Table.from_rows(rows)
