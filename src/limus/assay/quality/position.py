"""Does the place on the plate matter? Edge against interior, and drift along rows, columns and reading order.

Wells that hold the same are compared with each other only: signals and scores are taken relative to the mean of their
group (wells with one treatment), so a design that puts different treatments in different places does not pass for an
effect. With d the signal and z the score of a well (1 at the edge; the number of its row, its column or its turn, from
0 to 1 over the plate), both relative to the group's mean,

    effect = sum(z d) / sum(z**2)

the slope of the regression with a mean for each group: the difference of edge and interior, or the change from one side
of the plate to the other. Its p value is that of a permutation of the wells within their groups, which is exact
whatever the spread of each group.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.assay.plate.format import PlateFormat
from limus.assay.reader.wells import PlateWells
from limus.kernel.execution import Execution, spawn_generators

__all__ = ["PositionEffect", "assess_positions", "position_effect"]

PERMUTATIONS = 1999
LARGE_PERCENT, SIGNIFICANT = 5.0, 0.01


@dataclass(frozen=True, slots=True)
class PositionEffect:
    """An effect of position.

    Attributes
    ----------
    name : str
        ``edge``, ``row``, ``column`` or ``order``.
    effect : float
        Edge minus interior, or last minus first, in the unit of the signal; NaN where no group can tell.
    percent : float
        Of the reference signal.
    p_value : float
        Two-sided, by permutation within groups.
    wells, groups : int
        Wells that can tell, in how many groups.
    status : str
        ``none``; ``small``: significant at 1 % but below 5 % of the reference; ``large``: significant at 1 % and 5 %
        or more; ``not_testable``.
    """

    name: str
    effect: float
    percent: float
    p_value: float
    wells: int
    groups: int
    status: str

    def as_dict(self) -> dict[str, Any]:
        """The numbers under the names of the attributes."""
        return {name: getattr(self, name) for name in self.__slots__}


def position_effect(
    name: str,
    signal: NDArray[np.float64],
    groups: Sequence[Hashable],
    score: NDArray[np.float64],
    reference: float,
    generator: np.random.Generator,
) -> PositionEffect:
    """Estimate and test one effect of position.

    Parameters
    ----------
    name : str
    signal : (W,) array
        NaN is left out.
    groups : (W,) sequence
        What is the same in wells that hold the same.
    score : (W,) array
        Position, on any scale.
    reference : float
        Signal that counts as 100 %.
    generator : numpy.random.Generator
        For the permutations.

    Returns
    -------
    PositionEffect
    """
    usable = np.isfinite(signal)
    _, group = np.unique([repr(g) for g, use in zip(groups, usable, strict=True) if use], return_inverse=True)
    y, z = signal[usable], score[usable]
    if not len(y):
        return PositionEffect(name, math.nan, math.nan, math.nan, 0, 0, "not_testable")
    y, z = _within(y, group), _within(z, group)
    tells = np.bincount(group, weights=z**2)[group] > 1e-12
    if tells.sum() < 4 or float(np.sum(y[tells] ** 2)) == 0.0:
        return PositionEffect(name, math.nan, math.nan, math.nan, int(tells.sum()), 0, "not_testable")
    y, z, group = y[tells], z[tells], group[tells]
    effect = float(np.sum(z * y) / np.sum(z**2))
    # ordering random keys within sorted groups permutes the wells of each group among themselves
    order = np.argsort(group, kind="stable")
    y, z, group = y[order], z[order], group[order]
    keys = generator.random((PERMUTATIONS, len(y)))
    shuffled = y[np.lexsort((keys, np.broadcast_to(group, keys.shape)), axis=1)]
    found = np.abs(shuffled @ z)
    p_value = float((1 + np.sum(found >= abs(np.sum(z * y)) * (1 - 1e-12))) / (1 + PERMUTATIONS))
    percent = 100.0 * effect / reference if reference > 0 else math.nan
    status = "none"
    if p_value <= SIGNIFICANT:
        status = "large" if abs(percent) >= LARGE_PERCENT else "small"
    return PositionEffect(name, effect, percent, p_value, len(y), len(np.unique(group)), status)


def assess_positions(plate: PlateWells, reference: float, execution: Execution) -> tuple[PositionEffect, ...]:
    """Look for effects of edge, row, column and reading order (row by row).

    Parameters
    ----------
    plate : PlateWells
    reference : float
        Signal that counts as 100 %, such as the mean of the controls.
    execution : Execution
        Its seed decides the permutations.

    Returns
    -------
    tuple of PositionEffect
        edge, row, column, order.
    """
    groups = [well.treatment for well in plate.wells]
    generators = spawn_generators(execution.seed, 4, stream="plate position")
    return tuple(
        position_effect(name, plate.signal, groups, score, reference, generator)
        for (name, score), generator in zip(_scores(plate, plate.layout.plate).items(), generators, strict=True)
    )


def _scores(plate: PlateWells, form: PlateFormat) -> dict[str, NDArray[np.float64]]:
    rows = np.array([well.row for well in plate.wells], dtype=np.float64)
    columns = np.array([well.column for well in plate.wells], dtype=np.float64)
    edge = np.array([form.edge[well.row, well.column] for well in plate.wells], dtype=np.float64)
    return {
        "edge": edge,
        "row": rows / max(1, form.rows - 1),
        "column": columns / max(1, form.columns - 1),
        "order": (rows * form.columns + columns) / max(1, form.rows * form.columns - 1),
    }


def _within(values: NDArray[np.float64], group: NDArray[np.intp]) -> NDArray[np.float64]:
    means = np.bincount(group, weights=values) / np.bincount(group)
    centred: NDArray[np.float64] = values - means[group]
    return centred
