"""Designs: shipped ones load, and every kind of impossible design is refused with where, what, allowed and do."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from limus.kernel.checks import Severity
from limus.kernel.errors import FileReadError, InputError, UnknownNameError
from limus.kernel.tables import library_folder
from limus.trial.design.checks import allocation_ratio
from limus.trial.design.design import AllocationMethod, Strategy
from limus.trial.design.file import design_names, design_path, load_design

SEED = "tacrolimus-everolimus"
Change = Callable[[dict[str, Any]], None]


def content() -> dict[str, Any]:
    return tomllib.loads((library_folder() / "designs" / f"{SEED}.toml").read_text())


def changed(tmp_path: Path, change: Change) -> str:
    design = content()
    change(design)
    path = tmp_path / "design.toml"
    path.write_text(tomli_w.dumps(design))
    return str(path)


@pytest.mark.parametrize("name", design_names())
def test_shipped_designs_are_free_of_errors(name: str) -> None:
    design, findings = load_design(name)
    assert design.name == name
    assert all(finding.severity is not Severity.ERROR for finding in findings)
    assert design.primary.primary
    assert sum(arm.share for arm in design.arms) == pytest.approx(1.0)


def test_the_documentation_names_every_shipped_design() -> None:
    text = (Path(__file__).parents[2] / "docs" / "trial_designs.md").read_text(encoding="utf-8")
    assert [name for name in design_names() if f"`{name}`" not in text] == []


def test_the_seed_documents_trial_is_what_the_document_says() -> None:
    design, _ = load_design(SEED)
    first, second = design.arms
    windows = {plan.compound: (plan.windows[0].low_ng_per_ml, plan.windows[0].high_ng_per_ml) for plan in second.drugs}
    assert (first.drugs[0].windows[0].low_ng_per_ml, first.drugs[0].windows[0].high_ng_per_ml) == (5.0, 10.0)
    assert windows == {"everolimus": (3.0, 8.0), "tacrolimus": (3.0, 5.0)}
    assert [visit.day for visit in design.visits] == [0, 7, 14, 28, 90, 180, 270, 365, 545, 730]
    assert [visit.name for visit in design.visits if visit.biopsy] == ["Month 6", "Month 12"]
    limits = {c.column: (c.lower, c.upper) for c in design.eligibility}
    assert limits["AGE"] == (18.0, 65.0)
    assert limits["PRA"][1] == 50.0
    assert allocation_ratio(design) == (1, 1)
    assert second.drugs[0].model in {"TerHeine_2018", "deWit_2016"}  # with tacrolimus, not with ciclosporin


def test_the_published_designs_have_their_arms_and_a_conversion_switches_drugs() -> None:
    assert len(load_design("symphony-like")[0].arms) == 4
    three = load_design("a2309-like")[0]
    assert allocation_ratio(three) == (1, 1, 1)
    switch = load_design("sirolimus-conversion")[0].arm_named("SRL")
    assert [(plan.compound, plan.start_day, plan.stop_day) for plan in switch.drugs] == [
        ("tacrolimus", 0.0, 30.0),
        ("sirolimus", 30.0, float("inf")),
    ]
    assert switch.background[1].stop_day == 5.0


def test_an_intercurrent_event_keeps_its_strategy() -> None:
    estimand = load_design(SEED)[0].estimands[1]
    assert {e.event: e.strategy for e in estimand.intercurrent_events}["death"] is Strategy.COMPOSITE


def test_unknown_names_are_never_guessed() -> None:
    with pytest.raises(UnknownNameError, match="did you mean symphony-like"):
        load_design("symphony-lik")
    with pytest.raises(UnknownNameError, match="check the path"):
        design_path("nowhere.toml")


def late(d: dict[str, Any]) -> None:
    d["visits"][3]["day"] = 10.0


def meeting(d: dict[str, Any]) -> None:
    d["visits"][1]["window_after_days"] = 6.0


def no_sum(d: dict[str, Any]) -> None:
    d["arms"][0]["share"] = 0.6


def no_margin(d: dict[str, Any]) -> None:
    del d["analyses"][0]["margin"]


def percent_margin(d: dict[str, Any]) -> None:
    d["analyses"][0]["margin"]["value"] = 10.0


def negative_margin(d: dict[str, Any]) -> None:
    d["analyses"][0]["margin"]["value"] = -0.1


def unknown_endpoint(d: dict[str, Any]) -> None:
    d["analyses"][0]["endpoint"] = "rejections"


def unknown_event(d: dict[str, Any]) -> None:
    d["endpoints"][0]["events"] = ["rejektion"]


def no_strengths(d: dict[str, Any]) -> None:
    del d["drugs"]["tacrolimus"]["strengths_mg"]


def far_target(d: dict[str, Any]) -> None:
    d["arms"][0]["drugs"][0]["windows"][0] |= {"low_ng_per_ml": 50.0, "high_ng_per_ml": 100.0}


def upside_down(d: dict[str, Any]) -> None:
    d["arms"][0]["drugs"][0]["windows"][0] |= {"low_ng_per_ml": 10.0, "high_ng_per_ml": 5.0}


def a_gap(d: dict[str, Any]) -> None:
    d["arms"][0]["drugs"][0]["windows"][0]["to_day"] = 300.0


def other_company(d: dict[str, Any]) -> None:
    d["drugs"]["everolimus"]["model"] = "Kovarik_2001"  # built with ciclosporin


def other_drug(d: dict[str, Any]) -> None:
    d["drugs"]["everolimus"]["model"] = "Woillard_2011"


def many_interims(d: dict[str, Any]) -> None:
    d["interims"] = [{"name": "one", "events": 401}]


def late_interim(d: dict[str, Any]) -> None:
    d["interims"] = [{"name": "one", "events": 300}]  # about 60 rejections are expected


def falling_interims(d: dict[str, Any]) -> None:
    d["interims"] = [{"name": "one", "events": 40}, {"name": "two", "events": 30}]


def odd_blocks(d: dict[str, Any]) -> None:
    d["allocation"]["block_sizes"] = [2, 3]


def five_arms(d: dict[str, Any]) -> None:
    d["arms"] += [d["arms"][0] | {"name": f"X{k}"} for k in range(3)]


def unknown_column(d: dict[str, Any]) -> None:
    d["eligibility"][0]["column"] = "AEG"


def unknown_scenario(d: dict[str, Any]) -> None:
    d["scenarios"] = ["israni_2014"]


def wrong_method(d: dict[str, Any]) -> None:
    d["analyses"][4]["method"] = "log-rank"


def same_arm(d: dict[str, Any]) -> None:
    d["analyses"][0]["test_arm"] = "A"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (late, "days that rise"),
        (meeting, "windows apart"),
        (no_sum, "add up to 1"),
        (no_margin, "a positive margin"),
        (percent_margin, "a fraction below 1"),
        (negative_margin, "above 0"),
        (unknown_endpoint, "unknown-endpoint"),
        (unknown_event, "did you mean rejection"),
        (no_strengths, "capsules or tablets"),
        (far_target, "50 to 100 ng/mL"),
        (upside_down, "low below high"),
        (a_gap, "windows to day 730"),
        (other_company, "ciclosporin"),
        (other_drug, "Woillard_2011"),
        (many_interims, "at most 400 subjects"),
        (late_interim, "three times what"),
        (falling_interims, "numbers of events that rise"),
        (odd_blocks, "multiples of 2"),
        (five_arms, "2 to 4"),
        (unknown_column, "did you mean AGE"),
        (unknown_scenario, "did you mean israni_2013"),
        (wrong_method, "mean difference"),
        (same_arm, "two different arms"),
    ],
)
def test_an_impossible_design_is_refused(tmp_path: Path, change: Change, said: str) -> None:
    with pytest.raises(InputError) as caught:
        load_design(changed(tmp_path, change))
    error = caught.value
    assert said in error.message
    assert all((error.where, error.got, error.allowed, error.do))


def test_a_key_that_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileReadError, match="arms"):
        load_design(changed(tmp_path, lambda d: d["arms"][0].update(portion=0.5)))
    with pytest.raises(FileReadError, match="drug 1"):
        load_design(changed(tmp_path, lambda d: d["arms"][0]["drugs"][0].update(dose=3.0)))


def test_shares_may_be_fractions_and_bad_ones_are_said(tmp_path: Path) -> None:
    def two_to_one(d: dict[str, Any]) -> None:
        d["arms"][0]["share"], d["arms"][1]["share"] = "2/3", "1/3"
        d["allocation"]["block_sizes"] = [3, 6]

    assert allocation_ratio(load_design(changed(tmp_path, two_to_one))[0]) == (2, 1)
    with pytest.raises(FileReadError, match="1/3"):
        load_design(changed(tmp_path, lambda d: d["arms"][0].update(share="half")))


def test_a_plan_beyond_its_models_days_needs_an_override(tmp_path: Path) -> None:
    def short_model(d: dict[str, Any], *, waived: bool) -> None:
        d["drugs"]["tacrolimus"]["model"] = "Andrews_2019"  # built on the first three months
        if waived:
            d["drugs"]["tacrolimus"]["overrides"] = ["time_after_transplantation"]

    with pytest.raises(InputError, match="overrides"):
        load_design(changed(tmp_path, lambda d: short_model(d, waived=False)))
    _, findings = load_design(changed(tmp_path, lambda d: short_model(d, waived=True)))
    assert any("extrapolated" in finding.do for finding in findings)


def test_minimisation_needs_columns(tmp_path: Path) -> None:
    def minimise(d: dict[str, Any]) -> None:
        d["allocation"] = {"method": "minimisation", "strata": ["DONOR_LIVING"], "best_probability": 0.8}

    assert load_design(changed(tmp_path, minimise))[0].allocation.method is AllocationMethod.MINIMISATION
    with pytest.raises(InputError, match="columns to balance"):
        load_design(changed(tmp_path, lambda d: d.update(allocation={"method": "minimisation"})))
