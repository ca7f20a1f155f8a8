"""Results of curves as rows: one a curve in the keys of ``limus assay curve``, one a response, one a model tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from limus.assay.curve.file import CurveFile
from limus.assay.curve.inverse import columns_of
from limus.assay.curve.models import is_dose
from limus.assay.curve.quality import akaike, lack_of_fit, studentised
from limus.assay.curve.records import CurveFits, CurveStatus, DoseEstimates, DoseStatus

if TYPE_CHECKING:
    from limus.workflows.assay.curve_report.analysis import Group, Plan

__all__ = ["FAILED", "curve_row", "invalid_row", "model_rows", "point_rows", "shown_status"]

FAILED = frozenset(
    str(s)
    for s in (
        CurveStatus.FLAT,
        CurveStatus.RUNAWAY,
        CurveStatus.UNDETERMINED,
        CurveStatus.TOO_FEW_DOSES,
        CurveStatus.NOT_CONVERGED,
        CurveStatus.INVALID_DATA,
    )
)


def shown_status(fits: CurveFits, curve: int, relative: DoseEstimates) -> str:
    """The status of a curve: that of its fit, else whether its relative IC50 lies outside the tested doses."""
    status, found = fits.status[curve], relative.status[curve]
    if status is CurveStatus.OK and found in {DoseStatus.BELOW_DOSES, DoseStatus.ABOVE_DOSES}:
        return f"ic50_{found}"
    return str(status)


def curve_row(group: Group, curve: int, source: CurveFile, plan: Plan) -> dict[str, Any]:
    """Return everything about one curve.

    Parameters
    ----------
    group : Group
    curve : int
        Place in the group.
    source : CurveFile
    plan : Plan

    Returns
    -------
    dict
    """
    fits = group.fits
    name = fits.names[curve]
    names = fits.model.parameters
    fitted = [k in fits.layout.free for k in range(len(names))]
    values, errors = fits.parameters[curve], fits.standard_errors[curve]
    shown = {n.removeprefix("log_"): _dose_of(n, values[k]) for k, n in enumerate(names)}
    spread = {
        n.removeprefix("log_"): float(errors[k] * shown[n.removeprefix("log_")] if is_dose(n) else errors[k])
        for k, n in enumerate(names)
        if fitted[k]
    }
    intervals = {
        n.removeprefix("log_"): [float(group.intervals.lower[curve, k]), float(group.intervals.upper[curve, k])]
        for k, n in enumerate(names)
        if fitted[k]
    }
    row: dict[str, Any] = {
        "curve": name,
        "model": fits.model.name,
        "status": shown_status(fits, curve, group.relative),
        "dose_unit": source.units[name],
        "n": int(fits.data.counts[curve]),
        "parameters": shown,
        "standard_errors": spread,
        "intervals": intervals,
        "fixed": [n.removeprefix("log_") for k, n in enumerate(names) if not fitted[k]],
        "at_bound": [n.removeprefix("log_") for k, n in enumerate(names) if fits.at_bound[curve, k]],
    }
    for key, found in (("ic50_relative", group.relative), ("ic50_absolute", group.absolute)):
        row |= _dose_keys(key, found, curve)
        row["intervals"][key] = [float(found.lower[curve]), float(found.upper[curve])]
        if key in group.profile_ends:
            row[f"{key}_profile"] = group.profile_ends[key][curve]
    row["effective_doses"] = [_level_row(p, found, curve) for p, found in group.effects.items()]
    row["doses_at_response"] = [_level_row(y, found, curve) for y, found in group.responses.items()]
    row |= _quality_keys(group, curve)
    row["interval_method"] = {"wald": "wald_log", "wald-linear": "wald_linear"}.get(plan.interval, plan.interval)
    row["level_percent"] = 100 * plan.level
    row["reason"] = ""
    return row


def _dose_of(name: str, value: float) -> float:
    with np.errstate(over="ignore"):
        return float(np.exp(value) if is_dose(name) else value)


def _dose_keys(key: str, found: DoseEstimates, curve: int) -> dict[str, Any]:
    return {
        key: float(found.dose[curve]),
        f"{key}_status": str(found.status[curve]),
        f"{key}_relation": found.relation[curve],
        f"{key}_limit": float(found.limit[curve]),
        f"{key}_log10_standard_error": float(found.log_standard_error[curve] / np.log(10))
        if found.status[curve] is DoseStatus.OK
        else float("nan"),
    }


def _level_row(level: float, found: DoseEstimates, curve: int) -> dict[str, Any]:
    good = found.status[curve] is DoseStatus.OK
    error = found.dose[curve] * found.log_standard_error[curve]
    return {
        "level": level,
        "dose": float(found.dose[curve]),
        "standard_error": float(error) if good else float("nan"),
        "interval": [float(found.lower[curve]), float(found.upper[curve])],
        "status": str(found.status[curve]),
        "relation": found.relation[curve],
        "limit": float(found.limit[curve]),
    }


def _quality_keys(group: Group, curve: int) -> dict[str, Any]:
    fits, lack, test = group.fits, group.lack, group.fits.no_effect
    freedom = float(fits.degrees_of_freedom[curve])
    known = np.isinf(freedom)
    keys = {
        "residual_standard_deviation": float("nan") if known else float(fits.residual_standard_deviation[curve]),
        "degrees_of_freedom": freedom,
        "sum_of_squares": float(fits.sum_of_squares[curve]),
        "aicc": float(group.aicc[curve]),
        "no_effect_f": float(test.statistic[curve]),
        "no_effect_p_value": float(test.p_value[curve]),
        "lack_of_fit_f": float(lack.statistic[curve]),
        "lack_of_fit_p_value": float(lack.p_value[curve]),
        "n_censored": int((fits.data.censoring[curve] != 0).sum()),
        "n_outliers": 0 if group.outliers is None else int(group.outliers.flagged[curve].sum()),
        "starts_agreeing": int(fits.same_minimum[curve]),
    }
    if fits.exponent:
        keys["variance_exponent"] = fits.exponent
    return keys


def invalid_row(name: str, source: CurveFile) -> dict[str, Any]:
    """Return the row of a curve that could not be read."""
    nan = float("nan")
    return {
        "curve": name,
        "model": "",
        "status": str(CurveStatus.INVALID_DATA),
        "dose_unit": source.units.get(name, ""),
        "n": 0,
        "parameters": {},
        "standard_errors": {},
        "intervals": {},
        "ic50_relative": nan,
        "ic50_relative_status": str(DoseStatus.NO_FIT),
        "ic50_relative_relation": "",
        "ic50_relative_limit": nan,
        "ic50_absolute": nan,
        "ic50_absolute_status": str(DoseStatus.NO_FIT),
        "ic50_absolute_relation": "",
        "ic50_absolute_limit": nan,
        "reason": source.set_aside.get(name, ""),
    }


def point_rows(group: Group) -> Iterator[dict[str, Any]]:
    """Yield one row a response, with the fit and the residual."""
    fits, data = group.fits, group.fits.data
    with np.errstate(all="ignore"):
        fitted = fits.model.family.formula(columns_of(fits.parameters), data.log_doses)[0]
    residuals = studentised(fits)
    flagged = group.outliers.flagged if group.outliers is not None else np.zeros(data.doses.shape, dtype=np.bool_)
    used = fits.weights > 0
    for curve, name in enumerate(data.names):
        # excluded outliers keep their place in the padded arrays but have no weight
        shown = used[curve] | flagged[curve, : data.doses.shape[1]]
        for at in np.flatnonzero(shown):
            side = data.censoring[curve, at]
            yield {
                "curve": name,
                "dose": float(data.doses[curve, at]),
                "response": float(data.responses[curve, at]),
                "kind": _kind(bool(flagged[curve, at]), int(side)),
                "weight": float(fits.weights[curve, at]),
                "fitted": float(fitted[curve, at]),
                "studentised_residual": float(residuals[curve, at]),
            }


def _kind(outlier: bool, side: int) -> str:
    if outlier:
        return "outlier"
    return {-1: "below", 1: "above"}.get(side, "measured")


def model_rows(tried: Sequence[CurveFits], chosen: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Return one row a curve and model tried, with AICc, its difference from the best, and Akaike's weight."""
    heights = np.stack([akaike(fits)[1] for fits in tried])
    lacks = [lack_of_fit(fits).p_value for fits in tried]
    rows = []
    for curve, name in enumerate(tried[0].names):
        own = heights[:, curve]
        finite = np.isfinite(own)
        best = own[finite].min() if finite.any() else float("nan")
        relative = np.where(finite, np.exp(-0.5 * (own - best)), 0.0)
        total = relative.sum()
        rows += [
            {
                "curve": name,
                "model": fits.model.name,
                "aicc": float(own[i]),
                "aicc_difference": float(own[i] - best),
                "akaike_weight": float(relative[i] / total) if total > 0 else float("nan"),
                "residual_standard_deviation": float(fits.residual_standard_deviation[curve]),
                "lack_of_fit_p_value": float(lacks[i][curve]),
                "status": str(fits.status[curve]),
                "chosen": "yes" if chosen[curve] == i else "no",
            }
            for i, fits in enumerate(tried)
        ]
    return rows
