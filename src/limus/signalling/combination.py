"""Two drugs on one culture: the model's surface beside what Loewe additivity and Bliss independence expect."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.execution import Execution
from limus.kernel.statistics.combined_effects import bliss_effect, combination_index, loewe_effect
from limus.signalling.culture import Culture, run_treatments
from limus.signalling.potency import concentration_grid
from limus.signalling.sourced_model import SourcedModel

__all__ = ["Surface", "combine_drugs"]

Floats = NDArray[np.float64]

_ALONE_PER_DECADE = 6  # of the curve of a drug alone, simulated
_FINE_PER_DECADE = 100  # and interpolated
_BEYOND = 100.0  # it reaches this much further than the surface, so that two half doses have an equal of one drug


@dataclass(frozen=True, eq=False)
class Surface:
    """Inhibition by two drugs together, for N parameter sets.

    Attributes
    ----------
    first, second : (I,) and (J,) array
        nM as asked, increasing, zero first.
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
    outside: tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]] | None = None,
    parameters: Mapping[str, Floats] | None = None,
    execution: Execution | None = None,
) -> Surface:
    """Simulate every pair of concentrations of two drugs that are added together, and each drug alone.

    What Loewe expects comes from a curve of each drug alone, finer than the surface and reaching beyond it.

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
    outside : tuple of two functions, optional
        From a concentration as asked to that in the medium of the model, where these are levels in blood.
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
    alone = tuple(_reach(c, model.validity.concentration_upper_nM) for c in concentrations)
    given = (
        np.concatenate([one, alone[0], np.zeros(len(alone[1]))]),
        np.concatenate([two, np.zeros(len(alone[0])), alone[1]]),
    )
    medium = given if outside is None else tuple(to(levels) for to, levels in zip(outside, given, strict=True))
    answer = run_treatments(
        model,
        culture,
        {drugs[0]: medium[0], drugs[1]: medium[1]},
        {readout: culture.hours},
        parameters=parameters,
        execution=execution,
        label=f"{drugs[0]} with {drugs[1]}",
    )
    pairs, first_alone, second_alone = np.split(
        1.0 - answer.percent[readout] / 100.0, np.cumsum([len(one), len(alone[0])]), axis=1
    )
    inhibition = pairs.reshape(-1, len(first), len(second))
    expected = [
        _expected(first, second, surface, ((alone[0], curve_one), (alone[1], curve_two)))
        for surface, curve_one, curve_two in zip(inhibition, first_alone, second_alone, strict=True)
    ]
    loewe, bliss, index = (np.stack(part) for part in zip(*expected, strict=True))
    return Surface(first, second, inhibition, loewe, bliss, index)


def _reach(concentrations: Floats, highest_nM: float) -> Floats:
    """Concentrations of a drug alone, from below the lowest of the surface to well above its highest."""
    low, high = concentrations[0] / 10.0, min(concentrations[-1] * _BEYOND, highest_nM)
    return concentration_grid(low, high, _ALONE_PER_DECADE)


def _expected(
    first: Floats, second: Floats, surface: Floats, alone: tuple[tuple[Floats, Floats], tuple[Floats, Floats]]
) -> tuple[Floats, Floats, Floats]:
    """Loewe, Bliss and combination index of one surface, from the drugs alone."""
    if not np.isfinite(surface).all():
        empty = np.full_like(surface, np.nan)
        return empty, empty, empty
    edges = np.clip(surface[:, 0], 0.0, 1.0), np.clip(surface[0, :], 0.0, 1.0)
    curves = _fine(*alone[0]), _fine(*alone[1])
    loewe = loewe_effect(first, curves[0], second, curves[1])
    one, two = np.meshgrid(first, second, indexing="ij")
    index = np.full_like(surface, np.nan)
    both = (one > 0) & (two > 0) & (surface > 0)
    index[both] = combination_index(one[both], curves[0], two[both], curves[1], surface[both])
    return loewe, bliss_effect(*edges), index


def _fine(concentrations: Floats, inhibition: Floats) -> tuple[Floats, Floats]:
    """A curve with many points, by monotone interpolation over the logarithm of concentration."""
    from scipy.interpolate import PchipInterpolator  # noqa: PLC0415

    x = np.log10(concentrations)
    fine = np.linspace(x[0], x[-1], math.ceil((x[-1] - x[0]) * _FINE_PER_DECADE) + 1)
    return 10.0**fine, np.clip(PchipInterpolator(x, inhibition)(fine), 0.0, 1.0)
