"""What a fit is worth: the status of each curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from limus.assay.curve.covariance import Spread
from limus.assay.curve.data import CurveData
from limus.assay.curve.inverse import columns_of, ends_of, invert
from limus.assay.curve.problem import Layout
from limus.assay.curve.records import CurveStatus, NoEffectTest
from limus.assay.curve.refit import Refit

__all__ = ["NO_EFFECT_LEVEL", "RUNAWAY_FOLD", "far_outside", "is_steep", "judge"]

Floats = NDArray[np.float64]
NO_EFFECT_LEVEL = 0.05
RUNAWAY_FOLD = 100.0
_STATUSES = {str(status): status for status in CurveStatus}
# Share of the effect between two neighbouring doses from which a curve whose slope is not determined is steep.
STEEP_SHARE = 0.7


def judge(
    data: CurveData,
    layout: Layout,
    result: Refit,
    spread: Spread,
    test: NoEffectTest,
    enough: NDArray[np.bool_],
    parameters: Floats,
) -> tuple[CurveStatus, ...]:
    """Give every curve its status; of several, the one that says most against a number.

    Parameters
    ----------
    data : CurveData
    layout : Layout
    result : Refit
    spread : Spread
    test : NoEffectTest
    enough : (C,) numpy.ndarray of bool
    parameters : (C, P) numpy.ndarray
        All parameters.

    Returns
    -------
    tuple of CurveStatus
    """
    status = np.full(len(data), CurveStatus.OK, dtype=object)
    status[spread.held.any(axis=1)] = CurveStatus.AT_BOUND
    status[spread.flat] = CurveStatus.UNDETERMINED
    doses = np.array([layout.family.parameters[k].startswith("log_") for k in layout.free], dtype=np.bool_)
    stopped = (spread.held & doses).any(axis=1)
    status[stopped | far_outside(data, layout, parameters)] = CurveStatus.RUNAWAY
    status[~result.arrived] = CurveStatus.NOT_CONVERGED
    loose = spread.held.any(axis=1) | spread.flat | ~result.arrived
    rows = np.flatnonzero(loose & enough)
    if len(rows):
        steep = is_steep(data.rows(rows), layout.take(rows), parameters[rows])
        status[rows[steep]] = CurveStatus.STEEP
    # a flat curve has no best fit to arrive at
    status[~(test.p_value <= NO_EFFECT_LEVEL)] = CurveStatus.FLAT
    status[~enough] = CurveStatus.TOO_FEW_DOSES
    return tuple(_STATUSES[s] for s in status)


def is_steep(data: CurveData, layout: Layout, parameters: Floats) -> NDArray[np.bool_]:
    """Tell where most of the effect lies between the two tested doses around the dose of half effect."""
    family = layout.family
    if family.name not in {"logistic", "logistic5", "weibull1", "weibull2"}:
        return np.zeros(len(data), dtype=np.bool_)
    own = np.nan_to_num(parameters)
    zero, infinite = ends_of(family, own)[:2]
    half = invert(family, own, 0.5 * (zero + infinite), *data.dose_range)
    below, above = data.neighbours(half)
    with np.errstate(all="ignore"):
        response = family.formula(columns_of(own), np.stack([below, above], axis=1))[0]
        share = (response[:, 1] - response[:, 0]) / (infinite - zero)
    return np.asarray(np.isfinite(below) & np.isfinite(above) & (share > STEEP_SHARE))


def far_outside(data: CurveData, layout: Layout, parameters: Floats) -> NDArray[np.bool_]:
    """Tell where the dose of half effect lies more than 100-fold outside the tested doses."""
    family = layout.family
    if family.name in {"line", "bell"}:
        return np.zeros(len(data), dtype=np.bool_)
    low, high = data.dose_range
    own = np.nan_to_num(parameters)
    zero, infinite = ends_of(family, own)[:2]
    half = invert(family, own, 0.5 * (zero + infinite), low, high)
    far = float(np.log(RUNAWAY_FOLD))
    with np.errstate(invalid="ignore"):
        return np.asarray((half < low - far) | (half > high + far))
