"""Many trials at once: each replicate's subjects sorted by time in one pass.

A time is a positive float64, so its bits sort as it does. Event and group go into its lowest bits, and one sort of
unsigned integers carries all three. Times within 8 units of the last place of each other are one time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError

__all__ = ["SortedReplicates", "sort_replicates"]

_CENSORED, _SECOND, _ABSENT = np.uint64(1), np.uint64(2), np.uint64(4)
_LOW_BITS = np.uint64(7)


@dataclass(frozen=True, slots=True, eq=False)
class SortedReplicates:
    """R trials of N subjects each, by ascending time; at the same time, a group's events stand before its censored.

    Attributes
    ----------
    time : (R, N)
    new : (R, N) of bool
        Whether the time is another than that before.
    event, second, present : (R, N) of bool
        Whether the event happened, whether the subject is of the second group, whether the row counts at all.
    """

    time: NDArray[np.float64]
    new: NDArray[np.bool_]
    event: NDArray[np.bool_]
    second: NDArray[np.bool_]
    present: NDArray[np.bool_] | None


def sort_replicates(
    time: ArrayLike, event: ArrayLike, group: ArrayLike | None = None, present: ArrayLike | None = None
) -> SortedReplicates:
    """Sort the subjects of every replicate by time.

    Parameters
    ----------
    time : (R, N) array
        At least 0 and finite, any unit.
    event : (R, N) array
        1 or true for an event.
    group : (R, N) or (N,) array, optional
        0 or 1, or bool.
    present : (R, N) or (N,) array, optional
        False for rows that do not count.

    Returns
    -------
    SortedReplicates

    Raises
    ------
    ValueRangeError
        Shapes that do not fit, or a value that is not allowed.
    """
    times = np.asarray(time, dtype=np.float64)
    if times.ndim != 2 or times.shape[1] == 0:
        raise ValueRangeError("time", f"shape {times.shape}", "(replicates, subjects)", "give a matrix")
    lowest, highest = (float(times.min()), float(times.max())) if times.size else (0.0, 0.0)
    if not (lowest >= 0 and np.isfinite(highest)):
        raise ValueRangeError(
            "time", f"{lowest:g} to {highest:g}", "0 or more, finite", "censor at the end of follow-up"
        )
    key = (times + 0.0).view(np.uint64)  # a copy, in which -0 has become 0
    key &= ~_LOW_BITS
    key |= _flags("event", event, times.shape) ^ _CENSORED
    if group is not None:
        key |= _flags("group", group, times.shape) << np.uint64(1)
    if present is not None:
        key |= (_flags("present", present, times.shape) ^ _CENSORED) << np.uint64(2)
    key.sort(axis=1)
    low = key.astype(np.uint8)
    key &= ~_LOW_BITS
    new = np.ones(key.shape, dtype=np.bool_)
    np.greater(key[:, 1:] - key[:, :-1], _LOW_BITS + np.uint64(1), out=new[:, 1:])
    return SortedReplicates(
        key.view(np.float64),
        new,
        (low & np.uint8(1)) == 0,
        (low & np.uint8(2)) != 0,
        None if present is None else (low & np.uint8(4)) == 0,
    )


def _flags(where: str, values: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.uint64]:
    array = np.asarray(values)
    if array.shape not in (shape, shape[1:]):
        raise ValueRangeError(where, f"shape {array.shape}", f"{shape} or {shape[1:]}", "give one value a subject")
    if array.dtype != np.bool_:
        if array.size and not (array.min() >= 0 and array.max() <= 1 and np.all(array == array.astype(bool))):
            raise ValueRangeError(where, f"{array.min()} to {array.max()}", "0 and 1", "recode it")
        array = array.astype(np.bool_)
    return array.astype(np.uint64)
