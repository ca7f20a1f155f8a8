"""Levels that a slip of the unit by 1,000 explains: left out and named, unless it is said that they are meant."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from limus.kernel.checks import Finding, Severity
from limus.patient.levels import PatientLevels
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.model_table import typical_ranges
from limus.pharmacokinetics.population_model.record import PopulationModel

__all__ = ["UNIT_SLIP", "plausible_levels"]

UNIT_SLIP = "unit-slip"
_FACTOR = 1000.0


def plausible_levels(
    model: PopulationModel, levels: PatientLevels, table: EventTable, overrides: Collection[str] = ()
) -> tuple[PatientLevels, tuple[Finding, ...]]:
    """Leave out levels that are implausible as they stand and plausible a thousand times lower or higher.

    A column that is wrong as a whole is refused when the table is read; this is about single levels.

    Parameters
    ----------
    model : PopulationModel
        Its typical subject gives the range.
    levels : PatientLevels
    table : EventTable
    overrides : collection of str
        With ``unit-slip`` the levels are used as they stand, and said all the same.

    Returns
    -------
    tuple of (PatientLevels, tuple of Finding)
    """
    limits = next(one for one in typical_ranges(model) if one.column == "DV")
    value = np.where(levels.used & ~levels.below & (levels.value > 0.0), levels.value, np.nan)
    with np.errstate(invalid="ignore"):
        outside = (value < limits.low) | (value > limits.high)
        meant = np.where(value > limits.high, value / _FACTOR, value * _FACTOR)
        slipped = outside & (meant >= limits.low) & (meant <= limits.high)
    trusted = UNIT_SLIP in overrides
    findings = tuple(
        Finding(
            UNIT_SLIP,
            Severity.WARNING,
            f"{table.source}, ID {levels.subjects[s]}, line {table.observations.line[levels.row[s, m]]}, "
            f"level at {levels.time_h[s, m]:g} h",
            f"{value[s, m]:g} {limits.unit}, 1,000 times too {'high' if value[s, m] > limits.high else 'low'}",
            f"typically {limits.low:.3g} to {limits.high:.3g} {limits.unit}",
            "used all the same, by override" if trusted else f"not used; correct it, or name the override {UNIT_SLIP}",
        )
        for s, m in np.argwhere(slipped).tolist()
    )
    return (levels if trusted else levels.without(slipped)), findings
