"""From which day times count: the day of randomisation, also where it comes long after transplantation."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from limus.kernel.errors import RefusedError
from limus.kernel.tables import Table
from limus.trial.analysis.compare_times import TrialTimes, compare_times
from limus.trial.analysis.estimands import analyse_estimands
from limus.trial.analysis.incidence import outcome_by_day
from limus.trial.analysis.times import event_times, followed_until, risk_at
from limus.trial.datasets.adam import adam_of
from limus.trial.datasets.sdtm import sdtm_of
from limus.trial.design.analysis_plan import AnalysisPlan, plan_of
from limus.trial.design.design import AnalysisMethod, Design
from limus.trial.design.file import load_design
from limus.trial.design.scenario import load_scenario
from limus.trial.exposure.draws import replicate_generators
from limus.trial.power.analyses import analyse_replicates
from limus.trial.power.truth import check_restricted_mean
from limus.trial.simulation.replicates import SimulatedTrial, simulate_replicates

DAY = 135.0  # of zeus-like
SCENARIO = load_scenario("israni_2013", with_fit=False)
Data = tuple[SimulatedTrial, AnalysisPlan, dict[str, Table], dict[str, Table]]


def conversion() -> Design:
    design = load_design("zeus-like")[0]
    more = replace(design.analyses[1], name="hazard", method=AnalysisMethod.COX)
    return replace(design, analyses=(*design.analyses, more), accrual_days=100.0)


@pytest.fixture(scope="module")
def data() -> Data:
    design = conversion()
    generators = replicate_generators(4, 0, 1, stream="x")
    trial = simulate_replicates(design, SCENARIO, generators, subjects=90, with_area=False)
    plan = plan_of(design)
    sdtm = {name: dataset.table for name, dataset in sdtm_of(trial).items()}
    adam = adam_of(sdtm, plan)
    assert not [finding for finding in adam.findings if "before randomisation" in finding.got]
    return trial, plan, sdtm, adam.tables


def dates(table: Table, name: str) -> np.ndarray:
    return np.array([np.datetime64(text[:10], "D") for text in table[name].tolist()])


def test_sdtm_dates_randomisation_and_study_days_by_it(data: Data) -> None:
    _, _, sdtm, _ = data
    dm, ds = sdtm["DM"], sdtm["DS"]
    subjects = dm.where(dm["ARMCD"] != "")
    rows = ds.where(ds["DSDECOD"] == "RANDOMIZED")
    assert rows["DSSTDTC"].tolist() == subjects["RFSTDTC"].tolist()
    waited = dates(rows, "DSSTDTC") - dates(subjects, "DMDTC")
    assert (waited == np.timedelta64(int(DAY), "D")).all()
    assert (rows["DSSTDY"] == 1).all()
    assert (subjects["DMDY"] == -DAY).all()
    assert subjects["RFXSTDTC"].tolist()[0][:10] == subjects["RFSTDTC"].tolist()[0]
    for name, variable in (("LB", "LBDY"), ("PC", "PCDY"), ("EX", "EXSTDY"), ("CE", "CESTDY"), ("VS", "VSDY")):
        assert not (sdtm[name][variable] == 0).any(), f"{name} has a study day 0"
    assert (sdtm["CE"]["CESTDY"] >= 1).all()
    ex = sdtm["EX"]
    assert ((ex["EPOCH"] == "RUN-IN") == (ex["EXSTDY"] < 0)).all()
    assert set(ex["EXTRT"][ex["EPOCH"] == "RUN-IN"].tolist()) == {"CICLOSPORIN"}
    # no dose is lost or doubled where a stretch is divided
    times = ex.where((ex["EXTRT"] == "CICLOSPORIN") & (ex["USUBJID"] == subjects["USUBJID"][0]))
    ends, starts = times["EXENDTC"].tolist(), times["EXSTDTC"].tolist()
    gaps = [np.datetime64(start) - np.datetime64(end) for (end, start) in zip(ends, starts[1:], strict=False)]
    assert all(gap == np.timedelta64(720, "m") for gap in gaps)
    assert all(one <= other for one, other in pairwise(starts))


def test_adam_counts_from_randomisation(data: Data) -> None:
    trial, _, _, adam = data
    adsl, adtte = adam["ADSL"], adam["ADTTE"]
    adsl = adsl.where(adsl["RANDFL"] == "Y")
    np.testing.assert_array_equal(adsl["TRTSDT"], adsl["RANDDT"])
    rows = adtte.where(adtte["PARAMCD"] == "BPAR")
    np.testing.assert_array_equal(rows["STARTDT"], adsl["RANDDT"])
    np.testing.assert_array_equal(rows["AVAL"], rows["ADT"] - rows["STARTDT"] + 1.0)
    event = trial.event_day["rejection"]
    had = np.isfinite(event)
    assert had.sum() >= 3
    assert ((rows["CNSR"] == 0) == had).all()
    np.testing.assert_array_equal(rows["AVAL"][had], np.floor(event[had]) - DAY + 1.0)
    assert (rows["AVAL"] >= 1).all()
    # nobody is under observation for longer than from randomisation to the end
    assert rows["AVAL"].max() == 1095.0 - DAY + 1.0


def test_baseline_is_the_last_value_before_the_change(data: Data) -> None:
    _, _, sdtm, adam = data
    adlb = adam["ADLB"]
    egfr = adlb.where(adlb["PARAMCD"] == "EGFR")
    baseline = egfr.where(egfr["ABLFL"] == "Y")
    assert len(set(baseline["USUBJID"].tolist())) == len(baseline) > 80
    assert set(baseline["AVISIT"].tolist()) == {"Month 3"}
    assert (baseline["ADY"] < 0).all()
    lb = sdtm["LB"]
    assert int(((lb["LBLOBXFL"] == "Y") & (lb["LBTESTCD"] == "EGFR")).sum()) == len(baseline)
    year = egfr.where((egfr["AVISIT"] == "Month 12") & (egfr["ANL01FL"] == "Y"))
    assert len(year) > 70
    assert (np.abs(year["ADY"] - (365.0 - DAY + 1.0)) <= 21).all()
    assert (year["AWTARGET"] == 365.0 - DAY + 1.0).all()
    assert np.isfinite(year["CHG"]).mean() > 0.95
    first = egfr.where((egfr["AVISIT"] == "Week 4") & (egfr["ANL01FL"] == "Y"))
    assert (first["AWTARGET"] == 28.0 - DAY).all()
    assert (np.abs(first["AWTDIFF"]) <= 3).all()


def test_power_decides_as_the_report_in_a_trial_of_a_change(data: Data) -> None:
    trial, plan, _, adam = data
    for one, analysis in zip(analyse_estimands(adam, plan), plan.analyses, strict=True):
        found = analyse_replicates(trial, plan, analysis).compared
        assert one.status == "ok"
        scale = np.exp if found.ratio else float
        assert one.effect == pytest.approx(float(scale(found.estimate[0])), abs=1e-9)
        assert one.p == pytest.approx(float(found.p[0]), abs=1e-9)


def test_the_last_day_of_an_endpoint_counts() -> None:
    adtte = Table.from_rows(
        {
            "USUBJID": f"S{k}",
            "PARAMCD": "BPAR",
            "PARAM": "Time to rejection (days)",
            "ITTFL": "Y",
            "TRTP": "A" if k % 2 else "B",
            "STARTDT": 20000.0,
            "ADT": 20000.0 + day,
            "AVAL": day + 1.0,
            "CNSR": censored,
        }
        for k, (day, censored) in enumerate([(365.0, 0.0), (366.0, 0.0), (365.0, 1.0), (364.0, 1.0), (400.0, 1.0)] * 4)
    )
    times = event_times(adtte, "BPAR")
    event, unknown = outcome_by_day(times, 365.0)
    assert event[:5].tolist() == [True, False, False, False, False]
    assert unknown[:5].tolist() == [False, False, False, True, False]
    (mark,) = risk_at(times, [365.0])
    assert mark.events == 4.0
    assert mark.risk == pytest.approx(4.0 / 16.0)  # of those still followed on that day
    assert (followed_until(times, 365.0).cause == 1).sum() == 4
    batch = TrialTimes(times.time[None], times.cause[None], (times.arm == "A")[None], np.ones((1, 20), dtype=np.bool_))
    found = compare_times(batch, AnalysisMethod.NEWCOMBE, day=365.0, level_percent=95.0)
    on_the_day, a = times.time == 366.0, times.arm == "A"
    wanted = (on_the_day & a & (times.cause == 1)).sum() / a.sum() - (on_the_day & ~a & (times.cause == 1)).sum() / 10
    assert found.estimate[0] == pytest.approx(wanted)


def test_a_restricted_mean_is_refused_where_events_compete() -> None:
    design = load_design("tacrolimus-everolimus")[0]
    by_endpoint = {one.endpoint: one for one in design.analyses}
    means = {name: replace(one, method=AnalysisMethod.RESTRICTED_MEAN) for name, one in by_endpoint.items()}
    composite = next(e.name for e in design.endpoints if {"graft loss", "death"} < set(e.events) and e.name in means)
    alone = next(e.name for e in design.endpoints if e.events == ("rejection",) and e.name in means)
    check_restricted_mean(design, SCENARIO, means[composite])  # nothing competes with a composite of all
    check_restricted_mean(design, SCENARIO, by_endpoint[alone])
    with pytest.raises(RefusedError, match="compete"):
        check_restricted_mean(design, SCENARIO, means[alone])


def test_a_time_without_dates_is_time_that_has_passed() -> None:
    adtte = Table.from_rows(
        {"USUBJID": f"S{k}", "PARAMCD": "X", "TRTP": "A", "AVAL": day, "CNSR": 0.0}
        for k, day in enumerate((364.0, 365.0, 366.0))
    )
    adtte = Table.create({**adtte.columns, "PARAM": ["X"] * 3})
    (mark,) = risk_at(event_times(adtte, "X"), [365.0])
    assert mark.events == 2.0


def test_a_protocol_biopsy_on_the_endpoints_last_day_counts() -> None:
    design = load_design("tacrolimus-everolimus")[0]
    generators = replicate_generators(2, 0, 1, stream="x")
    trial = simulate_replicates(
        design, SCENARIO, generators, subjects=200, visit_windows=False, with_area=False, with_laboratory=False
    )
    found = trial.event_day["subclinical rejection"]
    on_the_day = int((found == 365.0).sum())
    assert on_the_day >= 3  # of the biopsies at 12 months
    adtte = adam_of({name: one.table for name, one in sdtm_of(trial).items()}, plan_of(design)).tables["ADTTE"]
    code = plan_of(design).words.event("subclinical rejection").code
    times = event_times(adtte, code)
    event, _ = outcome_by_day(times, 365.0)
    before, _ = outcome_by_day(times, 364.0)
    assert int(event.sum()) - int(before.sum()) == on_the_day
