"""Two drugs together: synergy, addition, antagonism."""

from __future__ import annotations

from collections.abc import Mapping

from t_cell_published_rows.asking import combination_index, treated
from t_cell_published_rows.behaviour import Question

__all__ = ["QUESTIONS"]


def share(readout: str, stimulus: str, **level_nM: float) -> float:
    """Readout under all drugs at once, of control."""
    return float(treated({drug: [0.0, level] for drug, level in level_nM.items()}, readout, stimulus)[1])


def sirolimus_beside_ciclosporin() -> float:
    with_it = share("calcineurin", "none", ciclosporin=100.0, sirolimus=1000.0)
    return with_it / share("calcineurin", "none", ciclosporin=100.0, sirolimus=0.0)


QUESTIONS: Mapping[str, Question] = {
    "D1": lambda: combination_index("ciclosporin", "sirolimus", "proliferation", "mlr"),
    "D2": lambda: combination_index("ciclosporin", "sirolimus", "proliferation", "pha"),
    "D3": lambda: combination_index("ciclosporin", "sirolimus", "proliferation", "anti_cd3_cd28"),
    "D4": lambda: combination_index("tacrolimus", "everolimus", "proliferation", "pha"),
    "D5": lambda: 100.0 * (1.0 - share("proliferation", "il2", everolimus=10.0, tacrolimus=1000.0)),
    "D6": sirolimus_beside_ciclosporin,
    "D7": lambda: share("proliferation", "il2", sirolimus=1.0, tacrolimus=1000.0),
    "D8": lambda: combination_index("tacrolimus", "ciclosporin", "il2", "pha"),
    "D9": lambda: share("il2", "pha", tacrolimus=1.0, sirolimus=30.0),
}
