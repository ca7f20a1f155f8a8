r"""Inhibition of secretion from an ELISA, with viability beside it: cytotoxic points are masked, and IC50s given twice.

With C the concentration in the supernatant, S of stimulated and U of unstimulated controls, a treatment has

    response      100 (C - U) / (S - U)      per cent of control
    inhibition    100 - response

U below LLOQ counts as zero; how much that can matter at most (``100 LLOQ / S``) is stated. A treatment below LLOQ is a
point that is known to lie below ``100 (LLOQ - U) / (S - U)``; it enters the fit as that, not as a number. A treatment
whose viability lies below the threshold is masked: lost cells make no TNF, which is no inhibition of its release. The
curve is fitted with the masked points and without them, and both IC50s are stated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.assay.curve.inhibition import PercentCurve, PercentPoints, fit_percent_curve, no_percent_curve
from limus.assay.elisa.frame import SecretionFrame, secretion_points
from limus.assay.elisa.samples import SampleGroup
from limus.assay.elisa.standard import ElisaStandard
from limus.assay.elisa.viability import Verdict, ViabilityPlate, judge_viability
from limus.assay.layout.records import Role
from limus.assay.plate.uncertainty import NOT_KNOWN, Estimate, carry
from limus.molecule.catalogue import known_compound

__all__ = ["ElisaDose", "ElisaInhibitor", "find_inhibitors"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ElisaDose:
    """A treatment: what its wells secreted, how that compares with the controls, and how its cells fared.

    Attributes
    ----------
    group : SampleGroup
    dose : float
        In the unit of the inhibitor.
    response_percent : Estimate
        Of control; where censored, ``upper`` (or ``lower``) is the limit and the value NaN.
    viability_percent : Estimate
    viability_wells : int
    verdict : Verdict
    """

    group: SampleGroup
    dose: float
    response_percent: Estimate
    viability_percent: Estimate
    viability_wells: int
    verdict: Verdict

    @property
    def inhibition_percent(self) -> Estimate:
        """100 minus the response."""
        r = self.response_percent
        return Estimate(100.0 - r.value, 100.0 - r.upper, 100.0 - r.lower)

    @property
    def masked(self) -> bool:
        """Whether lost viability keeps the point out of the curve."""
        return self.verdict.masks

    def as_dict(self) -> dict[str, Any]:
        """One row of the result."""
        return self.group.as_dict() | {
            "dose": self.dose,
            "response_percent": self.response_percent.value,
            "response_percent_ci": self.response_percent.interval,
            "inhibition_percent": self.inhibition_percent.value,
            "inhibition_percent_ci": self.inhibition_percent.interval,
            "viability_percent": self.viability_percent.value,
            "viability_percent_ci": self.viability_percent.interval,
            "viability_n": self.viability_wells,
            "viability_verdict": str(self.verdict),
            "masked": self.masked,
        }


@dataclass(frozen=True, eq=False)
class ElisaInhibitor:
    """A compound's inhibition of secretion.

    Attributes
    ----------
    compound, label : str
    unit : str
        Of the doses: ``nM``, or ``ng/mL`` for a compound without a known molar mass.
    doses : tuple of ElisaDose
        Ascending.
    curve : PercentCurve
        Without masked points.
    curve_with_masked : PercentCurve
    background_percent : float
        How many percentage points an unstimulated control below LLOQ can matter at most; 0 where it was measured.
    """

    compound: str
    label: str
    unit: str
    doses: tuple[ElisaDose, ...]
    curve: PercentCurve
    curve_with_masked: PercentCurve
    background_percent: float

    def as_dict(self) -> dict[str, Any]:
        """One row of the result."""
        row: dict[str, Any] = {"compound": self.compound, "group": self.label, "dose_unit": self.unit}
        for suffix, fit in (("", self.curve), ("_with_masked", self.curve_with_masked)):
            row |= {
                f"ic50_absolute{suffix}": fit.ic50_absolute.value,
                f"ic50_absolute{suffix}_ci": fit.ic50_absolute.interval,
                f"ic50_absolute{suffix}_status": fit.absolute_status,
                f"ic50_relative{suffix}": fit.ic50_relative.value,
                f"ic50_relative{suffix}_ci": fit.ic50_relative.interval,
                f"ic50_relative{suffix}_status": fit.relative_status,
                f"hill{suffix}": fit.hill.value,
            }
        return row | {
            "masked_doses": [d.dose for d in self.doses if d.masked],
            "n_masked": sum(d.masked for d in self.doses),
            "background_at_most_percent": self.background_percent,
            "misfit_p": self.curve.misfit_p,
        }


def find_inhibitors(
    groups: Sequence[SampleGroup],
    standard: ElisaStandard,
    viability: Sequence[ViabilityPlate],
    *,
    join: str,
    threshold_percent: float,
    known: bool,
    level: float = 0.95,
) -> tuple[ElisaInhibitor, ...]:
    """Find every compound's inhibition, joined with viability.

    Parameters
    ----------
    groups : sequence of SampleGroup
        Read off the curve.
    standard : ElisaStandard
    viability : sequence of ViabilityPlate
        The first one that has a treatment (or a well) decides on it.
    join : {"concentration", "well"}
    threshold_percent : float
    known : bool
        Whether the scatter of samples is known.
    level : float
        Of the intervals, a fraction.

    Returns
    -------
    tuple of ElisaInhibitor
        In the order of the plate.
    """
    series: dict[tuple[str, str], list[SampleGroup]] = {}
    for g in groups:
        if g.first.role is Role.SAMPLE and g.first.compound and g.first.concentration.value > 0:
            series.setdefault((g.first.compound, g.first.group), []).append(g)
    return tuple(
        _inhibitor(members, groups, standard, viability, join, threshold_percent, known, level)
        for members in series.values()
    )


def _inhibitor(
    members: list[SampleGroup],
    groups: Sequence[SampleGroup],
    standard: ElisaStandard,
    viability: Sequence[ViabilityPlate],
    join: str,
    threshold_percent: float,
    known: bool,
    level: float,
) -> ElisaInhibitor:
    first = members[0].first
    compound, unit, amounts = _amounts(members)
    order = np.argsort(amounts, kind="stable")
    ordered, doses = tuple(members[i] for i in order), amounts[order]
    stimulated = _control(groups, Role.CONTROL, first.group)
    unstimulated = _control(groups, Role.UNSTIMULATED, first.group)
    fared = [_viability(g, viability, join, level) for g in ordered]
    verdicts = [judge_viability(percent, threshold_percent) for percent, _ in fared]
    if stimulated is None or stimulated.status != "ok":
        status = "no_control" if stimulated is None else "control_out_of_range"
        empty = no_percent_curve(status, np.full(len(doses) + 1, np.nan))
        rows = tuple(
            ElisaDose(g, float(d), NOT_KNOWN, v[0], v[1], w)
            for g, d, v, w in zip(ordered, doses, fared, verdicts, strict=True)
        )
        return ElisaInhibitor(compound, first.group, unit, rows, empty, empty, math.nan)
    frame = SecretionFrame(standard, stimulated, unstimulated, ordered)
    carried = carry(frame.responses, frame.blocks())
    rows = tuple(
        ElisaDose(g, float(d), _response(g, carried.estimate(k, level), known), v[0], v[1], w)
        for k, (g, d, v, w) in enumerate(zip(ordered, doses, fared, verdicts, strict=True), start=1)
    )
    masked = np.array([False, *(row.masked for row in rows)])
    points = secretion_points(frame, doses, known=known)
    background = (
        0.0 if frame.subtracts or unstimulated is None else 100.0 * unstimulated.limit / stimulated.concentration.value
    )
    return ElisaInhibitor(
        compound,
        first.group,
        unit,
        rows,
        fit_percent_curve(_without(points, masked), level=level),
        fit_percent_curve(points, level=level),
        background,
    )


def _amounts(members: Sequence[SampleGroup]) -> tuple[str, str, Floats]:
    """Name, unit and doses of a compound: nM where that can be, else ng/mL."""
    first = members[0].first
    compound = known_compound(first.compound)
    mass = None
    if compound is not None and any(c.property == "molar_mass" for c in compound.constants):
        mass = compound.molar_mass_g_per_mol
    by_mass = members[0].key[2] == "ng/mL" and mass is None
    unit = "ng/mL" if by_mass else "nM"
    exact = [g.first.concentration.in_unit(unit, molar_mass_g_per_mol=mass, where=g.first.where) for g in members]
    doses = [float(f"{dose:.12g}") for dose in exact]  # a conversion of units leaves its rounding behind
    return (compound.name if compound else first.compound), unit, np.array(doses)


def _control(groups: Sequence[SampleGroup], role: Role, label: str) -> SampleGroup | None:
    """The controls of a label, or those without one."""
    found = [g for g in groups if g.first.role is role]
    own = [g for g in found if g.first.group == label] or [g for g in found if not g.first.group]
    return own[0] if own else None


def _viability(group: SampleGroup, plates: Sequence[ViabilityPlate], join: str, level: float) -> tuple[Estimate, int]:
    for plate in plates:
        if join == "well":
            found = plate.of_wells(group.wells, level)
        else:
            found = next(((one.percent, one.n) for one in plate.by_treatment if one.key == group.key), (NOT_KNOWN, 0))
        if found[1]:
            return found
    return NOT_KNOWN, 0


def _response(group: SampleGroup, estimate: Estimate, known: bool) -> Estimate:
    if group.status == "below":
        return Estimate(math.nan, math.nan, estimate.value)
    if group.status == "above":
        return Estimate(math.nan, estimate.value, math.nan)
    if group.status != "ok":
        return NOT_KNOWN
    return estimate if known else Estimate(estimate.value)


def _without(points: PercentPoints, masked: NDArray[np.bool_]) -> PercentPoints:
    weights = np.where(masked, 0.0, points.weights)
    return PercentPoints(points.doses, points.blocks, points.percent, weights, points.censoring, points.known)
