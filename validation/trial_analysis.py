"""The analysis of a trial against R's survival package, through the same path as a trial's own data.

    python validation/trial_analysis.py [--reference-data DIR]

``lung`` and ``mgus2`` are rewritten as ADSL and ADTTE, written as CSV, read back and analysed; the numbers of R stand
in ``statistics.json`` beside the data. A simulated trial is followed through SDTM and ADaM: what ADTTE says must be
what was simulated, subject by subject.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from limus.kernel.tables import Table, write_csv
from limus.trial.analysis.estimands import analyse_estimands
from limus.trial.analysis.events import summarise_event
from limus.trial.datasets.adam import adam_of
from limus.trial.datasets.files import read_datasets, write_datasets
from limus.trial.datasets.plan_from_data import plan_from_analysis_data
from limus.trial.datasets.sdtm import sdtm_of
from limus.trial.design.analysis_plan import AnalysisPlan, parameter_of, plan_of
from limus.trial.design.design import Analysis, AnalysisMethod, Endpoint, EndpointKind, Estimand, Hypothesis
from limus.trial.design.file import load_design
from limus.trial.simulation.simulated_trial import simulate_trial
from reference_data import REFERENCE_DATA

_R = "{R}, survival {survival}"
# R prints its numbers to 13 digits; sums over hundreds of subjects lose a few
_CLOSE = 1e-9


@dataclass(frozen=True)
class Part:
    """One claim with what came out."""

    claim: str
    against: str
    result: str
    failed: bool


def parts(data: Path) -> Iterator[Part]:
    """Yield every part that the data allow."""
    statistics = data.parent / "statistics.json"
    if (data / "lung.csv").is_file() and statistics.is_file():
        reference = json.loads(statistics.read_text(encoding="utf-8"))["survival"]
        against = _R.format(**reference["meta"])
        yield from lung(data / "lung.csv", reference, against)
        yield from mgus2(data / "mgus2_cr.csv", reference, against)
    yield from simulated()


def _part(claim: str, against: str, errors: Mapping[str, float], limit: float = _CLOSE) -> Part:
    worst = max(errors, key=lambda name: errors[name])
    result = f"{len(errors)} numbers, largest difference {errors[worst]:.1e} ({worst}), limit {limit:.0e}"
    return Part(claim, against, result, not errors[worst] <= limit)


def _difference(got: float, expected: float) -> float:
    return abs(got - expected) / max(abs(expected), 1e-12) if math.isfinite(got) else math.inf


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _as_adam(columns: Mapping[str, Any], more: Mapping[str, Any]) -> tuple[dict[str, Table], AnalysisPlan]:
    """Write ADSL and ADTTE as CSV, and read them as a trial's data are read."""
    subjects = [f"S{k:05d}" for k in range(len(columns["AVAL"]))]
    common = {"STUDYID": ["X"] * len(subjects), "USUBJID": subjects, "ITTFL": ["Y"] * len(subjects)}
    adsl = Table.create(common | {"TRT01P": columns["TRTP"], "RANDFL": ["Y"] * len(subjects), **more})
    adtte = Table.create(common | {"PARAM": ["Time to death (days)"] * len(subjects), **columns})
    with tempfile.TemporaryDirectory() as folder:
        write_csv(adsl, Path(folder) / "adsl.csv")
        write_csv(adtte, Path(folder) / "adtte.csv")
        adam = read_datasets(Path(folder), "ADaM", ("ADSL", "ADTTE"))
    return adam, plan_from_analysis_data(adam)


def lung(path: Path, reference: Mapping[str, Any], against: str) -> Iterator[Part]:
    """Survival of the lung data by sex: Kaplan-Meier, log-rank, Cox, restricted mean."""
    rows = _rows(path)
    ecog = [row["ph.ecog"] for row in rows]
    columns = {
        "TRTP": [row["sex"] for row in rows],
        "PARAMCD": ["DEATH"] * len(rows),
        "AVAL": np.array([float(row["time"]) for row in rows]),
        "CNSR": np.array([0.0 if row["status"] == "2" else 1.0 for row in rows]),
        "STRATAR": ["missing" if one == "NA" else f"ecog {one}" for one in ecog],
    }
    more = {
        "AGE": np.array([float(row["age"]) for row in rows]),
        "ECOG": np.array([np.nan if one == "NA" else float(one) for one in ecog]),
    }
    adam, plan = _as_adam(columns, more)
    found = summarise_event(adam["ADTTE"], "DEATH", ("1", "2"), (180.0, 365.0, 730.0))
    curve, ends = reference["lung_km"], reference["lung_km_loglog365"]
    errors = {}
    for k, arm in enumerate(found.arms):
        for j, mark in enumerate(arm.risks):
            place = 3 * k + j
            errors[f"S({mark.day:g}), sex {arm.arm}"] = _difference(1.0 - mark.risk, curve["surv"][place])
            errors[f"at risk, {mark.day:g}, sex {arm.arm}"] = _difference(mark.n_at_risk, curve["atrisk"][place])
            errors[f"se, {mark.day:g}, sex {arm.arm}"] = _difference(mark.standard_error, curve["se"][place])
        errors[f"log-log lower, sex {arm.arm}"] = _difference(1.0 - arm.risks[1].high, ends["lower"][k])
        errors[f"log-log upper, sex {arm.arm}"] = _difference(1.0 - arm.risks[1].low, ends["upper"][k])
    yield _part("ADTTE gives Kaplan-Meier with numbers at risk and log-log intervals", against, errors)

    known = adam["ADTTE"].where(adam["ADTTE"]["STRATAR"] != "missing")
    stratified = summarise_event(known, "DEATH", ("1", "2"), (365.0,)).comparisons[0]
    single = Table.create({name: values for name, values in adam["ADTTE"].columns.items() if name != "STRATAR"})
    plain = summarise_event(single, "DEATH", ("1", "2"), (365.0,)).comparisons[0]
    errors = {
        "log-rank": _difference(plain.log_rank_chi_square, reference["lung_logrank"]["chisq"]),
        "stratified by ECOG": _difference(stratified.log_rank_chi_square, reference["lung_logrank_strat"]["chisq"]),
    }
    yield _part("the log-rank test, stratified too, is R's", against, errors)
    yield _cox_and_mean({**adam, "ADTTE": single}, plan, reference, against)


def _cox_and_mean(adam: Mapping[str, Table], plan: AnalysisPlan, reference: Mapping[str, Any], against: str) -> Part:
    """Cox with covariates and the restricted mean, as analyses of a plan."""
    longest = float(adam["ADTTE"]["AVAL"].max())
    endpoints = tuple(
        Endpoint(name, name, EndpointKind.TIME_TO_EVENT, events=("death",), day=day)
        for name, day in (("death", longest), ("death by 365", 365.0))
    )
    estimands = tuple(Estimand(one.name, "all", "", one.name, (), "") for one in endpoints)
    analyses = (
        Analysis("cox", "death", "death", AnalysisMethod.COX, Hypothesis.DESCRIPTIVE, "2", "1", 0.05,
                 covariates=("AGE", "ECOG")),
        Analysis("rmst", "death by 365", "death by 365", AnalysisMethod.RESTRICTED_MEAN, Hypothesis.DESCRIPTIVE, "2",
                 "1", 0.05),
    )  # fmt: skip
    cox, mean = analyse_estimands(adam, replace(plan, endpoints=endpoints, estimands=estimands, analyses=analyses))
    expected, means = reference["lung_cox_efron"], reference["lung_rmst365"]
    errors = {
        "Cox, coefficient of sex": _difference(math.log(cox.effect), expected["coef"][1]),
        "Cox, standard error": _difference(cox.standard_error, expected["se"][1]),
    }
    for arm, row in zip(mean.arms[::-1], means, strict=True):
        errors[f"restricted mean, sex {arm.arm}"] = _difference(arm.estimate, row["rmean"])
        errors[f"its standard error, sex {arm.arm}"] = _difference(arm.standard_error, row["se(rmean)"])
    # the likelihood is climbed until its steps are small, not to the last digit
    return _part("Cox (Efron, covariates) and restricted mean of a plan are R's", against, errors, 1e-7)


def mgus2(path: Path, reference: Mapping[str, Any], against: str) -> Iterator[Part]:
    """Progression with death as competing event: cumulative incidence, and how far 1 - Kaplan-Meier is off."""
    rows = _rows(path)
    columns = {
        "TRTP": [row["sex"] for row in rows],
        "PARAMCD": ["PCM"] * len(rows),
        "AVAL": np.array([float(row["etime"]) for row in rows]),
        "CNSR": np.array([{"0": 1.0, "1": 0.0, "2": 3.0}[row["event"]] for row in rows]),
    }
    adam, _ = _as_adam(columns, {})
    expected = reference["mgus2_aj"]
    found = summarise_event(adam["ADTTE"], "PCM", ("F", "M"), (60.0, 120.0, 240.0, 360.0))
    cause = expected["states"].index("pcm")
    errors = {}
    for k, arm in enumerate(found.arms):
        for j, mark in enumerate(arm.risks):
            place = 4 * k + j
            errors[f"risk, {mark.day:g}, {arm.arm}"] = _difference(mark.risk, expected["pstate"][place][cause])
            errors[f"se, {mark.day:g}, {arm.arm}"] = _difference(mark.standard_error, expected["se"][place][cause])
    yield _part("a competing event in ADTTE gives Aalen and Johansen's incidence, ties exact", against, errors)
    women = found.arms[0]
    said = f"1 - Kaplan-Meier {100 * women.naive_risk:.2f} %, incidence {100 * women.risks[0].risk:.2f} % at 60 months"
    wrong = not (found.warning and women.naive_risk > women.risks[0].risk)
    yield Part("a warning says what 1 - Kaplan-Meier would have been", "mgus2", said, wrong)


def simulated(subjects: int = 400) -> Iterator[Part]:
    """A simulated trial through SDTM files and ADaM: every first event of every subject."""
    design, _ = load_design("tacrolimus-everolimus")
    trial = simulate_trial(design, subjects=subjects, seed=11)
    plan = plan_of(design)
    with tempfile.TemporaryDirectory() as folder:
        write_datasets(sdtm_of(trial).values(), Path(folder), formats=("xpt",))
        adam = adam_of(read_datasets(Path(folder), "SDTM"), plan).tables
    adtte = adam["ADTTE"]
    compared, wrong = 0, 0
    for name in ("rejection", "graft loss", "death", "cmv", "bkv", "diabetes", "discontinuation", "loss to follow-up"):
        rows = adtte.where(adtte["PARAMCD"] == parameter_of(plan, (name,))[0])
        rivals = [trial.event_day[rival] for rival in plan.words.event(name).ruled_out_by]
        rival = np.floor(np.minimum.reduce(rivals)) if rivals else np.full(subjects, np.inf)
        day = np.floor(trial.event_day[name])
        happened = np.isfinite(day) & (day <= rival)
        time = np.minimum(np.minimum(day, rival), np.floor(trial.end_day)) + 1.0
        compared += 2 * subjects
        wrong += int(((rows["CNSR"] == 0) != happened).sum() + (rows["AVAL"] != time).sum())
    result = f"{compared} times and outcomes of {subjects} subjects, {wrong} differ"
    claim = "what ADTTE says, through transport files, is what was simulated"
    yield Part(claim, "the simulation's own event days", result, wrong > 0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print every part; 1 where one fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference-data", type=Path, default=REFERENCE_DATA)
    options = parser.parse_args(arguments)
    failed = False
    for part in parts(options.reference_data):
        print(f"{'FAILS' if part.failed else 'holds'}  {part.claim}\n       {part.against}: {part.result}")
        failed |= part.failed
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
