"""CDISC: EX and PC in, ADPPK out and in, ADPP out, as transport files and CSV."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from limus.kernel.checks import Severity
from limus.kernel.errors import FileReadError, InputError, OutputError, UnitError, ValueRangeError
from limus.kernel.tables import Column, Table, write_csv
from limus.pharmacokinetics.event_table.error import EventTableError
from limus.pharmacokinetics.event_table.read import event_table_from_arrays
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.event_table.units import TableUnits
from limus.pharmacokinetics.exchange.adpp import ADPP_LABELS, adpp_of
from limus.pharmacokinetics.exchange.adppk import ADPPK_LABELS, adppk_of
from limus.pharmacokinetics.exchange.adppk_read import read_adppk
from limus.pharmacokinetics.exchange.cdisc import read_sdtm
from limus.pharmacokinetics.exchange.dates import read_moment
from limus.pharmacokinetics.exchange.xpt import Dataset, read_dataset, write_dataset

NAN = float("nan")
EX = {
    "STUDYID": "S1",
    "DOMAIN": "EX",
    "USUBJID": "S1-01",
    "EXTRT": "TACROLIMUS",
    "EXDOSE": 5.0,
    "EXDOSU": "mg",
    "EXDOSFRQ": "BID",
    "EXROUTE": "ORAL",
    "EXSTDTC": "2024-03-05T08:00",
    "EXENDTC": "2024-03-07T20:00",
}
PC = {
    "USUBJID": "S1-01",
    "PCTESTCD": "TACRO",
    "PCORRES": "8.1",
    "PCORRESU": "ng/mL",
    "PCSTRESC": "8.1",
    "PCSTRESN": 8.1,
    "PCSTRESU": "ng/mL",
    "PCSPEC": "WHOLE BLOOD",
    "PCLLOQ": 1.0,
    "PCSTAT": "",
    "PCDTC": "2024-03-06T07:45",
}


def rows(base: dict[str, object], *changes: dict[str, object]) -> Table:
    return Table.from_rows([base | change for change in changes] or [base])


def put(folder: Path, ex: Table, pc: Table, ending: str = "csv") -> tuple[Path, Path]:
    return (
        write_dataset(Dataset("EX", "Exposure", ex, {}), folder / f"ex.{ending}"),
        write_dataset(Dataset("PC", "Pharmacokinetic Concentrations", pc, {}), folder / f"pc.{ending}"),
    )


def sdtm(folder: Path, ex: Table, pc: Table, **options: object) -> EventTable:
    return read_sdtm(*put(folder, ex, pc), concentration="ng/mL", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("ending", ["csv", "xpt"])
def test_ex_and_pc_become_an_event_table(tmp_path: Path, ending: str) -> None:
    ex = rows(
        EX,
        {},
        {"EXSTDTC": "2024-03-08T08:00", "EXENDTC": "", "EXDOSE": 4000, "EXDOSU": "ug"},
        {"USUBJID": "S1-02", "EXROUTE": "INTRAVENOUS", "EXDOSFRQ": "ONCE", "EXENDTC": "2024-03-05T10:00"},
        {"USUBJID": "S1-02", "EXDOSE": 0.0},
    )
    pc = rows(
        PC,
        {},
        {"PCDTC": "2024-03-08T07:45", "PCSTRESN": NAN, "PCSTRESC": "<1.0", "PCORRES": "<1.0"},
        {"USUBJID": "S1-02", "PCDTC": "2024-03-05T07:30:00", "PCSTRESN": NAN, "PCSTRESC": "BLQ"},
        {"USUBJID": "S1-02", "PCDTC": "2024-03-05T10:00", "PCSTRESN": 20.0, "PCSTRESU": "ug/L"},
        {"USUBJID": "S1-02", "PCSTAT": "NOT DONE", "PCSTRESN": NAN, "PCSTRESC": "", "PCORRES": ""},
    )
    events = read_sdtm(
        *put(tmp_path, ex, pc, ending), concentration="ng/mL", compartment_of_route={"ORAL": 1, "INTRAVENOUS": 2}
    )
    assert events.subjects == ("S1-01", "S1-02")
    doses, levels = events.doses, events.observations
    assert doses.time_h.tolist() == [0.0, 72.0, 0.5]
    assert doses.amount_mg.tolist() == [5.0, 4.0, 5.0]
    assert doses.additional.tolist() == [5, 0, 0]
    assert doses.interval_h.tolist() == [12.0, 0.0, 0.0]
    assert doses.duration_h.tolist() == [0.0, 0.0, 2.0]
    assert doses.compartment.tolist() == [1, 1, 2]
    assert levels.time_h.tolist() == [23.75, 71.75, 0.0, 2.5]
    assert levels.censored.tolist() == [False, True, True, False]
    assert levels.value[[0, 3]] == pytest.approx([8.1, 20.0])
    assert np.isnan(levels.value[1:3]).all()
    assert levels.limit == pytest.approx([1.0, 1.0, 1.0, 1.0])
    said = {finding.check: finding.got for finding in events.findings}
    assert said["doses-of-zero"] == "1 rows with EXDOSE 0"
    assert said["not-done"] == "1 samples not taken"


@pytest.mark.parametrize(
    ("change", "additional", "interval"),
    [
        ({"EXDOSFRQ": "QD", "EXENDTC": "2024-03-07"}, 2, 24.0),
        ({"EXDOSFRQ": "BID", "EXENDTC": "2024-03-07"}, 5, 12.0),
        ({"EXDOSFRQ": "Q8H", "EXENDTC": "2024-03-06T08:00"}, 3, 8.0),
        ({"EXDOSFRQ": "Q2D", "EXENDTC": "2024-03-09"}, 2, 48.0),
        ({"EXDOSFRQ": "QD", "EXENDTC": "2024-03-05"}, 0, 0.0),
        ({"EXDOSFRQ": "", "EXENDTC": "2024-03-05"}, 0, 0.0),
        ({"EXDOSFRQ": "", "EXENDTC": "2024-03-05T08:00"}, 0, 0.0),
    ],
)
def test_frequencies(tmp_path: Path, change: dict[str, object], additional: int, interval: float) -> None:
    doses = sdtm(tmp_path, rows(EX, change), rows(PC)).doses
    assert (doses.additional.tolist(), doses.interval_h.tolist()) == ([additional], [interval])


@pytest.mark.parametrize(
    ("check", "ex", "pc", "words"),
    [
        ("dose-there", {"EXDOSE": NAN}, {}, ["row 1", "S1-01", "EXDOSE", "missing"]),
        ("dose-unit", {"EXDOSU": "TABLET"}, {}, ["TABLET", "unit of mass"]),
        ("dose-unit", {"EXDOSU": "mg/kg"}, {}, ["mg/kg"]),
        ("start-there", {"EXSTDTC": "2024-03"}, {}, ["EXSTDTC", "2024-03"]),
        ("start-there", {"EXSTDTC": ""}, {}, ["missing"]),
        ("start-has-time", {"EXSTDTC": "2024-03-05"}, {}, ["time of day"]),
        ("end-there", {"EXENDTC": "2024-03"}, {}, ["EXENDTC"]),
        ("end-after-start", {"EXENDTC": "2024-03-04T08:00"}, {}, ["not before EXSTDTC"]),
        ("frequency-known", {"EXDOSFRQ": "PRN"}, {}, ["PRN", "BID", "one row for each dose"]),
        ("one-meaning", {"EXDOSFRQ": ""}, {}, ["one dose, or a frequency"]),
        ("sample-time", {}, {"PCDTC": "2024-03-06"}, ["PCDTC", "2024-03-06"]),
        ("result-there", {}, {"PCSTRESN": NAN, "PCSTRESC": "clotted"}, ["clotted", "NOT DONE"]),
        ("limit-there", {}, {"PCSTRESN": NAN, "PCSTRESC": "BLQ", "PCLLOQ": NAN}, ["PCLLOQ", "BLQ"]),
        ("result-unit", {}, {"PCSTRESU": "mg"}, ["PCSTRESU"]),
        ("result-unit", {}, {"PCSTRESU": "nmol/L"}, ["molar mass"]),
        ("one-clock", {"EXSTDTC": "2024-03-05T08:00Z", "EXENDTC": ""}, {}, ["with and without a zone"]),
    ],
)
def test_rows_that_cannot_be_placed(
    tmp_path: Path, check: str, ex: dict[str, object], pc: dict[str, object], words: list[str]
) -> None:
    with pytest.raises(EventTableError) as caught:
        sdtm(tmp_path, rows(EX, ex), rows(PC, pc))
    assert [finding.check for finding in caught.value.errors] == [check]
    for word in words:
        assert word in caught.value.message


def test_errors_of_both_domains_come_together(tmp_path: Path) -> None:
    with pytest.raises(EventTableError) as caught:
        sdtm(tmp_path, rows(EX, {"EXDOSU": "TABLET"}), rows(PC, {"PCDTC": ""}))
    assert [finding.check for finding in caught.value.errors] == ["dose-unit", "sample-time"]


def test_one_treatment_analyte_and_specimen_are_chosen(tmp_path: Path) -> None:
    ex = rows(EX, {}, {"EXTRT": "SIROLIMUS"})
    pc = rows(PC, {}, {"PCSPEC": "PLASMA", "PCSTRESN": 1.5}, {"PCTESTCD": "SIRO"})
    with pytest.raises(EventTableError, match="SIROLIMUS, TACROLIMUS"):
        sdtm(tmp_path, ex, pc)
    with pytest.raises(EventTableError, match="PCTESTCD"):
        sdtm(tmp_path, ex, pc, treatment="TACROLIMUS")
    with pytest.raises(EventTableError, match="PCSPEC"):
        sdtm(tmp_path, ex, pc, treatment="TACROLIMUS", analyte="TACRO")
    with pytest.raises(EventTableError, match="EVEROLIMUS"):
        sdtm(tmp_path, ex, pc, treatment="EVEROLIMUS")
    events = sdtm(tmp_path, ex, pc, treatment="TACROLIMUS", analyte="TACRO", specimen="PLASMA")
    assert events.observations.value.tolist() == [1.5]


def test_a_time_of_day_may_be_stated_and_is_said(tmp_path: Path) -> None:
    events = sdtm(tmp_path, rows(EX, {"EXSTDTC": "2024-03-05", "EXENDTC": "2024-03-06"}), rows(PC), time_of_day_h=8.0)
    assert events.doses.additional.tolist() == [3]
    assert events.observations.time_h.tolist() == [23.75]
    assert any(f.check == "time-of-day" and f.severity is Severity.WARNING for f in events.findings)


def test_routes_without_a_compartment_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EventTableError, match="ORAL"):
        sdtm(tmp_path, rows(EX), rows(PC), compartment_of_route={"INTRAVENOUS": 2})


def test_covariates_by_subject(tmp_path: Path) -> None:
    subjects = Table.create({"USUBJID": ["S1-01", "S1-09"], "WTBL": ["70.5", "60"], "SEX": ["F", "M"]})
    path = write_csv(subjects, tmp_path / "adsl.csv")
    events = sdtm(tmp_path, rows(EX), rows(PC), subjects=path)
    assert events.records.names == ("WTBL",)
    assert events.records.values[:, 0].tolist() == [70.5, 70.5]
    other = sdtm(tmp_path, rows(EX, {}, {"USUBJID": "S1-02"}), rows(PC), subjects=path)
    assert np.isnan(other.records.values[-1, 0])
    assert any("S1-02" in f.got for f in other.findings if f.check == "subject-known")
    write_csv(Table.create({"USUBJID": ["S1-01", "S1-01"], "WTBL": [1, 2]}), path)
    with pytest.raises(EventTableError, match="a subject twice"):
        sdtm(tmp_path, rows(EX), rows(PC), subjects=path)


def test_moments() -> None:
    assert read_moment("2024-03-05T08:30:36").hours - read_moment("2024-03-05").hours == pytest.approx(8.51)  # type: ignore[union-attr]
    assert read_moment("2024-03-05T08:00+02:00").hours == read_moment("2024-03-05T06:00Z").hours  # type: ignore[union-attr]
    for text in ("", "2024", "2024-13-01", "05/03/2024", "2024-03-05T25:00", "2024-03-05T"):
        assert read_moment(text) is None


def sample() -> EventTable:
    return event_table_from_arrays(
        {
            "ID": ["S1-01"] * 4 + ["S1-02"] * 3,
            "TIME": [0, 12, 12, 30, 0, 2, 4],
            "AMT": [5, 0, 5, 0, 10, 0, 0],
            "EVID": [1, 0, 1, 0, 1, 0, 0],
            "II": [0, 0, 12, 0, 0, 0, 0],
            "ADDL": [0, 0, 1, 0, 0, 0, 0],
            "DUR": [0, 0, 0, 0, 2, 0, 0],
            "CMT": [1, 2, 1, 2, 2, 2, 2],
            "DV": [NAN, 8.1, NAN, NAN, NAN, 20.25, NAN],
            "MDV": [1, 0, 1, 0, 1, 0, 1],
            "BLQ": [NAN, 0, NAN, 1, NAN, 0, 0],
            "LLOQ": [NAN, 1, NAN, 1, NAN, 1, 1],
            "OCC": [1, 1, 2, 2, 1, 1, 1],
            "WT": [70, 70, 71, 71, 60, 60, 60],
        },
        units=TableUnits("mg", "ng/mL"),
    )


def test_adppk_follows_the_guide() -> None:
    people = {"SEX": ["F", "M"], "RACE": ["WHITE", "ASIAN"]}
    made = adppk_of(sample(), study="S1", analyte="TACROLIMUS", subjects=people)
    table = made.table
    # required by the guide: STUDYID, USUBJID, USUBJIDN, AFRLT, EVID, DV, MDV, AMT, SEX, RACE
    for name in ("STUDYID", "USUBJID", "USUBJIDN", "AFRLT", "EVID", "DV", "MDV", "AMT", "SEX", "RACE"):
        assert name in table.names
    assert all(len(label) <= 40 for label in made.labels.values())
    assert all(len(name) <= 8 for name in ADPPK_LABELS)
    assert table["AFRLT"].tolist() == [0, 12, 12, 30, 0, 2, 4]
    assert table["APRLT"].tolist() == [0, 12, 0, 6, 0, 2, 4]
    assert table["DOSEA"].tolist() == [5, 5, 5, 5, 10, 10, 10]
    assert np.array_equal(table["DV"], table["AVAL"], equal_nan=True)
    dose = table["EVID"] == 1
    assert np.isnan(table["AMT"][~dose]).all()
    assert (table["MDV"][dose] == 1).all()
    assert (table["MDV"] == np.isnan(table["DV"])).all()
    assert table["BLQFL"].tolist() == ["", "N", "", "Y", "", "N", "N"]
    assert table["RATE"][4] == table["AMT"][4] / table["DOSEDUR"][4]
    assert table["SEX"].tolist() == ["F"] * 4 + ["M"] * 3
    assert table["DVID"].tolist() == ["DOSE", "TACROLIMUS", "DOSE", "TACROLIMUS", "DOSE", "TACROLIMUS", "TACROLIMUS"]
    assert made.findings == ()
    planned = [0, 12, 12, 24, 0, 2, 4]
    assert adppk_of(sample(), study="S1", analyte="X", nominal_h=planned).table["NFRLT"].tolist() == planned
    with pytest.raises(ValueRangeError, match="NFRLT"):
        adppk_of(sample(), study="S1", analyte="X", nominal_h=[0])
    bare = adppk_of(sample(), study="S1", analyte="TACROLIMUS")
    assert [f.got for f in bare.findings if f.check == "adppk-required"] == ["no SEX", "no RACE"]


@pytest.mark.parametrize("ending", ["xpt", "csv"])
def test_adppk_round_trip(tmp_path: Path, ending: str) -> None:
    events = sample()
    made = adppk_of(events, study="S1", analyte="TACROLIMUS")
    path = write_dataset(made, tmp_path / f"adppk.{ending}")
    back = read_adppk(path, units=None if ending == "xpt" else TableUnits("mg", "ng/mL"))
    for part in ("doses", "observations"):
        for name in ("time_h", "compartment", "occasion"):
            assert getattr(getattr(back, part), name).tolist() == getattr(getattr(events, part), name).tolist()
    for name in ("amount_mg", "interval_h", "additional", "duration_h", "rate_mg_per_h"):
        assert getattr(back.doses, name).tolist() == getattr(events.doses, name).tolist()
    for name in ("value", "missing", "censored", "limit"):
        assert np.array_equal(getattr(back.observations, name), getattr(events.observations, name), equal_nan=True)
    assert back.subjects == events.subjects
    assert back.records.names == ("WT",)
    assert back.concentration_unit == "ng/mL"


def test_adppk_of_a_sample_before_the_first_dose(tmp_path: Path) -> None:
    events = event_table_from_arrays(
        {"ID": [1, 1, 1], "TIME": [0, 2, 14], "AMT": [0, 5, 0], "DV": [0.5, NAN, 7]}, units=TableUnits("mg", "ng/mL")
    )
    made = adppk_of(events, study="S1", analyte="X")
    assert made.table["AFRLT"].tolist() == [-2, 0, 12]
    assert made.table["DOSEA"].tolist() == [5, 5, 5]
    back = read_adppk(write_dataset(made, tmp_path / "adppk.xpt"))
    assert back.records.time_h.tolist() == [0, 2, 14]


def test_adppk_rows_that_are_excluded_or_not_copied_are_said(tmp_path: Path) -> None:
    made = adppk_of(sample(), study="S1", analyte="X")
    columns = dict(made.table.columns) | {"EXCLF": np.array([0, 1, 0, 0, 0, 0, 0.0])}
    columns["AVAL"] = columns["AVAL"] * 2
    path = write_csv(Table.create(columns), tmp_path / "adppk.csv")
    with pytest.raises(UnitError, match="AMT"):
        read_adppk(path)
    events = read_adppk(path, units=TableUnits("mg", "ng/mL"))
    assert len(events.observations) == 3
    said = {finding.check: finding.got for finding in events.findings}
    assert said["adppk-excluded"] == "1 rows with EXCLF: 2"
    assert said["adppk-copy"] == "2 rows on which AVAL is not DV"


def test_names_that_adppk_or_a_transport_file_cannot_hold(tmp_path: Path) -> None:
    columns = {"ID": [1], "TIME": [0], "AMT": [5], "Creatinine": [1.1]}
    events = event_table_from_arrays(columns, units=TableUnits("mg", "ng/mL"))
    with pytest.raises(OutputError, match="Creatinine"):
        write_dataset(adppk_of(events, study="S1", analyte="X"), tmp_path / "a.xpt")
    renamed = adppk_of(events, study="S1", analyte="X", names={"Creatinine": "CREAT"})
    assert write_dataset(renamed, tmp_path / "a.xpt").is_file()
    with pytest.raises(ValueRangeError, match="SEX"):
        adppk_of(events, study="S1", analyte="X", names={"Creatinine": "SEX"})
    with pytest.raises(ValueRangeError, match="2 values"):
        adppk_of(events, study="S1", analyte="X", subjects={"SEX": ["F", "M"]})


def test_transport_files_keep_numbers_texts_and_labels_exactly(tmp_path: Path) -> None:
    numbers = np.array([0.1, 1 / 3, -2.5e-7, 12345678901.0, NAN])
    table = Table.create({"X": numbers, "T": ["a", "", "it's", "x,y", "end"]})
    path = write_dataset(Dataset("DEMO", "A label", table, {"X": "A number"}), tmp_path / "demo.xpt")
    back, labels = read_dataset(path, (Column("X", number=True, blank=True), Column("T", blank=True)))
    assert np.array_equal(back["X"], numbers, equal_nan=True)
    assert back["T"].tolist() == table["T"].tolist()
    assert labels == {"X": "A number", "T": ""}
    # another program's reader of the same format, and the header record as SAS TS-140 prints it
    other = pd.read_sas(path, format="xport", encoding="ascii")
    assert np.array_equal(other["X"], numbers, equal_nan=True)
    assert other["T"].fillna("").tolist() == table["T"].tolist()
    assert path.read_bytes().startswith(b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!")


@pytest.mark.parametrize(
    ("dataset", "word"),
    [
        (Dataset("D", "", Table.create({"X": []}), {}), "no rows"),
        (Dataset("D", "", Table.create({"TOOLONGNAME": [1.0]}), {}), "TOOLONGNAME"),
        (Dataset("d", "", Table.create({"X": [1.0]}), {}), "1 to 8 capitals"),
        (Dataset("D", "", Table.create({"X": [1.0]}), {"X": "x" * 41}), "40 ASCII"),
        (Dataset("D", "", Table.create({"X": ["é"]}), {}), "200 ASCII"),
        (Dataset("D", "", Table.create({"X": ["x" * 201]}), {}), "200 ASCII"),
    ],
)
def test_what_version_5_cannot_hold(tmp_path: Path, dataset: Dataset, word: str) -> None:
    with pytest.raises(OutputError, match=word):
        write_dataset(dataset, tmp_path / "x.xpt")


def test_transport_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileReadError, match="no such file"):
        read_dataset(tmp_path / "none.xpt", ())
    (tmp_path / "bad.xpt").write_text("no transport file")
    with pytest.raises(FileReadError, match=r"bad\.xpt"):
        read_dataset(tmp_path / "bad.xpt", ())
    path = write_dataset(Dataset("D", "", Table.create({"X": [1.0]}), {}), tmp_path / "x.xpt")
    with pytest.raises(FileReadError, match="add Y"):
        read_dataset(path, (Column("Y"),))
    with pytest.raises(FileReadError, match="correct its type"):
        read_dataset(path, (Column("X"),))


def test_adpp_has_a_record_for_each_subject_interval_and_parameter(tmp_path: Path) -> None:
    exposure = Table.create(
        {
            "subject": ["S1-02", "S1-01", "S1-01"],
            "start_h": [0.0, 12.0, 0.0],
            "end_h": [12.0, 24.0, 12.0],
            "auc": [80.0, 120.5, 100.0],
            "cmax": [14.0, 21.0, 20.0],
            "tmax_h": [1.0, 1.5, 1.5],
            "trough": [4.0, math.nan, 5.0],
        }
    )
    made = adpp_of(exposure, study="S1", treatment="TACROLIMUS", specimen="BLOOD", concentration="ng/mL")
    table = made.table
    assert set(table.names) == set(ADPP_LABELS)
    assert len(table) == 12
    assert table["USUBJID"].tolist() == ["S1-02"] * 4 + ["S1-01"] * 8
    assert table["AVISITN"].tolist() == [1] * 8 + [2] * 4
    assert table["AVISIT"][4] == "Interval 1, 0 to 12 h"
    assert table["PARAMCD"][:4].tolist() == ["AUCTAU", "CMAX", "TMAX", "CTROUGH"]
    assert table["PARAM"][0] == "AUC Over Dosing Interval (h*ng/mL)"
    assert table["AVALU"][:4].tolist() == ["h*ng/mL", "ng/mL", "h", "ng/mL"]
    assert np.array_equal(table["AVAL"][8:], [120.5, 21.0, 1.5, NAN], equal_nan=True)
    assert table["ASEQ"].tolist() == [1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8]
    back, labels = read_dataset(write_dataset(made, tmp_path / "adpp.xpt"), (Column("AVAL", number=True),))
    assert np.array_equal(back["AVAL"], table["AVAL"], equal_nan=True)
    assert labels == ADPP_LABELS


def test_adpp_needs_subjects_intervals_and_a_parameter() -> None:
    short = Table.create({"subject": ["1"], "auc": [1.0]})
    with pytest.raises(InputError, match="start_h"):
        adpp_of(short, study="S", treatment="T", specimen="B", concentration="nM")
    bare = Table.create({"subject": ["1"], "start_h": [0.0], "end_h": [12.0]})
    with pytest.raises(InputError, match="one or more of auc"):
        adpp_of(bare, study="S", treatment="T", specimen="B", concentration="nM")
