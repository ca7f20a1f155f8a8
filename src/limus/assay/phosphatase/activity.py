r"""From absorbance to released phosphate, activity and inhibition, each with everything's uncertainty carried in.

With ``x(A)`` the standard curve read backwards, A_g the mean absorbance of a group of replicates, A_0 that of its
background and A_c that of its controls,

    phosphate     x(A_g)                                          nmol
    released      R_g = x(A_g) - x(A_0)                           nmol
    activity      R_g / (time enzyme)                             pmol/min/ug, the same number as nmol/min/mg
    inhibition    100 (1 - R_g / R_c)                             per cent

The inputs are the coefficients of the standard curve with their covariance and the mean of each group, each with its
variance by the plate's noise; :func:`limus.assay.plate.uncertainty.carry` does the rest, so what is common to all
groups (standards, background, controls) is carried as common: the slope of a straight line makes every activity
uncertain, and no inhibition.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.assay.layout.records import Role
from limus.assay.phosphatase.groups import WellGroup, match_background, match_control
from limus.assay.phosphatase.standard import StandardCurve, phosphate_from_absorbance
from limus.assay.plate.uncertainty import NOT_KNOWN, Carried, Estimate, InputBlock, carry

__all__ = ["Activity", "carry_released", "measure_activities", "released_phosphate"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Activity:
    """A group of replicates as activity; NaN where the status or a missing condition leaves no number.

    Attributes
    ----------
    group : WellGroup
    phosphate_nmol : Estimate
        In the well, with its 95 % interval.
    released_nmol : Estimate
        Above background; like all that follows only for wells with enzyme.
    activity : Estimate
        pmol/min/ug (= nmol/min/mg).
    inhibition_percent : Estimate
    standard_share_percent : float
        Share of the released phosphate's variance that comes from the standard curve.
    status : str
        ``ok``, ``saturated``, ``no_signal`` (no usable well), ``above_standards`` (extrapolated beyond the highest
        standard), ``no_background`` or ``no_control``.
    """

    group: WellGroup
    phosphate_nmol: Estimate
    released_nmol: Estimate
    activity: Estimate
    inhibition_percent: Estimate
    standard_share_percent: float
    status: str

    def as_dict(self) -> dict[str, Any]:
        """One row of the result."""
        g = self.group
        return {
            "role": str(g.role),
            "compound": g.compound,
            "concentration_nM": g.dose_nM,
            "time_min": g.time_min,
            "enzyme_ug": g.enzyme_ug,
            "group": g.label,
            "wells": list(g.wells),
            "n": len(g.signals),
            "absorbance": g.mean,
            "phosphate_nmol": self.phosphate_nmol.value,
            "phosphate_nmol_ci": self.phosphate_nmol.interval,
            "released_nmol": self.released_nmol.value,
            "released_nmol_ci": self.released_nmol.interval,
            "activity_pmol_per_min_per_ug": self.activity.value,
            "activity_nmol_per_min_per_mg": self.activity.value,
            "activity_ci": self.activity.interval,
            "inhibition_percent": self.inhibition_percent.value,
            "inhibition_percent_ci": self.inhibition_percent.interval,
            "standard_curve_share_of_variance_percent": self.standard_share_percent,
            "status": self.status,
        }


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which means make a group's numbers: places among the usable groups."""

    own: int
    background: tuple[int, ...]
    control: tuple[int, ...]
    rate: float


def released_phosphate(coefficients: Floats, means: Floats, background: Floats) -> Floats:
    """Return the phosphate released in each group, ``x(A) - mean of x(A_0)``.

    Parameters
    ----------
    coefficients : (B, P) array
        Standard curve.
    means : (B, G) array
        Absorbances.
    background : (B, K) array
        Absorbances of the background; K may be 0, then nothing is subtracted.

    Returns
    -------
    (B, G) array
        nmol.
    """
    released = phosphate_from_absorbance(coefficients, means)
    if background.shape[1] == 0:
        return released
    empty = phosphate_from_absorbance(coefficients, background)
    return np.asarray(released - np.mean(empty, axis=1, keepdims=True))


def carry_released(chosen: Sequence[WellGroup], groups: Sequence[WellGroup], curve: StandardCurve) -> Carried:
    """Carry the uncertainty into the phosphate released in some groups, with the covariance between them.

    Parameters
    ----------
    chosen : sequence of WellGroup
        Usable groups.
    groups : sequence of WellGroup
        All groups, among which backgrounds are.
    curve : StandardCurve

    Returns
    -------
    Carried
        One output for each chosen group, nmol.
    """
    count = len(curve.coefficients)
    backgrounds = [match_background(g, groups) for g in chosen]
    distinct = list({id(b): b for some in backgrounds for b in some}.values())
    place = {id(b): len(chosen) + k for k, b in enumerate(distinct)}

    def outputs(inputs: Floats) -> Floats:
        coefficients, means = inputs[:, :count], inputs[:, count:]
        return np.stack(
            [
                released_phosphate(coefficients, means[:, [k]], means[:, [place[id(b)] for b in backgrounds[k]]])[:, 0]
                for k in range(len(chosen))
            ],
            axis=1,
        )

    standards = InputBlock.create(curve.coefficients, curve.covariance, curve.degrees_of_freedom)
    return carry(outputs, [standards, *(g.block for g in (*chosen, *distinct))])


def measure_activities(
    groups: Sequence[WellGroup], curve: StandardCurve, *, level: float = 0.95
) -> tuple[Activity, ...]:
    """Turn groups of wells into released phosphate, activity and inhibition.

    Parameters
    ----------
    groups : sequence of WellGroup
    curve : StandardCurve
    level : float
        Of the intervals, a fraction.

    Returns
    -------
    tuple of Activity
        One for each group, in order.
    """
    usable = [g for g in groups if g.usable]
    place = {id(g): k for k, g in enumerate(usable)}
    plans = []
    for g in usable:
        controls = match_control(g, groups)
        rate = 1e3 / (g.time_min * g.enzyme_ug) if g.time_min > 0 and g.enzyme_ug > 0 else math.nan
        background = tuple(place[id(b)] for b in match_background(g, groups))
        plans.append(_Plan(place[id(g)], background, tuple(place[id(c)] for c in controls), rate))
    carried = _carry_all(usable, plans, curve)
    known = all(math.isfinite(g.variance) for g in usable)
    rows = []
    for g in groups:
        if id(g) not in place:
            status = "saturated" if g.saturated else "no_signal"
            rows.append(Activity(g, NOT_KNOWN, NOT_KNOWN, NOT_KNOWN, NOT_KNOWN, math.nan, status))
            continue
        k = place[id(g)]
        found = [carried.estimate(4 * k + part, level) for part in range(4)]
        if not known:  # no replicates anywhere: the noise is not known, so neither is any interval
            found = [Estimate(one.value) for one in found]
        share = 100.0 * float(carried.shares[4 * k + 1, 0]) if known else math.nan
        if plans[k].control == (plans[k].own,):  # a control is its own: no inhibition by definition
            found[3] = Estimate(0.0)
        if g.role not in (Role.CONTROL, Role.SAMPLE):
            found, share = [found[0], NOT_KNOWN, NOT_KNOWN, NOT_KNOWN], math.nan
        rows.append(Activity(g, found[0], found[1], found[2], found[3], share, _status(g, plans[k], curve)))
    return tuple(rows)


def _carry_all(usable: Sequence[WellGroup], plans: Sequence[_Plan], curve: StandardCurve) -> Carried:
    count = len(curve.coefficients)

    def outputs(inputs: Floats) -> Floats:
        coefficients, means = inputs[:, :count], inputs[:, count:]
        columns = []
        for plan in plans:
            background = means[:, list(plan.background)]
            own = released_phosphate(coefficients, means[:, [plan.own]], background)[:, 0]
            control = np.full(len(inputs), np.nan)
            if plan.control:
                control = released_phosphate(coefficients, means[:, list(plan.control)], background).mean(axis=1)
            with np.errstate(divide="ignore", invalid="ignore"):
                inhibition = 100.0 * (1.0 - own / control)
            phosphate = phosphate_from_absorbance(coefficients, means[:, [plan.own]])[:, 0]
            columns += [phosphate, own, plan.rate * own, inhibition]
        return np.stack(columns, axis=1)

    standards = InputBlock.create(curve.coefficients, curve.covariance, curve.degrees_of_freedom)
    return carry(outputs, [standards, *(g.block for g in usable)])


def _status(group: WellGroup, plan: _Plan, curve: StandardCurve) -> str:
    top = float(curve.absorbance(np.array([curve.largest_nmol]))[0])
    if group.mean > top:
        return "above_standards"
    if group.role not in (Role.CONTROL, Role.SAMPLE):
        return "ok"
    if not plan.background:
        return "no_background"
    return "ok" if plan.control else "no_control"
