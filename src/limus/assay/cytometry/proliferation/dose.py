"""Dose-response of the indices: per cent of the stimulated controls against concentration, and IC50s."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from limus.assay.curve.inhibition import PercentPoints, fit_percent_curve, no_percent_curve
from limus.assay.cytometry.proliferation.records import DoseResponse, WellResult
from limus.assay.layout.records import Role
from limus.assay.plate.uncertainty import Estimate, InputBlock, student_quantile

__all__ = ["UNDIVIDED", "dose_responses"]

Floats = NDArray[np.float64]
UNDIVIDED = {
    "percent_divided": 0.0,
    "division_index": 0.0,
    "proliferation_index": 1.0,
    "expansion_index": 1.0,
    "replication_index": 2.0,
    "percent_divided_cells": 0.0,
}


def dose_responses(wells: Sequence[WellResult], index: str) -> tuple[DoseResponse, ...]:
    """Fit the dose-response of an index for each compound and group.

    Parameters
    ----------
    wells : sequence of WellResult
    index : str

    Returns
    -------
    tuple of DoseResponse
        A compound without stimulated controls in its group has no curve.

    Raises
    ------
    UnitError
        Concentrations of one compound in units that cannot be converted.
    """
    return tuple(_one(*series, wells, index) for series in _series(wells))


def _series(wells: Sequence[WellResult]) -> Iterator[tuple[str, str]]:
    found = dict.fromkeys(
        (w.well.compound, w.well.group) for w in wells if w.well.role is Role.SAMPLE and w.well.compound
    )
    yield from found


def _group(wells: Sequence[WellResult], role: Role, group: str, index: str) -> list[float]:
    """Values of wells with a role, of the same group, or of no group where that has none."""
    own = [w for w in wells if w.well.role is role and w.usable]
    chosen = [w for w in own if w.well.group == group] or [w for w in own if not w.well.group]
    values = [w.index(index).value for w in chosen]
    return [value for value in values if math.isfinite(value)]


def _one(compound: str, group: str, wells: Sequence[WellResult], index: str) -> DoseResponse:
    own = [w for w in wells if w.well.role is Role.SAMPLE and (w.well.compound, w.well.group) == (compound, group)]
    unit = next((w.well.concentration.unit for w in own if w.well.concentration.unit), "")
    doses: dict[float, list[WellResult]] = {}
    for w in own:
        dose = w.well.concentration.in_unit(unit, where=w.well.where)
        doses.setdefault(float(f"{dose:.6g}"), []).append(w)
    positive = tuple(sorted(dose for dose in doses if dose > 0))
    groups = [[v for w in doses[d] if math.isfinite(v := w.index(index).value)] for d in positive]
    controls = _group(wells, Role.CONTROL, group, index)
    controls += [v for w in doses.get(0.0, []) if math.isfinite(v := w.index(index).value)]
    bottoms = _group(wells, Role.UNSTIMULATED, group, index)
    variance, freedom = _scatter([controls, *groups], own, index)
    top = _mean(controls, variance, freedom)
    low = _mean(bottoms, variance, freedom) if bottoms else Estimate(UNDIVIDED[index])
    nothing = np.full(len(positive) + 1, math.nan)
    if not top.known or not low.known:
        percent = tuple(Estimate(math.nan) for _ in positive)
        curve = no_percent_curve("no_control", nothing)
    elif not top.value > low.value:
        percent = tuple(Estimate(math.nan) for _ in positive)
        curve = no_percent_curve("no_stimulation", nothing)
    else:
        points = _points(positive, groups, controls, low.value, variance, freedom)
        curve = fit_percent_curve(points)
        percent = tuple(_percent(g, top.value, low.value, variance, freedom) for g in groups)
    return DoseResponse(
        compound=compound,
        group=group,
        index=index,
        unit=unit,
        doses=positive,
        wells=tuple(tuple(doses[d]) for d in positive),
        percent=percent,
        control=top,
        lowest=low,
        lowest_measured=bool(bottoms),
        curve=curve,
    )


def _scatter(groups: Sequence[Sequence[float]], wells: Sequence[WellResult], index: str) -> tuple[float, float]:
    """Variance of a well about the mean of its dose: pooled over doses, not below that of the fits themselves."""
    squares = sum(sum((v - np.mean(g)) ** 2 for v in g) for g in groups if len(g) > 1)
    freedom = float(sum(len(g) - 1 for g in groups if len(g) > 1))
    widths = [(e.upper - e.lower) / 3.92 for w in wells if math.isfinite((e := w.index(index)).upper)]
    within = float(np.mean(np.square(widths))) if widths else 0.0
    if freedom < 1:
        return within, math.inf
    return max(float(squares) / freedom, within), freedom


def _mean(values: Sequence[float], variance: float, freedom: float) -> Estimate:
    if not values:
        return Estimate(math.nan)
    half = float(student_quantile(freedom)) * math.sqrt(variance / len(values))
    middle = float(np.mean(values))
    return Estimate(middle, middle - half, middle + half)


def _percent(values: Sequence[float], top: float, low: float, variance: float, freedom: float) -> Estimate:
    mean = _mean(values, variance, freedom)
    return Estimate(*(100.0 * (x - low) / (top - low) for x in (mean.value, mean.lower, mean.upper)))


def _points(
    doses: tuple[float, ...],
    groups: Sequence[Sequence[float]],
    controls: Sequence[float],
    low: float,
    variance: float,
    freedom: float,
) -> PercentPoints:
    """Means of the controls and of each dose, and how per cent follow from them."""
    everything = [controls, *groups]
    means = [float(np.mean(g)) if g else 0.0 for g in everything]
    floor = max(variance, 1e-12)
    blocks = [InputBlock.create(m, floor / max(len(g), 1), freedom) for m, g in zip(means, everything, strict=True)]
    span = means[0] - low
    weights = np.array([len(g) * (span / 100.0) ** 2 / floor for g in everything])

    def percent(inputs: Floats) -> Floats:
        return np.asarray(100.0 * (inputs - low) / (inputs[:, :1] - low))

    censoring = np.zeros(len(everything), dtype=np.int64)
    return PercentPoints(np.array([0.0, *doses]), blocks, percent, weights, censoring, variance > 0)
