"""The analysis behind ``limus assay curve``: read, fit, choose, compare, and put every result into rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.assay.curve.data import CurveData
from limus.assay.curve.dose import find_doses, half_dose, no_doses, response_at
from limus.assay.curve.file import CurveFile, read_curve_file
from limus.assay.curve.fit import fit_data
from limus.assay.curve.interval import ParameterIntervals, parameter_intervals, profile_doses, profile_parameters
from limus.assay.curve.models import find_model
from limus.assay.curve.quality import LackOfFit, Outliers, akaike, choose_models, find_outliers, lack_of_fit
from limus.assay.curve.records import CurveFits, DoseEstimates, DoseStatus, take_fits
from limus.assay.curve.shared import Potencies, SharedFit, fit_shared, relative_potency
from limus.kernel.errors import InputError, NothingSucceededError, UnknownNameError, near_names
from limus.kernel.execution import Execution
from limus.kernel.tables import Table
from limus.workflows.assay.curve_report.rows import FAILED, curve_row, invalid_row, model_rows, point_rows

__all__ = ["AUTO_MODELS", "Analysis", "Group", "Plan", "analyse"]

Floats = NDArray[np.float64]
# What ``auto`` chooses from: sigmoid curves that fix no plateau, because 0 is not everybody's lowest response.
AUTO_MODELS = ("ll4", "ll5", "w14", "w24")
PERCENT_CONTROLS = (100.0, 0.0)
# Without controls, responses count as per cent of control if the largest of the file is in this range.
PERCENT_LIKE = (50.0, 400.0)


@dataclass(frozen=True, eq=False)
class Plan:
    """What is to be done, read from the request; see ``AssayCurveRequest`` for the meanings.

    Attributes
    ----------
    controls : tuple of (float, float), or None
        Top and bottom; None for those of the file, else 100 and 0.
    level : float
        A fraction.
    """

    models: tuple[str, ...] = ("ll4",)
    weights: str = "none"
    robust: str = "none"
    controls: tuple[float, float] | None = None
    fixed: Mapping[str, float] = field(default_factory=dict)
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    shared: tuple[str, ...] = ()
    reference: str | None = None
    interval: str = "wald"
    level: float = 0.95
    effects: tuple[float, ...] = ()
    responses: tuple[float, ...] = ()
    outliers: str = "report"
    extrapolate: float = 1.0
    starts: int = 3
    decimal: str = "point"
    unit: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Group:
    """Curves fitted with one model, and everything found on them.

    Attributes
    ----------
    fits : CurveFits
    intervals : ParameterIntervals
    relative, absolute : DoseEstimates
        The IC50s.
    effects, responses : mapping of float to DoseEstimates
        Doses of shares of the effect (percent) and of responses.
    aicc : (C,) numpy.ndarray
    lack : LackOfFit
    outliers : Outliers, or None
    profile_ends : mapping of str to tuple of str
        How profiles of doses ended, by ``ic50_relative`` and ``ic50_absolute``.
    """

    fits: CurveFits
    intervals: ParameterIntervals
    relative: DoseEstimates
    absolute: DoseEstimates
    effects: Mapping[float, DoseEstimates]
    responses: Mapping[float, DoseEstimates]
    aicc: Floats
    lack: LackOfFit
    outliers: Outliers | None
    profile_ends: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Analysis:
    """All results of a file.

    Attributes
    ----------
    path : Path
    source : CurveFile
    groups : tuple of Group
    rows : tuple of dict
        One a curve, in the order of the file, in the keys of the command.
    candidates : tuple of dict
        One a curve and model, where several were tried.
    shared, parallel : SharedFit or None
        The common fit that was asked for, and the parallel one behind relative potencies.
    potencies : Potencies or None
    controls : str
        Where top and bottom come from.
    """

    path: Path
    source: CurveFile
    groups: tuple[Group, ...]
    rows: tuple[dict[str, Any], ...]
    candidates: tuple[dict[str, Any], ...]
    shared: SharedFit | None
    parallel: SharedFit | None
    potencies: Potencies | None
    controls: str

    def as_dict(self) -> dict[str, Any]:
        """In the keys of the command contract."""
        return {
            "file": str(self.path),
            "curves": list(self.rows),
            "n_curves": len(self.rows),
            "n_failed": sum(row["status"] in FAILED for row in self.rows),
            "controls": self.controls,
            "models": list(self.candidates),
            "shared_fit": None if self.shared is None else _test_row(self.shared),
            "parallelism": None if self.parallel is None else _test_row(self.parallel),
            "relative_potency": self.potency_rows(),
            "flagged_rows": [flag.as_dict() for flag in self.source.flags],
            "ignored_columns": list(self.source.ignored),
        }

    def potency_rows(self) -> list[dict[str, Any]]:
        """Relative potencies, one row a curve."""
        if self.potencies is None or self.parallel is None:
            return []
        p, names = self.potencies, self.parallel.fits.names
        return [
            {
                "curve": name,
                "reference": names[p.reference],
                "ratio": p.ratio[i],
                "interval": [p.lower[i], p.upper[i]],
                "method": p.method,
                "status": str(self.parallel.fits.status[i]),
            }
            for i, name in enumerate(names)
        ]

    def tables(self) -> dict[str, Table]:
        """Tidy tables for the run directory."""
        flat = [_flat(row) for row in self.rows]
        found = {
            "curves": Table.from_rows(flat),
            "points": Table.from_rows(row for group in self.groups for row in point_rows(group)),
            "models": Table.from_rows(self.candidates),
            "flagged_rows": Table.from_rows(flag.as_dict() for flag in self.source.flags),
        }
        if self.potencies is not None:
            found["relative_potency"] = Table.from_rows(_flat(row) for row in self.potency_rows())
        return found


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Nested results as columns: ``intervals_slope_lower`` and so on."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}_{key}": item for key, item in _flat(value).items()}
        elif isinstance(value, list) and all(isinstance(item, str) for item in value):
            flat[name] = ", ".join(value)
        elif isinstance(value, list) and len(value) == 2 and not isinstance(value[0], Mapping):
            flat |= {f"{name}_lower": value[0], f"{name}_upper": value[1]}
        elif isinstance(value, list):
            for item in value:
                flat |= {f"{name}_{item['level']:g}_{key}": v for key, v in _flat(item).items() if key != "level"}
        else:
            flat[name] = value
    return flat


def _test_row(fit: SharedFit) -> dict[str, Any]:
    return {
        "shared": [name.removeprefix("log_") for name in fit.shared],
        "f": fit.f_statistic,
        "f_degrees_of_freedom": [fit.degrees_of_freedom - fit.free_degrees_of_freedom, fit.free_degrees_of_freedom],
        "f_p_value": fit.f_p_value,
        "chi_square": fit.chi_square,
        "chi_square_p_value": fit.chi_square_p_value,
        "sum_of_squares": fit.sum_of_squares,
        "sum_of_squares_separate": fit.free_sum_of_squares,
    }


def analyse(path: Path, plan: Plan, execution: Execution) -> Analysis:
    """Read a file and do what the plan says.

    Parameters
    ----------
    path : Path
    plan : Plan
    execution : Execution

    Returns
    -------
    Analysis

    Raises
    ------
    FileReadError, UnknownNameError, InputError, RefusedError
        As :func:`limus.workflows.assay.curve.run`.
    """
    column = plan.weights if plan.weights in {"weight", "n", "se"} else ""
    source = read_curve_file(path, columns=plan.columns, decimal=plan.decimal, unit=plan.unit, weights=column)
    tops, bottoms, said = _controls(source, plan)
    if source.data is None:
        rows = tuple(invalid_row(name, source) for name in source.names)
        return Analysis(path, source, (), rows, (), None, None, None, said)
    fits, candidates, outliers = _fit(source.data, plan, column, (tops, bottoms), execution)
    shared = parallel = potencies = None
    if plan.shared or plan.reference is not None:
        fits, shared, parallel, potencies = _compare(fits, source, plan)
    place = {name: i for i, name in enumerate(source.data.names)}
    groups: list[Group] = []
    made: dict[str, dict[str, Any]] = {}
    for own in fits:
        index = np.array([place[name] for name in own.names])
        group = _find(own, plan, tops[index], bottoms[index], None if outliers is None else _take(outliers, index))
        groups.append(group)
        made |= {name: curve_row(group, i, source, plan) for i, name in enumerate(own.names)}
    rows = tuple(made[name] if name in made else invalid_row(name, source) for name in source.names)
    return Analysis(path, source, tuple(groups), rows, tuple(candidates), shared, parallel, potencies, said)


def _controls(source: CurveFile, plan: Plan) -> tuple[Floats, Floats, str]:
    names = source.data.names if source.data is not None else ()
    if plan.controls is not None:
        top, bottom = plan.controls
        said = f"given: top {top:g}, bottom {bottom:g}"
    elif source.controls:
        ends = np.array([source.controls[name] for name in names]).reshape(-1, 2)
        return ends[:, 0], ends[:, 1], "columns top and bottom of the file"
    else:
        top, bottom = PERCENT_CONTROLS
        said = "assumed: top 100, bottom 0 (responses in per cent of control)"
        largest = 0.0 if source.data is None else float(np.abs(source.data.responses).max())
        if not PERCENT_LIKE[0] <= largest <= PERCENT_LIKE[1]:
            top = bottom = float("nan")
            said = (
                f"not given, and the largest response, {largest:g}, is not like per cent of control: no absolute IC50"
            )
    return np.full(len(names), top), np.full(len(names), bottom), said


def _fit(
    data: CurveData, plan: Plan, column: str, controls: tuple[Floats, Floats], execution: Execution
) -> tuple[list[CurveFits], list[dict[str, Any]], Outliers | None]:
    names = AUTO_MODELS if plan.models == ("auto",) else plan.models
    settings: dict[str, Any] = {
        "weighting": "given" if column else plan.weights,
        "bounds": plan.bounds,
        "known_errors": column == "se",
        "starts": plan.starts,
    }
    outliers = None
    if plan.outliers != "off":
        first = settings | {"model": names[0], "fixed": _fixed(names[0], plan, controls)}
        outliers = find_outliers(data, first)
        if plan.outliers == "exclude":
            data = data.without(outliers.flagged)
    tried = [
        fit_data(
            data, model=name, fixed=_fixed(name, plan, controls), robust=plan.robust, execution=execution, **settings
        )
        for name in names
    ]
    if len(tried) == 1:
        return tried, [], outliers
    chosen = choose_models(tried)
    rows = model_rows(tried, chosen)
    kept = [take_fits(fits, np.flatnonzero(chosen == i)) for i, fits in enumerate(tried) if (chosen == i).any()]
    return kept, rows, outliers


def _fixed(name: str, plan: Plan, controls: tuple[Floats, Floats]) -> dict[str, Any]:
    """Fixed parameters; a model that needs its plateaus takes them from given controls."""
    fixed: dict[str, Any] = dict(plan.fixed)
    model = find_model(name)
    if "upper" in model.needs and "upper" not in fixed and plan.controls is not None:
        fixed |= {"upper": np.maximum(*controls), "lower": np.minimum(*controls)}
    return fixed


def _compare(
    fits: Sequence[CurveFits], source: CurveFile, plan: Plan
) -> tuple[list[CurveFits], SharedFit | None, SharedFit | None, Potencies | None]:
    """Common fit and relative potencies, over the curves that have a fit."""
    (own,) = fits
    fitted = np.flatnonzero(~np.isnan(own.parameters).any(axis=1))
    if len(fitted) < 2:
        raise NothingSucceededError("shared fit", f"{len(fitted)} curves with a fit", "2 or more", "see their status")
    units = {source.units[own.names[i]] for i in fitted}
    if len(units) > 1:
        raise InputError("shared fit", f"dose units {', '.join(sorted(units))}", "one unit", "convert the doses first")
    good = take_fits(own, fitted)
    shared = fit_shared(good, plan.shared) if plan.shared else None
    parallel = potencies = None
    if plan.reference is not None:
        if plan.reference not in good.names:
            near = near_names(plan.reference, good.names)
            do = f"did you mean {' or '.join(near)}?" if near else "name a curve that has a fit"
            raise UnknownNameError("--reference", plan.reference, ", ".join(good.names[:20]), do)
        names = [good.model.parameters[k] for k in good.layout.free]
        parallel = fit_shared(good, [name for name in names if not name.startswith("log_")])
        place = good.names.index(plan.reference)
        potencies = relative_potency(parallel, place, level=plan.level, profile=plan.interval == "profile")
    if shared is None:
        return [own], None, parallel, potencies
    rest = np.setdiff1d(np.arange(len(own)), fitted)
    kept = [shared.fits] + ([take_fits(own, rest)] if len(rest) else [])
    return kept, shared, parallel, potencies


def _take(outliers: Outliers, index: NDArray[np.intp]) -> Outliers:
    return Outliers(outliers.flagged[index], outliers.distance[index], outliers.p_value[index])


def _find(fits: CurveFits, plan: Plan, tops: Floats, bottoms: Floats, outliers: Outliers | None) -> Group:
    options: dict[str, Any] = {
        "level": plan.level,
        "logarithmic": plan.interval != "wald-linear",
        "extrapolate": plan.extrapolate,
    }
    relative = half_dose(fits, **options)
    known = bool(np.isfinite(tops).all())
    absolute = half_dose(fits, top=tops, bottom=bottoms, **options) if known else no_doses(fits, DoseStatus.UNDEFINED)
    effects = {p: find_doses(fits, p, **options) for p in plan.effects}
    responses = {y: response_at(fits, y, **options) for y in plan.responses}
    ends: dict[str, tuple[str, ...]] = {}
    if plan.interval == "profile":
        half = np.full(len(fits), 0.5)
        relative, ends["ic50_relative"] = profile_doses(fits, relative, half, relative=True, level=plan.level)
        middle = np.nan_to_num(0.5 * (tops + bottoms))
        absolute, ends["ic50_absolute"] = profile_doses(fits, absolute, middle, relative=False, level=plan.level)
        for p in plan.effects:
            share = np.full(len(fits), p / 100)
            effects[p], _ = profile_doses(fits, effects[p], share, relative=True, level=plan.level)
        for y in plan.responses:
            target = np.full(len(fits), y)
            responses[y], _ = profile_doses(fits, responses[y], target, relative=False, level=plan.level)
        intervals = profile_parameters(fits, level=plan.level)
    else:
        intervals = parameter_intervals(fits, level=plan.level)
    return Group(
        fits, intervals, relative, absolute, effects, responses, akaike(fits)[1], lack_of_fit(fits), outliers, ends
    )
