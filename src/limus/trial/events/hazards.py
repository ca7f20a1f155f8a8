"""Hazards that are constant between change points, and times drawn from them exactly.

The common cells are cut at every day on which any hazard, regimen or level changes. A subject's own changes (a
discontinuation, an earlier event) cut them further. Within a cell the hazard is constant, so the cumulative hazard
is linear there and ``H(T) = E`` with E exponential is solved without any step: find the cell, then divide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.trial.design.hazard_library import EventHazard

__all__ = ["Cells", "base_rates", "cumulative_at", "cut_cells", "days_of_events", "risks_with_competition"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells of N subjects in which every hazard is constant.

    Attributes
    ----------
    edges : (N, C + 1) array
        Days; cells of no width are possible.
    common : (N, C) array of int
        The common cell that each lies in.
    middle : (N, C) array
        Days.
    """

    edges: Floats
    common: Integers
    middle: Floats

    @property
    def width(self) -> Floats:
        """Days, (N, C)."""
        return np.diff(self.edges, axis=1)


def cut_cells(edges: Floats, changes: Sequence[Floats]) -> Cells:
    """Cut common cells at the change points of each subject.

    Parameters
    ----------
    edges : (G + 1,) array
        Common change points in days, rising.
    changes : sequence of (N,) array
        Each subject's own, infinite or beyond the last edge for none; at least one.

    Returns
    -------
    Cells
        With G + number of changes cells each.
    """
    count = len(changes[0])
    own = np.clip(np.stack(changes, axis=1), edges[0], edges[-1])
    cut = np.sort(np.concatenate([np.broadcast_to(edges, (count, len(edges))), own], axis=1), axis=1)
    middle = 0.5 * (cut[:, 1:] + cut[:, :-1])
    common = np.clip(np.searchsorted(edges, middle, side="right") - 1, 0, len(edges) - 2)
    return Cells(cut, common, middle)


def base_rates(event: EventHazard, middle: Floats) -> Floats:
    """Return the hazard of the reference subject, per day: ``shape`` scaled so that ``percent`` results.

    Parameters
    ----------
    event : EventHazard
    middle : (G,) array
        Days.

    Returns
    -------
    (G,) array
    """
    starts = np.asarray(event.from_day)
    shape = np.asarray(event.shape)
    ends = np.minimum(np.append(starts[1:], np.inf), event.percent_day)
    total = float((shape * np.maximum(ends - starts, 0.0)).sum())
    wanted = -np.log1p(-event.percent / 100.0)
    index = np.clip(np.searchsorted(starts, middle, side="right") - 1, 0, len(starts) - 1)
    return np.asarray(shape[index] * (wanted / total if total > 0 else 0.0))


def days_of_events(rates: Floats, edges: Floats, exponential: Floats) -> Floats:
    """Invert cumulative hazards: the day T with ``H(T) = E``.

    Parameters
    ----------
    rates : (N, C) array
        Hazard in each cell, per day, 0 or more.
    edges : (N, C + 1) or (C + 1,) array
        Days.
    exponential : (N,) array
        Exponential numbers of mean 1.

    Returns
    -------
    (N,) array
        Infinite where the cumulative hazard does not reach E.
    """
    edges = np.broadcast_to(edges, (len(rates), rates.shape[1] + 1))
    cumulative = np.cumsum(rates * np.diff(edges, axis=1), axis=1)
    cell = (cumulative < exponential[:, None]).sum(axis=1)
    reached = cell < rates.shape[1]
    at = np.minimum(cell, rates.shape[1] - 1)[:, None]
    rate = np.take_along_axis(rates, at, axis=1)[:, 0]
    end = np.take_along_axis(edges, at + 1, axis=1)[:, 0]
    over = np.take_along_axis(cumulative, at, axis=1)[:, 0] - exponential
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(reached, end - over / rate, np.inf)


def cumulative_at(rates: Floats, edges: Floats, day: float) -> Floats:
    """Return the cumulative hazard by a day.

    Parameters
    ----------
    rates : (N, C) array
    edges : (N, C + 1) or (C + 1,) array
    day : float

    Returns
    -------
    (N,) array
    """
    edges = np.broadcast_to(edges, (len(rates), rates.shape[1] + 1))
    width = np.clip(np.minimum(edges[:, 1:], day) - np.minimum(edges[:, :-1], day), 0.0, None)
    return np.asarray((rates * width).sum(axis=1))


def risks_with_competition(rates: Floats, others: Floats, edges: Floats, day: float) -> Floats:
    """Return the risk of an event by a day where other events rule it out.

    In a cell of width w, from survival S: ``S a / (a + b) (1 - exp(-(a + b) w))``, a the event's hazard and b the
    others' together.

    Parameters
    ----------
    rates, others : (N, C) array
        Hazards per day.
    edges : (N, C + 1) or (C + 1,) array
    day : float

    Returns
    -------
    (N,) array
        Between 0 and 1.
    """
    edges = np.broadcast_to(edges, (len(rates), rates.shape[1] + 1))
    width = np.clip(np.minimum(edges[:, 1:], day) - np.minimum(edges[:, :-1], day), 0.0, None)
    both = rates + others
    through = both * width
    before = np.cumsum(through, axis=1) - through
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(both > 0, rates / both, 0.0)
    return np.asarray((np.exp(-before) * share * -np.expm1(-through)).sum(axis=1))
