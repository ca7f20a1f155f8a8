"""The test of curves against no effect of the dose."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from limus.assay.curve.data import CurveData
from limus.assay.curve.problem import Layout
from limus.assay.curve.records import NoEffectTest

__all__ = ["no_effect_test"]

Floats = NDArray[np.float64]


def no_effect_test(
    data: CurveData, layout: Layout, parameters: Floats, weights: Floats, enough: NDArray[np.bool_]
) -> NoEffectTest:
    """Test each curve against a constant response.

    ``F = ((S0 - S1) / (p - 1)) / (S1 / (n - p))`` with the weights of the fit; S0 around the weighted mean. A censored
    response has no residual where curve or mean lie on its allowed side, and counts as its limit elsewhere.

    Parameters
    ----------
    data : CurveData
    layout : Layout
    parameters : (C, F) numpy.ndarray
        Fitted parameters.
    weights : (C, N) numpy.ndarray
    enough : (C,) numpy.ndarray of bool
        Curves that were fitted.

    Returns
    -------
    NoEffectTest
    """
    from scipy.special import fdtrc  # noqa: PLC0415

    responses = data.responses
    with np.errstate(all="ignore"):
        fitted = layout.family.formula(layout.columns(parameters), data.log_doses)[0]
        mean = (weights * responses).sum(axis=1) / weights.sum(axis=1)
        ours, none = (_squares(data, weights, curve) for curve in (fitted, mean[:, np.newaxis]))
        free = parameters.shape[1]
        above = max(1, free - 1)
        below = (data.counts - free).astype(np.float64)
        # rounding of the responses themselves is no effect
        noise = (weights * responses**2).sum(axis=1) * 1e-24
        none = np.where(none <= noise, 0.0, none)
        statistic = np.where(none > 0, (none - ours) / above / (ours / below), 0.0)
        statistic = np.where(enough, np.maximum(statistic, 0.0), np.nan)
        p_value = np.where(enough, fdtrc(above, np.maximum(below, 1), statistic), np.nan)
        p_value = np.where(np.isposinf(statistic), 0.0, p_value)
    return NoEffectTest(statistic, p_value, (above, below))


def _squares(data: CurveData, weights: Floats, curve: Floats) -> Floats:
    away = data.responses - curve
    allowed = (data.censoring != 0) & (data.censoring * away <= 0)
    return np.asarray((weights * np.where(allowed, 0.0, away) ** 2).sum(axis=1))
