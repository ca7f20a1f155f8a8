"""Pools that reviews print, and meta-analyses of papers worked again (``worked_examples.toml``)."""

from __future__ import annotations

import csv
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evidence.agreement import Comparison, Part
from limus.evidence.comparison import compare_treatments
from limus.evidence.measures import Measure
from limus.evidence.plan import Model, PoolPlan
from limus.evidence.pooling import pool_comparison
from limus.evidence.study_table import StudyTable, TableForm
from limus.kernel.statistics.pooling import (
    BinaryMeasure,
    PredictionMethod,
    Tau2Method,
    TwoByTwo,
    TwoMeans,
    binary_effects,
    fit_meta_regression,
    fit_mixed_logistic,
    hartung_knapp_interval,
    mean_differences,
    mean_spread,
    normal_quantile,
    pool_effects,
    pool_mantel_haenszel,
    pool_peto,
    prediction_interval,
    profile_q,
    run_begg,
    run_egger_mixed,
    wald_interval,
)
from limus.kernel.tables import Table

__all__ = ["reviews", "worked_examples"]

HERE = Path(__file__).parent
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pool:
    """A printed pool: its line in the table, outcome and time, arms and studies."""

    contrast: str
    outcome: tuple[str, str]
    treatment: tuple[str, ...]
    reference: str
    studies: tuple[str, ...]


_TWELVE_WEEKS = ("PGE >=90% improvement", "12wk")
_THREE_WEEKS = ("PGE >=90% improvement", "3wk")
_VEHICLE_TRIALS = ("Hanifin 2001", "Paller 2001")
_MILD = "hydrocortisone acetate 1%"

# which studies make which printed pool: the notes to the reference tables
POOLS: tuple[Pool, ...] = (
    Pool(
        "pim vs vehicle IGA0/1 6wk (2 trials)",
        ("IGA 0/1", "6wk"),
        ("pimecrolimus 1%",),
        "vehicle",
        ("Eichenfield 2002", "Ho 2003"),
    ),
    Pool("tac 0.03 vs vehicle >=90% (2)", _TWELVE_WEEKS, ("tacrolimus 0.03%",), "vehicle", _VEHICLE_TRIALS),
    Pool("tac 0.1 vs vehicle >=90% (2)", _TWELVE_WEEKS, ("tacrolimus 0.1%",), "vehicle", _VEHICLE_TRIALS),
    Pool(
        "tac 0.03 vs mild TCS (2, n790)",
        _THREE_WEEKS,
        ("tacrolimus 0.03%", "tacrolimus 0.03% bid"),
        _MILD,
        ("Reitamo 2002a", "Reitamo 2004"),
    ),
    Pool("tac 0.1 vs low TCS", _THREE_WEEKS, ("tacrolimus 0.1%",), _MILD, ("Reitamo 2002a",)),
    Pool(
        "tac 0.1 vs TCS regimen",
        ("PGE >=75/90% as reported", "6m"),
        ("tacrolimus 0.1%",),
        "TCS regimen (HCB/HC)",
        ("Reitamo 2005",),
    ),
)


def reviews(data: Path) -> Part:
    """The pools that reviews print for atopic dermatitis, common effect by inverse variance, to their two decimals."""
    with (data.parent / "ad_arms.csv").open(newline="") as file:
        arms = [row for row in csv.DictReader(file) if row["n"] and row["events"]]
    with (data.parent / "ad_pooled.csv").open(newline="") as file:
        printed = {row["contrast"]: row for row in csv.DictReader(file)}
    found = []
    for pool in POOLS:
        chosen = [r for r in arms if r["study"] in pool.studies and (r["outcome"], r["time"]) == pool.outcome]
        columns = {name: [row[name] for row in chosen] for name in ("study", "treatment")}
        columns |= {name: [float(row[name]) for row in chosen] for name in ("n", "events")}
        rows = Table.create(columns | {"row": np.arange(1.0, len(chosen) + 1)})
        table = StudyTable("ad_arms", TableForm.EVENTS, rows)
        comparison = compare_treatments(table, pool.treatment, pool.reference)
        summary, effects = pool_comparison(comparison, PoolPlan(Measure.RR, model=Model.COMMON))
        assert {study.name for study in effects.studies} == set(pool.studies)
        ours = [math.exp(x) for x in (summary.estimate, *summary.ci)]
        for value, key in zip(ours, ("estimate", "ci_low", "ci_high"), strict=True):
            theirs = float(printed[pool.contrast][key])
            found.append(Comparison(f"{pool.contrast} {key}", value, theirs, 0.00501 / max(1.0, theirs)))
    against = "ad_pooled.csv (El-Batawy 2009, Cochrane CD009864); Ho 2003, Reitamo 2004 and 2005 are recalled"
    return Part("arms give the pools that reviews print", against, tuple(found))


def worked_examples() -> Iterator[Part]:
    """Published meta-analyses worked again."""
    for name, example in tomllib.loads((HERE / "worked_examples.toml").read_text(encoding="utf-8")).items():
        comparisons = []
        for wanted in example["results"]:
            settings = {key: wanted.get(key, example.get(key)) for key in ("measure", "model")}
            ours = _work(example, settings["measure"], settings["model"], example.get("level", 95))
            for key, value in wanted.items():
                if key in ("measure", "model", "within"):
                    continue
                digits = len(repr(value).partition(".")[2]) if isinstance(value, float) else 0
                limit = wanted.get("within", 0.5001 * 10.0**-digits) / max(1.0, abs(value))
                comparisons.append(Comparison(f"{settings['model']} {key}", ours[key], value, limit))
        yield Part(f"a published meta-analysis is reproduced: {name}", example["source"], tuple(comparisons))


def _work(example: Mapping[str, Any], measure: str | None, model: str, level: float) -> dict[str, float]:
    if model in ("MH", "PETO", "GLMM", "GLMM-common"):
        return _work_tables(TwoByTwo.create(*np.array(example["events"], float).T), measure, model, level)
    if "effects" in example:
        y, v = np.array(example["effects"]).T
    elif "means" in example:
        y, v = _work_means(*np.array(example["means"], float).T, pooled_sd=example.get("pooled_sd", False))
    else:
        effects = binary_effects(TwoByTwo.create(*np.array(example["events"], float).T), BinaryMeasure(str(measure)))
        y, v = effects.effect, effects.variance
    times = example.get("times", 1)
    y, v = times * y, times**2 * v
    estimator = None if model == "common" else Tau2Method(model)
    pooled = pool_effects(y, v, estimator)
    wald, knapp = wald_interval(pooled, level), hartung_knapp_interval(pooled, level)
    low, high = prediction_interval(pooled, pooled.standard_error, PredictionMethod.NORMAL)
    profile = profile_q(mean_spread(y[None], v[None]))
    arrays = {
        "estimate": pooled.estimate, "standard_error": pooled.standard_error, "tau2": pooled.tau2, "q": pooled.q,
        "lower": wald.lower, "upper": wald.upper, "hk_standard_error": knapp.standard_error, "hk_lower": knapp.lower,
        "hk_upper": knapp.upper, "prediction_normal_lower": low, "prediction_normal_upper": high,
        "q_profile_lower": profile.lower, "q_profile_upper": profile.upper, "ratio": np.exp(pooled.estimate),
        "ratio_lower": np.exp(wald.lower), "ratio_upper": np.exp(wald.upper),
        "prediction_normal_ratio_lower": np.exp(low), "prediction_normal_ratio_upper": np.exp(high),
    }  # fmt: skip
    ours = {name: float(values[0]) for name, values in arrays.items()}
    begg = run_begg(y, v)
    ours |= {"egger_mixed": run_egger_mixed(y, v).statistic, "begg_tau": begg.statistic, "begg_p": begg.p}
    return ours | _work_regression(example, y, v, estimator)


def _work_means(*columns: Floats, pooled_sd: bool) -> tuple[Floats, Floats]:
    mean_1, sd_1, n_1, mean_2, sd_2, n_2 = columns
    if pooled_sd:
        sd_1 = sd_2 = np.sqrt(((n_1 - 1) * sd_1**2 + (n_2 - 1) * sd_2**2) / (n_1 + n_2 - 2))
    return mean_differences(TwoMeans.create(mean_1, sd_1, n_1, mean_2, sd_2, n_2))


def _work_regression(
    example: Mapping[str, Any], y: Floats, v: Floats, estimator: Tau2Method | None
) -> dict[str, float]:
    if "moderators" in example:
        x = np.array(example["moderators"], float)
    elif "dose_and_baseline" in example:
        dose, weeks, baseline = np.array(example["dose_and_baseline"], float).T
        total = dose * 7 / 1000 * weeks - 34
        x = np.column_stack([total, baseline - 20, total * (baseline - 20)])
    else:
        return {}
    fit = fit_meta_regression(y, v, x, [f"x{i}" for i in range(x.shape[1])], estimator)
    ours = {f"regression_{at}": float(value) for at, value in enumerate(fit.coefficients)}
    ours |= {"regression_tau2": fit.tau2, "regression_tau2_error": fit.tau2_standard_error}
    return ours | {"regression_qe": fit.qe, "regression_r2": fit.r2_percent}


def _work_tables(tables: TwoByTwo, measure: str | None, model: str, level: float) -> dict[str, float]:
    if model.startswith("GLMM"):
        fit = fit_mixed_logistic(tables, random=model == "GLMM")
        return {"estimate": fit.estimate, "tau2": fit.tau2}
    pooled = pool_peto(tables) if model == "PETO" else pool_mantel_haenszel(tables, BinaryMeasure(str(measure)))
    half = normal_quantile(level) * pooled.standard_error
    ends = (pooled.estimate - half, pooled.estimate + half)
    ours = {"estimate": pooled.estimate, "lower": ends[0], "upper": ends[1], "q": pooled.q}
    ratios = {"ratio": pooled.estimate, "ratio_lower": ends[0], "ratio_upper": ends[1]}
    return ours | {name: math.exp(value) for name, value in ratios.items()}
