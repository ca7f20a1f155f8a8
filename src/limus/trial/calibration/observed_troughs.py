"""Troughs that trials reported beside the window they aimed at, from ``library/titration/troughs.toml``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from pydantic import Field

from limus.kernel.errors import UnknownNameError, near_names
from limus.kernel.provenance import Kind
from limus.kernel.tables import Entry, library_folder, read_toml
from limus.trial.design.titration_library import load_sampling
from limus.trial.design.treatment import DosingRule, DrugPlan, Origin, RuleKind, StartDose, TargetWindow

__all__ = ["ObservedLevel", "ObservedTroughs", "find_troughs", "observed_troughs"]

_SAMPLING = "trial"


@dataclass(frozen=True, slots=True)
class ObservedLevel:
    """Percentiles of a trial's troughs on a day, ng/mL; NaN where not reported, n = 0 where not given."""

    day: float
    n: int
    p10: float
    p50: float
    p90: float
    used: bool


@dataclass(frozen=True, eq=False)
class ObservedTroughs:
    """A trial arm with its window and the troughs it reported.

    Attributes
    ----------
    name, trial : str
    plan : DrugPlan
        The protocol followed to the letter.
    days : tuple of float
        Dosing visits, from day 0.
    levels : tuple of ObservedLevel
    origin : Origin
    """

    name: str
    trial: str
    plan: DrugPlan
    days: tuple[float, ...]
    levels: tuple[ObservedLevel, ...]
    origin: Origin


class _Window(Entry):
    from_day: float
    to_day: float
    low_ng_per_ml: float
    high_ng_per_ml: float


class _Start(Entry):
    amount: float
    unit: Literal["mg", "mg/kg"]
    per: Literal["dose", "day"]


class _Level(Entry):
    day: float
    n: int = 0
    p10: float = float("nan")
    p50: float = float("nan")
    p90: float = float("nan")
    used: bool = False


class _Observed(Entry):
    name: str
    trial: str
    compound: str
    model: str
    start_dose: _Start
    interval_h: float
    strengths_mg: list[float]
    largest_daily_mg: float
    windows: list[_Window]
    titration_days: list[float]
    levels: list[_Level]
    kind: Literal["measured", "compiled", "fitted", "assumed"]
    source: list[str] = Field(default_factory=list)
    note: str = ""


class _TroughsFile(Entry):
    limus_troughs: Literal[1]
    title: str
    observed: list[_Observed]


@lru_cache(maxsize=1)
def observed_troughs() -> dict[str, ObservedTroughs]:
    """Load the trials with reported troughs.

    Returns
    -------
    dict of str to ObservedTroughs

    Raises
    ------
    FileReadError
        The library's file is wrong.
    """
    read = read_toml(library_folder() / "titration" / "troughs.toml", _TroughsFile)
    return {entry.name: _observed(entry) for entry in read.observed}


def _observed(entry: _Observed) -> ObservedTroughs:
    plan = DrugPlan(
        compound=entry.compound,
        model=entry.model,
        start_dose=StartDose(entry.start_dose.amount, entry.start_dose.unit, entry.start_dose.per),
        interval_h=entry.interval_h,
        strengths_mg=tuple(entry.strengths_mg),
        largest_daily_mg=entry.largest_daily_mg,
        windows=tuple(TargetWindow(w.from_day, w.to_day, w.low_ng_per_ml, w.high_ng_per_ml) for w in entry.windows),
        rule=DosingRule(RuleKind.PROPORTIONAL),
        sampling=load_sampling(_SAMPLING),
    )
    levels = tuple(ObservedLevel(one.day, one.n, one.p10, one.p50, one.p90, one.used) for one in entry.levels)
    origin = Origin(Kind(entry.kind), tuple(entry.source), entry.note)
    return ObservedTroughs(entry.name, entry.trial, plan, (0.0, *entry.titration_days), levels, origin)


def find_troughs(name: str) -> ObservedTroughs:
    """Find a trial with reported troughs.

    Parameters
    ----------
    name : str

    Returns
    -------
    ObservedTroughs

    Raises
    ------
    UnknownNameError
        No such trial.
    """
    known = observed_troughs()
    if name not in known:
        near = near_names(name, known)
        do = f"did you mean {near[0]}?" if near else "choose one of them"
        raise UnknownNameError("trial with reported troughs", name, ", ".join(known), do)
    return known[name]
