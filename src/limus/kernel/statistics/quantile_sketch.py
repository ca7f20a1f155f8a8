r"""Quantiles of many quantities at once from counts in logarithmic bins, for samples too large to be held.

With error a and g = (1 + a)/(1 - a), bin i > 0 holds s g^(i-1) <= x < s g^i, bin -i the same of -x, and bin 0 what is
nearer to zero than s. The value given for bin i,

::

    v_i = 2 s g^i / (1 + g),        |v_i - x| <= a |x|        for every x in it

Counts are whole numbers, so sketches may be merged in any order and give the same bits. Up to a stated number of rows
the values themselves are held, and the quantiles are exact.

Source: Masson, Rim and Lee 2019, Proc VLDB Endow 12:2195 (DDSketch); the arrangement as one run of counts is our own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError

__all__ = ["QuantileSketch", "add_rows", "empty_sketch", "merge_sketches", "sketch_quantiles"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_AT_ONCE = 1 << 20  # values put into bins at a time: bounds what is held beside the sketch


@dataclass(frozen=True, slots=True, eq=False)
class _Bins:
    """Counts of C cells one after the other; cell c has the bins from ``low[c]`` in ``counts[offsets[c]:...]``."""

    low: Integers
    offsets: Integers
    counts: Integers


@dataclass(frozen=True, slots=True, eq=False)
class QuantileSketch:
    """What is kept of rows of cells, e.g. of parameter sets with an output at each time.

    Attributes
    ----------
    shape : tuple of int
        Of a row; C cells in all.
    relative_error : float
        Of a value that comes from a bin.
    smallest : float
        Nearer to zero than this, a value counts as zero.
    exact_up_to : int
        Rows up to which values are held.
    rows : int
        How many were added, with those that have no finite value.
    count : (C,) array of int
        Finite values of each cell; others are left out.
    minimum, maximum : (C,) array
        NaN where there is no value.
    held : tuple of (R, C) array
        The values, while they are held.
    bins : counts, once they are not; 8 bytes for each bin between a cell's extremes.
    """

    shape: tuple[int, ...]
    relative_error: float
    smallest: float
    exact_up_to: int
    rows: int
    count: Integers
    minimum: Floats
    maximum: Floats
    held: tuple[Floats, ...]
    bins: _Bins

    @property
    def is_exact(self) -> bool:
        """Whether quantiles are those of the values themselves."""
        return self.rows <= self.exact_up_to


def empty_sketch(
    shape: Sequence[int], *, relative_error: float = 0.002, smallest: float = 1e-30, exact_up_to: int = 4096
) -> QuantileSketch:
    """Return a sketch of no rows.

    Parameters
    ----------
    shape : sequence of int
        Of a row.
    relative_error : float
        From 1e-5 to 0.1. A bin takes 8 bytes, a factor of ten 1.15/``relative_error`` bins.
    smallest : float
        From 1e-300: what is nearer to zero counts as zero.
    exact_up_to : int
        Rows up to which values are held and quantiles are exact.

    Returns
    -------
    QuantileSketch

    Raises
    ------
    ValueRangeError
        A setting that is not allowed.

    Examples
    --------
    >>> sketch = add_rows(empty_sketch((1,)), [[3.0], [1.0], [2.0]])
    >>> float(sketch_quantiles(sketch, [0.5])[0, 0])
    2.0
    """
    if not 1e-5 <= relative_error <= 0.1:
        raise ValueRangeError("relative_error", relative_error, "1e-5 to 0.1", "give an error such as 0.002")
    if not 1e-300 <= smallest < math.inf:
        raise ValueRangeError("smallest", smallest, "1e-300 or more", "give a number such as 1e-30")
    if exact_up_to < 0:
        raise ValueRangeError("exact_up_to", exact_up_to, "0 or more", "give a number of rows")
    cells = math.prod(shape)
    return QuantileSketch(
        shape=tuple(shape),
        relative_error=relative_error,
        smallest=smallest,
        exact_up_to=exact_up_to,
        rows=0,
        count=np.zeros(cells, dtype=np.int64),
        minimum=np.full(cells, np.nan),
        maximum=np.full(cells, np.nan),
        held=(),
        bins=_no_bins(cells),
    )


def add_rows(sketch: QuantileSketch, values: ArrayLike) -> QuantileSketch:
    """Return the sketch with more rows.

    Parameters
    ----------
    sketch : QuantileSketch
    values : (N, ...) array_like
        What is not finite is left out.

    Returns
    -------
    QuantileSketch

    Raises
    ------
    ValueRangeError
        Rows of another shape.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0 or array.shape[1:] != sketch.shape:
        raise ValueRangeError("values", f"shape {array.shape}", f"rows of shape {sketch.shape}", "correct the rows")
    flat = array.reshape(len(array), math.prod(sketch.shape))
    finite = np.isfinite(flat)
    count = finite.sum(axis=0)
    flat = flat if finite.all() else np.where(finite, flat, np.nan)
    held = sketch.rows + len(flat) <= sketch.exact_up_to
    new = replace(
        sketch,
        rows=len(flat),
        count=count,
        minimum=np.fmin.reduce(flat, axis=0, initial=np.nan),
        maximum=np.fmax.reduce(flat, axis=0, initial=np.nan),
        held=(flat.copy() if held else flat,),  # what is held must not change with the caller's array
        bins=_no_bins(len(count)),
    )
    return merge_sketches(sketch, new)


def merge_sketches(one: QuantileSketch, other: QuantileSketch) -> QuantileSketch:
    """Return the sketch of the rows of both; the order does not matter.

    Parameters
    ----------
    one, other : QuantileSketch
        Of one shape and with the same settings.

    Returns
    -------
    QuantileSketch

    Raises
    ------
    ValueRangeError
        Sketches that differ in shape or settings.
    """
    for name in ("shape", "relative_error", "smallest", "exact_up_to"):
        if getattr(one, name) != getattr(other, name):
            got = f"{getattr(one, name)} and {getattr(other, name)}"
            raise ValueRangeError(f"{name} of two sketches", got, "the same", "make both with the same settings")
    rows = one.rows + other.rows
    if rows > one.exact_up_to:
        one, other = _without_values(one), _without_values(other)
    return replace(
        one,
        rows=rows,
        count=one.count + other.count,
        minimum=np.fmin(one.minimum, other.minimum),
        maximum=np.fmax(one.maximum, other.maximum),
        held=one.held + other.held,
        bins=_sum(one.bins, other.bins),
    )


def sketch_quantiles(sketch: QuantileSketch, quantiles: ArrayLike) -> Floats:
    """Return quantiles of each cell, between neighbouring values x_k and x_(k+1) by their weights 1 - w and w.

    k + w = q (n - 1), numpy's default. From bins, the error is at most ``relative_error`` times
    (1 - w) |x_k| + w |x_(k+1)|, and ``smallest`` where a value counts as zero; the least and the largest are exact.

    Parameters
    ----------
    sketch : QuantileSketch
    quantiles : (Q,) array_like
        From 0 to 1.

    Returns
    -------
    (Q, ...) array
        NaN where a cell has no finite value.

    Raises
    ------
    ValueRangeError
        A quantile outside 0 to 1.
    """
    asked = np.atleast_1d(np.asarray(quantiles, dtype=np.float64))
    if asked.ndim != 1 or not ((asked >= 0.0) & (asked <= 1.0)).all():
        raise ValueRangeError("quantiles", quantiles, "numbers from 0 to 1", "correct the quantiles")
    last = np.maximum(sketch.count - 1, 0)
    position = asked[:, None] * last
    rank = np.floor(position).astype(np.int64)
    weight = position - rank
    ranks = np.stack([rank, np.minimum(rank + 1, last)])
    lower, upper = _held_at(sketch, ranks) if sketch.is_exact else _binned_at(sketch, ranks)
    between = np.clip((1.0 - weight) * lower + weight * upper, lower, upper)
    found = np.where(sketch.count > 0, between, np.nan)
    return found.reshape(len(asked), *sketch.shape)


def _held_at(sketch: QuantileSketch, ranks: Integers) -> Floats:
    if sketch.rows == 0:
        return np.full(ranks.shape, np.nan)
    ordered = np.sort(np.concatenate(sketch.held), axis=0)  # NaN comes last
    return np.take_along_axis(ordered, ranks.reshape(-1, ranks.shape[-1]), axis=0).reshape(ranks.shape)


def _binned_at(sketch: QuantileSketch, ranks: Integers) -> Floats:
    """Values of given ranks: one search in the counts summed over all cells."""
    bins = sketch.bins
    total = np.cumsum(bins.counts)
    before = np.append(0, total)[bins.offsets[:-1]]
    index = np.searchsorted(total, before + ranks, side="right") - bins.offsets[:-1] + bins.low
    growth, begin = _logarithms(sketch)
    with np.errstate(over="ignore"):  # the last bin may end beyond the largest double
        size = np.exp(begin + (np.abs(index) - 1) * growth) * (1.0 + sketch.relative_error)
    found = np.clip(np.where(index == 0, 0.0, np.copysign(size, index)), sketch.minimum, sketch.maximum)
    found = np.where(ranks == 0, sketch.minimum, found)
    return np.where(ranks == sketch.count - 1, sketch.maximum, found)


def _logarithms(sketch: QuantileSketch) -> tuple[float, float]:
    """Logarithm of the growth from bin to bin, and of where bin 1 begins."""
    return 2.0 * math.atanh(sketch.relative_error), math.log(sketch.smallest)


def _without_values(sketch: QuantileSketch) -> QuantileSketch:
    """The sketch with the values that it holds put into bins."""
    bins = sketch.bins
    for values in filter(len, sketch.held):
        bins = _sum(bins, _bins_of(sketch, values))
    return replace(sketch, held=(), bins=bins)


def _bins_of(sketch: QuantileSketch, values: Floats) -> _Bins:
    cells = values.shape[1]
    step = max(1, _AT_ONCE // max(len(values), 1))
    parts = [_count(sketch, values[:, begin : begin + step]) for begin in range(0, cells, step)]
    widths = np.concatenate([np.diff(part.offsets) for part in parts]) if parts else np.zeros(0, dtype=np.int64)
    return _Bins(
        low=np.concatenate([part.low for part in parts]) if parts else widths,
        offsets=np.append(0, np.cumsum(widths)),
        counts=np.concatenate([part.counts for part in parts]) if parts else widths,
    )


def _count(sketch: QuantileSketch, values: Floats) -> _Bins:
    growth, begin = _logarithms(sketch)
    size = np.abs(values, order="C")  # of one layout, so that the logarithm is always the same
    finite = ~np.isnan(size)
    everything = bool(finite.all())
    if not everything:
        size[~finite] = 0.0
    with np.errstate(divide="ignore"):
        level = np.log(size, out=size)
    level -= begin
    level /= growth
    np.floor(level, out=level)
    level += 1.0
    np.maximum(level, 0.0, out=level)
    index = np.copysign(level, values, out=level).astype(np.int64)
    ends = np.iinfo(np.int64)
    low = (index if everything else np.where(finite, index, ends.max)).min(axis=0)
    high = (index if everything else np.where(finite, index, ends.min)).max(axis=0)
    some = finite.any(axis=0)
    low = np.where(some, low, 0)
    offsets = np.append(0, np.cumsum(np.where(some, high - low + 1, 0)))
    index += offsets[:-1] - low
    return _Bins(low, offsets, np.bincount(index.ravel() if everything else index[finite], minlength=int(offsets[-1])))


def _no_bins(cells: int) -> _Bins:
    return _Bins(
        np.zeros(cells, dtype=np.int64), np.zeros(cells + 1, dtype=np.int64), counts=np.zeros(0, dtype=np.int64)
    )


def _sum(one: _Bins, other: _Bins) -> _Bins:
    """Counts of both, over the bins from the lower low to the higher high of each cell."""
    if not len(one.counts) or not len(other.counts):
        return one if len(one.counts) else other
    widths = [np.diff(bins.offsets) for bins in (one, other)]
    lows, highs = zip(*(_ends(bins, width) for bins, width in zip((one, other), widths, strict=True)), strict=True)
    low, high = np.minimum(*lows), np.maximum(*highs)
    low, high = np.where(low < high, low, 0), np.where(low < high, high, 0)
    offsets = np.append(0, np.cumsum(high - low))
    if len(one.counts) < len(other.counts):
        one, other, widths = other, one, widths[::-1]
    if len(one.counts) == offsets[-1]:  # the other adds no bin, as is usual after the first pieces
        counts = one.counts.copy()
        added = [(other, widths[1])]
    else:
        counts = np.zeros(int(offsets[-1]), dtype=np.int64)
        added = [(one, widths[0]), (other, widths[1])]
    for bins, width in added:
        shift = offsets[:-1] - low + bins.low - bins.offsets[:-1]
        counts[np.arange(len(bins.counts)) + np.repeat(shift, width)] += bins.counts
    return _Bins(low, offsets, counts)


def _ends(bins: _Bins, width: Integers) -> tuple[Integers, Integers]:
    """First bin of each cell and the one after its last; without bins, what no minimum and no maximum takes."""
    none = np.iinfo(np.int64)
    return np.where(width > 0, bins.low, none.max), np.where(width > 0, bins.low + width, none.min)
