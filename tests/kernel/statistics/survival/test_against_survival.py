"""Lung and mgus2 against R's survival 3.5.3 (``statistics.json``, written by R 4.2.2), to its twelve digits."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from limus.kernel.statistics.survival import (
    SurvivalInterval,
    aalen_johansen,
    competing_risks_finding,
    cox,
    incidence_at,
    kaplan_meier,
    log_rank,
    proportional_hazards,
    restricted_mean,
    survival_at,
    survival_quantile,
)

# R stops its Newton steps at 1e-9 of ln L, so that its coefficients are good to about 1e-8 of a standard error
CLOSE = {"rel": 1e-9, "abs": 1e-9}
EXACT = {"rel": 1e-10, "abs": 1e-11}


@pytest.fixture(scope="module")
def printed(reference_data: Path) -> dict[str, Any]:
    return json.loads((reference_data.parent / "statistics.json").read_text())["survival"]


def read(path: Path) -> dict[str, np.ndarray]:
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([np.nan if r[name] == "NA" else _value(r[name]) for r in rows]) for name in rows[0]}


def _value(text: str) -> float:
    return {"F": 0.0, "M": 1.0}[text] if text in "FM" else float(text)


@pytest.fixture(scope="module")
def lung(reference_data: Path) -> dict[str, np.ndarray]:
    found = read(reference_data / "lung.csv")
    return found | {"dead": found["status"] - 1}


@pytest.fixture(scope="module")
def mgus2(reference_data: Path) -> dict[str, np.ndarray]:
    return read(reference_data / "mgus2_cr.csv")


def complete(data: dict[str, np.ndarray], *names: str) -> dict[str, np.ndarray]:
    kept = ~np.any([np.isnan(data[name]) for name in names], axis=0)
    return {name: values[kept] for name, values in data.items()}


@pytest.mark.parametrize(
    ("key", "names", "stratum", "ties"),
    [
        ("lung_cox_efron", ("age", "sex", "ph.ecog"), None, "efron"),
        ("lung_cox_breslow", ("age", "sex", "ph.ecog"), None, "breslow"),
        ("lung_cox_strata", ("age", "ph.ecog"), "sex", "efron"),
    ],
)
def test_cox_of_lung(lung: Any, printed: Any, key: str, names: tuple[str, ...], stratum: str | None, ties: str) -> None:
    data, theirs = complete(lung, *names), printed[key]
    strata = None if stratum is None else data[stratum]
    fit = cox(data["time"], data["dead"], np.column_stack([data[n] for n in names]), strata=strata, ties=ties)
    assert fit.coefficient == pytest.approx(theirs["coef"], **CLOSE)
    assert fit.standard_error == pytest.approx(theirs["se"], **EXACT)
    assert (fit.log_likelihood_null, fit.log_likelihood) == pytest.approx(theirs["loglik"], **EXACT)
    assert fit.score.chi_square == pytest.approx(theirs["score"], **EXACT)
    assert fit.wald.chi_square == pytest.approx(theirs["wald"], **CLOSE)
    assert (fit.n, fit.events) == (theirs["n"], theirs["nevent"])


@pytest.mark.parametrize(("key", "cause"), [("mgus2_csh_pcm", 1), ("mgus2_csh_death", 2)])
def test_cause_specific_hazards_of_mgus2(mgus2: Any, printed: Any, key: str, cause: int) -> None:
    fit = cox(mgus2["etime"], mgus2["event"] == cause, np.column_stack([mgus2["age"], mgus2["sex"]]))
    assert fit.coefficient == pytest.approx(printed[key]["coef"], **CLOSE)
    assert fit.standard_error == pytest.approx(printed[key]["se"], **EXACT)
    assert fit.log_likelihood == pytest.approx(printed[key]["loglik"][1], **EXACT)


def test_proportional_hazards_of_lung(lung: Any, printed: Any) -> None:
    names = ("age", "sex", "ph.ecog")
    data = complete(lung, *names)
    fit = cox(data["time"], data["dead"], np.column_stack([data[n] for n in names]), names=names)
    found = proportional_hazards(fit)
    ours = [[t.chi_square, t.degrees_of_freedom, t.p] for t in (*found.each, found.all)]
    assert np.array(ours) == pytest.approx(np.array(printed["lung_zph"]["table"]), rel=1e-8)


@pytest.mark.parametrize(("key", "rho"), [("lung_logrank", 0.0), ("lung_peto", 1.0)])
def test_log_rank_of_lung(lung: Any, printed: Any, key: str, rho: float) -> None:
    found, theirs = log_rank(lung["time"], lung["dead"], lung["sex"], rho=rho), printed[key]
    assert found.observed[0] == pytest.approx(theirs["obs"], **EXACT)
    assert found.expected[0] == pytest.approx(theirs["exp"], **EXACT)
    assert found.variance == pytest.approx(np.array(theirs["var"]), **EXACT)
    assert found.chi_square == pytest.approx(theirs["chisq"], **EXACT)


def test_stratified_log_rank_of_lung(lung: Any, printed: Any) -> None:
    data, theirs = complete(lung, "ph.ecog"), printed["lung_logrank_strat"]
    found = log_rank(data["time"], data["dead"], data["sex"], strata=data["ph.ecog"])
    assert pytest.approx(np.array(theirs["obs"]), **EXACT) == found.observed.T
    assert pytest.approx(np.array(theirs["exp"]), **EXACT) == found.expected.T
    assert found.chi_square == pytest.approx(theirs["chisq"], **EXACT)


@pytest.mark.parametrize("sex", [1, 2])
def test_kaplan_meier_of_lung(lung: Any, printed: Any, sex: int) -> None:
    rows = lung["sex"] == sex
    data = (lung["time"][rows], lung["dead"][rows])
    theirs, place = printed["lung_km"], slice(3 * (sex - 1), 3 * sex)
    curve = kaplan_meier(*data, interval=SurvivalInterval.LOG)
    at = survival_at(curve, [180, 365, 730])
    names = {"surv": "survival", "se": "standard_error", "lower": "low", "upper": "high", "atrisk": "n_at_risk"}
    for theirs_name, ours in names.items():
        assert getattr(at, ours) == pytest.approx(theirs[theirs_name][place], **EXACT), ours
    table = printed["lung_km_median"][sex - 1]
    assert survival_quantile(curve) == (table["median"], table["0.95LCL"], table["0.95UCL"])
    log_log = survival_at(kaplan_meier(*data), [365])
    assert log_log.low[0] == pytest.approx(printed["lung_km_loglog365"]["lower"][sex - 1], **EXACT)
    assert log_log.high[0] == pytest.approx(printed["lung_km_loglog365"]["upper"][sex - 1], **EXACT)
    mean, r = restricted_mean(curve, 365), printed["lung_rmst365"][sex - 1]
    assert (mean.estimate, mean.standard_error) == pytest.approx((r["rmean"], r["se(rmean)"]), **EXACT)


def test_restricted_mean_to_the_last_time(lung: Any, printed: Any) -> None:
    rows = lung["sex"] == 1
    mean = restricted_mean(kaplan_meier(lung["time"][rows], lung["dead"][rows]), 1022)
    theirs = printed["lung_km_median"][0]
    assert (mean.estimate, mean.standard_error) == pytest.approx((theirs["rmean"], theirs["se(rmean)"]), **EXACT)


@pytest.mark.parametrize("sex", [0, 1])
def test_aalen_johansen_of_mgus2(mgus2: Any, printed: Any, sex: int) -> None:
    rows, theirs, place = mgus2["sex"] == sex, printed["mgus2_aj"], slice(4 * sex, 4 * sex + 4)
    curves = aalen_johansen(mgus2["etime"][rows], mgus2["event"][rows], interval=SurvivalInterval.LOG)
    at = incidence_at(curves, [60, 120, 240, 360])
    for name, ours in {"pstate": at.incidence, "se": at.standard_error, "lower": at.low, "upper": at.high}.items():
        assert ours == pytest.approx(np.array(theirs[name])[place, 1:].T, **EXACT), name
    assert at.survival == pytest.approx(np.array(theirs["pstate"])[place, 0], **EXACT)
    assert at.survival_standard_error == pytest.approx(np.array(theirs["se"])[place, 0], **EXACT)


def test_one_minus_kaplan_meier_is_warned_of(mgus2: Any, printed: Any) -> None:
    rows = mgus2["sex"] == 0
    found = competing_risks_finding(mgus2["etime"][rows], mgus2["event"][rows], at=60, name="pcm")
    assert found is not None
    assert f"{printed['mgus2_aj']['pstate'][0][1]:.4f}" in found.got
    assert competing_risks_finding(mgus2["etime"][rows], mgus2["event"][rows] == 1) is None
