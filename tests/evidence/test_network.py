"""From tables to networks: what is read, what is left out and said, and the three networks of atopic dermatitis."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import limus
from limus.cli.main import run
from limus.evidence.measures import Measure
from limus.evidence.network import NetworkTable, read_networks
from limus.evidence.study_table import narrow, read_study_table
from limus.kernel.errors import InputError, NothingSucceededError, UnknownNameError
from limus.kernel.statistics.network import fit_network
from limus.workflows.evidence.networks import bayesian

EVENTS = "study,treatment,n,events\n"
PAIRS = "study,treatment_1,treatment_2,effect,se\n"


def read(tmp_path: Path, text: str, measure: Measure = Measure.OR, reference: str | None = None) -> NetworkTable:
    file = tmp_path / "table.csv"
    file.write_text(text)
    return read_networks([read_study_table(str(file))], measure, reference)


def checks(found: NetworkTable) -> set[str]:
    return {finding.check for finding in found.findings}


def test_disconnected_networks_are_named_and_kept_apart(tmp_path: Path) -> None:
    text = EVENTS + "A,x,50,9\nA,y,50,5\nB,u,50,9\nB,v,50,5\nC,u,50,9\nC,w,50,3\n"
    found = read(tmp_path, text, reference="x")
    assert [set(network.treatments) for network in found.networks] == [{"x", "y"}, {"u", "v", "w"}]
    assert found.networks[1].treatments[0] == "u"
    assert {"disconnected", "reference-chosen"} <= checks(found)
    said = next(finding.got for finding in found.findings if finding.check == "disconnected")
    assert "[u; v; w]" in said
    assert "[x; y]" in said


def test_bad_studies_leave_the_rest(tmp_path: Path) -> None:
    text = (
        EVENTS + "A,x,50,9\nA,y,50,5\nB,x,50,9\nC,x,50,9\nC,x,40,8\nC,y,50,5\nD,x,50,60\nD,y,50,5\nE,x,50,0\nE,y,50,0\n"
    )
    found = read(tmp_path, text)
    assert {used.name: used.status for used in found.studies} == {
        "A": "used",
        "B": "single-arm",
        "C": "duplicate-arm",
        "D": "counts-possible",
        "E": "zero-cells-no-events",
    }
    assert len(found.networks[0].studies) == 1


def test_a_zero_cell_corrects_all_arms_of_its_study(tmp_path: Path) -> None:
    found = read(tmp_path, EVENTS + "A,x,20,0\nA,y,20,5\nA,z,20,9\n", reference="x")
    study = found.networks[0].studies[0]
    odds = np.log(np.array([0.5 / 20.5, 5.5 / 15.5, 9.5 / 11.5]))
    assert study.effect == pytest.approx(odds[1:] - odds[0])
    assert found.studies[0].status == "corrected"
    assert "zero-cells-corrected" in checks(found)


def test_negative_and_impossible_variances_are_left_out(tmp_path: Path) -> None:
    text = (
        PAIRS
        + "A,x,y,0.1,0.2\nB,x,y,0.1,-0.2\nC,x,y,0.1,0.1\nC,z,y,0.1,0.1\nC,x,z,0.0,2\nD,x,y,0.1,0.1\nD,z,y,0.1,0.1\n"
    )
    found = read(tmp_path, text, Measure.MD)
    status = {used.name: used.status for used in found.studies}
    assert status == {"A": "used", "B": "spread-positive", "C": "impossible-study", "D": "impossible-study"}
    said = [finding.got for finding in found.findings if finding.check == "impossible-study"]
    assert any("eigenvalue" in text for text in said)
    assert any(text.startswith("no ") for text in said)


def test_contrasts_of_one_study_must_agree(tmp_path: Path) -> None:
    good = read(tmp_path, PAIRS + "A,x,y,0.5,0.2\nA,z,y,0.8,0.2\nA,z,x,0.31,0.2\n", Measure.MD)
    assert good.studies[0].status == "used"
    with pytest.raises(NothingSucceededError, match="impossible study"):
        read(tmp_path, PAIRS + "A,x,y,0.5,0.2\nA,z,y,0.8,0.2\nA,z,x,-0.3,0.2\n", Measure.MD)


def test_mixed_scales_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one outcome"):
        read(tmp_path, "study,treatment,n,events,outcome\nA,x,50,9,p\nA,y,50,5,q\n")
    with pytest.raises(InputError, match="--measure"):
        read(tmp_path, EVENTS + "A,x,50,9\nA,y,50,5\n", Measure.MD)
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_text("study,treatment,n,events,time\nA,x,50,9,1 week\nA,y,50,5,1 week\n")
    two.write_text("study,treatment_1,treatment_2,effect,se,time\nB,x,z,0.1,0.2,2 weeks\n")
    with pytest.raises(InputError, match="one time"):
        read_networks([read_study_table(str(one)), read_study_table(str(two))], Measure.RR)


def test_a_study_in_two_tables_counts_once(tmp_path: Path) -> None:
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_text(EVENTS + "A,x,50,9\nA,y,50,5\n")
    two.write_text(PAIRS + "A,x,y,0.1,0.2\nB,z,y,0.1,0.2\n")
    found = read_networks([read_study_table(str(one)), read_study_table(str(two))], Measure.OR)
    assert [used.status for used in found.studies] == ["used", "study-twice", "used"]
    assert len(found.networks[0].studies) == 2


def test_an_unknown_reference_names_the_near_one(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean placebo"):
        read(tmp_path, EVENTS + "A,placebo,50,9\nA,y,50,5\n", reference="placbo")


def test_a_standardised_difference_of_two_arms_is_that_of_the_pool(tmp_path: Path) -> None:
    from limus.kernel.statistics.pooling import TwoMeans, standardised_mean_differences

    text = "study,treatment,n,mean,sd\nA,y,30,5,2\nA,x,25,4,3\n"
    study = read(tmp_path, text, Measure.SMD).networks[0].studies[0]
    effect, variance = standardised_mean_differences(TwoMeans.create([4], [3], [25], [5], [2], [30]))
    assert study.effect == pytest.approx(effect)
    assert study.covariance.ravel() == pytest.approx(variance)


@pytest.mark.parametrize(
    ("outcome", "time", "beside", "treatments", "loops"),
    [
        ("PGE at least 90 %", "3 weeks", (), 4, 2),
        ("PGE at least 90 %", "12 weeks", (), 3, 0),
        ("IGA 0 or 1", "6 weeks", ("atopic_dermatitis_contrasts",), 4, 0),
    ],
)
def test_three_networks_of_atopic_dermatitis(
    outcome: str, time: str, beside: tuple[str, ...], treatments: int, loops: int
) -> None:
    asked = {"outcome": outcome, "time": time, "beside": beside, "better": "higher"}
    found = limus.evidence_network(file="atopic_dermatitis", measure="RR", **asked).as_dict()
    assert found["n_networks"] == 1
    assert len(found["treatments"]) == treatments
    assert found["inconsistency"]["loops"] == loops
    assert ("no-loops" in {f["check"] for f in found["findings"]}) == (loops == 0)
    assert any("triamcinolone" in name for name in found["treatments_elsewhere"])
    assert not any("triamcinolone" in name for name in found["treatments"])


def test_one_contrast_is_what_the_review_prints() -> None:
    chosen = {"outcome": "IGA 0 or 1", "time": "6 weeks"}
    tables = [narrow(read_study_table(name), chosen) for name in ("atopic_dermatitis", "atopic_dermatitis_contrasts")]
    network = read_networks(tables, Measure.RR, "tacrolimus 0.1%").networks[0]
    fit = fit_network(network, None)
    at = fit.network.treatments.index("pimecrolimus 1%")
    assert np.exp(fit.effect[at, 0]) == pytest.approx(0.58)  # nothing else reaches tacrolimus 0.1 %
    assert np.exp(fit.interval()[1][at, 0]) == pytest.approx(0.74, abs=0.01)


def test_the_command_prints_and_writes(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text(EVENTS + "A,x,50,9\nA,y,50,5\nB,x,50,9\nB,z,50,4\nC,y,50,9\nC,z,50,5\nD,u,50,9\nD,v,50,5\n")
    words = ["evidence", "network", str(file), "--measure", "OR", "--reference", "x", "--better", "lower"]
    assert run([*words, "--draws", "500"]) == 0
    said = capfd.readouterr().out
    assert "2 networks that no study connects" in said
    assert run([*words, "--draws", "500", "--json", "--out", str(tmp_path / "out")]) == 0
    found = json.loads(capfd.readouterr().out)
    found = found.get("result", found)
    assert {"league", "p_scores", "inconsistency", "networks"} <= set(found)
    for name in (
        "report.html",
        "report.pdf",
        "figures/network-1.svg",
        "figures/rankogram-2.svg",
        "results/league-1.csv",
    ):
        assert (tmp_path / "out" / name).stat().st_size > 0, name


def test_the_same_seed_gives_the_same_ranks() -> None:
    asked = {"outcome": "PGE at least 90 %", "time": "3 weeks", "measure": "RR", "better": "higher", "draws": 300}
    one, two, three = (limus.evidence_network(file="atopic_dermatitis", seed=s, **asked).as_dict() for s in (1, 1, 2))
    assert one["ranking"] == two["ranking"]
    assert one["ranking"] != three["ranking"]


def test_a_binomial_model_stands_beside_the_normal_one(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text(EVENTS + "A,x,90,30\nA,y,90,15\nB,x,80,25\nB,z,80,14\nC,y,90,19\nC,z,90,15\n")
    asked = {"file": str(file), "reference": "x", "better": "lower"}
    found = limus.evidence_network(measure="OR", binomial=True, **asked).as_dict()
    normal = {row["treatment"]: row for row in found["league"] if row["comparator"] == "x"}
    for row in found["binomial"]["effects"]:
        mode = np.log(normal[row["treatment"]]["estimate"])
        # three studies leave tau to its prior, so the posterior is wide; its middle is where the normal model is
        assert np.log(row["estimate"]) == pytest.approx(mode, abs=normal[row["treatment"]]["standard_error"])
        assert row["sd_log"] > normal[row["treatment"]]["standard_error"]
    assert limus.evidence_network(measure="OR", **asked).as_dict()["binomial"] is None
    with pytest.raises(InputError, match="odds ratios"):
        limus.evidence_network(measure="RR", binomial=True, **asked)


def test_contrasts_have_no_binomial_model(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text(PAIRS + "A,x,y,0.1,0.2\n")
    found = limus.evidence_network(file=str(file), measure="OR", binomial=True, better="lower").as_dict()
    assert found["binomial"] is None
    assert "no-binomial" in {finding["check"] for finding in found["findings"]}


def test_splits_stand_in_the_bayesian_model_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # enough for the medians that are looked at
    monkeypatch.setattr(bayesian, "_SPLIT_DRAWS", 600)
    monkeypatch.setattr(bayesian, "split_binomial", partial(bayesian.split_binomial, warm_up=400))
    monkeypatch.setattr(bayesian, "sample_binomial", partial(bayesian.sample_binomial, draws=600, warm_up=400))
    file = tmp_path / "arms.csv"
    rows = ["1,a,10,90", "1,b,20,90", "2,b,15,80", "2,c,25,80", "3,a,9,85", "3,c,30,85", "4,a,12,80", "4,b,22,80"]
    file.write_text("study,treatment,events,n\n" + "\n".join(rows) + "\n", encoding="utf-8")
    asked = {"file": str(file), "measure": "OR", "better": "lower", "reference": "a"}
    found = limus.evidence_network(binomial_splits=True, **asked).as_dict()["networks"][0]
    splits = {(row["treatment"], row["comparator"]): row for row in found["binomial"]["node_splits"]}
    assert set(splits) == {("b", "a"), ("c", "a"), ("c", "b")}
    row = splits["b", "a"]
    normal = next(one for one in found["inconsistency"]["node_splits"] if one["treatment"] == "b")
    # the posterior and the normal approximation differ by much less than their intervals are wide
    assert row["direct"] == pytest.approx(normal["direct"], rel=0.25)
    assert row["indirect"] == pytest.approx(normal["separate_indirect"], rel=0.4)
    assert row["direct_ci"][0] < row["direct"] < row["direct_ci"][1]
    assert 0 <= row["p"] <= 1
