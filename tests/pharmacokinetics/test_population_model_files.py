"""Reading population models: the library's, a user's, and files that are wrong."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest

from limus.kernel.errors import FileReadError, ModelError, UnknownNameError
from limus.kernel.tables import library_folder
from limus.pharmacokinetics.population_model.library import (
    load_population_model,
    models_not_shipped,
    population_model_names,
)
from limus.pharmacokinetics.population_model.record import PopulationModel, with_residual

from .own_models import blocks, write_own_model

COMPLETE = {  # named complete in the notes of the reference table
    "Woillard_2011",
    "Andrews_2019",
    "Storset_2014",
    "Monchaud_2012",
    "Han_2013_preDose",
    "Press_2010",
    "Umpierrez_2021",
    "deWit_2016",
    "TerHeine_2018",
    "Kovarik_2001",
    "Golubovic_2019",
    "Jiao_2009",
    "vanHest_2005",
}


def test_every_complete_model_is_shipped_and_the_others_have_a_reason() -> None:
    assert set(population_model_names()) == COMPLETE
    left_out = models_not_shipped()
    assert len(left_out) == 9
    assert not {model.name for model in left_out} & COMPLETE
    assert all(model.reason for model in left_out)


@pytest.mark.parametrize("name", sorted(COMPLETE))
def test_a_file_bears_its_models_name(name: str) -> None:
    model = load_population_model(name)
    assert model.name == model.path.stem == model.model.name == name
    assert len(model.content_hash) == 64


def _numbers(model: PopulationModel) -> list[float]:
    """Every number that the file prints."""
    sourced = list(model.values.values())
    for effects in (model.between_subject, model.between_occasion):
        sourced += [p.sourced for p in effects.printed] + [c.sourced for c in effects.correlations]
    for residual in (model.residual, *model.residual_alternatives.values()):
        sourced += [value for value, _ in residual.printed.values()]
    values = [float(value.value) for value in sourced if value.value is not None]
    return values + [v / 100 for v, s in zip(values, sourced, strict=True) if s.unit == "percent"]


def test_the_files_hold_every_number_of_the_reference_table(reference_data: Path) -> None:
    """``poppk_models.csv`` was gathered before the files were written; a row is a number with its name."""
    kinds = {"typical", "covariate", "IIV", "IOV", "residual"}
    checked = 0
    with (reference_data.parent / "poppk_models.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            try:
                value = float(row["value"])
            except ValueError:
                continue
            if row["model"] in COMPLETE and row["kind"] in kinds:
                known = _numbers(load_population_model(row["model"]))
                assert any(math.isclose(abs(value), abs(other), rel_tol=1e-9) for other in known), row
                checked += 1
    assert checked > 100


def test_an_unknown_name_is_an_error_with_near_names_or_the_reason() -> None:
    with pytest.raises(UnknownNameError, match="Woillard_2011"):
        load_population_model("Woillard2011")
    with pytest.raises(UnknownNameError, match="is not shipped: every number is recalled"):
        load_population_model("moes_2012")


def test_the_example_of_the_document_loads(tmp_path: Path) -> None:
    model = load_population_model(str(write_own_model(tmp_path)))
    assert model.values["CL_typical"].source == ("own_2026",)
    assert model.values["ka_typical"].source == ()
    assert model.bibliography["own_2026"].title == "An example"
    assert model.between_subject.covariance[0, 0] == pytest.approx(math.log(1.09))
    assert model.between_subject.covariance[0, 1] == pytest.approx(0.4 * math.sqrt(math.log(1.09) * 0.2))
    assert not model.between_subject.covariance.flags.writeable
    assert model.outputs == ("concentration", "ka", "CL", "Vc")


def test_python_of_the_document_runs() -> None:
    (code,) = blocks("python")
    names: dict[str, object] = {}
    exec(compile(code, "docs/population_models.md", "exec"), names)
    assert names["findings"]
    assert all(str(f.severity) == "note" for f in names["findings"])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title =", "titel =", "did you mean title"),
        ('meaning = "body weight"', 'meening = "body weight"', "covariates.WT.meening.*did you mean meaning"),
        ('given_as = "variance"', 'given_as = "wariance"', "variance"),
        ("additive = {", "additiv = {", "residual.additiv.*did you mean additive"),
        ('allowed = ["kidney"]', 'alowed = ["kidney"]', r"limits\[2\].alowed.*did you mean allowed"),
        ('kind = "assumed", note = "fixed"', 'kind = "guessed", note = "fixed"', "values.ka_typical.kind"),
        ('value = 20.0, unit = "L/h"', "value = 20.0", "its unit"),
        ("value = 20.0", "value = inf", "finite"),
        ("lower = 45.0", "lower = 145.0", "lower below upper"),
        ('form = "combined"', 'form = "additive"', "no other part"),
        ('between = ["eta_CL", "eta_Vc"]', 'between = ["eta_CL", "kappa_CL"]', "two different random effects"),
        ("[typical.covariates]\nWT = 70.0", '[typical.covariates]\nWT = "70"', "typical.covariates.WT"),
        ("limus_population_model = 1", "limus_population_model = 2", "limus_population_model"),
        ("[units]", "[units", "TOML"),
    ],
)
def test_a_wrong_file_is_an_error_that_names_the_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write_own_model(tmp_path, numbers={old: new})
    with pytest.raises(FileReadError, match=message) as caught:
        load_population_model(str(path))
    assert str(path) in caught.value.where


def test_missing_files_and_wrong_equations_are_errors(tmp_path: Path) -> None:
    with pytest.raises(FileReadError, match=r"nowhere\.toml"):
        load_population_model(str(tmp_path / "nowhere.toml"))
    path = write_own_model(tmp_path, equations={"ka := ka_typical;": "ka := ka_typical*;"})
    with pytest.raises(ModelError):
        load_population_model(str(path))
    path.with_suffix(".ant").unlink()
    with pytest.raises(FileReadError, match=r"own_drug\.ant"):
        load_population_model(str(path))


def test_an_alternative_residual_error_is_chosen_by_name() -> None:
    model = load_population_model("Andrews_2019")
    assert with_residual(model, "immunoassay").residual.additive == 0.88
    with pytest.raises(UnknownNameError, match="immunoassay"):
        with_residual(model, "imunoassay")


def test_the_library_holds_pairs_of_files() -> None:
    folder = library_folder() / "population_models"
    assert {p.stem for p in folder.glob("*.ant")} == {p.stem for p in folder.glob("*.toml")} == COMPLETE
    for path in folder.glob("*.ant"):
        assert path.read_text(encoding="utf-8").isascii()
