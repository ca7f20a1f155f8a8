"""The analysis of the hand-written trial: numbers counted on fingers, strategies one by one, refusals."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from limus.kernel.statistics.risk_difference import risk_difference
from limus.kernel.statistics.survival import gray_test
from limus.kernel.tables import Table
from limus.trial.analysis.analyse import TrialAnalysis, analyse_trial
from limus.trial.analysis.baseline import BaselineNumber, standardised_difference
from limus.trial.analysis.estimands import population_flag
from limus.trial.analysis.results import EstimandResult
from limus.trial.datasets.adam import adam_of
from limus.trial.design.analysis_plan import AnalysisPlan
from limus.trial.design.design import (
    Analysis,
    AnalysisMethod,
    Endpoint,
    EndpointKind,
    Estimand,
    Hypothesis,
    IntercurrentEvent,
    Margin,
    Strategy,
)

from .sdtm_samples import on, tiny_plan, tiny_sdtm

REJECTION = Endpoint("rejection", "Rejection by month 12", EndpointKind.TIME_TO_EVENT, events=("rejection",), day=365.0)
EGFR = Endpoint(
    "egfr", "eGFR at month 12", EndpointKind.VALUE, variable="egfr", day=365.0, graft_loss_value=10.0,
    higher_is_better=True,
)  # fmt: skip


def plan_with(
    strategies: dict[str, Strategy],
    method: AnalysisMethod = AnalysisMethod.CUMULATIVE_INCIDENCE,
    *,
    endpoint: Endpoint = REJECTION,
    hypothesis: Hypothesis = Hypothesis.SUPERIORITY,
    margin: float | None = None,
    **more: object,
) -> AnalysisPlan:
    events = tuple(IntercurrentEvent(event, strategy) for event, strategy in strategies.items())
    estimand = Estimand("one", "all randomised", "as assigned", endpoint.name, events, "difference")
    analysis = Analysis(
        "one", endpoint.name, "one", method, hypothesis, "B", "A", 0.05, primary=True,
        margin=None if margin is None else Margin(margin, ""), **more,
    )  # fmt: skip
    return tiny_plan(endpoints=(endpoint,), estimands=(estimand,), analyses=(analysis,))


def analysed(plan: AnalysisPlan, sdtm: dict[str, Table] | None = None) -> TrialAnalysis:
    return analyse_trial(adam_of(sdtm or tiny_sdtm(), plan).tables, plan)


def result_of(plan: AnalysisPlan, sdtm: dict[str, Table] | None = None) -> EstimandResult:
    return analysed(plan, sdtm).estimands[0]


WHILE = {"death": Strategy.WHILE_ALIVE, "graft loss": Strategy.WHILE_ALIVE}


def with_infection() -> dict[str, Table]:
    """The tiny trial with a CMV infection of T-01 on day 30 besides."""
    sdtm = tiny_sdtm()
    columns = {name: list(values) for name, values in sdtm["CE"].columns.items()}
    row = ("T", 9.0, "T-01", "CMV INFECTION", on(0, 30))
    for name, value in zip(("STUDYID", "CESEQ", "USUBJID", "CEDECOD", "CESTDTC"), row, strict=True):
        columns[name].append(value)
    return sdtm | {"CE": Table.create(columns)}


def test_risks_are_cumulative_incidences_where_events_compete() -> None:
    """A: one of four rejects before anyone leaves, 1/4; B: two of four, 2/4; variance F(1-F)/n without censoring."""
    found = result_of(plan_with(WHILE))
    assert found.status == "ok"
    assert [arm.estimate for arm in found.arms] == [0.5, 0.25]
    assert found.effect == pytest.approx(0.25)
    assert found.arms[0].standard_error == pytest.approx(math.sqrt(0.25 / 4))


def test_one_minus_kaplan_meier_is_named_where_it_would_be_wrong() -> None:
    """Loss to follow-up in A: death of one of four before; incidence 1/4, 1 - Kaplan-Meier 1 - 2/3."""
    events = {one.code: one for one in analysed(tiny_plan()).events}
    lost = events["LTFU"]
    assert lost.method == "Aalen-Johansen"
    assert lost.arms[0].risks[0].risk == pytest.approx(0.25)
    assert lost.arms[0].naive_risk == pytest.approx(1 / 3)
    assert "33.3 % instead of 25 %" in lost.warning
    assert events["EFFFAIL"].method == "Kaplan-Meier"
    assert events["EFFFAIL"].warning == ""


def test_where_events_compete_the_method_that_was_used_is_named_and_incidences_are_tested() -> None:
    found = result_of(plan_with(WHILE, AnalysisMethod.KAPLAN_MEIER_DIFFERENCE))
    assert found.method == AnalysisMethod.KAPLAN_MEIER_DIFFERENCE
    assert found.done == AnalysisMethod.CUMULATIVE_INCIDENCE
    assert any("cumulative incidence taken instead" in text for text in found.warnings)
    events = {one.code: one for one in analysed(tiny_plan()).events}
    times = events["BPAR"].times
    expected = gray_test(times.time, times.cause, times.arm, strata=times.strata)
    assert events["BPAR"].comparisons[0].gray_p == pytest.approx(expected.p)
    assert math.isnan(events["EFFFAIL"].comparisons[0].gray_p)  # nothing competes


def test_the_log_rank_decides_with_its_own_interval() -> None:
    found = result_of(plan_with(WHILE, AnalysisMethod.LOG_RANK))
    assert found.unit == "hazard ratio"
    z = math.log(found.effect) / found.standard_error
    assert found.p == pytest.approx(math.erfc(abs(z) / math.sqrt(2)))
    assert (found.low < 1 < found.high) == (found.p > 0.05)
    assert found.conclusion == "no difference shown"
    assert any("Peto" in text for text in found.warnings)


def test_composite_counts_the_intercurrent_event() -> None:
    strategies = {"death": Strategy.COMPOSITE, "graft loss": Strategy.COMPOSITE}
    found = result_of(plan_with(strategies, AnalysisMethod.KAPLAN_MEIER_DIFFERENCE))
    # A: 02 on day 39, 03 dies on day 99: 2/4 before the loss on day 199; B: 05, 06, 08: 3/4
    assert [arm.estimate for arm in found.arms] == pytest.approx([0.75, 0.5])
    assert found.unit == "fraction"


def test_while_on_treatment_ends_with_discontinuation() -> None:
    strategies = WHILE | {"discontinuation": Strategy.WHILE_ON_TREATMENT}
    infection = replace(REJECTION, name="cmv", events=("cmv",))
    policy = WHILE | {"discontinuation": Strategy.TREATMENT_POLICY}
    # the only infection came after treatment had stopped
    assert [arm.events for arm in result_of(plan_with(strategies, endpoint=infection), with_infection()).arms] == [0, 1]
    assert [arm.events for arm in result_of(plan_with(policy, endpoint=infection), with_infection()).arms] == [1, 1]


def test_hypothetical_censors_and_says_so() -> None:
    strategies = WHILE | {"discontinuation": Strategy.HYPOTHETICAL}
    infection = replace(REJECTION, name="cmv", events=("cmv",))
    found = result_of(plan_with(strategies, endpoint=infection), with_infection())
    assert found.arms[0].events == 0
    assert any("the data cannot show it" in text for text in found.warnings)
    handled = {one.event: dict(one.counts) for one in found.handled}
    assert handled["discontinuation"] == {"A": 0, "B": 1}


@pytest.mark.parametrize(
    ("strategies", "word"),
    [
        ({"death": Strategy.HYPOTHETICAL}, "no data say"),
        ({"graft loss": Strategy.HYPOTHETICAL}, "no data say"),
        ({"death": Strategy.TREATMENT_POLICY}, "after death there is no outcome"),
        ({"discontinuation": Strategy.PRINCIPAL_STRATUM}, "not in the data"),
    ],
)
def test_what_cannot_be_answered_is_refused(strategies: dict[str, Strategy], word: str) -> None:
    found = result_of(plan_with(strategies))
    assert found.status == "refused"
    assert word in found.warnings[-1]
    assert math.isnan(found.effect)


def test_counts_name_the_unknown_and_the_worst_case() -> None:
    found = result_of(plan_with(WHILE, AnalysisMethod.NEWCOMBE, hypothesis=Hypothesis.NON_INFERIORITY, margin=0.1))
    assert [(arm.events, arm.n, arm.unknown) for arm in found.arms] == [(2, 4, 0), (1, 4, 1)]
    expected = risk_difference([2, 1], [4, 4], "newcombe", level_percent=90.0)
    assert (found.effect, found.low, found.high) == (expected.estimate, expected.low, expected.high)
    assert found.level_percent == pytest.approx(90.0)  # one-sided 5 %
    assert found.conclusion.startswith("non-inferiority not shown")
    # the only unknown is in the reference, so the worst case for the arm under test is the same
    worst = next(one for one in found.sensitivities if one.name.startswith("worst case"))
    assert worst.estimate == found.effect


def test_counts_cannot_imagine_an_event_away() -> None:
    strategies = WHILE | {"discontinuation": Strategy.HYPOTHETICAL}
    found = result_of(
        plan_with(strategies, AnalysisMethod.NEWCOMBE, endpoint=replace(REJECTION, name="cmv", events=("cmv",)))
    )
    assert found.status == "refused"
    assert "no outcome to count" in found.warnings[-1]


@pytest.mark.parametrize(
    "method", [AnalysisMethod.KAPLAN_MEIER_DIFFERENCE, AnalysisMethod.LOG_RANK, AnalysisMethod.COX]
)
def test_without_an_event_nothing_is_shown(method: AnalysisMethod) -> None:
    """An interval without width would show non-inferiority from nothing."""
    bkv = replace(REJECTION, name="bkv", events=("bkv",))
    found = result_of(plan_with(WHILE, method, endpoint=bkv, hypothesis=Hypothesis.NON_INFERIORITY, margin=0.1))
    assert found.status == "failed"
    assert "no event in either arm" in found.warnings[-1]
    assert found.conclusion == ""


def test_an_arm_without_events_is_named() -> None:
    infection = replace(REJECTION, name="cmv", events=("cmv",))
    found = result_of(plan_with(WHILE, endpoint=infection))
    assert "no event in arm A: its risk of 0 enters with no variance" in found.warnings


def test_intercurrent_events_are_counted_until_the_day() -> None:
    early = replace(REJECTION, day=150.0)
    strategies = {"death": Strategy.WHILE_ALIVE, "loss to follow-up": Strategy.HYPOTHETICAL}
    for endpoint, lost in ((early, 0), (REJECTION, 1)):
        found = result_of(plan_with(strategies, endpoint=endpoint))
        assert {one.event: dict(one.counts) for one in found.handled} == {
            "death": {"A": 1, "B": 0},
            "loss to follow-up": {"A": lost, "B": 0},
        }


def test_the_reference_is_that_of_the_primary_analysis() -> None:
    plan = plan_with(WHILE)
    turned = replace(plan, analyses=(replace(plan.analyses[0], test_arm="A", reference_arm="B"),))
    first, second = analysed(plan), analysed(turned)
    assert second.estimands[0].effect == -first.estimands[0].effect
    assert [(one.test, one.reference) for one in second.events[0].comparisons] == [("A", "B")]
    assert second.safety[0].difference == -first.safety[0].difference


def test_stratified_risk_difference_weighs_the_strata() -> None:
    found = result_of(plan_with(WHILE, AnalysisMethod.MIETTINEN_NURMINEN, stratified=True))
    # stratum 1: A 1/2, B 1/2; stratum 2: A 0/2, B 1/2; equal weights
    assert found.effect == pytest.approx((0.0 + 0.5) / 2)
    plain = next(one for one in found.sensitivities if one.name == "not stratified")
    assert plain.estimate == pytest.approx(0.25)


def test_kidney_function_with_a_value_for_lost_grafts() -> None:
    rule = {"death": Strategy.COMPOSITE, "graft loss": Strategy.COMPOSITE}
    found = result_of(plan_with(rule, AnalysisMethod.MEAN_DIFFERENCE, endpoint=EGFR))
    # A: 50, 40 and 10 for the death, one lost; B: 44, 60, 52 and 10 for the lost graft
    assert [arm.n for arm in found.arms] == [4, 3]
    assert found.arms[1].unknown == 1
    assert found.effect == pytest.approx(np.mean([44, 60, 52, 10]) - np.mean([50, 40, 10]))
    assert found.unit == "mL/min/1.73m2"


def test_kidney_function_of_those_alive_with_a_graft() -> None:
    rule = {"death": Strategy.WHILE_ALIVE, "graft loss": Strategy.WHILE_ALIVE}
    found = result_of(plan_with(rule, AnalysisMethod.MEAN_DIFFERENCE, endpoint=EGFR))
    assert [arm.n for arm in found.arms] == [3, 2]
    assert found.effect == pytest.approx(52.0 - 45.0)
    assert any("left out by the estimand" in text for text in found.warnings)


def test_covariates_of_kidney_function_are_used() -> None:
    rule = {"death": Strategy.COMPOSITE, "graft loss": Strategy.COMPOSITE}
    plan = plan_with(rule, AnalysisMethod.MEAN_DIFFERENCE, endpoint=EGFR, covariates=("DONOR_AGE",))
    found = result_of(plan)
    arm = np.array([0, 0, 0, 1, 1, 1, 1.0])
    donor = np.array([40, 50, 60, 55, 35, 42, 48.0])
    value = np.array([50, 40, 10, 10, 44, 60, 52.0])
    expected = np.linalg.lstsq(np.column_stack([np.ones(7), arm, donor]), value, rcond=None)[0][1]
    assert found.effect == pytest.approx(expected)


def test_a_covariate_that_says_nothing_is_left_out_and_named() -> None:
    rule = {"death": Strategy.COMPOSITE, "graft loss": Strategy.COMPOSITE}
    doubled = plan_with(rule, AnalysisMethod.MEAN_DIFFERENCE, endpoint=EGFR, covariates=("DONOR_AGE", "DONAGE"))
    single = plan_with(rule, AnalysisMethod.MEAN_DIFFERENCE, endpoint=EGFR, covariates=("DONOR_AGE",))
    found = result_of(doubled)
    assert found.effect == pytest.approx(result_of(single).effect)
    assert "covariates that say nothing beside the others are left out: DONAGE" in found.warnings


def test_hypothetical_kidney_function_is_refused() -> None:
    found = result_of(
        plan_with({"discontinuation": Strategy.HYPOTHETICAL}, AnalysisMethod.MEAN_DIFFERENCE, endpoint=EGFR)
    )
    assert found.status == "refused"


def test_a_value_among_the_events_of_a_composite() -> None:
    both = Endpoint(
        "rejection or low egfr", "x", EndpointKind.TIME_TO_EVENT, events=("rejection",), variable="egfr", day=365.0,
        threshold=45.0,
    )  # fmt: skip
    found = result_of(plan_with(WHILE, AnalysisMethod.NEWCOMBE, endpoint=both))
    # A: 02 rejects (and has 40); B: 06 and 08 reject
    assert [(arm.events, arm.n) for arm in found.arms] == [(2, 4), (1, 4)]
    refused = result_of(plan_with(WHILE, AnalysisMethod.LOG_RANK, endpoint=both))
    assert refused.status == "refused"


def test_an_impossible_analysis_does_not_stop_the_others() -> None:
    good, bad = plan_with(WHILE), plan_with({"death": Strategy.HYPOTHETICAL})
    both = replace(
        good,
        estimands=(good.estimands[0], replace(bad.estimands[0], name="two")),
        analyses=(good.analyses[0], replace(bad.analyses[0], name="two", estimand="two")),
    )
    assert [one.status for one in analysed(both).estimands] == ["ok", "refused"]


def test_flow_is_counted_from_the_data() -> None:
    flow = analysed(tiny_plan()).flow
    assert (flow.screened, flow.randomised) == (10, 8)
    assert flow.excluded == (("SCREEN FAILURE: age", 2),)
    a, b = flow.arms
    assert a.left == (("DEATH", 1), ("LOST TO FOLLOW-UP", 1))
    assert b.discontinued == (("ADVERSE EVENT", 1),)
    assert (a.analysed, b.analysed) == (4, 4)


def test_baseline_numbers_and_differences() -> None:
    rows = {(one.variable, one.level): one for one in analysed(tiny_plan()).baseline}
    age = rows["AGE", ""]
    first = age.arms[0]
    assert isinstance(first, BaselineNumber)
    assert (first.mean, first.median) == (45.0, 45.0)
    # both standard deviations are those of 30, 40, 50, 60
    assert age.difference == pytest.approx(5.0 / np.std([30, 40, 50, 60], ddof=1))
    # shares 1/4 and 2/4: difference over the root of the mean variance
    assert rows["SEX", "F"].difference == pytest.approx(0.25 / math.sqrt((0.1875 + 0.25) / 2))
    assert standardised_difference(np.array([3, 3, 3]), np.array([3, 3, 3])) == 0.0


def test_safety_counts_subjects_not_events() -> None:
    rows = {one.key: one for one in analysed(tiny_plan()).safety}
    assert (rows["TREMOR"].counts, rows["TREMOR"].records) == ((2, 0), (3, 0))
    assert rows["any"].counts == (2, 1)
    assert rows["serious"].counts == (0, 1)
    assert rows["withdrawn"].counts == (0, 1)
    assert rows["death"].counts == (1, 0)


def test_troughs_beside_the_window_of_the_arm() -> None:
    levels = {(one.arm, one.visit): one for one in analysed(tiny_plan()).levels}
    a = levels["A", "Week 1"]
    assert (a.n, a.median, a.inside, a.below) == (2, 5.0, 50.0, 50.0)
    b = levels["B", "Week 1"]  # 8 above 7, and half of the limit of 1 below 3
    assert (b.inside, b.below, b.above) == (0.0, 50.0, 50.0)


def test_a_population_is_found_in_words() -> None:
    assert population_flag("adults, per-protocol") == "PPROTFL"
    assert population_flag("all treated subjects") == "SAFFL"
    assert population_flag("all randomised") == "ITTFL"
