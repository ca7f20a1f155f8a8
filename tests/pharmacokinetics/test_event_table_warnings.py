"""What a sound table should still make its reader look at: each trap of a monitoring table gives a finding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import UnitError, ValueRangeError
from limus.pharmacokinetics.event_table.error import EventTableError
from limus.pharmacokinetics.event_table.plausibility import TypicalRange
from limus.pharmacokinetics.event_table.read import event_table_from_arrays, read_event_table
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.event_table.units import TableUnits

UNITS = TableUnits("ug", "ng/mL")
TRAPS = Path(__file__).parent / "event_table_with_traps.csv"


def of(events: EventTable, check: str, column: str = "") -> list[Finding]:
    return [f for f in events.findings if f.check == check and (not column or f.where.endswith(f"column {column}"))]


def one(events: EventTable, check: str, column: str = "") -> Finding:
    found = of(events, check, column)
    assert len(found) == 1, [f.message for f in found]
    return found[0]


@pytest.fixture(scope="module")
def traps() -> EventTable:
    return read_event_table(TRAPS, units=UNITS, optional_covariates=["ALB"])


def test_every_trap_of_the_made_up_table_is_found(traps: EventTable) -> None:
    assert (len(traps.subjects), len(traps.doses), int((~traps.observations.missing).sum())) == (6, 16, 14)
    assert "13 of 14 levels share the time of a dose" in one(traps, "levels-at-dose-times").got
    erases = one(traps, "steady-state-erases").got
    assert "6 of 12 steady-state doses erase what came before: IDs 1, 3, 4, 5, 6" in erases
    assert "2 steady-state doses at 72 h or before: IDs 1, 2" in one(traps, "steady-state-early").got
    assert "1 gaps of 168 to 168 h before a dose without SS: ID 2" in one(traps, "doses-without-gaps").got
    assert one(traps, "doses-written-out").got.endswith("doses written out beside steady states: ID 2")
    assert one(traps, "covariate-case").got == "Creatinine, Heigth, Height..m."
    assert one(traps, "covariate-names-alike").got == "Heigth beside Height..m."
    assert [f.got for f in of(traps, "covariate-twice")] == [
        "SCR is 88.4 times Creatinine on every row",
        "Heigth is 100 times Height..m. on every row",
    ]
    assert "9 then 8 at 240 h (ID 1, line 8)" in one(traps, "covariate-one-value", "DD").got
    assert "69.5 to 35 at 240 h (ID 1, line 7)" in one(traps, "sudden-change", "WT").got
    assert "55.9 (ID 4)" in one(traps, "far-values", "HCT").got
    follows = one(traps, "covariate-follows-time", "POD").got
    assert follows == "TIME in days on 22 rows, something else on 8 (IDs 2, 6)"
    assert "no column ALB" in one(traps, "covariates-optional").got
    assert all(finding.severity is not Severity.ERROR for finding in traps.findings)


def test_heights_that_disagree_are_named(tmp_path: Path) -> None:
    lines = TRAPS.read_text().splitlines()
    changed = [line.replace(",158,1.58", ",158,1.55") if line.startswith("6,1") else line for line in lines]
    (tmp_path / "heights.csv").write_text("\n".join(changed))
    found = of(read_event_table(tmp_path / "heights.csv", units=UNITS), "covariate-twice")[-1]
    assert found.severity is Severity.WARNING
    assert found.got == "Heigth is 100 times Height..m., except for IDs 6"


def arrays(**columns: list[float]) -> EventTable:
    count = len(next(iter(columns.values())))
    return event_table_from_arrays({"ID": [1] * count} | columns, units=TableUnits("mg", "ng/mL"))


def test_a_sound_table_gives_no_warning() -> None:
    nan = float("nan")
    events = arrays(
        TIME=[0, 12, 24, 36],
        AMT=[5, 0, 5, 0],
        EVID=[1, 0, 1, 0],
        MDV=[1, 0, 1, 0],
        DV=[nan, 7, nan, 8],
        WT=[70, 70, 71, 71],
    )
    assert [f.message for f in events.findings if f.severity is Severity.WARNING] == []


def test_levels_before_doses_and_subjects_without() -> None:
    nan = float("nan")
    columns = {"ID": [1, 1, 2, 3], "TIME": [0, 12, 5, 0], "AMT": [0, 5, 0, 5], "DV": [2, nan, 3, nan]}
    events = event_table_from_arrays(columns, units=TableUnits("mg", "ng/mL"))
    assert "1 levels not after any dose: ID 1" in one(events, "levels-after-doses").got
    assert "1 subjects without a dose: ID 2" in one(events, "subjects-have-doses").got
    assert "1 subjects without a level row: ID 3" in one(events, "subjects-have-levels").got


def test_a_level_at_a_first_dose_is_before_it_unless_that_dose_is_at_steady_state() -> None:
    nan = float("nan")
    assert of(arrays(TIME=[0, 0], AMT=[0, 5], DV=[2, nan]), "levels-after-doses")
    steady = arrays(TIME=[0, 0], AMT=[0, 5], DV=[2, nan], SS=[0, 1], II=[0, 12])
    assert not of(steady, "levels-after-doses")


def test_gaps_count_further_doses_and_stop_at_steady_states() -> None:
    assert not of(arrays(TIME=[0, 48], AMT=[5, 5], II=[12, 0], ADDL=[3, 0]), "doses-without-gaps")
    assert of(arrays(TIME=[0, 72], AMT=[5, 5], II=[12, 0], ADDL=[3, 0]), "doses-without-gaps")
    assert not of(arrays(TIME=[0, 72], AMT=[5, 5], II=[12, 12], ADDL=[3, 0], SS=[0, 1]), "doses-without-gaps")
    assert not of(arrays(TIME=[0, 12, 24, 40], AMT=[5, 5, 5, 5]), "doses-without-gaps")
    assert of(arrays(TIME=[0, 12, 24, 48], AMT=[5, 5, 5, 5]), "doses-without-gaps")


def test_further_doses_that_run_past_the_next_row_and_long_infusions() -> None:
    found = one(arrays(TIME=[0, 30], AMT=[5, 3], II=[12, 0], ADDL=[5, 0]), "additional-ends")
    assert "1 dose rows whose further doses run past" in found.got
    assert not of(arrays(TIME=[0, 30], AMT=[5, 3], II=[12, 12], ADDL=[5, 0], SS=[0, 1]), "additional-ends")
    assert of(arrays(TIME=[0], AMT=[5], II=[12], ADDL=[5], DUR=[24]), "infusions-end")


def test_a_sudden_dose_and_the_files_own_changes() -> None:
    assert "5 to 15 mg at 12 h" in one(arrays(TIME=[0, 12], AMT=[5, 15]), "sudden-change", "AMT").got
    # twelve changes by half: a change by a factor of three is 2.7 times their median, below six
    doubling = [2.0 * 1.5 ** (n % 2) for n in range(13)]
    assert not of(arrays(TIME=list(range(14)), AMT=[*doubling, doubling[-1] * 3]), "sudden-change")


def test_missing_covariates_are_named_by_subject() -> None:
    nan = float("nan")
    columns = {"ID": [1, 1, 2, 2], "TIME": [0, 12, 0, 12], "AMT": [5, 5, 5, 5], "ALB": [nan, nan, 40, nan]}
    events = event_table_from_arrays(columns, units=TableUnits("mg", "ng/mL"))
    assert "missing for 1 subjects: IDs 1" in one(events, "covariate-missing", "ALB").got
    assert "missing on some rows of 1 subjects: IDs 2" in one(events, "covariate-gaps", "ALB").got


DOSES = TypicalRange("AMT", 0.5, 20, "mg", "made up")
LEVELS = TypicalRange("DV", 1, 50, "ng/mL")


@pytest.mark.parametrize(
    ("units", "words"),
    [
        (TableUnits("mg", "ng/mL"), ["column AMT", "4000 mg, 1,000 times too high", "try --unit AMT=ug", "made up"]),
        (TableUnits("ng", "ng/mL"), ["column AMT", "median 4000 ng, 1,000 times too low", "--unit AMT=ug"]),
        (TableUnits("g", "ng/mL"), ["1,000,000 times too high", "--unit AMT=ug"]),
        (TableUnits("ug", "ug/mL"), ["column DV", "1,000 times too high", "--unit DV=ng/mL or --unit DV=ug/L"]),
        (TableUnits("ug", "pg/mL"), ["column DV", "1,000 times too low", "--unit DV=ng/mL"]),
    ],
)
def test_slips_of_units_are_errors_that_name_the_unit_to_try(units: TableUnits, words: list[str]) -> None:
    with pytest.raises(EventTableError) as caught:
        read_event_table(TRAPS, units=units, typical=[DOSES, LEVELS])
    for word in words:
        assert word in caught.value.message


def test_single_values_are_warnings() -> None:
    events = read_event_table(TRAPS, units=UNITS, typical=[DOSES, TypicalRange("DV", 1, 15, "ng/mL")])
    assert not of(events, "typical-range", "AMT")
    assert one(events, "typical-range", "DV").got == "19.9 (ID 2, line 16)"
    nan = float("nan")
    columns = {"ID": [1] * 4, "TIME": [0, 12, 24, 36], "AMT": [5, 5, 5000, 5], "WT": [70, 70, 70, nan]}
    events = event_table_from_arrays(columns, units=TableUnits("mg", "ng/mL"), typical=[DOSES])
    assert one(events, "single-unit-slip", "AMT").got == "5000 (ID 1, line 3)"


def test_covariates_outside_a_range_and_fractions_taken_for_per_cent() -> None:
    ranges = [TypicalRange("HCT", 20, 55, "%"), TypicalRange("ALB", 20, 60, "g/L")]
    events = read_event_table(TRAPS, units=UNITS, typical=ranges)
    assert one(events, "typical-range", "HCT").got == "55.9 (ID 4, line 23)"
    with pytest.raises(EventTableError, match=r"median 31; times 0\.01 it would be 0\.31"):
        read_event_table(TRAPS, units=UNITS, typical=[TypicalRange("HCT", 0.15, 0.6, "fraction")])


def test_ranges_that_make_no_sense() -> None:
    with pytest.raises(ValueRangeError):
        read_event_table(TRAPS, units=UNITS, typical=[TypicalRange("AMT", 20, 0.5, "mg")])
    with pytest.raises(UnitError):
        read_event_table(TRAPS, units=UNITS, typical=[TypicalRange("AMT", 0.5, 20, "mL")])


def test_the_49_patients_are_met_with_findings(reference_data: Path) -> None:
    """The traps are those that the reference notes list for this file; the counts are theirs."""
    ranges = [
        TypicalRange("AMT", 0.5, 20, "mg"),
        TypicalRange("DV", 1, 50, "ng/mL"),
        TypicalRange("HCT", 20, 55, "%"),
        TypicalRange("AGE", 18, 100, "years"),
        TypicalRange("POD", 0, 90, "days"),
        TypicalRange("PDN_DOSE", 0, 300, "mg"),
    ]
    absent = ["ALB", "CYP3A4", "FORM", "ASSAY"]
    path = reference_data / "tacrolimus_tdm_kidney_49.csv"
    events = read_event_table(
        path, units=UNITS, compartments={1: "depot", 2: "central"}, optional_covariates=absent, typical=ranges
    )
    assert len(events.subjects) == 49
    assert int((~events.observations.missing).sum()) == 328
    assert int(events.records.occasion.max()) == 6
    assert "285 of 328 levels" in one(events, "levels-at-dose-times").got
    assert "221 of 270 steady-state doses erase" in one(events, "steady-state-erases").got
    assert "21 steady-state doses at 72 h or before" in one(events, "steady-state-early").got
    assert "IDs 6, 8, 9, 16, 24, 33" in one(events, "doses-written-out").got
    assert "gaps of 24 to 10152 h" in one(events, "doses-without-gaps").got
    assert "Heigth, Height..m." in one(events, "covariate-case").got
    assert one(events, "covariate-names-alike").got == "Heigth beside Height..m."
    twice = [f.got for f in of(events, "covariate-twice")]
    assert "SCR is 88.42 times Creatinine on every row" in twice
    # not in the notes: two patients' heights differ between the two columns
    assert "Heigth is 100 times Height..m., except for IDs 25, 41" in twice
    assert "something else on 169" in one(events, "covariate-follows-time", "POD").got
    weights = one(events, "sudden-change", "WT").got
    assert "62.3 to 31.2 at 624 h (ID 16" in weights
    assert "40.65 to 70.2 at 240 h (ID 22" in weights
    assert "9 then 8 at 696 h (ID 1, line 13)" in one(events, "covariate-one-value", "DD").got
    assert "25 to 625" in one(events, "sudden-change", "PDN_DOSE").got
    assert "625 (ID 5" in one(events, "typical-range", "PDN_DOSE").got
    assert "55.9 (ID 43" in one(events, "typical-range", "HCT").got
    assert one(events, "typical-range", "AGE").got.startswith("17 (ID 17")
    assert "1577 (ID 2" in one(events, "typical-range", "POD").got
    assert [f.got for f in of(events, "covariates-optional")] == [f"no column {name}" for name in absent]
    late = events.observations.time_h > 90 * 24
    assert int((late & ~events.observations.missing).sum()) == 30
    with pytest.raises(EventTableError, match="AMT=ug"):
        read_event_table(path, units=TableUnits("mg", "ng/mL"), typical=ranges)


def test_large_tables_are_checked_without_a_loop_over_rows() -> None:
    subjects, rows = 2000, 60
    columns = {
        "ID": np.repeat(np.arange(subjects), rows),
        "TIME": np.tile(np.arange(rows) * 12.0, subjects),
        "AMT": np.full(subjects * rows, 5.0),
        "WT": np.repeat(np.linspace(40, 120, subjects), rows),
    }
    events = event_table_from_arrays(columns, units=TableUnits("mg", "ng/mL"))
    assert len(events.doses) == subjects * rows


def test_levels_at_the_times_of_further_doses_count_too() -> None:
    nan = float("nan")
    # three times 0.1 is not 0.3 in floating point, and yet the same time
    events = arrays(TIME=[0, 0.3], AMT=[5, 0], DV=[nan, 7], II=[0.1, 0], ADDL=[5, 0])
    assert "1 of 1 levels share the time of a dose" in one(events, "levels-at-dose-times").got
