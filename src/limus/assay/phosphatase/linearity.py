r"""Proportionality of the released phosphate to time and to enzyme: checked, not assumed.

For the controls at several times (or amounts of enzyme) ``R = k z`` is compared with ``R = k z + c z**2`` by
generalised least squares with the covariance of the released phosphate, the common parts of standards and background
included. A curvature that is significant at 1 % and takes 10 % or more of the initial rate's line away at the largest
z is a bend: activities there are not initial rates. Beside it stands how much substrate was used up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from limus.assay.layout.records import Role
from limus.assay.phosphatase.activity import Activity, carry_released
from limus.assay.phosphatase.conditions import PhosphataseConditions
from limus.assay.phosphatase.groups import WellGroup
from limus.assay.phosphatase.standard import StandardCurve

__all__ = ["Linearity", "check_linearity", "substrate_used_percent"]

SIGNIFICANT, BEND_PERCENT = 0.01, 10.0
_FEWEST = 3


@dataclass(frozen=True, slots=True)
class Linearity:
    """Whether released phosphate is proportional to time or to enzyme.

    Attributes
    ----------
    quantity : str
        ``time`` or ``enzyme``.
    levels : tuple of float
        min or ug.
    released_nmol : tuple of float
        At each level.
    rate : float
        Initial slope, nmol per min or per ug; of the straight line where it does not bend.
    loss_percent : float
        How far the curve lies below the initial line at the highest level.
    p_value : float
        Of the curvature.
    status : str
        ``linear``, ``bends`` or ``not_tested`` (fewer than three levels).
    """

    quantity: Literal["time", "enzyme"]
    levels: tuple[float, ...]
    released_nmol: tuple[float, ...]
    rate: float
    loss_percent: float
    p_value: float
    status: str

    def as_dict(self) -> dict[str, Any]:
        """The numbers under the names of the attributes."""
        return {name: getattr(self, name) for name in self.__slots__}


def check_linearity(
    quantity: Literal["time", "enzyme"], groups: Sequence[WellGroup], curve: StandardCurve
) -> Linearity:
    """Check the controls' proportionality to time or enzyme, at the other's most frequent level.

    Parameters
    ----------
    quantity : {"time", "enzyme"}
    groups : sequence of WellGroup
    curve : StandardCurve

    Returns
    -------
    Linearity
    """

    def level(g: WellGroup) -> float:
        return g.time_min if quantity == "time" else g.enzyme_ug

    def other(g: WellGroup) -> tuple[float, str]:
        return (g.enzyme_ug if quantity == "time" else g.time_min), g.label

    controls = [g for g in groups if g.role is Role.CONTROL and g.usable and level(g) > 0]
    series = [[g for g in controls if other(g) == key] for key in dict.fromkeys(map(other, controls))]
    chosen = max(series, key=lambda some: len({level(g) for g in some}), default=[])
    levels = sorted({level(g) for g in chosen})
    known = all(math.isfinite(g.variance) for g in chosen)
    if len(levels) < _FEWEST or not known:
        return Linearity(quantity, tuple(levels), (), math.nan, math.nan, math.nan, "not_tested")
    carried = carry_released(chosen, groups, curve)
    z = np.array([level(g) for g in chosen])
    design = np.column_stack([z, z**2])
    inverse = np.linalg.inv(carried.covariance)
    covariance = np.linalg.inv(design.T @ inverse @ design)
    rate, bend = covariance @ design.T @ inverse @ carried.values
    p_value = _two_sided(bend / math.sqrt(covariance[1, 1]), float(np.min(carried.degrees_of_freedom)))
    top = levels[-1]
    loss = -100.0 * bend * top / rate
    bends = p_value < SIGNIFICANT and abs(loss) >= BEND_PERCENT
    straight = float((z @ inverse @ carried.values) / (z @ inverse @ z))
    means = tuple(float(np.mean(carried.values[z == one])) for one in levels)
    return Linearity(
        quantity, tuple(levels), means, float(rate) if bends else straight, float(loss), p_value,
        "bends" if bends else "linear",
    )  # fmt: skip


def _two_sided(value: float, freedom: float) -> float:
    from scipy import special  # noqa: PLC0415

    return float(2.0 * special.stdtr(freedom, -abs(value)))


def substrate_used_percent(activities: Sequence[Activity], conditions: PhosphataseConditions) -> float:
    """Return how much of the substrate the most active of some groups used up.

    Parameters
    ----------
    activities : sequence of Activity
    conditions : PhosphataseConditions

    Returns
    -------
    float
        Per cent; NaN where substrate or volume are not known.
    """
    released = [a.released_nmol.value for a in activities if a.released_nmol.known]
    if conditions.substrate_nM is None or conditions.reaction_volume_L is None or not released:
        return math.nan
    return 100.0 * max(released) / (conditions.substrate_nM * conditions.reaction_volume_L)
