"""The calcium model: checks silent, rests without a stimulus, oscillates with one, and may be asked like the others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from limus.kernel.errors import InputError, RefusedError
from limus.kernel.provenance import load_bibliography
from limus.kernel.simulation import compile_model, simulate
from limus.kernel.tables import library_folder
from limus.signalling.accepted_fit import fit_is_current, library_inputs
from limus.signalling.culture import check_values
from limus.signalling.model_account import account_for
from limus.signalling.model_library import load_model, model_names
from limus.signalling.sourced_model import SourcedModel, check_sourced_model
from limus.workflows.calibrate import CalibrateRequest
from limus.workflows.calibrate import run as run_calibrate
from limus.workflows.model_page import model_sections
from limus.workflows.simulate import SimulateRequest, run

NUCLEAR = "nfat.nuclear_fraction"


@pytest.fixture(scope="module")
def model() -> SourcedModel:
    return load_model("calcium_oscillation")


def courses(model: SourcedModel, times: np.ndarray, **inputs: Any) -> dict[str, np.ndarray]:
    compiled = compile_model(model.model, ("calcium", NUCLEAR))
    result = simulate(compiled, times, inputs, relative_tolerance=1e-6, absolute_tolerance=1e-9)
    result.require_success("test")
    return {name: result.output(name) for name in result.outputs}


def test_every_check_is_silent_and_nothing_is_fitted(model: SourcedModel) -> None:
    assert "calcium_oscillation" in model_names()
    assert check_sourced_model(model) == ()
    assert model.fit_status == "nothing fitted"
    assert fit_is_current(model)


def test_every_source_is_in_the_bibliography(model: SourcedModel) -> None:
    known = set(load_bibliography(library_folder() / "references.bib"))
    for parameter in model.parameters.values():
        assert set(parameter.sourced.source) <= known


def test_it_shares_the_numbers_of_the_t_cell_model(model: SourcedModel) -> None:
    t_cell = load_model("t_cell")
    shared = {name for name in model.parameters if name.startswith("nfat.")}
    assert len(shared) == 10
    for name in shared:
        assert model.parameters[name].value == t_cell.parameters[name].value


def test_it_rests_without_a_stimulus_and_oscillates_with_one(model: SourcedModel) -> None:
    times = np.arange(0.0, 0.5, 2.0 / 3600.0)
    found = courses(model, times, stimulus_strength=np.array([0.0, 0.6, 1.0]))
    late = times > 0.2
    assert np.ptp(found["calcium"][0, late]) < 5.0
    assert found["calcium"][0, -1] < 150.0
    for row in found["calcium"][1:, late]:
        assert np.ptp(row) > 400.0
        ups = times[late][1:][(row[:-1] < 300.0) & (row[1:] >= 300.0)]
        periods = np.diff(ups) * 60.0
        assert (periods > 1.0).all()
        assert (periods < 3.0).all()
    assert (np.diff(found[NUCLEAR][:, -1]) > 0).all()


def test_calcium_can_be_held(model: SourcedModel) -> None:
    found = courses(model, np.array([0.0, 4.0]), stimulus_strength=0.0, calcium_held=np.array([200.0, 473.0]))
    assert found["calcium"][:, -1] == pytest.approx([200.0, 473.0])
    assert found[NUCLEAR][1, -1] > 10.0 * found[NUCLEAR][0, -1]


def test_a_model_without_a_culture_is_held_to_its_hours_only(model: SourcedModel) -> None:
    check_values(model, model.model.values, 10.0)
    with pytest.raises(RefusedError, match="hours"):
        check_values(model, model.model.values, 100.0)


def test_simulate_takes_it() -> None:
    result = run(SimulateRequest(model="calcium_oscillation", times="0:0.1:0.01", outputs=("calcium",)))
    assert result.as_dict()["status"] == "ok"


def test_there_is_nothing_to_calibrate(model: SourcedModel) -> None:
    with pytest.raises(RefusedError, match="t_cell"):
        run_calibrate(CalibrateRequest(model=model.name))


def test_a_compartment_without_a_source_is_found(model: SourcedModel) -> None:
    fewer = {name: p for name, p in model.parameters.items() if name != "nucleus"}
    with pytest.raises(InputError, match="nucleus"):
        check_sourced_model(replace(model, parameters=fewer))


def test_its_page_stands_without_a_diagram_or_observations(model: SourcedModel) -> None:
    account = account_for(model)
    assert account.observations["fit"] == ()
    keys = [section.key for section in model_sections(account)]
    assert "equations" in keys
    assert "pathway" not in keys
    assert all(path.exists() for path in library_inputs(model.name))
