"""How a drug's potency depends on the constants of the model: one at a time, and all together by variance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import InputError, SolveError
from limus.kernel.execution import Execution, spawn_generators
from limus.kernel.statistics.variance_indices import VarianceIndices, variance_designs, variance_indices
from limus.signalling.constant_spread import MovableConstant, quantiles
from limus.signalling.culture import Culture, run_responses
from limus.signalling.potency import CurveStatus, CurveSummary, summarise_curve
from limus.signalling.sourced_model import SourcedModel

__all__ = [
    "FLAT_TAIL_FOLD",
    "STEP",
    "LocalEffect",
    "LocalSensitivity",
    "Question",
    "VarianceSensitivity",
    "most_influential",
    "move_one_by_one",
    "vary_together",
]

Floats = NDArray[np.float64]

STEP = 1.1
FLAT_TAIL_FOLD = 3.0
_SETS_AT_ONCE = 64
_FEW = 0.1  # share of sets whose half is not reached, for which the relative IC50 may stand


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of the model: a dose-response.

    Attributes
    ----------
    model : SourcedModel
    culture : Culture
    drug, readout : str
    concentrations : (C,) array
        As asked, nM, increasing.
    outside : (C,) array
        In the medium of the model, nM: another than asked where these are levels in blood.
    """

    model: SourcedModel
    culture: Culture
    drug: str
    readout: str
    concentrations: Floats
    outside: Floats


@dataclass(frozen=True, slots=True)
class LocalEffect:
    """What one constant does, moved alone.

    Attributes
    ----------
    constant : MovableConstant
    elasticity : float
        d ln(response)/d ln(constant), between 1.1-fold up and down (one side where the other is out of bounds).
    fold_up, fold_down : float
        Response over its base with the constant 1.1 times higher, and lower; NaN out of bounds or where it has none.
    fold_spread_up, fold_spread_down : float
        The same with the constant moved by its spread (one standard deviation, inside its bounds).
    status : str
        ``ok``, ``simulation_failed``, or the curve's status where an IC50 is lost by 10 %.
    flat_tail : bool
        The IC50 changes more than 3-fold, or is lost, when the constant moves 10 %.
    """

    constant: MovableConstant
    elasticity: float
    fold_up: float
    fold_down: float
    fold_spread_up: float
    fold_spread_down: float
    status: str
    flat_tail: bool

    @property
    def influence(self) -> float:
        """Largest |ln fold| by the spread; infinite where the response is lost."""
        sides = (self.fold_spread_up, self.fold_spread_down)
        return max(abs(math.log(fold)) if fold > 0 else math.inf for fold in sides)


@dataclass(frozen=True, eq=False)
class LocalSensitivity:
    """Each constant moved alone; ``response`` is ``ic50_absolute_nM``, or ``max_inhibition_fraction`` without one."""

    base: CurveSummary
    response: str
    effects: tuple[LocalEffect, ...]


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


def _responses(question: Question, sets: Mapping[str, Floats], execution: Execution) -> list[CurveSummary | None]:
    """The curve of each parameter set; None where its simulation failed."""
    readouts = {question.readout: question.culture.hours}
    try:
        answer = run_responses(
            question.model,
            question.culture,
            question.drug,
            question.outside,
            readouts,
            parameters=sets,
            execution=execution,
        )
    except SolveError:
        count = len(next(iter(sets.values())))
        if count == 1:
            return [None]
        halves = (slice(0, count // 2), slice(count // 2, count))
        return [
            curve for half in halves for curve in _responses(question, {n: v[half] for n, v in sets.items()}, execution)
        ]
    return [summarise_curve(question.concentrations, row) for row in answer.percent[question.readout]]


def _in_pieces(
    question: Question, sets: Mapping[str, Floats], execution: Execution, label: str
) -> list[CurveSummary | None]:
    count = len(next(iter(sets.values())))
    starts = range(0, count, _SETS_AT_ONCE)
    found: list[CurveSummary | None] = []
    execution.progress.start(label, len(starts))
    try:
        for start in starts:
            piece = {name: values[start : start + _SETS_AT_ONCE] for name, values in sets.items()}
            found += _responses(question, piece, execution)
            execution.progress.advance()
    finally:
        execution.progress.finish()
    return found


def _with_followers(question: Question, constant: MovableConstant, values: Floats) -> dict[str, Floats]:
    """The constant and what moves with it by the same factor."""
    own = {name: question.model.parameters[name].value for name in constant.followers}
    return {constant.name: values} | {name: value * values / constant.value for name, value in own.items()}


def _value_of(response: str, curve: CurveSummary | None) -> float:
    return math.nan if curve is None else float(getattr(curve, response))


def move_one_by_one(question: Question, constants: Sequence[MovableConstant], execution: Execution) -> LocalSensitivity:
    """Move each constant alone: 1.1-fold up and down, and by its spread up and down.

    Parameters
    ----------
    question : Question
    constants : sequence of MovableConstant
    execution : Execution

    Returns
    -------
    LocalSensitivity
        Effects in the order of the constants.

    Raises
    ------
    SolveError
        The model as it is cannot be simulated.
    """
    moves = [_moves(constant) for constant in constants]
    curves = _curves_of_moves(question, constants, moves, execution)
    base = curves.pop(0)
    if base is None:
        raise SolveError(
            f"model {question.model.name}", "no simulation", "a culture that can be solved", "change --set"
        )
    response = "ic50_absolute_nM" if base.status is CurveStatus.OK else "max_inhibition_fraction"
    effects = [
        _effect(constant, move, curves[4 * k : 4 * k + 4], base, response)
        for k, (constant, move) in enumerate(zip(constants, moves, strict=True))
    ]
    return LocalSensitivity(base, response, tuple(effects))


def _moves(constant: MovableConstant) -> tuple[float, float, float, float]:
    """Values up and down by the step (NaN out of bounds), and by the spread (at the bound where beyond)."""
    inside = [v if constant.lower <= v <= constant.upper else math.nan for v in _by_factor(constant, STEP)]
    spread = [min(max(v, constant.lower), constant.upper) for v in _by_factor(constant, 10.0**constant.log10_sd)]
    return inside[0], inside[1], spread[0], spread[1]


def _by_factor(constant: MovableConstant, factor: float) -> tuple[float, float]:
    return constant.value * factor, constant.value / factor


def _curves_of_moves(
    question: Question,
    constants: Sequence[MovableConstant],
    moves: Sequence[tuple[float, ...]],
    execution: Execution,
) -> list[CurveSummary | None]:
    """The base, then four curves a constant; those that set the stimulus run in cultures of their own."""
    together = [k for k, constant in enumerate(constants) if not constant.sets_stimulus]
    size = 1 + 4 * len(together)
    sets: dict[str, Floats] = {}
    for place, k in enumerate(together):
        base = _with_followers(question, constants[k], np.full(size, constants[k].value))
        tried = np.array([constants[k].value if math.isnan(v) else v for v in moves[k]])
        for name, values in _with_followers(question, constants[k], tried).items():
            base[name][1 + 4 * place : 5 + 4 * place] = values
        sets |= base
    # a set without any change is asked through a constant at its own value
    sets = sets or {"stimulus_start": _start(question.culture)}
    ran = _in_pieces(question, sets, execution, f"{question.drug}: constants one by one")
    curves: list[CurveSummary | None] = [ran[0], *[None] * (4 * len(constants))]
    for place, k in enumerate(together):
        curves[1 + 4 * k : 5 + 4 * k] = ran[1 + 4 * place : 5 + 4 * place]
    for k, constant in enumerate(constants):
        if constant.sets_stimulus:
            curves[1 + 4 * k : 5 + 4 * k] = [_other_stimulus(question, constant, v, execution) for v in moves[k]]
    return curves


def _other_stimulus(
    question: Question, constant: MovableConstant, value: float, execution: Execution
) -> CurveSummary | None:
    """Under another stimulus the background culture stays without it."""
    if math.isnan(value):
        return None
    culture = replace(question.culture, overrides=dict(question.culture.overrides) | {constant.name: value})
    return _responses(replace(question, culture=culture), {"stimulus_start": _start(culture)}, execution)[0]


def _start(culture: Culture) -> Floats:
    return np.array([culture.inputs()["stimulus_start"]])


def _effect(
    constant: MovableConstant,
    moves: tuple[float, ...],
    curves: Sequence[CurveSummary | None],
    base: CurveSummary,
    response: str,
) -> LocalEffect:
    middle = _value_of(response, base)
    tried = [not math.isnan(value) for value in moves]
    folds = [
        _value_of(response, curve) / middle if there and middle > 0 else math.nan
        for there, curve in zip(tried, curves, strict=True)
    ]
    up, down = folds[0], folds[1]
    status = "ok"
    for there, curve in zip(tried[:2], curves[:2], strict=True):
        if there and curve is None:
            status = "simulation_failed"
        elif there and curve is not None and math.isnan(_value_of(response, curve)):
            status = str(curve.status)
    if not middle > 0:
        status = str(base.status)
    lost = status not in {"ok", "simulation_failed"}
    large = any(f > FLAT_TAIL_FOLD or f < 1.0 / FLAT_TAIL_FOLD for f in (up, down) if not math.isnan(f))
    return LocalEffect(
        constant=constant,
        elasticity=_elasticity(up, down),
        fold_up=up,
        fold_down=down,
        fold_spread_up=folds[2],
        fold_spread_down=folds[3],
        status=status,
        flat_tail=response == "ic50_absolute_nM" and (large or lost),
    )


def _elasticity(up: float, down: float) -> float:
    steps = [math.log(up)] if up > 0 else []
    steps += [-math.log(down)] if down > 0 else []
    return float(np.mean(steps)) / math.log(STEP) if steps else math.nan


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
        sets |= _with_followers(question, constant, quantiles(constant, cube[:, j]))
    label = f"{question.drug}: {len(constants)} constants together"
    curves = _in_pieces(question, sets, execution, label)
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
        inhibition = np.array([_value_of("max_inhibition_fraction", curve) for curve in curves])
        return "max_inhibition_fraction", inhibition, without
    absolute = np.array([_value_of("ic50_absolute_nM", curve) for curve in curves])
    relative = np.array([_value_of("ic50_relative_nM", curve) for curve in curves])
    return "log10_ic50_absolute_nM", np.log10(np.where(np.isnan(absolute), relative, absolute)), without
