"""Rows laid out for Cox regression: by stratum and descending time, so that a risk set is a run of rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.survival.observations import NEAR, check_observations, code_labels

__all__ = ["CoxDesign", "lay_out"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class CoxDesign:
    """N rows with P covariates, B distinct times with events (blocks, by stratum and descending time), D events.

    Attributes
    ----------
    order : (N,)
        Row of the data at each place.
    x : (P, N)
        Covariates in this order, centred and divided by ``scale``.
    centre, scale : (P,)
    weight, time : (N,)
    stratum, stratum_start : (N,), (S,)
        Stratum of each place, first place of each stratum.
    strata, block_strata : tuple of S pairs
        First and one after the last place of each stratum; the same of its blocks.
    last, first : (B,)
        Last place of the risk set, and first place of its stratum.
    row_block : (N,)
        First block at or before the row's time, in its stratum (the end of its blocks where there is none), plus the
        number of the stratum.
    deaths : (D,)
        Places of the events, block by block.
    death_block, death_start : (D,), (B,)
        Block of each event, first event of each block.
    fraction : (D,)
        Efron's k/d for k = 0 ... d - 1 within a block; 0 for Breslow.
    mean_weight : (D,)
        Mean weight of the events of the block.
    block_weight : (B,)
        Sum of the weights of the block's events.
    tied, tied_block, tied_start, tied_count : (D',), (T,), (T,), (T,)
        Events that share their time (Efron only); of each such block its index, its first event among them, its events.
    weighted : bool
        Whether any weight is not 1.
    death_sum : (P,)
        Sum of w x over the events.
    scratch : (2, P, N)
        Room that each evaluation of the likelihood writes over; fresh room each time would cost as much as the sums.
    entry_order, entry_last, entry_first : (N,), (B,), (B,) or None
        With delayed entry: places by stratum and descending entry; the number of leading entries of the stratum that
        are at or after the block's time.
    entry_block : (N,) or None
        As ``row_block``, for the row's entry.
    """

    order: Ints
    x: Floats
    centre: Floats
    scale: Floats
    weight: Floats
    time: Floats
    stratum: Ints
    stratum_start: Ints
    strata: tuple[tuple[int, int], ...]
    block_strata: tuple[tuple[int, int], ...]
    last: Ints
    first: Ints
    row_block: Ints
    deaths: Ints
    death_block: Ints
    death_start: Ints
    fraction: Floats
    mean_weight: Floats
    block_weight: Floats
    tied: Ints
    tied_block: Ints
    tied_start: Ints
    tied_count: Ints
    weighted: bool
    death_sum: Floats
    scratch: Floats
    entry_order: Ints | None
    entry_last: Ints | None
    entry_first: Ints | None
    entry_block: Ints | None

    @property
    def block_time(self) -> Floats:
        """Time of each block."""
        return self.time[self.last]


def lay_out(
    time: ArrayLike,
    event: ArrayLike,
    covariates: ArrayLike,
    *,
    strata: ArrayLike | None,
    weights: ArrayLike | None,
    entry: ArrayLike | None,
    efron: bool,
) -> CoxDesign:
    """Check and sort the data.

    Parameters
    ----------
    time, event : (N,) array
    covariates : (N, P) array
    strata, weights, entry : (N,) array, optional
    efron : bool

    Returns
    -------
    CoxDesign

    Raises
    ------
    ValueRangeError
        No event, or values that are not allowed.
    """
    seen = check_observations(time, event, weights=weights, entry=entry, join=False)
    x = np.asarray(covariates, dtype=np.float64)
    if x.ndim != 2 or len(x) != seen.n or x.shape[1] == 0:
        raise ValueRangeError("covariates", f"shape {x.shape}", f"({seen.n}, covariates)", "give a column a covariate")
    if not np.all(np.isfinite(x)):
        row, column = (int(i[0]) for i in np.nonzero(~np.isfinite(x)))
        where = f"covariates, row {row + 1}, column {column + 1}"
        raise ValueRangeError(where, x[row, column], "a finite number", "leave out rows without one")
    happened = (seen.event > 0) & (seen.weight > 0)
    if not happened.any():
        raise ValueRangeError("event", "no events", "at least one event", "a hazard cannot be estimated without one")
    names, codes = code_labels(strata, seen.n, "strata")
    order = np.argsort(-seen.time)
    if len(names) > 1:
        order = order[np.argsort(codes[order], kind="stable")]
    t, stratum, happened = seen.time[order], codes[order], happened[order]
    centre = x.mean(axis=0)
    columns = np.ascontiguousarray(x[order].T)
    columns -= centre[:, None]
    scale = np.sqrt(np.einsum("ij,ij->i", columns, columns) / seen.n)
    scale[scale <= 1e-13 * np.abs(centre)] = 1.0
    columns /= scale[:, None]

    new_stratum = np.concatenate([[True], stratum[1:] != stratum[:-1]])
    starts = np.flatnonzero(new_stratum)
    new_time = new_stratum.copy()
    new_time[1:] |= t[:-1] - t[1:] > NEAR * t[:-1]
    time_block = np.cumsum(new_time) - 1
    time_last = np.concatenate([np.flatnonzero(new_time)[1:] - 1, [seen.n - 1]])
    deaths = np.flatnonzero(happened)
    death_start = np.flatnonzero(np.concatenate([[True], np.diff(time_block[deaths]) > 0]))
    count = np.diff(np.concatenate([death_start, [len(deaths)]]))
    last = time_last[time_block[deaths[death_start]]]
    death_block = np.repeat(np.arange(len(last)), count)
    within = np.arange(len(deaths)) - death_start[death_block]
    tied = np.flatnonzero(count[death_block] > 1) if efron else np.zeros(0, dtype=np.intp)
    first_tied = np.flatnonzero(within[tied] == 0)
    weight = seen.weight[order]
    mean_weight = (np.add.reduceat(weight[deaths], death_start) / count)[death_block]
    ends = np.zeros(seen.n, dtype=np.intp)
    ends[last] = 1
    row_block = np.cumsum(ends) - ends  # blocks that end before the row
    stops = np.searchsorted(last, np.concatenate([starts[1:], [seen.n]]), side="left")
    position = np.cumsum(new_stratum) - 1
    delayed = _entries(seen.entry[order], position, starts, stops, t[last], last) if seen.entry is not None else None
    return CoxDesign(
        order,
        columns,
        centre,
        scale,
        weight,
        t,
        position,
        starts,
        _pairs(starts, seen.n),
        _pairs(np.concatenate([[0], stops[:-1]]), len(last)),
        last,
        starts[position[last]],
        np.minimum(row_block, stops[position]) + position,
        deaths,
        death_block,
        death_start,
        within / count[death_block] if efron else np.zeros(len(deaths)),
        mean_weight,
        np.add.reduceat(weight[deaths], death_start),
        tied,
        death_block[tied[first_tied]],
        first_tied,
        np.diff(np.concatenate([first_tied, [len(tied)]])),
        bool(np.any(weight != 1)),
        columns[:, deaths] @ weight[deaths],
        np.empty((2, *columns.shape)),
        *(delayed or (None, None, None, None)),
    )


def _pairs(starts: Ints, end: int) -> tuple[tuple[int, int], ...]:
    return tuple(zip(starts.tolist(), [*starts[1:].tolist(), end], strict=True))


def _entries(
    entry: Floats, stratum: Ints, starts: Ints, stops: Ints, block_time: Floats, last: Ints
) -> tuple[Ints, Ints, Ints, Ints]:
    """Return the order by stratum and descending entry, and where blocks stand in it."""
    order = np.lexsort((-entry, stratum))
    ends = np.concatenate([starts[1:], [len(entry)]])
    entered = np.empty(len(last), dtype=np.intp)
    entry_block = np.empty(len(entry), dtype=np.intp)
    begin = 0
    for s, (start, end, stop) in enumerate(zip(starts, ends, stops, strict=True)):
        rows = order[start:end]
        blocks = slice(begin, stop)
        # entries at or after the block's time
        entered[blocks] = start + np.searchsorted(-entry[rows], -block_time[blocks], side="right")
        # first block whose time is at or before the entry
        entry_block[rows] = s + begin + np.searchsorted(-block_time[blocks], -entry[rows], side="left")
        begin = stop
    return order, entered, starts[stratum[last]], entry_block
