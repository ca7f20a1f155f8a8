"""Files of events are told apart by their variables and read under a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limus.kernel.errors import FileReadError, InputError, UnknownNameError
from limus.pharmacokinetics.event_table.read import event_table_from_arrays
from limus.pharmacokinetics.event_table.units import TableUnits
from limus.pharmacokinetics.exchange.adppk import adppk_of
from limus.pharmacokinetics.exchange.event_files import kind_of_file
from limus.pharmacokinetics.exchange.xpt import write_dataset
from limus.pharmacokinetics.model_table import read_table_for_model
from limus.pharmacokinetics.population_model.library import load_population_model

EX = (
    "USUBJID,EXTRT,EXDOSE,EXDOSU,EXDOSFRQ,EXROUTE,EXSTDTC,EXENDTC\n"
    "P-1,{treatment},2,mg,BID,ORAL,2024-03-01T08:00,2024-03-03T20:00\n"
)
PC = "USUBJID,PCTESTCD,PCSTRESN,PCSTRESU,PCDTC\nP-1,TAC,0.0051,mg/L,2024-03-02T08:00\n"
DM = "USUBJID,HCT,EXPRESSION,immediate_release\nP-1,33,0,1\n"


def put(folder: Path, **texts: str) -> list[Path]:
    paths = [folder / f"{name}.csv" for name in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        path.write_text(text)
    return paths


def test_each_kind_is_recognised(tmp_path: Path) -> None:
    ex, pc, dm, nonmem = put(
        tmp_path, ex=EX.format(treatment="TACROLIMUS"), pc=PC, dm=DM, nm="# a comment\nID;TIME;AMT;DV\n1;0;2;.\n"
    )
    assert [kind_of_file(path) for path in (ex, pc, dm, nonmem)] == ["ex", "pc", "subjects", "nonmem"]
    assert kind_of_file(tmp_path / "made.parquet") == "nonmem"
    table = event_table_from_arrays(
        {"ID": [1], "TIME": [0], "AMT": [2], "DV": [np.nan]}, units=TableUnits("mg", "ng/mL")
    )
    path = write_dataset(adppk_of(table, study="S", analyte="TAC"), tmp_path / "adppk.xpt")
    assert kind_of_file(path) == "adppk"
    with pytest.raises(FileReadError, match="no such file"):
        kind_of_file(tmp_path / "none.xpt")
    with pytest.raises(FileReadError, match=r"none\.csv"):
        kind_of_file(tmp_path / "none.csv")


def test_sdtm_becomes_a_table_in_the_models_units(tmp_path: Path) -> None:
    paths = put(tmp_path, pc=PC, dm=DM, ex=EX.format(treatment="TACROLIMUS"))
    table = read_table_for_model(load_population_model("Woillard_2011"), paths)
    assert table.subjects == ("P-1",)
    assert table.doses.additional.tolist() == [5]
    assert table.observations.value.tolist() == pytest.approx([5.1])  # mg/L to ng/mL
    assert table.records.names == ("HCT", "CYP3A5_expresser", "immediate_release")


def test_adppk_is_read_with_the_units_that_it_states(tmp_path: Path) -> None:
    columns = {"ID": [1, 1], "TIME": [0, 12], "AMT": [2, 0], "DV": [np.nan, 5.1], "HCT": [33, 33]}
    columns |= {"EXPRESSION": [0, 0], "IR": [1, 1]}
    table = event_table_from_arrays(columns, units=TableUnits("mg", "ug/L"))
    names = {"EXPRESSION": "EXPRESS", "IR": "IR"}
    path = write_dataset(adppk_of(table, study="S", analyte="TAC", names=names), tmp_path / "adppk.xpt")
    settings = {"EXPRESSION": 0.0, "immediate_release": 1.0}
    found = read_table_for_model(load_population_model("Woillard_2011"), path, settings=settings)
    assert found.concentration_unit == "ng/mL"
    assert found.observations.value.tolist() == pytest.approx([5.1])
    assert found.doses.amount_mg.tolist() == [2.0]


@pytest.mark.parametrize(
    ("names", "options", "said"),
    [
        (("pc",), {}, "PC"),
        (("ex", "ex2"), {}, "one NONMEM table"),
        (("ex", "nm"), {}, "NONMEM event table"),
        (("ex", "pc", "dm"), {"units": ("AMT=ug",)}, "carry them with each value"),
        (("ex", "pc", "dm"), {"choices": {"EXTRTT": "X"}}, "did you mean EXTRT"),
        (("nm",), {"choices": {"EXTRT": "X"}}, "with EX and PC"),
    ],
)
def test_what_does_not_belong_together_is_refused(
    tmp_path: Path, names: tuple[str, ...], options: dict, said: str
) -> None:
    ex = EX.format(treatment="TACROLIMUS")
    put(tmp_path, ex=ex, ex2=ex, pc=PC, dm=DM, nm="ID,TIME,AMT,DV\n1,0,2,.\n")
    with pytest.raises(InputError, match=said):
        read_table_for_model(
            load_population_model("Woillard_2011"), [tmp_path / f"{name}.csv" for name in names], **options
        )


def test_one_of_several_treatments_is_taken(tmp_path: Path) -> None:
    two = EX.format(treatment="TACROLIMUS") + EX.format(treatment="PLACEBO").split("\n", 1)[1]
    paths = put(tmp_path, ex=two, pc=PC, dm=DM)
    model = load_population_model("Woillard_2011")
    with pytest.raises(InputError, match="one treatment"):
        read_table_for_model(model, paths)
    assert len(read_table_for_model(model, paths, choices={"EXTRT": "TACROLIMUS"}).doses) == 1


def test_settings_stand_for_columns_and_unknown_ones_are_refused(tmp_path: Path) -> None:
    (path,) = put(tmp_path, nm="ID,TIME,AMT,DV,HCT,EXPRESSION,immediate_release\n1,0,2,.,50,0,1\n")
    model = load_population_model("Woillard_2011")
    table = read_table_for_model(model, path, settings={"HEMATOCRIT": 30.0, "organ": "kidney"})
    assert table.records.values[0, 0] == 30.0
    with pytest.raises(UnknownNameError, match="did you mean HCT"):
        read_table_for_model(model, path, settings={"HCTT": 30.0})
    with pytest.raises(InputError, match="a number in percent"):
        read_table_for_model(model, path, settings={"HCT": "high"})
