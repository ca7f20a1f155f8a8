"""How the variance of a drug's potency divides over the constants of the model, varied all together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import InputError
from limus.kernel.execution import Execution, spawn_generators
from limus.kernel.statistics.variance_indices import VarianceIndices, variance_designs, variance_indices
from limus.signalling.constant_spread import MovableConstant, quantiles
from limus.signalling.potency import CurveStatus, CurveSummary
from limus.signalling.sensitivity import LocalSensitivity, Question, answer_sets, value_of, with_followers

__all__ = ["VarianceSensitivity", "most_influential", "vary_together"]

Floats = NDArray[np.float64]

_FEW = 0.1  # share of sets whose half is not reached, for which the relative IC50 may stand


@dataclass(frozen=True, eq=False)
class VarianceSensitivity:
    """All constants varied together.

    Attributes
    ----------
    constants : tuple of MovableConstant
    response : str
        ``log10_ic50_absolute_nM`` or ``max_inhibition_fraction``.
    indices : VarianceIndices
    sets : int
        Parameter sets that were simulated.
    failed_points : int
        Points of the design left out because one of their simulations failed or showed no signal.
    failed_sets, silent_sets : int
        Parameter sets whose simulation failed, and whose control shows no signal.
    without_ic50 : int
        Parameter sets in which half inhibition is not reached; their relative IC50 stands for it.
    percentiles : tuple of float
        5th, 50th and 95th of the response (an IC50 in nM) over the two independent designs.
    """

    constants: tuple[MovableConstant, ...]
    response: str
    indices: VarianceIndices
    sets: int
    failed_points: int
    failed_sets: int
    silent_sets: int
    without_ic50: int
    percentiles: tuple[float, float, float]


def most_influential(local: LocalSensitivity, count: int) -> tuple[MovableConstant, ...]:
    """Choose the constants whose spread moves the response most; conditions of the culture are left out.

    Parameters
    ----------
    local : LocalSensitivity
    count : int
        How many at most.

    Returns
    -------
    tuple of MovableConstant
        Most influential first; those without any influence are left out.
    """
    own = [e for e in local.effects if not e.constant.is_condition and e.influence > 0]
    ranked = sorted(own, key=lambda effect: -effect.influence)
    return tuple(effect.constant for effect in ranked[:count])


def vary_together(
    question: Question,
    constants: Sequence[MovableConstant],
    base: CurveSummary,
    points: int,
    execution: Execution,
) -> VarianceSensitivity:
    """Vary constants together, each by its own distribution and independent of the others, and divide the variance.

    Parameters
    ----------
    question : Question
    constants : sequence of MovableConstant
    base : CurveSummary
        Of the model as it is; decides the response.
    points : int
        Points of the design, a power of two; ``points*(constants + 2)`` sets are simulated.
    execution : Execution
        Its seed decides the points and the resamples.

    Returns
    -------
    VarianceSensitivity

    Raises
    ------
    InputError
        No constant, or one that sets the stimulus.
    """
    for constant in constants:
        if constant.sets_stimulus:
            raise InputError("--parameters", constant.name, "constants other than the stimulus", "use --method local")
    if not constants:
        raise InputError("--parameters", "no constant", "at least one that moves the response", "name others")
    design, resampling = spawn_generators(execution.seed, 2, stream="sensitivity")
    a, b, ab = variance_designs(len(constants), points, design)
    cube = np.vstack([a, b, ab.reshape(-1, len(constants))])
    sets: dict[str, Floats] = {}
    for j, constant in enumerate(constants):
        sets |= with_followers(question, constant, quantiles(constant, cube[:, j]))
    label = f"{question.drug}: {len(constants)} constants together"
    curves = answer_sets(question, sets, execution, label)
    response, values, without = _choose_response(curves, base)
    f_a, f_b, f_ab = values[:points], values[points : 2 * points], values[2 * points :].reshape(-1, points)
    indices = variance_indices(f_a, f_b, f_ab, resampling)
    free = values[: 2 * points]
    free = free[np.isfinite(free)]
    low, middle, high = np.percentile(free, (5.0, 50.0, 95.0)) if len(free) else (math.nan,) * 3
    spread = np.array([low, middle, high])
    spread = 10.0**spread if response.startswith("log10") else spread
    return VarianceSensitivity(
        constants=tuple(constants),
        response=response,
        indices=indices,
        sets=len(values),
        failed_points=points - indices.points,
        failed_sets=sum(curve is None for curve in curves),
        silent_sets=sum(curve is not None and curve.status is CurveStatus.NO_SIGNAL for curve in curves),
        without_ic50=without,
        percentiles=(float(spread[0]), float(spread[1]), float(spread[2])),
    )


def _choose_response(curves: Sequence[CurveSummary | None], base: CurveSummary) -> tuple[str, Floats, int]:
    """log10 of the IC50 where nearly every set has one, else the largest inhibition; and how many have none."""
    without = sum(curve is not None and curve.status not in {CurveStatus.OK, CurveStatus.NO_SIGNAL} for curve in curves)
    if base.status is not CurveStatus.OK or without > _FEW * len(curves):
        inhibition = np.array([value_of("max_inhibition_fraction", curve) for curve in curves])
        return "max_inhibition_fraction", inhibition, without
    absolute = np.array([value_of("ic50_absolute_nM", curve) for curve in curves])
    relative = np.array([value_of("ic50_relative_nM", curve) for curve in curves])
    return "log10_ic50_absolute_nM", np.log10(np.where(np.isnan(absolute), relative, absolute)), without
