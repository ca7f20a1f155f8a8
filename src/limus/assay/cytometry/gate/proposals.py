"""Gates proposed from the data by stated rules: cells, singlets, live, CD3.

Each rule looks at the events that the gates before it have left and writes in words what it did. The proposals are
ordinary gates: written to a Gating-ML file, they can be edited and given back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.assay.cytometry.gate.density_valley import cut_between, main_mode
from limus.assay.cytometry.gate.gates import FILE, UNCOMPENSATED, Dimension, Gate, PolygonShape, RectangleShape
from limus.assay.cytometry.gate.scales import choose_logicle, place_on_scale, values_at
from limus.kernel.errors import InputError

__all__ = ["GateChannels", "GateRules", "propose_gates"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
_LEAST = 100  # events that a rule needs


@dataclass(frozen=True, slots=True)
class GateChannels:
    """Names of the channels that the rules look at; empty where a tube has none."""

    area: str = ""
    height: str = ""
    viability: str = ""
    cd3: str = ""


@dataclass(frozen=True, slots=True)
class GateRules:
    """By what the rules go; the library's ``cytometry_rules.toml`` has the usual values with their reasons.

    Attributes
    ----------
    debris_share : float
        Forward scatter below this share of its main peak is debris.
    singlet_spread : float
        Standard deviations of height over area about the singlets' peak.
    population_spread : float
        Standard deviations from an only population of a stain.
    """

    debris_share: float
    singlet_spread: float
    population_spread: float


def propose_gates(
    raw: Mapping[str, Floats],
    compensated: Mapping[str, Floats],
    tops: Mapping[str, float],
    channels: GateChannels,
    rules: GateRules,
    *,
    compensation: str = FILE,
) -> tuple[Gate, ...]:
    """Propose gates.

    Parameters
    ----------
    raw, compensated : mapping of str to (N,) numpy.ndarray
        Channels before and after compensation.
    tops : mapping of str to float
        Largest number of each channel, for the scales.
    channels : GateChannels
    rules : GateRules
    compensation : str
        What the compensated channels are called in the gates: ``FCS``, ``uncompensated`` or the name of a matrix.

    Returns
    -------
    tuple of Gate
        ``cells``, ``singlets``, ``live`` and ``cd3``, those for which there are channels; each within the one before.

    Raises
    ------
    InputError
        Too few events to see populations.
    """
    inside = np.ones(len(next(iter(raw.values()))), dtype=np.bool_)
    gates: list[Gate] = []
    if channels.area:
        cells, inside = _cells(raw, channels, rules, inside & np.isfinite(raw[channels.area]))
        gates.append(cells)
    if channels.area and channels.height:
        singlets, inside = _singlets(raw, tops, channels, rules, inside & np.isfinite(raw[channels.height]))
        gates.append(singlets)
    stains: Sequence[tuple[str, str, str]] = (("live", channels.viability, "low"), ("cd3", channels.cd3, "high"))
    for name, channel, keep in stains:
        if not channel:
            continue
        _require(inside, name)
        values = compensated[channel]
        scale = choose_logicle(values[inside], tops[channel])
        places = place_on_scale(values, scale)
        cut = cut_between(places[inside], spread=rules.population_spread, keep=keep)
        place = round(cut.place, 4)
        ranges = (-np.inf, place) if keep == "low" else (place, np.inf)
        shape = RectangleShape((Dimension(channel, scale, compensation),), (ranges,))
        value = float(values_at(place, scale))
        side = "below" if keep == "low" else "above"
        rule = f"{channel} {side} {value:.4g}: {cut.rule}"
        gates.append(Gate(name, shape, gates[-1].name if gates else "", rule))
        inside = inside & (places < place if keep == "low" else places >= place)
    return tuple(gates)


def _require(inside: Mask, name: str) -> None:
    count = int(inside.sum())
    if count < _LEAST:
        do = "measure more cells, or give the gates in a file"
        raise InputError(f"proposal of the gate {name}", f"{count} events", f"{_LEAST} or more", do)


def _cells(raw: Mapping[str, Floats], channels: GateChannels, rules: GateRules, inside: Mask) -> tuple[Gate, Mask]:
    _require(inside, "cells")
    area = raw[channels.area]
    positive = inside & (area > 0)
    _require(positive, "cells")
    peak = float(np.exp(main_mode(np.log(area[positive]))))
    low = _round(rules.debris_share * peak)
    shape = RectangleShape((Dimension(channels.area, None, UNCOMPENSATED),), ((low, np.inf),))
    rule = f"{channels.area} above {low:g}, {rules.debris_share:g} of its main peak at {peak:.4g}"
    return Gate("cells", shape, "", rule), inside & (area >= low)


def _singlets(
    raw: Mapping[str, Floats], tops: Mapping[str, float], channels: GateChannels, rules: GateRules, inside: Mask
) -> tuple[Gate, Mask]:
    _require(inside, "singlets")
    area, height = raw[channels.area], raw[channels.height]
    ratio = height[inside] / area[inside]
    peak = main_mode(ratio)
    # the flank above the peak: doublets, whose height is small for their area, lie below it
    above = ratio[(ratio >= peak) & (ratio <= np.quantile(ratio, 0.995))] - peak
    deviation = float(np.sqrt(np.mean(above**2))) if len(above) else 0.05 * peak
    low, high = peak - rules.singlet_spread * deviation, peak + rules.singlet_spread * deviation
    low, high = round(max(low, 0.05 * peak), 4), round(high, 4)
    # up to the end of the channel: another file may have larger cells
    left, right = 0.0, _round(max(float(area[inside].max()), tops[channels.area]) * 1.05)
    vertices = ((left, low * left), (right, low * right), (right, high * right), (left, high * left))
    dimensions = (
        Dimension(channels.area, None, UNCOMPENSATED),
        Dimension(channels.height, None, UNCOMPENSATED),
    )
    rule = (
        f"{channels.height} over {channels.area} {low:g} to {high:g}: peak {peak:.3g} and "
        f"{rules.singlet_spread:g} standard deviations of its upper flank"
    )
    mask = inside & (height >= low * area) & (height <= high * area)
    return Gate("singlets", PolygonShape(dimensions, vertices), "cells", rule), mask


def _round(value: float) -> float:
    """Four digits: a gate that a person can read and write."""
    return float(f"{value:.4g}")
