"""The analytic Jacobian against central differences, on the T-cell model and on models of BioModels."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from limus.kernel.errors import LimusError, UnsupportedFeatureError
from limus.kernel.language import Model, derivative, derivatives_at, read_model, read_model_text
from limus.kernel.simulation import compile_model
from limus.kernel.simulation.equations import state_symbol


def largest_error(model: Model) -> float:
    """Largest difference, relative to the row's scale, at three states between 0.5 and 1.5 of the initial one."""
    compiled = compile_model(model)
    p = [1.0 if np.isnan(value) else float(value) for value in compiled.defaults]
    start = np.array(compiled.evaluate("initial", 0.0, [], p))
    generator = np.random.default_rng(7)
    worst = 0.0
    for _ in range(3):
        y = (np.abs(start) + 0.1 * np.max(np.abs(start), initial=1e-3)) * generator.uniform(0.5, 1.5, len(start))
        exact = np.zeros((len(y), len(y)))
        for (i, j), value in zip(
            compiled.jacobian_places, compiled.evaluate("jacobian", 0.3, y.tolist(), p), strict=True
        ):
            exact[i, j] = value
        numeric = np.zeros_like(exact)
        for j in range(len(y)):
            step = 1e-5 * y[j]
            sides = [
                np.array(compiled.evaluate("derivatives", 0.3, (y + sign * step * np.eye(len(y))[j]).tolist(), p))
                for sign in (1, -1)
            ]
            numeric[:, j] = (sides[0] - sides[1]) / (2 * step)
        rate = np.abs(np.array(compiled.evaluate("derivatives", 0.3, y.tolist(), p)))
        # what rounding of the rate can do to a difference quotient, beside the quotient's own size
        scale = np.abs(exact) + np.abs(numeric) + (rate + np.abs(exact * y).max(axis=1))[:, None] / y[None, :] * 1e-4
        difference = np.abs(exact - numeric)[scale > 0] / scale[scale > 0]
        worst = max(worst, float(np.max(difference, initial=0.0)))
    return worst


def test_entries_that_share_their_work_are_the_derivatives() -> None:
    from limus.signalling.model_library import load_model

    system = compile_model(load_model("t_cell").model).system
    names = [state_symbol(name) for name in system.states]
    places = [(i, j) for i in range(len(names)) for j in range(len(names))]
    entries = derivatives_at(system.derivatives, names, places)
    assert entries == [derivative(system.derivatives[i], names[j]) for i, j in places]


def test_the_t_cell_model() -> None:
    from limus.signalling.model_library import load_model

    loaded = load_model("t_cell")
    assert largest_error(loaded if isinstance(loaded, Model) else loaded.model) < 1e-5


def test_biomodels(reference_data: Path) -> None:
    refused, checked = [], 0
    for file in sorted((reference_data / "biomodels").rglob("*.xml")):
        try:
            model = read_model(file)
            compile_model(model)
        except UnsupportedFeatureError as error:
            refused.append(f"{file.name}: {error.got}")
            continue
        except LimusError as error:
            pytest.fail(f"{file.name}: {error}")
        assert largest_error(model) < 1e-5, file.name
        checked += 1
    assert checked >= 1, refused


def test_a_copy_of_a_model_does_not_write_its_functions_again(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "model m() y = 1; k = 2; y' = -k*y^2; end"
    compiled = compile_model(read_model_text(text, language="antimony"), ["y"])
    first = compiled.evaluate("jacobian", 0.0, [0.5], [1.0, 2.0])
    sent = pickle.dumps(compiled)
    monkeypatch.setattr(sys.modules["limus.kernel.simulation.compiled"], "write_function", None)
    copy = pickle.loads(sent)
    assert copy.evaluate("jacobian", 0.0, [0.5], [1.0, 2.0]) == first
    assert copy.key == compiled.key
