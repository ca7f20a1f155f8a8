"""Trial designs against closed forms: guessing, type I error, power, memory; power against the report's own analysis.

``python validation/trial_design.py [--quick]`` prints a table; exit status 0 only if everything holds. ``--quick``
takes a tenth of the replicates, with limits as wide as that asks for, and leaves out memory, interruption, calibration.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtr

from limus.kernel.errors import LimusError
from limus.kernel.execution import Execution
from limus.kernel.statistics.allocation import guess_probability, permuted_block_lists
from limus.trial.analysis.estimands import analyse_estimands, check_analysis
from limus.trial.analysis.results import EstimandResult
from limus.trial.calibration.totals import calibrate_trials
from limus.trial.datasets.adam import adam_of
from limus.trial.datasets.files import read_datasets, write_datasets
from limus.trial.datasets.sdtm import sdtm_of
from limus.trial.design.analysis_plan import plan_of
from limus.trial.design.design import Analysis, AnalysisMethod, Design, Hypothesis
from limus.trial.design.file import design_names, load_design
from limus.trial.design.scenario import Scenario, load_scenario
from limus.trial.exposure.draws import replicate_generators
from limus.trial.power.analyses import ReplicateResults, analyse_replicates
from limus.trial.power.characteristics import Characteristics, summarise
from limus.trial.power.replicates import run_replicates
from limus.trial.power.truth import find_null_factors, true_effect, true_risks
from limus.trial.simulation.arm_factors import make_reference
from limus.trial.simulation.replicates import SimulatedTrial, simulate_replicates

Outcome = tuple[str, str, str, bool | None]
STANDARD_ERRORS = 3.3  # two-sided 0.1 % for each figure
REPLICATES, SUBJECTS = 1000, 400
MILLION = 2500  # replicates of 400
_SMALL = 150  # subjects of replicates that are written as data sets
_REFERENCE = 20_000
_INTERRUPTED = 120
_WORKERS = 2
# one truth for the two analyses of rejection, another for the composite
_REJECTION, _FAILURE = ("primary", "rejection, Newcombe"), ("efficacy failure",)
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


def reported(designs: Sequence[str], replicates: int) -> list[Outcome]:
    """Replicates written as data sets and analysed as a report does give power's numbers, by every method."""
    rows: list[Outcome] = []
    for name in designs:
        design = _with_every_method(load_design(name)[0])
        plan, scenario = plan_of(design), load_scenario(design.scenarios[0])
        together = _replicates(design, scenario, 0, replicates)
        power = {analysis.name: analyse_replicates(together, plan, analysis) for analysis in design.analyses}
        worst, compared, other = 0.0, 0, 0
        for r in range(replicates):
            with tempfile.TemporaryDirectory() as folder:
                domains = sdtm_of(_replicates(design, scenario, r, r + 1))
                write_datasets(domains.values(), Path(folder), formats=("parquet",))
                adam = adam_of(read_datasets(Path(folder), "SDTM"), plan).tables
            for one in analyse_estimands(adam, plan):
                gap, alike = _gap(one, power[one.name], r)
                worst, compared, other = max(worst, gap), compared + (one.status == "ok"), other + (not alike)
        said = f"{compared} analyses of {replicates} trials of {_SMALL}: largest difference {worst:.1e}, "
        said += f"{other} decided otherwise"
        claim = f"power of {name} decides with the statistics of the report"
        rows.append((claim, "limus trial report on the replicates' data sets", said, worst < 1e-9 and not other))
    return rows


def _with_every_method(design: Design) -> Design:
    """Add each method that its endpoint allows to every analysis of a design, with and without strata."""
    plan, more = plan_of(design), list(design.analyses)
    for analysis in design.analyses:
        for method in AnalysisMethod:
            for stratified in (False, True):
                name = f"{analysis.name}, {method}, {stratified}"
                other = replace(analysis, name=name, method=method, stratified=stratified, primary=False)
                try:
                    check_analysis(plan, other)
                except LimusError:
                    continue
                more.append(other)
    return replace(design, analyses=tuple(more))


def _replicates(design: Design, scenario: Scenario, first: int, last: int) -> SimulatedTrial:
    generators = replicate_generators(13, first, last, stream="validation")
    return simulate_replicates(design, scenario, generators, subjects=_SMALL, with_area=False)


def _gap(one: EstimandResult, power: ReplicateResults, r: int) -> tuple[float, bool]:
    """Largest difference in estimate, error, interval and p, relative where above 1, and whether both decide alike."""
    found = power.compared
    if one.status != "ok" or found.failed[r]:
        return 0.0, one.status != "ok" and bool(found.failed[r])
    scale = math.exp if found.ratio else float
    pairs = zip(
        (one.effect, one.standard_error, one.low, one.high, one.p),
        (scale(found.estimate[r]), found.standard_error[r], scale(found.low[r]), scale(found.high[r]), found.p[r]),
        strict=True,
    )
    said = " than " in one.conclusion or one.conclusion.startswith("non-inferiority shown")
    alike = one.hypothesis == Hypothesis.DESCRIPTIVE or said == bool(power.shown[r])
    return max(abs(a - b) / max(1.0, abs(b)) for a, b in pairs), alike


def type_one_error(replicates: int, truths: Sequence[Sequence[str]]) -> list[Outcome]:
    """Non-inferiority is shown as often as alpha where the true difference is the margin."""
    rows: list[Outcome] = []
    for names in truths:
        design, scenario, analyses, factors = _null(names)
        found = _characterise(design, scenario, analyses, factors, replicates)
        for analysis, one in zip(analyses, found, strict=True):
            rows += _judge(analysis, asdict(one))
    return rows


def _null(names: Sequence[str]) -> tuple[Design, Scenario, list[Analysis], dict[str, Any]]:
    """A design and a truth at which the first of some analyses has its margin as the true difference."""
    design, scenario = load_design("tacrolimus-everolimus")[0], load_scenario("israni_2013")
    analyses = [analysis for analysis in design.analyses if analysis.name in names]
    return design, scenario, analyses, find_null_factors(design, scenario, analyses[0], subjects=_REFERENCE)


def _judge(analysis: Analysis, found: Mapping[str, Any]) -> list[Outcome]:
    """Set the share of trials that show the hypothesis against alpha, and the mean estimate against the truth."""
    alpha, replicates = analysis.alpha, int(found["replicates"])
    error = math.sqrt(alpha * (1 - alpha) / replicates)
    # intervals of 200 a group are themselves approximate: half a point is allowed beyond Monte Carlo error
    holds = abs(found["shown_fraction"] - alpha) < STANDARD_ERRORS * error + 0.005
    said = f"{100 * found['shown_fraction']:.2f} % (MCSE {100 * found['shown_mcse']:.2f}) of {replicates} trials"
    claim = f"type I error of '{analysis.name}' at a true difference of the margin is {100 * alpha:g} %"
    biased = (
        f"bias {found['bias']:.5f} (MCSE {found['bias_mcse']:.5f}); coverage {100 * found['coverage_fraction']:.1f} %"
    )
    unbiased = abs(found["bias"]) < STANDARD_ERRORS * found["bias_mcse"]
    return [
        (claim, "alpha", said, holds),
        (f"the estimate of '{analysis.name}' is that of its estimand", "risks computed, not drawn", biased, unbiased),
    ]


def _characterise(
    design: Design, scenario: Scenario, analyses: Sequence[Analysis], factors: Mapping[str, Any], replicates: int
) -> tuple[Characteristics, ...]:
    reference = make_reference(design, scenario, subjects=_REFERENCE, factors=factors)
    chunks = run_replicates(
        design,
        scenario,
        replicates=replicates,
        analyses=[analysis.name for analysis in analyses],
        subjects=SUBJECTS,
        execution=Execution(seed=11, workers=_WORKERS),
        arm_factors=factors,
    )
    return summarise(design, chunks, {analysis.name: true_effect(reference, analysis) for analysis in analyses})[0]


def power(replicates: int) -> list[Outcome]:
    """Power of the risk difference is near the normal approximation with the true risks."""
    design, _ = load_design("tacrolimus-everolimus")
    analysis = next(a for a in design.analyses if a.name == "rejection, Newcombe")
    scenario = load_scenario("bouamar_2013")
    risks = true_risks(make_reference(design, scenario, subjects=_REFERENCE), analysis)
    (found,) = _characterise(design, scenario, [analysis], {}, replicates)
    if risks is None or analysis.margin is None:
        raise AssertionError(analysis.name)
    error = math.sqrt(sum(p * (1 - p) for p in risks) / (SUBJECTS / 2))
    expected = float(ndtr((analysis.margin.value - (risks[1] - risks[0])) / error - 1.959964))
    limit = STANDARD_ERRORS * found.shown_mcse + 0.02
    shown = f"{100 * found.shown_fraction:.1f} % (MCSE {100 * found.shown_mcse:.1f})"
    claim = f"power of non-inferiority with alpha {analysis.alpha:g} is that of its true risks"
    against = "normal approximation with risks computed from the hazards"
    holds = abs(found.shown_fraction - expected) < limit
    return [(claim, against, f"{shown}, approximation {100 * expected:.1f} %", holds)]


def million() -> list[Outcome]:
    """A million virtual patients in less than 4 GiB, and the type I error of what is about rejection on them."""
    begun = time.monotonic()
    done = subprocess.run([sys.executable, __file__, "--million"], capture_output=True, text=True, check=True)
    seconds, content = time.monotonic() - begun, json.loads(done.stdout.splitlines()[-1])
    gib = content["kib"] / 2**20
    claim = "a million virtual patients over 24 months fit in 4 GiB"
    said = f"{gib:.2f} GiB, {MILLION * SUBJECTS} patients in {seconds:.0f} s"
    rows: list[Outcome] = [(claim, f"peak memory of {_WORKERS} workers and their parent", said, gib < 4)]
    analyses = {analysis.name: analysis for analysis in load_design("tacrolimus-everolimus")[0].analyses}
    for found in content["found"]:
        rows += _judge(analyses[found["analysis"]], found)
    return rows


def simulate_million() -> None:
    """Simulate the million and print, as JSON, what it needed and what came out; in a process of its own."""
    design, scenario, analyses, factors = _null(_REJECTION)
    found = _characterise(design, scenario, analyses, factors, MILLION)
    own, others = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps({"kib": own + _WORKERS * others, "found": [asdict(one) for one in found]}))


def interrupted() -> list[Outcome]:
    """A run that is killed again and again gives the numbers of one that is not, for any number of workers."""
    with tempfile.TemporaryDirectory() as folder:
        whole = {}
        for workers in (1, 2, 8):
            out = Path(folder) / f"workers-{workers}"
            subprocess.run(_command(out, workers), check=True, capture_output=True)
            whole[workers] = _numbers(out)
        out, kills, generator = Path(folder) / "killed", 0, np.random.default_rng(1)
        while not (out / "result.json").is_file():
            kept = len(list(out.glob("parts/*.json")))
            process = subprocess.Popen(
                _command(out, 2), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
            )
            # it may go on until it has kept another chunk, and then a while
            while process.poll() is None and len(list(out.glob("parts/*.json"))) <= kept:
                time.sleep(0.02)
            time.sleep(float(generator.uniform(0, 1.5)))
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                kills += 1
            process.wait()
        same = all(one == whole[1] for one in (*whole.values(), _numbers(out)))
        said = f"{_INTERRUPTED} replicates with 1, 2 and 8 workers, and killed {kills} times: "
    claim = "kill -9 at any moment and any number of workers leave every number as it is"
    said += "all numbers equal" if same else "numbers differ"
    return [(claim, "an uninterrupted run with one worker", said, same and kills > 1)]


def _command(out: Path, workers: int) -> list[str]:
    words = ["trial", "power", "tacrolimus-everolimus", "--replicates", str(_INTERRUPTED), "--workers", str(workers)]
    return [sys.executable, "-m", "limus", *words, "--out", str(out), "--json"]


def _numbers(out: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((out / "result.json").read_text(encoding="utf-8"))
    return {name: content[name] for name in ("analyses", "endpoints", "allocation")}


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
    """Every row of the matrix; each part is said on standard error when it is done."""
    replicates = REPLICATES // 10 if quick else REPLICATES
    designs = ("tacrolimus-everolimus",) if quick else design_names()
    # on all subjects the million simulates what is about rejection
    truths = (_REJECTION, _FAILURE) if quick else (_FAILURE,)
    parts: list[Callable[[], list[Outcome]]] = [
        guessing,
        lambda: reported(designs, 2),
        lambda: type_one_error(replicates, truths),
        lambda: power(replicates),
    ]
    parts += [] if quick else [interrupted, million, calibrated]
    rows: list[Outcome] = []
    for part in parts:
        begun = time.monotonic()
        # whether it holds may be one of NumPy's, which JSON does not know
        found = [(*row[:3], None if row[3] is None else bool(row[3])) for row in part()]
        for claim, _, said, holds in found:
            print(f"{'holds' if holds else 'FAILS'}  {claim}: {said}", file=sys.stderr, flush=True)
        print(f"       {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
        rows += found
    return rows


def main() -> int:
    """Print the table; 1 where something fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--million", action="store_true", help="only simulate a million patients, for its memory")
    options = parser.parse_args()
    if options.million:
        simulate_million()
        return 0
    found = outcomes(quick=options.quick)
    for claim, against, result, holds in found:
        print(f"{'holds' if holds else 'FAILS'}  {claim} | {against} | {result}")
    print(f"peak memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    return 0 if all(row[3] for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
