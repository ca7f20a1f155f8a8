"""What the titration loop of a block of subjects works on: the setting that visits share, the arrays it fills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.trial.design.treatment import DrugPlan
from limus.trial.exposure.chances import ExposureChances
from limus.trial.exposure.covariates import SubjectCovariates
from limus.trial.exposure.kinetics import SplitKinetics
from limus.trial.exposure.titration import DoseGrid

__all__ = ["BlockSetting", "VisitArrays"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Whole = NDArray[np.int64]


@dataclass(eq=False)
class VisitArrays:
    """What is filled visit by visit, (N, V) each."""

    sampling_day: Floats
    trough_true_ng_per_ml: Floats
    trough_measured_ng_per_ml: Floats
    sample: NDArray[np.int8]
    auc_ng_h_per_ml: Floats
    dose_mg_per_day: Floats
    asked_mg_per_day: Floats
    decision: NDArray[np.int8]

    def rows(self, block: slice) -> VisitArrays:
        """A block of subjects, as views."""
        return VisitArrays(*(getattr(self, field.name)[block] for field in fields(self)))


@dataclass(frozen=True, eq=False)
class BlockSetting:
    """What the visits of a block of B subjects share."""

    plan: DrugPlan
    model: PopulationModel
    kinetics: SplitKinetics
    grid: DoseGrid
    visit_day: Floats
    measured: Flags
    with_area: bool
    covariates: SubjectCovariates
    chances: ExposureChances
    due: Whole  # (B, V) dosing time of each visit, in intervals from day 0
    start: Whole  # (B,)
    stop: Whole  # (B,)
    missed: Floats  # (B,)
    aim_ratio: Floats  # (B,)
    first_dose_mg: Floats  # (B,)

    def rows(self, block: slice) -> BlockSetting:
        """The same for some of the subjects, as views."""
        covariates, chances = self.covariates, self.chances
        drawn = {
            field.name: getattr(chances, field.name)[block]
            for field in fields(chances)
            if field.name not in {"between_subject", "between_occasion", "dose"}
        }
        return replace(
            self,
            covariates=replace(
                covariates,
                constant=_cut(covariates.constant, block),
                changing=_cut(covariates.changing, block),
                outside=covariates.outside[block],
            ),
            chances=ExposureChances(
                between_subject=_cut(chances.between_subject, block),
                between_occasion=_cut(chances.between_occasion, block),
                dose=None if chances.dose is None else chances.dose[:, block],
                **drawn,
            ),
            due=self.due[block],
            start=self.start[block],
            stop=self.stop[block],
            missed=self.missed[block],
            aim_ratio=self.aim_ratio[block],
            first_dose_mg=self.first_dose_mg[block],
        )


def _cut(arrays: Mapping[str, Floats], block: slice) -> dict[str, Floats]:
    return {name: values[block] for name, values in arrays.items()}
