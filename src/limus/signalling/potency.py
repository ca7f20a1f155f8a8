"""From a simulated dose-response to IC50s: absolute (half of the control) and relative (half of the effect)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

__all__ = ["FLAT_HILL", "CurveStatus", "CurveSummary", "concentration_grid", "summarise_curve"]

_EDGE = 1e-9
# An IC50 moves by exp(d/slope) when a constant shifts logit(response) by d. Behind a gate of power 3 to 4, 10 % of a
# constant shift it by about a third: three-fold at a slope of 0.3, 1.6-fold at 0.7. So a curve flatter than 0.3 is
# warned of; the fit, which needs room, counts one flatter than 0.7 as missed.
FLAT_HILL = 0.3


class CurveStatus(StrEnum):
    """``ok``; ``no_signal``: control and background do not differ; ``no_effect``: less than 1 % inhibition anywhere;
    ``half_not_reached``: inhibition stays below 50 %, only the relative IC50 exists; ``below_range``: more than half
    is inhibited at the lowest concentration."""  # noqa: D205, D209

    OK = "ok"
    NO_SIGNAL = "no_signal"
    NO_EFFECT = "no_effect"
    HALF_NOT_REACHED = "half_not_reached"
    BELOW_RANGE = "below_range"


@dataclass(frozen=True, slots=True)
class CurveSummary:
    """What a dose-response says.

    Attributes
    ----------
    ic50_absolute_nM : float
        Concentration at 50 % of the control, nM; NaN where the status says so.
    ic50_relative_nM : float
        Concentration at half of the largest effect, nM.
    hill : float
        Slope of logit(response) over ln(concentration) at the absolute (else relative) IC50, positive for inhibition.
    max_inhibition_fraction : float
        Largest inhibition on the grid, 0 to 1.
    status : CurveStatus
    """

    ic50_absolute_nM: float  # noqa: N815
    ic50_relative_nM: float  # noqa: N815
    hill: float
    max_inhibition_fraction: float
    status: CurveStatus

    @property
    def is_flat(self) -> bool:
        """Whether the curve is so flat that small changes of constants move its IC50 several-fold."""
        return self.hill < FLAT_HILL

    @property
    def ic50_or_bound_nM(self) -> float:  # noqa: N802
        """The absolute IC50; infinite where half is not reached, 0 below the range, NaN without signal."""
        bounds = {CurveStatus.HALF_NOT_REACHED: math.inf, CurveStatus.NO_EFFECT: math.inf, CurveStatus.BELOW_RANGE: 0.0}
        return bounds.get(self.status, self.ic50_absolute_nM)


def concentration_grid(lower_nM: float, upper_nM: float, per_decade: int) -> NDArray[np.float64]:
    """Return concentrations evenly spaced in the logarithm, both ends included.

    Parameters
    ----------
    lower_nM, upper_nM : float
        Ends, nM, positive.
    per_decade : int
        Points per factor of ten.

    Returns
    -------
    (C,) array
        nM.
    """
    decades = math.log10(upper_nM / lower_nM)
    return np.logspace(math.log10(lower_nM), math.log10(upper_nM), round(decades * per_decade) + 1)


def summarise_curve(concentrations: NDArray[np.float64], percent: NDArray[np.float64]) -> CurveSummary:
    """Find the IC50s on a simulated curve by monotone interpolation of the logit over the logarithm of concentration.

    Parameters
    ----------
    concentrations : (C,) array
        nM, increasing, positive.
    percent : (C,) array
        Per cent of control; NaN where control and background do not differ.

    Returns
    -------
    CurveSummary
        On a simulated curve with 4 points per decade the interpolation error of an IC50 is below 1 %.
    """
    fraction = percent / 100.0
    if not np.isfinite(fraction).all():
        return CurveSummary(math.nan, math.nan, math.nan, math.nan, CurveStatus.NO_SIGNAL)
    lowest = float(np.min(fraction))
    largest = min(max(1.0 - lowest, 0.0), 1.0)
    if largest < 0.01:
        return CurveSummary(math.nan, math.nan, math.nan, largest, CurveStatus.NO_EFFECT)
    relative, relative_slope = _crossing(concentrations, (fraction - lowest) / (1.0 - lowest))
    absolute, slope = _crossing(concentrations, fraction)
    if fraction[0] < 0.5:
        return CurveSummary(math.nan, relative, relative_slope, largest, CurveStatus.BELOW_RANGE)
    if math.isnan(absolute):
        return CurveSummary(math.nan, relative, relative_slope, largest, CurveStatus.HALF_NOT_REACHED)
    return CurveSummary(absolute, relative, slope, largest, CurveStatus.OK)


def _crossing(concentrations: NDArray[np.float64], fraction: NDArray[np.float64]) -> tuple[float, float]:
    """Where the fraction first falls through one half, and the slope there."""
    from scipy.interpolate import PchipInterpolator  # noqa: PLC0415

    below = np.flatnonzero(fraction < 0.5)
    if len(below) == 0 or below[0] == 0:
        return math.nan, math.nan
    clipped = np.clip(fraction, _EDGE, 1.0 - _EDGE)
    logit = np.log(clipped / (1.0 - clipped))
    x = np.log(concentrations)
    curve = PchipInterpolator(x, logit)
    k = int(below[0])
    roots = curve.solve(0.0, extrapolate=False)
    inside = roots[(roots >= x[k - 1]) & (roots <= x[k])]
    if len(inside) == 0:
        return math.nan, math.nan
    return float(np.exp(inside[0])), float(-curve(inside[0], 1))
