"""Large ensembles in pieces: never all sets, times and outputs in memory at once, and resumed where they stopped.

The numbers of a set do not depend on the piece that it is in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import OutputError, ValueRangeError
from limus.kernel.execution import Execution
from limus.kernel.provenance import hash_text
from limus.kernel.simulation.compiled import CompiledModel
from limus.kernel.simulation.dosing import EVERY, Dose, DoseTable, Treatment
from limus.kernel.simulation.simulate import SimulationResult, simulate
from limus.kernel.tables import Table, write_parquet

__all__ = ["simulate_in_pieces", "simulate_to_parquet"]


def simulate_in_pieces(
    model: CompiledModel,
    times: ArrayLike,
    parameters: Mapping[str, ArrayLike],
    *,
    doses: Sequence[Dose] | DoseTable | Treatment = (),
    piece: int = 4096,
    skip: frozenset[int] = frozenset(),
    relative_tolerance: float = 1e-8,
    absolute_tolerance: float = 1e-10,
    execution: Execution | None = None,
    label: str = "",
) -> Iterator[tuple[range, SimulationResult]]:
    """Simulate N parameter sets piece by piece, for a caller that keeps only what it needs.

    Parameters
    ----------
    model, times, parameters, doses, relative_tolerance, absolute_tolerance, execution
        As :func:`limus.kernel.simulation.simulate`; at least one parameter is an array of length N.
    piece : int
        Sets at a time, at least 1.
    skip : frozenset of int
        Pieces, by number, that are not wanted.
    label : str
        Shown by the progress; empty shows nothing.

    Yields
    ------
    (range, SimulationResult)
        Which sets, and their result.

    Raises
    ------
    ValueRangeError
        ``piece`` below 1, arrays of different lengths, a value that is not finite, a dose for a set that is not there:
        these before anything is simulated. The rest as :func:`simulate`, which counts sets from the piece's first.
    UnknownNameError, UnsupportedFeatureError, ModelError, SolveError, CancelledError
        As :func:`simulate`.
    """
    _check_piece(piece)
    grid = np.asarray(times, dtype=np.float64)
    arrays = {name: np.atleast_1d(np.asarray(value, dtype=np.float64)) for name, value in parameters.items()}
    count = _count_sets(grid, arrays)
    treatment = doses if isinstance(doses, Treatment) else Treatment.create(doses)
    _check_at_once(arrays, treatment, count)
    execution = execution or Execution(workers=1)
    if label:
        execution.progress.start(label, count)
    try:
        for number, begin in enumerate(range(0, max(count, 1), piece)):
            sets = range(begin, min(begin + piece, count))
            if number not in skip:
                own = {name: a if len(a) == 1 else a[sets.start : sets.stop] for name, a in arrays.items()}
                result = simulate(
                    model,
                    grid if grid.ndim < 2 or len(grid) == 1 else grid[sets.start : sets.stop],
                    own,
                    doses=treatment.of_subjects(sets),
                    relative_tolerance=relative_tolerance,
                    absolute_tolerance=absolute_tolerance,
                    execution=execution,
                )
                yield sets, result
            if label:
                execution.progress.advance(len(sets))
    finally:
        if label:
            execution.progress.finish()


def simulate_to_parquet(
    model: CompiledModel,
    times: ArrayLike,
    parameters: Mapping[str, ArrayLike],
    folder: Path,
    *,
    doses: Sequence[Dose] | DoseTable | Treatment = (),
    piece: int = 4096,
    relative_tolerance: float = 1e-8,
    absolute_tolerance: float = 1e-10,
    execution: Execution | None = None,
    label: str = "",
) -> list[Path]:
    """Simulate N parameter sets into Parquet files, one a piece; what is there from an interrupted run is kept.

    Parameters
    ----------
    folder : Path
        Made if needed; holds ``ensemble.json``, which says what was asked, and ``part-00000.parquet`` and so on with
        the columns ``set``, ``time``, ``status`` and one an output.
    model, times, parameters, doses, piece, relative_tolerance, absolute_tolerance, execution, label
        As :func:`simulate_in_pieces`.

    Returns
    -------
    list of Path
        Every part, in order.

    Raises
    ------
    OutputError
        The folder cannot be written, or holds another ensemble.
    ValueRangeError
        As :func:`simulate_in_pieces`.
    """
    _check_piece(piece)
    treatment = doses if isinstance(doses, Treatment) else Treatment.create(doses)
    asked = _what_is_asked(model, times, parameters, treatment, piece, (relative_tolerance, absolute_tolerance))
    _claim(folder, asked)
    grid = np.asarray(times, dtype=np.float64)
    count = _count_sets(grid, {name: np.atleast_1d(value) for name, value in parameters.items()})
    parts = [folder / f"part-{number:05d}.parquet" for number in range(max(-(-count // piece), 1))]
    done = frozenset(number for number, part in enumerate(parts) if part.exists())
    pieces = simulate_in_pieces(
        model,
        times,
        parameters,
        doses=doses,
        piece=piece,
        skip=done,
        relative_tolerance=relative_tolerance,
        absolute_tolerance=absolute_tolerance,
        execution=execution,
        label=label,
    )
    for sets, result in pieces:
        part = parts[sets.start // piece]
        unfinished = part.with_suffix(".unfinished")
        write_parquet(_table(sets, result), unfinished)
        unfinished.replace(part)
    return parts


def _check_piece(piece: int) -> None:
    if piece < 1:
        raise ValueRangeError("piece", piece, "1 or more", "give a larger piece")


def _count_sets(grid: NDArray[np.float64], arrays: Mapping[str, NDArray[np.float64]]) -> int:
    lengths = {name: len(array) for name, array in arrays.items()}
    lengths |= {"rows of times": len(grid)} if grid.ndim > 1 else {}
    several = set(lengths.values()) - {1}
    if len(several) > 1:
        got = ", ".join(f"{name}: {length}" for name, length in lengths.items())
        raise ValueRangeError("parameters", got, "arrays of one length", "give each the same number of values")
    return several.pop() if several else 1


def _check_at_once(arrays: Mapping[str, NDArray[np.float64]], treatment: Treatment, count: int) -> None:
    """Refuse what is known to be wrong, before hours are spent on the pieces that come first."""
    for name, array in arrays.items():
        wrong = np.flatnonzero(~np.isfinite(array))
        if len(wrong):
            where = f"parameter {name}, parameter set {wrong[0]}"
            raise ValueRangeError(where, array[wrong[0]], "a finite number", "correct the value")
    for what, part in (("dose", treatment.doses), ("reset", treatment.resets), ("input change", treatment.changes)):
        # a piece is given what concerns its own sets, so it cannot see this
        outside = np.flatnonzero((part.subject != EVERY) & ((part.subject < 0) | (part.subject >= count)))
        if len(outside):
            got = f"subject {part.subject[outside[0]]}"
            allowed = f"a parameter set from 0 to {count - 1}"
            raise ValueRangeError(f"{what} {outside[0] + 1}", got, allowed, "correct the table")


def _what_is_asked(
    model: CompiledModel,
    times: ArrayLike,
    parameters: Mapping[str, ArrayLike],
    treatment: Treatment,
    piece: int,
    tolerances: tuple[float, float],
) -> str:
    def digits(values: ArrayLike) -> str:
        array: NDArray[np.float64] = np.asarray(values, dtype=np.float64)
        return hash_text(array.tobytes().hex())

    named = [f"{name} {digits(values)}" for name, values in sorted(parameters.items())]
    return hash_text(model.key, digits(times), *named, *treatment.digits(), str(piece), repr(tolerances))


def _claim(folder: Path, asked: str) -> None:
    about = folder / "ensemble.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not about.exists() and any(folder.iterdir()):
            raise OutputError(str(folder), "other files", "an empty folder", "choose another folder")
        if about.exists() and json.loads(about.read_text(encoding="utf-8")).get("asked") != asked:
            raise OutputError(
                str(folder), "another ensemble", "an empty folder, or the same request's", "choose another"
            )
        about.write_text(json.dumps({"limus_ensemble": 1, "asked": asked}) + "\n", encoding="utf-8")
    except (OSError, ValueError) as error:
        raise OutputError(str(folder), error, "a folder that can be written", "choose another folder") from None


def _table(sets: range, result: SimulationResult) -> Table:
    times = result.values.shape[1]
    columns: dict[str, NDArray[Any]] = {
        "set": np.repeat(np.arange(sets.start, sets.stop, dtype=np.float64), times),
        "time": np.broadcast_to(result.times, (len(sets), times)).reshape(-1),
        "status": np.repeat(np.array(result.status, dtype=object), times),
    }
    columns |= {name: result.output(name).reshape(-1) for name in result.outputs}
    return Table(columns)
