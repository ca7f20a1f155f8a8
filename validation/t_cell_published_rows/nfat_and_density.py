"""NFAT, calcineurin and the IL-2 receptor; density and serum of the culture."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from t_cell_published_rows.asking import course, curve, ic50, inhibition, treated, untreated
from t_cell_published_rows.behaviour import Question

__all__ = ["QUESTIONS"]

NO_BINDING_NM = 1e4  # dissociation constant of IL-2 and its receptor, a million times the model's


def minutes_to_half() -> float:
    minutes = np.arange(1, 61)
    share = course("nfat", "ionomycin", (minutes / 60).tolist())
    return float(np.interp(0.5 * share[-1], share, minutes))


def back_in_cytosol() -> float:
    share = course("nfat", "anti_cd3", [0.25, 0.5, 1.0, 1.5, 2.0, 16.0])
    return float(share[-1] / share[:-1].max())


def receptor(drug: str, level_nM: float, stimulus: str, hours: float) -> float:
    return float(treated({drug: [0.0, level_nM]}, "receptor", stimulus, hours=hours)[1])


def by_density(drug: str, readout: str, stimulus: str) -> float:
    dense, sparse = (ic50(drug, readout, stimulus, cells_per_ml=density) for density in (5e6, 1e5))
    return dense / sparse


def by_serum() -> float:
    return ic50("ciclosporin", "il2", "pha", serum_percent=50.0) / ic50("ciclosporin", "il2", "pha", serum_percent=5.0)


def lost_without_receptor(readout: str, stimulus: str, hours: float) -> float:
    without = untreated(readout, stimulus, hours=hours, il2_receptor_dissociation_constant=NO_BINDING_NM)
    return 100.0 * (1.0 - without / untreated(readout, stimulus, hours=hours))


QUESTIONS: Mapping[str, Question] = {
    "H1": lambda: float(course("nfat", "ionomycin", [1.0])[0]),
    "H2": minutes_to_half,
    "H3": lambda: 100.0 - inhibition("ciclosporin", 1000.0, "nfat", "pha", hours=24.5, add_at_hours=24.0),
    "H4": back_in_cytosol,
    "H5": lambda: untreated("nfat", "none", hours=24.0),
    "H6": lambda: receptor("ciclosporin", 125.0, "anti_cd3", 48.0),
    "H7": lambda: by_density("tacrolimus", "il2", "pha"),
    "H8": lambda: by_density("ciclosporin", "calcineurin", "none"),
    "H9": by_serum,
    "H10": lambda: inhibition("ciclosporin", 100.0, "calcineurin", "none", hours=0.25),
    "H11": lambda: 100.0 * curve("tacrolimus", "calcineurin", "none").max_inhibition_fraction,
    "H12": lambda: inhibition("sirolimus", 1000.0, "calcineurin", "none"),
    "H13": lambda: receptor("tacrolimus", 10.0, "mlr", 72.0),
    "H14": lambda: receptor("tacrolimus", 10.0, "pha", 48.0),
    "H15": lambda: inhibition(
        "tacrolimus", 10.0, "proliferation", "pma_ionomycin", stimulus_strength=0.0, il2_added=1.0
    ),
    "H16": lambda: lost_without_receptor("proliferation", "mlr", 120.0),
    "H17": lambda: lost_without_receptor("divided_percent", "anti_cd3_cd28", 48.0),
    "H18": lambda: 1.0 - inhibition("ciclosporin", 200.0, "proliferation", "mlr", il2_added=1.0) / 100.0,
}
