"""Run a compiled model for many parameter sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import CancelledError, ModelError, SolveError, UnknownNameError, ValueRangeError, near_names
from limus.kernel.execution import Execution, split_chunks
from limus.kernel.language import Expression, evaluate_arrays
from limus.kernel.simulation.compiled import CompiledModel
from limus.kernel.simulation.dosing import Dose, DoseTable, Treatment, check_treatment
from limus.kernel.simulation.engine.native import build_native, expected_build_time_s
from limus.kernel.simulation.ensemble import Solution, Work, solve
from limus.kernel.simulation.schedule import same_time, write_out
from limus.kernel.simulation.steady_dosing import find_steady_states
from limus.kernel.simulation.switch_times import (
    find_switch_times,
    refuse_changed_parameters,
    refuse_coincidences,
    values_by_symbol,
)
from limus.kernel.simulation.system import state_symbol
from limus.kernel.simulation.treatment_limits import refuse_impossible

__all__ = ["SimulationResult", "parameter_rows", "simulate"]

_CHUNK = 512
_LONG_BUILD_S = 2.0


@dataclass(frozen=True, eq=False)
class SimulationResult:
    """What :func:`simulate` returns.

    Attributes
    ----------
    times : (T,) or (N, T) array
        In the model's time unit, as asked.
    outputs : tuple of str
        Names, O of them.
    values : (N, T, O) array
        NaN from where a trajectory failed, and where no time was asked.
    status : tuple of str
        'ok' or the reason, one a parameter set.
    failure_time : (N,) array
        NaN where nothing failed.
    solver : tuple of str
        ``rodas5p``; ``exact`` for a linear model; ``lsoda`` for a set that the engine gave to the reference solver.
    end_states : (N, S) array
        State of each set at its last time, before what happens there.
    sensitivity_parameters : tuple of str
        Inputs by which outputs are differentiated, P of them.
    sensitivity_values : (N, T, O, P) array
        Derivatives of the values.
    """

    times: NDArray[np.float64]
    outputs: tuple[str, ...]
    values: NDArray[np.float64]
    status: tuple[str, ...]
    failure_time: NDArray[np.float64]
    solver: tuple[str, ...]
    end_states: NDArray[np.float64]
    sensitivity_parameters: tuple[str, ...]
    sensitivity_values: NDArray[np.float64]

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

    def sensitivities(self, name: str) -> NDArray[np.float64]:
        """Return the derivatives of one output by the parameters of the compiled model, shape (N, T, P).

        Parameters
        ----------
        name : str

        Raises
        ------
        ValueError
            The output was not asked for.
        """
        return self.sensitivity_values[:, :, self.outputs.index(name), :]

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
    doses: Sequence[Dose] | DoseTable | Treatment = (),
    start: ArrayLike | None = None,
    relative_tolerance: float = 1e-8,
    absolute_tolerance: float = 1e-10,
    solver: Literal["engine", "reference"] = "engine",
    sensitivity_errors: bool = True,
    execution: Execution | None = None,
    label: str = "",
) -> SimulationResult:
    """Simulate a model for N parameter sets.

    Parameters
    ----------
    model : CompiledModel
        From :func:`limus.kernel.simulation.compile_model`.
    times : (T,) or (N, T) array_like
        Output times in the model's unit, not decreasing, of all sets or of each; NaN after the last one of a set.
    parameters : mapping of str to float or (N,) array_like, optional
        Inputs that differ from the model's own values; arrays all of one length N.
    doses : sequence of Dose, DoseTable or Treatment
        Applied to every set, or to the one that ``subject`` names. An output at a dose's time is the value just before.
        A treatment also resets states and changes inputs with time. At the time of a dose at steady state the value is
        that steady state's trough.
    start : float or (N,) array_like, optional
        When the initial values hold; by default the first output time.
    relative_tolerance, absolute_tolerance : float
        Of the local error, positive; absolute in the unit of the states.
    solver : {'engine', 'reference'}
        The engine, which gives what it cannot solve to the reference solver; or the reference solver for all.
    sensitivity_errors : bool
        Whether the tolerances hold for sensitivities too (absolute: over the size of the parameter). Without, steps are
        those of the model alone; sensitivities are then about as accurate as the outputs.
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
        of different lengths, a negative or zero compartment size, a dose before the start or for an unknown set, or a
        sensitivity that does not exist because two things happen at one time.
    UnsupportedFeatureError
        A sensitivity to an input that the treatment changes, or whose steady state depends on a condition on time; a
        steady state of a model with events or with rates that do not repeat with the interval; and as
        :func:`limus.kernel.simulation.treatment_limits.refuse_impossible`.
    ModelError
        A needed input without a value, or a dose into a compartment without a size.
    SolveError
        A dose at steady state for which there is none.
    """
    for name, tolerance in (("relative", relative_tolerance), ("absolute", absolute_tolerance)):
        if not (np.isfinite(tolerance) and tolerance > 0):
            raise ValueRangeError(f"{name}_tolerance", tolerance, "a positive number", "give a tolerance such as 1e-6")
    grid = _check_times(times)
    rows = parameter_rows(model, parameters or {}, len(grid))
    starts = _starts(grid, start, len(rows))
    treatment = doses if isinstance(doses, Treatment) else Treatment.create(doses)
    check_treatment(treatment, dosable=model.dosable, inputs=model.inputs, starts=starts)
    refuse_changed_parameters(model, treatment)
    refuse_impossible(model, treatment)
    treatment = treatment.with_own_steady_states(len(rows))
    _check_sizes(model, rows, starts)
    _check_dose_scale(model, rows, starts, treatment)
    execution = execution or Execution(workers=1)
    just_before = max(4.0 * same_time(grid), 1e-300)
    ends = np.broadcast_to(np.nanmax(grid, axis=1), (len(rows),))
    schedule = write_out(
        treatment,
        states=model.states,
        inputs=model.inputs,
        count=len(rows),
        ends=ends,
        switches=find_switch_times(model, rows, (starts, ends), treatment, 2.0 * same_time(grid)),
        steady_states=find_steady_states(model, rows, treatment, relative_tolerance, absolute_tolerance),
        just_before=just_before,
    )
    refuse_coincidences(model, schedule, just_before)
    steady = treatment.doses.steady_state > 0
    np.minimum.at(starts, treatment.doses.subject[steady], treatment.doses.time[steady] - 2.0 * just_before)
    work = Work(
        model,
        rows,
        schedule,
        starts,
        grid,
        relative_tolerance,
        absolute_tolerance,
        only_reference=solver == "reference",
        sensitivity_errors=sensitivity_errors,
    )
    solution = (
        _solve_here(work, execution, label) if execution.executor is None else _solve_there(work, execution, label)
    )
    blocks = 1 + len(model.sensitivities)
    values = solution.values.reshape(*solution.values.shape[:2], blocks, len(model.outputs) // blocks)
    return SimulationResult(
        times=grid if np.ndim(times) > 1 else grid[0],
        outputs=model.outputs[: values.shape[3]],
        values=values[:, :, 0],
        status=solution.status,
        failure_time=solution.failure_times,
        solver=solution.solver,
        end_states=solution.end_states[:, : len(model.states) // blocks],
        sensitivity_parameters=model.sensitivities,
        sensitivity_values=np.swapaxes(values[:, :, 1:], 2, 3),
    )


def _starts(grid: NDArray[np.float64], start: ArrayLike | None, count: int) -> NDArray[np.float64]:
    first = np.nanmin(grid, axis=1)
    given = first if start is None else np.atleast_1d(np.asarray(start, dtype=np.float64))
    if given.ndim != 1 or len(given) not in {1, count} or not np.isfinite(given).all():
        raise ValueRangeError("start", start, "a time, or one for each parameter set", "correct the start")
    if (given > first).any():
        raise ValueRangeError("start", given.max(), "not after the first output time", "start earlier")
    return np.array(np.broadcast_to(given, (count,)))


def _solve_here(work: Work, execution: Execution, label: str) -> Solution:
    """Threads of this process: the engine does not hold Python back."""
    if not work.only_reference and (seconds := expected_build_time_s(work.model)) > _LONG_BUILD_S:
        execution.progress.start(f"machine code for {len(work.model.states)} states, about {seconds:.0f} s", 1)
        build_native(work.model)
        execution.progress.finish()
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
    chunks = split_chunks(range(len(work.inputs)), _CHUNK)
    pieces = [work.part(range(chunk[0], chunk[-1] + 1)) for chunk in chunks]
    solved = execution.map(solve, pieces, label=label)
    if not solved:
        return solve(work)
    return Solution(
        values=np.concatenate([s.values for s in solved]),
        status=tuple(word for s in solved for word in s.status),
        failure_times=np.concatenate([s.failure_times for s in solved]),
        solver=tuple(word for s in solved for word in s.solver),
        end_states=np.concatenate([s.end_states for s in solved]),
    )


def _check_times(times: ArrayLike) -> NDArray[np.float64]:
    """One row of times for all sets, or one a set, with NaN after the last."""
    grid = np.atleast_2d(np.asarray(times, dtype=np.float64))
    good = grid.ndim == 2 and grid.size > 0
    if good:
        asked = np.isfinite(grid)
        good = bool(asked[:, 0].all() and (asked | np.isnan(grid)).all() and not (np.diff(asked.astype(int)) > 0).any())
        good = good and not (np.diff(grid) < 0).any() and (np.ndim(times) > 1 or bool(asked.all()))
    if not good:
        raise ValueRangeError("times", times, "finite times that do not decrease", "sort the output times")
    return grid


def parameter_rows(
    model: CompiledModel, parameters: Mapping[str, ArrayLike], time_rows: int = 1
) -> NDArray[np.float64]:
    """Return the inputs of N parameter sets.

    Parameters
    ----------
    model : CompiledModel
    parameters : mapping of str to float or (N,) array_like
        Inputs that differ from the model's own values.
    time_rows : int
        Rows of output times: 1, or N.

    Returns
    -------
    (N, I) array

    Raises
    ------
    UnknownNameError
        A name that is not an input.
    ValueRangeError
        A value that is not finite, or arrays of different lengths.
    ModelError
        A needed input without a value.
    """
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
    lengths = {len(array) for array in arrays.values()} | {time_rows}
    lengths -= {1}
    if len(lengths) > 1:
        got = ", ".join(f"{name}: {len(array)}" for name, array in arrays.items())
        got += f", rows of times: {time_rows}" if time_rows > 1 else ""
        raise ValueRangeError("parameters", got, "arrays of one length", "give each the same number of values")
    rows = np.tile(model.defaults, (lengths.pop() if lengths else 1, 1))
    for name, array in arrays.items():
        rows[:, model.inputs.index(name)] = array
    model.check_inputs(rows)
    return rows


def _check_sizes(model: CompiledModel, rows: NDArray[np.float64], starts: NDArray[np.float64]) -> None:
    values = values_by_symbol(model, rows, starts)
    for name, expression in model.system.sizes.items():
        sizes = _by_set(expression, values, len(rows))
        if (sizes <= 0.0).any():  # NaN is a size that nothing needs, or check_inputs would have refused it
            i = int(np.argmax(sizes <= 0.0))
            where = f"size of compartment {name}, parameter set {i}"
            raise ValueRangeError(where, sizes[i], "a positive size", "correct the size")


def _check_dose_scale(
    model: CompiledModel, rows: NDArray[np.float64], starts: NDArray[np.float64], treatment: Treatment
) -> None:
    values = values_by_symbol(model, rows, starts)
    used = {treatment.doses.targets[i] for i in np.flatnonzero(np.bincount(treatment.doses.target))}
    if used:
        states = zip(model.states, model.system.initial, strict=True)
        values |= {state_symbol(name): _by_set(initial, values, len(rows)) for name, initial in states}
    for target in sorted(used):
        if np.isnan(_by_set(model.system.dose_scale[target], values, len(rows))).any():
            got = f"a dose into {target}, whose compartment has no size"
            raise ModelError(f"model {model.name}", got, "a compartment with a size", "set the compartment's size")


def _by_set(expression: Expression, values: Mapping[str, NDArray[np.float64]], count: int) -> NDArray[np.float64]:
    return np.broadcast_to(evaluate_arrays(expression, values), (count,))
