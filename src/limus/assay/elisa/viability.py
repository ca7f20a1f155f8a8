r"""Viability beside another assay: MTT and LDH plates, in per cent, joined by well or by concentration.

==========  ==================================================================  =======================================
assay       formula                                                             wells needed
==========  ==================================================================  =======================================
``mtt``     ``100 (A - A_blank) / (A_control - A_blank)``                       blanks and controls
``ldh``     ``100 - 100 (A - A_spontaneous) / (A_maximum - A_spontaneous)``     controls (spontaneous release), maximum
==========  ==================================================================  =======================================

Intervals carry the scatter of blanks, controls and wells. A treatment is ``cytotoxic`` where viability lies below the
threshold; where its interval reaches across the threshold the word says so:

``viable``            the whole interval at or above the threshold
``uncertain``         the mean at or above, the lower end below
``cytotoxic_likely``  the mean below, the upper end at or above
``cytotoxic``         the whole interval below
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limus.assay.layout.records import Layout, LayoutWell, Role
from limus.assay.plate.uncertainty import NOT_KNOWN, Estimate, InputBlock, carry
from limus.assay.quality.noise import PlateNoise, fit_noise
from limus.assay.reader.wells import PlateWells
from limus.kernel.errors import InputError
from limus.kernel.tables import Entry, parse_record

__all__ = [
    "TreatmentViability",
    "Verdict",
    "ViabilityPlate",
    "ViabilitySettings",
    "as_rows",
    "judge_viability",
    "measure_viability",
    "read_viability_settings",
    "treatment_key",
]

Floats = NDArray[np.float64]


class Verdict(StrEnum):
    """What a viability says of a treatment; see the module's text. ``not_measured``: no well of it was read."""

    VIABLE = "viable"
    UNCERTAIN = "uncertain"
    CYTOTOXIC_LIKELY = "cytotoxic_likely"
    CYTOTOXIC = "cytotoxic"
    NOT_MEASURED = "not_measured"

    @property
    def masks(self) -> bool:
        """Whether a response under this verdict is not used: the mean viability lies below the threshold."""
        return self in (Verdict.CYTOTOXIC, Verdict.CYTOTOXIC_LIKELY)


class ViabilitySettings(Entry):
    """Section ``[viability]`` of a layout."""

    assay: Literal["mtt", "ldh"]
    join: Literal["concentration", "well"] = "concentration"
    layout: str = ""
    threshold_percent: float = Field(default=math.nan, ge=0, le=100)


@dataclass(frozen=True, eq=False)
class TreatmentViability:
    """Viability of wells that hold the same.

    Attributes
    ----------
    compound, label : str
        As the layout writes them; empty for controls.
    key : tuple
        Compound, concentration as written, and label: what is joined.
    percent : Estimate
        With its 95 % interval.
    wells : tuple of str
    n : int
        Wells behind the mean.
    """

    compound: str
    label: str
    key: tuple[object, ...]
    percent: Estimate
    wells: tuple[str, ...]
    n: int


@dataclass(frozen=True, eq=False)
class ViabilityPlate:
    """A viability plate, analysed.

    Attributes
    ----------
    plate : PlateWells
    assay : str
        ``mtt`` or ``ldh``.
    low, high : InputBlock
        Mean signals that stand for 0 and 100 %: of viability (MTT) or of release (LDH).
    noise : PlateNoise or None
    by_treatment : tuple of TreatmentViability
    """

    plate: PlateWells
    assay: Literal["mtt", "ldh"]
    low: InputBlock
    high: InputBlock
    noise: PlateNoise | None
    by_treatment: tuple[TreatmentViability, ...] = ()

    def of_wells(self, wells: Sequence[str], level: float = 0.95) -> tuple[Estimate, int]:
        """Return the viability of some wells together, with its interval, and how many of them were usable.

        Parameters
        ----------
        wells : sequence of str
            Names; those that this plate does not have, or that have no signal, do not count.
        level : float
            A fraction.
        """
        chosen = set(wells)
        signals = self.plate.signal[[w.name in chosen for w in self.plate.wells] & self.plate.used]
        if not len(signals):
            return NOT_KNOWN, 0

        def percent(inputs: Floats) -> Floats:
            share = 100.0 * (inputs[:, 2] - inputs[:, 0]) / (inputs[:, 1] - inputs[:, 0])
            return (share if self.assay == "mtt" else 100.0 - share)[:, np.newaxis]

        carried = carry(percent, [self.low, self.high, _block(signals, self.noise)])
        estimate = carried.estimate(0, level)
        return (estimate if self.noise is not None else Estimate(estimate.value)), len(signals)


def _block(signals: Floats, noise: PlateNoise | None) -> InputBlock:
    mean = float(np.mean(signals))
    if noise is None:
        return InputBlock.create(mean, 0.0)
    return InputBlock.create(mean, float(noise.variance(mean)) / len(signals), float(noise.freedom(mean)))


def read_viability_settings(layout: Layout) -> ViabilitySettings | None:
    """Read section ``[viability]`` of a layout; None where there is none.

    Parameters
    ----------
    layout : Layout

    Returns
    -------
    ViabilitySettings or None

    Raises
    ------
    InputError
        A key is unknown, missing or wrong.
    """
    section = dict(layout.sections["viability"])
    if not section:
        return None
    return parse_record(section, ViabilitySettings, where=f"{layout.path}, [viability]")


def treatment_key(well: LayoutWell) -> tuple[object, ...]:
    """Return what a well is joined by: compound, concentration in nM or as written, label; None for other roles.

    Parameters
    ----------
    well : LayoutWell
    """
    if well.role is Role.CONTROL or (well.role is Role.SAMPLE and well.concentration.value == 0):
        return ("", 0.0, "", well.group)
    return (well.compound, *_level(well), well.group)


def _level(well: LayoutWell) -> tuple[float, str]:
    quantity = well.concentration
    for unit in ("nM", "ng/mL"):
        try:
            return float(f"{quantity.in_unit(unit):.9g}"), unit
        except InputError:
            continue
    return quantity.value, quantity.unit


def measure_viability(plate: PlateWells, assay: Literal["mtt", "ldh"], *, level: float = 0.95) -> ViabilityPlate:
    """Turn a viability plate into per cent.

    Parameters
    ----------
    plate : PlateWells
    assay : {"mtt", "ldh"}
    level : float
        Of the intervals, a fraction.

    Returns
    -------
    ViabilityPlate

    Raises
    ------
    InputError
        Wells that the formula needs are missing, or give no range.
    """
    noise = fit_noise(plate.signal, [well.treatment for well in plate.wells])
    low_role, high_role = (Role.BLANK, Role.CONTROL) if assay == "mtt" else (Role.CONTROL, Role.MAXIMUM)
    low, high = (_mean(plate, role, assay, noise) for role in (low_role, high_role))
    if not high.values[0] > low.values[0]:
        got = f"{high_role} {high.values[0]:.3g}, {low_role} {low.values[0]:.3g}"
        raise InputError(f"{plate.layout.path}, {assay}", got, f"{high_role} above {low_role}", "check the layout")
    alike: dict[tuple[object, ...], list[LayoutWell]] = {}
    for well in plate.wells:
        if well.role in (Role.SAMPLE, Role.CONTROL, Role.UNSTIMULATED):
            key = ("unstimulated", well.group) if well.role is Role.UNSTIMULATED else treatment_key(well)
            alike.setdefault(key, []).append(well)
    found = ViabilityPlate(plate, assay, low, high, noise)
    treatments = []
    for key, wells in alike.items():
        names = tuple(w.name for w in wells)
        percent, n = found.of_wells(names, level)
        treatments.append(TreatmentViability(wells[0].compound, wells[0].group, key, percent, names, n))
    return replace(found, by_treatment=tuple(treatments))


def _mean(plate: PlateWells, role: Role, assay: str, noise: PlateNoise | None) -> InputBlock:
    signals = plate.signal[plate.having(role) & plate.used]
    if not len(signals):
        words = {"mtt": "blanks and controls", "ldh": "controls (spontaneous release) and maximum (lysed cells)"}[assay]
        raise InputError(f"{plate.layout.path}, {assay}", f"no usable well with role {role}", words, "name the wells")
    return _block(signals, noise)


def judge_viability(percent: Estimate, threshold_percent: float) -> Verdict:
    """Judge a viability by the threshold and its interval.

    Parameters
    ----------
    percent : Estimate
    threshold_percent : float

    Returns
    -------
    Verdict

    Examples
    --------
    >>> judge_viability(Estimate(62.0, 55.0, 69.0), 70.0).value
    'cytotoxic'
    """
    if not percent.known:
        return Verdict.NOT_MEASURED
    if percent.value >= threshold_percent:
        return Verdict.UNCERTAIN if percent.lower < threshold_percent else Verdict.VIABLE
    return Verdict.CYTOTOXIC_LIKELY if percent.upper >= threshold_percent else Verdict.CYTOTOXIC


def as_rows(one: ViabilityPlate) -> list[dict[str, Any]]:
    """Return one row a treatment, for files.

    Parameters
    ----------
    one : ViabilityPlate
    """
    return [
        {
            "compound": t.compound,
            "group": t.label,
            "level": str(t.key[1]),
            "viability_percent": t.percent.value,
            "viability_lower": t.percent.lower,
            "viability_upper": t.percent.upper,
            "wells": " ".join(t.wells),
            "n": t.n,
        }
        for t in one.by_treatment
    ]
