"""The table of baseline characteristics, with standardised differences instead of tests.

Numbers: ``(m1 - m2)/sqrt((s1^2 + s2^2)/2)``; categories: the distance of the shares, ``sqrt(d' S^-1 d)`` with S the
mean of the two multinomial covariances and one category left out. Of more than two arms the largest pair is given.
Baseline differences are not tested: after randomisation that would ask whether chance was chance.

Source: Yang and Dalton 2012, SAS Global Forum 335; Austin 2009, Stat Med 28:3083.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.tables import Table
from limus.trial.design.analysis_plan import AnalysisPlan

__all__ = ["BaselineNumber", "BaselineRow", "BaselineShare", "describe_baseline", "standardised_difference"]

Floats = NDArray[np.float64]

_FIRST = ("AGE", "SEX", "RACE", "WEIGHTBL", "HEIGHTBL", "BMIBL")
_LABELS = {"AGE": "Age (years)", "SEX": "Sex", "RACE": "Race"}
# of ADSL, but no characteristics of subjects at baseline
_OTHER = {
    "STUDYID", "USUBJID", "SUBJID", "SITEID", "AGEU", "ARM", "ACTARM", "TRT01P", "TRT01PN", "TRT01A", "TRT01AN",
    "RANDFL", "ITTFL", "SAFFL", "PPROTFL", "STRATAR", "RANDDT", "TRTSDT", "TRTEDT", "EOSSTT", "EOSDT", "DCSREAS",
    "EOTSTT", "EOTDT", "DCTREAS", "DTHFL", "DTHDT", "NOTRNDRS",
}  # fmt: skip
_MOST_LEVELS = 12
_IMPLIED = ("N", "NEGATIVE", "M", "DECEASED")  # beside the other of two categories these need no line


@dataclass(frozen=True, slots=True)
class BaselineNumber:
    """A number in one arm; quartiles with the median."""

    arm: str
    n: int
    missing: int
    mean: float
    sd: float
    low_quartile: float
    median: float
    high_quartile: float


@dataclass(frozen=True, slots=True)
class BaselineShare:
    """A category in one arm."""

    arm: str
    n: int
    missing: int
    count: int


@dataclass(frozen=True, slots=True)
class BaselineRow:
    """One line of the table.

    Attributes
    ----------
    variable, label : str
    level : str
        Category; empty for a number.
    arms : tuple
        :class:`BaselineNumber` or :class:`BaselineShare`, in the order of the plan.
    difference : float
        Standardised; of the whole variable, on its first line only, NaN elsewhere and where it cannot be computed.
    """

    variable: str
    label: str
    level: str
    arms: tuple[BaselineNumber, ...] | tuple[BaselineShare, ...]
    difference: float


def describe_baseline(adsl: Table, plan: AnalysisPlan) -> list[BaselineRow]:
    """Describe randomised subjects by arm.

    Parameters
    ----------
    adsl : Table
    plan : AnalysisPlan

    Returns
    -------
    list of BaselineRow
        Age, sex, race, size first, then every further variable of ADSL.
    """
    subjects = adsl.where(adsl["RANDFL"] == "Y")
    labels = {one.code: one.label for one in plan.words.characteristics} | _LABELS
    labels |= {"WEIGHTBL": "Weight (kg)", "HEIGHTBL": "Height (cm)", "BMIBL": "Body mass index (kg/m2)"}
    units = {one.code: one.unit.lower() for one in plan.words.characteristics if one.unit}
    labels |= {code: f"{labels[code]} ({unit})" for code, unit in units.items()}
    names = [name for name in _FIRST if name in subjects.names]
    names += [name for name in subjects.names if name not in _OTHER and name not in names]
    members = [subjects["TRT01P"] == code for code in plan.codes]
    rows: list[BaselineRow] = []
    for name in names:
        values = subjects[name]
        label = labels.get(name, name)
        rows += (
            _of_categories(name, label, values, members, plan.codes)
            if values.dtype == object
            else _of_number(name, label, values, members, plan.codes)
        )
    return rows


def _of_number(
    name: str, label: str, values: Floats, members: Sequence[NDArray[np.bool_]], codes: Sequence[str]
) -> list[BaselineRow]:
    arms, parts = [], []
    for code, member in zip(codes, members, strict=True):
        known = values[member & np.isfinite(values)]
        missing = int(member.sum()) - len(known)
        if not len(known):
            arms.append(BaselineNumber(code, 0, missing, *[math.nan] * 5))
            continue
        sd = float(known.std(ddof=1)) if len(known) > 1 else math.nan
        low, middle, high = (float(x) for x in np.percentile(known, (25, 50, 75)))
        arms.append(BaselineNumber(code, len(known), missing, float(known.mean()), sd, low, middle, high))
        parts.append(known)
    if not parts:
        return []
    largest = [_of_two_numbers(a, b) for a, b in itertools.combinations(parts, 2)]
    return [BaselineRow(name, label, "", tuple(arms), _largest(largest))]


def _of_categories(
    name: str,
    label: str,
    values: NDArray[np.object_],
    members: Sequence[NDArray[np.bool_]],
    codes: Sequence[str],
) -> list[BaselineRow]:
    levels = sorted(set(values.tolist()) - {""})
    if not levels or len(levels) > _MOST_LEVELS:
        return []
    counts = np.array([[int(((values == level) & member).sum()) for level in levels] for member in members])
    sizes = [int(member.sum()) for member in members]
    pairs = [standardised_difference(a, b) for a, b in itertools.combinations(counts, 2)]
    # of two categories the one that says yes is enough
    shown = [level for level in levels if level not in _IMPLIED] if len(levels) == 2 else levels
    rows = []
    for k, level in enumerate(shown):
        column = counts[:, levels.index(level)]
        arms = tuple(
            BaselineShare(code, int(row.sum()), size - int(row.sum()), int(count))
            for code, row, size, count in zip(codes, counts, sizes, column, strict=True)
        )
        rows.append(BaselineRow(name, label, level, arms, _largest(pairs) if k == 0 else math.nan))
    return rows


def _of_two_numbers(a: Floats, b: Floats) -> float:
    if min(len(a), len(b)) < 2:
        return math.nan
    spread = math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2.0)
    return abs(float(a.mean() - b.mean())) / spread if spread > 0 else math.nan


def standardised_difference(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """Return the standardised difference of two sets of counts over the same categories.

    Parameters
    ----------
    first, second : (K,) array of int

    Returns
    -------
    float
        At least 0; NaN where a set is empty or no category varies.

    Examples
    --------
    >>> round(standardised_difference(np.array([30, 70]), np.array([40, 60])), 4)
    0.2108
    """
    if not first.sum() or not second.sum():
        return math.nan
    p, q = first[1:] / first.sum(), second[1:] / second.sum()
    spread = (np.diag(p) - np.outer(p, p) + np.diag(q) - np.outer(q, q)) / 2.0
    difference = p - q
    if np.linalg.matrix_rank(spread) == 0:
        return math.nan
    return float(np.sqrt(max(0.0, difference @ np.linalg.pinv(spread) @ difference)))


def _largest(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return max(known) if known else math.nan
