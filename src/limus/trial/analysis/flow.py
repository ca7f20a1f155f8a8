"""The flow of subjects as CONSORT 2025 asks for it, counted from ADSL: enrolment, allocation, follow-up, analysis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.tables import Table
from limus.trial.design.analysis_plan import AnalysisPlan

__all__ = ["ArmFlow", "TrialFlow", "count_flow"]

Reasons = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ArmFlow:
    """One arm of the flow.

    Attributes
    ----------
    arm, label : str
    allocated, received : int
    other_treatment, untreated : int
        Allocated and treated otherwise, or not at all.
    left : tuple of (str, int)
        Left the study before its end, by reason; deaths among them.
    discontinued : tuple of (str, int)
        Discontinued the study treatment otherwise, by reason.
    completed, ongoing : int
    analysed : int
        In the population of the primary analysis.
    not_analysed : int
    """

    arm: str
    label: str
    allocated: int
    received: int
    other_treatment: int
    untreated: int
    left: Reasons
    discontinued: Reasons
    completed: int
    ongoing: int
    analysed: int
    not_analysed: int


@dataclass(frozen=True, slots=True)
class TrialFlow:
    """The flow of a trial.

    Attributes
    ----------
    screened : int
        Subjects in DM; 0 where the data hold none who were not randomised, so that screening is not known.
    excluded : tuple of (str, int)
        Not randomised, by reason.
    randomised : int
    arms : tuple of ArmFlow
    population : str
        Flag of the primary analysis.
    """

    screened: int
    excluded: Reasons
    randomised: int
    arms: tuple[ArmFlow, ...]
    population: str


def count_flow(adsl: Table, plan: AnalysisPlan, population: str, analysed: frozenset[str] | None = None) -> TrialFlow:
    """Count the flow.

    Parameters
    ----------
    adsl : Table
    plan : AnalysisPlan
    population : str
        Flag of the primary analysis.
    analysed : frozenset of str, optional
        Subjects that the primary analysis took; the population's by default.

    Returns
    -------
    TrialFlow
    """
    randomised = adsl["RANDFL"] == "Y"
    excluded = _reasons(adsl["NOTRNDRS"][~randomised]) if "NOTRNDRS" in adsl.names else ()
    screened = len(adsl) if not randomised.all() else 0
    arms = []
    for arm in plan.arms:
        rows = adsl.where(randomised & (adsl["TRT01P"] == arm.code))
        treated = rows["SAFFL"] == "Y"
        as_planned = rows["TRT01A"] == rows["TRT01P"]
        left, stopped = rows["EOSSTT"] == "DISCONTINUED", rows["EOTSTT"] == "DISCONTINUED"
        counted = rows[population] == "Y"
        if analysed is not None:
            counted &= np.array([one in analysed for one in rows["USUBJID"].tolist()], dtype=np.bool_)
        arms.append(
            ArmFlow(
                arm.code,
                arm.label,
                len(rows),
                int((treated & as_planned).sum()),
                int((treated & ~as_planned).sum()),
                int((~treated).sum()),
                _reasons(rows["DCSREAS"][left]),
                # who left the study with the same reason is counted there
                _reasons(rows["DCTREAS"][stopped & (rows["DCTREAS"] != rows["DCSREAS"])]),
                int((rows["EOSSTT"] == "COMPLETED").sum()),
                int((rows["EOSSTT"] == "ONGOING").sum()),
                int(counted.sum()),
                int((~counted).sum()),
            )
        )
    return TrialFlow(screened, excluded, int(randomised.sum()), tuple(arms), population)


def _reasons(values: NDArray[np.object_]) -> Reasons:
    texts: Sequence[str] = [str(one).strip() or "reason not given" for one in values.tolist()]
    return tuple(Counter(texts).most_common())
