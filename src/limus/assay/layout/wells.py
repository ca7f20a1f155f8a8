"""From an entry of a layout to its wells: ranges such as A1:B3, and series of concentrations, dilutions or times."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from limus.assay.layout.records import NOTHING, LayoutWell, Quantity, Role
from limus.assay.plate.format import parse_wells
from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Entry

__all__ = ["SeriesEntry", "WellsEntry", "expand", "read_quantity"]

_QUANTITY = re.compile(r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*(.*?)\s*")
RoleName = Literal[
    "blank", "standard", "control", "no_enzyme", "unstimulated", "sample", "spike", "maximum", "quality_control",
    "empty", "excluded",
]  # fmt: skip


class SeriesEntry(Entry):
    """A series over the wells of an entry: from the first value by a factor, or the values themselves."""

    of: Literal["concentration", "dilution", "time", "enzyme", "spike"] = "concentration"
    along: Literal["rows", "columns", "wells"]
    first: str | float | None = None
    multiply_by: Annotated[float, Field(gt=0)] | None = None
    divide_by: Annotated[float, Field(gt=0)] | None = None
    values: list[str | float] | None = None
    last_is_zero: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        factors = [factor for factor in (self.multiply_by, self.divide_by) if factor is not None]
        if (self.values is None) == (self.first is None) or (self.first is not None) != (len(factors) == 1):
            raise ValueError("first with multiply_by or divide_by, or values")
        return self


class WellsEntry(Entry):
    """Wells that share what is said of them; ``[[wells]]`` of a layout, or a row of a CSV file."""

    wells: str
    role: RoleName
    compound: str = ""
    concentration: str = ""
    sample: str = ""
    group: str = ""
    replicate: str = ""
    dilution: Annotated[float, Field(ge=1)] = 1.0
    time: str = ""
    enzyme: str = ""
    spike: str = ""
    reason: str = ""
    series: SeriesEntry | None = None


def read_quantity(text: str | float, where: str) -> Quantity:
    """Read a number and the unit behind it; a missing unit is left to the checks, which know where one is needed.

    Parameters
    ----------
    text : str or float
        Empty for nothing.
    where : str
        Named in the error.

    Returns
    -------
    Quantity

    Raises
    ------
    ValueRangeError
        The text does not start with a finite number, or has a decimal comma.

    Examples
    --------
    >>> read_quantity("12.5 nM", "layout")
    Quantity(value=12.5, unit='nM')
    """
    if isinstance(text, str) and not text.strip():
        return NOTHING
    match = _QUANTITY.fullmatch(str(text))
    if match is None or match[2].startswith((",", ".")) or not math.isfinite(float(match[1])):
        raise ValueRangeError(where, text, "a number with a decimal point and a unit, such as 12.5 nM", "correct it")
    return Quantity(float(match[1]), match[2])


def expand(entry: WellsEntry, where: str) -> list[LayoutWell]:
    """Make the wells of an entry.

    Parameters
    ----------
    entry : WellsEntry
    where : str
        The entry, named in errors and findings.

    Returns
    -------
    list of LayoutWell
        In the order written; whether the plate has them is for the checks.

    Raises
    ------
    ValueRangeError
        Wells or a quantity that cannot be read, or a list of values that does not fit the wells.
    """
    places = parse_wells(entry.wells, where=where)
    common: dict[str, Any] = {
        name: getattr(entry, name) for name in ("compound", "sample", "group", "replicate", "reason")
    }
    common |= {name: read_quantity(getattr(entry, name), f"{where}, {name}") for name in _QUANTITIES}
    wells = [
        LayoutWell(row, column, Role(entry.role), dilution=entry.dilution, where=where, **common)
        for row, column in places
    ]
    return wells if entry.series is None else _with_series(wells, entry.series, where)


_QUANTITIES = ("concentration", "time", "enzyme", "spike")


def _with_series(wells: list[LayoutWell], series: SeriesEntry, where: str) -> list[LayoutWell]:
    if series.along == "wells":
        steps = list(range(len(wells)))
    else:
        axis = [well.row if series.along == "rows" else well.column for well in wells]
        steps = [sorted(set(axis)).index(place) for place in axis]
    count = max(steps) + 1
    if series.values is not None:
        if len(series.values) != count:
            got = f"{len(series.values)} values for {count} {series.along}"
            raise ValueRangeError(f"{where}, series", got, "one value for each", "correct values or wells")
        levels = [read_quantity(value, f"{where}, series") for value in series.values]
    else:
        first = read_quantity(series.first if series.first is not None else "", f"{where}, series first")
        factor = series.multiply_by if series.multiply_by is not None else 1.0 / (series.divide_by or 1.0)
        levels = [Quantity(first.value * factor**step, first.unit) for step in range(count)]
    if series.last_is_zero:
        levels[-1] = Quantity(0.0, levels[0].unit)
    if series.of == "dilution":
        return [replace(well, dilution=levels[step].value) for well, step in zip(wells, steps, strict=True)]
    changes: list[dict[str, Any]] = [{series.of: levels[step]} for step in steps]
    return [replace(well, **change) for well, change in zip(wells, changes, strict=True)]
