"""Study tables: forms told apart by columns, strict reading, rows that are left out and say why."""

from __future__ import annotations

from pathlib import Path

import pytest

from limus.evidence.comparison import compare_treatments
from limus.evidence.study_checks import ROW_CHECKS, examine_rows
from limus.evidence.study_table import StudyTable, TableForm, narrow, read_study_table, shipped_tables
from limus.kernel.checks import Severity
from limus.kernel.errors import FileReadError, InputError, NothingSucceededError, UnknownNameError
from limus.kernel.provenance import load_bibliography
from limus.kernel.tables import library_folder

ARMS = """study,treatment,n,events
A,drug,100,20
A,placebo,100,30
B,drug,50,4
B,placebo,52,9
"""


def table(folder: Path, text: str, name: str = "t.csv") -> StudyTable:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_study_table(str(path))


@pytest.mark.parametrize(
    ("header", "row", "form"),
    [
        ("study,treatment,n,events", "A,x,10,2", TableForm.EVENTS),
        ("study,treatment,n,mean,sd,note", "A,x,10,2,1,hm", TableForm.MEANS),
        ("study,treatment_1,treatment_2,effect,se", "A,x,y,0.1,0.2", TableForm.CONTRASTS),
        ("study,treatment_1,treatment_2,estimate,ci_low,ci_high", "A,x,y,1,0.5,2", TableForm.ESTIMATES),
        ("study,treatment_1,treatment_2,estimate,p", "A,x,y,1.5,0.03", TableForm.ESTIMATES),
        ("study,treatment_1,treatment_2,p,events,n_1,n_2,favours", "A,x,y,0.03,30,50,50,x", TableForm.LOG_RANK),
    ],
)
def test_the_columns_tell_the_form(tmp_path: Path, header: str, row: str, form: TableForm) -> None:
    assert table(tmp_path, f"{header}\n{row}\n").form is form


@pytest.mark.parametrize(
    "text",
    [
        "study,treatment,n\nA,x,10\n",
        "study,treatment,n,events,mean,sd\nA,x,10,2,1,1\n",
        "study,treatment,n,events\n",
        "study,treatment,n,events\nA,x,ten,2\n",
        "study,treatment,n,events\n,x,10,2\n",
        "study,treatment,n,events,row\nA,x,10,2,1\n",
    ],
)
def test_a_table_of_no_form_or_of_two_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(FileReadError):
        table(tmp_path, text)


def test_an_unknown_name_gives_near_ones() -> None:
    with pytest.raises(UnknownNameError, match="atopic_dermatitis"):
        read_study_table("atopic_dermatitiss")


BAD_ROWS = {
    TableForm.EVENTS: (
        "study,treatment,n,events",
        {
            "a-study-itself": "Total (95% CI),x,1000,3",
            "numbers-there": "A,x,,3",
            "counts-whole": "A,x,10,2.5",
            "counts-possible": "A,x,10,11",
        },
    ),
    TableForm.MEANS: (
        "study,treatment,n,mean,sd",
        {"spread-positive": "A,x,10,2,-1", "counts-possible": "A,x,1,2,1", "counts-whole": "A,x,1.5,2,1"},
    ),
    TableForm.CONTRASTS: (
        "study,treatment_1,treatment_2,effect,se",
        {"spread-positive": "A,x,y,0.1,-0.2", "numbers-there": "A,x,y,0.1,"},
    ),
    TableForm.ESTIMATES: (
        "study,treatment_1,treatment_2,estimate,ci_low,ci_high,p",
        {"interval-ordered": "A,x,y,3,0.5,2,", "numbers-there": "A,x,y,3,,,", "p-possible": "A,x,y,3,,,0"},
    ),
    TableForm.LOG_RANK: (
        "study,treatment_1,treatment_2,p,events,n_1,n_2,favours",
        {
            "favours-an-arm": "A,x,y,0.1,10,20,20,z",
            "counts-possible": "A,x,y,0.1,50,20,20,x",
            "p-possible": "A,x,y,1,10,20,20,x",
            "numbers-there": "A,x,y,0.1,10,20,20,",
        },
    ),
}


@pytest.mark.parametrize("form", list(BAD_ROWS))
def test_a_bad_row_has_its_status_and_the_others_go_on(tmp_path: Path, form: TableForm) -> None:
    header, rows = BAD_ROWS[form]
    read = table(tmp_path, "\n".join([header, *rows.values()]) + "\n")
    assert read.form is form
    statuses, findings = examine_rows(read)
    assert list(statuses) == list(rows)
    assert all(finding is not None and finding.got and finding.do for finding in findings)


def test_every_row_check_is_tested() -> None:
    assert {name for name, _, _ in ROW_CHECKS} == {name for _, rows in BAD_ROWS.values() for name in rows}


def test_arms_become_one_comparison(tmp_path: Path) -> None:
    found = compare_treatments(table(tmp_path, ARMS))
    assert (found.treatment, found.reference) == (("drug",), "placebo")
    assert found.studies[0].numbers == {"events_1": 20, "n_1": 100, "events_2": 30, "n_2": 100}
    assert [f.check for f in found.findings] == ["reference-chosen"]
    assert not compare_treatments(table(tmp_path, ARMS), reference="placebo").findings


def test_a_study_with_several_arms_is_combined_or_chosen_never_counted_twice(tmp_path: Path) -> None:
    read = table(tmp_path, ARMS + "A,drug twice,90,10\nB,other,10,1\n")
    both = compare_treatments(read, ["drug", "drug twice"], "placebo")
    assert both.studies[0].numbers == {"events_1": 30, "n_1": 190, "events_2": 30, "n_2": 100}
    assert both.studies[0].arms == ("drug", "drug twice")
    assert [f.check for f in both.findings] == ["arms-combined"]
    one = compare_treatments(read, ["drug"], "placebo")
    assert one.studies[0].numbers["n_1"] == 100
    with pytest.raises(InputError, match="combined within a study"):
        compare_treatments(read, (), "placebo")


def test_means_of_several_arms_are_combined_as_one_group(tmp_path: Path) -> None:
    text = "study,treatment,n,mean,sd\nA,low,2,1,1\nA,high,2,3,1\nA,placebo,9,0,1\n"
    found = compare_treatments(table(tmp_path, text), ["low", "high"], "placebo")
    assert found.studies[0].numbers["mean_1"] == 2
    assert found.studies[0].numbers["sd_1"] == pytest.approx(2**0.5)
    assert found.studies[0].numbers["n_1"] == 4


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ("C,drug,10,1\n", "single-arm"),
        ("C,drug,10,1\nC,drug,12,1\nC,placebo,9,1\n", "duplicate-arm"),
        ("C,drug,10,11\nC,placebo,10,1\n", "counts-possible"),
        ("C,other,10,1\nC,placebo,10,1\n", "other-treatments"),
    ],
)
def test_a_study_that_cannot_be_compared_is_left_out_and_said(tmp_path: Path, extra: str, status: str) -> None:
    found = compare_treatments(table(tmp_path, ARMS + extra), ["drug"], "placebo")
    assert [study.status for study in found.studies] == ["compared", "compared", status]
    said = [f for f in found.findings if f.check == status]
    assert said
    assert "C" in said[0].where


def test_contrasts_are_turned_and_never_taken_twice(tmp_path: Path) -> None:
    text = "study,treatment_1,treatment_2,effect,se\n"
    text += "A,drug,placebo,0.5,0.1\nB,placebo,drug,0.4,0.1\nC,drug,placebo,1,0.1\nC,drug2,placebo,1,0.1\n"
    read = table(tmp_path, text)
    found = compare_treatments(read, ["drug"], "placebo")
    assert [study.numbers["turned"] for study in found.studies] == [0, 1, 0]
    both = compare_treatments(read, ["drug", "drug2"], "placebo")
    assert both.studies[2].status == "contrasts-share-an-arm"
    doubled = compare_treatments(table(tmp_path, text + "A,placebo,drug,-0.5,0.1\n"), ["drug"], "placebo")
    assert doubled.studies[0].status == "duplicate-contrast"


def test_each_side_keeps_its_origin_and_one_assumed_row_is_enough(tmp_path: Path) -> None:
    text = "study,treatment,n,events,kind,source,note\nA,low,9,1,compiled,x,read\nA,high,9,1,assumed,,recalled\n"
    text += "A,placebo,9,2,compiled,y,read\n"
    read = table(tmp_path, text)
    both = compare_treatments(read, ["low", "high"], "placebo").studies[0]
    assert both.assumed
    assert both.origins[0] == {"kind": "assumed", "source": "x", "note": "read; recalled"}
    assert both.origins[1]["kind"] == "compiled"
    assert not compare_treatments(read, ["low"], "placebo").studies[0].assumed


def test_mixed_scales_are_refused_until_one_is_chosen(tmp_path: Path) -> None:
    text = "study,treatment,n,mean,sd,unit,outcome\nA,d,9,1,1,mg,pain\nA,p,9,2,1,g,pain\nB,d,9,1,1,mg,itch\n"
    read = table(tmp_path, text)
    with pytest.raises(InputError, match="outcome"):
        compare_treatments(read, reference="p")
    with pytest.raises(InputError, match="mg; g"):
        compare_treatments(narrow(read, {"outcome": "pain"}), reference="p")
    with pytest.raises(UnknownNameError, match="pain; itch"):
        narrow(read, {"outcome": "pains"})
    with pytest.raises(InputError):
        narrow(read, {"colour": "red"})


def test_names_that_differ_by_case_only_are_said(tmp_path: Path) -> None:
    found = compare_treatments(table(tmp_path, ARMS + "C,Drug,10,1\nC,placebo,10,1\n"), ["drug"], "placebo")
    assert [f.severity for f in found.findings if f.check == "names-alike"] == [Severity.WARNING]


@pytest.mark.parametrize(
    ("treatment", "reference", "error"),
    [
        (["drugg"], "placebo", UnknownNameError),
        (["drug"], "vehicle", UnknownNameError),
        (["drug"], "drug", InputError),
    ],
)
def test_wrong_names_are_refused(tmp_path: Path, treatment: list[str], reference: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        compare_treatments(table(tmp_path, ARMS), treatment, reference)


def test_a_reference_is_not_guessed_among_three(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--reference"):
        compare_treatments(table(tmp_path, "study,treatment,n,events\nA,x,9,1\nA,y,9,1\nA,z,9,1\n"))


def test_nothing_to_compare_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(NothingSucceededError, match="single arm"):
        compare_treatments(table(tmp_path, "study,treatment,n,events\nA,x,9,1\nB,y,9,1\n"), ["x"], "y")


@pytest.mark.parametrize("name", shipped_tables())
def test_shipped_tables_say_where_each_row_comes_from(name: str) -> None:
    references = load_bibliography(library_folder() / "references.bib")
    read = read_study_table(name)
    assert {"outcome", "time", "kind", "source", "note"} <= set(read.other_columns)
    for row in read.rows.rows():
        keys = [key for key in row["source"].split(";") if key]
        assert row["kind"] in ("measured", "compiled", "assumed")
        assert (row["kind"] == "assumed") == (not keys), row
        assert set(keys) <= set(references)
    statuses, _ = examine_rows(read)
    assert set(statuses) <= {"ok", "numbers-there"}


def test_triamcinolone_is_not_tacrolimus() -> None:
    rows = [row for row in read_study_table("atopic_dermatitis").rows.rows() if row["study"] == "Luger 2004"]
    assert rows
    assert not any("tacrolimus" in row["treatment"] for row in rows)
