r"""Dilution linearity, recovery and hook: whether an ELISA reads a sample as it reads its standard.

Parallelism of a sample in several dilutions: the coefficient of variation of its dilution-corrected concentrations in
range, and the slope of ``ln(read in the well)`` over ``-ln(dilution)``, which is 1 for a sample that dilutes like the
standard. Recovery of a spike: ``100 (C_spiked - C_unspiked) / added``; of a quality control: ``100 C / nominal``. A
hook (prozone) shows where more analyte gives less signal: at the highest standards, or in a sample whose less diluted
wells read lower than the more diluted ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.assay.elisa.samples import SampleGroup, curve_block, read_log_concentration
from limus.assay.elisa.standard import ElisaStandard
from limus.assay.layout.records import Role
from limus.assay.plate.uncertainty import NOT_KNOWN, Estimate, carry

__all__ = ["Parallelism", "Recovery", "check_parallelism", "check_recovery", "find_hooks"]

Floats = NDArray[np.float64]
HOOK_ERRORS = 3.0


@dataclass(frozen=True, slots=True)
class Parallelism:
    """A sample in several dilutions.

    Attributes
    ----------
    sample : str
    dilutions : tuple of float
        In range.
    concentrations : tuple of float
        Dilution-corrected.
    cv_percent : float
    slope : Estimate
        1 for a parallel sample.
    status : str
        ``parallel``, ``not_parallel`` or ``too_few_dilutions`` (fewer than two in range).
    """

    sample: str
    dilutions: tuple[float, ...]
    concentrations: tuple[float, ...]
    cv_percent: float
    slope: Estimate
    status: str

    def as_dict(self) -> dict[str, Any]:
        """One row of the result."""
        return {
            "sample": self.sample,
            "dilutions": list(self.dilutions),
            "concentrations": list(self.concentrations),
            "cv_percent": self.cv_percent,
            "slope": self.slope.value,
            "slope_ci": self.slope.interval,
            "status": self.status,
        }


@dataclass(frozen=True, slots=True)
class Recovery:
    """A known amount found again.

    Attributes
    ----------
    sample, kind : str
        ``spike`` or ``quality_control``.
    expected : float
        Added or nominal, in the standards' unit.
    percent : Estimate
    status : str
        ``within``, ``outside`` or ``not_measurable``.
    """

    sample: str
    kind: str
    expected: float
    percent: Estimate
    status: str

    def as_dict(self) -> dict[str, Any]:
        """One row of the result."""
        return {
            "sample": self.sample,
            "kind": self.kind,
            "expected": self.expected,
            "recovery_percent": self.percent.value,
            "recovery_percent_ci": self.percent.interval,
            "status": self.status,
        }


def check_parallelism(
    groups: Sequence[SampleGroup], standard: ElisaStandard, rules: Mapping[str, float], *, known: bool
) -> tuple[Parallelism, ...]:
    """Check every sample that stands on the plate in several dilutions.

    Parameters
    ----------
    groups : sequence of SampleGroup
        Read off the curve.
    standard : ElisaStandard
    rules : mapping of str to float
    known : bool
        Whether the scatter of samples is known; without it the slope has no interval.

    Returns
    -------
    tuple of Parallelism
    """
    series: dict[tuple[str, ...], list[SampleGroup]] = {}
    for g in groups:
        if g.first.role is Role.SAMPLE:
            w = g.first
            name = w.sample or w.compound
            series.setdefault((name, w.group, f"{w.concentration.value:g}", w.concentration.unit), []).append(g)
    several = {key: some for key, some in series.items() if len({g.first.dilution for g in some}) > 1}
    return tuple(_parallelism(key[0], some, standard, rules, known) for key, some in several.items())


def _parallelism(
    sample: str, groups: Sequence[SampleGroup], standard: ElisaStandard, rules: Mapping[str, float], known: bool
) -> Parallelism:
    good = sorted((g for g in groups if g.status == "ok"), key=lambda g: g.first.dilution)
    dilutions = np.array([g.first.dilution for g in good])
    corrected = np.array([g.concentration.value for g in good])
    if len(good) < 2:
        return Parallelism(sample, tuple(dilutions), tuple(corrected), math.nan, NOT_KNOWN, "too_few_dilutions")
    cv = 100.0 * float(np.std(corrected, ddof=1) / np.mean(corrected))
    x = np.mean(np.log(dilutions)) - np.log(dilutions)
    count = len(standard.parameters)

    def slope(inputs: Floats) -> Floats:
        logs = read_log_concentration(standard, inputs[:, :count], inputs[:, count:])
        return np.asarray((logs @ x / np.sum(x**2))[:, np.newaxis])

    carried = carry(slope, [curve_block(standard), *(g.block for g in good if g.block is not None)])
    estimate = carried.estimate(0) if known else Estimate(float(carried.values[0]))
    status = "parallel" if cv <= rules["parallelism_cv_percent"] else "not_parallel"
    return Parallelism(sample, tuple(dilutions.tolist()), tuple(corrected.tolist()), cv, estimate, status)


def check_recovery(
    groups: Sequence[SampleGroup], standard: ElisaStandard, rules: Mapping[str, float], *, known: bool
) -> tuple[Recovery, ...]:
    """Check spiked samples against the same sample without spike, and quality controls against what they hold.

    Parameters
    ----------
    groups : sequence of SampleGroup
        Read off the curve.
    standard : ElisaStandard
    rules : mapping of str to float
    known : bool
        Whether the scatter of samples is known; without it there is no interval.

    Returns
    -------
    tuple of Recovery

    Raises
    ------
    UnitError
        A spike or a nominal concentration in a unit of another kind.
    """
    found = []
    for g in groups:
        w = g.first
        if w.role is Role.QUALITY_CONTROL:
            nominal = w.concentration.in_unit(standard.unit, where=w.where)
            found.append(_recovery(w.sample or "quality control", "quality_control", nominal, g.concentration, rules))
        elif w.role is Role.SPIKE:
            added = w.spike.in_unit(standard.unit, where=f"{w.where}, spike") if w.spike.given else math.nan
            plain = [p for p in groups if p.first.role is Role.SAMPLE and p.first.sample == w.sample]
            base = next((p for p in plain if p.first.dilution == w.dilution), plain[0] if plain else None)
            found.append(_recovery(w.sample, "spike", added, _gained(g, base, standard, known), rules))
    return tuple(found)


def _gained(spiked: SampleGroup, base: SampleGroup | None, standard: ElisaStandard, known: bool) -> Estimate:
    """What the spike added: the difference of two readings off one curve."""
    if base is None or spiked.status != "ok" or spiked.block is None:
        return NOT_KNOWN
    if base.status == "below":  # it holds between nothing and the limit
        c = spiked.concentration
        return Estimate(c.value, c.lower - base.limit, c.upper)
    if base.status != "ok" or base.block is None:
        return NOT_KNOWN
    count = len(standard.parameters)
    dilutions = np.array([spiked.first.dilution, base.first.dilution])

    def difference(inputs: Floats) -> Floats:
        held = dilutions * np.exp(read_log_concentration(standard, inputs[:, :count], inputs[:, count:]))
        return np.asarray(held[:, :1] - held[:, 1:])

    carried = carry(difference, [curve_block(standard), spiked.block, base.block])
    return carried.estimate(0) if known else Estimate(float(carried.values[0]))


def _recovery(sample: str, kind: str, expected: float, measured: Estimate, rules: Mapping[str, float]) -> Recovery:
    percent = Estimate(*(100.0 * x / expected for x in (measured.value, measured.lower, measured.upper)))
    if not percent.known:
        return Recovery(sample, kind, expected, percent, "not_measurable")
    inside = rules["recovery_lower_percent"] <= percent.value <= rules["recovery_upper_percent"]
    return Recovery(sample, kind, expected, percent, "within" if inside else "outside")


def find_hooks(groups: Sequence[SampleGroup], standard: ElisaStandard) -> tuple[str, ...]:
    """Find where more analyte gives less signal.

    Parameters
    ----------
    groups : sequence of SampleGroup
    standard : ElisaStandard

    Returns
    -------
    tuple of str
        ``standards`` and names of samples.
    """
    turn = 1.0 if standard.rising else -1.0
    found = []
    levels = standard.levels
    top = max(range(len(levels)), key=lambda k: turn * levels[k].signal)
    last = levels[-1]
    spread = float(standard.fits.residual_standard_deviation[0])
    error = spread * math.sqrt(1 / last.n + 1 / levels[top].n)
    if top < len(levels) - 1 and turn * (levels[top].signal - last.signal) > HOOK_ERRORS * error:
        found.append("standards")
    by_sample: dict[str, list[SampleGroup]] = {}
    for g in groups:
        if g.first.role is Role.SAMPLE and g.block is not None:
            name = g.first.sample or f"{g.first.compound} {g.first.concentration.value:g} {g.first.concentration.unit}"
            by_sample.setdefault(name, []).append(g)
    for name, some in by_sample.items():
        ordered = sorted((g for g in some if g.block is not None), key=lambda g: g.first.dilution)
        if any(_hooked(neat, diluted, turn) for neat, diluted in pairwise(ordered)):
            found.append(name)
    return tuple(found)


def _hooked(neat: SampleGroup, diluted: SampleGroup, turn: float) -> bool:
    if neat.block is None or diluted.block is None or neat.first.dilution == diluted.first.dilution:
        return False
    error = math.sqrt(float(neat.block.covariance[0, 0] + diluted.block.covariance[0, 0]))
    return bool(turn * float(diluted.block.values[0] - neat.block.values[0]) > HOOK_ERRORS * error)
