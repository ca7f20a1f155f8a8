"""Doses, levels and covariates against typical ranges of the caller; a slip of 1,000 is named with its unit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import ValueRangeError
from limus.kernel.units import convert, same_dimension
from limus.pharmacokinetics.event_table.cells import some
from limus.pharmacokinetics.event_table.records import Doses, EventTable, Observations
from limus.pharmacokinetics.event_table.units import TableUnits, amount_in_mg

__all__ = ["TypicalRange", "plausibility_findings"]

_CANDIDATES = {
    "AMT": ("ng", "ug", "mg", "g", "nmol", "umol", "mmol"),
    "DV": ("pg/mL", "ng/mL", "ug/mL", "mg/mL", "ng/L", "ug/L", "mg/L", "g/L", "pM", "nM", "uM", "mM"),
}
_SLIPS = (1e3, 1e-3, 1e6, 1e-6)
_COVARIATE_SLIPS = (100.0, 0.01, 1e3, 1e-3)


@dataclass(frozen=True, slots=True)
class TypicalRange:
    """Where the numbers of a column are expected, given by the caller from the model's or compound's data.

    Attributes
    ----------
    column : str
        ``AMT``, ``DV`` or a covariate.
    low, high : float
        Limits, in ``unit``.
    unit : str
        Of the limits; for a covariate it is only printed.
    source : str
        Where the limits come from, printed.
    """

    column: str
    low: float
    high: float
    unit: str
    source: str = ""


def plausibility_findings(table: EventTable, units: TableUnits, typical: Sequence[TypicalRange]) -> Iterator[Finding]:
    """Compare doses, levels and covariates with typical ranges; name the unit that a slip of 1,000 points to.

    A column whose median lies outside its range and comes into it by a factor of 1,000 (or a million; for covariates
    also 100, a fraction taken for per cent) is an error: the unit is wrong. Single values are warnings.

    Parameters
    ----------
    table : EventTable
    units : TableUnits
        As the file was read.
    typical : sequence of TypicalRange

    Yields
    ------
    Finding

    Raises
    ------
    UnitError
        A range in a unit of another kind.
    ValueRangeError
        A range with limits out of order.
    """
    for limits in typical:
        if not 0 <= limits.low < limits.high:
            raise ValueRangeError(f"typical range of {limits.column}", f"{limits.low} to {limits.high}", "low < high")
        if limits.column in _CANDIDATES:
            yield from _column_findings(table, units, limits)
        else:
            yield from _covariate_findings(table, limits)


def _column_findings(table: EventTable, units: TableUnits, limits: TypicalRange) -> Iterator[Finding]:
    rows: Doses | Observations
    if limits.column == "AMT":
        rows, unit, values = table.doses, units.amount, table.doses.amount_mg / amount_in_mg(units)
    else:
        rows, unit, values = table.observations, units.concentration, table.observations.value
    kept = values > 0
    values, subject, line = values[kept], rows.subject[kept], rows.line[kept]
    if not len(values):
        return
    where, allowed = f"{table.source}, column {limits.column}", _allowed(limits)
    scale = 1.0
    if unit != limits.unit:
        molar_mass = units.molar_mass_g_per_mol
        scale = convert(1.0, unit, limits.unit, molar_mass_g_per_mol=molar_mass, where=f"typical {limits.column}")
    median = float(np.median(values))
    slip = _slip(median * scale, limits, _SLIPS)
    if not slip:
        yield from _single_values(table, where, limits, values * scale, subject, line)
        return
    meant = _units_of_slip(limits.column, unit, slip)
    tries = " or ".join(f"--unit {limits.column}={name}" for name in meant) or "another unit"
    fold = f"{max(slip, 1 / slip):,.0f} times too {'high' if slip < 1 else 'low'}"
    yield Finding("unit-slip", Severity.ERROR, where, f"median {median:g} {unit}, {fold}", allowed, f"try {tries}")


def _single_values(
    table: EventTable,
    where: str,
    limits: TypicalRange,
    values: NDArray[np.float64],
    subject: NDArray[np.int64],
    line: NDArray[np.int64],
) -> Iterator[Finding]:
    out = np.flatnonzero((values < limits.low) | (values > limits.high)).tolist()
    slips = [row for row in out if _slip(float(values[row]), limits, (1e3, 1e-3))]
    others = sorted(set(out) - set(slips))

    def named(rows: Sequence[int]) -> str:
        return some([f"{values[row]:g} (ID {table.subjects[subject[row]]}, line {line[row]})" for row in rows], 5)

    if slips:
        yield Finding(
            "single-unit-slip", Severity.WARNING, where, named(slips), _allowed(limits), "check the unit of these rows"
        )
    if others:
        yield Finding("typical-range", Severity.WARNING, where, named(others), _allowed(limits), "check these rows")


def _covariate_findings(table: EventTable, limits: TypicalRange) -> Iterator[Finding]:
    records = table.records
    if limits.column not in records.names:
        return
    values = records.values[:, records.names.index(limits.column)]
    known = ~np.isnan(values)
    values, subject, line = values[known], records.subject[known], records.line[known]
    if not len(values):
        return
    where = f"{table.source}, column {limits.column}"
    median = float(np.median(values))
    slip = _slip(median, limits, _COVARIATE_SLIPS)
    if slip:
        got = f"median {median:g}; times {slip:g} it would be {median * slip:g}"
        yield Finding("unit-slip", Severity.ERROR, where, got, _allowed(limits), f"give it in {limits.unit}")
        return
    _, first = np.unique(np.stack([subject.astype(float), values]), axis=1, return_index=True)
    first = np.sort(first)
    yield from _single_values(table, where, limits, values[first], subject[first], line[first])


def _slip(value: float, limits: TypicalRange, factors: Sequence[float]) -> float:
    """The factor that brings a value from outside into the range, or 0; a range from 0 takes any small value."""
    if limits.low == 0 or limits.low <= value <= limits.high:
        return 0.0
    return next((factor for factor in factors if limits.low <= value * factor <= limits.high), 0.0)


def _units_of_slip(column: str, unit: str, slip: float) -> list[str]:
    """Units that are ``slip`` times ``unit``."""
    names = [name for name in _CANDIDATES[column] if same_dimension(name, unit)]
    return [name for name in names if np.isclose(convert(1.0, name, unit), slip, rtol=1e-9)]


def _allowed(limits: TypicalRange) -> str:
    source = f" ({limits.source})" if limits.source else ""
    return f"typically {limits.low:g} to {limits.high:g} {limits.unit}{source}"
