"""Tables as people have them: other names, all arms of a study in one row, differences against a baseline."""

from __future__ import annotations

from pathlib import Path

import pytest

from limus.evidence.comparison import compare_treatments, is_control
from limus.evidence.measures import Measure, compute_effects
from limus.evidence.network import read_networks
from limus.evidence.study_checks import require_measure
from limus.evidence.study_table import StudyTable, TableForm, read_conditions, read_study_table
from limus.kernel.errors import FileReadError, InputError
from limus.kernel.statistics.network import fit_network


def table(folder: Path, text: str, measure: str = "", columns: tuple[str, ...] = ()) -> StudyTable:
    path = folder / "t.csv"
    path.write_text(text, encoding="utf-8")
    return read_study_table(str(path), measure, columns)


def arms(read: StudyTable) -> list[tuple[str, str, float, float]]:
    return [(r["study"], r["treatment"], r["n"], r["events"]) for r in read.rows.rows()]


ASH = [("Ash", "treated", 40.0, 4.0), ("Ash", "control", 41.0, 9.0)]


@pytest.mark.parametrize(
    "text",
    [
        "study,ai,n1i,ci,n2i\nAsh,4,40,9,41\n",  # metafor
        "study,ai,bi,ci,di\nAsh,4,36,9,32\n",
        "study,tpos,tneg,cpos,cneg\nAsh,4,36,9,32\n",
        "studlab;event.e;n.e;event.c;n.c\nAsh;4;40;9;41\n",  # meta, semicolons
        "Study or Subgroup,Experimental Events,Experimental Total,Control Events,Control Total\nAsh,4,40,9,41\n",
        "study\tevents_1\tn_1\tevents_2\tn_2\nAsh\t4\t40\t9\t41\n",
    ],
)
def test_two_arms_in_a_row(tmp_path: Path, text: str) -> None:
    read = table(tmp_path, text)
    assert arms(read) == ASH
    assert [f.check for f in read.findings] == ["columns-read"]


def test_three_arms_in_a_row_and_an_empty_one(tmp_path: Path) -> None:
    text = "id,t1,t2,t3,r1,n1,r2,n2,r3,n3\n1,a,b,c,1,10,2,11,3,12\n2,a,b,NA,4,20,5,21,NA,NA\n"
    assert [row[1:] for row in arms(table(tmp_path, text))] == [
        ("a", 10, 1), ("b", 11, 2), ("c", 12, 3), ("a", 20, 4), ("b", 21, 5),
    ]  # fmt: skip


def test_pairs_of_a_study_in_several_rows_are_one_study(tmp_path: Path) -> None:
    text = "studlab,treat1,treat2,event1,n1,event2,n2\n1,a,b,1,10,2,11\n1,a,c,1,10,3,12\n1,b,c,2,11,3,12\n"
    assert [row[1] for row in arms(table(tmp_path, text))] == ["a", "b", "c"]
    contradicting = text.replace("1,b,c,2,11", "1,b,c,5,11")
    assert {row[0] for row in arms(table(tmp_path, contradicting))} == {"1 (row 1)", "1 (row 2)", "1 (row 3)"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("study,year,ai,n1i,ci,n2i\nHo,1996,1,9,2,9\nHo,2002,1,9,2,9\n", ["Ho 1996", "Ho 2002"]),
        ("trial,author,year,ai,n1i,ci,n2i\n1,Ho,1996,1,9,2,9\n2,Li,1996,1,9,2,9\n", ["Ho 1996", "Li 1996"]),
        ("author,ai,n1i,ci,n2i\nHo,1,9,2,9\nHo,1,9,2,9\n", ["Ho (row 1)", "Ho (row 2)"]),
        ("id,author,year,ai,n1i,ci,n2i\n33,Ho,1996,1,9,2,9\n88,Ho,1996,1,9,2,9\n", ["Ho (33)", "Ho (88)"]),
    ],
)
def test_no_study_is_lost_to_its_name(tmp_path: Path, text: str, names: list[str]) -> None:
    assert list(dict.fromkeys(row[0] for row in arms(table(tmp_path, text)))) == names


@pytest.mark.parametrize(
    ("text", "measure", "form"),
    [
        ("Trial,arm,N,responders\nA,x,9,1\n", "OR", TableForm.EVENTS),
        ("studyn,trtn,y,se,n\n1,1,-0.3,0.5,76\n", "MD", TableForm.MEANS),
        ("study,yi,vi\nA,0.2,0.1\n", "OR", TableForm.CONTRASTS),
        ("studlab,treat1,treat2,TE,seTE\nA,x,y,0.2,0.1\n", "MD", TableForm.CONTRASTS),
        ("id,treat1,treat2,lnOR,selnOR\nA,x,y,0.2,0.1\n", "OR", TableForm.CONTRASTS),
        ("study,treat1,treat2,logHR,lower,upper\nA,x,y,-0.3,-0.7,0.1\n", "HR", TableForm.CONTRASTS),
        ("Study,HR,Lower 95% CI,Upper 95% CI\nA,0.7,0.5,0.98\n", "HR", TableForm.ESTIMATES),
        ("author,or,or.lb,or.ub\nA,0.7,0.5,0.98\n", "OR", TableForm.ESTIMATES),
        ('study,"OR (95% CI)"\nA,0.7 (0.5\N{EN DASH}0.98)\n', "OR", TableForm.ESTIMATES),
        ("study,HR,CI\nA,0.7,0.5 to 0.98\n", "HR", TableForm.ESTIMATES),
    ],
)
def test_the_names_that_people_use(tmp_path: Path, text: str, measure: str, form: TableForm) -> None:
    read = table(tmp_path, text, measure)
    assert read.form is form
    if form in (TableForm.CONTRASTS, TableForm.ESTIMATES):
        found = compute_effects(compare_treatments(read), Measure(measure))
        assert len(found.studies) == 1


def test_standard_errors_of_means_become_deviations(tmp_path: Path) -> None:
    read = table(tmp_path, "study,treatment,y,se,n\nA,x,1,0.5,100\n")
    assert read.rows["sd"][0] == pytest.approx(5.0)


def test_a_column_may_be_named(tmp_path: Path) -> None:
    text = "study,treatment,stroke,total\nA,x,1,10\nA,y,2,11\n"
    with pytest.raises(FileReadError, match="--column events=NAME"):
        table(tmp_path, text, "OR")
    assert [row[3] for row in arms(table(tmp_path, text, "OR", ("events=stroke",)))] == [1, 2]
    wide = "study,treatment1,treatment2,n1,resp1,loss1,n2,resp2,loss2\nA,x,y,10,1,7,11,2,8\n"
    assert [row[3] for row in arms(table(tmp_path, wide, "OR", ("events=loss",)))] == [7, 8]
    for wrong in ("events=strokes", "event", "colour=stroke"):
        with pytest.raises(InputError):
            table(tmp_path, text, "OR", (wrong,))


def test_the_measure_decides_between_two_readings_and_says_so(tmp_path: Path) -> None:
    text = "study,treatment_1,treatment_2,events_1,n_1,events_2,n_2,HR,ci_low,ci_high\nA,x,y,1,10,3,11,0.4,0.1,1.6\n"
    assert table(tmp_path, text, "HR").form is TableForm.ESTIMATES
    read = table(tmp_path, text.replace("HR", "OR"), "OR")
    assert read.form is TableForm.EVENTS
    assert "form-chosen" in {finding.check for finding in read.findings}


@pytest.mark.parametrize(
    "text",
    ["study,HR,ci_low,ci_high\nA,0.7,0.5,0.98\n", "study,yi,vi,measure\nA,0.2,0.1,HR\n"],
)
def test_effects_of_another_measure_are_refused(tmp_path: Path, text: str) -> None:
    read = table(tmp_path, text, "OR")
    require_measure(read, "HR")
    with pytest.raises(InputError, match="--measure HR"):
        require_measure(read, "OR")


def test_mixed_measures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="OR; HR"):
        compare_treatments(table(tmp_path, "study,yi,vi,measure\nA,0.2,0.1,OR\nB,0.2,0.1,HR\n"))


@pytest.mark.parametrize(("cell", "do"), [("0,35", "decimal point"), ("ten", "plain number"), ("1_000", "empty")])
def test_what_is_no_number_is_refused(tmp_path: Path, cell: str, do: str) -> None:
    with pytest.raises(FileReadError, match=do):
        table(tmp_path, f"study;yi;vi\nA;{cell};0.1\n")


def test_a_bound_is_no_p_value(tmp_path: Path) -> None:
    read = table(tmp_path, "study,treatment_1,treatment_2,HR,p\nA,x,y,0.7,<0.001\nB,x,y,0.8,0.02\n", "HR")
    assert "p-is-a-bound" in {finding.check for finding in read.findings}
    assert [study.name for study in compute_effects(compare_treatments(read), Measure.HR).studies] == ["B"]


def test_a_negative_variance_leaves_out_its_row(tmp_path: Path) -> None:
    read = table(tmp_path, "study,yi,vi\nA,0.2,0.1\nB,0.3,-0.1\nC,0.1,0\n")
    found = compare_treatments(read)
    assert [study.status for study in found.studies] == ["compared", "spread-positive", "spread-positive"]
    assert compute_effects(found, Measure.MD).variance.tolist() == [0.1]


ARMS = "study,treatment,n,mean,sd\n1,a,50,1,2\n1,b,60,2,3\n1,c,70,1.5,2\n2,a,40,0,2\n2,b,40,1.5,2\n"
BASE = "study,treatment,diff,std.err\n1,a,NA,{}\n1,b,1,{}\n1,c,0.5,{}\n2,a,,{}\n2,b,1.5,{}\n"


def test_differences_against_a_baseline_are_the_arms(tmp_path: Path) -> None:
    variances = [4 / 50, 9 / 60, 4 / 70, 4 / 40, 4 / 40]
    errors = [v if at in (0, 3) else v + variances[0 if at < 3 else 3] for at, v in enumerate(variances)]
    text = BASE.format(*(v**0.5 for v in errors))
    one = read_networks([table(tmp_path, text, "MD")], Measure.MD, "a").networks[0]
    two = read_networks([table(tmp_path, ARMS)], Measure.MD, "a").networks[0]
    assert fit_network(one).effect == pytest.approx(fit_network(two).effect)
    assert fit_network(one).standard_error == pytest.approx(fit_network(two).standard_error)


def test_contrasts_that_share_an_arm_need_its_variance(tmp_path: Path) -> None:
    text = "study,treat1,treat2,TE,seTE,covariance\n1,b,a,1,0.5,0.08\n1,c,a,0.5,0.4,0.08\n2,b,a,1.5,0.4,\n"
    full = read_networks([table(tmp_path, text, "MD")], Measure.MD, "a")
    assert [used.status for used in full.studies] == ["used", "used"]
    assert full.networks[0].studies[0].covariance.tolist() == [[0.25, 0.08], [0.08, pytest.approx(0.16)]]
    bare = read_networks([table(tmp_path, text.replace("0.08", ""), "MD")], Measure.MD, "a")
    assert [used.status for used in bare.studies] == ["impossible-study", "used"]


def test_names_of_controls() -> None:
    assert is_control("Placebo/Control")
    assert is_control("vehicle")
    assert not is_control("placebo + drug")


def test_conditions() -> None:
    assert read_conditions(["a = b"], outcome="c") == {"a": "b", "outcome": "c"}
    with pytest.raises(InputError):
        read_conditions(["a"])


def test_an_interval_of_logarithms_gives_the_error(tmp_path: Path) -> None:
    read = table(tmp_path, "study,treat1,treat2,logHR,lower,upper\nA,x,y,-0.3,-0.692,0.092\n", "HR")
    assert read.rows["se"][0] == pytest.approx(0.2, rel=1e-4)
    with pytest.raises(FileReadError):  # it may be a ratio
        table(tmp_path, "study,treat1,treat2,effect,lower,upper\nA,x,y,0.7,0.5,0.98\n", "HR")


def test_commas_between_thousands_of_people(tmp_path: Path) -> None:
    read = table(tmp_path, 'study,treatment,n,mean,sd\nA,x,"1,022",5.1,2\n')
    assert read.rows["n"][0] == 1022
    with pytest.raises(FileReadError, match="decimal point"):
        table(tmp_path, 'study,treatment,n,mean,sd\nA,x,1022,"5,100",2\n')


def test_a_total_is_no_study_but_a_trial_may_be_called_so(tmp_path: Path) -> None:
    text = "study,ai,n1i,ci,n2i\nAsh,5,50,9,50\nOak,6,60,12,61\nTotal,{}\n"
    found = compare_treatments(table(tmp_path, text.format("11,110,21,111")))
    assert [study.status for study in found.studies] == ["compared", "compared", "a-study-itself"]
    found = compare_treatments(table(tmp_path, text.format("7,70,9,71")))
    assert [study.status for study in found.studies] == ["compared", "compared", "compared"]
