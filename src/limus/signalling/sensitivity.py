"""How a drug's potency depends on the constants of the model, moved one at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import SolveError
from limus.kernel.execution import Execution
from limus.signalling.constant_spread import MovableConstant
from limus.signalling.culture import Culture, run_responses
from limus.signalling.potency import CurveStatus, CurveSummary, summarise_curve
from limus.signalling.sourced_model import SourcedModel

__all__ = [
    "FLAT_TAIL_FOLD",
    "STEP",
    "LocalEffect",
    "LocalSensitivity",
    "Question",
    "answer_sets",
    "move_one_by_one",
    "value_of",
    "with_followers",
]

Floats = NDArray[np.float64]

STEP = 1.1
FLAT_TAIL_FOLD = 3.0
_SETS_AT_ONCE = 64


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


def answer_sets(
    question: Question, sets: Mapping[str, Floats], execution: Execution, label: str
) -> list[CurveSummary | None]:
    """Ask a question of many parameter sets, some at once.

    Parameters
    ----------
    question : Question
    sets : mapping of str to (N,) array
        Constants, canonical units.
    execution : Execution
    label : str
        Shown by the progress.

    Returns
    -------
    list of CurveSummary or None
        None where the simulation of a set failed.
    """
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


def with_followers(question: Question, constant: MovableConstant, values: Floats) -> dict[str, Floats]:
    """Return values of a constant, and of what moves with it by the same factor.

    Parameters
    ----------
    question : Question
    constant : MovableConstant
    values : (N,) array
        Of the constant, canonical unit.

    Returns
    -------
    dict of str to (N,) array
    """
    own = {name: question.model.parameters[name].value for name in constant.followers}
    return {constant.name: values} | {name: value * values / constant.value for name, value in own.items()}


def value_of(response: str, curve: CurveSummary | None) -> float:
    """Return a number of a curve, NaN where the simulation failed.

    Parameters
    ----------
    response : str
        ``ic50_absolute_nM`` or another attribute of the summary.
    curve : CurveSummary or None

    Returns
    -------
    float
    """
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
        base = with_followers(question, constants[k], np.full(size, constants[k].value))
        tried = np.array([constants[k].value if math.isnan(v) else v for v in moves[k]])
        for name, values in with_followers(question, constants[k], tried).items():
            base[name][1 + 4 * place : 5 + 4 * place] = values
        sets |= base
    # a set without any change is asked through a constant at its own value
    sets = sets or {"stimulus_start": _start(question.culture)}
    label = f"{question.drug}: " + ("constants one by one" if constants else "as it is")
    ran = answer_sets(question, sets, execution, label)
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
    middle = value_of(response, base)
    tried = [not math.isnan(value) for value in moves]
    folds = [
        value_of(response, curve) / middle if there and middle > 0 else math.nan
        for there, curve in zip(tried, curves, strict=True)
    ]
    up, down = folds[0], folds[1]
    status = "ok"
    for there, curve in zip(tried[:2], curves[:2], strict=True):
        if there and curve is None:
            status = "simulation_failed"
        elif there and curve is not None and math.isnan(value_of(response, curve)):
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
