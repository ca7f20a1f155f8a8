"""Division and growth: who divides, when, how often."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from limus.signalling.protocol import find_protocol
from t_cell_published_rows.asking import course, inhibition, untreated
from t_cell_published_rows.behaviour import Question

__all__ = ["QUESTIONS"]


def divided(stimulus: str, hours: float) -> float:
    return untreated("divided_percent", stimulus, hours=hours)


def divided_of_responders() -> float:
    return divided("mlr", 120.0) / find_protocol("mlr").settings["responding_share"]


def dna_highest_at(stimulus: str, times: tuple[float, ...]) -> float:
    return float(times[course("proliferation", stimulus, times).argmax()])


def cells(stimulus: str, hours: float) -> float:
    return float(course("cells_relative", stimulus, [hours])[0])


def il2_for_half_growth() -> float:
    """pM; growth without IL-2 is taken off, the largest is that at 10 nM."""
    doses = np.logspace(-3, 1, 17)
    culture = {"cells_per_ml": 1e5, "hours": 24.0}
    none, *found = (untreated("proliferation", "il2", il2_added=dose, **culture) for dose in (1e-6, *doses.tolist()))
    share = (np.array(found) - none) / (found[-1] - none)
    return 1000.0 * float(np.exp(np.interp(0.5, share, np.log(doses))))


def cells_counted() -> float:
    undivided, precursors = (
        float(course(symbol, "pha", [168.0])[0]) for symbol in ("undivided_relative", "growth.divided_precursors")
    )
    return undivided + precursors


def divided_left(drug: str, level_nM: float) -> float:
    return 100.0 - inhibition(drug, level_nM, "divided_percent", "anti_cd3", hours=120.0)


QUESTIONS: Mapping[str, Question] = {
    "G1": lambda: divided("mlr", 120.0),
    "G2": divided_of_responders,
    "G3": lambda: divided("anti_cd3_cd28", 72.0),
    "G4": lambda: divided("pha", 72.0),
    "G5": lambda: divided("anti_cd3", 72.0),
    "G6": lambda: divided("anti_cd3_cd28", 24.0),
    "G7": lambda: untreated("division_index", "anti_cd3_cd28", hours=72.0),
    "G8": lambda: untreated("division_index", "anti_cd3_cd28", hours=120.0),
    "G9": lambda: divided("ionomycin", 72.0),
    "G10": lambda: divided("anti_cd3_cd28", 36.0),
    "G11": lambda: dna_highest_at("pha", (24, 36, 48, 60, 72, 84, 96, 120, 144)),
    "G12": lambda: dna_highest_at("mlr", (48, 72, 96, 120, 144, 168)),
    "G13": lambda: cells("anti_cd3_cd28", 120.0),
    "G14": lambda: cells("il2", 48.0),
    "G15": il2_for_half_growth,
    "G16": lambda: inhibition("tacrolimus", 0.37, "division_index", "anti_cd3_cd28"),
    "G17": lambda: inhibition("ciclosporin", 41.6, "division_index", "anti_cd3_cd28"),
    "G18": lambda: divided("pma_ionomycin", 24.0),
    "G19": cells_counted,
    "D10": lambda: divided_left("sirolimus", 0.11),
    "D11": lambda: divided_left("ciclosporin", 8.3),
}
