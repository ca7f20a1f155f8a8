"""Survival analysis against R, published intervals, other programs, linear programming, and its own coverage.

``python validation/survival.py [DIR]`` compares with R's survival 3.5.3 (``statistics.json`` beside the folder of
reference data: lung, mgus2), prints a table; exit status 0 only if everything holds. lifelines and statsmodels are
compared with where they are installed.
"""

from __future__ import annotations

import argparse
import csv
import importlib.metadata
import importlib.util
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.special import ndtri

from limus.kernel.errors import ValueRangeError
from limus.kernel.execution import spawn_generators
from limus.kernel.statistics.regression import adjusted_difference_batch
from limus.kernel.statistics.risk_difference import risk_difference, risk_difference_batch
from limus.kernel.statistics.survival import (
    CoxStatus,
    SurvivalInterval,
    aalen_johansen,
    cox,
    cox_batch,
    gray_test,
    incidence_at,
    incidence_difference_batch,
    kaplan_meier,
    log_rank,
    log_rank_batch,
    proportional_hazards,
    restricted_mean,
    survival_at,
    survival_quantile,
)
from reference_data import REFERENCE_DATA

Outcome = tuple[str, str, str, bool | None]

# R stops its Newton steps at 1e-9 of ln L: its coefficients are good to about 1e-7 of a standard error
LIMIT_R = 1e-7
# lifelines stops with delayed entry about 2e-6 of a standard error from the maximum
LIMIT_PEER = 1e-5
R = "R 4.2.2, survival 3.5.3 (statistics.json)"


@dataclass
class Tally:
    """Figures compared, the worst relative difference and where it is."""

    count: int = 0
    worst: float = 0.0
    place: str = ""
    wrong: list[str] = field(default_factory=list)

    def add(self, name: str, ours: Any, theirs: Any, scale: Any = None) -> None:
        """Compare; differences are relative to ``scale``, by default to the figure itself."""
        a, b = np.atleast_1d(np.asarray(ours, dtype=float)), np.atleast_1d(np.asarray(theirs, dtype=float))
        size = np.maximum(np.abs(b), 1e-3) if scale is None else np.asarray(scale, dtype=float)
        off = float(np.max(np.abs(a - b) / size)) if a.shape == b.shape else math.inf
        self.count += b.size
        if not off <= self.worst:
            self.worst, self.place = off, name

    def outcome(self, claim: str, against: str, limit: float) -> Outcome:
        text = f"{self.count} figures, largest relative difference {self.worst:.0e} ({self.place}), limit {limit:.0e}"
        return claim, against, text, self.count > 0 and self.worst <= limit


def read(path: Path) -> dict[str, np.ndarray]:
    with path.open() as file:
        rows = list(csv.DictReader(file))
    value = {"F": 0.0, "M": 1.0, "NA": math.nan}
    return {n: np.array([value[r[n]] if r[n] in value else float(r[n]) for r in rows]) for n in rows[0]}


def lung(data: Path) -> Outcome:
    """Every figure of lung in statistics.json, but the Weibull model and means beyond follow-up."""
    r, d, t = json.loads((data.parent / "statistics.json").read_text())["survival"], read(data / "lung.csv"), Tally()
    d["dead"] = d["status"] - 1
    kept = ~np.isnan(d["ph.ecog"])
    c = {name: values[kept] for name, values in d.items()}
    fits = {
        "lung_cox_efron": cox(c["time"], c["dead"], np.column_stack([c["age"], c["sex"], c["ph.ecog"]])),
        "lung_cox_breslow": cox(
            c["time"], c["dead"], np.column_stack([c["age"], c["sex"], c["ph.ecog"]]), ties="breslow"
        ),
        "lung_cox_strata": cox(c["time"], c["dead"], np.column_stack([c["age"], c["ph.ecog"]]), strata=c["sex"]),
    }
    for key, fit in fits.items():
        _add_fit(t, key, fit, r[key])
    zph = proportional_hazards(fits["lung_cox_efron"])
    t.add("lung_zph", [[x.chi_square, x.degrees_of_freedom, x.p] for x in (*zph.each, zph.all)], r["lung_zph"]["table"])
    tests = {
        "lung_logrank": log_rank(d["time"], d["dead"], d["sex"]),
        "lung_peto": log_rank(d["time"], d["dead"], d["sex"], rho=1),
        "lung_logrank_strat": log_rank(c["time"], c["dead"], c["sex"], strata=c["ph.ecog"]),
    }
    for key, test in tests.items():
        t.add(key, test.chi_square, r[key]["chisq"])
        for name, ours in (("obs", test.observed.T), ("exp", test.expected.T), ("var", test.variance)):
            t.add(f"{key} {name}", np.squeeze(ours), r[key][name])
    for sex in (1, 2):
        rows, place = d["sex"] == sex, slice(3 * (sex - 1), 3 * sex)
        curve = kaplan_meier(d["time"][rows], d["dead"][rows], interval=SurvivalInterval.LOG)
        at = survival_at(curve, [180, 365, 730])
        pairs = {
            "surv": at.survival,
            "se": at.standard_error,
            "lower": at.low,
            "upper": at.high,
            "atrisk": at.n_at_risk,
        }
        for name, ours in pairs.items():
            t.add(f"lung_km {name}", ours, r["lung_km"][name][place])
        table = r["lung_km_median"][sex - 1]
        t.add("lung median", survival_quantile(curve), [table["median"], table["0.95LCL"], table["0.95UCL"]])
        mean, theirs = restricted_mean(curve, 365), r["lung_rmst365"][sex - 1]
        t.add("lung rmst", [mean.estimate, mean.standard_error], [theirs["rmean"], theirs["se(rmean)"]])
        at = survival_at(kaplan_meier(d["time"][rows], d["dead"][rows]), [365])
        ends = [r["lung_km_loglog365"][name][sex - 1] for name in ("lower", "upper")]
        t.add("lung log-log", [at.low[0], at.high[0]], ends)
    return t.outcome("Kaplan-Meier, log-rank, Cox, its tests and restricted means are R's", f"{R}: lung", LIMIT_R)


def _add_fit(t: Tally, key: str, fit: Any, r: dict[str, Any]) -> None:
    t.add(f"{key} coefficient", fit.coefficient, r["coef"], scale=r["se"])
    t.add(f"{key} se", fit.model_standard_error, r["se"])
    t.add(f"{key} ln L", [fit.log_likelihood_null, fit.log_likelihood], r["loglik"])
    t.add(f"{key} score", fit.score.chi_square, r["score"])


def mgus2(data: Path) -> list[Outcome]:
    r, d = json.loads((data.parent / "statistics.json").read_text())["survival"], read(data / "mgus2_cr.csv")
    incidence, hazards, weighted = Tally(), Tally(), Tally()
    for sex in (0, 1):
        rows, place = d["sex"] == sex, slice(4 * sex, 4 * sex + 4)
        at = incidence_at(
            aalen_johansen(d["etime"][rows], d["event"][rows], interval=SurvivalInterval.LOG), [60, 120, 240, 360]
        )
        theirs = {name: np.array(r["mgus2_aj"][name])[place].T for name in ("pstate", "se", "lower", "upper")}
        incidence.add("pstate", np.vstack([at.survival, at.incidence]), theirs["pstate"])
        incidence.add("se", np.vstack([at.survival_standard_error, at.standard_error]), theirs["se"])
        incidence.add("lower", at.low, theirs["lower"][1:])
        incidence.add("upper", at.high, theirs["upper"][1:])
    x = np.column_stack([d["age"], d["sex"]])
    for cause, name in ((1, "pcm"), (2, "death")):
        _add_fit(hazards, f"mgus2_csh_{name}", cox(d["etime"], d["event"] == cause, x), r[f"mgus2_csh_{name}"])
        stop, dead, start, weight, subject = fine_gray_rows(d["etime"], d["event"], cause)
        for key, ties in (("robust", "efron"), ("breslow", "breslow")):
            if f"mgus2_fg_{key}_{name}" in r:
                fit = cox(stop, dead, x[subject], entry=start, weights=weight, cluster=subject, ties=ties)
                theirs = r[f"mgus2_fg_{key}_{name}"]
                _add_fit(weighted, f"mgus2_fg_{key}_{name}", fit, theirs)
                weighted.add(f"mgus2_fg_{key}_{name} robust", fit.standard_error, theirs["robust"])
    return [
        incidence.outcome("cumulative incidence is exact with ties, with R's standard errors", f"{R}: mgus2", 1e-10),
        hazards.outcome("cause-specific hazard ratios are R's", f"{R}: mgus2", LIMIT_R),
        weighted.outcome(
            "Cox with entry, weights and robust variance of clusters is R's",
            f"{R}: mgus2, Fine and Gray's rows",
            LIMIT_R,
        ),
    ]


def fine_gray_rows(time: np.ndarray, cause: np.ndarray, of_interest: int) -> tuple[np.ndarray, ...]:
    """Rows whose weighted Cox fit is Fine and Gray's: competing events stay at risk, less by later censoring."""
    # times are whole; censoring is just after events of the same time
    free = kaplan_meier(time + 0.25 * (cause == 0), cause == 0)

    def before(t: np.ndarray | float) -> Any:
        return np.concatenate([[1.0], free.survival])[np.searchsorted(free.time, t, side="left")]

    events = np.unique(time[cause == of_interest])
    rows: list[tuple[float, float, float, float, int]] = []
    for i, (t, c) in enumerate(zip(time, cause, strict=True)):
        rows.append((max(t, 1e-9), float(c == of_interest), 0.0, 1.0, i))
        if c not in (0, of_interest):
            begin = t
            for later in events[events > t]:
                rows.append((later, 0.0, begin, float(before(later) / before(t)), i))
                begin = later
    table = np.array([row for row in rows if row[3] > 0])
    return table[:, 0], table[:, 1], table[:, 2], table[:, 3], table[:, 4].astype(int)


def published_differences() -> Outcome:
    """Printed intervals; the tables stand in the tests too."""
    cisapride = """15 16 9 16 12 16 1 16 29 34 18 34 42 56 31 56 14 22 6 22 44 54 17 55 14 17 7 15 29 58 23 58
        10 14 3 15 17 26 6 27 38 44 12 45 19 29 22 30 21 38 19 38"""
    adverse = """0 432 0 142 1 375 0 125 0 80 0 40 0 248 1 84 0 50 0 24 2 251 0 85 5 605 1 209 1 466 2 231 4 525 0 175
        1 80 0 40 1 375 0 124 0 189 0 59 0 55 0 27 0 110 0 56 0 85 0 85 0 170 0 85 4 1030 1 350"""
    cases = (
        ("cisapride, Hartung and Knapp 2001 (ratesci)", cisapride, 0.245286, 0.369981, 5e-7),
        ("adverse events, Klingenberg 2014", adverse, -0.0027, 0.0038, 5.1e-5),
        ("Lu 2008", "3 5 1 15 4 10 3 10 18 35 2 25", 0.1963, 0.5381, 5.1e-5),
        ("tern 0.9", "8 30 12 30 10 35 15 35 6 27 9 23", -0.281568259, -0.008104148, 1e-6),
    )
    worst, text = 0.0, []
    for name, numbers, low, high, digit in cases:
        table = np.array(numbers.split(), dtype=float).reshape(-1, 4)
        found = risk_difference(table[:, [0, 2]], table[:, [1, 3]])
        off = max(abs(found.low - low), abs(found.high - high)) / digit
        worst = max(worst, off)
        text.append(f"{name}: {found.low:.6f} to {found.high:.6f}")
    claim = "stratified Miettinen-Nurminen intervals are the published ones to their last digit"
    return claim, "printed results of four sources", "; ".join(text), worst <= 1.0


def monotone_likelihood(sets: int = 1500) -> Outcome:
    """A coefficient is infinite exactly if a direction puts each event highest in its risk set: a linear programme."""
    wrong = infinite = asked = 0
    for generator in spawn_generators(1, sets, stream="monotone"):
        n, p = int(generator.integers(6, 25)), int(generator.integers(1, 4))
        event, stratum = generator.integers(0, 2, n), generator.integers(0, 2, n)
        event[:2] = 1
        time = generator.integers(1, generator.integers(3, 40) + 1, n).astype(float)
        x = np.round(generator.normal(size=(n, p)), generator.integers(0, 3))
        try:
            fit = cox(time, event, x, strata=stratum)
        except ValueRangeError:
            continue  # no covariate varies
        if CoxStatus.ALIASED in fit.coefficient_status:
            continue
        dead = np.flatnonzero(event)
        gaps = [x[i] - x[(stratum == stratum[i]) & (time >= time[i])] for i in dead]
        rows = np.concatenate(gaps)
        best = linprog(-rows.sum(axis=0), A_ub=-rows, b_ub=np.zeros(len(rows)), bounds=[(-1, 1)] * p)
        asked, infinite = asked + 1, infinite + (-best.fun > 1e-7)
        wrong += (-best.fun > 1e-7) != (fit.status is CoxStatus.INFINITE) or fit.status is CoxStatus.NOT_CONVERGED
    text = f"{asked} small sets with ties and strata, {infinite} without a maximum: {wrong} judged wrongly"
    return "monotone likelihood is found where it is, and only there", "linear programming (scipy)", text, wrong == 0


def error_rates(replicates: int = 20_000) -> list[Outcome]:
    """Type I errors within Monte Carlo error; for non-inferiority the truth is a difference equal to the margin."""
    generator = spawn_generators(1, 1, stream="error rates")[0]
    n, found = 400, []
    group = np.arange(n) % 2
    time, end = generator.exponential(1.0, (replicates, n)), generator.uniform(0, 3, (replicates, n))
    seen, event = np.minimum(time, end), time <= end
    stratum = generator.integers(0, 4, n)
    z = {"log-rank": log_rank_batch(seen, event, group).z}
    z["log-rank, four strata"] = log_rank_batch(seen, event, group, strata=stratum).z
    for name, values in z.items():
        found.append(_rate(name, np.abs(values) > ndtri(0.975), 0.05, replicates, 0.003))
    margin, control = 0.1, 0.2
    rates = -np.log(1 - np.where(group == 1, control + margin, control))
    time = generator.exponential(1.0, (replicates, n)) / rates
    end = np.minimum(generator.exponential(5.0, (replicates, n)), 1.2)
    at_one = incidence_difference_batch(np.minimum(time, end), time <= end, group, 1.0)
    claimed = at_one.estimate + ndtri(0.975) * at_one.standard_error < margin
    found.append(_rate("non-inferiority by Kaplan-Meier, censoring 20 %", claimed, 0.025, replicates, 0.005))
    share = (time <= 1.0).astype(float)
    events = np.stack([share[:, group == 1].sum(axis=1), share[:, group == 0].sum(axis=1)], axis=1)
    score = risk_difference_batch(events, np.full(events.shape, n / 2), margin=margin, intervals=False)
    found.append(_rate("non-inferiority by Miettinen and Nurminen", score.z < -ndtri(0.975), 0.025, replicates, 0.003))
    x = generator.normal(size=(replicates // 4, 100, 1))
    y = 2 * x[..., 0] + generator.normal(size=(replicates // 4, 100))
    ancova = adjusted_difference_batch(y, np.arange(100) % 2, x)
    t = np.abs(ancova.estimate / ancova.standard_error)
    found.append(_rate("analysis of covariance, t(97)", t > 1.98472, 0.05, replicates // 4, 0.0))
    return found


def gray_published(data: Path) -> Outcome:
    """Gray's test of 177 transplanted patients by disease, as R's cmprsk prints it."""
    claim, against = "Gray's test gives the figures of R's cmprsk", "cuminc() of bmtcrr (Scrucca and others 2010)"
    if not (data / "bmtcrr.csv").is_file():
        return claim, against, "reference data absent", None
    with (data / "bmtcrr.csv").open() as file:
        rows = list(csv.DictReader(file))
    time, causes = (np.array([float(row[name]) for row in rows]) for name in ("ftime", "Status"))
    disease, t = np.array([row["D"] for row in rows]), Tally()
    for cause, chi_square, p in ((1, 2.8623325, 0.09067592), (2, 0.4481279, 0.50322531)):
        found = gray_test(time, causes.astype(int), disease, of=cause)
        t.add(f"cause {cause}", [found.chi_square, found.p], [chi_square, p])
    return t.outcome(claim, against, 1e-7)  # printed to 8 digits


def gray_errors(replicates: int = 2000) -> list[Outcome]:
    """Its type I error where groups have one incidence of the cause and other hazards of what competes with it."""
    generator = spawn_generators(1, 1, stream="gray")[0]
    n, group, p, ranked = 400, np.arange(400) % 2, np.zeros((2, replicates)), np.zeros(replicates)
    strata = generator.integers(0, 4, n)
    for k in range(replicates):
        # the cause by t: 0.3 (1 - exp(-t)) in both groups, the competing event early in one and late in the other
        is_cause = generator.random(n) < 0.3
        other = generator.exponential(np.where(group == 1, 0.3, 3.0))
        time = np.where(is_cause, generator.exponential(1.0, n), other)
        end = generator.uniform(0.0, 4.0, n)
        cause = np.where(time <= end, np.where(is_cause, 1, 2), 0)
        seen = np.ceil(50 * np.minimum(time, end))  # many ties
        p[:, k] = gray_test(seen, cause, group).p, gray_test(seen, cause, group, strata=strata).p
        ranked[k] = log_rank(seen, cause == 1, group).p
    found = [
        _rate("Gray's test, equal incidences, unequal hazards", p[0] < 0.05, 0.05, replicates, 0.003),
        _rate("Gray's test in four strata", p[1] < 0.05, 0.05, replicates, 0.003),
    ]
    rate = float(np.mean(ranked < 0.05))
    claim = "the log-rank test is not a test of incidences: it rejects where they are equal and hazards are not"
    found.append((claim, "the same data", f"{100 * rate:.0f} % rejected at 5 %", rate > 0.5))
    return found


def many_cox_fits(trials: int = 300) -> Outcome:
    """Cox regressions of many trials at once against each alone, with strata, ties and few events."""
    generator = np.random.default_rng(8)
    t = Tally()
    for share in (0.04, 0.2, 0.8):
        x = generator.normal(size=(trials, 150, 4))
        x[..., 0], stratum = generator.integers(0, 2, (trials, 150)), generator.integers(0, 4, (trials, 150))
        time = np.ceil(generator.exponential(200 * np.exp(-0.5 * x[..., 0])))
        event = generator.random((trials, 150)) < share
        found = cox_batch(time, event, x, strata=stratum)
        for r in range(trials):
            one = cox(time[r], event[r], x[r], strata=stratum[r])
            known = np.isfinite(one.standard_error)
            t.add("status", float(tuple(found.status[r]) != one.coefficient_status), 0.0)
            if not known.any():
                continue
            t.add("coefficient", found.coefficient[r][known], one.coefficient[known], one.standard_error[known])
            t.add("standard error", found.standard_error[r][known], one.standard_error[known])
    return t.outcome("Cox regressions of many trials at once are those of each trial", "the fit of one trial", 1e-8)


def _rate(name: str, rejected: np.ndarray, nominal: float, replicates: int, slack: float) -> Outcome:
    """``slack``: the test is asymptotic, and this much off its level with 200 a group is expected of it."""
    rate, error = float(np.mean(rejected)), math.sqrt(nominal * (1 - nominal) / replicates)
    text = f"{rate:.4f} against {nominal:g}, Monte Carlo standard error {error:.4f}, {replicates} trials"
    return f"type I error: {name}", "its nominal level", text, abs(rate - nominal) <= 3.3 * error + slack


def other_programs() -> list[Outcome]:
    """Cox with strata, entry, weights and clusters, where the programs are installed."""
    generator = np.random.default_rng(5)
    n = 400
    x, stratum = generator.normal(size=(n, 3)), generator.integers(0, 3, n)
    time = np.ceil(generator.exponential(np.exp(-x @ [0.5, -0.3, 0.2]) * 40))
    event, weight = generator.integers(0, 4, n) > 0, generator.integers(1, 4, n)
    entry, cluster = np.floor(generator.uniform(0, 1, n) * time * 0.8), generator.integers(0, 80, n)
    found: list[Outcome] = []
    for program, compare in (("lifelines", _lifelines), ("statsmodels", _statsmodels)):
        claim = f"Cox regression is that of {program}"
        if importlib.util.find_spec(program) is None:
            found.append((claim, program, "not installed here", None))
            continue
        t = Tally()
        compare(t, x, time, event, stratum, weight, entry, cluster)
        found.append(t.outcome(claim, f"{program} {importlib.metadata.version(program)}", LIMIT_PEER))
    return found


def _lifelines(t: Tally, x: Any, time: Any, event: Any, stratum: Any, weight: Any, entry: Any, _: Any) -> None:
    import pandas as pd  # noqa: PLC0415
    from lifelines import CoxPHFitter  # noqa: PLC0415

    table = pd.DataFrame(x, columns=list("abc")).assign(t=time, e=event.astype(int))
    cases: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
        "plain": ({}, {}, {}),
        "strata": ({"s": stratum}, {"strata": ["s"]}, {"strata": stratum}),
        "entry": ({"u": entry}, {"entry_col": "u"}, {"entry": entry}),
        "weights": ({"w": weight.astype(float)}, {"weights_col": "w"}, {"weights": weight}),
    }
    for name, (columns, theirs, ours) in cases.items():
        options = {"precision": 1e-10}
        model = CoxPHFitter().fit(table.assign(**columns), "t", "e", fit_options=options, **theirs)
        fit = cox(time, event, x, **ours)
        t.add(name, fit.coefficient, model.params_.to_numpy(), scale=fit.standard_error)
        t.add(f"{name} se", fit.standard_error, model.standard_errors_.to_numpy())


def _statsmodels(t: Tally, x: Any, time: Any, event: Any, stratum: Any, _: Any, __: Any, cluster: Any) -> None:
    from statsmodels.duration.hazard_regression import PHReg  # noqa: PLC0415

    for ties in ("efron", "breslow"):
        model = PHReg(time, x, status=event.astype(int), ties=ties, strata=stratum).fit(disp=0)
        fit = cox(time, event, x, strata=stratum, ties=ties)
        t.add(ties, fit.coefficient, model.params, scale=fit.standard_error)
        t.add(f"{ties} se", fit.standard_error, model.bse)
    model = PHReg(time, x, status=event.astype(int), ties="breslow").fit(groups=cluster, disp=0)
    t.add("clusters", cox(time, event, x, cluster=cluster, ties="breslow").standard_error, model.bse)


def outcomes(data: Path) -> Iterator[Outcome]:
    """Every claim, what it is set against, what came out, whether it holds (None: not run)."""
    if (data / "lung.csv").is_file() and (data.parent / "statistics.json").is_file():
        yield lung(data)
        yield from mgus2(data)
    else:
        yield "survival analysis gives R's numbers", R, "reference data absent", None
    yield gray_published(data)
    parts: tuple[Callable[[], Any], ...] = (published_differences, monotone_likelihood, many_cox_fits)
    for part in parts:
        yield part()
    yield from error_rates()
    yield from gray_errors()
    yield from other_programs()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=REFERENCE_DATA)
    options = parser.parse_args(arguments)
    held = True
    for claim, against, result, passed in outcomes(options.data):
        held = held and passed is not False
        print(
            f"{ {True: 'holds', False: 'FAILS', None: 'not run'}[passed]:<8}{claim} [{against}]: {result}", flush=True
        )
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
