"""The safety table: subjects with adverse events that began under treatment, among those treated, as treated."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.risk_difference import DifferenceMethod, risk_difference
from limus.kernel.tables import Table
from limus.trial.design.analysis_plan import AnalysisPlan

__all__ = ["SafetyRow", "describe_safety"]


@dataclass(frozen=True, slots=True)
class SafetyRow:
    """One line: subjects with the event by arm, and with two arms the difference of the other from the reference.

    Attributes
    ----------
    key, label : str
    group : str
        ``overall``, or the body system.
    counts, sizes : tuple of int
        By arm.
    records : tuple of int
        Events, a subject may have several.
    difference, low, high : float
        Fraction, 95 % by Miettinen and Nurminen; NaN with other than two arms.
    """

    key: str
    label: str
    group: str
    counts: tuple[int, ...]
    sizes: tuple[int, ...]
    records: tuple[int, ...]
    difference: float
    low: float
    high: float


def describe_safety(adam: Mapping[str, Table], plan: AnalysisPlan) -> list[SafetyRow]:
    """Count subjects with adverse events.

    Parameters
    ----------
    adam : mapping of str to Table
        ADSL, and ADAE where there are adverse events.
    plan : AnalysisPlan

    Returns
    -------
    list of SafetyRow
        Overall lines, then events by body system, the most frequent first; empty without ADAE.
    """
    if "ADAE" not in adam:
        return []
    treated = adam["ADSL"].where(adam["ADSL"]["SAFFL"] == "Y")
    sizes = tuple(int((treated["TRT01A"] == code).sum()) for code in plan.codes)
    ae = adam["ADAE"].where((adam["ADAE"]["SAFFL"] == "Y") & (adam["ADAE"]["TRTEMFL"] == "Y"))
    turned = plan.reference != plan.codes[0]
    everything = np.ones(len(ae), dtype=np.bool_)
    rows = [_row("any", "Any adverse event", "overall", ae, everything, plan.codes, sizes, turned=turned)]
    if "AESER" in ae.names:
        rows.append(
            _row(
                "serious", "Serious adverse event", "overall", ae, ae["AESER"] == "Y", plan.codes, sizes, turned=turned
            )
        )
    if "AEACN" in ae.names:
        stopped = ae["AEACN"] == "DRUG WITHDRAWN"
        label = "Adverse event leading to discontinuation"
        rows.append(_row("withdrawn", label, "overall", ae, stopped, plan.codes, sizes, turned=turned))
    rows.append(_deaths(treated, plan.codes, sizes, turned=turned))
    systems = ae["AEBODSYS"] if "AEBODSYS" in ae.names else np.full(len(ae), "", dtype=object)
    terms = ae["AEDECOD"] if "AEDECOD" in ae.names else ae["AETERM"]
    found = []
    for system, term in dict.fromkeys(zip(systems.tolist(), terms.tolist(), strict=True)):
        mask = (systems == system) & (terms == term)
        found.append(_row(term, term.capitalize(), system, ae, mask, plan.codes, sizes, turned=turned))
    found.sort(key=lambda row: (-sum(row.counts), row.label))
    return rows + found


def _row(
    key: str,
    label: str,
    group: str,
    ae: Table,
    mask: NDArray[np.bool_],
    codes: Sequence[str],
    sizes: tuple[int, ...],
    *,
    turned: bool,
) -> SafetyRow:
    counts = tuple(len(set(ae["USUBJID"][mask & (ae["TRTA"] == code)].tolist())) for code in codes)
    records = tuple(int((mask & (ae["TRTA"] == code)).sum()) for code in codes)
    return SafetyRow(key, label, group, counts, sizes, records, *_difference(counts, sizes, turned=turned))


def _deaths(treated: Table, codes: Sequence[str], sizes: tuple[int, ...], *, turned: bool) -> SafetyRow:
    died = treated["DTHFL"] == "Y"
    counts = tuple(int((died & (treated["TRT01A"] == code)).sum()) for code in codes)
    return SafetyRow("death", "Death", "overall", counts, sizes, counts, *_difference(counts, sizes, turned=turned))


def _difference(counts: tuple[int, ...], sizes: tuple[int, ...], *, turned: bool) -> tuple[float, float, float]:
    """Difference of two arms, the first being the reference unless they are turned."""
    if len(counts) != 2 or min(sizes) < 1:
        return math.nan, math.nan, math.nan
    if not turned:
        counts, sizes = counts[::-1], sizes[::-1]
    try:
        found = risk_difference(counts, sizes, DifferenceMethod.MIETTINEN_NURMINEN)
    except ValueRangeError:
        return math.nan, math.nan, math.nan
    return found.estimate, found.low, found.high
