"""Inhibition curves and IC50s of a phosphatase plate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.assay.curve.inhibition import PercentCurve, PercentPoints, fit_percent_curve, no_percent_curve
from limus.assay.phosphatase.series import DoseSeries, percent_of_control, point_weights, series_blocks
from limus.assay.phosphatase.standard import StandardCurve

__all__ = ["InhibitionCurve", "fit_inhibition"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class InhibitionCurve:
    """A dose series and its fitted curve, doses in nM."""

    series: DoseSeries
    fit: PercentCurve

    def as_dict(self) -> dict[str, Any]:
        """Part of one row of the result."""
        s, f = self.series, self.fit
        return {
            "compound": s.compound,
            "group": s.label,
            "time_min": s.time_min,
            "enzyme_ug": s.enzyme_ug,
            "doses": len(s.doses),
            "wells": sum(len(g.signals) for g in s.doses),
            "ic50_absolute_nM": f.ic50_absolute.value,
            "ic50_absolute_ci": f.ic50_absolute.interval,
            "ic50_absolute_status": f.absolute_status,
            "ic50_relative_nM": f.ic50_relative.value,
            "ic50_relative_ci": f.ic50_relative.interval,
            "ic50_relative_status": f.relative_status,
            "hill": f.hill.value,
            "hill_ci": f.hill.interval,
            "lower_percent": f.lower_percent.value,
            "upper_percent": f.upper_percent.value,
            "model": f.model,
            "misfit_p": f.misfit_p,
            "left_out_nM": [g.dose_nM for g in s.left_out],
        }


def fit_inhibition(series: DoseSeries, curve: StandardCurve, *, level: float = 0.95) -> InhibitionCurve:
    """Fit the inhibition curve of a series and find its IC50s.

    Parameters
    ----------
    series : DoseSeries
    curve : StandardCurve
    level : float
        Of the intervals, a fraction.

    Returns
    -------
    InhibitionCurve
    """
    if not series.controls:
        return InhibitionCurve(series, no_percent_curve("no_control", np.full(len(series.doses) + 1, np.nan)))
    weights, known = point_weights(series, curve)
    points = PercentPoints(
        doses=series.doses_nM,
        blocks=series_blocks(series, curve),
        percent=lambda inputs: percent_of_control(inputs, series, len(curve.coefficients)),
        weights=weights,
        censoring=np.zeros(len(weights), dtype=np.int64),
        known=known,
    )
    return InhibitionCurve(series, fit_percent_curve(points, level=level))
