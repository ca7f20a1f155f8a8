"""The calibration's rules: intervals, what it can predict, staleness; and the workflow sees the same numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from limus.kernel.provenance import load_bibliography
from limus.kernel.tables import library_folder
from limus.molecule.catalogue import load_compounds
from limus.signalling.accepted_fit import data_hash
from limus.signalling.model_library import load_model
from limus.signalling.observations import load_potencies
from limus.signalling.potency import CurveStatus
from limus.signalling.prediction import load_settings, predict_observations
from limus.workflows.potency import PotencyRequest, run


def observation(identity: str):
    return next(p for p in load_potencies() if p.id == identity)


def test_an_interval_misfits_only_outside() -> None:
    range_ = observation("P19")
    assert range_.is_interval
    assert range_.log10_misfit(0.1) == 0.0
    assert range_.log10_misfit(2.0) == pytest.approx(1.0)
    assert range_.log10_misfit(0.005) == pytest.approx(-1.0)
    assert observation("P01").log10_misfit(2.1) == pytest.approx(1.0)


def test_every_observation_names_a_compound_a_source_and_a_reason() -> None:
    bibliography = load_bibliography(library_folder() / "references.bib")
    for p in load_potencies():
        assert p.compound in load_compounds()
        assert p.reason
        assert set(p.source) <= set(bibliography)
        assert p.use != "fit" or (p.source and math.isfinite(p.centre_nM))


def test_what_is_recalled_is_never_fitted() -> None:
    assert all(p.kind == "measured" for p in load_potencies() if p.use == "fit")


@pytest.fixture(scope="module")
def predicted():
    return predict_observations(load_model("t_cell"))


def test_every_fitted_observation_is_predicted_and_the_rest_is_left_out_with_a_reason(predicted) -> None:
    rows, left_out = predicted
    assert {r.observation.id for r in rows if r.observation.use == "fit"} == {
        p.id for p in load_potencies() if p.use == "fit"
    }
    assert all(r.status is CurveStatus.OK for r in rows)
    assert {r.observation.id for r in rows} | {p.id for p in left_out} == {p.id for p in load_potencies()}


def test_the_fit_meets_most_of_what_it_was_fitted_to(predicted) -> None:
    folds = [r.fold for r in predicted[0] if r.observation.use == "fit"]
    assert sum(fold <= 3.0 for fold in folds) / len(folds) >= 0.7
    assert min(folds) >= 1.0


def test_the_potency_workflow_says_what_the_calibration_says(predicted) -> None:
    row = next(r for r in predicted[0] if r.observation.id == "P05")
    result = run(PotencyRequest(compound="FK506", readout="il2", stimulus="pha", draws=0))
    assert result.curve.summary.ic50_absolute_nM == pytest.approx(row.predicted_nM, rel=0.02)


def test_other_data_make_a_fit_stale() -> None:
    model, settings = load_model("t_cell"), load_settings("t_cell")
    assert data_hash(model, settings) != data_hash(model, settings.model_copy(update={"observation_log10_sd": 0.3}))
    assert replace(observation("P01"), value_nM=1.0) != observation("P01")
