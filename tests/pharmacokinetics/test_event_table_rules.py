"""One bad table for every rule: the error names file, line, subject and column, what came, what is allowed, a cure."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

import pytest

from limus.kernel.checks import Severity
from limus.pharmacokinetics.event_table.build import ROW_RULES
from limus.pharmacokinetics.event_table.error import EventTableError
from limus.pharmacokinetics.event_table.read import event_table_from_arrays, read_event_table
from limus.pharmacokinetics.event_table.units import TableUnits

UNITS = TableUnits("mg", "ng/mL")
FULL = "ID,TIME,AMT,EVID,CMT,RATE,DUR,II,ADDL,SS,DV,MDV,OCC,DVID,BLQ,LLOQ"
DOSE = "1,0,5,1,1,0,0,0,0,0,.,1,1,1,.,."


def row(**changed: object) -> str:
    """A sound dose row of subject 1, changed."""
    cells = dict(zip(FULL.split(","), DOSE.split(","), strict=True)) | {k: str(v) for k, v in changed.items()}
    return ",".join(cells.values())


def level(**changed: object) -> str:
    """A sound level row of subject 1, changed."""
    return row(**({"TIME": 12, "AMT": 0, "EVID": 0, "CMT": 2, "DV": 7.5, "MDV": 0, "BLQ": 0} | changed))


def table(*rows: str, header: str = FULL) -> str:
    return "\n".join([header, *rows]) + "\n"


def errors_of(text: str, folder: Path, **options: object) -> EventTableError:
    path = folder / "bad.csv"
    path.write_text(text)
    with pytest.raises(EventTableError) as caught:
        read_event_table(path, units=UNITS, **options)  # type: ignore[arg-type]
    return caught.value


def test_the_rows_that_the_bad_ones_are_made_of_are_sound(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text(table(row(), level()))
    events = read_event_table(tmp_path / "good.csv", units=UNITS)
    assert len(events.doses) == len(events.observations) == 1
    assert all(finding.severity is not Severity.WARNING for finding in events.findings)


# check, rows, column, what the message must hold
RULES = [
    ("subjects-together", [row(), row(ID=2), level()], "ID", ["line 4", "ID 1", "1 again", "sort by ID"]),
    ("time-there", [row(TIME=".")], "TIME", ["line 2", "missing"]),
    ("time-not-negative", [row(TIME=-1)], "TIME", ["-1", "zero or more", "shift"]),
    ("times-sorted", [row(TIME=24), level(TIME=12)], "TIME", ["line 3", "12 after 24", "sort the rows"]),
    ("times-run-on", [row(TIME=24), row(TIME=0, EVID=4)], "TIME", ["0 after 24", "over the reset"]),
    ("one-dose-at-a-time", [row(), row(AMT=3)], "TIME", ["line 3", "second dose at TIME 0", "compartment 1"]),
    ("one-level-at-a-time", [row(), level(), level(DV=8)], "TIME", ["line 4", "second level at TIME 12", "DVID"]),
    ("amount-not-negative", [row(AMT=-5)], "AMT", ["-5", "zero or more"]),
    ("dose-has-amount", [row(AMT=".")], "AMT", ["EVID 1", "above zero", "EVID 0 (level)"]),
    ("amount-on-dose-rows", [row(), level(AMT=5)], "EVID", ["EVID 0, AMT 5", "EVID 1"]),
    ("dose-items-on-dose-rows", [row(), level(RATE=2)], "RATE", ["EVID 0, RATE 2", "clear RATE"]),
    ("dose-items-on-dose-rows", [row(), level(DUR=2)], "DUR", ["DUR 2"]),
    ("dose-items-on-dose-rows", [row(), level(II=12)], "II", ["II 12"]),
    ("dose-items-on-dose-rows", [row(), level(ADDL=1)], "ADDL", ["ADDL 1"]),
    ("dose-items-on-dose-rows", [row(), level(SS=1)], "SS", ["SS 1"]),
    ("rate-known", [row(RATE=-3)], "RATE", ["-3", "-1 or -2"]),
    ("duration-not-negative", [row(DUR=-1)], "DUR", ["-1"]),
    ("one-duration", [row(RATE=-2, DUR=2)], "RATE", ["RATE -2, DUR 2"]),
    ("rate-agrees", [row(RATE=2, DUR=2)], "RATE", ["AMT 5, RATE 2, DUR 2", "RATE times DUR"]),
    ("modelled-rate", [row(RATE=-1)], "RATE", ["rate of its infusion"]),
    ("modelled-duration", [row(RATE=-2)], "RATE", ["duration of its infusion"]),
    ("constant-infusion", [row(AMT=0, RATE=1, SS=1, DUR=3)], "DUR", ["constant infusion"]),
    ("constant-infusion", [row(AMT=0, RATE=1, SS=1, II=12)], "II", ["clear II"]),
    ("constant-infusion", [row(AMT=0, RATE=1, SS=1, ADDL=2, II=12)], "ADDL", ["clear ADDL"]),
    ("interval-not-negative", [row(II=-12)], "II", ["-12"]),
    ("additional-whole", [row(ADDL=-1, II=12)], "ADDL", ["ADDL -1", "empirical steady state"]),
    ("additional-whole", [row(ADDL=1.5, II=12)], "ADDL", ["1.5", "whole number"]),
    ("additional-has-interval", [row(ADDL=3)], "ADDL", ["ADDL 3, II 0", "give II"]),
    ("steady-state-supported", [row(SS=3, II=12)], "SS", ["SS 3", "write SS 1"]),
    ("steady-state-known", [row(SS=4, II=12)], "SS", ["SS 4", "0, 1 or 2"]),
    ("steady-state-has-interval", [row(SS=1)], "SS", ["SS 1, II 0", "give II"]),
    ("compartment-whole", [row(CMT=-1)], "CMT", ["CMT -1", "off"]),
    ("compartment-whole", [row(CMT=1.5)], "CMT", ["1.5"]),
    ("event-known", [row(EVID=5)], "EVID", ["EVID 5", "3 reset"]),
    ("event-known", [row(EVID=".")], "EVID", ["EVID missing"]),
    ("mdv-known", [row(), level(MDV=100)], "MDV", ["100", "0 or 1"]),
    ("mdv-agrees", [row(MDV=0)], "MDV", ["EVID 1, MDV 0"]),
    ("level-on-level-rows", [row(DV=7)], "DV", ["EVID 1, DV 7", "row of its own"]),
    ("level-there", [row(), level(DV=".")], "DV", ["MDV 0, DV missing", "MDV 1"]),
    ("level-not-negative", [row(), level(DV=-2)], "DV", ["-2", "logarithms"]),
    ("limit-positive", [row(), level(LLOQ=0)], "LLOQ", ["LLOQ 0"]),
    ("censoring-known", [row(), level(BLQ=-1)], "BLQ", ["BLQ -1", "above, -1"]),
    ("censored-has-limit", [row(), level(BLQ=1, DV=".")], "BLQ", ["LLOQ missing", "give LLOQ"]),
    ("censored-below-limit", [row(), level(BLQ=1, DV=3, LLOQ=2)], "DV", ["DV 3, LLOQ 2"]),
    ("flag-agrees", [row(), level(BLQ=0, DV=1, LLOQ=2)], "BLQ", ["BLQ 0, DV 1, LLOQ 2", "set BLQ to 1"]),
    ("occasion-whole", [row(OCC=1.5)], "OCC", ["1.5"]),
    ("occasion-whole", [row(OCC=".")], "OCC", ["OCC missing"]),
    ("dvid-whole", [row(), level(DVID=0.5)], "DVID", ["0.5"]),
    ("numbers-plain", [row(AMT="5 mg")], "AMT", ["5 mg", "without its unit"]),
    ("numbers-plain", [row(), level(DV="<2")], "DV", ["<2", "LLOQ, 1 in BLQ"]),
    ("numbers-plain", [row(), level(DV="1e999")], "DV", ["1e999"]),
    ("numbers-plain", [row(), level(DV="1_000")], "DV", ["1_000"]),
    ("decimal-point", [row(AMT='"2,5"')], "AMT", ["2,5", "write 2.5"]),
    ("id-there", [row(ID=".")], "ID", ["line 2", "got: .", "give the subject"]),
]


@pytest.mark.parametrize(
    ("check", "rows", "column", "words"), RULES, ids=[f"{n}-{rule[0]}" for n, rule in enumerate(RULES)]
)
def test_every_rule_names_place_and_cure(
    tmp_path: Path, check: str, rows: list[str], column: str, words: list[str]
) -> None:
    error = errors_of(table(*rows), tmp_path)
    found = next(f for f in error.errors if f.check == check and f.where.endswith(f"column {column}"))
    assert "bad.csv, line " in found.where
    assert found.got
    assert found.allowed
    assert found.do
    for word in words:
        assert word in found.message


def test_every_finding_of_the_rules_has_a_bad_table() -> None:
    files = {Path(check.ask.__code__.co_filename) for check in ROW_RULES}
    named = {name for file in files for name in re.findall(r'"([a-z]+(?:-[a-z]+)+)"', file.read_text())}
    milder = {"interval-used", "steady-state-adds", "below-limit", "limit-in-level", "levels-left-out", "zero-levels"}
    groups = {check.name for check in ROW_RULES}
    assert named - groups - milder - {"compartment-exists"} <= {rule[0] for rule in RULES}


HEADERS = [
    ("reserved-names-case", "ID,Time,AMT", ["Time", "TIME or time", "rename Time to TIME"]),
    ("reserved-names-case", "ID,time,AMT", ["ID, AMT beside time", "write time in upper case"]),
    ("reserved-names-case", "id,TIME,amt", ["TIME beside id, amt", "write TIME in lower case"]),
    ("columns-once", "ID,TIME,AMT,AMT", ["2 columns AMT", "remove one"]),
    ("columns-once", "ID,TIME,AMT,amt", ["2 columns AMT"]),
    ("columns-named", "ID,TIME,AMT,", ["without a name"]),
    ("columns-needed", "SUBJ,TIME,AMT", ["a column ID"]),
    ("columns-needed", "ID,TIMES,AMT", ["a column TIME", "rename TIMES to TIME"]),
    ("columns-needed", "ID,TIME,DOSE", ["AMT (doses) or DV (levels)"]),
    ("one-date", "ID,TIME,AMT,DATE,DAT1", ["one of DATE"]),
    ("one-flag", "ID,TIME,AMT,BLQ,CENS", ["one of them"]),
]


@pytest.mark.parametrize(("check", "header", "words"), HEADERS, ids=[header for _, header, _ in HEADERS])
def test_headers(tmp_path: Path, check: str, header: str, words: list[str]) -> None:
    error = errors_of(table(",".join(["1"] * len(header.split(","))), header=header), tmp_path)
    found = next(finding for finding in error.errors if finding.check == check)
    assert found.where.endswith("bad.csv, header")
    for word in words:
        assert word in found.message


def test_lower_case_names_are_the_same_table(tmp_path: Path) -> None:
    (tmp_path / "lower.csv").write_text("id,time,amt,dv,Weight\n1,0,5,.,70\n1,12,0,7.5,70\n")
    events = read_event_table(tmp_path / "lower.csv", units=UNITS)
    assert events.doses.amount_mg.tolist() == [5.0]
    assert events.records.names == ("Weight",)


def test_all_errors_come_together_and_survive_pickling_and_json(tmp_path: Path) -> None:
    error = errors_of(table(row(AMT=-5), row(TIME=12, AMT="x"), level(TIME=6), level(DV=-1)), tmp_path)
    assert {finding.check for finding in error.errors} == {
        "amount-not-negative",
        "numbers-plain",
        "times-sorted",
        "level-not-negative",
    }
    assert error.message.startswith(f"{tmp_path / 'bad.csv'}: 4 errors\n")
    assert str(error) == error.message
    back = pickle.loads(pickle.dumps(error))
    assert back.findings == error.findings
    content = json.loads(json.dumps(error.as_dict()))
    assert content["kind"] == "EventTableError"
    assert len(content["findings"]) >= 4
    assert error.exit_status == 2


def test_a_bad_cell_does_not_bring_errors_that_only_follow_from_it(tmp_path: Path) -> None:
    error = errors_of(table(row(AMT="five")), tmp_path)
    assert [finding.check for finding in error.errors] == ["numbers-plain"]


def test_more_than_a_hundred_errors_of_a_kind_are_counted(tmp_path: Path) -> None:
    error = errors_of(table(*(row(TIME=n, AMT=-1) for n in range(150))), tmp_path)
    assert len(error.errors) == 101
    assert error.errors[-1].got == "50 more rows"
    assert "and 51 more" in error.message


def test_compartments_of_a_model(tmp_path: Path) -> None:
    error = errors_of(table(row(CMT=3), level()), tmp_path, compartments={1: "depot", 2: "central"})
    assert [finding.check for finding in error.errors] == ["compartment-exists"]
    assert "0 (the model's default), 1 (depot), 2 (central)" in error.errors[0].allowed
    error = errors_of(table(row(), level(CMT=4)), tmp_path, compartments={1: "depot", 2: "central"})
    assert "line 3" in error.errors[0].where


def test_codes_of_a_model_that_gives_rates() -> None:
    columns = {"ID": [1, 1], "TIME": [0, 12], "AMT": [5, 5], "RATE": [-1, -2]}
    events = event_table_from_arrays(columns, units=UNITS, modelled={"rate", "duration"})
    assert events.doses.modelled.tolist() == [1, 2]
    assert events.doses.rate_mg_per_h.tolist() == [0.0, 0.0]


def test_further_doses_that_double_a_row(tmp_path: Path) -> None:
    error = errors_of(table(row(ADDL=3, II=12), row(TIME=24)), tmp_path)
    assert "ADDL 3 gives a dose at 24 h" in error.errors[0].got
    assert error.errors[0].check == "one-dose-at-a-time"


def test_two_doses_at_one_time_into_two_compartments_or_on_top_are_sound() -> None:
    columns = {"ID": [1, 1, 1], "TIME": [0, 0, 0], "AMT": [5, 5, 3], "CMT": [1, 2, 1]}
    columns |= {"SS": [1, 0, 2], "II": [24, 0, 24]}
    assert len(event_table_from_arrays(columns, units=UNITS).doses) == 3


def test_columns_of_different_lengths_and_empty_tables(tmp_path: Path) -> None:
    from limus.kernel.errors import FileReadError, ValueRangeError

    with pytest.raises(ValueRangeError, match="ID 2, TIME 1"):
        event_table_from_arrays({"ID": [1, 1], "TIME": [0]}, units=UNITS)
    assert [f.check for f in errors_of("ID,TIME,AMT\n", tmp_path).errors] == ["rows-there"]
    (tmp_path / "empty.csv").write_text("\n\n")
    with pytest.raises(FileReadError, match="no lines"):
        read_event_table(tmp_path / "empty.csv", units=UNITS)
    with pytest.raises(FileReadError, match="nothing"):
        read_event_table(tmp_path / "nothing.csv", units=UNITS)
    (tmp_path / "quotes.csv").write_text('ID,TIME,AMT\n1,0,"5\n')
    with pytest.raises(FileReadError, match="quotes"):
        read_event_table(tmp_path / "quotes.csv", units=UNITS)
