"""Fit dose-response curves, one or a hundred thousand at once, and read doses off a fitted curve.

The public face of the curves in this folder; formulae stand in ``formulae.py``, models in ``models.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.assay.curve.covariance import find_spread
from limus.assay.curve.data import CurveData
from limus.assay.curve.dose import find_doses, half_dose, response_at
from limus.assay.curve.models import CurveModel, find_model
from limus.assay.curve.no_effect import no_effect_test
from limus.assay.curve.problem import Layout
from limus.assay.curve.reading import read_curve
from limus.assay.curve.records import (
    CurveFits,
    CurveStatus,
    DoseEstimates,
    DoseStatus,
    NoEffectTest,
    Readings,
    take_fits,
)
from limus.assay.curve.refit import refit
from limus.assay.curve.start import box_of, find_starts, mirror
from limus.assay.curve.status import judge
from limus.assay.curve.weights import ROBUST, WEIGHTINGS, choose
from limus.kernel.errors import UnknownNameError, ValueRangeError
from limus.kernel.execution import Execution

__all__ = [
    "CurveData",
    "CurveFits",
    "CurveStatus",
    "DoseEstimates",
    "DoseStatus",
    "Readings",
    "find_doses",
    "fit_curves",
    "fit_data",
    "half_dose",
    "read_curve",
    "response_at",
    "take_fits",
]

Floats = NDArray[np.float64]
PIECE = 20_000


def fit_curves(
    doses: ArrayLike | Sequence[ArrayLike],
    responses: ArrayLike | Sequence[ArrayLike],
    *,
    names: Sequence[str] = (),
    weights: str | ArrayLike | Sequence[ArrayLike] = "none",
    censoring: ArrayLike | Sequence[ArrayLike] | None = None,
    model: str = "ll4",
    fixed: Mapping[str, ArrayLike] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    robust: str = "none",
    known_errors: bool = False,
    starts: int = 3,
    execution: Execution | None = None,
) -> CurveFits:
    """Fit one model to C curves.

    Parameters
    ----------
    doses, responses : (N,), (C, N) or C sequences
        Doses 0 or above, one unit for all; NaN responses are padding.
    names : sequence of str
        Curves; numbers by default.
    weights : str or like responses
        ``none``, ``1/y``, ``1/y2`` (of the fitted value, iterated), ``power`` (variance as a power of the mean,
        the power fitted over all curves), or given weights (inverse variances up to a factor).
    censoring : like responses, optional
        -1 where the response is known to lie below the value given, 1 above, 0 measured.
    model, fixed, bounds, robust, known_errors, starts, execution
        As for :func:`fit_data`.

    Returns
    -------
    CurveFits

    Raises
    ------
    ValueRangeError
        Doses below 0, shapes that differ, a value missing that the model needs.
    UnknownNameError
        Unknown name of model, weighting, loss or parameter.

    Examples
    --------
    >>> doses = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0]
    >>> fits = fit_curves(doses, [98.0, 91.0, 76.0, 48.0, 24.0, 9.0])
    >>> str(fits.status[0]), round(float(half_dose(fits).dose[0]), 2)
    ('ok', 2.79)
    """
    given = None if isinstance(weights, str) else weights
    data = CurveData.create(doses, responses, names=names, weights=given, censoring=censoring)
    return fit_data(
        data,
        model=model,
        weighting=weights if isinstance(weights, str) else "given",
        fixed=fixed,
        bounds=bounds,
        robust=robust,
        known_errors=known_errors,
        starts=starts,
        execution=execution,
    )


def fit_data(
    data: CurveData,
    *,
    model: str | CurveModel = "ll4",
    weighting: str = "none",
    fixed: Mapping[str, ArrayLike] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    robust: str = "none",
    known_errors: bool = False,
    starts: int = 3,
    given_starts: ArrayLike | None = None,
    execution: Execution | None = None,
) -> CurveFits:
    """Fit one model to the curves of a data set.

    Parameters
    ----------
    data : CurveData
    model : str or CurveModel
        See :data:`limus.assay.curve.models.MODELS`.
    weighting : str
        As in :func:`fit_curves`, or ``given``: the data's own weights alone. With the others, the data's weights
        multiply those of the variance model.
    fixed : mapping
        Parameters that are not fitted, one value or one a curve; doses in their unit (``ec50``) or as logarithm.
    bounds : mapping
        Lower and upper bounds by parameter, in place of the usual ones.
    robust : str
        ``none``, ``huber``, ``cauchy`` or ``tukey``.
    known_errors : bool
        Whether the weights are 1 / variance with known variances: standard errors are then not scaled by the residuals.
    starts : int
        Starts followed for each curve.
    given_starts : (C, S, F) array_like, optional
        Starts in place of the usual ones: fitted parameters, doses as logarithms.
    execution : Execution, optional
        Progress and cancel; by default silent.

    Returns
    -------
    CurveFits

    Raises
    ------
    ValueRangeError, UnknownNameError
        As :func:`fit_curves`.
    """
    chosen = find_model(model) if isinstance(model, str) else model
    scheme = "given" if weighting == "given" else choose(weighting, WEIGHTINGS, "weighting")
    loss = choose(robust, ROBUST, "robust loss")
    if starts < 1:
        raise ValueRangeError("starts", starts, "1 or more", "ask for a start")
    if loss != "none" and (data.censoring != 0).any():
        raise ValueRangeError(
            "robust loss", f"{loss} with censored responses", "one of the two", "leave the robust option out"
        )
    layout = lay_out(chosen, fixed or {}, len(data))
    box = box_of(data, chosen.family, bounds or {})
    given = None if given_starts is None else np.asarray(given_starts, dtype=np.float64)
    # a fitted power is one for all curves; everything else is a curve's own affair and can be cut into pieces
    size = len(data) if scheme == "power" else PIECE
    run = execution or Execution(workers=1)
    pieces = [np.arange(begin, min(begin + size, len(data))) for begin in range(0, len(data), size)]

    def piece(index: NDArray[np.intp]) -> CurveFits:
        own = data if len(index) == len(data) else data.take(index)
        walls = (box[0][index], box[1][index])
        begin = None if given is None else given[index]
        return _fit_piece(
            own, chosen, layout.take(index), walls, scheme, loss, known_errors, starts, begin, _full(bounds, chosen)
        )

    label = f"fitting {len(data)} curves" if len(pieces) > 1 else ""
    return _join([*run.map(piece, pieces, label=label, small=True)], data)


def lay_out(model: CurveModel, fixed: Mapping[str, ArrayLike], curves: int) -> Layout:
    """Return which parameters are fitted and the values of the others.

    Parameters
    ----------
    model : CurveModel
    fixed : mapping
        As for :func:`fit_data`.
    curves : int
        C.

    Returns
    -------
    Layout

    Raises
    ------
    UnknownNameError
        A parameter that the model does not have.
    ValueRangeError
        A value that the model needs is missing, is not finite, or is no dose; or nothing is left to fit.
    """
    names = model.parameters
    values: dict[str, Floats] = {name: np.full(curves, value) for name, value in model.fixed.items()}
    for name, value in fixed.items():
        array = np.broadcast_to(np.asarray(value, dtype=np.float64), (curves,))
        as_dose = name not in names and f"log_{name}" in names
        target = f"log_{name}" if as_dose else name
        if target not in names:
            known = ", ".join(n.removeprefix("log_") for n in names)
            raise UnknownNameError("fixed parameter", name, known, f"use a parameter of {model.name}")
        if not np.isfinite(array).all() or (as_dose and not (array > 0).all()):
            raise ValueRangeError(f"fixed {name}", array[0], "finite; a dose positive", "correct the value")
        values[target] = np.log(array) if as_dose else array
    missing = [name for name in model.needs if name not in values]
    if missing:
        raise ValueRangeError(
            f"model {model.name}",
            f"no value for {', '.join(missing)}",
            "a fixed value",
            f"give --fix {missing[0]}=VALUE",
        )
    free = tuple(k for k, name in enumerate(names) if name not in values)
    if not free:
        raise ValueRangeError("fixed parameters", "all of them", "at least one fitted", "fix fewer")
    matrix = np.zeros((curves, len(names)))
    for name, array in values.items():
        matrix[:, names.index(name)] = array
    return Layout(model.family, free, matrix)


def _fit_piece(
    data: CurveData,
    model: CurveModel,
    layout: Layout,
    box: tuple[Floats, Floats],
    scheme: str,
    loss: str,
    known_errors: bool,
    starts: int,
    given: Floats | None,
    bounded: tuple[str, ...],
) -> CurveFits:
    free = list(layout.free)
    walls = (box[0][:, free], box[1][:, free])
    enough = (data.distinct >= len(free)) & (data.counts > len(free))
    begin = (
        find_starts(data.for_starts(), layout, box, starts)
        if given is None
        else np.clip(given, *(w[:, np.newaxis] for w in walls))
    )
    result = refit(data, layout, walls, begin, scheme, loss, enough, known_errors=known_errors)
    parameters = _in_order(layout.fill(result.parameters), model, layout, bounded)
    result.parameters[:] = parameters[:, free]
    spread = find_spread(data, layout, walls, result, loss, known_errors)
    test = no_effect_test(data, layout, result.parameters, result.weights, enough)
    wide = np.zeros((len(data), len(model.parameters), len(model.parameters)))
    rows, own = np.arange(len(data)), np.array(free)
    wide[rows[:, np.newaxis, np.newaxis], own[:, np.newaxis], own] = spread.covariance
    at_bound = np.zeros(parameters.shape, dtype=np.bool_)
    at_bound[:, free] = spread.held & enough[:, np.newaxis]
    parameters[~enough] = wide[~enough] = np.nan
    status = judge(data, layout, result, spread, test, enough, parameters)
    return CurveFits(
        data=data,
        model=model,
        layout=layout,
        parameters=_seal(parameters),
        covariance=_seal(wide),
        weights=_seal(result.weights),
        residual_standard_deviation=_seal(np.where(enough, spread.deviation, np.nan)),
        sum_of_squares=_seal(np.where(enough, result.squares, np.nan)),
        degrees_of_freedom=_seal(spread.freedom),
        at_bound=at_bound,
        box=box,
        status=status,
        no_effect=test,
        given_bounds=bounded,
        weighting=scheme,
        exponent=result.exponent,
        robust=loss,
        same_minimum=result.same_minimum,
        iterations=result.iterations,
    )


def _full(bounds: Mapping[str, tuple[float, float]] | None, model: CurveModel) -> tuple[str, ...]:
    """Names of the bounded parameters as the model has them."""
    return tuple(name if name in model.parameters else f"log_{name}" for name in bounds or ())


def _in_order(parameters: Floats, model: CurveModel, layout: Layout, bounded: tuple[str, ...]) -> Floats:
    """Give curves that can be written in two ways the one with the plateaus, or doses, in order."""
    family = model.family
    names = family.parameters
    free = {names[k] for k in layout.free}
    if bounded:
        return parameters
    if family.mirrored and {"lower", "upper", *family.slopes} <= free:
        crossed = parameters[:, names.index("lower")] > parameters[:, names.index("upper")]
        parameters[crossed] = mirror(parameters[crossed], family)
    if family.name == "biphasic" and {"fraction", "log_ec50_1", "log_ec50_2"} <= free:
        first, second = names.index("log_ec50_1"), names.index("log_ec50_2")
        turned = parameters[:, first] > parameters[:, second]
        swap = [first, second, names.index("slope_1"), names.index("slope_2")]
        back = [second, first, names.index("slope_2"), names.index("slope_1")]
        rows = np.flatnonzero(turned)
        parameters[rows[:, np.newaxis], np.array(swap)] = parameters[rows[:, np.newaxis], np.array(back)]
        share = names.index("fraction")
        parameters[rows, share] = 1 - parameters[rows, share]
    return parameters


def _seal(array: Floats) -> Floats:
    array.flags.writeable = False
    return array


def _join(pieces: list[CurveFits], data: CurveData) -> CurveFits:
    if len(pieces) == 1:
        return pieces[0]
    first = pieces[0]
    weights = np.zeros(data.weights.shape)
    at = 0
    for piece in pieces:
        weights[at : at + len(piece), : piece.weights.shape[1]] = piece.weights
        at += len(piece)
    test = NoEffectTest(
        np.concatenate([piece.no_effect.statistic for piece in pieces]),
        np.concatenate([piece.no_effect.p_value for piece in pieces]),
        (first.no_effect.degrees[0], np.concatenate([piece.no_effect.degrees[1] for piece in pieces])),
    )
    return replace(
        first,
        data=data,
        layout=Layout(first.layout.family, first.layout.free, np.concatenate([p.layout.fixed for p in pieces])),
        parameters=np.concatenate([p.parameters for p in pieces]),
        covariance=np.concatenate([p.covariance for p in pieces]),
        weights=weights,
        residual_standard_deviation=np.concatenate([p.residual_standard_deviation for p in pieces]),
        sum_of_squares=np.concatenate([p.sum_of_squares for p in pieces]),
        degrees_of_freedom=np.concatenate([p.degrees_of_freedom for p in pieces]),
        at_bound=np.concatenate([p.at_bound for p in pieces]),
        box=(np.concatenate([p.box[0] for p in pieces]), np.concatenate([p.box[1] for p in pieces])),
        status=tuple(status for piece in pieces for status in piece.status),
        no_effect=test,
        same_minimum=np.concatenate([p.same_minimum for p in pieces]),
        iterations=np.concatenate([p.iterations for p in pieces]),
    )
