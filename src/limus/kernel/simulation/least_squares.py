"""The sum of squares between a model's outputs and observations, with its gradient by sensitivities, in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import UnsupportedFeatureError, ValueRangeError
from limus.kernel.execution import Execution
from limus.kernel.simulation.compiled import CompiledModel
from limus.kernel.simulation.dosing import Dose, DoseTable, Treatment
from limus.kernel.simulation.simulate import simulate

__all__ = ["LeastSquares", "least_squares_gradient"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """What :func:`least_squares_gradient` returns; numbers of a set that failed are NaN.

    Attributes
    ----------
    sum_of_squares : (N,) array
    gradient : (N, P) array
        Its derivatives by the parameters.
    residuals : (N, T, O) array
        Weight times (output - observation); 0 where none was made.
    derivatives : (N, T, O, P) array
        Derivatives of the residuals.
    parameters : tuple of str
        P names.
    status : tuple of str
        'ok' or the reason, one a set.
    """

    sum_of_squares: Floats
    gradient: Floats
    residuals: Floats
    derivatives: Floats
    parameters: tuple[str, ...]
    status: tuple[str, ...]


def least_squares_gradient(
    model: CompiledModel,
    times: ArrayLike,
    observed: ArrayLike,
    parameters: Mapping[str, ArrayLike] | None = None,
    *,
    weights: ArrayLike = 1.0,
    missing: ArrayLike | None = None,
    doses: Sequence[Dose] | DoseTable | Treatment = (),
    start: ArrayLike | None = None,
    relative_tolerance: float = 1e-8,
    absolute_tolerance: float = 1e-10,
    sensitivity_errors: bool = True,
    execution: Execution | None = None,
) -> LeastSquares:
    """Compare N simulations with observations: S = sum of r^2, r = w (output - observed), and dS/dp = 2 sum of r dr/dp.

    Parameters
    ----------
    model : CompiledModel
        Compiled with ``sensitivities``, by which the gradient is taken. The derivative by ln p is p times that by p.
    times : (T,) or (N, T) array_like
        When was observed, in the model's unit; NaN after the last time of a set.
    observed : array_like that broadcasts to (N, T, O)
        In the units of the outputs.
    parameters : mapping of str to float or (N,) array_like, optional
        Inputs that differ from the model's own values.
    weights : array_like that broadcasts to (N, T, O)
        Such as 1 over the standard deviation; not negative.
    missing : array_like of bool that broadcasts to (N, T, O), optional
        Where nothing was observed; only there ``observed`` may be NaN.
    doses, start, relative_tolerance, absolute_tolerance, sensitivity_errors, execution
        As :func:`limus.kernel.simulation.simulate`.

    Returns
    -------
    LeastSquares

    Raises
    ------
    UnsupportedFeatureError
        A model that was compiled without sensitivities.
    ValueRangeError
        Observations, weights or marks of another shape; an observation that is NaN and not marked as missing; a
        weight that is negative or not finite; and as :func:`limus.kernel.simulation.simulate`, which may raise more.
    """
    if not model.sensitivities:
        got, do = "a model compiled without sensitivities", "compile_model(..., sensitivities=[...])"
        raise UnsupportedFeatureError(f"gradient of {model.name}", got, "parameters to differentiate by", do)
    result = simulate(
        model,
        times,
        parameters,
        doses=doses,
        start=start,
        relative_tolerance=relative_tolerance,
        absolute_tolerance=absolute_tolerance,
        sensitivity_errors=sensitivity_errors,
        execution=execution,
    )
    shape = result.values.shape
    data, weight = _broadcast(observed, shape, "observed"), _broadcast(weights, shape, "weights")
    absent = _broadcast(False if missing is None else missing, shape, "missing") != 0.0
    absent = absent | np.isnan(np.atleast_2d(result.times))[:, :, None]
    _check_finite(data, absent, "observed", "numbers, or marked as missing")
    _check_finite(np.where(weight < 0.0, np.nan, weight), absent, "weights", "numbers that are not negative")
    residuals = np.where(absent, 0.0, weight * (result.values - np.where(absent, 0.0, data)))
    slopes = np.where(absent[..., None], 0.0, weight[..., None] * result.sensitivity_values)
    failed = [status != "ok" for status in result.status]
    residuals[failed], slopes[failed] = np.nan, np.nan
    return LeastSquares(
        sum_of_squares=np.einsum("nto,nto->n", residuals, residuals),
        gradient=2.0 * np.einsum("nto,ntop->np", residuals, slopes),
        residuals=residuals,
        derivatives=slopes,
        parameters=model.sensitivities,
        status=result.status,
    )


def _broadcast(given: ArrayLike, shape: tuple[int, ...], name: str) -> Floats:
    array = np.asarray(given, dtype=np.float64)
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        allowed = f"what broadcasts to sets, times and outputs {shape}"
        raise ValueRangeError(name, f"shape {array.shape}", allowed, "give one value an output and time") from None


def _check_finite(array: Floats, absent: NDArray[np.bool_], name: str, allowed: str) -> None:
    wrong = ~np.isfinite(array) & ~absent
    if wrong.any():
        i, t, o = (int(k) for k in np.argwhere(wrong)[0])
        raise ValueRangeError(f"{name}, set {i}, time {t}, output {o}", array[i, t, o], allowed, "correct the table")
