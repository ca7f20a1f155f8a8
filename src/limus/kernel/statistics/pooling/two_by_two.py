r"""Effects of two-by-two tables, with a stated rule for zero cells.

Arm 1 has a events in n1, arm 2 (the reference) c events in n2; b = n1 - a, d = n2 - c, N = n1 + n2, m = a + c.

=====  ======================================  ===================================================
RR     ln((a/n1)/(c/n2))                       1/a - 1/n1 + 1/c - 1/n2
OR     ln(ad/bc)                               1/a + 1/b + 1/c + 1/d
RD     a/n1 - c/n2                             ab/n1^3 + cd/n2^3
PETO   (a - E)/V, E = n1 m/N, a log odds       1/V, V = n1 n2 m (N - m)/(N^2 (N - 1))
AS     asin sqrt(a/n1) - asin sqrt(c/n2)       1/(4 n1) + 1/(4 n2)
=====  ======================================  ===================================================

Zero cells. A correction is added only to a study that needs it, to all four of its cells, and the study is marked: for
OR if a cell is zero, for RR if an arm has no events. Constant: 0.5 each. Treatment arm (Sweeting): n1/N to the cells of
arm 1 and n2/N to those of arm 2, so that unequal arms are not pulled towards an effect. RD needs none, but where both
arms have 0 or 100 % its variance would be 0; there the variance alone is computed with the correction. A study without
an event in either arm, or with nothing but events in both, says nothing of RR, OR and Peto's odds ratio: it is left out
and said so (as the Cochrane Handbook 10.4.4 and metafor's drop00 have it), unless ``keep_double_zero`` is set.

Source: Cochrane Handbook 10.4; Yusuf and others 1985, Prog Cardiovasc Dis 27:335 (Peto); Rücker and others 2009, Stat
Med 28:721 (arcsine); Sweeting, Sutton and Lambert 2004, Stat Med 23:1351 (corrections).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError

__all__ = ["BinaryMeasure", "Correction", "EffectStatus", "Effects", "TwoByTwo", "binary_effects", "peto_parts"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class BinaryMeasure(StrEnum):
    """What is computed from a two-by-two table; the ratios as natural logarithms."""

    RR = "RR"
    OR = "OR"
    RD = "RD"
    PETO = "PETO"
    AS = "AS"


class Correction(StrEnum):
    """What is added to the cells of a study that has a zero cell where the measure cannot bear it."""

    CONSTANT = "constant"
    TREATMENT_ARM = "treatment_arm"
    NONE = "none"


class EffectStatus(StrEnum):
    """How the effect of one study came to be."""

    OK = "ok"
    CORRECTED = "corrected"
    VARIANCE_CORRECTED = "variance_corrected"  # the effect is as observed
    NO_EVENTS = "no_events"  # in neither arm: left out
    ONLY_EVENTS = "only_events"  # in both arms: left out
    ZERO_CELL = "zero_cell"  # and no correction was wanted: left out


@dataclass(frozen=True, slots=True, eq=False)
class TwoByTwo:
    """Events and participants of K studies with two arms; arm 2 is the reference.

    Attributes
    ----------
    events_1, n_1, events_2, n_2 : (K,)
    """

    events_1: Floats
    n_1: Floats
    events_2: Floats
    n_2: Floats

    @classmethod
    def create(cls, events_1: ArrayLike, n_1: ArrayLike, events_2: ArrayLike, n_2: ArrayLike) -> TwoByTwo:
        """Check counts and make the tables.

        Parameters
        ----------
        events_1, n_1, events_2, n_2 : (K,) array_like

        Returns
        -------
        TwoByTwo

        Raises
        ------
        ValueRangeError
            A count is not whole, events exceed participants, or an arm is empty.
        """
        parts = [np.atleast_1d(np.asarray(x, dtype=float)) for x in (events_1, n_1, events_2, n_2)]
        for events, n in ((parts[0], parts[1]), (parts[2], parts[3])):
            bad = ~((events >= 0) & (events <= n) & (n >= 1) & (events == np.floor(events)) & (n == np.floor(n)))
            if bad.any():
                at = int(np.flatnonzero(bad)[0])
                got = f"{events[at]:g} events of {n[at]:g}"
                raise ValueRangeError(
                    f"study {at + 1}", got, "whole numbers, 0 <= events <= n", "correct or leave out the study"
                )
        return cls(*parts)

    def where(self, mask: NDArray[np.generic]) -> TwoByTwo:
        """Return some of the studies.

        Parameters
        ----------
        mask : (K,) array of bool, or indices

        Returns
        -------
        TwoByTwo
        """
        return TwoByTwo(self.events_1[mask], self.n_1[mask], self.events_2[mask], self.n_2[mask])


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """Effects of K studies; NaN in both where a study is left out.

    Attributes
    ----------
    effect, variance : (K,)
        Ratios as natural logarithms.
    status : tuple of EffectStatus
    """

    effect: Floats
    variance: Floats
    status: tuple[EffectStatus, ...]


def binary_effects(
    tables: TwoByTwo,
    measure: BinaryMeasure,
    *,
    correction: Correction = Correction.CONSTANT,
    keep_double_zero: bool = False,
) -> Effects:
    """Compute the effect of each study.

    Parameters
    ----------
    tables : TwoByTwo
    measure : BinaryMeasure
    correction : Correction
        For studies that need one.
    keep_double_zero : bool
        Whether studies without events, or with nothing else, are corrected rather than left out (RR and OR).

    Returns
    -------
    Effects

    Examples
    --------
    >>> found = binary_effects(TwoByTwo.create([4, 0], [123, 20], [11, 3], [139, 20]), BinaryMeasure.RR)
    >>> [round(float(x), 4) for x in found.effect], [str(s) for s in found.status]
    ([-0.8893, -1.9459], ['ok', 'corrected'])
    """
    none = (tables.events_1 == 0) & (tables.events_2 == 0)
    full = (tables.events_1 == tables.n_1) & (tables.events_2 == tables.n_2)
    if measure is BinaryMeasure.AS:
        return _arcsine(tables)
    if measure is BinaryMeasure.PETO:
        difference, information = peto_parts(tables)
        with np.errstate(divide="ignore", invalid="ignore"):
            effects = np.where(none | full, np.nan, difference / information)
            variances = np.where(none | full, np.nan, 1 / information)
        return Effects(effects, variances, _statuses(none, full, np.zeros_like(none), EffectStatus.OK))
    if measure is BinaryMeasure.RD:
        return _risk_difference(tables, correction)
    events = [tables.events_1 == 0, tables.events_2 == 0]
    zero = events[0] | events[1]
    if measure is BinaryMeasure.OR:
        zero = zero | (tables.events_1 == tables.n_1) | (tables.events_2 == tables.n_2)
    else:
        zero = zero | full  # the variance would be 0
    left_out = np.zeros_like(none) if keep_double_zero else none | full
    if correction is Correction.NONE:
        left_out = left_out | zero
    return _ratio(tables, measure, correction, zero & ~left_out, left_out, (none, full))


def peto_parts(tables: TwoByTwo) -> tuple[Floats, Floats]:
    """Return observed minus expected events of arm 1, and their hypergeometric variance.

    Parameters
    ----------
    tables : TwoByTwo

    Returns
    -------
    tuple of two (K,) arrays
        V is 0 for a study without events, or with nothing else.
    """
    total = tables.n_1 + tables.n_2
    events = tables.events_1 + tables.events_2
    expected = tables.n_1 * events / total
    information = tables.n_1 * tables.n_2 * events * (total - events) / (total**2 * np.maximum(total - 1, 1))
    return tables.events_1 - expected, information


def _corrected(tables: TwoByTwo, correction: Correction, where: Mask) -> tuple[Floats, Floats, Floats, Floats]:
    """The four cells a, b, c, d, with the correction where it is wanted."""
    total = tables.n_1 + tables.n_2
    share = (0.5, 0.5) if correction is Correction.CONSTANT else (tables.n_1 / total, tables.n_2 / total)
    first, second = (np.where(where, part, 0.0) for part in share)
    a, c = tables.events_1 + first, tables.events_2 + second
    return a, tables.n_1 - tables.events_1 + first, c, tables.n_2 - tables.events_2 + second


def _ratio(
    tables: TwoByTwo, measure: BinaryMeasure, correction: Correction, where: Mask, out: Mask, both: tuple[Mask, Mask]
) -> Effects:
    a, b, c, d = _corrected(tables, correction, where)
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure is BinaryMeasure.RR:
            effects = np.log(a / (a + b)) - np.log(c / (c + d))
            variances = 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)
        else:
            effects = np.log(a) - np.log(b) - np.log(c) + np.log(d)
            variances = 1 / a + 1 / b + 1 / c + 1 / d
    effects, variances = np.where(out, np.nan, effects), np.where(out, np.nan, variances)
    none, full = both
    status = _statuses(none & out, full & out, where, EffectStatus.CORRECTED)
    unspecified = out & ~none & ~full
    return Effects(
        effects,
        variances,
        tuple(EffectStatus.ZERO_CELL if u else s for u, s in zip(unspecified, status, strict=True)),
    )


def _risk_difference(tables: TwoByTwo, correction: Correction) -> Effects:
    effects = tables.events_1 / tables.n_1 - tables.events_2 / tables.n_2

    def variance(a: Floats, b: Floats, c: Floats, d: Floats) -> Floats:
        return a * b / (a + b) ** 3 + c * d / (c + d) ** 3

    nowhere = np.zeros(len(effects), dtype=bool)
    variances = variance(*_corrected(tables, correction, nowhere))
    certain = variances == 0
    if correction is Correction.NONE:
        out = np.where(certain, np.nan, variances)
        status = tuple(EffectStatus.ZERO_CELL if flat else EffectStatus.OK for flat in certain)
        return Effects(np.where(certain, np.nan, effects), out, status)
    variances = np.where(certain, variance(*_corrected(tables, correction, certain)), variances)
    return Effects(effects, variances, _statuses(nowhere, nowhere, certain, EffectStatus.VARIANCE_CORRECTED))


def _arcsine(tables: TwoByTwo) -> Effects:
    first, second = (np.arcsin(np.sqrt(p)) for p in (tables.events_1 / tables.n_1, tables.events_2 / tables.n_2))
    status = (EffectStatus.OK,) * len(first)
    return Effects(first - second, 1 / (4 * tables.n_1) + 1 / (4 * tables.n_2), status)


def _statuses(none: Mask, full: Mask, corrected: Mask, name: EffectStatus) -> tuple[EffectStatus, ...]:
    return tuple(
        EffectStatus.NO_EVENTS if n else EffectStatus.ONLY_EVENTS if f else name if c else EffectStatus.OK
        for n, f, c in zip(none, full, corrected, strict=True)
    )
