"""Levels in whole blood."""

from __future__ import annotations

from collections.abc import Mapping

from t_cell_published_rows.asking import ic50, in_blood
from t_cell_published_rows.behaviour import Question

__all__ = ["QUESTIONS"]


def calcineurin(drug: str, ng_per_ml: float) -> float:
    return in_blood(drug, ng_per_ml, "calcineurin", "none", 4.0)


QUESTIONS: Mapping[str, Question] = {
    "F1": lambda: calcineurin("ciclosporin", 180.0),
    "F2": lambda: calcineurin("ciclosporin", 800.0),
    "F3": lambda: calcineurin("ciclosporin", 50.0),
    "F4": lambda: calcineurin("tacrolimus", 6.0),
    "F5": lambda: calcineurin("tacrolimus", 20.0),
    "F6": lambda: calcineurin("tacrolimus", 40.0),
    "F7": lambda: ic50("ciclosporin", "il2", "pha", blood=True),
    "F8": lambda: ic50("tacrolimus", "il2", "pha", blood=True) / ic50("tacrolimus", "il2", "pha"),
    "F9": lambda: in_blood("tacrolimus", 10.0, "il2", "pha", 24.0),
    "F10": lambda: in_blood("sirolimus", 10.0, "s6k", "il2", 4.0),
    "F11": lambda: in_blood("everolimus", 8.0, "s6k", "il2", 4.0),
}
