"""ADaM derived from a hand-written SDTM whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from limus.kernel.errors import FileReadError
from limus.kernel.tables import Table
from limus.trial.datasets.adam import adam_of
from limus.trial.design.design import Endpoint, EndpointKind

from .sdtm_samples import SUBJECTS, tiny_plan, tiny_sdtm


@pytest.fixture(scope="module")
def tables() -> dict[str, Table]:
    return adam_of(tiny_sdtm(), tiny_plan()).tables


def rows_of(table: Table, **where: str) -> Table:
    mask = np.ones(len(table), dtype=bool)
    for name, value in where.items():
        mask &= table[name] == value
    return table.where(mask)


def test_populations_and_dates(tables: dict[str, Table]) -> None:
    adsl = tables["ADSL"]
    assert adsl["USUBJID"].tolist() == SUBJECTS
    assert adsl["RANDFL"].tolist() == ["Y"] * 8 + ["N"] * 2
    assert adsl["SAFFL"].tolist() == ["Y"] * 8 + ["N"] * 2
    assert adsl["TRT01PN"][:8].tolist() == [1, 1, 1, 1, 2, 2, 2, 2]
    # 2026-01-01 is 24107 days after 1960-01-01: 66 years with 17 leap days
    assert adsl["RANDDT"][0] == 66 * 365 + 17
    assert adsl["EOSSTT"][:4].tolist() == ["COMPLETED", "COMPLETED", "DISCONTINUED", "DISCONTINUED"]
    assert adsl["DCSREAS"][2:4].tolist() == ["DEATH", "LOST TO FOLLOW-UP"]
    assert (adsl["EOTSTT"][5], adsl["DCTREAS"][5]) == ("DISCONTINUED", "ADVERSE EVENT")
    assert adsl["NOTRNDRS"][8] == "SCREEN FAILURE: age"
    assert adsl["DONAGE"][:3].tolist() == [40, 50, 60]
    assert adsl["DONTYPE"][:2].tolist() == ["LIVING", "DECEASED"]
    assert adsl["STRATAR"][:4].tolist() == ["1", "1", "2", "2"]


def test_rejection_is_an_event_censored_or_ruled_out(tables: dict[str, Table]) -> None:
    found = rows_of(tables["ADTTE"], PARAMCD="BPAR")
    assert found["AVAL"].tolist() == [366, 40, 100, 200, 60, 1, 366, 52]
    assert found["CNSR"].tolist() == [1, 0, 3, 2, 3, 0, 1, 0]
    assert found["EVNTDESC"][2] == "Death"
    assert found["EVNTDESC"][4] == "Graft loss"
    assert found["ADTF"].tolist() == ["", "", "", "", "", "", "", "D"]
    assert (found["SRCDOM"][1], found["SRCVAR"][1], found["SRCSEQ"][1]) == ("CE", "CESTDTC", 1)


def test_composite_is_the_first_of_its_events(tables: dict[str, Table]) -> None:
    found = rows_of(tables["ADTTE"], PARAMCD="EFFFAIL")
    assert found["AVAL"].tolist() == [366, 40, 100, 200, 60, 1, 366, 52]
    assert found["CNSR"].tolist() == [1, 0, 0, 0, 0, 0, 1, 0]
    death = rows_of(tables["ADTTE"], PARAMCD="DEATH")
    assert death["CNSR"].tolist() == [1, 1, 0, 2, 1, 1, 1, 1]


def test_a_design_composite_gets_a_code_of_its_own() -> None:
    endpoint = Endpoint("cmv or rejection", "x", EndpointKind.TIME_TO_EVENT, events=("CMV", "rejection"))
    tables = adam_of(tiny_sdtm(), tiny_plan(endpoints=(endpoint,))).tables
    found = rows_of(tables["ADTTE"], PARAMCD="CBPACMV")
    assert found["AVAL"][5] == 1
    assert set(found["PARAM"].tolist()) == {"Time to biopsy-proven acute rejection or cytomegalovirus infection (days)"}


def test_discontinuation_of_treatment_is_not_the_end_of_the_study(tables: dict[str, Table]) -> None:
    found = rows_of(tables["ADTTE"], PARAMCD="TRTDISC")
    assert found["AVAL"][5] == 10
    # the lost graft ends the treatment without a decision to discontinue
    assert found["CNSR"].tolist() == [1, 1, 3, 2, 3, 0, 1, 1]


def test_laboratory_windows_baseline_and_change(tables: dict[str, Table]) -> None:
    egfr = rows_of(tables["ADLB"], PARAMCD="EGFR", USUBJID="T-01")
    assert egfr["AVISIT"].tolist() == ["Month 12", "Month 12"]
    assert egfr["ANL01FL"].tolist() == ["Y", ""]  # day 365 is nearer than day 350
    assert np.isnan(egfr["BASE"]).all()
    assert egfr["ADY"].tolist() == [366, 351]
    cholesterol = rows_of(tables["ADLB"], PARAMCD="CHOL", USUBJID="T-02")
    assert cholesterol["ABLFL"].tolist() == ["Y", ""]
    assert cholesterol["BASE"].tolist() == [4.0, 4.0]
    assert np.isnan(cholesterol["CHG"][0])
    assert cholesterol["CHG"][1] == 1.0
    outside = rows_of(tables["ADLB"], PARAMCD="CHOL", USUBJID="T-07")
    assert outside["AVISIT"].tolist() == [""]
    assert outside["ANL01FL"].tolist() == [""]


def test_levels_and_doses(tables: dict[str, Table]) -> None:
    ppk = tables["ADPPK"]
    doses, levels = ppk.where(ppk["EVID"] == 1), ppk.where(ppk["EVID"] == 0)
    # 4 mg twice a day from 08:00 of day 0 to 08:00 of day 365: 730 more doses
    assert (doses["AMT"][0], doses["II"][0], doses["ADDL"][0]) == (4, 12, 730)
    assert levels["USUBJID"].tolist() == ["T-01", "T-02", "T-05", "T-06"]  # NOT DONE is no level
    assert levels["BLQFL"].tolist() == ["N", "N", "N", "Y"]
    assert levels["MDV"].tolist() == [0, 0, 0, 1]
    # half an hour before the morning dose of day 7: 11.5 h after that of the evening before
    assert levels["APRLT"].tolist() == [11.5] * 4
    assert levels["AFRLT"][0] == 7 * 24 - 0.5
    assert levels["ANL01FL"].tolist() == ["Y"] * 4


def test_adverse_events_before_treatment_are_not_emergent(tables: dict[str, Table]) -> None:
    adae = tables["ADAE"]
    assert adae["TRTEMFL"].tolist() == ["Y", "Y", "Y", "Y", ""]
    assert adae["ASTDY"].tolist() == [11, 41, 13, 10, -3]


def test_what_cannot_be_used_is_named() -> None:
    sdtm = tiny_sdtm()
    events = sdtm["CE"]
    columns = {name: list(values) for name, values in events.columns.items()}
    columns["USUBJID"] += ["T-01", "T-02", "T-07"]
    columns["CEDECOD"] += ["GRAFT LOSS"] * 3
    columns["CESTDTC"] += ["", "2025-12-01", "2030-01-01"]
    columns["STUDYID"] += ["T"] * 3
    columns["CESEQ"] += [9.0] * 3
    found = adam_of(sdtm | {"CE": Table.create(columns)}, tiny_plan())
    said = {(finding.check, finding.got) for finding in found.findings}
    assert ("event-dated", "1 of 4 rows of graft loss without a date") in said
    assert ("event-within-follow-up", "1 rows of graft loss before randomisation") in said
    assert ("event-within-follow-up", "1 rows of graft loss after the end of follow-up") in said
    losses = rows_of(found.tables["ADTTE"], PARAMCD="GRFTLOSS")
    assert (losses["CNSR"] == 0).sum() == 1


def test_ends_of_treatment_that_are_not_recorded_are_named() -> None:
    sdtm = tiny_sdtm()
    bare = {name: values for name, values in sdtm["DS"].columns.items() if name != "DSSCAT"}
    kept = np.array([one != "ADVERSE EVENT" for one in sdtm["DS"]["DSDECOD"].tolist()])
    found = adam_of(sdtm | {"DS": Table.create(bare).where(kept)}, tiny_plan())
    assert "end-of-treatment" in {finding.check for finding in found.findings}
    # disposition without a subcategory is of the study
    assert found.tables["ADSL"]["DCSREAS"][3] == "LOST TO FOLLOW-UP"


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda sdtm: sdtm.pop("DS"), "SDTM, DS"),
        (lambda sdtm: sdtm.update(DM=doubled(sdtm["DM"])), "DM, USUBJID"),
        (lambda sdtm: sdtm.update(DM=renamed(sdtm["DM"])), "DM, ARMCD"),
    ],
)
def test_impossible_domains_are_refused(change, where) -> None:
    sdtm = tiny_sdtm()
    change(sdtm)
    with pytest.raises(FileReadError) as caught:
        adam_of(sdtm, tiny_plan())
    assert caught.value.where == where


def doubled(dm: Table) -> Table:
    return Table.create({name: np.concatenate([values, values[:1]]) for name, values in dm.columns.items()})


def renamed(dm: Table) -> Table:
    arms = np.array(["X" if code == "B" else code for code in dm["ARMCD"]], dtype=object)
    return Table.create(dict(dm.columns) | {"ARMCD": arms})
