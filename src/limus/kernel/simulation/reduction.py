"""Large ensembles reduced while they are simulated: quantiles of outputs, endpoints, or what a function keeps.

Never more than a piece of the ensemble is in memory, and no number depends on the size of the pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import UnknownNameError, ValueRangeError, near_names
from limus.kernel.execution import Execution
from limus.kernel.simulation.compiled import CompiledModel
from limus.kernel.simulation.dosing import Dose, DoseTable, Treatment
from limus.kernel.simulation.endpoints import SetEndpoints, endpoints_of
from limus.kernel.simulation.simulate import SimulationResult
from limus.kernel.simulation.streaming import simulate_in_pieces
from limus.kernel.statistics.moments import add_to_moments, mean_and_variance, no_moments
from limus.kernel.statistics.quantile_sketch import add_rows, empty_sketch, sketch_quantiles

__all__ = [
    "EnsembleQuantiles",
    "EnsembleReduction",
    "simulate_and_reduce",
    "simulate_endpoints",
    "simulate_quantiles",
]


@dataclass(frozen=True, eq=False)
class EnsembleReduction:
    """What :func:`simulate_and_reduce` returns.

    Attributes
    ----------
    values : mapping of str to (N, ...) array
        What the function returned, of all sets.
    status : tuple of str
        'ok' or the reason, one a parameter set.
    failed : mapping of str to int
        How many sets failed, by reason.
    """

    values: Mapping[str, NDArray[Any]]
    status: tuple[str, ...]
    failed: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class EnsembleQuantiles:
    """What :func:`simulate_quantiles` returns.

    Attributes
    ----------
    times : (T,) array
        In the model's time unit, as asked.
    outputs : tuple of str
        Names, O of them.
    quantiles : (Q,) array
        From 0 to 1, as asked.
    values : (Q, T, O) array
        Quantiles of the sets that did not fail; between two neighbouring values by numpy's default rule.
    relative_error : float
        Bound of the error of a quantile over the size of the values beside it; 0 where it is exact.
    mean, variance, minimum, maximum : (T, O) array
        Of the same sets, exact but for rounding; the variance over n - 1.
    count : (T, O) array of int
        Finite values that these come from; where there is none they are NaN.
    sets : int
        How many were simulated, N.
    failed : mapping of str to int
        How many sets failed, by reason; they are left out at all times.
    failed_sets : (F,) array of int
        Which ones.
    """

    times: NDArray[np.float64]
    outputs: tuple[str, ...]
    quantiles: NDArray[np.float64]
    values: NDArray[np.float64]
    relative_error: float
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]
    count: NDArray[np.int64]
    sets: int
    failed: Mapping[str, int]
    failed_sets: NDArray[np.int64]

    def output(self, name: str) -> NDArray[np.float64]:
        """Return the quantiles of one output, shape (Q, T).

        Parameters
        ----------
        name : str

        Raises
        ------
        ValueError
            The output was not asked for.
        """
        return self.values[:, :, self.outputs.index(name)]


def simulate_quantiles(
    model: CompiledModel,
    times: ArrayLike,
    parameters: Mapping[str, ArrayLike],
    quantiles: ArrayLike = (0.05, 0.5, 0.95),
    *,
    doses: Sequence[Dose] | DoseTable | Treatment = (),
    relative_error: float = 0.002,
    smallest: float = 1e-30,
    exact_up_to: int = 4096,
    piece: int = 4096,
    relative_tolerance: float = 1e-8,
    absolute_tolerance: float = 1e-10,
    execution: Execution | None = None,
    label: str = "",
) -> EnsembleQuantiles:
    """Simulate N parameter sets and keep quantiles, mean and spread of each output at each time.

    Parameters
    ----------
    model, parameters, doses, piece, relative_tolerance, absolute_tolerance, execution, label
        As :func:`simulate_in_pieces`.
    times : (T,) array_like
        Output times of all sets.
    quantiles : (Q,) array_like
        From 0 to 1.
    relative_error : float
        Of a quantile of more than ``exact_up_to`` sets, from 1e-5 to 0.1
        (:func:`limus.kernel.statistics.quantile_sketch.sketch_quantiles` states it in full).
    smallest : float
        Nearer to zero than this, a value counts as zero there; in the unit of the output.
    exact_up_to : int
        Sets up to which all values are held and quantiles are exact.

    Returns
    -------
    EnsembleQuantiles

    Raises
    ------
    ValueRangeError
        Times of each set, a quantile outside 0 to 1, a setting that is not allowed, and as :func:`simulate`.
    UnknownNameError, UnsupportedFeatureError, ModelError, SolveError, CancelledError
        As :func:`simulate`.
    """
    grid = np.asarray(times, dtype=np.float64)
    if grid.ndim > 1 and len(grid) != 1:
        raise ValueRangeError("times", f"shape {grid.shape}", "times that all sets share", "give one row of times")
    grid = grid.reshape(-1)
    outputs = model.outputs[: len(model.outputs) // (1 + len(model.sensitivities))]
    shape = (len(grid), len(outputs))
    sketch = empty_sketch(shape, relative_error=relative_error, smallest=smallest, exact_up_to=exact_up_to)
    asked = np.atleast_1d(np.asarray(quantiles, dtype=np.float64))
    sketch_quantiles(sketch, asked)  # refuses wrong ones before anything is simulated
    moments = no_moments(shape[0] * shape[1])
    failed: dict[str, int] = {}
    failed_sets = []
    for sets, result in simulate_in_pieces(
        model,
        grid,
        parameters,
        doses=doses,
        piece=piece,
        relative_tolerance=relative_tolerance,
        absolute_tolerance=absolute_tolerance,
        execution=execution,
        label=label,
    ):
        bad = _count_failed(result, failed)
        failed_sets.append(bad + sets.start)
        values = result.values
        values[bad] = np.nan
        sketch = add_rows(sketch, values)
        moments = add_to_moments(moments, values.reshape(len(sets), shape[0] * shape[1]))
    mean, variance = mean_and_variance(moments)
    return EnsembleQuantiles(
        times=grid,
        outputs=outputs,
        quantiles=asked,
        values=sketch_quantiles(sketch, asked),
        relative_error=0.0 if sketch.is_exact else relative_error,
        mean=mean.reshape(shape),
        variance=variance.reshape(shape),
        minimum=sketch.minimum.reshape(shape),
        maximum=sketch.maximum.reshape(shape),
        count=sketch.count.reshape(shape),
        sets=sketch.rows,
        failed=MappingProxyType(failed),
        failed_sets=np.concatenate([np.zeros(0, dtype=np.int64), *failed_sets]),
    )


def simulate_endpoints(
    model: CompiledModel,
    times: ArrayLike,
    parameters: Mapping[str, ArrayLike],
    *,
    thresholds: Mapping[str, float] | None = None,
    doses: Sequence[Dose] | DoseTable | Treatment = (),
    piece: int = 4096,
    relative_tolerance: float = 1e-8,
    absolute_tolerance: float = 1e-10,
    execution: Execution | None = None,
    label: str = "",
) -> SetEndpoints:
    """Simulate N parameter sets and keep the endpoints of each: last, extremes, area, time above a threshold.

    Parameters
    ----------
    model, times, parameters, doses, piece, relative_tolerance, absolute_tolerance, execution, label
        As :func:`simulate_in_pieces`. All endpoints are of the values at these times, so they must be close enough.
    thresholds : mapping of str to float, optional
        By output, in its unit.

    Returns
    -------
    SetEndpoints

    Raises
    ------
    UnknownNameError
        A threshold of what is no output; and as :func:`simulate`.
    ValueRangeError
        A threshold that is not finite; and as :func:`simulate`.
    UnsupportedFeatureError, ModelError, SolveError, CancelledError
        As :func:`simulate`.
    """
    outputs = model.outputs[: len(model.outputs) // (1 + len(model.sensitivities))]
    limits = np.full(len(outputs), np.nan)
    for name, limit in (thresholds or {}).items():
        if name not in outputs:
            near = near_names(name, outputs)
            hint = f"did you mean {' or '.join(near)}?" if near else "see the model's outputs"
            raise UnknownNameError("threshold", name, "an output of the compiled model", hint)
        if not np.isfinite(limit):
            raise ValueRangeError(f"threshold of {name}", limit, "a finite number", "correct the threshold")
        limits[outputs.index(name)] = limit

    def reduce(_: range, result: SimulationResult) -> Mapping[str, ArrayLike]:
        found = endpoints_of(result, limits)
        return {**found, "failure_time": result.failure_time}

    reduced = simulate_and_reduce(
        model,
        times,
        parameters,
        reduce,
        doses=doses,
        piece=piece,
        relative_tolerance=relative_tolerance,
        absolute_tolerance=absolute_tolerance,
        execution=execution,
        label=label,
    )
    return SetEndpoints(
        outputs=outputs, thresholds=limits, status=reduced.status, failed=reduced.failed, **reduced.values
    )


def simulate_and_reduce(
    model: CompiledModel,
    times: ArrayLike,
    parameters: Mapping[str, ArrayLike],
    reduce: Callable[[range, SimulationResult], Mapping[str, ArrayLike]],
    *,
    doses: Sequence[Dose] | DoseTable | Treatment = (),
    piece: int = 4096,
    relative_tolerance: float = 1e-8,
    absolute_tolerance: float = 1e-10,
    execution: Execution | None = None,
    label: str = "",
) -> EnsembleReduction:
    """Simulate N parameter sets and keep what a function makes of each piece.

    Parameters
    ----------
    model, times, parameters, doses, piece, relative_tolerance, absolute_tolerance, execution, label
        As :func:`simulate_in_pieces`.
    reduce : callable
        Given which sets, and their result, returns arrays by name, each with one row a set. It runs in this process.
        A set that failed has NaN from where it failed; the function decides what to make of it.

    Returns
    -------
    EnsembleReduction

    Raises
    ------
    ValueRangeError
        An array that has not one row a set, or names that differ between pieces; and as :func:`simulate`.
    UnknownNameError, UnsupportedFeatureError, ModelError, SolveError, CancelledError
        As :func:`simulate`.
    """
    found: list[dict[str, NDArray[Any]]] = []
    status: list[str] = []
    failed: dict[str, int] = {}
    for sets, result in simulate_in_pieces(
        model,
        times,
        parameters,
        doses=doses,
        piece=piece,
        relative_tolerance=relative_tolerance,
        absolute_tolerance=absolute_tolerance,
        execution=execution,
        label=label,
    ):
        _count_failed(result, failed)
        status.extend(result.status)
        found.append(_checked(reduce(sets, result), sets, found[0] if found else None))
    names = found[0] if found else {}
    values = {name: np.concatenate([part[name] for part in found]) for name in names}
    return EnsembleReduction(MappingProxyType(values), tuple(status), MappingProxyType(failed))


def _checked(
    kept: Mapping[str, ArrayLike], sets: range, first: Mapping[str, NDArray[Any]] | None
) -> dict[str, NDArray[Any]]:
    arrays = {name: np.array(values) for name, values in kept.items()}  # copies: a view would keep the piece alive
    for name, array in arrays.items():
        if array.shape[:1] != (len(sets),):
            got = f"shape {array.shape}"
            raise ValueRangeError(f"reduce, {name}", got, f"one row for each of {len(sets)} sets", "keep every set")
        if first is not None and name in first and array.shape[1:] != first[name].shape[1:]:
            got = f"rows of shape {array.shape[1:]}"
            raise ValueRangeError(f"reduce, {name}", got, f"{first[name].shape[1:]} as before", "keep one shape")
    if first is not None and arrays.keys() != first.keys():
        raise ValueRangeError("reduce", ", ".join(arrays), ", ".join(first), "return the same names for every piece")
    return arrays


def _count_failed(result: SimulationResult, failed: dict[str, int]) -> NDArray[np.int64]:
    """Add a piece's failed sets to the counts by reason; return which of its sets they are."""
    words = np.array(result.status, dtype=object)
    bad = np.flatnonzero(words != "ok")
    for word in words[bad]:
        failed[word] = failed.get(word, 0) + 1
    return bad
