"""Trajectories as the machine code takes them: flat arrays, and arrays for the results."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.simulation.schedule import Schedule

__all__ = ["SLOTS", "Batch"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


# what the caller passes: an array of 64-bit words in this order
SLOTS = (
    "frame",
    "begin",
    "end",
    "inputs",
    "starts",
    "times",
    "time_counts",
    "time_stride",
    "value_stride",
    "first_rows",
    "last_rows",
    "row_times",
    "row_actions",
    "row_targets",
    "row_amounts",
    "row_rates",
    "values",
    "end_states",
    "status",
    "failure_times",
    "steps",
    "relative_tolerance",
    "absolute_tolerance",
    "most_steps",
    "sensitivity_errors",
    "triggers",
)


@dataclass(frozen=True, eq=False)
class Batch:
    """N trajectories to solve; the arrays of results are filled in place.

    Attributes
    ----------
    inputs : (N, I) array
    starts : (N,) array
    times : (1, T) or (N, T) array
    time_counts : (N,) array of int64
        How many of its times a trajectory has.
    first_rows, last_rows : (N,) array of int64
        First row of the schedule, and the row after the last.
    schedule : Schedule
    values : (N, T, O) array
    end_states : (N, S) array
    status : (N,) array of int64
    failure_times, steps : (N,) array
    triggers : (N, 2, E) array
        Of each event, 1 where its trigger is true, otherwise 0: as known, and as it is. At the start only the first
        counts; at the end they differ where a change ended the trajectory.
    """

    inputs: Floats
    starts: Floats
    times: Floats
    time_counts: Integers
    first_rows: Integers
    last_rows: Integers
    schedule: Schedule
    values: Floats
    end_states: Floats
    status: Integers
    failure_times: Floats
    steps: Floats
    triggers: Floats

    @classmethod
    def create(
        cls,
        *,
        inputs: Floats,
        schedule: Schedule,
        starts: Floats,
        times: Floats,
        outputs: int,
        states: int,
        triggers: Floats | None = None,
    ) -> Batch:
        """Lay out inputs and schedule; values are NaN where no time is asked, otherwise unset until they are filled."""
        count, width = len(inputs), times.shape[1]
        asked = np.isfinite(times)
        counts = asked.sum(axis=1).astype(np.int64)
        values = np.empty((count, width, outputs))  # touched first by the threads that fill it
        if not asked.all():
            values[np.broadcast_to(~asked, (count, width))] = np.nan
        first, last = schedule.ranges(count)
        return cls(
            inputs=np.ascontiguousarray(inputs),
            starts=np.ascontiguousarray(starts),
            times=np.ascontiguousarray(times),
            time_counts=np.ascontiguousarray(np.broadcast_to(counts, (count,))),
            first_rows=first,
            last_rows=last,
            schedule=schedule,
            values=values,
            end_states=np.full((count, states), np.nan),
            status=np.zeros(count, dtype=np.int64),
            failure_times=np.full(count, np.nan),
            steps=np.zeros(count),
            triggers=np.zeros((count, 2, 0)) if triggers is None else np.stack([triggers, triggers], axis=1),
        )

    def arrays(self) -> dict[str, Floats | Integers]:
        """The arrays by the names under which the machine code knows them."""
        rows = self.schedule
        columns = {"times": rows.time, "amounts": rows.amount, "rates": rows.rate}
        wholes = {"actions": rows.action, "targets": rows.target}
        return {
            **{f"row_{name}": _filled(column, np.float64) for name, column in columns.items()},
            **{f"row_{name}": _filled(column, np.int64) for name, column in wholes.items()},
            "inputs": self.inputs,
            "starts": self.starts,
            "times": self.times,
            "time_counts": self.time_counts,
            "first_rows": self.first_rows,
            "last_rows": self.last_rows,
            "values": self.values,
            "end_states": self.end_states,
            "status": self.status,
            "failure_times": self.failure_times,
            "steps": self.steps,
            "triggers": self.triggers,
        }

    def strides(self) -> dict[str, int]:
        """Distance of neighbouring trajectories' times (0 where all share them) and values."""
        width = self.times.shape[1]
        return {"time_stride": width if len(self.times) > 1 else 0, "value_stride": width}


def _filled(column: Floats | Integers, kind: type) -> Floats | Integers:
    """An array that is not empty: the machine code looks at the first element before it knows that none is wanted."""
    return np.ascontiguousarray(column if len(column) else np.zeros(1), dtype=kind)
