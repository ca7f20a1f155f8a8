"""How a file becomes an event table: separators, comments, clocks, inference, units, occasions."""

from __future__ import annotations

import math
import pickle
from pathlib import Path

import numpy as np
import pytest

from limus.kernel.checks import Severity
from limus.kernel.errors import FileReadError, UnitError, UnknownNameError, ValueRangeError
from limus.pharmacokinetics.event_table.error import EventTableError
from limus.pharmacokinetics.event_table.read import event_table_from_arrays, read_event_table
from limus.pharmacokinetics.event_table.records import EventTable, same_events, select_subjects
from limus.pharmacokinetics.event_table.units import TableUnits, override_units, with_concentration_unit

UNITS = TableUnits("mg", "ng/mL")


def read(folder: Path, text: str | bytes, **options: object) -> EventTable:
    path = folder / "events.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_event_table(path, units=options.pop("units", UNITS), **options)  # type: ignore[arg-type]


def said(events: EventTable, check: str) -> str:
    return next(finding.message for finding in events.findings if finding.check == check)


def checks(events: EventTable) -> set[str]:
    return {finding.check for finding in events.findings}


def test_byte_order_mark_comments_and_blank_lines_are_left_out_and_said(tmp_path: Path) -> None:
    text = (
        "\ufeff# made by hand\nID,TIME,AMT,DV\n\n1,0,5,.\nC,1,2,3\n@ a note\n"
        "ID,TIME,AMT,DV\nend of the first part\n1,12,0,7.5\n,,,\n"
    )
    events = read(tmp_path, text)
    assert len(events.doses) == len(events.observations) == 1
    assert events.observations.line.tolist() == [9]
    assert "5 comment lines: 1, 5, 6, 7, 8" in said(events, "comment-lines")
    assert "2 blank lines: 3, 10" in said(events, "blank-lines")
    assert "byte-order-mark" in checks(events)


def test_a_row_that_begins_with_a_letter_is_an_error_unless_names_are_allowed(tmp_path: Path) -> None:
    text = "ID,TIME,AMT,DV\n1,0,5,.\nP01,0,5,.\n"
    with pytest.raises(EventTableError, match="P01") as caught:
        read(tmp_path, text)
    assert "IGNORE=@" in caught.value.message
    assert read(tmp_path, text + "ID,TIME,AMT,DV\n", text_ids=True).subjects == ("1", "P01")
    with pytest.raises(EventTableError, match="number the subjects"):
        read(tmp_path, "ID,TIME,AMT\n12-003,0,5\n")
    assert read(tmp_path, "ID,TIME,AMT\n007,0,5\n7,0,5\n", text_ids=True).subjects == ("007", "7")


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_are_read_and_said(tmp_path: Path, separator: str) -> None:
    events = read(tmp_path, "ID,TIME,AMT,DV\n1,0,5,.\n1,12,0,7.5\n".replace(",", separator))
    assert events.observations.value.tolist() == [7.5]
    assert "separator" in checks(events)


def test_comma_decimals_are_named(tmp_path: Path) -> None:
    with pytest.raises(EventTableError, match=r"write 7\.5 \(decimal point"):
        read(tmp_path, "ID;TIME;AMT;DV\n1;0;5;.\n1;12;0;7,5\n")
    with pytest.raises(EventTableError, match=r"line 3.*5 cells.*12\.5, not 12,5"):
        read(tmp_path, "ID,TIME,AMT,DV\n1,0,5,.\n1,12,0,7,5\n")


def test_event_and_missing_flags_are_inferred_and_said(tmp_path: Path) -> None:
    events = read(tmp_path, "ID,TIME,AMT,DV\n1,0,5,.\n1,12,.,7.5\n1,24,.,.\n")
    assert events.doses.time_h.tolist() == [0.0]
    assert events.observations.missing.tolist() == [False, True]
    assert "1 rows with AMT > 0 taken as doses" in said(events, "evid-inferred")
    assert "1 level rows without DV" in said(events, "mdv-inferred")


def test_subjects_written_in_different_ways_are_one(tmp_path: Path) -> None:
    assert read(tmp_path, "ID,TIME,AMT\n1,0,5\n1.0,12,5\n01,24,5\n2e0,0,5\n").subjects == ("1", "2")


def test_a_level_at_a_doses_time_is_its_trough_whatever_the_order(tmp_path: Path) -> None:
    first = read(tmp_path, "ID,TIME,AMT,EVID,DV\n1,0,5,1,.\n1,12,0,0,7.5\n1,12,5,1,.\n")
    second = read(tmp_path, "ID,TIME,AMT,EVID,DV\n1,0,5,1,.\n1,12,5,1,.\n1,12,0,0,7.5\n")
    for name in ("time_h", "value", "missing"):
        assert np.array_equal(getattr(first.observations, name), getattr(second.observations, name))
    assert first.doses.time_h.tolist() == second.doses.time_h.tolist() == [0.0, 12.0]
    assert "1 of 1 levels share the time of a dose" in said(first, "levels-at-dose-times")


def test_kinds_of_rows(tmp_path: Path) -> None:
    text = (
        "ID,TIME,AMT,EVID,RATE,DUR,II,ADDL,SS,CMT,WT\n"
        "1,0,10,1,5,0,0,0,0,1,70\n"  # infusion by rate
        "1,12,10,1,0,4,0,0,0,1,70\n"  # infusion by duration
        "1,24,0,2,0,0,0,0,0,0,71\n"  # another event
        "1,36,0,3,0,0,0,0,0,0,71\n"  # reset
        "1,48,10,4,0,0,12,3,0,1,71\n"  # reset and repeated dose
        "1,96,0,1,2,0,0,0,1,2,71\n"  # constant infusion up to here
        "1,108,10,1,0,0,12,0,2,1,71\n"  # a steady state on top
    )
    doses = read(tmp_path, text).doses
    assert doses.time_h.tolist() == [0, 12, 36, 48, 96, 108]
    assert doses.amount_mg.tolist() == [10, 10, 0, 10, 0, 10]
    assert doses.rate_mg_per_h.tolist() == [5, 2.5, 0, 0, 2, 0]
    assert doses.duration_h.tolist() == [2, 4, 0, 0, 0, 0]
    assert doses.reset.tolist() == [False, False, True, True, False, False]
    assert doses.steady_state.tolist() == [0, 0, 0, 0, 1, 2]
    assert doses.additional.tolist() == [0, 0, 0, 3, 0, 0]
    assert doses.record.tolist() == [0, 1, 3, 4, 5, 6]


def test_levels_below_the_limit(tmp_path: Path) -> None:
    text = (
        "ID,TIME,AMT,EVID,DV,BLQ,LLOQ\n1,0,5,1,.,.,.\n"
        "1,1,0,0,4,0,2\n1,2,0,0,.,1,2\n1,3,0,0,2,1,2\n1,4,0,0,1.5,1,2\n1,5,0,0,2,1,.\n1,6,0,0,0,1,2\n"
    )
    events = read(tmp_path, text)
    levels = events.observations
    assert levels.censored.tolist() == [False, True, True, True, True, True]
    assert levels.limit.tolist() == [2, 2, 2, 2, 2, 2]
    expected = [4, math.nan, math.nan, 1.5, math.nan, math.nan]
    assert np.array_equal(levels.value, np.array(expected), equal_nan=True)
    assert "limit-in-level" in checks(events)
    unflagged = read(tmp_path, "ID,TIME,AMT,DV,LLOQ\n1,0,5,.,.\n1,12,0,1,2\n1,24,0,0,.\n")
    assert unflagged.observations.censored.tolist() == [True, False]
    assert {"below-limit", "zero-levels"} <= checks(unflagged)


def test_clock_times_and_dates(tmp_path: Path) -> None:
    # the first three rows are the example in NONMEM's help on DATE: 0.00, 5.42 and 23.25 h
    text = "ID,DATE,TIME,AMT,DV\n1,10-1-1986,9:15,5,.\n1,10-1-1986,14:40,0,7\n1,10-2-1986,8:30,0,6\n"
    events = read(tmp_path, text)
    assert events.records.time_h == pytest.approx([0.0, 5 + 25 / 60, 23.25])
    assert "since the subject's first row" in said(events, "clock")
    # and the example in its help on TIME: 0, 6.75 and 6.75 h
    clock = read(tmp_path, "ID,TIME,AMT,DV\n1,8:00,5,.\n1,14:45,5,.\n1,14.75,0,7\n")
    assert clock.records.time_h == pytest.approx([0.0, 6.75, 6.75])
    for name, date in (("DAT1", "31/1/2024"), ("DAT2", "2024/1/31"), ("DAT3", "2024/31/1"), ("DATE", "2024-01-31")):
        events = read(tmp_path, f"ID,{name},TIME,AMT\n1,{date},8:00,5\n1,{date},9:00:36,5\n")
        assert events.records.time_h == pytest.approx([0.0, 1.01])
    day = read(tmp_path, "ID,DATE,TIME,AMT\n1,-1,8:00,5\n1,1,8:00,5\n")
    assert day.records.time_h.tolist() == [0.0, 48.0]


@pytest.mark.parametrize(
    ("date", "time", "words"),
    [
        ("31/1/2024", "8:00", ["rename the column to DAT1"]),
        ("1/31/24", "8:00", ["four digits"]),
        ("1/31", "8:00", ["all three parts"]),
        ("20240131", "8:00", ["all three parts"]),
        (".", "8:00", ["a date on every row"]),
        ("1/31/2024", "24:30", ["below 24"]),
        ("1/31/2024", "8:75", ["8:75"]),
        ("1/31/2024", "noon", ["noon"]),
    ],
)
def test_bad_dates_and_clock_times(tmp_path: Path, date: str, time: str, words: list[str]) -> None:
    with pytest.raises(EventTableError) as caught:
        read(tmp_path, f"ID,DATE,TIME,AMT\n1,1/30/2024,8:00,5\n1,{date},{time},5\n")
    for word in ["line 3", *words]:
        assert word in caught.value.message


def test_a_clock_past_midnight_needs_a_date(tmp_path: Path) -> None:
    with pytest.raises(EventTableError, match="times-sorted"):
        read(tmp_path, "ID,TIME,AMT\n1,20:00,5\n1,8:00,5\n")


def test_units_are_converted_to_mg_and_h(tmp_path: Path) -> None:
    text = "ID,TIME,AMT,RATE,II,ADDL,DV\n1,0,3000,1000,0.5,1,.\n1,1,0,0,0,0,7\n"
    events = read(tmp_path, text, units=TableUnits("ug", "ug/L", "day"))
    assert events.doses.amount_mg.tolist() == [3.0]
    assert events.doses.interval_h.tolist() == [12.0]
    assert events.doses.rate_mg_per_h == pytest.approx([1 / 24])
    assert events.doses.duration_h == pytest.approx([72.0])
    assert events.observations.time_h.tolist() == [24.0]
    assert with_concentration_unit(events, "mg/L").observations.value == pytest.approx([0.007])
    assert with_concentration_unit(events, "ug/L") is events
    molar = with_concentration_unit(events, "nM", molar_mass_g_per_mol=700.0)
    assert molar.observations.value == pytest.approx([10.0])
    substance = read(tmp_path, text, units=TableUnits("umol", "ng/mL", "h", molar_mass_g_per_mol=804.0))
    assert substance.doses.amount_mg == pytest.approx([3000 * 0.804])


def test_units_are_overridden_and_checked(tmp_path: Path) -> None:
    assert override_units(UNITS, ["AMT=ug", "DV=mg/L", "TIME=day"]) == TableUnits("ug", "mg/L", "day")
    for setting in ("DOSE=ug", "AMT=", "AMT", "AMT=h", "TIME=mg", "DV=furlong"):
        with pytest.raises(UnitError):
            override_units(UNITS, [setting])
    with pytest.raises(UnitError, match="unit of AMT"):
        read(tmp_path, "ID,TIME,AMT\n1,0,5\n", units=TableUnits("umol", "ng/mL"))


def test_covariates_are_chosen_by_name(tmp_path: Path) -> None:
    text = "ID,TIME,AMT,WT,Sex,arm,PCMT\n1,0,5,70,1,A,0\n1,12,5,.,1,A,0\n"
    everything = read(tmp_path, text)
    assert everything.records.names == ("WT", "Sex")
    assert math.isnan(everything.records.values[1, 0])
    assert "arm" in said(everything, "text-columns")
    assert "PCMT" in said(everything, "nonmem-items")
    assert "Sex" in said(everything, "covariate-case")
    chosen = read(tmp_path, text, covariates=["WT"], optional_covariates=["Sex", "ALB"])
    assert chosen.records.names == ("WT", "Sex")
    assert "no column ALB" in said(chosen, "covariates-optional")
    assert "arm, PCMT" in said(chosen, "columns-unused")
    with pytest.raises(EventTableError, match=r"no column WGT.*rename WT"):
        read(tmp_path, text.replace("Sex", "SEX"), covariates=["WGT"])


def test_items_of_nonmem_that_change_the_meaning_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EventTableError, match="not supported"):
        read(tmp_path, "ID,TIME,AMT,PCMT\n1,0,5,2\n")


def test_a_covariate_with_a_bad_cell_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EventTableError, match=r"line 3, ID 1, column WT.*7O"):
        read(tmp_path, "ID,TIME,AMT,WT\n1,0,5,70\n1,12,5,7O\n1,24,5,71\n")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("one", [1, 1, 1, 1, 1]), ("steady-state", [1, 1, 2, 2, 3]), ("gap:24", [1, 1, 2, 2, 2]), ("auto", [1] * 5)],
)
def test_occasions_by_a_rule(tmp_path: Path, rule: str, expected: list[int]) -> None:
    # the level at 100 h stands before the steady-state dose of its time
    text = "ID,TIME,AMT,EVID,DV,SS,II\n1,0,5,1,.,0,0\n1,12,0,0,7,0,0\n1,100,0,0,8,0,0\n"
    text += "1,100,5,1,.,1,12\n1,110,0,3,.,0,0\n"
    events = read(tmp_path, text, occasions=rule)
    assert events.records.occasion.tolist() == expected
    assert "occasions" in checks(events)


def test_unknown_rules_for_occasions(tmp_path: Path) -> None:
    for rule in ("column", "gap", "gap:x", "gap:-1", "dose"):
        with pytest.raises(ValueRangeError):
            read(tmp_path, "ID,TIME,AMT\n1,0,5\n", occasions=rule)
    assert read(tmp_path, "ID,TIME,AMT,OCC\n1,0,5,3\n").doses.occasion.tolist() == [3]


def test_tables_are_read_only_and_survive_pickling(tmp_path: Path) -> None:
    events = read(tmp_path, "ID,TIME,AMT,DV,WT\n1,0,5,.,70\n1,12,0,7.5,70\n2,0,4,.,60\n")
    back = pickle.loads(pickle.dumps(events))
    assert same_events(events, back)
    for values in (back.doses.time_h, back.observations.value, back.records.values):
        assert not values.flags.writeable
    assert events.doses.of(1) == slice(1, 2)
    assert events.doses.subject.tolist() == [0, 1]


def test_choose_subjects() -> None:
    columns = {"ID": [1, 1, 2, 3, 3], "TIME": [0, 12, 0, 0, 6], "AMT": [5, 0, 4, 3, 0]}
    columns |= {"DV": [math.nan, 7, math.nan, math.nan, 9], "WT": [70, 70, 60, 50, 50]}
    events = event_table_from_arrays(columns, units=UNITS)
    chosen = select_subjects(events, ["3", "1"])
    assert chosen.subjects == ("3", "1")
    assert chosen.doses.amount_mg.tolist() == [3.0, 5.0]
    assert chosen.observations.value.tolist() == [9.0, 7.0]
    assert chosen.records.values[:, 0].tolist() == [50, 50, 70, 70]
    assert chosen.doses.record.tolist() == [0, 2]
    assert chosen.observations.record.tolist() == [1, 3]
    assert not same_events(events, chosen)
    with pytest.raises(UnknownNameError, match="4"):
        select_subjects(events, ["4"])


def test_a_parquet_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text("no")
    with pytest.raises(FileReadError):
        read_event_table(tmp_path / "x.parquet", units=UNITS)


def test_warnings_of_rules(tmp_path: Path) -> None:
    events = read(tmp_path, "ID,TIME,AMT,EVID,II,SS,MDV,DV\n1,0,5,1,12,0,1,.\n1,12,5,1,12,2,1,.\n1,20,0,0,0,0,1,8\n")
    warned = {finding.check for finding in events.findings if finding.severity is Severity.WARNING}
    assert {"interval-used", "steady-state-adds"} <= warned
    assert "1 levels with MDV 1" in said(events, "levels-left-out")
