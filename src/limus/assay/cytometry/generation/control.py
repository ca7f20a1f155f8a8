"""What the controls say of the peaks: undivided cells from wells without stimulus, their growth from wells with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from limus.assay.cytometry.generation.fit import fit_generations
from limus.assay.cytometry.generation.histogram import bin_dye, bin_edges
from limus.assay.cytometry.generation.peak_shapes import Floor
from limus.assay.cytometry.generation.records import DeconvolutionRules, GenerationFit, UndividedControl

__all__ = ["learn_control", "learn_growth"]

_TOLERANCE_FREEDOM = 3.0
_GROWTH_TOLERANCE = 0.3  # share of the growth by which wells may differ, before they show it
_LEAST_GROWTH_TOLERANCE = 1e-3  # of a variance of 0.04: growth that the wells do not show is not known to be none


def learn_control(
    wells: Sequence[np.ndarray], floor: Floor | None, rules: DeconvolutionRules
) -> tuple[UndividedControl | None, tuple[GenerationFit, ...]]:
    """Fit the undivided peak of each control well.

    Parameters
    ----------
    wells : sequence of (N,) numpy.ndarray
        Dye of the gated cells.
    floor : Floor or None
    rules : DeconvolutionRules

    Returns
    -------
    UndividedControl or None
        Means over the wells; as errors the standard deviation of another well, from the differences between these and
        the rule's tolerance. None where no well could be fitted.
    tuple of GenerationFit
        One a well.
    """
    fits = []
    for cells in wells:
        edges, cofactor = bin_edges(cells, floor)
        histogram = bin_dye(cells, edges, cofactor)
        # a few cells of a control divide too
        fits.append(fit_generations(histogram, floor, None, rules, widening="fixed"))
    found = np.array([[f.parameters[0], f.parameters[1]] for f in fits if f.status.usable])
    if not len(found):
        return None, tuple(fits)
    mean = found.mean(axis=0)
    count = len(found)
    # the rule's tolerance counts as much as the differences between four wells: two or three show little
    squares = ((found - mean) ** 2).sum(axis=0) + _TOLERANCE_FREEDOM * rules.staining_tolerance**2
    spread = np.sqrt(squares / (count - 1 + _TOLERANCE_FREEDOM) * (1 + 1 / count))
    control = UndividedControl(float(mean[0]), float(mean[1]), float(spread[0]), float(spread[1]), count)
    return control, tuple(fits)


def learn_growth(
    wells: Sequence[np.ndarray], control: UndividedControl, floor: Floor | None, rules: DeconvolutionRules
) -> UndividedControl:
    """Find how much peaks widen with each division.

    Parameters
    ----------
    wells : sequence of (N,) numpy.ndarray
        Dye of the gated cells of stimulated control wells.
    control : UndividedControl
    floor : Floor or None
    rules : DeconvolutionRules

    Returns
    -------
    UndividedControl
        With growth: mean over the wells, and as its error the standard deviation of another well; near 0 where peaks do
        not grow. As it was where no well could be fitted.
    """
    values = []
    for cells in wells:
        edges, cofactor = bin_edges(cells, floor)
        fit = fit_generations(bin_dye(cells, edges, cofactor), floor, control, rules, widening="growing")
        if fit.status.usable and fit.generations >= 1:
            values.append(fit.growth)
    if not values:
        return control
    found = np.array(values)
    mean = float(found.mean())
    tolerance = max(_GROWTH_TOLERANCE * mean, _LEAST_GROWTH_TOLERANCE)
    squares = float(((found - mean) ** 2).sum()) + _TOLERANCE_FREEDOM * tolerance**2
    error = float(np.sqrt(squares / (len(found) - 1 + _TOLERANCE_FREEDOM) * (1 + 1 / len(found))))
    return replace(control, growth=mean, growth_error=error)
