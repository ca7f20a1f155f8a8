"""MAP estimates of many patients: limus all at once, and scipy.optimize patient by patient on the same density.

    python benchmarks/tdm/run.py [--patients 10000] [--peer-patients 200]

The case is Han 2013 (one compartment, first-order absorption, two random effects) with a combined residual error:
fourteen doses, five levels in the last two intervals. Peers:

- ``scipy on a closed form``: ``scipy.optimize.minimize`` (BFGS) for each patient, with the levels as sums of
  exponentials written out in NumPy for this one model; no event tables, no covariates that change;
- ``scipy on limus``: the same search on limus' own predictions, one patient at a time.

Also timed: the same under Woillard 2011 (two compartments, three absorption steps, five effects between subjects and
three between occasions), and the full posterior of one patient. Writes RESULTS.md beside this file.
"""

from __future__ import annotations

import argparse
import platform
import time
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from limus.kernel.execution import Execution, spawn_generators
from limus.patient.estimate import EstimateOptions, estimate_patients
from limus.patient.level_likelihood import error_model
from limus.patient.levels import lay_out_levels
from limus.patient.map_estimate import find_modes
from limus.patient.posterior import Posterior, minus_twice_log
from limus.patient.prediction import prepare_prediction
from limus.patient.sampling import draw_posterior
from limus.patient.simulated_levels import simulate_levels
from limus.pharmacokinetics.event_table.read import event_table_from_arrays
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.event_table.units import TableUnits
from limus.pharmacokinetics.population_model.library import load_population_model
from limus.pharmacokinetics.population_model.record import PopulationModel

HERE = Path(__file__).parent
INTERVAL_H, DOSES = 12.0, 14
LEVELS_H = (144.0, 145.5, 150.0, 156.0, 168.0)  # the dose at 156 h is the last
RESIDUAL = {"form": "combined", "proportional": 0.12, "additive": 0.5}


def cohort(name: str, patients: int) -> tuple[PopulationModel, EventTable]:
    """Patients of different doses with five simulated levels each."""
    model = load_population_model(name)
    model = replace(model, residual=replace(model.residual, **RESIDUAL))
    generator = spawn_generators(1, 1, stream="benchmark")[0]
    rows = 1 + len(LEVELS_H)
    dose = model.typical.dose * generator.choice([0.5, 1.0, 1.5], size=patients)
    first = np.tile(np.arange(rows) == 0, patients)
    columns = {
        "ID": np.repeat(np.arange(1, patients + 1), rows),
        "TIME": np.tile([0.0, *LEVELS_H], patients),
        "EVID": first.astype(float),
        "AMT": np.where(first, np.repeat(dose, rows), 0.0),
        "II": np.where(first, INTERVAL_H, 0.0),
        "ADDL": np.where(first, DOSES - 1.0, 0.0),
        "DV": np.where(first, np.nan, 1.0),
    }
    columns |= {name: np.full(len(first), value) for name, value in model.typical.covariates.items()}
    table = event_table_from_arrays(columns, units=TableUnits(model.units.AMT, model.units.DV))
    return model, simulate_levels(model, table, generator).table


def posterior_of(model: PopulationModel, table: EventTable) -> Posterior:
    levels = lay_out_levels(table)
    prediction = prepare_prediction(model, table, levels.time_h, execution=Execution(workers=1))
    return Posterior(prediction, levels, error_model(model))


def closed_form(model: PopulationModel, table: EventTable):
    """Minus twice the log-posterior of each patient of Han 2013, levels as sums of exponentials."""
    value = {name: entry.value for name, entry in model.values.items()}
    at = model.typical.covariates
    clearance = value["CL_typical"] * at["POD"] ** value["CL_POD"] * value["CL_HCT_low"]
    volume = value["Vc_typical"] * np.exp(value["Vc_WT"] * at["WT"] / value["WT_reference"])
    absorption = value["ka_typical"]
    levels = lay_out_levels(table)
    since = np.array(LEVELS_H)[:, None] - INTERVAL_H * np.arange(DOSES)[None, :]
    given = since > 0
    since = np.where(given, since, 0.0)
    precision = model.between_subject.covariance.diagonal() ** -1
    b, a = RESIDUAL["proportional"], RESIDUAL["additive"]

    def of(patient: int):
        dose, y = table.doses.amount_mg[patient], levels.value[patient]

        def objective(effects: np.ndarray) -> float:
            v = volume * np.exp(effects[1])
            k = clearance * np.exp(effects[0]) / v
            curve = np.where(given, np.exp(-k * since) - np.exp(-absorption * since), 0.0).sum(axis=1)
            f = 1000.0 * dose / v * absorption / (absorption - k) * curve
            variance = a**2 + (b * f) ** 2
            return float(((y - f) ** 2 / variance + np.log(variance)).sum() + (precision * effects**2).sum())

        return objective

    return of


def timed(function, *arguments, **named):
    """Seconds of processor time, of all threads: other work on the machine does not count."""
    begun = time.process_time()
    found = function(*arguments, **named)
    return time.process_time() - begun, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--peer-patients", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    model, table = cohort("Han_2013_preDose", options.patients)
    lines = []
    rates: dict[str, list[float]] = {}
    few = min(options.peer_patients, options.patients)
    objective = closed_form(model, table)
    apart, worse = 0.0, 0.0
    find_modes(posterior_of(*cohort("Han_2013_preDose", 8)), starts=1)  # compiled before the clock runs
    for _ in range(options.rounds):
        seconds, modes = timed(lambda: find_modes(posterior_of(model, table), starts=1))
        rates.setdefault("limus", []).append(options.patients / seconds)
        seconds, found = timed(lambda: [minimize(objective(p), np.zeros(2), method="BFGS") for p in range(few)])
        rates.setdefault("scipy on a closed form", []).append(few / seconds)
        apart = max(apart, *(float(np.abs(one.x - modes.effects[p]).max()) for p, one in enumerate(found)))
        worse = max(worse, *(objective(p)(modes.effects[p]) - one.fun for p, one in enumerate(found)))
    posterior, least = posterior_of(model, table), min(few, 20)
    seconds, _ = timed(
        lambda: [
            minimize(lambda e, p=p: minus_twice_log(posterior, [p], e[None, :])[0], np.zeros(2), method="BFGS")
            for p in range(least)
        ]
    )
    rates["scipy on limus"] = [least / seconds]
    converged = 100.0 * sum(word == "ok" for word in modes.status) / len(modes.status)
    best = float(np.median(rates["limus"]))
    ratio = {name: best / float(np.median(found_rates)) for name, found_rates in rates.items()}
    for name, times in ratio.items():
        lines.append(f"| {name} | {best / times:,.0f} | {times:.1f} |")
    larger = cohort("Woillard_2011", min(options.patients, 2000))
    find_modes(posterior_of(*cohort("Woillard_2011", 8)), starts=1)
    seconds, modes = timed(lambda: find_modes(posterior_of(*larger), starts=1))
    lines.append(f"| limus, Woillard 2011 (8 effects) | {len(modes.status) / seconds:,.0f} | |")
    one = cohort("Woillard_2011", 1)
    posterior = posterior_of(*one)
    modes = find_modes(posterior)
    seconds, draws = timed(draw_posterior, posterior, modes, draws=1000)
    whole, _ = timed(estimate_patients, *one, EstimateOptions(starts=16))
    text = f"""# MAP estimates of many patients

Made by `python benchmarks/tdm/run.py`: {options.patients:,} patients of five levels for limus, the first {few} of them
for scipy on a closed form and {least} for scipy on limus; medians of {options.rounds} interleaved rounds. Seconds are
processor time of one core, the table's layout included.
Python {platform.python_version()}, numpy {metadata.version("numpy")}, scipy {metadata.version("scipy")},
{platform.machine()}.

| method | patients a second | limus is faster by |
|---|---|---|
{chr(10).join(lines)}

{converged:.1f} % of limus' searches came to an end. Its modes and scipy's lie at most {apart:.1e} apart (scipy stops
at a gradient of 1e-5 by differences); where they differ limus' objective is at most {max(worse, 0.0):.1e} higher.

The aim is 50 times: it is {ratio["scipy on limus"]:.0f} against scipy on the same predictions, for any model and event
table, and {ratio["scipy on a closed form"]:.0f} against a closed form that was written out for this one model.

Full posterior of one patient under Woillard 2011: 1000 draws in {seconds:.2f} s, {draws.effective[0]:.0f} effective;
with the table read out and the mode from sixteen starts {whole:.2f} s.
"""
    (HERE / "RESULTS.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
