"""Patients a second: a thousand trials of 400 patients over 24 months with titration, and one patient after another.

    python benchmarks/trial/run.py [--replicates 1000] [--peer-patients 20]

limus simulates the seed document's design (cohort, allocation, two drugs with titration in the loop, all events,
kidney function, primary analysis) in replicates of 400, on one core and on two. The peer is what one would write for
one patient: ``scipy.integrate.solve_ivp`` (LSODA) on a two-compartment tacrolimus model from visit to visit, one call
between two doses, a level and a proportional dose at each of the design's dosing visits - one drug, no events.
Writes RESULTS.md beside this file.
"""

from __future__ import annotations

import argparse
import math
import platform
import time
from importlib import metadata
from pathlib import Path

import numpy as np
from scipy.integrate import solve_ivp

from limus.kernel.execution import Execution
from limus.trial.design.file import load_design
from limus.trial.design.scenario import load_scenario
from limus.trial.power.replicates import run_replicates
from limus.trial.simulation.replicates import dosing_days

HERE = Path(__file__).parent
SUBJECTS = 400
DESIGN = "tacrolimus-everolimus"


def limus_patients_per_second(replicates: int, workers: int) -> tuple[float, float, float]:
    """Patients a second, seconds by the clock, and seconds of this process' cores."""
    design, _ = load_design(DESIGN)
    scenario = load_scenario("israni_2013")
    run_replicates(  # what is read and compiled once
        design, scenario, replicates=1, analyses=["primary"], subjects=20, execution=Execution(workers=1)
    )
    started, cores = time.perf_counter(), time.process_time()
    run_replicates(
        design,
        scenario,
        replicates=replicates,
        analyses=["primary"],
        subjects=SUBJECTS,
        execution=Execution(seed=1, workers=workers),
    )
    seconds = time.perf_counter() - started
    return replicates * SUBJECTS / seconds, seconds, time.process_time() - cores


def one_patient(days: np.ndarray, generator: np.random.Generator) -> float:
    """One patient's titration, with an ODE solver between doses; the last trough, ng/mL."""
    clearance, central, between, peripheral, absorption = 21.2, 141.0, 79.0, 271.0, 3.0  # L/h, L, L/h, L, 1/h
    clearance *= np.exp(0.28 * generator.standard_normal())

    def slopes(_: float, amounts: np.ndarray) -> list[float]:
        gut, blood, tissue = amounts
        out = absorption * gut
        back = between * (blood / central - tissue / peripheral)
        return [-out, out - clearance * blood / central - back, back]

    amounts, dose, hour, trough = np.zeros(3), 4.0, 0.0, 0.0
    for day in days[1:]:
        while hour < 24 * day:
            amounts[0] += dose
            amounts = solve_ivp(slopes, (hour, hour + 12.0), amounts, method="LSODA", rtol=1e-6, atol=1e-8).y[:, -1]
            hour += 12.0
        trough = 1000.0 * amounts[1] / central
        seen = trough * np.exp(0.06 * generator.standard_normal())
        if not 5.0 <= seen <= 10.0:
            dose = np.clip(round(2 * dose * np.clip(7.5 / max(seen, 0.5), 0.5, 1.5)) / 2, 0.5, 15.0)
    return trough


def peer_patients_per_second(patients: int) -> tuple[float, float]:
    """Patients a second of the loop by the clock, and by the core's time."""
    design, _ = load_design(DESIGN)
    days, generator = dosing_days(design), np.random.default_rng(1)
    started, cores = time.perf_counter(), time.process_time()
    for _ in range(patients):
        one_patient(days, generator)
    return patients / (time.perf_counter() - started), patients / (time.process_time() - cores)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--peer-patients", type=int, default=20)
    given = parser.parse_args()
    peer, peer_core = peer_patients_per_second(given.peer_patients)
    rows = []
    for workers in (1, 2):
        rate, seconds, cores = limus_patients_per_second(given.replicates, workers)
        by_core = given.replicates * SUBJECTS / cores if workers == 1 else float("nan")
        rows.append((f"limus, {workers} worker{'s' * (workers > 1)}", rate, by_core, seconds))
    visits = len(dosing_days(load_design(DESIGN)[0]))
    versions = f"numpy {metadata.version('numpy')}, scipy {metadata.version('scipy')}"
    lines = [
        "# Virtual trials",
        "",
        f"Made by `python benchmarks/trial/run.py --replicates {given.replicates}`: replicates of {SUBJECTS} patients",
        f"of the design {DESIGN} over 24 months, {visits} dosing visits; for limus two",
        "drugs, all events, kidney function and the primary analysis, for the peer one drug and nothing else.",
        f"Python {platform.python_version()}, {versions}, {platform.machine()}.",
        "",
        "| method | patients a second | patients a second of one core's time | seconds | limus is faster by |",
        "|---|---|---|---|---|",
    ]
    for name, rate, by_core, seconds in rows:
        core = "" if math.isnan(by_core) else f"{by_core:,.0f}"
        lines.append(f"| {name} | {rate:,.0f} | {core} | {seconds:.1f} | |")
    lines.append(
        f"| scipy LSODA, patient by patient ({given.peer_patients}) | {peer:.2f} | {peer_core:.2f} | "
        f"{SUBJECTS * given.replicates / peer:,.0f} (extrapolated) | {rows[0][2] / peer_core:,.0f} |"
    )
    clock = "By the clock the machine's other work counts too; one core's time hardly changes with it"
    lines += ["", f"{clock}, and the ratio is of that."]
    (HERE / "RESULTS.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
