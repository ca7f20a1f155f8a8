"""Trial designs against closed forms: guessing, type I error, power, memory; and calibration against published trials.

``python validation/trial_design.py [--quick]`` prints a table; exit status 0 only if everything holds. ``--quick``
takes a tenth of the replicates, with limits as wide as that asks for.
"""

from __future__ import annotations

import argparse
import math
import resource
import subprocess
import sys
from dataclasses import replace

import numpy as np
from scipy.special import ndtr

from limus.kernel.execution import Execution
from limus.kernel.statistics.allocation import guess_probability, permuted_block_lists
from limus.trial.calibration.totals import calibrate_trials
from limus.trial.design.design import Design
from limus.trial.design.file import load_design
from limus.trial.design.scenario import load_scenario
from limus.trial.simulation.arm_factors import average_risks, find_null_factors, make_reference
from limus.trial.simulation.characteristics import summarise, true_effect
from limus.trial.simulation.operating_characteristics import run_replicates

Outcome = tuple[str, str, str, bool | None]
STANDARD_ERRORS = 3.3  # two-sided 0.1 % for each figure
REPLICATES, SUBJECTS = 1000, 400
MILLION = 2500  # replicates of 400
LEAST_COVERED = 0.80  # of some 15 rows: 95 % expected, and rows of one trial move together


def guessing() -> list[Outcome]:
    """Blackwell and Hodges' count of right guesses in a block of 2b: b + (4^b / C(2b, b) - 1) / 2."""
    rows, generator = [], np.random.default_rng(1)
    for size in (2, 4, 6):
        half, blocks = size // 2, 60_000 // size
        order = generator.random((40, blocks * size))
        lists = permuted_block_lists((1, 1), (size,), np.zeros((40, blocks)), order)
        found = guess_probability((1, 1), lists)
        expected = (half + (4**half / math.comb(size, half) - 1) / 2) / size
        error = found.std(ddof=1) / math.sqrt(40)
        holds = abs(found.mean() - expected) < STANDARD_ERRORS * error + 1e-12
        claim = f"the next allocation in permuted blocks of {size} is guessed as often as it must be"
        rows.append((claim, "Blackwell and Hodges 1957", f"{found.mean():.4f}, closed form {expected:.4f}", holds))
    return rows


def _simulate(design: Design, name: str, null: str | None, replicates: int) -> tuple[dict[str, object], float]:
    scenario = load_scenario(name)
    analysis = next(a for a in design.analyses if a.name == (null or design.primary.name))
    factors = find_null_factors(design, scenario, analysis, subjects=20_000) if null else {}
    reference = make_reference(design, scenario, subjects=20_000, factors=factors)
    names = [analysis.name]
    chunks = run_replicates(
        design,
        scenario,
        replicates=replicates,
        analyses=names,
        subjects=SUBJECTS,
        execution=Execution(seed=11),
        arm_factors=factors,
    )
    found, _ = summarise(design, chunks, {analysis.name: true_effect(reference, analysis)})
    endpoint = design.endpoint_named(analysis.endpoint)
    competing = "Kaplan" not in str(analysis.method)
    risks = average_risks(reference, list(endpoint.events), endpoint.day, competing=competing)
    return {"found": found[0], "risks": risks, "margin": analysis.margin}, analysis.alpha


def type_one_error(replicates: int) -> list[Outcome]:
    """Non-inferiority is shown as often as alpha where the true difference is the margin."""
    design, _ = load_design("tacrolimus-everolimus")
    rows = []
    for name in ("primary", "rejection, Newcombe", "efficacy failure"):
        result, alpha = _simulate(design, "israni_2013", name, replicates)
        found = result["found"]
        error = math.sqrt(alpha * (1 - alpha) / replicates)
        # intervals of 200 a group are themselves approximate: half a point is allowed beyond Monte Carlo error
        holds = abs(found.shown_fraction - alpha) < STANDARD_ERRORS * error + 0.005
        said = f"{100 * found.shown_fraction:.2f} % (MCSE {100 * found.shown_mcse:.2f}) of {replicates} trials"
        said += f"; bias {found.bias:.5f} (MCSE {found.bias_mcse:.5f})"
        unbiased = abs(found.bias) < STANDARD_ERRORS * found.bias_mcse
        rows.append(
            (f"type I error of '{name}' at a true difference of the margin is {100 * alpha:g} %", "alpha", said, holds)
        )
        rows.append((f"the estimate of '{name}' is that of its estimand", "risks computed, not drawn", said, unbiased))
    return rows


def power(replicates: int) -> list[Outcome]:
    """Power of the risk difference is near the normal approximation with the true risks."""
    design, _ = load_design("tacrolimus-everolimus")
    primary = next(a for a in design.analyses if a.name == "rejection, Newcombe")
    design = replace(design, analyses=(replace(primary, primary=True),))
    result, alpha = _simulate(design, "bouamar_2013", None, replicates)
    found, risks, margin = result["found"], result["risks"], result["margin"]
    error = math.sqrt(sum(p * (1 - p) for p in risks) / (SUBJECTS / 2))
    expected = float(ndtr((margin.value - (risks[1] - risks[0])) / error - 1.959964))
    limit = STANDARD_ERRORS * found.shown_mcse + 0.02
    said = (
        f"{100 * found.shown_fraction:.1f} % (MCSE {100 * found.shown_mcse:.1f}), approximation {100 * expected:.1f} %"
    )
    claim = f"power of non-inferiority with alpha {alpha:g} is that of its true risks"
    return [
        (
            claim,
            "normal approximation with risks computed from the hazards",
            said,
            abs(found.shown_fraction - expected) < limit,
        )
    ]


def million() -> list[Outcome]:
    """A million virtual patients in less than 4 GiB."""
    code = (
        "import resource\n"
        "from limus.kernel.execution import Execution\n"
        "from limus.trial.design.file import load_design\n"
        "from limus.trial.simulation.operating_characteristics import run_replicates\n"
        "from limus.trial.design.scenario import load_scenario\n"
        "d, _ = load_design('tacrolimus-everolimus')\n"
        f"run_replicates(d, load_scenario('israni_2013'), replicates={MILLION}, analyses=['primary'], subjects=400,"
        " execution=Execution(seed=1, workers=2))\n"
        "own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(own + 2 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    gib = int(done.stdout.split()[-1]) * 1024 / 2**30
    claim = "a million virtual patients over 24 months fit in 4 GiB"
    return [(claim, "peak memory of two workers and their parent", f"{gib:.2f} GiB", gib < 4)]


def calibrated() -> list[Outcome]:
    """Trials that were given but not fitted lie in their predictive intervals."""
    rows: list[Outcome] = []
    for name in ("israni_2013", "bouamar_2013"):
        found = calibrate_trials(name, subjects=1000)
        inside, checked = found.coverage(verified_only=True)
        every, all_rows = found.coverage()
        missed = ", ".join(row.arm.id for row in found.rows if row.arm.use == "check" and not row.inside) or "none"
        said = f"{inside} of {checked} verified rows, {every} of {all_rows} with the recalled ones; outside: {missed}"
        against = "rows of library/observations/trial_arms.csv with use = check"
        claim = f"scenario {name}: trials that were not fitted lie in 95 % predictive intervals"
        rows.append((claim, against, said, inside >= LEAST_COVERED * checked))
    return rows


def outcomes(*, quick: bool = False) -> list[Outcome]:
    """Every row of the matrix."""
    replicates = REPLICATES // 10 if quick else REPLICATES
    rows = [*guessing(), *type_one_error(replicates), *power(replicates)]
    return rows if quick else [*rows, *million(), *calibrated()]


def main() -> int:
    """Print the table; 1 where something fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    found = outcomes(quick=parser.parse_args().quick)
    for claim, against, result, holds in found:
        print(f"{'holds' if holds else 'FAILS'}  {claim} | {against} | {result}")
    print(f"peak memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    return 0 if all(row[3] for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
