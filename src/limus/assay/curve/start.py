"""Starts and bounds of fits: shapes on a grid, plateaus solved for at each, the best few kept.

Every family is linear in some parameters (plateaus, stimulus). For each shape of a coarse grid over the others, those
are solved for by weighted least squares on the means by dose, so that no start depends on a guess from one response.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
from numpy.typing import NDArray

from limus.assay.curve.data import CurveData, DoseMeans
from limus.assay.curve.models import Family, is_dose
from limus.assay.curve.problem import Layout
from limus.kernel.errors import UnknownNameError, ValueRangeError
from limus.kernel.inference.small_systems import cholesky, solve

__all__ = ["box_of", "find_starts", "shape_grid"]

Floats = NDArray[np.float64]
CHUNK_NUMBERS = 400_000
STEEPEST = 50.0
BEYOND_PLATEAU = 10.0
BEYOND_DOSES = float(np.log(1e4))
ASYMMETRY = (1e-2, 1e2)


def box_of(data: CurveData, family: Family, given: Mapping[str, tuple[float, float]]) -> tuple[Floats, Floats]:
    """Return the usual bounds (C, P) of each parameter, or those given.

    Slopes to 50 (Brain-Cousens from 1, as its authors require); doses to 10,000-fold beyond those tested; plateaus to
    ten times the range of the responses beyond them; asymmetry 0.01 to 100; fractions 0 to 1; others free.

    Parameters
    ----------
    data : CurveData
    family : Family
    given : mapping of str to (float, float)
        By parameter; doses in their unit, not as logarithms (then named without ``log_``), or as logarithms.

    Returns
    -------
    tuple of two (C, P) numpy.ndarray

    Raises
    ------
    UnknownNameError
        A bound for a parameter that the family does not have.
    ValueRangeError
        A lower bound that is not below the upper one, or a dose that is not positive.
    """
    curves = len(data)
    lower = np.full((curves, len(family.parameters)), -np.inf)
    upper = np.full_like(lower, np.inf)
    low_dose, high_dose = data.dose_range
    low, high = data.response_range
    spread = np.where(high > low, high - low, np.maximum(np.abs(high), 1.0)) * BEYOND_PLATEAU
    for k, name in enumerate(family.parameters):
        if is_dose(name):
            lower[:, k], upper[:, k] = low_dose - BEYOND_DOSES, high_dose + BEYOND_DOSES
        elif name in {"slope_rise", "slope_fall"}:
            lower[:, k], upper[:, k] = 1e-2, STEEPEST
        elif name == "slope" and family.name == "brain_cousens":
            lower[:, k], upper[:, k] = 1.0, STEEPEST
        elif name.startswith("slope"):
            lower[:, k], upper[:, k] = -STEEPEST, STEEPEST
        elif name in {"lower", "upper"}:
            lower[:, k], upper[:, k] = low - spread, high + spread
        elif name == "asymmetry":
            lower[:, k], upper[:, k] = ASYMMETRY
        elif name == "fraction":
            lower[:, k], upper[:, k] = 0.0, 1.0
    for name, (begin, end) in given.items():
        k = _place(name, family)
        as_dose = is_dose(family.parameters[k]) and not is_dose(name)
        if not begin < end or (as_dose and begin < 0):
            raise ValueRangeError(
                f"bound of {name}", f"{begin} to {end}", "lower < upper, doses positive", "correct it"
            )
        with np.errstate(divide="ignore"):
            lower[:, k], upper[:, k] = (np.log(begin), np.log(end)) if as_dose else (begin, end)
    return lower, upper


def _place(name: str, family: Family) -> int:
    for candidate in (name, f"log_{name}"):
        if candidate in family.parameters:
            return family.parameters.index(candidate)
    known = ", ".join(p.removeprefix("log_") for p in family.parameters)
    raise UnknownNameError("curve parameter", name, known, f"use a parameter of {family.label}")


def shape_grid(family: Family, layout: Layout) -> list[dict[str, float]]:
    """Return the shapes that starts try; both signs of a slope where a plateau is fixed."""
    free = {family.parameters[k] for k in layout.free}
    axes = {}
    for name, values in family.shapes.items():
        if name not in free:
            continue
        signed = family.mirrored and name in family.slopes and not set(family.linear) <= free
        axes[name] = (*values, *(-v for v in values)) if signed else values
    shapes = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    if family.ordered and set(family.ordered) <= set(axes):
        first, second = family.ordered
        shapes = [shape for shape in shapes if shape[first] < shape[second]]
    return shapes


def find_starts(data: CurveData, layout: Layout, box: tuple[Floats, Floats], count: int) -> Floats:
    """Find starts for every curve.

    Parameters
    ----------
    data : CurveData
    layout : Layout
    box : tuple of two (C, P) numpy.ndarray
        Bounds.
    count : int
        Starts a curve, 1 or more: the best shape, then the best of those with another slope (or other first shape).

    Returns
    -------
    (C, count, F) numpy.ndarray
        Fitted parameters, inside the bounds.
    """
    family = layout.family
    shapes = shape_grid(family, layout)
    groups = _groups(shapes)
    gathered = data.gather()
    low, high = data.dose_range
    found = np.empty((len(data), count, len(family.parameters)))
    width = gathered.means.shape[1]
    size = max(1, CHUNK_NUMBERS // (len(shapes) * width * (len(family.parameters) + 1)))
    for begin in range(0, len(data), size):
        index = np.arange(begin, min(begin + size, len(data)))
        own = _some(gathered, index)
        errors, parameters = _try_shapes(own, layout.take(index), shapes, low[index], high[index])
        found[index] = _best(errors, parameters, groups, count)
    found = np.clip(found, box[0][:, np.newaxis], box[1][:, np.newaxis])
    return found[:, :, list(layout.free)]


def _groups(shapes: list[dict[str, float]]) -> NDArray[np.int64]:
    """Number the shapes by all but their doses."""
    keys = [tuple(v for name, v in shape.items() if not is_dose(name)) for shape in shapes]
    names = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    return np.array([names[key] for key in keys])


def _some(means: DoseMeans, index: NDArray[np.intp]) -> DoseMeans:
    return DoseMeans(
        means.log_doses[index],
        means.means[index],
        means.weights[index],
        means.pure_error[index],
        means.distinct[index],
    )


def _try_shapes(
    means: DoseMeans, layout: Layout, shapes: list[dict[str, float]], low: Floats, high: Floats
) -> tuple[Floats, Floats]:
    """Sum of squares (B, G) and parameters (B, G, P) at each shape, its linear parameters solved for."""
    family = layout.family
    curves, tried = len(means.means), len(shapes)
    parameters = np.repeat(layout.fixed[:, np.newaxis], tried, axis=1)
    for k, name in enumerate(family.parameters):
        if name not in shapes[0]:
            continue
        values = np.array([shape[name] for shape in shapes])
        span = (high - low)[:, np.newaxis]
        parameters[:, :, k] = low[:, np.newaxis] + values * span if is_dose(name) else values
    if "slope_2" in family.parameters and "slope_1" in shapes[0]:
        parameters[:, :, family.parameters.index("slope_2")] = parameters[:, :, family.parameters.index("slope_1")]
    if "slope_fall" in family.parameters:
        parameters[:, :, family.parameters.index("slope_fall")] = parameters[
            :, :, family.parameters.index("slope_rise")
        ]
    linear = [family.parameters.index(name) for name in family.linear]
    flat = parameters.reshape(curves * tried, -1)
    flat[:, [k for k in linear if k in layout.free]] = 0.0
    log_doses, roots, target = (
        np.repeat(a, tried, axis=0) for a in (means.log_doses, np.sqrt(means.weights), means.means)
    )
    with np.errstate(all="ignore"):
        known, slopes = family.formula([flat[:, k, np.newaxis] for k in range(flat.shape[1])], log_doses)
        wanted = [k for k in linear if k in layout.free]
        rest = (target - known) * roots
        if wanted:
            basis = slopes[wanted] * roots
            solution = _solve(basis, rest)
            flat[:, wanted] = solution.T
            rest = rest - np.einsum("lb,lbk->bk", solution, basis)
        errors = np.einsum("bk,bk->b", rest, rest)
    crossed = np.zeros(len(flat), dtype=np.bool_)
    if {"lower", "upper"} <= set(family.parameters):
        crossed = flat[:, family.parameters.index("lower")] > flat[:, family.parameters.index("upper")]
    if family.mirrored and len(wanted) == len(linear):
        flat[crossed] = mirror(flat[crossed], family)
    else:
        errors = np.where(crossed, 1e6 * (errors + 1), errors)
    errors = np.where(np.isfinite(errors) & np.isfinite(flat).all(axis=1), errors, np.inf)
    return errors.reshape(curves, tried), np.nan_to_num(flat).reshape(curves, tried, -1)


def mirror(parameters: Floats, family: Family) -> Floats:
    """Swap the plateaus and turn the slopes: the same curve."""
    turned = parameters.copy()
    low, high = family.parameters.index("lower"), family.parameters.index("upper")
    turned[:, [low, high]] = parameters[:, [high, low]]
    for name in family.slopes:
        turned[:, family.parameters.index(name)] *= -1
    return turned


def _solve(basis: Floats, target: Floats) -> Floats:
    """Least squares for a few unknowns in every lane; basis (L, B, K), answer (L, B)."""
    count = len(basis)
    matrix = np.empty((count, count, basis.shape[1]))
    for i in range(count):
        for j in range(i + 1):
            matrix[i, j] = matrix[j, i] = np.einsum("bk,bk->b", basis[i], basis[j])
    right = np.einsum("lbk,bk->lb", basis, target)
    ridge = 1e-10 * np.maximum(np.einsum("iib->b", matrix), 1e-300)
    return solve(cholesky(matrix, ridge)[0], right)


def _best(errors: Floats, parameters: Floats, groups: NDArray[np.int64], count: int) -> Floats:
    """The best shape of each of the best groups, one after the other; the best again where there are fewer."""
    kinds = int(groups.max()) + 1
    curves = np.arange(len(errors))
    leaders = np.empty((len(errors), kinds), dtype=np.intp)
    for kind in range(kinds):
        members = np.flatnonzero(groups == kind)
        leaders[:, kind] = members[np.argmin(errors[:, members], axis=1)]
    order = np.argsort(errors[curves[:, np.newaxis], leaders], axis=1, kind="stable")
    ranked = np.take_along_axis(leaders, order, axis=1)[:, np.arange(count) % kinds]
    return parameters[curves[:, np.newaxis], ranked]
