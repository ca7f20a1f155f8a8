"""Every figure of metafor on the BCG trials that stands in ``statistics.json``.

metafor ends its iterations early, which the limits allow for: what both programs compute in closed form must agree to
1e-10, the rest to what metafor's stopping rules leave open.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evidence.agreement import Comparison, Part
from limus.kernel.statistics.pooling import (
    BinaryMeasure,
    PredictionMethod,
    Tau2Method,
    TwoByTwo,
    binary_effects,
    fit_meta_regression,
    fit_mixed_logistic,
    hartung_knapp_interval,
    mean_spread,
    measure_influence,
    pool_cumulatively,
    pool_effects,
    pool_leaving_one_out,
    pool_mantel_haenszel,
    pool_peto,
    prediction_interval,
    profile_q,
    run_begg,
    run_egger,
    run_egger_mixed,
    trim_and_fill,
    wald_interval,
)

__all__ = ["compare_with_metafor"]

Floats = NDArray[np.float64]

CLOSED = 1e-10  # what both programs compute in closed form
STEPPED = 1e-5  # metafor's iterations end when tau2 moves by less than 1e-5
SOLVED = 1e-4  # metafor's PM and Q-profile: R's uniroot with its default tolerance, 1.2e-4
FITTED = 2e-5  # lme4 ends its search at a relative change of the likelihood


def _bcg(data: Path) -> tuple[TwoByTwo, Floats, list[dict[str, str]]]:
    with (data / "dat_bcg.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    a, b, c, d = (np.array([float(row[name]) for row in rows]) for name in ("tpos", "tneg", "cpos", "cneg"))
    moderators = np.array([[float(row["ablat"]), float(row["year"])] for row in rows])
    return TwoByTwo.create(a, a + b, c, c + d), moderators, rows


def compare_with_metafor(data: Path) -> Part:
    """Every figure of metafor 3.8.1 on dat.bcg."""
    content = json.loads((data.parent / "statistics.json").read_text())["metafor"]
    tables, moderators, rows = _bcg(data)
    effects = binary_effects(tables, BinaryMeasure.RR)
    y, v = effects.effect, effects.variance
    found = [
        *_bcg_pools(content, y, v),
        *_bcg_intervals(content, y, v),
        *_bcg_regression(content["bcg_mods"], fit_meta_regression(y, v, moderators, ["ablat", "year"])),
        *_bcg_sensitivity(content, y, v, np.argsort(moderators[:, 1], kind="stable")),
        *_bcg_small_studies(content, y, v),
        *_bcg_tables(content, tables),
    ]
    assert len(rows) == 13
    versions = content["meta"]
    return Part("pooling gives metafor's numbers", f"metafor {versions['metafor']} on dat.bcg", tuple(found))


def _bcg_pools(content: Mapping[str, Any], y: Floats, v: Floats) -> Iterator[Comparison]:
    limits = {"FE": CLOSED, "DL": CLOSED, "HE": CLOSED, "SJ": CLOSED, "HS": CLOSED}
    limits |= {"ML": STEPPED, "REML": STEPPED, "EB": STEPPED, "PM": SOLVED}
    for name, limit in limits.items():
        theirs = content[f"bcg_RR_{name}"]
        pooled = pool_effects(y, v, None if name == "FE" else Tau2Method(name))
        wald = wald_interval(pooled)
        ours = {
            "est": pooled.estimate, "se": pooled.standard_error, "tau2": pooled.tau2, "I2": pooled.i2_percent,
            "H2": pooled.h2, "QE": pooled.q, "QEp": pooled.q_p, "pval": wald.p,
            "QM": (pooled.estimate / pooled.standard_error) ** 2,
        }  # fmt: skip
        if name != "FE":
            ours["se_tau2"] = pooled.tau2_standard_error
        for key, value in ours.items():
            # relative to their size, H2 and QM move up to four times as far as tau2 does
            wide = limit * (4 if key in ("H2", "QM") else 1)
            yield Comparison(f"{name} {key}", float(value[0]), theirs[key], wide)
        yield Comparison(f"{name} lower", float(wald.lower[0]), theirs["ci"][0][0], limit)
        yield Comparison(f"{name} upper", float(wald.upper[0]), theirs["ci"][0][1], limit)


def _bcg_intervals(content: Mapping[str, Any], y: Floats, v: Floats) -> Iterator[Comparison]:
    pooled = pool_effects(y, v)
    knapp, theirs = hartung_knapp_interval(pooled), content["bcg_knha"]
    for key, value in (("se", knapp.standard_error), ("pval", knapp.p)):
        yield Comparison(f"Hartung-Knapp {key}", float(value[0]), theirs[key], STEPPED)
    yield Comparison("Hartung-Knapp lower", float(knapp.lower[0]), theirs["ci"][0][0], STEPPED)
    yield Comparison("Hartung-Knapp upper", float(knapp.upper[0]), theirs["ci"][0][1], STEPPED)
    low, high = prediction_interval(pooled, pooled.standard_error, PredictionMethod.NORMAL)
    yield Comparison("prediction lower", float(low[0]), content["bcg_pred"]["pi.lb"], STEPPED)
    yield Comparison("prediction upper", float(high[0]), content["bcg_pred"]["pi.ub"], STEPPED)
    profile = profile_q(mean_spread(y[None], v[None]))
    tau2, tau, i2, h2 = content["bcg_QPci"]
    lower = (profile.lower, profile.i2_lower_percent, profile.h2_lower)
    upper = (profile.upper, profile.i2_upper_percent, profile.h2_upper)
    for at, (t, i, h) in enumerate((lower, upper), start=1):
        yield Comparison("Q-profile tau2", float(t[0]), tau2[at], SOLVED)
        yield Comparison("Q-profile tau", math.sqrt(t[0]), tau[at], SOLVED)
        yield Comparison("Q-profile I2", float(i[0]), i2[at], SOLVED)
        yield Comparison("Q-profile H2", float(h[0]), h2[at], 4 * SOLVED)


def _bcg_regression(theirs: Mapping[str, Any], fit: Any) -> Iterator[Comparison]:
    for at, name in enumerate(fit.names):
        yield Comparison(f"regression {name}", float(fit.coefficients[at]), theirs["est"][at], 20 * STEPPED)
        yield Comparison(f"regression {name} se", float(fit.standard_errors[at]), theirs["se"][at], 5 * STEPPED)
        yield Comparison(f"regression {name} p", float(fit.p[at]), theirs["pval"][at], STEPPED)
    # relative to their size, I2 and R2 move up to five times as far as tau2 does
    for name, value, factor in (("tau2", fit.tau2, 1), ("I2", fit.i2_percent, 5), ("R2", fit.r2_percent, 5)):
        yield Comparison(f"regression {name}", value, theirs[name], factor * STEPPED)
    for name, value in (("QE", fit.qe), ("QEp", fit.qe_p), ("QM", fit.qm), ("QMp", fit.qm_p)):
        limit = CLOSED if name.startswith("QE") else 10 * STEPPED
        yield Comparison(f"regression {name}", value, theirs[name], limit)


def _bcg_sensitivity(content: Mapping[str, Any], y: Floats, v: Floats, order: NDArray[np.intp]) -> Iterator[Comparison]:
    without, added, influence = pool_leaving_one_out(y, v), pool_cumulatively(y, v, order), measure_influence(y, v)
    columns = {"est": "estimate", "se": "standard_error", "tau2": "tau2", "I2": "i2_percent"}
    for key, theirs in content["bcg_l1o"].items():
        for at, value in enumerate(theirs):
            ours = float(getattr(without, columns[key])[at])
            yield Comparison(f"leave-one-out {key}", ours, value, STEPPED)
    for key, theirs in content["bcg_cum"].items():
        start = 1 if key == "tau2" else 0  # metafor gives tau2 = 0 for one study, limus gives none
        for at, value in list(enumerate(theirs))[start:]:
            yield Comparison(f"cumulative {key}", float(getattr(added, columns[key])[at]), value, STEPPED)
    names = {
        "rstudent": "studentised_residual", "dffits": "dffits", "cook.d": "cook_distance", "tau2.del": "tau2_without",
        "hat": "hat",
    }  # fmt: skip
    for key, name in names.items():
        for at, value in enumerate(content["bcg_influence"][key]):
            yield Comparison(f"influence {key}", float(getattr(influence, name)[at]), value, STEPPED)


def _bcg_small_studies(content: Mapping[str, Any], y: Floats, v: Floats) -> Iterator[Comparison]:
    egger, mixed, begg = run_egger(y, v), run_egger_mixed(y, v), run_begg(y, v)
    yield Comparison("Egger t", egger.statistic, content["bcg_egger_lm"]["z"], CLOSED)
    yield Comparison("Egger p", egger.p, content["bcg_egger_lm"]["p"], CLOSED)
    yield Comparison("Egger mixed z", mixed.statistic, content["bcg_egger_rma"]["z"], STEPPED)
    yield Comparison("Egger mixed p", mixed.p, content["bcg_egger_rma"]["p"], STEPPED)
    yield Comparison("Begg tau", begg.statistic, content["bcg_ranktest"]["tau"], CLOSED)
    yield Comparison("Begg p", begg.p, content["bcg_ranktest"]["p"], CLOSED)
    filled, theirs = trim_and_fill(y, v), content["bcg_trimfill"]
    pairs = (("k0", filled.missing), ("est", filled.pooled.estimate[0]), ("se", filled.pooled.standard_error[0]))
    pairs += (("tau2", filled.pooled.tau2[0]), ("QE", filled.pooled.q[0]))
    for key, value in pairs:
        yield Comparison(f"trim and fill {key}", float(value), theirs[key], STEPPED)
    yield Comparison("trim and fill side", float(filled.side == theirs["side"]), 1.0, 0.5)


def _bcg_tables(content: Mapping[str, Any], tables: TwoByTwo) -> Iterator[Comparison]:
    pools = {f"mh_{name}": pool_mantel_haenszel(tables, BinaryMeasure(name)) for name in ("RR", "OR")}
    for name, pooled in (pools | {"peto": pool_peto(tables)}).items():
        theirs = content[f"bcg_{name}"]
        for key, value in (("est", pooled.estimate), ("se", pooled.standard_error), ("QE", pooled.q)):
            yield Comparison(f"{name} {key}", value, theirs[key], CLOSED)
        if "MH" in theirs:
            yield Comparison(f"{name} test", pooled.test, theirs["MH"], CLOSED)
            yield Comparison(f"{name} test p", pooled.test_p, theirs["MHp"], CLOSED)
    model, theirs = fit_mixed_logistic(tables), content["bcg_glmm_UMFS"]
    effects = binary_effects(tables, BinaryMeasure.OR)
    typical = float(pool_effects(effects.effect, effects.variance, None).typical_variance[0])
    ours = {"est": model.estimate, "se": model.standard_error, "tau2": model.tau2}
    for key, value in ours.items():
        yield Comparison(f"logistic model {key}", value, theirs[key], FITTED)
    yield Comparison("logistic model H2", 1 + model.tau2 / typical, theirs["H2"], 4 * FITTED)
