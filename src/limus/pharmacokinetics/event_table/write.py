"""Write an event table as CSV or Parquet; what is read back is the same table."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import OutputError
from limus.kernel.tables import Table, write_parquet
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.event_table.units import TableUnits, amount_in_mg, time_in_h, units_line

__all__ = ["event_columns", "write_event_table"]


def write_event_table(table: EventTable, path: Path | str, *, units: TableUnits | None = None) -> Path:
    """Write an event table.

    Parameters
    ----------
    table : EventTable
    path : Path or str
        Parquet if it ends in ``.parquet``, otherwise CSV whose first line is a comment with type, version and units.
    units : TableUnits, optional
        mg and h where left out, with which reading back is exact to the last digit; levels keep the table's unit.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        The file cannot be written, or two covariates differ by case only and Parquet is asked for.
    UnitError
        A unit is unknown or of the wrong kind.
    """
    path = Path(path)
    units = units or TableUnits("mg", table.concentration_unit)
    columns = event_columns(table, units)
    if path.suffix.lower() == ".parquet":
        return write_parquet(Table.create(columns), path)
    buffer = io.StringIO()
    buffer.write(units_line(TableUnits(units.amount, table.concentration_unit, units.time)) + "\n")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(_texts(values) for values in columns.values()), strict=True))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(buffer.getvalue().encode())
    except OSError as error:
        raise OutputError(str(path), error, "a folder that can be written", "choose another --out") from None
    return path


def event_columns(table: EventTable, units: TableUnits | None = None) -> dict[str, Sequence[Any] | NDArray[Any]]:
    """Lay an event table out as the columns of a NONMEM table.

    Parameters
    ----------
    table : EventTable
    units : TableUnits, optional
        mg and h where left out.

    Returns
    -------
    dict of str to sequence
        ID (texts), then numbers with NaN where missing; DVID, BLQ and LLOQ only where they say something.

    Raises
    ------
    UnitError
        A unit is unknown or of the wrong kind.
    """
    units = units or TableUnits("mg", table.concentration_unit)
    to_mg, to_h = amount_in_mg(units), time_in_h(units)
    doses, levels, records = table.doses, table.observations, table.records
    count = len(records)

    def dose(values: NDArray[Any]) -> NDArray[np.float64]:
        column = np.zeros(count)
        column[doses.record] = values
        return column

    def level(values: NDArray[Any], otherwise: float = np.nan) -> NDArray[np.float64]:
        column = np.full(count, otherwise)
        column[levels.record] = values
        return column

    event = np.full(count, 2.0)
    gives = (doses.amount_mg > 0) | (doses.rate_mg_per_h > 0)
    event[doses.record] = np.where(doses.reset, np.where(gives, 4, 3), 1)
    event[levels.record] = 0
    columns: dict[str, Sequence[Any] | NDArray[Any]] = {
        "ID": [table.subjects[place] for place in records.subject],
        "TIME": records.time_h / to_h,
        "AMT": dose(doses.amount_mg / to_mg),
        "EVID": event,
        "CMT": dose(doses.compartment) + level(levels.compartment, 0.0),
        "RATE": dose(np.where(doses.modelled > 0, -doses.modelled, doses.rate_mg_per_h / (to_mg / to_h))),
        "DUR": dose(doses.duration_h / to_h),
        "II": dose(doses.interval_h / to_h),
        "ADDL": dose(doses.additional),
        "SS": dose(doses.steady_state),
        "DV": level(levels.value),
        "MDV": level(levels.missing, 1.0),
        "OCC": records.occasion.astype(np.float64),
    }
    if (levels.dvid != 1).any():
        columns["DVID"] = level(levels.dvid, 1.0)
    if levels.censored.any() or not np.isnan(levels.limit).all():
        columns["BLQ"] = level(levels.censored, 0.0)
        columns["LLOQ"] = level(levels.limit)
    columns |= {name: records.values[:, k] for k, name in enumerate(records.names)}
    return columns


def _texts(values: Sequence[Any] | NDArray[Any]) -> Sequence[str]:
    """Write numbers with the shortest text that reads back the same; a point where missing."""
    if not isinstance(values, np.ndarray):
        return values
    listed = values.tolist()
    text = {value: _text(value) for value in set(listed) if value == value}  # noqa: PLR0124 - NaN is no key
    return [text.get(value, ".") for value in listed]


def _text(value: float) -> str:
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else repr(value)
