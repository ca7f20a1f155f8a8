"""Sirolimus and everolimus: growth, cytokines, S6K and 4E-BP1."""

from __future__ import annotations

from collections.abc import Mapping

from t_cell_published_rows.asking import course, ic50, inhibition, treated
from t_cell_published_rows.behaviour import Question

__all__ = ["QUESTIONS"]


def over_sirolimus(drug: str) -> float:
    return ic50(drug, "proliferation", "mlr") / ic50("sirolimus", "proliferation", "mlr")


def phosphorylation_left(readout: str, level_nM: float, add_at: float, after: float) -> float:
    """Per cent of control, hours after the addition."""
    times = {"add_at_hours": add_at, "hours": add_at + after}
    return 100.0 - inhibition("sirolimus", level_nM, readout, "anti_cd3_cd28", **times)


def ebp1_regained() -> float:
    early, late = (phosphorylation_left("ebp1", 100.0, 48.0, after) for after in (1.5, 24.0))
    return late / early


def s6k_early_over_late() -> float:
    found = course("s6k", "anti_cd3_cd28", [1.0, 24.0])
    return float(found[0] / found[1])


def rescue_by_il2() -> float:
    with_il2 = inhibition("ciclosporin", 1500.0, "proliferation", "pha", il2_added=1.0)
    return 100.0 * with_il2 / inhibition("ciclosporin", 1500.0, "proliferation", "pha")


QUESTIONS: Mapping[str, Question] = {
    "C10": lambda: over_sirolimus("ciclosporin"),
    "C11": lambda: inhibition("sirolimus", 10.0, "il2", "pma_ionomycin"),
    "C12": lambda: inhibition("sirolimus", 10.0, "il2", "pma_anti_cd28"),
    "C13": lambda: inhibition("sirolimus", 10.0, "il2", "pha"),
    "C14": lambda: over_sirolimus("everolimus"),
    "C15": lambda: phosphorylation_left("s6k", 10.0, 24.0, 1.0),
    "C16": lambda: phosphorylation_left("ebp1", 100.0, 48.0, 1.0),
    "C17": ebp1_regained,
    "C18": s6k_early_over_late,
    "C19": lambda: inhibition("tacrolimus", 10.0, "s6k", "anti_cd3_cd28", hours=1.0, add_at_hours=-1.0),
    "C20": lambda: inhibition("sirolimus", 10.0, "division_index", "anti_cd3_cd28"),
    "C21": lambda: 100.0 - inhibition("sirolimus", 10.0, "divided_percent", "anti_cd3_cd28", hours=120.0),
    "C22": lambda: float(treated({"sirolimus": [0.0, 100.0]}, "receptor", "anti_cd3_cd28", hours=24.0)[1]),
    "C23": lambda: inhibition("sirolimus", 10.0, "proliferation", "mlr", il2_added=1.0),
    "C24": rescue_by_il2,
}
