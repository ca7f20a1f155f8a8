"""Dose-response data of many curves as arrays of one shape: shorter curves are padded with weight 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.assay.curve.formulae import log_dose
from limus.kernel.errors import ValueRangeError

__all__ = ["CurveData", "DoseMeans"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class DoseMeans:
    """Responses gathered by dose: what replicates say about the error, and short data for starts.

    Attributes
    ----------
    log_doses, means, weights : (C, K) numpy.ndarray
        Different doses in ascending order, weighted means, sums of weights (0 beyond a curve's last dose).
    pure_error : (C,) numpy.ndarray
        Weighted sum of squares of the responses around their dose's mean.
    distinct : (C,) numpy.ndarray of int
        Number of different doses.
    """

    log_doses: Floats
    means: Floats
    weights: Floats
    pure_error: Floats
    distinct: Ints


@dataclass(frozen=True, eq=False)
class CurveData:
    """Data of C curves with up to N responses each; made by :meth:`create`, arrays are read-only.

    Attributes
    ----------
    names : tuple of str
        Curves.
    doses, log_doses, responses : (C, N) numpy.ndarray
        Doses in the user's unit and their natural logarithm (a large negative number for dose 0); 0 where padded.
    weights : (C, N) numpy.ndarray
        Given weights, 1 by default; 0 where padded or left out. The variance of a response is ``s**2 / weight``.
    censoring : (C, N) numpy.ndarray of int8
        -1: the response is known to lie below the value, 1: above, 0: measured.
    counts : (C,) numpy.ndarray of int
        Responses with a weight.
    """

    names: tuple[str, ...]
    doses: Floats
    log_doses: Floats
    responses: Floats
    weights: Floats
    censoring: NDArray[np.int8]
    counts: Ints

    @classmethod
    def create(
        cls,
        doses: ArrayLike | Sequence[ArrayLike],
        responses: ArrayLike | Sequence[ArrayLike],
        *,
        names: Sequence[str] = (),
        weights: ArrayLike | Sequence[ArrayLike] | None = None,
        censoring: ArrayLike | Sequence[ArrayLike] | None = None,
    ) -> CurveData:
        """Check and pad.

        Parameters
        ----------
        doses : (N,), (C, N) or C sequences
            Not negative, one unit for all; one row for all curves, or one a curve.
        responses : (N,), (C, N) or C sequences
            NaN for none.
        names : sequence of str
            Curves; ``1``, ``2``, ... by default.
        weights : like responses, optional
            Not negative.
        censoring : like responses, optional
            -1, 0 or 1.

        Returns
        -------
        CurveData

        Raises
        ------
        ValueRangeError
            A negative or infinite dose, an infinite response, a negative weight, shapes or names that do not match.
        """
        values = _pad(responses, np.nan)
        shape = values.shape
        dose = _match(_pad(doses, np.nan), shape, "doses")
        weight = np.ones(shape) if weights is None else _match(_pad(weights, 0.0), shape, "weights")
        side = np.zeros(shape) if censoring is None else _match(_pad(censoring, 0.0), shape, "censoring")
        used = np.isfinite(values) & (weight > 0)
        for name, array, allowed, bad in (
            ("dose", dose, "finite, 0 or above", used & ~((dose >= 0) & np.isfinite(dose))),
            ("response", values, "finite, or NaN for none", np.isinf(values)),
            ("weight", weight, "finite, 0 or above", ~((weight >= 0) & np.isfinite(weight))),
            ("censoring", side, "-1, 0 or 1", ~np.isin(side, (-1, 0, 1))),
        ):
            if bad.any():
                place = tuple(int(i) for i in np.argwhere(bad)[0])
                raise ValueRangeError(
                    f"{name} of curve {place[0]}, place {place[1]}", array[place], allowed, "correct it"
                )
        labels = tuple(map(str, names)) or tuple(str(i + 1) for i in range(shape[0]))
        if len(labels) != shape[0]:
            raise ValueRangeError("names", f"{len(labels)} names", f"{shape[0]}, one a curve", "match them")
        dose = np.where(used, dose, 0.0)
        return _seal(
            cls(
                names=labels,
                doses=dose,
                log_doses=np.where(used, log_dose(dose), 0.0),
                responses=np.where(used, values, 0.0),
                weights=np.where(used, weight, 0.0),
                censoring=np.where(used, side, 0.0).astype(np.int8),
                counts=used.sum(axis=1),
            )
        )

    def __len__(self) -> int:
        return len(self.names)

    def take(self, curves: ArrayLike) -> CurveData:
        """Return some curves, given by index, without padding that none of them needs."""
        index = np.asarray(curves, dtype=np.intp)
        used = ((self.weights[index] > 0) | (self.responses[index] != 0)).any(axis=0)
        last = int(np.flatnonzero(used)[-1]) + 1 if used.any() else 1
        return self.rows(index, last)

    def rows(self, curves: NDArray[np.intp], width: int | None = None) -> CurveData:
        """Return some curves with the first responses, all by default: arrays beside the data keep their shape."""
        return _seal(
            CurveData(
                names=tuple(self.names[i] for i in curves),
                doses=self.doses[curves, :width],
                log_doses=self.log_doses[curves, :width],
                responses=self.responses[curves, :width],
                weights=self.weights[curves, :width],
                censoring=self.censoring[curves, :width],
                counts=self.counts[curves],
            )
        )

    def without(self, left_out: NDArray[np.bool_]) -> CurveData:
        """Return the same curves with the marked responses (C, N) at weight 0."""
        return self.weigh(np.where(left_out, 0.0, self.weights))

    @property
    def dose_range(self) -> tuple[Floats, Floats]:
        """Logarithms of the lowest and highest dose above 0 of each curve (C,); 0 where there is none."""
        positive = (self.weights > 0) & (self.doses > 0)
        none = ~positive.any(axis=1)
        low = np.where(positive, self.log_doses, np.inf).min(axis=1)
        high = np.where(positive, self.log_doses, -np.inf).max(axis=1)
        return np.where(none, 0.0, low), np.where(none, 0.0, high)

    @property
    def response_range(self) -> tuple[Floats, Floats]:
        """Lowest and highest response of each curve (C,); 0 where there is none."""
        used = self.weights > 0
        none = ~used.any(axis=1)
        low = np.where(used, self.responses, np.inf).min(axis=1)
        high = np.where(used, self.responses, -np.inf).max(axis=1)
        return np.where(none, 0.0, low), np.where(none, 0.0, high)

    @property
    def distinct(self) -> Ints:
        """Number of different doses of each curve (C,)."""
        ordered = np.sort(np.where(self.weights > 0, self.log_doses, np.inf), axis=1)
        fresh = np.isfinite(ordered)
        fresh[:, 1:] &= ordered[:, 1:] != ordered[:, :-1]
        return np.asarray(fresh.sum(axis=1))

    def neighbours(self, log_doses: Floats) -> tuple[Floats, Floats]:
        """Return the tested log doses next below and above given ones (C,); NaN where there is none above dose 0."""
        positive = (self.weights > 0) & (self.doses > 0)
        place = log_doses[:, np.newaxis]
        below = np.where(positive & (self.log_doses <= place), self.log_doses, -np.inf).max(axis=1)
        above = np.where(positive & (self.log_doses > place), self.log_doses, np.inf).min(axis=1)
        return np.where(np.isfinite(below), below, np.nan), np.where(np.isfinite(above), above, np.nan)

    def weigh(self, weights: Floats) -> CurveData:
        """Return the same data with other weights (C, N)."""
        kept = np.where(self.weights > 0, weights, 0.0)
        sides = np.where(kept > 0, self.censoring, 0).astype(np.int8)
        return _seal(replace(self, weights=kept, censoring=sides, counts=(kept > 0).sum(axis=1)))

    def for_starts(self) -> CurveData:
        """Return the data that starts are found from: censored responses at their limits.

        Those whose limit lies beyond every measured response, on the side where it says nothing, are left out.
        """
        if not self.censoring.any():
            return self
        measured = (self.weights > 0) & (self.censoring == 0)
        low = np.where(measured, self.responses, np.inf).min(axis=1, keepdims=True)
        high = np.where(measured, self.responses, -np.inf).max(axis=1, keepdims=True)
        idle = ((self.censoring < 0) & (self.responses > high)) | ((self.censoring > 0) & (self.responses < low))
        return self.at_limits().without(idle & measured.any(axis=1, keepdims=True))

    def at_limits(self) -> CurveData:
        """Return the same data with censored responses taken as measured at their limits."""
        return _seal(replace(self, censoring=np.zeros_like(self.censoring)))

    def gather(self) -> DoseMeans:
        """Gather the responses by dose."""
        curves, width = self.responses.shape
        order = np.argsort(np.where(self.weights > 0, self.log_doses, np.inf), axis=1, kind="stable")
        dose = np.take_along_axis(self.log_doses, order, axis=1)
        response = np.take_along_axis(self.responses, order, axis=1)
        weight = np.take_along_axis(self.weights, order, axis=1)
        fresh = np.ones((curves, width), dtype=np.bool_)
        fresh[:, 1:] = dose[:, 1:] != dose[:, :-1]
        fresh &= weight > 0
        place = np.cumsum(fresh, axis=1) - 1
        most = max(1, int(place.max(initial=0)) + 1)
        flat = (np.maximum(place, 0) + most * np.arange(curves)[:, np.newaxis]).ravel()

        def total(values: Floats) -> Floats:
            sums = np.bincount(flat, weights=values.ravel(), minlength=curves * most)
            return np.asarray(sums, dtype=np.float64).reshape(curves, most)

        weights = total(weight)
        means = total(weight * response) / np.where(weights > 0, weights, 1.0)
        doses = np.zeros((curves, most))
        doses.ravel()[flat[(weight > 0).ravel()]] = dose[weight > 0]
        around = response - means.ravel()[flat].reshape(curves, width)
        return DoseMeans(doses, means, weights, (weight * around**2).sum(axis=1), fresh.sum(axis=1))


def _seal(data: CurveData) -> CurveData:
    for array in (data.doses, data.log_doses, data.responses, data.weights, data.censoring, data.counts):
        array.flags.writeable = False
    return data


def _pad(values: ArrayLike | Sequence[ArrayLike], filling: float) -> Floats:
    """Return (C, N), whatever the lengths of the rows."""
    if isinstance(values, np.ndarray) and values.dtype != object:
        array = values.astype(np.float64)
    elif isinstance(values, list | tuple | np.ndarray) and len(values) and np.ndim(values[0]) == 1:
        rows = [np.asarray(row, dtype=np.float64) for row in values]
        array = np.full((len(rows), max(map(len, rows))), filling)
        for place, row in zip(array, rows, strict=True):
            place[: len(row)] = row
    else:
        array = np.asarray(values, dtype=np.float64)
    array = array.reshape(1, -1) if array.ndim < 2 else array
    if array.ndim != 2 or not array.size:
        raise ValueRangeError("curves", f"shape {array.shape}", "(N,), (C, N) or C sequences, not empty", "give data")
    return array


def _match(array: Floats, shape: tuple[int, ...], name: str) -> Floats:
    if array.shape == shape or (array.shape == (1, shape[1])):
        return np.broadcast_to(array, shape)
    raise ValueRangeError(name, f"shape {array.shape}", f"{shape} as the responses", "give one value a response")
