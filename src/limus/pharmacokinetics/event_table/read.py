"""Read an event table from a file, or make one from arrays; both go through the same rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import ValueRangeError
from limus.pharmacokinetics.event_table.build import TableOptions, build_event_table
from limus.pharmacokinetics.event_table.cells import EventCells, read_cells
from limus.pharmacokinetics.event_table.plausibility import TypicalRange
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.event_table.typed import rows_of_cells
from limus.pharmacokinetics.event_table.units import TableUnits, units_line

__all__ = ["event_table_from_arrays", "read_event_table"]


def read_event_table(
    path: Path | str,
    *,
    units: TableUnits,
    compartments: Mapping[int, str] | None = None,
    covariates: Sequence[str] | None = None,
    optional_covariates: Sequence[str] = (),
    modelled: Collection[str] = (),
    occasions: str = "auto",
    typical: Sequence[TypicalRange] = (),
    text_ids: bool = False,
) -> EventTable:
    """Read a NONMEM event table strictly; contradictions are errors, oddities are findings.

    Parameters
    ----------
    path : Path or str
        CSV, or Parquet if it ends in ``.parquet``.
    units : TableUnits
        What the numbers of AMT, DV and TIME are in.
    compartments : mapping of int to str, optional
        Number and name of the model's compartments; without it any number is taken.
    covariates : sequence of str, optional
        Columns that the model needs; by default every other column that holds numbers.
    optional_covariates : sequence of str
        Columns that are read if they are there.
    modelled : collection of str
        "rate" (RATE -1) and "duration" (RATE -2), as far as the model gives them.
    occasions : str
        ``auto``, ``column``, ``one``, ``steady-state`` or ``gap:H``.
    typical : sequence of TypicalRange
        What to compare amounts, levels and covariates with.
    text_ids : bool
        Whether subjects may have names that begin with a letter.

    Returns
    -------
    EventTable
        ``findings`` holds what should be looked at.

    Raises
    ------
    FileReadError
        The file cannot be read at all.
    EventTableError
        The file breaks a rule; the error lists everything that was found.
    UnitError
        A unit is unknown or of the wrong kind.
    ValueRangeError
        An unknown rule for occasions, or a typical range with limits out of order.
    """
    cells = read_cells(Path(path), text_ids=text_ids)
    options = TableOptions(units, compartments, modelled, occasions, typical)
    return _table_of(cells, options, covariates, optional_covariates, text_ids=text_ids)


def event_table_from_arrays(
    columns: Mapping[str, ArrayLike],
    *,
    units: TableUnits,
    compartments: Mapping[int, str] | None = None,
    covariates: Sequence[str] | None = None,
    optional_covariates: Sequence[str] = (),
    modelled: Collection[str] = (),
    occasions: str = "auto",
    typical: Sequence[TypicalRange] = (),
    source: str = "arrays",
) -> EventTable:
    """Make an event table from columns, by the same rules as from a file.

    Parameters
    ----------
    columns : mapping of str to (n,) array
        ``ID``, ``TIME``, ``AMT``, ... and covariates; NaN is missing. IDs may be numbers or texts.
    units, compartments, covariates, optional_covariates, modelled, occasions, typical
        As in :func:`read_event_table`.
    source : str
        Name of the table in messages.

    Returns
    -------
    EventTable

    Raises
    ------
    EventTableError
        The columns break a rule; the error lists everything that was found.
    UnitError
        A unit is unknown or of the wrong kind.
    ValueRangeError
        Columns of different lengths, an unknown rule for occasions, or a typical range with limits out of order.

    Examples
    --------
    >>> columns = {"ID": [1, 1], "TIME": [0, 12], "AMT": [5, 0], "DV": [float("nan"), 7.1]}
    >>> table = event_table_from_arrays(columns, units=TableUnits("mg", "ng/mL"))
    >>> len(table.doses), table.observations.value.tolist()
    (1, [7.1])
    """
    arrays = [np.asarray(values) for values in columns.values()]
    if len({len(values) for values in arrays}) > 1:
        lengths = ", ".join(f"{name} {len(values)}" for name, values in zip(columns, arrays, strict=True))
        raise ValueRangeError(source, lengths, "columns of one length", "correct the columns")
    typed = tuple(
        values.astype(np.float64) if values.dtype.kind in "fiub" else [str(value) for value in values]
        for values in arrays
    )
    count = len(arrays[0]) if arrays else 0
    cells = EventCells(source, tuple(columns), typed, np.arange(1, count + 1), "row", ())
    options = TableOptions(units, compartments, modelled, occasions, typical)
    return _table_of(cells, options, covariates, optional_covariates, text_ids=True)


def _table_of(
    cells: EventCells,
    options: TableOptions,
    covariates: Sequence[str] | None,
    optional: Sequence[str],
    *,
    text_ids: bool,
) -> EventTable:
    rows, is_clock, findings = rows_of_cells(cells, covariates, optional, text_ids=text_ids)
    if cells.stated and cells.stated != units_line(options.units):
        do = "give the units of the file, or remove its first line"
        findings.append(
            Finding("units-agree", Severity.ERROR, cells.source, units_line(options.units), cells.stated, do)
        )
    return build_event_table(rows, replace(options, time_is_h=is_clock), findings)
