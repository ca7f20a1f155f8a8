"""SDTM of a simulated trial: what stands in it is what was simulated; files read back the same in every format."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyreadstat
import pytest

from limus.kernel.errors import FileReadError, ValueRangeError
from limus.kernel.tables import Table
from limus.pharmacokinetics.exchange.adppk_read import read_adppk
from limus.pharmacokinetics.exchange.cdisc import read_sdtm
from limus.pharmacokinetics.exchange.xpt import Dataset, write_dataset
from limus.trial.datasets.adam import adam_of
from limus.trial.datasets.calendar import date_days, date_texts, days_of, hours_of, moment_texts, study_days
from limus.trial.datasets.files import find_datasets, read_datasets, write_datasets
from limus.trial.datasets.sdtm import sdtm_of
from limus.trial.datasets.sdtm_frame import ascii_text
from limus.trial.datasets.spec import dataset_specs, make_dataset
from limus.trial.design.analysis_plan import plan_of
from limus.trial.design.file import load_design
from limus.trial.exposure.history import Sample
from limus.trial.simulation.simulated_trial import SimulatedTrial, simulate_trial

SUBJECTS = 24


@pytest.fixture(scope="module")
def trial() -> SimulatedTrial:
    return simulate_trial(load_design("tacrolimus-everolimus")[0], subjects=SUBJECTS, seed=3)


@pytest.fixture(scope="module")
def domains(trial: SimulatedTrial) -> dict[str, Dataset]:
    return sdtm_of(trial)


@pytest.fixture(scope="module")
def folder(domains: dict[str, Dataset], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trial")
    write_datasets(domains.values(), path / "sdtm", about={"study": "X"})
    return path


def test_domains_are_those_of_the_standard(domains: dict[str, Dataset]) -> None:
    assert list(domains) == ["TS", "DM", "SC", "EX", "LB", "PC", "CE", "AE", "DS", "VS"]
    for name, dataset in domains.items():
        spec = dataset_specs()[name]
        known = [one.name for one in spec.variables]
        assert [one for one in known if one in dataset.table.names] == list(dataset.table.names)
        keys = list(zip(*(dataset.table[key].tolist() for key in spec.keys), strict=True))
        assert len(set(keys)) == len(keys), f"{name}: records with the same key"
        for variable in dataset.table.names:
            assert len(variable) <= 8
            assert len(dataset.labels[variable]) <= 40
            if variable.endswith("DY"):
                assert not (dataset.table[variable] == 0).any()


def test_subjects_arms_and_screen_failures(trial: SimulatedTrial, domains: dict[str, Dataset]) -> None:
    dm = domains["DM"].table
    failures = sum(count for _, count in trial.cohort.screening.failures)
    assert len(dm) == SUBJECTS + failures
    codes = [trial.design.arms[k].name for k in trial.arm]
    assert dm["ARMCD"].tolist() == codes + [""] * failures
    assert (dm["RFSTDTC"][:SUBJECTS] != "").all()
    died = np.isfinite(trial.event_day["death"])
    assert (dm["DTHFL"][:SUBJECTS] == "Y").tolist() == died.tolist()


def test_clinical_and_adverse_events_are_those_simulated(trial: SimulatedTrial, domains: dict[str, Dataset]) -> None:
    start = days_of(domains["DM"].table["RFSTDTC"])[0][:SUBJECTS]
    names = domains["DM"].table["USUBJID"].tolist()
    for domain, term, event in (
        ("CE", "BIOPSY-PROVEN ACUTE REJECTION", "rejection"),
        ("CE", "CYTOMEGALOVIRUS INFECTION", "cmv"),
        ("AE", "DIARRHOEA", "diarrhoea"),
    ):
        table = domains[domain].table
        rows = table.where(table[f"{domain}DECOD"] == term)
        place = [names.index(one) for one in rows["USUBJID"].tolist()]
        days = days_of(rows[f"{domain}STDTC"])[0] - start[place]
        expected = trial.event_day[event]
        assert sorted(place) == np.flatnonzero(np.isfinite(expected)).tolist()
        assert days.tolist() == np.floor(expected[place]).tolist()


def test_exposure_rows_say_the_dose_in_force(trial: SimulatedTrial, domains: dict[str, Dataset]) -> None:
    """On every dosing day, the row of EX that covers it holds the dose that the history has in force."""
    ex = domains["EX"].table
    start = days_of(domains["DM"].table["RFSTDTC"])[0]
    names = domains["DM"].table["USUBJID"].tolist()
    stop = np.minimum(trial.event_day["discontinuation"], trial.event_day["graft loss"])
    stop = np.floor(np.minimum(stop, trial.end_day))
    checked = 0
    for drug, history in trial.exposure.items():
        rows = ex.where(ex["EXTRT"] == drug.upper())
        place = np.array([names.index(one) for one in rows["USUBJID"].tolist()])
        begin, end = hours_of(rows["EXSTDTC"]), hours_of(rows["EXENDTC"])
        assert (end >= begin).all()
        for s in range(SUBJECTS):
            for v, day in enumerate(np.floor(history.actual_day[s])):
                dose = history.dose_mg_per_day[s, v]
                if not dose > 0 or day >= stop[s]:
                    continue
                evening = 24.0 * (start[s] + day) + 20.0
                covering = (place == s) & (begin <= evening) & (end >= evening)
                assert covering.sum() == 1
                assert rows["EXDOSFRQ"][covering][0] == "BID"
                assert rows["EXDOSE"][covering][0] * 2 == pytest.approx(dose)
                checked += 1
    assert checked > 200


def test_levels_are_those_reported(trial: SimulatedTrial, domains: dict[str, Dataset]) -> None:
    pc = domains["PC"].table
    for drug, history in trial.exposure.items():
        followed = history.actual_day <= np.floor(trial.end_day)[:, None]
        rows = pc.where(pc["PCTEST"] == drug.upper())
        planned = (history.sample != Sample.NOT_PLANNED) & followed
        assert len(rows) == planned.sum()
        measured = (history.sample == Sample.MEASURED) & followed
        assert np.isfinite(rows["PCSTRESN"]).sum() == measured.sum()
        assert (rows["PCSTAT"] == "NOT DONE").sum() == ((history.sample == Sample.MISSED) & followed).sum()
        values = np.sort(history.trough_measured_ng_per_ml[measured])
        assert np.sort(rows["PCSTRESN"][np.isfinite(rows["PCSTRESN"])]) == pytest.approx(values, abs=0.00501)


def test_true_levels_and_random_effects_stay_behind(domains: dict[str, Dataset]) -> None:
    assert "trough_true_ng_per_ml" not in json.dumps({name: list(d.table.names) for name, d in domains.items()}).lower()
    said = dict(zip(domains["TS"].table["TSPARMCD"], domains["TS"].table["TSVAL"], strict=True))
    assert said["STYPE"] == "SIMULATION"
    assert said["SEED"] == "3"


@pytest.mark.parametrize("form", ["parquet", "csv", "xpt"])
def test_every_format_reads_back_the_same(form: str, folder: Path, domains: dict[str, Dataset], tmp_path: Path) -> None:
    for path in (folder / "sdtm").glob(f"*.{form}"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    tables = read_datasets(tmp_path, "SDTM", ("DM", "DS"))
    assert list(tables) == list(domains)
    for name, table in tables.items():
        expected = domains[name].table
        assert table.names == expected.names
        for variable in table.names:
            if expected[variable].dtype == object:
                assert table[variable].tolist() == expected[variable].tolist(), f"{name}.{variable}"
            else:
                np.testing.assert_array_equal(table[variable], expected[variable], err_msg=f"{name}.{variable}")


def test_transport_files_open_elsewhere_with_labels(folder: Path) -> None:
    for path in (folder / "sdtm").glob("*.xpt"):
        _, meta = pyreadstat.read_xport(path)
        assert meta.table_name == path.stem.upper()
        assert meta.file_label == dataset_specs()[path.stem.upper()].label
        assert all(meta.column_labels)


def test_dates_of_adam_are_dates_in_transport_files(trial: SimulatedTrial, folder: Path) -> None:
    tables = read_datasets(folder, "SDTM")
    found = adam_of(tables, plan_of(trial.design))
    write_datasets(found.datasets.values(), folder / "adam")
    frame, meta = pyreadstat.read_xport(folder / "adam" / "adsl.xpt")
    assert meta.original_variable_types["RANDDT"] == "DATE9"
    assert str(frame["RANDDT"][0]) == tables["DM"]["RFSTDTC"][0]
    back = read_datasets(folder, "ADaM", ("ADSL", "ADTTE"))
    for name, table in back.items():
        np.testing.assert_array_equal(table["USUBJID"], found.tables[name]["USUBJID"])
    metadata = json.loads((folder / "adam" / "metadata.json").read_text())
    described = {one["name"]: one for one in metadata["datasets"]}
    assert described["ADTTE"]["records"] == len(found.tables["ADTTE"])
    variables = {one["name"]: one for one in described["ADTTE"]["variables"]}
    assert variables["ADT"]["type"] == "date"
    assert variables["CNSR"]["origin"].startswith("0 event")


def test_define_xml_names_every_variable_once(folder: Path, domains: dict[str, Dataset]) -> None:
    root = ElementTree.parse(folder / "sdtm" / "define.xml").getroot()
    odm, define = "{http://www.cdisc.org/ns/odm/v1.3}", "{http://www.cdisc.org/ns/def/v2.0}"
    groups = {group.get("Name"): group for group in root.iter(f"{odm}ItemGroupDef")}
    items = [item.get("OID") for item in root.iter(f"{odm}ItemDef")]
    assert list(groups) == list(domains)
    assert len(set(items)) == len(items) == sum(len(dataset.table.names) for dataset in domains.values())
    for name, group in groups.items():
        references = [item.get("ItemOID") for item in group.iter(f"{odm}ItemRef")]
        assert references == [f"IT.{name}.{variable}" for variable in domains[name].table.names]
        leaf = group.find(f"{define}leaf")
        assert leaf is not None
        assert (folder / "sdtm" / leaf.get("{http://www.w3.org/1999/xlink}href", "none")).is_file()
    origins = {origin.get("Type") for origin in root.iter(f"{define}Origin")}
    assert origins <= {"Assigned", "CRF", "Derived", "Protocol", "Predecessor"}


def test_pharmacokinetics_reads_the_domains(folder: Path) -> None:
    table = read_sdtm(
        folder / "sdtm" / "ex.xpt",
        folder / "sdtm" / "pc.xpt",
        concentration="ng/mL",
        treatment="EVEROLIMUS",
        analyte="EVERO",
    )
    assert len(table.subjects) >= 5
    assert np.isfinite(table.observations.value).sum() > 50


def test_an_empty_domain_is_named_and_not_written_as_transport_file(tmp_path: Path) -> None:
    nothing = make_dataset("CE", {"STUDYID": [], "USUBJID": [], "CEDECOD": [], "CESTDTC": []})
    written = write_datasets([nothing], tmp_path)
    assert set(written["CE"]) == {"parquet", "csv"}
    said = json.loads((tmp_path / "metadata.json").read_text())["datasets"][0]
    assert "no rows" in said["not_written"]["xpt"]


def test_a_folder_without_data_sets_is_refused(tmp_path: Path) -> None:
    assert find_datasets(tmp_path, "SDTM") == {}
    with pytest.raises(FileReadError):
        read_datasets(tmp_path, "SDTM", ("DM",))
    with pytest.raises(FileReadError):
        find_datasets(tmp_path / "nowhere", "SDTM")


def test_types_of_foreign_files_are_those_of_the_specification(tmp_path: Path) -> None:
    (tmp_path / "ADTTE.csv").write_text(
        "STUDYID,USUBJID,TRTP,PARAMCD,PARAM,AVAL,CNSR,STARTDT\n1,7,A,OS,Overall survival,12,0,2026-01-05\n"
    )
    table = read_datasets(tmp_path, "ADaM")["ADTTE"]
    assert table["USUBJID"].tolist() == ["7"]
    assert table["STARTDT"].tolist() == [date_days("2026-01-05")]
    (tmp_path / "ADTTE.csv").write_text("STUDYID,USUBJID,PARAMCD,AVAL\n1,7,OS,soon\n")
    with pytest.raises(FileReadError, match="AVAL"):
        read_datasets(tmp_path, "ADaM")


def test_replicates_have_no_data_sets(trial: SimulatedTrial) -> None:
    with pytest.raises(ValueRangeError):
        sdtm_of(replace(trial, replicates=2))


def test_other_letters_do_not_keep_a_domain_out_of_transport_files(trial: SimulatedTrial, tmp_path: Path) -> None:
    arms = tuple(replace(arm, label=f"{arm.label}, \u2264 10 \u00b5g, Fran\u00e7ois") for arm in trial.design.arms)
    visits = (replace(trial.design.visits[0], name="D\u00e9but"), *trial.design.visits[1:])
    domains = sdtm_of(replace(trial, design=replace(trial.design, arms=arms, visits=visits)))
    written = write_datasets(domains.values(), tmp_path, formats=("xpt",))
    assert all("xpt" in files for files in written.values())
    assert "<= 10 ug, Francois" in domains["DM"].table["ARM"][0]
    assert ascii_text("x" * 300) == "x" * 200


def test_calendar() -> None:
    days = np.array([0.0, date_days("2024-02-29"), np.nan])
    assert date_texts(days) == ["1960-01-01", "2024-02-29", ""]
    assert days_of(date_texts(days))[0][:2].tolist() == days[:2].tolist()
    assert days_of(["2024", "2024-02", "soon", "2024-13-01"])[1] == ["M", "D", "?", "?"]
    assert moment_texts(np.array([1.25])) == ["1960-01-02T06:00"]
    hours = hours_of(["1960-01-02T06:30", "1960-01-02T06:30+02:00", "1960-01-02", "1960-01", ""])
    assert hours[:3].tolist() == [30.5, 28.5, 24.0]
    assert np.isnan(hours[3:]).all()
    assert study_days(np.array([4.0, 5.0, 6.0]), np.array([5.0] * 3)).tolist() == [-1, 1, 2]


def test_a_table_is_not_changed_by_the_data_set() -> None:
    dataset = make_dataset("ADSL", {"STUDYID": ["X"], "USUBJID": ["1"], "AGE": [40.0]})
    assert isinstance(dataset.table, Table)
    with pytest.raises(ValueError, match="read-only"):
        dataset.table["AGE"][0] = 41.0


def test_analysis_levels_are_an_event_table(trial: SimulatedTrial, folder: Path, tmp_path: Path) -> None:
    """ADPPK of one drug goes into pharmacokinetics as it is."""
    found = adam_of(read_datasets(folder, "SDTM"), plan_of(trial.design)).tables["ADPPK"]
    rows = found.where(found["ANALYTE"] == "EVEROLIMUS")
    path = write_dataset(make_dataset("ADPPK", dict(rows.columns)), tmp_path / "adppk.xpt")
    table = read_adppk(path, covariates=["AGE"])
    assert len(table.subjects) == len(set(rows["USUBJID"].tolist()))
    levels = rows.where((rows["EVID"] == 0) & (rows["MDV"] == 0))
    assert np.sort(table.observations.value[~np.isnan(table.observations.value)]) == pytest.approx(
        np.sort(levels["DV"])
    )
