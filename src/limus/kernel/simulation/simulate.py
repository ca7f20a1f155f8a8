"""Run a compiled model for many parameter sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import CancelledError, ModelError, SolveError, UnknownNameError, ValueRangeError, near_names
from limus.kernel.execution import Execution, split_chunks
from limus.kernel.simulation.compiled import CompiledModel
from limus.kernel.simulation.dosing import Dose, Impulse, expand_doses
from limus.kernel.simulation.ensemble import Solution, Work, solve

__all__ = ["SimulationResult", "simulate"]

_CHUNK = 512


@dataclass(frozen=True, eq=False)
class SimulationResult:
    """What :func:`simulate` returns.

    Attributes
    ----------
    times : (T,) array
        In the model's time unit.
    outputs : tuple of str
        Names, O of them.
    values : (N, T, O) array
        NaN from where a trajectory failed.
    status : tuple of str
        'ok' or the reason, one a parameter set.
    failure_time : (N,) array
        NaN where nothing failed.
    solver : tuple of str
        ``rodas5p``, or ``lsoda`` for a set that the engine gave to the reference solver.
    """

    times: NDArray[np.float64]
    outputs: tuple[str, ...]
    values: NDArray[np.float64]
    status: tuple[str, ...]
    failure_time: NDArray[np.float64]
    solver: tuple[str, ...] = ()

    def output(self, name: str) -> NDArray[np.float64]:
        """Return one output, shape (N, T).

        Parameters
        ----------
        name : str

        Raises
        ------
        ValueError
            The output was not asked for.
        """
        return self.values[:, :, self.outputs.index(name)]

    def require_success(self, where: str) -> None:
        """Raise if any trajectory failed.

        Parameters
        ----------
        where : str
            Named in the error.

        Raises
        ------
        SolveError
            Names the first failed set, its time and reason, and how many failed.
        """
        failed = [i for i, status in enumerate(self.status) if status != "ok"]
        if failed:
            i = failed[0]
            got = f"{self.status[i]} at time {self.failure_time[i]:g} ({len(failed)} of {len(self.status)} sets failed)"
            raise SolveError(
                f"{where}, parameter set {i}", got, "a finite solution", "check parameters and initial values"
            )


def simulate(
    model: CompiledModel,
    times: ArrayLike,
    parameters: Mapping[str, ArrayLike] | None = None,
    *,
    doses: Sequence[Dose] = (),
    relative_tolerance: float = 1e-8,
    absolute_tolerance: float = 1e-10,
    execution: Execution | None = None,
    label: str = "",
) -> SimulationResult:
    """Simulate a model for N parameter sets.

    Parameters
    ----------
    model : CompiledModel
        From :func:`limus.kernel.simulation.compile_model`.
    times : (T,) array_like
        Output times in the model's unit, not decreasing; the simulation starts at the first one.
    parameters : mapping of str to float or (N,) array_like, optional
        Inputs that differ from the model's own values; arrays all of one length N.
    doses : sequence of Dose
        Applied to every set, or to the one that ``subject`` names. An output at a dose's time is the value just before.
    relative_tolerance, absolute_tolerance : float
        Of the local error, positive; absolute in the unit of the states.
    execution : Execution, optional
        How to run; the numbers do not depend on it.
    label : str
        Shown by the progress; empty shows nothing.

    Returns
    -------
    SimulationResult

    Raises
    ------
    UnknownNameError
        A parameter or a dose's target that the model does not have.
    ValueRangeError
        Times that decrease or are not finite, a tolerance that is not positive, a value that is not finite, arrays
        of different lengths, a negative or zero compartment size, a dose before the start or for an unknown set.
    ModelError
        A needed input without a value, or a dose into a compartment without a size.
    """
    times = _check_times(times)
    for name, tolerance in (("relative", relative_tolerance), ("absolute", absolute_tolerance)):
        if not (np.isfinite(tolerance) and tolerance > 0):
            raise ValueRangeError(f"{name}_tolerance", tolerance, "a positive number", "give a tolerance such as 1e-6")
    rows = _parameter_rows(model, parameters or {})
    _check_sizes(model, rows, float(times[0]))
    _check_doses(model, rows, float(times[0]), doses)
    execution = execution or Execution(workers=1)
    work = Work(model, rows, _schedules(model, rows, doses, times), times, relative_tolerance, absolute_tolerance)
    solution = (
        _solve_here(work, execution, label) if execution.executor is None else _solve_there(work, execution, label)
    )
    return SimulationResult(
        times=times,
        outputs=model.outputs,
        values=solution.values,
        status=solution.status,
        failure_time=solution.failure_times,
        solver=solution.solver,
    )


def _schedules(
    model: CompiledModel, rows: NDArray[np.float64], doses: Sequence[Dose], times: NDArray[np.float64]
) -> tuple[tuple[Impulse, ...], ...]:
    """Impulses of each set; one tuple for all where no dose names its subject."""

    def expand(subject: int) -> tuple[Impulse, ...]:
        targets = dict.fromkeys(model.dosable)
        return expand_doses(doses, targets=targets, start=times[0], end=times[-1], subject=subject)

    if all(dose.subject is None for dose in doses):
        return (expand(0),) * len(rows)
    return tuple(expand(i) for i in range(len(rows)))


def _solve_here(work: Work, execution: Execution, label: str) -> Solution:
    """Threads of this process: the engine does not hold Python back."""
    if label:
        execution.progress.start(label, len(work.inputs))

    def after_chunk(count: int) -> None:
        if label:
            execution.progress.advance(count)
        if execution.cancelled():
            raise CancelledError("simulation", "cancelled", do="start it again")

    try:
        return solve(work, threads=execution.workers, after_chunk=after_chunk)
    finally:
        if label:
            execution.progress.finish()


def _solve_there(work: Work, execution: Execution, label: str) -> Solution:
    """Chunks through the executor that the user gave, which may be on other machines."""
    pieces = [
        replace(work, inputs=work.inputs[list(c)], impulses=tuple(work.impulses[i] for i in c))
        for c in split_chunks(range(len(work.inputs)), _CHUNK)
    ]
    solved = execution.map(solve, pieces, label=label)
    if not solved:
        return solve(work)
    return Solution(
        values=np.concatenate([s.values for s in solved]),
        status=tuple(word for s in solved for word in s.status),
        failure_times=np.concatenate([s.failure_times for s in solved]),
        solver=tuple(word for s in solved for word in s.solver),
    )


def _check_times(times: ArrayLike) -> NDArray[np.float64]:
    array = np.atleast_1d(np.asarray(times, dtype=np.float64))
    if array.ndim != 1 or len(array) == 0 or not np.isfinite(array).all() or (np.diff(array) < 0).any():
        raise ValueRangeError("times", times, "finite times that do not decrease", "sort the output times")
    return array


def _parameter_rows(model: CompiledModel, parameters: Mapping[str, ArrayLike]) -> NDArray[np.float64]:
    arrays = {}
    for name, value in parameters.items():
        if name not in model.inputs:
            near = near_names(name, model.inputs)
            hint = f"did you mean {' or '.join(near)}?" if near else "see the model's inputs"
            raise UnknownNameError(f"parameter of {model.name}", name, "an input of the model", hint)
        arrays[name] = np.atleast_1d(np.asarray(value, dtype=np.float64))
        if arrays[name].ndim > 1:
            got = f"an array of {arrays[name].ndim} dimensions"
            raise ValueRangeError(f"parameter {name}", got, "a number, or one number a set", "give a flat array")
        if not np.isfinite(arrays[name]).all():
            raise ValueRangeError(f"parameter {name}", value, "finite numbers", "correct the value")
    lengths = {len(array) for array in arrays.values()} - {1}
    if len(lengths) > 1:
        got = ", ".join(f"{name}: {len(array)}" for name, array in arrays.items())
        raise ValueRangeError("parameters", got, "arrays of one length", "give each the same number of values")
    rows = np.tile(model.defaults, (lengths.pop() if lengths else 1, 1))
    for name, array in arrays.items():
        rows[:, model.inputs.index(name)] = array
    model.check_inputs(rows)
    return rows


def _check_sizes(model: CompiledModel, rows: NDArray[np.float64], start: float) -> None:
    if not model.compartments:
        return
    for i, row in enumerate(rows.tolist()):
        for name, size in zip(model.compartments, model.evaluate("sizes", start, [], row), strict=True):
            if size <= 0.0:  # NaN is a size that nothing needs, or check_inputs would have refused it
                raise ValueRangeError(
                    f"size of compartment {name}, parameter set {i}", size, "a positive size", "correct the size"
                )


def _check_doses(model: CompiledModel, rows: NDArray[np.float64], start: float, doses: Sequence[Dose]) -> None:
    for number, dose in enumerate(doses, start=1):
        if dose.subject is not None and not 0 <= dose.subject < len(rows):
            got, allowed = f"subject {dose.subject}", f"a parameter set from 0 to {len(rows) - 1}"
            raise ValueRangeError(f"dose {number}", got, allowed, "correct the dose table")
    targets = [target for target in model.dosable if any(dose.target == target for dose in doses)]
    for row in rows.tolist() if targets else []:
        scales = model.evaluate("dose_scale", start, model.evaluate("initial", start, [], row), row)
        for target in targets:
            if np.isnan(scales[model.dosable.index(target)]):
                got = f"a dose into {target}, whose compartment has no size"
                raise ModelError(f"model {model.name}", got, "a compartment with a size", "set the compartment's size")
