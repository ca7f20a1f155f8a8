"""Endpoints of each parameter set from its outputs on the grid of times: last, extremes, area, time above a limit.

Between two output times an output is taken as a straight line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.simulation.simulate import SimulationResult

__all__ = ["SetEndpoints", "endpoints_of"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SetEndpoints:
    """What :func:`limus.kernel.simulation.simulate_endpoints` returns; a set that failed has NaN in every endpoint.

    Attributes
    ----------
    outputs : tuple of str
        Names, O of them.
    thresholds : (O,) array
        NaN where none was given.
    last : (N, O) array
        At the last time of each set.
    maximum, minimum : (N, O) array
        Over the output times.
    time_of_maximum : (N, O) array
        The first time at which the maximum stands.
    area : (N, O) array
        By trapezoids, output unit times time unit.
    time_above : (N, O) array
        How long the output is above its threshold; NaN without one.
    status : tuple of str
        'ok' or the reason, one a parameter set.
    failure_time : (N,) array
        NaN where nothing failed.
    failed : mapping of str to int
        How many sets failed, by reason.
    """

    outputs: tuple[str, ...]
    thresholds: Floats
    last: Floats
    maximum: Floats
    time_of_maximum: Floats
    minimum: Floats
    area: Floats
    time_above: Floats
    status: tuple[str, ...]
    failure_time: Floats
    failed: Mapping[str, int]


def endpoints_of(result: SimulationResult, thresholds: Floats) -> dict[str, Floats]:
    """Return the endpoints of each set of a result, (N, O) each, by the names in :class:`SetEndpoints`.

    Parameters
    ----------
    result : SimulationResult
    thresholds : (O,) array
        NaN where time above is not asked for.

    Returns
    -------
    dict of str to (N, O) array
        NaN for a set that failed, and where an output that an endpoint needs is not finite.
    """
    values = result.values
    times = np.broadcast_to(np.atleast_2d(result.times), values.shape[:2])
    asked = ~np.isnan(times)
    final = asked.sum(axis=1) - 1
    known = np.isfinite(values)
    finite = (known | ~asked[:, :, None]).all(axis=1)
    good = finite & (np.array(result.status, dtype=object) == "ok")[:, None]

    highest = np.argmax(np.where(known, values, -np.inf), axis=1)
    lengths = np.where(asked[:, 1:], np.diff(times, axis=1), 0.0)[:, :, None]
    line = np.where(known, values, 0.0)
    begin, end = line[:, :-1], line[:, 1:]
    found = {
        "last": values[np.arange(len(values)), final],
        "maximum": np.take_along_axis(values, highest[:, None], axis=1)[:, 0],
        "time_of_maximum": np.take_along_axis(times, highest, axis=1),
        "minimum": np.where(known, values, np.inf).min(axis=1),
        "area": _total(lengths * 0.5 * (begin + end)),
        "time_above": _total(lengths * _share_above(begin - thresholds, end - thresholds)),
    }
    return {name: np.where(good, endpoint, np.nan) for name, endpoint in found.items()}


def _share_above(begin: Floats, end: Floats) -> Floats:
    """Share of a straight line from ``begin`` to ``end`` that is above zero."""
    height = np.maximum(begin, 0.0) + np.maximum(end, 0.0)
    depth = np.maximum(-begin, 0.0) + np.maximum(-end, 0.0)
    crossing = height / np.where(height + depth > 0.0, height + depth, 1.0)
    same_side = (begin > 0.0) == (end > 0.0)
    return np.where(np.isnan(begin), np.nan, np.where(same_side, (begin > 0.0) * 1.0, crossing))


def _total(parts: Floats) -> Floats:
    """Sum over times, one after the other: numpy's own sum may take another order for another number of sets."""
    if parts.shape[1] == 0:
        return np.full((parts.shape[0], parts.shape[2]), 0.0)
    return np.cumsum(parts, axis=1)[:, -1]
