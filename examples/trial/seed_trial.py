"""The seed document's trial, from its design to a report: tacrolimus-based against everolimus-based immunosuppression.

    python examples/trial/seed_trial.py [--subjects 400] [--seed 1] [--out seed_trial]

It does what ``limus trial run tacrolimus-everolimus --out seed_trial`` does, and prints the answers of the plan.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from limus.kernel.execution import Execution
from limus.workflows.trial.analysis.outcome import TrialOutcome
from limus.workflows.trial.run import TrialRunRequest, run


def main(arguments: Sequence[str] | None = None) -> TrialOutcome:
    """Run the trial and print what it says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario")
    parser.add_argument("--out", type=Path, default=Path("seed_trial"))
    options = parser.parse_args(arguments)
    request = TrialRunRequest(
        design="tacrolimus-everolimus", subjects=options.subjects, scenario=options.scenario, seed=options.seed
    )
    outcome = run(request, out=options.out, execution=Execution(seed=options.seed))
    flow = outcome.analysis.flow
    print(f"{flow.screened} screened, {flow.randomised} randomised, scenario {outcome.origin.scenario}")
    for one in outcome.analysis.estimands:
        if one.status != "ok":
            print(f"{one.name}: {one.status}, {one.warnings[-1]}")
            continue
        if one.effect != one.effect:  # a test without an effect
            print(f"{one.name}: {one.conclusion}, p {one.p:.3f}")
            continue
        scale, unit = (100.0, "points") if one.unit == "fraction" else (1.0, one.unit)
        ends = f"{scale * one.low:.1f} to {scale * one.high:.1f}"
        print(f"{one.name}: {scale * one.effect:.1f} {unit} ({ends}): {one.conclusion}")
    print(f"report: {outcome.report_html}")
    return outcome


if __name__ == "__main__":
    main(sys.argv[1:])
