"""Observed times: checked, coded and with near-equal times made equal, before any estimate is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError

__all__ = ["NEAR", "Observations", "check_observations", "code_labels", "freeze", "join_near_times"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
AnyArray = TypeVar("AnyArray", bound=NDArray[Any])

# times that differ by less than this share of themselves are one time; rounding of dates and units is far below it
NEAR = 2.0**-30


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """N subjects, each watched from ``entry`` to ``time``.

    Attributes
    ----------
    time : (N,)
        At least 0, any unit.
    event : (N,)
        1 where the watching ended with the event, 0 where it was censored; above 1 for further causes.
    weight : (N,)
        Number of subjects that a row stands for.
    entry : (N,) or None
        Where watching began, below ``time``; none: at the start.
    """

    time: Floats
    event: Ints
    weight: Floats
    entry: Floats | None

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.time)


def check_observations(
    time: ArrayLike,
    event: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    entry: ArrayLike | None = None,
    causes: bool = False,
    join: bool = True,
) -> Observations:
    """Check observed times and return them as arrays of one length.

    Parameters
    ----------
    time : (N,) array
        At least 0, any unit.
    event : (N,) array
        0 or 1, or bool; with ``causes`` 0 (censored), 1, 2 ...
    weights : (N,) array, optional
        At least 0: how many subjects a row stands for.
    entry : (N,) array, optional
        At least 0 and below ``time``.
    causes : bool
    join : bool
        Whether times that differ by rounding are made equal; not needed where the caller does so itself.

    Returns
    -------
    Observations

    Raises
    ------
    ValueRangeError
        No rows, lengths that differ, a value that is not finite or not allowed; the first bad row is named.
    """
    times = _column("time", time, None)
    n = len(times)
    if n == 0:
        raise ValueRangeError("time", "no rows", "at least one row", "give observed times")
    _refuse("time", times, times < 0, "0 or more", "correct the time, or leave the row out")
    raw = _column("event", event, n)
    allowed = "0 for censored, 1 and above for the causes" if causes else "0 for censored, 1 for an event"
    bad = (raw < 0) | (raw != np.floor(raw)) | ((raw > 1) & (not causes))
    _refuse("event", raw, bad, allowed, "recode the status")
    weight = np.ones(n) if weights is None else _column("weights", weights, n)
    _refuse("weights", weight, weight < 0, "0 or more", "correct the weight")
    start = None
    if entry is not None:
        start = _column("entry", entry, n)
        _refuse("entry", start, (start < 0) | (start >= times), "0 or more, and before the time", "correct the entry")
        joined = join_near_times(np.concatenate([times, start]))
        times, start = joined[:n], joined[n:]
        _refuse("entry", start, start >= times, "before the time by more than rounding", "correct the entry")
    elif join:
        times = join_near_times(times)
    return Observations(freeze(times), freeze(raw.astype(np.int64)), freeze(weight), start)


def join_near_times(time: Floats) -> Floats:
    """Make times equal that differ only by rounding, as when 3 days are written as 0.1 months or computed from dates.

    Parameters
    ----------
    time : (N,)

    Returns
    -------
    (N,)
        Neighbours that differ are at least a billionth of themselves apart.
    """
    ordered = np.sort(time)
    gaps = np.diff(ordered)
    if not np.any((gaps > 0) & (gaps <= NEAR * ordered[1:])):
        return time
    order = np.argsort(time)
    new = np.concatenate([[True], gaps > NEAR * ordered[1:]])
    joined = np.empty_like(time)
    joined[order] = ordered[new][np.cumsum(new) - 1]
    return joined


def code_labels(values: ArrayLike | None, n: int, where: str) -> tuple[tuple[str, ...], Ints]:
    """Turn labels into codes 0, 1, 2 ... in sorted order; without labels everyone has code 0.

    Parameters
    ----------
    values : (N,) array, optional
    n : int
        Expected length.
    where : str
        For the error.

    Returns
    -------
    tuple of (labels, (N,) codes)

    Raises
    ------
    ValueRangeError
        Another length, or a missing value.
    """
    if values is None:
        return ("all",), np.zeros(n, dtype=np.int64)
    array = np.asarray(values)
    if array.shape != (n,):
        raise ValueRangeError(where, f"shape {array.shape}", f"one label for each of {n} rows", "give one column")
    if array.dtype.kind == "f":
        _refuse(where, array, ~np.isfinite(array), "a label", "leave out rows without one")
    labels, codes = np.unique(array, return_inverse=True)
    return tuple(_text(label) for label in labels.tolist()), codes.astype(np.int64)


def freeze(array: AnyArray) -> AnyArray:
    """Return the array, not to be written to."""
    array.setflags(write=False)
    return array


def _text(label: object) -> str:
    return f"{label:g}" if isinstance(label, float) else str(label)


def _column(where: str, values: ArrayLike, n: int | None) -> Floats:
    array = np.array(values, dtype=np.float64)
    if array.ndim != 1 or (n is not None and len(array) != n):
        expected = "one value for each row" if n is None else f"one value for each of {n} rows"
        raise ValueRangeError(where, f"shape {array.shape}", expected, "give one column")
    _refuse(where, array, ~np.isfinite(array), "a finite number", "leave out rows without one")
    return array


def _refuse(where: str, values: Sequence[float] | Floats, bad: NDArray[np.bool_], allowed: str, do: str) -> None:
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise ValueRangeError(f"{where}, row {first + 1}", f"{values[first]:g}", allowed, do)
