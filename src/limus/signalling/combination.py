"""Two drugs on one culture: the model's surface beside what Loewe additivity and Bliss independence expect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.execution import Execution
from limus.kernel.statistics.combined_effects import bliss_effect, combination_index, loewe_effect
from limus.signalling.culture import Culture, run_treatments
from limus.signalling.sourced_model import SourcedModel

__all__ = ["Surface", "combine_drugs"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Surface:
    """Inhibition by two drugs together, for N parameter sets.

    Attributes
    ----------
    first, second : (I,) and (J,) array
        nM, increasing, zero first.
    inhibition, loewe, bliss : (N, I, J) array
        Fractions of the control's signal that are taken away: by the model, and expected without interaction.
    index : (N, I, J) array
        Combination index (Loewe) of each pair: below 1 synergy, above 1 antagonism; NaN with a single drug and where
        neither alone has the effect.
    """

    first: Floats
    second: Floats
    inhibition: Floats
    loewe: Floats
    bliss: Floats
    index: Floats


def combine_drugs(
    model: SourcedModel,
    culture: Culture,
    drugs: tuple[str, str],
    concentrations: tuple[Floats, Floats],
    readout: str,
    *,
    parameters: Mapping[str, Floats] | None = None,
    execution: Execution | None = None,
) -> Surface:
    """Simulate every pair of concentrations of two drugs that are added together.

    Parameters
    ----------
    model : SourcedModel
    culture : Culture
        ``hours`` is when the readout is taken.
    drugs : tuple of two str
        As the model writes them.
    concentrations : tuple of two arrays
        nM, positive and increasing; zero is added.
    readout : str
    parameters : mapping of str to (N,) array, optional
        Parameter sets; by default one, the model's own.
    execution : Execution, optional

    Returns
    -------
    Surface

    Raises
    ------
    UnknownNameError
        Unknown readout.
    SolveError
        A simulation failed.
    """
    first, second = (np.concatenate(([0.0], c)) for c in concentrations)
    one, two = (x.ravel() for x in np.meshgrid(first, second, indexing="ij"))
    answer = run_treatments(
        model,
        culture,
        {drugs[0]: one, drugs[1]: two},
        {readout: culture.hours},
        parameters=parameters,
        execution=execution,
        label=f"{drugs[0]} with {drugs[1]}",
    )
    inhibition = (1.0 - answer.percent[readout] / 100.0).reshape(-1, len(first), len(second))
    expected = [_expected(first, second, surface) for surface in inhibition]
    loewe, bliss, index = (np.stack(part) for part in zip(*expected, strict=True))
    return Surface(first, second, inhibition, loewe, bliss, index)


def _expected(first: Floats, second: Floats, surface: Floats) -> tuple[Floats, Floats, Floats]:
    """Loewe, Bliss and combination index of one surface, from its own edges."""
    if not np.isfinite(surface).all():
        empty = np.full_like(surface, np.nan)
        return empty, empty, empty
    alone = np.clip(surface[:, 0], 0.0, 1.0), np.clip(surface[0, :], 0.0, 1.0)
    curves = (first[1:], alone[0][1:]), (second[1:], alone[1][1:])
    loewe = loewe_effect(first, curves[0], second, curves[1])
    one, two = np.meshgrid(first, second, indexing="ij")
    index = np.full_like(surface, np.nan)
    both = (one > 0) & (two > 0) & (surface > 0)
    index[both] = combination_index(one[both], curves[0], two[both], curves[1], surface[both])
    return loewe, bliss_effect(*alone), index
