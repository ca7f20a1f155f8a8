"""A visual predictive check as rows, for JSON, tables and figures."""

from __future__ import annotations

from typing import Any

import numpy as np

from limus.pharmacokinetics.population_check.visual_check import VisualCheck

__all__ = ["below_rows", "percentile_rows"]


def percentile_rows(visual: VisualCheck) -> list[dict[str, Any]]:
    """Return a row for each percentile and bin.

    Parameters
    ----------
    visual : VisualCheck

    Returns
    -------
    list of dict
        Levels in the model's unit, times h; NaN where a number lies below the limit of quantification.
    """
    inside = visual.inside
    return [
        {
            "percentile": percentile,
            **_bin(visual, b),
            "observed": float(visual.observed[p, b]),
            "lower": float(visual.simulated[0, p, b]),
            "median": float(visual.simulated[1, p, b]),
            "upper": float(visual.simulated[2, p, b]),
            "inside": None if np.isnan(inside[p, b]) else bool(inside[p, b]),
        }
        for p, percentile in enumerate(visual.percentiles)
        for b in range(len(visual.bins.count))
    ]


def below_rows(visual: VisualCheck) -> list[dict[str, Any]]:
    """Return a row for each bin with the share of levels below their limit.

    Parameters
    ----------
    visual : VisualCheck

    Returns
    -------
    list of dict
        Shares in per cent; no rows where neither data nor model have any.
    """
    if not (visual.below_observed.any() or visual.below_simulated.any()):
        return []
    return [
        {
            **_bin(visual, b),
            "observed": float(visual.below_observed[b]),
            "lower": float(visual.below_simulated[0, b]),
            "median": float(visual.below_simulated[1, b]),
            "upper": float(visual.below_simulated[2, b]),
        }
        for b in range(len(visual.bins.count))
    ]


def _bin(visual: VisualCheck, b: int) -> dict[str, Any]:
    bins = visual.bins
    return {
        "time_h": float(bins.middle_h[b]),
        "low_h": float(bins.low_h[b]),
        "high_h": float(bins.high_h[b]),
        "levels": int(bins.count[b]),
    }
