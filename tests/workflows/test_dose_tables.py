"""NONMEM tables as doses of any model: units, compartments, infusions, steady state, resets, parameters over time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limus.kernel.errors import InputError, LimusError, UnitError
from limus.kernel.language import read_model
from limus.workflows.dose_tables import read_doses
from limus.workflows.simulate import SimulateRequest, run

MODEL = """
model two()
  unit substance = 1e-9 mole; unit time_unit = 60 second; unit volume = litre;
  compartment gut, blood; gut = 1; blood = 4;
  species depot in gut, drug in blood;
  depot = 0; drug = 0;
  absorption: depot => drug; gut*ka*depot;
  elimination: drug => ; blood*ke*drug;
  ka = 0.02; ke = 0.01;
end
"""
KE, BLOOD = 0.01, 4.0


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "two.ant"
    path.write_text(MODEL)
    return path


def drug(model: Path, table: str, times: str, **more: object) -> np.ndarray:
    path = model.with_name("doses.csv")
    path.write_text(table)
    request = SimulateRequest(model=str(model), times=times, doses=str(path), outputs=("drug",), **more)
    return run(request).species["drug"]


def test_a_bolus_into_a_numbered_species(model: Path) -> None:
    """CMT 2 is the second species; AMT is in the model's nmol and TIME in its minutes."""
    found = drug(model, "ID,TIME,AMT,CMT,DV\n1,0,8,2,.\n1,60,0,2,1\n", "1,60")
    np.testing.assert_allclose(found, 8 / BLOOD * np.exp(-KE * np.array([1.0, 60.0])), rtol=1e-7)


def test_units_that_are_named(model: Path) -> None:
    hours = drug(model, "ID,TIME,AMT,CMT,DV\n1,0,8,2,.\n1,1,4,2,.\n", "30,90", units=("TIME=h", "AMT=umol"))
    expected = 8e3 / BLOOD * np.exp(-KE * np.array([30.0, 90.0]))
    expected[1] += 4e3 / BLOOD * np.exp(-KE * 30.0)
    np.testing.assert_allclose(hours, expected, rtol=1e-7)


def test_an_infusion_and_further_doses(model: Path) -> None:
    found = drug(model, "ID,TIME,AMT,CMT,RATE,II,ADDL,DV\n1,0,8,2,2,100,1,.\n", "4,104")
    one = 2.0 / KE * (1 - np.exp(-KE * 4.0)) / BLOOD
    np.testing.assert_allclose(found, [one, one + one * np.exp(-KE * 100.0)], rtol=1e-7)


def test_steady_state_and_reset(model: Path) -> None:
    table = "ID,TIME,AMT,CMT,II,SS,EVID,DV\n1,0,8,2,100,1,1,.\n1,50,0,2,0,0,3,.\n1,70,8,2,0,0,4,.\n"
    found = drug(model, table, "10,50,60,80")
    steady = 8 / BLOOD / (1 - np.exp(-KE * 100.0))
    expected = [steady * np.exp(-0.1), steady * np.exp(-0.5), 0.0, 8 / BLOOD * np.exp(-0.1)]
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-12)


def test_a_row_that_only_resets_names_no_compartment(model: Path) -> None:
    found = drug(model, "ID,TIME,AMT,CMT,EVID,DV\n1,0,8,2,1,.\n1,50,0,0,3,.\n", "10,60")
    np.testing.assert_allclose(found, [8 / BLOOD * np.exp(-0.1), 0.0], rtol=1e-7, atol=1e-12)


def test_a_column_named_like_a_parameter_changes_it(model: Path) -> None:
    """Next observation backward: from the first row's time on, the second row's value."""
    table = "ID,TIME,AMT,CMT,DV,ke,WT\n1,0,8,2,.,0.01,70\n1,50,0,2,1,0.02,70\n1,100,0,2,1,0.01,70\n"
    path = model.with_name("doses.csv")
    path.write_text(table)
    result = run(SimulateRequest(model=str(model), times="50,100", doses=str(path), outputs=("drug",)))
    np.testing.assert_allclose(result.species["drug"], 2.0 * np.exp([-1.0, -1.5]), rtol=1e-7)
    assert any("WT" in warning for warning in result.warnings)


def test_the_start_is_the_tables_first_row(model: Path) -> None:
    found = drug(model, "ID,TIME,AMT,CMT,DV\n1,0,8,2,.\n", "60,120")
    np.testing.assert_allclose(found, 2.0 * np.exp([-0.6, -1.2]), rtol=1e-7)


def test_one_of_several_subjects(model: Path) -> None:
    table = "ID,TIME,AMT,CMT,DV\nA,0,8,2,.\nB,0,16,2,.\n"
    with pytest.raises(InputError, match="choose one with --id"):
        drug(model, table, "10")
    np.testing.assert_allclose(drug(model, table, "10", subject="B"), 4.0 * np.exp(-0.1), rtol=1e-7)


def test_parquet_is_read_too(model: Path, tmp_path: Path) -> None:
    from limus.kernel.tables import Table, write_parquet

    columns = {"ID": [1.0], "TIME": [0.0], "AMT": [8.0], "CMT": [2.0], "DV": [np.nan]}
    path = write_parquet(Table.create(columns), tmp_path / "doses.parquet")
    given = read_doses(path, read_model(model))
    assert given.treatment.doses.targets == ("drug",)
    assert given.start == 0.0


def test_a_library_model_by_mass(tmp_path: Path) -> None:
    path = tmp_path / "doses.csv"
    species = "tacrolimus.medium"
    from limus.signalling.model_library import load_model

    model = load_model("t_cell").model
    number = [one.name for one in model.species].index(species) + 1
    path.write_text(f"ID,TIME,AMT,CMT,DV\n1,0,0.804031,{number},.\n")
    given = read_doses(path, model, units=("AMT=mg",))
    assert given.treatment.doses.targets == (species,)
    from limus.kernel.units import convert

    assert convert(float(given.treatment.doses.amount[0]), model.units.substance, "umol") == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("table", "more", "said"),
    [
        ("ID,TIME,AMT,CMT,DV\n1,0,8,7,.\n", {}, "1 depot, 2 drug"),
        ("ID,TIME,AMT,DV\n1,0,8,.\n", {}, "1 depot, 2 drug"),
        ("ID,TIME,AMT,CMT,DV\n1,0,8,2,.\n", {"units": ("DV=nM",)}, "AMT= or TIME="),
        ("ID,TIME,AMT,CMT,DV\n1,0,8,2,.\n", {"units": ("AMT=mg",)}, "molar mass"),
        ("ID,TIME,AMT,CMT,DV\n1,0,8,2,.\n", {"subject": "4"}, "ID"),
        ("ID,TIME,AMT,CMT,RATE,SS,EVID,DV\n1,0,0,2,3,1,1,.\n", {}, "constant infusion"),
        ("ID,TIME,AMT,CMT,RATE,DV\n1,0,8,2,-2,.\n", {}, "duration"),
        ("ID,time,AMT,CMT,DV\n1,0,8,2,.\n", {}, "time"),
        ("time_h,target,amount,unit\n0,drug,8,nmol\n", {"units": ("AMT=ug",)}, "--unit"),
        ("time_h,target,amount,unit\n0,drug,8,nmol\n", {"subject": "1"}, "--id"),
    ],
)
def test_what_is_wrong_is_said(model: Path, table: str, more: dict, said: str) -> None:
    with pytest.raises(LimusError, match=said):
        drug(model, table, "10", **more)


def test_options_of_a_table_without_one(model: Path) -> None:
    with pytest.raises(InputError, match="--unit"):
        run(SimulateRequest(model=str(model), times="0,1", units=("AMT=ug",)))


def test_a_model_without_units_takes_plain_numbers(tmp_path: Path) -> None:
    path = tmp_path / "plain.ant"
    path.write_text("model plain()\n  compartment c = 2;\n  species A in c = 0;\n  R: A => ; c*0.5*A;\nend\n")
    np.testing.assert_allclose(
        run(_plain(path, "ID,TIME,AMT,DV\n1,0,4,.\n")).species["A"], 2.0 * np.exp(-0.5), rtol=1e-7
    )
    with pytest.raises(UnitError, match="declares its unit of substance"):
        run(_plain(path, "ID,TIME,AMT,DV\n1,0,4,.\n", "AMT=mg"))


def _plain(model: Path, table: str, *units: str) -> SimulateRequest:
    path = model.with_name("doses.csv")
    path.write_text(table)
    return SimulateRequest(model=str(model), times="1", doses=str(path), units=units, outputs=("A",))
