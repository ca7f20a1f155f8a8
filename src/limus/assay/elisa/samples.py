r"""Concentrations of an ELISA's samples, read off the standard curve, with intervals; never dropped, but censored.

A mean signal A of n wells reads ``ln x = g(A; b)`` off the curve with parameters b; the sample holds x times its
dilution. Its variance is that of b (the standards' covariance) and that of A carried through g, and the interval is
symmetric in ln x. The scatter behind A is that of its own kind of replicates: of cultures for wells with a compound or
a control, which differ more than wells filled from one tube; of tubes for named samples, spikes, quality controls and
standards. A reading below LLOQ or above ULOQ is no number but a limit: ``< LLOQ`` or ``> ULOQ``, times the dilution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.assay.curve.inverse import invert
from limus.assay.elisa.standard import ElisaStandard
from limus.assay.elisa.viability import treatment_key
from limus.assay.layout.records import LayoutWell, Role
from limus.assay.plate.uncertainty import NOT_KNOWN, Estimate, InputBlock, carry
from limus.assay.quality.noise import PlateNoise, fit_noise
from limus.assay.reader.wells import PlateWells, WellState

__all__ = [
    "SampleGroup",
    "SampleNoise",
    "curve_block",
    "fit_sample_noise",
    "group_samples",
    "measure_samples",
    "read_log_concentration",
]

Floats = NDArray[np.float64]
_READ = (Role.SAMPLE, Role.CONTROL, Role.UNSTIMULATED, Role.SPIKE, Role.QUALITY_CONTROL, Role.BLANK)


@dataclass(frozen=True, eq=False)
class SampleGroup:
    """Replicate wells of a sample.

    Attributes
    ----------
    first : LayoutWell
        Stands for all: role, compound, sample, label, dilution.
    wells : tuple of str
    signals : (n,) numpy.ndarray
        Usable ones.
    saturated : int
        Wells beyond the reader's range.
    block : InputBlock or None
        Mean signal and its variance; None where there is no usable well.
    concentration : Estimate
        In the standards' unit, dilution included; NaN where the status is not ``ok``.
    status : str
        ``ok``, ``below`` (< LLOQ), ``above`` (> ULOQ), ``no_signal``.
    limit : float
        The limit behind ``below`` or ``above``, dilution included; NaN otherwise.
    """

    first: LayoutWell
    wells: tuple[str, ...]
    signals: Floats
    saturated: int
    block: InputBlock | None
    concentration: Estimate = NOT_KNOWN
    status: str = "no_signal"
    limit: float = math.nan

    @property
    def key(self) -> tuple[object, ...]:
        """What joins it with viability: compound, concentration, label."""
        return treatment_key(self.first)

    @property
    def shown(self) -> str:
        """``< LLOQ`` or ``> ULOQ`` with its number, or empty."""
        sign = {"below": "<", "above": ">"}.get(self.status, "")
        return f"{sign} {self.limit:.3g}" if sign else ""

    def as_dict(self) -> dict[str, Any]:
        """One row of the result."""
        w = self.first
        return {
            "role": str(w.role),
            "compound": w.compound,
            "dose": w.concentration.value,
            "dose_unit": w.concentration.unit,
            "sample": w.sample,
            "group": w.group,
            "dilution": w.dilution,
            "wells": list(self.wells),
            "n": len(self.signals),
            "signal": float(np.mean(self.signals)) if len(self.signals) else math.nan,
            "concentration": self.concentration.value,
            "concentration_ci": self.concentration.interval,
            "limit": self.limit,
            "status": self.status,
        }


@dataclass(frozen=True, eq=False)
class SampleNoise:
    """Scatter of replicate wells by their kind; None where that kind has no replicates.

    Attributes
    ----------
    cultures, tubes : PlateNoise or None
        Of wells that were cultures of their own, and of wells that were filled from one tube.
    """

    cultures: PlateNoise | None
    tubes: PlateNoise | None

    def of(self, well: LayoutWell) -> PlateNoise | None:
        """Return the scatter that holds for a well; the other kind's where its own is not known.

        Parameters
        ----------
        well : LayoutWell
        """
        return (self.cultures or self.tubes) if _is_culture(well) else (self.tubes or self.cultures)


def _is_culture(well: LayoutWell) -> bool:
    return well.role in (Role.CONTROL, Role.UNSTIMULATED) or (well.role is Role.SAMPLE and bool(well.compound))


def fit_sample_noise(plate: PlateWells) -> SampleNoise:
    """Fit the scatter of both kinds of replicates.

    Parameters
    ----------
    plate : PlateWells

    Returns
    -------
    SampleNoise
    """
    cultures = np.array([_is_culture(well) for well in plate.wells])
    groups = [well.treatment for well in plate.wells]
    return SampleNoise(
        fit_noise(np.where(cultures, plate.signal, np.nan), groups),
        fit_noise(np.where(cultures, np.nan, plate.signal), groups),
    )


def group_samples(plate: PlateWells, noise: SampleNoise) -> tuple[SampleGroup, ...]:
    """Group the wells that are read off the curve.

    Parameters
    ----------
    plate : PlateWells
    noise : SampleNoise

    Returns
    -------
    tuple of SampleGroup
        In the order of the plate, not yet read.
    """
    alike: dict[tuple[object, ...], list[int]] = {}
    for index, well in enumerate(plate.wells):
        if well.role in _READ and plate.state[index] is not WellState.EXCLUDED:
            alike.setdefault(well.treatment, []).append(index)
    groups = []
    for places in alike.values():
        first = plate.wells[places[0]]
        signals = plate.signal[[i for i in places if plate.used[i]]]
        scatter = noise.of(first)
        block = None
        if len(signals):
            mean = float(np.mean(signals))
            variance = 0.0 if scatter is None else float(scatter.variance(mean)) / len(signals)
            block = InputBlock.create(mean, variance, math.inf if scatter is None else float(scatter.freedom(mean)))
        names = tuple(plate.wells[i].name for i in places)
        saturated = sum(plate.state[i] is WellState.SATURATED for i in places)
        groups.append(SampleGroup(first, names, signals, saturated, block))
    return tuple(groups)


def curve_block(standard: ElisaStandard) -> InputBlock:
    """Return the standard curve's parameters as an input whose uncertainty is carried.

    Parameters
    ----------
    standard : ElisaStandard
    """
    return InputBlock.create(standard.parameters, standard.covariance, float(standard.fits.degrees_of_freedom[0]))


def read_log_concentration(standard: ElisaStandard, parameters: Floats, signals: Floats) -> Floats:
    """Read natural logarithms of concentrations off curves.

    Parameters
    ----------
    standard : ElisaStandard
    parameters : (B, P) array
        Curves.
    signals : (B, M) array
        Mean signals.

    Returns
    -------
    (B, M) array
        NaN beyond a plateau.
    """
    lanes, count = signals.shape
    low, high = (np.broadcast_to(end, (lanes,)) for end in standard.fits.data.dose_range)
    family = standard.fits.model.family
    found = [invert(family, parameters, signals[:, m], low, high) for m in range(count)]
    return np.stack(found, axis=1) if count else np.empty((lanes, 0))


def measure_samples(
    groups: Sequence[SampleGroup], standard: ElisaStandard, *, known: bool, level: float = 0.95
) -> tuple[SampleGroup, ...]:
    """Read every group off the curve.

    Parameters
    ----------
    groups : sequence of SampleGroup
    standard : ElisaStandard
    known : bool
        Whether the scatter of samples is known; without it there is no interval.
    level : float
        A fraction.

    Returns
    -------
    tuple of SampleGroup
    """
    return tuple(_measure(one, standard, known, level) for one in groups)


def _measure(group: SampleGroup, standard: ElisaStandard, known: bool, level: float) -> SampleGroup:
    dilution = group.first.dilution
    if group.saturated or group.block is None:
        status = "above" if group.saturated else "no_signal"
        limit = standard.uloq * dilution if group.saturated else math.nan
        return _with(group, NOT_KNOWN, status, limit)
    count = len(standard.parameters)

    def outputs(inputs: Floats) -> Floats:
        return read_log_concentration(standard, inputs[:, :count], inputs[:, count:])

    carried = carry(outputs, [curve_block(standard), group.block])
    log_read = carried.estimate(0, level) if known else Estimate(float(carried.values[0]))
    read = math.exp(log_read.value) if log_read.known else math.nan
    side = _side(float(group.block.values[0]), read, standard)
    if side:
        limit = standard.lloq if side == "below" else standard.uloq
        return _with(group, NOT_KNOWN, side, limit * dilution)
    ends = (dilution * math.exp(x) if math.isfinite(x) else math.nan for x in (log_read.lower, log_read.upper))
    return _with(group, Estimate(read * dilution, *ends), "ok", math.nan)


def _side(signal: float, read: float, standard: ElisaStandard) -> str:
    """Whether a reading lies below or above the range; beyond a plateau the signal decides."""
    if math.isnan(read):
        middle = float(np.mean([one.signal for one in standard.levels]))
        return "above" if (signal > middle) == standard.rising else "below"
    if not read >= standard.lloq:
        return "below"
    return "above" if not read <= standard.uloq else ""


def _with(group: SampleGroup, concentration: Estimate, status: str, limit: float) -> SampleGroup:
    return SampleGroup(
        group.first, group.wells, group.signals, group.saturated, group.block, concentration, status, limit
    )
