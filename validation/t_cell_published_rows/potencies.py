"""Potencies of calcineurin inhibitors by stimulus."""

from __future__ import annotations

from collections.abc import Mapping

from t_cell_published_rows.asking import ic50, inhibition, untreated
from t_cell_published_rows.behaviour import Question

__all__ = ["QUESTIONS"]


def by_anti_cd28(readout: str) -> float:
    return ic50("ciclosporin", readout, "anti_cd3_cd28") / ic50("ciclosporin", readout, "anti_cd3")


def over_tacrolimus(drug: str) -> float:
    return ic50(drug, "proliferation", "mlr") / ic50("tacrolimus", "proliferation", "mlr")


def il2_over_calcineurin() -> float:
    return ic50("ciclosporin", "il2", "ionomycin", hours=4.0) / ic50("ciclosporin", "calcineurin", "none")


def weaker_stimulus() -> float:
    return ic50("tacrolimus", "il2", "pha", stimulus_strength=0.6) / ic50("tacrolimus", "il2", "pha")


def il2_by_more_anti_cd28() -> float:
    return untreated("il2", "pma_ionomycin", costimulation=1.0) / untreated("il2", "pma_ionomycin")


QUESTIONS: Mapping[str, Question] = {
    "B21": lambda: by_anti_cd28("proliferation"),
    "B22": lambda: by_anti_cd28("il2"),
    "B23": lambda: inhibition("ciclosporin", 1000.0, "proliferation", "pma_anti_cd28"),
    "B24": lambda: inhibition("tacrolimus", 25.0, "il2", "pma_ionomycin", costimulation=1.0),
    "B25": lambda: inhibition("tacrolimus", 25.0, "ifn_gamma", "pma_ionomycin", costimulation=1.0),
    "B26": il2_by_more_anti_cd28,
    "B27": lambda: inhibition("ciclosporin", 1000.0, "proliferation", "pma_ionomycin"),
    "B28": lambda: inhibition("ciclosporin", 1000.0, "il2", "anti_cd3", protein_kinase_c=1.0),
    "B29": lambda: inhibition("ciclosporin", 1000.0, "il2", "anti_cd3_cd28"),
    "B31": il2_over_calcineurin,
    "B32": lambda: over_tacrolimus("pimecrolimus"),
    "B33": lambda: over_tacrolimus("ascomycin"),
    "B34": weaker_stimulus,
}
