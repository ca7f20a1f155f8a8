"""From a comparison to a pooled effect: published pools, what does not go together, what is shown beside."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import limus
from limus.evidence.comparison import Comparison, compare_treatments
from limus.evidence.explanation import explain_by_moderators, look_for_small_study_effects, split
from limus.evidence.measures import Measure, compute_effects
from limus.evidence.plan import CiMethod, Method, Model, PoolPlan
from limus.evidence.pooling import pool_comparison
from limus.evidence.sensitivity import leave_one_out, pool_in_order, pool_otherwise
from limus.evidence.study_table import narrow, read_study_table
from limus.kernel.errors import InputError, NothingSucceededError
from limus.kernel.statistics.pooling import Correction, Tau2Method, pool_effects

COMMON = PoolPlan(Measure.RR, model=Model.COMMON)
TRIALS = ((4, 40, 9, 41), (12, 90, 20, 88), (3, 33, 8, 30), (30, 200, 33, 190), (1, 25, 6, 27))


def comparison(folder: Path, rows: tuple[tuple[int, int, int, int], ...] = TRIALS) -> Comparison:
    lines = ["study,treatment,n,events,group,year"]
    for at, (a, n_1, c, n_2) in enumerate(rows):
        group = "adults" if at % 2 else "children"
        lines += [f"S{at},drug,{n_1},{a},{group},{2000 + at}", f"S{at},placebo,{n_2},{c},{group},{2000 + at}"]
    path = folder / "trials.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return compare_treatments(read_study_table(str(path)), ["drug"], "placebo")


def shipped(outcome: str, time: str, treatment: str, reference: str) -> Comparison:
    table = narrow(read_study_table("atopic_dermatitis"), {"outcome": outcome, "time": time})
    return compare_treatments(table, [treatment], reference)


@pytest.mark.parametrize(
    ("outcome", "time", "treatment", "reference"),
    [
        ("IGA 0 or 1", "6 weeks", "pimecrolimus 1%", "vehicle"),
        ("PGE at least 90 %", "12 weeks", "tacrolimus 0.03%", "vehicle"),
        ("PGE at least 90 %", "12 weeks", "tacrolimus 0.1%", "vehicle"),
        ("PGE at least 90 %", "3 weeks", "tacrolimus 0.03%", "hydrocortisone acetate 1%"),
    ],
)
def test_shipped_arms_give_the_pools_that_reviews_print(
    outcome: str, time: str, treatment: str, reference: str
) -> None:
    summary, effects = pool_comparison(shipped(outcome, time, treatment, reference), COMMON)
    reviews = narrow(read_study_table("atopic_dermatitis_reviews"), {"outcome": outcome, "time": time})
    printed = [row for row in reviews.rows.rows() if (row["treatment_1"], row["treatment_2"]) == (treatment, reference)]
    found = [math.exp(x) for x in (summary.estimate, *summary.ci)]
    assert len(printed) == 1
    assert len(effects.studies) == 2
    assert found == pytest.approx([printed[0][key] for key in ("estimate", "ci_low", "ci_high")], abs=5.01e-3)


def test_the_intervals_beside_the_chosen_one(tmp_path: Path) -> None:
    summary, _ = pool_comparison(comparison(tmp_path), PoolPlan(Measure.OR, ci=CiMethod.HK))
    assert summary.ci == summary.intervals["hk"]
    assert set(summary.intervals) == {"wald", "hk", "hk_corrected"}
    assert set(summary.predictions) == {"t_k_minus_2", "t_k_minus_1", "normal"}
    width = {name: high - low for name, (low, high) in summary.predictions.items()}
    assert width["t_k_minus_2"] > width["t_k_minus_1"] > width["normal"]
    assert summary.tau2_ci[0] <= summary.tau2 <= summary.tau2_ci[1]


def test_mantel_haenszel_and_peto_use_studies_that_have_no_effect_of_their_own(tmp_path: Path) -> None:
    rows = (*TRIALS, (0, 20, 2, 22))
    for method in (Method.MH, Method.PETO):
        plan = PoolPlan(Measure.OR, model=Model.COMMON, method=method, correction=Correction.NONE)
        summary, _ = pool_comparison(comparison(tmp_path, rows), plan)
        assert summary.studies == 6
        assert "prediction_interval" in summary.reasons


@pytest.mark.parametrize(
    "plan",
    [
        PoolPlan(Measure.MD),
        PoolPlan(Measure.HR),
        PoolPlan(Measure.RR, method=Method.PETO, model=Model.COMMON),
        PoolPlan(Measure.RR, method=Method.GLMM),
        PoolPlan(Measure.RR, method=Method.MH),
        PoolPlan(Measure.RR, model=Model.COMMON, ci=CiMethod.HK),
        PoolPlan(Measure.OR, method=Method.GLMM, ci=CiMethod.HK),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, plan: PoolPlan) -> None:
    with pytest.raises(InputError):
        pool_comparison(comparison(tmp_path), plan)


def test_one_study_is_given_alone_and_says_so(tmp_path: Path) -> None:
    summary, effects = pool_comparison(comparison(tmp_path, TRIALS[:1]), PoolPlan(Measure.RR, ci=CiMethod.HK))
    assert summary.status == "one_study"
    assert summary.estimate == effects.effect[0]
    assert math.isnan(summary.tau2)
    assert {"tau2", "ci", "prediction_interval"} <= set(summary.reasons)
    assert leave_one_out(effects, COMMON) == ()


def test_two_studies_have_no_prediction_interval_and_say_why(tmp_path: Path) -> None:
    summary, _ = pool_comparison(comparison(tmp_path, TRIALS[:2]), PoolPlan(Measure.RR))
    assert summary.predictions == {}
    assert "fewer than 3" in summary.reasons["prediction_interval"]


def test_no_effect_at_all_is_an_error_of_its_own(tmp_path: Path) -> None:
    found = comparison(tmp_path, ((0, 20, 0, 20), (0, 30, 0, 25)))
    with pytest.raises(NothingSucceededError):
        pool_comparison(found, COMMON)
    assert pool_comparison(found, replace(COMMON, measure=Measure.RD))[0].estimate == 0


def test_lines_agree_with_pooling_anew(tmp_path: Path) -> None:
    found = comparison(tmp_path)
    for plan in (PoolPlan(Measure.OR), PoolPlan(Measure.OR, model=Model.COMMON, method=Method.MH)):
        _, effects = pool_comparison(found, plan)
        without = leave_one_out(effects, plan)[2]
        rest = comparison(tmp_path, TRIALS[:2] + TRIALS[3:])
        assert without.estimate == pytest.approx(pool_comparison(rest, plan)[0].estimate, rel=1e-9)
        added = pool_in_order(effects, plan, [4, 3, 2, 1, 0])
        assert [line.studies for line in added] == [1, 2, 3, 4, 5]
        assert added[-1].estimate == pytest.approx(pool_comparison(found, plan)[0].estimate, rel=1e-9)


def test_other_methods_are_all_there_and_a_failed_one_says_why(tmp_path: Path) -> None:
    labels = [line.label for line in pool_otherwise(comparison(tmp_path), PoolPlan(Measure.OR))]
    for word in ("REML, Wald", "Hartung-Knapp", "DL", "PM", "Mantel-Haenszel", "Peto", "logistic"):
        assert any(word in label for label in labels), word
    empty = comparison(tmp_path, ((0, 20, 3, 20), (0, 30, 2, 25)))
    lines = pool_otherwise(empty, PoolPlan(Measure.OR))
    failed = [line for line in lines if line.status == "failed"]
    assert {line.label for line in failed} >= {"random effects, logistic model", "common effect, Mantel-Haenszel"}
    assert all(line.reason for line in failed)


def test_subgroups_and_moderators_come_from_columns(tmp_path: Path) -> None:
    plan = PoolPlan(Measure.RR)
    _, effects = pool_comparison(comparison(tmp_path), plan)
    found = split(effects, plan, "group")
    assert [line.label for line in found.lines] == ["children", "adults"]
    fit = explain_by_moderators(effects, plan, ["group"])
    assert fit.names == ("intercept", "group: adults")
    number = explain_by_moderators(effects, plan, ["year"])
    assert number.names == ("intercept", "year")
    for wrong in ("colour",):
        with pytest.raises(InputError, match="group"):
            split(effects, plan, wrong)


def test_tests_that_cannot_be_run_say_why(tmp_path: Path) -> None:
    found = comparison(tmp_path, TRIALS[:2])
    plan = PoolPlan(Measure.OR)
    _, effects = pool_comparison(found, plan)
    small = look_for_small_study_effects(effects, plan, found.form)
    assert small.tests == ()
    assert small.filled is None
    assert {"egger", "begg", "harbord", "peters", "trim_and_fill"} <= set(small.reasons)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 19), st.integers(1, 19)), min_size=2, max_size=6))
def test_turning_treatment_and_reference_turns_the_result(counts: list[tuple[int, int]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        rows = tuple((a, 20, c, 20) for a, c in counts)
        path = Path(folder)
        first = comparison(path, rows)
        table = read_study_table(str(path / "trials.csv"))
        second = compare_treatments(table, ["placebo"], "drug")
        for measure in (Measure.RR, Measure.OR, Measure.RD):
            one, other = (pool_comparison(c, PoolPlan(measure, tau2_method=Tau2Method.DL))[0] for c in (first, second))
            assert one.estimate == pytest.approx(-other.estimate, abs=1e-10)
            assert one.ci == pytest.approx((-other.ci[1], -other.ci[0]), abs=1e-10)


def test_contrasts_estimates_and_log_rank_give_effects(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"

    def effect(header: str, rows: str, measure: Measure) -> np.ndarray:
        path.write_text(f"study,treatment_1,treatment_2,{header}\n{rows}", encoding="utf-8")
        found = compute_effects(compare_treatments(read_study_table(str(path)), ["x"], "y"), measure)
        return np.array([found.effect, found.variance])

    given = effect("effect,se", "A,x,y,-0.3,0.2\nB,y,x,0.1,0.3\n", Measure.HR)
    assert given == pytest.approx(np.array([[-0.3, -0.1], [0.04, 0.09]]))
    ratio = effect("estimate,ci_low,ci_high", "A,x,y,0.5,0.25,1\nB,y,x,2,1,4\n", Measure.HR)
    assert ratio[0] == pytest.approx([math.log(0.5)] * 2)
    difference = effect("estimate,ci_low,ci_high", "A,x,y,2,0,4\n", Measure.MD)
    assert difference[:, 0] == pytest.approx([2, (2 / 1.959964) ** 2], rel=1e-6)
    by_p = effect("estimate,p", "A,x,y,2,0.05\n", Measure.MD)
    assert by_p[:, 0] == pytest.approx([2, (2 / 1.959964) ** 2], rel=1e-6)
    rank = effect("p,events,n_1,n_2,favours", "A,x,y,0.05,100,50,50,x\n", Measure.HR)
    assert rank[:, 0] == pytest.approx([-0.3919928, 0.04], rel=1e-6)


def test_a_ratio_that_cannot_be_read_leaves_out_its_study_only(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = "A,x,y,0.5,0.25,1\nB,x,y,0.7,-0.1,1.5\nC,x,y,0.8,0.2,0.9\n"
    path.write_text(f"study,treatment_1,treatment_2,estimate,ci_low,ci_high\n{rows}", encoding="utf-8")
    found = compute_effects(compare_treatments(read_study_table(str(path)), ["x"], "y"), Measure.RR)
    assert found.status == {"A": "pooled", "B": "unreadable-effect", "C": "pooled"}
    assert {f.check for f in found.findings} == {"unreadable-effect", "interval-not-wald"}
    assert pool_effects(found.effect, found.variance).studies[0] == 2


def test_one_study_has_no_interval_by_hartung_and_knapp_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "one.csv"
    file.write_text("study,treatment,n,events\nA,drug,50,5\nA,placebo,50,9\n", encoding="utf-8")
    found = limus.evidence_pool(file=str(file), measure="RR", ci="hk").as_dict()
    assert found["ci_method"] == "wald"
    assert "hartung-knapp-one-study" in {finding["check"] for finding in found["findings"]}
    knapp = [line for line in found["sensitivity"] if "Hartung" in line["analysis"]]
    assert {line["status"] for line in knapp} == {"failed"}
    assert all(line["reason"] for line in knapp)


def test_risks_without_any_event_have_no_standard_error_by_mantel_and_haenszel(tmp_path: Path) -> None:
    file = tmp_path / "none.csv"
    rows = "A,drug,50,0\nA,placebo,50,0\nB,drug,60,0\nB,placebo,50,0\n"
    file.write_text(f"study,treatment,n,events\n{rows}", encoding="utf-8")
    with pytest.raises(NothingSucceededError, match="no standard error"):
        limus.evidence_pool(file=str(file), measure="RD", method="MH")
    found = limus.evidence_pool(file=str(file), measure="RD").as_dict()
    assert found["estimate"] == 0
    failed = {line["analysis"] for line in found["sensitivity"] if line["status"] == "failed"}
    assert "common effect, Mantel-Haenszel" in failed
