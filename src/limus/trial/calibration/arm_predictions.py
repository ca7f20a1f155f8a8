"""What a model says about arms of published trials, for any values of its fitted parameters.

A design's exposure does not depend on what is fitted, so it is simulated once; events and kidney function are drawn
again for each set of parameters with the same random numbers, so that predictions move smoothly with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import InputError
from limus.trial.calibration.trial_arms import TrialArm
from limus.trial.design.file import load_design
from limus.trial.design.hazard_library import HazardLibrary
from limus.trial.design.scenario import Scenario
from limus.trial.simulation.arm_factors import Reference, average_risks, make_reference, redraw

__all__ = ["ArmPredictor", "linked", "make_predictor", "predict_arms", "unlinked"]

Floats = NDArray[np.float64]
_LOW = "rejection or egfr"
_DEAD_CLEARANCE = 10.0


@dataclass(frozen=True, eq=False)
class ArmPredictor:
    """A design made ready for predictions.

    Attributes
    ----------
    reference : Reference
        The same subjects in every arm.
    """

    reference: Reference


def make_predictor(design_name: str, scenario: Scenario, *, subjects: int) -> ArmPredictor:
    """Simulate a design's reference cohort and its exposure.

    Parameters
    ----------
    design_name : str
    scenario : Scenario
    subjects : int

    Returns
    -------
    ArmPredictor

    Raises
    ------
    LimusError
        As :func:`limus.trial.simulation.arm_factors.make_reference`.
    """
    design, _ = load_design(design_name)
    return ArmPredictor(make_reference(design, scenario, subjects=subjects))


def predict_arms(predictor: ArmPredictor, hazards: HazardLibrary, rows: Sequence[TrialArm]) -> Floats:
    """Predict what rows of one design would show.

    Parameters
    ----------
    predictor : ArmPredictor
    hazards : HazardLibrary
        With the parameters in question.
    rows : sequence of TrialArm

    Returns
    -------
    (len(rows),) array
        Percent, mean or ratio, as the row's kind.

    Raises
    ------
    InputError
        A row of an unknown arm or value.
    """
    trial = predictor.reference.trial
    context = replace(predictor.reference.context, scenario=replace(trial.scenario, hazards=hazards))
    reference = redraw(predictor.reference, context)
    names = [arm.name for arm in trial.design.arms]
    known: dict[tuple[str, str, float, float, str], Floats] = {}
    found = np.empty(len(rows))
    for k, row in enumerate(rows):
        if row.arm not in names or (row.other_arm and row.other_arm not in names):
            raise InputError(f"trial arms, {row.id}", f"{row.arm} {row.other_arm}", ", ".join(names), "correct the arm")
        key = (row.kind, row.what, row.day, row.imputed_percent, row.creatinine)
        if key not in known:
            known[key] = _quantity(reference, row)
        found[k] = known[key][names.index(row.arm)]
        if row.kind == "ratio":
            found[k] /= known[key][names.index(row.other_arm)]
    return found


def _quantity(reference: Reference, row: TrialArm) -> Floats:
    """One quantity in every arm."""
    trial, events = reference.trial, reference.trial.events
    shape = (len(trial.design.arms), -1)
    if row.kind in {"risk", "ratio"}:
        return 100.0 * average_risks(reference, row.what.split("+"), row.day, competing=True)
    visit = int(np.flatnonzero(trial.visit_day == row.day)[0])
    gone = np.minimum(events.day["death"], events.day["graft loss"]) <= row.day
    if row.kind == "low function":
        low = np.where(gone, True, trial.egfr[:, visit] < _threshold(row)) | (events.day["rejection"] <= row.day)
        return np.asarray(100.0 * low.reshape(shape).mean(axis=1))
    table: Mapping[str, Floats] = {**trial.labs, "egfr": trial.egfr}
    if row.what not in table:
        raise InputError(f"trial arms, {row.id}", row.what, ", ".join(table), "correct what")
    values = table[row.what][:, visit]
    means = np.asarray(np.nanmean(values.reshape(shape), axis=1))
    if row.creatinine:
        means = means / reference.context.scenario.hazards.kidney["creatinine_before_standardisation"]
    if np.isfinite(row.imputed_percent):
        return means + row.imputed_percent / 100.0 * (_DEAD_CLEARANCE - means)
    return means


def _threshold(row: TrialArm) -> float:
    """The eGFR below which function is low, from ``rejection or egfr < NUMBER``."""
    start, _, number = row.what.partition("<")
    if start.strip() != _LOW or not number.strip().replace(".", "", 1).isdigit():
        raise InputError(f"trial arms, {row.id}, what", row.what, f"{_LOW} < NUMBER", "correct what")
    return float(number)


def linked(row: TrialArm, value: Floats | float) -> Floats:
    """Return a prediction on the scale on which errors are added: ln(-ln(1 - p)), ln of a ratio, or itself."""
    if row.kind in {"risk", "low function"}:
        return np.asarray(np.log(-np.log1p(-np.asarray(value) / 100.0)))
    return np.asarray(np.log(value)) if row.kind == "ratio" else np.asarray(value)


def unlinked(row: TrialArm, value: Floats) -> Floats:
    """Return to percent, ratio or mean."""
    if row.kind in {"risk", "low function"}:
        return np.asarray(-100.0 * np.expm1(-np.exp(value)))
    return np.asarray(np.exp(value)) if row.kind == "ratio" else value
