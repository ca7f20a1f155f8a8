"""Checks of a model where the truth is known: the data come from the model itself, or from one that is wrong.

A study of 30 subjects with five levels each is simulated ``STUDIES`` times under the model; each study is checked
against the same ``REPLICATES`` further ones. Under the model 95 % intervals hold 95 % of the percentiles, npde are
standard normal, and a test at 5 % rejects 5 % of the studies. Rates of rejection may differ from 5 % by three binomial
standard errors and one per cent, for studies share the replicates; shares of percentiles, 15 a study, by 2 per cent.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from limus.kernel.execution import Execution
from limus.pharmacokinetics.event_table.read import event_table_from_arrays
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.event_table.units import TableUnits
from limus.pharmacokinetics.population_check.distribution_errors import DistributionErrors, find_distribution_errors
from limus.pharmacokinetics.population_check.observed_levels import ObservedLevels, observed_levels
from limus.pharmacokinetics.population_check.simulated_levels import SimulatedLevels, simulate_levels
from limus.pharmacokinetics.population_check.visual_check import check_visually
from limus.pharmacokinetics.population_model.library import load_population_model
from limus.pharmacokinetics.population_model.record import PopulationModel

Outcome = tuple[str, str, str, bool]
MODEL = "Woillard_2011"
SUBJECTS, STUDIES, REPLICATES = 30, 300, 1000
LIMIT_NG_PER_ML = 2.5
_AT_H = (0.75, 2.0, 4.0, 8.0, 12.0)


def design(limit: float | None = None) -> EventTable:
    """30 subjects at steady state, doses of 1 to 4 mg, haematocrit 25 to 45 %."""
    rng = np.random.default_rng(20)
    rows = []
    for subject in range(1, SUBJECTS + 1):
        dose, hct, expresser = float(rng.choice([1.0, 2.0, 3.0, 4.0])), float(rng.uniform(25, 45)), subject % 6 == 0
        rows.append((subject, 0.0, 1.0, dose, 12.0, 1.0, np.nan, np.nan, hct, float(expresser), 1.0))
        own = np.nan if limit is None else limit
        rows += [(subject, t, 0.0, 0.0, 0.0, 0.0, 99.0, own, hct, float(expresser), 1.0) for t in _AT_H]
    names = ("ID", "TIME", "EVID", "AMT", "II", "SS", "DV", "LLOQ", "HCT", "CYP3A5_expresser", "immediate_release")
    columns = dict(zip(names, np.array(rows).T, strict=True))
    if limit is None:
        del columns["LLOQ"]
    return event_table_from_arrays(columns, units=TableUnits("mg", "ng/mL"), covariates=names[-3:])


def as_seen(seen: ObservedLevels, level: NDArray[np.float64]) -> ObservedLevels:
    """A study with these levels; those below the limit are censored."""
    below = level < np.where(np.isnan(seen.limit), -np.inf, seen.limit)
    return replace(seen, value=np.where(below, np.nan, level), censored=below)


def studies(model: PopulationModel, table: EventTable, count: int, seed: int) -> NDArray[np.float64]:
    return simulate_levels(
        model, table, observed_levels(table), count, execution=Execution(seed=seed, workers=1)
    ).measured


def _chance(share: float, count: int) -> float:
    """Three binomial standard errors and one per cent, in per cent."""
    return 300.0 * np.sqrt(share * (1 - share) / count) + 1.0


def visual(seen: ObservedLevels, simulated: SimulatedLevels, levels: NDArray[np.float64], corrected: bool) -> float:
    """Share of measured percentiles within their 95 % intervals, per cent."""
    inside = [check_visually(as_seen(seen, one), simulated, corrected=corrected).inside for one in levels]
    return 100.0 * float(np.nanmean(inside))


def below(seen: ObservedLevels, simulated: SimulatedLevels, levels: NDArray[np.float64]) -> float:
    """Share of bins whose share below the limit lies within its 95 % interval, per cent."""
    held = []
    for one in levels:
        found = check_visually(as_seen(seen, one), simulated)
        low, _, high = found.below_simulated
        held.append((found.below_observed >= low) & (found.below_observed <= high))
    return 100.0 * float(np.mean(held))


def errors(seen: ObservedLevels, simulated: SimulatedLevels, levels: NDArray[np.float64]) -> list[DistributionErrors]:
    """Errors of every study; each study draws its own levels below the limit."""
    return [
        find_distribution_errors(as_seen(seen, one), simulated, execution=Execution(seed=k, workers=1))
        for k, one in enumerate(levels)
    ]


def _rejected(found: list[DistributionErrors], name: str) -> float:
    return 100.0 * float(np.mean([getattr(one.tests, name) < 0.05 for one in found]))


def outcomes() -> list[Outcome]:
    """Claim, against what, result, whether it holds."""
    model, rows = load_population_model(MODEL), []
    against = f"{STUDIES} studies of {SUBJECTS} subjects simulated under {MODEL}, {REPLICATES} replicates"
    for limit in (None, LIMIT_NG_PER_ML):
        table = design(limit)
        seen = observed_levels(table)
        simulated = simulate_levels(model, table, seen, REPLICATES, execution=Execution(seed=1, workers=1))
        truth = studies(model, table, STUDIES, seed=2)
        place = against if limit is None else f"{against}, levels below {limit:g} ng/mL censored"
        rows += _visual_rows(seen, simulated, truth, place, limit)
        rows += _npde_rows(errors(seen, simulated, truth), place)
        if limit is None:
            rows += _power_rows(model, table, seen, simulated, against)
    return rows


def _visual_rows(
    seen: ObservedLevels, simulated: SimulatedLevels, truth: NDArray[np.float64], against: str, limit: float | None
) -> list[Outcome]:
    allowed, rows = 2.0, []
    for corrected in (False, True):
        share = visual(seen, simulated, truth, corrected)
        kind = "prediction-corrected visual check" if corrected else "visual check"
        result = f"{share:.1f} % within (95 % expected, {allowed:.1f} allowed)"
        rows.append((f"{kind}: 95 % intervals hold 95 % of percentiles", against, result, abs(share - 95) <= allowed))
    if limit is not None:
        share = below(seen, simulated, truth)
        result = f"{share:.1f} % within (95 % or more: shares are steps of 1/{SUBJECTS})"
        rows.append(("share of levels below the limit lies in its interval", against, result, share >= 95 - allowed))
    return rows


def _npde_rows(found: list[DistributionErrors], against: str) -> list[Outcome]:
    z = np.concatenate([one.npde for one in found])
    distance = float(stats.kstest(z, "norm").statistic)
    # npde of one subject come from one set of replicates: their mean scatters by 1/sqrt(replicates) over subjects
    good = abs(z.mean()) < 0.03 and abs(z.var() - 1) < 0.05 and distance < 0.015
    result = f"mean {z.mean():.3f}, variance {z.var():.3f}, largest distance of distributions {distance:.4f} (0.015)"
    rows = [("npde are standard normal under the model", f"{against}: {len(z):,} npde", result, good)]
    allowed = _chance(0.05, STUDIES)
    shares = {name: _rejected(found, f"p_{name}") for name in ("mean", "variance", "normal", "all")}
    result = ", ".join(f"{name} {share:.1f} %" for name, share in shares.items())
    held = (
        all(abs(shares[name] - 5) <= allowed for name in ("mean", "variance", "normal"))
        and shares["all"] <= 5 + allowed
    )
    rows.append(
        ("tests of npde at 5 % reject a right model in 5 %", against, f"{result} ({allowed:.1f} allowed)", held)
    )
    return rows


def _power_rows(
    model: PopulationModel, table: EventTable, seen: ObservedLevels, simulated: SimulatedLevels, against: str
) -> list[Outcome]:
    """Studies under models that are wrong: a higher clearance, or twice the residual error."""
    noisy = replace(model.residual, proportional=2 * model.residual.proportional, additive=2 * model.residual.additive)
    typical = model.model.values["CL_typical"]
    wrong = {
        f"clearance {percent} % higher": replace(
            model,
            model=model.model.with_values({"CL_typical": (1 + percent / 100) * typical}),
        )
        for percent in (30, 60)
    } | {"residual error doubled": replace(model, residual=noisy)}
    shares = {
        name: _rejected(errors(seen, simulated, studies(other, table, 100, seed=3)), "p_all")
        for name, other in wrong.items()
    }
    result = ", ".join(f"{name}: {share:.0f} %" for name, share in shares.items())
    held = min(shares["clearance 60 % higher"], shares["residual error doubled"]) >= 80
    said = f"{result} of 100 studies rejected at 5 % (80 wanted of the last two)"
    return [("tests of npde find a wrong model", against, said, held)]


if __name__ == "__main__":
    for row in outcomes():
        print(*row, sep=" | ")
