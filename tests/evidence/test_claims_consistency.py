"""Consistency checks on tables: known-good ones stay silent, each known error is found by the check that it is for."""

from __future__ import annotations

from pathlib import Path

import pytest

from limus.evidence.consistency import CONSISTENCY_CHECKS, Consistency, examine, read_printed, read_reported, summarise
from limus.evidence.consistency.cells import read_counts, read_effect, read_p_value
from limus.kernel.errors import FileReadError


def verdicts(folder: Path, text: str, check: str) -> list[Consistency]:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return [one.verdict for one in examine(read_reported(path)) if one.check == check]


OK, NO, NEAR, SKEW, NONE = (
    Consistency.CONSISTENT,
    Consistency.INCONSISTENT,
    Consistency.IMPRECISE,
    Consistency.NOT_WALD,
    Consistency.NOT_JUDGED,
)
ARM = "study,arm,n,events,percent\n"
EFFECT = "study,measure,estimate,ci_low,ci_high,p,events_1,n_1,events_2,n_2\n"


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ("A,x,1022,493,48.2", OK),
        ("A,x,111,6,5.4", OK),
        ("A,x,8,1,12.5", OK),
        ("A,x,8,1,13", OK),  # a half, rounded up
        ("A,x,8,1,12", OK),  # and to even
        ("A,x,1015,457,45.1", NO),  # TRANSFORM as retyped: 45.02 %
        ("A,x,111,57,51.0", NEAR),  # 51.35 %, right only if it stands for 51
        ("A,x,7,2,28.5", NEAR),  # 28.57 %, cut off
        ("A,x,18,15,38", NO),
    ],
)
def test_percent_of_counts(tmp_path: Path, row: str, verdict: Consistency) -> None:
    assert verdicts(tmp_path, f"{ARM}{row}\n", "percent-of-counts") == [verdict]


@pytest.mark.parametrize("row", ["A,x,10,11,", "A,x,10,-1,", "A,x,10,2.5,", "A,x,10,,101", "A,x,0,0,"])
def test_impossible_counts(tmp_path: Path, row: str) -> None:
    assert verdicts(tmp_path, f"{ARM}{row}\nA,y,10,1,10\n", "counts-possible") == [NO, OK]


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ("A,x,18,,,83", OK),  # 15 of 18
        ("A,x,18,,,80", NO),  # 14 give 77.8, 15 give 83.3
        ("A,x,20,3.45,points,", OK),  # 69 of 20
        ("A,x,20,3.47,points,", NO),  # a multiple of 0.05 is wanted: Brown and Heathers' test
        ("A,x,20,3.47,nM,", NONE),  # what is measured need not be whole
    ],
)
def test_granularity(tmp_path: Path, row: str, verdict: Consistency) -> None:
    header = "study,arm,n,mean,unit,percent\n"
    assert verdicts(tmp_path, f"{header}{row}\n", "granularity") == [verdict]


@pytest.mark.parametrize(
    ("row", "effect", "interval", "symmetric"),
    [
        ("A,RR,3.09,2.14,4.45,,90,186,29,185", OK, OK, OK),  # Katz
        ("A,RR,0.22,0.09,0.54,,5,45,21,42", OK, OK, OK),
        ("A,RR,4.50,1.87,10.85,,5,45,21,42", OK, OK, OK),  # arm 2 against arm 1
        ("A,OR,2.67,1.21,6.04,,56,70,48,80", OK, OK, SKEW),  # exact: not Wald, and not inconsistent
        ("A,RR,0.09,0.01,1.45,,0,10,5,10", OK, OK, OK),  # 0.5 added to each cell
        ("A,RR,0,0.01,1.45,,0,10,5,10", OK, OK, NONE),
        ("A,RR,2.40,2.14,4.45,,90,186,29,185", NO, OK, SKEW),
        ("A,RR,3.09,1.14,4.45,,90,186,29,185", OK, NO, SKEW),
    ],
)
def test_effects_and_intervals(
    tmp_path: Path, row: str, effect: Consistency, interval: Consistency, symmetric: Consistency
) -> None:
    assert verdicts(tmp_path, f"{EFFECT}{row}\n", "effect-from-counts") == [effect]
    assert verdicts(tmp_path, f"{EFFECT}{row}\n", "interval-from-counts") == [interval]
    assert verdicts(tmp_path, f"{EFFECT}{row}\n", "log-symmetry") == [symmetric]


def test_a_score_interval_is_named_and_is_not_called_wrong(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"{EFFECT}A,RR,9.00,1.64,53.5,,9,30,1,30\n", encoding="utf-8")
    found = {one.check: one for one in examine(read_reported(path))}
    assert found["interval-from-counts"].verdict is OK
    assert "Koopman" in found["interval-from-counts"].reason
    assert "Katz" not in found["interval-from-counts"].reason


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ("A,RR,2.05,1.52,2.76,<0.001,,,,", OK),
        ("A,RR,1.20,0.95,1.52,0.13,,,,", OK),
        ("A,RR,2.05,1.52,2.76,0.4,,,,", NO),
        ("A,RR,1.20,0.95,1.52,<0.001,,,,", NO),
        ("A,HR,0.80,0.64,1.00,0.046,,,,", OK),  # at the border another test may differ
        ("A,RR,2.05,1.52,2.76,1.4,,,,", NO),
        ("A,RD,3.2,-1.3,7.6,0.16,,,,", OK),
    ],
)
def test_p_against_interval(tmp_path: Path, row: str, verdict: Consistency) -> None:
    assert verdicts(tmp_path, f"{EFFECT}{row}\n", "p-against-interval") == [verdict]


def test_an_estimate_outside_its_interval(tmp_path: Path) -> None:
    rows = "A,RR,2.05,2.52,2.76,,,,,\nB,RR,2.05,1.52,2.76,,,,,\nC,MD,1.0,-2,-3,,,,,\n"
    assert verdicts(tmp_path, f"{EFFECT}{rows}", "estimate-inside-interval") == [NO, OK, NO]


def test_the_interval_of_a_percentage_names_its_method(tmp_path: Path) -> None:
    text = "study,arm,n,events,percent,ci_low,ci_high\nA,x,18,15,83,59,96\nA,y,18,15,83,70,90\n"
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    found = [one for one in examine(read_reported(path)) if one.check == "interval-of-percentage"]
    assert [one.verdict for one in found] == [OK, NO]
    assert "Clopper-Pearson" in found[0].reason


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ("tacrolimus,10,ng/mL,12.4", OK),
        ("tacrolimus,10,ng/mL,10", NO),
        ("tacrolimus,10,ng/mL,0.0124", NO),
        ("tacrolimus,10,ng/mL,8.04", NO),
        ("ciclosporin,7.5,ng/mL,6.24", OK),
        ("nothing,7.5,ng/mL,6.24", NONE),
        ("ABT-281,7.5,ng/mL,6.24", NONE),  # no public molar mass
    ],
)
def test_units(tmp_path: Path, row: str, verdict: Consistency) -> None:
    assert verdicts(tmp_path, f"compound,value_printed,unit_printed,value_nM\n{row}\n", "units-agree") == [verdict]


def test_the_kind_of_a_unit_slip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "compound,value,unit,value_nM\ntacrolimus,10,ng/mL,10\ntacrolimus,10,ng/mL,0.01244\ntacrolimus,10,ng/mL,8.04\n",
        encoding="utf-8",
    )
    found = [one.reason for one in examine(read_reported(path)) if one.check == "units-agree"]
    assert "copied" in found[0]
    assert "thousand times too small" in found[1]
    assert "multiplied where" in found[2]


def test_shifted_columns(tmp_path: Path) -> None:
    rows = "A,x,10,1,10\nB,x,10,2,20\nC,x,10,3,30\nD,x,10,4,40\nE,x,10,5,50\n10,E,y,5,50\nF,x,10,5\n"
    found = verdicts(tmp_path, f"{ARM}{rows}", "columns-not-shifted")
    assert found == [OK] * 5 + [NO, NO]


def test_duplicate_references_and_rows(tmp_path: Path) -> None:
    titles = ["Ascomycin and FK506: pharmacology - PMC", "Another work altogether", "Ascomycin and FK506: Pharmacology"]
    text = "number,title\n" + "".join(f'{at},"{title}"\n' for at, title in enumerate(titles))
    assert verdicts(tmp_path, text, "references-once") == [OK, OK, NO]
    assert verdicts(tmp_path, f"{ARM}A,x,10,1,10\nA,x,10,1,10\n", "rows-once") == [NO]
    two = "A,x,31,7,\nA,y,33,2,\nB,x,31,7,\nB,y,33,2,\n"
    assert verdicts(tmp_path, f"{ARM}{two}", "rows-once") == [NO]


def test_a_pooled_row_is_recomputed_and_its_method_named(tmp_path: Path) -> None:
    studies = "A,RR,1.89,1.28,2.80,,,,,\nB,RR,2.29,1.43,3.65,,,,,\n"
    path = tmp_path / "t.csv"
    path.write_text(f"{EFFECT}{studies}Total,RR,2.05,1.52,2.76,,,,,\n", encoding="utf-8")
    found = [one for one in examine(read_reported(path)) if one.check == "pool-from-studies"]
    assert [one.verdict for one in found] == [OK]
    assert "common effect, Wald" in found[0].reason
    assert verdicts(tmp_path, f"{EFFECT}{studies}Total,RR,2.60,1.92,3.52,,,,,\n", "pool-from-studies") == [NO]
    assert verdicts(tmp_path, f"{EFFECT}{studies}Total,RR,2.05,0.62,6.79,,,,,\n", "pool-from-studies") == [OK]


def test_the_printed_interval_of_transform_does_not_follow_from_its_counts(reference_data: Path) -> None:
    found = examine(read_reported(reference_data.parent / "trial_arms.csv"))
    reach = {one.reason.split(")")[0]: one for one in found if one.check == "interval-from-counts"}
    transform = next(one for said, one in reach.items() if said.startswith("RD 2.3 (-1.7"))
    assert transform.verdict is NO
    assert "-0.7213 to 5.442" in transform.reason  # the widest of the usual 95 % intervals is far narrower
    other = next(one for said, one in reach.items() if said.startswith("RD 3.2 (-1.3"))
    assert other.verdict is NEAR
    wrong = [one.row for one in found if one.check == "percent-of-counts" and one.verdict is NO]
    assert len(wrong) == 1
    assert "TRANSFORM, MPA+sCNI" in wrong[0]


def test_the_arms_of_atopic_dermatitis_hold(reference_data: Path) -> None:
    found = examine(read_reported(reference_data.parent / "ad_arms.csv"))
    assert not [one for one in found if one.verdict in (NO, NEAR)]
    reached = [one for one in found if one.check == "interval-from-counts" and one.verdict is OK]
    assert len(reached) == 4
    assert all("Katz" in one.reason for one in reached)


def test_every_check_says_what_it_recomputed_and_what_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"{EFFECT}A,RR,3.09,2.14,4.45,<0.001,90,186,29,185\n", encoding="utf-8")
    found = examine(read_reported(path))
    assert all(one.reason for one in found)
    summary = {one.check: one for one in summarise(found)}
    assert set(summary) == {check.name for check in CONSISTENCY_CHECKS}
    assert summary["units-agree"].judged == 0
    assert all(check.needs and check.sentence for check in CONSISTENCY_CHECKS)


@pytest.mark.parametrize("text", ["", "study,n\n", "a,a\n1,2\n"])
def test_a_table_without_rows_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileReadError):
        read_reported(path)


@pytest.mark.parametrize(
    ("text", "value", "place"),
    [("48.2", 48.2, 0.1), ("1,022", 1022, 1), ("<0.001", 0.001, 0.001), ("~30 %", 30, 1), ("-1.3", -1.3, 0.1)],
)
def test_printed_numbers(text: str, value: float, place: float) -> None:
    found = read_printed(text)
    assert found is not None
    assert (found.value, found.place) == pytest.approx((value, place))
    assert read_printed("12 weeks") is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("15/18", {"events": 15, "n": 18}),
        ("15 (83%)", {"events": 15, "percent": 83}),
        ("493/1,022 (48.2)", {"events": 493, "n": 1022, "percent": 48.2}),
        ("83% (15/18)", {"percent": 83, "events": 15, "n": 18}),
        ("48.2", {}),
    ],
)
def test_cells_of_counts(text: str, wanted: dict[str, float]) -> None:
    assert {name: number.value for name, number in read_counts(text).items()} == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1.2 (0.9-1.6)", (1.2, 0.9, 1.6)),
        ("1.2 (0.9\N{EN DASH}1.6)", (1.2, 0.9, 1.6)),
        ("0.9, 1.6", (None, 0.9, 1.6)),
        ("[0.9; 1.6]", (None, 0.9, 1.6)),
        ("-0.5 (-0.9 to -0.1)", (-0.5, -0.9, -0.1)),
        ("\N{MINUS SIGN}0.5 (\N{MINUS SIGN}0.9, \N{MINUS SIGN}0.1)", (-0.5, -0.9, -0.1)),
        ("1.2 (95% CI 0.9 to 1.6)", (1.2, 0.9, 1.6)),
    ],
)
def test_cells_of_effects(text: str, wanted: tuple[float | None, float, float]) -> None:
    found = read_effect(text)
    assert found is not None
    assert tuple(None if number is None else number.value for number in found) == wanted
    assert read_effect("1.2") is None


@pytest.mark.parametrize(("text", "relation"), [("p<0.001", "<"), ("P = .03", ""), ("0.04 **", ""), (">0.05", ">")])
def test_cells_of_p_values(text: str, relation: str) -> None:
    found = read_p_value(text)
    assert found is not None
    assert found.relation == relation
    assert read_p_value("n.s.") is None


def test_a_table_as_papers_have_it(tmp_path: Path) -> None:
    text = 'Trial,Group,N,Responders (%),P value\nA,drug,"1,022",493 (48.2%),p<0.001\nB,drug,18,15 (38%),NS\n'
    assert verdicts(tmp_path, text, "percent-of-counts") == [OK, NO]
    assert verdicts(tmp_path, text, "numbers-readable") == [NONE]
    text = "Study,OR (95% CI),p,events_1,n_1,events_2,n_2\nA,2.67 (1.21\N{EN DASH}6.04),0.02,56,70,48,80\n"
    assert verdicts(tmp_path, text, "interval-from-counts") == [OK]
    assert verdicts(tmp_path, text, "p-against-interval") == [OK]
    wide = "Study,Experimental Events,Experimental Total,Control Events,Control Total\nA,5,50,9,50\nB,54,50,8,61\n"
    assert verdicts(tmp_path, wide, "counts-possible") == [OK, OK, NO, OK]
    assert verdicts(
        tmp_path, "study,arm,n,events,proportion\nA,x,70,34,0.486\nA,y,70,30,0.71\n", "percent-of-counts"
    ) == [
        OK,
        NO,
    ]


def test_decimal_commas_are_refused_not_guessed(tmp_path: Path) -> None:
    for cell in ("48,6", "0,486"):
        with pytest.raises(FileReadError, match="decimal point"):
            verdicts(tmp_path, f"study;arm;n;events;percent\nA;x;70;34;{cell}\n", "percent-of-counts")


def test_rounding_keeps_the_order(tmp_path: Path) -> None:
    text = "study,measure,estimate,ci_low,ci_high\nA,OR,0.8,0.9,1.6\nB,OR,0.9,0.9,1.6\nC,OR,0.85,0.9,1.6\n"
    assert verdicts(tmp_path, text, "estimate-inside-interval") == [NO, OK, OK]
