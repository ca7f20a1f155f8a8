r"""Simulated events of a flow cytometer: cells that divided, dye that halved, and what disturbs its measurement.

Of the precursors a share responds; the time to the first division and those between further ones are log-normal and
independent. A lineage has divided g times by the harvest with probability ``P_g``; the culture then holds ``2**g P_g``
cells of generation g for each precursor (expected numbers need no independence between sisters).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.assay.cytometry.fcs.write import NewChannel
from limus.assay.cytometry.simulation.truth import CellTruth, DivisionTruth, InstrumentTruth
from limus.kernel.errors import UnknownNameError

__all__ = ["CHANNELS", "Stains", "precursor_shares", "simulate_events"]

Floats = NDArray[np.float64]
CHANNELS = ("FSC-A", "FSC-H", "SSC-A", "CTV-A", "PE-A", "APC-Cy7-A", "Time")
_LABELS = {"CTV-A": "CTV", "PE-A": "CD3", "APC-Cy7-A": "Viability"}
_FLUORESCENCE = ("CTV-A", "PE-A", "APC-Cy7-A")
_STEP_HOURS = 0.05


@dataclass(frozen=True, slots=True)
class Stains:
    """Which stains are in a tube; a single-stain control has one."""

    dye: bool = True
    cd3: bool = True
    viability: bool = True


def precursor_shares(division: DivisionTruth, *, responding: float | None = None, slower: float = 1.0) -> Floats:
    """Return the share of precursors whose lineage has divided g times at harvest.

    Parameters
    ----------
    division : DivisionTruth
    responding : float, optional
        In place of the truth's.
    slower : float
        Factor on the time to the first division.

    Returns
    -------
    (G + 1,) numpy.ndarray
        Sums to 1; lineages beyond the highest generation are counted there.
    """
    from scipy.special import ndtr  # noqa: PLC0415

    share = division.responding if responding is None else responding
    edges = np.arange(0.0, division.hours + 0.5 * _STEP_HOURS, _STEP_HOURS)

    def mass(median: float, log_sd: float) -> Floats:
        with np.errstate(divide="ignore"):
            below = ndtr(np.log(edges / median) / log_sd)
        return np.asarray(np.diff(below))

    # mass of the time of the g-th division in each step; the parts of a step that two times lose make half a step each
    first = mass(division.first_division_hours * slower, division.first_division_log_sd)
    later = mass(division.later_division_hours, division.later_division_log_sd)
    reached = [1.0, float(first.sum())]
    current = first
    for _ in range(division.most_generations - 1):
        whole = np.convolve(current, later)[: len(edges) - 1]
        current = 0.5 * (whole + np.concatenate([[0.0], whole[:-1]]))
        reached.append(float(current.sum()))
    exactly = -np.diff([*reached, 0.0])
    exactly = np.clip(exactly, 0.0, None)
    shares = share * exactly / exactly.sum()
    shares[0] += 1.0 - share
    return np.asarray(shares)


def simulate_events(
    count: int,
    precursors: Floats,
    cells: CellTruth,
    instrument: InstrumentTruth,
    generator: np.random.Generator,
    *,
    stains: Stains = Stains(),
    staining: float = 0.0,
) -> tuple[list[NewChannel], Floats, NDArray[np.int64]]:
    """Simulate the events of one tube.

    Parameters
    ----------
    count : int
        N, everything that triggers: cells, doublets, debris.
    precursors : (G + 1,) numpy.ndarray
        Share of the T cells' precursors in each generation; other cells do not divide.
    cells : CellTruth
    instrument : InstrumentTruth
    generator : numpy.random.Generator
    stains : Stains
    staining : float
        ln of this tube's dye over the truth's.

    Returns
    -------
    list of NewChannel
    (N, 7) numpy.ndarray
        In the order of :data:`CHANNELS`; spilled over, noisy, cut at the largest number of the instrument.
    (N,) numpy.ndarray of int
        Generation of a single live T cell, -1 for anything else.
    """
    first, second = (_draw_cells(count, precursors, cells, generator, stains, staining) for _ in range(2))
    doublet = generator.random(count) < cells.doublets
    debris = ~doublet & (generator.random(count) < cells.debris)
    signal = {name: first[name] + np.where(doublet, second[name], 0.0) for name in ("size", "grain", *_FLUORESCENCE)}
    signal["size"] = np.where(debris, 0.15 * signal["size"], signal["size"])
    for name in _FLUORESCENCE:
        signal[name] = np.where(debris, 0.1 * signal[name], signal[name])
    ratio = np.where(doublet, instrument.doublet_height, instrument.height)
    ratio = ratio * (1 + instrument.height_cv * generator.standard_normal(count))
    columns = {
        "FSC-A": cells.forward_median * signal["size"],
        "FSC-H": cells.forward_median * signal["size"] * ratio,
        "SSC-A": cells.side_median * signal["grain"],
        **_measure({name: signal[name] for name in _FLUORESCENCE}, instrument, generator),
    }
    arrival = np.cumsum(generator.exponential(1 / instrument.events_per_second, count))
    if instrument.drift_share:
        columns["CTV-A"] = columns["CTV-A"] * (1 + instrument.drift_share * arrival / arrival[-1])
    table = np.column_stack([*(np.minimum(columns[name], instrument.largest) for name in CHANNELS[:-1]), arrival * 100])
    single_t = first["t_cell"].astype(bool) & ~first["dead"].astype(bool) & ~doublet & ~debris
    generation = np.where(single_t, first["generation"], -1).astype(np.int64)
    largest = instrument.largest + 1
    channels = [NewChannel(name, _LABELS.get(name, ""), range=largest) for name in CHANNELS]
    return channels, table, generation


def _draw_cells(
    count: int,
    precursors: Floats,
    cells: CellTruth,
    generator: np.random.Generator,
    stains: Stains,
    staining: float,
) -> dict[str, Floats]:
    """Size, granularity and light of single cells before they meet the instrument."""
    amounts = precursors * 2.0 ** np.arange(len(precursors))
    t_cell = generator.random(count) < cells.t_cells
    generation = np.where(t_cell, generator.choice(len(amounts), count, p=amounts / amounts.sum()), 0)
    dead = generator.random(count) < cells.dead
    size = np.exp(cells.size_log_sd * generator.standard_normal(count)) * np.where(
        generation > 0, cells.blast_factor, 1.0
    )
    size = np.where(dead, 0.7 * size, size)
    grain = np.exp(cells.grain_log_sd * generator.standard_normal(count)) * np.where(dead, 1.8, 1.0)
    spread = np.sqrt(cells.dye_log_sd**2 + generation * cells.division_log_sd**2)
    log_dye = np.log(cells.dye_median) + staining - np.log(2.0) * generation
    dye = np.exp(log_dye + spread * generator.standard_normal(count))

    def lognormal(median: Floats | float, log_sd: float) -> Floats:
        return np.asarray(median * np.exp(log_sd * generator.standard_normal(count)))

    own = [lognormal(cells.autofluorescence_median, cells.autofluorescence_log_sd) for _ in _FLUORESCENCE]
    cd3 = lognormal(np.where(t_cell, cells.cd3_positive, cells.cd3_negative), cells.cd3_log_sd)
    viability = lognormal(np.where(dead, cells.viability_dead, cells.viability_live), cells.viability_log_sd)
    return {
        "size": size,
        "grain": grain,
        "CTV-A": own[0] + (dye if stains.dye else 0.0),
        "PE-A": own[1] + (cd3 if stains.cd3 else 0.0),
        "APC-Cy7-A": own[2] + (viability if stains.viability else 0.0),
        "t_cell": t_cell.astype(np.float64),
        "dead": dead.astype(np.float64),
        "generation": generation.astype(np.float64),
    }


def _measure(
    light: Mapping[str, Floats], instrument: InstrumentTruth, generator: np.random.Generator
) -> dict[str, Floats]:
    """Spill light into the other channels and add photon and electronic noise."""
    for name, shares in instrument.spillover.items():
        unknown = sorted({name, *shares} - set(light))
        if unknown:
            raise UnknownNameError("spillover", ", ".join(unknown), ", ".join(light), "name channels of the instrument")
    measured = {}
    for name in light:
        total = light[name].copy()
        for other, shares in instrument.spillover.items():
            total += shares.get(name, 0.0) * light[other]
        deviation = np.sqrt(instrument.noise_sd**2 + instrument.photon_gain * np.maximum(total, 0.0))
        measured[name] = total + deviation * generator.standard_normal(len(total))
    return measured
