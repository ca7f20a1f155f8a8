"""Cytokines: how much, when, and by which stimulus."""

from __future__ import annotations

from collections.abc import Mapping

from t_cell_published_rows.asking import course, untreated
from t_cell_published_rows.behaviour import Question

__all__ = ["QUESTIONS"]

NG_PER_ML_OF_1_NM = 15.5  # IL-2, 15.5 kDa


def ratio(readout: str, stimulus: str, late: float, early: float) -> float:
    found = course(readout, stimulus, [early, late])
    return float(found[1] / found[0])


def at_end_over_maximum(times: tuple[float, ...]) -> float:
    found = course("il2", "anti_cd3_cd28", times)
    return float(found[-1] / found.max())


def highest_at() -> float:
    times = (6, 12, 16, 20, 24, 30, 36, 48, 60, 72, 96)
    return float(times[course("il2", "pha", times).argmax()])


def maximum(stimulus: str, times: tuple[float, ...] = (6, 12, 18, 24, 36), **changes: float) -> float:
    """Highest IL-2: where cells take it up, a ratio at one time misleads."""
    return float(course("il2", stimulus, times, **changes).max())


def maximum_without_uptake() -> float:
    times = (12, 18, 24, 36, 48)
    return maximum("pha", times, il2_consumption_rate=0.0) / maximum("pha", times)


def ng_per_ml(stimulus: str, **changes: float) -> float:
    return untreated("il2", stimulus, **changes) * NG_PER_ML_OF_1_NM


def by_anti_cd28(readout: str) -> float:
    return untreated(readout, "anti_cd3_cd28") / untreated(readout, "anti_cd3")


def growth_by_anti_cd28_alone() -> float:
    alone = untreated("proliferation", "none", costimulation=1.0, hours=72.0)
    return alone / untreated("proliferation", "anti_cd3_cd28")


QUESTIONS: Mapping[str, Question] = {
    "A1": lambda: ratio("il2", "pha", 48.0, 24.0),
    "A2": lambda: at_end_over_maximum((12, 18, 24, 36, 48, 72)),
    "A3": highest_at,
    "A4": maximum_without_uptake,
    "A5": lambda: ng_per_ml("anti_cd3_cd28"),
    "A6": lambda: ng_per_ml("pha"),
    "A7": lambda: ng_per_ml("mlr"),
    "A8": lambda: ng_per_ml("pma_ionomycin"),
    "A9": lambda: ng_per_ml("anti_cd3"),
    "A10": lambda: ng_per_ml("pha", hours=120.0),
    "A11": lambda: maximum("anti_cd3_cd28") / maximum("anti_cd3"),
    "A12": lambda: by_anti_cd28("ifn_gamma"),
    "A13": lambda: by_anti_cd28("proliferation"),
    "A14": lambda: maximum("ionomycin") / maximum("pma_ionomycin"),
    "A15": lambda: maximum("pma_ionomycin", stimulus_strength=0.0) / maximum("pma_ionomycin"),
    "A16": lambda: maximum("pma_anti_cd28") / maximum("pma_ionomycin"),
    "A17": lambda: maximum("ionomycin", costimulation=1.0) / maximum("pma_ionomycin"),
    "A18": growth_by_anti_cd28_alone,
    "A19": lambda: ratio("ifn_gamma", "pha", 72.0, 24.0),
}
